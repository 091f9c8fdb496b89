package paper

import (
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

func itoa(n int) string { return strconv.Itoa(n) }

// wrap breaks text into lines of a width in the face that is used now. It breaks at spaces and line breaks, not at those that
// hold words together; what is too long for a line, like a hash or an address, is broken where the line ends.
func (s *sheet) wrap(text string, w float64) []string {
	var lines []string
	for _, part := range strings.Split(s.printable(text), "\n") {
		line := ""
		for _, word := range strings.Split(part, " ") {
			joined := word
			if line != "" {
				joined = line + " " + word
			}
			if s.pdf.GetStringWidth(joined) <= w {
				line = joined
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			var whole []string
			whole, line = s.cut(word, w)
			lines = append(lines, whole...)
		}
		lines = append(lines, line)
	}
	return lines
}

// cut breaks a word that is longer than a line: the lines that it fills, and what is left.
func (s *sheet) cut(word string, w float64) (lines []string, left string) {
	for _, r := range word {
		if left != "" && s.pdf.GetStringWidth(left+string(r)) > w {
			lines, left = append(lines, left), ""
		}
		left += string(r)
	}
	return lines, left
}

// square stands for a sign that the fonts have not.
const square = '□'

// alike are signs that the fonts have not, and what is read the same.
var alike = strings.NewReplacer("\u202f", "\u00a0", "\u2011", "-", "\u2212", "–", "\u00ad", "", "\u200b", "", "\u200d", "", "\ufe0f", "", "\r\n", "\n", "\t", " ")

// printable is text in signs that the fonts have.
func (s *sheet) printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r < ' ':
			return -1
		case has(r):
			return r
		}
		s.missing = true
		return square
	}, alike.Replace(text))
}

// fonts are the two faces, as a reader of their tables.
var fonts = sync.OnceValue(func() []*sfnt.Font {
	var all []*sfnt.Font
	for _, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			panic("paper: " + err.Error()) // they are in the program
		}
		all = append(all, f)
	}
	return all
})

func has(r rune) bool {
	var b sfnt.Buffer
	for _, f := range fonts() {
		if i, err := f.GlyphIndex(&b, r); err != nil || i == 0 {
			return false
		}
	}
	return true
}
