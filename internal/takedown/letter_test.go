package takedown_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/takedown/replies"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
)

// mails gives the desk a real mail server.
func (w *world) mails(s *mailtest.Server) {
	*w.post = takedown.Mail{
		Account: mail.Account{Server: s.SMTP, User: "signalements", Password: mailtest.Password, From: mailtest.Helpline, Name: "La ligne"},
		Roots:   s.Authority.Roots, Box: replies.New(replies.Account{Server: s.IMAPS, User: "signalements", Password: mailtest.Password}, s.Authority.Roots),
		Source: "test", Every: time.Second,
	}
}

// letter is a notice that is ready, to a host that the catalogue does not know.
func (w *world) letter() string {
	w.T.Helper()
	id := store.NewID()
	w.Must(w.Begin(w.Ctx, takedown.Drafting{ID: id, FileID: w.file(), Kind: "post", Ground: "harassment", Minor: true,
		Content: takedown.Content{Addresses: []string{"https://reseau.example/p/1", "https://reseau.example/p/2"}, Host: "reseau.example", Seen: "hier", Facts: "Des insultes."}}, claire))
	w.Must(w.Consented(w.Ctx, id, "", claire))
	w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
	return id
}

func (w *world) posts(id, to string) {
	w.T.Helper()
	w.Must(w.Post(w.Ctx, id, takedown.Posting{Route: "mail", To: to}, claire))
}

// mailbox has the mailbox read until it holds.
func (w *world) mailbox(holds func() bool) {
	w.T.Helper()
	ctx, stop := context.WithCancel(w.Ctx)
	var running sync.WaitGroup
	running.Go(func() { w.jobs.Run(ctx) })
	defer func() { stop(); running.Wait() }()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatal("the mailbox does not bring what was sent")
		}
		w.Forward(2 * time.Second)
		w.Must(w.ReadReplies(w.Ctx))
	}
}

func (w *world) answersTo(id string) []takedown.Reply {
	w.T.Helper()
	all, err := w.Replies(w.Ctx, id)
	w.Must(err)
	return all
}

func (w *world) loose() []takedown.Reply {
	w.T.Helper()
	all, err := w.LooseReplies(w.Ctx, claire)
	w.Must(err)
	return all
}

// answer is what a platform's program writes when somebody presses "answer".
func answer(letter, from, id, text string) string {
	m := replies.Parse([]byte(letter))
	return fmt.Sprintf("From: Trust <%s>\nTo: %s\nSubject: Re: %s\nIn-Reply-To: <%s>\nMessage-ID: <%s@reseau.example>\n\n%s\n", from, mailtest.Helpline, m.Subject, m.MessageID, id, text)
}

// A notice goes as a letter, the platform answers, the answer waits on its notice, and a person says what it says.
func TestALetterAndItsAnswer(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.letter()
		n := w.is(id, takedown.Ready)
		shown, err := w.Preview(n, "mail")
		w.Must(err)
		w.posts(id, mailtest.Contact)
		w.Refused(w.Post(w.Ctx, id, takedown.Posting{Route: "mail", To: mailtest.Contact}, claire), "fault.takedown.changed") // pressed twice
		n = w.works(id, takedown.Submitted)
		went, ok, err := w.LetterOf(w.Ctx, n)
		w.Must(err)
		lies := server.Letters(w.T, "trust", 1)
		if !ok || went.To != mailtest.Contact || went.Text != shown.Text || !strings.Contains(went.Text, "https://reseau.example/p/2") || replies.Parse([]byte(lies[0])).Text != strings.TrimSpace(went.Text) {
			w.T.Errorf("shown %q, kept %q to %s, and what lies there is\n%s", shown.Text, went.Text, went.To, lies[0])
		}
		server.Deliver(w.T, "signalements", answer(lies[0], "case-17@support.reseau.example", "r1", "Removed."))
		w.mailbox(func() bool { return len(w.answersTo(id)) > 0 })
		got := w.answersTo(id)
		if len(got) != 1 || got[0].State != takedown.Waits || got[0].Content.Text != "Removed." || len(w.loose()) != 0 {
			w.T.Fatalf("%+v", got)
		}
		w.is(id, takedown.Submitted) // nobody has read it
		if is := piles(w.desk(takedown.Sight{StaffID: claire.ID}, takedown.Wanted{})); is != "answer 1" {
			w.T.Errorf("the desk says %q, and not that an answer waits", is)
		}
		w.Refused(w.Deal(w.Ctx, id, got[0].ID, "returned", "", claire), "fault.takedown.action")
		w.Must(w.Deal(w.Ctx, id, got[0].ID, "removed", "Removed.", claire))
		n = w.is(id, takedown.Decided)
		if n.Action != "removed" || n.Content.Said != "Removed." {
			w.T.Errorf("decided: %+v", n)
		}
		w.Refused(w.Deal(w.Ctx, id, got[0].ID, "no_action", "", claire), "fault.takedown.reply_gone")
	})
}

// What has our mark and comes from somebody else, or has no mark, goes to nobody's notice until a person says whose it is.
func TestAForgedMark(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.letter()
		w.posts(id, mailtest.Contact)
		w.works(id, takedown.Submitted)
		letter := server.Letters(w.T, "trust", 1)[0]
		mark := replies.Parse([]byte(letter)).Marks[0]
		server.Deliver(w.T, "signalements", answer(letter, "trust@evil.test", "f1", "Removed."))
		server.Deliver(w.T, "signalements", "From: trust@reseau.example\nSubject: about "+mark+"\nMessage-ID: <f2@x.example>\n\nRemoved.\n")
		server.Deliver(w.T, "signalements", "From: trust@reseau.example\nSubject: about 00000-00000\nMessage-ID: <f3@x.example>\n\nRemoved.\n")
		server.Deliver(w.T, "signalements", "From: trust@reseau.example\nSubject: hello\nMessage-ID: <f4@x.example>\n\nHello.\n")
		w.mailbox(func() bool { return w.Count(`SELECT count(*) FROM takedown_reply`) >= 4 })
		loose := w.loose()
		var why []string
		for _, k := range loose {
			why = append(why, k.Why)
		}
		if strings.Join(why, " ") != "sender mark_only unknown_mark no_mark" || len(w.answersTo(id)) != 0 {
			w.T.Fatalf("loose for %v", why)
		}
		w.Refused(w.SetAside(w.Ctx, loose[0].ID, "faux", claire), "fault.takedown.why")
		w.Must(w.SetAside(w.Ctx, loose[0].ID, "Ce n'est pas le réseau.", claire))
		w.Must(w.Match(w.Ctx, loose[1].ID, id, claire))
		w.Refused(w.Match(w.Ctx, loose[1].ID, id, claire), "fault.takedown.reply_gone")
		w.Refused(w.SetAside(w.Ctx, loose[1].ID, "Ce n'est pas le réseau.", claire), "fault.takedown.reply_gone")
		got := w.answersTo(id)
		if len(got) != 1 || got[0].Content.Text != "Removed." || got[0].State != takedown.Waits || len(w.loose()) != 2 {
			w.T.Errorf("matched: %+v", got)
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'takedown_reply'`); n != 3 {
			w.T.Errorf("%d keys for three replies without a notice", n)
		}
		w.is(id, takedown.Submitted)
	})
}

// A letter that comes back says on its notice that nobody has it; a person has it sent anew.
func TestALetterThatIsReturned(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.letter()
		w.posts(id, mailtest.Gone)
		w.works(id, takedown.Submitted)
		w.mailbox(func() bool { return w.Count(`SELECT count(*) FROM takedown_reply`) > 0 })
		got := w.answersTo(id)
		if len(got) != 1 || got[0].Delivery != "failed" || got[0].Kind != "bounce" || !strings.Contains(got[0].Content.Said, "5.") {
			w.T.Fatalf("%+v, loose %+v", got, w.loose())
		}
		w.is(id, takedown.Submitted)
		w.Must(w.Deal(w.Ctx, id, got[0].ID, "returned", "", claire))
		if n := w.is(id, takedown.Ready); n.SubmittedAt != 0 || n.CheckAt != 0 {
			w.T.Errorf("%+v", n)
		}
		w.posts(id, mailtest.Contact)
		w.works(id, takedown.Submitted)
		server.Letters(w.T, "trust", 1)
	})
}

// box is a mailbox that holds one message whatever is done to it, as when the process dies before the flag.
type box struct{ reply replies.Reply }

func (b box) Read(ctx context.Context, _ replies.Threads, keep func(context.Context, replies.Reply) error) (int, error) {
	var wait sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wait.Go(func() { errs[i] = keep(ctx, b.reply) })
	}
	wait.Wait()
	return 1, errors.Join(errs...)
}

// What is read again, by this node or another, is kept once, and leaves no key behind.
func TestAMessageThatIsReadTwice(t *testing.T) {
	onEach(t, func(w *world) {
		*w.post = takedown.Mail{Source: "test", Box: box{replies.Reply{ID: "INBOX/1/1", Message: replies.Message{Kind: replies.Answer, Text: "Bonjour."}, Verdict: replies.None}}}
		read := func() bool { s, err := w.Mailbox(w.Ctx); w.Must(err); return s.ReadAt > 0 }
		w.mailbox(read)
		_, err := w.DB.Exec(w.Ctx, `DELETE FROM takedown_mailbox`)
		w.Must(err)
		w.mailbox(read)
		if n := len(w.loose()); n != 1 {
			w.T.Errorf("it is kept %d times", n)
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'takedown_reply'`); n != 1 {
			w.T.Errorf("%d keys for one reply", n)
		}
	})
}

// A server that takes the letter and hangs up leaves a notice of which nobody knows whether it went: it is not sent again, and a
// process that dies while sending neither.
func TestALetterThatMayHaveGone(t *testing.T) {
	onEach(t, func(w *world) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		w.Must(err)
		defer l.Close()
		var mu sync.Mutex
		taken := 0
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				in := bufio.NewScanner(c)
				fmt.Fprint(c, "220 hello\r\n")
				for in.Scan() {
					switch line := in.Text(); {
					case line == "DATA":
						fmt.Fprint(c, "354 go on\r\n")
					case line == ".":
						mu.Lock()
						taken++
						mu.Unlock()
						c.Close()
					case strings.HasPrefix(line, "EHLO"), strings.HasPrefix(line, "MAIL"), strings.HasPrefix(line, "RCPT"):
						fmt.Fprint(c, "250 ok\r\n")
					}
				}
			}
		}()
		*w.post = takedown.Mail{Account: mail.Account{Server: l.Addr().String(), TLS: "none", From: mailtest.Helpline, Name: "La ligne"}}
		id := w.letter()
		w.posts(id, mailtest.Contact)
		w.works(id, takedown.Unknown)
		w.Forward(time.Hour)
		w.works(id, takedown.Unknown)
		died := w.letter()
		w.posts(died, mailtest.Contact)
		_, err = w.DB.Exec(w.Ctx, `UPDATE takedown_notice SET tried_at = $2 WHERE id = $1`, died, store.Millis(w.Now()))
		w.Must(err)
		w.works(died, takedown.Unknown)
		w.Forward(time.Hour)
		w.works(died, takedown.Unknown)
		mu.Lock()
		defer mu.Unlock()
		if taken != 1 {
			w.T.Errorf("%d letters left the house", taken)
		}
		w.Refused(w.Post(w.Ctx, id, takedown.Posting{Route: "mail", To: mailtest.Contact}, claire), "fault.takedown.changed")
	})
}

// A letter to no mailbox, or without what the report needs, does not leave the draft's table.
func TestALetterThatLacksSomething(t *testing.T) {
	onEach(t, func(w *world) {
		*w.post = takedown.Mail{Account: mail.Account{Server: "127.0.0.1:1", TLS: "none", From: mailtest.Helpline, Name: "La ligne"}}
		id := w.letter()
		w.Refused(w.Post(w.Ctx, id, takedown.Posting{Route: "mail", To: "nobody"}, claire), "fault.route.mailbox")
		w.Refused(w.Post(w.Ctx, id, takedown.Posting{Route: "portal", To: mailtest.Contact}, claire), "fault.takedown.route")
		w.is(id, takedown.Ready)
		if err := w.Match(w.Ctx, store.NewID(), id, claire); fault.As(err) == nil {
			w.T.Errorf("a reply that is none is matched: %v", err)
		}
	})
}

// Where the ground has a type in XARF, the letter that a machine reads carries the report; a classification of images is asked of
// whoever sends.
func TestALetterWithItsReport(t *testing.T) {
	onEach(t, func(w *world) {
		*w.post = takedown.Mail{Account: mail.Account{Server: "127.0.0.1:1", TLS: "none", From: mailtest.Helpline, Name: "La ligne"}}
		for ground, c := range map[string]struct {
			via, report string
			asks        bool
		}{
			"harassment": {"mail", "", false},
			"grooming":   {"mail xarf", `"exploitation_type": "grooming"`, false},
			"csam":       {"mail xarf", "", true},
		} {
			n := takedown.Notice{ID: store.NewID(), Kind: "post", Ground: ground, Minor: true, DraftedAt: store.Millis(w.Now()),
				Content: takedown.Content{Addresses: []string{"https://reseau.example/p/1"}, Lang: "fr", Statement: "Ce contenu est illicite."}}
			open, err := w.ByMachine(w.Ctx, n)
			w.Must(err)
			if via := strings.Join(open, " "); via != c.via {
				w.T.Errorf("%s goes by %q, want %q", ground, via, c.via)
			}
			shown, err := w.Preview(n, "xarf")
			w.Must(err)
			if !strings.Contains(shown.Report, c.report) || (shown.Report == "") != (c.report == "") {
				w.T.Errorf("%s has the report %s", ground, shown.Report)
			}
			hidden := n
			hidden.Content.Withhold = true
			if shown, err := w.Preview(hidden, "xarf"); err != nil || shown.Report != "" || strings.Contains(shown.Text, "La ligne") {
				w.T.Errorf("%s, our name left out: %v, %s %s", ground, err, shown.Text, shown.Report)
			}
			if asks := w.Classifies(n, "xarf"); asks != c.asks {
				w.T.Errorf("%s asks for a classification: %v", ground, asks)
			}
		}
	})
}
