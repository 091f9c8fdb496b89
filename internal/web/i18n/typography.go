package i18n

import (
	"regexp"
	"strings"
)

const (
	thin    = "\u202f" // narrow no-break space
	noBreak = "\u00a0"
)

var marks = strings.NewReplacer(
	" ?", thin+"?",
	" !", thin+"!",
	" ;", thin+";",
	" :", thin+":",
	"« ", "«"+noBreak,
	" »", noBreak+"»",
)

// numberUnit is a number that must not be parted from its unit: "21 h 04", "25 Mo".
var numberUnit = regexp.MustCompile(`(\d) (h|min|s|%|€|Mo|Ko|ans)\b`)

// hourMinute is what follows the h of an hour.
var hourMinute = regexp.MustCompile(`(\d)\x{00a0}h (\d\d)\b`)

// typography sets French no-break spaces (Imprimerie nationale, "Lexique": ponctuation haute; the thin
// space is kept before the colon too, which reads better at 17 px).
func typography(text string) string {
	text = marks.Replace(text)
	if !counts(text) {
		return text
	}
	text = numberUnit.ReplaceAllString(text, "${1}"+noBreak+"${2}")
	return hourMinute.ReplaceAllString(text, "${1}"+noBreak+"h"+noBreak+"${2}")
}

// counts says whether a number stands before a space. Few sentences hold one, and the patterns are slow.
func counts(text string) bool {
	for i := 1; i < len(text); i++ {
		if text[i] == ' ' && text[i-1] >= '0' && text[i-1] <= '9' {
			return true
		}
	}
	return false
}
