package takedown

import (
	"cmp"
	"slices"
)

// What is published of a table must not let anybody work out a count between one and four (Small) from the sums beside it. So such
// a count is written as "less than five", and where the rest of the table would still pin it down, something else is withheld too
// (complementary suppression). What a reader can work out is asked of the table itself: each count is known to lie within a span,
// each sum too, and the tables that agree with all of it are the flows through a network whose edges are the cells. A small count is
// safe when there is such a table for each of one to four in its place.

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

// span is what a reader knows of a count.
type span struct{ from, to int }

func (f Figure) span(most int) span {
	switch {
	case f.Withheld:
		return span{0, most}
	case f.Under:
		return span{1, Small - 1}
	case f.N == 0:
		return span{}
	}
	return span{max(Small, f.N-Small/2), f.N + Small/2}
}

// Crossed is a table of counts as the report shows it, with its sums.
type Crossed struct {
	Cells         [][]Figure
	Rows, Columns []Figure
	// BlankRows and BlankColumns are lines of which no cell is shown, those that are 0 neither.
	BlankRows, BlankColumns []bool
}

// Cross is what is published of a table. rows and columns are its sums as they are published elsewhere, nil for those that are not
// published yet; whole is the sum of all.
func Cross(counts [][]int, rows, columns []Figure, whole Figure) Crossed {
	t := crossing(counts, rows, columns, whole)
	for {
		i, j, ok := t.exposed()
		if !ok {
			return t.Crossed
		}
		if !t.withhold(i, j) {
			return t.none() // nothing is left to withhold but the table
		}
	}
}

// table is a table while it is decided what of it is shown.
type table struct {
	Crossed
	counts         [][]int
	sumR, sumC     []int
	total          int
	whole          Figure
	fixedR, fixedC bool // the sums of rows, of columns, are published elsewhere as they are
}

func crossing(counts [][]int, rows, columns []Figure, whole Figure) *table {
	t := &table{counts: counts, sumR: make([]int, len(counts)), whole: whole, fixedR: rows != nil, fixedC: columns != nil}
	t.Rows, t.Columns = slices.Clone(rows), slices.Clone(columns)
	for i, row := range counts {
		if t.sumC == nil {
			t.sumC = make([]int, len(row))
		}
		var cells []Figure
		for j, n := range row {
			t.sumR[i], t.sumC[j], t.total = t.sumR[i]+n, t.sumC[j]+n, t.total+n
			cells = append(cells, figureOf(n))
		}
		t.Cells = append(t.Cells, cells)
	}
	for i, n := range t.sumR {
		if rows == nil {
			t.Rows = append(t.Rows, figureOf(n))
		}
		t.BlankRows = append(t.BlankRows, blank(n, t.Rows[i]))
	}
	for j, n := range t.sumC {
		if columns == nil {
			t.Columns = append(t.Columns, figureOf(n))
		}
		t.BlankColumns = append(t.BlankColumns, blank(n, t.Columns[j]))
	}
	t.draw()
	return t
}

// draw withholds what is blank.
func (t *table) draw() {
	for i := range t.Cells {
		for j := range t.Cells[i] {
			if t.BlankRows[i] || t.BlankColumns[j] {
				t.Cells[i][j] = Figure{Withheld: true}
			}
		}
	}
}

// blank says whether no cell of a line is shown, those that are 0 neither, because its sum is small or withheld: who knows that
// there are four, and sees how many cells are not empty, knows too much.
func blank(sum int, shown Figure) bool { return sum > 0 && sum < Small || shown.Withheld }

// none withholds every cell.
func (t *table) none() Crossed {
	for i := range t.BlankRows {
		t.BlankRows[i] = true
	}
	t.draw()
	return t.Crossed
}

// exposed is a small count of which a reader can work out too much.
func (t *table) exposed() (i, j int, ok bool) {
	for i, row := range t.counts {
		for j, n := range row {
			if n > 0 && n < Small && !t.safe(i, j) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// withhold hides one more figure of those that give a small count away: itself, else its smallest neighbour that is shown, else a
// sum. It says whether there was one.
func (t *table) withhold(i, j int) bool {
	if !t.Cells[i][j].Withheld {
		t.Cells[i][j] = Figure{Withheld: true}
		return true
	}
	type neighbour struct{ i, j int }
	var shown []neighbour
	for k := range t.Cells[i] {
		if t.counts[i][k] > 0 && !t.Cells[i][k].Withheld {
			shown = append(shown, neighbour{i, k})
		}
	}
	for k := range t.Cells {
		if t.counts[k][j] > 0 && !t.Cells[k][j].Withheld {
			shown = append(shown, neighbour{k, j})
		}
	}
	if len(shown) > 0 {
		least := slices.MinFunc(shown, func(a, b neighbour) int { return cmp.Compare(t.counts[a.i][a.j], t.counts[b.i][b.j]) })
		t.Cells[least.i][least.j] = Figure{Withheld: true}
		return true
	}
	// Nothing near it is left: what is far from it says too much together, the smallest sum first, those beside it before all.
	sums := func(all []Figure, of []int, fixed bool, beside int) (least *Figure, n int) {
		for k := range all {
			switch {
			case fixed || all[k].Withheld || of[k] == 0:
			case k == beside:
				return &all[k], 0
			case least == nil || of[k] < n:
				least, n = &all[k], of[k]
			}
		}
		return least, n
	}
	row, rowSum := sums(t.Rows, t.sumR, t.fixedR, i)
	column, columnSum := sums(t.Columns, t.sumC, t.fixedC, j)
	switch {
	case row != nil && (column == nil || rowSum <= columnSum):
		*row = Figure{Withheld: true}
	case column != nil:
		*column = Figure{Withheld: true}
	default:
		return false
	}
	return true
}

// most is more than any count can be that a reader thinks of.
func (t *table) most() int { return t.total + 2*Small }

// The network: the source is 0, rows follow, then columns, then the sink; the sink goes back to the source with the whole.
type edge struct{ from, to, low, high, flow int }

func (t *table) network() (edges []edge, cell func(i, j int) int) {
	r, c, most := len(t.sumR), len(t.sumC), t.most()
	add := func(from, to, n int, f Figure, listed bool) {
		s := f.span(most)
		if listed && f.Withheld {
			s.from = 1
		}
		edges = append(edges, edge{from, to, s.from, s.to, n})
	}
	for i, n := range t.sumR {
		add(0, 1+i, n, t.Rows[i], false)
	}
	for i, row := range t.counts {
		for j, n := range row {
			// A cell that is withheld in a line that is not blank is seen to be not empty.
			add(1+i, 1+r+j, n, t.Cells[i][j], !t.BlankRows[i] && !t.BlankColumns[j])
		}
	}
	for j, n := range t.sumC {
		add(1+r+j, 1+r+c, n, t.Columns[j], false)
	}
	add(1+r+c, 0, t.total, t.whole, false)
	return edges, func(i, j int) int { return r + i*c + j }
}

// safe says whether a small count may be anything from one to four, for all that is shown.
func (t *table) safe(i, j int) bool {
	edges, cell := t.network()
	for _, up := range []bool{true, false} {
		trial := slices.Clone(edges)
		e := &trial[cell(i, j)]
		for want := map[bool]int{true: Small - 1, false: 1}[up]; e.flow != want; {
			if !reroute(trial, cell(i, j), up) {
				return false
			}
		}
	}
	return true
}

// reroute has one more of a cell, or one less, and changes others so that all sums still agree. It says whether that can be.
func reroute(edges []edge, cell int, up bool) bool {
	begin, end := edges[cell].to, edges[cell].from
	if !up {
		begin, end = end, begin
	}
	type step struct{ edge, by int }
	came := map[int]step{}
	for queue := []int{begin}; len(queue) > 0; {
		at := queue[0]
		queue = queue[1:]
		if at == end {
			break
		}
		for k, e := range edges {
			next, by := -1, 0
			switch {
			case k == cell:
			case e.from == at && e.flow < e.high:
				next, by = e.to, 1
			case e.to == at && e.flow > e.low:
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
	for at := end; at != begin; {
		s := came[at]
		edges[s.edge].flow += s.by
		if at = edges[s.edge].from; s.by < 0 {
			at = edges[s.edge].to
		}
	}
	if up {
		edges[cell].flow++
	} else {
		edges[cell].flow--
	}
	return true
}
