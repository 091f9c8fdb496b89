package catalogue

import (
	"maps"
	"slices"
	"strings"
)

// Grounds are what a notice to a platform may be based on: for each, the articles, the words of the
// statement (DSA Art. 16(2)(a)), its names in the vocabularies of those who read it, and what has to
// happen before and beside it. Which ground fits is the counsellor's choice; the category proposes.
type Grounds struct {
	head
	// Person is how a statement speaks of whom it is about, and nothing more is ever said of them.
	Person struct {
		Minor Text `toml:"minor"`
		Adult Text `toml:"adult"`
	} `toml:"person"`
	// GoodFaith is the statement of DSA Art. 16(2)(d), Withheld what stands in the place of a name and an
	// e-mail that are left out.
	GoodFaith Text `toml:"good_faith"`
	Withheld  Text `toml:"withheld"`
	// Report is what the yearly report says of the house (DSA Art. 22(3)); empty until an administrator writes it.
	Report struct {
		Independence Text `toml:"independence"`
		Expertise    Text `toml:"expertise"`
	} `toml:"report"`
	All []Ground `toml:"ground"`
}

// The bases of a ground.
const (
	// BasisLaw is content that is illegal: a notice of DSA Art. 16.
	BasisLaw = "law"
	// BasisTerms is content that the platform's own terms forbid and for which no article is confirmed.
	BasisTerms = "terms"
)

// Whom a ground is about.
const (
	AboutMinor = "minor"
	AboutAdult = "adult"
)

// Ground is one thing that a notice may be based on.
type Ground struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
	// Hint says when to choose it rather than its neighbour.
	Hint  Text   `toml:"hint"`
	Basis string `toml:"basis"` // BasisLaw or BasisTerms
	// About is AboutMinor or AboutAdult; "" for whoever it happens to.
	About string `toml:"about"`
	// Articles are written as in the offences: "CP 222-33-2-2".
	Articles []string `toml:"articles"`
	// Categories of the taxonomy that propose the ground.
	Categories []string `toml:"categories"`
	// Statement says why the content is illegal, with places for the facts (StatementPlaces). It never
	// says who told us, nor the name, the school or the words of the person.
	Statement Text `toml:"statement"`
	// DSA and AdultDSA are its names in the DSA Transparency Database, as in the taxonomy.
	DSA      *DSA `toml:"dsa"`
	AdultDSA *DSA `toml:"dsa_adult"`
	// Bluesky and BlueskyAdult are reasons of tools.ozone.report.defs; "" where there is none.
	Bluesky      string `toml:"bluesky"`
	BlueskyAdult string `toml:"bluesky_adult"`
	Mastodon     string `toml:"mastodon"` // spam, legal, violation, other
	// XARF is nil where XARF has no type: it has none for bullying.
	XARF *XARF `toml:"xarf"`
	// Directive are the articles of Directive 2011/93/EU (3 to 7) that the ground falls under. Only then
	// may the name and e-mail of the notifier be left out (DSA Art. 16(2)(c)).
	Directive []int `toml:"directive"`
	// SecondReader wants a second person to review the notice before it goes.
	SecondReader bool `toml:"second_reader"`
	// NoCapture keeps nothing but the address, the account, the time and the counsellor's statement
	// (C. pén. 227-23).
	NoCapture bool `toml:"no_capture"`
	// Parallel are the partners told at the same time, not last.
	Parallel []string `toml:"parallel"`
	// PoliceFirst are the circumstances in which the police are asked about timing before anything is sent:
	// a removal warns the author.
	PoliceFirst []string `toml:"police_first"`
	// ToCheck says that something is not confirmed, in most cases the article.
	ToCheck    bool   `toml:"to_check"`
	VerifiedOn string `toml:"verified_on"`
	Retired    bool   `toml:"retired"`
}

// The circumstances of PoliceFirst.
const (
	WhenAdult   = "adult_author"
	WhenMeeting = "meeting_planned"
	WhenAlways  = "always"
)

// XARF is a report type of XARF v4 in the class "content".
type XARF struct {
	Type string `toml:"type"` // csam or csem
	// Exploitation is the exploitation_type of csem.
	Exploitation string `toml:"exploitation"`
}

// The places of a statement, by the names that the desk fills.
const (
	PlacePerson   = "personne" // Person, by age
	PlaceAddress  = "adresse"  // the exact address, or several
	PlaceAccount  = "compte"
	PlaceSeen     = "vu"    // the day and hour at which we saw it
	PlaceFacts    = "faits" // what is seen there, in the counsellor's neutral words
	PlaceArticles = "articles"
)

// StatementPlaces are all the places of a statement. There is none for a name, a school or a witness.
var StatementPlaces = []string{PlacePerson, PlaceAddress, PlaceAccount, PlaceSeen, PlaceFacts, PlaceArticles}

// blueskyReasons are those of tools.ozone.report.defs that we use. The set is open there (knownValues);
// here an editor chooses among what was read.
var blueskyReasons = []string{
	"reasonChildSafetyCSAM", "reasonChildSafetyGroom", "reasonChildSafetyMinorPrivacy", "reasonChildSafetyEndangerment",
	"reasonChildSafetyHarassment", "reasonChildSafetyPromotion", "reasonChildSafetyOther",
	"reasonSexualNCII", "reasonSexualSextortion", "reasonSexualDeepfake", "reasonSexualAbuseContent",
	"reasonHarassmentTargeted", "reasonHarassmentDoxxing", "reasonHarassmentHateSpeech", "reasonHarassmentTroll",
	"reasonViolenceThreats", "reasonViolenceSelfHarm", "reasonViolenceTrafficking", "reasonMisleadingImpersonation",
}

var (
	mastodonCategories = []string{"legal", "violation", "spam", "other"}
	exploitationTypes  = []string{"grooming", "solicitation", "sextortion", "trafficking", "distribution", "production", "possession"}
)

// ByCode returns a ground, retired ones too.
func (g *Grounds) ByCode(code string) (Ground, bool) {
	i := slices.IndexFunc(g.All, func(g Ground) bool { return g.Code == code })
	if i < 0 {
		return Ground{}, false
	}
	return g.All[i], true
}

// For returns the grounds that a category proposes for a minor or an adult, the likeliest first.
func (g *Grounds) For(category string, minor bool) []Ground {
	var of []Ground
	for _, ground := range g.All {
		if !ground.Retired && ground.Fits(minor) && slices.Contains(ground.Categories, category) {
			of = append(of, ground)
		}
	}
	return of
}

// Fits says whether the ground is about somebody of this age.
func (g Ground) Fits(minor bool) bool {
	return g.About == "" || minor == (g.About == AboutMinor)
}

// MayWithhold says whether the notifier's name and e-mail may be left out (DSA Art. 16(2)(c)).
func (g Ground) MayWithhold() bool { return len(g.Directive) > 0 }

// Vocabulary is the ground's name in the DSA vocabulary; nil where there is none.
func (g Ground) Vocabulary(minor bool) *DSA {
	if !minor && g.AdultDSA != nil {
		return g.AdultDSA
	}
	return g.DSA
}

// Reason is the ground's reason on Bluesky, whole; the general one where there is none.
func (g Ground) Reason(minor bool) string {
	reason := g.Bluesky
	if !minor && g.BlueskyAdult != "" {
		reason = g.BlueskyAdult
	}
	if reason == "" {
		return "com.atproto.moderation.defs#reasonOther"
	}
	return "tools.ozone.report.defs#" + reason
}

// AsksPolice says whether the police are asked about timing first, in these circumstances.
func (g Ground) AsksPolice(adultAuthor, meeting bool) bool {
	return slices.Contains(g.PoliceFirst, WhenAlways) || adultAuthor && slices.Contains(g.PoliceFirst, WhenAdult) ||
		meeting && slices.Contains(g.PoliceFirst, WhenMeeting)
}

// Statement fills the ground's statement: facts are by their places, the person and the articles come of
// themselves. missing are the places that nobody filled and that the statement cannot do without.
func (s *Set) Statement(g Ground, lang string, minor bool, facts map[string]string) (statement string, missing []string) {
	vars := maps.Clone(facts)
	if vars == nil {
		vars = map[string]string{}
	}
	vars[PlacePerson] = s.Grounds.Person.Adult.In(lang)
	if minor {
		vars[PlacePerson] = s.Grounds.Person.Minor.In(lang)
	}
	vars[PlaceArticles] = s.Offences.Cite(g.Articles, lang)
	return g.Statement.Fill(lang, vars)
}

func (g *Grounds) check(p *page) {
	p.text("person.minor", g.Person.Minor)
	p.text("person.adult", g.Person.Adult)
	p.text("good_faith", g.GoodFaith)
	p.text("withheld", g.Withheld)
	p.optional("report.independence", g.Report.Independence)
	p.optional("report.expertise", g.Report.Expertise)
	all := codes{}
	for i, ground := range g.All {
		path := at("ground[%d]", i)
		all.add(p, path+".code", ground.Code)
		ground.check(p, path)
	}
	if len(g.All) == 0 {
		p.flaw("empty", "ground")
	}
}

func (g Ground) check(p *page, path string) {
	p.text(path+".label", g.Label)
	p.optional(path+".hint", g.Hint)
	p.oneOf(path+".basis", g.Basis, BasisLaw, BasisTerms)
	if g.About != "" {
		p.oneOf(path+".about", g.About, AboutMinor, AboutAdult)
	}
	if g.Basis == BasisLaw && len(g.Articles) == 0 && !g.ToCheck {
		p.flaw("ground_article", path+".articles")
	}
	if len(g.Categories) == 0 {
		p.flaw("empty", path+".categories")
	}
	p.text(path+".statement", g.Statement, StatementPlaces...)
	for _, place := range []string{PlaceAddress, PlaceSeen, PlaceArticles} {
		needed := place != PlaceArticles || len(g.Articles) > 0
		for _, lang := range Languages {
			if t := g.Statement[lang]; t != "" && needed != strings.Contains(t, "{"+place+"}") {
				p.flaw("statement_place", path+".statement."+lang, "variable", place)
			}
		}
	}
	g.DSA.check(p, path+".dsa", g.About != AboutAdult)
	g.AdultDSA.check(p, path+".dsa_adult", false)
	for key, reason := range map[string]string{".bluesky": g.Bluesky, ".bluesky_adult": g.BlueskyAdult} {
		if reason != "" {
			p.oneOf(path+key, reason, blueskyReasons...)
		}
	}
	p.oneOf(path+".mastodon", g.Mastodon, mastodonCategories...)
	if g.XARF != nil {
		p.oneOf(path+".xarf.type", g.XARF.Type, "csam", "csem")
		if g.XARF.Type == "csem" {
			p.oneOf(path+".xarf.exploitation", g.XARF.Exploitation, exploitationTypes...)
		}
	}
	for j, article := range g.Directive {
		if article < 3 || article > 7 || g.About != AboutMinor {
			p.flaw("directive", at("%s.directive[%d]", path, j))
		}
	}
	if g.MayWithhold() && !g.SecondReader {
		p.flaw("second_reader", path)
	}
	for j, when := range g.PoliceFirst {
		p.oneOf(at("%s.police_first[%d]", path, j), when, WhenAdult, WhenMeeting, WhenAlways)
	}
	p.date(path+".verified_on", g.VerifiedOn)
}

func (g *Grounds) join(p *page, s *Set) {
	for i, ground := range g.All {
		path := at("ground[%d]", i)
		for j, code := range ground.Categories {
			c, ok := s.Taxonomy.ByCode(code)
			p.refers(at("%s.categories[%d]", path, j), code, DocTaxonomy, ok)
			if c.Has(NoCapture) && !ground.NoCapture { // a ground is never laxer than what it is about
				p.flaw("ground_capture", at("%s.categories[%d]", path, j), "code", code)
			}
		}
		for j, a := range ground.Articles {
			s.Offences.article(p, at("%s.articles[%d]", path, j), a)
		}
		for j, code := range ground.Parallel {
			_, ok := s.Partners.ByCode(code)
			p.refers(at("%s.parallel[%d]", path, j), code, DocPartners, ok)
		}
	}
}
