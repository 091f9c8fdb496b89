package media

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"vigie/internal/phone/audio"
)

// How large a packet of sound may be: 60 ms of G.711 and some, and what Opus can be (RFC 6716 §3.4).
const (
	mostLaw  = 960
	mostOpus = 1275
)

// refused is how many datagrams of this process were of no call: from elsewhere, or no RTP.
var refused atomic.Uint64

// Refused is how many datagrams reached a line since the start and were not of its call, or reached a shared port and
// were of none.
func Refused() uint64 { return refused.Load() }

// intake is the way in of a line.
type intake struct {
	line *Line

	mu      sync.Mutex
	closed  bool
	say     func(*Packet)
	terms   *terms
	opens   *srtp.Context
	source  source
	counts  arrivals
	presses presses
	taken   uint16 // how many packets of this stream were taken out of the room: keys
	stream  uint32
	header  rtp.Header
	packet  Packet
	decoder Decoder
	clear   []byte // what was deciphered
	tones   *audio.Detector
	level   *audio.Leveller
	samples [mostLaw]int16
	levels  [mostLaw]byte
}

// receive takes one datagram of the RTP port, whatever it is. What is not of this call is counted and
// changes nothing.
func (l *Line) receive(b []byte, from netip.AddrPort, at time.Time) {
	if len(b) > 1 && b[1] >= 192 && b[1] <= 223 { // RTCP on the same port (RFC 5761 §4)
		l.receiveReport(b, from, at)
		return
	}
	in := &l.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.take(b, from, at) {
		l.refused.Add(1)
		refused.Add(1)
	}
}

// take says whether the datagram was of this call. Called with mu held.
func (in *intake) take(b []byte, from netip.AddrPort, at time.Time) bool {
	if len(b) < 12 || b[0]>>6 != 2 || in.terms == nil || in.closed || !in.source.may(from, at) {
		return false
	}
	h := &in.header
	var size int
	var err error
	if in.opens != nil {
		if b, err = in.opens.DecryptRTP(in.clear[:0], b, h); err != nil {
			return false
		}
		in.clear = b
	}
	if size, err = h.Unmarshal(b); err != nil {
		return false
	}
	payload := b[size:]
	if h.Padding {
		pad := 0
		if len(payload) > 0 {
			pad = int(payload[len(payload)-1])
		}
		if pad == 0 || pad > len(payload) {
			return false
		}
		payload = payload[:len(payload)-pad]
	}
	what, codec := in.terms.kinds[h.PayloadType], in.terms.codecs[h.PayloadType]
	switch {
	case what == unknown,
		what == speech && codec.Law() && len(payload) > mostLaw,
		what == speech && len(payload) > mostOpus,
		what == event && len(payload)%4 != 0:
		return false
	}
	ok, renewed := in.source.admit(from, h.SSRC, at)
	if !ok {
		return false
	}
	if renewed {
		in.renew()
		in.line.out.follow(from)
	}
	fresh, again := in.counts.arrive(h.SequenceNumber, h.Timestamp, at, what != event, codec)
	in.line.silence.heard.Store(at.UnixNano())
	if again {
		in.restart()
	}
	if !fresh {
		return true
	}
	if what == event {
		in.taken++
		in.tones = nil
		for ; len(payload) >= 4; payload = payload[4:] {
			if key, pressed := in.presses.event(payload, h.Timestamp, h.Marker, at); pressed && in.terms.Direction.receives() {
				in.line.digit(key)
			}
		}
		return true
	}
	if len(payload) == 0 || !in.terms.Direction.receives() {
		return true
	}
	if codec.Law() && (in.tones != nil || in.level != nil) {
		payload = in.listen(codec, payload)
	}
	if in.say == nil {
		return true
	}
	in.packet = Packet{
		Codec: codec, Payload: payload, Stream: in.stream, Sequence: h.SequenceNumber - in.taken,
		Timestamp: h.Timestamp, Marker: h.Marker, At: at, Decoder: &in.decoder,
	}
	if codec == audio.Opus && in.tones != nil {
		in.listenTo(in.packet.Plain())
	}
	in.say(&in.packet)
	return true
}

// listenTo hears keys in sound that is passed on as it is. Called with mu held.
func (in *intake) listenTo(p *Packet) {
	if p == nil {
		return
	}
	in.hearKeys(in.samples[:p.Codec.Decode(in.samples[:], p.Payload)])
}

// hearKeys tells the keys whose tones are in a sound. Called with mu held.
func (in *intake) hearKeys(samples []int16) {
	for _, key := range in.tones.Write(samples) {
		in.line.digit(key)
	}
}

// listen hears keys in the sound, and levels it, and gives it back as it is to be heard. Called with mu held.
func (in *intake) listen(codec audio.Codec, payload []byte) []byte {
	samples := in.samples[:codec.Decode(in.samples[:], payload)]
	if in.tones != nil {
		in.hearKeys(samples)
	}
	if in.level == nil {
		return payload
	}
	in.level.Frame(samples)
	return in.levels[:codec.Encode(in.levels[:], samples)]
}

// renew begins with a stream of another number.
func (in *intake) renew() {
	in.counts.renew()
	in.restart()
}

// restart begins with another numbering.
func (in *intake) restart() {
	in.stream++
	in.taken = 0
	in.presses = presses{}
}
