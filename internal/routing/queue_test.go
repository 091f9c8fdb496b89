package routing

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// The line is in the order of the scores, and each score is the sum of parts that can be read.
func TestTheLineAndItsReasons(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		plain := w.opens()
		back := w.opens(because("came_back", 120))
		danger := w.opens(inDanger, because("lexicon.suicide_now", 1000))
		quick := w.opens(queued("quick"))
		w.pass(9*time.Minute + 30*time.Second)
		line, err := w.Waiting(t.Context(), "fr")
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, item := range line {
			order = append(order, item.Contact.ID)
			sum := 0
			for _, p := range item.Parts {
				sum += p.Points
			}
			if sum != item.Score {
				t.Errorf("parts %+v make %d, the score is %d", item.Parts, sum, item.Score)
			}
			if !slices.IsSortedFunc(item.Parts, func(a, b Part) int { return b.Points - a.Points }) {
				t.Errorf("parts %+v are not the heaviest first", item.Parts)
			}
		}
		want := []string{danger.ID, quick.ID, back.ID, plain.ID}
		if !slices.Equal(order, want) {
			t.Fatalf("order %v, want %v", order, want)
		}
		if line[0].Score != 1318 || line[1].Score != 140 || line[2].Score != 138 || line[3].Score != 18 {
			t.Fatalf("scores %d %d %d %d", line[0].Score, line[1].Score, line[2].Score, line[3].Score)
		}
		waited := line[3].Parts[0]
		if waited.Code != PartWaiting || waited.Args["minutes"] != "9" {
			t.Fatalf("%+v, want nine minutes of waiting", waited)
		}
		if line[1].Parts[1].Code != PartQueue || line[1].Parts[1].Args["queue"] != "quick" {
			t.Fatalf("%+v", line[1].Parts)
		}
		for _, lang := range []string{"fr", "en"} {
			for _, part := range []Part{waited, line[1].Parts[1], line[0].Parts[0]} {
				if said := part.Say(w.rec.set, lang); said == "" {
					t.Errorf("%s: %+v has no sentence", lang, part)
				}
			}
		}
	})
}

// A danger mark that somebody set by hand counts without a word of the lexicon, and says so.
func TestADangerMarkCounts(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.opens(because("came_back", 250))
	marked := w.opens(inDanger)
	line, err := w.Waiting(t.Context(), "")
	if err != nil || line[0].Contact.ID != marked.ID {
		t.Fatalf("%+v, %v", line, err)
	}
	if p := line[0].Parts; len(p) != 1 || p[0].Code != PartDanger || p[0].Points != danger(w.rec.set, waiting{danger: true}) {
		t.Fatalf("%+v", p)
	}
}

// Whoever has waited long enough goes before somebody whose reason is light.
func TestAgeing(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		first := w.opens()
		w.passAtDesks(10*time.Minute, anne)
		w.opens(because("came_back", 19))
		w.sweeps()
		w.mustRing(first, anne)
	})
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		w.opens()
		w.passAtDesks(10*time.Minute, anne)
		second := w.opens(because("came_back", 21))
		w.sweeps()
		w.mustRing(second, anne)
	})
}

// A queue asks for a skill: whoever has it is rung; if nobody on duty has it, somebody who listens.
func TestSkills(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, dana)
		ct := w.opens(queued("night"))
		w.sweeps()
		w.mustRing(ct, dana)
		if err := w.SetPresence(t.Context(), dana, Pause, "meal"); err != nil {
			t.Fatal(err)
		}
		w.sweeps()
		w.mustRing(ct, anne)
	})
}

// Somebody with the skill who has her hands full is waited for: she is on duty.
func TestSkillsAreWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, dana)
		var busy contact.Contact
		for range 3 {
			busy = w.talks(dana)
		}
		ct := w.opens(queued("night"))
		w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's", name(got))
		}
		w.ends(dana, busy)
		w.closes(busy)
		w.sweeps()
		w.mustRing(ct, dana)
	})
}

// A queue that an editor has taken away does not lose anybody.
func TestAQueueThatIsGone(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne)
	ct := w.opens(queued("retired-long-ago"))
	w.sweeps()
	w.mustRing(ct, anne)
}

// Whoever comes back is first offered to the counsellor who knows her story, for two minutes, then to anybody.
func TestSticky(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne)
		ct := w.talks(anne)
		w.move(ct, contact.Quiet, byStaff(anne), contact.Change{})
		others := []contact.Contact{w.talks(anne), w.talks(anne), w.talks(anne)}
		if _, err := w.contacts.Return(t.Context(), ct.ID, contact.VisitorOf(ct.ID)); err != nil {
			t.Fatal(err)
		}
		next := w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's though Anne is here", name(got))
		}
		if wait := next.Sub(w.now()); wait > 2*time.Minute {
			t.Fatalf("the next sweep comes in %v", wait)
		}
		w.passAtDesks(time.Minute, anne, bilal)
		w.ends(anne, others[0])
		w.closes(others[0])
		w.sweeps()
		w.mustRing(ct, anne)
		w.passAtDesks(20*time.Second, anne, bilal)
		w.sweeps()
		w.mustRing(ct, bilal) // she did not answer
	})
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne)
		ct := w.talks(anne)
		w.move(ct, contact.Quiet, byStaff(anne), contact.Change{})
		for range 3 {
			w.talks(anne)
		}
		if _, err := w.contacts.Return(t.Context(), ct.ID, contact.VisitorOf(ct.ID)); err != nil {
			t.Fatal(err)
		}
		w.passAtDesks(2*time.Minute, anne, bilal)
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// In danger she waits twenty seconds for the one who knows her, not two minutes.
func TestStickyInDanger(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne)
		ct := w.talks(anne, inDanger)
		w.move(ct, contact.Quiet, byStaff(anne), contact.Change{})
		for range 3 {
			w.talks(anne)
		}
		if _, err := w.contacts.Return(t.Context(), ct.ID, contact.VisitorOf(ct.ID)); err != nil {
			t.Fatal(err)
		}
		w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's at once", name(got))
		}
		w.pass(20 * time.Second)
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// A person who is back with her code, days later, is first offered to whoever answered her then.
func TestStickyByPerson(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne)
		old := w.talks(anne)
		w.ends(anne, old)
		w.closes(old)
		w.pass(time.Second)
		w.here(anne)
		ct := w.opens(ofPerson(old.PersonID))
		w.sweeps()
		w.mustRing(ct, anne)
	})
}

// Nobody waits for a counsellor who has gone home.
func TestStickyToSomebodyWhoIsAway(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne)
		old := w.talks(anne)
		w.ends(anne, old)
		if err := w.SetPresence(t.Context(), anne, Away, ""); err != nil {
			t.Fatal(err)
		}
		ct := w.opens(ofPerson(old.PersonID))
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// "I know this person": it goes on, and nothing of her comes back, now or later.
func TestKnowingThePerson(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne)
		if err := w.KnowThisPerson(t.Context(), anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		if barred, err := w.Recused(t.Context(), anne, w.get(ct.ID)); err != nil || !barred {
			t.Fatalf("recused %v, %v", barred, err)
		}
		w.sweeps()
		w.mustRing(ct, bilal)
		if err := w.Decline(t.Context(), bilal, ct.ID); err != nil {
			t.Fatal(err)
		}
		w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("it rings at %s's", name(got))
		}
		if err := w.Take(t.Context(), anne, ct.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("she takes it from the list: %v", err)
		}
		line, err := w.Waiting(t.Context(), "")
		if err != nil || len(line) != 1 {
			t.Fatalf("the line: %v, %v", line, err)
		}
		for _, p := range w.rec.cast.people {
			if line[0].OpenTo(p) != (p.ID != anne) {
				t.Errorf("%s sees her in the line: %v", p.Alias, p.ID == anne)
			}
		}
		w.move(ct, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{})
		later := w.opens(ofPerson(ct.PersonID))
		w.sweeps()
		w.mustRing(later, bilal)
		stranger := w.opens()
		w.sweeps()
		w.mustRing(stranger, anne)
	})
}

// Found out when a colleague hands her over: it stops ringing, and stays where it was.
func TestKnowingThePersonWhoIsHandedOver(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.talks(anne)
		if err := w.HandOver(t.Context(), anne, ct.ID, bilal); err != nil {
			t.Fatal(err)
		}
		if err := w.KnowThisPerson(t.Context(), bilal, ct.ID); err != nil {
			t.Fatal(err)
		}
		if _, rings, err := w.RingingAt(t.Context(), bilal); err != nil || rings {
			t.Fatalf("it still rings, %v", err)
		}
		w.heard(anne + " hand_over_ended ")
		if got := w.get(ct.ID); got.CounsellorID != anne || got.State != contact.Talking {
			t.Fatalf("%s with %s", got.State, name(got.CounsellorID))
		}
	})
}

// Found out while they talk: the conversation goes on with somebody else, in front of the line.
func TestKnowingThePersonWhileTheyTalk(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		ct := w.talks(anne)
		second := w.opens(ofPerson(ct.PersonID)) // the same person on another channel
		w.sweeps()
		w.mustRing(second, anne)
		if err := w.KnowThisPerson(t.Context(), anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		w.opens(because("came_back", 100))
		w.sweeps()
		w.mustRing(ct, bilal)
		if got := w.rings(second); got != "" {
			t.Fatalf("her other contact rings at %s's", name(got))
		}
		if got := w.get(ct.ID); got.CounsellorID != "" || got.StickyID != "" {
			t.Fatalf("with %s, sticky to %s", name(got.CounsellorID), name(got.StickyID))
		}
	})
}

// The sweeps read ranges of indexes, never the years of closed contacts.
func TestSweepsDoNotReadThePast(t *testing.T) {
	db := storetest.SQLite(t)
	for name, query := range map[string]string{
		"loads": selectLoads, "line": selectWaiting, "places": selectPlaces, "needs": selectNeeds, "refusals": selectRefusals, "offers": selectOpenOffers,
		"orphans": selectOrphans, "barred": selectBarredInLine, "one load": selectLoadOf, "near the line": selectContactsNearLine,
		"closed traces": selectClosedTraces, "waits": selectWaits, "handles": selectSameHandle, "links": selectLinksInLine,
	} {
		args := []any{int64(1), int64(2), anne}
		n := 0
		for n < len(args) && strings.Contains(query, "$"+strconv.Itoa(n+1)) {
			n++
		}
		plan, err := store.All(t.Context(), db, func(r store.Row) (string, error) {
			var a, b, c int
			var detail string
			return detail, r.Scan(&a, &b, &c, &detail)
		}, "EXPLAIN QUERY PLAN "+query, args[:n]...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, line := range plan {
			// A full scan of contact, offer or lookup; those of the small tables are welcome.
			if table, ok := strings.CutPrefix(line, "SCAN "); ok {
				switch strings.Fields(table)[0] {
				case "c", "contact", "o", "offer", "p", "a", "b", "x", "y":
					t.Errorf("%s: %s", name, line)
				}
			}
		}
	}
}
