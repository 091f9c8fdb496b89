package contact_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/contact/words"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (w *world) code(contactID string) []string {
	w.t.Helper()
	code, err := w.ResumeCode(w.ctx, contactID)
	w.must(err)
	return code
}

func TestFourWordsBringAPersonBackToHerContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		code := w.code(ct.ID)
		if len(code) != 4 {
			t.Fatalf("%d words", len(code))
		}
		for _, word := range code {
			if _, known := words.Index("fr", word); !known {
				t.Error("a word that is not in the list")
			}
		}
		w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error { _, err := w.Park(w.ctx, tx, ct.ID, contact.SystemActor); return err }))

		// As a thumb types it on a phone.
		typed := "  " + strings.ToUpper(code[0]) + ", " + code[1] + "-" + code[2] + ".\n" + code[3]
		back, err := w.ByResumeCode(w.ctx, typed, "a network")
		w.must(err)
		_, err = w.Resume(w.ctx, back.Open.ID)
		w.must(err)
		if back.PersonID != ct.PersonID || back.Open.ID != ct.ID || back.Open.State != contact.Parked {
			t.Errorf("%+v", back)
		}
		if !w.did(ct.ID, "contact.resumed") || !w.did(ct.ID, "contact.resume_code") {
			t.Errorf("the audit says %v", w.acts(ct.ID))
		}
	})
}

func TestAPersonWithNothingOpenOpensAnother(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	code := w.code(ct.ID)
	w.moved(ct.ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
	back, err := w.ByResumeCode(w.ctx, strings.Join(code, " "), "a network")
	w.must(err)
	if back.PersonID != ct.PersonID || back.Open.State != "" || back.Last.ID != ct.ID {
		t.Errorf("%+v", back)
	}
	next, err := w.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", PersonID: back.PersonID})
	w.must(err)
	reasons, err := w.Reasons(w.ctx, next)
	w.must(err)
	if next.KeyID == ct.KeyID || len(reasons) != 1 || reasons[0].Code != "came_back" {
		t.Errorf("%+v, because %+v", next, reasons)
	}
	again, err := w.ByResumeCode(w.ctx, strings.Join(code, " "), "a network")
	w.must(err)
	if again.Open.ID != next.ID {
		t.Error("the same words must open what is open now")
	}
}

func TestASecondCodeRetiresTheFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		first, second := w.code(ct.ID), w.code(ct.ID)
		if slices.Equal(first, second) {
			t.Fatal("the same words twice")
		}
		_, err := w.ByResumeCode(w.ctx, strings.Join(first, " "), "a network")
		w.refused(err, "fault.contact.resume_unknown")
		_, err = w.ByResumeCode(w.ctx, strings.Join(second, " "), "another network")
		w.must(err)
		if n := w.count(`SELECT count(*) FROM resume_code`); n != 1 {
			t.Errorf("%d codes in the record", n)
		}
	})
}

func TestAskingTwiceAtOnceLeavesOneCodeThatWorks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		var wait sync.WaitGroup
		codes := make([][]string, 4)
		for i := range codes {
			wait.Go(func() {
				code, err := w.ResumeCode(w.ctx, ct.ID)
				if err != nil {
					t.Error(err)
				}
				codes[i] = code
			})
		}
		wait.Wait()
		works := 0
		for i, code := range codes {
			if _, err := w.ByResumeCode(w.ctx, strings.Join(code, " "), fmt.Sprint(i)); err == nil {
				works++
			}
		}
		if works != 1 {
			t.Errorf("%d of the codes work", works)
		}
	})
}

func TestTheRecordHoldsNothingThatOpensACode(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.child()
	code := strings.Join(w.code(ct.ID), " ")
	lookup, err := store.One(w.ctx, w.db, func(r store.Row) ([]byte, error) { var b []byte; return b, r.Scan(&b) }, `SELECT lookup FROM resume_code`)
	w.must(err)
	if len(lookup) != 32 {
		t.Errorf("%d bytes", len(lookup))
	}
	// The same record under another helpline's root: the words find nothing.
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "other.key"))
	w.must(err)
	elsewhere, err := seal.Open(w.ctx, storetest.SQLite(t), custodian, w.clock.now)
	w.must(err)
	if bytes.Equal(elsewhere.Derive("resume-pepper"), w.keys.Derive("resume-pepper")) {
		t.Fatal("two helplines have the same pepper")
	}
	stolen := contact.WithPepper(w.Contacts, elsewhere.Derive("resume-pepper"))
	_, err = stolen.ByResumeCode(w.ctx, code, "a network")
	w.refused(err, "fault.contact.resume_unknown")
}

// wrongCode is a code of the right form that is nobody's.
func wrongCode(i int) string {
	list := words.List("fr")
	return strings.Join([]string{list[i], list[i+1], list[i+2], list[4000]}, " ")
}

func TestWhatCannotBeACodeCostsNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	for _, typed := range []string{"", "un", "a b c d", "lune chat", strings.Repeat("lune ", 500), "' OR 1=1 --", "\x00\xff"} {
		for range 10 {
			_, err := w.ByResumeCode(w.ctx, typed, "a network")
			w.refused(err, "fault.contact.resume_four")
		}
	}
}

func TestGuessingGrowsSlowForOneNetworkAndNobodyIsLockedOut(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.child()
	right := strings.Join(w.code(ct.ID), " ")
	waits := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
	for i, wait := range waits {
		_, err := w.ByResumeCode(w.ctx, wrongCode(i), "a school")
		w.refused(err, "fault.contact.resume_unknown")
		// Even the right words wait, and the answer says nothing of them.
		w.clock.forward(wait - time.Millisecond)
		_, err = w.ByResumeCode(w.ctx, right, "a school")
		w.refused(err, "fault.contact.resume_slow")
		_, err = w.ByResumeCode(w.ctx, wrongCode(100), "a school")
		w.refused(err, "fault.contact.resume_slow")
		w.clock.forward(time.Millisecond)
	}
	if _, err := w.ByResumeCode(w.ctx, right, "a school"); err != nil {
		t.Errorf("a child of that school is locked out: %v", err)
	}
	if _, err := w.ByResumeCode(w.ctx, right, "at home"); err != nil {
		t.Errorf("somebody else waits for it: %v", err)
	}
	w.clock.forward(15 * time.Minute)
	_, err := w.ByResumeCode(w.ctx, wrongCode(50), "a school")
	w.refused(err, "fault.contact.resume_unknown")
	w.clock.forward(time.Second)
	if _, err := w.ByResumeCode(w.ctx, right, "a school"); err != nil {
		t.Errorf("nothing was forgiven: %v", err)
	}
	w.clock.forward(-time.Hour) // the clock jumps back
	if _, err := w.ByResumeCode(w.ctx, right, "a school"); err != nil {
		t.Errorf("a clock that jumps locks somebody out: %v", err)
	}
}

func TestANodeTakesTwentyWrongCodesAMinuteFromEverybodyTogether(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.child()
	right := strings.Join(w.code(ct.ID), " ")
	guess := func(i int) error {
		_, err := w.ByResumeCode(w.ctx, wrongCode(i), fmt.Sprintf("network %d", i))
		return err
	}
	for i := range 20 {
		w.refused(guess(i), "fault.contact.resume_unknown")
		if i%5 == 0 { // those who are right cost nothing
			_, err := w.ByResumeCode(w.ctx, right, "at home")
			w.must(err)
		}
	}
	w.refused(guess(20), "fault.contact.resume_slow")
	w.clock.forward(3 * time.Second)
	w.refused(guess(21), "fault.contact.resume_unknown")
	w.refused(guess(22), "fault.contact.resume_slow")
	if err := guess(23); !fault.Is(err, fault.TooMany) {
		t.Errorf("kind %s", fault.KindOf(err))
	}
}

func TestComingBackHidesThePastAndEndsOtherSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.LastSeq(func(_ context.Context, q store.Querier, id string) (int64, error) { return 7, nil })
		ct := w.talking(claire)
		left := w.session(ct.ID) // the page that is still open on the family's computer
		code := w.code(ct.ID)
		back, err := w.ByResumeCode(w.ctx, strings.Join(code, " "), "a network")
		w.must(err)
		if _, err := w.Session(w.ctx, left); err != nil || back.Open.ShownAfter != 0 || w.get(ct.ID).ShownAfter != 0 {
			t.Errorf("to find her changed what she has: %+v, %v", back.Open, err)
		}
		resumed, err := w.Resume(w.ctx, back.Open.ID)
		w.must(err)
		if resumed.ShownAfter != 7 || w.get(ct.ID).ShownAfter != 7 {
			t.Errorf("shown after %d; seven messages were written before", resumed.ShownAfter)
		}
		if _, err := w.Session(w.ctx, left); err == nil {
			t.Error("the other page reads on")
		}
		_, err = w.ReleasePast(w.ctx, ct.ID, karim, false)
		w.refused(err, "fault.contact.not_yours")
		_, err = w.ReleasePast(w.ctx, ct.ID, contact.VisitorOf(ct.ID), false)
		w.refused(err, "fault.contact.not_yours")
		released, err := w.ReleasePast(w.ctx, ct.ID, claire, false)
		w.must(err)
		if released.ShownAfter != 0 || released.PastReleasedAt == 0 || !w.did(ct.ID, "contact.past_released") {
			t.Errorf("%+v", released)
		}
		// The next time she comes back it is hidden again.
		resumed, err = w.Resume(w.ctx, ct.ID)
		w.must(err)
		if resumed.ShownAfter != 7 || resumed.PastReleasedAt != 0 {
			t.Error("it was shown to whoever came next")
		}
	})
}
