package rota

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// KeyOfNote is the kind of the key of a note, OwnersOfNoteKeys its owners, for seal.Keeper.SweepOrphans.
const (
	KeyOfNote        = "handover_note"
	OwnersOfNoteKeys = `SELECT id FROM handover_note`
)

// NotesKept is how long a note is kept: what must last belongs into a file or a contact.
const NotesKept = 14 * 24 * time.Hour

// MaxNote bounds a note, in characters.
const MaxNote = 2000

// Note is what a shift tells the next one. Seen are those who said that they have read it.
type Note struct {
	ID        string
	WrittenAt int64
	WrittenBy string
	Text      string
	Seen      []Seen

	keyID  string
	sealed []byte
}

// Seen is somebody's word that she has read a note.
type Seen struct {
	StaffID string
	At      int64
}

// SeenBy says whether somebody has read it; who wrote it has.
func (n Note) SeenBy(staffID string) bool {
	for _, s := range n.Seen {
		if s.StaffID == staffID {
			return true
		}
	}
	return n.WrittenBy == staffID
}

// Write leaves a note to the next shift. Writing the same id again changes nothing.
//
// fault.Invalid "fault.handover.note" for none, or one that is too long.
func (r *Rota) Write(ctx context.Context, id, text string, by audit.Actor) error {
	text = typed.Text(text)
	if n := utf8.RuneCountInString(text); n == 0 || n > MaxNote || !store.IsID(id) {
		return fault.New(fault.Invalid, "fault.handover.note", "max", MaxNote)
	}
	key, err := r.o.Keys.NewKey(ctx, KeyOfNote, id)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO handover_note (id, key_id, written_at, written_by, text_sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
			id, key.ID(), store.Millis(r.now()), by.ID, key.SealText(noteField(id), text))
		if err != nil {
			return err
		}
		if n == 0 {
			return r.o.Keys.Drop(ctx, tx, key.ID())
		}
		return r.record(ctx, tx, by, "handover.write", "handover", id, nil)
	})
}

func noteField(id string) seal.Field {
	return seal.Field{Table: "handover_note", Column: "text_sealed", Row: id, Version: 1}
}

// Notes returns the last few notes written since a moment, the newest first, with who has read them.
func (r *Rota) Notes(ctx context.Context, since time.Time, most int) ([]Note, error) {
	notes, err := store.All(ctx, r.db, func(row store.Row) (n Note, err error) {
		return n, row.Scan(&n.ID, &n.keyID, &n.WrittenAt, &n.WrittenBy, &n.sealed)
	}, `SELECT id, key_id, written_at, written_by, text_sealed FROM handover_note WHERE written_at >= $1 ORDER BY written_at DESC, id DESC LIMIT $2`, store.Millis(since), most)
	if err != nil {
		return nil, err
	}
	for i := range notes {
		n := &notes[i]
		key, err := r.o.Keys.Key(ctx, n.keyID)
		if err != nil {
			return nil, err
		}
		if n.Text, err = key.OpenText(noteField(n.ID), n.sealed); err != nil {
			return nil, err
		}
		if n.Seen, err = store.All(ctx, r.db, func(row store.Row) (s Seen, err error) { return s, row.Scan(&s.StaffID, &s.At) }, `SELECT staff_id, seen_at FROM handover_seen WHERE note_id = $1 ORDER BY seen_at`, n.ID); err != nil {
			return nil, err
		}
	}
	return notes, nil
}

// Read is somebody's word that she has read the handover page, with these notes on it, as it stood at a moment.
func (r *Rota) Read(ctx context.Context, notes []string, stood time.Time, by audit.Actor) error {
	now := store.Millis(r.now())
	at := min(store.Millis(stood), now)
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		for _, id := range notes {
			if _, err := tx.Exec(ctx, `INSERT INTO handover_seen (note_id, staff_id, seen_at) SELECT id, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM handover_note WHERE id = $1 AND written_by <> $2 ON CONFLICT (note_id, staff_id) DO NOTHING`, id, by.ID, now); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO handover_read (staff_id, read_at, before) VALUES ($1, $2, 0) ON CONFLICT (staff_id) DO UPDATE SET before = handover_read.read_at, read_at = $2 WHERE handover_read.read_at < $2`, by.ID, at); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "handover.read", "handover", "", nil)
	})
}

// LastRead is when somebody last said that she had read the page; zero for never.
func (r *Rota) LastRead(ctx context.Context, staffID string) (time.Time, error) {
	at, err := store.One(ctx, r.db, scanInt, `SELECT read_at FROM handover_read WHERE staff_id = $1`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return time.Time{}, nil
	}
	return store.Time(at), err
}

// ForgetNotes erases notes that are older than NotesKept, and their keys.
func (r *Rota) ForgetNotes(ctx context.Context) error {
	old, err := store.All(ctx, r.db, func(row store.Row) (n Note, err error) { return n, row.Scan(&n.ID, &n.keyID) }, `SELECT id, key_id FROM handover_note WHERE written_at < $1 LIMIT 500`, store.Millis(r.now().Add(-NotesKept)))
	if err != nil {
		return err
	}
	for _, n := range old {
		if err := r.db.Tx(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM handover_note WHERE id = $1`, n.ID); err != nil {
				return err
			}
			return r.o.Keys.Drop(ctx, tx, n.keyID)
		}); err != nil {
			return err
		}
	}
	_, err = r.o.Keys.SweepOrphans(ctx, KeyOfNote, OwnersOfNoteKeys)
	return err
}
