// Package words keeps the two lists a resume code is drawn from: 4,096 French and 4,096 English words.
//
// A child who wants to come back later takes four words away with her, on paper or in her head, and says
// or types them weeks afterwards, on the phone as well as in the chat. So the lists hold common, friendly
// words without an accent, without two that sound the same, and with nothing that could hurt or frighten,
// or tell whoever finds the paper what it is for. 4,096 is 2¹²: four words are 48 bits, drawn without
// bias, which the slow hash and the budget of wrong tries make too many to guess.
//
// The room knows words only. Which contact a code belongs to, how it is hashed and how often one may try
// are the contact room's.
package words

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Size is the number of words of each list.
const Size = 4096

// maxTyped bounds what Normalise reads, in bytes. A code is under 50; the rest is a mistake or an attack.
const maxTyped = 1024

//go:embed fr.txt
var french string

//go:embed en.txt
var english string

// A list costs its slice of headers (64 KB), made when first asked for; the letters stay in the program's
// own text.
var lists = map[string]func() []string{
	"fr": sync.OnceValue(func() []string { return strings.Fields(french) }),
	"en": sync.OnceValue(func() []string { return strings.Fields(english) }),
}

// list is the shared list of a language; nil when there is none.
func list(lang string) []string {
	get, ok := lists[lang]
	if !ok {
		return nil
	}
	return get()
}

// List returns a copy of the Size words of "fr" or "en", sorted, each of 3 to 9 letters a to z; nil for
// any other language. It is for tests: the program only picks and looks up.
func List(lang string) []string { return slices.Clone(list(lang)) }

// Index returns the place of a word in its list, 0 to Size-1. The word must be exact: tokens of Normalise.
func Index(lang, word string) (int, bool) { return slices.BinarySearch(list(lang), word) }

// Normalise splits what a person typed or a counsellor heard into tokens of letters a to z, in order.
// Capitals and accents are folded ("Forêt" is foret, "cœur" is coeur); spaces, hyphens, commas, dots,
// apostrophes, digits ("1. lune 2. chat") and every other sign separate. It judges nothing: the tokens
// may be any number and may be in no list. Only the first kilobyte is read.
func Normalise(typed string) []string {
	if len(typed) > maxTyped {
		typed = typed[:maxTyped]
	}
	var tokens []string
	var token strings.Builder
	end := func() {
		if token.Len() > 0 {
			tokens = append(tokens, token.String())
			token.Reset()
		}
	}
	for _, r := range norm.NFKD.String(typed) {
		switch r = unicode.ToLower(r); {
		case 'a' <= r && r <= 'z':
			token.WriteByte(byte(r))
		case r == 'œ':
			token.WriteString("oe")
		case r == 'æ':
			token.WriteString("ae")
		case r == 'ß':
			token.WriteString("ss")
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
			// An accent that was set apart from its letter, or an invisible sign a copy brought along
			// (soft hyphen, zero-width space): neither ends a word.
		default:
			end()
		}
	}
	end()
	return tokens
}

// Pick draws four words of "fr" or "en" from the system's random source, each of the Size words equally
// likely and independent of the others (the same word may come twice; forbidding it would cost a part of
// the 48 bits for nothing). It fails only for a language without a list.
func Pick(lang string) ([4]string, error) {
	var code [4]string
	words := list(lang)
	if words == nil {
		return code, fmt.Errorf("words: no list for language %q", lang)
	}
	var bits [2 * len(code)]byte
	if _, err := rand.Read(bits[:]); err != nil {
		return code, fmt.Errorf("words: %w", err)
	}
	for i := range code {
		// Size is a power of two: the low 12 of 16 random bits are a fair draw.
		code[i] = words[(int(bits[2*i])<<8|int(bits[2*i+1]))%Size]
	}
	return code, nil
}
