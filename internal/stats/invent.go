package stats

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"vigie/internal/store"
)

// Invented is a contact that never was, for the demonstration's past and for the bench: only counts are made of it.
type Invented struct {
	At             time.Time
	Channel, Lang  string
	Became         Measure
	Waited, Talked time.Duration
	// Codes are by dimension, of a contact that was treated.
	Codes map[Dim]string
}

func (s *Stats) invented(k Invented) line {
	l := s.arrival(store.Millis(k.At), k.Channel, k.Became, k.Lang)
	if isLive(k.Channel) && (k.Became == Treated || k.Became == PreTreated) {
		l.waits(k.Waited)
	}
	if k.Became == Treated {
		l.add(Length, bucket(k.Talked))
	}
	for _, d := range slices.Sorted(maps.Keys(k.Codes)) {
		l.add(d, k.Codes[d])
	}
	return l
}

// Line is what such a contact would be kept as, were it one.
func (s *Stats) Line(k Invented) (day int64, text string) {
	l := s.invented(k)
	return l.day, l.text()
}

// Invent counts contacts that never were, in one transaction.
func (s *Stats) Invent(ctx context.Context, all iter.Seq[Invented]) error {
	by := map[cell]int64{}
	for k := range all {
		for _, one := range s.invented(k).cells() {
			by[one]++
		}
	}
	sorted := make([]cell, 0, len(by))
	for one := range by {
		sorted = append(sorted, one)
	}
	slices.SortFunc(sorted, cell.compare)
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		const rows = 150
		for part := range slices.Chunk(sorted, rows) {
			var b store.Builder
			b.Text(`INSERT INTO stat_cell (dim, day, channel, code, measure, n) VALUES `)
			for _, one := range part {
				b.Row(string(one.Dim), one.Day, one.Channel, one.Code, string(one.Measure), by[one])
			}
			b.Text(` ON CONFLICT (dim, day, channel, code, measure) DO UPDATE SET n = stat_cell.n + excluded.n`)
			if _, err := tx.Exec(ctx, b.SQL(), b.Args()...); err != nil {
				return err
			}
		}
		return nil
	})
}
