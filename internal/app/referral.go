package app

import (
	"context"
	"errors"

	"vigie/internal/referral"
	"vigie/internal/takedown"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
)

// sealedPost sends sealed e-mails to partners by the helpline's own mail server; nil without one.
func sealedPost(m *takedown.Mail) referral.Post {
	if m == nil || m.Account.Server == "" {
		return nil
	}
	post := mail.Post{Roots: m.Roots, Patience: m.Patience}
	return func(ctx context.Context, l referral.Letter) error {
		_, err := post.SendSealed(ctx, m.Account, mail.Sealed{ID: l.ID, To: l.To, Subject: l.Subject, Text: l.Text, Lang: l.Lang, Name: l.Name, File: l.Envelope, Written: l.Written})
		var refused *route.Refused
		var later *route.Later
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused):
			return refused.Fault
		case errors.As(err, &later):
			return referral.NotNow{After: later.RetryAfter}
		}
		return referral.ErrUnknown
	}
}
