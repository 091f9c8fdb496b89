package phone_test

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// left writes messages that were spoken a while ago.
func (w *world) left(n int, length time.Duration, mark []byte) {
	w.t.Helper()
	ctx := w.t.Context()
	for range n {
		_, err := w.contacts.OpenWith(ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelMessage, Lang: "fr"}, func(tx *store.Tx, ct contact.Contact, _ *seal.Key) error {
			now := store.Millis(w.now())
			if _, err := tx.Exec(ctx, `INSERT INTO phone_voicemail (contact_id, blob_id, length_ms, saved_at, content_sealed) VALUES ($1, $2, $3, $4, $5)`,
				ct.ID, store.NewID(), length.Milliseconds(), now-3_600_000, []byte{1}); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, mark, began_at, ended_at, lease_until, outcome)
				VALUES ($1, $2, 'n', 'operator', 'in', 'ended', 'fr', $3, $4, $4, $4, 'house')`, store.NewID(), ct.ID, mark, now-3_600_000)
			return err
		})
		w.ok(err)
	}
}

// Nobody fills the disk with messages: one number leaves a few, all together those of a day. Whoever comes too late
// hears who answers now; somebody else, and the next day, there is room.
func TestAFloodOfMessages(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		messages := func() int64 {
			n, err := store.One(t.Context(), w.db, func(r store.Row) (int64, error) { var n int64; return n, r.Scan(&n) }, `SELECT count(*) FROM phone_voicemail`)
			w.ok(err)
			return n
		}
		leaves := func(number string) int64 {
			before := messages()
			r := w.speaks(from(number))
			time.Sleep(4 * time.Second)
			r.hangsUp()
			w.until("the call is over", func() bool { return w.outcome() != "" && w.phone.Calls() == 0 })
			return messages() - before
		}
		w.left(5, time.Minute, w.router.NumberMark(child))
		if leaves(child) != 0 {
			t.Error("one number left a sixth message")
		}
		if leaves("+33639980002") != 1 {
			t.Error("somebody else left none")
		}
		w.left(1, 12*time.Hour, nil)
		if leaves("+33639980003") != 0 {
			t.Error("a message was kept beyond what a day holds")
		}
		w.ahead.Add(int64(25 * time.Hour))
		if leaves(child) != 1 {
			t.Error("the next day no message was kept")
		}
	})
}
