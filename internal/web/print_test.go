package web_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vigie/internal/catalogue"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// paper is what another program reads in the PDF that was handed out.
func (b *browser) paper() string {
	b.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		b.Skip("pdftotext is not installed (poppler-utils)")
	}
	path := filepath.Join(b.TempDir(), "a.pdf")
	if err := os.WriteFile(path, []byte(b.body), 0o600); err != nil {
		b.Fatal(err)
	}
	text, err := exec.Command("pdftotext", "-layout", path, "-").Output()
	if err != nil {
		b.Fatalf("it is no PDF: %v", err)
	}
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ", "’", "'").Replace(string(text))
}

func wants(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not on the paper: %s", w, text)
		}
	}
}

func wantsNot(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("%q is on the paper", w)
		}
	}
}

// A file is printed room by room, by whoever may read it: what is the child's is not on a parent's paper, and who printed it
// stands on the page, in the timeline and in the custody of the proof.
func TestAFileIsPrintedByRoom(t *testing.T) {
	w := newWorld(t)
	camille, lou := w.as(staff.Counsellor), w.colleague("Lou")
	w.onDuty(camille)
	page, _, _ := w.caseOf(camille)
	camille.post(page+"/notes", "id", store.NewID(), "text", "Sa sœur sait.").want(http.StatusOK)
	camille.post(page+"/people", "id", store.NewID(), "part", "child", "name", "Inès").want(http.StatusOK)
	camille.post(page+"/people", "id", store.NewID(), "part", "parent", "name", "Madame Durand").want(http.StatusOK)
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "link", "address", "https://example.org/p/1", "account", "@dark.wolf").want(http.StatusOK)
	lou.post(page+"/print", "room", "child").want(http.StatusForbidden)
	camille.post(page+"/print", "room", "attic").want(http.StatusUnprocessableEntity)
	child := camille.post(page+"/print", "room", "child").want(http.StatusOK).paper()
	wants(t, child, "Confidentiel", "Imprimé par ", "Sa sœur sait.", "Inès", "https://example.org/p/1", "@dark.wolf", "Empreinte SHA-256", "Dossier ouvert", "Dossier imprimé", "Page 1 sur")
	wantsNot(t, child, "Durand")
	parent := camille.post(page+"/print", "room", "parent").want(http.StatusOK).paper()
	wants(t, parent, "Madame Durand", "espace de l'enfant")
	wantsNot(t, parent, "Inès", "sœur", "dark.wolf", "Dossier ouvert")
	camille.get(page).sees("Dossier imprimé", "Regardé")
	camille.post("/desk/account/lang", "lang", "en").want(http.StatusOK)
	english := camille.post(page+"/print", "room", "child").want(http.StatusOK).paper()
	wants(t, english, "Confidential", "Printed by ", "Proof that is kept", "SHA-256", "Page 1 of")
	wantsNot(t, english, "Imprimé", "Preuves", "{")
}

// The page of offences to take along says nothing of the story, nor which file it is.
func TestOffencesOnPaper(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	page, _, _ := w.caseOf(camille)
	camille.post(page+"/topic", "topic", "cyberbullying").want(http.StatusOK)
	for _, reader := range []string{"child", "parent"} {
		text := camille.get(page + "/offences/pdf?for=" + reader).want(http.StatusOK).paper()
		wants(t, text, "222-33-2-2", "Page 1 sur")
		wantsNot(t, text, "V-", "{")
	}
}

// The figures and the yearly report are a supervisor's; nothing of a case is in them, and what an administrator wrote is.
func TestTheYearlyReport(t *testing.T) {
	w := newWorld(t)
	camille, lou, nadia := w.as(staff.Counsellor), w.colleague("Lou"), w.as(staff.Supervisor)
	w.onDuty(camille)
	page, _, _ := w.caseOf(camille)
	camille.post(page+"/notices", "id", store.NewID(), "links", "https://www.instagram.com/p/Cabc123/", "ground", "harassment", "seen", "hier", "facts", "Des insultes.").want(http.StatusOK)
	notice := noticeAt.FindString(camille.body)
	camille.post(notice+"/consent", "yes", "1").want(http.StatusOK)
	camille.post(notice + "/approve").want(http.StatusOK)
	camille.post(notice+"/filed", "route", "portal").want(http.StatusOK)
	camille.post(notice+"/answered", "decision", "removed").want(http.StatusOK)

	lou.get("/desk/takedown").want(http.StatusOK).sees("Dans des dossiers que vous ne lisez pas", "1 notification", "Où en sont les notifications", "Chez le réseau").seesNot("notification n° 1", "Cabc123", "Harcèlement")
	for _, path := range []string{"/desk/takedown/figures", "/desk/takedown/report", "/desk/takedown/report/pdf", "/desk/takedown/report/csv"} {
		camille.get(path).want(http.StatusForbidden)
	}
	nadia.get("/desk/takedown/figures").want(http.StatusOK).sees("Instagram", "Harcèlement en ligne", "sur 1", "trop peu").seesNot("neuf sur dix en")
	w.edits(catalogue.DocGrounds, func(text string) string {
		return strings.Replace(text, "[person]", "[report]\nindependence = { fr = \"Aucun réseau ne nous paie.\", en = \"No platform pays us.\" }\n\n[person]", 1)
	})
	year := w.clock.now().Format("2006")
	nadia.get("/desk/takedown/report?year="+year).want(http.StatusOK).sees("Aucun réseau ne nous paie.", "moins de 5", "Autres services").seesNot("Instagram")
	text := nadia.get("/desk/takedown/report/pdf?year=" + year).want(http.StatusOK).paper()
	wants(t, text, "article 22", "Aucun réseau ne nous paie.", "Autres services", "moins de 5", "Contenu retiré")
	wantsNot(t, text, "Cabc123", "V-", "Instagram", "administrateur")
	wants(t, text, "Par fournisseur et par type de contenu", "Types non détaillés")
	nadia.get("/desk/takedown/report/csv?year="+year).want(http.StatusOK).sees("Contenu retiré,moins de 5", "Autres services,Types non détaillés,moins de 5")
	nadia.get("/desk/takedown/figures").sees("Par fournisseur et par type de contenu")
	nadia.post("/desk/account/lang", "lang", "en").want(http.StatusOK)
	english := nadia.get("/desk/takedown/report/pdf?year=" + year).want(http.StatusOK).paper()
	wants(t, english, "Article 22(3)", "No platform pays us.", "Other services", "fewer than 5", "By provider and type of content", "Types not told apart", "Page 1 of")
	wantsNot(t, english, "moins de", "Autres", "réseau", "Instagram", "{")
	nadia.post("/desk/account/lang", "lang", "fr").want(http.StatusOK)
	nadia.get("/desk/takedown/report?year=1999").want(http.StatusUnprocessableEntity).sees("Choisissez une année")
}
