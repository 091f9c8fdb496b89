package mask

import (
	_ "embed"
	"strings"
)

//go:embed words/ordinary.fr.txt
var frenchWords string

//go:embed words/ordinary.en.txt
var englishWords string

//go:embed words/names.txt
var nameWords string

//go:embed words/places.txt
var placeWords string

//go:embed words/places.long.txt
var longPlaces string

// What an ordinary word may be.
const (
	plain  = 1 + iota
	naming // a noun or an adjective, of which a name may be made: "collège du Parc"
)

var (
	ordinary   = readWords(frenchWords, englishWords)
	firstNames = set(withoutNotes(nameWords))
	places     = set(withoutNotes(placeWords))
	placesLong = phrases(longPlaces)
)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		all[w] = true
	}
	return all
}

func phrases(lines string) [][]string {
	var all [][]string
	for line := range strings.Lines(lines) {
		if words := strings.Fields(line); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

func withoutNotes(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

var (
	erEnds = strings.Fields("er e es ons ez ent ais ait ions iez aient ee ees erai eras era erons erez eront erais erait eraient ant")
	irEnds = strings.Fields("ir is it issons issez issent issais issait issaient isse i ie ies irai ira iront irais irait issant")
)

func readWords(files ...string) map[string]int {
	all := map[string]int{}
	add := func(w string, what int) { all[w] = max(all[w], what) }
	for _, file := range files {
		for line := range strings.Lines(withoutNotes(file)) {
			how, words, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(how, " ") {
				how, words = "", line
			}
			for w := range strings.FieldsSeq(words) {
				w = fold(strings.ReplaceAll(w, "-", " "))
				if parts := strings.Fields(w); len(parts) > 1 {
					for _, p := range parts {
						add(p, plain)
					}
					continue
				}
				switch how {
				case "er":
					stem := strings.TrimSuffix(w, "er")
					for _, end := range erEnds {
						if (strings.HasSuffix(stem, "g")) && (strings.HasPrefix(end, "a") || strings.HasPrefix(end, "o")) {
							end = "e" + end
						}
						add(stem+end, plain)
					}
				case "ir":
					for _, end := range irEnds {
						add(strings.TrimSuffix(w, "ir")+end, plain)
					}
				case "verb":
					add(w, plain)
					for _, form := range englishForms(w) {
						add(form, plain)
					}
				case "noun":
					add(w, naming)
					add(w+"s", naming)
					add(w+"x", naming)
					if strings.HasSuffix(w, "al") {
						add(strings.TrimSuffix(w, "l")+"ux", naming)
					}
				case "adj":
					for _, form := range adjectiveForms(w) {
						add(form, naming)
					}
				default:
					add(w, plain)
				}
			}
		}
	}
	for w := range numberWords {
		if all[w] == 0 {
			all[w] = plain
		}
	}
	return all
}

func englishForms(w string) []string {
	switch {
	case strings.HasSuffix(w, "e"):
		return []string{w + "s", w + "d", strings.TrimSuffix(w, "e") + "ing"}
	case strings.HasSuffix(w, "y") && !strings.ContainsAny(w[len(w)-2:len(w)-1], "aeiou"):
		stem := strings.TrimSuffix(w, "y")
		return []string{stem + "ies", stem + "ied", w + "ing"}
	case strings.HasSuffix(w, "sh"), strings.HasSuffix(w, "ch"), strings.HasSuffix(w, "s"), strings.HasSuffix(w, "x"):
		return []string{w + "es", w + "ed", w + "ing"}
	}
	double := w + w[len(w)-1:]
	return []string{w + "s", w + "ed", w + "ing", double + "ed", double + "ing"}
}

func adjectiveForms(w string) []string {
	all := []string{w, w + "s", w + "e", w + "es", w + "er", w + "est", w + "ly", w + "r", w + "st"}
	switch {
	case strings.HasSuffix(w, "eux"):
		all = append(all, strings.TrimSuffix(w, "x")+"se", strings.TrimSuffix(w, "x")+"ses")
	case strings.HasSuffix(w, "if"):
		all = append(all, strings.TrimSuffix(w, "f")+"ve", strings.TrimSuffix(w, "f")+"ves")
	case strings.HasSuffix(w, "el"):
		all = append(all, w+"le", w+"les")
	case strings.HasSuffix(w, "er"):
		all = append(all, strings.TrimSuffix(w, "er")+"ere", strings.TrimSuffix(w, "er")+"eres")
	case strings.HasSuffix(w, "al"):
		all = append(all, strings.TrimSuffix(w, "l")+"ux")
	case strings.HasSuffix(w, "y"):
		stem := strings.TrimSuffix(w, "y")
		all = append(all, stem+"ier", stem+"iest", stem+"ily")
	}
	return all
}

// numberWords are numbers in words; those that are more often something else count only between others.
var numberWords = func() map[string]int {
	all := map[string]int{}
	for w := range set(`zero deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt vingts trente quarante cinquante soixante
		septante octante huitante nonante cent cents mille
		two three four five seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
		hundred thousand nought`) {
		all[w] = sure
	}
	for w := range set("un une o oh one double triple") {
		all[w] = between
	}
	return all
}()

const (
	sure = 1 + iota
	between
)

var months = set(`janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre january february march april may june july august september october november december jan feb aug sept oct nov dec`)

// ordinals name a day of a month in English.
var ordinals = set(`first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth premier`)
