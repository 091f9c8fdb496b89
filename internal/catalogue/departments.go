package catalogue

import (
	"slices"
	"strings"
)

// Departments are where the child lives: it decides which child-protection office and which prosecutor.
type Departments struct {
	head
	All []Department `toml:"department"`
}

// Department is one of France's 101 départements, or a place outside them.
type Department struct {
	Code  string `toml:"code"` // "01", "2a", "974", "abroad"
	Label Text   `toml:"label"`
	Kind  string `toml:"kind"` // department, territory, elsewhere
}

// ByCode returns a département.
func (d *Departments) ByCode(code string) (Department, bool) {
	i := slices.IndexFunc(d.All, func(d Department) bool { return d.Code == code })
	if i < 0 {
		return Department{}, false
	}
	return d.All[i], true
}

// Search returns the départements whose code, or a word of whose name, begins with prefix, accents and
// case set aside; at most ten, a code that matches exactly first.
func (d *Departments) Search(prefix, lang string) []Department {
	want := folded(prefix)
	var exact, found []Department
	for _, dep := range d.All {
		switch name := folded(dep.Label.In(lang)); {
		case dep.Code == want:
			exact = append(exact, dep)
		case want != "" && (strings.HasPrefix(dep.Code, want) || beginsWord(name, want)):
			found = append(found, dep)
		}
	}
	found = append(exact, found...)
	return found[:min(len(found), 10)]
}

func (d *Departments) check(p *page) {
	all := codes{}
	for i, dep := range d.All {
		path := at("department[%d]", i)
		all.add(p, path+".code", dep.Code)
		p.text(path+".label", dep.Label)
		p.oneOf(path+".kind", dep.Kind, "department", "territory", "elsewhere")
	}
	if len(d.All) == 0 {
		p.flaw("empty", "department")
	}
}
