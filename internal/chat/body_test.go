package chat_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"vigie/internal/chat"
	"vigie/internal/fault"
)

func TestCleanKeepsWordsAndDropsWhatMisleads(t *testing.T) {
	for _, c := range []struct{ name, typed, kept string }{
		{"plain words", "il m'a envoyé ça", "il m'a envoyé ça"},
		{"an accent typed as two signs becomes one", "e\u0301te\u0301", "été"},
		{"line ends of every system", "un\r\ndeux\rtrois\n", "un\ndeux\ntrois"},
		{"control characters", "a\x00b\x07c\x1b[31md\u0085e", "abc[31mde"},
		{"a text that would read backwards", "facture\u202Egpj.exe", "facturegpj.exe"},
		{"a family is one emoji of several joined", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
		{"bytes that are no text", "ab\xff\xfecd", "abcd"},
		{"blank space around", " \t\n bonjour \n\n", "bonjour"},
		{"exactly as long as allowed", strings.Repeat("é", chat.MaxBody), strings.Repeat("é", chat.MaxBody)},
	} {
		kept, err := chat.Clean(c.typed)
		if err != nil || kept != c.kept {
			t.Errorf("%s: %q, %v; want %q", c.name, kept, err, c.kept)
		}
	}
}

func TestCleanRefusesNothingAndTooMuch(t *testing.T) {
	for _, c := range []struct{ name, typed, key string }{
		{"nothing", "", "fault.chat.empty"},
		{"blank space", " \n\t\u00a0\u2003", "fault.chat.empty"},
		{"control characters alone", "\x00\x01\x02", "fault.chat.empty"},
		{"signs that nobody sees", "\u200b\u200d\u2060", "fault.chat.empty"},
		{"one character too many", strings.Repeat("é", chat.MaxBody+1), "fault.chat.too_long"},
		{"a megabyte", strings.Repeat("a", 1<<20), "fault.chat.too_long"},
		{"a megabyte of control characters", strings.Repeat("\x00", 1<<20), "fault.chat.too_long"},
	} {
		_, err := chat.Clean(c.typed)
		if f := fault.As(err); f == nil || f.Key != c.key || f.Kind != fault.Invalid {
			t.Errorf("%s: %v; want %s", c.name, err, c.key)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"bonjour", "e\u0301", "\r\n", "a\u202eb", "\xff", "\U000e0041", "\u1100\u1161", "\x00\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		kept, err := chat.Clean(typed)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("a refusal of kind %s", fault.KindOf(err))
			}
			return
		}
		again, err := chat.Clean(kept)
		if err != nil || again != kept {
			t.Fatalf("cleaning twice gives something else: %q, then %q, %v", kept, again, err)
		}
		if !utf8.ValidString(kept) || !norm.NFC.IsNormalString(kept) || utf8.RuneCountInString(kept) > chat.MaxBody {
			t.Fatalf("%q is not clean", kept)
		}
		for _, r := range kept {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Fatalf("%q holds a control character", kept)
			}
		}
	})
}
