package keeping_test

import (
	"sync"
	"testing"

	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/keeping"
	"vigie/internal/store"
)

// A conversation goes when its duration is over and it has stood on the preview for a week; the one that is younger stays.
func TestAConversationGoesWhenItsTimeIsOver(t *testing.T) {
	onEach(t, func(w *world) {
		old := w.closed("")
		w.Forward(700 * day)
		young := w.closed("")
		w.Forward(24 * day) // 724 days old
		w.round()
		w.Forward(6 * day) // 730
		w.round()
		if !w.there(old.ID) {
			t.Fatal("it was on the preview for six days")
		}
		w.Forward(day)
		w.round()
		if w.there(old.ID) || !w.there(young.ID) {
			t.Errorf("after its time: %v, before its time: %v", w.there(old.ID), w.there(young.ID))
		}
		w.round()
		if w.done(catalogue.KeepContact) != 1 || w.Count(`SELECT count(*) FROM audit WHERE act = 'contact.erase' AND purpose = 'rule'`) != 1 {
			t.Error("it is not counted and written down once")
		}
	})
}

// Until somebody has published the durations nothing is shown and nothing erased; the week begins with the publishing.
func TestUndecidedDurationsEraseNothing(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		w.decided = false
		w.Forward(3000 * day)
		for range 3 {
			w.round()
			w.Forward(10 * day)
		}
		w.decided = true
		w.round()
		if !w.there(ct.ID) {
			t.Fatal("the first round after the publishing erased it")
		}
		w.Forward(7 * day)
		w.round()
		if w.there(ct.ID) {
			t.Error("a week later it is still there")
		}
	})
}

// A duration that was made shorter erases nothing at once; made longer again before the week is over, it erases nothing.
func TestAShorterDurationWaits(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		w.Forward(100 * day)
		w.round()
		w.lasts(catalogue.KeepContact, 30)
		w.round()
		w.Forward(5 * day)
		w.round()
		w.lasts(catalogue.KeepContact, 730)
		w.round()
		w.lasts(catalogue.KeepContact, 30)
		w.round()
		w.Forward(5 * day)
		w.round()
		if !w.there(ct.ID) {
			t.Fatal("the week did not begin anew")
		}
		w.lasts(catalogue.KeepContact, 0)
		w.Forward(30 * day)
		w.round()
		if !w.there(ct.ID) {
			t.Error("a rule without an end erased it")
		}
	})
}

// What a hold keeps stays on the preview with the reason, and has its whole week once the hold is lifted. A file goes with its
// contacts, as one; an open one never.
func TestAHeldFileWaitsForItsHold(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		f, hold := w.file(ct.ID), store.NewID()
		w.Must(w.Files.PlaceHold(w.Ctx, f.ID, hold, "réquisition attendue", nadia))
		w.Forward(2190 * day)
		w.round()
		w.Forward(10 * day)
		w.round()
		next, err := w.Next(w.Ctx, &w.rules, 90*day, 10)
		if err != nil || len(next) != 1 || next[0].Name != f.Reference || next[0].Held != "hold" || next[0].At != 0 {
			t.Fatalf("%+v, %v", next, err)
		}
		w.Must(w.Files.LiftHold(w.Ctx, f.ID, hold, karim))
		w.Forward(6 * day)
		w.round()
		if !w.fileThere(f.ID) {
			t.Fatal("it went six days after the hold was lifted")
		}
		w.Must(w.Files.Reopen(w.Ctx, f.ID, claire))
		w.Forward(day)
		w.round()
		if !w.fileThere(f.ID) {
			t.Fatal("an open file went")
		}
		w.Must(w.Files.Close(w.Ctx, f.ID, "solved", claire))
		w.round()
		w.Forward(7 * day)
		w.round()
		if w.fileThere(f.ID) || w.there(ct.ID) || w.done(catalogue.KeepCase) != 1 {
			t.Errorf("file %v, contact %v, counted %d", w.fileThere(f.ID), w.there(ct.ID), w.done(catalogue.KeepCase))
		}
	})
}

// The preview says how many go in a week, a month and three, by the durations as they are and by somebody's draft.
func TestThePreviewCountsWhatGoes(t *testing.T) {
	onEach(t, func(w *world) {
		for range 3 {
			w.closed("")
		}
		held := w.closed("")
		w.Must(w.Files.PlaceHold(w.Ctx, w.file(held.ID).ID, store.NewID(), "réquisition attendue", nadia))
		w.Forward(20 * day)
		w.closed("")
		line := func(rules *catalogue.Keeping, code string) keeping.Line {
			all, err := w.Preview(w.Ctx, rules)
			w.Must(err)
			for _, l := range all {
				if l.Rule.Code == code {
					return l
				}
			}
			t.Fatal("there is no line")
			return keeping.Line{}
		}
		if l := line(&w.rules, catalogue.KeepContact); l.Kept != 4 || l.Goes != [3]int64{} {
			t.Errorf("%+v", l)
		}
		draft := w.rules
		w.lasts(catalogue.KeepContact, 30)
		draft, w.rules = w.rules, draft
		if l := line(&draft, catalogue.KeepContact); l.Goes != [3]int64{0, 4, 4} {
			t.Errorf("by the draft %+v", l)
		}
		w.Forward(15 * day)
		if l := line(&draft, catalogue.KeepContact); l.Goes != [3]int64{3, 4, 4} {
			t.Errorf("a fortnight later by the draft %+v", l)
		}
		draft.Notice = 10
		if l := line(&draft, catalogue.KeepContact); l.Goes != [3]int64{0, 4, 4} {
			t.Errorf("with ten days of notice %+v", l)
		}
		w.Forward(2130 * day)
		if l := line(&w.rules, catalogue.KeepCase); l.Held["hold"] != 1 || l.Goes != [3]int64{} {
			t.Errorf("%+v", l)
		}
	})
}

// What was erased is nowhere: no row of any table has the id of the file, of its contact or of its person, no key and no look-up
// is left of them, and no sealed file. The log has a row each.
func TestWhatIsErasedIsNowhere(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.closed("")
		f := w.file(ct.ID)
		if _, err := w.Contacts.ResumeCode(w.Ctx, ct.ID); err != nil {
			t.Fatal(err)
		}
		before, _, err := w.Files.Search(w.Ctx, casefile.Filter{Exact: "lou.2012"}, claire)
		if err != nil || len(before) != 1 || w.stored() != 1 || len(w.naming(ct.ID)) == 0 {
			t.Fatalf("nothing to erase: %v, %v, %d files on the disk", before, err, w.stored())
		}
		keys := w.Count(`SELECT count(*) FROM keys.wrapped_key`)
		w.Forward(2190 * day)
		w.round()
		w.Forward(7 * day)
		w.round()
		for what, id := range map[string]string{"file": f.ID, "contact": ct.ID, "person": ct.PersonID, "key of the file": f.KeyID, "key of the contact": ct.KeyID} {
			if tables := w.naming(id); len(tables) > 0 {
				t.Errorf("the id of the %s is in %v", what, tables)
			}
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key`); n != keys-2 {
			t.Errorf("%d keys, want %d", n, keys-2)
		}
		if n := w.Count(`SELECT count(*) FROM lookup`); n != 0 {
			t.Errorf("the blind index knows %d values", n)
		}
		if n := w.stored(); n != 0 {
			t.Errorf("%d sealed files are on the disk", n)
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act IN ('case.erase', 'contact.erase')`); n != 2 {
			t.Errorf("%d rows in the log", n)
		}
		w.Must(w.Files.Erase(w.Ctx, f.ID, nadia, "request")) // again: it is done
		if n := w.Count(`SELECT count(*) FROM audit WHERE act = 'case.erase'`); n != 1 {
			t.Error("erased twice")
		}
	})
}

// Two nodes go through the durations at once, and everything is erased and counted once.
func TestTwoNodesEraseOnce(t *testing.T) {
	onEach(t, func(w *world) {
		const n = 12
		for range n {
			w.closed("")
			w.file(w.closed("").ID)
		}
		w.Forward(3000 * day)
		w.round()
		w.Forward(7 * day)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, err := w.Round(w.Ctx); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		w.round()
		contacts, cases := w.done(catalogue.KeepContact), w.done(catalogue.KeepCase)
		written := w.Count(`SELECT count(*) FROM audit WHERE act = 'case.erase'`)
		if left := w.Count(`SELECT count(*) FROM contact`) + w.Count(`SELECT count(*) FROM case_file`); contacts != n || cases != n || written != n || left != 0 || w.stored() != 0 {
			t.Errorf("%d contacts and %d files counted, %d in the log, %d left, %d on the disk", contacts, cases, written, left, w.stored())
		}
	})
}

// What is needed at the last moment stays: a contact that is put into a case file, which it goes with; one whose week began anew.
func TestWhatIsNeededAtTheLastMomentStays(t *testing.T) {
	onEach(t, func(w *world) {
		for what, meanwhile := range map[string]func(id string){
			"a case needs it": func(id string) {
				w.Must(w.Files.AddContact(w.Ctx, w.File(claire).ID, id, casefile.RoomChild, claire))
			},
			"its week began anew": func(id string) {
				_, err := w.DB.Exec(w.Ctx, `UPDATE keeping_due SET shown_since = $2 WHERE object_id = $1`, id, store.Millis(w.Now()))
				w.Must(err)
			},
		} {
			ct := w.closed("")
			w.Forward(800 * day)
			w.round()
			w.Forward(7 * day)
			w.halt = func(string) { meanwhile(ct.ID) }
			w.round()
			w.halt = func(string) {}
			if !w.there(ct.ID) {
				t.Errorf("it went although %s", what)
			}
			_, err := w.DB.Exec(w.Ctx, `DELETE FROM contact WHERE id = $1`, ct.ID)
			w.Must(err)
		}
	})
}
