package typed_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/internal/typed"
)

func TestTypedTextIsFitToBeKept(t *testing.T) {
	for given, want := range map[string]struct{ text, line string }{
		"  Elle a peur.\r\nSa mère sait.\n": {"Elle a peur.\nSa mère sait.", "Elle a peur. Sa mère sait."},
		"a\tb\rc":                           {"a b c", "a b c"},
		"a\x00b\x1b[31mc\u0085d":            {"ab[31mcd", "ab[31mcd"},
		"a\u202egnp.exe\u2066\u200e\u061c":  {"agnp.exe", "agnp.exe"},
		"caf\xe9 \ufffe\ufdd0\ufeff":        {"caf", "caf"},
		"👩\u200d👧 🏴\U000e0067\U000e007f":    {"👩\u200d👧 🏴\U000e0067\U000e007f", "👩\u200d👧 🏴\U000e0067\U000e007f"},
		"\U000e0001x":                       {"x", "x"},
		"\n\u202e\x00":                      {"", ""},
	} {
		if got := typed.Text(given); got != want.text {
			t.Errorf("Text(%q) is %q, want %q", given, got, want.text)
		}
		if got := typed.Line(given); got != want.line {
			t.Errorf("Line(%q) is %q, want %q", given, got, want.line)
		}
	}
}

// Once fit, a text stays as it is.
func FuzzTyped(f *testing.F) {
	for _, s := range []string{"bonjour", "a\u202eb\r\nc", "\xff\x00\n", " \r \r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, fit := range map[string]func(string) string{"Text": typed.Text, "Line": typed.Line} {
			got := fit(s)
			if again := fit(got); again != got || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r\u202e") || name == "Line" && strings.Contains(got, "\n") {
				t.Errorf("%s(%q) is %q, and again %q", name, s, got, again)
			}
		}
	})
}
