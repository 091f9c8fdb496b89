package audio_test

import (
	"math"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// near says whether a is within part (0.02 is 2 %) of b.
func near(a, b, part float64) bool { return math.Abs(a-b) <= part*math.Abs(b) }

// A tone is measured at its own frequency and nowhere else.
func TestATonesAmplitudeIsMeasuredAtItsFrequency(t *testing.T) {
	tone := audio.Sine(440, 0.5, time.Second)
	if got := audio.Goertzel(tone, 440); !near(got, 0.5, 0.001) {
		t.Errorf("440 Hz at 0.5 measures %.4f", got)
	}
	for _, freq := range []float64{400, 450, 880, 1320} {
		if got := audio.Goertzel(tone, freq); got > 0.001 {
			t.Errorf("440 Hz measures %.4f at %.0f Hz", got, freq)
		}
	}
	if got := audio.RMS(tone); !near(got, 0.5/math.Sqrt2, 0.001) {
		t.Errorf("a sine of 0.5 has an RMS of %.4f", got)
	}
	if audio.RMS(nil) != 0 || audio.Goertzel(nil, 440) != 0 {
		t.Error("nothing measures something")
	}
}

// The tones of the line have the frequency and the rhythm of the French network, and loop without a click.
func TestTheTonesOfTheLine(t *testing.T) {
	for name, tone := range map[string]struct {
		clip    *audio.Clip
		on, all time.Duration
	}{
		"dial":     {audio.Dial(), time.Second, time.Second},
		"ringback": {audio.Ringback(), 1500 * time.Millisecond, 5 * time.Second},
		"busy":     {audio.Busy(), 500 * time.Millisecond, time.Second},
	} {
		if tone.clip.Length() != tone.all {
			t.Errorf("%s is %s long", name, tone.clip.Length())
		}
		samples := tone.clip.Samples()
		on := int(tone.on.Seconds() * audio.Rate)
		if got := audio.Goertzel(samples[100:on-100], 440); !near(got, 0.25, 0.02) {
			t.Errorf("%s: 440 Hz at %.3f", name, got)
		}
		if swells := audio.RMS(samples[:16]) < 0.06; swells != (tone.on < tone.all) {
			t.Errorf("%s begins with %.3f", name, audio.RMS(samples[:16]))
		}
		if got := audio.RMS(samples[on:]); got != 0 {
			t.Errorf("%s: its pause has %.4f", name, got)
		}
		// A sample of 440 Hz at 0.25 is at most 0.0864 from the next.
		if got := jump(append(samples[len(samples)-20:len(samples):len(samples)], samples[:20]...)); float64(got) > 0.087*32767 {
			t.Errorf("%s clicks where it begins again: %d", name, got)
		}
	}
}

// jump is the greatest step from one sample to the next.
func jump(samples []int16) int {
	most := 0
	for i := 1; i < len(samples); i++ {
		most = max(most, abs(int(samples[i])-int(samples[i-1])))
	}
	return most
}
