package referral_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/referral"
	"vigie/internal/store"
)

// works has the jobs of the record worked until the test ends.
func (w *world) works(all ...*jobs.Jobs) {
	for _, j := range append(all, w.work) {
		ctx, stop := context.WithCancel(w.Ctx)
		done := make(chan struct{})
		go func() { j.Run(ctx); close(done) }()
		w.T.Cleanup(func() { stop(); <-done })
	}
}

// until waits for something to become true.
func (w *world) until(what string, is func() bool) {
	w.T.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatal(what + ": it never came to it")
		}
	}
}

// mailed is a decided referral whose letter somebody sends.
func (w *world) mailed() referral.Referral {
	w.T.Helper()
	r := w.decided(w.File(claire))
	r, err := w.SendMail(w.Ctx, r.ID, r.Rev, claire)
	w.Must(err)
	return r
}

func (w *world) mail(id string) referral.Mailing {
	w.T.Helper()
	m, _, err := w.Mailing(w.Ctx, id)
	w.Must(err)
	return m
}

// A sealed e-mail says nothing of what is in it, and only the partner's key opens that; it is sent once our mail server has it.
func TestASealedLetter(t *testing.T) {
	onEach(t, func(w *world) {
		r := w.mailed()
		if r.State != referral.Decided || r.SentAt != 0 {
			t.Fatalf("before our mail server has it: %s", r.State)
		}
		again, err := w.SendMail(w.Ctx, r.ID, r.Rev-1, claire) // pressed twice
		w.Must(err)
		if again.Rev != r.Rev || w.Count(`SELECT count(*) FROM referral_mail`) != 1 {
			t.Error("two letters for one press")
		}
		if open := w.Count(`SELECT count(*) FROM referral_mail WHERE CAST(letter_sealed AS TEXT) LIKE '%119.example%'`); open != 0 {
			t.Error("the mailbox lies open")
		}
		w.works()
		w.until("it is sent", func() bool { return w.get(r.ID).State == referral.Sent })
		sent := w.letters()
		if len(sent) != 1 {
			t.Fatalf("%d letters went", len(sent))
		}
		l := sent[0]
		if l.To != "cellule@119.example" || l.Name != r.Receipt()+".txt.age" || !strings.Contains(l.Text, r.Receipt()) || strings.Contains(l.Subject+l.Text, "peur") {
			t.Errorf("the letter is %+v", l)
		}
		plain, err := age.Decrypt(bytes.NewReader(l.Envelope), w.partner)
		w.Must(err)
		text, err := io.ReadAll(plain)
		w.Must(err)
		if !strings.Contains(string(text), "Elle a peur de rentrer.") {
			t.Errorf("the paper says %s", text)
		}
		after := w.get(r.ID)
		if after.Channel != catalogue.ChannelMail || after.SentBy != claire.ID || after.Content.To != l.To || after.ChaseDue == 0 || w.mail(r.ID).State != referral.MailSent {
			t.Errorf("afterwards it is %+v", after)
		}
		if n := w.Count(`SELECT count(*) FROM case_event WHERE kind IN ('referral_post', 'referral_send')`); n != 2 {
			t.Errorf("%d events in the timeline", n)
		}
		if w.tasks(r.FileID) == "" || strings.Contains(w.tasks(r.FileID), "task.send") {
			t.Errorf("to do: %s", w.tasks(r.FileID))
		}
	})
}

// What our mail server has no time for goes later, once; what it refuses is said, and another way is open again.
func TestALetterThatIsPutOffOrRefused(t *testing.T) {
	onEach(t, func(w *world) {
		asked := 0
		w.posts = func(referral.Letter) error {
			if asked++; asked < 3 {
				return referral.NotNow{After: time.Minute}
			}
			return nil
		}
		r := w.mailed()
		w.works()
		for n := 1; n < 3; n++ {
			w.until("it was asked", func() bool { return len(w.letters()) == n && w.mail(r.ID).TriedAt == 0 })
			w.Forward(2 * time.Minute)
		}
		w.until("it is sent", func() bool { return w.get(r.ID).State == referral.Sent })
		if ids := w.letters(); ids[0].ID != ids[2].ID || !bytes.Equal(ids[0].Envelope, ids[2].Envelope) {
			t.Error("what goes later is another letter")
		}

		w.mu.Lock()
		w.posts = func(referral.Letter) error { return fault.New(fault.Invalid, "fault.route.mail_declined") }
		w.mu.Unlock()
		r = w.mailed()
		w.until("it is refused", func() bool { return w.mail(r.ID).State == referral.MailRefused })
		if m := w.mail(r.ID); m.Trouble != "fault.route.mail_declined" || w.get(r.ID).State != referral.Decided {
			t.Errorf("refused: %+v", m)
		}
		now := w.get(r.ID)
		now, err := w.Send(w.Ctx, now.ID, now.Rev, referral.Delivery{Channel: catalogue.ChannelCall, To: "Mme Roux"}, claire)
		if w.Must(err); now.State != referral.Sent {
			t.Errorf("by telephone it is %s", now.State)
		}
	})
}

// Of a letter that may have left nothing is done without a person: not sent again, not changed, not sent another way.
func TestALetterNobodyKnowsOf(t *testing.T) {
	onEach(t, func(w *world) {
		w.posts = func(referral.Letter) error { return referral.ErrUnknown }
		lost := w.mailed()
		died := w.mailed() // its process was killed after it wrote the moment of the try
		w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(w.Ctx, `UPDATE referral_mail SET tried_at = 1 WHERE referral_id = $1`, died.ID)
			return err
		}))
		w.works()
		for _, r := range []referral.Referral{lost, died} {
			w.until("nobody knows", func() bool { return w.mail(r.ID).State == referral.MailUnknown })
		}
		if n := len(w.letters()); n != 1 {
			t.Errorf("our mail server was asked %d times", n)
		}
		now := w.get(lost.ID)
		_, err := w.Save(w.Ctx, now.ID, now.Rev, referral.Paper{Fields: map[string]string{"facts": "autre chose"}}, claire)
		w.Refused(err, "fault.referral.mailing")
		_, err = w.Send(w.Ctx, now.ID, now.Rev, referral.Delivery{Channel: catalogue.ChannelCall, To: "Mme Roux"}, claire)
		w.Refused(err, "fault.referral.mailing")
		_, err = w.SendLink(w.Ctx, now.ID, now.Rev, claire)
		w.Refused(err, "fault.referral.mailing")
		_, err = w.SendMail(w.Ctx, now.ID, now.Rev, claire)
		w.Refused(err, "fault.referral.mailing")
		_, err = w.Withdraw(w.Ctx, now.ID, now.Rev, "non", claire)
		w.Refused(err, "fault.referral.mailing")
		called, err := w.Called(w.Ctx, now.ID, now.Rev, referral.Call{Number: "17", Who: "CIC"}, claire) // danger never waits
		w.Must(err)

		now, err = w.MailArrived(w.Ctx, called.ID, called.Rev, nadia)
		if w.Must(err); now.State != referral.Sent || w.mail(now.ID).State != referral.MailSent {
			t.Errorf("it arrived, and is %s", now.State)
		}
		_, err = w.MailBack(w.Ctx, now.ID, now.Rev, nadia)
		w.Refused(err, "fault.referral.changed")

		w.mu.Lock()
		w.posts = nil
		w.mu.Unlock()
		now = w.get(died.ID)
		now, err = w.MailBack(w.Ctx, now.ID, now.Rev, nadia)
		w.Must(err)
		_, err = w.SendMail(w.Ctx, now.ID, now.Rev, nadia)
		w.Must(err)
		w.until("it is sent, as a person wished", func() bool { return w.get(died.ID).State == referral.Sent })
		if n := len(w.letters()); n != 2 {
			t.Errorf("our mail server was asked %d times", n)
		}
	})
}

// A letter that has not left is taken back; one whose file is erased goes nowhere; of two nodes one sends it.
func TestALetterThatDoesNotGo(t *testing.T) {
	onEach(t, func(w *world) {
		back, erased := w.mailed(), w.mailed()
		now, err := w.MailBack(w.Ctx, back.ID, back.Rev, claire)
		w.Must(err)
		w.Must(w.Files.Erase(w.Ctx, erased.FileID, nadia, "test"))
		twice := w.mailed()
		other := jobs.New(jobs.Options{DB: w.DB, Now: w.Now, Poll: 20 * time.Millisecond})
		referral.New(referral.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Files: w.Files, Catalogue: w.Catalogue, Say: func(_, key string, _ ...any) string { return key }, Post: w.post, Jobs: other, Now: w.Now})
		w.works(other)
		w.until("it is sent", func() bool { return w.get(twice.ID).State == referral.Sent })
		w.until("nothing is left to do", func() bool { return w.Count(`SELECT count(*) FROM job`) == 0 })
		if all := w.letters(); len(all) != 1 {
			t.Errorf("%d letters went", len(all))
		}
		if now = w.get(now.ID); now.State != referral.Decided {
			t.Errorf("taken back, it is %s", now.State)
		}
	})
}

// An office has a key and a mailbox of its own; without either nothing is sent by e-mail.
func TestTheMailboxOfAnOffice(t *testing.T) {
	onEach(t, func(w *world) {
		for i := range w.Set.Partners.All {
			if p := &w.Set.Partners.All[i]; p.Code == "crip" {
				defer func(before catalogue.Recipient) { *p = before }(*p) // the seeds are everybody's
				p.Mailbox = "crip@etat.example"
				p.Offices = []catalogue.Office{{Department: "44", Key: w.partner.Recipient().String(), Mailbox: "crip@loire.example"}, {Department: "68", Key: w.partner.Recipient().String()}}
			}
		}
		crip, _ := w.Set.Partners.ByCode("crip")
		for department, want := range map[string]string{"44": "crip@loire.example", "68": "", "75": "crip@etat.example"} {
			if got := crip.MailboxOf(department); got != want {
				t.Errorf("%s has the mailbox %q", department, got)
			}
		}
		file := w.File(claire)
		for department, may := range map[string]bool{"44": true, "68": false, "75": false} {
			p := paper()
			p.Fields[referral.Department] = department
			ways := w.Channels(w.draft(file, "crip", p))
			if got := strings.Contains(strings.Join(ways, " "), catalogue.ChannelMail); got != may {
				t.Errorf("%s may be written to: %v, of %v", department, got, ways)
			}
		}
	})
}
