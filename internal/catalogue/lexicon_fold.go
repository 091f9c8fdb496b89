package catalogue

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lexeme is a word, a number or a sign of a text, folded: lower case, no accent.
type lexeme struct {
	start, end       int32 // bytes in the text
	keyStart, keyEnd int32 // bytes of the folded word in scratch.folded
	number           int32 // the value of a number, -1 otherwise
	letters, digits  bool
	doubled          bool // two equal letters in a row
	soft, hard       bool // a comma, or the end of a sentence, stands before
}

// latin folds the letters up to U+024F; what is not in it goes through Unicode's own tables.
var latin = func() (table [0x250]string) {
	special := map[rune]string{'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ß': "ss", 'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l", 'đ': "d", 'Đ': "d", 'ð': "d", 'þ': "th", 'ı': "i"}
	for r := rune(0x80); r < 0x250; r++ {
		if s, ok := special[r]; ok {
			table[r] = s
			continue
		}
		table[r] = decompose(r)
	}
	return table
}()

// decompose returns the plain lower-case letters and digits behind a character, "" when there are none:
// "é" → "e", "𝓶" → "m", "①" → "1".
func decompose(r rune) string {
	var b strings.Builder
	for _, d := range norm.NFKD.String(string(unicode.ToLower(r))) {
		d = unicode.ToLower(d)
		if d < utf8.RuneSelf && (d >= 'a' && d <= 'z' || d >= '0' && d <= '9') || d >= utf8.RuneSelf && unicode.IsLetter(d) {
			b.WriteRune(d)
		}
	}
	return b.String()
}

// foldRune returns the folded form of r; "" when r is no letter and no digit.
func foldRune(r rune) string {
	switch {
	case r < 0x250:
		return latin[r]
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.No, r), unicode.Is(unicode.So, r) && r < 0x2600:
		return decompose(r)
	}
	return ""
}

// silentRune says whether r is written and says nothing: a combining accent, a joiner, a skin tone.
func silentRune(r rune) bool {
	return r == 0x200B || r == 0x200C || r == 0x200D || r == 0x2060 || r == 0xFEFF || r == 0xAD ||
		r >= 0xFE00 && r <= 0xFE0F || r >= 0x1F3FB && r <= 0x1F3FF || unicode.Is(unicode.Mn, r)
}

// elision says whether a French word before an apostrophe stands for a word of its own: j', qu', jusqu'.
func elision(word []byte) bool {
	switch string(word) {
	case "j", "t", "m", "d", "l", "c", "s", "n", "qu", "jusqu", "lorsqu", "puisqu":
		return true
	}
	return false
}

// lex cuts text into lexemes, kept in s.lexemes and s.folded.
func (s *scratch) lex(text string) {
	s.lexemes, s.folded = s.lexemes[:0], s.folded[:0]
	var cur lexeme
	open, soft, hard := false, false, false
	var last byte
	begin := func(at int) {
		if !open {
			cur = lexeme{start: int32(at), keyStart: int32(len(s.folded)), number: -1, soft: soft, hard: hard}
			open, soft, hard, last = true, false, false, 0
		}
	}
	finish := func(at int) {
		if !open {
			return
		}
		open = false
		cur.end, cur.keyEnd = int32(at), int32(len(s.folded))
		if cur.digits && !cur.letters {
			cur.number = number(s.folded[cur.keyStart:cur.keyEnd])
		}
		s.lexemes = append(s.lexemes, cur)
	}
	add := func(at int, c byte) {
		begin(at)
		if c >= '0' && c <= '9' {
			cur.digits = true
		} else {
			cur.letters = true
			cur.doubled = cur.doubled || c == last
		}
		last = c
		s.folded = append(s.folded, c)
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			add(i, c)
			i++
			continue
		case c >= 'A' && c <= 'Z':
			add(i, c+'a'-'A')
			i++
			continue
		case c == ' ':
			finish(i)
			i++
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case silentRune(r):
		case r == '\'' || r == '’' || r == '‘' || r == '`' || r == '´' || r == 'ʼ':
			// "j'ai" is two words, "don't" and "hes" are one.
			if open && elision(s.folded[cur.keyStart:]) {
				finish(i)
			}
		case r == '*' && open && i+1 < len(text) && isASCIILetter(text[i+1]):
			add(i, '*') // "su*cide"
		case r == '\n' || r == '!' || r == '?' || r == '.':
			finish(i)
			// Dots that trail off do not end a thought: "je veux... mourir".
			if r == '.' && i+1 < len(text) && text[i+1] == '.' {
				for i+1 < len(text) && text[i+1] == '.' {
					i++
				}
				soft = true
			} else {
				hard = true
			}
		case r == ',' || r == ';' || r == ':' || r == '(' || r == ')' || r == '…' || r == '—' || r == '–' || r == '"' || r == '«' || r == '»':
			finish(i)
			soft = true
		default:
			if folded := foldRune(r); folded != "" {
				for j := range len(folded) {
					add(i, folded[j])
				}
				break
			}
			finish(i)
			if r != utf8.RuneError && (unicode.IsSymbol(r)) { // an emoji or a currency is a word of its own
				begin(i)
				s.folded = append(s.folded, text[i:i+size]...)
				finish(i + size)
			}
		}
		i += size
	}
	finish(len(text))
}

func isASCIILetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// number reads up to nine digits; -1 for more.
func number(digits []byte) int32 {
	if len(digits) > 9 {
		return -1
	}
	n := int32(0)
	for _, d := range digits {
		n = 10*n + int32(d-'0')
	}
	return n
}

// squeeze writes word to dst without its repeated letters: "mourrirrr" → "mourir". Digits stay.
func squeeze(dst, word []byte) []byte {
	for i, c := range word {
		if i > 0 && c == word[i-1] && (c < '0' || c > '9') {
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// folded returns text for a search field: plain lower-case words with one space between.
func folded(text string) string {
	var b strings.Builder
	space := true
	for _, r := range text {
		f := ""
		switch {
		case r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9'):
			f = string(r)
		case r >= 'A' && r <= 'Z':
			f = string(r - 'A' + 'a')
		case silentRune(r):
			continue
		case r >= utf8.RuneSelf:
			f = foldRune(r)
		}
		switch {
		case f != "":
			b.WriteString(f)
			space = false
		case !space:
			b.WriteByte(' ')
			space = true
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}
