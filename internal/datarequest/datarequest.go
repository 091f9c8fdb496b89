// Package datarequest is the data protection officer's desk of requests: somebody asks what we hold of her, or that it be
// corrected, erased or used no more (GDPR Art. 15 to 21). A request is booked by whoever hears it, has a day by which it must be
// answered (Art. 12(3)), and moves by a table of moves until it is closed.
//
// We know whose a contact is by its four words and by nothing else: no request is ever compared with names, numbers or
// handles of contacts. A parent, a school, the police or a lawyer who asks about a child reads that we say to nobody
// whether a person contacted us; the answer is the same whether she did or not, because nothing of the record is read to write it.
//
// The officer reads no child's words. Where the four words were given a copy is made for the person (copy.go), sealed under a key of
// its own, and opened to her in a conversation, by a counsellor who has agreed with her that she is alone.
package datarequest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/referral"
	"vigie/internal/seal"
	"vigie/internal/spoken"
	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/typed"
)

// State is where a request stands.
type State string

// The states of a request.
const (
	Received  State = "received"
	Identity  State = "identity" // she is asked who she is (Art. 12(6)); the time stands still if she was asked in time
	Answering State = "answering"
	Answered  State = "answered"
	Refused   State = "refused"
	Closed    State = "closed"
)

// Open says that somebody waits for an answer.
func (s State) Open() bool { return s == Received || s == Identity || s == Answering }

// Event moves a request.
type Event string

// The events of a request.
const (
	Ask    Event = "ask"    // who she is
	Prove  Event = "prove"  // she has shown it
	Begin  Event = "begin"  // there is no doubt who asks
	Answer Event = "answer" // what she asked for is done, and she was told
	Refuse Event = "refuse" // it is not done, and she was told why (Art. 12(4))
	Close  Event = "close"
	Reopen Event = "reopen" // she wrote again, or the supervisory authority did
)

// moves is the one table of what may happen to a request.
var moves = map[State]map[Event]State{
	Received:  {Ask: Identity, Begin: Answering, Refuse: Refused},
	Identity:  {Prove: Answering, Refuse: Refused},
	Answering: {Ask: Identity, Answer: Answered, Refuse: Refused},
	Answered:  {Close: Closed, Reopen: Answering},
	Refused:   {Close: Closed, Reopen: Answering},
	Closed:    {Reopen: Answering},
}

// May says whether an event may happen now.
func (s State) May(ev Event) bool { _, ok := moves[s][ev]; return ok }

// The kinds of request.
const (
	Access        = "access"        // Art. 15
	Rectification = "rectification" // Art. 16
	Erasure       = "erasure"       // Art. 17
	Restriction   = "restriction"   // Art. 18
	Objection     = "objection"     // Art. 21
)

// Kinds are what may be asked for, in the order a form shows them.
var Kinds = []string{Access, Erasure, Rectification, Restriction, Objection}

// Young is the person herself. Whoever else asks for what concerns her own contacts has four words of her own.
const Young = "young"

// Whos are who asks.
var Whos = []string{Young, "parent", "other", "lawyer", "school", "authority"}

// Ways are how a request came.
var Ways = []string{"letter", "email", "phone", "conversation"}

// Grounds are why a request is refused: nobody could be identified (Art. 11(2), 12(2)); we say to nobody whether somebody
// contacted us (Art. 15(4)); it is unfounded, or comes again and again (Art. 12(5)); the rights of others (Art. 15(4)); the
// law has us keep it (Art. 17(3)(b)); it is needed before a court (Art. 17(3)(e)).
var Grounds = []string{"neither", "unidentified", "unfounded", "repeated", "others", "duty", "claims"}

// Request is a request about data. Days are of the house's calendar, "2026-11-28"; times are Unix milliseconds.
type Request struct {
	ID, Reference string
	Rev           int64
	State         State
	StateSince    int64
	Kind, Who     string
	Way, Lang     string
	ReceivedOn    string
	// DueOn is the last day on which it may be answered; while State is Identity it stands still if Paused.
	DueOn      string
	ExtendedOn string
	AskedOn    string
	Waited     int
	Ground     string
	// PersonID is whose four words were given, "" for nobody's.
	PersonID string
	ErasedAt int64
	BookedAt int64
	BookedBy string
	Content  Content

	keyID  string
	sealed []byte
}

// Content is what is sealed of a request.
type Content struct {
	// Name and Address are of who asks: where the answer goes. Words are what was asked, as it was written or said.
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	Words   string `json:"words,omitempty"`
	// Extension is why it takes longer (Art. 12(3)).
	Extension string `json:"extension,omitempty"`
}

// Happening is a line of a request's history.
type Happening struct {
	At         int64
	Actor      audit.Actor
	Kind, Code string
}

// Words says sentences in one language, to the young or to adults (i18n.Printer).
type Words interface {
	T(key string, args ...any) string
	Text(text string) string
	Date(t time.Time) string
	DateTime(t time.Time) string
	Lang() string
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Keys      *seal.Keeper
	Audit     *audit.Log
	Bus       *bus.Bus
	Jobs      *jobs.Jobs
	Contacts  *contact.Contacts
	Chats     *chat.Chats
	Files     *casefile.Files
	Referrals *referral.Referrals
	Takedown  *takedown.Takedown
	Catalogue func() *catalogue.Set
	// Card is the title of something to read that a counsellor sent, in a language; "" for what is no longer there.
	Card func(lang, body string) string
	// Words speaks a language, to an adult or to somebody young.
	Words func(lang string, adult bool) Words
	// Alias is how a person knows a counsellor.
	Alias func(ctx context.Context, staffID string) string
	// House is what the helpline calls itself.
	House string
	// Erase begins the erasure of all that is a person's, as her own four words would; nil books each of her contacts for a
	// supervisor's decision (contact.AskForget).
	Erase func(ctx context.Context, personID string, by audit.Actor) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Requests is the room. It is safe for concurrent use.
type Requests struct {
	o     Options
	db    *store.DB
	keys  *seal.Keeper
	log   *audit.Log
	now   func() time.Time
	tends *jobs.Kind[tendArgs]
}

// New opens the room.
func New(o Options) *Requests {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Requests{o: o, db: o.DB, keys: o.Keys, log: o.Audit, now: o.Now}
	if o.Jobs != nil {
		r.tends = jobs.Register(o.Jobs, "datarequest.tend", jobs.Rules{AtOnce: 1}, r.tend)
	}
	o.Contacts.OnErase(contact.Eraser{Within: r.contactErased})
	return r
}

// ErasesByItself says whether an erasure runs by the person's own rule, or waits for a supervisor's decision.
func (r *Requests) ErasesByItself() bool { return r.o.Erase != nil }

// KeyOfRequest and KeyOfCopy are the kinds of this room's keys.
const (
	KeyOfRequest = "data_request"
	KeyOfCopy    = "data_copy"
)

const (
	maxWords = 8000
	maxField = 500
)

// Booking is a request as somebody notes it. ID is made by the client: sent again, it changes nothing.
type Booking struct {
	ID, Kind, Who, Way, Lang string
	ReceivedOn               string
	Content                  Content
}

func (b *Booking) tidy(today string) error {
	switch {
	case !store.IsID(b.ID):
		return fault.New(fault.Invalid, "fault.request.id")
	case !slices.Contains(Kinds, b.Kind):
		return fault.New(fault.Invalid, "fault.request.kind")
	case !slices.Contains(Whos, b.Who):
		return fault.New(fault.Invalid, "fault.request.who")
	case !slices.Contains(Ways, b.Way):
		return fault.New(fault.Invalid, "fault.request.way")
	case b.Lang != "fr" && b.Lang != "en":
		return fault.New(fault.Invalid, "fault.request.lang")
	}
	if day, err := time.Parse(time.DateOnly, b.ReceivedOn); err != nil || b.ReceivedOn > today || day.AddDate(1, 0, 0).Format(time.DateOnly) < today {
		return fault.New(fault.Invalid, "fault.request.received")
	}
	c := &b.Content
	c.Name, c.Address, c.Words, c.Extension = typed.Line(c.Name), typed.Text(c.Address), typed.Text(c.Words), ""
	if utf8.RuneCountInString(c.Name) > maxField || utf8.RuneCountInString(c.Address) > maxField || utf8.RuneCountInString(c.Words) > maxWords {
		return fault.New(fault.Invalid, "fault.request.long", "max", maxWords)
	}
	if c.Words == "" {
		return fault.New(fault.Invalid, "fault.request.empty")
	}
	return nil
}

// Book writes a request down, and returns it. It returns fault.Invalid "fault.request.kind", "fault.request.who",
// "fault.request.way", "fault.request.lang", "fault.request.received" for a day that is to come or a year past,
// "fault.request.empty" or "fault.request.long".
func (r *Requests) Book(ctx context.Context, b Booking, by audit.Actor) (Request, error) {
	if err := b.tidy(r.today()); err != nil {
		return Request{}, err
	}
	if have, err := r.Get(ctx, b.ID); err == nil || !fault.Is(err, fault.NotFound) {
		return have, err
	}
	due, err := r.dueOn(b.ReceivedOn, 1, 0)
	if err != nil {
		return Request{}, err
	}
	key, err := r.keys.NewKey(ctx, KeyOfRequest, b.ID)
	if err != nil {
		return Request{}, err
	}
	plain, err := json.Marshal(b.Content)
	if err != nil {
		return Request{}, err
	}
	wrote := false
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		wrote = false
		const tries = 20 // of 34 million references
		for range tries {
			n, err := tx.Exec(ctx, `INSERT INTO data_request (id, key_id, reference, state, state_since, kind, who, way, lang, received_on, due_on, booked_at, booked_by, content_sealed)
				VALUES ($1, $2, $3, 'received', $4, $5, $6, $7, $8, $9, $10, $4, $11, $12) ON CONFLICT DO NOTHING`,
				b.ID, key.ID(), newReference(), store.Millis(r.now()), b.Kind, b.Who, b.Way, b.Lang, b.ReceivedOn, due, by.ID, key.Seal(contentField(b.ID), plain))
			if err != nil {
				return err
			}
			if n == 1 {
				wrote = true
				return r.happened(ctx, tx, b.ID, by, "book", b.Kind)
			}
			if have, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM data_request WHERE id = $1`, b.ID); err != nil || have > 0 {
				return err
			}
		}
		return errors.New("datarequest: no reference is free")
	})
	if err != nil || !wrote {
		err = errors.Join(err, r.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	if err != nil {
		return Request{}, err
	}
	return r.Get(ctx, b.ID)
}

func newReference() string {
	signs := spoken.Code(6)
	return "D-" + signs[:4] + "-" + signs[4:]
}

// step is a request while it is changed.
type step struct {
	tx   *store.Tx
	r    Request
	key  *seal.Key
	kind string // what the history says
	code string
}

// act changes a request that stands as its reader saw it: fault.Conflict "fault.request.changed" when somebody was faster. ev, unless
// "", must be a move that may happen now: fault.Conflict "fault.request.move".
func (r *Requests) act(ctx context.Context, id string, rev int64, ev Event, by audit.Actor, change func(s *step) error) error {
	before, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	key, err := r.keys.Key(ctx, before.keyID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		now, err := r.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if now.Rev != rev {
			return fault.New(fault.Conflict, "fault.request.changed")
		}
		s := &step{tx: tx, r: now, key: key, kind: string(ev)}
		if ev != "" {
			to, ok := moves[now.State][ev]
			if !ok {
				return fault.New(fault.Conflict, "fault.request.move")
			}
			s.r.State, s.r.StateSince = to, store.Millis(r.now())
		}
		if err := change(s); err != nil {
			return err
		}
		plain, err := json.Marshal(s.r.Content)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE data_request SET rev = rev + 1, state = $3, state_since = $4, due_on = $5, extended_on = $6, asked_on = $7, waited = $8, ground = $9,
			person_id = $10, erased_at = $11, content_sealed = $12, reminded = CASE WHEN due_on = $5 THEN reminded ELSE '' END WHERE id = $1 AND rev = $2`,
			id, rev, string(s.r.State), s.r.StateSince, s.r.DueOn, s.r.ExtendedOn, s.r.AskedOn, s.r.Waited, s.r.Ground, s.r.PersonID, s.r.ErasedAt, key.Seal(contentField(id), plain))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.request.changed")
		}
		return r.happened(ctx, tx, id, by, s.kind, s.code)
	})
}

// happened writes a line of the history, and one of the log.
func (r *Requests) happened(ctx context.Context, tx *store.Tx, id string, by audit.Actor, kind, code string) error {
	if _, err := tx.Exec(ctx, `INSERT INTO data_request_event (id, request_id, at, actor_kind, actor_id, kind, code) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		store.NewID(), id, store.Millis(r.now()), by.Kind, by.ID, kind, code); err != nil {
		return err
	}
	tx.AfterCommit(func() { r.o.Bus.Publish("request", []byte("{}")) })
	detail := map[string]string{}
	if code != "" {
		detail["code"] = code
	}
	return r.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "request." + kind, Object: "request", ObjectID: id, Detail: detail})
}

// Move makes a move that asks for nothing more than what the record has: Begin, Prove, Ask, Answer, Close, Reopen. Answer wants a
// letter that says what was done and is sent: fault.Invalid "fault.request.no_letter".
func (r *Requests) Move(ctx context.Context, id string, rev int64, ev Event, by audit.Actor) error {
	if ev == Refuse {
		return fault.New(fault.Invalid, "fault.request.ground")
	}
	return r.act(ctx, id, rev, ev, by, func(s *step) error {
		switch ev {
		case Ask:
			s.r.AskedOn = r.today()
		case Prove:
			return r.proved(s)
		case Answer:
			return r.told(ctx, s, answers)
		case Reopen:
			s.r.Ground = ""
		}
		return nil
	})
}

// Refuse ends a request that is not carried out. It returns fault.Invalid "fault.request.ground" for none of Grounds, and
// "fault.request.no_letter" unless a letter with the reasons and the remedies is sent (Art. 12(4)).
func (r *Requests) Refuse(ctx context.Context, id string, rev int64, ground string, by audit.Actor) error {
	if !slices.Contains(Grounds, ground) {
		return fault.New(fault.Invalid, "fault.request.ground")
	}
	return r.act(ctx, id, rev, Refuse, by, func(s *step) error {
		s.r.Ground, s.code = ground, ground
		return r.told(ctx, s, refusals)
	})
}

// Identify finds who asks by her four words: what is hers is then known, and nothing of it is read. network is an opaque key of
// where they are typed, for the budget of wrong words. A request whose identity was asked for goes on. Besides the faults of
// contact.ByResumeCode it returns fault.Conflict "fault.request.move" for a request that is over.
func (r *Requests) Identify(ctx context.Context, id string, rev int64, typed, network string, by audit.Actor) error {
	before, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	ev := map[State]Event{Received: Begin, Identity: Prove}[before.State]
	if !before.State.Open() {
		return fault.New(fault.Conflict, "fault.request.move")
	}
	found, err := r.o.Contacts.ByResumeCode(ctx, typed, network)
	if err != nil {
		return err
	}
	return r.act(ctx, id, rev, ev, by, func(s *step) error {
		s.r.PersonID, s.kind = found.PersonID, "words"
		if ev == Prove {
			return r.proved(s)
		}
		return nil
	})
}

// Hers are the contacts of whose four words were given: when and by which channel, nothing of what was said.
func (r *Requests) Hers(ctx context.Context, req Request) ([]contact.Contact, error) {
	if req.PersonID == "" {
		return nil, nil
	}
	return r.o.Contacts.OfPerson(ctx, req.PersonID)
}

// EraseHers begins the erasure of what is hers. It returns fault.Invalid "fault.request.words_first" unless her four words were given,
// fault.Conflict "fault.request.move" for a request that asks for something else, or is not being answered.
func (r *Requests) EraseHers(ctx context.Context, id string, rev int64, by audit.Actor) error {
	req, err := r.Get(ctx, id)
	switch {
	case err != nil:
		return err
	case req.Kind != Erasure || req.State != Answering:
		return fault.New(fault.Conflict, "fault.request.move")
	case req.PersonID == "":
		return fault.New(fault.Invalid, "fault.request.words_first")
	case req.Rev != rev:
		return fault.New(fault.Conflict, "fault.request.changed")
	case req.ErasedAt > 0:
		return nil
	}
	// Both may be done twice: what is booked, or runs already, stays as it is.
	if r.o.Erase != nil {
		err = r.o.Erase(ctx, req.PersonID, by)
	} else {
		err = r.bookErasure(ctx, req, by)
	}
	if err != nil {
		return err
	}
	return r.act(ctx, id, rev, "", by, func(s *step) error {
		s.r.ErasedAt, s.kind = store.Millis(r.now()), "erase"
		return nil
	})
}

func (r *Requests) bookErasure(ctx context.Context, req Request, by audit.Actor) error {
	hers, err := r.Hers(ctx, req)
	for _, ct := range hers {
		err = errors.Join(err, r.o.Contacts.AskForget(ctx, ct.ID, by))
	}
	return err
}

// Get returns a request. It returns fault.NotFound "fault.request.unknown" when there is none.
func (r *Requests) Get(ctx context.Context, id string) (Request, error) { return r.get(ctx, r.db, id) }

func (r *Requests) get(ctx context.Context, q store.Querier, id string) (Request, error) {
	req, err := store.One(ctx, q, scanRequest, selectRequest+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return Request{}, fault.New(fault.NotFound, "fault.request.unknown")
	}
	if err != nil {
		return Request{}, err
	}
	key, err := r.keys.Key(ctx, req.keyID)
	if err != nil {
		return Request{}, err
	}
	plain, err := key.Open(contentField(id), req.sealed)
	if err != nil {
		return Request{}, err
	}
	return req, json.Unmarshal(plain, &req.Content)
}

// List returns the requests, without what is sealed: those that wait for an answer first, by the day they are due, so that what
// is overdue stands on top; then what is over, the newest first. 500 at most.
func (r *Requests) List(ctx context.Context) ([]Request, error) {
	return store.All(ctx, r.db, scanRequest, selectRequest+` ORDER BY CASE WHEN state IN ('received', 'answering') THEN 0 WHEN state = 'identity' THEN 1 ELSE 2 END,
		CASE WHEN state IN ('received', 'answering', 'identity') THEN due_on ELSE '' END, state_since DESC, id LIMIT 500`)
}

// History returns what happened to a request, the oldest first.
func (r *Requests) History(ctx context.Context, id string) ([]Happening, error) {
	return store.All(ctx, r.db, func(row store.Row) (h Happening, err error) {
		return h, row.Scan(&h.At, &h.Actor.Kind, &h.Actor.ID, &h.Kind, &h.Code)
	}, `SELECT at, actor_kind, actor_id, kind, code FROM data_request_event WHERE request_id = $1 ORDER BY at, id`, id)
}

// Look writes into the log that a request was opened: it says who asks, and where she lives.
func (r *Requests) Look(ctx context.Context, id string, by audit.Actor) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		return r.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "request.look", Object: "request", ObjectID: id})
	})
}

func contentField(id string) seal.Field {
	return seal.Field{Table: "data_request", Column: "content_sealed", Row: id, Version: 1}
}

const selectRequest = `SELECT id, key_id, reference, rev, state, state_since, kind, who, way, lang, received_on, due_on, extended_on, asked_on, waited, ground, person_id, erased_at,
	booked_at, booked_by, content_sealed FROM data_request`

func scanRequest(row store.Row) (r Request, err error) {
	return r, row.Scan(&r.ID, &r.keyID, &r.Reference, &r.Rev, &r.State, &r.StateSince, &r.Kind, &r.Who, &r.Way, &r.Lang, &r.ReceivedOn, &r.DueOn, &r.ExtendedOn, &r.AskedOn,
		&r.Waited, &r.Ground, &r.PersonID, &r.ErasedAt, &r.BookedAt, &r.BookedBy, &r.sealed)
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }
