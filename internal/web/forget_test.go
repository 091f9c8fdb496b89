package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/internal/fault"
	"vigie/internal/staff"
)

// A counsellor books that a person asks to be forgotten; a supervisor finds it on the floor, and erases the
// contact in a second step, or refuses with a reason.
func TestARequestToBeForgottenGoesFromTheDeskToTheFloor(t *testing.T) {
	w := newWorld(t)
	child, counsellor, supervisor := w.browser(), w.as(staff.Counsellor), w.as(staff.Supervisor)
	id := child.opens("who", "young")
	w.answered(counsellor, id)
	counsellor.get("/desk").sees("Noter une demande d'effacement")
	w.colleague("Bilal").post("/desk/contacts/" + id + "/forget").want(http.StatusForbidden)
	counsellor.post("/desk/contacts/" + id + "/forget").want(http.StatusOK).sees("Demande d'effacement notée")
	supervisor.get("/desk/floor").sees("Demandes d'effacement", "notée par Camille", "Le contact n'est pas encore clos")
	act := "/desk/contacts/" + id + "/forget/"
	supervisor.post(act+"carry-out", "sure", "yes").want(http.StatusConflict)

	supervisor.post(act+"refuse", "reason", "no").want(http.StatusUnprocessableEntity)
	supervisor.post(act+"refuse", "reason", "withdrawn").want(http.StatusOK).seesNot("Demandes d'effacement")

	counsellor.post("/desk/contacts/"+id+"/dismiss", "code", "test").want(http.StatusOK)
	button := `action="/desk/contacts/` + id + `/forget"`
	if !strings.Contains(counsellor.get("/desk/history/"+id).body, button) {
		t.Error("it cannot be booked from the history")
	}
	counsellor.post("/desk/contacts/" + id + "/forget").want(http.StatusOK).sees("Demande d'effacement notée").seesNot(button)
	counsellor.post(act+"carry-out", "sure", "yes").want(http.StatusForbidden)
	supervisor.post(act + "carry-out").want(http.StatusUnprocessableEntity).sees("Rien n'a été effacé")
	if _, err := w.app.Contacts.Get(t.Context(), id); err != nil {
		t.Fatal("erased in one step", err)
	}
	supervisor.post(act+"carry-out", "sure", "yes").want(http.StatusOK).seesNot("Demandes d'effacement")
	if _, err := w.app.Contacts.Get(t.Context(), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
	counsellor.get("/desk/history/" + id).want(http.StatusNotFound)
}
