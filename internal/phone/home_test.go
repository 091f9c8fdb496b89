package phone_test

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone/caller"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Anybody may show any number. Nobody is called back on one that costs, on none at all, or on one of help: a
// counsellor does not see what she dials, and must not ring the police for whoever thinks that funny. She is told, and
// stays in line.
func TestNumbersThatAreNotCalledBack(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{"+33899123456", "0899123456", "17", "112", "119", "alice", "00882123456", "*21*0612345678#"} {
		t.Run(shown, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rings(from(shown), skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond}))
			time.Sleep(2500 * time.Millisecond)
			if n := len(w.letters()); n != 0 {
				t.Fatal("a call-back was promised")
			}
			waiting, err := w.contacts.InStates(t.Context(), contact.Waiting)
			w.ok(err)
			if len(waiting) != 1 || waiting[0].Channel != contact.ChannelPhone {
				t.Fatalf("in line are %+v", waiting)
			}
		})
	}
}

// The same goes for what somebody writes into a form.
func TestNumbersOfAFormThatAreNotCalledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	for _, on := range []string{"17", "0899 12 34 56", "+44 20 7946 0000"} {
		o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelMessage, Lang: "fr"}
		ct, err := w.contacts.OpenWith(t.Context(), o, func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
			return w.contacts.SetCallback(t.Context(), tx, ct.ID, key, contact.Callback{When: "soir", On: on})
		})
		w.ok(err)
		w.ok(w.router.Take(t.Context(), anne, ct.ID))
		w.refused(w.phone.CallBack(t.Context(), anne, ct.ID, true), "fault.phone.not_allowed")
	}
	if n := len(w.dials()); n != 0 {
		t.Fatalf("%d calls were made", n)
	}
}

// A number is called back however the network writes it.
func TestANumberIsCalledBackHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{"0639980001", "33639980001", "0033639980001"} {
		t.Run(shown, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rings(from(shown), skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond})).ends()
			ct := w.letter()
			w.works(anne)
			at := w.opens(anne, anneTone)
			w.takes(anne, ct.ID)
			w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
			w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
			w.until("it rings", func() bool { return len(w.dials()) == 1 })
			if called := w.dials()[0].Called(); called != child {
				t.Fatalf("%q was called", called)
			}
		})
	}
}

// A call-back that cannot be written is not promised, and takes nobody out of the line: she stays where she was, and is
// rung for.
func TestAPromiseThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), `ALTER TABLE phone_callback RENAME TO away`)
	w.ok(err)
	w.rings(skip, pressing(backNow...))
	time.Sleep(6 * time.Second)
	w.works(anne)
	w.ringing(anne)
}
