package chat_test

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"vigie/internal/chat"
)

// The first bytes of the files that phones make, and of those that only pretend.
var heads = []struct{ name, head, media string }{
	{"jpeg", "\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"},
	{"png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"},
	{"gif", "GIF89a\x01\x00\x01\x00", "image/gif"},
	{"webp", "RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"},

	{"nothing", "", ""},
	{"pdf", "%PDF-1.7\n", ""},
	{"mp4", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42", ""},
	{"a phone's screen recording", "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", ""},
	{"3gp", "\x00\x00\x00\x14ftyp3gp5\x00\x00\x00\x003gp5", ""},
	{"voice memo", "\x00\x00\x00\x1cftypM4A \x00\x00\x00\x00M4A mp42isom", ""},
	{"webm", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87", ""},
	{"ogg voice message", "OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00\x01\x13OpusHead\x01", ""},
	{"a page that would run in a browser", "<!DOCTYPE html><script>alert(1)</script>", ""},
	{"a picture that is a program", "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"x()\">", ""},
	{"an archive", "PK\x03\x04", ""},
	{"a program", "MZ\x90\x00", ""},
	{"a Linux program", "\x7fELF", ""},
	{"words", "salut", ""},
	{"a sound file of another kind", "RIFF\x24\x00\x00\x00WAVEfmt ", ""},
	{"heic", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", ""},
	{"quicktime", "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", ""},
}

func TestSniffReadsTheTypeInTheContent(t *testing.T) {
	for _, h := range heads {
		if media := chat.Sniff([]byte(h.head)); media != h.media {
			t.Errorf("%s: %q; want %q", h.name, media, h.media)
		}
	}
	small := image.NewGray(image.Rect(0, 0, 2, 2))
	for media, encode := range map[string]func(*bytes.Buffer) error{
		"image/jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, small, nil) },
		"image/png":  func(b *bytes.Buffer) error { return png.Encode(b, small) },
		"image/gif":  func(b *bytes.Buffer) error { return gif.Encode(b, small, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		if got := chat.Sniff(b.Bytes()); got != media {
			t.Errorf("a real %s: %q", media, got)
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h.head))
	}
	known := map[string]bool{"": true}
	for _, h := range heads {
		known[h.media] = true
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if media := chat.Sniff(head); !known[media] {
			t.Fatalf("a type that we do not take: %q", media)
		}
	})
}
