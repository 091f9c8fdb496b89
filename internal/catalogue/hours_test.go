package catalogue

import (
	"testing"
	"time"
)

// hoursOf reads hours written in a test, with a closure if there is one.
func hoursOf(t *testing.T, text, closed string) *Hours {
	t.Helper()
	h, c := new(Hours), new(closure)
	if p := decode(DocHours, []byte("edition = 1\ntimezone = \"Europe/Paris\"\nclosing_soon_minutes = 30\n"+text), h, proposed); len(p.flaws) > 0 {
		t.Fatal(p.flaws)
	}
	if p := decode(DocClosure, []byte("edition = 1\n"+closed), c, proposed); len(p.flaws) > 0 {
		t.Fatal(p.flaws)
	}
	h.closure = c
	return h
}

const everyDay = "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n"

// paris is a local time, "2026-11-23 09:00".
func paris(t *testing.T, at string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	local, err := time.ParseInLocation("2006-01-02 15:04:05", at+":00", zone)
	if err != nil {
		local, err = time.ParseInLocation("2006-01-02 15:04:05", at, zone)
	}
	if err != nil {
		t.Fatal(err)
	}
	return local
}

// state says an OpenState in a few words: "open until 2026-11-23 23:00", "closed until …".
func say(h *Hours, s OpenState) string {
	local := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.In(h.Zone()).Format("2006-01-02 15:04")
	}
	switch {
	case s.Open && s.ClosingSoon:
		return "closing soon, at " + local(s.ClosesAt)
	case s.Open:
		return "open until " + local(s.ClosesAt)
	}
	return "closed until " + local(s.OpensAt)
}

func expect(t *testing.T, h *Hours, at, want string) {
	t.Helper()
	if got := say(h, h.At(paris(t, at))); got != want {
		t.Errorf("at %s: %s, want %s", at, got, want)
	}
}

// From nine to eleven at night, seven days a week, and half an hour before the end it says so.
func TestOrdinaryDays(t *testing.T) {
	h := seedSet(t).Hours
	expect(t, h, "2026-11-23 08:59", "closed until 2026-11-23 09:00")
	expect(t, h, "2026-11-23 09:00", "open until 2026-11-23 23:00")
	expect(t, h, "2026-11-23 22:29", "open until 2026-11-23 23:00")
	expect(t, h, "2026-11-23 22:30", "closing soon, at 2026-11-23 23:00")
	expect(t, h, "2026-11-23 22:59:59", "closing soon, at 2026-11-23 23:00")
	expect(t, h, "2026-11-23 23:00", "closed until 2026-11-24 09:00")
	expect(t, h, "2026-11-23 00:00", "closed until 2026-11-23 09:00")
	expect(t, h, "2026-12-31 23:30", "closed until 2027-01-01 09:00")
	// Asked in another zone the answer is the same moment.
	if s := h.At(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)); !s.Open {
		t.Error("nine in Paris is eight in London, and we are closed")
	}
}

// On the two Sundays of the year that have 23 and 25 hours the line opens and closes at the hour that
// clocks show.
func TestClockChanges(t *testing.T) {
	h := seedSet(t).Hours
	// 28 March 2027: at 2:00 it is 3:00.
	expect(t, h, "2027-03-27 23:30", "closed until 2027-03-28 09:00")
	expect(t, h, "2027-03-28 08:59", "closed until 2027-03-28 09:00")
	expect(t, h, "2027-03-28 22:30", "closing soon, at 2027-03-28 23:00")
	if s := h.At(paris(t, "2027-03-27 23:30")); s.OpensAt.Sub(paris(t, "2027-03-27 23:30")) != 8*time.Hour+30*time.Minute {
		t.Errorf("that night lasts %v", s.OpensAt.Sub(paris(t, "2027-03-27 23:30")))
	}
	// 31 October 2027: at 3:00 it is 2:00.
	expect(t, h, "2027-10-31 08:59", "closed until 2027-10-31 09:00")
	expect(t, h, "2027-10-31 09:00", "open until 2027-10-31 23:00")
	if s := h.At(paris(t, "2027-10-30 23:30")); s.OpensAt.Sub(paris(t, "2027-10-30 23:30")) != 10*time.Hour+30*time.Minute {
		t.Errorf("that night lasts %v", s.OpensAt.Sub(paris(t, "2027-10-30 23:30")))
	}
	// A line open through the night is open for 7 and for 9 hours.
	night := hoursOf(t, "[[week]]\n"+everyDay+"from = \"22:00\"\nto = \"06:00\"\n", "")
	for day, want := range map[string]time.Duration{"2027-03-27": 7 * time.Hour, "2027-10-30": 9 * time.Hour, "2027-06-05": 8 * time.Hour} {
		from := paris(t, day+" 22:00")
		if s := night.At(from); !s.Open || s.ClosesAt.Sub(from) != want {
			t.Errorf("the night of %s lasts %v, want %v", day, s.ClosesAt.Sub(from), want)
		}
	}
	// Within the hour that there is twice it stays open both times.
	second := time.Date(2027, 10, 31, 1, 30, 0, 0, time.UTC) // 2:30 for the second time
	if s := night.At(second); !s.Open || say(night, s) != "open until 2027-10-31 06:00" {
		t.Errorf("in the second 2:30: %s", say(night, s))
	}
}

// A night that goes over midnight belongs to the day on which it began; hours that touch are one.
func TestOverMidnight(t *testing.T) {
	h := hoursOf(t, "[[week]]\ndays = [\"fri\"]\nfrom = \"20:00\"\nto = \"02:00\"\n[[week]]\ndays = [\"sat\"]\nfrom = \"02:00\"\nto = \"03:00\"\n", "")
	expect(t, h, "2026-11-27 23:59", "open until 2026-11-28 03:00") // a Friday
	expect(t, h, "2026-11-28 01:00", "open until 2026-11-28 03:00")
	expect(t, h, "2026-11-28 03:00", "closed until 2026-12-04 20:00")
	expect(t, h, "2026-11-28 20:00", "closed until 2026-12-04 20:00")

	always := hoursOf(t, "[[week]]\n"+everyDay+"from = \"00:00\"\nto = \"24:00\"\n", "")
	expect(t, always, "2026-11-28 23:59", "open until never")
	never := hoursOf(t, "[[week]]\ndays = []\nfrom = \"09:00\"\nto = \"10:00\"\n", "")
	expect(t, never, "2026-11-28 23:59", "closed until never")
}

// A day that is not like the others replaces the hours of its date, and says why.
func TestExceptions(t *testing.T) {
	h := hoursOf(t, `
[[week]]
`+everyDay+`from = "09:00"
to = "23:00"
[[exception]]
date = "2026-12-24"
periods = [{ from = "09:00", to = "12:00" }, { from = "14:00", to = "20:00" }]
note = { fr = "Ce soir, on ferme à 20 h.", en = "Tonight we close at 8 pm." }
[[exception]]
date = "2026-12-25"
closed = true
`, "")
	expect(t, h, "2026-12-24 10:00", "open until 2026-12-24 12:00")
	expect(t, h, "2026-12-24 11:45", "closing soon, at 2026-12-24 12:00")
	expect(t, h, "2026-12-24 13:00", "closed until 2026-12-24 14:00")
	expect(t, h, "2026-12-24 20:00", "closed until 2026-12-26 09:00")
	if note := h.At(paris(t, "2026-12-24 10:00")).Note.In("en"); note != "Tonight we close at 8 pm." {
		t.Errorf("the note says %q", note)
	}
	if note := h.At(paris(t, "2026-12-23 10:00")).Note; note != nil {
		t.Errorf("the day before has the note %q", note)
	}
}

// Closed for the afternoon: everybody reads why, and the line opens again by itself.
func TestClosedNow(t *testing.T) {
	h := hoursOf(t, "[[week]]\n"+everyDay+"from = \"09:00\"\nto = \"23:00\"\n",
		"from = \"2026-11-23T14:00:00+01:00\"\nuntil = \"2026-11-23T16:30:00+01:00\"\nreason = { fr = \"Panne de réseau.\", en = \"Network failure.\" }\n")
	expect(t, h, "2026-11-23 13:00", "open until 2026-11-23 14:00")
	expect(t, h, "2026-11-23 13:45", "closing soon, at 2026-11-23 14:00")
	expect(t, h, "2026-11-23 14:00", "closed until 2026-11-23 16:30")
	expect(t, h, "2026-11-23 16:30", "open until 2026-11-23 23:00")
	if s := h.At(paris(t, "2026-11-23 15:00")); !s.Closed || s.Note.In("fr") != "Panne de réseau." {
		t.Errorf("%+v", s)
	}
	if s := h.At(paris(t, "2026-11-23 08:00")); s.Closed || s.Note != nil {
		t.Errorf("before it begins: %+v", s)
	}
}

// Public holidays have a name, and we answer on them.
func TestHolidays(t *testing.T) {
	// Easter Sundays as published by the Bureau des longitudes.
	for year, want := range map[int]string{2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2030: "04-21", 2035: "03-25", 2038: "04-25", 2049: "04-18"} {
		if got := easter(year).Format("01-02"); got != want {
			t.Errorf("Easter %d is on %s, want %s", year, got, want)
		}
	}
	h := seedSet(t).Hours
	for date, name := range map[string]string{
		"2026-01-01": "jour de l'An", "2026-04-06": "lundi de Pâques", "2026-05-14": "Ascension", "2026-05-25": "lundi de Pentecôte",
		"2026-07-14": "14 juillet", "2026-12-25": "Noël", "2026-04-05": "", "2026-05-15": "",
	} {
		s := h.At(paris(t, date+" 15:00"))
		if s.Holiday.In("fr") != name || !s.Open {
			t.Errorf("%s: %q, open %v; want %q and open", date, s.Holiday.In("fr"), s.Open, name)
		}
	}
	closed := hoursOf(t, "holidays = \"fr\"\nopen_on_holidays = false\n[[week]]\n"+everyDay+"from = \"09:00\"\nto = \"23:00\"\n", "")
	expect(t, closed, "2026-05-01 10:00", "closed until 2026-05-02 09:00")
	expect(t, closed, "2026-05-02 10:00", "open until 2026-05-02 23:00")
}

// At any minute of a year the answer agrees with itself: an opening is open, the moment before is not.
func TestHoursAgree(t *testing.T) {
	for _, text := range []string{
		"[[week]]\n" + everyDay + "from = \"09:00\"\nto = \"23:00\"\n",
		"[[week]]\n" + everyDay + "from = \"22:30\"\nto = \"02:30\"\n",
		"[[week]]\ndays = [\"sun\"]\nfrom = \"01:00\"\nto = \"04:00\"\n",
	} {
		h := hoursOf(t, text, "")
		for at := paris(t, "2027-03-01 00:07"); at.Before(paris(t, "2027-11-15 00:00")); at = at.Add(97 * time.Minute) {
			s := h.At(at)
			if s.Open {
				if h.At(s.ClosesAt).Open || !h.At(s.ClosesAt.Add(-time.Second)).Open || !s.ClosesAt.After(at) {
					t.Fatalf("%s\nat %v: closes at %v, and it does not agree", text, at, s.ClosesAt)
				}
				continue
			}
			if !h.At(s.OpensAt).Open || h.At(s.OpensAt.Add(-time.Second)).Open || !s.OpensAt.After(at) {
				t.Fatalf("%s\nat %v: opens at %v, and it does not agree", text, at, s.OpensAt)
			}
		}
	}
}

// A screen asks for the hours at every drawing: it must cost nothing.
func BenchmarkHours(b *testing.B) {
	set, err := Seeds()
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	for b.Loop() {
		set.Hours.At(at)
	}
}

// The seeds answer from nine to eleven at night, as 3018 does.
func TestSeedHours(t *testing.T) {
	h := seedSet(t).Hours
	if h.Timezone != "Europe/Paris" || h.ClosingSoonMinutes != 30 || len(h.Week) != 1 || h.Week[0].From != "09:00" || h.Week[0].To != "23:00" || len(h.Week[0].Days) != 7 {
		t.Errorf("%+v", h.Week)
	}
}
