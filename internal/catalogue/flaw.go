package catalogue

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/fault"
)

// Flaw is one thing that keeps a document from being published, told so that an editor finds it: the
// document, the line and a sentence.
type Flaw struct {
	Doc  Doc
	Line int    // 1-based; 0 when the flaw has no place in the text
	Path string // "category[3].label.en"
	Key  string // i18n key of the sentence, "fault.catalogue.text_missing"
	Args []any  // name, value pairs for the sentence, besides doc and line
}

// Fault returns the flaw as an Invalid fault whose sentence knows {doc} and {line}.
func (f Flaw) Fault() *fault.Fault {
	return fault.New(fault.Invalid, f.Key, f.args()...)
}

func (f Flaw) args() []any {
	return append([]any{"doc", string(f.Doc), "line", f.Line, "path", f.Path}, f.Args...)
}

// Flaws are all the flaws of a document, in the order of its lines. It is the cause of the fault that
// Publish returns, for a screen that shows them all at once.
type Flaws []Flaw

// Error is for the log.
func (f Flaws) Error() string {
	var b strings.Builder
	for i, flaw := range f {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s.toml:%d: %s: %s", flaw.Doc, flaw.Line, flaw.Path, flaw.Key)
		for j := 0; j+1 < len(flaw.Args); j += 2 {
			fmt.Fprintf(&b, " %v=%v", flaw.Args[j], flaw.Args[j+1])
		}
	}
	return b.String()
}

// fault returns the flaws as one fault that speaks the first of them and keeps all as its cause; nil
// when there is none.
func (f Flaws) fault() error {
	if len(f) == 0 {
		return nil
	}
	return fault.Wrap(f, fault.Invalid, f[0].Key, f[0].args()...)
}

// page is a document being read: its source and the flaws found so far.
type page struct {
	doc     Doc
	strict  strictness
	source  string
	outline outline // of source, made when the first flaw asks for a line
	flaws   Flaws
}

func (p *page) lines() outline {
	if p.outline == nil {
		p.outline = readOutline(p.source)
	}
	return p.outline
}

// flaw notes a flaw at path, a format with its arguments: "category[%d].label".
func (p *page) flaw(key, path string, args ...any) {
	p.flaws = append(p.flaws, Flaw{Doc: p.doc, Line: p.lines().line(path), Path: path, Key: "fault.catalogue." + key, Args: args})
}

func at(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// text wants a sentence in every language, the same variables in each, all of them known.
func (p *page) text(path string, t Text, known ...string) {
	for _, lang := range Languages {
		s, ok := t[lang]
		if !ok || strings.TrimSpace(s) == "" {
			p.flaw("text_missing", path, "lang", lang)
			continue
		}
		if s != strings.TrimSpace(s) {
			p.flaw("text_spaces", path+"."+lang)
		}
		if strings.Count(s, "{") != strings.Count(s, "}") || strings.Count(s, "[") != strings.Count(s, "]") {
			p.flaw("text_braces", path+"."+lang)
		}
		for _, name := range variables(s) {
			if !slices.Contains(known, name) {
				p.flaw("variable_unknown", path+"."+lang, "variable", name)
			}
		}
		if !slices.Equal(variables(s), variables(t[Languages[0]])) {
			p.flaw("variable_differs", path+"."+lang, "lang", lang)
		}
	}
	for lang := range t {
		if !slices.Contains(Languages, lang) {
			p.flaw("language_unknown", path+"."+lang, "lang", lang)
		}
	}
}

// optional is text where nothing at all is fine too.
func (p *page) optional(path string, t Text, known ...string) {
	if len(t) > 0 {
		p.text(path, t, known...)
	}
}

var codeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.]*$`)

// codes checks that codes are well formed and unique within one list.
type codes map[string]bool

func (c codes) add(p *page, path, code string) {
	switch {
	case !codeForm.MatchString(code):
		p.flaw("code_form", path, "code", code)
	case c[code]:
		p.flaw("code_twice", path, "code", code)
	}
	c[code] = true
}

// oneOf wants a value of a closed list.
func (p *page) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.flaw("value_unknown", path, "value", value, "allowed", strings.Join(allowed, ", "))
	}
}

// refers wants a code that exists in another document.
func (p *page) refers(path, code string, target Doc, exists bool) {
	if !exists {
		p.flaw("reference_missing", path, "code", code, "target", string(target))
	}
}

func (p *page) link(path string, l Link) {
	p.text(path+".label", l.Label)
	p.https(path+".url", l.URL)
}

// https wants an address of the web.
func (p *page) https(path, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		p.flaw("link_form", path)
	}
}

// mailbox wants an e-mail address alone, without a name.
func (p *page) mailbox(path, address string) {
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		p.flaw("mail_form", path)
	}
}

// date wants a day written 2026-11-23.
func (p *page) date(path, day string) {
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		p.flaw("date_form", path, "value", day)
	}
}
