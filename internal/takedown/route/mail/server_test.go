package mail_test

import (
	"errors"
	"strings"
	"testing"

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
)

// A letter goes through a real Exim, enciphered and logged in, and lies in the contact's mailbox as it was written; sent again,
// it is the same letter.
func TestALetterThroughARealMailServer(t *testing.T) {
	server := mailtest.Start(t)
	c := account(t, server.SMTP, func(a *mail.Account) { a.From, a.Password = mailtest.Helpline, mailtest.Password })
	l := written()
	l.FromName = "Ligne d'écoute"
	for range 2 {
		sent, err := send(t.Context(), t, server.Authority.Roots, c)
		if err != nil {
			t.Fatal(err)
		}
		// Exim's name for a letter is its time, process and number: "1vOsKq-00001z-2Q".
		if strings.Count(sent.Reference, "-") != 2 || strings.Contains(sent.Reference, " ") {
			t.Errorf("its name there is %q", sent.Reference)
		}
	}
	letters := server.Letters(t, "trust", 2)
	want := strings.ReplaceAll(string(bytesOf(t, l)), "\r\n", "\n")
	for _, letter := range letters {
		if !strings.Contains(letter, strings.TrimSpace(want)) {
			t.Errorf("what lies there is\n%s\nand not\n%s", letter, want)
		}
	}

	// What the server says no to, and to whom.
	for what, one := range map[string]struct {
		key    string
		change func(l *mail.Letter, a *mail.Account)
	}{
		"a mailbox that is none":   {"fault.route.mail_declined", func(l *mail.Letter, a *mail.Account) { l.To = "nobody@reseau.example" }},
		"a server that it is not":  {"fault.route.mail_declined", func(l *mail.Letter, a *mail.Account) { l.To = "trust@elsewhere.example" }},
		"a wrong password":         {"fault.route.mail_login", func(l *mail.Letter, a *mail.Account) { a.Password = "wrong" }},
		"no login":                 {"fault.route.mail_declined", func(l *mail.Letter, a *mail.Account) { a.User, a.Password = "", "" }},
		"without being enciphered": {"fault.route.mail_declined", func(l *mail.Letter, a *mail.Account) { a.TLS, a.User, a.Password = "none", "", "" }},
	} {
		l := written()
		c := account(t, server.SMTP, func(a *mail.Account) { a.Password = mailtest.Password; one.change(&l, a) })
		_, err := mail.New(l, mail.Post{Roots: server.Authority.Roots}).Send(t.Context(), l.Notice, route.Found{Account: l.To}, c)
		var no *route.Refused
		if !errors.As(err, &no) || no.Key != one.key {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := len(server.Letters(t, "trust", 2)); n != 2 {
		t.Errorf("%d letters lie there", n)
	}
}
