package replies

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// unread are the elements whose text nobody reads on a page.
var unread = map[string]bool{"script": true, "style": true, "title": true, "template": true, "svg": true, "textarea": true, "iframe": true}

// breaks are the elements that begin a line.
var breaks = map[string]bool{
	"p": true, "div": true, "br": true, "tr": true, "li": true, "ul": true, "ol": true, "table": true, "blockquote": true, "pre": true,
	"h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "hr": true, "section": true, "article": true, "header": true, "footer": true,
}

// textOf is what a page of HTML says, without loading anything of it. An address stands behind the words that lead to it, so
// that a link cannot say one thing and lead elsewhere.
func textOf(page string) string {
	z := html.NewTokenizer(strings.NewReader(page))
	z.SetMaxBuf(textLimit)
	var b strings.Builder
	var hidden, target, said string
	depth := 0 // of hidden in itself
	line := func() {
		if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
			b.WriteByte('\n')
		}
	}
	endLink := func() {
		if target != "" && strings.TrimSpace(said) != target && b.Len() < 2*textLimit {
			b.WriteString(" <" + target + ">")
		}
		target, said = "", ""
	}
	for {
		switch token := z.Next(); token {
		case html.ErrorToken:
			endLink()
			return b.String()
		case html.TextToken:
			text := string(z.Text())
			if hidden != "" {
				continue
			}
			words := strings.Join(strings.Fields(text), " ")
			if words == "" {
				if s := b.String(); s != "" && !strings.HasSuffix(s, " ") && !strings.HasSuffix(s, "\n") {
					b.WriteByte(' ')
				}
				continue
			}
			if first, _ := utf8.DecodeRuneInString(text); unicode.IsSpace(first) && b.Len() > 0 && !strings.HasSuffix(b.String(), " ") && !strings.HasSuffix(b.String(), "\n") {
				b.WriteByte(' ')
			}
			b.WriteString(words)
			if target != "" && len(said) < 2000 {
				said += words
			}
			if last, _ := utf8.DecodeLastRuneInString(text); unicode.IsSpace(last) {
				b.WriteByte(' ')
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, attrs := z.TagName()
			tag := string(name)
			switch {
			case hidden != "":
				if tag == hidden {
					depth++
				}
			case unread[tag] && token == html.StartTagToken:
				hidden, depth = tag, 1
			case breaks[tag]:
				line()
			case tag == "a":
				endLink()
				for attrs {
					var key, value []byte
					key, value, attrs = z.TagAttr()
					if address := strings.TrimSpace(string(value)); string(key) == "href" && (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")) && len(address) < 2000 {
						target = address
					}
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			switch {
			case hidden != "":
				if tag == hidden {
					if depth--; depth == 0 {
						hidden = ""
					}
				}
			case tag == "a":
				endLink()
			case breaks[tag]:
				line()
			}
		}
	}
}
