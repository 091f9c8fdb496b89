package audio

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"time"
)

// The forms of sound in a WAV file that are read (RFC 2361, and WAVE_FORMAT_EXTENSIBLE, whose own form is the
// first two bytes of its GUID).
const (
	wavePCM        = 0x0001
	waveFloat      = 0x0003
	waveALaw       = 0x0006
	waveMuLaw      = 0x0007
	waveExtensible = 0xFFFE
)

// wave is the fmt chunk.
type wave struct {
	form           uint16
	channels, rate int
	bits           int // of one sample of one channel
	block          int // bytes of one sample of all channels
}

// ReadWAV reads a WAV file that sounds no longer than max: PCM of 8, 16, 24 or 32 bits, 32-bit float, µ-law
// or A-law, one or two channels, 8 to 96 kHz. Sizes that a program could not know when it began to
// write (0, or all bits set) mean "to the end", and a file may end early. Faults as of [Read].
func ReadWAV(r io.Reader, max time.Duration) (*Clip, error) {
	in := newIntake(r, max)
	var head [12]byte
	if n, err := io.ReadFull(in, head[:]); err != nil {
		if n == 0 && err == io.EOF {
			return in.clip() // empty
		}
		return nil, unreadable(err)
	}
	if !isWAV(head[:]) {
		return nil, refused("no RIFF of WAVE")
	}
	var format *wave
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(in, chunk[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		} else if err != nil {
			return nil, unreadable(err)
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			f, err := readFormat(in, size)
			if err != nil {
				return nil, unreadable(err)
			}
			format = f
		case "data":
			if format == nil {
				return nil, refused("sound before its form")
			}
			return readData(in, format, size)
		default:
			// Chunks are padded to an even length.
			if _, err := io.CopyN(io.Discard, in, size+size&1); err != nil && err != io.EOF {
				return nil, unreadable(err)
			}
		}
	}
	if format == nil {
		return nil, refused("no form and no sound")
	}
	return in.clip() // a header alone: empty
}

func readFormat(r io.Reader, size int64) (*wave, error) {
	if size < 16 || size > 4096 {
		return nil, refused("a form of %d bytes", size)
	}
	raw := make([]byte, size+size&1)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, err
	}
	f := &wave{
		form:     binary.LittleEndian.Uint16(raw),
		channels: int(binary.LittleEndian.Uint16(raw[2:])),
		rate:     int(int32(binary.LittleEndian.Uint32(raw[4:]))),
		block:    int(binary.LittleEndian.Uint16(raw[12:])),
		bits:     int(binary.LittleEndian.Uint16(raw[14:])),
	}
	if f.form == waveExtensible && size >= 26 {
		f.form = binary.LittleEndian.Uint16(raw[24:])
	}
	switch {
	case f.form == wavePCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32):
	case f.form == waveFloat && f.bits == 32:
	case (f.form == waveALaw || f.form == waveMuLaw) && f.bits == 8:
	default:
		return nil, refused("form %#x of %d bits", f.form, f.bits)
	}
	if f.channels < 1 || f.channels > 2 || f.rate < lowestRate || f.rate > highestRate {
		return nil, refused("%d channels at %d Hz", f.channels, f.rate)
	}
	if f.block != f.channels*f.bits/8 {
		return nil, refused("blocks of %d bytes", f.block)
	}
	return f, nil
}

func readData(in *intake, f *wave, size int64) (*Clip, error) {
	// A program that writes into a pipe puts 0, the largest number there is, or almost 2 GB (sox).
	if size == 0 || size >= 0x7F000000 {
		size = math.MaxInt64
	} else if size/int64(f.block) > int64(in.max.Seconds()*float64(f.rate)) {
		return nil, tooLong(in.max) // said at once, before three hours of it are read
	}
	in.rate = newResampler(f.rate)
	raw := make([]byte, 4096*f.block)
	samples := make([]float32, 4096)
	for size > 0 {
		n, err := io.ReadFull(in, raw[:min(int64(len(raw)), size)])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return nil, unreadable(err)
		}
		size -= int64(n)
		got := samples[:n/f.block]
		f.mono(got, raw)
		if err := in.take(got); err != nil {
			return nil, err
		}
		if err != nil {
			break // it ends early, or where its writer did not know
		}
	}
	return in.clip()
}

// mono reads len(samples) blocks of raw, the mean of their channels as -1 to 1.
func (f *wave) mono(samples []float32, raw []byte) {
	step := f.bits / 8
	for i := range samples {
		sum := float32(0)
		for c := range f.channels {
			b := raw[i*f.block+c*step:]
			switch {
			case f.form == waveMuLaw:
				sum += float32(muLinear[b[0]]) / (full + 1)
			case f.form == waveALaw:
				sum += float32(aLinear[b[0]]) / (full + 1)
			case f.form == waveFloat:
				v := math.Float32frombits(binary.LittleEndian.Uint32(b))
				// Not a number, or beyond any loudness: a broken sample is silence and not a bang.
				if v >= -8 && v <= 8 {
					sum += v
				}
			case f.bits == 8:
				sum += (float32(b[0]) - 128) / 128
			case f.bits == 16:
				sum += float32(int16(binary.LittleEndian.Uint16(b))) / (full + 1)
			case f.bits == 24:
				sum += float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
			case f.bits == 32:
				sum += float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
			}
		}
		samples[i] = sum / float32(f.channels)
	}
}

// WAVHeadSize is how long the head of a WAV file is, in bytes; samples of two bytes follow it.
const WAVHeadSize = 44

// WAVHead is the head of a WAV file of so many samples; a negative number is of a recording that still goes on,
// which every reader takes to last to the end of the file.
func WAVHead(samples int64) []byte {
	head := make([]byte, WAVHeadSize)
	copy(head, "RIFF....WAVEfmt ")
	size := uint32(math.MaxUint32 - 36)
	if samples >= 0 {
		size = uint32(min(2*samples, math.MaxUint32-36))
	}
	binary.LittleEndian.PutUint32(head[4:], 36+size)
	binary.LittleEndian.PutUint32(head[16:], 16)
	binary.LittleEndian.PutUint16(head[20:], wavePCM)
	binary.LittleEndian.PutUint16(head[22:], 1)
	binary.LittleEndian.PutUint32(head[24:], Rate)
	binary.LittleEndian.PutUint32(head[28:], 2*Rate)
	binary.LittleEndian.PutUint16(head[32:], 2)
	binary.LittleEndian.PutUint16(head[34:], 16)
	copy(head[36:], "data")
	binary.LittleEndian.PutUint32(head[40:], size)
	return head
}

// WriteWAV writes samples as a WAV file of 16-bit PCM, mono, 8 kHz.
func WriteWAV(w io.Writer, samples []int16) error {
	head := append(make([]byte, 0, WAVHeadSize+2*min(len(samples), 4096)), WAVHead(int64(len(samples)))...)
	for {
		n := min(len(samples), 4096)
		for _, s := range samples[:n] {
			head = binary.LittleEndian.AppendUint16(head, uint16(s))
		}
		if _, err := w.Write(head); err != nil {
			return err
		}
		if samples = samples[n:]; len(samples) == 0 {
			return nil
		}
		head = head[:0]
	}
}

// WAVFile is a WAV file of 16-bit PCM, mono, 8 kHz, that is written as its sound comes. It may be read at any time.
type WAVFile struct {
	to   io.WriteSeeker
	size int64
}

// NewWAVFile begins one. Closing it leaves what it is written to open.
func NewWAVFile(to io.WriteSeeker) (*WAVFile, error) {
	_, err := to.Write(WAVHead(-1))
	return &WAVFile{to: to}, err
}

// Write takes samples of two bytes, the lower one first.
func (w *WAVFile) Write(samples []byte) (int, error) {
	n, err := w.to.Write(samples)
	w.size += int64(n)
	return n, err
}

// Close writes how long it is.
func (w *WAVFile) Close() error {
	if _, err := w.to.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := w.to.Write(WAVHead(w.size / 2))
	return err
}
