package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/picture"
	"vigie/internal/picture/pdq"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// How far the PDQ hash of an item is, by which its picture is known again.
const (
	HashNone       = "none"       // it is no picture, or one of which nobody may keep anything
	HashQueued     = "queued"     // a job makes it
	Hashed         = "hashed"     // it is searched for, and found
	HashPoor       = "poor"       // there is one, of a picture so plain that others would be taken for it (pdq.MinQuality)
	HashUnreadable = "unreadable" // the picture does not open within the limits
)

var (
	// hashRules: nobody waits for a hash, and a machine without room has some the next day.
	hashRules = jobs.Rules{Tries: 60, Longest: time.Hour, AtOnce: 1}
	// matchRules: one search at a time reads what is new in the record once.
	matchRules = jobs.Rules{Tries: 60, Longest: time.Hour, AtOnce: 1}
)

// triesToOpen is after how many times that its process ended a picture counts as one that does not open.
const triesToOpen = 3

type pictureArgs struct{ Item jobs.ID }

// pictureHash is what is sealed of a picture's hash: those of its eight forms, and their quality.
type pictureHash struct {
	Forms   pdq.Forms `json:"forms"`
	Quality int       `json:"quality"`
}

func pdqField(id string) seal.Field {
	return seal.Field{Table: "evidence_item", Column: "pdq_sealed", Row: id, Version: 1}
}

// hashLater promises, with the item itself, that its picture is hashed.
func (e *Evidence) hashLater(ctx context.Context, tx *store.Tx, item Item) error {
	if item.Hash != HashQueued {
		return nil
	}
	return e.hashes.Enqueue(ctx, tx, pictureArgs{jobs.ID(item.ID)}, jobs.Unique(jobs.ID(item.ID)))
}

// hashItem is the job that has a picture hashed, and promises the search for others like it.
func (e *Evidence) hashItem(ctx context.Context, job jobs.Job[pictureArgs]) error {
	item, err := e.Item(ctx, string(job.Args.Item))
	if lost(err) {
		return nil
	}
	if err != nil || item.Hash != HashQueued {
		return err
	}
	state, hash, err := e.hash(ctx, item, job.Try)
	if err != nil {
		return err
	}
	key, err := e.keys.Key(ctx, item.keyID)
	if lost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var sealed []byte
	if state == Hashed || state == HashPoor {
		plain, err := json.Marshal(hash)
		if err != nil {
			return err
		}
		sealed = key.Seal(pdqField(item.ID), plain)
	}
	return e.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE evidence_item SET pdq = $2, pdq_sealed = $3 WHERE id = $1 AND pdq = $4`, item.ID, state, sealed, HashQueued)
		if err != nil || n == 0 || state != Hashed {
			return err
		}
		return e.matches.Enqueue(ctx, tx, job.Args, jobs.Unique(job.Args.Item))
	})
}

// hash has a picture hashed, and says what comes of it. An error says that it may be tried again.
func (e *Evidence) hash(ctx context.Context, item Item, try int) (state string, hash pictureHash, err error) {
	if withheld, err := e.withheld(ctx, item); err != nil || withheld { // nothing of it is kept, nor its hash
		return HashNone, hash, err
	}
	r, err := e.blobs.Get(ctx, item.blobID, item.Content.Identity)
	if err != nil {
		return "", hash, err
	}
	defer r.Close()
	hash.Forms, hash.Quality, err = e.pictures.Hash(ctx, r)
	switch {
	case fault.Is(err, fault.Unsupported), errors.Is(err, picture.ErrEnded) && try >= triesToOpen:
		slog.Info("evidence: a picture does not open, and has no hash", "item", item.ID, "error", err)
		return HashUnreadable, hash, nil
	case err != nil:
		return "", hash, err
	case hash.Quality < pdq.MinQuality:
		return HashPoor, hash, nil
	}
	return Hashed, hash, nil
}

// hashOf is the hash of an item; ok is false where there is none.
func (e *Evidence) hashOf(ctx context.Context, item Item) (hash pictureHash, ok bool, err error) {
	if item.Hash != Hashed && item.Hash != HashPoor {
		return hash, false, nil
	}
	key, err := e.keys.Key(ctx, item.keyID)
	if err != nil {
		return hash, false, err
	}
	hash, err = openHash(key, item.ID, item.pdq)
	return hash, err == nil, err
}

func openHash(key *seal.Key, id string, sealed []byte) (hash pictureHash, err error) {
	plain, err := key.Open(pdqField(id), sealed)
	if err != nil {
		return hash, err
	}
	return hash, json.Unmarshal(plain, &hash)
}

// atOnce is how many rows are read, or promised, in one go.
const atOnce = 200

// promiseHashes promises again what waits to be hashed: pictures that were kept before there were hashes, and those whose job was
// given up. What is promised already is promised once.
func (e *Evidence) promiseHashes(ctx context.Context) error {
	for after := ""; ; {
		ids, err := store.All(ctx, e.db, scanID, `SELECT id FROM evidence_item WHERE pdq = 'queued' AND id > $1 ORDER BY id LIMIT $2`, after, atOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := e.db.Tx(ctx, func(tx *store.Tx) error {
			for _, id := range ids {
				if err := e.hashLater(ctx, tx, Item{ID: id, Hash: HashQueued}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

func scanID(r store.Row) (id string, err error) { return id, r.Scan(&id) }
