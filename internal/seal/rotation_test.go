package seal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// cast is a few owners with something sealed, something indexed, and one that was erased.
type cast struct {
	db     *store.DB
	path   string
	clock  *clock
	keys   []*seal.Key
	sealed map[string][]byte // by key id
	erased string
}

func newCast(t *testing.T, db *store.DB, owners int) *cast {
	t.Helper()
	w := &cast{db: db, path: keyPath(t), clock: newClock(), sealed: map[string][]byte{}}
	k := w.node(t)
	for i := range owners {
		w.add(t, k, fmt.Sprint("contact-", i))
	}
	gone := w.add(t, k, "contact-erased")
	if err := k.Destroy(ctx, gone.ID()); err != nil {
		t.Fatal(err)
	}
	w.erased = gone.ID()
	w.keys = w.keys[:owners]
	return w
}

func (w *cast) node(t testing.TB) *seal.Keeper { t.Helper(); return node(t, w.db, w.path, w.clock) }

func (w *cast) add(t testing.TB, k *seal.Keeper, owner string) *seal.Key {
	t.Helper()
	key := newKey(t, k, seal.KindContact, owner)
	w.sealed[key.ID()] = key.SealText(said, "word of "+owner)
	index(t, w.db, k, key, owner, "phone", "phone of "+owner)
	w.keys = append(w.keys, key)
	return key
}

// holds says what is true at any moment, as any node sees it: what was sealed opens, what was indexed is
// found, what was erased is gone.
func (w *cast) holds(t testing.TB, k *seal.Keeper, when string) {
	t.Helper()
	for _, key := range w.keys {
		k.Forget(key.ID())
		again, err := k.Key(ctx, key.ID())
		if err != nil {
			t.Errorf("%s: the key of %s: %v", when, key.Owner(), err)
			continue
		}
		if text, err := again.OpenText(said, w.sealed[key.ID()]); err != nil || text != "word of "+key.Owner() {
			t.Errorf("%s: %s opens as %q, %v", when, key.Owner(), text, err)
		}
		if got := find(t, w.db, k, "phone", "phone of "+key.Owner()); !slices.Equal(got, []string{key.Owner()}) {
			t.Errorf("%s: the phone of %s finds %v", when, key.Owner(), got)
		}
	}
	k.Forget(w.erased)
	if _, err := k.Key(ctx, w.erased); !fault.Is(err, fault.Gone) {
		t.Errorf("%s: the erased contact is back: %v", when, err)
	}
	if got := find(t, w.db, k, "phone", "phone of contact-erased"); len(got) != 0 {
		t.Errorf("%s: the erased contact's phone finds %v", when, got)
	}
}

// oneEpoch says that nothing is left of older epochs, in the record or with the custodian.
func (w *cast) oneEpoch(t testing.TB, when string) {
	t.Helper()
	lines := epochLines(t, w.path)
	if len(lines) != 1 {
		t.Fatalf("%s: the custodian holds %d epochs", when, len(lines))
	}
	for _, table := range []string{`keys.wrapped_key`, `lookup`, `(SELECT number AS epoch FROM keys.epoch) e`} {
		if n := count(t, w.db, `SELECT count(*) FROM `+table+` WHERE epoch <> $1`, number(lines[0])); n != 0 {
			t.Errorf("%s: %d rows of %s are of another epoch", when, n, table)
		}
	}
	if n := count(t, w.db, `SELECT count(*) FROM keys.epoch`); n != 1 {
		t.Errorf("%s: the record names %d epochs", when, n)
	}
}

func epochNumbers(t testing.TB, path string) (all []int64) {
	t.Helper()
	for _, line := range epochLines(t, path) {
		all = append(all, number(line))
	}
	return all
}

func number(line string) (n int64) {
	fmt.Sscanf(line, "epoch %d", &n)
	return n
}

// After a rotation everything alive opens, by nodes that rotated, that run since before and that start
// afterwards; no trace of the old epoch is left.
func TestRotate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 450) // more than two portions
		here, there := w.node(t), w.node(t)
		for i := range 3 {
			if err := here.Rotate(ctx); err != nil {
				t.Fatal(err)
			}
			when := fmt.Sprint("rotation ", i+1)
			w.oneEpoch(t, when)
			for _, k := range []*seal.Keeper{here, there, w.node(t)} {
				w.holds(t, k, when)
			}
			w.add(t, there, fmt.Sprint("contact-after-", i))
		}
	})
}

// An epoch is left when it is older than the period, not before, and once.
func TestRotateIfDue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 3)
		here, there := w.node(t), w.node(t)
		for i, step := range []struct {
			pass time.Duration
			k    *seal.Keeper
			want bool
		}{
			{seal.Period - time.Millisecond, here, false},
			{time.Millisecond, here, true},
			{0, there, false},
			{seal.Period, there, true},
			{0, here, false},
		} {
			w.clock.Move(step.pass)
			did, err := step.k.RotateIfDue(ctx, seal.Period)
			if did != step.want || err != nil {
				t.Errorf("step %d: rotated %v, %v; want %v", i, did, err, step.want)
			}
		}
		w.oneEpoch(t, "at the end")
		w.holds(t, here, "at the end")
	})
}

// While one node rotates, another's wish to is a conflict for Rotate and nothing for RotateIfDue.
func TestRotationsDoNotMeet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 3)
		here, there := w.node(t), w.node(t)
		err := here.HoldStill(ctx, func(ctx context.Context) error {
			wantFault(t, there.Rotate(ctx), fault.Conflict, "fault.seal.turn_taken")
			w.clock.Move(2 * seal.Period)
			did, err := there.RotateIfDue(ctx, seal.Period)
			if did || err != nil {
				t.Errorf("rotated %v, %v", did, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if did, err := there.RotateIfDue(ctx, seal.Period); !did || err != nil {
			t.Errorf("afterwards: rotated %v, %v", did, err)
		}
		w.holds(t, here, "at the end")
	})
}

// Nodes make keys and lookups, and destroy some, all the while others rotate: no key is lost, no lookup
// is lost, and nothing that was destroyed comes back.
func TestNewKeysWhileRotating(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 50)
		const each, most, enough = 150, 3000, 3 // keys a node, at most, and rotations that must meet them
		var rotations atomic.Int32
		var mu sync.Mutex
		var made []*seal.Key
		sealed := map[string][]byte{}
		gone := map[string]bool{}
		var wg sync.WaitGroup
		for n := range 4 {
			k := w.node(t)
			wg.Go(func() {
				for i := 0; i < each || i < most && rotations.Load() < enough; i++ {
					owner := fmt.Sprintf("contact-%d-%d", n, i)
					key, err := k.NewKey(ctx, seal.KindContact, owner)
					if err != nil {
						t.Errorf("new key: %v", err)
						return
					}
					value := key.SealText(said, "word of "+owner)
					if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Index(ctx, tx, key, owner, "phone", "phone of "+owner) }); err != nil {
						t.Errorf("index: %v", err)
						return
					}
					destroy := i%7 == 3
					if destroy {
						if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Drop(ctx, tx, key.ID()) }); err != nil {
							t.Errorf("drop: %v", err)
							return
						}
					}
					mu.Lock()
					made = append(made, key)
					sealed[key.ID()] = value
					gone[key.ID()] = destroy
					mu.Unlock()
				}
			})
		}
		finished := make(chan struct{})
		go func() { wg.Wait(); close(finished) }()
		rotators := []*seal.Keeper{w.node(t), w.node(t)}
		for working := true; working; {
			n := rotations.Load()
			if err := rotators[n%2].Rotate(ctx); err != nil {
				t.Fatalf("rotation %d: %v", n, err)
			}
			rotations.Add(1)
			select {
			case <-finished:
				working = false
			default:
			}
		}
		restarted := w.node(t)
		w.holds(t, restarted, "at the end")
		for _, key := range made {
			again, err := restarted.Key(ctx, key.ID())
			found := find(t, db, restarted, "phone", "phone of "+key.Owner())
			if gone[key.ID()] {
				if !fault.Is(err, fault.Gone) || len(found) != 0 {
					t.Errorf("%s was destroyed: %v, found %v", key.Owner(), err, found)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s is lost: %v", key.Owner(), err)
				continue
			}
			if text, err := again.OpenText(said, sealed[key.ID()]); err != nil || text != "word of "+key.Owner() {
				t.Errorf("%s opens as %q, %v", key.Owner(), text, err)
			}
			if !slices.Equal(found, []string{key.Owner()}) {
				t.Errorf("%s is found as %v", key.Owner(), found)
			}
		}
		t.Logf("%d keys made during %d rotations", len(made), rotations.Load())
		if rotations.Load() < enough {
			t.Error("too few rotations met the new keys for the test to show anything")
		}
		if err := restarted.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		w.oneEpoch(t, "at the end")
	})
}

// A transaction that has written under the old epoch and not yet committed keeps the rotation waiting:
// its row is moved with the others.
func TestRotationWaitsForOpenTransactions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 1)
		here, there := w.node(t), w.node(t)
		key := newKey(t, there, seal.KindContact, "contact-slow")
		written, commit := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			err := db.Tx(ctx, func(tx *store.Tx) error {
				if err := there.Index(ctx, tx, key, "contact-slow", "phone", "phone of contact-slow"); err != nil {
					return err
				}
				close(written)
				<-commit
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-written
		rotated := make(chan error, 1)
		wg.Go(func() { rotated <- here.Rotate(ctx) })
		select {
		case err := <-rotated:
			t.Errorf("the rotation ended while a transaction was open: %v", err)
			rotated <- nil
		case <-time.After(200 * time.Millisecond): // nothing to await: it must not end
		}
		close(commit)
		wg.Wait()
		if err := <-rotated; err != nil {
			t.Fatal(err)
		}
		if got := find(t, db, here, "phone", "phone of contact-slow"); !slices.Equal(got, []string{"contact-slow"}) {
			t.Errorf("found %v", got)
		}
		w.oneEpoch(t, "at the end")
	})
}

// errPowerCut is what a failing custodian answers from its last step on.
var errPowerCut = errors.New("power cut")

// failing is a custodian whose machine dies at its n-th step, before the step is done or just after it.
type failing struct {
	seal.Custodian
	mu    sync.Mutex
	left  int
	after bool
}

// step runs one step of the custodian, or what the power cut leaves of it.
func (f *failing) step(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left--
	switch {
	case f.left < 0, f.left == 0 && !f.after:
		return errPowerCut
	case f.left == 0:
		return errors.Join(do(), errPowerCut)
	}
	return do()
}

func (f *failing) Wrap(ctx context.Context, epoch int64, key, bind []byte) (wrapped []byte, err error) {
	err = f.step(func() (err error) { wrapped, err = f.Custodian.Wrap(ctx, epoch, key, bind); return err })
	return wrapped, err
}

func (f *failing) Unwrap(ctx context.Context, epoch int64, wrapped, bind []byte) (key []byte, err error) {
	err = f.step(func() (err error) { key, err = f.Custodian.Unwrap(ctx, epoch, wrapped, bind); return err })
	return key, err
}

func (f *failing) IndexKey(ctx context.Context, epoch int64, field string) (key []byte, err error) {
	err = f.step(func() (err error) { key, err = f.Custodian.IndexKey(ctx, epoch, field); return err })
	return key, err
}

func (f *failing) Turn(ctx context.Context) (seal.Turn, error) {
	turn, err := f.Custodian.Turn(ctx)
	if err != nil {
		return nil, err
	}
	return &failingTurn{turn, f}, nil
}

type failingTurn struct {
	seal.Turn
	custodian *failing
}

func (f *failingTurn) Begin(ctx context.Context, now time.Time) (e seal.Epoch, err error) {
	err = f.custodian.step(func() (err error) { e, err = f.Turn.Begin(ctx, now); return err })
	return e, err
}

func (f *failingTurn) Destroy(ctx context.Context, epoch int64) error {
	return f.custodian.step(func() error { return f.Turn.Destroy(ctx, epoch) })
}

// The machine that rotates dies at every step in turn. After each death everything still holds, for a
// node that was running and for one that starts; new keys are made by both; and the next rotation
// finishes what was begun.
func TestCrashAtEveryStepOfARotation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 5)
		for _, after := range []bool{false, true} {
			for n := 1; ; n++ {
				when := fmt.Sprintf("death at step %d (after it: %v)", n, after)
				running := w.node(t)
				broken := &failing{Custodian: custodian(t, w.path), left: 1 << 30}
				dying, err := seal.Open(ctx, db, broken, w.clock.Now)
				if err != nil {
					t.Fatal(err)
				}
				broken.left, broken.after = n, after
				err = dying.Rotate(ctx)
				if err == nil {
					if n < 20 {
						t.Errorf("a rotation has only %d steps; the test does not reach it", n)
					}
					break
				}
				if !errors.Is(err, errPowerCut) {
					t.Fatalf("%s: %v", when, err)
				}
				restarted := w.node(t)
				for _, k := range []*seal.Keeper{running, restarted} {
					w.holds(t, k, when)
				}
				late := []*seal.Key{w.add(t, running, "contact-by-running"), w.add(t, restarted, "contact-by-restarted")}
				for _, k := range []*seal.Keeper{running, restarted} {
					w.holds(t, k, when+", with new keys")
				}
				newest := slices.Max(epochNumbers(t, w.path))
				if _, err := restarted.RotateIfDue(ctx, seal.Period); err != nil {
					t.Fatalf("%s: finishing: %v", when, err)
				}
				w.oneEpoch(t, when+", finished")
				if now := epochNumbers(t, w.path)[0]; now != newest {
					t.Errorf("%s: finishing went on to epoch %d, which is not due; want %d", when, now, newest)
				}
				for _, k := range []*seal.Keeper{running, restarted, w.node(t)} {
					w.holds(t, k, when+", finished")
				}
				for _, key := range late {
					if err := restarted.Destroy(ctx, key.ID()); err != nil {
						t.Fatal(err)
					}
				}
				w.keys = w.keys[:5]
			}
		}
	})
}

// What is erased while a rotation lies unfinished may be wrapped under the new epoch already; a Rotate
// therefore makes a whole one after finishing that, and no epoch that wrapped it is left.
func TestRotateErasesWhatAnUnfinishedRotationHadMoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 5)
		broken := &failing{Custodian: custodian(t, w.path), left: 1 << 30}
		dying, err := seal.Open(ctx, db, broken, w.clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		broken.left = 14 // begun, entered, keys moved; dies at the lookups
		if err := dying.Rotate(ctx); !errors.Is(err, errPowerCut) {
			t.Fatal(err)
		}
		const epochOf = `SELECT epoch FROM keys.wrapped_key WHERE id = $1`
		moved := count(t, db, epochOf, w.keys[0].ID())
		if moved != 2 {
			t.Fatalf("the key is under epoch %d; the test needs it moved", moved)
		}
		wrapped := blobOf(t, db, `SELECT key_sealed FROM keys.wrapped_key WHERE id = $1`, w.keys[0].ID())
		k := w.node(t)
		if err := k.Destroy(ctx, w.keys[0].ID()); err != nil {
			t.Fatal(err)
		}
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := custodian(t, w.path).Unwrap(ctx, moved, wrapped, nil); !errors.Is(err, seal.ErrNoEpoch) {
			t.Errorf("the epoch that wrapped the erased key is alive: %v", err)
		}
	})
}

// A wrapped key that no longer opens keeps its epoch alive, is named to whoever rotates, and does not
// keep the others from being moved; once someone has decided to let it go, the rotation ends.
func TestDamagedKeyKeepsItsEpoch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 5)
		k := w.node(t)
		bad := newKey(t, k, seal.KindContact, "contact-damaged")
		exec(t, db, `UPDATE keys.wrapped_key SET key_sealed = $1 WHERE id = $2`, make([]byte, 60), bad.ID())
		err := k.Rotate(ctx)
		wantFault(t, err, fault.Internal, "fault.seal.damaged_keys")
		if lines := epochLines(t, w.path); len(lines) != 2 {
			t.Errorf("%d epochs with the custodian, want both", len(lines))
		}
		if n := count(t, db, `SELECT count(*) FROM keys.wrapped_key WHERE epoch = 1`); n != 1 {
			t.Errorf("%d keys were left behind, want the damaged one", n)
		}
		if s, err := k.State(ctx); err != nil || !s.Unfinished {
			t.Errorf("doctor is not told: %+v %v", s, err)
		}
		w.holds(t, k, "meanwhile")
		if err := k.Destroy(ctx, bad.ID()); err != nil {
			t.Fatal(err)
		}
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		w.oneEpoch(t, "at the end")
		w.holds(t, k, "at the end")
	})
}

// A lookup whose key is gone (a power cut between SQLite's two files) is taken away by the rotation.
func TestRotationTakesDeadLookupsAway(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newCast(t, db, 2)
		exec(t, db, `DELETE FROM keys.wrapped_key WHERE id = $1`, w.keys[1].ID())
		k := w.node(t)
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, `SELECT count(*) FROM lookup`); n != 1 {
			t.Errorf("%d lookups left, want 1", n)
		}
		w.keys = w.keys[:1]
		w.holds(t, k, "at the end")
	})
}
