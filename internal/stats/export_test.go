package stats

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"vigie/internal/store"
)

// Cell is a cell, for the tests.
type Cell = cell

// CountedAs is what a contact counts as, with its id.
type CountedAs struct {
	ID string
	line
}

// Cells are those of a line.
func (l CountedAs) Cells() []Cell { return l.cells() }

// Anew is what a contact counts as, made of the contact as it stands and of its way alone.
func (s *Stats) Anew(ctx context.Context, id string) (CountedAs, error) {
	l := CountedAs{ID: id}
	ways, err := store.All(ctx, s.db, func(r store.Row) (w course, err error) { return w, r.Scan(&w.talked, &w.goneAt) },
		`SELECT talked, gone_at FROM stat_counted WHERE contact_id = $1 UNION ALL SELECT talked, gone_at FROM stat_due WHERE contact_id = $1`, id)
	if err != nil {
		return l, err
	}
	var way course
	for _, w := range ways {
		way.talked += w.talked
		way.goneAt = max(way.goneAt, w.goneAt)
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := s.contacts.GetWithin(ctx, tx, id)
		if err == nil {
			l.line, err = s.line(ctx, tx, ct, way, line{})
		}
		return err
	})
	return l, err
}

// AllCells are all that is counted.
func (s *Stats) AllCells(ctx context.Context) (map[Cell]int64, error) {
	all, err := store.All(ctx, s.db, scanSum, `SELECT dim, day, channel, code, measure, n FROM stat_cell`)
	cells := map[Cell]int64{}
	for _, c := range all {
		cells[Cell{c.dim, c.day, c.channel, c.code, c.measure}] = c.n
	}
	return cells, err
}

// Choose are the lines of which all that is chosen was said.
func Choose(lines []CountedAs, chosen []Said) []CountedAs {
	var some []CountedAs
	for _, l := range lines {
		fits := true
		for _, c := range chosen {
			fits = fits && slices.ContainsFunc(chosen, func(o Said) bool { return o.Dim == c.Dim && slices.Contains(l.said, o) })
		}
		if fits {
			some = append(some, l)
		}
	}
	return some
}

// Added are the figures that lines add up to, one by one.
func Added(q Query, lines []CountedAs) Figures {
	f := emptyFigures(q)
	whole := daysOf(q.From, q.Until)
	for _, l := range lines {
		if l.day >= whole.from && l.day < whole.until && (len(q.Channels) == 0 || slices.Contains(q.Channels, l.get(Channel))) {
			f.countLine(keptLine{l.day, l.text()})
		}
	}
	f.spread()
	return f
}

// AsCells is a line as an older version kept it: the cells of its day, those that are crossed on the first of its month.
func AsCells(day int64, text string) string {
	var all []cell
	for _, c := range lineOf(day, text).cells() {
		switch {
		case c.Dim == CategoryGender || c.Dim == CategoryAge:
			c.Day = c.Day*100 + 1
		case c.Day < 1_000_000:
			continue
		}
		all = append(all, c)
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Sorted is a line in one order, whatever its own.
func Sorted(text string) string {
	parts := strings.Split(text, ";")
	slices.Sort(parts)
	return strings.Join(parts, ";")
}
