// Package youtube files notices by the YouTube Data API v3: videos.reportAbuse
// (developers.google.com/youtube/v3/docs/videos/reportAbuse). It takes films only, no channel and no comment.
//
// Credentials:
//
//	{"client_id": "….apps.googleusercontent.com", "client_secret": "…", "refresh_token": "…"}
//
// They are an OAuth client's and a Google account's, with the scope youtube.force-ssl. Each call begins with a new access
// token. A report costs 50 units of the day's quota (10,000 unless Google gave more), a look 1.
//
// YouTube answers a report with 204 and nothing in it: no reference, no list of reports, no decision. So an Unknown is
// reconciled by a person, and what became of a report is seen by looking at the film.
package youtube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/takedown/route"
)

// textLimit is ours: no limit is documented for "comments".
const textLimit = 1000

// region is where a film that is withheld is no longer seen by those who call us.
const region = "FR"

// Route files notices with YouTube.
type Route struct {
	client     route.Client
	api, token string
	now        func() time.Time
}

// New returns the route that asks with this client.
func New(client route.Client) *Route {
	return At(client, "https://www.googleapis.com/youtube/v3", "https://oauth2.googleapis.com/token")
}

// At is New with other addresses: of the API, and of where access tokens come from.
func At(client route.Client, api, token string) *Route {
	return &Route{client: client, api: strings.TrimSuffix(api, "/"), token: token, now: time.Now}
}

// About says what the API can do.
func (*Route) About() route.About {
	return route.About{Name: "YouTube", Text: route.TextFor(textLimit), Items: true}
}

// access opens the API for one call. It files nothing.
func (r *Route) access(ctx context.Context, c route.Credentials) (string, error) {
	var shape struct {
		Client  string `json:"client_id"`
		Secret  string `json:"client_secret"`
		Refresh string `json:"refresh_token"`
	}
	if err := route.Open(c, &shape); err != nil {
		return "", err
	}
	for field, value := range map[string]string{"client_id": shape.Client, "client_secret": shape.Secret, "refresh_token": shape.Refresh} {
		if value == "" {
			return "", route.Refuse("fault.route.shape", "what", field)
		}
	}
	var is struct {
		Token string `json:"access_token"`
	}
	err := route.Read(ctx, r.client, route.Question{
		Method: http.MethodPost, URL: r.token,
		Form: url.Values{"grant_type": {"refresh_token"}, "client_id": {shape.Client}, "client_secret": {shape.Secret}, "refresh_token": {shape.Refresh}},
		Says: func(a route.Answer) error {
			if a.Status == http.StatusBadRequest { // RFC 6749 §5.2: invalid_grant, invalid_client…
				return route.Refuse("fault.route.credentials")
			}
			return nil
		},
	}, &is)
	if err != nil {
		return "", err
	}
	if is.Token == "" {
		return "", route.Refuse("fault.route.foreign")
	}
	return is.Token, nil
}

func (r *Route) at(method, token string, query url.Values) route.Question {
	q := route.Question{URL: r.api + "/" + method, Token: token, Says: says("")}
	if len(query) > 0 {
		q.URL += "?" + query.Encode()
	}
	return q
}

// says reads an error by the reason that stands in it; several have the same status
// (developers.google.com/youtube/v3/docs/errors). ground is that of the notice that is filed, if one is.
func says(ground string) func(route.Answer) error {
	return func(a route.Answer) error {
		var is struct {
			Error struct {
				Errors []struct {
					Reason string `json:"reason"`
				} `json:"errors"`
			} `json:"error"`
		}
		if a.Status >= 500 || !a.Decode(&is) {
			return nil
		}
		for _, e := range is.Error.Errors {
			switch e.Reason {
			case "rateLimitExceeded", "userRateLimitExceeded":
				return route.Wait(errors.New("YouTube: "+e.Reason), time.Minute)
			case "quotaExceeded", "dailyLimitExceeded": // begins anew at midnight in California
				return route.Wait(errors.New("YouTube: "+e.Reason), time.Hour)
			case "invalidAbuseReason":
				return route.Refuse("fault.route.reason", "code", ground)
			case "videoNotFound", "notFound":
				return route.Refuse("fault.route.gone")
			}
		}
		return nil
	}
}

type film struct {
	ID     string `json:"id"`
	Status struct {
		Upload string `json:"uploadStatus"` // deleted, failed, processed, rejected, uploaded
	} `json:"status"`
	Details struct {
		Region struct {
			Allowed *[]string `json:"allowed"`
			Blocked []string  `json:"blocked"`
		} `json:"regionRestriction"`
	} `json:"contentDetails"`
}

func (f film) withheld() bool {
	in := f.Details.Region
	return slices.Contains(in.Blocked, region) || in.Allowed != nil && !slices.Contains(*in.Allowed, region)
}

func (f film) removed() bool { return f.Status.Upload == "deleted" || f.Status.Upload == "rejected" }

// film asks for a film's state: no title, no picture. ok is false where there is none: it was removed, or made private.
func (r *Route) film(ctx context.Context, token, id string) (f film, ok bool, err error) {
	var is struct {
		Kind  string `json:"kind"`
		Items []film `json:"items"`
	}
	query := url.Values{"id": {id}, "part": {"status,contentDetails"}, "fields": {"kind,items(id,status/uploadStatus,contentDetails/regionRestriction)"}}
	if err := route.Read(ctx, r.client, r.at("videos", token, query), &is); err != nil {
		return f, false, err
	}
	if is.Kind != "youtube#videoListResponse" { // what has no list in it is not taken for an empty one
		return f, false, route.Refuse("fault.route.foreign")
	}
	for _, f := range is.Items {
		if f.ID == id {
			return f, true, nil
		}
	}
	return f, false, nil
}

// Resolve asks whether the film is there.
func (r *Route) Resolve(ctx context.Context, t route.Target, c route.Credentials) (route.Found, error) {
	if t.Kind != route.Item || t.Item == "" {
		return route.Found{}, route.Refuse("fault.route.address")
	}
	token, err := r.access(ctx, c)
	if err != nil {
		return route.Found{}, err
	}
	f, ok, err := r.film(ctx, token, t.Item)
	switch {
	case err != nil:
		return route.Found{}, err
	case !ok || f.removed():
		return route.Found{}, route.Refuse("fault.route.gone")
	}
	return route.Found{Account: t.Account, Item: f.ID}, nil
}

// Reason is one of YouTube's, in the language that was asked for. Code is what Ground.Own holds: "reason" or
// "reason/secondary".
type Reason struct{ Code, Label string }

// Reasons reads the list that YouTube gives now (videoAbuseReportReasons): its ids are no part of the documentation, so
// that the desk chooses from it.
func (r *Route) Reasons(ctx context.Context, lang string, c route.Credentials) ([]Reason, error) {
	token, err := r.access(ctx, c)
	if err != nil {
		return nil, err
	}
	return r.reasons(ctx, token, lang)
}

func (r *Route) reasons(ctx context.Context, token, lang string) ([]Reason, error) {
	var is struct {
		Items []struct {
			ID      string `json:"id"`
			Snippet struct {
				Label     string `json:"label"`
				Secondary []struct {
					ID    string `json:"id"`
					Label string `json:"label"`
				} `json:"secondaryReasons"`
			} `json:"snippet"`
		} `json:"items"`
	}
	query := url.Values{"part": {"id,snippet"}}
	if lang != "" {
		query.Set("hl", lang)
	}
	if err := route.Read(ctx, r.client, r.at("videoAbuseReportReasons", token, query), &is); err != nil {
		return nil, err
	}
	var all []Reason
	for _, reason := range is.Items {
		all = append(all, Reason{Code: reason.ID, Label: reason.Snippet.Label})
		for _, second := range reason.Snippet.Secondary {
			all = append(all, Reason{Code: reason.ID + "/" + second.ID, Label: reason.Snippet.Label + " – " + second.Label})
		}
	}
	if len(all) == 0 {
		return nil, route.Refuse("fault.route.foreign")
	}
	return all, nil
}

// Send files the report, once the list of reasons was read and has the ground in it.
func (r *Route) Send(ctx context.Context, n route.Notice, f route.Found, c route.Credentials) (route.Sent, error) {
	if err := route.CheckText(n, r.About()); err != nil {
		return route.Sent{}, err
	}
	token, err := r.access(ctx, c)
	if err != nil {
		return route.Sent{}, err
	}
	known, err := r.reasons(ctx, token, n.Lang)
	if err != nil {
		return route.Sent{}, err
	}
	if !slices.ContainsFunc(known, func(one Reason) bool { return one.Code == n.Ground.Own }) {
		return route.Sent{}, route.Refuse("fault.route.reason", "code", n.Ground.Own)
	}
	body := map[string]string{"videoId": f.Item, "comments": n.Marked()}
	if n.Lang != "" {
		body["language"] = n.Lang
	}
	first, second, two := strings.Cut(n.Ground.Own, "/")
	if body["reasonId"] = first; two {
		body["secondaryReasonId"] = second
	}
	q := r.at("videos/reportAbuse", token, nil)
	q.Method, q.JSON, q.Says = http.MethodPost, body, says(n.Ground.Own)
	answer, err := route.File(ctx, r.client, q, nil)
	if err != nil {
		return route.Sent{}, err
	}
	if answer.Status != http.StatusNoContent {
		return route.Sent{}, route.Lost(answer)
	}
	return route.Sent{At: r.now(), State: route.Received}, nil
}

// Look asks for the film's state. One that is only withheld in France is for a person to judge: it is still there, and
// whoever calls us does not see it.
func (r *Route) Look(ctx context.Context, _ route.Target, f route.Found, c route.Credentials) (route.Seen, error) {
	token, err := r.access(ctx, c)
	var no *route.Refused
	if errors.As(err, &no) && no.Key == "fault.route.shape" {
		return route.Seen{}, err
	}
	if err != nil {
		return route.Unseen(err), nil
	}
	is, ok, err := r.film(ctx, token, f.Item)
	switch {
	case err != nil:
		return route.Unseen(err), nil
	case !ok:
		return route.Seen{Sight: route.Gone, Why: "route.why.not_found"}, nil
	case is.removed():
		return route.Seen{Sight: route.Gone, Why: "route.why.removed"}, nil
	case is.withheld():
		return route.Seen{Sight: route.Unsure, Why: "route.why.withheld"}, nil
	}
	return route.Seen{Sight: route.There}, nil
}
