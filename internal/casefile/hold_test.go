package casefile_test

import (
	"testing"

	"vigie/internal/casefile"
	"vigie/internal/store"
)

// A held file is not erased, after a merge either, until somebody other than who holds it lifts the hold.
func TestAHeldFileIsNotErased(t *testing.T) {
	onEach(t, func(w *world) {
		a, b, hold := w.File(claire), w.File(claire), store.NewID()
		w.Refused(w.PlaceHold(w.Ctx, a.ID, hold, " ", nadia), "fault.case.empty")
		w.Must(w.PlaceHold(w.Ctx, a.ID, hold, "réquisition attendue", nadia))
		w.Must(w.PlaceHold(w.Ctx, a.ID, hold, "réquisition attendue", nadia)) // sent again
		w.Refused(w.Erase(w.Ctx, a.ID, karim, "request"), "fault.case.held")
		w.Must(w.Merge(w.Ctx, a.ID, b.ID, claire))
		w.Refused(w.Erase(w.Ctx, b.ID, karim, "request"), "fault.case.held")
		holds, err := w.Holds(w.Ctx, b.ID)
		if err != nil || len(holds) != 1 || holds[0].Why != "réquisition attendue" || holds[0].PlacedBy != nadia.ID {
			w.T.Fatalf("%+v, %v", holds, err)
		}
		w.Refused(w.LiftHold(w.Ctx, b.ID, hold, nadia), "fault.case.second")
		w.Must(w.LiftHold(w.Ctx, b.ID, hold, karim))
		w.Must(w.LiftHold(w.Ctx, b.ID, hold, karim))
		w.Must(w.Erase(w.Ctx, b.ID, karim, "request"))
		if n := w.acts("case.hold", a.ID) + w.acts("case.hold_lift", b.ID); n != 2 {
			w.T.Errorf("%d rows in the log, want 2", n)
		}
	})
}

// Nor are the contacts of a held file: neither at once nor by a request that somebody else carries out.
func TestTheContactsOfAHeldFileAreNotErased(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.Child("")
		file, err := w.Files.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
		w.Must(err)
		hold := store.NewID()
		w.Must(w.PlaceHold(w.Ctx, file.ID, hold, "réquisition attendue", nadia))
		w.Refused(w.World.Contacts.Erase(w.Ctx, ct.ID, karim, "request"), "fault.case.held")
		w.Must(w.LiftHold(w.Ctx, file.ID, hold, karim))
		w.Must(w.World.Contacts.Erase(w.Ctx, ct.ID, karim, "request"))
	})
}
