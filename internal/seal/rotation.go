package seal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// A rotation takes these steps, each of which may be cut short by a crash and done again:
//
//  1. the custodian makes the next epoch, beside the old one;
//  2. the record goes on to it: from this commit no key and no lookup is written under the old epoch,
//     by whatever node (insertKey and insertLookup hold the row that this step deletes);
//  3. every key is unwrapped and wrapped again, in portions;
//  4. every lookup's hash is computed again from the value sealed beside it, in portions;
//  5. when no key is left under the old epoch, the custodian destroys it.
//
// Until step 5 both epochs open what they wrapped, and Find looks under both, so nobody notices.

// portion is how many rows a rotation changes in one statement: other writers wait so long at most.
const portion = 200

// Rotate begins a new epoch, moves everything that is alive to it and destroys the old epoch's key:
// what was destroyed before the call can be opened by nobody when it returns, from whatever copy of the
// record. A rotation that was cut short is finished first, and then a whole one is made, because what
// was erased in between may have been wrapped under the unfinished epoch already.
//
// fault.Conflict "fault.seal.turn_taken" while another node rotates; fault.Internal
// "fault.seal.damaged_keys" when some wrapped keys no longer open: the others are moved, and the old
// epoch stays alive until someone has decided about these (restore keys.db, or Destroy them).
func (k *Keeper) Rotate(ctx context.Context) error {
	return k.inTurn(ctx, func(turn Turn) error {
		if err := k.finish(ctx, turn); err != nil {
			return err
		}
		if _, err := turn.Begin(ctx, k.now()); err != nil {
			return err
		}
		return k.finish(ctx, turn)
	})
}

// RotateIfDue finishes a rotation that was cut short, or makes one when the epoch is older than period;
// it says whether it did. While another node rotates it leaves it alone.
func (k *Keeper) RotateIfDue(ctx context.Context, period time.Duration) (bool, error) {
	epochs, err := k.custodian.Epochs(ctx)
	if err != nil || len(epochs) == 0 {
		return false, err
	}
	old := func(e Epoch) bool { return k.now().Sub(e.Since) >= period }
	if len(epochs) == 1 && !old(epochs[0]) {
		return false, nil
	}
	did := false
	err = k.inTurn(ctx, func(turn Turn) error {
		if err := k.finish(ctx, turn); err != nil {
			return err
		}
		did = len(epochs) > 1
		// Another node may have done it while this one waited for its turn.
		epochs, err := k.custodian.Epochs(ctx)
		if err != nil || len(epochs) == 0 || !old(epochs[len(epochs)-1]) {
			return err
		}
		did = true
		if _, err := turn.Begin(ctx, k.now()); err != nil {
			return err
		}
		return k.finish(ctx, turn)
	})
	if fault.As(err) != nil && fault.As(err).Key == "fault.seal.turn_taken" {
		return false, nil
	}
	return did, err
}

func (k *Keeper) inTurn(ctx context.Context, fn func(Turn) error) error {
	turn, err := k.custodian.Turn(ctx)
	if err != nil {
		return fmt.Errorf("seal: rotation: %w", err)
	}
	if err := errors.Join(fn(turn), turn.Release()); err != nil {
		return fmt.Errorf("seal: rotation: %w", err)
	}
	return nil
}

// finish brings everything under the custodian's newest epoch and destroys the others. With nothing to
// do it does nothing.
func (k *Keeper) finish(ctx context.Context, turn Turn) error {
	epochs, err := k.custodian.Epochs(ctx)
	if err != nil {
		return err
	}
	if len(epochs) == 0 {
		return ErrNoKeys
	}
	newest := epochs[len(epochs)-1]
	if len(epochs) == 1 && k.epoch.Load() == newest.Number {
		return nil
	}
	if err := k.enter(ctx, newest); err != nil {
		return err
	}
	damaged, err := k.rewrap(ctx, newest.Number)
	if err != nil {
		return err
	}
	if err := k.reindex(ctx, newest.Number); err != nil {
		return err
	}
	if damaged > 0 {
		return fault.New(fault.Internal, "fault.seal.damaged_keys", "count", damaged)
	}
	for _, old := range epochs[:len(epochs)-1] {
		left, err := store.One(ctx, k.db, scanInt, countKeysUnder, old.Number)
		if err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("seal: %d keys are still under epoch %d; it is not destroyed", left, old.Number)
		}
		if err := turn.Destroy(ctx, old.Number); err != nil {
			return err
		}
	}
	return k.emptyLogs(ctx)
}

// enter has the record go on to an epoch.
func (k *Keeper) enter(ctx context.Context, e Epoch) error {
	proof, err := k.makeProof(ctx, e.Number)
	if err != nil {
		return err
	}
	err = k.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, insertEpoch, e.Number, store.Millis(e.Since), proof); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, leaveEpochs, e.Number)
		return err
	})
	if err != nil {
		return err
	}
	k.epoch.Store(e.Number)
	return nil
}

// rewrap wraps every key that is under an older epoch under this one. It returns how many could not be
// because they do not open although their epoch is alive. Those whose epoch is long gone nobody can
// open; they are left to doctor, which counts them.
func (k *Keeper) rewrap(ctx context.Context, epoch int64) (damaged int, err error) {
	for after := ""; ; {
		rows, err := store.All(ctx, k.db, scanKey, selectKeysToRewrap, epoch, after, portion)
		if err != nil {
			return damaged, err
		}
		if len(rows) == 0 {
			return damaged, nil
		}
		after = rows[len(rows)-1].id
		var portion []moved
		for _, row := range rows {
			key, err := k.unwrap(ctx, row)
			switch {
			case errors.Is(err, ErrNoEpoch):
				continue
			case errors.Is(err, ErrDamaged):
				slog.Error("seal: a wrapped key does not open", "key", row.id, "epoch", row.epoch)
				damaged++
				continue
			case err != nil:
				return damaged, err
			}
			again, err := k.custodian.Wrap(ctx, epoch, key.secret, key.bind())
			if err != nil {
				return damaged, err
			}
			portion = append(portion, moved{row.id, row.epoch, again})
		}
		if err := k.move(ctx, rewrapKeys, rewrapKeysEnd, epoch, portion); err != nil {
			return damaged, err
		}
	}
}

// moved is a row as it is written under the next epoch: a key wrapped again, or a hash.
type moved struct {
	id   string
	from int64
	next []byte
}

// move writes a portion in one statement, always of the same length so that it is prepared once: the
// last row fills it up.
func (k *Keeper) move(ctx context.Context, query, end string, epoch int64, rows []moved) error {
	if len(rows) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString(query)
	args := []any{epoch}
	for i := range portion {
		row := rows[min(i, len(rows)-1)]
		if i > 0 {
			b.WriteString(", ")
		}
		n := len(args)
		fmt.Fprintf(&b, "(CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS BLOB))", n+1, n+2, n+3)
		args = append(args, row.id, row.from, row.next)
	}
	b.WriteString(end)
	_, err := k.db.Exec(ctx, b.String(), args...)
	return err
}

type lookupRow struct {
	id, field, keyID string
	epoch            int64
	value            []byte
	kind             sql.NullString // NULL when the key is gone
	keyEpoch         sql.NullInt64
	wrapped          []byte
}

func scanLookup(r store.Row) (l lookupRow, err error) {
	return l, r.Scan(&l.id, &l.field, &l.epoch, &l.keyID, &l.value, &l.kind, &l.keyEpoch, &l.wrapped)
}

// reindex computes every lookup's hash for this epoch. A lookup whose key is gone (a crash between two
// files of SQLite) is deleted; one that does not open is left as it is and found no more: it is only an
// index, the value itself is in its row.
func (k *Keeper) reindex(ctx context.Context, epoch int64) error {
	for after := ""; ; {
		rows, err := store.All(ctx, k.db, scanLookup, selectLookupsToReindex, epoch, after, portion)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].id
		var portion []moved
		for _, l := range rows {
			if !l.kind.Valid {
				if _, err := k.db.Exec(ctx, deleteDeadLookup, l.id, l.keyID); err != nil {
					return err
				}
				continue
			}
			hash, err := k.rehash(ctx, epoch, l)
			if errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoEpoch) {
				slog.Error("seal: a lookup does not open", "lookup", l.id)
				continue
			}
			if err != nil {
				return err
			}
			portion = append(portion, moved{l.id, l.epoch, hash})
		}
		if err := k.move(ctx, reindexLookups, reindexLookupsEnd, epoch, portion); err != nil {
			return err
		}
	}
}

// rehash opens the value beside a lookup and hashes it for an epoch; ErrDamaged or ErrNoEpoch when it
// cannot be opened.
func (k *Keeper) rehash(ctx context.Context, epoch int64, l lookupRow) ([]byte, error) {
	row := keyRow{Key: Key{id: l.keyID, kind: l.kind.String}, epoch: l.keyEpoch.Int64, wrapped: l.wrapped}
	key, err := k.unwrap(ctx, row)
	if err != nil {
		return nil, err
	}
	value, err := key.OpenText(lookupField(l.id), l.value)
	if err != nil {
		return nil, ErrDamaged
	}
	return k.hash(ctx, epoch, l.field, value)
}
