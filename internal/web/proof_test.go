package web_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/app"
	"vigie/internal/staff"
)

// Only pictures are asked for, and only pictures taken: a file that nobody could ever look at, covered first,
// would be sealed for nothing.
func TestOnlyPicturesAreAskedForAndTaken(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	counsellor.get("/desk?c=" + id).want(200).seesNot(`value="document"`)
	counsellor.post("/desk/contacts/"+id+"/proof", "what", "document").want(422)

	proof := uuid.Must(uuid.NewV7()).String()
	counsellor.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post").want(200)
	child.get("/chat").want(200)
	if !strings.Contains(child.body, `accept="image/*"`) {
		t.Error("the phone is not told that it is a picture which is wanted")
	}
	for name, head := range map[string]string{"pdf": "%PDF-1.7\nune facture", "film": "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42", "voice": "OggS\x00\x02OpusHead\x01"} {
		body, kind := upload("yes", name+".jpg", "image/jpeg", []byte(head))
		child.postsRaw("/chat/file/"+proof, kind, body).want(415).sees("Une image, comme une capture d'écran")
	}
	body, kind := upload("yes", "a.png", "image/png", aPicture)
	child.postsRaw("/chat/file/"+proof, kind, body)
	if child.code >= 400 {
		t.Errorf("a picture is refused: %d %s", child.code, child.text())
	}
}

// A sealed file that the record names, and that is no longer on the disk, is found by the doctor.
func TestTheDoctorMissesAFile(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	proof := uuid.Must(uuid.NewV7()).String()
	counsellor.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post").want(200)
	body, kind := upload("yes", "a.png", "image/png", aPicture)
	child.postsRaw("/chat/file/"+proof, kind, body)
	doctor := func() string {
		var said strings.Builder
		app.Run(t.Context(), []string{"doctor", "--data", w.data}, app.Terminal{In: strings.NewReader(""), Out: &said, Err: io.Discard})
		return said.String()
	}
	if said := doctor(); !strings.Contains(said, "ok      every file that the record names is there: 1 named, 0 missing") {
		t.Errorf("with its file there: %s", said)
	}
	sealed, err := filepath.Glob(filepath.Join(w.data, "files", "??", "*"))
	if err != nil || len(sealed) != 1 {
		t.Fatal(sealed, err)
	}
	if err := os.Remove(sealed[0]); err != nil {
		t.Fatal(err)
	}
	if said := doctor(); !strings.Contains(said, "LOOK    every file that the record names is there: 1 named, 1 missing "+filepath.Base(sealed[0])) {
		t.Errorf("with its file gone: %s", said)
	}
}
