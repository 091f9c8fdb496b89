package guide

import (
	"bytes"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"vigie/internal/store"
)

// MediaPrefix is where pictures of guides are.
const MediaPrefix = "/media/"

// isPicture says whether an address is that of a picture of ours, and of nothing beside it ("/media/../quit").
func isPicture(to string) bool {
	id, ok := strings.CutPrefix(to, MediaPrefix)
	return ok && store.IsID(id)
}

// link is an address in a text.
type link struct {
	to      string
	picture bool
}

// markdown draws CommonMark without HTML of its writer's: what is HTML is a flaw, and is left out all the same.
var markdown = func() map[string]goldmark.Markdown {
	all := map[string]goldmark.Markdown{}
	for _, lang := range Languages {
		all[lang] = goldmark.New(goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(&signs{lang: lang}, 100))))
	}
	return all
}()

// draw draws a text, and notes what is wrong with it.
func draw(lang string, t Text) (Text, Flaws) {
	var flaws Flaws
	seen := map[string]bool{}
	flaw := func(key string, args ...any) {
		if !seen[key] { // once is enough to go and look
			seen[key] = true
			flaws = append(flaws, Flaw{lang, "fault.guide." + key, args})
		}
	}
	source := []byte(t.Body)
	md := markdown[lang]
	doc := md.Parser().Parse(text.NewReader(source))
	var plain strings.Builder
	ids := map[string]bool{"main": true}
	pictures := 0
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock {
				plain.WriteByte('\n')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock, *ast.RawHTML:
			flaw("html")
			return ast.WalkSkipChildren, nil
		case *ast.Heading:
			if n.Level < 2 { // the page's title is the only one of its rank
				flaw("heading")
				n.Level = 2
			}
			title := words(n, source)
			id := anchor(title, ids)
			n.SetAttributeString("id", []byte(id))
			if n.Level == 2 {
				t.Headings = append(t.Headings, Heading{id, title})
			}
		case *ast.Link:
			to := string(n.Destination)
			if !mayLead(to) {
				flaw("link", "to", to)
				n.Destination = []byte("#main")
			}
			t.links = append(t.links, link{to: to})
		case *ast.AutoLink:
			flaw("link_words")
		case *ast.Image:
			pictures++
			to := string(n.Destination)
			if !isPicture(to) {
				flaw("picture")
			}
			if strings.TrimSpace(words(n, source)) == "" {
				flaw("picture_alt")
			}
			t.links = append(t.links, link{to: to, picture: true})
		case *ast.Text:
			plain.Write(n.Value(source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				plain.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	if pictures > maxPictures {
		flaw("pictures", "n", pictures, "most", maxPictures)
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		flaw("facts") // a Buffer takes all: nothing else can fail
	}
	t.HTML, t.plain = out.String(), plain.String()
	return t, flaws
}

// words are those below a node.
func words(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// anchor is the id of a heading: its words, folded, and a number where another has them.
func anchor(title string, taken map[string]bool) string {
	id := strings.Join(fold(title), "-")
	if id == "" {
		id = "part"
	}
	for base, n := id, 2; taken[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	taken[id] = true
	return id
}

var dialled = regexp.MustCompile(`^(tel|sms):\+?[0-9]{2,15}$`)

// mayLead says whether a text may link to an address: a page of ours, a number, or a page of the web over https.
func mayLead(to string) bool {
	if dialled.MatchString(to) {
		return true
	}
	u, err := url.Parse(to)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(to, "//") && path.Clean(u.Path) == u.Path && !strings.HasPrefix(u.Path, MediaPrefix) || strings.HasPrefix(to, "#")
	}
	return u.Scheme == "https" && u.Host != ""
}

// inside says whether an address is a page of ours that exists once a language.
func inside(to string) bool { return strings.HasPrefix(to, "/") && !isPicture(to) }

// signs draws links and pictures as the site wants them.
type signs struct{ lang string }

// RegisterFuncs is goldmark's.
func (s *signs) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, s.link)
	r.Register(ast.KindImage, s.picture)
	r.Register(ast.KindRawHTML, skip)
	r.Register(ast.KindHTMLBlock, skip)
}

func skip(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkSkipChildren, nil
}

func (s *signs) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, _ = w.WriteString("</a>")
		return ast.WalkContinue, nil
	}
	to := string(n.(*ast.Link).Destination)
	if inside(to) && s.lang != Languages[0] {
		to = "/" + s.lang + to
	}
	_, _ = w.WriteString(`<a href="`)
	_, _ = w.Write(util.EscapeHTML(util.URLEscape([]byte(to), true)))
	_ = w.WriteByte('"')
	if strings.HasPrefix(to, "https:") {
		_, _ = w.WriteString(` rel="external noopener noreferrer"`)
	}
	_ = w.WriteByte('>')
	return ast.WalkContinue, nil
}

func (s *signs) picture(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	image := n.(*ast.Image)
	if !isPicture(string(image.Destination)) {
		return ast.WalkSkipChildren, nil
	}
	_, _ = w.WriteString(`<img loading="lazy" decoding="async" src="`)
	_, _ = w.Write(util.EscapeHTML(util.URLEscape(image.Destination, true)))
	_, _ = w.WriteString(`" alt="`)
	_, _ = w.Write(util.EscapeHTML([]byte(words(n, source))))
	_, _ = w.WriteString(`">`)
	return ast.WalkSkipChildren, nil
}
