package catalogue

import "time"

// frenchHoliday returns the name of the French public holiday on that date (Code du travail, L3133-1),
// nil on any other day.
func frenchHoliday(day time.Time) Text {
	switch day.Format("01-02") {
	case "01-01":
		return Text{"fr": "jour de l'An", "en": "New Year's Day"}
	case "05-01":
		return Text{"fr": "fête du Travail", "en": "Labour Day"}
	case "05-08":
		return Text{"fr": "8 mai", "en": "Victory Day"}
	case "07-14":
		return Text{"fr": "14 juillet", "en": "Bastille Day"}
	case "08-15":
		return Text{"fr": "Assomption", "en": "Assumption Day"}
	case "11-01":
		return Text{"fr": "Toussaint", "en": "All Saints' Day"}
	case "11-11":
		return Text{"fr": "11 novembre", "en": "Armistice Day"}
	case "12-25":
		return Text{"fr": "Noël", "en": "Christmas Day"}
	}
	switch year, month, date := day.Date(); time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Sub(easter(year)) / (24 * time.Hour) {
	case 1:
		return Text{"fr": "lundi de Pâques", "en": "Easter Monday"}
	case 39:
		return Text{"fr": "Ascension", "en": "Ascension Day"}
	case 50:
		return Text{"fr": "lundi de Pentecôte", "en": "Whit Monday"}
	}
	return nil
}

// easter returns Easter Sunday at midnight UTC, by the anonymous Gregorian algorithm (Meeus,
// "Astronomical Algorithms", chapter 8).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 19*l) / 433
	month := (h + l - 7*m + 90) / 25
	date := (h + l - 7*m + 33*month + 19) % 32
	return time.Date(year, time.Month(month), date, 0, 0, 0, 0, time.UTC)
}

// WorkingDay says whether a day is neither a Saturday, a Sunday nor a public holiday: on no other day ends a period of law
// (Regulation (EEC, Euratom) 1182/71, Art. 2 and 3(4)).
func (h *Hours) WorkingDay(day time.Time) bool {
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && h.holiday(day) == nil
}
