// Package fetch speaks to foreign servers for the takedown desk: it looks whether a reported page is still there, and
// carries what the connectors to networks' APIs say.
//
// Whom it speaks to is written by strangers: a child pastes a link, a page redirects, a name server answers what it likes.
// So an address is never trusted for having been checked before. The hosts of a matter are declared (Scope); the
// address that a connection really goes to is checked as it is made, on every redirect again, so that nobody leads
// us into the helpline's own network (server-side request forgery, CWE-918); and time, pace and bytes are bounded before and
// after decompression.
//
// It reads text and nothing else. What is reported may be a picture whose mere possession is an offence (C. pén. 227-23), so
// a body that is not text is left unread, no picture of a page is ever fetched, and Status does not even ask for a
// body.
//
// One connection carries one request, in HTTP/1.1, written and read here without net/http's Transport: nothing is sent twice,
// kept open, taken from the environment's proxies or negotiated behind our back, and the bytes counted are those of this
// answer. There are no cookies and no referrer.
//
// Addresses are personal data. Failures are codes; a Result shows only codes to a log, whatever verb prints it.
package fetch

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// UserAgent is what we call ourselves. It is honest and says no more: the server may be the author's own, and he need not
// learn from it that a helpline came.
const UserAgent = "Vigie/1 (link check)"

// acceptLanguage is fixed, because the marks of a page that is gone are in a language.
const acceptLanguage = "fr, en;q=0.5"

// maxRedirects is how many are followed.
const maxRedirects = 5

// Options are what the configuration says; nothing of it comes from a remote.
type Options struct {
	// Allow are networks that may be spoken to although they are not public, for tests and for the demonstration's pretend
	// network; API calls to them may be in clear.
	Allow []netip.Prefix
	// Refuse are networks that may not although they are public: the house's own.
	Refuse []netip.Prefix
	// Resolver looks names up; nil for the system's.
	Resolver *net.Resolver
	// Roots verify certificates; nil for the system's.
	Roots *x509.CertPool
	// Limits are those of Look.
	Limits Limits
	// Now is the time; nil for time.Now.
	Now func() time.Time
}

// Limits bound one answer. A field that is 0 has its default.
type Limits struct {
	Whole  time.Duration // everything, with redirects: 20 s
	Header time.Duration // from the look-up of the name to the last header, of each server in turn: 10 s
	// Pace is what a body must bring in bytes a second on the wire, once Grace has been spent waiting: 1,024 after 5 s.
	Pace  int64
	Grace time.Duration

	HeaderBytes int64 // 64 KiB
	Wire        int64 // bytes of a body as they come: 4 MiB
	Unpacked    int64 // bytes of a body after decompression: 16 MiB
	Text        int   // characters of a page's text that are kept: 20,000
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, or time.Duration) {
		if *d <= 0 {
			*d = or
		}
	}
	count := func(n *int64, or int64) {
		if *n <= 0 {
			*n = or
		}
	}
	set(&l.Whole, 20*time.Second)
	set(&l.Header, 10*time.Second)
	set(&l.Grace, 5*time.Second)
	count(&l.Pace, 1024)
	count(&l.HeaderBytes, 64<<10)
	count(&l.Wire, 4<<20)
	count(&l.Unpacked, 16<<20)
	if l.Text <= 0 {
		l.Text = 20_000
	}
	return l
}

// Fetcher speaks to foreign servers. It keeps nothing between two questions, and any number may be asked at once.
type Fetcher struct{ o Options }

// New returns a Fetcher.
func New(o Options) *Fetcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Limits = o.Limits.withDefaults()
	return &Fetcher{o}
}

// Mode is how much is asked for.
type Mode string

// The modes.
const (
	// Text reads the words of a page.
	Text Mode = "text"
	// Status asks with HEAD, so that no body is sent: for a link that may be the picture itself.
	Status Mode = "status"
)

// Result is what a look at a page found.
type Result struct {
	At   time.Time
	Mode Mode
	// Asked is the address as it was given, Address the one that answered last, in plain form; "" when none did.
	Asked, Address string
	// Outside is where a redirect points that leaves the scope. It was not followed: Failure is Refused, ByScope.
	Outside string
	// Hops counts the redirects that were followed.
	Hops int
	// Status is that of the last answer; 0 when there was none.
	Status int
	// Type is the content type, "text/html": the declared one, or with NotText, Sniffed what the bytes say. "" when it is
	// not declared or not one.
	Type string
	// Page is what was read, with mode Text; not all of it when Failure is not nil.
	Page Page
	// Read counts the bytes of the body that were looked at, after decompression.
	Read int64
	// Failure is nil when there was an answer and all that was asked for is here.
	Failure *Failure
}

// Left says that a redirect leads out of the scope.
func (r Result) Left() bool { return r.Outside != "" }

// codes is all of a Result that a log may have.
func (r Result) codes() string {
	if r.Failure != nil {
		return fmt.Sprintf("%s %d %s (%s)", r.Mode, r.Status, r.Failure.Kind, r.Failure.Code)
	}
	return fmt.Sprintf("%s %d", r.Mode, r.Status)
}

// Format prints codes only: not the address, nor the words of the page.
func (r Result) Format(w fmt.State, _ rune) { io.WriteString(w, r.codes()) }

// LogValue is the same for slog, whatever handler writes it.
func (r Result) LogValue() slog.Value { return slog.StringValue(r.codes()) }

// Look asks for a page. It always returns a Result; what went wrong is its Failure.
func (f *Fetcher) Look(ctx context.Context, address string, scope Scope, mode Mode) Result {
	r := Result{Mode: mode, Asked: address}
	r.Failure = f.look(ctx, &r, scope)
	r.At = f.o.Now()
	return r
}

func (f *Fetcher) look(ctx context.Context, r *Result, scope Scope) *Failure {
	l := f.o.Limits
	ctx, cancel := context.WithTimeoutCause(ctx, l.Whole, &Failure{Kind: TooSlow, Code: SlowWhole})
	defer cancel()
	to, failure := f.read(r.Asked, nil, scope)
	if failure != nil {
		return failure
	}
	method, accept := http.MethodGet, "text/html, application/xhtml+xml, application/json;q=0.9, text/plain;q=0.8"
	if r.Mode == Status {
		method, accept = http.MethodHead, "*/*"
	}
	w := walk{limits: l, scope: scope, request: func(to place) *http.Request {
		return &http.Request{Method: method, URL: to.url, Header: http.Header{"Accept": {accept}, "Accept-Language": {acceptLanguage}}}
	}}
	a, failure := f.follow(ctx, to, &w)
	r.Hops, r.Outside, r.Status = w.hops, w.outside, w.status
	if w.status > 0 {
		r.Address = w.at.String()
	}
	if a != nil {
		defer a.Close()
		r.Type = typeOf(a.head.Header)
	}
	if failure != nil || r.Mode == Status {
		return failure
	}
	return a.readText(r, w.at.url)
}

// walk is a way along redirects.
type walk struct {
	limits  Limits
	scope   Scope
	noClear bool
	request func(place) *http.Request

	// What was come to: the last that answered, and with what.
	at      place
	status  int
	hops    int
	outside string
}

// follow asks, and asks again where it is sent, within the scope. It returns the last answer that came, also beside a
// failure, for whoever closes it.
func (f *Fetcher) follow(ctx context.Context, to place, w *walk) (*answer, *Failure) {
	for {
		req := w.request(to)
		a, failure := f.ask(ctx, to, req, w.limits, w.noClear)
		if failure != nil {
			return nil, failure
		}
		w.at, w.status = to, a.head.StatusCode
		location := a.head.Header.Get("Location")
		if !redirects(a.head.StatusCode) || location == "" || req.Method != http.MethodGet && req.Method != http.MethodHead {
			return a, nil
		}
		next, failure := f.read(location, &to, w.scope)
		switch {
		case failure != nil && failure.Code == ByScope:
			w.outside = next.String()
		case failure == nil && w.hops == maxRedirects:
			failure = &Failure{Kind: Refused, Code: ByRedirects}
		}
		if failure != nil {
			return a, failure
		}
		a.Close()
		w.hops++
		to = next
	}
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
