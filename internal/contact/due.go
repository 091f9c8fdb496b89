package contact

import (
	"context"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// Due has a contact that waits be offered from a moment on, and says why in the place of what was said before of the same
// code; a why without a code says nothing.
func (c *Contacts) Due(ctx context.Context, tx *store.Tx, id string, at time.Time, why Reason) (Contact, error) {
	ct, err := get(ctx, tx, id)
	if err != nil {
		return Contact{}, err
	}
	key, err := c.keys.Key(ctx, ct.KeyID)
	if err != nil {
		return Contact{}, err
	}
	_, ct, err = c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
		ct.DueAt = store.Millis(at)
		if why.Code == "" {
			return ct, nil
		}
		reasons, err := openReasons(key, ct)
		if err != nil {
			return ct, err
		}
		reasons = slices.DeleteFunc(reasons, func(r Reason) bool { return r.Code == why.Code })
		merge(&reasons, why, store.Millis(c.now()))
		ct.Priority = sum(reasons)
		ct.reasons, err = sealReasons(key, id, reasons)
		return ct, err
	})
	if err == nil {
		tx.AfterCommit(func() { c.announce(ct) })
	}
	return ct, err
}

// Postpone puts a contact back in line until a moment: its person is called again then. Nobody has it meanwhile, and
// whoever had it comes first. It returns the faults of Move.
func (c *Contacts) Postpone(ctx context.Context, tx *store.Tx, id string, at time.Time, why Reason, by audit.Actor, supervising bool) (Contact, error) {
	if _, err := c.Move(ctx, tx, id, Postpone, by, Change{DueAt: store.Millis(at), Supervising: supervising}); err != nil {
		return Contact{}, err
	}
	return c.Due(ctx, tx, id, at, why)
}
