package figures

import (
	"net/http"
	"strconv"

	"vigie/internal/stats"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// yearly is the activity report of a year, fit to be published: small counts stand together, and nothing leads back to them.
type yearly struct {
	say    *i18n.Printer
	year   int
	years  []ui.Option
	title  string
	lead   []string
	sheets []sheet
	others []ui.Link // the years that can be read
}

func (f *Room) yearly(r *http.Request) (yearly, error) {
	say := answer.Printer(r)
	year, years, err := f.year(r, f.Now().In(i18n.Paris).Year()-1)
	if err != nil {
		return yearly{}, err
	}
	report, err := f.Stats.Public(r.Context(), year)
	if err != nil {
		return yearly{}, err
	}
	v := f.yearOf(say, report)
	v.years = years
	return v, nil
}

// yearOf is a report in words.
func (f *Room) yearOf(say *i18n.Printer, report stats.Report) yearly {
	v := yearly{say: say, year: report.Year, title: say.T("stats.year_title", "year", strconv.Itoa(report.Year))}
	if len(report.Tables) == 0 {
		v.lead = []string{say.T("stats.year_none")}
		return v
	}
	v.lead = []string{say.T("stats.year_lead", "house", f.Site.Name, "entered", report.Entered, "treated", report.Treated), say.T("stats.year_rule")}
	for _, t := range report.Tables {
		s := sheet{code: string(t.Dim), title: f.publicTitle(say, t.Dim), chart: "bars", columns: []column{{code: "what", label: say.T("stats.what")}, {code: "counted", label: say.T("stats.about"), number: true}}}
		for _, l := range t.Lines {
			s.rows = append(s.rows, row{code: l.Code, label: f.publicLabel(say, t.Dim, l.Code), values: []value{num(l.N)}})
		}
		v.sheets = append(v.sheets, s)
	}
	return v
}

func (f *Room) publicTitle(say *i18n.Printer, d stats.Dim) string {
	switch d {
	case stats.ByBecame:
		return say.T("stats.became")
	case stats.ByChannel:
		return say.T("stats.by_channel")
	}
	return say.T("stats.by." + string(d))
}

func (f *Room) publicLabel(say *i18n.Printer, d stats.Dim, code string) string {
	switch {
	case code == stats.Rest:
		return say.T("stats.rest")
	case d == stats.ByBecame:
		return say.T("stats." + code)
	case d == stats.ByChannel:
		return say.T("stats.channel." + code)
	}
	return f.label(say, d, code)
}

// Year is the yearly report as a page.
func (f *Room) Year(w http.ResponseWriter, r *http.Request) error {
	v, err := f.yearly(r)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, yearPage(v, f.Frame(r, "stats.year")))
	return nil
}

// YearPDF is the yearly report to be published.
func (f *Room) YearPDF(w http.ResponseWriter, r *http.Request) error {
	v, err := f.yearly(r)
	if err != nil {
		return err
	}
	d := f.document(v.say, v.title)
	d.Head(v.title)
	for _, text := range v.lead {
		d.Text(text)
	}
	for _, s := range v.sheets {
		if len(s.rows) == 0 {
			d.Heading(s.title)
			d.Text(v.say.T("stats.withheld"))
			continue
		}
		s.print(v.say, d)
	}
	return handPDF(w, d, "rapport-activite-"+strconv.Itoa(v.year)+".pdf")
}
