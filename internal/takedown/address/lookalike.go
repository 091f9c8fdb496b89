package address

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	"vigie/internal/catalogue"
)

// names are what the platforms' hosts look like.
type names struct {
	hosts   map[string]string // skeleton of a host → platform
	whole   []owned           // hosts long enough to be looked for inside another
	ofBrand map[string]string // skeleton of a platform's own name in its host → platform
}

// owned is a host and the platform whose it is.
type owned struct{ host, platform string }

// leastName is how long a name is at least to be looked for inside other hosts; a shorter one is an
// ordinary word.
const leastName = 6

func namesOf(platforms *catalogue.Platforms) names {
	n := names{hosts: map[string]string{}, ofBrand: map[string]string{}}
	for _, p := range platforms.All {
		for _, h := range p.Hosts {
			n.hosts[skeleton(h)] = p.Code
			if len(h) >= leastName+2 {
				n.whole = append(n.whole, owned{h, p.Code})
			}
			first, _, _ := strings.Cut(h, ".")
			// Servers of an open network bear its name rightly.
			if first == p.Code && len(first) >= leastName && !p.Open {
				n.ofBrand[skeleton(first)] = p.Code
			}
		}
	}
	return n
}

// suspect says whether a host, which is no platform's, is made to look like one's, and which.
func (n names) suspect(host string) (Trouble, string) {
	shown, err := idna.ToUnicode(host)
	if err != nil {
		shown = host
	}
	for below := shown; below != ""; _, below, _ = strings.Cut(below, ".") {
		if code, ok := n.hosts[skeleton(below)]; ok {
			return Lookalike, code
		}
	}
	for _, label := range strings.Split(shown, ".") {
		if mixed(label) {
			code := n.ofBrand[skeleton(label)]
			return MixedScript, code
		}
	}
	dotted := "." + strings.ReplaceAll(host, "-", ".") + "."
	for _, o := range n.whole {
		if strings.Contains(dotted, "."+o.host+".") {
			return Disguised, o.platform
		}
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		registered = host
	}
	// What somebody registered, and not what she keeps below it: "roblox.fandom.com" is an honest wiki.
	own, _, _ := strings.Cut(registered, ".")
	if own, err = idna.ToUnicode(own); err != nil {
		return "", ""
	}
	for _, word := range append(strings.Split(own, "-"), own) {
		if code, ok := n.ofBrand[skeleton(word)]; ok {
			return Disguised, code
		}
	}
	return "", ""
}

// skeleton is a name as it looks at a glance (after UTS #39 §4): two names with one skeleton are taken
// for each other.
func skeleton(name string) string {
	var b strings.Builder
	for _, c := range norm.NFKD.String(strings.ToLower(name)) {
		if like, ok := looksLike[c]; ok {
			c = like
		}
		switch {
		case unicode.Is(unicode.Mn, c), c == '-', c == '_':
		default:
			b.WriteRune(c)
		}
	}
	return pairs.Replace(b.String())
}

// pairs are two letters that look like one.
var pairs = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d")

// looksLike are letters and digits of other alphabets, and of ours, that look like a letter of ours.
var looksLike = func() map[rune]rune {
	like := map[rune]rune{}
	for ours, others := range map[rune]string{
		'a': "аɑαạӓ@", 'b': "ЬьƄƅ", 'c': "сϲⅽᴄ", 'd': "ԁɗđⅾ", 'e': "еєҽɛ3", 'f': "ƒſ", 'g': "ɡցɢ9", 'h': "һհ", 'j': "јϳ",
		'k': "кκќ", 'l': "1iı|ӏіїɩǀⅼⅰłƚι", 'm': "мⅿ", 'n': "пոηɴ", 'o': "0оοօσ", 'p': "рρ", 'q': "ԛզ", 'r': "гᴦ", 's': "5ѕꜱ",
		't': "тτŧ", 'u': "υսцʋ", 'v': "νѵⅴ", 'w': "ѡԝա", 'x': "хχⅹ", 'y': "уүγʏ", 'z': "ᴢʐ",
	} {
		for _, other := range others {
			like[other] = ours
		}
	}
	return like
}()

// apart are alphabets whose letters are taken for Latin ones; a name that mixes two of these four is
// nobody's (UTS #39 §5.1). Japanese mixes Latin with its own and means nothing by it.
var apart = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee}

func mixed(label string) bool {
	scripts := 0
	for _, script := range apart {
		if strings.ContainsFunc(label, func(c rune) bool { return unicode.Is(script, c) }) {
			scripts++
		}
	}
	return scripts > 1
}
