package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/contact"
	"vigie/internal/staff"
)

// Our number is shown on somebody's telephone only where she said so on the form; her counsellor reads it either way.
func TestOurNumberIsShownOnlyWithAYes(t *testing.T) {
	w := newWorld(t)
	desk := w.as(staff.Counsellor)
	desk.post("/desk/presence", "state", "available").want(http.StatusOK)
	for _, c := range []struct {
		who, asks, fields string
		shown             bool
		told              string
	}{
		{"young", "Si tu laisses éteint, ton téléphone ne montre pas que c'est nous.", "", false, "Ne s'affiche jamais"},
		{"parent", "Si vous laissez éteint, votre téléphone ne montre pas que c'est nous.", "on", true, "Peut s'afficher"},
	} {
		form := []string{"contact_id", uuid.Must(uuid.NewV7()).String(), "message_id", uuid.NewString(), "who", c.who, "body", "bonjour", "on", "06 39 98 00 01"}
		if c.fields != "" {
			form = append(form, "show_number", c.fields)
		}
		child := w.browser()
		child.get("/message?who=" + c.who).want(http.StatusOK).sees(c.asks).seesNot(`name="show_number" value="on" checked`)
		child.post("/message", form...).want(http.StatusOK)
		id := contact.IDOf(form[1])
		wish, asked, err := w.app.Contacts.Callback(t.Context(), id)
		if err != nil || !asked || wish.ShowNumber != c.shown {
			t.Errorf("%s wishes %+v, %v, %v", c.who, wish, asked, err)
		}
		desk.post("/desk/contacts/" + id + "/take").want(http.StatusOK)
		desk.get("/desk?c="+id).want(http.StatusOK).sees("Notre numéro", c.told)
	}
	// What she chose is still chosen when the form comes back.
	child := w.browser()
	child.post("/message", "contact_id", uuid.Must(uuid.NewV7()).String(), "message_id", uuid.NewString(), "body", "", "on", "06 39 98 00 01", "show_number", "on").
		want(http.StatusUnprocessableEntity)
	if !strings.Contains(child.body, `name="show_number" value="on" checked`) {
		t.Error("what she chose is forgotten when the form comes back")
	}
}
