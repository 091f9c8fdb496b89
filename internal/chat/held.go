package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// What ends the hold of a file that was marked possibly illegal. Nobody opens it for that, and nobody acts
// alone: one person asks, another agrees. It leaves the house only closed under a key of the authority
// that asked for it, so that whoever carries it cannot look; or it is destroyed.

// Held is a file that is held by the protocol with the prosecutor.
type Held struct {
	ProofID, ContactID string
	HeldAt             int64
	HeldBy             string
	// SHA256 is of the untouched original, in hexadecimal, for the authority's receipt.
	SHA256 string
	// To is where it goes, as somebody asked; HandedAt says that a second person agreed. 0 and "" for not yet.
	To                        HandOver
	HandOverAskedAt, HandedAt int64
	HandOverAskedBy, HandedBy string
	DestroyAskedAt            int64
	DestroyAskedBy            string
	blobID, keyID             string
	contentSealed, toSealed   []byte
	identity                  string
}

// HandOver is who receives a held file, and why.
type HandOver struct {
	// Recipient is the authority's public key as the age tool writes it ("age1…", age-encryption.org/v1).
	Recipient string `json:"recipient"`
	// Reference is the number of its request, at most 120 characters.
	Reference string `json:"reference"`
}

// longestReference bounds HandOver.Reference, in characters.
const longestReference = 120

// key reads Recipient: fault.Invalid "fault.chat.recipient" when it is no such key.
func (h HandOver) key() (blob.Recipient, error) {
	key, err := blob.ParseRecipient(h.Recipient)
	if err != nil {
		err = fault.New(fault.Invalid, "fault.chat.recipient")
	}
	return key, err
}

// mark names the recipient in the log, where no key fits: the first 16 hexadecimal digits of its SHA-256.
func (h HandOver) mark() string {
	sum := sha256.Sum256([]byte(h.Recipient))
	return hex.EncodeToString(sum[:8])
}

const selectHeld = `SELECT attachment_id, contact_id, blob_id, key_id, held_at, held_by, content_sealed, handover_sealed,
	handover_asked_at, handover_asked_by, handed_at, handed_by, destroy_asked_at, destroy_asked_by FROM attachment_hold`

func scanHeld(r store.Row) (Held, error) {
	var h Held
	return h, r.Scan(&h.ProofID, &h.ContactID, &h.blobID, &h.keyID, &h.HeldAt, &h.HeldBy, &h.contentSealed, &h.toSealed,
		&h.HandOverAskedAt, &h.HandOverAskedBy, &h.HandedAt, &h.HandedBy, &h.DestroyAskedAt, &h.DestroyAskedBy)
}

// AllHeld returns what is held, the oldest first.
func (c *Chats) AllHeld(ctx context.Context) ([]Held, error) {
	all, err := store.All(ctx, c.db, scanHeld, selectHeld+` ORDER BY held_at, attachment_id`)
	for i := range all {
		if err := c.openHeld(ctx, &all[i]); err != nil { // it can be destroyed all the same, and the others are there
			c.slog.Error("a held file's row does not open", "attachment", all[i].ProofID, "error", err)
		}
	}
	return all, err
}

// AskHandOver asks that a held file be given to an authority; a second person agrees. Asking anew replaces
// what was asked, and needs a new agreement. It returns fault.Invalid "fault.chat.recipient" or
// "fault.chat.reference", fault.NotFound "fault.chat.proof_unknown" for what is not held.
func (c *Chats) AskHandOver(ctx context.Context, proofID string, to HandOver, by audit.Actor) error {
	to.Recipient, to.Reference = strings.TrimSpace(to.Recipient), strings.TrimSpace(to.Reference)
	if _, err := to.key(); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(to.Reference); n == 0 || n > longestReference {
		return fault.New(fault.Invalid, "fault.chat.reference")
	}
	plain, err := json.Marshal(to)
	if err != nil {
		return err
	}
	h, err := c.heldOf(ctx, c.db, proofID)
	if err != nil {
		return err
	}
	key, err := c.keys.Key(ctx, h.keyID)
	if err != nil {
		return err
	}
	return c.onHeld(ctx, proofID, by, "chat.proof_hand_over_ask", &to, func(tx *store.Tx, h Held) error {
		_, err := tx.Exec(ctx, `UPDATE attachment_hold SET handover_sealed = $2, handover_asked_at = $3, handover_asked_by = $4,
			handed_at = 0, handed_by = '' WHERE attachment_id = $1`,
			proofID, key.Seal(handOverField(proofID), plain), store.Millis(c.now()), by.ID)
		return err
	})
}

// AgreeHandOver is the second person's yes to what was asked at askedAt (Held.HandOverAskedAt). It returns
// fault.Forbidden "fault.contact.second" where nobody asked and for the one who did, fault.Conflict
// "fault.chat.hand_over_changed" when something else was asked since she read it.
func (c *Chats) AgreeHandOver(ctx context.Context, proofID string, askedAt int64, second audit.Actor) error {
	h, err := c.readHeld(ctx, proofID)
	if err != nil {
		return err
	}
	return c.onHeld(ctx, proofID, second, "chat.proof_hand_over_agree", &h.To, func(tx *store.Tx, now Held) error {
		if err := twoPeople(now.HandOverAskedBy, second); err != nil {
			return err
		}
		if now.HandedAt != 0 && now.HandOverAskedAt == askedAt {
			return errDoneBefore
		}
		// What was read may be asked anew before the row is ours: everything is compared once more as it is written.
		n, err := tx.Exec(ctx, `UPDATE attachment_hold SET handed_at = $2, handed_by = $3
			WHERE attachment_id = $1 AND handed_at = 0 AND handover_asked_at = $4 AND handover_asked_at = $5 AND handover_asked_by NOT IN ('', $3)`,
			proofID, store.Millis(c.now()), second.ID, askedAt, h.HandOverAskedAt)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "fault.chat.hand_over_changed")
		}
		return err
	})
}

// HandOver returns how a held file that two people agreed to hand over is written out: closed under the
// authority's key, and opened by nobody on the way. Each time is recorded before. It returns
// fault.Forbidden "fault.contact.second" while they have not agreed.
func (c *Chats) HandOver(ctx context.Context, proofID string, by audit.Actor) (write func(io.Writer) error, err error) {
	h, err := c.readHeld(ctx, proofID)
	if err != nil {
		return nil, err
	}
	if h.HandedAt == 0 {
		return nil, fault.New(fault.Forbidden, "fault.contact.second")
	}
	to, err := h.To.key()
	if err != nil {
		return nil, err
	}
	err = c.onHeld(ctx, proofID, by, "chat.proof_hand_over", &h.To, func(_ *store.Tx, now Held) error {
		if now.HandedAt != h.HandedAt { // asked anew since it was read
			return fault.New(fault.Conflict, "fault.chat.hand_over_changed")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	original, err := c.blobs.Get(ctx, h.blobID, h.identity)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		defer original.Close()
		return to.Close(w, original)
	}, nil
}

// AskDestroyHeld asks that a held file be destroyed; a second person does it. Asking again changes nothing.
// It returns fault.NotFound "fault.chat.proof_unknown" for what is not held.
func (c *Chats) AskDestroyHeld(ctx context.Context, proofID string, by audit.Actor) error {
	return c.onHeld(ctx, proofID, by, "chat.proof_destroy_ask", nil, func(tx *store.Tx, h Held) error {
		_, err := tx.Exec(ctx, `UPDATE attachment_hold SET destroy_asked_at = $2, destroy_asked_by = $3 WHERE attachment_id = $1 AND destroy_asked_at = 0`,
			proofID, store.Millis(c.now()), by.ID)
		return err
	})
}

// DestroyHeld is the second person's yes: the file is no more. It returns fault.Forbidden
// "fault.contact.second" where nobody asked, and for the one who did; fault.NotFound
// "fault.chat.proof_unknown" for what is not held.
func (c *Chats) DestroyHeld(ctx context.Context, proofID string, second audit.Actor) error {
	var h Held
	err := c.onHeld(ctx, proofID, second, "chat.proof_destroy", nil, func(tx *store.Tx, held Held) error {
		h = held
		if err := twoPeople(h.DestroyAskedBy, second); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM attachment_hold WHERE attachment_id = $1`, proofID); err != nil {
			return err
		}
		return c.keys.Drop(ctx, tx, h.keyID)
	})
	if err != nil {
		return err
	}
	return c.destroyMarked(context.WithoutCancel(ctx), Proof{ID: h.ProofID, blobID: h.blobID})
}

// twoPeople refuses what one person would do alone.
func twoPeople(first string, second audit.Actor) error {
	if first == "" || second.Kind != audit.Staff || second.ID == "" || second.ID == first {
		return fault.New(fault.Forbidden, "fault.contact.second")
	}
	return nil
}

func (c *Chats) heldOf(ctx context.Context, q store.Querier, proofID string) (Held, error) {
	h, err := store.One(ctx, q, scanHeld, selectHeld+` WHERE attachment_id = $1`, proofID)
	if errors.Is(err, store.ErrNoRow) {
		return Held{}, fault.New(fault.NotFound, "fault.chat.proof_unknown")
	}
	return h, err
}

// readHeld is heldOf with what the row keeps sealed.
func (c *Chats) readHeld(ctx context.Context, proofID string) (Held, error) {
	h, err := c.heldOf(ctx, c.db, proofID)
	if err != nil {
		return Held{}, err
	}
	err = c.openHeld(ctx, &h)
	return h, err
}

// openHeld opens what the row keeps sealed: not the file, but its hash, its key and where it goes.
func (c *Chats) openHeld(ctx context.Context, h *Held) error {
	key, err := c.keys.Key(ctx, h.keyID)
	if err != nil {
		return err
	}
	var inside content
	if err := openJSON(key, holdField(h.ProofID), h.contentSealed, &inside); err != nil {
		return err
	}
	h.SHA256, h.identity = inside.SHA256, inside.Identity
	if h.toSealed == nil {
		return nil
	}
	return openJSON(key, handOverField(h.ProofID), h.toSealed, &h.To)
}

func openJSON(key *seal.Key, field seal.Field, sealed []byte, into any) error {
	plain, err := key.Open(field, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}

// errDoneBefore says that there is nothing to do, nor to record.
var errDoneBefore = errors.New("chat: done before")

// onHeld does one thing to a held file, and records it: with the key it goes to, where it goes somewhere.
func (c *Chats) onHeld(ctx context.Context, proofID string, by audit.Actor, act string, to *HandOver, do func(*store.Tx, Held) error) error {
	detail := map[string]string{"attachment": proofID}
	if to != nil {
		detail["to"] = to.mark()
	}
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		h, err := c.heldOf(ctx, tx, proofID)
		if err != nil {
			return err
		}
		if err := do(tx, h); err != nil {
			return err
		}
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "contact", ObjectID: h.ContactID, Purpose: "protocol", Detail: detail})
	})
	if errors.Is(err, errDoneBefore) {
		return nil
	}
	return err
}

func holdField(id string) seal.Field {
	return seal.Field{Table: "attachment_hold", Column: "content_sealed", Row: id, Version: 1}
}

func handOverField(id string) seal.Field {
	return seal.Field{Table: "attachment_hold", Column: "handover_sealed", Row: id, Version: 1}
}
