// Package seal keeps what children say readable only as long as it must be.
//
// Three levels of keys, so that a thing can be erased by destroying one small secret:
//
//	root            one per helpline, with the custodian; purpose keys (audit chain, pepper) come from it
//	└ epoch key     one per month, with the custodian; wraps the keys below; destroyed after each rotation
//	  └ key         one per contact, network address, member of staff or file; in SQL, wrapped
//	    └ row key   derived; seals the fields of one row (AES-256-GCM)
//
// Deleting a row does not erase it: it stays in logs, replicas and backups. Deleting a wrapped key and,
// at the next rotation, destroying the epoch key that opened it, does: whatever copy of the row is left
// anywhere can no longer be opened by anybody, us included.
//
// The words are sealed on the server with a key per contact. This is not end-to-end encryption, and
// nothing in Vigie may call it that. docs/SECURITY.md has the whole picture.
package seal

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// Period is how long an epoch lasts unless configured otherwise.
const Period = 30 * 24 * time.Hour

// The cache holds the keys of every visitor of a very busy evening, and forgets within ten minutes what
// another node destroyed, should its announcement be lost.
const (
	cacheLimit = 32768
	cacheTTL   = 10 * time.Minute
)

// Keeper makes, finds, rotates and destroys keys. It is safe for concurrent use, and several nodes may
// each have one on the same record and custodian.
type Keeper struct {
	db        *store.DB
	custodian Custodian
	now       func() time.Time
	root      []byte
	cache     *cache

	// epoch is the one new keys are wrapped under, as this node knows it; the record has the last word.
	epoch atomic.Int64

	// dropped says that keys were deleted and the logs not yet emptied of them.
	dropped atomic.Bool
	// Who waits for the checkpoint that runs shares the next one: each draws a number, and a checkpoint
	// serves every number drawn before it began.
	emptying sync.Mutex
	drawn    atomic.Int64
	emptied  int64 // guarded by emptying
}

// Open binds a record to its custodian. For a record that has never had keys it has the custodian make
// the first; from then on it refuses to start with any others, because what they would seal could not
// be opened with the record's own:
//
//   - fault.Unavailable "fault.seal.key_file_missing": there are no keys at all;
//   - fault.Invalid "fault.seal.older_keys": the custodian's keys are older than the wrapped ones (a
//     restored copy of the key file);
//   - fault.Invalid "fault.seal.newer_keys": the wrapped keys are older than the custodian's (a restored
//     copy of keys.db), and the epoch that opened them has been destroyed;
//   - fault.Invalid "fault.seal.other_keys": the keys belong to another record.
func Open(ctx context.Context, db *store.DB, custodian Custodian, now func() time.Time) (*Keeper, error) {
	k := &Keeper{db: db, custodian: custodian, now: now, cache: newCache(cacheLimit, cacheTTL, now)}
	current, err := k.recordEpoch(ctx, db)
	if errors.Is(err, store.ErrNoRow) {
		if err := k.firstTime(ctx); err != nil {
			return nil, err
		}
		current, err = k.recordEpoch(ctx, db)
	}
	if err != nil {
		return nil, err
	}
	if k.root, err = custodian.Root(ctx); errors.Is(err, ErrNoKeys) {
		return nil, fault.Wrap(err, fault.Unavailable, "fault.seal.key_file_missing", "path", pathOf(custodian))
	} else if err != nil {
		return nil, err
	}
	if err := k.checkProof(ctx, current); err != nil {
		return nil, err
	}
	k.epoch.Store(current.number)
	return k, nil
}

// firstTime makes the first keys and writes down their epoch. Of several nodes that start at once, one
// does it and the others find it done.
func (k *Keeper) firstTime(ctx context.Context) error {
	turn, err := waitForTurn(ctx, k.custodian)
	if err != nil {
		return err
	}
	defer turn.Release()
	if _, err := k.recordEpoch(ctx, k.db); !errors.Is(err, store.ErrNoRow) {
		return err
	}
	wrapped, err := store.One(ctx, k.db, scanInt, countKeys)
	if err != nil {
		return err
	}
	if wrapped > 0 {
		// The row of the epoch was lost; to guess another could seal new things under the wrong keys.
		return fault.New(fault.Invalid, "fault.seal.other_keys")
	}
	epochs, err := k.custodian.Epochs(ctx)
	if err != nil {
		return err
	}
	if len(epochs) == 0 {
		first, err := turn.Begin(ctx, k.now())
		if err != nil {
			return err
		}
		epochs = append(epochs, first)
	}
	if k.root, err = k.custodian.Root(ctx); err != nil {
		return err
	}
	return k.enter(ctx, epochs[len(epochs)-1])
}

// waitForTurn waits for another node to finish, ten seconds at most.
func waitForTurn(ctx context.Context, custodian Custodian) (Turn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		turn, err := custodian.Turn(ctx)
		if !fault.Is(err, fault.Conflict) {
			return turn, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func pathOf(c Custodian) string {
	if f, ok := c.(interface{ Path() string }); ok {
		return f.Path()
	}
	return ""
}

// recordEpoch returns the epoch that the record says is current; store.ErrNoRow before the first.
func (k *Keeper) recordEpoch(ctx context.Context, q store.Querier) (epochRow, error) {
	return store.One(ctx, q, scanEpoch, selectEpoch)
}

type epochRow struct {
	number int64
	proof  []byte
}

func scanEpoch(r store.Row) (e epochRow, err error) { return e, r.Scan(&e.number, &e.proof) }

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }

// makeProof seals what only this root knows under this epoch, so that checkProof can tell both.
func (k *Keeper) makeProof(ctx context.Context, epoch int64) ([]byte, error) {
	return k.custodian.Wrap(ctx, epoch, k.Derive("epoch proof"), proofBind(epoch))
}

func (k *Keeper) checkProof(ctx context.Context, e epochRow) error {
	plain, err := k.custodian.Unwrap(ctx, e.number, e.proof, proofBind(e.number))
	if errors.Is(err, ErrNoEpoch) {
		epochs, err := k.custodian.Epochs(ctx)
		if err != nil {
			return err
		}
		if len(epochs) > 0 && epochs[0].Number > e.number {
			return fault.New(fault.Invalid, "fault.seal.newer_keys")
		}
		return fault.New(fault.Invalid, "fault.seal.older_keys")
	}
	if err != nil && !errors.Is(err, ErrDamaged) {
		return fault.Wrap(err, fault.Unavailable, "fault.seal.unavailable")
	}
	if err != nil || subtle.ConstantTimeCompare(plain, k.Derive("epoch proof")) != 1 {
		return fault.New(fault.Invalid, "fault.seal.other_keys")
	}
	return nil
}

func proofBind(epoch int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("vigie epoch proof"), uint64(epoch))
}

// Derive returns the 32-byte key of one purpose ("audit", "resume-pepper", "totp"), the same as long as
// the helpline keeps its root. It must never be stored in SQL.
func (k *Keeper) Derive(name string) []byte { return derive(k.root, nil, "vigie purpose "+name) }

// Run rotates when the epoch is older than period and empties the logs of dropped keys within a
// minute, until ctx ends. Every node runs it.
func (k *Keeper) Run(ctx context.Context, period time.Duration) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for n := 0; ; n++ {
		if err := k.tend(ctx, period, n%60 == 0); err != nil && ctx.Err() == nil {
			slog.Error("seal: tending the keys", "cause", err)
		}
		select {
		case <-minute.C:
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) tend(ctx context.Context, period time.Duration, hourly bool) error {
	var err error
	if k.dropped.Load() {
		err = k.emptyLogs(ctx)
	}
	if hourly {
		_, late := k.RotateIfDue(ctx, period)
		err = errors.Join(err, late)
	}
	return err
}

// State is what doctor tells about the keys.
type State struct {
	Epoch int64
	Since time.Time
	// Unfinished says that a rotation was cut short, or runs just now: an old epoch is still alive.
	Unfinished bool
	// Keys counts the wrapped keys by kind.
	Keys map[string]int64
	// Unreachable counts keys wrapped under an epoch that no longer exists: nobody can open them.
	Unreachable int64
	// Shelved counts those of them that are on the shelf.
	Shelved int64
	// Lookups counts the blind index's rows.
	Lookups int64
}

// State looks at the whole of the keys; it costs a scan.
func (k *Keeper) State(ctx context.Context) (State, error) {
	epochs, err := k.custodian.Epochs(ctx)
	if err != nil {
		return State{}, err
	}
	if len(epochs) == 0 {
		return State{}, fmt.Errorf("seal: state: %w", ErrNoKeys)
	}
	newest := epochs[len(epochs)-1]
	s := State{Epoch: newest.Number, Since: newest.Since, Unfinished: len(epochs) > 1, Keys: map[string]int64{}}
	alive := map[int64]bool{}
	for _, e := range epochs {
		alive[e.Number] = true
	}
	type group struct {
		kind         string
		epoch, count int64
	}
	groups, err := store.All(ctx, k.db, func(r store.Row) (g group, err error) { return g, r.Scan(&g.kind, &g.epoch, &g.count) }, countKeysByKind)
	if err != nil {
		return State{}, err
	}
	for _, g := range groups {
		s.Keys[g.kind] += g.count
		if !alive[g.epoch] {
			s.Unreachable += g.count
		}
	}
	if s.Shelved, err = store.One(ctx, k.db, scanInt, countShelf); err != nil {
		return State{}, err
	}
	s.Lookups, err = store.One(ctx, k.db, scanInt, countLookups)
	return s, err
}

// HoldStill runs fn while no epoch can begin or end, so that a copy of the wrapped keys and a copy of
// the custodian's keys made inside it belong together. fault.Conflict while a rotation runs.
func (k *Keeper) HoldStill(ctx context.Context, fn func(ctx context.Context) error) error {
	turn, err := waitForTurn(ctx, k.custodian)
	if err != nil {
		return err
	}
	defer turn.Release()
	return fn(ctx)
}
