package routing

import (
	"context"
	"errors"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// The kinds of an offer.
const (
	FromQueue    = "queue"    // the next of the line
	FromHandOver = "handover" // a colleague hands over a conversation
	taken        = "taken"    // never open: a counsellor took it from the list herself
)

// How an offer ends.
const (
	open      = "open"
	accepted  = "accepted"
	declined  = "declined"
	passed    = "passed"    // "I know this person"
	silent    = "silent"    // nobody answered in time
	withdrawn = "withdrawn" // the person left, the desk is gone, it was called back
)

// Ringing is what rings at a desk.
type Ringing struct {
	ContactID string
	// Kind is FromQueue or FromHandOver.
	Kind string
	// FromID is the colleague who hands over, "" for the queue.
	FromID string
	// Until is when it stops ringing here, Unix milliseconds.
	Until int64
}

// OfferFor is how long a kind of offer rings at one desk.
func (r *Router) OfferFor(kind string) time.Duration {
	if kind == FromHandOver {
		return r.times.HandOver
	}
	return r.times.Offer
}

// openOffer is an offer that runs, with what has become of its contact.
type openOffer struct {
	id, contactID, staffID, kind, fromID          string
	madeAt, until                                 int64
	state                                         contact.State
	offeredTo, counsellorID                       string
	personID, channel, lang, public, topic, queue string
}

// stands says that the contact is still where the offer left it.
func (o openOffer) stands() bool {
	if o.kind == FromHandOver {
		return (o.state == contact.Talking || o.state == contact.Parked) && o.counsellorID == o.fromID
	}
	return o.state == contact.Offered && o.offeredTo == o.staffID
}

// RingingAt returns what rings at a counsellor's desk; ok is false when nothing does.
func (r *Router) RingingAt(ctx context.Context, staffID string) (ring Ringing, ok bool, err error) {
	o, err := store.One(ctx, r.db, scanOpenOffer, selectOpenOffers+` AND o.staff_id = $1`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return Ringing{}, false, nil
	}
	if err != nil || !o.stands() {
		return Ringing{}, false, err
	}
	return Ringing{ContactID: o.contactID, Kind: o.kind, FromID: o.fromID, Until: o.until}, true, nil
}

// errLostRace undoes a transaction that came too late, without being anybody's fault.
var errLostRace = errors.New("routing: somebody was faster")

// claim offers a waiting contact to a counsellor, if on this very moment she is free and it still waits;
// false when one of the two is no longer so.
func (r *Router) claim(ctx context.Context, s *Seat, w waiting) (bool, error) {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		p, ok, err := lock(ctx, tx, s.StaffID)
		if err != nil {
			return err
		}
		if !ok {
			return errLostRace
		}
		now := r.now() // after the turn was ours: the offer's time is not spent waiting for it
		l, err := r.loadOf(ctx, tx, s.StaffID, now)
		if err != nil {
			return err
		}
		if seat := r.seat(p, s.Person, l, now); !seat.free() || !seat.roomFor(w.channel) {
			return errLostRace
		}
		if barred, err := r.recused(ctx, tx, w.personID, s.StaffID); err != nil {
			return err
		} else if barred {
			return errLostRace
		}
		ms := store.Millis(now)
		until := ms + r.times.Offer.Milliseconds()
		n, err := tx.Exec(ctx, insertOffer, store.NewID(), w.id, s.StaffID, FromQueue, "", open, w.lang, ms, until)
		if err != nil {
			return err
		}
		if n == 0 {
			return errLostRace // one of the two indexes: she is rung already, or it is
		}
		_, err = r.contacts.Move(ctx, tx, w.id, contact.Offer, contact.SystemActor, contact.Change{StaffID: s.StaffID, OfferUntil: until})
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { r.tell(s.StaffID, StaffEvent{What: "offer", Contact: w.id}) })
		return nil
	})
	if errors.Is(err, errLostRace) {
		return false, nil
	}
	if err != nil {
		return false, ignoreLostRace(err)
	}
	return true, nil
}

// Accept takes what rings at a counsellor's desk. Accepting again (a double click, a second tab, a
// resend) what is already hers changes nothing. It returns fault.Conflict "fault.routing.offer_over"
// when it no longer rings here: it went on to somebody else, or the person left.
func (r *Router) Accept(ctx context.Context, staffID, contactID string) error {
	over := fault.New(fault.Conflict, "fault.routing.offer_over")
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, _, err := lock(ctx, tx, staffID); err != nil {
			return err
		}
		o, rings, err := offerTo(ctx, tx, staffID, contactID)
		if err != nil {
			return err
		}
		if !rings {
			hers, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM contact
				WHERE id = $1 AND counsellor_id = $2 AND state IN ('talking', 'parked')`, contactID, staffID)
			if err == nil && hers == 0 {
				err = over
			}
			return err
		}
		if !o.stands() {
			return over // the person left, or the conversation ended: the next sweep stops the ringing
		}
		before, err := store.One(ctx, tx, scanWait, selectWait, contactID)
		if err != nil {
			return err
		}
		now := store.Millis(r.now())
		n, err := tx.Exec(ctx, endOffer, o.id, accepted, now, before.firstWait(now))
		if err != nil {
			return err
		}
		if n == 0 {
			return errLostRace
		}
		if _, err := tx.Exec(ctx, touchIdle, staffID, now); err != nil {
			return err
		}
		if o.kind == FromHandOver {
			// The colleague gives it: the move is hers, and hers is the contact until this moment.
			_, err = r.contacts.Move(ctx, tx, contactID, contact.HandOver, byStaff(o.fromID), contact.Change{StaffID: staffID})
			tx.AfterCommit(func() { r.tell(o.fromID, StaffEvent{What: "handed_over", Contact: contactID}) })
		} else {
			_, err = r.contacts.Move(ctx, tx, contactID, contact.Accept, byStaff(staffID), contact.Change{})
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { r.tell(staffID, StaffEvent{What: "taken", Contact: contactID}) })
		if o.kind != FromHandOver {
			return nil // the move says who
		}
		return r.record(ctx, tx, byStaff(staffID), "routing.hand_over_accept", "contact", contactID, map[string]string{"from": o.fromID})
	})
	if errors.Is(err, errLostRace) || err != nil && ignoreLostRace(err) == nil {
		return over
	}
	return err
}

// Decline refuses what rings at a counsellor's desk: it goes on to the next one, and does not come back
// to her for a while unless there is nobody else. Declining what no longer rings changes nothing.
func (r *Router) Decline(ctx context.Context, staffID, contactID string) error {
	now := store.Millis(r.now())
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, _, err := lock(ctx, tx, staffID); err != nil {
			return err
		}
		o, rings, err := offerTo(ctx, tx, staffID, contactID)
		if err != nil || !rings {
			return err
		}
		if n, err := tx.Exec(ctx, endOffer, o.id, declined, now, 0); err != nil || n == 0 {
			return err
		}
		if o.kind == FromHandOver {
			tx.AfterCommit(func() { r.tell(o.fromID, StaffEvent{What: "hand_over_ended", Contact: contactID}) })
		} else if _, err := r.contacts.Move(ctx, tx, contactID, contact.Decline, byStaff(staffID), contact.Change{}); ignoreLostRace(err) != nil {
			return err
		}
		tx.AfterCommit(func() { r.tell(staffID, StaffEvent{What: "taken", Contact: contactID}) })
		if o.kind != FromHandOver {
			return nil
		}
		return r.record(ctx, tx, byStaff(staffID), "routing.hand_over_decline", "contact", contactID, map[string]string{"from": o.fromID})
	})
}

// Take gives a counsellor a contact of the line that she chose from the list, if it still waits and
// she has room. It returns fault.Conflict "fault.routing.not_waiting" when it rings or talks elsewhere,
// fault.Conflict "fault.routing.full" when she has no room, "fault.routing.no_phone" for a call where her desk takes none, fault.NotFound "fault.contact.unknown" when
// she knows the person. Taking again what is hers changes nothing.
func (r *Router) Take(ctx context.Context, staffID, contactID string) error {
	person, works, err := r.person(ctx, staffID)
	if err != nil {
		return err
	}
	if !works {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	ct, err := r.contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		p, ok, err := lock(ctx, tx, staffID)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "fault.routing.not_here")
		}
		now := r.now()
		ms := store.Millis(now)
		if barred, err := r.recused(ctx, tx, ct.PersonID, staffID); err != nil {
			return err
		} else if barred {
			return fault.New(fault.NotFound, "fault.contact.unknown")
		}
		before, err := store.One(ctx, tx, scanWait, selectWait, contactID)
		if err != nil {
			return err
		}
		if before.state == contact.Talking && before.counsellorID == staffID {
			return nil
		}
		if before.state != contact.Waiting {
			return fault.New(fault.Conflict, "fault.routing.not_waiting")
		}
		l, err := r.loadOf(ctx, tx, staffID, now)
		if err != nil {
			return err
		}
		seat := r.seat(p, person, l, now)
		if !seat.takes(ct.Channel) {
			return fault.New(fault.Conflict, "fault.routing.no_phone")
		}
		if held := l.talking + l.ringing; l.whole() || held >= seat.Capacity || ct.Channel == contact.ChannelPhone && held > 0 {
			return fault.New(fault.Conflict, "fault.routing.full")
		}
		if _, err := tx.Exec(ctx, insertEndedOffer, store.NewID(), contactID, staffID, taken, accepted, ct.Lang, ms, before.firstWait(ms)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, touchIdle, staffID, ms); err != nil {
			return err
		}
		if _, err = r.contacts.Move(ctx, tx, contactID, contact.Take, byStaff(staffID), contact.Change{}); fault.Is(err, fault.Conflict) {
			return fault.New(fault.Conflict, "fault.routing.not_waiting")
		}
		tx.AfterCommit(func() { r.tell(staffID, StaffEvent{What: "taken", Contact: contactID}) })
		return err
	})
}

// Assign is a supervisor having a waiting contact ring at a named counsellor's desk, out of turn and
// whatever the queue asks for. It returns fault.Conflict "fault.routing.not_waiting" when it does not
// wait any more, and "fault.routing.colleague_away", "fault.routing.colleague_full" or
// "fault.routing.colleague_cannot" as HandOver does.
func (r *Router) Assign(ctx context.Context, supervisorID, contactID, toID string) error {
	person, err := r.colleague(ctx, toID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := r.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return err
		}
		now, err := r.room(ctx, tx, person, ct.Channel)
		if err != nil {
			return err
		}
		if ct.State != contact.Waiting {
			return fault.New(fault.Conflict, "fault.routing.not_waiting")
		}
		if err := r.stranger(ctx, tx, ct.PersonID, toID); err != nil {
			return err
		}
		ms := store.Millis(now)
		until := ms + r.times.Offer.Milliseconds()
		n, err := tx.Exec(ctx, insertOffer, store.NewID(), contactID, toID, FromQueue, "", open, ct.Lang, ms, until)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.routing.colleague_full")
		}
		_, err = r.contacts.Move(ctx, tx, contactID, contact.Offer, byStaff(supervisorID),
			contact.Change{StaffID: toID, OfferUntil: until, Supervising: true})
		if fault.Is(err, fault.Conflict) {
			return fault.New(fault.Conflict, "fault.routing.not_waiting")
		}
		tx.AfterCommit(func() { r.tell(toID, StaffEvent{What: "offer", Contact: contactID}) })
		return err
	})
}

// Give is a supervisor putting a contact that is in hand, set aside or left into somebody's hands at once,
// her own too: nothing rings. It returns fault.Conflict "fault.routing.not_in_hand" for one that waits or is
// closed, "fault.routing.colleague_away" for a colleague who is not at her desk, and
// "fault.routing.colleague_cannot" for somebody who may not answer or knows the person.
func (r *Router) Give(ctx context.Context, supervisorID, contactID, toID string) error {
	person, err := r.colleague(ctx, toID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := r.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return err
		}
		if _, err := r.room(ctx, tx, person, ct.Channel); err != nil && toID != supervisorID && !isFull(err) {
			return err
		}
		if err := r.stranger(ctx, tx, ct.PersonID, toID); err != nil {
			return err
		}
		before := ct.CounsellorID
		_, err = r.contacts.Move(ctx, tx, contactID, contact.HandOver, byStaff(supervisorID), contact.Change{StaffID: toID, Supervising: true})
		if fault.Is(err, fault.Conflict) {
			return fault.New(fault.Conflict, "fault.routing.not_in_hand")
		}
		tx.AfterCommit(func() {
			r.tell(toID, StaffEvent{What: "taken", Contact: contactID})
			if before != "" && before != toID {
				r.tell(before, StaffEvent{What: "handed_over", Contact: contactID})
			}
			r.announceQueue()
		})
		return err
	})
}

// isFull says that a colleague has her hands full: a supervisor may give her one more all the same.
func isFull(err error) bool {
	f := fault.As(err)
	return f != nil && f.Key == "fault.routing.colleague_full"
}

// room takes a colleague's turn and says whether one more may ring at her desk: fault.Conflict
// "fault.routing.colleague_away", "fault.routing.colleague_no_phone" for a call to a desk that takes none, or
// "fault.routing.colleague_full" when not. It returns the time at which the turn was taken, with a conflict too.
func (r *Router) room(ctx context.Context, tx *store.Tx, person staff.Person, channel string) (time.Time, error) {
	p, ok, err := lock(ctx, tx, person.ID)
	now := r.now()
	if err != nil {
		return now, err
	}
	l, err := r.loadOf(ctx, tx, person.ID, now)
	if err != nil {
		return now, err
	}
	seat := r.seat(p, person, l, now)
	if !ok || !seat.onDuty() {
		return now, fault.New(fault.Conflict, "fault.routing.colleague_away")
	}
	if !seat.takes(channel) {
		return now, fault.New(fault.Conflict, "fault.routing.colleague_no_phone")
	}
	if !seat.roomFor(channel) {
		return now, fault.New(fault.Conflict, "fault.routing.colleague_full")
	}
	return now, nil
}

// HandOver rings a named colleague for a conversation that a counsellor has. Until she accepts nothing
// changes for the child, who need not repeat anything: the conversation moves with its past. When the
// colleague does not answer, it simply stays. It returns fault.Forbidden "fault.routing.not_yours" for
// a contact that is not hers, fault.Conflict "fault.routing.colleague_away", "fault.routing.colleague_full"
// or "fault.routing.colleague_cannot" (she may not, and no reason is given), and fault.Conflict
// "fault.routing.handing_over" when it rings for another colleague already.
func (r *Router) HandOver(ctx context.Context, fromID, contactID, toID string) error {
	person, err := r.colleague(ctx, toID)
	if err != nil {
		return err
	}
	if toID == fromID {
		return fault.New(fault.Conflict, "fault.routing.colleague_cannot")
	}
	ct, err := r.contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		now, full := r.room(ctx, tx, person, ct.Channel)
		if full != nil && !fault.Is(full, fault.Conflict) {
			return full
		}
		before, err := store.One(ctx, tx, scanWait, selectWait, contactID)
		if err != nil {
			return err
		}
		if before.counsellorID != fromID || before.state != contact.Talking && before.state != contact.Parked {
			return fault.New(fault.Forbidden, "fault.routing.not_yours")
		}
		if err := r.stranger(ctx, tx, ct.PersonID, toID); err != nil {
			return err
		}
		if full != nil {
			return full // said last: the other reasons are surer
		}
		ms := store.Millis(now)
		n, err := tx.Exec(ctx, insertOffer, store.NewID(), contactID, toID, FromHandOver, fromID, open, ct.Lang, ms, ms+r.times.HandOver.Milliseconds())
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.routing.handing_over")
		}
		tx.AfterCommit(func() {
			r.tell(toID, StaffEvent{What: "offer", Contact: contactID})
			r.announceQueue()
		})
		return r.record(ctx, tx, byStaff(fromID), "routing.hand_over", "contact", contactID, map[string]string{"staff": toID})
	})
}

// HandingOver returns the colleague at whose desk a conversation rings that is being handed over, or "".
func (r *Router) HandingOver(ctx context.Context, contactID string) (toID string, err error) {
	o, err := store.One(ctx, r.db, scanOpenOffer, selectOpenOffers+` AND o.contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) || err == nil && (o.kind != FromHandOver || !o.stands()) {
		return "", nil
	}
	return o.staffID, err
}

// CancelHandOver calls a hand-over back before the colleague took it.
func (r *Router) CancelHandOver(ctx context.Context, fromID, contactID string) error {
	now := store.Millis(r.now())
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		to, err := store.One(ctx, tx, scanID, endHandOver, contactID, fromID, now)
		if errors.Is(err, store.ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() {
			r.tell(to, StaffEvent{What: "offer"})
			r.announceQueue()
		})
		return r.record(ctx, tx, byStaff(fromID), "routing.hand_over_cancel", "contact", contactID, map[string]string{"staff": to})
	})
}

// offerTo returns the open offer of a contact to a counsellor.
func offerTo(ctx context.Context, q store.Querier, staffID, contactID string) (openOffer, bool, error) {
	o, err := store.One(ctx, q, scanOpenOffer, selectOpenOffers+` AND o.staff_id = $1 AND o.contact_id = $2`, staffID, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return openOffer{}, false, nil
	}
	return o, err == nil, err
}

// takeBack ends what rings at a desk; a contact of the queue goes back to the line by ev.
func (r *Router) takeBack(ctx context.Context, tx *store.Tx, staffID string, ev contact.Event, now int64) error {
	o, err := store.One(ctx, tx, scanOpenOffer, selectOpenOffers+` AND o.staff_id = $1`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.endOpen(ctx, tx, o, withdrawn, ev, now)
}

// endOpen ends an open offer as how; a contact that still rings goes back to the line by ev.
func (r *Router) endOpen(ctx context.Context, tx *store.Tx, o openOffer, how string, ev contact.Event, now int64) error {
	n, err := tx.Exec(ctx, endOffer, o.id, how, now, 0)
	if err != nil {
		return err
	}
	if n == 0 {
		return errLostRace
	}
	tx.AfterCommit(func() {
		r.tell(o.staffID, StaffEvent{What: "offer"})
		if o.kind == FromHandOver {
			r.tell(o.fromID, StaffEvent{What: "hand_over_ended", Contact: o.contactID})
		}
	})
	if o.kind == FromHandOver || o.state != contact.Offered || o.offeredTo != o.staffID {
		return nil
	}
	_, err = r.contacts.Move(ctx, tx, o.contactID, ev, contact.SystemActor, contact.Change{})
	return ignoreLostRace(err)
}

// lapse ends an offer that rang in vain. The silent counsellor is set away, so that the next child does
// not ring at an empty chair; but never the last one who could take it (others tells who else could):
// then it goes on ringing at her desk, and the supervisors are rung.
func (r *Router) lapse(ctx context.Context, o openOffer, others []*Seat, now time.Time) error {
	ms := store.Millis(now)
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if o.kind == FromQueue {
			// One at a time on all nodes: two silent counsellors must not each take the other for the one who is left.
			if _, err := tx.Exec(ctx, `UPDATE routing_setting SET rev = rev + 1 WHERE name = 'floor'`); err != nil {
				return err
			}
		}
		if _, _, err := lock(ctx, tx, o.staffID); err != nil {
			return err
		}
		current, rings, err := offerTo(ctx, tx, o.staffID, o.contactID)
		if err != nil {
			return err
		}
		if !rings || current.id != o.id || current.until > ms {
			return errLostRace
		}
		if err := r.endOpen(ctx, tx, current, silent, contact.Lapse, ms); err != nil {
			return err
		}
		if o.kind != FromQueue {
			return nil
		}
		left, err := r.anyLeft(ctx, tx, o.channel, others, now)
		if err != nil {
			return err
		}
		if !left {
			tx.AfterCommit(func() { r.ringSupervisors("silent", o.contactID) })
			return r.record(ctx, tx, contact.SystemActor, "routing.silent_last", "staff", o.staffID, map[string]string{"contact": o.contactID})
		}
		if _, err := tx.Exec(ctx, setSilent, o.staffID, ms); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.tell(o.staffID, StaffEvent{What: "presence"}) })
		return r.record(ctx, tx, contact.SystemActor, "routing.silent", "staff", o.staffID, map[string]string{"contact": o.contactID})
	})
	if errors.Is(err, errLostRace) {
		return nil
	}
	return err
}

// anyLeft says whether one of these counsellors could take a contact as the record stands now.
func (r *Router) anyLeft(ctx context.Context, tx *store.Tx, channel string, others []*Seat, now time.Time) (bool, error) {
	for _, s := range others {
		p, err := store.One(ctx, tx, scanPresence, selectPresence+` WHERE staff_id = $1`, s.StaffID)
		if errors.Is(err, store.ErrNoRow) {
			continue
		}
		if err != nil {
			return false, err
		}
		// Whatever rings at her desk may be silent in a moment too, but then she is the one who is left.
		l, err := r.loadOf(ctx, tx, s.StaffID, now)
		if err != nil {
			return false, err
		}
		seat := r.seat(p, s.Person, l, now)
		if seat.Live && seat.State == Available && seat.WrapUpUntil == 0 && !l.whole() && l.talking < seat.Capacity && seat.takes(channel) {
			return true, nil
		}
	}
	return false, nil
}

// withdraw ends an offer whose contact is no longer where the offer left it: the person left, a
// supervisor took it, the conversation ended.
func (r *Router) withdraw(ctx context.Context, o openOffer, now time.Time) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, _, err := lock(ctx, tx, o.staffID); err != nil {
			return err
		}
		current, rings, err := offerTo(ctx, tx, o.staffID, o.contactID)
		if err != nil || !rings || current.id != o.id || current.stands() {
			return err
		}
		tx.AfterCommit(r.announceQueue)
		return r.endOpen(ctx, tx, current, withdrawn, contact.Lapse, store.Millis(now))
	})
	if errors.Is(err, errLostRace) {
		return nil
	}
	return err
}

// StopRinging ends what still rings for a contact that was closed, so that its desk is told at once and not
// when the next sweep comes by. A contact that still waits, or that nothing rings for, is left alone.
func (r *Router) StopRinging(ctx context.Context, contactID string) error {
	o, err := store.One(ctx, r.db, scanOpenOffer, selectOpenOffers+` AND o.contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.withdraw(ctx, o, r.now())
}
