package console

import (
	"context"
	"log/slog"
	"net/http"

	"vigie/internal/chat"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// AskProof opens the way for one named proof.
func (c *Room) AskProof(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	id := form.Get("proof_id")
	if id == "" {
		id = newID()
	}
	if _, err := c.Chats.Ask(r.Context(), chat.Asking{ID: id, ContactID: ct.ID, StaffID: session.Staff(r).ID, Label: form.Get("what"), Text: form.Get("text")}); err != nil {
		return err
	}
	return c.reframe(w, r, ct)
}

// file draws a received file as it stands: sealed, covered, shown or closed for ever.
func (c *Room) file(ctx context.Context, say *i18n.Printer, contactID string, m chat.Message) *ui.FileProps {
	came := chat.ReadCame(m.Body)
	props := &ui.FileProps{Name: say.T("talk.file"), Size: came.Size, State: ui.FileSealed}
	proofs, err := c.Chats.Proofs(ctx, contactID)
	if err != nil {
		slog.Warn("the files of a contact could not be read", "contact", contactID, "error", err)
		return props
	}
	for _, proof := range proofs {
		if proof.ID == came.Proof {
			return c.proof(say, proof)
		}
	}
	return props
}

func (c *Room) proof(say *i18n.Printer, proof chat.Proof) *ui.FileProps {
	name := say.T("talk.file")
	if say.Has("desk.proof." + proof.Label) {
		name = say.T("desk.proof." + proof.Label)
	}
	props := &ui.FileProps{Name: name, Size: proof.Size, State: ui.FileSealed, Actions: fileActions(say, proof, false)}
	if proof.State == chat.ProofIllegal || proof.State == chat.ProofDestroyed {
		props.State, props.Actions = ui.FileClosed, nil
	}
	return props
}

// LookAtFile shows a picture: covered at first, uncovered on a second, explicit ask. Each look is in the
// audit.
func (c *Room) LookAtFile(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	say, id := answer.Printer(r), r.PathValue("file")
	cover := chat.Covered
	if form.Get("cover") == string(chat.Uncovered) {
		cover = chat.Uncovered
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/files/"+id+"/picture?cover="+string(cover), http.StatusSeeOther)
		return nil
	}
	answer.Fragment(w, r, fileLook(say, id, string(cover)))
	return nil
}

// FilePicture is the picture itself: small, grey, without metadata.
func (c *Room) FilePicture(w http.ResponseWriter, r *http.Request) error {
	cover := chat.Covered
	if r.URL.Query().Get("cover") == string(chat.Uncovered) {
		cover = chat.Uncovered
	}
	picture, err := c.Chats.Preview(r.Context(), r.PathValue("file"), session.Staff(r).ID, cover, supervises(r))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(picture)
	return nil
}

// MarkIllegal marks a file "possibly illegal": from then on nobody opens it.
func (c *Room) MarkIllegal(w http.ResponseWriter, r *http.Request) error {
	proof, err := c.Chats.MarkIllegal(r.Context(), r.PathValue("file"), session.Staff(r).ID, supervises(r))
	if err != nil {
		return err
	}
	if proof.ID == "" {
		return fault.New(fault.NotFound, "fault.chat.proof_unknown")
	}
	return c.pieces(w, r, proof.ContactID, fileClosed(answer.Printer(r), proof.ID))
}
