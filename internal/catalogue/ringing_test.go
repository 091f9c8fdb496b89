package catalogue

import (
	"testing"
	"time"
)

// A phone rings at somebody's home between two times of the clock on her wall, on the days of 23 and of 25 hours too, and
// only while we answer: not on a holiday that we keep, on a day that is an exception, or while a supervisor has closed the
// line.
func TestWhenAPhoneMayRing(t *testing.T) {
	const week = "[[week]]\n" + everyDay + "from = \"09:00\"\nto = \"23:00\"\n"
	const christmas = "holidays = \"fr\"\n" + week
	const short = week + "[[exception]]\ndate = \"2027-05-12\"\nperiods = [{ from = \"14:00\", to = \"15:00\" }]\n[[exception]]\ndate = \"2027-05-13\"\nclosed = true\n"
	const evening = "from = \"2027-05-10T17:00:00+02:00\"\nuntil = \"2027-05-11T11:30:00+02:00\"\n"
	const night = "[[week]]\n" + everyDay + "from = \"19:00\"\nto = \"12:00\"\n"
	for _, c := range []struct{ what, hours, closed, at, want string }{
		{"before the morning", week, "", "2027-05-10 07:00", "2027-05-10 10:00"},
		{"at ten", week, "", "2027-05-10 10:00", "now"},
		{"at the end", week, "", "2027-05-10 20:00", "2027-05-11 10:00"},
		{"the last minute", week, "", "2027-05-10 19:59", "now"},
		{"23 hours: before", week, "", "2027-03-28 09:59", "2027-03-28 10:00"},
		{"23 hours: at ten", week, "", "2027-03-28 10:00", "now"},
		{"23 hours: at the end", week, "", "2027-03-28 20:00", "2027-03-29 10:00"},
		{"23 hours: from the evening before", week, "", "2027-03-27 21:00", "2027-03-28 10:00"},
		{"25 hours: before", week, "", "2027-10-31 09:59", "2027-10-31 10:00"},
		{"25 hours: the last minute", week, "", "2027-10-31 19:59", "now"},
		{"25 hours: at the end", week, "", "2027-10-31 20:00", "2027-11-01 10:00"},
		{"25 December, which is kept", christmas, "", "2027-12-25 11:00", "2027-12-26 10:00"},
		{"a short day", short, "", "2027-05-12 11:00", "2027-05-12 14:00"},
		{"a short day, and none after it", short, "", "2027-05-12 15:00", "2027-05-14 10:00"},
		{"while the line is closed", week, evening, "2027-05-10 18:00", "2027-05-11 11:30"},
		{"before the line is closed", week, evening, "2027-05-10 16:59", "now"},
		{"hours over midnight: in the morning", night, "", "2027-05-10 11:00", "now"},
		{"hours over midnight: at noon", night, "", "2027-05-10 12:00", "2027-05-10 19:00"},
	} {
		phone := &Phone{Callback: CallbackRules{from: 10 * time.Hour, until: 20 * time.Hour}}
		set := &Set{Phone: phone, Hours: hoursOf(t, c.hours, c.closed)}
		next, may := set.MayRing(paris(t, c.at))
		got := next.In(set.Hours.Zone()).Format("2006-01-02 15:04")
		if may && next.Equal(paris(t, c.at)) {
			got = "now"
		}
		if got != c.want {
			t.Errorf("%s, at %s: %s, want %s", c.what, c.at, got, c.want)
		}
	}
}

// Hours that never meet those in which a phone may ring are never, and not a time.
func TestAPhoneThatMayNeverRing(t *testing.T) {
	set := &Set{Phone: &Phone{Callback: CallbackRules{from: 10 * time.Hour, until: 20 * time.Hour}},
		Hours: hoursOf(t, "[[week]]\n"+everyDay+"from = \"21:00\"\nto = \"23:00\"\n", "")}
	if next, may := set.MayRing(paris(t, "2027-05-10 12:00")); may || !next.IsZero() {
		t.Errorf("it may ring: %v, at %s", may, next)
	}
}
