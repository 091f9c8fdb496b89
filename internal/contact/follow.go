package contact

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// Released is what a follower hears when the person is shown her past again. It is no move: the state
// stays as it is.
const Released Event = "past_released"

// Moved is one thing that happened to a contact.
type Moved struct {
	Before, After Contact
	Event         Event
	By            audit.Actor
	Farewell      string // of the Change
}

// OnMove has fn called within the transaction of each move, after the row was written and before what it
// closes is destroyed; a fault of fn undoes the move. fn must be repeatable, like every transaction. The
// room chat says the lines of the house from here. Call it while wiring.
func (c *Contacts) OnMove(fn func(ctx context.Context, tx *store.Tx, m Moved) error) {
	c.onMove = append(c.onMove, fn)
}

// OnCount has fn called within the transaction of what the figures count besides moves: an opening, and the answer to the last
// question. A fault of fn undoes it. Call it while wiring.
func (c *Contacts) OnCount(fn func(ctx context.Context, tx *store.Tx, contactID string) error) {
	c.onCount = append(c.onCount, fn)
}

func (c *Contacts) counted(ctx context.Context, tx *store.Tx, contactID string) error {
	for _, fn := range c.onCount {
		if err := fn(ctx, tx, contactID); err != nil {
			return err
		}
	}
	return nil
}

func (c *Contacts) follow(ctx context.Context, tx *store.Tx, m Moved) error {
	for _, fn := range c.onMove {
		if err := fn(ctx, tx, m); err != nil {
			return err
		}
	}
	return nil
}
