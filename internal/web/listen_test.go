package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/staff"
)

// Who may do what with a colleague's conversation: roles by acts. A counsellor who was not asked may nothing; one who was
// asked may come, see and go; whoever reads no contacts is not even told that there is one.
func TestWhoMayListen(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	w.answered(w.as(staff.Counsellor), id)
	child.says("On partage ma photo.")
	page := "/desk/listen/" + id
	fresh := func() string { return uuid.Must(uuid.NewV7()).String() }
	acts := []struct {
		path string
		with []string
	}{
		{page, []string{"purpose", "safety"}},
		{page + "/mode", []string{"mode", "joined"}},
		{page + "/whisper", []string{"message_id", fresh(), "body", "Demande son âge."}},
		{page + "/messages", []string{"message_id", fresh(), "body", "Bonjour."}},
		{page + "/invite", []string{"to", w.people[staff.Editor].ID}},
		{page + "/renew", nil},
		{page + "/take", nil},
		{page + "/back", nil},
		{"/desk/listening", []string{"day", "2030-01-01", "from", "09:00", "until", "12:00"}},
		{"/desk/listening/none/withdraw", nil},
	}
	colleague := w.colleague("Bilal")
	for name, who := range map[string]*browser{"a colleague": colleague, "an editor": w.as(staff.Editor), "an administrator": w.as(staff.Administrator), "the officer": w.as(staff.Officer)} {
		for _, act := range acts {
			if got := who.post(act.path, act.with...).code; got != http.StatusForbidden {
				t.Errorf("%s, %s: %d", name, act.path, got)
			}
		}
		who.get(page).want(http.StatusForbidden).seesNot("On partage ma photo.")
	}
	for _, own := range []string{"/accept", "/attach", "/end"} { // hers only where she was asked
		colleague.post(page + own).want(http.StatusGone)
	}
	w.browser().get(page).seesNot("On partage ma photo.")

	above := w.as(staff.Supervisor)
	above.get(page).want(http.StatusOK).sees("Pourquoi écoutez-vous").seesNot("On partage ma photo.")
	above.post(page).want(http.StatusUnprocessableEntity).sees("Dites pourquoi vous écoutez.")
	above.post(page, "purpose", "quality").want(http.StatusForbidden).sees("Seule la sécurité permet d'écouter.")
	above.post(page, "purpose", "visit").want(http.StatusForbidden).sees("La personne n'a pas dit oui à une visite.")
	above.post(page+"/messages", "message_id", fresh(), "body", "Bonjour.").want(http.StatusForbidden)
	above.post(page, "purpose", "safety").want(http.StatusOK).sees("On partage ma photo.")
	above.post(page+"/messages", "message_id", fresh(), "body", "Bonjour.").want(http.StatusForbidden) // she only follows
	for _, act := range acts[1:8] {
		if act.path == page+"/invite" {
			above.post(act.path, act.with...).want(http.StatusUnprocessableEntity) // an editor reads no contacts
			continue
		}
		above.post(act.path, act.with...).want(http.StatusOK)
	}
	child.get("/chat").sees("Dominique, de l'équipe, nous rejoint", "Bonjour.").seesNot("Demande son âge.")
}

// Whoever knows the person neither listens nor is told, whatever her role.
func TestWhoKnowsThePersonDoesNotListen(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	above := w.as(staff.Supervisor)
	w.onDuty(above)
	above.post("/desk/contacts/" + id + "/known").want(http.StatusOK)
	w.answered(w.as(staff.Counsellor), id)
	above.get("/desk/listen/" + id).want(http.StatusNotFound)
	above.post("/desk/listen/"+id, "purpose", "safety").want(http.StatusNotFound)
	above.get("/desk/floor").seesNot("u" + id)
}

// The child's no is a form like any other: it works without scripts, and is there when she comes back.
func TestAChildSaysNoWithoutScripts(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	w.answered(w.as(staff.Counsellor), id)
	child.get("/chat").sees("Qui lit", "Parfois quelqu'un de l'équipe lit avec elle")
	child.post("/chat/alone").want(http.StatusOK).sees("personne d'autre ne lit")
	child.get("/chat").sees("personne d'autre ne lit").seesNot("Non, seulement la personne qui me répond")
	w.as(staff.Supervisor).post("/desk/listen/"+id, "purpose", "safety").want(http.StatusForbidden).sees("La personne a refusé.")
}

// A tutor, who is a counsellor like others, listens to whom she teaches, to teach and for nothing else, outside of any period; and to nobody
// else. She takes nothing over, and invites nobody.
func TestATutorListensToWhomSheTeaches(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	w.answered(w.as(staff.Counsellor), id)
	child.says("On partage ma photo.")
	page := "/desk/listen/" + id
	tutor := w.colleague("Bilal")
	tutor.post(page, "purpose", "training").want(http.StatusForbidden)
	bilal, err := w.app.Staff.List(w.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range bilal {
		if p.Alias != "Bilal" {
			continue
		}
		if err := w.app.Trainees.Set(w.Context(), w.people[staff.Counsellor].ID, p.ID, audit.Actor{Kind: audit.Staff, ID: w.people[staff.Supervisor].ID}); err != nil {
			t.Fatal(err)
		}
	}
	tutor.get("/desk/training").want(http.StatusOK)
	if !strings.Contains(tutor.body, page) {
		t.Error("she is not told that there is something to listen to")
	}
	tutor.get(page).want(http.StatusOK).seesNot("On partage ma photo.")
	for _, purpose := range []string{"safety", "quality", "visit"} {
		tutor.post(page, "purpose", purpose).want(http.StatusForbidden)
	}
	tutor.post(page, "purpose", "training", "mode", "take").want(http.StatusForbidden)
	tutor.post(page, "purpose", "training").want(http.StatusOK).sees("On partage ma photo.")
	tutor.post(page+"/mode", "mode", "whisperer").want(http.StatusOK)
	tutor.post(page+"/whisper", "message_id", uuid.Must(uuid.NewV7()).String(), "body", "Demande son âge.").want(http.StatusOK)
	tutor.post(page + "/take").want(http.StatusForbidden)
	tutor.post(page+"/invite", "to", w.people[staff.Supervisor].ID).want(http.StatusForbidden)
	w.as(staff.Counsellor).get("/desk").sees("Bilal")
	tutor.post(page + "/end").want(http.StatusOK).seesNot("On partage ma photo.")
}
