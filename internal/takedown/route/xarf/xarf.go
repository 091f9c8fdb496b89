// Package xarf puts beside the letter of a notice a report that a machine reads: XARF v4 (xarf.org; the repository
// xarf/xarf-spec, schemas/v4/xarf-core.json, types/content-base.json, content-csam.json and content-csem.json, in JSON Schema
// 2020-12). It is for hosts whose abuse@ mailbox is read by a program.
//
// XARF has two types that are ours, csam and csem, and none for bullying: a notice on another ground goes as a letter alone.
// A report carries no evidence, whatever the ground, and no hash: where nothing may be kept there is nothing to hash, and
// elsewhere proof is given to who asks for it. "_internal", which is never transmitted, has no field here.
package xarf

import (
	"crypto/sha256"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"

	"vigie/internal/catalogue"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
)

// version is that of the schemas that were read.
const version = "4.0.0"

// The types.
const (
	CSAM = "csam" // sexual images of minors
	CSEM = "csem" // grooming, sextortion and the like
)

// Classifications are those of csam (INHOPE's baseline, and the letters of the technology coalition). Who writes a notice
// has not looked at the picture more than the law lets her, so that one is chosen by a person and never proposed.
var Classifications = []string{"baseline", "A1", "A2", "B1", "B2"}

// Exploitations are the exploitation types of csem.
var Exploitations = []string{"grooming", "solicitation", "sextortion", "trafficking", "distribution", "production", "possession"}

// Organisation is who reports, or who transmits.
type Organisation struct {
	Org     string `json:"org"`     // 200 characters at most
	Contact string `json:"contact"` // a shared mailbox
	Domain  string `json:"domain"`
}

// Report is what a letter does not say and the report needs.
type Report struct {
	// Ground is the ground's XARF type, the catalogue's.
	Ground catalogue.XARF
	// Classification is one of Classifications, for csam.
	Classification string
	// Reporter is who complains, Sender who transmits: the helpline both times, unless it sends for another.
	Reporter, Sender Organisation
	// Seen is when it was seen to be there.
	Seen time.Time
}

// report is the JSON, in the order in which the specification lists it.
type report struct {
	Version        string       `json:"xarf_version"`
	ID             string       `json:"report_id"`
	Timestamp      string       `json:"timestamp"`
	Reporter       Organisation `json:"reporter"`
	Sender         Organisation `json:"sender"`
	Source         string       `json:"source_identifier"`
	Category       string       `json:"category"`
	Type           string       `json:"type"`
	Description    string       `json:"description,omitempty"`
	EvidenceSource string       `json:"evidence_source"`
	URL            string       `json:"url"`
	Domain         string       `json:"domain,omitempty"`
	VerifiedAt     string       `json:"verified_at"`
	Verification   string       `json:"verification_method"`
	Classification string       `json:"classification,omitempty"`
	Exploitation   string       `json:"exploitation_type,omitempty"`
	Detection      string       `json:"detection_method"`
}

// New returns the route that sends this letter with this report.
func New(letter mail.Letter, r Report, post mail.Post) *mail.Route {
	return mail.New(letter, post).With(r.Attach)
}

// Attach makes the report that goes with a letter. A report has one address: of a letter with several it has the first, and
// the letter has them all. The same letter gives the same report, with the same id. It returns Refused: "fault.route.reason"
// (code) for a ground without an XARF type, "fault.route.xarf" (what) for what is missing or not as the schema wants it.
func (r Report) Attach(l mail.Letter) (mail.Attachment, error) {
	lacks := func(what string) (mail.Attachment, error) {
		return mail.Attachment{}, route.Refuse("fault.route.xarf", "what", what)
	}
	out := report{
		Version:        version,
		ID:             id(l.Notice.Mark),
		Timestamp:      r.Seen.UTC().Format(time.RFC3339),
		Reporter:       r.Reporter,
		Sender:         r.Sender,
		Category:       "content",
		Type:           r.Ground.Type,
		Description:    short(l.Notice.Text),
		EvidenceSource: "user_report",
		VerifiedAt:     r.Seen.UTC().Format(time.RFC3339),
		Verification:   "manual",
		Detection:      "user_report",
	}
	switch r.Ground.Type {
	case CSAM:
		if !slices.Contains(Classifications, r.Classification) {
			return lacks("classification")
		}
		out.Classification = r.Classification
	case CSEM:
		if !slices.Contains(Exploitations, r.Ground.Exploitation) {
			return lacks("exploitation_type")
		}
		out.Exploitation = r.Ground.Exploitation
	default:
		return mail.Attachment{}, route.Refuse("fault.route.reason", "code", r.Ground.Type)
	}
	switch {
	case r.Seen.IsZero() || r.Seen.Year() > 9999 || r.Seen.Year() < 0:
		return lacks("timestamp")
	case !r.Reporter.whole():
		return lacks("reporter")
	case !r.Sender.whole():
		return lacks("sender")
	case len(l.Addresses) == 0 || l.Notice.Mark == "":
		return lacks("url")
	}
	u, err := url.Parse(l.Addresses[0])
	if err != nil || u.Hostname() == "" {
		return lacks("url")
	}
	// A URI is ASCII (RFC 3986): what is not is written by its bytes, and a host by its A-labels (the schema's "domain").
	out.Source = strings.ToLower(u.Hostname())
	if net.ParseIP(out.Source) == nil {
		if out.Source, err = idna.Lookup.ToASCII(u.Hostname()); err != nil {
			return lacks("url")
		}
		out.Domain = out.Source
		u.Host = strings.Replace(u.Host, u.Hostname(), out.Source, 1)
	}
	out.URL = ascii(u.String())
	body, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return mail.Attachment{}, err
	}
	return mail.Attachment{Name: "xarf.json", Type: "application/json", Body: append(body, '\n')}, nil
}

// whole says whether an organisation is what the schema's contact_info wants.
func (o Organisation) whole() bool {
	length := utf8.RuneCountInString(o.Org)
	return length > 0 && length <= 200 && mail.IsMailbox(o.Contact) && mail.IsMailbox("a@"+o.Domain)
}

// id is a report's, made from the notice's mark so that a report that comes twice is the same one: a UUID of version 4 in form,
// as the specification wants.
func id(mark string) string {
	sum := sha256.Sum256([]byte("vigie notice xarf\x00" + mark))
	u := uuid.UUID(sum[:16])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u.String()
}

// short is a statement cut to what a description may have.
func short(text string) string {
	runes := []rune(strings.TrimSpace(strings.ToValidUTF8(text, "")))
	if len(runes) > 1000 {
		runes = append(runes[:999], '…')
	}
	return string(runes)
}

func ascii(address string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(address) {
		if c < 0x80 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
