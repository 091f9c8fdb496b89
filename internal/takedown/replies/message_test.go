package replies_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/internal/takedown/replies"
)

// crlf is a message as mail has it.
func crlf(text string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "\n", "\r\n"))
}

// A person's answer is read whole: who wrote it, what it answers, our mark, its text.
func TestAnAnswerIsRead(t *testing.T) {
	m := replies.Parse(crlf(`
From: =?utf-8?q?=C3=89quipe_s=C3=A9curit=C3=A9?= <Safety@Reseau.example>
To: signalements@ligne.example
Subject: =?iso-8859-1?q?Re=3A_Notification?= [Ref. R0NJX-WG4XZ]
Date: Sat, 28 Nov 2026 10:00:00 +0100
Message-ID: <a1@reseau.example>
In-Reply-To: <notice.1@ligne.example>
References: <notice.0@ligne.example>
	<notice.1@ligne.example>
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Le contenu a =E9t=E9 retir=E9.
> Ref. r0njx-wg4xz
`))
	if m.Kind != replies.Answer || m.Odd || m.Cut {
		t.Errorf("it is %+v", m)
	}
	if !reflect.DeepEqual(m.From, []string{"safety@reseau.example"}) || m.FromName != "Équipe sécurité" || m.Subject != "Re: Notification [Ref. R0NJX-WG4XZ]" {
		t.Errorf("from %q %v, on %q", m.FromName, m.From, m.Subject)
	}
	if m.MessageID != "a1@reseau.example" || !reflect.DeepEqual(m.References, []string{"notice.1@ligne.example", "notice.0@ligne.example"}) {
		t.Errorf("%q answers %v", m.MessageID, m.References)
	}
	if !reflect.DeepEqual(m.Marks, []string{"R0NJX-WG4XZ"}) || m.Text != "Le contenu a été retiré.\n> Ref. r0njx-wg4xz" || m.Date.IsZero() {
		t.Errorf("marks %v, text %q, of %v", m.Marks, m.Text, m.Date)
	}
}

// Of two forms of one text the plain one is read; where there is HTML alone it becomes text, with the addresses that its links
// really lead to, and nothing of what a page does not show.
func TestHTMLBecomesTextAndLoadsNothing(t *testing.T) {
	page := `<html><head><title>No</title><style>p{}</style><script>alert(1)</script></head><body>` +
		`<p>Bonjour,</p><p>Nous avons <b>retir&eacute;</b>&nbsp;le contenu&amp;lt;.</p><img src="https://track.example/1.gif" alt="x">` +
		`<ul><li>Recours&nbsp;: <a href="https://evil.example/a">https://reseau.example/recours</a></li><li><a href="javascript:alert(1)">ici</a></li></ul></body></html>`
	body := func(parts string) string {
		return "From: a@reseau.example\nSubject: x\nContent-Type: multipart/alternative; boundary=b\n\n" + parts + "--b--\n"
	}
	html := "--b\nContent-Type: text/html; charset=utf-8\n\n" + page + "\n"
	if m := replies.Parse(crlf(body("--b\nContent-Type: text/plain; charset=utf-8\n\nBonjour, en clair.\n" + html))); m.Text != "Bonjour, en clair." {
		t.Errorf("%q", m.Text)
	}
	want := "Bonjour,\nNous avons retiré le contenu&lt;.\nRecours : https://reseau.example/recours <https://evil.example/a>\nici"
	if m := replies.Parse(crlf(body(html))); m.Text != want {
		t.Errorf("%q, not %q", m.Text, want)
	}
	// A plain part with nothing in it is what some programs put beside the HTML.
	if m := replies.Parse(crlf(body("--b\nContent-Type: text/plain\n\n \n" + html))); m.Text != want {
		t.Errorf("%q", m.Text)
	}
}

// Attachments are named and weighed, wherever they are, and none is read: neither as text nor as a message.
func TestAttachmentsAreNamedAndNotOpened(t *testing.T) {
	m := replies.Parse(crlf(`
From: a@reseau.example
Subject: x
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/plain

Ci-joint.
--b
Content-Type: image/png; name=pixel.png
Content-Transfer-Encoding: base64

` + base64.StdEncoding.EncodeToString(make([]byte, 30)) + `
--b--
--a
Content-Type: text/plain; name="ABCDE-12345.txt"
Content-Disposition: attachment; filename="=?utf-8?q?d=C3=A9cision=E2=80=AEcod.exe?="

ZZZZZ-99999
--a
Content-Type: message/rfc822

From: b@reseau.example
Message-ID: <notice.1@ligne.example>
Subject: YYYYY-88888

inside
--a--
`))
	if m.Text != "Ci-joint." || len(m.Marks) != 0 || m.Returned != "" {
		t.Errorf("text %q, marks %v, returned %q", m.Text, m.Marks, m.Returned)
	}
	if len(m.Attachments) != 3 {
		t.Fatalf("%+v", m.Attachments)
	}
	if a := m.Attachments[0]; a.Name != "pixel.png" || a.Type != "image/png" || a.Size != 30 {
		t.Errorf("%+v", a)
	}
	if a := m.Attachments[1]; a.Name != "décisioncod.exe" || a.Size == 0 {
		t.Errorf("%+v", a)
	}
	if a := m.Attachments[2]; a.Type != "message/rfc822" || a.Size == 0 {
		t.Errorf("%+v", a)
	}
}

const bounced = `
Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@mx.ligne.example>
Auto-Submitted: auto-replied
Subject: Mail delivery failed
Content-Type: multipart/report; report-type=delivery-status; boundary=r

--r
Content-Type: text/plain

A message that you sent could not be delivered.
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.ligne.example

Action: failed
Final-Recipient: rfc822;trust@reseau.example
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1
 no such mailbox

--r
Content-Type: message/rfc822

Message-ID: <notice.1@ligne.example>
From: signalements@ligne.example
Subject: [Ref. R0NJX-WG4XZ]

Notre lettre.
--r--
`

// What a mail server says of a letter (RFC 3464) is told from what a platform's program answers (RFC 3834), and both from what
// a person does.
func TestWhoWroteIt(t *testing.T) {
	m := replies.Parse(crlf(bounced))
	if m.Kind != replies.Bounce || m.Returned != "notice.1@ligne.example" || m.Bounce == nil {
		t.Fatalf("%+v", m)
	}
	if want := (replies.Delivery{Recipient: "trust@reseau.example", Action: "failed", Status: "5.1.1", Said: "550 5.1.1 no such mailbox"}); *m.Bounce != want {
		t.Errorf("%+v", *m.Bounce)
	}
	if len(m.Attachments) != 0 || strings.Contains(m.Text, "Notre lettre") {
		t.Errorf("%+v", m)
	}
	// A letter that went as SMTPUTF8 comes back in parts of other names (RFC 6533).
	global := strings.NewReplacer("message/delivery-status", "message/global-delivery-status", "message/rfc822", "message/global").Replace(bounced)
	if g := replies.Parse(crlf(global)); g.Kind != replies.Bounce || g.Returned != m.Returned || g.Bounce == nil || *g.Bounce != *m.Bounce {
		t.Errorf("%+v", g)
	}
	for header, want := range map[string]replies.Kind{
		"":                                       replies.Answer,
		"Auto-Submitted: no\n":                   replies.Answer,
		"Auto-Submitted: auto-replied\n":         replies.Automatic,
		"Auto-Submitted: Auto-Generated (x)\n":   replies.Automatic,
		"auto-submitted: auto-notified; a=b\n":   replies.Automatic,
		"X-Autoreply: yes\n":                     replies.Automatic,
		"Precedence: auto_reply\n":               replies.Automatic,
		"Precedence: bulk\n":                     replies.Answer,
		"Return-Path: <>\n":                      replies.Answer,
		"Return-Path: <mailer@reseau.example>\n": replies.Answer,
	} {
		if m := replies.Parse(crlf(header + "From: a@reseau.example\n\nText.\n")); m.Kind != want {
			t.Errorf("%q is %s", header, m.Kind)
		}
	}
	if m := replies.Parse(crlf("Return-Path: <>\nFrom: MAILER-DAEMON@mx.ligne.example\n\nundeliverable\n")); m.Kind != replies.Bounce || m.Bounce != nil {
		t.Errorf("an old mail server's: %+v", m)
	}
}

// A message without bounds is read within ours.
func TestAMessageIsReadWithinBounds(t *testing.T) {
	long := replies.Parse(crlf("From: a@reseau.example\nContent-Type: text/plain; charset=utf-8\n\n" + strings.Repeat("éé ", 100_000)))
	if !long.Cut || len(long.Text) > 64<<10 || !utf8.ValidString(long.Text) || strings.Contains(long.Text, "\ufffd") || strings.Contains(long.Text, "Ã") {
		t.Errorf("cut %v, %d bytes", long.Cut, len(long.Text))
	}
	deep := "From: a@reseau.example\n"
	for i := range 100 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	if m := replies.Parse(crlf(deep + "Content-Type: text/plain\n\nAt the bottom.\n")); !m.Odd || strings.Contains(m.Text, "bottom") {
		t.Errorf("%+v", m)
	}
	wide := "From: a@reseau.example\nContent-Type: multipart/mixed; boundary=b\n\n" +
		strings.Repeat("--b\nContent-Type: application/pdf\n\nx\n", 150)
	if m := replies.Parse(crlf(wide + "--b--\n")); len(m.Attachments) != 50 || m.More != 100 {
		t.Errorf("%d, and %d more", len(m.Attachments), m.More)
	}
	if m := replies.Parse(crlf(strings.Replace(wide, "x\n", "x\n", 1) + strings.Repeat("--b\n\ny\n", 500) + "--b--\n")); !m.Odd {
		t.Error("500 parts are read without a word")
	}
	if m := replies.Parse(crlf("From: a@reseau.example\nReferences: " + strings.Repeat("<x@y>\n <z%d@y>\n ", 500) + "\n\nx")); len(m.References) > 50 {
		t.Errorf("%d references", len(m.References))
	}
}

// What is broken, forged or no mail at all comes back as odd, and names nobody where it is not clear who.
func TestWhatIsOdd(t *testing.T) {
	for what, raw := range map[string]string{
		"nothing":                      "",
		"no mail":                      "\x00\x01\x02 nothing of mail",
		"two From lines":               "From: trust@reseau.example\nFrom: eve@evil.example\n\nx",
		"a From without sign":          "From: trust\n\nx",
		"a boundary that is not there": "From: a@reseau.example\nContent-Type: multipart/mixed; boundary=b\n\nx",
	} {
		m := replies.Parse(crlf(raw))
		if !m.Odd {
			t.Errorf("%s: %+v", what, m)
		}
		if what != "a boundary that is not there" && len(m.From) != 0 {
			t.Errorf("%s is from %v", what, m.From)
		}
	}
	// Text in the alphabet of old Windows that says that it is UTF-8, and an alphabet that there is not.
	if m := replies.Parse([]byte("From: a@reseau.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nretir\xe9")); m.Text != "retiré" {
		t.Errorf("%q", m.Text)
	}
	if m := replies.Parse([]byte("From: a@reseau.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\nplain \xe9")); !m.Odd || m.Text != "plain \ufffd" {
		t.Errorf("%q, %v", m.Text, m.Odd)
	}
	if m := replies.Parse(crlf("From: a@reseau.example\nContent-Type: text/plain; charset=utf-8\n\na\u202eb\x07c")); m.Text != "abc" {
		t.Errorf("%q", m.Text)
	}
}

// No message brings the reader down, reads for ever, or gives what is not text.
func FuzzParse(f *testing.F) {
	f.Add(crlf(bounced))
	f.Add([]byte("From: a@b.example\r\nContent-Type: text/html\r\n\r\n<a href=https://x.example>y<script>"))
	f.Add([]byte("Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\n!!\r\n--b--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := replies.Parse(raw)
		// A link's address stands beside its words, so text of HTML may be twice as long.
		if len(m.Text) > 4*(64<<10) || len(m.Attachments) > 50 || len(m.References) > 50 || len(m.Marks) > 50 {
			t.Errorf("out of bounds: %d bytes, %d attachments, %d references, %d marks", len(m.Text), len(m.Attachments), len(m.References), len(m.Marks))
		}
		for _, text := range []string{m.Text, m.Subject, m.FromName} {
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\u202e\r") {
				t.Errorf("%q", text)
			}
		}
		for _, a := range m.Attachments {
			if !utf8.ValidString(a.Name) || strings.ContainsAny(a.Name, "\n\x00\u202e") {
				t.Errorf("%q", a.Name)
			}
		}
	})
}
