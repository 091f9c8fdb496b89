// Package swarm is many telephones and browsers at once, in a process of their own, to measure what carries
// calls between them: ours, or another's. Each caller rings a number by SIP, each number is answered by another
// telephone, or by a browser (ICE, DTLS-SRTP), and both say a packet of G.711 every 20 ms, in which stands who
// said it and when. What comes out at the other end is compared with it: nobody's clock is needed but ours.
//
// Packets leave once a millisecond, those that are due. A leg's packets are 20 ms apart, and those of all legs
// are spread evenly over that time.
package swarm

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// Order is what a swarm is told first.
type Order struct {
	Calls int
	// Browsers says that those who are called are browsers, else telephones.
	Browsers bool
	// WarmUp is how long everybody speaks before what is said counts, Measure how long it counts.
	WarmUp, Measure time.Duration
}

// Target is what it is told when there is something to call.
type Target struct {
	SIP string // "127.0.0.1:5060"
	// Offers is where browsers bring their offers (HTTP), before anybody calls; "" for browsers that are called
	// by SIP.
	Offers string
}

// Told is one line of what a swarm says.
type Told struct {
	Phase string
	// Answers is where calls to the numbers must be sent; with Listening.
	Answers string  `json:",omitempty"`
	Report  *Report `json:",omitempty"`
}

// The phases, in their order.
const (
	Listening = "listening" // waits for a Target
	Connected = "connected" // every call is up
	Measuring = "measuring" // warmed up: from now on it counts
	Measured  = "measured"
	Over      = "over" // with the report; everybody has hung up
)

// Report is what a swarm saw.
type Report struct {
	Calls    int // that came up
	Failed   int // that did not, after three attempts
	SetupFor time.Duration
	// Sent counts the packets of the measured time, Lost those that never came, Late those that came more than
	// LateAfter after they were sent, Foreign those that were heard by somebody else than the one they were for.
	Sent, Lost, Late, Foreign int64
	P50, P99, P999, Max       time.Duration // from sending to the arrival at the other end
	// Lag is how late the swarm itself was with its packets, at p99: its own trouble, not the server's.
	Lag time.Duration
	// Suite is what browsers' speech was enciphered with.
	Suite string
}

// LateAfter is when a packet is too late for most ears: three packets' time.
const LateAfter = 60 * time.Millisecond

const (
	frame     = 20 * time.Millisecond
	payload   = 160
	rtpHeader = 12
	stamp     = 0x56494749 // "VIGI"
	atOnce    = 16         // calls being set up at a time
)

// swarm is everybody.
type swarm struct {
	order   Order
	board   *board
	legs    []*leg // callers first, then those who are called
	taken   atomic.Int32
	phone   *trunk.Server
	answers *answers
	target  Target
	// first and last are the numbers of each leg's packets that count.
	first, last uint32
	// hears takes the sound that came for a leg, and when it came, in Unix nanoseconds.
	hears func(l *leg, p []byte, at int64)

	mu    sync.Mutex // of the books, which one goroutine writes and another reads at the end
	books books
}

// Run is the swarm's process: an Order and a Target come as lines of JSON, and what happens goes out. It ends
// with the measurement, with ctx, or when in ends.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewReader(in)
	next := func(into any) error {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		return json.Unmarshal(line, into)
	}
	var o Order
	if err := next(&o); err != nil {
		return fmt.Errorf("the order: %w", err)
	}
	if o.Calls < 1 || o.Calls > 10_000 {
		return errors.New("swarm: 1 to 10,000 calls")
	}
	say := json.NewEncoder(out)
	s, err := gather(o)
	if err != nil {
		return err
	}
	defer s.close()
	if err := say.Encode(Told{Phase: Listening, Answers: s.answers.address()}); err != nil {
		return err
	}
	if err := next(&s.target); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	go func() { // whoever started us is gone
		_, _ = lines.ReadByte()
		cancel()
	}()
	var r Report
	if err := s.connect(ctx, &r); err != nil {
		return err
	}
	if err := say.Encode(Told{Phase: Connected}); err != nil {
		return err
	}
	lag, err := s.speak(ctx, func(phase string) { _ = say.Encode(Told{Phase: phase}) })
	if err != nil {
		return err
	}
	s.report(&r, lag)
	s.hangUp()
	return say.Encode(Told{Phase: Over, Report: &r})
}

// gather opens the sockets and makes the legs.
func gather(o Order) (*swarm, error) {
	s, err := legs(o)
	if err != nil {
		return nil, err
	}
	s.hears = s.heard
	s.first = uint32(o.WarmUp / frame)
	s.last = s.first + uint32(o.Measure/frame)
	s.books.seen = make([][]uint64, 2*o.Calls)
	for i := range s.legs {
		s.books.seen[i] = make([]uint64, (s.last+63)/64)
	}
	if s.answers, err = listen(s); err != nil {
		s.board.close()
		return nil, err
	}
	go s.board.read(s.arrived)
	return s, nil
}

// legs opens the board with a leg for each end of each call.
func legs(o Order) (*swarm, error) {
	b, err := openBoard()
	if err != nil {
		return nil, err
	}
	s := &swarm{order: o, board: b}
	for i := range 2 * o.Calls {
		address := netip.AddrFrom4([4]byte{127, 64, byte(i >> 8), byte(i)})
		s.legs = append(s.legs, &leg{s: s, number: i, address: address, partner: -1})
	}
	return s, nil
}

func (s *swarm) close() {
	if s.phone != nil {
		_ = s.phone.Close()
	}
	s.answers.close()
	s.board.close()
}

// connect has everybody ring and waits until every call is up, with its sound.
func (s *swarm) connect(ctx context.Context, r *Report) error {
	server, err := netip.ParseAddrPort(s.target.SIP)
	if err != nil {
		return fmt.Errorf("swarm: whom to call: %w", err)
	}
	s.phone, err = trunk.Open(trunk.Options{
		Listen: []string{"udp:127.0.0.1:0"}, Calls: s.order.Calls + 1, InvitesPerSecond: 1 << 20, UserAgent: "vigie bench",
		Trunks: []trunk.Trunk{{Name: "bench", Proxy: "sip:" + server.String(), Plan: trunk.Plan{Prefixes: []string{"9"}}}},
		Media: func(trunk.Trunk) (trunk.MediaLine, error) {
			n := int(s.taken.Add(1)) - 1
			if n >= 4*s.order.Calls { // each may be tried again, but not for ever
				return nil, errors.New("swarm: more attempts than telephones")
			}
			return &line{leg: s.legs[n%s.order.Calls]}, nil
		},
	})
	if err != nil {
		return err
	}
	began := time.Now()
	if s.order.Browsers && s.target.Offers != "" {
		if err := s.each(ctx, func(n int) error { return s.legs[s.order.Calls+n].attach(ctx, s.target.Offers) }); err != nil {
			return err
		}
	}
	var failed atomic.Int32
	err = s.each(ctx, func(n int) error {
		for range 3 {
			if s.dial(ctx, n) == nil {
				return nil
			}
		}
		failed.Add(1)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if s.order.Browsers {
		if err := s.await(ctx); err != nil {
			return err
		}
	}
	r.SetupFor, r.Failed, r.Calls = time.Since(began), int(failed.Load()), s.order.Calls-int(failed.Load())
	if r.Calls == 0 {
		return errors.New("swarm: no call came up")
	}
	return nil
}

// each does something for each call, a few at a time.
func (s *swarm) each(ctx context.Context, do func(n int) error) error {
	var next atomic.Int32
	var all sync.WaitGroup
	errs := make(chan error, atOnce)
	for range atOnce {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < s.order.Calls && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				if err := do(n); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return errors.Join(<-errs, ctx.Err())
}

// dial rings number n and notes who talks with whom.
func (s *swarm) dial(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := s.phone.Dial(ctx, trunk.Dial{Trunk: "bench", To: "9" + strconv.Itoa(n)})
	if err != nil {
		return err
	}
	caller, called := c.Line().(*line).leg, s.legs[s.order.Calls+n]
	caller.partner, called.partner = called.number, caller.number
	return nil
}

// await waits until every browser that is called has shaken hands.
func (s *swarm) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, l := range s.legs[s.order.Calls:] {
		if l.partner < 0 {
			continue
		}
		for b := l.browser.Load(); ; b = l.browser.Load() {
			if b == nil {
				return errors.New("swarm: a browser was never called")
			}
			select {
			case <-b.ready:
			case <-b.over:
				return fmt.Errorf("swarm: a browser's handshake failed: %w", b.err)
			case <-ctx.Done():
				return errors.New("swarm: a browser did not connect in time")
			}
			break
		}
	}
	return nil
}

func (s *swarm) hangUp() {
	_ = s.phone.Close()
}

// line is a caller's leg as the trunk sees it.
type line struct{ leg *leg }

func (l *line) Local() netip.AddrPort { return netip.AddrPortFrom(l.leg.address, l.leg.s.board.port) }
func (l *line) Configure(a sdp.Agreed) error {
	if ofLegs(a.Remote.Addr()) {
		return errors.New("swarm: the sound would go straight to its other end, with nobody between")
	}
	l.leg.to.Store(&a.Remote)
	return nil
}
func (l *line) Close() error { return nil }

// ofLegs says that the address is one of the legs'.
func ofLegs(a netip.Addr) bool { return netip.MustParsePrefix("127.64.0.0/16").Contains(a) }

// leg is one end of a call.
type leg struct {
	s       *swarm
	number  int
	address netip.Addr
	partner int // the leg at the other end, -1 for none
	to      atomic.Pointer[netip.AddrPort]
	browser atomic.Pointer[browser]
}

// speak sends everybody's packets, and returns how late they were at p99.
func (s *swarm) speak(ctx context.Context, say func(phase string)) (lag time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var speakers []*leg
	for i := range s.order.Calls { // a caller and the one she talks with are half a packet's time apart
		speakers = append(speakers, s.legs[i])
	}
	speakers = append(speakers, s.legs[s.order.Calls:]...)
	late := newDelays()
	out := newOutgoing(s.board)
	begin := monotonic() + int64(10*time.Millisecond)
	count := int64(len(speakers))
	first, total := int64(s.first)*count, int64(s.last)*count
	due := func(k int64) int64 { return begin + k*int64(frame)/count }
	phase := 0
	for k, tick := int64(0), begin; k < total; tick += int64(time.Millisecond) {
		waitUntil(tick)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		now := monotonic()
		if phase == 0 && k >= first {
			phase = 1
			say(Measuring)
		}
		for ; k < total && due(k) <= now; k++ {
			if l := speakers[k%count]; l.partner >= 0 {
				l.say(out, uint32(k/count))
				if k >= first {
					late.add(now - due(k))
				}
			}
		}
		out.flush()
	}
	say(Measured)
	waitUntil(monotonic() + int64(500*time.Millisecond)) // what is still on its way
	_, p99, _, _ := late.percentiles()
	return p99, nil
}

// say writes a packet. Its payload begins with who speaks, which of her packets it is, and the time. It says whether
// there was anybody to say it to.
func (l *leg) say(out *outgoing, ordinal uint32) bool {
	to := l.to.Load()
	if to == nil {
		return false
	}
	b := out.slot()[:rtpHeader+payload]
	b[0], b[1] = 2<<6, 8 // PCMA (RFC 3551 §6)
	if ordinal == 0 {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(ordinal))
	binary.BigEndian.PutUint32(b[4:], ordinal*payload)
	binary.BigEndian.PutUint32(b[8:], uint32(l.number+1))
	p := b[rtpHeader:]
	binary.BigEndian.PutUint32(p, stamp)
	binary.BigEndian.PutUint32(p[4:], uint32(l.number))
	binary.BigEndian.PutUint32(p[8:], ordinal)
	binary.BigEndian.PutUint64(p[12:], uint64(time.Now().UnixNano()))
	for i := 20; i < payload; i++ {
		p[i] = 0xd5 // silence
	}
	size := len(b)
	if br := l.browser.Load(); br != nil {
		if size = br.seal(out.slot()); size == 0 {
			return false
		}
	}
	if out.put(size, l.address, *to) {
		out.flush()
	}
	return true
}

// arrived takes one datagram that came for a leg.
func (s *swarm) arrived(data []byte, to [4]byte, from netip.AddrPort, at int64) {
	n := int(to[2])<<8 | int(to[3])
	if to[0] != 127 || to[1] != 64 || n >= len(s.legs) || len(data) == 0 {
		return
	}
	l := s.legs[n]
	if br := l.browser.Load(); br != nil {
		if data = br.take(data, from); data == nil {
			return
		}
	}
	if len(data) < rtpHeader+20 || data[0]>>6 != 2 || data[1]&0x7f != 8 {
		return // RTCP, a key, a silence
	}
	s.hears(l, data[rtpHeader:], at)
}

// heard notes a packet in the books.
func (s *swarm) heard(l *leg, p []byte, at int64) {
	if binary.BigEndian.Uint32(p) != stamp {
		return
	}
	from, ordinal := int(binary.BigEndian.Uint32(p[4:])), binary.BigEndian.Uint32(p[8:])
	if ordinal < s.first || ordinal >= s.last {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if from != l.partner {
		s.books.foreign++
		return
	}
	word, bit := &s.books.seen[l.number][ordinal/64], uint64(1)<<(ordinal%64)
	if *word&bit != 0 {
		return // doubled
	}
	*word |= bit
	s.books.received++
	s.books.delays.add(at - int64(binary.BigEndian.Uint64(p[12:])))
}

func (s *swarm) report(r *Report, lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Sent = 2 * int64(r.Calls) * int64(s.last-s.first)
	r.Lost, r.Foreign, r.Late = r.Sent-s.books.received, s.books.foreign, s.books.delays.above(LateAfter)
	r.P50, r.P99, r.P999, r.Max = s.books.delays.percentiles()
	r.Lag = lag
	for _, l := range s.legs {
		if b := l.browser.Load(); b != nil && b.suite != "" {
			r.Suite = b.suite
			break
		}
	}
}

// attach brings a browser's offer to who serves browsers, as the counsellor's page does.
func (l *leg) attach(ctx context.Context, offers string) error {
	b := newBrowser(l, true)
	l.browser.Store(b)
	answer, err := post(ctx, "http://"+offers+"/?browser="+strconv.Itoa(l.number-l.s.order.Calls), b.describe("actpass"))
	if err != nil {
		return err
	}
	if err := b.begin(answer); err != nil {
		return err
	}
	select {
	case <-b.ready:
		return nil
	case <-b.over:
		return fmt.Errorf("swarm: a browser's handshake failed: %w", b.err)
	case <-time.After(20 * time.Second):
		return errors.New("swarm: a browser did not connect in time")
	case <-ctx.Done():
		return ctx.Err()
	}
}

var _ net.PacketConn = (*browser)(nil)
