package quality_test

import (
	"fmt"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile/casetest"
	"vigie/internal/quality"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func someone(n int) audit.Actor {
	return audit.Actor{Kind: audit.Staff, ID: fmt.Sprintf("0197bbbb-0000-7000-8000-0000000000%02d", n)}
}

var camille, noe, dominique, morgane = someone(1), someone(2), someone(3), someone(4)

type world struct {
	*casetest.World
	*quality.Quality
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
		w.Quality = quality.New(quality.Options{DB: db, Keys: w.Keys, Audit: w.Log, Contacts: w.Contacts, Catalogue: w.Catalogue, Now: w.Now})
		test(w)
	})
}

// shared is a grid about somebody with one mark, that she may read.
func (w *world) shared(about audit.Actor, mark int) quality.Review {
	w.T.Helper()
	r, err := w.Begin(w.Ctx, dominique, w.Child("").ID, about.ID, "")
	w.Must(err)
	r, err = w.Save(w.Ctx, r.ID, r.Rev, quality.Words{Marks: map[string]int{"opening": mark}, Well: "Le silence est tenu."}, dominique)
	w.Must(err)
	r, err = w.Move(w.Ctx, r.ID, r.Rev, quality.Share, dominique)
	w.Must(err)
	return r
}

// A grid is a draft that nobody else sees, is shared, answered, and talked over; then it stays as it is.
func TestAGridGoesFromDraftToTalk(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.Child("")
		r, err := w.Begin(w.Ctx, dominique, ct.ID, camille.ID, "")
		w.Must(err)
		again, err := w.Begin(w.Ctx, dominique, ct.ID, camille.ID, "")
		w.Must(err)
		if again.ID != r.ID {
			w.T.Error("a second draft of the same conversation was begun")
		}
		for _, who := range []audit.Actor{camille, morgane} {
			_, err := w.Read(w.Ctx, r.ID, who, who == morgane)
			w.Refused(err, "fault.quality.unknown")
		}
		_, err = w.Move(w.Ctx, r.ID, r.Rev, quality.Share, dominique)
		w.Refused(err, "fault.quality.empty")
		_, err = w.Save(w.Ctx, r.ID, r.Rev, quality.Words{Marks: map[string]int{"opening": 5}}, dominique)
		w.Refused(err, "fault.quality.mark")
		_, err = w.Save(w.Ctx, r.ID, r.Rev, quality.Words{Marks: map[string]int{"height": 2}}, dominique)
		w.Refused(err, "fault.quality.mark")
		_, err = w.Save(w.Ctx, r.ID, r.Rev, quality.Words{}, morgane)
		w.Refused(err, "fault.quality.not_yours")
		r, err = w.Save(w.Ctx, r.ID, r.Rev, quality.Words{Marks: map[string]int{"opening": 3, "pace": 4}, Notes: map[string]string{"pace": "Très juste.", "opening": " "}, Next: "Nommer la suite."}, dominique)
		w.Must(err)
		if len(r.Words.Notes) != 1 {
			w.T.Errorf("empty notes are kept: %v", r.Words.Notes)
		}
		_, err = w.Save(w.Ctx, r.ID, r.Rev-1, quality.Words{}, dominique)
		w.Refused(err, "fault.quality.changed")
		r, err = w.Move(w.Ctx, r.ID, r.Rev, quality.Share, dominique)
		w.Must(err)
		_, err = w.Save(w.Ctx, r.ID, r.Rev, quality.Words{}, dominique)
		w.Refused(err, "fault.quality.move")

		hers, err := w.About(w.Ctx, camille.ID)
		w.Must(err)
		if len(hers) != 1 {
			w.T.Fatalf("hers: %d", len(hers))
		}
		_, err = w.Quality.Reply(w.Ctx, r.ID, r.Rev, "Merci, c'était dur.", noe)
		w.Refused(err, "fault.quality.not_yours")
		r, err = w.Quality.Reply(w.Ctx, r.ID, r.Rev, "Merci, c'était dur.", camille)
		w.Must(err)
		r, err = w.Move(w.Ctx, r.ID, r.Rev, quality.Discuss, dominique)
		w.Must(err)
		if r.State != quality.Discussed || r.Words.Reply != "Merci, c'était dur." || r.Words.Marks["pace"] != 4 {
			w.T.Errorf("in the end: %+v", r)
		}
		_, err = w.Quality.Reply(w.Ctx, r.ID, r.Rev, "Encore.", camille)
		w.Refused(err, "fault.quality.move")
		_, err = w.Read(w.Ctx, r.ID, noe, false)
		w.Refused(err, "fault.quality.unknown")
		_, err = w.Begin(w.Ctx, dominique, ct.ID, dominique.ID, "")
		w.Refused(err, "fault.quality.own")
	})
}

// There is a middle of the team only when five people are in it, and each counts once.
func TestTheTeamHasAMiddleOnlyOfFive(t *testing.T) {
	onEach(t, func(w *world) {
		for n := 11; n < 15; n++ {
			w.shared(someone(n), 2)
		}
		for range 6 { // she who is listened to most weighs no more
			w.shared(someone(11), 4)
		}
		since := w.Now().Add(-24 * time.Hour)
		if middles, err := w.Team(w.Ctx, since); err != nil || len(middles) != 0 {
			w.T.Errorf("of four people: %v %v", middles, err)
		}
		w.shared(someone(15), 2)
		middles, err := w.Team(w.Ctx, since)
		w.Must(err)
		if len(middles) != 1 || middles[0] != (quality.Middle{Code: "opening", People: 5, Mark: 2}) {
			w.T.Errorf("of five people: %+v", middles)
		}
	})
}

// The conversation is erased: the grid no longer names it. After a year the grid is gone, with its key.
func TestAGridIsForgotten(t *testing.T) {
	onEach(t, func(w *world) {
		r := w.shared(camille, 3)
		_, err := w.Contacts.Dismiss(w.Ctx, r.ContactID, "test", dominique, true)
		w.Must(err)
		w.Must(w.Contacts.Erase(w.Ctx, r.ContactID, dominique, "test"))
		r, err = w.Read(w.Ctx, r.ID, camille, false)
		w.Must(err)
		if r.ContactID != "" {
			w.T.Error("an erased contact is still named")
		}
		w.Forward(quality.Kept + time.Hour)
		w.Must(w.Forget(w.Ctx))
		if w.Count(`SELECT count(*) FROM quality_review`)+w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'quality_review'`) != 0 {
			w.T.Error("after a year something is left")
		}
	})
}
