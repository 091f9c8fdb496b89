package web_test

import (
	"testing"

	"vigie/internal/staff"
)

// Whoever was blocked and closed opens again in the same browser and sees the numbers; another person of the
// same home is let in.
func TestABlockHoldsInTheSameBrowser(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child, other := w.browser(), w.browser()
	other.network = child.network
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/"+id+"/block", "reason", "insults", "hours", "1").want(200)
	counsellor.post("/desk/contacts/"+id+"/dismiss", "code", "abusive").want(200)

	child.post("/chat").want(403).sees("112", "119")
	other.opens()
}

// The network address can be blocked too, while the contact is open; the desk says that a home or a school
// may share it.
func TestANetworkAddressIsBlockedWithThePerson(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child, neighbour, far := w.browser(), w.browser(), w.browser()
	neighbour.network = child.network
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	counsellor.get("/desk?c=" + id).sees("Toute une maison ou une école peut avoir la même adresse")
	counsellor.post("/desk/contacts/"+id+"/block", "reason", "insults", "hours", "24", "network", "1").want(200)

	neighbour.post("/chat").want(403).sees("112", "119")
	far.opens()
}

// Whoever is in danger is never blocked, neither herself nor her address.
func TestDangerIsNeverBlocked(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/"+id+"/danger", "on", "1").want(200)
	counsellor.post("/desk/contacts/"+id+"/block", "reason", "insults", "hours", "1").want(403)
	counsellor.post("/desk/contacts/"+id+"/block", "reason", "insults", "hours", "1", "network", "1").want(403)
	child.says("je suis encore là").want(200)
}
