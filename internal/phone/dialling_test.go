package phone_test

import (
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
)

// dialling is a call-back of Anne's that rings, and is answered by nobody.
func (w *world) dialling() (id string, at *browser) {
	w.t.Helper()
	w.onDial(func(c *trunk.Call) { _ = c.Ring() })
	w.rings(skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond})).ends()
	ct := w.letter()
	w.works(anne)
	at = w.opens(anne, anneTone)
	w.takes(anne, ct.ID)
	w.ok(w.phone.CallBack(w.t.Context(), anne, ct.ID, true))
	w.ok(w.phone.Attach(w.t.Context(), anne, ct.ID, at.id, false))
	w.until("it rings there", func() bool { return len(w.dials()) == 1 })
	return ct.ID, at
}

// While it rings at somebody's, the call is not talked yet, however often the record is looked at.
func TestACallBackThatRings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.dialling()
	time.Sleep(500 * time.Millisecond)
	if v := w.sees(id, "there is a call", func(phone.View) bool { return true }); v.State != phone.Dialling || v.Since != 0 {
		t.Fatalf("the call is %+v, and nobody answered", v)
	}
}

// What is asked of a line that is not there yet is refused, and breaks nothing.
func TestKeysAreNotPressedOnALineThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.dialling()
	w.refused(w.phone.Press(t.Context(), anne, id, "1"), "fault.phone.no_line")
	w.refused(w.phone.Say(t.Context(), anne, id, "silent_1"), "fault.phone.no_line")
	w.refused(w.phone.Invite(t.Context(), anne, id, "119", phone.First), "fault.phone.no_line")
	for _, wish := range []error{
		w.phone.Hold(t.Context(), anne, id, true), w.phone.Hold(t.Context(), anne, id, false), w.phone.Announce(t.Context(), anne, id, phone.First),
		w.phone.Hold(t.Context(), anne, id, false), w.phone.Merge(t.Context(), anne, id), w.phone.Connect(t.Context(), anne, id), w.phone.Drop(t.Context(), anne, id),
		w.phone.Promise(t.Context(), anne, id),
	} {
		_ = wish // refused or not: the call goes on
	}
	w.sees(id, "it still rings", func(v phone.View) bool { return v.State == phone.Dialling })
}
