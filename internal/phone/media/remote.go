package media

import (
	"net/netip"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
)

// Noise is comfort noise (RFC 3389), the one thing beside speech that goes through a room: its payload
// begins with how loud the silence is, in -dBov.
const Noise audio.Codec = audio.CN

// Direction is which ways sound goes, seen from us (RFC 8866 §6.7).
type Direction uint8

// The directions. Both is what a call begins with.
const (
	Both Direction = iota
	SendOnly
	ReceiveOnly
	Inactive
)

func (d Direction) sends() bool    { return d == Both || d == SendOnly }
func (d Direction) receives() bool { return d == Both || d == ReceiveOnly }

// Remote is what signalling agreed on with the other end of a line.
type Remote struct {
	// RTP is where the other end wants its sound; RTCP where its reports, not valid when it wants none. With
	// Mux both go to RTP (RFC 5761).
	RTP, RTCP netip.AddrPort
	Mux       bool
	Direction Direction

	// Codec, which is one of G.711, and PayloadType are how we send.
	Codec       audio.Codec
	PayloadType uint8
	// Opus is the payload type under which the other end takes the Opus of others as it comes (RFC 7587); 0 when it
	// takes none.
	Opus uint8
	// Events and Noise are the payload types under which the other end takes telephone-event (RFC 4733) and
	// comfort noise; 0 when it takes none.
	Events, Noise uint8

	// Accepts is what we said we take, payload type → codec; AcceptsEvents is our telephone-event or 0. Comfort
	// noise of payload type 13 is always taken: trunks send it unasked.
	Accepts       map[uint8]audio.Codec
	AcceptsEvents uint8

	// Ptime is how much sound a packet of our own making carries (a mix, a player's): 10 to 60 ms, 20 when zero.
	// What is passed through keeps its sender's.
	Ptime time.Duration

	// Latch are the networks in which the other end may be found elsewhere than where it said: those of the
	// trunk's own allow-list, and never all the world. Empty means exactly RTP.
	Latch []netip.Prefix
	// SSRC is what signalling said of the other end's stream (a=ssrc, RFC 5576), or 0.
	SSRC uint32

	// Sends and Receives are the keys of SRTP (RFC 4568) each way; nil for plain RTP.
	Sends, Receives *Keys
}

// check returns Invalid for what no line can do.
func (r Remote) check() error {
	wrong := func(what string) error {
		return fault.New(fault.Invalid, "fault.media.terms", "what", what)
	}
	switch {
	case r.Direction > Inactive:
		return wrong("direction")
	case !r.Codec.Law():
		return wrong("codec")
	case r.PayloadType > 127, r.Opus > 127, r.Events > 127, r.Noise > 127, r.AcceptsEvents > 127:
		return wrong("payload type")
	case r.Events != 0 && r.Events == r.PayloadType, r.Opus != 0 && (r.Opus == r.PayloadType || r.Opus == r.Events):
		return wrong("payload type")
	case r.Ptime != 0 && (r.Ptime < 10*time.Millisecond || r.Ptime > 60*time.Millisecond || r.Ptime%(10*time.Millisecond) != 0):
		return wrong("ptime")
	case (r.Sends == nil) != (r.Receives == nil):
		return wrong("keys")
	}
	for number, codec := range r.Accepts {
		if number > 127 || !codec.Law() && codec != audio.Opus && codec != Noise {
			return wrong("codec")
		}
	}
	return nil
}

// kind is what a payload type stands for.
type kind uint8

const (
	unknown kind = iota
	speech
	noise
	event
)

// terms are a Remote made ready for each packet.
type terms struct {
	Remote
	kinds  [128]kind
	codecs [128]audio.Codec
}

func newTerms(r Remote) *terms {
	t := &terms{Remote: r}
	if t.Ptime == 0 {
		t.Ptime = 20 * time.Millisecond
	}
	t.kinds[Noise], t.codecs[Noise] = noise, Noise
	for number, codec := range r.Accepts {
		t.kinds[number], t.codecs[number] = speech, codec
		if codec == Noise {
			t.kinds[number] = noise
		}
	}
	if r.AcceptsEvents != 0 {
		t.kinds[r.AcceptsEvents] = event
	}
	t.RTP, t.RTCP = plain(r.RTP), plain(r.RTCP)
	return t
}

// plain is an address without the IPv6 coat that a socket of both families puts on IPv4.
func plain(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4In6() {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	return a
}
