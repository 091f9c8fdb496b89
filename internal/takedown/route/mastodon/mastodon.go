// Package mastodon files notices by the Mastodon client API, which Mastodon, GoToSocial, Pleroma, Akkoma and others speak
// (docs.joinmastodon.org/methods/reports; docs.gotosocial.org/en/latest/api/swagger).
//
// We need an account on the server where the content is: its moderators are the host of DSA Art. 16. A report filed on
// another server reaches that one's moderators and is never forwarded (forward=false), because a forwarded report goes to
// people whom nobody here chose, with our words in it.
//
// Credentials:
//
//	{"server": "https://mastodon.example", "token": "…"}
//
// The token is a user's, with the scopes write:reports, read:accounts, read:statuses, read:search and read:follows, and
// read:reports for GoToSocial, which alone has a list of one's own reports: Mastodon documents none, so that there an
// Unknown is reconciled by a person and nothing is told of a report.
package mastodon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"vigie/internal/takedown/route"
)

// textLimit is how many characters a comment may have: Mastodon's default, and GoToSocial's.
const textLimit = 1000

// Route files notices on servers that speak the Mastodon client API.
type Route struct {
	client route.Client
	now    func() time.Time
}

// New returns the route that asks with this client.
func New(client route.Client) *Route { return &Route{client: client, now: time.Now} }

// About says what the API can do.
func (*Route) About() route.About {
	return route.About{Name: "Mastodon", Text: route.TextFor(textLimit), Items: true, Accounts: true, Receipt: true}
}

// server is who is asked, and with what.
type server struct {
	base  *url.URL
	token string
}

func open(c route.Credentials) (s server, err error) {
	var shape struct{ Server, Token string }
	if err := route.Open(c, &shape); err != nil {
		return s, err
	}
	if s.base, err = route.Base(shape.Server, "server"); err != nil {
		return s, err
	}
	if shape.Token == "" {
		return s, route.Refuse("fault.route.shape", "what", "token")
	}
	s.token = shape.Token
	return s, nil
}

// at is a question to the server.
func (s server) at(query url.Values, parts ...string) route.Question {
	u := s.base.JoinPath(parts...)
	u.RawQuery = query.Encode()
	return route.Question{URL: u.String(), Token: s.token}
}

type account struct {
	ID        string `json:"id"`
	Acct      string `json:"acct"` // "theo", or "theo@other.example" where the account is on another server
	Suspended bool   `json:"suspended"`
}

type status struct {
	ID      string  `json:"id"`
	URI     string  `json:"uri"`
	URL     string  `json:"url"`
	Account account `json:"account"`
}

// Resolve finds the account, or the post and its author.
func (r *Route) Resolve(ctx context.Context, t route.Target, c route.Credentials) (f route.Found, err error) {
	s, err := open(c)
	if err != nil {
		return f, err
	}
	if err := s.hosts(t); err != nil {
		return f, err
	}
	if f.Dialect, err = r.dialect(ctx, s); err != nil {
		return f, err
	}
	by := account{}
	if t.Kind == route.Item {
		st, err := r.find(ctx, s, t)
		if err != nil {
			return f, err
		}
		f.Item, by = st.ID, st.Account
	} else {
		name, _, _ := strings.Cut(t.Account, "@")
		if name == "" {
			return f, route.Refuse("fault.route.address")
		}
		if err := route.Read(ctx, r.client, s.at(url.Values{"acct": {name}}, "api/v1/accounts/lookup"), &by); err != nil {
			return f, err
		}
	}
	if _, domain, remote := strings.Cut(by.Acct, "@"); remote {
		return f, route.Refuse("fault.route.elsewhere", "server", domain)
	}
	if by.Suspended {
		return f, route.Refuse("fault.route.gone")
	}
	if f.Account = by.ID; f.Account == "" {
		return f, route.Refuse("fault.route.foreign")
	}
	return f, nil
}

// hosts says whether an address is this server's own: another host's, and another server's account shown here
// ("/@theo@other.example"), are not.
func (s server) hosts(t route.Target) error {
	host := t.Server
	if u, err := url.Parse(t.Address); err == nil && u.Host != "" {
		host = u.Host
	}
	if !strings.EqualFold(host, s.base.Host) {
		return route.Refuse("fault.route.elsewhere", "server", host)
	}
	if _, domain, remote := strings.Cut(t.Account, "@"); remote && !strings.EqualFold(domain, s.base.Host) {
		return route.Refuse("fault.route.elsewhere", "server", domain)
	}
	return nil
}

// find returns the post of an address: by its sign, which on most servers is its id, else by searching here for the
// address (resolve=false: the server fetches nothing for us).
func (r *Route) find(ctx context.Context, s server, t route.Target) (st status, err error) {
	if t.Item != "" {
		err = route.Read(ctx, r.client, s.at(nil, "api/v1/statuses", url.PathEscape(t.Item)), &st)
		if err == nil && st.ID != "" || !isGone(err) {
			return st, err
		}
	}
	var found struct {
		Statuses []status `json:"statuses"`
	}
	query := url.Values{"q": {t.Address}, "type": {"statuses"}, "resolve": {"false"}, "limit": {"5"}}
	if err := route.Read(ctx, r.client, s.at(query, "api/v2/search"), &found); err != nil {
		return st, err
	}
	for _, st := range found.Statuses {
		if st.URL == t.Address || st.URI == t.Address {
			return st, nil
		}
	}
	return status{}, route.Refuse("fault.route.gone")
}

func isGone(err error) bool {
	var no *route.Refused
	return errors.As(err, &no) && (no.Key == "fault.route.gone" || no.Key == "fault.route.taken_not")
}

// dialect is which program answers and its version: "mastodon 4.3.1", "gotosocial 0.19.2". The program is the last part
// of where its source is (source_url), which forks of Mastodon keep.
func (r *Route) dialect(ctx context.Context, s server) (string, error) {
	var is struct {
		Version string `json:"version"`
		Source  string `json:"source_url"`
	}
	err := route.Read(ctx, r.client, s.at(nil, "api/v2/instance"), &is)
	var no *route.Refused
	if errors.As(err, &no) { // before Mastodon 4.0
		err = route.Read(ctx, r.client, s.at(nil, "api/v1/instance"), &is)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(strings.ToLower(path.Base("/"+is.Source)) + " " + is.Version), nil
}

// takesLegal says whether a dialect has the category "legal": Mastodon from 4.2. An older one answers it with a 500, which
// leaves us not knowing; GoToSocial has "other" alone.
func takesLegal(dialect string) bool {
	program, version, _ := strings.Cut(dialect, " ")
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(strings.TrimRight(minor, "+-abcdefghijklmnopqrstuvwxyz"))
	return program == "mastodon" && errA == nil && errB == nil && (a > 4 || a == 4 && b >= 2)
}

// category is the word for a ground on this server. "violation" needs the ids of the server's rules, which we do not claim
// to judge, and is refused.
func category(g route.Ground, dialect string) (string, error) {
	switch g.Mastodon {
	case "legal":
		if takesLegal(dialect) {
			return "legal", nil
		}
		return "other", nil
	case "other", "spam":
		return g.Mastodon, nil
	}
	return "", route.Refuse("fault.route.reason", "code", g.Mastodon)
}

type report struct {
	ID       string `json:"id"`
	Created  string `json:"created_at"`
	Comment  string `json:"comment"`
	Acted    bool   `json:"action_taken"`
	ActedAt  string `json:"action_taken_at"`
	ActedHow string `json:"action_taken_comment"` // GoToSocial's
	Target   struct {
		ID string `json:"id"`
	} `json:"target_account"`
}

func (r *Route) sent(p report) route.Sent {
	s := route.Sent{Reference: p.ID, At: moment(p.Created), State: route.Received}
	if s.At.IsZero() {
		s.At = r.now()
	}
	if p.Acted {
		s.State = route.Handled
	}
	return s
}

// moment reads a time of the API; zero for none.
func moment(said string) time.Time {
	at, _ := time.Parse(time.RFC3339, said)
	return at
}

// Send files the report: 1,000 characters, forward=false, no rules of the server. The API takes 300 requests in five minutes.
func (r *Route) Send(ctx context.Context, n route.Notice, f route.Found, c route.Credentials) (route.Sent, error) {
	s, err := open(c)
	if err != nil {
		return route.Sent{}, err
	}
	if err := route.CheckText(n, r.About()); err != nil {
		return route.Sent{}, err
	}
	word, err := category(n.Ground, f.Dialect)
	if err != nil {
		return route.Sent{}, err
	}
	form := url.Values{"account_id": {f.Account}, "comment": {n.Marked()}, "category": {word}, "forward": {"false"}}
	if f.Item != "" {
		form.Set("status_ids[]", f.Item)
	}
	q := s.at(nil, "api/v1/reports")
	q.Method, q.Form, q.Says = http.MethodPost, form, declined
	var filed report
	answer, err := route.File(ctx, r.client, q, &filed)
	if err != nil {
		return route.Sent{}, err
	}
	if filed.ID == "" {
		return route.Sent{}, route.Lost(answer)
	}
	return r.sent(filed), nil
}

// declined reads the two answers that mean more than their status: a token that is nobody's (Mastodon, 422), and an account
// that is no longer there (GoToSocial, 400).
func declined(a route.Answer) error {
	said := a.Said()
	switch {
	case a.Status == http.StatusUnprocessableEntity && strings.Contains(said, "requires an authenticated user"):
		return route.Refuse("fault.route.credentials")
	case a.Status == http.StatusBadRequest && strings.Contains(said, "account with ID") && strings.Contains(said, "does not exist"):
		return route.Refuse("fault.route.gone")
	}
	return nil
}

const (
	pages = 50             // of 100 reports each, about one account
	skew  = 24 * time.Hour // how far a server's clock may be off
)

// Reconcile reads our reports about the account (GoToSocial; Mastodon has no such list), newest first.
func (r *Route) Reconcile(ctx context.Context, n route.Notice, f route.Found, sent time.Time, c route.Credentials) (route.Trace, error) {
	s, err := open(c)
	if err != nil {
		return route.Trace{}, err
	}
	query := url.Values{"target_account_id": {f.Account}, "limit": {"100"}}
	for range pages {
		var page []report
		err := route.Read(ctx, r.client, s.at(query, "api/v1/reports"), &page)
		if noList(err) {
			return route.Trace{Arrival: route.AskAHuman, Why: "route.why.no_list"}, nil
		}
		if err != nil {
			return route.Trace{}, err
		}
		for _, p := range page {
			if p.Target.ID == f.Account && strings.Contains(p.Comment, n.Mark) {
				return route.Trace{Arrival: route.Arrived, Sent: r.sent(p)}, nil
			}
		}
		if len(page) == 0 || before(page[len(page)-1].Created, sent.Add(-skew)) {
			if left := route.Settled - r.now().Sub(sent); left > 0 {
				return route.Trace{}, route.Wait(fmt.Errorf("a sending is settled in %s", left), left)
			}
			return route.Trace{Arrival: route.Absent}, nil
		}
		query.Set("max_id", page[len(page)-1].ID)
	}
	return route.Trace{Arrival: route.AskAHuman, Why: "route.why.long_list"}, nil
}

func before(said string, at time.Time) bool {
	t := moment(said)
	return !t.IsZero() && t.Before(at)
}

// noList says whether a server has no list of reports: Mastodon answers with its general 404.
func noList(err error) bool {
	var no *route.Refused
	return errors.As(err, &no) && (no.Key == "fault.route.gone" || no.Key == "fault.route.foreign")
}

// Follow reads the report again (GoToSocial). That action was taken says that the moderators closed it, with a comment if
// they wrote one, and not what they did.
func (r *Route) Follow(ctx context.Context, _ route.Notice, _ route.Found, sent route.Sent, c route.Credentials) (route.Fate, error) {
	s, err := open(c)
	if err != nil {
		return route.Fate{}, err
	}
	var p report
	err = route.Read(ctx, r.client, s.at(nil, "api/v1/reports", url.PathEscape(sent.Reference)), &p)
	switch {
	case noList(err):
		return route.Fate{State: route.Untold, Why: "route.why.not_told"}, nil
	case err != nil:
		return route.Fate{}, err
	case p.Acted:
		return route.Fate{State: route.Handled, At: moment(p.ActedAt), Said: route.Line(p.ActedHow)}, nil
	}
	return route.Fate{State: route.Received}, nil
}

// Look asks for the post, or the account, as our account sees it. What answers "not found" is gone only if the author did
// not block us: a block answers the same.
func (r *Route) Look(ctx context.Context, _ route.Target, f route.Found, c route.Credentials) (route.Seen, error) {
	s, err := open(c)
	if err != nil {
		return route.Seen{}, err
	}
	var by account
	if f.Item != "" {
		var st status
		err, by = route.Read(ctx, r.client, s.at(nil, "api/v1/statuses", url.PathEscape(f.Item)), &st), st.Account
	} else {
		err = route.Read(ctx, r.client, s.at(nil, "api/v1/accounts", url.PathEscape(f.Account)), &by)
	}
	var no *route.Refused
	switch {
	case err == nil && by.Suspended:
		return route.Seen{Sight: route.Gone, Why: "route.why.suspended"}, nil
	case err == nil && by.ID == "":
		return route.Seen{Sight: route.Unsure, Why: "route.why.foreign"}, nil
	case err == nil:
		return route.Seen{Sight: route.There}, nil
	case !errors.As(err, &no) || no.Key != "fault.route.gone":
		return route.Unseen(err), nil
	}
	var between []struct {
		ID        string `json:"id"`
		BlockedBy bool   `json:"blocked_by"`
	}
	if err := route.Read(ctx, r.client, s.at(url.Values{"id[]": {f.Account}}, "api/v1/accounts/relationships"), &between); err != nil && !noList(err) {
		return route.Unseen(err), nil
	}
	for _, one := range between {
		if one.ID == f.Account && one.BlockedBy {
			return route.Seen{Sight: route.Unsure, Why: "route.why.blocked"}, nil
		}
	}
	return route.Seen{Sight: route.Gone, Why: "route.why.not_found"}, nil
}
