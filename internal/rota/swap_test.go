package rota_test

import (
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/rota"
	"vigie/internal/store"
)

// offered is a shift of Claire's next Saturday evening that she would like somebody to take.
func (w *world) offered(to string) (rota.Shift, string) {
	w.T.Helper()
	s, id := w.planned(claire, "2026-12-05", 15, 23), store.NewID()
	w.Must(w.Offer(w.Ctx, id, s.ID, to, claire))
	return s, id
}

// A shift that is offered to all is taken, and is the other's at once where no rule is broken.
func TestASwapThatBreaksNoRule(t *testing.T) {
	onEach(t, func(w *world) {
		s, id := w.offered("")
		w.Refused(w.Offer(w.Ctx, store.NewID(), s.ID, "", claire), "fault.rota.offered")
		state, err := w.Take(w.Ctx, id, karim)
		w.Must(err)
		after, err := w.Rota.Get(w.Ctx, s.ID)
		w.Must(err)
		if state != rota.SwapAgreed || after.StaffID != karim.ID || after.Seq != s.Seq+1 {
			t.Errorf("%s, %+v", state, after)
		}
	})
}

// Of two who take it at the same moment one has it, and the other reads that it is gone.
func TestTwoTakeOneShift(t *testing.T) {
	onEach(t, func(w *world) {
		_, id := w.offered("")
		errs := make(chan error, 2)
		go func() { _, err := w.Take(w.Ctx, id, karim); errs <- err }()
		go func() { _, err := w.node(false).Take(w.Ctx, id, nadia); errs <- err }()
		a, b := <-errs, <-errs
		if a == nil {
			a, b = b, a
		}
		if b != nil {
			t.Fatalf("nobody has it: %v, %v", a, b)
		}
		w.Refused(a, "fault.rota.swap_gone")
	})
}

// A swap that breaks a rule waits for a supervisor, as every swap does where she decides; her no leaves the shift where it was.
func TestASupervisorDecides(t *testing.T) {
	onEach(t, func(w *world) {
		w.planned(karim, "2026-12-06", 8, 16) // nine hours after the evening's end
		s, id := w.offered("")
		state, err := w.Take(w.Ctx, id, karim)
		w.Must(err)
		broken, err := w.Breaks(w.Ctx, s, karim.ID)
		w.Must(err)
		if state != rota.SwapTaken || len(broken) != 1 || broken[0].Rule != rota.Rest {
			t.Fatalf("%s, breaks %v", state, broken)
		}
		w.Must(w.Decide(w.Ctx, id, false, nadia))
		w.Refused(w.Decide(w.Ctx, id, true, nadia), "fault.rota.swap_gone")
		if s, err = w.Rota.Get(w.Ctx, s.ID); err != nil || s.StaffID != claire.ID {
			t.Errorf("after a no it is %s's (%v)", s.StaffID, err)
		}
		strict, again := w.node(true), store.NewID()
		w.Must(strict.Offer(w.Ctx, again, s.ID, nadia.ID, claire))
		state, err = strict.Take(w.Ctx, again, nadia)
		w.Must(err)
		if state != rota.SwapTaken {
			t.Errorf("where a supervisor decides, it is %s", state)
		}
		w.Must(strict.Decide(w.Ctx, again, true, nadia))
		if s, err = w.Rota.Get(w.Ctx, s.ID); err != nil || s.StaffID != nadia.ID {
			t.Errorf("after a yes it is %s's (%v)", s.StaffID, err)
		}
	})
}

// Who may not take a shift: another than it was offered to, who is elsewhere then, who cannot, and anybody once it began.
func TestAShiftThatCannotBeTaken(t *testing.T) {
	onEach(t, func(w *world) {
		_, id := w.offered(nadia.ID)
		_, err := w.Take(w.Ctx, id, karim)
		w.Refused(err, "fault.rota.swap_unknown")
		w.Refused(w.Withdraw(w.Ctx, id, karim), "fault.rota.swap_unknown")
		w.planned(nadia, "2026-12-05", 20, 23)
		_, err = w.Take(w.Ctx, id, nadia)
		w.Refused(err, "fault.rota.overlap")
		w.Must(w.Withdraw(w.Ctx, id, claire))
		_, err = w.Take(w.Ctx, id, nadia)
		w.Refused(err, "fault.rota.swap_gone")

		s, open := w.planned(claire, "2026-12-12", 9, 17), store.NewID()
		w.Must(w.Offer(w.Ctx, open, s.ID, "", claire))
		w.Must(w.Absent(w.Ctx, rota.Absence{ID: store.NewID(), StaffID: karim.ID, First: "2026-12-12", Last: "2026-12-12"}, karim))
		_, err = w.Take(w.Ctx, open, karim)
		w.Refused(err, "fault.rota.absent")
		w.Forward(14 * 24 * time.Hour) // ten o'clock on that day
		_, err = w.Take(w.Ctx, open, nadia)
		w.Refused(err, "fault.rota.begun")
		w.Refused(w.Offer(w.Ctx, store.NewID(), s.ID, "", claire), "fault.rota.begun")
		if err := w.Offer(w.Ctx, store.NewID(), s.ID, "", karim); !fault.Is(err, fault.NotFound) {
			t.Errorf("a colleague's shift is offered: %v", err)
		}
	})
}

// Who plans and changes a shift ends what was going on to swap it.
func TestAChangedShiftIsOfferedNoMore(t *testing.T) {
	onEach(t, func(w *world) {
		s, id := w.offered("")
		w.Must(w.Change(w.Ctx, s.ID, "2026-12-05", 9*60, 17*60, rota.Both, nadia))
		_, err := w.Take(w.Ctx, id, karim)
		w.Refused(err, "fault.rota.swap_gone")
	})
}
