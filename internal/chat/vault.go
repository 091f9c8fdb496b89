package chat

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// FromVault is what a young person's vault says of a file that it hands over: the hash and the time that it fixed when the file came into
// it. Both are her telephone's statement; ours begins when the file arrives.
type FromVault struct {
	SHA256 string `json:"sha256"` // hexadecimal
	At     string `json:"at"`     // RFC 3339, by her telephone's clock
	// Same says whether what arrived has this hash.
	Same bool `json:"same"`
}

// said checks what a vault says. It returns fault.Invalid "fault.chat.vault_said".
func (v *FromVault) said() error {
	if v == nil {
		return nil
	}
	sum, err := hex.DecodeString(v.SHA256)
	if err != nil || len(sum) != 32 || hex.EncodeToString(sum) != v.SHA256 {
		return fault.New(fault.Invalid, "fault.chat.vault_said")
	}
	if _, err := time.Parse(time.RFC3339, v.At); err != nil || len(v.At) > 40 {
		return fault.New(fault.Invalid, "fault.chat.vault_said")
	}
	return nil
}

// arrived is what is kept of it beside a file with this hash.
func (v *FromVault) arrived(sum string) *FromVault {
	if v == nil {
		return nil
	}
	return &FromVault{SHA256: v.SHA256, At: v.At, Same: v.SHA256 == sum}
}

// TakeBack destroys a file that nobody has opened yet, because who handed it over wants it back; that there was one stays. Taking it back
// again changes nothing. It returns fault.NotFound "fault.chat.proof_unknown" for what is not hers, and fault.Conflict
// "fault.chat.back_late" once somebody opened it, or it was dealt with otherwise.
func (c *Chats) TakeBack(ctx context.Context, proofID, contactID, personID string) (Proof, error) {
	var p Proof
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		p, err = store.One(ctx, tx, scanProof, selectProof+` WHERE id = $1 AND contact_id = $2
			AND EXISTS (SELECT 1 FROM contact c WHERE c.id = attachment.contact_id AND c.person_id = $3)`, proofID, contactID, personID)
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.NotFound, "fault.chat.proof_unknown")
		}
		if err != nil || p.TakenBackAt > 0 {
			return err
		}
		now := store.Millis(c.now())
		n, err := tx.Exec(ctx, `UPDATE attachment SET state = 'destroyed', taken_back_at = $2, key_id = '', content_sealed = NULL
			WHERE id = $1 AND state = 'received' AND opened_at = 0`, proofID, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.chat.back_late")
		}
		p.State, p.TakenBackAt = ProofDestroyed, now
		if err := c.keys.Drop(ctx, tx, p.keyID); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			c.bus.Publish("key."+p.keyID, []byte(`{"destroyed":true}`))
			c.bus.Publish("contact."+p.ContactID+".form", []byte("{}"))
		})
		return c.recordProof(ctx, tx, contact.VisitorOf(contactID), "chat.proof_take_back", p, nil)
	})
	if err != nil {
		return Proof{}, err
	}
	if err := c.removeTakenBack(context.WithoutCancel(ctx), p); err != nil {
		// Its key is gone, so it cannot be opened; its bytes go with the next sweep.
		c.slog.Error("a file that was taken back waits for the sweep to be removed", "attachment", p.ID, "error", err)
	}
	p.content = nil
	return p, nil
}

// removeTakenBack removes the bytes of a file that was taken back.
func (c *Chats) removeTakenBack(ctx context.Context, p Proof) error {
	if p.blobID == "" {
		return nil
	}
	if err := c.blobs.Remove(ctx, p.blobID); err != nil {
		return err
	}
	_, err := c.db.Exec(ctx, `UPDATE attachment SET blob_id = '' WHERE id = $1 AND taken_back_at > 0`, p.ID)
	return err
}

// sweepTakenBack removes what could not be removed at once.
func (c *Chats) sweepTakenBack(ctx context.Context) error {
	all, err := store.All(ctx, c.db, scanProof, selectProof+` WHERE state = 'destroyed' AND taken_back_at > 0 AND blob_id <> '' LIMIT 500`)
	for _, p := range all {
		err = errors.Join(err, c.removeTakenBack(ctx, p))
	}
	return err
}
