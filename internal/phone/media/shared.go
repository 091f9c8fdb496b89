package media

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"vigie/internal/fault"
)

// Shared is one pair of UDP ports for many lines, which reads and writes many datagrams in one system call: a
// core carries half as many calls again as with a pair of ports for each. One reads with one goroutine;
// who has more cores to give opens several.
//
// Lines are told apart by the address that signalling said, and where several calls come from one address by
// the SSRC that it said too (RFC 5576). What can be told apart by neither is not taken: Configure says
// Conflict, and the call needs ports of its own. A datagram that belongs to no line is dropped and counted.
type Shared struct {
	rtp, rtcp *net.UDPConn
	batch     batcher
	out       outbox
	strangers atomic.Uint64

	mu      sync.RWMutex
	sound   map[netip.AddrPort][]*seat
	control map[netip.AddrPort][]*seat
	named   map[uint32]*seat // those who may come from elsewhere, by their SSRC
}

// batcher is a socket of either family that reads and writes many datagrams at once.
type batcher interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// batched is how many datagrams are read or written at once.
const batched = 64

// OpenShared opens a pair of ports at this address: RTP at its port, which is even or 0 for any, and RTCP one
// higher. Unavailable when they are taken.
func OpenShared(at netip.AddrPort) (*Shared, error) {
	var ports *Ports
	if at.Port() != 0 {
		ports = &Ports{low: at.Port(), high: at.Port() + 1, next: at.Port()}
	}
	rtp, rtcp, err := openPair(ports, at.Addr(), listenSocket)
	if err != nil {
		return nil, err
	}
	s := &Shared{
		rtp: rtp.UDPConn, rtcp: rtcp.UDPConn,
		sound: map[netip.AddrPort][]*seat{}, control: map[netip.AddrPort][]*seat{}, named: map[uint32]*seat{},
	}
	Enlarge(rtp.UDPConn)
	if at.Addr().Is6() {
		s.batch = ipv6.NewPacketConn(rtp.UDPConn)
	} else {
		s.batch = ipv4.NewPacketConn(rtp.UDPConn)
	}
	s.out.begin(s.batch)
	go s.read()
	go drain(s.rtcp, s.takeReport)
	return s, nil
}

// Local is where RTP comes in.
func (s *Shared) Local() netip.AddrPort { return plain(s.rtp.LocalAddr().(*net.UDPAddr).AddrPort()) }

// Strangers is how many datagrams belonged to no line.
func (s *Shared) Strangers() uint64 { return s.strangers.Load() }

// Dropped is how many datagrams of ours the system would not send.
func (s *Shared) Dropped() uint64 { return s.out.dropped.Load() }

// Close frees the ports. Lines that are still on it hear nothing any more.
func (s *Shared) Close() error {
	s.out.end()
	return errors.Join(s.rtp.Close(), s.rtcp.Close())
}

// read takes what comes, many at once; what is sent because of it goes out together as well.
func (s *Shared) read() {
	messages := make([]ipv4.Message, batched)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, 2048)}
	}
	for {
		n, err := s.batch.ReadBatch(messages, 0)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond)
			continue
		}
		now := time.Now()
		beginRound()
		for i := range messages[:n] {
			m := &messages[i]
			if from, ok := m.Addr.(*net.UDPAddr); ok {
				s.take(m.Buffers[0][:m.N], plain(from.AddrPort()), now)
			}
		}
		endRound()
	}
}

// stranger counts a datagram that belongs to no line.
func (s *Shared) stranger() {
	s.strangers.Add(1)
	refused.Add(1)
}

// take hands a datagram to its line.
func (s *Shared) take(b []byte, from netip.AddrPort, at time.Time) {
	if len(b) < 12 {
		s.stranger()
		return
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	if b[1] >= 192 && b[1] <= 223 { // RTCP (RFC 5761 §4), whose sender stands elsewhere
		ssrc = binary.BigEndian.Uint32(b[4:])
	}
	if seat := s.find(from, ssrc); seat != nil {
		seat.line.receive(b, from, at)
		return
	}
	s.stranger()
}

// find is the line to which a datagram of this sender belongs, or nil.
func (s *Shared) find(from netip.AddrPort, ssrc uint32) *seat {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch there := s.sound[from]; len(there) {
	case 0:
		return s.named[ssrc]
	case 1:
		return there[0]
	default:
		for _, seat := range there {
			if seat.ssrc == ssrc {
				return seat
			}
		}
	}
	return nil
}

func (s *Shared) takeReport(b []byte, from netip.AddrPort, at time.Time) {
	s.mu.RLock()
	there := s.control[from] // replaced as a whole, never changed
	s.mu.RUnlock()
	if len(there) == 0 {
		s.stranger()
	}
	for _, seat := range there { // each takes what is said of its own stream
		seat.line.receiveReport(b, from, at)
	}
}

// join gives a line its place.
func (s *Shared) join(l *Line) wire { return &seat{shared: s, line: l} }

// seat is a line's place on a shared port.
type seat struct {
	shared  *Shared
	line    *Line
	sound   netip.AddrPort
	control netip.AddrPort
	ssrc    uint32
	named   bool
}

// expect says where the line's sound will come from.
func (e *seat) expect(t *terms) error {
	s := e.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.sound[t.RTP] {
		if other != e && (other.ssrc == 0 || t.SSRC == 0 || other.ssrc == t.SSRC) {
			return fault.New(fault.Conflict, "fault.media.shared")
		}
	}
	wanders := len(t.Latch) > 0
	if wanders && t.SSRC == 0 {
		wanders = false // from elsewhere nobody could tell whose it is
	}
	if other := s.named[t.SSRC]; wanders && other != nil && other != e {
		return fault.New(fault.Conflict, "fault.media.shared")
	}
	e.leave()
	e.sound, e.control, e.ssrc, e.named = t.RTP, t.RTCP, t.SSRC, wanders
	put(s.sound, e.sound, e)
	if !t.Mux && t.RTCP.IsValid() {
		put(s.control, e.control, e)
	}
	if wanders {
		s.named[e.ssrc] = e
	}
	return nil
}

// leave gives the place back. Called with the shared port's mu held.
func (e *seat) leave() {
	take(e.shared.sound, e.sound, e)
	take(e.shared.control, e.control, e)
	if e.named {
		delete(e.shared.named, e.ssrc)
	}
}

// put and take replace the seats of an address as a whole, so that who reads them may go on doing so.
func put(seats map[netip.AddrPort][]*seat, at netip.AddrPort, e *seat) {
	seats[at] = append(slices.Clip(seats[at]), e)
}

func take(seats map[netip.AddrPort][]*seat, at netip.AddrPort, e *seat) {
	var rest []*seat
	for _, other := range seats[at] {
		if other != e {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(seats, at)
		return
	}
	seats[at] = rest
}

func (e *seat) send(b []byte, to netip.AddrPort) { e.shared.out.put(b, to) }

func (e *seat) report(b []byte, to netip.AddrPort) {
	_, _ = e.shared.rtcp.WriteToUDPAddrPort(b, to)
}

func (e *seat) local() netip.AddrPort { return e.shared.Local() }

func (e *seat) close() error {
	e.shared.mu.Lock()
	defer e.shared.mu.Unlock()
	e.leave()
	return nil
}
