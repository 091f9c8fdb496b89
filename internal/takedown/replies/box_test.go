package replies_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"vigie/internal/fault"
	"vigie/internal/takedown/replies"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
)

// desk knows the notices that were sent, and keeps what comes back.
type desk struct {
	sent  []route.Notice
	to    string
	kept  []replies.Reply
	fails string // a subject that it cannot keep
}

func (d *desk) thread(fits func(n route.Notice) bool) (replies.Thread, bool, error) {
	i := slices.IndexFunc(d.sent, fits)
	if i < 0 {
		return replies.Thread{}, false, nil
	}
	return replies.Thread{Notice: d.sent[i].ID, Contact: d.to}, true, nil
}

func (d *desk) ByMessageID(_ context.Context, id string) (replies.Thread, bool, error) {
	return d.thread(func(n route.Notice) bool { return mail.MessageID(nil, n.ID, mailtest.Helpline) == id })
}

func (d *desk) ByMark(_ context.Context, mark string) (replies.Thread, bool, error) {
	return d.thread(func(n route.Notice) bool { return n.Mark == mark })
}

func (d *desk) keep(_ context.Context, r replies.Reply) error {
	if d.fails != "" && strings.Contains(r.Subject, d.fails) {
		return errors.New("no room")
	}
	d.kept = append(d.kept, r)
	return nil
}

func newDesk(notices ...string) *desk {
	d := &desk{to: mailtest.Contact}
	for _, id := range notices {
		d.sent = append(d.sent, route.Notice{ID: id, Mark: route.Mark(nil, id), Lang: "en", Text: "The content is illegal."})
	}
	return d
}

func box(s *mailtest.Server, change func(a *replies.Account)) *replies.Box {
	a := replies.Account{Server: s.IMAPS, User: "signalements", Password: mailtest.Password}
	if change != nil {
		change(&a)
	}
	return replies.New(a, s.Authority.Roots)
}

func read(t *testing.T, b *replies.Box, d *desk) int {
	t.Helper()
	n, err := b.Read(t.Context(), d, d.keep)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A notice goes out through a real Exim, the platform answers the letter that it has, and the answer is read by a real Dovecot
// into the notice's thread, once.
func TestALetterIsAnsweredAndTheAnswerFindsItsNotice(t *testing.T) {
	server := mailtest.Start(t)
	d := newDesk("01939f7c-5b0e-7c52-9d3a-000000000001", "01939f7c-5b0e-7c52-9d3a-000000000002")
	for _, n := range d.sent {
		send(t, server, n, d.to)
	}
	// The platform presses "answer": its program writes what any does.
	for _, letter := range server.Letters(t, "trust", 2) {
		m := replies.Parse([]byte(letter))
		if !strings.Contains(letter, d.sent[1].Mark) {
			continue
		}
		server.Deliver(t, "signalements", fmt.Sprintf("From: Trust <case-17@support.reseau.example>\nTo: %s\nSubject: Re: %s\nIn-Reply-To: <%s>\nMessage-ID: <r1@reseau.example>\n\nRemoved.\n",
			mailtest.Helpline, m.Subject, m.MessageID))
	}
	b := box(server, nil)
	if n := read(t, b, d); n != 1 || len(d.kept) != 1 {
		t.Fatalf("%d were read: %+v", n, d.kept)
	}
	r := d.kept[0]
	if r.Verdict != replies.Certain || len(r.Candidates) != 1 || r.Candidates[0].Notice != d.sent[1].ID || r.Text != "Removed." || r.Kind != replies.Answer {
		t.Errorf("%+v", r)
	}
	if !strings.HasPrefix(r.ID, "INBOX/") || strings.Count(r.ID, "/") != 2 || r.Received.IsZero() {
		t.Errorf("its id is %q, it came %v", r.ID, r.Received)
	}
	if n := read(t, b, d); n != 0 {
		t.Errorf("it was read again: %+v", d.kept)
	}
	// STARTTLS reads the same mailbox.
	if n := read(t, box(server, func(a *replies.Account) { a.Server, a.TLS = server.IMAP, "starttls" }), d); n != 0 {
		t.Errorf("by STARTTLS it was read again: %+v", d.kept)
	}
	state := flags(t, server)
	if len(state) != 1 || !slices.Contains(state[0], imap.Flag(replies.Kept)) || slices.Contains(state[0], imap.FlagSeen) || slices.Contains(state[0], imap.FlagDeleted) {
		t.Errorf("what was read is marked %v", state)
	}
}

func send(t *testing.T, server *mailtest.Server, n route.Notice, to string) {
	t.Helper()
	c, _ := json.Marshal(mail.Account{Server: server.SMTP, User: "signalements", Password: mailtest.Password, From: mailtest.Helpline})
	l := mail.Letter{
		ID: mail.MessageID(nil, n.ID, mailtest.Helpline), To: to, Addresses: []string{"https://reseau.example/1"}, Law: true, Ground: "CP 222-33-2-2", GoodFaith: "In good faith.",
		Name: "Helpline", Mail: mailtest.Helpline, Written: time.Now(),
	}
	if _, err := mail.New(l, mail.Post{Roots: server.Authority.Roots}).Send(t.Context(), n, route.Found{Account: to}, c); err != nil {
		t.Fatal(err)
	}
}

// A letter that a real Exim takes and cannot deliver comes back as a bounce, with the letter that it brings back and why.
func TestALetterThatComesBack(t *testing.T) {
	server := mailtest.Start(t)
	d := newDesk("01939f7c-5b0e-7c52-9d3a-000000000001")
	d.to = mailtest.Gone
	send(t, server, d.sent[0], d.to)
	server.Letters(t, "signalements", 1)
	if n := read(t, box(server, nil), d); n != 1 {
		t.Fatalf("%d were read", n)
	}
	r := d.kept[0]
	if r.Kind != replies.Bounce || r.Returned != mail.MessageID(nil, d.sent[0].ID, mailtest.Helpline) || r.Verdict != replies.Guess || len(r.Candidates) != 1 {
		t.Errorf("%+v", r)
	}
	if r.Bounce == nil || r.Bounce.Recipient != mailtest.Gone || r.Bounce.Action != "failed" || !strings.HasPrefix(r.Bounce.Status, "5.") {
		t.Errorf("%+v", r.Bounce)
	}
}

// flags are those of all messages in the helpline's mailbox.
func flags(t *testing.T, s *mailtest.Server) [][]imap.Flag {
	t.Helper()
	c, err := imapclient.DialTLS(s.IMAPS, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: s.Authority.Roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login("signalements", mailtest.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	all, err := c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var state [][]imap.Flag
	for _, m := range all {
		state = append(state, m.Flags)
	}
	return state
}

// Only the contact's organisation that refers to our letter is certain. Everything else is shown to a person, and threads
// nothing by itself.
func TestWhatIsCertainAndWhatIsAGuess(t *testing.T) {
	server := mailtest.Start(t)
	d := newDesk("01939f7c-5b0e-7c52-9d3a-000000000001", "01939f7c-5b0e-7c52-9d3a-000000000002")
	first, second := "<"+mail.MessageID(nil, d.sent[0].ID, mailtest.Helpline)+">", "<"+mail.MessageID(nil, d.sent[1].ID, mailtest.Helpline)+">"
	mark, other := "Ref. "+d.sent[0].Mark, "Ref. "+d.sent[1].Mark
	type verdict struct {
		verdict replies.Verdict
		of      int // how many notices it points to
	}
	want := map[string]verdict{}
	say := func(name string, v replies.Verdict, of int, headers, text string) {
		want[name] = verdict{v, of}
		server.Deliver(t, "signalements", headers+"Subject: "+name+"\n\n"+text+"\n")
	}
	say("the contact answers", replies.Certain, 1, "From: trust@reseau.example\nIn-Reply-To: "+first+"\n", "Yes.")
	say("a colleague answers, and quotes the mark", replies.Certain, 1, "From: no-reply@mail.reseau.example\nReferences: <x@y.example> "+first+"\n", "> "+mark)
	say("their program acknowledges", replies.Certain, 1, "From: trust@reseau.example\nAuto-Submitted: auto-replied\nIn-Reply-To: "+first+"\n", "Ticket 12.")
	say("the contact writes anew, with the mark", replies.Guess, 1, "From: trust@reseau.example\n", mark)
	say("a stranger has the mark", replies.Guess, 1, "From: eve@evil.example\n", mark)
	say("a stranger has the Message-ID", replies.Guess, 1, "From: eve@evil.example\nIn-Reply-To: "+first+"\n", "x")
	say("a domain that ends alike", replies.Guess, 1, "From: trust@evilreseau.example\nIn-Reply-To: "+first+"\n", "x")
	say("a name that looks like the contact", replies.Guess, 1, "From: \"trust@reseau.example\" <eve@evil.example>\nIn-Reply-To: "+first+"\n", "x")
	say("two From lines", replies.Guess, 1, "From: trust@reseau.example\nFrom: eve@evil.example\nIn-Reply-To: "+first+"\n", "x")
	say("two writers", replies.Guess, 1, "From: trust@reseau.example, eve@evil.example\nIn-Reply-To: "+first+"\n", "x")
	say("the contact answers two letters at once", replies.Guess, 2, "From: trust@reseau.example\nIn-Reply-To: "+first+" "+second+"\n", "x")
	say("the contact answers one and speaks of another", replies.Guess, 2, "From: trust@reseau.example\nIn-Reply-To: "+first+"\n", other)
	say("a Message-ID made by somebody", replies.None, 0, "From: trust@reseau.example\nIn-Reply-To: <notice.00000000000000000000000000000000@ligne.example>\n", "x")
	say("nothing to do with us", replies.None, 0, "From: news@reseau.example\n", "AAAAA-BBBBB")
	say("a bounce that says it is theirs", replies.Guess, 1, "From: postmaster@reseau.example\nReturn-Path: <>\nIn-Reply-To: "+first+"\n", "x")
	say("the contact answers in an alphabet that there is not", replies.Guess, 1, "From: trust@reseau.example\nContent-Type: text/plain; charset=klingon\nIn-Reply-To: "+first+"\n", "x")
	want["Mail delivery failed"] = verdict{replies.Guess, 1}
	server.Deliver(t, "signalements", strings.ReplaceAll(strings.TrimPrefix(bounced, "\n"), "<notice.1@ligne.example>", first))

	read(t, box(server, nil), d)
	got := map[string]verdict{}
	for _, r := range d.kept {
		got[r.Subject] = verdict{r.Verdict, len(r.Candidates)}
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %v, want %v", name, got[name], w)
		}
	}
	if len(d.kept) != len(want) {
		t.Errorf("%d of %d: %v", len(d.kept), len(want), slices.Sorted(maps.Keys(got)))
	}
}

// Where the contact has a mailbox that anybody may have, only that very mailbox fits.
func TestAFreeMailboxIsNoOrganisation(t *testing.T) {
	server := mailtest.Start(t)
	d := newDesk("01939f7c-5b0e-7c52-9d3a-000000000001")
	d.to = "moderateurs@gmail.com"
	ref := "In-Reply-To: <" + mail.MessageID(nil, d.sent[0].ID, mailtest.Helpline) + ">\n"
	server.Deliver(t, "signalements", "From: Moderateurs@Gmail.com\nSubject: theirs\n"+ref+"\nx\n")
	server.Deliver(t, "signalements", "From: eve@gmail.com\nSubject: another's\n"+ref+"\nx\n")
	read(t, box(server, nil), d)
	got := map[string]replies.Verdict{}
	for _, r := range d.kept {
		got[r.Subject] = r.Verdict
	}
	if got["theirs"] != replies.Certain || got["another's"] != replies.Guess {
		t.Errorf("%v", got)
	}
}

// A message that could not be kept comes again with the same id, and does not stand before those behind it; what was kept and
// not flagged, because the power was cut between, comes again as the same too.
func TestWhatWasNotKeptComesAgain(t *testing.T) {
	server := mailtest.Start(t)
	d := newDesk()
	for _, subject := range []string{"one", "two", "three"} {
		server.Deliver(t, "signalements", "From: a@reseau.example\nSubject: "+subject+"\n\nx\n")
	}
	// The second cannot be kept.
	d.fails = "two"
	n, err := box(server, nil).Read(t.Context(), d, d.keep)
	if err == nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	// Then it is kept, and the power is cut before it is flagged.
	d.fails = ""
	ctx, cut := context.WithCancel(t.Context())
	_, err = box(server, nil).Read(ctx, d, func(ctx context.Context, r replies.Reply) error { cut(); return d.keep(ctx, r) })
	if f := fault.As(err); f == nil || f.Key != "fault.replies.unreachable" {
		t.Errorf("cut: %v", err)
	}
	if n := read(t, box(server, nil), d); n != 1 {
		t.Errorf("%d came again", n)
	}
	ids := map[string][]string{}
	for _, r := range d.kept {
		ids[r.Subject] = append(ids[r.Subject], r.ID)
	}
	if two := ids["two"]; len(d.kept) != 4 || len(two) != 2 || two[0] != two[1] || ids["one"][0] == two[0] || ids["one"][0] == ids["three"][0] {
		t.Errorf("%v", ids)
	}
	if state := flags(t, server); len(state) != 3 {
		t.Errorf("there are %d messages left", len(state))
	}
}

// A message that is bigger than there is room for is read to its bound and says so; one that is no mail comes as an odd one, and
// what is behind it is read.
func TestWhatIsTooBigOrBroken(t *testing.T) {
	server := mailtest.Start(t)
	d := newDesk()
	server.Deliver(t, "signalements", "From: a@reseau.example\nSubject: big\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nAt the beginning.\n"+
		"--b\nContent-Type: application/pdf\n\n"+strings.Repeat(strings.Repeat("x", 70)+"\n", 160_000)+"--b--\n")
	server.Deliver(t, "signalements", "no mail at all\n\x01\x02")
	server.Deliver(t, "signalements", "From: a@reseau.example\nSubject: small\n\nx\n")
	if n := read(t, box(server, nil), d); n != 3 {
		t.Fatalf("%d: %+v", n, d.kept)
	}
	for _, r := range d.kept {
		switch r.Subject {
		case "big":
			if !r.Cut || r.Text != "At the beginning." || len(r.Attachments) != 1 || r.Attachments[0].Size > 10<<20 {
				t.Errorf("cut %v, %q, %+v", r.Cut, r.Text, r.Attachments)
			}
		case "small":
			if r.Odd || r.Cut {
				t.Errorf("%+v", r)
			}
		default:
			if !r.Odd || r.Verdict != replies.None {
				t.Errorf("%+v", r)
			}
		}
	}
}

// What stands in the way of reading is said, and whether it passes by itself.
func TestWhatStandsInTheWay(t *testing.T) {
	server := mailtest.Start(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	stranger := mailtest.NewAuthority(t)
	for what, one := range map[string]struct {
		key string
		box *replies.Box
	}{
		"a wrong password":           {"fault.replies.login", box(server, func(a *replies.Account) { a.Password = "wrong" })},
		"a folder that there is not": {"fault.replies.folder", box(server, func(a *replies.Account) { a.Folder = "Elsewhere" })},
		"a stranger's certificate":   {"fault.replies.tls", replies.New(replies.Account{Server: server.IMAPS, User: "signalements", Password: mailtest.Password}, stranger.Roots)},
		"the same by STARTTLS":       {"fault.replies.tls", replies.New(replies.Account{Server: server.IMAP, TLS: "starttls", User: "signalements", Password: mailtest.Password}, stranger.Roots)},
		"no TLS where it begins":     {"fault.replies.tls", box(server, func(a *replies.Account) { a.Server = server.IMAP })},
		"no server":                  {"fault.replies.unreachable", box(server, func(a *replies.Account) { a.Server = nobody.Addr().String() })},
		"in clear, elsewhere":        {"fault.replies.account", box(server, func(a *replies.Account) { a.Server, a.TLS = "imap.ligne.example:143", "none" })},
		"no port":                    {"fault.replies.account", box(server, func(a *replies.Account) { a.Server = "imap.ligne.example" })},
		"no STARTTLS": {"fault.replies.tls", replies.New(replies.Account{TLS: "starttls", User: "u", Password: "p",
			Server: says(t, "* OK hello\r\n", "BAD what?\r\n")}, nil)},
		"no flags of ours": {"fault.replies.flags", replies.New(replies.Account{TLS: "none", User: "u", Password: "p",
			Server: says(t, "* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n", "OK done\r\n")}, nil)},
		"a server that breaks off": {"fault.replies.unreachable", replies.New(replies.Account{TLS: "none", User: "u", Password: "p",
			Server: says(t, "* BYE too busy\r\n", "")}, nil)},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk()
			_, err := one.box.Read(t.Context(), d, d.keep)
			if f := fault.As(err); f == nil || f.Key != one.key {
				t.Errorf("%v", err)
			}
		})
	}
}

// says is a server that greets, and then answers every command in the same way; with nothing to answer it hangs up.
func says(t *testing.T, greeting, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			io.WriteString(c, greeting)
			if answer == "" {
				c.Close()
				continue
			}
			go func() {
				for lines := bufio.NewScanner(c); lines.Scan(); {
					tag, _, _ := strings.Cut(lines.Text(), " ")
					io.WriteString(c, tag+" "+answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// A server that never answers is not waited for longer than whoever asks has patience.
func TestASilentServerIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := replies.New(replies.Account{TLS: "none", User: "u", Password: "p", Server: l.Addr().String()}, nil)
	b.Patience = 50 * time.Millisecond
	d := newDesk()
	_, err = b.Read(t.Context(), d, d.keep)
	if f := fault.As(err); f == nil || f.Key != "fault.replies.unreachable" {
		t.Errorf("%v", err)
	}
}
