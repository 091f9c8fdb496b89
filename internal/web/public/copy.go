package public

import (
	"mime"
	"net/http"

	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// Copy is where a person takes the copy of her data, once her counsellor has opened it to her in this conversation.
func (p *Room) Copy(w http.ResponseWriter, r *http.Request) error {
	return p.copy(w, r, http.StatusOK, nil)
}

func (p *Room) copy(w http.ResponseWriter, r *http.Request, code int, refusal error) error {
	say := answer.Printer(r)
	id := session.Visitor(r).ContactID
	ct, err := p.Contacts.Get(r.Context(), id)
	if err != nil {
		return err
	}
	made, ok, err := p.Requests.CopyOf(r.Context(), ct.PersonID)
	if err != nil {
		return err
	}
	if !ok || made.ShownTo != id {
		return fault.New(fault.NotFound, "fault.request.no_copy")
	}
	sentence := ""
	if refusal != nil {
		answer.Log(r, refusal)
		sentence = say.Fault(refusal)
	}
	answer.Page(w, r, code, copyPage(say, p.page(r, "", "copy.title"), sentence))
	return nil
}

// FetchCopy hands it out for her four words: whoever only has her telephone has not got them.
func (p *Room) FetchCopy(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	var packed []byte
	network, err := p.guesses(r)
	if err == nil {
		packed, err = p.Requests.Fetch(r.Context(), session.Visitor(r).ContactID, form.Get("words"), network)
	}
	if err != nil {
		if f := fault.As(err); f != nil && f.Key != "fault.request.no_copy" && (f.Kind == fault.Invalid || f.Kind == fault.NotFound || f.Kind == fault.TooMany || f.Kind == fault.Forbidden) {
			return p.copy(w, r, answer.Status(err), err)
		}
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "copie.zip"}))
	h.Set("Cache-Control", "no-store")
	_, err = w.Write(packed)
	return err
}
