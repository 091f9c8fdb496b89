package catalogue

import "slices"

// Flag says something about a category that the rest of the house acts upon.
type Flag string

// The flags of a category.
const (
	// Grave takes the counsellor's whole capacity as soon as it is chosen.
	Grave Flag = "grave"
	// NoCapture means that a picture is never kept: only the address, the account, the time and the
	// counsellor's statement (C. pén. 227-23).
	NoCapture Flag = "no_capture"
	// Intimate is about intimate images of the person.
	Intimate Flag = "intimate"
	// Takedown is content that can be notified to a platform.
	Takedown Flag = "takedown"
	// Offline happens outside screens too, or only there.
	Offline Flag = "offline"
	// NoTalk is a contact without counselling: silent, a joke, a wrong number. It is counted apart and
	// closed in one click.
	NoTalk Flag = "no_talk"
)

var flags = []string{string(Grave), string(NoCapture), string(Intimate), string(Takedown), string(Offline), string(NoTalk)}

// Taxonomy is what a contact is about, in the helpline's own words, with its translation into the
// frameworks it answers to: CHI (Child Helpline International) and the DSA. A code is for ever: it can
// be retired, never removed, because contacts carry it.
type Taxonomy struct {
	head
	Dangers    []Danger   `toml:"danger"`
	CHI        []CHI      `toml:"chi"`
	Families   []Family   `toml:"family"`
	Categories []Category `toml:"category"`

	byCode map[string]int
}

// Danger is a danger to a person, the thread between the lexicon, the protocols and the numbers.
type Danger struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
}

// CHI is a subcategory of the CHI data framework. CHI publishes labels and no numeric codes; the codes
// are ours.
type CHI struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
}

// Family groups categories as a counsellor looks for them.
type Family struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
}

// Category is one thing a contact may be about.
type Category struct {
	Code   string `toml:"code"`
	Family string `toml:"family"`
	Label  Text   `toml:"label"`
	// Hint tells when to choose it rather than its neighbour.
	Hint Text `toml:"hint"`
	// CHI is the code of its CHI subcategory.
	CHI string `toml:"chi"`
	// DSA is for a person under 18, AdultDSA for others where it differs; nil where there is none.
	DSA      *DSA   `toml:"dsa"`
	AdultDSA *DSA   `toml:"dsa_adult"`
	Danger   string `toml:"danger"`
	Flags    []Flag `toml:"flags"`
	// Closing is how a contact without counselling is closed in one click.
	Closing *Closing `toml:"closing"`
	// Retired categories are no longer offered; contacts that carry them still read well.
	Retired bool `toml:"retired"`
}

// Closing is a one-click closing.
type Closing struct {
	// Line is the code of the line said to the person, "" when nothing is said.
	Line string `toml:"line"`
	// Key is the key that chooses it in the closing list.
	Key string `toml:"key"`
}

// Has says whether the category carries the flag.
func (c Category) Has(f Flag) bool { return slices.Contains(c.Flags, f) }

// Vocabulary returns the category's name in the DSA vocabulary for a minor or an adult; nil where the
// vocabulary has none. The room takedown will ask.
func (c Category) Vocabulary(minor bool) *DSA {
	if !minor && c.AdultDSA != nil {
		return c.AdultDSA
	}
	return c.DSA
}

// ByCode returns a category, retired ones too.
func (t *Taxonomy) ByCode(code string) (Category, bool) {
	i, ok := t.byCode[code]
	if !ok {
		return Category{}, false
	}
	return t.Categories[i], true
}

// Of returns the categories of a family that are still offered, in their order.
func (t *Taxonomy) Of(family string) []Category {
	var of []Category
	for _, c := range t.Categories {
		if c.Family == family && !c.Retired {
			of = append(of, c)
		}
	}
	return of
}

// Closings returns the categories that close a contact in one click, in their order.
func (t *Taxonomy) Closings() []Category {
	var closings []Category
	for _, c := range t.Categories {
		if c.Closing != nil && !c.Retired {
			closings = append(closings, c)
		}
	}
	return closings
}

// Danger returns a danger by its code.
func (t *Taxonomy) Danger(code string) (Danger, bool) {
	i := slices.IndexFunc(t.Dangers, func(d Danger) bool { return d.Code == code })
	if i < 0 {
		return Danger{}, false
	}
	return t.Dangers[i], true
}

// CHILabel returns the label of a CHI code.
func (t *Taxonomy) CHILabel(code string) (Text, bool) {
	i := slices.IndexFunc(t.CHI, func(c CHI) bool { return c.Code == code })
	if i < 0 {
		return nil, false
	}
	return t.CHI[i].Label, true
}

func (t *Taxonomy) check(p *page) {
	dangers, chi, families, categories := codes{}, codes{}, codes{}, codes{}
	for i, d := range t.Dangers {
		dangers.add(p, at("danger[%d].code", i), d.Code)
		p.text(at("danger[%d].label", i), d.Label)
	}
	for i, c := range t.CHI {
		chi.add(p, at("chi[%d].code", i), c.Code)
		p.text(at("chi[%d].label", i), c.Label)
	}
	for i, f := range t.Families {
		families.add(p, at("family[%d].code", i), f.Code)
		p.text(at("family[%d].label", i), f.Label)
	}
	if len(t.Categories) == 0 {
		p.flaw("empty", "category")
	}
	keys := map[string]bool{}
	t.byCode = map[string]int{}
	for i, c := range t.Categories {
		path := at("category[%d]", i)
		categories.add(p, path+".code", c.Code)
		t.byCode[c.Code] = i
		p.text(path+".label", c.Label)
		p.optional(path+".hint", c.Hint)
		p.refers(path+".family", c.Family, DocTaxonomy, families[c.Family])
		p.refers(path+".chi", c.CHI, DocTaxonomy, chi[c.CHI])
		if c.Danger != "" {
			p.refers(path+".danger", c.Danger, DocTaxonomy, dangers[c.Danger])
		}
		for j, f := range c.Flags {
			p.oneOf(at("%s.flags[%d]", path, j), string(f), flags...)
		}
		c.DSA.check(p, path+".dsa", true)
		c.AdultDSA.check(p, path+".dsa_adult", false)
		if c.Closing != nil {
			if !c.Has(NoTalk) {
				p.flaw("closing_talk", path+".closing")
			}
			if len(c.Closing.Key) != 1 || keys[c.Closing.Key] {
				p.flaw("closing_key", path+".closing.key")
			}
			keys[c.Closing.Key] = true
		}
	}
}

func (t *Taxonomy) join(p *page, s *Set) {
	for i, c := range t.Categories {
		if c.Closing != nil && c.Closing.Line != "" {
			_, ok := s.Lines.ByCode(c.Closing.Line)
			p.refers(at("category[%d].closing.line", i), c.Closing.Line, DocLines, ok)
		}
	}
}
