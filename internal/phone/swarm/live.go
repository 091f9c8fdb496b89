package swarm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/trunk"
)

// Live is the telephones and the browsers of a whole helpline's calls. Callers ring one number and hear whatever
// the helpline has them hear; browsers are connected by whoever sits in front of their pages. From the moment it
// has somewhere to go, everybody says a packet every 20 ms, as everybody of a swarm does, and from what is heard
// Live knows who talks with whom. It is safe for concurrent use.
type Live struct {
	s     *swarm
	to    string
	ends  []end // of each leg: the callers first, then the browsers
	calls []call

	ordinal atomic.Uint32 // of the packets that are being said
	window  atomic.Pointer[window]
	late    delays // the speaker's alone until window.over is closed
	closed  atomic.Bool
	gone    chan struct{} // the speaker has ended
}

// LiveOptions are whom callers ring.
type LiveOptions struct {
	// Calls is how many callers there are, and how many browsers: 1 to 1,000.
	Calls int
	// SIP is the trunk's other side ("127.0.0.1:5060"), To the number that is rung there.
	SIP, To string
	// From is each caller's own number.
	From func(n int) string
}

// call is a caller's.
type call struct {
	up      atomic.Pointer[trunk.Call]
	leaving atomic.Bool // she hangs up
	dropped atomic.Bool // it ended before that
}

// end is what is known of one leg.
type end struct {
	partner atomic.Int32 // the leg that it hears, -1 for none yet
	lastAt  atomic.Int64 // when it heard that last, Unix nanoseconds
	over    atomic.Bool
	sent    atomic.Int64 // in the window
}

// window is the packets that count.
type window struct {
	first, last uint32
	ended       atomic.Int64 // when the last was said, Unix nanoseconds
	over        chan struct{}

	mu    sync.Mutex
	seen  [][]uint64 // by the leg that heard it, a bit for each packet
	sides [2]side
}

// side is what was heard at one kind of end.
type side struct {
	received, foreign int64
	gaps, delays      delays
}

// The sides of a call.
const (
	atCaller = iota
	atBrowser
)

// Sound is what was heard at one kind of end in the measured time.
type Sound struct {
	// Sent is what was said to them while they talked, Lost what never came, Foreign what came of somebody else's call.
	Sent, Lost, Foreign int64
	// Gap is the time between two packets as the kernel received them, which was 20 ms where they were said, Added the
	// time from one end to the other. Long counts the gaps of more than LateAfter.
	Gap, Added Times
	Long       int64
}

// Times are percentiles.
type Times struct{ P50, P99, P999, Max time.Duration }

// Seen is what became of the calls.
type Seen struct {
	// StillUp talked at the end of the measured time as they did before, both ways.
	StillUp              int
	ToCaller, ToBrowsers Sound
	Lag                  Times // how late we were ourselves with our packets
	Suite                string
}

// OpenLive opens the sockets. Nobody rings yet.
func OpenLive(o LiveOptions) (*Live, error) {
	if o.Calls < 1 || o.Calls > 1000 {
		return nil, errors.New("swarm: 1 to 1,000 live calls")
	}
	server, err := netip.ParseAddrPort(o.SIP)
	if err != nil {
		return nil, fmt.Errorf("swarm: whom to call: %w", err)
	}
	s, err := legs(Order{Calls: o.Calls, Browsers: true})
	if err != nil {
		return nil, err
	}
	l := &Live{s: s, to: o.To, ends: make([]end, 2*o.Calls), calls: make([]call, o.Calls), gone: make(chan struct{})}
	for i := range l.ends {
		l.ends[i].partner.Store(-1)
	}
	trunks, byName := make([]trunk.Trunk, o.Calls), map[string]*leg{}
	for n := range trunks { // each has a number of her own
		trunks[n] = trunk.Trunk{
			Name: nameOf(n), Proxy: "sip:" + server.String(), CallerID: o.From(n), Codecs: []audio.Codec{audio.PCMA},
			Plan: trunk.Plan{Numbers: []string{o.To}},
		}
		byName[nameOf(n)] = s.legs[n]
	}
	s.phone, err = trunk.Open(trunk.Options{
		Listen: []string{"udp:127.0.0.1:0"}, Calls: o.Calls + 1, InvitesPerSecond: 1 << 20, UserAgent: "vigie bench", Trunks: trunks,
		Media: func(t trunk.Trunk) (trunk.MediaLine, error) { return &liveLine{line{leg: byName[t.Name]}}, nil },
	})
	if err != nil {
		s.board.close()
		return nil, err
	}
	s.hears = l.heard
	s.board.every = lookEvery
	go s.board.read(s.arrived)
	go l.speak()
	return l, nil
}

// lookEvery is how often Live looks at what came: the server that it loads needs the machine more than it does.
const lookEvery = 2 * time.Millisecond

func nameOf(n int) string { return fmt.Sprintf("caller-%d", n) }

// liveLine is a caller's leg, which falls silent when her call is over.
type liveLine struct{ line }

func (l *liveLine) Close() error {
	l.leg.to.Store(nil)
	return nil
}

// Close hangs up whoever still talks and closes the sockets.
func (l *Live) Close() {
	for n := range l.calls {
		l.calls[n].leaving.Store(true)
	}
	_ = l.s.phone.Close()
	l.closed.Store(true)
	<-l.gone
	for _, leg := range l.s.legs {
		if b := leg.browser.Load(); b != nil {
			b.end(errors.New("swarm: over"))
		}
	}
	l.s.board.close()
}

// Ring has caller n ring, and returns once she is answered.
func (l *Live) Ring(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := l.s.phone.Dial(ctx, trunk.Dial{Trunk: nameOf(n), To: l.to})
	if err != nil {
		return err
	}
	l.calls[n].up.Store(c)
	go func() {
		<-c.Done()
		if !l.calls[n].leaving.Load() {
			l.calls[n].dropped.Store(true)
		}
		l.ends[n].over.Store(true)
		if other := l.ends[n].partner.Load(); other >= 0 {
			l.ends[other].over.Store(true)
		}
	}()
	return nil
}

// HangUp has every caller say goodbye.
func (l *Live) HangUp(ctx context.Context) error {
	return l.s.each(ctx, func(n int) error {
		c := l.calls[n].up.Load()
		if c == nil {
			return nil
		}
		l.calls[n].leaving.Store(true)
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_ = c.Hangup(ctx, "") // what the helpline makes of it is asked elsewhere
		return nil
	})
}

// pair says that caller n and a counsellor hear each other, and no call of theirs ended.
func (l *Live) pair(n int) (browser int, ok bool) {
	browser = int(l.ends[n].partner.Load())
	return browser, browser >= len(l.calls) && int(l.ends[browser].partner.Load()) == n && !l.ends[n].over.Load()
}

// Talking is how many callers and counsellors hear each other.
func (l *Live) Talking() (all int) {
	for n := range l.calls {
		if _, ok := l.pair(n); ok {
			all++
		}
	}
	return all
}

// Dropped is how many calls ended before their caller hung up.
func (l *Live) Dropped() (all int) {
	for n := range l.calls {
		if l.calls[n].dropped.Load() {
			all++
		}
	}
	return all
}

// voices is how many a page can hear at once, each on a line of its own (assets/ts/phone-line.ts).
const voices = 4

// Offer is what browser n says of itself, as its page does: the voice that it sends, and four that it can hear. How
// it is found is said apart (Candidate).
func (l *Live) Offer(n int) string {
	leg := l.s.legs[len(l.calls)+n]
	b := newBrowser(leg, true)
	if old := leg.browser.Swap(b); old != nil {
		old.end(errors.New("swarm: another line takes its place"))
	}
	var head, media []string
	for line := range strings.Lines(b.describe("actpass")) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "a=candidate:"), line == "a=end-of-candidates":
		case strings.HasPrefix(line, "a=group:BUNDLE"):
			head = append(head, "a=group:BUNDLE 0 1 2 3")
		case len(media) > 0 || strings.HasPrefix(line, "m="):
			media = append(media, line)
		default:
			head = append(head, line)
		}
	}
	text := strings.Join(append(head, media...), "\r\n") + "\r\n"
	one := strings.Join(media, "\r\n") + "\r\n"
	for i := 1; i < voices; i++ {
		text += strings.NewReplacer("a=sendrecv", "a=recvonly", "a=mid:0", fmt.Sprintf("a=mid:%d", i)).Replace(one)
	}
	return text
}

// Candidate is where browser n can be reached.
func (l *Live) Candidate(n int) string {
	leg := l.s.legs[len(l.calls)+n]
	return fmt.Sprintf("candidate:1 1 UDP 2130706431 %s %d typ host", leg.address, l.s.board.port)
}

// Connect brings browser n to whoever answered its offer, and returns when it has shaken hands.
func (l *Live) Connect(ctx context.Context, n int, answer string) error {
	b := l.s.legs[len(l.calls)+n].browser.Load()
	if b == nil {
		return errors.New("swarm: a browser was answered that offered nothing")
	}
	if err := b.begin(answer); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	select {
	case <-b.ready:
		return nil
	case <-b.over:
		return fmt.Errorf("swarm: a browser's handshake failed: %w", b.err)
	case <-ctx.Done():
		return errors.New("swarm: a browser did not connect in time")
	}
}

// speak says everybody's packets until Close, those of all legs spread evenly over 20 ms.
func (l *Live) speak() {
	defer close(l.gone)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out := newOutgoing(l.s.board)
	count := int64(len(l.s.legs))
	begin := monotonic()
	due := func(k int64) int64 { return begin + k*int64(frame)/count }
	for k, tick := int64(0), begin; !l.closed.Load(); tick += int64(time.Millisecond) {
		waitUntil(tick)
		w, now := l.window.Load(), monotonic()
		for ; due(k) <= now; k++ {
			ordinal, n := uint32(k/count), int(k%count)
			if n == 0 {
				l.ordinal.Store(ordinal)
			}
			e := &l.ends[n]
			said := l.s.legs[n].say(out, ordinal)
			if w == nil || ordinal < w.first || ordinal >= w.last {
				continue
			}
			if said && e.partner.Load() >= 0 && !e.over.Load() {
				e.sent.Add(1)
				l.late.add(now - due(k))
			}
		}
		out.flush()
		if ordinal := uint32(k / count); w != nil && ordinal >= w.last && w.ended.CompareAndSwap(0, time.Now().UnixNano()) {
			go l.await(w)
		}
	}
}

// await closes a window once all that was said in it has come, or is lost.
func (l *Live) await(w *window) {
	const patience, every = 3 * time.Second, 50 * time.Millisecond
	defer close(w.over)
	var said int64
	for n := range l.ends {
		said += l.ends[n].sent.Load()
	}
	for waited := time.Duration(0); waited < patience; waited += every {
		time.Sleep(every)
		w.mu.Lock()
		came := w.sides[atCaller].received + w.sides[atBrowser].received
		w.mu.Unlock()
		if came == said {
			return
		}
	}
}

// Count counts what is said from so much later on, for as long, and returns when it was heard.
func (l *Live) Count(in, long time.Duration) (over <-chan struct{}) {
	w := &window{over: make(chan struct{}), seen: make([][]uint64, len(l.ends))}
	w.first = l.ordinal.Load() + max(2, uint32(in/frame))
	w.last = w.first + uint32(long/frame)
	for i := range w.seen {
		w.seen[i] = make([]uint64, (w.last-w.first+63)/64)
	}
	l.window.Store(w)
	return w.over
}

// heard notes a packet that came. What a caller hears of the helpline itself, a greeting or music, is nobody's.
func (l *Live) heard(at *leg, p []byte, now int64) {
	if binary.BigEndian.Uint32(p) != stamp {
		return
	}
	from, ordinal, said := int32(binary.BigEndian.Uint32(p[4:])), binary.BigEndian.Uint32(p[8:]), int64(binary.BigEndian.Uint64(p[12:]))
	if from < 0 || int(from) >= len(l.ends) {
		return
	}
	e, kind := &l.ends[at.number], atCaller
	if at.number >= len(l.calls) {
		kind = atBrowser
	}
	e.partner.CompareAndSwap(-1, from)
	own := e.partner.Load() == from
	before := int64(0)
	if own {
		before = e.lastAt.Swap(now)
	}
	w := l.window.Load()
	if w == nil || ordinal < w.first || ordinal >= w.last {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.sides[kind]
	if !own {
		s.foreign++
		return
	}
	word, bit := &w.seen[at.number][(ordinal-w.first)/64], uint64(1)<<((ordinal-w.first)%64)
	if *word&bit != 0 || e.over.Load() {
		return
	}
	*word |= bit
	s.received++
	s.delays.add(now - said)
	if before > 0 {
		s.gaps.add(now - before)
	}
}

// Seen is what became of the calls, once Count is over.
func (l *Live) Seen() Seen {
	w := l.window.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	var r Seen
	ended := w.ended.Load()
	alive := func(n int) bool { return ended-l.ends[n].lastAt.Load() < int64(time.Second) }
	for n := range l.calls {
		browser, ok := l.pair(n)
		if !ok {
			continue
		}
		if alive(n) && alive(browser) {
			r.StillUp++
		}
		for kind, at := range []int{n, browser} { // a silence that goes on is a gap too
			if silent := ended - l.ends[at].lastAt.Load(); silent > int64(LateAfter) {
				w.sides[kind].gaps.add(silent)
			}
		}
	}
	for n := range l.ends {
		if n < len(l.calls) {
			r.ToBrowsers.Sent += l.ends[n].sent.Load()
		} else {
			r.ToCaller.Sent += l.ends[n].sent.Load()
		}
	}
	for kind, to := range []*Sound{&r.ToCaller, &r.ToBrowsers} {
		s := &w.sides[kind]
		to.Lost, to.Foreign = to.Sent-s.received, s.foreign
		to.Gap, to.Added, to.Long = s.gaps.times(), s.delays.times(), s.gaps.above(LateAfter)
	}
	r.Lag = l.late.times()
	for _, leg := range l.s.legs[len(l.calls):] {
		if b := leg.browser.Load(); b != nil && b.isReady() {
			r.Suite = b.suite
			break
		}
	}
	return r
}

// isReady says that it has shaken hands.
func (b *browser) isReady() bool {
	select {
	case <-b.ready:
		return true
	default:
		return false
	}
}

// times are the percentiles of what was counted.
func (d *delays) times() Times {
	p50, p99, p999, longest := d.percentiles()
	return Times{p50, p99, p999, longest}
}
