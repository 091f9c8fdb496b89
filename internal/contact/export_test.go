package contact

import (
	"context"
	"time"
)

// SweepLate is a look of a node that meant to look at due.
func (c *Contacts) SweepLate(ctx context.Context, due time.Time) error {
	_, err := c.sweep(ctx, AwayFrom(time.Time{}, due, c.now().Round(0)))
	return err
}

// WithPepper is the same helpline with another pepper: what a thief of the record alone would have.
func WithPepper(c *Contacts, pepper []byte) *Contacts {
	other := &Contacts{db: c.db, keys: c.keys, log: c.log, bus: c.bus, catalogue: c.catalogue, now: c.now, slog: c.slog,
		identities: c.identities, sessions: c.sessions, revocations: c.revocations, resume: newResume(pepper, c.now)}
	return other
}
