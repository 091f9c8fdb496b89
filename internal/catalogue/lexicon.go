package catalogue

import (
	"cmp"
	"slices"
	"strings"
)

// Lexicon hears danger in what a child types. It is a list that anybody can read and an editor can
// change: each entry says which words it hears, how much they weigh and why. It only ever raises a
// priority and rings a bell; it answers nobody and discards nothing, so a false alarm costs little and
// a miss costs much.
//
// Words are compared without accents, case, doubled letters or punctuation, after the spellings of
// chat have been written out ("jveu" → "je veux"). A phrase is written in the same plain words:
//
//	je <want> <die>        a word of each class, one after the other
//	(prendre|avaler) tout  one of several
//	envie de? <die>        the word before ? may be missing
//	menac*                 any word that begins so (four letters at least)
//	photo .. tout le monde up to three words in between; ..6 says up to six
//
// Idioms take back what they cover ("je meurs de faim"), a negation or a joke softens a hit and never
// silences it unless the entry says so.
type Lexicon struct {
	head
	// Fillers are words that change nothing: "vraiment", "just".
	Fillers []string `toml:"fillers"`
	// Distinct are words that must not be taken for another by a doubled letter or a typing slip:
	// "poisson" is not "poison".
	Distinct []string `toml:"distinct"`
	// Typos are words that are still heard with one slip of the thumb: "sucide".
	Typos []string `toml:"typos"`
	// Spelling writes out the spellings of chat: "jveu" = "je veux".
	Spelling map[string]string `toml:"spelling"`
	// Joined are short words that chat glues to the next one: j = "je" reads "jcraque" as "je craque".
	Joined   map[string]string `toml:"joined"`
	Classes  []WordClass       `toml:"class"`
	Negation Negation          `toml:"negation"`
	Joking   Joking            `toml:"joking"`
	// Idioms are phrases that mean no harm.
	Idioms   []string   `toml:"idioms"`
	Entries  []Entry    `toml:"entry"`
	Together []Together `toml:"together"`

	machine *machine
	byCode  map[string]int
}

// WordClass is a set of words that stand for one another, written <name> in phrases.
type WordClass struct {
	Name  string   `toml:"name"`
	Words []string `toml:"words"`
	// Range takes the whole numbers between two, both included: [18, 99].
	Range []int `toml:"range"`
}

// Negation is how "je veux pas mourir" is heard: whoever says so is thinking of it.
type Negation struct {
	Words []string `toml:"words"`
	// Before is how many words before a phrase a negation still counts, and Stops the words that end
	// its reach: in "je sais pas je veux mourir" the second "je" does.
	Before int      `toml:"before"`
	Stops  []string `toml:"stops"`
	// Undo are words that turn a negation round again: "j'arrête pas de", "I can't stop".
	Undo []string `toml:"undo"`
	// Level and Percent are what is left of the entry's own.
	Level   int `toml:"level"`
	Percent int `toml:"percent"`
}

// Joking is how "je vais me tuer mdr" is heard: one level down.
type Joking struct {
	Phrases []string `toml:"phrases"`
	Percent int      `toml:"percent"`
}

// Entry is one thing that is heard.
type Entry struct {
	Code   string `toml:"code"`
	Danger string `toml:"danger"`
	// Level 3 may be a life in danger now, 2 a grave danger, 1 a sign to be looked at.
	Level int `toml:"level"`
	// Weight is what a hit adds to the priority, in points.
	Weight int `toml:"weight"`
	// Reason is what the counsellor reads: "dit vouloir mourir".
	Reason Text `toml:"reason"`
	// Negated says what a negation does to it: "soften" (also when absent), "drop" or "keep".
	Negated string `toml:"negated"`
	// Before has a negation count that stands before the phrase too ("pas envie de …"), not only inside it.
	Before bool `toml:"negated_before"`
	// Signal entries say nothing by themselves; they are heard together with others.
	Signal  bool     `toml:"signal"`
	Phrases []string `toml:"phrases"`
}

// Together is an entry heard when several others are in one text: money and pictures make sextortion.
type Together struct {
	Code string `toml:"code"` // the entry that is heard
	// All must be heard; each may name alternatives: "image|images_threat".
	All []string `toml:"all"`
	// Within is the greatest distance in words from the first to the last; 0 for the whole text.
	Within int `toml:"within"`
}

// Softening says why a hit weighs less than its entry.
type Softening string

// The softenings.
const (
	Unsoftened Softening = ""
	Negated    Softening = "negated"
	Joked      Softening = "joking"
)

// Hit is one entry heard in a text, with its explanation. Phrase holds words of a person: it is sealed
// wherever it is kept and is never logged.
type Hit struct {
	Code   string
	Danger string
	Level  int // 1…3, after softening
	Weight int // points, after softening
	Reason Text
	// Phrase is what was written, as it was written; Start and End are its bytes in the text.
	Phrase     string
	Start, End int
	// Rule is the phrase of the lexicon that matched: "je <want> <die>".
	Rule     string
	Softened Softening
}

// Scan returns what is heard in text: at most one hit an entry, the gravest first, nil for nothing.
// To hear what is spread over several short messages, give them joined by line ends.
func (l *Lexicon) Scan(text string) []Hit { return l.machine.scan(text) }

// Entry returns an entry by its code.
func (l *Lexicon) Entry(code string) (Entry, bool) {
	i, ok := l.byCode[code]
	if !ok {
		return Entry{}, false
	}
	return l.Entries[i], true
}

func sortHits(hits []Hit) {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(b.Level-a.Level, b.Weight-a.Weight, strings.Compare(a.Code, b.Code))
	})
}

func (l *Lexicon) check(p *page) {
	l.byCode = map[string]int{}
	entries, classes := codes{}, codes{}
	for i, c := range l.Classes {
		classes.add(p, at("class[%d].name", i), c.Name)
		switch {
		case len(c.Range) != 0 && (len(c.Range) != 2 || c.Range[0] > c.Range[1] || c.Range[0] < 0):
			p.flaw("range", at("class[%d].range", i))
		case len(c.Range)+len(c.Words) == 0:
			p.flaw("empty", at("class[%d].words", i))
		}
	}
	for i, e := range l.Entries {
		path := at("entry[%d]", i)
		entries.add(p, path+".code", e.Code)
		l.byCode[e.Code] = i
		if e.Negated != "" {
			p.oneOf(path+".negated", e.Negated, "soften", "drop", "keep")
		}
		if e.Signal {
			continue
		}
		if e.Level < 1 || e.Level > 3 {
			p.flaw("level", path+".level")
		}
		if e.Weight < 1 || e.Weight > 100_000 {
			p.flaw("max", path+".weight")
		}
		p.text(path+".reason", e.Reason)
	}
	for i, t := range l.Together {
		p.refers(at("together[%d].code", i), t.Code, DocLexicon, entries[t.Code])
		if e, _ := l.Entry(t.Code); e.Signal || len(t.All) < 2 || t.Within < 0 {
			p.flaw("together", at("together[%d]", i))
		}
		for j, names := range t.All {
			for _, name := range strings.Split(names, "|") {
				p.refers(at("together[%d].all[%d]", i, j), name, DocLexicon, entries[name])
			}
		}
	}
	n := l.Negation
	if n.Before < 0 || n.Level < 1 || n.Level > 3 || n.Percent < 1 || n.Percent > 100 {
		p.flaw("softening", "negation")
	}
	if l.Joking.Percent < 1 || l.Joking.Percent > 100 {
		p.flaw("softening", "joking")
	}
	l.machine = compile(l, p)
}

func (l *Lexicon) join(p *page, s *Set) {
	for i, e := range l.Entries {
		if e.Signal {
			continue
		}
		_, ok := s.Taxonomy.Danger(e.Danger)
		p.refers(at("entry[%d].danger", i), e.Danger, DocTaxonomy, ok)
	}
}

// lexiconTest are the sentences that keep an edited lexicon honest: the ones it must hear and the ones
// it must let pass. Publishing either document runs them all.
type lexiconTest struct {
	head
	Heard []struct {
		Code      string   `toml:"code"`
		Level     int      `toml:"level"` // the least level of the hit; 0 takes any
		Sentences []string `toml:"sentences"`
	} `toml:"heard"`
	Silent []struct {
		About     string   `toml:"about"`
		Sentences []string `toml:"sentences"`
	} `toml:"silent"`
}

func (t *lexiconTest) check(p *page) {
	if len(t.Heard) == 0 || len(t.Silent) == 0 {
		p.flaw("empty", "heard")
	}
}

// run says which sentences the lexicon fails.
func (t *lexiconTest) run(p *page, l *Lexicon) {
	for i, group := range t.Heard {
		if _, ok := l.Entry(group.Code); !ok {
			p.refers(at("heard[%d].code", i), group.Code, DocLexicon, false)
			continue
		}
		for j, sentence := range group.Sentences {
			heard := slices.ContainsFunc(l.Scan(sentence), func(h Hit) bool { return h.Code == group.Code && h.Level >= group.Level })
			if !heard {
				p.flaw("sentence_missed", at("heard[%d].sentences[%d]", i, j), "sentence", sentence, "code", group.Code)
			}
		}
	}
	for i, group := range t.Silent {
		for j, sentence := range group.Sentences {
			if hits := l.Scan(sentence); len(hits) > 0 {
				p.flaw("sentence_heard", at("silent[%d].sentences[%d]", i, j), "sentence", sentence, "code", hits[0].Code, "rule", hits[0].Rule)
			}
		}
	}
}
