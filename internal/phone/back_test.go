package phone_test

import (
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/routing"
)

// introduced is a call that Anne hands over to Bilal, who took it; his browser has not come to it yet.
func (w *world) introduced() (r *ring, id string, at *browser) {
	w.t.Helper()
	w.works(anne)
	at = w.opens(anne, anneTone)
	r = w.rings(skip)
	id = w.answers(anne, at)
	must(w.t, "the caller", r.heard.last, anneTone)
	w.works(bilal)
	w.ok(w.phone.Announce(w.t.Context(), anne, id, phone.First))
	w.ok(w.router.HandOver(w.t.Context(), anne, id, bilal))
	if rings := w.ringing(bilal); rings != id {
		w.t.Fatalf("%s rings", rings)
	}
	w.ok(w.router.Accept(w.t.Context(), bilal, id))
	w.sees(id, "it is being introduced", func(v phone.View) bool { return v.Introducing == anne && v.Owner == bilal && v.Peer == "" })
	must(w.t, "the caller meanwhile", r.heard.last, musicTone)
	return r, id, at
}

// Who introduces a caller may take her back before the colleague's browser has come: it never may, its microphone
// refused.
func TestAHandOverToABrowserThatDoesNotCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, id, at := w.introduced()
	w.ok(w.phone.GiveBack(t.Context(), anne, id))
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor who has her again", at.last, childTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, true))
}

// And where she does not, the caller is hers again after a while, and goes to nobody else.
func TestAHandOverThatNobodyTakesBack(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: 3 * time.Second})
	r, id, at := w.introduced()
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor who has her again", at.last, childTone)
	ct, err := w.contacts.Get(t.Context(), id)
	w.ok(err)
	if ct.CounsellorID != anne || ct.State != contact.Talking {
		t.Fatalf("the contact is %s's and %s", ct.CounsellorID, ct.State)
	}
}

// Where the colleague passes the caller on to the line, who introduced her has left too; should she be rung for her,
// she has her as anybody would.
func TestAHandOverThatGoesToTheLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, id, at := w.introduced()
	w.ok(w.router.SetPresence(t.Context(), bilal, routing.Away, ""))
	_, err := w.db.Exec(t.Context(), `UPDATE contact SET sticky_id = '' WHERE id = $1`, id)
	w.ok(err)
	w.ok(w.router.KnowThisPerson(t.Context(), bilal, id))
	if again := w.answers(anne, at); again != id {
		t.Fatalf("%s rings, want %s", again, id)
	}
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor", at.last, childTone)
}
