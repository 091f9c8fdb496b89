package catalogue

import (
	"regexp"
	"slices"
	"strings"
)

// Partners are those to whom a case is handed on: child protection, police, prosecutor, school, other
// helplines. For each: what it has to be told, on which legal basis, with whose consent, by which way, and
// what the child hears before.
type Partners struct {
	head
	All []Recipient `toml:"partner"`
}

// The consent rules of a referral.
const (
	// ConsentAsked: nothing is sent without the yes of the person concerned.
	ConsentAsked = "asked"
	// ConsentTold: the law lets us send it; the person hears so before, unless danger forbids.
	ConsentTold = "told"
	// ConsentEmergency: a life is in danger. The call comes first, the person is told as soon as possible.
	ConsentEmergency = "emergency"
)

// The channels of a referral.
const (
	ChannelCall   = "call"   // by telephone, the contact passed on where possible
	ChannelMail   = "mail"   // a sealed e-mail
	ChannelPortal = "portal" // a form of theirs, filled in by hand
	ChannelLink   = "link"   // a secure link of ours
	ChannelLetter = "letter" // on paper
	ChannelVisit  = "visit"  // the person goes there herself, with a page in her hand
)

var channels = []string{ChannelCall, ChannelMail, ChannelPortal, ChannelLink, ChannelLetter, ChannelVisit}

// Recipient is one of them: who receives a referral. (Partner is a line that sends us calls.)
type Recipient struct {
	Code  string `toml:"code"`
	Kind  string `toml:"kind"` // protection, emergency, police, justice, school, victims, health, helpline
	Label Text   `toml:"label"`
	// When says when to turn to it, Not what it does not take.
	When Text `toml:"when"`
	Not  Text `toml:"not"`
	// Numbers are the codes of the lines to call (DocNumbers), the first one first.
	Numbers []string `toml:"numbers"`
	// Channels are the ways, the best first.
	Channels []string `toml:"channels"`
	// Address is the portal's or the mailbox.
	Address string `toml:"address"`
	// Key is the partner's public key, as the age tool writes it ("age1…"): an envelope of ours is closed to it. Without
	// one, nothing goes by a secure link.
	Key string `toml:"key"`
	// Mailbox is where a sealed e-mail goes, where Address is a form.
	Mailbox string `toml:"mailbox"`
	// LegalBasis says why we may, Articles name it ("CP 434-3").
	LegalBasis Text     `toml:"legal_basis"`
	Articles   []string `toml:"articles"`
	Consent    string   `toml:"consent"`
	// Young and Adult are what the person hears first: what is sent, to whom, and whether parents will know.
	Young Text `toml:"young"`
	Adult Text `toml:"adult"`
	// Parents says to the counsellor whether and how parents learn of it.
	Parents Text `toml:"parents"`
	// ByDepartment says that each département has its own office.
	ByDepartment bool            `toml:"by_department"`
	Offices      []Office        `toml:"office"`
	Groups       []ReferralGroup `toml:"group"`
	Fields       []ReferralField `toml:"field"`
	Deadline     Deadline        `toml:"deadline"`
	// ToCheck says that something is missing or not confirmed: an address, a rule.
	ToCheck    bool   `toml:"to_check"`
	VerifiedOn string `toml:"verified_on"`
	Retired    bool   `toml:"retired"`
}

// ageKey is the look of an X25519 recipient (age-encryption.org/v1); whoever closes an envelope checks its sum.
var ageKey = regexp.MustCompile(`^age1[02-9ac-hj-np-z]{58}$`)

var partnerKinds = []string{"protection", "emergency", "police", "justice", "school", "victims", "health", "helpline"}

// Office is the office of one département.
type Office struct {
	Department string `toml:"department"`
	Channel    string `toml:"channel"`
	Address    string `toml:"address"`
	// Key and Mailbox are the office's own, where it has them.
	Key        string `toml:"key"`
	Mailbox    string `toml:"mailbox"`
	Note       Text   `toml:"note"`
	ToCheck    bool   `toml:"to_check"`
	VerifiedOn string `toml:"verified_on"`
}

// ReferralGroup is a part of what a partner is told; one that repeats is there once for each child, each parent.
type ReferralGroup struct {
	Code    string `toml:"code"`
	Label   Text   `toml:"label"`
	Repeats bool   `toml:"repeats"`
}

// ReferralField is one thing that a partner is told.
type ReferralField struct {
	Code  string    `toml:"code"`
	Group string    `toml:"group"`
	Label Text      `toml:"label"`
	Hint  Text      `toml:"hint"`
	Type  FieldType `toml:"type"`
	// Choices are the answers of a "choice".
	Choices []Choice `toml:"choices"`
	// Required keeps the paper from being sent without it. It never keeps anybody from calling.
	Required bool `toml:"required"`
	// Must is the only answer with which the partner takes the case: Pharos and "public", yes.
	Must string `toml:"must"`
	// From is the field of the contact form that fills it.
	From string `toml:"from"`
}

// The types of a partner's field besides those of the form.
const (
	OfDay    FieldType = "date"    // a day
	OfMoment FieldType = "moment"  // a day and an hour
	OfLink   FieldType = "address" // an address of the web
	OfPhone  FieldType = "phone"
)

var partnerTypes = []string{string(OneChoice), string(YesNo), string(OfAge), string(OfPlace), string(Short), string(Long), string(OfDay), string(OfMoment), string(OfLink), string(OfPhone)}

// Deadline is our own time with a partner, in hours; a law or a promise is named in Source.
type Deadline struct {
	SendHours   int  `toml:"send_hours"`   // from the decision until it is sent
	AnswerHours int  `toml:"answer_hours"` // until the partner has said that it has it; 0 where nothing is expected
	ChaseHours  int  `toml:"chase_hours"`  // until we ask again
	Ours        bool `toml:"ours"`
	Source      Text `toml:"source"`
}

// ByCode returns a partner, retired ones too.
func (p *Partners) ByCode(code string) (Recipient, bool) {
	i := slices.IndexFunc(p.All, func(r Recipient) bool { return r.Code == code })
	if i < 0 {
		return Recipient{}, false
	}
	return p.All[i], true
}

// Field returns a field of what the partner is told.
func (r Recipient) Field(code string) (ReferralField, bool) {
	i := slices.IndexFunc(r.Fields, func(f ReferralField) bool { return f.Code == code })
	if i < 0 {
		return ReferralField{}, false
	}
	return r.Fields[i], true
}

// Office returns the office of a département; false where none is written down, and the national line
// knows it.
func (r Recipient) Office(department string) (Office, bool) {
	i := slices.IndexFunc(r.Offices, func(o Office) bool { return o.Department == department })
	if i < 0 {
		return Office{}, false
	}
	return r.Offices[i], true
}

// KeyOf is the public key that an envelope for a département's office is closed to, "" where none is known.
func (r Recipient) KeyOf(department string) string {
	if office, ok := r.Office(department); ok && office.Key != "" {
		return office.Key
	}
	return r.Key
}

// MailboxOf is the mailbox of a département's office, or the partner's; "" where none is known.
func (r Recipient) MailboxOf(department string) string {
	if office, ok := r.Office(department); ok {
		switch {
		case office.Mailbox != "":
			return office.Mailbox
		case office.Channel == ChannelMail && office.Address != "":
			return office.Address
		case office.Key != "": // another office's mailbox is not where this one's key is read
			return ""
		}
	}
	if r.Mailbox == "" && r.By(ChannelMail) && !r.By(ChannelPortal) {
		return r.Address
	}
	return r.Mailbox
}

// By says whether the partner is reached by this channel.
func (r Recipient) By(channel string) bool { return slices.Contains(r.Channels, channel) }

// First returns what the person hears first, to the young or to adults.
func (r Recipient) First(speaks string) Text {
	if speaks == Adult {
		return r.Adult
	}
	return r.Young
}

// Lacks returns the fields that keep a paper from being sent: required ones without an answer, and those
// whose answer the partner does not take. answers are by field; of a group that repeats, what is asked is
// answered at least once.
func (r Recipient) Lacks(answers map[string]string) []ReferralField {
	var lacks []ReferralField
	for _, f := range r.Fields {
		answer := strings.TrimSpace(answers[f.Code])
		if f.Required && answer == "" || f.Must != "" && answer != f.Must {
			lacks = append(lacks, f)
		}
	}
	return lacks
}

func (p *Partners) check(page *page) {
	all := codes{}
	for i, partner := range p.All {
		path := at("partner[%d]", i)
		all.add(page, path+".code", partner.Code)
		partner.check(page, path)
	}
	if len(p.All) == 0 {
		page.flaw("empty", "partner")
	}
}

func (r Recipient) check(page *page, path string) {
	page.oneOf(path+".kind", r.Kind, partnerKinds...)
	page.text(path+".label", r.Label)
	page.text(path+".when", r.When)
	page.optional(path+".not", r.Not)
	page.text(path+".legal_basis", r.LegalBasis)
	page.oneOf(path+".consent", r.Consent, ConsentAsked, ConsentTold, ConsentEmergency)
	page.text(path+".young", r.Young)
	page.text(path+".adult", r.Adult)
	page.text(path+".parents", r.Parents)
	if len(r.Channels) == 0 {
		page.flaw("empty", path+".channels")
	}
	for i, c := range r.Channels {
		page.oneOf(at("%s.channels[%d]", path, i), c, channels...)
	}
	if r.By(ChannelCall) && len(r.Numbers) == 0 && !r.ToCheck {
		page.flaw("empty", path+".numbers")
	}
	if r.Consent == ConsentEmergency && (len(r.Channels) == 0 || r.Channels[0] != ChannelCall) {
		page.flaw("call_first", path+".channels")
	}
	switch {
	case r.Address == "":
		if !r.ByDepartment && !r.ToCheck && (r.By(ChannelPortal) || r.By(ChannelMail)) {
			page.flaw("partner_address", path+".address")
		}
	case r.By(ChannelPortal):
		page.https(path+".address", r.Address)
	case r.By(ChannelMail):
		page.mailbox(path+".address", r.Address)
	default:
		page.flaw("partner_address", path+".address")
	}
	page.envelope(path, r.Key, r.Mailbox)
	groups, fields := codes{}, codes{}
	for i, g := range r.Groups {
		groups.add(page, at("%s.group[%d].code", path, i), g.Code)
		page.text(at("%s.group[%d].label", path, i), g.Label)
	}
	for i, f := range r.Fields {
		at := at("%s.field[%d]", path, i)
		fields.add(page, at+".code", f.Code)
		f.check(page, at)
		page.refers(at+".group", f.Group, DocPartners, f.Group == "" && len(r.Groups) == 0 || groups[f.Group])
	}
	if len(r.Offices) > 0 && !r.ByDepartment {
		page.flaw("office", path+".office")
	}
	offices := map[string]bool{}
	for i, o := range r.Offices {
		at := at("%s.office[%d]", path, i)
		if offices[o.Department] {
			page.flaw("code_twice", at+".department", "code", o.Department)
		}
		offices[o.Department] = true
		page.oneOf(at+".channel", o.Channel, channels...)
		page.optional(at+".note", o.Note)
		switch {
		case o.Address == "" && !o.ToCheck && (o.Channel == ChannelPortal || o.Channel == ChannelMail):
			page.flaw("partner_address", at+".address")
		case o.Address != "" && o.Channel == ChannelPortal:
			page.https(at+".address", o.Address)
		case o.Address != "" && o.Channel == ChannelMail:
			page.mailbox(at+".address", o.Address)
		}
		page.envelope(at, o.Key, o.Mailbox)
		if o.VerifiedOn != "" || !o.ToCheck {
			page.date(at+".verified_on", o.VerifiedOn)
		}
	}
	r.Deadline.check(page, path+".deadline", r.Consent == ConsentEmergency)
	page.date(path+".verified_on", r.VerifiedOn)
}

// envelope wants a key and a mailbox that are what they are called, where they are given.
func (p *page) envelope(path, key, mailbox string) {
	if key != "" && !ageKey.MatchString(key) {
		p.flaw("partner_key", path+".key")
	}
	if mailbox != "" {
		p.mailbox(path+".mailbox", mailbox)
	}
}

func (f ReferralField) check(page *page, path string) {
	page.text(path+".label", f.Label)
	page.optional(path+".hint", f.Hint)
	page.oneOf(path+".type", string(f.Type), partnerTypes...)
	if (f.Type == OneChoice) != (len(f.Choices) > 0) {
		page.flaw("choices", path)
	}
	choices := codes{}
	for i, c := range f.Choices {
		choices.add(page, at("%s.choices[%d].code", path, i), c.Code)
		page.text(at("%s.choices[%d].label", path, i), c.Label)
	}
	switch {
	case f.Must == "":
	case f.Type == YesNo:
		page.oneOf(path+".must", f.Must, "yes", "no")
	default:
		page.refers(path+".must", f.Must, DocPartners, choices[f.Must])
	}
}

func (d Deadline) check(page *page, path string, emergency bool) {
	least := 1
	if emergency {
		least = 0 // the call is now
	}
	if d.SendHours < least || d.SendHours > mostHours || d.AnswerHours < 0 || d.AnswerHours > 4*mostHours || d.ChaseHours < 0 || d.ChaseHours > 4*mostHours {
		page.flaw("max", path)
	}
	if (d.AnswerHours == 0) != (d.ChaseHours == 0) || d.ChaseHours < d.AnswerHours {
		page.flaw("deadline_order", path)
	}
	page.optional(path+".source", d.Source)
	if d.Ours == (len(d.Source) > 0) {
		page.flaw("clock_source", path)
	}
}

func (p *Partners) join(page *page, s *Set) {
	for i, partner := range p.All {
		path := at("partner[%d]", i)
		for j, code := range partner.Numbers {
			// Numbers may have been taken away before partners were: that keeps nothing from opening.
			if _, ok := s.Numbers.ByCode(code); page.strict == proposed {
				page.refers(at("%s.numbers[%d]", path, j), code, DocNumbers, ok)
			}
		}
		for j, a := range partner.Articles {
			s.Offences.article(page, at("%s.articles[%d]", path, j), a)
		}
		for j, o := range partner.Offices {
			_, ok := s.Departments.ByCode(o.Department)
			page.refers(at("%s.office[%d].department", path, j), o.Department, DocDepartments, ok)
		}
		for j, f := range partner.Fields {
			if f.From != "" {
				_, ok := s.Form.Field(f.From)
				page.refers(at("%s.field[%d].from", path, j), f.From, DocForm, ok)
			}
		}
	}
}
