package web_test

import (
	"net/http"
	"regexp"
	"testing"

	"vigie/internal/staff"
)

// A counsellor who is threatened ends the conversation with the line of the house; supervisors are rung, and the
// floor keeps the incident until one of them has closed it with a few words, which stay with the contact.
func TestAThreatEndsTheConversationAndOpensAnIncident(t *testing.T) {
	w := newWorld(t)
	child, counsellor, supervisor := w.browser(), w.as(staff.Counsellor), w.as(staff.Supervisor)
	id := child.opens()
	w.answered(counsellor, id)
	child.says("je sais où tu habites, je vais venir").want(http.StatusOK)
	counsellor.get("/desk?c="+id).want(http.StatusOK).sees("terminer et prévenir", "Sans bloquer")
	w.colleague("Morgan").post("/desk/contacts/" + id + "/threat").want(http.StatusForbidden)
	counsellor.post("/desk/contacts/"+id+"/threat", "hours", "9999999999").want(http.StatusUnprocessableEntity)

	counsellor.quickly("/desk/contacts/"+id+"/threat", "hours", "24").want(http.StatusOK).
		sees("Les responsables sont prévenus", "Bloqué jusqu'au")
	child.get("/chat").sees("les menaces y mettent fin", "le 114 par SMS").seesNot("C'était courageux")
	child.post("/chat").want(http.StatusForbidden).sees("112", "119")

	supervisor.get("/desk").want(http.StatusOK).sees("Camille a reçu des menaces et a mis fin à la conversation.")
	supervisor.get("/desk/floor").want(http.StatusOK).sees("Incidents", "Menaces", "signalé par Camille")
	closing := regexp.MustCompile(`action="(/desk/floor/incidents/[^"]+/close)"`).FindStringSubmatch(supervisor.body)
	if closing == nil {
		t.Fatal("the incident cannot be closed")
	}
	counsellor.post(closing[1], "note", "rien").want(http.StatusForbidden)
	supervisor.post(closing[1], "note", "").want(http.StatusUnprocessableEntity).sees("Un incident se ferme avec quelques mots")
	supervisor.post(closing[1], "note", "Police prévenue, Camille accompagnée.").want(http.StatusOK).seesNot("/desk/floor/incidents/")
	supervisor.get("/desk/history/"+id).want(http.StatusOK).sees("signalé par Camille", "Clos par Dominique", "Police prévenue, Camille accompagnée.")
}

// Who may be in danger is not blocked: the counsellor reads that, and the rest is done.
func TestAThreatOfSomebodyInDanger(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	w.answered(counsellor, id)
	child.says("je veux mourir").want(http.StatusOK)
	counsellor.quickly("/desk/contacts/"+id+"/threat", "hours", "24").want(http.StatusOK).
		sees("Les responsables sont prévenus", "On ne bloque pas quand une vie peut être en danger.")
}
