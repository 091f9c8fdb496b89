package guide

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Hit is a page that was found.
type Hit struct {
	Page Page
	// Around is a piece of the text where the words stand, "" where they stand in its title or summary.
	Around string
}

// Bounds of a search.
const (
	MaxQuery = 200 // characters; of more, what comes first is searched
	maxTerms = 12
	maxHits  = 40
)

// What a word weighs by where it stands.
const (
	inTitle   = 8
	inWords   = 6
	inSummary = 3
	inHeading = 2
	inBody    = 1
)

// index finds pages by words, in one language. It holds a few hundred pages, so that a plain map does; what is not in it as
// it is typed is looked for among all its words with a letter or two changed.
type index struct {
	lang  string
	pages []Page
	// posts are, by stem, the pages that have it and how much it weighs there.
	posts map[string][]post
	// words are the folded words of all pages, each with its stem, sorted: for beginnings, and for mistakes.
	words []entry
	// byGram are the places in words that have a group of three letters.
	byGram map[string][]int
}

type post struct {
	page   int
	weight float64
}

type entry struct{ word, stem, sound string }

func newIndex(lang string, pages []Page) *index {
	x := &index{lang: lang, pages: pages, posts: map[string][]post{}, byGram: map[string][]int{}}
	known := map[string]bool{}
	for i, p := range pages {
		weights := map[string]float64{}
		add := func(text string, weight float64) {
			for _, word := range fold(text) {
				if stop[lang][word] {
					continue
				}
				s := stem(lang, word)
				weights[s] += weight
				if !known[word] {
					known[word] = true
					x.words = append(x.words, entry{word, s, sound(lang, word)})
				}
			}
		}
		t := p.In(lang)
		add(t.Title, inTitle)
		add(strings.Join(t.Words, " "), inWords)
		add(t.Platform, inTitle)
		add(t.Summary, inSummary)
		for _, h := range t.Headings {
			add(h.Title, inHeading)
		}
		add(t.plain, inBody)
		for s, w := range weights {
			x.posts[s] = append(x.posts[s], post{i, w / (w + 6)}) // a word ten times over does not count ten times
		}
	}
	slices.SortFunc(x.words, func(a, b entry) int { return strings.Compare(a.word, b.word) })
	for i, e := range x.words {
		for _, g := range grams(e.word) {
			x.byGram[g] = append(x.byGram[g], i)
		}
	}
	return x
}

// grams are the groups of three letters of a word, its ends marked.
func grams(word string) []string {
	marked := "^" + word + "$"
	var all []string
	for i := 0; i+3 <= len(marked); i++ {
		all = append(all, marked[i:i+3])
	}
	return all
}

// sound is how a French word is heard, roughly: « arselement » is heard as « harcèlement » is.
func sound(lang, word string) string {
	if lang != "fr" {
		return word
	}
	s := strings.NewReplacer(
		"ch", "5", "ph", "f", "qu", "k", "gn", "n", "eau", "o", "au", "o", "ai", "e", "ei", "e", "ss", "s", "sc", "s", "ce", "se", "ci", "si", "cy", "si",
		"ge", "je", "gi", "ji", "gu", "g", "y", "i", "c", "k", "q", "k", "z", "s", "x", "ks", "h", "", "an", "1", "am", "1", "en", "1", "em", "1", "in", "2", "im", "2", "on", "3", "om", "3",
	).Replace(word)
	s = strings.TrimRight(s, "estdpr")
	var b strings.Builder
	for i, r := range s { // a letter said twice is heard once
		if i == 0 || rune(s[i-1]) != r {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// match is a stem that a typed word may mean, and how likely.
type match struct {
	stem   string
	likely float64
}

// meant are the stems that a typed word may mean: its own; where it is the last, those that begin so; where there is none, those that sound
// so or are a letter or two away.
func (x *index) meant(word string, last bool) []match {
	best := map[string]float64{}
	note := func(s string, likely float64) { best[s] = max(best[s], likely) }
	if s := stem(x.lang, word); len(x.posts[s]) > 0 {
		note(s, 1)
	}
	if last && len(word) >= 2 {
		at, _ := slices.BinarySearchFunc(x.words, word, func(e entry, w string) int { return strings.Compare(e.word, w) })
		for ; at < len(x.words) && strings.HasPrefix(x.words[at].word, word); at++ {
			note(x.words[at].stem, 0.8)
		}
	}
	if len(best) == 0 && len(word) >= 4 {
		heard := sound(x.lang, word)
		shared := map[int]int{}
		for _, g := range grams(word) {
			for _, i := range x.byGram[g] {
				shared[i]++
			}
		}
		for i, e := range x.words {
			if heard != "" && len(heard) > 2 && e.sound == heard {
				note(e.stem, 0.7)
				continue
			}
			if shared[i] == 0 {
				continue
			}
			if d := apart(word, e.word, allowed(word)); d >= 0 {
				note(e.stem, 0.6-0.15*float64(d-1))
			}
		}
	}
	all := make([]match, 0, len(best))
	for s, likely := range best {
		all = append(all, match{s, likely})
	}
	return all
}

// allowed is how many letters may be wrong in a word.
func allowed(word string) int {
	switch n := utf8.RuneCountInString(word); {
	case n >= 8:
		return 2
	case n >= 4:
		return 1
	}
	return 0
}

// apart is how many letters are changed, missing, too many or exchanged between two words (Damerau-Levenshtein, restricted); -1 for more
// than most.
func apart(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > most || -d > most {
		return -1
	}
	before, last, now := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		now[0] = i
		least := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
			least = min(least, now[j])
		}
		if least > most {
			return -1
		}
		before, last, now = last, now, before
	}
	if last[len(y)] > most {
		return -1
	}
	return last[len(y)]
}

// search finds pages, the best first; cut says that what was typed was too long and only its beginning was looked for.
func (x *index) search(typed string, takes func(Page) bool) (hits []Hit, cut bool) {
	if utf8.RuneCountInString(typed) > MaxQuery {
		typed, cut = string([]rune(typed[:min(len(typed), 4*MaxQuery)])[:MaxQuery]), true
	}
	words := fold(typed)
	if kept := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return stop[x.lang][w] }); len(kept) > 0 {
		words = kept
	}
	if len(words) > maxTerms {
		words, cut = words[:maxTerms], true
	}
	scores := map[int]float64{}
	found := map[int]int{} // how many of the words a page has
	var stems []string
	for i, word := range words {
		per := map[int]float64{}
		for _, m := range x.meant(word, i == len(words)-1) {
			stems = append(stems, m.stem)
			rare := math.Log(1 + float64(len(x.pages))/float64(len(x.posts[m.stem])))
			for _, p := range x.posts[m.stem] {
				per[p.page] = max(per[p.page], m.likely*rare*p.weight)
			}
		}
		for page, score := range per {
			scores[page] += score
			found[page]++
		}
	}
	type scored struct {
		page  int
		score float64
	}
	var all []scored
	for page, score := range scores {
		if takes(x.pages[page]) {
			// Who has all the words comes before who has one of them often.
			all = append(all, scored{page, score * float64(found[page]) / float64(len(words))})
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.page, b.page)) })
	for _, s := range all[:min(len(all), maxHits)] {
		if s.score < all[0].score/12 { // the tail says nothing
			break
		}
		hits = append(hits, Hit{x.pages[s.page], x.around(x.pages[s.page], stems)})
	}
	return hits, cut
}

// aroundLength is how much of a text is shown around what was found, in characters.
const aroundLength = 140

// around is the first sentence that has a word, when title and summary have none.
func (x *index) around(p Page, stems []string) string {
	t := p.In(x.lang)
	has := func(text string) bool {
		return slices.ContainsFunc(fold(text), func(w string) bool { return slices.Contains(stems, stem(x.lang, w)) })
	}
	if has(t.Title) || has(t.Summary) {
		return ""
	}
	for line := range strings.SplitSeq(t.plain, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || !has(line) {
			continue
		}
		if r := []rune(line); len(r) > aroundLength {
			line = strings.TrimSpace(string(r[:aroundLength])) + "…"
		}
		return line
	}
	return ""
}
