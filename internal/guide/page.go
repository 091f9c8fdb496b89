// Package guide is what the helpline writes for everybody to read: guides for the young, for parents and for
// professionals, easy-to-read ones, and news. Each is a text in Markdown with a few lines of facts before it, in every
// language of the helpline.
//
// Vigie brings a first edition (content/, news/); an editor changes it in the browser, a second person publishes it, and
// every version is kept. What is published is held in memory as a Library: parsed, drawn, searchable, never changed,
// swapped whole when something is published, on every node. So a spike of readers never reaches the database.
package guide

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
)

// Languages are the languages in which every page exists; the first is shown where another is missing.
var Languages = catalogue.Languages

// Kind is what a page is.
type Kind string

// The kinds.
const (
	Topic    Kind = "topic"    // what happens to somebody, and what to do
	Platform Kind = "platform" // where to report on a service, and how to protect oneself there
	Easy     Kind = "easy"     // a topic in short sentences and common words
	News     Kind = "news"     // an article with a date
	About    Kind = "about"    // about the helpline itself: legal notice, partners
)

// Readers are for whom a page is; News are for all, and have none.
const (
	Young        = "young"
	Parent       = "parent"
	Professional = "professional"
)

// Abouts are the pages about the helpline; each has an address of its own.
var Abouts = []string{"partners", "press", "legal", "accessibility"}

// Readers in the order of the site's doors.
var Readers = []string{Young, Parent, Professional}

// Bounds of a page.
const (
	maxTitle    = 80
	maxSummary  = 220
	maxWords    = 24
	maxRelated  = 8
	maxBody     = 60_000 // characters: forty pages
	maxPictures = 30
)

// Facts are the lines before the text. All but title, summary, words and author are the same in every language.
type Facts struct {
	Title    string   `toml:"title"`
	Summary  string   `toml:"summary"`
	For      string   `toml:"for,omitempty"`
	Kind     Kind     `toml:"kind,omitempty"`
	EasyOf   string   `toml:"easy_of,omitempty"`  // the topic that an easy page tells
	Platform string   `toml:"platform,omitempty"` // its code in the catalogue
	Danger   string   `toml:"danger,omitempty"`   // its code in the catalogue: its numbers stand on the page
	Pair     string   `toml:"pair,omitempty"`     // the same for the other reader
	Words    []string `toml:"words,omitempty"`    // what people type who look for it, and what is not in the text
	Related  []string `toml:"related,omitempty"`
	// VerifiedOn is the day on which somebody last held the text against its sources; every page but news has one.
	VerifiedOn  string `toml:"verified_on,omitempty"`
	Author      string `toml:"author,omitempty"`       // of news
	PublishedOn string `toml:"published_on,omitempty"` // of news: the day it carries
	Picture     string `toml:"picture,omitempty"`      // its address, "/media/…", and what it shows
	PictureAlt  string `toml:"picture_alt,omitempty"`
}

// Text is a page in one language.
type Text struct {
	Facts
	Body     string // Markdown
	HTML     string // the body, drawn; safe: it holds nothing but what render.go makes
	Headings []Heading
	plain    string // what is read, for search
	links    []link
}

// Heading is a part of a text.
type Heading struct{ ID, Title string }

// Page is a guide or an article as it may be read.
type Page struct {
	Slug    string
	Version int
	texts   map[string]Text
}

// In is the page in a language, or in the helpline's first one where that is missing.
func (p Page) In(lang string) Text {
	if t, ok := p.texts[lang]; ok {
		return t
	}
	return p.texts[Languages[0]]
}

// Facts are those that are the same in every language.
func (p Page) Facts() Facts { return p.texts[Languages[0]].Facts }

// Kind is what the page is.
func (p Page) Kind() Kind { return p.Facts().Kind }

// IsNews says whether it is an article.
func (p Page) IsNews() bool { return p.Kind() == News }

// Path is its address, without the prefix of a language: "/guides/sextortion".
func (p Page) Path() string {
	switch p.Kind() {
	case News:
		return "/news/" + p.Slug
	case About:
		return "/" + p.Slug
	}
	return "/guides/" + p.Slug
}

// Old says whether it should be held against its sources again: nobody did for so long.
func (p Page) Old(now time.Time, after time.Duration) bool {
	day, err := time.Parse(time.DateOnly, p.Facts().VerifiedOn)
	return err == nil && !p.IsNews() && now.Sub(day) > after
}

// Flaw is one thing that keeps a page from being published, told so that an editor finds it.
type Flaw struct {
	Lang string // "" for what is the same in all
	Key  string // i18n key of the sentence, "fault.guide.link"
	Args []any  // name, value pairs for it
}

// Fault is the flaw as a fault.
func (f Flaw) Fault() *fault.Fault {
	return fault.New(fault.Invalid, f.Key, append([]any{"lang", f.Lang}, f.Args...)...)
}

// Flaws are all of a page. They are the cause of the fault that Publish returns.
type Flaws []Flaw

// Error is for the log.
func (f Flaws) Error() string {
	var all []string
	for _, flaw := range f {
		all = append(all, strings.TrimSpace(fmt.Sprint(flaw.Lang, " ", flaw.Key, " ", flaw.Args)))
	}
	return strings.Join(all, "; ")
}

func (f Flaws) fault() error {
	if len(f) == 0 {
		return nil
	}
	first := f[0].Fault()
	return fault.Wrap(f, fault.Invalid, first.Key, first.Args...)
}

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// IsSlug says whether a page may have this address.
func IsSlug(slug string) bool { return len(slug) <= 64 && slugForm.MatchString(slug) }

const fence = "+++\n"

// split parts the lines of facts from the text: "+++", TOML, "+++", Markdown.
func split(source string) (facts, body string, ok bool) {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	rest, ok := strings.CutPrefix(source, fence)
	if !ok {
		return "", "", false
	}
	facts, body, ok = strings.Cut(rest, "\n"+fence)
	return facts, strings.TrimSpace(body), ok
}

// Source writes a page's text as it is kept and as it can be taken to another helpline.
func (t Text) Source() string {
	var b strings.Builder
	b.WriteString(fence)
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	_ = enc.Encode(t.Facts) // a Builder takes all, and Facts are plain
	b.WriteString(fence)
	b.WriteString("\n" + strings.TrimSpace(t.Body) + "\n")
	return b.String()
}

// Read reads a page from its sources by language, and says all that is wrong with it alone: what it leads to is
// looked at by the library that takes it.
func Read(slug string, sources map[string]string) (Page, Flaws) {
	p := Page{Slug: slug, texts: map[string]Text{}}
	var flaws Flaws
	if !IsSlug(slug) {
		flaws = append(flaws, Flaw{Key: "fault.guide.slug"})
	}
	for _, lang := range Languages {
		facts, body, ok := split(sources[lang])
		if !ok {
			flaws = append(flaws, Flaw{Lang: lang, Key: "fault.guide.missing"})
			continue
		}
		f, unknown, err := readFacts(facts)
		if err != nil {
			flaws = append(flaws, Flaw{Lang: lang, Key: "fault.guide.facts"})
			continue
		}
		for _, key := range unknown {
			flaws = append(flaws, Flaw{Lang: lang, Key: "fault.guide.key", Args: []any{"key", key}})
		}
		t, more := draw(lang, Text{Facts: f, Body: body})
		p.texts[lang] = t
		flaws = append(flaws, append(t.check(lang), more...)...)
	}
	if len(p.texts) == len(Languages) {
		flaws = append(flaws, p.alike()...)
	}
	return p, flaws
}

// check looks at one language.
func (t Text) check(lang string) (flaws Flaws) {
	flaw := func(key string, args ...any) { flaws = append(flaws, Flaw{lang, "fault.guide." + key, args}) }
	for _, field := range []struct {
		key, value string
		most       int
	}{{"title", t.Title, maxTitle}, {"summary", t.Summary, maxSummary}} {
		switch n := utf8.RuneCountInString(field.value); {
		case strings.TrimSpace(field.value) == "":
			flaw(field.key + "_empty")
		case n > field.most:
			flaw(field.key+"_long", "n", n, "most", field.most)
		case strings.ContainsFunc(field.value, func(r rune) bool { return r < ' ' }):
			flaw("line")
		}
	}
	if t.Body == "" {
		flaw("body_empty")
	}
	if n := utf8.RuneCountInString(t.Body); n > maxBody {
		flaw("body_long", "n", n, "most", maxBody)
	}
	if len(t.Words) > maxWords {
		flaw("words", "n", len(t.Words), "most", maxWords)
	}
	if (t.Picture == "") != (strings.TrimSpace(t.PictureAlt) == "") {
		flaw("picture_alt")
	}
	if t.Picture != "" && !isPicture(t.Picture) {
		flaw("picture")
	}
	return flaws
}

// alike looks at what must be the same in all languages, and be right.
func (p Page) alike() (flaws Flaws) {
	flaw := func(key string, args ...any) { flaws = append(flaws, Flaw{Key: "fault.guide." + key, Args: args}) }
	f := p.Facts()
	shared := func(f Facts) string {
		return fmt.Sprint(f.For, f.Kind, f.EasyOf, f.Platform, f.Danger, f.Pair, f.Related, f.VerifiedOn, f.PublishedOn, f.Picture)
	}
	for _, lang := range Languages[1:] {
		if shared(p.texts[lang].Facts) != shared(f) {
			flaws = append(flaws, Flaw{Lang: lang, Key: "fault.guide.differs"})
		}
	}
	switch f.Kind {
	case Topic, Platform, Easy:
		if !slices.Contains(Readers, f.For) {
			flaw("for")
		}
		if !isDay(f.VerifiedOn) {
			flaw("verified_on")
		}
		if f.PublishedOn != "" || f.Author != "" {
			flaw("news_only")
		}
	case About:
		if !isDay(f.VerifiedOn) {
			flaw("verified_on")
		}
		if !slices.Contains(Abouts, p.Slug) || f.For != "" || f.EasyOf != "" || f.Platform != "" || f.Pair != "" || f.PublishedOn != "" {
			flaw("not_about")
		}
	case News:
		if f.For != "" || f.EasyOf != "" || f.Platform != "" || f.Pair != "" {
			flaw("not_news")
		}
		if !isDay(f.PublishedOn) {
			flaw("published_on")
		}
	default:
		flaw("kind")
	}
	if (f.Kind == Platform) != (f.Platform != "") {
		flaw("platform")
	}
	if len(f.Related) > maxRelated {
		flaw("related_many", "most", maxRelated)
	}
	return flaws
}

func isDay(day string) bool {
	_, err := time.Parse(time.DateOnly, day)
	return err == nil
}

// Parse parts a source into its facts and its text, without looking whether they are right; false for what cannot be parted.
func Parse(source string) (Text, bool) {
	facts, body, ok := split(source)
	if !ok {
		return Text{}, false
	}
	f, _, err := readFacts(facts)
	return Text{Facts: f, Body: body}, err == nil
}

// readFacts reads the lines before a text, and says which of them are not known. What has a day of publication is news.
func readFacts(lines string) (f Facts, unknown []string, err error) {
	meta, err := toml.Decode(lines, &f)
	if err != nil {
		return f, nil, err
	}
	if f.PublishedOn != "" && f.Kind == "" {
		f.Kind = News
	}
	for _, key := range meta.Undecoded() {
		unknown = append(unknown, key.String())
	}
	return f, unknown, nil
}
