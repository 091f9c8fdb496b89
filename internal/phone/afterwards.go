package phone

import (
	"context"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/store"
)

// What a caller is asked when she has spoken onto the tape, or said nothing: nobody listens to it before the morning.

// dangerWeight is what the key weighs under a catalogue that does not say it.
const dangerWeight = 300

// askDanger says again who answers now, and takes one key for a danger: then the message is marked and rings at the
// supervisors', as a danger word in a letter does. spoken is what was too short to be a message; nil where one is kept.
func (c *call) askDanger(spoken []int16) {
	if c.gone || c.over || c.question("voicemail_danger", "1") != '1' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 20*time.Second)
	defer cancel()
	if c.row.contactID == "" {
		if err := c.keepMessage(ctx, spoken); err != nil {
			c.log.Error("phone: a danger could not be kept", "error", err)
			c.outcome = ByBreakdown
			c.say("no_counsellor")
			return
		}
	}
	why := c.phone.reason(catalogue.ReasonDangerKey, dangerWeight)
	err := c.phone.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := c.phone.contacts.Alarm(ctx, tx, c.row.contactID, []contact.Reason{why}, true)
		return err
	})
	if err != nil {
		c.log.Error("phone: a danger could not be marked", "error", err)
		c.say("no_counsellor")
		return
	}
	c.say("voicemail_danger_noted")
}

// askCallbackAfterwards asks whoever left a message whether she wishes to be called, and how. The message stands in the
// list all the same: it is listened to first.
func (c *call) askCallbackAfterwards() {
	p := c.phone
	if c.gone || c.over || p.home(c.number) == "" || c.question("voicemail_callback", "2") != '2' {
		return
	}
	var wish contact.Callback
	c.askOthersAndWhen(&wish)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 20*time.Second)
	defer cancel()
	id := c.row.contactID
	key, err := p.contacts.Key(ctx, id)
	if err == nil {
		err = p.db.Tx(ctx, func(tx *store.Tx) error {
			if err := p.contacts.SetCallback(ctx, tx, id, key, wish); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE phone_callback SET due_at = $2 WHERE contact_id = $1`, id, store.Millis(p.wishedFor(wish.Key.When))); err != nil {
				return err
			}
			_, err := p.contacts.AddReason(ctx, tx, id, c.reason(catalogue.ReasonCallback))
			return err
		})
	}
	if err != nil {
		c.log.Error("phone: how somebody wishes to be called could not be kept", "error", err)
		return
	}
	c.say("callback_saved")
}
