package web_test

import (
	"testing"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/chat"
	"vigie/internal/staff"
)

// A file that was marked possibly illegal is held until two people end it: one asks for its destruction,
// another confirms. That the authorities have it is noted by one. A counsellor decides nothing of it.
func TestAHeldFileIsEndedByTwoPeople(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	proof := uuid.Must(uuid.NewV7()).String()
	counsellor.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post").want(200)
	body, kind := upload("yes", "a.png", "image/png", aPicture)
	child.postsRaw("/chat/file/"+proof, kind, body)
	counsellor.post("/desk/files/" + proof + "/illegal").want(200)

	second, err := w.app.Staff.Add(t.Context(), staff.NewPerson{Login: "second", Alias: "Morgan", Roles: []staff.Role{staff.Supervisor}, Langs: []string{"fr"}, Password: "une phrase assez longue"}, audit.Actor{Kind: "operator", ID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	w.people["second"] = second
	one, other := w.as(staff.Supervisor), w.as("second")

	counsellor.get("/desk/held").want(403)
	one.get("/desk/held").want(200).sees("Marqué par Camille.", "Remis aux autorités", "Détruire").seesNot("/desk/files/", "<img")
	one.post("/desk/held/" + proof + "/handed").want(200).sees("Dominique,")
	other.post("/desk/held/" + proof + "/destroy/confirm").want(403) // nobody asked yet
	one.post("/desk/held/" + proof + "/destroy").want(200).sees("Une autre personne doit confirmer.").seesNot("/destroy/confirm")
	one.post("/desk/held/" + proof + "/destroy/confirm").want(403)
	if p, err := w.app.Chats.Proof(t.Context(), proof); err != nil || p.State != chat.ProofIllegal {
		t.Fatalf("one person alone destroyed it: %s, %v", p.State, err)
	}
	other.post("/desk/held/" + proof + "/destroy/confirm").want(200).sees("Aucun fichier n'est retenu.")
	if p, err := w.app.Chats.Proof(t.Context(), proof); err != nil || p.State != chat.ProofDestroyed {
		t.Errorf("the file is %s, %v", p.State, err)
	}
}
