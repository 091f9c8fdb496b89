package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/staff"
)

// What she came for opens the emergency card of its danger, with its mistakes and its conditions; the other
// cards are folded away below, and one that is begun by hand joins it.
func TestWhatSheCameForOpensItsEmergencyCard(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	id := w.browser().opens(catalogue.AskTopic, "sextortion")
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)

	counsellor.get("/desk?c="+id).want(200).sees("Sextorsion", "Ne demandez ni n'ouvrez l'image.", "Vie en danger, ou auteur à proximité", "Tous les protocoles").seesNot("main levée")
	opened, folded := cards(t, counsellor.body, id)
	if !strings.Contains(opened, `id="protocol-sextortion"`) || strings.Contains(opened, `id="protocol-suicide"`) {
		t.Error("the card of blackmail is not the one that is open")
	}
	if !strings.Contains(folded, `id="protocol-more-suicide"`) || strings.Contains(folded, `id="protocol-more-sextortion"`) {
		t.Error("the other cards are not within reach")
	}

	counsellor.post("/desk/contacts/"+id+"/protocols/suicide", "field", "ask", "value", "on").want(200)
	counsellor.get("/desk?c=" + id)
	if opened, _ = cards(t, counsellor.body, id); !strings.Contains(opened, `id="protocol-suicide"`) {
		t.Error("a card that was begun by hand stays folded")
	}
}

// A saved answer sends back what it has a part in, and not the long lists beside it.
func TestASavedAnswerRedrawsOnlyWhatItDecides(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	id := w.browser().opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	const cards, answers = `id="protocols-`, `id="answers-`
	saves := func(field, value string) *browser {
		form := url.Values{"field": {field}, "value": {value}}
		return counsellor.do("POST", "/desk/contacts/"+id+"/field", strings.NewReader(form.Encode()), http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}}).want(200)
	}
	holds := func(want, not string) {
		t.Helper()
		if !strings.Contains(counsellor.body, want) || strings.Contains(counsellor.body, not) {
			t.Errorf("want %s and not %s in\n%s", want, not, counsellor.body)
		}
	}
	saves("gender", "girl").seesNot(cards, answers)
	if holds(`id="missing-`, cards); len(counsellor.body) > 4<<10 {
		t.Errorf("one answer sends %d bytes back", len(counsellor.body))
	}
	saves("called", "Lou")
	holds(answers, cards)
	saves("suicide_urgency", "3")
	holds(cards, answers)
}

// cards parts the emergency cards of a page: those that are open, and those behind "all protocols".
func cards(t *testing.T, page, id string) (opened, folded string) {
	t.Helper()
	_, page, ok := strings.Cut(page, `id="protocols-`+id+`"`)
	if !ok {
		t.Fatal("the page shows no protocols")
	}
	page, _, _ = strings.Cut(page, `id="form-`+id)
	opened, folded, _ = strings.Cut(page, `id="protocols-all-`)
	return opened, folded
}

// A ready answer is filled with what the desk knows and with nothing else: the name she gave, the network
// she named. The hour of an appointment is the counsellor's to say, and is not sent while it is a blank.
func TestAReadyAnswerIsFilledWithWhatIsKnown(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	id := w.browser().opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	for field, value := range map[string]string{"called": "Lou", "platforms": "snapchat"} {
		counsellor.post("/desk/contacts/"+id+"/field", "field", field, "value", value).want(200)
	}
	counsellor.get("/desk?c="+id).want(200).sees("Bonjour Lou. Je suis Camille.", "le lien du faux compte sur Snapchat.", "On se reparle {jour} à {heure}", "On ferme à {fermeture}.")
	if !strings.Contains(counsellor.body, `data-words="bjr `) {
		t.Error("the shortcut of an answer does not find it")
	}

	message := uuid.Must(uuid.NewV7()).String()
	counsellor.post("/desk/contacts/"+id+"/messages", "message_id", message, "body", "On se reparle {jour} ?").want(422).sees("Complétez d'abord {jour}")
	counsellor.post("/desk/contacts/"+id+"/messages", "message_id", message, "body", "On se reparle lundi, avec {des accolades} ?").want(200)
}

// What a colleague wrote bears her name, for the supervisor who reads it in the history too; only one's own
// words are "Vous".
func TestAColleaguesWordsBearHerName(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	id := w.browser().opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/"+id+"/messages", "message_id", uuid.Must(uuid.NewV7()).String(), "body", "Je suis là.").want(200)

	counsellor.get("/desk?c=" + id).sees("Vous Je suis là.")
	w.as(staff.Supervisor).get("/desk/history/" + id).want(200).sees("Camille Je suis là.").seesNot(">Vous<")
}

// A counsellor sends a card of the catalogue and a guide of the site; pressed twice it is sent once, and a second one is another message.
func TestCardsAndGuidesAreSentToRead(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child := w.browser()
	id := child.opens(catalogue.AskTopic, "sextortion")
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	counsellor.get("/desk?c=" + id).want(200).holds(`value="sextortion"`).holds(`value="guides/sextortion"`).holds(`value="guides/snapchat"`)
	form := uuid.Must(uuid.NewV7()).String()
	for _, body := range []string{"sextortion", "sextortion", "guides/sextortion", "guides/sextortion"} {
		counsellor.quickly("/desk/contacts/"+id+"/messages", "message_id", form, "kind", "card", "body", body).want(200)
	}
	card, _ := w.app.Guides.Card("fr", "sextortion")
	page, _ := w.app.Guides.Card("fr", "guides/sextortion")
	child.get("/chat").sees(card.Title, page.Title).holds(`href="/cards/sextortion"`).holds(`href="/guides/sextortion"`)
	if sent := strings.Count(child.body, `class="bubble-guide"`); sent != 2 {
		t.Errorf("%d cards were sent", sent)
	}
	child.get("/guides/sextortion").want(200)
	counsellor.quickly("/desk/contacts/"+id+"/messages", "message_id", uuid.Must(uuid.NewV7()).String(), "kind", "card", "body", "guides/nothing").want(200).sees("Cette fiche n'existe plus.")
}
