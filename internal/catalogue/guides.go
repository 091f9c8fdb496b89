package catalogue

import "slices"

// Guides are the cards that a counsellor sends into a conversation: how to report on a network, what to
// do about a picture. A card is read on a phone, alone, later.
type Guides struct {
	head
	Cards []Guide `toml:"guide"`
}

// Guide is one card.
type Guide struct {
	Code string `toml:"code"`
	// For is Young or Adult; a platform card has one of each.
	For      string `toml:"for"`
	Platform string `toml:"platform"` // the platform a how-to card is about
	Danger   string `toml:"danger"`   // the danger whose numbers close the card
	Title    Text   `toml:"title"`
	Intro    Text   `toml:"intro"`
	Steps    []Text `toml:"steps"`
	// Never is the one thing not to do.
	Never Text   `toml:"never"`
	Links []Link `toml:"links"`
	// VerifiedOn is the day on which somebody last followed the steps, "2026-11-23".
	VerifiedOn string `toml:"verified_on"`
}

// ByCode returns a card.
func (g *Guides) ByCode(code string) (Guide, bool) {
	i := slices.IndexFunc(g.Cards, func(g Guide) bool { return g.Code == code })
	if i < 0 {
		return Guide{}, false
	}
	return g.Cards[i], true
}

// Search returns the cards for Young or Adult ("" for both) whose title has words beginning with what
// was typed; all of them for nothing typed.
func (g *Guides) Search(typed, lang, speaks string) []Guide {
	want := folded(typed)
	var found []Guide
	for _, card := range g.Cards {
		if (speaks == "" || card.For == speaks) && beginsWord(folded(card.Title.In(lang)), want) {
			found = append(found, card)
		}
	}
	return found
}

func (g *Guides) check(p *page) {
	all := codes{}
	for i, card := range g.Cards {
		path := at("guide[%d]", i)
		all.add(p, path+".code", card.Code)
		p.oneOf(path+".for", card.For, Young, Adult)
		p.text(path+".title", card.Title)
		p.optional(path+".intro", card.Intro)
		p.optional(path+".never", card.Never)
		if len(card.Steps) == 0 {
			p.flaw("empty", path+".steps")
		}
		for j, s := range card.Steps {
			p.text(at("%s.steps[%d]", path, j), s)
		}
		for j, l := range card.Links {
			p.link(at("%s.links[%d]", path, j), l)
		}
		p.date(path+".verified_on", card.VerifiedOn)
	}
}

func (g *Guides) join(p *page, s *Set) {
	for i, card := range g.Cards {
		if card.Platform != "" {
			_, ok := s.Platforms.ByCode(card.Platform)
			p.refers(at("guide[%d].platform", i), card.Platform, DocPlatforms, ok)
		}
		if card.Danger != "" {
			_, ok := s.Taxonomy.Danger(card.Danger)
			p.refers(at("guide[%d].danger", i), card.Danger, DocTaxonomy, ok)
		}
	}
}
