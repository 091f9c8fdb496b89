package casefile_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// The cast: two counsellors and a supervisor.
var (
	claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}
	karim  = audit.Actor{Kind: audit.Staff, ID: "staff-karim"}
	nadia  = audit.Actor{Kind: audit.Staff, ID: "staff-nadia"}
)

// world is a helpline of one node on a fresh record, with a clock that goes when it is told to.
type world struct {
	*casefile.Files
	t        *testing.T
	ctx      context.Context
	db       *store.DB
	keys     *seal.Keeper
	log      *audit.Log
	contacts *contact.Contacts
	set      *catalogue.Set

	mu sync.Mutex
	at time.Time
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(newWorld(t, db)) })
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), db: db, at: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)}
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
	w.must(err)
	w.keys, err = seal.Open(w.ctx, db, custodian, w.now)
	w.must(err)
	w.set, err = catalogue.Seeds()
	w.must(err)
	b, err := bus.Open(w.ctx, bus.Options{})
	w.must(err)
	t.Cleanup(b.Close)
	w.log = audit.Open(db, w.keys.Derive("audit"), b.NodeID(), w.now)
	current := func() *catalogue.Set { return w.set }
	w.contacts, err = contact.New(contact.Options{DB: db, Keys: w.keys, Audit: w.log, Bus: b, Catalogue: current, Now: w.now, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	t.Cleanup(w.contacts.Stop)
	w.Files = casefile.New(casefile.Options{DB: db, Keys: w.keys, Audit: w.log, Bus: b, Contacts: w.contacts, Catalogue: current, Now: w.now, Log: slog.New(slog.DiscardHandler)})
	return w
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

// child is a contact of somebody, of a person who came before or of "" for somebody new.
func (w *world) child(personID string) contact.Contact {
	w.t.Helper()
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", PersonID: personID})
	w.must(err)
	return ct
}

// answered moves a contact to a counsellor who talks with its person.
func (w *world) answered(id string, by audit.Actor) {
	w.t.Helper()
	move := func(ev contact.Event, who audit.Actor, set contact.Change) {
		w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error {
			_, err := w.contacts.Move(w.ctx, tx, id, ev, who, set)
			return err
		}))
	}
	move(contact.Offer, contact.SystemActor, contact.Change{StaffID: by.ID, OfferUntil: store.Millis(w.now()) + 20_000})
	move(contact.Accept, by, contact.Change{})
}

// file is the file of a new child, opened by somebody.
func (w *world) file(by audit.Actor) casefile.File {
	w.t.Helper()
	f, err := w.OpenFor(w.ctx, w.child("").ID, casefile.RoomChild, by)
	w.must(err)
	return f
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	n, err := store.One(w.ctx, w.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, query, args...)
	w.must(err)
	return n
}

// acts are the codes that the log has of an act on a file.
func (w *world) acts(act, fileID string) int {
	return w.count(`SELECT count(*) FROM audit WHERE act = $1 AND object_id = $2`, act, fileID)
}
