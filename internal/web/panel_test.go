package web_test

import (
	"strings"
	"testing"

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
	if !strings.Contains(folded, `id="protocol-suicide"`) || strings.Contains(folded, `id="protocol-sextortion"`) {
		t.Error("the other cards are not within reach")
	}

	counsellor.post("/desk/contacts/"+id+"/protocols/suicide", "field", "ask", "value", "on").want(200)
	counsellor.get("/desk?c=" + id)
	if opened, _ = cards(t, counsellor.body, id); !strings.Contains(opened, `id="protocol-suicide"`) {
		t.Error("a card that was begun by hand stays folded")
	}
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
