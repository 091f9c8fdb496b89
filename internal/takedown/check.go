package takedown

import (
	"context"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
)

// When we look. The first look is before anybody can have answered, so that a page which never shows anything to us is known
// as such; two looks that find it gone lie apart, because a network may show an error for a minute.
const (
	firstCheck = 30 * time.Minute
	soon       = time.Minute
	apart      = 3 * time.Hour
	every      = 6 * time.Hour
	firstWatch = 7 * 24 * time.Hour
	lastWatch  = 30 * 24 * time.Hour
)

// checkArgs name the notice that is looked at.
type checkArgs struct {
	Notice jobs.ID `json:"notice"`
}

// machine is who looks when nobody does.
var machine = audit.Actor{Kind: audit.System, ID: "takedown"}

// checkAgain has a notice looked at after a while.
func (t *Takedown) checkAgain(ctx context.Context, tx *store.Tx, n *Notice, after time.Duration) error {
	at := t.now().Add(after)
	n.CheckAt = store.Millis(at)
	return t.checks.Enqueue(ctx, tx, checkArgs{Notice: jobs.ID(n.ID)}, jobs.At(at), jobs.Unique(jobs.ID(n.ID)))
}

// looked are the states in which it is still looked whether the content is there.
var looked = map[State]bool{Submitted: true, Acknowledged: true, Decided: true, Removed: true, Watching: true, Reappeared: true}

// check is the job that looks whether what was notified is still there. It may run twice: what it writes follows from the
// record and from what is there.
func (t *Takedown) check(ctx context.Context, job jobs.Job[checkArgs]) error {
	n, err := t.Notice(ctx, string(job.Args.Notice))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return nil // erased
	}
	if err != nil {
		return err
	}
	if !looked[n.State] || n.CheckAt == 0 {
		return nil
	}
	if early := store.Time(n.CheckAt).Sub(t.now()); early > time.Minute {
		return jobs.Again(store.Time(n.CheckAt))
	}
	if err := t.hear(ctx, n); err != nil {
		return err
	}
	found, why := t.look(ctx, n)
	return t.Found(ctx, n.ID, found, why, machine)
}

// Found writes what a look found, by machine or by a person who looked, and what follows from it: gone twice, at least three
// hours apart, is removed; removed is watched for 30 days; there again has reappeared. It returns fault.Invalid
// "fault.takedown.found" for what is no finding.
func (t *Takedown) Found(ctx context.Context, id, found, why string, by audit.Actor) error {
	if found != string(fetch.Gone) && found != string(fetch.There) && found != string(fetch.Unsure) {
		return fault.New(fault.Invalid, "fault.takedown.found")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		if !looked[n.State] {
			return changed()
		}
		now := t.now()
		staffID := ""
		if by.Kind == audit.Staff {
			staffID = by.ID
		}
		if _, err := tx.Exec(ctx, `INSERT INTO takedown_check (id, notice_id, at, found, why, staff_id) VALUES ($1, $2, $3, $4, $5, $6)`,
			store.NewID(), id, store.Millis(now), found, why, staffID); err != nil {
			return err
		}
		return t.follow(ctx, tx, n, fetch.Found(found), by)
	})
}

func (t *Takedown) follow(ctx context.Context, tx *store.Tx, n *Notice, found fetch.Found, by audit.Actor) error {
	now := t.now()
	ms := store.Millis(now)
	switch n.State {
	case Removed, Watching:
		if found == fetch.There {
			n.ReappearedAt, n.DueAt, n.GoneAt = ms, ms, 0
			if err := t.move(ctx, tx, n, Back, by, ""); err != nil {
				return err
			}
			return t.checkAgain(ctx, tx, n, every)
		}
		if n.State == Removed {
			if err := t.move(ctx, tx, n, Watch, by, ""); err != nil {
				return err
			}
		}
		left := store.Time(n.RemovedAt).Add(lastWatch).Sub(now)
		if left <= 0 {
			n.DueAt, n.CheckAt, n.Closed = 0, 0, ms
			return t.move(ctx, tx, n, Finish, by, "watched")
		}
		if first := store.Time(n.RemovedAt).Add(firstWatch).Sub(now); first > 0 {
			return t.checkAgain(ctx, tx, n, first)
		}
		return t.checkAgain(ctx, tx, n, left)
	case Reappeared:
		if found == fetch.Gone && n.GoneAt > 0 && now.Sub(store.Time(n.GoneAt)) >= t.apart {
			n.RemovedAt, n.DueAt = ms, 0
			if err := t.move(ctx, tx, n, GoneAgain, by, ""); err != nil {
				return err
			}
			return t.checkAgain(ctx, tx, n, firstWatch)
		}
	default:
		if found == fetch.Gone && n.GoneAt > 0 && now.Sub(store.Time(n.GoneAt)) >= t.apart {
			n.RemovedAt, n.DueAt = ms, ms // the child is to be told
			if err := t.move(ctx, tx, n, FoundGone, by, ""); err != nil {
				return err
			}
			return t.checkAgain(ctx, tx, n, firstWatch)
		}
	}
	switch {
	case found == fetch.Gone && n.GoneAt == 0:
		n.GoneAt = ms
		return t.checkAgain(ctx, tx, n, t.apart)
	case found == fetch.Gone:
		return t.checkAgain(ctx, tx, n, max(time.Minute, t.apart-now.Sub(store.Time(n.GoneAt))))
	case found == fetch.There:
		n.GoneAt = 0
	case n.DueAt == 0 || n.DueAt > store.Millis(now.Add(every)):
		n.DueAt = ms // a person has to look
	}
	return t.checkAgain(ctx, tx, n, every)
}

// Checks returns the looks at a notice, the newest first.
func (t *Takedown) Checks(ctx context.Context, id string) ([]Check, error) {
	return store.All(ctx, t.db, func(r store.Row) (c Check, err error) {
		return c, r.Scan(&c.ID, &c.NoticeID, &c.At, &c.Found, &c.Why, &c.StaffID)
	}, `SELECT id, notice_id, at, found, why, staff_id FROM takedown_check WHERE notice_id = $1 ORDER BY at DESC, id DESC`, id)
}

// Told writes that the child was told that it is gone: nothing is due until the next look.
func (t *Takedown) Told(ctx context.Context, id string, by audit.Actor) error {
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		if n.State != Removed && n.State != Watching {
			return changed()
		}
		n.DueAt = 0
		if n.State == Removed {
			if err := t.move(ctx, tx, n, Watch, by, ""); err != nil {
				return err
			}
		}
		return t.happened(ctx, tx, *n, by, "notice_told", "")
	})
}
