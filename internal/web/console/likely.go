package console

import (
	"context"
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/routing"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// A child who writes on two channels, a parent and a child: the system suggests, a human says. Neither
// contact is changed by it, and each keeps its own room.

// Join says that two contacts are of one person, or of one family.
func (c *Room) Join(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.reachable(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := c.Router.Join(r.Context(), session.Staff(r).ID, id, form.Get("other"), form.Get("kind")); err != nil {
		return err
	}
	return c.settled(w, r, id)
}

// Apart says that two contacts have nothing to do with one another.
func (c *Room) Apart(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.reachable(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := c.Router.Apart(r.Context(), session.Staff(r).ID, id, form.Get("other")); err != nil {
		return err
	}
	return c.settled(w, r, id)
}

// settled redraws where the suggestion stood: in the line, and in the form of a contact of hers.
func (c *Room) settled(w http.ResponseWriter, r *http.Request, id string) error {
	m, say := session.Staff(r), answer.Printer(r)
	line, err := c.line(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	pieces := []piece{line}
	if ct, err := c.open(r, id); err == nil && ct.CounsellorID == m.ID {
		same, err := c.same(r.Context(), say, m.ID, ct)
		if err != nil {
			return err
		}
		pieces = append(pieces, samePiece(say, ct.ID, same))
	}
	return c.pieces(w, r, "", pieces...)
}

// same is what is suggested and what was said of one of her contacts, besides those that are closed to her.
func (c *Room) same(ctx context.Context, say *i18n.Printer, staffID string, ct contact.Contact) ([]ui.SameProps, error) {
	likely, err := c.Router.LikelySame(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	links, err := c.Router.Links(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	var all []ui.SameProps
	add := func(id string, why string, actions piece) error {
		other, err := c.Contacts.Get(ctx, id)
		if err != nil {
			return err
		}
		if closed, err := c.Router.Recused(ctx, staffID, other); err != nil || closed {
			return err
		}
		line := say.T("desk.state." + string(other.State))
		if other.CounsellorID != "" && other.CounsellorID != staffID {
			line += " · " + c.Alias(ctx, other.CounsellorID)
		}
		all = append(all, ui.SameProps{ID: "same-" + ct.ID + "-" + id, Title: c.title(say, other), Topic: c.topic(say, other), Line: line, Why: why, Actions: actions})
		return nil
	}
	for _, like := range likely {
		if err := add(like.ContactID, why(say, like), sameActions(say, ct.ID, like.ContactID)); err != nil {
			return nil, err
		}
	}
	for _, link := range links {
		if err := add(link.ContactID, c.joined(ctx, say, link), apartAction(say, ct.ID, link.ContactID)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// sameInLine is the same for a card of the line, of which everybody on the floor sees the same; other
// finds those of the line.
func (c *Room) sameInLine(ctx context.Context, say *i18n.Printer, w routing.Waiting, other func(id string) (contact.Contact, bool)) []ui.SameProps {
	var all []ui.SameProps
	add := func(id, why string, actions piece) {
		if ct, ok := other(id); ok {
			all = append(all, ui.SameProps{ID: "same-w" + w.Contact.ID + "-" + id, Title: c.title(say, ct), Topic: c.topic(say, ct), Why: why, Actions: actions})
		}
	}
	for _, like := range w.LikelySame {
		add(like.ContactID, why(say, like), sameActions(say, w.Contact.ID, like.ContactID))
	}
	for _, link := range w.Links {
		add(link.ContactID, c.joined(ctx, say, link), apartAction(say, w.Contact.ID, link.ContactID))
	}
	return all
}

// joined says in words who said that two contacts belong together, and how.
func (c *Room) joined(ctx context.Context, say *i18n.Printer, l routing.Link) string {
	return say.T("desk.same.joined_"+l.Kind, "who", c.Alias(ctx, l.By))
}

// why says in words what the surest likeness is.
func why(say *i18n.Printer, l routing.Likely) string { return say.T("desk.same." + l.Why[0]) }
