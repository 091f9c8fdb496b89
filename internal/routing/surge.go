package routing

import (
	"context"
	"encoding/json"
	"time"

	"vigie/internal/store"
)

// Surged is one surge: when it began and ended, and by whom. Times are Unix milliseconds; EndedAt is 0 while it goes on.
type Surged struct {
	BeganAt, Extra, EndedAt int64
	BeganBy, EndedBy        string
}

// Surges are the latest surges, the newest first.
func (r *Router) Surges(ctx context.Context, most int) ([]Surged, error) {
	return store.All(ctx, r.db, func(s store.Row) (x Surged, err error) {
		return x, s.Scan(&x.BeganAt, &x.BeganBy, &x.Extra, &x.EndedAt, &x.EndedBy)
	}, `SELECT began_at, began_by, extra, ended_at, ended_by FROM routing_surge ORDER BY began_at DESC, id DESC LIMIT $1`, int64(most))
}

// logSurge writes that a surge begins or ends, in the switch's own transaction; another ceiling is the same surge.
func (r *Router) logSurge(ctx context.Context, tx *store.Tx, staffID string, s Surge, before string) error {
	var was Surge
	if err := json.Unmarshal([]byte(before), &was); err != nil {
		return err
	}
	now := store.Millis(r.now())
	var err error
	switch {
	case s.On && !was.On:
		_, err = tx.Exec(ctx, `INSERT INTO routing_surge (id, began_at, began_by, extra) VALUES ($1, $2, $3, $4)`, store.NewID(), now, staffID, int64(s.Extra))
	case !s.On && was.On:
		_, err = tx.Exec(ctx, `UPDATE routing_surge SET ended_at = $1, ended_by = $2 WHERE ended_at = 0`, now, staffID)
	case s.On:
		_, err = tx.Exec(ctx, `UPDATE routing_surge SET extra = $1 WHERE ended_at = 0`, int64(s.Extra))
	}
	return err
}

// Crowd is how many wait to be answered at once, and how long the first of them has.
type Crowd struct {
	Waiting int
	Longest time.Duration
}

// SurgeDue is the proposal of a surge: so many wait, and have for as long as the catalogue says (lines.toml). A person decides.
type SurgeDue struct {
	Crowd
	Since int64 // Unix milliseconds
}

// SurgeDue returns the proposal; ok is false while there is none, or a surge goes on.
func (r *Router) SurgeDue(ctx context.Context) (d SurgeDue, ok bool, err error) {
	if r.Surge().On {
		return d, false, nil
	}
	if d.Since, err = r.crowdedSince(ctx); err != nil || d.Since == 0 {
		return d, false, err
	}
	if r.now().Sub(store.Time(d.Since)) < r.catalogue().Lines.Surge.Filled().For {
		return d, false, nil
	}
	d.Crowd, err = r.crowd(ctx)
	return d, err == nil, err
}

type crowded struct {
	Since int64 `json:"since"`
}

func (r *Router) crowdedSince(ctx context.Context) (int64, error) {
	value, err := store.One(ctx, r.db, scanID, `SELECT value FROM routing_setting WHERE name = 'surge_due'`)
	if err != nil {
		return 0, err
	}
	var c crowded
	return c.Since, json.Unmarshal([]byte(value), &c)
}

func (r *Router) crowd(ctx context.Context) (c Crowd, err error) {
	type row struct{ n, first int64 }
	x, err := store.One(ctx, r.db, func(s store.Row) (x row, err error) { return x, s.Scan(&x.n, &x.first) },
		`SELECT count(*), COALESCE(min(waiting_since), 0) FROM contact WHERE state IN ('waiting', 'offered') AND channel IN ('chat', 'phone')`)
	if x.n > 0 {
		c = Crowd{int(x.n), r.now().Sub(store.Time(x.first))}
	}
	return c, err
}

// watchCrowd notes since when there are too many, for all nodes, and forgets it when there no longer are.
func (r *Router) watchCrowd(ctx context.Context, now time.Time) error {
	type row struct {
		value    string
		n, first int64
	}
	x, err := store.One(ctx, r.db, func(s store.Row) (x row, err error) { return x, s.Scan(&x.value, &x.n, &x.first) },
		`SELECT (SELECT value FROM routing_setting WHERE name = 'surge_due'), count(*), COALESCE(min(waiting_since), 0)
		FROM contact WHERE state IN ('waiting', 'offered') AND channel IN ('chat', 'phone')`)
	if err != nil {
		return err
	}
	var was crowded
	if err := json.Unmarshal([]byte(x.value), &was); err != nil {
		return err
	}
	since, c := was.Since, Crowd{}
	if x.n > 0 {
		c = Crowd{int(x.n), now.Sub(store.Time(x.first))}
	}
	limits := r.catalogue().Lines.Surge.Filled()
	many := c.Waiting >= limits.Waiting || c.Longest >= limits.Longest
	r.crowded.Store(many)
	if many == (since > 0) {
		if many && !r.Surge().On && now.Sub(store.Time(since)) >= limits.For && now.Sub(store.Time(since)) < limits.For+r.times.IdleTick {
			r.announceQueue() // the floor proposes it
		}
		return nil
	}
	next := crowded{}
	if many {
		next.Since = store.Millis(now)
	}
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	_, err = r.db.Exec(ctx, `UPDATE routing_setting SET value = $1, rev = rev + 1 WHERE name = 'surge_due'`, string(value))
	return err
}
