package media

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
)

// Line is a telephone line: RTP one way and the other, to a trunk or to a telephone. It is a Leg; what
// comes in by it is what its party says, and what it hears it sends.
//
// Everything that comes in is under one lock and everything that goes out under another, and whoever has
// the first may take the second, of this line or of another: so a packet goes through a room without
// waiting for anybody but the one who is writing to the same line.
type Line struct {
	id   string
	wire wire
	in   intake
	out  outlet

	reports   reports
	calls     calls
	onDigit   atomic.Pointer[func(byte)]
	refused   atomic.Uint64
	silence   watch
	closeOnce sync.Once
}

// wire is what carries the datagrams of a line: a pair of ports of its own, or its part of a shared port.
type wire interface {
	send(b []byte, to netip.AddrPort)
	report(b []byte, to netip.AddrPort) // RTCP on a port of its own
	local() netip.AddrPort
	close() error
}

// Options are how a line is opened.
type Options struct {
	// ID tells the leg apart in its room.
	ID string
	// Address is the one of our own that it listens at; the zero value is 127.0.0.1.
	Address netip.Addr
	// Ports is the range its pair of ports is taken from; nil takes any that is free. With Shared the line has
	// no ports of its own.
	Ports  *Ports
	Shared *Shared
}

// Open opens a line, which hears and says nothing until Configure tells it of the other end; what comes
// before is drained. Unavailable when no port is free.
func Open(o Options) (*Line, error) {
	l := &Line{id: o.ID}
	l.in.line, l.out.line = l, l
	l.out.begin()
	l.silence.line = l
	if o.Shared != nil {
		l.wire = o.Shared.join(l)
		return l, nil
	}
	if !o.Address.IsValid() {
		o.Address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	pair, err := o.Ports.open(o.Address, l)
	if err != nil {
		return nil, err
	}
	l.wire = pair
	return l, nil
}

// ID is the leg's id.
func (l *Line) ID() string { return l.id }

// Local is where the other end is to send its RTP; RTCP is one port higher.
func (l *Line) Local() netip.AddrPort { return l.wire.local() }

// SSRC is the number of our own stream (RFC 3550 §8), which never changes.
func (l *Line) SSRC() uint32 { return l.out.ssrc }

// Configure says what signalling agreed on, at the beginning of the call and again with every re-INVITE. The
// stream goes on without a glitch; another address of the other end forgets where it was found, and the same
// keys keep counting. Invalid for terms no line can keep, Gone when the line is closed, and on a shared
// port Conflict for an other end that could not be told from another call's.
func (l *Line) Configure(r Remote) error {
	if err := r.check(); err != nil {
		return err
	}
	t := newTerms(r)
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if l.out.closed {
		return fault.New(fault.Gone, "fault.media.over")
	}
	opens, seals := l.in.opens, l.out.seals
	was := l.in.terms
	if was == nil || !was.Receives.equal(t.Receives) {
		opens = nil
		if t.Receives != nil {
			c, err := t.Receives.context()
			if err != nil {
				return err
			}
			opens = c
		}
	}
	if was == nil || !was.Sends.equal(t.Sends) {
		seals = nil
		if t.Sends != nil {
			c, err := t.Sends.context()
			if err != nil {
				return err
			}
			seals = c
		}
	}
	if s, ok := l.wire.(*seat); ok {
		if err := s.expect(t); err != nil {
			return err
		}
	}
	l.in.opens, l.out.seals = opens, seals
	if was == nil || was.RTP != t.RTP || was.SSRC != t.SSRC || !slices.Equal(was.Latch, t.Latch) {
		l.in.source = newSource(t.RTP, t.Latch, t.SSRC)
		l.out.to = t.RTP
	}
	l.in.terms, l.out.terms = t, t
	l.reports.begin(l)
	return nil
}

// OnDigit is called with each key the other end presses (0-9 * # A-D), once a press, in their order, from a
// goroutine of its own that may take its time.
func (l *Line) OnDigit(f func(byte)) { l.onDigit.Store(&f) }

// HearTones tells keys that come as tones in the sound too, for ends that send no telephone-event. From the
// first event on, tones are no keys any more: an end that sends both means one.
func (l *Line) HearTones(on bool) {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	l.in.tones = nil
	if on {
		l.in.tones = &audio.Detector{}
	}
}

// Level brings what the line's party says to the loudness at which everybody is heard well (audio.Leveller),
// before the room hears it. Without it sound is passed on untouched.
func (l *Line) Level(on bool) {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	l.in.level = nil
	if on {
		l.in.level = &audio.Leveller{}
	}
}

func (l *Line) digit(d byte) {
	if f := l.onDigit.Load(); f != nil && *f != nil {
		l.calls.later(func() { (*f)(d) })
	}
}

// OnSilent is called when nothing valid came in for that long, neither sound nor a report, once a silence; zero or nil ends it. It counts
// from now on.
func (l *Line) OnSilent(after time.Duration, f func()) { l.silence.set(after, f) }

// Speaks gives the line the ear of its room.
func (l *Line) Speaks(out func(*Packet)) {
	l.in.mu.Lock()
	l.in.say = out
	l.in.mu.Unlock()
}

// Hears says whom the line hears: one is passed through, two and more are mixed.
func (l *Line) Hears(speakers []string) { l.out.hears(speakers) }

// Hear sends what a speaker says.
func (l *Line) Hear(speaker string, p *Packet) { l.out.hear(speaker, p) }

// Close ends the line and frees its ports.
func (l *Line) Close() error {
	var err error
	l.closeOnce.Do(func() {
		l.silence.set(0, nil)
		l.reports.end(l)
		l.in.mu.Lock()
		l.in.say, l.in.closed = nil, true
		l.in.mu.Unlock()
		l.out.close()
		err = l.wire.close()
	})
	return err
}

// calls runs what a line has to tell others, one after the other, in a goroutine that is there only while
// there is something to tell. So nobody who takes her time holds up the sound.
type calls struct {
	mu      sync.Mutex
	waiting []func()
	running bool
}

// most is how many calls may wait: a flood of keys beyond is dropped.
const most = 64

func (c *calls) later(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) >= most {
		return
	}
	c.waiting = append(c.waiting, f)
	if !c.running {
		c.running = true
		go c.run()
	}
}

func (c *calls) run() {
	for {
		c.mu.Lock()
		if len(c.waiting) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		f := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.mu.Unlock()
		f()
	}
}

// watch notices when a line falls silent.
type watch struct {
	line  *Line
	heard atomic.Int64 // Unix nanoseconds of the last packet, or of the beginning
	mu    sync.Mutex
	after time.Duration
	told  bool
	f     func()
	timer *time.Timer
}

func (w *watch) set(after time.Duration, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.after, w.f, w.told = after, f, false
	if after <= 0 || f == nil {
		return
	}
	w.heard.Store(time.Now().UnixNano())
	w.timer = time.AfterFunc(after, w.look)
}

// look runs whenever the silence could be over its time, and so at most once in that time.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		return
	}
	left := w.after - time.Since(time.Unix(0, w.heard.Load()))
	if left > 0 {
		w.told = false
		w.timer.Reset(left)
		return
	}
	if !w.told {
		w.told = true
		w.line.calls.later(w.f)
	}
	w.timer.Reset(w.after)
}
