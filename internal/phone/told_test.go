package phone_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
)

// recorded is how many conversations of a contact were recorded.
func (w *world) recorded(id string) int {
	w.t.Helper()
	w.phone.Drain(w.t.Context()) // until the call is over, and all of it is written
	all, err := w.phone.Recordings(w.t.Context(), id)
	w.ok(err)
	return len(all)
}

// Nobody is recorded who was not told: whoever was on the line before the helpline decided to record.
func TestNobodyIsRecordedWhoWasNotTold(t *testing.T) {
	t.Parallel()
	var records atomic.Bool
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = records.Load() }})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.ringing(anne)
	records.Store(true)
	if w.answers(anne, at) != id {
		t.Fatal("another call was answered")
	}
	must(t, "the caller", r.heard.last, anneTone)
	time.Sleep(500 * time.Millisecond)
	r.hangsUp()
	if n := w.recorded(id); n != 0 {
		t.Fatalf("%d recordings are kept of a caller who was not told", n)
	}
}

// No key ends the sentence that tells of it.
func TestTheSentenceThatTellsOfARecordingIsHeardWhole(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = true }})
	w.lasts("recorded", 2*time.Second)
	var keys []caller.Key
	for i := range 10 {
		keys = append(keys, caller.Key{Digit: '#', After: 200*time.Millisecond + time.Duration(i)*150*time.Millisecond})
	}
	begun := time.Now()
	w.works(anne)
	w.rings(pressing(keys...))
	w.ringing(anne)
	if took := time.Since(begun); took < 2*time.Second {
		t.Fatalf("she was in line after %v, without having heard it", took)
	}
}

// Whom we call is told by no machine who calls, and so is not recorded.
func TestACallBackIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = true }})
	w.onDial(func(c *trunk.Call) {
		if c.Ring() == nil && c.Answer(context.Background()) == nil {
			sounds(c, childTone)
		}
	})
	w.rings(skip, pressing(caller.Key{Digit: '0', After: 2500 * time.Millisecond})).ends()
	ct := w.letter()
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.takes(anne, ct.ID)
	w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
	w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
	w.sees(ct.ID, "she answers", func(v phone.View) bool { return v.State == phone.Talking })
	must(t, "the counsellor who called", at.last, childTone)
	time.Sleep(500 * time.Millisecond)
	w.ok(w.phone.HangUp(t.Context(), anne, ct.ID))
	if n := w.recorded(ct.ID); n != 0 {
		t.Fatalf("%d recordings are kept of somebody whom we called", n)
	}
	if w.state(ct.ID) != contact.Talking {
		t.Errorf("the message is %s", w.state(ct.ID))
	}
}
