package contact

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// ErasureWait is how long an erasure that a person asked for with her four words waits: somebody may have forced her to ask.
const ErasureWait = 7 * 24 * time.Hour

// Erasure is a person's own request, made with her four words, that all she told us be erased. Times are Unix milliseconds.
type Erasure struct {
	PersonID       string
	AskedAt, DueAt int64
}

const selectErasure = `SELECT person_id, asked_at, due_at FROM person_erasure`

func scanErasure(r store.Row) (e Erasure, err error) {
	return e, r.Scan(&e.PersonID, &e.AskedAt, &e.DueAt)
}

// AskErasure begins the wait. Asked again it stays as it was: the first wait counts. first is called in the same transaction
// when there was none, with when it ends.
func (c *Contacts) AskErasure(ctx context.Context, personID string, first func(tx *store.Tx, due time.Time) error) (Erasure, error) {
	now := c.now()
	e := Erasure{PersonID: personID, AskedAt: store.Millis(now), DueAt: store.Millis(now.Add(ErasureWait))}
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO person_erasure (person_id, asked_at, due_at)
			SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM contact WHERE person_id = $1) ON CONFLICT (person_id) DO NOTHING`, personID, e.AskedAt, e.DueAt)
		if err != nil {
			return err
		}
		if n == 0 {
			e, err = store.One(ctx, tx, scanErasure, selectErasure+` WHERE person_id = $1`, personID)
			return err
		}
		if err := first(tx, store.Time(e.DueAt)); err != nil {
			return err
		}
		return c.erasureChanges(ctx, tx, personID, "contact.erasure_ask")
	})
	return e, err
}

// TakeBackErasure ends the wait, and nothing is erased. Where nothing waits it changes nothing.
func (c *Contacts) TakeBackErasure(ctx context.Context, personID string) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM person_erasure WHERE person_id = $1`, personID)
		if err != nil || n == 0 {
			return err
		}
		return c.erasureChanges(ctx, tx, personID, "contact.erasure_back")
	})
}

// erasureChanges writes what a person did into the log, and draws the pages of her contacts, and the floor, anew.
func (c *Contacts) erasureChanges(ctx context.Context, tx *store.Tx, personID, act string) error {
	hers, err := store.All(ctx, tx, scanContact, selectContact+` WHERE person_id = $1`, personID)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		for _, ct := range hers {
			if ct.State.Open() {
				c.announce(ct)
				c.bus.Publish("contact."+ct.ID+".form", []byte("{}"))
			}
		}
	})
	c.floorChanges(tx)
	return c.log.Record(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: audit.Visitor}, Act: act, Object: "person", ObjectID: personID})
}

// Erasing is the erasure that waits for a person; ok is false when there is none.
func (c *Contacts) Erasing(ctx context.Context, personID string) (e Erasure, ok bool, err error) {
	e, err = store.One(ctx, c.db, scanErasure, selectErasure+` WHERE person_id = $1`, personID)
	if errors.Is(err, store.ErrNoRow) {
		return Erasure{}, false, nil
	}
	return e, err == nil, err
}

// Erasures are all that wait, those that are due first.
func (c *Contacts) Erasures(ctx context.Context) ([]Erasure, error) {
	return store.All(ctx, c.db, scanErasure, selectErasure+` ORDER BY due_at, person_id`)
}

// What keeps a contact from being erased, as queries of contacts' ids: it is not closed, or the danger protocol holds where it
// came from.
const (
	StillOpen   = `SELECT id FROM contact WHERE state <> 'closed'`
	NetworkHeld = `SELECT contact_id FROM contact_network WHERE held_at > 0`
)
