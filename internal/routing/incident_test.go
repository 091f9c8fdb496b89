package routing

import (
	"net/netip"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
)

// A threat ends the conversation, rings the supervisors, opens an incident and, where that is asked, blocks the
// person and the address; a supervisor closes the incident with a few words.
func TestAThreat(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		ctx, home := t.Context(), netip.MustParseAddr("192.0.2.7")
		w.here(anne)
		ct := w.opensFrom(home)
		if err := w.Take(ctx, anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Threat(ctx, bilal, ct.ID, false, 0, false); !fault.Is(err, fault.Forbidden) || len(w.alarms()) != 0 {
			t.Fatalf("somebody else's: %v, %+v", err, w.alarms())
		}
		after, blocked, err := w.Threat(ctx, anne, ct.ID, false, time.Hour, true)
		if err != nil || after.State != contact.WrapUp || len(blocked) != 2 {
			t.Fatalf("%s, %+v, %v", after.State, blocked, err)
		}
		for _, who := range []Caller{{PersonID: ct.PersonID}, {Address: home}} {
			if v, err := w.Blocked(ctx, who); err != nil || !v.Blocked || v.Reason != "threats" {
				t.Errorf("%+v, %v", v, err)
			}
		}
		if all := w.alarms(); len(all) != 1 || all[0].Cause != CauseThreat || all[0].ContactID != ct.ID {
			t.Errorf("it rings: %+v", all)
		}
		open, err := w.Incidents(ctx)
		if err != nil || len(open) != 1 || open[0].OpenedBy != anne || open[0].Kind != IncidentThreat {
			t.Fatalf("incidents: %+v, %v", open, err)
		}
		if err := w.CloseIncident(ctx, sam, open[0].ID, "  "); !fault.Is(err, fault.Invalid) {
			t.Errorf("without a word: %v", err)
		}
		for _, words := range []string{"La police est prévenue.", "Une seconde fois."} {
			if err := w.CloseIncident(ctx, sam, open[0].ID, words); err != nil {
				t.Fatal(err)
			}
		}
		if open, err = w.Incidents(ctx); err != nil || len(open) != 0 {
			t.Errorf("still open: %+v, %v", open, err)
		}
		all, err := w.IncidentsOf(ctx, ct.ID)
		if err != nil || len(all) != 1 || all[0].Note != "La police est prévenue." || all[0].ClosedBy != sam {
			t.Errorf("%+v, %v", all, err)
		}
		w.pass(2 * time.Minute)
		if w.sweepsAndCalls(); w.rec.calls.kinds() != KindThreat {
			t.Errorf("on call: %q", w.rec.calls.kinds())
		}
	})
}

// Who may be in danger is not blocked for a threat; all else is done.
func TestAThreatInDangerBlocksNobody(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.talks(anne, inDanger)
		after, blocked, err := w.Threat(t.Context(), anne, ct.ID, false, time.Hour, false)
		if err != nil || after.State != contact.WrapUp || len(blocked) != 0 {
			t.Errorf("%s, %+v, %v", after.State, blocked, err)
		}
		if open, err := w.Incidents(t.Context()); err != nil || len(open) != 1 {
			t.Errorf("incidents: %+v, %v", open, err)
		}
	})
}

// An incident of a person whom a supervisor knows does not exist for her.
func TestAnIncidentOfSomebodyKnown(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		ct := w.talks(anne)
		if _, _, err := w.Threat(t.Context(), anne, ct.ID, false, 0, false); err != nil {
			t.Fatal(err)
		}
		if err := w.KnowThisPerson(t.Context(), sam, ct.ID); err != nil {
			t.Fatal(err)
		}
		open, err := w.Incidents(t.Context())
		if err != nil || len(open) != 1 {
			t.Fatalf("%+v, %v", open, err)
		}
		if err := w.CloseIncident(t.Context(), sam, open[0].ID, "vu"); !fault.Is(err, fault.NotFound) {
			t.Errorf("closed: %v", err)
		}
	})
}
