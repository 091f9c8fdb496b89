package phone

import (
	"vigie/internal/contact"
	"vigie/internal/routing"
)

// kindly says whether a call that a counsellor ended ends by a word of ours: she closed it in one click (a test, a joke,
// nobody who speaks), or was threatened, and said no goodbye herself.
func (c *call) kindly() bool {
	if c.contact.Closing != "" {
		return true
	}
	if c.contact.State != contact.WrapUp || c.row.direction == Outbound {
		return false
	}
	incidents, err := c.phone.router.IncidentsOf(c.ctx, c.contact.ID)
	if err != nil && c.ctx.Err() == nil {
		c.log.Error("phone: whether a counsellor was threatened could not be read", "error", err)
	}
	for _, i := range incidents {
		if i.Kind == routing.IncidentThreat {
			return true
		}
	}
	return false
}

// endKindly ends a call that its counsellor has ended, with a goodbye where she said none herself.
func (c *call) endKindly() {
	c.outcome, c.over = ByStaff, true
	if c.kindly() {
		c.parting = []string{"goodbye"}
	}
}
