package catalogue

import (
	"regexp"
	"slices"
	"strings"
)

// Offences are what a situation may amount to in law, in words that a child and a parent understand, with
// the article, the most that an adult risks, and where to complain. It is information, never advice in a
// case, and never says that something was committed.
type Offences struct {
	head
	// Laws are the codes that articles are taken from.
	Laws []Law `toml:"law"`
	// Notes are what is said once for all offences: what changes when the author is a minor, what else a
	// court may order.
	Notes []LawNote `toml:"note"`
	All   []Offence `toml:"offence"`
}

// Law is a code or a law, as articles name it: "CP" is « du code pénal ».
type Law struct {
	Code string `toml:"code"`
	// Of follows the number of an article: « du code pénal », “of the French Criminal Code”.
	Of Text `toml:"of"`
	// Text is the day of the text that was read.
	Text string `toml:"text_of"`
}

// LawNote is a word on all offences.
type LawNote struct {
	Code     string   `toml:"code"`
	Articles []string `toml:"articles"`
	Young    Text     `toml:"young"`
	Adult    Text     `toml:"adult"`
}

// Offence is one thing that the law forbids.
type Offence struct {
	Code string `toml:"code"`
	// Articles are written "CP 222-33-2-2": a law of Laws, then the number.
	Articles []string `toml:"articles"`
	Label    Text     `toml:"label"`
	// Young and Adult say what it is: to a child ("tu") and to a parent ("vous").
	Young Text `toml:"young"`
	Adult Text `toml:"adult"`
	// Penalties are the most an adult risks, the plain case first.
	Penalties []Penalty `toml:"penalty"`
	// Where are the partners that take a complaint, the first one first.
	Where []string `toml:"where"`
	// Grounds, Topics and Categories are where the offence is proposed: notices, first answers, the form.
	Grounds    []string `toml:"grounds"`
	Topics     []string `toml:"topics"`
	Categories []string `toml:"categories"`
	// AdultAuthor says that the law means an adult author only.
	AdultAuthor bool   `toml:"adult_author"`
	VerifiedOn  string `toml:"verified_on"`
	ToCheck     bool   `toml:"to_check"`
	Retired     bool   `toml:"retired"`
}

// Penalty is a highest penalty.
type Penalty struct {
	// When says in which case; empty for the plain one.
	When   Text `toml:"when"`
	Years  int  `toml:"years"`
	Months int  `toml:"months"`
	Euros  int  `toml:"euros"`
}

// ByCode returns an offence, retired ones too.
func (o *Offences) ByCode(code string) (Offence, bool) {
	i := slices.IndexFunc(o.All, func(o Offence) bool { return o.Code == code })
	if i < 0 {
		return Offence{}, false
	}
	return o.All[i], true
}

// Note returns a word on all offences.
func (o *Offences) Note(code string) (LawNote, bool) {
	i := slices.IndexFunc(o.Notes, func(n LawNote) bool { return n.Code == code })
	if i < 0 {
		return LawNote{}, false
	}
	return o.Notes[i], true
}

// Of returns the offences that a case may amount to, in the document's order: those of its categories, and
// those of the topic that the visitor chose ("" for none).
func (o *Offences) Of(categories []string, topic string) []Offence {
	var of []Offence
	for _, offence := range o.All {
		named := slices.ContainsFunc(categories, func(c string) bool { return slices.Contains(offence.Categories, c) })
		if !offence.Retired && (named || topic != "" && slices.Contains(offence.Topics, topic)) {
			of = append(of, offence)
		}
	}
	return of
}

// What returns what the offence is, to the young or to adults.
func (o Offence) What(speaks string) Text {
	if speaks == Adult {
		return o.Adult
	}
	return o.Young
}

// What returns the note, to the young or to adults.
func (n LawNote) What(speaks string) Text {
	if speaks == Adult {
		return n.Adult
	}
	return n.Young
}

var articleForm = regexp.MustCompile(`^([A-Z][A-Z0-9]*) ([A-Z]?[0-9]+(?:-[0-9]+)*)$`)

// Cite writes articles as a reader meets them, those of one law together, in their order: « articles
// 226-1 et 226-2 du code pénal ; article 1242 du code civil ».
func (o *Offences) Cite(articles []string, lang string) string {
	words := citing[Languages[0]]
	if w, ok := citing[lang]; ok {
		words = w
	}
	var laws []string
	numbers := map[string][]string{}
	for _, a := range articles {
		m := articleForm.FindStringSubmatch(a)
		if m == nil {
			continue
		}
		if numbers[m[1]] == nil {
			laws = append(laws, m[1])
		}
		numbers[m[1]] = append(numbers[m[1]], m[2])
	}
	var cited []string
	for _, code := range laws {
		i := slices.IndexFunc(o.Laws, func(l Law) bool { return l.Code == code })
		if i < 0 {
			continue
		}
		n := numbers[code]
		text := words.one
		if len(n) > 1 {
			text = words.many
		}
		text += " " + strings.Join(n[:len(n)-1], ", ")
		if len(n) > 1 {
			text += " " + words.and + " "
		}
		cited = append(cited, text+n[len(n)-1]+" "+o.Laws[i].Of.In(lang))
	}
	return strings.Join(cited, words.next)
}

// citing are the few words of a citation in each language.
var citing = map[string]struct{ one, many, and, next string }{
	"fr": {"article", "articles", "et", " ; "},
	"en": {"Article", "Articles", "and", "; "},
}

// article wants an article of a law that the document knows.
func (o *Offences) article(p *page, path, article string) {
	m := articleForm.FindStringSubmatch(article)
	if m == nil {
		p.flaw("article_form", path, "value", article)
		return
	}
	p.refers(path, m[1], DocOffences, slices.ContainsFunc(o.Laws, func(l Law) bool { return l.Code == m[1] }))
}

// highest penalty that French law knows for an offence of this kind, in years; life is not among them.
const mostYears = 30

func (o *Offences) check(p *page) {
	laws, notes, all := codes{}, codes{}, codes{}
	for i, l := range o.Laws {
		path := at("law[%d]", i)
		laws.add(p, path+".code", strings.ToLower(l.Code))
		p.text(path+".of", l.Of)
		p.date(path+".text_of", l.Text)
	}
	for i, n := range o.Notes {
		path := at("note[%d]", i)
		notes.add(p, path+".code", n.Code)
		p.text(path+".young", n.Young)
		p.text(path+".adult", n.Adult)
		for j, a := range n.Articles {
			o.article(p, at("%s.articles[%d]", path, j), a)
		}
	}
	for i, of := range o.All {
		path := at("offence[%d]", i)
		all.add(p, path+".code", of.Code)
		p.text(path+".label", of.Label)
		p.text(path+".young", of.Young)
		p.text(path+".adult", of.Adult)
		if len(of.Articles) == 0 {
			p.flaw("empty", path+".articles")
		}
		for j, a := range of.Articles {
			o.article(p, at("%s.articles[%d]", path, j), a)
		}
		if len(of.Penalties) == 0 && !of.ToCheck {
			p.flaw("empty", path+".penalty")
		}
		for j, penalty := range of.Penalties {
			at := at("%s.penalty[%d]", path, j)
			p.optional(at+".when", penalty.When)
			if penalty.Years < 0 || penalty.Years > mostYears || penalty.Months < 0 || penalty.Months > 11 || penalty.Euros < 0 || penalty.Years+penalty.Months+penalty.Euros == 0 {
				p.flaw("penalty", at)
			}
			if (len(penalty.When) == 0) != (j == 0) {
				p.flaw("penalty_order", at)
			}
		}
		if len(of.Where) == 0 {
			p.flaw("empty", path+".where")
		}
		p.date(path+".verified_on", of.VerifiedOn)
	}
	if len(o.All) == 0 {
		p.flaw("empty", "offence")
	}
}

func (o *Offences) join(p *page, s *Set) {
	topics, _ := s.Questions.Question(AskTopic)
	for i, of := range o.All {
		path := at("offence[%d]", i)
		for j, code := range of.Where {
			_, ok := s.Partners.ByCode(code)
			p.refers(at("%s.where[%d]", path, j), code, DocPartners, ok)
		}
		for j, code := range of.Grounds {
			_, ok := s.Grounds.ByCode(code)
			p.refers(at("%s.grounds[%d]", path, j), code, DocGrounds, ok)
		}
		for j, code := range of.Topics {
			_, ok := topics.Choice(code)
			p.refers(at("%s.topics[%d]", path, j), code, DocQuestions, ok)
		}
		for j, code := range of.Categories {
			_, ok := s.Taxonomy.ByCode(code)
			p.refers(at("%s.categories[%d]", path, j), code, DocTaxonomy, ok)
		}
	}
}
