package casefile_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/fault"
	"vigie/internal/spoken"
	"vigie/internal/store"
)

// Pressed twice, or by two people at once, a contact has one file.
func TestAContactHasOneFile(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.Child("")
		files := make([]casefile.File, 8)
		var all sync.WaitGroup
		for i := range files {
			all.Go(func() {
				f, err := w.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
				if err != nil {
					w.T.Error(err)
				}
				files[i] = f
			})
		}
		all.Wait()
		for _, f := range files {
			if f.ID != files[0].ID || f.ID == "" {
				w.T.Fatalf("two files of one contact: %s and %s", f.ID, files[0].ID)
			}
		}
		if n := w.Count(`SELECT count(*) FROM case_file`); n != 1 {
			w.T.Errorf("%d files are in the record", n)
		}
		if n := w.Count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'file'`); n != 1 {
			w.T.Errorf("%d keys were left of files, want 1", n)
		}
		_, err := w.OpenFor(w.Ctx, ct.ID, "kitchen", claire)
		w.Refused(err, "fault.case.room")
		_, err = w.OpenFor(w.Ctx, store.NewID(), casefile.RoomChild, claire)
		if !fault.Is(err, fault.NotFound) {
			w.T.Errorf("a file of no contact: %v", err)
		}
	})
}

// A reference can be read, said and typed in many ways, and is found.
func TestAFileIsFoundByItsReference(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		if len(f.Reference) != len("V-7K4M-29") || strings.Trim(f.Reference[1:], spoken.Signs+"-") != "" {
			w.T.Errorf("%q is hard to say", f.Reference)
		}
		for _, typed := range []string{f.Reference, strings.ToLower(f.Reference), strings.ReplaceAll(f.Reference, "-", " "), strings.ReplaceAll(f.Reference, "-", "")} {
			found, _, err := w.Search(w.Ctx, casefile.Filter{Exact: typed}, claire)
			w.Must(err)
			if len(found) != 1 || found[0].ID != f.ID {
				w.T.Errorf("%q finds %v", typed, found)
			}
		}
	})
}

// What is written is found again by whoever may, and by nobody in the record's own bytes.
func TestWordsAreSealed(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		note, task, grid := store.NewID(), store.NewID(), store.NewID()
		for range 2 { // sent twice
			w.Must(w.AddNote(w.Ctx, f.ID, note, "  Sa mère sait.\r\n ", claire))
			w.Must(w.AddTask(w.Ctx, f.ID, task, "Rappeler Inès", "", w.Now().Add(time.Hour), claire))
			w.Must(w.Judge(w.Ctx, f.ID, grid, casefile.Grid{Answers: map[string]string{"suicide_risk": "3", "meeting_planned": ""}, Remark: "elle tremble"}, claire))
		}
		person := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Name: "Inès", School: "collège Prévert"}}
		w.Must(w.SavePerson(w.Ctx, person, claire))
		notes, err := w.Notes(w.Ctx, f.ID)
		w.Must(err)
		tasks, err := w.Tasks(w.Ctx, f.ID)
		w.Must(err)
		grids, err := w.Dangers(w.Ctx, f.ID)
		w.Must(err)
		people, err := w.People(w.Ctx, f.ID)
		w.Must(err)
		if len(notes) != 1 || notes[0].Text != "Sa mère sait." || len(tasks) != 1 || tasks[0].Text != "Rappeler Inès" || tasks[0].StaffID != claire.ID ||
			len(grids) != 1 || grids[0].Grid.Remark != "elle tremble" || len(grids[0].Grid.Answers) != 1 || grids[0].Grid.Answers["suicide_risk"] != "3" || len(people) != 1 || people[0].Content.School != "collège Prévert" {
			w.T.Errorf("read again: %+v %+v %+v %+v", notes, tasks, grids, people)
		}
		for _, column := range []string{"case_note.text_sealed", "case_task.text_sealed", "case_danger.grid_sealed", "case_person.content_sealed"} {
			table, name, _ := strings.Cut(column, ".")
			sealed, err := store.One(w.Ctx, w.DB, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT `+name+` FROM `+table)
			w.Must(err)
			for _, word := range []string{"Inès", "mère", "tremble", "Prévert"} {
				if strings.Contains(string(sealed), word) {
					w.T.Errorf("%s holds %q", column, word)
				}
			}
		}
		w.Refused(w.AddNote(w.Ctx, f.ID, store.NewID(), " \n", claire), "fault.case.empty")
		w.Refused(w.AddNote(w.Ctx, f.ID, "", "sans nom", claire), "fault.case.id")
		w.Refused(w.AddNote(w.Ctx, f.ID, store.NewID(), strings.Repeat("é", 20_001), claire), "fault.case.long")
		w.Refused(w.AddTask(w.Ctx, f.ID, store.NewID(), "trop tard", "", w.Now().Add(-48*time.Hour), claire), "fault.case.due")
		w.Refused(w.AddTask(w.Ctx, f.ID, store.NewID(), "trop loin", "", w.Now().Add(3*365*24*time.Hour), claire), "fault.case.due")
		w.Refused(w.Judge(w.Ctx, f.ID, store.NewID(), casefile.Grid{Answers: map[string]string{"made_up": "yes"}}, claire), "fault.case.danger")
		if err := w.Judge(w.Ctx, f.ID, store.NewID(), casefile.Grid{Answers: map[string]string{"suicide_risk": "9"}}, claire); !fault.Is(err, fault.Invalid) {
			w.T.Errorf("a risk of 9: %v", err)
		}
		w.Refused(w.SavePerson(w.Ctx, casefile.Person{ID: store.NewID(), FileID: f.ID, Part: "hero"}, claire), "fault.case.part")
	})
}

// Two tabs: what one saved is not overwritten by what the other saw before.
func TestTwoTabsOfOnePerson(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		p := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Age: "12"}}
		w.Must(w.SavePerson(w.Ctx, p, claire))
		p.Rev, p.Content.Age = 1, "13"
		w.Must(w.SavePerson(w.Ctx, p, claire))
		p.Content.Age = "14"
		w.Refused(w.SavePerson(w.Ctx, p, karim), "fault.case.person_changed")
		people, err := w.People(w.Ctx, f.ID)
		w.Must(err)
		if people[0].Content.Age != "13" || people[0].Rev != 2 {
			w.T.Errorf("it is %+v", people[0])
		}
	})
}

// Every state and event: the table of moves and nothing else.
func TestEveryMove(t *testing.T) {
	onEach(t, func(w *world) {
		act := map[string]func(id string) error{
			casefile.EventClose:  func(id string) error { return w.Close(w.Ctx, id, "solved", claire) },
			casefile.EventReopen: func(id string) error { return w.Reopen(w.Ctx, id, claire) },
			casefile.EventMerge:  func(id string) error { return w.Merge(w.Ctx, id, w.File(claire).ID, claire) },
			casefile.EventArchive: func(id string) error {
				w.Forward(casefile.ArchiveAfter + time.Hour)
				w.Must(w.rests(id))
				if n, err := w.ArchiveDue(w.Ctx); err != nil || n > 0 {
					return err
				}
				return fault.New(fault.Conflict, "fault.case.changed")
			},
			casefile.EventUnarchive: func(id string) error {
				return w.Unarchive(w.Ctx, id, store.NewID(), "Elle est revenue hier.", claire)
			},
		}
		reach := map[casefile.State][]string{casefile.Open: nil, casefile.Closed: {casefile.EventClose}, casefile.Archived: {casefile.EventClose, casefile.EventArchive}, casefile.Merged: {casefile.EventMerge}}
		allowed := map[casefile.State]map[string]casefile.State{
			casefile.Open:     {casefile.EventClose: casefile.Closed, casefile.EventMerge: casefile.Merged},
			casefile.Closed:   {casefile.EventReopen: casefile.Open, casefile.EventArchive: casefile.Archived, casefile.EventMerge: casefile.Merged},
			casefile.Archived: {casefile.EventUnarchive: casefile.Open},
			casefile.Merged:   {},
		}
		for from, way := range reach {
			for ev := range act {
				id := w.File(claire).ID
				for _, step := range way {
					w.Must(act[step](id))
				}
				err := act[ev](id)
				f, get := w.Get(w.Ctx, id)
				w.Must(get)
				if to, ok := allowed[from][ev]; ok && (err != nil || f.State != to) {
					w.T.Errorf("%s, %s: %s, %v; want %s", from, ev, f.State, err, to)
				} else if !ok && (!fault.Is(err, fault.Conflict) || f.State != from) {
					w.T.Errorf("%s, %s: %s, %v; want it refused", from, ev, f.State, err)
				}
			}
		}
	})
}

// rests has the contacts of a file be over, as they are long after.
func (w *world) rests(id string) error {
	_, err := w.DB.Exec(w.Ctx, `UPDATE contact SET state = 'closed' WHERE id IN (SELECT contact_id FROM case_contact WHERE file_id = $1)`, id)
	return err
}

// A closed file is read as before and written no more; it is not closed while something is to be done.
func TestAClosedFile(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		task := store.NewID()
		w.Must(w.AddTask(w.Ctx, f.ID, task, "Vérifier la suppression", "", w.Now().Add(time.Hour), claire))
		w.Refused(w.Close(w.Ctx, f.ID, "solved", claire), "fault.case.tasks_open")
		w.Must(w.EndTask(w.Ctx, f.ID, task, casefile.TaskDone, claire))
		w.Must(w.EndTask(w.Ctx, f.ID, task, casefile.TaskDropped, karim)) // it stays as it was
		w.Refused(w.Close(w.Ctx, f.ID, "tired", claire), "fault.case.closing")
		w.Must(w.Close(w.Ctx, f.ID, "solved", claire))
		w.Refused(w.AddNote(w.Ctx, f.ID, store.NewID(), "encore un mot", claire), "fault.case.not_open")
		w.Refused(w.AddContact(w.Ctx, f.ID, w.Child("").ID, casefile.RoomParent, claire), "fault.case.not_open")
		tasks, err := w.Tasks(w.Ctx, f.ID)
		w.Must(err)
		if len(tasks) != 1 || tasks[0].State != casefile.TaskDone || tasks[0].EndedBy != claire.ID {
			w.T.Errorf("the task is %+v", tasks)
		}
	})
}

// A child who is back with her four words brings her file back, opened again for whoever answers her; her mother's own
// contact stays in its room.
func TestAReturningCodeReopensTheFile(t *testing.T) {
	onEach(t, func(w *world) {
		first := w.Child("")
		f, err := w.OpenFor(w.Ctx, first.ID, casefile.RoomChild, claire)
		w.Must(err)
		mother := w.Child("")
		w.Must(w.AddContact(w.Ctx, f.ID, mother.ID, casefile.RoomParent, claire))
		w.Must(w.Close(w.Ctx, f.ID, "solved", claire))
		again := w.Child(first.PersonID)
		if _, ok, err := w.OfContact(w.Ctx, again.ID); err != nil || ok {
			w.T.Fatalf("it has a file before anybody answered: %v", err)
		}
		w.answered(again.ID, karim)
		f, err = w.Get(w.Ctx, f.ID)
		w.Must(err)
		if f.State != casefile.Open {
			w.T.Errorf("the file is %s", f.State)
		}
		contacts, err := w.Files.Contacts(w.Ctx, f.ID)
		w.Must(err)
		rooms := map[string]casefile.Room{}
		for _, c := range contacts {
			rooms[c.ContactID] = c.Room
		}
		if len(rooms) != 3 || rooms[again.ID] != casefile.RoomChild || rooms[mother.ID] != casefile.RoomParent {
			w.T.Errorf("the rooms are %v", rooms)
		}
		if how, err := w.May(w.Ctx, f.ID, karim.ID, false); err != nil || how != casefile.AsAnswering {
			w.T.Errorf("who answers her may %q, %v", how, err)
		}
	})
}

// Need to know: who may read a file, and who may not.
func TestWhoMayRead(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.Child("")
		f, err := w.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
		w.Must(err)
		may := func(who string, all bool, want casefile.Access) {
			w.T.Helper()
			how, err := w.May(w.Ctx, f.ID, who, all)
			if err != nil || how != want {
				w.T.Errorf("%s may %q (%v), want %q", who, how, err, want)
			}
		}
		may(claire.ID, false, casefile.AsOwner)
		may(nadia.ID, true, casefile.AsSupervisor)
		may(karim.ID, false, "")
		w.answered(ct.ID, karim)
		may(karim.ID, false, casefile.AsAnswering)
		w.Must(w.Let(w.Ctx, f.ID, karim.ID, claire))
		may(karim.ID, false, casefile.AsReader)
		w.Must(w.Withdraw(w.Ctx, f.ID, karim.ID, claire))
		may(karim.ID, false, casefile.AsAnswering)
		w.Must(w.HandOver(w.Ctx, f.ID, karim.ID, claire))
		may(karim.ID, false, casefile.AsOwner)
		may(claire.ID, false, casefile.AsReader) // who had it may read it on
	})
}

// Breaking the glass asks why, tells the supervisors until one has seen it, ends by itself, and is in the log.
func TestBreakingTheGlass(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		w.Refused(w.BreakGlass(w.Ctx, f.ID, "pour voir", karim), "fault.case.why")
		w.Must(w.BreakGlass(w.Ctx, f.ID, "La mère rappelle et Claire est absente.", karim))
		w.Must(w.BreakGlass(w.Ctx, f.ID, "La mère rappelle et Claire est absente.", karim)) // it is open already
		how, err := w.May(w.Ctx, f.ID, karim.ID, false)
		w.Must(err)
		broken, err := w.Broken(w.Ctx)
		w.Must(err)
		if how != casefile.ByGlass || len(broken) != 1 || broken[0].StaffID != karim.ID || broken[0].Why != "La mère rappelle et Claire est absente." {
			w.T.Fatalf("he may %q; the supervisors see %+v", how, broken)
		}
		if n := w.acts("case.glass", f.ID); n != 1 {
			w.T.Errorf("%d rows of it are in the log", n)
		}
		w.Must(w.SeenGlass(w.Ctx, broken[0].ID, nadia))
		if broken, err = w.Broken(w.Ctx); err != nil || len(broken) != 0 {
			w.T.Errorf("it still rings: %v %v", broken, err)
		}
		w.Forward(casefile.GlassFor + time.Second)
		if how, err = w.May(w.Ctx, f.ID, karim.ID, false); err != nil || how != "" {
			w.T.Errorf("the next day he may %q, %v", how, err)
		}
	})
}

// Whoever knows a person of a file finds no file, whatever she is and however she asks.
func TestWhoKnowsThePersonFindsNothing(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.Child("")
		f, err := w.OpenFor(w.Ctx, ct.ID, casefile.RoomChild, claire)
		w.Must(err)
		w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error { return w.World.Contacts.Bar(w.Ctx, tx, ct.PersonID, nadia.ID, nadia) }))
		if _, err := w.May(w.Ctx, f.ID, nadia.ID, true); !fault.Is(err, fault.NotFound) {
			w.T.Errorf("she may: %v", err)
		}
		if err := w.BreakGlass(w.Ctx, f.ID, "J’ai besoin de savoir.", nadia); !fault.Is(err, fault.NotFound) {
			w.T.Errorf("she breaks the glass: %v", err)
		}
		for _, q := range []casefile.Filter{{}, {Exact: f.Reference}} {
			if found, _, err := w.Search(w.Ctx, q, nadia); err != nil || len(found) != 0 {
				w.T.Errorf("%+v finds %v, %v", q, found, err)
			}
			if found, _, err := w.Search(w.Ctx, q, karim); err != nil || len(found) != 1 {
				w.T.Errorf("a colleague finds %v by %+v, %v", found, q, err)
			}
		}
	})
}

// A person is found by exactly her account or number, however it is typed; somebody accused is not.
func TestPeopleAreFoundByExactValues(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		child := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Handle: "@Ines.12", Phone: "06 12 34 56 78"}}
		author := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Author, Content: casefile.PersonContent{Handle: "@dark.wolf"}}
		w.Must(w.SavePerson(w.Ctx, child, claire))
		w.Must(w.SavePerson(w.Ctx, author, claire))
		finds := func(typed string) int {
			found, _, err := w.Search(w.Ctx, casefile.Filter{Exact: typed}, claire)
			w.Must(err)
			return len(found)
		}
		for typed, want := range map[string]int{"ines.12": 1, "+33612345678": 1, "dark.wolf": 0, "ines": 0} {
			if n := finds(typed); n != want {
				w.T.Errorf("%q finds %d files, want %d", typed, n, want)
			}
		}
		child.Rev, child.Content.Handle = 1, "@ines.13"
		w.Must(w.SavePerson(w.Ctx, child, claire))
		if finds("ines.12") != 0 || finds("ines.13") != 1 {
			w.T.Error("the old account is still found, or the new one is not")
		}
		w.Must(w.RemovePerson(w.Ctx, f.ID, child.ID, claire))
		if finds("ines.13") != 0 || finds("0612345678") != 0 {
			w.T.Error("who was taken out is still found")
		}
		if _, _, err := w.Search(w.Ctx, casefile.Filter{Exact: "deux mots"}, claire); !fault.Is(err, fault.Invalid) {
			w.T.Errorf("two words: %v", err)
		}
	})
}

// Two files become one: the keys move and not a byte is sealed anew; what led to the first leads to the second.
func TestAMergeMovesKeys(t *testing.T) {
	onEach(t, func(w *world) {
		a, b := w.File(claire), w.File(karim)
		w.Must(w.AddNote(w.Ctx, a.ID, store.NewID(), "de la mère", claire))
		w.Must(w.AddNote(w.Ctx, b.ID, store.NewID(), "de l’enfant", karim))
		w.Must(w.SavePerson(w.Ctx, casefile.Person{ID: store.NewID(), FileID: a.ID, Part: casefile.Parent, Content: casefile.PersonContent{Phone: "0612345678"}}, claire))
		w.Must(w.Let(w.Ctx, a.ID, nadia.ID, claire))
		bytesOf := func() []string {
			all, err := store.All(w.Ctx, w.DB, func(r store.Row) (string, error) { var b []byte; err := r.Scan(&b); return string(b), err }, `SELECT text_sealed FROM case_note ORDER BY id`)
			w.Must(err)
			return all
		}
		before := bytesOf()
		w.Refused(w.Merge(w.Ctx, a.ID, a.ID, claire), "fault.case.merge_self")
		w.Must(w.Merge(w.Ctx, a.ID, b.ID, claire))
		if !slices.Equal(before, bytesOf()) {
			w.T.Error("a note was sealed anew")
		}
		notes, err := w.Notes(w.Ctx, b.ID)
		w.Must(err)
		if len(notes) != 2 || notes[0].Text != "de la mère" || notes[1].Text != "de l’enfant" {
			w.T.Errorf("the notes are %+v", notes)
		}
		contacts, err := w.Files.Contacts(w.Ctx, b.ID)
		w.Must(err)
		if len(contacts) != 2 {
			w.T.Errorf("the contacts are %+v", contacts)
		}
		for _, typed := range []string{a.Reference, "0612345678"} {
			found, _, err := w.Search(w.Ctx, casefile.Filter{Exact: typed}, karim)
			w.Must(err)
			if len(found) != 1 || found[0].ID != b.ID {
				w.T.Errorf("%q leads to %+v", typed, found)
			}
		}
		if how, err := w.May(w.Ctx, b.ID, claire.ID, false); err != nil || how != "" {
			w.T.Errorf("who had the first file may read the second as %q, %v", how, err)
		}
		readers, err := w.Readers(w.Ctx, b.ID)
		w.Must(err)
		if len(readers) != 0 {
			w.T.Errorf("the first one's readers read the second: %+v", readers)
		}
		c := w.File(claire)
		w.Must(w.Merge(w.Ctx, b.ID, c.ID, claire)) // and again: both keys go on
		if notes, err = w.Notes(w.Ctx, c.ID); err != nil || len(notes) != 2 {
			w.T.Errorf("after a second merge: %+v, %v", notes, err)
		}
		if found, _, err := w.Search(w.Ctx, casefile.Filter{Exact: a.Reference}, claire); err != nil || len(found) != 1 || found[0].ID != c.ID {
			w.T.Errorf("the first reference leads to %+v, %v", found, err)
		}
	})
}

// Erasing a file destroys every key of its ring, those that a merge brought too, and nothing of another file or contact.
func TestErasingAFile(t *testing.T) {
	onEach(t, func(w *world) {
		a, b, other := w.File(claire), w.File(claire), w.File(karim)
		w.Must(w.AddNote(w.Ctx, other.ID, store.NewID(), "autre", karim))
		w.Must(w.Merge(w.Ctx, a.ID, b.ID, claire))
		w.Must(w.Erase(w.Ctx, b.ID, nadia, "request"))
		for _, id := range []string{a.ID, b.ID} {
			if _, err := w.Get(w.Ctx, id); !fault.Is(err, fault.NotFound) {
				w.T.Errorf("it is still there: %v", err)
			}
		}
		for _, key := range []string{a.KeyID, b.KeyID} {
			if _, err := w.Keys.Key(w.Ctx, key); !fault.Is(err, fault.Gone) {
				w.T.Errorf("a key of it is still there: %v", err)
			}
		}
		if notes, err := w.Notes(w.Ctx, other.ID); err != nil || len(notes) != 1 {
			w.T.Errorf("another file: %v, %v", notes, err)
		}
		if n := w.Count(`SELECT count(*) FROM contact`); n != 3 {
			w.T.Errorf("%d contacts are left, want 3", n)
		}
	})
}

// What is due is seen by who has to do it, and what is late by the supervisors.
func TestTasksBecomeDue(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		w.Must(w.AddTask(w.Ctx, f.ID, store.NewID(), "demain", "", w.Now().Add(20*time.Hour), claire))
		w.Must(w.AddTask(w.Ctx, f.ID, store.NewID(), "tout de suite", "", w.Now().Add(time.Minute), claire))
		w.Must(w.AddTask(w.Ctx, f.ID, store.NewID(), "pour Karim", karim.ID, w.Now().Add(time.Minute), claire))
		w.Forward(time.Hour)
		due, err := w.TasksOf(w.Ctx, claire.ID, w.Now())
		w.Must(err)
		if len(due) != 1 || due[0].Text != "tout de suite" {
			w.T.Errorf("due: %+v", due)
		}
		late, err := w.TasksLate(w.Ctx, w.Now())
		w.Must(err)
		if len(late) != 2 {
			w.T.Errorf("late: %+v", late)
		}
		tasks, err := w.Tasks(w.Ctx, f.ID)
		w.Must(err)
		if len(tasks) != 3 || tasks[2].Text != "demain" {
			w.T.Errorf("in the file: %+v", tasks)
		}
	})
}

// The timeline tells what happened, in codes, the newest first, page by page.
func TestTheTimeline(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		for range 5 {
			w.Must(w.AddNote(w.Ctx, f.ID, store.NewID(), "mot", claire))
			w.Forward(time.Second)
		}
		w.Must(w.SetTopic(w.Ctx, f.ID, firstTopic(w), claire))
		w.Refused(w.SetTopic(w.Ctx, f.ID, "made_up", claire), "fault.case.topic")
		first, err := w.Timeline(w.Ctx, f.ID, "", 4)
		w.Must(err)
		rest, err := w.Timeline(w.Ctx, f.ID, first[3].ID, 10)
		w.Must(err)
		var kinds []string
		for _, e := range append(first, rest...) {
			kinds = append(kinds, e.Kind)
		}
		if want := []string{"topic", "note", "note", "note", "note", "note", "opened"}; !slices.Equal(kinds, want) {
			w.T.Errorf("it tells %v, want %v", kinds, want)
		}
	})
}

func firstTopic(w *world) string {
	w.T.Helper()
	return w.Set.Taxonomy.Of(w.Set.Taxonomy.Families[0].Code)[0].Code
}

// A look is the opening of a file, not each drawing of its page; who comes back later looks again.
func TestALookIsAnOpening(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.File(claire)
		looks := func(by audit.Actor, how casefile.Access) { w.T.Helper(); w.Must(w.Look(w.Ctx, f.ID, how, by)) }
		for range 3 {
			looks(claire, casefile.AsOwner)
		}
		looks(nadia, casefile.AsSupervisor)
		w.Forward(11 * time.Minute)
		looks(claire, casefile.AsOwner)
		if n := w.acts("case.look", f.ID); n != 3 {
			w.T.Errorf("%d looks are in the log, want 3", n)
		}
	})
}
