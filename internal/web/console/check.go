package console

import (
	"context"
	"net/http"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Who calls: somebody says that she is the police or a network, and is called back on a listed number before she is told
// anything (phone/check.go).

// askWho is the field of the form that says who contacts us, and officials its codes for whoever must prove who she is.
const askWho = "who"

var officials = map[string]bool{"police": true, "platform": true}

// checkView is whether a caller was checked, in words, and what can be done about it.
type checkView struct {
	id       string
	say      string // how it stands, "" for nothing asked and nothing done
	hint     string // what went wrong with the last try
	sure     bool   // the service said that the call was theirs
	warn     bool   // she says that she is an official, and was not checked: nothing is told
	call     bool   // the service may be called now
	answer   bool   // somebody answered there, and may say whether the call was theirs
	services []ui.Option
}

// checkOf says how a contact's caller was checked; values are what its form says.
func (c *Room) checkOf(ctx context.Context, say *i18n.Printer, ct contact.Contact, values map[string]string) (checkView, error) {
	v := checkView{id: ct.ID, warn: officials[values[askWho]]}
	all, err := c.Phone.Checks(ctx, ct.ID)
	if err != nil {
		return v, err
	}
	open := ct.State == contact.Talking || ct.State == contact.Parked || ct.State == contact.WrapUp
	if len(all) == 0 {
		if v.warn {
			v.say = say.T("check.none")
		}
		if open {
			v.services = c.services(say)
		}
		return v, nil
	}
	k := all[0]
	service := k.Number
	if n, ok := c.Catalogue().Numbers.ByCode(k.Number); ok {
		service = say.Text(n.Label.In(say.Lang()))
	}
	switch k.State {
	case phone.CheckBooked:
		v.say, v.call = say.T("check.booked", "service", service), open && c.Phone.On()
		if k.Tries > 0 && k.Outcome != "" {
			v.hint = say.T("check.tried", "outcome", say.T("phone.outcome."+k.Outcome))
		}
		if open {
			v.services = c.services(say)
		}
		if _, going, err := c.Phone.View(ctx, ct.ID); err != nil {
			return v, err
		} else if going {
			v.call = false
		}
	case phone.CheckReached:
		v.say, v.answer = say.T("check.reached", "service", service, "time", say.DateTime(at(k.ReachedAt))), open
	default:
		v.say = say.T("check."+string(k.State), "service", service, "time", say.DateTime(at(k.ReachedAt)), "who", c.Alias(ctx, k.AnsweredBy))
		v.sure = k.State == phone.CheckConfirmed
		v.warn = v.warn && !v.sure
	}
	return v, nil
}

// services are the listed numbers to choose from, by kind.
func (c *Room) services(say *i18n.Printer) []ui.Option {
	if !c.Phone.On() {
		return nil
	}
	var all []ui.Option
	listed := c.Catalogue().Numbers.Listed()
	for _, kind := range catalogue.Kinds {
		for _, n := range listed {
			if n.Kind == kind {
				all = append(all, ui.Option{Value: n.Code, Label: say.Text(n.Label.In(say.Lang())), Group: say.T("check.kind." + kind)})
			}
		}
	}
	return all
}

// CheckCaller ends the conversation with whoever says that she is an official, kindly, and has the service that she names
// called back on its listed number: at once, or when the counsellor says so.
func (c *Room) CheckCaller(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	ctx, staffID := r.Context(), session.Staff(r).ID
	if err := c.Phone.Book(ctx, staffID, ct.ID, form.Get("number")); err != nil {
		return err
	}
	now := form.Get("when") == "now"
	if now { // a desk without its telephone would ring there for nobody
		seat, err := c.Router.Presence(ctx, staffID)
		if err != nil {
			return err
		}
		now = seat.Phone
	}
	switch err := c.Phone.Part(ctx, staffID, ct.ID, now); {
	case err == nil:
		now = false // it is called when the caller is hung up
	case !fault.Is(err, fault.Gone):
		return err
	case ct.Channel == contact.ChannelChat && ct.State != contact.WrapUp:
		if _, err := c.Contacts.EndConversation(ctx, ct.ID, me(r), contact.Change{Farewell: catalogue.LineCheck}); err != nil {
			return err
		}
	}
	if now {
		if err := c.Phone.CallListed(ctx, staffID, ct.ID); err != nil {
			return err
		}
	}
	if ct, err = c.Contacts.Get(ctx, ct.ID); err != nil {
		return err
	}
	say := answer.Printer(r)
	pieces, err := c.head(ctx, say, ct)
	if err != nil {
		return err
	}
	checked, err := c.checkPieces(ctx, say, ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, append(pieces, checked)...)
}

// CallListed calls the service that is booked.
func (c *Room) CallListed(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.CallListed(ctx, staffID, id)
	})
}

// ConfirmCaller writes whether the service says that the call was theirs.
func (c *Room) ConfirmCaller(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	if err := c.Phone.Confirm(r.Context(), session.Staff(r).ID, ct.ID, form.Get("theirs") == "1"); err != nil {
		return err
	}
	checked, err := c.checkPieces(r.Context(), answer.Printer(r), ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, checked)
}

// checkPieces draws the check of a contact anew.
func (c *Room) checkPieces(ctx context.Context, say *i18n.Printer, ct contact.Contact) (piece, error) {
	given, err := c.Contacts.Form(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	v, err := c.checkOf(ctx, say, ct, given.Values())
	return checkPiece(say, v), err
}
