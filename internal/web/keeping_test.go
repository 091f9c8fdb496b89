package web_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/staff"
	"vigie/internal/store"
)

const day = 24 * time.Hour

// naming are the tables of the whole record in which any column holds an id, but for the log.
func (w *world) naming(id string) []string {
	w.Helper()
	type column struct{ schema, table, name string }
	var all []column
	for _, schema := range []string{"main", "keys"} {
		found, err := store.All(w.Context(), w.app.DB, func(r store.Row) (c column, err error) { c.schema = schema; return c, r.Scan(&c.table, &c.name) },
			fmt.Sprintf(`SELECT t.name, c.name FROM %[1]s.sqlite_master t, pragma_table_xinfo(t.name, '%[1]s') c WHERE t.type = 'table' AND c.type = 'TEXT'`, schema))
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, found...)
	}
	var tables []string
	for _, c := range all {
		n, err := store.One(w.Context(), w.app.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) },
			fmt.Sprintf(`SELECT count(*) FROM %s.%s WHERE %s LIKE $1`, c.schema, c.table, c.name), "%"+id+"%")
		if err != nil {
			w.Fatal(err)
		}
		if n > 0 && c.table != "audit" && !slices.Contains(tables, c.table) {
			tables = append(tables, c.table)
		}
	}
	return tables
}

// stored counts the sealed files on the disk.
func (w *world) stored() (n int) {
	_ = filepath.WalkDir(filepath.Join(w.data, "files"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return nil
	})
	return n
}

// written leads a child through all that leaves something: messages, a picture, the form, a note, a case file with a notice, a
// referral and evidence, the telephone. It returns her contact and her file.
func (w *world) written(camille *browser) (child *browser, id, file string) {
	w.Helper()
	page, id, child := w.caseOf(camille)
	child.says("il s'appelle dark.wolf sur insta, il a mes photos").want(http.StatusOK)
	proof := uuid.Must(uuid.NewV7()).String()
	camille.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post").want(http.StatusOK)
	body, kind := upload("yes", "a.png", "image/png", aPicture)
	child.postsRaw("/chat/file/"+proof, kind, body)
	camille.post("/desk/contacts/"+id+"/field", "field", "age", "value", "12")
	camille.post("/desk/contacts/"+id+"/notes", "id", store.NewID(), "text", "Rappeler demain.")
	camille.post(page+"/notes", "id", store.NewID(), "text", "Sa mère sait.")
	camille.post(page+"/evidence", "id", store.NewID(), "kind", "file", "proof", proof)
	camille.post(page+"/notices", "id", store.NewID(), "links", "https://www.instagram.com/p/Cabc123/", "ground", "harassment", "seen", "28/11/2026, 10 h", "facts", "Des insultes.").want(http.StatusOK)
	file = caseAt.FindStringSubmatch(page)[1]
	camille.refers(file, "pharos")
	if _, err := w.app.DB.Exec(w.Context(), `INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, mark, began_at, ended_at, lease_until) VALUES ($1, $2, 'n', 't', 'in', 'talking', 'fr', $3, $4, $4, 0)`,
		store.NewID(), id, []byte("mark"), store.Millis(w.clock.now())); err != nil {
		w.Fatal(err)
	}
	return child, id, file
}

// All that a person left anywhere in the house is gone a week after she asked with her four words: no table names her, her contact
// or her file, no sealed file is left, and the same words are answered as words that never were.
func TestWhatAPersonHadErasedIsNowhere(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	child, id, file := w.written(camille)
	words := w.words(id)
	ct, err := w.app.Contacts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	named := w.naming(id)
	for _, table := range []string{"message", "attachment", "contact_answer", "case_contact", "phone_call", "wrapped_key"} {
		if !slices.Contains(named, table) {
			t.Errorf("nothing of her is in %s: %v", table, named)
		}
	}
	if tables := w.naming(file); w.stored() == 0 || !slices.Contains(tables, "takedown_notice") || !slices.Contains(tables, "referral") {
		t.Fatalf("%d files on the disk, the case is in %v", w.stored(), tables)
	}
	child.post("/resume/mine", "words", words, "act", "ask").want(http.StatusOK).sees("C'est noté", "rien ne disparaît")
	child.get("/chat").sees("Tu as demandé qu'on efface tout")
	camille.get("/desk?c=" + id).sees("Effacement demandé avec les quatre mots")
	w.as(staff.Supervisor).get("/desk/floor").sees("demandé avec ses quatre mots", "conversation en cours")
	camille.post("/desk/contacts/"+id+"/dismiss", "code", "test").want(http.StatusOK)
	w.clock.jumps(6 * day)
	if left, err := w.app.Keeping.ErasePerson(t.Context(), ct.PersonID); err != nil || !left {
		t.Fatalf("on the sixth day: %v, %v", left, err)
	}
	w.clock.jumps(day)
	w.until("she is erased", func() bool {
		_ = w.app.Keeping.Begin(t.Context()) // the next look at what is due, as each day brings one
		return len(w.naming(id)) == 0
	})
	for what, id := range map[string]string{"contact": id, "person": ct.PersonID, "case file": file, "key": ct.KeyID} {
		w.until("no table names her "+what, func() bool { return len(w.naming(id)) == 0 })
	}
	if w.stored() != 0 {
		t.Errorf("%d sealed files are on the disk", w.stored())
	}
	again := w.browser().post("/resume/mine", "words", words, "act", "look").want(http.StatusNotFound)
	never := w.browser().post("/resume/mine", "words", "abeille abeille abeille abeille", "act", "look").want(http.StatusNotFound)
	if strings.ReplaceAll(again.text(), words, "") != strings.ReplaceAll(never.text(), "abeille abeille abeille abeille", "") {
		t.Error("erased words are told from words that never were")
	}
	child.get("/chat").want(http.StatusOK).seesNot("dark.wolf")
}

// On the page of erasure words are guessed as slowly as where one comes back, and together with it.
func TestGuessesAreSlowedOnThePageOfErasureToo(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.post("/resume", "words", "abeille abeille abeille abeille").want(http.StatusNotFound)
	b.post("/resume/mine", "words", "abeille abeille abeille abricot", "act", "ask").want(http.StatusTooManyRequests).sees("On attend un peu entre deux essais")
	b.post("/resume/mine", "words", "un deux trois", "act", "ask").want(http.StatusUnprocessableEntity)
}

// Whoever comes back at night while an erasure waits sees it, and can take it back.
func TestTheErasureIsSeenAtNightToo(t *testing.T) {
	w := newWorldAt(t, "21:00")
	camille := w.as(staff.Counsellor)
	child := w.browser()
	id := child.opens("public", "child")
	w.answered(camille, id)
	words := w.words(id)
	child.post("/resume/mine", "words", words, "act", "ask").want(http.StatusOK)
	camille.post("/desk/contacts/"+id+"/dismiss", "code", "test").want(http.StatusOK)
	w.itIs("02:00")
	w.browser().post("/resume", "words", words).want(http.StatusOK).sees("C'est noté", "Annuler l'effacement")
	w.browser().post("/resume/mine", "words", words, "act", "keep").want(http.StatusOK).sees("C'est annulé")
	w.browser().post("/resume", "words", words).want(http.StatusOK).seesNot("C'est noté")
}

// The data protection officer alone decides durations, on their own page, and no other document; supervisors see what goes.
func TestTheOfficerAloneDecidesDurations(t *testing.T) {
	w := newWorld(t)
	officer, supervisor := w.as(staff.Officer), w.as(staff.Supervisor)
	text := string(catalogue.Seed(catalogue.DocKeeping))
	shorter := catalogue.WithDays(text, map[string]int{catalogue.KeepRecording: 7})
	w.as(staff.Administrator).post("/admin/catalogue/keeping", "base", "1", "text", shorter).want(http.StatusForbidden)
	w.as(staff.Administrator).get("/admin/keeping").want(http.StatusForbidden)
	w.as(staff.Counsellor).get("/admin/keeping").want(http.StatusForbidden)
	supervisor.get("/admin/keeping").want(http.StatusOK).sees("Rien n'est effacé par règle", "730 jours").seesNot("Publier ces durées")
	supervisor.post("/admin/keeping", "act", "publish", "base", "1", "text", shorter).want(http.StatusForbidden)
	officer.post("/admin/catalogue/lines", "base", "1", "text", "edition = 1").want(http.StatusForbidden)
	for who, home := range map[*browser]string{officer: "/admin", supervisor: "/desk"} {
		if who.get("/admin/keeping"); !strings.Contains(who.body, `class="brand" href="`+home+`"`) {
			t.Errorf("the mark of the house does not lead to %s", home)
		}
	}

	officer.post("/admin/keeping", "act", "preview", "base", "1", "text", text, "days.recording", "7", "was.recording", "30").want(http.StatusOK).sees("rien n'est publié")
	if w.app.Keeping.Decided() {
		t.Fatal("a try was published")
	}
	for typed, sentence := range map[string]string{"": "donnez un nombre de jours", "un mois": "donnez un nombre de jours", "99999": "donnez un nombre de jours entre 1 et", "800": "plus longue que celle des conversations"} {
		officer.post("/admin/keeping", "act", "publish", "base", "1", "text", text, "days.recording", typed, "was.recording", "30").want(http.StatusUnprocessableEntity).sees(sentence)
		if typed != "" && !strings.Contains(officer.body, `value="`+typed+`"`) {
			t.Errorf("what was typed (%q) is gone", typed)
		}
	}
	officer.post("/admin/keeping", "act", "publish", "base", "1", "text", text, "days.recording", "7", "was.recording", "30").want(http.StatusOK).sees("C'est publié")
	officer.post("/admin/keeping", "act", "publish", "base", "1", "text", shorter, "days.recording", "9", "was.recording", "7").want(http.StatusConflict).sees("Quelqu'un a publié la version 2")
	if r, _ := w.app.Catalogue.Current().Keeping.ByCode(catalogue.KeepRecording); r.Days != 7 || !w.app.Keeping.Decided() {
		t.Errorf("%+v, decided %v", r, w.app.Keeping.Decided())
	}
}

// What is spoken and what is handed over goes before its conversation, which goes on being read; a held one does not.
func TestAFileThatWasHandedOverGoesBeforeItsConversation(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	child := w.browser()
	id := child.opens("public", "child")
	w.answered(camille, id)
	proof := uuid.Must(uuid.NewV7()).String()
	camille.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post").want(http.StatusOK)
	body, kind := upload("yes", "a.png", "image/png", aPicture)
	child.postsRaw("/chat/file/"+proof, kind, body)
	camille.post("/desk/contacts/"+id+"/dismiss", "code", "test").want(http.StatusOK)
	text := string(catalogue.Seed(catalogue.DocKeeping)) + "# as proposed\n"
	w.as(staff.Officer).post("/admin/keeping", "act", "publish", "base", "1", "text", text).want(http.StatusOK)
	round := func() {
		t.Helper()
		if _, err := w.app.Keeping.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.jumps(180 * day)
	round()
	if w.stored() != 1 {
		t.Fatal("it went without its week on the preview")
	}
	w.clock.jumps(7 * day)
	round()
	if w.stored() != 0 {
		t.Fatal("it is still on the disk")
	}
	w.as(staff.Supervisor).get("/desk/history/" + id).want(http.StatusOK).sees("sa durée de conservation est passée.")
	for _, table := range w.naming(proof) {
		if table != "attachment" && table != "message" { // that there was one, and no key
			t.Errorf("its id is in %s", table)
		}
	}
}

// Whoever has a case, and supervisors, keep it from being erased; another counsellor does not, and only a supervisor who did not place
// the hold lifts it.
func TestTheOwnerOfACaseKeepsIt(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	w.onDuty(camille)
	page, _, _ := w.caseOf(camille)
	hold := store.NewID()
	w.colleague("Bilal").post(page+"/hold", "id", store.NewID(), "why", "je veux le garder").want(http.StatusForbidden)
	camille.post(page+"/hold", "id", hold, "why", "réquisition attendue").want(http.StatusOK).sees("réquisition attendue")
	camille.post(page+"/hold", "lift", hold).want(http.StatusForbidden)
	supervisor := w.as(staff.Supervisor)
	supervisor.get(page).sees("réquisition attendue", "Permettre à nouveau")
	supervisor.post(page+"/hold", "lift", hold).want(http.StatusOK).seesNot("réquisition attendue")
	hold = store.NewID()
	supervisor.post(page+"/hold", "id", hold, "why", "plainte en cours").want(http.StatusOK)
	camille.post(page+"/hold", "lift", hold).want(http.StatusForbidden)
	camille.get(page).sees("plainte en cours").seesNot("Permettre à nouveau")
}
