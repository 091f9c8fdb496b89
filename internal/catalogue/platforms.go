package catalogue

import "strings"

// Platforms are the places where it happens. What is said about each has a date: menus drift.
type Platforms struct {
	head
	All []Platform `toml:"platform"`

	byCode map[string]int
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
	// Hosts are the host names that belong to the platform, without "www.".
	Hosts []string `toml:"hosts"`
	// VerifiedOn is the day on which the hints were last checked, "2026-11-23".
	VerifiedOn string `toml:"verified_on"`
	Retired    bool   `toml:"retired"`
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

// ByCode returns a platform, retired ones too.
func (p *Platforms) ByCode(code string) (Platform, bool) {
	i, ok := p.byCode[code]
	if !ok {
		return Platform{}, false
	}
	return p.All[i], true
}

// ByHost returns the platform that a host name belongs to: "m.tiktok.com" is TikTok. The room takedown will ask.
func (p *Platforms) ByHost(host string) (Platform, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, platform := range p.All {
		for _, h := range platform.Hosts {
			if host == h || strings.HasSuffix(host, "."+h) {
				return platform, true
			}
		}
	}
	return Platform{}, false
}

func (p *Platforms) check(page *page) {
	all, hosts := codes{}, map[string]bool{}
	p.byCode = map[string]int{}
	for i, platform := range p.All {
		path := at("platform[%d]", i)
		all.add(page, path+".code", platform.Code)
		p.byCode[platform.Code] = i
		page.oneOf(path+".kind", platform.Kind, "social", "messaging", "video", "game", "console", "device", "place")
		page.optional(path+".said", platform.Said)
		if platform.Name == "" && len(platform.Said) == 0 {
			page.flaw("text_missing", path+".name", "lang", Languages[0])
		}
		if platform.MinAge < 0 || platform.MinAge > 18 {
			page.flaw("max", path+".min_age")
		}
		page.optional(path+".age_note", platform.AgeNote)
		page.optional(path+".report", platform.Report)
		page.optional(path+".settings", platform.Settings)
		page.optional(path+".parents", platform.Parents)
		for j, l := range platform.Links {
			page.link(at("%s.links[%d]", path, j), l)
		}
		claims := platform.MinAge > 0 || len(platform.Report)+len(platform.Settings)+len(platform.Parents) > 0
		if claims || platform.VerifiedOn != "" {
			page.date(path+".verified_on", platform.VerifiedOn)
		}
		for j, h := range platform.Hosts {
			if hosts[h] || h != strings.ToLower(h) || !strings.Contains(h, ".") || strings.HasPrefix(h, "www.") {
				page.flaw("host", at("%s.hosts[%d]", path, j))
			}
			hosts[h] = true
		}
	}
	if len(p.All) == 0 {
		page.flaw("empty", "platform")
	}
}
