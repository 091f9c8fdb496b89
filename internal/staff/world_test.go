package staff_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/slowhash"
	"vigie/internal/staff"
	"vigie/internal/store"
)

var ctx = context.Background()

// light costs make a test fast; what they cost in earnest is slowhash's own test.
var light = slowhash.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

// clock is a time that stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a helpline with one record, one bus, and as many nodes as a test opens.
type world struct {
	t     *testing.T
	db    *store.DB
	clock *clock
	keys  *seal.Keeper
	trail *audit.Log
	bus   *bus.Bus
	*staff.Staff
}

const (
	office = "network key of the office" // what the web gives: opaque
	cafe   = "network key of a café"
	laptop = "Firefox/Linux"
	good   = "une lampe au large" // a password that is accepted
	better = "la corne de brume sonne"
)

// operator is who makes accounts from the command line.
var operator = audit.Actor{Kind: audit.Operator}

func newWorld(t *testing.T, db *store.DB, tune ...func(*staff.Options)) *world {
	t.Helper()
	w := &world{t: t, db: db, clock: &clock{at: time.Date(2026, 11, 23, 21, 0, 0, 0, time.UTC)}}
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
	if err != nil {
		t.Fatal(err)
	}
	if w.keys, err = seal.Open(ctx, db, custodian, w.clock.Now); err != nil {
		t.Fatal(err)
	}
	w.trail = audit.Open(db, w.keys.Derive("audit"), "node", w.clock.Now)
	if w.bus, err = bus.Open(ctx, bus.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.bus.Close)
	w.Staff = w.node(tune...)
	return w
}

// node opens another node on the same record and bus.
func (w *world) node(tune ...func(*staff.Options)) *staff.Staff {
	w.t.Helper()
	o := staff.Options{Now: w.clock.Now, Costs: light, Name: "Vigie", RelyingParty: "vigie.example", Origins: []string{"https://vigie.example"}}
	for _, f := range tune {
		f(&o)
	}
	room, err := staff.New(w.db, w.keys, w.trail, w.bus, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(room.Close)
	if err := w.bus.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return room
}

func secondFactor(o *staff.Options) { o.SecondFactor = true }

// The cast. Each logs in with the password good.
func (w *world) camille() staff.Person {
	return w.add(staff.NewPerson{Login: "camille", Alias: "Camille", Name: "Anne-Marie Kervella", Roles: []staff.Role{staff.Counsellor}})
}

func (w *world) nour() staff.Person {
	return w.add(staff.NewPerson{Login: "nour", Alias: "Nour", Name: "Farida Benali", Roles: []staff.Role{staff.Supervisor, staff.Counsellor}})
}

func (w *world) ange() staff.Person {
	return w.add(staff.NewPerson{Login: "ange", Alias: "Ange", Name: "Paul Tréguier", Roles: []staff.Role{staff.Administrator}})
}

func (w *world) add(n staff.NewPerson) staff.Person {
	w.t.Helper()
	if n.Langs == nil {
		n.Langs = []string{"fr"}
	}
	if n.Password == "" {
		n.Password = good
	}
	p, err := w.Add(ctx, n, operator)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// logIn logs a person in with her password alone.
func (w *world) logIn(login string) (string, staff.Session) {
	w.t.Helper()
	step, err := w.Authenticate(ctx, login, good, office, laptop)
	if err != nil || step.Next != staff.NextNothing {
		w.t.Fatalf("log-in of %s: next %q, %v", login, step.Next, err)
	}
	return step.Token, step.Session
}

// acts lists what the log holds of a kind, as "detail" of each.
func (w *world) acts(act string) []string {
	w.t.Helper()
	scan := func(r store.Row) (s string, err error) { return s, r.Scan(&s) }
	all, err := store.All(ctx, w.db, scan, `SELECT detail FROM audit WHERE act = $1 ORDER BY id`, act)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	n, err := store.One(ctx, w.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, query, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantFault(t *testing.T, err error, kind fault.Kind, key string) {
	t.Helper()
	if f := fault.As(err); f == nil || f.Kind != kind || f.Key != key {
		t.Errorf("got %v, want %s (%s)", err, key, kind)
	}
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
