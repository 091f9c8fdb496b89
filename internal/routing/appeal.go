package routing

import (
	"context"
	"encoding/json"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
)

// KindSurge is what the program on call is told when a surge begins, and nothing else: whom it appeals to is the
// helpline's.
const KindSurge = "surge"

// Appeal is how the appeal of a surge to whoever is off duty went, in Unix milliseconds.
type Appeal struct {
	AskedAt int64 `json:"asked_at"` // when the surge began; 0 where none did
	// CalledAt is when the program was run and did well, FailedAt when it last did not; 0 for not.
	CalledAt int64 `json:"called_at"`
	FailedAt int64 `json:"failed_at"`
}

// Appeal returns how the appeal of the surge that goes on went; ok is false where there is no program to make one.
func (r *Router) Appeal() (a Appeal, ok bool) {
	r.settings.mu.RLock()
	defer r.settings.mu.RUnlock()
	return r.settings.appeal, r.onCall != nil
}

// appealFor asks for an appeal when a surge begins, and takes it back when it is over; a ceiling that is moved meanwhile
// appeals to nobody again.
func (r *Router) appealFor(ctx context.Context, tx *store.Tx, s Surge, before string) error {
	var was Surge
	if err := json.Unmarshal([]byte(before), &was); err != nil {
		return err
	}
	if was.On == s.On {
		return nil
	}
	appeal := Appeal{}
	if s.On {
		appeal.AskedAt = store.Millis(r.now())
	}
	return setAppeal(ctx, tx, appeal)
}

func setAppeal(ctx context.Context, tx *store.Tx, a Appeal) error {
	value, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE routing_setting SET value = $1, rev = rev + 1 WHERE name = 'appeal'`, string(value))
	return err
}

// callIfSurging runs the program on call for a surge: once, by one node, and never twice within Times.Call. What could not
// be called is tried again then. It waits for no call that an alarm makes, and no alarm waits for it.
func (r *Router) callIfSurging(ctx context.Context, now time.Time) error {
	if a, ok := r.Appeal(); !ok || !r.Surge().On || a.AskedAt == 0 || a.CalledAt > 0 {
		return nil
	}
	ms, pause := store.Millis(now), r.times.Call.Milliseconds()
	n, err := r.db.Exec(ctx, takeTurn, "appeal", ms, ms-pause, ms+pause)
	if err != nil || n == 0 {
		return err
	}
	if err := r.readSettings(ctx); err != nil { // another node may have called meanwhile
		return err
	}
	if a, _ := r.Appeal(); !r.Surge().On || a.AskedAt == 0 || a.CalledAt > 0 {
		return nil
	}
	r.calls.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callFor)
		defer cancel()
		failed := r.onCall(ctx, KindSurge)
		if failed != nil {
			r.log.Error("routing: nobody off duty could be appealed to; trying again", "again_in", r.times.Call, "error", failed)
		}
		if err := r.appealed(context.WithoutCancel(ctx), failed == nil); err != nil {
			r.log.Error("routing: how the appeal of a surge went could not be written", "error", err)
		}
	})
	return nil
}

// appealed writes down how an appeal went, unless its surge is over.
func (r *Router) appealed(ctx context.Context, well bool) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		value, err := store.One(ctx, tx, scanID, `SELECT value FROM routing_setting WHERE name = 'appeal'`)
		if err != nil {
			return err
		}
		var a Appeal
		if err := json.Unmarshal([]byte(value), &a); err != nil || a.AskedAt == 0 {
			return err
		}
		act := "routing.appeal"
		if a.CalledAt, a.FailedAt = store.Millis(r.now()), 0; !well {
			a.CalledAt, a.FailedAt, act = 0, store.Millis(r.now()), "routing.appeal_failed"
		}
		tx.AfterCommit(func() { r.bus.Publish("routing.setting", []byte("{}")) })
		if err := setAppeal(ctx, tx, a); err != nil {
			return err
		}
		return r.record(ctx, tx, contact.SystemActor, act, "setting", "surge", nil)
	})
	if err != nil {
		return err
	}
	if err := r.readSettings(ctx); err != nil {
		return err
	}
	r.announceQueue() // the floor says it
	return nil
}
