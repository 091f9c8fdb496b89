package seal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// The kinds of keys, one for each kind of owner.
const (
	KindContact = "contact" // a contact's words, names, notes, form
	KindNetwork = "network" // where a visitor came from; destroyed when her chat closes
	KindStaff   = "staff"   // a member of staff's second factor and name
	KindFile    = "file"    // a case file
)

// Key is one unwrapped key. It is safe for concurrent use. Nothing of it may be logged.
type Key struct {
	id, kind, owner string
	secret          []byte
}

// ID is what rows name the key by.
func (key *Key) ID() string { return key.id }

// Kind is the kind of the key's owner.
func (key *Key) Kind() string { return key.kind }

// Owner is the id of the row that the key was made for.
func (key *Key) Owner() string { return key.owner }

// String keeps a key that is printed by mistake from telling its secret.
func (key Key) String() string { return "key " + key.id }

// GoString is String for %#v.
func (key Key) GoString() string { return key.String() }

// NewKey makes a key for an owner and returns once it is durable, before anything is sealed with it:
// a row never waits for a key that a crash took away. One statement, committed together with the
// others' that are waiting; never inside a store.Tx, which would wait for itself on SQLite. A key whose
// owner is never written is swept later (SweepOrphans).
func (k *Keeper) NewKey(ctx context.Context, kind, owner string) (*Key, error) {
	key := &Key{id: store.NewID(), kind: kind, owner: owner, secret: randomKey()}
	_, ticket := k.cache.get(key.id)
	err := k.underCurrentEpoch(ctx, k.db, func(epoch int64) (bool, error) {
		wrapped, err := k.custodian.Wrap(ctx, epoch, key.secret, key.bind())
		if err != nil {
			return false, err
		}
		return k.db.Append(ctx, store.Stmt{
			SQL:        insertKey + k.hold() + returningID,
			Args:       []any{key.id, kind, owner, epoch, wrapped, store.Millis(k.now())},
			MustReturn: true,
		})
	})
	if err != nil {
		return nil, fmt.Errorf("seal: new key: %w", err)
	}
	k.cache.put(key, ticket)
	return key, nil
}

// underCurrentEpoch has write wrap and write something under the epoch that this node believes in. When
// write reports that the record has gone on (another node rotated), it is called again with the epoch
// that the record names, as soon as the custodian shows it to this node: shared storage may take a moment.
func (k *Keeper) underCurrentEpoch(ctx context.Context, q store.Querier, write func(epoch int64) (wrote bool, err error)) error {
	const patience = 5 * time.Second
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		wrote, err := write(k.epoch.Load())
		if wrote && err == nil {
			return nil
		}
		if err != nil && !errors.Is(err, ErrNoEpoch) {
			return err
		}
		current, err := k.recordEpoch(ctx, q)
		if err != nil {
			return err
		}
		if k.epoch.Swap(current.number) != current.number {
			continue
		}
		if time.Now().After(deadline) {
			return fault.Wrap(fmt.Errorf("seal: the custodian does not show epoch %d", current.number), fault.Unavailable, "fault.seal.unavailable")
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hold returns what makes a statement that reads keys.epoch hold it until its commit.
func (k *Keeper) hold() string {
	if k.db.Engine() == store.PostgreSQL {
		return holdEpoch
	}
	return ""
}

// bind keeps a wrapped key from being passed off as another's.
func (key *Key) bind() []byte {
	b := append(make([]byte, 0, 80), "vigie key"...)
	b = appendPart(b, key.id)
	return appendPart(b, key.kind)
}

// Key returns the key of that id: what ctx lends (Lend), else from the cache or with one statement. One that is not there is
// one that was destroyed: fault.Gone "fault.seal.destroyed". One that is on the shelf is refused: fault.Forbidden
// "fault.seal.shelved".
func (k *Keeper) Key(ctx context.Context, id string) (*Key, error) {
	if key := lentIn(ctx, id); key != nil {
		return key, nil
	}
	key, ticket := k.cache.get(id)
	if key != nil {
		return key, nil
	}
	key, err := k.read(ctx, selectKeyInUse, id)
	if err != nil {
		return nil, err
	}
	k.cache.put(key, ticket)
	return key, nil
}

// unopened says why a wrapped key that is there cannot be had.
func (k *Keeper) unopened(ctx context.Context, row keyRow, err error) error {
	switch {
	case errors.Is(err, ErrNoEpoch):
		epochs, lost := k.custodian.Epochs(ctx)
		if lost != nil || len(epochs) == 0 || epochs[len(epochs)-1].Number < row.epoch {
			// Another node rotated and the custodian does not show it here yet.
			return fault.Wrap(err, fault.Unavailable, "fault.seal.unavailable")
		}
		return fault.Wrap(err, fault.Gone, "fault.seal.destroyed")
	case errors.Is(err, ErrDamaged):
		return fault.Wrap(err, fault.Internal, "fault.seal.broken")
	}
	return fault.Wrap(err, fault.Unavailable, "fault.seal.unavailable")
}

// keysAtOnce are the lengths of lists that are asked for in one statement; few, because each is
// prepared once. A list is filled up with its last id.
var keysAtOnce = [...]int{1, 10, 50, 200}

// Keys returns the keys of those ids, for a list of contacts in one statement instead of one each. The
// ones that were destroyed, or are on the shelf, are missing from the answer.
func (k *Keeper) Keys(ctx context.Context, ids []string) (map[string]*Key, error) {
	keys := make(map[string]*Key, len(ids))
	var missing []string
	var ticket uint64
	for i, id := range ids {
		key, t := k.cache.get(id)
		if i == 0 {
			ticket = t
		}
		if key != nil {
			keys[id] = key
		} else {
			missing = append(missing, id)
		}
	}
	for len(missing) > 0 {
		n := min(len(missing), keysAtOnce[len(keysAtOnce)-1])
		list := listOf(missing[:n])
		rows, err := store.All(ctx, k.db, scanKey, selectKeys+placeholders(len(list))+notOnShelf, list...)
		if err != nil {
			return nil, fmt.Errorf("seal: reading keys: %w", err)
		}
		for _, row := range rows {
			key, err := k.unwrap(ctx, row)
			if errors.Is(err, ErrNoEpoch) {
				if key, err = k.Key(ctx, row.id); fault.Is(err, fault.Gone) || IsShelved(err) {
					continue
				}
			} else if err != nil {
				err = k.unopened(ctx, row, err)
			}
			if err != nil {
				return nil, err
			}
			k.cache.put(key, ticket)
			keys[key.id] = key
		}
		missing = missing[n:]
	}
	return keys, nil
}

// placeholders returns "$1, $2, … $n".
func placeholders(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String()
}

func listOf(ids []string) []any {
	var args []any
	for _, id := range ids {
		args = append(args, id)
	}
	for _, size := range keysAtOnce {
		if size >= len(ids) {
			for len(args) < size {
				args = append(args, ids[len(ids)-1])
			}
			break
		}
	}
	return args
}

type keyRow struct {
	Key
	epoch   int64
	wrapped []byte
}

func scanKey(r store.Row) (row keyRow, err error) {
	return row, r.Scan(&row.id, &row.kind, &row.owner, &row.epoch, &row.wrapped)
}

func (k *Keeper) unwrap(ctx context.Context, row keyRow) (*Key, error) {
	key := row.Key
	secret, err := k.custodian.Unwrap(ctx, row.epoch, row.wrapped, key.bind())
	if err == nil && len(secret) != keySize {
		err = ErrDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("%w (key %s)", err, key.id)
	}
	key.secret = secret
	return &key, nil
}

// Forget drops a key from this node's cache. It is what a node does on hearing "key.<id>" on the bus.
func (k *Keeper) Forget(keyID string) { k.cache.forget(keyID) }

// Destroy erases everything that was sealed with a key: the wrapped key and its lookups are deleted,
// this node forgets it, and SQLite's logs are emptied. The caller announces "key.<id>" so that other
// nodes forget it too. From the next rotation on no copy or backup of the record can be opened either,
// except together with a copy of the keys as old as itself.
//
// A key that is already gone is no error. When an error is returned the erasure may be done but its
// traces not yet wiped: call again.
func (k *Keeper) Destroy(ctx context.Context, keyID string) error {
	if err := k.db.Tx(ctx, func(tx *store.Tx) error { return k.Drop(ctx, tx, keyID) }); err != nil {
		return fmt.Errorf("seal: destroying a key: %w", err)
	}
	// The server's log goes elsewhere than the record: after a restore of data and keys together, it
	// tells which erasures have to be done again.
	slog.Info("seal: key destroyed", "key", keyID)
	return k.emptyLogs(ctx)
}

// Drop is Destroy within the caller's transaction, for what is destroyed often (the network address, at
// each close): the logs are emptied within a minute (Run) instead of at once.
func (k *Keeper) Drop(ctx context.Context, tx *store.Tx, keyID string) error {
	// The key first: an Index that runs at the same time on PostgreSQL holds it, so this waits, and the
	// lookup it wrote is seen by the second statement.
	for _, query := range [...]string{deleteKey, deleteLookups, deleteShelf} {
		if _, err := tx.Exec(ctx, query, keyID); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() {
		k.cache.forget(keyID)
		k.dropped.Store(true)
	})
	return nil
}

// emptyLogs wipes the traces of deleted keys from SQLite's logs. Those who wait for it together share
// one checkpoint.
func (k *Keeper) emptyLogs(ctx context.Context) error {
	ticket := k.drawn.Add(1)
	k.emptying.Lock()
	defer k.emptying.Unlock()
	if k.emptied >= ticket {
		return nil
	}
	served := k.drawn.Load()
	k.dropped.Store(false)
	if err := k.db.Checkpoint(ctx); err != nil {
		k.dropped.Store(true)
		return fmt.Errorf("seal: emptying the logs: %w", err)
	}
	k.emptied = served
	return nil
}

// orphanAge is how old a key must be before it may be an orphan: the row it was made for comes at once.
const orphanAge = time.Hour

// Sweeps that would take more than a few keys, or more than a small part of them, are more likely a
// query that lies than that many crashes.
const (
	orphansAlways = 50
	orphansShare  = 20 // one in so many
)

// SweepOrphans destroys the keys of one kind whose owner was never written, because a crash came
// between the two; it returns how many. owners is an SQL query of one column that returns every owner
// that exists and no NULL ("SELECT id FROM contact"): a constant of the owner's room, never input.
//
// fault.Conflict "fault.seal.sweep_refused" when it finds so many that the query is more likely wrong;
// nothing is destroyed then.
func (k *Keeper) SweepOrphans(ctx context.Context, kind, owners string) (int, error) {
	total, err := store.One(ctx, k.db, scanInt, countKeysOfKind, kind)
	if err != nil {
		return 0, fmt.Errorf("seal: orphans: %w", err)
	}
	limit := max(orphansAlways, total/orphansShare)
	before := store.Millis(k.now().Add(-orphanAge))
	orphans, err := store.All(ctx, k.db, scanText, fmt.Sprintf(selectOrphans, owners), kind, before, limit+1)
	if err != nil {
		return 0, fmt.Errorf("seal: orphans: %w", err)
	}
	if int64(len(orphans)) > limit {
		return 0, fault.New(fault.Conflict, "fault.seal.sweep_refused", "kind", kind, "limit", limit)
	}
	swept := 0
	for _, id := range orphans {
		err := k.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, fmt.Sprintf(deleteOrphan, owners), id, kind)
			if err != nil || n == 0 {
				return err
			}
			tx.AfterCommit(func() { swept++ })
			return k.Drop(ctx, tx, id)
		})
		if err != nil {
			return swept, fmt.Errorf("seal: orphans: %w", err)
		}
	}
	return swept, nil
}
