package fetch

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var here = &url.URL{Scheme: "https", Host: "www.example.net", Path: "/a/b"}

// What is read of a page is what somebody without scripts sees.
func TestWhatIsReadOfAPage(t *testing.T) {
	for says, row := range map[string]struct {
		page string
		want Page
	}{
		"words in blocks are lines, and blanks are one":  {"<body><h1>Sorry,\n this page</h1><p>isn&#39;t &amp; <b>av</b>ailable.<br>Go<div>  home</div>", Page{Text: "Sorry, this page\nisn't & available.\nGo\nhome"}},
		"scripts, styles and templates are not words":    {"<script>var a='<p>no';</script><style>p{}</style><template><p>no<template>no</template>no</template><p>yes", Page{Text: "yes"}},
		"drawings, frames and films are not words":       {"<svg><title>no</title><text>no</text></svg><iframe>no</iframe><video>no</video><object>no</object><p>yes<svg/> and more", Page{Text: "yes and more"}},
		"comments are not words":                         {"<p>yes<!-- no --><![CDATA[ no ]]>", Page{Text: "yes"}},
		"what is hidden is not seen":                     {"<div hidden>no<div>no</div>no</div><section style='Display : none'>no</section><p>yes<span hidden> no</span>!", Page{Text: "yes!"}},
		"what is said to whoever has no scripts is":      {"<noscript><p>Turn <b>scripts</b> on<script>no</script></noscript><p>please", Page{Text: "Turn scripts on\nplease"}},
		"the first title is the title":                   {"<title> A \n &quot;title&quot; </title><title>Another</title><p>words", Page{Title: `A "title"`, Text: "words"}},
		"the page's own name is taken from its head":     {"<link rel='alternate CANONICAL' href='../c?x=1'><body><link rel=canonical href=/no>", Page{Canonical: "https://www.example.net/c?x=1"}},
		"a name that a visitor writes is not taken":      {"<head></head><link rel=canonical href=/no><body><link rel=canonical href=/no>", Page{}},
		"a name for whoever has no scripts is not taken": {"<noscript><link rel=canonical href=/no></noscript>", Page{}},
		"a name that is none is not taken":               {"<link rel=canonical href='javascript:alert(1)'>", Page{}},
		"a name with a password is not taken":            {"<link rel=canonical href='https://user@www.example.net/'>", Page{}},
		"what it asks of robots is taken from its head":  {"<meta name=Robots content='NOINDEX, nofollow,noindex'><body><meta name=robots content=none>", Page{Robots: []string{"noindex", "nofollow"}}},
		"that it goes on by itself is seen":              {"<meta http-equiv=Refresh content='0; URL=/login'>", Page{Refresh: true}},
		"that it loads again is not going on":            {"<meta http-equiv=refresh content=300>", Page{}},
		"that it goes on without scripts is not":         {"<noscript><meta http-equiv=refresh content='0;url=/plain'></noscript>", Page{}},
		"signs that turn or hide are left out":           {"<title>a\u202eb\u0007c</title><p>x\u200by\u00adz\ufeff \x01w", Page{Title: "abc", Text: "xyz w"}},
		"words end at the bound":                         {"<p>1234567 <p>" + strings.Repeat("é", 100), Page{Text: "1234567\n" + strings.Repeat("é", 92), Cut: true}},
		"words that just fit are whole":                  {"<p>" + strings.Repeat("é", 100) + " ", Page{Text: strings.Repeat("é", 100)}},
		"a blank before the last word counts":            {"<p>" + strings.Repeat("é", 99) + " y", Page{Text: strings.Repeat("é", 99), Cut: true}},
		"a page of nothing is nothing":                   {"", Page{}},
	} {
		got, err := readHTML(strings.NewReader(row.page), here, 100)
		if err != nil {
			t.Errorf("%s: %v", says, err)
		}
		if got.Title != row.want.Title || got.Canonical != row.want.Canonical || !slices.Equal(got.Robots, row.want.Robots) || got.Refresh != row.want.Refresh || got.Text != row.want.Text || got.Cut != row.want.Cut {
			t.Errorf("%s:\n got %+v\nwant %+v", says, got, row.want)
		}
	}
}

// A page is read in the letters that it was written in.
func TestLettersOfAPage(t *testing.T) {
	const want = "Désolé, cette page n’est plus là"
	latin := "D\xe9sol\xe9, cette page n\x92est plus l\xe0"
	for says, row := range map[string]struct{ kind, page string }{
		"UTF-8 that is declared":                         {"text/html; charset=utf-8", want},
		"UTF-8 that nobody declares":                     {"text/html", want},
		"UTF-8 that only shows after the first kilobyte": {"text/html", strings.Repeat("<!-- plain -->", 200) + want},
		"Windows-1252 that is declared":                  {"text/html; charset=ISO-8859-1", latin},
		"Windows-1252 that the page declares":            {"text/html", "<meta charset=windows-1252>" + latin},
		"Windows-1252 that nobody declares":              {"text/html", latin},
		"UTF-16 by its first two bytes":                  {"text/html", "\xff\xfe" + wide(want)},
	} {
		words, err := decoded(strings.NewReader(row.page), row.kind)
		if err != nil {
			t.Errorf("%s: %v", says, err)
			continue
		}
		if got, err := readHTML(words, here, 1000); err != nil || got.Text != want {
			t.Errorf("%s: %q, %v", says, got.Text, err)
		}
	}
}

// wide is UTF-16, little end first, of letters that are one unit each.
func wide(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

// Whatever a page is made of, reading it ends, keeps to its bounds, and leaves text that may be shown.
func FuzzReadHTML(f *testing.F) {
	for _, seed := range []string{
		"<!doctype html><html><head><title>T</title><link rel=canonical href=/x><meta name=robots content=noindex></head><body><p>words<noscript><noscript><p>more",
		"<svg><svg></svg><template><div hidden><span style=display:none>", "<title><title></title></noscript></svg></template>", "<plaintext><p>", "<a b=c b=d \x00\xff\xfe<",
		"<noscript><title>x", "<script><!--<script></script>--></script>", "&#x110000;&#0;&NotEqualTilde;\u202e", "<link rel=canonical href='//\u202eexample'>",
	} {
		f.Add([]byte(seed), "text/html")
		f.Add([]byte(seed), "text/html; charset=iso-2022-jp")
	}
	f.Add([]byte("\xff\xfe<\x00p\x00>\x00"), "text/html; charset=utf-16")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		const max = 50
		words, err := decoded(strings.NewReader(string(data)), kind)
		if err != nil {
			t.Fatal(err)
		}
		page, err := readHTML(words, here, max)
		if err != nil {
			t.Fatal(err)
		}
		plainly, err := readPlain(strings.NewReader(string(data)), max)
		if err != nil {
			t.Fatal(err)
		}
		for bound, text := range map[int][]string{max: {page.Text, plainly.Text}, maxTitle: {page.Title}, 64: page.Robots} {
			for _, text := range text {
				if !utf8.ValidString(text) || utf8.RuneCountInString(text) > bound || text != strings.TrimSpace(text) {
					t.Errorf("%q", text)
				}
				if i := strings.IndexFunc(text, func(r rune) bool {
					return r != '\n' && unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r)
				}); i >= 0 {
					t.Errorf("%q has a sign that may not be shown", text)
				}
			}
		}
		if len(page.Robots) > maxRobots {
			t.Errorf("%d wishes", len(page.Robots))
		}
		if page.Canonical != "" {
			u, err := url.Parse(page.Canonical)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || plain(u.Hostname()) == "" || len(page.Canonical) > maxCanonical {
				t.Errorf("%q is no address", page.Canonical)
			}
		}
	})
}

// No address that can be read gets past the rules for one in another writing: read again, it is the same.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"https://www.example.net/a?b#c", "http://EXAMPLE.net.:080/", "http://127.0.0.1/", "http://[::ffff:7f00:1]/", "http://0x7f.1/", "https://ex\u00e4mple.net", "//x", "http://a@b"} {
		f.Add(seed)
	}
	fetcher := New(Options{})
	scope := Scope{Domains: []string{"example.net"}, Hosts: []string{"127.0.0.1", "::1"}}
	f.Fuzz(func(t *testing.T, text string) {
		p, failure := fetcher.read(text, nil, scope)
		if failure != nil {
			return
		}
		if !scope.holds(p.host) || p.url.User != nil || p.ip.IsValid() && !fetcher.admits(p.ip) {
			t.Errorf("%q is let through as %q", text, p)
		}
		again, failure := fetcher.read(p.String(), nil, scope)
		if failure != nil || again.String() != p.String() || again.host != p.host || again.port != p.port {
			t.Errorf("%q is %q, and read again %q (%v)", text, p, again, failure)
		}
	})
}
