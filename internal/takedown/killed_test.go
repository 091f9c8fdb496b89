package takedown_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/takedown"
	"vigie/internal/takedown/route"
)

// With this in its environment the test binary is a process to be killed: it works the jobs of a record, says when it comes to
// a place, and halts there.
const asChild = "VIGIE_TAKEDOWN_CHILD"

// doomed is what such a process is told.
type doomed struct {
	Place, DSN, Folder, Network string
	At                          time.Time
}

// The places where a process is killed: on its way to a network, or on its way back, before what it heard is written.
var places = []string{"resolve", "resolved", "send", "sent", "look", "looked", "follow", "followed", "reconcile", "reconciled"}

// far is a network in another process, and a process that halts on its way to it and back.
type far struct {
	url  string
	halt func(place string)
}

func (f far) call(ctx context.Context, what string, to any) error {
	f.halt(what)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/"+what, http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(to); err != nil {
		return err
	}
	f.halt(map[string]string{"resolve": "resolved", "send": "sent", "look": "looked", "follow": "followed", "reconcile": "reconciled"}[what])
	return nil
}

func (far) About() route.About {
	return route.About{Name: "test", Text: 4000, Items: true, Accounts: true}
}

func (f far) Resolve(ctx context.Context, _ route.Target, _ route.Credentials) (found route.Found, err error) {
	return found, f.call(ctx, "resolve", &found)
}

func (f far) Send(ctx context.Context, _ route.Notice, _ route.Found, _ route.Credentials) (sent route.Sent, err error) {
	return sent, f.call(ctx, "send", &sent)
}

func (f far) Look(ctx context.Context, _ route.Target, _ route.Found, _ route.Credentials) (seen route.Seen, err error) {
	return seen, f.call(ctx, "look", &seen)
}

func (f far) Follow(ctx context.Context, _ route.Notice, _ route.Found, _ route.Sent, _ route.Credentials) (fate route.Fate, err error) {
	return fate, f.call(ctx, "follow", &fate)
}

func (f far) Reconcile(ctx context.Context, _ route.Notice, _ route.Found, _ time.Time, _ route.Credentials) (trace route.Trace, err error) {
	return trace, f.call(ctx, "reconcile", &trace)
}

// filing is that network: it keeps every report that it gets, and shows its list.
type filing struct {
	mu      sync.Mutex
	reports int
}

func (n *filing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var answer any
	switch r.URL.Path {
	case "/resolve":
		answer = route.Found{Item: "1"}
	case "/send":
		n.reports++
		answer = route.Sent{Reference: fmt.Sprintf("R-%d", n.reports)}
	case "/look":
		answer = route.Seen{Sight: route.Gone, Why: "route.why.removed"}
	case "/follow":
		answer = route.Fate{State: route.Handled}
	case "/reconcile":
		answer = route.Trace{Arrival: route.Absent}
		if n.reports > 0 {
			answer = route.Trace{Arrival: route.Arrived, Sent: route.Sent{Reference: fmt.Sprintf("R-%d", n.reports)}}
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (n *filing) has() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reports
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
	w.far = far{d.Network, func(place string) {
		if place == d.Place {
			fmt.Println("halted at", place)
			select {}
		}
	}}
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

// A process is killed at each place on the way of a notice: to the network and back, sending, looking, asking what became of it. No
// notice is lost, and none is filed twice. The one of which nobody knows whether it left is a person's to send again.
func TestKilledOnTheWay(t *testing.T) {
	onRecord := func(t *testing.T, place, dsn string) {
		filed := &filing{}
		server := httptest.NewServer(filed)
		defer server.Close()
		d := doomed{Place: place, DSN: dsn, Folder: t.TempDir(), Network: server.URL, At: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)}
		var id string
		later := place != "resolve" && place != "resolved" && place != "send" && place != "sent"
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
				w.far = far{d.Network, func(string) {}}
				do(w)
				d.At = w.Now()
			}) {
				t.FailNow()
			}
		}
		session("before", func(w *world) {
			id = w.ready()
			w.Must(w.SendBy(w.Ctx, id, "mastodon", claire))
			switch {
			case strings.HasPrefix(place, "reconcil"): // a death before this one: it was sent, and nobody wrote it down
				_, err := w.DB.Exec(w.Ctx, `UPDATE takedown_notice SET tried_at = $2 WHERE id = $1`, id, store.Millis(w.Now()))
				w.Must(err)
				filed.reports = 1
				w.works(id, takedown.Unknown)
				w.Forward(7 * time.Minute)
			case later:
				w.works(id, takedown.Submitted)
				w.Forward(31 * time.Minute)
			}
		})
		killed(t, d)
		d.At = d.At.Add(3 * time.Minute) // by then it is seen that nobody works the job any more
		session("after", func(w *world) {
			var minute sync.WaitGroup
			minute.Go(func() { // in which what was lost is tried again
				for range 30 {
					time.Sleep(20 * time.Millisecond)
					w.Forward(2 * time.Second)
				}
			})
			defer minute.Wait()
			switch place {
			case "resolve", "resolved":
				w.works(id, takedown.Submitted)
			case "send":
				w.works(id, takedown.Unknown)
				w.Forward(7 * time.Minute)
				w.works(id, takedown.Ready)
			case "sent":
				w.works(id, takedown.Unknown)
				w.Forward(7 * time.Minute)
				w.works(id, takedown.Submitted)
			case "reconcile", "reconciled":
				w.works(id, takedown.Submitted)
			default:
				if k := w.looks(id, 1); k.Found != "gone" {
					w.T.Errorf("the look found %+v", k)
				}
				n := w.is(id, takedown.Submitted)
				if checks, err := w.Checks(w.Ctx, id); err != nil || len(checks) != 1 || n.Content.Fate != route.Handled {
					w.T.Errorf("%d looks are written, %v; what became of it: %q", len(checks), err, n.Content.Fate)
				}
			}
			n, err := w.Notice(w.Ctx, id)
			w.Must(err)
			want, reference := 1, "R-1"
			if place == "send" {
				want, reference = 0, ""
			}
			if filed.has() != want || n.Content.Reference != reference {
				w.T.Errorf("the network has %d reports, and we call it %q; want %d, %q", filed.has(), n.Content.Reference, want, reference)
			}
		})
	}
	for _, place := range places {
		t.Run(place, func(t *testing.T) {
			t.Run("sqlite", func(t *testing.T) { onRecord(t, place, "sqlite:"+filepath.Join(t.TempDir(), "vigie.db")) })
			t.Run("postgres", func(t *testing.T) { onRecord(t, place, storetest.PostgresDSN(t)) })
		})
	}
}
