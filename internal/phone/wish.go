package phone

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
	"vigie/internal/store"
)

// What a counsellor may wish of a call. The names go over the bus.
const (
	opAttach   = "attach"
	opHold     = "hold"
	opDigits   = "digits"
	opThird    = "third"
	opMerge    = "merge"
	opDrop     = "drop"
	opPass     = "pass"
	opConnect  = "connect"
	opAnnounce = "announce"
	opSay      = "say"
	opHangUp   = "hang_up"
	opHeard    = "heard"
	opPromise  = "promise"
	opPart     = "part"
	opConsent  = "consent"
	opListen   = "listen"
	opView     = "view"
)

// of has the node that holds a contact's call do something with it: errNoLine when there is no call (any more).
func (p *Phone) of(ctx context.Context, a ask) (reply, error) {
	if _, ok := p.here(a.Contact); ok {
		return p.do(ctx, a)
	}
	row, ok, err := p.openCall(ctx, a.Contact)
	if err != nil {
		return reply{}, err
	}
	if !ok || row.node == p.Node() {
		return reply{}, errNoLine
	}
	return p.at(ctx, row.node, a)
}

// Attach brings a counsellor's browser (a peer of the node that holds the call) into her call. Attaching again
// changes nothing. It returns fault.Conflict "fault.phone.elsewhere" when another of her tabs has it and force
// is false, fault.Forbidden "fault.contact.not_yours", fault.Gone "fault.phone.no_line".
func (p *Phone) Attach(ctx context.Context, staffID, contactID, peerID string, force bool) error {
	_, err := p.of(ctx, ask{Op: opAttach, Contact: contactID, Staff: staffID, Peer: peerID, On: force})
	return err
}

// Hold has the caller hear music, or brings her back.
func (p *Phone) Hold(ctx context.Context, staffID, contactID string, on bool) error {
	_, err := p.of(ctx, ask{Op: opHold, Contact: contactID, Staff: staffID, On: on})
	return err
}

// Press sends keys (0-9, *, #, A-D) to the outside telephone, or where there is none to the caller's. It returns
// fault.Invalid "fault.phone.digits" for anything else.
func (p *Phone) Press(ctx context.Context, staffID, contactID, digits string) error {
	if digits == "" || len(digits) > 32 || strings.Trim(digits, "0123456789*#ABCD") != "" {
		return fault.New(fault.Invalid, "fault.phone.digits")
	}
	_, err := p.of(ctx, ask{Op: opDigits, Contact: contactID, Staff: staffID, Code: digits})
	return err
}

// How is what becomes of an outside telephone that answers.
type How string

// The ways.
const (
	First    How = "announced"  // the counsellor speaks with it alone first, and the caller hears music
	Together How = "conference" // all talk together at once
	Straight How = "direct"     // the caller is left with it at once
)

// Invite rings an outside telephone: a number of the catalogue, by its code, and no other (toll fraud). It returns fault.Forbidden "fault.phone.not_allowed" for a
// number that is not in the dial plan, fault.Conflict "fault.phone.third" when there is one already.
func (p *Phone) Invite(ctx context.Context, staffID, contactID, code string, how How) error {
	_, err := p.of(ctx, ask{Op: opThird, Contact: contactID, Staff: staffID, Code: code, How: how})
	return err
}

// Merge brings the caller and the outside telephone together: from then on all hear one another.
func (p *Phone) Merge(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opMerge, Contact: contactID, Staff: staffID})
	return err
}

// Drop hangs up the outside telephone.
func (p *Phone) Drop(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opDrop, Contact: contactID, Staff: staffID})
	return err
}

// Pass leaves the caller with the outside telephone. The counsellor's part is over: she writes up, and the two
// talk on through us until one of them hangs up. It returns fault.Conflict "fault.phone.no_third" when nobody
// answered there yet.
func (p *Phone) Pass(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opPass, Contact: contactID, Staff: staffID})
	return err
}

// Announce says what becomes of the hand-over which rings, the caller hearing music meanwhile. First: when the
// colleague has taken it the two counsellors speak alone, until Connect or Merge. Together: the caller is with
// both. Straight: she is with the colleague, and who had her leaves.
func (p *Phone) Announce(ctx context.Context, staffID, contactID string, how How) error {
	_, err := p.of(ctx, ask{Op: opAnnounce, Contact: contactID, Staff: staffID, How: how})
	return err
}

// Connect ends the introduction: the caller is with the colleague (either of the two may), or with the outside
// telephone (Pass), and who introduced her leaves.
func (p *Phone) Connect(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opConnect, Contact: contactID, Staff: staffID})
	return err
}

// GiveBack returns a call that is being introduced to who introduces it; either of the two may. It returns
// fault.Conflict "fault.phone.no_intro" when it is not being introduced (any more).
func (p *Phone) GiveBack(ctx context.Context, staffID, contactID string) error {
	view, ok, err := p.View(ctx, contactID)
	if err != nil {
		return err
	}
	if !ok || view.Introducing == "" {
		return fault.New(fault.Conflict, "fault.phone.no_intro")
	}
	if staffID != view.Owner && staffID != view.Introducing {
		return fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	return p.giveBack(ctx, contact.Contact{ID: contactID, CounsellorID: view.Owner}, view.Introducing, contactActor(staffID))
}

// giveBack moves a contact from the colleague who took it to who introduces it.
func (p *Phone) giveBack(ctx context.Context, ct contact.Contact, to string, by audit.Actor) error {
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		// The owner gives it, whoever it was that wished it; the log has both.
		if _, err := p.contacts.Move(ctx, tx, ct.ID, contact.HandOver, contactActor(ct.CounsellorID), contact.Change{StaffID: to}); err != nil {
			return err
		}
		return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "phone.give_back", Object: "contact", ObjectID: ct.ID})
	})
}

// Promise keeps the number that a caller called from, so that she can be called back on it: she said yes. Nobody sees
// it. It returns fault.NotFound "fault.phone.no_number" for a number that was withheld.
func (p *Phone) Promise(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opPromise, Contact: contactID, Staff: staffID})
	return err
}

// Consent notes the yes of somebody whom we call to a supervisor's ear: without it nobody listens. It returns
// fault.Forbidden "fault.phone.no_listening" where she refused when she called: she is not asked twice.
func (p *Phone) Consent(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opConsent, Contact: contactID, Staff: staffID})
	return err
}

// HangUp ends a call that we made, and leaves its contact as it is.
func (p *Phone) HangUp(ctx context.Context, staffID, contactID string) error {
	_, err := p.of(ctx, ask{Op: opHangUp, Contact: contactID, Staff: staffID})
	return err
}

// Heard is what a counsellor's browser says of what she hears: the part of packets that never came (0 to 1) and what
// its own buffer delays.
type Heard struct {
	Loss  float64 `json:"loss"`
	Delay float64 `json:"delay"` // seconds
}

// Heard takes what a browser says of its line, so that View says when it is bad.
func (p *Phone) Heard(ctx context.Context, staffID, contactID string, h Heard) error {
	if !(h.Loss >= 0 && h.Loss <= 1 && h.Delay >= 0 && h.Delay <= 60) { // not a number is refused too
		return fault.New(fault.Invalid, "fault.invalid")
	}
	_, err := p.of(ctx, ask{Op: opHeard, Contact: contactID, Staff: staffID, Heard: &h})
	return err
}

// Scripts are what a counsellor may have said to a caller who says nothing (§2.5 of the product).
var Scripts = []string{"silent_1", "silent_2"}

// Say has the caller hear one of Scripts. It returns fault.Invalid "fault.phone.script" for another.
func (p *Phone) Say(ctx context.Context, staffID, contactID, code string) error {
	if !slices.Contains(Scripts, code) {
		return fault.New(fault.Invalid, "fault.phone.script")
	}
	_, err := p.of(ctx, ask{Op: opSay, Contact: contactID, Staff: staffID, Code: code})
	return err
}

// The ways a supervisor may be in a call; "" is out of it.
const (
	Listening  = "listener"
	Whispering = "whisperer"
	Joining    = "joined"
)

// Listen puts a supervisor's browser into a call, changes how she is in it or by which browser, or takes her out
// (mode ""). safety says that she listens because somebody may be in danger. Whoever calls it has checked her right,
// asked the purpose and recorded it (room listening). It returns fault.Forbidden "fault.phone.no_listening" where the
// caller refused it and it is not for the safety of somebody in danger.
func (p *Phone) Listen(ctx context.Context, staffID, contactID, peerID, mode string, safety bool) error {
	_, err := p.of(ctx, ask{Op: opListen, Contact: contactID, Staff: staffID, Peer: peerID, Code: mode, On: safety})
	return err
}

// Why a supervisor was taken out of a call.
const (
	UnheardRefused = "refused" // by the caller
	UnheardLine    = "line"    // her browser is gone
	UnheardMoved   = "moved"   // the call is another counsellor's now, or waits again
	UnheardOver    = "over"    // the call is over, or the caller was left with somebody outside
)

// OnUnheard has fn told, on the node of the call, that a supervisor was taken out of it without having asked for it. Call it while
// wiring.
func (p *Phone) OnUnheard(fn func(contactID, staffID, why string)) { p.onUnheard = fn }

// unheard tells of one.
func (p *Phone) unheard(contactID, staffID, why string) {
	if p.onUnheard != nil && why != "" {
		go p.onUnheard(contactID, staffID, why)
	}
}

// View is what a call is, for whoever draws it.
type View struct {
	Contact   string `json:"contact"`
	Node      string `json:"node"`
	Direction string `json:"direction"`
	State     State  `json:"state"`
	// Owner is the counsellor who has it, Peer her browser that is attached, "" for none; Up says that it holds.
	Owner string `json:"owner"`
	Peer  string `json:"peer"`
	Up    bool   `json:"up"`
	// Since is when it was answered, Unix milliseconds; 0 for not yet.
	Since int64 `json:"since"`
	Held  bool  `json:"held"`
	// Introducing is who hands it over and speaks with the owner first; Before is her browser.
	Introducing string `json:"introducing"`
	Before      string `json:"before"`
	Joint       bool   `json:"joint"`
	// Announced says that what rings at a colleague's is an announced hand-over.
	Announced bool `json:"announced"`
	// Third is the code of the outside number, ThirdUp that it answered, Private that the caller does not hear it.
	Third   string `json:"third"`
	ThirdUp bool   `json:"third_up"`
	Private bool   `json:"private"`
	// Coming is the code of the number that the outside telephone passes the call on to, while it rings there or is
	// told that the call is recorded.
	Coming string `json:"coming"`
	// Pressed are the last keys that the caller pressed while she talked, since something was last said to her.
	Pressed string `json:"pressed"`
	// NoListening says that the caller refused a supervisor's ear, or that whom we call has not said yes to it; Unasked
	// that she may be asked.
	NoListening bool `json:"no_listening"`
	Unasked     bool `json:"unasked"`
	// Recorded says that what is said is kept.
	Recorded  bool `json:"recorded"`
	Listeners int  `json:"listeners"`
	// Ears are the browsers of the supervisors who listen, by member of staff.
	Ears map[string]string `json:"ears,omitempty"`
	// CallerMOS and DeskMOS are how the two lines do (1 to 4.5), 0 when not known; Silent is for how long nothing
	// came from the caller's line, in milliseconds.
	CallerMOS float64 `json:"caller_mos"`
	DeskMOS   float64 `json:"desk_mos"`
	Silent    int64   `json:"silent"`
	// Away says that the caller's own telephone has put us on hold.
	Away bool `json:"away"`
	// Failed is why the outside number, or whom we called, could not be reached: ByBusy, ByNobody, ByRefusal.
	Failed string `json:"failed"`
	// Checks is the code of the listed number that is called to check who called, "" for a call with a person.
	Checks string `json:"checks"`
}

// Bad says that one of the two lines is so bad that words are lost.
func (v View) Bad() bool {
	bad := func(mos float64) bool { return mos > 0 && mos < 3 }
	return v.Silent > 4000 && v.State == Talking && !v.Away || bad(v.CallerMOS) || bad(v.DeskMOS)
}

// View returns what a contact's call is; ok is false when it has none (any more).
func (p *Phone) View(ctx context.Context, contactID string) (v View, ok bool, err error) {
	r, err := p.of(ctx, ask{Op: opView, Contact: contactID})
	if fault.Is(err, fault.Gone) {
		return View{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(r.View, &v)
	}
	return v, err == nil, err
}

// grant does what is wished, on the call's own goroutine.
func (c *call) grant(ctx context.Context, a ask) (reply, error) {
	switch a.Op {
	case opView:
		view, err := json.Marshal(c.view())
		return reply{View: view}, err
	}
	if err := c.look(); err != nil {
		return reply{}, err
	}
	if a.Op == opListen {
		return reply{}, c.listen(a)
	}
	if err := c.mayWish(a); err != nil {
		return reply{}, err
	}
	if c.leg == nil && slices.Contains([]string{opDigits, opSay, opThird, opPass}, a.Op) {
		return reply{}, errNoLine // it rings at somebody's whom we call
	}
	var err error
	p := &c.parties
	switch a.Op {
	case opAttach:
		err = c.attach(a)
	case opHold:
		p.held = a.On
		if !a.On {
			p.intro, p.joint = false, false
		}
	case opDigits:
		if p.third.in() {
			err = p.third.leg.SendDigits(a.Code)
		} else {
			err = c.leg.SendDigits(a.Code)
		}
	case opThird:
		err = c.invite(a.Code, a.How, a.Staff)
	case opMerge:
		if p.before != nil {
			p.joint = true
			break
		}
		if !p.third.in() {
			return reply{}, fault.New(fault.Conflict, "fault.phone.no_third")
		}
		p.third.private, p.held = false, false
	case opDrop:
		c.leaveThird(ctx)
	case opPass:
		err = c.pass(ctx, a.Staff)
	case opAnnounce:
		p.intro, p.joint, p.held, p.rung = a.How == First, a.How == Together, true, time.Now()
	case opConnect:
		if p.before == nil { // it is an outside telephone that is introduced
			err = c.pass(ctx, a.Staff)
			break
		}
		c.leaves(p.before)
		p.held, p.joint = false, false
	case opHeard:
		if p.desk != nil && p.desk.staffID == a.Staff && a.Heard != nil {
			p.desk.heard = *a.Heard
		}
		return reply{}, nil // it is drawn when it makes a difference: look
	case opHangUp:
		c.outcome, c.over = ByStaff, true
	case opConsent:
		err = c.consent(ctx, a.Staff)
	case opPromise:
		err = c.promiseNumber(ctx)
	case opPart:
		err = c.partFor(ctx, a)
	case opSay:
		if clip := c.phone.sounds.get(a.Code, c.row.lang); clip != nil {
			c.speak(clip)
			c.pressed = "" // what is pressed from now on answers it
		}
	default:
		err = fault.New(fault.Invalid, "fault.invalid")
	}
	if err == nil && !c.over {
		c.settle() // before it is answered, so that whoever asked reads what is true now
	}
	c.nudge()
	c.phone.changed(c.row.contactID)
	return reply{}, err
}

// mayWish lets through whoever has the call, and who introduces it to a colleague as far as that goes.
func (c *call) mayWish(a ask) error {
	if c.over || c.gone || c.parties.passed {
		return errNoLine
	}
	if a.Staff != "" && a.Staff == c.contact.CounsellorID && c.inHand() {
		return nil
	}
	if c.parties.before != nil && a.Staff == c.parties.before.staffID && (a.Op == opConnect || a.Op == opAttach || a.Op == opMerge) {
		return nil
	}
	return fault.New(fault.Forbidden, "fault.contact.not_yours")
}

// inHand says that a counsellor has the contact and may speak with its person. A call that we made may be made while
// the contact is written up: something was left unsaid.
func (c *call) inHand() bool {
	switch c.contact.State {
	case contact.Talking, contact.Parked:
		return true
	case contact.WrapUp:
		return c.row.direction == Outbound
	}
	return false
}

// attach brings a browser in; one that another tab has is taken from it only by force.
func (c *call) attach(a ask) error {
	peer, ok := c.phone.browsers.Peer(a.Peer)
	if !ok || peer.StaffID() != a.Staff {
		return fault.New(fault.Gone, "fault.phone.no_peer")
	}
	seat := &c.parties.desk
	if c.parties.before != nil && a.Staff == c.parties.before.staffID {
		seat = &c.parties.before
	}
	if there := *seat; there != nil {
		if there.peer == peer {
			return nil
		}
		if there.up && !a.On {
			return fault.New(fault.Conflict, "fault.phone.elsewhere")
		}
		c.leaves(there)
	}
	s, err := c.sit(a.Staff, peer)
	if err != nil {
		return err
	}
	*seat = s
	return nil
}

// listen puts a supervisor in, or out.
func (c *call) listen(a ask) error {
	p := &c.parties
	at := slices.IndexFunc(p.ears, func(e *ear) bool { return e.staffID == a.Staff })
	part := media.Part(a.Code)
	switch {
	case a.Code == "":
		c.unhear("", func(e *ear) bool { return e.staffID == a.Staff })
	case c.over || c.gone || p.passed:
		return errNoLine
	case part != media.Listener && part != media.Whisperer && part != media.Joined:
		return fault.New(fault.Invalid, "fault.invalid")
	case c.row.noListening && (!c.contact.Danger || !a.On):
		return fault.New(fault.Forbidden, "fault.phone.no_listening")
	case at >= 0 && (a.Peer == "" || a.Peer == p.ears[at].peer.ID()):
		e := p.ears[at]
		e.part, e.untold = part, part == media.Joined && c.records() && !c.been[a.Staff]
		if !e.untold {
			c.hush(e.peer.ID())
		}
	default:
		peer, ok := c.phone.browsers.Peer(a.Peer)
		if !ok || peer.StaffID() != a.Staff {
			return fault.New(fault.Gone, "fault.phone.no_peer")
		}
		c.unhear("", func(e *ear) bool { return e.staffID == a.Staff }) // she goes on in another tab, or after a reload
		c.phone.tests.end(peer.ID())
		if err := c.room.Add(peer.Lend()); err != nil {
			return err
		}
		stop := peer.OnState(func(s rtc.State) { c.happen(func() { c.moved(peer, s) }) })
		p.ears = append(p.ears, &ear{staffID: a.Staff, of: c.contact.CounsellorID, peer: peer, part: part,
			safety: a.On, untold: part == media.Joined && c.records() && !c.been[a.Staff], since: time.Now(), stop: stop})
	}
	c.settle()
	c.phone.changed(c.row.contactID)
	return nil
}

// pass leaves the caller with the outside telephone.
func (c *call) pass(ctx context.Context, staffID string) error {
	p := &c.parties
	if p.third == nil || !p.third.answered {
		return fault.New(fault.Conflict, "fault.phone.no_third")
	}
	if c.contact.State != contact.WrapUp { // a call that we made while it is written up
		if _, err := c.phone.contacts.EndConversation(ctx, c.contact.ID, contactActor(staffID), contact.Change{}); err != nil {
			return err
		}
	}
	c.passOn()
	return nil
}

// passOn leaves the caller with the outside telephone: we have no part in it any more. What the two say is theirs, it is
// not recorded from now on, and nobody need be told that it is.
func (c *call) passOn() {
	p := &c.parties
	c.hush(p.third.leg.ID())
	p.third.untold, p.third.private, p.held, p.passed = false, false, false, true
	if next := p.coming; next != nil && next.answered {
		c.hush(next.leg.ID())
		next.untold = false
	}
	c.leaves(p.desk)
	c.leaves(p.before)
	c.unhear(UnheardOver, func(*ear) bool { return true })
}

// speak plays something to the caller while she is in a conversation: both hear it.
func (c *call) speak(clips ...clip) {
	c.music.Stop()
	piece := c.music.Play(clips...)
	c.spoken = piece
	go func() {
		select {
		case <-piece.Done():
			c.happen(func() {
				if c.spoken == piece {
					c.spoken = nil
					c.heard = heard{} // a caller who is on hold hears the music again
				}
				c.nudge()
			})
		case <-c.ctx.Done():
		}
	}()
}

// view is what the call is now.
func (c *call) view() View {
	p := &c.parties
	v := View{
		Contact: c.row.contactID, Node: c.phone.Node(), Direction: c.row.direction, State: c.row.state, Owner: c.contact.CounsellorID,
		Since: c.row.answeredAt, Held: p.held, Announced: p.intro, Pressed: c.pressed, NoListening: c.row.noListening, Listeners: len(p.ears), Ears: p.heardBy(),
		Failed: c.failed, Recorded: c.records(), Unasked: c.row.direction == Outbound && c.row.noListening && !c.refused,
	}
	if c.check != nil {
		v.Checks = c.check.Number
	}
	if p.desk != nil {
		v.Peer, v.Up = p.desk.peer.ID(), p.desk.there()
		q := p.desk.peer.Quality()
		v.DeskMOS = q.MOS
		if q.Received > 0 {
			v.DeskMOS = min(v.DeskMOS, media.MOS(p.desk.heard.Loss, 1, time.Duration(p.desk.heard.Delay*float64(time.Second))))
		}
	}
	if p.before != nil {
		v.Introducing, v.Before, v.Joint = p.before.staffID, p.before.peer.ID(), p.joint
	}
	if p.third != nil {
		v.Third, v.ThirdUp, v.Private = p.third.code, p.third.in(), p.third.private
	}
	if p.coming != nil {
		v.Coming = p.coming.code
	}
	if c.leg != nil {
		v.Away = c.line.Held()
		q := c.leg.Quality()
		v.CallerMOS = q.MOS
		if !q.LastHeard.IsZero() {
			v.Silent = time.Since(q.LastHeard).Milliseconds()
		}
	}
	return v
}
