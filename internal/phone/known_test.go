package phone_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
)

// All whom a partner sends come from one number: who was cut off is not taken for the next one, and nobody is called
// back there.
func TestAPartnerLineIsNobodysNumber(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) {
		rules.Partners = []catalogue.Partner{{Code: "119", Label: catalogue.Text{"fr": "le 119", "en": "the 119"}, Numbers: []string{"01 99 00 11 22"}, Queue: "partner"}}
	}})
	inLine := func() (ct contact.Contact) {
		w.until("she is in line", func() bool {
			all, err := w.contacts.InStates(t.Context(), contact.Waiting)
			w.ok(err)
			if len(all) == 1 {
				ct = all[0]
			}
			return len(all) == 1
		})
		return ct
	}
	r := w.rings(from("+33199001122"), skip)
	first := inLine()
	_, err := w.db.Exec(t.Context(), `UPDATE phone_call SET node = 'gone', lease_until = 0`)
	w.ok(err)
	w.until("her call is given up for lost", func() bool { return w.outcome() == phone.ByNodeLost })
	r.hangsUp()
	w.until("nobody waits who is not there", func() bool { return w.state(first.ID) == contact.Closed })
	w.rings(from("+33199001122"), skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond}))
	next := inLine()
	if w.reasons(next.ID)["cut_off"] || next.PersonID == first.PersonID {
		t.Fatal("another child is taken for the one who was cut off")
	}
	time.Sleep(2 * time.Second)
	if n := len(w.letters()); n != 0 {
		t.Fatal("the partner is promised a call")
	}
}

// Whoever refused a supervisor's ear and was cut off has refused it still when she rings again: she is not asked twice.
func TestARefusalOutlivesACut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rings(pressing(caller.Key{Digit: '9', After: 100 * time.Millisecond}))
	w.until("she is in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		return err == nil && len(all) == 1
	})
	_, err := w.db.Exec(t.Context(), `UPDATE phone_call SET node = 'gone', lease_until = 0`)
	w.ok(err)
	w.until("her call is given up for lost", func() bool { return w.outcome() == phone.ByNodeLost })
	r.hangsUp()
	w.works(anne)
	above := w.opens(sam, bilalTone)
	w.rings(skip)
	id := w.ringing(anne)
	w.sees(id, "she refused", func(v phone.View) bool { return v.NoListening })
	w.refused(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening), "fault.phone.no_listening")
}

// The menu says that 0 is to be called back, and so it is.
func TestTheMenusCallBack(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Menu = true }})
	w.rings(pressing(caller.Key{Digit: '0', After: 2 * time.Second})).ends() // the greeting and the menu are heard
	if ct := w.letter(); !w.reasons(ct.ID)["callback"] {
		t.Fatalf("she waits for %v", w.reasons(ct.ID))
	}
}
