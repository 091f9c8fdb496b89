package rota

import (
	"context"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Patterns are the codes of the usual weeks that can be kept.
var Patterns = []string{"a", "b", "c", "d"}

// Laid is what became of laying a usual week onto a week: how many were planned, and how many not, because somebody cannot on that
// day, has something then already, or no longer works here.
type Laid struct{ Planned, Absent, Taken, Gone int }

// Keep keeps a week as a usual one, in the place of what had the code. fault.Invalid "fault.rota.pattern".
func (r *Rota) Keep(ctx context.Context, code, monday string, by audit.Actor) error {
	if !slices.Contains(Patterns, code) || !IsDay(monday) {
		return fault.New(fault.Invalid, "fault.rota.pattern")
	}
	monday = Monday(monday)
	return r.change(ctx, func(tx *store.Tx) error {
		shifts, err := store.All(ctx, tx, scanShift, selectShifts+` WHERE s.state <> 'cancelled' AND s.day >= $1 AND s.day <= $2 ORDER BY s.from_at`, monday, Shifted(monday, 6))
		if err != nil {
			return err
		}
		if len(shifts) == 0 {
			return fault.New(fault.Invalid, "fault.rota.pattern_empty")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM rota_pattern WHERE code = $1`, code); err != nil {
			return err
		}
		for _, s := range shifts {
			if _, err := tx.Exec(ctx, `INSERT INTO rota_pattern (code, weekday, staff_id, from_min, to_min, post) VALUES ($1, $2, $3, $4, $5, $6)`,
				code, weekday(s.Day), s.StaffID, s.From, s.To, string(s.Post)); err != nil {
				return err
			}
		}
		return r.record(ctx, tx, by, "rota.keep", "rota", monday, map[string]string{"pattern": code})
	})
}

// Lay plans a usual week onto so many weeks, as drafts. What is there stays, and laying it twice plans nothing twice.
//
// fault.Invalid "fault.rota.pattern"; fault.NotFound "fault.rota.pattern_unknown".
func (r *Rota) Lay(ctx context.Context, code, monday string, weeks int, by audit.Actor) (laid Laid, err error) {
	if !slices.Contains(Patterns, code) || !IsDay(monday) || weeks < 1 || weeks > 13 {
		return laid, fault.New(fault.Invalid, "fault.rota.pattern")
	}
	monday = Monday(monday)
	people, err := r.o.People.Roster(ctx)
	if err != nil {
		return laid, err
	}
	absences, err := r.Absences(ctx, monday, Shifted(monday, 7*weeks))
	if err != nil {
		return laid, err
	}
	err = r.change(ctx, func(tx *store.Tx) error {
		laid = Laid{}
		lines, err := store.All(ctx, tx, func(row store.Row) (s Shift, err error) {
			return s, row.Scan(&s.Seq, &s.StaffID, &s.From, &s.To, &s.Post)
		}, `SELECT weekday, staff_id, from_min, to_min, post FROM rota_pattern WHERE code = $1 ORDER BY weekday, from_min, staff_id`, code)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return fault.New(fault.NotFound, "fault.rota.pattern_unknown")
		}
		for week := range weeks {
			for _, s := range lines {
				s.ID, s.Day, s.Seq = store.NewID(), Shifted(monday, 7*week+int(s.Seq)), 0
				if err := r.settle(&s); err != nil {
					return err
				}
				here := false
				for _, p := range people {
					here = here || p.ID == s.StaffID && May(p, s.Post)
				}
				switch {
				case !here:
					laid.Gone++
					continue
				case slices.ContainsFunc(absences, func(a Absence) bool { return a.covers(s) }):
					laid.Absent++
					continue
				}
				if err := r.apart(ctx, tx, s); fault.Is(err, fault.Conflict) {
					laid.Taken++
					continue
				} else if err != nil {
					return err
				}
				if err := r.insert(ctx, tx, s, by); err != nil {
					return err
				}
				laid.Planned++
			}
		}
		return r.record(ctx, tx, by, "rota.lay", "rota", monday, map[string]string{"pattern": code})
	})
	return laid, err
}

// Kept returns the codes of the usual weeks that are kept.
func (r *Rota) Kept(ctx context.Context) ([]string, error) {
	return store.All(ctx, r.db, func(row store.Row) (c string, err error) { return c, row.Scan(&c) }, `SELECT DISTINCT code FROM rota_pattern ORDER BY code`)
}

// weekday is 0 for a Monday.
func weekday(day string) int {
	d, _ := time.Parse(time.DateOnly, day)
	return int(d.Weekday()+6) % 7
}
