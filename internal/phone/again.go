package phone

import (
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// A caller who loses her line rings again at once, before anybody here has noticed: a node that died is given up after its
// lease, a telephone that vanished after half a minute. She is in line by then, and is recognised there.

// knownEvery is how often a caller in line is looked at again, while a call of her number is there that may be over.
const knownEvery = 2 * time.Second

// hasAnother notes whether a call of the same number is still open, or seems to be.
func (c *call) hasAnother() {
	if c.mark == nil {
		return
	}
	n, err := store.One(c.ctx, c.phone.db, scanInt, `SELECT count(*) FROM phone_call WHERE mark = $1 AND ended_at = 0 AND id <> $2 AND direction = 'in'`, c.mark, c.row.id)
	if err != nil {
		c.log.Error("phone: whether a caller is in another call could not be read", "error", err)
	}
	c.another = n > 0
}

// recognise brings a caller to the front whose other call is found to have been cut.
func (c *call) recognise() {
	if !c.another || !c.inLine() || time.Since(c.looked) < knownEvery {
		return
	}
	c.looked = time.Now()
	before, err := c.phone.cutOff(c.ctx, c.mark)
	if err == nil && before.contactID == "" {
		return
	}
	if err == nil && before.first {
		err = c.phone.db.Tx(c.ctx, func(tx *store.Tx) error {
			ct, err := c.phone.contacts.GetWithin(c.ctx, tx, c.row.contactID)
			if err != nil || ct.State != contact.Waiting {
				return err
			}
			_, err = c.phone.contacts.AddReason(c.ctx, tx, ct.ID, c.reason(catalogue.ReasonCutOff))
			return err
		})
	}
	if err = ignore(err, fault.Conflict, fault.NotFound); err != nil {
		if c.ctx.Err() == nil {
			c.log.Error("phone: a caller who rings again could not be recognised; trying again", "error", err)
		}
		return
	}
	c.another = false
	if before.refused && !c.row.noListening {
		c.row.noListening = true
		c.saved()
	}
	c.nudge()
}
