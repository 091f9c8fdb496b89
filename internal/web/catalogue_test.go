package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"vigie/internal/catalogue"
	"vigie/internal/staff"
)

// An administrator edits how content is taken down as she edits everything else: what is wrong is said
// with its line and nothing is lost, what is right counts at once. An editor of words reads and no more.
func TestEditingTakedowns(t *testing.T) {
	w := newWorld(t)
	admin, editor := w.as(staff.Administrator), w.as(staff.Editor)
	admin.get("/admin/catalogue").want(http.StatusOK).sees("Plateformes et voies de retrait", "Motifs de notification", "Infractions, en clair", "Partenaires et orientations")
	for _, c := range []struct {
		doc        catalogue.Doc
		old, wrong string
		sentence   string // of the page, without its line
		right      string
	}{
		{catalogue.DocPlatforms, `paths = ["vm.tiktok.com/{item}"]`, `paths = ["vm.tiktok.com/{video}"]`, "ne se lit pas ({video}). Par exemple /{account}/status/{item:digits}", `paths = ["vm.tiktok.com/{item}", "vm.tiktok.com/{item}/**"]`},
		{catalogue.DocGrounds, `articles = ["CP 223-1-1"]`, `articles = ["art. 223-1-1"]`, "un article s'écrit « CP 222-33-2-2 »", `articles = ["CP 223-1-1", "CP 226-2"]`},
		{catalogue.DocOffences, `penalty = [{ years = 3, euros = 100000 }]`, `penalty = [{ years = 0 }]`, "une peine a des années", `penalty = [{ years = 3, euros = 100001 }]`},
		{catalogue.DocPartners, `consent = "told"`, `consent = "assumed"`, "Choisissez parmi", `consent = "asked"`},
	} {
		page := "/admin/catalogue/" + string(c.doc)
		text := string(catalogue.Seed(c.doc))
		line := strings.Count(text[:strings.Index(text, c.old)], "\n") + 1
		admin.get(page).want(http.StatusOK).sees(c.old)
		admin.post(page, "base", "1", "text", strings.Replace(text, c.old, c.wrong, 1)).want(http.StatusUnprocessableEntity)
		said := strings.NewReplacer("\u202f", " ", "\u00a0", " ", "’", "'").Replace(admin.text())
		if !strings.Contains(said, c.sentence) || !strings.Contains(said, string(c.doc)+", ligne "+strconv.Itoa(line)) || !strings.Contains(said, c.wrong) {
			t.Errorf("%s, line %d: %.1200s", c.doc, line, said)
		}
		if got := w.app.Catalogue.Current().Versions[c.doc]; got != 1 {
			t.Errorf("%s became version %d", c.doc, got)
		}
		right := strings.Replace(text, c.old, c.right, 1)
		editor.get(page).want(http.StatusOK)
		editor.post(page, "base", "1", "text", right).want(http.StatusForbidden)
		admin.post(page, "base", "1", "text", right).want(http.StatusOK).sees("C'est publié")
		if got := w.app.Catalogue.Current().Versions[c.doc]; got != 2 {
			t.Errorf("%s is version %d, want 2", c.doc, got)
		}
	}
	// A code that notices carry is retired, not taken away.
	text := strings.Replace(string(catalogue.Seed(catalogue.DocGrounds)), `code = "drugs_weapons"`, `code = "weapons"`, 1)
	admin.post("/admin/catalogue/grounds", "base", "2", "text", text).want(http.StatusUnprocessableEntity).sees("drugs_weapons")
}
