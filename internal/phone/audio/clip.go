package audio

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Clip is a piece of sound that is played again and again: an announcement, a tone, music. It never
// changes, so that any number of calls play one at once; what they are sent is worked out once per law.
type Clip struct {
	samples []int16
	laws    [2]struct { // PCMU, PCMA
		once  sync.Once
		bytes []byte
	}
}

// NewClip is a clip of these samples, which from now on are the clip's.
func NewClip(samples []int16) *Clip { return &Clip{samples: slices.Clip(samples)} }

// FromLaw is a clip of bytes of G.711, which from now on are the clip's: in that law it is played as it is.
// Of another codec the clip is empty.
func FromLaw(c Codec, bytes []byte) *Clip {
	samples := make([]int16, len(bytes))
	clip := &Clip{samples: samples[:c.Decode(samples, bytes)]}
	if i, ok := lawOf(c); ok {
		clip.laws[i].once.Do(func() { clip.laws[i].bytes = slices.Clip(bytes) })
	}
	return clip
}

func lawOf(c Codec) (int, bool) {
	switch c {
	case PCMU:
		return 0, true
	case PCMA:
		return 1, true
	}
	return 0, false
}

// Samples are the clip's samples, 8,000 a second. They are shared: nobody writes to them.
func (c *Clip) Samples() []int16 { return c.samples }

// Length is how long the clip sounds.
func (c *Clip) Length() time.Duration {
	return time.Duration(len(c.samples)) * time.Second / Rate
}

// Encoded is the clip in a law of G.711, a byte a sample; nil for another codec. It is shared: nobody
// writes to it.
func (c *Clip) Encoded(codec Codec) []byte {
	i, ok := lawOf(codec)
	if !ok {
		return nil
	}
	law := &c.laws[i]
	law.once.Do(func() {
		law.bytes = make([]byte, len(c.samples))
		codec.Encode(law.bytes, c.samples)
	})
	return law.bytes
}

// How loud a clip is played: as loud as a person on the telephone (ITU-T P.56 asks -20 dBov of active
// speech for recorded material), its peaks under what G.711 cuts off.
const (
	loudness = -20.0 // dB of full scale, RMS of the loud parts
	ceiling  = -2.0  // dB of full scale, peak
	// A clip is not raised by more: what is that quiet is noise.
	mostGain = 36.0
)

// Normalised is the clip as loud as every other: the RMS of its loud parts at -20 dB of full scale, peaks
// held under -2 dB by a limiter that looks ahead. A clip with nothing in it is returned as it is.
func (c *Clip) Normalised() *Clip {
	level, ok := loudParts(c.samples)
	if !ok {
		return c
	}
	gain := fromDecibels(min(loudness-level, mostGain))
	return NewClip(limited(c.samples, gain))
}

// loudParts is the level in dB of full scale of the parts that are heard: of all pieces of 20 ms that are
// above -60 dB, those no quieter than 10 dB under the mean of these (the gating of ITU-R BS.1770-4 §5.1, with
// shorter pieces, since words are short). The loudest twentieth counts no more than what is just under it,
// so that one bang does not make a voice quiet.
func loudParts(samples []int16) (db float64, ok bool) {
	heard := make([]float64, 0, len(samples)/Frame+1)
	for piece := range slices.Chunk(samples, Frame) {
		if r := RMS(piece); r > 1e-3 {
			heard = append(heard, r*r)
		}
	}
	if len(heard) == 0 {
		return 0, false
	}
	slices.Sort(heard)
	most := heard[(len(heard)-1)*19/20]
	mean := func(above float64) float64 {
		sum, n := 0.0, 0
		for _, p := range heard {
			if p > above {
				sum, n = sum+min(p, most), n+1
			}
		}
		return sum / float64(n)
	}
	return 10 * math.Log10(mean(mean(0)/10)), true
}

// limited is samples times gain with every peak under the ceiling. The gain comes down smoothly before a
// peak and returns slowly after it, so that nothing is bent.
func limited(samples []int16, gain float64) []int16 {
	const piece = Rate / 400 // 2.5 ms
	most := fromDecibels(ceiling) * full
	// What each piece allows; a loud one also holds its neighbours down, so that the gain drawn in a
	// straight line between them never passes above it.
	allowed := make([]float64, (len(samples)+piece-1)/piece)
	for i := range allowed {
		peak := 1.0
		for _, s := range samples[i*piece : min((i+1)*piece, len(samples))] {
			peak = max(peak, math.Abs(float64(s)))
		}
		allowed[i] = min(gain, most/peak)
	}
	// Knots between the pieces: down within 10 ms, up again within about 200.
	knots := make([]float64, len(allowed)+1)
	for i := range knots {
		knots[i] = gain
		if i > 0 {
			knots[i] = min(knots[i], allowed[i-1])
		}
		if i < len(allowed) {
			knots[i] = min(knots[i], allowed[i])
		}
	}
	for i := 1; i < len(knots); i++ {
		knots[i] = min(knots[i], knots[i-1]*1.02)
	}
	for i := len(knots) - 2; i >= 0; i-- {
		knots[i] = min(knots[i], knots[i+1]*1.2)
	}
	out := make([]int16, len(samples))
	for i, s := range samples {
		k, part := i/piece, float64(i%piece)/piece
		out[i] = rounded(float64(s) * (knots[k] + (knots[k+1]-knots[k])*part))
	}
	return out
}
