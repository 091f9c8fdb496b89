package console

import (
	"context"
	"net/http"
	"strconv"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// promise is a call-back that somebody asked for, in words.
type promise struct {
	line, hint, label string
	may, urgent, open bool
	ask               bool   // the caller is on the line, and may say yes to being called back
	rules             []told // what is said to somebody else, and to a machine: read before the call is made
	who               []ui.Option
	consent           bool // whom we called may be asked whether a supervisor listens
	slots, reasons    []ui.Option
}

// promised is the call-back of a contact, nil when there is none to make.
func (c *Room) promised(ctx context.Context, say *i18n.Printer, ct contact.Contact, reader string) (*promise, error) {
	if !c.Phone.On() {
		return nil, nil
	}
	b, ok, err := c.Phone.Callback(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	wish, asked, err := c.Contacts.Callback(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	p := &promise{label: "phone.callback_do", hint: say.T("phone.callback_hidden"), rules: callRules(say, wish)}
	if wish.ShowNumber {
		p.hint = say.T("phone.callback_shown")
	}
	if !ok && ct.Channel == contact.ChannelPhone {
		made, err := c.Contacts.Get(ctx, phone.PromiseOf(ct.ID))
		switch {
		case err == nil:
			return &promise{line: say.T("phone.promised", "time", say.DateTime(at(made.OpenedAt)))}, nil
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
		if ct.CounsellorID == reader && ct.State == contact.Talking {
			return &promise{hint: say.T("phone.promise_hint"), ask: true}, nil
		}
		return nil, nil
	}
	if !ok && (!asked || contact.NormalNumber(wish.On) == "") {
		return nil, nil
	}
	if ok {
		if err := c.promiseLine(ctx, say, p, b); err != nil {
			return nil, err
		}
	}
	if ct.CounsellorID != reader || ct.State != contact.Talking && ct.State != contact.WrapUp {
		p.open, p.hint = false, say.T("phone.callback_take")
		return p, nil
	}
	view, going, err := c.Phone.View(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	if ok && b.Outcome == phone.ByAnswer && b.State != phone.CallbackCancelled {
		p.who, p.hint = whoAnswered(say), ""
	}
	if going {
		p.open, p.consent = false, view.Unasked && view.State != phone.Dialling
		if len(p.who) == 0 {
			p.hint = say.T("phone.callback_going")
		}
		return p, nil
	}
	if p.open {
		for _, at := range c.Phone.Slots() {
			p.slots = append(p.slots, ui.Option{Value: strconv.FormatInt(at.Unix(), 10), Label: say.DateTime(at)})
		}
		for _, why := range phone.CancelReasons {
			p.reasons = append(p.reasons, ui.Option{Value: why, Label: say.T("phone.cancel." + why)})
		}
	}
	p.may = true
	if next, may := c.Phone.MayRing(); !may {
		p.urgent, p.label, p.hint = true, "phone.callback_urgent", say.T("phone.callback_never")
		if !next.IsZero() {
			p.hint = say.T("phone.callback_night", "time", say.DateTime(next))
		}
	}
	return p, nil
}

// promiseLine says how a promise stands.
func (c *Room) promiseLine(ctx context.Context, say *i18n.Printer, p *promise, b phone.Callback) error {
	asked := "phone.callback_asked"
	if _, spoken, err := c.Phone.Message(ctx, b.ContactID); err != nil {
		return err
	} else if spoken {
		asked = "phone.callback_spoken" // she may not have asked
	}
	p.line = say.T(asked, "time", say.DateTime(at(b.AskedAt)))
	if b.Tries > 0 {
		p.label = "phone.callback_again"
		p.line += " " + c.tries(say, b)
	}
	switch b.State {
	case phone.CallbackOpen:
		p.open = true
		if b.Tries > 0 && b.Outcome != phone.ByAnswer {
			p.line += " " + say.T("phone.callback_due", "time", say.DateTime(at(b.DueAt)))
		}
	case phone.CallbackGivenUp:
		p.open, p.hint = true, say.T("phone.callback_given_up")
	case phone.CallbackCancelled:
		p.hint = say.T("phone.callback_cancelled")
		if key := "phone.cancel." + b.Why; say.Has(key) {
			p.hint = say.T("phone.callback_cancelled_for", "why", say.T(key))
		}
	default:
		p.hint = say.T("phone.callback_" + b.State)
	}
	return nil
}

// tries says how often somebody was called, and what came of the last time.
func (c *Room) tries(say *i18n.Printer, b phone.Callback) string {
	return say.T("phone.callback_tried", "n", b.Tries, "time", say.Time(at(b.TriedAt)), "outcome", say.T("phone.outcome."+b.Outcome))
}

// callRules are what a counsellor knows before she calls: what she says to somebody else who answers, and whether she
// may leave a message.
func callRules(say *i18n.Printer, wish contact.Callback) []told {
	other := wish.Say
	if other == "" {
		other = say.T("phone.say_wrong_number")
	}
	message := "phone.say_no_message"
	if wish.Voicemail {
		message = "phone.say_message"
	}
	return []told{{say.T("phone.if_other"), other}, {say.T("phone.if_machine"), say.T(message)}}
}

func whoAnswered(say *i18n.Printer) []ui.Option {
	var all []ui.Option
	for _, who := range phone.WhoAnswered {
		all = append(all, ui.Option{Value: who, Label: say.T("phone.who." + who)})
	}
	return all
}

// WhoAnswered takes her word for who answered a call-back.
func (c *Room) WhoAnswered(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		return c.Phone.Answered(ctx, staffID, id, first(form, "who"))
	})
}

// CallConsent notes that whom she called lets a supervisor listen.
func (c *Room) CallConsent(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.Consent(ctx, staffID, id)
	})
}

// PutBackCall puts a contact back in line until its person is called again.
func (c *Room) PutBackCall(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	if err := c.Phone.PutBack(r.Context(), ct.ID, at(1000*number(form.Get("until"))), me(r), supervises(r)); err != nil {
		return err
	}
	return c.closed(w, r, ct.ID)
}

// promiseView is a call that we owe somebody, as the floor lists it.
type promiseView struct {
	contact           contact.Contact
	title, line, last string
	givenUp           bool
}

// promises are the calls that we owe, without those to people whom the reader knows.
func (c *Room) promises(ctx context.Context, say *i18n.Printer, p staff.Person) ([]promiseView, error) {
	all, err := c.Phone.Promises(ctx)
	if err != nil {
		return nil, err
	}
	var views []promiseView
	for _, b := range all {
		known, err := c.Router.Recused(ctx, p.ID, b.Contact)
		if err != nil {
			return nil, err
		}
		if known {
			continue
		}
		v := promiseView{contact: b.Contact, title: c.title(say, b.Contact), givenUp: b.State == phone.CallbackGivenUp}
		v.line = say.T("floor.promise_due", "time", say.DateTime(at(b.DueAt)))
		if v.givenUp {
			v.line = say.T("floor.promise_given_up")
		}
		switch {
		case b.Contact.CounsellorID != "":
			v.line += " · " + c.Alias(ctx, b.Contact.CounsellorID)
		case b.Contact.OfferedTo != "":
			v.line += " · " + say.T("floor.rings_at", "who", c.Alias(ctx, b.Contact.OfferedTo))
		default:
			v.line += " · " + say.T("floor.promise_waits")
		}
		if b.Tries > 0 && b.Outcome != "" {
			v.last = c.tries(say, b.Callback)
		}
		views = append(views, v)
	}
	return views, nil
}

// promisePieces answers with the call-back of a contact as it stands.
func (c *Room) promisePieces(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	p, err := c.promised(r.Context(), say, ct, session.Staff(r).ID)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, callbackDo(say, ct.ID, p))
}
