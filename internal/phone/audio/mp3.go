package audio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/hajimehoshi/go-mp3"
)

// sniffed is how far into a file the first frame of MP3 is looked for, tags left out.
const sniffed = 16 << 10

// ReadMP3 reads an MP3 file (MPEG-1 and MPEG-2 layer III, which is 16 to 48 kHz) that sounds no longer than
// max. Faults as of [Read].
func ReadMP3(r io.Reader, max time.Duration) (clip *Clip, err error) {
	in := newIntake(r, max)
	// The decoder indexes its tables with what the file says; a file made to break it breaks this one
	// reading and nothing else.
	defer func() {
		if broken := recover(); broken != nil {
			clip, err = nil, refused("mp3: %v", broken)
		}
	}()
	b := bufio.NewReaderSize(in, sniffed)
	if _, err := b.Peek(1); err == io.EOF {
		return in.clip() // empty
	}
	if err := skipTags(b); err != nil {
		return nil, unreadable(err)
	}
	if err := findFrame(b); err != nil {
		return nil, unreadable(err)
	}
	// Hidden, that it could seek: the decoder would read the whole file first to know its length.
	decoder, err := mp3.NewDecoder(struct{ io.Reader }{b})
	if err != nil {
		return nil, unreadable(err)
	}
	rate := decoder.SampleRate()
	if rate < lowestRate || rate > highestRate {
		return nil, refused("mp3: %d Hz", rate)
	}
	in.rate = newResampler(rate)
	raw := make([]byte, 4*1152)
	samples := make([]float32, 1152)
	for {
		n, err := io.ReadFull(decoder, raw)
		got := samples[:n/4]
		for i := range got {
			left := int16(binary.LittleEndian.Uint16(raw[4*i:]))
			right := int16(binary.LittleEndian.Uint16(raw[4*i+2:]))
			got[i] = (float32(left) + float32(right)) / (2 * (full + 1))
		}
		if err := in.take(got); err != nil {
			return nil, err
		}
		switch {
		case err == nil:
		case err == io.EOF || err == io.ErrUnexpectedEOF || in.read < mostBytes && len(in.out) > 0:
			return in.clip() // a broken frame ends it: what came before is sound
		default:
			return nil, unreadable(err)
		}
	}
}

// skipTags passes over ID3v2 tags (id3.org, ID3v2.4 §3.1) without keeping them: the decoder would set aside as
// many bytes as a tag says, up to half a gigabyte.
func skipTags(b *bufio.Reader) error {
	for {
		head, _ := b.Peek(10)
		if len(head) < 10 || !bytes.HasPrefix(head, []byte("ID3")) {
			return nil
		}
		// Four bytes of seven bits.
		size := int64(head[6]&0x7F)<<21 | int64(head[7]&0x7F)<<14 | int64(head[8]&0x7F)<<7 | int64(head[9]&0x7F)
		size += 10
		if head[5]&0x10 != 0 {
			size += 10 // a footer
		}
		if _, err := io.CopyN(io.Discard, b, size); err != nil {
			return err
		}
	}
}

// findFrame goes to the first frame of layer III that another of its kind follows, so that what is not MP3
// is refused instead of being heard as noise. (A lone frame, at the end of the file, counts.)
func findFrame(b *bufio.Reader) error {
	head, err := b.Peek(sniffed)
	if err != nil && err != io.EOF {
		return err
	}
	for i := 0; i+4 <= len(head); i++ {
		kind, size, ok := frameSize(head[i:])
		if !ok {
			continue
		}
		if i+size+4 <= len(head) {
			next, _, ok := frameSize(head[i+size:])
			if !ok || next != kind {
				continue
			}
		} else if i > 0 || i+size > len(head) {
			continue
		}
		_, err := b.Discard(i)
		return err
	}
	return fmt.Errorf("mp3: no two frames in the first %d bytes", len(head))
}

// frameSize reads the header of a frame of MPEG-1 or MPEG-2 layer III (ISO/IEC 11172-3 §2.4.1.3): its kind,
// which is the same throughout a file (version, layer, rate), and its length in bytes.
func frameSize(h []byte) (kind uint16, size int, ok bool) {
	version, layer := h[1]>>3&3, h[1]>>1&3
	bits, rate := h[2]>>4, h[2]>>2&3
	if h[0] != 0xFF || h[1]&0xE0 != 0xE0 || version < 2 || layer != 1 || bits == 0 || bits == 15 || rate == 3 {
		return 0, 0, false
	}
	kbps := [2][15]int{
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}[version-2][bits]
	hertz := [2][3]int{{22050, 24000, 16000}, {44100, 48000, 32000}}[version-2][rate]
	perByte := [2]int{72, 144}[version-2]
	return uint16(h[1]&0x1E)<<8 | uint16(h[2]&0x0C), perByte*kbps*1000/hertz + int(h[2]>>1&1), true
}
