package trunk

import (
	"strings"
	"sync"
	"time"
)

// timers are the times of RFC 3261 §17 (Table 4).
type timers struct{ t1, t2, t4 time.Duration }

// long is how long a side waits for the other one: timers B, F, H, J, L and M.
func (t timers) long() time.Duration { return 64 * t.t1 }

// serverState is where the server side of a transaction is (RFC 3261 §17.2, RFC 6026 §7.1).
type serverState uint8

const (
	serverProceeding serverState = iota // no final answer yet
	serverAccepted                      // an INVITE was taken with a 2xx: the call sends it again, not we
	serverCompleted                     // a final answer is out, and sent again when asked
	serverConfirmed                     // the ACK of a refusal came
	serverTerminated
)

// serverTx is one request that came in and our answers to it.
type serverTx struct {
	s       *Server
	key     string
	request *request
	tag     string // our tag in what we answer

	mu       sync.Mutex
	state    serverState
	last     []byte // the last answer, as it went out
	timer    *time.Timer
	interval time.Duration
	deadline time.Time
	// canceled is called once when a CANCEL comes before the final answer.
	canceled func()
}

// serverKey finds the transaction of a request (RFC 3261 §17.2.3); an ACK finds that of its INVITE.
func serverKey(r *request, method string) string {
	if method == "ACK" {
		method = "INVITE"
	}
	if branch := r.via.branch(); strings.HasPrefix(branch, magic) && len(branch) > len(magic) {
		// The source is in it so that nobody can speak into another one's transaction.
		return branch + "|" + strings.ToLower(hostPort(r.via.host, r.via.port)) + "|" + method + "|" + r.flow.remote.Addr().String()
	}
	// RFC 2543: no branch to trust.
	return strings.Join([]string{"2543", r.callID, r.from.tag(), r.get("CSeq")[:seqDigits(r.get("CSeq"))], r.uri, r.via.text, method}, "|")
}

func seqDigits(cseq string) (n int) {
	for n < len(cseq) && cseq[n] >= '0' && cseq[n] <= '9' {
		n++
	}
	return n
}

// answer sends a response. A second final one is not sent: the first was heard.
func (tx *serverTx) answer(m *message) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != serverProceeding {
		return errAnswered
	}
	data := m.bytes()
	tx.last = data
	err := tx.request.back().write(data)
	if m.status < 200 {
		return err
	}
	tx.canceled = nil // the call need not live as long as its transaction
	t := tx.s.timers
	switch {
	case tx.request.method == "INVITE" && m.status < 300:
		tx.state = serverAccepted
		tx.after(t.long(), tx.end)
	case tx.request.method == "INVITE":
		tx.state = serverCompleted
		tx.deadline = time.Now().Add(t.long())
		if tx.request.flow.reliable() {
			tx.after(t.long(), tx.end)
		} else {
			tx.interval = t.t1
			tx.after(tx.interval, tx.again)
		}
	case tx.request.flow.reliable():
		tx.endLocked()
	default:
		tx.state = serverCompleted
		tx.after(t.long(), tx.end)
	}
	return err
}

// refuse answers with nothing but a status.
func (tx *serverTx) refuse(status int) error { return tx.answer(tx.request.respond(status, tx.tag)) }

// after sets the one timer of the transaction.
func (tx *serverTx) after(d time.Duration, do func()) {
	if tx.timer != nil {
		tx.timer.Stop()
	}
	tx.timer = time.AfterFunc(d, do)
}

// again sends a refusal until it is acknowledged (timers G and H).
func (tx *serverTx) again() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != serverCompleted {
		return
	}
	if time.Now().After(tx.deadline) {
		tx.endLocked()
		return
	}
	tx.request.back().write(tx.last)
	tx.interval = min(2*tx.interval, tx.s.timers.t2)
	tx.after(tx.interval, tx.again)
}

// repeat takes the request once more, or the ACK of a refusal.
func (tx *serverTx) repeat(r *request) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	switch {
	case r.method == "ACK":
		if tx.state == serverCompleted {
			tx.state = serverConfirmed
			if tx.request.flow.reliable() {
				tx.endLocked()
			} else {
				tx.after(tx.s.timers.t4, tx.end)
			}
		}
	case tx.state == serverProceeding || tx.state == serverCompleted:
		if tx.last != nil {
			r.back().write(tx.last)
		}
	}
}

// cancel is a CANCEL of this transaction: its owner answers 487, unless a final answer is out already
// (RFC 3261 §9.2).
func (tx *serverTx) cancel() {
	tx.mu.Lock()
	canceled := tx.canceled
	if tx.state != serverProceeding {
		canceled = nil
	}
	tx.canceled = nil
	tx.mu.Unlock()
	if canceled != nil {
		canceled()
	}
}

// sayAgain sends the last provisional answer once more; false when there is a final one.
func (tx *serverTx) sayAgain() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state != serverProceeding {
		return false
	}
	if tx.last != nil {
		tx.request.back().write(tx.last)
	}
	return true
}

// open says that no final answer is out.
func (tx *serverTx) open() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.state == serverProceeding
}

func (tx *serverTx) end() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.endLocked()
}

func (tx *serverTx) endLocked() {
	if tx.state == serverTerminated {
		return
	}
	tx.state = serverTerminated
	if tx.timer != nil {
		tx.timer.Stop()
	}
	// The map's lock is never held while a transaction's is asked for.
	go tx.s.forgetServer(tx)
}
