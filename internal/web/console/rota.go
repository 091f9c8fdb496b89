package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/rota"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// The rota is pages of links and forms: a week of people and days, a day of hours, and one's own. Whoever plans chooses a shift or an
// empty place in the grid, and its form is below it.

// manyPeople is how many rows of the rota are found again by scrolling; of more, a field finds one by her name.
const manyPeople = 12

// rotaView is a week.
type rotaView struct {
	say          *i18n.Printer
	title        string
	monday       string
	before, next string
	plans        bool
	fault, done  string
	days         []rotaDay
	people       []rotaPerson
	warnings     []string
	drafts       int
	form         *shiftForm
	kept         []ui.Option // usual weeks that can be laid
	slots        []ui.Option // codes under which this one can be kept
	waiting      []swapView  // what waits for a supervisor
}

// rotaDay is the head of a column, and on a small screen a list of its own.
type rotaDay struct {
	day, short, long string
	today            bool
	holiday          string
	missing          string // what is lacking, by hours, in words
	cells            []rotaShift
}

// rotaPerson is a row.
type rotaPerson struct {
	id, alias string
	total     string
	cells     [][]rotaShift // for each day
	absent    []bool
}

// rotaShift is a shift as the grid shows it.
type rotaShift struct {
	rota.Shift
	who, hours, post, link string
	draft                  bool
}

// shiftForm plans a shift, or changes one.
type shiftForm struct {
	id, who, day, from, to string
	alias                  string
	posts, people          []ui.Option
}

// names are the aliases of who works here.
type names map[string]staff.Person

func (n names) of(id string) string { return n[id].Alias }

func (c *Room) roster(ctx context.Context) ([]staff.Person, names, error) {
	people, err := c.Staff.Roster(ctx)
	all := names{}
	for _, p := range people {
		all[p.ID] = p
	}
	return people, all, err
}

// rotaQuery is what of the rota is looked at.
type rotaQuery struct{ monday, shift, who, day, done string }

func (c *Room) rotaAsked(q url.Values) rotaQuery {
	a := rotaQuery{monday: q.Get("week"), shift: q.Get("shift"), who: q.Get("who"), day: q.Get("on"), done: q.Get("done")}
	if !rota.IsDay(a.monday) {
		a.monday = c.Rota.Today()
	}
	a.monday = rota.Monday(a.monday)
	return a
}

// Rota is a week of all, or with day a day by its hours.
func (c *Room) SeeRota(w http.ResponseWriter, r *http.Request) error {
	if day := r.URL.Query().Get("day"); rota.IsDay(day) {
		return c.rotaOfDay(w, r, day)
	}
	return c.rotaWeek(w, r, http.StatusOK, c.rotaAsked(r.URL.Query()), nil)
}

func (c *Room) rotaWeek(w http.ResponseWriter, r *http.Request, code int, q rotaQuery, refused error) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	v := rotaView{say: say, monday: q.monday, plans: m.Can(staff.RotaEdit), before: "/desk/rota?week=" + rota.Shifted(q.monday, -7), next: "/desk/rota?week=" + rota.Shifted(q.monday, 7)}
	if refused != nil {
		answer.Log(r, refused)
		v.fault = say.Fault(refused)
	}
	if key := "rota.done." + q.done; q.done != "" && say.Has(key) {
		v.done = say.T(key)
	}
	days := rota.Week(q.monday)
	v.title = say.T("rota.week_of", "day", say.Date(c.Rota.Moment(q.monday, 12*60)))
	people, called, err := c.roster(ctx)
	if err != nil {
		return err
	}
	// A week before and after, so that rest and days in a row are known at its ends.
	all, err := c.Rota.Between(ctx, rota.Shifted(q.monday, -7), rota.Shifted(q.monday, 13), v.plans)
	if err != nil {
		return err
	}
	absences, err := c.Rota.Absences(ctx, rota.Shifted(q.monday, -7), rota.Shifted(q.monday, 13))
	if err != nil {
		return err
	}
	load, err := c.Rota.Load(ctx, days, v.plans)
	if err != nil {
		return err
	}
	for _, day := range days {
		v.days = append(v.days, c.rotaDay(say, day, all, load[day], called))
	}
	for _, p := range people {
		if rota.May(p, rota.Both) || rota.May(p, rota.Supervisor) {
			v.people = append(v.people, c.rotaPerson(say, p, days, all, absences))
		}
	}
	for _, s := range all {
		if s.State == rota.Draft && slices.Contains(days, s.Day) {
			v.drafts++
		}
	}
	if v.plans {
		for _, warning := range rota.Check(all, absences, c.Rota.Zone()) {
			if slices.Contains(days, warning.Day) {
				v.warnings = append(v.warnings, c.broken(say, warning, called))
			}
		}
		if err := c.planning(ctx, say, &v, q, people, called); err != nil {
			return err
		}
		if v.waiting, err = c.swaps(ctx, say, m.Person, true, func(s swapView) bool { return s.State == rota.SwapTaken }); err != nil {
			return err
		}
	}
	answer.Page(w, r, code, rotaPage(v, c.shell(r, say, m, "rota.title")))
	return nil
}

// planning adds the forms of those who plan.
func (c *Room) planning(ctx context.Context, say *i18n.Printer, v *rotaView, q rotaQuery, people []staff.Person, called names) error {
	kept, err := c.Rota.Kept(ctx)
	if err != nil {
		return err
	}
	for _, code := range rota.Patterns {
		o := ui.Option{Value: code, Label: say.T("rota.pattern", "code", strings.ToUpper(code))}
		if slices.Contains(kept, code) {
			v.kept = append(v.kept, o)
			o.Label = say.T("rota.pattern_again", "code", strings.ToUpper(code))
		}
		v.slots = append(v.slots, o)
	}
	f := shiftForm{day: q.day, who: q.who, from: "15:00", to: "23:00"}
	if !rota.IsDay(f.day) {
		f.day = max(q.monday, min(c.Rota.Today(), rota.Shifted(q.monday, 6)))
	}
	post := rota.Both
	if q.shift != "" {
		s, err := c.Rota.Get(ctx, q.shift)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
			v.fault = say.Fault(err)
		} else if err != nil {
			return err
		} else {
			f = shiftForm{id: s.ID, who: s.StaffID, alias: called.of(s.StaffID), day: s.Day, from: clockOf(s.From), to: clockOf(s.To)}
			post = s.Post
		}
	}
	for _, p := range rota.Posts {
		f.posts = append(f.posts, ui.Option{Value: string(p), Label: say.T("rota.post." + string(p)), Checked: p == post})
	}
	for _, p := range people {
		if rota.May(p, rota.Both) || rota.May(p, rota.Supervisor) {
			f.people = append(f.people, ui.Option{Value: p.ID, Label: p.Alias, Checked: p.ID == f.who})
		}
	}
	v.form = &f
	return nil
}

// clockOf is minutes as a time of day: 1500 is one o'clock of the next.
func clockOf(minutes int) string {
	return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60)
}

func (c *Room) rotaShift(say *i18n.Printer, s rota.Shift, alias string) rotaShift {
	v := rotaShift{Shift: s, who: alias, hours: clockOf(s.From) + "–" + clockOf(s.To), post: say.T("rota.post." + string(s.Post)), draft: s.State == rota.Draft}
	v.link = "/desk/rota?week=" + rota.Monday(s.Day) + "&shift=" + s.ID + "#shift"
	return v
}

func (c *Room) rotaDay(say *i18n.Printer, day string, shifts []rota.Shift, load []rota.Expected, called names) rotaDay {
	noon := c.Rota.Moment(day, 12*60)
	d := rotaDay{day: day, long: say.Date(noon), today: day == c.Rota.Today(), short: say.T("rota.weekday."+strconv.Itoa((int(noon.Weekday())+6)%7), "n", noon.In(c.Rota.Zone()).Day())}
	if name := c.Catalogue().Hours.At(noon).Holiday; name != nil {
		d.holiday = say.Text(name.In(say.Lang()))
	}
	for _, s := range shifts {
		if s.Day == day {
			d.cells = append(d.cells, c.rotaShift(say, s, called.of(s.StaffID)))
		}
	}
	d.missing = gaps(say, load)
	return d
}

// gaps says at which hours how many are missing: hours one after the other that lack as many are one.
func gaps(say *i18n.Printer, load []rota.Expected) string {
	var said []string
	for i := 0; i < len(load); {
		n, from := load[i].Missing(), i
		for i < len(load) && load[i].Missing() == n {
			i++
		}
		if n > 0 {
			said = append(said, say.T("rota.gap", "n", n, "from", load[from].Hour, "to", load[i-1].Hour+1))
		}
	}
	return strings.Join(said, " · ")
}

func (c *Room) rotaPerson(say *i18n.Printer, p staff.Person, days []string, shifts []rota.Shift, absences []rota.Absence) rotaPerson {
	row := rotaPerson{id: p.ID, alias: p.Alias}
	minutes := 0
	for _, day := range days {
		var cell []rotaShift
		for _, s := range shifts {
			if s.StaffID == p.ID && s.Day == day {
				cell = append(cell, c.rotaShift(say, s, p.Alias))
				if s.Post != rota.OnCall {
					minutes += s.To - s.From
				}
			}
		}
		row.cells = append(row.cells, cell)
		row.absent = append(row.absent, slices.ContainsFunc(absences, func(a rota.Absence) bool { return a.StaffID == p.ID && a.First <= day && a.Last >= day }))
	}
	if minutes > 0 {
		row.total = say.T("rota.hours", "n", (minutes+30)/60)
	}
	return row
}

// broken is a warning in words, with its article.
func (c *Room) broken(say *i18n.Printer, w rota.Warning, called names) string {
	return say.T("rota.warn."+string(w.Rule), "who", called.of(w.StaffID), "day", say.Date(c.Rota.Moment(w.Day, 12*60)), "n", w.N)
}

// rotaDayView is a day by its hours.
type rotaDayView struct {
	say          *i18n.Printer
	day, title   string
	before, next string
	week         string
	known        bool
	hours        []rotaHour
	shifts       []rotaShift
	plans        bool
	target       catalogue.Planning
}

// rotaHour is an hour: what is expected, who is there, and what is lacking in words and by a sign.
type rotaHour struct {
	hour, expected, needed, staffed, who, state string
	lacks                                       bool
}

func (c *Room) rotaOfDay(w http.ResponseWriter, r *http.Request, day string) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	v := rotaDayView{target: c.Rota.Planning(), say: say, day: day, title: say.Date(c.Rota.Moment(day, 12*60)), plans: m.Can(staff.RotaEdit), week: "/desk/rota?week=" + rota.Monday(day),
		before: "/desk/rota?day=" + rota.Shifted(day, -1), next: "/desk/rota?day=" + rota.Shifted(day, 1)}
	_, called, err := c.roster(ctx)
	if err != nil {
		return err
	}
	shifts, err := c.Rota.Between(ctx, day, day, v.plans)
	if err != nil {
		return err
	}
	for _, s := range shifts {
		v.shifts = append(v.shifts, c.rotaShift(say, s, called.of(s.StaffID)))
	}
	load, err := c.Rota.Load(ctx, []string{day}, v.plans)
	if err != nil {
		return err
	}
	for _, e := range load[day] {
		if row, shown := c.rotaHour(say, day, e, shifts, called); shown {
			v.hours, v.known = append(v.hours, row), v.known || e.Known
		}
	}
	answer.Page(w, r, http.StatusOK, rotaDayPage(v, c.shell(r, say, m, "rota.title")))
	return nil
}

// rotaHour is drawn while we are open, or somebody is there.
func (c *Room) rotaHour(say *i18n.Printer, day string, e rota.Expected, shifts []rota.Shift, called names) (rotaHour, bool) {
	from, to := c.Rota.Moment(day, e.Hour*60).UnixMilli(), c.Rota.Moment(day, e.Hour*60+60).UnixMilli()
	var there []string
	for _, s := range shifts {
		if s.FromAt < to && s.ToAt > from {
			name := called.of(s.StaffID)
			if s.Post != rota.Both {
				name += " (" + say.T("rota.post."+string(s.Post)) + ")"
			}
			there = append(there, name)
		}
	}
	row := rotaHour{hour: clockOf(e.Hour * 60), who: strings.Join(there, ", "), staffed: say.Number(int64(e.Staffed()))}
	if e.Known {
		row.expected = say.T("rota.expected", "calls", tenth(say, e.Calls), "chats", tenth(say, e.Chats))
		row.needed = say.Number(int64(e.Needed()))
	}
	switch n := e.Missing(); {
	case !e.Open:
		row.state = say.T("rota.closed")
	case n > 0:
		row.state, row.lacks = say.T("rota.lacks", "n", n), true
	default:
		row.state = say.T("rota.enough")
	}
	return row, e.Open || len(there) > 0
}

// tenth is a number with one digit after the comma where it has one; a whole one is said as such.
func tenth(say *i18n.Printer, f float64) any {
	if f == float64(int64(f)) {
		return int64(f)
	}
	text := strconv.FormatFloat(f, 'f', 1, 64)
	if say.Lang() == i18n.French {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// onRota does one act of those who plan and shows the week again: with what was done, or with why not.
func (c *Room) onRota(w http.ResponseWriter, r *http.Request, done string, act func(ctx context.Context, form url.Values, by audit.Actor) error) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	q := c.rotaAsked(form)
	err = act(r.Context(), form, me(r))
	switch fault.KindOf(err) {
	case "":
		http.Redirect(w, r, "/desk/rota?"+url.Values{"week": {q.monday}, "done": {done}}.Encode(), http.StatusSeeOther)
		return nil
	case fault.Invalid, fault.Conflict, fault.Gone, fault.NotFound:
		return c.rotaWeek(w, r, answer.Status(err), q, err)
	}
	return err
}

// minutesOf reads "15:30"; -1 for what is no time, which no shift has.
func minutesOf(text string) int {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// PlanShift plans a shift as a draft.
func (c *Room) PlanShift(w http.ResponseWriter, r *http.Request) error {
	return c.onRota(w, r, "planned", func(ctx context.Context, form url.Values, by audit.Actor) error {
		s := rota.Shift{ID: form.Get("id"), StaffID: form.Get("who"), Day: form.Get("on"), From: minutesOf(form.Get("from")), To: minutesOf(form.Get("to")), Post: rota.Post(form.Get("post"))}
		if s.To < 0 {
			return fault.New(fault.Invalid, "fault.rota.times", "max", rota.Longest/60)
		}
		return c.Rota.Plan(ctx, s, by)
	})
}

// ChangeShift changes a shift, or takes it out.
func (c *Room) ChangeShift(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("shift")
	return c.onRota(w, r, "changed", func(ctx context.Context, form url.Values, by audit.Actor) error {
		if form.Get("act") == "remove" {
			return c.Rota.Remove(ctx, id, by)
		}
		from, to := minutesOf(form.Get("from")), minutesOf(form.Get("to"))
		if to < 0 {
			return fault.New(fault.Invalid, "fault.rota.times", "max", rota.Longest/60)
		}
		return c.Rota.Change(ctx, id, form.Get("on"), from, to, rota.Post(form.Get("post")), by)
	})
}

// PublishRota makes the drafts of a week known.
func (c *Room) PublishRota(w http.ResponseWriter, r *http.Request) error {
	return c.onRota(w, r, "published", func(ctx context.Context, form url.Values, by audit.Actor) error {
		monday := c.rotaAsked(form).monday
		_, err := c.Rota.Publish(ctx, monday, rota.Shifted(monday, 6), by)
		return err
	})
}

// KeepPattern keeps a week as a usual one.
func (c *Room) KeepPattern(w http.ResponseWriter, r *http.Request) error {
	return c.onRota(w, r, "kept", func(ctx context.Context, form url.Values, by audit.Actor) error {
		return c.Rota.Keep(ctx, form.Get("code"), c.rotaAsked(form).monday, by)
	})
}

// LayPattern lays a usual week onto this one, and as many after it as asked.
func (c *Room) LayPattern(w http.ResponseWriter, r *http.Request) error {
	return c.onRota(w, r, "laid", func(ctx context.Context, form url.Values, by audit.Actor) error {
		_, err := c.Rota.Lay(ctx, form.Get("code"), c.rotaAsked(form).monday, int(number(form.Get("weeks"))), by)
		return err
	})
}

// DecideSwap is a supervisor's yes or no to a swap.
func (c *Room) DecideSwap(w http.ResponseWriter, r *http.Request) error {
	return c.onRota(w, r, "decided", func(ctx context.Context, form url.Values, by audit.Actor) error {
		return c.Rota.Decide(ctx, r.PathValue("swap"), form.Get("yes") == "1", by)
	})
}
