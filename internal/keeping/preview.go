package keeping

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/store"
)

// Horizons are how far a preview looks ahead.
var Horizons = [3]time.Duration{7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour}

// Line is what a rule erases, as it stands.
type Line struct {
	Rule catalogue.KeepRule
	// Kept is how many things of its kind there are; Goes how many of them go within each of the Horizons.
	Kept int64
	Goes [3]int64
	// Held is how many would go within the last of the Horizons and are kept, by the code of what keeps them.
	Held map[string]int64
}

// Preview says what durations erase, whether they are published or somebody's draft. It changes nothing.
func (k *Keeping) Preview(ctx context.Context, rules *catalogue.Keeping) ([]Line, error) {
	var all []Line
	for _, kind := range k.kinds {
		l := Line{Rule: rule(rules, kind.Rule), Held: map[string]int64{}}
		if err := k.line(ctx, kind, rules.Before(), &l); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (k *Keeping) line(ctx context.Context, kind Kind, notice time.Duration, l *Line) error {
	lasts, ends := l.Rule.Lasts()
	now := k.now()
	args := []any{kind.Rule, store.Millis(now)}
	var goes [3]string
	for i, ahead := range Horizons {
		// It goes when its duration is over, and no sooner than it has been shown for long enough.
		args = append(args, store.Millis(now.Add(ahead-lasts)), store.Millis(now.Add(ahead-notice)))
		a, b := 3+2*i, 4+2*i
		goes[i] = `CAST(coalesce(sum(CASE WHEN s.since <= ` + place(a) + ` AND coalesce(d.shown_since, CAST($2 AS BIGINT)) <= ` + place(b) + ` THEN 1 ELSE 0 END), 0) AS BIGINT)`
	}
	type row struct {
		held    string
		n, last int64
		goes    [3]int64
	}
	rows, err := store.All(ctx, k.db, func(r store.Row) (x row, err error) {
		return x, r.Scan(&x.held, &x.n, &x.last, &x.goes[0], &x.goes[1], &x.goes[2])
	}, `SELECT s.held, count(*), CAST(coalesce(sum(CASE WHEN s.since <= $7 THEN 1 ELSE 0 END), 0) AS BIGINT), `+goes[0]+`, `+goes[1]+`, `+goes[2]+`
		FROM `+k.standing(kind)+` s LEFT JOIN keeping_due d ON d.rule = $1 AND d.object_id = s.id GROUP BY s.held`, args...)
	if err != nil {
		return err
	}
	for _, x := range rows {
		l.Kept += x.n
		switch {
		case !ends:
		case x.held != "" && x.last > 0:
			l.Held[x.held] = x.last
		case x.held == "":
			l.Goes = x.goes
		}
	}
	return nil
}

func place(n int) string { return "$" + string(rune('0'+n)) }

// Thing is something that is on its way out. Times are Unix milliseconds.
type Thing struct {
	Rule, ID string
	// Name is what people call it by, "" for what has only an id.
	Name string
	// Held is the code of what keeps it, and At is 0 then; else At is the day on which it goes.
	Held string
	At   int64
}

// Next are the things that go within some time by these durations, the first ones first, and those that are kept although their
// time is over; so many at most of each rule.
func (k *Keeping) Next(ctx context.Context, rules *catalogue.Keeping, within time.Duration, each int) ([]Thing, error) {
	now, notice := k.now(), rules.Before()
	var all []Thing
	for _, kind := range k.kinds {
		lasts, ends := rule(rules, kind.Rule).Lasts()
		if !ends {
			continue
		}
		things, err := store.All(ctx, k.db, func(r store.Row) (t Thing, err error) {
			var since, shown int64
			err = r.Scan(&t.ID, &t.Name, &t.Held, &since, &shown)
			t.Rule = kind.Rule
			if t.Held == "" {
				t.At = max(store.Millis(store.Time(since).Add(lasts)), store.Millis(store.Time(shown).Add(notice)))
			}
			return t, err
		}, `SELECT s.id, s.name, s.held, s.since, coalesce(d.shown_since, CAST($2 AS BIGINT)) FROM `+k.standing(kind)+` s
			LEFT JOIN keeping_due d ON d.rule = $1 AND d.object_id = s.id WHERE s.since <= $3 ORDER BY s.since, s.id LIMIT $4`,
			kind.Rule, store.Millis(now), store.Millis(now.Add(within-lasts)), each)
		if err != nil {
			return nil, err
		}
		all = append(all, things...)
	}
	slices.SortStableFunc(all, func(a, b Thing) int { return cmp.Compare(a.At, b.At) })
	return all, nil
}
