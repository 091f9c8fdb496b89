package public

import (
	"context"
	"net/http"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// Whoever has the four words may have everything erased that she told us. It waits for days, and the same words take it back:
// somebody may have forced her, or found her words. So this page says the same to everybody of what may be kept, and never that
// something is.

// eraseView is that page: what it is, or how an erasure stands.
type eraseView struct {
	typed, fault string
	// waits says that an erasure waits; day is when it comes, "" once its time has come.
	waits bool
	day   string
	// kept says that she took it back just now, nothing that she looked for one and there is none.
	kept, nothing bool
}

// EraseMine is the page where a person asks for it, looks how it stands, or takes it back.
func (p *Room) EraseMine(w http.ResponseWriter, r *http.Request) error {
	return p.erase(w, r, http.StatusOK, eraseView{})
}

func (p *Room) erase(w http.ResponseWriter, r *http.Request, code int, v eraseView) error {
	// The title says no more than that of the page where one comes back: it stands in the browser's list of tabs.
	answer.Page(w, r, code, erasePage(answer.Printer(r), p.page(r, "/resume/mine", "public.resume_title"), v))
	return nil
}

// ChangeErasure asks for it, takes it back, or looks how it stands. Each is done as often as it is sent, and changes nothing twice.
func (p *Room) ChangeErasure(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	typed := form.Get("words")
	back, err := p.whose(r, typed)
	if err != nil {
		switch fault.KindOf(err) {
		case fault.Invalid, fault.NotFound, fault.TooMany:
			answer.Log(r, err)
			return p.erase(w, r, answer.Status(err), eraseView{typed: typed, fault: answer.Printer(r).Fault(err)})
		}
		return err
	}
	switch form.Get("act") {
	case "ask":
		e, err := p.Erase(r.Context(), back.PersonID)
		if err != nil {
			return err
		}
		return p.erasing(w, r, back, e)
	case "keep":
		if err := p.Contacts.TakeBackErasure(r.Context(), back.PersonID); err != nil {
			return err
		}
		return p.erase(w, p.To(r, back.Last.Public), http.StatusOK, eraseView{kept: true})
	}
	e, waits, err := p.Contacts.Erasing(r.Context(), back.PersonID)
	if err != nil {
		return err
	}
	if !waits {
		return p.erase(w, p.To(r, back.Last.Public), http.StatusOK, eraseView{nothing: true})
	}
	return p.erasing(w, r, back, e)
}

// erasing is the page while an erasure waits.
func (p *Room) erasing(w http.ResponseWriter, r *http.Request, back contact.Resumed, e contact.Erasure) error {
	r = p.To(r, back.Last.Public)
	return p.erase(w, r, http.StatusOK, eraseView{waits: true, day: p.eraseDay(answer.Printer(r), e)})
}

// eraseDay is the day on which an erasure comes, "" once it is at hand.
func (p *Room) eraseDay(say *i18n.Printer, e contact.Erasure) string {
	due := time.UnixMilli(e.DueAt)
	if !due.After(p.Now()) {
		return ""
	}
	return say.Date(due)
}

// eraseNotice says in her conversation that an erasure waits, nil where none does.
func (p *Room) eraseNotice(ctx context.Context, say *i18n.Printer, personID string) (*ui.NoticeProps, error) {
	e, waits, err := p.Contacts.Erasing(ctx, personID)
	if err != nil || !waits {
		return nil, err
	}
	n := ui.NoticeProps{ID: "talk-erase", Tone: ui.Calm, Text: say.T("erase.now")}
	if day := p.eraseDay(say, e); day != "" {
		n.Text = say.T("erase.talk", "day", day)
	}
	return &n, nil
}
