package chat_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// named is a helpline whose counsellors children know by an alias.
func named(t *testing.T, db *store.DB) *world {
	w := newWorld(t, db)
	b, err := bus.Open(t.Context(), bus.Options{})
	w.must(err)
	t.Cleanup(b.Close)
	w.Chats, w.contacts = w.node(b, chat.Options{Alias: func(_ context.Context, id string) string {
		return map[string]string{claire.ID: "Claire", karim.ID: "Karim"}[id]
	}})
	return w
}

// hears wants these lines of the house, in order, and nothing else of it.
func (w *world) hears(ct contact.Contact, who string, codes ...string) {
	w.t.Helper()
	var want []string
	for _, code := range codes {
		want = append(want, w.set.Lines.Say(code, "young", "fr", map[string]string{"conseiller": who}))
	}
	if said := w.lines(ct.ID); !slices.Equal(said, want) {
		w.t.Fatalf("the house said %q; want %q", said, want)
	}
}

func TestTheHouseSpeaksAtEachMomentOfAConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := named(t, db)
		ct := w.talking(claire)
		w.hears(ct, "Claire", "greeting")
		w.answers(ct, "Bonjour, je suis là.")
		w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
		w.says(ct, "pardon")
		w.hears(ct, "Claire", "greeting", "back")

		w.moved(ct.ID, contact.Lost, contact.SystemActor, contact.Change{})
		w.moved(ct.ID, contact.Take, claire, contact.Change{})
		w.hears(ct, "Claire", "greeting", "back", "greeting_back")

		ended, err := w.contacts.EndConversation(w.ctx, ct.ID, claire, contact.Change{})
		w.must(err)
		w.hears(ended, "Claire", "greeting", "back", "greeting_back", "ended_by_staff", "farewell")
		if n := len(w.words(ct.ID)); n != 2 {
			t.Errorf("%d words of people", n)
		}
	})
}

// Nobody is thanked for a threat; whoever may be in danger hears who answers tonight.
func TestWhatIsSaidAfterAThreat(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.hears(w.moved(ct.ID, contact.Threat, claire, contact.Change{}), "Claire", "greeting", "ended_by_threat")
	ct = w.talking(claire)
	w.says(ct, "je veux mourir")
	w.hears(w.moved(ct.ID, contact.Threat, claire, contact.Change{}), "Claire", "greeting", "ended_by_threat", "farewell_danger")
}

// Who says to be the police, or a network, reads last that we call back ourselves; whoever was in danger hears who
// answers tonight all the same.
func TestWhatIsSaidToWhomWeCallBack(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ends := func(ct contact.Contact) contact.Contact {
		ended, err := w.contacts.EndConversation(w.ctx, ct.ID, claire, contact.Change{Farewell: catalogue.LineCheck})
		w.must(err)
		return ended
	}
	w.hears(ends(w.talking(claire)), "Claire", "greeting", "check")
	ct := w.talking(claire)
	w.says(ct, "je veux mourir")
	w.hears(ends(ct), "Claire", "greeting", "check", "farewell_danger")
}

func TestAnotherCounsellorTakesOver(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.moved(ct.ID, contact.HandOver, claire, contact.Change{StaffID: karim.ID})
	said := w.lines(ct.ID)
	if want := w.set.Lines.Say("handover", "young", "fr", map[string]string{"conseiller": "Karim"}); len(said) != 2 || said[1] != want {
		t.Errorf("%q", said)
	}
}

func TestWhoComesBackInAnotherContactIsGreetedAsSuch(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	before := w.talking(claire)
	w.moved(before.ID, contact.VisitorEnds, contact.VisitorOf(before.ID), contact.Change{})
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", PersonID: before.PersonID})
	w.must(err)
	w.hears(w.moved(ct.ID, contact.Take, claire, contact.Change{}), "Claire", "greeting_back")
}

func TestGoodbyeInDangerSaysWhoAnswersAtNight(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.says(ct, "je veux mourir")
	w.moved(ct.ID, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{})
	w.hears(ct, "Claire", "greeting", "ended_by_visitor", "farewell_danger")
}

func TestWhoLeavesTheQueueIsToldSoAndThankedForNothing(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.child()
	if got := w.moved(ct.ID, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{}); got.State != contact.Closed {
		t.Fatal(got.State)
	}
	w.hears(ct, "", "ended_by_visitor")
}

func TestAMoveThatIsRunAgainSaysItsLineOnce(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.talking(claire)
	for range 2 {
		_, err := w.Say(w.ctx, ct.ID, "greeting", "rev2", map[string]string{"conseiller": "Claire"})
		w.must(err)
	}
	w.hears(ct, "Claire", "greeting")
}

func TestTheHouseSaysThatTheWayForAFileIsOpenAndClosed(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.talking(claire)
	p, err := w.Ask(w.ctx, chat.Asking{ID: store.NewID(), ContactID: ct.ID, StaffID: claire.ID, Label: "account_page"})
	w.must(err)
	w.must(w.Withdraw(w.ctx, p.ID, claire.ID, false))
	w.must(w.Withdraw(w.ctx, p.ID, claire.ID, false))
	w.hears(ct, "Claire", "greeting", "attachment_open", "attachment_closed")
}

func TestThePastIsSaidToBeBackOnlyWhenItWasHidden(t *testing.T) {
	w := named(t, storetest.SQLite(t))
	ct := w.talking(claire)
	_, err := w.contacts.ReleasePast(w.ctx, ct.ID, claire, false)
	w.must(err)
	w.hears(ct, "Claire", "greeting")
	words, err := w.contacts.ResumeCode(w.ctx, ct.ID)
	w.must(err)
	back, err := w.contacts.ByResumeCode(w.ctx, words[0]+" "+words[1]+" "+words[2]+" "+words[3], "a network")
	w.must(err)
	_, err = w.contacts.Resume(w.ctx, back.Open.ID)
	w.must(err)
	_, err = w.contacts.ReleasePast(w.ctx, ct.ID, claire, false)
	w.must(err)
	w.hears(ct, "Claire", "greeting", "past_released")
}

// On PostgreSQL words and moves may be given the same number: neither may fail for it.
func TestMovesAndWordsAtOnceAllHappen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := named(t, db)
		ct := w.talking(claire)
		var wait sync.WaitGroup
		const each = 12
		wait.Go(func() {
			for range each {
				if _, err := w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "et puis"}); err != nil {
					t.Error(err)
				}
			}
		})
		for i := range each {
			to, from := karim, claire
			if i%2 == 1 {
				to, from = claire, karim
			}
			if err := w.db.Tx(w.ctx, func(tx *store.Tx) error {
				_, err := w.contacts.Move(w.ctx, tx, ct.ID, contact.HandOver, audit.Actor{Kind: audit.Staff, ID: from.ID}, contact.Change{StaffID: to.ID})
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		wait.Wait()
		if words, lines := len(w.words(ct.ID)), len(w.lines(ct.ID)); words != each || lines != each+1 {
			t.Errorf("%d words, %d lines", words, lines)
		}
	})
}
