package guide

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/kljensen/snowball/english"
	"github.com/kljensen/snowball/french"
)

// fold parts a text into words: lower case, no accents, letters and digits only. « L'œuvre » is "l", "oeuvre".
func fold(text string) []string {
	var words []string
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			words = append(words, b.String())
			b.Reset()
		}
	}
	for _, r := range norm.NFKD.String(strings.ToLower(text)) {
		switch {
		case r == 'œ':
			b.WriteString("oe")
		case r == 'æ':
			b.WriteString("ae")
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // an accent, alone after NFKD
		default:
			end()
		}
	}
	end()
	return words
}

// stem is what the forms of a word have in common: « harcèlement », « harceler » and « harcelée » share theirs. word is folded. The
// stemmer wants accents, which many who search do not type; without them it cuts a little less, and alike on both sides.
func stem(lang, word string) string {
	if len(word) < 4 {
		return word
	}
	if lang == "en" {
		return english.Stem(word, false)
	}
	s := french.Stem(word, false)
	// What keeps a mute ending only for want of its accent.
	for _, ending := range []string{"ee", "es", "er", "ez", "e"} {
		if len(s) > len(ending)+3 && strings.HasSuffix(s, ending) {
			return s[:len(s)-len(ending)]
		}
	}
	return s
}

// stop are words that say nothing about what a text is about.
var stop = map[string]map[string]bool{
	"fr": set("a au aux avec ce ces cet cette c d dans de des du elle elles en est et eux il ils j je l la le les leur leurs lui m ma mais me meme mes moi mon n ne nos notre nous on ou par pas pour qu que qui s sa se ses si son sont sur t ta te tes toi ton tu un une vos votre vous y ai as ont suis es fait faire quoi comment quand"),
	"en": set("a an and are as at be but by for from has have he her his how i if in is it its me my no not of on or our she so that the their them they this to us was we what when who with you your do does"),
}

func set(words string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		all[word] = true
	}
	return all
}
