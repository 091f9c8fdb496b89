package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/phone/swarm"
)

// Load is a process of its own: a crowd of visitors and counsellors in front of their pages, told what
// to do by one line of JSON and answering with lines of JSON. It reads "stop" when it has to end early.

// What a crowd does.
const (
	talking  = "talk"  // everybody talks, for a while, and the time is measured
	standing = "wait"  // visitors wait for somebody, with their streams open
	stubborn = "crash" // everybody talks, and resends, whatever happens to the server
	browsing = "read"  // pages of the site are asked for, so many a second
	coming   = "come"  // people come and give up, and supervisors watch
)

// order is what the load process is told.
type order struct {
	Do       string
	Address  string // host:port
	Visitors int
	Seats    []seat
	Interval time.Duration
	Measure  time.Duration // how long talking is measured
	Pool     int           // kept-alive connections for everything that is posted
	Ledger   string        // file that everything acknowledged is written to
	Contacts int           // at most so many contacts are opened, when the crowd is stubborn
	Seed     uint64
	From     uint32  `json:",omitempty"` // how many networks the visitors of another load process have
	Read     int     `json:",omitempty"` // pages a second, of readers
	Flow     *flow   `json:",omitempty"` // who comes and gives up, and who watches it
	Held     bool    `json:",omitempty"` // once everybody talks, "go" is waited for
	Phones   *phones `json:",omitempty"` // those who call and whom they call; nil for a crowd that only writes
}

// seat is a counsellor who is logged in.
type seat struct {
	Token string
}

// told is one line of what the load process says. Phase is always there; the rest comes with "over".
type told struct {
	Phase        string
	Acknowledged int64
	Report       *report        `json:",omitempty"`
	Readers      *readersReport `json:",omitempty"`
}

const (
	phaseTalking   = "talking"
	phaseMeasuring = "measuring"
	phaseMeasured  = "measured"
	phaseWaiting   = "waiting"
	phaseGoing     = "going"
	phaseOver      = "over"
)

// report is what the crowd saw.
type report struct {
	Sent, Acknowledged, Delivered int64
	// Refused were not taken by the server, Resent were sent again because no answer came or it was busy.
	Refused, Resent int64
	// Doubled were shown under two numbers; Mangled were shown without their words.
	Doubled, Mangled int64
	// Reconnected counts streams that broke and came back.
	Reconnected         int64
	ToDesk, ToVisitor   Latency
	Acknowledging       Latency // from scheduled to acknowledged
	Opened, RampMillis  int64
	RefusedWith, OpenAt string      // the last refusal, and where opening failed, for who looks for the cause
	Phone               *Phone      `json:",omitempty"`
	Flow                *flowReport `json:",omitempty"`
}

// crowd is everybody in front of a page.
type crowd struct {
	order order
	began time.Time
	say   func(told)
	fail  chan error

	pool    *pool
	letters letters
	talks   []atomic.Pointer[conversation]
	byID    sync.Map // the same by the contact's id
	opened  atomic.Uint32
	desks   []*desk
	ears    []*ear // counsellors whose desks take calls
	live    *swarm.Live
	ledger  *ledger

	streams   atomic.Int64 // visitors' streams that are open
	accepted  atomic.Int64
	acked     atomic.Int64
	resent    atomic.Int64
	refused   atomic.Int64
	mangled   atomic.Int64
	reconnect atomic.Int64
	parted    atomic.Int64 // lines that a call had, and has no more
	unheard   atomic.Int64 // what the softphones asked for and did not get
	measured  atomic.Pointer[window]
	refusal   atomic.Pointer[string]
	over      atomic.Bool
	overCh    chan struct{}
	heard     chan string // what the load process is told after its order
}

// window is the time whose letters count.
type window struct{ from, until time.Duration }

// Load runs the load process: the order comes on in, what happened goes to out.
func Load(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	var o order
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err != nil {
		return fmt.Errorf("the order: %w", err)
	}
	encode := json.NewEncoder(out)
	if o.Do == browsing {
		return readPages(ctx, o, encode)
	}
	var mu sync.Mutex
	c := newCrowd(o, func(t told) {
		mu.Lock()
		defer mu.Unlock()
		_ = encode.Encode(t)
	})
	if c.ledger, err = openLedger(o.Ledger); err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() { // until "stop", or the end of whoever started us
		defer close(stop)
		for {
			line, err := lines.ReadString('\n')
			if err != nil || line == "stop\n" {
				return
			}
			c.heard <- strings.TrimSpace(line)
		}
	}()
	var r report
	switch o.Do {
	case talking:
		r, err = c.talk(ctx, stop)
	case standing:
		r, err = c.wait(ctx, stop)
	case stubborn:
		r, err = c.insist(ctx, stop)
	case coming:
		r, err = c.come(ctx, stop)
	default:
		err = fmt.Errorf("no such order: %q", o.Do)
	}
	if err = errors.Join(err, c.ledger.close()); err != nil {
		return err
	}
	c.say(told{Phase: phaseOver, Acknowledged: c.acked.Load(), Report: &r})
	return nil
}

func newCrowd(o order, say func(told)) *crowd {
	contacts := max(o.Contacts, o.Visitors)
	c := &crowd{order: o, began: time.Now(), say: say, fail: make(chan error, 1), talks: make([]atomic.Pointer[conversation], contacts), overCh: make(chan struct{}), heard: make(chan string, 4)}
	// Each page has one message and one mark on its way at most, so posting never blocks a page.
	c.pool = newPool(o.Address, o.Pool, 4*contacts+16*(len(o.Seats)+o.Phones.seats())+64)
	return c
}

func (c *crowd) now() time.Duration { return time.Since(c.began) }

// end stops everybody.
func (c *crowd) end() {
	if c.over.CompareAndSwap(false, true) {
		close(c.overCh)
	}
	for _, d := range c.desks {
		d.stream.close()
	}
	for i := range c.talks {
		if t := c.talks[i].Load(); t != nil && t.stream != nil { // who was refused has none
			t.stream.close()
		}
	}
	if c.live != nil {
		c.live.Close()
	}
}

// failed notes the first thing that makes the measurement worthless.
func (c *crowd) failed(err error) {
	select {
	case c.fail <- err:
	default:
	}
}

// isTold waits for a word of whoever started us.
func (c *crowd) isTold(ctx context.Context, stop <-chan struct{}, word string) error {
	select {
	case said := <-c.heard:
		if said != word {
			return fmt.Errorf("%q is no word for now: %q is", said, word)
		}
		return nil
	case err := <-c.fail:
		return err
	case <-stop:
		return errors.New("stopped before its time")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until waits for a condition, and says what it was when it never comes.
func (c *crowd) until(ctx context.Context, within time.Duration, what func() string, done func() bool) error {
	deadline := time.Now().Add(within)
	for !done() {
		select {
		case err := <-c.fail:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s: %s", within, what())
		}
	}
	return nil
}

// openers is how many visitors come through the door at once.
const openers = 32

// openAll brings the visitors in, one conversation each.
func (c *crowd) openAll(ctx context.Context, n int) error {
	door := newDoor(c.order.Address, openers)
	defer door.close()
	var all sync.WaitGroup
	numbers := make(chan int)
	for range openers {
		all.Go(func() {
			for range numbers {
				if _, err := c.open(ctx, door); err != nil {
					c.failed(fmt.Errorf("opening a chat: %w", err))
				}
			}
		})
	}
	var err error
feed:
	for i := range n {
		select {
		case numbers <- i:
		case err = <-c.fail:
			break feed
		case <-ctx.Done():
			err = ctx.Err()
			break feed
		}
	}
	close(numbers)
	all.Wait()
	return err
}

// patience bounds how long a crowd takes to come in.
func (c *crowd) patience() time.Duration {
	return time.Minute + time.Duration(c.order.Visitors)*30*time.Millisecond
}

func (c *crowd) allOpen(ctx context.Context, n int) error {
	return c.until(ctx, c.patience(), func() string { return fmt.Sprintf("%d of %d streams are open", c.streams.Load(), n) },
		func() bool { return c.streams.Load() >= int64(n) })
}

// wait has the visitors wait, until it is stopped.
func (c *crowd) wait(ctx context.Context, stop <-chan struct{}) (report, error) {
	defer c.end()
	if err := c.openAll(ctx, c.order.Visitors); err != nil {
		return report{}, err
	}
	if err := c.allOpen(ctx, c.order.Visitors); err != nil {
		return report{}, err
	}
	ramp := c.now().Milliseconds()
	c.say(told{Phase: phaseWaiting})
	select {
	case <-stop:
	case <-ctx.Done():
	}
	return report{Opened: int64(c.opened.Load()), RampMillis: ramp, Reconnected: c.reconnect.Load()}, nil
}

// talk is the measurement: everybody comes in and is answered, then each visitor writes at her own
// moment of each interval, and each message is answered.
func (c *crowd) talk(ctx context.Context, stop <-chan struct{}) (report, error) {
	defer c.end()
	var calls *Phone
	if c.order.Phones != nil { // first: a counsellor who speaks with a caller is offered no chat
		var err error
		if calls, err = c.ring(ctx); err != nil {
			return report{}, err
		}
	}
	if err := c.sit(ctx); err != nil {
		return report{}, err
	}
	n := c.order.Visitors
	if err := c.openAll(ctx, n); err != nil {
		return report{}, err
	}
	if err := c.allOpen(ctx, n); err != nil {
		return report{}, err
	}
	if err := c.until(ctx, c.patience(), func() string { return fmt.Sprintf("%d of %d chats were accepted", c.accepted.Load(), n) },
		func() bool { return c.accepted.Load() >= int64(n) }); err != nil {
		return report{}, err
	}
	if c.order.Held {
		c.say(told{Phase: phaseTalking})
		if err := c.isTold(ctx, stop, "go"); err != nil {
			return report{}, err
		}
	}
	ramp := c.now().Milliseconds()

	start := c.now() + 100*time.Millisecond
	w := window{from: start + c.order.Interval} // the first round warms up
	w.until = w.from + c.order.Measure
	c.measured.Store(&w)
	var counted <-chan struct{}
	if calls != nil {
		counted = c.live.Count(w.from-c.now(), c.order.Measure)
		c.part(w.from - c.now() + c.order.Measure/2)
	}
	time.AfterFunc(w.from-c.now(), func() { c.say(told{Phase: phaseMeasuring, Acknowledged: c.acked.Load()}) })
	c.write(ctx, start, w.until)

	deadline := time.After(15 * time.Second)
	for !c.quiet() {
		select {
		case <-time.After(20 * time.Millisecond):
			continue
		case <-deadline:
		case <-stop:
		case <-ctx.Done():
			return report{}, ctx.Err()
		}
		break
	}
	if calls != nil {
		select {
		case <-counted:
		case <-ctx.Done():
			return report{}, ctx.Err()
		}
	}
	c.say(told{Phase: phaseMeasured, Acknowledged: c.acked.Load()})
	r := c.report(w)
	r.RampMillis = ramp
	if calls != nil {
		if err := c.goodbye(ctx, calls); err != nil {
			return report{}, err
		}
		r.Phone = calls
	}
	return r, c.book()
}

// write has each visitor write once in each interval, at a moment of hers, from start until the end.
func (c *crowd) write(ctx context.Context, start, end time.Duration) {
	random := rand.New(rand.NewPCG(c.order.Seed, c.order.Seed))
	type moment struct {
		at   time.Duration
		talk *conversation
	}
	round := make([]moment, c.order.Visitors)
	for i := range round {
		round[i] = moment{time.Duration(random.Int64N(int64(c.order.Interval))), c.talks[i].Load()}
	}
	slices.SortFunc(round, func(a, b moment) int { return int(a.at - b.at) })
	for base := start; ; base += c.order.Interval {
		for _, m := range round {
			due := base + m.at
			if due >= end || ctx.Err() != nil {
				return
			}
			if ahead := due - c.now(); ahead > 0 {
				time.Sleep(ahead)
			}
			m.talk.hers.write(due)
		}
	}
}

// quiet says that everything written has been acknowledged and has arrived.
func (c *crowd) quiet() bool {
	quiet := true
	c.letters.each(func(_ uint32, l *letter) {
		if !l.refused.Load() && (l.acked.Load() == 0 || l.received.Load() == 0) {
			quiet = false
		}
	})
	return quiet
}

// report counts the letters of the window: those that visitors wrote in it, and the answers to them.
func (c *crowd) report(w window) report {
	r := report{Opened: int64(c.opened.Load()), Refused: c.refused.Load(), Resent: c.resent.Load(), Mangled: c.mangled.Load(), Reconnected: c.reconnect.Load()}
	if text := c.refusal.Load(); text != nil {
		r.RefusedWith = *text
	}
	var toDesk, toVisitor, acks []time.Duration
	c.letters.each(func(_ uint32, l *letter) {
		scheduled := time.Duration(l.scheduled.Load())
		if scheduled < w.from || !l.byStaff && scheduled >= w.until {
			return
		}
		r.Sent++
		if at := l.acked.Load(); at > 0 {
			r.Acknowledged++
			acks = append(acks, time.Duration(at)-scheduled)
		}
		if at := l.received.Load(); at > 0 {
			r.Delivered++
			if l.byStaff {
				toVisitor = append(toVisitor, time.Duration(at)-scheduled)
			} else {
				toDesk = append(toDesk, time.Duration(at)-scheduled)
			}
		}
		if l.doubled.Load() {
			r.Doubled++
		}
	})
	r.ToDesk, r.ToVisitor, r.Acknowledging = latencyOf(toDesk), latencyOf(toVisitor), latencyOf(acks)
	return r
}

// book writes everything acknowledged into the ledger, for whoever compares it with the record.
func (c *crowd) book() error {
	var all []entry
	for i := range c.opened.Load() {
		if t := c.talks[i].Load(); t != nil {
			all = append(all, entry{contact: t.id})
		}
	}
	for _, e := range c.ears {
		if id := e.took(); id != "" {
			all = append(all, entry{contact: id})
		}
	}
	c.letters.each(func(_ uint32, l *letter) {
		if l.acked.Load() > 0 {
			all = append(all, entry{contact: c.talks[l.conversation].Load().id, letter: l.id, byStaff: l.byStaff, seq: l.seq.Load(), delivered: l.received.Load() > 0})
		}
	})
	return c.ledger.noteAll(all)
}

// insist talks until it is stopped, and then until everything written is acknowledged. Visitors go on to
// new contacts as long as there may be more.
func (c *crowd) insist(ctx context.Context, stop <-chan struct{}) (report, error) {
	defer c.end()
	if err := c.sit(ctx); err != nil {
		return report{}, err
	}
	door := newDoor(c.order.Address, openers)
	defer door.close()
	var visitors sync.WaitGroup
	stopped := make(chan struct{})
	for i := range c.order.Visitors {
		visitors.Go(func() { c.persist(ctx, door, uint64(i), stopped) })
	}
	c.say(told{Phase: phaseGoing})
	var err error
	select {
	case <-stop:
	case err = <-c.fail:
	case <-ctx.Done():
		err = ctx.Err()
	}
	close(stopped)
	visitors.Wait()
	if err != nil {
		return report{}, err
	}
	err = c.until(ctx, ackWithin, func() string { return "" }, func() bool { return c.unanswered() == 0 })
	if left := c.unanswered(); left > 0 && ctx.Err() == nil {
		c.refusesFor(left, fmt.Sprintf("not acknowledged %s after the last fault", ackWithin))
		err = nil
	}
	return c.report(window{until: 1 << 62}), err
}

// ackWithin is how long a stubborn crowd goes on sending what was not acknowledged, once it has stopped
// writing.
const ackWithin = time.Minute

// unanswered counts the messages that were neither acknowledged nor refused.
func (c *crowd) unanswered() int64 {
	left := int64(0)
	c.letters.each(func(_ uint32, l *letter) {
		if l.acked.Load() == 0 && !l.refused.Load() {
			left++
		}
	})
	return left
}

// lettersEach is how many messages a stubborn visitor writes before she begins a new contact.
const lettersEach = 10

// persist is one stubborn visitor.
func (c *crowd) persist(ctx context.Context, door *door, number uint64, stopped <-chan struct{}) {
	random := rand.New(rand.NewPCG(c.order.Seed, number))
	var t *conversation
	for {
		if t == nil || int(c.opened.Load()) < c.order.Contacts {
			next, err := c.open(ctx, door)
			switch {
			case errors.Is(err, errRefused):
				c.refusesFor(1, err.Error())
				return
			case err != nil && !errors.Is(err, errFull):
				c.failed(fmt.Errorf("opening a chat: %w", err))
				return
			}
			if next != nil {
				if t != nil {
					t.stream.close()
				}
				t = next
			}
			if t == nil {
				return
			}
		}
		for range lettersEach {
			t.hers.write(c.now())
			pause := time.Duration(random.Int64N(int64(2 * c.order.Interval)))
			select {
			case <-stopped:
				return
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}
