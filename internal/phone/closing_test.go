package phone_test

import (
	"context"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
	"vigie/internal/routing"
)

// dusk is a helpline at the end of its day: what is said then lasts a second, and is said every two.
func dusk(t *testing.T) *world {
	t.Helper()
	return newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.AnnounceEvery = 2 * time.Second }})
}

// busy has a counsellor at her desk with her hands full, so that nothing rings there.
func (w *world) busy(staffID string) {
	w.t.Helper()
	w.ok(w.router.SetPresence(w.t.Context(), staffID, routing.Busy, ""))
	w.ok(w.router.SetPhone(w.t.Context(), staffID, true))
}

// closesNow is the turn of closing.
func (w *world) closesNow() { w.closed.Store(true) }

// When we close, whoever waits hears so, and that she may stay, and does: she is answered as before.
func TestACallerWhoStaysInLineAfterClosing(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	w.says("closing_stay", helpTone, time.Second)
	w.busy(bilal)
	r := w.rings(skip)
	id := w.waits(1).ID
	w.closesNow()
	r.heardOnce("she hears that she may stay", helpTone)
	time.Sleep(5 * time.Second) // and again
	if w.state(id) != contact.Waiting {
		t.Fatalf("she is %s, and somebody is at a desk", w.state(id))
	}
	w.works(anne)
	at := w.opens(anne, anneTone)
	if got := w.answers(anne, at); got != id {
		t.Fatalf("%s rings", got)
	}
	must(t, "the caller who stayed", r.heard.last, anneTone)
}

// When we close, a key brings her to the 119; what is left of her is written up.
func TestACallerWhoIsPutThroughWhenWeClose(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	w.helpAnswers()
	w.busy(bilal)
	r := w.rings(skip)
	id := w.waits(1).ID
	r.presses('1') // nothing yet: we are open
	time.Sleep(time.Second)
	w.says("closing_119", bilalTone, time.Second)
	w.closesNow()
	r.heardOnce("she hears that a key brings her there", bilalTone)
	if n := len(w.dials()); n != 0 {
		t.Fatalf("%d numbers were dialled before she asked", n)
	}
	r.presses('1')
	must(t, "the caller with the 119", r.heard.last, helpTone)
	if called := w.dials()[0].Called(); called != "119" {
		t.Fatalf("%q was dialled", called)
	}
	if ct := w.letter(); ct.ID != id || !w.reasons(id)["put_through"] || w.reasons(id)["overflow"] {
		t.Errorf("what is to be written up waits for %v", w.reasons(ct.ID))
	}
	w.sees(id, "they are left alone", func(v phone.View) bool { return v.State == phone.Passed })
	_ = w.dials()[0].Hangup(t.Context(), "")
	if by := r.ends(); by != "them" {
		t.Fatalf("the caller's line is ended by %q", by)
	}
}

// A number that does not answer leaves her in line, and she may choose again.
func TestANumberThatDoesNotAnswerWhenWeClose(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	w.says("closing_now", bilalTone, time.Second)
	w.says("not_reached", helpTone, time.Second)
	w.busy(bilal)
	r := w.rings(skip)
	id := w.waits(1).ID
	w.closesNow()
	r.heardOnce("she hears that we have closed", bilalTone)
	r.presses('1')
	r.heardOnce("she hears that nobody answers there", helpTone)
	r.presses('0')
	if by := r.ends(); by != "them" {
		t.Fatalf("the call was ended by %q", by)
	}
	if ct := w.letter(); ct.ID != id || !w.reasons(id)["callback"] {
		t.Errorf("she waits for %v", w.reasons(ct.ID))
	}
}

// Whoever is answered while a number of help rings for her stays with who answered.
func TestACallerWhoIsAnsweredWhileANumberRings(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	rings := make(chan *trunk.Call, 1)
	w.onDial(func(c *trunk.Call) {
		if c.Ring() == nil {
			rings <- c
		}
	})
	w.says("closing_now", bilalTone, time.Second)
	w.busy(bilal)
	r := w.rings(skip)
	w.waits(1)
	w.closesNow()
	r.heardOnce("she hears that we have closed", bilalTone)
	r.presses('1')
	there := <-rings
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.answers(anne, at)
	must(t, "the caller with her counsellor", r.heard.last, anneTone)
	select {
	case <-there.Done():
	case <-time.After(10 * time.Second):
		t.Error("it rings there still")
	}
	_ = there.Answer(context.Background())
	must(t, "the caller who is still with her counsellor", r.heard.last, anneTone)
}

// Where nobody is at a desk any more and she presses nothing, she hears the numbers and then speaks onto the tape: what
// she waited for becomes the message.
func TestACallerWhoIsLetToTheTapeWhenWeClose(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	w.says("closing_now", bilalTone, time.Second)
	w.says("closing_stay", anneTone, time.Second)
	w.says("closed", helpTone, time.Second)
	r := w.rings(skip)
	id := w.waits(1).ID
	w.closesNow()
	r.heardOnce("she hears that we have closed", bilalTone)
	r.heardOnce("she hears who answers now", helpTone)
	w.sees(id, "she speaks a message", func(v phone.View) bool { return v.State == phone.Voicemail })
	time.Sleep(2500 * time.Millisecond)
	r.presses('#')
	if by := r.ends(); by != "them" {
		t.Fatalf("the call was ended by %q", by)
	}
	if ct := w.letter(); ct.ID != id || !w.reasons(id)["voicemail"] {
		t.Fatalf("the message is of %s, for %v", ct.ID, w.reasons(ct.ID))
	}
	if m, ok, err := w.phone.Message(t.Context(), id); err != nil || !ok || m.Length < 2*time.Second {
		t.Errorf("the message is %+v, %v, %v", m, ok, err)
	}
	if promise, ok, err := w.phone.Callback(t.Context(), id); err != nil || !ok || promise.State != phone.CallbackOpen {
		t.Errorf("the call-back is %+v, %v, %v", promise, ok, err)
	}
	w.until("the call is over", func() bool { return w.outcome() == phone.ByHouse })
	if r.heardEver(anneTone) {
		t.Error("she was told that somebody is there")
	}
}

// Somebody who comes to her desk while a late caller speaks onto the tape has her.
func TestACallerWhoIsAnsweredAtTheTape(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	r := w.rings(skip)
	id := w.waits(1).ID
	w.closesNow()
	w.sees(id, "she speaks a message", func(v phone.View) bool { return v.State == phone.Voicemail })
	w.works(anne)
	at := w.opens(anne, anneTone)
	if got := w.answers(anne, at); got != id {
		t.Fatalf("%s rings", got)
	}
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor", at.last, childTone)
	if _, ok, err := w.phone.Message(t.Context(), id); ok || err != nil {
		t.Errorf("there is a message, %v", err)
	}
}

// Open again, nobody is told of the closing any more, and its keys are nothing.
func TestTheLineThatIsOpenAgain(t *testing.T) {
	t.Parallel()
	w := dusk(t)
	w.says("closing_now", bilalTone, time.Second)
	w.busy(bilal)
	r := w.rings(skip)
	id := w.waits(1).ID
	w.closesNow()
	r.heardOnce("she hears that we have closed", bilalTone)
	w.closed.Store(false)
	must(t, "the caller in line", r.heard.last, musicTone)
	time.Sleep(time.Second)
	r.presses('1')
	time.Sleep(3 * time.Second)
	if n := len(w.dials()); n != 0 {
		t.Errorf("%d numbers were dialled", n)
	}
	if w.state(id) != contact.Waiting {
		t.Errorf("she is %s", w.state(id))
	}
}

// Whoever was cut off by us just before closing and rings again just after is answered, as long as somebody is at a
// desk; nobody else is.
func TestACallerWhoWasCutOffBeforeClosing(t *testing.T) {
	t.Parallel()
	for _, somebody := range []bool{true, false} {
		name := map[bool]string{true: "somebody is at a desk", false: "nobody is"}[somebody]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.says("greeting_returning", bilalTone, time.Second)
			w.says("closed", helpTone, time.Second)
			r := w.rings(skip)
			w.waits(1)
			_, err := w.db.Exec(t.Context(), `UPDATE phone_call SET node = 'gone', lease_until = 0`)
			w.ok(err)
			w.until("her call is given up for lost", func() bool { return w.outcome() == phone.ByNodeLost })
			r.hangsUp()
			w.closesNow()
			if !somebody {
				w.rings().heardOnce("she hears that we are closed", helpTone)
				return
			}
			w.works(anne)
			at := w.opens(anne, anneTone)
			w.rings(from("+33639980002"), pressing(caller.Key{Digit: '#', After: 3 * time.Second})).heardOnce("somebody else hears that we are closed", helpTone)
			back := w.rings()
			back.heardOnce("she is greeted as one who was cut off", bilalTone)
			id := w.answers(anne, at)
			if !w.reasons(id)["cut_off"] {
				t.Errorf("she came for %v", w.reasons(id))
			}
			must(t, "the caller", back.heard.last, anneTone)
		})
	}
}
