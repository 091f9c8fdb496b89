package audio

import "math"

// CN is the static RTP payload type of comfort noise (RFC 3551 §6, RFC 3389): a line that falls silent says
// what its background sounds like instead of sending it.
const CN = 13

// silentest is the quietest level that comfort noise can have, in -dBov.
const silentest = 127

// NoiseLevel is the payload of comfort noise that sounds as loud as samples (RFC 3389 §3.1): the level in
// -dBov, 0 the loudest and 127 silence.
func NoiseLevel(samples []int16) byte {
	db := -decibels(RMS(samples))
	if !(db < silentest) {
		return silentest
	}
	return byte(math.Round(max(db, 0)))
}

// ReadNoise reads a payload of comfort noise (RFC 3389 §3): its level in -dBov. The shape of its spectrum,
// which may follow, is passed over. An empty payload says nothing: ok is false.
func ReadNoise(payload []byte) (level byte, ok bool) {
	if len(payload) == 0 {
		return 0, false
	}
	return payload[0] & 0x7F, true // the first bit is always 0
}

// Noise is the background of a line that is silent: even noise, a little softer towards high tones, as that
// of a room is.
//
// The zero Noise is silent. It belongs to one stream and one goroutine, and does not allocate.
type Noise struct {
	state        uint64
	low          float64 // what the low-pass remembers
	gain, wanted float64
}

// softer is the pole of the low-pass; through it noise of 1 keeps passed of its RMS.
const softer = 0.5

var passed = (1 - softer) / math.Sqrt(1-softer*softer)

// Level sets how loud the noise is from now on, in -dBov as of [ReadNoise]; 127 is silence. The noise gets
// there within about 100 ms.
func (n *Noise) Level(level byte) {
	// Uniform noise of ±1 has an RMS of 1/√3. That of 127 is less than any sample can say.
	n.wanted = fromDecibels(-float64(level)) * (full + 1) * math.Sqrt(3) / passed
}

// Fill writes the next samples of the noise into dst.
func (n *Noise) Fill(dst []int16) {
	if n.state == 0 {
		n.state = 0x9E3779B97F4A7C15
	}
	for i := range dst {
		n.gain += (n.wanted - n.gain) / (Rate / 40)
		// xorshift64 (Marsaglia): nobody tells its noise from another, and it costs nothing.
		n.state ^= n.state << 13
		n.state ^= n.state >> 7
		n.state ^= n.state << 17
		n.low += (float64(int64(n.state))/(1<<63) - n.low) * (1 - softer)
		dst[i] = rounded(n.low * n.gain)
	}
}
