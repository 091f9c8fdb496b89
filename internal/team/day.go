package team

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// KeyOfDay is the kind of the key of a day, OwnersOfDayKeys its owners, for seal.Keeper.SweepOrphans.
const (
	KeyOfDay        = "team_day"
	OwnersOfDayKeys = `SELECT id FROM team_day`
)

type day struct{ id, keyID string }

func scanDay(r store.Row) (d day, err error) { return d, r.Scan(&d.id, &d.keyID) }

// today is the day that is written on now, with its key.
func (t *Team) today(ctx context.Context) (id string, key *seal.Key, err error) {
	name := t.o.Day(t.now())
	const find = `SELECT id, key_id FROM team_day WHERE day = $1`
	d, err := store.One(ctx, t.db, scanDay, find, name)
	if errors.Is(err, store.ErrNoRow) {
		d.id = store.NewID()
		if key, err = t.keys.NewKey(ctx, KeyOfDay, d.id); err != nil {
			return "", nil, err
		}
		n, err := t.db.Exec(ctx, `INSERT INTO team_day (id, day, key_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, d.id, name, key.ID())
		if err == nil && n == 1 {
			return d.id, key, nil
		}
		if err = errors.Join(err, t.keys.Destroy(context.WithoutCancel(ctx), key.ID())); err != nil {
			return "", nil, err
		}
		if d, err = store.One(ctx, t.db, scanDay, find, name); err != nil { // somebody else began the day
			return "", nil, err
		}
	} else if err != nil {
		return "", nil, err
	}
	key, err = t.keys.Key(ctx, d.keyID)
	return d.id, key, err
}

// keysOf reads the keys of some days, by the day's id.
func (t *Team) keysOf(ctx context.Context, keyIDs []string) (map[string]*seal.Key, error) {
	return t.keys.Keys(ctx, keyIDs)
}

// Forget destroys the days that are older than Kept, with all that was written on them, and hands that have been down as long.
func (t *Team) Forget(ctx context.Context) error {
	before := t.now().Add(-Kept)
	old, err := store.All(ctx, t.db, scanDay, `SELECT id, key_id FROM team_day WHERE day < $1`, t.o.Day(before))
	for _, d := range old {
		err = errors.Join(err, t.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM team_day WHERE id = $1`, d.id)
			if err != nil || n == 0 {
				return err
			}
			if err := t.keys.Drop(ctx, tx, d.keyID); err != nil {
				return err
			}
			return t.record(ctx, tx, audit.Actor{Kind: audit.System, ID: "team"}, "team.day_erase", "team_day", d.id, nil)
		}))
	}
	_, hands := t.db.Exec(ctx, `DELETE FROM team_hand WHERE lowered_at > 0 AND lowered_at < $1`, store.Millis(before))
	_, orphans := t.keys.SweepOrphans(ctx, KeyOfDay, OwnersOfDayKeys)
	return errors.Join(err, hands, orphans)
}
