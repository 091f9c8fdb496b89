package rtc_test

import (
	"testing"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// What one packet costs on its way to a browser. How many calls a core carries is measured by `vigie bench calls`.
func BenchmarkAPacketToABrowser(b *testing.B) {
	s := open(b, rtc.Options{})
	camille := openBrowser(b, s, "camille", "a", look{})
	peer := camille.connect()
	camille.vanish() // what it would spend on hearing is not ours
	peer.Hears([]string{"phone"})
	p := &media.Packet{Codec: audio.PCMA, Payload: make([]byte, 160)}
	b.ReportAllocs()
	for b.Loop() {
		p.Sequence++
		p.Timestamp += 160
		peer.Hear("phone", p)
	}
}
