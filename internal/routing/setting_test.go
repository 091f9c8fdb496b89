package routing

import (
	"testing"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/store/storetest"
)

// A surge: whoever takes several takes more; whoever learns takes one; when it ends nobody loses a chat.
func TestSurge(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.rec.cast.people[1].ChatCapacity = 1
		w.here(anne, bilal)
		if err := w.SetSurge(t.Context(), sam, Surge{On: true, Extra: 2}); err != nil {
			t.Fatal(err)
		}
		if a, b := w.seat(anne).Capacity, w.seat(bilal).Capacity; a != 5 || b != 1 {
			t.Fatalf("Anne takes %d, Bilal %d", a, b)
		}
		for range 5 {
			w.talks(anne)
		}
		if err := w.SetSurge(t.Context(), sam, Surge{}); err != nil {
			t.Fatal(err)
		}
		if s := w.seat(anne); s.Capacity != 3 || s.Talking != 5 || s.Shown != Busy {
			t.Fatalf("after it she has %d of %d, %s", s.Talking, s.Capacity, s.Shown)
		}
		for _, extra := range []int{0, -1, MaxExtra + 1} {
			if err := w.SetSurge(t.Context(), sam, Surge{On: true, Extra: extra}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%d more: %v", extra, err)
			}
		}
	})
}

// The switches are the record's: another node follows, and a node that starts later knows them.
func TestSwitchesAreForAllNodes(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	guard := flood.New(flood.Options{})
	other := w.rec.nodeOn(w.bus)
	other.guard = guard
	if err := w.SetSurge(t.Context(), sam, Surge{On: true, Extra: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.SetProof(t.Context(), sam, Proof{Mode: flood.Always, Bits: 16}); err != nil {
		t.Fatal(err)
	}
	other.awaits(func() bool { return other.Surge().On && guard.State().Mode == flood.Always && guard.State().Bits == 16 },
		"the other node does not follow")
	if late := w.rec.node(); late.Surge().Extra != 1 || late.Proof().Mode != flood.Always {
		t.Fatalf("a node that starts later has %+v, %+v", late.Surge(), late.Proof())
	}
	// A node that missed the announcement reads them on its slow tick.
	deaf := w.rec.node()
	if err := w.SetSurge(t.Context(), sam, Surge{}); err != nil {
		t.Fatal(err)
	}
	if !deaf.Surge().On {
		t.Fatal("this node was to hear nothing")
	}
	if _, err := deaf.sweep(t.Context(), true); err != nil || deaf.Surge().On {
		t.Fatalf("%v; the old switch goes on", err)
	}
	// What nobody has switched here stays as the configuration made it.
	configured := flood.New(flood.Options{})
	configured.SetProof(flood.Always, 0)
	rec := newRecord(t, storetest.SQLite(t))
	untouched := rec.node()
	untouched.guard = configured
	if err := untouched.readSettings(t.Context()); err != nil || configured.State().Mode != flood.Always {
		t.Fatalf("%v, %+v", err, configured.State())
	}
	for _, p := range []Proof{{Mode: "sometimes"}, {Mode: flood.Auto, Bits: 1}, {Mode: flood.Auto, Bits: 40}} {
		if err := w.SetProof(t.Context(), sam, p); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// A danger mark rings the supervisors.
func TestDangerRings(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	ct := w.opens()
	if _, err := w.contacts.SetDanger(t.Context(), ct.ID, true, contact.SystemActor, false); err != nil {
		t.Fatal(err)
	}
	w.heard("supervisors alarm ")
}
