package audio_test

import (
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// A call of an hour has 180,000 frames each way: nothing that is done to each of them allocates.
func TestNothingAllocatesPerFrame(t *testing.T) {
	voice, other := vowel(130, 20*time.Millisecond), audio.DTMF('5', 20*time.Millisecond)
	bytes, dst := make([]byte, frame), make([]int16, frame)
	var (
		concealer audio.Concealer
		detector  audio.Detector
		leveller  audio.Leveller
		talks     audio.Talks
		noise     audio.Noise
	)
	noise.Level(50)
	clip := audio.NewClip(voice)
	clip.Encoded(audio.PCMA)
	if n := testing.AllocsPerRun(100, func() {
		audio.PCMA.Encode(bytes, voice)
		audio.Transcode(bytes, bytes, audio.PCMA, audio.PCMU)
		audio.PCMU.Decode(dst, bytes)
		concealer.Good(dst)
		concealer.Lost(dst)
		detector.Write(other)
		audio.Mix(dst, voice, other, dst)
		talks.Frame(dst)
		leveller.Frame(dst)
		noise.Fill(dst)
		audio.NoiseLevel(dst)
		audio.Goertzel(dst, 440)
		clip.Encoded(audio.PCMA)
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}
