package console

import (
	"log/slog"
	"net/http"
	"strconv"

	"vigie/internal/chat"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// heldFile is one file that is held, as the page tells of it: never the file itself.
type heldFile struct {
	id, title, heldBy, heldAt, sha256 string

	to      chat.HandOver
	handing asked  // that it be handed over
	handed  string // who agreed to that, and when; the sealed file can be fetched from then on
	ending  asked  // that it be destroyed
}

// asked is what one person asked and another has to agree to.
type asked struct {
	by   string // who and when, "" for nobody
	at   string // when, as the form sends it back
	mine bool   // by the reader herself, who cannot agree to it
}

// Held lists the files that were marked possibly illegal and are held by the protocol with the prosecutor.
// Nobody opens one here.
func (c *Room) Held(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	all, err := c.Chats.AllHeld(r.Context())
	if err != nil {
		return err
	}
	var files []heldFile
	for _, h := range all {
		ct, err := c.Contacts.Get(r.Context(), h.ContactID)
		if err != nil {
			return err
		}
		files = append(files, heldFile{
			id: h.ProofID, title: c.title(say, ct), heldBy: c.Alias(r.Context(), h.HeldBy), heldAt: say.DateTime(at(h.HeldAt)), sha256: h.SHA256,
			to: h.To, handing: c.asked(r, say, h.HandOverAskedBy, h.HandOverAskedAt), handed: c.asked(r, say, h.HandedBy, h.HandedAt).by,
			ending: c.asked(r, say, h.DestroyAskedBy, h.DestroyAskedAt),
		})
	}
	answer.Page(w, r, http.StatusOK, heldPage(say, c.shell(r, say, session.Staff(r), "held.title"), files))
	return nil
}

func (c *Room) asked(r *http.Request, say *i18n.Printer, by string, when int64) asked {
	if when == 0 {
		return asked{}
	}
	return asked{
		by: c.Alias(r.Context(), by) + ", " + say.DateTime(at(when)),
		at: strconv.FormatInt(when, 10), mine: by == session.Staff(r).ID,
	}
}

// AskHandOver asks that a held file be given to an authority.
func (c *Room) AskHandOver(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	to := chat.HandOver{Recipient: form.Get("recipient"), Reference: form.Get("reference")}
	return c.held(w, r, c.Chats.AskHandOver(r.Context(), r.PathValue("file"), to, me(r)))
}

// AgreeHandOver is the second person's yes to it.
func (c *Room) AgreeHandOver(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	asked, _ := strconv.ParseInt(form.Get("asked"), 10, 64) // what is no number was never asked
	return c.held(w, r, c.Chats.AgreeHandOver(r.Context(), r.PathValue("file"), asked, me(r)))
}

// SealedFile is the file for the authority, which alone can open it.
func (c *Room) SealedFile(w http.ResponseWriter, r *http.Request) error {
	file := r.PathValue("file")
	write, err := c.Chats.HandOver(r.Context(), file, me(r))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="`+file+`.age"`)
	if err := write(w); err != nil {
		slog.ErrorContext(r.Context(), "a sealed file was not handed out whole", "attachment", file, "error", err)
		panic(http.ErrAbortHandler) // half a file must not look like a whole one
	}
	return nil
}

// AskDestroy asks that a held file be destroyed.
func (c *Room) AskDestroy(w http.ResponseWriter, r *http.Request) error {
	return c.held(w, r, c.Chats.AskDestroyHeld(r.Context(), r.PathValue("file"), me(r)))
}

// ConfirmDestroy is the second person's yes to it.
func (c *Room) ConfirmDestroy(w http.ResponseWriter, r *http.Request) error {
	return c.held(w, r, c.Chats.DestroyHeld(r.Context(), r.PathValue("file"), me(r)))
}

func (c *Room) held(w http.ResponseWriter, r *http.Request, err error) error {
	if err == nil {
		http.Redirect(w, r, "/desk/held", http.StatusSeeOther)
	}
	return err
}
