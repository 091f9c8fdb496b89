package stats

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// What is published must not let anybody find one child in it, nor work her out from the sums. In each table a count from one to four is
// never written: such counts stand together with what was not said, in one line, Rest. Where that line has fewer than ten, the smallest of
// the other lines joins it. All that is written is rounded to the nearest five, the whole too.
//
// Why that is enough: of a small count somebody knows at most that it is in Rest. Whoever knows the rule and all the table could
// find it only if it had to be what it is; but one more of it and one less of what was not said make the same table, and where
// nothing was left unsaid, one less of the line that joined does. A test looks for the table that gives a small count away.

// Small is the number below which a count is not published; LeastRest is how many the line of the rest has at least.
const (
	Small     = 5
	LeastRest = 10
)

// Rest is the code of the line of what is not told apart, or was not said.
const Rest = "rest"

// Line is a published line: about how many, rounded to the nearest five.
type Line struct {
	Code string `json:"code"`
	N    int64  `json:"n"`
}

// Published is a table to be published.
type Published struct {
	Dim   Dim    `json:"by"`
	Lines []Line `json:"lines"`
	// Withheld says that there are too few for a table.
	Withheld bool `json:"withheld,omitempty"`
}

// round is a count to the nearest five.
func round(n int64) int64 { return (n + 2) / 5 * 5 }

// publish makes a table that gives no small count away. cover are the codes that are always in the rest.
func publish(d Dim, counts map[string]int64, cover ...string) Published {
	var lines []Line
	var rest int64
	hides := false
	for code, n := range counts {
		switch {
		case n <= 0:
		case slices.Contains(cover, code):
			rest += n
		case n < Small:
			rest += n
			hides = true
		default:
			lines = append(lines, Line{code, n})
		}
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
	for (hides || rest > 0) && rest < LeastRest {
		if len(lines) == 0 {
			return Published{Dim: d, Withheld: true}
		}
		rest += lines[len(lines)-1].N
		lines = lines[:len(lines)-1]
	}
	if rest > 0 {
		lines = append(lines, Line{Rest, rest})
	}
	for i := range lines {
		lines[i].N = round(lines[i].N)
	}
	slices.SortFunc(lines, func(a, b Line) int { // by what is published: an order finer than that would say more
		return cmp.Or(isRest(a)-isRest(b), cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code))
	})
	return Published{Dim: d, Lines: lines}
}

func isRest(l Line) int {
	if l.Code == Rest {
		return 1
	}
	return 0
}

// The tables of what is published that are no dimension of their own.
const (
	ByChannel Dim = "channel"
	ByBecame  Dim = "became"
)

// publishedBy are the dimensions that are published.
var publishedBy = []Dim{Category, Who, Age, Gender, Department, Platform, Outcome}

// Report is what may be published of a year.
type Report struct {
	Year int `json:"year"`
	// Entered and Treated are rounded; both are 0, and there is no table, when there are too few.
	Entered int64       `json:"entered"`
	Treated int64       `json:"treated"`
	Tables  []Published `json:"tables"`
}

// Public returns what may be published of a year: whole years only, because two times that overlap would say what is between
// them.
func (s *Stats) Public(ctx context.Context, year int) (Report, error) {
	from := time.Date(year, time.January, 1, 0, 0, 0, 0, s.zone())
	f, err := s.Figures(ctx, Query{From: from, Until: from.AddDate(1, 0, 0)})
	if err != nil {
		return Report{}, err
	}
	return f.report(year), nil
}

func (f Figures) report(year int) Report {
	r := Report{Year: year}
	if f.Whole[Treated] < LeastRest {
		return r
	}
	r.Entered, r.Treated = round(f.Whole[Entered]), round(f.Whole[Treated])
	became := map[string]int64{}
	for _, m := range Measures[1:] {
		became[string(m)] = f.Whole[m]
	}
	r.Tables = append(r.Tables, publish(ByBecame, became, string(Ongoing), string(Dissuaded)))
	entered := map[string]int64{}
	for channel, by := range f.Channels {
		entered[channel] = by[Entered]
	}
	r.Tables = append(r.Tables, publish(ByChannel, entered, "note", "message"))
	for _, d := range publishedBy {
		r.Tables = append(r.Tables, publish(d, f.By[d], Unknown))
	}
	return r
}
