package sign_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"vigie/internal/web/assets"
	"vigie/internal/web/sign"
)

func drawn(t *testing.T, svg []byte, size int, form sign.Form) image.Image {
	t.Helper()
	raw, err := sign.PNG(svg, size, form)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(raw))
	if err != nil || m.Bounds().Dx() != size || m.Bounds().Dy() != size {
		t.Fatalf("%v, %v", m.Bounds(), err)
	}
	return m
}

// The lamp is lit in the middle, the ground is the night, and the corners are round or full as the form asks.
func TestTheSignsAreDrawn(t *testing.T) {
	lamp, night := color.NRGBA{0xff, 0xc9, 0x40, 0xff}, color.NRGBA{0x0b, 0x2d, 0x3d, 0xff}
	at := func(m image.Image, x, y float64) color.NRGBA {
		n := float64(m.Bounds().Dx())
		return color.NRGBAModel.Convert(m.At(int(x*n), int(y*n))).(color.NRGBA)
	}
	for _, size := range []int{192, 512} {
		round := drawn(t, assets.Mark, size, sign.Rounded)
		if got := at(round, 0.5, 11.0/32); got != lamp {
			t.Errorf("the lamp at %d is %v", size, got)
		}
		if got := at(round, 0.5, 2.0/32); got != night {
			t.Errorf("the ground at %d is %v", size, got)
		}
		if got := at(round, 0, 0); got.A != 0 {
			t.Errorf("the corner at %d is not round: %v", size, got)
		}
		if got := at(drawn(t, assets.Mark, size, sign.Maskable), 0, 0); got != night {
			t.Errorf("the ground of a sign that may be cut does not fill its corner: %v", got)
		}
	}
	// What is drawn lies in the circle that no form cuts (40 % around the middle).
	for name, svg := range map[string][]byte{"mark": assets.Mark, "notes": assets.Notes} {
		m := drawn(t, svg, 512, sign.Maskable)
		ground := m.At(0, 0)
		for y := range 512 {
			for x := range 512 {
				dx, dy := float64(x)-255.5, float64(y)-255.5
				if dx*dx+dy*dy > 205*205 && m.At(x, y) != ground {
					t.Fatalf("%s: something is drawn at %d, %d", name, x, y)
				}
			}
		}
	}
}

// A sign of other shapes is refused, not drawn wrongly.
func TestOtherShapesAreRefused(t *testing.T) {
	for _, svg := range []string{
		``, `<svg viewBox="0 0 32 32"/>`, `<svg viewBox="0 0 32 32"><circle r="3" fill="#000000"/></svg>`,
		`<svg viewBox="0 0 32 32"><rect width="32" fill="#000000"/><ellipse fill="#000000"/></svg>`,
		`<svg viewBox="0 0 32 32"><rect width="32" fill="#000000"/><path fill="#000000" d="M1 1C2 2 3 3 4 4"/></svg>`,
		`<svg viewBox="0 0 32 32"><rect width="32" fill="red"/></svg>`, `<svg viewBox="0 0 32 32"><rect`,
	} {
		if _, err := sign.PNG([]byte(svg), 32, sign.Rounded); err == nil {
			t.Errorf("%s is drawn", svg)
		}
	}
}
