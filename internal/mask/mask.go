// Package mask takes out of what somebody wrote what could tell who she is, so that a guest may read it on a supervisor's screen:
// names, numbers, places, schools, addresses, handles, links, dates, and every word that is not known to be ordinary.
//
// It fails closed. A word is shown only when it is in a list of ordinary words (words/ordinary.*.txt) and no rule takes it away;
// lists of names and places only say what stands in a gap, and take out the ordinary words that are names, too. So a name that
// nobody thought of, a wrong spelling, another alphabet or a sign that hides a letter is a gap, and not a leak. What the lists
// cannot know is a secret told in ordinary words alone ("the baker's daughter"): the rules (rules.go) find the usual ones, numbers
// in words, spelled names, what follows "my name is", and a person reads each message before a guest does.
//
// A gap has the same length whatever it stands for. The room knows no contact and no language: both languages are read at once,
// because the young mix them.
package mask

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Kind is what stands in a gap.
type Kind string

// The kinds of gap.
const (
	Shown   Kind = ""
	Name    Kind = "name"
	Place   Kind = "place"
	School  Kind = "school"
	Address Kind = "address"
	Number  Kind = "number"
	Handle  Kind = "handle"
	Link    Kind = "link"
	Date    Kind = "date"
	Secret  Kind = "secret" // a code, a password
	Word    Kind = "word"   // not known to be ordinary
)

// Kinds lists what a gap may stand for.
var Kinds = []Kind{Name, Place, School, Address, Number, Handle, Link, Date, Secret, Word}

// Known is an answer of the contact's form: it is masked wherever it stands, in pieces, with a letter wrong, or spread out.
type Known struct {
	Kind Kind
	Text string
}

// Options are what is known besides the text.
type Options struct {
	Known []Known
	// Before is what the other one said just before: an answer to "what is your name" is a name, whatever it looks like.
	Before string
	// Also are words that a person takes away, by their number (Part.N).
	Also []int
}

// Part is a word or sign that may be read, or a gap.
type Part struct {
	// N is the number of the word in the text, by which a person may take it away, too; -1 for signs.
	N    int
	Text string // "" in a gap
	Kind Kind
	// Space and Line say that it stands after a space, or on a new line.
	Space, Line bool
}

// Text returns what may be shown of a text.
func Text(text string, o Options) []Part {
	r := read(text)
	r.judge(o)
	return r.parts()
}

// Plain is the parts as one text; label says what is written in a gap.
func Plain(parts []Part, label func(Kind) string) string {
	var b strings.Builder
	for i, p := range parts {
		switch {
		case i == 0:
		case p.Line:
			b.WriteByte('\n')
		case p.Space:
			b.WriteByte(' ')
		}
		if p.Kind != Shown {
			b.WriteString(label(p.Kind))
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// token is a word, a number or a sign.
type token struct {
	text, fold  string
	space, line bool // what stands before
	word        bool // letters or digits; otherwise a sign
	digits      bool // one of them is a digit
	foreign     bool // one of them is of no Latin alphabet
	elided      bool // an apostrophe follows and is part of the text: j', qu'
	capital     bool
	chunk       int // which run of signs without a space it is in
	kind        Kind
	drop        bool // a sign that is not shown
}

type reading struct {
	tokens []token
	shouts bool // everything in capitals: they say nothing
}

// clean is a text without what cannot be seen, and with one form for each letter that has several: full-width and circled digits,
// mathematical letters.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), unicode.Is(unicode.Me, r), unicode.IsControl(r), r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x034F:
			return -1
		case r == '’' || r == 'ʼ' || r == '‘' || r == '`' || r == '´' || r == '′':
			return '\''
		}
		return r
	}, norm.NFKC.String(text)))
}

// fold is a word in lower case without accents.
func fold(word string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(word)) {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'':
		case r == 'œ':
			b.WriteString("oe")
		case r == 'æ':
			b.WriteString("ae")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

var elisions = set("j t m d l c s n qu jusqu lorsqu puisqu quelqu presqu aujourd")

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.N, r) || unicode.Is(unicode.M, r)
}

func read(text string) *reading {
	r := &reading{}
	signs := []rune(clean(text))
	space, line, chunk := false, false, 0
	upper, lower := 0, 0
	for i := 0; i < len(signs); {
		c := signs[i]
		if unicode.IsSpace(c) {
			line = line || c == '\n'
			space = true
			i++
			continue
		}
		if space {
			chunk++
		}
		t := token{space: space, line: line, chunk: chunk}
		space, line = false, false
		if !inWord(c) {
			t.text = string(c)
			r.tokens = append(r.tokens, t)
			i++
			continue
		}
		j := i
		for j < len(signs) && inWord(signs[j]) {
			j++
		}
		// An apostrophe ends a French word that lost its vowel, and is within an English one.
		for j < len(signs) && signs[j] == '\'' {
			if elisions[fold(string(signs[i:j]))] && !(j+1 < len(signs) && strings.ContainsRune("st", signs[j+1]) && len(signs[i:j]) > 2) {
				t.elided = true
				j++
				break
			}
			if j+1 >= len(signs) || !unicode.IsLetter(signs[j+1]) {
				break
			}
			for j++; j < len(signs) && inWord(signs[j]); j++ {
			}
		}
		t.text, t.word = string(signs[i:j]), true
		t.fold = fold(t.text)
		for k, c := range signs[i:j] {
			switch {
			case unicode.IsDigit(c) || unicode.Is(unicode.N, c):
				t.digits = true
			case unicode.IsLetter(c) && !unicode.Is(unicode.Latin, c):
				t.foreign = true
			case unicode.IsUpper(c):
				upper++
				t.capital = t.capital || k == 0
			case unicode.IsLower(c):
				lower++
			}
		}
		r.tokens = append(r.tokens, t)
		i = j
	}
	r.shouts = upper > 3 && upper > lower
	return r
}

// judge decides on each token: first alone, then by what stands around it.
func (r *reading) judge(o Options) {
	for i := range r.tokens {
		r.alone(&r.tokens[i])
	}
	r.signs()
	for _, rule := range rules {
		rule(r)
	}
	r.known(o.Known)
	r.answers(o.Before)
	r.chunks()
	n := 0
	for i := range r.tokens {
		if t := &r.tokens[i]; t.word {
			if slices.Contains(o.Also, n) && t.kind == Shown {
				t.kind = Word
			}
			n++
		}
	}
}

// alone judges a token by itself.
func (r *reading) alone(t *token) {
	switch {
	case !t.word:
	case t.foreign:
		t.kind = Word
	case t.digits:
		t.kind = Number
	case t.elided:
		if !elisions[t.fold] {
			t.kind = Word
		}
	case firstNames[t.fold] || firstNames[possessor(t)]:
		t.kind = Name
	case places[t.fold] || places[possessor(t)]:
		t.kind = Place
	case ordinary[t.fold] != 0 || strings.Contains(t.text, "'") && ordinary[possessor(t)] != 0:
	case numberWords[t.fold] != 0:
	default:
		t.kind = Word
	}
}

// possessor is whose something is: "mum" in "mum's".
func possessor(t *token) string {
	if whose, ok := strings.CutSuffix(strings.ToLower(t.text), "'s"); ok {
		return fold(whose)
	}
	return ""
}

// plainSigns are the signs that say nothing by themselves, when there is one of them or the same a few times.
const plainSigns = ".,;:!?…()«»\"'-–—/€$%&*+=~"

// plainPictures are the emoji that say how somebody is, and nothing else.
const plainPictures = "😭😢😔😞😟😥😰😨😱😳😡😠🤬🙏🙂😊😅😂🤣😁😀😃😄😉😍🥰😘😬😐😕☹😩😫🥺😖😣💔❤♥👍👎🤷🤦😓🙄😶🤢🤮😴💀🔥✨💕💙😮🥲🫠"

// signs drops signs that could spell something (dots and dashes, keys, flags) and pictures that are not known.
func (r *reading) signs() {
	for i := 0; i < len(r.tokens); i++ {
		if r.tokens[i].word {
			continue
		}
		j := i
		var different []string
		for ; j < len(r.tokens) && !r.tokens[j].word; j++ {
			if s := r.tokens[j].text; strings.Contains(plainSigns, s) && !slices.Contains(different, s) {
				different = append(different, s)
			}
		}
		morse := slices.Contains(different, ".") && slices.ContainsFunc(different, func(s string) bool { return strings.Contains("-–—_", s) })
		for k := i; k < j; k++ {
			t := &r.tokens[k]
			t.drop = morse || j-i > 6 || !strings.Contains(plainSigns, t.text) && !strings.Contains(plainPictures, t.text)
		}
		i = j - 1
	}
}

// chunks masks what hangs together as one: a handle with a dash, an address with dots. One gap in it makes it one.
func (r *reading) chunks() {
	for i := 0; i < len(r.tokens); {
		j, kind, joined := i, Shown, false
		for ; j < len(r.tokens) && r.tokens[j].chunk == r.tokens[i].chunk; j++ {
			t := r.tokens[j]
			if t.kind != Shown && (kind == Shown || kind == Word) {
				kind = t.kind
			}
			joined = joined || !t.word && strings.ContainsAny(t.text, "-_–")
		}
		if joined && kind != Shown {
			for k := i; k < j; k++ {
				if t := &r.tokens[k]; t.word && t.kind == Shown && !t.elided {
					t.kind = kind
				}
			}
		}
		i = j
	}
}

// parts are the tokens as they may be read: gaps that follow one another are one gap, and no sign within them is kept.
func (r *reading) parts() []Part {
	var all []Part
	n, gap := 0, -1 // gap is the part that a gap just before is in
	space, line := false, false
	for i, t := range r.tokens {
		number := -1
		if t.word {
			number = n
			n++
		}
		space, line = space || t.space, line || t.line
		switch {
		case !t.word && (t.drop || gap >= 0 && r.gapAfter(i)):
			if t.drop && gap < 0 && !strings.Contains(plainSigns, t.text) {
				all = append(all, Part{N: -1, Kind: Word, Space: space, Line: line})
				gap = len(all) - 1
				space, line = false, false
			}
			continue
		case t.kind != Shown && gap >= 0:
			if all[gap].Kind == Word {
				all[gap].Kind = t.kind
			}
			space, line = false, false
			continue
		case t.kind != Shown:
			all = append(all, Part{N: number, Kind: t.kind, Space: space, Line: line})
			gap = len(all) - 1
		default:
			all = append(all, Part{N: number, Text: t.text, Space: space, Line: line})
			gap = -1
		}
		space, line = false, false
	}
	return all
}

// gapAfter says whether the next word is a gap, so that the signs before it are within one.
func (r *reading) gapAfter(i int) bool {
	for _, t := range r.tokens[i:] {
		if t.word {
			return t.kind != Shown
		}
	}
	return false
}
