package media_test

import (
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// Comfort noise is passed to an end that takes it, and is a packet of noise to one that does not.
func TestComfortNoiseIsTranslated(t *testing.T) {
	t.Parallel()
	for name, number := range map[string]uint8{"who takes it": 13, "who does not": 0} {
		line, phone := connect(t, "caller", audio.PCMU, 0, func(r *media.Remote) { r.Noise = number })
		line.Hears([]string{"speaker"})
		say := func(n uint16, codec audio.Codec, payload []byte) {
			line.Hear("speaker", &media.Packet{Codec: codec, Payload: payload, Sequence: n, Timestamp: uint32(n) * 160, At: time.Now()})
		}
		say(1, audio.PCMA, make([]byte, 160))
		for n := range uint16(10) {
			say(2+n, media.Noise, []byte{30})
		}
		eventually(t, "all of it comes", func() bool { return len(phone.Packets()) == 11 })
		last := phone.Packets()[10]
		if number != 0 {
			if last.PayloadType != 13 || len(last.Payload) != 1 || last.Payload[0] != 30 {
				t.Errorf("%s receives type %d of %d bytes", name, last.PayloadType, len(last.Payload))
			}
			continue
		}
		sound := phone.Sound()
		if level := audio.RMS(sound[len(sound)-800:]); last.PayloadType != 0 || level < 0.015 || level > 0.06 {
			t.Errorf("%s receives type %d at %.3f", name, last.PayloadType, level)
		}
	}
}

// A quiet voice is brought up where that is asked for, and passed on untouched where not.
func TestQuietVoiceIsLevelled(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]bool{"levelled": true, "untouched": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, phone := connect(t, "caller", audio.PCMA, 0)
			line.Level(on)
			probe := hearing(t, line)
			// A voice has words and pauses; a steady tone would be background.
			for range 5 {
				phone.SayAt(440, 0.03)
				time.Sleep(400 * time.Millisecond)
				phone.SayAt(440, 0)
				time.Sleep(100 * time.Millisecond)
			}
			sound := probe.Sound("caller")
			loudest := 0.0
			for ; len(sound) >= 400; sound = sound[400:] {
				loudest = max(loudest, audio.Goertzel(sound[:400], 440))
			}
			if on && loudest < 0.045 || !on && (loudest < 0.027 || loudest > 0.033) {
				t.Errorf("a voice at 0.03 is heard at %.3f", loudest)
			}
		})
	}
}
