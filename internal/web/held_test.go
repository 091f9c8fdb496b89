package web_test

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/chat"
	"vigie/internal/staff"
)

// A file that was marked possibly illegal is held until two people end it: one asks for its destruction,
// another confirms. It goes to the authorities in the same way, closed under their key. A counsellor decides
// nothing of it.
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
	one.get("/desk/held").want(200).sees("Marqué par Camille.", "Préparer la remise", "Détruire").seesNot("/desk/files/", "<img")

	authority, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	one.post("/desk/held/"+proof+"/hand-over", "recipient", "age1abc", "reference", "PV 12").want(422).sees("pas une clé publique")
	one.post("/desk/held/"+proof+"/hand-over", "recipient", authority.Recipient().String(), "reference", "PV 12").want(200).sees("Préparée par Dominique", "PV 12", "Une autre personne doit confirmer.")
	one.get("/desk/held/" + proof + "/sealed").want(403)
	other.get("/desk/held").want(200)
	asked := regexp.MustCompile(`name="asked" value="(\d+)"`).FindStringSubmatch(other.body)
	if asked == nil {
		t.Fatal("the second person is not asked")
	}
	other.post("/desk/held/"+proof+"/hand-over/agree", "asked", "1").want(409)
	other.post("/desk/held/"+proof+"/hand-over/agree", "asked", asked[1]).want(200).sees("Accord de Morgan")
	counsellor.get("/desk/held/" + proof + "/sealed").want(403)
	sealed := one.get("/desk/held/" + proof + "/sealed").want(200)
	opened, err := age.Decrypt(strings.NewReader(sealed.body), authority)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := io.ReadAll(opened); err != nil || !bytes.Equal(file, aPicture) {
		t.Errorf("the authority opens %d bytes, %v", len(file), err)
	}

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
