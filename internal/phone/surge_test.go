package phone_test

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone/caller"
	"vigie/internal/routing"
)

// In a surge the call-back is offered before anything else is said in the line, and one key in the greeting asks for it; she
// is called first, before whoever waits, and the reason says so. Whoever presses nothing stays in line.
func TestACallBackOfASurgeComesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.router.SetSurge(t.Context(), sam, routing.Surge{On: true, Extra: 1}))
	w.rings(from("+33639980002"), skip)
	w.until("somebody stays in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		return err == nil && len(all) == 1 && all[0].Channel == contact.ChannelPhone
	})
	w.rings(pressing(keysAfter(200*time.Millisecond, "0121")...)).ends()
	ct := w.letter()
	if !w.reasons(ct.ID)["callback_first"] || ct.Priority < 1500 {
		t.Fatalf("she waits with %d for %v", ct.Priority, w.reasons(ct.ID))
	}
	// It is offered when a phone may ring at her home, which at night it may not.
	if ct.DueAt > w.now().UnixMilli() {
		w.ahead.Store(int64(time.UnixMilli(ct.DueAt).Sub(time.Now()) + time.Minute))
	}
	w.works(anne)
	if got := w.ringing(anne); got != ct.ID {
		t.Error("who waits on the line rings before her")
	}
}

// Out of a surge a key in the greeting, where no menu names it, promises nothing.
func TestAKeyInTheGreetingOfAnUsualDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rings(pressing(caller.Key{Digit: '0', After: 200 * time.Millisecond}))
	w.until("she is in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		return err == nil && len(all) == 1 && all[0].Channel == contact.ChannelPhone
	})
	time.Sleep(5 * time.Second)
	if n := len(w.letters()); n != 0 {
		t.Error("a call is promised")
	}
}
