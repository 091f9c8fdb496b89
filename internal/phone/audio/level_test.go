package audio_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// hiss is steady noise of an RMS of db.
func hiss(db float64, d time.Duration) []int16 {
	r := rand.New(rand.NewPCG(7, 7))
	samples := make([]int16, int(d.Seconds()*audio.Rate))
	for i := range samples {
		samples[i] = int16(math.Round(r.NormFloat64() * math.Pow(10, db/20) * 32767))
	}
	return samples
}

func scaled(samples []int16, db float64) []int16 {
	out := make([]int16, len(samples))
	for i, s := range samples {
		out[i] = int16(max(-32768, min(32767, float64(s)*math.Pow(10, db/20))))
	}
	return out
}

func levelled(samples []int16) []int16 {
	var l audio.Leveller
	out := append([]int16(nil), samples...)
	for i := 0; i+frame <= len(out); i += frame {
		l.Frame(out[i : i+frame])
	}
	return out
}

const talk = "Bonjour. Je vous appelle parce que ma fille reçoit des messages qui me font peur. Elle a douze ans. " +
	"Je ne sais pas quoi faire, et elle ne veut pas m'en parler. Est-ce que vous pouvez nous aider, s'il vous plaît ?"

// Voices of very different loudness are heard at about the same: within 12 dB of the target each comes to
// within 2.5 dB of it, one that is quieter still is raised by 12 dB and no more.
func TestQuietAndLoudVoicesComeToTheSameLevel(t *testing.T) {
	spoken := speech(t, talk)
	for _, off := range []float64{-20, -10, -6, 0, 6, 10} {
		in := scaled(spoken, off)
		out := levelled(in)
		// After the first two seconds, in which it learns.
		in, out = in[2*audio.Rate:], out[2*audio.Rate:]
		before, after := active(in), active(out)
		want := math.Min(-19, before+12)
		if math.Abs(after-want) > 2.5 {
			t.Errorf("a voice of %.1f dB is heard at %.1f", before, after)
		}
		for _, s := range out {
			if abs(int(s)) >= 32767 {
				t.Errorf("a voice of %.1f dB is cut off", before)
				break
			}
		}
	}
}

// Somebody who was quiet and suddenly shouts is not cut off, though her gain is high still.
func TestAShoutAfterAQuietVoiceIsNotCutOff(t *testing.T) {
	samples := append(scaled(speech(t, talk), -12), audio.Sine(300, 0.8, 100*time.Millisecond)...)
	out := levelled(samples)
	shout := out[len(out)-700:]
	most := 0
	for _, s := range shout {
		most = max(most, abs(int(s)))
	}
	if most < 28000 || most >= 32767 {
		t.Errorf("the shout's peak is %d", most)
	}
}

// active is the level of the frames in which somebody talks.
func active(samples []int16) float64 {
	var talks audio.Talks
	sum, n := 0.0, 0.0
	for i := 0; i+frame <= len(samples); i += frame {
		if r := audio.RMS(samples[i : i+frame]); talks.Frame(samples[i:i+frame]) && r > 0.003 {
			sum, n = sum+r*r, n+1
		}
	}
	return 10 * math.Log10(sum/n)
}

// A background of noise is not raised: neither alone nor in the pause after a quiet voice.
func TestTheBackgroundIsNotRaised(t *testing.T) {
	for _, db := range []float64{-65, -50, -40, -30} {
		noise := hiss(db, 6*time.Second)
		if got := dB(audio.RMS(levelled(noise))) - db; got > 0.5 {
			t.Errorf("noise of %.0f dB alone is raised by %.1f dB", db, got)
		}
	}
	quiet := scaled(speech(t, talk), -12)
	samples := append(quiet, make([]int16, 4*audio.Rate)...)
	for i, s := range hiss(-58, time.Duration(len(samples))*time.Second/audio.Rate) {
		samples[i] += s
	}
	end := levelled(samples)[len(samples)-2*audio.Rate:]
	if got := dB(audio.RMS(end)) + 58; got > 0.5 {
		t.Errorf("the noise after the voice is raised by %.1f dB", got)
	}
}

// A voice at the level is hardly touched, and no change of gain clicks.
func TestTheGainMovesWithoutClicks(t *testing.T) {
	// Words of half a second at -31 dB: the gain goes up and down with every one of them.
	var samples []int16
	for range 20 {
		samples = append(samples, audio.Sine(390, 0.04, 500*time.Millisecond)...)
		samples = append(samples, make([]int16, audio.Rate)...)
	}
	out := levelled(samples)
	if got := audio.RMS(out) / audio.RMS(samples); got < 1.5 {
		t.Fatalf("the gain did not move: %.2f", got)
	}
	before := 0.0
	for i := range out {
		if abs(int(samples[i])) < 1000 {
			before = 0
			continue
		}
		now := float64(out[i]) / float64(samples[i])
		if before > 0 && math.Abs(now-before) > 0.01 {
			t.Fatalf("the gain jumps from %.3f to %.3f at %d", before, now, i)
		}
		before = now
	}
}

// Somebody talks from the first word on and over the gaps between words, and nobody does in silence or in
// the noise of a room, once it is known.
func TestTalkIsToldFromNoise(t *testing.T) {
	share := func(samples []int16) float64 {
		var talks audio.Talks
		yes, all := 0.0, 0.0
		for i := 0; i+frame <= len(samples); i += frame {
			if talks.Frame(samples[i : i+frame]) {
				yes++
			}
			all++
		}
		return yes / all
	}
	for _, db := range []float64{-100, -60, -45, -35} {
		if got := share(hiss(db, 5*time.Second)); got > 0.01 {
			t.Errorf("noise of %.0f dB talks %.0f %% of the time", db, got*100)
		}
	}
	spoken := speech(t, talk)
	for _, off := range []float64{0, -10, -20} {
		in := append(make([]int16, audio.Rate/2), scaled(spoken, off)...)
		for i, s := range hiss(-60, time.Duration(len(in))*time.Second/audio.Rate) {
			in[i] += s
		}
		if got := share(in[audio.Rate/2:]); got < 0.85 {
			t.Errorf("a voice at %.0f dB talks only %.0f %% of the time", -20+off, got*100)
		}
	}
	var talks audio.Talks
	talks.Frame(make([]int16, frame))
	if !talks.Frame(audio.Sine(300, 0.1, 20*time.Millisecond)) || !talks.Frame(make([]int16, frame)) {
		t.Error("the first word or the gap after it is not talk")
	}
	for range 12 {
		talks.Frame(make([]int16, frame))
	}
	if talks.Frame(make([]int16, frame)) {
		t.Error("a quarter of a second after the word somebody still talks")
	}
}

// Frames of any length, full scale and empty ones are taken.
func TestTheLevellerTakesAnyFrame(t *testing.T) {
	var l audio.Leveller
	l.Frame(nil)
	for n := 1; n < 500; n += 13 {
		f := fill(n, 32767)
		if n%2 == 0 {
			f = fill(n, -32768)
		}
		l.Frame(f)
	}
}

func BenchmarkLeveller(b *testing.B) {
	var l audio.Leveller
	samples := vowel(130, time.Second)
	dst := make([]int16, frame)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		copy(dst, samples[i%50*frame:])
		if i%25 > 20 {
			clear(dst)
		}
		l.Frame(dst)
	}
}
