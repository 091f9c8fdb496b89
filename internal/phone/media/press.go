package media

import (
	"encoding/binary"
	"time"
)

// keypad are the keys of a telephone, by their number in telephone-event (RFC 4733 §3.2).
const keypad = "0123456789*#ABCD"

// presses reads the keys out of telephone-event packets: one press for each event, however many of its
// packets come, in whatever order, with or without its end.
type presses struct {
	open  bool
	begun uint32 // timestamp of the latest event
	key   byte
	ended bool
	at    time.Time
}

// event reads one event of a packet (RFC 4733 §2.3): 8 bits of event, the end bit, 6 bits of volume, 16 bits
// of duration. pressed is true once for each press, with the first packet that tells of it.
func (p *presses) event(b []byte, timestamp uint32, marker bool, at time.Time) (key byte, pressed bool) {
	if len(b) < 4 || int(b[0]) >= len(keypad) {
		return 0, false
	}
	key = keypad[b[0]]
	ended := b[1]&0x80 != 0
	if p.open {
		switch step := int32(timestamp - p.begun); {
		case step < 0:
			return 0, false // a straggler of an event that is over
		case step == 0:
			p.ended, p.at = p.ended || ended, at
			return 0, false
		case key == p.key && !marker && !p.ended && at.Sub(p.at) < 60*time.Millisecond:
			// The same key without a pause, an end or a marker: a segment of a long press (§2.5.1.3), or a sender that
			// lets the timestamp run while one key is down.
			p.begun, p.ended, p.at = timestamp, ended, at
			return 0, false
		}
	}
	*p = presses{open: true, begun: timestamp, key: key, ended: ended, at: at}
	return key, true
}

// eventPayload writes an event for sending into b, which has 4 bytes.
func eventPayload(b []byte, event byte, end bool, duration uint16) {
	const volume = 10 // -10 dBm0, as loud as keys are
	b[0], b[1] = event, volume
	if end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], duration)
}
