package routing

import (
	"slices"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// Presence is one of five words; a pause has a reason, the others have none.
func TestWhatPresenceMayBe(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	for _, c := range []struct {
		state  State
		reason string
		ok     bool
	}{
		{Available, "", true}, {Busy, "", true}, {WrapUp, "", true}, {Away, "", true}, {Pause, "meal", true},
		{Pause, "", false}, {Pause, "bored", false}, {Available, "meal", false}, {"asleep", "", false}, {"", "", false},
	} {
		err := w.SetPresence(t.Context(), anne, c.state, c.reason)
		if c.ok && err != nil || !c.ok && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q %q: %v", c.state, c.reason, err)
		}
	}
}

// What a counsellor is shown as follows from what she said and from what she holds.
func TestWhatACounsellorIsShownAs(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		is := func(when string, want State) {
			t.Helper()
			if got := w.seat(anne).Shown; got != want {
				t.Fatalf("%s she is shown %s, want %s", when, got, want)
			}
		}
		is("before she came", Away)
		w.here(anne)
		is("at her desk", Available)
		first := w.talks(anne)
		is("with one chat", Available)
		w.talks(anne)
		w.talks(anne)
		is("with three chats", Busy)
		w.pass(time.Second)
		w.ends(anne, first)
		is("just after a chat", WrapUp)
		w.passAtDesks(2*time.Minute, anne)
		is("two minutes later", Available)
		w.here(anne)
		second := w.talks(anne)
		w.pass(time.Second)
		w.ends(anne, second)
		is("after another", WrapUp)
		w.pass(time.Second)
		w.here(anne)
		is("when she says that she is ready", Available)
		if err := w.SetPresence(t.Context(), anne, WrapUp, ""); err != nil {
			t.Fatal(err)
		}
		is("writing up", WrapUp)
		w.passAtDesks(2*time.Minute, anne)
		is("two minutes later", Available)
		if err := w.SetPresence(t.Context(), anne, Pause, "meal"); err != nil {
			t.Fatal(err)
		}
		is("at table", Pause)
	})
}

// Closing the write-up ends the wrap-up time.
func TestClosingEndsTheWrapUp(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne)
	ct := w.talks(anne)
	w.pass(time.Second)
	w.ends(anne, ct)
	if got := w.seat(anne).Shown; got != WrapUp {
		t.Fatalf("shown %s", got)
	}
	w.pass(time.Second)
	w.closes(ct)
	s := w.seat(anne)
	if s.Shown != Available {
		t.Fatalf("shown %s after the close", s.Shown)
	}
	if want := store.Millis(w.now()); s.IdleSince != want {
		t.Fatalf("idle since %d, want the close, %d", s.IdleSince, want)
	}
}

// A contact noted by hand (a letter) is nobody's conversation: it takes no place and no wrap-up.
func TestANoteTakesNoPlace(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne)
	if _, err := w.contacts.Open(t.Context(), contact.Opening{ID: store.NewID(), Channel: contact.ChannelNote, Lang: "fr", StaffID: anne}); err != nil {
		t.Fatal(err)
	}
	if s := w.seat(anne); s.Shown != Available || s.Talking != 0 {
		t.Fatalf("%+v", s)
	}
}

// After a grave contact ten minutes are proposed, until she has had a pause.
func TestAPauseIsProposedAfterAGraveContact(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.talks(anne)
		if _, err := w.contacts.SetGrave(t.Context(), ct.ID, true, byStaff(anne), false); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if w.seat(anne).PauseProposed {
			t.Fatal("proposed while they are still talking")
		}
		w.ends(anne, ct)
		if !w.seat(anne).PauseProposed {
			t.Fatal("not proposed")
		}
		w.pass(time.Second)
		if err := w.SetPresence(t.Context(), anne, Pause, "after_grave"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		w.here(anne)
		if w.seat(anne).PauseProposed {
			t.Fatal("proposed again after the pause")
		}
	})
}

// A desk that is gone for a minute: she is away, and what rang there rings on at once. Her
// conversations stay hers another minute, then go back to the front of the line, first to her.
func TestADeskThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		quiet := w.talks(anne)
		w.move(quiet, contact.Quiet, byStaff(anne), contact.Change{})
		talking := w.talks(anne)
		w.talks(bilal)
		w.passAtDesks(45*time.Second, bilal)
		ringing := w.opens()
		w.sweeps()
		w.mustRing(ringing, anne)
		w.passAtDesks(10*time.Second, bilal)
		w.sweeps()
		w.mustRing(ringing, anne)
		w.passAtDesks(8*time.Second, bilal)
		w.sweeps()
		if s := w.seat(anne); s.State != Away {
			t.Fatalf("after a minute she is %s", s.State)
		}
		w.mustRing(ringing, bilal)
		if got := w.get(talking.ID); got.State != contact.Talking || got.CounsellorID != anne {
			t.Fatalf("her conversation is %s with %s after one minute", got.State, name(got.CounsellorID))
		}

		later := w.opens(because("came_back", 100))
		w.accepts(bilal, ringing)
		w.passAtDesks(61*time.Second, bilal)
		w.sweeps()
		got := w.get(talking.ID)
		if got.State != contact.Offered || got.OfferedTo != bilal || got.StickyID != anne {
			t.Fatalf("after two minutes her conversation is %s, offered to %s, sticky to %s", got.State, name(got.OfferedTo), name(got.StickyID))
		}
		if w.rings(later) != "" {
			t.Fatal("somebody who only came back goes before a conversation that was cut")
		}
		reasons, err := w.contacts.Reasons(t.Context(), got)
		if err != nil || len(reasons) != 1 || reasons[0].Code != catalogue.ReasonLost {
			t.Fatalf("reasons %+v, %v", reasons, err)
		}
		if got := w.get(quiet.ID); got.State != contact.Parked || got.CounsellorID != "" || got.StickyID != anne {
			t.Fatalf("who went quiet is %s with %s", got.State, name(got.CounsellorID))
		}
	})
}

// Back before her conversations are given away, she is what she was, and has them still.
func TestADeskThatComesBack(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.talks(anne)
		w.pass(70 * time.Second)
		w.sweeps()
		if s := w.seat(anne); s.State != Away || s.Reason != AwayLost {
			t.Fatalf("%+v", s.Presence)
		}
		if err := w.Beat(t.Context(), anne); err != nil {
			t.Fatal(err)
		}
		if s := w.seat(anne); s.State != Available || !s.Live {
			t.Fatalf("back, she is %s", s.State)
		}
		w.passAtDesks(2*time.Minute, anne)
		w.sweeps()
		if got := w.get(ct.ID); got.State != contact.Talking || got.CounsellorID != anne {
			t.Fatalf("her conversation is %s", got.State)
		}
	})
}

// A lid that is opened in the evening does not make anybody available.
func TestADeskThatComesBackMuchLater(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		w.pass(70 * time.Second)
		w.sweeps()
		w.pass(3 * time.Hour)
		for range 3 {
			if err := w.Beat(t.Context(), anne); err != nil {
				t.Fatal(err)
			}
			w.pass(20 * time.Second)
		}
		if s := w.seat(anne); s.State != Away || !s.Live {
			t.Fatalf("%s, live %v", s.State, s.Live)
		}
	})
}

// Ten tabs beat as one, on any number of nodes; and beating is cheap.
func TestManyTabs(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne)
	before := w.db.Statements()
	for range 60 {
		for range 10 {
			if err := w.Beat(t.Context(), anne); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Second)
	}
	if n := w.db.Statements() - before; n > 3 {
		t.Fatalf("a minute of ten tabs took %d statements", n)
	}
	w.sweeps()
	if s := w.seat(anne); s.State != Available || !s.Live {
		t.Fatalf("%+v", s)
	}
}

// When the whole house was down no desk could beat. The desks get a minute to come back before any of
// them is taken for gone, so that no child is torn from her counsellor by a restart.
func TestARestartOfTheHouse(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.talks(anne)
		lost := w.talks(bilal)
		w.pass(10 * time.Minute)
		again := w.rec.node()
		again.giveDesksTime(again.now())
		again.sweeps()
		if got := again.get(ct.ID); got.State != contact.Talking {
			t.Fatalf("the conversation is %s right after a restart", got.State)
		}
		again.passAtDesks(61*time.Second, anne)
		again.sweeps()
		if got := again.get(ct.ID); got.State != contact.Talking || again.seat(anne).State != Available {
			t.Fatalf("the conversation is %s, she is %s", got.State, again.seat(anne).State)
		}
		if got := again.get(lost.ID); got.State == contact.Talking {
			t.Fatal("whoever did not come back keeps her conversation")
		}
	})
}

// Whoever is back from silence goes straight on with her counsellor if that one has room, else she is
// first in line.
func TestBackFromSilence(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.talks(anne)
		w.move(ct, contact.Quiet, byStaff(anne), contact.Change{})
		if _, err := w.contacts.Return(t.Context(), ct.ID, contact.VisitorOf(ct.ID)); err != nil {
			t.Fatal(err)
		}
		if got := w.get(ct.ID); got.State != contact.Talking || got.CounsellorID != anne {
			t.Fatalf("%s with %s", got.State, name(got.CounsellorID))
		}

		w.move(ct, contact.Quiet, byStaff(anne), contact.Change{})
		for range 3 {
			w.talks(anne)
		}
		if _, err := w.contacts.Return(t.Context(), ct.ID, contact.VisitorOf(ct.ID)); err != nil {
			t.Fatal(err)
		}
		if got := w.get(ct.ID); got.State != contact.Waiting || got.StickyID != anne {
			t.Fatalf("%s, sticky to %s, though she has three", got.State, name(got.StickyID))
		}
		if s := w.seat(anne); s.Talking != 3 {
			t.Fatalf("she has %d", s.Talking)
		}
	})
}

// Who is not of the house any more stands on the floor as long as a conversation is still theirs, and not after.
func TestWhoHasLeftTheHouse(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.talks(bilal)
		cast := w.rec.cast
		for _, id := range []string{anne, bilal} {
			cast.people = slices.DeleteFunc(cast.people, func(p staff.Person) bool { return p.ID == id })
		}
		w.pass(10 * time.Second)
		there := func() (ids []string) {
			seats, err := w.Floor(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range seats {
				ids = append(ids, s.StaffID)
			}
			return ids
		}
		if got := there(); !slices.Equal(got, []string{bilal}) {
			t.Errorf("%v stand on the floor, want Bilal, who still talks", got)
		}
		w.ends(bilal, ct)
		if got := there(); len(got) != 1 {
			t.Errorf("%v stand on the floor, want Bilal, who writes it up", got)
		}
		w.pass(time.Hour)
		if got := there(); len(got) > 0 {
			t.Errorf("%v stand on the floor, want nobody", got)
		}
	})
}
