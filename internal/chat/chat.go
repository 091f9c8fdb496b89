// Package chat carries the words between a person and the counsellor who has her contact.
//
// A message is acknowledged when it is committed, sealed, with its number in the conversation; whoever
// sent it may send it again under the same id and nothing is doubled. One message costs two statements:
// the message itself (the state of the contact and whose it is are checked inside the insert) and the
// row of the audit. Everybody who follows the conversation on this node is handed the message as it
// was sent; other nodes are woken and read it once for all who follow there.
//
// Every message of the person passes the danger lexicon. It may raise a priority and set the danger
// mark, in the message's own transaction; it never answers and never discards.
package chat

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/picture"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Who speaks.
const (
	Visitor = "visitor"
	Staff   = "staff"
	System  = "system"
)

// The kinds of message.
const (
	Text       = "text"       // words
	Card       = "card"       // something to read; the body names it (guide.Card)
	Ask        = "ask"        // the counsellor asks for one named proof; the body is an Asked as JSON
	Attachment = "attachment" // a file came; the body is a Came as JSON
	Line       = "line"       // the house speaks; the body is the text
)

// Message is one message, opened.
type Message struct {
	ID, ContactID string
	// Seq counts from 1 without a gap within a contact.
	Seq  int64
	From string
	// AuthorID is the member of staff who wrote it; "" for the person and for the house.
	AuthorID string
	Kind     string
	Body     string
	// At is when the server took it, Unix milliseconds.
	At int64
}

// Sending is a message to be sent.
type Sending struct {
	// ID is made by whoever may resend: a UUID.
	ID, ContactID string
	From          string
	// AuthorID is the member of staff, or the PersonID of the visitor's session: a message of one person
	// to another's contact is refused.
	AuthorID string
	Kind     string // Text or Card; "" is Text
	Body     string
	// Quotes are what of a visitor's body stands in our words.
	Quotes []Quote
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Keys      *seal.Keeper
	Audit     *audit.Log
	Bus       *bus.Bus
	Contacts  *contact.Contacts
	Blobs     Blobs
	Catalogue func() *catalogue.Set
	// Alias is how a child knows a counsellor; nil says no line that names one.
	Alias func(ctx context.Context, staffID string) string
	// HoldIllegal says that the helpline has a written protocol with the prosecutor by which a file
	// marked "possibly illegal" is held. Without one it is destroyed at once.
	HoldIllegal bool
	// AlsoNamed says whether another room names a sealed file; nil says that none does.
	AlsoNamed func(ctx context.Context, blobID string) (bool, error)
	// Pictures opens pictures in a process of its own; nil is picture.New.
	Pictures *picture.Process
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Chats is the room. It is safe for concurrent use.
type Chats struct {
	db        *store.DB
	keys      *seal.Keeper
	log       *audit.Log
	bus       *bus.Bus
	contacts  *contact.Contacts
	blobs     Blobs
	catalogue func() *catalogue.Set
	alias     func(ctx context.Context, staffID string) string
	hold      bool
	alsoNamed func(ctx context.Context, blobID string) (bool, error)
	pictures  *picture.Process
	now       func() time.Time
	slog      *slog.Logger

	feed     *Feed
	marks    marks
	turns    [1024]sync.Mutex // PostgreSQL: this node's senders to one contact take turns
	typed    lastTyped
	heard    lately
	patience chan struct{} // holds one when the catalogue changed
	stops    []func()
}

// New opens the room. Close it to write the last marks and leave the bus.
func New(o Options) (*Chats, error) {
	c := &Chats{
		db: o.DB, keys: o.Keys, log: o.Audit, bus: o.Bus, contacts: o.Contacts, blobs: o.Blobs, catalogue: o.Catalogue, alias: o.Alias,
		hold: o.HoldIllegal, alsoNamed: o.AlsoNamed, pictures: o.Pictures, now: o.Now, slog: o.Log,
		patience: make(chan struct{}, 1),
	}
	if c.pictures == nil {
		c.pictures = picture.New()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.slog == nil {
		c.slog = slog.Default()
	}
	c.marks.chats = c
	c.contacts.LastSeq(lastSeq)
	c.contacts.OnMove(c.follow)
	c.contacts.OnErase(contact.Eraser{Before: c.eraseBlobs, Within: c.eraseKeys})
	c.feed = newFeed(c)
	if err := c.listen(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Chats) listen() error {
	stop, err := c.feed.listen()
	if err != nil {
		return err
	}
	c.stops = append(c.stops, stop)
	for subject, heard := range map[string]func(string, []byte){
		"contact.*.typing": c.typed.hear(c.now),
		"catalogue":        func(string, []byte) { c.rethink() },
	} {
		if stop, err = c.bus.Subscribe(subject, heard); err != nil {
			return err
		}
		c.stops = append(c.stops, stop)
	}
	return nil
}

// Run looks after what time brings: children who went quiet, proofs that never came, wake-ups that were
// lost. Every node runs it; it returns when ctx ends.
func (c *Chats) Run(ctx context.Context) {
	var wait sync.WaitGroup
	wait.Go(func() { c.feed.run(ctx) })
	wait.Go(func() { c.watchSilence(ctx) })
	wait.Go(func() { c.watchAttachments(ctx) })
	wait.Wait()
}

// Close writes the marks that wait and leaves the bus.
func (c *Chats) Close() {
	for _, stop := range c.stops {
		stop()
	}
	c.stops = nil
	c.marks.flush()
	c.feed.close()
}

// Feed returns this node's fan-out.
func (c *Chats) Feed() *Feed { return c.feed }

// Send commits a message and hands it to everybody who follows. Sent again under the same id it returns
// the message that is there. It returns fault.Invalid "fault.chat.empty" and "fault.chat.too_long" for
// the body, fault.Invalid "fault.chat.blank" where a ready answer was not completed, "fault.chat.id" for an id that is none, fault.Gone "fault.chat.over" for a
// conversation that is over, fault.Forbidden "fault.chat.not_yours" for somebody else's contact,
// fault.NotFound "fault.contact.unknown".
func (c *Chats) Send(ctx context.Context, s Sending) (Message, error) {
	if s.Kind == "" {
		s.Kind = Text
	}
	if id, err := uuid.Parse(s.ID); err != nil || id.String() != s.ID {
		return Message{}, fault.New(fault.Invalid, "fault.chat.id")
	}
	switch {
	case s.From == Visitor && s.Kind == Text, s.From == Staff && (s.Kind == Text || s.Kind == Card):
	default:
		return Message{}, fault.New(fault.Invalid, "fault.chat.id")
	}
	body, err := Clean(s.Body)
	if err != nil {
		return Message{}, err
	}
	if s.From == Staff && s.Kind == Text {
		if blank := catalogue.Blank(body); blank != "" {
			return Message{}, fault.New(fault.Invalid, "fault.chat.blank", "blank", blank)
		}
	}
	m := Message{ID: s.ID, ContactID: s.ContactID, From: s.From, Kind: s.Kind, Body: body, At: store.Millis(c.now())}
	if s.From == Staff {
		m.AuthorID = s.AuthorID
	}
	key, err := c.contacts.Key(ctx, s.ContactID)
	if err != nil {
		return Message{}, err
	}
	stored, state, err := c.store(ctx, m, key, s.AuthorID, s.Quotes)
	if err != nil {
		return Message{}, err
	}
	if stored.Seq != 0 {
		c.announce(stored)
		if s.From == Visitor && state == contact.Parked {
			// She is stored and acknowledged whatever happens here; the sweep finds her if this fails.
			if _, err := c.contacts.Return(context.WithoutCancel(ctx), s.ContactID, m.actor()); err != nil {
				c.slog.Error("a parked contact whose person wrote waits for the sweep", "contact", s.ContactID, "error", err)
			}
		}
		return stored, nil
	}
	return c.stored(ctx, s, key)
}

// store writes a message and its audit row; Seq is 0 when nothing was written: sent before, or refused.
func (c *Chats) store(ctx context.Context, m Message, key *seal.Key, author string, quotes []Quote) (Message, contact.State, error) {
	own, quoted, grave := apart(m.Body, quotes)
	hits := c.listenFor(m, own)
	reasons, danger := alarm(hits)
	reasons, danger = append(reasons, quoted...), danger || grave
	insert := c.insert(m, key, author)
	var state contact.State
	insert.MustReturn = true
	insert.Scan = func(r store.Row) error { return r.Scan(&m.Seq, &state) }
	entry := c.log.Stmt(audit.Entry{Actor: m.actor(), Act: "chat.send", Object: "contact", ObjectID: m.ContactID,
		Detail: map[string]string{"message": m.ID, "kind": m.Kind}})
	if c.db.Engine() == store.PostgreSQL {
		turn := &c.turns[shard(m.ContactID)%uint32(len(c.turns))]
		turn.Lock()
		defer turn.Unlock()
	}
	const attempts = 30
	for i := 0; ; i++ {
		m.Seq = 0
		var err error
		if len(reasons) == 0 {
			var wrote bool
			if wrote, err = c.db.Append(ctx, insert, entry); !wrote {
				m.Seq = 0
			}
		} else {
			err = c.storeAlarming(ctx, &m, insert, entry, reasons, danger)
		}
		if err == nil {
			if m.Seq != 0 {
				c.heard.note(m, own, hits, c.now())
			}
			return m, state, nil
		}
		if !store.IsConflict(err) || i == attempts-1 {
			return Message{}, "", err // m may still be written to when the caller gave up
		}
		// Two nodes gave the same number on PostgreSQL; one of them won it.
		select {
		case <-time.After(time.Duration(rand.IntN(2+2*i)) * time.Millisecond):
		case <-ctx.Done():
			return Message{}, "", ctx.Err()
		}
	}
}

// storeAlarming writes a message together with what its words mean, so that neither is ever without the other.
func (c *Chats) storeAlarming(ctx context.Context, m *Message, insert, entry store.Stmt, reasons []contact.Reason, danger bool) error {
	return c.db.UrgentTx(ctx, func(tx *store.Tx) error {
		m.Seq = 0
		_, err := store.One(ctx, tx, func(r store.Row) (struct{}, error) { return struct{}{}, insert.Scan(r) }, insert.SQL, insert.Args...)
		if errors.Is(err, store.ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, entry.SQL, entry.Args...); err != nil {
			return err
		}
		_, err = c.contacts.Alarm(ctx, tx, m.ContactID, reasons, danger)
		return err
	})
}

// stored answers a Send that wrote nothing: the message that is there already, or why there is none.
func (c *Chats) stored(ctx context.Context, s Sending, key *seal.Key) (Message, error) {
	m, err := store.One(ctx, c.db, scanMessage(key), selectMessage+` WHERE id = $1 AND contact_id = $2 AND sender = $3`, s.ID, s.ContactID, s.From)
	if err == nil && (s.From == Visitor || m.AuthorID == s.AuthorID) {
		ct, err := c.contacts.Identity(ctx, s.ContactID)
		if err == nil && s.From == Visitor && ct.PersonID != s.AuthorID {
			err = fault.New(fault.Forbidden, "fault.chat.not_yours")
		}
		return m, err
	}
	if err != nil && !errors.Is(err, store.ErrNoRow) {
		return Message{}, err
	}
	ct, err := c.contacts.Get(ctx, s.ContactID)
	if err != nil {
		return Message{}, err
	}
	switch {
	case s.From == Visitor && ct.PersonID != s.AuthorID, s.From == Staff && ct.State.Open() && ct.CounsellorID != s.AuthorID:
		return Message{}, fault.New(fault.Forbidden, "fault.chat.not_yours")
	case !ct.State.Open(), ct.State == contact.Left:
		return Message{}, fault.New(fault.Gone, "fault.chat.over")
	case s.From == Staff && ct.State != contact.Talking && ct.State != contact.Parked:
		return Message{}, fault.New(fault.Forbidden, "fault.chat.not_yours")
	}
	// The id stands for another message, or the contact changed between the two looks.
	return Message{}, fault.New(fault.Conflict, "fault.chat.again")
}

func (m Message) actor() audit.Actor {
	switch m.From {
	case Visitor:
		return contact.VisitorOf(m.ContactID)
	case Staff:
		return audit.Actor{Kind: audit.Staff, ID: m.AuthorID}
	}
	return contact.SystemActor
}

// woken is what the bus says of a message: its number, and the node that has handed it out already.
type woken struct {
	Seq  int64  `json:"seq"`
	Node string `json:"node"`
}

// announce hands a committed message to those who follow here, then wakes the other nodes.
func (c *Chats) announce(m Message) {
	c.feed.hand(m)
	payload, _ := json.Marshal(woken{Seq: m.Seq, Node: c.bus.NodeID()})
	c.bus.PublishElsewhere("contact."+m.ContactID+".message", payload)
}

// ShownTo is Latest for the person's own screen: what was said before she came back with her code
// stays hidden until her counsellor shows it (contact.ReleasePast). A follower of hers begins after
// ct.ShownAfter, too.
func (c *Chats) ShownTo(ctx context.Context, ct contact.Contact, before int64, limit int) ([]Message, error) {
	all, err := c.Latest(ctx, ct.ID, before, limit)
	return slices.DeleteFunc(all, func(m Message) bool { return m.Seq <= ct.ShownAfter }), err
}

// Messages returns at most limit messages after a number, in order.
func (c *Chats) Messages(ctx context.Context, contactID string, after int64, limit int) ([]Message, error) {
	key, err := c.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	return store.All(ctx, c.db, scanMessage(key), selectMessage+` WHERE contact_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, contactID, after, limit)
}

// Latest returns at most limit messages before a number (0: the last ones), in order.
func (c *Chats) Latest(ctx context.Context, contactID string, before int64, limit int) ([]Message, error) {
	key, err := c.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	if before <= 0 {
		before = 1<<62 - 1
	}
	return store.All(ctx, c.db, scanMessage(key), latestMessages, contactID, before, limit)
}

// Summary is what a list of conversations shows without opening one.
type Summary struct {
	LastSeq int64
	// LastFrom and LastAt are of the last message that the house did not write itself.
	LastFrom string
	LastAt   int64
	// SeenByStaff and SeenByVisitor are the marks.
	SeenByStaff, SeenByVisitor int64
}

// Typing announces that somebody is typing, or stopped. What is typed is never sent.
func (c *Chats) Typing(contactID, who string, on bool) {
	if who != Visitor && who != Staff {
		return
	}
	c.bus.Publish("contact."+contactID+".typing", []byte(`{"who":"`+who+`","on":`+strconv.FormatBool(on)+`}`))
}

// lastSeq is the number of a contact's last message.
func lastSeq(ctx context.Context, q store.Querier, contactID string) (int64, error) {
	return store.One(ctx, q, func(r store.Row) (int64, error) { var n int64; return n, r.Scan(&n) },
		`SELECT COALESCE(max(seq), 0) FROM message WHERE contact_id = $1`, contactID)
}

// shard spreads contacts (FNV-1a).
func shard(id string) uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(id); i++ {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return h
}
