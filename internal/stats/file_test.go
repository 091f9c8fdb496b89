package stats_test

import (
	"slices"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"vigie/internal/audit"
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
		// The later in the month, the earlier in the day, and the longer: what is told is in the order of neither.
		for i, gender := range []string{"girl", "boy", "girl"} {
			w.at = time.Date(2026, 11, 10+i, 20-i, 0, 0, 0, paris)
			w.talked("chat", time.Minute, time.Duration(60-20*i)*time.Minute, "category_main", "sextortion", "gender", gender)
		}
		erased := w.talked("chat", time.Minute, time.Minute, "category_main", "sextortion", "gender", "girl")
		w.must(w.contacts.Erase(w.ctx, erased, audit.Actor{Kind: audit.System}, "rule"))
		q := stats.Query{From: day("2026-11-01"), Until: day("2026-12-01")}
		id, err := w.AskFile(w.ctx, q, []stats.Said{{Dim: stats.Gender, Code: "girl"}}, "fr", claire)
		w.must(err)
		f := w.works(id)
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
		w.passes(stats.FileKept + time.Minute)
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
