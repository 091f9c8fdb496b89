package contact_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func TestAChildOpensAChat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		heard := make(chan string, 8)
		stop, err := w.bus.Subscribe("contact.*.state", func(subject string, payload []byte) { heard <- string(payload) })
		w.must(err)
		defer stop()

		opened := w.child()
		if opened.State != contact.Waiting || opened.PersonID == "" || opened.Queue == "" {
			t.Errorf("%+v", opened)
		}
		if got := w.get(opened.ID); !sameContact(got, opened) {
			t.Errorf("read back:\n%+v\nopened:\n%+v", got, opened)
		}
		if !w.did(opened.ID, "contact.open") {
			t.Error("the audit does not know")
		}
		select {
		case said := <-heard:
			if said != `{"state":"waiting","rev":1}` {
				t.Errorf("the bus said %s", said)
			}
		case <-time.After(5 * time.Second):
			t.Error("nobody was told")
		}
	})
}

func sameContact(a, b contact.Contact) bool {
	return a.ID == b.ID && a.KeyID == b.KeyID && a.PersonID == b.PersonID && a.State == b.State && a.Rev == b.Rev && a.Queue == b.Queue &&
		a.OpenedAt == b.OpenedAt && a.WaitingSince == b.WaitingSince && a.Priority == b.Priority && a.Danger == b.Danger
}

// A slow network makes a phone send the same form twice, at once on two connections.
func TestTheSameOpeningSentManyTimesOpensOneContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Network: home}
		var wait sync.WaitGroup
		keys := make([]string, 8)
		for i := range keys {
			wait.Go(func() {
				ct, err := w.Open(w.ctx, o)
				if err != nil {
					t.Error(err)
				}
				keys[i] = ct.KeyID
			})
		}
		wait.Wait()
		slices.Sort(keys)
		if len(slices.Compact(keys)) != 1 {
			t.Error("two openings got two contacts")
		}
		if n := w.count(`SELECT count(*) FROM contact`); n != 1 {
			t.Errorf("%d contacts", n)
		}
		for _, kind := range []string{seal.KindContact, seal.KindNetwork} {
			if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = $1`, kind); n != 1 {
				t.Errorf("%d keys of kind %s; those that nothing is sealed with must go", n, kind)
			}
		}
	})
}

// Later the id stands in the counsellors' addresses: whoever reads it there must not get her chat.
func TestAnOldOpeningIdOpensNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.child()
	o := contact.Opening{ID: ct.ID, Channel: contact.ChannelChat, Lang: "fr"}
	w.clock.forward(time.Minute)
	if again, err := w.Open(w.ctx, o); err != nil || again.ID != ct.ID {
		t.Fatalf("a resend: %+v, %v", again, err)
	}
	w.clock.forward(2 * time.Minute)
	_, err := w.Open(w.ctx, o)
	w.refused(err, "fault.contact.opened")
	w.clock.forward(-time.Hour)
	_, err = w.Open(w.ctx, o)
	w.refused(err, "fault.contact.opened")
}

func TestAnOpeningThatCannotBeIsRefusedAndLeavesNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	good := contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"}
	for name, change := range map[string]func(*contact.Opening){
		"no id":                           func(o *contact.Opening) { o.ID = "" },
		"an id that is none":              func(o *contact.Opening) { o.ID = "../../etc/passwd" },
		"an id in another spelling":       func(o *contact.Opening) { o.ID = strings.ToUpper(o.ID) },
		"a channel that does not exist":   func(o *contact.Opening) { o.Channel = "carrier pigeon" },
		"no language":                     func(o *contact.Opening) { o.Lang = "" },
		"a word for a topic":              func(o *contact.Opening) { o.Topic = "Mon copain Hugo" },
		"a topic nobody has heard of":     func(o *contact.Opening) { o.Topic = "gardening" },
		"a word for a queue":              func(o *contact.Opening) { o.Queue = "à Marie" },
		"somebody else's person":          func(o *contact.Opening) { o.PersonID = "1" },
		"a visitor who says she is staff": func(o *contact.Opening) { o.StaffID = claire.ID },
		"a note that nobody wrote":        func(o *contact.Opening) { o.Channel = contact.ChannelNote },
	} {
		o := good
		change(&o)
		if _, err := w.Open(w.ctx, o); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind IN ('contact', 'network')`); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestANoteByHandBeginsAtItsWriteUp(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	written := w.clock.now().Add(-48 * time.Hour)
	ct, err := w.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelNote, Lang: "fr", StaffID: claire.ID, At: written})
	w.must(err)
	if ct.State != contact.WrapUp || ct.CounsellorID != claire.ID || ct.OpenedAt != store.Millis(written) {
		t.Errorf("%+v", ct)
	}
}

// Twenty counsellors click on the same waiting child.
func TestOneContactIsTakenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		var wait sync.WaitGroup
		var mu sync.Mutex
		var won []string
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			wait.Go(func() {
				_, err := w.move(ct.ID, contact.Take, audit.Actor{Kind: audit.Staff, ID: id}, contact.Change{})
				switch {
				case err == nil:
					mu.Lock()
					won = append(won, id)
					mu.Unlock()
				case !fault.Is(err, fault.Conflict):
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if len(won) != 1 || w.get(ct.ID).CounsellorID != won[0] {
			t.Errorf("won by %v, held by %s", won, w.get(ct.ID).CounsellorID)
		}
		if acts := w.acts(ct.ID); !slices.Equal(acts, []string{"contact.open", "contact.take"}) {
			t.Errorf("the audit says %v", acts)
		}
	})
}

func TestAReasonIsSealedAndItsWeightCounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		base := ct.Priority
		add := func(r contact.Reason) contact.Contact {
			var after contact.Contact
			w.tx(func(tx *store.Tx) error {
				var err error
				after, err = w.AddReason(w.ctx, tx, ct.ID, r)
				return err
			})
			return after
		}
		add(contact.Reason{Code: "lexicon.low", Weight: 30, Group: "suicide", Args: map[string]string{"phrase": "plus envie"}})
		add(contact.Reason{Code: "lexicon.high", Weight: 80, Group: "suicide"})
		add(contact.Reason{Code: "lexicon.high", Weight: 80, Group: "suicide"}) // again: nothing new
		after := add(contact.Reason{Code: "handed_over", Weight: 10})
		if after.Priority != base+80+10 {
			t.Errorf("priority %d; two ways of saying one thing count once", after.Priority-base)
		}
		reasons, err := w.Reasons(w.ctx, w.get(ct.ID))
		w.must(err)
		if reasons[0].Code != "lexicon.high" || !slices.ContainsFunc(reasons, func(r contact.Reason) bool { return r.Args["phrase"] == "plus envie" }) {
			t.Errorf("%+v", reasons)
		}
	})
}

func TestADangerMarkRingsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		for range 3 {
			w.tx(func(tx *store.Tx) error {
				_, err := w.Alarm(w.ctx, tx, ct.ID, []contact.Reason{{Code: "lexicon.suicide", Weight: 100}}, true)
				return err
			})
		}
		if got := w.get(ct.ID); !got.Danger || len(w.rings()) != 1 {
			t.Errorf("danger %v, rang %d times", got.Danger, len(w.rings()))
		}
		if !w.did(ct.ID, "contact.danger") {
			t.Error("the audit does not know")
		}
	})
}

func TestWhoTakesADangerMarkAway(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	_, err := w.SetDanger(w.ctx, ct.ID, true, karim, false)
	w.must(err) // anybody on duty may see a danger
	_, err = w.SetDanger(w.ctx, ct.ID, false, karim, false)
	w.refused(err, "fault.contact.not_yours")
	_, err = w.SetDanger(w.ctx, ct.ID, false, claire, false)
	w.must(err) // she talks to the child
	_, err = w.SetDanger(w.ctx, ct.ID, true, claire, false)
	w.must(err)
	_, err = w.LeaveQuickly(w.ctx, ct.ID)
	w.must(err)
	_, err = w.SetDanger(w.ctx, ct.ID, false, claire, false)
	w.refused(err, "fault.contact.in_danger") // the child is gone: a supervisor decides
	_, err = w.SetDanger(w.ctx, ct.ID, false, nadia, true)
	w.must(err)
}

// A day that the clock jumps over is nobody's absence: who left, or went quiet, can still come back.
func TestAJumpOfTheClockClosesNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	left := w.talking(claire)
	_, err := w.LeaveQuickly(w.ctx, left.ID)
	w.must(err)
	due := w.clock.now()
	w.clock.forward(24 * time.Hour)
	w.must(w.SweepLate(w.ctx, due))
	if got := w.get(left.ID); got.State != contact.Left {
		t.Errorf("who left a moment ago is %s", got.State)
	}
	w.clock.forward(31 * time.Minute)
	w.must(w.SweepLate(w.ctx, w.clock.now()))
	if got := w.get(left.ID); got.State == contact.Left {
		t.Error("who left stays open for ever")
	}
}

func TestLeavingQuicklyStaysOpenForHalfAnHour(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, danger := w.talking(claire), w.talking(claire)
		token, err := w.NewSession(w.ctx, ct.ID)
		w.must(err)
		_, err = w.SetDanger(w.ctx, danger.ID, true, claire, false)
		w.must(err)
		for _, id := range []string{ct.ID, danger.ID} {
			left, err := w.LeaveQuickly(w.ctx, id)
			w.must(err)
			if left.State != contact.Left || left.CounsellorID != claire.ID {
				t.Errorf("%+v", left)
			}
			_, err = w.LeaveQuickly(w.ctx, id) // a thumb that presses twice
			w.must(err)
		}
		if _, err := w.Session(w.ctx, token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("her session goes on: %v", err)
		}
		w.clock.forward(29 * time.Minute)
		next, err := w.Sweep(w.ctx)
		w.must(err)
		if got := w.get(ct.ID); got.State != contact.Left || next > time.Minute {
			t.Errorf("after 29 minutes: %s, and the next look is in %s", got.State, next)
		}
		w.clock.forward(time.Minute)
		_, err = w.Sweep(w.ctx)
		w.must(err)
		if got := w.get(ct.ID); got.State != contact.Closed || got.EndedBy != "quick_exit" {
			t.Errorf("after 30 minutes: %s, ended by %q", got.State, got.EndedBy)
		}
		w.clock.forward(72 * time.Hour)
		_, err = w.Sweep(w.ctx)
		w.must(err)
		if got := w.get(danger.ID); got.State != contact.Left {
			t.Errorf("a danger was closed by a clock: %s", got.State)
		}
		w.moved(danger.ID, contact.Expire, nadia, contact.Change{Supervising: true})
	})
}

func TestAContactThatWaitsForItsPersonIsClosedAfterADay(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
	w.clock.forward(23 * time.Hour)
	_, err := w.Sweep(w.ctx)
	w.must(err)
	if got := w.get(ct.ID); got.State != contact.Parked {
		t.Fatalf("%s after 23 hours", got.State)
	}
	w.clock.forward(time.Hour)
	_, err = w.Sweep(w.ctx)
	w.must(err)
	if got := w.get(ct.ID); got.State != contact.Closed || got.EndedBy != "system" {
		t.Errorf("%s, ended by %q", got.State, got.EndedBy)
	}
}

func TestBackFromSilence(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		park := func() contact.Contact {
			ct := w.talking(claire)
			w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
			return ct
		}
		// Her counsellor is still there: she just goes on.
		ct := park()
		back, err := w.Return(w.ctx, ct.ID, contact.VisitorOf(ct.ID))
		w.must(err)
		if back.State != contact.Talking || back.CounsellorID != claire.ID {
			t.Errorf("%s with %q", back.State, back.CounsellorID)
		}
		// Her counsellor's desk is gone: first in line, and known.
		ct = park()
		w.moved(ct.ID, contact.Lost, contact.SystemActor, contact.Change{})
		back, err = w.Return(w.ctx, ct.ID, contact.VisitorOf(ct.ID))
		w.must(err)
		reasons, err := w.Reasons(w.ctx, back)
		w.must(err)
		if back.State != contact.Waiting || back.StickyID != claire.ID || len(reasons) == 0 || reasons[0].Code != "parked_back" || reasons[0].Weight == 0 {
			t.Errorf("%s, sticky %q, because %+v", back.State, back.StickyID, reasons)
		}
		// Twice is once.
		again, err := w.Return(w.ctx, ct.ID, contact.VisitorOf(ct.ID))
		w.must(err)
		if again.State != contact.Waiting || again.Priority != back.Priority {
			t.Errorf("%s, priority %d then %d", again.State, back.Priority, again.Priority)
		}
		// Nobody comes back to what is over.
		w.moved(ct.ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
		_, err = w.Return(w.ctx, ct.ID, contact.VisitorOf(ct.ID))
		w.refused(err, "fault.contact.closed")
	})
}

func TestTheDeskDecidesWhetherACounsellorStillHasIt(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	busy := w.node(w.bus, contact.Options{StillHas: func(_ context.Context, staffID, _ string) bool { return staffID != claire.ID }})
	ct := w.talking(claire)
	w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
	back, err := busy.Return(w.ctx, ct.ID, contact.VisitorOf(ct.ID))
	w.must(err)
	if back.State != contact.Waiting || back.StickyID != claire.ID {
		t.Errorf("%s, sticky %q", back.State, back.StickyID)
	}
}

func TestALookIsRecordedAndAKnownPersonIsNotThere(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	_, err := w.Look(w.ctx, ct.ID, claire, "desk")
	w.must(err)
	w.tx(func(tx *store.Tx) error { return w.Bar(w.ctx, tx, ct.PersonID, karim.ID, karim) })
	_, err = w.Look(w.ctx, ct.ID, karim, "curious")
	w.refused(err, "fault.contact.unknown")
	looks := 0
	for _, act := range w.acts(ct.ID) {
		if act == "contact.look" {
			looks++
		}
	}
	if looks != 1 {
		t.Errorf("%d looks in the audit", looks)
	}
}
