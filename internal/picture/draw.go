package picture

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
)

// Cover is how much of a picture is hidden.
type Cover string

// The covers, from the first look on.
const (
	Covered   Cover = "covered"   // small, grey and blurred
	Uncovered Cover = "uncovered" // grey, no longer blurred
	// Shown is for pictures of ours, which everybody may see: in colour, no larger than a page shows them.
	Shown Cover = "shown"
)

const (
	coveredSide = 320
	clearSide   = 960
	shownSide   = 1440
	// blurredTo is to how few pixels a side a covered picture is brought: enough to tell a screenshot
	// from a photo, and no more.
	blurredTo = 14
	// middleSide is where quick scaling ends and careful scaling begins.
	middleSide = 2000
)

// cover makes a picture small and grey, and blurs it unless it is asked for uncovered. One that is shown keeps its colours, on white.
func cover(picture image.Image, turned int, how Cover) image.Image {
	if how == Shown {
		shown := image.NewRGBA(fit(picture.Bounds(), shownSide))
		draw.Draw(shown, shown.Bounds(), image.White, image.Point{}, draw.Src)
		draw.CatmullRom.Scale(shown, shown.Bounds(), picture, picture.Bounds(), draw.Over, nil)
		return turn(shown, turned, func(size image.Rectangle) draw.Image { return image.NewRGBA(size) })
	}
	if b := picture.Bounds(); max(b.Dx(), b.Dy()) > middleSide {
		middle := image.NewGray(fit(b, middleSide))
		draw.ApproxBiLinear.Scale(middle, middle.Bounds(), picture, b, draw.Src, nil)
		picture = middle
	}
	if how == Uncovered {
		clear := image.NewGray(fit(picture.Bounds(), clearSide))
		draw.CatmullRom.Scale(clear, clear.Bounds(), picture, picture.Bounds(), draw.Src, nil)
		return turn(clear, turned, grey)
	}
	few := image.NewGray(fit(picture.Bounds(), blurredTo))
	draw.BiLinear.Scale(few, few.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	size := image.Rect(0, 0, few.Bounds().Dx()*coveredSide/blurredTo, few.Bounds().Dy()*coveredSide/blurredTo)
	blurred := image.NewGray(size)
	draw.BiLinear.Scale(blurred, size, few, few.Bounds(), draw.Src, nil)
	return turn(blurred, turned, grey)
}

// fit is the size in which a picture's longer side is no longer than side.
func fit(b image.Rectangle, side int) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if longer := max(w, h); longer > side {
		w, h = w*side/longer, h*side/longer
	}
	return image.Rect(0, 0, max(w, 1), max(h, 1))
}

func grey(size image.Rectangle) draw.Image { return image.NewGray(size) }

// turn puts a picture upright: EXIF orientations 1 to 8 (CIPA DC-008 §4.6.4).
func turn(g image.Image, orientation int, empty func(image.Rectangle) draw.Image) image.Image {
	if orientation < 2 || orientation > 8 {
		return g
	}
	w, h := g.Bounds().Dx(), g.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := empty(size)
	for y := range h {
		for x := range w {
			var tx, ty int
			switch orientation {
			case 2:
				tx, ty = w-1-x, y
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				tx, ty = x, h-1-y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			out.Set(tx, ty, g.At(x, y))
		}
	}
	return out
}

// orientation reads how a JPEG was held (EXIF tag 0x0112), 1 when it does not say. It is all that is
// ever read of a picture's metadata.
func orientation(data []byte) int {
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return 1
	}
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff; {
		marker, size := data[1], int(binary.BigEndian.Uint16(data[2:]))
		if size < 2 || 2+size > len(data) || marker == 0xda {
			return 1
		}
		segment := data[4 : 2+size]
		data = data[2+size:]
		if marker != 0xe1 || !bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			continue
		}
		return orientationIn(segment[6:])
	}
	return 1
}

func orientationIn(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > int64(len(tiff)) {
		return 1
	}
	count := int64(order.Uint16(tiff[at:]))
	for i := range count {
		entry := at + 2 + 12*i
		if entry+12 > int64(len(tiff)) {
			return 1
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			return int(order.Uint16(tiff[entry+8:]))
		}
	}
	return 1
}
