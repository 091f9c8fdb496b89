package pdq_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"vigie/internal/fault"
	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
)

// webp is 16 × 16 points that cannot be told apart, without loss (VP8L): Go reads WebP and does not write it.
const webp = "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x0f\xc0\x03\x00\x07\x10\x11\x11\x88\x88\xfe\x07\x00"

func encoded(t testing.TB, picture image.Image) map[string][]byte {
	t.Helper()
	var asJPEG, asPNG, asGIF bytes.Buffer
	if err := errors.Join(jpeg.Encode(&asJPEG, picture, nil), png.Encode(&asPNG, picture), gif.Encode(&asGIF, picture, nil)); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"JPEG": asJPEG.Bytes(), "PNG": asPNG.Bytes(), "GIF": asGIF.Bytes()}
}

func TestThePicturesOfTheWebAreOpened(t *testing.T) {
	photograph := invented.Photograph(11, 640, 400)
	want, _ := pdq.Of(photograph)
	for kind, data := range encoded(t, photograph) {
		picture, err := pdq.Decode(bytes.NewReader(data), pdq.Limits{})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if hash, _ := pdq.Of(picture); hash.Distance(want) > 10 {
			t.Errorf("%s: %d bits from the picture", kind, hash.Distance(want))
		}
		if _, err := pdq.Decode(iotest.OneByteReader(bytes.NewReader(data)), pdq.Limits{}); err != nil {
			t.Errorf("%s, byte by byte: %v", kind, err)
		}
	}
	if picture, err := pdq.Decode(bytes.NewReader([]byte(webp)), pdq.Limits{}); err != nil || picture.Bounds().Dx() != 16 {
		t.Errorf("WebP: %v", err)
	}
}

// huge is files that begin as pictures of a given size and hold nothing.
func huge(w, h uint32) map[string][]byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	head = append(head, 8, 2, 0, 0, 0)
	asPNG := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	asPNG = binary.BigEndian.AppendUint32(asPNG, crc32.ChecksumIEEE(head))
	short := func(n uint32) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
	asJPEG := bytes.Join([][]byte{[]byte("\xff\xd8\xff\xc0\x00\x11\x08"), short(h), short(w),
		[]byte("\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00")}, nil)
	asGIF := []byte("GIF89a")
	asGIF = binary.LittleEndian.AppendUint16(asGIF, uint16(w))
	asGIF = binary.LittleEndian.AppendUint16(asGIF, uint16(h))
	asGIF = append(asGIF, 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
	asWebP := []byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00")
	asWebP = append(asWebP, byte(w-1), byte((w-1)>>8), byte((w-1)>>16), byte(h-1), byte((h-1)>>8), byte((h-1)>>16))
	return map[string][]byte{"PNG": asPNG, "JPEG": asJPEG, "GIF": asGIF, "WebP": asWebP}
}

// A file of a few bytes that says it is 50,000 × 50,000 would take ten gigabytes. It is refused by its header.
func TestAHugePictureIsRefusedBeforeMemoryIsTaken(t *testing.T) {
	for _, size := range [][2]uint32{{50_000, 50_000}, {20_001, 100}, {100, 20_001}, {8_000, 5_001}} {
		for kind, data := range huge(size[0], size[1]) {
			if kind == "WebP" && size[0]*size[1] > 1<<31-1 {
				continue // its decoder does not even read such a header; see below
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := pdq.Decode(bytes.NewReader(data), pdq.Limits{})
			runtime.ReadMemStats(&after)
			f := fault.As(err)
			if f == nil || f.Kind != fault.TooLarge || f.Key != "fault.pdq.too_large" {
				t.Errorf("%s of %v: %v", kind, size, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
				t.Errorf("%s of %v took %d bytes", kind, size, took)
			}
		}
	}
	if _, err := pdq.Decode(bytes.NewReader(huge(50_000, 50_000)["WebP"]), pdq.Limits{}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("WebP of 50,000 × 50,000: %v", err)
	}
	// What is allowed is: the limits refuse no picture that keeps to them.
	if _, err := pdq.Decode(bytes.NewReader(encoded(t, invented.Photograph(1, 100, 50))["PNG"]), pdq.Limits{Side: 100, Pixels: 5000}); err != nil {
		t.Errorf("100 × 50 within 5,000 pixels: %v", err)
	}
}

// A small picture around a large one: the header that is judged is the one that is decoded.
func TestASmallHeaderDoesNotHideALargePicture(t *testing.T) {
	data := huge(16, 16)["WebP"]
	inside := []byte("VP8L\x05\x00\x00\x00\x2f\xff\xff\xff\x0f\x00") // 16,384 × 16,384
	data = append(data, inside...)
	binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-8))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := pdq.Decode(bytes.NewReader(data), pdq.Limits{})
	runtime.ReadMemStats(&after)
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("it took %d bytes", took)
	}
}

// scans is a grey JPEG of many scans (ITU-T T.81 G.1), each of which says in a few bytes that nothing changes in any
// of its blocks.
func scans(w, h, n int) []byte {
	data := []byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}
	data = append(data, bytes.Repeat([]byte{1}, 64)...)
	data = append(data, 0xff, 0xc2, 0, 11, 8, byte(h>>8), byte(h), byte(w>>8), byte(w), 1, 1, 0x11, 0)
	// One code, 0: a run of 2¹⁴ blocks and as many more as the next 14 bits say.
	data = append(data, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0)
	runs := ((w+7)/8*((h+7)/8) + 1<<14 - 1) >> 14
	for range n {
		data = append(data, 0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0)
		data = append(data, make([]byte, (15*runs+7)/8)...)
	}
	return append(data, 0xff, 0xd9)
}

// A file of a megabyte whose every scan goes over all pixels would be opened for minutes, and with forty million
// pixels for an hour.
func TestAPictureThatTakesForeverToOpenIsGivenUp(t *testing.T) {
	if _, err := pdq.Decode(bytes.NewReader(scans(160, 120, 20)), pdq.Limits{}); err != nil {
		t.Fatalf("twenty scans of a small picture: %v", err)
	}
	_, err := pdq.Decode(bytes.NewReader(scans(3000, 2000, 50_000)), pdq.Limits{Work: 300 * time.Millisecond})
	if f := fault.As(err); f == nil || f.Kind != fault.Unsupported || f.Key != "fault.pdq.too_slow" {
		t.Errorf("%v", err)
	}
	good := bytes.NewReader(encoded(t, invented.Photograph(1, 60, 40))["PNG"])
	slow := readerFunc(func(p []byte) (int, error) { time.Sleep(50 * time.Millisecond); return good.Read(p) })
	if _, err := pdq.Decode(slow, pdq.Limits{Work: 300 * time.Millisecond}); err != nil {
		t.Errorf("a slow network is no slow picture: %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	good := encoded(t, invented.Photograph(3, 300, 200))["PNG"]
	ours := fault.New(fault.TooMany, "fault.pdq.test")
	for _, c := range []struct {
		name string
		in   io.Reader
		kind fault.Kind
		key  string
	}{
		{"nothing", bytes.NewReader(nil), fault.Unsupported, "fault.pdq.not_a_picture"},
		{"a page", bytes.NewReader([]byte("<!doctype html><p>")), fault.Unsupported, "fault.pdq.not_a_picture"},
		{"a header that is cut", bytes.NewReader(good[:20]), fault.Unsupported, "fault.pdq.not_a_picture"},
		{"no pixels", bytes.NewReader(huge(0, 0)["GIF"]), fault.Unsupported, "fault.pdq.not_a_picture"},
		{"a picture that is cut", bytes.NewReader(good[:len(good)/2]), fault.Invalid, "fault.pdq.broken"},
		{"a picture with a bit turned", bytes.NewReader(append(append(bytes.Clone(good[:60]), good[60]^1), good[61:]...)), fault.Invalid, "fault.pdq.broken"},
		{"more bytes than are taken", bytes.NewReader(good), fault.TooLarge, "fault.pdq.too_heavy"},
		{"a network that fails at once", iotest.ErrReader(errors.New("gone")), fault.Invalid, "fault.pdq.cut"},
		{"a network that fails on the way", io.MultiReader(bytes.NewReader(good[:len(good)/2]), iotest.ErrReader(errors.New("gone"))), fault.Invalid, "fault.pdq.cut"},
		{"a reader that says why", io.MultiReader(bytes.NewReader(good[:len(good)/2]), iotest.ErrReader(ours)), ours.Kind, ours.Key},
	} {
		limits := pdq.Limits{}
		if c.key == "fault.pdq.too_heavy" {
			limits.Bytes = int64(len(good)) - 100
		}
		_, err := pdq.Decode(c.in, limits)
		if f := fault.As(err); f == nil || f.Kind != c.kind || f.Key != c.key {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := pdq.Decode(bytes.NewReader(good), pdq.Limits{Bytes: int64(len(good))}); err != nil {
		t.Errorf("just as many bytes as are taken: %v", err)
	}
}

// Whatever comes is refused with a fault, or is a picture within the limits that has a hash.
func FuzzDecode(f *testing.F) {
	for _, picture := range []image.Image{invented.Photograph(1, 24, 17), grey(invented.Photograph(2, 9, 30))} {
		for _, data := range encoded(f, picture) {
			f.Add(data)
			f.Add(data[:len(data)*2/3])
		}
	}
	for _, data := range huge(50_000, 50_000) {
		f.Add(data)
	}
	f.Add([]byte(webp))
	limits := pdq.Limits{Bytes: 1 << 16, Side: 700, Pixels: 200_000}
	f.Fuzz(func(t *testing.T, data []byte) {
		picture, err := pdq.Decode(bytes.NewReader(data), limits)
		if err != nil {
			if fault.As(err) == nil {
				t.Fatalf("no fault: %v", err)
			}
			return
		}
		if size := picture.Bounds(); size.Dx() > limits.Side || size.Dy() > limits.Side || size.Dx()*size.Dy() > limits.Pixels {
			t.Fatalf("a picture of %v", size)
		}
		hash, quality := pdq.Of(picture)
		forms, same := pdq.Dihedral(picture)
		if quality < 0 || quality > 100 || same != quality || forms[pdq.Original] != hash {
			t.Fatalf("%s, quality %d; the forms %s, %d", hash, quality, forms[pdq.Original], same)
		}
	})
}
