package chat_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"testing"

	"vigie/internal/chat"
	"vigie/internal/fault"
)

// TestMain lets this test program become the process that opens pictures.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == chat.PictureArgument {
		if err := chat.RunPictureProcess(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == chat.ConfinementArgument {
		chat.ReportConfinement(os.Stdout)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// chessboard is a picture whose squares are 40 pixels wide.
func chessboard(w, h int) *image.RGBA {
	board := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			if (x/40+y/40)%2 == 0 {
				board.Set(x, y, color.RGBA{200, 30, 30, 255})
			} else {
				board.Set(x, y, color.RGBA{20, 220, 240, 255})
			}
		}
	}
	return board
}

func pngOf(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// contrast is the greatest difference of brightness between neighbours.
func contrast(picture image.Image) int {
	most := 0
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X + 1; x < b.Max.X; x++ {
			one := int(color.GrayModel.Convert(picture.At(x-1, y)).(color.Gray).Y)
			other := int(color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y)
			most = max(most, one-other, other-one)
		}
	}
	return most
}

func TestAPictureIsDrawnSmallGreyAndCoveredFirst(t *testing.T) {
	original := pngOf(t, chessboard(1600, 800))
	for _, c := range []struct {
		cover    chat.Cover
		longest  int
		contrast func(int) bool
	}{
		{chat.Covered, 320, func(n int) bool { return n < 20 }},
		{chat.Uncovered, 960, func(n int) bool { return n > 40 }},
	} {
		drawn, err := chat.Draw(context.Background(), bytes.NewReader(original), c.cover)
		if err != nil {
			t.Fatalf("%s: %v", c.cover, err)
		}
		picture, format, err := image.Decode(bytes.NewReader(drawn))
		if err != nil || format != "jpeg" {
			t.Fatalf("%s: %s, %v", c.cover, format, err)
		}
		if _, grey := picture.(*image.Gray); !grey {
			t.Errorf("%s: in colour", c.cover)
		}
		if w := picture.Bounds().Dx(); w > c.longest || w < c.longest/2 {
			t.Errorf("%s: %d pixels wide", c.cover, w)
		}
		if n := contrast(picture); !c.contrast(n) {
			t.Errorf("%s: contrast %d", c.cover, n)
		}
	}
}

// exif is a JPEG that carries a name and a place in its metadata and was held on its side.
func exif(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	segment := append([]byte("Exif\x00\x00"), tiff...)
	segment = append(segment, "Canari Dupont, 48.85N 2.35E"...)
	out := append([]byte{}, b.Bytes()[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	out = append(out, segment...)
	return append(out, b.Bytes()[2:]...)
}

func TestNothingOfTheMetadataIsLeftAndThePictureStandsUpright(t *testing.T) {
	drawn, err := chat.Draw(context.Background(), bytes.NewReader(exif(t, chessboard(400, 200))), chat.Uncovered)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(drawn, []byte("Canari")) || bytes.Contains(drawn, []byte("Exif")) {
		t.Error("metadata of the original is in the preview")
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(drawn))
	if err != nil || size.Width != 200 || size.Height != 400 {
		t.Errorf("%d × %d, %v; the picture was held on its side", size.Width, size.Height, err)
	}
}

func TestWhatCannotBeDrawnIsRefused(t *testing.T) {
	// 48 million pixels, all alike, in a few kilobytes; and 19,000 × 19,000 only declared.
	bomb := pngOf(t, image.NewGray(image.Rect(0, 0, 8000, 6000)))
	lie := pngOf(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(lie[16:], 19_000)
	binary.BigEndian.PutUint32(lie[20:], 19_000)
	binary.BigEndian.PutUint32(lie[29:], crc32.ChecksumIEEE(lie[12:29]))
	whole := pngOf(t, chessboard(200, 200))
	for name, data := range map[string][]byte{
		"a picture that would fill the memory": bomb,
		"a picture that says it would":         lie,
		"a picture cut short":                  whole[:len(whole)/2],
		"no picture at all":                    []byte("\xff\xd8\xffnot really"),
		"nothing":                              nil,
	} {
		drawn, err := chat.Draw(context.Background(), bytes.NewReader(data), chat.Covered)
		if f := fault.As(err); f == nil || f.Key != "fault.chat.no_preview" || drawn != nil {
			t.Errorf("%s: %d bytes, %v", name, len(drawn), err)
		}
	}
}

func TestThePictureProcessHasNoFilesAndNoRights(t *testing.T) {
	report, err := chat.Confinement(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(strings.TrimSpace(report))
	if os.Geteuid() == 0 && !strings.Contains(report, "uid 65534") {
		t.Errorf("it keeps the rights of root: %s", report)
	}
	if !strings.Contains(report, "write refused") {
		t.Errorf("it can write files: %s", report)
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"))
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x02\xff\xe1\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) { chat.Orientation(data) })
}

// Whatever is sent as a picture is refused, or drawn small.
func FuzzPicture(f *testing.F) {
	small := chessboard(24, 12)
	var asJPEG, asGIF bytes.Buffer
	if err := errors.Join(jpeg.Encode(&asJPEG, small, nil), gif.Encode(&asGIF, small, nil)); err != nil {
		f.Fatal(err)
	}
	var asPNG bytes.Buffer
	if err := png.Encode(&asPNG, small); err != nil {
		f.Fatal(err)
	}
	for _, data := range [][]byte{asJPEG.Bytes(), asGIF.Bytes(), asPNG.Bytes(), asPNG.Bytes()[:40], []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"), nil} {
		f.Add(data, true)
		f.Add(data, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, covered bool) {
		if size, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil && size.Width*size.Height > 1<<20 {
			return // decoded in a process with little memory, not here
		}
		how := chat.Uncovered
		if covered {
			how = chat.Covered
		}
		drawn, err := chat.DrawHere(data, how)
		if err != nil {
			return
		}
		if b := drawn.Bounds(); b.Dx() < 1 || b.Dy() < 1 || b.Dx() > 960 || b.Dy() > 960 {
			t.Fatalf("drawn as %v", b)
		}
	})
}
