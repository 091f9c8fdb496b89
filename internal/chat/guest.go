package chat

import (
	"context"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// LetIn lets a supervisor write along in a conversation that stays its counsellor's, or lets her out again (in false); both
// are repeatable. The person reads who has come and who has gone.
func (c *Chats) LetIn(ctx context.Context, tx *store.Tx, contactID, staffID string, in bool) error {
	query, line := `DELETE FROM message_guest WHERE contact_id = $1 AND staff_id = $2`, catalogue.LineGuestLeaves
	if in {
		query, line = `INSERT INTO message_guest (contact_id, staff_id) VALUES ($1, $2) ON CONFLICT (contact_id, staff_id) DO NOTHING`, catalogue.LineGuestJoins
	}
	n, err := tx.Exec(ctx, query, contactID, staffID)
	if err != nil || n == 0 || c.alias == nil {
		return err
	}
	ct, err := c.contacts.GetWithin(ctx, tx, contactID)
	if err != nil || !in && !ct.State.Open() || ct.CounsellorID == staffID {
		return err // it is over, and a goodbye was said; or she has it herself now
	}
	key, err := c.contacts.Key(ctx, contactID)
	if fault.Is(err, fault.Gone) {
		return nil
	}
	if err != nil {
		return err
	}
	m := c.lineOf(ct, line, store.NewID(), map[string]string{"conseiller": c.alias(ctx, staffID)})
	if m.Body == "" { // a catalogue that does not say it
		return nil
	}
	return c.sayWithin(ctx, tx, m, key)
}
