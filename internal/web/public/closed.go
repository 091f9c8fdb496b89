package public

import (
	"net/http"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// closed is the chat while nobody is there: who answers now comes first, then a message to leave.
func (p *Room) closed(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	props := p.page(r, "/chat", "public.closed_title")
	answer.Page(w, r, http.StatusOK, closedPage(say, props, p.Today(), p.numbers(say, catalogue.General, catalogue.Young)))
	return nil
}

// kept is what somebody who is blocked for a while sees: never without the emergency numbers.
func (p *Room) kept(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	props := p.page(r, "", "public.chat_title")
	answer.Page(w, r, http.StatusForbidden, keptPage(say, props, p.numbers(say, catalogue.General, catalogue.Young)))
	return nil
}

// letter is a message left while we are closed, with what was typed when it comes back refused.
type letter struct {
	id, text, fault, challenge string
	callback                   contact.Callback
}

// Letter is the page where a message is left.
func (p *Room) Letter(w http.ResponseWriter, r *http.Request) error {
	return p.letter(w, r, http.StatusOK, letter{})
}

func (p *Room) letter(w http.ResponseWriter, r *http.Request, code int, l letter) error {
	if l.id == "" {
		l.id = newID()
	}
	props := p.page(r, "/message", "public.letter_title")
	props.Script = "chat.js"
	answer.Page(w, r, code, letterPage(answer.Printer(r), props, l, p.Today()))
	return nil
}

// LeaveLetter takes the message. It passes the danger lexicon; a hit shows who answers now and rings
// the supervisor on call.
func (p *Room) LeaveLetter(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	l := letter{id: form.Get("contact_id"), text: form.Get("body"), callback: contact.Callback{
		When: form.Get("when"), On: form.Get("on"), Others: form.Get("others"), Say: form.Get("say"), Voicemail: form.Get("voicemail") != "",
	}}
	verdict := p.Guard.Check(flood.LeaveMessage, p.network(r), form.Get("proof"))
	if verdict.Refused {
		l.challenge, l.fault = verdict.Challenge, say.T("public.many")
		return p.letter(w, r, http.StatusTooManyRequests, l)
	}
	if err := verdict.Wait(r.Context()); err != nil {
		return err
	}
	left := chat.Leaving{ID: l.id, MessageID: form.Get("message_id"), Lang: say.Lang(), Network: answer.Client(r), Text: l.text}
	if l.callback.On != "" || l.callback.When != "" {
		left.Callback = &l.callback
	}
	ct, _, err := p.Chats.LeaveMessage(r.Context(), left)
	if err != nil {
		answer.Log(r, err)
		l.fault = say.Fault(err)
		return p.letter(w, r, answer.Status(err), l)
	}
	token, err := p.Contacts.NewSession(r.Context(), ct.ID)
	if err != nil {
		return err
	}
	session.SetVisitor(w, token)
	http.Redirect(w, r, say.Path("/message/left"), http.StatusSeeOther)
	return nil
}

// LetterLeft says that the message is here, and who answers now when its words asked for it.
func (p *Room) LetterLeft(w http.ResponseWriter, r *http.Request) error {
	ct, err := p.mine(r)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	var numbers []ui.NumberProps
	if ct.Danger {
		numbers = p.numbers(say, catalogue.General, catalogue.Young)
	}
	line := catalogue.LineMessageReceived
	if ct.Danger {
		line = catalogue.LineMessageDanger
	}
	props := p.page(r, "", "public.letter_title")
	props.Script = "chat.js"
	answer.Page(w, r, http.StatusOK, letterLeftPage(say, props, p.Catalogue().Lines.Say(line, p.Catalogue().Questions.Speaks(ct.Public), say.Lang(), nil), numbers))
	return nil
}
