package trainee_test

import (
	"testing"
	"time"

	"vigie/internal/casefile/casetest"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/trainee"
)

// What a trainee closes waits for her tutor, who co-signs it; she herself may not, and a colleague's contact waits for nobody.
func TestWhatATraineeWritesUpIsCoSigned(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
		trainees := trainee.New(trainee.Options{DB: db, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Now: w.Now})
		claire, karim, nadia := casetest.Claire, casetest.Karim, casetest.Nadia
		w.Refused(trainees.Set(w.Ctx, claire.ID, claire.ID, nadia), "fault.trainee.tutor")
		w.Must(trainees.Set(w.Ctx, claire.ID, karim.ID, nadia))
		w.Refused(trainees.Set(w.Ctx, nadia.ID, claire.ID, nadia), "fault.trainee.tutor")
		if tutor, ok, err := trainees.Tutor(w.Ctx, claire.ID); err != nil || !ok || tutor != karim.ID {
			t.Fatalf("her tutor is %q, %v, %v", tutor, ok, err)
		}
		ct := w.Child("")
		_, err := w.Contacts.Dismiss(w.Ctx, ct.ID, "test", claire, false)
		w.Must(err)
		if waits, err := trainees.Waits(w.Ctx, karim.ID); err != nil || len(waits) != 1 || waits[0].ContactID != ct.ID {
			t.Fatalf("%v wait: %v", waits, err)
		}
		w.Refused(trainees.Sign(w.Ctx, ct.ID, true, claire), "fault.trainee.own")
		w.Refused(trainees.Sign(w.Ctx, ct.ID, false, nadia), "fault.trainee.own")
		w.Must(trainees.Sign(w.Ctx, ct.ID, false, karim))
		if s, ok, err := trainees.Of(w.Ctx, ct.ID); err != nil || !ok || s.SignedBy != karim.ID || s.SignedAt == 0 {
			t.Fatalf("signed: %+v %v %v", s, ok, err)
		}
		w.Must(trainees.End(w.Ctx, claire.ID, nadia))
		if _, ok, _ := trainees.Tutor(w.Ctx, claire.ID); ok {
			t.Error("she learned, and still has a tutor")
		}
	})
}
