package trunk

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// Refer is a transfer that the other side asks for (RFC 3515): it wants us to call somebody.
type Refer struct {
	// Target is the number, which has a name in the trunk's dial plan.
	Target string
	// Replaces names the call that the new one is to take the place of (RFC 3891), "" for a blind transfer.
	Replaces string

	c    *Call
	mu   sync.Mutex
	over bool
	mute bool            // it is told nothing: it was refused, or does not want to hear
	last <-chan struct{} // closed when what was reported before is told
}

// Verdict is what whoever runs a call says to a transfer.
type Verdict uint8

// The verdicts.
const (
	Decline Verdict = iota // not now, or not for this side: 603
	Forbid                 // not to this number: 603, counted and logged as toll fraud
	Accept
)

// Report tells the other side how the transfer goes: 100 to 199 while it is under way, then a final status, once. What
// is reported is told in its order, and never before the transfer was accepted. What comes back is closed once the other
// side has heard it, or cannot any more.
func (r *Refer) Report(status int) (told <-chan struct{}) {
	done := make(chan struct{})
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		close(done)
		return done
	}
	before := r.last
	r.over, r.last = status >= 200, done
	r.mu.Unlock()
	if status >= 200 {
		r.c.mu.Lock()
		r.c.transfer = nil
		r.c.mu.Unlock()
	}
	// On a goroutine of its own: whoever reports may be the one who reads the answer.
	go r.c.guarded("notify", func() {
		defer close(done)
		select {
		case <-before:
			r.notify(status)
		case <-r.c.done:
		}
	})
	return done
}

// notify tells one status, and waits for the answer.
func (r *Refer) notify(status int) {
	c := r.c
	r.mu.Lock()
	mute := r.mute
	r.mu.Unlock()
	c.mu.Lock()
	if c.state != Up || mute {
		c.mu.Unlock()
		return
	}
	m := c.dialog.request("NOTIFY")
	m.add("Contact", c.s.contactOf(c.dialog.flow, ""))
	c.mu.Unlock()
	m.add("Event", "refer")
	if status >= 200 {
		m.add("Subscription-State", "terminated;reason=noresource")
	} else {
		m.add("Subscription-State", "active;expires=180")
	}
	m.describe("message/sipfrag;version=2.0", fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, reasonOf(status)))
	ctx, cancel := context.WithTimeout(context.Background(), c.s.timers.long())
	defer cancel()
	c.exchange(ctx, m)
}

// forget ends the reports: the call that would carry them is over, or nobody is to hear them.
func (r *Refer) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over, r.mute = true, true
}

// parseReferTo reads whom a Refer-To names, and the Replaces in it.
func parseReferTo(value string) (number, replaces string, err error) {
	a, err := parseAddress(value)
	if err != nil {
		return "", "", err
	}
	number = numberOf(a.uri)
	if number == "" {
		return "", "", fmt.Errorf("%w: Refer-To", errUnreadable)
	}
	if a.uri.Scheme != "tel" {
		for _, h := range a.uri.Headers {
			switch {
			case strings.EqualFold(h.K, "Replaces"):
				replaces = h.V
			case strings.EqualFold(h.K, "method") && !strings.EqualFold(h.V, "INVITE"):
				return "", "", fmt.Errorf("%w: Refer-To asks for another method", errUnreadable)
			}
		}
	}
	if method, ok := a.uri.UriParams.Get("method"); ok && !strings.EqualFold(method, "INVITE") {
		return "", "", fmt.Errorf("%w: Refer-To asks for another method", errUnreadable)
	}
	return number, replaces, nil
}

// referred is a REFER of theirs. Two have a say: the dial plan first, of which only what has a name may be asked for,
// whatever prefix we may call ourselves; then whoever runs the call.
func (c *Call) referred(r *request, tx *serverTx) {
	if r.count("Refer-To") != 1 {
		c.s.count(Malformed)
		tx.refuse(400) // RFC 3515 §2.4.2
		return
	}
	number, replaces, err := parseReferTo(r.get("Refer-To"))
	if err != nil {
		c.s.count(Malformed)
		tx.refuse(400)
		return
	}
	c.mu.Lock()
	decide, up, busy := c.onRefer, c.state == Up, c.transfer != nil
	c.mu.Unlock()
	if !c.line.Plan.named(number) {
		c.forbidden(tx)
		return
	}
	if !up || busy {
		tx.refuse(491)
		return
	}
	first := make(chan struct{})
	transfer := &Refer{Target: number, Replaces: replaces, c: c, last: first}
	verdict := Decline
	if decide != nil {
		c.mu.Lock()
		c.transfer = transfer // what it reports at once finds it
		c.mu.Unlock()
		verdict = decide(transfer)
	}
	if verdict != Accept {
		c.tellNothing(transfer)
		close(first)
		if verdict == Forbid {
			c.forbidden(tx)
			return
		}
		c.s.log.Info("sip: a transfer was declined", "call", c.id, "trunk", c.line.Name, "outbound", c.outbound, "replaces", replaces != "")
		tx.refuse(603)
		return
	}
	m := r.respond(202, tx.tag)
	m.add("Contact", c.s.contactOf(r.flow, ""))
	quiet := strings.EqualFold(r.get("Refer-Sub"), "false")
	if quiet {
		// RFC 4488: it does not want to hear how it goes.
		m.add("Refer-Sub", "false")
		c.tellNothing(transfer)
	}
	tx.answer(m)
	go c.guarded("notify", func() {
		transfer.notify(100) // before anything that was reported meanwhile
		close(first)
	})
}

// tellNothing forgets a transfer of which nothing is reported.
func (c *Call) tellNothing(r *Refer) {
	r.forget()
	c.mu.Lock()
	c.transfer = nil
	c.mu.Unlock()
}

// forbidden refuses a transfer to a number that nobody may have us call.
func (c *Call) forbidden(tx *serverTx) {
	c.s.count(TollFraud)
	c.s.log.Warn("sip: a transfer outside the dial plan was refused", "call", c.id, "trunk", c.line.Name)
	tx.refuse(603)
}

// Refer asks the other side to call target instead of us (a transfer out), and waits until it says how that went:
// nil when the new call was answered. The call stays up in any case: whoever asked hangs it up. Errors:
// ErrForbidden for a number outside the plan, *Failure with the status, ErrOver, the context's.
func (c *Call) Refer(ctx context.Context, target string) error {
	if !c.line.Plan.Allows(target) || !isUser(target) {
		c.s.count(TollFraud)
		return ErrForbidden
	}
	c.mu.Lock()
	if c.state != Up {
		c.mu.Unlock()
		return ErrOver
	}
	for len(c.reports) > 0 {
		<-c.reports // of an earlier one
	}
	host := ""
	if c.line.hasProxy {
		host = hostPort(c.line.proxy.host, c.line.proxy.port)
	} else {
		var uri sip.Uri
		if parseURI(c.dialog.target, &uri) == nil {
			host = hostPort(strings.Trim(uri.Host, "[]"), uri.Port)
		}
	}
	m := c.dialog.request("REFER")
	m.add("Contact", c.s.contactOf(c.dialog.flow, ""))
	m.add("Refer-To", "<sip:"+uriUser(target)+"@"+host+">")
	c.mu.Unlock()
	response, err := c.exchange(ctx, m)
	if err != nil {
		return err
	}
	if response.status >= 300 {
		return failureOf(response)
	}
	for {
		select {
		case status := <-c.reports:
			switch {
			case status >= 300:
				return &Failure{Status: status}
			case status >= 200:
				return nil
			}
		case <-c.done:
			// Many networks hang up as soon as the transfer is done, without another word.
			select {
			case status := <-c.reports:
				if status >= 200 && status < 300 {
					return nil
				}
			default:
			}
			return ErrOver
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// notified is a NOTIFY of theirs: only what it says of a transfer that we asked for means something to us.
func (c *Call) notified(r *request, tx *serverTx) {
	event, _, _ := strings.Cut(r.get("Event"), ";")
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		tx.refuse(489)
		return
	}
	kind, _, _ := strings.Cut(r.get("Content-Type"), ";")
	if len(r.body) > 0 && !strings.EqualFold(strings.TrimSpace(kind), "message/sipfrag") {
		c.s.count(Type)
		c.s.refuse(tx, 415)
		return
	}
	tx.refuse(200)
	status := parseFragment(r.body)
	over := strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.get("Subscription-State"))), "terminated")
	if status == 0 && over {
		status = 408 // it gave up telling
	}
	if status != 0 {
		select {
		case c.reports <- status:
		default:
		}
	}
}

// parseFragment is the status of a message/sipfrag, 0 of one that has none.
func parseFragment(body []byte) int {
	line, _, _ := strings.Cut(string(body), "\n")
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(strings.ToUpper(fields[0]), "SIP/") {
		return 0
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil || status < 100 || status > 699 {
		return 0
	}
	return status
}
