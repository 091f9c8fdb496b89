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
	"vigie/internal/store"
)

// Pressed twice, or by two people at once, a contact has one file.
func TestAContactHasOneFile(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.child("")
		files := make([]casefile.File, 8)
		var all sync.WaitGroup
		for i := range files {
			all.Go(func() {
				f, err := w.OpenFor(w.ctx, ct.ID, casefile.RoomChild, claire)
				if err != nil {
					w.t.Error(err)
				}
				files[i] = f
			})
		}
		all.Wait()
		for _, f := range files {
			if f.ID != files[0].ID || f.ID == "" {
				w.t.Fatalf("two files of one contact: %s and %s", f.ID, files[0].ID)
			}
		}
		if n := w.count(`SELECT count(*) FROM case_file`); n != 1 {
			w.t.Errorf("%d files are in the record", n)
		}
		if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'file'`); n != 1 {
			w.t.Errorf("%d keys were left of files, want 1", n)
		}
		_, err := w.OpenFor(w.ctx, ct.ID, "kitchen", claire)
		w.refused(err, "fault.case.room")
		_, err = w.OpenFor(w.ctx, store.NewID(), casefile.RoomChild, claire)
		if !fault.Is(err, fault.NotFound) {
			w.t.Errorf("a file of no contact: %v", err)
		}
	})
}

// A reference can be read, said and typed in many ways, and is found.
func TestAFileIsFoundByItsReference(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		if len(f.Reference) != len("V-7K4M-29") || strings.ContainsAny(f.Reference[1:], "0O1ILZS58BV") {
			w.t.Errorf("%q is hard to say", f.Reference)
		}
		for _, typed := range []string{f.Reference, strings.ToLower(f.Reference), strings.ReplaceAll(f.Reference, "-", " "), strings.ReplaceAll(f.Reference, "-", "")} {
			found, _, err := w.Search(w.ctx, casefile.Filter{Exact: typed}, claire)
			w.must(err)
			if len(found) != 1 || found[0].ID != f.ID {
				w.t.Errorf("%q finds %v", typed, found)
			}
		}
	})
}

// What is written is found again by whoever may, and by nobody in the record's own bytes.
func TestWordsAreSealed(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		note, task, grid := store.NewID(), store.NewID(), store.NewID()
		for range 2 { // sent twice
			w.must(w.AddNote(w.ctx, f.ID, note, "  Sa mère sait.\r\n ", claire))
			w.must(w.AddTask(w.ctx, f.ID, task, "Rappeler Inès", "", w.now().Add(time.Hour), claire))
			w.must(w.Judge(w.ctx, f.ID, grid, casefile.Grid{Answers: map[string]string{"suicide_risk": "3", "meeting_planned": ""}, Remark: "elle tremble"}, claire))
		}
		person := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Name: "Inès", School: "collège Prévert"}}
		w.must(w.SavePerson(w.ctx, person, claire))
		notes, err := w.Notes(w.ctx, f.ID)
		w.must(err)
		tasks, err := w.Tasks(w.ctx, f.ID)
		w.must(err)
		grids, err := w.Dangers(w.ctx, f.ID)
		w.must(err)
		people, err := w.People(w.ctx, f.ID)
		w.must(err)
		if len(notes) != 1 || notes[0].Text != "Sa mère sait." || len(tasks) != 1 || tasks[0].Text != "Rappeler Inès" || tasks[0].StaffID != claire.ID ||
			len(grids) != 1 || grids[0].Grid.Remark != "elle tremble" || len(grids[0].Grid.Answers) != 1 || grids[0].Grid.Answers["suicide_risk"] != "3" || len(people) != 1 || people[0].Content.School != "collège Prévert" {
			w.t.Errorf("read again: %+v %+v %+v %+v", notes, tasks, grids, people)
		}
		for _, column := range []string{"case_note.text_sealed", "case_task.text_sealed", "case_danger.grid_sealed", "case_person.content_sealed"} {
			table, name, _ := strings.Cut(column, ".")
			sealed, err := store.One(w.ctx, w.db, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT `+name+` FROM `+table)
			w.must(err)
			for _, word := range []string{"Inès", "mère", "tremble", "Prévert"} {
				if strings.Contains(string(sealed), word) {
					w.t.Errorf("%s holds %q", column, word)
				}
			}
		}
		w.refused(w.AddNote(w.ctx, f.ID, store.NewID(), " \n", claire), "fault.case.empty")
		w.refused(w.AddNote(w.ctx, f.ID, "", "sans nom", claire), "fault.case.id")
		w.refused(w.AddNote(w.ctx, f.ID, store.NewID(), strings.Repeat("é", 20_001), claire), "fault.case.long")
		w.refused(w.AddTask(w.ctx, f.ID, store.NewID(), "trop tard", "", w.now().Add(-48*time.Hour), claire), "fault.case.due")
		w.refused(w.AddTask(w.ctx, f.ID, store.NewID(), "trop loin", "", w.now().Add(3*365*24*time.Hour), claire), "fault.case.due")
		w.refused(w.Judge(w.ctx, f.ID, store.NewID(), casefile.Grid{Answers: map[string]string{"made_up": "yes"}}, claire), "fault.case.danger")
		if err := w.Judge(w.ctx, f.ID, store.NewID(), casefile.Grid{Answers: map[string]string{"suicide_risk": "9"}}, claire); !fault.Is(err, fault.Invalid) {
			w.t.Errorf("a risk of 9: %v", err)
		}
		w.refused(w.SavePerson(w.ctx, casefile.Person{ID: store.NewID(), FileID: f.ID, Part: "hero"}, claire), "fault.case.part")
	})
}

// Two tabs: what one saved is not overwritten by what the other saw before.
func TestTwoTabsOfOnePerson(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		p := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Age: "12"}}
		w.must(w.SavePerson(w.ctx, p, claire))
		p.Rev, p.Content.Age = 1, "13"
		w.must(w.SavePerson(w.ctx, p, claire))
		p.Content.Age = "14"
		w.refused(w.SavePerson(w.ctx, p, karim), "fault.case.person_changed")
		people, err := w.People(w.ctx, f.ID)
		w.must(err)
		if people[0].Content.Age != "13" || people[0].Rev != 2 {
			w.t.Errorf("it is %+v", people[0])
		}
	})
}

// Every state and event: the table of moves and nothing else.
func TestEveryMove(t *testing.T) {
	onEach(t, func(w *world) {
		act := map[string]func(id string) error{
			casefile.EventClose:  func(id string) error { return w.Close(w.ctx, id, "solved", claire) },
			casefile.EventReopen: func(id string) error { return w.Reopen(w.ctx, id, claire) },
			casefile.EventMerge:  func(id string) error { return w.Merge(w.ctx, id, w.file(claire).ID, claire) },
		}
		reach := map[casefile.State][]string{casefile.Open: nil, casefile.Closed: {casefile.EventClose}, casefile.Merged: {casefile.EventMerge}}
		allowed := map[casefile.State]map[string]casefile.State{
			casefile.Open:   {casefile.EventClose: casefile.Closed, casefile.EventMerge: casefile.Merged},
			casefile.Closed: {casefile.EventReopen: casefile.Open, casefile.EventMerge: casefile.Merged},
			casefile.Merged: {},
		}
		for from, way := range reach {
			for ev := range act {
				id := w.file(claire).ID
				for _, step := range way {
					w.must(act[step](id))
				}
				err := act[ev](id)
				f, get := w.Get(w.ctx, id)
				w.must(get)
				if to, ok := allowed[from][ev]; ok && (err != nil || f.State != to) {
					w.t.Errorf("%s, %s: %s, %v; want %s", from, ev, f.State, err, to)
				} else if !ok && (!fault.Is(err, fault.Conflict) || f.State != from) {
					w.t.Errorf("%s, %s: %s, %v; want it refused", from, ev, f.State, err)
				}
			}
		}
	})
}

// A closed file is read as before and written no more; it is not closed while something is to be done.
func TestAClosedFile(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		task := store.NewID()
		w.must(w.AddTask(w.ctx, f.ID, task, "Vérifier la suppression", "", w.now().Add(time.Hour), claire))
		w.refused(w.Close(w.ctx, f.ID, "solved", claire), "fault.case.tasks_open")
		w.must(w.EndTask(w.ctx, f.ID, task, casefile.TaskDone, claire))
		w.must(w.EndTask(w.ctx, f.ID, task, casefile.TaskDropped, karim)) // it stays as it was
		w.refused(w.Close(w.ctx, f.ID, "tired", claire), "fault.case.closing")
		w.must(w.Close(w.ctx, f.ID, "solved", claire))
		w.refused(w.AddNote(w.ctx, f.ID, store.NewID(), "encore un mot", claire), "fault.case.not_open")
		w.refused(w.AddContact(w.ctx, f.ID, w.child("").ID, casefile.RoomParent, claire), "fault.case.not_open")
		tasks, err := w.Tasks(w.ctx, f.ID)
		w.must(err)
		if len(tasks) != 1 || tasks[0].State != casefile.TaskDone || tasks[0].EndedBy != claire.ID {
			w.t.Errorf("the task is %+v", tasks)
		}
	})
}

// A child who is back with her four words brings her file back, opened again for whoever answers her; her mother's own
// contact stays in its room.
func TestAReturningCodeReopensTheFile(t *testing.T) {
	onEach(t, func(w *world) {
		first := w.child("")
		f, err := w.OpenFor(w.ctx, first.ID, casefile.RoomChild, claire)
		w.must(err)
		mother := w.child("")
		w.must(w.AddContact(w.ctx, f.ID, mother.ID, casefile.RoomParent, claire))
		w.must(w.Close(w.ctx, f.ID, "solved", claire))
		again := w.child(first.PersonID)
		if _, ok, err := w.OfContact(w.ctx, again.ID); err != nil || ok {
			w.t.Fatalf("it has a file before anybody answered: %v", err)
		}
		w.answered(again.ID, karim)
		f, err = w.Get(w.ctx, f.ID)
		w.must(err)
		if f.State != casefile.Open {
			w.t.Errorf("the file is %s", f.State)
		}
		contacts, err := w.Files.Contacts(w.ctx, f.ID)
		w.must(err)
		rooms := map[string]casefile.Room{}
		for _, c := range contacts {
			rooms[c.ContactID] = c.Room
		}
		if len(rooms) != 3 || rooms[again.ID] != casefile.RoomChild || rooms[mother.ID] != casefile.RoomParent {
			w.t.Errorf("the rooms are %v", rooms)
		}
		if how, err := w.May(w.ctx, f.ID, karim.ID, false); err != nil || how != casefile.AsAnswering {
			w.t.Errorf("who answers her may %q, %v", how, err)
		}
	})
}

// Need to know: who may read a file, and who may not.
func TestWhoMayRead(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.child("")
		f, err := w.OpenFor(w.ctx, ct.ID, casefile.RoomChild, claire)
		w.must(err)
		may := func(who string, all bool, want casefile.Access) {
			w.t.Helper()
			how, err := w.May(w.ctx, f.ID, who, all)
			if err != nil || how != want {
				w.t.Errorf("%s may %q (%v), want %q", who, how, err, want)
			}
		}
		may(claire.ID, false, casefile.AsOwner)
		may(nadia.ID, true, casefile.AsSupervisor)
		may(karim.ID, false, "")
		w.answered(ct.ID, karim)
		may(karim.ID, false, casefile.AsAnswering)
		w.must(w.Let(w.ctx, f.ID, karim.ID, claire))
		may(karim.ID, false, casefile.AsReader)
		w.must(w.Withdraw(w.ctx, f.ID, karim.ID, claire))
		may(karim.ID, false, casefile.AsAnswering)
		w.must(w.HandOver(w.ctx, f.ID, karim.ID, claire))
		may(karim.ID, false, casefile.AsOwner)
		may(claire.ID, false, casefile.AsReader) // who had it may read it on
	})
}

// Breaking the glass asks why, tells the supervisors until one has seen it, ends by itself, and is in the log.
func TestBreakingTheGlass(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		w.refused(w.BreakGlass(w.ctx, f.ID, "pour voir", karim), "fault.case.why")
		w.must(w.BreakGlass(w.ctx, f.ID, "La mère rappelle et Claire est absente.", karim))
		w.must(w.BreakGlass(w.ctx, f.ID, "La mère rappelle et Claire est absente.", karim)) // it is open already
		how, err := w.May(w.ctx, f.ID, karim.ID, false)
		w.must(err)
		broken, err := w.Broken(w.ctx)
		w.must(err)
		if how != casefile.ByGlass || len(broken) != 1 || broken[0].StaffID != karim.ID || broken[0].Why != "La mère rappelle et Claire est absente." {
			w.t.Fatalf("he may %q; the supervisors see %+v", how, broken)
		}
		if n := w.acts("case.glass", f.ID); n != 1 {
			w.t.Errorf("%d rows of it are in the log", n)
		}
		w.must(w.SeenGlass(w.ctx, broken[0].ID, nadia))
		if broken, err = w.Broken(w.ctx); err != nil || len(broken) != 0 {
			w.t.Errorf("it still rings: %v %v", broken, err)
		}
		w.forward(casefile.GlassFor + time.Second)
		if how, err = w.May(w.ctx, f.ID, karim.ID, false); err != nil || how != "" {
			w.t.Errorf("the next day he may %q, %v", how, err)
		}
	})
}

// Whoever knows a person of a file finds no file, whatever she is and however she asks.
func TestWhoKnowsThePersonFindsNothing(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.child("")
		f, err := w.OpenFor(w.ctx, ct.ID, casefile.RoomChild, claire)
		w.must(err)
		w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error { return w.contacts.Bar(w.ctx, tx, ct.PersonID, nadia.ID, nadia) }))
		if _, err := w.May(w.ctx, f.ID, nadia.ID, true); !fault.Is(err, fault.NotFound) {
			w.t.Errorf("she may: %v", err)
		}
		if err := w.BreakGlass(w.ctx, f.ID, "J’ai besoin de savoir.", nadia); !fault.Is(err, fault.NotFound) {
			w.t.Errorf("she breaks the glass: %v", err)
		}
		for _, q := range []casefile.Filter{{}, {Exact: f.Reference}} {
			if found, _, err := w.Search(w.ctx, q, nadia); err != nil || len(found) != 0 {
				w.t.Errorf("%+v finds %v, %v", q, found, err)
			}
			if found, _, err := w.Search(w.ctx, q, karim); err != nil || len(found) != 1 {
				w.t.Errorf("a colleague finds %v by %+v, %v", found, q, err)
			}
		}
	})
}

// A person is found by exactly her account or number, however it is typed; somebody accused is not.
func TestPeopleAreFoundByExactValues(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		child := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Child, Content: casefile.PersonContent{Handle: "@Ines.12", Phone: "06 12 34 56 78"}}
		author := casefile.Person{ID: store.NewID(), FileID: f.ID, Part: casefile.Author, Content: casefile.PersonContent{Handle: "@dark.wolf"}}
		w.must(w.SavePerson(w.ctx, child, claire))
		w.must(w.SavePerson(w.ctx, author, claire))
		finds := func(typed string) int {
			found, _, err := w.Search(w.ctx, casefile.Filter{Exact: typed}, claire)
			w.must(err)
			return len(found)
		}
		for typed, want := range map[string]int{"ines.12": 1, "+33612345678": 1, "dark.wolf": 0, "ines": 0} {
			if n := finds(typed); n != want {
				w.t.Errorf("%q finds %d files, want %d", typed, n, want)
			}
		}
		child.Rev, child.Content.Handle = 1, "@ines.13"
		w.must(w.SavePerson(w.ctx, child, claire))
		if finds("ines.12") != 0 || finds("ines.13") != 1 {
			w.t.Error("the old account is still found, or the new one is not")
		}
		w.must(w.RemovePerson(w.ctx, f.ID, child.ID, claire))
		if finds("ines.13") != 0 || finds("0612345678") != 0 {
			w.t.Error("who was taken out is still found")
		}
		if _, _, err := w.Search(w.ctx, casefile.Filter{Exact: "deux mots"}, claire); !fault.Is(err, fault.Invalid) {
			w.t.Errorf("two words: %v", err)
		}
	})
}

// Two files become one: the keys move and not a byte is sealed anew; what led to the first leads to the second.
func TestAMergeMovesKeys(t *testing.T) {
	onEach(t, func(w *world) {
		a, b := w.file(claire), w.file(karim)
		w.must(w.AddNote(w.ctx, a.ID, store.NewID(), "de la mère", claire))
		w.must(w.AddNote(w.ctx, b.ID, store.NewID(), "de l’enfant", karim))
		w.must(w.SavePerson(w.ctx, casefile.Person{ID: store.NewID(), FileID: a.ID, Part: casefile.Parent, Content: casefile.PersonContent{Phone: "0612345678"}}, claire))
		w.must(w.Let(w.ctx, a.ID, nadia.ID, claire))
		bytesOf := func() []string {
			all, err := store.All(w.ctx, w.db, func(r store.Row) (string, error) { var b []byte; err := r.Scan(&b); return string(b), err }, `SELECT text_sealed FROM case_note ORDER BY id`)
			w.must(err)
			return all
		}
		before := bytesOf()
		w.refused(w.Merge(w.ctx, a.ID, a.ID, claire), "fault.case.merge_self")
		w.must(w.Merge(w.ctx, a.ID, b.ID, claire))
		if !slices.Equal(before, bytesOf()) {
			w.t.Error("a note was sealed anew")
		}
		notes, err := w.Notes(w.ctx, b.ID)
		w.must(err)
		if len(notes) != 2 || notes[0].Text != "de la mère" || notes[1].Text != "de l’enfant" {
			w.t.Errorf("the notes are %+v", notes)
		}
		contacts, err := w.Files.Contacts(w.ctx, b.ID)
		w.must(err)
		if len(contacts) != 2 {
			w.t.Errorf("the contacts are %+v", contacts)
		}
		for _, typed := range []string{a.Reference, "0612345678"} {
			found, _, err := w.Search(w.ctx, casefile.Filter{Exact: typed}, karim)
			w.must(err)
			if len(found) != 1 || found[0].ID != b.ID {
				w.t.Errorf("%q leads to %+v", typed, found)
			}
		}
		if how, err := w.May(w.ctx, b.ID, claire.ID, false); err != nil || how != "" {
			w.t.Errorf("who had the first file may read the second as %q, %v", how, err)
		}
		readers, err := w.Readers(w.ctx, b.ID)
		w.must(err)
		if len(readers) != 0 {
			w.t.Errorf("the first one's readers read the second: %+v", readers)
		}
		c := w.file(claire)
		w.must(w.Merge(w.ctx, b.ID, c.ID, claire)) // and again: both keys go on
		if notes, err = w.Notes(w.ctx, c.ID); err != nil || len(notes) != 2 {
			w.t.Errorf("after a second merge: %+v, %v", notes, err)
		}
		if found, _, err := w.Search(w.ctx, casefile.Filter{Exact: a.Reference}, claire); err != nil || len(found) != 1 || found[0].ID != c.ID {
			w.t.Errorf("the first reference leads to %+v, %v", found, err)
		}
	})
}

// Erasing a file destroys every key of its ring, those that a merge brought too, and nothing of another file or contact.
func TestErasingAFile(t *testing.T) {
	onEach(t, func(w *world) {
		a, b, other := w.file(claire), w.file(claire), w.file(karim)
		w.must(w.AddNote(w.ctx, other.ID, store.NewID(), "autre", karim))
		w.must(w.Merge(w.ctx, a.ID, b.ID, claire))
		w.must(w.Erase(w.ctx, b.ID, nadia, "request"))
		for _, id := range []string{a.ID, b.ID} {
			if _, err := w.Get(w.ctx, id); !fault.Is(err, fault.NotFound) {
				w.t.Errorf("it is still there: %v", err)
			}
		}
		for _, key := range []string{a.KeyID, b.KeyID} {
			if _, err := w.keys.Key(w.ctx, key); !fault.Is(err, fault.Gone) {
				w.t.Errorf("a key of it is still there: %v", err)
			}
		}
		if notes, err := w.Notes(w.ctx, other.ID); err != nil || len(notes) != 1 {
			w.t.Errorf("another file: %v, %v", notes, err)
		}
		if n := w.count(`SELECT count(*) FROM contact`); n != 3 {
			w.t.Errorf("%d contacts are left, want 3", n)
		}
	})
}

// What is due is seen by who has to do it, and what is late by the supervisors.
func TestTasksBecomeDue(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		w.must(w.AddTask(w.ctx, f.ID, store.NewID(), "demain", "", w.now().Add(20*time.Hour), claire))
		w.must(w.AddTask(w.ctx, f.ID, store.NewID(), "tout de suite", "", w.now().Add(time.Minute), claire))
		w.must(w.AddTask(w.ctx, f.ID, store.NewID(), "pour Karim", karim.ID, w.now().Add(time.Minute), claire))
		w.forward(time.Hour)
		due, err := w.TasksOf(w.ctx, claire.ID, w.now())
		w.must(err)
		if len(due) != 1 || due[0].Text != "tout de suite" {
			w.t.Errorf("due: %+v", due)
		}
		late, err := w.TasksLate(w.ctx, w.now())
		w.must(err)
		if len(late) != 2 {
			w.t.Errorf("late: %+v", late)
		}
		tasks, err := w.Tasks(w.ctx, f.ID)
		w.must(err)
		if len(tasks) != 3 || tasks[2].Text != "demain" {
			w.t.Errorf("in the file: %+v", tasks)
		}
	})
}

// The timeline tells what happened, in codes, the newest first, page by page.
func TestTheTimeline(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		for range 5 {
			w.must(w.AddNote(w.ctx, f.ID, store.NewID(), "mot", claire))
			w.forward(time.Second)
		}
		w.must(w.SetTopic(w.ctx, f.ID, firstTopic(w), claire))
		w.refused(w.SetTopic(w.ctx, f.ID, "made_up", claire), "fault.case.topic")
		first, err := w.Timeline(w.ctx, f.ID, "", 4)
		w.must(err)
		rest, err := w.Timeline(w.ctx, f.ID, first[3].ID, 10)
		w.must(err)
		var kinds []string
		for _, e := range append(first, rest...) {
			kinds = append(kinds, e.Kind)
		}
		if want := []string{"topic", "note", "note", "note", "note", "note", "opened"}; !slices.Equal(kinds, want) {
			w.t.Errorf("it tells %v, want %v", kinds, want)
		}
	})
}

func firstTopic(w *world) string {
	w.t.Helper()
	return w.set.Taxonomy.Of(w.set.Taxonomy.Families[0].Code)[0].Code
}

// A look is the opening of a file, not each drawing of its page; who comes back later looks again.
func TestALookIsAnOpening(t *testing.T) {
	onEach(t, func(w *world) {
		f := w.file(claire)
		looks := func(by audit.Actor, how casefile.Access) { w.t.Helper(); w.must(w.Look(w.ctx, f.ID, how, by)) }
		for range 3 {
			looks(claire, casefile.AsOwner)
		}
		looks(nadia, casefile.AsSupervisor)
		w.forward(11 * time.Minute)
		looks(claire, casefile.AsOwner)
		if n := w.acts("case.look", f.ID); n != 3 {
			w.t.Errorf("%d looks are in the log, want 3", n)
		}
	})
}
