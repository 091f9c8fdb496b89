package mail_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	stdmail "net/mail"
	"strings"
	"testing"
	"time"

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
)

const noticeID = "01939f7c-5b0e-7c52-9d3a-5c1f1a8f2b11"

var key = []byte("a key of ours, as long as a key is")

// written is the letter of a notice on harassment. What its Notice says is what Send is given.
func written() mail.Letter {
	return mail.Letter{
		ID:     mail.MessageID(key, noticeID, "signalements@ligne.example"),
		Notice: route.Notice{ID: noticeID, Mark: route.Mark(key, noticeID), Lang: "fr", Text: "Le contenu vise une personne mineure par des propos répétés.\n.\n.. Une ligne qui commence par un point, et « des guillemets »."},
		To:     "trust@reseau.example", From: "signalements@ligne.example", FromName: "Ligne d'écoute, « été »",
		Addresses: []string{"https://reseau.example/@lea/1?b=2&c=%C3%A9", "https://reseau.example/@lea/2"},
		Account:   "lea_du_93",
		Law:       true, Flagger: true,
		Ground:    "Harcèlement en ligne (code pénal, article 222-33-2-2)",
		GoodFaith: "Nous déclarons de bonne foi que les informations sont exactes et complètes.",
		Name:      "Ligne d'écoute", Mail: "signalements@ligne.example",
		Written: time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC),
	}
}

func bytesOf(t *testing.T, l mail.Letter) []byte {
	t.Helper()
	b, err := l.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read reads a letter with the standard library, which did not write it.
func read(t *testing.T, raw []byte) (*stdmail.Message, string) {
	t.Helper()
	m, err := stdmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "text/plain" || params["charset"] != "utf-8" {
		t.Fatalf("it is %s %v (%v)", kind, params, err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m, strings.ReplaceAll(string(text), "\r\n", "\n")
}

// A letter says all that DSA Art. 16(2) wants, in plain text alone, and whoever reads mail by the standards reads it whole.
func TestALetterSaysWhatArticle16Wants(t *testing.T) {
	l := written()
	raw := bytesOf(t, l)
	m, text := read(t, raw)
	for what, want := range map[string]string{
		"the statement, with its lines of dots (a)": l.Notice.Text,
		"every exact address (b)":                   "https://reseau.example/@lea/1?b=2&c=%C3%A9\nhttps://reseau.example/@lea/2",
		"the account":                               "lea_du_93",
		"the notifier (c)":                          "Ligne d'écoute\nsignalements@ligne.example",
		"good faith (d)":                            l.GoodFaith,
		"the ground":                                "article 222-33-2-2",
		"that it comes first":                       "signaleur de confiance",
		"the mark, last":                            "Ref. " + l.Notice.Mark,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: %q is not in\n%s", what, want, text)
		}
	}
	if !strings.HasSuffix(strings.TrimSpace(text), l.Notice.Mark) {
		t.Errorf("it does not end with its mark:\n%s", text)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != l.Subject() || !strings.Contains(subject, l.Notice.Mark) {
		t.Errorf("the subject is %q (%v), not %q", subject, err, l.Subject())
	}
	from, err := m.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != l.From || from[0].Name != l.FromName {
		t.Errorf("it is from %v (%v)", from, err)
	}
	if got := m.Header.Get("Message-Id"); got != "<"+l.ID+">" {
		t.Errorf("its Message-ID is %s", got)
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(l.Written) {
		t.Errorf("it is of %v (%v)", date, err)
	}
	if m.Header.Get("Auto-Submitted") != "" {
		t.Error("a notice that somebody wrote says that a program did")
	}
	for line := range bytes.Lines(raw) {
		// RFC 5322 §2.1.1 and RFC 2045: 78 signs where it can be, ASCII, and every line ends with CRLF.
		if !bytes.HasSuffix(line, []byte("\r\n")) && !bytes.HasSuffix(raw, line) {
			t.Errorf("%q does not end with CRLF", line)
		}
		if len(line) > 80 {
			t.Errorf("%q has %d signs", line, len(line))
		}
		if bytes.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("%q is not ASCII", line)
		}
	}
}

// A letter that is sent a second time is the same letter; another notice's has nothing of it, and neither tells the notice.
func TestASecondSendingIsTheSameLetter(t *testing.T) {
	l := written()
	if !bytes.Equal(bytesOf(t, l), bytesOf(t, l)) {
		t.Error("the same letter was written in two ways")
	}
	const other = "01939f7c-5b0e-7c52-9d3a-5c1f1a8f2b12"
	if mail.MessageID(key, noticeID, l.From) == mail.MessageID(key, other, l.From) || mail.MessageID(key, noticeID, l.From) == mail.MessageID([]byte("another"), noticeID, l.From) {
		t.Error("two letters have one Message-ID, or it is made without the key")
	}
	if raw := string(bytesOf(t, l)); strings.Contains(raw, noticeID) || strings.Contains(raw, strings.ReplaceAll(noticeID, "-", "")) || strings.Contains(raw, noticeID[:8]) {
		t.Error("the letter holds the notice's id")
	}
}

// A later letter answers the first one and names all between, so that every mail program shows one conversation.
func TestALaterLetterIsInTheThread(t *testing.T) {
	first := written()
	second, third := mail.MessageID(key, "b", first.From), mail.MessageID(key, "c", first.From)
	m, text := read(t, must(mail.Message{ID: third, Thread: []string{first.ID, second}, To: first.To, From: first.From, Subject: "Re: x", Text: "Où en est-ce ?", Written: first.Written}.Bytes()))
	if m.Header.Get("In-Reply-To") != "<"+first.ID+">" || m.Header.Get("References") != "<"+first.ID+"> <"+second+">" || m.Header.Get("Message-Id") != "<"+third+">" || !strings.Contains(text, "Où en est-ce ?") {
		t.Errorf("it is no answer to the first letter: %v", m.Header)
	}
	if m.Header.Get("Auto-Submitted") != "" {
		t.Errorf("Auto-Submitted: %q", m.Header.Get("Auto-Submitted"))
	}
	for what, bad := range map[string]mail.Message{
		"a line in an id":      {ID: third + "\r\nBcc: eve@evil.example"},
		"another's id":         {ID: "x@evil.example"},
		"a line in the thread": {ID: third, Thread: []string{first.ID + ">\r\nBcc: eve@evil.example"}},
		"a line in a subject":  {ID: third, Subject: "x\r\nBcc: eve@evil.example"},
		"no text":              {ID: third, Text: " \n"},
	} {
		m := mail.Message{To: first.To, From: first.From, Subject: "x", Text: "x", Written: first.Written, ID: bad.ID, Thread: bad.Thread}
		if bad.Subject != "" {
			m.Subject = bad.Subject
		}
		if bad.Text != "" {
			m.Text = bad.Text
		}
		if _, err := m.Bytes(); !refusedFor(err, "fault.route.letter") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

// Where the ground lets the notifier be left out (Art. 16(2)(c)), no name stands anywhere, beside the mailbox neither.
func TestANameThatIsWithheldStandsNowhere(t *testing.T) {
	l := written()
	l.Name, l.Mail, l.Withheld = "", "", "Le nom du notifiant n'est pas communiqué."
	m, text := read(t, bytesOf(t, l))
	if !strings.Contains(text, l.Withheld) {
		t.Error("the letter does not say that a name was left out")
	}
	from, err := m.Header.AddressList("From")
	if err != nil || from[0].Name != "" || strings.Contains(text, "Ligne d'écoute") {
		t.Errorf("the name stands there: %v\n%s", from, text)
	}
	l.Name = "Awa"
	if _, err := l.Bytes(); !refusedFor(err, "fault.route.letter") {
		t.Errorf("a letter that names somebody and says that it does not: %v", err)
	}
}

// Nothing that is put into a letter begins a header, a second recipient or a second part, and nothing turns the direction
// of writing.
func TestNoFieldBecomesAHeader(t *testing.T) {
	for name, change := range map[string]func(l *mail.Letter, evil string){
		"the mailbox":    func(l *mail.Letter, evil string) { l.To += evil },
		"our mailbox":    func(l *mail.Letter, evil string) { l.From += evil },
		"our name":       func(l *mail.Letter, evil string) { l.FromName += evil },
		"the notifier":   func(l *mail.Letter, evil string) { l.Name += evil },
		"its mailbox":    func(l *mail.Letter, evil string) { l.Mail += evil },
		"the account":    func(l *mail.Letter, evil string) { l.Account += evil },
		"the ground":     func(l *mail.Letter, evil string) { l.Ground += evil },
		"good faith":     func(l *mail.Letter, evil string) { l.GoodFaith += evil },
		"an address":     func(l *mail.Letter, evil string) { l.Addresses[1] += evil },
		"the withholder": func(l *mail.Letter, evil string) { l.Name, l.Mail, l.Withheld = "", "", "x"+evil },
	} {
		for _, evil := range []string{"\r\nBcc: eve@evil.example", "\nBcc: eve@evil.example", "\rBcc: eve@evil.example", "\x00", "\u202emoc.live"} {
			l := written()
			change(&l, evil)
			if _, err := l.Bytes(); !refusedFor(err, "fault.route.letter") && !refusedFor(err, "fault.route.mailbox") {
				t.Errorf("%s with %q: %v", name, evil, err)
			}
		}
	}
	// A statement has lines of its own: they stay in the body.
	l := written()
	l.Notice.Text = "a\r\n\r\nBcc: eve@evil.example\r\n.\r\nMAIL FROM:<eve@evil.example>\u202e\x00"
	l.Notice.Lang = "fr\r\nBcc: eve@evil.example"
	m, text := read(t, bytesOf(t, l))
	if m.Header.Get("Bcc") != "" || len(m.Header["To"]) != 1 {
		t.Errorf("a header came of it: %v", m.Header)
	}
	if !strings.Contains(text, "a\n\nBcc: eve@evil.example\n.\nMAIL FROM:<eve@evil.example>\n") {
		t.Errorf("the statement is not whole, or holds what cannot be seen: %q", text)
	}
}

// A letter that lacks what the law or its reader wants is not written.
func TestALetterIsWholeOrIsNotWritten(t *testing.T) {
	for what, change := range map[string]func(l *mail.Letter){
		"no address":             func(l *mail.Letter) { l.Addresses = nil },
		"an address without web": func(l *mail.Letter) { l.Addresses = []string{"reseau.example/1"} },
		"a script":               func(l *mail.Letter) { l.Addresses = []string{"javascript:alert(1)"} },
		"no good faith":          func(l *mail.Letter) { l.GoodFaith = "" },
		"no ground":              func(l *mail.Letter) { l.Ground = "" },
		"no name":                func(l *mail.Letter) { l.Name = "" },
		"no mailbox to answer":   func(l *mail.Letter) { l.Mail = "" },
		"no date":                func(l *mail.Letter) { l.Written = time.Time{} },
		"no mark":                func(l *mail.Letter) { l.Notice.Mark = "" },
		"no id":                  func(l *mail.Letter) { l.ID = "" },
		"bytes that are no text": func(l *mail.Letter) { l.Notice.Text = "\xff" },
	} {
		l := written()
		change(&l)
		if _, err := l.Bytes(); !refusedFor(err, "fault.route.letter") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What is written as a mailbox, and what is not.
func TestMailboxes(t *testing.T) {
	for address, want := range map[string]bool{
		"trust@reseau.example": true, "a.b+c@x-y.reseau.example": true, "o'neil@reseau.example": true,
		"": false, "trust": false, "trust@": false, "@reseau.example": false, "trust@reseau": false, "a@b@reseau.example": false,
		"Trust <trust@reseau.example>": false, "trust@reseau.example, eve@evil.example": false, "a..b@reseau.example": false,
		".a@reseau.example": false, "trust@-reseau.example": false, "trust@[127.0.0.1]": false, `"a b"@reseau.example`: false,
		"trust@réseau.example": false, "trust@reseau.example\r\nRCPT TO:<eve@evil.example>": false, "trust@reseau.example\n": false,
		strings.Repeat("a", 65) + "@reseau.example": false,
	} {
		if mail.IsMailbox(address) != want {
			t.Errorf("%q: not %v", address, want)
		}
		_, err := mail.New(mail.Letter{To: address}, mail.Post{}).Resolve(t.Context(), route.Target{}, nil)
		if (err == nil) != want || err != nil && !refusedFor(err, "fault.route.mailbox") {
			t.Errorf("%q resolves: %v", address, err)
		}
	}
}

func refusedFor(err error, key string) bool {
	var no *route.Refused
	return errors.As(err, &no) && no.Key == key
}
