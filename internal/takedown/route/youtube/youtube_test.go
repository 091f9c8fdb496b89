package youtube_test

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

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/routetest"
	"vigie/internal/takedown/route/youtube"
)

// The answers here are those of the documentation, read in November 2026: videos.reportAbuse, videoAbuseReportReasons and
// videos (resources and errors) at developers.google.com/youtube/v3/docs, and RFC 6749 §5.1 and §5.2 for the tokens. No
// server of Google's was asked.

var client = &http.Client{CheckRedirect: routetest.NoRedirects}

var keys = route.Credentials(`{"client_id": "us.apps.googleusercontent.com", "client_secret": "canary", "refresh_token": "refresh"}`)

const film = "dQw4w9WgXcQ"

func notice() route.Notice {
	return route.Notice{
		ID:     "0193f0aa-3333-7000-8000-000000000001",
		Mark:   "7KQ2M-9XW4T",
		Target: route.Target{Platform: "youtube", Kind: route.Item, Item: film, Address: "https://www.youtube.com/watch?v=" + film},
		Ground: route.Ground{DSA: "KEYWORD_CYBER_BULLYING_INTIMIDATION", Own: "H/35"},
		Text:   "Ce film humilie une personne mineure et appelle à la harceler (C. pén. 222-33-2-2).",
		Lang:   "fr",
	}
}

type answer struct {
	status int
	body   string
}

const reasons = `{"kind": "youtube#videoAbuseReportReasonListResponse", "etag": "x", "items": [
	{"kind": "youtube#videoAbuseReportReason", "etag": "x", "id": "S", "snippet": {"label": "Spam"}},
	{"kind": "youtube#videoAbuseReportReason", "etag": "x", "id": "H", "snippet": {"label": "Contenu haineux ou abusif",
		"secondaryReasons": [{"id": "34", "label": "Haine"}, {"id": "35", "label": "Harcèlement"}]}}]}`

func list(items string) answer {
	return answer{200, `{"kind": "youtube#videoListResponse", "items": [` + items + `]}`}
}

// failing is an error in the shape of the API: developers.google.com/youtube/v3/docs/core_errors.
func failing(status int, reason string) answer {
	return answer{status, fmt.Sprintf(`{"error": {"code": %d, "message": "In words.", "errors": [{"message": "In words.", "domain": "youtube.video", "reason": %q}]}}`, status, reason)}
}

type asked struct {
	path, token string
	form        url.Values
	body        map[string]string
}

// google answers from a list, "videos" → status and JSON; what is not in it is as documented for a film that is there.
func google(t *testing.T, answers map[string]answer) (r *youtube.Route, all *[]asked) {
	t.Helper()
	usual := map[string]answer{
		"token":                   {200, `{"access_token": "access", "expires_in": 3599, "scope": "https://www.googleapis.com/auth/youtube.force-ssl", "token_type": "Bearer"}`},
		"videos":                  list(`{"id": "` + film + `", "status": {"uploadStatus": "processed"}, "contentDetails": {}}`),
		"videoAbuseReportReasons": {200, reasons},
		"reportAbuse":             {204, ""},
	}
	all = &[]asked{}
	home := serve(t, all, func(what string) answer {
		if is, ok := answers[what]; ok {
			return is
		}
		return usual[what]
	})
	return youtube.At(client, home+"/youtube/v3/", home+"/token"), all
}

func serve(t *testing.T, all *[]asked, answers func(what string) answer) string {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := asked{path: r.URL.Path, token: r.Header.Get("Authorization")}
		if r.Header.Get("Content-Type") == "application/json" {
			json.NewDecoder(r.Body).Decode(&one.body)
		} else {
			r.ParseForm()
			one.form = r.Form
		}
		*all = append(*all, one)
		is := answers(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		if is.body != "" {
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		}
		w.WriteHeader(is.status)
		io.WriteString(w, is.body)
	}))
	t.Cleanup(remote.Close)
	return remote.URL
}

func refusedWith(t *testing.T, err error, key string) {
	t.Helper()
	var no *route.Refused
	if !errors.As(err, &no) || no.Key != key {
		t.Errorf("%v, want %s", err, key)
	}
}

// What is sent is what the documentation has, once a token was had and the list of reasons read; what comes back is no
// reference.
func TestWhatYouTubeIsSent(t *testing.T) {
	r, all := google(t, nil)
	n := notice()
	found, err := r.Resolve(t.Context(), n.Target, keys)
	if err != nil || found != (route.Found{Item: film}) {
		t.Fatalf("%+v, %v", found, err)
	}
	begin := time.Now()
	sent, err := r.Send(t.Context(), n, found, keys)
	if err != nil || sent.Reference != "" || sent.State != route.Received || sent.At.Before(begin) || r.About().Receipt {
		t.Fatalf("%+v, %v", sent, err)
	}
	last := (*all)[len(*all)-1]
	want := map[string]string{"videoId": film, "reasonId": "H", "secondaryReasonId": "35", "comments": n.Marked(), "language": "fr"}
	if last.path != "/youtube/v3/videos/reportAbuse" || last.token != "Bearer access" || fmt.Sprint(last.body) != fmt.Sprint(want) {
		t.Errorf("%+v", last)
	}
	for _, one := range *all {
		switch {
		case one.path == "/token" && one.form.Encode() != "client_id=us.apps.googleusercontent.com&client_secret=canary&grant_type=refresh_token&refresh_token=refresh":
			t.Errorf("%+v", one)
		case strings.HasSuffix(one.path, "/videos") && strings.Contains(one.form.Get("part")+one.form.Get("fields"), "snippet"):
			t.Errorf("more was asked of a film than its state: %v", one.form)
		case strings.HasSuffix(one.path, "Reasons") && one.form.Get("hl") != "fr":
			t.Errorf("%v", one.form)
		}
	}
}

// The desk chooses from the list that YouTube gives, and nothing is sent with a reason that is not in it.
func TestReasons(t *testing.T) {
	r, all := google(t, nil)
	list, err := r.Reasons(t.Context(), "fr", keys)
	want := []youtube.Reason{{"S", "Spam"}, {"H", "Contenu haineux ou abusif"}, {"H/34", "Contenu haineux ou abusif – Haine"}, {"H/35", "Contenu haineux ou abusif – Harcèlement"}}
	if err != nil || fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("%v, %v", list, err)
	}
	for _, code := range []string{"", "X", "S/34", "H/", "35"} {
		n := notice()
		n.Ground.Own = code
		_, err := r.Send(t.Context(), n, route.Found{Item: film}, keys)
		refusedWith(t, err, "fault.route.reason")
	}
	if last := (*all)[len(*all)-1]; strings.HasSuffix(last.path, "reportAbuse") {
		t.Error("it was sent")
	}
	r, _ = google(t, map[string]answer{"videoAbuseReportReasons": {200, `{}`}})
	_, err = r.Send(t.Context(), notice(), route.Found{Item: film}, keys)
	refusedWith(t, err, "fault.route.foreign")
}

// Every failure there is, on the way to videos.reportAbuse.
func TestAReportThatFails(t *testing.T) {
	var all []asked
	home := serve(t, &all, func(what string) answer {
		return map[string]answer{"token": {200, `{"access_token": "access"}`}, "videoAbuseReportReasons": {200, reasons}}[what]
	})
	routetest.Run(t, "/youtube/v3/videos/reportAbuse", func(ctx context.Context, client route.Client) error {
		_, err := youtube.At(client, home+"/youtube/v3", home+"/token").Send(ctx, notice(), route.Found{Item: film}, keys)
		return err
	})
}

// Several errors have one status, and are told apart by the reason in them.
func TestWhatYouTubeAnswersToAReport(t *testing.T) {
	for _, c := range []struct {
		is    answer
		key   string
		after time.Duration
	}{
		{failing(400, "invalidAbuseReason"), "fault.route.reason", 0},
		{failing(400, "rateLimitExceeded"), "", time.Minute},
		{failing(403, "userRateLimitExceeded"), "", time.Minute},
		{failing(403, "quotaExceeded"), "", time.Hour},
		{failing(403, "forbidden"), "fault.route.credentials", 0},
		{failing(401, "authError"), "fault.route.credentials", 0},
		{failing(404, "videoNotFound"), "fault.route.gone", 0},
		{failing(400, "invalidValue"), "fault.route.taken_not", 0},
	} {
		r, _ := google(t, map[string]answer{"reportAbuse": c.is})
		_, err := r.Send(t.Context(), notice(), route.Found{Item: film}, keys)
		var later *route.Later
		if c.key != "" {
			refusedWith(t, err, c.key)
		} else if !errors.As(err, &later) || later.RetryAfter != c.after {
			t.Errorf("%s: %v", c.is.body, err)
		}
	}
	for _, odd := range []answer{{200, `{"kind": "x"}`}, {202, ""}, {500, `{"error": {"errors": [{"reason": "quotaExceeded"}]}}`}} {
		r, _ := google(t, map[string]answer{"reportAbuse": odd})
		_, err := r.Send(t.Context(), notice(), route.Found{Item: film}, keys)
		var unknown *route.Unknown
		if !errors.As(err, &unknown) {
			t.Errorf("%v: %v", odd, err)
		}
	}
}

// Without an access token nothing is asked, and what is wrong with the credentials is told apart from a bad moment.
func TestATokenThatIsNotHad(t *testing.T) {
	for _, c := range []struct {
		is  answer
		key string // "" for later
	}{
		{answer{400, `{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}`}, "fault.route.credentials"},
		{answer{401, `{"error": "invalid_client", "error_description": "The OAuth client was not found."}`}, "fault.route.credentials"},
		{answer{200, `{}`}, "fault.route.foreign"},
		{answer{503, `{}`}, ""},
		{answer{429, `{}`}, ""},
	} {
		r, all := google(t, map[string]answer{"token": c.is})
		_, err := r.Send(t.Context(), notice(), route.Found{Item: film}, keys)
		var later *route.Later
		if c.key != "" {
			refusedWith(t, err, c.key)
		} else if !errors.As(err, &later) {
			t.Errorf("%v: %v", c.is, err)
		}
		if len(*all) != 1 {
			t.Errorf("%v: %d questions", c.is, len(*all))
		}
	}
	for _, c := range []string{`{}`, `{"client_id": "a", "client_secret": "b"}`, `{"client_id": "a", "refresh_token": "b"}`, `{"token": "a"}`} {
		r, _ := google(t, nil)
		_, err := r.Send(t.Context(), notice(), route.Found{Item: film}, route.Credentials(c))
		refusedWith(t, err, "fault.route.shape")
	}
}

// A film is there, gone, or for a person to judge.
func TestALook(t *testing.T) {
	state := func(status, details string) answer {
		return list(`{"id": "` + film + `", "status": {"uploadStatus": "` + status + `"}, "contentDetails": {` + details + `}}`)
	}
	for name, c := range map[string]struct {
		answers map[string]answer
		want    route.Seen
	}{
		"there":                     {nil, route.Seen{Sight: route.There}},
		"removed":                   {map[string]answer{"videos": list("")}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"no list of items":          {map[string]answer{"videos": {200, `{"kind": "youtube#videoListResponse"}`}}, route.Seen{Sight: route.Gone, Why: "route.why.not_found"}},
		"rejected":                  {map[string]answer{"videos": state("rejected", "")}, route.Seen{Sight: route.Gone, Why: "route.why.removed"}},
		"withheld in France":        {map[string]answer{"videos": state("processed", `"regionRestriction": {"blocked": ["DE", "FR"]}`)}, route.Seen{Sight: route.Unsure, Why: "route.why.withheld"}},
		"shown elsewhere only":      {map[string]answer{"videos": state("processed", `"regionRestriction": {"allowed": ["US"]}`)}, route.Seen{Sight: route.Unsure, Why: "route.why.withheld"}},
		"shown nowhere":             {map[string]answer{"videos": state("processed", `"regionRestriction": {"allowed": []}`)}, route.Seen{Sight: route.Unsure, Why: "route.why.withheld"}},
		"withheld elsewhere":        {map[string]answer{"videos": state("processed", `"regionRestriction": {"blocked": ["DE"]}`)}, route.Seen{Sight: route.There}},
		"an answer that is no list": {map[string]answer{"videos": {200, `{}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.foreign"}},
		"no quota left":             {map[string]answer{"videos": failing(403, "quotaExceeded")}, route.Seen{Sight: route.Unsure, Why: "route.why.unreachable"}},
		"in trouble":                {map[string]answer{"videos": {500, `{}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.unreachable"}},
		"credentials that are over": {map[string]answer{"token": {400, `{"error": "invalid_grant"}`}}, route.Seen{Sight: route.Unsure, Why: "route.why.credentials"}},
	} {
		r, _ := google(t, c.answers)
		seen, err := r.Look(t.Context(), notice().Target, route.Found{Item: film}, keys)
		if err != nil || seen != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, seen, err, c.want)
		}
	}
}

// What is no film cannot be reported here, and one that is gone is found to be before anything is sent.
func TestATargetThatCannotBeReported(t *testing.T) {
	r, _ := google(t, nil)
	for _, target := range []route.Target{{Kind: route.Account, Account: "UC1"}, {Kind: route.Item}} {
		_, err := r.Resolve(t.Context(), target, keys)
		refusedWith(t, err, "fault.route.address")
	}
	r, _ = google(t, map[string]answer{"videos": list("")})
	_, err := r.Resolve(t.Context(), notice().Target, keys)
	refusedWith(t, err, "fault.route.gone")
	var some route.Route = r
	if _, ok := some.(route.Reconciler); ok {
		t.Error("YouTube has no list of reports")
	}
	trace, err := route.Reconcile(t.Context(), r, notice(), route.Found{Item: film}, time.Now(), keys)
	if err != nil || trace.Arrival != route.AskAHuman {
		t.Errorf("%+v, %v", trace, err)
	}
}
