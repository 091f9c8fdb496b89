package routing

import (
	"context"

	"vigie/internal/contact"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Open lets a person in and remembers, as a keyed hash until she leaves, where she comes from: both are
// committed together. Faults of Contacts.Open.
func (r *Router) Open(ctx context.Context, o contact.Opening) (contact.Contact, error) {
	return r.contacts.OpenWith(ctx, o, func(tx *store.Tx, ct contact.Contact, _ *seal.Key) error {
		return r.Arrive(ctx, tx, ct.ID, o.Network.Addr())
	})
}
