package phone_test

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/store"
)

// keysAfter are keys one second and a half apart, the first after this long in the call.
func keysAfter(first time.Duration, digits string) (keys []caller.Key) {
	for i := range len(digits) {
		keys = append(keys, caller.Key{Digit: digits[i], After: first + time.Duration(i)*1500*time.Millisecond})
	}
	return keys
}

// backNow asks in the line to be called back on this number, by nobody else, as soon as may be.
var backNow = keysAfter(1500*time.Millisecond, "0121")

func (w *world) wish(id string) contact.Callback {
	w.t.Helper()
	wish, asked, err := w.contacts.Callback(w.t.Context(), id)
	w.ok(err)
	if !asked {
		w.t.Fatal("nothing is wished")
	}
	return wish
}

// Whoever asks for a call in the line is asked by keys whether on this number, who else may answer, and when; the
// answers are kept for whoever calls, and the contact is due when she said.
func TestWhatIsAskedBeforeACallIsPromised(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string][2]string{"0121": {"no", phone.WhenNow}, "0113": {"yes", phone.WhenTomorrow}} {
		t.Run(keys, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if by := w.rings(skip, pressing(keysAfter(1500*time.Millisecond, keys)...)).ends(); by != "them" {
				t.Fatalf("the call was ended by %q", by)
			}
			ct := w.letter()
			if got := w.wish(ct.ID).Key; got.Others != want[0] || got.When != want[1] {
				t.Errorf("she said %+v", got)
			}
			b := w.promise(ct.ID)
			hour := store.Time(b.DueAt).In(w.zone())
			today := w.now().In(w.zone())
			if want[1] == phone.WhenTomorrow && (hour.Day() == today.Day() || hour.Hour() != 10 || ct.DueAt != b.DueAt || !w.reasons(ct.ID)["callback_due"]) {
				t.Errorf("it is due at %v, the contact at %v, for %v", hour, store.Time(ct.DueAt), w.reasons(ct.ID))
			}
			if _, may := w.phone.MayRing(); want[1] == phone.WhenNow && may && ct.DueAt > store.Millis(w.now()) {
				t.Errorf("it is due at %v", store.Time(ct.DueAt))
			}
			if ct.DueAt == 0 {
				t.Error("it is never offered")
			}
		})
	}
}

// Hanging up in between keeps what was said so far; so does saying no more.
func TestWhoeverHangsUpBetweenTheQuestions(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{"0": "", "01": "", "012": "no"} {
		t.Run(keys, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.rings(skip, pressing(keysAfter(1500*time.Millisecond, keys)...))
			time.Sleep(1500*time.Millisecond + time.Duration(len(keys))*1500*time.Millisecond)
			r.hangsUp()
			ct := w.letter()
			if got := w.wish(ct.ID).Key; got.Others != want || got.When != "" {
				t.Errorf("she said %+v", got)
			}
			if b := w.promise(ct.ID); b.State != phone.CallbackOpen {
				t.Errorf("the call-back is %+v", b)
			}
		})
	}
}

// Whoever would rather stay keeps her place; and whoever is answered meanwhile is answered.
func TestWhoeverWouldRatherStayInLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rings(skip, pressing(keysAfter(1500*time.Millisecond, "02")...))
	time.Sleep(5 * time.Second)
	if n := len(w.letters()); n != 0 {
		t.Fatal("a call is promised")
	}
	must(t, "the caller", r.heard.last, musicTone)
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
}

// Somebody who is answered while she is asked talks, and is promised nothing.
func TestWhoeverIsAnsweredWhileSheIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lasts("callback_ask", 8*time.Second)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip, pressing(keysAfter(1500*time.Millisecond, "0")...))
	w.ringing(anne)
	time.Sleep(2 * time.Second) // she is being asked
	w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	if n := len(w.letters()); n != 0 {
		t.Error("a call is promised")
	}
}
