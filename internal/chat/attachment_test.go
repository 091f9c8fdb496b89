package chat_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	pictures "vigie/internal/picture"
	"vigie/internal/picture/picturetest"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// TestMain lets this test program become the process that opens pictures.
func TestMain(m *testing.M) { picturetest.Main(m) }

func (w *world) asks(ct contact.Contact) chat.Proof {
	w.t.Helper()
	p, err := w.Ask(w.ctx, chat.Asking{ID: store.NewID(), ContactID: ct.ID, StaffID: w.get(ct.ID).CounsellorID, Label: "account_page", Text: "La page du compte"})
	w.must(err)
	return p
}

func sending(ct contact.Contact, p chat.Proof, file []byte) chat.Receiving {
	return chat.Receiving{ProofID: p.ID, ContactID: ct.ID, PersonID: ct.PersonID, Name: "Capture d'écran.png", Body: bytes.NewReader(file)}
}

// received is a proof that came.
func (w *world) received(ct contact.Contact, file []byte) chat.Proof {
	w.t.Helper()
	p, err := w.Receive(w.ctx, sending(ct, w.asks(ct), file))
	w.must(err)
	return p
}

// files are the sealed files on the disk.
func (w *world) files() []string {
	w.t.Helper()
	var all []string
	w.must(filepath.WalkDir(w.blobDir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, path)
		}
		return err
	}))
	return all
}

func (w *world) proof(id, contactID string) chat.Proof {
	w.t.Helper()
	all, err := w.Proofs(w.ctx, contactID)
	w.must(err)
	for _, p := range all {
		if p.ID == id {
			return p
		}
	}
	w.t.Fatal("no such proof")
	return chat.Proof{}
}

func TestTheWayForAFileIsClosedUntilItIsAskedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, another := w.talking(claire), w.talking(karim)
		picture := picturetest.PNG(t, picturetest.Chessboard(80, 80))

		_, err := w.Receive(w.ctx, sending(ct, chat.Proof{ID: store.NewID()}, picture))
		w.refused(err, "fault.chat.proof_unknown")

		p := w.asks(ct)
		_, err = w.Ask(w.ctx, chat.Asking{ID: store.NewID(), ContactID: ct.ID, StaffID: claire.ID, Label: "other"})
		w.refused(err, "fault.chat.proof_open") // one proof at a time
		_, err = w.Ask(w.ctx, chat.Asking{ID: store.NewID(), ContactID: ct.ID, StaffID: karim.ID, Label: "other"})
		w.refused(err, "fault.chat.not_yours")
		_, err = w.Ask(w.ctx, chat.Asking{ID: store.NewID(), ContactID: ct.ID, StaffID: claire.ID, Label: "la photo de Léa"})
		w.refused(err, "fault.chat.label")
		again, err := w.Ask(w.ctx, chat.Asking{ID: p.ID, ContactID: ct.ID, StaffID: claire.ID, Label: "account_page", Text: "La page du compte"})
		w.must(err) // a resend
		if again.ID != p.ID {
			t.Errorf("%+v", again)
		}

		stranger := sending(ct, p, picture)
		stranger.PersonID = another.PersonID
		_, err = w.Receive(w.ctx, stranger)
		w.refused(err, "fault.chat.proof_unknown")
		elsewhere := sending(another, p, picture)
		_, err = w.Receive(w.ctx, elsewhere)
		w.refused(err, "fault.chat.proof_unknown")

		got, err := w.Receive(w.ctx, sending(ct, p, picture))
		w.must(err)
		if got.State != chat.ProofReceived || got.Media != "image/png" || got.Size != int64(len(picture)) {
			t.Errorf("%+v", got)
		}
		// The answer was lost and she sends it again: it is there, and no more than once. Another file is not it.
		again, err = w.Receive(w.ctx, sending(ct, p, picture))
		w.must(err)
		if again.ID != p.ID || again.State != chat.ProofReceived || len(w.files()) != 1 {
			t.Errorf("%+v, %d files", again, len(w.files()))
		}
		for _, other := range [][]byte{append(bytes.Clone(picture), 0), picture[:len(picture)-1], picturetest.PNG(t, picturetest.Chessboard(8, 8))} {
			_, err = w.Receive(w.ctx, sending(ct, p, other))
			w.refused(err, "fault.chat.proof_closed") // one file for one question
		}
		stranger.Body = bytes.NewReader(picture)
		_, err = w.Receive(w.ctx, stranger)
		w.refused(err, "fault.chat.proof_unknown")

		all := w.words(ct.ID)
		if len(all) != 2 || all[0].Kind != chat.Ask || all[1].Kind != chat.Attachment || all[1].From != chat.Visitor {
			t.Errorf("in the conversation: %+v", all)
		}
		seen := w.proof(p.ID, ct.ID)
		if seen.Name != "Capture d'écran.png" || len(seen.SHA256) != 64 || seen.Text != "La page du compte" {
			t.Errorf("%+v", seen)
		}
		for _, act := range []string{"chat.proof_ask", "chat.proof_receive"} {
			if !w.did(ct.ID, act) {
				t.Errorf("the audit does not know of %s", act)
			}
		}
	})
}

// A crash between the last byte of a file and its row leaves nothing for ever.
func TestFilesWithoutARowGo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		held, _ := w.node(w.bus, chat.Options{HoldIllegal: true})
		kept, marked := w.talking(claire), w.talking(claire)
		w.received(kept, picturetest.PNG(t, picturetest.Chessboard(80, 80)))
		_, err := held.MarkIllegal(w.ctx, w.received(marked, picturetest.PNG(t, picturetest.Chessboard(40, 40))).ID, claire.ID, false)
		w.must(err)
		named := w.files()
		nobodys, err := w.blobs.Put(w.ctx, strings.NewReader("nobody's"), 100)
		w.must(err)
		w.must(os.WriteFile(filepath.Join(w.blobDir, "new", "half"), []byte("cut sh"), 0o600))
		w.must(w.SweepBlobs(w.ctx)) // too young: its row may be on its way
		if n := len(w.files()); n != len(named)+2 {
			t.Fatalf("%d files", n)
		}
		for _, file := range w.files() {
			w.must(os.Chtimes(file, time.Time{}, time.Now().Add(-2*chat.OrphanAge)))
		}
		w.must(w.SweepBlobs(w.ctx))
		left := w.files()
		aside := slices.IndexFunc(left, func(file string) bool { return filepath.Dir(file) == filepath.Join(w.blobDir, blob.Lost) })
		if aside < 0 || filepath.Base(left[aside]) != nobodys.ID {
			t.Fatalf("what no row names is not set aside: %v", left)
		}
		if others := slices.Delete(slices.Clone(left), aside, aside+1); !slices.Equal(others, named) {
			t.Errorf("left %v, want %v", others, named)
		}
		w.must(os.Chtimes(left[aside], time.Time{}, time.Now().Add(-40*24*time.Hour)))
		w.must(w.SweepBlobs(w.ctx))
		if left := w.files(); !slices.Equal(left, named) {
			t.Errorf("a month later %v is left, want %v", left, named)
		}
	})
}

func TestTheWayClosesAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		picture := picturetest.PNG(t, picturetest.Chessboard(80, 80))
		ct := w.talking(claire)

		late := w.asks(ct)
		w.clock.forward(chat.ProofOpen)
		_, err := w.Receive(w.ctx, sending(ct, late, picture))
		w.refused(err, "fault.chat.proof_closed")
		if got := w.proof(late.ID, ct.ID); got.State != chat.ProofExpired {
			t.Errorf("late: %s", got.State)
		}

		back := w.asks(ct) // the expired one is no obstacle
		w.refused(w.Withdraw(w.ctx, back.ID, karim.ID, false), "fault.chat.proof_unknown")
		w.must(w.Withdraw(w.ctx, back.ID, claire.ID, false))
		_, err = w.Receive(w.ctx, sending(ct, back, picture))
		w.refused(err, "fault.chat.proof_closed")

		open := w.asks(ct)
		w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
		_, err = w.Receive(w.ctx, sending(ct, open, picture))
		w.refused(err, "fault.chat.over")
		if n := len(w.files()); n != 0 {
			t.Errorf("%d files on the disk", n)
		}
		w.clock.forward(chat.ProofOpen)
		w.must(w.SweepAttachments(w.ctx))
		if n := w.count(`SELECT count(*) FROM attachment WHERE state = 'asked'`); n != 0 {
			t.Errorf("%d questions are still open in the record", n)
		}
	})
}

// broken is a connection that breaks off after some bytes.
type broken struct {
	from io.Reader
	err  error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

func TestAnUploadThatFailsLeavesNothingAndTheWayStaysOpen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		p := w.asks(ct)
		picture := picturetest.PNG(t, picturetest.Chessboard(600, 600))
		cancelled, cancel := context.WithCancel(w.ctx)
		cancel()
		for name, c := range map[string]struct {
			ctx  context.Context
			body io.Reader
			kind fault.Kind
		}{
			"nothing":                {w.ctx, strings.NewReader(""), fault.Invalid},
			"a page":                 {w.ctx, strings.NewReader("<html><script>alert(1)</script>"), fault.Unsupported},
			"a program called a png": {w.ctx, strings.NewReader("MZ\x90\x00"), fault.Unsupported},
			"cut at once":            {w.ctx, broken{strings.NewReader(""), errors.New("read tcp 203.0.113.7: reset")}, fault.Invalid},
			"cut in the middle":      {w.ctx, broken{bytes.NewReader(picture[:len(picture)/2]), io.ErrUnexpectedEOF}, fault.Invalid},
			"too large":              {w.ctx, io.MultiReader(bytes.NewReader(picture), &zeros{left: chat.MaxFile}), fault.TooLarge},
			"the page was closed":    {cancelled, bytes.NewReader(picture), ""},
		} {
			r := sending(ct, p, nil)
			r.Body = c.body
			_, err := w.Receive(c.ctx, r)
			if err == nil || c.kind != "" && fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
			if n := len(w.files()); n != 0 {
				t.Fatalf("%s: %d files are left", name, n)
			}
			if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'attachment'`); n != 0 {
				t.Errorf("%s: %d keys are left", name, n)
			}
			if n := w.count(`SELECT count(*) FROM attachment WHERE state <> 'asked' OR claim_until > 0`); n != 0 {
				t.Fatalf("%s: the way is not open any more", name)
			}
		}
		if strings.Contains(w.logs.String(), "203.0.113.7") {
			t.Error("an address is in the log")
		}
		if _, err := w.Receive(w.ctx, sending(ct, p, picture)); err != nil {
			t.Errorf("and then the whole file: %v", err)
		}
	})
}

type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	clear(p[:n])
	z.left -= n
	return n, nil
}

func TestOfTwoUploadsAtOnceOneIsTaken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		p := w.asks(ct)
		var wait sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for i := range 6 {
			wait.Go(func() {
				_, err := w.Receive(w.ctx, sending(ct, p, picturetest.PNG(t, picturetest.Chessboard(80+i, 80)))) // each another file
				mu.Lock()
				defer mu.Unlock()
				switch f := fault.As(err); {
				case err == nil:
					taken++
				case f == nil || f.Key != "fault.chat.proof_coming" && f.Key != "fault.chat.proof_closed":
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if taken != 1 || len(w.files()) != 1 {
			t.Errorf("%d were taken, %d files on the disk", taken, len(w.files()))
		}
	})
}

// A node dies in the middle of an upload: after its time the child may try again.
func TestAnUploadWhoseNodeDiedIsForgottenInTime(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	p := w.asks(ct)
	w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(w.ctx, `UPDATE attachment SET claim = 'dead', claim_until = $1`, store.Millis(w.clock.now().Add(10*time.Minute)))
		return err
	}))
	_, err := w.Receive(w.ctx, sending(ct, p, picturetest.PNG(t, picturetest.Chessboard(80, 80))))
	w.refused(err, "fault.chat.proof_coming")
	w.clock.forward(10 * time.Minute)
	_, err = w.Receive(w.ctx, sending(ct, p, picturetest.PNG(t, picturetest.Chessboard(80, 80))))
	w.must(err)
}

func TestAPictureIsSeenCoveredFirstAndEachLookIsRecorded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		p := w.received(ct, picturetest.PNG(t, picturetest.Chessboard(1600, 800)))
		_, err := w.Preview(w.ctx, p.ID, claire.ID, pictures.Uncovered, false)
		w.refused(err, "fault.chat.cover_first")
		covered, err := w.Preview(w.ctx, p.ID, claire.ID, pictures.Covered, false)
		w.must(err)
		clear, err := w.Preview(w.ctx, p.ID, claire.ID, pictures.Uncovered, false)
		w.must(err)
		for name, drawn := range map[string][]byte{"covered": covered, "uncovered": clear} {
			if _, format, err := image.Decode(bytes.NewReader(drawn)); err != nil || format != "jpeg" {
				t.Errorf("%s: %s, %v", name, format, err)
			}
		}
		_, err = w.Preview(w.ctx, p.ID, karim.ID, pictures.Covered, false)
		w.refused(err, "fault.chat.proof_unknown")
		_, err = w.Preview(w.ctx, p.ID, nadia.ID, pictures.Covered, true)
		w.must(err)
		looks := 0
		for _, act := range w.acts(ct.ID) {
			if act == "chat.proof_preview" {
				looks++
			}
		}
		if looks != 3 {
			t.Errorf("%d looks in the audit", looks)
		}
	})
}

func TestWhatIsNoPictureHasNoPreview(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	file := []byte("\xff\xd8\xffune capture")
	p := w.received(ct, file)
	_, err := w.Preview(w.ctx, p.ID, claire.ID, pictures.Covered, false)
	w.refused(err, "fault.picture.not_drawn")
	// It can be taken out as it came, on purpose.
	_, _, err = w.Original(w.ctx, p.ID, claire.ID, "", false)
	w.refused(err, "fault.contact.purpose")
	got, body, err := w.Original(w.ctx, p.ID, claire.ID, "proof", false)
	w.must(err)
	defer body.Close()
	back, err := io.ReadAll(body)
	w.must(err)
	if !bytes.Equal(back, file) || got.Media != "image/jpeg" || !w.did(ct.ID, "chat.proof_open") {
		t.Errorf("%q, %+v", back, got)
	}
}

func TestWhatMayBeIllegalIsOpenedByNobodyAndDestroyed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		p := w.received(ct, picturetest.PNG(t, picturetest.Chessboard(80, 80)))
		_, err := w.MarkIllegal(w.ctx, p.ID, karim.ID, false)
		w.refused(err, "fault.chat.proof_unknown")
		marked, err := w.MarkIllegal(w.ctx, p.ID, claire.ID, false)
		w.must(err)
		if marked.State != chat.ProofDestroyed || marked.MarkedBy != claire.ID {
			t.Errorf("%+v", marked)
		}
		_, err = w.MarkIllegal(w.ctx, p.ID, claire.ID, false) // a key that is pressed twice
		w.must(err)
		if n := len(w.files()); n != 0 {
			t.Errorf("%d files are left", n)
		}
		if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'attachment'`); n != 0 {
			t.Errorf("%d keys are left", n)
		}
		for name, look := range map[string]func() error{
			"covered":       func() error { _, err := w.Preview(w.ctx, p.ID, claire.ID, pictures.Covered, false); return err },
			"by supervisor": func() error { _, err := w.Preview(w.ctx, p.ID, nadia.ID, pictures.Uncovered, true); return err },
			"original":      func() error { _, _, err := w.Original(w.ctx, p.ID, nadia.ID, "proof", true); return err },
		} {
			if f := fault.As(look()); f == nil || f.Key != "fault.chat.proof_marked" {
				t.Errorf("%s: %v", name, f)
			}
		}
		if got := w.proof(p.ID, ct.ID); got.Name != "" || got.SHA256 != "" || got.State != chat.ProofDestroyed {
			t.Errorf("%+v", got)
		}
		if !w.did(ct.ID, "chat.proof_illegal") {
			t.Error("the audit does not know")
		}
	})
}

func TestByAWrittenProtocolItIsHeldForTwoPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		held, _ := w.node(w.bus, chat.Options{HoldIllegal: true})
		ct := w.talking(claire)
		file := picturetest.PNG(t, picturetest.Chessboard(80, 80))
		p := w.received(ct, file)
		marked, err := held.MarkIllegal(w.ctx, p.ID, claire.ID, false)
		w.must(err)
		if marked.State != chat.ProofIllegal || len(w.files()) != 1 {
			t.Fatalf("%+v, %d files", marked, len(w.files()))
		}
		_, _, err = held.Original(w.ctx, p.ID, nadia.ID, "proof", true)
		w.refused(err, "fault.chat.proof_marked")
		w.must(held.SweepAttachments(w.ctx)) // a sweep must not take what is held
		if len(w.files()) != 1 {
			t.Fatal("it was swept")
		}
		w.refused(w.contacts.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"), "fault.contact.held")
		if n := w.count(`SELECT count(*) FROM message WHERE sender <> 'system'`); n != 2 {
			t.Errorf("the erasure that was refused took something: %d messages", n)
		}

		authority, err := age.GenerateX25519Identity()
		w.must(err)
		to := chat.HandOver{Recipient: authority.Recipient().String(), Reference: "PV 2026/1234"}
		for _, wrong := range []chat.HandOver{
			{Recipient: authority.String(), Reference: "PV 2026/1234"}, {Recipient: to.Recipient + "\n" + to.Recipient, Reference: "x"}, {Reference: "x"},
		} {
			w.refused(held.AskHandOver(w.ctx, p.ID, wrong, nadia), "fault.chat.recipient")
		}
		w.refused(held.AskHandOver(w.ctx, p.ID, chat.HandOver{Recipient: to.Recipient, Reference: strings.Repeat("x", 121)}, nadia), "fault.chat.reference")
		w.refused(held.AgreeHandOver(w.ctx, p.ID, 0, karim), "fault.contact.second") // nobody asked
		w.must(held.AskHandOver(w.ctx, p.ID, to, nadia))
		_, err = held.HandOver(w.ctx, p.ID, nadia)
		w.refused(err, "fault.contact.second")
		read := w.held(held)
		if read.To != to || read.SHA256 != fmt.Sprintf("%x", sha256.Sum256(file)) {
			t.Fatalf("%+v", read)
		}
		w.refused(held.AgreeHandOver(w.ctx, p.ID, read.HandOverAskedAt, nadia), "fault.contact.second")
		w.refused(held.AgreeHandOver(w.ctx, p.ID, read.HandOverAskedAt-1, karim), "fault.chat.hand_over_changed")
		w.must(held.AgreeHandOver(w.ctx, p.ID, read.HandOverAskedAt, karim))
		write, err := held.HandOver(w.ctx, p.ID, nadia)
		w.must(err)
		var closed bytes.Buffer
		w.must(write(&closed))
		opened, err := age.Decrypt(&closed, authority)
		w.must(err)
		back, err := io.ReadAll(opened)
		w.must(err)
		if !bytes.Equal(back, file) || !w.did(ct.ID, "chat.proof_hand_over") {
			t.Error("what was handed over is not what came")
		}
		w.must(held.AskHandOver(w.ctx, p.ID, to, karim)) // asked anew, agreed anew
		_, err = held.HandOver(w.ctx, p.ID, nadia)
		w.refused(err, "fault.contact.second")
		w.refused(held.AgreeHandOver(w.ctx, p.ID, w.held(held).HandOverAskedAt, karim), "fault.contact.second")
		agreed := w.held(held).HandOverAskedAt
		w.must(held.AgreeHandOver(w.ctx, p.ID, agreed, nadia))
		acts := len(w.acts(ct.ID))
		w.must(held.AgreeHandOver(w.ctx, p.ID, agreed, nadia)) // once more changes nothing, and says nothing
		if n := len(w.acts(ct.ID)); n != acts {
			t.Errorf("%d acts more", n-acts)
		}

		w.refused(held.DestroyHeld(w.ctx, p.ID, karim), "fault.contact.second")
		w.must(held.AskDestroyHeld(w.ctx, p.ID, nadia))
		w.refused(held.DestroyHeld(w.ctx, p.ID, nadia), "fault.contact.second")
		w.must(held.DestroyHeld(w.ctx, p.ID, karim))
		if all, err := held.AllHeld(w.ctx); err != nil || len(all) != 0 || len(w.files()) != 0 {
			t.Errorf("%d held, %d files, %v", len(all), len(w.files()), err)
		}
		if got := w.proof(p.ID, ct.ID); got.State != chat.ProofDestroyed {
			t.Errorf("%s", got.State)
		}
		w.must(w.contacts.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"))
	})
}

// held reads the one file that is held.
func (w *world) held(chats *chat.Chats) chat.Held {
	w.t.Helper()
	all, err := chats.AllHeld(w.ctx)
	if w.must(err); len(all) != 1 {
		w.t.Fatalf("%d files are held", len(all))
	}
	return all[0]
}

func TestANameIsKeptWithoutWhatMisleads(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	for typed, kept := range map[string]string{
		"photo.png": "photo.png", `C:\Users\Léa\Bureau\capture.png`: "capture.png", "../../etc/passwd": "passwd",
		"a\x00b\n\u202egnp.exe": "ab gnp.exe", "": "", strings.Repeat("é", 300): strings.Repeat("é", 120), "/": "",
	} {
		r := sending(ct, w.asks(ct), picturetest.PNG(t, picturetest.Chessboard(8, 8)))
		r.Name = typed
		p, err := w.Receive(w.ctx, r)
		w.must(err)
		if got := w.proof(p.ID, ct.ID).Name; got != kept {
			t.Errorf("%q is kept as %q", typed, got)
		}
	}
}
