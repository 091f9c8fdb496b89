package catalogue

import (
	"regexp"
	"strings"
	"testing"
)

// said is one sentence of the catalogue, and where it stands.
type said struct{ where, fr, en string }

// toTheYoung are all the sentences that a child may read.
func (s *Set) toTheYoung() []said {
	var all []said
	add := func(where string, texts ...Text) {
		for _, t := range texts {
			if len(t) > 0 {
				all = append(all, said{where, t["fr"], t["en"]})
			}
		}
	}
	for _, l := range s.Lines.All {
		add("lines "+l.Code, l.Young)
	}
	for _, c := range s.DoNow.Cards {
		if c.For == Young {
			add("donow "+c.Topic, c.Title, c.Never)
			for _, step := range c.Steps {
				add("donow "+c.Topic, step.Do, step.Why)
			}
		}
	}
	for _, a := range s.Answers.All {
		add("answers "+a.Code, a.Young)
	}
	for _, g := range s.Guides.Cards {
		if g.For == Young {
			add("guides "+g.Code, g.Title, g.Intro, g.Never)
			add("guides "+g.Code, g.Steps...)
		}
	}
	for _, p := range s.Protocols.Cards {
		for _, step := range p.Steps {
			add("protocols "+p.Code+" "+step.Code, step.Say)
		}
	}
	for _, q := range append(s.Questions.First, s.Questions.Last) {
		add("questions "+q.Code, q.Text, q.Hint)
		for _, c := range q.Choices {
			add("questions "+q.Code+" "+c.Code, c.Label)
		}
	}
	for _, n := range s.Numbers.All {
		add("numbers "+n.Code, n.Young)
	}
	for _, o := range s.Offences.All {
		add("offences "+o.Code, o.Young)
	}
	for _, n := range s.Offences.Notes {
		add("offences "+n.Code, n.Young)
	}
	for _, p := range s.Partners.All {
		add("partners "+p.Code, p.Young)
	}
	s.inQuizzes(Young, add)
	return all
}

func (s *Set) toAdults() []said {
	var all []said
	add := func(where string, texts ...Text) {
		for _, t := range texts {
			if len(t) > 0 {
				all = append(all, said{where, t["fr"], t["en"]})
			}
		}
	}
	for _, l := range s.Lines.All {
		add("lines "+l.Code, l.Adult)
	}
	for _, c := range s.DoNow.Cards {
		if c.For == Adult {
			add("donow "+c.Topic, c.Title, c.Never)
			for _, step := range c.Steps {
				add("donow "+c.Topic, step.Do, step.Why)
			}
		}
	}
	for _, a := range s.Answers.All {
		add("answers "+a.Code, a.Adult)
	}
	for _, g := range s.Guides.Cards {
		if g.For == Adult {
			add("guides "+g.Code, g.Title, g.Intro, g.Never)
			add("guides "+g.Code, g.Steps...)
		}
	}
	for _, q := range append(s.Questions.First, s.Questions.Last) {
		add("questions "+q.Code, q.For(Adult), q.HintFor(Adult))
		for _, c := range q.Choices {
			add("questions "+q.Code+" "+c.Code, c.For(Adult))
		}
	}
	for _, n := range s.Numbers.All {
		add("numbers "+n.Code, n.Adult)
	}
	for _, o := range s.Offences.All {
		add("offences "+o.Code, o.Adult)
	}
	for _, n := range s.Offences.Notes {
		add("offences "+n.Code, n.Adult)
	}
	for _, p := range s.Partners.All {
		add("partners "+p.Code, p.Adult)
	}
	s.inQuizzes(Adult, add)
	return all
}

// inQuizzes are the sentences of the quizzes for the young or for adults, but their titles: those are the reader's own question,
// under the name by which the quiz is known.
func (s *Set) inQuizzes(speaks string, add func(where string, texts ...Text)) {
	for _, q := range s.Quizzes.All {
		if q.For != speaks {
			continue
		}
		add("quiz "+q.Code, q.Intro)
		for _, question := range q.Questions {
			add("quiz "+q.Code+" "+question.Code, question.Text, question.Hint)
			for _, a := range question.Answers {
				add("quiz "+q.Code+" "+question.Code+" "+a.Code, a.Text)
			}
		}
		for _, b := range q.Bands {
			add("quiz "+q.Code+" "+b.Code, b.Title, b.Text)
		}
	}
}

// quoted is what somebody else says in a sentence.
var quoted = regexp.MustCompile(`«[^»]*»|“[^”]*”`)

// The young are spoken to with "tu", in words of their own, never as a girl or a boy, and never with the
// word that blames.
func TestVoiceToTheYoung(t *testing.T) {
	vous := regexp.MustCompile(`(?i)(^|[^\p{L}-])(vous|votre|vos|veuillez|svp)([^\p{L}]|$)`)
	// Agreement with the reader, which would make a girl or a boy of her.
	gendered := regexp.MustCompile(`(?i)(·|\(e\)|\((ne|le|se)\)|\btu (es|étais|seras|te sens|restes) (plus |très |pas |trop |déjà |tout )?(seul|seule|prêt|prête|inquiet|inquiète|perdu|perdue|content|contente|victime|protégé|protégée|obligé|obligée|harcelé|harcelée|menacé|menacée|forcé|forcée|courageux|courageuse|nu|nue|coupable|désolé|connecté|connectée|bloqué|bloquée|revenu|revenue|venu|venue|arrivé|arrivée|parti|partie|sorti|sortie)\b|\bsois (prudent|fort|sûr|rassuré)|\bd'être (revenu|venu|resté))`)
	forbidden := regexp.MustCompile(`(?i)\b(prostitu\w*|utilisateur\w*|invalide|erreur|oups|oops|user|prostitut\w*|victime|signalement n°)\b`)
	for _, s := range seedSet(t).toTheYoung() {
		if w := vous.FindString(quoted.ReplaceAllString(s.fr, "")); w != "" {
			t.Errorf("%s says %q to a child: %s", s.where, w, s.fr)
		}
		if w := gendered.FindString(s.fr); w != "" {
			t.Errorf("%s makes a girl or a boy of the reader (%q): %s", s.where, w, s.fr)
		}
		for _, text := range []string{s.fr, s.en} {
			if w := forbidden.FindString(text); w != "" {
				t.Errorf("%s says %q to a child: %s", s.where, w, text)
			}
		}
	}
}

// Adults are spoken to with "vous".
func TestVoiceToAdults(t *testing.T) {
	tu := regexp.MustCompile(`(?i)(^|[^\p{L}])(tu|ton|ta|tes|toi|t')([^\p{L}]|$)`)
	for _, s := range seedSet(t).toAdults() {
		if w := tu.FindString(quoted.ReplaceAllString(s.fr, "")); w != "" {
			t.Errorf("%s says %q to an adult: %s", s.where, w, s.fr)
		}
	}
}

// Short words, one idea a sentence: no sentence to a child is longer than two breaths.
func TestShortSentences(t *testing.T) {
	end := regexp.MustCompile(`[.!?:;…]\s|\n`)
	for _, s := range seedSet(t).toTheYoung() {
		for _, text := range []string{s.fr, s.en} {
			for _, sentence := range end.Split(text, -1) {
				if n := len(strings.Fields(sentence)); n > 24 {
					t.Errorf("%s: %d words in one breath: %s", s.where, n, sentence)
				}
			}
		}
	}
}

// The prices of a promise: secrecy is never promised, nor a time that was not measured.
func TestPromises(t *testing.T) {
	promise := regexp.MustCompile(`(?i)(restera secret|c'est confidentiel|nous garantissons|on te garantit|toujours secret|stay secret|is confidential|we guarantee|100 ?%)`)
	for _, s := range append(seedSet(t).toTheYoung(), seedSet(t).toAdults()...) {
		for _, text := range []string{s.fr, s.en} {
			if w := promise.FindString(text); w != "" {
				t.Errorf("%s promises %q: %s", s.where, w, text)
			}
		}
	}
}
