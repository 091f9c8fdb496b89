package routing

import (
	"testing"
	"time"

	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (n *node) surges(s Surge) {
	n.t.Helper()
	if err := n.SetSurge(n.t.Context(), sam, s); err != nil {
		n.t.Fatal(err)
	}
}

// When a surge begins, whoever is off duty is appealed to: the program on call is run with one word, once, by one of two
// nodes; a ceiling that is moved appeals to nobody again, and the next surge does.
func TestASurgeAppealsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		w, other := rec.node(), rec.node()
		w.sweepsAndCalls()
		if got := rec.calls.kinds(); got != "" {
			t.Fatalf("called before there was a surge: %s", got)
		}
		w.surges(Surge{On: true, Extra: 1})
		for range 3 {
			w.sweepsAndCalls()
			other.sweepsAndCalls()
			w.surges(Surge{On: true, Extra: 2})
			w.pass(DefaultTimes.Call + time.Second)
		}
		if got := rec.calls.kinds(); got != "surge" {
			t.Fatalf("called: %q", got)
		}
		if a, ok := w.Appeal(); !ok || a.CalledAt == 0 || a.FailedAt != 0 {
			t.Errorf("the appeal is %+v, %v", a, ok)
		}
		w.surges(Surge{})
		w.sweepsAndCalls()
		w.surges(Surge{On: true, Extra: 1})
		w.sweepsAndCalls()
		if got := rec.calls.kinds(); got != "surge surge" {
			t.Errorf("called: %q", got)
		}
	})
}

// An appeal that could not be made is tried again after a while and not before, the floor is told, and it delays no call
// for a danger.
func TestAnAppealThatFails(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.rec.calls.dead = true
	w.surges(Surge{On: true, Extra: 1})
	w.sweepsAndCalls()
	w.sweepsAndCalls()
	if a, _ := w.Appeal(); a.FailedAt == 0 || a.CalledAt != 0 || w.rec.calls.kinds() != "surge" {
		t.Fatalf("the appeal is %+v, called %q", a, w.rec.calls.kinds())
	}
	w.opens(inDanger)
	w.pass(121 * time.Second)
	w.sweepsAndCalls()
	if got := w.rec.calls.kinds(); got != "surge danger" {
		t.Fatalf("called: %q", got)
	}
	w.rec.calls.dead = false
	w.pass(DefaultTimes.Call)
	w.sweepsAndCalls()
	if a, _ := w.Appeal(); a.CalledAt == 0 || a.FailedAt != 0 {
		t.Errorf("the appeal is %+v, called %q", a, w.rec.calls.kinds())
	}
	w.surges(Surge{})
	if a, _ := w.Appeal(); a != (Appeal{}) {
		t.Errorf("after the surge the appeal is %+v", a)
	}
}
