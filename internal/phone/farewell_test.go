package phone_test

import (
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
)

// A call that a counsellor closes in one click, or because she is threatened, ends by a goodbye of ours; she is rid of it
// at once. Where she ends it herself, she has said goodbye.
func TestACallThatIsClosedKindlyEndsByAGoodbye(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what    string
		end     func(w *world, id string) error
		goodbye bool
	}{
		{"a joke", func(w *world, id string) error {
			_, err := w.contacts.Dismiss(w.t.Context(), id, "joke", staffActor(anne), false)
			return err
		}, true},
		{"a threat", func(w *world, id string) error {
			_, _, err := w.router.Threat(w.t.Context(), anne, id, false, 0, false)
			return err
		}, true},
		{"an end", func(w *world, id string) error {
			_, err := w.contacts.EndConversation(w.t.Context(), id, staffActor(anne), contact.Change{})
			return err
		}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.says("goodbye", helpTone, 2*time.Second)
			w.works(anne)
			at := w.opens(anne, anneTone)
			r := w.rings(skip)
			id := w.answers(anne, at)
			must(t, "the caller", r.heard.last, anneTone)
			w.ok(c.end(w, id))
			if c.goodbye {
				r.heardOnce("she hears a goodbye", helpTone)
				if r.heardEver(helpTone, anneTone) {
					t.Error("she hears it under the voice of her counsellor")
				}
			}
			if by := r.ends(); by != "them" {
				t.Fatalf("the call was ended by %q", by)
			}
			if !c.goodbye && r.heardEver(helpTone) {
				t.Error("she hears a second goodbye")
			}
			w.until("the call is written off", func() bool { return w.outcome() == phone.ByStaff })
			must(t, "the counsellor", at.last)
		})
	}
}

// A key that is none of the menu's is said to be none, and the menu is heard again; whoever presses nothing of it is
// brought in line all the same.
func TestAKeyThatIsNoneOfTheMenus(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Menu = true }})
	w.says("not_understood", helpTone, time.Second)
	w.says("menu", bilalTone, 2*time.Second)
	r := w.rings(pressing(caller.Key{Digit: '#', After: 200 * time.Millisecond})) // ends the greeting, and is no answer
	r.heardOnce("she hears the menu", bilalTone)
	r.presses('5')
	r.heardOnce("she hears that it is none", helpTone)
	r.presses('2')
	if ct := w.waits(1); ct.Public != "parent" {
		t.Errorf("she is %q", ct.Public)
	}
	lost := w.rings(from("+33639980002"), skip)
	lost.heardOnce("the next hears the menu", bilalTone)
	for range 3 {
		lost.presses('7')
		time.Sleep(1500 * time.Millisecond)
	}
	if ct := w.waits(2); ct.Public != "" {
		t.Errorf("who chose nothing is %q", ct.Public)
	}
}
