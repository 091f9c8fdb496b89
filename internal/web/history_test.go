package web_test

import (
	"strings"
	"testing"

	"vigie/internal/staff"
)

// What cannot be looked for exactly is said at its field, with what was typed still in it.
func TestABadExactSearchStaysOnThePage(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	counsellor := w.as(staff.Counsellor)
	counsellor.post("/desk/history", "exact", "deux mots?").want(422).sees("Retrouver un contact", "Chercher cette valeur")
	for _, there := range []string{`value="deux mots?"`, `aria-invalid="true"`, `id="f-exact-fault"`} {
		if !strings.Contains(counsellor.body, there) {
			t.Errorf("the page does not hold %s", there)
		}
	}
}
