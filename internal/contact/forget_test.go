package contact_test

import (
	"testing"

	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A request to be forgotten is booked once, waits for a supervisor, and erases nothing while the contact is
// open or a protocol holds a part of it; carried out, the contact is gone, and the log says at whose request.
func TestARequestToBeForgottenIsCarriedOutOnceClosedAndFree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.inDanger(claire)
		w.refused(w.Forget(w.ctx, ct.ID, nadia), "fault.contact.forget_none")
		w.must(w.AskForget(w.ctx, ct.ID, claire))
		w.must(w.AskForget(w.ctx, ct.ID, karim))
		all, err := w.Forgettings(w.ctx)
		w.must(err)
		if len(all) != 1 || all[0].ContactID != ct.ID || all[0].AskedBy != claire.ID || all[0].AskedAt != store.Millis(w.clock.now()) {
			t.Fatalf("what waits is %+v", all)
		}
		w.refused(w.Forget(w.ctx, ct.ID, nadia), "fault.contact.forget_open")
		w.must(w.HoldNetwork(w.ctx, ct.ID, claire, "life"))
		w.moved(ct.ID, contact.Dismiss, nadia, contact.Change{Closing: "test", Supervising: true})
		w.refused(w.Forget(w.ctx, ct.ID, nadia), "fault.contact.held")
		w.must(w.ReleaseNetwork(w.ctx, ct.ID, nadia))
		w.refused(w.Forget(w.ctx, ct.ID, claire), "fault.contact.second") // she booked it, and it was hers
		w.must(w.Forget(w.ctx, ct.ID, nadia))
		_, err = w.Get(w.ctx, ct.ID)
		w.refused(err, "fault.contact.unknown")
		if all, err := w.Forgettings(w.ctx); err != nil || len(all) != 0 {
			t.Errorf("still waits: %+v, %v", all, err)
		}
		if purpose := w.count(`SELECT count(*) FROM audit WHERE object_id = $1 AND act = 'contact.erase' AND purpose = 'request' AND actor_id = $2`, ct.ID, nadia.ID); purpose != 1 {
			t.Error("the log does not say that it was asked for")
		}
	})
}

// A supervisor who refuses says why by a code, and nothing waits any more.
func TestARefusedRequestKeepsTheContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.refused(w.RefuseForget(w.ctx, ct.ID, nadia, "withdrawn"), "fault.contact.forget_none")
		w.must(w.AskForget(w.ctx, ct.ID, claire))
		w.refused(w.RefuseForget(w.ctx, ct.ID, nadia, "her brother asked"), "fault.contact.forget_reason")
		w.must(w.RefuseForget(w.ctx, ct.ID, nadia, "withdrawn"))
		if _, asked, err := w.Forgetting(w.ctx, ct.ID); err != nil || asked {
			t.Errorf("it still waits: %v", err)
		}
		if w.get(ct.ID).State != contact.Talking || !w.did(ct.ID, "contact.forget_ask") || !w.did(ct.ID, "contact.forget_refuse") {
			t.Errorf("the log says %v", w.acts(ct.ID))
		}
	})
}
