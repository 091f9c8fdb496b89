package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/routing/flood"
	"vigie/internal/staff"
	"vigie/internal/store"
)

const aPartner = `
[[partner]]
code = "119"
label = { fr = "le 119", en = "the 119" }
numbers = ["+33199001122"]
queue = "partner"
`

// A supervisor types a partner's receipt on the floor's page, and reads times and nothing else. A counsellor may not.
func TestAReceiptSaysTimesAndNothingElse(t *testing.T) {
	w := newWorld(t)
	supervisor, counsellor := w.as(staff.Supervisor), w.as(staff.Counsellor)
	supervisor.get("/desk/floor").want(http.StatusOK).seesNot("/desk/floor/receipt") // nobody sends us callers
	w.edits(catalogue.DocPhone, func(text string) string { return text + aPartner })
	supervisor.get("/desk/floor").want(http.StatusOK).sees("Reçu d'un partenaire")

	child := w.browser()
	id := child.opens(catalogue.AskTopic, "sextortion")
	child.says("quokka")
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/"+id+"/field", "field", "called", "value", "Zibeline").want(http.StatusOK)
	call := store.NewID()
	for _, query := range []string{
		`INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, began_at, answered_at, ended_at, lease_until, outcome)
			VALUES ('` + call + `', '` + id + `', 'n', 't', 'in', 'ended', 'fr', 1764000000000, 1764000060000, 1764000600000, 0, 'caller')`,
		`INSERT INTO phone_receipt (lookup, contact_id, call_id, partner, made_at) VALUES ('1197K4M', '` + id + `', '` + call + `', '119', 1764000000000)`,
	} {
		if _, err := w.app.DB.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	counsellor.get("/desk?c="+id).want(http.StatusOK).sees("119-7K4M", "Appel envoyé par le 119")

	supervisor.quickly("/desk/floor/receipt", "receipt", "119 7k4m").want(http.StatusOK).
		sees("119-7K4M", "Appel envoyé par le 119", "novembre 2025 à 17\u00a0h", "novembre 2025 à 17\u00a0h\u00a001", "Pas encore").
		seesNot("Zibeline", "Camille", "quokka", "Chantage", "sextortion", id)
	supervisor.post("/desk/floor/receipt", "receipt", "119-7K4M").want(http.StatusOK).sees("Appel reçu", "Revenir au plateau")
	supervisor.quickly("/desk/floor/receipt", "receipt", "119-7K4X").want(http.StatusOK).sees("Ce reçu n'est pas connu.").seesNot("Appel reçu")
	supervisor.post("/desk/floor/receipt", "receipt", "").want(http.StatusNotFound).sees("Ce reçu n'est pas connu.")
	counsellor.post("/desk/floor/receipt", "receipt", "119-7K4M").want(http.StatusForbidden)

	read, err := w.app.Audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "phone.receipt_read", Limit: 10})
	if err != nil || len(read) != 2 || read[0].Actor.ID != w.people[staff.Supervisor].ID {
		t.Errorf("in the log is %+v, %v", read, err)
	}
	missed, err := w.app.Audit.Rows(t.Context(), audit.Filter{Act: "phone.receipt_unknown", Limit: 10})
	if err != nil || len(missed) != 2 {
		t.Errorf("of what was not found is in the log %+v, %v", missed, err)
	}
}

// Guessing receipts is slowed, and then refused for a while: her own guesses, and nobody else's.
func TestGuessingReceiptsIsSlowed(t *testing.T) {
	w := newWorld(t)
	w.edits(catalogue.DocPhone, func(text string) string { return text + aPartner })
	guesser := w.as(staff.Supervisor)
	for range 20 { // what she typed in the last second
		w.app.Guard.Check(flood.TryReceipt, w.app.Guard.Contact("receipt "+w.people[staff.Supervisor].ID), "")
	}
	guesser.post("/desk/floor/receipt", "receipt", "119-AAAA").want(http.StatusTooManyRequests).sees("Ça va un peu vite pour nous")
	if !strings.Contains(guesser.body, `value="119-AAAA"`) {
		t.Error("what she typed is lost")
	}
	guesser.quickly("/desk/floor/receipt", "receipt", "119-AAAA").want(http.StatusOK).sees("Ça va un peu vite pour nous").seesNot("<form")
	w.second().post("/desk/floor/receipt", "receipt", "119-AAAA").want(http.StatusNotFound).sees("Ce reçu n'est pas connu.")
}

// edits publishes a document of the catalogue, the seed as somebody changed it.
func (w *world) edits(doc catalogue.Doc, change func(string) string) {
	w.Helper()
	if _, err := w.app.Catalogue.Publish(w.Context(), doc, []byte(change(string(catalogue.Seed(doc)))), audit.Actor{Kind: audit.Staff, ID: "editor"}); err != nil {
		w.Fatal(err)
	}
}
