package audio_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media/mediatest"
)

// A tone in Opus is read at its own level and pitch, whatever the packets are made of: of little rate that is SILK, of
// much CELT, of 60 ms several frames.
func TestOpusIsReadAtItsLevel(t *testing.T) {
	for _, bitrate := range []int{8000, 12000, 16000, 32000, 64000} {
		for _, packet := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d bit/s in packets of %v", bitrate, packet), func(t *testing.T) {
				var reader audio.OpusReader
				var sound []int16
				samples := make([]int16, 6*audio.Frame)
				packets := mediatest.OpusOf(t, 440, 0.2, 2*time.Second, packet, bitrate)
				for _, p := range packets[:len(packets)-1] { // the last one is a rest
					n := reader.Read(samples, p)
					if want := int(packet * audio.Rate / time.Second); n != want {
						t.Fatalf("a packet of %v holds %d samples, not %d", packet, n, want)
					}
					sound = append(sound, samples[:n]...)
				}
				level := audio.Goertzel(sound[audio.Rate/2:3*audio.Rate/2], 440)
				if off := math.Abs(20 * math.Log10(level/0.2)); off > 1 {
					t.Errorf("440 Hz is read at %.3f, %.1f dB from 0.2", level, off)
				}
			})
		}
	}
}

// What was lost, not sent or is no Opus at all is silence as long as it says, and nothing falls over.
func FuzzOpus(f *testing.F) {
	for _, p := range mediatest.OpusOf(f, 700, 0.3, 100*time.Millisecond, 20*time.Millisecond, 32000) {
		f.Add(p)
	}
	for _, seed := range []string{"", "\x00", "\x03", "\x03\xff", "\xff\x3f", "\x78\x00", "\xfb\x81\x00\x01", "\x0b\x02\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		var reader audio.OpusReader
		samples := make([]int16, 6*audio.Frame)
		for range 2 {
			if n := reader.Read(samples, packet); n != audio.OpusLength(packet) || n > len(samples) {
				t.Errorf("%d samples of a packet that says %d", n, audio.OpusLength(packet))
			}
		}
	})
}
