package mastodon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mastodon"
	"vigie/internal/takedown/route/routetest"
)

var client = &http.Client{CheckRedirect: routetest.NoRedirects}

// notice is one about a post, as the desk would have it.
func notice(home string) route.Notice {
	return route.Notice{
		ID:   "0193f0aa-1111-7000-8000-000000000001",
		Mark: "7KQ2M-9XW4T",
		Target: route.Target{Platform: "mastodon", Kind: route.Item, Account: "brune", Item: "108882889550545820",
			Address: home + "/@brune/108882889550545820", Server: routetest.Host(home)},
		Ground: route.Ground{DSA: "KEYWORD_CYBER_BULLYING_INTIMIDATION", Bluesky: "ChildSafetyHarassment", Mastodon: "legal"},
		Text:   "Ce message humilie une personne mineure et appelle à la harceler (C. pén. 222-33-2-2).",
		Lang:   "fr",
	}
}

func keys(home string) route.Credentials {
	return route.Credentials(fmt.Sprintf(`{"server": %q, "token": "secret"}`, home))
}

// mastodonHas is a server that answers as docs.joinmastodon.org says that Mastodon does, from a list of answers:
// "GET /api/v1/…" → status and JSON. What is not in it is Mastodon's 404.
func mastodonHas(t *testing.T, answers map[string]answer) (home string, asked *[]*http.Request) {
	t.Helper()
	asked = &[]*http.Request{}
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		*asked = append(*asked, r)
		is, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			is = answer{404, `{"error": "Not Found"}`}
		}
		if r.Header.Get("Authorization") != "Bearer secret" {
			is = answer{401, `{"error": "The access token is invalid"}`}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(is.status)
		io.WriteString(w, is.body)
	}))
	t.Cleanup(remote.Close)
	return remote.URL, asked
}

type answer struct {
	status int
	body   string
}

const (
	mastodon43 = `{"domain": "mastodon.example", "version": "4.3.1+glitch", "source_url": "https://github.com/glitch-soc/mastodon"}`
	brune      = `{"id": "108366849347798387", "username": "brune", "acct": "brune", "suspended": false}`
	post       = `{"id": "108882889550545820", "uri": "https://mastodon.example/users/brune/statuses/108882889550545820", "account": ` + brune + `}`
	// The documentation's own example (methods/reports), with our category.
	filed = `{"id": "48914", "action_taken": false, "action_taken_at": null, "category": "legal", "comment": "…", "forwarded": false,
		"created_at": "2022-08-25T09:56:16.763Z", "status_ids": ["108882889550545820"], "rule_ids": null, "target_account": ` + brune + `}`
)

func refusedWith(t *testing.T, err error, key string, args ...any) {
	t.Helper()
	var no *route.Refused
	if !errors.As(err, &no) || no.Key != key || len(args) > 0 && fmt.Sprint(no.Args...) != fmt.Sprint(args...) {
		t.Errorf("%v, want %s %v", err, key, args)
	}
}

// What is sent to Mastodon is what its documentation has, and nothing besides: the account, the post, our text with its mark,
// "legal", and never forwarded.
func TestWhatMastodonIsSent(t *testing.T) {
	home, asked := mastodonHas(t, map[string]answer{
		"GET /api/v2/instance":                    {200, mastodon43},
		"GET /api/v1/statuses/108882889550545820": {200, post},
		"POST /api/v1/reports":                    {200, filed},
	})
	r, n := mastodon.New(client), notice(home)
	found, err := r.Resolve(t.Context(), n.Target, keys(home))
	if err != nil {
		t.Fatal(err)
	}
	if want := (route.Found{Account: "108366849347798387", Item: "108882889550545820", Dialect: "mastodon 4.3.1+glitch"}); found != want {
		t.Errorf("found %+v", found)
	}
	sent, err := r.Send(t.Context(), n, found, keys(home))
	if err != nil {
		t.Fatal(err)
	}
	if want := (route.Sent{Reference: "48914", At: time.Date(2022, 8, 25, 9, 56, 16, 763e6, time.UTC), State: route.Received}); sent != want {
		t.Errorf("sent %+v", sent)
	}
	last := (*asked)[len(*asked)-1]
	want := url.Values{"account_id": {"108366849347798387"}, "status_ids[]": {"108882889550545820"}, "comment": {n.Marked()}, "category": {"legal"}, "forward": {"false"}}
	if last.PostForm.Encode() != want.Encode() {
		t.Errorf("sent the form %v", last.PostForm)
	}
	if last.Header.Get("Idempotency-Key") != "" || last.URL.RawQuery != "" {
		t.Errorf("sent with %v %v", last.Header, last.URL)
	}
}

// "legal" is Mastodon's word from 4.2 on; an older one, and other programs, are told "other".
func TestTheCategoryThatAServerTakes(t *testing.T) {
	for dialect, want := range map[string]string{
		"mastodon 4.2.0": "legal", "mastodon 4.10.2": "legal", "mastodon 5.0.0-alpha.1": "legal", "mastodon 4.3.1+glitch": "legal",
		"mastodon 4.1.9": "other", "mastodon 3.5.3": "other", "gotosocial 0.19.2": "other", "pleroma 2.7.2 (compatible; Pleroma 2.5)": "other", "": "other",
		"mastodon": "other", "mastodon x": "other",
	} {
		home, asked := mastodonHas(t, map[string]answer{"POST /api/v1/reports": {200, filed}})
		if _, err := mastodon.New(client).Send(t.Context(), notice(home), route.Found{Account: "1", Dialect: dialect}, keys(home)); err != nil {
			t.Fatal(err)
		}
		if got := (*asked)[0].PostForm.Get("category"); got != want {
			t.Errorf("%s is told %q, want %q", dialect, got, want)
		}
	}
	home, asked := mastodonHas(t, nil)
	for _, word := range []string{"", "violation", "nonsense"} {
		n := notice(home)
		n.Ground.Mastodon = word
		_, err := mastodon.New(client).Send(t.Context(), n, route.Found{Account: "1"}, keys(home))
		refusedWith(t, err, "fault.route.reason", "code", word)
	}
	n := notice(home)
	n.Text = strings.Repeat("a", 1000)
	_, err := mastodon.New(client).Send(t.Context(), n, route.Found{Account: "1"}, keys(home))
	refusedWith(t, err, "fault.route.long", "max", 982, "length", 1000)
	if len(*asked) != 0 {
		t.Errorf("something was sent: %v", (*asked)[0].URL)
	}
}

// Every failure there is, on the way to POST /api/v1/reports.
func TestAReportThatFails(t *testing.T) {
	home, _ := mastodonHas(t, nil)
	routetest.Run(t, "/api/v1/reports", func(ctx context.Context, client route.Client) error {
		_, err := mastodon.New(client).Send(ctx, notice(home), route.Found{Account: "1", Item: "2", Dialect: "mastodon 4.3"}, keys(home))
		return err
	})
}

// Two answers mean more than their status, and the remote's words come with the others.
func TestWhatMastodonAnswersToAReport(t *testing.T) {
	for body, key := range map[string]string{
		`422 {"error": "This method requires an authenticated user"}`:                             "fault.route.credentials",
		`422 {"error": "Validation failed: Rule ids does not reference valid rules"}`:             "fault.route.taken_not",
		`400 {"error": "Bad Request: account with ID 01F8MH1H7YV1Z7D2C8K2730QBF does not exist"}`: "fault.route.gone",
		`400 {"error": "Bad Request: comment length must be no more than 1000 chars"}`:            "fault.route.taken_not",
		`403 {"error": "Your login is currently disabled"}`:                                       "fault.route.credentials",
	} {
		status, text := 0, body[4:]
		fmt.Sscan(body, &status)
		home, _ := mastodonHas(t, map[string]answer{"POST /api/v1/reports": {status, text}})
		_, err := mastodon.New(client).Send(t.Context(), notice(home), route.Found{Account: "1"}, keys(home))
		refusedWith(t, err, key)
		var no *route.Refused
		if errors.As(err, &no) && key == "fault.route.taken_not" && no.Said == "" {
			t.Errorf("the remote's words are lost: %s", body)
		}
	}
}

// A target that cannot be reported here is found before anything is sent: it is gone, suspended, or on another server.
func TestATargetThatIsNotHere(t *testing.T) {
	answers := func(more map[string]answer) map[string]answer {
		more["GET /api/v2/instance"] = answer{200, mastodon43}
		return more
	}
	account := func(body string) map[string]answer {
		return answers(map[string]answer{"GET /api/v1/accounts/lookup": {200, body}})
	}
	for name, c := range map[string]struct {
		answers map[string]answer
		change  func(*route.Target)
		key     string
		args    []any
	}{
		"a deleted post":                     {answers(map[string]answer{"GET /api/v2/search": {200, `{"accounts": [], "statuses": []}`}}), nil, "fault.route.gone", nil},
		"another post found by the search":   {answers(map[string]answer{"GET /api/v2/search": {200, `{"statuses": [` + post + `]}`}}), nil, "fault.route.gone", nil},
		"a suspended account":                {account(`{"id": "5", "acct": "brune", "suspended": true}`), func(t *route.Target) { t.Kind, t.Item = route.Account, "" }, "fault.route.gone", nil},
		"no such account":                    {answers(map[string]answer{}), func(t *route.Target) { t.Kind, t.Item = route.Account, "" }, "fault.route.gone", nil},
		"no account named":                   {answers(map[string]answer{}), func(t *route.Target) { t.Kind, t.Account = route.Account, "" }, "fault.route.address", nil},
		"another server":                     {nil, func(t *route.Target) { t.Address, t.Server = "https://other.example/@brune/1", "other.example" }, "fault.route.elsewhere", []any{"server", "other.example"}},
		"another server's account seen here": {nil, func(t *route.Target) { t.Account = "brune@other.example" }, "fault.route.elsewhere", []any{"server", "other.example"}},
		"another server's post seen here": {answers(map[string]answer{"GET /api/v1/statuses/108882889550545820": {200,
			`{"id": "108882889550545820", "account": {"id": "7", "acct": "brune@other.example"}}`}}), nil, "fault.route.elsewhere", []any{"server", "other.example"}},
		"a server that is none of these": {map[string]answer{}, nil, "fault.route.gone", nil},
	} {
		home, _ := mastodonHas(t, c.answers)
		target := notice(home).Target
		if c.change != nil {
			c.change(&target)
		}
		_, err := mastodon.New(client).Resolve(t.Context(), target, keys(home))
		if t.Run(name, func(t *testing.T) { refusedWith(t, err, c.key, c.args...) }); err == nil {
			t.Errorf("%s was found", name)
		}
	}
}

// An account is found by its name, and a post that has another id than the sign in its address by the address.
func TestFindingByNameAndByAddress(t *testing.T) {
	home, asked := mastodonHas(t, map[string]answer{
		"GET /api/v1/instance":        {200, `{"version": "3.5.3", "uri": "x"}`}, // before 4.0 there is no other
		"GET /api/v1/accounts/lookup": {200, brune},
	})
	target := notice(home).Target
	target.Kind, target.Item = route.Account, ""
	found, err := mastodon.New(client).Resolve(t.Context(), target, keys(home))
	if err != nil || found.Account != "108366849347798387" || found.Item != "" {
		t.Errorf("%+v, %v", found, err)
	}
	if got := (*asked)[len(*asked)-1].Form.Get("acct"); got != "brune" {
		t.Errorf("asked for %q", got)
	}
	address := ""
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/v2/instance":
			io.WriteString(w, `{"version": "2.7.2 (compatible; Akkoma 3.13.2)", "source_url": "https://akkoma.dev/AkkomaGang/akkoma"}`)
		case "/api/v2/search":
			if r.FormValue("resolve") != "false" || r.FormValue("q") != address {
				t.Errorf("searched %v", r.Form)
			}
			json.NewEncoder(w).Encode(map[string]any{"statuses": []any{map[string]any{"id": "AX9", "uri": address, "account": map[string]any{"id": "A1", "acct": "brune"}}}})
		default:
			w.WriteHeader(404)
			io.WriteString(w, `{"error": "Can't find post"}`)
		}
	}))
	defer remote.Close()
	address = remote.URL + "/objects/2b0d"
	found, err = mastodon.New(client).Resolve(t.Context(), route.Target{Kind: route.Item, Item: "2b0d", Address: address}, keys(remote.URL))
	if want := (route.Found{Account: "A1", Item: "AX9", Dialect: "akkoma 2.7.2 (compatible; Akkoma 3.13.2)"}); err != nil || found != want {
		t.Errorf("%+v, %v", found, err)
	}
}

// Mastodon has no list of one's own reports and tells nothing of one: a person is asked, and nobody is told "absent".
func TestMastodonTellsNothingOfAReport(t *testing.T) {
	home, _ := mastodonHas(t, nil)
	r, n, found := mastodon.New(client), notice(home), route.Found{Account: "108366849347798387"}
	trace, err := r.Reconcile(t.Context(), n, found, time.Now().Add(-time.Hour), keys(home))
	if want := (route.Trace{Arrival: route.AskAHuman, Why: "route.why.no_list"}); err != nil || trace != want {
		t.Errorf("%+v, %v", trace, err)
	}
	fate, err := r.Follow(t.Context(), n, found, route.Sent{Reference: "48914"}, keys(home))
	if want := (route.Fate{State: route.Untold, Why: "route.why.not_told"}); err != nil || fate != want {
		t.Errorf("%+v, %v", fate, err)
	}
}

// A list is read to before the sending, page by page, and absence is believed once the sending is settled.
func TestReadingAList(t *testing.T) {
	at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339Nano) }
	line := func(id, comment string, ago time.Duration) string {
		return fmt.Sprintf(`{"id": %q, "comment": %q, "created_at": %q, "target_account": {"id": "9"}}`, id, comment, at(ago))
	}
	n := notice("https://mastodon.example")
	pages := map[string]string{
		"":   "[" + line("30", "other", time.Minute) + "," + line("20", "another", 2*time.Minute) + "]",
		"20": "[" + line("10", n.Marked(), 3*time.Minute) + "]",
		"10": "[]",
	}
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("target_account_id") != "9" {
			t.Errorf("asked for %v", r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, pages[r.FormValue("max_id")])
	}))
	defer remote.Close()
	r, found := mastodon.New(client), route.Found{Account: "9"}
	trace, err := r.Reconcile(t.Context(), n, found, time.Now().Add(-4*time.Minute), keys(remote.URL))
	if err != nil || trace.Arrival != route.Arrived || trace.Sent.Reference != "10" || trace.Sent.State != route.Received {
		t.Errorf("on the second page: %+v, %v", trace, err)
	}
	other := n
	other.ID, other.Mark = "0193f0aa-1111-7000-8000-000000000002", "8KQ2M-9XW4T"
	trace, err = r.Reconcile(t.Context(), other, found, time.Now().Add(-route.Settled-time.Minute), keys(remote.URL))
	if err != nil || trace.Arrival != route.Absent {
		t.Errorf("not in the list: %+v, %v", trace, err)
	}
	trace, err = r.Reconcile(t.Context(), other, found, time.Now().Add(-time.Minute), keys(remote.URL))
	var later *route.Later
	if !errors.As(err, &later) || later.RetryAfter <= 0 || later.RetryAfter > route.Settled {
		t.Errorf("a minute after the sending: %+v, %v", trace, err)
	}
	pages["20"] = "[" + line("10", "older", 48*time.Hour) + "]"
	pages["10"] = "not read"
	trace, err = r.Reconcile(t.Context(), other, found, time.Now().Add(-time.Hour), keys(remote.URL))
	if err != nil || trace.Arrival != route.Absent {
		t.Errorf("read to before the sending: %+v, %v", trace, err)
	}
	pages["20"] = "<html>"
	if trace, err = r.Reconcile(t.Context(), other, found, time.Now().Add(-time.Hour), keys(remote.URL)); trace.Arrival == route.Absent {
		t.Errorf("half a list proves absence: %+v, %v", trace, err)
	}
}

// A look says gone only where the account is not hidden from us alone, and unsure where nobody knows.
func TestALook(t *testing.T) {
	here := `[{"id": "108366849347798387", "blocked_by": %v}]`
	item := "GET /api/v1/statuses/108882889550545820"
	between := "GET /api/v1/accounts/relationships"
	for name, c := range map[string]struct {
		answers map[string]answer
		want    route.Seen
	}{
		"there":           {map[string]answer{item: {200, post}}, route.Seen{Sight: route.There}},
		"removed":         {map[string]answer{between: {200, fmt.Sprintf(here, false)}}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"we are blocked":  {map[string]answer{between: {200, fmt.Sprintf(here, true)}}, route.Seen{Sight: route.Unsure, Why: "route.why.blocked"}},
		"the account too": {map[string]answer{between: {200, `[]`}}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"410":             {map[string]answer{item: {410, `{"error": "Gone"}`}, between: {200, `[]`}}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"no right to ask who blocks": {map[string]answer{between: {403, `{"error": "This action is outside the authorized scopes"}`}},
			route.Seen{Sight: route.Unsure, Why: "route.why.credentials"}},
		"a token that is over":   {map[string]answer{item: {401, `{"error": "The access token was revoked"}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.credentials"}},
		"a server in trouble":    {map[string]answer{item: {502, `{}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.unreachable"}},
		"half an answer":         {map[string]answer{item: {200, `{"id": "1088`}}, route.Seen{Sight: route.Unsure, Why: "route.why.foreign"}},
		"something else":         {map[string]answer{item: {200, `{}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.foreign"}},
		"the author's suspended": {map[string]answer{item: {200, `{"id": "1", "account": {"id": "1", "suspended": true}}`}}, route.Seen{Sight: route.Gone, Why: "route.why.suspended"}},
	} {
		home, _ := mastodonHas(t, c.answers)
		seen, err := mastodon.New(client).Look(t.Context(), notice(home).Target, route.Found{Account: "108366849347798387", Item: "108882889550545820"}, keys(home))
		if err != nil || seen != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, seen, err, c.want)
		}
	}
	home, _ := mastodonHas(t, map[string]answer{"GET /api/v1/accounts/5": {200, `{"id": "5", "acct": "brune", "suspended": true}`}})
	if seen, err := mastodon.New(client).Look(t.Context(), route.Target{}, route.Found{Account: "5"}, keys(home)); err != nil || seen.Sight != route.Gone {
		t.Errorf("a suspended account: %+v, %v", seen, err)
	}
	if seen, err := mastodon.New(client).Look(t.Context(), route.Target{}, route.Found{Account: "5"}, keys("http://127.0.0.1:1")); err != nil || seen.Why != "route.why.unreachable" {
		t.Errorf("nobody listens: %+v, %v", seen, err)
	}
}

// Credentials that are not whole are refused before anything is asked.
func TestCredentials(t *testing.T) {
	for c, what := range map[string]string{
		`{"server": "http://mastodon.example", "token": "x"}`: "server",
		`{"server": "https://mastodon.example"}`:              "token",
		`{"token": "x"}`:                                      "server",
		`{"toke": "x"}`:                                       "JSON",
	} {
		r, creds := mastodon.New(client), route.Credentials(c)
		_, err := r.Send(t.Context(), notice(""), route.Found{}, creds)
		refusedWith(t, err, "fault.route.shape", "what", what)
		_, err = r.Resolve(t.Context(), route.Target{}, creds)
		refusedWith(t, err, "fault.route.shape", "what", what)
		if _, err = r.Look(t.Context(), route.Target{}, route.Found{}, creds); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	}
}
