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
	kind, err := findFrame(b)
	if err != nil {
		return nil, unreadable(err)
	}
	// Hidden, that a reader could seek: the decoder would read the whole file first to know its length.
	source := struct{ io.Reader }{b}
	if kind == kind22050 {
		source.Reader = &repacked{source: b}
	}
	decoder, err := mp3.NewDecoder(source)
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
func findFrame(b *bufio.Reader) (kind uint16, err error) {
	head, err := b.Peek(sniffed)
	if err != nil && err != io.EOF {
		return 0, err
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
		return kind, err
	}
	return 0, fmt.Errorf("mp3: no two frames in the first %d bytes", len(head))
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

// repacked hands on the frames of MPEG-2 at 22.05 kHz in another packing. The decoder counts the length of a
// padded frame wrongly (a byte too short at most bit rates), loses its place, and plays noise; so each frame
// goes out at the highest bit rate, which needs no padding, with its sound laid in anew: as in any file it begins
// in the free end of the frame before (the bit reservoir, ISO/IEC 11172-3 §2.4.2.7).
type repacked struct {
	source    *bufio.Reader
	reservoir []byte // sound of the last frames, as far as a frame may reach back
	waiting   []byte // a frame whose end the next one may still use
	free      int    // bytes at its end
	out       []byte // what is left to hand on
}

const (
	// kind22050 is MPEG-2, layer III, 22.05 kHz, as of frameSize.
	kind22050 = 0x12 << 8
	roomy     = 72 * 160 * 1000 / 22050 // bytes of a frame at 160 kbit/s
	reaches   = 255                     // bytes that a frame reaches back at most (8 bits)
)

// Read hands on what is left of a frame, or the next.
func (r *repacked) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if err := r.next(); err != nil {
			if len(r.waiting) == 0 {
				return 0, err
			}
			r.out, r.waiting = r.waiting, nil
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// next packs one frame and hands on the one before.
func (r *repacked) next() error {
	head, err := r.source.Peek(4)
	if err != nil {
		return err
	}
	kind, size, ok := frameSize(head)
	if !ok || kind != kind22050 {
		_, err := r.source.Discard(1) // what lies between frames
		return err
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(r.source, frame); err != nil {
		return err // cut off in the middle
	}
	channels, side, at := 2, 17, 4
	if frame[3]>>6 == 3 {
		channels, side = 1, 9
	}
	if frame[1]&1 == 0 {
		at += 2 // a checksum, which goes
	}
	if at+side > len(frame) {
		return nil
	}
	info, main := frame[at:at+side], frame[at+side:]

	// The side information begins with how far back the sound begins, 8 bits, and a bit of no meaning per
	// channel; then for each channel 63 bits, whose first 12 say how many bits of sound it has.
	back, bits := int(info[0]), 0
	for c := range channels {
		from := 8 + channels + 63*c
		for i := range 12 {
			bits += int(info[(from+i)/8]>>(7-(from+i)%8)&1) << (11 - i)
		}
	}
	long := (bits + 7) / 8
	kept := len(r.reservoir)
	r.reservoir = append(r.reservoir, main...)
	var sound []byte
	if back <= kept && kept-back+long <= len(r.reservoir) {
		sound = r.reservoir[kept-back:][:long]
	}

	packed := make([]byte, roomy)
	copy(packed, frame[:4])
	packed[1] |= 1                   // no checksum
	packed[2] = frame[2]&0x0D | 0xE0 // 160 kbit/s, no padding
	room := packed[4+side:]
	free := len(room)
	// Where the beginning of the sound was cut away the frame stays silent, as it does where it has more than
	// a frame can hold.
	if before := min(r.free, reaches); sound != nil && len(sound) <= before+len(room) {
		copy(packed[4:], info)
		packed[4] = byte(before)
		n := copy(r.waiting[len(r.waiting)-before:], sound)
		free -= copy(room, sound[n:])
	}
	r.out, r.waiting, r.free = r.waiting, packed, free

	if extra := len(r.reservoir) - reaches; extra > 0 {
		r.reservoir = r.reservoir[:copy(r.reservoir, r.reservoir[extra:])]
	}
	return nil
}
