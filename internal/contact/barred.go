package contact

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// Bar closes a person's contacts to a member of staff who knows her, search and break-glass included:
// nobody reads what somebody she knows has told. It is kept for contacts to come, and there is no way back from the desk.
func (c *Contacts) Bar(ctx context.Context, tx *store.Tx, personID, staffID string, by audit.Actor) error {
	n, err := tx.Exec(ctx, `INSERT INTO person_barred (person_id, staff_id, since) VALUES ($1, $2, $3)
		ON CONFLICT (person_id, staff_id) DO NOTHING`, personID, staffID, store.Millis(c.now()))
	if err != nil || n == 0 {
		return err
	}
	return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.bar", Object: "person", ObjectID: personID,
		Detail: map[string]string{"staff": staffID}})
}

// Barred returns the members of staff who know this person; a contact of hers is never offered to them.
func (c *Contacts) Barred(ctx context.Context, q store.Querier, personID string) ([]string, error) {
	return store.All(ctx, q, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) },
		`SELECT staff_id FROM person_barred WHERE person_id = $1 ORDER BY staff_id`, personID)
}

func isBarred(ctx context.Context, q store.Querier, personID, staffID string) (bool, error) {
	n, err := store.One(ctx, q, func(r store.Row) (int, error) { var n int; return n, r.Scan(&n) },
		`SELECT count(*) FROM person_barred WHERE person_id = $1 AND staff_id = $2`, personID, staffID)
	return n > 0, err
}
