package mail

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"
	"golang.org/x/text/unicode/norm"

	"vigie/internal/takedown/route"
)

// Letter is a notice as somebody at a platform reads it.
type Letter struct {
	// Notice has the statement of reasons (Text, DSA Art. 16(2)(a)) and the language of the letter.
	Notice route.Notice
	// To is the contact's mailbox, From ours and FromName the helpline beside it.
	To, From, FromName string
	// Addresses are the exact addresses (DSA Art. 16(2)(b)); Account is the account, "" where it is not known.
	Addresses []string
	Account   string
	// Law says that this is a notice of DSA Art. 16, and not one by the platform's own terms.
	Law bool
	// Flagger says that the helpline writes as a trusted flagger (DSA Art. 22), whose notices come first.
	Flagger bool
	// Ground is the legal ground with its articles, in the letter's language.
	Ground string
	// GoodFaith is the sentence of DSA Art. 16(2)(d), the catalogue's.
	GoodFaith string
	// Name and Mail are the notifier's (DSA Art. 16(2)(c)). Where the ground lets them be left out and they are, Withheld is
	// the sentence that says so, and no name stands anywhere in the letter, beside our mailbox neither.
	Name, Mail string
	Withheld   string
	// ID is its Message-ID (MessageID), Thread those of the letters on this notice before it, the oldest first.
	ID     string
	Thread []string
	// Written is when the letter was first written. A letter that is sent again keeps it.
	Written time.Time
	// Attached is a report for a machine, or nil. Nothing else is ever attached: a letter carries no proof.
	Attached *Attachment
}

// Attachment is a report for a machine.
type Attachment struct {
	Name, Type string // "xarf.json", "application/json"
	Body       []byte
}

// Message is a letter as it goes: plain text from a mailbox of ours to another one, in a conversation. Nobody says in it that a
// program wrote it (Auto-Submitted, RFC 3834 §5), because somebody did, and reviewed it: a program that acknowledges letters
// (DSA Art. 16(4)) is right to keep silent to another program's.
type Message struct {
	// ID is its Message-ID, Thread those of the letters before it in the conversation, the oldest first; without angle brackets.
	ID     string
	Thread []string
	// FromName is "" where no name stands beside our mailbox.
	To, From, FromName string
	Subject, Text      string
	Lang               string // "" where it is not said
	Written            time.Time
	Attached           *Attachment
}

// MessageID is that of a letter from a mailbox of ours, without its angle brackets, made from the letter's id with a key of ours:
// it tells nothing of the letter, and whoever was not sent the letter cannot make it, even from its id.
func MessageID(key []byte, letter, from string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("vigie letter\x00" + letter))
	return "notice." + hex.EncodeToString(mac.Sum(nil))[:32] + "@" + Domain(from)
}

// check returns Refused "fault.route.letter" (what: the field) for a letter that lacks what belongs to it.
func (l Letter) check() error {
	lacks := func(what string) error { return route.Refuse("fault.route.letter", "what", what) }
	if err := checkMailbox(l.To); err != nil {
		return err
	}
	for _, line := range []struct{ what, text string }{
		{"from", l.FromName}, {"name", l.Name}, {"account", l.Account}, {"ground", l.Ground}, {"good_faith", l.GoodFaith}, {"withheld", l.Withheld},
	} {
		if strings.ContainsFunc(line.text, unseen) || !utf8.ValidString(line.text) {
			return lacks(line.what)
		}
	}
	switch {
	case checkMailbox(l.From) != nil:
		return lacks("from")
	case len(l.Addresses) == 0:
		return lacks("addresses")
	case l.Ground == "":
		return lacks("ground")
	case l.GoodFaith == "":
		return lacks("good_faith")
	case l.Withheld == "" && (l.Name == "" || checkMailbox(l.Mail) != nil):
		return lacks("name")
	case l.Withheld != "" && (l.Name != "" || l.Mail != ""):
		return lacks("withheld") // it says that there is no name, and there is one
	case l.Written.IsZero():
		return lacks("written")
	case l.Notice.Mark == "":
		return lacks("mark")
	case !utf8.ValidString(l.Notice.Text):
		return lacks("text")
	}
	for _, address := range l.Addresses {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(address, unseen) || strings.Contains(address, " ") {
			return lacks("addresses")
		}
	}
	return nil
}

// Subject is the letter's, with the mark by which its answers are known.
func (l Letter) Subject() string {
	w := wordsIn(l.Notice.Lang)
	title := w.terms
	if l.Law {
		title = w.law
	}
	if l.Flagger {
		title = w.priority + title
	}
	return title + " [Ref. " + l.Notice.Mark + "]"
}

// Text is the letter's, its lines ended by "\n". Its last line is the mark.
func (l Letter) Text() string {
	w := wordsIn(l.Notice.Lang)
	var b strings.Builder
	paragraph := func(lines ...string) {
		b.WriteString(strings.Join(lines, "\n"))
		b.WriteString("\n\n")
	}
	switch {
	case l.Law && l.Flagger:
		paragraph(w.openFlagger)
	case l.Law:
		paragraph(w.openLaw)
	default:
		paragraph(w.openTerms)
	}
	paragraph(clean(l.Notice.Text))
	paragraph(append([]string{w.addresses}, l.Addresses...)...)
	if l.Account != "" {
		paragraph(w.account + l.Account)
	}
	paragraph(w.ground + l.Ground)
	paragraph(l.GoodFaith)
	if l.Withheld != "" {
		paragraph(l.Withheld)
	} else {
		paragraph(w.notifier+l.Name, l.Mail)
	}
	paragraph(w.answer)
	return norm.NFC.String(b.String()) + "Ref. " + l.Notice.Mark
}

// clean leaves out of a text what is no letter, space or end of line.
func clean(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(strings.TrimSpace(text))
	return strings.Map(func(r rune) rune {
		if unseen(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// Message is the letter as it goes. It returns Refused "fault.route.letter" or "fault.route.mailbox".
func (l Letter) Message() (Message, error) {
	if err := l.check(); err != nil {
		return Message{}, err
	}
	m := Message{ID: l.ID, Thread: l.Thread, To: l.To, From: l.From, FromName: l.FromName, Subject: l.Subject(), Text: l.Text(), Lang: l.Notice.Lang, Written: l.Written, Attached: l.Attached}
	if l.Withheld != "" {
		m.FromName = ""
	}
	return m, nil
}

// Bytes is the letter as it is sent (Message.Bytes).
func (l Letter) Bytes() ([]byte, error) {
	m, err := l.Message()
	if err != nil {
		return nil, err
	}
	return m.Bytes()
}

// check returns Refused for a message that lacks what belongs to it, or that would not be one line where it has to be.
func (m Message) check() error {
	lacks := func(what string) error { return route.Refuse("fault.route.letter", "what", what) }
	if err := checkMailbox(m.To); err != nil {
		return err
	}
	switch {
	case checkMailbox(m.From) != nil, strings.ContainsFunc(m.FromName, unseen) || !utf8.ValidString(m.FromName):
		return lacks("from")
	case m.Subject == "" || strings.ContainsFunc(m.Subject, unseen) || !utf8.ValidString(m.Subject):
		return lacks("subject")
	case strings.TrimSpace(m.Text) == "" || !utf8.ValidString(m.Text):
		return lacks("text")
	case m.Written.IsZero():
		return lacks("written")
	}
	for _, id := range append([]string{m.ID}, m.Thread...) {
		if !messageID.MatchString(id) {
			return lacks("id")
		}
	}
	return nil
}

// messageID is one of ours, as MessageID makes them and made them before.
var messageID = regexp.MustCompile(`^notice\.[0-9a-f]{32}@[a-zA-Z0-9.-]{1,253}$`)

// Bytes is the message as it is sent (RFC 5322, RFC 2045 to 2047), its lines ended by CRLF. The same message gives the same bytes.
// A letter that is not the first of its conversation answers that one (In-Reply-To) and names all between (References). It returns
// Refused "fault.route.letter" or "fault.route.mailbox".
func (m Message) Bytes() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	var h gomail.Header
	h.Set("MIME-Version", "1.0")
	h.SetMessageID(m.ID)
	if len(m.Thread) > 0 {
		h.SetMsgIDList("References", m.Thread)
		h.SetMsgIDList("In-Reply-To", m.Thread[:1])
	}
	h.SetDate(m.Written.UTC())
	h.AddRaw(subjectField(m.Subject))
	h.SetAddressList("To", []*gomail.Address{{Address: m.To}})
	h.SetAddressList("From", []*gomail.Address{{Address: m.From, Name: m.FromName}})
	if m.Lang != "" {
		h.Set("Content-Language", wordsIn(m.Lang).lang) // RFC 3282
	}
	var b bytes.Buffer
	if m.Attached == nil {
		plainText(&h.Header)
		w, err := message.CreateWriter(&b, h.Header)
		if err := fill(w, err, m.Text); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
	h.SetContentType("multipart/mixed", map[string]string{"boundary": "vigie-" + made(m.ID, "boundary")[:32]})
	w, err := message.CreateWriter(&b, h.Header)
	if err != nil {
		return nil, err
	}
	var text, report message.Header
	plainText(&text)
	p, err := w.CreatePart(text)
	if err := fill(p, err, m.Text); err != nil {
		return nil, err
	}
	report.SetContentType(m.Attached.Type, map[string]string{"name": m.Attached.Name})
	report.SetContentDisposition("attachment", map[string]string{"filename": m.Attached.Name})
	report.Set("Content-Transfer-Encoding", "base64")
	p, err = w.CreatePart(report)
	if err := fill(p, err, string(m.Attached.Body)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// made is what is made of an id that is no secret, the same for the same one: a boundary between parts, say.
func made(id, what string) string {
	sum := sha256.Sum256([]byte("vigie notice " + what + "\x00" + id))
	return hex.EncodeToString(sum[:])
}

// fill writes the whole of a part whose writer may not have been had.
func fill(w *message.Writer, err error, body string) error {
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, body); err != nil {
		return err
	}
	return w.Close()
}

// subjectField is a subject's header in encoded words of which none is split and each has its own line (RFC 2047 §2).
func subjectField(subject string) []byte {
	var words []string
	for rest := []rune(subject); len(rest) > 0; {
		n := min(len(rest), 36)
		for len(string(rest[:n])) > 36 {
			n--
		}
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(string(rest[:n])))+"?=")
		rest = rest[n:]
	}
	return []byte("Subject: " + strings.Join(words, "\r\n ") + "\r\n")
}

func plainText(h *message.Header) {
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
}
