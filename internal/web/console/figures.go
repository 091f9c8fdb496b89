package console

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/fault"
	"vigie/internal/paper"
	"vigie/internal/takedown"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// figuresView is a page of figures: tables, with what is said before them. The screen and the paper draw the same.
type figuresView struct {
	say           *i18n.Printer
	title, span   string
	period        string
	from, until   string // what the fields of dates hold
	year          int
	years         []ui.Option
	lead          []string
	words         []told // what an administrator wrote
	unwritten     []told // what she still has to write: it is on the screen and on no paper
	tables        []figuresTable
	sent          int
	publishedYear bool
}

type figuresTable struct {
	title   string
	columns []paper.Column
	rows    [][]string
}

// figuresPeriods are the times that figures are asked for, by name.
var figuresPeriods = []string{"month", "quarter", "year", "dates"}

// span is the time that a page of figures is about: from a day until the day after the last.
func (c *Room) span(r *http.Request) (period string, from, until time.Time) {
	q, now := r.URL.Query(), c.Now().In(i18n.Paris)
	year, month, _ := now.Date()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, i18n.Paris) }
	switch period = q.Get("period"); period {
	case "year":
		return period, day(year, time.January, 1), day(year+1, time.January, 1)
	case "quarter":
		begin := (month-1)/3*3 + 1
		return period, day(year, begin, 1), day(year, begin+3, 1)
	case "dates":
		a, errA := time.ParseInLocation(time.DateOnly, q.Get("from"), i18n.Paris)
		b, errB := time.ParseInLocation(time.DateOnly, q.Get("until"), i18n.Paris)
		if errA == nil && errB == nil && !b.Before(a) {
			return period, a, b.AddDate(0, 0, 1)
		}
	}
	return "month", day(year, month, 1), day(year, month+1, 1)
}

// Figures is the league of platforms, and how often our own notices were right.
func (c *Room) Figures(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	period, from, until := c.span(r)
	figures, err := c.Takedown.Figures(r.Context(), from, until)
	if err != nil {
		return err
	}
	v := c.leagueOf(say, figures)
	v.period, v.from, v.until = period, from.Format(time.DateOnly), until.AddDate(0, 0, -1).Format(time.DateOnly)
	v.year = c.Now().In(i18n.Paris).Year()
	answer.Page(w, r, http.StatusOK, figuresPage(v, c.shell(r, say, session.Staff(r), "figures.title")))
	return nil
}

func (c *Room) leagueOf(say *i18n.Printer, f takedown.Figures) figuresView {
	v := figuresView{say: say, title: say.T("figures.title"), span: say.T("figures.span", "from", say.Date(f.From), "until", say.Date(f.Until.AddDate(0, 0, -1))), sent: f.Whole.Sent}
	league := figuresTable{title: say.T("figures.league"), columns: []paper.Column{{Label: say.T("figures.platform"), Share: 2}}}
	for _, key := range []string{"sent", "acknowledge", "decide", "gone", "silent", "reappeared"} {
		league.columns = append(league.columns, paper.Column{Label: say.T("figures." + key), Share: 1, Number: key != "acknowledge" && key != "decide" && key != "gone"})
	}
	for _, l := range f.Platforms {
		league.rows = append(league.rows, []string{c.platformName(say, l.Code), count(say, l.Sent), times(say, l.Acknowledge), times(say, l.Decide), times(say, l.Gone), count(say, l.Silent), count(say, l.Reappeared)})
	}
	v.tables = append(v.tables, league)
	right := func(title, first string, lines []takedown.Line, name func(code string) string) {
		t := figuresTable{title: title, columns: []paper.Column{{Label: first, Share: 3}}}
		for _, key := range []string{"decided", "acted", "refused", "reversed", "precision"} {
			t.columns = append(t.columns, paper.Column{Label: say.T("figures." + key), Share: 1, Number: true})
		}
		for _, l := range lines {
			decided, share := l.Acted+l.Refused, say.T("figures.too_few")
			if decided >= takedown.LeastP90 {
				share = say.T("figures.percent", "n", (200*l.Acted+decided)/(2*decided))
			}
			t.rows = append(t.rows, []string{name(l.Code), count(say, decided), count(say, l.Acted), count(say, l.Refused), count(say, l.Reversed), share})
		}
		v.tables = append(v.tables, t)
	}
	right(say.T("figures.right_ground"), say.T("takedown.ground"), f.Grounds, func(code string) string { return c.groundName(say, code) })
	right(say.T("figures.right_platform"), say.T("figures.platform"), f.Platforms, func(code string) string { return c.platformName(say, code) })
	pairs := c.pairTable(say)
	for _, platform := range f.Platforms {
		for _, ground := range f.Grounds {
			if n := f.Pairs[takedown.Pair{Platform: platform.Code, Ground: ground.Code}]; n > 0 {
				pairs.rows = append(pairs.rows, []string{c.platformName(say, platform.Code), c.groundName(say, ground.Code), count(say, n)})
			}
		}
	}
	v.tables = append(v.tables, pairs)
	return v
}

func count(say *i18n.Printer, n int) string { return say.Number(int64(n)) }

// times says of how many something is known, the middle one, and the slowest tenth where there are enough.
func times(say *i18n.Printer, t takedown.Times) string {
	switch {
	case t.N == 0:
		return say.T("figures.nothing")
	case t.N < takedown.LeastP90:
		return say.T("figures.median", "median", say.Duration(t.Median), "n", t.N)
	}
	return say.T("figures.median_p90", "median", say.Duration(t.Median), "p90", say.Duration(t.P90), "n", t.N)
}

func (c *Room) platformName(say *i18n.Printer, code string) string {
	if code == takedown.Others {
		return say.T("figures.other_platforms")
	}
	if p, ok := c.Catalogue().Platforms.ByCode(code); ok {
		return say.Text(p.Label().In(say.Lang()))
	}
	return say.T("figures.other_hosts")
}

func (c *Room) groundName(say *i18n.Printer, code string) string {
	if code == takedown.Others {
		return say.T("figures.other_grounds")
	}
	if g, ok := c.Catalogue().Grounds.ByCode(code); ok {
		return say.Text(g.Label.In(say.Lang()))
	}
	return code
}

// firstYear is the first for which a report can be asked: the DSA applies from 17 February 2024.
const firstYear = 2024

// yearly is the report of DSA Art. 22(3) for a year: last year's where none is asked for.
func (c *Room) yearly(r *http.Request) (figuresView, error) {
	say, now := answer.Printer(r), c.Now().In(i18n.Paris)
	year, err := strconv.Atoi(r.URL.Query().Get("year"))
	if err != nil {
		year = now.Year() - 1
	}
	if year < firstYear || year > now.Year() {
		return figuresView{}, fault.New(fault.Invalid, "fault.figures.year", "first", strconv.Itoa(firstYear), "last", strconv.Itoa(now.Year()))
	}
	from := time.Date(year, time.January, 1, 0, 0, 0, 0, i18n.Paris)
	f, err := c.Takedown.Figures(r.Context(), from, from.AddDate(1, 0, 0))
	if err != nil {
		return figuresView{}, err
	}
	v := figuresView{say: say, title: say.T("figures.report_title", "year", strconv.Itoa(year)), year: year, sent: f.Whole.Sent, publishedYear: true,
		span: say.T("figures.span", "from", say.Date(from), "until", say.Date(from.AddDate(1, 0, -1)))}
	for y := now.Year(); y >= firstYear; y-- {
		v.years = append(v.years, ui.Option{Value: strconv.Itoa(y), Label: strconv.Itoa(y), Checked: y == year})
	}
	words := c.Catalogue().Grounds.Report
	for _, w := range []struct{ key, text string }{{"independence", words.Independence.In(say.Lang())}, {"expertise", words.Expertise.In(say.Lang())}} {
		if w.text == "" {
			v.unwritten = append(v.unwritten, told{say.T("figures." + w.key), say.T("figures.unwritten")})
			continue
		}
		v.words = append(v.words, told{say.T("figures." + w.key), say.Text(w.text)})
	}
	report := f.Report()
	v.lead = []string{say.T("figures.report_lead", "house", c.Site.Name, "n", figure(say, report.Whole)), say.T("figures.rule")}
	platforms := figuresTable{title: say.T("figures.by_platform"), columns: []paper.Column{{Label: say.T("figures.platform"), Share: 3}}}
	for _, key := range []string{"sent", "acted", "refused", "undecided"} {
		platforms.columns = append(platforms.columns, paper.Column{Label: say.T("figures." + key), Share: 1.2, Number: true})
	}
	for i, code := range report.Platforms {
		row := []string{c.platformName(say, code), figure(say, report.OfPlatforms[i])}
		for _, n := range report.Became[i] {
			row = append(row, figure(say, n))
		}
		platforms.rows = append(platforms.rows, row)
	}
	grounds := figuresTable{title: say.T("figures.by_ground"), columns: []paper.Column{{Label: say.T("figures.content"), Share: 3}, {Label: say.T("figures.sent"), Share: 1, Number: true}}}
	for j, code := range report.Grounds {
		grounds.rows = append(grounds.rows, []string{c.groundName(say, code), figure(say, report.OfGrounds[j])})
	}
	actions := figuresTable{title: say.T("figures.by_action"), columns: []paper.Column{{Label: say.T("figures.action"), Share: 3}, {Label: say.T("figures.decided"), Share: 1, Number: true}}}
	for a, action := range takedown.Actions {
		actions.rows = append(actions.rows, []string{say.T("takedown.action." + action), figure(say, report.Actions[a])})
	}
	v.tables = append(v.tables, platforms, grounds, actions, c.crossed(say, report))
	return v, nil
}

// crossed is the table of platform and kind of content: a line for each pair that there is, and one for what is not told apart.
func (c *Room) crossed(say *i18n.Printer, r takedown.Report) figuresTable {
	t := c.pairTable(say)
	for i, platform := range r.Platforms {
		if r.BlankPlatforms[i] {
			t.rows = append(t.rows, []string{c.platformName(say, platform), say.T("figures.any_ground"), figure(say, r.OfPlatforms[i])})
			continue
		}
		for j, ground := range r.Grounds {
			if f := r.Cells[i][j]; !r.BlankGrounds[j] && f != (takedown.Figure{}) {
				t.rows = append(t.rows, []string{c.platformName(say, platform), c.groundName(say, ground), figure(say, f)})
			}
		}
	}
	for j, ground := range r.Grounds {
		if r.BlankGrounds[j] {
			t.rows = append(t.rows, []string{say.T("figures.any_platform"), c.groundName(say, ground), figure(say, r.OfGrounds[j])})
		}
	}
	return t
}

// pairTable is an empty table of platform and kind of content.
func (c *Room) pairTable(say *i18n.Printer) figuresTable {
	return figuresTable{title: say.T("figures.by_both"), columns: []paper.Column{{Label: say.T("figures.platform"), Share: 2}, {Label: say.T("figures.content"), Share: 3}, {Label: say.T("figures.sent"), Share: 1.2, Number: true}}}
}

// figure is a count as the report shows it.
func figure(say *i18n.Printer, f takedown.Figure) string {
	switch {
	case f.Withheld:
		return say.T("figures.withheld")
	case f.Under:
		return say.T("figures.under", "n", takedown.Small)
	}
	return count(say, f.N)
}

// Report is the yearly report of a trusted flagger (DSA Art. 22(3)), as a page.
func (c *Room) Report(w http.ResponseWriter, r *http.Request) error {
	v, err := c.yearly(r)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, figuresPage(v, c.shell(r, v.say, session.Staff(r), "figures.report")))
	return nil
}

// ReportPDF is the yearly report to be published.
func (c *Room) ReportPDF(w http.ResponseWriter, r *http.Request) error {
	v, err := c.yearly(r)
	if err != nil {
		return err
	}
	d := c.document(v.say, v.title)
	d.Header, d.Footer = c.Site.Name, v.title
	d.Head(v.title)
	d.Small(v.span)
	for _, text := range v.lead {
		d.Text(text)
	}
	for _, t := range v.tables {
		d.Heading(t.title)
		if len(t.rows) == 0 {
			d.Text(v.say.T("figures.none"))
			continue
		}
		d.Table(t.columns, t.rows)
	}
	for _, w := range v.words {
		d.Heading(w.label)
		d.Text(w.value)
	}
	return handPDF(w, d, "rapport-signaleur-"+strconv.Itoa(v.year))
}

// ReportCSV is the yearly report for a spreadsheet: the name of the table, then its row.
func (c *Room) ReportCSV(w http.ResponseWriter, r *http.Request) error {
	v, err := c.yearly(r)
	if err != nil {
		return err
	}
	handOut(w, "text/csv; charset=utf-8", "rapport-signaleur-"+strconv.Itoa(v.year)+".csv")
	out := csv.NewWriter(w)
	for _, t := range v.tables {
		head := []string{t.title}
		for _, c := range t.columns {
			head = append(head, c.Label)
		}
		_ = out.Write(head) // Flush keeps the error
		for _, row := range t.rows {
			_ = out.Write(append([]string{t.title}, row...))
		}
	}
	out.Flush()
	return out.Error()
}
