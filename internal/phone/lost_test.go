package phone_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
)

// conference is a call of Anne's with the 119 in it, in a helpline that records.
func conference(t *testing.T, grace time.Duration) (w *world, r *ring, id string, at *browser, help *beyond) {
	t.Helper()
	w = newRecord(t).node(setting{grace: grace, rules: func(rules *catalogue.Phone) { rules.Record = true }})
	outside := w.answering(map[string]float64{"119": helpTone})
	w.works(anne)
	at = w.opens(anne, anneTone)
	r = w.rings(skip)
	id = w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.Together))
	help = outside.at("119")
	must(t, "the caller with both", r.heard.last, anneTone, helpTone)
	must(t, "the 119 with both", help.last, anneTone, childTone)
	return w, r, id, at, help
}

// A counsellor whose browser is gone while the 119 is in the call parks nobody in the middle of a sentence: the two talk
// on, heard by none of us, and she comes back to them.
func TestTheTwoTalkOnWhileTheirCounsellorIsLost(t *testing.T) {
	t.Parallel()
	w, r, id, at, help := conference(t, time.Minute)
	above := w.opens(sam, bilalTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who listens", above.last, childTone, anneTone, helpTone)
	at.leaves()
	w.sees(id, "her line is gone", func(v phone.View) bool { return !v.Up })
	must(t, "the caller whose counsellor is lost", r.heard.last, helpTone)
	must(t, "the 119", help.last, childTone)
	must(t, "the supervisor, who listened to the counsellor", above.last)
	if v := w.sees(id, "there is a call", func(phone.View) bool { return true }); v.State != phone.Talking || v.Third != "119" || v.Up {
		t.Errorf("the call is %+v", v)
	}
	if w.state(id) != contact.Talking {
		t.Errorf("the contact is %s", w.state(id))
	}
	again := w.opens(anne, anneTone)
	w.ok(w.phone.Attach(t.Context(), anne, id, again.id, false))
	must(t, "the caller with both again", r.heard.last, anneTone, helpTone)
	must(t, "the 119 with both again", help.last, anneTone, childTone)
	must(t, "the counsellor who is back", again.last, childTone, helpTone)
	must(t, "the supervisor, who hears her again", above.last, childTone, anneTone, helpTone)
}

// If she does not come back the caller is left with the 119, as if she had left her there: the contact is hers to write
// up, supervisors see that nobody of us is there, and the 119 is told when the caller has gone.
func TestACounsellorWhoIsLostForGood(t *testing.T) {
	t.Parallel()
	w, r, id, at, help := conference(t, 2*time.Second)
	w.lasts("outside_released", 2*time.Second)
	at.leaves()
	w.until("the contact is hers to write up", func() bool { return w.state(id) == contact.WrapUp })
	must(t, "the caller", r.heard.last, helpTone)
	must(t, "the 119", help.last, childTone)
	ct, err := w.contacts.Get(t.Context(), id)
	w.ok(err)
	if ct.CounsellorID != anne || ct.EndedBy != "system" {
		t.Errorf("it is %s's, ended by %q", ct.CounsellorID, ct.EndedBy)
	}
	alone := func() int {
		n, err := w.phone.LeftAlone(t.Context())
		w.ok(err)
		return n
	}
	w.until("supervisors see it", func() bool { return alone() == 1 })
	w.refused(w.phone.Attach(t.Context(), anne, id, w.opens(anne, anneTone).id, true), "fault.phone.no_line")
	if desk, err := w.router.Presence(t.Context(), anne); err != nil || desk.Phone {
		t.Errorf("calls still ring at a desk that is gone: %+v, %v", desk, err)
	}
	r.hangsUp()
	w.until("its end is written", func() bool { return w.outcome() == phone.ByCaller })
	must(t, "the 119 whose caller is gone", help.last, musicTone)
	select {
	case <-help.call.Done():
	case <-time.After(6 * time.Second):
		t.Error("the 119 is still in a line with nobody")
	}
	if n := alone(); n != 0 {
		t.Errorf("supervisors see %d callers who are not there any more", n)
	}
	if kept := w.kept(id); !contains(kept, helpTone) || contains(kept[len(kept)-audio.Rate:], helpTone) {
		t.Error("what the two said alone is in the recording, or what they said with her is not")
	}
}

// A counsellor who leaves a caller with the 119 herself alarms nobody.
func TestACallerWhoWasLeftOnPurposeIsNobodysTrouble(t *testing.T) {
	t.Parallel()
	w, r, id, _, _ := conference(t, time.Minute)
	w.ok(w.phone.Pass(t.Context(), anne, id))
	must(t, "the caller", r.heard.last, helpTone)
	if n, err := w.phone.LeftAlone(t.Context()); err != nil || n != 0 {
		t.Errorf("%d callers are said to be left alone, %v", n, err)
	}
}

// An outside telephone that the counsellor spoke with alone, the caller not hearing it, is let go with a word when she
// is lost; the caller goes back to the line.
func TestAnOutsideTelephoneThatWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: 2 * time.Second})
	w.lasts("outside_lost", 2*time.Second)
	outside := w.answering(map[string]float64{"119": helpTone})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
	help := outside.at("119")
	must(t, "the 119 that is asked first", help.last, anneTone)
	at.leaves()
	must(t, "the caller meanwhile", r.heard.last, musicTone)
	w.until("she is in line again", func() bool { return w.state(id) == contact.Waiting })
	must(t, "the 119 that is let go", help.last, musicTone)
	select {
	case <-help.call.Done():
	case <-time.After(6 * time.Second):
		t.Error("the 119 is still in a line with nobody")
	}
}

// With a colleague in the call the caller talks on with her, and is hers after a while, as by a hand-over.
func TestAColleagueHasTheCallOfACounsellorWhoIsLost(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: 8 * time.Second})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.Together))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	if again := w.answers(bilal, there); again != id {
		t.Fatalf("%s rings", again)
	}
	must(t, "the caller with both", r.heard.last, anneTone, bilalTone)
	there.leaves()
	w.sees(id, "his line is gone", func(v phone.View) bool { return !v.Up })
	must(t, "the caller whose counsellor is lost", r.heard.last, anneTone)
	must(t, "the colleague", at.last, childTone)
	if ct, err := w.contacts.Get(t.Context(), id); err != nil || ct.CounsellorID != bilal {
		t.Errorf("before the time is over the contact is %s's, %v", ct.CounsellorID, err)
	}
	w.until("the contact is hers", func() bool {
		ct, err := w.contacts.Get(t.Context(), id)
		w.ok(err)
		return ct.CounsellorID == anne && ct.State == contact.Talking
	})
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, true))
}
