// Package sign draws the two signs of the house as PNG, for telephones, which take no SVG as the icon of an app: our own
// (assets/mark.svg), and a neutral one (assets/notes.svg) that says nothing of us. It reads the few shapes those two files are made
// of and nothing else: a sign that uses another fails the test.
package sign

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
	"strings"

	"golang.org/x/image/vector"
)

// Form is what becomes of the ground and of what is drawn on it.
type Form float32

// The forms. A number is how large the drawing stays on a ground that fills the whole square.
const (
	Rounded  Form = 0    // as it is written: a ground with round corners
	Full     Form = 0.92 // for telephones that round the corners themselves
	Maskable Form = 0.76 // for those that cut any form out of it, a circle of 80 % at the least (W3C Manifest, "maskable")
)

// PNG draws a sign so many pixels wide and high.
func PNG(svg []byte, size int, form Form) ([]byte, error) {
	shapes, box, err := read(svg)
	if err != nil {
		return nil, err
	}
	canvas := image.NewRGBA(image.Rect(0, 0, size, size))
	scale := float32(size) / box
	for i, s := range shapes {
		ground := i == 0
		if ground && form != Rounded {
			s.rx = 0
		}
		p := pen{Rasterizer: vector.NewRasterizer(size, size), scale: scale}
		if !ground && form != Rounded {
			p.scale *= float32(form)
			p.shift = box * (1 - float32(form)) / 2 * scale
		}
		if err := s.trace(&p); err != nil {
			return nil, err
		}
		p.Draw(canvas, canvas.Bounds(), image.NewUniform(s.fill), image.Point{})
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, canvas); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// shape is one of the file, in its own units.
type shape struct {
	fill       color.NRGBA
	path       string  // of a path
	width, rx  float32 // of the ground, which begins at the corner
	cx, cy, cr float32 // of a circle
}

func read(svg []byte) (shapes []shape, box float32, err error) {
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("sign: %w", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		a := map[string]string{}
		for _, attr := range e.Attr {
			a[attr.Name.Local] = attr.Value
		}
		n := func(name string) float32 {
			f, _ := strconv.ParseFloat(a[name], 32) // what is not said is 0
			return float32(f)
		}
		s := shape{}
		switch e.Name.Local {
		case "svg":
			if _, err := fmt.Sscanf(a["viewBox"], "0 0 %g %g", &box, &box); err != nil {
				return nil, 0, fmt.Errorf("sign: the view box %q", a["viewBox"])
			}
			continue
		case "rect":
			s.width, s.rx = n("width"), n("rx")
		case "circle":
			s.cx, s.cy, s.cr = n("cx"), n("cy"), n("r")
		case "path":
			s.path = a["d"]
		default:
			return nil, 0, fmt.Errorf("sign: a <%s> is not read", e.Name.Local)
		}
		if s.fill, err = colour(a["fill"], a["fill-opacity"]); err != nil {
			return nil, 0, err
		}
		shapes = append(shapes, s)
	}
	if box == 0 || len(shapes) == 0 || shapes[0].width != box {
		return nil, 0, errors.New("sign: the first shape is the ground")
	}
	return shapes, box, nil
}

func colour(hex, opacity string) (color.NRGBA, error) {
	c := color.NRGBA{A: 255}
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		return c, fmt.Errorf("sign: the colour %q", hex)
	}
	if opacity != "" {
		part, err := strconv.ParseFloat(opacity, 64)
		if err != nil {
			return c, fmt.Errorf("sign: the opacity %q", opacity)
		}
		c.A = uint8(part*255 + 0.5)
	}
	return c, nil
}

// pen draws in the units of the file.
type pen struct {
	*vector.Rasterizer
	scale, shift float32
	x, y         float32
}

func (p *pen) at(v float32) float32 { return v*p.scale + p.shift }

func (p *pen) move(x, y float32) { p.x, p.y = x, y; p.MoveTo(p.at(x), p.at(y)) }
func (p *pen) line(x, y float32) { p.x, p.y = x, y; p.LineTo(p.at(x), p.at(y)) }

// arc is a quarter of a circle, by the cubic that is nearest to it, around a corner at which two lines would meet.
func (p *pen) arc(cornerX, cornerY, x, y float32) {
	const k = 0.5522847498
	p.CubeTo(p.at(p.x+(cornerX-p.x)*k), p.at(p.y+(cornerY-p.y)*k), p.at(x+(cornerX-x)*k), p.at(y+(cornerY-y)*k), p.at(x), p.at(y))
	p.x, p.y = x, y
}

func (p *pen) box(x, y, w, r float32) {
	p.move(x+r, y)
	p.line(x+w-r, y)
	p.arc(x+w, y, x+w, y+r)
	p.line(x+w, y+w-r)
	p.arc(x+w, y+w, x+w-r, y+w)
	p.line(x+r, y+w)
	p.arc(x, y+w, x, y+w-r)
	p.line(x, y+r)
	p.arc(x, y, x+r, y)
	p.ClosePath()
}

func (s shape) trace(p *pen) error {
	switch {
	case s.width > 0:
		p.box(0, 0, s.width, s.rx)
		return nil
	case s.cr > 0:
		p.box(s.cx-s.cr, s.cy-s.cr, 2*s.cr, s.cr)
		return nil
	}
	return p.path(s.path)
}

// path follows the commands M, L, H, V and Z, large and small (SVG 2 §9.3).
func (p *pen) path(d string) error {
	var command byte
	var beginX, beginY float32
	for rest := d; ; {
		rest = strings.TrimLeft(rest, " ,\n\t")
		if rest == "" {
			return nil
		}
		if c := rest[0]; strings.IndexByte("MmLlHhVvZz", c) >= 0 {
			command, rest = c, rest[1:]
			if c == 'Z' || c == 'z' {
				p.ClosePath()
				p.x, p.y = beginX, beginY
				continue
			}
		}
		var x, y float32
		var err error
		if command != 'V' && command != 'v' {
			if x, rest, err = number(rest); err != nil {
				return err
			}
		}
		if command != 'H' && command != 'h' {
			if y, rest, err = number(rest); err != nil {
				return err
			}
		}
		switch command {
		case 'm', 'l':
			x, y = p.x+x, p.y+y
		case 'H':
			y = p.y
		case 'h':
			x, y = p.x+x, p.y
		case 'V':
			x = p.x
		case 'v':
			x, y = p.x, p.y+y
		}
		switch command {
		case 'M', 'm':
			p.move(x, y)
			beginX, beginY = x, y
			command-- // further pairs are lines: L follows M as l follows m
		case 'L', 'l', 'H', 'h', 'V', 'v':
			p.line(x, y)
		default:
			return fmt.Errorf("sign: the path %q", d)
		}
	}
}

// number reads one at the beginning of a path's rest; a sign parts two, as "13-5" does.
func number(text string) (float32, string, error) {
	text = strings.TrimLeft(text, " ,\n\t")
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.' || end == 0 && text[end] == '-') {
		end++
	}
	f, err := strconv.ParseFloat(text[:end], 32)
	if err != nil {
		return 0, "", fmt.Errorf("sign: a number at %.12q", text)
	}
	return float32(f), text[end:], nil
}
