package audio_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

func dB(fraction float64) float64 { return 20 * math.Log10(fraction) }

// A clip is worked out once in each law, and one that came in a law is played as it came.
func TestAClipIsEncodedOnce(t *testing.T) {
	clip := audio.NewClip(audio.Sine(440, 0.5, time.Second))
	if clip.Length() != time.Second {
		t.Errorf("it lasts %s", clip.Length())
	}
	for _, c := range []audio.Codec{audio.PCMU, audio.PCMA} {
		first, second := clip.Encoded(c), clip.Encoded(c)
		if &first[0] != &second[0] {
			t.Errorf("%s was worked out twice", c)
		}
		if first[1] != encoded(c, clip.Samples()[1]) || len(first) != 8000 {
			t.Errorf("%s is not the clip", c)
		}
		again := audio.FromLaw(c, first)
		if got := again.Encoded(c); &got[0] != &first[0] {
			t.Errorf("%s was worked out though it came so", c)
		}
		if again.Samples()[5] != decoded(c, first[5]) {
			t.Errorf("%s is not what it came as", c)
		}
	}
	if clip.Encoded(audio.Opus) != nil || audio.FromLaw(audio.Opus, []byte{1}).Length() != 0 {
		t.Error("there is opus")
	}
}

// Words, quiet or loud, and however long the pauses between them, come out at the same loudness, and no
// peak is cut.
func TestEveryClipIsPlayedAtTheSameLoudness(t *testing.T) {
	for _, level := range []float64{0.003, 0.05, 0.3, 0.99} {
		for _, pause := range []time.Duration{50 * time.Millisecond, 3 * time.Second} {
			var samples []int16
			for range 5 {
				samples = append(samples, audio.Sine(300, level, 400*time.Millisecond)...)
				samples = append(samples, make([]int16, int(pause.Seconds()*audio.Rate))...)
			}
			got := audio.NewClip(samples).Normalised().Samples()
			if loud := dB(audio.RMS(got[800:2400])); math.Abs(loud+20) > 0.5 {
				t.Errorf("words of %.3f with pauses of %s came out at %.1f dB", level, pause, loud)
			}
		}
	}
	// A quiet voice with one bang in it: the bang is held under -2 dB and is still a round wave.
	samples := audio.Sine(300, 0.05, 4*time.Second)
	copy(samples[16000:], audio.Sine(300, 0.9, 50*time.Millisecond))
	got := audio.NewClip(samples).Normalised().Samples()
	most := 0
	for _, s := range got {
		most = max(most, abs(int(s)))
	}
	if db := dB(float64(most) / 32767); db > -1.99 {
		t.Errorf("a peak of %.2f dB", db)
	}
	if third := audio.Goertzel(got[16040:16360], 900); third > 0.02 {
		t.Errorf("the bang was bent: %.3f of its third harmonic", third)
	}
	// The gain comes down before it and not with it.
	if before, far := audio.RMS(got[15960:16000]), audio.RMS(got[14000:15000]); before > 0.7*far || before < 0.2*far {
		t.Errorf("just before the bang the voice is at %.2f of its level", before/far)
	}
	if loud := dB(audio.RMS(got[:12000])); loud < -24 {
		t.Errorf("the voice before the bang is only %.1f dB", loud)
	}
}

// Silence stays silence, and hiss that nobody hears is not raised to the loudness of a voice.
func TestSilenceIsNotRaised(t *testing.T) {
	silent := audio.NewClip(make([]int16, 8000))
	if silent.Normalised() != silent || audio.NewClip(nil).Normalised().Length() != 0 {
		t.Error("silence was changed")
	}
	r := rand.New(rand.NewPCG(1, 2))
	hiss := make([]int16, 8000)
	for i := range hiss {
		hiss[i] = int16(r.IntN(31) - 15)
	}
	if got := audio.RMS(audio.NewClip(hiss).Normalised().Samples()); dB(got) > -50 {
		t.Errorf("hiss was raised to %.1f dB", dB(got))
	}
}
