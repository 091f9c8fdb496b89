package keeping_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/keeping"
	"vigie/internal/store"
)

// asks asks for erasure as a person who typed her four words.
func (w *world) asks(personID string) contact.Erasure {
	w.T.Helper()
	e, err := w.Ask(w.Ctx, personID)
	w.Must(err)
	return e
}

// erases carries an erasure out, whose time has come; it says whether something is left.
func (w *world) erases(personID string) bool {
	w.T.Helper()
	left, err := w.ErasePerson(w.Ctx, personID)
	w.Must(err)
	return left
}

// Asked twice, the first wait counts; taken back, nothing is erased; asked anew, a whole wait begins.
func TestAnErasureWaitsAndMayBeTakenBack(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		first := w.asks(ct.PersonID)
		w.Forward(2 * day)
		if again := w.asks(ct.PersonID); again != first || first.DueAt-first.AskedAt != (7*day).Milliseconds() {
			t.Errorf("first %+v, again %+v", first, again)
		}
		w.Must(w.Contacts.TakeBackErasure(w.Ctx, ct.PersonID))
		w.Must(w.Contacts.TakeBackErasure(w.Ctx, ct.PersonID))
		w.Forward(6 * day)
		if !w.erases(ct.PersonID) || !w.there(ct.ID) {
			t.Fatal("it was taken back and erased")
		}
		if second := w.asks(ct.PersonID); second.DueAt != store.Millis(w.Now().Add(7*day)) {
			t.Errorf("the second wait ends at %v", store.Time(second.DueAt))
		}
		w.Forward(7*day - time.Second)
		if w.erases(ct.PersonID); !w.there(ct.ID) {
			t.Fatal("erased a second too soon")
		}
		w.Forward(time.Second)
		if w.erases(ct.PersonID) || w.there(ct.ID) || w.done(keeping.ByPerson) != 1 {
			t.Error("it is still there, or not counted once")
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act IN ('contact.erasure_ask', 'contact.erasure_back')`); n != 3 {
			t.Errorf("%d rows in the log, want 3", n)
		}
	})
}

// The job does it by itself when the time has come, with everything of hers: each contact, the four words, and the file that was hers
// alone.
func TestTheErasureComesByItself(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		second := w.closed(ct.PersonID)
		f := w.file(ct.ID)
		if _, err := w.Contacts.ResumeCode(w.Ctx, ct.ID); err != nil {
			t.Fatal(err)
		}
		w.asks(ct.PersonID)
		w.works()
		w.Forward(7 * day)
		w.until("all is erased", func() bool { return !w.there(ct.ID) && !w.there(second.ID) && !w.fileThere(f.ID) })
		w.until("the job is over", func() bool { return w.Count(`SELECT count(*) FROM job`) == 0 })
		for _, id := range []string{ct.ID, second.ID, f.ID, ct.PersonID} {
			if tables := w.naming(id); len(tables) > 0 {
				t.Errorf("an id of hers is in %v", tables)
			}
		}
		if w.stored() != 0 || w.done(keeping.ByPerson) != 1 {
			t.Errorf("%d files on the disk, counted %d", w.stored(), w.done(keeping.ByPerson))
		}
	})
}

// A file that somebody else's contact is in stays without hers.
func TestASharedFileStaysWithoutHers(t *testing.T) {
	onEach(t, func(w *world) {
		child, parent := w.closed(""), w.closed("")
		f, err := w.Files.OpenFor(w.Ctx, child.ID, casefile.RoomChild, claire)
		w.Must(err)
		w.Must(w.Files.AddContact(w.Ctx, f.ID, parent.ID, casefile.RoomParent, claire))
		w.asks(child.PersonID)
		w.Forward(7 * day)
		if w.erases(child.PersonID) || w.there(child.ID) || !w.there(parent.ID) || !w.fileThere(f.ID) {
			t.Errorf("hers %v, the other's %v, the file %v", w.there(child.ID), w.there(parent.ID), w.fileThere(f.ID))
		}
	})
}

// A hold keeps what is in its file, and nothing else; lifted, the erasure goes on. Supervisors learn what keeps it.
func TestAHoldKeepsHersUntilItIsLifted(t *testing.T) {
	onEach(t, func(w *world) {
		inFile := w.closed("")
		outside := w.closed(inFile.PersonID)
		f, hold := w.file(inFile.ID), store.NewID()
		w.Must(w.Files.PlaceHold(w.Ctx, f.ID, hold, "réquisition attendue", nadia))
		w.asks(inFile.PersonID)
		w.Forward(8 * day)
		if !w.erases(inFile.PersonID) || !w.there(inFile.ID) || w.there(outside.ID) || !w.fileThere(f.ID) || w.stored() != 1 {
			t.Fatalf("held %v, outside %v, file %v, %d on the disk", w.there(inFile.ID), w.there(outside.ID), w.fileThere(f.ID), w.stored())
		}
		if stops, err := w.Stops(w.Ctx, inFile.PersonID); err != nil || len(stops) != 1 || stops[0] != "hold" {
			t.Errorf("%v, %v", stops, err)
		}
		w.Must(w.Files.LiftHold(w.Ctx, f.ID, hold, karim))
		if w.erases(inFile.PersonID) || w.there(inFile.ID) || w.fileThere(f.ID) || w.done(keeping.ByPerson) != 1 {
			t.Error("it is still kept, or not counted once")
		}
	})
}

// While she talks with us nothing of that conversation goes; it goes when it has ended.
func TestNothingGoesWhileSheTalks(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		w.asks(ct.PersonID)
		w.Forward(7 * day)
		now := w.Child(ct.PersonID)
		if !w.erases(ct.PersonID) || w.there(ct.ID) || !w.there(now.ID) {
			t.Fatalf("before %v, now %v", w.there(ct.ID), w.there(now.ID))
		}
		w.ends(now.ID)
		if w.erases(ct.PersonID) || w.there(now.ID) {
			t.Error("it is still there")
		}
	})
}

// A notice that runs keeps the file, and not her words; the file follows when it has ended.
func TestAFileFollowsWhenWhatRunsHasEnded(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		f, err := w.Files.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
		w.Must(err)
		task := store.NewID()
		w.Must(w.Files.AddTask(w.Ctx, f.ID, task, "la notification court", claire.ID, w.Now(), claire))
		w.asks(ct.PersonID)
		w.Forward(7 * day)
		if w.erases(ct.PersonID) || w.there(ct.ID) || !w.fileThere(f.ID) {
			t.Fatalf("contact %v, file %v", w.there(ct.ID), w.fileThere(f.ID))
		}
		w.round()
		if !w.fileThere(f.ID) {
			t.Fatal("it went although something runs")
		}
		w.Must(w.Files.EndTask(w.Ctx, f.ID, task, casefile.TaskDone, claire))
		w.round()
		if w.fileThere(f.ID) {
			t.Error("nothing runs any more, and it is still there")
		}
	})
}

// Somebody else's contact that is put into a file while an erasure runs stays, with the file: at once, or after what ran.
func TestSomebodyElsesContactThatComesMeanwhileStays(t *testing.T) {
	onEach(t, func(w *world) {
		for _, runs := range []bool{false, true} {
			first := w.closed("")
			second, parent := w.closed(first.PersonID), w.closed("")
			var files []string
			for _, ct := range []contact.Contact{first, second} {
				f, err := w.Files.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
				w.Must(err)
				files = append(files, f.ID)
				if runs {
					w.Must(w.Files.AddTask(w.Ctx, f.ID, store.NewID(), "la notification court", claire.ID, w.Now(), claire))
				}
			}
			slices.Sort(files)
			come := func(_ context.Context, fileID string) error {
				if fileID == files[0] {
					w.Must(w.Files.AddContact(w.Ctx, files[1], parent.ID, casefile.RoomParent, claire))
				}
				return nil
			}
			w.asks(first.PersonID)
			w.Forward(7 * day)
			if runs {
				w.erases(first.PersonID)
				_, err := w.DB.Exec(w.Ctx, `UPDATE keeping_file SET since = since + 1 WHERE file_id = $1`, files[1]) // the first one is erased first
				w.Must(err)
				_, err = w.DB.Exec(w.Ctx, `UPDATE case_task SET state = 'done'`)
				w.Must(err)
			}
			w.Files.OnErase(come)
			w.erases(first.PersonID)
			w.round()
			if w.fileThere(files[0]) || !w.fileThere(files[1]) || !w.there(parent.ID) {
				t.Errorf("runs %v: hers %v, shared %v, the other's contact %v", runs, w.fileThere(files[0]), w.fileThere(files[1]), w.there(parent.ID))
			}
		}
	})
}

// What another room keeps stays, whatever its person asked; it goes when that room lets it.
func TestWhatAnotherRoomKeepsStays(t *testing.T) {
	onEach(t, func(w *world) {
		w.Hold(keeping.Hold{Rule: catalogue.KeepContact, Code: "request", IDs: `SELECT contact_id FROM forget_request`})
		ct := w.closed("")
		cleared := 0 // how often its files on the disk went
		w.Contacts.OnErase(contact.Eraser{Before: func(context.Context, string) error { cleared++; return nil }})
		w.Must(w.Contacts.AskForget(w.Ctx, ct.ID, claire))
		w.asks(ct.PersonID)
		w.Forward(7 * day)
		if !w.erases(ct.PersonID) || !w.there(ct.ID) || cleared > 0 {
			t.Fatalf("it went although a room keeps it: there %v, files gone %d times", w.there(ct.ID), cleared)
		}
		w.Must(w.Contacts.RefuseForget(w.Ctx, ct.ID, karim, "withdrawn"))
		if w.erases(ct.PersonID) || w.there(ct.ID) {
			t.Error("nothing keeps it any more, and it is still there")
		}
	})
}
