package team

import (
	"context"
	"errors"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// The reasons of a hand.
const (
	Advice    = "advice"
	Danger    = "danger"
	TakeOver  = "take_over"
	Technical = "technical"
	Break     = "break"
	Debrief   = "debrief" // she wants to talk after a contact that was hard
)

// Reasons are why a hand is raised, in the order a form shows them. Debrief has a button of its own.
var Reasons = []string{Advice, Danger, TakeOver, Technical, Break}

// KindHand is what the program on call is told of a hand that nobody takes, and nothing else.
const KindHand = "hand"

// WidenAfter is how long a hand rings at the supervisors who are free before it rings at all of them.
const WidenAfter = 45 * time.Second

// How far a hand has rung.
const (
	RungFree   = 0 // at the supervisors who are neither on a pause nor in a call
	RungAll    = 1
	RungOnCall = 2
)

// Hand is somebody's hand. Times are Unix milliseconds, 0 for not yet.
type Hand struct {
	ID, StaffID string
	// ContactID is what it is about, "" for no contact in particular.
	ContactID string
	Reason    string
	RaisedAt  int64
	// Rung is RungFree, RungAll or RungOnCall.
	Rung int64
	// TakenBy is the supervisor who comes.
	TakenBy   string
	TakenAt   int64
	LoweredAt int64
	LoweredBy string
}

// Urgent says that somebody should come now.
func (h Hand) Urgent() bool { return h.Reason == Danger || h.Reason == TakeOver }

// Raise raises her hand, or says anew why it is up: contactID "" leaves the contact as it was. Whether the contact is hers to
// speak of is the caller's question. It returns fault.Invalid "fault.team.reason", fault.Conflict "fault.team.contact_over" for a
// contact that is closed.
func (t *Team) Raise(ctx context.Context, staffID, contactID, reason string) (Hand, error) {
	if reason != Debrief && !slices.Contains(Reasons, reason) {
		return Hand{}, fault.New(fault.Invalid, "fault.team.reason")
	}
	by := audit.Actor{Kind: audit.Staff, ID: staffID}
	var h Hand
	err := t.db.Tx(ctx, func(tx *store.Tx) error {
		var about any // NULL for no contact
		if contactID != "" {
			ct, err := t.o.Contacts.GetWithin(ctx, tx, contactID)
			if err != nil {
				return err
			}
			if ct.State == contact.Closed {
				return fault.New(fault.Conflict, "fault.team.contact_over")
			}
			about = contactID
		}
		n, err := tx.Exec(ctx, `UPDATE team_hand SET reason = $2, contact_id = COALESCE($3, contact_id) WHERE staff_id = $1 AND lowered_at = 0`, staffID, reason, about)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := tx.Exec(ctx, `INSERT INTO team_hand (id, staff_id, contact_id, reason, raised_at) VALUES ($1, $2, $3, $4, $5)`,
				store.NewID(), staffID, about, reason, store.Millis(t.now())); err != nil {
				return err
			}
		}
		if h, err = store.One(ctx, tx, scanHand, selectHands+` WHERE staff_id = $1 AND lowered_at = 0`, staffID); err != nil {
			return err
		}
		tx.AfterCommit(func() { t.announce("hand") })
		return t.record(ctx, tx, by, "hand.raise", "hand", h.ID, map[string]string{"reason": reason})
	})
	return h, err
}

// Take is a supervisor's word that she comes. Of two at once one has it, and the other is told who: the hand returned says whose it
// is. It returns fault.NotFound "fault.team.hand_down" for one that is down, fault.Forbidden "fault.team.hand_own" for her own.
func (t *Team) Take(ctx context.Context, handID, staffID string) (Hand, error) {
	var h Hand
	err := t.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if h, err = up(ctx, tx, handID); err != nil {
			return err
		}
		if h.StaffID == staffID {
			return fault.New(fault.Forbidden, "fault.team.hand_own")
		}
		n, err := tx.Exec(ctx, `UPDATE team_hand SET taken_by = $2, taken_at = $3 WHERE id = $1 AND taken_by = '' AND lowered_at = 0`, handID, staffID, store.Millis(t.now()))
		if err != nil {
			return err
		}
		if h, err = up(ctx, tx, handID); err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { t.announce("hand") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.Staff, ID: staffID}, "hand.take", "hand", handID, nil)
	})
	return h, err
}

// Lower takes a hand down: she who raised it, or a supervisor. One that is down stays so. It returns fault.Forbidden
// "fault.team.hand_others" for a colleague's.
func (t *Team) Lower(ctx context.Context, handID, staffID string, supervising bool) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		h, err := up(ctx, tx, handID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.StaffID != staffID && !supervising {
			return fault.New(fault.Forbidden, "fault.team.hand_others")
		}
		return t.lower(ctx, tx, h, audit.Actor{Kind: audit.Staff, ID: staffID})
	})
}

func (t *Team) lower(ctx context.Context, tx *store.Tx, h Hand, by audit.Actor) error {
	n, err := tx.Exec(ctx, `UPDATE team_hand SET lowered_at = $2, lowered_by = $3 WHERE id = $1 AND lowered_at = 0`, h.ID, store.Millis(t.now()), by.ID)
	if err != nil || n == 0 {
		return err
	}
	tx.AfterCommit(func() { t.announce("hand") })
	return t.record(ctx, tx, by, "hand.lower", "hand", h.ID, nil)
}

// contactMoved takes down what was raised of a contact that is over. Who wants to talk after it still does.
func (t *Team) contactMoved(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	if m.After.State != contact.Closed || m.Before.State == contact.Closed {
		return nil
	}
	all, err := store.All(ctx, tx, scanHand, selectHands+` WHERE contact_id = $1 AND lowered_at = 0 AND reason <> 'debrief'`, m.After.ID)
	for _, h := range all {
		err = errors.Join(err, t.lower(ctx, tx, h, m.By))
	}
	return err
}

// Hands are those that are up, the urgent first, then the oldest.
func (t *Team) Hands(ctx context.Context) ([]Hand, error) {
	all, err := store.All(ctx, t.db, scanHand, selectHands+` WHERE lowered_at = 0 ORDER BY raised_at, id`)
	slices.SortStableFunc(all, func(a, b Hand) int {
		switch {
		case a.Urgent() == b.Urgent():
			return 0
		case a.Urgent():
			return -1
		}
		return 1
	})
	return all, err
}

// HandOf is somebody's hand; ok is false while it is down.
func (t *Team) HandOf(ctx context.Context, staffID string) (h Hand, ok bool, err error) {
	h, err = store.One(ctx, t.db, scanHand, selectHands+` WHERE staff_id = $1 AND lowered_at = 0`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return h, false, nil
	}
	return h, err == nil, err
}

// Hand is one that is up: fault.NotFound "fault.team.hand_down" otherwise.
func (t *Team) Hand(ctx context.Context, id string) (Hand, error) { return up(ctx, t.db, id) }

func up(ctx context.Context, q store.Querier, id string) (Hand, error) {
	h, err := store.One(ctx, q, scanHand, selectHands+` WHERE id = $1 AND lowered_at = 0`, id)
	if errors.Is(err, store.ErrNoRow) {
		return h, fault.New(fault.NotFound, "fault.team.hand_down")
	}
	return h, err
}

// Ring has a hand that nobody takes ring wider: at all supervisors after WidenAfter, then at the one on call. Each step is one node's.
func (t *Team) Ring(ctx context.Context) error {
	now := t.now()
	n, err := t.db.Exec(ctx, `UPDATE team_hand SET rung = $1 WHERE lowered_at = 0 AND taken_by = '' AND rung < $1 AND raised_at <= $2`, int64(RungAll), store.Millis(now.Add(-WidenAfter)))
	if err != nil {
		return err
	}
	if n > 0 {
		t.announce("hand")
	}
	if t.o.OnCall == nil {
		return nil
	}
	// Whoever wants a pause or to talk is not worth waking somebody for.
	due, err := store.All(ctx, t.db, scanHand, selectHands+` WHERE lowered_at = 0 AND taken_by = '' AND rung < $1 AND raised_at <= $2 AND reason NOT IN ('break', 'debrief')`,
		int64(RungOnCall), store.Millis(now.Add(-t.o.OnCallAfter())))
	for _, h := range due {
		n, claimed := t.db.Exec(ctx, `UPDATE team_hand SET rung = $2 WHERE id = $1 AND rung < $2`, h.ID, int64(RungOnCall))
		if claimed != nil || n == 0 {
			err = errors.Join(err, claimed)
			continue
		}
		err = errors.Join(err, t.call(ctx, h))
	}
	return err
}

// call calls the supervisor on call for a hand; what fails is tried again with the next look.
func (t *Team) call(ctx context.Context, h Hand) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	act := "hand.called"
	failed := t.o.OnCall(ctx, KindHand)
	if failed != nil {
		act = "hand.call_failed"
		t.o.Log.Error("team: the supervisor on call could not be called; trying again", "error", failed)
	}
	return t.db.Tx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if failed != nil {
			if _, err := tx.Exec(ctx, `UPDATE team_hand SET rung = $2 WHERE id = $1`, h.ID, int64(RungAll)); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { t.announce("hand") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.System, ID: "team"}, act, "hand", h.ID, nil)
	})
}

const selectHands = `SELECT id, staff_id, COALESCE(contact_id, ''), reason, raised_at, rung, taken_by, taken_at, lowered_at, lowered_by FROM team_hand`

func scanHand(r store.Row) (h Hand, err error) {
	return h, r.Scan(&h.ID, &h.StaffID, &h.ContactID, &h.Reason, &h.RaisedAt, &h.Rung, &h.TakenBy, &h.TakenAt, &h.LoweredAt, &h.LoweredBy)
}
