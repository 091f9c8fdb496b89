package routing

import (
	"net/netip"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (n *node) blocked(who Caller) BlockView {
	n.t.Helper()
	v, err := n.Blocked(n.t.Context(), who)
	if err != nil {
		n.t.Fatal(err)
	}
	return v
}

// A block is for one address or one person, and for a time; it always speaks the emergency numbers.
func TestBlocking(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		ct := w.opensFrom(home)
		b, err := w.Block(t.Context(), anne, ct.ID, BlockNetwork, "insults", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		v := w.blocked(Caller{Address: home})
		if !v.Blocked || v.Reason != "insults" || !v.Until.Equal(w.now().Add(time.Hour)) || len(v.Numbers) == 0 {
			t.Fatalf("%+v", v)
		}
		for _, who := range []Caller{
			{Address: netip.MustParseAddr("192.0.2.11")}, // a neighbour of the same /24
			{PersonID: ct.PersonID},
			{},
		} {
			if v := w.blocked(who); v.Blocked {
				t.Errorf("%+v is blocked too", who)
			}
		}
		w.pass(time.Hour)
		if v := w.blocked(Caller{Address: home}); v.Blocked {
			t.Fatal("still blocked at its end")
		}

		if _, err := w.Block(t.Context(), anne, ct.ID, BlockPerson, "insults", 7*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if v := w.blocked(Caller{PersonID: ct.PersonID, Address: school}); !v.Blocked {
			t.Fatal("the person comes in from elsewhere")
		}
		if v := w.blocked(Caller{Address: home}); v.Blocked {
			t.Fatal("her home is blocked with her")
		}
		all, err := w.Blocks(t.Context())
		if err != nil || len(all) != 2 || all[1].ID != b.ID {
			t.Fatalf("%+v, %v", all, err)
		}
		if err := w.Lift(t.Context(), sam, all[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Lift(t.Context(), sam, all[0].ID); err != nil {
			t.Fatalf("lifting twice: %v", err)
		}
		if err := w.Lift(t.Context(), sam, "none"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("lifting nothing: %v", err)
		}
		if v := w.blocked(Caller{PersonID: ct.PersonID}); v.Blocked {
			t.Fatal("blocked after it was lifted")
		}
	})
}

// A network is blocked for a day at most, a person for a month, nobody for ever, and never without a reason.
func TestABlockHasAReasonAndAnEnd(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	ct := w.opensFrom(home)
	for _, c := range []struct {
		kind, reason string
		last         time.Duration
		key          string
	}{
		{BlockNetwork, "insults", 24*time.Hour + time.Second, "fault.routing.block_end"},
		{BlockPerson, "insults", 31 * 24 * time.Hour, "fault.routing.block_end"},
		{BlockPerson, "insults", 0, "fault.routing.block_end"},
		{BlockPerson, "", time.Hour, "fault.routing.block_reason"},
		{BlockPerson, "because", time.Hour, "fault.routing.block_reason"},
		{"school", "insults", time.Hour, "fault.routing.block_reason"},
	} {
		if _, err := w.Block(t.Context(), anne, ct.ID, c.kind, c.reason, c.last); fault.As(err) == nil || fault.As(err).Key != c.key {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := w.Block(t.Context(), anne, ct.ID, BlockNetwork, "insults", 24*time.Hour); err != nil {
		t.Errorf("a day: %v", err)
	}
	unknown := w.opens()
	if _, err := w.Block(t.Context(), anne, unknown.ID, BlockNetwork, "insults", time.Hour); !fault.Is(err, fault.Gone) {
		t.Errorf("an address we never had: %v", err)
	}
}

// Never where a danger word was said or a danger protocol is open, and never against somebody who has
// just said one.
func TestNoBlockInDanger(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		danger := w.opensFrom(home, inDanger)
		if _, err := w.Block(t.Context(), anne, danger.ID, BlockPerson, "insults", time.Hour); fault.As(err) == nil || fault.As(err).Key != "fault.routing.block_danger" {
			t.Fatalf("in danger: %v", err)
		}
		held := w.opensFrom(school, inDanger)
		if err := w.contacts.HoldNetwork(t.Context(), held.ID, byStaff(anne), "life"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.contacts.SetDanger(t.Context(), held.ID, false, byStaff(sam), true); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Block(t.Context(), anne, held.ID, BlockNetwork, "insults", time.Hour); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("while the danger protocol is open: %v", err)
		}
		joker := w.opensFrom(school)
		if _, err := w.Block(t.Context(), anne, joker.ID, BlockNetwork, "flood", time.Hour); err != nil {
			t.Fatal(err)
		}
		if v := w.blocked(Caller{Address: school}); !v.Blocked {
			t.Fatal("not blocked")
		}
		if v := w.blocked(Caller{Address: school, Danger: true}); v.Blocked {
			t.Fatal("blocked though she says that she wants to die")
		}
		// Somebody else behind the same address is in danger: the door is open for all of it.
		pupil := w.opensFrom(school, inDanger)
		if v := w.blocked(Caller{Address: school}); v.Blocked {
			t.Fatal("blocked while a pupil of the school is in danger")
		}
		if _, err := w.contacts.SetDanger(t.Context(), pupil.ID, false, byStaff(sam), true); err != nil {
			t.Fatal(err)
		}
		w.move(pupil, contact.VisitorEnds, contact.VisitorOf(pupil.ID), contact.Change{})
		w.sweeps()
		if v := w.blocked(Caller{Address: school}); !v.Blocked {
			t.Fatal("the block is forgotten")
		}
	})
}

// Blocks that ended a week ago are deleted.
func TestOldBlocksGo(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	ct := w.opensFrom(home)
	if _, err := w.Block(t.Context(), anne, ct.ID, BlockNetwork, "insults", time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pass time.Duration
		want int
	}{{6 * 24 * time.Hour, 1}, {2 * 24 * time.Hour, 0}} {
		w.pass(c.pass)
		w.sweeps()
		n, err := store.One(t.Context(), w.db, scanInt, `SELECT count(*) FROM block`)
		if err != nil || n != c.want {
			t.Fatalf("%d blocks, %v, want %d", n, err, c.want)
		}
	}
}
