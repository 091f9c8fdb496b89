// Package trainee knows who learns, and with whom: a trainee listens beside her tutor, answers with the tutor listening, and what she
// wrote up of a contact waits for her tutor's signature. Exercises on invented contacts are the room rehearsal's.
//
// Being a trainee is no role: it takes nothing from what her role lets her do, and ends by itself on no day. Whoever manages the
// floor says who is one.
package trainee

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Trainee is somebody who learns.
type Trainee struct {
	StaffID, TutorID string
	Since            int64
}

// Waiting is a contact that waits for a tutor's signature, or has it.
type Waiting struct {
	ContactID, TraineeID, TutorID string
	WaitsAt, SignedAt             int64
	SignedBy                      string
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Audit    *audit.Log
	Bus      *bus.Bus
	Contacts *contact.Contacts
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Trainees is the room. It is safe for concurrent use.
type Trainees struct {
	db       *store.DB
	log      *audit.Log
	bus      *bus.Bus
	contacts *contact.Contacts
	now      func() time.Time
}

// New opens the room. A contact that a trainee closes begins to wait for her tutor, in the transaction of its close.
func New(o Options) *Trainees {
	t := &Trainees{db: o.DB, log: o.Audit, bus: o.Bus, contacts: o.Contacts, now: o.Now}
	if t.now == nil {
		t.now = time.Now
	}
	o.Contacts.OnMove(func(ctx context.Context, tx *store.Tx, m contact.Moved) error {
		if m.After.State != contact.Closed || m.Before.State == contact.Closed || m.By.Kind != audit.Staff {
			return nil
		}
		who, ok, err := t.of(ctx, tx, m.By.ID)
		if err != nil || !ok {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO countersign (contact_id, trainee_id, tutor_id, waits_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (contact_id) DO UPDATE SET trainee_id = $2, tutor_id = $3, waits_at = $4, signed_at = 0, signed_by = ''`, m.After.ID, who.StaffID, who.TutorID, store.Millis(t.now()))
		return err
	})
	return t
}

// Set says that somebody learns with a tutor. It returns fault.Invalid "fault.trainee.tutor" for a tutor who is herself, or learns too.
func (t *Trainees) Set(ctx context.Context, staffID, tutorID string, by audit.Actor) error {
	if staffID == "" || tutorID == "" || staffID == tutorID {
		return fault.New(fault.Invalid, "fault.trainee.tutor")
	}
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		if _, learns, err := t.of(ctx, tx, tutorID); err != nil {
			return err
		} else if learns {
			return fault.New(fault.Invalid, "fault.trainee.tutor")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO trainee (staff_id, tutor_id, since, until, set_by) VALUES ($1, $2, $3, 0, $4)
			ON CONFLICT (staff_id) DO UPDATE SET tutor_id = $2, since = CASE WHEN trainee.until = 0 THEN trainee.since ELSE $3 END, until = 0, set_by = $4`,
			staffID, tutorID, store.Millis(t.now()), by.ID); err != nil {
			return err
		}
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "trainee.set", Object: "staff", ObjectID: staffID, Detail: map[string]string{"tutor": tutorID}})
	})
}

// End says that somebody has learned. What waits for her tutor's signature goes on waiting.
func (t *Trainees) End(ctx context.Context, staffID string, by audit.Actor) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE trainee SET until = $2 WHERE staff_id = $1 AND until = 0`, staffID, store.Millis(t.now()))
		if err != nil || n == 0 {
			return err
		}
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "trainee.end", Object: "staff", ObjectID: staffID})
	})
}

// Tutor returns with whom somebody learns; ok is false for whoever does not. A trainee may listen beside her tutor, and her tutor may
// listen to her.
func (t *Trainees) Tutor(ctx context.Context, staffID string) (tutorID string, ok bool, err error) {
	who, ok, err := t.of(ctx, t.db, staffID)
	return who.TutorID, ok, err
}

func (t *Trainees) of(ctx context.Context, q store.Querier, staffID string) (Trainee, bool, error) {
	who, err := store.One(ctx, q, scanTrainee, selectTrainee+` WHERE staff_id = $1 AND until = 0`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return who, false, nil
	}
	return who, err == nil, err
}

// List returns who learns now.
func (t *Trainees) List(ctx context.Context) ([]Trainee, error) {
	return store.All(ctx, t.db, scanTrainee, selectTrainee+` WHERE until = 0 ORDER BY since, staff_id`)
}

const selectTrainee = `SELECT staff_id, tutor_id, since FROM trainee`

func scanTrainee(r store.Row) (Trainee, error) {
	var x Trainee
	return x, r.Scan(&x.StaffID, &x.TutorID, &x.Since)
}

// Waits lists what waits for a tutor's signature, the oldest first; "" lists all tutors'.
func (t *Trainees) Waits(ctx context.Context, tutorID string) ([]Waiting, error) {
	const most = 200
	return store.All(ctx, t.db, scanWaiting, selectWaiting+` WHERE signed_at = 0 AND (tutor_id = $1 OR $1 = '') ORDER BY waits_at, contact_id LIMIT $2`, tutorID, most)
}

// Of returns what is said of a contact: that it waits, or who signed it; ok is false for one that no trainee wrote up.
func (t *Trainees) Of(ctx context.Context, contactID string) (w Waiting, ok bool, err error) {
	w, err = store.One(ctx, t.db, scanWaiting, selectWaiting+` WHERE contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return w, false, nil
	}
	return w, err == nil, err
}

// Sign co-signs what a trainee wrote up. Her tutor does, or any supervisor; never she herself: fault.Forbidden "fault.trainee.own".
func (t *Trainees) Sign(ctx context.Context, contactID string, supervising bool, by audit.Actor) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		w, err := store.One(ctx, tx, scanWaiting, selectWaiting+` WHERE contact_id = $1`, contactID)
		switch {
		case errors.Is(err, store.ErrNoRow):
			return fault.New(fault.NotFound, "fault.trainee.none")
		case err != nil:
			return err
		case w.TraineeID == by.ID, w.TutorID != by.ID && !supervising:
			return fault.New(fault.Forbidden, "fault.trainee.own")
		case w.SignedAt > 0:
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE countersign SET signed_at = $2, signed_by = $3 WHERE contact_id = $1 AND signed_at = 0`, contactID, store.Millis(t.now()), by.ID); err != nil {
			return err
		}
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "contact.countersign", Object: "contact", ObjectID: contactID, Detail: map[string]string{"trainee": w.TraineeID}})
	})
}

const selectWaiting = `SELECT contact_id, trainee_id, tutor_id, waits_at, signed_at, signed_by FROM countersign`

func scanWaiting(r store.Row) (Waiting, error) {
	var w Waiting
	return w, r.Scan(&w.ContactID, &w.TraineeID, &w.TutorID, &w.WaitsAt, &w.SignedAt, &w.SignedBy)
}
