package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"vigie/internal/app"
	"vigie/internal/config"
	"vigie/internal/web/assets"
)

// The manifest names us in either language, the neutral one nothing of us; what they name is there.
func TestManifests(t *testing.T) {
	w := newWorldWith(t, app.Options{AlwaysOpen: true}, func(c *config.Config) { c.HelplineName = "Ligne Claire" })
	type icon struct{ Src string }
	for path, want := range map[string]struct{ name, start, share string }{
		"/manifest.webmanifest":            {"Ligne Claire", "/young?app=own", "/vault/share"},
		"/en/manifest.webmanifest":         {"Ligne Claire", "/en/young?app=own", "/en/vault/share"},
		"/manifest-neutral.webmanifest":    {"Notes", "/young?app=notes", "/vault/share"},
		"/en/manifest-neutral.webmanifest": {"Notes", "/en/young?app=notes", "/en/vault/share"},
	} {
		b := w.browser().get(path).want(http.StatusOK)
		if got := b.header.Get("Content-Type"); got != "application/manifest+json" {
			t.Errorf("%s is %s", path, got)
		}
		var m struct {
			ID, Name, Scope, Display string
			ShortName                string `json:"short_name"`
			StartURL                 string `json:"start_url"`
			Description              string
			Icons                    []icon
			Shortcuts                []struct{ URL string }
			ShareTarget              struct{ Action, Method, Enctype string } `json:"share_target"`
		}
		if err := json.Unmarshal([]byte(b.body), &m); err != nil {
			t.Fatal(err)
		}
		if m.Name != want.name || m.ShortName != want.name || m.StartURL != want.start || m.Scope != "/" || m.Display != "standalone" || m.ShareTarget.Action != want.share || m.ShareTarget.Method != "POST" || m.ShareTarget.Enctype != "multipart/form-data" {
			t.Errorf("%s says %+v", path, m)
		}
		if len(m.Icons) != 3 {
			t.Errorf("%s has %d icons", path, len(m.Icons))
		}
		for _, i := range m.Icons {
			b := w.browser().get(i.Src).want(http.StatusOK)
			if got := b.header.Get("Content-Type"); got != "image/png" {
				t.Errorf("%s is %s", i.Src, got)
			}
		}
		w.browser().get(m.StartURL).want(http.StatusOK)
		if want.name == "Notes" {
			if len(m.Shortcuts) > 0 || m.Description != "" || strings.Contains(b.body, "mark") || strings.Contains(b.body, "Ligne") || m.ID == "/?app" {
				t.Errorf("the neutral one says of us: %s", b.body)
			}
		}
	}
	w.browser().get("/icons/nothing.png").want(http.StatusNotFound)
	w.browser().get("/apple-touch-icon.png").want(http.StatusOK)
	// Each page names our own manifest, and the page about the app the one that was chosen.
	w.browser().get("/en/guides").holds(`<link rel="manifest" href="/en/manifest.webmanifest">`)
	w.browser().get("/app?name=notes").holds(`<link rel="manifest" href="/manifest-neutral.webmanifest">`, `noindex`, `/icons/notes-180.png`)
	w.browser().get("/app").holds(`<link rel="manifest" href="/manifest.webmanifest">`)
}

// The service worker may serve the whole site, is asked for anew each time, and knows no room of the staff and none of the chat.
func TestTheServiceWorker(t *testing.T) {
	w := newWorld(t)
	b := w.browser().get("/sw.js").want(http.StatusOK)
	for name, want := range map[string]string{"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-cache", "Service-Worker-Allowed": "/"} {
		if got := b.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if b.header.Get("Content-Security-Policy") == "" {
		t.Error("it has no policy")
	}
	if found := regexp.MustCompile(`/?(desk|admin|wall|quit|resume|envelope|calendar)\b`).FindString(b.body); found != "" {
		t.Errorf("it names %s", found)
	}
	again := w.browser().do(http.MethodGet, "/sw.js", nil, http.Header{"If-None-Match": {b.header.Get("ETag")}})
	again.want(http.StatusNotModified)
}

// What is kept without a network is there, page and asset, in both languages; it changes when a page does, and holds nothing that is
// somebody's.
func TestTheShelf(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/sw-pages.json", "/en/sw-pages.json"} {
		b := w.browser().get(path).want(http.StatusOK)
		if b.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %s", path, b.header.Get("Cache-Control"))
		}
		type line struct {
			URL, Version string
			Small        bool
		}
		var list struct {
			Pages, Assets []line
			Words         struct{ Plain, Neutral string }
		}
		if err := json.Unmarshal([]byte(b.body), &list); err != nil {
			t.Fatal(err)
		}
		if list.Words.Plain == "" || list.Words.Neutral == "" || strings.Contains(strings.ToLower(list.Words.Plain+list.Words.Neutral), "vigie") {
			t.Errorf("a notice says %+v", list.Words)
		}
		there, small := map[string]bool{}, 0
		for _, p := range append(list.Pages, list.Assets...) {
			there[p.URL] = true
			w.browser().get(p.URL).want(http.StatusOK)
			if strings.HasPrefix(path, "/en") && !strings.HasPrefix(p.URL, "/en/") && p.Version != "" {
				t.Errorf("%s lists %s", path, p.URL)
			}
			for _, never := range []string{"/chat", "/desk", "/admin", "/wall", "/resume", "/message", "/quit"} {
				if strings.HasPrefix(strings.TrimPrefix(p.URL, "/en"), never) {
					t.Errorf("%s lists %s", path, p.URL)
				}
			}
			if p.Small {
				small++
			}
		}
		lang := strings.TrimSuffix(path, "/sw-pages.json")
		for _, page := range []string{"/offline", "/young", "/numbers", "/guides", "/guides/sextortion", "/app"} {
			if !there[lang+page] {
				t.Errorf("%s lacks %s", path, page)
			}
		}
		for _, name := range []string{"public.css", "site.js", "app.css", "icons.svg", "atkinson-hyperlegible-next-latin-700-normal.woff2"} {
			if !there[assets.URL(name)] {
				t.Errorf("%s lacks %s", path, name)
			}
		}
		if small < 3 || small > 30 {
			t.Errorf("the small shelf of %s has %d parts", path, small)
		}
	}
}

// holds looks at what was sent, and not only at what is seen of it.
func (b *browser) holds(texts ...string) *browser {
	b.Helper()
	for _, text := range texts {
		if !strings.Contains(b.body, text) {
			b.Errorf("what was sent does not hold %q", text)
		}
	}
	return b
}

// counting notices whether anybody reads it.
type counting struct {
	io.Reader
	read int
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read += n
	return n, err
}

// What is shared where no worker catches it is answered by a page, and not read.
func TestASharedFileIsNotRead(t *testing.T) {
	w := newWorld(t)
	head := "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
	body := &counting{Reader: io.LimitReader(io.MultiReader(strings.NewReader(head), endless{}), 64<<20)}
	b := w.browser()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/vault/share", body)
	r.ContentLength = 64 << 20
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Sec-Fetch-Site", "none") // as a browser posts what the telephone shares
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || !strings.Contains(string(text), "Rien n&#39;a été gardé") {
		t.Errorf("%d %.300s", res.StatusCode, text)
	}
	if body.read > 8<<20 { // what lies in the buffers of both ends
		t.Errorf("%d bytes of it went over the wire", body.read)
	}
	for _, why := range []string{"none", "space", "large", "worker", "<script>"} {
		w.browser().get("/en/vault/share?why=" + why).want(http.StatusOK).sees("Nothing was kept")
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// The button is framed by whom the helpline names, and by nobody where it names nobody; every other page by nobody.
func TestTheButtonIsFramedByWhomWeName(t *testing.T) {
	school := "https://college.example"
	open := newWorldWith(t, app.Options{AlwaysOpen: true}, func(c *config.Config) { c.EmbedOrigins = []string{school, "https://*.ent.example"} })
	b := open.browser().get("/embed/button").want(http.StatusOK).sees("Parler à Vigie").holds(`target="_blank"`, `rel="noopener noreferrer"`)
	policy := b.header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, "frame-ancestors "+school+" https://*.ent.example 'self'") || strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %s", policy)
	}
	if b.header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || b.header.Get("Referrer-Policy") != "no-referrer" || len(b.header["Set-Cookie"]) > 0 {
		t.Errorf("%v", b.header)
	}
	if strings.Contains(b.body, "<script") || strings.Contains(b.body, "style=") {
		t.Errorf("it runs something: %s", b.body)
	}
	for _, path := range []string{"/", "/embed", "/app", "/young", "/chat", "/desk/login"} {
		if policy := open.browser().get(path).header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s may be framed: %s", path, policy)
		}
	}
	script := open.browser().get("/embed.js").want(http.StatusOK)
	if script.header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || regexp.MustCompile(`cookie|localStorage|sessionStorage|indexedDB|addEventListener|fetch\(`).MatchString(script.body) {
		t.Errorf("the tag does more than it should: %s", script.body)
	}
	open.browser().get("/embed").want(http.StatusOK).holds(`&lt;script src=&#34;http://localhost:8018/embed.js&#34; data-lang=&#34;fr&#34; defer&gt;`)

	shut := newWorld(t)
	b = shut.browser().get("/en/embed/button").want(http.StatusOK).sees("not allowed here")
	if !strings.HasSuffix(b.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("policy %s", b.header.Get("Content-Security-Policy"))
	}
}

// The Android package is named where there is one, and nothing is said where there is none.
func TestAssetLinks(t *testing.T) {
	newWorld(t).browser().get("/.well-known/assetlinks.json").want(http.StatusNotFound)
	sum := strings.Repeat("AB:", 31) + "CD"
	w := newWorldWith(t, app.Options{AlwaysOpen: true}, func(c *config.Config) {
		c.AppAndroidPackage, c.AppAndroidSHA256 = "org.example.helpline", sum
	})
	b := w.browser().get("/.well-known/assetlinks.json").want(http.StatusOK)
	var said []struct {
		Relation []string
		Target   struct {
			Namespace string
			Package   string   `json:"package_name"`
			Sums      []string `json:"sha256_cert_fingerprints"`
		}
	}
	if err := json.Unmarshal([]byte(b.body), &said); err != nil || len(said) != 1 || said[0].Relation[0] != "delegate_permission/common.handle_all_urls" ||
		said[0].Target.Namespace != "android_app" || said[0].Target.Package != "org.example.helpline" || said[0].Target.Sums[0] != sum {
		t.Errorf("%v: %s", err, b.body)
	}
	w.browser().get("/manifest.webmanifest").holds(`"related_applications":[{"platform":"play","id":"org.example.helpline"}]`)
	if strings.Contains(w.browser().get("/manifest-neutral.webmanifest").body, "org.example") {
		t.Error("the neutral one names the package")
	}
}

// Whoever waits has the button to be told, presses it and takes it back; nobody else has it, and a notice leads back to where the answer is.
func TestToldOnTheDevice(t *testing.T) {
	w := newWorldWith(t, app.Options{AlwaysOpen: true}, func(c *config.Config) { c.PushServices = []string{"fcm.googleapis.com"} })
	stranger := w.browser()
	stranger.get("/chat/back").want(http.StatusSeeOther)
	if to := stranger.header.Get("Location"); to != "/resume" {
		t.Errorf("a notice leads to %s", to)
	}
	stranger.post("/chat/push", "endpoint", "https://fcm.googleapis.com/fcm/send/abc").want(http.StatusUnauthorized)
	child := w.browser()
	child.opens()
	child.get("/chat").want(http.StatusOK).holds("<push-toggle", `data-ask="/chat/push"`, " hidden>")
	if strings.Contains(child.body, "data-waits") {
		t.Error("nobody asked yet")
	}
	child.post("/chat/push", "endpoint", "https://fcm.googleapis.com/fcm/send/abc").want(http.StatusNoContent)
	child.get("/chat").holds("data-waits")
	child.get("/en/chat/back").want(http.StatusSeeOther)
	if to := child.header.Get("Location"); to != "/en/chat" {
		t.Errorf("a notice leads to %s", to)
	}
	for _, elsewhere := range []string{"https://evil.example/", "http://fcm.googleapis.com/", "https://127.0.0.1/", ""} {
		child.post("/chat/push", "endpoint", elsewhere).want(http.StatusUnprocessableEntity)
	}
	child.post("/chat/push/off", "endpoint", "https://fcm.googleapis.com/fcm/send/abc").want(http.StatusNoContent)
	if strings.Contains(child.get("/chat").body, "data-waits") {
		t.Error("she took it back")
	}
	off := newWorld(t)
	child = off.browser()
	child.opens()
	if strings.Contains(child.get("/chat").body, "push-toggle") {
		t.Error("where nobody can be told there is no button")
	}
	child.post("/chat/push", "endpoint", "https://fcm.googleapis.com/fcm/send/abc").want(http.StatusServiceUnavailable)
}

// The quick exit ends web push for a message that was left too, though the message stays in line.
func TestTheQuickExitEndsPushForAMessageThatWasLeft(t *testing.T) {
	w := newWorldWith(t, app.Options{AlwaysOpen: true}, func(c *config.Config) { c.PushServices = []string{"fcm.googleapis.com"} })
	child := w.browser()
	id := child.leaves("J'ai peur.")
	child.post("/chat/push", "endpoint", "https://fcm.googleapis.com/fcm/send/abc").want(http.StatusNoContent)
	if waits, err := w.app.Push.Waiting(t.Context(), id); err != nil || !waits {
		t.Fatal("nobody waits to be told", err)
	}
	child.get("/quit").want(http.StatusSeeOther)
	if waits, err := w.app.Push.Waiting(t.Context(), id); err != nil || waits {
		t.Error("her telephone lights up after a quick exit", err)
	}
}
