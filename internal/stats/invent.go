package stats

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/contact"
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

// Invent counts contacts that never were, in one transaction.
func (s *Stats) Invent(ctx context.Context, all iter.Seq[Invented]) error {
	by := map[cell]int64{}
	c := cells{}
	for k := range all {
		at := k.At.In(s.zone())
		c.day, c.channel, c.all = DayOf(at), k.Channel, c.all[:0]
		hour := at.Format("15")
		measures := []Measure{Entered, k.Became}
		answered := k.Became == Treated || k.Became == PreTreated
		if live := k.Channel == contact.ChannelChat || k.Channel == contact.ChannelPhone; live && answered {
			c.add(Wait, bucket(k.Waited), N)
			if k.Waited <= ServiceWithin {
				measures = append(measures, InTime)
			}
		}
		for _, m := range measures {
			c.add(All, "", m)
			c.add(Hour, hour, m)
		}
		c.add(Lang, k.Lang, N)
		if k.Became == Treated {
			c.add(Length, bucket(k.Talked), N)
		}
		for d, code := range k.Codes {
			c.add(d, code, N)
		}
		if category := k.Codes[Category]; category != "" {
			c.add(CategoryGender, category+"/"+k.Codes[Gender], N)
			c.add(CategoryAge, category+"/"+k.Codes[Age], N)
		}
		for _, one := range c.all {
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
			var b strings.Builder
			var args []any
			b.WriteString(`INSERT INTO stat_cell (dim, day, channel, code, measure, n) VALUES `)
			for i, one := range part {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteByte('(')
				for k, v := range []any{string(one.Dim), one.Day, one.Channel, one.Code, string(one.Measure), by[one]} {
					if k > 0 {
						b.WriteByte(',')
					}
					args = append(args, v)
					b.WriteString("$" + strconv.Itoa(len(args)))
				}
				b.WriteByte(')')
			}
			b.WriteString(` ON CONFLICT (dim, day, channel, code, measure) DO UPDATE SET n = stat_cell.n + excluded.n`)
			if _, err := tx.Exec(ctx, b.String(), args...); err != nil {
				return err
			}
		}
		return nil
	})
}
