package casefile

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Hold keeps a file from being erased, open or closed, until it is lifted.
type Hold struct {
	ID, FileID string
	PlacedAt   int64
	PlacedBy   string
	Why        string

	keyID  string
	sealed []byte
}

func holdField(id string) seal.Field {
	return seal.Field{Table: "case_hold", Column: "why_sealed", Row: id, Version: 1}
}

// PlaceHold keeps a file from being erased. id is made by the client: sent again, it changes nothing. It returns
// fault.Invalid "fault.case.empty" or "fault.case.long" for a reason that is none, fault.Conflict "fault.case.changed" for a
// file that is in another one.
func (f *Files) PlaceHold(ctx context.Context, fileID, id, why string, by audit.Actor) error {
	why, err := written(why, maxRemark)
	if err == nil {
		err = named(id)
	}
	if err != nil {
		return err
	}
	before, err := f.Get(ctx, fileID)
	if err != nil {
		return err
	}
	key, err := f.keys.Key(ctx, before.KeyID)
	if err != nil {
		return err
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		file, err := get(ctx, tx, fileID)
		if err != nil {
			return err
		}
		if file.State == Merged {
			return fault.New(fault.Conflict, "fault.case.changed")
		}
		n, err := tx.Exec(ctx, `INSERT INTO case_hold (id, file_id, key_id, placed_at, placed_by, why_sealed) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO NOTHING`, id, fileID, key.ID(), store.Millis(f.now()), by.ID, key.SealText(holdField(id), why))
		if err != nil || n == 0 {
			return err
		}
		if err := f.event(ctx, tx, fileID, by, "hold", id, ""); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.hold", fileID, map[string]string{"hold": id})
	})
}

// LiftHold ends a hold. It takes another person than who placed it: fault.Forbidden "fault.case.second".
func (f *Files) LiftHold(ctx context.Context, fileID, id string, by audit.Actor) error {
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE case_hold SET lifted_at = $3, lifted_by = $4 WHERE id = $2 AND file_id = $1 AND lifted_at = 0 AND placed_by <> $4`,
			fileID, id, store.Millis(f.now()), by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			hers, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM case_hold WHERE id = $2 AND file_id = $1 AND lifted_at = 0`, fileID, id)
			if err == nil && hers > 0 {
				err = fault.New(fault.Forbidden, "fault.case.second")
			}
			return err
		}
		if err := f.event(ctx, tx, fileID, by, "hold_lifted", id, ""); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.hold_lift", fileID, map[string]string{"hold": id})
	})
}

// Holds returns what keeps a file from being erased now, the oldest first.
func (f *Files) Holds(ctx context.Context, fileID string) ([]Hold, error) {
	all, err := store.All(ctx, f.db, func(r store.Row) (h Hold, err error) {
		return h, r.Scan(&h.ID, &h.FileID, &h.PlacedAt, &h.PlacedBy, &h.keyID, &h.sealed)
	}, `SELECT id, file_id, placed_at, placed_by, key_id, why_sealed FROM case_hold WHERE file_id = $1 AND lifted_at = 0 ORDER BY placed_at, id`, fileID)
	if err != nil {
		return nil, err
	}
	ring := f.ring()
	for i := range all {
		why, err := ring.open(ctx, all[i].keyID, holdField(all[i].ID), all[i].sealed)
		if err != nil {
			return nil, err
		}
		all[i].Why = string(why)
	}
	return all, nil
}

// free returns fault.Conflict "fault.case.held" while a hold keeps a file.
func free(ctx context.Context, q store.Querier, fileID string) error {
	n, err := store.One(ctx, q, scanInt, `SELECT count(*) FROM case_hold WHERE file_id = $1 AND lifted_at = 0`, fileID)
	if err == nil && n > 0 {
		err = fault.New(fault.Conflict, "fault.case.held")
	}
	return err
}

// freeContact returns fault.Conflict "fault.case.held" while a hold keeps the file that a contact belongs to.
func freeContact(ctx context.Context, q store.Querier, contactID string) error {
	files, err := store.All(ctx, q, scanText, `SELECT file_id FROM case_contact WHERE contact_id = $1`, contactID)
	for _, file := range files {
		if err := free(ctx, q, file); err != nil {
			return err
		}
	}
	return err
}
