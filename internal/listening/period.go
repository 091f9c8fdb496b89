package listening

import (
	"context"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// maxPeriod bounds a period: staff who are told that they may always be listened to are told nothing.
const maxPeriod = 31 * 24 * time.Hour

// Period is a time in which the staff are told that they may be listened to for quality, training or a visit.
type Period struct {
	ID string
	// From, Until, SetAt and WithdrawnAt are Unix milliseconds; WithdrawnAt is 0 while it stands.
	From, Until, SetAt, WithdrawnAt int64
	SetBy                           string
}

const selectPeriod = `SELECT id, from_at, until_at, set_by, set_at, withdrawn_at FROM listening_period`

func scanPeriod(r store.Row) (p Period, err error) {
	return p, r.Scan(&p.ID, &p.From, &p.Until, &p.SetBy, &p.SetAt, &p.WithdrawnAt)
}

func inPeriod(ctx context.Context, q store.Querier, now int64) (bool, error) {
	n, err := store.One(ctx, q, scanInt, `SELECT count(*) FROM listening_period WHERE withdrawn_at = 0 AND from_at <= $1 AND until_at > $1`, now)
	return n > 0, err
}

// Told says whether a period runs now.
func (r *Room) Told(ctx context.Context) (bool, error) {
	return inPeriod(ctx, r.db, store.Millis(r.now()))
}

// Periods returns those that stand and are not over, the earliest first.
func (r *Room) Periods(ctx context.Context) ([]Period, error) {
	return store.All(ctx, r.db, scanPeriod, selectPeriod+` WHERE withdrawn_at = 0 AND until_at > $1 ORDER BY from_at, id`, store.Millis(r.now()))
}

// Tell sets a period, of which the staff are told at once. It returns fault.Invalid "fault.listening.period" for one that is over,
// ends before it begins or is longer than a month.
func (r *Room) Tell(ctx context.Context, staffID, id string, from, until time.Time) error {
	if !until.After(from) || until.Sub(from) > maxPeriod || !until.After(r.now()) {
		return fault.New(fault.Invalid, "fault.listening.period")
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO listening_period (id, from_at, until_at, set_by, set_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
			id, store.Millis(from), store.Millis(until), staffID, store.Millis(r.now()))
		if err != nil || n == 0 {
			return err
		}
		return r.audit.Record(ctx, tx, audit.Entry{Actor: staffActor(staffID), Act: "listening.period", Object: "listening_period", ObjectID: id})
	})
}

// Withdraw takes a period back. What runs is not ended: whoever listens was told of while it began.
func (r *Room) Withdraw(ctx context.Context, staffID, id string) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE listening_period SET withdrawn_at = $2, withdrawn_by = $3 WHERE id = $1 AND withdrawn_at = 0`, id, store.Millis(r.now()), staffID)
		if err != nil || n == 0 {
			return err
		}
		return r.audit.Record(ctx, tx, audit.Entry{Actor: staffActor(staffID), Act: "listening.period_withdraw", Object: "listening_period", ObjectID: id})
	})
}
