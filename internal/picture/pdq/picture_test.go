package pdq_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"golang.org/x/image/draw"

	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
)

// scaled is a picture in another size.
func scaled(picture image.Image, w, h int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(out, out.Rect, picture, picture.Bounds(), draw.Src, nil)
	return out
}

// compressed is a picture after a JPEG of some quality, 1 to 100.
func compressed(t testing.TB, picture image.Image, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out, err := pdq.Decode(&b, pdq.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lit is a picture with every colour changed.
func lit(picture image.Image, change func(v float64) float64) image.Image {
	var table [256]uint8
	for v := range table {
		table[v] = uint8(math.Round(min(max(change(float64(v)), 0), 255)))
	}
	size := picture.Bounds()
	return drawn(size.Dx(), size.Dy(), func(x, y int) (uint8, uint8, uint8) {
		c := color.NRGBAModel.Convert(picture.At(size.Min.X+x, size.Min.Y+y)).(color.NRGBA)
		return table[c.R], table[c.G], table[c.B]
	})
}

// A network that keeps a smaller, recompressed copy, a filter that makes it brighter: still the same picture.
func TestAPictureIsRecognisedAfterWhatNetworksDoToIt(t *testing.T) {
	long(t)
	changes := []struct {
		name string
		make func(p image.Image) image.Image
	}{
		{"half the size", func(p image.Image) image.Image { return scaled(p, p.Bounds().Dx()/2, p.Bounds().Dy()/2) }},
		{"a fifth of the size", func(p image.Image) image.Image { return scaled(p, p.Bounds().Dx()/5, p.Bounds().Dy()/5) }},
		{"larger", func(p image.Image) image.Image { return scaled(p, p.Bounds().Dx()*3/2, p.Bounds().Dy()*3/2) }},
		{"a little squeezed", func(p image.Image) image.Image { return scaled(p, p.Bounds().Dx(), p.Bounds().Dy()*9/10) }},
		{"JPEG of quality 80", func(p image.Image) image.Image { return compressed(t, p, 80) }},
		{"JPEG of quality 20", func(p image.Image) image.Image { return compressed(t, p, 20) }},
		{"smaller and JPEG of quality 40", func(p image.Image) image.Image {
			return compressed(t, scaled(p, p.Bounds().Dx()/3, p.Bounds().Dy()/3), 40)
		}},
		{"brighter", func(p image.Image) image.Image { return lit(p, func(v float64) float64 { return v + 20 }) }},
		{"darker", func(p image.Image) image.Image { return lit(p, func(v float64) float64 { return v * 0.85 }) }},
		{"another gamma", func(p image.Image) image.Image {
			return lit(p, func(v float64) float64 { return 255 * math.Pow(v/255, 0.85) })
		}},
		{"grey", grey},
	}
	worst := map[string]int{}
	for seed := range uint64(8) {
		w, h := 900, 600
		if seed%2 == 1 {
			w, h = 500, 800
		}
		photograph := invented.Photograph(seed, w, h)
		hash, quality := pdq.Of(photograph)
		if quality < pdq.MinQuality {
			t.Fatalf("photograph %d has quality %d: it shows nothing", seed, quality)
		}
		for _, c := range changes {
			changed, quality := pdq.Of(c.make(photograph))
			if quality < pdq.MinQuality {
				t.Errorf("photograph %d, %s: quality %d", seed, c.name, quality)
			}
			if !changed.Match(hash) {
				t.Errorf("photograph %d, %s: %d bits away", seed, c.name, changed.Distance(hash))
			}
			worst[c.name] = max(worst[c.name], changed.Distance(hash))
		}
	}
	t.Logf("bits away at most: %v", worst)
}

func TestDifferentPicturesDoNotMatch(t *testing.T) {
	long(t)
	var all []pdq.Forms
	nearest := 256
	for seed := range uint64(60) {
		forms, quality := pdq.Dihedral(invented.Photograph(seed, 240, 180))
		if quality < pdq.MinQuality {
			continue // not searched for
		}
		for i, other := range all {
			for form, hash := range forms {
				d := hash.Distance(other[pdq.Original])
				if nearest = min(nearest, d); d <= pdq.Threshold {
					t.Errorf("photographs %d (%s) and %d: %d bits", seed, pdq.Form(form), i, d)
				}
			}
		}
		all = append(all, forms)
	}
	if len(all) < 40 {
		t.Fatalf("only %d pictures have something to recognise", len(all))
	}
	t.Logf("%d pictures, the nearest two %d bits apart", len(all), nearest)
}

// A copy that was turned or mirrored is not near the original, and near the form that undoes it.
func TestATurnedPictureIsFoundThroughTheForms(t *testing.T) {
	long(t)
	for seed := range uint64(5) {
		photograph := invented.Photograph(seed, 640, 420)
		forms, quality := pdq.Dihedral(photograph)
		if quality < pdq.MinQuality {
			t.Fatalf("photograph %d has quality %d", seed, quality)
		}
		for form := range forms {
			form := pdq.Form(form)
			turned, _ := pdq.Of(compressed(t, turn(photograph, form), 70))
			if !turned.Match(forms[form]) {
				t.Errorf("photograph %d, %s: %d bits from its form", seed, form, turned.Distance(forms[form]))
			}
			if form != pdq.Original && turned.Match(forms[pdq.Original]) {
				t.Errorf("photograph %d, %s: %d bits from the original, so the forms show nothing", seed, form, turned.Distance(forms[pdq.Original]))
			}
		}
	}
}

// A wall, a sky, a black frame: there is nothing to recognise, and the quality says so.
func TestThereIsNothingToRecogniseInAWall(t *testing.T) {
	for name, picture := range map[string]image.Image{
		"white":    drawn(300, 200, func(_, _ int) (uint8, uint8, uint8) { return 255, 255, 255 }),
		"a sky":    drawn(300, 200, func(_, y int) (uint8, uint8, uint8) { return 120, 170, uint8(200 + y/8) }),
		"one edge": drawn(300, 200, func(x, _ int) (uint8, uint8, uint8) { v := uint8(x / 150 * 120); return v, v, v }),
	} {
		if _, quality := pdq.Of(picture); quality >= pdq.MinQuality {
			t.Errorf("%s: quality %d", name, quality)
		}
	}
	if hash, quality := pdq.Of(invented.Photograph(1, 4, 900)); hash != (pdq.Hash{}) || quality != 0 {
		t.Errorf("4 pixels wide: %s, quality %d", hash, quality)
	}
	if forms, quality := pdq.Dihedral(invented.Photograph(1, 900, 4)); forms != (pdq.Forms{}) || quality != 0 {
		t.Errorf("4 pixels high: %v, quality %d", forms, quality)
	}
	if _, quality := pdq.Of(image.NewNRGBA(image.Rectangle{})); quality != 0 {
		t.Errorf("no pixels: quality %d", quality)
	}
}

// The same colours have the same hash however the decoder keeps them, and wherever in a larger picture they lie.
func TestHowAPictureIsKeptDoesNotMatter(t *testing.T) {
	photograph := invented.Photograph(7, 201, 155)
	want, wantQuality := pdq.Of(photograph)

	corner := image.NewNRGBA(image.Rect(-10, -20, 300, 300))
	at := image.Rect(30, 40, 30+201, 40+155)
	draw.Draw(corner, at, photograph, image.Point{}, draw.Src)
	premultiplied := image.NewRGBA(photograph.Rect)
	draw.Draw(premultiplied, premultiplied.Rect, photograph, image.Point{}, draw.Src)
	deep := image.NewNRGBA64(photograph.Rect)
	draw.Draw(deep, deep.Rect, photograph, image.Point{}, draw.Src)
	clear := image.NewNRGBA(photograph.Rect)
	copy(clear.Pix, photograph.Pix)
	for i := 3; i < len(clear.Pix); i += 4 {
		clear.Pix[i] = uint8(i) // what is transparent counts with its colour
	}
	for name, picture := range map[string]image.Image{
		"a part of a larger one": corner.SubImage(at), "premultiplied": premultiplied, "16 bits deep": deep, "transparent": clear,
	} {
		if hash, quality := pdq.Of(picture); hash != want || quality != wantQuality {
			t.Errorf("%s: %s, quality %d, not %s, %d", name, hash, quality, want, wantQuality)
		}
	}

	// The kinds that keep colours otherwise: as the same picture with its colours written out.
	yuv := image.NewYCbCr(image.Rect(3, 5, 3+161, 5+99), image.YCbCrSubsampleRatio420)
	for i := range yuv.Y {
		yuv.Y[i] = uint8(i*i/700 + i/3)
	}
	for i := range yuv.Cb {
		yuv.Cb[i], yuv.Cr[i] = uint8(i/5), uint8(200-i/7)
	}
	alpha := image.NewNYCbCrA(yuv.Rect, yuv.SubsampleRatio)
	alpha.YCbCr = *yuv
	for i := range alpha.A[:len(alpha.A)/3] {
		alpha.A[i] = uint8(i) // and nothing is seen of the rest
	}
	palette := image.NewPaletted(image.Rect(-4, 6, 120, 90), color.Palette{color.Black, color.White, color.NRGBA{250, 10, 90, 255}, color.NRGBA{9, 220, 130, 255}})
	for i := range palette.Pix {
		palette.Pix[i] = uint8(i*i/900) % 4
	}
	ink := image.NewCMYK(image.Rect(1, 1, 90, 130))
	for i := range ink.Pix {
		ink.Pix[i] = uint8(i * i / 5000)
	}
	for name, picture := range map[string]image.Image{"Y'CbCr": yuv, "Y'CbCr with alpha": alpha, "with a palette": palette, "in inks": ink, "grey, a part": grey(photograph).(*image.Gray).SubImage(image.Rect(9, 9, 140, 120))} {
		size := picture.Bounds()
		asked := picture
		if a, ok := picture.(*image.NYCbCrA); ok {
			asked = &a.YCbCr // its colours without its alpha
		}
		out := image.NewNRGBA(size)
		for y := size.Min.Y; y < size.Max.Y; y++ {
			for x := size.Min.X; x < size.Max.X; x++ {
				out.Set(x, y, asked.At(x, y))
			}
		}
		want, wantQuality := pdq.Of(out)
		hash, quality := pdq.Of(picture)
		if hash.Distance(want) > 2 || quality != wantQuality || quality == 0 { // grey is weighed otherwise by a last bit
			t.Errorf("%s: %s, quality %d, not %s, %d", name, hash, quality, want, wantQuality)
		}
	}
}
