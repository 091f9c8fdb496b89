package atproto_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/atproto"
	"vigie/internal/takedown/route/routetest"
)

var client = &http.Client{CheckRedirect: routetest.NoRedirects}

const (
	theo = "did:plc:theoaaaaaaaaaaaaaaaaaaaa"
	post = "at://" + theo + "/app.bsky.feed.post/3kabcdefghi2x"
	cid  = "bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"
)

// notice is one about a post, as the desk would have it.
func notice() route.Notice {
	return route.Notice{
		ID:   "0193f0aa-2222-7000-8000-000000000001",
		Mark: "7KQ2M-9XW4T",
		Target: route.Target{Platform: "bluesky", Kind: route.Item, Account: "theo.example", Item: "3kabcdefghi2x",
			Address: "https://bsky.app/profile/theo.example/post/3kabcdefghi2x"},
		Ground: route.Ground{DSA: "KEYWORD_CYBER_BULLYING_INTIMIDATION", Bluesky: "ChildSafetyHarassment", Mastodon: "legal"},
		Text:   "Ce message humilie une personne mineure et appelle à la harceler (C. pén. 222-33-2-2).",
		Lang:   "fr",
	}
}

var found = route.Found{Account: theo, Item: post, Version: cid}

func keys(home string, more ...string) route.Credentials {
	return route.Credentials(fmt.Sprintf(`{"pds": %q, "view": %q, "identifier": "helpline.example", "password": "aaaa-bbbb"%s}`, home, home, strings.Join(more, "")))
}

type answer struct {
	status int
	body   string
}

type asked struct {
	method, proxy, token string
	query                map[string][]string
	body                 map[string]any
}

// network is a PDS and a view in one, which answer as the lexicons say, from a list: "createReport" → status and JSON. What
// is not in it is a method that nobody has.
func network(t *testing.T, answers map[string]answer) (home string, all *[]asked) {
	t.Helper()
	all = &[]asked{}
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Path[strings.LastIndex(r.URL.Path, ".")+1:]
		one := asked{method: strings.TrimPrefix(r.URL.Path, "/xrpc/"), proxy: r.Header.Get("atproto-proxy"), token: r.Header.Get("Authorization"), query: r.URL.Query()}
		json.NewDecoder(r.Body).Decode(&one.body)
		*all = append(*all, one)
		is, ok := answers[id]
		if !ok && id == "createSession" {
			is, ok = answer{200, `{"did": "did:plc:us", "handle": "helpline.example", "accessJwt": "access", "refreshJwt": "refresh"}`}, true
		}
		if !ok {
			is = answer{501, `{"error": "MethodNotImplemented", "message": "Method Not Implemented"}`}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(is.status)
		io.WriteString(w, is.body)
	}))
	t.Cleanup(remote.Close)
	return remote.URL, all
}

const filed = `{"id": 48914, "reasonType": "tools.ozone.report.defs#reasonChildSafetyHarassment", "reportedBy": "did:plc:us",
	"subject": {"$type": "com.atproto.repo.strongRef", "uri": "` + post + `", "cid": "` + cid + `"}, "createdAt": "2026-11-28T09:56:16.763Z"}`

func refusedWith(t *testing.T, err error, key string) {
	t.Helper()
	var no *route.Refused
	if !errors.As(err, &no) || no.Key != key {
		t.Errorf("%v, want %s", err, key)
	}
}

// What is sent is what the lexicon has: reason, subject and text, through our PDS, to the service that the header names.
func TestWhatAServiceIsSent(t *testing.T) {
	home, all := network(t, map[string]answer{
		"resolveHandle": {200, `{"did": "` + theo + `"}`},
		"getRecord":     {200, `{"uri": "` + post + `", "cid": "` + cid + `", "value": {"text": "not for us"}}`},
		"createReport":  {200, filed},
	})
	r, n := atproto.New(client), notice()
	f, err := r.Resolve(t.Context(), n.Target, keys(home))
	if err != nil || f != found {
		t.Fatalf("%+v, %v", f, err)
	}
	sent, err := r.Send(t.Context(), n, f, keys(home))
	if want := (route.Sent{Reference: "48914", At: time.Date(2026, 11, 28, 9, 56, 16, 763e6, time.UTC), State: route.Received}); err != nil || sent != want {
		t.Fatalf("%+v, %v", sent, err)
	}
	last := (*all)[len(*all)-1]
	if last.method != "com.atproto.moderation.createReport" || last.token != "Bearer access" || last.proxy != "did:plc:ar7c4by46qjdydhdevvrndac#atproto_labeler" {
		t.Errorf("%+v", last)
	}
	want := map[string]any{"reasonType": "tools.ozone.report.defs#reasonChildSafetyHarassment", "reason": n.Marked(),
		"subject": map[string]any{"$type": "com.atproto.repo.strongRef", "uri": post, "cid": cid}}
	if fmt.Sprint(last.body) != fmt.Sprint(want) {
		t.Errorf("sent %v", last.body)
	}
	if _, err = r.Send(t.Context(), n, route.Found{Account: theo}, keys(home)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint((*all)[len(*all)-1].body["subject"]); got != fmt.Sprint(map[string]any{"$type": "com.atproto.admin.defs#repoRef", "did": theo}) {
		t.Errorf("an account is sent as %s", got)
	}
}

// A reason that goes to an app's own authority only is sent to no other service, and one that we do not know to none.
func TestReasonsAndWhomTheyGoTo(t *testing.T) {
	home, all := network(t, map[string]answer{"createReport": {200, filed}})
	other := `, "service": "did:web:mod.example"`
	for reason, c := range map[string]struct {
		creds route.Credentials
		key   string
	}{
		"ChildSafetyCSAM":          {keys(home), ""},
		"ChildSafetyGroom":         {keys(home, other), "fault.route.authority"},
		"ChildSafetyEndangerment":  {keys(home, other), "fault.route.authority"},
		"ChildSafetyPromotion":     {keys(home, other), "fault.route.authority"},
		"ChildSafetyOther":         {keys(home, other), "fault.route.authority"},
		"ChildSafetyMinorPrivacy":  {keys(home, other), ""},
		"SexualSextortion":         {keys(home, other), ""},
		"ViolenceExtremistContent": {keys(home, other, `, "authority": true`), ""},
		"Nonsense":                 {keys(home), "fault.route.reason"},
		"":                         {keys(home), "fault.route.reason"},
	} {
		before := len(*all)
		n := notice()
		n.Ground.Bluesky = reason
		_, err := atproto.New(client).Send(t.Context(), n, found, c.creds)
		if c.key != "" {
			refusedWith(t, err, c.key)
			if len(*all) != before {
				t.Errorf("%s: something was asked", reason)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", reason, err)
		}
		if last := (*all)[len(*all)-1]; strings.Contains(string([]byte(c.creds)), "mod.example") && last.proxy != "did:web:mod.example#atproto_labeler" {
			t.Errorf("%s went to %s", reason, last.proxy)
		}
	}
}

// Every failure there is, on the way to createReport.
func TestAReportThatFails(t *testing.T) {
	home, _ := network(t, nil)
	routetest.Run(t, "/xrpc/com.atproto.moderation.createReport", func(ctx context.Context, client route.Client) error {
		_, err := atproto.New(client).Send(ctx, notice(), found, keys(home))
		return err
	})
}

// Where no session is had, nothing was filed, whatever happened.
func TestASessionThatFails(t *testing.T) {
	for _, f := range []struct {
		is    answer
		key   string
		later bool
	}{
		{answer{401, `{"error": "AuthenticationRequired", "message": "Invalid identifier or password"}`}, "fault.route.credentials", false},
		{answer{401, `{"error": "AuthFactorTokenRequired", "message": "A sign in code has been sent to your email address"}`}, "fault.route.credentials", false},
		{answer{400, `{"error": "InvalidRequest", "message": "Input/password must be a string"}`}, "fault.route.credentials", false},
		{answer{403, `{"error": "AccountTakedown", "message": "Account has been taken down"}`}, "fault.route.credentials", false},
		{answer{200, `{}`}, "fault.route.foreign", false},
		{answer{200, `<html>`}, "fault.route.foreign", false},
		{answer{404, `nothing`}, "fault.route.gone", false},
		{answer{429, `{"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}`}, "", true},
		{answer{500, `{"error": "InternalServerError"}`}, "", true},
		{answer{502, `{}`}, "", true},
	} {
		home, all := network(t, map[string]answer{"createSession": f.is, "createReport": {200, filed}})
		_, err := atproto.New(client).Send(t.Context(), notice(), found, keys(home))
		var later *route.Later
		if f.later && !errors.As(err, &later) {
			t.Errorf("%v: %v", f.is, err)
		}
		if !f.later {
			refusedWith(t, err, f.key)
		}
		if len(*all) != 1 {
			t.Errorf("%v: %d questions", f.is, len(*all))
		}
	}
}

// What a service answers to a report, by the name of its error.
func TestWhatAServiceAnswersToAReport(t *testing.T) {
	for body, want := range map[string]string{
		`400 {"error": "InvalidRequest", "message": "Invalid reason type: tools.ozone.report.defs#reasonChildSafetyHarassment"}`: "fault.route.reason",
		`400 {"error": "InvalidRequest", "message": "could not resolve proxy did"}`:                                              "fault.route.taken_not",
		`400 {"error": "ExpiredToken", "message": "Token has expired"}`:                                                          "fault.route.credentials",
		`403 {"error": "AccountTakedown", "message": "Report not accepted from takendown account"}`:                              "fault.route.credentials",
		`501 {"error": "MethodNotImplemented", "message": "Method Not Implemented"}`:                                             "unknown",
		`502 {"error": "UpstreamFailure", "message": "pipethrough network error"}`:                                               "unknown",
		`504 {"error": "UpstreamTimeout", "message": ""}`:                                                                        "unknown",
	} {
		status := 0
		fmt.Sscan(body, &status)
		home, _ := network(t, map[string]answer{"createReport": {status, body[4:]}})
		_, err := atproto.New(client).Send(t.Context(), notice(), found, keys(home))
		var unknown *route.Unknown
		if want == "unknown" {
			if !errors.As(err, &unknown) {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		refusedWith(t, err, want)
	}
}

// A text in letters that are written with marks is measured as it is sent.
func TestTheLengthOfAReason(t *testing.T) {
	home, all := network(t, map[string]answer{"createReport": {200, filed}})
	n := notice()
	n.Text = strings.Repeat("e\u0301", atproto.New(client).About().Text)
	if _, err := atproto.New(client).Send(t.Context(), n, found, keys(home)); err != nil {
		t.Error(err)
	}
	if reason := (*all)[len(*all)-1].body["reason"].(string); len([]rune(reason)) != 2000 {
		t.Errorf("%d characters", len([]rune(reason)))
	}
	n.Text += "!"
	_, err := atproto.New(client).Send(t.Context(), n, found, keys(home))
	refusedWith(t, err, "fault.route.long")
}

// A target is found, or gone, by what the view says of it.
func TestFindingATarget(t *testing.T) {
	post1 := notice().Target
	account := route.Target{Kind: route.Account, Account: theo}
	profile := answer{200, `{"did": "` + theo + `", "handle": "theo.example"}`}
	for name, c := range map[string]struct {
		target  route.Target
		answers map[string]answer
		key     string
	}{
		"a handle of nobody":        {post1, map[string]answer{"resolveHandle": {400, `{"error": "InvalidRequest", "message": "Unable to resolve handle"}`}}, "fault.route.gone"},
		"a view that says no DID":   {post1, map[string]answer{"resolveHandle": {200, `{"did": "theo"}`}}, "fault.route.foreign"},
		"a deleted post":            {post1, map[string]answer{"resolveHandle": {200, `{"did": "` + theo + `"}`}, "getRecord": {400, `{"error": "RecordNotFound", "message": "Could not locate record: ` + post + `"}`}}, "fault.route.gone"},
		"a deleted post, as of old": {post1, map[string]answer{"resolveHandle": {200, `{"did": "` + theo + `"}`}, "getRecord": {400, `{"error": "InvalidRequest", "message": "Could not locate record: ` + post + `"}`}}, "fault.route.gone"},
		"a record of nothing":       {post1, map[string]answer{"resolveHandle": {200, `{"did": "` + theo + `"}`}, "getRecord": {200, `{}`}}, "fault.route.foreign"},
		"an account":                {account, map[string]answer{"getProfile": profile}, ""},
		"an account taken down":     {account, map[string]answer{"getProfile": {400, `{"error": "AccountTakedown", "message": "Account has been suspended"}`}}, "fault.route.gone"},
		"an account of nobody":      {account, map[string]answer{"getProfile": {400, `{"error": "InvalidRequest", "message": "Profile not found"}`}}, "fault.route.gone"},
		"an account on a PDS":       {account, map[string]answer{"getRepoStatus": {200, `{"did": "` + theo + `", "active": true, "rev": "3k"}`}}, ""},
		"suspended on a PDS":        {account, map[string]answer{"getRepoStatus": {200, `{"did": "` + theo + `", "active": false, "status": "suspended"}`}}, "fault.route.gone"},
		"gone from a PDS":           {account, map[string]answer{"getRepoStatus": {400, `{"error": "RepoNotFound", "message": "Could not find root for DID"}`}}, "fault.route.gone"},
		"a PDS that wants a login":  {account, map[string]answer{"getProfile": {401, `{"error": "AuthMissing", "message": "Authentication Required"}`}, "getRepoStatus": {200, `{"active": true}`}}, ""},
		"no view at all":            {account, nil, "fault.route.foreign"},
		"no account named":          {route.Target{Kind: route.Account}, nil, "fault.route.address"},
		"no post named":             {route.Target{Kind: route.Item, Account: theo}, nil, "fault.route.address"},
	} {
		home, _ := network(t, c.answers)
		_, err := atproto.New(client).Resolve(t.Context(), c.target, keys(home))
		if c.key == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if c.key != "" {
			t.Run(name, func(t *testing.T) { refusedWith(t, err, c.key) })
		}
	}
}

// A look.
func TestALook(t *testing.T) {
	for name, c := range map[string]struct {
		found   route.Found
		answers map[string]answer
		want    route.Seen
	}{
		"there":          {found, map[string]answer{"getRecord": {200, `{"uri": "` + post + `", "cid": "` + cid + `"}`}}, route.Seen{Sight: route.There}},
		"another text":   {found, map[string]answer{"getRecord": {200, `{"uri": "` + post + `", "cid": "bafyother"}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.changed"}},
		"removed":        {found, map[string]answer{"getRecord": {400, `{"error": "RecordNotFound", "message": "Could not locate record"}`}}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"in trouble":     {found, map[string]answer{"getRecord": {502, `{}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.unreachable"}},
		"not a view":     {found, map[string]answer{}, route.Seen{Sight: route.Unsure, Why: "route.why.foreign"}},
		"half an answer": {found, map[string]answer{"getRecord": {200, `{"uri": "at`}}, route.Seen{Sight: route.Unsure, Why: "route.why.foreign"}},
		"account there":  {route.Found{Account: theo}, map[string]answer{"getProfile": {200, `{"did": "` + theo + `"}`}}, route.Seen{Sight: route.There}},
		"account gone":   {route.Found{Account: theo}, map[string]answer{"getProfile": {400, `{"error": "AccountTakedown"}`}}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"view in trouble": {route.Found{Account: theo}, map[string]answer{"getProfile": {503, `{}`}, "getRepoStatus": {200, `{"active": false}`}},
			route.Seen{Sight: route.Unsure, Why: "route.why.unreachable"}},
	} {
		home, _ := network(t, c.answers)
		seen, err := atproto.New(client).Look(t.Context(), route.Target{}, c.found, keys(home))
		if err != nil || seen != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, seen, err, c.want)
		}
	}
}

// inbox is a list of reports as tools.ozone.inbox.listReports has it.
func inbox(reports ...string) answer {
	return answer{200, `{"reports": [` + strings.Join(reports, ",") + `]}`}
}

func inList(id int, subject, reason, status string, ago time.Duration) string {
	return fmt.Sprintf(`{"src": "did:plc:ozone", "id": %d, "isRead": false, "reasonType": "x", "reason": %q, "subject": %s, "status": %q, "createdAt": %q, "updatedAt": %q}`,
		id, reason, subject, status, time.Now().Add(-ago).UTC().Format(time.RFC3339Nano), time.Now().UTC().Format(time.RFC3339Nano))
}

// In an inbox a notice is found by its subject and mark. Absence is believed only from a list that goes back before the
// sending, and no list at all is for a person.
func TestReadingAnInbox(t *testing.T) {
	n, subject := notice(), `{"$type": "com.atproto.repo.strongRef", "uri": "`+post+`", "cid": "`+cid+`"}`
	other := `{"$type": "com.atproto.admin.defs#repoRef", "did": "` + theo + `"}`
	for name, c := range map[string]struct {
		list answer
		ago  time.Duration
		want route.Trace
	}{
		"there":                            {inbox(inList(7, subject, n.Marked(), "pending", time.Minute)), time.Minute, route.Trace{Arrival: route.Arrived}},
		"about another subject":            {inbox(inList(7, other, n.Marked(), "pending", time.Minute)), time.Hour, route.Trace{Arrival: route.AskAHuman, Why: "route.why.short_list"}},
		"not there, in a list that begins": {inbox(inList(7, subject, "another", "pending", time.Minute)), time.Hour, route.Trace{Arrival: route.AskAHuman, Why: "route.why.short_list"}},
		"an inbox that shows nothing":      {inbox(), time.Hour, route.Trace{Arrival: route.AskAHuman, Why: "route.why.short_list"}},
		"not there, in a list that goes back": {inbox(inList(7, subject, "another", "pending", time.Minute), inList(6, other, "x", "resolved", 30*time.Hour)), time.Hour,
			route.Trace{Arrival: route.Absent}},
		"no inbox":                 {answer{501, `{"error": "MethodNotImplemented"}`}, time.Hour, route.Trace{Arrival: route.AskAHuman, Why: "route.why.no_list"}},
		"no inbox behind this PDS": {answer{404, `{"error": "XRPCNotSupported", "message": "Not Found"}`}, time.Hour, route.Trace{Arrival: route.AskAHuman, Why: "route.why.no_list"}},
	} {
		home, all := network(t, map[string]answer{"listReports": c.list})
		trace, err := atproto.New(client).Reconcile(t.Context(), n, found, time.Now().Add(-c.ago), keys(home))
		trace.Sent, c.want.Sent = route.Sent{}, route.Sent{}
		if err != nil || trace != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, trace, err, c.want)
		}
		if last := (*all)[len(*all)-1]; last.proxy == "" || last.token != "Bearer access" {
			t.Errorf("%s: asked as %+v", name, last)
		}
	}
	home, _ := network(t, map[string]answer{"listReports": inbox(inList(6, other, "x", "resolved", 30*time.Hour))})
	_, err := atproto.New(client).Reconcile(t.Context(), n, found, time.Now(), keys(home))
	var later *route.Later
	if !errors.As(err, &later) {
		t.Errorf("just sent, and not there: %v", err)
	}
}

// What became of a report is what its resolution says; without an inbox nothing is told.
func TestWhatBecameOfAReport(t *testing.T) {
	n, subject := notice(), `{"uri": "`+post+`"}`
	resolved := inbox(inList(7, subject, n.Marked(), "resolved", time.Hour))
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	resolution := func(what string) answer {
		return answer{200, `{"report": {}, "resolution": {` + what + `, "resolvedAt": "2026-11-28T10:00:00Z"}}`}
	}
	for name, c := range map[string]struct {
		answers map[string]answer
		want    route.Fate
	}{
		"waits":    {map[string]answer{"listReports": inbox(inList(7, subject, n.Marked(), "pending", time.Hour))}, route.Fate{State: route.Received}},
		"acted":    {map[string]answer{"listReports": resolved, "getReport": resolution(`"outcome": "actionTaken", "actionTaken": "contentRemoved", "scope": "network"`)}, route.Fate{State: route.Acted, At: at, Said: "contentRemoved network"}},
		"rejected": {map[string]answer{"listReports": resolved, "getReport": resolution(`"outcome": "noAction"`)}, route.Fate{State: route.Rejected, At: at}},
		"closed":   {map[string]answer{"listReports": resolved, "getReport": resolution(`"outcome": "other"`)}, route.Fate{State: route.Handled, At: at}},
		"not told": {map[string]answer{}, route.Fate{State: route.Untold, Why: "route.why.not_told"}},
		"not ours": {map[string]answer{"listReports": inbox()}, route.Fate{State: route.Untold, Why: "route.why.not_told"}},
	} {
		home, all := network(t, c.answers)
		fate, err := atproto.New(client).Follow(t.Context(), n, found, route.Sent{Reference: "48914", At: time.Now().Add(-time.Hour)}, keys(home))
		if err != nil || fate != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, fate, err, c.want)
		}
		if last := (*all)[len(*all)-1]; strings.HasSuffix(last.method, "getReport") && fmt.Sprint(last.query["id"]) != "[7]" {
			t.Errorf("%s: asked for report %v", name, last.query)
		}
	}
}

// Credentials that are not whole are refused before anything is asked.
func TestCredentials(t *testing.T) {
	for _, c := range []string{
		`{"identifier": "a", "password": "b"}`, `{"pds": "http://pds.example", "identifier": "a", "password": "b"}`, `{"pds": "https://pds.example", "password": "b"}`,
		`{"pds": "https://pds.example", "identifier": "a"}`, `{"pds": "https://pds.example", "identifier": "a", "password": "b", "service": "mod.example"}`,
		`{"pds": "https://pds.example", "identifier": "a", "password": "b", "view": "http://view.example"}`, `{"pds": "https://pds.example", "user": "a"}`,
	} {
		_, err := atproto.New(client).Send(t.Context(), notice(), found, route.Credentials(c))
		refusedWith(t, err, "fault.route.shape")
	}
}
