package routing

import (
	"context"
	"encoding/json"
	"sync"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/store"
)

// The last half hour, and what comes after: nobody who waits is cut. From half an hour
// before closing each who waits goes before those who can still be answered tomorrow, and her page says
// so; when we have closed, her page says that.

// closing is what this node has done about the end of the day.
type closing struct {
	mu       sync.Mutex
	closed   bool            // its last look found us closed
	looked   bool            // it has looked before
	hastened map[string]bool // by contact, in this last half hour
}

// tellOfClosing gives whoever waits in the last half hour her reason, once, and has the pages of those who
// wait drawn again when we have closed, or are open again.
func (r *Router) tellOfClosing(ctx context.Context) error {
	r.closing.mu.Lock()
	defer r.closing.mu.Unlock()
	today := r.today()
	turned := r.closing.looked && r.closing.closed == today.Open
	r.closing.looked, r.closing.closed = true, !today.Open
	if !today.ClosingSoon {
		r.closing.hastened = nil
	}
	if !turned && !today.ClosingSoon {
		return nil
	}
	line, err := store.All(ctx, r.db, scanWaiting, selectPlaces)
	if err != nil {
		return err
	}
	if r.closing.hastened == nil {
		r.closing.hastened = map[string]bool{}
	}
	for _, w := range line {
		switch {
		case !w.live():
		case turned:
			payload, _ := json.Marshal(contact.MovedEvent{State: w.state})
			r.bus.Publish("contact."+w.id+".state", payload)
		case !r.closing.hastened[w.id]:
			err := r.db.Tx(ctx, func(tx *store.Tx) error {
				_, err := r.contacts.AddReason(ctx, tx, w.id, r.weighed(catalogue.ReasonClosingSoon))
				return err
			})
			if ignoreLostRace(err) != nil {
				return err
			}
			r.closing.hastened[w.id] = err == nil
		}
	}
	return nil
}
