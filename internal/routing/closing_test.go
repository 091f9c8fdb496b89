package routing

import (
	"slices"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/store/storetest"
)

// Whoever waits in the last half hour goes before those who can still be answered tomorrow, and anybody
// can read why; once, however often the line is looked at, and whichever node looks.
func TestWhoeverWaitsAtTheEndOfTheDayIsHastenedOnce(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	ct := w.opens()
	w.sweeps()
	if before := w.get(ct.ID); before.Priority != ct.Priority {
		t.Fatalf("at %v her priority is %d", w.now(), before.Priority)
	}
	w.pass(w.rec.set.Hours.At(w.now()).ClosesAt.Add(-20 * time.Minute).Sub(w.now()))
	for range 3 {
		w.sweeps()
	}
	w.closing.hastened = nil // as another node, or this one after a restart
	w.sweeps()
	reason, _ := w.rec.set.Queues.Reason(catalogue.ReasonClosingSoon)
	after := w.get(ct.ID)
	if after.Priority != ct.Priority+reason.Weight {
		t.Errorf("her priority is %d, not %d more than %d", after.Priority, reason.Weight, ct.Priority)
	}
	reasons, err := w.contacts.Reasons(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(reasons, func(r contact.Reason) bool { return r.Code == catalogue.ReasonClosingSoon }) {
		t.Errorf("nobody can read why: %+v", reasons)
	}
}
