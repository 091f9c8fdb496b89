package phone_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// sentBy119 is a helpline to which the 119 sends callers.
func sentBy119(rules *catalogue.Phone) {
	rules.Partners = []catalogue.Partner{{Code: "119", Label: catalogue.Text{"fr": "le 119", "en": "the 119"}, Numbers: []string{"01 99 00 11 22"}, Queue: "partner"}}
}

// newest waits for the contact that is in line.
func (w *world) newest() (ct contact.Contact) {
	w.t.Helper()
	w.until("she is in line", func() bool {
		all, err := w.contacts.InStates(w.t.Context(), contact.Waiting, contact.Offered)
		w.ok(err)
		if len(all) == 1 {
			ct = all[0]
		}
		return len(all) == 1
	})
	return ct
}

// told is what may be told for a receipt as somebody types it.
func (w *world) told(typed string) phone.Told {
	w.t.Helper()
	r, err := w.phone.ReceiptOf(w.t.Context(), typed, staffActor(sam))
	w.ok(err)
	t, err := w.phone.ToldOf(w.t.Context(), r)
	w.ok(err)
	return t
}

// A call that a partner line sends has a receipt from the moment at which it is in line: with it the partner learns when
// it was received, answered and closed. It goes with the contact.
func TestAPartnerLineGetsAReceipt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newRecordOn(t, db).node(setting{rules: sentBy119})
		w.works(anne)
		at := w.opens(anne, anneTone)
		r := w.rings(from("+33199001122"), skip)
		id := w.ringing(anne)
		given, ok, err := w.phone.Receipt(t.Context(), id)
		w.ok(err)
		code := given.String()
		if !ok || !regexp.MustCompile(`^119-[2345679ACHJKMRUWXY]{4}$`).MatchString(code) {
			t.Fatalf("the receipt is %q", code)
		}
		if told := w.told(code); told.Answer != phone.Waits || told.AnsweredAt != 0 || told.ClosedAt != 0 || told.Receipt.MadeAt == 0 {
			t.Errorf("of who waits is told %+v", told)
		}
		w.answers(anne, at)
		must(t, "the caller", r.heard.last, anneTone)
		// As it is heard on the telephone and typed.
		told := w.told(" " + strings.ToLower(strings.ReplaceAll(code, "-", " ")))
		if told.Answer != phone.ByVoice || told.AnsweredAt < told.Receipt.MadeAt || told.ClosedAt != 0 {
			t.Errorf("of who is answered is told %+v", told)
		}
		r.hangsUp()
		w.until("it is written up", func() bool { return w.state(id) == contact.WrapUp })
		if told := w.told(code); told.Answer != phone.ByVoice || told.CalledBackAt != 0 {
			t.Errorf("after the call is told %+v", told)
		}
		looks, err := w.audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "phone.receipt_read", Limit: 10})
		w.ok(err)
		if len(looks) != 3 || looks[0].Actor.ID != sam {
			t.Errorf("the look-ups are in the log as %+v", looks)
		}
		w.ok(w.contacts.Erase(t.Context(), id, staffActor(sam), "asked"))
		_, err = w.phone.ReceiptOf(t.Context(), code, staffActor(sam))
		w.refused(err, "fault.phone.receipt")
		missed, err := w.audit.Rows(t.Context(), audit.Filter{Act: "phone.receipt_unknown", Limit: 10})
		w.ok(err)
		if len(missed) != 1 || missed[0].Actor.ID != sam || len(missed[0].Detail) != 0 {
			t.Errorf("what was not found is in the log as %+v", missed)
		}
	})
}

// Who hangs up while she waits, whom we lose, and who speaks to the tape at night: each is told for what it was.
func TestWhatAReceiptSaysOfWhomNobodyAnswered(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: sentBy119})
	codeOf := func(id string) string {
		r, ok, err := w.phone.Receipt(t.Context(), id)
		w.ok(err)
		if !ok {
			t.Fatal("a call of the 119 has no receipt")
		}
		return r.String()
	}
	says := func(code string, want phone.Answered) {
		t.Helper()
		w.until("it is told "+string(want), func() bool { return w.told(code).Answer == want })
	}
	r := w.rings(from("+33199001122"), skip)
	gone := codeOf(w.newest().ID)
	r.hangsUp()
	says(gone, phone.HungUp)
	w.until("nobody waits", func() bool { return w.told(gone).ClosedAt > 0 })

	r = w.rings(from("+33199001122"), skip)
	lost := codeOf(w.newest().ID)
	_, err := w.db.Exec(t.Context(), `UPDATE phone_call SET node = 'gone', lease_until = 0 WHERE ended_at = 0`)
	w.ok(err)
	says(lost, phone.Cut)
	r.hangsUp()

	w.speaks(from("+33199001122"), pressing(caller.Key{Digit: '#', After: 6 * time.Second})).ends()
	says(codeOf(w.letter().ID), phone.OnTape)
	if lost == gone {
		t.Error("two calls have one receipt")
	}
}

// Whoever rings by herself has none.
func TestNoReceiptWithoutAPartner(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: sentBy119})
	w.rings(skip)
	if r, ok, err := w.phone.Receipt(t.Context(), w.newest().ID); err != nil || ok {
		t.Fatalf("she has the receipt %v, %v", r, err)
	}
}
