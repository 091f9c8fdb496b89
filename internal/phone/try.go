package phone

import (
	"context"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
)

// callOut rings the person, with the counsellor's browser at our end. What came of it is written whatever ends it.
func (c *call) callOut(number string, shown bool) {
	ctx, cancel := context.WithTimeout(c.ctx, dialFor)
	defer cancel()
	begun := false
	defer func() {
		if begun {
			c.triedOut()
		}
	}()
	type dialled struct {
		line *trunk.Call
		err  error
	}
	done := make(chan dialled, 1)
	for !c.over {
		if err := c.look(); err != nil {
			c.log.Error("phone: the contact of a call could not be read; trying again", "error", err)
		}
		if c.over {
			return
		}
		c.settle()
		if c.parties.desk.there() && !begun { // nobody rings before somebody is there to speak
			begun = true
			c.countTry()
			c.music.Loop(ringbackTone) // what the counsellor hears meanwhile
			c.settle()
			go func() {
				line, err := c.dial(ctx, trunk.Dial{To: number, Anonymous: !shown})
				done <- dialled{line, err}
				c.nudge()
			}()
		}
		c.until(nil, c.patience())
		select {
		case d := <-done:
			if d.err != nil {
				if !c.over { // else it is her own hanging up that ended it
					c.outcome, c.failed = whyNot(d.err), whyNot(d.err)
				}
				return
			}
			c.carry(d.line)
			c.row.answeredAt = store.Millis(c.phone.now())
			c.answeredOut()
			c.row.state = Waiting
			c.live()
			return
		default:
		}
	}
}

// countTry counts a try when the telephone over there begins to ring, and writes what is true of it should this node die
// now: it was interrupted, and another one is due.
func (c *call) countTry() {
	if c.check != nil { // of a check it is counted with the call's row
		return
	}
	p := c.phone
	_, err := p.db.Exec(c.ctx, `UPDATE phone_callback SET tries = tries + 1, tried_at = $2, outcome = '`+ByBreak+`', due_at = $3
		WHERE contact_id = $1 AND state IN ('open', 'given_up')`, c.row.contactID, store.Millis(p.now()), store.Millis(p.again()))
	c.untold("a try", err)
}

// again is when a try that reached nobody is made again.
func (p *Phone) again() time.Time { return p.ringsFrom(p.now().Add(p.rules().Callback.Again)) }

// answeredOut writes that somebody answered; who it was her counsellor says.
func (c *call) answeredOut() {
	if c.check != nil {
		c.checked("")
		return
	}
	_, err := c.phone.db.Exec(c.ctx, `UPDATE phone_callback SET outcome = '`+ByAnswer+`' WHERE contact_id = $1 AND state IN ('open', 'given_up')`, c.row.contactID)
	c.untold("an answer", err)
}

// triedOut writes what came of a try, at the end of the call.
func (c *call) triedOut() {
	p := c.phone
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 10*time.Second)
	defer cancel()
	outcome := c.failed
	switch {
	case c.row.answeredAt > 0: // what is said of it stands there, or will
		outcome = ""
	case outcome != "":
	case p.running.Err() != nil:
		return // interrupted, as is written
	default:
		outcome = ByHangUp
	}
	if c.check != nil {
		if outcome != "" {
			c.checked(outcome)
		}
		return
	}
	err := p.db.Tx(ctx, func(tx *store.Tx) error { return p.tried(ctx, tx, c.row.contactID, outcome) })
	c.untold("the end of a try", err)
}

func (c *call) untold(what string, err error) {
	if err != nil {
		c.log.Error("phone: what came of a call-back could not be kept", "what", what, "error", err)
	}
}

// failures are the outcomes of a try after which another one is made; true where nobody was to be reached now, so that
// its contact waits for that in line, and not at the desk of who hung up or lost her line.
var failures = map[string]bool{ByNobody: true, ByBusy: true, ByRefusal: true, BySomebody: true, ByMachine: true,
	ByHangUp: false, ByDesk: false, ByBreak: false}

// tried keeps what came of a try, and puts the contact back in line until the next, unless it is in danger: then it stays
// with who has it. After the last a human decides, and the supervisors are told. outcome "" is what stands there already. A promise that is kept or cancelled stays so.
func (p *Phone) tried(ctx context.Context, tx *store.Tx, contactID, outcome string) error {
	b, err := store.One(ctx, tx, scanCallback, selectCallback+` WHERE contact_id = $1 AND state IN ('open', 'given_up')`, contactID)
	if err != nil {
		return ignoreNoRow(err)
	}
	if outcome == "" {
		outcome = b.Outcome
	}
	state, due := CallbackOpen, p.again()
	waits, failed := failures[outcome]
	if !failed {
		due = store.Time(b.DueAt)
	} else if b.Tries >= p.rules().Callback.Tries {
		state = CallbackGivenUp
	}
	if _, err := tx.Exec(ctx, `UPDATE phone_callback SET outcome = $2, due_at = $3, state = $4 WHERE contact_id = $1`,
		contactID, outcome, store.Millis(due), state); err != nil {
		return err
	}
	tx.AfterCommit(func() { p.changed(contactID); p.floorChanges() })
	if state == CallbackGivenUp && b.State != CallbackGivenUp {
		tx.AfterCommit(func() { p.router.TellGivenUp(contactID) })
	}
	if !waits || state == CallbackGivenUp {
		return nil
	}
	if ct, err := p.contacts.GetWithin(ctx, tx, contactID); err != nil || ct.Danger { // nobody in danger waits out of sight
		return err
	}
	b.DueAt, b.State = store.Millis(due), state
	return ignore(p.backInLine(ctx, tx, b, contact.SystemActor, false), fault.Conflict) // nobody has it: it waits, or it was closed
}

// WhoAnswered are what a counsellor may say of who answered a call-back: ByPerson, BySomebody or ByMachine. Only the
// first keeps the promise.
var WhoAnswered = []string{ByPerson, BySomebody, ByMachine}

// Answered takes a counsellor's word for who answered. Where it was not the person the promise stays open, and its contact
// goes back to the line when the call is over; an answering machine is hung up on, unless the person said that she may
// be left a message. It returns fault.Invalid "fault.phone.who", fault.Forbidden "fault.contact.not_yours", and
// fault.Conflict "fault.phone.no_answer" where nobody answered.
func (p *Phone) Answered(ctx context.Context, staffID, contactID, who string) error {
	if !slices.Contains(WhoAnswered, who) {
		return fault.New(fault.Invalid, "fault.phone.who")
	}
	ct, err := p.contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	if err := hers(ct, staffID); err != nil {
		return err
	}
	_, going, err := p.openCall(ctx, contactID)
	if err != nil {
		return err
	}
	err = p.db.Tx(ctx, func(tx *store.Tx) error {
		state := CallbackOpen
		if who == ByPerson {
			state = CallbackReached
		}
		n, err := tx.Exec(ctx, `UPDATE phone_callback SET outcome = $2, state = $3 WHERE contact_id = $1 AND state <> 'cancelled'
			AND outcome IN ('`+ByAnswer+`', '`+ByPerson+`', '`+BySomebody+`', '`+ByMachine+`')`, contactID, who, state)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.phone.no_answer")
		}
		tx.AfterCommit(func() { p.changed(contactID); p.floorChanges() })
		if err := p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(staffID), Act: "phone.answered", Object: "contact", ObjectID: contactID,
			Detail: map[string]string{"who": who}}); err != nil {
			return err
		}
		if who == ByPerson || going { // the end of the call puts it back
			return nil
		}
		return p.tried(ctx, tx, contactID, who)
	})
	if err != nil || who != ByMachine || !going {
		return err
	}
	if wish, _, err := p.contacts.Callback(ctx, contactID); err != nil || wish.Voicemail {
		return err
	}
	return ignore(p.HangUp(ctx, staffID, contactID), fault.Gone)
}

// consent notes that whom we call said yes to a supervisor's ear.
func (c *call) consent(ctx context.Context, staffID string) error {
	if c.refused {
		return fault.New(fault.Forbidden, "fault.phone.no_listening")
	}
	row, p := c.row, c.phone
	row.noListening = false
	err := p.db.Tx(ctx, func(tx *store.Tx) error {
		if err := p.save(ctx, tx, row); err != nil {
			return err
		}
		return p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(staffID), Act: "phone.consent", Object: "contact", ObjectID: row.contactID})
	})
	if err == nil {
		c.row = row
	}
	return err
}

// refusedBefore says whether somebody refused to be listened to in the last call that she made, known as the person of a
// contact or by her number.
func (p *Phone) refusedBefore(ctx context.Context, personID string, mark []byte) (bool, error) {
	refused, err := store.One(ctx, p.db, func(r store.Row) (b bool, err error) { return b, r.Scan(&b) }, `SELECT p.no_listening FROM phone_call p
		WHERE p.direction = 'in' AND (p.mark = $1 OR p.contact_id IN (SELECT id FROM contact WHERE person_id = $2))
		ORDER BY p.began_at DESC LIMIT 1`, mark, personID)
	return refused, ignoreNoRow(err)
}
