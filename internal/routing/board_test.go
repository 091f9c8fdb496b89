package routing

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
)

// screen is somebody who looks at the board: what she has after each change she was told.
type screen struct {
	mu    sync.Mutex
	posts map[string]Post
	seats map[string]Placed
	last  Delta
	told  int
}

func (s *screen) tell(d *Delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.Whole {
		s.posts, s.seats = map[string]Post{}, map[string]Placed{}
	}
	for _, p := range d.Posts {
		s.posts[p.ID] = p
	}
	for _, id := range d.Gone {
		delete(s.posts, id)
	}
	for _, seat := range d.Seats {
		s.seats[seat.StaffID] = seat
	}
	for _, id := range d.Left {
		delete(s.seats, id)
	}
	s.last = *d
	s.told++
}

func (s *screen) post(id string) (Post, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.posts[id]
	return p, ok
}

func (s *screen) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

func (n *node) looks(b *Board) *screen {
	n.t.Helper()
	s := &screen{}
	stop, err := b.Follow(n.t.Context(), s.tell)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(stop)
	return s
}

func (n *node) board() *Board {
	n.t.Helper()
	b, err := n.NewBoard()
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(b.Close)
	return b
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// What happens to a contact, and to who is there, is on every screen: the same as the record says. Only what changed is told.
func TestTheBoardFollowsTheRecord(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		old := w.opens(because("lexicon.suicide", 40))
		b := w.board()
		first := w.looks(b)
		if p, ok := first.post(old.ID); !ok || !p.Lined || len(p.Reasons) != 1 || p.Score < 40 {
			t.Fatalf("what waits already is %+v, %v", p, ok)
		}
		w.here(anne)
		young := w.opens()
		eventually(t, "a new contact is not on the board", func() bool { p, ok := first.post(young.ID); return ok && p.Lined })
		w.sweeps()
		eventually(t, "what rings is not", func() bool { p, _ := first.post(old.ID); return p.State == contact.Offered && p.OfferedTo == anne })
		if err := w.Accept(t.Context(), anne, old.ID); err != nil {
			t.Fatal(err)
		}
		eventually(t, "who talks is not", func() bool { p, _ := first.post(old.ID); return p.UnderWay() && p.CounsellorID == anne && !p.Lined })
		eventually(t, "that she has it is not", func() bool {
			first.mu.Lock()
			defer first.mu.Unlock()
			return first.seats[anne].Talking == 1
		})
		second := w.looks(b)
		if err := w.SetPresence(t.Context(), bilal, Available, ""); err != nil {
			t.Fatal(err)
		}
		eventually(t, "who comes is not", func() bool {
			second.mu.Lock()
			defer second.mu.Unlock()
			return second.seats[bilal].Shown == Available
		})
		second.mu.Lock()
		if n := len(second.last.Posts); n != 0 {
			t.Errorf("that somebody came tells %d contacts anew", n)
		}
		second.mu.Unlock()
		if _, err := w.contacts.EndConversation(t.Context(), old.ID, byStaff(anne), contact.Change{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "what is over is still on the board", func() bool {
			_, a := first.post(old.ID)
			_, b := second.post(old.ID)
			return !a && !b
		})
		posts, seats, err := w.Router.board(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*screen{first, second} {
			eventually(t, "a screen is not as the record", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return maps.EqualFunc(s.posts, posts, func(a, b Post) bool { return a.Rev == b.Rev && a.State == b.State }) &&
					maps.EqualFunc(s.seats, seats, sameSeat) && s.last.Waiting == 1 && s.last.UnderWay == 0
			})
		}
	})
}

// Whoever knows a person is told neither that she waits nor that somebody talks with her; it changes the count too.
func TestWhomSheKnowsIsNotOnHerBoard(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		ct := w.opens()
		s := w.looks(w.board())
		if err := w.rec.db.Tx(t.Context(), func(tx *store.Tx) error {
			return w.contacts.Bar(t.Context(), tx, ct.PersonID, sam, byStaff(sam))
		}); err != nil {
			t.Fatal(err)
		}
		w.bus.Publish("queue", []byte(`{"contact":"`+ct.ID+`"}`))
		eventually(t, "she still sees it", func() bool { p, _ := s.post(ct.ID); return !p.OpenTo(sam) && p.OpenTo(anne) })
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.last.Known) != 1 || s.last.Known[0].ID != ct.ID {
			t.Errorf("those that somebody knows are %v", s.last.Known)
		}
	})
}

// An announcement that was lost is made good by the next reading of the whole; one that brings nothing new tells nobody.
func TestALostAnnouncementIsMadeGood(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		ct := w.opens()
		b := w.board()
		s := w.looks(b)
		if _, err := w.rec.db.Exec(t.Context(), `UPDATE contact SET danger = $2, rev = rev + 1 WHERE id = $1`, ct.ID, true); err != nil {
			t.Fatal(err)
		}
		gone := w.opens()
		eventually(t, "the other contact is not there", func() bool { _, ok := s.post(gone.ID); return ok })
		if p, _ := s.post(ct.ID); p.Danger {
			t.Fatal("nothing announced it")
		}
		if _, err := w.rec.db.Exec(t.Context(), `UPDATE contact SET state = 'closed', rev = rev + 1 WHERE id = $1`, gone.ID); err != nil {
			t.Fatal(err)
		}
		b.all()
		eventually(t, "what was lost is not made good", func() bool {
			p, _ := s.post(ct.ID)
			_, ok := s.post(gone.ID)
			return p.Danger && !ok
		})
		eventually(t, "it goes on reading", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return !b.reading })
		before := s.times()
		w.tell(anne, StaffEvent{What: "presence"})
		eventually(t, "it does not read", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return !b.reading })
		time.Sleep(3 * boardEvery)
		if n := s.times() - before; n != 0 {
			t.Errorf("nothing changed, and it was told %d times", n)
		}
	})
}

// Nobody looks: nothing is read, and nothing is kept in memory.
func TestAnUnwatchedBoardRests(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		ct := w.opens()
		b := w.board()
		s := &screen{}
		stop, err := b.Follow(t.Context(), s.tell)
		if err != nil {
			t.Fatal(err)
		}
		stop()
		w.opens()
		time.Sleep(3 * boardEvery)
		b.mu.Lock()
		if b.posts != nil || b.again != nil || b.reading {
			t.Error("it goes on")
		}
		b.mu.Unlock()
		now, err := b.Now(t.Context())
		if err != nil || len(now.Posts) != 2 || now.Waiting != 2 || !slices.ContainsFunc(now.Posts, func(p Post) bool { return p.ID == ct.ID }) {
			t.Errorf("it is read from the record: %d contacts, %v", len(now.Posts), err)
		}
	})
}

// Who says "I know this person" of one contact sees none of the others of that person any more, at once, though nothing of them changed.
func TestAnotherContactOfWhomSheKnowsLeavesHerBoard(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		first := w.opens()
		other := w.opens(ofPerson(first.PersonID))
		s := w.looks(w.board())
		w.here(anne)
		if err := w.KnowThisPerson(t.Context(), anne, first.ID); err != nil {
			t.Fatal(err)
		}
		eventually(t, "she still sees the other", func() bool { p, ok := s.post(other.ID); return ok && !p.OpenTo(anne) && p.OpenTo(sam) })
	})
}

// Whoever's conversation ends without a word to her desk has a free hand on the board at once, and not when it is next read as a whole.
func TestASeatFollowsItsConversations(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.talks(anne)
		b := w.board()
		s := w.looks(b)
		has := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.seats[anne].Talking
		}
		if n := has(); n != 1 {
			t.Fatalf("her seat has %d conversations", n)
		}
		b.mu.Lock()
		b.again.Stop() // nothing is read because time has passed
		b.mu.Unlock()
		if _, err := w.contacts.EndConversation(t.Context(), ct.ID, contact.VisitorOf(ct.ID), contact.Change{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "her seat is not free", func() bool { return has() == 0 })
		if _, err := w.contacts.DismissWith(t.Context(), ct.ID, "test", byStaff(anne), false, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "she still writes up what is closed", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.seats[anne].Shown == Available && s.seats[anne].WrapUpUntil == 0
		})
	})
}
