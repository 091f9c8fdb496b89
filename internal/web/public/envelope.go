package public

import (
	"mime"
	"net/http"
	"strconv"

	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
)

// Envelope is where a partner fetches a referral. Whether there is one for an address of chance is all that it says; whom it
// is about stands nowhere.
func (p *Room) Envelope(w http.ResponseWriter, r *http.Request) error {
	r = answer.WithAdult(r, true)
	if err := p.Referrals.Waiting(r.Context(), r.PathValue("token")); err != nil {
		return err
	}
	return p.envelope(w, r, http.StatusOK, "", nil)
}

func (p *Room) envelope(w http.ResponseWriter, r *http.Request, code int, who string, refusal error) error {
	say := answer.Printer(r)
	sentence := ""
	if refusal != nil {
		answer.Log(r, refusal)
		sentence = say.Fault(refusal)
	}
	page := p.page(r, "/envelope/"+r.PathValue("token"), "envelope.title")
	w.Header().Set("Cache-Control", "no-store")
	answer.Page(w, r, code, envelopePage(say, page, who, sentence))
	return nil
}

// FetchEnvelope hands out the envelope, once, for its code.
func (p *Room) FetchEnvelope(w http.ResponseWriter, r *http.Request) error {
	r = answer.WithAdult(r, true)
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	who := form.Get("who")
	verdict := p.Guard.Check(flood.TryCode, p.network(r), "")
	if verdict.Refused {
		return p.envelope(w, r, http.StatusTooManyRequests, who, fault.New(fault.TooMany, "fault.too_many"))
	}
	if err := verdict.Wait(r.Context()); err != nil {
		return err
	}
	envelope, err := p.Referrals.Fetch(r.Context(), r.PathValue("token"), form.Get("code"), who)
	switch fault.KindOf(err) {
	case "":
	case fault.Forbidden, fault.Invalid, fault.Conflict:
		return p.envelope(w, r, answer.Status(err), who, err)
	default:
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": envelope.Name}))
	h.Set("Content-Length", strconv.Itoa(len(envelope.Bytes)))
	h.Set("Cache-Control", "no-store")
	_, err = w.Write(envelope.Bytes)
	return err
}
