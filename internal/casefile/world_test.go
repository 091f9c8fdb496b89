package casefile_test

import (
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var claire, karim, nadia = casetest.Claire, casetest.Karim, casetest.Nadia

// world is a helpline with its case files at hand.
type world struct {
	*casetest.World
	*casefile.Files
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(newWorld(t, db)) })
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := casetest.New(t, db, time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC))
	return &world{World: w, Files: w.Files}
}

// answered moves a contact to a counsellor who talks with its person.
func (w *world) answered(id string, by audit.Actor) {
	w.T.Helper()
	move := func(ev contact.Event, who audit.Actor, set contact.Change) {
		w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
			_, err := w.World.Contacts.Move(w.Ctx, tx, id, ev, who, set)
			return err
		}))
	}
	move(contact.Offer, contact.SystemActor, contact.Change{StaffID: by.ID, OfferUntil: store.Millis(w.Now()) + 20_000})
	move(contact.Accept, by, contact.Change{})
}

// acts are the codes that the log has of an act on a file.
func (w *world) acts(act, fileID string) int {
	return w.Count(`SELECT count(*) FROM audit WHERE act = $1 AND object_id = $2`, act, fileID)
}
