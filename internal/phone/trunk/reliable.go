package trunk

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/phone/sdp"
)

// provisional is a 180 or 183 that was sent reliably and waits for its PRACK (RFC 3262 §3).
type provisional struct {
	seq   uint32
	data  []byte
	acked chan struct{}

	mu    sync.Mutex
	over  bool
	timer *time.Timer
}

func (p *provisional) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

// sendReliably sends a provisional answer until it is acknowledged. One is out at a time.
func (c *Call) sendReliably(m *message) error {
	c.mu.Lock()
	if c.rseq == 0 {
		c.rseq = rand.Uint32N(1 << 20)
	}
	c.rseq++
	m.add("Require", "100rel")
	m.add("RSeq", strconv.FormatUint(uint64(c.rseq), 10))
	p := &provisional{seq: c.rseq, data: m.bytes(), acked: make(chan struct{})}
	c.provisional = p
	invite := c.invite
	t := c.s.timers
	c.mu.Unlock()
	if err := invite.answer(m); err != nil {
		return err
	}
	interval, deadline := t.t1, time.Now().Add(t.long())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return nil
	}
	p.timer = time.AfterFunc(interval, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.over {
			return
		}
		if time.Now().After(deadline) || !invite.open() {
			p.over = true
			if invite.open() {
				go c.guarded("prack", func() { c.fail(504, End{By: Network, Status: 504, Reason: "unacknowledged"}) })
			}
			return
		}
		invite.request.back().write(p.data)
		interval *= 2
		p.timer.Reset(interval)
	})
	return nil
}

// settled waits until the last reliable answer was acknowledged: nothing more may be said before (RFC 3262 §3).
func (c *Call) settled() error {
	c.mu.Lock()
	p := c.provisional
	c.mu.Unlock()
	if p == nil {
		return nil
	}
	select {
	case <-p.acked:
		return nil
	case <-c.done:
		return ErrOver
	}
}

// pracked is a PRACK of theirs.
func (c *Call) pracked(r *request, tx *serverTx) {
	rseq, cseq, err := parseRAck(r.get("RAck"))
	c.mu.Lock()
	p := c.provisional
	ok := err == nil && p != nil && p.seq == rseq && c.invite != nil && c.invite.request.seq == cseq
	pending := c.pending != nil
	c.mu.Unlock()
	if ok {
		select {
		case <-p.acked:
			ok = false // it was acknowledged before
		default:
		}
	}
	if !ok {
		tx.refuse(481)
		return
	}
	m := r.respond(200, tx.tag)
	switch {
	case pending:
		// The answer to the offer in our 183.
		body, _ := descriptionIn(r.message)
		if err := c.accepted(body); err != nil {
			tx.refuse(c.s.refusalOf(err))
			return
		}
	case len(r.body) > 0:
		offer, status := c.s.offerIn(r)
		if status != 0 {
			tx.refuse(status)
			return
		}
		if status := c.answerWithin(*offer, m); status != 0 {
			tx.refuse(status)
			return
		}
	}
	p.stop()
	// First the answer to the PRACK: what waited for it may be the answer to the call.
	tx.answer(m)
	close(p.acked)
}

// answerWithin puts our answer to an offer of theirs into m, and goes by it. The status is what to refuse with, 0
// if nothing.
func (c *Call) answerWithin(offer sdp.Session, m *message) int {
	c.mu.Lock()
	text, agreed, err := c.answerTo(offer)
	if err == nil && c.described != nil {
		c.described = text
	}
	c.mu.Unlock()
	if err != nil {
		return c.s.refusalOf(err)
	}
	if err := c.configure(agreed); err != nil {
		return 488
	}
	m.describe("application/sdp", text)
	return 0
}

// parseRAck reads "776656 1 INVITE" (RFC 3262 §7.2).
func parseRAck(value string) (rseq, cseq uint32, err error) {
	fields := strings.Fields(value)
	if len(fields) != 3 || !strings.EqualFold(fields[2], "INVITE") {
		return 0, 0, fmt.Errorf("%w: RAck", errUnreadable)
	}
	a, err1 := strconv.ParseUint(fields[0], 10, 32)
	b, err2 := strconv.ParseUint(fields[1], 10, 31)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%w: RAck", errUnreadable)
	}
	return uint32(a), uint32(b), nil
}
