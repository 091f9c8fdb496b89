package evidence

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// KeptLooks is what the rules of keeping look at: how long somebody of the staff looked, from when she did.
const KeptLooks = `SELECT id, began_at AS since, '' AS name FROM evidence_seen`

// EraseLook forgets that somebody of the staff looked at hard material, with a row of the caller's in the same transaction.
func (e *Evidence) EraseLook(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		if err := within(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM evidence_seen WHERE id = $1`, id); err != nil {
			return err
		}
		return e.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "evidence.seen_erase", Object: "look", ObjectID: id, Purpose: "rule"})
	})
}

// eraseFiles removes the sealed files of a case that is being erased; the rows go with the case.
func (e *Evidence) eraseFiles(ctx context.Context, fileID string) error {
	blobs, err := store.All(ctx, e.db, func(r store.Row) (id string, err error) { return id, r.Scan(&id) },
		`SELECT blob_id FROM evidence_item WHERE file_id = $1 AND blob_id <> ''`, fileID)
	for _, id := range blobs {
		err = errors.Join(err, e.blobs.Remove(ctx, id))
	}
	return err
}
