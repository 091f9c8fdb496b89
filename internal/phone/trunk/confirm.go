package trunk

import (
	"sync"
	"time"
)

// confirmation is a 200 to an INVITE that waits for its ACK. The call itself sends it again until that comes, over
// reliable ways too: a proxy on the way may have lost it (RFC 3261 §13.3.1.4).
type confirmation struct {
	c     *Call
	tx    *serverTx
	data  []byte
	seq   uint32
	took  func(*request) error
	heard bool // its ACK came; the call's lock
	acked chan struct{}
	err   error // what was wrong with the ACK's description; read after acked

	mu       sync.Mutex
	over     bool
	timer    *time.Timer
	interval time.Duration
	deadline time.Time
}

// confirm begins to wait for the ACK of m. The caller holds the call's lock.
func (c *Call) confirm(tx *serverTx, m *message, took func(*request) error) *confirmation {
	t := c.s.timers
	conf := &confirmation{c: c, tx: tx, data: m.bytes(), seq: tx.request.seq, took: took, acked: make(chan struct{}),
		interval: t.t1, deadline: time.Now().Add(t.long())}
	c.confirming = conf
	return conf
}

func (f *confirmation) start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over {
		f.timer = time.AfterFunc(f.interval, f.again)
	}
}

func (f *confirmation) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	if f.timer != nil {
		f.timer.Stop()
	}
}

func (f *confirmation) again() {
	f.mu.Lock()
	if f.over {
		f.mu.Unlock()
		return
	}
	if time.Now().After(f.deadline) {
		f.over = true
		f.mu.Unlock()
		f.c.s.count(Unacknowledged)
		f.c.guarded("ack", func() { f.c.fail(408, End{By: Network, Status: 408, Reason: "unacknowledged"}) })
		return
	}
	f.tx.request.back().write(f.data)
	f.interval = min(2*f.interval, f.c.s.timers.t2)
	f.timer.Reset(f.interval)
	f.mu.Unlock()
}

// acknowledged is the ACK of a 2xx.
func (c *Call) acknowledged(r *request) {
	c.mu.Lock()
	f := c.confirming
	if f == nil || r.seq != f.seq || f.heard {
		c.mu.Unlock()
		return
	}
	f.heard = true
	c.mu.Unlock()
	f.stop()
	// In the call's own order, so that a BYE right behind it finds the call up.
	if !c.enqueue(func() { c.confirmed(f, r) }) {
		c.confirmed(f, r)
	}
}

func (c *Call) confirmed(f *confirmation, r *request) {
	f.err = f.took(r) // before any offer of ours goes out, whose answer would be looked for in it
	c.mu.Lock()
	c.confirming = nil
	if c.state == Answering {
		c.move(Up)
	}
	up := c.state == Up
	c.mu.Unlock()
	close(f.acked)
	switch {
	case f.err != nil:
		go c.guarded("ack", func() { c.fail(488, End{By: Us, Status: 488, Reason: "refused"}) })
	case up:
		c.session.start(c)
	}
}
