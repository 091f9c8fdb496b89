package phone_test

import (
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/store"
)

// What is kept of a call that is over: by which number it came and who answered for 30 days, the rest for the figures
// for as long as the rules say, and then nothing of it. A call that goes on is not touched, however long.
func TestWhatIsKeptOfCalls(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ctx, now := t.Context(), w.now()
		const day = 24 * time.Hour
		writes := func(n int, ended time.Duration) (id string) {
			for range n {
				id = store.NewID()
				at := store.Millis(now.Add(-ended))
				over := at
				if ended == 0 { // it goes on, on a node that lives
					over = 0
				}
				// At once: the room forgets old calls meanwhile.
				w.ok(w.db.Tx(ctx, func(tx *store.Tx) error {
					if _, err := tx.Exec(ctx, `INSERT INTO phone_call (id, node, trunk, direction, state, lang, mark, staff_id, introducing, began_at, ended_at, lease_until, outcome)
						VALUES ($1, 'n', 'operator', 'in', 'talking', 'fr', $2, $3, $4, $5, $6, $7, 'caller')`, id, []byte{1, 2, 3}, anne, bilal, at, over, store.Millis(now.Add(1000*day))); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, `INSERT INTO phone_leg (id, call_id, kind, staff_id, began_at, ended_at, received, lost, late, jitter_us, round_trip_us, mos_hundredths)
						VALUES ($1, $2, 'counsellor', $3, $4, $4, 1, 0, 0, 0, 0, 430)`, store.NewID(), id, anne, at)
					return err
				}))
			}
			return id
		}
		// As they are in an hour and a little: then it is looked at again.
		goesOn, recent, old := writes(1, 0), writes(1, 28*day), writes(1, 32*day)
		writes(1100, 401*day) // more than are deleted at a time
		w.ahead.Add(int64(phone.ForgetEvery + time.Minute))
		count := func(query string, args ...any) int {
			n, err := store.One(ctx, w.db, scanCount, query, args...)
			w.ok(err)
			return n
		}
		w.until("what is too old is deleted", func() bool { return count(`SELECT count(*) FROM phone_call`) == 3 })
		if n := count(`SELECT count(*) FROM phone_leg`); n != 3 {
			t.Errorf("%d lines are kept, of three calls", n)
		}
		for id, known := range map[string]bool{goesOn: true, recent: true, old: false} {
			calls := count(`SELECT count(*) FROM phone_call WHERE id = $1 AND mark IS NOT NULL AND staff_id = $2 AND introducing = $3`, id, anne, bilal)
			blank := count(`SELECT count(*) FROM phone_call WHERE id = $1 AND mark IS NULL AND staff_id = '' AND introducing = ''`, id)
			if known && calls != 1 || !known && blank != 1 {
				t.Errorf("that who called and who answered is known should be %v", known)
			}
		}
		if n := count(`SELECT count(*) FROM phone_leg WHERE call_id = $1 AND staff_id = $2`, old, anne); n != 0 {
			t.Error("whose line of an old call it was is still known")
		}
		if n := count(`SELECT count(*) FROM phone_leg WHERE call_id = $1 AND staff_id = $2`, recent, anne); n != 1 {
			t.Error("whose line of a recent call it was is not known any more")
		}
	})
}
