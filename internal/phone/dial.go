package phone

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/trunk"
)

type clip = *audio.Clip

// dialFor is how long an outside telephone rings.
const dialFor = 45 * time.Second

func contactActor(staffID string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: staffID} }

// Outside are the numbers that a counsellor may bring into a call, in the order of the catalogue: lines of help, and not
// those on which we check who calls.
func (p *Phone) Outside() []catalogue.Number {
	var all []catalogue.Number
	for _, n := range p.catalogue().Numbers.All {
		if n.Helps() {
			all = append(all, n)
		}
	}
	return all
}

// invite rings an outside telephone; what comes of it is told in its own time.
func (c *call) invite(code string, how How, staffID string) error {
	if c.phone.trunk == nil {
		return fault.New(fault.Unavailable, "fault.phone.no_trunk")
	}
	number, ok := c.phone.catalogue().Numbers.ByCode(code)
	if !ok || !number.Helps() {
		return fault.New(fault.Forbidden, "fault.phone.not_allowed")
	}
	if c.parties.third != nil {
		return fault.New(fault.Conflict, "fault.phone.third")
	}
	ctx, cancel := context.WithTimeout(c.ctx, dialFor)
	t := &third{code: code, private: how == First, straight: how == Straight, staffID: staffID, since: time.Now(), cancel: cancel}
	c.parties.third, c.failed = t, ""
	go func() {
		line, err := c.dial(ctx, trunk.Dial{To: number.Dial(), Urgent: true})
		c.happen(func() { c.reached(t, line, err) })
	}()
	return nil
}

// dial rings a number by the trunk of our calls. Whatever becomes of the one it is rung for, the line ends with the
// call: somebody may answer at the very moment at which nobody waits for it any more.
func (c *call) dial(ctx context.Context, d trunk.Dial) (*trunk.Call, error) {
	d.Patience = dialFor
	line, err := c.phone.dial(ctx, d)
	if err == nil {
		context.AfterFunc(c.ctx, func() { hangUp(c.ctx, line) })
	}
	return line, err
}

// reached is the end of a dialling.
func (c *call) reached(t *third, line *trunk.Call, err error) {
	if c.parties.third != t { // hung up meanwhile
		if line != nil {
			go hangUp(c.ctx, line)
		}
		return
	}
	if err != nil {
		c.parties.third, c.failed = nil, whyNot(err)
		t.cancel()
		if c.parties.passed { // who asked for this one has gone: the caller is told that nobody is there
			c.outcome, c.over, c.parting = ByHouse, true, []string{"third_leaves", "goodbye"}
		}
		c.phone.changed(c.row.contactID)
		return
	}
	if !c.opens(t, line) {
		c.leaveThird(c.ctx)
		return
	}
	if t.straight {
		if err := c.pass(c.ctx, t.staffID); err != nil {
			c.log.Warn("phone: a caller could not be left with an outside number", "error", err)
		}
	}
	c.phone.changed(c.row.contactID)
}

// opens brings the line of an outside telephone that answered into the room, where it hears nobody yet and is heard by
// nobody; false when it cannot be. Of its end the call hears.
func (c *call) opens(t *third, line *trunk.Call) bool {
	t.line, t.leg, t.answered = line, LineOf(line), true
	if err := c.room.Add(t.leg); err != nil {
		go hangUp(c.ctx, line)
		return false
	}
	t.untold = c.records() && !c.parties.passed
	t.leg.OnSilent(silentLine, line.Probe) // some send nothing while nobody speaks; others are gone, and never told
	if t.code != codeOverflow {
		c.mayRefer(t)
	}
	go func() {
		select {
		case <-line.Done():
			c.happen(func() { c.hungUpOutside(t) })
		case <-c.ctx.Done():
		}
	}()
	c.nudge()
	return true
}

// hungUpOutside is an outside telephone that has gone.
func (c *call) hungUpOutside(t *third) {
	p := &c.parties
	switch {
	case p.coming == t: // before it was let in: who asked for it is still there
		p.coming = nil
		c.drop(c.ctx, t, nil)
		t.refer.Report(487)
	case p.third == t && p.coming != nil: // it goes as soon as it has passed the call on: who is rung has its place
		p.third, p.coming = p.coming, nil
		c.drop(c.ctx, t, nil)
	case p.third == t:
		passed, lost := p.passed, t.line.End().By == trunk.Network
		c.leaveThird(c.ctx)
		if lost {
			c.failed = BySilence
		}
		switch {
		case passed && lost: // she is not left in silence, and comes first should she ring again
			c.outcome, c.over, c.parting = BySilence, true, []string{"third_leaves", "goodbye"}
		case passed: // the two talked without us, and one has gone
			c.outcome, c.over = ByHouse, true
		}
	default:
		return
	}
	c.nudge()
	c.phone.changed(c.row.contactID)
}

// whyNot is the outcome of a call that was not answered.
func whyNot(err error) string {
	var refused *trunk.Failure
	switch {
	case errors.As(err, &refused) && (refused.Status == 486 || refused.Status == 600):
		return ByBusy
	case errors.As(err, &refused) && (refused.Status == 408 || refused.Status == 480 || refused.Status == 487),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, trunk.ErrSilent):
		return ByNobody
	}
	return ByRefusal
}
