package takedown_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vigie/internal/takedown"
)

// What the figures say is what one counts by hand: the middle one, the one within which nine of ten are through, and nothing of
// the slowest tenth while there are fewer than five.
func TestFigures(t *testing.T) {
	onEach(t, func(w *world) {
		from := w.Now()
		var waits []time.Duration
		for i := range 7 {
			id := w.submitted()
			wait := time.Duration((i*5)%7+1) * time.Hour
			waits = append(waits, wait)
			w.Forward(wait)
			w.Must(w.Answered(w.Ctx, id, "", "", claire))
			if i < 3 {
				w.Forward(time.Hour)
				w.Must(w.Answered(w.Ctx, id, "no_action", "", claire))
			}
			if i == 0 { // after a complaint
				w.Forward(48 * time.Hour)
				w.Must(w.Answered(w.Ctx, id, "removed", "", claire))
				w.Must(w.Found(w.Ctx, id, "gone", "looked", claire))
				w.Forward(4 * time.Hour)
				w.Must(w.Found(w.Ctx, id, "gone", "looked", claire))
				w.Forward(8 * 24 * time.Hour)
				w.Must(w.Found(w.Ctx, id, "gone", "looked", claire))
				w.Must(w.Found(w.Ctx, id, "there", "looked", claire))
			}
		}
		w.submitted() // nobody answers this one
		w.draft(w.file(), "harassment")
		w.Forward(30 * 24 * time.Hour)
		figures, err := w.Figures(w.Ctx, from, w.Now())
		w.Must(err)
		if len(figures.Platforms) != 1 || figures.Platforms[0].Code != "instagram" || len(figures.Grounds) != 1 {
			w.T.Fatalf("%+v", figures)
		}
		slices.Sort(waits)
		l := figures.Platforms[0]
		if want := (takedown.Times{N: 7, Median: waits[3], P90: waits[6]}); l.Acknowledge != want {
			w.T.Errorf("acknowledged: %+v, want %+v", l.Acknowledge, want)
		}
		if l.Decide.N != 3 || l.Decide.P90 != 0 {
			w.T.Errorf("three decisions are no tenth: %+v", l.Decide)
		}
		if l.Gone.N != 1 || l.Gone.Median != 50*time.Hour { // 1 h, 1 h, 48 h: the first of the two looks
			w.T.Errorf("gone: %+v", l.Gone)
		}
		if got := fmt.Sprint(l.Sent, l.Acted, l.Refused, l.Reversed, l.Silent, l.Reappeared, l.Actions); got != "8 1 2 1 1 1 map[no_action:2 removed:1]" {
			w.T.Errorf("counted %s", got)
		}
		later, err := w.Figures(w.Ctx, w.Now(), w.Now().Add(time.Hour))
		w.Must(err)
		if later.Whole.Sent != 0 || later.Platforms != nil {
			w.T.Errorf("what was sent before is in it: %+v", later)
		}
	})
}

// No number between one and four is published, nor one from which it could be taken.
func TestSmallNumbersAreNotPublished(t *testing.T) {
	for n, want := range map[int]string{0: "0 true", 1: "5 false", 4: "5 false", 5: "5 true", 7: "5 true", 8: "10 true", 12: "10 true", 13: "15 true"} {
		if rounded, whole := takedown.Published(n); fmt.Sprint(rounded, whole) != want {
			t.Errorf("%d is published as %d, %t; want %s", n, rounded, whole, want)
		}
	}
	joined := takedown.Joined([]takedown.Line{{Code: "a", Sent: 9}, {Code: "b", Sent: 4, Acted: 1, Actions: map[string]int{"removed": 1}}, {Code: "c", Sent: 1}})
	if len(joined) != 2 || joined[1].Code != takedown.Others || joined[1].Sent != 5 || joined[1].Acted != 1 || joined[1].Actions["removed"] != 1 {
		t.Errorf("joined: %+v", joined)
	}
}
