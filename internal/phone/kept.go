package phone

import (
	"context"
	"errors"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// What the rules of keeping look at: recordings by their own ids, voice messages by those of their contacts.
const (
	KeptRecordings = `SELECT id, saved_at AS since, '' AS name FROM phone_recording`
	KeptVoicemails = `SELECT contact_id AS id, saved_at AS since, '' AS name FROM phone_voicemail`
	// Unheard are the voice messages that nobody has listened to yet.
	Unheard = `SELECT contact_id FROM phone_voicemail WHERE heard_at = 0`
)

// RecordingsOf are the recordings of the contacts that a query finds.
func RecordingsOf(contacts string) string {
	return `SELECT id FROM phone_recording WHERE contact_id IN (` + contacts + `)`
}

// EraseRecording removes a recording before its contact, with a row of the caller's in the same transaction. Run again it
// removes what is left.
func (p *Phone) EraseRecording(ctx context.Context, id string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	return p.eraseSound(ctx, "phone_recording", "id", id, "phone.recording_erase", by, within)
}

// EraseVoicemail removes the voice message of a contact in the same way.
func (p *Phone) EraseVoicemail(ctx context.Context, contactID string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	return p.eraseSound(ctx, "phone_voicemail", "contact_id", contactID, "phone.message_erase", by, within)
}

func (p *Phone) eraseSound(ctx context.Context, table, column, id, act string, by audit.Actor, within func(context.Context, *store.Tx) error) error {
	type row struct{ blob, contact string }
	s, err := store.One(ctx, p.db, func(r store.Row) (s row, err error) { return s, r.Scan(&s.blob, &s.contact) },
		`SELECT blob_id, contact_id FROM `+table+` WHERE `+column+` = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.blobs.Remove(ctx, s.blob); err != nil {
		return err
	}
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		if err := within(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE `+column+` = $1`, id); err != nil {
			return err
		}
		tx.AfterCommit(func() { p.changed(s.contact) })
		return p.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "contact", ObjectID: s.contact, Purpose: "rule"})
	})
}

// eraseCalls takes a contact that is erased out of the calls it came by: they stay for the figures, and lead to nobody.
func eraseCalls(ctx context.Context, tx *store.Tx, contactID string) error {
	_, err := tx.Exec(ctx, `UPDATE phone_call SET contact_id = '', mark = NULL WHERE contact_id = $1`, contactID)
	return err
}
