package phone_test

import (
	"testing"
	"time"
)

// A caller who rings while we are closed hears when we answer, by the hours as they are now; where an administrator has
// recorded it, she hears that.
func TestWhenWeAnswerIsSaidByTheHours(t *testing.T) {
	t.Parallel()
	for _, recorded := range []bool{false, true} {
		t.Run(map[bool]string{false: "by the hours", true: "as it was recorded"}[recorded], func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.says("word_we_answer", helpTone, time.Second)
			w.says("word_tomorrow", bilalTone, time.Second)
			if recorded {
				w.says("closed_hours", anneTone, time.Second)
			} else {
				w.ok(w.phone.ResetSound(t.Context(), "closed_hours", "fr", staffActor(sam)))
			}
			w.opening.Store(time.Now().AddDate(0, 0, 1).Unix())
			w.closed.Store(true)
			r := w.rings()
			if recorded {
				r.heardOnce("she hears what was recorded", anneTone)
				if r.heardEver(helpTone) {
					t.Error("she hears both")
				}
				return
			}
			r.heardOnce("she hears that we will answer", helpTone)
			r.heardOnce("she hears on which day", bilalTone)
			// The administrator's list has no words, which are nothing by themselves.
			all, err := w.phone.Sounds(t.Context())
			w.ok(err)
			for _, s := range all {
				if len(s.Code) > 5 && s.Code[:5] == "word_" {
					t.Errorf("%s is offered to be recorded", s.Code)
				}
			}
		})
	}
}
