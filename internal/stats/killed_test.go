package stats_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigie/internal/stats"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// With this in its environment the test binary is a process to be killed: contacts live in it, while it counts them as fast as it can.
const asChild = "VIGIE_STATS_CHILD"

type doomed struct {
	DSN, Folder string
	Seed        uint64
}

// TestDoomed is no test: it is the process that is killed, when there is one.
func TestDoomed(t *testing.T) {
	told := os.Getenv(asChild)
	if told == "" {
		return
	}
	var d doomed
	if err := json.Unmarshal([]byte(told), &d); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), d.DSN, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldIn(t, db, d.Folder)
	go func() {
		for {
			if err := w.Fold(w.ctx); err != nil {
				fmt.Println("not counted:", err)
			}
		}
	}()
	for chance := rand.New(rand.NewPCG(d.Seed, 1)); ; {
		w.lives(chance)
		fmt.Println("lived")
	}
}

// killed starts such a process, and kills it (SIGKILL) at some moment after some contacts have lived.
func killed(t *testing.T, d doomed, lives int, more time.Duration) {
	t.Helper()
	lived := 0
	storetest.Kill(t, asChild, d, func(line string) bool {
		if line == "lived" {
			lived++
		} else {
			t.Log(line)
		}
		return lived == lives
	}, more)
	if lived < lives {
		t.Fatalf("the process ended by itself after %d contacts", lived)
	}
}

// A process that is killed while it counts leaves each contact counted or to be counted, and none twice.
func TestKilledWhileItCounts(t *testing.T) {
	on := func(t *testing.T, dsn string) {
		d := doomed{DSN: dsn, Folder: t.TempDir()}
		chance := rand.New(rand.NewPCG(119, 9))
		open := func(t *testing.T) *world {
			db, err := store.Open(t.Context(), dsn, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			return newWorldIn(t, db, d.Folder)
		}
		t.Run("before", func(t *testing.T) { open(t) })
		for range 5 {
			d.Seed = chance.Uint64()
			killed(t, d, 1+chance.IntN(6), time.Duration(chance.IntN(30_000))*time.Microsecond)
		}
		t.Run("after", func(t *testing.T) {
			w := open(t)
			due, err := store.One(w.ctx, w.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM stat_due`)
			w.must(err)
			w.must(w.Fold(w.ctx))
			ids, err := store.All(w.ctx, w.db, func(r store.Row) (id string, err error) { return id, r.Scan(&id) }, `SELECT id FROM contact`)
			w.must(err)
			want := map[stats.Cell]int64{}
			for _, id := range ids {
				l, err := w.Anew(w.ctx, id)
				w.must(err)
				for _, c := range l.Cells() {
					want[c]++
				}
			}
			got, err := w.AllCells(w.ctx)
			w.must(err)
			maps.DeleteFunc(got, func(_ stats.Cell, n int64) bool { return n == 0 })
			if len(ids) < 5 || !maps.Equal(got, want) {
				t.Errorf("%d contacts are counted in %d cells, want %d", len(ids), len(got), len(want))
			}
			t.Logf("%d contacts, %d of them still to be counted after five deaths", len(ids), due)
		})
	}
	t.Run("sqlite", func(t *testing.T) { on(t, "sqlite:"+filepath.Join(t.TempDir(), "vigie.db")) })
	t.Run("postgres", func(t *testing.T) { on(t, storetest.PostgresDSN(t)) })
}
