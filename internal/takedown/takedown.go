// Package takedown is the desk that has content taken down: notices to platforms (DSA Art. 16), from a pasted link to the
// second look that finds it gone, and the watch after that.
//
// A notice hangs on a case file and is sealed under its keys. Its life is one table of moves. Three things come before it may
// go: the child was told what may happen and said yes, or a supervisor wrote why not; proof is kept; and where the ground asks
// for it, a second person has read it, and the police were asked about the timing. Its text is made of the ground and of what is
// to be seen at the address; it never says who told us.
//
// What was sent by machine and may have arrived is never sent again by itself: the notice is "unknown" until the remote's own
// list, or a person, says whether it is there. An accepted notice is no removal, so we look ourselves, twice, at different times,
// before we say that it is gone; and again after 7 and 30 days.
package takedown

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
	"vigie/internal/takedown/route"
	"vigie/internal/typed"
)

// State is where a notice stands.
type State string

// The states of a notice.
const (
	Draft        State = "draft"
	Ready        State = "ready"   // whoever has to read it has; it may go
	Sending      State = "sending" // a machine is at it
	Unknown      State = "unknown" // it may have arrived: nobody sends it again before that is known
	Submitted    State = "submitted"
	Acknowledged State = "acknowledged" // DSA Art. 16(4)
	Decided      State = "decided"      // DSA Art. 16(5)
	Removed      State = "removed"      // we looked twice, and it was gone
	Watching     State = "watching"     // it is looked for again after 7 and 30 days
	Reappeared   State = "reappeared"
	Closed       State = "closed"
	Withdrawn    State = "withdrawn" // before it was sent
)

// States are all of them, in the order of a notice's life.
var States = []State{Draft, Ready, Sending, Unknown, Submitted, Acknowledged, Decided, Removed, Watching, Reappeared, Closed, Withdrawn}

// Event is something that happens to a notice.
type Event string

// The events of a notice's life.
const (
	Approve     Event = "approve"     // it may go: its author says so, or the second reader where the ground asks for one
	Redraft     Event = "redraft"     // back to the author
	Withdraw    Event = "withdraw"    // the child changed her mind, or it was a mistake
	Send        Event = "send"        // a machine begins to send it
	Arrive      Event = "arrive"      // it was filed, by machine or by hand
	Refuse      Event = "refuse"      // nothing was filed
	Lose        Event = "lose"        // it may have arrived
	Return      Event = "return"      // its letter came back: nobody has it
	NotThere    Event = "not_there"   // an unknown one was looked for and did not arrive
	Acknowledge Event = "acknowledge" // the platform says that it has it
	Decide      Event = "decide"      // the platform decided
	FoundGone   Event = "found_gone"  // a second look found it gone again
	Watch       Event = "watch"
	Back        Event = "back"   // a look found it there again
	GoneAgain   Event = "gone"   // and gone again
	Finish      Event = "finish" // nothing more to do

	// What was drawn from a reply is taken back, to where the notice stood before it.
	RetractUnknown      Event = "retract_unknown"
	RetractSubmitted    Event = "retract_submitted"
	RetractAcknowledged Event = "retract_acknowledged"
	RetractDecided      Event = "retract_decided"
)

// Moves is the one table of what may happen to a notice.
var Moves = map[State]map[Event]State{
	Draft:        {Approve: Ready, Withdraw: Withdrawn},
	Ready:        {Redraft: Draft, Send: Sending, Arrive: Submitted, Withdraw: Withdrawn},
	Sending:      {Arrive: Submitted, Refuse: Ready, Lose: Unknown},
	Unknown:      {Arrive: Submitted, NotThere: Ready, Finish: Closed},
	Submitted:    {Return: Ready, Acknowledge: Acknowledged, Decide: Decided, FoundGone: Removed, Finish: Closed},
	Acknowledged: {Decide: Decided, FoundGone: Removed, Finish: Closed, RetractUnknown: Unknown, RetractSubmitted: Submitted},
	Decided: {Decide: Decided, FoundGone: Removed, Finish: Closed,
		RetractUnknown: Unknown, RetractSubmitted: Submitted, RetractAcknowledged: Acknowledged, RetractDecided: Decided},
	Removed:    {Watch: Watching, Back: Reappeared, Finish: Closed},
	Watching:   {Back: Reappeared, Finish: Closed},
	Reappeared: {GoneAgain: Watching, Finish: Closed},
}

// The actions that a platform may have taken (DSA Transparency Database, DECISION_…), and ours for none.
var Actions = []string{"removed", "disabled", "demoted", "age_restricted", "labelled", "account_suspended", "account_terminated", "no_action"}

// Notice is one notice: what is in clear, and what was sealed of it. Times are Unix milliseconds, 0 for "not yet".
type Notice struct {
	ID, FileID string
	Number     int64
	State      State
	Rev        int64
	// Platform is a code of the catalogue, "" for a host that it does not know; Kind what the address leads to.
	Platform, Kind string
	Ground         string
	Route          string
	Minor          bool
	// Consent is "yes" when the child said so, "overridden" when a supervisor wrote why not, "" for neither yet.
	Consent, ConsentBy string
	// Police is "asked" when the police were asked about the timing, "not_needed" when somebody said so, "" for neither.
	Police                             string
	DraftedAt                          int64
	DraftedBy                          string
	ReviewedBy                         string
	ReviewedAt, TriedAt                int64
	SubmittedAt                        int64
	SubmittedBy                        string
	AcknowledgedAt, DecidedAt          int64
	Action                             string
	GoneAt, RemovedAt, ReappearedAt    int64
	RemindedAt, DueAt, CheckAt, Closed int64
	Escalated                          string
	Content                            Content

	keyID  string
	sealed []byte
}

// Content is what is sealed of a notice.
type Content struct {
	// Addresses are the exact locations (Art. 16(2)(b)), in normal form; Account whose, Item which.
	Addresses []string `json:"addresses"`
	Account   string   `json:"account,omitempty"`
	Item      string   `json:"item,omitempty"`
	Host      string   `json:"host,omitempty"`
	// Seen is when somebody saw it there; Facts what is to be seen, in neutral words.
	Seen  string `json:"seen,omitempty"`
	Facts string `json:"facts,omitempty"`
	// Statement is the statement of reasons (Art. 16(2)(a)), made of the ground and the facts until somebody rewrites it.
	Statement string `json:"statement,omitempty"`
	Lang      string `json:"lang,omitempty"`
	// Withhold leaves out our name and e-mail (Art. 16(2)(c)), where the ground allows it.
	Withhold bool `json:"withhold,omitempty"`
	// Why is a supervisor's reason to go without the child's yes.
	Why string `json:"why,omitempty"`
	// Reference is what the platform calls it; Said what it answered; Trouble the key of the sentence of a sending that failed.
	Reference string `json:"reference,omitempty"`
	Said      string `json:"said,omitempty"`
	Trouble   string `json:"trouble,omitempty"`
	// Mark is the one that it was sent with by machine, "" before that, and for what was sent before marks were kept.
	Mark string `json:"mark,omitempty"`
	// Found is what the network's API calls it; Fate and FateSaid are what that API said of the report, and are no decision.
	Found    route.Found `json:"found,omitzero"`
	Fate     route.State `json:"fate,omitempty"`
	FateSaid string      `json:"fate_said,omitempty"`
	// TroubleOf are the names and values of that sentence.
	TroubleOf []string `json:"trouble_of,omitempty"`
}

// Check is one look at whether the content is still there.
type Check struct {
	ID, NoticeID string
	At           int64
	// Found is "gone", "there" or "unsure", Why a code (fetch.Why, or "looked" by a person).
	Found, Why string
	StaffID    string
}

// Pages looks at foreign pages (fetch.Fetcher does).
type Pages interface {
	Look(ctx context.Context, address string, scope fetch.Scope, mode fetch.Mode) fetch.Result
}

// Remote opens the API of a route ("mastodon") for one log-in, whose server is in it.
type Remote func(via string, c route.Credentials) (route.Route, error)

// Options are what the room works with.
type Options struct {
	DB    *store.DB
	Keys  *seal.Keeper
	Audit *audit.Log
	Bus   *bus.Bus
	Files *casefile.Files
	Jobs  *jobs.Jobs
	Pages Pages
	// Remote opens the API of a route; nil sends nothing by machine.
	Remote Remote
	// Mail is the helpline's e-mail; nil has letters copied by hand and reads no answers.
	Mail *Mail
	// Apart is how long two looks that find it gone lie apart at least; 0 is three hours.
	Apart     time.Duration
	Catalogue func() *catalogue.Set
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Takedown is the room. It is safe for concurrent use.
type Takedown struct {
	db        *store.DB
	keys      *seal.Keeper
	log       *audit.Log
	bus       *bus.Bus
	files     *casefile.Files
	pages     Pages
	catalogue func() *catalogue.Set
	now       func() time.Time
	slog      *slog.Logger
	checks    *jobs.Kind[checkArgs]
	sends     *jobs.Kind[checkArgs]
	remote    Remote
	mail      *Mail
	reads     *jobs.Kind[readArgs]
	steps     *jobs.Kind[letterArgs]
	forgets   *jobs.Kind[readArgs]
	apart     time.Duration
	ports     []uint16
	markKey   []byte // by which marks and Message-IDs are made
}

// Ports lets pages be looked at on other ports than 80 and 443: for the demonstration's pretend network and for tests. Call it
// while wiring.
func (t *Takedown) Ports(ports ...uint16) { t.ports = ports }

// New opens the room. Its jobs are worked once jobs.Run is called.
func New(o Options) *Takedown {
	t := &Takedown{db: o.DB, keys: o.Keys, log: o.Audit, bus: o.Bus, files: o.Files, pages: o.Pages, remote: o.Remote, mail: o.Mail, apart: o.Apart, catalogue: o.Catalogue, now: o.Now, slog: o.Log}
	if t.now == nil {
		t.now = time.Now
	}
	if t.slog == nil {
		t.slog = slog.Default()
	}
	if t.apart == 0 {
		t.apart = apart
	}
	t.checks = jobs.Register(o.Jobs, "takedown.check", jobs.Rules{}, t.check)
	t.sends = jobs.Register(o.Jobs, "takedown.send", jobs.Rules{}, t.send)
	t.reads = jobs.Register(o.Jobs, "takedown.replies", jobs.Rules{AtOnce: 1}, t.read)
	t.steps = jobs.Register(o.Jobs, "takedown.letter", jobs.Rules{}, t.postStep)
	t.forgets = jobs.Register(o.Jobs, "takedown.forget", jobs.Rules{AtOnce: 1}, t.forget)
	t.files.OnMerge(t.merged)
	t.markKey = t.keys.Derive("takedown-mark")
	t.files.OnArchive(t.busy)
	return t
}

// Logbook is the room with nothing but its log-ins (SetLogin, Logins): for the operator's commands.
func Logbook(o Options) *Takedown {
	return &Takedown{db: o.DB, keys: o.Keys, log: o.Audit, now: time.Now}
}

const (
	maxStatement = 4000 // DSA: decision_facts 5,000; most forms take less
	maxFacts     = 2000
	maxAddresses = 200
)

// Drafting is a notice as somebody writes it.
type Drafting struct {
	ID, FileID     string // the notice's id is made by the client
	Platform, Kind string
	Ground, Route  string
	Minor          bool
	Content        Content
}

// Begin writes the draft of a notice. Sent again, it changes nothing. It returns fault.Invalid "fault.takedown.address" without
// an address, "fault.takedown.many" for more than 200 of them, "fault.takedown.ground" for a ground that does not exist or does
// not fit, "fault.takedown.long"; fault.Conflict "fault.case.not_open" for a file that is closed.
func (t *Takedown) Begin(ctx context.Context, d Drafting, by audit.Actor) error {
	if !store.IsID(d.ID) {
		return fault.New(fault.Invalid, "fault.case.id")
	}
	if err := t.sound(&d); err != nil {
		return err
	}
	return t.files.Write(ctx, d.FileID, func(tx *store.Tx, file casefile.File, key *seal.Key) error {
		plain, err := json.Marshal(d.Content)
		if err != nil {
			return err
		}
		now := store.Millis(t.now())
		n, err := tx.Exec(ctx, `INSERT INTO takedown_notice (id, file_id, key_id, number, state, platform, kind, ground, route, minor, drafted_at, drafted_by, due_at, content_sealed)
			VALUES ($1, $2, $3, (SELECT coalesce(max(number), 0) + 1 FROM takedown_notice WHERE file_id = $2), 'draft', $4, $5, $6, $7, $8, $9, $10, $9, $11) ON CONFLICT (id) DO NOTHING`,
			d.ID, d.FileID, key.ID(), d.Platform, d.Kind, d.Ground, d.Route, d.Minor, now, by.ID, key.Seal(contentField(d.ID), plain)) // whole only once the child said yes
		if err != nil || n == 0 {
			return err
		}
		return t.happened(ctx, tx, Notice{ID: d.ID, FileID: file.ID}, by, "notice_drafted", d.Platform)
	})
}

// Rewrite changes a draft. rev is the one its writer saw: fault.Conflict "fault.takedown.changed" when somebody wrote meanwhile,
// or when it is no draft any more. Otherwise as Begin.
func (t *Takedown) Rewrite(ctx context.Context, d Drafting, rev int64, by audit.Actor) error {
	if err := t.sound(&d); err != nil {
		return err
	}
	return t.files.Write(ctx, d.FileID, func(tx *store.Tx, _ casefile.File, key *seal.Key) error {
		before, err := t.get(ctx, tx, d.ID)
		if err != nil {
			return err
		}
		if before.State != Draft || before.Rev != rev {
			return changed()
		}
		d.Content.Why = before.Content.Why
		after := before
		after.Ground, after.Content = d.Ground, d.Content
		plain, err := json.Marshal(d.Content)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE takedown_notice SET platform = $3, kind = $4, ground = $5, route = $6, minor = $7, key_id = $8, content_sealed = $9, whole = $10, rev = rev + 1
			WHERE id = $1 AND rev = $2 AND state = 'draft'`, d.ID, rev, d.Platform, d.Kind, d.Ground, d.Route, d.Minor, key.ID(), key.Seal(contentField(d.ID), plain), t.whole(after))
		if err == nil && n == 0 {
			err = changed()
		}
		return err
	})
}

func changed() error { return fault.New(fault.Conflict, "fault.takedown.changed") }

// sound refuses what cannot be, and makes the statement where nobody has written one.
func (t *Takedown) sound(d *Drafting) error {
	set := t.catalogue()
	c := &d.Content
	switch {
	case len(c.Addresses) == 0:
		return fault.New(fault.Invalid, "fault.takedown.address")
	case len(c.Addresses) > maxAddresses:
		return fault.New(fault.Invalid, "fault.takedown.many", "max", maxAddresses)
	}
	ground, ok := set.Grounds.ByCode(d.Ground)
	if !ok || !ground.Fits(d.Minor) {
		return fault.New(fault.Invalid, "fault.takedown.ground")
	}
	if platform, known := set.Platforms.ByCode(d.Platform); d.Platform != "" && (!known || !platform.Takes(d.Ground)) {
		return fault.New(fault.Invalid, "fault.takedown.ground")
	}
	if c.Lang == "" {
		c.Lang = "fr"
	}
	c.Seen, c.Facts, c.Statement = typed.Line(c.Seen), typed.Text(c.Facts), typed.Text(c.Statement)
	if utf8.RuneCountInString(c.Facts) > maxFacts {
		return fault.New(fault.Invalid, "fault.takedown.long", "max", maxFacts)
	}
	if c.Statement == "" {
		c.Statement = t.statement(*d)
	}
	if utf8.RuneCountInString(c.Statement) > maxStatement {
		return fault.New(fault.Invalid, "fault.takedown.long", "max", maxStatement)
	}
	c.Withhold = c.Withhold && ground.MayWithhold()
	return nil
}

// statement is the statement of reasons that the ground and the facts make.
func (t *Takedown) statement(d Drafting) string {
	set := t.catalogue()
	ground, ok := set.Grounds.ByCode(d.Ground)
	if !ok {
		return ""
	}
	text, _ := set.Statement(ground, d.Content.Lang, d.Minor, map[string]string{
		catalogue.PlaceAddress: strings.Join(d.Content.Addresses, ", "), catalogue.PlaceAccount: d.Content.Account,
		catalogue.PlaceSeen: d.Content.Seen, catalogue.PlaceFacts: d.Content.Facts,
	})
	return text
}

// Lacks says what a notice lacks before it may go, as codes ("consent", "seen", "facts", "police", "proof"); none when it is
// whole. proof is how much evidence its file keeps.
func (t *Takedown) Lacks(n Notice, proof int) []string {
	set := t.catalogue()
	ground, _ := set.Grounds.ByCode(n.Ground)
	var lacks []string
	add := func(code string, missing bool) {
		if missing {
			lacks = append(lacks, code)
		}
	}
	add("consent", n.Consent == "")
	add("seen", n.Content.Seen == "")
	add("facts", n.Content.Facts == "" && !t.Written(n))
	add("police", len(ground.PoliceFirst) > 0 && n.Police == "")
	add("proof", proof == 0)
	return lacks
}

// whole says that nothing is missing from what is written in a notice. Whether its file keeps proof is asked when it is approved.
func (t *Takedown) whole(n Notice) bool { return len(t.Lacks(n, 1)) == 0 }

// Written says whether somebody wrote the statement of a notice, or changed the one that was made.
func (t *Takedown) Written(n Notice) bool { return n.Content.Statement != t.statement(n.drafting()) }

func (n Notice) drafting() Drafting {
	return Drafting{ID: n.ID, FileID: n.FileID, Platform: n.Platform, Kind: n.Kind, Ground: n.Ground, Route: n.Route, Minor: n.Minor, Content: n.Content}
}

// Consented writes that the child was told what may happen and said yes; or, with overrides, why a supervisor goes without it.
// It returns fault.Invalid "fault.takedown.why" for an override without a reason.
func (t *Takedown) Consented(ctx context.Context, id, overrides string, by audit.Actor) error {
	overrides = typed.Text(overrides)
	if overrides != "" && utf8.RuneCountInString(overrides) < 10 {
		return fault.New(fault.Invalid, "fault.takedown.why")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		if n.State != Draft && n.State != Ready {
			return changed()
		}
		n.Consent, n.ConsentBy, n.Content.Why = "yes", by.ID, ""
		what := "notice_consent"
		if overrides != "" {
			n.Consent, n.Content.Why, what = "overridden", overrides, "notice_overridden"
		}
		return t.happened(ctx, tx, *n, by, what, "")
	})
}

// AskedPolice writes that the police were asked about the timing, or that it was not needed.
func (t *Takedown) AskedPolice(ctx context.Context, id string, asked bool, by audit.Actor) error {
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		n.Police = "not_needed"
		if asked {
			n.Police = "asked"
		}
		return t.happened(ctx, tx, *n, by, "notice_police", n.Police)
	})
}

// SecondReader says whether a ground asks for a second person.
func (t *Takedown) SecondReader(ground string) bool {
	g, ok := t.catalogue().Grounds.ByCode(ground)
	return ok && g.SecondReader
}

// ApproveNotice says that a notice may go. Where the ground asks for a second reader it is somebody else than who drafted it:
// fault.Forbidden "fault.takedown.second". It returns fault.Invalid "fault.takedown.lacks" while something is missing.
func (t *Takedown) ApproveNotice(ctx context.Context, id string, proof int, by audit.Actor) error {
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		if len(t.Lacks(*n, proof)) > 0 {
			return fault.New(fault.Invalid, "fault.takedown.lacks")
		}
		if t.SecondReader(n.Ground) && by.ID == n.DraftedBy {
			return fault.New(fault.Forbidden, "fault.takedown.second")
		}
		n.ReviewedBy, n.ReviewedAt = by.ID, store.Millis(t.now())
		return t.move(ctx, tx, n, Approve, by, "")
	})
}

// Filed writes that a notice was filed by hand, with the platform's reference ("" where it gives none).
func (t *Takedown) Filed(ctx context.Context, id, route, reference string, by audit.Actor) error {
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		n.Route, n.Content.Reference = route, typed.Line(reference)
		return t.arrived(ctx, tx, n, by)
	})
}

func (t *Takedown) arrived(ctx context.Context, tx *store.Tx, n *Notice, by audit.Actor) error {
	now := t.now()
	clock := t.catalogue().Platforms.ClockOf(n.Platform)
	n.SubmittedAt, n.SubmittedBy, n.Content.Trouble = store.Millis(now), by.ID, ""
	n.DueAt = store.Millis(now.Add(time.Duration(clock.RemindHours) * time.Hour))
	if err := t.move(ctx, tx, n, Arrive, by, n.Route); err != nil {
		return err
	}
	return t.checkAgain(ctx, tx, n, firstCheck)
}

// Answered writes what a platform said: that it has the notice (action ""), or what it decided, one of Actions. It returns
// fault.Invalid "fault.takedown.action" for another.
func (t *Takedown) Answered(ctx context.Context, id, action, said string, by audit.Actor) error {
	if action != "" && !slices.Contains(Actions, action) {
		return fault.New(fault.Invalid, "fault.takedown.action")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error { return t.answered(ctx, tx, n, action, said, by) })
}

func (t *Takedown) answered(ctx context.Context, tx *store.Tx, n *Notice, action, said string, by audit.Actor) error {
	now := store.Millis(t.now())
	if said = typed.Text(said); said != "" {
		n.Content.Said = said
	}
	if action == "" {
		n.AcknowledgedAt = now
		return t.move(ctx, tx, n, Acknowledge, by, "")
	}
	if n.AcknowledgedAt == 0 {
		n.AcknowledgedAt = now
	}
	n.Action, n.DecidedAt = action, now
	clock := t.catalogue().Platforms.ClockOf(n.Platform)
	n.DueAt = store.Millis(t.now().Add(time.Duration(clock.EscalateHours) * time.Hour))
	if err := t.move(ctx, tx, n, Decide, by, action); err != nil {
		return err
	}
	return t.checkAgain(ctx, tx, n, soon)
}

// Escalations are the steps after a notice that came to nothing, in their order.
var Escalations = []string{"reminder", "contact", "art20", "art21", "arcom"}

// Escalate writes that somebody went a step higher.
func (t *Takedown) Escalate(ctx context.Context, id, step string, by audit.Actor) error {
	if !slices.Contains(Escalations, step) {
		return fault.New(fault.Invalid, "fault.takedown.step")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		if n.SubmittedAt == 0 || n.State == Closed {
			return changed()
		}
		clock := t.catalogue().Platforms.ClockOf(n.Platform)
		n.Escalated, n.RemindedAt = step, store.Millis(t.now())
		n.DueAt = store.Millis(t.now().Add(time.Duration(clock.EscalateHours) * time.Hour))
		return t.happened(ctx, tx, *n, by, "notice_escalated", step)
	})
}

// Art20Until is until when we may complain of a decision: six months from being told (DSA Art. 20(1)); zero for no decision.
func (n Notice) Art20Until() time.Time {
	if n.DecidedAt == 0 {
		return time.Time{}
	}
	return store.Time(n.DecidedAt).AddDate(0, 6, 0)
}

// Move has a person move a notice by an event that needs nothing else: Redraft, Withdraw, NotThere, Finish.
func (t *Takedown) Move(ctx context.Context, id string, ev Event, by audit.Actor) error {
	if !slices.Contains([]Event{Redraft, Withdraw, NotThere, Finish}, ev) {
		return fault.New(fault.Invalid, "fault.takedown.step")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		if ev == Finish || ev == Withdraw {
			n.DueAt, n.CheckAt, n.Closed = 0, 0, store.Millis(t.now())
		}
		return t.move(ctx, tx, n, ev, by, "")
	})
}

// move changes a notice's state by the table of moves.
func (t *Takedown) move(ctx context.Context, tx *store.Tx, n *Notice, ev Event, by audit.Actor, code string) error {
	to, ok := Moves[n.State][ev]
	if !ok {
		return changed()
	}
	n.State = to
	if err := t.letterFollows(ctx, tx, n, ev); err != nil {
		return err
	}
	return t.happened(ctx, tx, *n, by, "notice_"+string(ev), code)
}

func (t *Takedown) happened(ctx context.Context, tx *store.Tx, n Notice, by audit.Actor, kind, code string) error {
	if err := t.files.Happened(ctx, tx, n.FileID, by, kind, n.ID, code); err != nil {
		return err
	}
	tx.AfterCommit(func() { t.bus.Publish("takedown", []byte("{}")) })
	detail := map[string]string{"case": n.FileID}
	if code != "" {
		detail["code"] = code
	}
	return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown." + strings.TrimPrefix(kind, "notice_"), Object: "notice", ObjectID: n.ID, Detail: detail})
}

// change has fn change a notice, and writes it with its rev: a second change at once is tried again on the newer one.
func (t *Takedown) change(ctx context.Context, id string, fn func(tx *store.Tx, n *Notice) error) error {
	before, err := t.Notice(ctx, id)
	if err != nil {
		return err
	}
	key, err := t.keys.Key(ctx, before.keyID)
	if err != nil {
		return err
	}
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := t.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if n.keyID != before.keyID {
			return changed()
		}
		rev := n.Rev
		if err := fn(tx, &n); err != nil {
			return err
		}
		plain, err := json.Marshal(n.Content)
		if err != nil {
			return err
		}
		wrote, err := tx.Exec(ctx, updateNotice, id, rev, string(n.State), n.Route, n.Consent, n.ConsentBy, n.Police, n.ReviewedBy, n.ReviewedAt, n.TriedAt, n.SubmittedAt, n.SubmittedBy,
			n.AcknowledgedAt, n.DecidedAt, n.Action, n.GoneAt, n.RemovedAt, n.ReappearedAt, n.RemindedAt, n.Escalated, n.DueAt, n.CheckAt, n.Closed, key.Seal(contentField(id), plain), t.whole(n))
		if err == nil && wrote == 0 {
			err = changed()
		}
		return err
	})
}

const updateNotice = `UPDATE takedown_notice SET rev = rev + 1, state = $3, route = $4, consent = $5, consent_by = $6, police = $7, reviewed_by = $8, reviewed_at = $9, tried_at = $10,
	submitted_at = $11, submitted_by = $12, acknowledged_at = $13, decided_at = $14, action = $15, gone_at = $16, removed_at = $17, reappeared_at = $18, reminded_at = $19, escalated = $20,
	due_at = $21, check_at = $22, closed_at = $23, content_sealed = $24, whole = $25 WHERE id = $1 AND rev = $2`

func contentField(id string) seal.Field {
	return seal.Field{Table: "takedown_notice", Column: "content_sealed", Row: id, Version: 1}
}

const selectNotice = `SELECT id, file_id, key_id, number, state, rev, platform, kind, ground, route, minor, consent, consent_by, police, drafted_at, drafted_by, reviewed_by, reviewed_at, tried_at,
	submitted_at, submitted_by, acknowledged_at, decided_at, action, gone_at, removed_at, reappeared_at, reminded_at, escalated, due_at, check_at, closed_at, content_sealed FROM takedown_notice`

func scanNotice(r store.Row) (n Notice, err error) {
	return n, r.Scan(&n.ID, &n.FileID, &n.keyID, &n.Number, &n.State, &n.Rev, &n.Platform, &n.Kind, &n.Ground, &n.Route, &n.Minor, &n.Consent, &n.ConsentBy, &n.Police, &n.DraftedAt, &n.DraftedBy,
		&n.ReviewedBy, &n.ReviewedAt, &n.TriedAt, &n.SubmittedAt, &n.SubmittedBy, &n.AcknowledgedAt, &n.DecidedAt, &n.Action, &n.GoneAt, &n.RemovedAt, &n.ReappearedAt, &n.RemindedAt, &n.Escalated,
		&n.DueAt, &n.CheckAt, &n.Closed, &n.sealed)
}

// Notice returns one. It returns fault.NotFound "fault.takedown.unknown" when there is none.
func (t *Takedown) Notice(ctx context.Context, id string) (Notice, error) {
	return t.get(ctx, t.db, id)
}

func (t *Takedown) get(ctx context.Context, q store.Querier, id string) (Notice, error) {
	n, err := store.One(ctx, q, scanNotice, selectNotice+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return Notice{}, fault.New(fault.NotFound, "fault.takedown.unknown")
	}
	if err != nil {
		return Notice{}, err
	}
	return n, t.unseal(ctx, &n)
}

func (t *Takedown) unseal(ctx context.Context, n *Notice) error {
	key, err := t.keys.Key(ctx, n.keyID)
	if err != nil {
		return err
	}
	plain, err := key.Open(contentField(n.ID), n.sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, &n.Content)
}

// Of returns the notices of a file, by number.
func (t *Takedown) Of(ctx context.Context, fileID string) ([]Notice, error) {
	return t.list(ctx, selectNotice+` WHERE file_id = $1 ORDER BY number`, fileID)
}

func (t *Takedown) list(ctx context.Context, query string, args ...any) ([]Notice, error) {
	all, err := store.All(ctx, t.db, scanNotice, query, args...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := t.unseal(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// busy says whether a file has notices that are not over, a watch that runs or an answer that nobody has read.
func (t *Takedown) busy(ctx context.Context, q store.Querier, fileID string) (bool, error) {
	n, err := store.One(ctx, q, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM takedown_notice WHERE file_id = $1 AND (state NOT IN ('closed', 'withdrawn')
		OR id IN (SELECT notice_id FROM takedown_reply WHERE state = 'waits'))`, fileID)
	return n > 0, err
}

// merged moves the notices of a file that was merged, with numbers after those that are there.
func (t *Takedown) merged(ctx context.Context, tx *store.Tx, from, into string) error {
	_, err := tx.Exec(ctx, `UPDATE takedown_notice SET number = number + (SELECT coalesce(max(number), 0) FROM takedown_notice WHERE file_id = $2), file_id = $2 WHERE file_id = $1`, from, into)
	return err
}
