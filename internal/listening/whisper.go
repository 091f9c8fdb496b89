package listening

import (
	"context"
	"unicode/utf8"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// maxWhisper bounds a whispered note, in characters: it is read while a child writes.
const maxWhisper = 600

// Note is a whispered note: who listens wrote it, the counsellor reads it beside her conversation, and the person never does.
type Note struct {
	ID, ContactID, AuthorID, ToID string
	// At is Unix milliseconds.
	At   int64
	Text string
}

// Whisper leaves a note for the counsellor. id is made by the client: sent twice, it is kept once. It returns fault.Invalid
// "fault.listening.whisper_empty" or "fault.listening.whisper_long", fault.Gone "fault.listening.over", and fault.Forbidden
// "fault.listening.beside" for a colleague who listens beside somebody.
func (r *Room) Whisper(ctx context.Context, staffID, listeningID, id, text string) (Note, error) {
	if known, err := uuid.Parse(id); err != nil || known.String() != id {
		return Note{}, fault.New(fault.Invalid, "fault.chat.id")
	}
	text = typed.Text(text)
	if text == "" {
		return Note{}, fault.New(fault.Invalid, "fault.listening.whisper_empty")
	}
	if utf8.RuneCountInString(text) > maxWhisper {
		return Note{}, fault.New(fault.Invalid, "fault.listening.whisper_long", "max", maxWhisper)
	}
	var note Note
	_, err := r.change(ctx, staffID, listeningID, func(ctx context.Context, tx *store.Tx, l Listening) (Listening, error) {
		if l.BesideID != "" {
			return l, fault.New(fault.Forbidden, "fault.listening.beside")
		}
		key, err := r.contacts.Key(ctx, l.ContactID)
		if err != nil {
			return l, err
		}
		note = Note{ID: id, ContactID: l.ContactID, AuthorID: staffID, ToID: l.CounsellorID, At: store.Millis(r.now()), Text: text}
		n, err := tx.Exec(ctx, `INSERT INTO whisper (id, contact_id, author_id, to_id, said_at, text_sealed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`,
			note.ID, note.ContactID, note.AuthorID, note.ToID, note.At, key.SealText(whisperField(note.ID), text))
		if err != nil || n == 0 {
			return l, err
		}
		return l, r.audit.Record(ctx, tx, audit.Entry{Actor: staffActor(staffID), Act: "listening.whisper", Object: "contact", ObjectID: l.ContactID, Purpose: string(l.Purpose),
			Detail: map[string]string{"listening": l.ID, "whisper": note.ID, "counsellor": l.CounsellorID}})
	})
	return note, err
}

// Whispers returns the notes that were whispered beside a contact, the oldest first.
func (r *Room) Whispers(ctx context.Context, contactID string) ([]Note, error) {
	n, err := store.One(ctx, r.db, scanInt, `SELECT count(*) FROM whisper WHERE contact_id = $1`, contactID)
	if err != nil || n == 0 {
		return nil, err
	}
	key, err := r.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	return store.All(ctx, r.db, scanNote(key), `SELECT id, contact_id, author_id, to_id, said_at, text_sealed FROM whisper WHERE contact_id = $1 ORDER BY said_at, id`, contactID)
}

func scanNote(key *seal.Key) func(store.Row) (Note, error) {
	return func(r store.Row) (n Note, err error) {
		var sealed []byte
		if err := r.Scan(&n.ID, &n.ContactID, &n.AuthorID, &n.ToID, &n.At, &sealed); err != nil {
			return n, err
		}
		n.Text, err = key.OpenText(whisperField(n.ID), sealed)
		return n, err
	}
}
