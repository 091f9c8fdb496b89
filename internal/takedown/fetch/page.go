package fetch

import (
	"bufio"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// Page is what is written on a page. All of it was written by strangers: it is shown as text, never as markup, and no
// address in it is ever asked for by itself. Control signs and those that turn the direction of writing are left out.
type Page struct {
	// Title is at most 300 characters.
	Title string
	// Canonical is the address by which the page wants to be known, absolute, http or https; "" when it names none.
	Canonical string
	// Robots is what the page asks of search engines, each word once, in small letters: "noindex".
	Robots []string
	// Refresh says that a browser would go on to another address by itself.
	Refresh bool
	// Text is what a reader without scripts sees, a line for each block. Cut says that there is more of it.
	Text string
	Cut  bool
}

const (
	maxTitle     = 300
	maxCanonical = 2048
	maxRobots    = 20
)

// unseen are elements whose content is not the words of the page.
var unseen = setOf("script style template svg math iframe object canvas audio video noembed noframes datalist")

// blocks begin and end a line.
var blocks = setOf(`address article aside blockquote body br button caption dd details dialog div dl dt fieldset figcaption figure footer form
	h1 h2 h3 h4 h5 h6 header hr label legend li main nav ol option p pre section select summary table td textarea tfoot th thead tr ul`)

// boxes may carry what hides all inside them. They have an end tag of their own, so that where it ends is known without the
// whole of HTML's rules.
var boxes = setOf("div section span article aside nav main header footer form dialog")

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// prose gathers words up to a bound: blanks become one, blocks become lines.
type prose struct {
	b     strings.Builder
	n     int // characters
	max   int
	blank bool
	line  bool
	cut   bool
}

func (p *prose) write(text string) {
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			p.blank = true
			continue
		case unicode.Is(unicode.Cc, r), r == '\u00ad', r >= '\u200b' && r <= '\u200f' && r != '\u200c' && r != '\u200d', r >= '\u202a' && r <= '\u202e',
			r >= '\u2060' && r <= '\u206f', r == '\ufeff':
			continue
		}
		between := ""
		switch {
		case p.n == 0:
		case p.line:
			between = "\n"
		case p.blank:
			between = " "
		}
		if p.n+len(between)+1 > p.max {
			p.cut = true
			return
		}
		p.blank, p.line = false, false
		p.b.WriteString(between)
		p.b.WriteRune(r) // U+FFFD for what is no character
		p.n += len(between) + 1
	}
}

// readPlain reads a text that is not HTML; its lines are kept.
func readPlain(r io.Reader, max int) (Page, error) {
	words := prose{max: max}
	lines := bufio.NewReader(r)
	for !words.cut {
		c, _, err := lines.ReadRune()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Page{Text: words.b.String(), Cut: true}, err
		}
		if c == '\n' {
			words.line = true
		}
		words.write(string(c))
	}
	return Page{Text: words.b.String(), Cut: words.cut}, nil
}

// readHTML reads a page in one pass, without building its tree, and stops when it has max characters of text. What it
// returns beside an error is what came before it.
func readHTML(r io.Reader, at *url.URL, max int) (Page, error) {
	p := pageReader{at: at, words: prose{max: max}, title: prose{max: maxTitle}}
	err := p.read(html.NewTokenizer(r))
	p.page.Title, p.page.Text, p.page.Cut = p.title.b.String(), p.words.b.String(), p.words.cut || err != nil
	return p.page, err
}

type pageReader struct {
	page         Page
	at           *url.URL
	words, title prose
	// inHead until the body begins: a link or a wish to robots below it may be a visitor's.
	afterHead, inTitle, titled bool
	// without is in the part for readers without scripts, whose words are seen here; its redirects are not ours.
	without bool
	// skip is the element that is not read, and depth how many of its name are open.
	skip  string
	depth int
}

func (p *pageReader) read(z *html.Tokenizer) error {
	for !p.words.cut {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if err := z.Err(); err != io.EOF {
				return err
			}
			return nil
		case html.TextToken:
			p.text(z)
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(z, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			p.end(string(name))
		}
	}
	return nil
}

func (p *pageReader) text(z *html.Tokenizer) {
	switch {
	case p.skip == "noscript" && !p.without:
		// It comes as one piece of text, which is HTML in its turn. What is in it a second time is left alone.
		p.skip, p.without = "", true
		p.read(html.NewTokenizer(strings.NewReader(string(z.Text()))))
		p.skip, p.depth, p.without, p.inTitle = "noscript", 1, false, false
	case p.skip != "":
	case p.inTitle:
		p.title.write(string(z.Text()))
	default:
		p.words.write(string(z.Text()))
	}
}

func (p *pageReader) start(z *html.Tokenizer, closed bool) {
	tag, more := z.TagName()
	name := string(tag)
	if p.skip != "" {
		if name == p.skip && !closed {
			p.depth++
		}
		return
	}
	var attributes map[string]string
	if more && (boxes[name] || name == "meta" || name == "link") {
		attributes = map[string]string{}
		for more {
			var key, value []byte
			key, value, more = z.TagAttr()
			if _, twice := attributes[string(key)]; !twice && len(attributes) < 64 {
				attributes[string(key)] = string(value)
			}
		}
	}
	_, hidden := attributes["hidden"]
	switch {
	case name == "svg" && closed, name == "math" && closed:
	case unseen[name], name == "noscript", name == "title" && p.titled, boxes[name] && (hidden || styledAway(attributes["style"])):
		p.skip, p.depth = name, 1
	case name == "body":
		p.afterHead = p.afterHead || !p.without
	case name == "title" && !p.titled:
		p.inTitle = true
	case name == "meta":
		p.meta(attributes)
	case name == "link" && !p.afterHead && !p.without && p.page.Canonical == "" && slices.Contains(strings.Fields(strings.ToLower(attributes["rel"])), "canonical"):
		p.page.Canonical = absolute(p.at, attributes["href"])
	}
	if blocks[name] {
		p.words.line = true
	}
}

func (p *pageReader) end(name string) {
	switch {
	case p.skip != "":
		if name == p.skip {
			if p.depth--; p.depth == 0 {
				p.skip = ""
			}
		}
		return
	case name == "title" && p.inTitle:
		p.inTitle, p.titled = false, true
	case name == "head":
		p.afterHead = p.afterHead || !p.without
	}
	if blocks[name] {
		p.words.line = true
	}
}

func (p *pageReader) meta(attributes map[string]string) {
	content := strings.ToLower(attributes["content"])
	if p.afterHead || p.without {
		return
	}
	if strings.EqualFold(strings.TrimSpace(attributes["http-equiv"]), "refresh") && strings.Contains(content, "url") {
		p.page.Refresh = true
	}
	if strings.EqualFold(strings.TrimSpace(attributes["name"]), "robots") {
		for word := range strings.SplitSeq(content, ",") {
			clean := prose{max: 64}
			clean.write(word)
			if wish := clean.b.String(); wish != "" && len(p.page.Robots) < maxRobots && !slices.Contains(p.page.Robots, wish) {
				p.page.Robots = append(p.page.Robots, wish)
			}
		}
	}
}

// styledAway is a style that hides.
func styledAway(style string) bool {
	return strings.Contains(strings.ToLower(strings.Join(strings.Fields(style), "")), "display:none")
}

// absolute is an address found on a page; "" for one that is not of the web.
func absolute(at *url.URL, text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || text == "" {
		return ""
	}
	u = at.ResolveReference(u)
	if whole := u.String(); u.User == nil && plain(u.Hostname()) != "" && (u.Scheme == "http" || u.Scheme == "https") && len(whole) <= maxCanonical {
		return whole
	}
	return ""
}
