package console

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
	"vigie/internal/web/talk"
	"vigie/internal/web/ui"
)

// SetPresence says what she is from now on.
func (c *Room) SetPresence(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	m, say := session.Staff(r), answer.Printer(r)
	state, reason := routing.State(form.Get("state")), form.Get("reason")
	if state == routing.Pause && reason == "" {
		reason = routing.PauseReasons[0]
	}
	if state != routing.Pause {
		reason = ""
	}
	if err := c.Router.SetPresence(r.Context(), m.ID, state, reason); err != nil {
		return err
	}
	presence, err := c.presence(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	return c.pieces(w, r, "", presence)
}

// Accept takes the contact that rings. Twice, or from two tabs, it is taken once.
func (c *Room) Accept(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := c.Router.Accept(r.Context(), session.Staff(r).ID, id); err != nil {
		return err
	}
	return c.taken(w, r, id)
}

// Take takes a contact from the list of those who wait.
func (c *Room) Take(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := c.Router.Take(r.Context(), session.Staff(r).ID, id); err != nil {
		return err
	}
	return c.taken(w, r, id)
}

// taken answers with the conversation and its form.
func (c *Room) taken(w http.ResponseWriter, r *http.Request, id string) error {
	say := answer.Printer(r)
	m := session.Staff(r)
	ct, err := c.Contacts.Look(r.Context(), id, me(r), "answer")
	if err != nil {
		return err
	}
	v, err := c.conversation(r.Context(), say, ct)
	if err != nil {
		return err
	}
	panel, err := c.panel(r.Context(), say, m.Person, ct)
	if err != nil {
		return err
	}
	presence, err := c.presence(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	card := c.card(say, ct, v.summary, unread(v.messages, v.summary.SeenByStaff))
	card.Current = true
	return c.pieces(w, r, id, ringList(nil), presence, c.talk(r.Context(), say, v, id), ui.ContactCard(say, card), panel)
}

// Decline lets the next counsellor have it.
func (c *Room) Decline(w http.ResponseWriter, r *http.Request) error {
	if err := c.Router.Decline(r.Context(), session.Staff(r).ID, r.PathValue("id")); err != nil {
		return err
	}
	return c.pieces(w, r, "", ringList(nil))
}

// Known passes a contact on because she knows the person, and closes it to her.
func (c *Room) Known(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := c.Router.KnowThisPerson(r.Context(), session.Staff(r).ID, id); err != nil {
		return err
	}
	return c.pieces(w, r, "", ringList(nil), ui.Gone("talk-"+id), ui.Gone("c-"+id), panelGone(answer.Printer(r), id))
}

// Send writes to the person. The insert itself checks that the contact is hers.
func (c *Room) Send(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if verdict := c.Guard.Check(flood.SendMessage, c.Guard.Contact(id), ""); verdict.Refused {
		return fault.New(fault.TooMany, "fault.too_many")
	} else if err := verdict.Wait(r.Context()); err != nil {
		return err
	}
	messageID := form.Get("message_id")
	if base, err := uuid.Parse(messageID); err == nil && form.Get("kind") == chat.Card {
		// One form sends each card of a list: the same one pressed twice is one message, another is another.
		messageID = uuid.NewSHA1(base, []byte(form.Get("body"))).String()
	}
	m, err := c.Chats.Send(r.Context(), chat.Sending{
		ID: messageID, ContactID: id, From: chat.Staff, AuthorID: session.Staff(r).ID, Kind: form.Get("kind"), Body: form.Get("body"),
	})
	if err != nil {
		return err
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk?c="+id, http.StatusSeeOther)
		return nil
	}
	reader := talk.Reader{Printer: answer.Printer(r), Side: ui.FromStaff, Me: session.Staff(r).ID, Into: "log-" + id, Card: c.Guides.Card, Alias: func(string) string { return "" }}
	answer.Fragment(w, r, reader.Bubble(m))
	return nil
}

// Typing announces that she is typing, or stopped.
func (c *Room) Typing(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.has(r, r.PathValue("id")); err != nil {
		return err
	}
	c.Chats.Typing(r.PathValue("id"), chat.Staff, form.Get("on") == "1")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Marks notes how far her page has received and shown.
func (c *Room) Marks(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.has(r, r.PathValue("id")); err != nil {
		return err
	}
	c.Chats.Mark(r.PathValue("id"), chat.Staff, number(form.Get("delivered")), number(form.Get("seen")))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// End says goodbye and leaves the form to be finished.
func (c *Room) End(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	ct, err := c.Contacts.EndConversation(r.Context(), r.PathValue("id"), me(r), contact.Change{Supervising: supervises(r)})
	if err != nil {
		return err
	}
	pieces, err := c.head(r.Context(), answer.Printer(r), ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, pieces...)
}

// Close closes the contact once its few required fields are filled.
func (c *Room) Close(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := c.Contacts.Close(r.Context(), id, me(r), supervises(r)); err != nil {
		return err
	}
	return c.closed(w, r, id)
}

// Dismiss closes in one click, with the kind line of its closing: a test, a joke, nobody there.
func (c *Room) Dismiss(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.reachable(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := c.Chats.Dismiss(r.Context(), id, form.Get("code"), me(r), supervises(r)); err != nil {
		return err
	}
	if err := c.Router.StopRinging(r.Context(), id); err != nil {
		return err
	}
	return c.closed(w, r, id)
}

func (c *Room) closed(w http.ResponseWriter, r *http.Request, id string) error {
	say := answer.Printer(r)
	presence, err := c.presence(r.Context(), say, session.Staff(r).Person)
	if err != nil {
		return err
	}
	return c.pieces(w, r, "", presence, ui.Gone("talk-"+id), ui.Gone("c-"+id), panelGone(say, id))
}

// Grave marks a contact that takes all of her, or takes the mark away.
func (c *Room) Grave(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.Contacts.SetGrave(r.Context(), r.PathValue("id"), form.Get("on") == "1", me(r), supervises(r))
	if err != nil {
		return err
	}
	return c.reframe(w, r, ct)
}

// Danger sets the danger mark, or takes it away.
func (c *Room) Danger(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	before, err := c.reachable(r)
	if err != nil {
		return err
	}
	ct, err := c.Contacts.SetDanger(r.Context(), before.ID, form.Get("on") == "1", me(r), supervises(r))
	if err != nil {
		return err
	}
	if ct.CounsellorID != me(r).ID { // marked from the line: what is in it is not hers to read
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return c.reframe(w, r, ct)
}

// ReleasePast shows a person who came back with her code what was said before.
func (c *Room) ReleasePast(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	ct, err := c.Contacts.ReleasePast(r.Context(), r.PathValue("id"), me(r), supervises(r))
	if err != nil {
		return err
	}
	return c.reframe(w, r, ct)
}

func (c *Room) reframe(w http.ResponseWriter, r *http.Request, ct contact.Contact) error {
	pieces, err := c.head(r.Context(), answer.Printer(r), ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, pieces...)
}

// HandOver gives a conversation to a colleague, who is rung and accepts.
func (c *Room) HandOver(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := c.Router.HandOver(r.Context(), session.Staff(r).ID, id, form.Get("to")); err != nil {
		return err
	}
	if words := strings.TrimSpace(form.Get("note")); words != "" { // sealed with the contact, and before the colleague's eyes when she accepts
		note := contact.Note{ID: newID(), ContactID: id, AuthorID: session.Staff(r).ID, Text: answer.Printer(r).T("desk.note_for", "who", c.Alias(r.Context(), form.Get("to")), "words", words)}
		if _, err := c.Contacts.SaveNote(r.Context(), note); err != nil {
			return err
		}
	}
	return c.handed(w, r, id)
}

// CancelHandOver calls it back before the colleague has answered.
func (c *Room) CancelHandOver(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := c.Router.CancelHandOver(r.Context(), session.Staff(r).ID, id); err != nil {
		return err
	}
	return c.handed(w, r, id)
}

func (c *Room) handed(w http.ResponseWriter, r *http.Request, id string) error {
	colleague, err := c.handing(r.Context(), id)
	if err != nil {
		return err
	}
	return c.pieces(w, r, id, handingPiece(answer.Printer(r), id, colleague))
}

// has says whether a conversation is hers: from her open page on this node, which costs nothing, else
// from the record.
func (c *Room) has(r *http.Request, contactID string) error {
	id := session.Staff(r).ID
	if c.desks.have(id, contactID) {
		return nil
	}
	ct, err := c.Contacts.Get(r.Context(), contactID)
	if err != nil {
		return err
	}
	if ct.CounsellorID != id {
		return fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	return nil
}
