package audio_test

import (
	"math"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// The level is in dB under the loudest square wave (RFC 3389 §3.1): a sine of full scale is at 3 dB, and
// what is silent, or quieter than can be said, is at 127.
func TestTheLevelOfNoiseIsSaidInDBUnderOverload(t *testing.T) {
	for _, c := range []struct {
		samples []int16
		want    byte
	}{
		{fill(160, -32768), 0}, {audio.Sine(400, 1, time.Second), 3}, {audio.Sine(400, 0.1, time.Second), 23},
		{hiss(-60, time.Second), 60}, {make([]int16, 160), 127}, {nil, 127},
	} {
		if got := audio.NoiseLevel(c.samples); got != c.want {
			t.Errorf("%d, not %d", got, c.want)
		}
	}
}

// A payload is a level, whatever follows it.
func TestAPayloadOfComfortNoiseIsRead(t *testing.T) {
	if level, ok := audio.ReadNoise([]byte{63, 1, 2, 3}); level != 63 || !ok {
		t.Errorf("%d, %t", level, ok)
	}
	if level, ok := audio.ReadNoise([]byte{0x80 | 63}); level != 63 || !ok {
		t.Errorf("%d, %t", level, ok)
	}
	if _, ok := audio.ReadNoise(nil); ok {
		t.Error("an empty payload says something")
	}
}

// The noise has the level that it was given, reaches it without a bang, has no tone in it, and is silent
// where nobody said anything.
func TestNoiseHasTheLevelItIsGiven(t *testing.T) {
	var noise audio.Noise
	samples := make([]int16, audio.Rate)
	noise.Fill(samples)
	if audio.RMS(samples) != 0 {
		t.Error("noise before its level is known")
	}
	for _, level := range []byte{30, 45, 60, 70} {
		noise.Level(level)
		for i := 0; i < len(samples); i += frame {
			noise.Fill(samples[i : i+frame])
		}
		late := samples[audio.Rate/2:]
		if got := dB(audio.RMS(late)); math.Abs(got+float64(level)) > 1 {
			t.Errorf("at %d the noise has %.1f dB", level, got)
		}
		if got := audio.NoiseLevel(late); abs(int(got)-int(level)) > 1 {
			t.Errorf("noise of %d is said to be %d", level, got)
		}
		for f := 100.0; f < 4000; f += 100 {
			if got := audio.Goertzel(late, f) / audio.RMS(late); got > 0.15 {
				t.Errorf("a tone of %.0f Hz: %.2f", f, got)
			}
		}
	}
	noise.Level(127)
	noise.Fill(samples)
	if audio.RMS(samples[audio.Rate/2:]) != 0 {
		t.Error("127 is not silence")
	}
}

func BenchmarkNoise(b *testing.B) {
	var noise audio.Noise
	noise.Level(60)
	dst := make([]int16, frame)
	b.ReportAllocs()
	for b.Loop() {
		noise.Fill(dst)
	}
}
