package phone_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vigie/internal/phone/prompt"
)

// Every announcement that an administrator may record is said somewhere: nobody records what no caller hears.
func TestEveryAnnouncementIsSaidSomewhere(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for _, said := range prompt.Codes() {
		switch {
		case strings.HasPrefix(said, "demo_"), prompt.IsWord(said), said == "callback_ask": // callers, words, and one that is to come
		case strings.HasPrefix(said, "place_") && strings.Contains(code.String(), `"place_"`):
		case !strings.Contains(code.String(), strconv.Quote(said)):
			t.Errorf("%s is never said", said)
		}
	}
}
