package pdq

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

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
	// and for a JPEG that comes in several scans 16 (ASVS 5.2.6).
	Side, Pixels int
}

// DefaultLimits are far beyond what a telephone's camera or screen makes and a network passes on.
var DefaultLimits = Limits{Bytes: 25 << 20, Side: 20_000, Pixels: 40_000_000}

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
	return l
}

// Decode opens a picture: JPEG, PNG, GIF (its first image) or WebP. Its size is read from its header and judged
// before memory is taken for it. It fails with
//
//   - fault.Unsupported "fault.pdq.not_a_picture": another kind of file, or one whose header is broken;
//   - fault.TooLarge "fault.pdq.too_large" (width and height in pixels, max in millions of pixels);
//   - fault.TooLarge "fault.pdq.too_heavy" (max in megabytes): a larger file, which is not read further;
//   - fault.Invalid "fault.pdq.broken": a picture that begins well and goes wrong, or ends too early;
//   - r's own fault, or fault.Invalid "fault.pdq.cut" when r fails.
//
// The decoders are Go's own, so a file that somebody prepared can cost memory up to the limits, and time, but
// nothing else. Who opens what strangers send does it in a process of its own, as chat does.
func Decode(r io.Reader, limits Limits) (picture image.Image, err error) {
	limits = limits.orDefault()
	in := &input{r: r, left: limits.Bytes}
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

var errTooHeavy = errors.New("more bytes than are taken")

// input passes on what comes, up to a number of bytes, and remembers why it ended before its time.
type input struct {
	r    io.Reader
	left int64
	err  error
}

func (in *input) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	if in.left <= 0 {
		// Whether there is more can only be known by asking for it.
		if n, err := in.r.Read(make([]byte, 1)); n == 0 {
			return 0, in.keep(err)
		}
		return 0, in.keep(errTooHeavy)
	}
	n, err := in.r.Read(p[:min(int64(len(p)), in.left)])
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
	case fault.As(in.err) != nil: // who gives it knows better what is wrong with it
		return in.err
	}
	return fault.Wrap(in.err, fault.Invalid, "fault.pdq.cut")
}
