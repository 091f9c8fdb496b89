package catalogue

import "strconv"

// Rubric is by what a conversation is talked over after a listening: criteria in parts, each with what its lowest and highest mark
// look like. It is for a talk between two people, and makes no mark of a person.
type Rubric struct {
	head
	Parts    []RubricPart `toml:"part"`
	Criteria []Criterion  `toml:"criterion"`

	byCode map[string]int
}

// RubricPart is a part of a conversation: the welcome, the listening…
type RubricPart struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
}

// Criterion is one thing that is looked at. Marks go from 1 to MostMarks.
type Criterion struct {
	Code  string `toml:"code"`
	Part  string `toml:"part"`
	Label Text   `toml:"label"`
	// Low and High are what 1 and MostMarks look like.
	Low  Text `toml:"low"`
	High Text `toml:"high"`
	// Retired criteria are no longer asked; grids that have them still read well.
	Retired bool `toml:"retired"`
}

// MostMarks is the best mark of a criterion.
const MostMarks = 4

// ByCode returns a criterion.
func (r *Rubric) ByCode(code string) (Criterion, bool) {
	i, ok := r.byCode[code]
	if !ok {
		return Criterion{}, false
	}
	return r.Criteria[i], true
}

// Of are the criteria of a part that are still asked.
func (r *Rubric) Of(part string) (all []Criterion) {
	for _, c := range r.Criteria {
		if c.Part == part && !c.Retired {
			all = append(all, c)
		}
	}
	return all
}

const maxCriteria = 40

func (r *Rubric) check(p *page) {
	parts, all := codes{}, codes{}
	r.byCode = map[string]int{}
	names := []string{}
	for i, part := range r.Parts {
		path := at("part[%d]", i)
		parts.add(p, path+".code", part.Code)
		p.text(path+".label", part.Label)
		names = append(names, part.Code)
	}
	for i, c := range r.Criteria {
		path := at("criterion[%d]", i)
		all.add(p, path+".code", c.Code)
		r.byCode[c.Code] = i
		p.oneOf(path+".part", c.Part, names...)
		p.text(path+".label", c.Label)
		p.text(path+".low", c.Low)
		p.text(path+".high", c.High)
	}
	if len(r.Criteria) == 0 {
		p.flaw("empty", "criterion")
	}
	if len(r.Criteria) > maxCriteria {
		p.flaw("span", "criterion", "least", strconv.Itoa(1), "most", strconv.Itoa(maxCriteria))
	}
}
