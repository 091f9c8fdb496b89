package contact

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
)

// What is typed in many forms is found under one.
func TestTheSameThingTypedInManyWaysIsFoundUnderOne(t *testing.T) {
	for _, c := range []struct {
		kind   string
		normal string
		typed  []string
	}{
		{kindPhone, "+33612345678", []string{"06 12 34 56 78", "0612345678", "06.12.34.56.78", "+33 6 12 34 56 78", "0033612345678", "+33 (0)6 12 34 56 78", "06-12-34-56-78", "06\u00a012\u202f345678"}},
		{kindPhone, "+32470123456", []string{"+32 470 12 34 56", "0032470123456"}},
		{kindHandle, "dark.wolf_59", []string{"dark.wolf_59", "@dark.wolf_59", "@Dark.Wolf_59", "  DARK.WOLF_59 "}},
		{kindURL, "tiktok.com/@x/video/7", []string{"https://www.tiktok.com/@x/video/7", "http://tiktok.com/@x/video/7/", "TikTok.com/@x/video/7", "https://m.tiktok.com/@x/video/7#comments"}},
		{kindURL, "forum.example.org/t?id=12", []string{"https://forum.example.org/t?id=12", "forum.example.org/t/?id=12"}},
	} {
		for _, typed := range c.typed {
			if got := normals[c.kind](typed); got != c.normal {
				t.Errorf("%s %q: %q; want %q", c.kind, typed, got, c.normal)
			}
		}
	}
	for _, c := range []struct{ kind, typed string }{
		{kindPhone, ""}, {kindPhone, "3018"}, {kindPhone, "06 12 34"}, {kindPhone, "mon numéro"}, {kindPhone, "+" + strings.Repeat("1", 30)}, {kindPhone, "12345678901"},
		{kindHandle, ""}, {kindHandle, "@"}, {kindHandle, "deux mots"}, {kindHandle, "https://x.com/a"},
		{kindURL, ""}, {kindURL, "bonjour"}, {kindURL, "javascript:alert(1)"}, {kindURL, "https://"}, {kindURL, "ftp://a.b/c"},
	} {
		if got := normals[c.kind](c.typed); got != "" {
			t.Errorf("%q is taken for a %s: %q", c.typed, c.kind, got)
		}
	}
}

func FuzzNormals(f *testing.F) {
	for _, s := range []string{"06 12 34 56 78", "@a", "https://www.m.example.org//", "+330330612345678", "http://[::1", "\xff.\xfe/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for kind, normal := range normals {
			once := normal(typed)
			if twice := normal(once); once != "" && twice != once {
				t.Fatalf("%s: %q becomes %q, and that becomes %q", kind, typed, once, twice)
			}
		}
	})
}

// Whatever is typed into a field is refused with a sentence, or kept clean and kept the same.
func FuzzFormValue(f *testing.F) {
	set, err := catalogue.Seeds()
	if err != nil {
		f.Fatal(err)
	}
	var codes []string
	for _, s := range set.Form.Sections {
		for _, field := range s.Fields {
			codes = append(codes, field.Code)
		}
	}
	for i, s := range []string{"yes", "14", "unknown", "line\r\nline", "\x00\x1b[31m", "a\u202eb", "\xff", strings.Repeat("é", 9000)} {
		f.Add(i, s)
	}
	f.Fuzz(func(t *testing.T, which int, typed string) {
		code := codes[uint(which)%uint(len(codes))]
		field, _ := set.Form.Field(code)
		long := field.Type == catalogue.Long
		kept, err := set.Form.Check(code, clean(typed, long))
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.TooLarge {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if again, err := set.Form.Check(code, clean(kept, long)); err != nil || again != kept {
			t.Fatalf("%q is kept as %q, and that as %q, %v", typed, kept, again, err)
		}
		if !utf8.ValidString(kept) || strings.ContainsFunc(kept, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
			t.Fatalf("%q is not clean", kept)
		}
		for _, fact := range set.Form.Facts(map[string]string{code: kept}) {
			if !isCode(fact.Code) {
				t.Fatalf("%q would stand in clear", fact.Code)
			}
		}
	})
}
