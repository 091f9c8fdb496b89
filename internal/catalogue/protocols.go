package catalogue

import "slices"

// Protocols are the emergency cards of the desk. Their steps are ticked and logged; the call comes
// first and the paper follows.
type Protocols struct {
	head
	Cards []Protocol `toml:"protocol"`
}

// Protocol is one emergency card.
type Protocol struct {
	Code   string `toml:"code"`
	Danger string `toml:"danger"`
	Title  Text   `toml:"title"`
	// When says when it applies, so that nobody hesitates.
	When  Text           `toml:"when"`
	Steps []ProtocolStep `toml:"step"`
	// Never are the mistakes that cost most.
	Never []Text `toml:"never"`
}

// ProtocolStep is one step to tick.
type ProtocolStep struct {
	Code string `toml:"code"`
	// Kind is "talk" (with the child), "call", "tell" (the supervisor), "keep" (proof), "paper".
	Kind string `toml:"kind"`
	Text Text   `toml:"text"`
	// Say is a sentence that can be said to the child as it is.
	Say Text `toml:"say"`
	// Call lists the codes of the numbers to call, the first one first.
	Call []string `toml:"call"`
	// If says when the step is needed, where it is not always.
	If Text `toml:"if"`
}

var stepKinds = []string{"talk", "call", "tell", "keep", "paper"}

// ByCode returns a protocol.
func (p *Protocols) ByCode(code string) (Protocol, bool) {
	i := slices.IndexFunc(p.Cards, func(c Protocol) bool { return c.Code == code })
	if i < 0 {
		return Protocol{}, false
	}
	return p.Cards[i], true
}

// For returns the protocols of a danger, in the document's order.
func (p *Protocols) For(danger string) []Protocol {
	var of []Protocol
	for _, c := range p.Cards {
		if c.Danger == danger {
			of = append(of, c)
		}
	}
	return of
}

// Step returns a step by its code.
func (p Protocol) Step(code string) (ProtocolStep, bool) {
	i := slices.IndexFunc(p.Steps, func(s ProtocolStep) bool { return s.Code == code })
	if i < 0 {
		return ProtocolStep{}, false
	}
	return p.Steps[i], true
}

func (p *Protocols) check(page *page) {
	all := codes{}
	for i, c := range p.Cards {
		path := at("protocol[%d]", i)
		all.add(page, path+".code", c.Code)
		page.text(path+".title", c.Title)
		page.text(path+".when", c.When)
		steps := codes{}
		called := false
		for j, s := range c.Steps {
			spath := at("%s.step[%d]", path, j)
			steps.add(page, spath+".code", s.Code)
			page.oneOf(spath+".kind", s.Kind, stepKinds...)
			page.text(spath+".text", s.Text)
			page.optional(spath+".say", s.Say)
			page.optional(spath+".if", s.If)
			called = called || s.Kind == "call"
			if s.Kind == "call" && len(s.Call) == 0 {
				page.flaw("empty", spath+".call")
			}
			if s.Kind == "paper" && !called { // imminent danger never waits for a form
				page.flaw("call_first", spath)
			}
		}
		if len(c.Steps) == 0 {
			page.flaw("empty", path+".step")
		}
		for j, n := range c.Never {
			page.text(at("%s.never[%d]", path, j), n)
		}
	}
}

func (p *Protocols) join(page *page, s *Set) {
	for i, c := range p.Cards {
		_, ok := s.Taxonomy.Danger(c.Danger)
		page.refers(at("protocol[%d].danger", i), c.Danger, DocTaxonomy, ok)
		for j, step := range c.Steps {
			for k, number := range step.Call {
				_, ok := s.Numbers.ByCode(number)
				page.refers(at("protocol[%d].step[%d].call[%d]", i, j, k), number, DocNumbers, ok)
			}
		}
	}
}
