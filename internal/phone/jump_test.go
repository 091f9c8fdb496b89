package phone_test

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/store"
)

// waits waits until so many are in line, and returns the one who came last.
func (w *world) waits(n int) (last contact.Contact) {
	w.t.Helper()
	w.until("they are in line", func() bool {
		all, err := w.contacts.InStates(w.t.Context(), contact.Waiting)
		w.ok(err)
		for _, ct := range all {
			if ct.OpenedAt >= last.OpenedAt {
				last = ct
			}
		}
		return len(all) == n
	})
	return last
}

// fallsSilent is a caller whose sound stopped while she waited, or once she had been answered, and whose call was
// given up for it. (The thirty seconds are not waited for here: the record says what they bring.)
func (w *world) fallsSilent(r *ring, id string) {
	w.t.Helper()
	r.hangsUp()
	w.until("her call is over", func() bool { return w.phone.Calls() == 0 || w.ended(id) })
	_, err := w.db.Exec(w.t.Context(), `UPDATE phone_call SET outcome = 'line_lost' WHERE contact_id = $1`, id)
	w.ok(err)
}

func (w *world) ended(id string) bool {
	w.t.Helper()
	n, err := store.One(w.t.Context(), w.db, scanCount, `SELECT count(*) FROM phone_call WHERE contact_id = $1 AND ended_at > 0`, id)
	w.ok(err)
	return n == 1
}

// Nobody comes before others by falling silent and ringing again: she is known, and waits behind them.
func TestASilentLineJumpsNoQueue(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.rings(from("+33639980002"), skip)
		other := w.waits(1)
		r := w.rings(skip)
		first := w.waits(2)
		w.fallsSilent(r, first.ID)
		w.rings(skip)
		again := w.waits(2)
		if again.ID == other.ID || again.ID == first.ID {
			t.Fatal("she is not back in line")
		}
		if w.reasons(again.ID)["cut_off"] {
			t.Error("she comes before somebody who waited longer")
		}
		if again.PersonID != first.PersonID {
			t.Error("she is not known")
		}
	})
}

// Who waited longest loses nothing by a line that breaks off, nor does she who had been answered, or is in danger.
func TestASilentLineThatComesFirst(t *testing.T) {
	t.Parallel()
	t.Run("who waited longest", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.rings(skip)
		first := w.waits(1)
		w.rings(from("+33639980002"), skip)
		w.waits(2)
		w.fallsSilent(r, first.ID)
		w.rings(skip)
		if again := w.waits(2); !w.reasons(again.ID)["cut_off"] {
			t.Error("she has lost her place")
		}
	})
	t.Run("who is in danger", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.rings(from("+33639980002"), skip)
		w.waits(1)
		r := w.rings(skip)
		first := w.waits(2)
		w.fallsSilent(r, first.ID)
		_, err := w.db.Exec(t.Context(), `UPDATE contact SET danger = TRUE WHERE id = $1`, first.ID)
		w.ok(err)
		w.rings(skip)
		if again := w.waits(2); !w.reasons(again.ID)["cut_off"] {
			t.Error("she waits behind others")
		}
	})
	t.Run("who had been answered", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(anne)
		at := w.opens(anne, anneTone)
		r := w.rings(skip)
		id := w.answers(anne, at)
		w.sees(id, "they talk", func(v phone.View) bool { return v.State == phone.Talking && v.Since > 0 })
		w.rings(from("+33639980002"), skip)
		w.waits(1)
		w.fallsSilent(r, id)
		begun := time.Now()
		w.rings(skip)
		var again contact.Contact
		w.until("she is back in line", func() bool {
			all, err := w.contacts.InStates(t.Context(), contact.Waiting, contact.Offered)
			w.ok(err)
			for _, ct := range all {
				if ct.OpenedAt >= store.Millis(begun) {
					again = ct
				}
			}
			return again.ID != ""
		})
		if !w.reasons(again.ID)["cut_off"] {
			t.Error("she waits behind others")
		}
	})
}
