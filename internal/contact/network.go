package contact

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Origin is where a contact comes from: the network address of a browser, or the number of a caller.
type Origin struct {
	Network netip.AddrPort
	Number  string
}

// Known says that anything is known of it.
func (o Origin) Known() bool { return o.Network.IsValid() || o.Number != "" }

// Network is where a contact was opened from. It is kept sealed while the contact is open and read by
// nobody, save by the danger protocol: then the emergency services may find the person by it.
type Network struct {
	Address netip.AddrPort `json:"address"`
	// Number is the caller's, of a contact that came by phone.
	Number string `json:"number,omitempty"`
	At     int64  `json:"at"`
}

// SecondWait is how long the danger protocol waits for a second person before one alone may read; the
// second then reviews afterwards.
const SecondWait = 60 * time.Second

// Hold is what the danger protocol did with a network address.
type Hold struct {
	ContactID   string
	Purpose     string // a code: "life"
	HeldAt      int64
	HeldBy      string
	ConfirmedAt int64
	ConfirmedBy string
	ReadAt      int64
	ReadBy      string
	ReviewedAt  int64
	ReviewedBy  string
	keyID       string
	sealed      []byte
}

func networkField(contactID string) seal.Field {
	return seal.Field{Table: "contact_network", Column: "address_sealed", Row: contactID, Version: 1}
}

func insertNetwork(ctx context.Context, tx *store.Tx, id string, key *seal.Key, from Origin, at int64) error {
	plain, err := json.Marshal(Network{Address: from.Network, Number: from.Number, At: at})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO contact_network (contact_id, key_id, address_sealed) VALUES ($1, $2, $3)`,
		id, key.ID(), key.Seal(networkField(id), plain))
	return err
}

const selectHold = `SELECT contact_id, key_id, address_sealed, purpose, held_at, held_by, confirmed_at, confirmed_by, read_at, read_by,
	reviewed_at, reviewed_by FROM contact_network`

func scanHold(r store.Row) (Hold, error) {
	var h Hold
	return h, r.Scan(&h.ContactID, &h.keyID, &h.sealed, &h.Purpose, &h.HeldAt, &h.HeldBy, &h.ConfirmedAt, &h.ConfirmedBy,
		&h.ReadAt, &h.ReadBy, &h.ReviewedAt, &h.ReviewedBy)
}

func getHold(ctx context.Context, q store.Querier, id string) (Hold, error) {
	h, err := store.One(ctx, q, scanHold, selectHold+` WHERE contact_id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return Hold{}, fault.New(fault.Gone, "fault.contact.network_gone")
	}
	return h, err
}

// NetworkHold returns what the danger protocol did; HeldAt is 0 when nobody asked anything. It returns
// fault.Gone "fault.contact.network_gone" when there is no address (any more).
func (c *Contacts) NetworkHold(ctx context.Context, id string) (Hold, error) {
	return getHold(ctx, c.db, id)
}

// NetworkHolds returns what the danger protocol holds, the oldest first.
func (c *Contacts) NetworkHolds(ctx context.Context) ([]Hold, error) {
	return store.All(ctx, c.db, scanHold, selectHold+` WHERE held_at > 0 ORDER BY held_at, contact_id`)
}

// HoldNetwork keeps the address beyond the close, for the emergency services: purpose is a code of the
// protocol. It is recorded, and nobody can read the address yet. It returns fault.Forbidden
// "fault.contact.no_danger" where no danger is marked, or the contact is closed.
func (c *Contacts) HoldNetwork(ctx context.Context, id string, by audit.Actor, purpose string) error {
	if purpose == "" || !isCode(purpose) || by.Kind != audit.Staff || by.ID == "" {
		return fault.New(fault.Invalid, "fault.contact.purpose")
	}
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		if !ct.Danger || ct.State == Closed {
			return fault.New(fault.Forbidden, "fault.contact.no_danger")
		}
		n, err := tx.Exec(ctx, `UPDATE contact_network SET purpose = $2, held_at = $3, held_by = $4, confirmed_at = 0, confirmed_by = '',
			read_at = 0, read_by = '', reviewed_at = 0, reviewed_by = ''
			WHERE contact_id = $1 AND held_at = 0`, id, purpose, store.Millis(c.now()), by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := getHold(ctx, tx, id); err != nil {
				return err
			}
			return nil // held already: the first to ask stays the one who asked
		}
		c.holdChanges(tx, id)
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.network_hold", Object: "contact", ObjectID: id, Purpose: purpose})
	})
}

// holdChanges wakes, after the commit, the desk whose conversation it is and the supervisors' floor.
func (c *Contacts) holdChanges(tx *store.Tx, id string) {
	tx.AfterCommit(func() {
		c.bus.Publish("contact."+id+".form", []byte("{}"))
		c.bus.Publish("queue", []byte("{}"))
	})
}

// ConfirmNetwork is the second person's yes. It returns fault.Forbidden "fault.contact.second" for the
// person who asked.
func (c *Contacts) ConfirmNetwork(ctx context.Context, id string, by audit.Actor) error {
	return c.second(ctx, id, by, "contact.network_confirm", `UPDATE contact_network SET confirmed_at = $2, confirmed_by = $3
		WHERE contact_id = $1 AND held_at > 0 AND held_by <> $3 AND confirmed_at = 0`)
}

// ReviewNetwork is the second person's look afterwards, at a reading that nobody had confirmed.
func (c *Contacts) ReviewNetwork(ctx context.Context, id string, by audit.Actor) error {
	return c.second(ctx, id, by, "contact.network_review", `UPDATE contact_network SET reviewed_at = $2, reviewed_by = $3
		WHERE contact_id = $1 AND read_at > 0 AND read_by <> $3 AND held_by <> $3 AND reviewed_at = 0`)
}

func (c *Contacts) second(ctx context.Context, id string, by audit.Actor, act, update string) error {
	if by.Kind != audit.Staff || by.ID == "" {
		return fault.New(fault.Forbidden, "fault.contact.second")
	}
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, update, id, store.Millis(c.now()), by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := getHold(ctx, tx, id); err != nil {
				return err
			}
			return fault.New(fault.Forbidden, "fault.contact.second")
		}
		c.holdChanges(tx, id)
		return c.record(ctx, tx, by, act, id, nil)
	})
}

// ReadNetwork opens the address for the emergency services: by the danger protocol only, when two
// people agreed, or by the one who asked when no second answered for a minute (fault.Forbidden
// "fault.contact.second" before). Every reading is recorded before the address is given.
func (c *Contacts) ReadNetwork(ctx context.Context, id string, by audit.Actor) (Network, error) {
	if by.Kind != audit.Staff || by.ID == "" {
		return Network{}, fault.New(fault.Forbidden, "fault.contact.second")
	}
	hold, err := getHold(ctx, c.db, id)
	if err != nil {
		return Network{}, err
	}
	key, err := c.keys.Key(ctx, hold.keyID)
	if err != nil {
		return Network{}, err
	}
	now := store.Millis(c.now())
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		if hold, err = getHold(ctx, tx, id); err != nil {
			return err
		}
		agreed := hold.ConfirmedAt > 0 && (by.ID == hold.HeldBy || by.ID == hold.ConfirmedBy)
		alone := by.ID == hold.HeldBy && now-hold.HeldAt >= SecondWait.Milliseconds()
		if hold.HeldAt == 0 || !agreed && !alone {
			return fault.New(fault.Forbidden, "fault.contact.second")
		}
		if _, err := tx.Exec(ctx, `UPDATE contact_network SET read_at = $2, read_by = $3 WHERE contact_id = $1 AND read_at = 0`,
			id, now, by.ID); err != nil {
			return err
		}
		c.holdChanges(tx, id)
		return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.network_read", Object: "contact", ObjectID: id,
			Purpose: hold.Purpose, Detail: map[string]string{"two": yesNo(agreed)}})
	})
	if err != nil {
		return Network{}, err
	}
	plain, err := key.Open(networkField(id), hold.sealed)
	if err != nil {
		return Network{}, err
	}
	var n Network
	return n, json.Unmarshal(plain, &n)
}

// ReleaseNetwork ends the hold: the address of a closed contact is destroyed at once, that of an open
// one at its close. It returns fault.Forbidden "fault.contact.to_review" while somebody read it alone and
// no second person has reviewed that.
func (c *Contacts) ReleaseNetwork(ctx context.Context, id string, by audit.Actor) error {
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		hold, err := getHold(ctx, tx, id)
		if err != nil {
			return err
		}
		if hold.ReadAt > 0 && hold.ConfirmedAt == 0 && hold.ReviewedAt == 0 {
			return fault.New(fault.Forbidden, "fault.contact.to_review")
		}
		n, err := tx.Exec(ctx, `UPDATE contact_network SET held_at = 0, held_by = '', confirmed_at = 0, confirmed_by = ''
			WHERE contact_id = $1 AND held_at > 0`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			_, err := getHold(ctx, tx, id)
			return err
		}
		c.holdChanges(tx, id)
		return c.record(ctx, tx, by, "contact.network_release", id, nil)
	})
	if err != nil {
		return err
	}
	ct, err := c.Get(ctx, id)
	if err != nil || ct.State != Closed {
		return err
	}
	return c.DestroyNetwork(ctx, id)
}

// DestroyNetwork destroys the address: its key and its row. It returns fault.Conflict
// "fault.contact.held" when the danger protocol holds it, and nothing when there is no address.
func (c *Contacts) DestroyNetwork(ctx context.Context, id string) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		held, err := c.dropNetwork(ctx, tx, id)
		if err == nil && held {
			return fault.New(fault.Conflict, "fault.contact.held")
		}
		return err
	})
}

// dropNetwork destroys the address of a contact that closes, in the closing's own transaction, unless
// the danger protocol holds it.
func (c *Contacts) dropNetwork(ctx context.Context, tx *store.Tx, id string) (held bool, err error) {
	hold, err := getHold(ctx, tx, id)
	if fault.Is(err, fault.Gone) {
		return false, nil
	}
	if err != nil || hold.HeldAt > 0 {
		return err == nil, err
	}
	// On PostgreSQL somebody may hold the address at this very moment: the row says who was first.
	n, err := tx.Exec(ctx, `DELETE FROM contact_network WHERE contact_id = $1 AND held_at = 0`, id)
	if err != nil || n == 0 {
		return err == nil, err
	}
	tx.AfterCommit(func() { c.destroyed(hold.keyID) })
	return false, c.keys.Drop(ctx, tx, hold.keyID)
}

// destroyed has every node forget a key.
func (c *Contacts) destroyed(keyID string) {
	c.bus.Publish("key."+keyID, []byte(`{"destroyed":true}`))
}
