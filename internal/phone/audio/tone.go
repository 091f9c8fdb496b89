package audio

import (
	"math"
	"sync"
	"time"
)

// full is the largest sample; amplitudes are fractions of it.
const full = 32767

// samplesIn says how many samples last d.
func samplesIn(d time.Duration) int { return int(int64(d) * Rate / int64(time.Second)) }

// Sine is a tone of freq hertz and an amplitude of 0 to 1 of full scale that lasts d and begins at its zero.
func Sine(freq, amplitude float64, d time.Duration) []int16 {
	samples := make([]int16, samplesIn(d))
	add(samples, freq, amplitude)
	return samples
}

// add lays a tone over samples; what is too loud is cut off.
func add(samples []int16, freq, amplitude float64) {
	step := 2 * math.Pi * freq / Rate
	for i, s := range samples {
		samples[i] = rounded(float64(s) + amplitude*full*math.Sin(step*float64(i)))
	}
}

// rounded is v as a sample: the nearest whole number, and the loudest where it is beyond.
func rounded[F float32 | float64](v F) int16 {
	switch {
	case v >= full:
		return full
	case v <= -full-1:
		return -full - 1
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}

// Goertzel is the amplitude, 0 to 1 of full scale, of the tone of freq hertz in samples. It tells apart
// tones that are more than a few 1/length apart: 100 ms see 10 Hz.
func Goertzel(samples []int16, freq float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	w := 2 * math.Pi * freq / Rate
	coefficient := 2 * math.Cos(w)
	var s1, s2 float64
	for _, x := range samples {
		s1, s2 = float64(x)+coefficient*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 2 * math.Sqrt(max(power, 0)) / float64(len(samples)) / full
}

// RMS is the root of the mean square of samples, 0 to 1 of full scale. A sine of amplitude 1 has 0.707.
func RMS(samples []int16) float64 {
	if len(samples) == 0 {
		return 0
	}
	// 2^63 / 2^30 samples would have to be full before this runs over: 12 days of sound.
	var sum int64
	for _, s := range samples {
		sum += int64(s) * int64(s)
	}
	return math.Sqrt(float64(sum)/float64(len(samples))) / (full + 1)
}

// decibels is a fraction of full scale in dB; 0 is -infinity.
func decibels(fraction float64) float64 { return 20 * math.Log10(fraction) }

// fromDecibels is dB as a fraction of full scale.
func fromDecibels(db float64) float64 { return math.Pow(10, db/20) }

// The tones of the French network (ETSI TR 101 041-2: 440 Hz), each one turn that loops without a click, at
// the level of a telephone's tones (about -10 dBm0).
var (
	// Dial is what a free line says.
	Dial = sync.OnceValue(func() *Clip { return cadence(tone{on: time.Second}) })
	// Ringback is heard while the other side rings: 1.5 s in 5.
	Ringback = sync.OnceValue(func() *Clip {
		return cadence(tone{on: 1500 * time.Millisecond, off: 3500 * time.Millisecond})
	})
	// Busy says that the other side is taken: half a second in one.
	Busy = sync.OnceValue(func() *Clip {
		return cadence(tone{on: 500 * time.Millisecond, off: 500 * time.Millisecond})
	})
	// Beep is the tone after which somebody speaks: one short note a fifth higher.
	Beep = sync.OnceValue(func() *Clip {
		return cadence(tone{freq: 880, on: 250 * time.Millisecond, off: 50 * time.Millisecond})
	})
)

type tone struct {
	freq    float64 // 0: 440 Hz
	on, off time.Duration
}

// cadence is one turn of a tone and its pause. The tone swells and fades for 5 ms so that it does not click,
// unless it has no pause: then it goes on where it began.
func cadence(t tone) *Clip {
	if t.freq == 0 {
		t.freq = 440
	}
	samples := Sine(t.freq, 0.25, t.on)
	if t.off > 0 {
		edge := samplesIn(5 * time.Millisecond)
		for i := range edge {
			gain := 0.5 - 0.5*math.Cos(math.Pi*float64(i)/float64(edge))
			samples[i] = rounded(float64(samples[i]) * gain)
			samples[len(samples)-1-i] = rounded(float64(samples[len(samples)-1-i]) * gain)
		}
	}
	return NewClip(append(samples, make([]int16, samplesIn(t.off))...))
}
