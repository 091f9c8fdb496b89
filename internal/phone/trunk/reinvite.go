package trunk

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"vigie/internal/phone/sdp"
)

// reinvited is an INVITE within the call: hold, another codec, another address, or just a sign of life.
func (c *Call) reinvited(r *request, tx *serverTx) {
	tx.answer(r.respond(100, ""))
	c.mu.Lock()
	state, offering, waiting := c.state, c.offering, c.confirming != nil
	c.mu.Unlock()
	switch {
	case state == Answering || waiting:
		// Our last 200 is not acknowledged: their INVITE crossed it (RFC 3261 §14.2).
		c.s.refuse(tx, 500, retryAfter(rand.IntN(10)))
		return
	case state != Up:
		tx.refuse(481)
		return
	case offering:
		tx.refuse(491)
		return
	}
	if minimum := c.s.intervalTooShort(r.message); minimum > 0 {
		c.s.count(Interval)
		c.s.refuse(tx, 422, minSE(minimum))
		return
	}
	offer, status := c.s.offerIn(r)
	if status != 0 {
		c.s.refuse(tx, status)
		return
	}
	m := r.respond(200, tx.tag)
	c.mu.Lock()
	m.add("Contact", c.s.contactOf(r.flow, ""))
	m.add("Allow", joined(allowedMethods))
	m.add("Supported", "100rel, timer")
	c.mu.Unlock()
	if offer != nil {
		if status := c.answerWithin(*offer, m); status != 0 {
			c.s.refuse(tx, status)
			return
		}
	} else {
		c.mu.Lock()
		m.describe("application/sdp", c.offerOurs())
		c.mu.Unlock()
	}
	c.moved(r)
	c.mu.Lock()
	c.session.asked(r.message, c.line.SessionExpires)
	c.session.accept(c, m)
	conf := c.confirm(tx, m, func(ack *request) error { return c.answerInAck(ack) })
	c.mu.Unlock()
	tx.answer(m)
	conf.start()
}

// moved takes over where the other side can be reached now (RFC 3261 §12.2.2: the target is refreshed).
func (c *Call) moved(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if target := contactIn(r.message); target != "" {
		c.dialog.target = target
	}
	c.dialog.flow = r.flow
	if allow := r.get("Allow"); allow != "" {
		c.updates = r.has("Allow", "UPDATE")
	}
}

// updated is an UPDATE (RFC 3311), before the call is answered or while it is up.
func (c *Call) updated(r *request, tx *serverTx) {
	c.mu.Lock()
	busy := c.offering || c.pending != nil || c.offer != nil && c.described == nil
	up := c.state == Up
	c.mu.Unlock()
	if minimum := c.s.intervalTooShort(r.message); minimum > 0 {
		c.s.count(Interval)
		c.s.refuse(tx, 422, minSE(minimum))
		return
	}
	offer, status := c.s.offerIn(r)
	if status == 0 && offer != nil && busy {
		status = 491
	}
	if status != 0 {
		c.s.refuse(tx, status)
		return
	}
	m := r.respond(200, tx.tag)
	m.add("Contact", c.s.contactOf(r.flow, ""))
	m.add("Supported", "100rel, timer")
	if offer != nil {
		if status := c.answerWithin(*offer, m); status != 0 {
			c.s.refuse(tx, status)
			return
		}
	}
	c.moved(r)
	if up {
		c.mu.Lock()
		c.session.asked(r.message, c.line.SessionExpires)
		c.session.accept(c, m)
		c.mu.Unlock()
	}
	tx.answer(m)
	if up {
		c.session.start(c)
	}
}

// Hold puts the other side on hold, or takes it back, by a re-INVITE: it is told sendonly, so that it can hear
// music. Errors: ErrOver; *Failure when it refused; the context's, and then what was asked may still happen.
func (c *Call) Hold(ctx context.Context, hold bool) error {
	want := sdp.SendRecv
	if hold {
		want = sdp.SendOnly
	}
	return c.reoffer(ctx, &want)
}

// reoffer makes a new offer by a re-INVITE, with another direction or, with nil, with what is agreed already.
// One offer is out at a time. When both sides offer at once, both wait a moment, each another one, and try again
// (RFC 3261 §14.1).
func (c *Call) reoffer(ctx context.Context, want *sdp.Direction) error {
	select {
	case <-c.offers:
	case <-c.done:
		return ErrOver
	case <-ctx.Done():
		return ctx.Err()
	}
	result := make(chan error, 1)
	// It goes on when ctx ends: what is out needs its ACK.
	go c.guarded("offer", func() {
		defer func() { c.offers <- struct{}{} }()
		result <- c.offerAgain(want)
	})
	select {
	case err := <-result:
		return err
	case <-c.done:
		return ErrOver
	case <-ctx.Done():
		return ctx.Err()
	}
}

// offerAgain does it, a few times if both sides keep offering at once.
func (c *Call) offerAgain(want *sdp.Direction) error {
	c.mu.Lock()
	before := c.want
	if want != nil {
		c.want = *want
	}
	c.mu.Unlock()
	var err error
	for try := range 5 {
		if err = c.offerOnce(); err == nil {
			return nil
		}
		var failure *Failure
		if try == 4 || !errors.As(err, &failure) || failure.Status != 491 && (failure.Status != 500 || failure.RetryAfter == 0) {
			break
		}
		// RFC 3261 §14.1: whoever made the Call-ID waits 2.1 to 4 seconds, the other one up to 2.
		wait := time.Duration(rand.IntN(200)) * 10 * time.Millisecond
		if c.outbound {
			wait = time.Duration(210+rand.IntN(190)) * 10 * time.Millisecond
		}
		select {
		case <-time.After(wait):
		case <-c.done:
			return ErrOver
		}
	}
	c.mu.Lock()
	c.want = before
	c.mu.Unlock()
	return err
}

// offerOnce is one re-INVITE.
func (c *Call) offerOnce() error {
	c.mu.Lock()
	if theirs := c.confirming; theirs != nil {
		// Their re-INVITE is answered and about to be acknowledged.
		c.mu.Unlock()
		select {
		case <-theirs.acked:
		case <-c.done:
			return ErrOver
		}
		c.mu.Lock()
	}
	if c.state != Up {
		c.mu.Unlock()
		return ErrOver
	}
	c.offering = true
	text := c.offerOurs()
	m := c.dialog.request("INVITE")
	m.add("Contact", c.s.contactOf(c.dialog.flow, ""))
	c.session.ask(m, true)
	m.describe("application/sdp", text)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.offering, c.pending = false, nil
		c.mu.Unlock()
	}()
	c.s.sign(m)
	for tries := 1; ; tries++ {
		ctx, cancel := context.WithTimeout(context.Background(), c.s.timers.long())
		f := c.way(ctx)
		sent := m.copy()
		tx, err := c.s.send(sent, f)
		if err != nil {
			cancel()
			return err
		}
		response, err := tx.final(ctx)
		cancel()
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				// Something came back, but never the end of it.
				tx.cancel()
				err = ErrSilent
			}
			return err
		}
		if response.status < 300 {
			return c.offered(tx, response)
		}
		if tries == maxTries {
			return failureOf(response)
		}
		if (response.status == 401 || response.status == 407) && c.line.authorize(m, response) {
			c.mu.Lock()
			c.dialog.localSeq++
			m.set("CSeq", seqText(c.dialog.localSeq, "INVITE"))
			c.mu.Unlock()
			continue
		}
		if response.status == 422 {
			c.mu.Lock()
			least, _, ok := parseInterval(response.get("Min-SE"))
			raise := ok && least > c.session.interval
			if raise {
				c.session.interval = least
				m.remove("Session-Expires")
				m.remove("Supported")
				c.session.ask(m, true)
				c.dialog.localSeq++
				m.set("CSeq", seqText(c.dialog.localSeq, "INVITE"))
			}
			c.mu.Unlock()
			if raise {
				continue
			}
		}
		if response.status == 481 || response.status == 408 {
			// The other side knows nothing of the call (RFC 3261 §12.2.1.2).
			go c.guarded("offer", func() { c.fail(481, End{By: Network, Status: response.status, Reason: "lost"}) })
		}
		return failureOf(response)
	}
}

// offered takes the 2xx to a re-INVITE of ours: its ACK, and what it agrees to.
func (c *Call) offered(tx *clientTx, response *message) error {
	c.mu.Lock()
	if target := contactIn(response); target != "" {
		c.dialog.target = target
	}
	c.session.answered(response)
	c.mu.Unlock()
	c.acknowledge(tx, response)
	body, _ := descriptionIn(response)
	if err := c.accepted(body); err != nil {
		return err
	}
	c.session.start(c)
	return nil
}

// acknowledge sends the ACK of a 2xx, a request of its own (RFC 3261 §13.2.2.4), and again whenever that comes
// again.
func (c *Call) acknowledge(tx *clientTx, response *message) {
	c.mu.Lock()
	ack := c.dialog.request("ACK")
	c.mu.Unlock()
	seq, _, _ := parseSeq(tx.request.get("CSeq"))
	ack.set("CSeq", seqText(seq, "ACK"))
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if value := tx.request.get(name); value != "" {
			ack.add(name, value)
		}
	}
	c.s.acknowledge(tx, response, ack, c.way(context.Background()))
}

// acknowledge sends an ACK and keeps it.
func (s *Server) acknowledge(tx *clientTx, response *message, ack *message, f flow) {
	ack.headers = append([]header{{"Via", s.viaOf(f, magic+random())}}, ack.headers...)
	data := ack.bytes()
	if to, err := parseAddress(response.get("To")); err == nil {
		tx.acknowledged(to.tag(), data)
	}
	tx.ackFlow(f)
	f.write(data)
}

// failureOf is a refusal as an error.
func failureOf(m *message) *Failure {
	f := &Failure{Status: m.status}
	if after, _, ok := parseInterval(strings.SplitN(m.get("Retry-After")+" ", " ", 2)[0]); ok {
		f.RetryAfter = int(after / time.Second)
	}
	return f
}

func joined(list []string) string { return strings.Join(list, ", ") }
