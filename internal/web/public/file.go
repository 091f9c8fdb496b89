package public

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// proofView is the way for one file, while it is open.
type proofView struct {
	id, label, warning string
	max                int64
}

// openProof is what the counsellor asks to be shown now; nil for nothing.
func (p *Room) openProof(ctx context.Context, ct contact.Contact) (*proofView, error) {
	if ct.State != contact.Talking && ct.State != contact.Parked {
		return nil, nil
	}
	proofs, err := p.Chats.Proofs(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	set := p.Catalogue()
	for _, proof := range proofs {
		if proof.State != chat.ProofAsked {
			continue
		}
		return &proofView{
			id: proof.ID, label: proof.Label, max: p.FilesMax,
			warning: set.Lines.Say(catalogue.LineAttachmentWarning, set.Questions.Speaks(ct.Public), ct.Lang, nil),
		}, nil
	}
	return nil, nil
}

// File takes the one file that was asked for. It is sealed as it streams; the form's other fields come
// first, because the sentence about naked pictures is answered before a byte of the file is read.
func (p *Room) File(w http.ResponseWriter, r *http.Request) error {
	err := p.takeFile(w, r)
	if err != nil && !answer.Scripted(r) {
		ct, e := p.mine(r)
		if e != nil {
			return errors.Join(err, e)
		}
		answer.Log(r, err)
		return p.conversation(w, r, answer.Status(err), ct, draft{fileFault: answer.Printer(r).Fault(err)})
	}
	return err
}

func (p *Room) takeFile(w http.ResponseWriter, r *http.Request) error {
	s := session.Visitor(r)
	if err := p.slow(r, flood.SendFile, s.ContactID); err != nil {
		return err
	}
	// The file, and a little for the form around it.
	r.Body = http.MaxBytesReader(w, r.Body, p.FilesMax+answer.MaxForm)
	arrives := http.NewResponseController(w)
	_ = arrives.SetReadDeadline(time.Now().Add(pieceWithin))
	defer func() { _ = arrives.SetReadDeadline(time.Time{}) }()
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.New(fault.Invalid, "fault.form.broken")
	}
	file, fields, err := untilFile(parts)
	if err != nil {
		return err
	}
	if fields["sure"] != "yes" {
		return fault.New(fault.Invalid, "fault.public.sure")
	}
	var vault *chat.FromVault
	if sum, ok := fields["vault_sha256"]; ok {
		vault = &chat.FromVault{SHA256: sum, At: fields["vault_at"]}
	}
	proof, err := p.Chats.Receive(r.Context(), chat.Receiving{
		ProofID: r.PathValue("proof"), ContactID: s.ContactID, PersonID: s.PersonID, Name: file.FileName(), Vault: vault, Body: &whole{r: file, max: p.FilesMax, alive: func() { _ = arrives.SetReadDeadline(time.Now().Add(pieceWithin)) }},
	})
	if err != nil {
		return err
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, answer.Printer(r).Path("/chat"), http.StatusSeeOther)
		return nil
	}
	if vault != nil {
		return tellVault(w, handed{Proof: proof.ID, At: stated(proof.ReceivedAt), Match: proof.Vault != nil && proof.Vault.Same})
	}
	answer.Fragment(w, r, talkProof(view{say: answer.Printer(r)}))
	return nil
}

// longestField bounds what stands before the file, each.
const longestField = 128

// untilFile reads the form up to its file.
func untilFile(parts *multipart.Reader) (file *multipart.Part, fields map[string]string, err error) {
	broken := fault.New(fault.Invalid, "fault.form.broken")
	fields = map[string]string{}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, nil, broken
		}
		switch name := part.FormName(); name {
		case "file":
			return part, fields, nil
		case "sure", "vault_sha256", "vault_at":
			value, err := io.ReadAll(io.LimitReader(part, longestField))
			if err != nil {
				return nil, nil, broken
			}
			fields[name] = string(value)
		}
	}
}

// whole tells a file that was cut on its way from one that is complete, and one that is too large.
type whole struct {
	r     io.Reader
	max   int64
	read  int64
	alive func() // something came: the next piece may take its time again
}

// pieceWithin is how long the next piece of a file may take to arrive.
const pieceWithin = 30 * time.Second

func (b *whole) Read(to []byte) (int, error) {
	n, err := b.r.Read(to)
	b.read += int64(n)
	if n > 0 && b.alive != nil {
		b.alive()
	}
	var large *http.MaxBytesError
	switch {
	case b.read > b.max, errors.As(err, &large):
		return n, fault.New(fault.TooLarge, "fault.blob.too_large", "max", b.max>>20)
	case err == nil, errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	}
	return n, fault.New(fault.Invalid, "fault.form.broken")
}

// Shut ends the session of a conversation that is over, and goes home.
func (p *Room) Shut(w http.ResponseWriter, r *http.Request) error {
	if err := p.Contacts.EndSession(r.Context(), session.VisitorToken(r)); err != nil {
		return err
	}
	session.ClearVisitor(w)
	http.Redirect(w, r, answer.Printer(r).Path("/"), http.StatusSeeOther)
	return nil
}
