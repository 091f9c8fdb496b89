package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"vigie/internal/evidence/stamp"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Authority says when something existed (stamp.Client does).
type Authority interface {
	Ask(ctx context.Context, hash [sha256.Size]byte) (stamp.Stamp, stamp.Stamped, error)
}

// stampRules: an authority that is away for a weekend is asked on Monday, without anybody's help.
var stampRules = jobs.Rules{Tries: 200, Longest: time.Hour, AtOnce: 1}

type stampArgs struct{ Item jobs.ID }

func stampField(id string) seal.Field {
	return seal.Field{Table: "evidence_item", Column: "stamp_sealed", Row: id, Version: 1}
}

// askLater promises, with the item itself, that the authority is asked.
func (e *Evidence) askLater(ctx context.Context, tx *store.Tx, itemID string) error {
	if e.stamps == nil {
		return nil
	}
	return e.stamps.Enqueue(ctx, tx, stampArgs{jobs.ID(itemID)}, jobs.Unique(jobs.ID(itemID)))
}

// stampItem is the job that asks the authority, and keeps what it says once all of it holds. Only the hash leaves the house.
func (e *Evidence) stampItem(ctx context.Context, job jobs.Job[stampArgs]) error {
	item, err := e.Item(ctx, string(job.Args.Item))
	if lost(err) {
		return nil
	}
	if err != nil || item.Stamp != StampQueued {
		return err
	}
	hash, err := sum(item)
	if err != nil {
		return jobs.GiveUp(err)
	}
	s, said, err := e.authority.Ask(ctx, hash)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	key, err := e.keys.Key(ctx, item.keyID)
	if fault.Is(err, fault.Gone) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		tx.AfterCommit(func() { e.files.Changed(item.FileID) })
		_, err := tx.Exec(ctx, `UPDATE evidence_item SET stamp = $2, stamped_at = $3, stamp_sealed = $4 WHERE id = $1 AND stamp = $5`,
			item.ID, Stamped, store.Millis(said.At), key.Seal(stampField(item.ID), plain), StampQueued)
		return err
	})
}

func sum(item Item) (hash [sha256.Size]byte, err error) {
	raw, err := hex.DecodeString(item.Content.SHA256)
	if err == nil && len(raw) != len(hash) {
		err = fmt.Errorf("evidence: a hash of %d bytes", len(raw))
	}
	copy(hash[:], raw)
	return hash, err
}

// stampOf is the stamp of an item, nil where there is none or where it leads to no authority that is believed any more: an export
// is not held up by a stamp.
func (e *Evidence) stampOf(ctx context.Context, item Item) (*stamp.Stamp, error) {
	if item.Stamp != Stamped || e.roots == nil {
		return nil, nil
	}
	key, err := e.keys.Key(ctx, item.keyID)
	if err != nil {
		return nil, err
	}
	plain, err := key.Open(stampField(item.ID), item.token)
	if err != nil {
		return nil, err
	}
	var s stamp.Stamp
	if err := json.Unmarshal(plain, &s); err != nil {
		return nil, err
	}
	hash, err := sum(item)
	if err != nil {
		return nil, err
	}
	if _, err := s.Verify(hash, e.roots); err != nil {
		slog.Warn("evidence: a time stamp is left out of an export", "item", item.ID, "error", err)
		return nil, nil
	}
	return &s, nil
}
