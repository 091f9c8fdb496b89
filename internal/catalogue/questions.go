package catalogue

import "slices"

// Questions are what a visitor is asked: three first questions, each of which can be skipped, and one
// last question. The codes chosen travel in clear with the contact: they decide the queue.
type Questions struct {
	head
	First []Question `toml:"question"`
	Last  Question   `toml:"satisfaction"`
}

// The first questions, as the contact keeps their answers.
const (
	AskWho   = "who"   // who you are: Contact.Public
	AskAge   = "age"   // age band: Contact.AgeBand
	AskTopic = "topic" // what about: Contact.Topic
)

// Question is one question with its choices.
type Question struct {
	Code  string `toml:"code"`
	Text  Text   `toml:"text"`
	Adult Text   `toml:"adult"` // to an adult reader, where it differs
	Hint  Text   `toml:"hint"`
	// AdultHint is the hint to an adult reader, where it differs.
	AdultHint Text           `toml:"adult_hint"`
	Choices   []AnswerChoice `toml:"choice"`
}

// AnswerChoice is one answer.
type AnswerChoice struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
	// Adult is the label for an adult reader, where it differs ("mon enfant" instead of "moi").
	Adult Text `toml:"adult"`
	// Speaks, on the first question, says how the person is spoken to from then on: "young" ("tu") or
	// "adult" ("vous").
	Speaks string `toml:"speaks"`
	// Form fills the contact form: field → value.
	Form map[string]string `toml:"form"`
	// Reason is the code of a reason of priority that the answer gives; "" for none.
	Reason string `toml:"reason"`
	// Danger is the danger the answer points to: it orders the numbers and finds the protocol.
	Danger  string `toml:"danger"`
	Retired bool   `toml:"retired"`
}

// Young and Adult are the two ways of speaking to a visitor.
const (
	Young = "young"
	Adult = "adult"
)

// Question returns a first question.
func (q *Questions) Question(code string) (Question, bool) {
	i := slices.IndexFunc(q.First, func(f Question) bool { return f.Code == code })
	if i < 0 {
		return Question{}, false
	}
	return q.First[i], true
}

// For returns the question as it is put to the young or to adults.
func (q Question) For(speaks string) Text {
	if speaks == Adult && len(q.Adult) > 0 {
		return q.Adult
	}
	return q.Text
}

// HintFor returns the hint as it is given to the young or to adults.
func (q Question) HintFor(speaks string) Text {
	if speaks == Adult && len(q.AdultHint) > 0 {
		return q.AdultHint
	}
	return q.Hint
}

// For returns the answer as it is offered to the young or to adults.
func (c AnswerChoice) For(speaks string) Text {
	if speaks == Adult && len(c.Adult) > 0 {
		return c.Adult
	}
	return c.Label
}

// Choice returns an answer to a question, retired ones too.
func (q Question) Choice(code string) (AnswerChoice, bool) {
	i := slices.IndexFunc(q.Choices, func(c AnswerChoice) bool { return c.Code == code })
	if i < 0 {
		return AnswerChoice{}, false
	}
	return q.Choices[i], true
}

// Has says whether code answers the question; a skipped question ("") is answered too.
func (q *Questions) Has(question, code string) bool {
	if code == "" {
		return true
	}
	asked, _ := q.Question(question)
	choice, ok := asked.Choice(code)
	return ok && !choice.Retired
}

// Speaks says how to speak to somebody who gave this answer to "who": Young unless it says otherwise,
// because an adult forgives a "tu" sooner than a child a "vous".
func (q *Questions) Speaks(who string) string {
	asked, _ := q.Question(AskWho)
	if c, ok := asked.Choice(who); ok && c.Speaks != "" {
		return c.Speaks
	}
	return Young
}

// Danger returns the danger of what somebody comes for, "" for none.
func (q *Questions) Danger(topic string) string {
	asked, _ := q.Question(AskTopic)
	c, _ := asked.Choice(topic)
	return c.Danger
}

// Prefill returns what the first answers (question → code) already say of the contact form.
func (q *Questions) Prefill(answers map[string]string) map[string]string {
	fields := map[string]string{}
	for _, question := range q.First {
		if c, ok := question.Choice(answers[question.Code]); ok {
			for field, value := range c.Form {
				fields[field] = value
			}
		}
	}
	return fields
}

func (q *Questions) check(p *page) {
	questions := codes{}
	for i, question := range q.First {
		questions.add(p, at("question[%d].code", i), question.Code)
		question.check(p, at("question[%d]", i))
		if question.Code == AskWho {
			for j, c := range question.Choices {
				p.oneOf(at("question[%d].choice[%d].speaks", i, j), c.Speaks, Young, Adult)
			}
		}
	}
	for _, code := range []string{AskWho, AskAge, AskTopic} {
		if !questions[code] {
			p.flaw("required_missing", "question", "code", code)
		}
	}
	q.Last.check(p, "satisfaction")
}

func (q Question) check(p *page, path string) {
	p.text(path+".text", q.Text)
	p.optional(path+".adult", q.Adult)
	p.optional(path+".hint", q.Hint)
	p.optional(path+".adult_hint", q.AdultHint)
	choices := codes{}
	for i, c := range q.Choices {
		cpath := at("%s.choice[%d]", path, i)
		choices.add(p, cpath+".code", c.Code)
		p.text(cpath+".label", c.Label)
		p.optional(cpath+".adult", c.Adult)
	}
	if len(q.Choices) < 2 {
		p.flaw("empty", path+".choice")
	}
}

func (q *Questions) join(p *page, s *Set) {
	for i, question := range q.First {
		for j, c := range question.Choices {
			path := at("question[%d].choice[%d]", i, j)
			for field, value := range c.Form {
				if kept, err := s.Form.Check(field, value); err != nil || kept != value {
					p.flaw("reference_missing", path+".form."+field, "code", value, "target", string(DocForm)+"."+field)
				}
			}
			if c.Reason != "" {
				_, ok := s.Queues.Reason(c.Reason)
				p.refers(path+".reason", c.Reason, DocQueues, ok)
			}
			if c.Danger != "" {
				_, ok := s.Taxonomy.Danger(c.Danger)
				p.refers(path+".danger", c.Danger, DocTaxonomy, ok)
			}
		}
	}
}
