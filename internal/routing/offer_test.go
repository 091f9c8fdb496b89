package routing

import (
	"sync"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// Whoever has been idle longest is rung; and of two, whoever has nobody before whoever has somebody.
func TestTheLongestIdleIsRung(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne, chloe)
		first, second, third, fourth := w.opens(), w.opens(), w.opens(), w.opens()
		w.sweeps()
		w.mustRing(first, bilal)
		w.mustRing(second, anne)
		w.mustRing(third, chloe)
		if got := w.rings(fourth); got != "" {
			t.Fatalf("two ring at %s's", name(got))
		}
		w.accepts(bilal, first)
		w.accepts(chloe, third)
		w.pass(time.Second)
		w.ends(chloe, third)
		w.pass(time.Second)
		w.here(chloe)
		w.sweeps()
		w.mustRing(fourth, chloe)
	})
}

// Idle time begins at the end of the last contact, not at its beginning.
func TestIdleSinceTheEndOfTheLastContact(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		short, long := w.opens(), w.opens()
		w.sweeps()
		w.accepts(anne, short)
		w.accepts(bilal, long)
		w.passAtDesks(time.Minute, anne, bilal)
		w.ends(bilal, long)
		w.closes(long)
		w.passAtDesks(time.Minute, anne, bilal)
		w.ends(anne, short)
		w.closes(short)
		w.pass(time.Second)
		next := w.opens()
		w.sweeps()
		w.mustRing(next, bilal)
	})
}

// A slow evening: an hour after their last contacts the order is still who had hers first.
func TestIdleOnASlowEvening(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		first := w.talks(anne)
		w.ends(anne, first)
		w.closes(first)
		w.passAtDesks(10*time.Minute, anne, bilal)
		second := w.talks(bilal)
		w.ends(bilal, second)
		w.closes(second)
		w.passAtDesks(time.Minute, anne, bilal)
		third := w.talks(anne)
		w.ends(anne, third)
		w.closes(third)
		w.passAtDesks(time.Hour, anne, bilal)
		next := w.opens()
		w.sweeps()
		w.mustRing(next, bilal)
	})
}

// Twenty seconds without an answer: the next one is rung, the silent one is set away.
func TestSilence(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		next := w.sweeps()
		w.mustRing(ct, anne)
		if wait := next.Sub(w.now()); wait > 20*time.Second {
			t.Fatalf("the next sweep comes in %v", wait)
		}
		w.pass(19 * time.Second)
		w.sweeps()
		w.mustRing(ct, anne)
		w.pass(time.Second)
		w.sweeps()
		w.mustRing(ct, bilal)
		if s := w.seat(anne); s.State != Away || s.Reason != AwaySilent {
			t.Fatalf("the silent one is %s %q", s.State, s.Reason)
		}
		w.heard(anne + " presence ")
		if got := w.get(ct.ID); got.WaitingSince != ct.WaitingSince {
			t.Fatal("ringing in vain cost her her place")
		}
	})
}

// The last one who could take it is never set away: it goes on ringing, and the supervisors are rung.
func TestTheLastOneIsNeverSetAway(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		w.talks(bilal)
		w.talks(bilal)
		w.talks(bilal) // no room
		ct := w.opens()
		for range 3 {
			w.sweeps()
			w.mustRing(ct, anne)
			w.passAtDesks(20*time.Second, anne, bilal)
		}
		w.sweeps()
		if s := w.seat(anne); s.State != Available {
			t.Fatalf("she is %s", s.State)
		}
		w.heard("supervisors ring silent")
	})
}

// Somebody who does not speak the language is not somebody who is left.
func TestTheLastOneInHerLanguage(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(dana, anne)
		ct := w.opens(in("en"))
		w.sweeps()
		w.mustRing(ct, dana)
		w.passAtDesks(20*time.Second, anne, dana)
		w.sweeps()
		w.mustRing(ct, dana)
		if s := w.seat(dana); s.State != Available {
			t.Fatalf("the only one who speaks English is %s", s.State)
		}
	})
}

// Two who are silent at once, judged by two nodes at once: one of them stays.
func TestTwoSilentOnTwoNodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		nodes := []*node{rec.node(), rec.node()}
		w := nodes[0]
		for round := range 10 {
			w.here(anne, bilal)
			one, two := w.opens(), w.opens()
			w.sweeps()
			if w.rings(one) == "" || w.rings(two) == "" {
				t.Fatal("they do not both ring")
			}
			w.pass(20 * time.Second)
			var wg sync.WaitGroup
			for _, n := range nodes {
				wg.Go(func() {
					if _, err := n.sweep(t.Context(), false); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			left := 0
			for _, id := range []string{anne, bilal} {
				if w.seat(id).State == Available {
					left++
				}
			}
			if left != 1 {
				t.Fatalf("round %d: %d are left", round, left)
			}
			for _, ct := range []contact.Contact{one, two} {
				if w.rings(ct) != "" {
					w.accepts(w.rings(ct), ct)
				}
				if got := w.get(ct.ID); got.State == contact.Waiting {
					w.move(ct, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{})
				} else {
					w.ends(got.CounsellorID, ct)
				}
			}
			w.pass(time.Second)
		}
	})
}

// The same at the very same moment: both transactions stand at their counsellor's row when it is let go.
func TestTwoSilentAtTheSameMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newRecord(t, db).node()
		for round := range 5 {
			w.here(anne, bilal)
			one, two := w.opens(), w.opens()
			w.sweeps()
			if w.rings(one) == "" || w.rings(two) == "" {
				t.Fatal("they do not both ring")
			}
			w.pass(20 * time.Second)
			f, err := w.readFloor(t.Context(), w.now())
			if err != nil || len(f.offers) != 2 {
				t.Fatalf("%d offers, %v", len(f.offers), err)
			}
			var wg sync.WaitGroup
			err = db.Tx(t.Context(), func(tx *store.Tx) error {
				for _, o := range f.offers {
					if _, _, err := lock(t.Context(), tx, o.staffID); err != nil {
						return err
					}
				}
				for _, o := range f.offers {
					wg.Go(func() {
						others, err := w.others(t.Context(), f, o)
						if err == nil {
							err = w.lapse(t.Context(), o, others, f.at)
						}
						if err != nil {
							t.Error(err)
						}
					})
				}
				time.Sleep(50 * time.Millisecond) // until both stand at a row; nothing depends on it but the worth of the test
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			if a, b := w.seat(anne).State, w.seat(bilal).State; (a == Available) == (b == Available) {
				t.Fatalf("round %d: Anne is %s, Bilal %s", round, a, b)
			}
			for _, ct := range []contact.Contact{one, two} {
				w.move(ct, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{})
			}
		}
	})
}

// What a sweep has seen is old when it claims: whoever went on a pause, filled up or is rung meanwhile is
// not rung, and a contact that is no longer there is not offered.
func TestAClaimLooksAgain(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		for _, c := range []struct {
			what      string
			meanwhile func(ct contact.Contact)
		}{
			{"she went on a pause", func(contact.Contact) {
				if err := w.SetPresence(t.Context(), anne, Pause, "break"); err != nil {
					t.Fatal(err)
				}
			}},
			{"she took three herself", func(contact.Contact) { w.talks(anne); w.talks(anne); w.talks(anne) }},
			{"her chat became grave", func(contact.Contact) {
				grave := w.talks(anne)
				if _, err := w.contacts.SetGrave(t.Context(), grave.ID, true, byStaff(anne), false); err != nil {
					t.Fatal(err)
				}
			}},
			{"her desk is gone", func(contact.Contact) { w.pass(61 * time.Second) }},
			{"another rings at her desk", func(contact.Contact) { w.opens(inDanger, because("lexicon.suicide", 1000)); w.sweeps() }},
			{"she knows the person", func(ct contact.Contact) {
				if err := w.KnowThisPerson(t.Context(), anne, ct.ID); err != nil {
					t.Fatal(err)
				}
			}},
			{"the person left", func(ct contact.Contact) {
				w.move(ct, contact.Leave, contact.VisitorOf(ct.ID), contact.Change{})
			}},
		} {
			w.here(anne)
			ct := w.opens()
			f, err := w.readFloor(t.Context(), w.now())
			if err != nil {
				t.Fatal(err)
			}
			l, err := w.readLine(t.Context(), f)
			if err != nil || len(l.waiting) != 1 {
				t.Fatalf("%+v, %v", l, err)
			}
			c.meanwhile(ct)
			claimed, err := w.claim(t.Context(), f.bySeat[anne], l.waiting[0])
			if err != nil || claimed {
				t.Errorf("%s, and the claim says %v, %v", c.what, claimed, err)
			}
			if got := w.get(ct.ID); got.State == contact.Offered && got.OfferedTo == anne && c.what != "another rings at her desk" {
				t.Errorf("%s, and it rings", c.what)
			}
			w.clears()
		}
	})
}

// Declining passes it on, and it does not come back for a minute while there is somebody else.
func TestDeclining(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		if err := w.Decline(t.Context(), anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Decline(t.Context(), anne, ct.ID); err != nil {
			t.Fatalf("a double click: %v", err)
		}
		w.sweeps()
		w.mustRing(ct, bilal)
		if s := w.seat(anne); s.State != Available {
			t.Fatalf("she is %s for having declined", s.State)
		}
		if err := w.Decline(t.Context(), bilal, ct.ID); err != nil {
			t.Fatal(err)
		}
		next := w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's again at once", name(got))
		}
		w.heard("supervisors ring declined")
		if wait := next.Sub(w.now()); wait > time.Minute {
			t.Fatalf("the next sweep comes in %v", wait)
		}
		other := w.opens()
		w.sweeps()
		w.mustRing(other, anne)
		w.passAtDesks(time.Minute, anne, bilal)
		w.accepts(anne, other)
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// A double click, a second tab, a resend: one answer. Anybody else is told kindly that it is over.
func TestAccepting(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		if err := w.Accept(t.Context(), bilal, ct.ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("somebody at whose desk it does not ring: %v", err)
		}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := w.Accept(t.Context(), anne, ct.ID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := w.get(ct.ID)
		if got.State != contact.Talking || got.CounsellorID != anne {
			t.Fatalf("%s with %s", got.State, name(got.CounsellorID))
		}
		n, err := store.One(t.Context(), w.db, scanInt, `SELECT count(*) FROM offer WHERE state = 'accepted'`)
		if err != nil || n != 1 {
			t.Fatalf("%d offers accepted, %v", n, err)
		}
	})
}

// Too late: it rings at the next desk already.
func TestAcceptingTooLate(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		w.sweeps()
		w.pass(20 * time.Second)
		w.sweeps()
		w.mustRing(ct, bilal)
		if err := w.Accept(t.Context(), anne, ct.ID); fault.As(err) == nil || fault.As(err).Key != "fault.routing.offer_over" {
			t.Fatalf("%v", err)
		}
		w.mustRing(ct, bilal)
	})
}

// The person leaves while it rings: the desk stops ringing, and is free for the next.
func TestLeavingWhileItRings(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		if _, err := w.contacts.LeaveQuickly(t.Context(), ct.ID); err != nil {
			t.Fatal(err)
		}
		if _, rings, err := w.RingingAt(t.Context(), anne); err != nil || rings {
			t.Fatalf("it still rings: %v", err)
		}
		if err := w.Accept(t.Context(), anne, ct.ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("accepting it: %v", err)
		}
		next := w.opens()
		w.sweeps()
		w.mustRing(next, anne)
	})
}

// Three chats at once by default; one who learns takes one; a number of her own is hers.
func TestCapacity(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.rec.cast.people[1].ChatCapacity = 1
		w.here(anne, bilal)
		var taken []contact.Contact
		for range 6 {
			taken = append(taken, w.opens())
			w.sweeps()
			for _, ct := range taken {
				if at := w.rings(ct); at != "" {
					w.accepts(at, ct)
				}
			}
		}
		w.sweeps()
		if a, b := w.seat(anne).Talking, w.seat(bilal).Talking; a != 3 || b != 1 {
			t.Fatalf("Anne has %d, Bilal %d", a, b)
		}
	})
}

// A contact that is marked grave takes all of its counsellor. What she has besides, she keeps.
func TestAGraveContactTakesAllOfHer(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		one, grave := w.talks(anne), w.talks(anne)
		if _, err := w.contacts.SetGrave(t.Context(), grave.ID, true, byStaff(anne), false); err != nil {
			t.Fatal(err)
		}
		ct := w.opens()
		w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's", name(got))
		}
		if err := w.Take(t.Context(), anne, ct.ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("taking one more: %v", err)
		}
		if got := w.get(one.ID); got.CounsellorID != anne {
			t.Fatal("she lost what she had")
		}
		// Quiet for a moment, the person may be back any second.
		w.move(grave, contact.Quiet, byStaff(anne), contact.Change{})
		w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's while a grave contact is only quiet", name(got))
		}
		w.passAtDesks(10*time.Minute, anne)
		w.sweeps()
		w.mustRing(ct, anne)
	})
}

// A grave contact that waits is offered to whoever has nobody, though another has been idle longer.
func TestAGraveContactGoesToFreeHands(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		w.talks(anne)
		ct := w.opens()
		if _, err := w.contacts.SetGrave(t.Context(), ct.ID, true, contact.SystemActor, false); err != nil {
			t.Fatal(err)
		}
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// Going on a pause while it rings sends it on at once.
func TestAPauseWhileItRings(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		if err := w.SetPresence(t.Context(), anne, Pause, "break"); err != nil {
			t.Fatal(err)
		}
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// Nobody at all: the supervisors are rung, once a minute, and once for all nodes.
func TestNobodyIsThere(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.opens()
		for range 12 {
			w.sweeps()
			w.pass(10 * time.Second)
		}
		w.quiet()
		if n := w.told.count("supervisors ring nobody"); n != 2 {
			t.Fatalf("rung %d times in two minutes", n)
		}
	})
}

// Somebody is there, but nobody who speaks her language.
func TestNobodySpeaksHerLanguage(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne)
	ct := w.opens(in("en"))
	w.sweeps()
	if got := w.rings(ct); got != "" {
		t.Fatalf("it rings at %s's", name(got))
	}
	w.heard("supervisors ring nobody_suitable")
}

// Nobody rings where she may not answer: an administrator, somebody who has left.
func TestOnlyWhoMayAnswerIsRung(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne)
	w.rec.cast.people[0].Active = false
	ct := w.opens()
	w.pass(10 * time.Second) // the roster is read again
	w.sweeps()
	if got := w.rings(ct); got != "" {
		t.Fatalf("it rings at %s's", name(got))
	}
	if err := w.Take(t.Context(), anne, ct.ID); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("she takes it: %v", err)
	}
}

// Taking from the list: one gets it, she has room, and a resend changes nothing.
func TestTaking(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		var wg sync.WaitGroup
		won := make([]error, 8)
		for i := range won {
			wg.Go(func() { won[i] = w.Take(t.Context(), []string{anne, bilal}[i%2], ct.ID) })
		}
		wg.Wait()
		holder := w.get(ct.ID).CounsellorID
		for i, err := range won {
			mine := []string{anne, bilal}[i%2] == holder
			if mine && err != nil || !mine && !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name([]string{anne, bilal}[i%2]), err)
			}
		}
		for range 2 {
			w.talks(holder)
		}
		if err := w.Take(t.Context(), holder, w.opens().ID); fault.As(err) == nil || fault.As(err).Key != "fault.routing.full" {
			t.Fatalf("a fourth: %v", err)
		}
		if err := w.Take(t.Context(), chloe, w.opens().ID); fault.As(err) == nil || fault.As(err).Key != "fault.routing.not_here" {
			t.Fatalf("without a desk: %v", err)
		}
	})
}

// Six at once for the one place that is left: one is taken, on whatever node.
func TestTakingTheLastPlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		nodes := []*node{rec.node(), rec.node()}
		w := nodes[0]
		for range 5 {
			w.here(anne)
			w.talks(anne)
			w.talks(anne)
			var wg sync.WaitGroup
			for i := range 6 {
				ct := w.opens()
				wg.Go(func() {
					if err := nodes[i%2].Take(t.Context(), anne, ct.ID); unexpected(err) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if s := w.seat(anne); s.Talking != 3 {
				t.Fatalf("she has %d", s.Talking)
			}
			w.clears()
		}
	})
}

// Handing over: it rings at the colleague's, and nothing changes for the child until she accepts.
func TestHandingOver(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.talks(anne)
		if err := w.HandOver(t.Context(), anne, ct.ID, bilal); err != nil {
			t.Fatal(err)
		}
		ring, ok, err := w.RingingAt(t.Context(), bilal)
		if err != nil || !ok || ring.Kind != FromHandOver || ring.FromID != anne || ring.ContactID != ct.ID {
			t.Fatalf("%+v %v %v", ring, ok, err)
		}
		w.sweeps()
		if got := w.get(ct.ID); got.State != contact.Talking || got.CounsellorID != anne {
			t.Fatalf("%s with %s before the colleague accepts", got.State, name(got.CounsellorID))
		}
		w.accepts(bilal, ct)
		w.accepts(bilal, ct)
		if got := w.get(ct.ID); got.State != contact.Talking || got.CounsellorID != bilal || got.StickyID != bilal {
			t.Fatalf("%s with %s after", got.State, name(got.CounsellorID))
		}
		w.heard(anne + " handed_over ")
	})
}

// The colleague declines, does not answer, or it is called back: it simply stays.
func TestHandingOverInVain(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.talks(anne)
		stays := func(how string) {
			t.Helper()
			if got := w.get(ct.ID); got.State != contact.Talking || got.CounsellorID != anne {
				t.Fatalf("%s: %s with %s", how, got.State, name(got.CounsellorID))
			}
			if _, rings, _ := w.RingingAt(t.Context(), bilal); rings {
				t.Fatalf("%s: it still rings", how)
			}
			if s := w.seat(bilal); s.State != Available {
				t.Fatalf("%s: the colleague is %s", how, s.State)
			}
		}
		hand := func() {
			t.Helper()
			if err := w.HandOver(t.Context(), anne, ct.ID, bilal); err != nil {
				t.Fatal(err)
			}
		}
		hand()
		if err := w.Decline(t.Context(), bilal, ct.ID); err != nil {
			t.Fatal(err)
		}
		stays("declined")
		hand()
		w.passAtDesks(time.Minute, anne, bilal)
		w.sweeps()
		stays("not answered")
		hand()
		if err := w.CancelHandOver(t.Context(), anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		stays("called back")
		hand()
		w.ends(anne, ct)
		if err := w.Accept(t.Context(), bilal, ct.ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("accepting what has ended: %v", err)
		}
		w.sweeps()
		if _, rings, _ := w.RingingAt(t.Context(), bilal); rings {
			t.Fatal("what has ended still rings")
		}
	})
}

// To whom one cannot hand over, each with its sentence.
func TestToWhomOneCannotHandOver(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal, chloe, dana)
		ct := w.talks(anne)
		refused := func(from, to, key string) {
			t.Helper()
			if err := w.HandOver(t.Context(), from, ct.ID, to); fault.As(err) == nil || fault.As(err).Key != key {
				t.Errorf("%s to %s: %v, want %s", name(from), name(to), err, key)
			}
		}
		refused(anne, anne, "fault.routing.colleague_cannot")
		refused(anne, "somebody", "fault.routing.colleague_cannot")
		refused(bilal, chloe, "fault.routing.not_yours")
		refused(anne, sam, "fault.routing.colleague_away")
		for range 3 {
			w.talks(bilal)
		}
		refused(anne, bilal, "fault.routing.colleague_full")
		if err := w.SetPresence(t.Context(), chloe, Pause, "meal"); err != nil {
			t.Fatal(err)
		}
		refused(anne, chloe, "fault.routing.colleague_away")
		if err := w.KnowThisPerson(t.Context(), dana, ct.ID); err != nil {
			t.Fatal(err)
		}
		refused(anne, dana, "fault.routing.colleague_cannot")
		w.here(chloe, sam)
		if err := w.HandOver(t.Context(), anne, ct.ID, chloe); err != nil {
			t.Fatal(err)
		}
		refused(anne, sam, "fault.routing.handing_over")
	})
}

// A supervisor has a contact ring at a desk of her choice, out of turn; what holds for everybody holds
// for her choice too.
func TestAssigning(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		refused := func(ct contact.Contact, to, key string) {
			t.Helper()
			if err := w.Assign(t.Context(), sam, ct.ID, to); fault.As(err) == nil || fault.As(err).Key != key {
				t.Errorf("to %s: %v, want %s", name(to), err, key)
			}
		}
		ct := w.opens(queued("night"))
		refused(ct, bilal, "fault.routing.colleague_away")
		w.here(anne, bilal)
		if err := w.Assign(t.Context(), sam, ct.ID, bilal); err != nil {
			t.Fatal(err)
		}
		w.mustRing(ct, bilal)
		refused(ct, anne, "fault.routing.not_waiting")
		other := w.opens()
		refused(other, bilal, "fault.routing.colleague_full")
		if err := w.KnowThisPerson(t.Context(), anne, other.ID); err != nil {
			t.Fatal(err)
		}
		refused(other, anne, "fault.routing.colleague_cannot")
		refused(other, "somebody", "fault.routing.colleague_cannot")
		w.accepts(bilal, ct)
		w.sweeps()
		w.mustRing(other, bilal)
	})
}

// A supervisor sets somebody away who has left her desk open; it rings elsewhere at once.
func TestSettingSomebodyAway(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		for range 2 {
			if err := w.SetAway(t.Context(), sam, anne); err != nil {
				t.Fatal(err)
			}
		}
		if s := w.seat(anne); s.State != Away || !s.Live {
			t.Fatalf("%s, live %v", s.State, s.Live)
		}
		w.sweeps()
		w.mustRing(ct, bilal)
		w.heard(anne + " presence ")
	})
}

// A contact that was offered past this room comes back to the line when its time is over.
func TestAnOfferOfNobodys(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		ct := w.opens()
		until := store.Millis(w.now().Add(30 * time.Second))
		w.move(ct, contact.Offer, contact.SystemActor, contact.Change{StaffID: sam, OfferUntil: until})
		w.sweeps()
		if got := w.get(ct.ID); got.State != contact.Offered {
			t.Fatalf("%s before its time is over", got.State)
		}
		w.pass(30 * time.Second)
		w.sweeps()
		if got := w.get(ct.ID); got.State != contact.Waiting {
			t.Fatalf("%s after", got.State)
		}
	})
}

// What was closed in one click while it rang stops ringing at once; what still waits goes on.
func TestAClosedContactStopsRinging(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		if err := w.StopRinging(t.Context(), ct.ID); err != nil {
			t.Fatal(err)
		}
		w.mustRing(ct, anne)
		if _, err := w.contacts.Dismiss(t.Context(), ct.ID, "joke", byStaff(anne), false); err != nil {
			t.Fatal(err)
		}
		if err := w.StopRinging(t.Context(), ct.ID); err != nil {
			t.Fatal(err)
		}
		if n, err := store.One(t.Context(), w.db, scanInt, `SELECT count(*) FROM offer WHERE state = 'open'`); err != nil || n != 0 {
			t.Fatalf("%d offers are open, %v", n, err)
		}
	})
}

// Whoever abused a counsellor and is back is offered to another one; to the same only
// where nobody else is there.
func TestWhoWasAbusiveGoesToAnotherCounsellor(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		before := w.talks(anne)
		w.move(before, contact.Dismiss, byStaff(anne), contact.Change{Closing: "abusive"})
		w.here(bilal)
		back := w.opens(ofPerson(before.PersonID))
		w.sweeps()
		w.mustRing(back, bilal) // Anne has been idle longer, and knows her
		w.clears()

		if err := w.SetPresence(t.Context(), bilal, Away, ""); err != nil {
			t.Fatal(err)
		}
		alone := w.opens(ofPerson(before.PersonID))
		w.sweeps()
		w.mustRing(alone, anne)
		w.clears()

		threatened := w.talks(anne)
		if _, _, err := w.Threat(t.Context(), anne, threatened.ID, false, 0, false); err != nil {
			t.Fatal(err)
		}
		w.here(bilal)
		again := w.opens(ofPerson(threatened.PersonID))
		w.sweeps()
		w.mustRing(again, bilal)
	})
}

// Somebody who is spared has the person at last, when nobody else has come free.
func TestWhoIsSparedHasHerAtLast(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		before := w.talks(anne)
		w.move(before, contact.Dismiss, byStaff(anne), contact.Change{Closing: "abusive"})
		w.here(bilal)
		for range 3 {
			w.talks(bilal)
		}
		back := w.opens(ofPerson(before.PersonID))
		w.sweeps()
		w.mustRing(back, "")
		w.passAtDesks(2*time.Minute, anne, bilal)
		w.sweeps()
		w.mustRing(back, anne)
	})
}
