package routing

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (n *node) alarms() []Alarm {
	n.t.Helper()
	all, err := n.Alarms(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

// sweepsAndCalls sweeps, and waits until whoever is called was called.
func (n *node) sweepsAndCalls() {
	n.t.Helper()
	n.sweeps()
	n.calls.Wait()
}

func (n *node) sees(staffID, id string) {
	n.t.Helper()
	if err := n.Seen(n.t.Context(), staffID, id); err != nil {
		n.t.Fatal(err)
	}
}

func letter(o *contact.Opening) { o.Channel = contact.ChannelMessage }

// A danger rings until one supervisor has seen it, whoever was there when it began: in a chat and in a letter,
// by her own words and by a hand. Who saw it, and when, is in the log.
func TestADangerRingsUntilItIsSeen(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		said, left, quiet := w.opens(inDanger), w.opens(inDanger, letter), w.opens()
		w.here(anne)
		if err := w.Take(t.Context(), anne, quiet.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.contacts.SetDanger(t.Context(), quiet.ID, true, byStaff(anne), false); err != nil {
			t.Fatal(err)
		}
		all := w.alarms()
		if len(all) != 3 || all[0].ContactID != quiet.ID || all[0].Cause != contact.DangerHand ||
			all[1].ContactID != left.ID || all[1].Cause != contact.DangerWords || all[2].ContactID != said.ID {
			t.Fatalf("it rings: %+v", all)
		}
		w.sees(sam, all[1].ID)
		w.sees(sam, said.ID) // all that rings of one contact
		w.sees(dana, said.ID)
		if all = w.alarms(); len(all) != 1 || all[0].ContactID != quiet.ID {
			t.Fatalf("it still rings: %+v", all)
		}
		by, err := store.All(t.Context(), w.db, scanID, `SELECT actor_id FROM audit WHERE act = 'alarm.seen' ORDER BY at`)
		if err != nil || len(by) != 2 || by[0] != sam || by[1] != sam {
			t.Errorf("the log says that it was seen by %q, %v", by, err)
		}
	})
}

// The desks are told again every minute by one node, as long as nobody has seen it.
func TestAnAlarmIsRungAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		w, other := rec.node(), rec.node()
		ct := w.opens(inDanger)
		w.heard("supervisors alarm ")
		rang := func() int {
			w.quiet()
			other.quiet()
			return w.told.count("supervisors alarm ") + other.told.count("supervisors alarm ")
		}
		if w.sweeps(); rang() != 1 {
			t.Fatalf("rang %d times at once", rang())
		}
		w.pass(time.Minute)
		w.sweeps()
		other.sweeps()
		if rang() != 2 {
			t.Fatalf("rang %d times in a minute, on two nodes", rang())
		}
		other.sees(sam, ct.ID)
		before := rang()
		w.pass(time.Minute)
		w.sweeps()
		if rang() != before {
			t.Error("it rang after it was seen")
		}
	})
}

// Nobody saw it in time: the supervisor on call is called, once, by one of two nodes, with the kind alone; and
// not at all for what was seen.
func TestTheSupervisorOnCallIsCalledOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		w, other := rec.node(), rec.node()
		seen := w.opens(inDanger)
		w.sees(sam, seen.ID)
		w.opens(inDanger, letter)
		w.pass(119 * time.Second)
		if w.sweepsAndCalls(); rec.calls.kinds() != "" {
			t.Fatalf("called too soon: %s", rec.calls.kinds())
		}
		w.pass(time.Second)
		w.sweepsAndCalls()
		other.sweepsAndCalls()
		w.pass(time.Hour)
		other.sweepsAndCalls()
		w.sweepsAndCalls()
		if rec.calls.kinds() != "danger" {
			t.Errorf("called: %q", rec.calls.kinds())
		}
	})
}

// Many dangers of one night make one call every five minutes.
func TestCallsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		for range 10 {
			w.opens(inDanger)
			w.pass(time.Minute)
			w.sweepsAndCalls()
		}
		if got := w.rec.calls.kinds(); got != "danger danger" {
			t.Errorf("called: %q", got)
		}
	})
}

// A call that fails is known to the floor, and tried again until it does not.
func TestACallThatFailsIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.rec.calls.dead = true
		w.opens(inDanger)
		w.pass(2 * time.Minute)
		w.sweepsAndCalls()
		if last, err := w.LastCall(t.Context()); err != nil || last.FailedAt == 0 {
			t.Errorf("the floor is told %+v, %v", last, err)
		}
		w.pass(4 * time.Minute)
		w.sweepsAndCalls()
		w.rec.calls.dead = false
		w.pass(time.Minute)
		w.sweepsAndCalls()
		w.pass(time.Hour)
		w.sweepsAndCalls()
		if got := w.rec.calls.kinds(); got != "danger danger" {
			t.Errorf("called: %q", got)
		}
		if last, err := w.LastCall(t.Context()); err != nil || last.FailedAt != 0 {
			t.Errorf("the floor is still told %+v, %v", last, err)
		}
	})
}
