package pdq_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
)

// What Meta's own program says of invented pictures is written down in testdata/reference.txt, so that neither it nor
// a compiler of C++ is needed. With the program at hand (testdata/reference.cpp says how it is made) this asks it
// again, writes the file anew, and asks it about a thousand photographs more.
//
// What is written down was said by pdqhashing.cpp @0234393 and downscaling.cpp @6bce5cb of facebook/ThreatExchange, with
// the search for the median as in its matrix.py @2a306a8, compiled by g++ 12 for amd64 with -O0, -O2 and -O3, which agree.
// Compiled for processors that join a product and a sum (-march=haswell) it says something else itself: of one photograph
// in ninety, by 4 to 22 bits; and of plain figures, most of whose waves are nothing but what rounding leaves, by many.
var referenceProgram = flag.String("reference", "", "Meta's PDQ, built from testdata/reference.cpp: ask it and write testdata/reference.txt")

const recorded = "testdata/reference.txt"

// judged is what the reference says of a picture.
type judged struct {
	hash    pdq.Hash
	quality int
	forms   pdq.Forms
}

// judgedIn reads a line of the reference; where the hashes of the forms are left out, they are zero.
func judgedIn(t *testing.T, line string) (j judged) {
	t.Helper()
	words := strings.Fields(line)
	if len(words) != 2 && len(words) != 2+len(j.forms) {
		t.Fatalf("%q", line)
	}
	j.hash = parsed(t, words[0])
	if _, err := fmt.Sscan(words[1], &j.quality); err != nil {
		t.Fatal(err)
	}
	for i, word := range words[2:] {
		j.forms[i] = parsed(t, word)
	}
	return j
}

// asked runs the reference over pictures.
func asked(t *testing.T, pictures []image.Image) (all []judged) {
	t.Helper()
	run := exec.Command(*referenceProgram)
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer in.Close()
		for _, picture := range pictures {
			size, channels := picture.Bounds(), 3
			if _, grey := picture.(*image.Gray); grey {
				channels = 1
			}
			fmt.Fprintf(in, "%d %d %d\n", size.Dx(), size.Dy(), channels)
			if _, err := in.Write(raw(picture)); err != nil {
				return // it ended, and fewer lines than pictures say so
			}
		}
	}()
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", *referenceProgram, err, stderr.String())
	}
	for line := range strings.Lines(string(out)) {
		all = append(all, judgedIn(t, line))
	}
	if len(all) != len(pictures) {
		t.Fatalf("%d pictures of %d were judged", len(all), len(pictures))
	}
	return all
}

// raw is the bytes of a picture row by row: one of brightness for each point of a grey one, else red, green, blue.
func raw(picture image.Image) []byte {
	if grey, ok := picture.(*image.Gray); ok {
		return grey.Pix
	}
	pix := picture.(*image.NRGBA).Pix
	all := make([]byte, 0, len(pix)/4*3)
	for i := 0; i < len(pix); i += 4 {
		all = append(all, pix[i:i+3]...)
	}
	return all
}

// drawn is a picture whose points have the colours that paint gives.
func drawn(w, h int, paint func(x, y int) (r, g, b uint8)) image.Image {
	p := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := p.Pix[p.PixOffset(x, y):]
			at[0], at[1], at[2] = paint(x, y)
			at[3] = 255
		}
	}
	return p
}

func grey(picture image.Image) image.Image {
	p := image.NewGray(picture.Bounds())
	draw.Draw(p, p.Rect, picture, p.Rect.Min, draw.Src)
	return p
}

// paintings are pictures made of whole numbers alone, so that they are the same bytes on every machine.
var paintings = map[string]func(w, h int) image.Image{
	"flat": func(w, h int) image.Image {
		return drawn(w, h, func(_, _ int) (uint8, uint8, uint8) { return 90, 140, 201 })
	},
	"across": func(w, h int) image.Image {
		return drawn(w, h, func(x, _ int) (uint8, uint8, uint8) { v := uint8(255 * x / w); return v, v, v })
	},
	"down": func(w, h int) image.Image {
		return drawn(w, h, func(_, y int) (uint8, uint8, uint8) { v := uint8(255 * y / h); return v, 255 - v, v / 2 })
	},
	"squares": func(w, h int) image.Image {
		return drawn(w, h, func(x, y int) (uint8, uint8, uint8) {
			if (16*x/w+9*y/h)%2 == 0 {
				return 250, 240, 10
			}
			return 5, 20, 60
		})
	},
	"noise": func(w, h int) image.Image {
		r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
		return drawn(w, h, func(_, _ int) (uint8, uint8, uint8) { n := r.Uint32(); return uint8(n), uint8(n >> 8), uint8(n >> 16) })
	},
	"scene":      scene,
	"grey scene": func(w, h int) image.Image { return grey(scene(w, h)) },
}

// scene is light and shade in three sizes, a box and a disc.
func scene(w, h int) image.Image {
	r := rand.New(rand.NewPCG(uint64(h), uint64(w)))
	var corners [3][17 * 17]int
	for i := range corners {
		for j := range corners[i] {
			corners[i][j] = r.IntN(256)
		}
	}
	shade := func(x, y int) (sum int) {
		for i, cells := range []int{4, 8, 16} {
			// In 1/256 of a cell.
			u, v := 256*cells*x/w, 256*cells*y/h
			at := corners[i][v/256*17+u/256:]
			u, v = u%256, v%256
			above, below := at[0]*(256-u)+at[1]*u, at[17]*(256-u)+at[18]*u
			sum += (above*(256-v) + below*v) >> (16 + i)
		}
		return sum * 4 / 7
	}
	return drawn(w, h, func(x, y int) (uint8, uint8, uint8) {
		s := shade(x, y)
		switch dx, dy := 100*x/w-70, 100*y/h-30; {
		case dx*dx+dy*dy < 200:
			return uint8(255 - s), 40, uint8(s / 2)
		case 100*x/w > 10 && 100*x/w < 35 && 100*y/h > 55:
			return 20, uint8(s / 3), 220
		}
		return uint8(s), uint8(min(s+s/8, 255)), uint8(s - s/5)
	})
}

// strange are the sizes where a window, a point or a rule changes: below, at and above 5, 64, 128, 256 pixels.
var strange = [][2]int{
	{1, 1}, {4, 4}, {4, 300}, {300, 4}, {5, 5}, {5, 6}, {6, 5}, {5, 700}, {700, 5}, {7, 64}, {63, 63}, {64, 63}, {63, 64}, {64, 64},
	{64, 65}, {65, 64}, {100, 75}, {127, 127}, {128, 128}, {129, 128}, {128, 129}, {192, 193}, {255, 256}, {256, 256}, {257, 255}, {385, 384},
	{320, 240}, {240, 320}, {512, 512}, {513, 511}, {640, 480}, {750, 1334}, {1024, 1024}, {1000, 1500}, {1500, 1000},
}

// long leaves a test that hashes many pictures out of a short run: under the race detector, which is for what several
// goroutines share, it takes a minute and shows nothing.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("many pictures, and nothing that is shared")
	}
}

// The same bytes have exactly the hash and the quality that Meta's own program gives them: that is what makes our
// hashes worth exchanging.
func TestTheSameBytesHaveExactlyTheHashOfTheReference(t *testing.T) {
	long(t)
	if *referenceProgram != "" {
		record(t)
	}
	text, err := os.Open(recorded)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	cases, good := 0, 0
	for lines := bufio.NewScanner(text); lines.Scan(); {
		name, said, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			continue // what the file says of itself
		}
		var w, h int
		kind, size, _ := strings.Cut(name, ", ")
		if _, err := fmt.Sscanf(size, "%d × %d", &w, &h); err != nil || paintings[kind] == nil {
			t.Fatalf("%q: %v", name, err)
		}
		cases++
		if want := judgedIn(t, said); compare(t, name, paintings[kind](w, h), want) && want.quality >= pdq.MinQuality {
			good++
		}
	}
	if cases != len(strange)*len(paintings) || good < 60 {
		t.Errorf("%d pictures, %d of them with something to recognise", cases, good)
	}
}

func compare(t *testing.T, name string, picture image.Image, want judged) bool {
	t.Helper()
	hash, quality := pdq.Of(picture)
	forms, same := pdq.Dihedral(picture)
	if hash != want.hash || quality != want.quality || same != quality {
		t.Errorf("%s: %s, quality %d; the reference: %s, quality %d (%d bits)", name, hash, quality, want.hash, want.quality, hash.Distance(want.hash))
		return false
	}
	if forms[pdq.Original] != hash {
		t.Errorf("%s: its first form is %s, not %s", name, forms[pdq.Original], hash)
		return false
	}
	if size := picture.Bounds(); want.forms == (pdq.Forms{}) || size.Dx() == 64 && size.Dy() == 64 {
		return true // left out; and of 64 × 64 the reference gives the forms of another hash than its own
	}
	for form := range forms {
		if forms[form] != want.forms[form] {
			t.Errorf("%s, %s: %s; the reference: %s (%d bits)", name, pdq.Form(form), forms[form], want.forms[form], forms[form].Distance(want.forms[form]))
			return false
		}
	}
	return true
}

// record asks the reference about the paintings and writes down what it says; and about a thousand photographs of
// any size, which it only compares.
func record(t *testing.T) {
	var names []string
	var pictures []image.Image
	for _, size := range strange {
		for _, kind := range []string{"flat", "across", "down", "squares", "noise", "scene", "grey scene"} {
			names = append(names, fmt.Sprintf("%s, %d × %d", kind, size[0], size[1]))
			pictures = append(pictures, paintings[kind](size[0], size[1]))
		}
	}
	var text bytes.Buffer
	io.WriteString(&text, "What facebook/ThreatExchange's pdq/cpp says of the paintings of conformance_test.go\n"+
		"picture, width × height, then its hash, its quality and, for scenes, the hashes of its eight forms\n")
	for i, j := range asked(t, pictures) {
		compare(t, names[i], pictures[i], j)
		fmt.Fprintf(&text, "%s: %s %d", names[i], j.hash, j.quality)
		if strings.HasPrefix(names[i], "scene") {
			for _, h := range j.forms {
				fmt.Fprintf(&text, " %s", h)
			}
		}
		fmt.Fprintln(&text)
	}
	if err := os.WriteFile(recorded, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3018, 64))
	names, pictures = nil, nil
	for range 1000 {
		seed, w, h := r.Uint64(), 5+r.IntN(500), 5+r.IntN(500)
		names = append(names, fmt.Sprintf("photograph %d, %d × %d", seed, w, h))
		pictures = append(pictures, invented.Photograph(seed, w, h))
	}
	exact := 0
	for i, want := range asked(t, pictures) {
		if compare(t, names[i], pictures[i], want) {
			exact++
		}
	}
	t.Logf("%d of %d photographs are judged exactly as by the reference", exact, len(pictures))
}

// The hash of a form is that of a picture which was really turned, but for a few bits: the points in the middle of
// each 64th do not lie at the same places from the other side.
func TestTheHashOfAFormIsNearlyThatOfAPictureReallyTurned(t *testing.T) {
	long(t)
	for seed := range uint64(6) {
		picture := invented.Photograph(seed, 400+int(seed)*37, 300+int(seed)*61)
		forms, _ := pdq.Dihedral(picture)
		for form, hash := range forms {
			turned, _ := pdq.Of(turn(picture, pdq.Form(form)))
			if d := hash.Distance(turned); d > 20 || form == 0 && d != 0 {
				t.Errorf("photograph %d, %s: %d bits", seed, pdq.Form(form), d)
			}
		}
	}
}

// turn lays a picture in another form.
func turn(picture image.Image, form pdq.Form) image.Image {
	w, h := picture.Bounds().Dx(), picture.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	switch form {
	case pdq.Rotate90, pdq.Rotate270, pdq.FlipPlus, pdq.FlipMinus:
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewNRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch form {
			case pdq.Rotate90:
				tx, ty = y, w-1-x
			case pdq.Rotate180:
				tx, ty = w-1-x, h-1-y
			case pdq.Rotate270:
				tx, ty = h-1-y, x
			case pdq.FlipX:
				ty = h - 1 - y
			case pdq.FlipY:
				tx = w - 1 - x
			case pdq.FlipPlus:
				tx, ty = y, x
			case pdq.FlipMinus:
				tx, ty = h-1-y, w-1-x
			}
			out.Set(tx, ty, picture.At(x, y))
		}
	}
	return out
}
