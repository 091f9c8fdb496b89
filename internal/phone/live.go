package phone

import (
	"strconv"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/media"
	"vigie/internal/store"
)

// live keeps a call true to its contact, from the line to the goodbye.
func (c *call) live() {
	for {
		if err := c.look(); err != nil && c.ctx.Err() == nil {
			c.log.Error("phone: the contact of a call could not be read; trying again", "error", err)
		}
		if c.gone || c.over {
			return
		}
		c.settle()
		if bad := c.view().Bad(); bad != c.bad {
			c.bad = bad
			c.phone.changed(c.row.contactID)
		}
		if digit := c.until(nil, c.patience()); digit != 0 {
			c.pressedKey(digit)
		}
		if c.over { // by whoever hung up or asked for it meanwhile, and not by what the contact has become because of it
			return
		}
		c.recognise()
		c.closes()
		c.remind()
		c.spill()
	}
}

// look reads the contact again and does what follows from it.
func (c *call) look() error {
	ct, err := c.phone.contacts.Get(c.ctx, c.row.contactID)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		c.outcome, c.over = ByHouse, true // erased
		return nil
	}
	if err != nil {
		return err
	}
	c.contact = ct
	if c.parties.passed { // we have no part in it any more
		c.respill(ct)
		return nil
	}
	c.hearOnly(ct.CounsellorID)
	c.handedOver(ct)
	switch ct.State {
	case contact.Waiting, contact.Offered:
		c.missing = time.Time{}
		c.leaves(c.parties.desk)
		c.leaves(c.parties.before)
		c.parties.held, c.parties.intro, c.parties.joint = false, false, false
		if t := c.parties.third; t.in() && t.private {
			c.release("outside_lost") // the caller never heard it, and whom it spoke with is gone
		}
	case contact.Talking, contact.Parked, contact.WrapUp:
		if !c.inHand() {
			c.endKindly()
			return nil
		}
		if t := c.parties.third; t != nil && t.fromLine { // it still rings there, and she is answered here
			c.leaveThird(c.ctx)
		}
		if err := c.unanswered(); err != nil {
			return err
		}
		if c.row.answeredAt == 0 && c.line != nil && c.parties.desk.there() {
			c.row.answeredAt = store.Millis(c.phone.now())
			c.saved()
		}
		return c.mind(ct)
	default:
		c.endKindly()
	}
	return nil
}

// handedOver follows a contact that has another counsellor now: the one who had it introduces the caller where
// that was asked for, and leaves otherwise.
func (c *call) handedOver(ct contact.Contact) {
	p := &c.parties
	if p.before != nil && p.before.staffID == ct.CounsellorID {
		// It is hers again, whether the colleague has come to her browser or not.
		p.desk, p.before = p.before, p.desk
		c.leaves(p.before)
		p.held, p.joint = false, false
		return
	}
	if p.desk == nil || ct.CounsellorID == p.desk.staffID {
		return
	}
	if (p.intro || p.joint) && p.before == nil && ct.State == contact.Talking && ct.CounsellorID != "" {
		p.before, p.desk, p.intro, p.held = p.desk, nil, false, false
		return
	}
	c.leaves(p.desk)
	p.held, p.intro, p.joint = false, false, false
}

// unanswered brings the caller back when the hand-over that rang came to nothing: nobody is left in music because a
// colleague did not answer.
func (c *call) unanswered() error {
	const breath = 2 * time.Second // between saying that it rings, and that it does
	p := &c.parties
	if p.before != nil || p.desk == nil {
		p.rung = time.Time{}
	}
	if p.rung.IsZero() || time.Since(p.rung) < breath {
		return nil
	}
	rings, err := c.phone.router.HandingOver(c.ctx, c.row.contactID)
	if err != nil || rings != "" {
		return err
	}
	p.rung, p.intro, p.joint, p.held = time.Time{}, false, false, false
	return nil
}

// mind looks after a counsellor's browser that is missed: for a while the caller waits for her, or talks on with the
// outside telephone or the colleague that was in the call. Then she is the colleague's who introduced her; or she is
// left with the outside telephone, as if her counsellor had; or she goes to the front of the line.
func (c *call) mind(ct contact.Contact) error {
	if c.parties.desk.on() {
		c.missing = time.Time{}
		return nil
	}
	if c.missing.IsZero() {
		c.missing = time.Now()
	}
	if time.Since(c.missing) < c.phone.grace {
		return nil
	}
	c.missing = time.Time{}
	if before := c.parties.before; before.there() { // who introduces her is there, and has her again
		defer c.nudge()
		return ignore(c.phone.giveBack(c.ctx, ct, before.staffID, contact.SystemActor), fault.Conflict, fault.Forbidden, fault.NotFound)
	}
	if c.parties.alone() {
		if c.parties.joined() { // a supervisor is with them, and takes the call if she will
			return nil
		}
		return c.leftWith(ct)
	}
	if c.row.direction == Outbound { // nobody is there to speak with whom we called
		c.failed = ByDesk
		c.outcome, c.over = ByStaff, true
		return nil
	}
	c.deskGone(ct.CounsellorID)
	err := c.phone.db.Tx(c.ctx, func(tx *store.Tx) error {
		ct, err := c.phone.contacts.Move(c.ctx, tx, ct.ID, contact.Lost, contact.SystemActor, contact.Change{})
		if err != nil || ct.State != contact.Waiting {
			return err
		}
		_, err = c.phone.contacts.AddReason(c.ctx, tx, ct.ID, c.reason(catalogue.ReasonLost))
		return err
	})
	c.heard = heard{state: Parked, who: "lost"}
	if err = ignore(err, fault.Conflict, fault.Forbidden, fault.NotFound); err != nil {
		return err
	}
	c.nudge()
	return nil
}

// deskGone has nothing ring at a desk where nobody hears it. A desk that is there says again that it takes calls.
func (c *call) deskGone(staffID string) {
	if err := c.phone.router.SetPhone(c.ctx, staffID, false); err != nil {
		c.log.Warn("phone: a desk that is gone may be rung", "error", err)
	}
}

// leftWith leaves the caller with the outside telephone with which she talks, since her counsellor has not come back:
// the contact is the counsellor's to write up, and supervisors see that nobody of us is there.
func (c *call) leftWith(ct contact.Contact) error {
	c.deskGone(ct.CounsellorID)
	err := c.phone.db.Tx(c.ctx, func(tx *store.Tx) error {
		_, err := c.phone.contacts.Move(c.ctx, tx, ct.ID, contact.Cut, contact.SystemActor, contact.Change{})
		return err
	})
	if err = ignore(err, fault.Conflict, fault.Forbidden, fault.NotFound); err != nil {
		return err // they talk on, and it is tried again
	}
	c.passOn()
	c.become(Passed)
	c.phone.floorChanges()
	c.nudge()
	return nil
}

// settle makes what is heard true: who hears whom, what is played, and the state that everybody is told.
func (c *call) settle() {
	c.inform()
	p := &c.parties
	if p.coming.in() {
		c.takesPlace()
	}
	mode := p.mode()
	c.room.Set(c.hearing(mode))
	if who := p.introduces(); who != c.row.introducing {
		c.row.introducing = who
		c.saved()
		c.phone.changedFor(c.row.contactID, who)
	}
	state := c.stateOf(mode)
	if state == Talking {
		c.startRecording()
	}
	now := heard{state: state, who: c.contact.CounsellorID}
	if state == Passed && !p.third.in() {
		now.who = "" // it rings there
	}
	if now != c.heard {
		c.entertain(c.heard, now)
		c.heard = now
	}
	c.tellCompany(mode)
	c.become(state)
}

// hearing is who hears whom now.
func (c *call) hearing(mode media.Mode) media.Matrix {
	m := media.Plan(mode, c.parties.present(c.callerID()))
	if desk := c.parties.desk; desk.there() && (c.spoken != nil || c.row.state == Dialling) {
		m[desk.peer.ID()] = append(m[desk.peer.ID()], legMusic) // it rings over there, or something is said to both
	}
	if (c.spoken != nil || c.murmured != nil) && c.leg != nil && mode == media.Talking {
		m[c.leg.ID()] = append(m[c.leg.ID()], legMusic)
	}
	for leg, a := range c.asides {
		m[leg] = []string{a.voice.ID()}
	}
	return m
}

func (c *call) stateOf(mode media.Mode) State {
	talks := c.inHand()
	switch {
	case c.parties.passed:
		return Passed
	case c.row.direction == Outbound && !c.answered():
		return Dialling
	case !talks:
		return Waiting
	case mode == media.Talking:
		return Talking
	case mode == media.Waiting && c.row.answeredAt == 0:
		return Waiting // she was taken a moment ago; the counsellor's browser is on its way
	case mode == media.Waiting && !c.been[c.contact.CounsellorID]:
		return Held // a colleague has her now, and is on her way
	case mode == media.Waiting:
		return Parked
	}
	return Held
}

// entertain plays what the caller hears while nobody talks with her.
func (c *call) entertain(before, now heard) {
	music := c.phone.sounds.get(Music, "")
	var said []string
	switch now.state {
	case Waiting:
		if before.state == Waiting {
			return
		}
		if before.state == Parked {
			said = append(said, "parked_other")
		}
		said = append(said, c.placeSaid()...)
		c.reminded = time.Now()
	case Parked:
		said = append(said, "parked")
	case Held:
		if before.state != Held {
			said = append(said, c.heldSaid())
		}
	case Passed:
		c.music.Stop()
		if !c.parties.third.in() { // who had her has passed her on, and gone
			c.music.Loop(ringbackTone)
		}
		return
	default:
		if now.state == Talking && c.murmured != nil { // it is said to its end
			c.music.Loop(nil)
			return
		}
		c.music.Stop()
		return
	}
	c.music.Stop()
	c.music.Loop(music)
	for _, code := range said {
		if clip := c.phone.sounds.get(code, c.row.lang); clip != nil {
			c.music.Play(clip)
		}
	}
}

func (c *call) heldSaid() string {
	if c.parties.intro || c.parties.before != nil || c.parties.third != nil || !c.been[c.contact.CounsellorID] {
		return "transfer"
	}
	return "hold"
}

// placeSaid is what a caller in line hears of her place: the truth, or nothing.
func (c *call) placeSaid() []string {
	view, err := c.phone.router.Place(c.ctx, c.row.contactID)
	if err != nil || !view.Waiting {
		return nil
	}
	var said []string
	surge := c.phone.router.Surge().On
	if surge && c.phone.home(c.number) != "" { // before her place, so that she need not hear it to choose
		said = append(said, "surge")
	}
	switch {
	case view.Place == 1:
		said = append(said, "queue_first")
	case view.Place >= 2 && view.Place <= 10:
		said = append(said, "place_"+strconv.Itoa(view.Place))
	default:
		said = append(said, "place_more")
	}
	if view.ClosingSoon {
		said = append(said, "closing_soon")
	}
	waited := time.Since(c.began)
	rules := c.phone.rules()
	if !surge && waited >= rules.OfferCallbackAfter {
		said = append(said, "wait_long")
	}
	return said
}

// remind tells who waits her place again, from time to time.
func (c *call) remind() {
	if c.gone || c.over || !c.inLine() || c.evening.began || time.Since(c.reminded) < c.phone.rules().AnnounceEvery {
		return
	}
	c.reminded = time.Now()
	for _, code := range c.placeSaid() {
		if clip := c.phone.sounds.get(code, c.row.lang); clip != nil {
			c.music.Play(clip)
		}
	}
}

// inLine says that she waits, and rings at nobody's desk just now.
func (c *call) inLine() bool { return c.row.state == Waiting && c.contact.State == contact.Waiting }

// patience is until when nothing but an event moves the call.
func (c *call) patience() time.Duration {
	wait := 10 * time.Second
	if c.overflow.unwritten {
		wait = time.Second
	}
	if !c.missing.IsZero() {
		wait = min(wait, c.phone.grace-time.Since(c.missing))
	}
	if c.inLine() {
		if c.another {
			wait = min(wait, knownEvery)
		}
		if c.evening.began {
			wait = min(wait, time.Second)
		} else {
			wait = min(wait, c.phone.rules().AnnounceEvery-time.Since(c.reminded))
		}
		if len(c.phone.rules().Overflow.Numbers) > 0 {
			wait = min(wait, time.Second)
		}
	}
	return max(wait, 20*time.Millisecond)
}

// shownKeys is how many of the keys that a caller pressed her counsellor sees.
const shownKeys = 6

// pressedKey is a key that the caller presses while she waits or talks.
func (c *call) pressedKey(digit byte) {
	if digit == keyRefuses && c.mayRefuse() {
		c.refuses()
		c.settle()
		return
	}
	switch c.row.state {
	case Waiting:
		if digit == '0' && c.inLine() {
			c.bookCallback()
		} else {
			c.chooses(digit)
		}
	case Talking:
		// "Press 1 for yes": the counsellor sees it. It is nowhere written. No hand presses faster.
		if now := time.Now(); now.Sub(c.pressedAt) > 200*time.Millisecond {
			c.pressed, c.pressedAt = c.pressed+string(digit), now
			c.pressed = c.pressed[max(0, len(c.pressed)-shownKeys):]
			c.phone.changed(c.row.contactID)
		}
	}
}

// callerID is the caller's leg, "" while whom we call has not answered.
func (c *call) callerID() string {
	if c.leg == nil {
		return ""
	}
	return c.leg.ID()
}

// answered says that the caller's line, or that of whom we called, is open.
func (c *call) answered() bool {
	return c.line != nil && c.row.state != Dialling || c.row.answeredAt > 0
}
