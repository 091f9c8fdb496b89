package route

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"vigie/internal/fault"
)

// Question is one request to a remote.
type Question struct {
	Method string // GET where it is ""
	URL    string
	Token  string // sent as "Authorization: Bearer"
	// Form or JSON is the body.
	Form url.Values
	JSON any
	// Header has what this API wants besides. An Idempotency-Key never stands in it: Go's transport takes one as leave to
	// send a POST again by itself.
	Header map[string]string
	// Says reads an error of this API before the general rules do: what it returns, unless nil, is how the question ended.
	Says func(Answer) error
}

// Answer is what came back, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// cut says that the answer ended before its end.
	cut error
}

const (
	// patience is how long one question waits for its answer; a job has a minute.
	patience = 25 * time.Second
	// tooLong is the answer that no API here gives.
	tooLong = 1 << 20
)

// Read asks something that changes nothing at the remote, and decodes its JSON into into (which may be nil: then 2xx is
// enough). It fails with Refused or Later. A POST that files nothing, such as opening a session, is read as well.
func Read(ctx context.Context, client Client, q Question, into any) error {
	a, _, err := ask(ctx, client, q)
	if err != nil {
		if refusal := unreached(err); refusal != nil {
			return refusal
		}
		return later(err, 0)
	}
	if err := judge(a, q); err != nil {
		return err
	}
	switch {
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusRequestTimeout, a.Status >= 500:
		return later(statusError(a.Status), a.retryAfter(time.Now()))
	case a.Status >= 300:
		return refused("fault.route.foreign")
	case into == nil:
		return nil
	case a.cut != nil:
		return later(a.cut, 0)
	case !a.isJSON() || json.Unmarshal(a.Body, into) != nil:
		return refused("fault.route.foreign")
	}
	return nil
}

// File files something, with one request. It fails with Refused, Later or Unknown. What it decodes must be looked at:
// an answer without the remote's reference is Lost too.
func File(ctx context.Context, client Client, q Question, into any) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, later(err, 0)
	}
	a, arrived, err := ask(ctx, client, q)
	switch {
	case err != nil && arrived:
		return a, unknown(err)
	case err != nil:
		if refusal := unreached(err); refusal != nil {
			return a, refusal
		}
		return a, later(err, 0)
	}
	if err := judge(a, q); err != nil {
		return a, err
	}
	switch {
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable:
		return a, later(statusError(a.Status), a.retryAfter(time.Now()))
	case a.Status < 200, a.Status >= 300:
		// A gateway's 502 and 504, a 500 and a 408 say nothing of what was done before them; a redirect is what is often
		// answered to a form that was filed.
		return a, unknown(statusError(a.Status))
	case a.cut != nil:
		return a, unknown(a.cut)
	case into != nil && (!a.isJSON() || json.Unmarshal(a.Body, into) != nil):
		return a, unknown(fmt.Errorf("%w, and not the API's JSON", statusError(a.Status)))
	}
	return a, nil
}

// Lost is what a route says of a 2xx that lacks what this API always gives with it.
func Lost(a Answer) error {
	return unknown(fmt.Errorf("%w, without what belongs to it", statusError(a.Status)))
}

// judge reads the answers that mean the same for a question and a filing: the remote understood and says no.
func judge(a Answer, q Question) error {
	if q.Says != nil && a.Status >= 400 {
		if err := q.Says(a); err != nil {
			return err
		}
	}
	if a.Status < 400 || a.Status >= 500 || a.Status == http.StatusRequestTimeout || a.Status == http.StatusTooManyRequests {
		return nil
	}
	var no *Refused
	switch json := a.isJSON(); {
	case (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden) && json:
		no = refused("fault.route.credentials")
	case (a.Status == http.StatusNotFound || a.Status == http.StatusGone) && json:
		no = refused("fault.route.gone")
	case a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed:
		no = refused("fault.route.foreign")
	default:
		no = refused("fault.route.taken_not", "status", a.Status)
	}
	no.Said = a.Said()
	no.Cause = statusError(a.Status)
	return no
}

// ask sends a question, once. arrived is false only where it is sure that nothing of it left: no name, no connection, no
// handshake, or a client that would not go there.
func ask(ctx context.Context, client Client, q Question) (a Answer, arrived bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var way trip
	req, err := q.request(httptrace.WithClientTrace(ctx, way.trace()))
	if err != nil {
		return a, false, err
	}
	res, err := client.Do(req)
	if err != nil {
		return a, !way.endedBefore(err), plain(err)
	}
	defer res.Body.Close()
	if res.Request != nil && res.Request.URL.String() != req.URL.String() {
		// The client followed a redirect. Who answers is not who was asked, and a POST may have become a GET.
		return Answer{Status: http.StatusFound}, true, nil
	}
	a = Answer{Status: res.StatusCode, Header: res.Header}
	a.Body, a.cut = io.ReadAll(io.LimitReader(res.Body, tooLong+1))
	switch {
	case a.cut != nil:
		a.cut = plain(a.cut)
	case len(a.Body) > tooLong:
		a.Body, a.cut = nil, errors.New("the answer has no end")
	}
	return a, true, nil
}

func (q Question) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch {
	case q.JSON != nil:
		text, err := json.Marshal(q.JSON)
		if err != nil {
			return nil, err
		}
		body, kind = bytes.NewReader(text), "application/json"
	case q.Form != nil:
		body, kind = strings.NewReader(q.Form.Encode()), "application/x-www-form-urlencoded"
	}
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, q.URL, body)
	if err != nil {
		return nil, errors.New("the address cannot be asked")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "vigie")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if q.Token != "" {
		req.Header.Set("Authorization", "Bearer "+q.Token)
	}
	for name, value := range q.Header {
		req.Header.Set(name, value)
	}
	return req, nil
}

// trip is how far a request came. Its hooks may be called by other goroutines, and late.
type trip struct{ connected, failed atomic.Bool }

func (w *trip) trace() *httptrace.ClientTrace {
	fails := func(err error) {
		if err != nil {
			w.failed.Store(true)
		}
	}
	return &httptrace.ClientTrace{
		GotConn:          func(httptrace.GotConnInfo) { w.connected.Store(true) },
		DNSDone:          func(info httptrace.DNSDoneInfo) { fails(info.Err) },
		ConnectDone:      func(_, _ string, err error) { fails(err) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { fails(err) },
	}
}

// endedBefore says whether a request that failed did so before a byte of it could leave. It takes two things to believe
// it: no connection was had, and something is known to have failed on the way to one.
func (w *trip) endedBefore(err error) bool {
	if w.connected.Load() {
		return false
	}
	var dial *net.OpError
	var name *net.DNSError
	return w.failed.Load() || errors.As(err, &name) || errors.As(err, &dial) && dial.Op == "dial" || declined(err) != nil
}

// declined returns the fault of a client that would not go to an address.
func declined(err error) *fault.Fault {
	if f := fault.As(err); f != nil && (f.Kind == fault.Forbidden || f.Kind == fault.Invalid) {
		return f
	}
	return nil
}

// unreached returns the refusal of a client that would not go to an address, or nil.
func unreached(err error) error {
	if f := declined(err); f != nil {
		return &Refused{Fault: f}
	}
	return nil
}

// plain leaves the address out of a client's error: it may hold a handle, and goes into the log.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func statusError(status int) error { return fmt.Errorf("the remote answered %d", status) }

func (a Answer) isJSON() bool {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// Decode reads the JSON of an answer, whatever its status. It says false where there is none.
func (a Answer) Decode(into any) bool { return a.isJSON() && json.Unmarshal(a.Body, into) == nil }

// Said is what the remote says in an error: Mastodon's "error", XRPC's "message", Google's "error.message". One line, 300
// characters at most.
func (a Answer) Said() string {
	var body struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if !a.Decode(&body) {
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	text := body.Message
	if text == "" && json.Unmarshal(body.Error, &text) != nil && json.Unmarshal(body.Error, &inner) == nil {
		text = inner.Message
	}
	return Line(text)
}

// Line is a remote's text as it may be shown: one line, 300 characters at most, nothing that cannot be seen.
func Line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > 300 {
		runes = append(runes[:299], '…')
	}
	return string(runes)
}

// retryAfter is how long the remote asks to wait: Retry-After in seconds or as a date (RFC 9110 §10.2.3), or the time when
// its window begins anew, as Mastodon (X-RateLimit-Reset, ISO 8601) and XRPC (RateLimit-Reset, Unix seconds) say it. 0 for
// nothing said.
func (a Answer) retryAfter(now time.Time) time.Duration {
	said := a.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(said); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(aDay/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return at.Sub(now)
	}
	reset := a.Header.Get("X-RateLimit-Reset")
	if at, err := time.Parse(time.RFC3339, reset); err == nil {
		return at.Sub(now)
	}
	if reset == "" {
		reset = a.Header.Get("RateLimit-Reset")
	}
	if unix, err := strconv.ParseInt(reset, 10, 64); err == nil && unix > 1e9 {
		return time.Unix(unix, 0).Sub(now)
	}
	return 0
}

// Open reads credentials into a route's own shape. It returns Refused "fault.route.shape" (what: "JSON") for what is not
// JSON of that shape; never a piece of it.
func Open(c Credentials, into any) error {
	d := json.NewDecoder(bytes.NewReader(c))
	d.DisallowUnknownFields()
	if d.Decode(into) != nil || d.More() {
		return refused("fault.route.shape", "what", "JSON")
	}
	return nil
}

// Base reads the address of an API, "https://mastodon.example", to which paths are added. In clear ("http:") it is taken
// on this machine only, because a token goes there. It returns Refused "fault.route.shape" (what: the name of the field).
func Base(address, field string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, refused("fault.route.shape", "what", field)
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && here) {
		return nil, refused("fault.route.shape", "what", field)
	}
	return u, nil
}

// Reconcile asks a route that can be asked, and says "ask a human" of any other.
func Reconcile(ctx context.Context, r Route, n Notice, f Found, sent time.Time, c Credentials) (Trace, error) {
	if r, ok := r.(Reconciler); ok {
		return r.Reconcile(ctx, n, f, sent, c)
	}
	return Trace{Arrival: AskAHuman, Why: "route.why.no_list"}, nil
}

// Follow asks a route that can be asked, and says that nothing is told of any other.
func Follow(ctx context.Context, r Route, n Notice, f Found, s Sent, c Credentials) (Fate, error) {
	if r, ok := r.(Follower); ok {
		return r.Follow(ctx, n, f, s, c)
	}
	return Fate{State: Untold, Why: "route.why.not_told"}, nil
}

// Unseen is a look that failed: it says Unsure, and why.
func Unseen(err error) Seen {
	var no *Refused
	switch {
	case errors.As(err, &no) && no.Key == "fault.route.credentials":
		return Seen{Sight: Unsure, Why: "route.why.credentials"}
	case errors.As(err, &no):
		return Seen{Sight: Unsure, Why: "route.why.foreign"}
	}
	return Seen{Sight: Unsure, Why: "route.why.unreachable"}
}
