package public

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// newID makes an id for something that this page may send twice.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// number reads a whole number of a form; anything else is 0.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// start is the page of the first questions, with what was answered when it comes back.
type start struct {
	id, challenge string
	answers       map[string]string
	notice        string
	phone         bool
	told          told // of the quiz, which she takes with her
}

func (p *Room) questions(w http.ResponseWriter, r *http.Request, code int, s start) error {
	if s.id == "" {
		s.id = newID()
	}
	r = p.To(r, s.answers[catalogue.AskWho])
	props := p.page(r, "/chat", "public.chat_title")
	props.Script = "chat.js"
	say, set := answer.Printer(r), p.Catalogue()
	danger := set.Lines.Say(catalogue.LineLifeDanger, set.Questions.Speaks(s.answers[catalogue.AskWho]), say.Lang(), nil)
	answer.Page(w, r, code, startPage(say, props, set.Questions, s, p.Today().ClosingSoon, danger))
	return nil
}

// Start opens a chat: the first questions may all be skipped, and the same post twice opens one chat. Whoever comes from the quiz with
// her answers is asked the first questions too; where she is in a conversation already, they are said there.
func (p *Room) Start(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	say, person, brings := answer.Printer(r), "", p.told(form)
	var letter contact.Contact // that she left, and comes from to talk
	if s, err := p.Contacts.Session(r.Context(), session.VisitorToken(r)); err == nil {
		// Whoever opens again in the browser of a conversation that has just ended is who had it: a block holds.
		person = s.PersonID
		if ct, err := p.Contacts.Get(r.Context(), s.ContactID); err == nil && ct.IsLetter() {
			letter = ct
		} else if err == nil && ct.State.Open() {
			if ct.State == contact.Left { // she said goodbye, and goes on
				if _, err := p.Contacts.Return(r.Context(), ct.ID, contact.VisitorOf(ct.ID)); err != nil {
					return err
				}
			}
			if err := p.tell(r, ct, brings); err != nil {
				return err
			}
			http.Redirect(w, r, say.Path("/chat"), http.StatusSeeOther)
			return nil
		}
	}
	asked := start{id: form.Get("contact_id"), answers: p.firstAnswers(form), told: brings}
	if !p.Today().Open {
		return p.closedTo(w, r, asked.answers, brings)
	}
	if asked.id == "" && form.Has("quiz") { // from the quiz itself: she has not been asked anything yet
		return p.questions(w, r, http.StatusOK, asked)
	}
	verdict := p.Guard.Check(flood.OpenChat, p.network(r), form.Get("proof"))
	if verdict.Refused {
		many := answer.Printer(p.To(r, asked.answers[catalogue.AskWho])).T("public.many")
		asked.challenge, asked.phone, asked.notice = verdict.Challenge, verdict.OfferPhone, many
		return p.questions(w, r, http.StatusTooManyRequests, asked)
	}
	if err := verdict.Wait(r.Context()); err != nil {
		return err
	}
	if letter.ID != "" {
		return p.again(w, r, contact.Opening{ID: contact.IDOf(asked.id), PersonID: letter.PersonID}, letter, brings)
	}
	// Only the block is carried over: a phone is lent, and the four words of one must not open another's.
	if block, err := p.Router.Blocked(r.Context(), routing.Caller{PersonID: person}); err != nil {
		return err
	} else if block.Blocked {
		return p.kept(w, r, asked.answers)
	}
	return p.open(w, r, contact.Opening{ID: contact.IDOf(asked.id)}, asked.answers, brings)
}

// firstAnswers are those of the first questions that the catalogue knows.
func (p *Room) firstAnswers(given url.Values) map[string]string {
	answers := map[string]string{}
	for _, q := range []string{catalogue.AskWho, catalogue.AskAge, catalogue.AskTopic} {
		if code := given.Get(q); code != "" && p.Catalogue().Questions.Has(q, code) {
			answers[q] = code
		}
	}
	return answers
}

// open lets somebody in, with what she brings of the quiz as her first message, and gives her browser the session.
func (p *Room) open(w http.ResponseWriter, r *http.Request, o contact.Opening, answers map[string]string, brings told) error {
	say, set := answer.Printer(r), p.Catalogue()
	o.Channel, o.Lang = contact.ChannelChat, say.Lang()
	o.Public, o.AgeBand, o.Topic = answers[catalogue.AskWho], answers[catalogue.AskAge], answers[catalogue.AskTopic]
	o.Queue = set.Queues.For(o.Lang, o.Public, o.Topic).Code
	o.Network = answer.Client(r)
	o.Reasons = append(o.Reasons, reasonsOf(set, answers)...)
	block, err := p.Router.Blocked(r.Context(), routing.Caller{Address: o.Network.Addr(), PersonID: o.PersonID})
	if err != nil {
		return err
	}
	if block.Blocked {
		return p.kept(w, r, answers)
	}
	var ct contact.Contact
	if brings.any() {
		ct, err = p.Chats.OpenWith(r.Context(), o, p.first(say, brings, "", ""))
	} else {
		ct, err = p.Contacts.Open(r.Context(), o)
	}
	if err != nil {
		return err
	}
	token, err := p.Contacts.NewSession(r.Context(), ct.ID)
	if err != nil {
		return err
	}
	session.SetVisitor(w, token)
	http.Redirect(w, r, say.Path("/chat"), http.StatusSeeOther)
	return nil
}

// reasonsOf reads the priority that the first answers give.
func reasonsOf(set *catalogue.Set, answers map[string]string) []contact.Reason {
	var reasons []contact.Reason
	for _, q := range set.Questions.First {
		choice, ok := q.Choice(answers[q.Code])
		if !ok || choice.Reason == "" {
			continue
		}
		if reason, ok := set.Queues.Reason(choice.Reason); ok {
			reasons = append(reasons, contact.Reason{Code: reason.Code, Weight: reason.Weight})
		}
	}
	return reasons
}

// slow makes one act of a contact wait its turn when it comes too fast.
func (p *Room) slow(r *http.Request, act flood.Act, contactID string) error {
	verdict := p.Guard.Check(act, p.Guard.Contact(contactID), "")
	if verdict.Refused {
		return fault.New(fault.TooMany, "fault.too_many")
	}
	return verdict.Wait(r.Context())
}

func (p *Room) doNow(say *i18n.Printer, topic string) ui.DoNowProps {
	card := p.Catalogue().DoNow.For(topic, speaks(say))
	lang := say.Lang()
	props := ui.DoNowProps{Title: card.Title.In(lang), Never: card.Never.In(lang)}
	for _, step := range card.Steps {
		props.Steps = append(props.Steps, step.Do.In(lang))
	}
	return props
}

// dangerOf is the danger that orders the numbers for the person of a contact: the heaviest that was heard
// in her words, else that of the topic she chose, else none in particular.
func (p *Room) dangerOf(ctx context.Context, ct contact.Contact) string {
	set := p.Catalogue()
	reasons, err := p.Contacts.Reasons(ctx, ct) // the heaviest first
	if err != nil {
		// Numbers in another order are better than none.
		slog.Warn("the reasons of a contact could not be read for its numbers", "contact", ct.ID, "error", err)
	}
	for _, r := range reasons {
		if danger := set.DangerOf(r.Code); danger != "" {
			return danger
		}
	}
	return p.dangerOfTopic(ct.Topic)
}

func (p *Room) dangerOfTopic(topic string) string {
	return cmp.Or(p.Catalogue().Questions.Danger(topic), catalogue.General)
}

// numbers lists who answers now, in the order of a danger ("general" for none).
func (p *Room) numbers(say *i18n.Printer, danger string) []ui.NumberProps {
	var all []ui.NumberProps
	lang := say.Lang()
	for _, n := range p.Catalogue().Numbers.For(danger) {
		if n.Ours && !p.Today().Open {
			continue
		}
		all = append(all, ui.NumberProps{Number: n.Number, Name: n.Label.In(lang), Text: n.What(speaks(say)).In(lang), SMS: !n.By("call") && n.By("sms"), Grave: n.Emergency})
	}
	return all
}
