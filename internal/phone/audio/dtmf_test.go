package audio_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

const allKeys = "1234567890*#ABCD"

// dialled is keys pressed for on with pauses of off, with silence around them.
func dialled(keys string, on, off time.Duration) []int16 {
	samples := make([]int16, 1000)
	for _, key := range []byte(keys) {
		samples = append(samples, audio.DTMF(key, on)...)
		samples = append(samples, make([]int16, int(off.Seconds()*audio.Rate))...)
	}
	return append(samples, make([]int16, 1000)...)
}

// pair is a key of any frequencies and amplitudes.
func pair(low, high, lowAmplitude, highAmplitude float64, d time.Duration) []int16 {
	a, b := audio.Sine(low, lowAmplitude, d), audio.Sine(high, highAmplitude, d)
	out := make([]int16, len(a)+800)
	audio.Mix(out, a, b)
	return append(make([]int16, 800), out...)
}

// heard are the keys that a detector hears in samples, which come in frames of 20 ms from an odd place on.
func heard(samples []int16) string {
	var d audio.Detector
	keys := string(d.Write(samples[:min(37, len(samples))]))
	for f := range slices.Chunk(samples[min(37, len(samples)):], frame) {
		keys += string(d.Write(f))
	}
	return keys
}

// All sixteen keys are heard once each, in the time that Q.24 asks: 40 ms and pauses of 40 ms. Wherever in
// the frames they begin, at every level a line has, and over both laws.
func TestEveryKeyIsHeardOnce(t *testing.T) {
	for _, on := range []time.Duration{40, 50, 100, 700} {
		for _, off := range []time.Duration{40, 100} {
			if got := heard(dialled(allKeys, on*time.Millisecond, off*time.Millisecond)); got != allKeys {
				t.Errorf("keys of %d ms with pauses of %d: %q", on, off, got)
			}
		}
	}
	for shift := range 160 {
		if got := heard(append(make([]int16, shift), dialled("1159*D", 40e6, 40e6)...)); got != "1159*D" {
			t.Errorf("shifted by %d: %q", shift, got)
		}
	}
	for _, db := range []float64{4, 0, -10, -20, -27} {
		for _, law := range []audio.Codec{audio.PCMU, audio.PCMA} {
			samples := scaled(dialled(allKeys, 50e6, 50e6), db)
			bytes := make([]byte, len(samples))
			law.Encode(bytes, samples)
			law.Decode(samples, bytes)
			if got := heard(samples); got != allKeys {
				t.Errorf("at %+.0f dB over %s: %q", db, law, got)
			}
		}
	}
}

// With noise 15 dB under the keys every one is heard still, and no other.
func TestKeysAreHeardInNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	samples := dialled(allKeys+allKeys+allKeys+allKeys, 60e6, 60e6)
	key := audio.RMS(audio.DTMF('5', time.Second))
	for _, snr := range []float64{24, 15} {
		noisy := slices.Clone(samples)
		for i := range noisy {
			noisy[i] = int16(max(-32768, min(32767, float64(noisy[i])+r.NormFloat64()*key*32767/math.Pow(10, snr/20))))
		}
		if got := heard(noisy); got != allKeys+allKeys+allKeys+allKeys {
			t.Errorf("noise %.0f dB under the keys: %q", snr, got)
		}
	}
}

// The tolerances of Q.24: 1.8 % off in frequency is a key, 3.5 % is not; 8 dB of twist either way is, 13
// is not; 40 ms are, 23 are not.
func TestWhatIsAKeyAndWhatIsNot(t *testing.T) {
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	for i, low := range rows {
		for j, high := range columns {
			want := string("123A456B789C*0#D"[4*i+j])
			for _, off := range []float64{-0.018, 0, 0.018} {
				for _, other := range []float64{-0.018, 0.018} {
					if got := heard(pair(low*(1+off), high*(1+other), 0.25, 0.3, 50e6)); got != want {
						t.Errorf("%s with %.1f and %.1f %% off: %q", want, off*100, other*100, got)
					}
				}
			}
			for _, off := range []float64{-0.035, 0.035} {
				for _, p := range [][2]float64{{low * (1 + off), high}, {low, high * (1 + off)}} {
					if got := heard(pair(p[0], p[1], 0.25, 0.3, 100e6)); got != "" {
						t.Errorf("%.0f and %.0f Hz: %q", p[0], p[1], got)
					}
				}
			}
			for _, off := range []float64{-0.018, 0.018} {
				for _, twist := range []float64{-5, 5} {
					samples := pair(low*(1+off), high*(1-off), 0.2, 0.2*math.Pow(10, twist/20), 60e6)
					for k, n := range hiss(-36, time.Second)[:len(samples)] {
						samples[k] += n
					}
					if got := heard(samples); got != want {
						t.Errorf("%s in noise, %.1f %% off and with %.0f dB of twist: %q", want, off*100, twist, got)
					}
				}
			}
			for _, twist := range []float64{-8, 8} {
				if got := heard(pair(low, high, 0.2, 0.2*math.Pow(10, twist/20), 50e6)); got != want {
					t.Errorf("%s with %.0f dB of twist: %q", want, twist, got)
				}
			}
			for _, twist := range []float64{-13, 13} {
				if got := heard(pair(low, high, 0.1, 0.1*math.Pow(10, twist/20), 100e6)); got != "" {
					t.Errorf("%s with %.0f dB of twist: %q", want, twist, got)
				}
			}
			for shift := range 51 {
				if got := heard(append(make([]int16, shift), pair(low, high, 0.25, 0.3, 23e6)...)); got != "" {
					t.Errorf("%s for 23 ms: %q", want, got)
				}
			}
		}
	}
	if audio.DTMF('x', time.Second) != nil || string(heard(append(audio.DTMF('c', 100e6), make([]int16, 100)...))) != "C" {
		t.Error("a key that is none, or a small letter")
	}
}

// A key with a hole of 10 ms in it, as when a packet is short, is one key; one that is held is one; and one
// that follows another without a pause is another.
func TestAKeyIsOneKey(t *testing.T) {
	for shift := range 51 {
		samples := append(make([]int16, 800+shift), audio.DTMF('5', 200*time.Millisecond)...)
		clear(samples[1500+shift : 1580+shift])
		if got := heard(append(samples, make([]int16, 800)...)); got != "5" {
			t.Errorf("a hole: %q", got)
		}
	}
	if got := heard(dialled("7", 10*time.Second, 0)); got != "7" {
		t.Errorf("held: %q", got)
	}
	if got := heard(dialled("12321", 60*time.Millisecond, 0)); got != "12321" {
		t.Errorf("without pauses: %q", got)
	}
}

// Minutes of speech, the tones of the line and noise hold no key.
func TestSpeechHoldsNoKey(t *testing.T) {
	for name, tone := range map[string][]int16{
		"ringback": audio.Ringback().Samples(), "busy": audio.Busy().Samples(), "dial": audio.Dial().Samples(),
		"noise": hiss(-15, 20*time.Second), "one tone": audio.Sine(941, 0.5, time.Second), "a chord": pair(880, 1320, 0.3, 0.3, time.Second),
	} {
		if got := heard(tone); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, voice := range []string{"fr", "fr+f2", "fr+f4", "fr+m3", "en-gb", "en-gb+f3"} {
		for _, pitch := range []string{"30", "60", "90"} {
			samples := speech(t, talk, "-v", voice, "-p", pitch, "-s", "150")
			for _, db := range []float64{0, 10} {
				if got := heard(scaled(samples, db)); got != "" {
					t.Errorf("%s at pitch %s and %+.0f dB: %q", voice, pitch, db, got)
				}
			}
		}
	}
}

// The detector takes samples in pieces of any length.
func TestKeysAreHeardInPiecesOfAnyLength(t *testing.T) {
	samples := dialled(allKeys, 50e6, 50e6)
	for _, n := range []int{1, 7, 51, 80, 160, 240, 333} {
		var d audio.Detector
		got := ""
		for piece := range slices.Chunk(samples, n) {
			got += string(d.Write(piece))
		}
		if got != allKeys {
			t.Errorf("in pieces of %d: %q", n, got)
		}
	}
	var d audio.Detector
	if got := string(d.Write(samples)); got != allKeys {
		t.Errorf("in one piece: %q", got)
	}
}

func BenchmarkDetector(b *testing.B) {
	for name, samples := range map[string][]int16{"vowel": vowel(130, time.Second), "key": audio.DTMF('5', time.Second), "silence": make([]int16, 8000)} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			var d audio.Detector
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Write(samples[i%50*frame : i%50*frame+frame])
			}
		})
	}
}
