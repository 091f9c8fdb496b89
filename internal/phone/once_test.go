package phone_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
)

// A call-back that is asked for several times at the same instant, by two tabs or an impatient hand, is one call: one
// row, one try, one telephone that rings; and all who asked are told that it goes on.
func TestACallBackThatIsAskedForTwiceAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.onDial(func(c *trunk.Call) {
			if c.Ring() == nil && c.Answer(context.Background()) == nil {
				sounds(c, childTone)
			}
		})
		w.rings(skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond})).ends()
		ct := w.letter()
		w.works(anne)
		at := w.opens(anne, anneTone)
		w.takes(anne, ct.ID)
		const posts = 8
		var all sync.WaitGroup
		answers := make([]error, posts)
		for i := range posts {
			all.Go(func() { answers[i] = w.phone.CallBack(t.Context(), anne, ct.ID, true) })
		}
		all.Wait()
		for _, err := range answers {
			w.ok(err)
		}
		w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
		w.sees(ct.ID, "she answers", func(v phone.View) bool { return v.State == phone.Talking })
		rows, err := store.One(t.Context(), w.db, scanCount, `SELECT count(*) FROM phone_call WHERE direction = 'out'`)
		w.ok(err)
		if rows != 1 || len(w.dials()) != 1 || w.phone.Calls() != 1 {
			t.Errorf("%d rows were written, %d telephones rang, %d calls go on", rows, len(w.dials()), w.phone.Calls())
		}
		if b, _, err := w.phone.Callback(t.Context(), ct.ID); err != nil || b.Tries != 1 {
			t.Errorf("the call-back is %+v, %v", b, err)
		}
		// Once it is over, another one may be made.
		w.ok(w.phone.HangUp(t.Context(), anne, ct.ID))
		w.until("the call is over", func() bool { return w.phone.Calls() == 0 })
		w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
	})
}

func scanCount(r store.Row) (int, error) { var n int; return n, r.Scan(&n) }
