package phone_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/trunk"
)

// Who listens to one counsellor listens to no other: whoever takes the caller over, or is rung for her next, speaks with
// her alone until somebody asks again.
func TestAListenerStaysBehindWhenTheCallerGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, helpTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who listens", above.last, childTone, anneTone)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.Straight))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	w.answers(bilal, there)
	must(t, "the caller with the colleague", r.heard.last, bilalTone)
	must(t, "the supervisor, who listened to another", above.last)
	if v := w.sees(id, "nobody listens", func(v phone.View) bool { return v.State == phone.Talking }); v.Listeners != 0 {
		t.Fatalf("%d listen", v.Listeners)
	}
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who asked again", above.last, childTone, bilalTone)
}

// A supervisor who listens may take the call over, with the browser by which she listened.
func TestAListenerWhoTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, helpTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who listens", above.last, childTone, anneTone)
	w.works(sam)
	w.ok(w.router.Give(t.Context(), sam, id, sam))
	w.ok(w.phone.Attach(t.Context(), sam, id, above.id, false))
	must(t, "the caller", r.heard.last, helpTone)
	must(t, "the supervisor who has her", above.last, childTone)
	must(t, "the counsellor who had her", at.last)
}

// Whoever is left with the 119 is alone with it: nobody of us hears the two, and nothing records them.
func TestTheTwoWhoAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = true }})
	w.helpAnswers()
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, bilalTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
	w.sees(id, "the 119 answers", func(v phone.View) bool { return v.ThirdUp })
	w.ok(w.phone.Pass(t.Context(), anne, id))
	must(t, "the caller who is left with the 119", r.heard.last, helpTone)
	must(t, "the counsellor who has left", at.last)
	must(t, "the supervisor who listened", above.last)
	w.refused(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true), "fault.phone.no_line")
	w.refused(w.phone.Attach(t.Context(), anne, id, at.id, true), "fault.phone.no_line")
	time.Sleep(time.Second)
	r.hangsUp()
	w.phone.Drain(t.Context())
	all, err := w.phone.Recordings(t.Context(), id)
	w.ok(err)
	sound, _, err := w.phone.PlayRecording(t.Context(), id, all[0].ID, staffActor(sam))
	w.ok(err)
	defer sound.Close()
	clip, err := audio.ReadWAV(sound, time.Hour)
	w.ok(err)
	if last := clip.Samples(); audio.Goertzel(last[len(last)-audio.Rate/2:], childTone) > silently {
		t.Error("the caller and the 119 were recorded")
	}
}

// A caller who is with a plain telephone stays with it, whoever writes her contact up meanwhile.
func TestNobodyTakesACallerFromAPlainTelephone(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: time.Second, rules: func(rules *catalogue.Phone) {
		rules.Overflow = catalogue.OverflowRules{After: time.Second, Numbers: []string{"+33639980012"}}
	}})
	w.onDial(func(c *trunk.Call) {
		takes(c)
	})
	r := w.rings(skip)
	must(t, "the caller with the plain telephone", r.heard.last, helpTone)
	ct := w.letter()
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.ok(w.router.Take(t.Context(), anne, ct.ID))
	w.refused(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false), "fault.phone.no_line")
	w.refused(w.phone.HangUp(t.Context(), anne, ct.ID), "fault.phone.no_line")
	if of, err := w.phone.Of(t.Context(), anne); err != nil || of != "" {
		t.Fatalf("her softphone has the call of %q, %v", of, err)
	}
	time.Sleep(3 * time.Second)
	must(t, "the caller who is still with it", r.heard.last, helpTone)
	if ct, err := w.contacts.Get(t.Context(), ct.ID); err != nil || ct.State != contact.Talking || ct.CounsellorID != anne {
		t.Fatalf("what she writes up is %s, of %s, %v", ct.State, ct.CounsellorID, err)
	}
}
