package audio_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

const frame = audio.Frame

// through sends samples through a Concealer frame by frame; the frames of which lost says so do not come.
func through(samples []int16, lost func(frame int) bool) []int16 {
	var c audio.Concealer
	out := make([]int16, len(samples)/frame*frame)
	copy(out, samples)
	for i := 0; i < len(out); i += frame {
		if lost(i / frame) {
			c.Lost(out[i : i+frame])
		} else {
			c.Good(out[i : i+frame])
		}
	}
	return out
}

// vowel is a voice that holds a vowel: harmonics of pitch, the lower the louder.
func vowel(pitch float64, d time.Duration) []int16 {
	samples := make([]int16, int(d.Seconds()*audio.Rate))
	for i := range samples {
		v := 0.0
		for h := 1.0; h*pitch < 3400; h++ {
			v += math.Sin(2*math.Pi*h*pitch*float64(i)/audio.Rate+h*h) / h
		}
		samples[i] = int16(v * 6000)
	}
	return samples
}

// What came is not touched as long as nothing is missing.
func TestWithoutLossEverySampleIsAsItCame(t *testing.T) {
	samples := vowel(130, time.Second)
	out := through(samples, func(int) bool { return false })
	for i := range out {
		if out[i] != samples[i] {
			t.Fatalf("sample %d was changed", i)
		}
	}
}

// A hole of one to three frames in a tone or a vowel is filled at its pitch, and neither of its edges
// clicks: no step is greater than those of the sound itself.
func TestALossIsFilledAtItsPitchAndDoesNotClick(t *testing.T) {
	for name, sound := range map[string]struct {
		samples []int16
		pitch   float64
	}{
		"a tone of 440 Hz":  {audio.Sine(440, 0.5, time.Second), 440},
		"a tone of 1 kHz":   {audio.Sine(1000, 0.5, time.Second), 1000},
		"a tone of 313 Hz":  {audio.Sine(313, 0.5, time.Second), 313},
		"a man's vowel":     {vowel(95, time.Second), 95},
		"a woman's vowel":   {vowel(193, time.Second), 193},
		"a child's vowel":   {vowel(287, time.Second), 287},
		"a tone of 2900 Hz": {audio.Sine(2900, 0.3, time.Second), 2900},
	} {
		for frames := 1; frames <= 3; frames++ {
			for first := 11; first < 30; first++ {
				out := through(sound.samples, func(i int) bool { return i >= first && i < first+frames })
				own := jump(sound.samples)
				if got := jump(out); float64(got) > 1.12*float64(own) {
					t.Errorf("%s, %d frames from %d: a step of %d, its own is %d", name, frames, first, got, own)
				}
				hole := out[first*frame : (first+1)*frame]
				whole := sound.samples[first*frame : (first+1)*frame]
				if got, want := audio.Goertzel(hole, sound.pitch), audio.Goertzel(whole, sound.pitch); got < 0.75*want || got > 1.2*want {
					t.Errorf("%s, from %d: the pitch is %.3f in the hole and %.3f in the sound", name, first, got, want)
				}
			}
		}
	}
}

// What goes on being missing fades: whole for 10 ms, half at 35 ms, silent from 60 ms on.
func TestALongLossFadesToSilence(t *testing.T) {
	samples := vowel(130, 2*time.Second)
	out := through(samples, func(i int) bool { return i >= 20 && i < 60 })
	hole := out[20*frame:]
	level := audio.RMS(samples)
	for _, at := range []struct {
		from, to int // ms
		most     float64
		least    float64
	}{{0, 10, 1.2, 0.8}, {30, 40, 0.65, 0.35}, {50, 60, 0.2, 0}, {60, 800, 0, 0}} {
		got := audio.RMS(hole[at.from*8:at.to*8]) / level
		if got > at.most || got < at.least {
			t.Errorf("from %d to %d ms the hole has %.2f of the sound", at.from, at.to, got)
		}
	}
	// The sound comes back within 10 ms, without a click.
	if got := audio.RMS(out[60*frame+80:61*frame]) / audio.RMS(samples[60*frame+80:61*frame]); got != 1 {
		t.Errorf("after the loss the sound has %.2f of its level", got)
	}
	if got := jump(out); float64(got) > 1.12*float64(jump(samples)) {
		t.Errorf("a step of %d; the sound's own is %d", got, jump(samples))
	}
}

// Losses at the very beginning, in silence, in frames of other lengths and of full scale come to no harm.
func TestALossWhereThereIsNothingToRepeat(t *testing.T) {
	var c audio.Concealer
	empty := make([]int16, frame)
	c.Lost(empty)
	if audio.RMS(empty) != 0 {
		t.Error("something was said before anything was")
	}
	c.Good(nil)
	c.Lost(nil)
	c.Good(make([]int16, 480))
	c.Lost(make([]int16, 240))
	for i := range empty {
		empty[i] = int16(i%2*65535 - 32768)
	}
	c.Good(empty)
	c.Lost(make([]int16, 1))
	c.Lost(make([]int16, 2000))
	c.Good(make([]int16, 3))
}

// On a bad line, where a twentieth of the speech is missing, the holes have the energy of the speech, nothing
// clicks, and the likeness of what was made up to what was said is far from chance.
func TestSpeechWithHolesKeepsItsVoice(t *testing.T) {
	samples := speech(t, "Bonjour, je voudrais parler à quelqu'un de ce qui m'est arrivé hier au collège.")
	var said, made, both float64
	for first := range 20 {
		lost := func(i int) bool { return i%20 == first }
		out := through(samples, lost)
		for i := range out {
			if lost(i / frame) {
				x, y := float64(samples[i]), float64(out[i])
				said, made, both = said+x*x, made+y*y, both+x*y
			}
		}
		if got := jump(out); float64(got) > 1.1*float64(jump(samples)) {
			t.Errorf("a step of %d; the speech's own is %d", got, jump(samples))
		}
	}
	if ratio := 10 * math.Log10(made/said); math.Abs(ratio) > 2 {
		t.Errorf("the holes are %.1f dB louder than what was said in them", ratio)
	}
	likeness := both / math.Sqrt(said*made)
	t.Logf("likeness %.2f, level %+.1f dB", likeness, 10*math.Log10(made/said))
	if likeness < 0.4 {
		t.Errorf("what was made up is only %.2f like what was said", likeness)
	}
}

func BenchmarkConcealer(b *testing.B) {
	samples := vowel(130, time.Second)
	dst := make([]int16, frame)
	for _, lost := range []bool{false, true} {
		b.Run(fmt.Sprintf("lost=%t", lost), func(b *testing.B) {
			var c audio.Concealer
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				copy(dst, samples[i%50*frame:])
				if lost && i%2 == 1 {
					c.Lost(dst)
				} else {
					c.Good(dst)
				}
			}
		})
	}
}
