package phone

import "vigie/internal/phone/media"

// company is how many talk with the caller besides her counsellor: an outside telephone, a colleague who introduced
// her and stays, a supervisor. A browser that reloads comes and goes without a word.
func (c *call) company() (n int) {
	p := &c.parties
	if p.third.in() && !p.third.private {
		n++
	}
	if p.before != nil && p.joint && c.been[c.contact.CounsellorID] {
		n++
	}
	for _, e := range p.ears {
		if e.part == media.Joined && !e.untold {
			n++
		}
	}
	return n
}

// tellCompany says to the caller, while she talks, that somebody has joined or has left.
func (c *call) tellCompany(mode media.Mode) {
	if !c.inHand() || c.parties.passed {
		c.with = 0
		return
	}
	if mode != media.Talking || c.leg == nil {
		return // she hears it when she talks again
	}
	before := c.with
	c.with = c.company()
	switch {
	case c.with > before:
		c.murmur(c.clips("third_joins")...)
	case c.with < before:
		c.murmur(c.clips("third_leaves")...)
	default:
		return
	}
	c.room.Set(c.hearing(mode))
}
