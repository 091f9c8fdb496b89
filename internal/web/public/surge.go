package public

import (
	"vigie/internal/contact"
	"vigie/internal/web/ui"
)

// mostGuides is how many cards are proposed to somebody who waits: more is a list, and a list is work.
const mostGuides = 3

// surge says kindly that there are many, offers an answer later, and something to read: cards and guides about what she named, in her
// way of being spoken to. Whoever is in danger is offered no later answer.
func (p *Room) surge(v *view) {
	v.waiting.Said = v.say.T("surge.many")
	v.surging = v.contact.State == contact.Waiting && !v.contact.Danger
	danger := p.Catalogue().Questions.Danger(v.contact.Topic)
	if danger == "" {
		return
	}
	for _, c := range p.Guides.Cards(v.say.Lang(), v.speaks, danger) {
		if c.Danger == danger && len(v.guides) < mostGuides {
			v.guides = append(v.guides, ui.Link{Href: v.say.Path(c.Path), Label: v.say.Text(c.Title)})
		}
	}
}
