package ui_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

var site = ui.Site{Name: "Vigie", Phone: "3018", Quit: "/quit"}

// frames are whole pages or pieces without a look of their own; every other component is in the gallery.
var frames = []string{
	"PublicPage", "DeskPage", "BarePage", "ErrorPage", "DeskErrorPage", "Gallery", "LiveStatus", "SeenMarker", "RingOver", "ConversationHead", "Linked",
	"WallPage", "DeliveryMark", "Gone", "ThemeSwitch", "BellUnlock", "Icon", "Mark",
}

// What is not in the gallery is looked at by nobody.
func TestTheGalleryShowsEveryComponent(t *testing.T) {
	sources, err := filepath.Glob("*.templ")
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources", err)
	}
	gallery, err := os.ReadFile("gallery.templ")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		raw, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^templ ([A-Z]\w*)\(`).FindAllStringSubmatch(string(raw), -1) {
			name := m[1]
			shown := regexp.MustCompile(`\b` + name + `\(`).Match(gallery)
			if !shown && !slices.Contains(frames, name) {
				t.Errorf("%s: %s is not in the gallery", source, name)
			}
		}
	}
}

// The content security policy forbids inline styles and scripts, and a label that points nowhere is no
// label.
func TestTheGalleryKeepsThePolicyAndItsReferences(t *testing.T) {
	for _, lang := range i18n.Languages {
		page := render(t, ui.Gallery(i18n.For(lang), site, ""))
		ids := map[string]bool{}
		var pointers [][2]string
		for n := range parse(t, page).Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "style":
					t.Errorf("%s: <%s style=%q>", lang, n.Data, a.Val)
				case strings.HasPrefix(a.Key, "on"):
					t.Errorf("%s: <%s %s=…>", lang, n.Data, a.Key)
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("%s: the id %q is there twice", lang, a.Val)
				case a.Key == "for", a.Key == "aria-labelledby", a.Key == "aria-describedby", a.Key == "aria-controls", a.Key == "data-into":
					for id := range strings.FieldsSeq(a.Val) {
						pointers = append(pointers, [2]string{a.Key, id})
					}
				}
			}
			if id := attr(n, "id"); id != "" {
				ids[id] = true
			}
			if n.Data == "script" && n.FirstChild != nil {
				t.Errorf("%s: an inline script", lang)
			}
			named := attr(n, "role") == "img" && (attr(n, "aria-label") != "" || attr(n, "aria-labelledby") != "")
			if n.Data == "svg" && attr(n, "aria-hidden") != "true" && !named {
				t.Errorf("%s: a drawing that a screen reader stumbles over", lang)
			}
		}
		for _, p := range pointers {
			if !ids[p[1]] && !(p[0] == "data-into" && p[1] == "g-log") {
				t.Errorf("%s: %s points at %q, which is not there", lang, p[0], p[1])
			}
		}
		if strings.Contains(page, "{") && regexp.MustCompile(`>[^<]*\{[a-z]+\}[^<]*<`).MatchString(page) {
			t.Errorf("%s: a placeholder was left empty", lang)
		}
	}
}

// Every icon named in the house is in the sprite, and every icon of the sprite is named somewhere.
func TestEveryIconIsInTheSprite(t *testing.T) {
	raw, err := os.ReadFile("../assets/icons.txt")
	if err != nil {
		t.Fatal(err)
	}
	sprite := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		if name := strings.TrimSpace(strings.SplitN(line, "#", 2)[0]); name != "" {
			sprite[name] = false
		}
	}
	named := regexp.MustCompile(`(?:\bIcon\(|\bIcon:\s*(?:or\([^"]*)?|\bChannel:\s*|icon:\s*|return )"([a-z0-9]+(?:-[a-z0-9]+)*)"`)
	word := regexp.MustCompile(`"([a-z0-9]+(?:-[a-z0-9]+)*)"`)
	err = filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_templ.go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".templ" {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range named.FindAllStringSubmatch(string(raw), -1) {
			if _, ok := sprite[m[1]]; !ok && !strings.HasPrefix(m[0], "return") {
				t.Errorf("%s: no icon %q in icons.txt", path, m[1])
			}
		}
		for _, m := range word.FindAllStringSubmatch(string(raw), -1) {
			if _, ok := sprite[m[1]]; ok {
				sprite[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, used := range sprite {
		if !used {
			t.Errorf("icons.txt: nobody shows %q", name)
		}
	}
}

// A child's text is shown as it was written; only what is surely an address becomes a link, and the
// link tells the other site nothing.
func TestAddressesInAMessage(t *testing.T) {
	for _, c := range []struct{ text, links, shown string }{
		{"va voir https://exemple.fr/a?b=1.", "https://exemple.fr/a?b=1", "va voir https://exemple.fr/a?b=1."},
		{"(http://a.fr/x)", "http://a.fr/x", "(http://a.fr/x)"},
		{"javascript:alert(1)", "", "javascript:alert(1)"},
		{"https:// rien", "", "https:// rien"},
		{"https://a.fr https://b.fr", "https://a.fr https://b.fr", "https://a.fr https://b.fr"},
		{`<b>"&amp;`, "", `<b>"&amp;`},
		{"", "", ""},
	} {
		root := parse(t, render(t, ui.Linked(c.text)))
		var hrefs []string
		var shown strings.Builder
		for n := range root.Descendants() {
			if n.Type == html.TextNode {
				shown.WriteString(n.Data)
			}
			if n.Type == html.ElementNode && n.Data == "a" {
				hrefs = append(hrefs, attr(n, "href"))
				if rel := attr(n, "rel"); !strings.Contains(rel, "noreferrer") || !strings.Contains(rel, "noopener") {
					t.Errorf("%q: rel = %q", c.text, rel)
				}
			}
		}
		if got := strings.Join(hrefs, " "); got != c.links {
			t.Errorf("%q links to %q, want %q", c.text, got, c.links)
		}
		if shown.String() != c.shown {
			t.Errorf("%q is shown as %q", c.text, shown.String())
		}
	}
}

// A phone that runs scripts but knows no modules runs none of ours: the page names it the one that shows
// what stands in noscript, and no other browser loads that.
func TestAPhoneTooOldForModulesGetsThePlainPage(t *testing.T) {
	for _, page := range []ui.PageProps{{Room: ui.Talking, Refresh: 10}, {}} {
		var modules, plain int
		for n := range parse(t, render(t, ui.PublicPage(i18n.For("fr"), page))).Descendants() {
			if n.Data != "script" || n.Type != html.ElementNode {
				continue
			}
			old := slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "nomodule" })
			switch {
			case old && strings.Contains(attr(n, "src"), "/plain"):
				plain++
			case !old && attr(n, "type") == "module":
				modules++
			default:
				t.Errorf("a script for whom? %v", n.Attr)
			}
		}
		if modules != 1 || plain != 1 {
			t.Errorf("room %q: %d scripts for those who know modules, %d for those who don't", page.Room, modules, plain)
		}
	}
}

// The way out is on every public page, works without JavaScript, and the title gives nothing away that
// the page did not choose to.
func TestEveryPublicPageHasTheWayOut(t *testing.T) {
	page := render(t, ui.PublicPage(i18n.For("fr"), ui.PageProps{Site: site, Title: "Conversation", Path: "/chat"}))
	var out *html.Node
	for n := range parse(t, page).Descendants() {
		if n.Data == "a" && attr(n, "href") == "/quit" {
			out = n
		}
		if n.Data == "title" && n.FirstChild.Data != "Conversation · Vigie" {
			t.Errorf("title = %q", n.FirstChild.Data)
		}
		if n.Data == "a" && attr(n, "hreflang") == "en" && attr(n, "href") != "/en/chat" {
			t.Errorf("the English page is %q", attr(n, "href"))
		}
	}
	if out == nil {
		t.Fatal("no way out")
	}
	if strings.Contains(page, "http://") || strings.Contains(page, "https://") || strings.Contains(page, "//www") {
		t.Error("the page names another site")
	}
}
