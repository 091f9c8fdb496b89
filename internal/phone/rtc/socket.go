package rtc

import (
	"net"
	"net/netip"
	"sync"

	"vigie/internal/phone/media"
)

// socket is the one UDP port of all browsers. What ICE and DTLS say (RFC 7983: the first byte tells) goes on
// to pion; speech from an address that ICE has agreed upon is taken here, on the goroutine that reads, so
// that it is decrypted and handed on without another goroutine being woken.
type socket struct {
	*net.UDPConn
	routes *routes
}

func open(conn *net.UDPConn, routes *routes) *socket {
	media.Enlarge(conn) // all browsers come by it: with what a system gives by itself it holds 100 calls for 50 ms
	return &socket{UDPConn: conn, routes: routes}
}

// ReadFromAddrPort returns the next packet that is not speech (ice.AddrPortReaderWriter).
func (s *socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := s.UDPConn.ReadFromUDPAddrPort(b)
		if err != nil {
			return n, from, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if n > 0 && ofSRTP(b[0]) {
			if p := s.routes.at(from); p != nil {
				p.arrived(b[:n], s, from)
				continue
			}
		}
		return n, from, nil
	}
}

// WriteToAddrPort is the other half of ice.AddrPortReaderWriter.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.UDPConn.WriteToUDPAddrPort(b, to)
}

// ReadFrom and WriteTo are what pion uses where it does not know the above.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ofSRTP tells SRTP and SRTCP (128 to 191) from STUN (0 to 3) and DTLS (20 to 63): RFC 7983 §7.
func ofSRTP(first byte) bool { return first >= 128 && first <= 191 }

func ofDTLS(first byte) bool { return first >= 20 && first <= 63 }

// routes says whose an address is, as ICE has found out. SRTP itself decides whether to believe a packet.
type routes struct {
	mu sync.RWMutex
	by map[netip.AddrPort]*Peer
}

func (r *routes) at(from netip.AddrPort) *Peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.by[from]
}

func (r *routes) set(from netip.AddrPort, p *Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[netip.AddrPort]*Peer{}
	}
	r.by[from] = p
}

func (r *routes) drop(from netip.AddrPort, p *Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by[from] == p {
		delete(r.by, from)
	}
}
