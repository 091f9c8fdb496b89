package guide

import (
	"slices"
	"strings"

	"vigie/internal/catalogue"
)

// Card is something to read that a counsellor can send into a conversation: one of the catalogue's cards, which take a minute, or a page of
// the site.
type Card struct {
	// Body is what a message of kind chat.Card names it by: a card's code, or a page's address without its first slash ("guides/sextortion").
	Body   string
	Kind   Kind // "" for a card of the catalogue
	Title  string
	Text   string // a sentence about it
	Path   string // its address, without the prefix of a language
	Words  string // what else it is found by
	Danger string // the danger of the taxonomy that it is about
}

// Card finds what a message names, in a language; false for what is no longer there.
func (g *Guides) Card(lang, body string) (Card, bool) {
	_, slug, isPage := strings.Cut(body, "/")
	if !isPage {
		c, ok := g.o.Catalogue().Guides.ByCode(body)
		return shortCard(lang, c), ok
	}
	p, ok := g.Current().Page(slug)
	if !ok || p.Path() != "/"+body {
		return Card{}, false
	}
	return pageCard(lang, p), true
}

// Cards are what can be sent to somebody who is spoken to as catalogue.Young or catalogue.Adult, in a language: what is about a danger of
// the taxonomy ("" for none) first, and of that and the rest the cards before the guides.
func (g *Guides) Cards(lang, speaks, danger string) []Card {
	var all []Card
	for _, c := range g.o.Catalogue().Guides.Search("", lang, speaks) {
		all = append(all, shortCard(lang, c))
	}
	readers := []string{Young}
	if speaks == catalogue.Adult {
		readers = []string{Parent, Professional}
	}
	for _, reader := range readers {
		for _, p := range g.Current().Guides(reader, "") {
			all = append(all, pageCard(lang, p))
		}
	}
	about := func(c Card) int {
		if danger != "" && c.Danger == danger {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b Card) int { return about(a) - about(b) })
	return all
}

func shortCard(lang string, c catalogue.Guide) Card {
	return Card{Body: c.Code, Title: c.Title.In(lang), Text: c.Intro.In(lang), Path: "/cards/" + c.Code, Danger: c.Danger}
}

func pageCard(lang string, p Page) Card {
	t := p.In(lang)
	return Card{Body: strings.TrimPrefix(p.Path(), "/"), Kind: p.Kind(), Title: t.Title, Text: t.Summary, Path: p.Path(), Words: strings.Join(t.Words, " "), Danger: t.Danger}
}
