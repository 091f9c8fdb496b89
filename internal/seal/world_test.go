package seal_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

var ctx = context.Background()

// The server's log is left out: it says nothing that a test does not ask itself.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// clock is a time that stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)} }

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

// keyPath is where a test's key file lies.
func keyPath(t testing.TB) string { return filepath.Join(t.TempDir(), "vigie.keys") }

func custodian(t testing.TB, path string) seal.Custodian {
	t.Helper()
	c, err := seal.FileCustodian(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// node opens a Keeper as a server does when it starts: with a custodian of its own on the key file.
func node(t testing.TB, db *store.DB, path string, c *clock) *seal.Keeper {
	t.Helper()
	k, err := seal.Open(ctx, db, custodian(t, path), c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t testing.TB, k *seal.Keeper, kind, owner string) *seal.Key {
	t.Helper()
	key, err := k.NewKey(ctx, kind, owner)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func index(t testing.TB, db *store.DB, k *seal.Keeper, key *seal.Key, owner, field, value string) {
	t.Helper()
	if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Index(ctx, tx, key, owner, field, value) }); err != nil {
		t.Fatal(err)
	}
}

func find(t testing.TB, db *store.DB, k *seal.Keeper, field, value string) []string {
	t.Helper()
	owners, err := k.Find(ctx, db, field, value)
	if err != nil {
		t.Fatal(err)
	}
	return owners
}

func wantFault(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if f := fault.As(err); f == nil || f.Kind != kind || f.Key != key {
		t.Errorf("got %v, want %s (%s)", err, key, kind)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// epochLines returns the key file's lines of epochs.
func epochLines(t testing.TB, path string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(readFile(t, path)) {
		if strings.HasPrefix(line, "epoch ") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func exec(t testing.TB, db *store.DB, query string, args ...any) int64 {
	t.Helper()
	n, err := db.Exec(ctx, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

func count(t testing.TB, db *store.DB, query string, args ...any) int64 {
	t.Helper()
	n, err := store.One(ctx, db, scanInt, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
