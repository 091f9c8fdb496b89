package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"vigie/internal/fault"
	"vigie/internal/picture"
	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
	"vigie/internal/picture/picturetest"
)

// TestMain lets this test program become the process that opens pictures.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == picture.ConfinementArgument {
		picture.ReportConfinement(os.Stdout)
		os.Exit(0)
	}
	picturetest.Main(m)
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
	original := picturetest.PNG(t, picturetest.Chessboard(1600, 800))
	for _, c := range []struct {
		cover    picture.Cover
		longest  int
		contrast func(int) bool
	}{
		{picture.Covered, 320, func(n int) bool { return n < 20 }},
		{picture.Uncovered, 960, func(n int) bool { return n > 40 }},
	} {
		drawn, err := picture.New().Draw(context.Background(), bytes.NewReader(original), c.cover)
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
	drawn, err := picture.New().Draw(context.Background(), bytes.NewReader(exif(t, picturetest.Chessboard(400, 200))), picture.Uncovered)
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
	bomb := picturetest.PNG(t, image.NewGray(image.Rect(0, 0, 8000, 6000)))
	lie := picturetest.PNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(lie[16:], 19_000)
	binary.BigEndian.PutUint32(lie[20:], 19_000)
	binary.BigEndian.PutUint32(lie[29:], crc32.ChecksumIEEE(lie[12:29]))
	whole := picturetest.PNG(t, picturetest.Chessboard(200, 200))
	for name, data := range map[string][]byte{
		"a picture that would fill the memory": bomb,
		"a picture that says it would":         lie,
		"a picture cut short":                  whole[:len(whole)/2],
		"no picture at all":                    []byte("\xff\xd8\xffnot really"),
		"nothing":                              nil,
	} {
		drawn, err := picture.New().Draw(context.Background(), bytes.NewReader(data), picture.Covered)
		if f := fault.As(err); f == nil || f.Key != "fault.picture.not_drawn" || drawn != nil {
			t.Errorf("%s: %d bytes, %v", name, len(drawn), err)
		}
	}
}

func TestThePictureProcessHasNoFilesAndNoRights(t *testing.T) {
	report, err := picture.Confinement(context.Background())
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
	f.Fuzz(func(t *testing.T, data []byte) { picture.Orientation(data) })
}

// Whatever is sent as a picture is refused, or drawn small.
func FuzzPicture(f *testing.F) {
	small := picturetest.Chessboard(24, 12)
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
		how := picture.Uncovered
		if covered {
			how = picture.Covered
		}
		drawn, err := picture.DrawHere(data, how)
		if err != nil {
			return
		}
		if b := drawn.Bounds(); b.Dx() < 1 || b.Dy() < 1 || b.Dx() > 960 || b.Dy() > 960 {
			t.Fatalf("drawn as %v", b)
		}
	})
}

// A picture is hashed where nobody else's files are, exactly as the library does, however its camera was held.
func TestAPictureIsHashedInItsProcess(t *testing.T) {
	photograph := invented.Photograph(3018, 640, 480)
	forms, quality := pdq.Dihedral(photograph)
	got, gotQuality, err := picture.New().Hash(context.Background(), bytes.NewReader(picturetest.PNG(t, photograph)))
	if err != nil || got != forms || gotQuality != quality || quality < pdq.MinQuality {
		t.Fatalf("%v, quality %d, %v; want %v, %d", got, gotQuality, err, forms, quality)
	}
	held, _, err := picture.New().Hash(context.Background(), bytes.NewReader(exif(t, photograph)))
	if err != nil {
		t.Fatal(err)
	}
	if d := held[pdq.Original].Distance(forms[pdq.Original]); d > 10 {
		t.Errorf("a camera held on its side changes %d bits", d)
	}
}

// What cannot be opened says so for good; where no process can be started, nothing is said of the picture.
func TestWhatCannotBeHashedIsToldFromWhatMayBeTriedAgain(t *testing.T) {
	whole := picturetest.PNG(t, picturetest.Chessboard(200, 200))
	for name, data := range map[string][]byte{"huge": huge(t), "cut": whole[:len(whole)/2], "none": []byte("\xff\xd8\xffnot really")} {
		_, _, err := picture.New().Hash(context.Background(), bytes.NewReader(data))
		if f := fault.As(err); f == nil || f.Key != "fault.picture.not_hashed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := picture.Started("/nonexistent").Hash(context.Background(), bytes.NewReader(whole))
	if err == nil || fault.As(err) != nil {
		t.Errorf("without a process: %v", err)
	}
	away := errors.New("the disk is away")
	_, _, err = picture.New().Hash(context.Background(), io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), iotest.ErrReader(away)))
	if !errors.Is(err, away) {
		t.Errorf("from a disk that is away: %v", err)
	}
	over, stop := context.WithCancel(context.Background())
	_, _, err = picture.New().Hash(over, io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), stops(stop)))
	if !errors.Is(err, context.Canceled) || errors.Is(err, picture.ErrEnded) {
		t.Errorf("of a node that stops: %v", err)
	}
}

// stops is a file that is never read to its end, because its reader is told to stop.
type stops context.CancelFunc

func (s stops) Read([]byte) (int, error) {
	s()
	time.Sleep(100 * time.Millisecond)
	return 0, io.EOF
}

// huge declares 50,000 × 50,000 pixels in a few bytes.
func huge(t testing.TB) []byte {
	t.Helper()
	lie := picturetest.PNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(lie[16:], 50_000)
	binary.BigEndian.PutUint32(lie[20:], 50_000)
	binary.BigEndian.PutUint32(lie[29:], crc32.ChecksumIEEE(lie[12:29]))
	return lie
}
