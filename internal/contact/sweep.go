package contact

import (
	"context"
	"errors"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

const (
	// parkedFor is how long a parked contact waits for its person before the system closes it. A danger
	// mark leaves it to a supervisor.
	parkedFor = 24 * time.Hour
	// longestSleep bounds how late a deadline can be noticed that came up since the last look.
	longestSleep = 5 * time.Minute
	orphansEvery = time.Hour
	// jumped is how much later than it was due a look is taken for a jump of the clock.
	jumped = 30 * time.Second
)

// Run does what time brings: contacts that were left expire, sessions end, keys that a crash left
// without an owner are swept. Every node runs it; it returns when ctx ends.
func (c *Contacts) Run(ctx context.Context) {
	var orphans, from time.Time
	for ctx.Err() == nil {
		wait, err := c.sweep(ctx, from)
		if err != nil && ctx.Err() == nil {
			c.slog.Error("sweeping contacts", "error", err)
			wait = 10 * time.Second
		}
		if now := c.now(); now.Sub(orphans) >= orphansEvery {
			orphans = now
			if err := c.sweepOrphans(ctx); err != nil && ctx.Err() == nil {
				c.slog.Error("sweeping keys without an owner", "error", err)
			}
		}
		wait = max(wait, time.Second)
		due := c.now().Round(0).Add(wait) // by the clock on the wall: it is its jumps that are looked for
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		from = AwayFrom(from, due, c.now().Round(0))
	}
}

// AwayFrom is when the clock last jumped, or this node last stood still: nobody was away or quiet before it.
// before is what it said at the last look, due when this look was meant to be, and now when it is; both by
// the clock on the wall.
func AwayFrom(before, due, now time.Time) time.Time {
	if now.Sub(due) > jumped || before.After(now) {
		return now
	}
	return before
}

// Sweep closes what has expired and returns when to look next. Any number of nodes may do it at once.
func (c *Contacts) Sweep(ctx context.Context) (time.Duration, error) {
	return c.sweep(ctx, time.Time{})
}

// sweep is Sweep where nobody was away before a moment.
func (c *Contacts) sweep(ctx context.Context, from time.Time) (time.Duration, error) {
	leftFor := c.catalogue().Lines.Silence.Left
	now := c.now()
	next := longestSleep
	var failed error
	for _, d := range []struct {
		state State
		event Event
		after time.Duration
	}{{Left, Expire, leftFor}, {Parked, SystemEnds, parkedFor}} {
		all, err := store.All(ctx, c.db, scanContact, selectContact+` WHERE state = $1 AND NOT danger ORDER BY state_since LIMIT 500`, string(d.state))
		if err != nil {
			return 0, errors.Join(failed, err)
		}
		for _, ct := range all {
			since := store.Time(ct.StateSince)
			if since.Before(from) {
				since = from
			}
			if age := now.Sub(since); age < d.after {
				next = min(next, d.after-age)
				break
			}
			_, err := c.move(ctx, ct.ID, d.event, SystemActor, Change{since: ct.StateSince})
			// Another node was faster, or she was back, or somebody marked a danger: all is well.
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
				failed = errors.Join(failed, err)
			}
		}
		if len(all) == 500 {
			next = 0
		}
	}
	_, err := c.db.Exec(ctx, `DELETE FROM visitor_session WHERE ends_at <= $1`, store.Millis(now))
	return next, errors.Join(failed, err)
}

func (c *Contacts) sweepOrphans(ctx context.Context) error {
	_, err := c.keys.SweepOrphans(ctx, seal.KindContact, OwnersOfContactKeys)
	_, err2 := c.keys.SweepOrphans(ctx, seal.KindNetwork, OwnersOfNetworkKeys)
	return errors.Join(err, err2)
}
