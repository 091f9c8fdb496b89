package guide

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"vigie/internal/catalogue"
)

// What is told of numbers and of the law is held against one table: the catalogue's numbers and offences, and a few laws that
// are no offences (law.toml). So a number that changes, or a penalty, is changed in one place, and what still says the old one is found.

//go:embed law.toml
var lawFile string

// laws are the codes that articles are of, as a text calls them, and the articles of law.toml.
var laws = sync.OnceValue(func() (file struct {
	Codes []struct {
		Code string              `toml:"code"`
		Of   map[string][]string `toml:"of"`
	} `toml:"code"`
	Articles []string `toml:"articles"`
}) {
	if _, err := toml.Decode(lawFile, &file); err != nil {
		panic("guide: law.toml: " + err.Error()) // ours, and read by a test
	}
	return file
})

var (
	// article is « article 222-33-2-2 du code pénal », « articles 225-12-1 et 225-12-2 du code pénal ».
	article = regexp.MustCompile(`(?i)\barticles?\s+((?:[LRD]\.?\s?)?\d+(?:-\d+)*(?:(?:,| et| and| ou| or)\s+(?:[LRD]\.?\s?)?\d+(?:-\d+)*)*)\s+((?:du|of)\s+[\p{L}' -]+)?`)
	number  = regexp.MustCompile(`(?:[LRD]\.?\s?)?\d+(?:-\d+)*`)
	// years and euros are a penalty.
	years = regexp.MustCompile(`(?i)(\d+|un|one)\s+(?:ans?\s+de\s+prison|years?\s+(?:in|of)\s+prison)`)
	euros = regexp.MustCompile(`(?i)(\d[\d\s.,\x{00a0}\x{202f}]*)\s*euros|€\s?(\d[\d,]*)`)
	// bare are the numbers of services, written where they are not a link.
	bare = regexp.MustCompile(`(?:^|[^\d\p{L}-])(112|114|119|3018|3020|3114|3919|116\s?0\d\d|0\s?800\s?\d{3}\s?\d{3})(?:[^\d\p{L}]|$)`)
	// mdLink is a link in Markdown, its words and where it leads.
	mdLink = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)
)

// held says which numbers, articles and penalties of a text are not those of the catalogue.
func held(lang string, t Text, set *catalogue.Set) (flaws Flaws) {
	flaw := func(key string, args ...any) { flaws = append(flaws, Flaw{lang, "fault.guide." + key, args}) }
	for _, l := range t.links {
		way, digits, ok := strings.Cut(l.to, ":")
		if !ok || way != "tel" && way != "sms" {
			continue
		}
		n, known := service(set, digits)
		if !known || way == "sms" && !n.By("sms") || way == "tel" && !n.By("call") {
			flaw("number", "number", l.to)
		}
	}
	for _, m := range mdLink.FindAllStringSubmatch(t.Body, -1) {
		if _, digits, ok := strings.Cut(m[2], ":"); ok && (strings.HasPrefix(m[2], "tel:") || strings.HasPrefix(m[2], "sms:")) && digitsOf(m[1]) != digits {
			flaw("number_words", "words", m[1], "number", digits)
		}
	}
	if m := bare.FindStringSubmatch(t.Title + ". " + t.Summary); m != nil {
		if _, ok := service(set, m[1]); !ok {
			flaw("number", "number", m[1])
		}
	}
	if m := bare.FindStringSubmatch(mdLink.ReplaceAllString(t.Body, " ")); m != nil {
		flaw("number_bare", "number", m[1])
	}
	for paragraph := range strings.SplitSeq(mdLink.ReplaceAllString(t.Body, "$1"), "\n") {
		var named []string
		for _, m := range article.FindAllStringSubmatch(paragraph, -1) {
			code := codeOf(lang, m[2])
			for _, n := range number.FindAllString(m[1], -1) {
				full := code + " " + strings.NewReplacer(". ", "", ".", "", " ", "").Replace(n)
				if code == "" || !isLaw(full, set) {
					flaw("law", "article", strings.TrimSpace(m[0]))
					continue
				}
				named = append(named, full)
			}
		}
		for _, told := range penalties(paragraph) {
			if !threatens(set, named, told) {
				flaw("penalty", "years", told.Years, "euros", told.Euros)
			}
		}
	}
	return flaws
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func service(set *catalogue.Set, words string) (catalogue.Number, bool) {
	i := slices.IndexFunc(set.Numbers.All, func(n catalogue.Number) bool { return n.Dial() == digitsOf(words) })
	if i < 0 {
		return catalogue.Number{}, false
	}
	return set.Numbers.All[i], true
}

// codeOf is the code that words after an article name: "du code pénal" is "CP".
func codeOf(lang, words string) string {
	words = strings.ToLower(words)
	for _, c := range laws().Codes {
		for _, of := range c.Of[lang] {
			if strings.HasPrefix(words, of) {
				return c.Code
			}
		}
	}
	return ""
}

func isLaw(full string, set *catalogue.Set) bool {
	return slices.Contains(laws().Articles, full) ||
		slices.ContainsFunc(set.Offences.All, func(o catalogue.Offence) bool { return slices.Contains(o.Articles, full) }) ||
		slices.ContainsFunc(set.Offences.Notes, func(n catalogue.LawNote) bool { return slices.Contains(n.Articles, full) })
}

// penalties are those that a paragraph tells: each so many years with the fine that follows it.
func penalties(paragraph string) (all []catalogue.Penalty) {
	at := years.FindAllStringSubmatchIndex(paragraph, -1)
	for i, m := range at {
		p := catalogue.Penalty{}
		if n, err := strconv.Atoi(paragraph[m[2]:m[3]]); err == nil {
			p.Years = n
		} else {
			p.Years = 1
		}
		end := len(paragraph)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if fine := euros.FindStringSubmatch(paragraph[m[1]:end]); fine != nil {
			p.Euros, _ = strconv.Atoi(digitsOf(fine[1] + fine[2]))
		}
		all = append(all, p)
	}
	return all
}

// threatens says whether a penalty is one of those of the articles that are named beside it.
func threatens(set *catalogue.Set, named []string, told catalogue.Penalty) bool {
	for _, o := range set.Offences.All {
		if !slices.ContainsFunc(o.Articles, func(a string) bool { return slices.Contains(named, a) }) {
			continue
		}
		for _, p := range o.Penalties {
			if p.Years == told.Years && (told.Euros == 0 || p.Euros == told.Euros) {
				return true
			}
		}
	}
	return false
}
