package audio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"vigie/internal/fault"
)

// mostBytes is how much of a file is read at all: ten minutes of the sound of a compact disc, and far more
// of anything a telephone needs. Memory does not depend on it: a file is brought down to 8,000 samples a
// second as it is read.
const mostBytes = 96 << 20

var errTooLarge = errors.New("longer than is read")

// Read reads a WAV or MP3 file, told by its first bytes, that sounds no longer than max. Faults, all Invalid:
//
//   - fault.phone.prompt_empty: no byte, or not one sample;
//   - fault.phone.prompt_too_large: more bytes than we read ({max} in MB);
//   - fault.phone.prompt_too_long: it sounds longer than max ({max} in minutes, rounded up);
//   - fault.phone.prompt_unreadable: not a sound file, or in a form that we do not read.
//
// A file that ends early is read as far as it goes. What reading needs of memory is bounded by max.
func Read(r io.Reader, max time.Duration) (*Clip, error) {
	b := bufio.NewReaderSize(r, sniffed)
	head, err := b.Peek(12)
	switch {
	case len(head) == 0 && err == io.EOF:
		return nil, fault.New(fault.Invalid, "fault.phone.prompt_empty")
	case len(head) == 0:
		return nil, unreadable(err)
	case len(head) == 12 && isWAV(head):
		return ReadWAV(b, max)
	}
	return ReadMP3(b, max)
}

// intake is one file on its way to become a clip: it counts what is read and what it has become.
type intake struct {
	source io.Reader
	read   int64
	rate   *resampler
	most   int // samples
	max    time.Duration
	out    []int16
}

func newIntake(r io.Reader, max time.Duration) *intake {
	return &intake{source: r, max: max, most: samplesIn(max)}
}

// Read reads from the file, and errTooLarge beyond mostBytes.
func (in *intake) Read(p []byte) (int, error) {
	if in.read >= mostBytes {
		return 0, errTooLarge
	}
	n, err := in.source.Read(p[:min(int64(len(p)), mostBytes-in.read)])
	in.read += int64(n)
	return n, err
}

// take adds samples (-1 to 1) at the rate of in.rate.
func (in *intake) take(samples []float32) error {
	in.out = in.rate.push(in.out, samples)
	if len(in.out) > in.most {
		return tooLong(in.max)
	}
	return nil
}

// clip is what was taken, once the file is over.
func (in *intake) clip() (*Clip, error) {
	if in.rate != nil {
		in.out = in.rate.flush(in.out)
	}
	switch {
	case len(in.out) == 0:
		return nil, fault.New(fault.Invalid, "fault.phone.prompt_empty")
	case len(in.out) > in.most:
		return nil, tooLong(in.max)
	}
	return NewClip(in.out), nil
}

func tooLong(max time.Duration) error {
	return fault.New(fault.Invalid, "fault.phone.prompt_too_long", "max", int((max+time.Minute-1)/time.Minute))
}

// unreadable is the fault of a file that gave err; of one that is too large it is that.
func unreadable(err error) error {
	if f := fault.As(err); f != nil {
		return f
	}
	if errors.Is(err, errTooLarge) {
		return fault.Wrap(err, fault.Invalid, "fault.phone.prompt_too_large", "max", mostBytes>>20)
	}
	return fault.Wrap(err, fault.Invalid, "fault.phone.prompt_unreadable")
}

func isWAV(head []byte) bool {
	return (bytes.HasPrefix(head, []byte("RIFF")) || bytes.HasPrefix(head, []byte("RF64"))) && string(head[8:12]) == "WAVE"
}

func refused(format string, args ...any) error { return unreadable(fmt.Errorf(format, args...)) }
