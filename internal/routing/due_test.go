package routing

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
)

// promised puts back in line somebody whom Anne has, to be called after this long.
func (n *node) promised(ct contact.Contact, after time.Duration, try string) {
	n.t.Helper()
	err := n.db.Tx(n.t.Context(), func(tx *store.Tx) error {
		_, err := n.contacts.Postpone(n.t.Context(), tx, ct.ID, n.now().Add(after),
			contact.Reason{Code: "callback_due", Weight: 2000, Args: map[string]string{"hour": "14:00", "try": try}}, byStaff(anne), false)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) inList(ct contact.Contact) (w Waiting, there bool) {
	n.t.Helper()
	all, err := n.Waiting(n.t.Context(), "")
	if err != nil {
		n.t.Fatal(err)
	}
	for _, w := range all {
		if w.Contact.ID == ct.ID {
			return w, true
		}
	}
	return Waiting{}, false
}

// Whoever is to be called at a time stands in no list and rings nowhere before; then she is offered before all who wait,
// to a desk that takes calls and has nothing else, and the reason says for when she was promised it.
func TestAPromiseRingsWhenItIsDue(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		letter := w.opens(func(o *contact.Opening) { o.Channel = contact.ChannelMessage })
		if err := w.Take(t.Context(), anne, letter.ID); err != nil {
			t.Fatal(err)
		}
		w.promised(letter, 10*time.Minute, "2")
		if _, there := w.inList(letter); there {
			t.Error("it stands in the list before its time")
		}
		w.sweeps()
		if got := w.rings(letter); got != "" {
			t.Fatalf("it rings at %s's before its time", name(got))
		}

		chat := w.opens(because("test", 900))
		w.sweeps()
		w.mustRing(chat, anne) // she is free for whoever waits meanwhile
		w.accepts(anne, chat)
		w.move(chat, contact.StaffEnds, byStaff(anne), contact.Change{})
		w.closes(chat)
		w.passAtDesks(10*time.Minute, anne)
		w.sweeps()
		if got := w.rings(letter); got != "" {
			t.Fatalf("it rings at %s's, whose desk takes no calls", name(got))
		}
		in, there := w.inList(letter)
		if !there || in.Parts[0].Code != "callback_due" || in.Parts[0].Args["hour"] != "14:00" || in.Parts[0].Args["try"] != "2" {
			t.Fatalf("in the list: %v, %+v", there, in.Parts)
		}

		if err := w.SetPhone(t.Context(), anne, true); err != nil {
			t.Fatal(err)
		}
		behind := w.opens(because("test", 900))
		w.sweeps()
		w.mustRing(letter, anne)
		if got := w.rings(behind); got != "" {
			t.Errorf("who waits rings before her, at %s's", name(got))
		}
		w.accepts(anne, letter)
		if got := w.get(letter.ID); got.DueAt != 0 || got.State != contact.Talking {
			t.Errorf("once she is taken she is %s, due at %d", got.State, got.DueAt)
		}
	})
}

// Somebody in danger is in the list whenever she is to be called; she rings when it is due.
func TestNobodyInDangerIsHidden(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		if err := w.SetPhone(t.Context(), anne, true); err != nil {
			t.Fatal(err)
		}
		ct := w.opens(letter, inDanger)
		if err := w.Take(t.Context(), anne, ct.ID); err != nil {
			t.Fatal(err)
		}
		w.promised(ct, 10*time.Minute, "2")
		w.sweeps()
		if _, there := w.inList(ct); !there || w.rings(ct) != "" {
			t.Errorf("it stands in the list: %v, and rings at %q", there, w.rings(ct))
		}
	})
}

// What is said of a promise is of the last one: the sentence changes with it.
func TestAPromiseThatIsMadeAgain(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		letter := w.opens(func(o *contact.Opening) { o.Channel = contact.ChannelMessage })
		for _, try := range []string{"2", "3"} {
			if err := w.Take(t.Context(), anne, letter.ID); err != nil {
				t.Fatal(err)
			}
			w.promised(letter, time.Minute, try)
		}
		w.pass(3 * time.Minute)
		in, _ := w.inList(letter)
		n := 0
		for _, part := range in.Parts {
			if part.Code == "callback_due" && part.Args["try"] == "3" {
				n++
			} else if part.Code == "callback_due" {
				t.Errorf("it still says %v", part.Args)
			}
		}
		if n != 1 || in.Contact.Priority >= 4000 {
			t.Errorf("it says it %d times: %+v, priority %d", n, in.Parts, in.Contact.Priority)
		}
	})
}
