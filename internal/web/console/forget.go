package console

import (
	"context"
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// forgetting is a person's request to be forgotten, as the floor shows it.
type forgetting struct {
	contact.Contact
	title, topic, line string
}

// erasure is one that a person asked for with her four words, as the floor shows it: beside her last contact.
type erasure struct {
	contact.Contact
	title, topic, line string
	// stops are the sentences of what keeps something of hers; file leads to her case file, where a hold is placed, if there is one.
	stops []string
	file  string
}

// erasures are those that wait, without those of people whom the supervisor knows.
func (c *Room) erasures(ctx context.Context, say *i18n.Printer, p staff.Person) ([]erasure, error) {
	waiting, err := c.Contacts.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	var all []erasure
	for _, e := range waiting {
		hers, err := c.Contacts.OfPerson(ctx, e.PersonID)
		if err != nil {
			return nil, err
		}
		if len(hers) == 0 {
			continue
		}
		ct, open, err := c.openTo(ctx, p, hers[len(hers)-1].ID)
		if err != nil {
			return nil, err
		}
		if !open {
			continue
		}
		x := erasure{Contact: ct, title: c.title(say, ct), topic: c.topic(say, ct),
			line: say.T("floor.erase_by", "asked", say.DateTime(at(e.AskedAt)), "due", say.DateTime(at(e.DueAt)), "n", len(hers))}
		codes, err := c.Keeping.Stops(ctx, e.PersonID)
		if err != nil {
			return nil, err
		}
		for _, code := range codes {
			x.stops = append(x.stops, say.T("keeping.kept_by", "why", say.T("keeping.held."+code)))
		}
		if file, ok, err := c.Files.OfContact(ctx, ct.ID); err != nil {
			return nil, err
		} else if ok {
			x.file = file.ID
		}
		all = append(all, x)
	}
	return all, nil
}

// erasing says beside a contact that its person asked for erasure with her four words, "" when she did not.
func (c *Room) erasing(ctx context.Context, say *i18n.Printer, personID string) (string, error) {
	e, waits, err := c.Contacts.Erasing(ctx, personID)
	if err != nil || !waits {
		return "", err
	}
	return say.T("desk.erasing", "asked", say.DateTime(at(e.AskedAt)), "due", say.Date(at(e.DueAt))), nil
}

// AskForget books that the person of a contact asks us to erase it: from her conversation, or from the
// history.
func (c *Room) AskForget(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.pastOf(r)
	if err != nil {
		return err
	}
	if err := c.Contacts.AskForget(r.Context(), ct.ID, me(r)); err != nil {
		return err
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/history/"+ct.ID, http.StatusSeeOther)
		return nil
	}
	answer.Fragment(w, r, saidPiece(ct.ID, answer.Printer(r).T("desk.forget_booked")))
	return nil
}

// Forget carries the request out. The box that says that it was looked into is the second step: without it
// nothing is erased.
func (c *Room) Forget(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if _, err := c.mine(r); err != nil {
		return err
	}
	if form.Get("sure") != "yes" {
		return fault.New(fault.Invalid, "fault.contact.forget_sure")
	}
	if err := c.Contacts.Forget(r.Context(), r.PathValue("id"), me(r)); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// RefuseForget keeps the contact, and says why by a code.
func (c *Room) RefuseForget(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if _, err := c.mine(r); err != nil {
		return err
	}
	if err := c.Contacts.RefuseForget(r.Context(), r.PathValue("id"), me(r), form.Get("reason")); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// forgettings are the requests nobody has decided on, without those of people whom the supervisor knows.
func (c *Room) forgettings(ctx context.Context, say *i18n.Printer, p staff.Person) ([]forgetting, error) {
	asked, err := c.Contacts.Forgettings(ctx)
	if err != nil {
		return nil, err
	}
	var all []forgetting
	for _, f := range asked {
		ct, open, err := c.openTo(ctx, p, f.ContactID)
		if err != nil {
			return nil, err
		}
		if !open {
			continue
		}
		line := say.T("desk.state."+string(ct.State)) + " · " + say.T("floor.forget_by", "who", c.Alias(ctx, f.AskedBy), "time", say.DateTime(at(f.AskedAt)))
		all = append(all, forgetting{ct, c.title(say, ct), c.topic(say, ct), line})
	}
	return all, nil
}

// forgetBooked says in the history that a request waits for a supervisor, "" where nothing was asked.
func (c *Room) forgetBooked(r *http.Request, id string) (string, error) {
	_, asked, err := c.Contacts.Forgetting(r.Context(), id)
	if err != nil || !asked {
		return "", err
	}
	return answer.Printer(r).T("desk.forget_booked"), nil
}

func refusals(say *i18n.Printer) []ui.Option {
	var all []ui.Option
	for _, code := range contact.ForgetRefusals {
		all = append(all, ui.Option{Value: code, Label: say.T("floor.forget_no." + code)})
	}
	return all
}
