package stats

import (
	"context"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// View is a choice of figures under a name.
type View struct {
	ID, StaffID string
	// Shared shows it to all who see figures.
	Shared      bool
	Name, Query string
}

const (
	longestName = 60
	mostViews   = 40
)

// Views returns those of a member of staff, and those that are shared.
func (s *Stats) Views(ctx context.Context, staffID string) ([]View, error) {
	return store.All(ctx, s.db, func(r store.Row) (v View, err error) {
		return v, r.Scan(&v.ID, &v.StaffID, &v.Shared, &v.Name, &v.Query)
	}, `SELECT id, staff_id, shared, name, query FROM stat_view WHERE staff_id = $1 OR shared ORDER BY name, id`, staffID)
}

// SaveView keeps a choice of figures. It returns fault.Invalid "fault.stats.view" without a name or with too long a one, and
// fault.TooMany "fault.stats.views" for somebody who has many.
func (s *Stats) SaveView(ctx context.Context, v View, by audit.Actor) error {
	v.Name = typed.Line(v.Name)
	if v.Name == "" || utf8.RuneCountInString(v.Name) > longestName || len(v.Query) > 1000 {
		return fault.New(fault.Invalid, "fault.stats.view", "max", longestName)
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM stat_view WHERE staff_id = $1`, by.ID)
		if err != nil {
			return err
		}
		if n >= mostViews {
			return fault.New(fault.TooMany, "fault.stats.views", "max", mostViews)
		}
		id := store.NewID()
		if _, err := tx.Exec(ctx, `INSERT INTO stat_view (id, staff_id, shared, name, query, made_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, by.ID, v.Shared, v.Name, v.Query, store.Millis(s.now())); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "stats.view", Object: "view", ObjectID: id})
	})
}

// RemoveView removes a view of one's own. It returns fault.NotFound "fault.stats.no_view" for another's.
func (s *Stats) RemoveView(ctx context.Context, id string, by audit.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM stat_view WHERE id = $1 AND staff_id = $2`, id, by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "fault.stats.no_view")
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "stats.view_remove", Object: "view", ObjectID: id})
	})
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }
