package rota_test

import (
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"vigie/internal/rota"
	"vigie/internal/store"
)

// read parses a feed with a library of others, and returns its events by UID.
func (w *world) read(feed string) map[string]*ics.VEvent {
	w.T.Helper()
	for line := range strings.SplitSeq(strings.TrimSuffix(feed, "\r\n"), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") {
			w.T.Errorf("a line of %d octets: %q", len(line), line)
		}
	}
	calendar, err := ics.ParseCalendar(strings.NewReader(feed))
	w.Must(err)
	all := map[string]*ics.VEvent{}
	for _, e := range calendar.Events() {
		all[e.Id()] = e
	}
	return all
}

func value(e *ics.VEvent, name ics.ComponentProperty) string {
	if p := e.GetProperty(name); p != nil {
		return p.Value
	}
	return ""
}

// Her calendar has her shifts under neutral words; a change raises SEQUENCE under the same UID, what is cancelled or a colleague's now
// is cancelled in it, and another's is never in it.
func TestACalendarFollowsTheRota(t *testing.T) {
	onEach(t, func(w *world) {
		token, err := w.NewFeed(w.Ctx, claire)
		w.Must(err)
		kept, moved, gone := w.planned(claire, "2026-12-01", 9, 17), w.planned(claire, "2026-12-05", 15, 23), w.planned(claire, "2026-12-07", 9, 17)
		w.planned(karim, "2026-12-01", 9, 17)
		w.draft(claire, "2026-12-09", 9, 17)
		w.Forward(time.Minute)
		w.Must(w.Change(w.Ctx, kept.ID, "2026-12-01", 10*60, 18*60, rota.Both, nadia))
		w.Must(w.Remove(w.Ctx, gone.ID, nadia))
		swap := store.NewID()
		w.Must(w.Offer(w.Ctx, swap, moved.ID, "", claire))
		_, err = w.Take(w.Ctx, swap, karim)
		w.Must(err)
		feed, err := w.Feed(w.Ctx, token, "Vigie – poste, à l'heure")
		w.Must(err)
		events := w.read(feed)
		if len(events) != 3 {
			t.Fatalf("%d events:\n%s", len(events), feed)
		}
		for id, want := range map[string][2]string{kept.ID: {"CONFIRMED", "1"}, moved.ID: {"CANCELLED", "1"}, gone.ID: {"CANCELLED", "1"}} {
			e := events[id+"@vigie"]
			if e == nil {
				t.Fatalf("%s is not in it", id)
			}
			if got := [2]string{value(e, ics.ComponentPropertyStatus), value(e, ics.ComponentPropertySequence)}; got != want {
				t.Errorf("%s: %v, want %v", id, got, want)
			}
		}
		from, err := events[kept.ID+"@vigie"].GetStartAt()
		w.Must(err)
		if want := time.Date(2026, 12, 1, 10, 0, 0, 0, w.Zone()); !from.Equal(want) {
			t.Errorf("it begins at %v, want %v", from, want)
		}
		if got := value(events[kept.ID+"@vigie"], ics.ComponentPropertySummary); got != "Vigie – poste, à l'heure" {
			t.Errorf("it is called %q", got)
		}
		if strings.Contains(feed, claire.ID) || strings.Contains(feed, "both") {
			t.Error("it tells more than it should")
		}
	})
}

// A secret address ends when its owner says so, and when she makes another; a wrong one opens nothing.
func TestASecretAddressEnds(t *testing.T) {
	onEach(t, func(w *world) {
		first, err := w.NewFeed(w.Ctx, claire)
		w.Must(err)
		second, err := w.NewFeed(w.Ctx, claire)
		w.Must(err)
		_, err = w.Feed(w.Ctx, first, "x")
		w.Refused(err, "fault.rota.feed")
		_, err = w.Feed(w.Ctx, second, "x")
		w.Must(err)
		if n := w.Count(`SELECT count(*) FROM rota_feed WHERE token_hash = $1`, []byte(second)); n != 0 {
			t.Error("the record has the address itself")
		}
		w.Must(w.EndFeed(w.Ctx, claire))
		for _, token := range []string{second, ""} {
			_, err = w.Feed(w.Ctx, token, "x")
			w.Refused(err, "fault.rota.feed")
		}
	})
}

// Lines are folded before they have more than 75 octets, and never within a sign.
func TestLongLinesAreFolded(t *testing.T) {
	long := strings.Repeat("é€", 60)
	feed := rota.Calendar([]rota.Shift{{ID: store.NewID()}}, long)
	if !strings.Contains(strings.ReplaceAll(feed, "\r\n ", ""), "SUMMARY:"+long) {
		t.Error("unfolded it is not the same")
	}
	for line := range strings.SplitSeq(feed, "\r\n") {
		if len(line) > 75 || !strings.HasPrefix(line, " ") && strings.ContainsRune(line, '\n') {
			t.Errorf("%d octets: %q", len(line), line)
		}
		if strings.ToValidUTF8(line, "?") != line {
			t.Errorf("a sign is cut: %q", line)
		}
	}
}
