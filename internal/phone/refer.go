package phone

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
)

// An outside telephone may ask us to pass the call on (REFER, RFC 3515): the 119 to the police, a partner to the 119.
// The call stays here. We ring whom it names, a number of the catalogue and no other; who answers takes the place of who
// asked, and until then nobody is taken from the caller.

// referWithin is how long who asks waits for our word.
const referWithin = 5 * time.Second

// mayRefer lets an outside telephone that we rang from the catalogue ask to have the call passed on. Nobody else may: not
// the caller, who would have us ring anybody, nor the plain telephone of the overflow.
func (c *call) mayRefer(t *third) {
	t.line.OnRefer(func(r *trunk.Refer) trunk.Verdict {
		var decided atomic.Bool // by the call, or by the clock
		verdict := make(chan trunk.Verdict, 1)
		clock := time.NewTimer(referWithin)
		defer clock.Stop()
		select {
		case c.happens <- func() {
			if decided.CompareAndSwap(false, true) {
				verdict <- c.refers(t, r)
			}
		}:
		case <-clock.C:
			return trunk.Decline
		case <-c.ctx.Done():
			return trunk.Decline
		}
		select {
		case v := <-verdict:
			return v
		case <-clock.C:
			if decided.CompareAndSwap(false, true) {
				return trunk.Decline
			}
			return <-verdict
		case <-c.ctx.Done():
			return trunk.Decline
		}
	})
}

// named is the number of the catalogue that is dialled so.
func (p *Phone) named(dialled string) (catalogue.Number, bool) {
	for _, n := range p.Outside() {
		if n.Dial() == dialled {
			return n, true
		}
	}
	return catalogue.Number{}, false
}

// refers decides about a transfer that the outside telephone asks for, and begins it.
func (c *call) refers(t *third, r *trunk.Refer) trunk.Verdict {
	p := &c.parties
	number, ok := c.phone.named(r.Target)
	if !ok {
		return trunk.Forbid
	}
	// A call that is to be replaced is either none of ours, and we take part in nobody else's, or another caller's: an
	// outside telephone that is in both would join two children who do not know of one another.
	if c.gone || c.over || p.third != t || !t.in() || p.coming != nil || r.Replaces != "" {
		return trunk.Decline
	}
	ctx, cancel := context.WithTimeout(c.ctx, dialFor)
	next := &third{code: number.Code, refer: r, private: t.private, staffID: t.staffID, since: time.Now(), cancel: cancel}
	p.coming, c.failed = next, ""
	if err := c.phone.db.Tx(c.ctx, func(tx *store.Tx) error {
		return c.phone.audit.Record(c.ctx, tx, audit.Entry{Actor: contact.SystemActor, Act: "phone.referred", Object: "contact", ObjectID: c.row.contactID,
			Detail: map[string]string{"from": t.code, "to": number.Code}})
	}); err != nil {
		c.log.Error("phone: that an outside telephone passes a call on could not be written to the log", "error", err)
	}
	rings := sync.OnceFunc(func() { r.Report(180) })
	go func() {
		line, err := c.dial(ctx, trunk.Dial{To: number.Dial(), Urgent: true, Ringing: func(*trunk.Call, bool) { rings() }})
		c.happen(func() { c.arrived(next, line, err) })
	}()
	c.phone.changed(c.row.contactID)
	return trunk.Accept
}

// arrived is whom an outside telephone passes the call on to, who answered or did not.
func (c *call) arrived(next *third, line *trunk.Call, err error) {
	p := &c.parties
	switch {
	case p.third == next: // who asked hung up meanwhile, and this one has the place
		c.reached(next, line, err)
	case p.coming != next: // nobody waits for it any more
		if line != nil {
			go hangUp(c.ctx, line)
		}
	case err != nil:
		p.coming, c.failed = nil, whyNot(err)
		next.cancel()
		next.refer.Report(statusOf(err))
		c.phone.changed(c.row.contactID)
	case !c.opens(next, line):
		p.coming = nil
		next.refer.Report(500)
	}
}

// takesPlace lets in whom the call was passed on to, and out who asked for it.
func (c *call) takesPlace() {
	p := &c.parties
	old, next := p.third, p.coming
	p.third, p.coming = next, nil
	next.private = old.private // the caller may have been let in meanwhile
	c.drop(c.ctx, old, next.refer.Report(200))
	c.phone.changed(c.row.contactID)
}

// statusOf is what who asked is told of a telephone that was not reached.
func statusOf(err error) int {
	var refused *trunk.Failure
	switch {
	case errors.As(err, &refused):
		return refused.Status
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, trunk.ErrSilent):
		return 408
	case errors.Is(err, trunk.ErrForbidden):
		return 403
	}
	return 503
}
