package phone_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// A sound that goes before its contact leaves neither a row nor a file; where the caller's own row cannot go with it nothing of the record
// changes, and it is run again. A contact that is erased leaves its calls for the figures, which lead to nobody.
func TestASoundGoesBeforeItsContact(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ctx, by := t.Context(), contact.SystemActor
		id, recording, call := store.NewID(), store.NewID(), store.NewID()
		sounds := map[string]string{}
		for _, table := range []string{"phone_voicemail", "phone_recording"} {
			s, err := w.blobs.Put(ctx, bytes.NewReader(make([]byte, 900)), 1000)
			w.ok(err)
			sounds[table] = s.ID
		}
		_, err := w.contacts.OpenWith(ctx, contact.Opening{ID: id, Channel: contact.ChannelMessage, Lang: "fr"}, func(tx *store.Tx, ct contact.Contact, _ *seal.Key) error {
			id = ct.ID
			for query, args := range map[string][]any{
				`INSERT INTO phone_voicemail (contact_id, blob_id, length_ms, saved_at, content_sealed) VALUES ($1, $2, 1, 1, $3)`:                                                                {id, sounds["phone_voicemail"], []byte{1}},
				`INSERT INTO phone_recording (id, contact_id, call_id, blob_id, length_ms, saved_at, content_sealed) VALUES ($1, $2, $3, $4, 1, 1, $5)`:                                           {recording, id, call, sounds["phone_recording"], []byte{1}},
				`INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, mark, began_at, ended_at, lease_until) VALUES ($1, $2, 'n', 't', 'in', 'ended', 'fr', $3, 1, 2, 2)`: {call, id, []byte{1}},
			} {
				if _, err := tx.Exec(ctx, query, args...); err != nil {
					return err
				}
			}
			return nil
		})
		w.ok(err)
		count := func(query string) int64 {
			n, err := store.One(ctx, w.db, scanCount, query)
			w.ok(err)
			return int64(n)
		}
		refused := errors.New("it is needed")
		for what, erase := range map[string]func(within func(context.Context, *store.Tx) error) error{
			"phone_recording": func(within func(context.Context, *store.Tx) error) error {
				return w.phone.EraseRecording(ctx, recording, by, within)
			},
			"phone_voicemail": func(within func(context.Context, *store.Tx) error) error {
				return w.phone.EraseVoicemail(ctx, id, by, within)
			},
		} {
			if err := erase(func(context.Context, *store.Tx) error { return refused }); !errors.Is(err, refused) || count(`SELECT count(*) FROM `+what) != 1 {
				t.Errorf("%s: %v", what, err)
			}
			for range 2 { // run again it is done
				w.ok(erase(func(context.Context, *store.Tx) error { return nil }))
			}
			if n := count(`SELECT count(*) FROM ` + what); n != 0 || w.blobs.Has(sounds[what]) {
				t.Errorf("%s: %d rows, and its file: %v", what, n, w.blobs.Has(sounds[what]))
			}
		}
		if n := count(`SELECT count(*) FROM audit WHERE act IN ('phone.recording_erase', 'phone.message_erase') AND purpose = 'rule'`); n != 2 {
			t.Errorf("%d rows in the log", n)
		}
		w.ok(w.contacts.Erase(ctx, id, audit.Actor{Kind: audit.Staff, ID: anne}, "request"))
		if n := count(`SELECT count(*) FROM phone_call WHERE contact_id = '' AND mark IS NULL`); n != 1 {
			t.Error("the call still leads to somebody, or is gone from the figures")
		}
	})
}

// What the rules look at are queries that both engines understand.
func TestWhatTheRulesLookAt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		for _, query := range []string{phone.KeptRecordings, phone.KeptVoicemails, phone.Unheard, phone.RecordingsOf(contact.StillOpen)} {
			if n, err := store.One(t.Context(), w.db, scanCount, `SELECT count(*) FROM (`+query+`) x`); err != nil || n != 0 {
				t.Errorf("%s: %d, %v", query, n, err)
			}
		}
	})
}
