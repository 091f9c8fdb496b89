package contact

import (
	"context"
	"errors"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Forgetting is a person's request that her contact be erased, which a counsellor has booked and on which
// a supervisor has not decided yet.
type Forgetting struct {
	ContactID string
	AskedAt   int64
	AskedBy   string // the member of staff who booked it
}

// ForgetRefusals are why a supervisor may refuse a request: she took it back, it was not hers or not free,
// somebody is in danger, the law wants the contact kept.
var ForgetRefusals = []string{"withdrawn", "not_hers", "danger", "law"}

const selectForgetting = `SELECT contact_id, asked_at, asked_by FROM forget_request`

func scanForgetting(r store.Row) (Forgetting, error) {
	var f Forgetting
	return f, r.Scan(&f.ContactID, &f.AskedAt, &f.AskedBy)
}

// AskForget books that the person of a contact asks us to forget it. Booked twice it stays as it was.
func (c *Contacts) AskForget(ctx context.Context, id string, by audit.Actor) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := get(ctx, tx, id); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO forget_request (contact_id, asked_at, asked_by) VALUES ($1, $2, $3) ON CONFLICT (contact_id) DO NOTHING`,
			id, store.Millis(c.now()), by.ID)
		if err != nil || n == 0 {
			return err
		}
		c.floorChanges(tx)
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.forget_ask", Object: "contact", ObjectID: id, Purpose: "request"})
	})
}

// Forgettings returns the requests nobody has decided on, the oldest first.
func (c *Contacts) Forgettings(ctx context.Context) ([]Forgetting, error) {
	return store.All(ctx, c.db, scanForgetting, selectForgetting+` ORDER BY asked_at, contact_id`)
}

// Forgetting returns the request of one contact, and whether there is one.
func (c *Contacts) Forgetting(ctx context.Context, id string) (Forgetting, bool, error) {
	all, err := store.All(ctx, c.db, scanForgetting, selectForgetting+` WHERE contact_id = $1`, id)
	if err != nil || len(all) == 0 {
		return Forgetting{}, false, err
	}
	return all[0], true, nil
}

// RefuseForget ends a request without erasing; reason is one of ForgetRefusals. It returns fault.Invalid
// "fault.contact.forget_reason" for any other, and fault.NotFound "fault.contact.forget_none" where nothing
// was asked.
func (c *Contacts) RefuseForget(ctx context.Context, id string, by audit.Actor, reason string) error {
	if !slices.Contains(ForgetRefusals, reason) {
		return fault.New(fault.Invalid, "fault.contact.forget_reason")
	}
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM forget_request WHERE contact_id = $1`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "fault.contact.forget_none")
		}
		c.floorChanges(tx)
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.forget_refuse", Object: "contact", ObjectID: id, Purpose: reason})
	})
}

// Forget carries a request out: the contact is erased, as Erase says, holds included. It takes another person
// than who booked it, and than whose conversation it was. It returns fault.NotFound
// "fault.contact.forget_none" where nothing was asked, fault.Conflict "fault.contact.forget_open" while the
// contact is not closed, fault.Forbidden "fault.contact.second" for one of the two.
func (c *Contacts) Forget(ctx context.Context, id string, by audit.Actor) error {
	may := func(ctx context.Context, q store.Querier) error {
		ct, err := get(ctx, q, id)
		if err != nil {
			return err
		}
		f, err := store.One(ctx, q, scanForgetting, selectForgetting+` WHERE contact_id = $1`, id)
		switch {
		case errors.Is(err, store.ErrNoRow):
			return fault.New(fault.NotFound, "fault.contact.forget_none")
		case err != nil:
			return err
		case ct.State != Closed:
			return fault.New(fault.Conflict, "fault.contact.forget_open")
		case f.AskedBy == by.ID || ct.StickyID == by.ID:
			return fault.New(fault.Forbidden, "fault.contact.second")
		}
		return nil
	}
	if err := may(ctx, c.db); err != nil {
		return err
	}
	return c.erase(ctx, id, by, "request", func(ctx context.Context, tx *store.Tx) error {
		if err := may(ctx, tx); err != nil { // a colleague may just have refused it
			return err
		}
		n, err := tx.Exec(ctx, `DELETE FROM forget_request WHERE contact_id = $1`, id)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "fault.contact.forget_none")
		}
		return err
	})
}

// floorChanges wakes the supervisors' floor after the commit.
func (c *Contacts) floorChanges(tx *store.Tx) {
	tx.AfterCommit(func() { c.bus.Publish("queue", []byte("{}")) })
}
