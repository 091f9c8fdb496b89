package pdq

import "image"

// tooSmall is the side in pixels under which nothing can be recognised (the reference's MIN_HASHABLE_DIM).
const tooSmall = 5

// Of is the hash of a picture and its quality, 0 to 100. A picture with a side of less than 5 pixels has the
// zero hash and quality 0. What is hashed is the picture as it is stored: how a camera was held (EXIF) and what
// is transparent are not looked at, as the reference does not.
func Of(picture image.Image) (Hash, int) {
	waves, quality, ok := analyse(picture)
	if !ok {
		return Hash{}, 0
	}
	return waves.hash(), quality
}

// Dihedral is the hashes of the eight forms of a picture, at little more than the cost of one, and their common
// quality. The hash of a form may differ by a few bits from that of a copy which was really turned, and so does
// the reference's.
func Dihedral(picture image.Image) (Forms, int) {
	waves, quality, ok := analyse(picture)
	if !ok {
		return Forms{}, 0
	}
	var all Forms
	for form := range all {
		all[form] = waves.in(Form(form)).hash()
	}
	return all, quality
}

func analyse(picture image.Image) (waves, int, bool) {
	if size := picture.Bounds(); size.Dx() < tooSmall || size.Dy() < tooSmall {
		return waves{}, 0, false
	}
	small := shrink(newBrightness(picture))
	return wavesOf(small), quality(small), true
}

// quality is how much a picture brought to 64 × 64 changes from one point to the next: 0 to 100. Each change is
// cut to whole hundredths of the way from black to white, so that noise counts for nothing.
func quality(p *points) int {
	sum := 0
	change := func(a, b float32) {
		d := int((a - b) * 100 / 255)
		sum += max(d, -d)
	}
	for y := range side {
		for x := range side {
			if y+1 < side {
				change(p[y][x], p[y+1][x])
			}
			if x+1 < side {
				change(p[y][x], p[y][x+1])
			}
		}
	}
	return min(sum/90, 100)
}
