// Package replies reads what platforms answer to our letters (internal/takedown/route/mail), out of a mailbox by IMAP.
//
// Whoever knows our mailbox can write to it, with any name, any subject and any mark. So an answer belongs to a notice for
// certain only when it refers to a Message-ID that we gave to nobody but the platform's contact, and comes from that contact's
// domain; everything else that points to a notice is a guess, which a person is shown and decides. Even "certain" is the
// sender's word as far as our mail server does not check it (SPF, DKIM, DMARC): it puts a letter into a thread, and decides
// nothing.
//
// A message is text from a stranger. It is read within bounds, opens no attachment, loads nothing and runs nothing. It stays in
// the mailbox: all that is done to it is a flag, once the caller has kept what was read.
package replies

import (
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bufio"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	gomail "github.com/emersion/go-message/mail"

	"vigie/internal/takedown/route"
)

// Kind is what wrote a message.
type Kind string

// The kinds.
const (
	Answer    Kind = "answer"    // a person, as far as one can tell
	Automatic Kind = "automatic" // a program: an acknowledgement, an absence (RFC 3834)
	Bounce    Kind = "bounce"    // a mail server, about a letter that it did not deliver, or not yet (RFC 3464)
)

// Message is what was read of one.
type Message struct {
	Kind Kind
	// From are the mailboxes that say they wrote it, in small letters; more than one is odd.
	From     []string
	FromName string // 300 characters at most
	Subject  string // one line, 300 characters at most
	Date     time.Time
	// MessageID is its own; References are those that it answers (In-Reply-To, then References), without angle brackets.
	MessageID  string
	References []string
	// Returned is the Message-ID of the letter that a bounce brings back.
	Returned string
	// Marks are what looks like a mark of ours (route.Mark) in its subject and its text.
	Marks []string
	// Text is what it says, in plain text. Cut says that it said more.
	Text        string
	Cut         bool
	Attachments []Attachment
	// More is how many attachments there are beyond those listed.
	More   int
	Bounce *Delivery // for a Bounce that says what happened
	// Odd says that it was not written as mail is, and that something may be missing.
	Odd bool
}

// Attachment is named and counted, never opened.
type Attachment struct {
	Name string // one line, 300 characters at most; may lie, as Type may
	Type string
	Size int // bytes
}

// Delivery is what a mail server says of a letter (RFC 3464 §2.3).
type Delivery struct {
	Recipient string // "trust@platform.example"
	Action    string // failed, delayed, delivered, relayed, expanded
	Status    string // RFC 3463, "5.1.1"
	Said      string // one line, 300 characters at most
}

// The bounds within which a message is read.
const (
	tooBig      = 10 << 20 // bytes of a message; what is beyond is not fetched
	textLimit   = 64 << 10 // bytes of its text
	depthLimit  = 12       // parts in parts
	partLimit   = 200
	listedLimit = 50 // attachments, references, marks
	headerLimit = 256 << 10
)

// mark is what looks like one of ours: Crockford's signs, five and five.
var mark = regexp.MustCompile(`(?i)\b[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}\b`)

// Parse reads a message. What is not mail at all comes back as an odd one without anything in it, because it must not stand in
// the way of those behind it.
func Parse(raw []byte) Message {
	m := Message{Kind: Answer}
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: headerLimit})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		m.Odd = true
		return m
	}
	m.header(gomail.Header{Header: e.Header})
	r := reader{m: &m}
	found := r.part(e, err, 0)
	m.Text = strings.TrimSpace(cleanText(found.text))
	for _, said := range mark.FindAllString(m.Subject+"\n"+m.Text, -1) {
		if said = strings.ToUpper(said); len(m.Marks) < listedLimit && !slices.Contains(m.Marks, said) {
			m.Marks = append(m.Marks, said)
		}
	}
	m.Kind = r.kind(e.Header)
	return m
}

func (m *Message) header(h gomail.Header) {
	subject, err := h.Subject()
	if err != nil {
		subject = h.Get("Subject")
	}
	m.Subject = route.Line(strings.ToValidUTF8(noTurns(subject), "\ufffd"))
	m.Date, _ = h.Date()
	// go-message's own reading of a Message-ID takes seconds for one that is a quarter of a megabyte of brackets.
	if ids := messageIDs(h.Get("Message-Id")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	for _, field := range []string{"In-Reply-To", "References"} {
		for _, id := range messageIDs(h.Get(field)) {
			if len(m.References) < listedLimit && !slices.Contains(m.References, id) {
				m.References = append(m.References, id)
			}
		}
	}
	from, err := h.AddressList("From")
	if err != nil || len(h.Values("From")) != 1 {
		// Two From lines, or one that cannot be read, name nobody.
		m.Odd = true
		return
	}
	for _, a := range from {
		m.From = append(m.From, strings.ToLower(a.Address))
	}
	if len(from) > 0 {
		m.FromName = route.Line(strings.ToValidUTF8(noTurns(from[0].Name), "\ufffd"))
	}
}

var bracketed = regexp.MustCompile(`<([^<>\s]{1,250})>`)

// messageIDs are those in a header, however it is written otherwise (RFC 5322 §3.6.4).
func messageIDs(field string) []string {
	var ids []string
	for _, found := range bracketed.FindAllStringSubmatch(field, listedLimit) {
		ids = append(ids, found[1])
	}
	return ids
}

// reader walks through the parts of a message.
type reader struct {
	m     *Message
	parts int
	text  int // bytes of text that were had so far
	// report says that it is a delivery report in form.
	report bool
}

// found is the text of a part. html says that it was made of HTML.
type found struct {
	text string
	html bool
}

// part reads one part, and what is in it. err is what its reading said of it.
func (r *reader) part(e *message.Entity, err error, depth int) found {
	if err != nil {
		r.m.Odd = true
	}
	r.parts++
	if depth > depthLimit || r.parts > partLimit {
		r.m.Odd, r.m.Cut = true, true
		return found{}
	}
	kind, params, typeErr := e.Header.ContentType()
	if typeErr != nil {
		kind = "text/plain"
		if e.Header.Get("Content-Type") != "" {
			kind, r.m.Odd = "application/octet-stream", true
		}
	}
	kind = strings.ToLower(kind)
	disposition, _, _ := e.Header.ContentDisposition()
	if parts := e.MultipartReader(); parts != nil {
		if depth == 0 && kind == "multipart/report" && strings.EqualFold(params["report-type"], "delivery-status") {
			r.report = true
		}
		return r.several(parts, kind, depth)
	}
	attached := strings.EqualFold(disposition, "attachment")
	switch {
	case r.report && (kind == "message/delivery-status" || kind == "message/global-delivery-status"): // RFC 3464, RFC 6533
		r.delivery(e.Body)
		return found{}
	case r.report && (kind == "message/rfc822" || kind == "text/rfc822-headers" || kind == "message/global" || kind == "message/global-headers"):
		r.returned(e.Body)
		return found{}
	case !attached && (kind == "text/plain" || kind == ""):
		return found{text: r.read(e, params["charset"])}
	case !attached && kind == "text/html":
		return found{text: textOf(r.read(e, params["charset"])), html: true}
	}
	r.attachment(e, kind)
	return found{}
}

// several reads a multipart. Of the alternatives (RFC 2046 §5.1.4) plain text is taken; of all others every text.
func (r *reader) several(parts message.MultipartReader, kind string, depth int) found {
	var all []found
	for {
		e, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if e == nil {
			// What comes after a part that is broken cannot be told from it.
			r.m.Odd = true
			break
		}
		all = append(all, r.part(e, err, depth+1))
		if r.parts > partLimit {
			break
		}
	}
	all = slices.DeleteFunc(all, func(f found) bool { return strings.TrimSpace(f.text) == "" })
	if len(all) == 0 {
		return found{}
	}
	if kind == "multipart/alternative" {
		if i := slices.IndexFunc(all, func(f found) bool { return !f.html }); i >= 0 {
			return all[i]
		}
		return all[0]
	}
	whole := found{html: true}
	for _, f := range all {
		whole.text += f.text + "\n"
		whole.html = whole.html && f.html
	}
	return whole
}

// read reads a text as far as there is room for one. go-message has decoded its charset where it knows it.
func (r *reader) read(e *message.Entity, set string) string {
	room := textLimit - r.text
	if room <= 0 {
		r.m.Cut = true
		return ""
	}
	raw, err := io.ReadAll(io.LimitReader(e.Body, int64(room)+1))
	if err != nil {
		r.m.Odd = true
	}
	if len(raw) > room {
		raw, r.m.Cut = raw[:room], true
		// The cut may go through a letter.
		for range utf8.UTFMax - 1 {
			if last, size := utf8.DecodeLastRune(raw); last == utf8.RuneError && size == 1 {
				raw = raw[:len(raw)-1]
			}
		}
	}
	r.text += len(raw)
	if !utf8.Valid(raw) {
		// It says that it is UTF-8 or says nothing: most of what is not is in the alphabet of old Windows.
		if strings.EqualFold(set, "utf-8") || set == "" || strings.EqualFold(set, "us-ascii") {
			if decoded, err := charset.Reader("windows-1252", bytes.NewReader(raw)); err == nil {
				if text, err := io.ReadAll(decoded); err == nil {
					return string(text)
				}
			}
		}
		r.m.Odd = true
		return strings.ToValidUTF8(string(raw), "\ufffd")
	}
	return string(raw)
}

// attachment notes one.
func (r *reader) attachment(e *message.Entity, kind string) {
	if len(r.m.Attachments) >= listedLimit {
		r.m.More++
		return
	}
	h := gomail.AttachmentHeader{Header: e.Header}
	name, err := h.Filename()
	if err != nil {
		name = ""
	}
	size, err := io.Copy(io.Discard, e.Body)
	if err != nil {
		r.m.Odd = true
	}
	r.m.Attachments = append(r.m.Attachments, Attachment{
		Name: route.Line(strings.ToValidUTF8(noTurns(name), "\ufffd")),
		Type: route.Line(kind),
		Size: int(size),
	})
}

// delivery reads what a mail server says of the first recipient (RFC 3464 §2): a letter of ours has one.
func (r *reader) delivery(body io.Reader) {
	tp := textproto.NewReader(bufio.NewReader(io.LimitReader(body, headerLimit)))
	for range 1 + listedLimit {
		fields, err := tp.ReadMIMEHeader()
		if fields.Get("Final-Recipient") != "" || fields.Get("Action") != "" {
			recipient := fields.Get("Original-Recipient")
			if recipient == "" {
				recipient = fields.Get("Final-Recipient")
			}
			r.m.Bounce = &Delivery{
				Recipient: route.Line(afterType(recipient)),
				Action:    strings.ToLower(route.Line(fields.Get("Action"))),
				Status:    route.Line(fields.Get("Status")),
				Said:      route.Line(strings.ToValidUTF8(noTurns(afterType(fields.Get("Diagnostic-Code"))), "\ufffd")),
			}
			return
		}
		if err != nil {
			return
		}
	}
}

// afterType is a field's value without its type: "rfc822; trust@platform.example".
func afterType(value string) string {
	if _, after, ok := strings.Cut(value, ";"); ok {
		return strings.TrimSpace(after)
	}
	return value
}

// returned reads whose letter a bounce brings back.
func (r *reader) returned(body io.Reader) {
	e, err := message.ReadWithOptions(io.LimitReader(body, headerLimit), &message.ReadOptions{MaxHeaderBytes: headerLimit})
	if e == nil {
		r.m.Odd = r.m.Odd || err != nil
		return
	}
	if ids := messageIDs(e.Header.Get("Message-Id")); len(ids) > 0 {
		r.m.Returned = ids[0]
	}
}

// kind says what wrote a message, by what RFC 3834 and RFC 3464 have programs say and what older programs say.
func (r *reader) kind(h message.Header) Kind {
	auto, _, _ := strings.Cut(h.Get("Auto-Submitted"), ";")
	auto = strings.ToLower(strings.TrimSpace(auto))
	sender := ""
	if len(r.m.From) > 0 {
		sender, _, _ = strings.Cut(r.m.From[0], "@")
	}
	switch {
	case r.report:
		return Bounce
	case strings.TrimSpace(h.Get("Return-Path")) == "<>" && (sender == "mailer-daemon" || sender == "postmaster"):
		return Bounce
	case auto != "" && auto != "no", h.Has("X-Autoreply"), h.Has("X-Autorespond"),
		strings.EqualFold(strings.TrimSpace(h.Get("Precedence")), "auto_reply"):
		return Automatic
	}
	return Answer
}

// cleanText leaves out of a text what is no letter, space or end of line, and what turns the direction of writing.
func cleanText(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || turns(r)) {
			return -1
		}
		return r
	}, text)
}

func noTurns(text string) string {
	return strings.Map(func(r rune) rune {
		if turns(r) {
			return -1
		}
		return r
	}, text)
}

// turns says whether a sign turns the direction of writing (Unicode UAX #9), by which "exe.pdf" may be read for "fdp.exe".
func turns(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
