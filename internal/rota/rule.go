package rota

import (
	"slices"
	"time"
)

// Rule is what a plan may break. The words and the article stand in the sentences.
type Rule string

// The rules, which warn and do not refuse.
const (
	// Rest is eleven hours between two days of work (Code du travail, L3131-1).
	Rest Rule = "rest"
	// Hours is 48 hours of work in one week, Monday to Sunday (L3121-20, L3121-35).
	Hours Rule = "hours"
	// Days is more than six days one after the other (L3132-1).
	Days Rule = "days"
	// NotThere is a shift on a day on which she cannot.
	NotThere Rule = "absent"
)

// Warning is a rule that somebody's plan breaks on a day. N is the hours of rest or of work, or the days in a row, in whole ones.
type Warning struct {
	StaffID string
	Day     string
	Rule    Rule
	N       int
}

const (
	leastRest = 11 * time.Hour
	mostWork  = 48 * time.Hour
	mostDays  = 6
)

// Check says what rules a plan breaks, by day. Being on call at night is no work and interrupts no rest (L3121-9, L3121-10): such
// shifts count for NotThere only. Breaks within a shift are not known here and count as work. A split day has its rest at night: two
// shifts of one day are not held against one another.
func Check(shifts []Shift, absences []Absence, zone *time.Location) []Warning {
	var all []Warning
	by := map[string][]Shift{}
	for _, s := range shifts {
		if s.State == Cancelled {
			continue
		}
		if slices.ContainsFunc(absences, func(a Absence) bool { return a.covers(s) }) {
			all = append(all, Warning{s.StaffID, s.Day, NotThere, 0})
		}
		if s.Post != OnCall {
			by[s.StaffID] = append(by[s.StaffID], s)
		}
	}
	for id, hers := range by {
		slices.SortFunc(hers, func(a, b Shift) int { return int(a.FromAt - b.FromAt) })
		weeks, row, last := map[string]time.Duration{}, 0, ""
		for i, s := range hers {
			if i > 0 && hers[i-1].Day != s.Day {
				if rest := time.Duration(s.FromAt-hers[i-1].ToAt) * time.Millisecond; rest < leastRest {
					all = append(all, Warning{id, s.Day, Rest, int(rest / time.Hour)})
				}
			}
			if s.Day != last {
				if row++; last == "" || Shifted(last, 1) != s.Day {
					row = 1
				}
				if last = s.Day; row > mostDays {
					all = append(all, Warning{id, s.Day, Days, row})
				}
			}
			if w, ok := tooLong(weeks, s, zone); ok {
				all = append(all, Warning{id, s.Day, Hours, int((w + time.Hour - 1) / time.Hour)})
			}
		}
	}
	slices.SortFunc(all, func(a, b Warning) int {
		if a.Day != b.Day {
			return compare(a.Day, b.Day)
		}
		return compare(a.StaffID+string(a.Rule), b.StaffID+string(b.Rule))
	})
	return all
}

// tooLong adds a shift to its week, what is after Sunday's midnight to the next; over says that her week is over the limit with it.
func tooLong(weeks map[string]time.Duration, s Shift, zone *time.Location) (work time.Duration, over bool) {
	week := Monday(s.Day)
	next := Shifted(week, 7)
	d, _ := time.Parse(time.DateOnly, next)
	end := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone).UnixMilli()
	weeks[week] += time.Duration(min(s.ToAt, end)-s.FromAt) * time.Millisecond
	weeks[next] += time.Duration(max(0, s.ToAt-end)) * time.Millisecond
	return weeks[week], weeks[week] > mostWork
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
