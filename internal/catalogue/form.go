package catalogue

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"vigie/internal/fault"
)

// FieldType is how a field of the form is answered.
type FieldType string

// The types of field. The value of each is a string, as a form post carries it.
const (
	OneChoice   FieldType = "choice"     // one code
	Multi       FieldType = "multi"      // codes separated by spaces, in the form's order
	YesNo       FieldType = "yesno"      // yes, no or unknown
	Scale       FieldType = "scale"      // one code of an ordered list, "1" the lightest
	OfPlace     FieldType = "department" // one code, chosen by typing
	OfAge       FieldType = "age"        // a number of years, or unknown
	Short, Long FieldType = "short", "long"
)

var fieldTypes = []string{
	string(OneChoice), string(Multi), string(YesNo), string(Scale), string(OfPlace), string(OfAge), string(Short), string(Long),
}

// Keep says how an answer is kept.
type Keep string

const (
	// Fact answers are codes, copied in clear so that they can be counted and searched.
	Fact Keep = "fact"
	// Sealed answers are only ever readable with the contact's key: every free text, the danger grid.
	Sealed Keep = "sealed"
)

// Form is the contact form: what a counsellor writes down while she listens.
type Form struct {
	head
	Sections []Section `toml:"section"`
	Rules    []Alarm   `toml:"alarm"`

	byCode     map[string]*Field
	categories func(code string) (Category, bool)
}

// Section is a group of fields on one card.
type Section struct {
	Code   string  `toml:"code"`
	Label  Text    `toml:"label"`
	Danger bool    `toml:"danger"` // the danger grid: every field must be sealed
	Fields []Field `toml:"field"`
}

// Field is one question of the form.
type Field struct {
	Code    string    `toml:"code"`
	Label   Text      `toml:"label"`
	Hint    Text      `toml:"hint"`
	Type    FieldType `toml:"type"`
	Keep    Keep      `toml:"keep"`
	Choices []Choice  `toml:"choices"`
	// From takes the choices from another document: "categories", "platforms", "departments".
	From string `toml:"from"`
	// Max is the longest text taken, in characters; 200 for short and 8,000 for long ones by default.
	Max int `toml:"max"`
	// Find has the contact be found by exactly this answer: "handle", "url", "phone", or "author_handle",
	// which is kept and not searched until the data protection officer allows it. "lines" is for a long
	// answer with an address, a number or somebody else's account on each line.
	Find string `toml:"find"`
	// When shows the field only where it makes sense; an answer given before it was hidden is kept.
	When *When `toml:"when"`
	// Required keeps a contact from being closed without an answer; RequiredWhen only then.
	Required     bool  `toml:"required"`
	RequiredWhen *When `toml:"required_when"`
	Retired      bool  `toml:"retired"`
}

// Choice is one answer that can be chosen.
type Choice struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
	// CHI maps the answer to the CHI framework where it asks for it (outcomes, age, gender…).
	CHI     string `toml:"chi"`
	Retired bool   `toml:"retired"`
	// Group names the family of a category, for the list to be shown in parts; not in the document.
	Group string `toml:"-"`
}

// When is a condition on the other answers. Every part that is set must hold.
type When struct {
	Field string   `toml:"field"`
	Is    []string `toml:"is"`    // one of the field's values is among these
	Not   []string `toml:"not"`   // none of the field's values is among these; holds for an empty field
	Flag  Flag     `toml:"flag"`  // one of the field's values is a category with this flag
	Lacks Flag     `toml:"lacks"` // none of the field's values is a category with this flag
	Below int      `toml:"below"` // the field's value is a number below this
	Alarm string   `toml:"alarm"` // an alarm of the form rings: "danger", or "grave" for any
}

// Alarm says which answers put somebody in danger.
type Alarm struct {
	When
	// Danger is the code of the danger; it finds the protocol and the numbers. "" for a grave category
	// that names none.
	Danger string `toml:"danger"`
	// Raises is RaisesDanger or RaisesGrave.
	Raises string `toml:"raises"`
}

// What an alarm raises.
const (
	RaisesDanger = "danger" // the contact is marked: no block, no closing by itself
	RaisesGrave  = "grave"  // it takes the counsellor's whole capacity
)

// FactCode is one structured answer as it is counted: the field and the code.
type FactCode struct{ Field, Code string }

// Field returns a field, retired ones too.
func (f *Form) Field(code string) (Field, bool) {
	field, ok := f.byCode[code]
	if !ok {
		return Field{}, false
	}
	return *field, true
}

// Offered returns the choices that a counsellor may still choose, in their order.
func (f Field) Offered() []Choice {
	return slices.DeleteFunc(slices.Clone(f.Choices), func(c Choice) bool { return c.Retired })
}

// Choice returns a choice of the field, retired ones too.
func (f Field) Choice(code string) (Choice, bool) {
	i := slices.IndexFunc(f.Choices, func(c Choice) bool { return c.Code == code })
	if i < 0 {
		return Choice{}, false
	}
	return f.Choices[i], true
}

// Check takes an answer as a form post carries it and returns it as it is kept: trimmed, the codes of a
// Multi field in the form's order and once each. An empty answer takes the answer back. It returns an
// Invalid fault for a field or code that does not exist and TooLarge for too long a text.
func (f *Form) Check(code, value string) (string, error) {
	field, ok := f.byCode[code]
	if !ok {
		return "", fault.New(fault.Invalid, "fault.catalogue.field_unknown")
	}
	value = strings.TrimSpace(value)
	if value == "" {
		return "", nil
	}
	switch field.Type {
	case Short, Long:
		if !utf8.ValidString(value) {
			return "", fault.New(fault.Invalid, "fault.catalogue.answer_unknown")
		}
		if utf8.RuneCountInString(value) > field.Max {
			return "", fault.New(fault.TooLarge, "fault.catalogue.answer_long", "max", field.Max)
		}
		return value, nil
	case OfAge:
		if value == "unknown" {
			return value, nil
		}
		years, err := strconv.Atoi(value)
		if err != nil || years < 0 || years > 120 {
			return "", fault.New(fault.Invalid, "fault.catalogue.answer_age")
		}
		return strconv.Itoa(years), nil
	case Multi:
		given := strings.Fields(value)
		for _, code := range given {
			if _, ok := field.Choice(code); !ok {
				return "", fault.New(fault.Invalid, "fault.catalogue.answer_unknown")
			}
		}
		var kept []string
		for _, c := range field.Choices {
			if slices.Contains(given, c.Code) {
				kept = append(kept, c.Code)
			}
		}
		return strings.Join(kept, " "), nil
	default:
		if _, ok := field.Choice(value); !ok {
			return "", fault.New(fault.Invalid, "fault.catalogue.answer_unknown")
		}
		return value, nil
	}
}

// Facts returns what of the answers (field → value) may be kept in clear: the codes of the fields that
// are facts, and nothing of the others.
func (f *Form) Facts(answers map[string]string) []FactCode {
	var facts []FactCode
	f.each(func(_ Section, field *Field) {
		if field.Keep != Fact {
			return
		}
		for _, code := range strings.Fields(answers[field.Code]) {
			facts = append(facts, FactCode{field.Code, code})
		}
	})
	return facts
}

// Shown says whether a field makes sense beside the other answers.
func (f *Form) Shown(code string, answers map[string]string) bool {
	field, ok := f.byCode[code]
	return ok && !field.Retired && (field.When == nil || f.holds(*field.When, answers))
}

// Missing returns the fields that must be answered before the contact is closed and are not.
func (f *Form) Missing(answers map[string]string) []Field {
	var missing []Field
	f.each(func(_ Section, field *Field) {
		required := field.Required || field.RequiredWhen != nil && f.holds(*field.RequiredWhen, answers)
		if required && answers[field.Code] == "" && f.Shown(field.Code, answers) {
			missing = append(missing, *field)
		}
	})
	return missing
}

// Alarms returns the alarms that the answers ring, in the form's order; a grave category rings one too.
func (f *Form) Alarms(answers map[string]string) []Alarm {
	var ringing []Alarm
	for _, a := range f.Rules {
		if f.holds(a.When, answers) {
			ringing = append(ringing, a)
		}
	}
	f.each(func(_ Section, field *Field) {
		if field.From != "categories" {
			return
		}
		for _, code := range strings.Fields(answers[field.Code]) {
			if c, ok := f.categories(code); ok && c.Has(Grave) {
				ringing = append(ringing, Alarm{When: When{Field: field.Code, Is: []string{code}}, Danger: c.Danger, Raises: RaisesGrave})
			}
		}
	})
	return ringing
}

// CanRing says whether some answer to a field rings an alarm, or ends one.
func (f *Form) CanRing(code string) bool {
	field, ok := f.byCode[code]
	return ok && (field.From == "categories" || slices.ContainsFunc(f.Rules, func(a Alarm) bool { return a.Field == code }))
}

// Say returns an answer as a person reads it: labels for codes, joined by commas.
func (f *Form) Say(code, value, lang string) string {
	field, ok := f.byCode[code]
	if !ok || field.Type == Short || field.Type == Long || len(field.Choices) == 0 {
		return value
	}
	var said []string
	for _, v := range strings.Fields(value) {
		if c, ok := field.Choice(v); ok {
			v = c.Label.In(lang)
		}
		said = append(said, v)
	}
	return strings.Join(said, ", ")
}

func (f *Form) each(do func(Section, *Field)) {
	for i := range f.Sections {
		for j := range f.Sections[i].Fields {
			do(f.Sections[i], &f.Sections[i].Fields[j])
		}
	}
}

func (f *Form) holds(w When, answers map[string]string) bool {
	values := strings.Fields(answers[w.Field])
	among := func(codes []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(codes, v) })
	}
	flagged := func(flag Flag) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			c, ok := f.categories(v)
			return ok && c.Has(flag)
		})
	}
	switch {
	case len(w.Is) > 0 && !among(w.Is),
		len(w.Not) > 0 && among(w.Not),
		w.Flag != "" && !flagged(w.Flag),
		w.Lacks != "" && flagged(w.Lacks),
		w.Alarm != "" && !slices.ContainsFunc(f.Alarms(answers), func(a Alarm) bool { return w.Alarm == RaisesGrave || a.Raises == w.Alarm }):
		return false
	}
	if w.Below > 0 {
		n, err := strconv.Atoi(answers[w.Field])
		return err == nil && n < w.Below
	}
	return true
}

func (f *Form) check(p *page) {
	sections, fields := codes{}, codes{}
	f.byCode = map[string]*Field{}
	f.categories = func(string) (Category, bool) { return Category{}, false }
	for i := range f.Sections {
		section := &f.Sections[i]
		sections.add(p, at("section[%d].code", i), section.Code)
		p.text(at("section[%d].label", i), section.Label)
		for j := range section.Fields {
			field := &section.Fields[j]
			path := at("section[%d].field[%d]", i, j)
			fields.add(p, path+".code", field.Code)
			f.byCode[field.Code] = field
			field.check(p, path, section.Danger)
		}
	}
	if len(f.byCode) == 0 {
		p.flaw("empty", "section")
	}
	f.each(func(_ Section, field *Field) {
		f.checkWhen(p, field.When, field.Code, false)
		f.checkWhen(p, field.RequiredWhen, field.Code, true)
	})
	for i, a := range f.Rules {
		path := at("alarm[%d]", i)
		if _, ok := f.byCode[a.Field]; !ok || a.Alarm != "" {
			p.flaw("reference_missing", path+".field", "code", a.Field, "target", string(DocForm))
		}
		p.oneOf(path+".raises", a.Raises, RaisesDanger, RaisesGrave)
	}
}

func (f *Form) checkWhen(p *page, w *When, code string, alarms bool) {
	if w == nil {
		return
	}
	if _, ok := f.byCode[w.Field]; !ok && !(alarms && w.Alarm != "" && w.Field == "") {
		p.flaw("reference_missing", f.pathOf(code)+".when", "code", w.Field, "target", string(DocForm))
	}
	if w.Alarm != "" && !alarms { // an alarm may not decide what is shown: it is made of what is shown
		p.flaw("value_unknown", f.pathOf(code)+".when", "value", "alarm", "allowed", "field")
	}
	if w.Alarm != "" {
		p.oneOf(f.pathOf(code)+".required_when", w.Alarm, RaisesDanger, RaisesGrave)
	}
}

// pathOf finds where a field stands in the document.
func (f *Form) pathOf(code string) string {
	for i, s := range f.Sections {
		for j, field := range s.Fields {
			if field.Code == code {
				return at("section[%d].field[%d]", i, j)
			}
		}
	}
	return ""
}

var yesNo = []Choice{
	{Code: "yes", Label: Text{"fr": "Oui", "en": "Yes"}},
	{Code: "no", Label: Text{"fr": "Non", "en": "No"}},
	{Code: "unknown", Label: Text{"fr": "Ne sait pas", "en": "Not known"}},
}

func (f *Field) check(p *page, path string, danger bool) {
	p.text(path+".label", f.Label)
	p.optional(path+".hint", f.Hint)
	p.oneOf(path+".type", string(f.Type), fieldTypes...)
	p.oneOf(path+".keep", string(f.Keep), string(Fact), string(Sealed))
	free := f.Type == Short || f.Type == Long
	switch f.Find {
	case "":
	case "lines":
		if f.Type != Long {
			p.flaw("value_unknown", path+".find", "value", f.Find, "allowed", string(Long))
		}
	default:
		p.oneOf(path+".find", f.Find, "handle", "url", "phone", "author_handle", "lines")
		if f.Type != Short {
			p.flaw("value_unknown", path+".find", "value", f.Find, "allowed", string(Short))
		}
	}
	if f.Keep == Fact && free {
		p.flaw("sealed_text", path+".keep")
	}
	if f.Keep == Fact && danger {
		p.flaw("sealed_danger", path+".keep")
	}
	chosen := f.Type == OneChoice || f.Type == Multi || f.Type == Scale || f.Type == OfPlace
	switch {
	case f.From != "":
		p.oneOf(path+".from", f.From, "categories", "platforms", "departments")
		if len(f.Choices) > 0 || !chosen {
			p.flaw("choices", path+".from")
		}
	case chosen == (len(f.Choices) == 0):
		p.flaw("choices", path+".choices")
	}
	choices := codes{}
	for i, c := range f.Choices {
		cpath := at("%s.choices[%d]", path, i)
		choices.add(p, cpath+".code", c.Code)
		p.text(cpath+".label", c.Label)
		if f.Type == Scale && c.Code != strconv.Itoa(i+1) {
			p.flaw("scale", cpath+".code", "want", i+1)
		}
	}
	if f.Type == YesNo {
		f.Choices = yesNo
	}
	switch {
	case f.Max < 0 || f.Max > 20_000 || f.Max > 0 && !free:
		p.flaw("max", path+".max")
	case f.Type == Short && f.Max == 0:
		f.Max = 200
	case f.Type == Long && f.Max == 0:
		f.Max = 8000
	}
}

// join fills the lists that come from other documents and checks what refers to them.
func (f *Form) join(p *page, s *Set) {
	f.categories = s.Taxonomy.ByCode
	f.each(func(_ Section, field *Field) {
		switch field.From {
		case "categories":
			for _, c := range s.Taxonomy.Categories {
				field.Choices = append(field.Choices, Choice{Code: c.Code, Label: c.Label, CHI: c.CHI, Retired: c.Retired, Group: c.Family})
			}
		case "platforms":
			for _, c := range s.Platforms.All {
				field.Choices = append(field.Choices, Choice{Code: c.Code, Label: c.Label(), Retired: c.Retired, Group: c.Kind})
			}
		case "departments":
			for _, c := range s.Departments.All {
				field.Choices = append(field.Choices, Choice{Code: c.Code, Label: c.Label, Group: c.Kind})
			}
		}
		for i, c := range field.Choices {
			if field.From == "" && c.CHI != "" {
				_, ok := s.Taxonomy.CHILabel(c.CHI)
				p.refers(at("%s.choices[%d].chi", f.pathOf(field.Code), i), c.CHI, DocTaxonomy, ok)
			}
		}
		f.joinWhen(p, field.When, f.pathOf(field.Code)+".when")
		f.joinWhen(p, field.RequiredWhen, f.pathOf(field.Code)+".required_when")
	})
	for i, a := range f.Rules {
		_, ok := s.Taxonomy.Danger(a.Danger)
		p.refers(at("alarm[%d].danger", i), a.Danger, DocTaxonomy, ok)
		f.joinWhen(p, &a.When, at("alarm[%d]", i))
	}
}

// joinWhen wants every code of a condition to be a choice of its field.
func (f *Form) joinWhen(p *page, w *When, path string) {
	if w == nil || w.Field == "" {
		return
	}
	for _, code := range slices.Concat(w.Is, w.Not) {
		if _, ok := f.byCode[w.Field].Choice(code); !ok {
			p.flaw("reference_missing", path, "code", code, "target", string(DocForm)+"."+w.Field)
		}
	}
	if (w.Flag != "" || w.Lacks != "") && f.byCode[w.Field].From != "categories" {
		p.flaw("reference_missing", path, "code", w.Field, "target", string(DocTaxonomy))
	}
}
