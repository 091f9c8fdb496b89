// Package pdq recognises a picture that was seen before, though it was made smaller, compressed again, made a
// little brighter or turned.
//
// PDQ is the perceptual hash that Meta published and that the hash lists against the abuse of children are
// exchanged in (github.com/facebook/ThreatExchange, pdq; "PDQ & TMK + PDQF", 2019). It is written here after the
// published algorithm, because no library of Go is to be had without C. The same bytes of the same picture give
// exactly the reference's hash and quality: a hash that somebody else computed can be searched for here, and
// ours there. A test runs the reference beside us (conformance_test.go).
//
// How a picture becomes 256 bits: its brightness is blurred and brought to 64 × 64 points (blur.go), of which
// the 16 × 16 slowest waves are taken, without the constant ones (waves.go); a bit is set where a wave is
// stronger than the median. The quality says how much there is to see: in a wall or a sky there is nothing to
// recognise, and its hash matches other walls.
//
// A hash does not show the picture, but it tells who has the same one: it is kept as long as the item that it is
// of, and no longer. A match is a lead for somebody who looks, never the ground of a notice by itself.
package pdq

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"

	"vigie/internal/fault"
)

// What the authors of PDQ recommend, and the exchanges of hashes go by.
const (
	// Threshold is up to how many of the 256 bits two hashes differ that are of the same picture.
	Threshold = 31
	// MinQuality is the least quality of a hash that may be searched for or put in a bank; below it, blank
	// pictures match one another.
	MinQuality = 50
)

// Hash is 256 bits, in the order in which the reference prints them: bit 16·i + j, of the wave that comes i + 1
// half times down and j + 1 half times across the picture, is the bit j%8 of byte 31 − (2·i + j/8).
type Hash [32]byte

// String is 64 lower-case hexadecimal digits, as every exchange of hashes writes them.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Parse reads what String writes, in either case and with space around it. Anything else is fault.Invalid
// "fault.pdq.hash".
func Parse(text string) (Hash, error) {
	var h Hash
	text = strings.TrimSpace(text)
	if len(text) != 2*len(h) {
		return Hash{}, fault.New(fault.Invalid, "fault.pdq.hash")
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, fault.Wrap(err, fault.Invalid, "fault.pdq.hash")
	}
	return h, nil
}

// MarshalText writes what String does.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what Parse does.
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h, err = Parse(string(text))
	return err
}

// Distance is how many bits differ: 0 for the same picture, about 128 for pictures that have nothing to do with
// each other.
func (h Hash) Distance(other Hash) int {
	a, b := h.words(), other.words()
	return bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1]) + bits.OnesCount64(a[2]^b[2]) + bits.OnesCount64(a[3]^b[3])
}

// Match says whether two hashes are of the same picture, as far as hashes can tell.
func (h Hash) Match(other Hash) bool { return h.Distance(other) <= Threshold }

func (h Hash) words() [4]uint64 {
	return [4]uint64{
		binary.BigEndian.Uint64(h[0:]), binary.BigEndian.Uint64(h[8:]),
		binary.BigEndian.Uint64(h[16:]), binary.BigEndian.Uint64(h[24:]),
	}
}

// Form is one of the eight ways to lay a picture on a square table: turned by quarters, face up or face down.
// The names are the reference's.
type Form int

const (
	Original  Form = iota
	Rotate90       // a quarter turn against the clock
	Rotate180      // upside down
	Rotate270      // a quarter turn with the clock
	FlipX          // top and bottom exchanged
	FlipY          // left and right exchanged, as in a mirror and in many selfies
	FlipPlus       // rows and columns exchanged
	FlipMinus      // the same, along the other diagonal
)

func (f Form) String() string {
	return [...]string{"original", "rotate 90", "rotate 180", "rotate 270", "flip x", "flip y", "flip plus", "flip minus"}[f]
}

// Back is the form that a picture has in the eyes of one that has the form f in its own: quarter turns go the other way, all
// else is its own way back.
func (f Form) Back() Form {
	switch f {
	case Rotate90:
		return Rotate270
	case Rotate270:
		return Rotate90
	}
	return f
}

// Forms are the hashes of the eight forms of one picture, by Form. All eight are searched for: choosing one of
// them by a rule (the smallest, say) is not stable, because the rule may choose another one for a copy.
type Forms [8]Hash
