package pdq

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"time"

	_ "image/gif" // the pictures we open
	_ "image/jpeg"
	_ "image/png"

	_ "golang.org/x/image/webp"

	"vigie/internal/fault"
)

// Limits bound what a picture may take. A field that is zero has the value of DefaultLimits.
type Limits struct {
	// Bytes is of the file.
	Bytes int64
	// Side is the longest in pixels, Pixels the product of both. A decoder takes up to 8 bytes for a pixel,
	// and for a JPEG that comes in several scans three times as many (ASVS 5.2.6).
	Side, Pixels int
	// Work is how long a decoder may be at it, the reading not counted. It is looked at whenever a decoder wants more
	// bytes: a JPEG of a few kilobytes can have thousands of scans over all of its forty million pixels.
	Work time.Duration
}

// DefaultLimits are far beyond what a telephone's camera or screen makes and a network passes on.
var DefaultLimits = Limits{Bytes: 25 << 20, Side: 20_000, Pixels: 40_000_000, Work: 20 * time.Second}

func (l Limits) orDefault() Limits {
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Side == 0 {
		l.Side = DefaultLimits.Side
	}
	if l.Pixels == 0 {
		l.Pixels = DefaultLimits.Pixels
	}
	if l.Work == 0 {
		l.Work = DefaultLimits.Work
	}
	return l
}

// Decode opens a picture: JPEG, PNG, GIF (its first image) or WebP. Its size is read from its header and judged
// before memory is taken for it. It fails with
//
//   - fault.Unsupported "fault.pdq.not_a_picture": another kind of file, or one whose header is broken;
//   - fault.TooLarge "fault.pdq.too_large" (width and height in pixels, max in millions of pixels);
//   - fault.TooLarge "fault.pdq.too_heavy" (max in megabytes): a larger file, which is not read further;
//   - fault.Unsupported "fault.pdq.too_slow": a picture that is made so that opening it takes forever;
//   - fault.Invalid "fault.pdq.broken": a picture that begins well and goes wrong, or ends too early;
//   - r's own fault, or fault.Invalid "fault.pdq.cut" when r fails.
//
// The decoders are Go's own, so a file that somebody prepared can cost memory and time up to the limits, but nothing
// else. Who opens what strangers send does it in a process of its own, as chat does.
func Decode(r io.Reader, limits Limits) (picture image.Image, err error) {
	limits = limits.orDefault()
	in := &input{r: r, left: limits.Bytes, work: limits.Work, since: time.Now()}
	defer func() {
		// A file at which a decoder panics must not end the calls and chats of everybody else.
		if p := recover(); p != nil {
			picture, err = nil, fault.Wrap(fmt.Errorf("a decoder panicked: %v", p), fault.Invalid, "fault.pdq.broken")
		}
	}()
	var begin bytes.Buffer
	size, _, err := image.DecodeConfig(io.TeeReader(in, &begin))
	switch {
	case in.err != nil:
		return nil, in.fault(limits)
	case err != nil:
		return nil, fault.Wrap(err, fault.Unsupported, "fault.pdq.not_a_picture")
	case size.Width < 1 || size.Height < 1:
		return nil, fault.New(fault.Unsupported, "fault.pdq.not_a_picture")
	case size.Width > limits.Side || size.Height > limits.Side || size.Width > limits.Pixels/size.Height:
		return nil, fault.New(fault.TooLarge, "fault.pdq.too_large", "width", size.Width, "height", size.Height, "max", limits.Pixels/1_000_000)
	}
	picture, _, err = image.Decode(io.MultiReader(&begin, in))
	switch {
	case in.err != nil:
		return nil, in.fault(limits)
	case err != nil:
		return nil, fault.Wrap(err, fault.Invalid, "fault.pdq.broken")
	}
	return picture, nil
}

var (
	errTooHeavy = errors.New("more bytes than are taken")
	errTooSlow  = errors.New("more time than is given")
)

// sip is how many bytes a decoder is given at once: the fewer, the sooner it is seen that it takes too long.
const sip = 512

// input passes on what comes, up to a number of bytes and as long as who reads it does not take too long over
// them, and remembers why it ended before its time.
type input struct {
	r     io.Reader
	left  int64
	work  time.Duration // that is left
	since time.Time     // when the reader was last given something
	err   error
}

func (in *input) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	if in.work -= time.Since(in.since); in.work < 0 {
		return 0, in.keep(errTooSlow)
	}
	defer func() { in.since = time.Now() }()
	if in.left <= 0 {
		// Whether there is more can only be known by asking for it.
		if n, err := in.r.Read(make([]byte, 1)); n == 0 {
			return 0, in.keep(err)
		}
		return 0, in.keep(errTooHeavy)
	}
	n, err := in.r.Read(p[:min(int64(len(p)), in.left, sip)])
	in.left -= int64(n)
	return n, in.keep(err)
}

// keep remembers an error that is not the end.
func (in *input) keep(err error) error {
	if err != nil && err != io.EOF {
		in.err = err
	}
	return err
}

func (in *input) fault(limits Limits) error {
	switch {
	case errors.Is(in.err, errTooHeavy):
		return fault.New(fault.TooLarge, "fault.pdq.too_heavy", "max", limits.Bytes>>20)
	case errors.Is(in.err, errTooSlow):
		return fault.Wrap(in.err, fault.Unsupported, "fault.pdq.too_slow")
	case fault.As(in.err) != nil: // who gives it knows better what is wrong with it
		return in.err
	}
	return fault.Wrap(in.err, fault.Invalid, "fault.pdq.cut")
}
