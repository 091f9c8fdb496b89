package rtc

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// hearing is what comes in of a browser. Its lock is held while a packet is decrypted and handed on, so that
// the room is called from one goroutine at a time, and never again once Speaks(nil) has returned.
type hearing struct {
	sync.Mutex
	srtp    *srtp.Context
	numbers payloads
	out     func(*media.Packet)
	digit   func(byte)
	plain   []byte
	header  rtp.Header
	packet  media.Packet
	decoder media.Decoder
	sources []uint32 // streams that were believed

	counted           bool
	source            uint32
	highest           uint32 // extended by the turns of the counter (RFC 3550 §A.1)
	base              uint32
	transit           int64
	jitter            float64 // in ticks (RFC 3550 §A.8)
	clock             uint32
	received, refused uint64
	priorExpected     uint64
	priorReceived     uint64
	lent              tally    // when the call began that has the browser now
	marks             [2]tally // of the last packets: what the loss of now is taken from
	eventAt           uint32
	eventOver         bool

	remote    [Tracks]remote
	roundTrip time.Duration
	lastSR    uint32 // middle bits of the browser's newest sender report, and when it came
	lastSRAt  time.Time

	heard atomic.Int64 // Unix nanoseconds of the newest packet
}

// tally is how many packets had come, of how many.
type tally struct{ received, expected uint64 }

// recentPackets is how many packets a mark lasts, 10 s of them: the loss of now is of the last 10 to 20 s.
const recentPackets = 500

func (h *hearing) tally() tally { return tally{h.received, h.expected()} }

// since is the fraction lost since then.
func (h *hearing) lossSince(t tally) float64 {
	now := h.tally()
	if now.expected <= t.expected {
		return 0
	}
	return max(0, 1-float64(now.received-t.received)/float64(now.expected-t.expected))
}

// beginCall closes the books of the call before.
func (h *hearing) beginCall() {
	h.Lock()
	defer h.Unlock()
	h.lent = h.tally()
	h.marks = [2]tally{h.lent, h.lent}
}

// remote is what the browser reports of one of our tracks.
type remote struct {
	ssrc   uint32
	lost   float64 // of those of the last seconds
	jitter time.Duration
}

func (h *hearing) open(theirs *srtp.Context) {
	h.Lock()
	defer h.Unlock()
	h.srtp, h.plain = theirs, make([]byte, 0, longestPacket)
}

func (h *hearing) learn(numbers payloads) {
	h.Lock()
	defer h.Unlock()
	h.numbers = numbers
}

func (h *hearing) speaks(out func(*media.Packet)) {
	h.Lock()
	defer h.Unlock()
	h.out = out
}

func (h *hearing) onDigit(f func(byte)) {
	h.Lock()
	defer h.Unlock()
	h.digit = f
}

func (h *hearing) lastHeard() time.Time {
	if at := h.heard.Load(); at > 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// arrived takes one packet of SRTP or SRTCP. It is not kept.
func (p *Peer) arrived(b []byte, by *socket, from netip.AddrPort) {
	now := time.Now()
	if len(b) >= 8 && b[1] >= 192 && b[1] <= 223 { // RFC 5761 §4
		p.reported(b, now)
		return
	}
	if !p.in.take(b, now) || by == nil || p.way.Load() != nil {
		return
	}
	// Of several sockets this is the one that reaches her.
	p.stateMu.Lock()
	if p.routed == from {
		p.way.Store(&way{by, from})
	}
	p.stateMu.Unlock()
}

// take decrypts a packet of speech, counts it and hands it on; false for what is not believed.
func (h *hearing) take(b []byte, now time.Time) bool {
	h.Lock()
	defer h.Unlock()
	if h.srtp == nil || len(b) < rtpHeader {
		return false
	}
	ssrc := ssrcOf(b)
	known := slices.Contains(h.sources, ssrc)
	if !known && len(h.sources) >= mostSources {
		h.refused++
		return false
	}
	plain, err := h.srtp.DecryptRTP(h.plain[:0], b, &h.header)
	if err != nil {
		h.refused++
		return false
	}
	if !known {
		h.sources = append(h.sources, ssrc)
	}
	payload := plain[h.header.MarshalSize():]
	if h.header.Padding && len(payload) > 0 {
		pad := int(payload[len(payload)-1])
		if pad > len(payload) {
			h.refused++
			return false
		}
		payload = payload[:len(payload)-pad]
	}
	h.heard.Store(now.UnixNano())
	if h.header.PayloadType == h.numbers.digits && h.numbers.digits != noPayload {
		h.event(payload)
		return true
	}
	codec, ok := h.numbers.codec(h.header.PayloadType)
	if !ok || len(payload) == 0 {
		return true
	}
	h.count(&h.header, clockOf(codec), now)
	if h.out == nil {
		return true
	}
	h.packet = media.Packet{Codec: codec, Payload: payload, Stream: h.header.SSRC, Sequence: h.header.SequenceNumber, Timestamp: h.header.Timestamp, Marker: h.header.Marker, At: now, Decoder: &h.decoder}
	h.out(&h.packet)
	return true
}

// count keeps what receiver reports say (RFC 3550 §A.1, §A.3, §A.8).
func (h *hearing) count(r *rtp.Header, clock uint32, now time.Time) {
	if !h.counted || h.source != r.SSRC {
		h.counted, h.source, h.clock = true, r.SSRC, clock
		h.base, h.highest = uint32(r.SequenceNumber), uint32(r.SequenceNumber)
		h.received, h.priorExpected, h.priorReceived, h.transit = 0, 0, 0, 0
		h.lent, h.marks = tally{}, [2]tally{}
	}
	if h.clock != clock { // it speaks another codec from here on
		h.clock, h.transit, h.jitter = clock, 0, h.jitter*float64(clock)/float64(h.clock)
	}
	h.received++
	if ahead := int16(r.SequenceNumber - uint16(h.highest)); ahead > 0 {
		h.highest += uint32(ahead)
	}
	if h.received%recentPackets == 0 {
		h.marks[1], h.marks[0] = h.marks[0], h.tally()
	}
	arrival := now.UnixNano() / 1000 * int64(clock) / 1_000_000
	transit := int64(uint32(arrival) - r.Timestamp)
	if h.transit != 0 {
		d := math.Abs(float64(int32(uint32(transit) - uint32(h.transit))))
		if d < float64(clock) { // a clock that was set, or a machine that slept
			h.jitter += (d - h.jitter) / 16
		}
	}
	h.transit = transit
}

func (h *hearing) expected() uint64 {
	if !h.counted {
		return 0
	}
	return uint64(h.highest-h.base) + 1
}

const keys = "0123456789*#ABCD"

// event reads a telephone event; one key is said in many packets, and counted once (RFC 4733 §2.5).
func (h *hearing) event(payload []byte) {
	if len(payload) < 4 || payload[0] >= uint8(len(keys)) {
		return
	}
	at := h.header.Timestamp
	if h.eventOver && h.eventAt == at {
		return
	}
	h.eventAt, h.eventOver = at, true
	if h.digit != nil {
		h.digit(keys[payload[0]])
	}
}

// reported takes the browser's own reports of RTCP.
func (p *Peer) reported(b []byte, now time.Time) {
	h := &p.in
	h.Lock()
	defer h.Unlock()
	if h.srtp == nil {
		return
	}
	plain, err := h.srtp.DecryptRTCP(nil, b, nil)
	if err != nil {
		h.refused++
		return
	}
	all, err := rtcp.Unmarshal(plain)
	if err != nil {
		return
	}
	for _, one := range all {
		switch r := one.(type) {
		case *rtcp.SenderReport:
			h.lastSR, h.lastSRAt = uint32(r.NTPTime>>16), now
			p.receptions(r.Reports, now)
		case *rtcp.ReceiverReport:
			p.receptions(r.Reports, now)
		}
	}
}

// receptions keeps what the browser says of our tracks. Called with in locked.
func (p *Peer) receptions(all []rtcp.ReceptionReport, now time.Time) {
	h := &p.in
	for _, r := range all {
		for i := range h.remote {
			if t := &h.remote[i]; t.ssrc == r.SSRC {
				t.lost, t.jitter = float64(r.FractionLost)/256, time.Duration(float64(r.Jitter)/float64(max(p.out.voices[i].clock.Load(), audio.Rate))*float64(time.Second))
			}
		}
		if r.LastSenderReport != 0 { // RFC 3550 §6.4.1, in 1/65536 s
			if trip := uint32(ntp(now)>>16) - r.LastSenderReport - r.Delay; trip < 10<<16 {
				h.roundTrip = time.Duration(float64(trip) / 65536 * float64(time.Second))
			}
		}
	}
}

// report sends what RTCP wants said: of each track that is in use, and of what we receive.
func (p *Peer) report(now time.Time) {
	o := &p.out
	o.Lock()
	defer o.Unlock()
	if !o.ready || now.Sub(o.lastRTCP) < reportEvery {
		return
	}
	o.lastRTCP = now
	reports := p.in.reports(now)
	first := true
	for i := range o.voices[:o.tracks] {
		v := &o.voices[i]
		if v.speaker == "" || v.sent == 0 {
			continue
		}
		passed := uint32(now.Sub(v.at).Seconds() * float64(clockOf(v.codec)))
		sr := &rtcp.SenderReport{SSRC: v.ssrc, NTPTime: ntp(now), RTPTime: v.time + passed, PacketCount: v.sent, OctetCount: v.octets}
		if first {
			sr.Reports, first = reports, false
		}
		p.sendReport(sr, v.ssrc)
	}
	if first {
		p.sendReport(&rtcp.ReceiverReport{SSRC: o.voices[0].ssrc, Reports: reports}, o.voices[0].ssrc)
	}
}

// sendReport is called with out locked.
func (p *Peer) sendReport(r rtcp.Packet, ssrc uint32) {
	name := &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "vigie"}}}}}
	raw, err := rtcp.Marshal([]rtcp.Packet{r, name})
	if err != nil {
		return
	}
	if sealed, err := p.out.srtp.EncryptRTCP(nil, raw, nil); err == nil {
		p.send(sealed)
	}
}

func (h *hearing) reports(now time.Time) []rtcp.ReceptionReport {
	h.Lock()
	defer h.Unlock()
	if !h.counted {
		return nil
	}
	expected := h.expected()
	lost := int64(expected) - int64(h.received)
	var fraction uint8
	if e := int64(expected - h.priorExpected); e > 0 {
		if l := e - int64(h.received-h.priorReceived); l > 0 {
			fraction = uint8(min(255, l*256/e))
		}
	}
	h.priorExpected, h.priorReceived = expected, h.received
	r := rtcp.ReceptionReport{SSRC: h.source, FractionLost: fraction, TotalLost: uint32(max(0, lost)) & 0x7fffff, LastSequenceNumber: h.highest, Jitter: uint32(h.jitter)}
	if h.lastSR != 0 {
		r.LastSenderReport = h.lastSR
		r.Delay = uint32(now.Sub(h.lastSRAt).Seconds() * 65536)
	}
	return []rtcp.ReceptionReport{r}
}

// ntp is a time as RTCP writes it: seconds since 1900 in 32.32 fixed point.
func ntp(t time.Time) uint64 {
	n := uint64(t.UnixNano())
	return (n/1e9+2208988800)<<32 | (n%1e9<<32)/1e9
}

// Quality is how the browser's line does in the call that it is lent to, and what it sounds like now. It costs two locks
// and no packet.
func (p *Peer) Quality() media.Quality {
	p.out.Lock()
	sent := p.out.total - p.out.before
	p.out.Unlock()
	h := &p.in
	h.Lock()
	defer h.Unlock()
	q := media.Quality{
		Received: h.received - h.lent.received, Refused: h.refused, Sent: sent,
		RoundTrip: h.roundTrip, LastHeard: h.lastHeard(),
	}
	for _, t := range h.remote { // the worst of the voices that she hears
		q.RemoteLost, q.RemoteJitter = max(q.RemoteLost, t.lost), max(q.RemoteJitter, t.jitter)
	}
	if lost := int64(h.expected()-h.lent.expected) - int64(q.Received); lost > 0 {
		q.Lost = uint64(lost)
	}
	if h.clock > 0 {
		q.Jitter = time.Duration(h.jitter / float64(h.clock) * float64(time.Second))
	}
	if q.Received > 0 {
		worst := max(q.RemoteLost, h.lossSince(h.marks[1]))
		// From mouth to ear: half the round trip, a buffer of twice the jitter, and what a packet and a sound card take.
		q.MOS = media.MOS(worst, 1, q.RoundTrip/2+2*max(q.Jitter, q.RemoteJitter)+40*time.Millisecond)
	}
	return q
}

var _ media.Leg = (*Peer)(nil)
