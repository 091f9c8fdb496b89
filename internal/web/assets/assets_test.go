package assets

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func bundle() *Bundle {
	return Open(fstest.MapFS{
		"manifest.json":        {Data: []byte(`{"desk.js":"desk-AB12.js","sans.woff2":"sans-CD34.woff2"}`)},
		"desk-AB12.js":         {Data: []byte("plain")},
		"desk-AB12.js.br":      {Data: []byte("brotli")},
		"desk-AB12.js.gz":      {Data: []byte("gzip")},
		"sans-CD34.woff2":      {Data: []byte("font")},
		"never-in-manifest.js": {Data: []byte("secret")},
	})
}

func get(t *testing.T, method, path, encoding string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	bundle().ServeHTTP(w, r)
	return w
}

// The browser gets the smallest form it can read, and keeps it.
func TestTheBestEncodingIsServed(t *testing.T) {
	for _, c := range []struct{ accept, body, encoding string }{
		{"gzip, deflate, br, zstd", "brotli", "br"},
		{"gzip", "gzip", "gzip"},
		{"br;q=0, gzip;q=0.5", "gzip", "gzip"},
		{"", "plain", ""},
	} {
		w := get(t, "GET", "/assets/desk-AB12.js", c.accept)
		if w.Body.String() != c.body || w.Header().Get("Content-Encoding") != c.encoding {
			t.Errorf("Accept-Encoding %q: got %q as %q, want %q as %q", c.accept, w.Body, w.Header().Get("Content-Encoding"), c.body, c.encoding)
		}
		if w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: a cache between would mix encodings up (no Vary)", c.accept)
		}
		if got := w.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
			t.Errorf("type = %q", got)
		}
		if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("cache = %q", got)
		}
	}
	if w := get(t, "GET", "/assets/sans-CD34.woff2", "br"); w.Body.String() != "font" || w.Header().Get("Content-Type") != "font/woff2" {
		t.Errorf("font: %q %q", w.Body, w.Header().Get("Content-Type"))
	}
	if w := get(t, "HEAD", "/assets/desk-AB12.js", "br"); w.Body.Len() != 0 || w.Header().Get("Content-Length") != "6" {
		t.Errorf("HEAD: %d bytes, length %q", w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

// Only what the manifest names is served, and only read.
func TestNothingElseIsServed(t *testing.T) {
	for path, method := range map[string]string{
		"/assets/manifest.json": "GET", "/assets/never-in-manifest.js": "GET", "/assets/desk-AB12.js.br": "GET",
		"/assets/../assets.go": "GET", "/assets/": "GET", "/assets/desk.js": "GET",
	} {
		if w := get(t, method, path, "br"); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(t, "POST", "/assets/desk-AB12.js", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// Without npm the program still runs: addresses are plain and nothing is found there.
func TestAnEmptyBundle(t *testing.T) {
	b := Open(fstest.MapFS{".gitkeep": {}})
	if got := b.URL("desk.js"); got != "/assets/desk.js" {
		t.Errorf("URL = %q", got)
	}
	if got := bundle().URL("desk.js"); got != "/assets/desk-AB12.js" {
		t.Errorf("URL of a built asset = %q", got)
	}
}
