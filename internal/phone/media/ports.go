package media

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"vigie/internal/fault"
)

// Ports is a range of UDP ports from which calls take theirs in pairs: RTP even, RTCP the odd one above
// (RFC 3550 §11). A port that was given back is the last to be taken again, so that late packets of a call
// that is over find nobody.
type Ports struct {
	low, high uint16
	mu        sync.Mutex
	next      uint16
}

// NewPorts is the range low to high, both of which are in it. Invalid when no pair is.
func NewPorts(low, high uint16) (*Ports, error) {
	even := low + low%2
	if low == 0 || even < low || high <= even {
		return nil, fault.New(fault.Invalid, "fault.media.range", "low", low, "high", high)
	}
	return &Ports{low: even, high: high, next: even}, nil
}

// open binds a pair at this address. A nil range takes any.
func (p *Ports) open(at netip.Addr) (*pair, error) {
	const tries = 64 // of the system's free ports every second one is odd, or has a neighbour
	if p == nil {
		for range tries {
			rtp, err := listen(netip.AddrPortFrom(at, 0))
			if err != nil {
				return nil, fault.Wrap(err, fault.Unavailable, "fault.media.ports")
			}
			port := rtp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			if port%2 == 0 {
				if rtcp, err := listen(netip.AddrPortFrom(at, port+1)); err == nil {
					return &pair{rtp: rtp, rtcp: rtcp}, nil
				}
			}
			_ = rtp.Close()
		}
		return nil, fault.New(fault.Unavailable, "fault.media.ports")
	}
	for range int(p.high-p.low)/2 + 1 {
		port := p.take()
		rtp, err := listen(netip.AddrPortFrom(at, port))
		if err != nil {
			continue
		}
		rtcp, err := listen(netip.AddrPortFrom(at, port+1))
		if err != nil {
			_ = rtp.Close()
			continue
		}
		return &pair{rtp: rtp, rtcp: rtcp}, nil
	}
	return nil, fault.New(fault.Unavailable, "fault.media.ports")
}

// take is the next pair's even port, round and round.
func (p *Ports) take() uint16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	port := p.next
	p.next += 2
	if p.next < port || p.next >= p.high {
		p.next = p.low
	}
	return port
}

func listen(at netip.AddrPort) (*net.UDPConn, error) {
	family := "udp4"
	if at.Addr().Is6() {
		family = "udp6"
	}
	return net.ListenUDP(family, net.UDPAddrFromAddrPort(at))
}

// pair is a line's own two ports.
type pair struct{ rtp, rtcp *net.UDPConn }

// serve reads both ports until they are closed, whatever comes.
func (p *pair) serve(l *Line) {
	go drain(p.rtp, l.receive)
	go drain(p.rtcp, l.receiveReport)
}

// drain hands on every datagram that comes to a port, and ends with the port alone: a datagram that cannot be
// read is no reason to stop listening.
func drain(c *net.UDPConn, take func(b []byte, from netip.AddrPort, at time.Time)) {
	buffer := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // an error that stays must not eat a core
		default:
			take(buffer[:n], plain(from), time.Now())
		}
	}
}

func (p *pair) send(b []byte, to netip.AddrPort) {
	_, _ = p.rtp.WriteToUDPAddrPort(b, to) // a datagram that cannot go is lost, as any may be
}

func (p *pair) report(b []byte, to netip.AddrPort) {
	_, _ = p.rtcp.WriteToUDPAddrPort(b, to)
}

func (p *pair) local() netip.AddrPort {
	return plain(p.rtp.LocalAddr().(*net.UDPAddr).AddrPort())
}

func (p *pair) close() error { return errors.Join(p.rtp.Close(), p.rtcp.Close()) }
