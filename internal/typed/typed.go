// Package typed makes what people type fit to be kept, shown and sent on.
package typed

import (
	"strings"
	"unicode"
)

// Text is a text of several lines: valid UTF-8, line ends as \n, without what Keep drops and no blank space around it.
func Text(s string) string { return fit(strings.ReplaceAll(s, "\r\n", "\n"), true) }

// Line is a text of one line: as Text, with a space for each line end.
func Line(s string) string { return fit(strings.ReplaceAll(s, "\r\n", "\n"), false) }

func fit(s string, lines bool) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		}
		return Keep(r)
	}, strings.ToValidUTF8(s, "")))
}

// Keep drops (-1) control characters, the marks that make a text read otherwise than it is written (Unicode's bidirectional
// overrides, isolates and marks), and what is no character; joiners stay, since emoji and some scripts need them. A line end
// is \n.
func Keep(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r == '\r':
		return '\n'
	case unicode.IsControl(r):
		return -1
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
		return -1
	case r >= 0xe0000 && r <= 0xe007f && r != 0xe007f && (r < 0xe0020 || r > 0xe007e):
		return -1 // tags are kept only as flags use them
	case r == 0xfffe || r == 0xffff || r >= 0xfdd0 && r <= 0xfdef:
		return -1
	}
	return r
}
