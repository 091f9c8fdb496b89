// Package atproto files notices by the AT Protocol, Bluesky's: com.atproto.moderation.createReport, called at the PDS of our
// own account, which passes it on, signed in our name, to the moderation service that the atproto-proxy header names
// (atproto.com/specs/xrpc#service-proxying; lexicons of bluesky-social/atproto).
//
// Credentials:
//
//	{"pds": "https://bsky.social", "identifier": "helpline.example", "password": "xxxx-xxxx-xxxx-xxxx",
//	 "service": "did:plc:…#atproto_labeler", "authority": false, "view": "https://public.api.bsky.app"}
//
// The password is an app password, which opens no settings and asks for no second factor. The last three may be left out:
// then the service is Bluesky's own moderation, and the view, which says what people see, is Bluesky's public AppView. A
// service that is an app's own moderation authority, but not Bluesky's, is marked "authority": some reasons go to one only.
//
// The service may have an inbox, where a reporter reads her own reports and what became of them (tools.ozone.inbox: in Ozone's
// source and Bluesky's app in November 2026, not yet in Ozone 0.4.2, the release that the tests run). Where it has none, an
// Unknown is reconciled by a person and nothing is told of a report.
package atproto

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/takedown/route"
)

const (
	// textLimit is "reason": 2,000 graphemes. We count code points, of which there are never fewer.
	textLimit = 2000

	blueskyService = "did:plc:ar7c4by46qjdydhdevvrndac#atproto_labeler"
	blueskyView    = "https://public.api.bsky.app"
)

// Route files notices with AT Protocol moderation services.
type Route struct {
	client route.Client
	now    func() time.Time
}

// New returns the route that asks with this client.
func New(client route.Client) *Route { return &Route{client: client, now: time.Now} }

// About says what the API can do.
func (*Route) About() route.About {
	return route.About{Name: "Bluesky", Text: route.TextFor(textLimit), Items: true, Accounts: true, Receipt: true}
}

// door is what the credentials open.
type door struct {
	pds, view            *url.URL
	identifier, password string
	service              string // "did:plc:…#atproto_labeler"
	authority            bool
}

func open(c route.Credentials) (d door, err error) {
	var shape struct {
		PDS, Identifier, Password, Service, View string
		Authority                                bool
	}
	if err := route.Open(c, &shape); err != nil {
		return d, err
	}
	if d.pds, err = route.Base(shape.PDS, "pds"); err != nil {
		return d, err
	}
	if shape.View == "" {
		shape.View = blueskyView
	}
	if d.view, err = route.Base(shape.View, "view"); err != nil {
		return d, err
	}
	switch {
	case shape.Identifier == "":
		return d, route.Refuse("fault.route.shape", "what", "identifier")
	case shape.Password == "":
		return d, route.Refuse("fault.route.shape", "what", "password")
	case shape.Service == "":
		shape.Service = blueskyService
	case !strings.HasPrefix(shape.Service, "did:"):
		return d, route.Refuse("fault.route.shape", "what", "service")
	case !strings.Contains(shape.Service, "#"):
		shape.Service += "#atproto_labeler"
	}
	d.identifier, d.password, d.service = shape.Identifier, shape.Password, shape.Service
	d.authority = shape.Authority || shape.Service == blueskyService
	return d, nil
}

// call is a question to a server's method.
func call(at *url.URL, method string, query url.Values) route.Question {
	u := at.JoinPath("xrpc", method)
	u.RawQuery = query.Encode()
	return route.Question{URL: u.String(), Says: says}
}

// trouble is an error as XRPC says it: {"error": "RecordNotFound", "message": "Could not locate record: …"}.
type trouble struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

// says reads the errors whose name means more than their status, which is mostly 400.
func says(a route.Answer) error {
	var t trouble
	a.Decode(&t)
	no := func(key string, args ...any) error {
		err := route.Refuse(key, args...)
		var r *route.Refused
		if errors.As(err, &r) {
			r.Said = a.Said()
		}
		return err
	}
	switch t.Error {
	case "RecordNotFound", "RepoNotFound", "RepoTakendown", "RepoSuspended", "RepoDeactivated", "NotFound", "HandleNotFound":
		return no("fault.route.gone")
	case "ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired", "AuthFactorTokenRequired", "Forbidden":
		return no("fault.route.credentials")
	case "MethodNotImplemented", "XRPCNotSupported":
		return no("fault.route.foreign")
	case "RateLimitExceeded":
		return nil // with its 429
	}
	if a.Status != http.StatusBadRequest {
		return nil
	}
	for _, gone := range []string{"Could not locate record", "Could not find repo", "Could not find root", "Could not find user", "Unable to resolve handle", "Profile not found"} {
		if strings.Contains(t.Message, gone) {
			return no("fault.route.gone")
		}
	}
	return nil
}

// Resolve finds the account's DID, and a post's address and version (its CID).
func (r *Route) Resolve(ctx context.Context, t route.Target, c route.Credentials) (f route.Found, err error) {
	d, err := open(c)
	if err != nil {
		return f, err
	}
	if t.Account == "" || t.Kind == route.Item && t.Item == "" {
		return f, route.Refuse("fault.route.address")
	}
	if f.Account = t.Account; !strings.HasPrefix(f.Account, "did:") {
		var is struct {
			DID string `json:"did"`
		}
		if err := route.Read(ctx, r.client, call(d.view, "com.atproto.identity.resolveHandle", url.Values{"handle": {t.Account}}), &is); err != nil {
			return f, err
		}
		if f.Account = is.DID; !strings.HasPrefix(is.DID, "did:") {
			return f, route.Refuse("fault.route.foreign")
		}
	}
	if t.Kind == route.Account {
		return f, r.account(ctx, d, f.Account)
	}
	is, err := r.record(ctx, d, fmt.Sprintf("at://%s/app.bsky.feed.post/%s", f.Account, t.Item))
	f.Item, f.Version = is.URI, is.CID
	return f, err
}

type record struct {
	URI string `json:"uri"`
	CID string `json:"cid"`
}

// record asks the view for a record's address and version. The record comes with them, its text included, and is not read;
// no picture does.
func (r *Route) record(ctx context.Context, d door, uri string) (is record, err error) {
	part := strings.Split(strings.TrimPrefix(uri, "at://"), "/")
	if len(part) != 3 {
		return is, route.Refuse("fault.route.address")
	}
	query := url.Values{"repo": {part[0]}, "collection": {part[1]}, "rkey": {part[2]}}
	if err := route.Read(ctx, r.client, call(d.view, "com.atproto.repo.getRecord", query), &is); err != nil {
		return is, err
	}
	if is.URI == "" || is.CID == "" {
		return is, route.Refuse("fault.route.foreign")
	}
	return is, nil
}

// account asks whether an account is there: the AppView for its profile, which nobody is shown of one that was taken down;
// where who is asked is no AppView but a PDS, for the state of its repository (com.atproto.sync.getRepoStatus).
func (r *Route) account(ctx context.Context, d door, did string) error {
	var profile struct {
		DID string `json:"did"`
	}
	q, noView := call(d.view, "app.bsky.actor.getProfile", url.Values{"actor": {did}}), false
	q.Says = func(a route.Answer) error {
		var t trouble
		a.Decode(&t)
		if t.Error == "AccountTakedown" || t.Error == "AccountDeactivated" {
			return route.Refuse("fault.route.gone")
		}
		err := says(a)
		var no *route.Refused
		noView = !errors.As(err, &no) || no.Key != "fault.route.gone"
		noView = noView && a.Status != http.StatusTooManyRequests && (a.Status < 500 || a.Status == http.StatusNotImplemented)
		return err
	}
	err := route.Read(ctx, r.client, q, &profile)
	switch {
	case err == nil && profile.DID != did:
		return route.Refuse("fault.route.foreign")
	case err == nil || !noView:
		return err
	}
	var is struct {
		Active *bool `json:"active"`
	}
	err = route.Read(ctx, r.client, call(d.view, "com.atproto.sync.getRepoStatus", url.Values{"did": {did}}), &is)
	switch {
	case err != nil:
		return err
	case is.Active == nil:
		return route.Refuse("fault.route.foreign")
	case !*is.Active:
		return route.Refuse("fault.route.gone")
	}
	return nil
}

// session opens one with our PDS and returns its token. It files nothing. A PDS takes 300 a day from one account.
func (r *Route) session(ctx context.Context, d door) (token string, err error) {
	q := call(d.pds, "com.atproto.server.createSession", nil)
	q.Method, q.JSON = http.MethodPost, map[string]string{"identifier": d.identifier, "password": d.password}
	q.Says = func(a route.Answer) error {
		if err := says(a); err != nil {
			return err
		}
		if a.Status >= 400 && a.Status < 500 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusRequestTimeout && a.Status != http.StatusNotFound {
			return route.Refuse("fault.route.credentials")
		}
		return nil
	}
	var is struct {
		Token string `json:"accessJwt"`
	}
	if err := route.Read(ctx, r.client, q, &is); err != nil {
		return "", err
	}
	if is.Token == "" {
		return "", route.Refuse("fault.route.foreign")
	}
	return is.Token, nil
}

// proxied is a question to the moderation service, by way of our PDS.
func (d door) proxied(token, method string, query url.Values) route.Question {
	q := call(d.pds, method, query)
	q.Token, q.Header = token, map[string]string{"atproto-proxy": d.service}
	return q
}

// The reasons of tools.ozone.report.defs that a helpline has use for; the set is open (knownValues), so that one which a
// service does not take is its to refuse. toAuthority are those that its definitions send to the app's own authority only.
var (
	reasons = []string{
		"ChildSafetyCSAM", "ChildSafetyGroom", "ChildSafetyMinorPrivacy", "ChildSafetyEndangerment", "ChildSafetyHarassment",
		"ChildSafetyPromotion", "ChildSafetyOther", "SexualNCII", "SexualSextortion", "SexualDeepfake", "SexualAbuseContent",
		"HarassmentTargeted", "HarassmentDoxxing", "HarassmentHateSpeech", "HarassmentTroll", "ViolenceThreats",
		"ViolenceSelfHarm", "ViolenceTrafficking", "ViolenceExtremistContent", "MisleadingImpersonation",
	}
	toAuthority = []string{
		"ChildSafetyCSAM", "ChildSafetyGroom", "ChildSafetyEndangerment", "ChildSafetyPromotion", "ChildSafetyOther", "ViolenceExtremistContent",
	}
)

// Send files the report.
func (r *Route) Send(ctx context.Context, n route.Notice, f route.Found, c route.Credentials) (route.Sent, error) {
	d, err := open(c)
	if err != nil {
		return route.Sent{}, err
	}
	if err := route.CheckText(n, r.About()); err != nil {
		return route.Sent{}, err
	}
	switch {
	case !slices.Contains(reasons, n.Ground.Bluesky):
		return route.Sent{}, route.Refuse("fault.route.reason", "code", n.Ground.Bluesky)
	case slices.Contains(toAuthority, n.Ground.Bluesky) && !d.authority:
		return route.Sent{}, route.Refuse("fault.route.authority")
	}
	subject := map[string]string{"$type": "com.atproto.admin.defs#repoRef", "did": f.Account}
	if f.Item != "" {
		subject = map[string]string{"$type": "com.atproto.repo.strongRef", "uri": f.Item, "cid": f.Version}
	}
	token, err := r.session(ctx, d)
	if err != nil {
		return route.Sent{}, err
	}
	q := d.proxied(token, "com.atproto.moderation.createReport", nil)
	q.Method = http.MethodPost
	q.JSON = map[string]any{"reasonType": "tools.ozone.report.defs#reason" + n.Ground.Bluesky, "reason": n.Marked(), "subject": subject}
	q.Says = declined(n.Ground.Bluesky)
	var filed struct {
		ID      int64  `json:"id"`
		Created string `json:"createdAt"`
	}
	answer, err := route.File(ctx, r.client, q, &filed)
	if err != nil {
		return route.Sent{}, err
	}
	if filed.ID == 0 {
		return route.Sent{}, route.Lost(answer)
	}
	s := route.Sent{Reference: strconv.FormatInt(filed.ID, 10), At: moment(filed.Created), State: route.Received}
	if s.At.IsZero() {
		s.At = r.now()
	}
	return s, nil
}

// declined reads what a filing may be answered besides: our own account is not in order, a reason is not taken. A PDS says
// "UpstreamFailure" with a 5xx where the service did not answer it: whether the report is there, nobody knows.
func declined(reason string) func(route.Answer) error {
	return func(a route.Answer) error {
		var t trouble
		a.Decode(&t)
		switch {
		case a.Status >= 500:
			return nil
		case strings.HasPrefix(t.Error, "Account"):
			return route.Refuse("fault.route.credentials")
		case strings.Contains(strings.ToLower(t.Message), "reason type"):
			return route.Refuse("fault.route.reason", "code", reason)
		}
		return says(a)
	}
}

// moment reads a time of the API; zero for none.
func moment(said string) time.Time {
	at, _ := time.Parse(time.RFC3339, said)
	return at
}

// filed is a report in the inbox (tools.ozone.inbox.listReports#reportView). Its id is the inbox's own: what createReport
// returns is the id of the event, which later versions no longer give.
type filed struct {
	ID      int64  `json:"id"`
	Reason  string `json:"reason"`
	Status  string `json:"status"`
	Created string `json:"createdAt"`
	Updated string `json:"updatedAt"`
	Subject struct {
		DID string `json:"did"`
		URI string `json:"uri"`
	} `json:"subject"`
}

func (p filed) about(f route.Found) bool {
	return f.Item != "" && p.Subject.URI == f.Item || f.Item == "" && p.Subject.DID == f.Account
}

func (p filed) sent() route.Sent {
	s := route.Sent{Reference: strconv.FormatInt(p.ID, 10), At: moment(p.Created), State: route.Received}
	if p.Status == "resolved" {
		s.State = route.Handled
	}
	return s
}

var errNoInbox = errors.New("the moderation service has no inbox")

const (
	pages = 50             // of 100 reports each
	skew  = 24 * time.Hour // how far a service's clock may be off
)

// search reads our reports, newest first, until it finds a notice or is past the time it was sent. proven says that the
// list goes back to before it: an inbox shows nothing from before it was opened, so that an empty one proves nothing.
func (r *Route) search(ctx context.Context, d door, token string, n route.Notice, f route.Found, sent time.Time) (found *filed, proven bool, err error) {
	query := url.Values{"sortField": {"createdAt"}, "limit": {"100"}}
	for range pages {
		var page struct {
			Cursor  string  `json:"cursor"`
			Reports []filed `json:"reports"`
		}
		err := route.Read(ctx, r.client, d.proxied(token, "tools.ozone.inbox.listReports", query), &page)
		var no *route.Refused
		if errors.As(err, &no) && (no.Key == "fault.route.foreign" || no.Key == "fault.route.gone" || no.Key == "fault.route.taken_not") {
			return nil, false, errNoInbox
		}
		if err != nil {
			return nil, false, err
		}
		for _, p := range page.Reports {
			if p.about(f) && strings.Contains(p.Reason, n.Mark) {
				return &p, true, nil
			}
			if at := moment(p.Created); !at.IsZero() && at.Before(sent.Add(-skew)) {
				return nil, true, nil
			}
		}
		if page.Cursor == "" || len(page.Reports) == 0 {
			return nil, false, nil
		}
		query.Set("cursor", page.Cursor)
	}
	return nil, false, nil
}

// Reconcile looks in the service's inbox, where it has one.
func (r *Route) Reconcile(ctx context.Context, n route.Notice, f route.Found, sent time.Time, c route.Credentials) (route.Trace, error) {
	d, err := open(c)
	if err != nil {
		return route.Trace{}, err
	}
	token, err := r.session(ctx, d)
	if err != nil {
		return route.Trace{}, err
	}
	found, proven, err := r.search(ctx, d, token, n, f, sent)
	switch left := route.Settled - r.now().Sub(sent); {
	case errors.Is(err, errNoInbox):
		return route.Trace{Arrival: route.AskAHuman, Why: "route.why.no_list"}, nil
	case err != nil:
		return route.Trace{}, err
	case found != nil:
		return route.Trace{Arrival: route.Arrived, Sent: found.sent()}, nil
	case left > 0:
		return route.Trace{}, route.Wait(fmt.Errorf("a sending is settled in %s", left), left)
	case proven:
		return route.Trace{Arrival: route.Absent}, nil
	}
	return route.Trace{Arrival: route.AskAHuman, Why: "route.why.short_list"}, nil
}

// Follow reads the report in the service's inbox, where it has one, and what it was closed with.
func (r *Route) Follow(ctx context.Context, n route.Notice, f route.Found, sent route.Sent, c route.Credentials) (route.Fate, error) {
	d, err := open(c)
	if err != nil {
		return route.Fate{}, err
	}
	token, err := r.session(ctx, d)
	if err != nil {
		return route.Fate{}, err
	}
	found, _, err := r.search(ctx, d, token, n, f, sent.At)
	switch {
	case errors.Is(err, errNoInbox), err == nil && found == nil:
		return route.Fate{State: route.Untold, Why: "route.why.not_told"}, nil
	case err != nil:
		return route.Fate{}, err
	case found.Status != "resolved":
		return route.Fate{State: route.Received}, nil
	}
	var is struct {
		Resolution struct {
			Outcome string `json:"outcome"`
			Action  string `json:"actionTaken"`
			Scope   string `json:"scope"`
			At      string `json:"resolvedAt"`
		} `json:"resolution"`
	}
	query := url.Values{"id": {strconv.FormatInt(found.ID, 10)}}
	if err := route.Read(ctx, r.client, d.proxied(token, "tools.ozone.inbox.getReport", query), &is); err != nil {
		return route.Fate{}, err
	}
	fate := route.Fate{State: route.Handled, At: moment(is.Resolution.At), Said: route.Line(is.Resolution.Action + " " + is.Resolution.Scope)}
	switch is.Resolution.Outcome {
	case "actionTaken":
		fate.State = route.Acted
	case "noAction":
		fate.State = route.Rejected
	}
	return fate, nil
}

// Look asks the view for the record, or the account's state. A label that only hides a post leaves it there.
func (r *Route) Look(ctx context.Context, _ route.Target, f route.Found, c route.Credentials) (route.Seen, error) {
	d, err := open(c)
	if err != nil {
		return route.Seen{}, err
	}
	if f.Item != "" {
		var is record
		if is, err = r.record(ctx, d, f.Item); err == nil && f.Version != "" && is.CID != f.Version {
			return route.Seen{Sight: route.Unsure, Why: "route.why.changed"}, nil
		}
	} else {
		err = r.account(ctx, d, f.Account)
	}
	var no *route.Refused
	switch {
	case err == nil:
		return route.Seen{Sight: route.There}, nil
	case errors.As(err, &no) && no.Key == "fault.route.gone":
		return route.Seen{Sight: route.Gone, Why: "route.why.not_found"}, nil
	}
	return route.Unseen(err), nil
}
