package figures

import (
	"net/http"
	"strconv"
	"time"

	"vigie/internal/fault"
	"vigie/internal/stats"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// firstYear is the first for which figures are asked.
const firstYear = 2020

// returned is the CHI data return of a year, or of one of its quarters.
type returned struct {
	say      *i18n.Printer
	year     int
	quarter  int // 0 is the whole year
	span     string
	years    []ui.Option
	quarters []ui.Option
	sheets   []sheet
}

func (f *Room) year(r *http.Request, otherwise int) (int, []ui.Option, error) {
	now := f.Now().In(i18n.Paris).Year()
	year, err := strconv.Atoi(r.URL.Query().Get("year"))
	if err != nil {
		year = otherwise
	}
	if year < firstYear || year > now {
		return 0, nil, fault.New(fault.Invalid, "fault.stats.year", "first", strconv.Itoa(firstYear), "last", strconv.Itoa(now))
	}
	var years []ui.Option
	for y := now; y >= firstYear; y-- {
		years = append(years, ui.Option{Value: strconv.Itoa(y), Label: strconv.Itoa(y), Checked: y == year})
	}
	return year, years, nil
}

func (f *Room) returned(r *http.Request) (returned, error) {
	say := answer.Printer(r)
	year, years, err := f.year(r, f.Now().In(i18n.Paris).Year())
	if err != nil {
		return returned{}, err
	}
	v := returned{say: say, year: year, years: years}
	if q, err := strconv.Atoi(r.URL.Query().Get("quarter")); err == nil && q >= 1 && q <= 4 {
		v.quarter = q
	}
	from := time.Date(year, time.January, 1, 0, 0, 0, 0, i18n.Paris)
	until := from.AddDate(1, 0, 0)
	if v.quarter > 0 {
		from = from.AddDate(0, 3*(v.quarter-1), 0)
		until = from.AddDate(0, 3, 0)
	}
	for q := range 5 {
		label := say.T("stats.whole_year")
		if q > 0 {
			label = say.T("stats.quarter", "n", strconv.Itoa(q))
		}
		v.quarters = append(v.quarters, ui.Option{Value: strconv.Itoa(q), Label: label, Checked: q == v.quarter})
	}
	v.span = spanOf(say, from, until)
	chi, err := f.Stats.CHI(r.Context(), from, until)
	if err != nil {
		return v, err
	}
	v.sheets = f.chiSheets(say, chi)
	return v, nil
}

// chiGenders are the genders of the framework, by the codes of the form.
var chiGenders = []string{"boy", "girl", "nonbinary", stats.Unknown}

func (f *Room) chiSheets(say *i18n.Printer, chi stats.CHI) []sheet {
	name := func(code string) string {
		if label, ok := f.Catalogue().Taxonomy.CHILabel(code); ok {
			return say.Text(label.In(say.Lang()))
		}
		return say.T("stats.chi_none")
	}
	table := func(code string, codes []string, label func(string) string, of func(stats.CHIRow) map[string]int64) sheet {
		s := sheet{code: code, title: say.T("stats.chi." + code), columns: []column{{code: "chi", label: say.T("stats.chi_reason")}}}
		for _, c := range codes {
			s.columns = append(s.columns, column{code: c, label: label(c), number: true})
		}
		s.columns = append(s.columns, column{code: "total", label: say.T("stats.total"), number: true})
		for _, line := range append(chi.Rows[:len(chi.Rows):len(chi.Rows)], chi.Whole) {
			r := row{code: line.Code, label: name(line.Code)}
			for _, c := range codes {
				r.values = append(r.values, num(of(line)[c]))
			}
			r.values = append(r.values, num(line.Total))
			s.rows = append(s.rows, r)
		}
		s.rows[len(s.rows)-1].code, s.rows[len(s.rows)-1].label = "total", say.T("stats.total")
		return s
	}
	var ages []string
	for _, a := range stats.Ages {
		ages = append(ages, a.Code)
	}
	all := []sheet{
		table("gender", chiGenders, func(c string) string { return f.label(say, stats.Gender, c) }, func(r stats.CHIRow) map[string]int64 { return r.Gender }),
		table("age", append(ages, stats.Unknown), func(c string) string { return f.label(say, stats.Age, c) }, func(r stats.CHIRow) map[string]int64 { return r.Age }),
		table("method", channels, func(c string) string { return say.T("stats.channel." + c) }, func(r stats.CHIRow) map[string]int64 { return r.Method }),
	}
	idle := sheet{code: "no_talk", title: say.T("stats.chi.no_talk"), columns: []column{{code: "what", label: say.T("stats.what")}, {code: "counted", label: say.T("stats.counted"), number: true}}}
	for _, c := range f.Catalogue().Taxonomy.Categories {
		if n := chi.NoTalk[c.Code]; n > 0 {
			idle.rows = append(idle.rows, row{code: c.Code, label: f.label(say, stats.Closing, c.Code), values: []value{num(n)}})
		}
	}
	return append(all, idle)
}

// CHI is the data return to Child Helpline International, as a page.
func (f *Room) CHI(w http.ResponseWriter, r *http.Request) error {
	v, err := f.returned(r)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, chiPage(v, f.Frame(r, "stats.chi.title")))
	return nil
}

// CHICSV is the data return to be sent.
func (f *Room) CHICSV(w http.ResponseWriter, r *http.Request) error {
	v, err := f.returned(r)
	if err != nil {
		return err
	}
	name := "chi-" + strconv.Itoa(v.year)
	if v.quarter > 0 {
		name += "-t" + strconv.Itoa(v.quarter)
	}
	handOut(w, "text/csv; charset=utf-8", name+".csv")
	return writeCSV(w, v.sheets)
}

func (v returned) link() string {
	return "/desk/stats/chi/csv?year=" + strconv.Itoa(v.year) + "&quarter=" + strconv.Itoa(v.quarter)
}
