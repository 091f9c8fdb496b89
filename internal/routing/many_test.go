package routing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// hurried is a floor on which seconds are milliseconds, so that a storm of contacts passes in a test.
var hurried = Times{
	Offer: 400 * time.Millisecond, HandOver: 300 * time.Millisecond, Lease: time.Minute, Lost: 2 * time.Minute,
	WrapUp: 5 * time.Millisecond, Sticky: 50 * time.Millisecond, StickyDanger: 10 * time.Millisecond, Rest: 50 * time.Millisecond,
	Tick: 20 * time.Millisecond, IdleTick: 50 * time.Millisecond,
}

// crowd is a roster of n counsellors; every fifth takes one chat at a time.
func crowd(n int) *roster {
	r := &roster{}
	for i := range n {
		p := staff.Person{ID: fmt.Sprintf("0197bbbb-0000-7000-8000-%012d", i), Alias: fmt.Sprint("C", i), Roles: []staff.Role{staff.Counsellor},
			Langs: []string{"fr"}, Active: true}
		if i%5 == 0 {
			p.ChatCapacity = 1
		}
		r.people = append(r.people, p)
	}
	return r
}

// Five hundred contacts, forty counsellors, eight people at once at their desks, two nodes that do not
// even hear one another: each contact is answered by one counsellor, none rings at two desks or is taken
// twice, nobody is ever given more than she can hold, and nobody is forgotten.
func TestManyContactsManyCounsellorsTwoNodes(t *testing.T) {
	contacts, counsellors, workers := 500, 40, 8
	if testing.Short() {
		contacts = 100
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		rec.clock, rec.cast, rec.times = nil, crowd(counsellors), hurried
		nodes := []*node{rec.node(), rec.node()} // each with a bus of its own
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
		defer stop()
		for _, p := range rec.cast.people {
			if err := nodes[0].SetPresence(ctx, p.ID, Available, ""); err != nil {
				t.Fatal(err)
			}
		}
		var running sync.WaitGroup
		for _, n := range nodes {
			running.Go(func() { n.Run(ctx) })
		}

		var closed atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() { // the young people
			for i := range contacts {
				how := []opening{}
				if i%7 == 0 {
					how = append(how, because("came_back", 100))
				}
				if i%31 == 0 {
					how = append(how, inDanger)
				}
				nodes[i%2].opens(how...)
			}
		})
		for worker := range workers { // each at the desks of five counsellors
			wg.Go(func() {
				desk := desk{n: nodes[worker%2], other: nodes[(worker+1)%2], rng: rand.New(rand.NewPCG(7, uint64(worker)))}
				for i := worker; i < counsellors; i += workers {
					desk.staff = append(desk.staff, rec.cast.people[i])
				}
				for closed.Load() < int64(contacts) && ctx.Err() == nil {
					n, err := desk.work(ctx)
					if err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
					closed.Add(int64(n))
				}
			})
		}
		watching, over := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() { watchCapacity(watching, t, nodes[0]) })
		wg.Wait()
		over()
		watch.Wait()
		// An offer that was made in the moment in which its contact was closed is ended by the next sweep.
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if n, err := store.One(t.Context(), db, scanInt, `SELECT count(*) FROM offer WHERE state = 'open'`); err != nil || n == 0 {
				break
			}
		}
		stop()
		running.Wait()

		count := func(what string, want int, query string) {
			t.Helper()
			n, err := store.One(t.Context(), db, scanInt, query)
			if err != nil || n != want {
				t.Errorf("%s: %d, %v, want %d", what, n, err, want)
			}
		}
		count("contacts that are closed", contacts, `SELECT count(*) FROM contact WHERE state = 'closed' AND answered_at > 0`)
		count("contacts accepted more than once from the queue", 0, `SELECT count(*) FROM (SELECT contact_id FROM offer
			WHERE state = 'accepted' AND kind IN ('queue', 'taken') GROUP BY contact_id HAVING count(*) > 1) AS twice`)
		count("contacts accepted", contacts, `SELECT count(DISTINCT contact_id) FROM offer WHERE state = 'accepted'`)
		count("offers left open", 0, `SELECT count(*) FROM offer WHERE state = 'open'`)
	})
}

// desk is somebody in a hurry at the desks of several counsellors.
type desk struct {
	n, other *node
	rng      *rand.Rand
	staff    []staff.Person
}

// work does what rings and what is talked about at each desk, and returns how many contacts it closed.
func (d *desk) work(ctx context.Context) (closed int, err error) {
	for _, p := range d.staff {
		if err := d.n.SetPresence(ctx, p.ID, Available, ""); err != nil { // some were silent
			return closed, err
		}
		ring, ok, err := d.n.RingingAt(ctx, p.ID)
		if err != nil {
			return closed, err
		}
		if ok {
			if err := d.answer(ctx, p.ID, ring); err != nil {
				return closed, err
			}
		}
		if d.rng.IntN(10) == 0 {
			if err := d.takeOne(ctx, p.ID); err != nil {
				return closed, err
			}
		}
		n, err := d.finish(ctx, p.ID)
		closed += n
		if err != nil {
			return closed, err
		}
	}
	return closed, nil
}

func (d *desk) answer(ctx context.Context, staffID string, ring Ringing) error {
	switch d.rng.IntN(12) {
	case 0:
		return d.n.Decline(ctx, staffID, ring.ContactID)
	case 1:
		return nil // silence
	case 2: // a double click, on two nodes
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { errs[i] = []*node{d.n, d.other}[i%2].Accept(ctx, staffID, ring.ContactID) })
		}
		wg.Wait()
		for _, err := range errs {
			if unexpected(err) {
				return err
			}
		}
		return nil
	}
	if err := d.n.Accept(ctx, staffID, ring.ContactID); unexpected(err) {
		return err
	}
	return nil
}

// unexpected is an error that is no "somebody was faster".
func unexpected(err error) bool { return err != nil && !fault.Is(err, fault.Conflict) }

func (d *desk) takeOne(ctx context.Context, staffID string) error {
	id, err := store.One(ctx, d.n.db, scanID, `SELECT id FROM contact WHERE state = 'waiting' ORDER BY waiting_since DESC LIMIT 1`)
	if err == store.ErrNoRow {
		return nil
	}
	if err == nil {
		err = d.n.Take(ctx, staffID, id)
	}
	if unexpected(err) {
		return err
	}
	return nil
}

// finish ends one in two of the conversations at a desk, and hands one in ten over.
func (d *desk) finish(ctx context.Context, staffID string) (closed int, err error) {
	ids, err := store.All(ctx, d.n.db, scanID, `SELECT id FROM contact WHERE counsellor_id = $1 AND state = 'talking'`, staffID)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if d.rng.IntN(10) == 0 {
			to := d.staff[d.rng.IntN(len(d.staff))].ID
			if err := d.n.HandOver(ctx, staffID, id, to); err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Forbidden) {
				return closed, err
			}
			continue
		}
		if d.rng.IntN(2) == 0 {
			continue
		}
		err := d.n.db.Tx(ctx, func(tx *store.Tx) error {
			if _, err := d.n.contacts.Move(ctx, tx, id, contact.StaffEnds, byStaff(staffID), contact.Change{}); err != nil {
				return err
			}
			_, err := d.n.contacts.Move(ctx, tx, id, contact.Dismiss, byStaff(staffID), contact.Change{Closing: "test", Supervising: true})
			return err
		})
		switch {
		case err == nil:
			closed++
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.Forbidden): // handed over meanwhile
		default:
			return closed, err
		}
	}
	return closed, nil
}

// watchCapacity looks all the time whether anybody has more than she can hold, and whether what is offered
// rings at exactly the desk it is offered to. (That it never rings at two is an index of the table.)
func watchCapacity(ctx context.Context, t *testing.T, n *node) {
	type held struct {
		id  string
		has int
	}
	looks := 0
	for ctx.Err() == nil {
		// One statement is one moment of the record.
		rows, err := store.All(ctx, n.db, func(s store.Row) (h held, err error) { return h, s.Scan(&h.id, &h.has) },
			`SELECT staff_id, sum(n) FROM (
				SELECT counsellor_id AS staff_id, count(*) AS n FROM contact WHERE state = 'talking' GROUP BY counsellor_id
				UNION ALL SELECT staff_id, count(*) FROM offer WHERE state = 'open' GROUP BY staff_id) AS held GROUP BY staff_id`)
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		looks++
		silent, err := store.One(ctx, n.db, scanInt, `SELECT count(*) FROM contact WHERE state = 'offered' AND NOT EXISTS (SELECT 1 FROM offer
			WHERE offer.contact_id = contact.id AND offer.staff_id = contact.offered_to AND offer.state = 'open')`)
		if err == nil && silent > 0 {
			t.Errorf("%d contacts are offered and ring nowhere", silent)
			return
		}
		for _, h := range rows {
			for _, p := range n.rec.cast.people {
				if p.ID == h.id && h.has > n.capacityOf(p) {
					t.Errorf("%s has %d of %d", p.Alias, h.has, n.capacityOf(p))
					return
				}
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Logf("looked %d times", looks)
}

// A node dies between its claim and its announcement: the desk hears of the offer from the other node's
// next tick, and when nobody answers the contact goes on to the next desk.
func TestANodeDiesBeforeItAnnounces(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne, bilal)
		dying := w.rec.node()
		ct := w.opens()
		dying.bus.Close() // the last thing that works is its commit
		if _, err := dying.sweep(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		dying.Close()
		w.mustRing(ct, anne)
		w.quiet()
		if w.told.count(anne+" offer ") != 0 {
			t.Fatal("it was announced after all")
		}
		w.pass(5 * time.Second)
		if _, err := w.sweep(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		w.heard(anne + " offer ")
		w.pass(15 * time.Second)
		w.sweeps()
		w.mustRing(ct, bilal)
	})
}

// A transaction that is cut anywhere leaves nothing half done: either it rings at a desk, offer and
// contact alike, or it waits.
func TestAClaimIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *node) {
		w.here(anne)
		for i := range 40 {
			ct := w.opens()
			ctx, cut := context.WithTimeout(t.Context(), time.Duration(i*100)*time.Microsecond)
			_, _ = w.sweep(ctx, false)
			cut()
			got := w.get(ct.ID)
			_, rings, err := w.RingingAt(t.Context(), anne)
			if err != nil {
				t.Fatal(err)
			}
			if (got.State == contact.Offered) != rings {
				t.Fatalf("cut after %d ms/10: the contact is %s, rings %v", i, got.State, rings)
			}
			w.sweeps()
			w.mustRing(ct, anne)
			w.accepts(anne, ct)
			w.ends(anne, ct)
			w.pass(time.Second)
			w.here(anne)
		}
	})
}

// Run is woken by what happens, not by its tick: a contact that opens rings at once on a floor whose
// ticks are far apart, and an offer that nobody answers goes on when its time is over.
func TestRunIsWokenByWhatHappens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rec := newRecord(t, db)
		rec.clock = nil
		rec.times = Times{Offer: 300 * time.Millisecond, Tick: time.Hour, IdleTick: time.Hour}
		n := rec.node()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { n.Run(ctx) })
		defer running.Wait()
		defer stop()
		for _, id := range []string{anne, bilal} {
			if err := n.SetPresence(ctx, id, Available, ""); err != nil {
				t.Fatal(err)
			}
		}
		ct := n.opens()
		n.awaits(func() bool { return n.rings(ct) != "" }, "it does not ring")
		first := n.rings(ct)
		n.awaits(func() bool { at := n.rings(ct); return at != "" && at != first }, "it does not go on to the next desk")
	})
}

// An idle floor costs next to nothing: a handful of reads each half minute, no write.
func TestAnIdleFloorIsCheap(t *testing.T) {
	w := world(t, storetest.SQLite(t))
	w.here(anne, bilal)
	w.sweeps()
	before := w.db.Statements()
	next := w.sweeps()
	if n := w.db.Statements() - before; n > 8 {
		t.Errorf("an idle sweep takes %d statements", n)
	}
	if wait := next.Sub(w.now()); wait < 20*time.Second {
		t.Errorf("the next sweep comes in %v", wait)
	}
}

// A burst of announcements makes few sweeps.
func TestABurstMakesOneSweep(t *testing.T) {
	rec := newRecord(t, storetest.SQLite(t))
	rec.clock = nil
	n := rec.node()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	n.quiet()
	before := n.db.Statements()
	for range 10_000 {
		n.bus.Publish("queue", []byte("{}"))
	}
	n.quiet()
	stop()
	running.Wait()
	if made := n.db.Statements() - before; made > 1000 {
		t.Fatalf("ten thousand announcements made %d statements", made)
	}
}
