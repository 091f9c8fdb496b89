package catalogue

import "time"

// ringingWithin is how many days are looked through for a time at which somebody may be called.
const ringingWithin = 400

// MayRing says whether a phone may ring at somebody's home at t, and if not when next: between the clock times of the
// rules on a local day, and only while we answer (hours, holidays, exceptions, a closure). next is zero when there is no
// such time within a year.
func (s *Set) MayRing(t time.Time) (next time.Time, may bool) {
	return s.Phone.Callback.at(t, s.Hours)
}

func (c CallbackRules) at(t time.Time, h *Hours) (next time.Time, may bool) {
	local := t.In(h.zone)
	year, month, today := local.Date()
	for day := today; day <= today+ringingWithin; day++ {
		// Through time.Date, which knows the days of 23 and of 25 hours: ten o'clock is ten on the wall.
		clock := func(since time.Duration) time.Time {
			return time.Date(year, month, day, 0, int(since/time.Minute), 0, 0, h.zone)
		}
		home := span{clock(c.from), clock(c.until)}
		for _, s := range append(h.day(year, month, day-1), h.day(year, month, day)...) { // hours may reach over midnight
			from, to := later(home.from, s.from), home.to
			if s.to.Before(to) {
				to = s.to
			}
			if !from.Before(to) || !t.Before(to) {
				continue
			}
			if from.After(t) {
				return from, false
			}
			return t, true
		}
	}
	return time.Time{}, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
