package casefile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// restingFile is a closed file with a note, an account and a reader, of a contact that is over.
func (w *world) restingFile() (casefile.File, contact.Contact) {
	w.T.Helper()
	ct := w.Child("")
	f, err := w.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
	w.Must(err)
	w.Must(w.rests(f.ID))
	w.Must(w.AddNote(w.Ctx, f.ID, store.NewID(), "Sa sœur sait.", claire))
	w.Must(w.SavePerson(w.Ctx, casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Handle: "@ines.lune"}}, claire))
	w.Must(w.Let(w.Ctx, f.ID, karim.ID, claire))
	w.Must(w.Close(w.Ctx, f.ID, "solved", claire))
	return f, ct
}

func (w *world) archives(want int) {
	w.T.Helper()
	n, err := w.ArchiveDue(w.Ctx)
	w.Must(err)
	if n != want {
		w.T.Fatalf("%d files were archived, want %d", n, want)
	}
}

func (w *world) is(id string, want casefile.State) casefile.File {
	w.T.Helper()
	f, err := w.Get(w.Ctx, id)
	w.Must(err)
	if f.State != want {
		w.T.Fatalf("the file is %s, want %s", f.State, want)
	}
	return f
}

// Ninety days after the last contact and the last change a closed file is archived, once: its keys are on the shelf, nobody reads
// it who could, and every act on it has its sentence.
func TestAClosedFileIsArchived(t *testing.T) {
	onEach(t, func(w *world) {
		f, _ := w.restingFile()
		other := w.File(claire)
		w.Forward(casefile.ArchiveAfter - time.Hour)
		w.archives(0)
		w.Forward(2 * time.Hour)
		w.archives(1)
		w.archives(0)
		w.is(f.ID, casefile.Archived)
		w.is(other.ID, casefile.Open)
		_, err := w.Notes(w.Ctx, f.ID)
		w.Refused(err, "fault.seal.shelved")
		for who, all := range map[string]bool{claire.ID: false, karim.ID: false} {
			if how, err := w.May(w.Ctx, f.ID, who, all); err != nil || how != "" {
				w.T.Errorf("%s may read it as %q, %v", who, how, err)
			}
		}
		if how, err := w.May(w.Ctx, f.ID, nadia.ID, true); err != nil || how != casefile.AsSupervisor {
			w.T.Errorf("a supervisor may read it as %q, %v", how, err)
		}
		w.Refused(w.BreakGlass(w.Ctx, f.ID, "Inès rappelle ce soir.", claire), "fault.case.ask_supervisor")
		w.Refused(w.AddNote(w.Ctx, f.ID, store.NewID(), "encore", claire), "fault.case.archived")
		w.Refused(w.Reopen(w.Ctx, f.ID, claire), "fault.case.archived")
		w.Refused(w.Merge(w.Ctx, f.ID, other.ID, nadia), "fault.case.archived")
		w.Refused(w.Merge(w.Ctx, other.ID, f.ID, nadia), "fault.case.archived")
		w.Refused(w.AddContact(w.Ctx, f.ID, w.Child("").ID, casefile.RoomParent, claire), "fault.case.archived")
		w.Refused(w.PlaceHold(w.Ctx, f.ID, store.NewID(), "réquisition attendue", nadia), "fault.seal.shelved")
		if w.acts("case.archive", f.ID) != 1 {
			w.T.Error("that it was archived is not in the log, or twice")
		}
		w.Must(w.Erase(w.Ctx, f.ID, nadia, "request"))
		if n := w.Count(`SELECT count(*) FROM key_shelf`); n != 0 {
			w.T.Errorf("%d keys of an erased file are on the shelf", n)
		}
	})
}

// Nothing is archived while something is to be done: a task, a conversation, a broken glass that nobody has seen, what another
// room says.
func TestWhatIsAtWorkIsNotArchived(t *testing.T) {
	onEach(t, func(w *world) {
		busy := ""
		w.OnArchive(func(_ context.Context, _ store.Querier, id string) (bool, error) { return id == busy, nil })
		watched, _ := w.restingFile()
		busy = watched.ID
		glass, _ := w.restingFile()
		w.Must(w.BreakGlass(w.Ctx, glass.ID, "Inès rappelle ce soir.", audit.Actor{Kind: audit.Staff, ID: "staff-lou"}))
		waits, _ := w.restingFile()
		w.Must(w.Reopen(w.Ctx, waits.ID, claire))
		w.Must(w.AddContact(w.Ctx, waits.ID, w.Child("").ID, casefile.RoomChild, claire))
		w.Must(w.Close(w.Ctx, waits.ID, "solved", claire))
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.archives(0)
		busy = ""
		broken, err := w.Broken(w.Ctx)
		w.Must(err)
		w.Must(w.SeenGlass(w.Ctx, broken[0].ID, nadia))
		w.archives(2)
		w.is(watched.ID, casefile.Archived)
		w.is(waits.ID, casefile.Closed)
	})
}

// A supervisor who says what for reads an archived file, for half an hour; each such look is in the log and in the timeline.
func TestASupervisorLooksIntoTheArchive(t *testing.T) {
	onEach(t, func(w *world) {
		f, _ := w.restingFile()
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.archives(1)
		_, err := w.InArchive(w.Ctx, f.ID, nadia.ID)
		w.Refused(err, "fault.case.look_first")
		w.Refused(w.LookIntoArchive(w.Ctx, f.ID, "curious", nadia), "fault.case.purpose")
		w.Must(w.LookIntoArchive(w.Ctx, f.ID, "justice", nadia))
		inside, err := w.InArchive(w.Ctx, f.ID, nadia.ID)
		w.Must(err)
		notes, err := w.Notes(inside, f.ID)
		w.Must(err)
		if len(notes) != 1 || notes[0].Text != "Sa sœur sait." {
			w.T.Errorf("%+v", notes)
		}
		w.Must(w.PlaceHold(inside, f.ID, store.NewID(), "réquisition attendue", nadia))
		_, err = w.Notes(w.Ctx, f.ID)
		w.Refused(err, "fault.seal.shelved")
		_, err = w.InArchive(w.Ctx, f.ID, karim.ID)
		w.Refused(err, "fault.case.look_first")
		events, err := w.Timeline(w.Ctx, f.ID, "", 5)
		w.Must(err)
		if events[1].Kind != "archive_look" || events[1].Code != "justice" || events[1].Actor != nadia {
			w.T.Errorf("the timeline says %+v", events[1])
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act = 'case.archive_look' AND object_id = $1 AND purpose = 'justice'`, f.ID); n != 1 {
			w.T.Errorf("%d looks are in the log", n)
		}
		w.Forward(31 * time.Minute)
		_, err = w.InArchive(w.Ctx, f.ID, nadia.ID)
		w.Refused(err, "fault.case.look_first")
	})
}

// Whoever may read every file finds an archived one; the others are told to ask.
func TestAnArchivedFileIsFoundByASupervisor(t *testing.T) {
	onEach(t, func(w *world) {
		f, _ := w.restingFile()
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.archives(1)
		for _, typed := range []string{f.Reference, "@ines.lune"} {
			_, _, err := w.Search(w.Ctx, casefile.Filter{Exact: typed}, claire)
			w.Refused(err, "fault.case.ask_supervisor")
			found, _, err := w.Search(w.Ctx, casefile.Filter{Exact: typed, Archived: true}, nadia)
			w.Must(err)
			if len(found) != 1 || found[0].ID != f.ID {
				w.T.Errorf("%q finds %v", typed, found)
			}
		}
		for all, want := range map[bool]int{false: 0, true: 1} {
			found, _, err := w.Search(w.Ctx, casefile.Filter{Archived: all}, nadia)
			w.Must(err)
			if len(found) != want {
				w.T.Errorf("the list (archived too: %v) has %d files", all, len(found))
			}
		}
	})
}

// She is back with her four words: the file is open again for whoever answers, who becomes its owner when the old one is gone.
func TestAReturningCodeTakesTheFileOutOfTheArchive(t *testing.T) {
	for _, c := range []struct {
		name, owner string
		gone        bool
	}{{"its owner is there", claire.ID, false}, {"its owner is gone", karim.ID, true}} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.Files = w.NewFiles(func(o *casefile.Options) {
					o.Works = func(_ context.Context, id string) bool { return !c.gone || id != claire.ID }
				})
				f, ct := w.restingFile()
				w.Forward(casefile.ArchiveAfter + time.Hour)
				w.archives(1)
				again := w.Child(ct.PersonID)
				w.is(f.ID, casefile.Archived)
				w.answered(again.ID, karim)
				if f := w.is(f.ID, casefile.Open); f.OwnerID != c.owner {
					w.T.Errorf("it is %s's", f.OwnerID)
				}
				if notes, err := w.Notes(w.Ctx, f.ID); err != nil || len(notes) != 1 {
					w.T.Errorf("%v, %v", notes, err)
				}
				if how, err := w.May(w.Ctx, f.ID, karim.ID, false); err != nil || how == "" {
					w.T.Errorf("who answers her may %q, %v", how, err)
				}
				seen, err := w.Unarchived(w.Ctx, w.Now().Add(-time.Hour))
				w.Must(err)
				if len(seen) != 1 || seen[0].FileID != f.ID || seen[0].Code != "came_back" || w.acts("case.unarchive", f.ID) != 1 {
					w.T.Errorf("the supervisors see %+v", seen)
				}
			})
		})
	}
}

// By hand it takes a reason, which becomes a note; pressed twice it is done once.
func TestTakenOutOfTheArchiveByHand(t *testing.T) {
	onEach(t, func(w *world) {
		f, _ := w.restingFile()
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.archives(1)
		id := store.NewID()
		w.Refused(w.Unarchive(w.Ctx, f.ID, id, "pour voir", nadia), "fault.case.why")
		w.Must(w.Unarchive(w.Ctx, f.ID, id, "Le réseau a répondu après coup.", nadia))
		w.Refused(w.Unarchive(w.Ctx, f.ID, id, "Le réseau a répondu après coup.", nadia), "fault.case.changed")
		w.is(f.ID, casefile.Open)
		notes, err := w.Notes(w.Ctx, f.ID)
		w.Must(err)
		if len(notes) != 2 || notes[1].Text != "Le réseau a répondu après coup." {
			w.T.Errorf("%+v", notes)
		}
		w.archives(0) // it begins anew
	})
}

// Two nodes: what one archives the other does not open, though it had the key at hand; and both at once archive each file once.
func TestTwoNodesArchive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		folder := t.TempDir()
		at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
		a, b := &world{World: casetest.In(t, folder, db, at)}, &world{World: casetest.In(t, folder, db, at)}
		a.Files, b.Files = a.World.Files, b.World.Files
		var files []casefile.File
		for range 5 {
			f, _ := a.restingFile()
			files = append(files, f)
		}
		a.Forward(casefile.ArchiveAfter + time.Hour)
		b.Forward(casefile.ArchiveAfter + time.Hour)
		for _, f := range files {
			if _, err := b.Notes(b.Ctx, f.ID); err != nil { // its key is in b's memory
				t.Fatal(err)
			}
		}
		counts := make(chan int, 2)
		for _, w := range []*world{a, b} {
			go func() {
				n, err := w.ArchiveDue(w.Ctx)
				if err != nil {
					t.Error(err)
				}
				counts <- n
			}()
		}
		if n := <-counts + <-counts; n != len(files) {
			t.Errorf("%d were archived, want %d", n, len(files))
		}
		b.Forward(time.Second)
		for _, f := range files {
			if n := a.acts("case.archive", f.ID); n != 1 {
				t.Errorf("archived %d times", n)
			}
			for _, w := range []*world{a, b} {
				_, err := w.Notes(w.Ctx, f.ID)
				w.Refused(err, "fault.seal.shelved")
			}
		}
	})
}

// Killed between its steps nothing of it is done: a file is closed with its keys at hand, or archived with all of them away.
func TestArchivingIsWholeOrNot(t *testing.T) {
	onEach(t, func(w *world) {
		f, _ := w.restingFile()
		w.Forward(casefile.ArchiveAfter + time.Hour)
		died := errors.New("the process died")
		w.OnArchive(func(_ context.Context, q store.Querier, id string) (bool, error) { return false, died })
		if _, err := w.ArchiveDue(w.Ctx); !errors.Is(err, died) {
			t.Fatal(err)
		}
		w.is(f.ID, casefile.Closed)
		if _, err := w.Notes(w.Ctx, f.ID); err != nil {
			t.Error(err)
		}
		if how, err := w.May(w.Ctx, f.ID, karim.ID, false); err != nil || how != casefile.AsReader {
			t.Errorf("its reader may %q, %v", how, err)
		}
		if n := w.Count(`SELECT count(*) FROM key_shelf`); n != 0 {
			t.Errorf("%d keys are on the shelf", n)
		}
	})
}

// The daily job archives by itself, and is one job however many nodes ask for it.
func TestTheDailyJobArchives(t *testing.T) {
	onEach(t, func(w *world) {
		work := jobs.New(jobs.Options{DB: w.DB, Bus: w.Bus, Now: w.Now})
		w.Files = w.NewFiles(func(o *casefile.Options) { o.Jobs = work })
		f, _ := w.restingFile()
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.Must(w.Archiving(w.Ctx))
		w.Must(w.Archiving(w.Ctx))
		if n := w.Count(`SELECT count(*) FROM job`); n != 1 {
			t.Fatalf("%d jobs", n)
		}
		ctx, cancel := context.WithCancel(w.Ctx)
		defer cancel()
		done := make(chan struct{})
		go func() { work.Run(ctx); close(done) }()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if got, err := w.Get(w.Ctx, f.ID); err == nil && got.State == casefile.Archived && w.Count(`SELECT count(*) FROM job WHERE state = 'waiting' AND run_at > $1`, store.Millis(w.Now().Add(23*time.Hour))) == 1 {
				break
			}
		}
		cancel()
		<-done
		w.is(f.ID, casefile.Archived)
		if n := w.Count(`SELECT count(*) FROM job WHERE run_at > $1`, store.Millis(w.Now().Add(23*time.Hour))); n != 1 {
			t.Errorf("%d jobs for tomorrow", n)
		}
	})
}

// A rotation of the epoch goes on over the archive.
func TestTheArchiveLivesThroughARotation(t *testing.T) {
	onEach(t, func(w *world) {
		f, _ := w.restingFile()
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.archives(1)
		w.Must(w.Keys.Rotate(w.Ctx))
		w.Must(w.LookIntoArchive(w.Ctx, f.ID, "quality", nadia))
		inside, err := w.InArchive(w.Ctx, f.ID, nadia.ID)
		w.Must(err)
		if notes, err := w.Notes(inside, f.ID); err != nil || len(notes) != 1 {
			t.Errorf("%v, %v", notes, err)
		}
		if state, err := w.Keys.State(w.Ctx); err != nil || state.Shelved != 1 || state.Keys[seal.KindFile] != 1 {
			t.Errorf("%+v, %v", state, err)
		}
		found, _, err := w.Search(w.Ctx, casefile.Filter{Exact: "@ines.lune", Archived: true}, nadia)
		if err != nil || len(found) != 1 || fault.As(err) != nil {
			t.Errorf("%v, %v", found, err)
		}
	})
}
