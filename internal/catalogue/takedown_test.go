package catalogue

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whatever can be notified has a ground, for a minor and for an adult; and a ground is never laxer with
// pictures than the category that proposes it.
func TestEveryNoticeHasAGround(t *testing.T) {
	set := seedSet(t)
	onlyMinors := []string{"csam_seen", "live_abuse", "grooming", "nude_request", "meeting", "sexual_exploitation", "crime_recruitment"}
	for _, c := range set.Taxonomy.Categories {
		if !c.Has(Takedown) || c.Retired {
			continue
		}
		for _, minor := range []bool{true, false} {
			grounds := set.Grounds.For(c.Code, minor)
			if len(grounds) == 0 && (minor || !slices.Contains(onlyMinors, c.Code)) {
				t.Errorf("%s (minor %v) can be notified and has no ground", c.Code, minor)
			}
			for _, g := range grounds {
				if c.Has(NoCapture) && !g.NoCapture {
					t.Errorf("%s keeps what %s forbids", g.Code, c.Code)
				}
				if c.Has(Grave) && !g.SecondReader && g.Code != "stalking" {
					t.Errorf("%s is grave and nobody reviews %s", c.Code, g.Code)
				}
			}
		}
	}
}

// The name may be left out only for the offences of Directive 2011/93/EU, articles 3 to 7, against a minor.
func TestWhoMayStayUnnamed(t *testing.T) {
	var unnamed []string
	for _, g := range seedSet(t).Grounds.All {
		if g.MayWithhold() {
			unnamed = append(unnamed, g.Code)
		}
	}
	if want := []string{"csam", "csam_deepfake", "sextortion_minor", "grooming", "nude_request", "sexual_exploitation"}; !slices.Equal(unnamed, want) {
		t.Errorf("%v, want %v", unnamed, want)
	}
}

// A ground has the words that each network files it under.
func TestVocabularies(t *testing.T) {
	grounds := seedSet(t).Grounds
	for _, c := range []struct {
		code      string
		minor     bool
		keyword   string
		bluesky   string
		mastodon  string
		xarf      XARF
		adult, at bool // the police are asked first: for an adult author, for a planned meeting
	}{
		{"harassment", true, "KEYWORD_CYBER_BULLYING_INTIMIDATION", "tools.ozone.report.defs#reasonChildSafetyHarassment", "legal", XARF{}, false, false},
		{"harassment", false, "KEYWORD_CYBER_BULLYING_INTIMIDATION", "tools.ozone.report.defs#reasonHarassmentTargeted", "legal", XARF{}, false, false},
		{"csam", true, "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL", "tools.ozone.report.defs#reasonChildSafetyCSAM", "legal", XARF{Type: "csam"}, true, true},
		{"ncii", false, "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING", "tools.ozone.report.defs#reasonSexualNCII", "legal", XARF{}, false, false},
		{"sextortion_minor", true, "KEYWORD_OTHER", "tools.ozone.report.defs#reasonSexualSextortion", "legal", XARF{"csem", "sextortion"}, true, true},
		{"grooming", true, "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS", "tools.ozone.report.defs#reasonChildSafetyGroom", "legal", XARF{"csem", "grooming"}, true, true},
		{"suicide", true, "KEYWORD_SUICIDE", "tools.ozone.report.defs#reasonViolenceSelfHarm", "other", XARF{}, false, false},
		{"impersonation", true, "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING", "tools.ozone.report.defs#reasonMisleadingImpersonation", "legal", XARF{}, false, false},
		{"scam", true, "KEYWORD_PHISHING", "com.atproto.moderation.defs#reasonOther", "spam", XARF{}, false, false},
	} {
		g, ok := grounds.ByCode(c.code)
		if !ok || !g.Fits(c.minor) || g.Vocabulary(c.minor).Keyword != c.keyword || g.Reason(c.minor) != c.bluesky || g.Mastodon != c.mastodon {
			t.Errorf("%s: %v %s %s", c.code, g.Vocabulary(c.minor), g.Reason(c.minor), g.Mastodon)
		}
		if (g.XARF != nil) != (c.xarf.Type != "") || g.XARF != nil && *g.XARF != c.xarf {
			t.Errorf("%s: XARF %+v", c.code, g.XARF)
		}
		if g.AsksPolice(true, false) != c.adult || g.AsksPolice(false, true) != c.at {
			t.Errorf("%s: the police are asked %v for an adult, %v for a meeting", c.code, g.AsksPolice(true, false), g.AsksPolice(false, true))
		}
	}
	if g, _ := grounds.ByCode("grooming"); !g.AsksPolice(false, false) || g.Fits(false) {
		t.Error("grooming waits for no circumstance, and is about minors")
	}
	if g, _ := grounds.ByCode("csam"); g.AsksPolice(false, false) {
		t.Error("a picture spread by a classmate waits for nobody")
	}
}

// A statement says where, when, what and which law, and has no place for who told us.
func TestStatement(t *testing.T) {
	set := seedSet(t)
	g, _ := set.Grounds.ByCode("threats")
	facts := map[string]string{PlaceAddress: "https://x.com/a/status/1", PlaceSeen: "23 novembre 2026 à 21 h 04", PlaceFacts: "le message annonce des coups."}
	said, missing := set.Statement(g, "fr", true, facts)
	if want := "Le contenu à l'adresse https://x.com/a/status/1, vu le 23 novembre 2026 à 21 h 04, menace une personne mineure. On y voit ceci : le message annonce des coups. Ces faits constituent des menaces : articles 222-17 et 222-18 du code pénal."; said != want || len(missing) > 0 {
		t.Errorf("it says %q, lacks %v", said, missing)
	}
	delete(facts, PlaceFacts)
	facts[PlaceAccount] = "a"
	said, _ = set.Statement(g, "en", false, facts)
	if want := "The content at https://x.com/a/status/1, published by the account a, seen on 23 novembre 2026 à 21 h 04, threatens a person. These facts amount to threats: Articles 222-17 and 222-18 of the French Criminal Code."; said != want {
		t.Errorf("it says %q", said)
	}
	if _, missing = set.Statement(g, "fr", true, nil); !slices.Equal(missing, []string{PlaceAddress, PlaceSeen}) {
		t.Errorf("without facts it lacks %v", missing)
	}
	// Nothing in a statement tells the uploader that somebody came to us.
	teller := regexp.MustCompile(`(?i)(nous a (dit|écrit|appelé|contacté)|témoin|victime nous|plaignant|signalé par|élève|collège|lycée|prénom|told us|contacted us|witness|reported by|pupil|school|first name)`)
	for _, g := range set.Grounds.All {
		for _, lang := range Languages {
			if w := teller.FindString(g.Statement[lang]); w != "" {
				t.Errorf("%s says %q: %s", g.Code, w, g.Statement[lang])
			}
			said, missing := set.Statement(g, lang, true, map[string]string{PlaceAddress: "a", PlaceSeen: "b", PlaceAccount: "c", PlaceFacts: "d."})
			if len(missing) > 0 || strings.ContainsAny(said, "{}[]") {
				t.Errorf("%s: %v is filled by nobody: %s", g.Code, missing, said)
			}
			// A picture that must not be held is never attached, and the statement says so.
			if g.About == AboutMinor && g.NoCapture && !strings.Contains(said, map[string]string{"fr": "joint", "en": "attached"}[lang]) {
				t.Errorf("%s does not say that nothing is attached: %s", g.Code, said)
			}
		}
	}
}

// Every article of a notice is explained on the page for the child and the parent.
func TestEveryArticleIsExplained(t *testing.T) {
	set := seedSet(t)
	explained := map[string]bool{}
	for _, o := range set.Offences.All {
		for _, a := range o.Articles {
			explained[a] = true
		}
	}
	for _, g := range set.Grounds.All {
		for _, a := range g.Articles {
			if !explained[a] {
				t.Errorf("%s cites %s, which no offence explains", g.Code, a)
			}
		}
	}
	for _, o := range set.Offences.All {
		if len(set.Offences.Of(o.Categories, "")) == 0 || len(o.Topics) == 0 {
			t.Errorf("%s is proposed to nobody", o.Code)
		}
		for _, code := range o.Grounds {
			if g, _ := set.Grounds.ByCode(code); !slices.ContainsFunc(o.Articles, func(a string) bool { return slices.Contains(g.Articles, a) }) {
				t.Errorf("%s belongs to %s and shares no article with it", o.Code, code)
			}
		}
	}
}

// The penalties are those of the law, and what belongs together is found together.
func TestOffences(t *testing.T) {
	set := seedSet(t)
	for code, want := range map[string]Penalty{
		"harassment": {Years: 3, Euros: 45000}, "school_bullying": {Years: 10, Euros: 150000}, "malicious_messages": {Years: 1, Euros: 15000}, "threats": {Years: 5, Euros: 75000},
		"sexual_harassment": {Years: 3, Euros: 45000}, "image_spread": {Years: 2, Euros: 60000}, "privacy": {Years: 1, Euros: 45000}, "montage": {Years: 2, Euros: 45000},
		"sexual_montage": {Years: 3, Euros: 75000}, "voyeurism": {Years: 2, Euros: 30000}, "identity_theft": {Years: 1, Euros: 15000}, "doxing": {Years: 5, Euros: 75000},
		"extortion": {Years: 7, Euros: 100000}, "sextortion": {Years: 7, Euros: 100000}, "grooming": {Years: 5, Euros: 75000}, "sexual_incitement": {Years: 10, Euros: 150000},
		"nude_request": {Years: 10, Euros: 150000}, "child_sexual_images": {Years: 7, Euros: 100000}, "pornography": {Years: 3, Euros: 75000}, "clients": {Years: 10, Euros: 150000},
		"pimping": {Years: 10, Euros: 1500000}, "provoking_suicide": {Years: 5, Euros: 75000}, "hacking": {Years: 3, Euros: 100000},
	} {
		o, ok := set.Offences.ByCode(code)
		if !ok || len(o.Penalties) == 0 {
			t.Errorf("%s is not there", code)
			continue
		}
		if last := o.Penalties[len(o.Penalties)-1]; last.Years != want.Years || last.Euros != want.Euros || last.Months != 0 {
			t.Errorf("%s ends at %+v, want %+v", code, last, want)
		}
	}
	if got := len(set.Offences.All); got != 23 {
		t.Errorf("%d offences: each needs its line above", got)
	}
	var codes []string
	for _, o := range set.Offences.Of([]string{"images_spread"}, "") {
		codes = append(codes, o.Code)
	}
	if !slices.Equal(codes, []string{"image_spread", "child_sexual_images"}) {
		t.Errorf("images_spread may be %v", codes)
	}
	if got := set.Offences.Of(nil, "account"); len(got) != 2 || got[0].Code != "identity_theft" {
		t.Errorf("the topic account gives %v", got)
	}
	if got := set.Offences.Of(nil, ""); len(got) != 0 {
		t.Errorf("nothing known gives %v", got)
	}
	for _, c := range []struct {
		articles []string
		lang     string
		want     string
	}{
		{[]string{"CP 222-33-2-2"}, "fr", "article 222-33-2-2 du code pénal"},
		{[]string{"CP 225-7", "CP 225-12-1", "CP 225-12-2"}, "fr", "articles 225-7, 225-12-1 et 225-12-2 du code pénal"},
		{[]string{"CJPM L11-1", "CC 1242"}, "en", "Article L11-1 of the French Code of Juvenile Criminal Justice; Article 1242 of the French Civil Code"},
		{nil, "fr", ""},
	} {
		if got := set.Offences.Cite(c.articles, c.lang); got != c.want {
			t.Errorf("%v in %s: %q", c.articles, c.lang, got)
		}
	}
}

// What nobody confirmed is said to be so and is not proposed; what is proposed can be used.
func TestRoutes(t *testing.T) {
	set := seedSet(t)
	for _, p := range set.Platforms.All {
		if len(p.Hosts) > 0 && len(p.Routes) == 0 {
			t.Errorf("nothing can be sent to %s", p.Code)
		}
		for _, r := range p.Routes {
			if r.Address != "" || p.Contact.Mail != "" || p.AfterHours.Mail != "" || len(r.Login) > 0 {
				t.Errorf("%s: an address or a login that no source confirmed: %+v", p.Code, r)
			}
			if r.Form != "" {
				if f, ok := set.Platforms.Form(r.Form); !ok || len(f.Steps) == 0 {
					t.Errorf("%s: form %q has no map", p.Code, r.Form)
				}
			}
		}
	}
	kinds := func(platform string, kind AddressKind) string {
		p, _ := set.Platforms.ByCode(platform)
		var all []string
		for _, r := range p.Proposed(kind) {
			all = append(all, string(r.Kind)+" "+r.Holder)
		}
		return strings.Join(all, ", ")
	}
	for _, c := range []struct {
		platform string
		kind     AddressKind
		want     string
	}{
		{"snapchat", ToMessage, "portal member"}, {"discord", ToPost, ""}, {"youtube", ToPost, "youtube desk"}, {"youtube", ToProfile, ""},
		{"mastodon", ToPost, "mastodon desk"}, {"mastodon", ToShort, ""}, {"bluesky", ToProfile, "atproto desk"}, {"lemmy", ToPost, ""},
	} {
		if got := kinds(c.platform, c.kind); got != c.want {
			t.Errorf("%s is sent a %s by %q, want %q", c.platform, c.kind, got, c.want)
		}
	}
	// The map of Art. 16(2) asks for each of its four things and brings a reference back.
	f, _ := set.Platforms.Form("art16")
	asked := map[string]bool{}
	for _, s := range f.Steps {
		for _, field := range s.Fields {
			asked[field.Copies] = true
			if field.Attach {
				asked["attach"] = true
			}
			if field.Brings {
				asked["brings"] = true
			}
		}
	}
	for _, want := range []string{"address", "statement", "name", "email", "good_faith", "attach", "brings"} {
		if !asked[want] {
			t.Errorf("the map does not ask for %s", want)
		}
	}
	if p, _ := set.Platforms.ByCode("tiktok"); !p.Takes("csam") {
		t.Error("a platform that names no grounds takes all")
	}
	if (Platform{Grounds: []string{"csam"}}).Takes("hate") {
		t.Error("a platform takes a ground that it does not name")
	}
}

// Hours are a platform's own where it promised some, else the helpline's.
func TestClock(t *testing.T) {
	set := seedSet(t)
	if c := set.Platforms.ClockOf("tiktok"); !c.Ours || c.EscalateHours != 96 {
		t.Errorf("%+v", c)
	}
	texts := edited(t, DocPlatforms, `hosts = ["snapchat.com"]`, "clock = { acknowledge_hours = 1, decide_hours = 4, remind_hours = 4, escalate_hours = 8, source = { fr = \"Convention\", en = \"Agreement\" } }\nhosts = [\"snapchat.com\"]")
	promised, flaws := checked(texts)
	if len(flaws) > 0 {
		t.Fatal(flaws)
	}
	if c := promised.Platforms.ClockOf("snapchat"); c.Ours || c.DecideHours != 4 {
		t.Errorf("%+v", c)
	}
	if c := promised.Platforms.ClockOf("tiktok"); !c.Ours {
		t.Errorf("%+v", c)
	}
}

// A partner is told what it asks for, and the paper waits for nothing that nobody can know.
func TestPartners(t *testing.T) {
	set := seedSet(t)
	lacks := func(partner string, answers map[string]string) string {
		p, ok := set.Partners.ByCode(partner)
		if !ok {
			t.Fatalf("%s is not there", partner)
		}
		var codes []string
		for _, f := range p.Lacks(answers) {
			codes = append(codes, f.Code)
		}
		return strings.Join(codes, " ")
	}
	pharos := map[string]string{"public": "yes", "category": "threats", "published_at": "2026-11-23 21:04", "where": "TikTok", "address": "https://x.com/a/status/1"}
	if got := lacks("pharos", pharos); got != "" {
		t.Errorf("Pharos still lacks %s", got)
	}
	pharos["public"] = "no"
	if got := lacks("pharos", pharos); got != "public" {
		t.Errorf("Pharos takes what is private: lacks %q", got)
	}
	// An unnamed child: the office is told what we have.
	if got := lacks("crip", map[string]string{"organisation": "3018", "date": "2026-11-23", "writer": "écoutante", "reported": "« il me frappe »", "harm": "coups", "parents_told": "no"}); got != "" {
		t.Errorf("for an unnamed child the CRIP still lacks %s", got)
	}
	if got := lacks("119", nil) + lacks("police", nil); got != "" {
		t.Errorf("a call waits for %s", got)
	}
	if got := lacks("school", map[string]string{"school": "x", "facts": "y"}); got != "agreed" {
		t.Errorf("a school is told without agreement: lacks %q", got)
	}
	crip, _ := set.Partners.ByCode("crip")
	if office, ok := crip.Office("44"); !ok || office.Channel != ChannelPortal {
		t.Errorf("%+v", office)
	}
	if _, ok := crip.Office("75"); ok {
		t.Error("an office that nobody wrote down")
	}
	if p, _ := set.Partners.ByCode("police"); p.Consent != ConsentEmergency || p.Channels[0] != ChannelCall || p.Deadline.SendHours != 0 {
		t.Errorf("%+v", p)
	}
	// Before anything is sent the child hears whether parents will know.
	for _, p := range set.Partners.All {
		for lang, word := range map[string]string{"fr": "(?i)tes parents|ta famille|les familles", "en": "(?i)your parents|your family|families"} {
			if !regexp.MustCompile(word).MatchString(p.First(Young)[lang]) {
				t.Errorf("%s does not say to a child whether parents will know: %s", p.Code, p.First(Young)[lang])
			}
		}
	}
}

// A platforms document that a helpline edited before all this was there is still read.
func TestOlderPlatforms(t *testing.T) {
	texts := seedTexts()
	texts[DocPlatforms] = []byte("edition = 1\n[[platform]]\ncode = \"tiktok\"\nname = \"TikTok\"\nkind = \"social\"\nhosts = [\"tiktok.com\"]\n")
	set, pages := read(texts, published, seedSet(t).Lexicon)
	for _, f := range pages[DocPlatforms].flaws {
		t.Error(f)
	}
	if c := set.Platforms.ClockOf("tiktok"); !c.Ours || c.EscalateHours != ownClock.EscalateHours {
		t.Errorf("%+v", c)
	}
	// Nor does a number that was taken away keep the partners from opening.
	texts = seedTexts()
	texts[DocNumbers] = []byte(strings.Replace(string(texts[DocNumbers]), "code = \"116000\"", "code = \"116_000\"", 1))
	texts[DocNumbers] = []byte(strings.ReplaceAll(string(texts[DocNumbers]), ", \"116000\"", ""))
	if _, pages = read(texts, published, seedSet(t).Lexicon); len(pages[DocPartners].flaws) > 0 {
		t.Error(pages[DocPartners].flaws)
	}
}
