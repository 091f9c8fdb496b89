package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// archivedCase is a file with something of everything, in the archive.
func (w *world) archivedCase(camille *browser) (page, contactID string, child *browser) {
	w.Helper()
	page, contactID, child = w.caseOf(camille)
	camille.post(page+"/notes", "id", store.NewID(), "text", "Sa sœur sait.").want(http.StatusOK)
	camille.post(page+"/people", "id", store.NewID(), "part", "child", "handle", "@ines.lune").want(http.StatusOK)
	camille.post(page+"/danger", "id", store.NewID(), "danger.suicide_risk", "2", "remark", "plus calme").want(http.StatusOK)
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "link", "address", "https://example.org/p/1", "account", "@dark.wolf").want(http.StatusOK)
	camille.post(page+"/notices", "id", store.NewID(), "links", "https://www.instagram.com/p/Cabc123/", "ground", "harassment", "seen", "hier", "facts", "Des insultes.").want(http.StatusOK)
	camille.post(page+"/close", "reason", "solved").want(http.StatusOK)
	camille.get(page).sees("Fermé")
	set := func(query string, args ...any) {
		if _, err := w.app.DB.Exec(w.Context(), query, args...); err != nil {
			w.Fatal(err)
		}
	}
	set(`UPDATE contact SET state = 'closed' WHERE id = $1`, contactID)
	w.clock.jumps(casefile.ArchiveAfter + time.Hour)
	archives := func() int {
		n, err := w.app.Cases.ArchiveDue(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		return n
	}
	if archives() != 0 {
		w.Fatal("a file with a draft of a notice was archived")
	}
	set(`UPDATE takedown_notice SET state = 'withdrawn'`)
	if archives() != 1 {
		w.Fatal("the file was not archived")
	}
	return page, contactID, child
}

// Whoever had an archived file reads that it is one, and nothing of it; a supervisor says what for, reads all of it, and takes
// it out again with a reason.
func TestAnArchivedFile(t *testing.T) {
	w := newWorld(t)
	camille, nadia := w.as(staff.Counsellor), w.as(staff.Supervisor)
	w.onDuty(camille)
	page, _, _ := w.archivedCase(camille)
	camille, nadia = w.as(staff.Counsellor), w.as(staff.Supervisor) // three months later
	camille.get(page).want(http.StatusForbidden).sees("Ce dossier est archivé", "Demandez à un responsable").seesNot("Sa sœur sait", "Ouvrir quand même")
	camille.post("/desk/cases", "exact", "@ines.lune").want(http.StatusForbidden).sees("C'est un dossier archivé")
	camille.get("/desk/cases").want(http.StatusOK).seesNot("V-")
	nadia.get("/desk/cases?state=archived").want(http.StatusOK).sees("V-", "Archivé")
	nadia.get(page).want(http.StatusOK).sees("La qualité de notre travail", "Sortir de l'archive").seesNot("Sa sœur sait")
	nadia.post(page+"/print", "room", "child").want(http.StatusForbidden).sees("Ouvrez-le d'abord")
	nadia.post(page + "/archive/look").want(http.StatusUnprocessableEntity).sees("Choisissez pour quoi")
	camille.post(page+"/archive/look", "purpose", "quality").want(http.StatusForbidden)
	nadia.post(page+"/archive/look", "purpose", "justice").want(http.StatusOK)
	nadia.get(page).want(http.StatusOK).sees("Sa sœur sait.", "@ines.lune", "plus calme", "Archivé", "Dossier archivé ouvert", "Une réquisition", "https://example.org/p/1")
	wants(t, nadia.post(page+"/print", "room", "child").want(http.StatusOK).paper(), "Sa sœur sait.")
	nadia.post(page+"/notes", "id", store.NewID(), "text", "encore").want(http.StatusConflict).sees("Un responsable peut le sortir de l'archive")
	nadia.post(page+"/archive/reopen", "id", store.NewID(), "why", "vite").want(http.StatusUnprocessableEntity).sees("Dites pourquoi en une phrase")
	nadia.post(page+"/archive/reopen", "id", store.NewID(), "why", "Le réseau a répondu après coup.").want(http.StatusOK)
	camille.get(page).want(http.StatusOK).sees("Sa sœur sait.", "Le réseau a répondu après coup.", "Dossier sorti de l'archive")
	nadia.get("/desk/cases").want(http.StatusOK).sees("Sortis de l'archive", "Rouvert par")
}

// Every page and act of an archived file answers with what it is or with a sentence, to whoever looks into it and to whoever may not.
func TestEveryPageOfAnArchivedFile(t *testing.T) {
	w := newWorld(t)
	camille, nadia := w.as(staff.Counsellor), w.as(staff.Supervisor)
	w.onDuty(camille)
	page, contactID, _ := w.archivedCase(camille)
	id := strings.TrimPrefix(page, "/desk/cases/")
	one := func(query string) string {
		found, err := store.One(w.Context(), w.app.DB, func(r store.Row) (id string, err error) { return id, r.Scan(&id) }, query)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	notice, item := one(`SELECT id FROM takedown_notice`), one(`SELECT id FROM evidence_item WHERE kind = 'link' LIMIT 1`)
	camille, nadia = w.as(staff.Counsellor), w.as(staff.Supervisor) // three months later
	nadia.post(page+"/archive/look", "purpose", "quality").want(http.StatusOK)
	fill := strings.NewReplacer("{file}", id, "{notice}", notice, "{item}", item, "{referral}", store.NewID(), "{task}", store.NewID(), "{reply}", store.NewID(), "{id}", contactID)
	for _, who := range []*browser{camille, nadia} {
		for _, route := range w.app.Handler().Routes() {
			if !strings.HasPrefix(route.Path, "/desk/cases/{file}") || strings.HasSuffix(route.Path, "/archive/reopen") || strings.HasSuffix(route.Path, "/events") {
				continue // one would end the archive, an open stream does not end
			}
			path := fill.Replace(route.Path)
			if route.Method == http.MethodGet {
				who.get(path)
			} else {
				who.post(path, "id", store.NewID(), "room", "child", "why", "Une raison en une phrase.")
			}
			if who.code >= 500 || who == camille && who.code < 300 {
				t.Errorf("%s %s answers %d", route.Method, route.Path, who.code)
			}
		}
		for _, path := range []string{"/desk", "/desk/cases", "/desk/takedown", "/desk/replies", "/desk/history", "/desk/history/" + contactID} {
			if who.get(path); who.code >= 500 {
				t.Errorf("%s answers %d", path, who.code)
			}
		}
	}
	nadia.get("/desk/takedown/report").want(http.StatusOK)
	nadia.get("/desk/takedown/figures").want(http.StatusOK)
}
