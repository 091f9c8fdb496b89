package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/staff"
	"vigie/internal/store"
)

var caseAt = regexp.MustCompile(`/desk/cases/([0-9a-f-]{36})`)

// opensCase opens the file of a contact and returns its id.
func (b *browser) opensCase(contactID, room string) string {
	b.Helper()
	b.post("/desk/contacts/"+contactID+"/case", "room", room).want(http.StatusOK)
	found := caseAt.FindStringSubmatch(b.body)
	if found == nil {
		b.Fatal("no file was opened")
	}
	return found[1]
}

// A conversation becomes a file: what is to do, who is in it, what was noted, and the way back to the conversation.
func TestAConversationBecomesAFile(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	child := w.browser()
	id := child.opens("public", "child")
	w.answered(camille, id)
	camille.get("/desk?c=" + id).want(http.StatusOK).sees("Ouvrir un dossier")
	file := camille.opensCase(id, "child")
	page := "/desk/cases/" + file
	camille.get(page).want(http.StatusOK).sees("Dossier V-", "C'est votre dossier", "Rien à faire pour l'instant", "De l'enfant", "Dossier ouvert")
	camille.get("/desk?c=" + id).want(http.StatusOK).seesNot("Ouvrir un dossier")
	if !strings.Contains(camille.body, page) {
		t.Error("the conversation does not lead to its file")
	}
	camille.post(page+"/tasks", "id", store.NewID(), "text", "Rappeler Inès après le collège", "due", w.clock.now().Add(48*3600e9).Format("2006-01-02T15:04")).want(http.StatusOK)
	camille.post(page+"/notes", "id", store.NewID(), "text", "Sa sœur sait.").want(http.StatusOK)
	camille.post(page+"/people", "id", store.NewID(), "part", "author", "handle", "@dark.wolf", "age", "15").want(http.StatusOK)
	camille.post(page+"/danger", "id", store.NewID(), "danger.suicide_risk", "2", "remark", "plus calme").want(http.StatusOK)
	camille.get(page).sees("Rappeler Inès après le collège", "Sa sœur sait.", "Mis en cause", "@dark.wolf", "Moyen", "plus calme")
	camille.get("/desk/cases").want(http.StatusOK).sees("À faire", "Rappeler Inès après le collège", "V-")
	camille.post(page+"/close", "reason", "solved").want(http.StatusConflict).sees("Il reste 1 tâche à faire")
	camille.post(page+"/notes", "id", store.NewID(), "text", " ").want(http.StatusUnprocessableEntity).sees("Écrivez quelques mots")
	camille.post(page+"/tasks", "id", store.NewID(), "text", "x", "due", "demain").want(http.StatusUnprocessableEntity).sees("Donnez une date et une heure")
}

// Whoever has no part in a file reads whose it is, and nothing of it; she may break the glass, and a supervisor sees it.
func TestTheGlass(t *testing.T) {
	w := newWorld(t)
	camille, lou, nadia := w.as(staff.Counsellor), w.colleague("Lou"), w.as(staff.Supervisor)
	w.onDuty(camille)
	id := w.browser().opens("public", "child")
	w.answered(camille, id)
	page := "/desk/cases/" + camille.opensCase(id, "child")
	camille.post(page+"/notes", "id", store.NewID(), "text", "Sa sœur sait.").want(http.StatusOK)

	lou.get(page).want(http.StatusForbidden).sees("suit ce dossier", "Ouvrir quand même").seesNot("Sa sœur sait", "Chronologie")
	lou.post(page+"/notes", "id", store.NewID(), "text", "bonjour").want(http.StatusForbidden)
	lou.post(page+"/readers", "who", "x").want(http.StatusForbidden)
	lou.get("/desk/cases").want(http.StatusOK).seesNot("V-")
	lou.post(page+"/glass", "why", "pour voir").want(http.StatusUnprocessableEntity).sees("Dites pourquoi en une phrase")
	lou.post(page+"/glass", "why", "Inès rappelle et Camille est absente.").want(http.StatusOK)
	lou.get(page).want(http.StatusOK).sees("Sa sœur sait.", "Accès exceptionnel")
	lou.post(page+"/close", "reason", "solved").want(http.StatusForbidden)

	nadia.get("/desk/cases").want(http.StatusOK).sees("Dossiers ouverts sans accès", "Inès rappelle et Camille est absente.")
	seen := regexp.MustCompile(`/desk/glasses/[0-9a-f-]{36}/seen`).FindString(nadia.body)
	lou.post(seen).want(http.StatusForbidden)
	nadia.post(seen).want(http.StatusOK)
	nadia.get("/desk/cases").seesNot("Dossiers ouverts sans accès")
}

// Whose reading of a file was ended is told no more that it changes, though her page is still open.
func TestWhoMayReadAFileNoMoreIsToldNothingOfIt(t *testing.T) {
	w := newWorld(t)
	camille, lou := w.as(staff.Counsellor), w.colleague("Lou")
	w.onDuty(camille)
	id := w.browser().opens("public", "child")
	w.answered(camille, id)
	page := "/desk/cases/" + camille.opensCase(id, "child")
	camille.post(page+"/readers", "who", w.idOf("Lou")).want(http.StatusOK)
	notes := func(hears ...func() string) {
		t.Helper()
		before := make([]int, len(hears))
		for i, came := range hears {
			before[i] = len(came())
		}
		camille.post(page+"/notes", "id", store.NewID(), "text", "Sa sœur sait.").want(http.StatusOK)
		for i, came := range hears {
			w.until("it is told that the file changed", func() bool { return strings.Contains(came()[before[i]:], "case-changed") })
		}
	}
	hers, lous := camille.listens(page+"/events?since=9999999999999"), lou.listens(page+"/events?since=9999999999999")
	notes(hers, lous)
	if err := w.app.Cases.Withdraw(t.Context(), fileAt(page), w.idOf("Lou"), audit.Actor{Kind: audit.Staff, ID: w.idOf("Camille")}); err != nil {
		t.Fatal(err)
	}
	w.clock.jumps(time.Second)
	told := strings.Count(lous(), "case-changed")
	notes(hers)
	notes(hers)
	if again := strings.Count(lous(), "case-changed"); again != told {
		t.Errorf("she was told %d times more", again-told)
	}
}

// A parent's contact goes into the child's file by its reference, in a room of its own.
func TestAParentsContactInTheSameFile(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	child := w.browser().opens("public", "child")
	w.answered(camille, child)
	page := "/desk/cases/" + camille.opensCase(child, "child")
	reference := regexp.MustCompile(`V-\w{4}-\w{2}`).FindString(camille.get(page).text())
	mother := w.browser().opens("public", "parent")
	w.answered(camille, mother)
	camille.post("/desk/contacts/"+mother+"/case", "room", "parent", "reference", "V-2222-22").want(http.StatusNotFound).sees("Aucun dossier n'a cette référence")
	camille.post("/desk/contacts/"+mother+"/case", "room", "parent", "reference", strings.ToLower(reference)).want(http.StatusOK)
	camille.get(page).sees("De l'enfant", "D'un parent", "chacun leur espace")
	camille.post("/desk/cases", "exact", reference).want(http.StatusOK).sees(reference)
	camille.post("/desk/cases", "exact", "V-2222-22").want(http.StatusOK).sees("Rien de trouvé", "Revoir tous les dossiers")
	camille.post("/desk/cases", "exact", "deux mots?").want(http.StatusUnprocessableEntity)
}

// What is kept as proof of a file: an address, a statement; where nothing may be captured, no file is asked for, and why is said.
func TestEvidenceOfAFile(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	id := w.browser().opens("public", "child")
	w.answered(camille, id)
	page := "/desk/cases/" + camille.opensCase(id, "child")
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "link", "address", "https://example.org/p/1", "account", "@dark.wolf").want(http.StatusOK)
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "statement", "statement", "On y lit son adresse.").want(http.StatusOK)
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "link", "address", "deux mots").want(http.StatusUnprocessableEntity).sees("Collez un lien")
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "file", "proof", store.NewID()).want(http.StatusNotFound)
	camille.get(page).want(http.StatusOK).sees("Lien n° 1", "Constat n° 2", "https://example.org/p/1", "@dark.wolf", "On y lit son adresse.", "Suivi de la preuve", "Empreinte SHA-256").seesNot("Aucune image ne se garde ici")
	camille.post(page + "/evidence/export").want(http.StatusUnprocessableEntity).sees("Choisissez pour qui")
	camille.post(page+"/evidence/export", "purpose", "police").want(http.StatusOK)
	if kind := camille.header.Get("Content-Type"); kind != "application/zip" || !strings.HasPrefix(camille.body, "PK") {
		t.Errorf("the export is %s", kind)
	}
	camille.get(page).sees("Preuves exportées", "Exportée")
	var forbidden string
	for _, c := range w.app.Catalogue.Current().Taxonomy.Categories {
		if c.Has(catalogue.NoCapture) {
			forbidden = c.Code
		}
	}
	camille.post(page+"/topic", "topic", forbidden).want(http.StatusOK).sees("Aucune image ne se garde ici", "Take It Down")
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "file", "proof", store.NewID()).want(http.StatusForbidden).sees("Cette image ne peut pas être gardée")
}
