package mail_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
)

// A sealed letter goes through a real Exim and lies in the reader's mailbox with its file untouched; what is no letter does not
// leave.
func TestASealedLetterThroughARealMailServer(t *testing.T) {
	server := mailtest.Start(t)
	account := mail.Account{Server: server.SMTP, User: mailtest.Helpline, Password: mailtest.Password, From: mailtest.Helpline, Name: "Ligne d'écoute"}
	file := make([]byte, 9000)
	for i := range file {
		file[i] = byte(i * 7)
	}
	whole := mail.Sealed{ID: "0190a7b2-aaaa", To: "trust@reseau.example", Subject: "Transmission R-7K4M-29", Text: "Bonjour,\n\nDe la ligne d'écoute.", Lang: "fr",
		Name: "R-7K4M-29.txt.age", File: file, Written: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	post := mail.Post{Roots: server.Authority.Roots}
	if _, err := post.SendSealed(t.Context(), account, whole); err != nil {
		t.Fatal(err)
	}
	raw := server.Letters(t, "trust", 1)[0]
	r, err := gomail.CreateReader(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err := r.Header.Subject(); err != nil || subject != whole.Subject {
		t.Errorf("its subject is %q, %v", subject, err)
	}
	var text string
	var got []byte
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		switch h := p.Header.(type) {
		case *gomail.InlineHeader:
			text = string(body)
		case *gomail.AttachmentHeader:
			if name, err := h.Filename(); err != nil || name != whole.Name {
				t.Errorf("the file is %q, %v", name, err)
			}
			got = body
		}
	}
	if !bytes.Equal(got, file) || !strings.Contains(text, "De la ligne d'écoute.") {
		t.Errorf("what came is %q with %d bytes of %d", text, len(got), len(file))
	}

	for what, change := range map[string]func(s *mail.Sealed, a *mail.Account){
		"fault.route.mailbox":       func(s *mail.Sealed, _ *mail.Account) { s.To = "119" },
		"fault.route.letter":        func(s *mail.Sealed, _ *mail.Account) { s.Subject = "a\r\nBcc: x@y.example" },
		"fault.route.shape":         func(_ *mail.Sealed, a *mail.Account) { a.From = "helpline" },
		"fault.route.mail_declined": func(s *mail.Sealed, _ *mail.Account) { s.To = "nobody@reseau.example" },
		"fault.route.mail_login":    func(_ *mail.Sealed, a *mail.Account) { a.Password = "wrong" },
	} {
		s, a := whole, account
		change(&s, &a)
		var no *route.Refused
		if _, err := post.SendSealed(t.Context(), a, s); !errors.As(err, &no) || no.Key != what {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, change := range []func(s *mail.Sealed){func(s *mail.Sealed) { s.ID = "" }, func(s *mail.Sealed) { s.Name = "a\u202eb" }, func(s *mail.Sealed) { s.Written = time.Time{} }} {
		s := whole
		change(&s)
		var no *route.Refused
		if _, err := post.SendSealed(t.Context(), account, s); !errors.As(err, &no) || no.Key != "fault.route.letter" {
			t.Errorf("what is no letter: %v", err)
		}
	}
	if n := len(server.Letters(t, "trust", 1)); n != 1 {
		t.Errorf("%d letters lie there", n)
	}
}
