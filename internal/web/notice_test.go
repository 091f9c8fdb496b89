package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"vigie/internal/staff"
	"vigie/internal/store"
)

var noticeAt = regexp.MustCompile(`/desk/cases/[0-9a-f-]{36}/notices/[0-9a-f-]{36}`)

// caseOf is the page of a file that a counsellor opened for a child she talks with.
func (w *world) caseOf(counsellor *browser) (page, contactID string, child *browser) {
	w.Helper()
	child = w.browser()
	id := child.opens("public", "child")
	w.answered(counsellor, id)
	return "/desk/cases/" + counsellor.opensCase(id, "child"), id, child
}

// From a pasted link to the child's own conversation: drafted, agreed, sent by hand, decided, looked at twice, told.
func TestFromALinkToTheChildBeingTold(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	page, contactID, child := w.caseOf(camille)
	camille.post(page+"/notices", "id", store.NewID(), "links", "regarde https://www.instagram.com/p/Cabc123/?igsh=xyz stp", "ground", "harassment", "seen", "28/11/2026, 10 h", "facts", "Des insultes.").
		want(http.StatusOK).sees("Instagram, notification n° 1", "L'accord de l'enfant", "Des insultes.", "instagram.com/p/Cabc123", "222-33-2-2 du code pénal").seesNot("igsh", "à revoir")
	notice := noticeAt.FindString(camille.body)
	camille.get(page).sees("Lien n° 1", "Notification préparée") // proof came first
	camille.post(notice + "/approve").want(http.StatusUnprocessableEntity).sees("Il manque encore quelque chose")
	camille.post(notice + "/consent").want(http.StatusForbidden).sees("Seul un responsable")
	camille.post(notice+"/consent", "yes", "1").want(http.StatusOK).sees("Tout y est")
	camille.post(notice+"/approve").want(http.StatusOK).sees("Prête à envoyer", "C'est envoyé")
	camille.post(notice+"/filed", "route", "portal", "reference", "REF-77").want(http.StatusOK).sees("Envoyée", "REF-77")
	camille.get("/desk/takedown").want(http.StatusOK).sees("Instagram, notification n° 1", "Envoyée")
	camille.post(notice+"/answered", "decision", "").want(http.StatusOK).sees("Reçue par le réseau")
	camille.post(notice+"/answered", "decision", "removed", "said", "Nous avons retiré la publication.").want(http.StatusOK).sees("Décision reçue", "Contenu retiré", "article 20")
	camille.post(notice+"/looked", "found", "gone").want(http.StatusOK).sees("Décision reçue")
	w.clock.jumps(4 * 3600e9)
	camille = w.as(staff.Counsellor) // her session is over by then
	camille.post(notice+"/looked", "found", "gone").want(http.StatusOK).sees("Disparu, vu deux fois", "Dire à l'enfant que c'est parti", "Envoyer dans la conversation")
	camille.post(notice+"/told", "contact", contactID, "message_id", store.NewID(), "words", "C'est parti, on surveille.").want(http.StatusOK).sees("Disparu, surveillé")
	child.get("/chat").sees("C'est parti, on surveille.")
	camille.get(page).sees("Contenu disparu, vu deux fois", "L'enfant sait que c'est parti")
}

// What is pasted badly is said at the form, and nothing is half made.
func TestBadPastes(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	page, _, _ := w.caseOf(camille)
	try := func(links string) *browser {
		return camille.post(page+"/notices", "id", store.NewID(), "links", links, "ground", "harassment")
	}
	try("rien du tout").want(http.StatusUnprocessableEntity).sees("Aucun lien n'a été reconnu")
	try("https://instagrаm.com/p/1").want(http.StatusUnprocessableEntity).sees("imite celle d'un réseau")
	try(strings.Repeat("https://example.org/p/1?x=", 1) + "1 " + strings.Join(many(2100), " ")).want(http.StatusUnprocessableEntity).sees("C'est trop de liens")
	camille.post(page+"/notices", "id", store.NewID(), "links", "https://www.tiktok.com/@a/video/7", "ground", "made_up").want(http.StatusUnprocessableEntity).sees("Choisissez un motif")
	camille.get(page).sees("Aucune notification.").seesNot("Notification préparée")
	try("https://forum-inconnu.example/fil/12 et https://www.tiktok.com/@dark/video/7300000000000000000").want(http.StatusOK).sees("forum-inconnu.example")
	camille.get(page).sees("forum-inconnu.example, notification n° 1", "TikTok, notification n° 2")
}

func many(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "https://forum.example/fil/" + store.NewID()
	}
	return all
}

// A notice is read by whoever may read its file, and by nobody else.
func TestANoticeIsOfItsFile(t *testing.T) {
	w := newWorld(t)
	camille, lou := w.as(staff.Counsellor), w.colleague("Lou")
	w.onDuty(camille)
	page, _, _ := w.caseOf(camille)
	camille.post(page+"/notices", "id", store.NewID(), "links", "https://www.instagram.com/p/Cabc123/", "ground", "harassment").want(http.StatusOK)
	notice := noticeAt.FindString(camille.body)
	lou.get(notice).want(http.StatusForbidden).seesNot("instagram.com")
	lou.post(notice+"/consent", "yes", "1").want(http.StatusForbidden)
	lou.get("/desk/takedown").want(http.StatusOK).sees("Aucune notification.")
	other, _, _ := w.caseOf(camille)
	camille.get(strings.Replace(notice, page, other, 1)).want(http.StatusNotFound)
}
