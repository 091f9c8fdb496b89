package catalogue

import (
	"path"
	"slices"
	"strings"
)

// Platforms are the places where it happens, and how content is taken down there. What is said about each
// has a date: menus and forms drift.
type Platforms struct {
	head
	// Wrappers are patterns of addresses that carry another one, and the parameter in which: it is that
	// other one that somebody meant ("l.facebook.com/l.php?u={address}").
	Wrappers []string `toml:"wrappers"`
	// Tracking are query parameters that say who shared an address and not what it is, "utm_*".
	Tracking []string `toml:"tracking"`
	// Clock is the helpline's own patience, where a platform promises nothing; nil for ownClock.
	Clock *Clock       `toml:"clock"`
	Forms []PortalForm `toml:"form"`
	All   []Platform   `toml:"platform"`

	byCode   map[string]int
	byHost   map[string]int
	wrappers []*pattern
}

// Platform is a network, a messenger, a game, a console; or a place like "by text message".
type Platform struct {
	Code string `toml:"code"`
	Name string `toml:"name"`
	// Said is the name in each language, for what is not a brand ("SMS, texto").
	Said Text   `toml:"said"`
	Kind string `toml:"kind"` // social, messaging, video, game, console, device, place
	// MinAge is the platform's own minimum age; 0 when not confirmed or not meant.
	MinAge  int  `toml:"min_age"`
	AgeNote Text `toml:"age_note"`
	// Report, Settings and Parents are hints for the counsellor: where to press, in order.
	Report   Text   `toml:"report"`
	Settings Text   `toml:"settings"`
	Parents  Text   `toml:"parents"`
	Links    []Link `toml:"links"`
	// Hosts are the host names that belong to the platform, without "www."; what is below them too.
	Hosts []string `toml:"hosts"`
	// Fronts are what may stand before a host and shows the same pages, besides www, m and mobile: "mbasic".
	Fronts []string `toml:"fronts"`
	// MainHosts are those that patterns without a host are for; all hosts where none is named. "t.me" has
	// accounts where "telegram.org" has pages.
	MainHosts []string `toml:"main_hosts"`
	// Open networks are many servers, each with its own host: the shapes are tried on any host, and say
	// what it looks like; only the server can tell. Hosts are the servers that the helpline knows.
	Open   bool    `toml:"open"`
	Shapes []Shape `toml:"address"`
	// Grounds are the codes of the legal grounds that the platform takes; none written down means all.
	Grounds []string `toml:"grounds"`
	// Routes are how a notice goes there, the best first.
	Routes []Route `toml:"route"`
	// Contact is whom the helpline knows there, AfterHours who answers at night.
	Contact    Reach  `toml:"contact"`
	AfterHours Reach  `toml:"after_hours"`
	Clock      *Clock `toml:"clock"` // nil for the helpline's own
	Judge      Judge  `toml:"judge"`
	// VerifiedOn is the day on which the hints were last checked, "2026-11-23".
	VerifiedOn string `toml:"verified_on"`
	Retired    bool   `toml:"retired"`
}

// RouteKind is what carries a notice.
type RouteKind string

// The kinds of route.
const (
	ByPortal   RouteKind = "portal"   // a form of the network, filled in by hand with a map beside it
	ByMail     RouteKind = "mail"     // an e-mail to somebody who reads it
	ByMastodon RouteKind = "mastodon" // POST /api/v1/reports of a Mastodon-compatible server
	ByATProto  RouteKind = "atproto"  // com.atproto.moderation.createReport
	ByYouTube  RouteKind = "youtube"  // videos.reportAbuse
	ByXARF     RouteKind = "xarf"     // an e-mail that a machine reads (XARF v4)
)

var routeKinds = []string{string(ByPortal), string(ByMail), string(ByMastodon), string(ByATProto), string(ByYouTube), string(ByXARF)}

// Who sends a notice by a route.
const (
	// HeldByDesk is the helpline, with a login of its own.
	HeldByDesk = "desk"
	// HeldByMember is whoever has an account there: some networks look at a private message only when
	// somebody who received it reports it herself.
	HeldByMember = "member"
)

// Route is one way for a notice to go.
type Route struct {
	Kind RouteKind `toml:"kind"`
	// Holder is HeldByDesk or HeldByMember; a member follows the platform's Report.
	Holder string `toml:"holder"`
	// Login says who at the helpline keeps the login; never the password.
	Login Text `toml:"login"`
	// Form is the code of the form's map, for a portal of the desk.
	Form string `toml:"form"`
	// Address is where the form is (https), or the mailbox.
	Address string `toml:"address"`
	// Takes are the kinds of address the route is for; none means all.
	Takes []AddressKind `toml:"takes"`
	Note  Text          `toml:"note"`
	// ToCheck says that something is missing or not confirmed: the desk shows the route and does not
	// propose it.
	ToCheck    bool   `toml:"to_check"`
	VerifiedOn string `toml:"verified_on"`
}

// For says whether the route takes this kind of address.
func (r Route) For(kind AddressKind) bool { return len(r.Takes) == 0 || slices.Contains(r.Takes, kind) }

// Reach is how somebody at a platform is reached. Write a function and a shared mailbox rather than a
// person: versions are kept for ever.
type Reach struct {
	Who  Text   `toml:"who"`
	Mail string `toml:"mail"`
	// Number is the code of a listed line (DocNumbers, kind "platform").
	Number  string `toml:"number"`
	Hours   Text   `toml:"hours"`
	ToCheck bool   `toml:"to_check"`
}

// Empty says that nobody is known.
func (r Reach) Empty() bool { return r.Mail == "" && r.Number == "" }

// Clock is a platform's time, in hours from the sending of a notice. The DSA says "without undue delay"
// (Art. 16(4) and (5)) and gives no hour.
type Clock struct {
	AcknowledgeHours int `toml:"acknowledge_hours"` // until it says that it has the notice
	DecideHours      int `toml:"decide_hours"`      // until it decides
	RemindHours      int `toml:"remind_hours"`      // until we ask
	EscalateHours    int `toml:"escalate_hours"`    // until we go higher: contact, Art. 20, Art. 21, Arcom
	// Ours says that no law and no promise gives these hours; Source says whose promise they are.
	Ours   bool `toml:"ours"`
	Source Text `toml:"source"`
}

// Judge is how our own check reads a page that answers (fetch.Judge): the network says "gone" in a page that is there, or shows
// a log-in wall that says nothing.
type Judge struct {
	Gone    []string `toml:"gone"`
	Wall    []string `toml:"wall"`
	ToCheck bool     `toml:"to_check"`
}

// leastMark is how long a mark is at least, as marks are looked for: a shorter one is on every page.
const leastMark = 8

// marked is a text as marks are looked for in it: small letters, one space between words.
func marked(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.ToLower(text), "’", "'")), " ")
}

// PortalForm is the map of a network's form: what it asks, step by step, and what of the notice goes there.
type PortalForm struct {
	Code       string       `toml:"code"`
	Title      Text         `toml:"title"`
	Steps      []PortalStep `toml:"step"`
	ToCheck    bool         `toml:"to_check"`
	VerifiedOn string       `toml:"verified_on"`
}

// PortalStep is one page or part of the form.
type PortalStep struct {
	Do     Text          `toml:"do"`
	Fields []PortalField `toml:"field"`
}

// PortalField is one field of the form.
type PortalField struct {
	// Label is what the form calls it, in its own words; empty where nobody has written them down yet.
	Label Text `toml:"label"`
	// Ours is what we call it.
	Ours Text `toml:"ours"`
	// Copies is what of the notice is copied there: one of Copied, or "" for what is chosen by hand.
	Copies string `toml:"copies"`
	// Attach says that the kept proofs go here, where the ground lets any be kept.
	Attach bool `toml:"attach"`
	// Brings says that what the form shows here is pasted back into the notice: its reference.
	Brings bool `toml:"brings"`
}

// Copied are the parts of a notice that a form may ask for.
var Copied = []string{
	"address", "account", "item", "seen_at", "ground", "articles", "statement", "law", "good_faith", "name", "email", "reference",
}

// Label is the platform's name in every language.
func (p Platform) Label() Text {
	if len(p.Said) > 0 {
		return p.Said
	}
	name := Text{}
	for _, lang := range Languages {
		name[lang] = p.Name
	}
	return name
}

// Proposed returns the routes for a kind of address that are ready to be used, the best first.
func (p Platform) Proposed(kind AddressKind) []Route {
	return slices.DeleteFunc(slices.Clone(p.Routes), func(r Route) bool { return r.ToCheck || !r.For(kind) })
}

// Takes says whether the platform takes notices on this ground.
func (p Platform) Takes(ground string) bool {
	return len(p.Grounds) == 0 || slices.Contains(p.Grounds, ground)
}

// ByCode returns a platform, retired ones too.
func (p *Platforms) ByCode(code string) (Platform, bool) {
	i, ok := p.byCode[code]
	if !ok {
		return Platform{}, false
	}
	return p.All[i], true
}

// ByHost returns the platform that a host name belongs to: "m.tiktok.com" is TikTok's.
func (p *Platforms) ByHost(host string) (Platform, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for host != "" {
		if i, ok := p.byHost[host]; ok {
			return p.All[i], true
		}
		_, host, _ = strings.Cut(host, ".")
	}
	return Platform{}, false
}

// Form returns the map of a form.
func (p *Platforms) Form(code string) (PortalForm, bool) {
	i := slices.IndexFunc(p.Forms, func(f PortalForm) bool { return f.Code == code })
	if i < 0 {
		return PortalForm{}, false
	}
	return p.Forms[i], true
}

// ClockOf returns the hours of a platform, the helpline's own for one that promises none or is not known.
func (p *Platforms) ClockOf(code string) Clock {
	if platform, ok := p.ByCode(code); ok && platform.Clock != nil {
		return *platform.Clock
	}
	if p.Clock != nil {
		return *p.Clock
	}
	return ownClock
}

// ownClock is for a document that was published before clocks were.
var ownClock = Clock{AcknowledgeHours: 24, DecideHours: 72, RemindHours: 48, EscalateHours: 96, Ours: true}

// Looks returns the codes of the open networks whose addresses look like this one, whatever its host.
func (p *Platforms) Looks(a Address) []string {
	var codes []string
	for _, platform := range p.All {
		if platform.Open && !platform.Retired {
			if _, ok := platform.Find(a); ok {
				codes = append(codes, platform.Code)
			}
		}
	}
	return codes
}

// Wrapped returns the address that another one carries, undecoded of anything but the query.
func (p *Platforms) Wrapped(a Address) (string, bool) {
	for _, w := range p.wrappers {
		if found, ok := w.match(a, false); ok && a.Port == "" {
			return found[partAddress][0], true
		}
	}
	return "", false
}

const exampleWrapper = "l.facebook.com/l.php?u={address}"

// Tracks says that a query parameter tells who shared an address and not what it is.
func (p *Platforms) Tracks(name string) bool {
	return slices.ContainsFunc(p.Tracking, func(t string) bool { fits, _ := path.Match(t, name); return fits })
}

func (p *Platforms) check(page *page) {
	p.wrappers = nil
	for i, text := range p.Wrappers {
		w, err := readPattern(text)
		switch parts := 0; {
		case err != nil:
			page.flaw("shape_form", at("wrappers[%d]", i), "pattern", text, "detail", err.Error(), "example", exampleWrapper)
		default:
			for _, part := range w.parts() {
				parts++
				if part.name != partAddress {
					parts++
				}
			}
			if parts != 1 || w.host == "" || w.host == "{host}" || len(w.query) == 0 {
				page.flaw("wrapper", at("wrappers[%d]", i), "pattern", text, "example", exampleWrapper)
			}
			p.wrappers = append(p.wrappers, w)
		}
	}
	for i, t := range p.Tracking {
		if _, err := path.Match(t, ""); err != nil || strings.Trim(t, "*?") == "" {
			page.flaw("value_unknown", at("tracking[%d]", i), "value", t, "allowed", "utm_*")
		}
	}
	if p.Clock != nil {
		p.Clock.check(page, "clock")
	}
	forms := codes{}
	for i, f := range p.Forms {
		f.check(page, at("form[%d]", i), forms)
	}
	all := codes{}
	p.byCode, p.byHost = map[string]int{}, map[string]int{}
	for i := range p.All {
		platform := &p.All[i]
		path := at("platform[%d]", i)
		all.add(page, path+".code", platform.Code)
		p.byCode[platform.Code] = i
		for j, h := range platform.Hosts {
			_, taken := p.byHost[h]
			if taken || h != strings.ToLower(h) || !strings.Contains(h, ".") || strings.HasPrefix(h, "www.") || strings.ContainsAny(h, "/:@ ") {
				page.flaw("host", at("%s.hosts[%d]", path, j))
			}
			p.byHost[h] = i
		}
		platform.check(page, path)
		for j, r := range platform.Routes {
			if r.Form != "" {
				page.refers(at("%s.route[%d].form", path, j), r.Form, DocPlatforms, forms[r.Form])
			}
		}
	}
	if len(p.All) == 0 {
		page.flaw("empty", "platform")
	}
}

func (p *Platform) check(page *page, path string) {
	page.oneOf(path+".kind", p.Kind, "social", "messaging", "video", "game", "console", "device", "place")
	page.optional(path+".said", p.Said)
	if p.Name == "" && len(p.Said) == 0 {
		page.flaw("text_missing", path+".name", "lang", Languages[0])
	}
	if p.MinAge < 0 || p.MinAge > 18 {
		page.flaw("max", path+".min_age")
	}
	page.optional(path+".age_note", p.AgeNote)
	page.optional(path+".report", p.Report)
	page.optional(path+".settings", p.Settings)
	page.optional(path+".parents", p.Parents)
	for j, l := range p.Links {
		page.link(at("%s.links[%d]", path, j), l)
	}
	claims := p.MinAge > 0 || len(p.Report)+len(p.Settings)+len(p.Parents) > 0
	if claims || p.VerifiedOn != "" {
		page.date(path+".verified_on", p.VerifiedOn)
	}
	for j, h := range p.MainHosts {
		if !slices.Contains(p.Hosts, h) {
			page.flaw("host", at("%s.main_hosts[%d]", path, j))
		}
	}
	p.shapes(page, path)
	for j, r := range p.Routes {
		r.check(page, at("%s.route[%d]", path, j), len(p.Report) > 0)
	}
	p.Contact.check(page, path+".contact")
	p.AfterHours.check(page, path+".after_hours")
	if p.Clock != nil {
		p.Clock.check(page, path+".clock")
	}
	for name, marks := range map[string][]string{"gone": p.Judge.Gone, "wall": p.Judge.Wall} {
		for j, mark := range marks {
			if len(marked(mark)) < leastMark {
				page.flaw("mark", at("%s.judge.%s[%d]", path, name, j), "least", leastMark)
			}
		}
	}
}

func (r Route) check(page *page, path string, reported bool) {
	page.oneOf(path+".kind", string(r.Kind), routeKinds...)
	page.oneOf(path+".holder", r.Holder, HeldByDesk, HeldByMember)
	page.optional(path+".login", r.Login)
	page.optional(path+".note", r.Note)
	for i, k := range r.Takes {
		page.oneOf(at("%s.takes[%d]", path, i), string(k), addressKinds...)
	}
	if r.VerifiedOn != "" || !r.ToCheck {
		page.date(path+".verified_on", r.VerifiedOn)
	}
	switch {
	case r.Address == "":
	case r.Kind == ByMail || r.Kind == ByXARF:
		page.mailbox(path+".address", r.Address)
	default:
		page.https(path+".address", r.Address)
	}
	// What a route needs to be proposed: where it goes, and for a form its map and who may log in.
	lacks := (r.Kind == ByMail || r.Kind == ByXARF) && r.Address == "" ||
		r.Kind == ByPortal && r.Holder == HeldByDesk && (r.Address == "" || r.Form == "" || len(r.Login) == 0) ||
		r.Kind == ByPortal && r.Holder == HeldByMember && !reported
	if lacks && !r.ToCheck {
		page.flaw("route_lacks", path, "kind", string(r.Kind))
	}
	if r.Holder == HeldByMember && r.Kind != ByPortal {
		page.flaw("value_unknown", path+".holder", "value", r.Holder, "allowed", HeldByDesk)
	}
}

func (r Reach) check(page *page, path string) {
	page.optional(path+".who", r.Who)
	page.optional(path+".hours", r.Hours)
	if r.Mail != "" {
		page.mailbox(path+".mail", r.Mail)
	}
}

// mostHours is the longest time of a clock: a month.
const mostHours = 31 * 24

func (c Clock) check(page *page, path string) {
	for _, v := range []struct {
		key   string
		hours int
	}{{"acknowledge", c.AcknowledgeHours}, {"decide", c.DecideHours}, {"remind", c.RemindHours}, {"escalate", c.EscalateHours}} {
		if v.hours < 1 || v.hours > mostHours {
			page.flaw("max", path+"."+v.key+"_hours")
		}
	}
	if c.AcknowledgeHours > c.DecideHours || c.RemindHours > c.EscalateHours {
		page.flaw("clock_order", path)
	}
	page.optional(path+".source", c.Source)
	if c.Ours == (len(c.Source) > 0) {
		page.flaw("clock_source", path)
	}
}

func (f PortalForm) check(page *page, path string, all codes) {
	all.add(page, path+".code", f.Code)
	page.text(path+".title", f.Title)
	if len(f.Steps) == 0 {
		page.flaw("empty", path+".step")
	}
	if f.VerifiedOn != "" || !f.ToCheck {
		page.date(path+".verified_on", f.VerifiedOn)
	}
	for i, s := range f.Steps {
		page.text(at("%s.step[%d].do", path, i), s.Do)
		for j, field := range s.Fields {
			at := at("%s.step[%d].field[%d]", path, i, j)
			page.optional(at+".label", field.Label)
			page.text(at+".ours", field.Ours)
			if field.Copies != "" {
				page.oneOf(at+".copies", field.Copies, Copied...)
			}
			if field.Brings && (field.Copies != "" || field.Attach) {
				page.flaw("brings", at)
			}
			if len(field.Label) == 0 && !f.ToCheck && !field.Brings {
				page.flaw("text_missing", at+".label", "lang", Languages[0])
			}
		}
	}
}

func (p *Platforms) join(page *page, s *Set) {
	for i, platform := range p.All {
		path := at("platform[%d]", i)
		for j, g := range platform.Grounds {
			_, ok := s.Grounds.ByCode(g)
			page.refers(at("%s.grounds[%d]", path, j), g, DocGrounds, ok)
		}
		for name, reach := range map[string]Reach{"contact": platform.Contact, "after_hours": platform.AfterHours} {
			if reach.Number != "" {
				n, ok := s.Numbers.ByCode(reach.Number)
				page.refers(path+"."+name+".number", reach.Number, DocNumbers, ok && n.Kind == "platform")
			}
		}
	}
}
