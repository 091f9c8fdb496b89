package takedown_test

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/takedown/route"
)

// network is a platform's API that ends as it is told.
type network struct {
	mu      sync.Mutex
	sent    int
	sends   func() (route.Sent, error)
	arrival route.Arrival
	secret  string
	seen    route.Seen // what a look finds; nothing is "unsure"
	fate    route.Fate // what became of the report; nothing is "received"
}

func (*network) About() route.About {
	return route.About{Name: "test", Text: 4000, Items: true, Accounts: true}
}

func (n *network) Resolve(_ context.Context, _ route.Target, c route.Credentials) (route.Found, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.secret = string([]byte(c))
	return route.Found{Item: "1"}, nil
}

func (n *network) Send(context.Context, route.Notice, route.Found, route.Credentials) (route.Sent, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
	return n.sends()
}

func (n *network) Look(_ context.Context, _ route.Target, f route.Found, _ route.Credentials) (route.Seen, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.Item != "1" {
		return route.Seen{Sight: route.There}, nil
	}
	return cmp.Or(n.seen, route.Seen{Sight: route.Unsure, Why: "route.why.unreachable"}), nil
}

func (n *network) Follow(_ context.Context, _ route.Notice, f route.Found, s route.Sent, _ route.Credentials) (route.Fate, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.Item != "1" || s.Reference == "" {
		return route.Fate{State: route.Untold}, nil
	}
	return cmp.Or(n.fate, route.Fate{State: route.Received}), nil
}

func (n *network) says(seen route.Seen, fate route.Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen, n.fate = seen, fate
}

func (n *network) Reconcile(context.Context, route.Notice, route.Found, time.Time, route.Credentials) (route.Trace, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return route.Trace{Arrival: n.arrival, Sent: route.Sent{Reference: "R-list"}}, nil
}

func (n *network) times() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent
}

// ready is a notice to a server that we have a log-in for.
func (w *world) ready() string {
	w.T.Helper()
	w.Must(w.SetLogin(w.Ctx, "mastodon", "social.example", []byte(`{"server":"https://social.example","token":"t0p"}`), nadia))
	id := store.NewID()
	w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: w.file(), Kind: "post", Ground: "harassment", Minor: true,
		Content: takedown.Content{Addresses: []string{"https://social.example/@dark/1"}, Host: "social.example", Seen: "hier", Facts: "Des insultes."}}, claire))
	w.Must(w.Consented(w.Ctx, id, "", claire))
	w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
	return id
}

// works runs the jobs until the notice stands so.
func (w *world) works(id string, want takedown.State) takedown.Notice {
	w.T.Helper()
	ctx, stop := context.WithCancel(w.Ctx)
	var running sync.WaitGroup
	running.Go(func() { w.jobs.Run(ctx) })
	defer func() { stop(); running.Wait() }()
	var n takedown.Notice
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var err error
		n, err = w.Notice(w.Ctx, id)
		w.Must(err)
		if n.State == want {
			return n
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("the notice is %s, want %s", n.State, want)
		}
	}
}

// However a sending ends, one notice goes at most, and what nobody knows is never sent again by itself.
func TestHowASendingEnds(t *testing.T) {
	unknown := func() (route.Sent, error) {
		return route.Sent{}, &route.Unknown{Fault: fault.New(fault.Unavailable, "fault.route.unknown")}
	}
	for name, c := range map[string]struct {
		sends   func() (route.Sent, error)
		arrival route.Arrival
		want    takedown.State
		after   takedown.State // once the network's own list was asked
	}{
		"it is filed":                          {sends: func() (route.Sent, error) { return route.Sent{Reference: "R-1"}, nil }, want: takedown.Submitted},
		"it is refused":                        {sends: func() (route.Sent, error) { return route.Sent{}, route.Refuse("fault.route.gone") }, want: takedown.Ready},
		"it may have arrived, and did":         {sends: unknown, arrival: route.Arrived, want: takedown.Unknown, after: takedown.Submitted},
		"it may have arrived, and did not":     {sends: unknown, arrival: route.Absent, want: takedown.Unknown, after: takedown.Ready},
		"it may have arrived, and nobody says": {sends: unknown, arrival: route.AskAHuman, want: takedown.Unknown, after: takedown.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(w *world) {
				w.network.sends, w.network.arrival = c.sends, c.arrival
				id := w.ready()
				w.Must(w.SendBy(w.Ctx, id, "mastodon", claire))
				w.Refused(w.SendBy(w.Ctx, id, "mastodon", claire), "fault.takedown.changed") // pressed twice
				n := w.works(id, c.want)
				if c.want == takedown.Submitted && (n.Content.Reference != "R-1" || n.SubmittedBy != claire.ID) {
					t.Errorf("submitted: %+v", n)
				}
				if c.want == takedown.Ready && n.Content.Trouble != "fault.route.gone" {
					t.Errorf("why it was refused is not kept: %+v", n.Content)
				}
				if c.after != "" {
					w.Forward(time.Hour)
					w.works(id, c.after)
				}
				if got := w.network.times(); got != 1 {
					t.Errorf("it was sent %d times", got)
				}
				if w.network.secret == "" {
					t.Error("the network does not know who sends")
				}
			})
		})
	}
}

// What is put off was not filed, and goes when the network says.
func TestASendingThatIsPutOff(t *testing.T) {
	onEach(t, func(w *world) {
		first := true
		w.network.sends = func() (route.Sent, error) {
			if first {
				first = false
				return route.Sent{}, &route.Later{Fault: fault.New(fault.Unavailable, "fault.route.later"), RetryAfter: time.Minute}
			}
			return route.Sent{Reference: "R-2"}, nil
		}
		id := w.ready()
		w.Must(w.SendBy(w.Ctx, id, "mastodon", claire))
		ctx, stop := context.WithCancel(w.Ctx)
		var running sync.WaitGroup
		running.Go(func() { w.jobs.Run(ctx) })
		for w.network.times() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		running.Wait()
		w.is(id, takedown.Sending)
		w.Forward(2 * time.Minute)
		w.works(id, takedown.Submitted)
		if n := w.network.times(); n != 2 {
			t.Errorf("it was asked %d times, want 2", n)
		}
	})
}

// A process that died between the sending and the writing down leaves a moment of the try: whoever works the job again sends
// nothing, and asks.
func TestAProcessThatDiedWhileSending(t *testing.T) {
	onEach(t, func(w *world) {
		w.network.sends = func() (route.Sent, error) { return route.Sent{}, errors.New("nothing may be sent") }
		w.network.arrival = route.Arrived
		id := w.ready()
		w.Must(w.SendBy(w.Ctx, id, "mastodon", claire))
		_, err := w.DB.Exec(w.Ctx, `UPDATE takedown_notice SET tried_at = $2 WHERE id = $1`, id, store.Millis(w.Now()))
		w.Must(err)
		w.works(id, takedown.Unknown)
		w.Forward(time.Hour)
		n := w.works(id, takedown.Submitted)
		if w.network.times() != 0 || n.Content.Reference != "R-list" {
			t.Errorf("sent %d times; %+v", w.network.times(), n.Content)
		}
	})
}

// A log-in is sealed, and set anew the old one cannot be opened any more. Without one, no machine sends.
func TestLogins(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.ready()
		n := w.is(id, takedown.Ready)
		open, err := w.ByMachine(w.Ctx, n)
		w.Must(err)
		if len(open) != 1 || open[0] != "mastodon" {
			t.Errorf("it can go by %v", open)
		}
		n.Content.Addresses = []string{"https://other.example/@dark/1"}
		if open, err = w.ByMachine(w.Ctx, n); err != nil || len(open) != 0 {
			t.Errorf("without a log-in it can go by %v, %v", open, err)
		}
		w.Refused(w.SendBy(w.Ctx, id, "youtube", claire), "fault.takedown.route")
		w.Refused(w.SetLogin(w.Ctx, "fax", "", []byte(`{}`), nadia), "fault.takedown.login")
		w.Refused(w.SetLogin(w.Ctx, "mastodon", "", []byte(`token`), nadia), "fault.takedown.login")
		w.Must(w.SetLogin(w.Ctx, "mastodon", "social.example", []byte(`{"token":"new"}`), nadia))
		count, err := store.One(w.Ctx, w.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM keys.wrapped_key WHERE kind = 'takedown_login'`)
		w.Must(err)
		logins, err := w.Logins(w.Ctx)
		w.Must(err)
		if count != 1 || len(logins) != 1 || logins[0].SetBy != nadia.ID {
			t.Errorf("%d keys; %+v", count, logins)
		}
	})
}

// A process that was killed between the key of a log-in and the log-in leaves a key that nobody has: the next log-in ends it.
func TestAKeyWithoutALoginIsSwept(t *testing.T) {
	onEach(t, func(w *world) {
		orphan, err := w.Keys.NewKey(w.Ctx, takedown.KeyOfLogin, store.NewID())
		w.Must(err)
		w.Must(w.SetLogin(w.Ctx, "mastodon", "social.example", []byte(`{"token":"old"}`), nadia))
		if _, err := w.Keys.Key(w.Ctx, orphan.ID()); err != nil {
			w.T.Fatalf("a key is swept while its log-in may still come: %v", err)
		}
		w.Forward(2 * time.Hour)
		w.Must(w.SetLogin(w.Ctx, "youtube", "", []byte(`{"token":"new"}`), nadia))
		if _, err := w.Keys.Key(w.Ctx, orphan.ID()); !fault.Is(err, fault.Gone) {
			w.T.Errorf("the key is still there: %v", err)
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'takedown_login'`); n != 2 {
			w.T.Errorf("%d keys for two log-ins", n)
		}
	})
}
