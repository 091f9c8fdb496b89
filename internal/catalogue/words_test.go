package catalogue

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Variables are filled, a part in brackets goes with its variable, and what has no value stays to be seen.
func TestFill(t *testing.T) {
	text := Text{"fr": "Bonjour[ {prenom}], je suis {conseiller}[, à {heure}]."}
	for _, c := range []struct {
		vars    map[string]string
		want    string
		missing string
	}{
		{map[string]string{"prenom": "Lina", "conseiller": "Camille"}, "Bonjour Lina, je suis Camille.", ""},
		{map[string]string{"conseiller": "Camille"}, "Bonjour, je suis Camille.", ""},
		{map[string]string{"conseiller": "Camille", "heure": "9 h"}, "Bonjour, je suis Camille, à 9 h.", ""},
		{nil, "Bonjour, je suis {conseiller}.", "conseiller"},
		{map[string]string{"conseiller": "{prenom}"}, "Bonjour, je suis {prenom}.", ""}, // a value is not read again
	} {
		got, missing := text.Fill("fr", c.vars)
		if got != c.want || strings.Join(missing, " ") != c.missing {
			t.Errorf("%v: %q lacks %v, want %q", c.vars, got, missing, c.want)
		}
	}
	if got, _ := (Text{"fr": "Tu l'as [déjà] dit {"}).Fill("fr", nil); got != "Tu l'as [déjà] dit {" {
		t.Errorf("signs that are nothing special: %q", got)
	}
	if got := (Text{"fr": "Bonjour"}).In("en"); got != "Bonjour" {
		t.Errorf("where English is missing: %q", got)
	}
}

// A counsellor finds an answer by its shortcut, by the beginning of a word, and by several words.
func TestSearchAnswers(t *testing.T) {
	answers := seedSet(t).Answers
	first := func(typed, lang, speaks string) string {
		found := answers.Search(typed, lang, speaks)
		if len(found) == 0 {
			return ""
		}
		return found[0].Code
	}
	for _, c := range []struct{ typed, lang, speaks, want string }{
		{"bjr", "fr", Young, "hello"},
		{"bj", "fr", Young, "hello"},
		{"3114", "fr", Young, "line_3114"},
		{"pay", "fr", Young, "dont_pay"},
		{"DÉJÀ", "fr", Young, "already_paid"},
		{"pas image", "fr", Young, "no_picture"},
		{"robot", "en", Young, "robot"},
		{"your fault", "en", Young, "not_your_fault"},
		{"punir", "fr", Adult, "no_punish"},
		{"punir", "fr", Young, ""},
		{"xyzzy", "fr", "", ""},
	} {
		if got := first(c.typed, c.lang, c.speaks); got != c.want {
			t.Errorf("%q (%s, %s) finds %q first, want %q", c.typed, c.lang, c.speaks, got, c.want)
		}
	}
	if all := answers.Search("", "fr", ""); len(all) != len(answers.All) {
		t.Errorf("nothing typed shows %d of %d", len(all), len(answers.All))
	}
	for _, a := range answers.Search("", "fr", Young) {
		if _, missing := a.Fill(Young, "fr", map[string]string{"conseiller": "Camille", "fermeture": "23 h", "heure": "18 h", "jour": "mardi", "delai": "deux minutes"}); len(missing) > 0 {
			t.Errorf("%s: %v can be filled by nobody", a.Code, missing)
		}
	}
}

// In danger the first number is the one that sends somebody; each danger has its order, and none of
// them is ours, which may be closed.
func TestNumbers(t *testing.T) {
	set := seedSet(t)
	for danger, first := range map[string]string{"suicide": "3114", "home": "17", "abduction": "17", "drugs": "15", "runaway": "119", "": "17", "no-such-danger": "17"} {
		if got := set.Numbers.For(danger); len(got) == 0 || got[0].Code != first {
			t.Errorf("%q begins with %v, want %s", danger, got, first)
		}
	}
	for _, d := range set.Taxonomy.Dangers {
		numbers := set.Numbers.For(d.Code)
		if len(set.Numbers.order(d.Code)) == 0 || !slices.ContainsFunc(numbers, func(n Number) bool { return n.By("sms") && n.Emergency }) {
			t.Errorf("%s has no order of its own, or no number by text", d.Code)
		}
		for _, n := range numbers {
			if n.Ours {
				t.Errorf("%s sends back to ourselves", d.Code)
			}
		}
	}
	if n, _ := set.Numbers.ByCode("116006"); n.Dial() != "116006" || len(n.Hours) != 0 {
		t.Errorf("116 006: %+v (its hours are not confirmed)", n)
	}
}

// Each topic has its card for the young and for adults; an unknown one has the general card.
func TestDoNow(t *testing.T) {
	set := seedSet(t)
	topics, _ := set.Questions.Question(AskTopic)
	for _, c := range topics.Choices {
		for _, speaks := range []string{Young, Adult} {
			card := set.DoNow.For(c.Code, speaks)
			if c.Code != "other" && card.Topic != c.Code || card.For != speaks || len(card.Steps) == 0 {
				t.Errorf("%s %s: %q", c.Code, speaks, card.Title)
			}
		}
	}
	if card := set.DoNow.For("no-such-topic", Young); card.Topic != General {
		t.Errorf("an unknown topic gets %q", card.Topic)
	}
	// The order that saves: no payment, no answer, proof, and only then the block.
	var said []string
	for _, s := range set.DoNow.For("sextortion", Young).Steps {
		said = append(said, s.Do["fr"])
	}
	order := strings.ToLower(strings.Join(said, " / "))
	pay, answer, proof, block := strings.Index(order, "paie"), strings.Index(order, "réponds"), strings.Index(order, "preuves"), strings.Index(order, "bloque")
	if pay < 0 || !slices.IsSorted([]int{pay, answer, proof, block}) {
		t.Errorf("the order of the sextortion card: %s", order)
	}
	if never := set.DoNow.For("sextortion", Young).Never["fr"]; !strings.Contains(never, "nue") {
		t.Errorf("it does not say never to keep or send the picture: %s", never)
	}
}

// The call precedes the form in every protocol, and says whom to call first.
func TestProtocols(t *testing.T) {
	set := seedSet(t)
	for _, danger := range []string{"suicide", "sextortion", "grooming", "exploitation", "home"} {
		protocols := set.Protocols.For(danger)
		if len(protocols) == 0 {
			t.Errorf("%s has no protocol", danger)
			continue
		}
		call, paper := -1, -1
		for i, s := range protocols[0].Steps {
			if s.Kind == "call" && call < 0 {
				call = i
			}
			if s.Kind == "paper" && paper < 0 {
				paper = i
			}
		}
		if call < 0 || paper < call || len(protocols[0].Never) == 0 {
			t.Errorf("%s: call at %d, paper at %d", danger, call, paper)
		}
	}
}

// Everybody has a queue, whatever they skipped or chose.
func TestQueues(t *testing.T) {
	set := seedSet(t)
	for _, c := range []struct{ lang, public, topic, want string }{
		{"fr", "young", "", "young"}, {"fr", "", "", "young"}, {"fr", "friend", "images", "young"}, {"fr", "parent", "", "parent"},
		{"fr", "professional", "", "all"}, {"en", "young", "", "young_en"}, {"en", "", "", "young_en"}, {"en", "parent", "", "adult_en"},
		{"de", "young", "", "all"},
	} {
		if got := set.Queues.For(c.lang, c.public, c.topic).Code; got != c.want {
			t.Errorf("%v waits in %s, want %s", c, got, c.want)
		}
	}
	for _, q := range set.Queues.All {
		if q.Ageing == 0 {
			t.Errorf("in %s nobody's waiting counts", q.Code)
		}
	}
	// A skill is what somebody can be given besides her languages, with a name; a language is none, or whoever
	// speaks it without the skill would no longer be rung.
	skills := set.Queues.Asked()
	if len(skills) == 0 {
		t.Error("no queue asks for a skill: nobody sees what skills are")
	}
	for _, s := range skills {
		if slices.Contains(Languages, s.Code) || s.Label.In("fr") == s.Code || s.Label.In("en") == s.Code {
			t.Errorf("the skill %q is called %q", s.Code, s.Label)
		}
	}
	// The gravest word goes before an hour of anybody's waiting; waiting beats what is not grave.
	suicide, _ := set.Lexicon.Entry("suicide_now")
	distress, _ := set.Lexicon.Entry("distress")
	hour := 60 * set.Queues.AgeingPerMinute
	if suicide.Weight <= hour+20 || distress.Weight >= hour {
		t.Errorf("suicide_now %d, an hour %d, distress %d", suicide.Weight, hour, distress.Weight)
	}
	for _, code := range []string{"came_back", "lexicon.suicide"} {
		if reason, ok := set.Reason(code); !ok || reason.In("en") == "" {
			t.Errorf("%s has no sentence", code)
		}
	}
	if _, ok := set.Reason("lexicon.nothing"); ok {
		t.Error("a reason that nobody wrote is said")
	}
}

// The first answers decide how a visitor is spoken to, and begin the form.
func TestFirstQuestions(t *testing.T) {
	set := seedSet(t)
	for who, want := range map[string]string{"young": Young, "friend": Young, "": Young, "parent": Adult, "professional": Adult, "martian": Young} {
		if got := set.Questions.Speaks(who); got != want {
			t.Errorf("%q is spoken to as %s", who, got)
		}
	}
	if got := set.Questions.Prefill(map[string]string{AskWho: "parent", AskAge: "13_14"}); got["who"] != "parent" || len(got) != 1 {
		t.Errorf("the form begins with %v", got)
	}
	if !set.Questions.Has(AskTopic, "images") || !set.Questions.Has(AskTopic, "") || set.Questions.Has(AskTopic, "gardening") {
		t.Error("topics are not told apart")
	}
	if q := set.Questions.Last; q.For(Adult)["fr"] == q.For(Young)["fr"] || len(q.Choices) < 3 {
		t.Errorf("%v", q)
	}
}

// One click closes what was no conversation, and something kind is said.
func TestOneClickClosings(t *testing.T) {
	set := seedSet(t)
	want := []string{"silent", "disconnected", "joke", "test", "wrong_number", "thanks", "abusive", "about_us", "other_service", "duplicate"}
	var got []string
	for _, c := range set.Taxonomy.Closings() {
		got = append(got, c.Code)
		if c.Closing.Line != "" && set.Lines.Say(c.Closing.Line, Young, "fr", nil) == "" {
			t.Errorf("%s says nothing", c.Code)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A sexual image of a minor is never captured, and its word in the DSA vocabulary is the one for minors.
func TestImagesOfMinors(t *testing.T) {
	set := seedSet(t)
	for _, code := range []string{"images_spread", "images_threatened", "sextortion", "deepfake", "voyeurism", "csam_seen", "live_abuse", "nude_request"} {
		c, ok := set.Taxonomy.ByCode(code)
		if !ok || !c.Has(NoCapture) {
			t.Errorf("%s may be captured", code)
		}
		if v := c.Vocabulary(true); v != nil && slices.Contains(aboutAdults, v.Keyword) {
			t.Errorf("%s: %s excludes minors", code, v.Keyword)
		}
	}
	c, _ := set.Taxonomy.ByCode("images_spread")
	if c.Vocabulary(true).Keyword != "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL" || c.Vocabulary(false).Keyword != "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING" {
		t.Errorf("%+v, %+v", c.DSA, c.AdultDSA)
	}
}

// Places are found by code, by name without accents, and a platform by the host of a link.
func TestPlaces(t *testing.T) {
	set := seedSet(t)
	count := 0
	for _, d := range set.Departments.All {
		if d.Kind == "department" {
			count++
		}
	}
	if count != 101 {
		t.Errorf("%d départements, want 101", count)
	}
	for typed, want := range map[string]string{"2A": "2a", "69": "69", "reun": "974", "seine-saint": "93", "Côtes": "22", "guyane": "973"} {
		if got := set.Departments.Search(typed, "fr"); len(got) == 0 || got[0].Code != want {
			t.Errorf("%q finds %v, want %s", typed, got, want)
		}
	}
	for host, want := range map[string]string{"m.tiktok.com": "tiktok", "WWW.Instagram.com": "instagram", "youtu.be": "youtube", "t.me": "telegram", "nottiktok.com": "", "": ""} {
		if got, _ := set.Platforms.ByHost(host); got.Code != want {
			t.Errorf("%q belongs to %q, want %q", host, got.Code, want)
		}
	}
}

// Two minutes, six minutes, then rest.
func TestSilence(t *testing.T) {
	s := seedSet(t).Lines.Silence
	for quiet, want := range map[time.Duration]string{
		119 * time.Second: "", 2 * time.Minute: LineSilenceFirst, 359 * time.Second: LineSilenceFirst, 6 * time.Minute: LineSilenceSecond,
	} {
		if got := s.After(quiet); got != want {
			t.Errorf("after %v: %q, want %q", quiet, got, want)
		}
	}
	if s.Left != 30*time.Minute {
		t.Errorf("a contact left quickly stays open %s, want 30 minutes", s.Left)
	}
}

// A line that an editor may change is one that somebody hears: the program says it, or a closing names it.
func TestEveryLineIsSaidSomewhere(t *testing.T) {
	source, err := os.ReadFile("lines.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // of the constants, by code
	for _, m := range regexp.MustCompile(`(Line\w+) += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		names[m[2]] = "catalogue." + m[1]
	}
	said := map[string]bool{}
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for code, name := range names {
			said[code] = said[code] || regexp.MustCompile(regexp.QuoteMeta(name)+`\b`).Match(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	set, err := Seeds()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range set.Taxonomy.Categories {
		if c.Closing != nil {
			said[c.Closing.Line] = true
		}
	}
	for _, line := range set.Lines.All {
		if !said[line.Code] {
			t.Errorf("nobody says the line %q", line.Code)
		}
	}
}
