// Package i18n holds every sentence the house says, in French and in English, and says it.
//
// A frightened child reads these sentences, so they live in plain files that somebody who writes well
// can edit without reading Go: one file per area and language (`chat.fr.toml`, `chat.en.toml`), flat,
// with quoted dotted keys. French is the language of the house: it is complete by test, and it is what
// is shown where English is missing.
//
// A sentence may hold placeholders by name, and one plural form:
//
//	"chat.place"  = "Tu es à la place {n} dans la file."
//	"chat.unread" = "{n|{n} nouveau message|{n} nouveaux messages}"
//
// The plural form reads `{name|one|other}`; French takes "one" for 0 and 1, English for 1 only. There
// is nothing else to learn but that a key with ".adult" after it is the same sentence to an adult, where it
// differs: "chat.place.adult" = "Vous êtes…", said by a printer that speaks to adults. French typography (the thin no-break space before ? ! ; :, inside « » and
// in "21 h 04") is put in when the files are read, so that nobody has to type it.
package i18n

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"

	"vigie/internal/fault"
)

//go:embed *.toml
var files embed.FS

// The languages the house speaks. French comes first: it is the fallback.
const (
	French  = "fr"
	English = "en"
)

// Languages lists the languages in the order a switch shows them.
var Languages = []string{French, English}

// Printer says sentences in one language. It holds nothing of a request and is shared by all.
type Printer struct {
	lang      string
	sentences map[string]sentence
	fallback  map[string]sentence
	adults    *Printer // the same language to adults; nil where it speaks to them already
}

// toAdults marks the key of a sentence as it is said to adults.
const toAdults = ".adult"

var printers = sync.OnceValue(func() map[string]*Printer {
	texts, err := read(files)
	if err != nil {
		// The files are part of the program and a test reads them: this is a broken build, not bad input.
		panic("i18n: " + err.Error())
	}
	all := map[string]*Printer{}
	for _, lang := range Languages {
		all[lang] = &Printer{lang: lang, sentences: texts[lang], fallback: texts[French],
			adults: &Printer{lang: lang, sentences: asToAdults(texts[lang]), fallback: asToAdults(texts[French])}}
	}
	return all
})

// For returns the printer of a language, "fr" or "en"; anything else speaks French.
func For(lang string) *Printer {
	all := printers()
	if p, ok := all[lang]; ok {
		return p
	}
	return all[French]
}

// asToAdults are the sentences as adults are told them.
func asToAdults(texts map[string]sentence) map[string]sentence {
	all := maps.Clone(texts)
	for key, s := range texts {
		if plain, ok := strings.CutSuffix(key, toAdults); ok {
			all[plain] = s
		}
	}
	return all
}

// ToAdults speaks the same language to adults: "vous" in French.
func (p *Printer) ToAdults() *Printer {
	if p.adults == nil {
		return p
	}
	return p.adults
}

// SpeaksToAdults says whether this printer does.
func (p *Printer) SpeaksToAdults() bool { return p.adults == nil }

var asked = language.NewMatcher([]language.Tag{language.French, language.English})

// Asked is the language that suits an Accept-Language header (RFC 9110 §12.5.4) best; French where none does.
func Asked(header string) string {
	_, at := language.MatchStrings(asked, header)
	return Languages[at]
}

// Lang is the language as an HTML lang attribute takes it.
func (p *Printer) Lang() string { return p.lang }

// T says the sentence of a key, its placeholders filled from args, which are name, value pairs:
// p.T("chat.place", "n", 3). Whole numbers are grouped as the language groups them. A key missing in
// this language is said in French; one missing everywhere comes back as the key itself, so that a hole
// is seen and never breaks a page.
func (p *Printer) T(key string, args ...any) string {
	s, ok := p.sentences[key]
	if !ok {
		if s, ok = p.fallback[key]; !ok {
			return key
		}
	}
	return s.say(p, args)
}

// Has says whether a key has a sentence in this language or in French.
func (p *Printer) Has(key string) bool {
	_, here := p.sentences[key]
	_, there := p.fallback[key]
	return here || there
}

// Text gives a text of the catalogue (a card, a ready answer) the typography of the language.
func (p *Printer) Text(text string) string {
	if p.lang == French {
		return typography(text)
	}
	return text
}

// Fault says what went wrong and what to do next. An error that is not a fault, or a fault whose
// sentence is missing, gets the general sentence of its kind: a person never reads a code.
func (p *Printer) Fault(err error) string {
	if err == nil {
		return ""
	}
	if f := fault.As(err); f != nil && p.Has(f.Key) {
		return p.T(f.Key, f.Args...)
	}
	return p.T("fault." + string(fault.KindOf(err)))
}

// Path puts a public address into the language: "/" and "/chat" in French, "/en" and "/en/chat" in
// English.
func (p *Printer) Path(path string) string {
	if p.lang == French {
		return path
	}
	if path == "/" {
		return "/" + p.lang
	}
	return "/" + p.lang + path
}

// read parses every file into language → key → sentence. A key written twice in a language, a file
// without a language in its name or a malformed sentence is an error.
func read(fsys fs.FS) (map[string]map[string]sentence, error) {
	texts := map[string]map[string]sentence{}
	for _, lang := range Languages {
		texts[lang] = map[string]sentence{}
	}
	names, err := fs.Glob(fsys, "*.toml")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	for _, name := range names {
		parts := strings.Split(name, ".")
		if len(parts) != 3 || texts[parts[1]] == nil {
			return nil, fmt.Errorf("%s: want <area>.<language>.toml", name)
		}
		lang := parts[1]
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var flat map[string]string
		if _, err := toml.Decode(string(raw), &flat); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for key, text := range flat {
			if _, twice := texts[lang][key]; twice {
				return nil, fmt.Errorf("%s: %q is already in another file", name, key)
			}
			if lang == French {
				text = typography(text)
			}
			s, err := parse(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %q: %w", name, key, err)
			}
			texts[lang][key] = s
		}
	}
	return texts, nil
}

// sentence is a text cut at its placeholders.
type sentence []piece

// piece is literal text, a placeholder (name alone) or a plural form (name, one and other).
type piece struct {
	text       string
	name       string
	one, other sentence
}

func (s sentence) say(p *Printer, args []any) string {
	if len(s) == 1 && s[0].name == "" {
		return s[0].text
	}
	var b strings.Builder
	s.write(&b, p, args)
	return b.String()
}

func (s sentence) write(b *strings.Builder, p *Printer, args []any) {
	for _, piece := range s {
		switch {
		case piece.name == "":
			b.WriteString(piece.text)
		case piece.other != nil:
			if p.singular(value(args, piece.name)) {
				piece.one.write(b, p, args)
			} else {
				piece.other.write(b, p, args)
			}
		default:
			v := value(args, piece.name)
			if v == nil {
				// A forgotten value is shown as its name: a hole to be seen, not a page that fails.
				b.WriteString("{" + piece.name + "}")
				continue
			}
			b.WriteString(p.format(v))
		}
	}
}

// parse cuts a text at its placeholders; plural forms may hold placeholders, not other plural forms.
func parse(text string) (sentence, error) {
	s := sentence{}
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			break
		}
		if open > 0 {
			s = append(s, piece{text: text[:open]})
		}
		text = text[open+1:]
		depth, end := 1, -1
		for i := 0; i < len(text) && end < 0; i++ {
			switch text[i] {
			case '{':
				depth++
			case '}':
				if depth--; depth == 0 {
					end = i
				}
			}
		}
		if end < 0 {
			return nil, fmt.Errorf("a { is not closed")
		}
		inner := text[:end]
		text = text[end+1:]
		forms := strings.Split(inner, "|")
		name := forms[0]
		if name == "" || strings.ContainsAny(name, " {}") {
			return nil, fmt.Errorf("placeholder %q has no name", "{"+inner+"}")
		}
		switch len(forms) {
		case 1:
			s = append(s, piece{name: name})
		case 3:
			one, err := parse(forms[1])
			if err != nil {
				return nil, err
			}
			other, err := parse(forms[2])
			if err != nil {
				return nil, err
			}
			s = append(s, piece{name: name, one: one, other: other})
		default:
			return nil, fmt.Errorf("plural %q wants two forms", "{"+inner+"}")
		}
	}
	if text != "" {
		s = append(s, piece{text: text})
	}
	return s, nil
}

func value(args []any, name string) any {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1]
		}
	}
	return nil
}

// singular follows CLDR for whole numbers: French "one" is 0 and 1, English "one" is 1.
func (p *Printer) singular(v any) bool {
	n, ok := whole(v)
	if !ok {
		return false
	}
	return n == 1 || n == -1 || (n == 0 && p.lang == French)
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case uint64:
		return int64(v), true
	default:
		return 0, false
	}
}

func (p *Printer) format(v any) string {
	if n, ok := whole(v); ok {
		return p.Number(n)
	}
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// Number groups thousands: "12 480" in French, "12,480" in English.
func (p *Printer) Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	if len(digits) < 5 {
		return sign + digits
	}
	sep := ","
	if p.lang == French {
		sep = thin
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(d)
	}
	return b.String()
}
