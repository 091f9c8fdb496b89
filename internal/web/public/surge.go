package public

import (
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/web/ui"
)

// mostGuides is how many cards are proposed to somebody who waits: more is a list, and a list is work.
const mostGuides = 3

// surge says kindly that there are many, offers an answer later, and something to read: cards about what she named, in her
// way of being spoken to. Whoever is in danger is offered no later answer.
func (p *Room) surge(v *view) {
	v.waiting.Said = v.say.T("surge.many")
	v.surging = v.contact.State == contact.Waiting && !v.contact.Danger
	set := p.Catalogue()
	topics, _ := set.Questions.Question(catalogue.AskTopic)
	topic, ok := topics.Choice(v.contact.Topic)
	if !ok || topic.Danger == "" {
		return
	}
	for _, g := range set.Guides.Cards {
		if g.For == v.speaks && g.Danger == topic.Danger && len(v.guides) < mostGuides {
			v.guides = append(v.guides, ui.Link{Href: v.say.Path("/cards/" + g.Code), Label: v.say.Text(g.Title.In(v.say.Lang()))})
		}
	}
}
