package datarequest

import (
	"context"
	"errors"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// NeededContacts are the contacts of people whose request is not answered yet and needs them as they are: a copy (GDPR Art. 15), a
// correction (Art. 16), a restriction (Art. 18). It is a query of ids.
const NeededContacts = `SELECT c.id FROM contact c JOIN data_request r ON r.person_id = c.person_id
	WHERE r.kind IN ('access', 'rectification', 'restriction') AND r.state NOT IN ('answered', 'refused', 'closed')`

// KeptRequests is what the rules of keeping look at: the requests that were answered, from when they were.
const KeptRequests = `SELECT id, state_since AS since, reference AS name FROM data_request WHERE state IN ('answered', 'refused', 'closed')`

// EraseRequest destroys a request that was answered, with its letters, its copy and their keys, and a row of the caller's in the same
// transaction. One that is gone already is erased. It returns fault.Conflict "fault.request.changed" for one that is not answered.
func (r *Requests) EraseRequest(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	var keys []string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := within(ctx, tx); err != nil {
			return err
		}
		req, err := store.One(ctx, tx, scanRequest, selectRequest+` WHERE id = $1`, id)
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.NotFound, "fault.request.unknown")
		}
		if err != nil {
			return err
		}
		if !slices.Contains([]State{Answered, Refused, Closed}, req.State) {
			return fault.New(fault.Conflict, "fault.request.changed")
		}
		if keys, err = store.All(ctx, tx, scanText, `SELECT key_id FROM data_request WHERE id = $1 UNION SELECT key_id FROM data_request_letter WHERE request_id = $1
			UNION SELECT key_id FROM data_request_copy WHERE request_id = $1`, id); err != nil {
			return err
		}
		if err := r.dropKeys(ctx, tx, keys); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM data_request WHERE id = $1`, id); err != nil {
			return err
		}
		return r.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "request.erase", Object: "request", ObjectID: id, Purpose: "rule"})
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range keys { // this empties SQLite's logs of what they sealed, at once
		if err := r.keys.Destroy(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
