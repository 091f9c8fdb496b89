package mastodon_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mastodon"
)

// gotosocial behaves towards a reporter as GoToSocial's own code does (superseriousbusiness/gotosocial,
// internal/api/client/reports/{reportcreate,reportsget,reportget}.go, internal/processing/report/create.go and
// internal/api/model/report.go, read in November 2026). It stands for the real one, which the Go module proxy does not give.
type gotosocial struct {
	mu      sync.Mutex
	reports []map[string]any // oldest first
	// cutAfter ends the connection once a report was stored; cutBefore ends it instead of storing one.
	cutAfter, cutBefore bool
}

// loses sets what becomes of the next report's connection.
func (g *gotosocial) loses(before, after bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cutBefore, g.cutAfter = before, after
}

// has returns the reports that were stored.
func (g *gotosocial) has() []map[string]any {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.reports)
}

// closes is a moderator who closes a report, with a word.
func (g *gotosocial) closes(report int, comment, at string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.reports[report]
	r["action_taken"], r["action_taken_at"], r["action_taken_comment"] = true, at, comment
}

const (
	theirs = "01F8MH5ZK5VRH73AKHQM6Y9VNX"
	status = "01FVW7JHQFSFK166WWKR8CBA6M"
)

func (g *gotosocial) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	}
	account := map[string]any{"id": theirs, "username": "brune", "acct": "brune"}
	notFound := map[string]string{"error": "Not Found"}
	switch path, id := r.URL.Path, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]; {
	case r.Header.Get("Authorization") != "Bearer secret":
		answer(http.StatusUnauthorized, map[string]string{"error": "Unauthorized: token not supplied"})
	case path == "/api/v2/instance":
		answer(http.StatusOK, map[string]string{"domain": "localhost", "version": "0.19.2+git-abcdef0", "source_url": "https://codeberg.org/superseriousbusiness/gotosocial"})
	case path == "/api/v1/statuses/"+status:
		answer(http.StatusOK, map[string]any{"id": status, "account": account})
	case path == "/api/v1/reports" && r.Method == http.MethodPost:
		comment := r.FormValue("comment")
		switch {
		case r.FormValue("account_id") != theirs:
			answer(http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("Bad Request: account with ID %s does not exist", r.FormValue("account_id"))})
			return
		case len([]rune(comment)) > 1000:
			answer(http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("Bad Request: comment length must be no more than 1000 chars, provided comment was %d chars", len([]rune(comment)))})
			return
		case g.cutBefore:
			panic(http.ErrAbortHandler)
		}
		report := map[string]any{"id": fmt.Sprintf("01GP3AWY4CRDVRNZKW0TEA%04d", len(g.reports)), "created_at": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
			"action_taken": false, "action_taken_at": nil, "action_taken_comment": nil, "category": "other", "comment": comment,
			"forwarded": r.FormValue("forward") == "true", "status_ids": r.Form["status_ids[]"], "rule_ids": []string{}, "target_account": account}
		if g.reports = append(g.reports, report); g.cutAfter {
			panic(http.ErrAbortHandler)
		}
		answer(http.StatusOK, report)
	case path == "/api/v1/reports":
		page := []map[string]any{}
		for _, report := range slices.Backward(g.reports) {
			if max := r.FormValue("max_id"); (max == "" || report["id"].(string) < max) && r.FormValue("target_account_id") == theirs {
				page = append(page, report)
			}
		}
		answer(http.StatusOK, page)
	case strings.HasPrefix(path, "/api/v1/reports/"):
		for _, report := range g.reports {
			if report["id"] == id {
				answer(http.StatusOK, report)
				return
			}
		}
		answer(http.StatusNotFound, notFound)
	default:
		answer(http.StatusNotFound, notFound)
	}
}

// A report whose answer was lost is found again by its mark, and one that never arrived is seen to be absent: nothing is filed
// twice, and nothing is forgotten. What became of it is read as far as it is told.
func TestALostAnswerIsReconciled(t *testing.T) {
	g := &gotosocial{}
	remote := httptest.NewServer(g)
	defer remote.Close()
	r, n := mastodon.New(client), notice(remote.URL)
	n.Target.Item, n.Target.Address = status, remote.URL+"/@brune/statuses/"+status
	found, err := r.Resolve(t.Context(), n.Target, keys(remote.URL))
	if want := (route.Found{Account: theirs, Item: status, Dialect: "gotosocial 0.19.2+git-abcdef0"}); err != nil || found != want {
		t.Fatalf("%+v, %v", found, err)
	}
	send := func(n route.Notice) error {
		_, err := r.Send(t.Context(), n, found, keys(remote.URL))
		return err
	}
	var unknown *route.Unknown
	hour := time.Now().Add(-time.Hour)

	// The first one never arrives.
	g.loses(true, false)
	if err := send(n); !errors.As(err, &unknown) {
		t.Fatalf("cut before it was stored: %v", err)
	}
	trace, err := r.Reconcile(t.Context(), n, found, hour, keys(remote.URL))
	if err != nil || trace.Arrival != route.Absent {
		t.Fatalf("%+v, %v", trace, err)
	}

	// The second arrives, and its answer does not.
	g.loses(false, true)
	if err := send(n); !errors.As(err, &unknown) {
		t.Fatalf("cut after it was stored: %v", err)
	}
	stored := g.has()
	if len(stored) != 1 || stored[0]["comment"] != n.Marked() || stored[0]["forwarded"] != false || fmt.Sprint(stored[0]["status_ids"]) != "["+status+"]" {
		t.Fatalf("stored: %v", stored)
	}
	g.loses(false, false)
	other := n
	other.ID, other.Mark = "0193f0aa-1111-7000-8000-00000000000f", "8KQ2M-9XW4T" // the same words about the same post, and another notice
	if err := send(other); err != nil {
		t.Fatal(err)
	}
	trace, err = r.Reconcile(t.Context(), n, found, hour, keys(remote.URL))
	if err != nil || trace.Arrival != route.Arrived || trace.Sent.Reference != stored[0]["id"] || trace.Sent.At.IsZero() {
		t.Fatalf("%+v, %v", trace, err)
	}

	// Then somebody there closes it.
	fate, err := r.Follow(t.Context(), n, found, trace.Sent, keys(remote.URL))
	if err != nil || fate != (route.Fate{State: route.Received}) {
		t.Errorf("%+v, %v", fate, err)
	}
	g.closes(0, "the post was\ndeleted", "2026-11-28T10:00:00.000Z")
	fate, err = r.Follow(t.Context(), n, found, trace.Sent, keys(remote.URL))
	if want := (route.Fate{State: route.Handled, At: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), Said: "the post was deleted"}); err != nil || fate != want {
		t.Errorf("%+v, %v", fate, err)
	}
	if n := len(g.has()); n != 2 {
		t.Errorf("%d reports are there", n)
	}
}

// A token without the right to read reports is not taken for a server without a list.
func TestAListThatWeMayNotRead(t *testing.T) {
	remote := httptest.NewServer(&gotosocial{})
	defer remote.Close()
	creds := route.Credentials(fmt.Sprintf(`{"server": %q, "token": "another"}`, remote.URL))
	_, err := mastodon.New(client).Reconcile(t.Context(), notice(remote.URL), route.Found{Account: theirs}, time.Now().Add(-time.Hour), creds)
	refusedWith(t, err, "fault.route.credentials")
}

// What GoToSocial does not take, it says in its own words.
func TestWhatGoToSocialDeclines(t *testing.T) {
	remote := httptest.NewServer(&gotosocial{})
	defer remote.Close()
	_, err := mastodon.New(client).Send(t.Context(), notice(remote.URL), route.Found{Account: "01F8MH1H7YV1Z7D2C8K2730QBF"}, keys(remote.URL))
	refusedWith(t, err, "fault.route.gone")
	n := notice(remote.URL)
	n.Text = strings.Repeat("é", mastodon.New(client).About().Text)
	if _, err := mastodon.New(client).Send(t.Context(), n, route.Found{Account: theirs}, keys(remote.URL)); err != nil {
		t.Errorf("a text of the greatest length: %v", err)
	}
}
