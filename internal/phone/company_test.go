package phone_test

import (
	"testing"
	"time"

	"vigie/internal/phone"
)

// The caller hears that the 119 joins the call and leaves it, under the voices, which go on; nobody else is told.
func TestTheCallerIsToldWhoComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.helpAnswers()
	w.says("third_joins", bilalTone, 2*time.Second)
	w.says("third_leaves", musicTone, 2*time.Second)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)

	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
	w.sees(id, "the 119 answers", func(v phone.View) bool { return v.ThirdUp })
	must(t, "the caller meanwhile", r.heard.last, musicTone)
	if r.heardEver(bilalTone) {
		t.Fatal("she is told of somebody whom she does not hear")
	}
	w.ok(w.phone.Merge(t.Context(), anne, id))
	r.heardOnce("she is told of the 119 under the voices", anneTone, helpTone, bilalTone)
	must(t, "the caller of three", r.heard.last, anneTone, helpTone)
	must(t, "the counsellor of three", at.last, childTone, helpTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, true))
	must(t, "the caller on hold", r.heard.last, musicTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, false))
	must(t, "the caller who is told nothing twice", r.heard.last, anneTone, helpTone)
	_ = w.dials()[0].Hangup(t.Context(), "") // the 119 goes
	r.heardOnce("she is told that it went", anneTone, musicTone)
	must(t, "the caller of two", r.heard.last, anneTone)
}

// So she hears of a colleague who takes her over while the counsellor stays, and of the counsellor who leaves.
func TestTheCallerIsToldOfAColleague(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("third_joins", helpTone, 2*time.Second)
	w.says("third_leaves", musicTone, 2*time.Second)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.Together))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	w.answers(bilal, there)
	r.heardOnce("she is told of the colleague under the voices", anneTone, bilalTone, helpTone)
	w.ok(w.phone.Connect(t.Context(), anne, id))
	r.heardOnce("she is told that the other left", bilalTone, musicTone)
	must(t, "the caller with the colleague", r.heard.last, bilalTone)
}

// A browser that reloads in a conference is nobody who leaves.
func TestAReloadIsNobodyWhoLeaves(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: 20 * time.Second})
	w.helpAnswers()
	w.says("third_leaves", musicTone, 2*time.Second)
	w.says("third_joins", bilalTone, time.Second)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.Together))
	r.heardOnce("she is told of the 119", helpTone, bilalTone)
	must(t, "the caller of three", r.heard.last, anneTone, helpTone)
	w.says("third_joins", musicTone, 2*time.Second) // nothing is said with the 119 from now on
	w.ok(w.phone.Leave(t.Context(), anne, w.phone.Node(), at.id))
	must(t, "the caller with the 119", r.heard.last, helpTone)
	again := w.opens(anne, anneTone)
	w.ok(w.phone.Attach(t.Context(), anne, id, again.id, false))
	must(t, "the caller of three again", r.heard.last, anneTone, helpTone)
	time.Sleep(time.Second)
	if r.heardEver(helpTone, musicTone) {
		t.Error("she is told that somebody left, or joined")
	}
}

// What is said to both just then does not swallow it.
func TestTheCallerIsToldAfterAScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.helpAnswers()
	w.says("silent_1", bilalTone, 3*time.Second)
	w.says("third_joins", musicTone, time.Second)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Say(t.Context(), anne, id, "silent_1"))
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.Together))
	r.heardOnce("she hears the script to its end with the 119", bilalTone, helpTone)
	r.heardOnce("she is told of the 119", musicTone, helpTone)
	must(t, "the caller of three", r.heard.last, anneTone, helpTone)
}
