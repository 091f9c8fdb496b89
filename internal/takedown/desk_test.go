package takedown_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/store"
	"vigie/internal/takedown"
)

// desk is what somebody sees.
func (w *world) desk(see takedown.Sight, want takedown.Wanted) takedown.Desk {
	w.T.Helper()
	d, err := w.Desk(w.Ctx, see, want)
	w.Must(err)
	return d
}

// piles is a desk in one line: "draft 2, theirs 1".
func piles(d takedown.Desk) string {
	var all []string
	for _, p := range d.Piles {
		all = append(all, fmt.Sprintf("%s %d", p.Group, p.Count))
	}
	return strings.Join(all, ", ")
}

// approved is a notice that is ready to be sent.
func (w *world) approved(file string) string {
	w.T.Helper()
	id := w.draft(file, "harassment")
	w.Must(w.Consented(w.Ctx, id, "", claire))
	w.Must(w.ApproveNotice(w.Ctx, id, 1, claire))
	return id
}

// set writes columns of a notice straight into the record, for what would take a network or weeks.
func (w *world) set(id, columns string, args ...any) {
	w.T.Helper()
	if _, err := w.DB.Exec(w.Ctx, `UPDATE takedown_notice SET `+columns+` WHERE id = $1`, append([]any{id}, args...)...); err != nil {
		w.T.Fatal(err)
	}
}

// Each notice stands once, in the group of what it waits for, and the groups stand in the order in which they are to be done.
func TestTheDeskInGroups(t *testing.T) {
	onEach(t, func(w *world) {
		see, file := takedown.Sight{StaffID: claire.ID}, w.file()
		now := func() int64 { return store.Millis(w.Now()) }
		writing := w.draft(file, "harassment")
		second := w.draft(file, "csam")
		w.Must(w.Consented(w.Ctx, second, "", claire))
		w.Must(w.AskedPolice(w.Ctx, second, true, claire))
		ready := w.approved(file)
		unknown := w.approved(file)
		w.set(unknown, "state = 'unknown', tried_at = $2", now())
		answered := w.submitted()
		_, err := w.DB.Exec(w.Ctx, `INSERT INTO takedown_reply (id, source, notice_id, key_id, state, kind, received_at, kept_at, content_sealed) VALUES ($1, $1, $1, 'k', 'waits', 'answer', 5, 5, $2)`, answered, []byte("x"))
		w.Must(err)
		due := w.submitted()
		w.set(due, "due_at = $2", now()-1)
		back := w.submitted()
		w.set(back, "state = 'reappeared', reappeared_at = $2, due_at = $2", now())
		gone := w.submitted()
		w.set(gone, "state = 'removed', removed_at = $2", now())
		theirs := w.submitted()
		watched := w.submitted()
		w.set(watched, "state = 'watching', removed_at = $2, due_at = 0", now())
		ended := w.submitted()
		w.Must(w.Move(w.Ctx, ended, takedown.Finish, claire))
		old := w.submitted()
		w.set(old, "state = 'closed', closed_at = $2", now()-8*24*3600*1000)

		d := w.desk(see, takedown.Wanted{})
		want := map[takedown.Group]string{takedown.ForSecond: second, takedown.ForSending: ready, takedown.ForKnowing: unknown, takedown.ForReading: answered, takedown.ForStep: due,
			takedown.ForReturn: back, takedown.ForTelling: gone, takedown.ForWriting: writing, takedown.ForPlatform: theirs, takedown.ForWatch: watched, takedown.ForNothing: ended}
		var order []takedown.Group
		for _, p := range d.Piles {
			order = append(order, p.Group)
			if p.Count != 1 || len(p.Entries) != 1 || p.Entries[0].ID != want[p.Group] || p.Entries[0].Reference == "" || p.Entries[0].Since == 0 || p.Entries[0].Group != p.Group {
				w.T.Errorf("%s holds %d: %+v", p.Group, p.Count, p.Entries)
			}
		}
		if !slices.Equal(order, takedown.Groups) {
			w.T.Errorf("the groups are %v", order)
		}
		for _, p := range d.Piles {
			if p.Group == takedown.ForStep && p.Entries[0].Next != "reminder" {
				w.T.Errorf("the next step is %q", p.Entries[0].Next)
			}
		}
		if len(d.Tallies) != 1 || d.Tallies[0] != (takedown.Tally{Platform: "instagram", Late: d.Tallies[0].Late, Ours: 8, Their: 1}) {
			w.T.Errorf("in numbers: %+v", d.Tallies)
		}
	})
}

// Who may read a file sees its notices; who may not is told a number; who knows the child is told nothing. It is what May says.
func TestTheDeskAndNeedToKnow(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		w.draft(file, "harassment")
		nobody, all := takedown.Sight{StaffID: karim.ID}, takedown.Sight{StaffID: nadia.ID, All: true}
		agrees := func(see takedown.Sight, want string, others int) {
			w.T.Helper()
			d := w.desk(see, takedown.Wanted{})
			how, err := w.Files.May(w.Ctx, file, see.StaffID, see.All)
			if piles(d) != want || d.Others != others || (err == nil && how != "") != (want != "") {
				w.T.Errorf("%s sees %q and %d others, want %q and %d; May says %q, %v", see.StaffID, piles(d), d.Others, want, others, how, err)
			}
		}
		agrees(takedown.Sight{StaffID: claire.ID}, "draft 1", 0)
		agrees(nobody, "", 1)
		agrees(all, "draft 1", 0)
		w.Must(w.Files.BreakGlass(w.Ctx, file, "Un signalement urgent.", karim))
		agrees(nobody, "draft 1", 0)
		w.Forward(casefile.GlassFor + time.Minute)
		agrees(nobody, "", 1)
		w.Must(w.Files.Let(w.Ctx, file, karim.ID, claire))
		agrees(nobody, "draft 1", 0)
		w.Must(w.Files.Withdraw(w.Ctx, file, karim.ID, claire))
		w.Forward(time.Second)
		agrees(nobody, "", 1)
		// She has one of its contacts in hand.
		_, err := w.DB.Exec(w.Ctx, `UPDATE contact SET counsellor_id = $2, state = 'talking' WHERE id IN (SELECT contact_id FROM case_contact WHERE file_id = $1)`, file, karim.ID)
		w.Must(err)
		agrees(nobody, "draft 1", 0)
		for _, who := range []string{karim.ID, nadia.ID} {
			_, err := w.DB.Exec(w.Ctx, `INSERT INTO person_barred (person_id, staff_id, since) SELECT c.person_id, $2, 1 FROM contact c JOIN case_contact x ON x.contact_id = c.id WHERE x.file_id = $1`, file, who)
			w.Must(err)
		}
		agrees(nobody, "", 0)
		agrees(all, "", 0)
		if d := w.desk(all, takedown.Wanted{}); len(d.Tallies) != 0 {
			w.T.Errorf("there is a number: %+v", d.Tallies)
		}
	})
}

// What is in the archive is on no desk and stands in nobody's way, whoever reads every file.
func TestAnArchivedFileIsOnNoDesk(t *testing.T) {
	onEach(t, func(w *world) {
		id, see := w.submitted(), takedown.Sight{StaffID: nadia.ID, All: true}
		n := w.is(id, takedown.Submitted)
		w.Must(w.Move(w.Ctx, id, takedown.Finish, claire))
		_, err := w.DB.Exec(w.Ctx, `UPDATE contact SET state = 'closed', state_since = 1, closed_at = 1`)
		w.Must(err)
		w.Must(w.Files.Close(w.Ctx, n.FileID, "solved", claire))
		w.Forward(casefile.ArchiveAfter + time.Hour)
		w.set(id, "closed_at = $2", store.Millis(w.Now())-1)
		if archived, err := w.Files.ArchiveDue(w.Ctx); err != nil || archived != 1 {
			t.Fatalf("%d files archived: %v", archived, err)
		}
		open := w.submitted()
		if is := piles(w.desk(see, takedown.Wanted{})); is != "theirs 1" {
			t.Errorf("the desk says %q", is)
		}
		if all, err := w.Answerable(w.Ctx, see, nil); err != nil || len(all) != 1 || all[0].ID != open {
			t.Errorf("a reply may belong to %+v: %v", all, err)
		}
		if may, err := w.MayAnswer(w.Ctx, see, id); err != nil || may {
			t.Errorf("a reply may be put into the archive: %v", err)
		}
	})
}

// A filter keeps a platform, or what is hers; a group that is long is shown by pages, and no notice twice.
func TestTheDeskFilteredAndByPages(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		for range 23 {
			w.draft(file, "harassment")
		}
		others := w.draft(w.File(karim).ID, "harassment")
		w.set(others, "platform = 'tiktok', drafted_by = $2", karim.ID)
		host := w.draft(file, "harassment")
		w.set(host, "platform = ''")
		see := takedown.Sight{StaffID: claire.ID, All: true}
		for _, c := range []struct {
			want takedown.Wanted
			is   string
		}{
			{takedown.Wanted{}, "draft 25"},
			{takedown.Wanted{Platform: "tiktok"}, "draft 1"},
			{takedown.Wanted{Platform: takedown.Unlisted}, "draft 1"},
			{takedown.Wanted{Platform: "nowhere"}, ""},
			{takedown.Wanted{Mine: true}, "draft 24"},
			{takedown.Wanted{Mine: true, Platform: "tiktok"}, ""},
			{takedown.Wanted{Group: takedown.ForSending}, ""},
		} {
			if is := piles(w.desk(see, c.want)); is != c.is {
				w.T.Errorf("%+v shows %q, want %q", c.want, is, c.is)
			}
		}
		d := w.desk(see, takedown.Wanted{})
		if n := len(d.Piles[0].Entries); n != 10 || d.Piles[0].Entries[9].DraftedBy != claire.ID {
			w.T.Errorf("%d of 25 stand on the first page", n)
		}
		for range 30 {
			w.draft(file, "harassment")
		}
		seen := map[string]bool{}
		for page := range 2 {
			d := w.desk(see, takedown.Wanted{Group: takedown.ForWriting, Page: page})
			for _, e := range d.Piles[0].Entries {
				seen[e.ID] = true
			}
			if d.More != (page == 0) {
				w.T.Errorf("after page %d: more is %v", page, d.More)
			}
		}
		if len(seen) != 55 {
			w.T.Errorf("two pages hold %d of 55", len(seen))
		}
	})
}

// The one who wrote a draft that asks for two people sees it after those that she may read.
func TestMayIBeTheSecondReader(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		var ids []string
		for i := range 2 {
			id := w.draft(file, "csam")
			w.Must(w.Consented(w.Ctx, id, "", claire))
			w.Must(w.AskedPolice(w.Ctx, id, false, claire))
			if i == 1 {
				w.set(id, "drafted_by = $2", karim.ID)
			}
			ids = append(ids, id)
		}
		d := w.desk(takedown.Sight{StaffID: claire.ID}, takedown.Wanted{})
		if piles(d) != "second 2" || d.Piles[0].Entries[0].ID != ids[1] {
			w.T.Errorf("%s: %+v", piles(d), d.Piles)
		}
		w.Must(w.Rewrite(w.Ctx, takedown.Drafting{ID: ids[0], FileID: file, Platform: "instagram", Kind: "post", Ground: "csam", Minor: true,
			Content: takedown.Content{Addresses: []string{"https://instagram.com/p/abc"}, Facts: "Une photo."}}, w.is(ids[0], takedown.Draft).Rev, claire))
		if is := piles(w.desk(takedown.Sight{StaffID: claire.ID}, takedown.Wanted{})); is != "second 1, draft 1" {
			w.T.Errorf("without the time when it was seen it is %q", is)
		}
	})
}

// The ladder, and what a decision changes of it.
func TestTheNextStep(t *testing.T) {
	onEach(t, func(w *world) {
		id := w.submitted()
		next := func() string { n, err := w.Notice(w.Ctx, id); w.Must(err); return w.Next(n) }
		var steps []string
		for step := next(); step != ""; step = next() {
			steps = append(steps, step)
			w.Must(w.Escalate(w.Ctx, id, step, claire))
		}
		if strings.Join(steps, " ") != "reminder contact arcom" {
			w.T.Errorf("the ladder is %v", steps)
		}
		id = w.submitted()
		w.Must(w.Escalate(w.Ctx, id, "reminder", claire))
		w.Must(w.Answered(w.Ctx, id, "no_action", "Non.", claire))
		if next() != "art20" {
			w.T.Errorf("after a refusal comes %q", next())
		}
		w.Forward(7 * 30 * 24 * time.Hour)
		if next() != "arcom" {
			w.T.Errorf("after the six months comes %q", next())
		}
	})
}
