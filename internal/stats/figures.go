package stats

import (
	"context"
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
	// Days is by day (20261128), Hours by hour of the day, Week by weekday (0 is Monday) and hour: how many entered when.
	Days  map[int64]map[Measure]int64
	Hours [24]map[Measure]int64
	Week  [7][24]int64
	// By is by dimension and code.
	By map[Dim]map[string]int64
	// Wait is from the arrival in line to the first answer, of chat and telephone; Length how long was talked.
	Wait, Length Spread
}

// single are the dimensions that are counted by the day and have one measure.
var single = []Dim{Lang, Closing, Wait, Length, Satisfaction, Category, Who, Age, Gender, Department, Platform, Outcome}

// Figures counts what is due and returns the figures of a time, as of now.
func (s *Stats) Figures(ctx context.Context, q Query) (Figures, error) {
	if err := s.Fold(ctx); err != nil {
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

// where is the part of a query that says which cells: the dimensions, the days, the channels.
func (q Query) where(b *store.Builder, dims ...Dim) {
	store.In(b, " FROM stat_cell WHERE dim", dims)
	b.And("day >=", DayOf(q.From))
	b.And("day <", DayOf(q.Until))
	if len(q.Channels) > 0 {
		store.In(b, " AND channel", q.Channels)
	}
}

func (s *Stats) read(ctx context.Context, q Query) (Figures, error) {
	f := Figures{Query: q, Whole: map[Measure]int64{}, Channels: map[string]map[Measure]int64{}, Days: map[int64]map[Measure]int64{}, By: map[Dim]map[string]int64{}}
	for h := range f.Hours {
		f.Hours[h] = map[Measure]int64{}
	}
	var b store.Builder
	b.Text(`SELECT dim, day, channel, code, measure, n`)
	q.where(&b, All, Hour)
	all, err := store.All(ctx, s.db, scanSum, b.SQL(), b.Args()...)
	if err != nil {
		return f, err
	}
	for _, c := range all {
		if c.dim == Hour {
			h := hourOf(c.code)
			f.Hours[h][c.measure] += c.n
			if c.measure == Entered {
				weekday := (int(DateOf(c.day, time.UTC).Weekday()) + 6) % 7
				f.Week[weekday][h] += c.n
			}
			continue
		}
		f.Whole[c.measure] += c.n
		plus(f.Channels, c.channel, c.measure, c.n)
		plus(f.Days, c.day, c.measure, c.n)
	}
	var g store.Builder
	g.Text(`SELECT dim, 0, '', code, measure, CAST(SUM(n) AS BIGINT)`)
	q.where(&g, single...)
	g.Text(` GROUP BY dim, code, measure`)
	if all, err = store.All(ctx, s.db, scanSum, g.SQL(), g.Args()...); err != nil {
		return f, err
	}
	for _, c := range all {
		if c.n != 0 {
			plus(f.By, c.dim, c.code, c.n)
		}
	}
	f.Wait, f.Length = spreadOf(f.By[Wait]), spreadOf(f.By[Length])
	delete(f.By, Wait)
	delete(f.By, Length)
	return f, nil
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
	var b store.Builder
	b.Text(`SELECT dim, day, '', code, measure, CAST(SUM(n) AS BIGINT)`)
	Query{From: day.AddDate(0, 0, -56), Until: day}.where(&b, Hour)
	b.And("measure =", string(Entered))
	b.Text(` GROUP BY dim, day, code, measure`)
	all, err := store.All(ctx, s.db, scanSum, b.SQL(), b.Args()...)
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
