package chat

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// What ends the hold of a file that was marked possibly illegal. Nobody opens it for that: that the
// authorities have it is noted, and its destruction is asked by one person and done by another.

// NoteHandedOver notes that the authorities have a held file. It stays held until it is destroyed; noting it
// again changes nothing. It returns fault.NotFound "fault.chat.proof_unknown" for what is not held.
func (c *Chats) NoteHandedOver(ctx context.Context, proofID string, by audit.Actor) error {
	return c.onHeld(ctx, proofID, by, "chat.proof_handed", `UPDATE attachment_hold SET handed_at = $2, handed_by = $3 WHERE attachment_id = $1 AND handed_at = 0`)
}

// AskDestroyHeld asks that a held file be destroyed; a second person confirms it. Faults of NoteHandedOver.
func (c *Chats) AskDestroyHeld(ctx context.Context, proofID string, by audit.Actor) error {
	return c.onHeld(ctx, proofID, by, "chat.proof_destroy_ask",
		`UPDATE attachment_hold SET destroy_asked_at = $2, destroy_asked_by = $3 WHERE attachment_id = $1 AND destroy_asked_at = 0`)
}

// ConfirmDestroyHeld is the second person's yes: the file is no more. It returns fault.Forbidden
// "fault.contact.second" where nobody asked, and for the one who did.
func (c *Chats) ConfirmDestroyHeld(ctx context.Context, proofID string, second audit.Actor) error {
	h, err := c.heldOf(ctx, c.db, proofID)
	if err != nil {
		return err
	}
	return c.DestroyHeld(ctx, proofID, staffActor(h.AskedBy), second, "protocol")
}

func (c *Chats) heldOf(ctx context.Context, q store.Querier, proofID string) (Held, error) {
	h, err := store.One(ctx, q, scanHeld, selectHeld+` WHERE attachment_id = $1`, proofID)
	if errors.Is(err, store.ErrNoRow) {
		return Held{}, fault.New(fault.NotFound, "fault.chat.proof_unknown")
	}
	return h, err
}

// onHeld does one thing once, and records it.
func (c *Chats) onHeld(ctx context.Context, proofID string, by audit.Actor, act, change string) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, change, proofID, store.Millis(c.now()), by.ID)
		if err != nil {
			return err
		}
		h, err := c.heldOf(ctx, tx, proofID)
		if err != nil || n == 0 {
			return err
		}
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "contact", ObjectID: h.ContactID, Purpose: "protocol",
			Detail: map[string]string{"attachment": proofID}})
	})
}
