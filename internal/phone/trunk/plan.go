package trunk

import (
	"slices"
	"strings"
)

// Plan says what may be called: nothing that is not in it. It is what stands between a stolen trunk or a
// transfer asked for by a stranger and a bill of thousands (toll fraud).
type Plan struct {
	// Numbers may be called, each for a name ("119", "+33800200000").
	Numbers []string
	// Named are more of them, as they are at the moment: a list that is edited while we run. It may be nil.
	Named func() []string
	// Prefixes may be called, whatever follows.
	Prefixes []string
	// Except are prefixes of Prefixes that may not be called after all ("+338", "+33899"). The longest entry
	// that fits decides; a number of Numbers always may.
	Except []string
	// Digits is the longest number that a prefix lets through, 15 when zero (ITU-T E.164).
	Digits int
}

// Allows says whether the number may be called. A number is digits with + in front or not, * and #; whatever else
// is no number and only allowed by name.
func (p Plan) Allows(number string) bool {
	if number == "" {
		return false
	}
	if p.named(number) {
		return true
	}
	limit := p.Digits
	if limit == 0 {
		limit = 15
	}
	if !isNumber(number) || len(strings.TrimPrefix(number, "+")) > limit {
		return false
	}
	return longest(p.Prefixes, number) > longest(p.Except, number)
}

// person says whether the number may be called as somebody's own: by its prefix, and not because it has a name here.
func (p Plan) person(number string) bool {
	return !p.named(number) && p.Allows(number)
}

func (p Plan) named(number string) bool {
	return slices.Contains(p.Numbers, number) || p.Named != nil && slices.Contains(p.Named(), number)
}

// longest is the length of the longest prefix that fits, -1 when none does.
func longest(prefixes []string, number string) int {
	best := -1
	for _, p := range prefixes {
		if p != "" && strings.HasPrefix(number, p) {
			best = max(best, len(p))
		}
	}
	return best
}

// isNumber says that the text can be dialled.
func isNumber(text string) bool {
	digits := strings.TrimPrefix(text, "+")
	return digits != "" && len(digits) <= 32 && strings.Trim(digits, "0123456789*#") == ""
}

// isUser says that the text is a number or a plain name, which can stand in a URI as it is.
func isUser(text string) bool {
	return isNumber(text) || text != "" && len(text) <= 64 &&
		strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+") == ""
}

// uriUser writes a number into a URI: # must be escaped there (RFC 3261 §25.1).
func uriUser(number string) string { return strings.ReplaceAll(number, "#", "%23") }
