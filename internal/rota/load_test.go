package rota_test

import (
	"math"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/rota"
	"vigie/internal/store"
)

// Erlang C against values that are exact or published: M/M/2 at half load makes one in three wait and M/M/3 at two thirds four in nine
// (any textbook: C = 1/3, 4/9); 200 calls an hour of 180 s meet 14 agents: 17.4 % wait, 88.8 % are answered within 20 s (Call Centre
// Helper, "Erlang C formula, made simple with an easy worked example").
func TestErlangC(t *testing.T) {
	for _, c := range []struct {
		traffic float64
		n       int
		waits   float64
	}{{1, 2, 1.0 / 3}, {2, 3, 4.0 / 9}, {0.5, 1, 0.5}, {10, 14, 0.1741}, {3, 3, 1}, {0, 1, 0}} {
		if got := rota.ErlangC(c.traffic, c.n); math.Abs(got-c.waits) > 0.0001 {
			t.Errorf("ErlangC(%v, %d) = %.5f, want %.5f", c.traffic, c.n, got, c.waits)
		}
		if c.traffic == 0 || float64(c.n) <= c.traffic {
			continue
		}
		// The same by the sum it is defined as: (A^n/n!·n/(n−A)) / (Σ A^i/i! + A^n/n!·n/(n−A)).
		sum, term := 0.0, 1.0
		for i := range c.n {
			sum += term
			term *= c.traffic / float64(i+1)
		}
		top := term * float64(c.n) / (float64(c.n) - c.traffic)
		if got, want := rota.ErlangC(c.traffic, c.n), top/(sum+top); math.Abs(got-want) > 1e-12 {
			t.Errorf("ErlangC(%v, %d) = %v, by its sum %v", c.traffic, c.n, got, want)
		}
	}
	if got := rota.Level(10, 14, 180*time.Second, 20*time.Second); math.Abs(got-0.8884) > 0.0001 {
		t.Errorf("the level is %.4f, want 0.8884", got)
	}
	if got := rota.NeededForCalls(200, 180*time.Second, rota.Target{Share: 0.8, Within: 20 * time.Second}); got != 14 {
		t.Errorf("%d are needed, want 14", got)
	}
	if got := rota.ErlangC(900, 950); math.IsNaN(got) || got <= 0 || got >= 1 {
		t.Errorf("a large floor overflows: %v", got)
	}
}

// Three chats at once, planned to be four fifths full: 12 chats an hour of 30 minutes are 6 at a time and take 2.5 people, so three.
func TestChatsShareACounsellor(t *testing.T) {
	for _, c := range []struct {
		perHour float64
		take    time.Duration
		n       int
	}{{12, 30 * time.Minute, 3}, {4.8, 30 * time.Minute, 1}, {0, time.Hour, 0}, {1, 0, 0}, {4.9, 30 * time.Minute, 2}} {
		if got := rota.NeededForChats(c.perHour, c.take, 3); got != c.n {
			t.Errorf("%v chats of %v take %d, want %d", c.perHour, c.take, got, c.n)
		}
	}
}

// What is planned for is the catalogue's: more of the calls, and sooner, take more people, and so do fewer conversations at once.
func TestWhatIsPlannedForIsTheCatalogues(t *testing.T) {
	var hours catalogue.Hours
	if got := hours.Planned(3); got != (catalogue.Planning{AnsweredPercent: 80, WithinSeconds: 60, ChatsAtOnce: 3}) {
		t.Errorf("usually %+v", got)
	}
	hours.Planning = catalogue.Planning{AnsweredPercent: 95, ChatsAtOnce: 2}
	if got := hours.Planned(3); got != (catalogue.Planning{AnsweredPercent: 95, WithinSeconds: 60, ChatsAtOnce: 2}) {
		t.Errorf("told otherwise %+v", got)
	}
	usual := rota.NeededForCalls(200, 3*time.Minute, rota.Target{Share: 0.8, Within: time.Minute})
	if more := rota.NeededForCalls(200, 3*time.Minute, rota.Target{Share: 0.95, Within: 20 * time.Second}); more <= usual {
		t.Errorf("%d for a stricter target, %d usually", more, usual)
	}
	if rota.NeededForChats(12, 30*time.Minute, 2) != 4 {
		t.Error("two conversations at once do not take four people")
	}
}

// chat writes a chat of the past that took a while.
func (w *world) chat(at time.Time, took time.Duration) {
	w.T.Helper()
	ct := w.Child("")
	_, err := w.DB.Exec(w.Ctx, `UPDATE contact SET opened_at = $2, answered_at = $2, closed_at = $3, state = 'closed' WHERE id = $1`, ct.ID, store.Millis(at), store.Millis(at.Add(took)))
	w.Must(err)
}

func (w *world) call(at time.Time) {
	w.T.Helper()
	_, err := w.DB.Exec(w.Ctx, `INSERT INTO phone_call (id, node, trunk, direction, state, lang, began_at, queued_at, lease_until) VALUES ($1, '', '', 'in', 'ended', 'fr', $2, $2, 0)`, store.NewID(), store.Millis(at))
	w.Must(err)
}

// The expectation is the median of the same hour of the same weekday: one evening of a campaign does not move it. It stays when the
// contacts are erased, is counted once whoever counts, and knows the gap in what is planned.
func TestWhatIsExpectedAgainstWhoIsPlanned(t *testing.T) {
	onEach(t, func(w *world) {
		evening := time.Date(2026, 11, 28, 19, 10, 0, 0, w.Zone())
		for week := 1; week <= 5; week++ {
			n := 6
			if week == 2 {
				n = 40 // the campaign
			}
			for range n {
				w.chat(evening.AddDate(0, 0, -7*week), 30*time.Minute)
			}
			w.call(evening.AddDate(0, 0, -7*week))
		}
		w.Must(w.Fold(w.Ctx))
		w.Must(w.node(false).Fold(w.Ctx))
		_, err := w.DB.Exec(w.Ctx, `DELETE FROM contact`)
		w.Must(err)
		w.Forward(2 * time.Hour)
		w.Must(w.Fold(w.Ctx))
		w.planned(claire, "2026-11-28", 15, 23)
		load, err := w.Load(w.Ctx, []string{"2026-11-28"}, false)
		w.Must(err)
		at := load["2026-11-28"][19]
		if !at.Known || at.Chats != 6 || at.Calls != 1 || at.ForChats != 2 || at.Both != 1 || at.ConversationIn != 30*time.Minute {
			t.Errorf("at seven in the evening: %+v", at)
		}
		if at.Missing() != 1 {
			t.Errorf("%d are missing, want 1", at.Missing())
		}
		if night := load["2026-11-28"][3]; night.Open || night.Missing() != 0 {
			t.Errorf("at night: %+v", night)
		}
		w.planned(karim, "2026-11-28", 19, 20)
		load, err = w.Load(w.Ctx, []string{"2026-11-28"}, false)
		w.Must(err)
		if got := load["2026-11-28"][19].Missing(); got != 0 {
			t.Errorf("with one more %d are missing", got)
		}
	})
}

// Who comes at half past is not there throughout the hour.
func TestHalfAnHourIsNoHour(t *testing.T) {
	onEach(t, func(w *world) {
		w.Must(w.Plan(w.Ctx, rota.Shift{ID: store.NewID(), StaffID: claire.ID, Day: "2026-11-28", From: 9*60 + 30, To: 17 * 60, Post: rota.Chat}, nadia))
		load, err := w.Load(w.Ctx, []string{"2026-11-28"}, true)
		w.Must(err)
		if day := load["2026-11-28"]; day[9].Staffed() != 0 || day[10].Staffed() != 1 || day[16].Staffed() != 1 || day[17].Staffed() != 0 {
			t.Errorf("9h %d, 10h %d, 16h %d, 17h %d", day[9].Staffed(), day[10].Staffed(), day[16].Staffed(), day[17].Staffed())
		}
	})
}
