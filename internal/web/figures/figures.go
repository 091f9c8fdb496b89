// Package figures is where the staff reads what the helpline did: the page of figures with its charts and its files, the CHI
// data return and the yearly report. It counts nothing itself: it asks the room stats.
//
// Whatever a page shows is a sheet first (sheet.go): a table of labels and numbers. Charts, CSV, XLSX, JSON and paper are all made of
// the same sheets, so that none says another number than the next.
package figures

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/referral"
	"vigie/internal/staff"
	"vigie/internal/stats"
	"vigie/internal/takedown"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Room holds what the pages work with.
type Room struct {
	Site      ui.Site
	Stats     *stats.Stats
	Takedown  *takedown.Takedown
	Referrals *referral.Referrals
	Catalogue func() *catalogue.Set
	Streams   *live.Streams
	// Frame is the frame of a page for whoever works, with the key of its title.
	Frame func(r *http.Request, title string) ui.DeskProps
	// Now is the clock of the pages.
	Now func() time.Time

	published published
}

func me(r *http.Request) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: session.Staff(r).ID} }

// The periods that figures are asked for, by name, and what they are compared with.
var (
	periods  = []string{"today", "week", "month", "quarter", "year", "dates"}
	compares = []string{"none", "before", "last_year"}
	channels = []string{"phone", "chat", "message", "note"}
)

// asked is what somebody asks to see.
type asked struct {
	period, compare, channel string
	from, until              time.Time // until is not in it
	seen                     time.Time // now: of what comes after it there are no figures yet
	// chosen are the answers of the forms that the contacts must have; with any, figures are crossed, and take some seconds. whole asks
	// for the page with its figures all the same, from where nothing can show how far they are.
	chosen []stats.Said
	whole  bool
}

// longest is how many years one page of figures spans.
const longest = 11

// codeForm is what a code of a form looks like.
var codeForm = regexp.MustCompile(`^[a-z0-9]{1,30}([._-][a-z0-9]{1,15}){0,3}$`)

func (f *Room) asked(r *http.Request) (asked, error) { return f.chosenIn(r.URL.Query()) }

// chosenIn is what is asked for by the fields of a form or an address.
func (f *Room) chosenIn(q url.Values) (asked, error) {
	now := f.Now().In(i18n.Paris)
	a := asked{period: q.Get("period"), compare: q.Get("compare"), channel: q.Get("channel"), seen: now, whole: q.Has("whole")}
	for _, d := range stats.Crossable {
		if code := q.Get(string(d)); codeForm.MatchString(code) {
			a.chosen = append(a.chosen, stats.Said{Dim: d, Code: code})
		}
	}
	if !slices.Contains(compares, a.compare) {
		a.compare = "before"
	}
	if !slices.Contains(channels, a.channel) {
		a.channel = ""
	}
	year, month, today := now.Date()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, i18n.Paris) }
	switch a.period {
	case "today":
		a.from, a.until = day(year, month, today), day(year, month, today+1)
	case "month":
		a.from, a.until = day(year, month, 1), day(year, month+1, 1)
	case "quarter":
		begin := (month-1)/3*3 + 1
		a.from, a.until = day(year, begin, 1), day(year, begin+3, 1)
	case "year":
		a.from, a.until = day(year, time.January, 1), day(year+1, time.January, 1)
	case "dates":
		from, errA := time.ParseInLocation(time.DateOnly, q.Get("from"), i18n.Paris)
		last, errB := time.ParseInLocation(time.DateOnly, q.Get("until"), i18n.Paris)
		if errA != nil || errB != nil || last.Before(from) || last.After(from.AddDate(longest, 0, 0)) {
			return a, fault.New(fault.Invalid, "fault.stats.dates", "years", longest)
		}
		a.from, a.until = from, last.AddDate(0, 0, 1)
	default:
		a.period, a.from, a.until = "week", day(year, month, today-6), day(year, month, today+1)
	}
	if len(a.chosen) > 0 { // what is crossed is of whole months
		whole := a.query().WholeMonths()
		a.from, a.until = whole.From, whole.Until
	}
	return a, nil
}

func (a asked) query() stats.Query {
	q := stats.Query{From: a.from, Until: a.until}
	if a.channel != "" {
		q.Channels = []string{a.channel}
	}
	return q
}

// other is the time that a period is compared with. A period that goes on is compared with as many days as are over of it.
func (a asked) other(now time.Time) (stats.Query, bool) {
	q := a.query()
	if len(a.chosen) > 0 && a.compare == "before" {
		months := 12*(q.Until.Year()-q.From.Year()) + int(q.Until.Month()) - int(q.From.Month())
		q.From, q.Until = q.From.AddDate(0, -months, 0), q.From
		return q, true
	}
	if q.Until.After(now) && len(a.chosen) == 0 {
		y, m, d := now.In(i18n.Paris).Date()
		q.Until = time.Date(y, m, d+1, 0, 0, 0, 0, i18n.Paris)
	}
	switch a.compare {
	case "last_year":
		q.From, q.Until = q.From.AddDate(-1, 0, 0), q.Until.AddDate(-1, 0, 0)
	case "before":
		n := q.NumDays()
		switch a.period {
		case "month":
			q.From = a.from.AddDate(0, -1, 0)
		case "quarter":
			q.From = a.from.AddDate(0, -3, 0)
		case "year":
			q.From = a.from.AddDate(-1, 0, 0)
		default:
			q.From = a.from.AddDate(0, 0, -n)
		}
		q.Until = q.From.AddDate(0, 0, n)
	default:
		return q, false
	}
	return q, true
}

// link is the address of a page or a file about the same.
func (a asked) link(path string) string { return path + "?" + a.values().Encode() }

func (a asked) values() url.Values {
	q := url.Values{"period": {a.period}, "compare": {a.compare}}
	if a.channel != "" {
		q.Set("channel", a.channel)
	}
	for _, c := range a.chosen {
		q.Set(string(c.Dim), c.Code)
	}
	if a.period == "dates" {
		q.Set("from", a.from.Format(time.DateOnly))
		q.Set("until", a.until.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	return q
}

// view is a page of figures, drawn from its sheets.
type view struct {
	say          *i18n.Printer
	asked        asked
	span, beside string
	now, then    stats.Figures
	compared     bool
	sheets       []sheet
	tiles        []ui.TileProps
	crossings    []crossing
	views        []stats.View
	mayWall      bool
	mayLines     bool
	mayCases     bool
	months       string // of which a workbook would be, "" where no month is over
	me           string
	counting     bool // the figures are still to come
	fault        string
	few          bool // what it would be compared with is of too few contacts
}

// crossing is a choice by which contacts can be chosen.
type crossing struct {
	dim     stats.Dim
	label   string
	options []ui.Option
	chosen  string // in words
}

// view is the page that is asked for, without its figures.
func (f *Room) view(r *http.Request) (view, error) {
	a, err := f.asked(r)
	who, say := session.Staff(r), answer.Printer(r)
	if err == nil && len(a.chosen) > 0 && !who.Can(staff.FiguresLines) {
		err = fault.New(fault.Forbidden, "fault.forbidden")
	}
	v := view{say: say, asked: a, span: spanOf(say, a.from, a.until), me: who.ID, mayWall: who.Can(staff.WallManage), mayLines: who.Can(staff.FiguresLines), mayCases: who.Can(staff.CaseAll)}
	if over, ok := a.query().MonthsOver(f.Now()); ok {
		v.months = spanOf(say, over.From, over.Until)
	}
	for _, d := range stats.Crossable {
		v.crossings = append(v.crossings, f.crossing(say, d, a))
	}
	if q, ok := a.other(f.Now()); ok {
		v.compared, v.beside = true, spanOf(say, q.From, q.Until)
	}
	return v, err
}

func (f *Room) crossing(say *i18n.Printer, d stats.Dim, a asked) crossing {
	c := crossing{dim: d, label: say.T("stats.choose." + string(d))}
	had := ""
	for _, s := range a.chosen {
		if s.Dim == d {
			had, c.chosen = s.Code, f.label(say, d, s.Code)
		}
	}
	codes := f.codes(d)
	if had != "" && !slices.Contains(codes, had) {
		codes = append(codes, had)
	}
	for _, code := range codes {
		c.options = append(c.options, ui.Option{Value: code, Label: f.label(say, d, code), Checked: code == had})
	}
	return c
}

// fill reads the figures of a page. tell hears how much of the work is done.
func (f *Room) fill(ctx context.Context, v view, tell func(done, of int)) (view, error) {
	now := v.asked.query()
	then, _ := v.asked.other(f.Now())
	var err error
	if len(v.asked.chosen) == 0 {
		if v.now, err = f.Stats.Figures(ctx, now); err == nil && v.compared {
			v.then, err = f.Stats.Figures(ctx, then)
		}
	} else {
		by := audit.Actor{Kind: audit.Staff, ID: v.me}
		parts := 1
		if v.compared {
			parts = 2
		}
		v.now, err = f.Stats.Crossed(ctx, now, v.asked.chosen, by, func(done, of int) { tell(done, parts*of) })
		if err == nil && v.compared {
			v.then, err = f.Stats.Crossed(ctx, then, v.asked.chosen, by, func(done, of int) { tell(of+done, parts*of) })
		}
	}
	if err != nil {
		return v, err
	}
	if v.then.Few { // nothing is said of them: no zero stands beside what is
		v.compared, v.few = false, true
	}
	v.tiles = v.makeTiles()
	v.sheets = f.sheets(v)
	if len(v.asked.chosen) > 0 {
		return v, nil // a notice belongs to no answer of a form
	}
	removal, err := f.removals(ctx, v.say, v.asked)
	if err != nil {
		return v, err
	}
	v.sheets = append(v.sheets, removal)
	if v.mayCases && v.asked.channel == "" { // of a day, one referral is a case; and a referral has no channel
		referred, err := f.referrals(ctx, v.say, v.asked)
		v.sheets = append(v.sheets, referred)
		return v, err
	}
	return v, nil
}

// read is the page that is asked for, with its figures.
func (f *Room) read(r *http.Request) (view, error) {
	v, err := f.view(r)
	if err == nil {
		v, err = f.fill(r.Context(), v, func(int, int) {})
	}
	if err == nil && v.now.Few {
		err = fault.New(fault.Conflict, "fault.stats.few", "n", stats.LeastCrossed)
	}
	return v, err
}

func spanOf(say *i18n.Printer, from, until time.Time) string {
	last := until.AddDate(0, 0, -1)
	if last.Equal(from) {
		return say.Date(from)
	}
	return say.T("stats.span", "from", say.Date(from), "until", say.Date(last))
}

// Page is the page of figures.
func (f *Room) Page(w http.ResponseWriter, r *http.Request) error {
	v, err := f.view(r)
	if err != nil {
		return err
	}
	if v.counting = len(v.asked.chosen) > 0 && !v.asked.whole; !v.counting {
		if v, err = f.fill(r.Context(), v, func(int, int) {}); err != nil {
			return err
		}
	}
	if v.views, err = f.Stats.Views(r.Context(), v.me); err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, page(v, f.Frame(r, "stats.title")))
	return nil
}

// Crossing is the stream of a page whose figures are crossed: how far they are, then the figures.
func (f *Room) Crossing(w http.ResponseWriter, r *http.Request) error {
	v, err := f.view(r)
	if err != nil {
		return err
	}
	kept := context.WithoutCancel(r.Context())
	return f.Streams.Serve(w, r, v.me, func(s *live.Stream) (func(), error) {
		ctx, stop := context.WithCancel(kept)
		push := func(piece templ.Component) bool {
			e, err := live.Update(ctx, "", piece)
			return err == nil && s.Push(e)
		}
		go func() {
			defer s.End()
			defer func() {
				if p := recover(); p != nil {
					slog.Error("figures could not be crossed", "panic", p)
					push(failed(v))
					s.Push(live.Signal("done", ""))
				}
			}()
			filled, err := f.fill(ctx, v, func(done, of int) {
				if !push(far(v, done, of)) {
					stop() // nobody is there to read them
				}
			})
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				answer.Log(r, err)
				v.fault = v.say.Fault(err)
				push(failed(v))
			} else {
				push(body(filled))
			}
			s.Push(live.Signal("done", ""))
		}()
		return stop, nil
	})
}

// makeTiles are the numbers that count most, each beside what it was.
func (v view) makeTiles() []ui.TileProps {
	count := func(key string, now, then int64) ui.TileProps {
		t := ui.TileProps{Label: v.say.T("stats." + key), Value: v.say.Number(now)}
		if v.compared {
			t.Note = v.say.T("stats.before", "n", v.say.Number(then))
			switch cmp.Compare(now, then) {
			case 1:
				t.Trend = "up"
			case -1:
				t.Trend = "down"
			}
		}
		return t
	}
	share := func(key string, now int64, ok bool, then int64, had bool) ui.TileProps {
		t := ui.TileProps{Label: v.say.T("stats." + key), Value: "–"}
		if ok {
			t.Value = v.percent(now)
		}
		if had && v.compared {
			t.Note = v.say.T("stats.before", "n", v.percent(then))
		}
		return t
	}
	lasts := func(key string, now, then stats.Spread) ui.TileProps {
		t := ui.TileProps{Label: v.say.T("stats." + key), Value: v.lasting(now, 50)}
		if v.compared && then.N > 0 {
			t.Note = v.say.T("stats.before", "n", v.lasting(then, 50))
		}
		return t
	}
	rate, ok := v.now.AnswerRate()
	rateThen, had := v.then.AnswerRate()
	level, okL := v.now.ServiceLevel()
	levelThen, hadL := v.then.ServiceLevel()
	return []ui.TileProps{
		count("entered", v.now.Whole[stats.Entered], v.then.Whole[stats.Entered]),
		count("treated", v.now.Whole[stats.Treated], v.then.Whole[stats.Treated]),
		count("abandoned", v.now.Whole[stats.Abandoned], v.then.Whole[stats.Abandoned]),
		share("answer_rate", rate, ok, rateThen, had),
		share("service_level", level, okL, levelThen, hadL),
		lasts("wait_median", v.now.Wait, v.then.Wait),
		lasts("length_median", v.now.Length, v.then.Length),
	}
}

func (v view) percent(n int64) string { return v.say.T("stats.percent", "n", n) }

// lasting is a percentile in words; seconds where it is short.
func (v view) lasting(s stats.Spread, percent int64) string {
	if s.N == 0 {
		return "–"
	}
	return lasting(v.say, s.At(percent))
}

func lasting(say *i18n.Printer, d time.Duration) string {
	if d < time.Minute {
		return say.T("stats.seconds", "n", int(d/time.Second))
	}
	return say.Duration(d)
}

// slot is one column of a trend: a day, a week or a month.
type slot struct {
	label string
	from  time.Time
	by    map[stats.Measure]int64
}

// trend are the columns of a time: its days, its weeks or its months, so that they stay broad enough to be seen.
func trend(f stats.Figures, month func(time.Month) string) []slot {
	var all []slot
	from, until := f.Query.From, f.Query.Until
	n := f.Query.NumDays()
	if f.Crossed {
		n = stats.LongestByDay + 1 // by the month alone
	}
	for at := from; at.Before(until); {
		var next time.Time
		label := strconv.Itoa(at.Day()) + " " + month(at.Month())
		switch {
		case n <= 45:
			next = at.AddDate(0, 0, 1)
		case n <= stats.LongestByDay:
			next = at.AddDate(0, 0, 7)
		default:
			next = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, at.Location())
			label = month(at.Month()) + " " + strconv.Itoa(at.Year())
		}
		s := slot{label: label, from: at, by: map[stats.Measure]int64{}}
		if n > stats.LongestByDay {
			s.by = f.Months[stats.DayOf(at)/100]
		}
		for d := at; n <= stats.LongestByDay && d.Before(next) && d.Before(until); d = d.AddDate(0, 0, 1) {
			for m, k := range f.Days[stats.DayOf(d)] {
				s.by[m] += k
			}
		}
		all, at = append(all, s), next
	}
	return all
}
