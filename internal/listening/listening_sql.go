package listening

import (
	"context"
	"errors"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

const (
	selectListening = `SELECT id, contact_id, channel, staff_id, counsellor_id, beside_id, purpose, mode, began_at, until_at, ended_at, ended_why FROM listening`

	// $9 is when it began, and when its page was last seen.
	insertListening = `INSERT INTO listening (id, contact_id, channel, staff_id, counsellor_id, purpose, mode, beside_id, began_at, seen_at, until_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)`
)

func scan(r store.Row) (l Listening, err error) {
	return l, r.Scan(&l.ID, &l.ContactID, &l.Channel, &l.StaffID, &l.CounsellorID, &l.BesideID, &l.Purpose, &l.Mode, &l.BeganAt, &l.Until, &l.EndedAt, &l.Why)
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

// lock reads one and keeps others from changing it meanwhile.
func lock(ctx context.Context, tx *store.Tx, id string) (Listening, error) {
	if _, err := tx.Exec(ctx, `UPDATE listening SET mode = mode WHERE id = $1`, id); err != nil {
		return Listening{}, err
	}
	l, err := store.One(ctx, tx, scan, selectListening+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return l, fault.New(fault.NotFound, "fault.listening.unknown")
	}
	return l, err
}

// Of returns the open listening of somebody to a contact; ok is false where there is none.
func (r *Room) Of(ctx context.Context, staffID, contactID string) (l Listening, ok bool, err error) {
	all, err := store.All(ctx, r.db, scan, selectListening+` WHERE contact_id = $1 AND staff_id = $2 AND ended_at = 0`, contactID, staffID)
	if err != nil || len(all) == 0 {
		return Listening{}, false, err
	}
	return all[0], true, nil
}

// By returns what somebody listens to now, the newest first.
func (r *Room) By(ctx context.Context, staffID string) ([]Listening, error) {
	return store.All(ctx, r.db, scan, selectListening+` WHERE staff_id = $1 AND ended_at = 0 ORDER BY began_at DESC, id DESC`, staffID)
}

// At returns who listens to a contact now; those who were only invited are among them.
func (r *Room) At(ctx context.Context, contactID string) ([]Listening, error) {
	return store.All(ctx, r.db, scan, selectListening+` WHERE contact_id = $1 AND ended_at = 0 ORDER BY began_at, id`, contactID)
}

// Running returns every listening that runs, by contact.
func (r *Room) Running(ctx context.Context) (map[string][]Listening, error) {
	all, err := store.All(ctx, r.db, scan, selectListening+` WHERE ended_at = 0 ORDER BY began_at, id`)
	if err != nil {
		return nil, err
	}
	by := map[string][]Listening{}
	for _, l := range all {
		by[l.ContactID] = append(by[l.ContactID], l)
	}
	return by, nil
}

// Last returns the newest listening of somebody to a contact, whether it runs or is over.
func (r *Room) Last(ctx context.Context, staffID, contactID string) (l Listening, ok bool, err error) {
	all, err := store.All(ctx, r.db, scan, selectListening+` WHERE contact_id = $1 AND staff_id = $2 ORDER BY began_at DESC, id DESC LIMIT 1`, contactID, staffID)
	if err != nil || len(all) == 0 {
		return l, false, err
	}
	return all[0], true, nil
}

// History returns every listening to a contact, the oldest first, for those entitled to read it.
func (r *Room) History(ctx context.Context, contactID string) ([]Listening, error) {
	return store.All(ctx, r.db, scan, selectListening+` WHERE contact_id = $1 ORDER BY began_at, id`, contactID)
}

func whisperField(id string) seal.Field {
	return seal.Field{Table: "whisper", Column: "text_sealed", Row: id, Version: 1}
}
