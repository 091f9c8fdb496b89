package chat_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// The cast: two counsellors and a supervisor.
var (
	claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}
	karim  = audit.Actor{Kind: audit.Staff, ID: "staff-karim"}
	nadia  = audit.Actor{Kind: audit.Staff, ID: "staff-nadia"}
)

var home = netip.MustParseAddrPort("203.0.113.7:51234")

// clock is a time that only goes when it is told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a helpline on a fresh record: one node, to begin with.
type world struct {
	*chat.Chats
	t        testing.TB
	ctx      context.Context
	db       *store.DB
	keys     *seal.Keeper
	keyFile  string
	blobs    *blob.Disk
	blobDir  string
	bus      *bus.Bus
	set      *catalogue.Set
	contacts *contact.Contacts
	clock    *clock
	logs     *syncBuffer

	mu   sync.Mutex
	rang []string
}

// syncBuffer takes the logs of every goroutine.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, ctx: context.Background(), db: db, clock: &clock{t: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)},
		keyFile: filepath.Join(dir, "vigie.key"), blobDir: filepath.Join(dir, "blobs"), logs: &syncBuffer{}}
	custodian, err := seal.FileCustodian(w.keyFile)
	w.must(err)
	w.keys, err = seal.Open(w.ctx, db, custodian, w.clock.now)
	w.must(err)
	w.set, err = catalogue.Seeds()
	w.must(err)
	w.blobs, err = blob.OpenDisk(w.blobDir)
	w.must(err)
	w.bus, err = bus.Open(w.ctx, bus.Options{})
	w.must(err)
	t.Cleanup(w.bus.Close)
	w.Chats, w.contacts = w.node(w.bus, chat.Options{})
	return w
}

// node is another server on the same record.
func (w *world) node(b *bus.Bus, o chat.Options) (*chat.Chats, *contact.Contacts) {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	current := func() *catalogue.Set { return w.set }
	audits := audit.Open(w.db, w.keys.Derive("audit"), b.NodeID(), w.clock.now)
	contacts, err := contact.New(contact.Options{DB: w.db, Keys: w.keys, Audit: audits, Bus: b, Catalogue: current, Now: w.clock.now, Log: log})
	w.must(err)
	w.t.Cleanup(contacts.Stop)
	contacts.OnDanger(func(_ context.Context, _ *store.Tx, id, _ string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rang = append(w.rang, id)
		return nil
	})
	o.DB, o.Keys, o.Audit, o.Bus, o.Contacts, o.Blobs, o.Catalogue, o.Now, o.Log = w.db, w.keys, audits, b, contacts, w.blobs, current, w.clock.now, log
	chats, err := chat.New(o)
	w.must(err)
	w.t.Cleanup(chats.Close)
	w.must(b.Flush())
	return chats, contacts
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused wants a fault with this key.
func (w *world) refused(err error, key string) {
	w.t.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.t.Fatalf("%v; want %s", err, key)
	}
}

// child opens a chat as a child at home does.
func (w *world) child() contact.Contact {
	w.t.Helper()
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Network: home})
	w.must(err)
	return ct
}

func (w *world) moved(id string, ev contact.Event, by audit.Actor, set contact.Change) contact.Contact {
	w.t.Helper()
	var ct contact.Contact
	w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error {
		var err error
		ct, err = w.contacts.Move(w.ctx, tx, id, ev, by, set)
		return err
	}))
	return ct
}

// talking is a child whom a counsellor has answered.
func (w *world) talking(counsellor audit.Actor) contact.Contact {
	w.t.Helper()
	return w.moved(w.child().ID, contact.Take, counsellor, contact.Change{})
}

func (w *world) get(id string) contact.Contact {
	w.t.Helper()
	ct, err := w.contacts.Get(w.ctx, id)
	w.must(err)
	return ct
}

// says is a message of the person, sent as her phone does.
func (w *world) says(ct contact.Contact, body string) chat.Message {
	w.t.Helper()
	m, err := w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: body})
	w.must(err)
	return m
}

// answers is a message of her counsellor.
func (w *world) answers(ct contact.Contact, body string) chat.Message {
	w.t.Helper()
	m, err := w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Staff, AuthorID: w.get(ct.ID).CounsellorID, Body: body})
	w.must(err)
	return m
}

// conversation is every message, opened.
func (w *world) conversation(id string) []chat.Message {
	w.t.Helper()
	all, err := w.Messages(w.ctx, id, 0, 1000)
	w.must(err)
	return all
}

// words is what people said, without the lines of the house.
func (w *world) words(id string) []chat.Message {
	w.t.Helper()
	return slices.DeleteFunc(w.conversation(id), func(m chat.Message) bool { return m.From == chat.System })
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	n, err := store.One(w.ctx, w.db, func(r store.Row) (int, error) { var n int; return n, r.Scan(&n) }, query, args...)
	w.must(err)
	return n
}

// acts are what the audit says was done to a contact, in order.
func (w *world) acts(contactID string) []string {
	w.t.Helper()
	acts, err := store.All(w.ctx, w.db, func(r store.Row) (string, error) { var s string; return s, r.Scan(&s) },
		`SELECT act FROM audit WHERE object_id = $1 ORDER BY id`, contactID)
	w.must(err)
	return acts
}

func (w *world) did(contactID, act string) bool { return slices.Contains(w.acts(contactID), act) }

func (w *world) rings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.rang)
}

// eventually waits for what another goroutine or node does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("it never came: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// listener keeps what a follower was told.
type listener struct {
	mu     sync.Mutex
	events []chat.Event
}

func (l *listener) hear(e chat.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = nil
}

func (l *listener) all() []chat.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// seqs are the numbers of the messages that were heard, in order.
func (l *listener) seqs() []int64 {
	var seqs []int64
	for _, e := range l.all() {
		if e.Kind == chat.EventMessage {
			seqs = append(seqs, e.Message.Seq)
		}
	}
	return seqs
}

func (l *listener) heard(kind chat.EventKind) (chat.Event, bool) {
	for _, e := range l.all() {
		if e.Kind == kind {
			return e, true
		}
	}
	return chat.Event{}, false
}

// upTo is 1, 2, … n.
func upTo(n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i + 1)
	}
	return all
}
