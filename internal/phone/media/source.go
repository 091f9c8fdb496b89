package media

import (
	"net/netip"
	"time"
)

// quiet times of a source lock: how long the one who is heard must have been silent before another may take
// its place. A stranger who sends along with the caller never gets in.
const (
	moveAfter   = 2 * time.Second       // another address, where that is allowed at all
	renameAfter = 60 * time.Millisecond // another SSRC from the same address: a new stream of the same end
)

// source is the lock on where a line's sound comes from. It is either exactly the address that signalling
// said, or, behind a translator of addresses, the first one inside the allowed networks that sent something
// valid (symmetric RTP, RFC 4961); and of that address one SSRC at a time (RFC 3550 §8.2). It holds one
// address and one number, whoever sends. Whoever sends from the signalled address has it at once: a call that a
// node lost when it died goes on sending to a port that is another's by now.
type source struct {
	signalled netip.AddrPort
	allowed   []netip.Prefix
	named     uint32 // the SSRC that signalling said (RFC 5576), or 0
	from      netip.AddrPort
	ssrc      uint32
	at        time.Time // when the one who is heard was last heard
}

// newSource is a lock on a signalled address; with networks it is one that may find its address itself.
func newSource(signalled netip.AddrPort, allowed []netip.Prefix, ssrc uint32) source {
	return source{signalled: signalled, allowed: allowed, named: ssrc}
}

// may says whether a datagram from this address could be of this call, before anything is read of it.
func (s *source) may(from netip.AddrPort, at time.Time) bool {
	if s.from.IsValid() && from != s.signalled {
		return from == s.from || at.Sub(s.at) > moveAfter && s.welcome(from)
	}
	return s.welcome(from)
}

func (s *source) welcome(from netip.AddrPort) bool {
	if from == s.signalled {
		return true
	}
	for _, network := range s.allowed {
		if network.Contains(from.Addr()) {
			return true
		}
	}
	return false
}

// admit locks on to the source of a packet that was found valid. renewed says that it begins a new stream.
func (s *source) admit(from netip.AddrPort, ssrc uint32, at time.Time) (ok, renewed bool) {
	switch {
	case !s.may(from, at), s.named != 0 && ssrc != s.named:
		return false, false
	case !s.from.IsValid(), from != s.from:
		renewed = true
	case ssrc != s.ssrc:
		if at.Sub(s.at) < renameAfter {
			return false, false
		}
		renewed = true
	}
	s.from, s.ssrc, s.at = from, ssrc, at
	return true, renewed
}
