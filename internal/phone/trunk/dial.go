package trunk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Dial is a call to make.
type Dial struct {
	// Trunk is the name of the trunk, To the number as the trunk wants it. It must be in the trunk's plan.
	Trunk, To string
	// Anonymous keeps our number from whoever is called (RFC 3323): also for a trunk that has a CallerID.
	Anonymous bool
	// Ringing is called when it rings there, and when something is heard already (early: the line is configured
	// then). It must not wait.
	Ringing func(c *Call, early bool)
	// Patience is how long it may ring, three minutes when zero.
	Patience time.Duration
	// Silence is how long the trunk may answer nothing at all, not even 100 Trying, before it is given up: timer B
	// (RFC 3261 §17.1.1.2) when zero.
	Silence time.Duration
	// Urgent is a call on behalf of one that goes on: a draining server makes it too, and a trunk that asked to be left
	// alone is asked all the same.
	Urgent bool
}

// maxRedirects is how many other addresses are tried after 3xx answers, maxTries how many INVITEs are sent in all
// for one call: a trunk that always wants something else is not followed for ever.
const (
	maxRedirects = 3
	maxTries     = 8
)

// Dial makes a call, and returns it once it is answered: it is up then. Ending the context before cancels it.
// Errors: ErrForbidden for a number outside the plan; ErrSilent for a trunk that answers nothing, within Silence; *Failure with the status of a refusal (486 busy, 603 declined, 408 rang too long, 503 trunk
// overloaded, with the seconds to wait); the context's; a sentence where the trunk cannot be reached at all.
func (s *Server) Dial(ctx context.Context, d Dial) (*Call, error) {
	l := s.line(d.Trunk)
	switch {
	case l == nil:
		return nil, fmt.Errorf("trunk: there is no trunk %q", d.Trunk)
	case !l.hasProxy:
		return nil, fmt.Errorf("trunk %s: it has no proxy to call by", l.Name)
	case !l.Plan.Allows(d.To) || !isUser(d.To):
		s.count(TollFraud)
		s.log.Warn("sip: a call outside the dial plan was not made", "trunk", l.Name)
		return nil, ErrForbidden
	case s.draining.Load() && !d.Urgent:
		return nil, &Failure{Status: 503}
	case s.full(l, 0):
		s.count(Full)
		return nil, &Failure{Status: 503}
	}
	l.mu.Lock()
	wait := l.retryAfter.Sub(s.now())
	l.mu.Unlock()
	if wait > 0 && !d.Urgent {
		// It asked to be left alone.
		return nil, &Failure{Status: 503, RetryAfter: int(wait/time.Second) + 1}
	}
	c, err := s.newCall(l)
	if err != nil {
		s.count(Unmedia)
		return nil, err
	}
	c.outbound, c.called = true, d.To
	if err := c.dial(ctx, d); err != nil {
		end := End{By: Network, Reason: "failed"}
		var failure *Failure
		switch {
		case errors.As(err, &failure):
			end = End{By: Them, Status: failure.Status, Reason: "refused"}
		case errors.Is(err, ErrSilent):
			s.count(Silent)
			l.setHealth(s, false)
			end.Reason = "silent"
		case ctx.Err() != nil:
			end = End{By: Us, Status: 487, Reason: "cancelled"}
		}
		c.finish(end)
		return nil, err
	}
	return c, nil
}

// MayDial says whether a trunk may call this number, and whether it looks able to now: it answered when it was asked
// last, and did not ask to be left alone. Nothing is counted.
func (s *Server) MayDial(trunk, number string) (may, able bool) {
	l := s.line(trunk)
	if l == nil || !l.hasProxy || !l.Plan.Allows(number) || !isUser(number) {
		return false, false
	}
	l.mu.Lock()
	held := l.retryAfter.After(s.now())
	l.mu.Unlock()
	return true, !held && s.Healthy(trunk)
}

// MayCallBack says whether a trunk may call the number of somebody who called us, or who says that it is hers: it is in
// the plan by its prefix, and none of those that may be called by name. Nothing is counted.
func (s *Server) MayCallBack(trunk, number string) bool {
	l := s.line(trunk)
	return l != nil && l.hasProxy && l.Plan.person(number) && isUser(number)
}

// dial sends the INVITE, and again with credentials, with a longer session or to another address where the answer
// asks for it.
func (c *Call) dial(ctx context.Context, d Dial) error {
	patience := orTime(d.Patience, 3*time.Minute)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := c.s.reach(ctx, c.line)
	if err != nil {
		return err
	}
	m := c.firstInvite(d, f)
	redirects := 0
	for tries := 1; ; tries++ {
		response, tx, err := c.ring(ctx, m, f, d)
		if err != nil {
			return err
		}
		if response.status < 300 {
			return c.taken(tx, response)
		}
		again := false
		c.mu.Lock()
		switch response.status {
		case 401, 407:
			again = c.line.authorize(m, response)
		case 422:
			if least, _, ok := parseInterval(response.get("Min-SE")); ok && least > c.session.interval {
				c.session.interval, again = least, true
				m.set("Session-Expires", strconv.Itoa(int(least/time.Second)))
				m.set("Min-SE", strconv.Itoa(int(least/time.Second)))
			}
		case 300, 301, 302, 305:
			if redirects++; redirects <= maxRedirects {
				again = c.redirected(m, response)
			}
		case 503:
			if after := failureOf(response).RetryAfter; after > 0 {
				c.line.mu.Lock()
				c.line.retryAfter = c.s.now().Add(time.Duration(min(after, 3600)) * time.Second)
				c.line.mu.Unlock()
			}
		}
		if again {
			c.dialog.localSeq++
			m.set("CSeq", seqText(c.dialog.localSeq, "INVITE"))
			c.dialog.remoteTag = ""
		}
		c.mu.Unlock()
		if !again || tries == maxTries {
			return failureOf(response)
		}
	}
}

// firstInvite is the INVITE of a call.
func (c *Call) firstInvite(d Dial, f flow) *message {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, l := c.s, c.line
	domain := hop{network: "UDP", host: l.proxy.host}
	from := "<" + domain.uri(uriUser(l.CallerID)) + ">"
	hidden := d.Anonymous || l.CallerID == ""
	if hidden {
		from = `"Anonymous" <sip:anonymous@anonymous.invalid>`
	}
	c.session.interval = l.SessionExpires
	c.dialog = dialog{
		callID: random(), local: from, localTag: random(), remote: "<" + domain.uri(uriUser(d.To)) + ">",
		target: l.proxy.uri(uriUser(d.To)), flow: f,
	}
	m := c.dialog.request("INVITE")
	m.add("Contact", s.contactOf(f, ""))
	if hidden {
		m.add("Privacy", "id")
	}
	if l.CallerID != "" {
		// The network is told who calls, whatever it shows (RFC 3325 §9.1).
		m.add("P-Asserted-Identity", "<"+domain.uri(uriUser(l.CallerID))+">")
	}
	c.session.ask(m, false)
	s.sign(m)
	m.describe("application/sdp", c.offerOurs())
	return m
}

// ring sends one INVITE and waits for its final answer. When the context ends it is cancelled, and if the answer
// crosses that, it is acknowledged and hung up.
func (c *Call) ring(ctx context.Context, m *message, f flow, d Dial) (*message, *clientTx, error) {
	tx, err := c.s.send(m.copy(), f)
	if err != nil {
		return nil, nil, err
	}
	prack := pracks{}
	heard, cancelled := false, false
	giveUp, mute := (<-chan time.Time)(nil), (<-chan time.Time)(nil)
	if d.Silence > 0 {
		mute = time.After(d.Silence)
	}
	stop := ctx.Done()
	for {
		select {
		case e := <-tx.events:
			switch {
			case e.err != nil:
				return nil, nil, e.err
			case e.response.status < 200:
				if !heard && cancelled {
					tx.cancel() // it may only follow a provisional answer (RFC 3261 §9.1)
				}
				heard = true
				if !cancelled {
					c.provisionalIn(ctx, tx, e.response, &prack, d)
				}
			case e.response.status < 300 && cancelled:
				c.refuseFork(tx, e.response)
				return nil, nil, ctxErr(ctx)
			case cancelled:
				return nil, nil, ctxErr(ctx)
			default:
				return e.response, tx, nil
			}
		case <-tx.done:
			select {
			case e := <-tx.events:
				if e.err == nil && e.response.status >= 200 && !cancelled {
					return e.response, tx, nil
				}
			default:
			}
			if cancelled {
				return nil, nil, ctxErr(ctx)
			}
			return nil, nil, ErrSilent
		case <-giveUp:
			tx.end()
			return nil, nil, ctxErr(ctx)
		case <-mute:
			mute = nil
			if !heard && !cancelled { // should it answer yet, it is told that nobody waits
				go c.s.guarded("cancel", func() { c.s.drainCancelled(c, tx, heard) })
				return nil, nil, ErrSilent
			}
		case <-stop:
			stop, cancelled = nil, true
			// RFC 3261 §9.1: if no final answer comes for this long, there is none.
			giveUp = time.After(c.s.timers.long())
			if heard {
				tx.cancel()
			}
			if errors.Is(ctx.Err(), context.Canceled) {
				// Whoever cancelled does not wait for the other side's confirmation.
				go c.s.guarded("cancel", func() { c.s.drainCancelled(c, tx, heard) })
				return nil, nil, ctx.Err()
			}
		}
	}
}

// drainCancelled waits for the end of a call that was cancelled: an answer that crossed the CANCEL is acknowledged
// and hung up.
func (s *Server) drainCancelled(c *Call, tx *clientTx, heard bool) {
	giveUp := time.After(s.timers.long())
	for {
		select {
		case e := <-tx.events:
			switch {
			case e.err != nil:
				return
			case e.response.status < 200:
				if !heard {
					heard = true
					tx.cancel()
				}
			case e.response.status < 300:
				c.refuseFork(tx, e.response)
				return
			default:
				return
			}
		case <-tx.done:
			return
		case <-giveUp:
			tx.end()
			return
		}
	}
}

// ctxErr is why a call was given up: rung too long is 408.
func ctxErr(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Failure{Status: 408}
	}
	return ctx.Err()
}

// pracks remembers which provisional answers were acknowledged.
type pracks map[string]uint32

// provisionalIn is a 1xx: it rings, or is heard, or wants to be acknowledged.
func (c *Call) provisionalIn(ctx context.Context, tx *clientTx, m *message, seen *pracks, d Dial) {
	to, err := parseAddress(m.get("To"))
	if err != nil || m.status == 100 {
		return
	}
	tag := to.tag()
	c.mu.Lock()
	if target := contactIn(m); target != "" && tag != "" && len(c.keys) < 8 {
		c.dialog.remoteTag, c.dialog.target, c.dialog.routes = tag, target, routesOf(m, true)
		c.register()
	}
	first := c.state == Trying
	if first {
		c.move(Ringing)
	}
	early := c.dialog
	c.mu.Unlock()
	if m.has("Require", "100rel") && tag != "" {
		n, err := strconv.ParseUint(m.get("RSeq"), 10, 32)
		last, again := (*seen)[tag]
		// RFC 3262 §4: in order, each once.
		if err != nil || again && uint32(n) != last+1 || len(*seen) >= 8 {
			return
		}
		(*seen)[tag] = uint32(n)
		c.prack(ctx, tx, uint32(n), early)
	}
	heard := false
	if body, ok := descriptionIn(m); ok && len(body) > 0 {
		c.mu.Lock()
		pending := c.pending
		c.mu.Unlock()
		// The answer may be said in a 183 and again in the 200: the offer stays open until then.
		if pending != nil && c.accepted(body) == nil {
			c.mu.Lock()
			c.pending = pending
			c.mu.Unlock()
			heard = true
		}
	}
	if (first || heard) && d.Ringing != nil {
		d.Ringing(c, heard)
	}
}

// prack acknowledges a reliable provisional answer.
func (c *Call) prack(ctx context.Context, tx *clientTx, rseq uint32, early dialog) {
	c.mu.Lock()
	early.localSeq = c.dialog.localSeq
	m := early.request("PRACK")
	c.dialog.localSeq = early.localSeq
	c.mu.Unlock()
	seq, _, _ := parseSeq(tx.request.get("CSeq"))
	m.add("RAck", strconv.FormatUint(uint64(rseq), 10)+" "+seqText(seq, "INVITE"))
	c.s.sign(m)
	go c.guarded("prack", func() {
		if sent, err := c.s.send(m, c.s.way(ctx, &early)); err == nil {
			wait, cancel := context.WithTimeout(context.Background(), c.s.timers.long())
			defer cancel()
			sent.final(wait)
		}
	})
}

// taken is the 2xx to our INVITE: the first one makes the call, those of other forks are hung up.
func (c *Call) taken(tx *clientTx, m *message) error {
	to, err := parseAddress(m.get("To"))
	target := contactIn(m)
	if err != nil || target == "" {
		c.refuseFork(tx, m)
		return &Failure{Status: 502}
	}
	c.mu.Lock()
	c.dialog.remoteTag, c.dialog.target, c.dialog.routes = to.tag(), target, routesOf(m, true)
	c.register()
	c.updates = m.has("Allow", "UPDATE")
	c.session.answered(m)
	c.move(Up)
	c.mu.Unlock()
	c.acknowledge(tx, m)
	c.line.setHealth(c.s, true)
	go c.guarded("forks", func() {
		for {
			select {
			case e := <-tx.events:
				if e.err == nil && e.response.status >= 200 && e.response.status < 300 {
					c.refuseFork(tx, e.response)
				}
			case <-tx.done:
				return
			}
		}
	})
	body, _ := descriptionIn(m)
	if len(body) == 0 && c.heardEarly() {
		c.mu.Lock()
		c.pending = nil
		c.mu.Unlock()
		body = nil
	} else if err := c.accepted(body); err != nil {
		// Acknowledged, and hung up at once (RFC 3261 §13.2.2.4).
		c.s.count(Codec)
		c.mu.Lock()
		bye := c.dialog.request("BYE")
		c.mu.Unlock()
		c.s.sign(bye)
		c.s.send(bye, c.way(context.Background()))
		return err
	}
	c.session.start(c)
	c.s.log.Info("sip: a call was answered", "call", c.id, "trunk", c.line.Name)
	return nil
}

// heardEarly says that our offer was answered in a provisional response already.
func (c *Call) heardEarly() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agreed != nil
}

// refuseFork acknowledges an answer that is not wanted any more, and hangs it up.
func (c *Call) refuseFork(tx *clientTx, m *message) {
	to, err := parseAddress(m.get("To"))
	target := contactIn(m)
	if err != nil || target == "" {
		return
	}
	c.mu.Lock()
	d := c.dialog
	d.remoteTag, d.target, d.routes = to.tag(), target, routesOf(m, true)
	c.mu.Unlock()
	seq, _, _ := parseSeq(tx.request.get("CSeq"))
	d.localSeq = seq
	f := c.s.way(context.Background(), &d)
	c.s.acknowledge(tx, m, d.request("ACK"), f)
	bye := d.request("BYE")
	c.s.sign(bye)
	c.s.send(bye, f)
}

// redirected follows a 3xx, if it stays with the trunk's proxy and within the plan: a network may send a call to
// another number, never to another place or to a number that we would not have called.
func (c *Call) redirected(m, response *message) bool {
	for _, value := range response.list("Contact") {
		a, err := parseAddress(value)
		if err != nil || a.uri.Scheme != "sip" && a.uri.Scheme != "sips" {
			continue
		}
		number := numberOf(a.uri)
		if h, err := hopOf(a.uri); err != nil || h.host != c.line.proxy.host || h.standardPort() != c.line.proxy.standardPort() {
			continue
		}
		if !c.line.Plan.Allows(number) || !isUser(number) {
			c.s.count(TollFraud)
			continue
		}
		m.uri = c.line.proxy.uri(uriUser(number))
		m.target = sip.Uri{}
		return true
	}
	return false
}
