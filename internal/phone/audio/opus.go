package audio

import (
	"math"
	"time"

	"github.com/pion/opus"
)

// longestOpus is how much sound one packet of Opus may hold: 120 ms (RFC 6716 §2.1.4).
const longestOpus = 6 * Frame

// OpusReader makes samples of the Opus that one speaker sends (RFC 6716), for those who mix, record or listen for
// keys, and for telephones that have no Opus. It is never made by us: two who both speak it are sent it as it
// comes. The zero value is ready; it belongs to one goroutine at a time.
type OpusReader struct {
	decoder opus.Decoder
	open    bool
	out     [longestOpus]float32
}

// Read decodes one packet into samples, which needs room for 120 ms, and says how many it holds, 0 when it is none.
// What cannot be decoded, or was not sent (RFC 6716 §2.1.9), is silence of its own length.
func (r *OpusReader) Read(samples []int16, packet []byte) int {
	n := OpusLength(packet)
	if n == 0 || n > len(samples) {
		return 0
	}
	samples = samples[:n]
	if len(packet) <= 2 || !r.decode(n, packet) {
		clear(samples)
		return n
	}
	for i, x := range r.out[:n] {
		samples[i] = int16(math.Round(float64(min(max(x, -1), 1)) * math.MaxInt16))
	}
	return n
}

// decode says whether the packet was decoded. A decoder that fell over what a stranger sent begins anew.
func (r *OpusReader) decode(n int, packet []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
		r.open = r.open && ok
	}()
	if !r.open {
		decoder, err := opus.NewDecoderWithOutput(Rate, 1)
		if err != nil {
			return false
		}
		r.decoder, r.open = decoder, true
	}
	got, err := r.decoder.DecodeToFloat32(packet, r.out[:])
	return err == nil && got == n
}

// OpusLength is how many samples at 8 kHz a packet of Opus holds, by its first bytes (RFC 6716 §3.1), 0 for what
// is no packet or holds less than a sample of ours or more than 120 ms.
func OpusLength(packet []byte) int {
	if len(packet) == 0 {
		return 0
	}
	var frame time.Duration
	switch config := packet[0] >> 3; {
	case config < 12: // SILK
		frame = []time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // hybrid
		frame = []time.Duration{10, 20}[config&1] * time.Millisecond
	default: // CELT
		frame = 2500 * time.Microsecond << (config & 3)
	}
	count := 1
	switch packet[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		count = int(packet[1] & 63)
	}
	total := time.Duration(count) * frame
	if total > 120*time.Millisecond {
		return 0
	}
	return int(total * Rate / time.Second)
}
