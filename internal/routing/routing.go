// Package routing brings a waiting person and a counsellor together: who is at a desk, who waits and
// why she comes first, to whom she is offered, and who is kept out for a while.
//
// Everything it decides stands in rows: presence and offers are leases with an end, a claim is a
// conditional write under a unique index. So any number of nodes may run a Router on one record, each
// may die at any moment, and still one contact is never offered to two people nor taken twice, nobody
// is given more than she can hold, and nobody who waits is forgotten: what a dead node left behind ends
// with its lease, and the next sweep of any node goes on from there.
//
// A sweep is run when something changed (the bus says so) and when the next lease ends. The bus may
// lose a message: a slow tick sweeps anyway, and announces once more what rings.
package routing

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// People is who works here: whoever is active, without real names. *staff.Staff is.
type People interface {
	Roster(ctx context.Context) ([]staff.Person, error)
}

// Times are the patience of the floor. A zero field takes its value of DefaultTimes.
type Times struct {
	// Offer is how long a contact rings at one desk.
	Offer time.Duration
	// HandOver is how long a contact rings at the desk of a colleague who was named.
	HandOver time.Duration
	// Lease is how long after its last beat a desk counts as there.
	Lease time.Duration
	// Lost is how long after its last beat the conversations of a desk go back to the queue.
	Lost time.Duration
	// WrapUp is how long a counsellor writes up in peace after a conversation.
	WrapUp time.Duration
	// Sticky is how long a person who is back waits for the counsellor who knows her story, and
	// StickyDanger how long when her life may be in danger.
	Sticky, StickyDanger time.Duration
	// Rest is how long after she declined a contact it is not offered to the same counsellor again.
	Rest time.Duration
	// GraveHold is how long a grave contact whose person went quiet keeps taking all of its counsellor.
	GraveHold time.Duration
	// GravePause is how long after a grave contact a pause is proposed.
	GravePause time.Duration
	// Ring is the least time between two calls of the supervisors because nobody is there, and between two
	// of one alarm that nobody has seen.
	Ring time.Duration
	// Call is the least time between two calls of the supervisor on call.
	Call time.Duration
	// Tick is how often a sweep is run although nothing happened, while somebody waits; IdleTick when
	// nobody does.
	Tick, IdleTick time.Duration
}

// DefaultTimes are those of a usual floor.
var DefaultTimes = Times{
	Offer: 20 * time.Second, HandOver: 60 * time.Second,
	Lease: 60 * time.Second, Lost: 2 * time.Minute,
	WrapUp: 2 * time.Minute,
	Sticky: 2 * time.Minute, StickyDanger: 20 * time.Second,
	Rest: time.Minute, GraveHold: 10 * time.Minute, GravePause: 30 * time.Minute,
	Ring: time.Minute, Call: 5 * time.Minute, Tick: 5 * time.Second, IdleTick: 30 * time.Second,
}

func (t Times) filled() Times {
	or := func(have *time.Duration, d time.Duration) {
		if *have <= 0 {
			*have = d
		}
	}
	d := DefaultTimes
	or(&t.Offer, d.Offer)
	or(&t.HandOver, d.HandOver)
	or(&t.Lease, d.Lease)
	or(&t.Lost, d.Lost)
	or(&t.WrapUp, d.WrapUp)
	or(&t.Sticky, d.Sticky)
	or(&t.StickyDanger, d.StickyDanger)
	or(&t.Rest, d.Rest)
	or(&t.GraveHold, d.GraveHold)
	or(&t.GravePause, d.GravePause)
	or(&t.Ring, d.Ring)
	or(&t.Call, d.Call)
	or(&t.Tick, d.Tick)
	or(&t.IdleTick, d.IdleTick)
	t.Lost = max(t.Lost, t.Lease)
	return t
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Bus      *bus.Bus
	Keys     *seal.Keeper
	Audit    *audit.Log
	Contacts *contact.Contacts
	People   People
	// Catalogue gives the current queues, hours, numbers and taxonomy.
	Catalogue func() *catalogue.Set
	// Today is how the hours stand; nil reads them in the catalogue.
	Today func() catalogue.OpenState
	// OnCall calls the supervisor on call: kind is KindDanger or KindThreat, and all she is told. nil calls
	// nobody. It is called by one node at a time.
	OnCall func(ctx context.Context, kind string) error
	// Guard, when set, follows the operator's switch of the proof of work.
	Guard *flood.Guard
	// Times is the floor's patience; its zero value is DefaultTimes.
	Times Times
	// ChatCapacity is for whoever has none of her own (default 3).
	ChatCapacity int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Router is the room. It is safe for concurrent use, and any number may work on one record.
type Router struct {
	crowded   atomic.Bool // there were too many when this node last looked
	db        *store.DB
	bus       *bus.Bus
	audit     *audit.Log
	contacts  *contact.Contacts
	staff     People
	catalogue func() *catalogue.Set
	guard     *flood.Guard
	onCall    func(ctx context.Context, kind string) error
	calls     sync.WaitGroup // of the supervisor on call, that are being made
	times     Times
	capacity  int
	today     func() catalogue.OpenState
	now       func() time.Time
	log       *slog.Logger
	blockKey  []byte

	wake chan struct{} // holds one when a sweep is wanted

	mu       sync.Mutex
	crew     []staff.Person // as they were read last
	crewAt   time.Time
	beats    map[string]time.Time // when this node last wrote each desk's beat
	judgesAt time.Time            // desks are not taken for gone before this

	forgetNext time.Time // when the sweep looks again for what is kept only for open contacts

	settings settings
	line     lineCache
	closing  closing
	stops    []func()
}

// New opens the room. Run starts its sweeps; Close leaves the bus.
func New(ctx context.Context, o Options) (*Router, error) {
	r := &Router{
		db: o.DB, bus: o.Bus, audit: o.Audit, contacts: o.Contacts, staff: o.People, catalogue: o.Catalogue, guard: o.Guard, onCall: o.OnCall,
		times: o.Times.filled(), capacity: o.ChatCapacity, today: o.Today, now: o.Now, log: o.Log,
		blockKey: o.Keys.Derive("block"),
		wake:     make(chan struct{}, 1),
		beats:    make(map[string]time.Time),
	}
	if r.capacity <= 0 {
		r.capacity = 3
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.today == nil {
		r.today = func() catalogue.OpenState { return r.catalogue().Hours.At(r.now()) }
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	// This node may have been down with all the others: desks get the time to beat again.
	r.judgesAt = r.now().Add(r.times.Lease)
	if err := r.readSettings(ctx); err != nil {
		return nil, err
	}
	for subject, heard := range map[string]func(string, []byte){
		"queue":           func(string, []byte) { r.nudge() },
		"catalogue":       func(string, []byte) { r.nudge() },
		"staff.*":         r.staffChanged,
		"routing.setting": func(string, []byte) { r.settingsChanged() },
	} {
		stop, err := r.bus.Subscribe(subject, heard)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.stops = append(r.stops, stop)
	}
	r.stops = append(r.stops, r.bus.OnReconnect(r.settingsChanged))
	r.contacts.OnDanger(r.raise)
	r.contacts.OnArrive(r.arrive)
	return r, nil
}

// Close leaves the bus, once a call that is being made is over.
func (r *Router) Close() {
	r.calls.Wait()
	for _, stop := range r.stops {
		stop()
	}
	r.stops = nil
}

// Run sweeps until ctx ends.
func (r *Router) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due time.Time // when the last sweep wanted to be called again
	for {
		ticked := false
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
			ticked = true
		}
		began := r.now()
		if !due.IsZero() {
			r.woke(ctx, began, due)
		}
		next, err := r.sweep(ctx, ticked)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			// Beats could not be written either while the record was away.
			r.log.Error("routing: the floor could not be swept; trying again", "error", err)
			next = r.now().Add(time.Second)
			r.giveDesksTime(r.now())
		}
		due = next
		// A burst of announcements makes one sweep: after each, a breath of nine times what it took, so
		// that sweeping takes a tenth of a core, and more only where one takes longer than 28 ms.
		breath := min(max(9*r.now().Sub(began), 5*time.Millisecond), 250*time.Millisecond)
		select {
		case <-ctx.Done():
			return
		case <-time.After(breath):
		}
		timer.Reset(max(next.Sub(r.now()), 0))
	}
}

// woke compares the clock with when this node meant to look again. Where it stood still, or its clock
// jumped, the desks' beats of that time are not missing, and nobody let ring in vain what rings.
func (r *Router) woke(ctx context.Context, now, due time.Time) {
	if now.Sub(due) <= r.times.Lease/2 {
		return
	}
	r.giveDesksTime(now)
	if err := r.ringAnew(ctx, now); err != nil && ctx.Err() == nil {
		r.log.Error("routing: what rings could not be given its time again", "error", err)
	}
}

// nudge asks this node for a sweep; many nudges are one.
func (r *Router) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// giveDesksTime lets a lease pass before any desk is taken for gone, and has each next beat written.
func (r *Router) giveDesksTime(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.beats)
	r.judgesAt = now.Add(r.times.Lease)
}

// ringAnew gives what rings its whole time again.
func (r *Router) ringAnew(ctx context.Context, now time.Time) error {
	ms := store.Millis(now)
	_, err := r.db.Exec(ctx, ringAnew, ms, ms+r.times.Offer.Milliseconds(), ms+r.times.HandOver.Milliseconds())
	return err
}

// ahead is by how much the clocks of two nodes may differ without anybody taking it for a jump.
const ahead = 5 * time.Second

// within says whether now is less than d after something that happened. What lies further ahead of now
// than d was written before the clock went back, and is over: nobody waits an hour for a minute.
func within(happened, now int64, d time.Duration) bool {
	return now < happened+d.Milliseconds() && now > happened-d.Milliseconds()
}

// judges says from when this node may take a desk for gone.
func (r *Router) judges() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.judgesAt
}

// people returns who works here. It is read again after a few seconds, or when somebody changed.
func (r *Router) people(ctx context.Context) ([]staff.Person, error) {
	const fresh = 5 * time.Second
	now := r.now()
	r.mu.Lock()
	crew, at := r.crew, r.crewAt
	r.mu.Unlock()
	if crew != nil && now.Sub(at) < fresh && !now.Before(at) {
		return crew, nil
	}
	crew, err := r.staff.Roster(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.crew, r.crewAt = crew, now
	r.mu.Unlock()
	return crew, nil
}

// staffChanged hears what is said to members of staff, and cares only for a changed account.
func (r *Router) staffChanged(_ string, payload []byte) {
	var e StaffEvent
	if json.Unmarshal(payload, &e) != nil || e.What != "account" {
		return
	}
	r.mu.Lock()
	r.crew = nil
	r.mu.Unlock()
	r.nudge()
}

// person returns one of who works here, and whether there is one who may take contacts.
func (r *Router) person(ctx context.Context, staffID string) (staff.Person, bool, error) {
	crew, err := r.people(ctx)
	if err != nil {
		return staff.Person{}, false, err
	}
	for _, p := range crew {
		if p.ID == staffID {
			return p, p.Can(answers), nil
		}
	}
	return staff.Person{}, false, nil
}

// colleague is somebody to whom a contact is given by name. It returns fault.Conflict
// "fault.routing.colleague_cannot" for who may not answer.
func (r *Router) colleague(ctx context.Context, staffID string) (staff.Person, error) {
	person, works, err := r.person(ctx, staffID)
	if err == nil && !works {
		err = fault.New(fault.Conflict, "fault.routing.colleague_cannot")
	}
	return person, err
}

// answers is the right without which nothing is offered.
const answers = staff.ContactAnswer

// StaffEvent is what the bus says to one member of staff, on staff.<id>, and to all supervisors, on
// staff.supervisors. The desk reads the record again; nothing is believed from the bus.
type StaffEvent struct {
	// What is "offer" (something rings, or no longer does), "taken" (a contact is hers from now on),
	// "presence", "handed_over" (a colleague took what was handed to her), "hand_over_ended" (she did not),
	// "lost" (contacts went back to the queue because the desk was gone), "listening" (who listens to a contact of hers, or
	// what she listens to, has changed); for supervisors, "ring", and "alarm"
	// (what rings until it is seen has changed).
	What string `json:"what"`
	// Why is a code: of a ring, "nobody", "nobody_suitable", "declined", "silent" or "second".
	Why string `json:"why,omitempty"`
	// Contact is an id, "" when it is about none.
	Contact string `json:"contact,omitempty"`
}

// Supervisors is the subject on which all supervisors are rung.
const Supervisors = "staff.supervisors"

func (r *Router) tell(staffID string, e StaffEvent) {
	if staffID == "" {
		return
	}
	payload, _ := json.Marshal(e)
	r.bus.Publish("staff."+staffID, payload)
}

func (r *Router) ringSupervisors(why, contactID string) {
	payload, _ := json.Marshal(StaffEvent{What: "ring", Why: why, Contact: contactID})
	r.bus.Publish(Supervisors, payload)
}

// CallSecond rings the supervisors: somebody asks for a second person, who has a minute.
func (r *Router) CallSecond(contactID string) { r.ringSupervisors("second", contactID) }

// TellGivenUp rings the supervisors: somebody who was promised a call was not reached as often as the rules try.
func (r *Router) TellGivenUp(contactID string) { r.ringSupervisors("given_up", contactID) }

// TellListening has the screens of a member of staff show who listens to a contact of hers, or what she listens to.
func (r *Router) TellListening(staffID, contactID string) {
	r.tell(staffID, StaffEvent{What: "listening", Contact: contactID})
}

// announceQueue wakes every node's router, and every screen that shows the line.
func (r *Router) announceQueue() { r.bus.Publish("queue", []byte("{}")) }

// byStaff is a member of staff as the actor of her own acts.
func byStaff(staffID string) audit.Actor {
	return audit.Actor{Kind: audit.Staff, ID: staffID}
}

func (r *Router) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, object, id string, detail map[string]string) error {
	return r.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: object, ObjectID: id, Detail: detail})
}
