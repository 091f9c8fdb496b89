package app

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/evidence"
	"vigie/internal/keeping"
	"vigie/internal/phone"
	"vigie/internal/referral"
	"vigie/internal/store"
	"vigie/internal/takedown"
)

// openKeeping opens the room that erases by rule and by code, and tells it what every other room keeps.
func (a *App) openKeeping(o Options) {
	a.Keeping = keeping.New(keeping.Options{
		DB: a.DB, Jobs: a.Jobs, Contacts: a.Contacts, Files: a.Cases, Now: o.Now,
		Rules:   func() *catalogue.Keeping { return a.Catalogue.Current().Keeping },
		Decided: func() bool { return a.Catalogue.Decided(catalogue.DocKeeping) },
	})
	type within = func(context.Context, *store.Tx) error
	const byRule = "rule"
	a.Keeping.Keep(
		keeping.Kind{Rule: catalogue.KeepContact, Things: casefile.KeptContacts, Erase: func(ctx context.Context, id string, by audit.Actor, w within) error {
			return a.Contacts.EraseBy(ctx, id, by, byRule, w)
		}},
		keeping.Kind{Rule: catalogue.KeepCase, Things: casefile.KeptFiles, Erase: func(ctx context.Context, id string, by audit.Actor, w within) error {
			return a.Cases.EraseAll(ctx, id, by, byRule, w)
		}},
		keeping.Kind{Rule: catalogue.KeepRecording, Things: phone.KeptRecordings, Erase: a.Phone.EraseRecording},
		keeping.Kind{Rule: catalogue.KeepVoicemail, Things: phone.KeptVoicemails, Erase: a.Phone.EraseVoicemail},
		keeping.Kind{Rule: catalogue.KeepProof, Things: chat.KeptProofs, Erase: a.Chats.EraseProof},
		keeping.Kind{Rule: catalogue.KeepRequest, Things: datarequest.KeptRequests, Erase: a.Requests.EraseRequest},
		keeping.Kind{Rule: catalogue.KeepSeen, Things: evidence.KeptLooks, Erase: a.Evidence.EraseLook},
	)
	same := func(contacts string) string { return contacts }
	for _, kind := range []struct {
		rule string
		of   func(contacts string) string // the things of the contacts that a query finds
	}{
		{catalogue.KeepContact, same}, {catalogue.KeepCase, casefile.FilesOf}, {catalogue.KeepRecording, phone.RecordingsOf},
		{catalogue.KeepVoicemail, same}, {catalogue.KeepProof, chat.ProofsOf},
	} {
		held := kind.of(casefile.HeldContacts)
		if kind.rule == catalogue.KeepCase { // also one without a contact
			held = casefile.HeldFiles
		}
		a.Keeping.Hold(
			keeping.Hold{Rule: kind.rule, Code: "hold", IDs: held},
			keeping.Hold{Rule: kind.rule, Code: "danger", IDs: kind.of(contact.NetworkHeld)},
			keeping.Hold{Rule: kind.rule, Code: "illegal", IDs: kind.of(chat.IllegalHeld)},
			keeping.Hold{Rule: kind.rule, Code: "open", IDs: kind.of(contact.StillOpen)},
			keeping.Hold{Rule: kind.rule, Code: "request", IDs: kind.of(datarequest.NeededContacts)},
		)
	}
	a.Keeping.Hold(
		keeping.Hold{Rule: catalogue.KeepCase, Code: keeping.HeldWatch, IDs: takedown.RunningFiles},
		keeping.Hold{Rule: catalogue.KeepCase, Code: keeping.HeldReferral, IDs: referral.RunningFiles},
		keeping.Hold{Rule: catalogue.KeepVoicemail, Code: "unheard", IDs: phone.Unheard},
	)
}
