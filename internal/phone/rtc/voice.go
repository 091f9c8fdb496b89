package rtc

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// voice is one outgoing track: the numbering of its packets goes on without a break for as long as the
// session lasts, whoever is heard on it (RFC 3550 §5.1). A new speaker continues by the clock on the wall,
// so that the browser neither waits for what never was nor plays a silence again.
type voice struct {
	ssrc    uint32
	speaker string // "" while nobody is heard on it

	began     bool // something has been sent
	started   bool // of this speaker
	codec     audio.Codec
	clock     atomic.Uint32 // ticks a second of the codec
	stream    uint32        // the speaker's numbering
	shiftSeq  uint16        // ours minus the speaker's
	shiftTime uint32
	theirs    uint16 // the speaker's newest number
	seq       uint16 // the newest that went out
	time      uint32
	at        time.Time

	sent, octets uint32 // for sender reports (RFC 3550 §6.4.1)
}

const (
	rtpHeader = 12
	// A speaker whose numbering leaps further than this has begun anew: another device, another call.
	leapPackets = 3000
	leapSeconds = 10
)

// assign gives the track to a speaker.
func (v *voice) assign(speaker string) {
	v.speaker, v.started = speaker, false
}

// write lays an RTP packet in b, which holds rtpHeader and the payload, and returns its length.
func (v *voice) write(b []byte, number uint8, p *media.Packet, now time.Time) int {
	clock := clockOf(p.Codec)
	marker := p.Marker
	if !v.started || v.codec != p.Codec || v.stream != p.Stream || v.leaps(p, clock) {
		v.restart(p, clock, now)
		marker = true
	}
	seq, stamp := p.Sequence+v.shiftSeq, p.Timestamp+v.shiftTime
	v.theirs = p.Sequence
	if ahead := int16(seq - v.seq); ahead > 0 || !v.began { // not one that came out of order
		v.seq, v.time, v.at = seq, stamp, now
	}
	v.began = true
	b[0] = 2 << 6
	b[1] = number & 0x7f
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], stamp)
	binary.BigEndian.PutUint32(b[8:], v.ssrc)
	n := rtpHeader + copy(b[rtpHeader:], p.Payload)
	v.sent++
	v.octets += uint32(n - rtpHeader)
	return n
}

func (v *voice) leaps(p *media.Packet, clock uint32) bool {
	packets := int16(p.Sequence - v.theirs)
	ticks := int32(p.Timestamp + v.shiftTime - v.time)
	far := int32(leapSeconds * clock)
	return packets > leapPackets || packets < -leapPackets || ticks > far || ticks < -far
}

// restart makes this packet the next of the track: one number on, and as many ticks as have passed.
func (v *voice) restart(p *media.Packet, clock uint32, now time.Time) {
	seq, stamp := v.seq+1, v.time
	if v.began {
		passed := now.Sub(v.at)
		stamp += uint32(max(passed, 20*time.Millisecond).Seconds() * float64(clock))
	}
	v.shiftSeq, v.shiftTime = seq-p.Sequence, stamp-p.Timestamp
	v.codec, v.stream, v.started = p.Codec, p.Stream, true
	v.clock.Store(clock)
}

func clockOf(c audio.Codec) uint32 {
	if c == audio.Opus {
		return 48000
	}
	return audio.Rate
}
