package rehearsal_test

import (
	"testing"
	"time"

	"vigie/internal/casefile/casetest"
	"vigie/internal/rehearsal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A trainee answers an invented young person, whom her tutor plays; nothing of it is a contact.
func TestAnExerciseIsAnsweredAndIsNoContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
		room := rehearsal.New(rehearsal.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Now: w.Now})
		claire, karim := casetest.Claire, casetest.Karim
		e, err := room.Begin(w.Ctx, store.NewID(), "sextortion", claire.ID, karim.ID, karim)
		w.Must(err)
		w.Must(room.Say(w.Ctx, e.ID, "Je te crois, ce n'est pas ta faute.", claire.ID))
		w.Refused(room.Say(w.Ctx, e.ID, "Moi aussi.", karim.ID), "fault.rehearsal.not_yours")
		w.Refused(room.Take(w.Ctx, e.ID, "believes", claire.ID), "fault.rehearsal.not_yours")
		w.Refused(room.Take(w.Ctx, e.ID, "next_step", karim.ID), "fault.rehearsal.intent")
		for _, intent := range []string{"believes", "asks_safety", "informs", "next_step"} {
			w.Must(room.Take(w.Ctx, e.ID, intent, karim.ID))
		}
		w.Refused(room.Say(w.Ctx, e.ID, "Encore.", claire.ID), "fault.rehearsal.over")
		w.Must(room.Comment(w.Ctx, e.ID, "Bien : la sécurité d'abord.", karim.ID))
		e, err = room.Get(w.Ctx, e.ID)
		w.Must(err)
		lines, err := room.Lines(w.Ctx, e)
		w.Must(err)
		if !e.Over() || lines[len(lines)-1].Who != rehearsal.Tutor || lines[0].Text != "salut c urgent" {
			t.Errorf("over %v, %+v", e.Over(), lines)
		}
		if n := w.Count(`SELECT (SELECT count(*) FROM contact) + (SELECT count(*) FROM message)`); n != 0 {
			t.Errorf("%d rows of real contacts", n)
		}
	})
}

// Alone, the words of an answer decide how she goes on.
func TestAnExerciseAloneGoesOnByWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
		room := rehearsal.New(rehearsal.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Now: w.Now})
		e, err := room.Begin(w.Ctx, store.NewID(), "class", casetest.Claire.ID, "", casetest.Claire)
		w.Must(err)
		w.Must(room.Say(w.Ctx, e.ID, "Je t'écoute, et je te crois.", casetest.Claire.ID))
		if e, err = room.Get(w.Ctx, e.ID); err != nil || e.Node != "more" {
			t.Errorf("she is at %q, %v", e.Node, err)
		}
	})
}

// An exercise can be read again for half a year, and is then destroyed.
func TestAnExerciseIsForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
		room := rehearsal.New(rehearsal.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Now: w.Now})
		_, err := room.Begin(w.Ctx, store.NewID(), "class", casetest.Claire.ID, "", casetest.Claire)
		w.Must(err)
		w.Forward(rehearsal.Kept + time.Hour)
		_, err = room.Begin(w.Ctx, store.NewID(), "class", casetest.Claire.ID, "", casetest.Claire)
		w.Must(err)
		w.Must(room.Forget(w.Ctx))
		if n := w.Count(`SELECT count(*) FROM exercise`); n != 1 {
			t.Errorf("%d exercises are left", n)
		}
	})
}
