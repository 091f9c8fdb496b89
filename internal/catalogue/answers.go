package catalogue

import (
	"slices"
	"strings"
)

// Answers are the ready answers: sentences that a counsellor finds by a shortcut or a word, completes
// and sends as her own.
type Answers struct {
	head
	Groups []Group  `toml:"group"`
	All    []Answer `toml:"answer"`

	index map[string][]searchable // language → beside All
}

// Group is a heading in the list of ready answers.
type Group struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
}

// Answer is one ready answer, for the young, for adults, or for both.
type Answer struct {
	Code  string `toml:"code"`
	Group string `toml:"group"`
	// Shortcut is what is typed after the slash to get it at once: "bjr".
	Shortcut string `toml:"shortcut"`
	Title    Text   `toml:"title"`
	Young    Text   `toml:"young"`
	Adult    Text   `toml:"adult"`
}

// Variables are what a ready answer may leave open. The desk fills {prenom}: the name or nickname the
// person gave; {conseiller}: the counsellor's alias; {fermeture}: when we close today; {plateforme}: the
// network, when the form names one alone. Only the counsellor knows the others, which stay as blanks for her to
// complete: {heure}: a time of day, of an appointment; {jour}: its day; {numero}: a telephone number; {delai}: a
// delay in words.
var Variables = []string{"conseiller", "delai", "fermeture", "heure", "jour", "numero", "plateforme", "prenom"}

// Blank returns the first variable of a ready answer that was left open in a text, with its braces; "" for
// none. Other braces are words like any others.
func Blank(text string) string {
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if slices.Contains(Variables, m[1]) {
			return m[0]
		}
	}
	return ""
}

// For returns the answer's text for the young or for adults; nil when it is not meant for them.
func (a Answer) For(speaks string) Text {
	text := a.Young
	if speaks == Adult {
		text = a.Adult
	}
	if len(text) == 0 {
		return nil
	}
	return text
}

// Fill returns the answer ready to be edited, and the variables left for the counsellor to complete.
func (a Answer) Fill(speaks, lang string, vars map[string]string) (text string, missing []string) {
	return a.For(speaks).Fill(lang, vars)
}

// ByCode returns an answer.
func (a *Answers) ByCode(code string) (Answer, bool) {
	i := slices.IndexFunc(a.All, func(a Answer) bool { return a.Code == code })
	if i < 0 {
		return Answer{}, false
	}
	return a.All[i], true
}

type searchable struct{ title, text string }

// Search returns the answers that fit what the counsellor typed, the nearest first: shortcut, then
// title, then text, each by the beginnings of words, accents and case set aside. Several words must all
// fit. An empty search returns all. speaks keeps the answers meant for Young or Adult; "" keeps both.
func (a *Answers) Search(typed, lang, speaks string) []Answer {
	words := strings.Fields(folded(typed))
	index, ok := a.index[lang]
	if !ok {
		index = a.index[Languages[0]]
	}
	var byRank [4][]Answer
	for i, answer := range a.All {
		if speaks != "" && answer.For(speaks) == nil {
			continue
		}
		all := func(fits func(word string) bool) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return !fits(w) })
		}
		title := func(w string) bool { return beginsWord(index[i].title, w) }
		anywhere := func(w string) bool { return title(w) || beginsWord(index[i].text, w) }
		switch {
		case len(words) == 1 && answer.Shortcut == words[0]:
			byRank[0] = append(byRank[0], answer)
		case len(words) == 1 && strings.HasPrefix(answer.Shortcut, words[0]):
			byRank[1] = append(byRank[1], answer)
		case all(title):
			byRank[2] = append(byRank[2], answer)
		case all(anywhere):
			byRank[3] = append(byRank[3], answer)
		}
	}
	return slices.Concat(byRank[:]...)
}

// beginsWord says whether a word of text begins with prefix; both are folded.
func beginsWord(text, prefix string) bool {
	return strings.HasPrefix(text, prefix) || strings.Contains(text, " "+prefix)
}

func (a *Answers) check(p *page) {
	groups, all, shortcuts := codes{}, codes{}, codes{}
	for i, g := range a.Groups {
		groups.add(p, at("group[%d].code", i), g.Code)
		p.text(at("group[%d].label", i), g.Label)
	}
	a.index = map[string][]searchable{}
	for i, answer := range a.All {
		path := at("answer[%d]", i)
		all.add(p, path+".code", answer.Code)
		shortcuts.add(p, path+".shortcut", answer.Shortcut)
		p.refers(path+".group", answer.Group, DocAnswers, groups[answer.Group])
		p.text(path+".title", answer.Title)
		p.optional(path+".young", answer.Young, Variables...)
		p.optional(path+".adult", answer.Adult, Variables...)
		if len(answer.Young)+len(answer.Adult) == 0 {
			p.flaw("text_missing", path, "lang", Languages[0])
		}
		for _, lang := range Languages {
			a.index[lang] = append(a.index[lang], searchable{
				title: folded(answer.Title[lang]),
				text:  folded(answer.Young[lang] + " " + answer.Adult[lang]),
			})
		}
	}
}
