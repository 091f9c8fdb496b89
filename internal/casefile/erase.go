package casefile

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// Erase destroys a file: every key of its ring, its rows, and the references that led to it. Its contacts stay, each with a
// key of its own. One row of the log stays, with ids only. It returns fault.Conflict "fault.case.held" while a hold keeps it.
func (f *Files) Erase(ctx context.Context, id string, by audit.Actor, purpose string) error {
	var ring []string
	err := f.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := get(ctx, tx, id); err != nil {
			return err
		}
		if err := free(ctx, tx, id); err != nil {
			return err
		}
		var err error
		if ring, err = keyIDs(ctx, tx, id); err != nil {
			return err
		}
		for _, key := range ring {
			if err := f.keys.Drop(ctx, tx, key); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM case_file WHERE id = $1 OR merged_into = $1`, id); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			for _, key := range ring {
				f.bus.Publish("key."+key, []byte(`{"destroyed":true}`)) // every node forgets it
			}
			f.changed(id)
			f.tasksChanged()
		})
		return f.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "case.erase", Object: "case", ObjectID: id, Purpose: purpose})
	})
	if err != nil {
		return err
	}
	for _, key := range ring { // this empties SQLite's logs of what they sealed, at once
		if err := f.keys.Destroy(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
