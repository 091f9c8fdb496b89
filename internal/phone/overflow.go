package phone

import (
	"context"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/trunk"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// overflow is the ringing of plain telephones, for an evening on which nobody is at a desk.
type overflow struct {
	next   int       // the telephone to ring next, of those of the rules
	again  time.Time // not before
	reason string    // why a telephone has the caller, of the catalogue's reasons
	// unwritten says that a telephone has the caller, and the record does not know it yet.
	unwritten bool
}

// codeOverflow is what an outside telephone of the overflow is called; it is no number of the catalogue.
const codeOverflow = "overflow"

// betweenOverflow is the breath between two telephones that did not answer.
const betweenOverflow = 2 * time.Second

// spill rings a plain telephone for a caller who waits and whom nobody at a desk could take. When one answers, the
// caller is with it, and her contact stays in the list as something to be written up.
func (c *call) spill() {
	rules := c.phone.rules().Overflow
	if len(rules.Numbers) == 0 || c.phone.trunk == nil || c.gone || c.over || c.row.state != Waiting || c.contact.State != contact.Waiting {
		return
	}
	if time.Since(c.began) < rules.After || c.parties.third != nil || time.Now().Before(c.overflow.again) {
		return
	}
	if there, err := c.phone.router.PhoneStaffed(c.ctx, c.row.lang); err != nil || there {
		return
	}
	number := rules.Numbers[c.overflow.next%len(rules.Numbers)]
	c.overflow.next++
	c.overflow.again = time.Now().Add(dialFor + betweenOverflow)
	c.ringOut(codeOverflow, contact.NormalNumber(number), catalogue.ReasonOverflow, func() {
		c.overflow.again = time.Now().Add(betweenOverflow)
	})
}

// ringOut rings an outside telephone for a caller in line. When it answers she is with it, and her contact stays in the
// list, for that reason, as something to be written up. failed runs when nobody answered there.
func (c *call) ringOut(code, to, reason string, failed func()) {
	c.overflow.reason = reason
	ctx, cancel := context.WithTimeout(c.ctx, dialFor)
	t := &third{code: code, fromLine: true, since: time.Now(), cancel: cancel}
	c.parties.third = t
	go func() {
		line, err := c.dial(ctx, trunk.Dial{To: to, Urgent: true})
		c.happen(func() {
			rang := c.parties.third == t
			switch {
			case err != nil:
				c.reached(t, line, err)
				if rang {
					failed()
				}
			case !rang || c.contact.State != contact.Waiting: // somebody came to her desk meanwhile
				if rang {
					c.parties.third = nil
				}
				cancel()
				go hangUp(c.ctx, line)
			case code == codeOverflow:
				c.askOverflow(t, line)
			default:
				c.reached(t, line, nil)
				c.spilled()
			}
		})
	}()
}

// A plain telephone is asked twice whether a person is there, with a pause after each time.
const (
	overflowAsks  = 2
	overflowPause = 4 * time.Second
)

// askOverflow has whoever picked up a plain telephone press a key before the caller is with her: an answering machine
// presses none, and takes nobody. The next telephone rings then.
func (c *call) askOverflow(t *third, line *trunk.Call) {
	t.asked = true
	if !c.opens(t, line) {
		c.leaveThird(c.ctx)
		return
	}
	takes := func(digit byte) {
		c.happen(func() {
			if digit != '1' || !t.asked || c.parties.third != t {
				return
			}
			t.asked = false
			c.hush(t.leg.ID())
			if c.contact.State != contact.Waiting {
				c.leaveThird(c.ctx)
				return
			}
			c.spilled()
		})
	}
	onDigit(line, takes)
	c.askAgain(t, overflowAsks)
}

// askAgain says who calls, and waits a little for the key; as often as that.
func (c *call) askAgain(t *third, times int) {
	c.tellAside(t.leg.ID(), "overflow_take", func() {
		time.AfterFunc(overflowPause, func() {
			c.happen(func() {
				switch {
				case !t.asked || c.parties.third != t:
				case times > 1:
					c.askAgain(t, times-1)
				default:
					c.leaveThird(c.ctx)
					c.overflow.again = time.Now().Add(betweenOverflow)
					c.nudge()
				}
			})
		})
	})
}

// spilled leaves the caller with the telephone that answered; the contact is taken out of the line, to be written up.
func (c *call) spilled() {
	err := c.writeSpilled(c.ctx)
	if fault.Is(err, fault.Conflict) { // it rings at a desk at this very moment: she is answered there
		c.leaveThird(c.ctx)
		return
	}
	if err != nil { // the two talk all the same
		c.log.Error("phone: that a plain telephone took a caller could not be written; trying again", "error", err)
	}
	c.overflow.unwritten = err != nil
	c.passOn()
	c.nudge()
}

// writeSpilled writes that a plain telephone has the caller, all of it or nothing: a contact that is taken out of the
// line says why, and is that of a call which nobody at a desk has.
func (c *call) writeSpilled(ctx context.Context) error {
	p, row := c.phone, c.row
	row.state = Passed
	if row.answeredAt == 0 {
		row.answeredAt = store.Millis(p.now())
	}
	_, err := p.contacts.BookWith(ctx, row.contactID, func(tx *store.Tx, ct contact.Contact, _ *seal.Key) error {
		if _, err := p.contacts.AddReason(ctx, tx, ct.ID, c.reason(c.overflow.reason)); err != nil {
			return err
		}
		return p.save(ctx, tx, row)
	})
	if err == nil {
		c.row = row
		p.changed(row.contactID)
	}
	return err
}

// respill writes later what could not be written when the telephone answered. A desk at which the contact rings
// meanwhile is let ring: when somebody takes it, the caller is hers.
func (c *call) respill(ct contact.Contact) {
	if !c.overflow.unwritten || ct.State == contact.Offered {
		return
	}
	err := c.writeSpilled(c.ctx)
	switch {
	case err == nil:
		c.overflow.unwritten = false
	case fault.Is(err, fault.Conflict) && ct.State != contact.Waiting:
		c.overflow.unwritten = false
		c.leaveThird(c.ctx)
	case c.ctx.Err() == nil && !fault.Is(err, fault.Conflict):
		c.log.Error("phone: that a plain telephone took a caller could not be written; trying again", "error", err)
	}
}
