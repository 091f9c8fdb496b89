// Package assets carries what the browser loads besides pages: styles, scripts, the font, the icons.
//
// They are built from css/ and ts/ by build.mjs (`npm run build`) into dist/, under names that hold a hash
// of their content, and compressed ahead of time: a browser keeps them for ever, and the server never
// compresses anything while a child waits. dist/ is never committed. With an empty dist the program
// still compiles and its pages still answer; they are only undressed, and the test of the first load
// (web/first_load_test.go) says so.
package assets

import (
	"embed"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:dist
var embedded embed.FS

// Mark is the sign of the house, Notes one that says nothing of it: what the icons of the app are drawn from.
var (
	//go:embed mark.svg
	Mark []byte
	//go:embed notes.svg
	Notes []byte
)

// Prefix is where the handler is mounted.
const Prefix = "/assets/"

// types are written here because a bare server's mime tables are not to be trusted.
var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// Bundle is one built dist folder.
type Bundle struct {
	files  fs.FS
	hashed map[string]string // "desk.js" → "desk-3KQ2T7.js"
	known  map[string]bool   // hashed names
}

// Open reads a dist folder. A folder without manifest.json is an empty bundle, not an error.
func Open(dist fs.FS) *Bundle {
	b := &Bundle{files: dist, hashed: map[string]string{}, known: map[string]bool{}}
	raw, err := fs.ReadFile(dist, "manifest.json")
	if err != nil {
		return b
	}
	if err := json.Unmarshal(raw, &b.hashed); err != nil {
		panic("assets: manifest.json: " + err.Error()) // written by build.mjs and embedded: a broken build
	}
	for _, name := range b.hashed {
		b.known[name] = true
	}
	return b
}

var built = sync.OnceValue(func() *Bundle {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic("assets: " + err.Error()) // the folder is embedded above
	}
	return Open(dist)
})

// URL is the address of an asset by its plain name: "public.css", "desk.js", "icons.svg". A name that
// was not built keeps its plain address, which answers 404.
func URL(name string) string { return built().URL(name) }

// Built says whether the program carries its assets.
func Built() bool { return len(built().hashed) > 0 }

// Handler serves the built assets under Prefix.
func Handler() http.Handler { return built() }

// URL is as the function URL, for this bundle.
func (b *Bundle) URL(name string) string {
	if hashed, ok := b.hashed[name]; ok {
		return Prefix + hashed
	}
	return Prefix + name
}

// ServeHTTP answers GET and HEAD of a hashed name with the best encoding the browser takes, to be kept
// for a year: another content would have another name. Anything else is not found.
func (b *Bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, Prefix)
	if !b.known[name] {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	b.send(w, r, name)
}

// Worker answers with the service worker, whose address cannot hold a hash: a browser asks each time whether it changed.
func Worker(w http.ResponseWriter, r *http.Request) {
	b, name := built(), built().hashed["sw.js"]
	if name == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+name+`"`)
	if r.Header.Get("If-None-Match") == `"`+name+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	b.send(w, r, name)
}

// Read is the content of an asset by its address; nil where there is none.
func Read(url string) []byte {
	name := strings.TrimPrefix(url, Prefix)
	if !built().known[name] {
		return nil
	}
	body, _ := fs.ReadFile(built().files, name) // what is not there is nil
	return body
}

// send answers with an asset in the best encoding that the browser takes.
func (b *Bundle) send(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	file := name
	for _, encoding := range [][2]string{{"br", ".br"}, {"gzip", ".gz"}} {
		if _, err := fs.Stat(b.files, name+encoding[1]); err != nil {
			continue
		}
		h.Set("Vary", "Accept-Encoding")
		if Accepts(r.Header.Get("Accept-Encoding"), encoding[0]) {
			file = name + encoding[1]
			h.Set("Content-Encoding", encoding[0])
			break
		}
	}
	body, err := fs.ReadFile(b.files, file)
	if err != nil {
		h.Del("Content-Encoding")
		h.Del("Cache-Control")
		http.NotFound(w, r)
		return
	}
	kind, ok := types[path.Ext(name)]
	if !ok {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodGet {
		// A browser that hung up is not our error.
		_, _ = w.Write(body)
	}
}

// Accepts reads an Accept-Encoding header (RFC 9110 §12.5.3): a coding counts unless its q is 0.
func Accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !found {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}
