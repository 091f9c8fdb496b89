package phone

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// The line of those who were promised a call. A promise has a time at which it is due; until then its contact waits and
// is offered to nobody (contact.DueAt), from then on it comes first. Nothing but a person who was reached, or somebody's
// word with a reason, ends it.

func ignoreNoRow(err error) error {
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	return err
}

// asked promises a call to whoever asks for one in a letter, on a number that may be called.
func (p *Phone) asked(ctx context.Context, tx *store.Tx, contactID string, key *seal.Key, b contact.Callback) error {
	if b.On == "" {
		return nil // it is promised where it was asked for, on the telephone
	}
	number := p.home(contact.NormalNumber(b.On))
	if number == "" {
		return nil
	}
	return p.promiseAt(ctx, tx, contactID, key, number, p.ringsFrom(p.now()), true)
}

// backInLine puts a contact that somebody has back in line until its promise is due.
func (p *Phone) backInLine(ctx context.Context, tx *store.Tx, b Callback, by audit.Actor, supervising bool) error {
	_, err := p.contacts.Postpone(ctx, tx, b.ContactID, store.Time(b.DueAt), p.dueReason(store.Time(b.DueAt), b.Tries+1), by, supervising)
	return err
}

// dueReason says for when somebody was promised a call, and which try it will be.
func (p *Phone) dueReason(due time.Time, try int) contact.Reason {
	why := contact.Reason{Code: catalogue.ReasonCallbackDue, Weight: dueWeight}
	if r, ok := p.catalogue().Queues.Reason(why.Code); ok { // its 0 is a 0
		why.Weight = r.Weight
	}
	local, now := p.local(due), p.local(p.now())
	form := "15:04"
	if local.YearDay() != now.YearDay() || local.Year() != now.Year() {
		form = "02/01 15:04"
	}
	why.Args = map[string]string{"hour": local.Format(form)}
	if try > 1 {
		why.Args["try"] = strconv.Itoa(try)
	}
	return why
}

// dueWeight is what a promise that is due weighs under a catalogue that does not say it.
const dueWeight = 2000

// longestPutBack is how far off a call may be put.
const longestPutBack = 14 * 24 * time.Hour

// PutBack puts a contact that is promised a call back in line until a moment, moved to when a phone may ring at
// somebody's home; tries that were used up count anew. It returns fault.Invalid "fault.phone.when" for a moment that is
// past or too far off, fault.Conflict "fault.phone.no_promise" where no call is promised (any more),
// "fault.phone.calling" while it goes on, and the faults of Move.
func (p *Phone) PutBack(ctx context.Context, contactID string, until time.Time, by audit.Actor, supervising bool) error {
	now := p.now()
	if until.Before(now.Add(-time.Minute)) || until.After(now.Add(longestPutBack)) {
		return fault.New(fault.Invalid, "fault.phone.when")
	}
	if _, going, err := p.openCall(ctx, contactID); err != nil {
		return err
	} else if going {
		return errCalling
	}
	due := p.ringsFrom(until)
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		b, err := store.One(ctx, tx, scanCallback, selectCallback+` WHERE contact_id = $1 AND state IN ('open', 'given_up')`, contactID)
		if errors.Is(err, store.ErrNoRow) {
			return errNoPromise
		}
		if err != nil {
			return err
		}
		if b.State == CallbackGivenUp {
			b.Tries = 0
		}
		b.DueAt = store.Millis(due)
		if _, err := tx.Exec(ctx, `UPDATE phone_callback SET state = 'open', due_at = $2, tries = $3 WHERE contact_id = $1`, contactID, b.DueAt, int64(b.Tries)); err != nil {
			return err
		}
		if err := p.backInLine(ctx, tx, b, by, supervising); err != nil {
			return err
		}
		tx.AfterCommit(func() { p.changed(contactID) })
		return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "phone.put_back", Object: "contact", ObjectID: contactID})
	})
}

var errNoPromise = fault.New(fault.Conflict, "fault.phone.no_promise")

// CancelReasons are for what a call is not made that was promised.
var CancelReasons = []string{"reached_otherwise", "not_wanted", "wrong_number", "unsafe", "unreachable"}

// CancelCallback takes a promise back, for one of CancelReasons: fault.Invalid "fault.phone.why" for another.
func (p *Phone) CancelCallback(ctx context.Context, contactID, why string, by audit.Actor) error {
	if !slices.Contains(CancelReasons, why) {
		return fault.New(fault.Invalid, "fault.phone.why")
	}
	return p.db.Tx(ctx, func(tx *store.Tx) error { return p.cancel(ctx, tx, contactID, why, by) })
}

func (p *Phone) cancel(ctx context.Context, tx *store.Tx, contactID, why string, by audit.Actor) error {
	n, err := tx.Exec(ctx, `UPDATE phone_callback SET state = 'cancelled', why = $2 WHERE contact_id = $1 AND state IN ('open', 'given_up')`, contactID, why)
	if err != nil || n == 0 {
		return err
	}
	tx.AfterCommit(func() { p.changed(contactID); p.floorChanges() })
	return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "phone.callback_cancel", Object: "contact", ObjectID: contactID, Detail: map[string]string{"why": why}})
}

// closes keeps a contact whose promise is open from being written up and forgotten: it is kept in line, or cancelled with a
// reason. Where something else closes it (one click, a clock), that is the reason.
func (p *Phone) closes(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	if m.After.State != contact.Closed || m.Before.State == contact.Closed {
		return nil
	}
	if m.Event == contact.Close {
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM phone_callback WHERE contact_id = $1 AND state = 'open'`, m.After.ID)
		if err == nil && n > 0 {
			err = fault.New(fault.Conflict, "fault.phone.promised")
		}
		return err
	}
	return p.cancel(ctx, tx, m.After.ID, string(m.Event), m.By)
}

// Promise is a call that we owe somebody, with who has it now.
type Promise struct {
	Callback
	Contact contact.Contact
}

// Promises are the calls that we owe, those first that are due first. One that was tried as often as the rules say is among
// them as long as its contact is open.
func (p *Phone) Promises(ctx context.Context) ([]Promise, error) {
	if !p.On() {
		return nil, nil
	}
	all, err := store.All(ctx, p.db, scanCallback, `SELECT b.contact_id, b.state, b.asked_at, b.due_at, b.tries, b.tried_at, b.outcome, b.why, b.by_form, b.number_sealed
		FROM phone_callback b JOIN contact c ON c.id = b.contact_id WHERE b.state IN ('open', 'given_up') AND c.state <> 'closed' ORDER BY b.due_at, b.contact_id`)
	if err != nil {
		return nil, err
	}
	var promises []Promise
	for _, b := range all {
		ct, err := p.contacts.Get(ctx, b.ContactID)
		if ignore(err, fault.NotFound, fault.Gone) != nil {
			return nil, err
		}
		if err == nil {
			promises = append(promises, Promise{b, ct})
		}
	}
	return promises, nil
}

// slots is how many times of the day a call may be put off to.
const slots = 16

// Slots are the next full hours at which a phone may ring at somebody's home.
func (p *Phone) Slots() []time.Time {
	set := p.catalogue()
	var all []time.Time
	for at := p.now().In(set.Hours.Zone()).Truncate(time.Hour).Add(time.Hour); len(all) < slots; {
		next, may := set.MayRing(at)
		if next.IsZero() {
			break
		}
		if !may {
			at = next
		}
		all = append(all, at)
		at = at.Truncate(time.Hour).Add(time.Hour)
	}
	return all
}

// dueCallbacks wakes the line and the desks when a promise has come due since they were told last.
func (p *Phone) dueCallbacks(ctx context.Context) error {
	now := p.now()
	since := p.dueTo
	if since.IsZero() {
		since = now.Add(-beatEvery)
	}
	n, err := store.One(ctx, p.db, scanInt, `SELECT count(*) FROM contact WHERE state = 'waiting' AND due_at <= $1 AND due_at > $2`, store.Millis(now), store.Millis(since))
	if err != nil {
		return err
	}
	p.dueTo = now
	if n > 0 {
		p.floorChanges()
	}
	return nil
}
