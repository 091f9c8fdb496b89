package pdq

import (
	"math"
	"slices"
)

// waves are the slowest waves of a picture: [i][j] is the one that comes i + 1 half times down and j + 1 half
// times across it. The constant ones (i or j of −1) are left out, so that brightness does not matter.
type waves [16][16]float32

// cosines are the 16 waves along one side: row i is that of i + 1 half periods over 64 points, scaled as the
// DCT-II is (Christoph Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, §3.2.1).
var cosines = func() (c [16][side]float32) {
	scale := float64(float32(math.Sqrt(2.0 / side)))
	for i := range c {
		for j := range c[i] {
			c[i][j] = float32(scale * math.Cos(math.Pi/2/side*float64(i+1)*float64(2*j+1)))
		}
	}
	return c
}()

// wavesOf is C·P·Cᵀ. Every product and every sum is rounded by itself, and the sums are made in the reference's
// order: the conversions keep the compiler from joining a product and a sum into one instruction, which some
// processors have and others do not, and which would give other bits.
func wavesOf(p *points) (w waves) {
	var half [16][side]float32
	for i := range half {
		for k := range side {
			c := cosines[i][k]
			for j := range side {
				half[i][j] += float32(c * p[k][j])
			}
		}
	}
	for i := range w {
		for j := range w[i] {
			var sum float32
			for k := range side {
				sum += float32(half[i][k] * cosines[j][k])
			}
			w[i][j] = sum
		}
	}
	return w
}

// in is the waves of another form of the picture: exchanging rows and columns exchanges i and j, and turning a
// side round changes the sign of every wave of an odd number of half periods along it.
func (w *waves) in(form Form) *waves {
	var out waves
	for i := range 16 {
		for j := range 16 {
			oddDown, oddAcross := i%2 == 0, j%2 == 0 // i + 1 and j + 1 half periods
			y, x, minus := i, j, false
			switch form {
			case Rotate90:
				y, x, minus = j, i, oddAcross
			case Rotate180:
				minus = oddDown != oddAcross
			case Rotate270:
				y, x, minus = j, i, oddDown
			case FlipX:
				minus = oddDown
			case FlipY:
				minus = oddAcross
			case FlipPlus:
				y, x = j, i
			case FlipMinus:
				y, x, minus = j, i, oddDown != oddAcross
			}
			if out[y][x] = w[i][j]; minus {
				out[y][x] = -w[i][j]
			}
		}
	}
	return &out
}

// hash sets a bit for every wave that is stronger than the median. Of 256 numbers the reference takes the lower of
// the two in the middle (Torben Mogensen's search, which looks for it without sorting).
func (w *waves) hash() (h Hash) {
	sorted := make([]float32, 0, 256)
	for i := range w {
		sorted = append(sorted, w[i][:]...)
	}
	slices.Sort(sorted)
	median := sorted[127]
	for i := range w {
		for j, strength := range w[i] {
			if strength > median {
				h[31-2*i-j/8] |= 1 << (j % 8)
			}
		}
	}
	return h
}
