package media

import (
	"time"

	"vigie/internal/phone/audio"
)

// started is when the program was: times of arrival are counted from it, so that they are of the clock that
// never jumps.
var started = time.Now()

// How far a sequence number may jump before its sender has begun again (RFC 3550 A.1).
const mostDropout = 3000

// arrivals count what came of a stream (RFC 3550 §6.4.1, A.1, A.3, A.8).
type arrivals struct {
	open     bool
	window   window
	base     uint32 // first sequence number of this numbering
	cycles   uint32 // how often it wrapped around, in the upper 16 bits
	next     uint16 // what would show, after a jump, that the sender began again
	jumped   bool
	came     uint64 // of this numbering
	received uint64 // of all
	missed   uint64 // of the numberings that are over
	bursts   uint64 // how many holes there were
	transit  int64
	jitter   float64 // in units of the timestamp
	rate     int64
	last     time.Time
	marks    [2]mark // how it stood one to two times recentPackets ago
}

// mark is how the books of a stream stood at some time.
type mark struct{ expected, lost, bursts uint64 }

// arrive counts a packet. fresh says that it was not there before; again that the sender's numbering
// started anew with it. Timed packets are those whose timestamp is when they were spoken: not keys.
func (a *arrivals) arrive(sequence uint16, timestamp uint32, at time.Time, timed bool, codec audio.Codec) (fresh, again bool) {
	a.last = at
	if !a.open {
		a.begin(sequence)
	} else {
		step := int16(sequence - a.window.top)
		switch {
		case step > mostDropout || step <= -64:
			if !a.jumped || sequence != a.next {
				a.jumped, a.next = true, sequence+1
				return false, false
			}
			a.renew()
			a.begin(sequence)
			again = true
		case step > 0:
			if step > 1 {
				a.bursts++
			}
			if sequence < a.window.top {
				a.cycles += 1 << 16
			}
			a.window.first(sequence)
		case !a.window.first(sequence):
			return false, false
		}
	}
	a.jumped = false
	a.came++
	a.received++
	if a.received%recentPackets == 0 {
		a.marks[1], a.marks[0] = a.marks[0], mark{a.received + a.lost(), a.lost(), a.bursts}
	}
	if timed {
		a.measure(timestamp, at, codec)
	}
	return true, again
}

func (a *arrivals) begin(sequence uint16) {
	a.open, a.base, a.cycles, a.came = true, uint32(sequence), 0, 0
	a.window = window{}
	a.window.first(sequence)
	a.rate = 0
}

// renew closes the books of a numbering; what was counted stays counted.
func (a *arrivals) renew() {
	if !a.open {
		return
	}
	a.missed += a.hole()
	a.open, a.came = false, 0
}

// highest is the extended highest sequence number received.
func (a *arrivals) highest() uint32 { return a.cycles | uint32(a.window.top) }

// hole is how many packets of this numbering did not come.
func (a *arrivals) hole() uint64 {
	if !a.open {
		return 0
	}
	expected := uint64(a.highest()-a.base) + 1
	return expected - min(expected, a.came)
}

// lost is how many packets never came.
func (a *arrivals) lost() uint64 { return a.missed + a.hole() }

// measure is the interarrival jitter of RFC 3550 A.8.
func (a *arrivals) measure(timestamp uint32, at time.Time, codec audio.Codec) {
	rate := clockRate(codec)
	transit := at.Sub(started).Nanoseconds()/int64(time.Second/time.Duration(rate)) - int64(timestamp)
	if a.rate == rate {
		d := int64(int32(transit - a.transit)) // the timestamp wraps around, and so does this
		if d < 0 {
			d = -d
		}
		if d < rate { // more than a second is a jump of its clock, not the network's jitter
			a.jitter += (float64(d) - a.jitter) / 16
		}
	}
	a.transit, a.rate = transit, rate
}

// clockRate is how fast a codec's timestamps run (RFC 3551 §4.5.14, RFC 7587 §4.1).
func clockRate(c audio.Codec) int64 {
	if c == audio.Opus {
		return 48000
	}
	return audio.Rate
}
