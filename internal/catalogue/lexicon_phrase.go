package catalogue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A phrase of the lexicon is cut into parts, and the parts are written out into every plain sequence
// that they allow. A choice between single words stays one step, so that few sequences are needed. The
// sequences go into one trie (lexicon_machine.go).

// step is one element of a sequence: one of several words and <classes>, or a gap of up to that many
// words.
type step struct {
	words []string
	gap   int
}

// maxSequences bounds what one phrase may be written out to; more is a phrase that nobody understands.
const maxSequences = 400

// parsePhrase returns the sequences of a phrase. The error is for the editor: the part not understood.
func parsePhrase(phrase string) ([][]step, error) {
	r := &phraseReader{rest: phrase}
	seqs, err := r.sequence(false)
	if err != nil {
		return nil, err
	}
	for i, seq := range seqs {
		seqs[i] = tidy(seq)
		if len(seqs[i]) == 0 {
			return nil, fmt.Errorf("?")
		}
	}
	return seqs, nil
}

// tidy joins gaps that came to stand side by side and drops those at the ends.
func tidy(seq []step) []step {
	var tidied []step
	for _, s := range seq {
		last := len(tidied) - 1
		switch {
		case s.gap > 0 && last < 0:
		case s.gap > 0 && tidied[last].gap > 0:
			tidied[last].gap = min(tidied[last].gap+s.gap, maxGap)
		default:
			tidied = append(tidied, s)
		}
	}
	if last := len(tidied) - 1; last >= 0 && tidied[last].gap > 0 {
		tidied = tidied[:last]
	}
	return tidied
}

const maxGap = 12

type phraseReader struct{ rest string }

// sequence reads parts up to the end, or up to "|" or ")" inside brackets.
func (r *phraseReader) sequence(inside bool) ([][]step, error) {
	seqs := [][]step{nil}
	for {
		r.rest = strings.TrimLeft(r.rest, " ")
		if r.rest == "" || inside && (r.rest[0] == '|' || r.rest[0] == ')') {
			return seqs, nil
		}
		options, err := r.part()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(r.rest, "?") {
			r.rest = r.rest[1:]
			options = append(options, nil)
		}
		var longer [][]step
		for _, s := range seqs {
			for _, o := range options {
				longer = append(longer, slices.Concat(s, o))
			}
		}
		if seqs = longer; len(seqs) > maxSequences {
			return nil, fmt.Errorf("> %d", maxSequences)
		}
	}
}

// part reads one word, class, gap or bracket.
func (r *phraseReader) part() ([][]step, error) {
	switch r.rest[0] {
	case '(':
		r.rest = r.rest[1:]
		var words []string
		var options [][]step
		for {
			seqs, err := r.sequence(true)
			if err != nil {
				return nil, err
			}
			for _, seq := range seqs {
				if len(seq) == 1 && seq[0].gap == 0 {
					words = append(words, seq[0].words...)
				} else {
					options = append(options, seq)
				}
			}
			if r.rest == "" {
				return nil, fmt.Errorf("(")
			}
			closed := r.rest[0] == ')'
			r.rest = r.rest[1:]
			if closed {
				break
			}
		}
		if len(words) > 0 {
			slices.Sort(words)
			options = append(options, []step{{words: slices.Compact(words)}})
		}
		return options, nil
	case '<':
		name, rest, ok := strings.Cut(r.rest[1:], ">")
		if !ok || !codeForm.MatchString(name) {
			return nil, fmt.Errorf("<%s", name)
		}
		r.rest = rest
		return [][]step{{{words: []string{"<" + name + ">"}}}}, nil
	case ')', '|', '?', '>':
		return nil, fmt.Errorf("%c", r.rest[0])
	}
	end := strings.IndexAny(r.rest, " ()<>|?")
	if end < 0 {
		end = len(r.rest)
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	if n, ok := strings.CutPrefix(word, ".."); ok {
		gap := 3
		if n != "" {
			var err error
			if gap, err = strconv.Atoi(n); err != nil || gap < 1 || gap > maxGap {
				return nil, fmt.Errorf("..%s", n)
			}
		}
		return [][]step{{{gap: gap}}}, nil
	}
	return [][]step{{{words: []string{word}}}}, nil
}
