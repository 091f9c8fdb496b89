package takedown_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	stdmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/takedown"
	"vigie/internal/takedown/replies"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
)

// header is one of a letter that lies in a mailbox.
func header(t *testing.T, letter, name string) string {
	t.Helper()
	m, err := stdmail.ReadMessage(strings.NewReader(letter[strings.Index(letter, "\n")+1:]))
	if err != nil {
		if m, err = stdmail.ReadMessage(strings.NewReader(letter)); err != nil {
			t.Fatal(err)
		}
	}
	return m.Header.Get(name)
}

func (w *world) lettersOf(id string) []takedown.Letter {
	w.T.Helper()
	all, err := w.Letters(w.Ctx, id)
	w.Must(err)
	return all
}

// steps has the jobs worked until a letter of the ladder, the newest, is in a state.
func (w *world) steps(id string, want takedown.LetterState) takedown.Letter {
	w.T.Helper()
	w.worked(func() bool { all := w.lettersOf(id); return len(all) > 0 && all[0].State == want })
	return w.lettersOf(id)[0]
}

// A letter that came back and goes anew is another letter, in the same conversation, with the notice's mark.
func TestASecondLetterHasItsOwnID(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.letter()
		w.posts(id, mailtest.Gone)
		w.works(id, takedown.Submitted)
		w.mailbox(func() bool { return len(w.answersTo(id)) > 0 })
		w.Must(w.Deal(w.Ctx, id, w.answersTo(id)[0].ID, "returned", "", claire))
		w.posts(id, mailtest.Contact)
		w.works(id, takedown.Submitted)
		all := w.lettersOf(id)
		if len(all) != 2 || all[0].State != takedown.LetterSent || all[1].State != takedown.LetterReturned || all[0].MessageID == all[1].MessageID || all[0].Mark != all[1].Mark || all[0].To != mailtest.Contact {
			w.T.Fatalf("%+v", all)
		}
		lies := server.Letters(w.T, "trust", 1)[0]
		if got := header(w.T, lies, "In-Reply-To"); got != "<"+all[1].MessageID+">" || header(w.T, lies, "Message-Id") != "<"+all[0].MessageID+">" {
			w.T.Errorf("it answers %s", got)
		}
		if all[0].Mark == route.UnkeyedMark(id) || strings.Contains(lies, route.UnkeyedMark(id)) {
			w.T.Error("its mark can be made from the notice's id")
		}
		// The platform answers; and the first letter's bounce, which is read late, changes nothing any more.
		server.Deliver(w.T, "signalements", answer(lies, "trust@reseau.example", "s1", "Removed."))
		w.mailbox(func() bool { return len(w.answersTo(id)) > 1 })
		if len(w.loose()) != 0 {
			w.T.Errorf("loose: %+v", w.loose())
		}
		w.Must(w.Deal(w.Ctx, id, w.answersTo(id)[0].ID, "received", "", claire))
		_, err := w.DB.Exec(w.Ctx, `UPDATE takedown_reply SET state = 'waits', drawn = '' WHERE delivery = 'failed'`)
		w.Must(err)
		w.Must(w.Deal(w.Ctx, id, w.answersTo(id)[1].ID, "returned", "", claire))
		w.is(id, takedown.Acknowledged)
	})
}

// What was sent before marks had a key is recognised by the mark and the Message-ID that it was sent with.
func TestOldMarksAreRecognised(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.letter()
		w.posts(id, mailtest.Contact)
		w.works(id, takedown.Submitted)
		_, err := w.DB.Exec(w.Ctx, `UPDATE takedown_letter SET mark = $2, message_id = 'notice.00112233445566778899aabbccddeeff@ligne.example' WHERE notice_id = $1`, id, route.UnkeyedMark(id))
		w.Must(err)
		server.Deliver(w.T, "signalements", "From: trust@reseau.example\nSubject: Re: x\nIn-Reply-To: <notice.00112233445566778899aabbccddeeff@ligne.example>\nMessage-ID: <o1@x.example>\n\nRemoved.\n")
		server.Deliver(w.T, "signalements", "From: trust@reseau.example\nSubject: about "+route.UnkeyedMark(id)+"\nMessage-ID: <o2@x.example>\n\nRemoved.\n")
		w.mailbox(func() bool { return w.Count(`SELECT count(*) FROM takedown_reply`) >= 2 })
		if loose := w.loose(); len(w.answersTo(id)) != 1 || len(loose) != 1 || loose[0].Why != "mark_only" || !slices.Equal(loose[0].Content.Candidates, []string{id}) {
			w.T.Errorf("on the notice %+v, loose %+v", w.answersTo(id), w.loose())
		}
	})
}

// A reminder and a complaint go to whom the notice went, in its conversation; the step counts once the letter went; pressed twice
// it goes once; one that comes back is still to be taken.
func TestTheLadderByLetter(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.letter()
		w.posts(id, mailtest.Contact)
		n := w.works(id, takedown.Submitted)
		l, err := w.StepLetter(w.Ctx, n, "reminder")
		w.Must(err)
		if l.To != mailtest.Contact || !strings.HasPrefix(l.Subject, "Re: ") || !strings.Contains(l.Text, "https://reseau.example/p/2") || !strings.Contains(l.Text, "ni accusé de réception ni décision") {
			w.T.Errorf("it is proposed: %+v", l)
		}
		step := store.NewID()
		w.Must(w.PostStep(w.Ctx, id, step, "reminder", l.Text, claire))
		w.Must(w.PostStep(w.Ctx, id, step, "reminder", l.Text, claire))
		w.Refused(w.PostStep(w.Ctx, id, store.NewID(), "reminder", l.Text, claire), "fault.takedown.step_open")
		if n := w.is(id, takedown.Submitted); n.Escalated != "" {
			w.T.Errorf("the step %s counts before its letter went", n.Escalated)
		}
		went := w.steps(id, takedown.LetterSent)
		if n := w.is(id, takedown.Submitted); n.Escalated != "reminder" || n.RemindedAt == 0 || n.DueAt <= store.Millis(w.Now()) {
			w.T.Errorf("%+v", n)
		}
		lies := server.Letters(w.T, "trust", 2)
		first := w.lettersOf(id)[1]
		reminder := lies[slices.IndexFunc(lies, func(l string) bool { return strings.Contains(l, went.MessageID) })]
		if header(w.T, reminder, "In-Reply-To") != "<"+first.MessageID+">" || header(w.T, reminder, "References") != "<"+first.MessageID+">" {
			w.T.Errorf("the reminder is in no conversation:\n%s", reminder)
		}
		// An answer to the reminder is the notice's, for certain.
		server.Deliver(w.T, "signalements", answer(reminder, "trust@reseau.example", "l1", "No."))
		w.mailbox(func() bool { return len(w.answersTo(id)) > 0 })
		w.Must(w.Deal(w.Ctx, id, w.answersTo(id)[0].ID, "no_action", "No.", claire))
		n = w.is(id, takedown.Decided)
		if l, err = w.StepLetter(w.Ctx, n, "art20"); err != nil || l.To != mailtest.Contact || !strings.Contains(l.Text, "article 20") || !strings.Contains(l.Text, n.Content.Statement) {
			w.T.Errorf("the complaint: %+v, %v", l, err)
		}
		// Nobody reads the mailbox any more.
		_, err = w.DB.Exec(w.Ctx, `UPDATE takedown_letter SET state = 'returned' WHERE id = $1`, first.ID)
		w.Must(err)
		w.Refused(w.PostStep(w.Ctx, id, store.NewID(), "art20", l.Text, claire), "fault.takedown.step")
		w.Refused(w.PostStep(w.Ctx, id, store.NewID(), "arcom", "Bonjour.", claire), "fault.takedown.step")
		w.Refused(w.PostStep(w.Ctx, id, store.NewID(), "reminder", " ", claire), "fault.takedown.empty")
	})
}

// A reminder that comes back was not received: its step is to be taken again, and the notice itself stays sent.
func TestAReminderThatIsReturned(t *testing.T) {
	onEach(t, func(w *world) {
		server := mailtest.Start(w.T)
		w.mails(server)
		id := w.submitted()
		platforms := w.Set.Platforms
		for i := range platforms.All {
			if platforms.All[i].Code == "instagram" {
				platforms.All[i].Contact.Mail, platforms.All[i].Contact.ToCheck = mailtest.Gone, false
			}
		}
		n := w.is(id, takedown.Submitted)
		if l, err := w.StepLetter(w.Ctx, n, "reminder"); err != nil || l.To != "" {
			w.T.Errorf("a form has the mailbox %q, %v", l.To, err)
		}
		l, err := w.StepLetter(w.Ctx, n, "contact")
		w.Must(err)
		w.Must(w.PostStep(w.Ctx, id, store.NewID(), "contact", l.Text, claire))
		w.steps(id, takedown.LetterSent)
		w.mailbox(func() bool { return len(w.answersTo(id)) > 0 })
		k := w.answersTo(id)[0]
		if k.Delivery != "failed" {
			w.T.Fatalf("%+v", k)
		}
		w.Must(w.Deal(w.Ctx, id, k.ID, "returned", "", claire))
		n = w.is(id, takedown.Submitted)
		if n.Escalated != "" || w.lettersOf(id)[0].State != takedown.LetterReturned || w.Next(n) != "reminder" {
			w.T.Errorf("after the bounce: %+v", n)
		}
	})
}

// A reminder of which nobody knows whether it went is asked of a person and never sent again by itself; the desk says so.
func TestAReminderThatMayHaveGone(t *testing.T) {
	onEach(t, func(w *world) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		w.Must(err)
		defer l.Close()
		var mu sync.Mutex
		taken, cuts := 0, false
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					in := bufio.NewScanner(c)
					fmt.Fprint(c, "220 hello\r\n")
					for in.Scan() {
						switch line := in.Text(); {
						case line == "DATA":
							fmt.Fprint(c, "354 go on\r\n")
						case line == ".":
							mu.Lock()
							taken++
							cut := cuts
							mu.Unlock()
							if cut {
								return
							}
							fmt.Fprint(c, "250 ok\r\n")
						case strings.HasPrefix(line, "EHLO"), strings.HasPrefix(line, "MAIL"), strings.HasPrefix(line, "RCPT"), line == "QUIT":
							fmt.Fprint(c, "250 ok\r\n")
						}
					}
				}()
			}
		}()
		*w.post = takedown.Mail{Account: mail.Account{Server: l.Addr().String(), TLS: "none", From: mailtest.Helpline, Name: "La ligne"}}
		id := w.letter()
		w.posts(id, mailtest.Contact)
		w.works(id, takedown.Submitted)
		mu.Lock()
		cuts = true
		mu.Unlock()
		sends := func() string {
			step := store.NewID()
			w.Must(w.PostStep(w.Ctx, id, step, "reminder", "Où en est-ce ?", claire))
			return step
		}
		step := sends()
		w.steps(id, takedown.LetterUnknown)
		if is := piles(w.desk(takedown.Sight{StaffID: claire.ID}, takedown.Wanted{})); is != "unknown 1" {
			w.T.Errorf("the desk says %q", is)
		}
		w.Refused(w.PostStep(w.Ctx, id, store.NewID(), "reminder", "Encore.", claire), "fault.takedown.step_open")
		w.Must(w.StepWent(w.Ctx, id, step, false, claire))
		w.Refused(w.StepWent(w.Ctx, id, step, true, claire), "fault.takedown.changed")
		if n := w.is(id, takedown.Submitted); n.Escalated != "" {
			w.T.Errorf("%s counts", n.Escalated)
		}
		// A process that died after the moment of the try.
		step = sends()
		_, err = w.DB.Exec(w.Ctx, `UPDATE takedown_letter SET tried_at = $2 WHERE id = $1`, step, store.Millis(w.Now()))
		w.Must(err)
		w.steps(id, takedown.LetterUnknown)
		w.Forward(time.Hour)
		w.Must(w.StepWent(w.Ctx, id, step, true, claire))
		if n := w.is(id, takedown.Submitted); n.Escalated != "reminder" {
			w.T.Errorf("%q counts", n.Escalated)
		}
		mu.Lock()
		defer mu.Unlock()
		if taken != 2 {
			w.T.Errorf("%d letters left the house", taken)
		}
	})
}

// Of two processes that have the same letter in hand, one whose lease ended while it stood still, one sends it.
func TestALetterIsTriedByOneProcess(t *testing.T) {
	onEach(t, func(w *world) {
		id, step := w.submitted(), store.NewID()
		_, err := w.DB.Exec(w.Ctx, `INSERT INTO takedown_letter (id, notice_id, key_id, kind, state, message_id, mark, contact, written_at, content_sealed) VALUES ($1, $2, 'k', 'reminder', 'sending', 'm', 'm', '', 1, $3)`, step, id, []byte("x"))
		w.Must(err)
		w.Must(w.Tries(w.Ctx, step, 5))
		w.Refused(w.Tries(w.Ctx, step, 6), "fault.takedown.changed")
	})
}

// A reply that was put to the wrong notice is moved, with both files' timelines saying so; one from which something was drawn only
// once that is taken back.
func TestAReplyIsMoved(t *testing.T) {
	onEach(t, func(w *world) {
		wrong, right := w.submitted(), w.submitted()
		arrives := func() string {
			w.T.Helper()
			*w.post = takedown.Mail{Source: store.NewID(), Box: box{replies.Reply{ID: "1", Message: replies.Message{Kind: replies.Answer, Text: "Refusé."}, Verdict: replies.None}}}
			before := len(w.loose())
			w.mailbox(func() bool { return len(w.loose()) > before })
			k := w.loose()[0]
			w.Must(w.Match(w.Ctx, k.ID, wrong, claire))
			return k.ID
		}
		events := func(id, kind string) int {
			return w.Count(`SELECT count(*) FROM case_event WHERE ref = $1 AND kind = $2`, id, kind)
		}
		k := arrives()
		w.Refused(w.MoveReply(w.Ctx, wrong, k, wrong, claire), "fault.takedown.same")
		w.Must(w.MoveReply(w.Ctx, wrong, k, right, claire))
		w.Refused(w.MoveReply(w.Ctx, wrong, k, right, claire), "fault.takedown.reply_gone")
		if got := w.answersTo(right); len(got) != 1 || got[0].Content.Text != "Refusé." || got[0].State != takedown.Waits || len(w.answersTo(wrong)) != 0 {
			w.T.Fatalf("moved: %+v", got)
		}
		if events(wrong, "notice_reply_out") != 1 || events(right, "notice_matched") != 1 {
			w.T.Error("a timeline does not say it")
		}
		w.Must(w.MoveReply(w.Ctx, right, k, "", claire))
		loose := w.loose()
		if len(loose) != 1 || loose[0].ID != k || loose[0].Why != "moved" || loose[0].Content.Text != "Refusé." {
			w.T.Fatalf("back among the loose: %+v", loose)
		}
		w.Must(w.Match(w.Ctx, k, wrong, claire))

		// A decision is drawn from it, on the wrong notice.
		before := w.is(wrong, takedown.Submitted)
		w.Must(w.Deal(w.Ctx, wrong, k, "no_action", "Refusé.", claire))
		w.Refused(w.MoveReply(w.Ctx, wrong, k, right, claire), "fault.takedown.drawn")
		w.Must(w.Undo(w.Ctx, wrong, k, claire))
		w.Refused(w.Undo(w.Ctx, wrong, k, claire), "fault.takedown.reply_gone")
		n := w.is(wrong, takedown.Submitted)
		if n.DecidedAt != 0 || n.Action != "" || n.AcknowledgedAt != 0 || n.Content.Said != "" || n.DueAt != before.DueAt {
			w.T.Errorf("it is not as before: %+v", n)
		}
		figures, err := w.Figures(w.Ctx, w.Now().AddDate(0, 0, -1), w.Now().AddDate(0, 0, 1))
		w.Must(err)
		if figures.Whole.Refused != 0 || figures.Whole.Decide.N != 0 {
			w.T.Errorf("the figures still count it: %+v", figures.Whole)
		}
		w.Must(w.MoveReply(w.Ctx, wrong, k, right, claire))
		w.Must(w.Deal(w.Ctx, right, k, "no_action", "Refusé.", claire))
		w.is(right, takedown.Decided)
		// Something was built on it.
		w.Must(w.Answered(w.Ctx, right, "removed", "", claire))
		w.Refused(w.Undo(w.Ctx, right, k, claire), "fault.takedown.undo")
		// What was read and changed nothing may be moved.
		k = arrives()
		w.Must(w.Deal(w.Ctx, wrong, k, "nothing", "", claire))
		w.Must(w.MoveReply(w.Ctx, wrong, k, right, claire))
		if got := w.answersTo(right); got[0].State != takedown.Waits && got[1].State != takedown.Waits {
			w.T.Errorf("it does not wait there: %+v", got)
		}
	})
}

// What was set aside is on a list, can be taken back, and is gone with its key after thirty days, and not before.
func TestWhatWasSetAsideEnds(t *testing.T) {
	onEach(t, func(w *world) {
		for range 2 {
			*w.post = takedown.Mail{Source: store.NewID(), Box: box{replies.Reply{ID: "1", Message: replies.Message{Kind: replies.Answer, Text: "Gagnez de l'argent."}, Verdict: replies.None}}}
			n := len(w.loose())
			w.mailbox(func() bool { return len(w.loose()) > n })
		}
		for _, k := range w.loose() {
			w.Must(w.SetAside(w.Ctx, k.ID, "De la publicité, rien d'autre.", claire))
		}
		aside := func() []takedown.Reply {
			w.T.Helper()
			all, more, err := w.AsideReplies(w.Ctx, 0, claire)
			w.Must(err)
			if more {
				w.T.Error("there is more")
			}
			return all
		}
		all := aside()
		if len(all) != 2 || all[0].Content.Aside == "" || all[0].DealtBy != claire.ID || all[0].DealtAt == 0 {
			w.T.Fatalf("%+v", all)
		}
		w.Must(w.TakeBack(w.Ctx, all[0].ID, claire))
		w.Refused(w.TakeBack(w.Ctx, all[0].ID, claire), "fault.takedown.reply_gone")
		if len(w.loose()) != 1 || w.loose()[0].Content.Aside != "" || len(aside()) != 1 {
			w.T.Error("it was not taken back")
		}
		w.Forward(takedown.AsideKept - time.Hour)
		w.Must(w.ForgetReplies(w.Ctx))
		w.worked(func() bool {
			return w.Count(`SELECT count(*) FROM job WHERE kind = 'takedown.forget' AND run_at > $1`, store.Millis(w.Now())) == 1
		})
		if len(aside()) != 1 {
			w.T.Error("it is gone too early")
		}
		w.Forward(2 * time.Hour)
		w.worked(func() bool { return len(aside()) == 0 })
		if w.Count(`SELECT count(*) FROM takedown_reply`) != 1 || w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'takedown_reply'`) != 1 {
			w.T.Error("something of it is left, or too much went")
		}
		if err := w.TakeBack(w.Ctx, all[1].ID, claire); !fault.Is(err, fault.Conflict) {
			w.T.Errorf("%v", err)
		}
	})
}

// worked runs the jobs until it holds.
func (w *world) worked(holds func() bool) {
	w.T.Helper()
	ctx, stop := context.WithCancel(w.Ctx)
	var running sync.WaitGroup
	running.Go(func() { w.jobs.Run(ctx) })
	defer func() { stop(); running.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatal("the jobs do not bring what is waited for")
		}
	}
}
