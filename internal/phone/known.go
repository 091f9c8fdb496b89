package phone

import (
	"context"

	"vigie/internal/store"
)

// Before returns the contacts of earlier calls with the telephone that a contact's call came from, the newest first, n at
// most: for her counsellor, and never a claim that it is the same person, because a telephone is often a family's. They
// are found by the keyed hash of the number as long as that is kept (30 days, and one epoch of the keys); the line of a
// partner is nobody's.
func (p *Phone) Before(ctx context.Context, contactID string, n int) (contactIDs []string, err error) {
	return store.All(ctx, p.db, scanText, `SELECT contact_id FROM phone_call
		WHERE mark = (SELECT mark FROM phone_call WHERE contact_id = $1 AND mark IS NOT NULL ORDER BY began_at DESC LIMIT 1)
		AND contact_id NOT IN ('', $1) GROUP BY contact_id ORDER BY max(began_at) DESC LIMIT $2`, contactID, n)
}
