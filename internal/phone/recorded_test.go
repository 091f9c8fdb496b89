package phone_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
)

// recorded is a call of Anne's in a helpline that records. That it does takes two seconds to say.
func recordedCall(t *testing.T) (w *world, r *ring, id string, at *browser) {
	t.Helper()
	w = newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = true }})
	w.works(anne)
	at = w.opens(anne, anneTone)
	r = w.rings(skip)
	id = w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor, whose desk says that it is recorded", at.last, childTone)
	w.lasts("recorded", 2*time.Second)
	return w, r, id, at
}

// kept is the sound of the only recording of a contact, once its call is over.
func (w *world) kept(id string) []int16 {
	w.t.Helper()
	if n := w.recorded(id); n != 1 {
		w.t.Fatalf("%d recordings are kept", n)
	}
	all, err := w.phone.Recordings(w.t.Context(), id)
	w.ok(err)
	sound, _, err := w.phone.PlayRecording(w.t.Context(), id, all[0].ID, staffActor(sam))
	w.ok(err)
	defer sound.Close()
	clip, err := audio.ReadWAV(sound, time.Hour)
	w.ok(err)
	return clip.Samples()
}

// contains says whether a tone is in any quarter second of a piece of sound.
func contains(sound []int16, tone float64) bool {
	const piece = audio.Rate / 4
	for at := 0; at+piece <= len(sound); at += piece {
		if audio.Goertzel(sound[at:at+piece], tone) > loudEnough {
			return true
		}
	}
	return false
}

// An outside telephone that comes into a recorded call hears that it is recorded before anybody hears it.
func TestAnOutsideTelephoneIsToldOfARecording(t *testing.T) {
	t.Parallel()
	w, r, id, at := recordedCall(t)
	outside := w.answering(map[string]float64{"119": helpTone})
	if v := w.sees(id, "it is recorded", func(v phone.View) bool { return v.Recorded }); v.State != phone.Talking {
		t.Fatalf("the call is %+v", v)
	}
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.Together))
	help := outside.at("119")
	must(t, "the 119 that is told", help.last, musicTone)
	if v := w.sees(id, "it is there", func(v phone.View) bool { return v.Third == "119" }); v.ThirdUp {
		t.Error("the desk shows it as one who is in the call")
	}
	must(t, "the caller meanwhile", r.heard.last, anneTone)
	must(t, "the counsellor meanwhile", at.last, childTone)
	must(t, "the caller with both", r.heard.last, anneTone, helpTone)
	must(t, "the 119 with both", help.last, anneTone, childTone)
	w.sees(id, "it is in the call", func(v phone.View) bool { return v.ThirdUp })
	time.Sleep(time.Second)
	r.hangsUp()
	kept := w.kept(id)
	if !contains(kept, helpTone) {
		t.Error("it is not in the recording")
	}
	if contains(kept, musicTone) {
		t.Error("what it was told is in the recording")
	}
}

// Who hangs up while she is told is in no recording.
func TestWhoIsBeingToldIsNotRecorded(t *testing.T) {
	t.Parallel()
	w, r, id, _ := recordedCall(t)
	w.lasts("recorded", 8*time.Second)
	outside := w.answering(map[string]float64{"119": helpTone})
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.Together))
	must(t, "the 119 that is told", outside.at("119").last, musicTone)
	time.Sleep(time.Second)
	w.ok(w.phone.Drop(t.Context(), anne, id))
	must(t, "the caller afterwards", r.heard.last, anneTone)
	r.hangsUp()
	if kept := w.kept(id); contains(kept, helpTone) {
		t.Error("the 119 was recorded before it was told")
	}
}

// A colleague who takes the call over is told by her browser and at her desk; who had the call before need not be told
// again.
func TestAColleagueIsToldOfARecording(t *testing.T) {
	t.Parallel()
	w, r, id, at := recordedCall(t)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.Together))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	if rings := w.ringing(bilal); rings != id {
		t.Fatalf("%s rings", rings)
	}
	w.sees(id, "what rings at his desk is recorded", func(v phone.View) bool { return v.Recorded })
	w.ok(w.router.Accept(t.Context(), bilal, id))
	w.ok(w.phone.Attach(t.Context(), bilal, id, there.id, false))
	must(t, "the colleague who is told", there.last, musicTone)
	must(t, "the caller with both", r.heard.last, anneTone, bilalTone)
	must(t, "the colleague who is in", there.last, anneTone, childTone)
	w.ok(w.phone.GiveBack(t.Context(), anne, id))
	must(t, "the counsellor who has her again", at.last, childTone)
	_, err := w.contacts.EndConversation(t.Context(), id, staffActor(anne), contact.Change{})
	w.ok(err)
	if kept := w.kept(id); !contains(kept, bilalTone) || contains(kept, musicTone) {
		t.Error("the colleague is not in the recording, or what he was told is")
	}
}

// However long it takes to say, a colleague who is being told is not one who is lost.
func TestAColleagueWhoIsBeingToldIsNotLost(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: 3 * time.Second, rules: func(rules *catalogue.Phone) { rules.Record = true }})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.lasts("recorded", 5*time.Second)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.Straight))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	if rings := w.ringing(bilal); rings != id {
		t.Fatalf("%s rings", rings)
	}
	w.ok(w.router.Accept(t.Context(), bilal, id))
	w.ok(w.phone.Attach(t.Context(), bilal, id, there.id, false))
	must(t, "the colleague who is told", there.last, musicTone)
	must(t, "the caller with the colleague", r.heard.last, bilalTone)
	if ct, err := w.contacts.Get(t.Context(), id); err != nil || ct.CounsellorID != bilal || w.reasons(id)["counsellor_lost"] {
		t.Errorf("the contact is %s's, for %v, %v", ct.CounsellorID, w.reasons(id), err)
	}
}

// A supervisor who talks along is told; one who listens is in no recording, and hears what she came for at once.
func TestASupervisorIsToldOfARecording(t *testing.T) {
	t.Parallel()
	w, r, id, _ := recordedCall(t)
	above := w.opens(sam, bilalTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who listens", above.last, childTone, anneTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Joining, true))
	must(t, "the supervisor who is told", above.last, musicTone)
	must(t, "the caller meanwhile", r.heard.last, anneTone)
	must(t, "the caller of three", r.heard.last, anneTone, bilalTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the caller of two", r.heard.last, anneTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Joining, true)) // she knows
	must(t, "the caller of three again", r.heard.last, anneTone, bilalTone)
	r.hangsUp()
	if kept := w.kept(id); contains(kept, musicTone) {
		t.Error("what she was told is in the recording")
	}
}
