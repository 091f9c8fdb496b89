// Package routetest has the remotes that fail: one for each way in which a filing can go wrong, with what a route must say
// of it. A route's test brings a remote that works; everything but the filing goes there, and the filing goes to the one
// that fails, over a real connection.
package routetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/takedown/route"
)

// Outcome is how a filing may end, besides being filed.
type Outcome string

// The outcomes.
const (
	Refused Outcome = "refused"
	Later   Outcome = "later"
	Unknown Outcome = "unknown"
)

// Failure is one way in which a filing goes wrong.
type Failure struct {
	Name string
	Want Outcome
	// Key is the fault's, for Refused. RetryAfter is for Later.
	Key        string
	RetryAfter time.Duration
	// answer plays the remote: it has the connection, and read nothing of it yet. nil: nobody listens.
	answer func(c *conn)
}

type conn struct {
	net.Conn
	// giveUp ends the caller's patience.
	giveUp func()
}

// read reads the whole request.
func (c *conn) read() {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err == nil {
		io.Copy(io.Discard, req.Body)
	}
}

// cut ends the connection as a machine does that falls over: with a reset.
func (c *conn) cut() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// says reads the request and writes an answer, headers and all. It ends the connection, so that the answer has an end.
func says(answer string) func(c *conn) {
	return func(c *conn) {
		c.read()
		io.WriteString(c, strings.ReplaceAll(answer, "\n", "\r\n"))
		c.Close()
	}
}

func status(code int, header, kind, body string) func(c *conn) {
	return says(fmt.Sprintf("HTTP/1.1 %d %s\n%sContent-Type: %s\nContent-Length: %d\nConnection: close\n\n%s",
		code, http.StatusText(code), header, kind, len(body), body))
}

const (
	json = "application/json; charset=utf-8"
	html = "text/html; charset=utf-8"
	page = "<!doctype html><title>Sign in to the network</title>"
)

// Failures are the ways, for every API alike.
func Failures() []Failure {
	return []Failure{
		{Name: "nobody listens", Want: Later, RetryAfter: time.Minute},
		{Name: "the connection is cut before the request was read", Want: Unknown, answer: func(c *conn) { c.Read(make([]byte, 1)); c.cut() }},
		{Name: "the connection is cut after the request was read", Want: Unknown, answer: func(c *conn) { c.read(); c.cut() }},
		{Name: "the connection is cut in the first line of the answer", Want: Unknown, answer: func(c *conn) { c.read(); io.WriteString(c, "HTTP/1.1 20"); c.cut() }},
		{Name: "the answer does not come", Want: Unknown, answer: func(c *conn) { c.read(); c.giveUp() }},
		{Name: "500", Want: Unknown, answer: status(500, "", json, `{"error":"Internal Server Error"}`)},
		{Name: "500 as a page", Want: Unknown, answer: status(500, "", html, page)},
		{Name: "502", Want: Unknown, answer: status(502, "", html, page)},
		{Name: "504", Want: Unknown, answer: status(504, "", html, page)},
		{Name: "408", Want: Unknown, answer: status(408, "", json, `{"error":"too slow"}`)},
		{Name: "503", Want: Later, RetryAfter: time.Minute, answer: status(503, "", html, page)},
		{Name: "503 with Retry-After", Want: Later, RetryAfter: 2 * time.Minute, answer: status(503, "Retry-After: 120\n", json, `{}`)},
		{Name: "429", Want: Later, RetryAfter: time.Minute, answer: status(429, "", json, `{"error":"Too many requests"}`)},
		{Name: "429 with Retry-After", Want: Later, RetryAfter: 2 * time.Minute, answer: status(429, "Retry-After: 120\n", json, `{"error":"Too many requests"}`)},
		{Name: "429 with more than a day", Want: Later, RetryAfter: 24 * time.Hour, answer: status(429, "Retry-After: 9999999999\n", json, `{}`)},
		{Name: "a redirect to a page", Want: Unknown, answer: status(302, "Location: /sign-in\n", html, page)},
		{Name: "a redirect that would file again", Want: Unknown, answer: status(307, "Location: /elsewhere\n", html, page)},
		{Name: "a redirect that looks like an answer", Want: Unknown, answer: status(302, "Location: /sign-in\n", json, `{"id": "48914"}`)},
		{Name: "200 with what calls itself a page", Want: Unknown, answer: status(200, "", html, `{"id": "48914"}`)},
		{Name: "200 with a page", Want: Unknown, answer: status(200, "", html, page)},
		{Name: "200 without an id", Want: Unknown, answer: status(200, "", json, `{}`)},
		{Name: "200 with nothing", Want: Unknown, answer: status(200, "", json, ``)},
		{Name: "200 with half of its JSON", Want: Unknown, answer: status(200, "", json, `{"id": "48914", "action_ta`)},
		{Name: "200 that is cut", Want: Unknown, answer: says("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 400\n\n{\"id\": \"48914\"}")},
		{Name: "400", Want: Refused, Key: "fault.route.taken_not", answer: status(400, "", json, `{"error":"Bad Request"}`)},
		{Name: "401", Want: Refused, Key: "fault.route.credentials", answer: status(401, "", json, `{"error":"The access token is invalid"}`)},
		{Name: "403", Want: Refused, Key: "fault.route.credentials", answer: status(403, "", json, `{"error":"This action is outside the authorized scopes"}`)},
		{Name: "403 as a page, from what stands in front", Want: Refused, Key: "fault.route.taken_not", answer: status(403, "", html, page)},
		{Name: "404", Want: Refused, Key: "fault.route.gone", answer: status(404, "", json, `{"error":"Record not found"}`)},
		{Name: "404 as a page", Want: Refused, Key: "fault.route.foreign", answer: status(404, "", html, page)},
		{Name: "422", Want: Refused, Key: "fault.route.taken_not", answer: status(422, "", json, `{"error":"Validation failed: Comment is too long"}`)},
	}
}

// Client asks a remote that works, but for what is filed, which meets a failure. It is a route.Client.
type Client struct {
	works, fails http.Client
	path         string
	// Filings counts the requests that would file, tried by a route or by the transport under it.
	Filings atomic.Int32
}

// Do sends what files to the remote that fails.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Path == c.path {
		c.Filings.Add(1)
		return c.fails.Do(req)
	}
	return c.works.Do(req)
}

// NoRedirects is what a route's client does with a redirect: nothing.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Run has a route file a notice once with each failure, and checks what it says: send makes the route with a client, and
// files by it. path is where the filing goes, "/api/v1/reports".
func Run(t *testing.T, path string, send func(ctx context.Context, client route.Client) error) {
	t.Helper()
	for _, f := range Failures() {
		t.Run(f.Name, func(t *testing.T) {
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			client := &Client{path: path, works: http.Client{CheckRedirect: NoRedirects}}
			at, met := f.listen(t, giveUp)
			client.fails = http.Client{CheckRedirect: NoRedirects, Transport: &http.Transport{
				DisableKeepAlives: true,
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, at)
				},
			}}
			f.check(t, send(ctx, client))
			if n := client.Filings.Load(); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			if n := met(); f.answer != nil && n != 1 {
				t.Errorf("it reached the remote %d times", n)
			}
		})
	}
}

// listen starts the remote, and returns its address and what counts how often it was reached.
func (f Failure) listen(t *testing.T, giveUp func()) (string, func() int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int32
	if f.answer == nil {
		l.Close()
		return l.Addr().String(), reached.Load
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { l.Close() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			reached.Add(1)
			f.answer(&conn{Conn: c, giveUp: giveUp})
		}
	})
	return l.Addr().String(), reached.Load
}

func (f Failure) check(t *testing.T, err error) {
	t.Helper()
	var refused *route.Refused
	var later *route.Later
	var unknown *route.Unknown
	switch {
	case errors.As(err, &refused):
		if f.Want != Refused || refused.Key != f.Key {
			t.Errorf("refused with %s, want %s %s", refused.Key, f.Want, f.Key)
		}
	case errors.As(err, &later):
		if f.Want != Later || later.RetryAfter != f.RetryAfter {
			t.Errorf("later, after %v, want %s %v", later.RetryAfter, f.Want, f.RetryAfter)
		}
	case errors.As(err, &unknown):
		if f.Want != Unknown {
			t.Errorf("unknown (%v), want %s %s", err, f.Want, f.Key)
		}
	default:
		t.Errorf("%v, want %s", err, f.Want)
	}
}

// Host is the host and port of an address.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
