package chat

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// KeptProofs is what the rules of keeping look at: the files that were handed over and not marked.
const KeptProofs = `SELECT id, received_at AS since, '' AS name FROM attachment WHERE state = 'received'`

// IllegalHeld are the contacts of which the protocol with the prosecutor holds a file.
const IllegalHeld = `SELECT contact_id FROM attachment_hold`

// ProofsOf are the files of the contacts that a query finds.
func ProofsOf(contacts string) string {
	return `SELECT id FROM attachment WHERE contact_id IN (` + contacts + `)`
}

// EraseProof destroys a file before its conversation, and its key, with a row of the caller's in the same transaction: that there
// was one stays. Run again it removes what is left.
func (c *Chats) EraseProof(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	p, err := store.One(ctx, c.db, scanProof, selectProof+` WHERE id = $1 AND state = 'received'`, id)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.blobs.Remove(ctx, p.blobID); err != nil {
		return err
	}
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		if err := within(ctx, tx); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE attachment SET state = 'destroyed', blob_id = '', key_id = '', content_sealed = NULL WHERE id = $1 AND state = 'received'`, id)
		if err != nil {
			return err
		}
		if n == 0 { // it was marked at this moment
			return fault.New(fault.Conflict, "fault.chat.proof_marked")
		}
		if err := c.keys.Drop(ctx, tx, p.keyID); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.bus.Publish("key."+p.keyID, []byte(`{"destroyed":true}`)) })
		return c.recordProof(ctx, tx, by, "chat.proof_erase", p, nil)
	})
	if err != nil {
		return err
	}
	return c.keys.Destroy(ctx, p.keyID)
}
