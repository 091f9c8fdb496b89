package catalogue

import (
	"regexp"
	"slices"
	"strings"
)

// Languages are the languages in which every sentence of the catalogue must exist, the first being the
// one that is shown when another is missing.
var Languages = []string{"fr", "en"}

// Text is one sentence in every language of the helpline: {"fr": "…", "en": "…"}.
type Text map[string]string

// In returns the sentence in lang, or in the helpline's first language where lang is not spoken.
func (t Text) In(lang string) string {
	if s, ok := t[lang]; ok && s != "" {
		return s
	}
	return t[Languages[0]]
}

// Fill returns the sentence in lang with its {variables} replaced. A part in [brackets] that names a
// variable without a value is left out whole, so that "Bonjour[ {prenom}]" stays a greeting when the
// child gave no name; missing lists the variables outside brackets that had no value and stay visible,
// for the counsellor to complete.
func (t Text) Fill(lang string, vars map[string]string) (filled string, missing []string) {
	return fill(t.In(lang), vars)
}

func fill(s string, vars map[string]string) (string, []string) {
	var b strings.Builder
	var missing []string
	for s != "" {
		i := strings.IndexAny(s, "{[")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		open, rest := s[i], s[i+1:]
		closing := "}"
		if open == '[' {
			closing = "]"
		}
		end := strings.Index(rest, closing)
		if end < 0 { // an opening without an end is an ordinary sign
			b.WriteString(s[i:])
			break
		}
		inside := rest[:end]
		s = rest[end+1:]
		switch {
		case open == '[':
			part, lacks := fill(inside, vars)
			switch {
			case !strings.Contains(inside, "{"):
				b.WriteString("[" + inside + "]")
			case len(lacks) == 0:
				b.WriteString(part)
			}
		case vars[inside] != "":
			b.WriteString(vars[inside])
		default:
			b.WriteString("{" + inside + "}")
			missing = append(missing, inside)
		}
	}
	return b.String(), missing
}

var variable = regexp.MustCompile(`\{([^{}]*)\}`)

// variables returns the distinct names between braces, sorted.
func variables(s string) []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Link is an address with the words it is shown under.
type Link struct {
	Label Text   `toml:"label"`
	URL   string `toml:"url"`
}
