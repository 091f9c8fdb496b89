package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/contact"
	"vigie/internal/staff"
)

// After a goodbye the four words open a new conversation, and she stands where she stood: who she is, her
// age, what it is about, and the danger that was heard.
func TestTheFourWordsAfterAGoodbyeBringHerBackToWhereSheStood(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens("who", "young", "age", "13_14", "topic", "sextortion")
	child.says("je veux mourir").want(http.StatusOK)
	w.answered(counsellor, id)
	child.post("/chat/end").want(http.StatusOK)
	w.browser().post("/resume", "words", w.words(id)).want(http.StatusOK).
		sees("Tu es dans la file", "Ne paie pas.", "Si c'est urgent, appelle maintenant", "3114")
	again := w.latest(id)
	if again.ID == id || again.Public != "young" || again.AgeBand != "13_14" || again.Topic != "sextortion" || !again.Danger {
		t.Errorf("she is back as %+v", again)
	}
	reasons, err := w.app.Contacts.Reasons(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(reasons, contact.Reason.IsDanger) {
		t.Errorf("nobody can read why she is in danger: %+v", reasons)
	}
}

// What was feared is feared for a day, and no longer than somebody at the desk fears it.
func TestWhatIsNoLongerFearedIsNotCarriedOn(t *testing.T) {
	for name, passes := range map[string]func(w *world, id string){
		"the mark was taken away": func(w *world, id string) {
			if _, err := w.app.Contacts.SetDanger(w.Context(), id, false, contact.SystemActor, true); err != nil {
				w.Fatal(err)
			}
		},
		"two days went by": func(w *world, _ string) { w.clock.jumps(48 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			child, counsellor := w.browser(), w.as(staff.Counsellor)
			id := child.opens("topic", "bullying")
			child.says("je veux mourir").want(http.StatusOK)
			w.answered(counsellor, id)
			child.post("/chat/end").want(http.StatusOK)
			words := w.words(id)
			passes(w, id)
			w.browser().post("/resume", "words", words).want(http.StatusOK).sees("Tu es dans la file")
			if again := w.latest(id); again.ID == id || again.Danger || again.Topic != "bullying" {
				t.Errorf("she is back as %+v", again)
			}
		})
	}
}

// The words typed while we are closed find who answers now, and take nothing from whoever talks with us.
func TestWordsTypedWhileClosedEndNothing(t *testing.T) {
	w := newWorldAt(t, "22:00")
	child, elsewhere := w.browser(), w.browser()
	elsewhere.post("/message", "contact_id", uuid.NewString(), "message_id", uuid.NewString(), "body", "on se moque de moi").want(http.StatusOK)
	id := w.inLine()
	words := w.words(id)
	w.itIs("23:30")
	child.post("/resume", "words", words).want(http.StatusOK)
	if ct, err := w.app.Contacts.Get(t.Context(), id); err != nil || ct.ShownAfter != 0 {
		t.Errorf("her past is hidden after %d, %v", ct.ShownAfter, err)
	}
	elsewhere.post("/chat/words").want(http.StatusOK)
}

// At the desk the earlier contacts of the same person stand above the form: to read for whoever had them
// and for a supervisor; a colleague reads when it was and whom to ask.
func TestHerEarlierContactsStandAboveTheForm(t *testing.T) {
	w := newWorld(t)
	child, camille := w.browser(), w.as(staff.Counsellor)
	first := child.opens()
	w.answered(camille, first)
	camille.get("/desk?c=" + first).want(http.StatusOK).seesNot("Contacts précédents")
	child.post("/chat/end").want(http.StatusOK)
	w.browser().post("/resume", "words", w.words(first)).want(http.StatusOK)
	again := w.latest(first).ID
	lou := w.colleague("Lou")
	lou.post("/desk/contacts/" + again + "/take").want(http.StatusOK)
	lou.get("/desk?c="+again).want(http.StatusOK).sees("Contacts précédents", "Camille").seesNot("/desk/history/" + first)
	lou.get("/desk/history/" + first).want(http.StatusForbidden)
	w.as(staff.Supervisor).do("GET", "/desk/contacts/"+again, nil, http.Header{"Vigie-Script": {"1"}}).want(http.StatusOK).
		sees("Contacts précédents", "Camille")

	lou.post("/desk/contacts/"+again+"/handover", "to", w.people[staff.Counsellor].ID).want(http.StatusOK)
	camille.post("/desk/contacts/" + again + "/accept").want(http.StatusOK)
	camille.get("/desk?c=" + again).want(http.StatusOK).sees("Contacts précédents")
	if !strings.Contains(camille.body, `href="/desk/history/`+first+`"`) {
		t.Error("she cannot open what she had in hand herself")
	}
	camille.get("/desk/history/" + first).want(http.StatusOK)
}
