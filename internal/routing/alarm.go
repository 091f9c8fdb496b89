package routing

import (
	"context"
	"encoding/json"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
)

// Alarm rings at every supervisor's until one of them has seen it. It is a row, written in the transaction of
// what caused it: a desk that opens later, a page that comes back, another node find it there.
type Alarm struct {
	ID, ContactID string
	// Cause is contact.DangerWords, contact.DangerHand or CauseThreat.
	Cause string
	// RungAt is when it began to ring, Unix milliseconds.
	RungAt int64
}

// CauseThreat is the alarm of a counsellor who was threatened.
const CauseThreat = "threat"

// What the supervisor on call is told, and nothing else.
const (
	KindDanger = "danger"
	KindThreat = "threat"
)

// raise begins to ring; what rings for the same cause already goes on.
func (r *Router) raise(ctx context.Context, tx *store.Tx, contactID, cause string) error {
	if _, err := tx.Exec(ctx, insertAlarm, store.NewID(), contactID, cause, store.Millis(r.now())); err != nil {
		return err
	}
	tx.AfterCommit(r.announceAlarms)
	return nil
}

// Alarms returns what rings at the supervisors', the newest first.
func (r *Router) Alarms(ctx context.Context) ([]Alarm, error) {
	return store.All(ctx, r.db, scanAlarm, selectUnseen)
}

// Seen is one supervisor's word that she has seen an alarm, or whatever rings because one contact is in danger:
// it stops ringing for all of them. Saying it again, or of what is not there, changes nothing; neither does
// what somebody says who knows the person.
func (r *Router) Seen(ctx context.Context, staffID, alarmOrContactID string) error {
	rings, err := store.All(ctx, r.db, scanAlarm, selectAlarms, alarmOrContactID)
	if err != nil {
		return err
	}
	var hers []Alarm
	for _, a := range rings {
		ct, err := r.contacts.Get(ctx, a.ContactID)
		if err != nil {
			return err
		}
		knows, err := r.Recused(ctx, staffID, ct)
		if err != nil {
			return err
		}
		if !knows {
			hers = append(hers, a)
		}
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		for _, a := range hers {
			n, err := tx.Exec(ctx, markSeen, a.ID, store.Millis(r.now()), staffID)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := r.record(ctx, tx, byStaff(staffID), "alarm.seen", "contact", a.ContactID, map[string]string{"alarm": a.ID, "cause": a.Cause}); err != nil {
				return err
			}
		}
		tx.AfterCommit(r.announceAlarms)
		return nil
	})
}

// announceAlarms has every supervisor's desk drawn with what rings now.
func (r *Router) announceAlarms() {
	payload, _ := json.Marshal(StaffEvent{What: "alarm"})
	r.bus.Publish(Supervisors, payload)
}

// ringUnseen tells the desks again what nobody has seen, once for all nodes, and has the supervisor on call
// called when that lasts.
func (r *Router) ringUnseen(ctx context.Context, now time.Time) error {
	unseen, err := store.All(ctx, r.db, scanAlarm, selectUnseen)
	if err != nil || len(unseen) == 0 {
		return err
	}
	ms, pause := store.Millis(now), r.times.Ring.Milliseconds()
	n, err := r.db.Exec(ctx, ringAgain, ms, ms-pause, ms+pause)
	if err != nil {
		return err
	}
	if n > 0 {
		r.announceAlarms()
	}
	return r.callIfUnseen(ctx, now)
}

// OnCall is how the last call of the supervisor on call went.
type OnCall struct {
	// FailedAt is when it failed, Unix milliseconds; 0 when it did not.
	FailedAt int64 `json:"failed_at"`
}

// LastCall returns how the last call of the supervisor on call went.
func (r *Router) LastCall(ctx context.Context) (OnCall, error) {
	return store.One(ctx, r.db, func(s store.Row) (c OnCall, err error) {
		var value string
		if err := s.Scan(&value); err != nil {
			return c, err
		}
		return c, json.Unmarshal([]byte(value), &c)
	}, `SELECT value FROM routing_setting WHERE name = 'on_call'`)
}

// callFor bounds how long one call may take.
const callFor = 30 * time.Second

// callIfUnseen calls the supervisor on call for what has rung longer than the catalogue's patience: once for
// each alarm, by one node, and never twice within Times.Call. What could not be called is tried again then.
func (r *Router) callIfUnseen(ctx context.Context, now time.Time) error {
	if r.onCall == nil {
		return nil
	}
	ms, patience, pause := store.Millis(now), r.catalogue().Queues.OnCallAfter.Milliseconds(), r.times.Call.Milliseconds()
	due, err := store.All(ctx, r.db, scanAlarm, selectUncalled, ms-patience, ms+ahead.Milliseconds())
	if err != nil || len(due) == 0 {
		return err
	}
	n, err := r.db.Exec(ctx, takeTurn, "on_call", ms, ms-pause, ms+pause)
	if err != nil || n == 0 {
		return err
	}
	r.calls.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callFor)
		defer cancel()
		failed := r.onCall(ctx, kindOf(due))
		if failed != nil {
			r.log.Error("routing: the supervisor on call could not be called; trying again", "again_in", r.times.Call, "error", failed)
		}
		if err := r.called(context.WithoutCancel(ctx), due, failed == nil); err != nil {
			r.log.Error("routing: how the call of the supervisor on call went could not be written", "error", err)
		}
	})
	return nil
}

// kindOf is the gravest of what is called for.
func kindOf(all []Alarm) string {
	for _, a := range all {
		if a.Cause != CauseThreat {
			return KindDanger
		}
	}
	return KindThreat
}

// called writes down how a call went.
func (r *Router) called(ctx context.Context, due []Alarm, well bool) error {
	now := store.Millis(r.now())
	last := OnCall{}
	if !well {
		last.FailedAt = now
	}
	value, err := json.Marshal(last)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE routing_setting SET value = $1 WHERE name = 'on_call'`, string(value)); err != nil {
			return err
		}
		act := "alarm.called"
		if !well {
			act = "alarm.call_failed"
		}
		for _, a := range due {
			if well {
				if _, err := tx.Exec(ctx, `UPDATE alarm SET called_at = $2 WHERE id = $1`, a.ID, now); err != nil {
					return err
				}
			}
			if err := r.record(ctx, tx, contact.SystemActor, act, "contact", a.ContactID, map[string]string{"alarm": a.ID}); err != nil {
				return err
			}
		}
		tx.AfterCommit(r.announceQueue) // the floor says it
		return nil
	})
}
