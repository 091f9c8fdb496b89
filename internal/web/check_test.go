package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/staff"
)

const aBrigade = `
[[number]]
code = "brigade"
kind = "police"
number = "01 99 00 17 17"
label = { fr = "Brigade des mineurs", en = "Child protection police" }
ways = ["call"]
verified_on = "2026-11-23"
`

// Beside the answer that names an official a card says that nothing is told, and the conversation ends with a kind line
// when she is to be called back; a number that is not of the list is refused, and nothing ends.
func TestNothingIsToldBeforeTheCallBack(t *testing.T) {
	w := newWorld(t)
	w.edits(catalogue.DocNumbers, func(text string) string { return text + aBrigade })
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	w.answered(counsellor, id)
	const card = "Ne dites rien avant le rappel"
	counsellor.get("/desk?c=" + id).want(http.StatusOK).seesNot(card)
	counsellor.quickly("/desk/contacts/"+id+"/field", "field", "who", "value", "parent").want(http.StatusOK).seesNot(card)
	for _, who := range []string{"police", "platform"} {
		counsellor.quickly("/desk/contacts/"+id+"/field", "field", "who", "value", who).want(http.StatusOK).sees(card, "Non vérifié.")
	}
	counsellor.get("/desk?c=" + id).want(http.StatusOK).sees(card)

	for _, number := range []string{"", "17", "0199001717", "+33639980001"} {
		counsellor.post("/desk/contacts/"+id+"/check", "number", number, "when", "later").want(http.StatusForbidden)
	}
	w.colleague("Noe").post("/desk/contacts/"+id+"/check", "number", "brigade", "when", "later").want(http.StatusForbidden)
	if ct := w.latest(id); ct.State != contact.Talking {
		t.Fatalf("the conversation is %s", ct.State)
	}
	counsellor.quickly("/desk/contacts/"+id+"/check", "number", "brigade", "when", "later").want(http.StatusOK).sees("Non vérifié. À rappeler", "Brigade des mineurs.")
	if ct := w.latest(id); ct.State != contact.WrapUp {
		t.Fatalf("the conversation is %s", ct.State)
	}
	child.get("/chat").want(http.StatusOK).sees("on rappelle toujours nous-mêmes")
	counsellor.post("/desk/contacts/"+id+"/check/answer", "theirs", "1").want(http.StatusConflict) // nobody was called
	booked, err := w.app.Audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "phone.check_book", Limit: 10})
	if err != nil || len(booked) != 1 || booked[0].Detail["number"] != "brigade" {
		t.Errorf("in the log is %+v, %v", booked, err)
	}
	counsellor.get("/desk/history/" + id).want(http.StatusOK).sees("Non vérifié. À rappeler")
	// A listed number is shown to no visitor.
	for _, page := range []string{"/numbers", "/message", "/"} {
		if body := w.browser().get(page).want(http.StatusOK).body; strings.Contains(body, "01 99 00") || strings.Contains(body, "Brigade") {
			t.Errorf("%s shows it", page)
		}
	}
}
