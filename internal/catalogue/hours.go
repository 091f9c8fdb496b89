package catalogue

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a bare machine may know no time zone, and the hours must still be right
)

// Hours are when the helpline answers.
type Hours struct {
	head
	Timezone string `toml:"timezone"`
	// ClosingSoonMinutes is how long before closing the queue says so.
	ClosingSoonMinutes int `toml:"closing_soon_minutes"`
	// Holidays names the country whose public holidays are computed ("fr"), "" for none.
	Holidays       string      `toml:"holidays"`
	OpenOnHolidays bool        `toml:"open_on_holidays"`
	Week           []WeekHours `toml:"week"`
	Exceptions     []Exception `toml:"exception"`
	Planning       Planning    `toml:"planning"`

	zone    *time.Location
	closure *closure
}

// Planning is what the rota reckons with. What is not written is as usual: four of five calls within a minute, and as
// many conversations at once as the floor gives.
type Planning struct {
	AnsweredPercent int `toml:"answered_percent"`
	WithinSeconds   int `toml:"within_seconds"`
	ChatsAtOnce     int `toml:"chats_at_once"`
}

// Planned is Planning with what is usual filled in; chats are those that a counsellor takes at once where nothing else is written.
func (h *Hours) Planned(chats int) Planning {
	p := h.Planning
	return Planning{AnsweredPercent: cmp.Or(p.AnsweredPercent, 80), WithinSeconds: cmp.Or(p.WithinSeconds, 60), ChatsAtOnce: cmp.Or(p.ChatsAtOnce, chats)}
}

// WeekHours are the hours of some days of the week; a day may stand in several.
type WeekHours struct {
	Days []string `toml:"days"` // mon, tue, wed, thu, fri, sat, sun
	Period
}

// Period is a part of a day in local time, "09:00" to "23:00". "24:00" is midnight; an end before the
// beginning is on the next day.
type Period struct {
	From string `toml:"from"`
	To   string `toml:"to"`
}

// Exception replaces the hours of one date.
type Exception struct {
	Date    string   `toml:"date"` // "2026-12-24"
	Closed  bool     `toml:"closed"`
	Periods []Period `toml:"periods"`
	// Note says why, to visitors.
	Note Text `toml:"note"`
}

// closure is "closed now": the floor is evacuated, the network is down. It is a document of its own so
// that a supervisor sets it without touching the hours, and it is short so that none is forgotten.
type closure struct {
	head
	From   string `toml:"from"` // RFC 3339; both empty when nothing is closed
	Until  string `toml:"until"`
	Reason Text   `toml:"reason"` // told to visitors

	from, until time.Time
}

// maxClosure is how long a closure may last; a longer one is an exception in the hours.
const maxClosure = 48 * time.Hour

// OpenState is what the hours say at one moment.
type OpenState struct {
	Open        bool
	ClosingSoon bool
	// OpensAt is the next opening while closed, and ClosesAt the closing while open; zero when there is
	// none in sight (never opens within a year; does not close within a week).
	OpensAt, ClosesAt time.Time
	// Closed is set while a supervisor has closed the line for a while.
	Closed bool
	// Note says why the hours are not the usual ones, Holiday which public holiday it is; nil otherwise.
	Note, Holiday Text
}

// span is a time during which we answer, [from, to).
type span struct{ from, to time.Time }

// At says whether the helpline answers at t, until when, and otherwise when it will.
func (h *Hours) At(t time.Time) OpenState {
	local := t.In(h.zone)
	state := OpenState{Note: h.note(local)}
	if name := h.holiday(local); name != nil {
		state.Holiday = name
	}
	if _, reason, closed := h.ClosedAt(t); closed {
		state.Closed, state.Note = true, reason
	}
	next, ok := h.next(t)
	switch {
	case !ok:
	case next.from.After(t):
		state.OpensAt = next.from
	default:
		state.Open = true
		if next.to.Sub(t) < 7*24*time.Hour {
			state.ClosesAt = next.to
			state.ClosingSoon = next.to.Sub(t) <= time.Duration(h.ClosingSoonMinutes)*time.Minute
		}
	}
	return state
}

// ClosedAt says until when a supervisor has closed the line at t, and what visitors are told of why.
func (h *Hours) ClosedAt(t time.Time) (until time.Time, reason Text, closed bool) {
	c := h.closure
	if c == nil || t.Before(c.from) || !t.Before(c.until) {
		return time.Time{}, nil, false
	}
	return c.until, c.Reason, true
}

// Zone is the helpline's time zone.
func (h *Hours) Zone() *time.Location { return h.zone }

// next returns the first span that ends after t, joined with what follows it without a gap.
func (h *Hours) next(t time.Time) (span, bool) {
	local := t.In(h.zone)
	var found span
	ok := false
	for day := -1; day <= 400; day++ {
		for _, s := range h.day(local.Year(), local.Month(), local.Day()+day) {
			switch {
			case !s.to.After(t):
			case !ok:
				found, ok = s, true
			case s.from.After(found.to):
				return found, true
			case s.to.After(found.to):
				found.to = s.to
			}
		}
		// A day without hours, or a week without an end, settles it too.
		if ok && (found.to.Sub(t) > 8*24*time.Hour || found.to.Before(time.Date(local.Year(), local.Month(), local.Day()+day+1, 0, 0, 0, 0, h.zone))) {
			break
		}
	}
	return found, ok
}

// day returns the spans that begin on a local date, in order, without what a closure takes away. The
// day may be out of the month's range, as time.Date takes it.
func (h *Hours) day(year int, month time.Month, day int) []span {
	noon := time.Date(year, month, day, 12, 0, 0, 0, h.zone)
	var spans []span
	for _, p := range h.periods(noon) {
		from, to := clock(p.From), clock(p.To)
		if to <= from {
			to += 24 * 60
		}
		// Hours and minutes go through time.Date, which knows the days of 23 and of 25 hours.
		spans = append(spans, span{
			time.Date(noon.Year(), noon.Month(), noon.Day(), 0, from, 0, 0, h.zone),
			time.Date(noon.Year(), noon.Month(), noon.Day(), 0, to, 0, 0, h.zone),
		})
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	return h.closure.cut(spans)
}

func (h *Hours) periods(noon time.Time) []Period {
	for _, e := range h.Exceptions {
		if e.Date == noon.Format(time.DateOnly) {
			return e.Periods
		}
	}
	if !h.OpenOnHolidays && h.holiday(noon) != nil {
		return nil
	}
	var periods []Period
	for _, w := range h.Week {
		if slices.Contains(w.Days, weekdays[noon.Weekday()]) {
			periods = append(periods, w.Period)
		}
	}
	return periods
}

func (h *Hours) note(local time.Time) Text {
	for _, e := range h.Exceptions {
		if e.Date == local.Format(time.DateOnly) {
			return e.Note
		}
	}
	return nil
}

func (h *Hours) holiday(local time.Time) Text {
	if h.Holidays != "fr" {
		return nil
	}
	return frenchHoliday(local)
}

// cut takes the closure out of the spans.
func (c *closure) cut(spans []span) []span {
	if c == nil || c.from.IsZero() {
		return spans
	}
	var left []span
	for _, s := range spans {
		if !c.from.Before(s.to) || !s.from.Before(c.until) {
			left = append(left, s)
			continue
		}
		if s.from.Before(c.from) {
			left = append(left, span{s.from, c.from})
		}
		if c.until.Before(s.to) {
			left = append(left, span{c.until, s.to})
		}
	}
	return left
}

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// clock reads "09:30" as minutes since midnight; -1 for what is not a time of day.
func clock(s string) int {
	hour, minute, ok := strings.Cut(s, ":")
	h, err1 := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if !ok || len(s) != 5 || err1 != nil || err2 != nil || h < 0 || h > 24 || m < 0 || m > 59 || h == 24 && m > 0 {
		return -1
	}
	return 60*h + m
}

func (h *Hours) check(p *page) {
	zone, err := time.LoadLocation(h.Timezone)
	if err != nil || h.Timezone == "" {
		p.flaw("timezone", "timezone")
		zone = time.UTC
	}
	h.zone = zone
	if h.ClosingSoonMinutes < 0 || h.ClosingSoonMinutes > 180 {
		p.flaw("max", "closing_soon_minutes")
	}
	for _, n := range []struct {
		path     string
		n, limit int
	}{{"answered_percent", h.Planning.AnsweredPercent, 99}, {"within_seconds", h.Planning.WithinSeconds, 600}, {"chats_at_once", h.Planning.ChatsAtOnce, 10}} {
		if n.n < 0 || n.n > n.limit {
			p.flaw("max", "planning."+n.path)
		}
	}
	if h.Holidays != "" {
		p.oneOf("holidays", h.Holidays, "fr")
	}
	if len(h.Week) == 0 {
		p.flaw("empty", "week")
	}
	for i, w := range h.Week {
		for j, d := range w.Days {
			p.oneOf(at("week[%d].days[%d]", i, j), d, weekdays[:]...)
		}
		w.Period.check(p, at("week[%d]", i))
	}
	dates := map[string]bool{}
	for i, e := range h.Exceptions {
		path := at("exception[%d]", i)
		p.date(path+".date", e.Date)
		if dates[e.Date] {
			p.flaw("code_twice", path+".date", "code", e.Date)
		}
		dates[e.Date] = true
		if e.Closed != (len(e.Periods) == 0) {
			p.flaw("exception", path)
		}
		for j, period := range e.Periods {
			period.check(p, at("%s.periods[%d]", path, j))
		}
		p.optional(path+".note", e.Note)
	}
}

func (period Period) check(p *page, path string) {
	if clock(period.From) < 0 || clock(period.From) == 24*60 {
		p.flaw("time_form", path+".from", "value", period.From)
	}
	if clock(period.To) < 0 {
		p.flaw("time_form", path+".to", "value", period.To)
	}
}

func (c *closure) check(p *page) {
	if c.From == "" && c.Until == "" {
		return
	}
	var err1, err2 error
	c.from, err1 = time.Parse(time.RFC3339, c.From)
	c.until, err2 = time.Parse(time.RFC3339, c.Until)
	if err1 != nil || err2 != nil || !c.until.After(c.from) || c.until.Sub(c.from) > maxClosure {
		p.flaw("closure", "until", "max", int(maxClosure/time.Hour))
		c.from, c.until = time.Time{}, time.Time{}
	}
	p.optional("reason", c.Reason)
}
