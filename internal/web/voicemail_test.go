package web_test

import (
	"net/http"
	"regexp"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/staff"
)

// To look at a voice message marks nothing and sounds nothing; to listen is a POST, with scripts or without, which is in
// the log before there is anything to play.
func TestListeningIsSaidBeforeAnythingSounds(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	w.answered(counsellor, id)
	if _, err := w.app.DB.Exec(t.Context(), `INSERT INTO phone_voicemail (contact_id, blob_id, length_ms, saved_at, content_sealed) VALUES ($1, 'b', 5000, 1764000000000, $2)`, id, []byte{0}); err != nil {
		t.Fatal(err)
	}
	sound := "/desk/phone/calls/" + id + "/voicemail"
	heard := func() int {
		rows, err := w.app.Audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "phone.message_heard", Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	counsellor.get("/desk?c="+id).want(http.StatusOK).sees("Message vocal").seesNot("<audio", "Écouté par")
	counsellor.get(sound).want(http.StatusNotFound)
	counsellor.get(sound + "/1764000000.00000000000000000000000000000000").want(http.StatusGone).sees("Demandez à nouveau à écouter le message.")
	w.colleague("Noe").post(sound).want(http.StatusForbidden)
	if n := heard(); n != 0 {
		t.Fatalf("%d listenings are in the log, and nobody listened", n)
	}
	player := regexp.MustCompile(`<audio[^>]* src="` + regexp.QuoteMeta(sound) + `/\d+\.[0-9a-f]{32}"`)
	for _, listen := range []func(string, ...string) *browser{counsellor.post, counsellor.quickly} {
		if page := listen(sound).want(http.StatusOK).sees("Écouté par Camille."); !player.MatchString(page.body) {
			t.Errorf("there is no player in\n%s", page.body)
		}
	}
	if n := heard(); n != 2 {
		t.Errorf("%d listenings are in the log", n)
	}
}
