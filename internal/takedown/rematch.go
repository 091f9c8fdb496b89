package takedown

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
)

// Drawn is what was drawn from a reply.
type Drawn string

// What may be drawn.
const (
	DrawnNothing  Drawn = "nothing"
	DrawnReturned Drawn = "returned" // a letter of ours came back
	DrawnReceived Drawn = "received" // the platform has the notice
	DrawnDecided  Drawn = "decided"
)

// stands says whether a notice stands where it does because of it.
func (d Drawn) stands() bool { return d == DrawnReceived || d == DrawnDecided }

// undo is where a notice stood before something was drawn from a reply, and what was written then: what is not so any more
// cannot be taken back, because something was built on it.
type undo struct {
	State                           State
	AcknowledgedAt, DecidedAt       int64
	SubmittedAt, DueAt              int64
	SubmittedBy, Action, Said       string
	After                           State
	AfterAcknowledged, AfterDecided int64
	AfterAction                     string
}

func undoing(before, after Notice) *undo {
	return &undo{State: before.State, AcknowledgedAt: before.AcknowledgedAt, DecidedAt: before.DecidedAt, SubmittedAt: before.SubmittedAt, DueAt: before.DueAt,
		SubmittedBy: before.SubmittedBy, Action: before.Action, Said: before.Content.Said,
		After: after.State, AfterAcknowledged: after.AcknowledgedAt, AfterDecided: after.DecidedAt, AfterAction: after.Action}
}

// stands says whether a notice still is as the reply left it.
func (u *undo) stands(n Notice) bool {
	return u != nil && n.State == u.After && n.AcknowledgedAt == u.AfterAcknowledged && n.DecidedAt == u.AfterDecided && n.Action == u.AfterAction
}

// retractions are the events by which a notice goes back to where it stood.
var retractions = map[State]Event{Unknown: RetractUnknown, Submitted: RetractSubmitted, Acknowledged: RetractAcknowledged, Decided: RetractDecided}

// MayMove says whether a reply may be moved to another notice: nothing stands because of it.
func (k Reply) MayMove() bool { return k.State == Waits || k.State == Dealt && k.Drawn == DrawnNothing }

// MayUndo says whether what was drawn from a reply can be taken back: the notice is as the reply left it.
func (k Reply) MayUndo(n Notice) bool {
	return k.State == Dealt && k.Drawn.stands() && k.Content.Undo.stands(n)
}

// Undo takes back what was drawn from a reply that was read wrongly, or on the wrong notice: the notice stands where it stood
// before, and the reply waits again. It returns fault.Conflict "fault.takedown.undo" where something happened on the notice since,
// or for a reply from which nothing was drawn that can be taken back.
func (t *Takedown) Undo(ctx context.Context, noticeID, replyID string, by audit.Actor) error {
	return t.change(ctx, noticeID, func(tx *store.Tx, n *Notice) error {
		k, err := t.replyOf(ctx, tx, noticeID, replyID, Dealt)
		if err != nil {
			return err
		}
		if !k.MayUndo(*n) {
			return fault.New(fault.Conflict, "fault.takedown.undo")
		}
		u := k.Content.Undo
		n.AcknowledgedAt, n.DecidedAt, n.Action, n.Content.Said = u.AcknowledgedAt, u.DecidedAt, u.Action, u.Said
		n.SubmittedAt, n.SubmittedBy, n.DueAt = u.SubmittedAt, u.SubmittedBy, u.DueAt
		if u.State == Unknown {
			n.CheckAt = 0
		}
		if err := t.move(ctx, tx, n, retractions[u.State], by, string(k.Drawn)); err != nil {
			return err
		}
		k.Content.Undo = nil
		sealed, err := t.sealReply(ctx, k, n.keyID)
		if err != nil {
			return err
		}
		wrote, err := tx.Exec(ctx, `UPDATE takedown_reply SET state = 'waits', drawn = '', dealt_at = 0, dealt_by = '', key_id = $2, content_sealed = $3 WHERE id = $1 AND state = 'dealt'`, k.ID, n.keyID, sealed)
		if err == nil && wrote == 0 {
			err = replyGone()
		}
		return err
	})
}

// MoveReply moves a reply that was put to the wrong notice: to another one, where it waits to be read, or with "" back to those
// that belong to none. Both files' timelines and the log say so. It returns fault.Conflict "fault.takedown.drawn" while the notice
// stands where it does because of the reply (Undo), "fault.takedown.reply_gone" for what is not there any more; fault.Invalid
// "fault.takedown.same" for the notice that it is on.
func (t *Takedown) MoveReply(ctx context.Context, fromID, replyID, toID string, by audit.Actor) error {
	if toID == fromID {
		return fault.New(fault.Invalid, "fault.takedown.same")
	}
	if toID == "" {
		return t.loosen(ctx, fromID, replyID, by)
	}
	return t.change(ctx, fromID, func(tx *store.Tx, n *Notice) error {
		to, err := t.get(ctx, tx, toID)
		if err != nil {
			return err
		}
		return t.moveReply(ctx, tx, n, replyID, by, func(k Reply) error {
			sealed, err := t.sealReply(ctx, k, to.keyID)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE takedown_reply SET notice_id = $2, key_id = $3, state = 'waits', drawn = '', dealt_at = 0, dealt_by = '', content_sealed = $4 WHERE id = $1`, k.ID, to.ID, to.keyID, sealed); err != nil {
				return err
			}
			return t.happened(ctx, tx, to, by, "notice_matched", k.Kind)
		})
	})
}

// moveReply takes a reply from its notice, and has put write down where it goes.
func (t *Takedown) moveReply(ctx context.Context, tx *store.Tx, n *Notice, replyID string, by audit.Actor, put func(Reply) error) error {
	k, err := t.replyOf(ctx, tx, n.ID, replyID, Waits, Dealt)
	if err != nil {
		return err
	}
	if !k.MayMove() {
		return fault.New(fault.Conflict, "fault.takedown.drawn")
	}
	if err := put(k); err != nil {
		return err
	}
	return t.happened(ctx, tx, *n, by, "notice_reply_out", k.Kind)
}

// loosen puts a reply back to those that belong to no notice, under a key of its own.
func (t *Takedown) loosen(ctx context.Context, fromID, replyID string, by audit.Actor) error {
	key, err := t.keys.NewKey(ctx, KeyOfReply, replyID)
	if err != nil {
		return err
	}
	err = t.change(ctx, fromID, func(tx *store.Tx, n *Notice) error {
		return t.moveReply(ctx, tx, n, replyID, by, func(k Reply) error {
			sealed, err := t.sealReply(ctx, k, key.ID())
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE takedown_reply SET notice_id = NULL, key_id = $2, state = 'loose', why = 'moved', drawn = '', dealt_at = 0, dealt_by = '', content_sealed = $3 WHERE id = $1`, k.ID, key.ID(), sealed)
			return err
		})
	})
	if err != nil {
		return errors.Join(err, t.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return nil
}

// AsideKept is how long a reply that was set aside is kept, so that it can be taken back.
const AsideKept = 30 * 24 * time.Hour

// asidePage is how many replies that were set aside a page holds.
const asidePage = 50

// AsideReplies are those that were set aside, the latest first, by pages of which the first is 0; more says whether another one
// follows. That somebody read them is in the log.
func (t *Takedown) AsideReplies(ctx context.Context, page int, by audit.Actor) (all []Reply, more bool, err error) {
	all, err = t.replies(ctx, t.db, selectReply+` WHERE state = 'set_aside' ORDER BY dealt_at DESC, id DESC LIMIT $1 OFFSET $2`, asidePage+1, max(0, page)*asidePage)
	if err != nil || len(all) == 0 {
		return nil, false, err
	}
	if more = len(all) > asidePage; more {
		all = all[:asidePage]
	}
	return all, more, t.db.Tx(ctx, func(tx *store.Tx) error {
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown.aside_read", Object: "reply"})
	})
}

// TakeBack puts a reply that was set aside back to those that belong to no notice yet. It returns fault.Conflict
// "fault.takedown.reply_gone" for one that is not there any more.
func (t *Takedown) TakeBack(ctx context.Context, replyID string, by audit.Actor) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		found, err := t.replies(ctx, tx, selectReply+` WHERE id = $1 AND state = 'set_aside'`, replyID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return replyGone()
		}
		k := found[0]
		k.Content.Aside = ""
		sealed, err := t.sealReply(ctx, k, k.keyID)
		if err != nil {
			return err
		}
		wrote, err := tx.Exec(ctx, `UPDATE takedown_reply SET state = 'loose', dealt_at = 0, dealt_by = '', content_sealed = $2 WHERE id = $1 AND state = 'set_aside'`, k.ID, sealed)
		if err != nil {
			return err
		}
		if wrote == 0 {
			return replyGone()
		}
		tx.AfterCommit(func() { t.bus.Publish("takedown", []byte("{}")) })
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown.reply_back", Object: "reply", ObjectID: k.ID})
	})
}

// ForgetReplies has the replies that were set aside forgotten when their time is up: those from before too.
func (t *Takedown) ForgetReplies(ctx context.Context) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error { return t.forgetsAt(ctx, tx, t.now()) })
}

func (t *Takedown) forgetsAt(ctx context.Context, tx *store.Tx, at time.Time) error {
	return t.forgets.Enqueue(ctx, tx, readArgs{}, jobs.At(at), jobs.Unique(jobs.Code("aside")))
}

// forgetAtOnce is how many replies are forgotten in one transaction.
const forgetAtOnce = 100

// forget is the job that deletes the replies that were set aside long enough ago, each with its key.
func (t *Takedown) forget(ctx context.Context, _ jobs.Job[readArgs]) error {
	type old struct{ id, keyID string }
	until := store.Millis(t.now().Add(-AsideKept))
	for {
		gone := 0
		err := t.db.Tx(ctx, func(tx *store.Tx) error {
			due, err := store.All(ctx, tx, func(r store.Row) (o old, err error) { return o, r.Scan(&o.id, &o.keyID) },
				`SELECT id, key_id FROM takedown_reply WHERE state = 'set_aside' AND dealt_at <= $1 ORDER BY dealt_at, id LIMIT $2`, until, forgetAtOnce)
			if err != nil {
				return err
			}
			for _, o := range due {
				n, err := tx.Exec(ctx, `DELETE FROM takedown_reply WHERE id = $1 AND state = 'set_aside' AND dealt_at <= $2`, o.id, until)
				if err != nil {
					return err
				}
				if n == 0 { // taken back meanwhile
					continue
				}
				if err := t.keys.Drop(ctx, tx, o.keyID); err != nil {
					return err
				}
				if err := t.log.Record(ctx, tx, audit.Entry{Actor: machine, Act: "takedown.reply_forgotten", Object: "reply", ObjectID: o.id}); err != nil {
					return err
				}
			}
			gone = len(due)
			return nil
		})
		if err != nil {
			return err
		}
		if gone < forgetAtOnce {
			break
		}
	}
	next, err := store.One(ctx, t.db, func(r store.Row) (at int64, err error) { return at, r.Scan(&at) }, `SELECT coalesce(min(dealt_at), 0) FROM takedown_reply WHERE state = 'set_aside'`)
	if err != nil || next == 0 {
		return err
	}
	return jobs.Again(store.Time(next).Add(AsideKept))
}
