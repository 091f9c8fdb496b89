package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"vigie/internal/audit"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/routing/flood"
	"vigie/internal/staff"
	"vigie/internal/web/i18n/voicetest"
)

// Answers that tell of nothing, and of something, as the quiz's page hands them over.
const (
	quietly = "young acts.mocked often.days images.no dark.no"
	gravely = "young acts.mocked images.blackmail dark.no"
)

// The quiz is a page to read for whoever has no scripts: every question, who answers now, and no way to send anything.
func TestTheQuizIsReadWithoutScripts(t *testing.T) {
	w := newWorld(t)
	set := w.app.Catalogue.Current()
	parent := w.browser()
	parent.opens("who", "parent") // how somebody was spoken to before changes nothing of a page that is the same for all
	for path, speaks := range map[string]func(string) string{"/quiz": voicetest.Vous, "/quiz/parents": voicetest.Tu} {
		quiz, _ := set.Quizzes.ByCode(map[string]string{"/quiz": "young", "/quiz/parents": "parent"}[path])
		for _, lang := range []string{"fr", "en"} {
			b := w.browser()
			if path == "/quiz" {
				b = parent
			}
			b.get(strings.TrimPrefix("/"+lang+path, "/fr")).want(http.StatusOK)
			read := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(b.text())
			for _, question := range quiz.Questions {
				if !strings.Contains(read, question.Text[lang]) {
					t.Errorf("%s %s does not ask %q", lang, path, question.Text[lang])
				}
				for _, a := range question.Answers {
					if !strings.Contains(read, a.Text[lang]) {
						t.Errorf("%s %s has no answer %q", lang, path, a.Text[lang])
					}
				}
			}
			for _, band := range quiz.Bands {
				if !strings.Contains(read, band.Text[lang]) {
					t.Errorf("%s %s does not say %q", lang, path, band.Text[lang])
				}
			}
			for _, said := range told(b.body) {
				if lang == "fr" && speaks(said) != "" {
					t.Errorf("%s says %q: %s", path, speaks(said), said)
				}
			}
			doc, err := html.Parse(strings.NewReader(b.body))
			if err != nil {
				t.Fatal(err)
			}
			for n := range doc.Descendants() { // what is in a template is no part of the page
				switch {
				case (n.Data == "form" || n.Data == "input") && !inTemplate(n):
					t.Errorf("%s has something to fill in", path)
				case n.Data == "script" && slices.Contains(n.Attr, html.Attribute{Key: "id", Val: "quiz-data"}):
					if !json.Valid([]byte(n.FirstChild.Data)) {
						t.Errorf("%s: its data cannot be read", path)
					}
				}
			}
			if n := strings.Count(b.body, `href="tel:`); n < len(quiz.Dangers()) {
				t.Errorf("%s names %d numbers to call", path, n)
			}
		}
	}
	if fresh := w.browser().get("/quiz"); fresh.header.Get("Set-Cookie") != "" {
		t.Errorf("the quiz sets a cookie: %s", fresh.header.Get("Set-Cookie"))
	}
}

func inTemplate(n *html.Node) bool {
	for at := range n.Ancestors() {
		if at.Data == "template" {
			return true
		}
	}
	return false
}

// contacts are how many there are.
func (w *world) contacts() int {
	w.Helper()
	found, _, err := w.app.Contacts.Search(w.Context(), contact.Filter{By: audit.Actor{Kind: audit.Staff, ID: w.people[staff.Supervisor].ID}, Purpose: "test"})
	if err != nil {
		w.Fatal(err)
	}
	return len(found)
}

// said are the messages of a contact's person.
func (w *world) said(id string) (all []string) {
	w.Helper()
	messages, err := w.app.Chats.Messages(w.Context(), id, 0, 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range messages {
		if m.From == chat.Visitor {
			all = append(all, m.Body)
		}
	}
	return all
}

// From the quiz she comes to the first questions, which show what she brings; it is her first message, once, and her counsellor
// reads it with the danger that it tells of.
func TestTheAnswersOfTheQuizGoWithHerIntoTheChat(t *testing.T) {
	w := newWorld(t)
	child, id, message := w.browser(), uuid.Must(uuid.NewV7()).String(), uuid.Must(uuid.NewV7()).String()
	child.post("/chat", "who", "young", "message_id", message, "quiz", "young dark.no nonsense images.blackmail acts.mocked often").want(http.StatusOK).
		sees("On est là", "Raconter mes réponses à la personne qui me répond", "On menace de montrer une image intime de moi")
	for _, part := range []string{`name="quiz" value="` + gravely + `" checked`, `name="message_id" value="` + message + `"`, `value="young" checked`} {
		if !strings.Contains(child.body, part) {
			t.Errorf("the first questions have no %s", part)
		}
	}
	if n := w.contacts(); n != 0 {
		t.Fatalf("%d contacts before she asked for one", n)
	}

	for range 2 { // a thumb that presses twice
		child.post("/chat", "contact_id", id, "who", "young", "message_id", message, "quiz", gravely).want(http.StatusOK).sees("Tu es dans la file", "Mes réponses au quiz", "On se moque de moi")
	}
	ct, err := w.app.Contacts.Get(t.Context(), contact.IDOf(id))
	if err != nil {
		t.Fatal(err)
	}
	said := w.said(ct.ID)
	if len(said) != 1 || w.contacts() != 1 || !ct.Danger || ct.Public != "young" {
		t.Fatalf("%d messages of %d contacts, danger %t", len(said), w.contacts(), ct.Danger)
	}
	for _, line := range []string{"Suis-je victime", "Est-ce que quelqu'un te fait du mal", "→ On se moque de moi, on m'insulte", "→ On menace de montrer une image intime de moi", "→ Non"} {
		if !strings.Contains(said[0], line) {
			t.Errorf("she did not say %q: %s", line, said[0])
		}
	}
	child.get("/chat").sees("Si c'est urgent, appelle maintenant", "17, police")
	reasons, err := w.app.Contacts.Reasons(t.Context(), ct)
	if err != nil || !slices.ContainsFunc(reasons, func(r contact.Reason) bool { return r.Code == "quiz.sextortion" && r.Weight > 0 }) {
		t.Errorf("it is urgent for %+v, %v", reasons, err)
	}
	if slices.ContainsFunc(reasons, func(r contact.Reason) bool { return strings.HasPrefix(r.Code, "lexicon.") }) {
		t.Errorf("our own questions were heard as her words: %+v", reasons)
	}
	camille := w.as(staff.Counsellor)
	w.answered(camille, ct.ID)
	camille.get("/desk?c="+ct.ID).want(http.StatusOK).sees("Mes réponses au quiz", "réponse grave au quiz", "Chantage à l'image", "Sextorsion")
}

// What she does not hand over does not go with her, and what no quiz of ours could say is nothing.
func TestOnlyWhatTheQuizKnowsIsTold(t *testing.T) {
	w := newWorld(t)
	for name, quiz := range map[string]string{
		"unticked": "", "a quiz that is not there": "teacher acts.mocked", "no answers": "young", "words": "young je veux mourir",
		"too long": gravely + strings.Repeat(" x", 2000), "markup": `young <script>alert(1)</script>`,
	} {
		t.Run(name, func(t *testing.T) {
			child := w.browser()
			if quiz != "" {
				child.post("/chat", "who", "young", "quiz", quiz).want(http.StatusOK).sees("On est là").seesNot("Raconter mes réponses")
			}
			id := child.opens("quiz", quiz)
			if ct, err := w.app.Contacts.Get(t.Context(), id); err != nil || ct.Danger || len(w.said(id)) != 0 {
				t.Errorf("it opened %+v with %q, %v", ct, w.said(id), err)
			}
		})
	}
	child := w.browser()
	id := child.opens("quiz", quietly, "message_id", "not an id")
	if said := w.said(id); len(said) != 1 {
		t.Errorf("with an id that is none she said %q", said)
	}
	english := w.browser()
	id = uuid.Must(uuid.NewV7()).String()
	english.post("/en/chat", "contact_id", id, "quiz", quietly).want(http.StatusOK).sees("My answers to the quiz")
	if said := w.said(contact.IDOf(id)); len(said) != 1 || !strings.Contains(said[0], "→ I am mocked or insulted") {
		t.Errorf("in English she said %q", said)
	}
}

// Under a flood the first questions come back, and what she brings with them.
func TestTheAnswersOfTheQuizOutliveARefusal(t *testing.T) {
	w := newWorld(t)
	w.app.Guard.SetProof(flood.Always, flood.MinBits)
	child := w.browser()
	child.post("/chat", "contact_id", uuid.Must(uuid.NewV7()).String(), "quiz", gravely, "who", "parent").want(http.StatusTooManyRequests)
	if !strings.Contains(child.body, `name="quiz" value="`+gravely+`" checked`) {
		t.Errorf("they are lost: %s", child.text())
	}
}

// Who is in a conversation already says her answers there; while the letter that she left waits, they begin the conversation.
func TestTheAnswersOfTheQuizInAConversationThatGoesOn(t *testing.T) {
	w := newWorld(t)
	child, message := w.browser(), uuid.Must(uuid.NewV7()).String()
	id := child.opens()
	child.says("bonjour")
	for range 2 {
		child.post("/chat", "quiz", gravely, "message_id", message).want(http.StatusOK).sees("Mes réponses au quiz")
	}
	ct, err := w.app.Contacts.Get(t.Context(), id)
	if said := w.said(id); err != nil || len(said) != 2 || said[0] != "bonjour" || !ct.Danger || w.contacts() != 1 {
		t.Errorf("she said %q; danger %t, %v", said, ct.Danger, err)
	}
}

// While we are closed her answers are in the message that she may leave, hers to change; our questions are not heard as her words.
func TestTheAnswersOfTheQuizWhileWeAreClosed(t *testing.T) {
	for name, c := range map[string]struct {
		quiz   string
		first  string // to be called
		edit   func(text string) string
		danger bool
	}{
		"quiet":                      {quietly, "17", func(text string) string { return text }, false},
		"grave":                      {"young dark.soon", "3114", func(text string) string { return text }, true},
		"grave, and taken out again": {gravely, "17", func(string) string { return "bonjour" }, false},
		"quiet, and said after all":  {quietly, "17", func(text string) string { return text + "\n\nje veux mourir" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, "23:30")
			child := w.browser()
			child.post("/chat", "who", "young", "quiz", c.quiz).want(http.StatusOK).sees("On dort un peu", "3114", "Nous laisser un message")
			if first := strings.Index(child.body, `href="tel:`); !strings.HasPrefix(child.body[first:], `href="tel:`+c.first+`"`) {
				t.Errorf("who to call first is not %s: %.30s", c.first, child.body[first:])
			}
			if !strings.Contains(child.body, `action="/message"`) || !strings.Contains(child.body, `name="quiz" value="`+c.quiz+`"`) || strings.Contains(child.body, "quiz=") {
				t.Fatalf("nothing carries her answers: %s", child.body)
			}
			child.post("/message", "who", "young", "quiz", c.quiz, "message_id", uuid.Must(uuid.NewV7()).String()).want(http.StatusOK).sees("Laisser un message", "Mes réponses au quiz", "→")
			if n := w.contacts(); n != 0 {
				t.Fatalf("%d contacts before she left one", n)
			}
			text := field(t, child.body, "body")
			id := uuid.Must(uuid.NewV7()).String()
			child.post("/message", "contact_id", id, "message_id", uuid.Must(uuid.NewV7()).String(), "who", "young", "quiz", c.quiz,
				"body", strings.ReplaceAll(c.edit(text), "\n", "\r\n")).want(http.StatusOK)
			ct, err := w.app.Contacts.Get(t.Context(), contact.IDOf(id))
			if err != nil || ct.Danger != c.danger || len(w.said(ct.ID)) != 1 {
				t.Errorf("she left %q: danger %t, %v", w.said(ct.ID), ct.Danger, err)
			}
		})
	}
	w := newWorldAt(t, "23:30")
	child := w.browser()
	child.post("/message", "contact_id", uuid.NewString(), "message_id", uuid.NewString(), "quiz", gravely, "body", " ").want(http.StatusUnprocessableEntity)
	if !strings.Contains(child.body, `name="quiz" value="`+gravely+`"`) {
		t.Error("a message that comes back has lost what it quotes")
	}
}

// field is what a field of several lines holds.
func field(t *testing.T, page, name string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Data == "textarea" && slices.Contains(n.Attr, html.Attribute{Key: "name", Val: name}) {
			return n.FirstChild.Data
		}
	}
	t.Fatalf("no field %s", name)
	return ""
}
