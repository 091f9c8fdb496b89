package catalogue

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever an editor gets wrong in a quiz is refused, with the line where it stands.
func TestAQuizThatDoesNotHold(t *testing.T) {
	for _, c := range []struct {
		what, old, new string
		key            string // of the first flaw
		at             string // what stands on its line
	}{
		{"a danger that is not there", `grave = "sexual_violence"`, `grave = "boredom"`, "reference_missing", `grave = "boredom"`},
		{"a condition on a question that comes later", `when = ["acts.mocked", "acts.rumours", "acts.left_out", "acts.account", "acts.hit", "acts.touched"]
[[quiz.question.answer]]
code = "once"`, `when = ["acts.mocked", "authors.group"]
[[quiz.question.answer]]
code = "once"`, "quiz_when", `authors.group`},
		{"a condition on an answer that is not there", `when = ["facts.mocked", "facts.group", "facts.hit", "facts.sexual"]`, `when = ["facts.mocked", "facts.grup"]`, "quiz_when", `facts.grup`},
		{"a condition on the question itself", `when = ["facts.mocked", "facts.group", "facts.hit", "facts.sexual"]`, `when = ["often.once", "facts.group"]`, "quiz_when", `often.once`},
		{"two questions of one code", `code = "threats"`, `code = "images"`, "code_twice", `code = "images"`},
		{"two answers of one code", `code = "shaming"
text = { fr = "Une image gênante de moi`, `code = "no"
text = { fr = "Une image gênante de moi`, "code_twice", `code = "no"`},
		{"a code with a dot", `code = "mocked"
text = { fr = "On se moque`, `code = "mocked.online"
text = { fr = "On se moque`, "code_form", "mocked.online"},
		{"no quiz for parents", `code = "parent"`, `code = "teacher"`, "required_missing", ""},
		{"two quizzes of one code", "[[quiz.band]]\ncode = \"calm\"\nfrom = 0\ntitle = { fr = \"Restez", "[[quiz]]\ncode = \"young\"\n[[quiz.band]]\ncode = \"calm\"\nfrom = 0\ntitle = { fr = \"Restez", "quiz_bands", ""},
		{"an answer worth more than there is", `code = "days"
text = { fr = "Presque tous les jours", en = "Nearly every day" }
score = 4`, `code = "days"
text = { fr = "Presque tous les jours", en = "Nearly every day" }
score = 5`, "span", "score = 5"},
		{"a danger now of an answer that tells of none", `code = "unsure"
text = { fr = "Je ne sais pas", en = "I don't know" }
score = 3
[[quiz.question.answer]]
code = "not_home"`, `code = "unsure"
text = { fr = "Je ne sais pas", en = "I don't know" }
score = 3
now = true
[[quiz.question.answer]]
code = "not_home"`, "empty", ""},
		{"bands that begin too late", `from = 0
title = { fr = "Fais confiance`, `from = 1
title = { fr = "Fais confiance`, "quiz_bands", ""},
		{"bands that do not rise", "from = 14\n", "from = 5\n", "quiz_bands", ""},
		{"a highest band that no answers reach", "from = 14\n", "from = 46\n", "quiz_band", "from = 46"},
		{"a band between that no answers reach", "from = 5\ntitle = { fr = \"Ce que tu vis", "from = 46\ntitle = { fr = \"Ce que tu vis", "quiz_bands", ""},
		{"a guide by its title", `guides = ["cyberbullying", "complain", "contact-us"]`, `guides = ["Porter plainte"]`, "quiz_guide", "Porter plainte"},
		{"a verdict", `Un quiz ne sait pas tout.`, `Tu n'es pas victime.`, "quiz_verdict", "Tu n'es pas victime."},
		{"a verdict in English", `A quiz does not see everything`, `Your child is not being bullied`, "quiz_verdict", "not being bullied"},
		{"answers that are no message any more", `text = { fr = "On raconte des choses sur moi"`, `text = { fr = "` + strings.Repeat("On raconte des choses sur moi. ", 130) + `Oui"`, "quiz_long", ""},
		{"a sentence with a variable that nobody fills", "réponse grave au quiz : {danger}", "réponse grave au quiz : {dangers}", "variable_unknown", "{dangers}"},
	} {
		t.Run(c.what, func(t *testing.T) {
			texts := edited(t, DocQuiz, c.old, c.new)
			_, flaws := checked(texts)
			if len(flaws) == 0 {
				t.Fatal("nothing was found")
			}
			first := flaws[0]
			if first.Key != "fault.catalogue."+c.key {
				t.Fatalf("found %v first", flaws)
			}
			if line := strings.Split(string(texts[DocQuiz]), "\n"); first.Line > 0 && !strings.Contains(line[first.Line-1], c.at) {
				t.Errorf("it points at line %d: %s", first.Line, line[first.Line-1])
			} else if c.at != "" && first.Line == 0 {
				t.Errorf("it points nowhere")
			}
		})
	}
}

// A question that only a missing answer opens is asked of nobody, and neither is what its answers open.
func TestAQuestionNobodyComesTo(t *testing.T) {
	_, flaws := checked(edited(t, DocQuiz, `when = ["facts.mocked", "facts.group", "facts.hit", "facts.sexual"]`, `when = ["facts.grup"]`))
	var found []string
	for _, f := range flaws {
		found = append(found, f.Key)
	}
	if want := []string{"fault.catalogue.quiz_when", "fault.catalogue.quiz_unreached"}; !slices.Equal(slices.Sorted(slices.Values(found)), slices.Sorted(slices.Values(want))) {
		t.Errorf("found %v", flaws)
	}
}

// The scores that answers can make are those that trying all of them finds.
func TestScores(t *testing.T) {
	answers := func(scores ...int) (all []QuizAnswer) {
		for i, score := range scores {
			all = append(all, QuizAnswer{Code: strconv.Itoa(i), Score: score})
		}
		return all
	}
	quiz := Quiz{Questions: []QuizQuestion{
		{Code: "a", Answers: answers(0, 3)},
		{Code: "b", When: []string{"a.1"}, Answers: answers(4, 2)},
		{Code: "c", When: []string{"b.0", "a.0"}, Answers: answers(1, 4)},
		{Code: "d", Answers: answers(0, 0)},
	}}
	tried := map[int]bool{}
	var try func(at, score int, given map[string]bool)
	try = func(at, score int, given map[string]bool) {
		if at == len(quiz.Questions) {
			tried[score] = true
			return
		}
		try(at+1, score, given)
		if question := quiz.Questions[at]; question.asked(given) {
			for _, a := range question.Answers {
				more := maps.Clone(given)
				more[question.Code+"."+a.Code] = true
				try(at+1, score+a.Score, more)
			}
		}
	}
	try(0, 0, map[string]bool{})
	for score := range 64 {
		if got := quiz.scores()&(1<<score) != 0; got != tried[score] {
			t.Errorf("score %d: %t, want %t", score, got, tried[score])
		}
	}
}

// What is handed over is read by its codes alone, and only what the quiz would have asked.
func TestAnswersThatAreHandedOver(t *testing.T) {
	quizzes := seedSet(t).Quizzes
	for codes, want := range map[string]string{
		"young acts.mocked often.days":                             "young acts.mocked often.days",
		"young often.days acts.mocked":                             "young acts.mocked often.days", // in the order of the quiz
		"young acts.mocked acts.hit":                               "young acts.mocked",            // one answer to a question
		"young often.days images.no":                               "young images.no",              // a question that was not asked
		"young acts.none often.days":                               "young acts.none",
		"young acts.nonsense <b>x</b> acts.mocked; dark.die\u00a0": "young dark.die",
		"parent facts.mocked acts.mocked":                          "parent facts.mocked",
		"young":                                                    "",
		"young acts":                                               "",
		"":                                                         "",
		"teacher acts.mocked":                                      "",
		"acts.mocked young":                                        "",
		"young dark.die " + strings.Repeat("x", maxCodes): "",
	} {
		told, ok := quizzes.Told(codes)
		if got := told.Codes(); ok != (want != "") || ok && got != want {
			t.Errorf("%.60q is read as %q, %t, want %q", codes, got, ok, want)
		}
	}
}

// A quiz ends in words that open a door, in both languages, and all that may be handed over is one message.
func TestTheQuizzesThatVigieBrings(t *testing.T) {
	set := seedSet(t)
	talk := regexp.MustCompile(`(?i)parle|parlez|talk`)
	for code, want := range map[string]struct {
		speaks      string
		least, most int
	}{QuizYoung: {Young, 10, 12}, QuizParent: {Adult, 8, 10}} {
		quiz, ok := set.Quizzes.ByCode(code)
		if !ok || quiz.For != want.speaks || len(quiz.Questions) < want.least || len(quiz.Questions) > want.most {
			t.Fatalf("%s: %d questions for %q", code, len(quiz.Questions), quiz.For)
		}
		for _, lang := range Languages {
			for _, b := range quiz.Bands {
				if !talk.MatchString(b.Text.In(lang)) && b.Code != "worrying" {
					t.Errorf("%s %s (%s) invites nobody to talk", code, b.Code, lang)
				}
			}
			if n := quiz.longest(lang); n > maxTold {
				t.Errorf("%s (%s): %d characters", code, lang, n)
			}
		}
		for _, must := range []string{"suicide", "self_harm", "sextortion", "images", "grooming", "exploitation", "sexual_violence", "threat"} {
			if !slices.Contains(quiz.Dangers(), must) {
				t.Errorf("%s does not ask about %s", code, must)
			}
		}
		for _, question := range quiz.Questions {
			if question.Answers[0].Score != 0 && len(question.When) == 0 {
				t.Errorf("%s %s begins with an answer that weighs", code, question.Code)
			}
		}
	}
}

// A danger that was answered is a reason that a person can read, and names the danger for numbers and protocols.
func TestADangerOfTheQuizIsAReason(t *testing.T) {
	set := seedSet(t)
	reason, ok := set.Reason("quiz.sextortion")
	if !ok || reason["fr"] != "réponse grave au quiz : Chantage à l'image" || utf8.RuneCountInString(reason["en"]) < 10 {
		t.Errorf("it reads %v, %t", reason, ok)
	}
	if _, ok := set.Reason("quiz.boredom"); ok {
		t.Error("a danger that is not there is a reason")
	}
	for code, want := range map[string]string{"quiz.sextortion": "sextortion", "lexicon.suicide_now": "suicide", "came_back": "", "quiz.boredom": "", "suicide": ""} {
		if got := set.DangerOf(code); got != want {
			t.Errorf("%s is of %q, want %q", code, got, want)
		}
	}
}
