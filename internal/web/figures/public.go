package figures

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"vigie/internal/fault"
	"vigie/internal/stats"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// publicFor is how long the figures of a year are kept for everybody who asks: they are of whole years that are over.
const publicFor = time.Hour

// published are the reports that were read last.
type published struct {
	mu      sync.Mutex
	reports map[int]stats.Report
	readAt  map[int]time.Time
}

// report is what may be published of a year that is over, read at most once an hour, by one reader at a time.
func (f *Room) report(r *http.Request, year int) (stats.Report, error) {
	f.published.mu.Lock()
	defer f.published.mu.Unlock()
	if at, ok := f.published.readAt[year]; ok && f.Now().Sub(at) < publicFor {
		return f.published.reports[year], nil
	}
	report, err := f.Stats.Public(r.Context(), year)
	if err != nil {
		return report, err
	}
	if f.published.reports == nil {
		f.published.reports, f.published.readAt = map[int]stats.Report{}, map[int]time.Time{}
	}
	f.published.reports[year], f.published.readAt[year] = report, f.Now()
	return report, nil
}

// Public is "our figures": what the helpline did in a year that is over, for everybody to read. The year that runs is not told, because two
// pages of it would say what is between them.
func (f *Room) Public(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(answer.WithAdult(r, true))
	last := f.Now().In(i18n.Paris).Year() - 1
	year := last
	if asked := r.URL.Query().Get("year"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < firstYear || n > last {
			return fault.New(fault.NotFound, "fault.not_found")
		}
		year = n
	}
	report, err := f.report(r, year)
	if err != nil {
		return err
	}
	v := f.yearOf(say, report)
	for y := last; y >= firstYear; y-- {
		v.others = append(v.others, ui.Link{Href: say.Path("/figures") + "?year=" + strconv.Itoa(y), Label: strconv.Itoa(y), Current: y == year})
	}
	page := ui.PageProps{Site: f.Site, Title: say.T("site.figures_title"), Description: say.T("site.figures_lead"), Path: "/figures", Index: true, Styles: []string{"site.css", "figures.css"}, Footer: ui.FootLinks(say)}
	w.Header().Set("Cache-Control", "public, max-age=300")
	answer.Page(w, r, http.StatusOK, publicPage(v, page))
	return nil
}
