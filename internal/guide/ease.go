package guide

import (
	"regexp"
	"strings"
	"unicode"
)

// Ease is how easily a text is read.
type Ease struct {
	Words, Sentences int
	// Score is Flesch's reading ease, in French as Kandel and Moles fitted it (1958): 0 to 100, the higher the easier; 60 and more is plain,
	// 80 and more easy.
	Score float64
	// Longest is the words of the longest sentence.
	Longest int
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?:;…]+(?:\s|$)|\n+`)
	address     = regexp.MustCompile(`https?://\S+`)
)

// EaseOf measures a text of a page, headings and lists with it.
func EaseOf(lang string, t Text) (e Ease) {
	syllables := 0
	for sentence := range strings.SplitSeq(sentenceEnd.ReplaceAllString(address.ReplaceAllString(t.plain, ""), "\n"), "\n") {
		words := 0
		for _, word := range strings.FieldsFunc(sentence, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' && r != '-' }) {
			if n := syllablesOf(lang, word); n > 0 {
				words++
				syllables += n
			}
		}
		if words > 0 {
			e.Sentences++
			e.Words += words
			e.Longest = max(e.Longest, words)
		}
	}
	if e.Words == 0 {
		return e
	}
	long, sounds := float64(e.Words)/float64(e.Sentences), float64(syllables)/float64(e.Words)
	if lang == "en" {
		e.Score = 206.835 - 1.015*long - 84.6*sounds
	} else {
		e.Score = 207 - 1.015*long - 73.6*sounds
	}
	return e
}

// syllablesOf counts the groups of vowels of a word; a mute e at its end is none.
func syllablesOf(lang, word string) int {
	folded := strings.Join(fold(word), "")
	n, in := 0, false
	for _, r := range folded {
		vowel := strings.ContainsRune("aeiouy", r)
		if vowel && !in {
			n++
		}
		in = vowel
	}
	mute := strings.HasSuffix(folded, "e") || lang == "fr" && (strings.HasSuffix(folded, "es") || strings.HasSuffix(folded, "ent") && len(folded) > 5)
	if n > 1 && mute && !strings.HasSuffix(strings.ToLower(word), "é") && !strings.HasSuffix(strings.ToLower(word), "és") && !strings.HasSuffix(folded, "le") {
		n--
	}
	if n == 0 && folded != "" && unicode.IsLetter([]rune(folded)[0]) {
		n = 1
	}
	return n
}
