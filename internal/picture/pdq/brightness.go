package pdq

import (
	"image"
	"image/color"
	"image/draw"
)

// brightness reads a picture row by row as the eye sees its light: 0 for black to 255 for white.
type brightness struct {
	width, height int
	row           func(y int, out []float32)
}

// luma is ITU-R BT.601's weights (§2.5.1). Each product is rounded by itself, as in the reference.
func luma(r, g, b uint8) float32 {
	return float32(.299*float32(r)) + float32(.587*float32(g)) + float32(.114*float32(b))
}

// newBrightness knows the kinds of pictures that the decoders make, and reads any other pixel by pixel. Colours are
// 8 bits deep, and what is transparent counts with the colour that is stored there.
func newBrightness(picture image.Image) *brightness {
	size := picture.Bounds()
	in := &brightness{width: size.Dx(), height: size.Dy()}
	if p, ok := picture.(*image.NYCbCrA); ok {
		picture = &p.YCbCr // its alpha lies apart
	}
	switch p := picture.(type) {
	case *image.Gray:
		in.row = func(y int, out []float32) {
			for x, v := range p.Pix[p.PixOffset(size.Min.X, size.Min.Y+y):][:len(out)] {
				out[x] = float32(v)
			}
		}
	case *image.NRGBA:
		in.row = func(y int, out []float32) {
			lumaOfFours(p.Pix[p.PixOffset(size.Min.X, size.Min.Y+y):], out)
		}
	case *image.YCbCr, *image.CMYK:
		row := image.NewRGBA(image.Rect(0, 0, in.width, 1))
		in.row = func(y int, out []float32) {
			draw.Draw(row, row.Rect, p, image.Pt(size.Min.X, size.Min.Y+y), draw.Src)
			lumaOfFours(row.Pix, out)
		}
	case *image.Paletted:
		shades := [256]float32{}
		for i, c := range p.Palette[:min(len(p.Palette), 256)] {
			shades[i] = lumaOf(c)
		}
		in.row = func(y int, out []float32) {
			for x, i := range p.Pix[p.PixOffset(size.Min.X, size.Min.Y+y):][:len(out)] {
				out[x] = shades[i]
			}
		}
	default:
		in.row = func(y int, out []float32) {
			for x := range out {
				out[x] = lumaOf(picture.At(size.Min.X+x, size.Min.Y+y))
			}
		}
	}
	return in
}

// lumaOfFours reads red, green, blue and something that does not count.
func lumaOfFours(pix []uint8, out []float32) {
	pix = pix[:4*len(out)]
	for x := range out {
		four := pix[4*x : 4*x+4 : 4*x+4]
		out[x] = luma(four[0], four[1], four[2])
	}
}

func lumaOf(c color.Color) float32 {
	plain := color.NRGBAModel.Convert(c).(color.NRGBA)
	return luma(plain.R, plain.G, plain.B)
}
