package rota

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Absence is days, the first and the last included, on which somebody cannot be planned. It has no reason: of health or of anything
// else, none is asked and none is kept.
type Absence struct {
	ID, StaffID string
	First, Last string
}

// covers says whether a shift of hers touches it: one that ends after midnight is on the next day too.
func (a Absence) covers(s Shift) bool {
	last := s.Day
	if s.To > 24*60 {
		last = Shifted(s.Day, 1)
	}
	return a.StaffID == s.StaffID && a.First <= last && a.Last >= s.Day
}

// longestAbsence is how many days one may be.
const longestAbsence = 366

// Absent notes days on which somebody cannot. Noting the same id again changes nothing. fault.Invalid "fault.rota.absence".
func (r *Rota) Absent(ctx context.Context, a Absence, by audit.Actor) error {
	if !IsDay(a.First) || !IsDay(a.Last) || a.Last < a.First || a.Last > Shifted(a.First, longestAbsence) || !store.IsID(a.ID) {
		return fault.New(fault.Invalid, "fault.rota.absence")
	}
	if err := r.person(ctx, a.StaffID, Both); err != nil {
		return err
	}
	return r.change(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO rota_absence (id, staff_id, first_day, last_day, made_at, made_by) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`,
			a.ID, a.StaffID, a.First, a.Last, store.Millis(r.now()), by.ID)
		if err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, by, "rota.absent", "staff", a.StaffID, map[string]string{"first": a.First, "last": a.Last})
	})
}

// NotAbsent takes an absence back: of hers, or anybody's for those who plan. fault.NotFound "fault.rota.absence_unknown".
func (r *Rota) NotAbsent(ctx context.Context, id string, plans bool, by audit.Actor) error {
	return r.change(ctx, func(tx *store.Tx) error {
		a, err := store.One(ctx, tx, scanAbsence, selectAbsences+` WHERE id = $1`, id)
		if errors.Is(err, store.ErrNoRow) || err == nil && a.StaffID != by.ID && !plans {
			return fault.New(fault.NotFound, "fault.rota.absence_unknown")
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM rota_absence WHERE id = $1`, id); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.present", "staff", a.StaffID, map[string]string{"first": a.First, "last": a.Last})
	})
}

// Absences returns those that touch some days, everybody's.
func (r *Rota) Absences(ctx context.Context, first, last string) ([]Absence, error) {
	return store.All(ctx, r.db, scanAbsence, selectAbsences+` WHERE last_day >= $1 AND first_day <= $2 ORDER BY first_day, id`, first, last)
}

const selectAbsences = `SELECT id, staff_id, first_day, last_day FROM rota_absence`

func scanAbsence(row store.Row) (a Absence, err error) {
	return a, row.Scan(&a.ID, &a.StaffID, &a.First, &a.Last)
}
