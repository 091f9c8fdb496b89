package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/andybalholm/brotli"

	"vigie/internal/catalogue"
	"vigie/internal/guide"
	"vigie/internal/web/answer"
	"vigie/internal/web/assets"
)

// cache keeps what was drawn, in every form in which it is sent, until the library or the catalogue it was drawn from is another.
type cache struct {
	mu      sync.RWMutex
	library *guide.Library
	set     *catalogue.Set
	day     string // a page says how long ago it was verified
	pages   map[string]*drawn
}

// drawn is a page ready to be sent.
type drawn struct {
	kind, etag       string
	plain, gz, br    []byte
	compressedInTime sync.Once
}

// maxDrawn bounds what is kept: all pages of a large helpline in both languages. Whatever comes after is drawn each time.
const maxDrawn = 4000

// keepFor is how long a browser, or a cache in between, may show a page without asking whether it changed.
const keepFor = "public, max-age=60"

// get finds a page, or draws it.
func (c *cache) get(key, day string, library *guide.Library, set *catalogue.Set, draw func() (kind string, body []byte, err error)) (*drawn, error) {
	c.mu.RLock()
	d := c.pages[key]
	fresh := c.library == library && c.set == set && c.day == day
	c.mu.RUnlock()
	if d != nil && fresh {
		return d, nil
	}
	kind, body, err := draw()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	d = &drawn{kind: kind, etag: `"` + hex.EncodeToString(sum[:12]) + `"`, plain: body}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.library != library || c.set != set || c.day != day || c.pages == nil {
		c.library, c.set, c.day, c.pages = library, set, day, map[string]*drawn{}
	}
	if len(c.pages) < maxDrawn {
		c.pages[key] = d
	}
	return d, nil
}

// compress makes the small forms of a page when it is first asked for.
func (d *drawn) compress() {
	d.compressedInTime.Do(func() {
		if len(d.plain) < 1000 {
			return
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level exists
		_, _ = z.Write(d.plain)
		_ = z.Close()
		d.gz = bytes.Clone(b.Bytes())
		b.Reset()
		w := brotli.NewWriterLevel(&b, 6)
		_, _ = w.Write(d.plain)
		_ = w.Close()
		d.br = bytes.Clone(b.Bytes())
	})
}

// send answers with a page, or says that the reader has it.
func (d *drawn) send(w http.ResponseWriter, r *http.Request) {
	d.compress()
	h := w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("ETag", d.etag)
	h.Set("Vary", "Accept-Encoding")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", keepFor)
	}
	if strings.Contains(r.Header.Get("If-None-Match"), d.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := d.plain
	switch takes := r.Header.Get("Accept-Encoding"); {
	case d.br != nil && assets.Accepts(takes, "br"):
		h.Set("Content-Encoding", "br")
		body = d.br
	case d.gz != nil && assets.Accepts(takes, "gzip"):
		h.Set("Content-Encoding", "gzip")
		body = d.gz
	}
	_, _ = w.Write(body)
}

// page sends a page that is the same for everybody who asks at its address and in its language.
func (s *Room) page(w http.ResponseWriter, r *http.Request, key string, page func() (templ.Component, error)) error {
	return s.pageOf(w, r, s.Guides.Current(), key, page)
}

// pageOf is page for one whose text was read from a library already: it is kept with that one, and not with what was published meanwhile.
func (s *Room) pageOf(w http.ResponseWriter, r *http.Request, l *guide.Library, key string, page func() (templ.Component, error)) error {
	return s.fileOf(w, r, l, key, func() (string, []byte, error) {
		component, err := page()
		if err != nil {
			return "", nil, err
		}
		var b bytes.Buffer
		if err := component.Render(r.Context(), &b); err != nil {
			return "", nil, err
		}
		return "text/html; charset=utf-8", b.Bytes(), nil
	})
}

// file sends anything else that is the same for everybody.
func (s *Room) file(w http.ResponseWriter, r *http.Request, key string, draw func() (kind string, body []byte, err error)) error {
	return s.fileOf(w, r, s.Guides.Current(), key, draw)
}

func (s *Room) fileOf(w http.ResponseWriter, r *http.Request, l *guide.Library, key string, draw func() (kind string, body []byte, err error)) error {
	d, err := s.drawn.get(answer.Printer(r).Lang()+" "+key, s.Now().Format(time.DateOnly), l, s.Catalogue(), draw)
	if err != nil {
		return err
	}
	d.send(w, r)
	return nil
}
