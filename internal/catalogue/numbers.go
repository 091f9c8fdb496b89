package catalogue

import "slices"

// Numbers are who answers now, when we do not or when a life is in danger.
type Numbers struct {
	head
	All    []Number `toml:"number"`
	Orders []Order  `toml:"order"`
}

// Number is a line that answers.
type Number struct {
	Code string `toml:"code"`
	// Number as it is read and dialled: "3114", "116 006".
	Number string `toml:"number"`
	Label  Text   `toml:"label"`
	// For says in a few words for whom and for what, to the young and to adults.
	Young Text `toml:"young"`
	Adult Text `toml:"adult"`
	// Hours in words; absent where they are not confirmed.
	Hours Text `toml:"hours"`
	// Ways are how it is reached: call, sms, chat, video.
	Ways []string `toml:"ways"`
	// Emergency numbers answer day and night and come first when a life is in danger.
	Emergency bool `toml:"emergency"`
	// Kind is who answers there, on a line that is called back to learn whether a caller is who she says to be (Kinds);
	// "" for a line of help. Such a line is shown to no visitor.
	Kind string `toml:"kind"`
	// Ours marks the helpline's own number: never shown as the one that answers while we are closed.
	Ours       bool   `toml:"ours"`
	VerifiedOn string `toml:"verified_on"`
}

// Kinds are who may have to prove who she is: the police, a prosecutor or a judge, a network or another platform.
var Kinds = []string{"police", "justice", "platform"}

// Listed are the lines on which such callers are called back, in the order of the document.
func (n *Numbers) Listed() []Number {
	var all []Number
	for _, number := range n.All {
		if number.Kind != "" && number.By("call") {
			all = append(all, number)
		}
	}
	return all
}

// Order says whom to call for a danger, the first one first.
type Order struct {
	Danger  string   `toml:"danger"` // or General
	Numbers []string `toml:"numbers"`
}

// Dial returns the number without its spaces, for a tel: or sms: link.
func (n Number) Dial() string {
	return string(slices.DeleteFunc([]byte(n.Number), func(b byte) bool { return b == ' ' }))
}

// By says whether the number is reached in this way: "sms".
func (n Number) By(way string) bool { return slices.Contains(n.Ways, way) }

// Callable says that we may call the number: it is not our own, and takes calls.
func (n Number) Callable() bool { return n.By("call") && !n.Ours }

// Helps says that it is a line of help that we may call, and none on which we check who calls.
func (n Number) Helps() bool { return n.Callable() && n.Kind == "" }

// What returns what the number is for, to the young or to adults.
func (n Number) What(speaks string) Text {
	if speaks == Adult {
		return n.Adult
	}
	return n.Young
}

// ByCode returns a number.
func (n *Numbers) ByCode(code string) (Number, bool) {
	i := slices.IndexFunc(n.All, func(n Number) bool { return n.Code == code })
	if i < 0 {
		return Number{}, false
	}
	return n.All[i], true
}

// For returns the numbers for a danger, the first to call first; the general order for a danger that
// has none of its own, and for "".
func (n *Numbers) For(danger string) []Number {
	var numbers []Number
	for _, code := range n.order(danger) {
		if number, ok := n.ByCode(code); ok {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func (n *Numbers) order(danger string) []string {
	var general []string
	for _, o := range n.Orders {
		switch o.Danger {
		case danger:
			return o.Numbers
		case General:
			general = o.Numbers
		}
	}
	return general
}

func (n *Numbers) check(p *page) {
	all, orders := codes{}, map[string]bool{}
	for i, number := range n.All {
		path := at("number[%d]", i)
		all.add(p, path+".code", number.Code)
		p.text(path+".label", number.Label)
		if number.Kind == "" {
			p.text(path+".young", number.Young)
			p.text(path+".adult", number.Adult)
		} else {
			p.oneOf(path+".kind", number.Kind, Kinds...)
			if !number.By("call") || number.Ours || number.Emergency {
				p.flaw("number_kind", path+".kind", "code", number.Code)
			}
			p.optional(path+".young", number.Young)
			p.optional(path+".adult", number.Adult)
		}
		p.optional(path+".hours", number.Hours)
		if number.Dial() == "" || slices.ContainsFunc([]byte(number.Dial()), func(b byte) bool { return b < '0' || b > '9' }) {
			p.flaw("number_form", path+".number")
		}
		if len(number.Ways) == 0 {
			p.flaw("empty", path+".ways")
		}
		for j, way := range number.Ways {
			p.oneOf(at("%s.ways[%d]", path, j), way, "call", "sms", "chat", "video")
		}
		p.date(path+".verified_on", number.VerifiedOn)
	}
	for i, o := range n.Orders {
		if orders[o.Danger] {
			p.flaw("code_twice", at("order[%d].danger", i), "code", o.Danger)
		}
		orders[o.Danger] = true
		for j, code := range o.Numbers {
			p.refers(at("order[%d].numbers[%d]", i, j), code, DocNumbers, all[code])
			if number, _ := n.ByCode(code); number.Kind != "" {
				p.flaw("number_order", at("order[%d].numbers[%d]", i, j), "code", code)
			}
		}
	}
	if !orders[General] {
		p.flaw("required_missing", "order", "code", General)
	}
}

func (n *Numbers) join(p *page, s *Set) {
	for i, o := range n.Orders {
		_, ok := s.Taxonomy.Danger(o.Danger)
		p.refers(at("order[%d].danger", i), o.Danger, DocTaxonomy, ok || o.Danger == General)
	}
}
