package xarf_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	stdmail "net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
	"vigie/internal/takedown/route/xarf"
)

const noticeID = "01939f7c-5b0e-7c52-9d3a-5c1f1a8f2b11"

var helpline = xarf.Organisation{Org: "Ligne d'écoute", Contact: mailtest.Helpline, Domain: "ligne.example"}

func letter() mail.Letter {
	return mail.Letter{
		ID:     "notice.0123456789abcdef0123456789abcdef@helpline.example",
		Notice: route.Notice{ID: noticeID, Mark: "7KQ2M-9XW4T", Lang: "en", Text: "The content is illegal, and is neither copied nor attached."},
		To:     mailtest.Contact, From: mailtest.Helpline,
		Addresses: []string{"https://cdn.reseau.example:8443/v/été?id=1#t=3", "https://reseau.example/2"},
		Law:       true, Ground: "Sexual image of a minor (CP 227-23)", GoodFaith: "In good faith.", Withheld: "Withheld.",
		Written: time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC),
	}
}

func report(kind, exploitation, classification string) xarf.Report {
	return xarf.Report{
		Ground: catalogue.XARF{Type: kind, Exploitation: exploitation}, Classification: classification,
		Reporter: helpline, Sender: helpline, Seen: time.Date(2026, 11, 28, 3, 30, 0, 0, time.FixedZone("", 3600)),
	}
}

// flaws checks a report against what the published schemas want (xarf/xarf-spec: xarf-core, content-base, content-csam,
// content-csem), in our own words: the files are nobody's to install, and are not ours to keep. It is stricter than they are: a
// field that we never send is a flaw, although the schemas let any be added.
func flaws(raw []byte) []string {
	var r map[string]any
	if err := json.Unmarshal(raw, &r); err != nil {
		return []string{err.Error()}
	}
	var all []string
	check := func(ok bool, what string) {
		if !ok {
			all = append(all, what)
		}
	}
	text := func(in map[string]any, name string) string { s, _ := in[name].(string); return s }
	one := func(name string, of ...string) { check(slices.Contains(of, text(r, name)), name) }
	instant := func(name string) {
		_, err := time.Parse(time.RFC3339, text(r, name))
		check(err == nil, name)
	}
	check(regexp.MustCompile(`^4\.[0-9]+\.[0-9]+$`).MatchString(text(r, "xarf_version")), "xarf_version")
	id, err := uuid.Parse(text(r, "report_id"))
	check(err == nil && id.Version() == 4 && id.Variant() == uuid.RFC4122 && len(text(r, "report_id")) == 36, "report_id")
	instant("timestamp")
	for _, name := range []string{"reporter", "sender"} {
		who, _ := r[name].(map[string]any)
		_, err := stdmail.ParseAddress(text(who, "contact"))
		check(len(who) == 3 && text(who, "org") != "" && len([]rune(text(who, "org"))) <= 200 && err == nil && hostname.MatchString(text(who, "domain")), name)
	}
	check(text(r, "source_identifier") != "", "source_identifier")
	one("category", "content")
	u, err := url.Parse(text(r, "url"))
	check(err == nil && u.IsAbs() && u.Host != "" && !strings.ContainsFunc(text(r, "url"), func(r rune) bool { return r > 126 || r <= ' ' }), "url")
	known := []string{"xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type", "description",
		"evidence_source", "url", "domain", "verified_at", "verification_method", "detection_method"}
	if domain, ok := r["domain"]; ok {
		name, _ := domain.(string)
		check(hostname.MatchString(name), "domain")
	}
	check(len([]rune(text(r, "description"))) <= 1000, "description")
	one("verification_method", "manual", "automated_crawler", "user_report", "honeypot", "threat_intelligence")
	instant("verified_at")
	switch text(r, "type") {
	case "csam":
		known = append(known, "classification")
		one("classification", "baseline", "A1", "A2", "B1", "B2")
		one("detection_method", "hash_match", "ai_detection", "manual_review", "user_report", "automated_scan")
	case "csem":
		known = append(known, "exploitation_type")
		one("exploitation_type", "grooming", "solicitation", "sextortion", "trafficking", "distribution", "production", "possession")
		one("detection_method", "behavioral_analysis", "keyword_detection", "user_report", "ai_detection", "manual_review", "law_enforcement_referral")
	default:
		check(false, "type")
	}
	for name := range r {
		check(slices.Contains(known, name), name+" is sent")
	}
	return all
}

var hostname = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// What checks the reports finds what is wrong with one.
func TestTheCheckFindsFlaws(t *testing.T) {
	good, err := report(xarf.CSEM, "grooming", "").Attach(letter())
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"4.0.0"`, `"3.0.0"`}, {`"report_id": "`, `"report_id": "x`}, {`"content"`, `"messaging"`}, {`"csem"`, `"bullying"`},
		{`"grooming"`, `"bullying"`}, {`"url"`, `"address"`}, {`"category"`, `"_internal": {"case": 1}, "category"`},
		{`"category"`, `"evidence": [], "category"`}, {`"manual"`, `"by hand"`}, {`"2026-11-28T02:30:00Z"`, `"2026-11-28 02:30"`},
		{`"domain": "ligne.example"`, `"domain": ""`}, {`"detection_method": "user_report"`, `"detection_method": "hash_match"`},
	} {
		bad := strings.Replace(string(good.Body), change[0], change[1], 1)
		if bad == string(good.Body) {
			t.Fatalf("%s is not in the report", change[0])
		}
		if len(flaws([]byte(bad))) == 0 {
			t.Errorf("%s instead of %s is no flaw", change[1], change[0])
		}
	}
}

// The report of every ground in the catalogue that has a type is as the schema wants it, and carries nothing that is kept.
func TestEveryGroundsReportIsValid(t *testing.T) {
	set, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range set.Grounds.All {
		if g.XARF == nil {
			continue
		}
		n++
		r := report("", "", "baseline")
		r.Ground = *g.XARF
		a, err := r.Attach(letter())
		if err != nil {
			t.Errorf("%s: %v", g.Code, err)
			continue
		}
		if all := flaws(a.Body); len(all) > 0 {
			t.Errorf("%s: %v in\n%s", g.Code, all, a.Body)
		}
		for _, never := range []string{"_internal", "evidence\"", "payload", "hash", noticeID} {
			if bytes.Contains(a.Body, []byte(never)) {
				t.Errorf("%s: %s is in\n%s", g.Code, never, a.Body)
			}
		}
	}
	if n < 3 {
		t.Errorf("%d grounds have a type", n)
	}
}

// A report comes twice as the same one, its address is ASCII, and its source is the host.
func TestAReportSaysWhere(t *testing.T) {
	r := report(xarf.CSAM, "", "A1")
	first, err := r.Attach(letter())
	if err != nil {
		t.Fatal(err)
	}
	second, _ := r.Attach(letter())
	if !bytes.Equal(first.Body, second.Body) {
		t.Error("the same report was written in two ways")
	}
	var got map[string]any
	json.Unmarshal(first.Body, &got)
	for name, want := range map[string]string{
		"url": "https://cdn.reseau.example:8443/v/%C3%A9t%C3%A9?id=1#t=3", "source_identifier": "cdn.reseau.example", "domain": "cdn.reseau.example",
		"classification": "A1", "timestamp": "2026-11-28T02:30:00Z",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %s", name, got[name], want)
		}
	}
	for address, want := range map[string][2]string{
		"https://192.0.2.7/a":      {"192.0.2.7", ""},
		"http://[2001:db8::1]:8/a": {"2001:db8::1", ""},
		"https://Été.example/a":    {"xn--t-9fab.example", "xn--t-9fab.example"},
	} {
		l := letter()
		l.Addresses = []string{address}
		a, err := r.Attach(l)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		var got struct {
			Source string `json:"source_identifier"`
			Domain string `json:"domain"`
		}
		json.Unmarshal(a.Body, &got)
		if got.Source != want[0] || got.Domain != want[1] || len(flaws(a.Body)) > 0 {
			t.Errorf("%s: %+v, %v", address, got, flaws(a.Body))
		}
	}
}

// What a report lacks is said, and nothing is sent.
func TestAReportIsWholeOrIsNotSent(t *testing.T) {
	for what, one := range map[string]struct {
		key    string
		change func(r *xarf.Report, l *mail.Letter)
	}{
		"harassment, for which there is no type": {"fault.route.reason", func(r *xarf.Report, _ *mail.Letter) { r.Ground.Type = "bullying" }},
		"a picture that nobody classified":       {"fault.route.xarf", func(r *xarf.Report, _ *mail.Letter) { r.Classification = "" }},
		"an exploitation that there is not":      {"fault.route.xarf", func(r *xarf.Report, _ *mail.Letter) { r.Ground = catalogue.XARF{Type: xarf.CSEM} }},
		"no reporter":                            {"fault.route.xarf", func(r *xarf.Report, _ *mail.Letter) { r.Reporter = xarf.Organisation{} }},
		"a sender whose name has no end":         {"fault.route.xarf", func(r *xarf.Report, _ *mail.Letter) { r.Sender.Org = strings.Repeat("é", 201) }},
		"no time":                                {"fault.route.xarf", func(r *xarf.Report, _ *mail.Letter) { r.Seen = time.Time{} }},
		"no address":                             {"fault.route.xarf", func(_ *xarf.Report, l *mail.Letter) { l.Addresses = nil }},
	} {
		r, l := report(xarf.CSAM, "", "baseline"), letter()
		one.change(&r, &l)
		_, err := r.Attach(l)
		var no *route.Refused
		if !errors.As(err, &no) || no.Key != one.key {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A letter with its report goes through a real Exim, and whoever reads mail by the standards finds the same two parts: the
// letter in plain text, and the report.
func TestALetterWithItsReportThroughARealMailServer(t *testing.T) {
	server := mailtest.Start(t)
	c, _ := json.Marshal(mail.Account{Server: server.SMTP, User: "signalements", Password: mailtest.Password, From: mailtest.Helpline, Name: "Ligne d'écoute"})
	l, r := letter(), report(xarf.CSEM, "sextortion", "")
	way := xarf.New(l, r, mail.Post{Roots: server.Authority.Roots})
	f, err := way.Resolve(t.Context(), route.Target{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := way.Send(t.Context(), l.Notice, f, c); err != nil {
		t.Fatal(err)
	}
	lies := server.Letters(t, "trust", 1)[0]
	if strings.Contains(lies, noticeID) {
		t.Error("the letter holds the notice's id")
	}
	m, err := stdmail.ReadMessage(strings.NewReader(lies))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("it is %s (%v)", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	text, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(text)
	if !strings.HasPrefix(text.Header.Get("Content-Type"), "text/plain") || strings.TrimSpace(string(said)) != strings.TrimSpace(l.Text()) {
		t.Errorf("the letter is %v\n%s", text.Header, said)
	}
	attached, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, attached))
	want, _ := r.Attach(l)
	if attached.FileName() != "xarf.json" || !bytes.Equal(raw, want.Body) || len(flaws(raw)) > 0 {
		t.Errorf("the report is %v\n%s", attached.Header, raw)
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("there is more: %v", err)
	}
}
