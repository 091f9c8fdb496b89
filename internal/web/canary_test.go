package web_test

import (
	"bytes"
	"image"
	"image/png"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/chat"
	"vigie/internal/staff"
)

// hearing collects everything that is said in a place where no word may be.
type hearing struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *hearing) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *hearing) has(word string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Contains(bytes.ToLower(h.b.Bytes()), []byte(strings.ToLower(word)))
}

// Canary words go in by every way there is; nowhere do they lie in clear: not in the database, its log or
// the keys, not in the sealed files or the temporary ones, not in what is logged, not on the bus.
func TestNoWordInClear(t *testing.T) {
	var logs, bus hearing
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)

	w := newWorld(t)
	stop, err := w.app.Bus.Subscribe(">", func(subject string, payload []byte) {
		_, _ = bus.Write([]byte(subject + " "))
		_, _ = bus.Write(payload)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	canaries := []string{}
	canary := func(what string) string {
		word := "zibeline" + what + "quokka"
		canaries = append(canaries, word)
		return word
	}

	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	child.says(canary("message")).want(http.StatusOK)
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/"+id+"/messages", "message_id", uuid.NewString(), "body", canary("answer")).want(http.StatusOK)
	counsellor.post("/desk/contacts/"+id+"/notes", "note_id", uuid.NewString(), "text", canary("note")).want(http.StatusOK)
	for _, part := range w.app.Catalogue.Current().Form.Sections {
		for _, f := range part.Fields {
			if f.Type == "long" || f.Type == "short" {
				counsellor.post("/desk/contacts/"+id+"/field", "field", f.Code, "value", canary("field"+f.Code)).want(http.StatusOK)
			}
		}
	}
	counsellor.post("/desk/history", "exact", canary("search")).want(http.StatusOK)

	proof := uuid.NewString()
	counsellor.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post", "text", canary("asked")).want(http.StatusOK)
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	_ = parts.WriteField("sure", "yes")
	file, _ := parts.CreateFormFile("file", canary("filename")+".png")
	if err := png.Encode(file, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	_, _ = file.Write([]byte(canary("filebody")))
	_ = parts.Close()
	child.do("POST", "/chat/file/"+proof, &form, http.Header{"Content-Type": {parts.FormDataContentType()}, "Sec-Fetch-Site": {"same-origin"}}).want(http.StatusSeeOther)
	proofs, err := w.app.Chats.Proofs(t.Context(), id)
	if err != nil || len(proofs) != 1 || proofs[0].State != chat.ProofReceived {
		t.Fatalf("the file did not arrive: %v %v", proofs, err)
	}

	child.post("/chat/end").want(http.StatusOK)
	child.post("/chat/rate", "code", "a_lot", "text", canary("rating")).want(http.StatusOK)
	writer := w.browser()
	writer.post("/message", "contact_id", uuid.Must(uuid.NewV7()).String(), "message_id", uuid.Must(uuid.NewV7()).String(), "body", canary("letter"),
		"on", "0612345678", "when", canary("when"), "others", canary("others"), "say", canary("say")).want(http.StatusOK)
	words := writer.post("/chat/words").want(http.StatusOK).text()
	w.browser().post("/resume", "words", canary("typed")+" un deux trois")
	w.browser().post("/desk/login", "login", canary("login"), "password", canary("password"))

	for _, word := range append(canaries, "0612345678", child.network) {
		if logs.has(word) {
			t.Errorf("%s is in the logs", word)
		}
		if bus.has(word) {
			t.Errorf("%s is on the bus", word)
		}
	}
	if !strings.Contains(words, "Tes 4 mots") {
		t.Error("no four words were shown, so nothing of them was looked for")
	}
	read := 0
	for _, dir := range []string{w.data, temp} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			bytesOf, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			read += len(bytesOf)
			lower := bytes.ToLower(bytesOf)
			for _, word := range append(canaries, "0612345678", child.network) {
				if bytes.Contains(lower, []byte(strings.ToLower(word))) {
					t.Errorf("%s is in clear in %s", word, filepath.Base(path))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 100_000 {
		t.Errorf("only %d bytes were looked at: the record is elsewhere", read)
	}
}
