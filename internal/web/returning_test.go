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

// The words typed while we are closed, where there is nothing to go on with, show who answers now, and
// take nothing from the page that is open elsewhere.
func TestWordsTypedWhileClosedEndNothing(t *testing.T) {
	w := newWorldAt(t, "22:00")
	elsewhere, child := w.browser(), w.browser()
	letter := elsewhere.leaves("on se moque de moi")
	child.post("/resume", "words", w.words(letter)).want(http.StatusOK)
	elsewhere = w.browser().reads(letter)
	chat := child.opens()
	child.post("/chat/end").want(http.StatusOK)
	w.itIs("23:30")
	w.browser().post("/resume", "words", w.words(chat)).want(http.StatusOK).sees("On dort un peu", "3114")
	if ct, err := w.app.Contacts.Get(t.Context(), letter); err != nil || w.latest(letter).ID != chat || ct.ShownAfter != 1 {
		t.Errorf("the message is %+v, %v", ct, err)
	}
	elsewhere.get("/chat").want(http.StatusOK).sees("Ton message est bien là")
}

// A message that was left is found again with the words: it is here and waits to be read, then our answer
// is there to read, while we are closed too, and where we are open a conversation begins from it.
func TestTheWordsOfAMessageFindItsAnswer(t *testing.T) {
	w := newWorldAt(t, "23:30")
	child := w.browser()
	id := child.leaves("on se moque de moi au collège")
	child.get("/chat").want(http.StatusOK).sees("Ton message est bien là. On le lit dès qu'on ouvre", "9\u00a0h", "on se moque de moi au collège").
		seesNot("Tu es dans la file", "Parler à quelqu")
	words := w.words(id)
	back := w.browser()
	back.post("/resume", "words", words).want(http.StatusOK).sees("Ton message est bien là").seesNot("au collège", "Tu es dans la file")
	child.post("/chat/words").want(http.StatusUnauthorized) // who came back does not read beside the other page

	w.itIs("09:30")
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	camille.post("/desk/contacts/" + id + "/take").want(http.StatusOK)
	camille.post("/desk/contacts/"+id+"/messages", "message_id", uuid.NewString(), "body", "Merci de nous avoir écrit. On te croit.").want(http.StatusOK)
	camille.post("/desk/contacts/" + id + "/end").want(http.StatusOK)
	open := w.browser()
	open.post("/resume", "words", words).want(http.StatusOK).sees("Voici notre réponse", "On te croit.", "Parler à quelqu").seesNot("au collège")
	w.itIs("23:45")
	closed := w.browser()
	closed.post("/resume", "words", words).want(http.StatusOK).sees("Voici notre réponse", "On te croit.", "3114").seesNot("Parler à quelqu")

	w.itIs("10:00")
	closed.opens()
	closed.sees("Tu es dans la file")
	if again := w.latest(id); again.ID == id || again.Channel != contact.ChannelChat {
		t.Errorf("her conversation is not one of hers: %+v", again)
	}
}

// Who leaves a message and then leaves the page quickly is answered all the same.
func TestAMessageOutlivesTheQuickExit(t *testing.T) {
	w := newWorldAt(t, "23:30")
	child := w.browser()
	id := child.leaves("il veut mes photos")
	child.get("/quit").want(http.StatusSeeOther)
	child.post("/chat/words").want(http.StatusUnauthorized)
	if ct, err := w.app.Contacts.Get(t.Context(), id); err != nil || ct.State != contact.Waiting {
		t.Errorf("the message is %s, %v", ct.State, err)
	}
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

// A message left at night and a chat of the same home in the morning stand side by side.
func TestALetterAndAChatOfOneHome(t *testing.T) {
	w := newWorldAt(t, "23:30")
	night, morning := w.browser(), w.browser()
	morning.network = night.network
	night.leaves("On me harcèle à l'école.")
	w.itIs("09:00")
	morning.opens()
	w.as(staff.Counsellor).get("/desk").want(http.StatusOK).sees("Même connexion")
}

// A class whose school has one address comes back with right words, one after the other: none is turned away,
// and the last does not wait for the first.
func TestAClassComesBack(t *testing.T) {
	w := newWorld(t)
	id := w.browser().opens()
	words, school := w.words(id), w.browser().network
	began := time.Now()
	for n := range 25 {
		pupil := w.browser()
		pupil.network = school
		pupil.post("/resume", "words", words).want(http.StatusOK)
		if took := time.Since(began); took > 30*time.Second {
			t.Fatalf("%d were served in %s", n+1, took)
		}
	}
}
