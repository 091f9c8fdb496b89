package public

import (
	"fmt"
	"net/http"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// Words makes the four words of this person's contact and shows them, this once.
func (p *Room) Words(w http.ResponseWriter, r *http.Request) error {
	if err := p.slow(r, flood.MakeCode, session.Visitor(r).ContactID); err != nil {
		return err
	}
	words, err := p.Contacts.ResumeCode(r.Context(), session.Visitor(r).ContactID)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	if answer.Scripted(r) {
		answer.Fragment(w, r, talkWords(say, words))
		return nil
	}
	props := p.page(r, "", "public.words_title")
	props.Script = "chat.js"
	answer.Page(w, r, http.StatusOK, wordsPage(say, props, words))
	return nil
}

// Resume is the page where the four words are typed.
func (p *Room) Resume(w http.ResponseWriter, r *http.Request) error {
	return p.resume(w, r, http.StatusOK, "", nil)
}

func (p *Room) resume(w http.ResponseWriter, r *http.Request, code int, typed string, refusal error) error {
	say := answer.Printer(r)
	sentence := ""
	if refusal != nil {
		answer.Log(r, refusal)
		sentence = say.Fault(refusal)
	}
	answer.Page(w, r, code, resumePage(say, p.page(r, "/resume", "public.resume_title"), typed, sentence, p.Today().Open))
	return nil
}

// ComeBack opens the contacts of whoever knows the four words: the one that is still open, else a new
// one that goes first and to the counsellor who knows her. What was said before stays hidden until her
// counsellor has agreed with her that she is alone.
func (p *Room) ComeBack(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	typed := form.Get("words")
	source := p.network(r)
	verdict := p.Guard.Check(flood.TryCode, source, "")
	if verdict.Refused {
		return p.resume(w, r, http.StatusTooManyRequests, typed, fault.New(fault.TooMany, "fault.too_many"))
	}
	if err := verdict.Wait(r.Context()); err != nil {
		return err
	}
	back, err := p.Contacts.ByResumeCode(r.Context(), typed, fmt.Sprintf("%x", source))
	if err != nil {
		switch fault.KindOf(err) {
		case fault.Invalid, fault.NotFound, fault.TooMany:
			return p.resume(w, r, answer.Status(err), typed, err)
		}
		return err
	}
	say := answer.Printer(r)
	if back.Open.State == "" || back.Open.Channel != contact.ChannelChat && back.Open.State != contact.Talking {
		if !p.Today().Open {
			return p.closed(w, r)
		}
		weight := 0
		if reason, ok := p.Catalogue().Queues.Reason("came_back"); ok {
			weight = reason.Weight
		}
		// Who she is she has said before, if she did: a parent is not asked again, nor spoken to as a child.
		return p.open(w, r, contact.Opening{ID: newID(), PersonID: back.PersonID, Reasons: []contact.Reason{{Code: "came_back", Weight: weight}}},
			map[string]string{catalogue.AskWho: back.Last.Public, catalogue.AskAge: back.Last.AgeBand})
	}
	if back.Open.State == contact.Parked || back.Open.State == contact.Left {
		if _, err := p.Contacts.Return(r.Context(), back.Open.ID, contact.VisitorOf(back.Open.ID)); err != nil {
			return err
		}
	}
	token, err := p.Contacts.NewSession(r.Context(), back.Open.ID)
	if err != nil {
		return err
	}
	session.SetVisitor(w, token)
	http.Redirect(w, r, say.Path("/chat"), http.StatusSeeOther)
	return nil
}
