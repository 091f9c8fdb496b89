package takedown_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"vigie/internal/takedown"
)

// reader tries every world that agrees with a report of two platforms and two grounds, and notes what each count may be. She reads
// what is printed, and knows nothing of how it was decided.
type reader struct {
	r     takedown.Report
	most  int
	may   map[string]map[int]bool
	small map[string]int // the counts of one to four, by their place
	want  int            // how many of one to four were not found yet in the place of one
	found int
}

// known is the span of a figure; least is how many there are at least where it is withheld.
func (q *reader) known(f takedown.Figure, least int) (from, to int) {
	switch {
	case f.Withheld:
		return least, q.most
	case f.Under:
		return 1, 4
	case f.N == 0:
		return 0, 0
	}
	return max(5, f.N-2), f.N + 2
}

func (q *reader) agrees(f takedown.Figure, n, least int) bool {
	from, to := q.known(f, least)
	return n >= from && n <= to
}

func (q *reader) saw(place string, n int) {
	if q.may[place] == nil {
		q.may[place] = map[int]bool{}
	}
	if !q.may[place][n] {
		q.may[place][n] = true
		if _, small := q.small[place]; small && n >= 1 && n <= 4 {
			q.want--
		}
	}
}

// solve tries what the four cells may be, then what became of each platform's, then what was done.
func (q *reader) solve() {
	listed := func(blank ...bool) int {
		for _, b := range blank {
			if b {
				return 0
			}
		}
		return 1
	}
	var n [4]int
	var cells func(k, total int)
	cells = func(k, total int) {
		if k == 4 {
			q.became(n, listed)
			return
		}
		i, j := k/2, k%2
		from, to := q.known(q.r.Cells[i][j], listed(q.r.BlankPlatforms[i], q.r.BlankGrounds[j]))
		_, most := q.known(q.r.Whole, 0)
		for n[k] = from; n[k] <= to && total+n[k] <= most && q.want > 0; n[k]++ {
			if j == 1 && !q.agrees(q.r.OfPlatforms[i], n[k-1]+n[k], 0) || i == 1 && !q.agrees(q.r.OfGrounds[j], n[k-2]+n[k], 0) {
				continue
			}
			cells(k+1, total+n[k])
		}
	}
	cells(0, 0)
}

func (q *reader) became(n [4]int, listed func(...bool) int) {
	if !q.agrees(q.r.Whole, n[0]+n[1]+n[2]+n[3], 0) {
		return
	}
	sums := [2]int{n[0] + n[1], n[2] + n[3]}
	fits := func(i, acted int) bool {
		least := listed(q.r.BlankPlatforms[i])
		return q.agrees(q.r.Became[i][0], acted, least) && q.agrees(q.r.Became[i][1], sums[i]-acted, least) && q.agrees(q.r.Became[i][2], 0, 0)
	}
	for a := 0; a <= sums[0]; a++ {
		for b := 0; fits(0, a) && b <= sums[1]; b++ {
			if !fits(1, b) || !q.agrees(q.r.Actions[len(takedown.Actions)-1], sums[0]+sums[1]-a-b, 0) {
				continue
			}
			for removed := 0; removed <= a+b; removed++ {
				if !q.agrees(q.r.Actions[0], removed, 0) || !q.agrees(q.r.Actions[1], a+b-removed, 0) {
					continue
				}
				q.found++
				for k := range n {
					q.saw(fmt.Sprint("cell ", k), n[k])
				}
				q.saw("acted 0", a)
				q.saw("acted 1", b)
				q.saw("refused 0", sums[0]-a)
				q.saw("refused 1", sums[1]-b)
				q.saw("removed", removed)
				q.saw("disabled", a+b-removed)
				q.saw("no action", sums[0]+sums[1]-a-b)
			}
		}
	}
}

// figures are those of two platforms, two grounds, and acted or refused: counts by platform and ground, and how many of each
// platform's were acted on, and of all these removed.
func figures(counts [2][2]int, acted [2]int, removed int) takedown.Figures {
	f := takedown.Figures{Pairs: map[takedown.Pair]int{}, Platforms: []takedown.Line{{Code: "a"}, {Code: "b"}}, Grounds: []takedown.Line{{Code: "x"}, {Code: "y"}}, Whole: takedown.Line{Actions: map[string]int{}}}
	for i := range 2 {
		for j := range 2 {
			n := counts[i][j]
			f.Platforms[i].Sent, f.Grounds[j].Sent, f.Whole.Sent = f.Platforms[i].Sent+n, f.Grounds[j].Sent+n, f.Whole.Sent+n
			if n > 0 {
				f.Pairs[takedown.Pair{Platform: f.Platforms[i].Code, Ground: f.Grounds[j].Code}] = n
			}
		}
		f.Platforms[i].Acted, f.Platforms[i].Refused = acted[i], f.Platforms[i].Sent-acted[i]
		f.Whole.Acted, f.Whole.Refused = f.Whole.Acted+acted[i], f.Whole.Refused+f.Platforms[i].Refused
	}
	f.Whole.Actions = map[string]int{"removed": removed, "disabled": f.Whole.Acted - removed, "no_action": f.Whole.Refused}
	return f
}

// No count between one and four can be worked out from the report: whoever tries every world that agrees with all of it finds each of
// one to four in its place.
func TestASmallCountCannotBeWorkedOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 22))
	withheld := 0
	for trials := 0; trials < 60; {
		var counts [2][2]int
		var acted [2]int
		for i := range 2 {
			for j := range 2 {
				counts[i][j] = []int{0, 1, 2, 3, 4, 4, 5, 6, 9}[rng.IntN(9)]
			}
			acted[i] = rng.IntN(counts[i][0] + counts[i][1] + 1)
		}
		f := figures(counts, acted, rng.IntN(acted[0]+acted[1]+1))
		if min(f.Platforms[0].Sent, f.Platforms[1].Sent, f.Grounds[0].Sent, f.Grounds[1].Sent) < 5 {
			continue // such lines stand together as one
		}
		trials++
		q := &reader{r: f.Report(), most: f.Whole.Sent + 3, may: map[string]map[int]bool{}, small: map[string]int{}}
		places := map[string]int{"acted 0": acted[0], "acted 1": acted[1], "refused 0": f.Platforms[0].Refused, "refused 1": f.Platforms[1].Refused,
			"removed": f.Whole.Actions["removed"], "disabled": f.Whole.Actions["disabled"], "no action": f.Whole.Refused}
		for k := range 4 {
			places[fmt.Sprint("cell ", k)] = counts[k/2][k%2]
		}
		for place, n := range places {
			if n > 0 && n < 5 {
				q.small[place], q.want = n, q.want+4
			}
		}
		withheld += strings.Count(shown(q.r), "?")
		if q.want == 0 {
			continue
		}
		if q.solve(); q.found == 0 {
			t.Fatalf("%v, %v acted on, is published as %s, with which nothing agrees", counts, acted, shown(q.r))
		}
		for place, n := range q.small {
			for k := 1; k <= 4; k++ {
				if !q.may[place][k] {
					t.Errorf("%v, %v acted on, is published as %s: %s, the %d cannot be %d", counts, acted, shown(q.r), place, n, k)
				}
			}
		}
	}
	if withheld == 0 {
		t.Error("nothing was ever withheld: the test shows nothing")
	}
}

// shown is a report as it is read: cells, sums of platforms, sums of grounds, what became of each platform's, what was done.
func shown(r takedown.Report) string {
	say := func(all []takedown.Figure) string {
		var text []string
		for _, f := range all {
			switch {
			case f.Withheld:
				text = append(text, "?")
			case f.Under:
				text = append(text, "<")
			default:
				text = append(text, fmt.Sprint(f.N))
			}
		}
		return strings.Join(text, " ")
	}
	table := func(rows [][]takedown.Figure) string {
		var text []string
		for _, row := range rows {
			text = append(text, say(row))
		}
		return strings.Join(text, ", ")
	}
	return table(r.Cells) + " | " + say(r.OfPlatforms) + " | " + say(r.OfGrounds) + " | " + table(r.Became) + " | " + say(r.Actions)
}

// What gives nothing away is shown, and beside a small count no more is withheld than has to be.
func TestWhatTheReportShows(t *testing.T) {
	for _, c := range []struct {
		counts  [2][2]int
		acted   [2]int
		removed int
		want    string
	}{
		{[2][2]int{{20, 31}, {45, 7}}, [2]int{30, 40}, 70, "20 30, 45 5 | 50 50 | 65 40 | 30 20 0, 40 10 0 | 70 0 0 0 0 0 0 35"},
		{[2][2]int{{20, 2}, {45, 40}}, [2]int{22, 85}, 107, "20 <, 45 40 | 20 85 | 65 40 | 20 0 0, 85 0 0 | 105 0 0 0 0 0 0 0"},
		{[2][2]int{{4, 4}, {40, 40}}, [2]int{8, 80}, 88, "? ?, 40 40 | 10 80 | 45 45 | 10 0 0, 80 0 0 | 90 0 0 0 0 0 0 0"},
		{[2][2]int{{10, 10}, {2, 0}}, [2]int{20, 2}, 22, "10 10, ? ? | 20 < | 10 10 | 20 0 0, ? ? ? | 20 0 0 0 0 0 0 0"},
	} {
		if got := shown(figures(c.counts, c.acted, c.removed).Report()); got != c.want {
			t.Errorf("%v is published as %s, want %s", c.counts, got, c.want)
		}
	}
}
