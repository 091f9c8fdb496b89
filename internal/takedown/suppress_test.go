package takedown_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"vigie/internal/takedown"
)

// known is what a reader of the report knows of a figure: not where it was made, but what is written there.
func known(f takedown.Figure, most int) (from, to int) {
	switch {
	case f.Withheld:
		return 0, most
	case f.Under:
		return 1, 4
	case f.N == 0:
		return 0, 0
	}
	return max(5, f.N-2), f.N + 2
}

// solver tries every table that agrees with what is published, and keeps what each cell may be.
type solver struct {
	shown      takedown.Crossed
	whole      takedown.Figure
	rows, cols int
	most       int
	listed     func(i, j int) bool // a withheld cell that is seen not to be empty
	cells      [][]int
	colSum     []int
	may        [][]map[int]bool
	tables     int
}

func (s *solver) solve(i, j, rowSum, total int) {
	if j == s.cols {
		if from, to := known(s.shown.Rows[i], s.most); rowSum < from || rowSum > to {
			return
		}
		i, j, rowSum = i+1, 0, 0
	}
	if i == s.rows {
		for j, sum := range s.colSum {
			if from, to := known(s.shown.Columns[j], s.most); sum < from || sum > to {
				return
			}
		}
		if from, to := known(s.whole, s.most); total < from || total > to {
			return
		}
		s.tables++
		for i := range s.cells {
			for j, n := range s.cells[i] {
				s.may[i][j][n] = true
			}
		}
		return
	}
	_, rowMost := known(s.shown.Rows[i], s.most)
	_, colMost := known(s.shown.Columns[j], s.most)
	from, to := known(s.shown.Cells[i][j], s.most)
	if s.shown.Cells[i][j].Withheld && s.listed(i, j) {
		from = 1
	}
	for n := from; n <= to && rowSum+n <= rowMost && s.colSum[j]+n <= colMost; n++ {
		s.cells[i][j] = n
		s.colSum[j] += n
		s.solve(i, j+1, rowSum+n, total+n)
		s.colSum[j] -= n
	}
}

// No count between one and four can be worked out from what is published: whoever tries every table that agrees with it finds each of
// one to four in its place.
func TestASmallCountCannotBeWorkedOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 22))
	withheld, under := 0, 0
	for trial := range 400 {
		rows, cols := 2+trial%2, 2+trial%3/2
		counts := make([][]int, rows)
		sumR, sumC, total := make([]int, rows), make([]int, cols), 0
		for i := range counts {
			counts[i] = make([]int, cols)
			for j := range counts[i] {
				counts[i][j] = []int{0, 1, 2, 3, 4, 4, 5, 6, 9, 12}[rng.IntN(10)]
				sumR[i], sumC[j], total = sumR[i]+counts[i][j], sumC[j]+counts[i][j], total+counts[i][j]
			}
		}
		whole := takedown.Figure{N: (total + 2) / 5 * 5}
		if total > 0 && total < 5 {
			whole = takedown.Figure{Under: true}
		}
		shown := takedown.Cross(counts, nil, nil, whole)
		s := &solver{shown: shown, whole: whole, rows: rows, cols: cols, most: total + 6, colSum: make([]int, cols), cells: make([][]int, rows), may: make([][]map[int]bool, rows),
			listed: func(i, j int) bool { return !shown.BlankRows[i] && !shown.BlankColumns[j] }}
		for i := range rows {
			s.cells[i], s.may[i] = make([]int, cols), make([]map[int]bool, cols)
			for j := range cols {
				s.may[i][j] = map[int]bool{}
			}
		}
		s.solve(0, 0, 0, 0)
		if s.tables == 0 {
			t.Fatalf("%v is published as %+v, with which nothing agrees", counts, shown)
		}
		for i := range counts {
			for j, n := range counts[i] {
				if f := shown.Cells[i][j]; f.Withheld {
					withheld++
				} else if f.Under {
					under++
				}
				if n == 0 || n > 4 {
					continue
				}
				if sumR[i] < 5 != shown.BlankRows[i] && sumR[i] > 0 && sumR[i] < 5 {
					t.Errorf("%v: row %d shows its cells", counts, i)
				}
				if f := shown.Cells[i][j]; !f.Under && !f.Withheld {
					t.Errorf("%v: the %d is published as %+v", counts, n, f)
				}
				for k := 1; k <= 4; k++ {
					if !s.may[i][j][k] {
						t.Fatalf("%v is published as %v: in the place of the %d at %d, %d there is no %d", counts, shown, n, i, j, k)
					}
				}
			}
		}
	}
	if withheld == 0 || under == 0 {
		t.Errorf("%d withheld, %d under five: the test shows nothing", withheld, under)
	}
}

// What gives nothing away is shown: a table of large counts whole, and beside a small count no more is withheld than has to be.
func TestWhatIsPublishedOfATable(t *testing.T) {
	for _, c := range []struct {
		counts [][]int
		want   string
	}{
		{[][]int{{20, 31}, {45, 7}}, "[20 30] [45 5] | 50 50 | 65 40"},
		{[][]int{{20, 2}, {45, 40}}, "[20 <] [45 40] | 20 85 | 65 40"},
		{[][]int{{4, 4}, {40, 40}}, "[? ?] [40 40] | 10 80 | 45 45"},
		{[][]int{{0, 0}, {10, 10}}, "[0 0] [10 10] | 0 20 | 10 10"},
		{[][]int{{1, 1}, {10, 10}}, "[? ?] [10 10] | < 20 | 10 10"},
	} {
		total := 0
		for _, row := range c.counts {
			for _, n := range row {
				total += n
			}
		}
		shown := takedown.Cross(c.counts, nil, nil, takedown.Figure{N: (total + 2) / 5 * 5})
		say := func(all []takedown.Figure) (text []string) {
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
			return text
		}
		got := ""
		for _, row := range shown.Cells {
			got += fmt.Sprint(say(row)) + " "
		}
		got += "| " + fmt.Sprint(say(shown.Rows)) + " | " + fmt.Sprint(say(shown.Columns))
		want := c.want
		if trim(got) != trim(want) {
			t.Errorf("%v is published as %s, want %s", c.counts, got, want)
		}
	}
}

func trim(text string) string {
	var all []rune
	for _, r := range text {
		if r != '[' && r != ']' && r != ' ' {
			all = append(all, r)
		}
	}
	return string(all)
}
