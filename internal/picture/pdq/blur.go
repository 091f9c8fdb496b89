package pdq

// side is of the square that every picture is brought to.
const side = 64

// points are a picture brought to 64 × 64: brightness, 0 to 255.
type points [side][side]float32

// shrink blurs a picture (twice the mean of a window along the rows and then along the columns, which together are
// Wojciech Jarosz's approximation of a tent) and takes 64 × 64 points of it.
//
// The reference fills the whole picture's size twice over. Here the rows run through the four means one after the
// other, and only as many are kept as a window is high; and the last two means are only worked out where a point is
// taken. The sums are the same numbers, added in the same order, so the points are the same to the last bit.
func shrink(in *brightness) *points {
	var out points
	if in.width == side && in.height == side {
		for y := range out { // as the reference: it is taken as it is
			in.row(y, out[y][:])
		}
		return &out
	}
	across, down := newWindow(in.width), newWindow(in.height)
	columns, rows := taken(in.width), taken(in.height)
	share := across.counts(in.width)

	nextRow := 0
	second := newColumnMeans(side, down, func(y int, sums []float32, count float32) {
		for ; nextRow < side && rows[nextRow] == y; nextRow++ {
			for x, sum := range sums {
				out[nextRow][x] = sum / count
			}
		}
	})
	row, sums := make([]float32, in.width), make([]float32, in.width)
	var atPoints [side]float32
	first := newColumnMeans(in.width, down, func(_ int, columnSums []float32, count float32) {
		for x, sum := range columnSums {
			row[x] = sum / count
		}
		across.sums(row, sums)
		for i, x := range columns {
			atPoints[i] = sums[x] / share[x]
		}
		second.add(atPoints[:])
	})
	bright := make([]float32, in.width)
	for y := range in.height {
		in.row(y, bright)
		across.sums(bright, sums)
		for x, sum := range sums {
			bright[x] = sum / share[x]
		}
		first.add(bright)
	}
	first.finish()
	second.finish()
	return &out
}

// taken says which of n rows, or columns, the 64 points lie on: those in the middle of each 64th, rounded down.
func taken(n int) (at [side]int) {
	for i := range at {
		at[i] = int((float64(i) + 0.5) * float64(n) / side)
	}
	return at
}

// window is the width of a mean: so many neighbours, of which `ahead` count the one in the middle and those after it.
type window struct{ width, ahead int }

// newWindow is the window for a side of n pixels. A 64th of the side makes a point and there are two passes, so it
// is half of a 64th, rounded up.
func newWindow(n int) window {
	width := (n + 2*side - 1) / (2 * side)
	return window{width, (width + 2) / 2}
}

// counts is how many of n pixels lie in the window around each: fewer than its width at the edges.
func (w window) counts(n int) []float32 {
	all := make([]float32, n)
	for i := range all {
		first, last := max(i-(w.width-w.ahead), 0), min(i+w.ahead-1, n-1)
		all[i] = float32(last - first + 1)
	}
	return all
}

// sums writes the sum of the window around each pixel of a row: one running sum, to which every pixel is added as
// it comes in and from which it is taken when it goes out, each rounded by itself as in the reference.
func (w window) sums(in, out []float32) {
	n := len(in)
	var sum float32
	for _, v := range in[:w.ahead-1] {
		sum += v
	}
	entering := in[w.ahead-1:]
	filling := w.width - w.ahead + 1
	for i, v := range entering[:filling] {
		sum += v
		out[i] = sum
	}
	entering = entering[filling:]
	leaving := in[:len(entering)]
	sliding := out[filling : filling+len(entering)]
	for i, v := range entering {
		sum += v
		sum -= leaving[i]
		sliding[i] = sum
	}
	for i, v := range in[len(entering) : len(entering)+w.ahead-1] {
		sum -= v
		out[n-(w.ahead-1)+i] = sum
	}
}

// columnMeans is the same along the columns, all of them side by side, fed row by row. It gives away a row of
// sums, and how many rows are in them, as soon as it is complete; the sums are its own and change afterwards.
type columnMeans struct {
	window
	give  func(y int, sums []float32, count float32)
	sums  []float32
	kept  [][]float32 // the last rows that came in, as many as the window is high; row y at y % width
	added int
	given int
	count int
}

func newColumnMeans(columns int, w window, give func(y int, sums []float32, count float32)) *columnMeans {
	c := &columnMeans{window: w, give: give, sums: make([]float32, columns), kept: make([][]float32, w.width)}
	all := make([]float32, columns*w.width)
	for i := range c.kept {
		c.kept[i] = all[i*columns : (i+1)*columns]
	}
	return c
}

func (c *columnMeans) add(row []float32) {
	kept := c.kept[c.added%c.width][:len(row)]
	sums := c.sums[:len(row)]
	if c.added < c.width {
		for x, v := range row {
			sums[x] += v
		}
		c.count++
	} else {
		for x, v := range row {
			sum := sums[x] + v
			sums[x] = sum - kept[x]
		}
	}
	copy(kept, row)
	if c.added++; c.added >= c.ahead {
		c.next()
	}
}

// finish gives the rows that have no more neighbours coming.
func (c *columnMeans) finish() {
	for left := range c.ahead - 1 {
		for x, v := range c.kept[(c.added+left)%c.width] {
			c.sums[x] -= v
		}
		c.count--
		c.next()
	}
}

func (c *columnMeans) next() {
	c.give(c.given, c.sums, float32(c.count))
	c.given++
}
