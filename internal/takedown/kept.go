package takedown

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// KeptReplies is what the rules of keeping look at: what belongs to no notice, from when it was set aside.
const KeptReplies = `SELECT id, dealt_at AS since, '' AS name FROM takedown_reply WHERE state = 'set_aside'`

// RunningFiles are the case files with a notice that was sent, or is being, and has not come to its end.
const RunningFiles = `SELECT file_id FROM takedown_notice WHERE state NOT IN ('draft', 'ready', 'closed', 'withdrawn')`

// EraseReply destroys a reply that was set aside, and its key, with a row of the caller's in the same transaction.
func (t *Takedown) EraseReply(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	key, err := store.One(ctx, t.db, func(r store.Row) (k string, err error) { return k, r.Scan(&k) }, `SELECT key_id FROM takedown_reply WHERE id = $1 AND state = 'set_aside'`, id)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	err = t.db.Tx(ctx, func(tx *store.Tx) error {
		if err := within(ctx, tx); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `DELETE FROM takedown_reply WHERE id = $1 AND state = 'set_aside'`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.takedown.changed")
		}
		if err := t.keys.Drop(ctx, tx, key); err != nil {
			return err
		}
		tx.AfterCommit(func() { t.bus.Publish("key."+key, []byte(`{"destroyed":true}`)) })
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown.reply_erase", Object: "reply", ObjectID: id, Purpose: "rule"})
	})
	if err != nil {
		return err
	}
	return t.keys.Destroy(ctx, key)
}
