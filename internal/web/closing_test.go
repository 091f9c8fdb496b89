package web_test

import (
	"net/http"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/staff"
)

// In the last half hour the line says when we close, with the numbers it speaks of; once we have closed it
// says that, promises no turn, and has who answers now come first.
func TestTheLineSaysThatWeCloseAndThatWeHaveClosed(t *testing.T) {
	w := newWorldAt(t, "22:00")
	young, parent := w.browser(), w.browser()
	young.opens("topic", "distress")
	parent.opens("who", "parent")
	young.seesNot("On ferme")
	w.itIs("22:45")
	young.get("/chat").want(http.StatusOK).sees("Tu es dans la file", "On ferme à 23\u00a0h. Reste").wantDials("3114 15 112 114")
	parent.get("/chat").want(http.StatusOK).sees("Nous fermons à 23\u00a0h. Restez")
	w.itIs("23:10")
	young.get("/chat").want(http.StatusOK).sees("On a fermé", "on te lit", "Me répondre à l'ouverture").
		seesNot("ton tour", "Tu es dans la file").wantDials("3114 15 112 114")
	parent.get("/chat").want(http.StatusOK).sees("Nous avons fermé", "nous vous lisons")
	parent.get("/en/chat").want(http.StatusOK).sees("We have closed")
}

// The pages say "tomorrow" by the clock that opens and closes the line, whatever the machine's is.
func TestThePagesSayTheDayByTheHousesClock(t *testing.T) {
	w := newWorldAt(t, "22:50")
	w.clock.jumps(72 * time.Hour)
	child := w.browser()
	child.opens()
	w.itIs("23:10")
	child.get("/chat").want(http.StatusOK).sees("Sinon, on te lit demain à 9\u00a0h")
	night := w.browser()
	night.get("/").want(http.StatusOK).sees("On rouvre demain à 9\u00a0h")
	night.get("/chat").want(http.StatusOK).sees("On est de retour demain à 9\u00a0h")
	night.get("/message").want(http.StatusOK).sees("On le lira demain à partir de 9\u00a0h")
	night.leaves("on se moque de moi")
	night.get("/chat").want(http.StatusOK).sees("dès qu'on ouvre, demain à 9\u00a0h")
	w.as(staff.Counsellor).get("/desk").want(http.StatusOK).sees("attend depuis 20 minutes")
}

// Her place becomes a message by one button, with what she wrote and why she is urgent; nobody is rung for
// her any more, and she finds the answer as for any message.
func TestAPlaceInLineBecomesAMessage(t *testing.T) {
	w := newWorldAt(t, "22:50")
	child := w.browser()
	id := child.opens("topic", "home")
	child.says("mon beau-père me frappe").want(http.StatusOK)
	before, err := w.app.Contacts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	child.post("/chat/later").want(http.StatusOK).sees("Tu es dans la file") // we are still here
	w.itIs("23:10")
	child.post("/chat/later").want(http.StatusOK).sees("Ton message est bien arrivé", "Voir mes 4 mots")
	after, err := w.app.Contacts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if after.Channel != contact.ChannelMessage || after.State != contact.Waiting || after.Priority <= before.Priority || after.Topic != "home" {
		t.Errorf("her place became %+v", after)
	}
	child.get("/chat").want(http.StatusOK).sees("Ton message est bien là", "mon beau-père me frappe")
	child.post("/chat/later").want(http.StatusOK).sees("Ton message est bien là")
}

// Who has not written a word yet writes it now; it is her message, and her empty place is given up.
func TestAnEmptyPlaceInLineLeadsToTheMessage(t *testing.T) {
	w := newWorldAt(t, "22:50")
	child := w.browser()
	id := child.opens("who", "young", "topic", "bullying")
	w.itIs("23:10")
	child.post("/chat/later").want(http.StatusOK).sees("Laisser un message", "Tu veux qu'on t'appelle")
	letter := child.leaves("ils recommencent tous les soirs")
	if place, err := w.app.Contacts.Get(t.Context(), id); err != nil || place.State.Open() {
		t.Errorf("her place is %s, %v", place.State, err)
	}
	if left := w.latest(id); left.ID != letter || left.Topic != "bullying" || left.Public != "young" {
		t.Errorf("her message is %+v", left)
	}
}
