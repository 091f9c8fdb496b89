package media

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"vigie/internal/phone/audio"
)

// outlet is the way out of a line: one stream with one writer, whoever is heard. A receiver hears one
// numbering that goes on for the whole call; what changes is whose sound is in it.
type outlet struct {
	line *Line

	mu       sync.Mutex
	closed   bool
	terms    *terms
	seals    *srtp.Context
	to       netip.AddrPort
	speakers []string

	ssrc      uint32
	sequence  uint16 // of the newest packet sent
	timestamp uint32
	samples   uint32 // how long that packet sounds, in units of the timestamp
	at        time.Time
	ahead     uint32 // how much more sound than time has passed was sent, in the same units
	rate      int64  // of those units, in a second
	begun     bool   // something was sent
	gone      window // nothing leaves twice: with SRTP that would give the key stream away (RFC 3711 §9.1)
	sent      uint64
	octets    uint64

	passing passing
	last    struct { // what was passed through last
		Packet
		speaker string
	}
	lastRoom [3 * audio.Frame]byte
	beat     *beat
	mix      *mix
	mixes    uint32
	late     uint64 // of mixes that are over
	keys     keys
	noise    audio.Noise

	header rtp.Header
	plain  [12 + 1500]byte
	sealed []byte
}

// passing is how the numbering of whom we pass through becomes ours.
type passing struct {
	speaker   string
	stream    uint32
	rate      int64
	top       uint16 // the newest of theirs
	timestamp uint32
	at        time.Time
	since     int    // how many of theirs ago it began
	sequence  uint16 // what is added to theirs
	offset    uint32
}

// begin draws the numbers that must not be guessed (RFC 3550 §5.1, RFC 3711 §9).
func (o *outlet) begin() {
	o.beat = theClock.next()
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand
	o.ssrc = binary.BigEndian.Uint32(b[:])
	o.sequence = binary.BigEndian.Uint16(b[4:])
	o.timestamp = binary.BigEndian.Uint32(b[6:])
	o.rate = audio.Rate
}

// follow sends to where the other end was found.
func (o *outlet) follow(to netip.AddrPort) {
	o.mu.Lock()
	o.to = to
	o.mu.Unlock()
}

func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.speakers, o.keys = nil, keys{}
	o.arrange()
	o.closed = true
	o.beat.remove(o)
}

// tick is the beat of what we make ourselves: mixes and keys.
func (o *outlet) tick(now time.Time, missed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mix != nil {
		o.mix.say(now, missed)
	}
	if o.keys.busy() && o.terms != nil {
		o.press(now)
	}
	if o.mix == nil && !o.keys.busy() {
		o.beat.remove(o)
	}
}

// hear sends on what a speaker says.
func (o *outlet) hear(speaker string, p *Packet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.terms == nil || !o.terms.Direction.sends() || !slices.Contains(o.speakers, speaker) {
		return
	}
	if o.mix != nil {
		if e := o.mix.find(speaker); e != nil {
			e.buffer.put(p)
		}
		return
	}
	if o.keys.busy() {
		return // a key and a voice at once would be two keys to a receiver
	}
	o.pass(speaker, p)
	o.remember(speaker, p)
}

// remember keeps what was passed through last, from where a mix would go on. Called with mu held.
func (o *outlet) remember(speaker string, p *Packet) {
	if !p.Codec.Law() || len(p.Payload) > len(o.lastRoom) {
		return
	}
	o.last.Packet, o.last.speaker = *p, speaker
	o.last.Payload = o.lastRoom[:copy(o.lastRoom[:], p.Payload)]
}

// pass sends a packet as it came, in the other end's codec. Called with mu held.
func (o *outlet) pass(speaker string, p *Packet) {
	payload := o.plain[12:]
	number := o.terms.PayloadType
	opus := p.Codec == audio.Opus && o.terms.Opus != 0
	if !opus {
		if p = p.Plain(); p == nil {
			return
		}
	}
	samples := uint32(len(p.Payload))
	switch {
	case opus:
		number, samples = o.terms.Opus, 6*uint32(audio.OpusLength(p.Payload))
		payload = payload[:copy(payload, p.Payload)]
	case p.Codec == Noise:
		number, payload, samples = o.hush(payload, p.Payload)
	case p.Codec == o.terms.Codec:
		payload = payload[:copy(payload, p.Payload)]
	default:
		payload = payload[:audio.Transcode(payload, p.Payload, p.Codec, o.terms.Codec)]
	}
	if len(payload) == 0 || len(payload) < len(p.Payload) && p.Codec != Noise {
		return
	}
	if sequence, timestamp, marker, ok := o.number(speaker, p, samples); ok {
		o.write(number, sequence, timestamp, marker, len(payload))
		o.sentUpTo(sequence, timestamp, samples, p.At)
	}
}

// hush is comfort noise for the other end: as such where it takes it, and 20 ms of it in its own codec where
// it does not.
func (o *outlet) hush(payload, level []byte) (number uint8, out []byte, samples uint32) {
	if o.terms.Noise != 0 {
		return o.terms.Noise, payload[:copy(payload, level)], audio.Frame
	}
	if loud, ok := audio.ReadNoise(level); ok {
		o.noise.Level(loud)
	}
	var frame [audio.Frame]int16
	o.noise.Fill(frame[:])
	return o.terms.PayloadType, payload[:o.terms.Codec.Encode(payload, frame[:])], audio.Frame
}

// number is our sequence number and timestamp for a packet of theirs, or not ok when it is too late to be
// sent. Holes in theirs are holes in ours: a receiver conceals what was lost on the way to us as if it had
// been lost on the way to it. Called with mu held.
func (o *outlet) number(speaker string, p *Packet, samples uint32) (sequence uint16, timestamp uint32, marker, ok bool) {
	t := &o.passing
	rate := clockRate(p.Codec)
	step := int(int16(p.Sequence - t.top))
	moved := int64(int32(p.Timestamp-t.timestamp)) - p.At.Sub(t.at).Nanoseconds()*rate/int64(time.Second)
	same := o.begun && speaker == t.speaker && p.Stream == t.stream && rate == t.rate &&
		step > -64 && step < mostDropout && (step < 0 || moved < 10*rate && moved > -10*rate)
	if !same {
		o.tune(rate)
		sequence, timestamp = o.next(p.At, samples, rate)
		*t = passing{
			speaker: speaker, stream: p.Stream, rate: rate, top: p.Sequence, timestamp: p.Timestamp, at: p.At,
			sequence: sequence - p.Sequence, offset: timestamp - p.Timestamp,
		}
		return sequence, timestamp, true, o.gone.first(sequence)
	}
	if step < 0 && -step > t.since {
		return 0, 0, false, false // from before the change: it would stand in the place of another's sound
	}
	if step > 0 {
		t.top, t.timestamp, t.at = p.Sequence, p.Timestamp, p.At
		t.since = min(t.since+step, 1<<15)
	}
	sequence, timestamp = p.Sequence+t.sequence, p.Timestamp+t.offset
	return sequence, timestamp, p.Marker, o.gone.first(sequence)
}

// tune counts from now on in units of another clock. The timestamps go on where they are, as RFC 7160 §4.1 has it:
// what follows is as many of the new units later as time has passed. Called with mu held.
func (o *outlet) tune(rate int64) {
	if rate != o.rate {
		o.samples, o.ahead = uint32(int64(o.samples)*rate/o.rate), uint32(int64(o.ahead)*rate/o.rate)
		o.rate = rate
	}
}

// next is what follows on the newest packet by the clock on the wall, so that a receiver takes the time in
// between for silence and neither waits nor hurries. Called with mu held.
func (o *outlet) next(at time.Time, samples uint32, rate int64) (sequence uint16, timestamp uint32) {
	if !o.begun {
		return o.sequence, o.timestamp
	}
	passed := at.Sub(o.at).Nanoseconds() * rate / int64(time.Second)
	step := max(passed-int64(o.ahead), int64(o.samples))
	o.ahead = uint32(max(0, int64(o.ahead)+step-max(passed, int64(o.samples))))
	return o.sequence + 1, o.timestamp + uint32(step)
}

// sentUpTo remembers the newest packet. Called with mu held.
func (o *outlet) sentUpTo(sequence uint16, timestamp, samples uint32, at time.Time) {
	if !o.begun || int16(sequence-o.sequence) >= 0 {
		o.begun = true
		o.sequence, o.timestamp, o.samples, o.at = sequence, timestamp, samples, at
	}
}

// write sends the payload that stands in plain behind the place of the header. Called with mu held.
func (o *outlet) write(number uint8, sequence uint16, timestamp uint32, marker bool, size int) {
	if !o.to.IsValid() || o.to.Port() == 0 {
		return
	}
	b := o.plain[:12+size]
	b[0], b[1] = 2<<6, number
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], sequence)
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], o.ssrc)
	if o.seals != nil {
		sealed, err := o.seals.EncryptRTP(o.sealed[:0], b, &o.header)
		if err != nil {
			return
		}
		o.sealed, b = sealed, sealed
	}
	o.sent++
	o.octets += uint64(size)
	o.line.wire.send(b, o.to)
}
