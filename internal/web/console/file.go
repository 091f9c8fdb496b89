package console

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/chat"
	"vigie/internal/fault"
	"vigie/internal/picture"
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
	if !slices.Contains(proofKinds, form.Get("what")) {
		return fault.New(fault.Invalid, "fault.chat.label", "max", 200)
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

// CloseProof takes the question back: the way is closed again, unless the file is there already.
func (c *Room) CloseProof(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	proofs, err := c.Chats.Proofs(r.Context(), ct.ID)
	if err != nil {
		return err
	}
	for _, proof := range proofs {
		if proof.State != chat.ProofAsked {
			continue
		}
		if err := c.Chats.Withdraw(r.Context(), proof.ID, session.Staff(r).ID, supervises(r)); err != nil {
			return err
		}
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
			return c.proof(say, proof, "")
		}
	}
	return props
}

// takenBack draws anew the files of a contact that were taken back, wherever the page shows them.
func (c *Room) takenBack(ctx context.Context, say *i18n.Printer, contactID string) ([]templ.Component, error) {
	proofs, err := c.Chats.Proofs(ctx, contactID)
	var pieces []templ.Component
	for _, proof := range proofs {
		if proof.TakenBackAt > 0 {
			pieces = append(pieces, ui.Proof(say, *c.proof(say, proof, "")))
		}
	}
	return pieces, err
}

// proof draws a file under a cover; "" shows nothing of it.
func (c *Room) proof(say *i18n.Printer, proof chat.Proof, cover picture.Cover) *ui.FileProps {
	name := say.T("talk.file")
	if say.Has("desk.proof." + proof.Label) {
		name = say.T("desk.proof." + proof.Label)
	}
	props := &ui.FileProps{ID: proof.ID, Name: name, Size: proof.Size, State: ui.FileSealed}
	props.Origin = originOf(say, proof)
	switch {
	case proof.TakenBackAt > 0:
		props.State = ui.FileBack
		return props
	case proof.State == chat.ProofDestroyed && proof.MarkedAt == 0:
		props.State = ui.FileErased
		return props
	case proof.State == chat.ProofIllegal || proof.State == chat.ProofDestroyed:
		props.State = ui.FileClosed
		return props
	case cover == picture.Uncovered:
		props.State = ui.FileShown
	case cover == picture.Covered:
		props.State = ui.FileBlurred
	case proof.CoveredAt > 0:
		props.State = ui.FileLooked
	}
	if cover != "" {
		props.Preview = "/desk/files/" + proof.ID + "/picture?cover=" + string(cover)
	}
	props.Actions = fileActions(say, proof, cover)
	return props
}

// originOf says where a file comes from, as far as somebody vouches for it: her vault for its hash and her telephone's time, we for ours.
func originOf(say *i18n.Printer, proof chat.Proof) string {
	if proof.TakenBackAt > 0 {
		return say.T("desk.file.taken_back", "when", say.DateTime(time.UnixMilli(proof.TakenBackAt)))
	}
	if proof.Vault == nil {
		return ""
	}
	key := "desk.file.vault_differs"
	if proof.Vault.Same {
		key = "desk.file.vault_same"
	}
	declared, err := time.Parse(time.RFC3339, proof.Vault.At)
	if err != nil {
		return ""
	}
	return say.T(key, "declared", say.DateTime(declared), "arrived", say.DateTime(time.UnixMilli(proof.ReceivedAt)))
}

// fileOf reads the file of a request, if its contact is one that she may read.
func (c *Room) fileOf(r *http.Request) (chat.Proof, error) {
	proof, err := c.Chats.Proof(r.Context(), r.PathValue("file"))
	if err != nil {
		return proof, err
	}
	if _, err := c.open(r, proof.ContactID); err != nil {
		return proof, err
	}
	// With what her vault said of it.
	proofs, err := c.Chats.Proofs(r.Context(), proof.ContactID)
	for _, p := range proofs {
		if p.ID == proof.ID {
			proof = p
		}
	}
	return proof, err
}

// coverOf is how much of the picture is asked for: covered, unless she asks for more.
func coverOf(asked string) picture.Cover {
	if asked == string(picture.Uncovered) {
		return picture.Uncovered
	}
	return picture.Covered
}

// LookAtFile shows a picture: covered at first, uncovered on a second, explicit ask. Each look is in the
// audit.
func (c *Room) LookAtFile(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	proof, err := c.fileOf(r)
	if err != nil {
		return err
	}
	say, cover := answer.Printer(r), coverOf(form.Get("cover"))
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/files/"+proof.ID+"/picture?cover="+string(cover), http.StatusSeeOther)
		return nil
	}
	props := c.proof(say, proof, cover)
	if props.State == ui.FileShown {
		if props.Look, err = c.Evidence.UncoverElsewhere(r.Context(), me(r)); err != nil {
			return err
		}
		props.Cover = "/desk/files/" + proof.ID + "/cover"
	}
	answer.Fragment(w, r, ui.Proof(say, *props))
	return nil
}

// CoverFile covers a picture again, and counts how long it was seen.
func (c *Room) CoverFile(w http.ResponseWriter, r *http.Request) error {
	proof, err := c.fileOf(r)
	if err != nil {
		return err
	}
	seen, err := c.countSeen(w, r)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	props := c.proof(say, proof, "")
	if seen.much {
		props.Note = muchSeen(say, "evidence.seen_break_talk")
	}
	answer.Fragment(w, r, ui.Proof(say, *props))
	return nil
}

// FilePicture is the picture itself: small, grey, without metadata.
func (c *Room) FilePicture(w http.ResponseWriter, r *http.Request) error {
	proof, err := c.fileOf(r)
	if err != nil {
		return err
	}
	drawn, err := c.Chats.Preview(r.Context(), proof.ID, session.Staff(r).ID, coverOf(r.URL.Query().Get("cover")), supervises(r))
	if err != nil {
		return err
	}
	showPicture(w, drawn)
	return nil
}

// showPicture sends a drawn picture, which no browser keeps and which runs nothing.
func showPicture(w http.ResponseWriter, picture []byte) {
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(picture)
}

// MarkIllegal marks a file "possibly illegal": from then on nobody opens it.
func (c *Room) MarkIllegal(w http.ResponseWriter, r *http.Request) error {
	proof, err := c.fileOf(r)
	if err != nil {
		return err
	}
	if proof, err = c.Chats.MarkIllegal(r.Context(), proof.ID, session.Staff(r).ID, supervises(r)); err != nil {
		return err
	}
	say := answer.Printer(r)
	return c.pieces(w, r, proof.ContactID, ui.Proof(say, *c.proof(say, proof, "")))
}
