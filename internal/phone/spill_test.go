package phone_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
)

// plain is a helpline at which nobody is, with one plain telephone that answers. What it writes when that has a caller
// fails in between, until again is called.
func plain(t *testing.T) (w *world, again func()) {
	t.Helper()
	w = newRecord(t).node(setting{rules: func(rules *catalogue.Phone) {
		rules.Overflow = catalogue.OverflowRules{After: 500 * time.Millisecond, Numbers: []string{"+33639980012"}}
	}})
	w.onDial(func(c *trunk.Call) {
		takes(c)
	})
	_, err := w.db.Exec(t.Context(), `CREATE TRIGGER midway BEFORE UPDATE ON phone_call WHEN NEW.state = 'passed' BEGIN SELECT RAISE(ABORT, 'in between'); END`)
	w.ok(err)
	return w, func() {
		_, err := w.db.Exec(t.Context(), `DROP TRIGGER midway`)
		w.ok(err)
	}
}

// That a plain telephone has a caller is written as a whole, or not at all: what fails in between leaves the contact as
// it was, the two talk on, and it is written as soon as it can be.
func TestAPlainTelephoneIsWrittenAsAWhole(t *testing.T) {
	t.Parallel()
	w, again := plain(t)
	r := w.rings(skip)
	must(t, "the caller with the plain telephone", r.heard.last, helpTone)
	time.Sleep(2500 * time.Millisecond) // it is tried again, and again
	ct := w.waits(1)
	if ct.Channel != contact.ChannelPhone || w.reasons(ct.ID)["overflow"] || w.reasons(ct.ID)["message"] {
		t.Errorf("half of it was written: it came by %s, and waits for %v", ct.Channel, w.reasons(ct.ID))
	}
	again()
	if letter := w.letter(); letter.ID != ct.ID || !w.reasons(letter.ID)["overflow"] {
		t.Errorf("it waits to be written up for %v", w.reasons(letter.ID))
	}
	w.sees(ct.ID, "the call says so", func(v phone.View) bool { return v.State == phone.Passed && v.Since > 0 })
	must(t, "the caller who is still with it", r.heard.last, helpTone)
}

// A caller who hangs up before it could be written is written up all the same.
func TestAPlainTelephoneIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	w, again := plain(t)
	r := w.rings(skip)
	must(t, "the caller with the plain telephone", r.heard.last, helpTone)
	ct := w.waits(1)
	again()
	r.hangsUp()
	w.until("the call is over", func() bool { return w.outcome() == phone.ByCaller })
	if letter := w.letter(); letter.ID != ct.ID || !w.reasons(letter.ID)["overflow"] {
		t.Errorf("it waits to be written up for %v", w.reasons(letter.ID))
	}
}

// A node that dies just after has lost nothing of it: the contact waits to be written up.
func TestAPlainTelephoneOutlivesItsNode(t *testing.T) {
	t.Parallel()
	w, again := plain(t)
	again()
	r := w.rings(skip)
	must(t, "the caller with the plain telephone", r.heard.last, helpTone)
	ct := w.letter()
	w.dies()
	w.until("the call is given up for lost", func() bool { return w.outcome() == phone.ByNodeLost })
	if w.state(ct.ID) != contact.Waiting || !w.reasons(ct.ID)["overflow"] {
		t.Errorf("what is to be written up is %s, for %v", w.state(ct.ID), w.reasons(ct.ID))
	}
	r.hangsUp()
}
