package evidence

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/picture/pdq"
	"vigie/internal/store"
)

// known is what this node knows of the pictures that are kept: a hash of each, in memory, because a hash is sealed and what is
// sealed cannot be searched. It says which items to compare and nothing else: it is made true by the record before a search
// (refreshFor), and what it says is asked of the record again, so that what was erased is never offered.
//
// It is by the item and the key that its hash is sealed under. A merge moves neither, and an erasure destroys the key: each node
// hears of that on the bus and forgets at once.
type known struct {
	turn   sync.Mutex // one refresh at a time
	whole  bool       // under turn: the last one read all that it found
	loaded atomic.Bool
	bank   pdq.Bank

	mu    sync.Mutex
	under map[string]string   // the key of each item in the bank
	gone  map[string]struct{} // keys that were destroyed while a refresh reads: what it read of them goes in no more
}

// Run keeps what this node knows of pictures, until ctx ends, and promises what is not hashed yet.
func (e *Evidence) Run(ctx context.Context) {
	if e.pictures == nil {
		return
	}
	if e.bus != nil {
		stop, err := e.bus.Subscribe("key.*", func(subject string, _ []byte) { e.known.forget(strings.TrimPrefix(subject, "key.")) })
		if err != nil {
			slog.Error("evidence: what other nodes erase is forgotten here with the next search only", "error", err)
		} else {
			defer stop()
		}
		defer e.bus.OnReconnect(func() { e.load(ctx) })()
	}
	for again := time.After(0); ; again = time.After(5 * time.Second) {
		select {
		case <-ctx.Done():
			return
		case <-again:
		}
		if e.load(ctx) {
			break
		}
	}
	if err := e.promiseHashes(ctx); err != nil && ctx.Err() == nil {
		slog.Error("evidence: pictures that were kept before wait for their hashes until the next start", "error", err)
	}
	<-ctx.Done()
}

// load is a refresh that nobody waits for.
func (e *Evidence) load(ctx context.Context) bool {
	err := e.refresh(ctx)
	if err != nil && ctx.Err() == nil {
		slog.Error("evidence: the hashes of pictures could not be read", "error", err)
	}
	return err == nil
}

// place is where the hash of an item is.
type place struct {
	id, keyID string
	sealed    []byte
}

// refresh makes what this node knows the same as what the record holds. Everything is in it that was committed before.
func (e *Evidence) refresh(ctx context.Context) error {
	e.known.turn.Lock()
	defer e.known.turn.Unlock()
	return e.read(ctx)
}

// refreshFor has everything known that was hashed before an item. Where the item itself is known, that is so already: whoever
// has seen a commit has seen those before it.
func (e *Evidence) refreshFor(ctx context.Context, id string) error {
	e.known.turn.Lock()
	defer e.known.turn.Unlock()
	if e.known.whole && e.known.has(id) {
		return nil
	}
	return e.read(ctx)
}

func (e *Evidence) read(ctx context.Context) error {
	k := &e.known
	k.whole = false
	k.reading(map[string]struct{}{})
	defer k.reading(nil)
	all, err := store.All(ctx, e.db, func(r store.Row) (p place, err error) { return p, r.Scan(&p.id, &p.keyID) },
		`SELECT id, key_id FROM evidence_item WHERE pdq = 'hashed'`)
	if err != nil {
		return err
	}
	missing := k.keepOnly(all)
	for len(missing) > 0 {
		n := min(len(missing), atOnce)
		if err := e.learn(ctx, missing[:n]); err != nil {
			return err
		}
		missing = missing[n:]
	}
	k.whole = true
	k.loaded.Store(true)
	return nil
}

// learn reads some hashes.
func (e *Evidence) learn(ctx context.Context, ids []string) error {
	var b store.Builder
	b.Text(`SELECT id, key_id, pdq_sealed FROM evidence_item`)
	store.In(&b, " WHERE id", ids)
	b.Text(` AND pdq = 'hashed'`)
	rows, err := store.All(ctx, e.db, func(r store.Row) (p place, err error) { return p, r.Scan(&p.id, &p.keyID, &p.sealed) }, b.SQL(), b.Args()...)
	if err != nil {
		return err
	}
	keyIDs := make([]string, len(rows))
	for i, row := range rows {
		keyIDs[i] = row.keyID
	}
	keys, err := e.keys.Keys(ctx, keyIDs)
	if err != nil {
		return err
	}
	for _, row := range rows {
		key, ok := keys[row.keyID]
		if !ok { // destroyed meanwhile
			continue
		}
		hash, err := openHash(key, row.id, row.sealed)
		if err != nil { // one that is damaged hides no other
			slog.Error("evidence: the hash of a picture cannot be read", "item", row.id, "error", err)
			continue
		}
		e.known.put(row.id, row.keyID, hash.Forms[pdq.Original])
	}
	return nil
}

// keepOnly forgets what is in the record no more, and returns the items of it that are not known yet.
func (k *known) keepOnly(all []place) (missing []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	there := make(map[string]struct{}, len(all))
	for _, p := range all {
		there[p.id] = struct{}{}
		if _, ok := k.under[p.id]; !ok {
			missing = append(missing, p.id)
		}
	}
	for id := range k.under {
		if _, ok := there[id]; !ok {
			k.remove(id)
		}
	}
	return missing
}

func (k *known) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.under[id]
	return ok
}

// reading begins, or with nil ends, to remember which keys are destroyed.
func (k *known) reading(gone map[string]struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone = gone
}

func (k *known) put(id, keyID string, hash pdq.Hash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, gone := k.gone[keyID]; gone {
		return
	}
	if k.under == nil {
		k.under = map[string]string{}
	}
	if _, there := k.under[id]; !there {
		k.under[id] = keyID
		k.bank.Put(id, hash)
	}
}

// forget forgets all that is under a key which was destroyed.
func (k *known) forget(keyID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone != nil {
		k.gone[keyID] = struct{}{}
	}
	for id, under := range k.under {
		if under == keyID {
			k.remove(id)
		}
	}
}

func (k *known) remove(id string) {
	delete(k.under, id)
	k.bank.Remove(id)
}
