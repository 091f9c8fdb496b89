package stats_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/stats"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// works has the jobs worked until a file is made.
func (w *world) works(id string) stats.File {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		f, err := w.File(w.ctx, id, claire.ID)
		w.must(err)
		if f.State != stats.Making {
			return f
		}
	}
	w.t.Fatal("the file is never made")
	return stats.File{}
}

// A file has a line for each contact that is chosen, is hers alone who asked for it, and is gone after a day, with its key.
func TestAFileTellsEachContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		go w.jobs.Run(t.Context())
		var last string
		// The later in the month, the earlier in the day, and the longer: what is told is in the order of neither.
		for i, gender := range []string{"girl", "boy", "girl"} {
			w.at = time.Date(2026, 11, 10+i, 20-i, 0, 0, 0, paris)
			last = w.talked("chat", time.Minute, time.Duration(60-20*i)*time.Minute, "category_main", "sextortion", "gender", gender)
		}
		erased := w.talked("chat", time.Minute, time.Minute, "category_main", "sextortion", "gender", "girl")
		w.must(w.contacts.Erase(w.ctx, erased, audit.Actor{Kind: audit.System}, "rule"))
		q := stats.Query{From: day("2026-11-12"), Until: day("2026-12-02")}
		if _, err := w.AskFile(w.ctx, q, nil, "fr", claire); !fault.Is(err, fault.Invalid) {
			t.Errorf("a month that goes on is told: %v", err)
		}
		w.at = time.Date(2026, 12, 2, 9, 0, 0, 0, paris)
		id, err := w.AskFile(w.ctx, q, []stats.Said{{Dim: stats.Gender, Code: "girl"}}, "fr", claire)
		w.must(err)
		f := w.works(id)
		if f.From != 20261101 || f.Until != 20261201 {
			t.Errorf("it is of %d to %d, not of a whole month", f.From, f.Until)
		}
		if f.State != stats.Ready || f.Whole != 2 || f.Done != 2 {
			t.Fatalf("the file is %+v", f)
		}
		_, content, err := w.OpenFile(w.ctx, id, claire)
		w.must(err)
		book, err := excelize.OpenReader(content)
		w.must(err)
		rows, err := book.GetRows("contacts")
		w.must(err)
		w.must(content.Close())
		if len(rows) == 3 && rows[1][2] > rows[2][2] {
			t.Errorf("who came first stands first: %q", rows)
		}
		if len(rows) != 3 || !slices.Equal(rows[0], []string{"month", "gender", "talk"}) || !slices.Equal(rows[1][:2], []string{"202611", "girl"}) {
			t.Errorf("it says %q", rows)
		}
		karim := audit.Actor{Kind: audit.Staff, ID: "staff-karim"}
		if _, _, err := w.OpenFile(w.ctx, id, karim); !fault.Is(err, fault.NotFound) {
			t.Errorf("a colleague opens it: %v", err)
		}
		if err := w.RemoveFile(w.ctx, id, karim); !fault.Is(err, fault.NotFound) {
			t.Errorf("a colleague takes it away: %v", err)
		}
		named, err := stats.NamedBlobs(w.ctx, db)
		w.must(err)
		if len(named) != 1 || !w.blobs.Has(named[0]) {
			t.Fatalf("the files are %v", named)
		}
		w.must(w.Forget(w.ctx))
		if !w.blobs.Has(named[0]) {
			t.Error("it is gone on the same day")
		}
		again, err := w.AskFile(w.ctx, q, nil, "fr", claire)
		w.must(err)
		w.must(w.contacts.Erase(w.ctx, last, contact.SystemActor, "rule"))
		if files, err := w.Files(w.ctx, claire.ID); err != nil || len(files) != 0 {
			t.Errorf("a file that tells of somebody who is erased stays: %v, %v", files, err)
		}
		if _, err := w.File(w.ctx, again, claire.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("and one that is being made: %v", err)
		}
		id, err = w.AskFile(w.ctx, q, nil, "fr", claire)
		w.must(err)
		if f := w.works(id); f.Whole != 2 {
			t.Errorf("the next one tells of %d", f.Whole)
		}
		named, err = stats.NamedBlobs(w.ctx, db)
		w.must(err)
		w.passes(stats.FileKept + time.Minute)
		if _, _, err := w.OpenFile(w.ctx, id, claire); !fault.Is(err, fault.NotFound) {
			t.Errorf("it is opened after its day: %v", err)
		}
		w.must(w.Forget(w.ctx))
		if _, err := w.File(w.ctx, id, claire.ID); !fault.Is(err, fault.NotFound) || w.blobs.Has(named[0]) {
			t.Errorf("it is there after its day: %v", err)
		}
	})
}

// Who has many files must take one away before she asks for another.
func TestFilesAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.at = time.Date(2026, 12, 2, 9, 0, 0, 0, paris)
		q := stats.Query{From: day("2026-11-01"), Until: day("2026-12-01")}
		var last string
		for n := 0; ; n++ {
			id, err := w.AskFile(w.ctx, q, nil, "fr", claire)
			if fault.Is(err, fault.TooMany) && n == 5 {
				break
			}
			w.must(err)
			last = id
		}
		_, _, err := w.OpenFile(w.ctx, last, claire)
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("one that is not made is opened: %v", err)
		}
		w.must(w.RemoveFile(w.ctx, last, claire))
		_, err = w.AskFile(w.ctx, q, nil, "fr", claire)
		w.must(err)
	})
}

// What an older version kept as cells becomes the line that they stand for, and is counted no other way.
func TestCellsOfAnOlderVersionBecomeLines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		id := w.talked("chat", 30*time.Second, 20*time.Minute, "category_main", "sextortion", "gender", "girl")
		w.must(w.Fold(w.ctx))
		before, err := w.AllCells(w.ctx)
		w.must(err)
		line := func() (day int64, text string) {
			t.Helper()
			type row struct {
				day  int64
				text string
			}
			r, err := store.One(w.ctx, db, func(r store.Row) (k row, err error) { return k, r.Scan(&k.day, &k.text) }, `SELECT day, line FROM stat_counted WHERE contact_id = $1`, id)
			w.must(err)
			return r.day, r.text
		}
		day, text := line()
		_, err = db.Exec(w.ctx, `UPDATE stat_counted SET day = 0, line = $2 WHERE contact_id = $1`, id, stats.AsCells(day, text))
		w.must(err)
		old := stats.New(stats.Options{DB: db, Contacts: w.contacts, Catalogue: w.catalogue}) // a program that starts anew
		w.must(old.Fold(w.ctx))
		if d, is := line(); d != day || stats.Sorted(is) != stats.Sorted(text) {
			t.Errorf("the line is %d %s, want %d %s", d, is, day, text)
		}
		w.moves(id, contact.Reopen, claire, contact.Change{})
		w.must(w.Fold(w.ctx))
		w.closes(id, "gender", "girl")
		w.must(w.Fold(w.ctx))
		after, err := w.AllCells(w.ctx)
		w.must(err)
		maps.DeleteFunc(after, func(_ stats.Cell, n int64) bool { return n == 0 })
		if !maps.Equal(before, after) {
			t.Errorf("%d cells, want %d", len(after), len(before))
		}
	})
}

// A call whose row is no longer kept stays what it was, on its day and at its hour, when its contact is counted again.
func TestACallThatIsGoneStaysWhatItWas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		began := w.at.Add(-90 * time.Minute) // it rang at half past four, and stood in line at six
		id := w.opens("phone")
		_, err := db.Exec(w.ctx, `INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, began_at, lease_until, ended_at, outcome)
			VALUES ($1, $2, 'n', 't', 'in', 'ended', 'fr', $3, $3, $4, 'house')`, store.NewID(), id, store.Millis(began), store.Millis(w.at))
		w.must(err)
		w.passes(3 * time.Second)
		w.moves(id, contact.VisitorEnds, contact.VisitorOf(id), contact.Change{})
		first := w.figures("2026-11-23", "2026-11-24")
		w.wants("dissuaded", first.Whole[stats.Dissuaded], 1)
		_, err = db.Exec(w.ctx, `DELETE FROM phone_call`)
		w.must(err)
		_, err = db.Exec(w.ctx, `INSERT INTO stat_due (contact_id, turn, talked, gone_at) VALUES ($1, 1, 0, 0)`, id)
		w.must(err)
		again := w.figures("2026-11-23", "2026-11-24")
		w.wants("still dissuaded", again.Whole[stats.Dissuaded], 1)
		w.wants("short", again.Whole[stats.Short], 0)
		w.wants("at half past four", again.Hours[16][stats.Entered], 1)
	})
}

// What was talked is added once, whoever counts and however often a contact is marked meanwhile.
func TestTalkIsAddedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		stop := make(chan struct{})
		var counting sync.WaitGroup
		for range 3 {
			counting.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := w.Fold(w.ctx); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		const n = 25
		for range n {
			w.talked("chat", time.Minute, 10*time.Minute, "category_main", "sextortion")
		}
		close(stop)
		counting.Wait()
		w.must(w.Fold(w.ctx))
		talked, err := store.One(w.ctx, db, func(r store.Row) (n int64, err error) { return n, r.Scan(&n) }, `SELECT CAST(SUM(talked) AS BIGINT) FROM stat_counted`)
		w.must(err)
		w.wants("milliseconds talked", talked, n*(10*time.Minute).Milliseconds())
	})
}
