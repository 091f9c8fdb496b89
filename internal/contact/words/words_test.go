package words_test

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vigie/internal/contact/words"
)

var langs = []string{"fr", "en"}

// Words and stems that must never be handed to a child: insults, sex, violence, death, drugs, religion, brands,
// bodies, and what the helpline is about. "stem*" forbids every word that begins so.
//
//go:embed testdata/blocked.txt
var blocked string

// Each list has exactly 4,096 different words, in order, so that a word's place is 12 bits and can be searched.
func TestListShape(t *testing.T) {
	letters := regexp.MustCompile(`^[a-z]{3,9}$`)
	for _, lang := range langs {
		list := words.List(lang)
		if len(list) != words.Size || words.Size != 4096 {
			t.Errorf("%s: %d words", lang, len(list))
		}
		for i, w := range list {
			if !letters.MatchString(w) {
				t.Errorf("%s: %q is not 3 to 9 letters a to z", lang, w)
			}
			if i > 0 && list[i-1] >= w {
				t.Errorf("%s: %q and %q are out of order or the same", lang, list[i-1], w)
			}
		}
	}
	if words.List("de") != nil {
		t.Error("a list for a language we do not have")
	}
}

// Nothing in the lists can hurt, frighten, or say what the paper in the pocket is for.
func TestListsAreFriendly(t *testing.T) {
	for line := range strings.Lines(blocked) {
		bad := strings.TrimSpace(line)
		if bad == "" || strings.HasPrefix(bad, "#") {
			continue
		}
		stem, isStem := strings.CutSuffix(bad, "*")
		for _, lang := range langs {
			for _, w := range words.List(lang) {
				if w == stem || isStem && strings.HasPrefix(w, stem) {
					t.Errorf("%s: %q is blocked by %q", lang, w, bad)
				}
			}
		}
	}
}

// No word stands beside its own plural: nobody remembers which it was.
func TestNoPluralBesideItsSingular(t *testing.T) {
	for _, lang := range langs {
		for _, w := range words.List(lang) {
			for _, plural := range []string{w + "s", w + "x", w + "es"} {
				if _, both := words.Index(lang, plural); both {
					t.Errorf("%s: %q and %q", lang, w, plural)
				}
			}
		}
	}
}

// Said on the phone, two words of a list must not sound the same: at most one of each group is in.
func TestNoHomophones(t *testing.T) {
	groups := map[string][]string{
		"fr": {
			"ancre encre", "antre entre", "auteur hauteur", "balade ballade", "balai ballet", "boue bout", "brin brun",
			"camp quand", "cerf serre", "champ chant", "choeur coeur", "coin coing", "compte comte conte", "coq coque",
			"cour cours court", "cuir cuire", "danse dense", "eau haut", "est haie", "faim fin", "faire fer", "jean gens",
			"lac laque", "lyre lire", "maire mer", "mais mets", "mil mille", "mou moue", "pain pin", "palais palet",
			"paume pomme", "pause pose", "pois poids", "port porc", "reine renne", "roc rock", "roue roux", "sale salle",
			"sang sans cent", "saut seau sceau sot", "sel selle", "sol sole saule", "taire terre", "tante tente", "ver verre vers vert", "vin vingt vain",
			"voie voix", "volet volley", "foi foie fois", "pot peau", "signe cygne", "sou sous", "thon ton", "filtre philtre",
		},
		"en": {
			"aisle isle", "ant aunt", "bare bear", "beach beech", "berry bury", "blew blue", "board bored", "brake break", "buy bye",
			"ceiling sealing", "cell sell", "cent scent sent", "cereal serial", "cheap cheep", "council counsel", "currant current",
			"cymbal symbol", "dear deer", "fair fare", "feat feet", "flair flare", "flea flee", "flour flower", "fourth forth", "fur fir", "hair hare",
			"hall haul", "heal heel", "hear here", "hole whole", "hour our", "key quay", "knight night", "leak leek", "made maid", "mail male",
			"main mane", "meat meet", "one won", "pail pale", "pair pear", "peace piece", "plain plane", "pole poll", "rain reign", "read reed red",
			"right write", "road rode", "role roll", "root route", "sail sale", "sea see", "sew sow so", "some sum", "son sun", "stair stare",
			"stake steak", "steal steel", "sundae sunday", "sweet suite", "tail tale", "their there", "time thyme", "toad towed", "toe tow", "two too",
			"waist waste", "wait weight", "weak week", "wear where", "weather whether", "which witch", "wood would",
		},
	}
	for lang, sets := range groups {
		for _, set := range sets {
			var in []string
			for _, w := range strings.Fields(set) {
				if _, ok := words.Index(lang, w); ok {
					in = append(in, w)
				}
			}
			if len(in) > 1 {
				t.Errorf("%s: %v sound the same", lang, in)
			}
		}
	}
}

// The fewer words lie one letter apart, the more typos can be put right. Easy words cost some such pairs; whoever
// changes a list must not let them grow.
func TestFewNearPairs(t *testing.T) {
	most := map[string]int{"fr": 860, "en": 890}
	for _, lang := range langs {
		near := 0
		blanked := map[string]int{} // words by what is left when one letter is blanked out
		for _, w := range words.List(lang) {
			slips := map[string]bool{}
			for i := range w {
				slips[w[:i]+w[i+1:]] = true
				if i > 0 && w[i-1] < w[i] {
					slips[w[:i-1]+w[i:i+1]+w[i-1:i]+w[i+1:]] = true
				}
				blank := w[:i] + "_" + w[i+1:]
				near += blanked[blank]
				blanked[blank]++
			}
			for slip := range slips {
				if _, ok := words.Index(lang, slip); ok {
					near++
				}
			}
		}
		t.Logf("%s: %d pairs one letter apart", lang, near)
		if near > most[lang] {
			t.Errorf("%s: %d pairs one letter apart, at most %d", lang, near, most[lang])
		}
	}
}

// A word's place and the word at that place agree, and what is not in the list has no place.
func TestIndex(t *testing.T) {
	for _, lang := range langs {
		for i, w := range words.List(lang) {
			if at, ok := words.Index(lang, w); !ok || at != i {
				t.Fatalf("%s: Index(%q) = %d, %v, want %d", lang, w, at, ok, i)
			}
		}
		for _, w := range []string{"", "zzzz", "Lapin", "lapin ", "forêt"} {
			if _, ok := words.Index(lang, w); ok {
				t.Errorf("%s: %q has a place", lang, w)
			}
		}
	}
	if _, ok := words.Index("de", "lapin"); ok {
		t.Error("a place in a list we do not have")
	}
}

// However a person writes her four words down, the tokens are the words.
func TestNormalise(t *testing.T) {
	for _, c := range []struct{ name, typed, want string }{
		{"as shown", "lapin soleil pomme tambour", "lapin soleil pomme tambour"},
		{"hyphens", "lapin-soleil-pomme-tambour", "lapin soleil pomme tambour"},
		{"commas and dots", "lapin,soleil. pomme; tambour.", "lapin soleil pomme tambour"},
		{"capitals", "LAPIN Soleil PoMMe tambouR", "lapin soleil pomme tambour"},
		{"lines and tabs", "lapin\r\nsoleil\tpomme\n\n tambour ", "lapin soleil pomme tambour"},
		{"numbered", "1. lapin 2) soleil 3- pomme 4:tambour", "lapin soleil pomme tambour"},
		{"quotes and dashes", "« lapin » — “soleil” – 'pomme' ‑ tambour !", "lapin soleil pomme tambour"},
		{"needless accents", "lapïn sôleil pömme tâmbour", "lapin soleil pomme tambour"},
		{"accents set apart", "le\u0301zard ça", "lezard ca"},
		{"ligatures", "Cœur ŒUF ﬁl æ", "coeur oeuf fil ae"},
		{"full width", "ｌａｐｉｎ　ｓｏｌｅｉｌ", "lapin soleil"},
		{"invisible signs", "la\u00adpin\u200b \ufeffsoleil", "lapin soleil"},
		{"emoji", "lapin🐰soleil☀️pomme", "lapin soleil pomme"},
		{"apostrophe", "l'abeille l’avion", "l abeille l avion"},
		{"another script", "кролик lapin", "lapin"},
		{"broken bytes", "lapin\xffsoleil\xc3", "lapin soleil"},
		{"one word too many is the caller's to refuse", "a b c d e", "a b c d e"},
		{"nothing", "", ""},
		{"only signs", " .,;-_!? 42 ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(words.Normalise(c.typed), " "); got != c.want {
				t.Errorf("Normalise(%q) = %q, want %q", c.typed, got, c.want)
			}
		})
	}
}

// Pasting a book costs nothing: only its first kilobyte is read.
func TestNormaliseIsBounded(t *testing.T) {
	if n := len(words.Normalise(strings.Repeat("a ", 1<<20))); n != 512 {
		t.Errorf("%d tokens", n)
	}
}

// Every list word survives being shown, typed back and split again.
func TestListWordsAreNormalised(t *testing.T) {
	for _, lang := range langs {
		list := words.List(lang)
		for four := range slices.Chunk(list, 4) {
			if got := words.Normalise(strings.ToUpper(strings.Join(four, " - "))); !slices.Equal(got, four) {
				t.Fatalf("%s: %v came back as %v", lang, four, got)
			}
		}
	}
}

// Four words of the right list, every word about equally often: chi-square over 4,096 cells, 4,095 degrees of
// freedom, must stay within eight standard deviations (√(2·4095) ≈ 90.5), which chance breaks about never and a
// modulo bias or a wrong range always.
func TestPick(t *testing.T) {
	const draws = 20_000
	for _, lang := range langs {
		var seen [words.Size]int
		for range draws {
			code, err := words.Pick(lang)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range code {
				at, ok := words.Index(lang, w)
				if !ok {
					t.Fatalf("%s: picked %q, which is not in the list", lang, w)
				}
				seen[at]++
			}
		}
		const expected = float64(4*draws) / words.Size
		chi := 0.0
		for _, n := range seen {
			d := float64(n) - expected
			chi += d * d / expected
		}
		if chi < 4095-8*90.5 || chi > 4095+8*90.5 {
			t.Errorf("%s: chi-square %.0f, expected about 4095", lang, chi)
		}
	}
	if _, err := words.Pick("de"); err == nil {
		t.Error("picked words of a list we do not have")
	}
}

// A caller that changes its copy of a list changes nobody else's.
func TestListIsACopy(t *testing.T) {
	words.List("fr")[0] = "changed"
	if words.List("fr")[0] == "changed" {
		t.Error("the shared list was changed")
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"", "lapin soleil pomme tambour", "Cœur-ŒUF", "e\u0301", "\xff\xc3(", "l’été 42 🐰", "ﬁ ŉ İ K ſ"} {
		f.Add(s)
	}
	letters := regexp.MustCompile(`^[a-z]+$`)
	f.Fuzz(func(t *testing.T, typed string) {
		tokens := words.Normalise(typed)
		for _, token := range tokens {
			if !letters.MatchString(token) {
				t.Fatalf("Normalise(%q) gave %q", typed, token)
			}
		}
		if again := words.Normalise(strings.Join(tokens, " ")); len(typed) < 256 && !slices.Equal(again, tokens) {
			t.Fatalf("Normalise(%q) = %q, and again %q", typed, tokens, again)
		}
	})
}
