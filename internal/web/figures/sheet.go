package figures

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/stats"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// sheet is a table as it leaves the house in any form. The first column names the row.
type sheet struct {
	code, title string
	columns     []column
	rows        []row
	// parts of it are shares of the whole, or how it was before.
	chart string // "columns", "bars", "heat", or "" for a plain table
}

type column struct {
	code, label string
	number      bool
}

// row is a name and the values after it. code is what the name stands for.
type row struct {
	code, label string
	values      []value
}

// value is a number, or words where there is none.
type value struct {
	n     int64
	text  string // how it is said, when not as the number
	blank bool
}

func num(n int64) value { return value{n: n} }

func (x value) in(say *i18n.Printer) string {
	switch {
	case x.blank:
		return "–"
	case x.text != "":
		return x.text
	}
	return say.Number(x.n)
}

func (v view) names(keys ...string) []column {
	all := make([]column, len(keys))
	for i, k := range keys {
		all[i] = column{code: k, label: v.say.T("stats." + k), number: i > 0}
	}
	return all
}

// sheets are all of the page, in its order.
func (f *Room) sheets(v view) []sheet {
	all := []sheet{v.summary(), v.times(), f.trendSheet(v)}
	if v.now.Crossed {
		all = append([]sheet{v.question()}, all...)
	} else {
		all = append(all, v.hours(), v.week())
	}
	all = append(all, f.byChannel(v))
	for _, d := range []stats.Dim{stats.Category, stats.Who, stats.Age, stats.Gender, stats.Department, stats.Platform, stats.Outcome, stats.Closing, stats.Lang, stats.Satisfaction} {
		all = append(all, f.by(v, d))
	}
	return all
}

// question says in a file of which contacts figures that are crossed are; the page says it above.
func (v view) question() sheet {
	s := sheet{code: "question", title: v.say.T("stats.question"), chart: "none", columns: v.names("what", "counted")}
	for _, c := range v.crossings {
		if c.chosen != "" {
			s.rows = append(s.rows, row{code: string(c.dim), label: v.say.T("stats.chosen", "what", c.label, "answer", c.chosen), values: []value{{blank: true}}})
		}
	}
	if v.asked.channel != "" {
		s.rows = append(s.rows, row{code: "channel", label: v.say.T("stats.chosen", "what", v.say.T("stats.channel"), "answer", v.say.T("stats.channel."+v.asked.channel)), values: []value{{blank: true}}})
	}
	s.rows = append(s.rows, row{code: "entered", label: v.span, values: []value{num(v.now.Whole[stats.Entered])}})
	return s
}

func (v view) summary() sheet {
	s := sheet{code: "summary", title: v.say.T("stats.summary"), columns: v.names("measure", "now")}
	if v.compared {
		s.columns = append(s.columns, v.names("", "then", "change")[1:]...)
	}
	add := func(key string, now, then value, comparable bool) {
		r := row{code: key, label: v.say.T("stats." + key), values: []value{now}}
		if v.compared {
			change := value{blank: true}
			if comparable && then.n > 0 {
				p := ((now.n-then.n)*200 + then.n*sign(now.n-then.n)) / (2 * then.n)
				change = value{n: p, text: v.say.T("stats.percent_change", "n", signed(p))}
			}
			r.values = append(r.values, then, change)
		}
		s.rows = append(s.rows, r)
	}
	for _, m := range stats.Measures {
		add(string(m), num(v.now.Whole[m]), num(v.then.Whole[m]), true)
	}
	share := func(n int64, ok bool) value {
		if !ok {
			return value{blank: true}
		}
		return value{n: n, text: v.percent(n)}
	}
	add("answer_rate", share(v.now.AnswerRate()), share(v.then.AnswerRate()), false)
	add("service_level", share(v.now.ServiceLevel()), share(v.then.ServiceLevel()), false)
	return s
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}

func signed(n int64) string {
	if n > 0 {
		return "+" + strconv.FormatInt(n, 10)
	}
	if n < 0 {
		return "−" + strconv.FormatInt(-n, 10)
	}
	return "0"
}

// times are the percentiles, in seconds.
func (v view) times() sheet {
	s := sheet{code: "times", title: v.say.T("stats.times"), columns: v.names("what", "counted", "p50", "p80", "p90", "p95")}
	for _, t := range []struct {
		key string
		of  stats.Spread
	}{{"wait", v.now.Wait}, {"length", v.now.Length}} {
		r := row{code: t.key, label: v.say.T("stats." + t.key), values: []value{num(t.of.N)}}
		for _, p := range []int64{50, 80, 90, 95} {
			r.values = append(r.values, value{n: int64(t.of.At(p) / time.Second), text: v.say.Short(t.of.At(p)), blank: t.of.N == 0})
		}
		s.rows = append(s.rows, r)
	}
	return s
}

// stack are the parts of a column: what became of those who entered.
var stack = []struct {
	code string
	of   []stats.Measure
}{
	{"treated", []stats.Measure{stats.Treated}},
	{"pretreated", []stats.Measure{stats.PreTreated}},
	{"left", []stats.Measure{stats.Abandoned, stats.Short}},
	{"other", []stats.Measure{stats.Dissuaded, stats.Ongoing}},
}

func (v view) month(m time.Month) string { return v.say.T("stats.month." + strconv.Itoa(int(m))) }

func (f *Room) trendSheet(v view) sheet {
	s := sheet{code: "trend", title: v.say.T("stats.trend"), chart: "columns", columns: v.names("when", "entered", "treated", "pretreated", "left", "other")}
	var then []slot
	if v.compared {
		s.columns = append(s.columns, column{code: "entered_then", label: v.say.T("stats.entered_then"), number: true})
		then = trend(v.then, v.month)
	}
	for i, t := range trend(v.now, v.month) {
		r := row{code: t.from.Format(time.DateOnly), label: t.label, values: []value{num(t.by[stats.Entered])}}
		for _, part := range stack {
			var n int64
			for _, m := range part.of {
				n += t.by[m]
			}
			r.values = append(r.values, num(n))
		}
		if v.compared {
			x := value{blank: true}
			if i < len(then) {
				x = num(then[i].by[stats.Entered])
			}
			r.values = append(r.values, x)
		}
		s.rows = append(s.rows, r)
	}
	return s
}

func (v view) hours() sheet {
	s := sheet{code: "hours", title: v.say.T("stats.hours"), chart: "columns", columns: v.names("hour", "entered", "treated", "pretreated", "left", "other")}
	for h, by := range v.now.Hours {
		r := row{code: strconv.Itoa(h), label: v.say.T("stats.at", "h", strconv.Itoa(h)), values: []value{num(by[stats.Entered])}}
		for _, part := range stack {
			var n int64
			for _, m := range part.of {
				n += by[m]
			}
			r.values = append(r.values, num(n))
		}
		s.rows = append(s.rows, r)
	}
	return s
}

func (v view) week() sheet {
	s := sheet{code: "week", title: v.say.T("stats.week"), chart: "heat", columns: []column{{code: "weekday", label: v.say.T("stats.weekday")}}}
	for h := range 24 {
		s.columns = append(s.columns, column{code: strconv.Itoa(h), label: strconv.Itoa(h), number: true})
	}
	for d, hours := range v.now.Week {
		r := row{code: strconv.Itoa(d + 1), label: v.say.T("stats.day." + strconv.Itoa(d+1))}
		for _, n := range hours {
			r.values = append(r.values, num(n))
		}
		s.rows = append(s.rows, r)
	}
	return s
}

func (f *Room) byChannel(v view) sheet {
	s := sheet{code: "channel", title: v.say.T("stats.by_channel"), columns: v.names("channel", "entered", "pretreated", "short", "abandoned", "dissuaded", "treated", "ongoing")}
	for _, c := range channels {
		by := v.now.Channels[c]
		if by[stats.Entered] == 0 {
			continue
		}
		r := row{code: c, label: v.say.T("stats.channel." + c)}
		for _, m := range stats.Measures {
			r.values = append(r.values, num(by[m]))
		}
		s.rows = append(s.rows, r)
	}
	return s
}

// by is a dimension, the most first; what was not said comes last.
func (f *Room) by(v view, d stats.Dim) sheet {
	s := sheet{code: string(d), title: v.say.T("stats.by." + string(d)), chart: "bars", columns: v.names("what", "counted", "share")}
	if v.compared {
		s.columns = append(s.columns, v.names("", "then")[1:]...)
	}
	now, then := v.now.By[d], v.then.By[d]
	var sum int64
	var codes []string
	for code, n := range now {
		codes = append(codes, code)
		sum += n
	}
	if d == stats.Platform { // a contact may name several
		sum = v.now.Whole[stats.Treated]
	}
	for code := range then {
		if _, ok := now[code]; !ok {
			codes = append(codes, code)
		}
	}
	slices.SortFunc(codes, func(a, b string) int {
		return cmp.Or(last(a)-last(b), cmp.Compare(now[b], now[a]), cmp.Compare(a, b))
	})
	if d == stats.Age {
		order := map[string]int{stats.Unknown: len(stats.Ages)}
		for i, a := range stats.Ages {
			order[a.Code] = i
		}
		slices.SortFunc(codes, func(a, b string) int { return order[a] - order[b] })
	}
	for _, code := range codes {
		r := row{code: code, label: f.label(v.say, d, code), values: []value{num(now[code]), {blank: true}}}
		if p, ok := stats.Share(now[code], sum); ok {
			r.values[1] = value{n: p, text: v.percent(p)}
		}
		if v.compared {
			r.values = append(r.values, num(then[code]))
		}
		s.rows = append(s.rows, r)
	}
	return s
}

func last(code string) int {
	if code == stats.Unknown {
		return 1
	}
	return 0
}

// of which field of the form the codes of a dimension are.
var fieldOf = map[stats.Dim]string{stats.Category: "category_main", stats.Who: "who", stats.Gender: "gender", stats.Department: "department", stats.Platform: "platforms", stats.Outcome: "outcome"}

// codes are those that a dimension offers to choose from.
func (f *Room) codes(d stats.Dim) []string {
	set := f.Catalogue()
	var codes []string
	switch d {
	case stats.Age:
		for _, a := range stats.Ages {
			codes = append(codes, a.Code)
		}
	case stats.Lang:
		return []string{i18n.French, i18n.English}
	case stats.Satisfaction:
		for _, c := range set.Questions.Last.Choices {
			codes = append(codes, c.Code)
		}
		return codes
	default:
		if field, ok := set.Form.Field(fieldOf[d]); ok {
			for _, c := range field.Offered() {
				codes = append(codes, c.Code)
			}
		}
	}
	if !slices.Contains(codes, stats.Unknown) {
		codes = append(codes, stats.Unknown)
	}
	return codes
}

// crossedWords say of which contacts figures that are crossed are.
func (v view) crossedWords() string {
	if v.now.Few {
		return v.say.T("stats.few", "n", stats.LeastCrossed)
	}
	words := v.say.T("stats.crossed", "n", v.now.Whole[stats.Entered])
	if v.few {
		words += " " + v.say.T("stats.few_then", "n", stats.LeastCrossed)
	}
	return words
}

// label says a code of a dimension in words.
func (f *Room) label(say *i18n.Printer, d stats.Dim, code string) string {
	set := f.Catalogue()
	if code == stats.Unknown {
		return say.T("stats.unknown")
	}
	switch d {
	case stats.Age:
		return say.T("stats.age." + code)
	case stats.Lang:
		if code == i18n.French || code == i18n.English {
			return say.T("stats.lang." + code)
		}
		return code
	case stats.Closing:
		if c, ok := set.Taxonomy.ByCode(code); ok {
			return say.Text(c.Label.In(say.Lang()))
		}
	case stats.Satisfaction:
		if c, ok := set.Questions.Last.Choice(code); ok {
			return say.Text(c.Label.In(say.Lang()))
		}
	}
	if field, ok := set.Form.Field(fieldOf[d]); ok {
		if c, ok := field.Choice(code); ok {
			return say.Text(c.Label.In(say.Lang()))
		}
	}
	return code
}

// removals are what became of notices to platforms; the whole story is on a page of its own.
func (f *Room) removals(ctx context.Context, say *i18n.Printer, a asked) (sheet, error) {
	s := sheet{code: "removals", title: say.T("stats.removals"), columns: []column{{code: "what", label: say.T("stats.what")}, {code: "counted", label: say.T("stats.counted"), number: true}}}
	t, err := f.Takedown.Figures(ctx, a.from, a.until)
	if err != nil {
		return s, err
	}
	for _, x := range []struct {
		key string
		n   int
	}{{"sent", t.Whole.Sent}, {"acted", t.Whole.Acted}, {"refused", t.Whole.Refused}, {"silent", t.Whole.Silent}, {"gone", t.Whole.Gone.N}, {"reappeared", t.Whole.Reappeared}} {
		s.rows = append(s.rows, row{code: x.key, label: say.T("stats.removal." + x.key), values: []value{num(int64(x.n))}})
	}
	return s, nil
}

// referrals are what became of what was handed to partners.
func (f *Room) referrals(ctx context.Context, say *i18n.Printer, a asked) (sheet, error) {
	s := sheet{code: "referrals", title: say.T("stats.referrals"), columns: []column{{code: "partner", label: say.T("stats.referral.partner")}}}
	for _, key := range []string{"made", "called", "sent", "chased", "acknowledged", "closed", "declined", "withdrawn", "overridden"} {
		s.columns = append(s.columns, column{code: key, label: say.T("stats.referral." + key), number: true})
	}
	all, err := f.Referrals.Figures(ctx, a.from, a.until)
	for _, c := range all {
		name := c.Partner
		if p, ok := f.Catalogue().Partners.ByCode(c.Partner); ok {
			name = say.Text(p.Label.In(say.Lang()))
		}
		r := row{code: c.Partner, label: name}
		for _, n := range []int64{c.Made, c.Called, c.Sent, c.Chased, c.Acknowledged, c.Closed, c.Declined, c.Withdrawn, c.Overridden} {
			r.values = append(r.values, num(n))
		}
		s.rows = append(s.rows, r)
	}
	return s, err
}

// table is a sheet as the design system draws it.
func (s sheet) table(say *i18n.Printer) ui.TableProps {
	t := ui.TableProps{Caption: s.title}
	for _, c := range s.columns {
		t.Columns = append(t.Columns, ui.Column{Label: c.label, Numeric: c.number})
	}
	for _, r := range s.rows {
		cells := []templ.Component{ui.Words(r.label)}
		for _, x := range r.values {
			cells = append(cells, ui.Words(x.in(say)))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// empty says that there is nothing in it.
func (s sheet) empty() bool {
	for _, r := range s.rows {
		for _, x := range r.values {
			if x.n != 0 {
				return false
			}
		}
	}
	return true
}

// columnsChart is a sheet of what entered and became, as stacked columns.
func (s sheet) columnsChart(v view) ui.ChartProps {
	c := ui.ChartProps{ID: "chart-" + s.code, Title: s.title, Numbers: s.table(v.say)}
	for k, part := range stack {
		series := ui.Series{Label: v.say.T("stats." + part.code)}
		for _, r := range s.rows {
			series.Values = append(series.Values, r.values[k+1].n)
		}
		c.Series = append(c.Series, series)
	}
	var most row
	for _, r := range s.rows {
		c.Labels = append(c.Labels, r.label)
		if len(most.values) == 0 || r.values[0].n > most.values[0].n {
			most = r
		}
	}
	if len(most.values) > 0 {
		c.Says = v.say.T("stats.says", "n", most.values[0].n, "when", most.label)
	}
	return c
}

// compareChart is what entered, beside what had entered at the same place of the time before.
func (s sheet) compareChart(v view) ui.ChartProps {
	c := s.columnsChart(v)
	c.ID, c.Title = c.ID+"-then", v.say.T("stats.trend_beside")
	now, then := ui.Series{Label: v.span}, ui.Series{Label: v.beside}
	for _, r := range s.rows {
		if at, err := time.ParseInLocation(time.DateOnly, r.code, i18n.Paris); err == nil && at.Before(v.asked.seen) {
			now.Values = append(now.Values, r.values[0].n)
		}
		if x := r.values[len(r.values)-1]; !x.blank {
			then.Values = append(then.Values, x.n)
		}
	}
	c.Series = []ui.Series{now, then}
	return c
}

func (s sheet) barsProps(say *i18n.Printer) ui.BarsProps {
	b := ui.BarsProps{Caption: s.title}
	for _, c := range s.columns {
		b.Columns = append(b.Columns, c.label)
	}
	for _, r := range s.rows {
		bar := ui.BarRow{Label: r.label, N: r.values[0].n}
		for _, x := range r.values {
			bar.Cells = append(bar.Cells, x.in(say))
		}
		b.Rows = append(b.Rows, bar)
	}
	return b
}

func (s sheet) heat() ui.HeatProps {
	h := ui.HeatProps{Caption: s.title, Corner: s.columns[0].label}
	for _, c := range s.columns[1:] {
		h.Columns = append(h.Columns, c.label)
	}
	for _, r := range s.rows {
		line := ui.HeatRow{Label: r.label}
		for _, x := range r.values {
			line.Values = append(line.Values, x.n)
		}
		h.Rows = append(h.Rows, line)
	}
	return h
}

// bare is a value for a machine: "" where there is none.
func (x value) bare() string {
	if x.blank {
		return ""
	}
	return strconv.FormatInt(x.n, 10)
}
