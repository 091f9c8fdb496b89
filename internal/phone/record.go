package phone

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/media"
	"vigie/internal/routing"
	"vigie/internal/store"
)

// The directions of a call.
const (
	Inbound  = "in"
	Outbound = "out"
)

// State is where a call stands. The contact's own state says whose it is; this one says what is heard.
type State string

// The states of a call.
const (
	Greeting  State = "greeting"  // hears the greeting, or chooses by a key; not in line yet
	Waiting   State = "waiting"   // music, and her place
	Dialling  State = "dialling"  // an outbound call rings
	Talking   State = "talking"   // with her counsellor
	Held      State = "held"      // music, while the counsellor does something else
	Parked    State = "parked"    // the counsellor's browser is gone for a moment
	Voicemail State = "voicemail" // speaks a message
	Passed    State = "passed"    // talks with whom she was connected to, without us
	Ended     State = "ended"
)

// How a call ended; the figures count by it.
const (
	ByCaller    = "caller"    // the caller hung up
	ByStaff     = "staff"     // the counsellor ended it
	ByHouse     = "house"     // we did: closed, blocked, the message is spoken, a call-back was promised
	ByNobody    = "no_answer" // an outbound call that nobody answered
	ByBusy      = "busy"      // an outbound call to a line that was busy
	ByRefusal   = "refused"   // an outbound call that the network refused
	BySilence   = "line_lost" // no sound came any more
	ByNodeLost  = "node_lost" // the node died
	ByBreakdown = "breakdown" // our own fault
	ByBlock     = "blocked"   // kept out for a while
)

// How else a try to call somebody back ended.
const (
	ByHangUp   = "hung_up"     // the counsellor hung up before anybody answered
	ByDesk     = "desk_lost"   // her line was lost before anybody answered
	ByBreak    = "interrupted" // the node that rang died, or closed
	ByAnswer   = "answered"    // somebody answered, and who it was has not been said
	ByPerson   = "person"      // it was the person who was promised it
	BySomebody = "other"       // it was somebody else
	ByMachine  = "machine"     // it was an answering machine
)

// callRow is a call in the record.
type callRow struct {
	id, contactID, node, trunk, direction string
	state                                 State
	lang, staffID, introducing            string
	mark                                  []byte
	noListening                           bool
	beganAt, queuedAt, answeredAt         int64
	outcome                               string
}

const (
	insertCall = `INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, mark, staff_id, began_at, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`

	// $1 call, $2 contact, $3 state, $4 refuses to be listened to, $5 in line since, $6 answered at, $7 who introduces.
	updateCall = `UPDATE phone_call SET rev = rev + 1, contact_id = $2, state = $3, no_listening = $4, queued_at = $5, answered_at = $6, introducing = $7
		WHERE id = $1 AND ended_at = 0`

	// $1 call, $2 now, $3 how.
	endCall = `UPDATE phone_call SET rev = rev + 1, state = 'ended', ended_at = $2, outcome = $3 WHERE id = $1 AND ended_at = 0`

	// $1 node, $2 lease.
	beatCalls = `UPDATE phone_call SET lease_until = $2 WHERE node = $1 AND ended_at = 0`

	// $1 lease that is over, $2 this node, whose own calls are told by what it has, $3 when they began to be old enough.
	selectLostCalls = `SELECT id, contact_id, node, direction FROM phone_call
		WHERE ended_at = 0 AND (node <> $2 AND lease_until < $1 OR node = $2 AND began_at < $3)`

	// The call of a contact that goes on.
	selectOpenCall = `SELECT id, contact_id, node, trunk, direction, state, lang, staff_id, mark, no_listening, began_at, queued_at, answered_at, outcome
		FROM phone_call WHERE contact_id = $1 AND ended_at = 0 ORDER BY began_at DESC LIMIT 1`

	// The newest call of a contact, over or not.
	selectLastCall = `SELECT id, contact_id, node, trunk, direction, state, lang, staff_id, mark, no_listening, began_at, queued_at, answered_at, outcome
		FROM phone_call WHERE contact_id = $1 ORDER BY began_at DESC LIMIT 1`

	// A caller who was cut off lately: $1 mark, $2 since. Last, whether she comes first. Where the fault was ours she does.
	// A silent line she can make herself: it takes nobody past others who wait, so she comes first only if she had
	// been answered, had nobody before her who waits still, or is in danger.
	selectCutOff = `SELECT p.contact_id, p.no_listening, p.lang, p.outcome <> 'line_lost' OR p.answered_at > 0
			OR EXISTS (SELECT 1 FROM contact c WHERE c.id = p.contact_id AND c.danger)
			OR NOT EXISTS (SELECT 1 FROM contact w WHERE w.state IN ('waiting', 'offered') AND w.channel IN ('chat', 'phone') AND w.waiting_since < p.queued_at)
		FROM phone_call p WHERE p.mark = $1 AND p.ended_at > $2 AND p.contact_id <> ''
		AND p.outcome IN ('node_lost', 'line_lost', 'breakdown') ORDER BY p.ended_at DESC LIMIT 1`

	// The calls that a member of staff is in: $1.
	selectCallsOf = `SELECT p.contact_id FROM phone_call p JOIN contact c ON c.id = p.contact_id
		WHERE p.ended_at = 0 AND p.state <> 'passed' AND (c.counsellor_id = $1 AND (c.state IN ('talking', 'parked') OR c.state = 'wrapup' AND p.direction = 'out') OR p.introducing = $1) ORDER BY p.began_at DESC`

	insertLeg = `INSERT INTO phone_leg (id, call_id, kind, staff_id, began_at, ended_at, received, lost, late, jitter_us, round_trip_us, mos_hundredths)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
)

func scanCall(r store.Row) (callRow, error) {
	var c callRow
	return c, r.Scan(&c.id, &c.contactID, &c.node, &c.trunk, &c.direction, &c.state, &c.lang, &c.staffID, &c.mark, &c.noListening,
		&c.beganAt, &c.queuedAt, &c.answeredAt, &c.outcome)
}

// openCall returns the call of a contact that goes on, on whatever node; ok is false when there is none.
func (p *Phone) openCall(ctx context.Context, contactID string) (c callRow, ok bool, err error) {
	c, err = store.One(ctx, p.db, scanCall, selectOpenCall, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return callRow{}, false, nil
	}
	return c, err == nil, err
}

// Of returns the contact of the call that a member of staff is in, the newest first; "" for none.
func (p *Phone) Of(ctx context.Context, staffID string) (contactID string, err error) {
	all, err := store.All(ctx, p.db, scanText, selectCallsOf, staffID)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0], nil
}

// begin writes the row of a call that has just come, or is about to be made. It returns errCalling when a call of ours
// to the person of this contact goes on already: the record has room for one (phone_call_one_out).
func (p *Phone) begin(ctx context.Context, w writer, c callRow) error {
	now := store.Millis(p.now())
	n, err := w.Exec(ctx, insertCall, c.id, c.contactID, p.Node(), c.trunk, c.direction, string(c.state), c.lang, c.mark, c.staffID, now, now+leaseFor.Milliseconds())
	if err == nil && n == 0 {
		err = errCalling
	}
	return err
}

// errCalling is a call that would be made to somebody who is being called.
var errCalling = fault.New(fault.Conflict, "fault.phone.calling")

// writer is the record, or a transaction of it.
type writer interface {
	Exec(ctx context.Context, query string, args ...any) (int64, error)
}

func (p *Phone) save(ctx context.Context, w writer, c callRow) error {
	_, err := w.Exec(ctx, updateCall, c.id, c.contactID, string(c.state), c.noListening, c.queuedAt, c.answeredAt, c.introducing)
	return err
}

// finish ends a call, unless that is written already, and does to its contact what the end of its line does; a
// contact that this is nothing to stays as it is.
func (p *Phone) finish(ctx context.Context, tx *store.Tx, c callRow, ev contact.Event, by audit.Actor) (ended bool, err error) {
	n, err := tx.Exec(ctx, endCall, c.id, store.Millis(p.now()), c.outcome)
	if err != nil || n == 0 {
		return false, err
	}
	if c.contactID == "" && c.direction == Inbound && p.lost != nil {
		return true, p.lost(ctx, tx, c.id)
	}
	if c.contactID == "" || c.direction == Outbound {
		return true, nil
	}
	ct, err := p.contacts.GetWithin(ctx, tx, c.contactID)
	if err != nil || ct.Channel != contact.ChannelPhone {
		return true, ignore(err, fault.NotFound)
	}
	_, err = p.contacts.Move(ctx, tx, ct.ID, ev, by, contact.Change{})
	return true, ignore(err, fault.Conflict, fault.Forbidden)
}

// legDone keeps how a line of a call did.
func (p *Phone) legDone(ctx context.Context, callID, kind, staffID string, since time.Time, q media.Quality) error {
	_, err := p.db.Exec(ctx, insertLeg, store.NewID(), callID, kind, staffID, store.Millis(since), store.Millis(p.now()),
		int64(q.Received), int64(q.Lost), int64(q.Late), q.Jitter.Microseconds(), q.RoundTrip.Microseconds(), int64(q.MOS*100))
	return err
}

// beat says that this node still has its calls.
func (p *Phone) beat(ctx context.Context) error {
	if p.Calls() == 0 {
		return nil
	}
	_, err := p.db.Exec(ctx, beatCalls, p.Node(), store.Millis(p.now())+leaseFor.Milliseconds())
	return err
}

// endLost ends the calls of nodes that are gone, and their contacts: whoever waited is not offered any more,
// whoever talked is written up, and should they ring again they are recognised and come first. So are calls of this
// node that it does not have (any more), because their end could not be written when they ended. all is for a
// record that one process alone uses: every call of another run is lost, whatever its lease says.
func (p *Phone) endLost(ctx context.Context, all bool) error {
	now := store.Millis(p.now())
	before := now
	if all {
		before += 2 * leaseFor.Milliseconds()
	}
	calls, err := store.All(ctx, p.db, func(r store.Row) (c callRow, err error) {
		return c, r.Scan(&c.id, &c.contactID, &c.node, &c.direction)
	}, selectLostCalls, before, p.Node(), now-leaseFor.Milliseconds())
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range calls {
		c.outcome = ByNodeLost
		if c.node == p.Node() {
			if p.has(c.id) {
				continue
			}
			c.outcome = ByBreakdown
		}
		err := p.db.Tx(ctx, func(tx *store.Tx) error {
			ended, err := p.finish(ctx, tx, c, contact.Cut, contact.SystemActor)
			if ended { // else another node was faster
				tx.AfterCommit(func() { p.changed(c.contactID) })
			}
			return err
		})
		errs = append(errs, err) // those after it are lost all the same
	}
	return errors.Join(errs...)
}

// forgetting is what is not kept of calls that are over: which number one came from and who of us was in it once that is
// so long ago that nobody comes back for it, then all of it, with its lines. Nothing else is a copy of it.
var forgetting = []struct {
	statement string // $1 calls that ended before; some hundreds at a time, so that nobody waits for it
	kept      func(*catalogue.Phone) time.Duration
}{
	{`UPDATE phone_call SET mark = NULL, staff_id = '', introducing = '' WHERE id IN (SELECT id FROM phone_call
		WHERE ended_at > 0 AND ended_at < $1 AND (mark IS NOT NULL OR staff_id <> '' OR introducing <> '') LIMIT 500)`, func(*catalogue.Phone) time.Duration { return markKept }},
	{`UPDATE phone_leg SET staff_id = '' WHERE id IN (SELECT id FROM phone_leg WHERE ended_at < $1 AND staff_id <> '' LIMIT 500)`,
		func(*catalogue.Phone) time.Duration { return markKept }},
	{`DELETE FROM phone_call WHERE id IN (SELECT id FROM phone_call WHERE ended_at > 0 AND ended_at < $1 LIMIT 500)`,
		func(rules *catalogue.Phone) time.Duration { return rules.KeepCalls }},
}

// forgetEvery is how often that is looked at.
const forgetEvery = time.Hour

// forget clears and deletes what is not kept any more of calls that are over.
func (p *Phone) forget(ctx context.Context) error {
	now := p.now()
	if now.Sub(p.forgot).Abs() < forgetEvery {
		return nil
	}
	for _, f := range forgetting {
		before := store.Millis(now.Add(-f.kept(p.rules())))
		for n := int64(1); n > 0; {
			var err error
			if n, err = p.db.Exec(ctx, f.statement, before); err != nil {
				return err
			}
		}
	}
	p.forgot = now
	return nil
}

// LeftAlone is how many callers talk on with an outside telephone because their counsellor's line was lost: nobody of us
// is with them, and nobody chose to leave them.
func (p *Phone) LeftAlone(ctx context.Context) (int, error) {
	n, err := store.One(ctx, p.db, scanInt, `SELECT count(*) FROM phone_call p JOIN contact c ON c.id = p.contact_id
		WHERE p.ended_at = 0 AND p.state = 'passed' AND c.ended_by = 'system'`)
	return int(n), err
}

// floorChanges has the floor drawn again.
func (p *Phone) floorChanges() { p.bus.Publish("queue", []byte("{}")) }

// blocked says whether a caller is kept out for a while.
func (p *Phone) blocked(ctx context.Context, number string) (bool, error) {
	view, err := p.router.Blocked(ctx, routing.Caller{Number: number})
	return view.Blocked, err
}

// cut is the call of somebody that broke off lately.
type cut struct {
	contactID string // "" for none
	lang      string // the one in which she was spoken with
	refused   bool   // she refused to be listened to
	first     bool   // she comes first in line, and is told so
}

// cutOff returns the call that a caller was cut off from lately; the zero value for anybody else.
func (p *Phone) cutOff(ctx context.Context, mark []byte) (cut, error) {
	if mark == nil {
		return cut{}, nil
	}
	since := store.Millis(p.now().Add(-p.rules().CutOffFor))
	c, err := store.One(ctx, p.db, func(r store.Row) (c cut, err error) { return c, r.Scan(&c.contactID, &c.refused, &c.lang, &c.first) }, selectCutOff, mark, since)
	if errors.Is(err, store.ErrNoRow) {
		return cut{}, nil
	}
	return c, err
}

func (p *Phone) rules() *catalogue.Phone { return p.catalogue().Phone }

func scanInt(r store.Row) (int64, error)   { var n int64; return n, r.Scan(&n) }
func scanText(r store.Row) (string, error) { var s string; return s, r.Scan(&s) }

// ignore drops faults of these kinds: somebody was faster, and all is well.
func ignore(err error, kinds ...fault.Kind) error {
	for _, k := range kinds {
		if fault.Is(err, k) {
			return nil
		}
	}
	return err
}
