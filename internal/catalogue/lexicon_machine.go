package catalogue

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"sync"
)

// machine is a compiled lexicon: a trie over words and classes, walked once along the text with all the
// phrases that are under way at the same time. Its cost is the number of words times the few phrases
// that each can continue, whatever the size of the lexicon.
type machine struct {
	words    map[string]*word
	distinct map[string]bool
	joined   map[string][]*word
	stems    map[string][]*word // first four letters → words written "frapp*", the longest first
	slips    map[string][]*word // a word less one letter → the words it may be
	ranges   []numberRange
	nodes    []node
	roots    []int32 // by symbol: the node a phrase begins with, 0 for none
	rules    []rule
	lexicon  *Lexicon
	pool     sync.Pool
}

// word is what the machine knows of one folded word.
type word struct {
	key     string
	symbols []int32 // itself and its classes
	written []*word // what a chat spelling stands for
	filler  bool
	negates bool
	stops   bool // ends the reach of a negation
	undoes  bool // turns a negation round again
	typo    bool // heard with one slip
}

type numberRange struct {
	from, to int32
	symbol   int32
}

// node is a place in the trie.
type node struct {
	edges []edge // by symbol
	gaps  []edge // symbol is the number of words that may be skipped
	rules []int32
}

type edge struct{ symbol, node int32 }

// rule is what a phrase means when it is complete.
type rule struct {
	entry  int32 // index of the entry; see the kinds below for others
	phrase string
}

const (
	idiomRule int32 = -1
	jokeRule  int32 = -2
)

// compile builds the machine and notes on p what it does not understand. With flaws it is not to be used.
func compile(l *Lexicon, p *page) *machine {
	m := &machine{
		words: map[string]*word{}, distinct: map[string]bool{}, joined: map[string][]*word{}, stems: map[string][]*word{}, slips: map[string][]*word{},
		nodes: make([]node, 1), lexicon: l,
	}
	m.pool.New = func() any { return new(scratch) }
	for _, w := range l.Distinct {
		m.distinct[folded(w)] = true
	}
	for _, w := range l.Fillers {
		m.one(p, "fillers", w).filler = true
	}
	for _, w := range l.Negation.Words {
		m.one(p, "negation.words", w).negates = true
	}
	for _, w := range l.Negation.Stops {
		m.one(p, "negation.stops", w).stops = true
	}
	for _, w := range l.Negation.Undo {
		m.one(p, "negation.undo", w).undoes = true
	}
	m.spell(p)
	b := &builder{machine: m, page: p, classes: map[string]WordClass{}, sets: map[string]int32{}}
	for i, c := range l.Classes {
		b.classes[c.Name] = c
		for j, w := range c.Words {
			if m.one(p, at("class[%d].words[%d]", i, j), w).filler {
				p.flaw("one_word", at("class[%d].words[%d]", i, j), "word", w)
			}
		}
	}
	add := func(path, phrase string, entry int32) {
		seqs, err := parsePhrase(phrase)
		if err != nil {
			p.flaw("phrase", path, "phrase", phrase, "detail", err.Error())
			return
		}
		m.rules = append(m.rules, rule{entry, phrase})
		for _, seq := range seqs {
			if !b.insert(path, phrase, seq, int32(len(m.rules)-1)) {
				return
			}
		}
	}
	for i, phrase := range l.Idioms {
		add(at("idioms[%d]", i), phrase, idiomRule)
	}
	for i, phrase := range l.Joking.Phrases {
		add(at("joking.phrases[%d]", i), phrase, jokeRule)
	}
	for i, e := range l.Entries {
		for j, phrase := range e.Phrases {
			add(at("entry[%d].phrases[%d]", i, j), phrase, int32(i))
		}
	}
	for i, w := range l.Typos {
		m.allowSlip(m.one(p, at("typos[%d]", i), w))
	}
	m.shareStems()
	m.roots = make([]int32, len(b.sets)+1)
	for _, e := range m.nodes[0].edges {
		m.roots[e.symbol] = e.node
	}
	return m
}

// know returns the word with this key, new if need be.
func (m *machine) know(key string) *word {
	w := m.words[key]
	if w == nil {
		w = &word{key: key}
		m.words[key] = w
	}
	return w
}

// keysOf cuts plain text into the keys of its words, before spellings are written out.
func (m *machine) keysOf(text string) []string {
	var s scratch
	s.lex(text)
	var keys []string
	for _, x := range s.lexemes {
		keys = append(keys, string(m.key(&s, s.folded[x.keyStart:x.keyEnd], x.doubled)))
	}
	return keys
}

// stemLength is how many letters of a stem are looked up at once, and the fewest a stem may have.
const stemLength = 4

// stem returns the word that stands for every word beginning like text; nil for text that is no stem.
func (m *machine) stem(p *page, path, text string) *word {
	begins, isStem := strings.CutSuffix(text, "*")
	if !isStem {
		return nil
	}
	keys := m.keysOf(begins)
	if len(keys) != 1 || len(keys[0]) < stemLength {
		p.flaw("one_word", path, "word", text)
		return &word{}
	}
	w := m.know(keys[0] + "*")
	list := m.stems[keys[0][:stemLength]]
	if !slices.Contains(list, w) {
		list = append(list, w)
		slices.SortFunc(list, func(a, b *word) int { return len(b.key) - len(a.key) })
		m.stems[keys[0][:stemLength]] = list
	}
	return w
}

// stemmed returns the stem that a word begins with; nil for none.
func (m *machine) stemmed(key []byte) *word {
	if len(key) < stemLength || m.distinct[string(key)] {
		return nil
	}
	for _, w := range m.stems[string(key[:stemLength])] {
		if bytes.HasPrefix(key, []byte(w.key[:len(w.key)-1])) {
			return w
		}
	}
	return nil
}

// shareStems gives the words that the lexicon knows by themselves what their stem means too.
func (m *machine) shareStems() {
	for key, w := range m.words {
		if strings.HasSuffix(key, "*") || m.distinct[key] || len(key) < stemLength {
			continue
		}
		for _, stem := range m.stems[key[:stemLength]] {
			if strings.HasPrefix(key, strings.TrimSuffix(stem.key, "*")) {
				for _, s := range stem.symbols {
					if !slices.Contains(w.symbols, s) {
						w.symbols = append(w.symbols, s)
					}
				}
			}
		}
	}
}

// one returns the word that text is; a list of words takes single words only.
func (m *machine) one(p *page, path, text string) *word {
	if w := m.stem(p, path, text); w != nil {
		return w
	}
	keys := m.keysOf(text)
	if len(keys) != 1 {
		p.flaw("one_word", path, "word", text)
		return &word{}
	}
	w := m.know(keys[0])
	if len(w.written) > 0 {
		if len(w.written) > 1 {
			p.flaw("one_word", path, "word", text)
		}
		return w.written[0]
	}
	return w
}

// spell ties the spellings of chat to the words they stand for.
func (m *machine) spell(p *page) {
	short := make([]string, 0, len(m.lexicon.Spelling))
	for k := range m.lexicon.Spelling {
		short = append(short, k)
	}
	sort.Strings(short)
	for _, from := range short {
		path := "spelling." + from
		keys := m.keysOf(from)
		if len(keys) != 1 {
			p.flaw("one_word", path, "word", from)
			continue
		}
		var written []*word
		for _, to := range m.keysOf(m.lexicon.Spelling[from]) {
			written = append(written, m.know(to))
		}
		w := m.know(keys[0])
		if len(written) == 0 || slices.Contains(written, w) || len(w.written) > 0 && !slices.Equal(w.written, written) {
			p.flaw("spelling", path, "word", from)
			continue
		}
		w.written = written
	}
	for from, to := range m.lexicon.Joined {
		if len(from) == 0 || len(from) > maxJoined {
			p.flaw("spelling", "joined."+from, "word", from)
		}
		for _, key := range m.keysOf(to) {
			m.joined[from] = append(m.joined[from], m.know(key))
		}
	}
	// What a spelling stands for is never a spelling itself, so that writing out takes one step.
	for _, w := range m.words {
		for _, to := range w.written {
			if len(to.written) > 0 {
				p.flaw("spelling", "spelling."+w.key, "word", w.key)
			}
		}
	}
}

// builder puts phrases into the trie. A step of the trie is a set of words, written "avale|boire|<pills>";
// each set has a symbol, and each word carries the symbols of the sets it is in.
type builder struct {
	*machine
	page    *page
	classes map[string]WordClass
	sets    map[string]int32
}

// insert puts one sequence into the trie; false when it noted a flaw.
func (b *builder) insert(path, phrase string, seq []step, id int32) bool {
	ends := []int32{0}
	begun := false
	for _, st := range seq {
		var next []int32
		for _, at := range ends {
			if st.gap > 0 {
				if begun {
					next = append(next, b.child(at, int32(st.gap), true))
				}
				continue
			}
			single, several, ok := b.readings(path, phrase, st.words)
			if !ok {
				return false
			}
			if len(single) > 0 {
				next = append(next, b.child(at, b.symbol(single), false))
			}
			for _, words := range several { // a spelling that stands for two words, or for a filler alone
				end := at
				for _, w := range words {
					end = b.child(end, b.symbol([]string{w.key}), false)
				}
				next = append(next, end)
			}
		}
		begun = begun || st.gap == 0
		ends = next
	}
	for _, at := range ends {
		if at == 0 {
			b.page.flaw("phrase", path, "phrase", phrase, "detail", "…")
			return false
		}
		if !slices.Contains(b.nodes[at].rules, id) {
			b.nodes[at].rules = append(b.nodes[at].rules, id)
		}
	}
	return true
}

// readings sorts the words of a step into those that are one word and those that are written out to none
// or several.
func (b *builder) readings(path, phrase string, words []string) (single []string, several [][]*word, ok bool) {
	for _, text := range words {
		if strings.HasPrefix(text, "<") {
			if _, known := b.classes[strings.Trim(text, "<>")]; !known {
				b.page.flaw("class_unknown", path, "phrase", phrase, "class", text)
				return nil, nil, false
			}
			single = append(single, text)
			continue
		}
		if w := b.stem(b.page, path, text); w != nil {
			single = append(single, w.key)
			continue
		}
		var written []*word
		for _, key := range b.keysOf(text) {
			w := b.know(key)
			if len(w.written) == 0 {
				written = append(written, w)
			}
			written = append(written, w.written...)
		}
		written = slices.DeleteFunc(written, func(w *word) bool { return w.filler })
		switch {
		case len(written) == 0 && len(words) > 1: // the choice would be no choice
			b.page.flaw("phrase", path, "phrase", phrase, "detail", text)
			return nil, nil, false
		case len(written) == 1:
			single = append(single, written[0].key)
		default:
			several = append(several, written)
		}
	}
	slices.Sort(single)
	return slices.Compact(single), several, true
}

// symbol returns the symbol of a set of word keys and <classes>, and gives it to the words.
func (b *builder) symbol(set []string) int32 {
	name := strings.Join(set, "|")
	if symbol, ok := b.sets[name]; ok {
		return symbol
	}
	symbol := int32(len(b.sets) + 1)
	b.sets[name] = symbol
	give := func(w *word) {
		if !slices.Contains(w.symbols, symbol) {
			w.symbols = append(w.symbols, symbol)
		}
	}
	for _, key := range set {
		c, isClass := b.classes[strings.Trim(key, "<>")]
		if !isClass || !strings.HasPrefix(key, "<") {
			give(b.know(key))
			continue
		}
		if len(c.Range) == 2 {
			b.ranges = append(b.ranges, numberRange{int32(c.Range[0]), int32(c.Range[1]), symbol})
		}
		for _, text := range c.Words {
			give(b.one(b.page, "class", text))
		}
	}
	return symbol
}

func (m *machine) child(at, symbol int32, gap bool) int32 {
	list := &m.nodes[at].edges
	if gap {
		list = &m.nodes[at].gaps
	}
	for _, e := range *list {
		if e.symbol == symbol {
			return e.node
		}
	}
	to := int32(len(m.nodes))
	*list = append(*list, edge{symbol, to})
	m.nodes = append(m.nodes, node{})
	return to
}

// allowSlip has a word heard with one letter too many, too few, wrong, or swapped with its neighbour.
func (m *machine) allowSlip(w *word) {
	if w.typo || len(w.key) < 5 {
		return
	}
	w.typo = true
	m.slips[w.key] = append(m.slips[w.key], w)
	for i := range len(w.key) {
		less := w.key[:i] + w.key[i+1:]
		if !slices.Contains(m.slips[less], w) {
			m.slips[less] = append(m.slips[less], w)
		}
	}
}

// key returns the form under which a folded word is known.
func (m *machine) key(s *scratch, folded []byte, doubled bool) []byte {
	if !doubled || len(folded) < 3 || m.distinct[string(folded)] { // "tt" is a spelling, not a "t"
		return folded
	}
	s.squeezed = squeeze(s.squeezed[:0], folded)
	return s.squeezed
}

// meant returns the word that an unknown word was meant to be, by one slip of the thumb; nil for none.
// The first letter is taken to be right.
func (m *machine) meant(s *scratch, key []byte) *word {
	if len(key) < 5 || len(key) > 20 || m.distinct[string(key)] {
		return nil
	}
	for _, w := range m.slips[string(key)] { // one letter too few
		if w.key[0] == key[0] {
			return w
		}
	}
	for i := 1; i < len(key); i++ {
		s.slip = append(append(s.slip[:0], key[:i]...), key[i+1:]...)
		for _, w := range m.slips[string(s.slip)] {
			if w.key[0] == key[0] && oneSlip(string(key), w.key) {
				return w
			}
		}
	}
	return nil
}

// oneSlip says whether a becomes b by one insertion, deletion, replacement or swap of neighbours.
func oneSlip(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	a, b = a[i:], b[i:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a)+len(b) <= 1 || len(a) == 1 && len(b) == 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// token is a word of the text as the machine sees it.
type token struct {
	word       *word // nil for a word the lexicon does not know
	number     int32
	start, end int32 // bytes in the text
	soft, hard bool  // a boundary stands before
}

// under is a phrase under way.
type under struct {
	node    int32
	first   int32 // token it began with
	gap     int8  // words that may still be skipped
	skipped int8  // negations stepped over
	negated bool
}

// match is a complete phrase.
type match struct {
	rule        int32
	first, last int32 // tokens
	negated     bool
}

// scratch is what one scan works in; it is reused.
type scratch struct {
	lexemes  []lexeme
	folded   []byte
	squeezed []byte
	slip     []byte
	tokens   []token
	marks    []uint32 // by symbol: the mark of the last token that opened it
	mark     uint32
	now      []under
	next     []under
	matches  []match
	idioms   []match
	kept     []match
	joking   bool
}

// maxUnder bounds the phrases under way at one word; nobody writes what reaches it.
const maxUnder = 512

func (m *machine) scan(text string) []Hit {
	s := m.pool.Get().(*scratch)
	s.lex(text)
	m.read(s)
	m.walk(s)
	var hits []Hit
	if len(s.matches) > 0 {
		hits = m.judge(s, text)
	}
	if cap(s.folded) > 64<<10 { // one long text is no reason to keep so much
		s = new(scratch)
	}
	m.pool.Put(s)
	return hits
}

// read turns lexemes into tokens: spellings written out, fillers left out, spaced-out words joined.
func (m *machine) read(s *scratch) {
	s.tokens = s.tokens[:0]
	soft, hard := false, false
	emit := func(w *word, x lexeme) {
		soft, hard = soft || x.soft, hard || x.hard
		switch {
		case w != nil && len(w.written) > 0:
			for _, to := range w.written {
				if !to.filler {
					s.tokens = append(s.tokens, token{to, -1, x.start, x.end, soft, hard})
					soft, hard = false, false
				}
			}
		case w != nil && w.filler:
		default:
			s.tokens = append(s.tokens, token{w, x.number, x.start, x.end, soft, hard})
			soft, hard = false, false
		}
	}
	for i := 0; i < len(s.lexemes); i++ {
		x := s.lexemes[i]
		if w, n := m.spaced(s, i); n > 0 {
			x.end = s.lexemes[i+n-1].end
			emit(w, x)
			i += n - 1
			continue
		}
		raw := s.folded[x.keyStart:x.keyEnd]
		key := m.key(s, raw, x.doubled)
		w := m.words[string(key)]
		if w == nil && x.letters && x.digits {
			if w = m.disguised(s, raw); w == nil {
				m.split(s, x, emit)
				continue
			}
		}
		if w == nil && x.letters {
			w = m.meant(s, key)
		}
		if w == nil && x.letters {
			if w = m.stemmed(key); w != nil {
				emit(w, x)
				continue
			}
			if before, glued := m.glued(s, raw); glued != nil {
				for _, b := range before {
					emit(b, x)
				}
				emit(glued, x)
				continue
			}
		}
		emit(w, x)
	}
}

// spaced joins four or more single letters in a row into a known word: "s u i c i d e", "m.o.r.t".
func (m *machine) spaced(s *scratch, i int) (*word, int) {
	n := 0
	for i+n < len(s.lexemes) {
		x := s.lexemes[i+n]
		if !x.letters || x.digits || x.keyEnd-x.keyStart != 1 || n > 0 && x.start-s.lexemes[i+n-1].end > 2 {
			break
		}
		n++
	}
	for ; n >= 4; n-- {
		joined := s.folded[s.lexemes[i].keyStart:s.lexemes[i+n-1].keyEnd]
		if w := m.words[string(m.key(s, joined, true))]; w != nil {
			return w, n
		}
	}
	return nil, 0
}

// maxJoined is the longest glued word, and minJoined the shortest word it is glued to.
const maxJoined, minJoined = 5, 3

// glued reads "jcraque" as "je craque": a short word that chat leaves out the space after.
func (m *machine) glued(s *scratch, raw []byte) (before []*word, w *word) {
	for n := min(maxJoined, len(raw)-minJoined); n > 0; n-- {
		before, ok := m.joined[string(raw[:n])]
		if !ok {
			continue
		}
		if w := m.words[string(m.key(s, raw[n:], true))]; w != nil && len(w.symbols) > 0 {
			return before, w
		}
	}
	return nil, nil
}

// disguised reads digits that stand for letters: "su1cide", "m0rt".
func (m *machine) disguised(s *scratch, raw []byte) *word {
	s.slip = s.slip[:0]
	for _, c := range raw {
		switch c {
		case '0':
			c = 'o'
		case '1':
			c = 'i'
		case '3':
			c = 'e'
		case '4':
			c = 'a'
		case '5':
			c = 's'
		case '7':
			c = 't'
		}
		s.slip = append(s.slip, c)
	}
	return m.words[string(m.key(s, s.slip, true))]
}

// split cuts "200e" and "13ans" into numbers and words.
func (m *machine) split(s *scratch, x lexeme, emit func(*word, lexeme)) {
	digit := func(i int32) bool { c := s.folded[i]; return c >= '0' && c <= '9' }
	for from := x.keyStart; from < x.keyEnd; {
		to := from + 1
		for to < x.keyEnd && digit(to) == digit(from) {
			to++
		}
		part := x
		part.number = -1
		if digit(from) {
			part.number = number(s.folded[from:to])
		}
		emit(m.words[string(m.key(s, s.folded[from:to], !digit(from)))], part)
		x.soft, x.hard = false, false
		from = to
	}
}

// walk finds every complete phrase.
func (m *machine) walk(s *scratch) {
	s.now, s.matches, s.idioms, s.joking = s.now[:0], s.matches[:0], s.idioms[:0], false
	if len(s.marks) < len(m.roots) {
		s.marks = make([]uint32, len(m.roots))
	}
	for i := range s.tokens {
		t := &s.tokens[i]
		m.open(s, t)
		s.next = s.next[:0]
		negates := t.word != nil && t.word.negates
		for _, u := range s.now {
			n := &m.nodes[u.node]
			for _, e := range n.edges {
				if s.marks[e.symbol] == s.mark {
					m.reach(s, u, e.node, int32(i))
				}
			}
			if len(s.next) >= maxUnder {
				break
			}
			switch {
			case u.gap > 0 && !t.hard:
				u.gap--
				u.negated = u.negated || negates
				s.next = append(s.next, u)
			case u.gap == 0 && negates && u.skipped < 2:
				u.skipped++
				u.negated = true
				s.next = append(s.next, u)
			}
		}
		if t.word != nil {
			for _, symbol := range t.word.symbols {
				if root := m.roots[symbol]; root != 0 {
					m.reach(s, under{first: int32(i)}, root, int32(i))
				}
			}
		}
		if t.number >= 0 {
			for _, r := range m.ranges {
				if root := m.roots[r.symbol]; root != 0 && t.number >= r.from && t.number <= r.to {
					m.reach(s, under{first: int32(i)}, root, int32(i))
				}
			}
		}
		s.now, s.next = s.next, s.now
	}
}

// open marks the symbols that a token opens, so that each phrase under way asks once.
func (m *machine) open(s *scratch, t *token) {
	s.mark++
	if s.mark == 0 { // after four thousand million words the marks begin again
		clear(s.marks)
		s.mark = 1
	}
	if t.word != nil {
		for _, symbol := range t.word.symbols {
			s.marks[symbol] = s.mark
		}
	}
	if t.number >= 0 {
		for _, r := range m.ranges {
			if t.number >= r.from && t.number <= r.to {
				s.marks[r.symbol] = s.mark
			}
		}
	}
}

// reach moves a phrase under way to a node: what is complete there is a match.
func (m *machine) reach(s *scratch, u under, to, i int32) {
	u.node, u.gap = to, 0
	n := &m.nodes[to]
	for _, r := range n.rules {
		x := match{r, u.first, i, u.negated}
		switch m.rules[r].entry {
		case idiomRule:
			s.idioms = append(s.idioms, x)
		case jokeRule:
			s.joking = s.joking || !m.meantSeriously(s, x)
		default:
			if !m.known(s, x) {
				s.matches = append(s.matches, x)
			}
		}
	}
	if len(n.edges) > 0 {
		s.next = append(s.next, u)
	}
	for _, g := range n.gaps {
		over := u
		over.node, over.gap = g.node, int8(g.symbol)
		s.next = append(s.next, over)
	}
}

// known says whether the same entry already matched the same words: two phrases that say one thing.
func (m *machine) known(s *scratch, x match) bool {
	for i := len(s.matches) - 1; i >= 0 && s.matches[i].last == x.last; i-- {
		y := s.matches[i]
		if y.first == x.first && y.negated == x.negated && m.rules[y.rule].entry == m.rules[x.rule].entry {
			return true
		}
	}
	return false
}

// judge turns matches into hits: idioms take back what they cover, a longer phrase speaks for the
// shorter one inside it, entries heard together make their own, and softenings apply.
func (m *machine) judge(s *scratch, text string) []Hit {
	kept := s.kept[:0]
	for _, x := range s.matches {
		if m.idiomatic(s, x) {
			continue
		}
		e := &m.lexicon.Entries[m.rules[x.rule].entry]
		x.negated = x.negated || e.Before && m.negatedBefore(s, x.first)
		if x.negated && e.Negated == "keep" {
			x.negated = false
		}
		if x.negated && (e.Negated == "drop" || e.Signal) {
			continue
		}
		kept = append(kept, x)
	}
	s.kept = kept
	best := map[int32]Hit{}
	offer := func(entry int32, h Hit) {
		if old, ok := best[entry]; !ok || h.Level > old.Level || h.Level == old.Level && h.Weight > old.Weight {
			best[entry] = h
		}
	}
	for i, x := range kept {
		entry := m.rules[x.rule].entry
		if !m.lexicon.Entries[entry].Signal && !m.spokenFor(s, kept, i) {
			offer(entry, m.hit(s, text, entry, x))
		}
	}
	for _, t := range m.lexicon.Together {
		if found := m.together(kept, t); found != nil {
			entry := int32(m.lexicon.byCode[t.Code])
			h := m.hit(s, text, entry, found...)
			h.Rule = strings.Join(t.All, " + ")
			offer(entry, h)
		}
	}
	hits := make([]Hit, 0, len(best))
	for _, h := range best {
		hits = append(hits, h)
	}
	if len(hits) == 0 {
		return nil
	}
	sortHits(hits)
	return hits
}

// meantSeriously says whether a joke is denied: "je rigole pas", "not joking".
func (m *machine) meantSeriously(s *scratch, joke match) bool {
	negates := func(i int32) bool {
		return i >= 0 && int(i) < len(s.tokens) && s.tokens[i].word != nil && s.tokens[i].word.negates
	}
	return negates(joke.last+1) || negates(joke.first-1)
}

// idiomatic says whether an idiom covers part of x and x does not say more than the idiom.
func (m *machine) idiomatic(s *scratch, x match) bool {
	for _, idiom := range s.idioms {
		inside := x.first <= idiom.first && idiom.last <= x.last && x.last-x.first > idiom.last-idiom.first
		if idiom.first <= x.last && x.first <= idiom.last && !inside {
			return true
		}
	}
	return false
}

// longest is how many words the longest phrase can reach over: what a shorter one is looked for in.
const longest = 64

// spokenFor says whether a longer phrase about the same danger holds kept[i]: "ma copine veut mourir"
// speaks for the "veut mourir" in it. A phrase with a subject of its own speaks for itself.
func (m *machine) spokenFor(s *scratch, kept []match, i int) bool {
	x := kept[i]
	if w := s.tokens[x.first].word; w != nil && w.stops { // "ma mère est morte et je veux mourir"
		return false
	}
	e := &m.lexicon.Entries[m.rules[x.rule].entry]
	holds := func(y match) bool {
		o := &m.lexicon.Entries[m.rules[y.rule].entry]
		return y.first <= x.first && x.last <= y.last && y.last-y.first > x.last-x.first && y.negated == x.negated &&
			!o.Signal && o.Code != e.Code && o.Danger == e.Danger && o.Level >= e.Level
	}
	// Matches stand in the order of their last words.
	for j := i - 1; j >= 0 && kept[j].last == x.last; j-- {
		if holds(kept[j]) {
			return true
		}
	}
	for j := i + 1; j < len(kept) && kept[j].last <= x.first+longest; j++ {
		if holds(kept[j]) {
			return true
		}
	}
	return false
}

// negatedBefore looks for a negation in the few words before a phrase. A phrase that begins with its
// own subject is out of reach: "je sais pas je veux mourir".
func (m *machine) negatedBefore(s *scratch, first int32) bool {
	if w := s.tokens[first].word; w != nil && w.stops {
		return false
	}
	for i := first; i > 0 && int(first-i) < m.lexicon.Negation.Before; i-- {
		if s.tokens[i].soft || s.tokens[i].hard {
			return false
		}
		before := s.tokens[i-1].word
		if before == nil {
			continue
		}
		if before.negates {
			// "j'arrête pas de" and "I can't stop" say the contrary of a negation.
			return i < 2 || s.tokens[i-2].word == nil || !s.tokens[i-2].word.undoes
		}
		if before.stops || before.undoes {
			return false
		}
	}
	return false
}

// together returns one match for each part of the rule, near enough to one another; nil for none.
func (m *machine) together(kept []match, t Together) []match {
	parts := make([][]match, len(t.All))
	for i, names := range t.All {
		for _, name := range strings.Split(names, "|") {
			entry := int32(m.lexicon.byCode[name])
			for _, x := range kept {
				if m.rules[x.rule].entry == entry {
					parts[i] = append(parts[i], x)
				}
			}
		}
		if len(parts[i]) == 0 {
			return nil
		}
	}
	for _, anchor := range parts[0] {
		found := []match{anchor}
		first, last := anchor.first, anchor.last
		for _, part := range parts[1:] {
			near := slices.MinFunc(part, func(a, b match) int { return distance(anchor, a) - distance(anchor, b) })
			found = append(found, near)
			first, last = min(first, near.first), max(last, near.last)
		}
		if t.Within == 0 || int(last-first) <= t.Within {
			slices.SortFunc(found, func(a, b match) int { return int(a.first - b.first) })
			return found
		}
	}
	return nil
}

func distance(a, b match) int {
	return int(max(0, a.first-b.last, b.first-a.last))
}

func (m *machine) hit(s *scratch, text string, entry int32, found ...match) Hit {
	e := m.lexicon.Entries[entry]
	h := Hit{Code: e.Code, Danger: e.Danger, Level: e.Level, Weight: e.Weight, Reason: e.Reason, Rule: m.rules[found[0].rule].phrase}
	negated := false
	covered := -1 // what a phrase covers is not told twice
	for i, x := range found {
		start, end := int(s.tokens[x.first].start), int(s.tokens[x.last].end)
		if i == 0 {
			h.Start, h.End = start, end
		}
		negated = negated || x.negated
		if end <= covered {
			continue
		}
		switch {
		case i == 0:
			h.Phrase = text[start:end]
		case start <= covered:
			h.Phrase += text[covered:end]
		default:
			h.Phrase += " … " + text[start:end]
		}
		covered = end
	}
	switch {
	case negated:
		h.Softened = Negated
		h.Level = min(h.Level, m.lexicon.Negation.Level)
		h.Weight = max(1, h.Weight*m.lexicon.Negation.Percent/100)
	case s.joking:
		h.Softened = Joked
		h.Level = max(1, h.Level-1)
		h.Weight = max(1, h.Weight*m.lexicon.Joking.Percent/100)
	}
	return h
}
