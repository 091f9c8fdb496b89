package public

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
)

// told are her answers to the quiz, which she hands over: from the quiz, where she ticked it, they go with her as codes from form to
// form, never in an address, until they are her first message. The zero value is nothing.
type told struct {
	catalogue.Told
	// id is the message's, so that it is said once.
	id string
}

// told reads what a form hands over of the quiz.
func (p *Room) told(form url.Values) told {
	answers, ok := p.Catalogue().Quizzes.Told(form.Get("quiz"))
	if !ok {
		return told{}
	}
	t := told{answers, form.Get("message_id")}
	if id, err := uuid.Parse(t.id); err != nil || id.String() != t.id {
		t.id = newID()
	}
	return t
}

// any says that there is something to tell.
func (t told) any() bool { return len(t.Answers) > 0 }

// title begins the message.
func (t told) title(say *i18n.Printer) string {
	return say.T("quiz.told", "title", say.Text(t.Quiz.Title.In(say.Lang())))
}

// danger is the one that she told of first, "" for none.
func (t told) danger() string {
	for _, g := range t.Answers {
		if g.Answer.Grave != "" {
			return g.Answer.Grave
		}
	}
	return ""
}

// pairs are the questions and answers in words.
func (t told) pairs(say *i18n.Printer) []string {
	var all []string
	for _, g := range t.Answers {
		all = append(all, say.Text(g.In(say.Lang())))
	}
	return all
}

// text is the whole as a message; the catalogue sees that it fits in one, and what would not is left out.
func (t told) text(say *i18n.Printer) string {
	if !t.any() {
		return ""
	}
	text := t.title(say)
	for _, pair := range t.pairs(say) {
		if utf8.RuneCountInString(text)+utf8.RuneCountInString(pair)+2 > chat.MaxBody {
			break
		}
		text += "\n\n" + pair
	}
	return text
}

// quotes are the questions and answers of the text, which stand in our words, and what they tell of.
func (p *Room) quotes(say *i18n.Printer, t told) []chat.Quote {
	var all []chat.Quote
	for i, pair := range t.pairs(say) {
		q := chat.Quote{Text: pair}
		if answer := t.Answers[i].Answer; answer.Grave != "" {
			q.Reason = contact.Reason{Code: catalogue.QuizReason + answer.Grave, Weight: p.Catalogue().Quizzes.Weight, Group: answer.Grave}
			q.Danger = answer.Now
		}
		all = append(all, q)
	}
	return all
}

// first is the message as it is sent; AuthorID is for one who is in a conversation already.
func (p *Room) first(say *i18n.Printer, t told, contactID, personID string) chat.Sending {
	return chat.Sending{ID: t.id, ContactID: contactID, From: chat.Visitor, AuthorID: personID, Body: t.text(say), Quotes: p.quotes(say, t)}
}

// tell writes the answers into a conversation that is going on already; sent again, they stand there once.
func (p *Room) tell(r *http.Request, ct contact.Contact, t told) error {
	if !t.any() {
		return nil
	}
	if err := p.slow(r, "chat.send", ct.ID); err != nil {
		return err
	}
	_, err := p.Chats.Send(r.Context(), p.first(answer.Printer(r), t, ct.ID, ct.PersonID))
	return err
}

// paragraphs are a question and its answer, for a page that shows them.
func paragraphs(pair string) (question, answer string) {
	question, answer, _ = strings.Cut(pair, "\n")
	return question, answer
}
