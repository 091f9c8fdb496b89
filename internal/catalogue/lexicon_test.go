package catalogue

import (
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// seedLexicon is the lexicon as Vigie brings it.
func seedLexicon(t testing.TB) *Lexicon {
	t.Helper()
	set, err := Seeds()
	if err != nil {
		t.Fatal(err)
	}
	return set.Lexicon
}

// The lexicon hears every sentence that it must hear and lets pass what must pass: a thousand sentences,
// French and English, as they are really typed.
func TestSentences(t *testing.T) {
	tests := new(lexiconTest)
	p := decode(DocLexiconTest, Seed(DocLexiconTest), tests, proposed)
	tests.run(p, seedLexicon(t))
	for _, f := range p.flaws {
		t.Errorf("lexicon_test.toml:%d: %s %v", f.Line, f.Key, f.Args)
	}
	heard, silent := 0, 0
	for _, g := range tests.Heard {
		heard += len(g.Sentences)
	}
	for _, g := range tests.Silent {
		silent += len(g.Sentences)
	}
	if heard < 500 || silent < 200 {
		t.Errorf("%d sentences to hear and %d to let pass: the list has shrunk", heard, silent)
	}
}

// toy is a lexicon small enough to be read here.
const toy = `
edition = 1
fillers = ["vraiment"]
distinct = ["poisson"]
typos = ["suicide"]
idioms = ["<die> de (rire|faim)"]
[joined]
j = "je"
[spelling]
jveu = "je veux"
tlm = "tout le monde"
[negation]
words = ["pas", "jamais", "not", "dont"]
before = 3
undo = ["arrete"]
stops = ["je", "i"]
level = 1
percent = 20
[joking]
phrases = ["mdr", "je rigole"]
percent = 50
[[class]]
name = "die"
words = ["mourir", "crever"]
[[class]]
name = "grown"
range = [19, 99]
[[entry]]
code = "die"
danger = "suicide"
level = 3
weight = 600
negated_before = true
reason = { fr = "dit vouloir mourir", en = "wants to die" }
phrases = ["je veux <die>", "envie de? <die>", "want to die", "suicide", "menac* .. tuer"]
[[entry]]
code = "friend"
danger = "suicide"
level = 3
weight = 500
reason = { fr = "s'inquiète pour quelqu'un", en = "worries about somebody" }
phrases = ["copine .. envie de? <die>"]
[[entry]]
code = "poison"
danger = "suicide"
level = 2
weight = 100
negated = "drop"
reason = { fr = "parle de poison", en = "speaks of poison" }
phrases = ["poison"]
[[entry]]
code = "grown"
danger = "grooming"
level = 1
weight = 10
negated = "keep"
reason = { fr = "parle d'un adulte", en = "speaks of an adult" }
phrases = ["il a <grown> ans"]
[[entry]]
code = "money"
signal = true
phrases = ["euros"]
[[entry]]
code = "photo"
signal = true
phrases = ["photo", "photos"]
[[entry]]
code = "blackmail"
danger = "sextortion"
level = 3
weight = 500
reason = { fr = "chantage", en = "blackmail" }
[[together]]
code = "blackmail"
all = ["money", "photo"]
within = 8
`

func toyLexicon(t testing.TB) *Lexicon {
	t.Helper()
	l := new(Lexicon)
	if p := decode(DocLexicon, []byte(toy), l, proposed); len(p.flaws) > 0 {
		t.Fatal(p.flaws)
	}
	return l
}

// However a child spells it, the same thing is heard; and what only looks like it is not.
func TestSpelling(t *testing.T) {
	l := toyLexicon(t)
	for _, heard := range []string{
		"je veux mourir", "JE VEUX MOURIR", "Je veux mourir.", "jveu mourir", "je veux vraiment mourir", "je  veux\nmourir",
		"je veuuuux mouriiiir", "je veux mourrir", "je veux m.o.u.r.i.r", "je veux m o u r i r", "je veux... mourir",
		"𝓳𝓮 𝓿𝓮𝓾𝔁 𝓶𝓸𝓾𝓻𝓲𝓻", "ｊｅ ｖｅｕｘ ｍｏｕｒｉｒ", "je v\u200beux mour\u0301ir", "je veux m0urir", "envie de mourir", "j'ai envie mourir",
		"le suicide", "le sucide", "le suicdie", "le suicidee", "le su*cide", "il menaçait de se tuer", "jveux mourir",
	} {
		if len(l.Scan(heard)) == 0 {
			t.Errorf("%q is not heard", heard)
		}
	}
	for _, silent := range []string{
		"", " ", "je veux dormir", "je veux mourir de rire", "envie de crever de faim", "le suisse", "poisson", "je veux",
		"m o u r i r", "il a 12 ans", "il a ans", "il a 120 ans",
	} {
		if hits := l.Scan(silent); len(hits) > 0 {
			t.Errorf("%q rings %s (%s)", silent, hits[0].Code, hits[0].Rule)
		}
	}
}

// A hit explains itself: which entry, which rule, which words of the text, and why it weighs less.
func TestExplanation(t *testing.T) {
	l := toyLexicon(t)
	text := "Salut… jveu vraiment MOURIR"
	hits := l.Scan(text)
	if len(hits) != 1 {
		t.Fatalf("%d hits, want 1: %v", len(hits), hits)
	}
	h := hits[0]
	if h.Code != "die" || h.Danger != "suicide" || h.Level != 3 || h.Weight != 600 || h.Rule != "je veux <die>" || h.Softened != Unsoftened {
		t.Errorf("%+v", h)
	}
	if h.Phrase != "jveu vraiment MOURIR" || text[h.Start:h.End] != h.Phrase {
		t.Errorf("the words are %q at %d–%d", h.Phrase, h.Start, h.End)
	}
	if h.Reason.In("en") != "wants to die" {
		t.Errorf("the reason is %q", h.Reason.In("en"))
	}
}

// Denied or said with a laugh it weighs less, and is not silenced; what stops a negation is known.
func TestSoftening(t *testing.T) {
	l := toyLexicon(t)
	for _, c := range []struct {
		text     string
		code     string // "" for silence
		level    int
		weight   int
		softened Softening
	}{
		{"je veux mourir", "die", 3, 600, Unsoftened},
		{"je veux pas mourir", "die", 1, 120, Negated},
		{"j'ai pas du tout envie de mourir", "die", 1, 120, Negated},
		{"i dont want to die", "die", 1, 120, Negated},
		{"je sais pas je veux mourir", "die", 3, 600, Unsoftened},
		{"non pas ça, envie de mourir", "die", 3, 600, Unsoftened},
		{"j'arrête pas, arrete pas envie de mourir", "die", 3, 600, Unsoftened},
		{"je veux mourir mdr", "die", 2, 300, Joked},
		{"je rigole, je veux mourir", "die", 2, 300, Joked},
		{"je rigole pas je veux mourir", "die", 3, 600, Unsoftened},
		{"du poison", "poison", 2, 100, Unsoftened},
		{"pas il a dit poison", "poison", 2, 100, Unsoftened},
		{"il a pas 30 ans", "grown", 1, 10, Unsoftened},
	} {
		hits := l.Scan(c.text)
		if len(hits) == 0 {
			if c.code != "" {
				t.Errorf("%q: silence", c.text)
			}
			continue
		}
		if h := hits[0]; h.Code != c.code || h.Level != c.level || h.Weight != c.weight || h.Softened != c.softened {
			t.Errorf("%q: %s level %d weight %d %q, want %s %d %d %q", c.text, h.Code, h.Level, h.Weight, h.Softened, c.code, c.level, c.weight, c.softened)
		}
	}
}

// What is heard together makes its own entry, when it is near enough.
func TestTogether(t *testing.T) {
	l := toyLexicon(t)
	hits := l.Scan("il veut 200 euros pour mes photos")
	if len(hits) != 1 || hits[0].Code != "blackmail" || hits[0].Rule != "money + photo" || hits[0].Phrase != "euros … photos" {
		t.Fatalf("%+v", hits)
	}
	if hits := l.Scan("j'ai 200 euros. " + strings.Repeat("bla ", 20) + "photos"); len(hits) != 0 {
		t.Errorf("far apart it still rings: %+v", hits)
	}
	if hits := l.Scan("photos"); len(hits) != 0 {
		t.Errorf("a signal alone rings: %+v", hits)
	}
}

// A longer phrase about the same danger speaks for the shorter one inside it, but a phrase that has its
// own subject speaks for itself.
func TestLongerPhraseSpeaks(t *testing.T) {
	l := toyLexicon(t)
	if hits := l.Scan("ma copine a envie de mourir"); len(hits) != 1 || hits[0].Code != "friend" {
		t.Errorf("%+v", hits)
	}
	hits := l.Scan("ma copine le sait, je veux mourir")
	if len(hits) == 0 || hits[0].Code != "die" {
		t.Errorf("%+v", hits)
	}
}

// A rule that nobody could understand is refused with its line.
func TestLexiconRefused(t *testing.T) {
	for _, c := range []struct{ old, new, key string }{
		{`"je veux <die>"`, `"je veux <live>"`, "class_unknown"},
		{`"je veux <die>"`, `"je (veux mourir"`, "phrase"},
		{`"je veux <die>"`, `".. mourir ..99"`, "phrase"},
		{`"je veux <die>"`, `"vraiment"`, "phrase"},
		{`"je veux <die>"`, `"(vraiment|bien) mourir"`, "phrase"},
		{`"je veux <die>"`, `"(a|b)? (c|d)? ` + strings.Repeat("(e f|g h)? ", 12) + `"`, "phrase"},
		{`words = ["mourir", "crever"]`, `words = ["mourir", "se crever"]`, "one_word"},
		{`words = ["mourir", "crever"]`, `words = ["mou*"]`, "one_word"},
		{`words = ["mourir", "crever"]`, `words = []`, "empty"},
		{`range = [19, 99]`, `range = [99, 19]`, "range"},
		{`level = 3`, `level = 4`, "level"},
		{`weight = 600`, `weight = 0`, "max"},
		{`tlm = "tout le monde"`, `tlm = "jveu"`, "spelling"},
		{`all = ["money", "photo"]`, `all = ["money", "picture"]`, "reference_missing"},
		{`all = ["money", "photo"]`, `all = ["money"]`, "together"},
		{`percent = 50`, `percent = 0`, "softening"},
		{`negated = "drop"`, `negated = "perhaps"`, "value_unknown"},
	} {
		text := strings.Replace(toy, c.old, c.new, 1)
		if text == toy {
			t.Fatalf("%q is not in the toy lexicon", c.old)
		}
		p := decode(DocLexicon, []byte(text), new(Lexicon), proposed)
		if len(p.flaws) == 0 || p.flaws[0].Key != "fault.catalogue."+c.key || p.flaws[0].Line == 0 {
			t.Errorf("%s: %v, want %s", c.new, p.flaws, c.key)
		}
	}
}

// Whatever is typed, the scan ends, points into the text, and says the same thing twice.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"je veux mourir", "g 13 ans", "mes nudes tournent 😭", "\xff\xfe", "l'l'l'", "e\u0301", "a*b", "12h30 200€", "s.u.i", strings.Repeat("je veux ", 200)} {
		f.Add(s)
	}
	l := seedLexicon(f)
	f.Fuzz(func(t *testing.T, text string) {
		hits := l.Scan(text)
		again := l.Scan(text)
		if len(hits) != len(again) {
			t.Fatalf("%d hits, then %d", len(hits), len(again))
		}
		for i, h := range hits {
			if h.Start < 0 || h.End > len(text) || h.Start >= h.End || h.Level < 1 || h.Level > 3 || h.Weight < 1 || h.Reason.In("fr") == "" {
				t.Fatalf("%+v", h)
			}
			if h.Code != again[i].Code || h.Phrase != again[i].Phrase {
				t.Fatalf("%+v, then %+v", h, again[i])
			}
			if utf8.ValidString(text) && !utf8.ValidString(h.Phrase) {
				t.Fatalf("the words are cut: %q", h.Phrase)
			}
		}
	})
}

// A phrase of an editor never brings the reader down.
func FuzzPhrase(f *testing.F) {
	for _, s := range []string{"je <want> <die>", "(a|b c)? ..3 d", "((", "..", "a? b?", "<", "a|b", "menac*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, phrase string) {
		seqs, err := parsePhrase(phrase)
		if err == nil && len(seqs) == 0 {
			t.Errorf("%q: neither sequences nor a reason", phrase)
		}
		for _, seq := range seqs {
			if err == nil && (len(seq) == 0 || seq[0].gap > 0 || seq[len(seq)-1].gap > 0) {
				t.Errorf("%q: %v", phrase, seq)
			}
		}
	})
}

// The cost of listening to one message; cpu-ns/op is what the processor spent, whoever else was on it.
func BenchmarkScan(b *testing.B) {
	l := seedLexicon(b)
	for name, text := range map[string]string{
		"short": "salut je sais pas trop comment dire mais ya un truc qui va pas au collège",
		"hit":   "jveux mourir ce soir j'en peux plus il a mes nudes et veut 200 euros sinon il envoie a tlm",
		"long":  strings.Repeat("Bonjour, je vous écris parce que ma fille ne veut plus aller au collège depuis lundi. ", 25),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpu()
			for b.Loop() {
				l.Scan(text)
			}
			b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A thousand visitors who write at once are listened to side by side.
func TestScanSideBySide(t *testing.T) {
	l := seedLexicon(t)
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 200 {
				if hits := l.Scan("je veux mourir"); len(hits) == 0 || hits[0].Code != "suicide" {
					t.Fatal(hits)
				}
				if hits := l.Scan("je meurs de faim"); len(hits) != 0 {
					t.Fatal(hits)
				}
			}
		})
	}
}
