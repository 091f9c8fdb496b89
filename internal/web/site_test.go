package web_test

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"vigie/internal/audit"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
)

// Whoever follows the links of the site, in both languages, finds a page behind each, and none of them asks another server for anything.
func TestEveryLinkOfTheSiteLeadsSomewhere(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	seen := map[string]bool{"/": true}
	next := []string{"/"}
	outside := map[string]bool{}
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		b.get(path)
		if b.code != http.StatusOK {
			t.Errorf("%s answers %d", path, b.code)
			continue
		}
		if !strings.Contains(b.header.Get("Content-Type"), "html") {
			continue
		}
		loaded, all := references(b.body)
		for _, to := range loaded {
			if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("%s loads %s", path, to)
			}
		}
		for _, to := range all {
			u, err := url.Parse(to)
			if err != nil || u.Scheme != "" {
				if err == nil && u.Scheme == "https" {
					outside[to] = true
				}
				continue
			}
			// Forms lead to addresses that are posted to; the way out leads away; a fragment is of its page.
			if u.Path == "" || u.Path == "/quit" || strings.HasPrefix(u.Path, "/desk") || strings.HasPrefix(u.Path, "/dev/") || seen[u.Path] || !leadsFrom(b.body, to) {
				continue
			}
			seen[u.Path] = true
			next = append(next, u.Path)
		}
	}
	lib := w.app.Guides.Current()
	for _, p := range lib.All() {
		for _, lang := range i18n.Languages {
			if path := i18n.For(lang).Path(p.Path()); !seen[path] {
				t.Errorf("nothing leads to %s", path)
			}
		}
	}
	if len(outside) == 0 {
		t.Error("no guide leads to Take It Down")
	}
	t.Logf("%d pages, %d addresses elsewhere", len(seen), len(outside))
}

// leadsFrom says whether an address is that of a link, not of a form.
func leadsFrom(page, to string) bool {
	doc, _ := html.Parse(strings.NewReader(page))
	for n := range doc.Descendants() {
		if n.Data != "a" {
			continue
		}
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "href" && a.Val == to }) {
			return true
		}
	}
	return false
}

// A page of the site is kept with its compressed forms, and is not sent twice to who has it; when it changes it is another.
func TestAPageIsSentSmallAndOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.do(http.MethodGet, "/guides/sextortion", nil, http.Header{"Accept-Encoding": {"br, gzip"}}).want(http.StatusOK)
	etag := b.header.Get("ETag")
	if b.header.Get("Content-Encoding") != "br" || etag == "" || !strings.Contains(b.header.Get("Cache-Control"), "public") || b.header.Get("Set-Cookie") != "" {
		t.Errorf("headers: %v", b.header)
	}
	if n := len(b.body); n > 12<<10 {
		t.Errorf("a guide is %d bytes on the wire", n)
	}
	b.do(http.MethodGet, "/guides/sextortion", nil, http.Header{"If-None-Match": {etag}}).want(http.StatusNotModified)
	if err := w.app.Guides.Verified(t.Context(), "sextortion", audit.Actor{Kind: audit.Staff, ID: w.people[staff.Editor].ID}); err != nil {
		t.Fatal(err)
	}
	b.do(http.MethodGet, "/guides/sextortion", nil, http.Header{"If-None-Match": {etag}}).want(http.StatusOK).sees("Vérifié le")
	// Who is in a conversation, and whoever she is, reads the same page.
	parent := w.browser()
	parent.opens("who", "parent")
	if page := parent.get("/guides/sextortion").body; !strings.Contains(page, "Fais ça maintenant") {
		t.Error("a guide for the young is another one for a parent")
	}
}

// A search stands in no address; a script gets the list alone; what is too long is told.
func TestASearchIsPosted(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.post("/guides", "q", "arcelement en ligne").want(http.StatusOK).sees("On te harcèle en ligne").holds("</html>")
	if b.header.Get("Cache-Control") != "no-store" {
		t.Error("what somebody looks for may be kept")
	}
	b.quickly("/guides", "q", "snapchat").want(http.StatusOK).sees("Snapchat")
	if strings.Contains(b.body, "</html>") {
		t.Error("a script gets a whole page")
	}
	b.post("/guides", "q", "zzzzqqq").want(http.StatusOK).sees("Rien trouvé avec ces mots")
	b.post("/guides", "q", strings.Repeat("harcèlement ", 1000)).want(http.StatusOK).sees("on a cherché les premiers mots", "On te harcèle en ligne")
	if b.post("/guides", "q", `"><script>alert(1)</script>`).want(http.StatusOK); strings.Contains(b.body, "<script>alert") {
		t.Error("what is looked for runs on the page")
	}
	b.post("/guides", "q", strings.Repeat("x", 1<<20)).want(http.StatusRequestEntityTooLarge)
	b.get("/guides/n-existe-pas").want(http.StatusNotFound)
	b.get("/news/sextortion").want(http.StatusNotFound)
	b.get("/guides/legal").want(http.StatusNotFound)
	b.get("/media/n-existe-pas").want(http.StatusNotFound)
}

// Feed, sitemap and robots are what other programs read; the sitemap names every page in both languages and nothing else.
func TestWhatOtherProgramsRead(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.get("/news.xml").want(http.StatusOK)
	var feed struct {
		Channel struct {
			Items []struct{ Title, Link string } `xml:"item"`
		} `xml:"channel"`
	}
	if err := xml.Unmarshal([]byte(b.body), &feed); err != nil || len(feed.Channel.Items) != len(w.app.Guides.Current().News()) {
		t.Errorf("the feed has %d items: %v", len(feed.Channel.Items), err)
	}
	b.get("/sitemap.xml").want(http.StatusOK)
	var sitemap struct {
		URLs []struct {
			Loc string `xml:"loc"`
		} `xml:"url"`
	}
	if err := xml.Unmarshal([]byte(b.body), &sitemap); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, u := range sitemap.URLs {
		path, ok := strings.CutPrefix(u.Loc, "http://localhost:8018")
		if named[path] = true; !ok || regexp.MustCompile(`/(desk|admin|chat|message|resume)`).MatchString(path) {
			t.Errorf("the sitemap names %s", u.Loc)
		}
		b.get(path).want(http.StatusOK)
	}
	for _, p := range w.app.Guides.Current().All() {
		if !named[p.Path()] || !named["/en"+p.Path()] {
			t.Errorf("the sitemap has no %s", p.Slug)
		}
	}
	b.get("/robots.txt").want(http.StatusOK).sees("Disallow: /desk", "Sitemap: http://localhost:8018/sitemap.xml")
	b.get("/guides/sextortion").holds(`application/ld+json`, `og:title`, `hreflang="en"`)
}

// One person writes, another publishes, everybody reads; and nothing typed is lost on the way.
func TestAPageIsWrittenReadAndPublished(t *testing.T) {
	w := newWorld(t)
	sacha, alix, reader := w.as(staff.Editor), w.as(staff.Administrator), w.browser()
	fields := func(title, body string, more ...string) []string {
		return append([]string{"title_fr", title, "title_en", "A title", "summary_fr", "Un résumé.", "summary_en", "A summary.", "body_fr", body, "body_en", "Text.", "author_fr", "L'équipe", "author_en", "The team",
			"kind", "news", "published_on", "2026-11-20"}, more...)
	}
	sacha.post("/admin/pages/new", fields("Un essai", "## Un\n\nTexte.", "slug", "Pas Une Adresse")...).want(http.StatusUnprocessableEntity).sees("en minuscules").holds(`value="Un essai"`)
	sacha.post("/admin/pages/new", fields("Un essai", "Texte <script>alert(1)</script>", "slug", "un-essai")...).want(http.StatusOK)
	reader.get("/news/un-essai").want(http.StatusNotFound)
	sacha.get("/admin/pages/un-essai").want(http.StatusOK).sees("contient du HTML", "Texte <script>")
	if strings.Contains(sacha.body, "<script>alert") {
		t.Error("what is written runs in the editor")
	}
	version, rev := revOf(t, sacha.body)
	sacha.post("/admin/pages/un-essai", fields("Un essai", "Texte <script>alert(1)</script>", "version", version, "rev", rev, "do", "submit")...).want(http.StatusUnprocessableEntity).sees("contient du HTML")
	version, rev = revOf(t, sacha.body)
	sacha.quickly("/admin/pages/un-essai", fields("Un essai", "## Un\n\nTexte écrit.", "version", version, "rev", rev, "do", "keep")...).want(http.StatusOK).sees("Texte écrit.").holds(`id="page-revision"`)
	old := rev
	version, rev = revOf(t, sacha.body)
	alix.post("/admin/pages/un-essai", fields("Un autre", "Texte d'une autre.", "version", version, "rev", old, "do", "save")...).want(http.StatusConflict).sees("Quelqu'un d'autre a changé", "Texte d'une autre.")
	sacha.post("/admin/pages/un-essai", fields("Un essai", "## Un\n\nTexte relu.", "version", version, "rev", rev, "do", "submit")...).want(http.StatusOK)
	version, rev = revOf(t, sacha.get("/admin/pages/un-essai").body)
	sacha.post("/admin/pages/un-essai", "version", version, "rev", rev, "do", "publish").want(http.StatusForbidden).sees("Une autre personne publie", "Texte relu.")
	w.as(staff.Supervisor).post("/admin/pages/un-essai", "version", version, "rev", rev, "do", "publish").want(http.StatusForbidden)
	alix.post("/admin/pages/un-essai", "version", version, "rev", rev, "do", "publish").want(http.StatusOK)
	reader.get("/news/un-essai").want(http.StatusOK).sees("Texte relu.", "novembre 2026")
	reader.get("/news").sees("Un essai")
	reader.post("/guides", "q", "essai").sees("Un essai")
	alix.post("/admin/pages/un-essai", "do", "archive").want(http.StatusOK)
	reader.get("/news/un-essai").want(http.StatusNotFound)
	alix.post("/admin/pages/un-essai", "do", "restore").want(http.StatusOK)
	reader.get("/news/un-essai").want(http.StatusOK)
	alix.post("/admin/pages/sextortion", "do", "archive").want(http.StatusConflict).sees("mène à cette page")
	alix.post("/admin/pages/sextortion", "do", "x").want(http.StatusUnprocessableEntity)
}

// revOf is the version and the rev that a form writes over.
func revOf(t *testing.T, page string) (version, rev string) {
	t.Helper()
	m := regexp.MustCompile(`name="version" value="(-?\d+)"/?>\s*<input type="hidden" name="rev" value="(\d+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("no version on the page")
	}
	return m[1], m[2]
}

// A picture is drawn anew: nothing of the file but what is seen is in it. What is no picture, or too much, gets its sentence.
func TestAPictureOfAPage(t *testing.T) {
	w := newWorld(t)
	sacha := w.as(staff.Editor)
	var photo bytes.Buffer
	picture := image.NewRGBA(image.Rect(0, 0, 2000, 1000))
	for y := range 1000 {
		for x := range 2000 {
			picture.Set(x, y, color.RGBA{200, 40, 40, 255})
		}
	}
	if err := png.Encode(&photo, picture); err != nil {
		t.Fatal(err)
	}
	give := func(file []byte) *browser {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, _ := form.CreateFormFile("picture", "photo.png")
		_, _ = part.Write(file)
		_ = form.Close()
		return sacha.do(http.MethodPost, "/admin/pages/pictures", &body, http.Header{"Content-Type": {form.FormDataContentType()}, "Sec-Fetch-Site": {"same-origin"}})
	}
	give(photo.Bytes()).want(http.StatusOK).sees("![ce qu'on y voit](/media/")
	path := regexp.MustCompile(`/media/[0-9a-f-]+`).FindString(sacha.body)
	b := w.browser().get(path).want(http.StatusOK)
	drawn, kind, err := image.Decode(strings.NewReader(b.body))
	if err != nil || kind != "jpeg" || drawn.Bounds().Dx() != 1440 || drawn.Bounds().Dy() != 720 {
		t.Fatalf("%s %v %v", kind, err, drawn)
	}
	if r, g, _, _ := drawn.At(700, 300).RGBA(); r>>8 < 180 || g>>8 > 70 {
		t.Errorf("its colour is %d, %d", r>>8, g>>8)
	}
	give([]byte("<svg onload=alert(1)>")).want(http.StatusUnsupportedMediaType)
	give(bytes.Repeat([]byte("x"), 13<<20)).want(http.StatusRequestEntityTooLarge).sees("trop lourde")
	sacha.post("/admin/pages/pictures").want(http.StatusUnprocessableEntity).sees("Aucune image")
	w.as(staff.Counsellor).post("/admin/pages/pictures").want(http.StatusForbidden)
}
