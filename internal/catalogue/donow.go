package catalogue

// DoNow is what helps right now: short cards for the waiting page and the closed page, one for each
// topic and way of speaking. They say what to do before why.
type DoNow struct {
	head
	Cards []DoNowCard `toml:"card"`
}

// General is the topic of the card for whoever named none.
const General = "general"

// DoNowCard is one card.
type DoNowCard struct {
	Topic string `toml:"topic"` // a choice of the topic question, or General
	For   string `toml:"for"`   // Young or Adult
	Title Text   `toml:"title"`
	Steps []Step `toml:"step"`
	// Never is the one thing not to do, said last and apart.
	Never Text `toml:"never"`
	// Danger, or General, orders the numbers shown below; "" shows none.
	Danger string `toml:"danger"`
}

// Step is one thing to do, and why where that helps.
type Step struct {
	Do  Text `toml:"do"`
	Why Text `toml:"why"`
}

// For returns the card of a topic for the young or for adults; the general one for a topic without.
func (d *DoNow) For(topic, speaks string) DoNowCard {
	var general DoNowCard
	for _, c := range d.Cards {
		switch {
		case c.For != speaks:
		case c.Topic == topic:
			return c
		case c.Topic == General:
			general = c
		}
	}
	return general
}

// maxSteps is how many things a frightened person takes in on one screen.
const maxSteps = 6

func (d *DoNow) check(p *page) {
	seen := map[string]bool{}
	for i, c := range d.Cards {
		path := at("card[%d]", i)
		p.oneOf(path+".for", c.For, Young, Adult)
		if seen[c.Topic+" "+c.For] {
			p.flaw("code_twice", path+".topic", "code", c.Topic)
		}
		seen[c.Topic+" "+c.For] = true
		p.text(path+".title", c.Title)
		p.optional(path+".never", c.Never)
		if len(c.Steps) == 0 || len(c.Steps) > maxSteps {
			p.flaw("steps", path, "max", maxSteps)
		}
		for j, s := range c.Steps {
			p.text(at("%s.step[%d].do", path, j), s.Do)
			p.optional(at("%s.step[%d].why", path, j), s.Why)
		}
	}
	for _, speaks := range []string{Young, Adult} {
		if !seen[General+" "+speaks] {
			p.flaw("required_missing", "card", "code", General)
		}
	}
}

func (d *DoNow) join(p *page, s *Set) {
	topics, _ := s.Questions.Question(AskTopic)
	for i, c := range d.Cards {
		_, ok := topics.Choice(c.Topic)
		p.refers(at("card[%d].topic", i), c.Topic, DocQuestions, ok || c.Topic == General)
		if c.Danger != "" {
			_, ok := s.Taxonomy.Danger(c.Danger)
			p.refers(at("card[%d].danger", i), c.Danger, DocTaxonomy, ok || c.Danger == General)
		}
	}
}
