package public

import (
	"context"
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// AskPush has this browser told when somebody answers. It is asked by a script alone: without one no browser can be told.
func (p *Room) AskPush(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := p.Push.Subscribe(r.Context(), session.Visitor(r).ContactID, form.Get("endpoint")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// EndPush takes it back.
func (p *Room) EndPush(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := p.Push.Unsubscribe(r.Context(), session.Visitor(r).ContactID, form.Get("endpoint")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Back is where a notice on the device leads: to the conversation where this browser still has one, else to the four words.
func (p *Room) Back(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	to := "/chat"
	if _, err := p.Contacts.Session(r.Context(), session.VisitorToken(r)); fault.Is(err, fault.Unauthenticated) {
		to = "/resume"
	} else if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, say.Path(to), http.StatusSeeOther)
	return nil
}

// pushOf is the button beside a wait; the zero value shows none.
func (p *Room) pushOf(say *i18n.Printer, ct contact.Contact) ui.PushProps {
	if !p.Push.On() || !ct.State.Open() {
		return ui.PushProps{}
	}
	return ui.PushProps{Key: p.Push.PublicKey(), Ask: say.Path("/chat/push"), End: say.Path("/chat/push/off")}
}

// pushNow is pushOf on a page that is loaded, which says whether it was asked for already.
func (p *Room) pushNow(ctx context.Context, say *i18n.Printer, ct contact.Contact) (props ui.PushProps, err error) {
	if props = p.pushOf(say, ct); props.Key != "" {
		props.On, err = p.Push.Waiting(ctx, ct.ID)
	}
	return props, err
}

// pushScripts are what a page with that button loads besides; the chat's first page, which has none, stays small.
func (p *Room) pushScripts() []string {
	if !p.Push.On() {
		return nil
	}
	return []string{"push-toggle.js"}
}
