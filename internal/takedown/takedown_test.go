package takedown_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/takedown"
	"vigie/internal/takedown/fetch"
	"vigie/internal/takedown/route"
)

var (
	claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}
	karim  = audit.Actor{Kind: audit.Staff, ID: "staff-karim"}
	nadia  = audit.Actor{Kind: audit.Staff, ID: "staff-nadia"}
)

type world struct {
	*takedown.Takedown
	t        *testing.T
	ctx      context.Context
	db       *store.DB
	files    *casefile.Files
	contacts *contact.Contacts
	jobs     *jobs.Jobs
	network  *network

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

// onEach runs a test on both engines. Loopback stands for the network's servers.
func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{network: &network{}, t: t, ctx: context.Background(), db: db, at: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)}
		custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
		w.must(err)
		keys, err := seal.Open(w.ctx, db, custodian, w.now)
		w.must(err)
		set, err := catalogue.Seeds()
		w.must(err)
		b, err := bus.Open(w.ctx, bus.Options{})
		w.must(err)
		t.Cleanup(b.Close)
		log := audit.Open(db, keys.Derive("audit"), b.NodeID(), w.now)
		current := func() *catalogue.Set { return set }
		quiet := slog.New(slog.DiscardHandler)
		w.contacts, err = contact.New(contact.Options{DB: db, Keys: keys, Audit: log, Bus: b, Catalogue: current, Now: w.now, Log: quiet})
		w.must(err)
		t.Cleanup(w.contacts.Stop)
		w.files = casefile.New(casefile.Options{DB: db, Keys: keys, Audit: log, Bus: b, Contacts: w.contacts, Catalogue: current, Now: w.now, Log: quiet})
		w.jobs = jobs.New(jobs.Options{DB: db, Bus: b, Now: w.now, Poll: 50 * time.Millisecond})
		pages := fetch.New(fetch.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: w.now})
		w.Takedown = takedown.New(takedown.Options{DB: db, Keys: keys, Audit: log, Bus: b, Files: w.files, Jobs: w.jobs, Pages: pages, Remote: func(string, route.Credentials) (route.Route, error) { return w.network, nil }, Catalogue: current, Now: w.now, Log: quiet})
		test(w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, key string) {
	w.t.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.t.Fatalf("%v; want %s", err, key)
	}
}

func (w *world) file() string {
	w.t.Helper()
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"})
	w.must(err)
	f, err := w.files.OpenFor(w.ctx, ct.ID, casefile.RoomChild, claire)
	w.must(err)
	return f.ID
}

// draft is a notice that lacks nothing but the child's yes.
func (w *world) draft(file, ground string) string {
	w.t.Helper()
	id := store.NewID()
	w.must(w.Begin(w.ctx, takedown.Drafting{ID: id, FileID: file, Platform: "instagram", Kind: "post", Ground: ground, Minor: true,
		Content: takedown.Content{Addresses: []string{"https://instagram.com/p/abc"}, Account: "dark.wolf", Seen: "28 novembre 2026, 10 h", Facts: "Une photo et des insultes."}}, claire))
	return id
}

// submitted is a notice that was filed by hand.
func (w *world) submitted() string {
	w.t.Helper()
	id := w.draft(w.file(), "harassment")
	w.must(w.Consented(w.ctx, id, "", claire))
	w.must(w.ApproveNotice(w.ctx, id, 1, claire))
	w.must(w.Filed(w.ctx, id, "portal", "REF-1", claire))
	return id
}

func (w *world) is(id string, want takedown.State) takedown.Notice {
	w.t.Helper()
	n, err := w.Notice(w.ctx, id)
	w.must(err)
	if n.State != want {
		w.t.Fatalf("the notice is %s, want %s", n.State, want)
	}
	return n
}

// From a draft to the second look that finds it gone, the watch, and the end of it.
func TestTheLifeOfANotice(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.submitted()
		n := w.is(id, takedown.Submitted)
		if n.Content.Reference != "REF-1" || n.SubmittedBy != claire.ID || n.DueAt <= store.Millis(w.now()) {
			w.t.Errorf("submitted: %+v", n)
		}
		w.must(w.Answered(w.ctx, id, "", "Nous avons bien reçu votre demande.", claire))
		w.is(id, takedown.Acknowledged)
		w.must(w.Answered(w.ctx, id, "removed", "Nous avons retiré la publication.", claire))
		n = w.is(id, takedown.Decided)
		if until := n.Art20Until(); !until.Equal(w.now().AddDate(0, 6, 0)) {
			w.t.Errorf("a complaint is possible until %s", until)
		}
		found := func(what string) { w.t.Helper(); w.must(w.Found(w.ctx, id, what, "looked", claire)) }
		found("gone")
		w.is(id, takedown.Decided) // once is not enough
		w.forward(time.Hour)
		found("gone")
		w.is(id, takedown.Decided) // nor twice within the hour
		w.forward(3 * time.Hour)
		found("gone")
		n = w.is(id, takedown.Removed)
		if n.DueAt == 0 {
			w.t.Error("nobody is told that the child is to be told")
		}
		w.must(w.Told(w.ctx, id, claire))
		if n = w.is(id, takedown.Watching); n.DueAt != 0 {
			w.t.Error("it is still due")
		}
		w.forward(7 * 24 * time.Hour)
		found("gone")
		w.is(id, takedown.Watching)
		w.forward(2 * 24 * time.Hour)
		found("there")
		w.is(id, takedown.Reappeared)
		found("gone")
		w.forward(4 * time.Hour)
		found("gone")
		w.is(id, takedown.Watching)
		w.forward(31 * 24 * time.Hour)
		found("gone")
		w.is(id, takedown.Closed)
		checks, err := w.Checks(w.ctx, id)
		w.must(err)
		if len(checks) != 8 || checks[0].StaffID != claire.ID {
			w.t.Errorf("the looks are %+v", checks)
		}
	})
}

// Every state and event that a person can bring about: the table of moves and nothing else.
func TestEveryMoveOfAPerson(t *testing.T) {
	onEach(t, func(w *world) {
		reach := map[takedown.State]func() string{
			takedown.Draft: func() string { return w.draft(w.file(), "harassment") },
			takedown.Ready: func() string {
				id := w.draft(w.file(), "harassment")
				w.must(w.Consented(w.ctx, id, "", claire))
				w.must(w.ApproveNotice(w.ctx, id, 1, claire))
				return id
			},
			takedown.Submitted:    w.submitted,
			takedown.Acknowledged: func() string { id := w.submitted(); w.must(w.Answered(w.ctx, id, "", "", claire)); return id },
			takedown.Decided:      func() string { id := w.submitted(); w.must(w.Answered(w.ctx, id, "no_action", "", claire)); return id },
			takedown.Closed:       func() string { id := w.submitted(); w.must(w.Move(w.ctx, id, takedown.Finish, claire)); return id },
			takedown.Withdrawn: func() string {
				id := w.draft(w.file(), "harassment")
				w.must(w.Move(w.ctx, id, takedown.Withdraw, claire))
				return id
			},
		}
		act := map[takedown.Event]func(id string) error{
			takedown.Approve: func(id string) error {
				if err := w.Consented(w.ctx, id, "", claire); err != nil {
					return err
				}
				return w.ApproveNotice(w.ctx, id, 1, claire)
			},
			takedown.Arrive:      func(id string) error { return w.Filed(w.ctx, id, "portal", "", claire) },
			takedown.Acknowledge: func(id string) error { return w.Answered(w.ctx, id, "", "", claire) },
			takedown.Decide:      func(id string) error { return w.Answered(w.ctx, id, "removed", "", claire) },
		}
		for _, ev := range []takedown.Event{takedown.Redraft, takedown.Withdraw, takedown.NotThere, takedown.Finish} {
			act[ev] = func(id string) error { return w.Move(w.ctx, id, ev, claire) }
		}
		for from, make := range reach {
			for ev, do := range act {
				id := make()
				err := do(id)
				n, get := w.Notice(w.ctx, id)
				w.must(get)
				to, ok := takedown.Moves[from][ev]
				if ok && (err != nil || n.State != to) {
					w.t.Errorf("%s, %s: %s, %v; want %s", from, ev, n.State, err, to)
				} else if !ok && (!fault.Is(err, fault.Conflict) || n.State != from) {
					w.t.Errorf("%s, %s: %s, %v; want it refused", from, ev, n.State, err)
				}
			}
		}
	})
}

// Nothing goes before the child said yes, or a supervisor wrote why not; before proof is kept; before it says where and when.
func TestWhatComesBeforeANotice(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.draft(w.file(), "harassment")
		w.refused(w.ApproveNotice(w.ctx, id, 1, claire), "fault.takedown.lacks")
		w.refused(w.Consented(w.ctx, id, "bof", nadia), "fault.takedown.why")
		w.must(w.Consented(w.ctx, id, "Elle est injoignable et la photo circule dans toute l’école.", nadia))
		w.refused(w.ApproveNotice(w.ctx, id, 0, claire), "fault.takedown.lacks")
		w.must(w.ApproveNotice(w.ctx, id, 1, claire))
		n := w.is(id, takedown.Ready)
		if n.Consent != "overridden" || n.ConsentBy != nadia.ID || n.Content.Why == "" {
			w.t.Errorf("who said that it goes without her yes: %+v", n)
		}
	})
}

// Where the ground asks for a second person it is another than the author, and where it asks for the police they were asked.
func TestASecondReader(t *testing.T) {
	onEach(t, func(w *world) {
		set, err := catalogue.Seeds()
		w.must(err)
		tried := 0
		for _, g := range set.Grounds.All {
			if !g.SecondReader || !g.Fits(true) || g.Retired {
				continue
			}
			tried++
			id := w.draft(w.file(), g.Code)
			w.must(w.Consented(w.ctx, id, "", claire))
			if len(g.PoliceFirst) > 0 {
				w.refused(w.ApproveNotice(w.ctx, id, 1, karim), "fault.takedown.lacks")
				w.must(w.AskedPolice(w.ctx, id, true, claire))
			}
			w.refused(w.ApproveNotice(w.ctx, id, 1, claire), "fault.takedown.second")
			w.must(w.ApproveNotice(w.ctx, id, 1, karim))
			w.is(id, takedown.Ready)
		}
		if tried == 0 {
			w.t.Fatal("no ground asks for a second reader, so the test shows nothing")
		}
	})
}

// The statement says what is to be seen and where, on what ground, and nothing else; it is sealed, as all of it is.
func TestTheStatement(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.draft(w.file(), "harassment")
		n := w.is(id, takedown.Draft)
		for _, part := range []string{"https://instagram.com/p/abc", "dark.wolf", "28 novembre 2026, 10 h", "Une photo et des insultes.", "222-33-2-2"} {
			if !strings.Contains(n.Content.Statement, part) {
				w.t.Errorf("the statement lacks %q: %s", part, n.Content.Statement)
			}
		}
		sealed, err := store.One(w.ctx, w.db, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT content_sealed FROM takedown_notice`)
		w.must(err)
		if strings.Contains(string(sealed), "dark.wolf") || strings.Contains(string(sealed), "instagram.com/p") {
			w.t.Error("where it is lies in clear")
		}
		w.refused(w.Begin(w.ctx, takedown.Drafting{ID: store.NewID(), FileID: n.FileID, Ground: "harassment"}, claire), "fault.takedown.address")
		w.refused(w.Begin(w.ctx, takedown.Drafting{ID: store.NewID(), FileID: n.FileID, Ground: "made_up", Content: takedown.Content{Addresses: []string{"https://x.com/a"}}}, claire), "fault.takedown.ground")
		long := takedown.Drafting{ID: store.NewID(), FileID: n.FileID, Ground: "harassment", Minor: true, Content: takedown.Content{Addresses: []string{"https://x.com/a"}, Statement: strings.Repeat("é", 4001)}}
		w.refused(w.Begin(w.ctx, long, claire), "fault.takedown.long")
	})
}

// Two tabs: a draft that somebody else rewrote is not overwritten, and one that went is not rewritten.
func TestTwoTabsOfOneDraft(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		id := w.draft(file, "harassment")
		d := takedown.Drafting{ID: id, FileID: file, Platform: "instagram", Kind: "post", Ground: "threats", Minor: true, Content: takedown.Content{Addresses: []string{"https://instagram.com/p/abc"}}}
		w.must(w.Rewrite(w.ctx, d, 1, claire))
		w.refused(w.Rewrite(w.ctx, d, 1, karim), "fault.takedown.changed")
		w.must(w.Move(w.ctx, id, takedown.Withdraw, claire))
		n, err := w.Notice(w.ctx, id)
		w.must(err)
		w.refused(w.Rewrite(w.ctx, d, n.Rev, claire), "fault.takedown.changed")
	})
}

// Our own machine looks, by the address-safe fetcher, twice: what answers 404 at both is removed, and nobody pressed anything.
func TestTheMachineLooksTwice(t *testing.T) {
	onEach(t, func(w *world) {
		var gone atomic.Bool
		var asked atomic.Int64
		network := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if gone.Load() {
				http.NotFound(rw, r)
				return
			}
			rw.Header().Set("Content-Type", "text/html")
			_, _ = rw.Write([]byte("<title>Un réseau</title><p>une photo"))
		}))
		defer network.Close()
		u, err := url.Parse(network.URL)
		w.must(err)
		port, _ := strconv.Atoi(u.Port())
		w.Ports(uint16(port))
		id := store.NewID()
		w.must(w.Begin(w.ctx, takedown.Drafting{ID: id, FileID: w.file(), Kind: "post", Ground: "harassment", Minor: true,
			Content: takedown.Content{Addresses: []string{network.URL + "/p/1"}, Host: u.Hostname(), Seen: "hier", Facts: "Des insultes."}}, claire))
		w.must(w.Consented(w.ctx, id, "", claire))
		w.must(w.ApproveNotice(w.ctx, id, 1, claire))
		w.must(w.Filed(w.ctx, id, "mail", "", claire))
		ctx, stop := context.WithCancel(w.ctx)
		var running sync.WaitGroup
		running.Go(func() { w.jobs.Run(ctx) })
		defer func() { stop(); running.Wait() }()
		looks := func(n int) {
			w.t.Helper()
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				checks, err := w.Checks(w.ctx, id)
				w.must(err)
				if len(checks) >= n {
					return
				}
				if time.Now().After(deadline) {
					w.t.Fatalf("%d looks were made, want %d", len(checks), n)
				}
			}
		}
		w.forward(31 * time.Minute)
		looks(1)
		w.is(id, takedown.Submitted)
		gone.Store(true)
		w.forward(6*time.Hour + time.Minute)
		looks(2)
		w.is(id, takedown.Submitted)
		w.forward(3*time.Hour + time.Minute)
		looks(3)
		w.is(id, takedown.Removed)
		if n := asked.Load(); n != 3 {
			w.t.Errorf("the network was asked %d times, want 3", n)
		}
	})
}
