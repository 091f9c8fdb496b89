package phone

import (
	"context"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
)

// overflow is the ringing of plain telephones, for an evening on which nobody is at a desk.
type overflow struct {
	next  int       // the telephone to ring next, of those of the rules
	again time.Time // not before
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
	ctx, cancel := context.WithTimeout(c.ctx, dialFor)
	t := &third{code: codeOverflow, since: time.Now(), cancel: cancel}
	c.parties.third = t
	go func() {
		line, err := c.dial(ctx, trunk.Dial{To: contact.NormalNumber(number)})
		c.happen(func() {
			if err != nil {
				c.overflow.again = time.Now().Add(betweenOverflow)
			} else if c.contact.State != contact.Waiting { // somebody came to her desk meanwhile
				c.parties.third = nil
				cancel()
				go hangUp(c.ctx, line)
				return
			}
			c.reached(t, line, err)
			if err == nil {
				c.spilled()
			}
		})
	}()
}

// spilled leaves the caller with the telephone that answered; the contact is taken out of the line, to be written up.
func (c *call) spilled() {
	p := c.phone
	ct, err := p.contacts.Book(c.ctx, c.row.contactID)
	if err == nil {
		err = p.db.Tx(c.ctx, func(tx *store.Tx) error {
			_, err := p.contacts.AddReason(c.ctx, tx, ct.ID, c.reason(catalogue.ReasonOverflow))
			return err
		})
	}
	if fault.Is(err, fault.Conflict) { // it rings at a desk at this very moment: she is answered there
		c.leaveThird(c.ctx)
		return
	}
	if err != nil {
		c.log.Error("phone: that a plain telephone took a caller could not be written", "error", err)
	}
	c.parties.passed = true
	c.unhear(func(*ear) bool { return true })
	if c.row.answeredAt == 0 {
		c.row.answeredAt = store.Millis(p.now())
	}
	c.nudge()
}
