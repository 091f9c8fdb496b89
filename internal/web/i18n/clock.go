package i18n

import (
	"fmt"
	"time"
	_ "time/tzdata" // a bare server may have no time zone files; the helpline's hours need Paris
)

// Paris is the zone of the helpline's clock: a counsellor and a child read the same hour.
var Paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic("i18n: " + err.Error()) // tzdata is linked in: this cannot fail on a sound build
	}
	return zone
}()

var (
	frenchDays   = [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
	frenchMonths = [...]string{"", "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
)

// Time is the hour of the day in Paris: "21 h 04" or "23 h" in French, "21:04" in English.
func (p *Printer) Time(t time.Time) string {
	t = t.In(Paris)
	if p.lang == French && t.Minute() == 0 {
		return fmt.Sprintf("%d%sh", t.Hour(), noBreak)
	}
	if p.lang == French {
		return fmt.Sprintf("%d%sh%s%02d", t.Hour(), noBreak, noBreak, t.Minute())
	}
	return t.Format("15:04")
}

// Clock is the hour in figures only, "21:04", for lists and bubbles where room is short.
func (p *Printer) Clock(t time.Time) string { return t.In(Paris).Format("15:04") }

// Date is the whole day: "mardi 3 mars 2026", "Tuesday 3 March 2026".
func (p *Printer) Date(t time.Time) string {
	t = t.In(Paris)
	if p.lang == French {
		return fmt.Sprintf("%s %s%s%s %d", frenchDays[t.Weekday()], ordinal(t.Day()), noBreak, frenchMonths[t.Month()], t.Year())
	}
	return t.Format("Monday 2 January 2006")
}

// DateTime is day and hour: "mardi 3 mars 2026 à 21 h 04".
func (p *Printer) DateTime(t time.Time) string {
	return p.T("clock.date_time", "date", p.Date(t), "time", p.Time(t))
}

// Day names the day as people say it: "aujourd'hui", "hier", or the date, seen from now.
func (p *Printer) Day(t, now time.Time) string {
	t, now = t.In(Paris), now.In(Paris)
	switch {
	case sameDay(t, now):
		return p.T("clock.today")
	case sameDay(t, now.AddDate(0, 0, -1)):
		return p.T("clock.yesterday")
	case sameDay(t, now.AddDate(0, 0, 1)):
		return p.T("clock.tomorrow")
	default:
		return p.Date(t)
	}
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

// Duration is a length of time in words, as coarse as a person would say it: "moins d'une minute",
// "12 minutes", "1 h 05", "3 jours".
func (p *Printer) Duration(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute) / time.Minute); {
	case d < time.Minute:
		return p.T("clock.under_a_minute")
	case minutes < 60:
		return p.T("clock.minutes", "n", minutes)
	case minutes < 24*60:
		if p.lang == French {
			return fmt.Sprintf("%d%sh%s%02d", minutes/60, noBreak, noBreak, minutes%60)
		}
		return fmt.Sprintf("%d%sh%s%02d%smin", minutes/60, noBreak, noBreak, minutes%60, noBreak)
	default:
		return p.T("clock.days", "n", minutes/(24*60))
	}
}

// Short is a length of time in figures for lists and countdowns: "0:42", "12:05", "1:04:10".
func (p *Printer) Short(d time.Duration) string {
	s := int(d / time.Second)
	if s < 0 {
		s = 0
	}
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// ordinal says the first of the month as French does.
func ordinal(day int) string {
	if day == 1 {
		return "1er"
	}
	return fmt.Sprint(day)
}
