package seal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// The shelf is where the keys of archived files lie: still wrapped, still moved on at each rotation, and given to nobody who
// asks as everybody does. So no page, job or code path that does not know of archives opens anything of an archived file. It
// keeps from mistakes and from ordinary accounts; whoever has the record and the custodian's keys has what is on the shelf too.

// shelfTTL is how long this node may go on with the key of a file that it has unwrapped, should the word that another node
// has shelved it be lost.
const shelfTTL = time.Second

// Shelve puts a key on the shelf, in the caller's transaction: from its commit Key refuses it on this node. The caller
// announces "key.<id>", so that the other nodes forget theirs. Shelved twice it is shelved once.
func (k *Keeper) Shelve(ctx context.Context, tx *store.Tx, keyID string) error {
	if _, err := tx.Exec(ctx, insertShelf, keyID, store.Millis(k.now())); err != nil {
		return fmt.Errorf("seal: shelving a key: %w", err)
	}
	tx.AfterCommit(func() { k.cache.forget(keyID) })
	return nil
}

// Unshelve takes a key from the shelf, in the caller's transaction.
func (k *Keeper) Unshelve(ctx context.Context, tx *store.Tx, keyID string) error {
	if _, err := tx.Exec(ctx, deleteShelf, keyID); err != nil {
		return fmt.Errorf("seal: taking a key from the shelf: %w", err)
	}
	return nil
}

// Shelved returns a key whether it is on the shelf or not, and keeps nothing of it. It is for the room that has asked who may
// read an archived file; one that was destroyed is fault.Gone "fault.seal.destroyed".
func (k *Keeper) Shelved(ctx context.Context, id string) (*Key, error) {
	return k.read(ctx, selectKey, id)
}

// lent is the place of lent keys in a context.
type lent struct{}

// Lend returns a context in which Key returns these keys although they are on the shelf: what is done with it, one request as a
// rule, may read with them. The room that lends has asked who may.
func Lend(ctx context.Context, keys ...*Key) context.Context {
	byID := make(map[string]*Key, len(keys))
	for _, key := range keys {
		byID[key.id] = key
	}
	return context.WithValue(ctx, lent{}, byID)
}

// lentIn is the key of an id that a context lends, nil for none.
func lentIn(ctx context.Context, id string) *Key {
	byID, _ := ctx.Value(lent{}).(map[string]*Key)
	return byID[id]
}

// refused says why Key has no row for an id: it is on the shelf, or it is gone.
func (k *Keeper) refused(ctx context.Context, id string) error {
	n, err := store.One(ctx, k.db, scanInt, countOnShelf, id)
	switch {
	case err != nil:
		return fmt.Errorf("seal: the shelf: %w", err)
	case n > 0:
		return errShelved()
	}
	return fault.New(fault.Gone, "fault.seal.destroyed")
}

func errShelved() error { return fault.New(fault.Forbidden, "fault.seal.shelved") }

// IsShelved says whether an error is that of a key on the shelf.
func IsShelved(err error) bool {
	f := fault.As(err)
	return f != nil && f.Key == "fault.seal.shelved"
}

// read returns the key that a query finds by its id, past the cache. store.ErrNoRow becomes what refused says.
func (k *Keeper) read(ctx context.Context, query, id string) (*Key, error) {
	// A rotation may re-wrap the row and destroy its old epoch between the reading and the opening;
	// then the row is read once more.
	for attempt := 0; ; attempt++ {
		row, err := store.One(ctx, k.db, scanKey, query, id)
		if errors.Is(err, store.ErrNoRow) {
			return nil, k.refused(ctx, id)
		}
		if err != nil {
			return nil, fmt.Errorf("seal: reading a key: %w", err)
		}
		key, err := k.unwrap(ctx, row)
		if err == nil {
			return key, nil
		}
		if attempt > 0 || !errors.Is(err, ErrNoEpoch) {
			return nil, k.unopened(ctx, row, err)
		}
	}
}
