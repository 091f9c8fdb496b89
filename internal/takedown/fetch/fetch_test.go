package fetch_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/takedown/fetch"
)

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatalf("%s is missing, and nothing may be skipped", what)
	}
	t.Skipf("%s is missing on this machine", what)
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func request(t *testing.T, method, address, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://example.net/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// Some of the addresses here cannot be read; those are a connector's bug, and refused all the same.
	if u, err := req.URL.Parse(address); err == nil {
		req.URL = u
	} else {
		req.URL.Host = "%"
	}
	return req
}

// stranger is a certificate that our side does not know.
func stranger(t *testing.T) tls.Certificate {
	w := newWorld(t)
	return w.cert
}

// A page is found with its words, where it is, and what it wants to be called, over TLS and through a redirect.
func TestAPageIsRead(t *testing.T) {
	w := newWorld(t)
	mux := http.NewServeMux()
	mux.Handle("/old", http.RedirectHandler("/new?x=1#part", http.StatusMovedPermanently))
	mux.HandleFunc("/new", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(rw, `<!doctype html><title>A title</title><link rel=canonical href=/best><meta name=robots content=NoIndex><p>Some words`)
	})
	w.serve(mux, &tls.Config{})
	o := w.options()
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return at }
	r := fetch.New(o).Look(t.Context(), w.at("https://WWW.Example.NET.:{port}/old#top"), w.scope(), fetch.Text)
	if r.Failure != nil {
		t.Fatal(r.Failure)
	}
	if r.Status != 200 || r.Hops != 1 || r.Type != "text/html" || !r.At.Equal(at) || r.Left() {
		t.Errorf("status %d after %d, %q at %v", r.Status, r.Hops, r.Type, r.At)
	}
	if want := w.at("https://www.example.net:{port}/new?x=1"); r.Address != want {
		t.Errorf("it is at %q, want %q", r.Address, want)
	}
	if p := r.Page; p.Title != "A title" || p.Text != "Some words" || p.Canonical != w.at("https://www.example.net:{port}/best") || len(p.Robots) != 1 || p.Robots[0] != "noindex" || p.Cut {
		t.Errorf("%+v", p)
	}
}

// Only the page itself is asked for, once, and what we say of ourselves is the same every time: no cookie, no referrer.
func TestWhatWeAskIsPlain(t *testing.T) {
	for _, mode := range []fetch.Mode{fetch.Text, fetch.Status} {
		w := newWorld(t)
		var mu sync.Mutex
		var asked []*http.Request
		w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, r)
			mu.Unlock()
			http.SetCookie(rw, &http.Cookie{Name: "who", Value: "you"})
			if r.URL.Path == "/" {
				http.Redirect(rw, r, "/page", http.StatusFound)
				return
			}
			rw.Header().Set("Content-Type", "text/html")
			io.WriteString(rw, `<link rel=stylesheet href=/style><script src=/script></script><img src=/picture><iframe src=/frame></iframe><meta http-equiv=refresh content="0;url=/next">`)
		}), nil)
		f := fetch.New(w.options())
		for range 2 {
			if r := f.Look(t.Context(), w.at("http://www.example.net:{port}/"), w.scope(), mode); r.Failure != nil {
				t.Fatal(r.Failure)
			}
		}
		var paths []string
		for _, r := range asked {
			paths = append(paths, r.Method+" "+r.URL.Path)
			if r.UserAgent() != fetch.UserAgent || r.Referer() != "" || len(r.Cookies()) > 0 || r.ContentLength > 0 || r.Host != w.at("www.example.net:{port}") {
				t.Errorf("%s: %v", mode, r.Header)
			}
		}
		method := map[fetch.Mode]string{fetch.Text: "GET", fetch.Status: "HEAD"}[mode]
		if got, want := strings.Join(paths, ", "), strings.Repeat(", "+method+" /, "+method+" /page", 2)[2:]; got != want {
			t.Errorf("%s asked for %s, want %s", mode, got, want)
		}
	}
}

// A look at the status of a picture asks for no body, and reads none that is sent all the same.
func TestAStatusReadsNoBody(t *testing.T) {
	w := newWorld(t)
	w.speak(func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 65536\r\n\r\n")
		c.Write(picture())
	})
	r := fetch.New(w.options()).Look(t.Context(), w.at("http://www.example.net:{port}/a.png"), w.scope(), fetch.Status)
	if r.Failure != nil || r.Status != 200 || r.Type != "image/png" || r.Read != 0 || r.Page.Text != "" {
		t.Errorf("%v, %q, %d bytes", r, r.Type, r.Read)
	}
}

// The environment's proxies are not asked.
func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, w.at("http://127.0.0.66:{port}"))
	}
	w.serve(page("here"), nil)
	if r := w.look("http://www.example.net:{port}/"); r.Failure != nil || r.Page.Text != "here" {
		t.Errorf("%v", r)
	}
}

// Whoever gives up has given up at once, and the failure says that it was us.
func TestGivingUp(t *testing.T) {
	w := newWorld(t)
	heard := make(chan struct{})
	w.speak(func(c net.Conn) {
		close(heard)
		c.Read(make([]byte, 1))
	})
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-heard; stop() }()
	r := fetch.New(w.options()).Look(ctx, w.at("http://www.example.net:{port}/"), w.scope(), fetch.Text)
	expect(t, "", r, fetch.Failure{Kind: fetch.Unreachable, Code: fetch.Stopped})
}

// Nothing listens where nobody may: a port that is declared and closed is no connection.
func TestAClosedPortIsNoConnection(t *testing.T) {
	w := newWorld(t)
	w.site.Close()
	expect(t, "", w.look("http://www.example.net:{port}/"), fetch.Failure{Kind: fetch.Unreachable, Code: fetch.NoConnection})
}

// A log shows codes of a look, whatever writes it.
func TestALogShowsNoAddress(t *testing.T) {
	w := newWorld(t)
	w.serve(page("her name"), nil)
	r := w.look("http://www.example.net:{port}/her-name")
	if r.Page.Text != "her name" {
		t.Fatal("the page was not read")
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("looked", "result", r)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("looked", "result", r)
	if text := log.String(); strings.Contains(text, "name") || strings.Contains(text, "example") || !strings.Contains(text, "text 200") {
		t.Errorf("the log says %s", text)
	}
}

// A scope holds the hosts that it names, and those below its domains, in whatever letters they are written.
func TestScopes(t *testing.T) {
	f := fetch.New(fetch.Options{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nobody is asked here")
	}}})
	scope := fetch.Scope{Hosts: []string{"Exact.example.org", "bücher.example.org"}, Domains: []string{"example.net", "com", ""}}
	for host, inside := range map[string]bool{
		"exact.example.org": true, "EXACT.example.org.": true, "sub.exact.example.org": false, "example.org": false,
		"xn--bcher-kva.example.org": true, "BÜCHER.example.org": true,
		"example.net": true, "a.b.example.net": true, "a_b.example.net": true, "notexample.net": false, "example.net.org": false,
		"anything.com": false, "com": false,
	} {
		r := f.Look(t.Context(), "https://"+host+"/", scope, fetch.Status)
		if refused := r.Failure.Code == fetch.ByScope; refused == inside {
			t.Errorf("%q is inside: %v, want %v", host, !refused, inside)
		}
	}
	if r := f.Look(t.Context(), "https://example.net/", fetch.Scope{}, fetch.Status); r.Failure.Code != fetch.ByScope {
		t.Errorf("an empty scope holds somebody: %v", r)
	}
}
