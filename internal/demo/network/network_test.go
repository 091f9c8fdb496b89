package network_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/demo/network"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mastodon"
)

// The route of the real networks reports to the pretend one: what its moderators remove is gone from its pages, what they
// refuse stays, and each report can be read again.
func TestTheModeratorsAct(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	n := network.New(time.Minute, func() time.Time { mu.Lock(); defer mu.Unlock(); return now })
	server := httptest.NewServer(n)
	defer server.Close()
	r := mastodon.New(http.DefaultClient)
	keys := route.Credentials(`{"server": "` + server.URL + `", "token": "` + network.Token + `"}`)
	page := func(p network.Post) int {
		res, err := http.Get(server.URL + "/@" + p.Account + "/" + p.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode == http.StatusOK && !strings.Contains(string(text), "@"+p.Account) {
			t.Errorf("the page is %s", text)
		}
		return res.StatusCode
	}
	type filed struct {
		route.Notice
		route.Found
		route.Sent
	}
	var all []filed
	for _, p := range network.Posts {
		notice := route.Notice{ID: "01a22068-5780-7738-866a-d601353473" + p.ID[4:], Mark: "7KQ2M-9XW4T", Text: "Ce contenu vise une personne mineure.", Lang: "fr", Ground: route.Ground{Mastodon: "legal"},
			Target: route.Target{Kind: route.Item, Account: p.Account, Item: p.ID, Address: server.URL + "/@" + p.Account + "/" + p.ID}}
		found, err := r.Resolve(t.Context(), notice.Target, keys)
		if err != nil {
			t.Fatal(err)
		}
		sent, err := r.Send(t.Context(), notice, found, keys)
		if err != nil || sent.Reference == "" {
			t.Fatalf("%+v, %v", sent, err)
		}
		if page(p) != http.StatusOK {
			t.Errorf("%s is gone before anybody acted", p.ID)
		}
		all = append(all, filed{notice, found, sent})
	}
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	for i, p := range network.Posts {
		status, state := http.StatusOK, route.Handled
		if p.Fate == network.Removed {
			status = http.StatusNotFound
		}
		if p.Fate == network.Ignored {
			state = route.Received
		}
		if got := page(p); got != status {
			t.Errorf("%s answers %d, want %d", p.ID, got, status)
		}
		fate, err := route.Follow(t.Context(), r, all[i].Notice, all[i].Found, all[i].Sent, keys)
		if err != nil || fate.State != state {
			t.Errorf("of the report of %s: %+v, %v; want %s", p.ID, fate, err, state)
		}
		trace, err := route.Reconcile(t.Context(), r, all[i].Notice, all[i].Found, now, keys)
		if err != nil || trace.Arrival != route.Arrived {
			t.Errorf("the report of %s is not found again: %+v, %v", p.ID, trace, err)
		}
	}
}

// Nobody without the token learns or files anything.
func TestAStrangerIsRefused(t *testing.T) {
	server := httptest.NewServer(network.New(time.Minute, time.Now))
	defer server.Close()
	for _, path := range []string{"/api/v2/instance", "/api/v1/reports", "/api/v1/statuses/112233"} {
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %d", path, res.StatusCode)
		}
	}
}
