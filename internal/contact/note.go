package contact

import (
	"context"
	"errors"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// maxNote bounds a note, in characters.
const maxNote = 20_000

// Note is what a counsellor writes for herself and for whoever takes the contact after her.
type Note struct {
	ID, ContactID, AuthorID string
	// Rev is 1 for a new note; a writer gives the one she saw, so that two tabs do not overwrite each other.
	Rev                int64
	WrittenAt, SavedAt int64
	Text               string
}

func noteField(id string) seal.Field {
	return seal.Field{Table: "contact_note", Column: "text_sealed", Row: id, Version: 1}
}

// SaveNote writes a note as it is typed. n.ID is made by the client; n.Rev is the one it saw last, 0
// for a new note. Saving the same text again changes nothing. It returns fault.Invalid
// "fault.contact.note_long", fault.Conflict "fault.contact.note_changed" when another tab wrote
// meanwhile, fault.Forbidden "fault.contact.not_yours" for somebody else's note, fault.Gone
// "fault.contact.closed" once the contact is closed.
func (c *Contacts) SaveNote(ctx context.Context, n Note) (Note, error) {
	if !isID(n.ID) {
		return Note{}, fault.New(fault.Invalid, "fault.contact.opening")
	}
	n.Text = typed.Text(n.Text)
	if utf8.RuneCountInString(n.Text) > maxNote {
		return Note{}, fault.New(fault.Invalid, "fault.contact.note_long", "max", maxNote)
	}
	key, err := c.Key(ctx, n.ContactID)
	if err != nil {
		return Note{}, err
	}
	var saved Note
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := get(ctx, tx, n.ContactID)
		if err != nil {
			return err
		}
		if ct.State == Closed {
			return fault.New(fault.Gone, "fault.contact.closed")
		}
		now := store.Millis(c.now())
		sealed := key.Seal(noteField(n.ID), []byte(n.Text))
		have, err := store.One(ctx, tx, scanNote(key), selectNote+` WHERE id = $1 AND contact_id = $2`, n.ID, n.ContactID)
		switch {
		case errors.Is(err, store.ErrNoRow):
			saved = Note{ID: n.ID, ContactID: n.ContactID, AuthorID: n.AuthorID, Rev: 1, WrittenAt: now, SavedAt: now, Text: n.Text}
			inserted, err := tx.Exec(ctx, `INSERT INTO contact_note (id, contact_id, author_id, rev, written_at, saved_at, text_sealed)
				VALUES ($1, $2, $3, 1, $4, $4, $5) ON CONFLICT (id) DO NOTHING`, n.ID, n.ContactID, n.AuthorID, now, sealed)
			if err != nil {
				return err
			}
			if inserted == 0 { // another tab was faster, or the id is that of another contact's note
				return fault.New(fault.Conflict, "fault.contact.note_changed")
			}
			tx.AfterCommit(func() { c.bus.Publish("contact."+n.ContactID+".form", []byte("{}")) })
			return c.record(ctx, tx, staffActor(n.AuthorID), "contact.note", n.ContactID, map[string]string{"note": n.ID})
		case err != nil:
			return err
		}
		if have.AuthorID != n.AuthorID {
			return fault.New(fault.Forbidden, "fault.contact.not_yours")
		}
		if have.Text == n.Text {
			saved = have
			return nil
		}
		changed, err := tx.Exec(ctx, `UPDATE contact_note SET text_sealed = $3, rev = rev + 1, saved_at = $4 WHERE id = $1 AND rev = $2`,
			n.ID, n.Rev, sealed, now)
		if err != nil {
			return err
		}
		if changed == 0 {
			return fault.New(fault.Conflict, "fault.contact.note_changed")
		}
		saved = have
		saved.Text, saved.Rev, saved.SavedAt = n.Text, n.Rev+1, now
		tx.AfterCommit(func() { c.bus.Publish("contact."+n.ContactID+".form", []byte("{}")) })
		return nil
	})
	return saved, err
}

// Notes returns the notes of a contact, the oldest first.
func (c *Contacts) Notes(ctx context.Context, contactID string) ([]Note, error) {
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	return store.All(ctx, c.db, scanNote(key), selectNote+` WHERE contact_id = $1 ORDER BY written_at, id`, contactID)
}

const selectNote = `SELECT id, contact_id, author_id, rev, written_at, saved_at, text_sealed FROM contact_note`

func scanNote(key *seal.Key) func(store.Row) (Note, error) {
	return func(r store.Row) (Note, error) {
		var n Note
		var sealed []byte
		if err := r.Scan(&n.ID, &n.ContactID, &n.AuthorID, &n.Rev, &n.WrittenAt, &n.SavedAt, &sealed); err != nil {
			return n, err
		}
		plain, err := key.Open(noteField(n.ID), sealed)
		n.Text = string(plain)
		return n, err
	}
}

func staffActor(id string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: id} }

// clean makes a typed text fit to be kept; lines says that line breaks may stay.
func clean(s string, lines bool) string {
	if lines {
		return typed.Text(s)
	}
	return typed.Line(s)
}
