// Package invented makes pictures that look like photographs to a machine and show nobody: light and shade of all
// sizes, things with edges, and grain. The tests and the measurements of hashes use them, so that no real picture is
// needed, and anybody can repeat them.
package invented

import (
	"image"
	"math"
	"math/rand/v2"
)

// Photograph is a picture of w × h pixels. The same seed gives the same picture; at another size, the same scene.
func Photograph(seed uint64, w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 3018))
	light := newClouds(r, 7, 90)
	tint := [3]clouds{newClouds(r, 3, 25), newClouds(r, 3, 25), newClouds(r, 3, 25)}
	things := make([]thing, 14)
	for i := range things {
		things[i] = newThing(r)
	}
	picture := image.NewNRGBA(image.Rect(0, 0, w, h))
	longer := float64(max(w, h))
	for y := range h {
		for x := range w {
			// From 0 to 1 along each side, and the length of a pixel in the same measure.
			u, v, pixel := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h), 1/longer
			shade := light.at(u, v)
			colour := [3]float64{}
			for c := range colour {
				colour[c] = 128 + shade + tint[c].at(u, v)
			}
			for i := range things {
				things[i].over(&colour, u, v, pixel, shade)
			}
			at := picture.Pix[picture.PixOffset(x, y):]
			grain := 12*r.Float64() - 6
			for c, value := range colour {
				at[c] = uint8(math.Round(min(max(value+grain, 0), 255)))
			}
			at[3] = 255
		}
	}
	return picture
}

// clouds is light and shade in octaves, each half as strong and twice as fine as the one before, as in most
// pictures of the world.
type clouds struct {
	octaves []octave
}

type octave struct {
	cells    int
	strength float64
	corners  []float64 // (cells + 1)², −1 to 1
}

func newClouds(r *rand.Rand, octaves int, strength float64) clouds {
	var c clouds
	for i := range octaves {
		cells := 2 << i
		corners := make([]float64, (cells+1)*(cells+1))
		for j := range corners {
			corners[j] = 2*r.Float64() - 1
		}
		c.octaves = append(c.octaves, octave{cells, strength, corners})
		strength /= 1.6
	}
	return c
}

func (c *clouds) at(u, v float64) (sum float64) {
	for i := range c.octaves {
		o := &c.octaves[i]
		x, y := u*float64(o.cells), v*float64(o.cells)
		column, row := min(int(x), o.cells-1), min(int(y), o.cells-1)
		x, y = soft(x-float64(column)), soft(y-float64(row))
		above := o.corners[row*(o.cells+1)+column:]
		below := o.corners[(row+1)*(o.cells+1)+column:]
		sum += o.strength * ((above[0]*(1-x)+above[1]*x)*(1-y) + (below[0]*(1-x)+below[1]*x)*y)
	}
	return sum
}

// soft goes from 0 to 1 and is level at both ends.
func soft(t float64) float64 { return t * t * (3 - 2*t) }

// thing is an ellipse or a box that lies somewhere, turned somehow, and is lit as what is behind it.
type thing struct {
	box              bool
	x, y, rx, ry     float64
	cos, sin, opaque float64
	colour           [3]float64
}

func newThing(r *rand.Rand) thing {
	turned := r.Float64() * math.Pi
	t := thing{
		box: r.IntN(2) == 0, x: r.Float64(), y: r.Float64(), rx: 0.03 + 0.2*r.Float64(), ry: 0.03 + 0.2*r.Float64(),
		cos: math.Cos(turned), sin: math.Sin(turned), opaque: 0.6 + 0.4*r.Float64(),
	}
	for c := range t.colour {
		t.colour[c] = 255 * r.Float64()
	}
	return t
}

func (t *thing) over(colour *[3]float64, u, v, pixel, shade float64) {
	dx, dy := u-t.x, v-t.y
	x, y := math.Abs(dx*t.cos+dy*t.sin)/t.rx, math.Abs(dy*t.cos-dx*t.sin)/t.ry
	out := max(x, y)
	if !t.box {
		out = math.Sqrt(x*x + y*y)
	}
	// The edge is one pixel wide, so that it has no steps.
	edge := pixel / min(t.rx, t.ry)
	cover := t.opaque * min(max((1-out)/edge+0.5, 0), 1)
	if cover == 0 {
		return
	}
	for c := range colour {
		colour[c] += cover * (t.colour[c] + shade/3 - colour[c])
	}
}
