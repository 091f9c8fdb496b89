package contact

import (
	"vigie/internal/audit"
	"vigie/internal/fault"
)

// State is where a contact stands. What it may become next is the table of moves below, and nothing else.
type State string

// The states of a contact.
const (
	Waiting State = "waiting" // in the queue
	Offered State = "offered" // rings at one counsellor's desk
	Talking State = "talking" // a counsellor has it
	Parked  State = "parked"  // the child went quiet; nothing is closed
	Left    State = "left"    // the child left by quick exit
	WrapUp  State = "wrapup"  // the conversation is over, the counsellor writes it up
	Closed  State = "closed"  // over; readable by rule
)

// States lists every state, in the order of a contact's life.
var States = []State{Waiting, Offered, Talking, Parked, Left, WrapUp, Closed}

// Open says that the conversation is not over: the person may write, or come back to it.
func (s State) Open() bool { return s != WrapUp && s != Closed }

// Event is something that happens to a contact.
type Event string

// The events of a contact's life.
const (
	Offer       Event = "offer"        // the queue, or a supervisor, offers it to one counsellor
	Accept      Event = "accept"       // she takes it
	Decline     Event = "decline"      // she cannot take it
	Lapse       Event = "lapse"        // she did not answer in time
	Take        Event = "take"         // a counsellor takes it from the list, without an offer
	Pass        Event = "pass"         // its counsellor gives it back ("I know this person")
	HandOver    Event = "hand_over"    // its counsellor, or a supervisor, gives it to another counsellor
	Lost        Event = "lost"         // its counsellor's desk is gone
	Quiet       Event = "quiet"        // the child no longer answers
	Return      Event = "return"       // she is back, and her counsellor no longer has it
	Rejoin      Event = "rejoin"       // she is back, and her counsellor still has it
	Leave       Event = "leave"        // quick exit
	Expire      Event = "expire"       // half an hour after the quick exit
	VisitorEnds Event = "visitor_ends" // she says goodbye
	StaffEnds   Event = "staff_ends"   // the counsellor says goodbye
	Threat      Event = "threat"       // the counsellor ends it: she is threatened
	Cut         Event = "cut"          // her line is gone and nobody hung up: the node that held the call died
	SystemEnds  Event = "system_ends"  // parked for too long
	Dismiss     Event = "dismiss"      // one click: a test, a joke, nobody there
	Close       Event = "close"        // written up
	Reopen      Event = "reopen"       // something was left out of the write-up
	Postpone    Event = "postpone"     // its person is called again later: it waits until then
)

// Events lists every event.
var Events = []Event{Offer, Accept, Decline, Lapse, Take, Pass, HandOver, Lost, Quiet, Return, Rejoin, Leave, Expire,
	VisitorEnds, StaffEnds, Threat, Cut, SystemEnds, Dismiss, Close, Reopen, Postpone}

// Party is who may make a move; a move may be open to several.
type Party uint8

// The parties to a contact.
const (
	Visitor    Party = 1 << iota // the person of this contact, by her own session
	Recipient                    // the counsellor to whom it is offered
	Own                          // the counsellor who has it
	Staff                        // anybody on duty with the right to answer
	Supervisor                   // somebody whose right to supervise the caller has checked (Change.Supervising)
	System                       // a sweep, the router
)

// Rule is one allowed move.
type Rule struct {
	To State
	By Party
	// InDanger is where the move leads under a danger mark; "" is where it always leads.
	InDanger State
	// DangerBy is who may make it under a danger mark; 0 is who always may.
	DangerBy Party
}

// moves is the whole life of a contact. A move that is not here is refused.
//
// A danger mark changes five of them: somebody in danger who says goodbye before anybody answered, or
// who left, is never closed by a clock or in one click; her contact stays until a supervisor decides.
var moves = map[State]map[Event]Rule{
	Waiting: {
		Offer:       {To: Offered, By: System | Supervisor},
		Take:        {To: Talking, By: Staff},
		Leave:       {To: Left, By: Visitor},
		VisitorEnds: {To: Closed, By: Visitor, InDanger: Left},
		Cut:         {To: Closed, By: System, InDanger: Left},
		Dismiss:     {To: Closed, By: Staff, DangerBy: Supervisor},
	},
	Offered: {
		Accept:      {To: Talking, By: Recipient},
		Decline:     {To: Waiting, By: Recipient},
		Pass:        {To: Waiting, By: Recipient},
		Lapse:       {To: Waiting, By: System},
		Lost:        {To: Waiting, By: System},
		Leave:       {To: Left, By: Visitor},
		VisitorEnds: {To: Closed, By: Visitor, InDanger: Left},
		Cut:         {To: Closed, By: System, InDanger: Left},
		Dismiss:     {To: Closed, By: Recipient | Supervisor, DangerBy: Supervisor},
	},
	Talking: {
		Pass:        {To: Waiting, By: Own},
		HandOver:    {To: Talking, By: Own | Supervisor},
		Lost:        {To: Waiting, By: System},
		Quiet:       {To: Parked, By: Own | System},
		Leave:       {To: Left, By: Visitor},
		VisitorEnds: {To: WrapUp, By: Visitor},
		Cut:         {To: WrapUp, By: System},
		StaffEnds:   {To: WrapUp, By: Own | Supervisor},
		Threat:      {To: WrapUp, By: Own | Supervisor},
		Dismiss:     {To: Closed, By: Own | Supervisor, DangerBy: Supervisor},
		Postpone:    {To: Waiting, By: Own | Supervisor | System},
	},
	Parked: {
		Pass:        {To: Parked, By: Own},
		HandOver:    {To: Parked, By: Own | Supervisor},
		Lost:        {To: Parked, By: System},
		Return:      {To: Waiting, By: Visitor | System},
		Rejoin:      {To: Talking, By: Visitor | System},
		Leave:       {To: Left, By: Visitor},
		VisitorEnds: {To: WrapUp, By: Visitor},
		StaffEnds:   {To: WrapUp, By: Own | Supervisor, DangerBy: Supervisor},
		Threat:      {To: WrapUp, By: Own | Supervisor, DangerBy: Supervisor},
		SystemEnds:  {To: Closed, By: System, DangerBy: Supervisor},
		Dismiss:     {To: Closed, By: Own | Supervisor, DangerBy: Supervisor},
	},
	Left: {
		Pass:       {To: Left, By: Own},
		HandOver:   {To: Left, By: Own | Supervisor},
		Lost:       {To: Left, By: System},
		Return:     {To: Waiting, By: Visitor | System},
		Rejoin:     {To: Talking, By: Visitor | System},
		Expire:     {To: Closed, By: System, DangerBy: Supervisor},
		StaffEnds:  {To: WrapUp, By: Own | Supervisor, DangerBy: Supervisor},
		Threat:     {To: WrapUp, By: Own | Supervisor, DangerBy: Supervisor},
		SystemEnds: {To: Closed, By: System, DangerBy: Supervisor},
		Dismiss:    {To: Closed, By: Own | Supervisor, DangerBy: Supervisor},
	},
	WrapUp: {
		HandOver: {To: WrapUp, By: Own | Supervisor},
		Dismiss:  {To: Closed, By: Own | Supervisor, DangerBy: Supervisor},
		Close:    {To: Closed, By: Own | Supervisor},
		Postpone: {To: Waiting, By: Own | Supervisor | System},
	},
	Closed: {
		Reopen: {To: WrapUp, By: Own | Supervisor},
	},
}

// Moves returns the rule of an event in a state, and whether there is one.
func Moves(from State, ev Event) (Rule, bool) {
	r, ok := moves[from][ev]
	return r, ok
}

// Change is what a move sets besides the state.
type Change struct {
	// StaffID is the counsellor an Offer or a HandOver goes to.
	StaffID string
	// OfferUntil is when an Offer lapses, Unix milliseconds.
	OfferUntil int64
	// DueAt is when a Postpone has the contact offered again, Unix milliseconds.
	DueAt int64
	// Closing is the code of a one-click closing: "test", "joke", "silent"…
	Closing string
	// Farewell is the code of the line that the house says for a goodbye, "" for its usual ones.
	Farewell string
	// Supervising says that the caller has checked the actor's right to supervise.
	Supervising bool

	writtenUp bool  // the required fields are answered
	since     int64 // when a clock decides: the contact must still be in its state since then
}

// parties are all that the actor is to this contact.
func (c Contact) parties(by audit.Actor, set Change) Party {
	var p Party
	switch by.Kind {
	case audit.Visitor:
		if by.ID == c.ID {
			p = Visitor
		}
	case audit.Staff:
		p = Staff
		if by.ID != "" && by.ID == c.OfferedTo {
			p |= Recipient
		}
		if by.ID != "" && by.ID == c.CounsellorID {
			p |= Own
		}
		if set.Supervising {
			p |= Supervisor
		}
	case audit.System, audit.Operator:
		p = System
	}
	return p
}

// VisitorOf is the person of a contact as the actor of her own acts.
func VisitorOf(contactID string) audit.Actor { return audit.Actor{Kind: audit.Visitor, ID: contactID} }

// SystemActor is the house itself: sweeps, clocks.
var SystemActor = audit.Actor{Kind: audit.System}

// after returns the contact as it stands after the event, or the fault that says why not:
// fault.Conflict "fault.contact.move" when the table has no such move (often: somebody was faster),
// fault.Forbidden "fault.contact.not_yours" when it is not this actor's to make, fault.Forbidden
// "fault.contact.in_danger" when the danger mark leaves it to a supervisor.
func (c Contact) after(ev Event, by audit.Actor, set Change, now int64) (Contact, error) {
	rule, ok := Moves(c.State, ev)
	if !ok || set.since != 0 && set.since != c.StateSince {
		return c, fault.New(fault.Conflict, "fault.contact.move")
	}
	parties := c.parties(by, set)
	if parties&(rule.By|rule.DangerBy) == 0 {
		return c, fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	if c.Danger && rule.DangerBy != 0 && parties&rule.DangerBy == 0 {
		return c, fault.New(fault.Forbidden, "fault.contact.in_danger")
	}
	if !c.Danger && parties&rule.By == 0 {
		return c, fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	to := rule.To
	if c.Danger && rule.InDanger != "" {
		to = rule.InDanger
	}
	from := c.State
	c.State = to
	if from != to {
		c.StateSince = now
	}

	if from == Offered {
		c.OfferedTo, c.OfferUntil = "", 0
	}
	switch ev {
	case Offer:
		if set.StaffID == "" {
			return c, fault.New(fault.Internal, "fault.internal")
		}
		c.OfferedTo, c.OfferUntil = set.StaffID, set.OfferUntil
	case Accept, Take:
		c.hold(by.ID, now)
	case HandOver:
		if set.StaffID == "" {
			return c, fault.New(fault.Internal, "fault.internal")
		}
		c.hold(set.StaffID, now)
	case Pass:
		// Whoever knows the person must not be the one she comes back to.
		if c.CounsellorID == by.ID {
			c.CounsellorID = ""
		}
		if c.StickyID == by.ID {
			c.StickyID = ""
		}
	case Postpone:
		c.CounsellorID, c.DueAt = "", set.DueAt // StickyID stays: who knows the story comes first
	case Lost:
		c.CounsellorID = "" // StickyID stays: she may be back before the contact is answered again
	case Return:
		c.CounsellorID = ""
	case Leave:
		c.EndedBy = "quick_exit"
	case VisitorEnds:
		c.EndedBy = audit.Visitor
	case StaffEnds, Threat, Dismiss:
		c.EndedBy = audit.Staff
	case Expire, SystemEnds, Cut:
		if c.EndedBy == "" {
			c.EndedBy = audit.System
		}
	case Reopen:
		c.Closing, c.ClosedAt = "", 0
	}
	if ev == Dismiss {
		c.Closing = set.Closing
	}
	if to == Talking || to == Waiting || to == Parked {
		c.EndedBy = ""
	}
	if to == Waiting && from != Offered && from != Waiting {
		c.WaitingSince = now
	}
	if to == Closed {
		c.ClosedAt = now
	}
	return c, nil
}

// hold gives the contact to a counsellor.
func (c *Contact) hold(staffID string, now int64) {
	c.CounsellorID, c.StickyID, c.DueAt = staffID, staffID, 0
	if c.AnsweredAt == 0 {
		c.AnsweredAt = now
	}
}
