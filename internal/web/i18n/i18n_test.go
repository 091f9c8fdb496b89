package i18n

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vigie/internal/fault"
)

// Both languages say the same things: every key in both, with the same placeholders. What is said to adults
// differs where a language says it otherwise to them.
func TestBothLanguagesAreComplete(t *testing.T) {
	texts, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	for key, fr := range texts[French] {
		if strings.HasSuffix(key, toAdults) {
			continue
		}
		en, ok := texts[English][key]
		if !ok {
			t.Errorf("%q has no English", key)
			continue
		}
		if a, b := fr.placeholders(map[string]bool{}), en.placeholders(map[string]bool{}); !maps.Equal(a, b) {
			t.Errorf("%q: French asks for %v, English for %v", key, slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
		}
	}
	for key := range texts[English] {
		if _, ok := texts[French][key]; !ok && !strings.HasSuffix(key, toAdults) {
			t.Errorf("%q has no French", key)
		}
	}
}

// A key in the sources is a literal in a call of T, or the literal key of a fault; T("area."+code) is
// checked by its prefix.
var (
	spoken  = regexp.MustCompile(`\.T\(\s*"([a-z0-9_.]+)"(\s*\+)?`)
	faults  = regexp.MustCompile(`"(fault\.[a-z0-9_.]+)"(\s*\+)?`)
	literal = regexp.MustCompile(`"([a-z0-9_]+\.[a-z0-9_.]+)"`)
)

// Every key that the sources speak has a sentence.
func TestEveryKeyInTheSourcesHasASentence(t *testing.T) {
	texts, err := read(files)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	prefixes := []string{}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source := strings.HasSuffix(path, ".templ") ||
			strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_templ.go")
		if !source || filepath.Base(path) == "fault.go" || strings.HasSuffix(path, filepath.Join("web", "i18n", "i18n.go")) {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllStringSubmatch(string(raw), -1) {
			said[m[1]] = true
		}
		for _, pattern := range []*regexp.Regexp{spoken, faults} {
			for _, m := range pattern.FindAllStringSubmatch(string(raw), -1) {
				key, open := m[1], m[2] != "" || strings.HasSuffix(m[1], ".")
				if open {
					prefixes = append(prefixes, key)
					if !hasPrefix(texts[French], key) {
						t.Errorf("%s: no key begins with %q", path, key)
					}
				} else if _, ok := texts[French][key]; !ok {
					t.Errorf("%s: %q has no sentence", path, key)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	idle := []string{}
	for key := range texts[French] {
		if kind, ok := strings.CutPrefix(key, "fault."); ok && !strings.Contains(kind, ".") {
			continue // the general sentence of a kind, said by Fault
		}
		key, _ := strings.CutSuffix(key, toAdults)
		spoken := said[key] || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !spoken {
			idle = append(idle, key)
		}
	}
	slices.Sort(idle)
	if len(idle) > 0 {
		t.Logf("%d keys are not said anywhere yet: %s", len(idle), strings.Join(idle, " "))
	}
}

// One key does one thing: of two acts on one page it would press the first in sight, whichever was meant.
func TestNoTwoActsShareAKey(t *testing.T) {
	for _, lang := range []string{French, English} {
		acts := map[string]string{}
		for name, s := range For(lang).sentences {
			key := s.words()
			if !strings.HasPrefix(key, "Alt ") {
				continue
			}
			if other := acts[key]; other != "" {
				t.Errorf("%s: %s presses %s and %s", lang, key, other, name)
			}
			acts[key] = name
		}
		if len(acts) == 0 {
			t.Errorf("%s: no key was found", lang)
		}
	}
}

func hasPrefix(texts map[string]sentence, prefix string) bool {
	for key := range texts {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// Every kind of fault has a general sentence, so that no error shows a person a code.
func TestEveryFaultCanBeSaid(t *testing.T) {
	kinds := []fault.Kind{fault.Internal, fault.Invalid, fault.NotFound, fault.Forbidden, fault.Unauthenticated, fault.Conflict,
		fault.Gone, fault.TooLarge, fault.TooMany, fault.Unsupported, fault.Unavailable}
	for _, lang := range Languages {
		p := For(lang)
		for _, kind := range kinds {
			if said := p.Fault(fault.New(kind, "fault.nowhere.written")); strings.Contains(said, "fault.") {
				t.Errorf("%s: a fault of kind %s says %q", lang, kind, said)
			}
		}
		if said := p.Fault(os.ErrClosed); said != p.T("fault.internal") {
			t.Errorf("%s: a bare error says %q", lang, said)
		}
	}
}

// The words of a small language file, to show how sentences are said.
var small = fstest.MapFS{
	"small.fr.toml": {Data: []byte(`
"mail"  = "{n|{n} nouveau message|{n} nouveaux messages}"
"place" = "Tu es à la place {n}. Ça va ?"
"only"  = "Seulement en français : « oui »"
`)},
	"small.en.toml": {Data: []byte(`
"mail"  = "{n|{n} new message|{n} new messages}"
"place" = "You are number {n}. All right?"
`)},
}

func smallPrinter(t *testing.T, lang string) *Printer {
	t.Helper()
	texts, err := read(small)
	if err != nil {
		t.Fatal(err)
	}
	return &Printer{lang: lang, sentences: texts[lang], fallback: texts[French]}
}

func TestSaying(t *testing.T) {
	fr, en := smallPrinter(t, French), smallPrinter(t, English)
	for _, c := range []struct{ what, got, want string }{
		{"French counts zero as one", fr.T("mail", "n", 0), "0 nouveau message"},
		{"French one", fr.T("mail", "n", 1), "1 nouveau message"},
		{"French two", fr.T("mail", "n", 2), "2 nouveaux messages"},
		{"English counts zero as many", en.T("mail", "n", 0), "0 new messages"},
		{"English one", en.T("mail", "n", int64(1)), "1 new message"},
		{"large numbers are grouped", fr.T("mail", "n", 12480), "12\u202f480 nouveaux messages"},
		{"the thin space comes by itself", fr.T("place", "n", 2), "Tu es à la place 2. Ça va\u202f?"},
		{"English has none", en.T("place", "n", 2), "You are number 2. All right?"},
		{"what English lacks is said in French", en.T("only"), "Seulement en français\u202f: «\u00a0oui\u00a0»"},
		{"what nobody wrote shows itself", en.T("nothing.here"), "nothing.here"},
		{"a forgotten value shows its name", en.T("place"), "You are number {n}. All right?"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
}

// A broken file is refused with its name and key, rather than half read.
func TestBrokenFilesAreRefused(t *testing.T) {
	for what, file := range map[string]fstest.MapFS{
		"unclosed placeholder":    {"a.fr.toml": {Data: []byte(`"k" = "bonjour {name"`)}},
		"plural with three forms": {"a.fr.toml": {Data: []byte(`"k" = "{n|a|b|c}"`)}},
		"no language in the name": {"a.toml": {Data: []byte(`"k" = "a"`)}},
		"unknown language":        {"a.de.toml": {Data: []byte(`"k" = "a"`)}},
		"the same key twice":      {"a.fr.toml": {Data: []byte(`"k" = "a"`)}, "b.fr.toml": {Data: []byte(`"k" = "b"`)}},
	} {
		if _, err := read(file); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// Hours and days are Paris's, whatever the clock of the server, in summer and in winter.
func TestClock(t *testing.T) {
	fr, en := For(French), For(English)
	summer := time.Date(2026, 7, 1, 19, 4, 0, 0, time.UTC)
	winter := time.Date(2026, 1, 15, 22, 30, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{fr.Time(summer), "21\u00a0h\u00a004"},
		{en.Time(summer), "21:04"},
		{fr.Time(winter), "23\u00a0h\u00a030"},
		{fr.Time(winter.Add(-30 * time.Minute)), "23\u00a0h"},
		{fr.Date(summer), "mercredi 1er\u00a0juillet 2026"},
		{en.Date(winter), "Thursday 15 January 2026"},
		{fr.Day(winter, winter.Add(time.Hour)), "hier"},
		{en.Day(winter, winter.Add(10*time.Minute)), "today"},
		{fr.Duration(20 * time.Second), "moins d'une minute"},
		{fr.Duration(61 * time.Second), "1 minute"},
		{fr.Duration(12 * time.Minute), "12 minutes"},
		{fr.Duration(65 * time.Minute), "1\u00a0h\u00a005"},
		{en.Duration(72 * time.Hour), "3 days"},
		{fr.Short(62 * time.Second), "1:02"},
		{fr.Short(3661 * time.Second), "1:01:01"},
		{en.Path("/chat"), "/en/chat"},
		{en.Path("/"), "/en"},
		{fr.Path("/chat"), "/chat"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A browser says which languages it prefers, and how much.
func TestTheBrowsersLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": French, "fr-FR,fr;q=0.9,en;q=0.8": French, "en-GB,en;q=0.9": English, "en;q=0.3,fr;q=0.9": French,
		"de,en;q=0.5": English, "de": French, "*": French, "fr;q=,,;": French,
	} {
		if got := Asked(header); got != want {
			t.Errorf("%q gives %s, want %s", header, got, want)
		}
	}
}

// placeholders lists the names a sentence asks for, with a mark on the plural ones.
func (s sentence) placeholders(into map[string]bool) map[string]bool {
	for _, piece := range s {
		if piece.name == "" {
			continue
		}
		into[piece.name] = true
		piece.one.placeholders(into)
		piece.other.placeholders(into)
	}
	return into
}
