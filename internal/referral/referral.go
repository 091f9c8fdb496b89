// Package referral is what is handed on: to child protection, the police, a prosecutor, a school, another helpline. Who they
// are, what each has to be told, on which ground and with whose consent is data (catalogue.Partners); this room keeps one
// referral from its draft to the day the partner has it, and who decided what on the way.
//
// Imminent danger never waits for a form: the call comes first, is written down in a line, and the paper follows with a
// deadline. Before anything else is sent the child hears what is sent, to whom, and whether her parents will know, unless
// danger forbids, and then why is written down. No school is told without her agreement. Deciding not to refer is a
// decision too: somebody else reads it.
//
// Deadlines are tasks of the case file, written in the transaction of the act, so that they are where everything else that
// is to be done is, and a file is not closed over them.
package referral

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/spoken"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// State is where a referral stands.
type State string

// The states of a referral.
const (
	Draft        State = "draft"
	Decided      State = "decided"   // to be sent
	Declined     State = "declined"  // decided not to refer; somebody else has to read it
	Confirmed    State = "confirmed" // not referred, and a second reader agrees
	Sent         State = "sent"
	Acknowledged State = "acknowledged" // the partner has it
	Closed       State = "closed"
	Withdrawn    State = "withdrawn" // given up before it was sent
)

// States are all of them.
var States = []State{Draft, Decided, Declined, Confirmed, Sent, Acknowledged, Closed, Withdrawn}

// Event is what happens to a referral.
type Event string

// The events of a referral.
const (
	EventSave        Event = "save"
	EventCall        Event = "call" // the emergency call was made; the paper follows
	EventDecide      Event = "decide"
	EventDecline     Event = "decline"
	EventConfirm     Event = "confirm"
	EventReturn      Event = "return" // the second reader disagrees
	EventSend        Event = "send"
	EventChase       Event = "chase" // asked again
	EventAgain       Event = "again" // it did not arrive: it is to be sent once more
	EventAcknowledge Event = "acknowledge"
	EventClose       Event = "close"
	EventWithdraw    Event = "withdraw"
	EventPost        Event = "post"   // it is on its way to our mail server
	EventLose        Event = "lose"   // nobody knows whether the letter left
	EventRefuse      Event = "refuse" // our mail server does not take it
	EventUnsent      Event = "unsent" // the letter was taken back, or did not arrive
)

// Events are all of them.
var Events = []Event{EventSave, EventCall, EventDecide, EventDecline, EventConfirm, EventReturn, EventSend, EventChase, EventAgain, EventAcknowledge, EventClose, EventWithdraw, EventPost, EventLose, EventRefuse, EventUnsent}

// moves is the one table of what may happen to a referral.
var moves = map[State]map[Event]State{
	Draft: {EventSave: Draft, EventCall: Draft, EventDecide: Decided, EventDecline: Declined, EventWithdraw: Withdrawn},
	Decided: {EventSave: Decided, EventCall: Decided, EventSend: Sent, EventWithdraw: Withdrawn,
		EventPost: Decided, EventLose: Decided, EventRefuse: Decided, EventUnsent: Decided},
	Declined:     {EventConfirm: Confirmed, EventReturn: Draft},
	Sent:         {EventChase: Sent, EventAgain: Decided, EventAcknowledge: Acknowledged, EventClose: Closed},
	Acknowledged: {EventClose: Closed},
}

// May says whether an event may happen in a state.
func (s State) May(ev Event) bool { _, ok := moves[s][ev]; return ok }

// The answers to whether the person agrees.
const (
	ConsentYes        = "yes"
	ConsentNo         = "no"
	ConsentNotAsked   = "not_asked"
	ConsentOverridden = "overridden" // she said no, and danger outweighs it
)

// Consents are all of them.
var Consents = []string{ConsentYes, ConsentNo, ConsentNotAsked, ConsentOverridden}

// Referral is one: what is in clear, and what was sealed of it. Times are Unix milliseconds, 0 for "not yet".
type Referral struct {
	ID, FileID string
	Rev        int64
	State      State
	StateSince int64
	// Partner is its code in the catalogue, Channel how it was sent ("call", "link"…).
	Partner, Channel string
	Consent          string
	MadeAt           int64
	MadeBy           string
	CalledAt         int64
	DecidedAt        int64
	DecidedBy        string
	ReadAt           int64
	ReadBy           string
	SentAt           int64
	SentBy           string
	AcknowledgedAt   int64
	// SendDue is when it has to be gone, ChaseDue when we ask again.
	SendDue, ChaseDue int64
	Chases            int64
	Content           Content

	keyID, receipt      string
	lastEvent           Event
	lastBy              string
	sendTask, chaseTask string
	sealed              []byte
}

// Content is what is sealed of a referral.
type Content struct {
	Paper
	Call Call `json:"call,omitzero"`
	// To is who was spoken with or where it was handed in, Reference what the partner gave for it.
	To        string `json:"to,omitempty"`
	Reference string `json:"reference,omitempty"`
	// Fetched is who fetched the envelope, as they said.
	Fetched string `json:"fetched,omitempty"`
	// Read is the second reader's word, Outcome what became of it.
	Read    string `json:"read,omitempty"`
	Outcome string `json:"outcome,omitempty"`
}

// Paper is what is written before anything is decided.
type Paper struct {
	// Fields are what the partner is told, by the field's code; of a group that repeats, the second one has "#2" behind.
	Fields  map[string]string `json:"fields,omitempty"`
	Consent string            `json:"consent,omitempty"`
	// Why says why she was not asked, or why her no is overridden.
	Why string `json:"why,omitempty"`
	// Told is what she was told before: what is sent, to whom, whether her parents will know. Untold is why she was not.
	Told   string `json:"told,omitempty"`
	Untold string `json:"untold,omitempty"`
	// Ground is why it is handed on, or why it is not.
	Ground string `json:"ground,omitempty"`
}

// Call is an emergency call that came before the paper.
type Call struct {
	Number string `json:"number,omitempty"` // "17"
	Who    string `json:"who,omitempty"`    // who answered
	At     int64  `json:"at,omitempty"`
}

// Receipt is the code by which partner and helpline speak of it: "R-7K4M-29".
func (r Referral) Receipt() string {
	if len(r.receipt) != 7 {
		return ""
	}
	return r.receipt[:1] + "-" + r.receipt[1:5] + "-" + r.receipt[5:]
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Keys      *seal.Keeper
	Audit     *audit.Log
	Files     *casefile.Files
	Catalogue func() *catalogue.Set
	// Say is the sentence of a key in a language: for tasks and for what a partner reads.
	Say func(lang, key string, args ...any) string
	// Post has sealed e-mails sent, as a job of Jobs, by Helpline, as partners know it; nil sends none.
	Post     Post
	Jobs     *jobs.Jobs
	Helpline string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Referrals is the room. It is safe for concurrent use.
type Referrals struct {
	db        *store.DB
	keys      *seal.Keeper
	log       *audit.Log
	files     *casefile.Files
	catalogue func() *catalogue.Set
	say       func(lang, key string, args ...any) string
	now       func() time.Time
	mail      Post
	posts     *jobs.Kind[postArgs]
	helpline  string
}

// New opens the room.
func New(o Options) *Referrals {
	r := &Referrals{db: o.DB, keys: o.Keys, log: o.Audit, files: o.Files, catalogue: o.Catalogue, say: o.Say, now: o.Now, mail: o.Post, helpline: o.Helpline}
	if r.now == nil {
		r.now = time.Now
	}
	r.files.OnMerge(func(ctx context.Context, tx *store.Tx, from, into string) error {
		_, err := tx.Exec(ctx, `UPDATE referral SET file_id = $2 WHERE file_id = $1`, from, into)
		return err
	})
	if r.mail != nil {
		r.posts = jobs.Register(o.Jobs, "referral.mail", postRules, r.post)
	}
	r.files.OnArchive(r.busy)
	return r
}

// busy says whether a file has referrals that are not gone, not answered, or not read by a second person.
func (r *Referrals) busy(ctx context.Context, q store.Querier, fileID string) (bool, error) {
	n, err := store.One(ctx, q, scanInt, `SELECT count(*) FROM referral WHERE file_id = $1 AND state IN ('draft', 'decided', 'declined', 'sent')`, fileID)
	return n > 0, err
}

// lang is the language of tasks and papers: that of the helpline's partners.
const lang = "fr"

const (
	maxText = 8000
	// paperAfter is how long the paper may take after an emergency call, where the partner's own time is "now".
	paperAfter = 24 * time.Hour
	// readWithin is how long a decision not to refer waits for its second reader.
	readWithin = 48 * time.Hour
)

// Open writes a new draft for a partner. id is made by the client: sent again, it changes nothing. It returns fault.Invalid
// "fault.referral.partner" for a partner that is not in the catalogue, and fault.Conflict "fault.case.not_open".
func (r *Referrals) Open(ctx context.Context, fileID, id, partner string, p Paper, by audit.Actor) error {
	if recipient, ok := r.catalogue().Partners.ByCode(partner); !ok || recipient.Retired {
		return fault.New(fault.Invalid, "fault.referral.partner")
	}
	p, err := p.tidy()
	if err != nil {
		return err
	}
	plain, err := json.Marshal(Content{Paper: p})
	if err != nil {
		return err
	}
	return r.files.Write(ctx, fileID, func(tx *store.Tx, file casefile.File, key *seal.Key) error {
		have, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM referral WHERE id = $1`, id)
		if err != nil || have > 0 {
			return err
		}
		now := store.Millis(r.now())
		const tries = 20 // of 34 million receipts
		for range tries {
			n, err := tx.Exec(ctx, `INSERT INTO referral (id, file_id, key_id, state, state_since, partner, consent, receipt, made_at, made_by, content_sealed)
				VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7, $4, $8, $9) ON CONFLICT (receipt) DO NOTHING`,
				id, file.ID, key.ID(), now, partner, p.Consent, "R"+spoken.Code(6), by.ID, key.Seal(contentField(id), plain))
			if err != nil {
				return err
			}
			if n == 1 {
				return r.happened(ctx, tx, Referral{ID: id, FileID: file.ID, Partner: partner}, "open", by)
			}
		}
		return errors.New("referral: no receipt is free")
	})
}

// tidy cuts white space and refuses what is too long: fault.Invalid "fault.referral.long"; "fault.referral.consent" for an
// answer to consent that does not exist.
func (p Paper) tidy() (Paper, error) {
	fields := map[string]string{}
	for code, value := range p.Fields {
		if err := tidy(&value); err != nil {
			return p, err
		}
		if value != "" {
			fields[code] = value
		}
	}
	p.Fields = fields
	for _, text := range []*string{&p.Why, &p.Told, &p.Untold, &p.Ground} {
		if err := tidy(text); err != nil {
			return p, err
		}
	}
	switch p.Consent {
	case "", ConsentYes, ConsentNo, ConsentNotAsked, ConsentOverridden:
		return p, nil
	}
	return p, fault.New(fault.Invalid, "fault.referral.consent")
}

func tidy(text *string) error {
	*text = typed.Text(*text)
	if utf8.RuneCountInString(*text) > maxText {
		return fault.New(fault.Invalid, "fault.referral.long", "max", maxText)
	}
	return nil
}

// step is one act: the referral as it will be, and what else is written in its transaction.
type step struct {
	*Referral
	partner catalogue.Recipient
	now     time.Time
	also    []func(ctx context.Context, tx *store.Tx, file casefile.File, key *seal.Key) error
}

// act has change make the next state of a referral that is at rev. It returns fault.Conflict "fault.referral.changed" when
// somebody was faster, or when the state does not allow the event; the same act by the same person sent again changes nothing.
func (r *Referrals) act(ctx context.Context, id string, rev int64, ev Event, by audit.Actor, change func(s *step) error) (Referral, error) {
	before, err := r.Get(ctx, id)
	if err != nil {
		return before, err
	}
	if before.Rev == rev+1 && before.lastEvent == ev && before.lastBy == by.ID {
		return before, nil
	}
	to, ok := moves[before.State][ev]
	if !ok || before.Rev != rev {
		return before, fault.New(fault.Conflict, "fault.referral.changed")
	}
	partner, ok := r.catalogue().Partners.ByCode(before.Partner)
	if !ok {
		return before, fault.New(fault.Invalid, "fault.referral.partner")
	}
	next := before
	next.Rev, next.lastEvent, next.lastBy = rev+1, ev, by.ID
	s := &step{Referral: &next, partner: partner, now: r.now()}
	if to != before.State {
		next.State, next.StateSince = to, store.Millis(s.now)
	}
	if err := change(s); err != nil {
		return before, err
	}
	err = r.files.Write(ctx, before.FileID, func(tx *store.Tx, file casefile.File, key *seal.Key) error {
		if err := r.update(ctx, tx, before, &next, key); err != nil {
			return err
		}
		for _, fn := range s.also {
			if err := fn(ctx, tx, file, key); err != nil {
				return err
			}
		}
		return r.happened(ctx, tx, next, ev, by)
	})
	return next, err
}

// update writes a referral over the one it was.
func (r *Referrals) update(ctx context.Context, tx *store.Tx, before Referral, next *Referral, key *seal.Key) error {
	plain, err := json.Marshal(next.Content)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE referral SET rev = $3, state = $4, state_since = $5, last_event = $6, last_by = $7, channel = $8, consent = $9, called_at = $10, decided_at = $11, decided_by = $12,
		read_at = $13, read_by = $14, sent_at = $15, sent_by = $16, acknowledged_at = $17, send_due = $18, chase_due = $19, chases = $20, send_task = $21, chase_task = $22, key_id = $23, content_sealed = $24
		WHERE id = $1 AND rev = $2`, next.ID, before.Rev, next.Rev, string(next.State), next.StateSince, string(next.lastEvent), next.lastBy, next.Channel, next.Content.Consent, next.CalledAt, next.DecidedAt, next.DecidedBy,
		next.ReadAt, next.ReadBy, next.SentAt, next.SentBy, next.AcknowledgedAt, next.SendDue, next.ChaseDue, next.Chases, next.sendTask, next.chaseTask, key.ID(), key.Seal(contentField(next.ID), plain))
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "fault.referral.changed")
	}
	return err
}

// happened writes an event into the file's timeline and the log. Saving is in neither: it is in the referral.
func (r *Referrals) happened(ctx context.Context, tx *store.Tx, ref Referral, ev Event, by audit.Actor) error {
	if ev == EventSave {
		return nil
	}
	if err := r.files.Happened(ctx, tx, ref.FileID, by, "referral_"+string(ev), ref.ID, ref.Partner); err != nil {
		return err
	}
	return r.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "referral." + string(ev), Object: "referral", ObjectID: ref.ID,
		Detail: map[string]string{"case": ref.FileID, "partner": ref.Partner, "channel": ref.Channel, "consent": ref.Content.Consent}})
}

// task writes one of the two tasks of a referral, in the place of the one that is there.
func (r *Referrals) task(s *step, which *string, key string, due time.Time, by audit.Actor) {
	r.endTask(s, which, casefile.TaskDropped, by)
	id := store.NewID()
	*which = id
	text := r.say(lang, key, "partner", s.partner.Label.In(lang), "receipt", s.Receipt())
	s.also = append(s.also, func(ctx context.Context, tx *store.Tx, file casefile.File, sealed *seal.Key) error {
		return r.files.AddTaskWithin(ctx, tx, file, sealed, id, text, "", due, by)
	})
}

func (r *Referrals) endTask(s *step, which *string, to casefile.TaskState, by audit.Actor) {
	id := *which
	if *which = ""; id == "" {
		return
	}
	s.also = append(s.also, func(ctx context.Context, tx *store.Tx, file casefile.File, _ *seal.Key) error {
		return r.files.EndTaskWithin(ctx, tx, file.ID, id, to, by)
	})
}

// Save writes what is told to the partner and what was asked before, while it is not sent. The same again changes nothing.
// What was decided on — consent, what she was told, the ground — stays as it was from the decision on.
func (r *Referrals) Save(ctx context.Context, id string, rev int64, p Paper, by audit.Actor) (Referral, error) {
	p, err := p.tidy()
	if err != nil {
		return Referral{}, err
	}
	before, err := r.Get(ctx, id)
	if err != nil {
		return before, err
	}
	if before.State == Decided {
		fields := p.Fields
		p = before.Content.Paper
		p.Fields = fields
	}
	if before.Content.same(p) {
		return before, nil
	}
	return r.act(ctx, id, rev, EventSave, by, func(s *step) error {
		r.idle(s)
		s.Content.Paper = p
		return nil
	})
}

func (p Paper) same(q Paper) bool {
	return maps.Equal(p.Fields, q.Fields) && p.Consent == q.Consent && p.Why == q.Why && p.Told == q.Told && p.Untold == q.Untold && p.Ground == q.Ground
}

// Called writes that the emergency call came first: who was called, who answered, when. It asks for nothing else, and the
// paper has a deadline from then on. It returns fault.Invalid "fault.referral.call" without a number or somebody who
// answered, or for a time to come.
func (r *Referrals) Called(ctx context.Context, id string, rev int64, c Call, by audit.Actor) (Referral, error) {
	for _, text := range []*string{&c.Number, &c.Who} {
		if err := tidy(text); err != nil {
			return Referral{}, err
		}
	}
	return r.act(ctx, id, rev, EventCall, by, func(s *step) error {
		if c.At == 0 {
			c.At = store.Millis(s.now)
		}
		if c.Number == "" || c.Who == "" || c.At > store.Millis(s.now.Add(time.Minute)) {
			return fault.New(fault.Invalid, "fault.referral.call")
		}
		s.Content.Call, s.CalledAt = c, c.At
		r.sendBy(s, by)
		return nil
	})
}

// sendBy gives the paper its deadline, which nothing puts off once it runs.
func (r *Referrals) sendBy(s *step, by audit.Actor) {
	within := time.Duration(s.partner.Deadline.SendHours) * time.Hour
	if within == 0 {
		within = paperAfter
	}
	due := s.now.Add(within)
	if s.SendDue > 0 && s.SendDue <= store.Millis(due) {
		return
	}
	s.SendDue = store.Millis(due)
	r.task(s, &s.sendTask, "referral.task.send", due, by)
}

// Decide says that it is handed on. Consent, what she was told and the ground have to be there. It returns fault.Invalid
// "fault.referral.consent" where consent is not said, "fault.referral.why" where it is missing and why is not said,
// "fault.referral.told" where neither what she was told nor why not is written, "fault.referral.ground" without a ground;
// fault.Forbidden "fault.referral.no_consent" where the partner's rule asks for a yes, "fault.referral.school" for a
// school without her agreement, "fault.referral.not_public" for Pharos and content that is not public,
// "fault.referral.must" for another partner that does not take such a case.
func (r *Referrals) Decide(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.act(ctx, id, rev, EventDecide, by, func(s *step) error {
		if err := s.allowed(); err != nil {
			return err
		}
		s.DecidedAt, s.DecidedBy = store.Millis(s.now), by.ID
		r.sendBy(s, by)
		return nil
	})
}

// Schools and Pharos have rules of their own.
const (
	kindSchool   = "school"
	pharos       = "pharos"
	pharosPublic = "public"
)

func (s *step) allowed() error {
	p := s.Content.Paper
	switch {
	case p.Consent == "":
		return fault.New(fault.Invalid, "fault.referral.consent")
	case s.partner.Kind == kindSchool && p.Consent != ConsentYes:
		return fault.New(fault.Forbidden, "fault.referral.school")
	case p.Consent != ConsentYes && p.Why == "":
		return fault.New(fault.Invalid, "fault.referral.why")
	case s.partner.Consent == catalogue.ConsentAsked && p.Consent != ConsentYes && p.Consent != ConsentOverridden:
		return fault.New(fault.Forbidden, "fault.referral.no_consent")
	case p.Told == "" && p.Untold == "":
		return fault.New(fault.Invalid, "fault.referral.told")
	case p.Ground == "":
		return fault.New(fault.Invalid, "fault.referral.ground")
	}
	return s.taken()
}

// taken refuses what the partner does not take, whatever else is written.
func (s *step) taken() error {
	for _, f := range s.partner.Fields {
		if f.Must == "" || s.Content.Fields[f.Code] == f.Must {
			continue
		}
		switch {
		case s.partner.Kind == kindSchool:
			return fault.New(fault.Forbidden, "fault.referral.school")
		case s.partner.Code == pharos && f.Code == pharosPublic:
			return fault.New(fault.Forbidden, "fault.referral.not_public")
		}
		return fault.New(fault.Forbidden, "fault.referral.must")
	}
	return nil
}

// Decline says that it is not handed on, and why; that somebody else reads it is a task of the file. It returns fault.Invalid "fault.referral.ground" without.
func (r *Referrals) Decline(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.act(ctx, id, rev, EventDecline, by, func(s *step) error {
		if s.Content.Ground == "" {
			return fault.New(fault.Invalid, "fault.referral.ground")
		}
		s.DecidedAt, s.DecidedBy, s.SendDue = store.Millis(s.now), by.ID, 0
		r.task(s, &s.sendTask, "referral.task.read", s.now.Add(readWithin), by)
		return nil
	})
}

// ReadDecline is the second reader's word on a decision not to refer: agree confirms it, otherwise it is a draft again.
// It returns fault.Forbidden "fault.referral.same_reader" to whoever decided, fault.Invalid "fault.referral.ground" where
// she disagrees and does not say why.
func (r *Referrals) ReadDecline(ctx context.Context, id string, rev int64, agree bool, word string, by audit.Actor) (Referral, error) {
	ev := EventConfirm
	if !agree {
		ev = EventReturn
	}
	if err := tidy(&word); err != nil {
		return Referral{}, err
	}
	return r.act(ctx, id, rev, ev, by, func(s *step) error {
		if s.DecidedBy == by.ID {
			return fault.New(fault.Forbidden, "fault.referral.same_reader")
		}
		if !agree && word == "" {
			return fault.New(fault.Invalid, "fault.referral.ground")
		}
		s.Content.Read, s.ReadAt, s.ReadBy = word, store.Millis(s.now), by.ID
		r.endTask(s, &s.sendTask, casefile.TaskDone, by)
		return nil
	})
}

// Delivery is how it was handed on by hand: by telephone, a partner's form, a letter, or by the person herself.
type Delivery struct {
	Channel string
	// To is who was spoken with, of a call; Reference what the partner gave, of a form.
	To, Reference string
}

// Lacks returns the fields that keep a referral's paper from being sent, by the partner of today.
func (r *Referrals) Lacks(ref Referral) []catalogue.ReferralField {
	partner, _ := r.catalogue().Partners.ByCode(ref.Partner)
	return partner.Lacks(ref.Content.Fields)
}

// Channels are the ways a referral may go, the best first: those of its département's office before the partner's. A secure
// link needs the partner's key, a sealed e-mail its mailbox too, and a mail server of ours.
func (r *Referrals) Channels(ref Referral) []string {
	partner, ok := r.catalogue().Partners.ByCode(ref.Partner)
	if !ok {
		return nil
	}
	department := ref.Content.Fields[Department]
	ways, key := partner.Channels, partner.KeyOf(department)
	if office, ok := partner.Office(department); ok && office.Channel != "" {
		ways = append([]string{office.Channel}, ways...)
	}
	var may []string
	have := map[string]bool{}
	for _, way := range ways {
		if have[way] || way == catalogue.ChannelLink && key == "" || way == catalogue.ChannelMail && (key == "" || r.mail == nil || partner.MailboxOf(department) == "") {
			continue
		}
		have[way], may = true, append(may, way)
	}
	return may
}

// Send says that it was handed on by hand. It returns fault.Invalid "fault.referral.channel" for a way that the partner does
// not have, "fault.referral.to" for a call without who was spoken with, "fault.referral.reference" for a form without
// what was given for it, "fault.referral.lacks" ("n") where something the partner asks for is missing: Lacks names it. A call
// lacks nothing.
func (r *Referrals) Send(ctx context.Context, id string, rev int64, d Delivery, by audit.Actor) (Referral, error) {
	for _, text := range []*string{&d.To, &d.Reference} {
		if err := tidy(text); err != nil {
			return Referral{}, err
		}
	}
	return r.act(ctx, id, rev, EventSend, by, func(s *step) error {
		if d.Channel == catalogue.ChannelLink || d.Channel == catalogue.ChannelMail {
			return fault.New(fault.Invalid, "fault.referral.channel")
		}
		if err := r.ready(s, d.Channel); err != nil {
			return err
		}
		r.idle(s)
		switch {
		case d.Channel == catalogue.ChannelCall && d.To == "":
			return fault.New(fault.Invalid, "fault.referral.to")
		case d.Channel == catalogue.ChannelPortal && d.Reference == "":
			return fault.New(fault.Invalid, "fault.referral.reference")
		}
		s.Content.To, s.Content.Reference = d.To, d.Reference
		r.gone(s, d.Channel, by)
		return nil
	})
}

func (r *Referrals) ready(s *step, channel string) error {
	may := false
	for _, way := range r.Channels(*s.Referral) {
		may = may || way == channel
	}
	if !may {
		return fault.New(fault.Invalid, "fault.referral.channel")
	}
	if err := s.taken(); err != nil {
		return err
	}
	if lacks := s.partner.Lacks(s.Content.Fields); len(lacks) > 0 && channel != catalogue.ChannelCall {
		return fault.New(fault.Invalid, "fault.referral.lacks", "n", len(lacks))
	}
	return nil
}

// gone notes that it is on its way, and when we ask again.
func (r *Referrals) gone(s *step, channel string, by audit.Actor) {
	s.Channel, s.SentAt, s.SentBy, s.SendDue = channel, store.Millis(s.now), by.ID, 0
	r.endTask(s, &s.sendTask, casefile.TaskDone, by)
	r.chaseIn(s, by)
}

func (r *Referrals) chaseIn(s *step, by audit.Actor) {
	if s.ChaseDue = 0; s.partner.Deadline.ChaseHours == 0 {
		return
	}
	due := s.now.Add(time.Duration(s.partner.Deadline.ChaseHours) * time.Hour)
	s.ChaseDue = store.Millis(due)
	r.task(s, &s.chaseTask, "referral.task.chase", due, by)
}

// Chase says that the partner was asked again.
func (r *Referrals) Chase(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.act(ctx, id, rev, EventChase, by, func(s *step) error {
		s.Chases++
		r.endTask(s, &s.chaseTask, casefile.TaskDone, by)
		r.chaseIn(s, by)
		return nil
	})
}

// Again says that it has to be sent once more: it did not arrive, or its link ran out. Links of it open nothing any more.
func (r *Referrals) Again(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.act(ctx, id, rev, EventAgain, by, func(s *step) error {
		s.SentAt, s.SentBy, s.Channel, s.ChaseDue = 0, "", "", 0
		r.endTask(s, &s.chaseTask, casefile.TaskDropped, by)
		r.sendBy(s, by)
		s.also = append(s.also, func(ctx context.Context, tx *store.Tx, _ casefile.File, _ *seal.Key) error {
			_, err := tx.Exec(ctx, `UPDATE referral_link SET revoked_at = $2 WHERE referral_id = $1 AND fetched_at = 0 AND revoked_at = 0`, id, store.Millis(s.now))
			return err
		})
		return nil
	})
}

// Acknowledge says that the partner has it: who said so, with their reference. It returns fault.Invalid "fault.referral.to"
// without either.
func (r *Referrals) Acknowledge(ctx context.Context, id string, rev int64, who, reference string, by audit.Actor) (Referral, error) {
	for _, text := range []*string{&who, &reference} {
		if err := tidy(text); err != nil {
			return Referral{}, err
		}
	}
	return r.act(ctx, id, rev, EventAcknowledge, by, func(s *step) error {
		if who == "" && reference == "" {
			return fault.New(fault.Invalid, "fault.referral.to")
		}
		if who != "" {
			s.Content.To = who
		}
		if reference != "" {
			s.Content.Reference = reference
		}
		r.arrived(s, by)
		return nil
	})
}

func (r *Referrals) arrived(s *step, by audit.Actor) {
	s.AcknowledgedAt, s.ChaseDue = store.Millis(s.now), 0
	r.endTask(s, &s.chaseTask, casefile.TaskDone, by)
}

// Close says what became of it. It returns fault.Invalid "fault.referral.outcome" without a word.
func (r *Referrals) Close(ctx context.Context, id string, rev int64, outcome string, by audit.Actor) (Referral, error) {
	if err := tidy(&outcome); err != nil {
		return Referral{}, err
	}
	return r.act(ctx, id, rev, EventClose, by, func(s *step) error {
		if outcome == "" {
			return fault.New(fault.Invalid, "fault.referral.outcome")
		}
		s.Content.Outcome, s.ChaseDue = outcome, 0
		r.endTask(s, &s.chaseTask, casefile.TaskDropped, by)
		return nil
	})
}

// Withdraw gives it up before it is sent. Why is asked where it was decided: fault.Invalid "fault.referral.outcome".
func (r *Referrals) Withdraw(ctx context.Context, id string, rev int64, why string, by audit.Actor) (Referral, error) {
	if err := tidy(&why); err != nil {
		return Referral{}, err
	}
	return r.act(ctx, id, rev, EventWithdraw, by, func(s *step) error {
		if why == "" && (s.DecidedAt > 0 || s.CalledAt > 0) {
			return fault.New(fault.Invalid, "fault.referral.outcome")
		}
		r.idle(s)
		s.Content.Outcome, s.SendDue = why, 0
		r.endTask(s, &s.sendTask, casefile.TaskDropped, by)
		return nil
	})
}
