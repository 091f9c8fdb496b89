package public

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/talk"
	"vigie/internal/web/ui"
)

// logID is the list of messages on the visitor's page.
const logID = "talk-log"

// shown is how many messages a page brings at first, and each time that she asks for earlier ones.
const shown = 200

// Chat shows whatever is true now for whoever asks: the first questions, the wait, the conversation,
// the last question, a message that was left and its answer, or who answers while we are closed.
func (p *Room) Chat(w http.ResponseWriter, r *http.Request) error {
	s, err := p.Contacts.Session(r.Context(), session.VisitorToken(r))
	if fault.Is(err, fault.Unauthenticated) {
		return p.door(w, r)
	}
	if err != nil {
		return err
	}
	ct, err := p.Contacts.Get(r.Context(), s.ContactID)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		session.ClearVisitor(w)
		return p.door(w, r)
	}
	if err != nil {
		return err
	}
	if before := number(r.URL.Query().Get("before")); before > 0 && !ct.IsLetter() && !over(ct) {
		return p.earlier(w, r, ct, before)
	}
	return p.conversation(w, r, http.StatusOK, ct, draft{})
}

// door is the chat for somebody who has none: the first questions, or who answers now.
func (p *Room) door(w http.ResponseWriter, r *http.Request) error {
	// The doors of the home page lead here with who she is answered already.
	answers := p.firstAnswers(r.URL.Query())
	if !p.Today().Open {
		return p.closed(w, r, answers)
	}
	return p.questions(w, r, http.StatusOK, start{answers: answers})
}

// draft is what came back refused.
type draft struct{ body, fault, fileFault string }

// view is a conversation as its person sees it now.
type view struct {
	say      *i18n.Printer
	site     ui.Site
	contact  contact.Contact
	speaks   string
	reader   talk.Reader
	messages []chat.Message
	waiting  ui.WaitingProps
	alias    string
	proof    *proofView
	draft    draft
	freshID  string
	last     int64
	rated    bool
	// satisfaction is the last question.
	satisfaction catalogue.Question
	lines        *catalogue.Lines
	numbers      []ui.NumberProps
	danger       string // orders the numbers
	alone        bool   // she refused that anybody reads along
	copy         bool   // a copy of her data was opened to her here
	donow        ui.DoNowProps
	push         ui.PushProps    // the button to be told on this device
	surging      bool            // there are many: an answer later is offered, and something to read
	guides       []ui.Link       // what may help meanwhile
	visit        string          // visit.Asked or visit.Yes while a guest may read along, "" otherwise
	erasing      *ui.NoticeProps // nil unless she asked for erasure with her four words
}

func (p *Room) conversation(w http.ResponseWriter, r *http.Request, code int, ct contact.Contact, d draft) error {
	if ct.IsLetter() {
		return p.reply(w, r, code, ct)
	}
	v, err := p.look(r.Context(), answer.Printer(r), ct)
	if err != nil {
		return err
	}
	v.draft = d
	props := p.page(r, "", "public.chat_title")
	props.Room, props.Script, props.Scripts = ui.Talking, "chat.js", p.pushScripts()
	// Without JavaScript the page refreshes itself, but never while there is something to fill in.
	if !v.over() && !r.URL.Query().Has("write") && d.body == "" && v.proof == nil {
		props.Refresh = 10
	}
	answer.Page(w, r, code, talkPage(v, props))
	return nil
}

// over says that she has nothing to wait for here: the conversation is closed, or she said goodbye in
// danger, which leaves it open for a supervisor. (A quick exit leaves it so too, and ends her session.)
func over(ct contact.Contact) bool { return !ct.State.Open() || ct.State == contact.Left }

func (v view) over() bool { return over(v.contact) }

// leaveKind is the button that goes home: the lamp is for going on, where she still can.
func (v view) leaveKind() ui.Kind {
	if v.contact.State == contact.Left {
		return ui.Quiet
	}
	return ui.Lamp
}

// look reads everything a conversation's page shows.
func (p *Room) look(ctx context.Context, say *i18n.Printer, ct contact.Contact) (view, error) {
	v := p.frame(ctx, say, ct)
	var err error
	v.reader.ShownAfter = ct.ShownAfter
	if v.messages, err = p.Chats.ShownTo(ctx, ct, 0, shown); err != nil {
		return v, err
	}
	v.last = ct.ShownAfter
	if n := len(v.messages); n > 0 {
		v.last = v.messages[n-1].Seq
	}
	if _, v.reader.Marks, err = p.Chats.Marks(ctx, ct.ID); err != nil {
		return v, err
	}
	if err := p.place(ctx, &v); err != nil {
		return v, err
	}
	if v.proof, err = p.openProof(ctx, ct); err != nil {
		return v, err
	}
	if v.visit, err = p.visited(ctx, ct.ID); err != nil {
		return v, err
	}
	if v.alone, err = p.Listening.Refused(ctx, ct); err != nil {
		return v, err
	}
	if v.push, err = p.pushNow(ctx, say, ct); err != nil {
		return v, err
	}
	if !ct.State.Open() {
		given, err := p.Contacts.Satisfaction(ctx, ct.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return v, err
		}
		v.rated = given.Code != ""
	}
	return v, nil
}

// frame is what needs no reading but the contact's own row (and, in danger, its reasons).
func (p *Room) frame(ctx context.Context, say *i18n.Printer, ct contact.Contact) view {
	set := p.Catalogue()
	v := view{say: say, site: p.Site, contact: ct, speaks: speaks(say), freshID: newID()}
	v.reader = p.reader(ctx, say, logID)
	if ct.CounsellorID != "" {
		v.alias = p.Alias(ctx, ct.CounsellorID)
	}
	v.donow = p.doNow(say, ct.Topic)
	v.push = p.pushOf(say, ct)
	if ct.Danger {
		v.danger = p.dangerOf(ctx, ct)
		v.numbers = p.numbers(say, v.danger)
	}
	v.satisfaction, v.lines = set.Questions.Last, set.Lines
	return v
}

// reader is the person of a contact as a reader of its messages, in the list with this id.
func (p *Room) reader(ctx context.Context, say *i18n.Printer, into string) talk.Reader {
	return talk.Reader{
		Printer: say, Side: ui.FromVisitor, Into: into,
		Alias: func(id string) string { return p.Alias(ctx, id) }, Card: p.Guides.Card,
		File: func(m chat.Message) *ui.FileProps {
			return &ui.FileProps{Name: say.T("talk.file"), Size: chat.ReadCame(m.Body).Size, State: ui.FileKept}
		},
		Earlier: func(before int64) string { return say.Path("/chat") + "?before=" + strconv.FormatInt(before, 10) },
	}
}

// line is a line of the house as this person is spoken to.
func (v view) line(code string) string {
	return v.say.Text(v.lines.Say(code, v.speaks, v.say.Lang(), nil))
}

// farewell is what the house said at the end of the conversation, or thanks where it said nothing.
func (v view) farewell() string {
	said := v.contact.Closing != "" || v.contact.EndedBy == audit.Visitor || v.contact.EndedBy == audit.Staff
	if n := len(v.messages); said && n > 0 && v.messages[n-1].From == chat.System {
		return v.say.Text(v.messages[n-1].Body)
	}
	return v.say.T("over.lead")
}

// lastQuestion is the last question as this person is spoken to.
func (v view) lastQuestion() string {
	return v.say.Text(v.satisfaction.For(v.speaks).In(v.say.Lang()))
}

// place fills in what is honestly known of the wait, and of an erasure that waits.
func (p *Room) place(ctx context.Context, v *view) error {
	var err error
	if v.erasing, err = p.eraseNotice(ctx, v.say, v.contact.PersonID); err != nil {
		return err
	}
	if v.contact.State == contact.Talking {
		made, ok, err := p.Requests.CopyOf(ctx, v.contact.PersonID)
		v.copy = ok && made.ShownTo == v.contact.ID
		return err
	}
	if v.contact.State != contact.Waiting && v.contact.State != contact.Offered {
		return nil
	}
	v.waiting.Offered = v.contact.State == contact.Offered
	v.waiting.Said = v.line(catalogue.LineWaiting)
	known, err := p.Router.Place(ctx, v.contact.ID)
	if err != nil {
		return err
	}
	v.waiting.Place, v.waiting.Usual = known.Place, known.UsualWait
	today := p.Today()
	if p.Router.Surge().On && today.Open {
		p.surge(v)
	}
	switch {
	case today.ClosingSoon:
		v.waiting.Closing = p.Catalogue().Lines.Say(catalogue.LineClosingSoon, v.speaks, v.say.Lang(), map[string]string{"heure": v.say.Time(today.ClosesAt)})
	case !today.Open:
		v.waiting.Closed = v.say.T("closing.title")
		if v.waiting.ClosedText = v.say.T("closing.later"); !today.OpensAt.IsZero() {
			v.waiting.ClosedText = v.say.T("closing.text", "day", v.say.Day(today.OpensAt, p.Now()), "time", v.say.Time(today.OpensAt))
		}
	default:
		return nil
	}
	if len(v.numbers) == 0 { // whatever is said of the hours says that they are just below
		v.numbers = p.numbers(v.say, p.dangerOf(ctx, v.contact))
	}
	return nil
}

// mine is the contact of a request on a route for visitors, as it is now.
func (p *Room) mine(r *http.Request) (contact.Contact, error) {
	return p.Contacts.Get(r.Context(), session.Visitor(r).ContactID)
}

// Send takes a message. A script gets the bubble, a plain form goes back to the conversation.
func (p *Room) Send(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	s := session.Visitor(r)
	if err := p.slow(r, "chat.send", s.ContactID); err != nil {
		return err
	}
	m, err := p.Chats.Send(r.Context(), chat.Sending{
		ID: form.Get("message_id"), ContactID: s.ContactID, From: chat.Visitor, AuthorID: s.PersonID, Body: form.Get("body"),
	})
	if err != nil {
		if answer.Scripted(r) {
			return err
		}
		return p.refused(w, r, form.Get("body"), err)
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, answer.Printer(r).Path("/chat"), http.StatusSeeOther)
		return nil
	}
	v := talk.Reader{Printer: answer.Printer(r), Side: ui.FromVisitor, Into: logID}
	answer.Fragment(w, r, v.Bubble(m))
	return nil
}

// refused shows the conversation again, with what was typed and what to do.
func (p *Room) refused(w http.ResponseWriter, r *http.Request, body string, refusal error) error {
	ct, err := p.mine(r)
	if err != nil {
		return errors.Join(refusal, err)
	}
	answer.Log(r, refusal)
	return p.conversation(w, r, answer.Status(refusal), ct, draft{body: body, fault: answer.Printer(r).Fault(refusal)})
}

// Typing announces that the person is typing, or stopped; what she types is not sent.
func (p *Room) Typing(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	p.Chats.Typing(session.Visitor(r).ContactID, chat.Visitor, form.Get("on") == "1")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Marks notes how far her page has received and shown.
func (p *Room) Marks(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	p.Chats.Mark(session.Visitor(r).ContactID, chat.Visitor, number(form.Get("delivered")), number(form.Get("seen")))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// End says goodbye.
func (p *Room) End(w http.ResponseWriter, r *http.Request) error {
	id := session.Visitor(r).ContactID
	if _, err := p.Contacts.EndConversation(r.Context(), id, contact.VisitorOf(id), contact.Change{}); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	http.Redirect(w, r, answer.Printer(r).Path("/chat"), http.StatusSeeOther)
	return nil
}

// RefuseListening is her no to anybody who would read along.
func (p *Room) RefuseListening(w http.ResponseWriter, r *http.Request) error {
	id := session.Visitor(r).ContactID
	if err := p.Listening.Refuse(r.Context(), id, contact.VisitorOf(id)); err != nil {
		return err
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, answer.Printer(r).Path("/chat"), http.StatusSeeOther)
		return nil
	}
	answer.Fragment(w, r, talkReaders(answer.Printer(r), true))
	return nil
}

// Rate takes the answer to the last question.
func (p *Room) Rate(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	err = p.Contacts.AnswerSatisfaction(r.Context(), session.Visitor(r).ContactID, contact.Satisfaction{Code: form.Get("code"), Text: form.Get("text")})
	if err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	http.Redirect(w, r, answer.Printer(r).Path("/chat"), http.StatusSeeOther)
	return nil
}

// Leave is the first hop of the quick exit: it ends the session, tells the desk, has the browser forget
// cache and cookies (never its storage, where a vault may be) and goes on to a neutral page. Nothing
// that fails here may keep anybody on the page.
func (p *Room) Leave(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 3*time.Second)
	defer cancel()
	if token := session.VisitorToken(r); token != "" {
		s, err := p.Contacts.Session(ctx, token)
		if err == nil {
			if _, err := p.Contacts.LeaveQuickly(ctx, s.ContactID); err != nil && !fault.Is(err, fault.Conflict) {
				answer.Log(r, err)
			}
			// A message that was left stays in line, but nothing lights her telephone any more.
			if err := p.Push.Unsubscribe(ctx, s.ContactID, ""); err != nil {
				answer.Log(r, err)
			}
			if err := p.Contacts.EndSession(ctx, token); err != nil {
				answer.Log(r, err)
			}
		}
		session.ClearVisitor(w)
	}
	h := w.Header()
	switch {
	case r.Header.Get("Sec-Fetch-Site") == "cross-site": // a link on another site: nobody's session ends by it
	case session.StaffToken(r) != "":
		h.Set("Clear-Site-Data", `"cache"`)
	default:
		h.Set("Clear-Site-Data", `"cache", "cookies"`)
	}
	h.Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.QuitTo, http.StatusSeeOther)
	return nil
}
