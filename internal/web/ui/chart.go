package ui

import (
	"strconv"
	"strings"
)

// A chart is a drawing, a key that tells its parts by shape as well as by colour, and the numbers behind it in a table that opens under it.
// The drawing stretches to its column (its words are beside it, so that they stay legible at 320 px); nothing in it needs a
// script or a style.

// Series are the values of one kind, in the order of the chart's labels.
type Series struct {
	Label  string
	Values []int64
}

// ChartProps is a chart of series over the same labels.
type ChartProps struct {
	ID, Title string
	// Says tells in a sentence what is to be seen: whoever cannot see it hears this.
	Says   string
	Labels []string
	Series []Series
	// Numbers is the table behind the drawing.
	Numbers TableProps
}

const (
	chartHigh = 100 // units of height
	chartStep = 10  // units of width to a label
)

func (c ChartProps) wide() string { return strconv.Itoa(chartStep * max(1, len(c.Labels))) }

func (c ChartProps) viewBox() string { return "0 0 " + c.wide() + " " + strconv.Itoa(chartHigh) }

// top is the end of the scale: the least round number that holds all, stacked or not.
func (c ChartProps) top(stacked bool) int64 {
	var most int64 = 1
	for i := range c.Labels {
		var sum int64
		for _, s := range c.Series {
			if i >= len(s.Values) {
				continue
			}
			if stacked {
				sum += s.Values[i]
			} else {
				sum = max(sum, s.Values[i])
			}
		}
		most = max(most, sum)
	}
	for step := int64(1); ; step *= 10 {
		for _, by := range []int64{1, 2, 4, 5, 8} {
			if top := by * step; top >= most && (top == 1 || top%2 == 0 || step >= 10) {
				return top
			}
		}
	}
}

// bar is one rectangle of a column.
type bar struct {
	kind       int
	x, y, w, h string
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

func (c ChartProps) bars() []bar {
	var all []bar
	top := float64(c.top(true))
	for i := range c.Labels {
		y := float64(chartHigh)
		for k, s := range c.Series {
			if i >= len(s.Values) || s.Values[i] <= 0 {
				continue
			}
			high := float64(s.Values[i]) / top * chartHigh
			y -= high
			all = append(all, bar{k, number(float64(i*chartStep) + 1), number(y), number(chartStep - 2), number(high)})
		}
	}
	return all
}

func (c ChartProps) points(s Series) string {
	var b strings.Builder
	top := float64(c.top(false))
	for i, v := range s.Values {
		if i >= len(c.Labels) {
			break
		}
		b.WriteString(number(float64(i*chartStep)+chartStep/2) + "," + number(chartHigh-float64(v)/top*chartHigh) + " ")
	}
	return strings.TrimSpace(b.String())
}

// ends are the labels under a drawing: the first, the middle and the last.
func (c ChartProps) ends() []string {
	switch n := len(c.Labels); {
	case n <= 3:
		return c.Labels
	default:
		return []string{c.Labels[0], c.Labels[n/2], c.Labels[n-1]}
	}
}

// BarRow is a line of a table of bars.
type BarRow struct {
	Label string
	N     int64
	// Cells are what stands after the bar, in the order of the columns.
	Cells []string
}

// BarsProps is a table whose first number is drawn beside it.
type BarsProps struct {
	Caption string
	// Columns are the heads: of the labels, then of the cells.
	Columns []string
	Rows    []BarRow
}

// shown are the lines that stand open.
func (b BarsProps) shown() []BarRow {
	const most, first = 12, 10
	if len(b.Rows) <= most {
		return b.Rows
	}
	return b.Rows[:first]
}

func (b BarsProps) most() int64 {
	var most int64 = 1
	for _, r := range b.Rows {
		most = max(most, r.N)
	}
	return most
}

func (b BarsProps) share(n int64) string { return number(float64(n) / float64(b.most()) * 100) }

// HeatProps is a table of numbers whose depth is drawn: days by hours.
type HeatProps struct {
	Caption, Corner string
	Columns         []string
	Rows            []HeatRow
}

// HeatRow is a line of it.
type HeatRow struct {
	Label  string
	Values []int64
}

// depth is one of six shades: 0 is nothing, 5 the most there is.
func (h HeatProps) depth(n int64) string {
	var most int64 = 1
	for _, r := range h.Rows {
		for _, v := range r.Values {
			most = max(most, v)
		}
	}
	if n <= 0 {
		return "heat-0"
	}
	return "heat-" + strconv.FormatInt(min(5, 1+(n-1)*5/most), 10)
}

// TileProps is one number that counts.
type TileProps struct {
	Label, Value string
	// Note says what it is of, or how it was before.
	Note string
	// Trend is "up", "down" or "" for neither; it says nothing of good or bad.
	Trend string
}
