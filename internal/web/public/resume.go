package public

import (
	"errors"
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

// ComeBack opens the contacts of whoever knows the four words: the one that is still open, or the message
// she left and our answer, else a new one that goes first and to the counsellor who knows her. What was said before stays hidden until her
// counsellor has agreed with her that she is alone.
func (p *Room) ComeBack(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	typed := form.Get("words")
	back, err := p.whose(r, typed)
	if err != nil {
		switch fault.KindOf(err) {
		case fault.Invalid, fault.NotFound, fault.TooMany:
			return p.resume(w, r, answer.Status(err), typed, err)
		}
		return err
	}
	there := back.Open
	switch {
	case there.ID != "" && there.Channel == contact.ChannelChat, there.State == contact.Talking:
	case back.Last.IsLetter(): // to read what we answered, open or not
		there = back.Last
	case !p.Today().Open:
		if e, waits, err := p.Contacts.Erasing(r.Context(), back.PersonID); err != nil || waits {
			return errors.Join(err, p.erasing(w, r, back, e))
		}
		return p.closed(w, r, answersOf(back.Last))
	default:
		return p.again(w, r, contact.Opening{ID: newID(), PersonID: back.PersonID}, back.Last, told{})
	}
	if _, err := p.Contacts.Resume(r.Context(), there.ID); err != nil {
		return err
	}
	if !there.IsLetter() && (there.State == contact.Parked || there.State == contact.Left) {
		if _, err := p.Contacts.Return(r.Context(), there.ID, contact.VisitorOf(there.ID)); err != nil {
			return err
		}
	}
	token, err := p.Contacts.NewSession(r.Context(), there.ID)
	if err != nil {
		return err
	}
	session.SetVisitor(w, token)
	http.Redirect(w, r, answer.Printer(r).Path("/chat"), http.StatusSeeOther)
	return nil
}

// whose finds who typed four words. It returns the faults of contact.ByResumeCode, and those of guesses.
func (p *Room) whose(r *http.Request, typed string) (contact.Resumed, error) {
	network, err := p.guesses(r)
	if err != nil {
		return contact.Resumed{}, err
	}
	return p.Contacts.ByResumeCode(r.Context(), typed, network)
}

// guesses slows whoever types four words by network, whatever page they are typed on, and returns the network as
// contact.ByResumeCode takes it; fault.TooMany "fault.too_many".
func (p *Room) guesses(r *http.Request) (network string, err error) {
	source := p.network(r)
	verdict := p.Guard.Check(flood.TryCode, source, "")
	if verdict.Refused {
		return "", fault.New(fault.TooMany, "fault.too_many")
	}
	return fmt.Sprintf("%x", source), verdict.Wait(r.Context())
}

// again opens a new contact for somebody who has been here before, where she stood: who she is, her age
// and what it was about she has said before, if she did; and what was feared for her is feared still.
func (p *Room) again(w http.ResponseWriter, r *http.Request, o contact.Opening, last contact.Contact, brings told) error {
	feared, danger, err := p.Contacts.StillFeared(r.Context(), last)
	if err != nil {
		return err
	}
	if reason, ok := p.Catalogue().Queues.Reason(catalogue.ReasonCameBack); ok {
		o.Reasons = append(o.Reasons, contact.Reason{Code: reason.Code, Weight: reason.Weight})
	}
	o.Reasons, o.Danger = append(o.Reasons, feared...), danger
	return p.open(w, r, o, answersOf(last), brings)
}

// answersOf are the first questions as somebody has answered them.
func answersOf(ct contact.Contact) map[string]string {
	return map[string]string{catalogue.AskWho: ct.Public, catalogue.AskAge: ct.AgeBand, catalogue.AskTopic: ct.Topic}
}
