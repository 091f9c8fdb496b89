package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/routing/flood"
	"vigie/internal/staff"
)

// Each door of the home page leads to a page for who she is, and from there to the first questions with that answered already.
func TestADoorAnswersWhoSheIs(t *testing.T) {
	w := newWorld(t)
	home := w.browser().get("/").body
	for _, who := range []string{"parent", "professional"} {
		if !strings.Contains(home, `href="/`+who+`s"`) || !strings.Contains(w.browser().get("/"+who+"s").body, `href="/chat?who=`+who+`"`) {
			t.Errorf("no door for a %s", who)
		}
		if page := w.browser().get("/chat?who=" + who).body; !strings.Contains(page, `value="`+who+`" checked`) {
			t.Errorf("a %s is asked again who she is", who)
		}
	}
	w.browser().get("/chat?who=nobody").want(http.StatusOK).seesNot(" checked")
}

// What we may do when a life is in danger is said before a chat is opened, in the words that the editors
// publish: those for adults to whoever comes by an adult's door.
func TestTheLineOfALifeInDangerIsTheEditors(t *testing.T) {
	w := newWorld(t)
	text := strings.Replace(string(catalogue.Seed(catalogue.DocLines)), "Si ta vie est en danger, on peut", "Si tu es en danger de mort, on peut", 1)
	if _, err := w.app.Catalogue.Publish(t.Context(), catalogue.DocLines, []byte(text), audit.Actor{Kind: audit.Staff, ID: "editor"}); err != nil {
		t.Fatal(err)
	}
	w.browser().get("/chat").sees("Si tu es en danger de mort, on peut demander aux secours de te trouver.")
	w.browser().get("/chat?who=parent").sees("nous pouvons demander aux secours d'intervenir").seesNot("te trouver")
}

// With the proof always on, a browser without scripts is told what is true for it, and gets in.
func TestWhoHasNoScriptsGetsInUnderAFlood(t *testing.T) {
	w := newWorld(t)
	w.app.Guard.SetProof(flood.Always, flood.MinBits)
	child, id := w.browser(), uuid.Must(uuid.NewV7()).String()
	child.post("/chat", "contact_id", id).want(http.StatusTooManyRequests)
	_, challenge, _ := strings.Cut(child.body, `data-challenge="`)
	challenge, _, _ = strings.Cut(challenge, `"`)
	for _, part := range []string{`name="proof" value="` + challenge + `"`, "Appuie encore une fois sur le bouton", "tel:3018"} {
		if !strings.Contains(child.body, part) {
			t.Errorf("the page that asks has no %q", part)
		}
	}
	w.clock.jumps(flood.PlainWait + time.Second)
	child.post("/chat", "contact_id", id, "proof", challenge).want(http.StatusOK).sees("Tu es dans la file")
}

// Whoever said that she is an adult is spoken to as one, in what the house says by itself too.
func TestAnAdultIsNotSpokenToAsAChild(t *testing.T) {
	w := newWorld(t)
	parent := w.browser()
	id := parent.opens("who", "parent")
	parent.sees("Vous êtes dans la file").seesNot("Tu es dans la file", "ton tour", "devant toi")
	w.answered(w.as(staff.Counsellor), id)
	parent.get("/chat").sees("Vous parlez avec", "vous répond. Dites-nous ce qui se passe").seesNot("Tu parles avec")
	parent.post("/chat/end").sees("Merci de nous avoir parlé. Gardez vos 4 mots").seesNot("Garde tes 4 mots")
}
