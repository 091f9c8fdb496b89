package address

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// links finds the links of a text, without the words and signs around them. What has no scheme is a link
// where its host is a platform's or seems to be, begins with www., or has a path behind a real ending:
// "merci.voila" is a slip of the thumb.
func (r reader) links(text string) []string {
	var found []string
	for _, token := range strings.FieldsFunc(text, between) {
		for {
			m := begins.FindStringIndex(token)
			if m == nil {
				break
			}
			link := token[m[0]:]
			token = ""
			if i := glued(link); i > 0 {
				link, token = link[:i], link[i:]
			}
			if link = withoutEnd(link); len(link) > m[1]-m[0] {
				found = append(found, link)
			}
		}
		if link, ok := r.bare(token); ok {
			found = append(found, link)
		}
	}
	return found
}

// between are the signs that stand in no link.
func between(c rune) bool {
	return unicode.IsSpace(c) || strings.ContainsRune("<>\"`|«»“”„‹›", c)
}

// glued returns where a second link begins in a link, behind a sign that cannot carry one; -1 for none.
// "…?u=https://" and ".../https://" carry one; "…/abchttps://" are two that lost the space between them.
func glued(link string) int {
	for at := 1; at < len(link); {
		m := begins.FindStringIndex(link[at:])
		if m == nil {
			return -1
		}
		i := at + m[0]
		if !strings.ContainsRune(`=/\?&#%@`, rune(link[i-1])) && i > len("https://") {
			return i
		}
		at += m[1]
	}
	return -1
}

const ellipsis = "…"

// withoutEnd takes away what ends a sentence and not a link. … stays: it says that a link was shortened.
func withoutEnd(link string) string {
	for link != "" {
		if strings.HasSuffix(link, ellipsis) || strings.HasSuffix(link, "...") {
			return link
		}
		last, size := utf8.DecodeLastRuneInString(link)
		switch last {
		case '.', ',', ';', ':', '!', '?', '\'', '’', '*', '·', '。', '、', '，':
		case ')', ']', '}':
			open := map[rune]string{')': "(", ']': "[", '}': "{"}[last]
			if strings.Count(link, open) >= strings.Count(link, string(last)) {
				return link
			}
		default:
			return link
		}
		link = link[:len(link)-size]
	}
	return link
}

// withoutEllipsis says whether a link ends in … or ..., and what stands before.
func withoutEllipsis(link string) (whole string, cut bool) {
	for strings.HasSuffix(link, ellipsis) || strings.HasSuffix(link, "...") {
		link = withoutEnd(strings.TrimRight(strings.TrimSuffix(link, ellipsis), "."))
		cut = true
	}
	return link, cut
}

// firstPart is what stands before the path.
func firstPart(token string) string {
	if i := strings.IndexAny(token, `/\?#`); i > 0 {
		return token[:i]
	}
	return token
}

// pointing is a sign or a picture that people put before a link: → 👉.
func pointing(c rune) bool { return unicode.In(c, unicode.So, unicode.Sm, unicode.Sk) || c == '•' }

var (
	otherScheme = regexp.MustCompile(`(?i)^[a-z][a-z0-9+-]*:`)
	wordBefore  = regexp.MustCompile(`^[^./\\@:]*:`) // "lien:instagram.com/lea"
)

// bare returns the link that a token without a scheme is.
func (r reader) bare(token string) (string, bool) {
	if strings.Contains(token, "://") || len(token) > maxLink {
		return "", false
	}
	if i := strings.LastIndexFunc(firstPart(token), pointing); i >= 0 {
		_, size := utf8.DecodeRuneInString(token[i:])
		token = token[i+size:]
	}
	if m := wordBefore.FindString(token); m != "" {
		token = token[len(m):]
	}
	token = withoutEnd(strings.TrimLeftFunc(token, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '@' }))
	clean, _ := visible(token)
	if otherScheme.MatchString(clean) {
		return "", false
	}
	host := firstPart(clean)
	path := clean[len(host):]
	if strings.ContainsAny(host, "@…%[]") || !strings.ContainsAny(host, ".。．｡") {
		return "", false
	}
	ascii, _, ok := readHost(host)
	if !ok || !strings.Contains(ascii, ".") {
		return "", false
	}
	if _, known := r.platforms.ByHost(ascii); known {
		return token, true
	}
	trouble, _ := r.names.suspect(ascii)
	_, real := publicsuffix.PublicSuffix(ascii)
	return token, trouble == Lookalike || real && (trouble != "" || strings.HasPrefix(ascii, "www.") || len(path) > 1)
}
