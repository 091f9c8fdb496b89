package phone_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"vigie/internal/contact"
)

// A caller whose node dies rings again at once, before anybody has noticed: she is in line like anybody, and comes first as
// soon as the other call is found to be lost.
func TestWhoRingsAgainAtOnceIsRecognisedInLine(t *testing.T) {
	t.Parallel()
	one, two := twoNodes(t)
	one.rings(skip)
	one.waits(1)
	_, err := one.db.Exec(t.Context(), `UPDATE phone_call SET node = 'dead' WHERE node = $1`, one.phone.Node()) // and says no more of it
	one.ok(err)
	two.rings(from("+33639980077"), skip) // somebody else, who was there before her
	two.waits(2)
	two.rings(skip)
	var again contact.Contact
	two.until("she is in line again", func() bool {
		all, err := two.contacts.InStates(t.Context(), contact.Waiting)
		two.ok(err)
		again = slices.MaxFunc(all, func(a, b contact.Contact) int { return cmp.Compare(a.ID, b.ID) })
		return len(all) == 3
	})
	if two.reasons(again.ID)["cut_off"] {
		t.Fatal("she was known before her other call was over: the test shows nothing")
	}
	_, err = one.db.Exec(t.Context(), `UPDATE phone_call SET lease_until = 1 WHERE node = 'dead'`)
	one.ok(err)
	deadline := time.Now().Add(60 * time.Second)
	for !two.reasons(again.ID)["cut_off"] {
		if time.Now().After(deadline) {
			t.Fatalf("she waits for %v", two.reasons(again.ID))
		}
		time.Sleep(200 * time.Millisecond)
	}
	two.works(anne)
	if id := two.ringing(anne); id != again.ID {
		t.Errorf("%s rings first", id)
	}
}
