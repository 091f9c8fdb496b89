package visit_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/casefile/casetest"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/mask"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/visit"
)

var claire, nadia = casetest.Claire, casetest.Nadia

const screen = "session-of-nadia"

type world struct {
	*casetest.World
	*visit.Visits
	chats *chat.Chats
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
		disk, err := blob.OpenDisk(t.TempDir())
		w.Must(err)
		w.chats, err = chat.New(chat.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Blobs: disk, Catalogue: w.Catalogue, Now: w.Now})
		w.Must(err)
		t.Cleanup(w.chats.Close)
		w.Visits = visit.New(visit.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Chats: w.chats, Now: w.Now})
		test(w)
	})
}

// signed is a visit whose guest has signed at Nadia's screen.
func (w *world) signed() string {
	w.T.Helper()
	id := store.NewID()
	_, err := w.Plan(w.Ctx, visit.Planning{ID: id, Purpose: "audit", Lang: "fr", On: "2026-11-23", Guest: visit.Guest{Name: "Aude Mercier", Organisation: "Cour des comptes"}}, nadia)
	w.Must(err)
	w.Must(w.SignBy(w.Ctx, id, visit.Signing{Name: "Aude Mercier", Organisation: "Cour des comptes", Signature: "aude mercier", Agreed: true, Text: "Je ne répète rien.", Session: screen}, nadia))
	return id
}

// talks is a child who talks with Claire.
func (w *world) talks() contact.Contact {
	w.T.Helper()
	ct := w.Child("")
	w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
		_, err := w.Contacts.Move(w.Ctx, tx, ct.ID, contact.Take, claire, contact.Change{})
		return err
	}))
	return ct
}

func (w *world) says(ct contact.Contact, body string) chat.Message {
	w.T.Helper()
	m, err := w.chats.Send(w.Ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: body})
	w.Must(err)
	return m
}

func (w *world) get(id string) visit.Visit {
	w.T.Helper()
	v, err := w.Get(w.Ctx, id)
	w.Must(err)
	return v
}

func child(ct contact.Contact) audit.Actor { return contact.VisitorOf(ct.ID) }

// following is a visit of a live contact whose person agreed.
func (w *world) following() (string, contact.Contact) {
	w.T.Helper()
	id, ct := w.signed(), w.talks()
	w.says(ct, "avant d'avoir dit oui")
	w.Must(w.Ask(w.Ctx, id, ct.ID, screen, nadia))
	w.Must(w.Answer(w.Ctx, ct.ID, true, child(ct)))
	return id, ct
}

// shown is what the guest reads.
func (w *world) shown(id string) []string {
	w.T.Helper()
	lines, err := w.Shown(w.Ctx, w.get(id), w.Catalogue())
	w.Must(err)
	var all []string
	for _, l := range lines {
		all = append(all, mask.Plain(l.Parts, func(k mask.Kind) string { return "[" + string(k) + "]" }))
	}
	return all
}

// A guest reads what was released, masked, and nothing else; what was written before the person agreed is never shown.
func TestAGuestReadsWhatWasReleasedMasked(t *testing.T) {
	onEach(t, func(w *world) {
		id, ct := w.following()
		if _, err := w.Contacts.SaveField(w.Ctx, contact.Saving{ContactID: ct.ID, Field: "called", Value: "Solveig", Seen: contact.Overwrite, By: claire}); err != nil {
			w.T.Fatal(err)
		}
		first := w.says(ct, "je m'appelle Solveig et j'ai peur")
		second := w.says(ct, "un secret de plus")
		if all := w.shown(id); len(all) != 0 {
			w.T.Fatalf("read before it was released: %q", all)
		}
		w.Must(w.Release(w.Ctx, id, first.Seq, nil, screen, nadia))
		if all := w.shown(id); len(all) != 1 || all[0] != "je m'appelle [name] et j'ai peur" {
			w.T.Fatalf("the guest reads %q", all)
		}
		w.Must(w.Release(w.Ctx, id, second.Seq, []int{1}, screen, nadia))
		if all := w.shown(id); len(all) != 2 || strings.Contains(all[1], "secret") {
			w.T.Fatalf("a word that was taken away is read: %q", all)
		}
		w.Refused(w.Release(w.Ctx, id, 1, nil, screen, nadia), "fault.visit.message")
		w.Refused(w.Release(w.Ctx, id, first.Seq, nil, "another machine", nadia), "fault.visit.elsewhere")
		if v := w.get(id); v.Released != 2 {
			w.T.Errorf("%d messages were counted", v.Released)
		}
	})
}

// Nobody is followed who did not say yes, and a no ends it at once, whenever it comes.
func TestAYesIsAskedAndMayBeTakenBack(t *testing.T) {
	onEach(t, func(w *world) {
		id, ct := w.signed(), w.talks()
		w.Must(w.Ask(w.Ctx, id, ct.ID, screen, nadia))
		m := w.says(ct, "pas encore dit oui")
		w.Refused(w.Release(w.Ctx, id, m.Seq, nil, screen, nadia), "fault.visit.not_live")
		w.Refused(w.Answer(w.Ctx, ct.ID, true, casetest.Karim), "fault.contact.not_yours")
		w.Must(w.Answer(w.Ctx, ct.ID, true, claire))
		m = w.says(ct, "maintenant oui")
		w.Must(w.Release(w.Ctx, id, m.Seq, nil, screen, nadia))
		w.Must(w.Answer(w.Ctx, ct.ID, false, child(ct)))
		if v := w.get(id); v.State != visit.Ended || v.EndedWhy != visit.WhyWithdrawn || len(w.shown(id)) != 0 {
			w.T.Errorf("after she took it back: %s %s, %q", v.State, v.EndedWhy, w.shown(id))
		}
		if n := w.Count(`SELECT count(*) FROM visit_release`); n != 0 {
			w.T.Errorf("%d releases are kept", n)
		}
		other := w.signed()
		w.Refused(w.Ask(w.Ctx, other, ct.ID, screen, nadia), "fault.visit.not_live") // asked once
	})
}

// A danger that begins, and a conversation that ends, end the visit in their own transaction.
func TestDangerAndTheEndEndAVisit(t *testing.T) {
	onEach(t, func(w *world) {
		id, ct := w.following()
		_, err := w.Contacts.SetDanger(w.Ctx, ct.ID, true, claire, false)
		w.Must(err)
		if v := w.get(id); v.State != visit.Ended || v.EndedWhy != visit.WhyDanger {
			w.T.Errorf("in danger the visit is %s, %q", v.State, v.EndedWhy)
		}
		id, ct = w.following()
		_, err = w.Contacts.EndConversation(w.Ctx, ct.ID, claire, contact.Change{})
		w.Must(err)
		if v := w.get(id); v.State != visit.Ended || v.EndedWhy != visit.WhyOver {
			w.T.Errorf("after goodbye the visit is %s, %q", v.State, v.EndedWhy)
		}
	})
}

// One key cuts: nothing is read any more, and nothing can be released.
func TestACutCovers(t *testing.T) {
	onEach(t, func(w *world) {
		id, ct := w.following()
		m := w.says(ct, "une phrase")
		w.Must(w.Release(w.Ctx, id, m.Seq, nil, screen, nadia))
		w.Must(w.CutNow(w.Ctx, id, casetest.Karim))
		if all := w.shown(id); len(all) != 0 {
			w.T.Errorf("after the cut: %q", all)
		}
		w.Refused(w.Release(w.Ctx, id, m.Seq, nil, screen, nadia), "fault.visit.not_live")
		w.Must(w.EndBy(w.Ctx, id, nadia))
		if n := w.Count(`SELECT count(*) FROM audit WHERE object_id = $1`, id); n < 6 {
			w.T.Errorf("%d rows of the log tell of the visit", n)
		}
	})
}

// Nobody looks on who has not signed, and a signature is the guest's own name.
func TestAGuestSigns(t *testing.T) {
	onEach(t, func(w *world) {
		id := store.NewID()
		_, err := w.Plan(w.Ctx, visit.Planning{ID: id, Purpose: "audit", On: "2026-11-23", Guest: visit.Guest{Name: "Aude Mercier", Organisation: "Cour des comptes"}}, nadia)
		w.Must(err)
		w.Refused(w.FollowRehearsal(w.Ctx, id, "sextortion", screen, nadia), "fault.visit.move")
		for _, s := range []visit.Signing{{Name: "A", Organisation: "B", Signature: "A"}, {Name: "A", Organisation: "B", Agreed: true}, {Name: "A", Organisation: "B", Signature: "C", Agreed: true}} {
			w.Refused(w.SignBy(w.Ctx, id, s, nadia), "fault.visit.unsigned")
		}
		w.Must(w.SignBy(w.Ctx, id, visit.Signing{Name: "Aude Mercier", Organisation: "Cour des comptes", Signature: "Aude Mercier", Agreed: true, Text: "Je ne répète rien.", Session: screen}, nadia))
		w.Must(w.FollowRehearsal(w.Ctx, id, "sextortion", screen, nadia))
		if v := w.get(id); v.Guest.Text != "Je ne répète rien." || v.Pledge != visit.Pledge || v.State != visit.Following {
			w.T.Errorf("kept: %+v", v)
		}
	})
}

// Who visited is known for a year; then the visit goes with its key, and one that is newer stays.
func TestAVisitIsForgottenAfterAYear(t *testing.T) {
	onEach(t, func(w *world) {
		old := w.signed()
		w.Must(w.EndBy(w.Ctx, old, nadia))
		w.Forward(visit.Kept - 24*time.Hour)
		w.Must(w.Forget(w.Ctx))
		if w.get(old).Guest.Name == "" {
			t.Fatal("it is forgotten before its time")
		}
		w.Forward(48 * time.Hour)
		fresh := w.signed()
		w.Must(w.Forget(w.Ctx))
		if n := w.Count(`SELECT count(*) FROM visit`); n != 1 || w.get(fresh).Guest.Name == "" {
			t.Errorf("%d visits are left", n)
		}
	})
}
