package jobs

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"vigie/internal/store"
)

// waiting is a row that waits.
type waiting struct {
	id, kind, args, key string
	madeAt, runAt       int64
	tries               int
	lastError           string
}

func (w waiting) values() []any {
	return []any{w.id, w.kind, w.args, w.key, w.madeAt, w.runAt, w.tries, w.lastError}
}

// claimed is a row that is being worked: nobody else may end it but who knows the claim.
type claimed struct {
	waiting
	claim string
}

// insertWaiting makes a row wait. Where one of the same key does already they become one: a try that failed brings
// its count and its pause, else the sooner time counts, unless the other is in such a pause.
const insertWaiting = `INSERT INTO job (id, kind, args, state, unique_key, made_at, run_at, tries, last_error)
VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8)
ON CONFLICT (kind, unique_key) WHERE state = 'waiting' AND unique_key <> '' DO UPDATE SET
	run_at = CASE
		WHEN excluded.tries > job.tries THEN excluded.run_at
		WHEN job.tries = 0 AND excluded.run_at < job.run_at THEN excluded.run_at
		ELSE job.run_at END,
	tries = CASE WHEN excluded.tries > job.tries THEN excluded.tries ELSE job.tries END,
	last_error = CASE WHEN excluded.tries > job.tries THEN excluded.last_error ELSE job.last_error END`

// ready is a job that waits and may be worked: none of its key is being worked.
const ready = `state = 'waiting' AND NOT EXISTS (
	SELECT 1 FROM job AS other WHERE other.state = 'running' AND other.unique_key <> '' AND other.kind = job.kind AND other.unique_key = job.unique_key)`

const columns = `id, kind, args, unique_key, made_at, run_at, tries, last_error`

const (
	claimRun = `UPDATE job SET state = 'running', claim = $1, lease_until = $2, tries = tries + 1
WHERE state = 'waiting' AND id = (SELECT id FROM job WHERE ` + ready + ` AND kind = $3 AND run_at <= $4 ORDER BY run_at, id LIMIT 1)
RETURNING ` + columns
	lostRuns  = `SELECT ` + columns + `, claim FROM job WHERE state = 'running' AND lease_until <= $1 AND kind IN `
	deleteRun = `DELETE FROM job WHERE id = $1 AND claim = $2 AND state = 'running' RETURNING id`
	failRun   = `UPDATE job SET state = 'failed', claim = '', lease_until = 0, last_error = $3, failed_at = $4
WHERE id = $1 AND claim = $2 AND state = 'running' RETURNING id`
)

// among is "($from, $from+1, …)" for so many texts, and the texts.
func among(texts []string, from int) (string, []any) {
	marks, args := make([]string, len(texts)), make([]any, len(texts))
	for i, t := range texts {
		marks[i], args[i] = "$"+strconv.Itoa(from+i), t
	}
	return "(" + strings.Join(marks, ", ") + ")", args
}

// event is when something is to be done: a job of that kind may begin, or, where there is none, the lease of a run ends.
type event struct {
	kind string
	at   int64
}

// next returns the job of a free kind that is due first, and the lease that ends first; fewer where there is none. It is
// the one statement of a node that has nothing to do.
func (j *Jobs) next(ctx context.Context, all, free []string) ([]event, error) {
	in, args := among(all, 1)
	query := `SELECT '', lease_until FROM (SELECT lease_until FROM job WHERE state = 'running' AND kind IN ` + in + ` ORDER BY lease_until LIMIT 1) AS leased`
	if len(free) > 0 {
		in, more := among(free, 1+len(all))
		query += ` UNION ALL SELECT kind, run_at FROM (SELECT kind, run_at FROM job WHERE ` + ready + ` AND kind IN ` + in + ` ORDER BY run_at, id LIMIT 1) AS due`
		args = append(args, more...)
	}
	return store.All(ctx, j.o.DB, func(r store.Row) (e event, err error) { return e, r.Scan(&e.kind, &e.at) }, query, args...)
}

// claim takes the job of this kind that is due first; false when there is none, or another node was quicker.
func (j *Jobs) claim(ctx context.Context, kind *kind, now time.Time) (c claimed, ok bool, err error) {
	c.claim = store.NewID()
	ok, err = j.o.DB.Append(ctx, store.Stmt{
		SQL: claimRun, Args: []any{c.claim, store.Millis(now.Add(kind.Timeout + j.o.Grace)), kind.name, store.Millis(now)},
		Scan: func(r store.Row) error { return scanWaiting(r, &c.waiting) }, MustReturn: true,
	})
	if store.IsConflict(err) { // another of its key began in the same moment
		return c, false, nil
	}
	return c, ok, err
}

func scanWaiting(r store.Row, w *waiting) error {
	return r.Scan(&w.id, &w.kind, &w.args, &w.key, &w.madeAt, &w.runAt, &w.tries, &w.lastError)
}

// lost are the runs of these kinds whose lease has ended.
func (j *Jobs) lost(ctx context.Context, all []string, now time.Time) ([]claimed, error) {
	in, kinds := among(all, 2)
	return store.All(ctx, j.o.DB, func(r store.Row) (c claimed, err error) {
		return c, r.Scan(&c.id, &c.kind, &c.args, &c.key, &c.madeAt, &c.runAt, &c.tries, &c.lastError, &c.claim)
	}, lostRuns+in+` ORDER BY lease_until LIMIT 100`, append([]any{store.Millis(now)}, kinds...)...)
}

// errGone says that a run had ended already: its lease was over, and the job is another's.
var errGone = errors.New("jobs: this run was given up, and the job is worked again")

// gone ends a run: its row is deleted.
func (c claimed) gone() store.Stmt {
	return store.Stmt{SQL: deleteRun, Args: []any{c.id, c.claim}, MustReturn: true}
}

// failed ends a run, and its job as one that a person must see.
func (c claimed) failed(code string, now time.Time) store.Stmt {
	return store.Stmt{SQL: failRun, Args: []any{c.id, c.claim, code, store.Millis(now)}, MustReturn: true}
}

// stmt makes the row wait.
func (w waiting) stmt() store.Stmt { return store.Stmt{SQL: insertWaiting, Args: w.values()} }

// end writes the end of a run; errGone when it had ended already.
func (j *Jobs) end(ctx context.Context, unit ...store.Stmt) error {
	ended, err := j.o.DB.Append(ctx, unit...)
	if err == nil && !ended {
		return errGone
	}
	return err
}
