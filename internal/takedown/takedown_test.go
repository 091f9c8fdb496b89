package takedown_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/takedown"
	"vigie/internal/takedown/fetch"
	"vigie/internal/takedown/route"
)

var claire, karim, nadia = casetest.Claire, casetest.Karim, casetest.Nadia

type world struct {
	*casetest.World
	*takedown.Takedown
	jobs    *jobs.Jobs
	network *network
	far     route.Route // in the place of network, where a test has one in another process
	post    *takedown.Mail
}

// onEach runs a test on both engines. Loopback stands for the network's servers.
func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		test(open(t, t.TempDir(), db, time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)))
	})
}

// open is a helpline on a record, whose root key is in a folder.
func open(t *testing.T, folder string, db *store.DB, at time.Time) *world {
	w := &world{World: casetest.In(t, folder, db, at), network: &network{}, post: &takedown.Mail{}}
	w.jobs = jobs.New(jobs.Options{DB: db, Bus: w.Bus, Now: w.Now, Poll: 50 * time.Millisecond})
	pages := fetch.New(fetch.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: w.Now})
	w.Takedown = takedown.New(takedown.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Files: w.Files, Jobs: w.jobs, Pages: pages,
		Remote: func(string, route.Credentials) (route.Route, error) { return w.remote(), nil }, Mail: w.post, Catalogue: w.Catalogue, Now: w.Now, Log: slog.New(slog.DiscardHandler)})
	return w
}

// remote is the network that notices go to.
func (w *world) remote() route.Route {
	if w.far != nil {
		return w.far
	}
	return w.network
}

func (w *world) file() string { return w.File(claire).ID }

// draft is a notice that lacks nothing but the child's yes.
func (w *world) draft(file, ground string) string {
	w.T.Helper()
	id := store.NewID()
	w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: file, Platform: "instagram", Kind: "post", Ground: ground, Minor: true,
		Content: takedown.Content{Addresses: []string{"https://instagram.com/p/abc"}, Account: "dark.wolf", Seen: "28 novembre 2026, 10 h", Facts: "Une photo et des insultes."}}, claire))
	return id
}

// submitted is a notice that was filed by hand.
func (w *world) submitted() string {
	w.T.Helper()
	id := w.draft(w.file(), "harassment")
	w.Must(w.Consented(w.Ctx, id, "", claire))
	w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
	w.Must(w.Filed(w.Ctx, id, "portal", "REF-1", claire))
	return id
}

func (w *world) is(id string, want takedown.State) takedown.Notice {
	w.T.Helper()
	n, err := w.Notice(w.Ctx, id)
	w.Must(err)
	if n.State != want {
		w.T.Fatalf("the notice is %s, want %s", n.State, want)
	}
	return n
}

// From a draft to the second look that finds it gone, the watch, and the end of it.
func TestTheLifeOfANotice(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.submitted()
		n := w.is(id, takedown.Submitted)
		if n.Content.Reference != "REF-1" || n.SubmittedBy != claire.ID || n.DueAt <= store.Millis(w.Now()) {
			w.T.Errorf("submitted: %+v", n)
		}
		w.Must(w.Answered(w.Ctx, id, "", "Nous avons bien reçu votre demande.", claire))
		w.is(id, takedown.Acknowledged)
		w.Must(w.Answered(w.Ctx, id, "removed", "Nous avons retiré la publication.", claire))
		n = w.is(id, takedown.Decided)
		if until := n.Art20Until(); !until.Equal(w.Now().AddDate(0, 6, 0)) {
			w.T.Errorf("a complaint is possible until %s", until)
		}
		found := func(what string) { w.T.Helper(); w.Must(w.Found(w.Ctx, id, what, "looked", claire)) }
		found("gone")
		w.is(id, takedown.Decided) // once is not enough
		w.Forward(time.Hour)
		found("gone")
		w.is(id, takedown.Decided) // nor twice within the hour
		w.Forward(3 * time.Hour)
		found("gone")
		n = w.is(id, takedown.Removed)
		if n.DueAt == 0 {
			w.T.Error("nobody is told that the child is to be told")
		}
		w.Must(w.Told(w.Ctx, id, claire))
		if n = w.is(id, takedown.Watching); n.DueAt != 0 {
			w.T.Error("it is still due")
		}
		w.Forward(7 * 24 * time.Hour)
		found("gone")
		w.is(id, takedown.Watching)
		w.Forward(2 * 24 * time.Hour)
		found("there")
		w.is(id, takedown.Reappeared)
		found("gone")
		w.Forward(4 * time.Hour)
		found("gone")
		w.is(id, takedown.Watching)
		w.Forward(31 * 24 * time.Hour)
		found("gone")
		w.is(id, takedown.Closed)
		checks, err := w.Checks(w.Ctx, id)
		w.Must(err)
		if len(checks) != 8 || checks[0].StaffID != claire.ID {
			w.T.Errorf("the looks are %+v", checks)
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
				w.Must(w.Consented(w.Ctx, id, "", claire))
				w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
				return id
			},
			takedown.Submitted:    w.submitted,
			takedown.Acknowledged: func() string { id := w.submitted(); w.Must(w.Answered(w.Ctx, id, "", "", claire)); return id },
			takedown.Decided:      func() string { id := w.submitted(); w.Must(w.Answered(w.Ctx, id, "no_action", "", claire)); return id },
			takedown.Closed:       func() string { id := w.submitted(); w.Must(w.Move(w.Ctx, id, takedown.Finish, claire)); return id },
			takedown.Withdrawn: func() string {
				id := w.draft(w.file(), "harassment")
				w.Must(w.Move(w.Ctx, id, takedown.Withdraw, claire))
				return id
			},
		}
		act := map[takedown.Event]func(id string) error{
			takedown.Approve: func(id string) error {
				if err := w.Consented(w.Ctx, id, "", claire); err != nil {
					return err
				}
				return w.ApproveNotice(w.Ctx, id, 1, claire)
			},
			takedown.Arrive:      func(id string) error { return w.Filed(w.Ctx, id, "portal", "", claire) },
			takedown.Acknowledge: func(id string) error { return w.Answered(w.Ctx, id, "", "", claire) },
			takedown.Decide:      func(id string) error { return w.Answered(w.Ctx, id, "removed", "", claire) },
		}
		for _, ev := range []takedown.Event{takedown.Redraft, takedown.Withdraw, takedown.NotThere, takedown.Finish} {
			act[ev] = func(id string) error { return w.Move(w.Ctx, id, ev, claire) }
		}
		for from, make := range reach {
			for ev, do := range act {
				id := make()
				err := do(id)
				n, get := w.Notice(w.Ctx, id)
				w.Must(get)
				to, ok := takedown.Moves[from][ev]
				if ok && (err != nil || n.State != to) {
					w.T.Errorf("%s, %s: %s, %v; want %s", from, ev, n.State, err, to)
				} else if !ok && (!fault.Is(err, fault.Conflict) || n.State != from) {
					w.T.Errorf("%s, %s: %s, %v; want it refused", from, ev, n.State, err)
				}
			}
		}
	})
}

// Nothing goes before the child said yes, or a supervisor wrote why not; before proof is kept; before it says where and when.
func TestWhatComesBeforeANotice(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.draft(w.file(), "harassment")
		w.Refused(w.ApproveNotice(w.Ctx, id, 1, claire), "fault.takedown.lacks")
		w.Refused(w.Consented(w.Ctx, id, "bof", nadia), "fault.takedown.why")
		w.Must(w.Consented(w.Ctx, id, "Elle est injoignable et la photo circule dans toute l’école.", nadia))
		w.Refused(w.ApproveNotice(w.Ctx, id, 0, claire), "fault.takedown.lacks")
		w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
		n := w.is(id, takedown.Ready)
		if n.Consent != "overridden" || n.ConsentBy != nadia.ID || n.Content.Why == "" {
			w.T.Errorf("who said that it goes without her yes: %+v", n)
		}
	})
}

// Where the ground asks for a second person it is another than the author, and where it asks for the police they were asked.
func TestASecondReader(t *testing.T) {
	onEach(t, func(w *world) {
		set, err := catalogue.Seeds()
		w.Must(err)
		tried := 0
		for _, g := range set.Grounds.All {
			if !g.SecondReader || !g.Fits(true) || g.Retired {
				continue
			}
			tried++
			id := w.draft(w.file(), g.Code)
			w.Must(w.Consented(w.Ctx, id, "", claire))
			if len(g.PoliceFirst) > 0 {
				w.Refused(w.ApproveNotice(w.Ctx, id, 1, karim), "fault.takedown.lacks")
				w.Must(w.AskedPolice(w.Ctx, id, true, claire))
			}
			w.Refused(w.ApproveNotice(w.Ctx, id, 1, claire), "fault.takedown.second")
			w.Must(w.ApproveNotice(w.Ctx, id, 1, karim))
			w.is(id, takedown.Ready)
		}
		if tried == 0 {
			w.T.Fatal("no ground asks for a second reader, so the test shows nothing")
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
				w.T.Errorf("the statement lacks %q: %s", part, n.Content.Statement)
			}
		}
		sealed, err := store.One(w.Ctx, w.DB, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT content_sealed FROM takedown_notice`)
		w.Must(err)
		if strings.Contains(string(sealed), "dark.wolf") || strings.Contains(string(sealed), "instagram.com/p") {
			w.T.Error("where it is lies in clear")
		}
		w.Refused(w.Begin(w.Ctx, takedown.Drafting{ID: store.NewID(), FileID: n.FileID, Ground: "harassment"}, claire), "fault.takedown.address")
		w.Refused(w.Begin(w.Ctx, takedown.Drafting{ID: store.NewID(), FileID: n.FileID, Ground: "made_up", Content: takedown.Content{Addresses: []string{"https://x.com/a"}}}, claire), "fault.takedown.ground")
		long := takedown.Drafting{ID: store.NewID(), FileID: n.FileID, Ground: "harassment", Minor: true, Content: takedown.Content{Addresses: []string{"https://x.com/a"}, Statement: strings.Repeat("é", 4001)}}
		w.Refused(w.Begin(w.Ctx, long, claire), "fault.takedown.long")
	})
}

// Two tabs: a draft that somebody else rewrote is not overwritten, and one that went is not rewritten.
func TestTwoTabsOfOneDraft(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		id := w.draft(file, "harassment")
		d := takedown.Drafting{ID: id, FileID: file, Platform: "instagram", Kind: "post", Ground: "threats", Minor: true, Content: takedown.Content{Addresses: []string{"https://instagram.com/p/abc"}}}
		w.Must(w.Rewrite(w.Ctx, d, 1, claire))
		w.Refused(w.Rewrite(w.Ctx, d, 1, karim), "fault.takedown.changed")
		w.Must(w.Move(w.Ctx, id, takedown.Withdraw, claire))
		n, err := w.Notice(w.Ctx, id)
		w.Must(err)
		w.Refused(w.Rewrite(w.Ctx, d, n.Rev, claire), "fault.takedown.changed")
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
		w.Must(err)
		port, _ := strconv.Atoi(u.Port())
		w.Ports(uint16(port))
		id := store.NewID()
		w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: w.file(), Kind: "post", Ground: "harassment", Minor: true,
			Content: takedown.Content{Addresses: []string{network.URL + "/p/1"}, Host: u.Hostname(), Seen: "hier", Facts: "Des insultes."}}, claire))
		w.Must(w.Consented(w.Ctx, id, "", claire))
		w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
		w.Must(w.Filed(w.Ctx, id, "mail", "", claire))
		ctx, stop := context.WithCancel(w.Ctx)
		var running sync.WaitGroup
		running.Go(func() { w.jobs.Run(ctx) })
		defer func() { stop(); running.Wait() }()
		looks := func(n int) {
			w.T.Helper()
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				checks, err := w.Checks(w.Ctx, id)
				w.Must(err)
				if len(checks) >= n {
					return
				}
				if time.Now().After(deadline) {
					w.T.Fatalf("%d looks were made, want %d", len(checks), n)
				}
			}
		}
		w.Forward(31 * time.Minute)
		looks(1)
		w.is(id, takedown.Submitted)
		gone.Store(true)
		w.Forward(6*time.Hour + time.Minute)
		looks(2)
		w.is(id, takedown.Submitted)
		w.Forward(3*time.Hour + time.Minute)
		looks(3)
		w.is(id, takedown.Removed)
		if n := asked.Load(); n != 3 {
			w.T.Errorf("the network was asked %d times, want 3", n)
		}
	})
}

// What misleads the eye, or what a mail cannot carry, is in no notice; nor in what was said of it.
func TestWhatMisleadsGoesInNoNotice(t *testing.T) {
	onEach(t, func(w *world) {
		id := store.NewID()
		w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: w.file(), Platform: "instagram", Kind: "post", Ground: "harassment", Minor: true,
			Content: takedown.Content{Addresses: []string{"https://instagram.com/p/abc"}, Seen: "hier\r\nsoir", Facts: "Une photo\x00\r\net des \u202esetlusni.", Statement: "On \u2066voit\x1b tout.\r\n"}}, claire))
		w.Must(w.Consented(w.Ctx, id, "", claire))
		w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
		w.Must(w.Filed(w.Ctx, id, "portal", " REF\u200e-1 ", claire))
		w.Must(w.Answered(w.Ctx, id, "", "Bien\x07 reçu.\r\n", claire))
		n, err := w.Notice(w.Ctx, id)
		w.Must(err)
		if c := n.Content; c.Seen != "hier soir" || c.Facts != "Une photo\net des setlusni." || c.Statement != "On voit tout." || c.Reference != "REF-1" || c.Said != "Bien reçu." {
			w.T.Errorf("kept as %+v", c)
		}
	})
}
