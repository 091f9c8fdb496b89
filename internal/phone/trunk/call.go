package trunk

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"

	"vigie/internal/phone/sdp"
)

// What a call may answer to those who use it.
var (
	// ErrOver is a call that has ended, or a step that its state does not allow any more.
	ErrOver = errors.New("trunk: the call does not allow this any more")
	// ErrNotAcknowledged is a call that was answered and whose caller never said that it heard so.
	ErrNotAcknowledged = errors.New("trunk: the answer was never acknowledged")
	// ErrForbidden is a number outside the trunk's dial plan.
	ErrForbidden = errors.New("trunk: not in the dial plan")
)

// Call is one call: a dialog and a line. All methods may be called from any goroutine. What comes from the other
// side is handled one after the other; the functions given to OnHold, OnRefer and OnDigit are called from there
// and may use the call, but should not take long.
type Call struct {
	s        *Server
	line     *line
	id       string
	caller   Caller
	called   string
	outbound bool
	media    MediaLine

	inbox   chan func()
	done    chan struct{}
	offers  chan struct{} // whoever holds its one token may offer
	reports chan int      // what NOTIFYs say of a transfer that we asked for
	pace    *bucket       // of its requests

	mu           sync.Mutex
	state        State
	dialog       dialog
	keys         []string // under which the server finds it
	end          End
	invite       *serverTx     // of a call that came in
	offer        *sdp.Session  // what the other side offered and we did not answer yet
	author       *sdp.Author   // numbers our descriptions
	secrets      []sdp.Crypto  // our keys
	agreed       *sdp.Agreed   // nil before anything was
	described    []byte        // our answer to the INVITE, once it was made
	pending      *sdp.Local    // what an offer of ours was made of that has no answer yet
	want         sdp.Direction // SendOnly while we hold
	held         bool          // by them
	confirming   *confirmation
	provisional  *provisional
	rseq         uint32
	reliably     bool // they understand 100rel
	reliablyMust bool // they insist on it
	offering     bool // an offer of ours in a re-INVITE or UPDATE is not answered
	updates      bool // they take UPDATE
	session      session
	transfer     *Refer
	saying       *time.Timer // repeats what was said while it rings

	onHold  func(bool)
	onRefer func(*Refer) Verdict
	onDigit func(Digit)
}

// callRate is how many requests a second a call may bring: more than a hand on a keypad, and few enough that what is
// kept of each for half a minute stays small.
const callRate = 50

// newCall makes a call with its line; the server's and the trunk's numbers are counted up.
func (s *Server) newCall(l *line) (*Call, error) {
	media, err := s.options.Media(l.Trunk)
	if err != nil {
		return nil, err
	}
	c := &Call{
		s: s, line: l, id: uuid.Must(uuid.NewV7()).String(), media: media, author: sdp.NewAuthor(),
		inbox: make(chan func(), 32), done: make(chan struct{}), offers: make(chan struct{}, 1), reports: make(chan int, 8),
		pace: newBucket(callRate),
	}
	c.offers <- struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		media.Close()
		return nil, ErrOver
	}
	s.active.Add(1)
	l.active.Add(1)
	s.counts.calls.Add(1)
	s.work.Go(c.run)
	return c, nil
}

// run does what comes in, one after the other, until the call is over.
func (c *Call) run() {
	for {
		select {
		case work := <-c.inbox:
			c.guarded("call", work)
		case <-c.done:
			// What came together with the end still gets its answer.
			for {
				select {
				case work := <-c.inbox:
					c.guarded("call", work)
				default:
					return
				}
			}
		}
	}
}

// guarded runs one piece of work; a panic in it ends this call and nothing else.
func (c *Call) guarded(where string, work func()) {
	defer func() {
		if r := recover(); r != nil {
			c.s.panicked(where, r)
			go c.s.guarded(where, func() { c.fail(500, End{By: Us, Status: 500, Reason: "panic"}) })
		}
	}()
	work()
}

// enqueue hands over work; false when there is more than a call can have.
func (c *Call) enqueue(work func()) bool {
	select {
	case c.inbox <- work:
		return true
	default:
		return false
	}
}

// ID is our own name for the call, which is not the Call-ID: the other side knows that one.
func (c *Call) ID() string { return c.id }

// Trunk is the name of its trunk.
func (c *Call) Trunk() string { return c.line.Name }

// Caller is who calls; of a call that we made it is empty.
func (c *Call) Caller() Caller { return c.caller }

// Called is the number that was called.
func (c *Call) Called() string { return c.called }

// Outbound says that we made the call.
func (c *Call) Outbound() bool { return c.outbound }

// Line is where its sound goes.
func (c *Call) Line() MediaLine { return c.media }

// State is where the call is.
func (c *Call) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Held says that the other side put us on hold.
func (c *Call) Held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// Done is closed when the call is over.
func (c *Call) Done() <-chan struct{} { return c.done }

// End is how it ended; zero before Done.
func (c *Call) End() End {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// OnHold says what to do when the other side puts us on hold (true) or takes us back.
func (c *Call) OnHold(f func(held bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onHold = f
}

// OnRefer says who decides about a transfer that the other side asks for. A number without a name in the dial plan never
// gets that far. Without it every transfer is declined.
func (c *Call) OnRefer(f func(*Refer) Verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onRefer = f
}

// OnDigit says what to do with a key that was pressed and sent as SIP INFO.
func (c *Call) OnDigit(f func(Digit)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onDigit = f
}

func (c *Call) localTag() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialog.localTag
}

// source is the address of the other side's last message.
func (c *Call) source() netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialog.flow.remote.Addr()
}

// move changes the state, and says whether it could.
func (c *Call) move(to State) bool {
	if !c.state.may(to) {
		return false
	}
	c.state = to
	return true
}

// register lets requests of the dialog find the call.
func (c *Call) register() {
	key := dialogKey(c.dialog.callID, c.dialog.localTag, c.dialog.remoteTag)
	if len(c.keys) >= 16 {
		return
	}
	c.keys = append(c.keys, key)
	c.s.mu.Lock()
	c.s.calls[key] = c
	c.s.mu.Unlock()
}

// finish ends the call for good. Only the first end counts.
func (c *Call) finish(end End) {
	c.mu.Lock()
	if c.state == Over {
		c.mu.Unlock()
		return
	}
	c.state, c.end = Over, end
	c.session.stop()
	if c.provisional != nil {
		c.provisional.stop()
	}
	if c.saying != nil {
		c.saying.Stop()
	}
	if c.confirming != nil {
		c.confirming.stop()
	}
	keys, transfer := c.keys, c.transfer
	c.mu.Unlock()

	c.s.mu.Lock()
	for _, key := range keys {
		if c.s.calls[key] == c {
			delete(c.s.calls, key)
		}
	}
	c.s.mu.Unlock()
	if transfer != nil {
		transfer.forget()
	}
	c.s.guarded("media", func() { c.media.Close() })
	c.s.active.Add(-1)
	c.line.active.Add(-1)
	close(c.done)
	c.s.log.Info("sip: a call is over", "call", c.id, "trunk", c.line.Name, "by", end.By.String(), "status", end.Status, "reason", end.Reason)
}

// fail ends a call whatever its state: an open INVITE is refused with the status, a call that is up gets a BYE.
func (c *Call) fail(status int, end End) {
	c.mu.Lock()
	state, invite := c.state, c.invite
	c.mu.Unlock()
	switch state {
	case Over, Ending:
		c.finish(end)
	case Trying, Ringing:
		if invite != nil {
			invite.refuse(status)
		}
		c.finish(end)
	default:
		ctx, cancel := context.WithTimeout(context.Background(), c.s.timers.long())
		defer cancel()
		c.bye(ctx, end)
	}
}

// Hangup ends the call: a BYE, or 480 to a call that was not answered. reason is one word of ours, for End. It
// returns when the other side has confirmed it, or with the context; the call is over in either case.
func (c *Call) Hangup(ctx context.Context, reason string) error {
	end := End{By: Us, Reason: reason}
	c.mu.Lock()
	state, invite, confirming := c.state, c.invite, c.confirming
	c.mu.Unlock()
	switch state {
	case Over:
		return nil
	case Ending:
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
			c.finish(end)
			return ctx.Err()
		}
	case Trying, Ringing:
		end.Status = 480
		if invite == nil || invite.refuse(480) != errAnswered {
			c.finish(end)
			return nil
		}
		end.Status = 0 // it was answered at the same moment
	case Answering:
		// Not before the ACK (RFC 3261 §15): the other side may not know yet that there is a call.
		if confirming != nil {
			select {
			case <-confirming.acked:
			case <-c.done:
				return nil
			case <-ctx.Done():
			}
		}
	}
	return c.bye(ctx, end)
}

// bye sends a BYE and ends the call.
func (c *Call) bye(ctx context.Context, end End) error {
	c.mu.Lock()
	if !c.move(Ending) {
		c.mu.Unlock()
		return nil
	}
	m := c.dialog.request("BYE")
	c.mu.Unlock()
	defer c.finish(end)
	_, err := c.exchange(ctx, m)
	return err
}

// exchange sends a request of the dialog that is not an INVITE, and waits for the final answer to it; a challenge
// is answered once.
func (c *Call) exchange(ctx context.Context, m *message) (*message, error) {
	for tries := 1; ; tries++ {
		c.s.sign(m)
		tx, err := c.s.send(m.copy(), c.way(ctx))
		if err != nil {
			return nil, err
		}
		response, err := tx.final(ctx)
		if err != nil {
			return nil, err
		}
		if response.status != 401 && response.status != 407 || tries == maxTries || !c.line.authorize(m, response) {
			return response, nil
		}
		c.mu.Lock()
		c.dialog.localSeq++
		m.set("CSeq", seqText(c.dialog.localSeq, m.method))
		c.mu.Unlock()
	}
}

func (c *Call) way(ctx context.Context) flow {
	c.mu.Lock()
	d := c.dialog
	c.mu.Unlock()
	return c.s.way(ctx, &d)
}

// handle does what a request of the dialog asks. It runs in the call's own order.
func (c *Call) handle(r *request, tx *serverTx) {
	c.mu.Lock()
	// RFC 3261 §12.2.2: an older request than the last one is out of order.
	if c.dialog.remoteSeq != 0 && r.seq < c.dialog.remoteSeq {
		c.mu.Unlock()
		tx.refuse(500)
		return
	}
	c.dialog.remoteSeq = r.seq
	c.dialog.flow = r.flow
	over := c.state == Over
	c.mu.Unlock()
	if over && r.method != "BYE" {
		tx.refuse(481)
		return
	}
	switch r.method {
	case "BYE":
		c.hungUp(tx)
	case "INVITE":
		c.reinvited(r, tx)
	case "UPDATE":
		c.updated(r, tx)
	case "PRACK":
		c.pracked(r, tx)
	case "INFO":
		c.informed(r, tx)
	case "REFER":
		c.referred(r, tx)
	case "NOTIFY":
		c.notified(r, tx)
	case "OPTIONS":
		m := r.respond(200, tx.tag)
		m.add("Supported", "100rel, timer")
		tx.answer(m)
	default:
		tx.refuse(405)
	}
}

// hungUp is a BYE of the other side.
func (c *Call) hungUp(tx *serverTx) {
	tx.refuse(200)
	c.mu.Lock()
	invite := c.invite
	c.mu.Unlock()
	if invite != nil && invite.open() {
		invite.refuse(487) // RFC 3261 §15.1.2
	}
	c.finish(End{By: Them, Reason: "bye"})
}

// setHeld takes note of whether the other side holds us, and tells whoever wants to know.
func (c *Call) setHeld(held bool) {
	c.mu.Lock()
	changed := c.held != held
	c.held = held
	tell := c.onHold
	c.mu.Unlock()
	if changed && tell != nil {
		c.guarded("hold", func() { tell(held) })
	}
}

// after runs work when the time has come, unless the call is over.
func (c *Call) after(d time.Duration, work func()) *time.Timer {
	return time.AfterFunc(d, func() {
		select {
		case <-c.done:
		default:
			c.guarded("timer", work)
		}
	})
}
