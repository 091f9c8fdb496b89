package routing

import (
	"testing"
	"time"

	"vigie/internal/contact"
)

// The clock is put a day ahead while one talks, one rings and one waits: nobody is taken for gone, nobody
// was silent, and the line goes on.
func TestTheClockJumpsADayAhead(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		talking := w.talks(anne)
		ringing := w.opens()
		waiting := w.opens(in("en"))
		due := w.sweeps()
		w.mustRing(ringing, bilal)

		w.pass(24 * time.Hour)
		w.woke(t.Context(), w.now(), due)
		w.sweeps()
		w.mustRing(ringing, bilal)
		if got := w.get(talking.ID); got.State != contact.Talking || got.CounsellorID != anne {
			t.Errorf("the conversation is %s with %s", got.State, name(got.CounsellorID))
		}
		if got := w.get(waiting.ID); got.State != contact.Waiting {
			t.Errorf("who waited is %s", got.State)
		}
		for _, id := range []string{anne, bilal} {
			if got := w.seat(id); got.State != Available {
				t.Errorf("%s is %s (%s)", name(id), got.State, got.Reason)
			}
		}

		w.passAtDesks(10*time.Second, anne, bilal)
		w.accepts(bilal, ringing)
		w.here(dana)
		w.sweeps()
		w.mustRing(waiting, dana)
	})
}

// The clock is put back an hour. What rings at an empty chair goes on to the next one after its own
// twenty seconds, not after an hour; and a desk that is gone is noticed as soon as ever.
func TestTheClockGoesBackAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		talking := w.talks(bilal)
		ringing := w.opens()
		w.sweeps()
		w.mustRing(ringing, anne)

		w.pass(-time.Hour)
		w.sweeps()
		w.mustRing(ringing, anne)
		if got := w.get(talking.ID); got.State != contact.Talking {
			t.Errorf("the conversation is %s", got.State)
		}
		w.passAtDesks(21*time.Second, anne, bilal)
		w.sweeps()
		w.sweeps()
		w.mustRing(ringing, bilal)
		if got := w.seat(anne); got.State != Away || got.Reason != AwaySilent {
			t.Errorf("who did not answer is %s (%s)", got.State, got.Reason)
		}
		w.accepts(bilal, ringing)

		w.passAtDesks(DefaultTimes.Lost+time.Second, anne) // Bilal's desk is gone
		w.sweeps()
		w.sweeps()
		if got := w.get(talking.ID); got.State == contact.Talking {
			t.Error("a desk that is gone keeps its conversations")
		}
	})
}

// The clock is put back an hour: what takes a minute does not take an hour and a minute.
func TestNobodyWaitsAnHourForAMinute(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		w.ends(anne, w.talks(anne))
		if got := w.seat(anne); got.Shown != WrapUp {
			t.Fatalf("she is %s", got.Shown)
		}
		w.pass(-time.Hour)
		ct := w.opens()
		w.sweeps()
		w.mustRing(ct, anne) // her time to write up is over

		if err := w.Decline(t.Context(), anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		w.sweeps()
		if got := w.rings(ct); got != "" {
			t.Fatalf("what she has just declined rings at %s's", name(got))
		}
		w.pass(-time.Hour)
		w.sweeps()
		w.mustRing(ct, anne) // there is nobody else, and the minute is over
	})
}
