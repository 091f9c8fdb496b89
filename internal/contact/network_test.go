package contact_test

import (
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// addressLeft says whether anything of a network address is left: its row, or the key that opens it.
func (w *world) addressLeft(id string) bool {
	return w.count(`SELECT count(*) FROM contact_network WHERE contact_id = $1`, id) > 0 ||
		w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'network' AND owner = $1`, id) > 0
}

func TestTheNetworkAddressDiesWithTheClose(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		if !w.addressLeft(ct.ID) {
			t.Fatal("it was never kept")
		}
		w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
		if !w.addressLeft(ct.ID) {
			t.Error("it is gone before the close")
		}
		w.moved(ct.ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
		if w.addressLeft(ct.ID) {
			t.Error("it is still there after the close")
		}
		if _, err := w.ReadNetwork(w.ctx, ct.ID, claire); !fault.Is(err, fault.Gone) {
			t.Errorf("reading it: %v", err)
		}
		// The contact itself stays readable.
		if _, err := w.Key(w.ctx, ct.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestNobodyReadsTheAddressOutsideTheDangerProtocol(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	for _, who := range []audit.Actor{claire, nadia, contact.SystemActor, contact.VisitorOf(ct.ID), {Kind: audit.Operator}} {
		_, err := w.ReadNetwork(w.ctx, ct.ID, who)
		w.refused(err, "fault.contact.second")
	}
	w.refused(w.HoldNetwork(w.ctx, ct.ID, claire, ""), "fault.contact.purpose")
	w.refused(w.HoldNetwork(w.ctx, ct.ID, claire, "elle va sauter"), "fault.contact.purpose")
}

// inDanger is a conversation in which a life may be in danger.
func (w *world) inDanger(counsellor audit.Actor) contact.Contact {
	w.t.Helper()
	ct, err := w.SetDanger(w.ctx, w.talking(counsellor).ID, true, counsellor, false)
	w.must(err)
	return ct
}

func TestNoAddressIsHeldWithoutADanger(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.refused(w.HoldNetwork(w.ctx, w.talking(claire).ID, claire, "life"), "fault.contact.no_danger")
}

func TestTwoPeopleOpenTheAddressForALifeInDanger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.inDanger(claire)
		w.must(w.HoldNetwork(w.ctx, ct.ID, claire, "life"))
		w.must(w.HoldNetwork(w.ctx, ct.ID, nadia, "life")) // held already, by claire
		_, err := w.ReadNetwork(w.ctx, ct.ID, claire)
		w.refused(err, "fault.contact.second")
		w.refused(w.ConfirmNetwork(w.ctx, ct.ID, claire), "fault.contact.second") // she cannot be her own second
		w.must(w.ConfirmNetwork(w.ctx, ct.ID, nadia))
		_, err = w.ReadNetwork(w.ctx, ct.ID, karim) // neither of the two
		w.refused(err, "fault.contact.second")
		n, err := w.ReadNetwork(w.ctx, ct.ID, claire)
		w.must(err)
		if n.Address != home || n.At != ct.OpenedAt {
			t.Errorf("%+v", n)
		}
		for _, act := range []string{"contact.network_hold", "contact.network_confirm", "contact.network_read"} {
			if !w.did(ct.ID, act) {
				t.Errorf("the audit does not know of %s", act)
			}
		}
	})
}

func TestWhenNoSecondAnswersOneReadsAndIsReviewed(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.inDanger(claire)
	w.must(w.HoldNetwork(w.ctx, ct.ID, claire, "life"))
	w.clock.forward(59 * time.Second)
	_, err := w.ReadNetwork(w.ctx, ct.ID, claire)
	w.refused(err, "fault.contact.second")
	w.clock.forward(time.Second)
	_, err = w.ReadNetwork(w.ctx, ct.ID, karim) // only the one who asked
	w.refused(err, "fault.contact.second")
	_, err = w.ReadNetwork(w.ctx, ct.ID, claire)
	w.must(err)
	w.refused(w.ReviewNetwork(w.ctx, ct.ID, claire), "fault.contact.second")
	w.refused(w.ReleaseNetwork(w.ctx, ct.ID, claire), "fault.contact.to_review")
	w.must(w.ReviewNetwork(w.ctx, ct.ID, nadia))
	hold, err := w.NetworkHold(w.ctx, ct.ID)
	w.must(err)
	if hold.ReadBy != claire.ID || hold.ReviewedBy != nadia.ID {
		t.Errorf("%+v", hold)
	}
}

func TestAHeldAddressOutlivesTheCloseUntilItIsReleased(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.inDanger(claire)
		w.must(w.HoldNetwork(w.ctx, ct.ID, claire, "life"))
		w.moved(ct.ID, contact.Dismiss, nadia, contact.Change{Closing: "test", Supervising: true})
		if !w.addressLeft(ct.ID) {
			t.Fatal("the hold did not hold")
		}
		w.refused(w.DestroyNetwork(w.ctx, ct.ID), "fault.contact.held")
		w.refused(w.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"), "fault.contact.held")
		w.must(w.ReleaseNetwork(w.ctx, ct.ID, nadia))
		if w.addressLeft(ct.ID) {
			t.Error("it is still there after the release")
		}
	})
}

func TestAnOpenContactsAddressStaysUntilItsCloseAfterARelease(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.inDanger(claire)
	w.must(w.HoldNetwork(w.ctx, ct.ID, claire, "life"))
	w.must(w.ReleaseNetwork(w.ctx, ct.ID, claire))
	if !w.addressLeft(ct.ID) {
		t.Error("it is gone while she is still here")
	}
	_, err := w.ReadNetwork(w.ctx, ct.ID, claire)
	w.refused(err, "fault.contact.second")
}
