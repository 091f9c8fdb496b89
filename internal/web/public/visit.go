package public

import (
	"context"
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/visit"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// visited says whether somebody from outside asks to read along in a conversation, or does; "" for neither.
func (p *Room) visited(ctx context.Context, contactID string) (string, error) {
	x, ok, err := p.Visits.Of(ctx, contactID)
	if err != nil || !ok || x.Consent != visit.Asked && x.Consent != visit.Yes {
		return "", err
	}
	return x.Consent, nil
}

// AnswerVisit takes her answer: yes, no, or no more. No counts at once, and costs her nothing.
func (p *Room) AnswerVisit(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id, say := session.Visitor(r).ContactID, answer.Printer(r)
	if err := p.Visits.Answer(r.Context(), id, form.Get("answer") == "yes", contact.VisitorOf(id)); err != nil {
		return err
	}
	if answer.Scripted(r) {
		now, err := p.visited(r.Context(), id)
		if err != nil {
			return err
		}
		answer.Fragment(w, r, talkVisit(say, now))
		return nil
	}
	http.Redirect(w, r, say.Path("/chat"), http.StatusSeeOther)
	return nil
}
