package keeping

import (
	"context"
	"errors"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
)

type roundArgs struct{}

const (
	// every is how often the durations are gone through.
	every = 24 * time.Hour
	// batch is how many are read at once, and most how many go in one round; the next one follows at once where there are more.
	batch = 50
	most  = 2000
)

// Begin promises a round of all durations, now; each promises the next. Every node calls it when it starts, and whoever publishes
// other durations.
func (k *Keeping) Begin(ctx context.Context) error {
	return k.db.Tx(ctx, func(tx *store.Tx) error {
		return k.rounds.Enqueue(ctx, tx, roundArgs{}, jobs.Unique(jobs.Code("daily")))
	})
}

func (k *Keeping) goRound(ctx context.Context, _ jobs.Job[roundArgs]) error {
	more, err := k.Round(ctx)
	if err != nil {
		return err
	}
	if more {
		return jobs.Again(k.now())
	}
	return jobs.Again(k.now().Add(every))
}

// Round brings the preview up to date and erases what has stood on it for its time; more says that there was more than one round
// may do. What cannot be erased is left for the next, and said in the server's log. Any number of nodes may do it at once.
func (k *Keeping) Round(ctx context.Context) (more bool, err error) {
	if err := k.overdue(ctx); err != nil {
		return false, err
	}
	if err := k.leftFiles(ctx); err != nil {
		return false, err
	}
	rules := k.rules()
	for _, kind := range k.kinds {
		rule, ok := rules.ByCode(kind.Rule)
		if lasts, ends := rule.Lasts(); ok && ends && k.decided() {
			d := due{k, kind, lasts, rules.Before()}
			if err := d.show(ctx); err != nil {
				return more, err
			}
			full, err := d.erase(ctx)
			if err != nil {
				return more, err
			}
			more = more || full
			continue
		}
		if _, err := k.db.Exec(ctx, `DELETE FROM keeping_due WHERE rule = $1`, kind.Rule); err != nil {
			return more, err
		}
	}
	if more {
		return true, nil
	}
	_, err = k.db.Exec(ctx, `INSERT INTO keeping_round (one, ran_at) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET ran_at = $1`, store.Millis(k.now()))
	return false, err
}

// due is a kind with its duration.
type due struct {
	*Keeping
	kind          Kind
	lasts, notice time.Duration
}

// ended is the latest moment that a duration which is over at t began.
func (d due) ended(t time.Time) int64 { return store.Millis(t.Add(-d.lasts)) }

// show puts on the preview what is due soon, takes off what is no longer, and has what is held begin anew.
func (d due) show(ctx context.Context) error {
	now, soon, standing := store.Millis(d.now()), d.ended(d.now().Add(d.notice)), d.standing(d.kind)
	return d.db.Tx(ctx, func(tx *store.Tx) error {
		for _, s := range []store.Stmt{
			{SQL: `INSERT INTO keeping_due (rule, object_id, shown_since) SELECT CAST($1 AS TEXT), s.id, CAST($2 AS BIGINT) FROM ` + standing + ` s WHERE s.since <= $3
				ON CONFLICT (rule, object_id) DO NOTHING`, Args: []any{d.kind.Rule, now, soon}},
			{SQL: `DELETE FROM keeping_due WHERE rule = $1 AND object_id NOT IN (SELECT s.id FROM ` + standing + ` s WHERE s.since <= $2)`, Args: []any{d.kind.Rule, soon}},
			{SQL: `UPDATE keeping_due SET shown_since = $2 WHERE rule = $1 AND object_id IN (SELECT s.id FROM ` + standing + ` s WHERE s.since <= $3 AND s.held <> '')`, Args: []any{d.kind.Rule, now, soon}},
		} {
			if _, err := tx.Exec(ctx, s.SQL, s.Args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// erase erases what has been shown for long enough; full says that there was more than a round may do.
func (d due) erase(ctx context.Context) (full bool, err error) {
	after := ""
	for n := 0; n < most; n += batch {
		ids, err := store.All(ctx, d.db, scanText, `SELECT d.object_id FROM keeping_due d JOIN `+d.standing(d.kind)+` s ON s.id = d.object_id
			WHERE d.rule = $1 AND d.shown_since <= $2 AND s.since <= $3 AND s.held = '' AND d.object_id > $4 ORDER BY d.object_id LIMIT $5`,
			d.kind.Rule, d.shownBefore(), d.ended(d.now()), after, batch)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			err := d.erases(ctx, d.leaves(id), func(within func(context.Context, *store.Tx) error) error {
				return d.kind.Erase(ctx, id, contact.SystemActor, within)
			})
			if err != nil && !errors.Is(err, errNotDue) {
				if ctx.Err() != nil {
					return false, err
				}
				d.slog.Warn("keeping: something is not erased and waits for the next round", "rule", d.kind.Rule, "id", id, "why", code(err))
			}
			after = id
		}
		if len(ids) < batch {
			return false, nil
		}
	}
	return true, nil
}

func (d due) shownBefore() int64 { return store.Millis(d.now().Add(-d.notice)) }

// errNotDue says that something is no longer to be erased: somebody was faster, or needs it.
var errNotDue = errors.New("keeping: it is no longer due")

// leaves takes a thing off the preview and counts it, within the transaction that erases it and once it is sure that
// nothing has changed.
func (d due) leaves(id string) func(context.Context, *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		still, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM `+d.standing(d.kind)+` s WHERE s.id = $1 AND s.since <= $2 AND s.held = ''`, id, d.ended(d.now()))
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `DELETE FROM keeping_due WHERE rule = $1 AND object_id = $2 AND shown_since <= $3`, d.kind.Rule, id, d.shownBefore())
		if err != nil {
			return err
		}
		if still == 0 || n == 0 {
			return errNotDue
		}
		return d.count(ctx, tx, d.kind.Rule)
	}
}

// code is what the log says of a failure: the key of a fault, which says nothing of anybody.
func code(err error) string {
	if f := fault.As(err); f != nil {
		return f.Key
	}
	return "error"
}

// RanAt is when the durations were last gone through to the end; zero for never.
func (k *Keeping) RanAt(ctx context.Context) (time.Time, error) {
	at, err := store.One(ctx, k.db, scanInt, `SELECT ran_at FROM keeping_round`)
	if errors.Is(err, store.ErrNoRow) {
		return time.Time{}, nil
	}
	return store.Time(at), err
}

// Done is how many things of a rule were erased in a month ("2026-11").
type Done struct {
	Rule, Month string
	Erased      int64
}

// Done returns what was erased, the newest month first.
func (k *Keeping) Done(ctx context.Context) ([]Done, error) {
	return store.All(ctx, k.db, func(r store.Row) (d Done, err error) { return d, r.Scan(&d.Rule, &d.Month, &d.Erased) },
		`SELECT rule, month, erased FROM keeping_done ORDER BY month DESC, rule LIMIT 200`)
}

// ByPerson is the rule under which those are counted who asked with their four words.
const ByPerson = "person"

// rule is the duration of a kind, for a page.
func rule(rules *catalogue.Keeping, code string) catalogue.KeepRule {
	r, ok := rules.ByCode(code)
	if !ok { // a document that is older than the kind keeps all of it
		r = catalogue.KeepRule{Code: code, Unlimited: true}
	}
	return r
}
