package routing

import (
	"sync"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (n *node) place(ct contact.Contact) WaitingView {
	n.t.Helper()
	n.pass(1100 * time.Millisecond) // the line is read again
	v, err := n.Place(n.t.Context(), ct.ID)
	if err != nil {
		n.t.Fatal(err)
	}
	return v
}

// A place is shown as long as it never grows: not any more when somebody in danger passes, and again when
// it is at most what was last said.
func TestAPlaceNeverGrows(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		first, second := w.opens(), w.opens()
		if p := w.place(second).Place; p != 2 {
			t.Fatalf("place %d, want 2", p)
		}
		danger := w.opens(inDanger, because("lexicon.suicide", 1000))
		if p := w.place(second).Place; p != 0 {
			t.Fatalf("place %d is shown after somebody passed", p)
		}
		if p := w.place(danger).Place; p != 1 {
			t.Fatalf("whoever passed is at %d", p)
		}
		w.sweeps()
		w.accepts(anne, danger)
		if p := w.place(second).Place; p != 2 {
			t.Fatalf("place %d after it moved on, want 2 again", p)
		}
		w.sweeps()
		w.mustRing(first, anne)
		// It may not answer and come back: whoever rings still counts.
		if v := w.place(second); v.Place != 2 || v.Ringing {
			t.Fatalf("%+v while the first rings", v)
		}
		if v := w.place(first); !v.Ringing || v.Place != 1 {
			t.Fatalf("%+v, want it to ring", v)
		}
		w.accepts(anne, first)
		if p := w.place(second).Place; p != 1 {
			t.Fatalf("place %d, want 1", p)
		}
		w.opens(inDanger, because("lexicon.suicide", 1000))
		if p := w.place(second).Place; p != 0 {
			t.Fatalf("place %d", p)
		}
		if v := w.place(first); v != (WaitingView{}) {
			t.Fatalf("who talks is told %+v", v)
		}
	})
}

// Another node, or the same one after a restart, does not tell a bigger number.
func TestAPlaceNeverGrowsOnAnotherNode(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.opens()
		second := w.opens()
		if p := w.place(second).Place; p != 2 {
			t.Fatalf("place %d", p)
		}
		w.opens(inDanger, because("lexicon.suicide", 1000))
		other := w.rec.node()
		if p := other.place(second).Place; p != 0 {
			t.Fatalf("another node tells %d", p)
		}
	})
}

// One's place is among those who wait in one's language; beyond the twentieth it is not told.
func TestAPlaceIsInOnesLanguage(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	for range placesShown {
		w.opens()
	}
	english, last := w.opens(in("en")), w.opens()
	if p := w.place(english).Place; p != 1 {
		t.Errorf("the first English is at %d", p)
	}
	if v := w.place(last); v.Place != 0 || !v.Waiting {
		t.Errorf("the twenty-first is told %+v", v)
	}
}

// The usual wait is the median of at least three waits that ended with an answer in the last half hour.
func TestTheUsualWaitIsMeasured(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		answered := func(after time.Duration) {
			t.Helper()
			ct := w.opens()
			w.passAtDesks(after, anne, bilal)
			w.sweeps()
			at := w.rings(ct)
			w.accepts(at, ct)
			w.ends(at, ct)
			w.closes(ct)
		}
		answered(time.Minute)
		answered(2 * time.Minute)
		probe := w.opens(in("en"))
		if v := w.place(probe); v.UsualWait != 0 {
			t.Fatalf("in another language %v", v.UsualWait)
		}
		waits := func() time.Duration {
			ct := w.opens()
			v := w.place(ct)
			w.move(ct, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{})
			return v.UsualWait.Round(time.Second)
		}
		if got := waits(); got != 0 {
			t.Fatalf("two waits are told as %v", got)
		}
		answered(6 * time.Minute)
		if got := waits(); got != 2*time.Minute {
			t.Fatalf("the median of 1, 2 and 6 is told as %v", got)
		}
		answered(4 * time.Minute)
		if got := waits(); got != 3*time.Minute {
			t.Fatalf("the median of 1, 2, 4 and 6 is told as %v", got)
		}
		w.passAtDesks(31*time.Minute, anne, bilal)
		if got := waits(); got != 0 {
			t.Fatalf("half an hour later %v", got)
		}
	})
}

// A conversation that was passed on does not count as a first wait.
func TestOnlyFirstAnswersAreMeasured(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne, bilal)
	for range 3 {
		ct := w.opens()
		w.sweeps()
		w.accepts(w.rings(ct), ct)
		from := w.get(ct.ID).CounsellorID
		to := anne
		if from == anne {
			to = bilal
		}
		w.passAtDesks(5*time.Minute, anne, bilal)
		if err := w.HandOver(t.Context(), from, ct.ID, to); err != nil {
			t.Fatal(err)
		}
		w.accepts(to, ct)
		w.ends(to, ct)
		w.closes(ct)
	}
	if v := w.place(w.opens()); v.UsualWait > time.Second {
		t.Fatalf("told %v", v.UsualWait)
	}
}

// A thousand pages that are drawn again read the record once.
func TestManyPagesReadOnce(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	var all []contact.Contact
	for range 50 {
		all = append(all, w.opens())
	}
	w.place(all[0])
	before := w.db.Statements()
	for range 20 {
		for _, ct := range all {
			if _, err := w.Place(t.Context(), ct.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := w.db.Statements() - before; n != 0 {
		t.Fatalf("a thousand pages took %d statements", n)
	}
}

// Those who were answered while they asked for their place are all told so by one reading.
func TestTheAnsweredShareAReading(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.place(w.opens())
	before := w.db.Statements()
	const answered = 30
	var all sync.WaitGroup
	for range answered {
		all.Go(func() {
			if v, err := w.Place(t.Context(), store.NewID()); err != nil || v.Waiting {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	all.Wait()
	if n := w.db.Statements() - before; n > answered/2 {
		t.Fatalf("%d who were answered took %d statements", answered, n)
	}
}

// Each who has just come is told her place at her first page, and a crowd of them does not have the
// record read more often than the room can breathe.
func TestACrowdIsReadInFewReadings(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.place(w.opens())
	began := time.Now()
	const crowd = 10
	for i := range crowd {
		v, err := w.Place(t.Context(), w.opens(in("en")).ID)
		if err != nil || v.Place != i+1 {
			t.Fatalf("%+v, %v, want place %d", v, err, i+1)
		}
	}
	if took := time.Since(began); took < (crowd-1)*lineBreath {
		t.Fatalf("the line was read %d times in %v", crowd, took)
	}
}

// Whoever joins a long line is told no place before the next reading, and does not have it read for her. Who does not wait is not told that
// she does.
func TestBehindALongLineNothingIsReadAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := world(t, db)
		first := w.opens()
		for range behindMany - 1 {
			w.opens()
		}
		w.place(first)
		newcomer, closed := w.opens(), w.opens()
		w.closes(closed)
		before := w.db.Statements()
		v, err := w.Place(t.Context(), newcomer.ID)
		if n := w.db.Statements() - before; err != nil || !v.Waiting || v.Place != 0 || n != 1 {
			t.Fatalf("%+v, %v, %d statements; want to wait at no place, by one", v, err, n)
		}
		if v, err := w.Place(t.Context(), closed.ID); err != nil || v.Waiting {
			t.Fatalf("one who gave up: %+v, %v", v, err)
		}
		if v, err := w.Place(t.Context(), w.opens(inDanger).ID); err != nil || v.Place != 1 {
			t.Fatalf("one in danger: %+v, %v; want the first place", v, err)
		}
		w.pass(lineFresh + time.Millisecond)
		if v := w.place(newcomer); !v.Waiting {
			t.Fatalf("after the next reading: %+v", v)
		}
	})
}

// From half an hour before closing the line says so.
func TestClosingSoon(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	ct := w.opens()
	if v := w.place(ct); v.ClosingSoon {
		t.Fatalf("at %v: %+v", w.now(), v)
	}
	closes := w.rec.set.Hours.At(w.now()).ClosesAt
	w.pass(closes.Add(-10 * time.Minute).Sub(w.now()))
	if v := w.place(ct); !v.ClosingSoon || !v.ClosesAt.Equal(closes) {
		t.Fatalf("ten minutes before closing: %+v", v)
	}
}
