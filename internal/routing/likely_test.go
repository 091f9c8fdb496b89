package routing

import (
	"net/netip"
	"slices"
	"testing"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var (
	home   = netip.MustParseAddr("192.0.2.10")
	home6  = netip.MustParseAddr("2001:db8:1:2::10")
	home6b = netip.MustParseAddr("2001:db8:1:2:ffff::99")
	school = netip.MustParseAddr("198.51.100.1")
)

func (n *node) like(a, b contact.Contact) []string {
	n.t.Helper()
	all, err := n.LikelySame(n.t.Context(), a.ID)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, l := range all {
		if l.ContactID == b.ID {
			return l.Why
		}
	}
	return nil
}

// A letter and a chat of one home are a suggestion too, until the letter is closed: then its mark goes.
func TestALetterOfOneHomeIsLikely(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		left, chat := w.opensFrom(home, letter), w.opensFrom(home)
		if got := w.like(chat, left); !slices.Equal(got, []string{LikeNetwork}) {
			t.Errorf("%v", got)
		}
		w.closes(left)
		w.sweeps()
		marks, err := store.All(t.Context(), w.db, scanID, `SELECT contact_id FROM network_mark`)
		if err != nil || !slices.Equal(marks, []string{chat.ID}) {
			t.Errorf("marks of %v, %v", marks, err)
		}
	})
}

// One code, one home, a parent and a child of one home: each is a suggestion with its reason, seen from
// both sides.
func TestLikeliness(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		adult := adultCode(t, w)
		child := w.opensFrom(home)
		parent := w.opensFrom(home, asA(adult))
		tablet := w.opensFrom(netip.MustParseAddr("203.0.113.5"), ofPerson(child.PersonID))
		phone6, laptop6 := w.opensFrom(home6), w.opensFrom(home6b)
		stranger := w.opensFrom(school)
		for _, c := range []struct {
			what string
			a, b contact.Contact
			want []string
		}{
			{"parent and child of one home", child, parent, []string{LikeFamily}},
			{"the same, from the other side", parent, child, []string{LikeFamily}},
			{"one person on two devices", child, tablet, []string{LikePerson}},
			{"two devices of one IPv6 home", phone6, laptop6, []string{LikeNetwork}},
			{"two strangers", child, stranger, nil},
		} {
			if got := w.like(c.a, c.b); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.what, got, c.want)
			}
		}
		line, err := w.Waiting(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range line {
			if item.Contact.ID == child.ID && len(item.LikelySame) != 2 {
				t.Errorf("in the line: %+v", item.LikelySame)
			}
		}
	})
}

// adultCode is an answer to "who are you?" that speaks as an adult.
func adultCode(t *testing.T, w *node) string {
	t.Helper()
	for _, q := range w.rec.set.Questions.First {
		for _, c := range q.Choices {
			if w.rec.set.Questions.Speaks(c.Code) == "adult" {
				return c.Code
			}
		}
	}
	t.Fatal("no adult in the questions")
	return ""
}

// A whole class behind one address is not one person.
func TestASchoolIsNotAHousehold(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	var pupils []contact.Contact
	for range household {
		pupils = append(pupils, w.opensFrom(school))
	}
	if got := w.like(pupils[0], pupils[1]); !slices.Equal(got, []string{LikeNetwork}) {
		t.Fatalf("four at one address: %v", got)
	}
	w.opensFrom(school)
	if got := w.like(pupils[0], pupils[1]); got != nil {
		t.Fatalf("five at one address: %v", got)
	}
}

// Where a contact comes from is forgotten when it closes.
func TestTheMarkDiesAtTheClose(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		gone, stays := w.opensFrom(home), w.opensFrom(home)
		w.move(gone, contact.VisitorEnds, contact.VisitorOf(gone.ID), contact.Change{})
		w.sweeps()
		kept, err := store.All(t.Context(), w.db, scanID, `SELECT contact_id FROM network_mark`)
		if err != nil || !slices.Equal(kept, []string{stays.ID}) {
			t.Fatalf("kept %v, %v", kept, err)
		}
	})
}

// No address can be read back from a mark: it is keyed, and nothing like the address is in it.
func TestAMarkIsKeyed(t *testing.T) {
	one, other := world(t, storetest.SQLite(t)), world(t, storetest.SQLite(t))
	if string(one.networkMark(home)) == string(other.networkMark(home)) {
		t.Fatal("two houses make the same mark")
	}
	if string(one.networkMark(home)) != string(one.networkMark(netip.MustParseAddr("::ffff:192.0.2.10"))) {
		t.Fatal("one address, two marks")
	}
	if one.networkMark(netip.Addr{}) != nil {
		t.Fatal("no address has a mark")
	}
}

// A human joins two contacts; nothing is merged, and it can be undone, after which it is not suggested again.
func TestJoining(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(bilal, anne)
		talking := w.talks(anne)
		waiting := w.opensFrom(home)
		if err := w.Join(t.Context(), sam, waiting.ID, talking.ID, LinkSame); err != nil {
			t.Fatal(err)
		}
		if err := w.Join(t.Context(), sam, talking.ID, waiting.ID, LinkSame); err != nil {
			t.Fatalf("again: %v", err)
		}
		for _, p := range [][2]contact.Contact{{talking, waiting}, {waiting, talking}} {
			links, err := w.Links(t.Context(), p[0].ID)
			if err != nil || len(links) != 1 || links[0].ContactID != p[1].ID || links[0].Kind != LinkSame || links[0].By != sam {
				t.Fatalf("links %+v, %v", links, err)
			}
		}
		if a, b := w.get(talking.ID), w.get(waiting.ID); a.PersonID == b.PersonID || a.KeyID == b.KeyID {
			t.Fatal("something was merged")
		}
		w.sweeps()
		w.mustRing(waiting, anne) // who talks to her already

		for range 2 {
			if err := w.Apart(t.Context(), sam, talking.ID, waiting.ID); err != nil {
				t.Fatal(err)
			}
		}
		if links, err := w.Links(t.Context(), talking.ID); err != nil || len(links) != 0 {
			t.Fatalf("links after undoing %+v, %v", links, err)
		}
		if err := w.Join(t.Context(), sam, talking.ID, talking.ID, LinkSame); !fault.Is(err, fault.Invalid) {
			t.Fatalf("with itself: %v", err)
		}
		if err := w.Join(t.Context(), sam, talking.ID, store.NewID(), LinkSame); !fault.Is(err, fault.NotFound) {
			t.Fatalf("with nothing: %v", err)
		}
	})
}

// What a human has settled, joined or apart, is no longer suggested.
func TestWhatIsSettledIsNotSuggested(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	twin, sister := w.opensFrom(home), w.opensFrom(home)
	if err := w.Join(t.Context(), sam, twin.ID, sister.ID, LinkSame); err != nil {
		t.Fatal(err)
	}
	if got := w.like(twin, sister); got != nil {
		t.Fatalf("joined, and suggested: %v", got)
	}
	if err := w.Apart(t.Context(), sam, twin.ID, sister.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.like(twin, sister); got != nil {
		t.Fatalf("twins, and suggested again: %v", got)
	}
}

// Somebody who sees at once that they are two says so, without joining them first.
func TestSayingApart(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		one, other := w.opensFrom(home), w.opensFrom(home)
		if got := w.like(one, other); got == nil {
			t.Fatal("nothing to say apart")
		}
		for range 2 {
			if err := w.Apart(t.Context(), sam, other.ID, one.ID); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.like(one, other); got != nil {
			t.Fatalf("said apart, and suggested: %v", got)
		}
		if err := w.KnowThisPerson(t.Context(), anne, one.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Apart(t.Context(), anne, one.ID, other.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("by somebody who knows the person: %v", err)
		}
	})
}

// Whoever knows one of two joined contacts knows the other, whichever came first.
func TestJoiningAndKnowing(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		barred := func(ct contact.Contact) bool {
			t.Helper()
			b, err := w.Recused(t.Context(), anne, ct)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		child, parent := w.opens(), w.opens()
		if err := w.KnowThisPerson(t.Context(), anne, child.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Join(t.Context(), sam, child.ID, parent.ID, LinkFamily); err != nil {
			t.Fatal(err)
		}
		if !barred(parent) {
			t.Error("joined after she knew the child, the parent is open to her")
		}
		second, other := w.opens(), w.opens()
		if err := w.Join(t.Context(), sam, second.ID, other.ID, LinkSame); err != nil {
			t.Fatal(err)
		}
		if err := w.KnowThisPerson(t.Context(), anne, other.ID); err != nil {
			t.Fatal(err)
		}
		if !barred(second) {
			t.Error("joined before, it is open to her")
		}
		if err := w.Join(t.Context(), anne, child.ID, second.ID, LinkSame); !fault.Is(err, fault.NotFound) {
			t.Errorf("she joins contacts of people she knows: %v", err)
		}
	})
}
