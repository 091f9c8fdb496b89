package casefile

import (
	"context"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// maxText bounds a note or a task, in characters.
const maxText = 20_000

// Note is what somebody wrote into a file. A note is never changed: what turned out wrong is said in another one.
type Note struct {
	ID, FileID, AuthorID string
	WrittenAt            int64
	Text                 string
}

func noteField(id string) seal.Field {
	return seal.Field{Table: "case_note", Column: "text_sealed", Row: id, Version: 1}
}

// AddNote writes a note. id is made by the client: sent again, it changes nothing. It returns fault.Invalid
// "fault.case.empty" or "fault.case.long", fault.Conflict "fault.case.not_open" for a file that is closed.
func (f *Files) AddNote(ctx context.Context, fileID, id, text string, by audit.Actor) error {
	text, err := written(text, maxText)
	if err == nil {
		err = named(id)
	}
	if err != nil {
		return err
	}
	return f.Write(ctx, fileID, func(tx *store.Tx, _ File, key *seal.Key) error {
		return f.note(ctx, tx, fileID, id, text, key, by)
	})
}

func (f *Files) note(ctx context.Context, tx *store.Tx, fileID, id, text string, key *seal.Key, by audit.Actor) error {
	n, err := tx.Exec(ctx, `INSERT INTO case_note (id, file_id, key_id, author_id, written_at, text_sealed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`, id, fileID, key.ID(), by.ID, store.Millis(f.now()), key.SealText(noteField(id), text))
	if err != nil || n == 0 {
		return err
	}
	if err := f.event(ctx, tx, fileID, by, "note", id, ""); err != nil {
		return err
	}
	return f.record(ctx, tx, by, "case.note", fileID, map[string]string{"note": id})
}

// Notes returns the notes of a file, the oldest first.
func (f *Files) Notes(ctx context.Context, fileID string) ([]Note, error) {
	type row struct {
		Note
		keyID  string
		sealed []byte
	}
	rows, err := store.All(ctx, f.db, func(r store.Row) (n row, err error) {
		return n, r.Scan(&n.ID, &n.FileID, &n.AuthorID, &n.WrittenAt, &n.keyID, &n.sealed)
	}, `SELECT id, file_id, author_id, written_at, key_id, text_sealed FROM case_note WHERE file_id = $1 ORDER BY written_at, id`, fileID)
	if err != nil {
		return nil, err
	}
	ring, notes := f.ring(), make([]Note, 0, len(rows))
	for _, r := range rows {
		plain, err := ring.open(ctx, r.keyID, noteField(r.ID), r.sealed)
		if err != nil {
			return nil, err
		}
		r.Text = string(plain)
		notes = append(notes, r.Note)
	}
	return notes, nil
}

// written makes a typed text fit to be kept: some words, and not more than most characters of them.
func written(text string, most int) (string, error) {
	text, err := tidy(text, most)
	if err == nil && text == "" {
		err = fault.New(fault.Invalid, "fault.case.empty")
	}
	return text, err
}

// tidy is written where there may be nothing.
func tidy(text string, most int) (string, error) {
	text = typed.Text(text)
	if utf8.RuneCountInString(text) > most {
		return "", fault.New(fault.Invalid, "fault.case.long", "max", most)
	}
	return text, nil
}
