// Package audio is sound as the telephone carries it: 8,000 samples a second of one ear, in frames of
// 20 ms. It knows samples, codecs, tones and files, and nothing of networks.
package audio

// Rate is how many samples a second the telephone has (ITU-T G.711), and Frame how many a packet of 20 ms.
const (
	Rate  = 8000
	Frame = Rate / 50
)

// Codec is a form in which speech travels; its value is the static RTP payload type of RFC 3551 §6 where
// there is one.
type Codec uint8

// The codecs of a call.
const (
	PCMU Codec = 0 // ITU-T G.711 µ-law
	PCMA Codec = 8 // ITU-T G.711 A-law
	// Opus (RFC 7587) is passed through between two sides that both speak it, and read for all others; we do not
	// make it, so that each side also has one of G.711.
	Opus Codec = 111
)

// String is the codec's name in SDP (RFC 3551 §6, RFC 7587 §7).
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	case Opus:
		return "opus"
	}
	return "unknown"
}

// Law says that the codec is one of G.711, a byte a sample, which we can decode, mix and make.
func (c Codec) Law() bool { return c == PCMU || c == PCMA }
