// Package console is the counsellor's desk: one page that stays, with what rings, her conversations side
// by side, the form beside them, and everything else one key away.
//
// The page is drawn from the record, and from then on one event stream keeps it true: each handler and
// each event answers with pieces of HTML that know their place (assets/ts/update.ts). A reload, a second
// tab or a stream that broke draws the same desk again, so nothing here remembers anything that is not in
// the record.
package console

import (
	"context"
	"net/http"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/evidence"
	"vigie/internal/exposure"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/keeping"
	"vigie/internal/listening"
	"vigie/internal/phone"
	"vigie/internal/quality"
	"vigie/internal/referral"
	"vigie/internal/rehearsal"
	"vigie/internal/rota"
	"vigie/internal/routing"
	"vigie/internal/routing/flood"
	"vigie/internal/staff"
	"vigie/internal/takedown"
	"vigie/internal/team"
	"vigie/internal/trainee"
	"vigie/internal/visit"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Room holds what the pages work with. Open it with Listen before it serves.
type Room struct {
	Site      ui.Site
	Contacts  *contact.Contacts
	Chats     *chat.Chats
	Router    *routing.Router
	Board     *routing.Board
	Phone     *phone.Phone
	Files     *casefile.Files
	Evidence  *evidence.Evidence
	Takedown  *takedown.Takedown
	Referrals *referral.Referrals
	Keeping   *keeping.Keeping
	Requests  *datarequest.Requests
	Rota      *rota.Rota
	Team      *team.Team
	Exposure  *exposure.Exposure
	Quality   *quality.Quality
	Watching  *visit.Visits
	Trainees  *trainee.Trainees
	Exercises *rehearsal.Exercises
	Guides    *guide.Guides
	Listening *listening.Room
	Guard     *flood.Guard
	Streams   *live.Streams
	Staff     *staff.Staff
	Audit     *audit.Log
	Bus       *bus.Bus
	Catalogue func() *catalogue.Set
	Documents *catalogue.Catalogue // where a supervisor's closure is published
	// Alias is how children, and colleagues, know a member of staff.
	Alias func(ctx context.Context, staffID string) string
	// Today is how the hours stand.
	Today func() catalogue.OpenState
	// Now is the clock of the pages.
	Now func() time.Time

	desks  desks
	floors floors
	crew   crew
	later  later
}

// me is who works, as the audit names her.
func me(r *http.Request) audit.Actor {
	return audit.Actor{Kind: audit.Staff, ID: session.Staff(r).ID}
}

// supervises says whether she may act on a colleague's conversation.
func supervises(r *http.Request) bool { return session.Staff(r).Can(staff.FloorSteer) }

// open reads a contact for whoever works, if it is hers to read: her own, one that is offered to her or
// waits, or any for a supervisor; never one whose person she knows.
func (c *Room) open(r *http.Request, id string) (contact.Contact, error) {
	ct, err := c.Contacts.Get(r.Context(), id)
	if err != nil {
		return ct, err
	}
	return ct, c.readable(r, ct)
}

func (c *Room) readable(r *http.Request, ct contact.Contact) error {
	m := session.Staff(r)
	recused, err := c.Router.Recused(r.Context(), m.ID, ct)
	if err != nil {
		return err
	}
	if recused {
		return fault.New(fault.NotFound, "fault.contact.unknown")
	}
	if ct.CounsellorID == m.ID || m.Can(staff.ContactAll) {
		return nil
	}
	return fault.New(fault.Forbidden, "fault.contact.not_yours")
}

// mine reads a contact that she has in hand, or that she may steer as a supervisor.
func (c *Room) mine(r *http.Request) (contact.Contact, error) {
	ct, err := c.open(r, r.PathValue("id"))
	if err != nil {
		return ct, err
	}
	if ct.CounsellorID != session.Staff(r).ID && !supervises(r) {
		return ct, fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	return ct, nil
}

// reachable reads a contact that she may act on: one she has in hand, one that rings at her desk or waits,
// any for a supervisor; never one whose person she knows.
func (c *Room) reachable(r *http.Request) (contact.Contact, error) {
	ct, err := c.Contacts.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return ct, err
	}
	if recused, err := c.Router.Recused(r.Context(), session.Staff(r).ID, ct); err != nil {
		return ct, err
	} else if recused {
		return ct, fault.New(fault.NotFound, "fault.contact.unknown")
	}
	if ct.State == contact.Waiting || ct.State == contact.Offered {
		return ct, nil // the room itself says whose turn it is
	}
	return c.mine(r)
}

// title says who a contact is, as far as the first questions told.
func (c *Room) title(say *i18n.Printer, ct contact.Contact) string {
	who := c.choice(say, catalogue.AskWho, ct.Public)
	if who == "" {
		who = say.T("desk.someone")
	}
	if age := c.choice(say, catalogue.AskAge, ct.AgeBand); age != "" {
		who += ", " + age
	}
	return who
}

func (c *Room) topic(say *i18n.Printer, ct contact.Contact) string {
	return c.choice(say, catalogue.AskTopic, ct.Topic)
}

func (c *Room) choice(say *i18n.Printer, question, code string) string {
	q, ok := c.Catalogue().Questions.Question(question)
	if !ok {
		return ""
	}
	choice, ok := q.Choice(code)
	if !ok {
		return ""
	}
	return say.Text(choice.Label.In(say.Lang()))
}

// reasons are why a contact stands where it stands, in words.
func (c *Room) reasons(ctx context.Context, say *i18n.Printer, ct contact.Contact) ([]ui.Reason, error) {
	kept, err := c.Contacts.Reasons(ctx, ct)
	if err != nil {
		return nil, err
	}
	return c.inWords(say, ct, kept), nil
}

// inWords says reasons.
func (c *Room) inWords(say *i18n.Printer, ct contact.Contact, kept []contact.Reason) (all []ui.Reason) {
	for _, r := range kept {
		all = append(all, ui.Reason{Label: c.reason(say, r.Code, r.Args), Grave: ct.Danger && isDanger(r.Code)})
	}
	return all
}

func (c *Room) reason(say *i18n.Printer, code string, args map[string]string) string {
	if text, ok := c.Catalogue().Reason(code); ok {
		said, _ := text.Fill(say.Lang(), args)
		return said
	}
	return say.T("desk.reason_other")
}

// part is one part of a score, in words.
func (c *Room) part(say *i18n.Printer, part routing.Part) string {
	if said := part.Say(c.Catalogue(), say.Lang()); said != "" {
		return say.Text(said)
	}
	return say.T("desk.reason_other")
}

func isDanger(code string) bool { return contact.Reason{Code: code}.IsDanger() }

func at(ms int64) time.Time { return time.UnixMilli(ms) }

// pieces answers a script with pieces of the desk, and a browser without one with the desk itself.
func (c *Room) pieces(w http.ResponseWriter, r *http.Request, contactID string, all ...piece) error {
	if answer.Scripted(r) {
		answer.Fragment(w, r, together(all...))
		return nil
	}
	to := "/desk"
	if contactID != "" {
		to += "?c=" + contactID
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
