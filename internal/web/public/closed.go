package public

import (
	"context"
	"net/http"
	"slices"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// closed is the chat while nobody is there: who answers now comes first, in the order of what she told,
// then a message to leave.
func (p *Room) closed(w http.ResponseWriter, r *http.Request, answers map[string]string) error {
	return p.closedTo(w, r, answers, told{})
}

// closedTo is closed to somebody who brings her answers to the quiz: they may go into the message.
func (p *Room) closedTo(w http.ResponseWriter, r *http.Request, answers map[string]string, brings told) error {
	who := answers[catalogue.AskWho]
	r = p.To(r, who)
	say := answer.Printer(r)
	numbers := p.numbersFor(say, answers)
	if danger := brings.danger(); danger != "" {
		numbers = p.numbers(say, danger)
	}
	props := p.page(r, "/chat", "public.closed_title")
	answer.Page(w, r, http.StatusOK, closedPage(say, props, p.Today(), p.Now(), numbers, letterOf(say, who), who, brings))
	return nil
}

// kept is what somebody who is blocked for a while sees: never without the emergency numbers.
func (p *Room) kept(w http.ResponseWriter, r *http.Request, answers map[string]string) error {
	r = p.To(r, answers[catalogue.AskWho])
	say := answer.Printer(r)
	props := p.page(r, "", "public.chat_title")
	answer.Page(w, r, http.StatusForbidden, keptPage(say, props, p.numbersFor(say, answers)))
	return nil
}

// numbersFor are the numbers for somebody of whom we know her first answers, if any.
func (p *Room) numbersFor(say *i18n.Printer, answers map[string]string) []ui.NumberProps {
	return p.numbers(say, p.dangerOfTopic(answers[catalogue.AskTopic]))
}

// letter is a message left while we are closed, with what was typed when it comes back refused.
type letter struct {
	id, text, fault, challenge string
	who                        string // leaves it, where she has said so
	told                       told   // of the quiz, which stands in the text
	phone                      bool   // the number to call stands beside the refusal
	callback                   contact.Callback
}

// messageID is that of the message: the one she came with, or a new one.
func (l letter) messageID() string {
	if l.told.any() {
		return l.told.id
	}
	return newID()
}

// Letter is the page where a message is left.
func (p *Room) Letter(w http.ResponseWriter, r *http.Request) error {
	return p.letter(w, r, http.StatusOK, letter{who: p.firstAnswers(r.URL.Query())[catalogue.AskWho]})
}

// letterOf leads to the page where a message is left, with who leaves it, where she has said so.
func letterOf(say *i18n.Printer, who string) string {
	if who == "" {
		return say.Path("/message")
	}
	return say.Path("/message") + "?" + catalogue.AskWho + "=" + who
}

func (p *Room) letter(w http.ResponseWriter, r *http.Request, code int, l letter) error {
	if l.id == "" {
		l.id = newID()
	}
	r = p.To(r, l.who)
	props := p.page(r, "/message", "public.letter_title")
	props.Script = "chat.js"
	answer.Page(w, r, code, letterPage(answer.Printer(r), props, l, p.Today(), p.Now()))
	return nil
}

// LeaveLetter takes the message. It passes the danger lexicon; a hit shows who answers now and rings
// the supervisor on call.
func (p *Room) LeaveLetter(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	who, brings := p.firstAnswers(form)[catalogue.AskWho], p.told(form)
	r = p.To(r, who)
	say := answer.Printer(r)
	if form.Get("contact_id") == "" && form.Has("quiz") { // from the closed chat: she has not seen the message yet
		return p.letter(w, r, http.StatusOK, letter{who: who, told: brings, text: brings.text(say)})
	}
	l := letter{told: brings, id: form.Get("contact_id"), who: who, text: form.Get("body"), callback: contact.Callback{
		When: form.Get("when"), On: form.Get("on"), Others: form.Get("others"), Say: form.Get("say"), Voicemail: form.Get("voicemail") != "",
		ShowNumber: form.Get("show_number") != "",
	}}
	verdict := p.Guard.Check(flood.LeaveMessage, p.network(r), form.Get("proof"))
	if verdict.Refused {
		l.challenge, l.phone, l.fault = verdict.Challenge, verdict.OfferPhone, say.T("public.many")
		return p.letter(w, r, http.StatusTooManyRequests, l)
	}
	if err := verdict.Wait(r.Context()); err != nil {
		return err
	}
	left := chat.Leaving{ID: contact.IDOf(l.id), MessageID: form.Get("message_id"), Lang: say.Lang(), Network: answer.Client(r), Text: l.text, Quotes: p.quotes(say, brings)}
	if l.callback.On != "" || l.callback.When != "" {
		left.Callback = &l.callback
	}
	waited, err := p.waited(r)
	if err != nil {
		return err
	}
	left.PersonID, left.Public, left.AgeBand, left.Topic = waited.PersonID, waited.Public, waited.AgeBand, waited.Topic
	if left.Public == "" {
		left.Public = who
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
	if waited.ID != "" { // what she wanted to say is in the message now
		_, err := p.Contacts.EndConversation(r.Context(), waited.ID, contact.VisitorOf(waited.ID), contact.Change{})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	session.SetVisitor(w, token)
	http.Redirect(w, r, say.Path("/message/left"), http.StatusSeeOther)
	return nil
}

// waited is the place in line, without a word yet, of somebody who leaves a message because we have
// closed; the zero contact for anybody else.
func (p *Room) waited(r *http.Request) (contact.Contact, error) {
	s, err := p.Contacts.Session(r.Context(), session.VisitorToken(r))
	if err != nil {
		return contact.Contact{}, nil // nobody, or nobody any more
	}
	ct, err := p.Contacts.Get(r.Context(), s.ContactID)
	if fault.Is(err, fault.NotFound) || err == nil && (ct.State != contact.Waiting || ct.IsLetter() || p.Today().Open) {
		return contact.Contact{}, nil
	}
	if err != nil {
		return contact.Contact{}, err
	}
	wrote, err := p.wrote(r.Context(), ct.ID)
	if err != nil || wrote {
		return contact.Contact{}, err
	}
	return ct, nil
}

// wrote says whether the person of a contact has written anything yet.
func (p *Room) wrote(ctx context.Context, contactID string) (bool, error) {
	all, err := p.Chats.Latest(ctx, contactID, 0, shown)
	return slices.ContainsFunc(all, func(m chat.Message) bool { return m.From == chat.Visitor }), err
}

// Later turns a place in line into a message that was left, when we have closed: what she wrote is kept,
// and who has not written yet writes it now.
func (p *Room) Later(w http.ResponseWriter, r *http.Request) error {
	id, to := session.Visitor(r).ContactID, "/message"
	wrote, err := p.wrote(r.Context(), id)
	if err != nil {
		return err
	}
	switch {
	case p.Today().Open && !p.Router.Surge().On: // the night is over
		to = "/chat"
	case wrote:
		to = "/message/left"
		if _, err := p.Contacts.Book(r.Context(), id); fault.Is(err, fault.Conflict) {
			to = "/chat" // somebody is there after all
		} else if err != nil {
			return err
		}
	}
	http.Redirect(w, r, answer.Printer(r).Path(to), http.StatusSeeOther)
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
	line := catalogue.LineMessageReceived
	if ct.Danger {
		line = catalogue.LineMessageDanger
		numbers = p.numbers(say, p.dangerOf(r.Context(), ct))
	}
	props := p.page(r, "", "public.letter_title")
	props.Script, props.Scripts = "chat.js", p.pushScripts()
	push, err := p.pushNow(r.Context(), say, ct)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, letterLeftPage(say, props, p.Catalogue().Lines.Say(line, speaks(say), say.Lang(), nil), numbers, push))
	return nil
}
