// Package contact is one person's contact with the helpline, from the moment she is let in to the day
// it is erased: where it stands and who may move it, why it is urgent, what the counsellor writes down,
// how the person comes back without an account, and what is known of the network she came from.
//
// A contact has a key of its own. Codes, numbers and times are in clear, because queues, sweeps and
// counts work on them; every word, reason and address is sealed under that key before it is written,
// so that destroying the key erases the contact wherever its bytes still lie. The network address is
// under a second key, destroyed when the contact closes.
//
// The conversation itself is in the room chat; who is offered what, and when, is decided in routing.
package contact

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// The channels a contact comes by.
const (
	ChannelChat    = "chat"    // a conversation on the site
	ChannelPhone   = "phone"   // a call that waits or is talked
	ChannelMessage = "message" // left while we were closed
	ChannelNote    = "note"    // noted by hand: a letter, a walk-in
)

// Contact is the part of a contact that is in clear: ids, codes, numbers and times (Unix milliseconds,
// 0 for "not yet").
type Contact struct {
	ID, KeyID string
	// PersonID is the same in every contact that one person reopened with her own code; never a name.
	PersonID string
	Channel  string
	State    State
	// Rev counts the changes of the row, so that two changes at once never lose one another.
	Rev  int64
	Lang string
	// Public, AgeBand and Topic are the codes of the optional first questions, "" when skipped.
	Public, AgeBand, Topic string
	Queue                  string
	// Priority is the sum of the weights of the reasons.
	Priority int
	// Grave takes a counsellor's whole capacity. Danger leaves every ending to a human.
	Grave, Danger bool
	// CounsellorID has it now; StickyID knows the story and comes first when the person is back.
	CounsellorID, StickyID string
	OfferedTo              string
	OpenedAt, WaitingSince int64
	StateSince, OfferUntil int64
	AnsweredAt, ClosedAt   int64
	// DueAt is when its person was promised a call: a contact that waits is offered to nobody before. 0 for none.
	DueAt int64
	// EndedBy is "visitor", "staff", "system" or "quick_exit"; "" while it goes on.
	EndedBy string
	// Closing is the code of a one-click closing, "" for one that was written up.
	Closing string
	// ShownAfter hides from the person the messages up to this number: she came back with a code, and
	// the counsellor has not yet agreed with her that she is alone.
	ShownAfter int64
	// PastReleasedAt is when the counsellor showed her the past; 0 for not.
	PastReleasedAt int64

	reasons []byte // sealed
}

// MovedEvent is what the bus says of a move, on contact.<id>.state.
type MovedEvent struct {
	State State `json:"state"`
	// Rev is the contact's afterwards; 0 when nothing of it changed and it is to be drawn again all the same.
	Rev int64 `json:"rev,omitempty"`
}

// QueueEvent is what the bus says on "queue": something changed that the line, or the floor, shows.
type QueueEvent struct {
	// Contact is an id, "" when it is not about one contact: who is there, a setting, a decision.
	Contact string `json:"contact,omitempty"`
	// Whole says that contacts of which nothing changed are there for others now: somebody knows their person.
	Whole bool `json:"whole,omitempty"`
}

// Options are what the room works with.
type Options struct {
	DB    *store.DB
	Keys  *seal.Keeper
	Audit *audit.Log
	Bus   *bus.Bus
	// Catalogue gives the current form; it is asked each time, since an editor may publish another.
	Catalogue func() *catalogue.Set
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
	// StillHas says whether the counsellor who had a contact can go on at once when its person is back;
	// nil says that she can as long as the contact is hers. It must not do network I/O.
	StillHas func(ctx context.Context, staffID, contactID string) bool
	// AuthorSearch lets handles of alleged authors be searched. It stays off until the data protection
	// officer has recorded a legal basis.
	AuthorSearch bool
}

// Contacts is the room. It is safe for concurrent use.
type Contacts struct {
	db        *store.DB
	keys      *seal.Keeper
	log       *audit.Log
	bus       *bus.Bus
	catalogue func() *catalogue.Set
	now       func() time.Time
	slog      *slog.Logger
	stillHas  func(ctx context.Context, staffID, contactID string) bool

	authorSearch bool
	identities   *recent[string, Identity]
	sessions     *recent[tokenHash, cachedSession]
	revocations  *recent[string, uint64]
	generation   atomic.Uint64
	resume       *resume
	lastSeq      func(ctx context.Context, q store.Querier, contactID string) (int64, error)
	erasers      []Eraser
	onDanger     []func(ctx context.Context, tx *store.Tx, contactID, cause string) error
	onArrive     []func(ctx context.Context, tx *store.Tx, contactID string, from Origin) error
	onCallback   []func(ctx context.Context, tx *store.Tx, contactID string, key *seal.Key, b Callback) error
	onMove       []func(ctx context.Context, tx *store.Tx, m Moved) error
	onCount      []func(ctx context.Context, tx *store.Tx, contactID string) error
	stops        []func()
}

// New opens the room. Stop it to leave the bus.
func New(o Options) (*Contacts, error) {
	c := &Contacts{
		db: o.DB, keys: o.Keys, log: o.Audit, bus: o.Bus, catalogue: o.Catalogue, now: o.Now, slog: o.Log,
		stillHas: o.StillHas, authorSearch: o.AuthorSearch,
		identities:  newRecent[string, Identity](20_000),
		sessions:    newRecent[tokenHash, cachedSession](40_000),
		revocations: newRecent[string, uint64](40_000),
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.slog == nil {
		c.slog = slog.Default()
	}
	if c.stillHas == nil {
		c.stillHas = func(context.Context, string, string) bool { return true }
	}
	c.resume = newResume(c.keys.Derive("resume-pepper"), c.now)
	if err := c.listen(); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// listen keeps what this node remembers true when another node ends a session or erases a contact.
func (c *Contacts) listen() error {
	stop, err := c.bus.Subscribe("contact.*.session", func(subject string, _ []byte) { c.forgetSessions(subjectID(subject)) })
	if err != nil {
		return err
	}
	c.stops = append(c.stops, stop)
	stop, err = c.bus.Subscribe("contact.*.erased", func(subject string, _ []byte) {
		id := subjectID(subject)
		c.identities.drop(id)
		c.forgetSessions(id)
	})
	if err != nil {
		return err
	}
	c.stops = append(c.stops, stop)
	return nil
}

// Stop leaves the bus.
func (c *Contacts) Stop() {
	for _, stop := range c.stops {
		stop()
	}
	c.stops = nil
}

// What sets a danger mark.
const (
	DangerWords = "words" // the person's own words, heard by the lexicon
	DangerHand  = "hand"  // a member of staff
)

// OnDanger has fn called within the transaction in which a contact gets its danger mark; a fault of fn
// undoes the mark. fn must be repeatable, like every transaction. routing writes from here what rings at the
// supervisors'. Call it while wiring.
func (c *Contacts) OnDanger(fn func(ctx context.Context, tx *store.Tx, contactID, cause string) error) {
	c.onDanger = append(c.onDanger, fn)
}

// OnArrive has fn called within the transaction in which a contact is opened, by whatever channel, with the
// address or number it comes from where that is known; a fault of fn undoes the opening. fn must be repeatable. Call it
// while wiring.
func (c *Contacts) OnArrive(fn func(ctx context.Context, tx *store.Tx, contactID string, from Origin) error) {
	c.onArrive = append(c.onArrive, fn)
}

// Opening is a contact that begins.
type Opening struct {
	// ID is made by the client (a UUID), so that it can resend: a resend within two minutes returns the
	// contact that is there.
	ID      string
	Channel string
	Lang    string
	// Public, AgeBand and Topic are codes of the catalogue, "" when skipped.
	Public, AgeBand, Topic string
	// Queue is a code of the catalogue; "" lets the language and the answers decide.
	Queue string
	// PersonID is that of a person who came back with her code; "" makes a new person.
	PersonID string
	// Recognised says that the person is known otherwise than by her code: her line was cut, or we promised to call.
	Recognised bool
	// Network is where the request came from; it is sealed under a key of its own. The zero value keeps nothing.
	Network netip.AddrPort
	// Number is the telephone number that a call came from ("+33612345678", or as the trunk gave it), kept as
	// Network is: sealed, read by nobody but the danger protocol, destroyed at the close. "" keeps nothing.
	Number string
	// Reasons she is urgent from the start, besides those that her answers give.
	Reasons []Reason
	Danger  bool
	// StaffID is the counsellor who notes a contact by hand (ChannelNote); it starts at its write-up.
	StaffID string
	// At is the true time of a contact that is noted later; zero is now.
	At time.Time
}

// resendFor bounds how long an opening opens the same contact again.
const resendFor = 2 * time.Minute

// IDOf is the id of the contact that an opening makes: a one-way function of the id that the client made
// for what it may resend. A contact's id stands in the counsellors' addresses and on the bus; whoever
// knows it must not be able to say the opening again, and so get a session of the child's. The time that
// a UUIDv7 begins with is kept, so that ids stay in order. What is not an id stays what it is.
func IDOf(opening string) string {
	id, err := uuid.Parse(opening)
	if err != nil || id.String() != opening {
		return opening
	}
	hash := sha256.Sum256([]byte("contact of an opening\x00" + opening))
	copy(id[6:], hash[:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// Open lets a person in. It returns fault.Invalid "fault.contact.opening" for an id, channel, language
// or code that cannot be, and fault.Conflict "fault.contact.opened" when the id was used before.
func (c *Contacts) Open(ctx context.Context, o Opening) (Contact, error) {
	return c.OpenWith(ctx, o, nil)
}

// OpenWith is Open with more written in the same transaction: the first message, a wish to be called
// back. with is not called for a resend. It must be repeatable, like every transaction.
func (c *Contacts) OpenWith(ctx context.Context, o Opening, with func(tx *store.Tx, ct Contact, key *seal.Key) error) (Contact, error) {
	if err := c.check(&o); err != nil {
		return Contact{}, err
	}
	if ct, err := c.Get(ctx, o.ID); err == nil {
		return c.reopened(ct, o)
	} else if !fault.Is(err, fault.NotFound) {
		return Contact{}, err
	}
	key, err := c.keys.NewKey(ctx, seal.KindContact, o.ID)
	if err != nil {
		return Contact{}, err
	}
	var network *seal.Key
	origin := Origin{Network: o.Network, Number: o.Number}
	if origin.Known() {
		if network, err = c.keys.NewKey(ctx, seal.KindNetwork, o.ID); err != nil {
			return Contact{}, errors.Join(err, c.keys.Destroy(ctx, key.ID()))
		}
	}
	ct := c.fresh(o, key.ID())
	if ct.reasons, err = sealReasons(key, ct.ID, o.Reasons); err != nil {
		return Contact{}, err
	}
	fresh := false
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, insertContact, ct.row()...)
		if err != nil {
			return err
		}
		if fresh = n == 1; !fresh {
			return nil
		}
		if network != nil {
			if err := insertNetwork(ctx, tx, ct.ID, network, origin, ct.OpenedAt); err != nil {
				return err
			}
			for _, fn := range c.onArrive {
				if err := fn(ctx, tx, ct.ID, origin); err != nil {
					return err
				}
			}
		}
		if err := c.prefill(ctx, tx, ct, key, o); err != nil {
			return err
		}
		if with != nil {
			if err := with(tx, ct, key); err != nil {
				return err
			}
		}
		by := VisitorOf(ct.ID)
		if o.StaffID != "" {
			by = audit.Actor{Kind: audit.Staff, ID: o.StaffID}
		}
		if err := c.counted(ctx, tx, ct.ID); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.announce(ct) })
		if ct.Danger {
			if err := c.marked(ctx, tx, ct.ID, DangerWords, SystemActor); err != nil {
				return err
			}
		}
		return c.record(ctx, tx, by, "contact.open", ct.ID, map[string]string{"channel": ct.Channel, "state": string(ct.State)})
	})
	if err == nil && fresh {
		c.identities.put(ct.ID, ct.identity())
		return ct, nil
	}
	// Nobody will ever use these keys: the same opening was faster on another connection, or nothing was written.
	undone := c.keys.Destroy(context.WithoutCancel(ctx), key.ID())
	if network != nil {
		undone = errors.Join(undone, c.keys.Destroy(context.WithoutCancel(ctx), network.ID()))
	}
	if err != nil {
		return Contact{}, errors.Join(err, undone)
	}
	there, err := c.Get(ctx, o.ID)
	if err != nil {
		return Contact{}, err
	}
	return c.reopened(there, o)
}

// reopened answers an opening whose id is there already.
func (c *Contacts) reopened(ct Contact, o Opening) (Contact, error) {
	// A clock that was put back makes no old opening new.
	if ct.Channel != o.Channel || c.now().Sub(store.Time(ct.OpenedAt)).Abs() > resendFor && o.At.IsZero() {
		return Contact{}, fault.New(fault.Conflict, "fault.contact.opened")
	}
	return ct, nil
}

func (c *Contacts) fresh(o Opening, keyID string) Contact {
	now := store.Millis(c.now())
	ct := Contact{
		ID: o.ID, KeyID: keyID, PersonID: o.PersonID, Channel: o.Channel, State: Waiting, Rev: 1,
		Lang: o.Lang, Public: o.Public, AgeBand: o.AgeBand, Topic: o.Topic, Queue: o.Queue,
		Priority: sum(o.Reasons), Danger: o.Danger, OpenedAt: now, WaitingSince: now, StateSince: now,
	}
	if !o.At.IsZero() {
		ct.OpenedAt = store.Millis(o.At)
	}
	if ct.PersonID == "" {
		ct.PersonID = store.NewID()
	}
	if o.Channel == ChannelNote {
		ct.State, ct.WaitingSince, ct.AnsweredAt = WrapUp, 0, now
		ct.CounsellorID, ct.StickyID = o.StaffID, o.StaffID
	}
	return ct
}

// check refuses what cannot be, and adds what follows from the first answers: the queue, and reasons.
func (c *Contacts) check(o *Opening) error {
	wrong := fault.New(fault.Invalid, "fault.contact.opening")
	if !isID(o.ID) || o.PersonID != "" && !isID(o.PersonID) || o.Lang == "" {
		return wrong
	}
	switch o.Channel {
	case ChannelChat, ChannelPhone, ChannelMessage:
		if o.StaffID != "" {
			return wrong
		}
	case ChannelNote:
		if o.StaffID == "" {
			return wrong
		}
	default:
		return wrong
	}
	for _, code := range []string{o.Lang, o.Queue} {
		if !isCode(code) {
			return wrong
		}
	}
	set := c.catalogue()
	for question, code := range o.answers() {
		if !set.Questions.Has(question, code) {
			return wrong
		}
		asked, _ := set.Questions.Question(question)
		if choice, ok := asked.Choice(code); ok && choice.Reason != "" {
			merge(&o.Reasons, c.reason(choice.Reason), store.Millis(c.now()))
		}
	}
	byPhone := slices.ContainsFunc(o.Reasons, func(r Reason) bool { return r.Code == catalogue.ReasonVoicemail || r.Code == catalogue.ReasonCallback })
	if o.Channel == ChannelMessage && !byPhone {
		merge(&o.Reasons, c.reason(catalogue.ReasonMessage), store.Millis(c.now()))
	}
	if o.PersonID != "" && !o.Recognised {
		merge(&o.Reasons, c.reason(catalogue.ReasonCameBack), store.Millis(c.now()))
	}
	if o.Queue == "" {
		o.Queue = set.Queues.For(o.Lang, o.Public, o.Topic).Code
	}
	return nil
}

// answers are the first questions' answers.
func (o Opening) answers() map[string]string {
	return map[string]string{catalogue.AskWho: o.Public, catalogue.AskAge: o.AgeBand, catalogue.AskTopic: o.Topic}
}

// reason is a reason of the catalogue with its weight.
func (c *Contacts) reason(code string) Reason {
	r, _ := c.catalogue().Queues.Reason(code)
	return Reason{Code: code, Weight: r.Weight}
}

// isID says that a client's id is a UUID in its usual form.
func isID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}

// isCode says that a value can only be a code: what stands in clear must never be able to hold a word
// that somebody typed.
func isCode(s string) bool {
	if len(s) > 40 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.' {
			return false
		}
	}
	return true
}

// Get returns a contact, or fault.NotFound "fault.contact.unknown".
func (c *Contacts) Get(ctx context.Context, id string) (Contact, error) { return get(ctx, c.db, id) }

// GetWithin is Get in the caller's transaction.
func (c *Contacts) GetWithin(ctx context.Context, tx *store.Tx, id string) (Contact, error) {
	return get(ctx, tx, id)
}

func get(ctx context.Context, q store.Querier, id string) (Contact, error) {
	ct, err := store.One(ctx, q, scanContact, selectContact+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return Contact{}, fault.New(fault.NotFound, "fault.contact.unknown")
	}
	return ct, err
}

// InStates returns the contacts in these states, the longest in their state first.
func (c *Contacts) InStates(ctx context.Context, states ...State) ([]Contact, error) {
	var b store.Builder
	b.Text(selectContact)
	store.In(&b, " WHERE state", states)
	b.Text(` ORDER BY state_since, id`)
	return store.All(ctx, c.db, scanContact, b.SQL(), b.Args()...)
}

// Some returns those of these contacts that there are; it is made for tens of them, not for thousands.
func (c *Contacts) Some(ctx context.Context, ids []string) ([]Contact, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var b store.Builder
	b.Text(selectContact)
	store.In(&b, " WHERE id", ids)
	return store.All(ctx, c.db, scanContact, b.SQL(), b.Args()...)
}

// InDanger returns the contacts in these states that have the danger mark, the longest in their state first.
func (c *Contacts) InDanger(ctx context.Context, states ...State) ([]Contact, error) {
	var b store.Builder
	b.Text(selectContact)
	b.Text(` WHERE danger`)
	store.In(&b, " AND state", states)
	b.Text(` ORDER BY state_since, id`)
	return store.All(ctx, c.db, scanContact, b.SQL(), b.Args()...)
}

// Of returns the contacts that a counsellor has at her desk, closed ones excepted, and the one that
// rings there; the oldest first.
func (c *Contacts) Of(ctx context.Context, staffID string) ([]Contact, error) {
	return store.All(ctx, c.db, scanContact, selectOf, staffID)
}

// OfPerson returns a person's contacts, the oldest first.
func (c *Contacts) OfPerson(ctx context.Context, personID string) ([]Contact, error) {
	return store.All(ctx, c.db, scanContact, selectContact+` WHERE person_id = $1 ORDER BY opened_at, id`, personID)
}

// Move makes an event happen to a contact, in the caller's transaction, and announces it after the
// commit. It returns the contact as it stands then, or the fault that says why not: fault.NotFound
// "fault.contact.unknown", fault.Conflict "fault.contact.move" (often: somebody was faster),
// fault.Forbidden "fault.contact.not_yours", fault.Forbidden "fault.contact.in_danger" (a supervisor
// decides). Close asks for the required fields of the form, so it is made by Contacts.Close only.
func (c *Contacts) Move(ctx context.Context, tx *store.Tx, id string, ev Event, by audit.Actor, set Change) (Contact, error) {
	if ev == Close && !set.writtenUp {
		return Contact{}, fault.New(fault.Conflict, "fault.contact.required")
	}
	before, ct, err := c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
		return ct.after(ev, by, set, store.Millis(c.now()))
	})
	if err != nil {
		return Contact{}, err
	}
	detail := map[string]string{"from": string(before.State), "to": string(ct.State)}
	if set.StaffID != "" {
		detail["staff"] = set.StaffID
	}
	if ev == Dismiss {
		detail["closing"] = ct.Closing
	}
	if err := c.record(ctx, tx, by, "contact."+string(ev), id, detail); err != nil {
		return Contact{}, err
	}
	if err := c.follow(ctx, tx, Moved{Before: before, After: ct, Event: ev, By: by, Farewell: set.Farewell}); err != nil {
		return Contact{}, err
	}
	if ct.State == Closed && before.State != Closed {
		if err := c.shortenSessions(ctx, tx, id); err != nil {
			return Contact{}, err
		}
		if _, err := c.dropNetwork(ctx, tx, id); err != nil {
			return Contact{}, err
		}
	}
	tx.AfterCommit(func() { c.announce(ct) })
	return ct, nil
}

// move is Move in a transaction of its own.
func (c *Contacts) move(ctx context.Context, id string, ev Event, by audit.Actor, set Change) (Contact, error) {
	var ct Contact
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		ct, err = c.Move(ctx, tx, id, ev, by, set)
		return err
	})
	return ct, err
}

// amend reads a contact, changes it and writes it back only if nobody changed it meanwhile; else again.
// change must be repeatable.
func (c *Contacts) amend(ctx context.Context, tx *store.Tx, id string, change func(Contact) (Contact, error)) (before, after Contact, err error) {
	const attempts = 8
	for range attempts {
		if before, err = get(ctx, tx, id); err != nil {
			return before, after, err
		}
		if after, err = change(before); err != nil {
			return before, before, err
		}
		after.Rev = before.Rev + 1
		n, err := tx.Exec(ctx, updateContact, after.changes(before.Rev)...)
		if err != nil {
			return before, after, err
		}
		if n == 1 {
			return before, after, nil
		}
	}
	return before, after, fault.New(fault.Conflict, "fault.contact.move")
}

// EndConversation says goodbye, for whoever does: the person, a counsellor, the clock.
func (c *Contacts) EndConversation(ctx context.Context, id string, by audit.Actor, set Change) (Contact, error) {
	switch by.Kind {
	case audit.Visitor:
		return c.move(ctx, id, VisitorEnds, by, set)
	case audit.Staff:
		return c.move(ctx, id, StaffEnds, by, set)
	}
	return c.move(ctx, id, SystemEnds, by, set)
}

// IsLetter says that a contact is a message that was left, and not (yet) a conversation: nobody waits at
// its other end, it is read and answered when we are there.
func (c Contact) IsLetter() bool { return c.Channel == ChannelMessage && c.State != Talking }

// Live says that somebody is at the other end now, on a chat or on the phone: the contact is offered, and has
// its place in line. What was left for us is taken from the list.
func (c Contact) Live() bool { return c.Channel == ChannelChat || c.Channel == ChannelPhone }

// LeaveQuickly is the quick exit: every session of the contact ends at once, the desk sees "left
// quickly", and nothing is closed for half an hour. A message that was left stays in line: its person
// need not be there for it to be answered.
func (c *Contacts) LeaveQuickly(ctx context.Context, id string) (Contact, error) {
	var ct Contact
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		if err := c.endSessions(ctx, tx, id); err != nil {
			return err
		}
		var err error
		if ct, err = get(ctx, tx, id); err != nil || ct.IsLetter() {
			return err
		}
		ct, err = c.Move(ctx, tx, id, Leave, VisitorOf(id), Change{})
		if fault.Is(err, fault.Conflict) {
			// Left twice, or over already: her sessions end all the same.
			ct, err = get(ctx, tx, id)
		}
		return err
	})
	return ct, err
}

// Return is a person who is back at a parked contact or one she left: straight to her counsellor when
// that one still has it, else first in line. Any other open state stays as it is. by is the person, or
// the system when a sweep finds that she wrote. It returns fault.Gone "fault.contact.closed" when the
// conversation is over.
func (c *Contacts) Return(ctx context.Context, id string, by audit.Actor) (Contact, error) {
	ct, err := c.Get(ctx, id)
	if err != nil {
		return Contact{}, err
	}
	// Asked outside the transaction: presence is another room's, and may have to be read.
	still := ct.CounsellorID != "" && c.stillHas(ctx, ct.CounsellorID, id)
	counsellor := ct.CounsellorID
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if ct, err = get(ctx, tx, id); err != nil {
			return err
		}
		if !ct.State.Open() {
			return fault.New(fault.Gone, "fault.contact.closed")
		}
		if ct.State != Parked && ct.State != Left {
			return nil
		}
		if still && ct.CounsellorID == counsellor {
			ct, err = c.Move(ctx, tx, id, Rejoin, by, Change{})
			return err
		}
		why := catalogue.ReasonParkedBack
		if ct.State == Left {
			why = catalogue.ReasonLeftBack
		}
		if _, err = c.Move(ctx, tx, id, Return, by, Change{}); err != nil {
			return err
		}
		ct, err = c.AddReason(ctx, tx, id, c.reason(why))
		return err
	})
	return ct, err
}

// Park sets a contact aside whose person went quiet. by is the system, or the counsellor herself.
func (c *Contacts) Park(ctx context.Context, tx *store.Tx, id string, by audit.Actor) (Contact, error) {
	return c.Move(ctx, tx, id, Quiet, by, Change{})
}

// Dismiss closes in one click what was a test, a joke or nobody: closing is the code of a category that
// closes (catalogue.Taxonomy.Closings). It is written into the form as what the contact was about. It
// returns fault.Invalid "fault.contact.closing" for another code, and the faults of Move.
func (c *Contacts) Dismiss(ctx context.Context, id, closing string, by audit.Actor, supervising bool) (Contact, error) {
	return c.DismissWith(ctx, id, closing, by, supervising, nil)
}

// DismissWith is Dismiss with more written just before it in the same transaction: a last line.
func (c *Contacts) DismissWith(ctx context.Context, id, closing string, by audit.Actor, supervising bool, before func(tx *store.Tx, ct Contact, key *seal.Key) error) (Contact, error) {
	set := c.catalogue()
	if category, ok := set.Taxonomy.ByCode(closing); !ok || category.Closing == nil || category.Retired {
		return Contact{}, fault.New(fault.Invalid, "fault.contact.closing")
	}
	key, err := c.Key(ctx, id)
	if err != nil {
		return Contact{}, err
	}
	var ct Contact
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		if ct, err = get(ctx, tx, id); err != nil {
			return err
		}
		if before != nil && ct.State != Closed {
			if err := before(tx, ct, key); err != nil {
				return err
			}
		}
		if ct, err = c.Move(ctx, tx, id, Dismiss, by, Change{Closing: closing, Supervising: supervising}); err != nil {
			return err
		}
		return c.writeClosing(ctx, tx, ct, key, set, by)
	})
	return ct, err
}

// Look records that somebody opened a contact, and returns it. It is asked when a conversation is
// opened, not for each rendering. A contact of a person the reader knows does not exist for her:
// fault.NotFound "fault.contact.unknown".
func (c *Contacts) Look(ctx context.Context, id string, by audit.Actor, purpose string) (Contact, error) {
	ct, err := c.Get(ctx, id)
	if err != nil {
		return Contact{}, err
	}
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		if by.Kind == audit.Staff {
			barred, err := isBarred(ctx, tx, ct.PersonID, by.ID)
			if err != nil {
				return err
			}
			if barred {
				return fault.New(fault.NotFound, "fault.contact.unknown")
			}
		}
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.look", Object: "contact", ObjectID: id, Purpose: purpose})
	})
	if err != nil {
		return Contact{}, err
	}
	return ct, nil
}

// ReleasePast shows the person what she and we said before she came back: her counsellor has agreed
// with her that she is alone.
func (c *Contacts) ReleasePast(ctx context.Context, id string, by audit.Actor, supervising bool) (Contact, error) {
	var ct Contact
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		var before Contact
		before, ct, err = c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
			if ct.parties(by, Change{Supervising: supervising})&(Own|Supervisor) == 0 {
				return ct, fault.New(fault.Forbidden, "fault.contact.not_yours")
			}
			if !ct.State.Open() {
				return ct, fault.New(fault.Gone, "fault.contact.closed")
			}
			ct.ShownAfter, ct.PastReleasedAt = 0, store.Millis(c.now())
			return ct, nil
		})
		if err != nil {
			return err
		}
		if err := c.follow(ctx, tx, Moved{Before: before, After: ct, Event: Released, By: by}); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.announce(ct) })
		return c.record(ctx, tx, by, "contact.past_released", id, nil)
	})
	return ct, err
}

// Book turns the place in line of a person who would rather be answered later into a message that was
// left: what she wrote and why she is urgent stay, nobody is rung for her any more, and it is read when
// we are there. It returns fault.Conflict "fault.contact.move" for a contact that does not wait (any more).
func (c *Contacts) Book(ctx context.Context, id string) (Contact, error) {
	return c.BookWith(ctx, id, nil)
}

// BookWith is Book with more written in the same transaction: a promise to call back. with must be repeatable, like
// every transaction.
func (c *Contacts) BookWith(ctx context.Context, id string, with func(tx *store.Tx, ct Contact, key *seal.Key) error) (Contact, error) {
	key, err := c.Key(ctx, id)
	if err != nil {
		return Contact{}, err
	}
	var ct Contact
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if _, ct, err = c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
			if ct.State != Waiting || !ct.Live() {
				return ct, fault.New(fault.Conflict, "fault.contact.move")
			}
			reasons, err := openReasons(key, ct)
			if err != nil {
				return ct, err
			}
			merge(&reasons, c.reason(catalogue.ReasonMessage), store.Millis(c.now()))
			ct.Channel, ct.Priority = ChannelMessage, sum(reasons)
			ct.reasons, err = sealReasons(key, id, reasons)
			return ct, err
		}); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.announce(ct) })
		if with != nil {
			if err := with(tx, ct, key); err != nil {
				return err
			}
		}
		return c.record(ctx, tx, VisitorOf(id), "contact.book", id, nil)
	})
	return ct, err
}

// Identity is what never changes in a contact; it is remembered, so that a message costs no look-up.
type Identity struct {
	KeyID, PersonID, Lang string
}

func (c Contact) identity() Identity {
	return Identity{KeyID: c.KeyID, PersonID: c.PersonID, Lang: c.Lang}
}

// Identity returns what never changes in a contact, from memory when it was asked before.
func (c *Contacts) Identity(ctx context.Context, id string) (Identity, error) {
	if i, ok := c.identities.get(id); ok {
		return i, nil
	}
	ct, err := c.Get(ctx, id)
	if err != nil {
		return Identity{}, err
	}
	c.identities.put(id, ct.identity())
	return ct.identity(), nil
}

// Key returns the key of a contact: fault.Gone "fault.seal.destroyed" once it was erased.
func (c *Contacts) Key(ctx context.Context, id string) (*seal.Key, error) {
	i, err := c.Identity(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.keys.Key(ctx, i.KeyID)
}

// announce tells every node that a contact moved, and the router to look.
func (c *Contacts) announce(ct Contact) {
	payload, _ := json.Marshal(MovedEvent{State: ct.State, Rev: ct.Rev})
	c.bus.Publish("contact."+ct.ID+".state", payload)
	c.queueChanged(ct.ID)
}

// queueChanged tells every node's router, and every screen that shows the line, that a contact changed.
func (c *Contacts) queueChanged(id string) {
	payload, _ := json.Marshal(QueueEvent{Contact: id})
	c.bus.Publish("queue", payload)
}

// marked records that a contact got its danger mark, and tells whoever asked.
func (c *Contacts) marked(ctx context.Context, tx *store.Tx, id, cause string, by audit.Actor) error {
	for _, fn := range c.onDanger {
		if err := fn(ctx, tx, id, cause); err != nil {
			return err
		}
	}
	return c.record(ctx, tx, by, "contact.danger", id, map[string]string{"on": "yes"})
}

func (c *Contacts) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, id string, detail map[string]string) error {
	return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "contact", ObjectID: id, Detail: detail})
}
