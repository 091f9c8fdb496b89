package phone_test

import (
	"slices"
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
	w.refused(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true), "fault.phone.no_listening")
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

// Who calls again on another day is nobody we claim to know; her counsellor is told that the telephone has called before,
// and no other number is mixed up with it. Thirty days later nobody knows.
func TestATelephoneThatCalledBefore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		calls := func(number string) string {
			var ct contact.Contact
			r := w.rings(from(number), skip)
			w.until("she is in line", func() bool {
				all, err := w.contacts.InStates(t.Context(), contact.Waiting)
				w.ok(err)
				if len(all) == 1 {
					ct = all[0]
				}
				return len(all) == 1
			})
			r.hangsUp()
			w.until("she waits no longer", func() bool { return w.state(ct.ID) == contact.Closed })
			return ct.ID
		}
		before := func(id string) []string {
			all, err := w.phone.Before(t.Context(), id, 2)
			w.ok(err)
			return all
		}
		first, other := calls("+33612345678"), calls("+33612345679")
		second := calls("+33612345678")
		third := calls("+33612345678")
		fourth := calls("+33612345678")
		if got := before(fourth); !slices.Equal(got, []string{third, second}) {
			t.Errorf("before the fourth call: %v, want the two newest of %v", got, []string{first, second, third})
		}
		for id, n := range map[string]int{first: 2, other: 0} {
			if got := before(id); len(got) != n {
				t.Errorf("of the same telephone: %v, want %d", got, n)
			}
		}
		w.ahead.Add(int64(31 * 24 * time.Hour))
		w.until("the telephone is not known any more", func() bool { return len(before(fourth)) == 0 })
	})
}
