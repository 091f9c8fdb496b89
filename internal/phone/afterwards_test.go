package phone_test

import (
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/caller"
)

// spoke is a caller who speaks onto the tape until # is pressed after five seconds, and then presses these keys, when each
// is asked for.
func (w *world) spoke(from time.Duration, keys ...caller.Key) *ring {
	w.t.Helper()
	return w.speaks(pressing(append([]caller.Key{{Digit: '#', After: from}}, keys...)...))
}

// At night one key says that somebody is in danger now: the message is marked, and rings at the supervisors'.
func TestADangerAtNight(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.spoke(5*time.Second, caller.Key{Digit: '1', After: 6500 * time.Millisecond}).ends()
		ct := w.letter()
		if !ct.Danger || !w.reasons(ct.ID)["danger_key"] {
			t.Errorf("it is marked: %v, for %v", ct.Danger, w.reasons(ct.ID))
		}
		alarms, err := w.router.Alarms(t.Context())
		w.ok(err)
		if len(alarms) != 1 || alarms[0].ContactID != ct.ID {
			t.Errorf("there ring %+v", alarms)
		}
	})
}

// Whoever cannot speak may press the key all the same.
func TestADangerWithoutAWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spoke(2200*time.Millisecond, caller.Key{Digit: '1', After: 3700 * time.Millisecond}).ends()
	if ct := w.letter(); !ct.Danger {
		t.Error("it is not marked")
	}
}

// A message without the key is no danger, and a key that is pressed before it was asked for, or another, means nothing.
func TestAMessageIsNoDanger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.speaks(pressing(caller.Key{Digit: '1', After: 3500 * time.Millisecond}, caller.Key{Digit: '#', After: 5 * time.Second},
		caller.Key{Digit: '3', After: 6500 * time.Millisecond})).ends()
	if ct := w.letter(); ct.Danger {
		t.Error("it is marked")
	}
	if alarms, err := w.router.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("there ring %+v, %v", alarms, err)
	}
}

// After a message she may ask to be called, and say how; it stands in the list, to be listened to, all the same.
func TestAMessageThatAsksForACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spoke(5*time.Second, caller.Key{Digit: '2', After: 12 * time.Second}, caller.Key{Digit: '1', After: 13500 * time.Millisecond},
		caller.Key{Digit: '3', After: 15 * time.Second}).ends()
	ct := w.letter()
	if got := w.wish(ct.ID).Key; got.Others != "yes" || got.When != phone.WhenTomorrow {
		t.Errorf("she said %+v", got)
	}
	if ct.DueAt != 0 || !w.reasons(ct.ID)["callback"] || !w.reasons(ct.ID)["voicemail"] {
		t.Errorf("it is due at %d, for %v", ct.DueAt, w.reasons(ct.ID))
	}
	if b := w.promise(ct.ID); b.DueAt < w.now().Add(time.Hour).UnixMilli() {
		t.Errorf("the call-back is %+v", b)
	}
}
