package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/web/answer"
	"vigie/internal/web/assets"
	"vigie/internal/web/i18n"
	"vigie/internal/web/sign"
)

// AppOptions are what the helpline says of its app and its button; the zero value is an app from the browser alone, and a button that
// nobody may show.
type AppOptions struct {
	// Package and SHA256 name the Android package (a trusted web activity) that may open as this site; both or none.
	Package, SHA256 string
	// EmbedOrigins are the sites that may show the button: "https://school.example".
	EmbedOrigins []string
}

// The two names under which the app stands on a device. A manifest with another id is another app: one never becomes the other.
const (
	ours    = ""
	neutral = "notes"
)

// manifest is what a browser reads to install the site (W3C Web Application Manifest).
type manifest struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	ShortName   string        `json:"short_name"`
	Description string        `json:"description,omitempty"`
	Lang        string        `json:"lang"`
	Dir         string        `json:"dir"`
	StartURL    string        `json:"start_url"`
	Scope       string        `json:"scope"`
	Display     string        `json:"display"`
	Background  string        `json:"background_color"`
	Theme       string        `json:"theme_color"`
	Categories  []string      `json:"categories,omitempty"`
	Icons       []icon        `json:"icons"`
	Shortcuts   []shortcut    `json:"shortcuts,omitempty"`
	ShareTarget *shareTarget  `json:"share_target,omitempty"`
	Related     []application `json:"related_applications,omitempty"`
}

type icon struct {
	Src     string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose"`
}

type shortcut struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type shareTarget struct {
	Action  string      `json:"action"`
	Method  string      `json:"method"`
	Enctype string      `json:"enctype"`
	Params  shareParams `json:"params"`
}

type shareParams struct {
	Title string       `json:"title"`
	Text  string       `json:"text"`
	URL   string       `json:"url"`
	Files []shareFiles `json:"files"`
}

type shareFiles struct {
	Name   string   `json:"name"`
	Accept []string `json:"accept"`
}

type application struct {
	Platform string `json:"platform"`
	ID       string `json:"id"`
}

// Manifest is the app under our own name.
func (s *Room) Manifest(w http.ResponseWriter, r *http.Request) error { return s.manifest(w, r, ours) }

// NeutralManifest is the app under a name that says nothing of us: no word of it, no shortcut and no colour of ours.
func (s *Room) NeutralManifest(w http.ResponseWriter, r *http.Request) error {
	return s.manifest(w, r, neutral)
}

func (s *Room) manifest(w http.ResponseWriter, r *http.Request, as string) error {
	say := speaking(r, guide.Young)
	return s.file(w, r, "manifest "+as, func() (string, []byte, error) {
		m := manifest{
			ID: "/?app", Name: s.Site.Name, ShortName: s.Site.Name, Description: say.T("app.description"), Lang: say.Lang(), Dir: "ltr", StartURL: say.Path("/young") + "?app=own", Scope: "/", Display: "standalone",
			Background: "#fbf6ec", Theme: "#0b2d3d", Categories: []string{"social", "education"}, Icons: icons("mark"),
			ShareTarget: &shareTarget{Action: say.Path("/vault/share"), Method: http.MethodPost, Enctype: "multipart/form-data", Params: shareParams{Title: "title", Text: "text", URL: "url",
				Files: []shareFiles{{Name: "files", Accept: []string{"image/*", "video/*", "audio/*", "application/pdf", "text/plain"}}}}},
		}
		for _, to := range []struct{ path, key string }{{"/chat", "site.door_talk"}, {"/vault", "site.door_vault"}, {"/guides", "site.door_guides"}} {
			m.Shortcuts = append(m.Shortcuts, shortcut{Name: say.T(to.key), URL: say.Path(to.path)})
		}
		if s.App.Package != "" {
			m.Related = []application{{Platform: "play", ID: s.App.Package}}
		}
		if as == neutral {
			m.ID, m.Name, m.StartURL = "/?app=notes", say.T("app.neutral"), say.Path("/young")+"?app=notes"
			m.ShortName, m.Description, m.Icons, m.Shortcuts, m.Categories, m.Related = m.Name, "", icons("notes"), nil, nil, nil
			m.Background, m.Theme = "#f7f7f5", "#5b6b7a"
		}
		body, err := json.Marshal(m)
		return "application/manifest+json", body, err
	})
}

func icons(name string) []icon {
	return []icon{
		{Src: "/icons/" + name + "-192.png", Sizes: "192x192", Type: "image/png", Purpose: "any"},
		{Src: "/icons/" + name + "-512.png", Sizes: "512x512", Type: "image/png", Purpose: "any"},
		{Src: "/icons/" + name + "-maskable-512.png", Sizes: "512x512", Type: "image/png", Purpose: "maskable"},
	}
}

// dot is the sign in the line of state of an Android phone, which shows its outline alone: it says nothing.
var dot = []byte(`<svg viewBox="0 0 32 32"><rect width="32" fill="#000000" fill-opacity="0"/><circle cx="16" cy="16" r="11" fill="#ffffff"/></svg>`)

// drawings are the icons that are drawn, by their names.
var drawings = map[string]struct {
	svg  []byte
	size int
	form sign.Form
}{
	"mark-180.png": {assets.Mark, 180, sign.Full}, "mark-192.png": {assets.Mark, 192, sign.Rounded}, "mark-512.png": {assets.Mark, 512, sign.Rounded},
	"mark-maskable-512.png": {assets.Mark, 512, sign.Maskable},
	"notes-180.png":         {assets.Notes, 180, sign.Full}, "notes-192.png": {assets.Notes, 192, sign.Rounded}, "notes-512.png": {assets.Notes, 512, sign.Rounded},
	"notes-maskable-512.png": {assets.Notes, 512, sign.Maskable},
	"dot-96.png":             {dot, 96, sign.Rounded},
}

// Icon is one of the app's icons as PNG.
func (s *Room) Icon(w http.ResponseWriter, r *http.Request) error {
	return s.icon(w, r, r.PathValue("icon"))
}

// TouchIcon is the icon that an iPhone looks for at this address where a page names none.
func (s *Room) TouchIcon(w http.ResponseWriter, r *http.Request) error {
	return s.icon(w, r, "mark-180.png")
}

func (s *Room) icon(w http.ResponseWriter, r *http.Request, name string) error {
	d, ok := drawings[name]
	if !ok {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	w.Header().Set("Cache-Control", "public, max-age=86400")
	return s.file(w, r, "icon "+name, func() (string, []byte, error) {
		body, err := sign.PNG(d.svg, d.size, d.form)
		return "image/png", body, err
	})
}

// AppPage says how the site is put on a device, under which name, what stays on it, and how it is taken off.
func (s *Room) AppPage(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	as := ours
	if r.URL.Query().Get("name") == neutral {
		as = neutral
	}
	return s.page(w, r, "/app "+as, func() (templ.Component, error) {
		page := s.frame(say, "/app", "", say.T("app.title"), say.T("app.lead"))
		page.Styles, page.Scripts = append(page.Styles, "app.css"), []string{"app.js"}
		if as == neutral {
			// Here alone: what the browser installs is what the page names.
			page.Index, page.Manifest, page.Extra = false, "/manifest-neutral.webmanifest", neutralHead(say.T("app.neutral"))
		}
		return appPage(say, page, as == neutral, s.Site.Phone), nil
	})
}

// Offline is the page in the place of one that cannot be had: who can still be called, and what is kept here.
func (s *Room) Offline(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	return s.page(w, r, "/offline", func() (templ.Component, error) {
		page := s.frame(say, "", "", say.T("offline.title"), "")
		page.Index, page.Extra, page.Styles = false, nil, append(page.Styles, "app.css")
		return offlinePage(say, page, s.Site.Phone, s.numbers(say, catalogue.General)), nil
	})
}

// NotShared answers what was shared with the vault where no service worker caught it: nothing was read of it, and nothing is kept.
func (s *Room) NotShared(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	if r.Method == http.MethodPost {
		// What she shared is not for us: the connection ends rather than that its rest is read.
		w.Header().Set("Connection", "close")
	}
	page := s.frame(say, "", "/vault", say.T("shared.title"), "")
	page.Index, page.Extra = false, nil
	why := "shared.worker"
	if reason := r.URL.Query().Get("why"); slices.Contains([]string{"none", "space", "large"}, reason) {
		why = "shared." + reason
	}
	answer.Page(w, r, http.StatusOK, notSharedPage(say, page, say.T(why)))
	return nil
}

// AssetLinks lets the Android package open as this site (Digital Asset Links); nothing is said where there is none.
func (s *Room) AssetLinks(w http.ResponseWriter, r *http.Request) error {
	if s.App.Package == "" {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	return s.file(w, r, "assetlinks", func() (string, []byte, error) {
		body, err := json.Marshal([]any{map[string]any{
			"relation": []string{"delegate_permission/common.handle_all_urls"},
			"target":   map[string]any{"namespace": "android_app", "package_name": s.App.Package, "sha256_cert_fingerprints": []string{s.App.SHA256}},
		}})
		return "application/json", body, err
	})
}

// Worker is the service worker.
func (s *Room) Worker(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Service-Worker-Allowed", "/")
	assets.Worker(w, r)
	return nil
}

// shelf is what the service worker keeps on a device, with a version of each page; a small one is for who only passes by.
type shelf struct {
	Pages  []shelved  `json:"pages"`
	Assets []shelved  `json:"assets"`
	Words  pushedText `json:"words"`
}

type shelved struct {
	URL     string `json:"url"`
	Version string `json:"version,omitempty"`
	Small   bool   `json:"small,omitempty"`
}

// pushedText is what a notice on the device says: nothing of us, nothing of her.
type pushedText struct {
	Plain   string `json:"plain"`
	Neutral string `json:"neutral"`
}

var assetAddress = regexp.MustCompile(`/(?:assets|icons|media)/[\w.-]+`)

// Shelf lists what is there without a network. Each page is asked for as nobody would see it, so that what cannot be had is not listed and
// what changed has another version.
func (s *Room) Shelf(w http.ResponseWriter, r *http.Request) error {
	say := i18n.For(answer.Printer(r).Lang())
	w.Header().Set("Cache-Control", "no-cache")
	return s.file(w, r, "/sw-pages.json", func() (string, []byte, error) {
		list := shelf{Words: pushedText{say.T("push.notice"), say.T("push.notice_neutral")}}
		loaded := map[string]bool{}
		add := func(address string, small bool) {
			loaded[address] = loaded[address] || small
		}
		for _, path := range s.kept() {
			small := slices.Contains(always, path)
			path = say.Path(path)
			body := s.ask(r.Context(), path)
			if body == nil {
				continue
			}
			sum := sha256.Sum256(body)
			list.Pages = append(list.Pages, shelved{path, hex.EncodeToString(sum[:8]), small})
			for _, found := range assetAddress.FindAllString(string(body), -1) {
				add(found, small)
				for _, inner := range assetAddress.FindAllString(string(assets.Read(found)), -1) {
					add(inner, small)
				}
				if strings.HasSuffix(found, ".css") { // its own addresses are beside it
					for _, inner := range beside.FindAllStringSubmatch(string(assets.Read(found)), -1) {
						add(assets.Prefix+inner[1], small)
					}
				}
			}
		}
		for address, small := range loaded {
			if strings.HasPrefix(address, assets.Prefix) && assets.Read(address) == nil {
				continue
			}
			list.Assets = append(list.Assets, shelved{URL: address, Small: small})
		}
		slices.SortFunc(list.Assets, func(a, b shelved) int { return strings.Compare(a.URL, b.URL) })
		body, err := json.Marshal(list)
		return "application/json", body, err
	})
}

var beside = regexp.MustCompile(`url\("?\./([\w.-]+)`)

// always are the pages that every browser keeps which was here: who answers now, and the way to the rest.
var always = []string{"/offline", "/young", "/numbers"}

// kept are the pages of the shelf.
func (s *Room) kept() []string {
	all := append(slices.Clone(always), "/guides", "/quiz", "/quiz/parents", "/vault", "/parents", "/professionals", "/app", "/privacy")
	for _, p := range s.Guides.Current().All() {
		if !p.IsNews() {
			all = append(all, p.Path())
		}
	}
	return all
}

// ask asks our own pages for one, as somebody would of whom nothing is known; nil where it cannot be had.
func (s *Room) ask(ctx context.Context, path string) []byte {
	if s.Ask == nil {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil
	}
	w := &overheard{header: http.Header{}, code: http.StatusOK}
	s.Ask.ServeHTTP(w, r)
	if w.code != http.StatusOK {
		return nil
	}
	return w.body
}

// overheard keeps an answer that nobody else hears.
type overheard struct {
	header http.Header
	code   int
	body   []byte
}

func (o *overheard) Header() http.Header  { return o.header }
func (o *overheard) WriteHeader(code int) { o.code = code }
func (o *overheard) Write(b []byte) (int, error) {
	o.body = append(o.body, b...)
	return len(b), nil
}

// installWays are the steps by which the site is put on a device, by kind of device.
func installWays(say *i18n.Printer) []installWay {
	var all []installWay
	for _, kind := range []string{"android", "iphone", "computer"} {
		way := installWay{title: say.T("app." + kind), note: say.T("app." + kind + "_note")}
		for _, step := range []string{"_1", "_2", "_3"} {
			way.steps = append(way.steps, say.T("app."+kind+step))
		}
		all = append(all, way)
	}
	return all
}

type installWay struct {
	title, note string
	steps       []string
}
