package seal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// A blind index finds rows by an exact value that is nowhere in clear: a phone number, a handle, an
// address of a page. It is a keyed hash of the value; equal values have equal hashes, so it tells how
// often a value comes back, and whoever has the epoch key can try values. It is therefore only for exact
// look-ups that the work needs; a field with few possible values must not be indexed alone.

// hashSize is the length to which the hash is cut, in bytes.
const hashSize = 16

// hash returns the blind index of a value in one epoch.
func (k *Keeper) hash(ctx context.Context, epoch int64, field, value string) ([]byte, error) {
	key, err := k.custodian.IndexKey(ctx, epoch, field)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(value))
	return mac.Sum(nil)[:hashSize], nil
}

// lookupField is where the value beside a hash is sealed.
func lookupField(id string) Field {
	return Field{Table: "lookup", Column: "value_sealed", Row: id, Version: 1}
}

// Index has Find find the owner by a value, until the key is destroyed. field names the kind of value
// ("phone"); value is in the one form that the room has chosen (E.164, say): what differs by a space is
// not found. Indexing the same again changes nothing. fault.Gone "fault.seal.destroyed" when the key is
// gone.
func (k *Keeper) Index(ctx context.Context, tx *store.Tx, key *Key, owner, field, value string) error {
	err := k.underCurrentEpoch(ctx, tx, func(epoch int64) (bool, error) {
		id := store.NewID()
		hash, err := k.hash(ctx, epoch, field, value)
		if err != nil {
			return false, err
		}
		n, err := tx.Exec(ctx, insertLookup+k.hold(), id, field, hash, epoch, owner, key.id,
			key.SealText(lookupField(id), value), store.Millis(k.now()))
		if err != nil || n > 0 {
			return n > 0, err
		}
		// Nothing was written: the epoch has changed, or the key is gone, or it is there already.
		switch current, err := k.recordEpoch(ctx, tx); {
		case err != nil:
			return false, err
		case current.number != epoch:
			return false, nil
		}
		if _, err := store.One(ctx, tx, scanKey, selectKey, key.id); errors.Is(err, store.ErrNoRow) {
			return false, fault.New(fault.Gone, "fault.seal.destroyed")
		} else if err != nil {
			return false, err
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("seal: index: %w", err)
	}
	return nil
}

// Unindex has Find no longer find the owner by any value of this field.
func (k *Keeper) Unindex(ctx context.Context, tx *store.Tx, key *Key, owner, field string) error {
	if _, err := tx.Exec(ctx, deleteOwnerLookups, key.id, owner, field); err != nil {
		return fmt.Errorf("seal: unindex: %w", err)
	}
	return nil
}

// Find returns the owners indexed under exactly this value, the newest first, each once; none is no
// error. One statement; during a rotation it looks under both epochs.
func (k *Keeper) Find(ctx context.Context, q store.Querier, field, value string) ([]string, error) {
	const patience = 5 * time.Second
	deadline := time.Now().Add(patience)
	for {
		owners, known, err := k.find(ctx, q, field, value)
		if err != nil {
			return nil, fmt.Errorf("seal: find: %w", err)
		}
		if known {
			return owners, nil
		}
		// The record is in an epoch that the custodian does not show to this node yet.
		if time.Now().After(deadline) {
			return nil, fault.New(fault.Unavailable, "fault.seal.unavailable")
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (k *Keeper) find(ctx context.Context, q store.Querier, field, value string) (owners []string, known bool, err error) {
	epochs, err := k.custodian.Epochs(ctx)
	if err != nil {
		return nil, false, err
	}
	args := []any{field}
	var list []string
	for _, e := range epochs {
		hash, err := k.hash(ctx, e.Number, field, value)
		if errors.Is(err, ErrNoEpoch) {
			continue // destroyed just now
		}
		if err != nil {
			return nil, false, err
		}
		args = append(args, hash)
		list = append(list, fmt.Sprintf("$%d", len(args)))
	}
	if len(list) == 0 {
		return nil, false, ErrNoKeys
	}
	type hit struct {
		epoch     int64
		id, owner sql.NullString
	}
	hits, err := store.All(ctx, q, func(r store.Row) (h hit, err error) { return h, r.Scan(&h.epoch, &h.id, &h.owner) },
		selectLookup+strings.Join(list, ", ")+") ORDER BY l.id DESC", args...)
	if err != nil {
		return nil, false, err
	}
	for _, h := range hits {
		if !slices.ContainsFunc(epochs, func(e Epoch) bool { return e.Number == h.epoch }) {
			return nil, false, nil
		}
		if h.owner.Valid && !slices.Contains(owners, h.owner.String) {
			owners = append(owners, h.owner.String)
		}
	}
	return owners, true, nil
}
