package takedown_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
)

// looks runs the jobs until a notice was looked at so often, and returns what the newest look says.
func (w *world) looks(id string, n int) takedown.Check {
	w.T.Helper()
	ctx, stop := context.WithCancel(w.Ctx)
	var running sync.WaitGroup
	running.Go(func() { w.jobs.Run(ctx) })
	defer func() { stop(); running.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		checks, err := w.Checks(w.Ctx, id)
		w.Must(err)
		if len(checks) >= n {
			return checks[0]
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("%d looks were made, want %d", len(checks), n)
		}
	}
}

// The network's own API is asked whether what it was told of is there, by what it calls it; and what became of the report, which
// is shown to a person and decides nothing.
func TestTheNetworkIsAskedByItsAPI(t *testing.T) {
	onEach(t, func(w *world) {
		w.network.sends = func() (route.Sent, error) { return route.Sent{Reference: "R-1"}, nil }
		id := w.ready()
		w.Must(w.SendBy(w.Ctx, id, "mastodon", claire))
		if n := w.works(id, takedown.Submitted); n.Content.Found.Item != "1" {
			w.T.Fatalf("what the network calls it is not kept: %+v", n.Content)
		}
		w.network.says(route.Seen{Sight: route.There}, route.Fate{})
		w.Forward(31 * time.Minute)
		if k := w.looks(id, 1); k.Found != "there" {
			w.T.Errorf("the first look: %+v", k)
		}
		n := w.is(id, takedown.Submitted)
		if n.Content.Fate != "" || n.DueAt <= store.Millis(w.Now()) {
			w.T.Errorf("nothing was said of the report, and somebody is called: %+v", n)
		}

		w.network.says(route.Seen{Sight: route.Gone, Why: "route.why.suspended"}, route.Fate{State: route.Handled, Said: "suspend"})
		w.Forward(6*time.Hour + time.Minute)
		if k := w.looks(id, 2); k.Found != "gone" || k.Why != "suspended" {
			w.T.Errorf("the second look: %+v", k)
		}
		n = w.is(id, takedown.Submitted) // neither decided nor removed by what a machine hears once
		if n.Content.Fate != route.Handled || n.Content.FateSaid != "suspend" || n.DueAt > store.Millis(w.Now()) {
			w.T.Errorf("what the network says of the report: %+v", n)
		}
		w.Must(w.Answered(w.Ctx, id, "account_suspended", "", claire))
		w.Forward(3*time.Hour + time.Minute)
		w.looks(id, 3)
		w.is(id, takedown.Removed)
	})
}

// An account that blocked ours looks gone to the API: it is not believed, and a page that nobody can read decides nothing.
func TestWhatAnAPICannotTellIsNotGone(t *testing.T) {
	onEach(t, func(w *world) {
		w.network.sends = func() (route.Sent, error) { return route.Sent{Reference: "R-1"}, nil }
		id := w.ready()
		w.Must(w.SendBy(w.Ctx, id, "mastodon", claire))
		w.works(id, takedown.Submitted)
		w.Forward(31 * time.Minute)
		for n, why := range []string{"blocked", "changed", "withheld"} {
			w.network.says(route.Seen{Sight: route.Unsure, Why: "route.why." + why}, route.Fate{})
			k := w.looks(id, n+1)
			if k.Found != "unsure" || (k.Why == why) == (why == "blocked") {
				w.T.Errorf("%s: %+v", why, k)
			}
			w.Forward(6*time.Hour + time.Minute)
		}
		w.is(id, takedown.Submitted)
	})
}

// Of what a letter told of the page is looked at: a mailbox shows nothing, and is no API.
func TestWhatALetterToldOfIsLookedAt(t *testing.T) {
	onEach(t, func(w *world) {
		network := httptest.NewServer(http.NotFoundHandler())
		defer network.Close()
		u, err := url.Parse(network.URL)
		w.Must(err)
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		w.Must(err)
		w.Ports(uint16(port))
		w.post.Account = mail.Account{Server: "127.0.0.1:1", From: "signalements@ligne.example", Name: "La ligne"}
		id := store.NewID()
		w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: w.file(), Kind: "post", Ground: "harassment", Minor: true,
			Content: takedown.Content{Addresses: []string{network.URL + "/p/1"}, Host: u.Hostname(), Seen: "hier", Facts: "Des insultes."}}, claire))
		w.Must(w.Consented(w.Ctx, id, "", claire))
		w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
		w.posts(id, "abuse@reseau.example")
		_, err = w.DB.Exec(w.Ctx, `UPDATE takedown_notice SET state = 'unknown' WHERE id = $1`, id)
		w.Must(err)
		w.Must(w.Filed(w.Ctx, id, "mail", "", claire)) // somebody says that it arrived
		w.Forward(31 * time.Minute)
		if k := w.looks(id, 1); k.Found != "gone" {
			w.T.Errorf("the look: %+v", k)
		}
		n := w.is(id, takedown.Submitted)
		if open, err := w.OneByOne(w.Ctx, n); err != nil || len(open) != 0 {
			w.T.Errorf("one by one it goes by %v, %v", open, err)
		}
	})
}
