package contact_test

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
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

// world is a helpline of one node on a fresh record.
type world struct {
	*contact.Contacts
	t     *testing.T
	ctx   context.Context
	db    *store.DB
	keys  *seal.Keeper
	log   *audit.Log
	bus   *bus.Bus
	set   *catalogue.Set
	clock *clock

	mu   sync.Mutex
	rang []string
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), db: db, clock: &clock{t: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)}}
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
	w.must(err)
	w.keys, err = seal.Open(w.ctx, db, custodian, w.clock.now)
	w.must(err)
	w.set, err = catalogue.Seeds()
	w.must(err)
	w.bus, err = bus.Open(w.ctx, bus.Options{})
	w.must(err)
	t.Cleanup(w.bus.Close)
	w.log = audit.Open(db, w.keys.Derive("audit"), w.bus.NodeID(), w.clock.now)
	w.Contacts = w.node(w.bus, contact.Options{})
	return w
}

// node is another server on the same record.
func (w *world) node(b *bus.Bus, o contact.Options) *contact.Contacts {
	w.t.Helper()
	o.DB, o.Keys, o.Audit, o.Bus, o.Now = w.db, w.keys, w.log, b, w.clock.now
	o.Catalogue = func() *catalogue.Set { return w.set }
	o.Log = slog.New(slog.DiscardHandler)
	c, err := contact.New(o)
	w.must(err)
	w.t.Cleanup(c.Stop)
	c.OnDanger(func(_ context.Context, _ *store.Tx, id, _ string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rang = append(w.rang, id)
		return nil
	})
	return c
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
	ct, err := w.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Network: home})
	w.must(err)
	return ct
}

func (w *world) move(id string, ev contact.Event, by audit.Actor, set contact.Change) (contact.Contact, error) {
	var ct contact.Contact
	err := w.db.Tx(w.ctx, func(tx *store.Tx) error {
		var err error
		ct, err = w.Move(w.ctx, tx, id, ev, by, set)
		return err
	})
	return ct, err
}

func (w *world) moved(id string, ev contact.Event, by audit.Actor, set contact.Change) contact.Contact {
	w.t.Helper()
	ct, err := w.move(id, ev, by, set)
	w.must(err)
	return ct
}

// talking is a child whom a counsellor has answered.
func (w *world) talking(counsellor audit.Actor) contact.Contact {
	w.t.Helper()
	ct := w.child()
	w.moved(ct.ID, contact.Offer, contact.SystemActor, contact.Change{StaffID: counsellor.ID, OfferUntil: store.Millis(w.clock.now()) + 20_000})
	return w.moved(ct.ID, contact.Accept, counsellor, contact.Change{})
}

// get reads a contact again.
func (w *world) get(id string) contact.Contact {
	w.t.Helper()
	ct, err := w.Get(w.ctx, id)
	w.must(err)
	return ct
}

func (w *world) tx(fn func(tx *store.Tx) error) {
	w.t.Helper()
	w.must(w.db.Tx(w.ctx, fn))
}

// acts are what the audit says was done to an object, in order.
func (w *world) acts(objectID string) []string {
	w.t.Helper()
	acts, err := store.All(w.ctx, w.db, scanText, `SELECT act FROM audit WHERE object_id = $1 ORDER BY id`, objectID)
	w.must(err)
	return acts
}

func (w *world) did(objectID, act string) bool { return slices.Contains(w.acts(objectID), act) }

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	n, err := store.One(w.ctx, w.db, func(r store.Row) (int, error) { var n int; return n, r.Scan(&n) }, query, args...)
	w.must(err)
	return n
}

func (w *world) rings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.rang)
}

// eventually waits for what another goroutine or node does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("it never came: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func scanText(r store.Row) (string, error) { var s string; return s, r.Scan(&s) }
