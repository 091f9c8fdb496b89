package routing

import (
	"testing"
	"time"

	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A surge is in the log from its beginning to its end, once, whatever its ceiling was meanwhile.
func TestASurgeIsLogged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newRecord(t, db)
		n := w.node()
		for _, s := range []Surge{{On: true, Extra: 1}, {On: true, Extra: 2}, {}, {}} {
			if err := n.SetSurge(t.Context(), sam, s); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(time.Minute)
		}
		all, err := n.Surges(t.Context(), 10)
		if err != nil || len(all) != 1 || all[0].Extra != 2 || all[0].EndedAt-all[0].BeganAt != (2*time.Minute).Milliseconds() || all[0].EndedBy != sam {
			t.Errorf("surges: %+v %v", all, err)
		}
	})
}

// Too many for as long as the catalogue says: a surge is proposed, and no longer when they are fewer. It is never begun by itself.
func TestASurgeIsProposed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newRecord(t, db)
		n := w.node()
		waits := n.opens()
		proposed := func() bool {
			t.Helper()
			if err := n.watchCrowd(t.Context(), n.now()); err != nil {
				t.Fatal(err)
			}
			d, ok, err := n.SurgeDue(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return ok && d.Waiting == 1
		}
		if proposed() {
			t.Error("one who has just come is many")
		}
		w.clock.pass(15 * time.Minute)
		if proposed() {
			t.Error("at once")
		}
		w.clock.pass(5 * time.Minute)
		if !proposed() {
			t.Error("somebody has waited for twenty minutes, and nothing is proposed")
		}
		if n.Surge().On {
			t.Error("it began by itself")
		}
		if _, err := n.contacts.LeaveQuickly(t.Context(), waits.ID); err != nil {
			t.Fatal(err)
		}
		if proposed() {
			t.Error("nobody waits any more")
		}
	})
}

// Who asked for an hour without images has such a contact last: others first for a while, then she, who is there.
func TestAnHourWithoutImages(t *testing.T) {
	set := queues(t)
	for topic, want := range map[string]bool{"images": true, "sextortion": true, "content": true, "home": false, "": false} {
		if withImages(set, topic) != want {
			t.Errorf("%q brings images: %v", topic, !want)
		}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newRecord(t, db)
		n := w.node()
		if err := n.Ease(t.Context(), anne, true); err != nil {
			t.Fatal(err)
		}
		if by, err := n.eased(t.Context(), n.now()); err != nil || !by[anne] {
			t.Errorf("eased: %v %v", by, err)
		}
		w.clock.pass(EaseFor + time.Second)
		if by, err := n.eased(t.Context(), n.now()); err != nil || by[anne] {
			t.Errorf("after an hour: %v %v", by, err)
		}
	})
}
