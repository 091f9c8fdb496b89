package web_test

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/html"

	"vigie/internal/staff"
	"vigie/internal/web/assets"
)

// firstLoad bounds what a telephone loads before a child sees the first page: a second on a slow line.
const firstLoad = 50 << 10

// counted counts what comes over the wire, heads and all.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

var (
	// What an element makes the browser load, and where it can send one.
	loads = map[string]bool{"src": true, "srcset": true, "poster": true, "data": true}
	leads = map[string]bool{"href": true, "action": true, "formaction": true, "cite": true, "ping": true, "data-href": true}
	// The places of others that a page offers to who presses a link.
	toRead  = map[string]bool{"https://takeitdown.ncmec.org": true}
	inCSS   = regexp.MustCompile(`url\(\s*["']?([^"')]+)`)
	inJS    = regexp.MustCompile(`(?:from|import)\s*\(?\s*["'](\.{0,2}/[^"']+\.js)["']`)
	address = regexp.MustCompile(`(?i)\bhttps?://[^\s"'<>)]+`)
)

// references returns what a page loads by itself, and every address on it.
func references(page string) (loaded, all []string) {
	doc, _ := html.Parse(strings.NewReader(page))
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			switch {
			case loads[a.Key]:
				loaded = append(loaded, a.Val)
			case n.Data == "link" && a.Key == "href" && !strings.Contains("canonical alternate", rel(n)):
				loaded = append(loaded, a.Val)
			case n.Data == "a" && a.Key == "href" && toRead[a.Val] && strings.Contains(rel(n), "noreferrer"):
				// She presses it, and who she came from is not said.
			case leads[a.Key]:
				all = append(all, a.Val)
			}
		}
	}
	return loaded, append(all, loaded...)
}

func rel(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "rel" {
			return a.Val
		}
	}
	return "?"
}

// The first page with everything it loads, as it comes over the wire.
func TestTheFirstLoadIsSmall(t *testing.T) {
	if !assets.Built() {
		t.Fatal("the styles and scripts are not built: make build")
	}
	w := newWorld(t)
	for _, path := range []string{"/", "/en", "/chat"} {
		var wire atomic.Int64
		client := &http.Client{Transport: &http.Transport{DisableCompression: true, Dial: func(network, addr string) (net.Conn, error) {
			conn, err := net.Dial(network, addr)
			return counted{conn, &wire}, err
		}}}
		fetch := func(path string) string {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+path, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var body io.Reader = res.Body
			if res.Header.Get("Content-Encoding") == "gzip" {
				if body, err = gzip.NewReader(res.Body); err != nil {
					t.Fatal(err)
				}
			}
			text, err := io.ReadAll(body)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s answered %d, %v", path, res.StatusCode, err)
			}
			return string(text)
		}
		loaded, _ := references(fetch(path))
		seen := map[string]bool{}
		for len(loaded) > 0 {
			next, _, _ := strings.Cut(loaded[0], "#")
			loaded = loaded[1:]
			if next == "" || seen[next] || strings.HasPrefix(next, "data:") {
				continue
			}
			seen[next] = true
			text := fetch(next)
			base, _ := url.Parse(next)
			for _, found := range [][][]string{inCSS.FindAllStringSubmatch(text, -1), inJS.FindAllStringSubmatch(text, -1)} {
				for _, match := range found {
					if to, err := base.Parse(match[1]); err == nil && to.Scheme == "" && !strings.HasSuffix(next, ".svg") {
						loaded = append(loaded, to.Path)
					}
				}
			}
		}
		t.Logf("%s: %d bytes over the wire with %d assets (gzip)", path, wire.Load(), len(seen))
		if len(seen) < 3 {
			t.Errorf("%s loads only %v: nothing was measured", path, seen)
		}
		if n := wire.Load(); n > firstLoad {
			t.Errorf("%s takes %d bytes over the wire, %d are too many: %v", path, n, firstLoad, seen)
		}
	}
}

// No public page loads anything from anybody else, nor sends anybody there by itself; and what it loads
// from us names nobody else either.
func TestNoPublicPageRefersToAnotherOrigin(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	child.opens()
	checked := map[string]bool{}
	looks := func(path string) {
		child.get(path)
		loaded, all := references(child.body)
		if strings.HasSuffix(path, "/dev/ui") {
			all = loaded // it shows what people type, too
		}
		for _, to := range all {
			u, err := url.Parse(to)
			if err != nil || u.Host != "" && u.Host != "localhost:8018" || u.Scheme != "" && u.Host == "" && u.Scheme != "tel" && u.Scheme != "sms" {
				t.Errorf("%s refers to %s", path, to)
			}
		}
		for _, to := range loaded {
			if to, _, _ = strings.Cut(to, "#"); !strings.HasPrefix(to, "/") || checked[to] {
				continue
			}
			checked[to] = true
			for _, found := range address.FindAllString(w.browser().get(to).body, -1) {
				if !strings.HasPrefix(found, "http://www.w3.org/") {
					t.Errorf("%s, which %s loads, names %s", to, path, found)
				}
			}
		}
	}
	pages := 0
	for _, route := range w.app.Handler().Routes() {
		if route.Method != http.MethodGet || route.Right != staff.Public && route.Right != staff.Visitor || strings.HasSuffix(route.Path, "/events") || route.Path == "/quit" {
			continue
		}
		path := strings.ReplaceAll(route.Path, "{code}", w.app.Catalogue.Current().Guides.Cards[0].Code)
		looks(path)
		pages++
		if route.Spoken {
			looks(strings.TrimSuffix("/en"+path, "/"))
		}
	}
	if pages < 8 {
		t.Errorf("only %d pages were looked at", pages)
	}
}
