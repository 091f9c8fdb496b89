package takedown

import (
	"cmp"
	"slices"
)

// What is published must not let anybody work out a count between one and four (Small) from the sums beside it. So such a count is
// written as "less than five", and where the rest would still pin it down, something else is withheld too (complementary
// suppression). What a reader can work out is asked of the report itself. Each notice is one unit that flows from what was done, over
// its platform, to its ground; each figure of the report is how much flows through an edge, of which a reader knows a span. All that
// agrees with what is published are the flows through that network, and a small count is safe when there is such a flow for each of
// one to four in its place. That is exact, because flows of whole units reach every whole number in between, and it is why the report
// has no table of grounds by what was done: with one, it would be no network.

// Figure is a count as the report shows it.
type Figure struct {
	// N is the count rounded to the nearest five, or 0 that is exact; of no meaning when it is Under or Withheld.
	N int
	// Under is one to four; Withheld is not told at all, so that another one cannot be worked out.
	Under, Withheld bool
}

// figureOf is a count by itself.
func figureOf(n int) Figure {
	rounded, whole := Published(n)
	if !whole {
		return Figure{Under: true}
	}
	return Figure{N: rounded}
}

// span is what a reader knows of a count, where none is more than most: from until to.
func (f Figure) span(most int) (from, to int) {
	switch {
	case f.Withheld:
		return 0, most
	case f.Under:
		return 1, Small - 1
	case f.N == 0:
		return 0, 0
	}
	return max(Small, f.N-Small/2), f.N + Small/2
}

// arc is an edge of the network: what flows through it, and the figure that says so, nil for none. A cell stands in a table, and is
// blank when its line shows none; of a cell that is withheld alone one sees that it is not empty.
type arc struct {
	from, to, flow int
	figure         *Figure
	cell           bool
	blank          []*bool
}

// outcomes are what became of notices: acted, refused, undecided.
const outcomes = 3

// arcs are the network of a report; counts are by platform and ground, became by platform and outcome.
func (r *Report) arcs(counts, became [][]int, whole Line) []arc {
	platforms, grounds := len(r.Platforms), len(r.Grounds)
	const source, action = 0, 1
	outcome := action + len(Actions)
	in, out := outcome+outcomes, outcome+outcomes+platforms
	ground := out + platforms
	sink := ground + grounds
	var all []arc
	undecided := whole.Sent
	for a, code := range Actions {
		n, became := whole.Actions[code], 0
		if code == "no_action" {
			became = 1
		}
		undecided -= n
		all = append(all, arc{from: source, to: action + a, flow: n, figure: &r.Actions[a]}, arc{from: action + a, to: outcome + became, flow: n})
	}
	all = append(all, arc{from: source, to: outcome + 2, flow: undecided})
	sums := make([]int, grounds)
	for i := range platforms {
		sum := 0
		for o, n := range became[i] {
			all = append(all, arc{from: outcome + o, to: in + i, flow: n, figure: &r.Became[i][o], cell: true, blank: []*bool{&r.BlankPlatforms[i]}})
		}
		for j, n := range counts[i] {
			all = append(all, arc{from: out + i, to: ground + j, flow: n, figure: &r.Cells[i][j], cell: true, blank: []*bool{&r.BlankPlatforms[i], &r.BlankGrounds[j]}})
			sum, sums[j] = sum+n, sums[j]+n
		}
		all = append(all, arc{from: in + i, to: out + i, flow: sum, figure: &r.OfPlatforms[i]})
	}
	for j, n := range sums {
		all = append(all, arc{from: ground + j, to: sink, flow: n, figure: &r.OfGrounds[j]})
	}
	return append(all, arc{from: sink, to: source, flow: whole.Sent, figure: &r.Whole})
}

// isBlank says whether no cell of its line is shown, those that are 0 neither.
func (a arc) isBlank() bool { return slices.ContainsFunc(a.blank, func(b *bool) bool { return *b }) }

// settle withholds until no small count is exposed.
func (r *Report) settle(all []arc) {
	draw := func() {
		for _, a := range all {
			if a.isBlank() {
				*a.figure = Figure{Withheld: true}
			}
		}
	}
	draw()
	for {
		k := slices.IndexFunc(all, func(a arc) bool { return a.figure != nil && a.flow > 0 && a.flow < Small && !safe(all, a, r.most()) })
		switch {
		case k < 0:
			return
		case withhold(all, all[k], &r.Whole):
		case slices.Contains(r.BlankPlatforms, false): // nothing is left but to show no line at all
			for i := range r.BlankPlatforms {
				r.BlankPlatforms[i] = true
			}
			draw()
		default:
			return
		}
	}
}

// most is more than any count can be that a reader thinks of.
func (r *Report) most() int { return r.Whole.N + 2*Small }

// withhold hides one more figure of those that give a small count away: itself, else the smallest beside it, cells before sums, else
// the smallest of all. It says whether there was one. How many there are in all is always told.
func withhold(all []arc, exposed arc, whole *Figure) bool {
	if !exposed.figure.Withheld && exposed.figure != whole {
		*exposed.figure = Figure{Withheld: true}
		return true
	}
	var least *arc
	rank := func(a *arc) (beside, cell int) {
		if a.from != exposed.from && a.to != exposed.to && a.to != exposed.from && a.from != exposed.to {
			beside = 1
		}
		if !a.cell {
			cell = 1
		}
		return beside, cell
	}
	for k := range all {
		a := &all[k]
		if a.figure == nil || a.figure == whole || a.figure.Withheld || a.flow == 0 {
			continue
		}
		if least != nil {
			beside, cell := rank(a)
			b, c := rank(least)
			if cmp.Or(cmp.Compare(beside, b), cmp.Compare(cell, c), cmp.Compare(a.flow, least.flow)) >= 0 {
				continue
			}
		}
		least = a
	}
	if least == nil {
		return false
	}
	*least.figure = Figure{Withheld: true}
	return true
}

// edge is an arc as a reader knows it.
type edge struct{ from, to, low, high, flow int }

// safe says whether a small count may be anything from one to four, for all that is shown.
func safe(all []arc, small arc, most int) bool {
	at, edges := 0, make([]edge, len(all))
	for k, a := range all {
		e := edge{from: a.from, to: a.to, high: most, flow: a.flow}
		if a.figure != nil {
			if e.low, e.high = a.figure.span(most); a.cell && a.figure.Withheld && !a.isBlank() {
				e.low = 1
			}
		}
		if edges[k] = e; a.figure == small.figure && a.from == small.from && a.to == small.to {
			at = k
		}
	}
	for _, up := range []bool{true, false} {
		trial := slices.Clone(edges)
		want := 1
		if up {
			want = Small - 1
		}
		for trial[at].flow != want {
			if !reroute(trial, at, up) {
				return false
			}
		}
	}
	return true
}

// reroute has one more flow through an edge, or one less, and leads others differently so that all of it still agrees. It says whether
// that can be.
func reroute(edges []edge, at int, up bool) bool {
	begin, end := edges[at].to, edges[at].from
	if !up {
		begin, end = end, begin
	}
	type step struct{ edge, by int }
	came := map[int]step{}
	for queue := []int{begin}; len(queue) > 0; queue = queue[1:] {
		node := queue[0]
		if node == end {
			break
		}
		for k, e := range edges {
			next, by := -1, 0
			switch {
			case k == at:
			case e.from == node && e.flow < e.high:
				next, by = e.to, 1
			case e.to == node && e.flow > e.low:
				next, by = e.from, -1
			}
			if _, seen := came[next]; next >= 0 && next != begin && !seen {
				came[next] = step{k, by}
				queue = append(queue, next)
			}
		}
	}
	if _, reached := came[end]; !reached {
		return false
	}
	for node := end; node != begin; {
		s := came[node]
		edges[s.edge].flow += s.by
		if node = edges[s.edge].from; s.by < 0 {
			node = edges[s.edge].to
		}
	}
	if edges[at].flow++; !up {
		edges[at].flow -= 2
	}
	return true
}
