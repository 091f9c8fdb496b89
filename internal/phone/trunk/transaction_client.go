package trunk

import (
	"context"
	"errors"
	"sync"
	"time"
)

// What ends a transaction without an answer.
var (
	// ErrSilent is a trunk that answers nothing: timer B or F ran out (RFC 3261 §17.1).
	ErrSilent = errors.New("trunk: no answer from the trunk")
	// errSend is a message that could not be sent.
	errSend = errors.New("trunk: could not send to the trunk")
	// errAnswered is a second final answer to one request.
	errAnswered = errors.New("trunk: already answered")
)

// clientState is where the client side of a transaction is (RFC 3261 §17.1, RFC 6026 §7.2).
type clientState uint8

const (
	clientCalling    clientState = iota // nothing came back yet
	clientProceeding                    // a provisional answer came
	clientAccepted                      // an INVITE was taken: further 2xx may come, from forks
	clientCompleted                     // a final answer came, and may come again
	clientTerminated
)

// clientEvent is a response, or the error that ended the transaction without one.
type clientEvent struct {
	response *message
	err      error
}

// clientTx is one request of ours and the answers to it.
type clientTx struct {
	s       *Server
	key     string
	request *message
	raw     []byte
	flow    flow
	invite  bool

	// events are the responses in their order; what nobody reads is dropped after a while, which a peer only
	// reaches by sending dozens.
	events chan clientEvent
	done   chan struct{}

	mu       sync.Mutex
	state    clientState
	timer    *time.Timer
	interval time.Duration
	deadline time.Time
	acks     map[string][]byte // by the tag of who accepted: what to send when the 2xx comes again
	ackBy    flow              // the way of those
	refused  []byte            // the ACK of a refusal
}

// send puts a Via on the request and sends it until something comes back.
func (s *Server) send(request *message, f flow) (*clientTx, error) {
	branch := magic + random()
	request.remove("Via")
	request.headers = append([]header{{"Via", s.viaOf(f, branch)}}, request.headers...)
	return s.sendAs(request, f, branch)
}

func (s *Server) sendAs(request *message, f flow, branch string) (*clientTx, error) {
	t := s.timers
	tx := &clientTx{
		s: s, key: branch + "|" + request.method, request: request, raw: request.bytes(), flow: f,
		invite: request.method == "INVITE", events: make(chan clientEvent, 32), done: make(chan struct{}),
		interval: t.t1, acks: map[string][]byte{},
	}
	wait := t.long()
	if tx.invite && s.options.Patience > 0 {
		wait = s.options.Patience
	}
	tx.deadline = time.Now().Add(wait)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errSend
	}
	s.clients[tx.key] = tx
	s.mu.Unlock()
	if err := f.write(tx.raw); err != nil {
		tx.end()
		return nil, errors.Join(errSend, err)
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state == clientCalling {
		if f.reliable() {
			tx.after(wait, tx.again)
		} else {
			tx.after(min(tx.interval, wait), tx.again)
		}
	}
	return tx, nil
}

func (tx *clientTx) after(d time.Duration, do func()) {
	if tx.timer != nil {
		tx.timer.Stop()
	}
	tx.timer = time.AfterFunc(d, do)
}

// again sends the request once more (timers A and E), or gives up (B and F).
func (tx *clientTx) again() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != clientCalling && (tx.invite || tx.state != clientProceeding) {
		return
	}
	left := time.Until(tx.deadline)
	if left <= 0 {
		tx.push(clientEvent{err: ErrSilent})
		tx.endLocked()
		return
	}
	if tx.flow.reliable() {
		tx.after(left, tx.again)
		return
	}
	tx.flow.write(tx.raw)
	tx.interval *= 2
	if !tx.invite {
		tx.interval = min(tx.interval, tx.s.timers.t2)
		if tx.state == clientProceeding {
			tx.interval = tx.s.timers.t2
		}
	}
	tx.after(min(tx.interval, left), tx.again)
}

// receive takes a response.
func (tx *clientTx) receive(m *message) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	t := tx.s.timers
	switch {
	case tx.state == clientTerminated:
	case m.status < 200:
		if tx.state > clientProceeding {
			return
		}
		if tx.state == clientCalling && tx.invite && tx.timer != nil {
			tx.timer.Stop() // from here on it is the caller's patience that counts
		}
		tx.state = clientProceeding
		tx.push(clientEvent{response: m})
	case tx.invite && m.status < 300:
		if tx.state == clientCompleted {
			return
		}
		if tx.state != clientAccepted {
			tx.state = clientAccepted
			tx.after(t.long(), tx.end)
		}
		to, err := parseAddress(m.get("To"))
		if err != nil {
			return
		}
		if ack, again := tx.acks[to.tag()]; again {
			if ack != nil {
				tx.ackBy.write(ack)
			}
			return
		}
		if len(tx.acks) < 16 {
			tx.acks[to.tag()] = nil
			tx.push(clientEvent{response: m})
		}
	case tx.invite:
		if tx.state == clientAccepted {
			return
		}
		if tx.state == clientCompleted {
			tx.flow.write(tx.refused)
			return
		}
		tx.state = clientCompleted
		tx.refused = tx.ackOfRefusal(m).bytes()
		tx.flow.write(tx.refused)
		tx.push(clientEvent{response: m})
		if tx.flow.reliable() {
			tx.endLocked()
		} else {
			tx.after(max(t.long(), 32*t.t1), tx.end)
		}
	default:
		if tx.state == clientCompleted {
			return
		}
		tx.state = clientCompleted
		tx.push(clientEvent{response: m})
		if tx.flow.reliable() {
			tx.endLocked()
		} else {
			tx.after(t.t4, tx.end)
		}
	}
}

// ackOfRefusal acknowledges a final answer that is not a 2xx: in the same transaction (RFC 3261 §17.1.1.3).
func (tx *clientTx) ackOfRefusal(m *message) *message {
	ack := &message{method: "ACK", uri: tx.request.uri}
	ack.add("Via", tx.request.get("Via"))
	for _, h := range tx.request.headers {
		if h.name == "Route" {
			ack.headers = append(ack.headers, h)
		}
	}
	ack.add("Max-Forwards", "70")
	ack.add("From", tx.request.get("From"))
	ack.add("To", m.get("To"))
	ack.add("Call-ID", tx.request.get("Call-ID"))
	seq, _, _ := parseSeq(tx.request.get("CSeq"))
	ack.add("CSeq", seqText(seq, "ACK"))
	return ack
}

// acknowledged keeps the ACK of a 2xx: it is sent again when that comes again (RFC 3261 §13.2.2.4).
func (tx *clientTx) acknowledged(tag string, ack []byte) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.acks[tag] = ack
}

func (tx *clientTx) ackFlow(f flow) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.ackBy = f
}

// cancel asks to end an INVITE that has no final answer (RFC 3261 §9.1): the same Via, Route, From, To, Call-ID and
// number. It must not be called before a provisional answer came.
func (tx *clientTx) cancel() {
	m := &message{method: "CANCEL", uri: tx.request.uri}
	m.add("Via", tx.request.get("Via"))
	for _, h := range tx.request.headers {
		if h.name == "Route" {
			m.headers = append(m.headers, h)
		}
	}
	m.add("Max-Forwards", "70")
	for _, name := range []string{"From", "To", "Call-ID"} {
		m.add(name, tx.request.get(name))
	}
	seq, _, _ := parseSeq(tx.request.get("CSeq"))
	m.add("CSeq", seqText(seq, "CANCEL"))
	v, _ := parseVia(tx.request.get("Via"))
	tx.s.sendAs(m, tx.flow, v.branch())
}

// final waits for the final answer of a request that is not an INVITE. Errors: ErrSilent, errSend, the context's.
func (tx *clientTx) final(ctx context.Context) (*message, error) {
	for {
		select {
		case e := <-tx.events:
			if e.err != nil {
				return nil, e.err
			}
			if e.response.status >= 200 {
				return e.response, nil
			}
		case <-tx.done:
			select {
			case e := <-tx.events:
				if e.err != nil {
					return nil, e.err
				}
				if e.response.status >= 200 {
					return e.response, nil
				}
			default:
				return nil, ErrSilent
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (tx *clientTx) push(e clientEvent) {
	select {
	case tx.events <- e:
	default:
	}
}

func (tx *clientTx) end() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.endLocked()
}

func (tx *clientTx) endLocked() {
	if tx.state == clientTerminated {
		return
	}
	tx.state = clientTerminated
	if tx.timer != nil {
		tx.timer.Stop()
	}
	close(tx.done)
	// The map's lock is never held while a transaction's is asked for.
	go tx.s.forgetClient(tx)
}
