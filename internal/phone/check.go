package phone

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Somebody says that she is the police, a prosecutor, a network. She is told nothing, not even whether we know the child
// she speaks of: we hang up, and call the service ourselves, on a number that the helpline has listed. Who rings may show
// any number, and give any; none of them is ever dialled here.

// Check is such a call-back.
type Check struct {
	ID, ContactID string
	// Number is the code of the listed number in the catalogue.
	Number string
	State  CheckState
	// AskedAt, ReachedAt and AnsweredAt are Unix milliseconds, 0 for not yet; AnsweredAt is when somebody said whether the
	// service knows of the call.
	AskedAt, ReachedAt, AnsweredAt int64
	AskedBy, AnsweredBy            string
	Tries                          int
	// Outcome is how the last try ended that reached nobody: ByNobody, ByBusy, ByRefusal.
	Outcome string
}

// CheckState is where a check stands.
type CheckState string

// The states of a check.
const (
	CheckBooked    CheckState = "booked"    // the service is to be called
	CheckReached   CheckState = "reached"   // somebody answered there
	CheckConfirmed CheckState = "confirmed" // and says that the call was theirs
	CheckDenied    CheckState = "denied"    // or that it was not
)

// checkSaid is the announcement that a caller is left with.
const checkSaid = "check"

const selectCheck = `SELECT id, contact_id, number, state, asked_at, asked_by, reached_at, answered_at, answered_by, tries, outcome FROM phone_check
	WHERE contact_id = $1 ORDER BY asked_at DESC, id DESC`

func scanCheck(r store.Row) (k Check, err error) {
	return k, r.Scan(&k.ID, &k.ContactID, &k.Number, &k.State, &k.AskedAt, &k.AskedBy, &k.ReachedAt, &k.AnsweredAt, &k.AnsweredBy, &k.Tries, &k.Outcome)
}

// Checks are those of a contact, the newest first.
func (p *Phone) Checks(ctx context.Context, contactID string) ([]Check, error) {
	return store.All(ctx, p.db, scanCheck, selectCheck, contactID)
}

// lastCheck is the newest; ok is false when there is none.
func (p *Phone) lastCheck(ctx context.Context, contactID string) (k Check, ok bool, err error) {
	all, err := p.Checks(ctx, contactID)
	if err != nil || len(all) == 0 {
		return Check{}, false, err
	}
	return all[0], true, nil
}

// listed returns a number on which callers are checked.
func (p *Phone) listed(code string) (catalogue.Number, error) {
	for _, n := range p.catalogue().Numbers.Listed() {
		if n.Code == code {
			return n, nil
		}
	}
	return catalogue.Number{}, fault.New(fault.Forbidden, "fault.phone.not_listed")
}

// Book writes that whoever speaks in a contact is to be called back on a listed number, by its code. One that is booked
// already is booked elsewhere from now on. It returns fault.Forbidden "fault.phone.not_listed" for any other
// number, "fault.contact.not_yours".
func (p *Phone) Book(ctx context.Context, staffID, contactID, code string) error {
	number, err := p.listed(code)
	if err != nil {
		return err
	}
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := p.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return err
		}
		if ct.CounsellorID != staffID || ct.State != contact.Talking && ct.State != contact.Parked && ct.State != contact.WrapUp {
			return fault.New(fault.Forbidden, "fault.contact.not_yours")
		}
		now := store.Millis(p.now())
		n, err := tx.Exec(ctx, `UPDATE phone_check SET number = $2, asked_at = $3, asked_by = $4, tries = 0, outcome = '' WHERE contact_id = $1 AND state = 'booked'`,
			contactID, number.Code, now, staffID)
		if err == nil && n == 0 {
			_, err = tx.Exec(ctx, `INSERT INTO phone_check (id, contact_id, number, state, asked_at, asked_by) VALUES ($1, $2, $3, 'booked', $4, $5)`,
				store.NewID(), contactID, number.Code, now, staffID)
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { p.changed(contactID) })
		return p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(staffID), Act: "phone.check_book", Object: "contact", ObjectID: contactID,
			Detail: map[string]string{"number": number.Code}})
	})
}

// Part ends the call of a contact whose caller is to be checked: she hears why, alone, and is hung up; the contact is
// written up from now on. With now, the service is called as soon as that call is over. It returns errNoLine when there
// is no call (any more).
func (p *Phone) Part(ctx context.Context, staffID, contactID string, now bool) error {
	_, err := p.of(ctx, ask{Op: opPart, Contact: contactID, Staff: staffID, On: now})
	return err
}

// partFor begins the end of a call whose caller is checked.
func (c *call) partFor(ctx context.Context, a ask) error {
	if c.row.direction == Outbound {
		return errCalling
	}
	if _, err := c.phone.contacts.EndConversation(ctx, c.contact.ID, contactActor(a.Staff), contact.Change{}); err != nil {
		return err
	}
	c.outcome, c.over, c.parting = ByStaff, true, []string{checkSaid}
	if a.On {
		p, staffID, contactID := c.phone, a.Staff, c.contact.ID
		c.then = func() {
			if err := p.CallListed(p.running, staffID, contactID); err != nil { // it stays booked, and her page has a button
				p.log.Warn("phone: a service could not be called at once", "error", err)
			}
		}
	}
	return nil
}

// CallListed calls the listed number that is booked for a contact, as a call of that contact. The counsellor's browser
// attaches to it as to any call. Its faults are those of CallBack, and fault.Conflict "fault.phone.no_check" when nothing is booked.
func (p *Phone) CallListed(ctx context.Context, staffID, contactID string) error {
	ct, going, err := p.mayCall(ctx, staffID, contactID)
	if going || err != nil {
		return err
	}
	check, ok, err := p.lastCheck(ctx, contactID)
	if err != nil {
		return err
	}
	if !ok || check.State != CheckBooked {
		return fault.New(fault.Conflict, "fault.phone.no_check")
	}
	number, err := p.listed(check.Number)
	if err != nil {
		return err
	}
	return p.callOut(ctx, ct, callRow{staffID: staffID}, func(tx *store.Tx, row callRow) error {
		if _, err := tx.Exec(ctx, `UPDATE phone_check SET tries = tries + 1, call_id = $2 WHERE id = $1`, check.ID, row.id); err != nil {
			return err
		}
		return p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(staffID), Act: "phone.check_call", Object: "contact", ObjectID: contactID,
			Detail: map[string]string{"number": number.Code, "call": row.id}})
	}, func(c *call) {
		c.check = &check
		c.callOut(number.Dial(), true) // a service sees who calls it
	})
}

// checked keeps what came of a call to a listed number; outcome "" is that somebody answered.
func (c *call) checked(outcome string) {
	p, ctx := c.phone, context.WithoutCancel(c.ctx)
	query, args := `UPDATE phone_check SET outcome = $2 WHERE id = $1`, []any{c.check.ID, outcome}
	if outcome == "" {
		query, args = `UPDATE phone_check SET state = 'reached', outcome = '', reached_at = $2 WHERE id = $1 AND state = 'booked'`, []any{c.check.ID, store.Millis(p.now())}
	}
	if _, err := p.db.Exec(ctx, query, args...); err != nil {
		c.log.Error("phone: what came of a call to a listed number could not be kept", "error", err)
	}
	p.changed(c.row.contactID)
}

// Confirm writes what the service said: whether the call was theirs. It may be corrected while the contact is hers. It
// returns fault.Conflict "fault.phone.not_reached" when nobody answered there yet, fault.Forbidden
// "fault.contact.not_yours".
func (p *Phone) Confirm(ctx context.Context, staffID, contactID string, theirs bool) error {
	check, ok, err := p.lastCheck(ctx, contactID)
	if err != nil {
		return err
	}
	if !ok || check.State == CheckBooked {
		return fault.New(fault.Conflict, "fault.phone.not_reached")
	}
	state := CheckDenied
	if theirs {
		state = CheckConfirmed
	}
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := p.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return err
		}
		if err := hers(ct, staffID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE phone_check SET state = $2, answered_at = $3, answered_by = $4 WHERE id = $1`, check.ID, string(state), store.Millis(p.now()), staffID); err != nil {
			return err
		}
		tx.AfterCommit(func() { p.changed(contactID) })
		return p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(staffID), Act: "phone.check_" + string(state), Object: "contact", ObjectID: contactID,
			Detail: map[string]string{"number": check.Number}})
	})
}
