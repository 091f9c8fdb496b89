package jobs

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if how := os.Getenv(asChild); how != "" {
		child(how)
	}
	os.Exit(m.Run())
}

// errand is what the jobs of these tests are about.
type errand struct {
	To ID
	N  int
}

// clock is a hand that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func openBus(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// run has the jobs of a node worked, until stop or the end of the test.
func run(t *testing.T, j *Jobs) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { j.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

func enqueue(t *testing.T, db *store.DB, k *Kind[errand], args errand, options ...Option) {
	t.Helper()
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { return k.Enqueue(t.Context(), tx, args, options...) }); err != nil {
		t.Fatal(err)
	}
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// row is one job as it lies in the record.
type row struct {
	id, kind, args, state, key, why string
	runAt, tries, failedAt          int64
}

func rows(t *testing.T, db *store.DB) []row {
	t.Helper()
	all, err := store.All(context.Background(), db, func(r store.Row) (w row, err error) {
		return w, r.Scan(&w.id, &w.kind, &w.args, &w.state, &w.key, &w.why, &w.runAt, &w.tries, &w.failedAt)
	}, `SELECT id, kind, args, state, unique_key, last_error, run_at, tries, failed_at FROM job ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func none(t *testing.T, db *store.DB) func() bool {
	return func() bool { return len(rows(t, db)) == 0 }
}

// counted waits until the runs of a kind are counted as they should be: that is after the record has them.
func counted(t *testing.T, j *Jobs, kind string, want Totals) {
	t.Helper()
	var got Totals
	for deadline := time.Now().Add(patience); got != want; time.Sleep(5 * time.Millisecond) {
		if got = j.Totals()[kind]; time.Now().After(deadline) {
			t.Fatalf("%s: %+v, want %+v", kind, got, want)
		}
	}
}

// twoNodes gives a test two nodes on one record: on PostgreSQL each with its own connections, on SQLite, which one
// process serves, two rooms of it.
func twoNodes(t *testing.T, test func(t *testing.T, one, two *store.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		db := storetest.SQLite(t)
		test(t, db, db)
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := storetest.PostgresDSN(t)
		test(t, reopen(t, dsn), reopen(t, dsn))
	})
}

func reopen(t *testing.T, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// id makes an id that can be told apart.
func id(n int) ID { return ID(fmt.Sprintf("0197aaaa-0000-7000-8000-%012d", n)) }
