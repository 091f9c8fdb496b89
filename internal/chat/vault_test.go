package chat_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/chat"
	pictures "vigie/internal/picture"
	"vigie/internal/picture/picturetest"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func sumOf(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

const declared = "2026-03-03T21:04:05+01:00"

// What a vault says of a file is kept beside it as she said it, and whether what arrived is the same.
func TestAFileFromAVaultKeepsWhatTheVaultSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		file := picturetest.PNG(t, picturetest.Chessboard(40, 40))
		for _, same := range []bool{true, false} {
			r := sending(ct, w.asks(ct), file)
			r.Vault = &chat.FromVault{SHA256: sumOf(file), At: declared}
			if !same {
				r.Vault.SHA256 = strings.Repeat("0", 64)
			}
			p, err := w.Receive(w.ctx, r)
			w.must(err)
			want := chat.FromVault{SHA256: r.Vault.SHA256, At: declared, Same: same}
			if p.Vault == nil || *p.Vault != want {
				t.Errorf("answered %+v, want %+v", p.Vault, want)
			}
			if kept := w.proof(p.ID, ct.ID); kept.Vault == nil || *kept.Vault != want || kept.SHA256 != sumOf(file) {
				t.Errorf("kept %+v", kept)
			}
			// Sent again because nobody told her: the same answer.
			again := sending(ct, p, file)
			again.Vault = r.Vault
			if p, err = w.Receive(w.ctx, again); err != nil || p.Vault == nil || *p.Vault != want {
				t.Errorf("again: %+v, %v", p.Vault, err)
			}
		}
		p := w.received(ct, file)
		if kept := w.proof(p.ID, ct.ID); kept.Vault != nil {
			t.Errorf("no vault, and yet %+v", kept.Vault)
		}
		// What cannot be is refused before anything is kept.
		for _, said := range []chat.FromVault{{SHA256: "abc", At: declared}, {SHA256: strings.ToUpper(sumOf(file)), At: declared}, {SHA256: sumOf(file), At: "yesterday"}, {SHA256: sumOf(file)}} {
			r := sending(ct, w.asks(ct), file)
			r.Vault = &said
			_, err := w.Receive(w.ctx, r)
			w.refused(err, "fault.chat.vault_said")
			w.must(w.Withdraw(w.ctx, r.ProofID, claire.ID, false))
		}
	})
}

// Until somebody has opened it she may have a file back; then its bytes and its key are gone, and that there was one stays.
func TestWhatNobodyOpenedIsTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, other := w.talking(claire), w.talking(claire)
		file := picturetest.PNG(t, picturetest.Chessboard(40, 40))
		p := w.received(ct, file)
		_, err := w.TakeBack(w.ctx, p.ID, other.ID, other.PersonID)
		w.refused(err, "fault.chat.proof_unknown")
		_, err = w.TakeBack(w.ctx, p.ID, ct.ID, other.PersonID)
		w.refused(err, "fault.chat.proof_unknown")

		w.clock.forward(time.Minute)
		back, err := w.TakeBack(w.ctx, p.ID, ct.ID, ct.PersonID)
		w.must(err)
		w.clock.forward(time.Minute)
		again, err := w.TakeBack(w.ctx, p.ID, ct.ID, ct.PersonID)
		if err != nil || again.TakenBackAt != back.TakenBackAt || back.TakenBackAt == 0 {
			t.Errorf("taken back at %d, then at %d, %v", back.TakenBackAt, again.TakenBackAt, err)
		}
		if files := w.files(); len(files) != 0 {
			t.Errorf("still on the disk: %v", files)
		}
		if kept := w.proof(p.ID, ct.ID); kept.State != chat.ProofDestroyed || kept.Vault != nil || kept.SHA256 != "" || kept.TakenBackAt != back.TakenBackAt {
			t.Errorf("kept %+v", kept)
		}
		_, err = w.Preview(w.ctx, p.ID, claire.ID, pictures.Covered, false)
		w.refused(err, "fault.chat.proof_taken_back")
		if acts := w.acts(ct.ID); !slices.Contains(acts, "chat.proof_take_back") {
			t.Errorf("the audit says %v", acts)
		}
		if named, err := chat.NamedBlobs(w.ctx, db); err != nil || len(named) != 0 {
			t.Errorf("the record still names %v, %v", named, err)
		}
	})
}

// Once it was opened, covered even, or marked, it is not hers to take back any more.
func TestWhatWasOpenedIsNotTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		file := picturetest.PNG(t, picturetest.Chessboard(40, 40))
		for how, open := range map[string]func(p chat.Proof) error{
			"looked at": func(p chat.Proof) error {
				_, err := w.Preview(w.ctx, p.ID, claire.ID, pictures.Covered, false)
				return err
			},
			"fetched": func(p chat.Proof) error {
				_, body, err := w.Original(w.ctx, p.ID, claire.ID, "proof", false)
				if err == nil {
					err = body.Close()
				}
				return err
			},
			"marked": func(p chat.Proof) error {
				_, err := w.MarkIllegal(w.ctx, p.ID, claire.ID, false)
				return err
			},
		} {
			p := w.received(ct, file)
			w.must(open(p))
			if _, err := w.TakeBack(w.ctx, p.ID, ct.ID, ct.PersonID); err == nil {
				t.Errorf("%s, and taken back", how)
			} else {
				w.refused(err, "fault.chat.back_late")
			}
			if kept := w.proof(p.ID, ct.ID); how != "marked" && kept.State != chat.ProofReceived {
				t.Errorf("%s, and then %s", how, kept.State)
			}
		}
	})
}

// A disk that fails when a file is taken back leaves nothing that opens, and the sweep ends it.
func TestATakenBackFileIsSweptWhereItStayed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		p := w.received(ct, picturetest.PNG(t, picturetest.Chessboard(40, 40)))
		blob := blobOf(w, p.ID)
		_, err := w.TakeBack(w.ctx, p.ID, ct.ID, ct.PersonID)
		w.must(err)
		// As if the process had died between the row and the bytes.
		_, err = db.Exec(w.ctx, `UPDATE attachment SET blob_id = $1 WHERE id = $2`, blob, p.ID)
		w.must(err)
		w.must(w.SweepAttachments(w.ctx))
		if named, err := chat.NamedBlobs(w.ctx, db); err != nil || len(named) != 0 {
			t.Errorf("the record still names %v, %v", named, err)
		}
	})
}

func blobOf(w *world, proof string) string {
	w.t.Helper()
	id, err := store.One(w.ctx, w.db, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) }, `SELECT blob_id FROM attachment WHERE id = $1`, proof)
	w.must(err)
	return id
}
