package phone_test

import (
	"testing"
	"time"

	"vigie/internal/bus/bustest"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/store/storetest"
)

// twoNodes are two nodes on one record, with a bus that joins them. On SQLite the one would take the calls of the other
// for those of its last run, since nobody else may have that file open.
func twoNodes(t *testing.T) (one, two *world) {
	t.Helper()
	rec := newRecordOn(t, storetest.Postgres(t))
	a, b := bustest.Options()
	one = rec.node(setting{at: "127.0.0.21", bus: a})
	two = rec.node(setting{at: "127.0.0.22", bus: b})
	return one, two
}

// A call that came to one node is answered by a counsellor whose page the other one serves: her wishes go by the bus,
// the sound straight to the node that has the call.
func TestACallIsAnsweredFromAnotherNode(t *testing.T) {
	t.Parallel()
	one, two := twoNodes(t)
	two.works(anne)
	r := one.rings(skip)
	id := two.ringing(anne)
	view := two.sees(id, "the other node says what the call is", func(v phone.View) bool { return v.Node == one.phone.Node() })
	if view.State != phone.Waiting {
		t.Fatalf("the call is %+v", view)
	}
	at := two.opensTo(one, anne, anneTone)
	two.ok(two.router.Accept(t.Context(), anne, id))
	two.ok(two.phone.Attach(t.Context(), anne, id, at.id, false))
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor of the other node", at.last, childTone)
	two.ok(two.phone.Hold(t.Context(), anne, id, true))
	must(t, "the caller on hold", r.heard.last, musicTone)
	two.refused(two.phone.Hold(t.Context(), bilal, id, false), "fault.contact.not_yours")
	two.ok(two.phone.Hold(t.Context(), anne, id, false))
	must(t, "the caller who is back", r.heard.last, anneTone)
	if _, err := two.contacts.EndConversation(t.Context(), id, staffActor(anne), contact.Change{}); err != nil {
		t.Fatal(err)
	}
	if by := r.ends(); by != "them" {
		t.Fatalf("the call was ended by %q", by)
	}
}

// A node that dies in the middle of a call: the other ends what was there, its counsellor writes it up, and the caller
// who rings again on the other node comes first, to the same counsellor.
func TestANodeThatDies(t *testing.T) {
	t.Parallel()
	one, two := twoNodes(t)
	two.works(anne)
	r := one.rings(skip)
	id := two.ringing(anne)
	at := two.opensTo(one, anne, anneTone)
	two.ok(two.router.Accept(t.Context(), anne, id))
	two.ok(two.phone.Attach(t.Context(), anne, id, at.id, false))
	must(t, "the caller", r.heard.last, anneTone)
	one.dies()
	two.until("the call is given up for lost", func() bool { return two.outcome() == phone.ByNodeLost })
	if two.state(id) != contact.WrapUp {
		t.Fatalf("the contact is %s, want to be written up", two.state(id))
	}
	two.refused(two.phone.Hold(t.Context(), anne, id, true), "fault.phone.no_line")
	two.rings(skip)
	two.ok(two.router.SetPresence(t.Context(), anne, "available", "")) // she need not write up before
	again := two.ringing(anne)
	if !two.reasons(again)["cut_off"] {
		t.Fatalf("she is back for %v", two.reasons(again))
	}
}

// dies is a node that says nothing any more of its calls, so that their leases run out. (A journey in the browser kills
// a real one.)
func (w *world) dies() {
	w.t.Helper()
	if _, err := w.db.Exec(w.t.Context(), `UPDATE phone_call SET node = 'dead' WHERE node = $1`, w.phone.Node()); err != nil {
		w.t.Fatal(err)
	}
	w.ahead.Add(int64(30 * time.Second))
}

// A node that stops takes no new call, and lets the one it has finish.
func TestANodeThatStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	drained := make(chan struct{})
	go func() { w.phone.Drain(t.Context()); close(drained) }()
	refused := w.rings(from("+33639980002"))
	refused.ends()
	if refused.result.Answered || refused.result.Status != 503 {
		t.Fatalf("a new call was taken: %+v", refused.result)
	}
	must(t, "the caller, while the node stops", r.heard.last, anneTone)
	select {
	case <-drained:
		t.Fatal("the node stopped in the middle of a call")
	default:
	}
	r.hangsUp()
	select {
	case <-drained:
	case <-time.After(10 * time.Second):
		t.Fatal("the node does not stop though its call is over")
	}
}
