package media

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"vigie/internal/fault"
)

// Ports is a range of UDP ports from which calls take theirs in pairs: RTP even, RTCP the odd one above
// (RFC 3550 §11). A port that was given back is the last to be taken again, and the first one is any, so that late
// packets of a call that is over, or that was another process's, find nobody.
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
	pairs := int(high-even+1) / 2
	return &Ports{low: even, high: high, next: even + 2*uint16(rand.IntN(pairs))}, nil
}

// openPair binds a pair at this address, of ports that listen opens. A nil range takes any.
func openPair[P interface {
	local() netip.AddrPort
	close() error
}](p *Ports, at netip.Addr, listen func(netip.AddrPort) (P, error)) (rtp, rtcp P, err error) {
	const tries = 64 // of the system's free ports every second one is odd, or has a neighbour
	if p == nil {
		for range tries {
			if rtp, err = listen(netip.AddrPortFrom(at, 0)); err != nil {
				return rtp, rtcp, fault.Wrap(err, fault.Unavailable, "fault.media.ports")
			}
			if number := rtp.local().Port(); number%2 == 0 {
				if rtcp, err = listen(netip.AddrPortFrom(at, number+1)); err == nil {
					return rtp, rtcp, nil
				}
			}
			_ = rtp.close()
		}
		return rtp, rtcp, fault.New(fault.Unavailable, "fault.media.ports")
	}
	for range int(p.high-p.low)/2 + 1 {
		number := p.take()
		if rtp, err = listen(netip.AddrPortFrom(at, number)); err != nil {
			continue
		}
		if rtcp, err = listen(netip.AddrPortFrom(at, number+1)); err != nil {
			_ = rtp.close()
			continue
		}
		return rtp, rtcp, nil
	}
	return rtp, rtcp, fault.New(fault.Unavailable, "fault.media.ports")
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

// port is one UDP port of a line. What cannot be sent is lost, as any datagram may be.
type port interface {
	local() netip.AddrPort
	serve(take func(b []byte, from netip.AddrPort, at time.Time)) error
	send(b []byte, to netip.AddrPort)
	close() error
}

// pair is a line's own two ports.
type pair struct{ rtp, rtcp port }

// open binds a line's pair and serves it.
func (p *Ports) open(at netip.Addr, l *Line) (*pair, error) {
	rtp, rtcp, err := openPair(p, at, listenPort)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(rtp.serve(l.receive), rtcp.serve(l.receiveReport)); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Unavailable, "fault.media.ports"), rtp.close(), rtcp.close())
	}
	return &pair{rtp, rtcp}, nil
}

func (p *pair) send(b []byte, to netip.AddrPort)   { p.rtp.send(b, to) }
func (p *pair) report(b []byte, to netip.AddrPort) { p.rtcp.send(b, to) }
func (p *pair) local() netip.AddrPort              { return p.rtp.local() }
func (p *pair) close() error                       { return errors.Join(p.rtp.close(), p.rtcp.close()) }

// socket is a port that a goroutine of its own reads.
type socket struct{ *net.UDPConn }

func listenSocket(at netip.AddrPort) (socket, error) {
	family := "udp4"
	if at.Addr().Is6() {
		family = "udp6"
	}
	c, err := net.ListenUDP(family, net.UDPAddrFromAddrPort(at))
	return socket{c}, err
}

func (s socket) local() netip.AddrPort {
	return plain(s.LocalAddr().(*net.UDPAddr).AddrPort())
}

func (s socket) serve(take func(b []byte, from netip.AddrPort, at time.Time)) error {
	go drain(s.UDPConn, take)
	return nil
}

func (s socket) send(b []byte, to netip.AddrPort) { _, _ = s.WriteToUDPAddrPort(b, to) }
func (s socket) close() error                     { return s.UDPConn.Close() }

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
