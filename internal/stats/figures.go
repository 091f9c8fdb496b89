package stats

import (
	"context"
	"strings"
	"time"

	"vigie/internal/store"
)

// Query says which figures are asked for.
type Query struct {
	// From is the first day, Until the day after the last, both at midnight.
	From, Until time.Time
	// Channels are those that count; none are all.
	Channels []string
}

// Figures are what was counted in a time.
type Figures struct {
	Query Query
	// Whole is by measure, of all channels together.
	Whole map[Measure]int64
	// Channels is by channel, those that have any.
	Channels map[string]map[Measure]int64
	// Days is by day (20261128), of a time of LongestByDay at most; Months is by month (202611). Hours is by hour of the day, Week by
	// weekday (0 is Monday) and hour: how many entered when.
	Days, Months map[int64]map[Measure]int64
	Hours        [24]map[Measure]int64
	Week         [7][24]int64
	// By is by dimension and code.
	By map[Dim]map[string]int64
	// Wait is from the arrival in line to the first answer, of chat and telephone; Length how long was talked.
	Wait, Length Spread
	// Crossed says that they are read from the contacts that are still there (Crossed); Few that those are too few to be told of.
	Crossed, Few bool
}

// LongestByDay is how many days a time has at most whose figures are told day by day.
const LongestByDay = 200

// NumDays is how many days a time has, whatever their hours.
func (q Query) NumDays() int { return int(q.Until.Sub(q.From).Hours()+12) / 24 }

// single are the dimensions that have one measure.
var single = []Dim{Lang, Closing, Wait, Length, Satisfaction, Category, Who, Age, Gender, Department, Platform, Outcome}

// Figures counts what is due and returns the figures of a time, as of now.
func (s *Stats) Figures(ctx context.Context, q Query) (Figures, error) {
	if err := s.foldSoon(ctx); err != nil {
		return Figures{}, err
	}
	return s.read(ctx, q)
}

type sum struct {
	dim     Dim
	day     int64
	channel string
	code    string
	measure Measure
	n       int64
}

// part is a stretch of days, or of whole months: those of the cells that are read for it, the last not in it.
type part struct{ from, until int64 }

func (p part) months() bool { return p.until < 1_000_000 }

func daysOf(from, until time.Time) part { return part{DayOf(from), DayOf(until)} }

// monthOf is the first day of the month of a day.
func monthOf(day time.Time) time.Time { return day.AddDate(0, 0, 1-day.Day()) }

// monthFrom is the first of a month that a day is, or the next that comes.
func monthFrom(day time.Time) time.Time {
	if day.Day() == 1 {
		return day
	}
	return monthOf(day).AddDate(0, 1, 0)
}

// parts are the days and whole months that a time is made of: the months are read from their own cells, however long the time is.
func (q Query) parts() []part {
	first, last := monthFrom(q.From), monthOf(q.Until)
	if !first.Before(last) {
		return []part{daysOf(q.From, q.Until)}
	}
	var all []part
	if q.From.Before(first) {
		all = append(all, daysOf(q.From, first))
	}
	all = append(all, part{DayOf(first) / 100, DayOf(last) / 100})
	if last.Before(q.Until) {
		all = append(all, daysOf(last, q.Until))
	}
	return all
}

// where is the part of a statement that says which cells: the dimensions, the days or months, the channels.
func (q Query) where(b *store.Builder, p part, dims ...Dim) {
	store.In(b, " FROM stat_cell WHERE dim", dims)
	b.And("day >=", p.from)
	b.And("day <", p.until)
	if len(q.Channels) > 0 {
		store.In(b, " AND channel", q.Channels)
	}
}

// summed is what cells that are grouped come to.
const summed = `CAST(SUM(n) AS BIGINT)`

// cells returns what a statement selects of the cells of a part.
func (s *Stats) cells(ctx context.Context, q Query, p part, columns, group string, dims ...Dim) ([]sum, error) {
	var b store.Builder
	b.Text(`SELECT ` + columns)
	q.where(&b, p, dims...)
	b.Text(group)
	return store.All(ctx, s.db, scanSum, b.SQL(), b.Args()...)
}

func emptyFigures(q Query) Figures {
	f := Figures{Query: q, Whole: map[Measure]int64{}, Channels: map[string]map[Measure]int64{}, Days: map[int64]map[Measure]int64{}, Months: map[int64]map[Measure]int64{}, By: map[Dim]map[string]int64{}}
	for h := range f.Hours {
		f.Hours[h] = map[Measure]int64{}
	}
	return f
}

func (s *Stats) read(ctx context.Context, q Query) (Figures, error) {
	f := emptyFigures(q)
	parts := q.parts()
	whole := parts
	if q.NumDays() <= LongestByDay {
		whole = []part{daysOf(q.From, q.Until)}
	}
	for _, p := range whole {
		all, err := s.cells(ctx, q, p, `dim, day, channel, code, measure, n`, ``, All)
		if err != nil {
			return f, err
		}
		for _, c := range all {
			f.count(c)
		}
	}
	for _, p := range parts {
		dims := append([]Dim{Hour}, single...)
		if p.months() {
			dims = append(dims, Week)
		}
		all, err := s.cells(ctx, q, p, `dim, 0, '', code, measure, `+summed, ` GROUP BY dim, code, measure`, dims...)
		if err == nil && !p.months() {
			var week []sum
			week, err = s.cells(ctx, q, p, `'week', day, '', code, measure, `+summed, ` AND measure = 'entered' GROUP BY day, code, measure`, Hour)
			all = append(all, week...)
		}
		if err != nil {
			return f, err
		}
		for _, c := range all {
			f.count(c)
		}
	}
	f.spread()
	return f, nil
}

// count adds a cell, or a sum of such.
func (f *Figures) count(c sum) {
	switch {
	case c.n == 0:
	case c.dim == All:
		f.Whole[c.measure] += c.n
		plus(f.Channels, c.channel, c.measure, c.n)
		if c.day < 1_000_000 {
			plus(f.Months, c.day, c.measure, c.n)
			return
		}
		f.onDay(c.day, c.measure, c.n)
	case c.dim == Hour:
		f.Hours[hourOf(c.code)][c.measure] += c.n
	case c.dim == Week && c.day > 0:
		f.Week[weekday(c.day)][hourOf(c.code)] += c.n
	case c.dim == Week:
		if day, hour, ok := strings.Cut(c.code, "/"); ok && day >= "1" && day <= "7" {
			f.Week[day[0]-'1'][hourOf(hour)] += c.n
		}
	default:
		plus(f.By, c.dim, c.code, c.n)
	}
}

// onDay adds to a day and its month.
func (f *Figures) onDay(day int64, m Measure, n int64) {
	if f.Query.NumDays() <= LongestByDay {
		plus(f.Days, day, m, n)
	}
	plus(f.Months, day/100, m, n)
}

// spread makes of the buckets what was waited and talked.
func (f *Figures) spread() {
	f.Wait, f.Length = spreadOf(f.By[Wait]), spreadOf(f.By[Length])
	delete(f.By, Wait)
	delete(f.By, Length)
}

func hourOf(code string) int {
	if len(code) != 2 {
		return 0
	}
	return min(23, max(0, int(code[0]-'0')*10+int(code[1]-'0')))
}

func scanSum(r store.Row) (c sum, err error) {
	return c, r.Scan(&c.dim, &c.day, &c.channel, &c.code, &c.measure, &c.n)
}

func plus[K comparable, L comparable](all map[K]map[L]int64, k K, l L, n int64) {
	if all[k] == nil {
		all[k] = map[L]int64{}
	}
	all[k][l] += n
}

// Share is how many of a hundred, rounded; ok is false where there are none to have a share of.
func Share(n, of int64) (percent int64, ok bool) {
	if of <= 0 {
		return 0, false
	}
	return (200*n + of) / (2 * of), true
}

// Waited are those whom somebody could have answered: all that entered by chat or telephone but those who left within five
// seconds, were dissuaded, or wait still. They are what the service level is of.
func (f Figures) Waited() int64 {
	var n int64
	for channel, m := range f.Channels {
		if channel == "chat" || channel == "phone" {
			n += m[Treated] + m[PreTreated] + m[Abandoned]
		}
	}
	return n
}

// ServiceLevel is how many of a hundred that could be answered were so within ServiceWithin.
func (f Figures) ServiceLevel() (percent int64, ok bool) { return Share(f.Whole[InTime], f.Waited()) }

// AnswerRate is how many of a hundred that could be answered were.
func (f Figures) AnswerRate() (percent int64, ok bool) {
	var answered int64
	for channel, m := range f.Channels {
		if channel == "chat" || channel == "phone" {
			answered += m[Treated] + m[PreTreated]
		}
	}
	return Share(answered, f.Waited())
}

// Usual is how many enter by hour on a weekday like this one: the mean of the eight before it that had any.
func (s *Stats) Usual(ctx context.Context, day time.Time) ([24]float64, error) {
	var usual [24]float64
	all, err := s.cells(ctx, Query{}, daysOf(day.AddDate(0, 0, -56), day), `dim, day, '', code, measure, `+summed,
		` AND measure = 'entered' GROUP BY dim, day, code, measure`, Hour)
	if err != nil {
		return usual, err
	}
	days := map[int64]bool{}
	for _, c := range all {
		if DateOf(c.day, time.UTC).Weekday() == day.Weekday() {
			days[c.day] = true
			usual[hourOf(c.code)] += float64(c.n)
		}
	}
	for h := range usual {
		if len(days) > 0 {
			usual[h] /= float64(len(days))
		}
	}
	return usual, nil
}
