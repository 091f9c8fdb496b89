package takedown

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
)

// Times are how long something took over several notices.
type Times struct {
	// N is of how many notices it is known.
	N int
	// Median is theirs; P90 the time within which nine of ten were through (nearest rank), 0 for fewer than LeastP90.
	Median, P90 time.Duration
}

// LeastP90 is how many there have to be before anything is said of the slowest tenth.
const LeastP90 = 5

// Line is what became of the notices of a platform, or of a ground.
type Line struct {
	// Code is the platform's or the ground's; "" for hosts that the catalogue does not know.
	Code string
	Sent int
	// Acted and Refused are of those that were decided, by the last decision; Reversed those that were refused first.
	Acted, Refused, Reversed int
	// Silent were neither acknowledged nor decided within the platform's clock; Reappeared came back after we found them gone.
	Silent, Reappeared int
	// Acknowledge and Decide are from the sending to the platform's first word and first decision; Gone to the first of the
	// looks by which we found it gone twice.
	Acknowledge, Decide, Gone Times
	// Actions are how many were decided how.
	Actions map[string]int
}

// Figures are what became of the notices that were sent in a time. What hung on a file that was erased since is not in them.
type Figures struct {
	From, Until time.Time // Until is not in it
	Whole       Line
	Platforms   []Line // the most notices first
	Grounds     []Line
	// Pairs are how many went to a platform on a ground; a pair without any is not there.
	Pairs map[Pair]int
}

// Pair is a platform and a ground.
type Pair struct{ Platform, Ground string }

// course is one notice as the figures see it: codes and times, nothing that is sealed.
type course struct {
	id, platform, ground, action         string
	submitted, acknowledged, back        int64
	decided, refused, found, gone, since int64
}

// Figures counts the notices that were sent from a time until another.
func (t *Takedown) Figures(ctx context.Context, from, until time.Time) (Figures, error) {
	all, err := t.courses(ctx, from, until)
	if err != nil {
		return Figures{}, err
	}
	pairs := map[Pair]int{}
	for _, c := range all {
		pairs[Pair{c.platform, c.ground}]++
	}
	return Figures{From: from, Until: until, Pairs: pairs, Whole: t.line("", all), Platforms: t.lines(all, func(c course) string { return c.platform }),
		Grounds: t.lines(all, func(c course) string { return c.ground })}, nil
}

const sentIn = ` FROM takedown_notice WHERE submitted_at >= $1 AND submitted_at < $2`

func (t *Takedown) courses(ctx context.Context, from, until time.Time) ([]course, error) {
	span := []any{store.Millis(from), store.Millis(until)}
	all, err := store.All(ctx, t.db, func(r store.Row) (c course, err error) {
		return c, r.Scan(&c.id, &c.platform, &c.ground, &c.action, &c.submitted, &c.acknowledged, &c.decided)
	}, `SELECT id, platform, ground, action, submitted_at, acknowledged_at, decided_at`+sentIn+` ORDER BY submitted_at, id`, span...)
	if err != nil {
		return nil, err
	}
	of := map[string]*course{}
	for i := range all {
		all[i].decided *= -1 // the row has the last decision; the first is an event
		of[all[i].id] = &all[i]
	}
	type event struct {
		id, kind, code string
		at             int64
	}
	scan := func(r store.Row) (e event, err error) { return e, r.Scan(&e.id, &e.kind, &e.code, &e.at) }
	happened, err := store.All(ctx, t.db, scan, `SELECT ref, kind, code, at FROM case_event WHERE kind IN ('notice_decide', 'notice_found_gone', 'notice_back', 'notice_retract_unknown', 'notice_retract_submitted', 'notice_retract_acknowledged', 'notice_retract_decided')
		AND ref IN (SELECT id`+sentIn+`) ORDER BY at, id`, span...)
	if err != nil {
		return nil, err
	}
	decisions := map[string][]event{}
	for _, e := range happened {
		c := of[e.id]
		switch e.kind {
		case "notice_decide":
			decisions[e.id] = append(decisions[e.id], e)
		case "notice_found_gone":
			c.found = e.at
		case "notice_back":
			c.back = e.at
		default: // the last decision was read in a reply that was another notice's
			if all := decisions[e.id]; e.code == string(DrawnDecided) && len(all) > 0 {
				decisions[e.id] = all[:len(all)-1]
			}
		}
	}
	for id, all := range decisions {
		for i, e := range all {
			if i == 0 {
				of[id].decided = e.at
			}
			if e.code == "no_action" {
				of[id].refused = e.at
			}
		}
	}
	looks, err := store.All(ctx, t.db, scan, `SELECT notice_id, found, '', at FROM takedown_check WHERE notice_id IN (SELECT id`+sentIn+`) ORDER BY at, id`, span...)
	if err != nil {
		return nil, err
	}
	for _, l := range looks {
		switch c := of[l.id]; {
		case c.found == 0 || c.gone > 0:
		case l.kind == string(fetch.There):
			c.since = 0
		case l.kind == string(fetch.Gone):
			if c.since == 0 {
				c.since = l.at
			}
			if l.at >= c.found {
				c.gone = c.since
			}
		}
	}
	for i := range all {
		all[i].decided = max(all[i].decided, -all[i].decided)
	}
	return all, nil
}

func (t *Takedown) lines(all []course, by func(course) string) []Line {
	groups := map[string][]course{}
	for _, c := range all {
		groups[by(c)] = append(groups[by(c)], c)
	}
	var lines []Line
	for code, group := range groups {
		lines = append(lines, t.line(code, group))
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Or(cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Code, b.Code)) })
	return lines
}

func (t *Takedown) line(code string, all []course) Line {
	l := Line{Code: code, Sent: len(all), Actions: map[string]int{}}
	var acknowledge, decide, gone []time.Duration
	after := func(c course, at int64) time.Duration { return time.Duration(at-c.submitted) * time.Millisecond }
	for _, c := range all {
		if c.acknowledged > 0 {
			acknowledge = append(acknowledge, after(c, c.acknowledged))
		}
		if c.decided > 0 {
			decide = append(decide, after(c, c.decided))
			l.Actions[c.action]++
		}
		if c.gone > 0 {
			gone = append(gone, after(c, c.gone))
		}
		if c.back > 0 {
			l.Reappeared++
		}
		wait := time.Duration(t.catalogue().Platforms.ClockOf(c.platform).AcknowledgeHours) * time.Hour
		switch {
		case c.decided == 0 && c.acknowledged == 0:
			if t.now().Sub(store.Time(c.submitted)) > wait {
				l.Silent++
			}
		case c.decided == 0:
		case c.action == "no_action":
			l.Refused++
		default:
			l.Acted++
			if c.refused > 0 {
				l.Reversed++
			}
		}
	}
	l.Acknowledge, l.Decide, l.Gone = timesOf(acknowledge), timesOf(decide), timesOf(gone)
	return l
}

func timesOf(all []time.Duration) Times {
	n := len(all)
	if n == 0 {
		return Times{}
	}
	slices.Sort(all)
	x := Times{N: n, Median: (all[(n-1)/2] + all[n/2]) / 2}
	if n >= LeastP90 {
		x.P90 = all[(9*n+9)/10-1]
	}
	return x
}

// Small is the number below which a count is not published by itself: who knows one child could find her in it.
const Small = 5

// Published is a count as the yearly report shows it: whole says that it is 0 or rounded to the nearest five, and otherwise it
// is one to four and only that is said.
func Published(n int) (rounded int, whole bool) {
	switch {
	case n == 0:
		return 0, true
	case n < Small:
		return Small, false
	}
	return (n + Small/2) / Small * Small, true
}

// Joined are lines as the yearly report shows them: those with fewer notices than Small stand together as one with the code
// Others, which is last.
func Joined(lines []Line) []Line {
	var all []Line
	others := Line{Code: Others, Actions: map[string]int{}}
	for _, l := range lines {
		if l.Sent >= Small {
			all = append(all, l)
			continue
		}
		others.Sent, others.Acted, others.Refused = others.Sent+l.Sent, others.Acted+l.Acted, others.Refused+l.Refused
		for action, n := range l.Actions {
			others.Actions[action] += n
		}
	}
	if others.Sent > 0 {
		all = append(all, others)
	}
	return all
}

// Others is the code of what stands together.
const Others = "others"

// Report is what the yearly report says of a year (DSA Art. 22(3)): how many notices, by platform, by ground, by both, and by what
// was done. No count of one to four stands in it, and none can be worked out from all of it. Small platforms and grounds stand
// together as Others.
type Report struct {
	Whole              Figure
	Platforms, Grounds []string
	// OfPlatforms and OfGrounds are the notices of each; Cells have a row a platform and a column a ground; Became has a row a
	// platform, and the columns acted, refused and undecided.
	OfPlatforms, OfGrounds []Figure
	Cells, Became          [][]Figure
	// BlankPlatforms and BlankGrounds are those of which no cell is shown.
	BlankPlatforms, BlankGrounds []bool
	// Actions are in the order of Actions.
	Actions []Figure
}

// Report is what of these figures is published.
func (f Figures) Report() Report {
	platforms, grounds := Joined(f.Platforms), Joined(f.Grounds)
	r := Report{Whole: figureOf(f.Whole.Sent)}
	for _, action := range Actions {
		r.Actions = append(r.Actions, figureOf(f.Whole.Actions[action]))
	}
	for _, l := range grounds {
		r.Grounds, r.OfGrounds, r.BlankGrounds = append(r.Grounds, l.Code), append(r.OfGrounds, figureOf(l.Sent)), append(r.BlankGrounds, l.Sent < Small)
	}
	var counts, became [][]int
	for _, l := range platforms {
		r.Platforms, r.OfPlatforms, r.BlankPlatforms = append(r.Platforms, l.Code), append(r.OfPlatforms, figureOf(l.Sent)), append(r.BlankPlatforms, l.Sent < Small)
		counts = append(counts, make([]int, len(grounds)))
		became = append(became, []int{l.Acted, l.Refused, l.Sent - l.Acted - l.Refused})
	}
	place := func(all []string, code string) int {
		if i := slices.Index(all, code); i >= 0 {
			return i
		}
		return slices.Index(all, Others)
	}
	for pair, n := range f.Pairs {
		counts[place(r.Platforms, pair.Platform)][place(r.Grounds, pair.Ground)] += n
	}
	show := func(rows [][]int) (all [][]Figure) {
		for _, row := range rows {
			var shown []Figure
			for _, n := range row {
				shown = append(shown, figureOf(n))
			}
			all = append(all, shown)
		}
		return all
	}
	r.Cells, r.Became = show(counts), show(became)
	r.settle(r.arcs(counts, became, f.Whole))
	return r
}
