package rota_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/rota"
	"vigie/internal/store"
)

// A note is sealed, read by those who say so, once each, and gone with its key after its days.
func TestANoteIsReadAndForgotten(t *testing.T) {
	onEach(t, func(w *world) {
		id := store.NewID()
		w.Must(w.Write(w.Ctx, id, "Le standard a coupé à 21 h.", nadia))
		w.Must(w.Write(w.Ctx, id, "Encore.", nadia))
		w.Forward(10 * time.Hour)
		for range 2 {
			w.Must(w.Read(w.Ctx, []string{id}, w.World.Now(), claire))
		}
		w.Must(w.Read(w.Ctx, []string{id}, w.World.Now(), nadia))
		notes, err := w.Notes(w.Ctx, start.Add(-time.Hour), 5)
		w.Must(err)
		if len(notes) != 1 || notes[0].Text != "Le standard a coupé à 21 h." || len(notes[0].Seen) != 1 || !notes[0].SeenBy(claire.ID) || !notes[0].SeenBy(nadia.ID) || notes[0].SeenBy(karim.ID) {
			t.Fatalf("%+v", notes)
		}
		if read, err := w.LastRead(w.Ctx, claire.ID); err != nil || !read.Equal(w.World.Now()) {
			t.Errorf("last read %v, %v", read, err)
		}
		w.Refused(w.Write(w.Ctx, store.NewID(), " ", nadia), "fault.handover.note")
		w.Refused(w.Write(w.Ctx, store.NewID(), strings.Repeat("a", rota.MaxNote+1), nadia), "fault.handover.note")
		w.Forward(rota.NotesKept)
		w.Must(w.ForgetNotes(w.Ctx))
		if n := w.Count(`SELECT (SELECT count(*) FROM handover_note) + (SELECT count(*) FROM keys.wrapped_key WHERE kind = 'handover_note') + (SELECT count(*) FROM handover_seen)`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}
