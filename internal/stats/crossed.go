package stats

import (
	"context"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// What is crossed is read from the contacts that are still there, since cells cross nothing: what was said of girls of a département, on
// one platform. It takes seconds where cells take milliseconds, and says less the older the time is, because contacts are erased and
// their lines with them. It is of whole months, tells no day and no hour, and of fewer than a few contacts nothing: so it says no more than
// a file does (file.go), whose right it takes; and who asked for what is in the log.

// Crossable are the dimensions by which contacts can be chosen.
var Crossable = []Dim{Category, Who, Age, Gender, Department, Platform, Outcome, Lang, Satisfaction}

const (
	// LeastCrossed is how many contacts figures that are crossed are of, at least: below, they would tell what became of one child.
	LeastCrossed = 5
	// mostWaiting is how many may want figures crossed at a time, on a node.
	mostWaiting = 4
)

// WholeMonths is the time of all months that a query touches.
func (q Query) WholeMonths() Query {
	q.From, q.Until = monthOf(q.From), monthFrom(q.Until)
	return q
}

// MonthsOver is the time of all months that a query touches and that are over; false where there is none.
func (q Query) MonthsOver(now time.Time) (Query, bool) {
	q = q.WholeMonths()
	y, m, _ := now.In(q.Until.Location()).Date()
	if begun := time.Date(y, m, 1, 0, 0, 0, 0, q.Until.Location()); q.Until.After(begun) {
		q.Until = begun
	}
	return q, q.From.Before(q.Until)
}

// Crossed are the figures of the contacts of whole months of which all that is chosen was said: of each dimension one of its codes. They have
// no days, hours or weekdays. tell, unless nil, hears how much of the work is done, first 0. A node does this for one at a time, so that
// the desk does not feel it; others wait. Of fewer than LeastCrossed contacts there are no figures, and Few says so. It returns fault.TooMany
// "fault.stats.busy" where several wait already.
func (s *Stats) Crossed(ctx context.Context, q Query, chosen []Said, by audit.Actor, tell func(done, of int)) (Figures, error) {
	if tell == nil {
		tell = func(int, int) {}
	}
	q = q.WholeMonths()
	pieces := q.pieces()
	tell(0, len(pieces))
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > mostWaiting {
		return Figures{}, fault.New(fault.TooMany, "fault.stats.busy")
	}
	select {
	case s.crossing <- struct{}{}:
		defer func() { <-s.crossing }()
	case <-ctx.Done():
		return Figures{}, ctx.Err()
	}
	if err := s.recordCrossing(ctx, q, chosen, by); err != nil {
		return Figures{}, err
	}
	if err := s.foldSoon(ctx); err != nil {
		return Figures{}, err
	}
	f := emptyFigures(q)
	f.Crossed = true
	for i, p := range pieces {
		lines, err := s.lines(ctx, q, p, chosen)
		if err != nil {
			return f, err
		}
		for _, l := range lines {
			f.countLine(l)
		}
		tell(i+1, len(pieces))
	}
	if f.Whole[Entered] < LeastCrossed {
		f = emptyFigures(q)
		f.Crossed, f.Few = true, true
	}
	f.Days, f.Hours, f.Week = nil, [24]map[Measure]int64{}, [7][24]int64{}
	f.spread()
	return f, nil
}

// recordCrossing writes to the log what is crossed: codes of lists, and the months.
func (s *Stats) recordCrossing(ctx context.Context, q Query, chosen []Said, by audit.Actor) error {
	detail := map[string]string{"from": q.From.Format("2006-01"), "until": q.Until.Format("2006-01")}
	for _, c := range chosen {
		detail[string(c.Dim)] = string(c.Dim) + "." + c.Code // "department.2a": a code begins with a letter
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "stats.cross", Object: "figures", Detail: detail})
	})
}

// pieces are the days of a time, a month at a time.
func (q Query) pieces() []part {
	var all []part
	for at := q.From; at.Before(q.Until); {
		next := monthOf(at).AddDate(0, 1, 0)
		if next.After(q.Until) {
			next = q.Until
		}
		all, at = append(all, daysOf(at, next)), next
	}
	return all
}

// keptLine is a line as it is kept.
type keptLine struct {
	day  int64
	text string
}

// lines are those of a part of which all that is chosen was said, in the order of their days.
func (s *Stats) lines(ctx context.Context, q Query, p part, chosen []Said) ([]keptLine, error) {
	var b store.Builder
	b.Text(`SELECT day, line`)
	q.whereLine(&b, p, chosen)
	b.Text(` ORDER BY day`)
	return store.All(ctx, s.db, func(r store.Row) (l keptLine, err error) { return l, r.Scan(&l.day, &l.text) }, b.SQL(), b.Args()...)
}

func (s *Stats) numLines(ctx context.Context, q Query, p part, chosen []Said) (int64, error) {
	var b store.Builder
	b.Text(`SELECT count(*)`)
	q.whereLine(&b, p, chosen)
	return store.One(ctx, s.db, scanInt, b.SQL(), b.Args()...)
}

// whereLine is the part of a statement that says which lines: the days, the channels, and of each dimension that is chosen one of its codes.
func (q Query) whereLine(b *store.Builder, p part, chosen []Said) {
	for _, c := range q.Channels {
		chosen = append(chosen[:len(chosen):len(chosen)], Said{Channel, c})
	}
	var order []Dim
	codes := map[Dim][]string{}
	for _, c := range chosen {
		if codes[c.Dim] == nil {
			order = append(order, c.Dim)
		}
		codes[c.Dim] = append(codes[c.Dim], c.Code)
	}
	b.Text(` FROM stat_counted WHERE line <> ';'`)
	b.And("day >=", p.from)
	b.And("day <", p.until)
	for _, d := range order {
		b.Text(` AND (FALSE`)
		for _, code := range codes[d] {
			b.Text(` OR line LIKE `)
			b.Arg(`%;` + likely.Replace(string(d)+`=`+code) + `;%`)
			b.Text(` ESCAPE '\'`)
		}
		b.Text(`)`)
	}
}

// likely takes its meaning from what LIKE would read as a pattern.
var likely = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// countLine adds a contact.
func (f *Figures) countLine(l keptLine) {
	channel, became, hour, soon := "", Measure(""), 0, false
	for d, code := range saidIn(l.text) {
		switch d {
		case Channel:
			channel = code
		case Became:
			became = Measure(code)
		case Hour:
			hour = hourOf(code)
		case inTime:
			soon = true
		default:
			plus(f.By, d, code, 1)
		}
	}
	measures := [3]Measure{Entered, became, InTime}
	n := 2
	if soon {
		n = 3
	}
	for _, m := range measures[:n] {
		f.Whole[m]++
		plus(f.Channels, channel, m, 1)
		f.onDay(l.day, m, 1)
		f.Hours[hour][m]++
	}
	f.Week[weekday(l.day)][hour]++
}
