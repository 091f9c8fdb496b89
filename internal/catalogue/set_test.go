package catalogue

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// seeds is the catalogue as Vigie brings it.
func seedSet(t testing.TB) *Set {
	t.Helper()
	set, err := Seeds()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// checked reads and checks a whole catalogue from the texts of its documents, as publishing one does. With flaws
// there is no set.
func checked(texts map[Doc][]byte) (*Set, Flaws) {
	set, pages := read(texts, proposed, nil)
	if flaws := flawsOf(pages); len(flaws) > 0 {
		return nil, flaws
	}
	return set, nil
}

// The seeds are a whole catalogue without a flaw.
func TestSeeds(t *testing.T) {
	_, flaws := checked(seedTexts())
	for _, f := range flaws {
		t.Errorf("%s.toml:%d: %s: %s %v", f.Doc, f.Line, f.Path, f.Key, f.Args)
	}
	for _, doc := range Docs {
		if Seed(doc) == nil || doc.Title() == "" {
			t.Errorf("%s has no seed, or no opening comment that says what it is", doc)
		}
	}
	if Seed("../catalogue") != nil {
		t.Error("a document that does not exist has a seed")
	}
}

// A newer program's seeds come to the documents that nobody edited, and to no others.
func TestNewerSeeds(t *testing.T) {
	newer := func(doc Doc) []byte {
		return []byte(strings.Replace(string(Seed(doc)), "edition = 1\n", "edition = 2\n", 1))
	}
	old := map[Doc]stored{
		DocHours: {version: 3, edition: 1, text: []byte("as it came")},
		DocForm:  {version: 4, edition: 0, text: []byte("edited")},
		DocLines: {version: 5, edition: 7, text: []byte("of a program that is newer still")},
	}
	planned := withSeeds(old, newer)
	for doc, want := range map[Doc]stored{
		DocHours: {4, 2, newer(DocHours)}, DocForm: old[DocForm], DocLines: old[DocLines], DocGuides: {1, 2, newer(DocGuides)},
	} {
		if got := planned[doc]; got.version != want.version || got.edition != want.edition || string(got.text) != string(want.text) {
			t.Errorf("%s: version %d of edition %d", doc, got.version, got.edition)
		}
	}
}

// edited returns the seeds with one text of one document changed; unless it is about the lexicon, with a
// small one, which is quicker to read.
func edited(t *testing.T, doc Doc, old, new string) map[Doc][]byte {
	t.Helper()
	texts := seedTexts()
	if doc != DocLexicon && doc != DocLexiconTest {
		texts[DocLexicon] = []byte(toy)
		texts[DocLexiconTest] = []byte("edition = 1\n[[heard]]\ncode = \"die\"\nsentences = [\"je veux mourir\"]\n[[silent]]\nabout = \"x\"\nsentences = [\"bonjour\"]")
	}
	if !strings.Contains(string(texts[doc]), old) {
		t.Fatalf("%s does not contain %q", doc, old)
	}
	texts[doc] = []byte(strings.Replace(string(texts[doc]), old, new, 1))
	return texts
}

// Whatever an editor gets wrong is refused, with the line where it stands and what it is.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		what     string
		doc      Doc
		old, new string
		key      string // of the first flaw
		at       string // what stands on its line
	}{
		{"broken grammar", DocHours, `timezone = "Europe/Paris"`, `timezone = "Europe/Paris`, "grammar", `timezone = "Europe/Paris`},
		{"a plan that is none", DocHours, `holidays = "fr"`, "holidays = \"fr\"\nplanning = { answered_percent = 100 }", "max", "planning = {"},
		{"a wrong type", DocHours, `closing_soon_minutes = 30`, `closing_soon_minutes = "thirty"`, "grammar", `closing_soon_minutes`},
		{"a misspelt key", DocTaxonomy, "family = \"harassment\"\n", "famly = \"harassment\"\n", "key_unknown", `famly`},
		{"a key in the wrong place", DocDoNow, "[[card.step]]\ndo = ", "[[card.step]]\nfor = \"young\"\ndo = ", "key_unknown", `for = "young"`},
		{"an unknown key inside a list", DocForm, `{ code = "parent", label`, `{ code = "parent", lable = "x", label`, "key_unknown", `lable`},
		{"a key that means something already", DocPhone, `key = "8"`, `key = "9"`, "value_unknown", `key = "9"`},
		{"a second language that is not spoken", DocPhone, "key = \"8\"\nlang = \"en\"", "key = \"8\"\nlang = \"de\"", "value_unknown", `lang = "de"`},
		{"a number of ours without a number", DocPhone, "# [[number]]\n", "[[number]]\ncalled = []\nlang = \"en\"\n", "empty", "called = []"},
		{"no edition", DocHours, "edition = 1\n", "", "edition_missing", ""},
		{"a sentence missing in English", DocTaxonomy, `{ fr = "Raid numérique", en = "Online pile-on" }`, `{ fr = "Raid numérique" }`, "text_missing", "Raid numérique"},
		{"an empty sentence", DocLines, `en = "Take your time. We are still here." }`, `en = " " }`, "text_missing", `en = " "`},
		{"a third language", DocTaxonomy, `en = "Online pile-on" }`, `en = "Online pile-on", de = "Meute" }`, "language_unknown", "Meute"},
		{"spaces round a sentence", DocTaxonomy, `en = "Online pile-on" }`, `en = "Online pile-on " }`, "text_spaces", "pile-on "},
		{"a code twice", DocTaxonomy, `code = "pile_on"`, `code = "cyberbullying"`, "code_twice", `code = "cyberbullying"`},
		{"a code with capitals", DocTaxonomy, `code = "pile_on"`, `code = "PileOn"`, "code_form", "PileOn"},
		{"a family that is not there", DocTaxonomy, "code = \"pile_on\"\nfamily = \"harassment\"", "code = \"pile_on\"\nfamily = \"insults\"", "reference_missing", `family = "insults"`},
		{"a flag that is not one", DocTaxonomy, `flags = ["takedown", "intimate", "no_capture", "grave"]`, `flags = ["takedown", "secret"]`, "value_unknown", "secret"},
		{"a DSA keyword of another category", DocTaxonomy, `keyword = "KEYWORD_PHISHING"`, `keyword = "KEYWORD_SUICIDE"`, "dsa_keyword", "KEYWORD_SUICIDE"},
		{"a DSA keyword that excludes minors", DocTaxonomy, `dsa = { category = "STATEMENT_CATEGORY_CYBER_VIOLENCE", keyword = "KEYWORD_CYBER_HARASSMENT" }`, `dsa = { category = "STATEMENT_CATEGORY_CYBER_VIOLENCE", keyword = "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING" }`, "dsa_adults_only", "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING"},
		{"a one-click closing of a talk", DocTaxonomy, "code = \"other\"\nfamily = \"rights\"", "code = \"other\"\nclosing = { line = \"closing_test\", key = \"z\" }\nfamily = \"rights\"", "closing_talk", "closing_test"},
		{"a closing that says a line that is not there", DocTaxonomy, `line = "closing_joke"`, `line = "closing_prank"`, "reference_missing", "closing_prank"},

		{"a free text copied in clear", DocForm, "type = \"long\"\nlabel = { fr = \"Ce qui est dit\", en = \"What is said\" }\nhint = { fr = \"Les mots de la personne. Des faits, pas d'avis.\", en = \"The person's own words. Facts, no opinion.\" }\nkeep = \"sealed\"", "type = \"long\"\nlabel = { fr = \"Ce qui est dit\", en = \"What is said\" }\nkeep = \"fact\"", "sealed_text", `keep = "fact"`},
		{"a danger copied in clear", DocForm, "label = { fr = \"Arme\", en = \"Weapon\" }\nkeep = \"sealed\"", "label = { fr = \"Arme\", en = \"Weapon\" }\nkeep = \"fact\"", "sealed_danger", `keep = "fact"`},
		{"a choice without choices", DocForm, "code = \"age\"\ntype = \"age\"", "code = \"age\"\ntype = \"choice\"", "choices", ""},
		{"a scale out of order", DocForm, `{ code = "2", label = { fr = "Moyen", en = "Medium" } }`, `{ code = "5", label = { fr = "Moyen", en = "Medium" } }`, "scale", `code = "5"`},
		{"a condition on an answer that cannot be given", DocForm, `when = { field = "meeting_planned", is = ["yes"] }`, `when = { field = "meeting_planned", is = ["perhaps"] }`, "reference_missing", "perhaps"},
		{"a condition on a field that is not there", DocForm, `when = { field = "meeting_planned", is = ["yes"] }`, `when = { field = "meeting", is = ["yes"] }`, "reference_missing", `"meeting"`},
		{"an alarm for a danger that is not there", DocForm, "danger = \"grooming\"\nraises", "danger = \"boredom\"\nraises", "reference_missing", "boredom"},

		{"a first answer that fills a field that is not there", DocQuestions, `form = { who = "child" }`, `form = { whom = "child" }`, "reference_missing", "whom"},
		{"a topic card without a topic", DocDoNow, `topic = "sextortion"`, `topic = "blackmail"`, "reference_missing", "blackmail"},
		{"a variable nobody fills", DocLines, "{conseiller} est là, avec toi.", "{prenoms} est là, avec toi.", "variable_unknown", "prenoms"},
		{"a variable in one language only", DocLines, "{conseiller} is here with you. Write", "We are here with you. Write", "variable_differs", "We are here with you"},
		{"a brace left open", DocLines, "On ferme à {heure}. Reste", "On ferme à {heure. Reste", "text_braces", "{heure. Reste"},
		{"a line that the house needs", DocLines, `code = "parked"`, `code = "resting"`, "required_missing", ""},
		{"silences in the wrong order", DocLines, `second = "6m"`, `second = "1m"`, "silence", "[silence]"},

		{"paper before the call", DocProtocols, "code = \"ask\"\nkind = \"talk\"", "code = \"ask\"\nkind = \"paper\"", "call_first", ""},
		{"a call to nobody", DocProtocols, `call = ["15", "112"]`, `call = []`, "empty", "call = []"},
		{"a number that is not there", DocProtocols, `call = ["3114"]`, `call = ["3115"]`, "reference_missing", "3115"},
		{"a telephone number with letters", DocNumbers, `number = "116 006"`, `number = "116 OO6"`, "number_form", "116 OO6"},
		{"a day that is no date", DocGuides, `verified_on = "2026-11-23"`, `verified_on = "23 novembre"`, "date_form", "23 novembre"},
		{"a link that is not https", DocGuides, `url = "https://takeitdown.ncmec.org"`, `url = "http://takeitdown.ncmec.org"`, "link_form", "http://"},
		{"a platform that is not there", DocGuides, `platform = "tiktok"`, `platform = "toktik"`, "reference_missing", "toktik"},
		{"a host with www", DocPlatforms, `hosts = ["snapchat.com"]`, `hosts = ["www.snapchat.com"]`, "host", "www.snapchat.com"},

		{"a pattern that cannot be read", DocPlatforms, `paths = ["vm.tiktok.com/{item}"]`, `paths = ["vm.tiktok.com/{video}"]`, "shape_form", "{video}"},
		{"a part of an unknown class", DocPlatforms, `paths = ["/@{account}/video/{item:digits}/**"]`, `paths = ["/@{account}/video/{item:numbers}/**"]`, "shape_form", "{item:numbers}"},
		{"a pattern of somebody else's host", DocPlatforms, `paths = ["vm.tiktok.com/{item}"]`, `paths = ["vm.toktik.com/{item}"]`, "shape_host", "toktik"},
		{"a pattern that lacks what is written down", DocPlatforms, `paths = ["/@{account}/live"]`, `paths = ["/live"]`, "shape_parts", `"/live"`},
		{"a normal form that another pattern takes", DocPlatforms, `normal = "www.instagram.com/stories/highlights/{item:digits}"`, `normal = "www.instagram.com/direct/t/{item:digits}"`, "shape_normal", "direct/t/{item:digits}"},
		{"a normal form that is written otherwise", DocPlatforms, `normal = "www.facebook.com/reel/{item:digits}"`, `normal = "www.facebook.com/video.php?v={item:digits}"`, "shape_normal", "video.php"},
		{"an open network with a host of its own", DocPlatforms, `normal = "{host}/post/{item:digits}"`, `normal = "lemmy.world/post/{item:digits}"`, "shape_host", "lemmy.world/post"},
		{"a wrapper that carries nothing", DocPlatforms, `"l.instagram.com/?u={address}"`, `"l.instagram.com/?u=x"`, "wrapper", "l.instagram.com"},
		{"a main host that is not there", DocPlatforms, `main_hosts = ["fortnite.com"]`, `main_hosts = ["fortnite.fr"]`, "host", "fortnite.fr"},
		{"a form that nobody can open", DocPlatforms, "form = \"art16\"\nnote = { fr = \"Le site", "form = \"art16\"\nverified_on = \"2026-11-23\"\n[[platform.route]]\nkind = \"mail\"\nholder = \"desk\"\nnote = { fr = \"Le site", "route_lacks", "[[platform.route]]"},
		{"a form whose map is not there", DocPlatforms, `form = "art16"`, `form = "art17"`, "reference_missing", "art17"},
		{"a mailbox with a name", DocPlatforms, "kind = \"mail\"\nholder = \"desk\"\n", "kind = \"mail\"\nholder = \"desk\"\naddress = \"Aide <aide@example.org>\"\n", "mail_form", "Aide <"},
		{"a route that no connector walks", DocPlatforms, `kind = "atproto"`, `kind = "pigeon"`, "value_unknown", "pigeon"},
		{"a mark that is on every page", DocPlatforms, `judge = { to_check = true }`, `judge = { gone = ["404"] }`, "mark", `"404"`},
		{"an escalation before the reminder", DocPlatforms, `escalate_hours = 96`, `escalate_hours = 24`, "clock_order", "[clock]"},
		{"hours that are nobody's", DocPlatforms, "escalate_hours = 96\nours = true", "escalate_hours = 96", "clock_source", "[clock]"},
		{"a ground that is not there", DocPlatforms, `hosts = ["snapchat.com"]`, "hosts = [\"snapchat.com\"]\ngrounds = [\"gossip\"]", "reference_missing", "gossip"},
		{"a contact on a line that is not listed", DocPlatforms, `contact = { to_check = true }`, `contact = { number = "119" }`, "reference_missing", `"119"`},

		{"a statement with a place for a name", DocGrounds, `vise {personne} et fait partie`, `vise {prenom} et fait partie`, "variable_unknown", "prenom"},
		{"a statement without the address", DocGrounds, `fr = "Le contenu à l'adresse {adresse}[, publié par le compte {compte}], vu le {vu}, menace`, `fr = "Le contenu[, publié par le compte {compte}], vu le {vu}, menace`, "variable_differs", "menace {personne}"},
		{"a ground in law without an article", DocGrounds, "articles = [\"CP 223-1-1\"]\n", "", "ground_article", "[[ground]]"},
		{"an article that is none", DocGrounds, `articles = ["CP 223-1-1"]`, `articles = ["article 223-1-1"]`, "article_form", "article 223-1-1"},
		{"an article of an unknown law", DocGrounds, `articles = ["CP 223-1-1"]`, `articles = ["XY 223-1-1"]`, "reference_missing", "XY 223-1-1"},
		{"a name left out without the directive", DocGrounds, "code = \"doxing\"\n", "code = \"doxing\"\ndirective = [5]\nabout = \"adult\"\n", "directive", "directive = [5]"},
		{"a name left out for another article", DocGrounds, `directive = [6]`, `directive = [8]`, "directive", "directive = [8]"},
		{"a name left out by one person alone", DocGrounds, "directive = [5]\nsecond_reader = true\n", "directive = [5]\n", "second_reader", "[[ground]]"},
		{"a ground that keeps what its category forbids", DocGrounds, "second_reader = true\nno_capture = true\n", "second_reader = true\n", "ground_capture", "images_spread"},
		{"a reason that Bluesky does not have", DocGrounds, `bluesky = "reasonHarassmentTroll"`, `bluesky = "reasonMeanness"`, "value_unknown", "reasonMeanness"},
		{"a Mastodon category that is none", DocGrounds, `mastodon = "spam"`, `mastodon = "nasty"`, "value_unknown", "nasty"},
		{"a type of XARF that is none", DocGrounds, `exploitation = "grooming"`, `exploitation = "bullying"`, "value_unknown", "bullying"},
		{"a DSA keyword for adults about a minor", DocGrounds, `keyword = "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL" }`, `keyword = "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING" }`, "dsa_keyword", "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING"},
		{"a circumstance that nobody knows", DocGrounds, `police_first = ["always"]`, `police_first = ["sometimes"]`, "value_unknown", "sometimes"},
		{"a category that is not there", DocGrounds, `categories = ["stalking"]`, `categories = ["following"]`, "reference_missing", "following"},
		{"a partner that is not there", DocGrounds, `parallel = ["pharos"]`, `parallel = ["interpol"]`, "reference_missing", "interpol"},

		{"an offence without an article", DocOffences, `articles = ["CP 323-1"]`, `articles = []`, "empty", "articles = []"},
		{"a penalty of nothing", DocOffences, `penalty = [{ years = 3, euros = 100000 }]`, `penalty = [{ years = 0 }]`, "penalty", "years = 0"},
		{"a plain case that is none", DocOffences, `penalty = [{ years = 3, euros = 100000 }]`, `penalty = [{ when = { fr = "la nuit", en = "at night" }, years = 3 }]`, "penalty_order", "la nuit"},
		{"an offence said to adults only", DocOffences, `young = { fr = "On entre dans`, `yuong = { fr = "On entre dans`, "key_unknown", "yuong"},
		{"a place to complain that is not there", DocOffences, `where = ["school", "complaint", "prosecutor"]`, `where = ["mayor"]`, "reference_missing", "mayor"},
		{"a topic that is not there", DocOffences, `topics = ["distress"]`, `topics = ["sadness"]`, "reference_missing", "sadness"},

		{"an emergency that begins with paper", DocPartners, `channels = ["call"]`, `channels = ["letter", "call"]`, "call_first", "channels ="},
		{"a consent rule that is none", DocPartners, `consent = "told"`, `consent = "assumed"`, "value_unknown", "assumed"},
		{"a portal without an address", DocPartners, "chase_hours = 72, ours = true }\nto_check = true\n", "chase_hours = 72, ours = true }\n", "partner_address", "[[partner]]"},
		{"a partner's key that is none", DocPartners, "numbers = [\"119\"]\nchannels = [\"call\", \"link\"]", "numbers = [\"119\"]\nkey = \"age1\"\nchannels = [\"call\", \"link\"]", "partner_key", `key = "age1"`},
		{"a field of a part that is not there", DocPartners, "code = \"harm\"\ngroup = \"facts\"", "code = \"harm\"\ngroup = \"feelings\"", "reference_missing", "feelings"},
		{"a field filled from nowhere", DocPartners, `from = "safe_now"`, `from = "safe"`, "reference_missing", `from = "safe"`},
		{"an office in no département", DocPartners, `department = "44"`, `department = "444"`, "reference_missing", "444"},
		{"a number that partners lack", DocPartners, `numbers = ["3919"]`, `numbers = ["3920"]`, "reference_missing", "3920"},
		{"an answer that cannot be given", DocPartners, `must = "yes"`, `must = "perhaps"`, "value_unknown", "perhaps"},
		{"a chase-up before the answer", DocPartners, `answer_hours = 72, chase_hours = 96`, `answer_hours = 72, chase_hours = 24`, "deadline_order", "chase_hours = 24"},
		{"a child who hears nothing first", DocPartners, `young = { fr = "Je vais écrire aux adultes`, `parents_hint = { fr = "Je vais écrire aux adultes`, "key_unknown", "parents_hint"},

		{"a duration too short to be meant", DocKeeping, "days = 730", "days = 7", "span", "days = 7"},
		{"a duration without an end that nobody said", DocKeeping, "days = 730", "days = 0", "keep_unlimited", "days = 0"},
		{"minutes kept for ever", DocKeeping, "days = 30\nreason = { fr = \"Proposer", "unlimited = true\nreason = { fr = \"Proposer", "keep_unlimited", "[[rule]]"},
		{"a sound that outlasts its conversation", DocKeeping, "days = 90\nreason = { fr = \"Rappeler", "days = 900\nreason = { fr = \"Rappeler", "keep_longer", "days = 900"},
		{"a kind of data without a rule", DocKeeping, `code = "proof"`, `code = "proofs"`, "required_missing", ""},
		{"a preview of a day", DocKeeping, "notice = 7", "notice = 1", "span", "notice = 1"},

		{"hours that do not exist", DocHours, `from = "09:00"`, `from = "25:00"`, "time_form", "25:00"},
		{"a day that does not exist", DocHours, `"sun"]`, `"sonntag"]`, "value_unknown", "sonntag"},
		{"a time zone that does not exist", DocHours, "Europe/Paris", "Europe/Marseille", "timezone", "Marseille"},
		{"a closure of a month", DocClosure, "from = \"\"\nuntil = \"\"", "from = \"2026-11-01T00:00:00Z\"\nuntil = \"2026-12-01T00:00:00Z\"", "closure", "2026-12-01"},
		{"a call that never comes", DocQueues, "on_call_after = \"2m\"", "on_call_after = \"2h\"", "on_call_after", "on_call_after"},
		{"no ageing", DocQueues, "ageing_per_minute = 2", "ageing_per_minute = 0", "ageing", "ageing_per_minute"},
		{"a last queue that does not take everybody", DocQueues, "code = \"all\"\n", "code = \"all\"\nlangs = [\"fr\"]\n", "queue_last", ""},
		{"a queue for a public that is not there", DocQueues, `publics = ["parent"]`, `publics = ["aunt"]`, "reference_missing", "aunt"},

		{"a lexicon that no longer hears", DocLexicon, `words = ["mourir", "mourire", "mouri", "mourirr", "crever", "krever", "crevé", "canner", "clamser", "mourrir", "die", "unalive"]`, `words = ["crever", "die"]`, "sentence_missed", "je veux mourir"},
		{"a lexicon that hears too much", DocLexicon, `"je <want> <die>",`, `"je <want> <die>", "bonjour",`, "sentence_heard", "bonjour"},
		{"a test sentence that is not heard", DocLexiconTest, `"je veux mourir", `, `"je veux un poney", "je veux mourir", `, "sentence_missed", "poney"},
	} {
		t.Run(c.what, func(t *testing.T) {
			texts := edited(t, c.doc, c.old, c.new)
			set, flaws := checked(texts)
			if len(flaws) == 0 || set != nil {
				t.Fatal("it is taken")
			}
			f := flaws[0]
			if f.Doc != c.doc && f.Doc != DocLexiconTest || f.Key != "fault.catalogue."+c.key {
				t.Errorf("%s: %s (%s %v), want %s", f.Doc, f.Key, f.Path, f.Args, c.key)
			}
			if c.at == "" {
				return
			}
			lines := strings.Split(string(texts[f.Doc]), "\n")
			if f.Line < 1 || f.Line > len(lines) || !strings.Contains(lines[f.Line-1], c.at) {
				t.Errorf("line %d does not hold %q", f.Line, c.at)
			}
		})
	}
}

// Every reason for refusing has a sentence in both languages.
func TestEveryFlawHasASentence(t *testing.T) {
	key := regexp.MustCompile(`\.flaw\("([a-z_]+)"|Key: +"fault\.catalogue\.([a-z_]+)"|"fault\.catalogue\.([a-z_]+)"`)
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(source), -1) {
			keys[m[1]+m[2]+m[3]] = true
		}
	}
	if len(keys) < 40 {
		t.Fatalf("only %d reasons found: the pattern is wrong", len(keys))
	}
	for _, lang := range Languages {
		sentences, err := os.ReadFile("../web/i18n/catalogue." + lang + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for k := range keys {
			if !strings.Contains(string(sentences), `"fault.catalogue.`+k+`"`) {
				t.Errorf("%s: fault.catalogue.%s has no sentence", lang, k)
			}
		}
	}
}

// The outline knows the line of every kind of key that TOML can write.
func TestOutline(t *testing.T) {
	const text = `# a comment = "no key"
plain = "a # no comment"
"quoted key" = 'it = is'
dotted.key = 3 # one
multi = """
fake = "no"
[[not.a.table]]
a "quote" and \""" three
"""
raw = '''
fake = 2
'''
list = [
  "a", # first
  { code = "b", label = { fr = "x" } },
  [1, 2],
]
inline = { one = 1, two = { three = 3 } }
date = 2026-11-23T10:00:00Z
[table]
a = 1
[[array]]
a = 1
[[array]]
a = 2
[[array.inner]]
b = 3
[array.last]
c = 4
`
	o := readOutline(text)
	for path, line := range map[string]int{
		"plain": 2, "quoted key": 3, "dotted": 4, "dotted.key": 4, "multi": 5, "raw": 10, "list": 13, "list[0]": 14, "list[1].code": 15,
		"list[1].label.fr": 15, "list[2][1]": 16, "inline.two.three": 18, "date": 19, "table": 20, "table.a": 21, "array[0].a": 23,
		"array[1]": 24, "array[1].a": 25, "array[1].inner[0].b": 27, "array[1].last.c": 29,
	} {
		if o[path] != line {
			t.Errorf("%s is on line %d, want %d", path, o[path], line)
		}
	}
	if _, ok := o["fake"]; ok {
		t.Error("a line inside a string counts as a key")
	}
	if o.line("array[1].inner[0].missing.deep") != 26 {
		t.Errorf("what is missing is looked for at line %d, want its parent's 26", o.line("array[1].inner[0].missing.deep"))
	}
}

// The outline never fails, whatever the text, and what the library reads the outline finds.
func FuzzOutline(f *testing.F) {
	for _, doc := range []Doc{DocHours, DocClosure, DocQueues} {
		f.Add(string(Seed(doc)))
	}
	f.Add("a = [[1],\n{b='''\n'''}]\n[[x]]\n[x.y]\nz=1")
	f.Fuzz(func(t *testing.T, text string) {
		o := readOutline(text)
		for path, line := range o {
			if line < 1 || line > 1+strings.Count(text, "\n") {
				t.Fatalf("%q is on line %d of %q", path, line, text)
			}
		}
		o.unknown(reflect.TypeFor[Hours]())
	})
}

// A whole document of anything at all is refused or taken, never worse.
func FuzzDocument(f *testing.F) {
	docs := []Doc{DocHours, DocQueues, DocQuestions, DocNumbers, DocPlatforms, DocGrounds, DocOffences, DocPartners, DocTaxonomy, DocForm, DocLexicon, DocClosure}
	for i, doc := range docs[:8] {
		f.Add(i, string(Seed(doc)))
	}
	f.Add(0, toy)
	f.Fuzz(func(t *testing.T, which int, text string) {
		s := &Set{Taxonomy: new(Taxonomy), Form: new(Form), Lexicon: new(Lexicon), Hours: new(Hours), Queues: new(Queues), Questions: new(Questions), Numbers: new(Numbers),
			Platforms: new(Platforms), Grounds: new(Grounds), Offences: new(Offences), Partners: new(Partners), closure: new(closure)}
		doc := docs[((which%len(docs))+len(docs))%len(docs)]
		decode(doc, []byte(text), s.document(doc), proposed)
	})
}
