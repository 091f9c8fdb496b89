package contact

import (
	"context"
	"encoding/json"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Eraser is another room's part in erasing a contact.
type Eraser struct {
	// May refuses, before anything is removed, and again in the transaction that destroys the contact.
	May func(ctx context.Context, q store.Querier, contactID string) error
	// Before removes what is not in SQL; it must be repeatable, and may refuse (a legal hold).
	Before func(ctx context.Context, contactID string) error
	// Within destroys the room's own keys; its rows go with the contact's.
	Within func(ctx context.Context, tx *store.Tx, contactID string) error
}

// OnErase adds a room's part. Call it while wiring.
func (c *Contacts) OnErase(e Eraser) { c.erasers = append(c.erasers, e) }

// Erase destroys a contact: its keys, its rows, its files. One row of the audit stays, with ids only.
// Cut short, it is run again. It returns fault.Conflict "fault.contact.held" when the danger protocol
// holds its network address, or the legal protocol one of its files.
func (c *Contacts) Erase(ctx context.Context, contactID string, by audit.Actor, purpose string) error {
	return c.erase(ctx, contactID, by, purpose, func(context.Context, *store.Tx) error { return nil })
}

// erase is Erase where something else must hold in the same transaction.
func (c *Contacts) erase(ctx context.Context, contactID string, by audit.Actor, purpose string, may func(context.Context, *store.Tx) error) error {
	ct, err := c.Clear(ctx, contactID)
	if err != nil {
		return err
	}
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		if err := may(ctx, tx); err != nil {
			return err
		}
		return c.EraseWithin(ctx, tx, ct, by, purpose)
	})
	if err != nil {
		return err
	}
	// The key is gone; this empties SQLite's logs of what it sealed, at once.
	return c.keys.Destroy(ctx, ct.KeyID)
}

// EraseBy is Erase where a row of the caller's goes in the same transaction; a fault of within undoes it.
func (c *Contacts) EraseBy(ctx context.Context, contactID string, by audit.Actor, purpose string, within func(context.Context, *store.Tx) error) error {
	return c.erase(ctx, contactID, by, purpose, within)
}

// Clear is the first half of Erase, for whoever erases more than a contact: it asks whether the contact may go, and removes what
// is not in SQL. It is repeatable, and returns the faults of Erase.
func (c *Contacts) Clear(ctx context.Context, contactID string) (Contact, error) {
	ct, err := c.Get(ctx, contactID)
	if err != nil {
		return ct, err
	}
	if hold, err := c.NetworkHold(ctx, contactID); err == nil && hold.HeldAt > 0 {
		return ct, fault.New(fault.Conflict, "fault.contact.held")
	} else if err != nil && !fault.Is(err, fault.Gone) {
		return ct, err
	}
	if err := c.mayErase(ctx, c.db, contactID); err != nil {
		return ct, err
	}
	for _, e := range c.erasers {
		if e.Before != nil {
			if err := e.Before(ctx, contactID); err != nil {
				return ct, err
			}
		}
	}
	return ct, nil
}

// EraseWithin is the second half, in the caller's transaction: the keys and the rows of a contact that was cleared. It returns
// fault.NotFound "fault.contact.unknown" when it is gone already. After the commit the caller has seal.Keeper.Destroy empty
// the logs.
func (c *Contacts) EraseWithin(ctx context.Context, tx *store.Tx, ct Contact, by audit.Actor, purpose string) error {
	if err := c.mayErase(ctx, tx, ct.ID); err != nil {
		return err
	}
	if held, err := c.dropNetwork(ctx, tx, ct.ID); err != nil || held {
		if held {
			return fault.New(fault.Conflict, "fault.contact.held")
		}
		return err
	}
	for _, e := range c.erasers {
		if e.Within != nil {
			if err := e.Within(ctx, tx, ct.ID); err != nil {
				return err
			}
		}
	}
	if err := c.keys.Drop(ctx, tx, ct.KeyID); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `DELETE FROM contact WHERE id = $1`, ct.ID)
	if err != nil {
		return err
	}
	if n == 0 { // another node was faster
		return fault.New(fault.NotFound, "fault.contact.unknown")
	}
	// The last contact of a person takes her code and her secrets with it.
	for _, query := range [...]string{
		`DELETE FROM resume_code WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM contact WHERE person_id = $1)`,
		`DELETE FROM person_barred WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM contact WHERE person_id = $1)`,
		`DELETE FROM person_erasure WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM contact WHERE person_id = $1)`,
	} {
		if _, err := tx.Exec(ctx, query, ct.PersonID); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() {
		c.identities.drop(ct.ID)
		c.destroyed(ct.KeyID)
		c.bus.Publish("contact."+ct.ID+".erased", []byte("{}"))
		c.queueChanged(ct.ID)
	})
	return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.erase", Object: "contact", ObjectID: ct.ID, Purpose: purpose})
}

// mayErase asks the other rooms whether a contact may be erased.
func (c *Contacts) mayErase(ctx context.Context, q store.Querier, contactID string) error {
	for _, e := range c.erasers {
		if e.May == nil {
			continue
		}
		if err := e.May(ctx, q, contactID); err != nil {
			return err
		}
	}
	return nil
}

// The owners of this room's keys, for seal.Keeper.SweepOrphans.
const (
	OwnersOfContactKeys = `SELECT id FROM contact`
	OwnersOfNetworkKeys = `SELECT contact_id FROM contact_network`
)

func sealJSON(key *seal.Key, f seal.Field, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return key.Seal(f, plain), nil
}

func openJSON(key *seal.Key, f seal.Field, sealed []byte, v any) error {
	plain, err := key.Open(f, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
