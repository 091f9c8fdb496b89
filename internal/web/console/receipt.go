package console

import (
	"context"
	"net/http"

	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// receipt is what a partner line got for a contact, in words.
type receipt struct{ code, partner, when string }

func (c *Room) receiptOf(ctx context.Context, say *i18n.Printer, contactID string) (*receipt, error) {
	r, ok, err := c.Phone.Receipt(ctx, contactID)
	if err != nil || !ok {
		return nil, err
	}
	return c.receiptWords(say, r), nil
}

func (c *Room) receiptWords(say *i18n.Printer, r phone.Receipt) *receipt {
	return &receipt{r.String(), say.Text(c.Phone.PartnerOf(r).Label.In(say.Lang())), say.DateTime(at(r.MadeAt))}
}

// receiptRead is the floor's look into a receipt: what was typed, and what may be told, or why nothing.
type receiptRead struct {
	typed, refused string
	of             *receipt
	told           []told
}

// ReadReceipt says to a supervisor what a partner line may be told of a caller whom it sent: times, and nothing else.
func (c *Room) ReadReceipt(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	say, m := answer.Printer(r), session.Staff(r)
	v, code := receiptRead{typed: form.Get("receipt")}, http.StatusOK
	if v.of, v.told, err = c.readReceipt(r, say, v.typed); err != nil {
		if code = answer.Status(err); code >= http.StatusInternalServerError {
			return err
		}
		answer.Log(r, err)
		v.refused = say.Fault(err)
	}
	if answer.Scripted(r) {
		answer.Fragment(w, r, receiptAnswer(say, v)) // a refusal stands where the answer would
		return nil
	}
	answer.Page(w, r, code, receiptPage(say, c.shell(r, say, m, "floor.receipt"), v))
	return nil
}

func (c *Room) readReceipt(r *http.Request, say *i18n.Printer, typed string) (*receipt, []told, error) {
	ctx, by := r.Context(), me(r)
	verdict := c.Guard.Check(flood.TryReceipt, c.Guard.Contact("receipt "+by.ID), "")
	if verdict.Refused {
		return nil, nil, fault.New(fault.TooMany, "fault.too_many")
	}
	if err := verdict.Wait(ctx); err != nil {
		return nil, nil, err
	}
	found, err := c.Phone.ReceiptOf(ctx, typed, by)
	if err != nil {
		return nil, nil, err
	}
	if _, open, err := c.openTo(ctx, session.Staff(r).Person, found.ContactID); err != nil {
		return nil, nil, err
	} else if !open { // she knows its person: not even the times are hers to read
		return nil, nil, fault.New(fault.Forbidden, "fault.phone.receipt_other")
	}
	t, err := c.Phone.ToldOf(ctx, found)
	if err != nil {
		return nil, nil, err
	}
	return c.receiptWords(say, found), receiptTold(say, t), nil
}

// receiptTold is what may be told, in words.
func receiptTold(say *i18n.Printer, t phone.Told) []told {
	answered, closed := say.T("floor.receipt."+string(t.Answer)), say.T("floor.receipt_open")
	if t.Answer == phone.ByVoice {
		answered = say.DateTime(at(t.AnsweredAt))
	}
	if t.ClosedAt > 0 {
		closed = say.DateTime(at(t.ClosedAt))
	}
	all := []told{{say.T("floor.receipt_received"), say.DateTime(at(t.Receipt.MadeAt))}, {say.T("floor.receipt_answered"), answered}}
	if t.CalledBackAt > 0 {
		all = append(all, told{say.T("floor.receipt_called"), say.DateTime(at(t.CalledBackAt))})
	}
	return append(all, told{say.T("floor.receipt_closed"), closed})
}
