package site

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"vigie/internal/catalogue"
	"vigie/internal/guide"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

var write = flag.Bool("write", false, "write what the tests of the scripts read, instead of comparing it")

// forBrowsers is where the tests of the scripts read the quizzes as pages have them.
var forBrowsers = filepath.Join("..", "assets", "test", "quiz.json")

func seeds(t *testing.T) *catalogue.Set {
	t.Helper()
	set, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// speakingFor is the printer of a quiz's page.
func speakingFor(quiz catalogue.Quiz, lang string) *i18n.Printer {
	say := i18n.For(lang)
	if quiz.For == catalogue.Adult {
		return say.ToAdults()
	}
	return say
}

// The scripts are tried on the quizzes as they are (assets/test/quiz-engine.spec.ts): after a change of seeds/quiz.toml run
// `go test ./internal/web/site -write`.
func TestTheQuizzesThatTheScriptsAreTriedOn(t *testing.T) {
	type tried struct {
		Quiz quizData `json:"quiz"`
		// Numbers are who answers now, by the danger that an answer tells of.
		Numbers map[string][]string `json:"numbers"`
	}
	set := seeds(t)
	room := &Room{Site: ui.Site{}, Catalogue: func() *catalogue.Set { return set }}
	var all []tried
	for _, quiz := range set.Quizzes.All {
		say := speakingFor(quiz, i18n.French)
		one := tried{quizOf(say, quiz, new(guide.Library)), map[string][]string{}}
		for _, danger := range quiz.Dangers() {
			for _, n := range room.numbers(say, danger) {
				one.Numbers[danger] = append(one.Numbers[danger], n.Number)
			}
		}
		all = append(all, one)
	}
	want, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *write {
		if err := os.WriteFile(forBrowsers, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(forBrowsers)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the catalogue says any more (%v)", forBrowsers, err)
	}
}

// What a quiz leads to is there, and is for its reader.
func TestWhatAQuizLeadsTo(t *testing.T) {
	set := seeds(t)
	readers := map[string]string{catalogue.QuizYoung: guide.Young, catalogue.QuizParent: guide.Parent}
	for _, quiz := range set.Quizzes.All {
		for _, band := range quiz.Bands {
			if len(band.Guides) == 0 {
				t.Errorf("%s %s leads to nothing to read", quiz.Code, band.Code)
			}
			for _, slug := range band.Guides {
				if p, ok := guide.Seeds().Page(slug); !ok || p.Facts().For != readers[quiz.Code] {
					t.Errorf("%s %s leads to %s, which is for %q", quiz.Code, band.Code, slug, p.Facts().For)
				}
			}
		}
		data := quizOf(speakingFor(quiz, i18n.English), quiz, guide.Seeds())
		if first := data.Bands[0].Guides[0]; first.Href[:len("/en/guides/")] != "/en/guides/" || first.Title == "" {
			t.Errorf("%s in English leads to %+v", quiz.Code, first)
		}
	}
}
