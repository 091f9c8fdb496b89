package web_test

import (
	"archive/zip"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/web/i18n"
)

var (
	requestAt = regexp.MustCompile(`action="(/admin/requests/[0-9a-f-]{36})"`)
	letterAt  = regexp.MustCompile(`/admin/requests/[0-9a-f-]{36}/letters/[0-9a-f-]{36}`)
)

// asks notes a request that came today, and returns its page for whoever answers requests.
func (b *browser) asks(who, kind, words string) string {
	b.Helper()
	b.post("/admin/requests/new", "id", store.NewID(), "who", who, "kind", kind, "way", "letter", "lang", "fr", "received", b.clock.now().In(i18n.Paris).Format(time.DateOnly), "name", "Madame Durand", "words", words).want(http.StatusOK)
	if found := requestAt.FindStringSubmatch(b.body); found != nil {
		return found[1]
	}
	return ""
}

// moves does something with a request as its page stands.
func (b *browser) moves(page, do string, fields ...string) *browser {
	b.Helper()
	b.get(page).want(http.StatusOK)
	rev := revision.FindStringSubmatch(b.body)
	if rev == nil {
		b.Fatal("the page can do nothing")
	}
	return b.post(page, append(fields, "do", do, "rev", rev[1])...)
}

// A child asks for her copy: the officer gives her four words, reads nothing, and has the copy made; her counsellor opens it to her in
// their conversation; she takes it with her words, and a supervisor may print it.
func TestAChildTakesHerCopy(t *testing.T) {
	w := newWorld(t)
	camille, nadia, maelle := w.as(staff.Counsellor), w.as(staff.Supervisor), w.as(staff.Officer)
	w.onDuty(camille)
	child := w.browser()
	id := child.opens("public", "child")
	w.answered(camille, id)
	child.says("Il menace de montrer ma photo.")
	words := w.words(id)
	page := maelle.asks("young", "access", "Je veux voir ce que vous gardez de moi.")
	maelle.get(page).sees("Accès (article 15)", "Je veux voir ce que vous gardez de moi.", "Rien n'est cherché par un nom")
	maelle.moves(page, "copy").want(http.StatusConflict).sees("Ce n'est plus possible")
	maelle.moves(page, "words", "words", "un deux trois").want(http.StatusUnprocessableEntity)
	maelle.moves(page, "words", "words", words).want(http.StatusOK).sees("Ses quatre mots ont été donnés", "Chat,").seesNot("Il menace")
	maelle.moves(page, "copy").want(http.StatusOK).sees("Une copie est prête").seesNot("Il menace")
	child.get("/chat").seesNot("Prendre ta copie")
	child.get("/chat/copy").want(http.StatusNotFound)
	camille.get("/desk?c="+id).want(http.StatusOK).sees("Une copie de ses données est prête", "Lui ouvrir sa copie")
	camille.post("/desk/contacts/" + id + "/copy").want(http.StatusOK).sees("Elle est ouverte dans cette conversation")
	child.get("/chat").want(http.StatusOK).sees("Prendre ta copie")
	child.get("/chat/copy").want(http.StatusOK).sees("Le fichier reste sur ton téléphone")
	child.post("/chat/copy", "words", "un deux trois").want(http.StatusUnprocessableEntity).sees("Ta copie")
	child.post("/chat/copy", "words", words).want(http.StatusOK)
	z, err := zip.NewReader(strings.NewReader(child.body), int64(len(child.body)))
	if err != nil || len(z.File) != 2 || child.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%v: %s", err, child.header)
	}
	nadia.get("/admin/requests/new").want(http.StatusOK).sees("Copies prêtes")
	wants(t, nadia.post(page+"/print").want(http.StatusOK).paper(), "Il menace de montrer ma photo.", "Ta copie", "Rien n'a été transmis")
	camille.post(page + "/print").want(http.StatusForbidden)
	maelle.post(page + "/print").want(http.StatusForbidden)
	maelle.get(page).sees("Copie prise par la personne", "Copie imprimée")
}

// A parent asks: a counsellor notes it at her desk, the officer writes that we say neither yes nor no, and prints and sends it.
func TestAParentIsToldNothing(t *testing.T) {
	w := newWorld(t)
	camille, maelle := w.as(staff.Counsellor), w.as(staff.Officer)
	camille.get("/desk/cases").sees("Quelqu'un demande ses données")
	camille.get("/admin/requests/new").want(http.StatusOK).sees("Ne dites à personne").seesNot("Copies prêtes")
	camille.post("/admin/requests/new", "id", store.NewID(), "words", "Que dit ma fille ?").want(http.StatusUnprocessableEntity).sees("Choisissez ce qui est demandé", "Que dit ma fille ?")
	camille.asks("parent", "access", "Que dit ma fille ?")
	camille.sees("notée", "au plus tard le")
	camille.get("/admin/requests").want(http.StatusForbidden)
	maelle.get("/admin").want(http.StatusSeeOther)
	if to := maelle.header.Get("Location"); to != "/admin/requests" {
		t.Errorf("her work is at %s", to)
	}
	maelle.get("/admin/requests").want(http.StatusOK).sees("Demandes en attente", "Un parent ou un tuteur")
	page := regexp.MustCompile(`/admin/requests/[0-9a-f-]{36}`).FindString(maelle.body)
	maelle.get(page).want(http.StatusOK).sees("Ne cherchez pas l'enfant", "Madame Durand")
	maelle.moves(page, "refuse", "ground", "neither").want(http.StatusUnprocessableEntity).sees("Envoyez d'abord la lettre")
	maelle.moves(page, "letter", "id", store.NewID(), "letter", "neither", "lang", "fr").want(http.StatusOK).sees("ne confirme rien et ne dément rien")
	letter := letterAt.FindString(maelle.body)
	maelle.post(letter, "do", "save", "rev", "1", "text", " ").want(http.StatusUnprocessableEntity).sees("Écrivez quelques mots")
	wants(t, maelle.get(letter+"/pdf").want(http.StatusOK).paper(), "Madame Durand", "considérant 38", "CNIL")
	maelle.post(letter, "do", "sent", "rev", "1", "on", w.clock.now().In(i18n.Paris).Format(time.DateOnly)).want(http.StatusOK).sees("Envoyée le")
	maelle.moves(page, "refuse", "ground", "neither").want(http.StatusOK).sees("Refusée", "Nous ne disons à personne")
	maelle.moves(page, "close").want(http.StatusOK).sees("Classée")
	maelle.get("/admin/requests").sees("Aucune demande en attente", "Demandes terminées")
}

// What is late stands on top and says so.
func TestALateRequestStandsOnTop(t *testing.T) {
	w := newWorld(t)
	maelle := w.as(staff.Officer)
	late := maelle.asks("young", "access", "ma copie")
	maelle.moves(late, "extend", "why", "court").want(http.StatusUnprocessableEntity).sees("Dites pourquoi")
	w.clock.jumps(40 * 24 * time.Hour)
	maelle = w.as(staff.Officer)
	fresh := maelle.asks("young", "erasure", "tout effacer")
	maelle.moves(fresh, "extend", "why", "Beaucoup de demandes cette semaine.").want(http.StatusOK).sees("La personne doit l'apprendre pendant le premier mois", "Beaucoup de demandes")
	body := maelle.get("/admin/requests").want(http.StatusOK).sees("En retard").body
	if i, j := strings.Index(body, late), strings.Index(body, fresh); i < 0 || j < i {
		t.Errorf("the late one stands at %d, the other at %d", i, j)
	}
}
