package rota

import (
	"context"
	"errors"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// SwapState is how far a swap is.
type SwapState string

// A swap is open until somebody takes it, and then agreed at once where no rule is broken, else taken until a supervisor says.
const (
	SwapOpen      SwapState = "open"
	SwapTaken     SwapState = "taken"
	SwapAgreed    SwapState = "agreed"
	SwapRefused   SwapState = "refused"
	SwapWithdrawn SwapState = "withdrawn"
)

// Swap is a shift that somebody would like another to take: To, or whoever can where it is "".
type Swap struct {
	ID        string
	Shift     Shift
	OfferedBy string
	To        string
	State     SwapState
	MadeAt    int64
	TakenBy   string
	TakenAt   int64
	DecidedBy string
	DecidedAt int64
}

// Offer offers a shift of hers to one colleague, or with to "" to all.
//
// fault.NotFound "fault.rota.unknown" for what is not hers; fault.Conflict "fault.rota.begun", "fault.rota.offered";
// fault.Invalid "fault.rota.person" for a colleague who cannot take that post.
func (r *Rota) Offer(ctx context.Context, id, shiftID, to string, by audit.Actor) error {
	if !store.IsID(id) || to == by.ID {
		return fault.New(fault.Invalid, "fault.rota.person")
	}
	s, err := r.Get(ctx, shiftID)
	if err != nil {
		return err
	}
	if to != "" {
		if err := r.person(ctx, to, s.Post); err != nil {
			return err
		}
	}
	return r.change(ctx, func(tx *store.Tx) error {
		s, err := r.get(ctx, tx, shiftID)
		if err != nil {
			return err
		}
		if s.StaffID != by.ID || s.State != Published {
			return fault.New(fault.NotFound, "fault.rota.unknown")
		}
		if err := r.ahead(s); err != nil {
			return err
		}
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM rota_swap WHERE shift_id = $1 AND state IN ('open', 'taken') AND id <> $2`, shiftID, id)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "fault.rota.offered")
		}
		n, err = tx.Exec(ctx, `INSERT INTO rota_swap (id, shift_id, offered_by, to_id, state, made_at) VALUES ($1, $2, $3, $4, 'open', $5) ON CONFLICT (id) DO NOTHING`, id, shiftID, by.ID, to, store.Millis(r.now()))
		if err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, by, "rota.offer", "shift", shiftID, map[string]string{"to": to})
	})
}

// ahead refuses what has begun.
func (r *Rota) ahead(s Shift) error {
	if s.FromAt <= store.Millis(r.now()) {
		return fault.New(fault.Conflict, "fault.rota.begun")
	}
	return nil
}

// Take takes a shift that is offered. Of two who take it at once one has it, and the other reads why not. It is hers at once where
// that breaks no rule, unless a supervisor decides everything here; else it waits for a supervisor.
//
// fault.NotFound "fault.rota.swap_unknown"; fault.Conflict "fault.rota.swap_gone", "fault.rota.begun", "fault.rota.overlap",
// "fault.rota.absent"; fault.Invalid "fault.rota.person".
func (r *Rota) Take(ctx context.Context, id string, by audit.Actor) (state SwapState, err error) {
	w, err := r.swap(ctx, r.db, id)
	if err != nil {
		return "", err
	}
	if err := r.person(ctx, by.ID, w.Shift.Post); err != nil {
		return "", err
	}
	err = r.change(ctx, func(tx *store.Tx) error {
		if w, err = r.swap(ctx, tx, id); err != nil {
			return err
		}
		if w.OfferedBy == by.ID || w.To != "" && w.To != by.ID {
			return fault.New(fault.NotFound, "fault.rota.swap_unknown")
		}
		if w.State != SwapOpen {
			return fault.New(fault.Conflict, "fault.rota.swap_gone")
		}
		if err := r.fits(ctx, tx, w.Shift, by.ID); err != nil {
			return err
		}
		broken, err := r.breaks(ctx, tx, w.Shift, by.ID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE rota_swap SET state = 'taken', taken_by = $2, taken_at = $3 WHERE id = $1`, id, by.ID, store.Millis(r.now())); err != nil {
			return err
		}
		if state = SwapTaken; !r.o.Decide && len(broken) == 0 {
			state = SwapAgreed
			if err := r.move(ctx, tx, w.Shift, id, by.ID, "", by); err != nil {
				return err
			}
		}
		return r.record(ctx, tx, by, "rota.take", "shift", w.Shift.ID, map[string]string{"state": string(state)})
	})
	return state, err
}

// fits refuses a shift that somebody cannot have: one that has begun, when she is elsewhere, or a day on which she cannot.
func (r *Rota) fits(ctx context.Context, tx *store.Tx, s Shift, staffID string) error {
	if err := r.ahead(s); err != nil {
		return err
	}
	s.StaffID = staffID
	if err := r.apart(ctx, tx, s); err != nil {
		return err
	}
	absences, err := store.All(ctx, tx, scanAbsence, selectAbsences+` WHERE staff_id = $1 AND last_day >= $2 AND first_day <= $3`, staffID, s.Day, Shifted(s.Day, 1))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(absences, func(a Absence) bool { return a.covers(s) }) {
		return fault.New(fault.Conflict, "fault.rota.absent")
	}
	return nil
}

// breaks says which rules a shift would newly break for somebody.
func (r *Rota) breaks(ctx context.Context, q store.Querier, s Shift, staffID string) ([]Warning, error) {
	hers, err := store.All(ctx, q, scanShift, selectShifts+` WHERE s.staff_id = $1 AND s.state = 'published' AND s.day >= $2 AND s.day <= $3`, staffID, Shifted(s.Day, -14), Shifted(s.Day, 14))
	if err != nil {
		return nil, err
	}
	before := Check(hers, nil, r.Zone())
	s.StaffID = staffID
	after := Check(append(hers, s), nil, r.Zone())
	return slices.DeleteFunc(after, func(w Warning) bool { return slices.Contains(before, w) }), nil
}

// Breaks says which rules taking a shift would newly break for somebody: what a supervisor reads before she agrees.
func (r *Rota) Breaks(ctx context.Context, s Shift, staffID string) ([]Warning, error) {
	return r.breaks(ctx, r.db, s, staffID)
}

// move makes a shift another's. Its former owner's calendar shows it as cancelled.
func (r *Rota) move(ctx context.Context, tx *store.Tx, s Shift, swapID, to, decidedBy string, by audit.Actor) error {
	now := store.Millis(r.now())
	if _, err := tx.Exec(ctx, `UPDATE rota_shift SET staff_id = $2, seq = seq + 1, changed_at = $3, changed_by = $4 WHERE id = $1`, s.ID, to, now, by.ID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE rota_swap SET state = 'agreed', decided_by = $2, decided_at = $3 WHERE id = $1`, swapID, decidedBy, now)
	return err
}

// Decide is a supervisor's yes or no to a swap that was taken. A no opens nothing again: the shift stays with whom it was.
//
// fault.NotFound "fault.rota.swap_unknown"; fault.Conflict "fault.rota.swap_gone" and what Take refuses.
func (r *Rota) Decide(ctx context.Context, id string, yes bool, by audit.Actor) error {
	return r.change(ctx, func(tx *store.Tx) error {
		w, err := r.swap(ctx, tx, id)
		if err != nil {
			return err
		}
		if w.State != SwapTaken {
			return fault.New(fault.Conflict, "fault.rota.swap_gone")
		}
		if !yes {
			if _, err := tx.Exec(ctx, `UPDATE rota_swap SET state = 'refused', decided_by = $2, decided_at = $3 WHERE id = $1`, id, by.ID, store.Millis(r.now())); err != nil {
				return err
			}
			return r.record(ctx, tx, by, "rota.refuse", "shift", w.Shift.ID, nil)
		}
		if err := r.fits(ctx, tx, w.Shift, w.TakenBy); err != nil {
			return err
		}
		if err := r.move(ctx, tx, w.Shift, id, w.TakenBy, by.ID, by); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.agree", "shift", w.Shift.ID, nil)
	})
}

// Withdraw takes an offer of hers back, also when somebody has taken it and nobody has decided yet.
//
// fault.NotFound "fault.rota.swap_unknown"; fault.Conflict "fault.rota.swap_gone" for what is over.
func (r *Rota) Withdraw(ctx context.Context, id string, by audit.Actor) error {
	return r.change(ctx, func(tx *store.Tx) error {
		w, err := r.swap(ctx, tx, id)
		if err != nil {
			return err
		}
		if w.OfferedBy != by.ID {
			return fault.New(fault.NotFound, "fault.rota.swap_unknown")
		}
		if w.State != SwapOpen && w.State != SwapTaken {
			return fault.New(fault.Conflict, "fault.rota.swap_gone")
		}
		if err := r.drop(ctx, tx, w.Shift.ID); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.withdraw", "shift", w.Shift.ID, nil)
	})
}

func (r *Rota) swap(ctx context.Context, q store.Querier, id string) (Swap, error) {
	w, err := store.One(ctx, q, scanSwap, selectSwaps+` WHERE w.id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		err = fault.New(fault.NotFound, "fault.rota.swap_unknown")
	}
	return w, err
}

// Swaps returns the swaps that concern somebody: her own and those she took, of shifts to come; what she may take; and for those who
// plan all that is open or waits.
func (r *Rota) Swaps(ctx context.Context, p staff.Person, plans bool) ([]Swap, error) {
	return store.All(ctx, r.db, scanSwap, selectSwaps+` WHERE s.from_at > $1 AND (w.state IN ('open', 'taken') AND ($3 = 1 OR w.to_id = '' OR w.to_id = $2) OR w.offered_by = $2 AND w.state <> 'withdrawn' OR w.taken_by = $2)
		ORDER BY CASE w.state WHEN 'taken' THEN 0 WHEN 'open' THEN 1 ELSE 2 END, s.from_at, w.id LIMIT 100`, store.Millis(r.now()), p.ID, flag(plans))
}

const selectSwaps = `SELECT s.id, s.staff_id, s.day, s.from_min, s.to_min, s.from_at, s.to_at, s.post, s.state, s.seq, s.changed_at,
	w.id, w.offered_by, w.to_id, w.state, w.made_at, w.taken_by, w.taken_at, w.decided_by, w.decided_at FROM rota_swap w JOIN rota_shift s ON s.id = w.shift_id`

func scanSwap(row store.Row) (w Swap, err error) {
	s := &w.Shift
	return w, row.Scan(&s.ID, &s.StaffID, &s.Day, &s.From, &s.To, &s.FromAt, &s.ToAt, &s.Post, &s.State, &s.Seq, &s.ChangedAt,
		&w.ID, &w.OfferedBy, &w.To, &w.State, &w.MadeAt, &w.TakenBy, &w.TakenAt, &w.DecidedBy, &w.DecidedAt)
}
