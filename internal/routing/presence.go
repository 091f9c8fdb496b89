package routing

import (
	"context"
	"errors"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// State is what a counsellor says of herself. What she is shown as follows from it and from what she
// holds: see Seat.Shown.
type State string

// The states of presence.
const (
	Available State = "available"
	Busy      State = "busy"   // at work for somebody, away from the chats: a call, a referral
	WrapUp    State = "wrapup" // writing up; ends by itself
	Pause     State = "pause"  // with a reason
	Away      State = "away"
)

// PauseReasons are the codes of a pause. "after_grave" is the one the system proposes.
var PauseReasons = []string{"break", "meal", "after_grave", "meeting", "training", "technical"}

// Reasons for which the system itself sets somebody away.
const (
	AwaySilent = "silent" // an offer rang and nobody answered
	AwayLost   = "lost"   // her desk is gone
)

// Presence is a counsellor's row. Times are Unix milliseconds.
type Presence struct {
	StaffID string
	State   State
	// Reason is the code of a pause, or why the system set her away.
	Reason string
	// Since is when she said so; IdleSince the end of her last contact, or when she became available.
	Since, IdleSince int64
	// PausedAt is when she last began a pause, 0 for never.
	PausedAt int64
	// Phone says that her desk takes calls: it has a microphone, and she has switched it on.
	Phone bool
	// LeaseUntil is when her desk counts as gone, unless it beats again.
	LeaseUntil int64

	before State
}

// Seat is a counsellor on the floor: her presence and what she holds.
type Seat struct {
	Presence
	Person staff.Person
	// Capacity is how many chats she takes now, surge included.
	Capacity int
	// Talking is how many conversations she has, Graves how many of them take all of her, Ringing how
	// many offers ring at her desk (one at most), Aside how many of her persons went quiet or left.
	Talking, Graves, Ringing, Aside int
	// Calls is how many of the conversations are on the phone; one takes all of her.
	Calls int
	// Shown is the state to show: "busy" when she can take nothing more, "wrapup" while she writes up.
	Shown State
	// Live says that her desk beats.
	Live bool
	// WrapUpUntil is when the write-up ends by itself; 0 when there is none.
	WrapUpUntil int64
	// PauseProposed says that a grave contact has just ended and she has not paused since: "Prenez dix
	// minutes." It proposes, it never sets.
	PauseProposed bool

	load load
}

// load is what a counsellor holds, counted in the record.
type load struct {
	talking, calls, graves, aside, ringing int
	wrapUp                                 int64 // when the last contact she now writes up ended, 0 for none
	ended, graveEnded                      int64 // when her last (grave) contact ended, of the last half hour
}

// whole says that something takes all of her: a grave contact, or a call.
func (l load) whole() bool { return l.graves > 0 || l.calls > 0 }

// takes says whether a contact of this channel can reach her: a call needs a desk that takes calls.
func (s *Seat) takes(channel string) bool { return channel != contact.ChannelPhone || s.Phone }

// roomFor says whether she could have one more of this channel beside what she has: a call takes all of her.
func (s *Seat) roomFor(channel string) bool {
	if s.load.whole() || s.load.ringing > 0 || channel == contact.ChannelPhone && (s.load.talking > 0 || !s.Phone) {
		return false
	}
	return s.load.talking < s.Capacity
}

// free says whether something more may ring at her desk now.
func (s *Seat) free() bool { return s.Shown == Available && s.Live && s.load.ringing == 0 }

// onDuty says that she is at her desk and works, though she may have her hands full.
func (s *Seat) onDuty() bool {
	return s.Live && (s.State == Available || s.State == Busy || s.State == WrapUp)
}

// seat puts a presence row and a load together.
func (r *Router) seat(p Presence, person staff.Person, l load, now time.Time) Seat {
	ms := store.Millis(now)
	s := Seat{
		Presence: p, Person: person, Capacity: r.capacityOf(person), load: l,
		Talking: l.talking, Calls: l.calls, Graves: l.graves, Ringing: l.ringing, Aside: l.aside,
		Live: p.LeaseUntil > ms,
	}
	s.IdleSince = max(s.IdleSince, l.ended)
	began := int64(0)
	if p.State == WrapUp {
		began = p.Since
	} else if l.wrapUp > p.Since {
		// Saying "available" after the end of a conversation ends its write-up time.
		began = l.wrapUp
	}
	if within(began, ms, r.times.WrapUp) {
		s.WrapUpUntil = began + r.times.WrapUp.Milliseconds()
	}
	s.Shown = p.State
	if p.State == WrapUp && s.WrapUpUntil == 0 {
		s.Shown = Available
	}
	if s.Shown == Available {
		switch {
		case l.whole() || l.talking+l.ringing >= s.Capacity:
			s.Shown = Busy
		case s.WrapUpUntil > 0:
			s.Shown = WrapUp
		}
	}
	s.PauseProposed = l.graveEnded > max(p.PausedAt, ms-r.times.GravePause.Milliseconds())
	return s
}

func (r *Router) capacityOf(p staff.Person) int {
	n := p.ChatCapacity
	if n == 0 {
		n = r.capacity
	}
	// Whoever takes one at a time (somebody who learns) goes on taking one at a time.
	if surge := r.settings.surge(); surge.On && n > 1 {
		n += surge.Extra
	}
	return n
}

// SetPresence says what a counsellor is from now on. reason is one of PauseReasons for a pause, else "".
// What rings at her desk goes back to the line when she is no longer available. It returns
// fault.Invalid "fault.routing.presence" for a state or a reason that is not one.
func (r *Router) SetPresence(ctx context.Context, staffID string, state State, reason string) error {
	valid := slices.Contains([]State{Available, Busy, WrapUp, Away}, state) && reason == "" ||
		state == Pause && slices.Contains(PauseReasons, reason)
	if !valid || staffID == "" {
		return fault.New(fault.Invalid, "fault.routing.presence")
	}
	now := store.Millis(r.now())
	paused := int64(0)
	if state == Pause {
		paused = now
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, setPresence, staffID, string(state), reason, now, now+r.times.Lease.Milliseconds(), paused); err != nil {
			return err
		}
		if state != Available {
			if err := r.takeBack(ctx, tx, staffID, contact.Lapse, now); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			r.tell(staffID, StaffEvent{What: "presence"})
			r.announceQueue()
		})
		return r.record(ctx, tx, byStaff(staffID), "presence.set", "staff", staffID, map[string]string{"state": string(state), "reason": reason})
	})
	if err == nil {
		r.nudge()
	}
	return err
}

// SetAway is a supervisor setting a counsellor away who has left her desk open: nothing more rings there.
// It does not make the desk beat. Setting away who is not here changes nothing.
func (r *Router) SetAway(ctx context.Context, supervisorID, staffID string) error {
	now := store.Millis(r.now())
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, setAway, staffID, now)
		if err != nil || n == 0 {
			return err
		}
		if err := r.takeBack(ctx, tx, staffID, contact.Lapse, now); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			r.tell(staffID, StaffEvent{What: "presence"})
			r.announceQueue()
		})
		return r.record(ctx, tx, byStaff(supervisorID), "presence.away", "staff", staffID, nil)
	})
	if err == nil {
		r.nudge()
	}
	return err
}

// SetPhone says whether a counsellor's desk takes calls from now on. Saying it again changes nothing. What rings
// there, if it is a call, goes on to the next one when it no longer does.
func (r *Router) SetPhone(ctx context.Context, staffID string, on bool) error {
	there, err := store.One(ctx, r.db, scanInt, `SELECT count(*) FROM presence WHERE staff_id = $1 AND phone = $2`, staffID, on)
	if err != nil || there > 0 {
		return err
	}
	now := store.Millis(r.now())
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, setPhone, staffID, on, now, now+r.times.Lease.Milliseconds())
		if err != nil || n == 0 {
			return err
		}
		if o, err := store.One(ctx, tx, scanOpenOffer, selectOpenOffers+` AND o.staff_id = $1`, staffID); err == nil && !on && o.channel == contact.ChannelPhone {
			if err := r.endOpen(ctx, tx, o, withdrawn, contact.Lapse, now); err != nil {
				return err
			}
		} else if err != nil && !errors.Is(err, store.ErrNoRow) {
			return err
		}
		tx.AfterCommit(func() {
			r.tell(staffID, StaffEvent{What: "presence"})
			r.announceQueue()
		})
		return r.record(ctx, tx, byStaff(staffID), "presence.phone", "staff", staffID, map[string]string{"on": yesNo(on)})
	})
	if err == nil {
		r.nudge()
	}
	return ignoreLost(err)
}

// PhoneStaffed says whether anybody on duty takes calls in a language, though she may have her hands full.
func (r *Router) PhoneStaffed(ctx context.Context, lang string) (bool, error) {
	f, err := r.readFloor(ctx, r.now())
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(f.seats, func(s *Seat) bool {
		return s.onDuty() && s.Phone && speaks(s.Person, waiting{lang: lang})
	}), nil
}

// ignoreLost drops errLostRace: whatever was to be undone was over already.
func ignoreLost(err error) error {
	if errors.Is(err, errLostRace) {
		return nil
	}
	return err
}

func yesNo(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

// Beat is a desk saying that it is there; each open tab beats every twenty seconds or so. It costs one
// statement at most every third of a lease, however many tabs. A counsellor whose desk was lost and is
// back while her conversations are still hers is again what she was.
func (r *Router) Beat(ctx context.Context, staffID string) error {
	now := r.now()
	r.mu.Lock()
	last, known := r.beats[staffID]
	if known && now.Sub(last) < r.times.Lease/3 && !now.Before(last) {
		r.mu.Unlock()
		return nil
	}
	r.beats[staffID] = now
	r.mu.Unlock()
	err := r.beat(ctx, staffID, store.Millis(now))
	if err != nil {
		r.mu.Lock()
		delete(r.beats, staffID) // the next beat tries again
		r.mu.Unlock()
	}
	return err
}

func (r *Router) beat(ctx context.Context, staffID string, now int64) error {
	lease := now + r.times.Lease.Milliseconds()
	n, err := r.db.Exec(ctx, beatPresence, staffID, lease)
	if err != nil || n > 0 {
		return err
	}
	// Her desk was lost, or she was never here.
	back := false
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		kept := now - (r.times.Lost - r.times.Lease).Milliseconds()
		n, err := tx.Exec(ctx, reviveLost, staffID, now, lease, kept)
		if err != nil {
			return err
		}
		if back = n > 0; !back {
			_, err := tx.Exec(ctx, firstBeat, staffID, now, lease)
			return err
		}
		tx.AfterCommit(func() {
			r.tell(staffID, StaffEvent{What: "presence"})
			r.announceQueue()
		})
		return r.record(ctx, tx, byStaff(staffID), "presence.back", "staff", staffID, nil)
	})
	if err == nil && back {
		r.nudge()
	}
	return err
}

// Presence returns a counsellor's seat: away, for whoever was never here.
func (r *Router) Presence(ctx context.Context, staffID string) (Seat, error) {
	now := r.now()
	person, _, err := r.person(ctx, staffID)
	if err != nil {
		return Seat{}, err
	}
	p, err := store.One(ctx, r.db, scanPresence, selectPresence+` WHERE staff_id = $1`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		p, err = Presence{StaffID: staffID, State: Away}, nil
	}
	if err != nil {
		return Seat{}, err
	}
	l, err := r.loadOf(ctx, r.db, staffID, now)
	if err != nil {
		return Seat{}, err
	}
	return r.seat(p, person, l, now), nil
}

// Floor returns the seats of all who may answer, those on duty first, then by alias: the supervisors'
// list. Whoever was never here is not in it.
func (r *Router) Floor(ctx context.Context) ([]Seat, error) {
	f, err := r.readFloor(ctx, r.now())
	if err != nil {
		return nil, err
	}
	seats := make([]Seat, 0, len(f.seats))
	for _, s := range f.seats {
		seats = append(seats, *s)
	}
	slices.SortFunc(seats, func(a, b Seat) int {
		if d := shownOrder[a.Shown] - shownOrder[b.Shown]; d != 0 {
			return d
		}
		return compare(a.Person.Alias, b.Person.Alias)
	})
	return seats, nil
}

// shownOrder is the order in which the floor shows who is there.
var shownOrder = map[State]int{Available: 0, Busy: 1, WrapUp: 2, Pause: 3, Away: 4}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// floor is what a sweep sees: who is there and what rings.
type floor struct {
	at     time.Time
	seats  []*Seat
	bySeat map[string]*Seat
	offers []openOffer
}

func (r *Router) readFloor(ctx context.Context, now time.Time) (floor, error) {
	f := floor{at: now, bySeat: make(map[string]*Seat)}
	crew, err := r.people(ctx)
	if err != nil {
		return f, err
	}
	rows, err := store.All(ctx, r.db, scanPresence, selectPresence)
	if err != nil || len(rows) == 0 {
		return f, err
	}
	if f.offers, err = store.All(ctx, r.db, scanOpenOffer, selectOpenOffers); err != nil {
		return f, err
	}
	loads, err := r.loads(ctx, r.db, now)
	if err != nil {
		return f, err
	}
	for _, o := range f.offers {
		l := loads[o.staffID]
		l.ringing++
		loads[o.staffID] = l
	}
	people := make(map[string]staff.Person, len(crew))
	for _, p := range crew {
		people[p.ID] = p
	}
	for _, p := range rows {
		person, known := people[p.StaffID]
		l := loads[p.StaffID]
		// Somebody who has left the house is there only as long as something is still theirs.
		if !person.Active && l.talking+l.ringing+l.aside == 0 && l.wrapUp == 0 {
			continue
		}
		if !known {
			person = staff.Person{ID: p.StaffID}
		}
		s := r.seat(p, person, l, now)
		f.seats = append(f.seats, &s)
		f.bySeat[p.StaffID] = &s
	}
	return f, nil
}

// recent is how far back an ended contact is looked for, to know how long somebody has been idle.
func (r *Router) recent(now time.Time) int64 {
	return store.Millis(now.Add(-max(r.times.WrapUp, r.times.GravePause)))
}

func (r *Router) loads(ctx context.Context, q store.Querier, now time.Time) (map[string]load, error) {
	type row struct {
		id string
		load
	}
	rows, err := store.All(ctx, q, func(s store.Row) (row, error) {
		var w row
		return w, s.Scan(&w.id, &w.talking, &w.calls, &w.graves, &w.aside, &w.wrapUp, &w.ended, &w.graveEnded)
	}, selectLoads, r.recent(now), r.graveFrom(now))
	if err != nil {
		return nil, err
	}
	loads := make(map[string]load, len(rows))
	for _, w := range rows {
		loads[w.id] = w.load
	}
	return loads, nil
}

// loadOf counts what one counsellor holds. Inside a transaction that has touched her presence row, it
// cannot grow before the transaction ends.
func (r *Router) loadOf(ctx context.Context, q store.Querier, staffID string, now time.Time) (load, error) {
	l, err := store.One(ctx, q, func(s store.Row) (load, error) {
		var l load
		var id string
		return l, s.Scan(&id, &l.talking, &l.calls, &l.graves, &l.aside, &l.wrapUp, &l.ended, &l.graveEnded)
	}, selectLoadOf, r.recent(now), r.graveFrom(now), staffID)
	if errors.Is(err, store.ErrNoRow) {
		l, err = load{}, nil
	}
	if err != nil {
		return l, err
	}
	l.ringing, err = store.One(ctx, q, scanInt, `SELECT count(*) FROM offer WHERE staff_id = $1 AND state = 'open'`, staffID)
	return l, err
}

func (r *Router) graveFrom(now time.Time) int64 {
	return store.Millis(now.Add(-r.times.GraveHold))
}

func scanInt(s store.Row) (int, error) { var n int; return n, s.Scan(&n) }

// lock takes the turn of one counsellor until the transaction ends, and returns her row: whatever
// gives her something to do takes it first, so that two such acts on two nodes see one another. ok is
// false when she has no row.
func lock(ctx context.Context, tx *store.Tx, staffID string) (p Presence, ok bool, err error) {
	p, err = store.One(ctx, tx, scanPresence, lockPresence, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return p, false, nil
	}
	return p, err == nil, err
}

// deskLost sets a counsellor away whose desk no longer beats; what rang there goes back to the line at
// once. Her conversations stay hers for a while: see counsellorLost.
func (r *Router) deskLost(ctx context.Context, staffID string, now time.Time) error {
	ms := store.Millis(now)
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, setLost, staffID, ms)
		if err != nil || n == 0 {
			return err // she beat again, or another node was first
		}
		if err := r.takeBack(ctx, tx, staffID, contact.Lost, ms); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			r.tell(staffID, StaffEvent{What: "presence"})
			r.announceQueue()
		})
		return r.record(ctx, tx, contact.SystemActor, "presence.lost", "staff", staffID, nil)
	})
}

// counsellorLost gives back the conversations of a desk that has been gone too long: in front of the
// line, first to the same counsellor should she be back. Whoever went quiet or left simply no longer
// has her counsellor.
func (r *Router) counsellorLost(ctx context.Context, staffID string, now time.Time) error {
	gone := store.Millis(now.Add(-(r.times.Lost - r.times.Lease)))
	held, err := store.All(ctx, r.db, scanID, selectHeld, staffID)
	if err != nil {
		return err
	}
	for _, id := range held {
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `UPDATE presence SET turn = turn + 1 WHERE staff_id = $1 AND lease_until <= $2`, staffID, gone)
			if err != nil || n == 0 {
				return err // she is back
			}
			hers, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM contact WHERE id = $1 AND counsellor_id = $2`, id, staffID)
			if err != nil || hers == 0 {
				return err
			}
			if _, err := tx.Exec(ctx, endOfferOfContact, id, "withdrawn", store.Millis(now)); err != nil {
				return err
			}
			ct, err := r.contacts.Move(ctx, tx, id, contact.Lost, contact.SystemActor, contact.Change{})
			if err != nil {
				return err
			}
			if ct.State == contact.Waiting {
				if _, err := r.contacts.AddReason(ctx, tx, id, r.weighed(catalogue.ReasonLost)); err != nil {
					return err
				}
			}
			tx.AfterCommit(func() { r.tell(staffID, StaffEvent{What: "lost", Contact: id}) })
			return nil
		})
		if err := ignoreLostRace(err); err != nil {
			return err
		}
	}
	return nil
}

// ignoreLostRace drops the faults that say that somebody else was faster.
func ignoreLostRace(err error) error {
	switch fault.KindOf(err) {
	case fault.Conflict, fault.Forbidden, fault.NotFound, fault.Gone:
		return nil
	}
	return err
}

func scanID(s store.Row) (string, error) { var id string; return id, s.Scan(&id) }

// StillHas says whether a counsellor can go on at once with a person who is back: her desk is there,
// she works, and she has room. It is what contact.Options.StillHas asks.
func (r *Router) StillHas(ctx context.Context, staffID, contactID string) bool {
	has, err := r.stillHas(ctx, staffID, contactID)
	if err != nil {
		r.log.Error("routing: presence could not be read", "error", err)
	}
	return has && err == nil
}

func (r *Router) stillHas(ctx context.Context, staffID, contactID string) (bool, error) {
	s, err := r.Presence(ctx, staffID)
	if err != nil {
		return false, err
	}
	if !s.Live || s.State != Available && s.State != WrapUp || s.Talking+s.Ringing >= s.Capacity {
		return false, nil
	}
	if s.Graves+s.Calls == 0 {
		return true, nil
	}
	// All of her is taken, perhaps by this very contact.
	ct, err := r.contacts.Get(ctx, contactID)
	return ct.Grave && s.Graves == 1 && s.Talking == 0, err
}
