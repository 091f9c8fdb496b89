package jobs

import (
	"context"
	"maps"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// Totals are what became of the runs of a kind on this node since it started.
type Totals struct {
	Done  int64 // the job is done
	Again int64 // the worker asked to be called again
	// Tripped counts the tries that failed, Failed the jobs that did for good.
	Tripped, Failed int64
	Stopped         int64 // put back because the node stopped
}

// Totals are those of each kind that was worked here.
func (j *Jobs) Totals() map[string]Totals {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.totals)
}

// Count is how many jobs of a kind there are now, on all nodes together.
type Count struct {
	Kind                     string
	Waiting, Running, Failed int64
	// DueSince is when the first of those that wait should have begun, Unix milliseconds; 0 when none waits.
	DueSince int64
}

// Counts counts the jobs of every kind, also of those that this program does not know. It is one statement.
func (j *Jobs) Counts(ctx context.Context) ([]Count, error) {
	return store.All(ctx, j.o.DB, func(r store.Row) (c Count, err error) {
		return c, r.Scan(&c.Kind, &c.Waiting, &c.Running, &c.Failed, &c.DueSince)
	}, `SELECT kind, count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'failed'),
		COALESCE(min(run_at) FILTER (WHERE state = 'waiting'), 0) FROM job GROUP BY kind ORDER BY kind`)
}

// Failure is a job that was given up.
type Failure struct {
	ID, Kind string
	Tries    int
	// Why is the key of a fault, or "error", "panic", "timeout", "lost".
	Why              string
	MadeAt, FailedAt int64 // Unix milliseconds
}

// Failed lists the jobs that were given up, the last first, limit at most.
func (j *Jobs) Failed(ctx context.Context, limit int) ([]Failure, error) {
	return store.All(ctx, j.o.DB, func(r store.Row) (f Failure, err error) {
		return f, r.Scan(&f.ID, &f.Kind, &f.Tries, &f.Why, &f.MadeAt, &f.FailedAt)
	}, `SELECT id, kind, tries, last_error, made_at, failed_at FROM job WHERE state = 'failed' ORDER BY failed_at DESC, id LIMIT $1`, limit)
}

// TryAgain has a job that was given up begin anew, with all its tries. It is fault.NotFound "fault.jobs.not_failed" when
// there is none of that id, or not any more.
func (j *Jobs) TryAgain(ctx context.Context, tx *store.Tx, id string) error {
	w, err := takeFailed(ctx, tx, id)
	if err != nil {
		return err
	}
	w.tries, w.lastError, w.runAt = 0, "", store.Millis(j.o.Now())
	return j.enqueue(ctx, tx, w)
}

// Drop forgets a job that was given up. It is fault.NotFound "fault.jobs.not_failed" when there is none of that id, or not
// any more.
func (j *Jobs) Drop(ctx context.Context, tx *store.Tx, id string) error {
	_, err := takeFailed(ctx, tx, id)
	return err
}

func takeFailed(ctx context.Context, tx *store.Tx, id string) (waiting, error) {
	found, err := store.All(ctx, tx, func(r store.Row) (w waiting, err error) { return w, scanWaiting(r, &w) },
		`DELETE FROM job WHERE id = $1 AND state = 'failed' RETURNING `+columns, id)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "fault.jobs.not_failed")
	}
	if err != nil {
		return waiting{}, err
	}
	return found[0], nil
}
