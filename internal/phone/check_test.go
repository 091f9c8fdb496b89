package phone_test

import (
	"context"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// theBrigade is a listed number; the 17 is none, though it is the police's.
var theBrigade = []catalogue.Number{{Code: "brigade", Kind: "police", Number: "01 99 00 17 17", Label: catalogue.Text{"fr": "la brigade", "en": "the brigade"}, Ways: []string{"call"}}}

func (w *world) check(id string) phone.Check {
	w.t.Helper()
	all, err := w.phone.Checks(w.t.Context(), id)
	w.ok(err)
	if len(all) != 1 {
		w.t.Fatalf("the contact has %d checks", len(all))
	}
	return all[0]
}

// checked waits until the check of a contact stands so.
func (w *world) checked(id string, state phone.CheckState) {
	w.t.Helper()
	w.until("the check is "+string(state), func() bool { return w.check(id).State == state })
}

// answersThere has whoever we call answer, with a tone of his own.
func (w *world) answersThere() {
	w.onDial(func(c *trunk.Call) {
		if c.Ring() == nil && c.Answer(context.Background()) == nil {
			sounds(c, helpTone)
		}
	})
}

// Somebody says that she is the police: she hears why, alone, and is hung up; the brigade is called on its listed
// number, whatever number she rang from, as a call of the same contact. What it says is written, with who wrote it.
func TestThePoliceAreCalledBackOnAListedNumber(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newRecordOn(t, db).node(setting{lists: theBrigade})
		w.answersThere()
		w.works(anne)
		at := w.opens(anne, anneTone)
		r := w.rings(skip)
		id := w.answers(anne, at)
		must(t, "the caller", r.heard.last, anneTone)
		for _, number := range []string{"17", "119", child, "0199001717", ""} {
			w.refused(w.phone.Book(t.Context(), anne, id, number), "fault.phone.not_listed")
		}
		w.refused(w.phone.Book(t.Context(), bilal, id, "brigade"), "fault.contact.not_yours")
		w.refused(w.phone.Part(t.Context(), bilal, id, true), "fault.contact.not_yours")
		w.lasts("check", 4*time.Second)
		w.ok(w.phone.Book(t.Context(), anne, id, "brigade"))
		w.refused(w.phone.Confirm(t.Context(), anne, id, true), "fault.phone.not_reached")
		w.ok(w.phone.Part(t.Context(), anne, id, true))
		for range 20 { // for everybody else it is over, whatever she hears yet
			asked := time.Now()
			_, _, err := w.phone.View(t.Context(), id)
			if w.ok(err); time.Since(asked) > 2*time.Second {
				t.Fatalf("whoever asks for the call waits %v, until the last word is said", time.Since(asked))
			}
		}
		must(t, "the caller, who hears why", r.heard.last, musicTone)
		if n := len(w.dials()); n != 0 {
			t.Fatal("the service is called while the caller is on the line")
		}
		if by := r.ends(); by != "them" {
			t.Fatalf("the call was ended by %q", by)
		}
		w.until("the service is to be called", func() bool {
			v, ok, err := w.phone.View(t.Context(), id)
			w.ok(err)
			return ok && v.Direction == phone.Outbound && v.Checks == "brigade"
		})
		w.ok(w.phone.Attach(t.Context(), anne, id, at.id, false))
		must(t, "the counsellor", at.last, helpTone)
		there := w.dials()[0]
		if there.Called() != "0199001717" || there.Caller().Withheld {
			t.Errorf("%q was called, by %+v", there.Called(), there.Caller())
		}
		w.checked(id, phone.CheckReached)
		if w.state(id) != contact.WrapUp {
			t.Errorf("the contact is %s", w.state(id))
		}
		w.ok(w.phone.Confirm(t.Context(), anne, id, true))
		w.ok(w.phone.HangUp(t.Context(), anne, id))
		w.until("the second call is over", func() bool { return w.outcome() == phone.ByStaff && len(w.dials()) == 1 })
		k := w.check(id)
		if k.State != phone.CheckConfirmed || k.Number != "brigade" || k.AnsweredBy != anne || k.ReachedAt == 0 || k.Tries != 1 {
			t.Errorf("the check is %+v", k)
		}
		for _, act := range []string{"phone.check_book", "phone.check_call", "phone.check_confirmed"} {
			rows, err := w.audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: act, Limit: 10})
			w.ok(err)
			if len(rows) != 1 || rows[0].Actor.ID != anne || rows[0].Detail["number"] != "brigade" {
				t.Errorf("%s is in the log as %+v", act, rows)
			}
		}
	})
}

// A service that is busy stays to be called; booked for later, it is called when she says so, and what it denies stands.
func TestACallToAServiceThatIsBookedForLater(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{lists: theBrigade})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.refused(w.phone.CallListed(t.Context(), anne, id), "fault.phone.calling")
	w.ok(w.phone.Book(t.Context(), anne, id, "brigade"))
	w.ok(w.phone.Book(t.Context(), anne, id, "brigade"))
	w.ok(w.phone.Part(t.Context(), anne, id, false))
	r.ends()
	w.until("it is written up", func() bool { return w.state(id) == contact.WrapUp })
	w.refused(w.phone.Part(t.Context(), anne, id, false), "fault.phone.no_line")
	time.Sleep(500 * time.Millisecond)
	if n := len(w.dials()); n != 0 || w.check(id).Tries != 0 {
		t.Fatal("the service was called, and nobody said so")
	}

	w.until("the first call is over", func() bool { return w.outcome() == phone.ByStaff })
	w.ok(w.phone.CallListed(t.Context(), anne, id)) // it is busy there
	w.ok(w.phone.Attach(t.Context(), anne, id, at.id, false))
	w.until("the try is over", func() bool { return w.outcome() == phone.ByBusy })
	if k := w.check(id); k.State != phone.CheckBooked || k.Outcome != phone.ByBusy || k.Tries != 1 {
		t.Fatalf("after a try the check is %+v", k)
	}
	w.answersThere()
	w.refused(w.phone.CallListed(t.Context(), bilal, id), "fault.contact.not_yours")
	w.ok(w.phone.CallListed(t.Context(), anne, id))
	w.ok(w.phone.Attach(t.Context(), anne, id, at.id, false))
	w.checked(id, phone.CheckReached)
	w.ok(w.phone.Confirm(t.Context(), anne, id, false))
	w.ok(w.phone.CallListed(t.Context(), anne, id)) // she does
	w.ok(w.phone.HangUp(t.Context(), anne, id))
	w.until("the call is over", func() bool { return w.outcome() == phone.ByStaff })
	w.refused(w.phone.CallListed(t.Context(), anne, id), "fault.phone.no_check")
	if k := w.check(id); k.State != phone.CheckDenied || k.Tries != 2 {
		t.Errorf("the check is %+v", k)
	}
}

// A listed number is no line of help: nobody brings it into a call.
func TestAListedNumberIsBroughtIntoNoCall(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{lists: theBrigade})
	for _, n := range w.phone.Outside() {
		if n.Kind != "" {
			t.Errorf("%s is offered", n.Code)
		}
	}
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.rings(skip)
	id := w.answers(anne, at)
	w.refused(w.phone.Invite(t.Context(), anne, id, "brigade", phone.First), "fault.phone.not_allowed")
}
