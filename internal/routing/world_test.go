package routing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// The cast. Anne, Bilal and Chloé answer in French; Dana in both languages, with the skill of the
// "intimate" queue; Sam supervises.
const (
	anne  = "0197aaaa-0000-7000-8000-00000000000a"
	bilal = "0197aaaa-0000-7000-8000-00000000000b"
	chloe = "0197aaaa-0000-7000-8000-00000000000c"
	dana  = "0197aaaa-0000-7000-8000-00000000000d"
	sam   = "0197aaaa-0000-7000-8000-00000000000e"
)

type roster struct {
	mu     sync.Mutex
	people []staff.Person
}

func (r *roster) Roster(context.Context) ([]staff.Person, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.people), nil
}

func theCast() *roster {
	person := func(id, alias string, langs []string, skills ...string) staff.Person {
		return staff.Person{ID: id, Login: alias, Alias: alias, Roles: []staff.Role{staff.Counsellor}, Langs: langs, Skills: skills, Active: true}
	}
	supervisor := person(sam, "Sam", []string{"fr"})
	supervisor.Roles = []staff.Role{staff.Supervisor}
	return &roster{people: []staff.Person{
		person(anne, "Anne", []string{"fr"}),
		person(bilal, "Bilal", []string{"fr"}),
		person(chloe, "Chloé", []string{"fr"}),
		person(dana, "Dana", []string{"fr", "en"}, "night"),
		supervisor,
	}}
}

// clock is a hand that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// record is one record with its keys; several nodes may work on it.
type record struct {
	t     *testing.T
	db    *store.DB
	keys  *seal.Keeper
	set   *catalogue.Set
	cast  *roster
	calls *onCall
	clock *clock // nil: real time
	times Times
}

func newRecord(t *testing.T, db *store.DB) *record {
	t.Helper()
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
	if err != nil {
		t.Fatal(err)
	}
	clk := &clock{t: time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)}
	keys, err := seal.Open(t.Context(), db, custodian, clk.now)
	if err != nil {
		t.Fatal(err)
	}
	return &record{t: t, db: db, keys: keys, set: queues(t), cast: theCast(), calls: &onCall{}, clock: clk}
}

// queues are the seeds with queues of our own: "quick" ages 10 a minute and begins at 50, "night" asks
// for the skill "night", "everybody" ages 2 a minute.
func queues(t *testing.T) *catalogue.Set {
	t.Helper()
	seeds, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	set := *seeds
	own := *seeds.Queues
	label := catalogue.Text{"fr": "file", "en": "queue"}
	own.All = []catalogue.Queue{
		{Code: "quick", Label: label, Base: 50, Ageing: 10, Topics: []string{"quick"}},
		{Code: "night", Label: label, Ageing: 2, Skills: []string{"night"}, Topics: []string{"night"}},
		{Code: "everybody", Label: label, Ageing: 2},
	}
	set.Queues = &own
	return &set
}

// onCall is the telephone of the supervisor on call.
type onCall struct {
	mu   sync.Mutex
	rang []string // the kinds, as they came
	dead bool
}

func (o *onCall) call(_ context.Context, kind string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rang = append(o.rang, kind)
	if o.dead {
		return errors.New("no answer")
	}
	return nil
}

func (o *onCall) kinds() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.rang, " ")
}

// node is a Router with a bus and rooms of its own, on a record.
type node struct {
	*Router
	rec  *record
	bus  *bus.Bus
	t    *testing.T
	told *told
}

// told are the announcements to staff, as they came.
type told struct {
	mu  sync.Mutex
	all []string // "<who> <what> <why>"
}

func (l *told) count(line string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.all {
		if s == line {
			n++
		}
	}
	return n
}

func (rec *record) node() *node {
	rec.t.Helper()
	b, err := bus.Open(rec.t.Context(), bus.Options{})
	if err != nil {
		rec.t.Fatal(err)
	}
	rec.t.Cleanup(b.Close)
	return rec.nodeOn(b)
}

func (rec *record) nodeOn(b *bus.Bus) *node {
	t := rec.t
	t.Helper()
	n := &node{rec: rec, bus: b, t: t, told: &told{}}
	now := time.Now
	if rec.clock != nil {
		now = rec.clock.now
	}
	log := audit.Open(rec.db, rec.keys.Derive("audit"), b.NodeID(), now)
	contacts, err := contact.New(contact.Options{
		DB: rec.db, Keys: rec.keys, Audit: log, Bus: b, Now: now, Catalogue: func() *catalogue.Set { return rec.set },
		StillHas: func(ctx context.Context, staffID, contactID string) bool { return n.StillHas(ctx, staffID, contactID) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(contacts.Stop)
	n.Router, err = New(t.Context(), Options{
		DB: rec.db, Bus: b, Keys: rec.keys, Audit: log, Contacts: contacts, People: rec.cast, OnCall: rec.calls.call,
		Catalogue: func() *catalogue.Set { return rec.set }, Times: rec.times, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	n.judgesAt = time.Time{} // its desks have had their time, unless a test says otherwise
	stop, err := b.Subscribe("staff.*", func(subject string, payload []byte) {
		var e StaffEvent
		if json.Unmarshal(payload, &e) != nil {
			return
		}
		n.told.mu.Lock()
		n.told.all = append(n.told.all, subject[len("staff."):]+" "+e.What+" "+e.Why)
		n.told.mu.Unlock()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return n
}

// world is one node with the clock in hand.
func world(t *testing.T, db *store.DB) *node { return newRecord(t, db).node() }

// each runs a test in a world on each engine.
func each(t *testing.T, test func(t *testing.T, w *node)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, world(t, db)) })
}

func (n *node) pass(d time.Duration) { n.rec.clock.pass(d) }

// passAtDesks lets time pass in which these desks beat.
func (n *node) passAtDesks(d time.Duration, staffIDs ...string) {
	n.t.Helper()
	for d > 0 {
		step := min(d, 20*time.Second)
		n.pass(step)
		d -= step
		for _, id := range staffIDs {
			if err := n.Beat(n.t.Context(), id); err != nil {
				n.t.Fatal(err)
			}
		}
	}
}

func (n *node) here(staffIDs ...string) {
	n.t.Helper()
	for _, id := range staffIDs {
		if err := n.SetPresence(n.t.Context(), id, Available, ""); err != nil {
			n.t.Fatal(err)
		}
		n.pass(time.Second) // who came first has been idle longest
	}
}

type opening func(*contact.Opening)

func in(lang string) opening { return func(o *contact.Opening) { o.Lang = lang } }
func queued(code string) opening {
	return func(o *contact.Opening) { o.Queue = code }
}
func because(code string, weight int) opening {
	return func(o *contact.Opening) {
		o.Reasons = append(o.Reasons, contact.Reason{Code: code, Weight: weight})
	}
}
func ofPerson(id string) opening  { return func(o *contact.Opening) { o.PersonID = id } }
func inDanger(o *contact.Opening) { o.Danger = true }
func asA(public string) opening   { return func(o *contact.Opening) { o.Public = public } }

// opens lets a young person in, who then waits.
func (n *node) opens(how ...opening) contact.Contact {
	n.t.Helper()
	return n.opensFrom(netip.Addr{}, how...)
}

func (n *node) opensFrom(from netip.Addr, how ...opening) contact.Contact {
	n.t.Helper()
	o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Queue: "everybody"}
	if from.IsValid() {
		o.Network = netip.AddrPortFrom(from, 40000)
	}
	for _, f := range how {
		f(&o)
	}
	ct, err := n.contacts.Open(n.t.Context(), o)
	if err != nil {
		n.t.Fatal(err)
	}
	if n.rec.clock != nil {
		n.pass(time.Millisecond)
	}
	return ct
}

func (n *node) sweeps() time.Time {
	n.t.Helper()
	next, err := n.sweep(n.t.Context(), false)
	if err != nil {
		n.t.Fatal(err)
	}
	return next
}

func (n *node) get(id string) contact.Contact {
	n.t.Helper()
	ct, err := n.contacts.Get(n.t.Context(), id)
	if err != nil {
		n.t.Fatal(err)
	}
	return ct
}

// rings says at whose desk a contact rings, "" for nobody's.
func (n *node) rings(ct contact.Contact) string {
	n.t.Helper()
	for {
		now := n.get(ct.ID)
		if now.State != contact.Offered {
			return ""
		}
		r, ok, err := n.RingingAt(n.t.Context(), now.OfferedTo)
		if err != nil {
			n.t.Fatal(err)
		}
		if ok && r.ContactID == ct.ID {
			return now.OfferedTo
		}
		// Where Run is at work, the offer may have ended between the two readings: then the contact moved on.
		if after := n.get(ct.ID); after.State == contact.Offered && after.OfferUntil == now.OfferUntil {
			n.t.Fatalf("it is offered to %s, at whose desk rings %+v %v", name(now.OfferedTo), r, ok)
		}
	}
}

func (n *node) mustRing(ct contact.Contact, staffID string) {
	n.t.Helper()
	if got := n.rings(ct); got != staffID {
		n.t.Fatalf("it rings at %s's, want %s", name(got), name(staffID))
	}
}

func (n *node) accepts(staffID string, ct contact.Contact) {
	n.t.Helper()
	if err := n.Accept(n.t.Context(), staffID, ct.ID); err != nil {
		n.t.Fatal(err)
	}
}

// talks has a contact answered by a counsellor, past the queue.
func (n *node) talks(staffID string, how ...opening) contact.Contact {
	n.t.Helper()
	ct := n.opens(how...)
	if err := n.Take(n.t.Context(), staffID, ct.ID); err != nil {
		n.t.Fatal(err)
	}
	return n.get(ct.ID)
}

func (n *node) ends(staffID string, ct contact.Contact) {
	n.t.Helper()
	if _, err := n.contacts.EndConversation(n.t.Context(), ct.ID, byStaff(staffID), contact.Change{}); err != nil {
		n.t.Fatal(err)
	}
}

// closes is the end of the write-up.
func (n *node) closes(ct contact.Contact) {
	n.t.Helper()
	n.move(ct, contact.Dismiss, byStaff(sam), contact.Change{Closing: "test", Supervising: true})
}

// clears ends every open contact, and everybody is available again.
func (n *node) clears() {
	n.t.Helper()
	all, err := n.contacts.InStates(n.t.Context(), contact.Waiting, contact.Offered, contact.Talking, contact.Parked, contact.Left, contact.WrapUp)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, ct := range all {
		n.closes(ct)
	}
	n.sweeps()
	n.pass(time.Second)
}

func (n *node) move(ct contact.Contact, ev contact.Event, by audit.Actor, set contact.Change) contact.Contact {
	n.t.Helper()
	var after contact.Contact
	err := n.db.Tx(n.t.Context(), func(tx *store.Tx) (err error) {
		after, err = n.contacts.Move(n.t.Context(), tx, ct.ID, ev, by, set)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return after
}

func (n *node) seat(staffID string) Seat {
	n.t.Helper()
	s, err := n.Presence(n.t.Context(), staffID)
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

// heard waits until an announcement to staff has come: "<who> <what> <why>".
func (n *node) heard(line string) {
	n.t.Helper()
	n.awaits(func() bool { return n.told.count(line) > 0 }, "nobody said "+line)
}

// quiet waits until whatever was announced so far has come.
func (n *node) quiet() {
	n.t.Helper()
	mark := store.NewID()
	n.tell("mark", StaffEvent{What: mark})
	n.heard("mark " + mark + " ")
}

func (n *node) awaits(cond func() bool, what string) {
	n.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			n.t.Fatal(what)
		}
		time.Sleep(time.Millisecond)
	}
}

func name(id string) string {
	names := map[string]string{anne: "Anne", bilal: "Bilal", chloe: "Chloé", dana: "Dana", sam: "Sam", "": "nobody"}
	if s, ok := names[id]; ok {
		return s
	}
	return fmt.Sprintf("%q", id)
}
