package console

import (
	"net/http"

	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// heldFile is one file that is held, as the page tells of it: never the file itself.
type heldFile struct {
	id, title, heldBy, heldAt string
	handed                    string // by whom and when it was noted that the authorities have it
	asked                     string // by whom and when its destruction was asked
	mine                      bool   // she asked it herself: another person has to confirm
}

// Held lists the files that were marked possibly illegal and are held by the protocol with the prosecutor.
// Nobody opens one here.
func (c *Room) Held(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	all, err := c.Chats.AllHeld(r.Context())
	if err != nil {
		return err
	}
	done := func(by string, when int64) string {
		if when == 0 {
			return ""
		}
		return c.Alias(r.Context(), by) + ", " + say.DateTime(at(when))
	}
	var files []heldFile
	for _, h := range all {
		ct, err := c.Contacts.Get(r.Context(), h.ContactID)
		if err != nil {
			return err
		}
		files = append(files, heldFile{
			id: h.ProofID, title: c.title(say, ct), heldBy: c.Alias(r.Context(), h.HeldBy), heldAt: say.DateTime(at(h.HeldAt)),
			handed: done(h.HandedBy, h.HandedAt), asked: done(h.AskedBy, h.AskedAt), mine: h.AskedBy == m.ID,
		})
	}
	answer.Page(w, r, http.StatusOK, heldPage(say, c.shell(say, m, "held.title"), files))
	return nil
}

// HandedOver notes that the authorities have a held file.
func (c *Room) HandedOver(w http.ResponseWriter, r *http.Request) error {
	return c.held(w, r, c.Chats.NoteHandedOver(r.Context(), r.PathValue("file"), me(r)))
}

// AskDestroy asks that a held file be destroyed.
func (c *Room) AskDestroy(w http.ResponseWriter, r *http.Request) error {
	return c.held(w, r, c.Chats.AskDestroyHeld(r.Context(), r.PathValue("file"), me(r)))
}

// ConfirmDestroy is the second person's yes to it.
func (c *Room) ConfirmDestroy(w http.ResponseWriter, r *http.Request) error {
	return c.held(w, r, c.Chats.ConfirmDestroyHeld(r.Context(), r.PathValue("file"), me(r)))
}

func (c *Room) held(w http.ResponseWriter, r *http.Request, err error) error {
	if err == nil {
		http.Redirect(w, r, "/desk/held", http.StatusSeeOther)
	}
	return err
}
