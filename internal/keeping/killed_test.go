package keeping_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// With this in its environment the test binary is a process to be killed: it works the jobs of a record, says when it comes to
// a place, and halts there.
const asChild = "VIGIE_KEEPING_CHILD"

// doomed is what such a process is told.
type doomed struct {
	Place, DSN, Folder string
	At                 time.Time
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
	defer db.Close()
	w := open(t, d.Folder, db, d.At)
	w.halt = func(place string) {
		if place == d.Place {
			fmt.Println("halted at", place)
			select {}
		}
	}
	w.Must(w.Begin(w.Ctx))
	w.jobs.Run(w.Ctx)
}

// killed starts such a process, and kills it (SIGKILL) when it has come to its place.
func killed(t *testing.T, d doomed) {
	t.Helper()
	said := storetest.Kill(t, asChild, d, func(line string) bool { return strings.HasPrefix(line, "halted at") }, 0)
	if said != "halted at "+d.Place {
		t.Fatalf("the process never came to %q; it said %q", d.Place, said)
	}
}

// A process is killed before, within and after the erasure of a file with its contacts. A file is whole or gone, with its rows, keys
// and contacts; the next node goes on, and each is counted once.
func TestKilledWhileItErases(t *testing.T) {
	onRecord := func(t *testing.T, place, dsn string) {
		const n = 3
		d := doomed{Place: place, DSN: dsn, Folder: t.TempDir(), At: start}
		session := func(name string, do func(w *world)) {
			if !t.Run(name, func(t *testing.T) {
				db, err := store.Open(t.Context(), dsn, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				w := open(t, d.Folder, db, d.At)
				do(w)
				d.At = w.Now()
			}) {
				t.FailNow()
			}
		}
		session("before", func(w *world) {
			for range n {
				ct := w.closed("")
				w.file(ct.ID)
			}
			w.Forward(2500 * day)
			w.round()
			w.Forward(7 * day)
		})
		killed(t, d)
		d.At = d.At.Add(15 * time.Minute) // by then it is seen that nobody works the job any more
		session("after", func(w *world) {
			gone := 0
			if place == "after" {
				gone = 1
			}
			for what, query := range map[string]string{
				"files": `SELECT count(*) FROM case_file`, "contacts": `SELECT count(*) FROM contact`, "notes": `SELECT count(*) FROM case_note`,
				"keys of files": `SELECT count(*) FROM keys.wrapped_key WHERE kind = 'file'`, "keys of contacts": `SELECT count(*) FROM keys.wrapped_key WHERE kind = 'contact'`,
				"places on the preview": `SELECT count(*) FROM keeping_due WHERE rule = 'case'`,
			} {
				if have := w.Count(query); have != n-gone {
					w.T.Errorf("%d %s, want %d", have, what, n-gone)
				}
			}
			if w.done(catalogue.KeepCase) != gone {
				w.T.Errorf("%d are counted, want %d", w.done(catalogue.KeepCase), gone)
			}
			w.works()
			w.until("the next node goes on", func() bool {
				w.Forward(2 * time.Second) // what was lost is tried again after a while
				return w.Count(`SELECT count(*) FROM case_file`) == 0
			})
			w.until("it is done", func() bool { return w.Count(`SELECT count(*) FROM job WHERE state = 'running'`) == 0 })
			if left := w.Count(`SELECT count(*) FROM contact`) + w.stored(); left != 0 || w.done(catalogue.KeepCase) != n || w.Count(`SELECT count(*) FROM audit WHERE act = 'case.erase'`) != n {
				w.T.Errorf("%d are left, %d counted", left, w.done(catalogue.KeepCase))
			}
		})
	}
	for _, place := range []string{"before", "within", "after"} {
		t.Run(place, func(t *testing.T) {
			t.Run("sqlite", func(t *testing.T) { onRecord(t, place, "sqlite:"+filepath.Join(t.TempDir(), "vigie.db")) })
			t.Run("postgres", func(t *testing.T) { onRecord(t, place, storetest.PostgresDSN(t)) })
		})
	}
}
