package chat

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/catalogue"
	"vigie/internal/config"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/picture"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// MaxFile is how large a proof may be, in bytes.
const MaxFile = config.LargestFile

const (
	// ProofOpen is how long a counsellor's question for a proof stays open.
	ProofOpen = 15 * time.Minute
	// An upload that has not ended after this long is taken for dead.
	uploadLasts = 10 * time.Minute
	maxLabel    = 200
	maxName     = 120
)

// KeyOfAttachment is the kind of an attachment's own key. It is another than the contact's, so that a
// file can be made unreadable for ever while the conversation stays.
const KeyOfAttachment = "attachment"

// OwnersOfAttachmentKeys are the owners of those keys, for seal.Keeper.SweepOrphans: an attachment, or
// the hold of one.
const OwnersOfAttachmentKeys = `SELECT id FROM attachment UNION SELECT 'hold.' || attachment_id FROM attachment_hold`

// Blobs keeps sealed files (blob.Disk does).
type Blobs interface {
	Put(ctx context.Context, r io.Reader, max int64) (blob.Stored, error)
	Get(ctx context.Context, id, identity string) (io.ReadCloser, error)
	Remove(ctx context.Context, id string) error
	SetAside(id string) error
	Sweep(ctx context.Context, before time.Time) (int, error)
	Each(ctx context.Context, before time.Time, fn func(id string) error) error
}

// NamedBlobs returns the ids of the sealed files that the record names, each once: what must be on the disk.
func NamedBlobs(ctx context.Context, q store.Querier) ([]string, error) {
	ids, err := store.All(ctx, q, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) },
		`SELECT blob_id FROM attachment WHERE blob_id <> '' UNION SELECT blob_id FROM attachment_hold`)
	if err != nil {
		return nil, fmt.Errorf("chat: the files that are named: %w", err)
	}
	return ids, nil
}

// ProofState is where a proof stands.
type ProofState string

// The states of a proof.
const (
	ProofAsked     ProofState = "asked"     // the one moment when a file can come
	ProofExpired   ProofState = "expired"   // none came in time
	ProofWithdrawn ProofState = "withdrawn" // the counsellor closed the way again
	ProofReceived  ProofState = "received"  // sealed; nobody has seen it until the counsellor asks
	ProofIllegal   ProofState = "illegal"   // marked possibly illegal: nobody opens it from then on
	ProofDestroyed ProofState = "destroyed" // and by the written protocol it is no more
)

// Proof is one thing that a counsellor asked to be shown, and what came for it.
type Proof struct {
	ID, ContactID string
	State         ProofState
	// Label is the code of what was asked for; Text says more, in the counsellor's words.
	Label, Text        string
	AskedBy            string
	AskedAt, ExpiresAt int64
	ReceivedAt         int64
	// Media is the type found in the content itself; what the sender declared is not believed.
	Media string
	Size  int64
	// Name and SHA256 (hex) are "" once the file was marked.
	Name, SHA256 string
	// CoveredAt is when it was first looked at, covered.
	CoveredAt int64
	MarkedAt  int64
	MarkedBy  string
	// OpenedAt is when anything of it was first opened, TakenBackAt when who handed it over took it back before that.
	OpenedAt, TakenBackAt int64
	// Vault is what her vault said of it; nil where it came from elsewhere, or once it was marked.
	Vault *FromVault

	blobID, keyID string
	label         []byte
	content       []byte
}

// content is what a received file needs to be opened; it is sealed under the attachment's own key.
type content struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	SHA256   string `json:"sha256"`
	// Vault is what her vault said of it, where it came from there.
	Vault *FromVault `json:"vault,omitempty"`
}

// Asked is the body of an Ask message, Came that of an Attachment message.
type (
	Asked struct {
		Proof string `json:"proof"`
		Label string `json:"label"`
		Text  string `json:"text,omitempty"`
	}
	Came struct {
		Proof string `json:"proof"`
		Media string `json:"media"`
		Size  int64  `json:"size"`
	}
)

// Asking opens the way for one named proof.
type Asking struct {
	// ID is made by the client; the message that asks carries it too.
	ID, ContactID, StaffID string
	// Label is a code ("account_page"); Text may say more, 200 characters at most.
	Label, Text string
}

// Ask lets the person send one file, for a quarter of an hour, and asks her in the conversation. Only the
// counsellor who has the contact asks, one proof at a time. It returns fault.Invalid "fault.chat.label",
// fault.Forbidden "fault.chat.not_yours", fault.Conflict "fault.chat.proof_open" while another is open.
func (c *Chats) Ask(ctx context.Context, a Asking) (Proof, error) {
	a.Text = typed.Line(a.Text)
	if !isID(a.ID) || !isCode(a.Label) || a.Label == "" || utf8.RuneCountInString(a.Text) > maxLabel {
		return Proof{}, fault.New(fault.Invalid, "fault.chat.label", "max", maxLabel)
	}
	key, err := c.contacts.Key(ctx, a.ContactID)
	if err != nil {
		return Proof{}, err
	}
	body, err := json.Marshal(Asked{Proof: a.ID, Label: a.Label, Text: a.Text})
	if err != nil {
		return Proof{}, err
	}
	var proof Proof
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(c.now())
		if _, err := tx.Exec(ctx, `UPDATE attachment SET state = 'expired' WHERE contact_id = $1 AND state = 'asked'
			AND expires_at <= $2 AND claim_until <= $2`, a.ContactID, now); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, insertProof, a.ID, a.ContactID, a.Label, key.SealText(labelField(a.ID), a.Text), a.StaffID, now,
			now+ProofOpen.Milliseconds())
		if err != nil {
			return err
		}
		if proof, err = readProof(ctx, tx, a.ID); err != nil {
			if errors.Is(err, store.ErrNoRow) {
				return c.refused(ctx, tx, a.ContactID, a.StaffID)
			}
			return err
		}
		if proof.ContactID != a.ContactID || proof.AskedBy != a.StaffID {
			return fault.New(fault.Conflict, "fault.chat.again")
		}
		proof.Text = a.Text
		if n == 0 {
			return nil // asked already, under this id
		}
		m := Message{ID: a.ID, ContactID: a.ContactID, From: Staff, AuthorID: a.StaffID, Kind: Ask, Body: string(body), At: now}
		if err := c.addWithin(ctx, tx, m, key, a.StaffID); err != nil {
			return err
		}
		if err := c.sayOfProof(ctx, tx, proof, catalogue.LineAttachmentOpen); err != nil {
			return err
		}
		return c.recordProof(ctx, tx, staffActor(a.StaffID), "chat.proof_ask", proof, map[string]string{"label": a.Label})
	})
	if store.IsConflict(err) {
		return Proof{}, fault.New(fault.Conflict, "fault.chat.proof_open")
	}
	return proof, err
}

// Withdraw closes the way again, unless the file is there already.
func (c *Chats) Withdraw(ctx context.Context, proofID, staffID string, supervising bool) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE attachment SET state = 'withdrawn' WHERE id = $1 AND state = 'asked'
			AND (asked_by = $2 OR CAST($3 AS BOOLEAN))`, proofID, staffID, supervising)
		if err != nil {
			return err
		}
		p, err := readProof(ctx, tx, proofID)
		if errors.Is(err, store.ErrNoRow) || n == 0 && err == nil && p.AskedBy != staffID && !supervising {
			return fault.New(fault.NotFound, "fault.chat.proof_unknown")
		}
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { c.bus.Publish("contact."+p.ContactID+".form", []byte("{}")) })
		if err := c.sayOfProof(ctx, tx, p, catalogue.LineAttachmentClosed); err != nil {
			return err
		}
		return c.recordProof(ctx, tx, staffActor(staffID), "chat.proof_withdraw", p, nil)
	})
}

// Receiving is a file that comes for a proof.
type Receiving struct {
	ProofID, ContactID, PersonID string
	// Name is what the sender calls the file; it is kept sealed and believed in nothing.
	Name string
	Body io.Reader
	// Vault is what her vault says of it; Same is not read.
	Vault *FromVault
}

// Receive takes the file for a proof that was asked of this person: sealed as it streams, never in
// clear on a disk, never looked at. Cut short or refused it leaves nothing, and the way stays open until
// it expires. It returns fault.Gone "fault.chat.proof_closed" when none is asked (any more),
// fault.Conflict "fault.chat.proof_coming" while another upload runs, fault.Unsupported
// "fault.chat.media" for content that is none of the types we take, fault.Invalid
// "fault.chat.file_empty" and, for a vault that says what cannot be, "fault.chat.vault_said", fault.TooLarge
// "fault.blob.too_large" above MaxFile.
func (c *Chats) Receive(ctx context.Context, r Receiving) (Proof, error) {
	if err := r.Vault.said(); err != nil {
		return Proof{}, err
	}
	claim := store.NewID()
	if p, done, err := c.claim(ctx, r, claim); err != nil || done {
		return p, err
	}
	p, err := c.take(ctx, r, claim)
	if err != nil {
		// The way is open again at once; if even this fails it is when the claim runs out.
		_, undo := c.db.Exec(context.WithoutCancel(ctx), `UPDATE attachment SET claim = '', claim_until = 0 WHERE id = $1 AND claim = $2`, r.ProofID, claim)
		if undo != nil {
			c.slog.Warn("an upload that failed is forgotten when its time runs out", "attachment", r.ProofID, "error", undo)
		}
		return Proof{}, err
	}
	return p, nil
}

// claim reserves the one place for a file; done is true when this file is there already: it is sent again
// because nobody told her.
func (c *Chats) claim(ctx context.Context, r Receiving, claim string) (p Proof, done bool, err error) {
	now := store.Millis(c.now())
	n, err := c.db.Exec(ctx, claimProof, r.ProofID, r.ContactID, r.PersonID, now, claim, now+uploadLasts.Milliseconds())
	if err != nil || n == 1 {
		return Proof{}, false, err
	}
	p, err = readProof(ctx, c.db, r.ProofID)
	if errors.Is(err, store.ErrNoRow) || err == nil && p.ContactID != r.ContactID {
		return Proof{}, false, fault.New(fault.NotFound, "fault.chat.proof_unknown")
	}
	if err != nil {
		return Proof{}, false, err
	}
	identity, err := c.contacts.Identity(ctx, r.ContactID)
	switch {
	case err != nil:
		return Proof{}, false, err
	case identity.PersonID != r.PersonID:
		return Proof{}, false, fault.New(fault.NotFound, "fault.chat.proof_unknown")
	case p.State == ProofAsked && p.ExpiresAt > now:
		if ct, err := c.contacts.Get(ctx, r.ContactID); err == nil && !ct.State.Open() {
			return Proof{}, false, fault.New(fault.Gone, "fault.chat.over")
		}
		return Proof{}, false, fault.New(fault.Conflict, "fault.chat.proof_coming")
	case p.State == ProofReceived:
		inside, same, err := c.isThere(ctx, p, r.Body)
		if err != nil || same {
			p.content, p.Vault = nil, inside.Vault
			return p, same, err
		}
	}
	return Proof{}, false, fault.New(fault.Gone, "fault.chat.proof_closed")
}

// isThere says whether a body is the file that came for a proof, and what is kept of that.
func (c *Chats) isThere(ctx context.Context, p Proof, body io.Reader) (content, bool, error) {
	inside, err := c.open(ctx, p)
	if err != nil {
		return inside, false, err
	}
	hash := sha256.New()
	if n, err := io.Copy(hash, io.LimitReader(upload{body}, p.Size+1)); err != nil || n != p.Size {
		return inside, false, err
	}
	return inside, hex.EncodeToString(hash.Sum(nil)) == inside.SHA256, nil
}

// take streams the file into its place and commits it with the message that says it came.
func (c *Chats) take(ctx context.Context, r Receiving, claim string) (Proof, error) {
	in := bufio.NewReaderSize(upload{r.Body}, sniffLength)
	head, err := in.Peek(sniffLength)
	if err != nil && err != io.EOF {
		return Proof{}, err
	}
	if len(head) == 0 {
		return Proof{}, fault.New(fault.Invalid, "fault.chat.file_empty")
	}
	media := Sniff(head)
	if media == "" {
		return Proof{}, fault.New(fault.Unsupported, "fault.chat.media")
	}
	contactKey, err := c.contacts.Key(ctx, r.ContactID)
	if err != nil {
		return Proof{}, err
	}
	key, err := c.keys.NewKey(ctx, KeyOfAttachment, r.ProofID)
	if err != nil {
		return Proof{}, err
	}
	kept := false
	defer func() {
		if !kept {
			c.drop(context.WithoutCancel(ctx), key.ID())
		}
	}()
	stored, err := c.blobs.Put(ctx, in, MaxFile)
	if err != nil {
		return Proof{}, err
	}
	defer func() {
		if !kept {
			if err := c.blobs.Remove(context.WithoutCancel(ctx), stored.ID); err != nil {
				c.slog.Error("the sealed file of an upload that failed is still there", "blob", stored.ID, "error", err)
			}
		}
	}()
	sum := hex.EncodeToString(stored.SHA256)
	vault := r.Vault.arrived(sum)
	plain, err := json.Marshal(content{Identity: stored.Identity, Name: cleanName(r.Name), SHA256: sum, Vault: vault})
	if err != nil {
		return Proof{}, err
	}
	body, err := json.Marshal(Came{Proof: r.ProofID, Media: media, Size: stored.Size})
	if err != nil {
		return Proof{}, err
	}
	var proof Proof
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(c.now())
		n, err := tx.Exec(ctx, `UPDATE attachment SET state = 'received', claim = '', claim_until = 0, received_at = $3, media = $4, size = $5,
			blob_id = $6, key_id = $7, content_sealed = $8 WHERE id = $1 AND claim = $2 AND state = 'asked'`,
			r.ProofID, claim, now, media, stored.Size, stored.ID, key.ID(), key.Seal(contentField(r.ProofID), plain))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Gone, "fault.chat.proof_closed") // withdrawn while it came
		}
		m := Message{ID: uuid.NewSHA1(lineSpace, []byte(r.ProofID+".came")).String(), ContactID: r.ContactID, From: Visitor,
			Kind: Attachment, Body: string(body), At: now}
		insert := c.insert(m, contactKey, r.PersonID)
		var state contact.State
		m.Seq, err = store.One(ctx, tx, func(row store.Row) (int64, error) { var seq int64; return seq, row.Scan(&seq, &state) }, insert.SQL, insert.Args...)
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.Gone, "fault.chat.over")
		}
		if err != nil {
			return err
		}
		if proof, err = readProof(ctx, tx, r.ProofID); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.announce(m) })
		if err := c.sayOfProof(ctx, tx, proof, catalogue.LineAttachmentClosed); err != nil {
			return err
		}
		detail := map[string]string{"media": media}
		if vault != nil {
			detail["vault_same"] = yesNo(vault.Same)
		}
		return c.recordProof(ctx, tx, contact.VisitorOf(r.ContactID), "chat.proof_receive", proof, detail)
	})
	if err != nil {
		// Only what was refused is known not to be there: where the answer to the commit was lost, the row may
		// name these bytes, and the sweep takes them away if it does not.
		kept = fault.As(err) == nil
		return Proof{}, err
	}
	kept = true
	proof.Name, proof.SHA256, proof.Vault = "", "", vault
	return proof, nil
}

// drop destroys a key that nothing was kept under.
func (c *Chats) drop(ctx context.Context, keyID string) {
	if err := c.db.Tx(ctx, func(tx *store.Tx) error { return c.keys.Drop(ctx, tx, keyID) }); err != nil {
		c.slog.Warn("a key that nothing was kept under is still there", "key", keyID, "error", err)
	}
}

// upload is what comes from the network. How it broke off is not told on: it may hold an address.
type upload struct{ from io.Reader }

func (u upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if err != nil && err != io.EOF && fault.As(err) == nil {
		err = fault.Wrap(errors.New("chat: the upload broke off"), fault.Invalid, "fault.blob.cut")
	}
	return n, err
}

// Proofs returns the proofs of a contact, the oldest first, with the names of the files that may be seen.
func (c *Chats) Proofs(ctx context.Context, contactID string) ([]Proof, error) {
	key, err := c.contacts.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	all, err := store.All(ctx, c.db, scanProof, selectProof+` WHERE contact_id = $1 ORDER BY asked_at, id`, contactID)
	if err != nil {
		return nil, err
	}
	now := store.Millis(c.now())
	for i := range all {
		p := &all[i]
		if p.Text, err = key.OpenText(labelField(p.ID), p.label); err != nil {
			return nil, err
		}
		if p.State == ProofAsked && p.ExpiresAt <= now {
			p.State = ProofExpired
		}
		if p.State == ProofReceived {
			inside, err := c.open(ctx, *p)
			if err != nil {
				return nil, err
			}
			p.Name, p.SHA256, p.Vault = inside.Name, inside.SHA256, inside.Vault
		}
		p.content = nil
	}
	return all, nil
}

// Proof returns one proof, without what is sealed of it. It returns fault.NotFound
// "fault.chat.proof_unknown".
func (c *Chats) Proof(ctx context.Context, id string) (Proof, error) {
	p, err := readProof(ctx, c.db, id)
	if errors.Is(err, store.ErrNoRow) {
		return Proof{}, fault.New(fault.NotFound, "fault.chat.proof_unknown")
	}
	p.content = nil
	return p, err
}

// open opens what a received file needs to be opened.
func (c *Chats) open(ctx context.Context, p Proof) (content, error) {
	key, err := c.keys.Key(ctx, p.keyID)
	if err != nil {
		return content{}, err
	}
	var inside content
	err = openJSON(key, contentField(p.ID), p.content, &inside)
	return inside, err
}

// Preview returns a picture as a small grey JPEG without any of its metadata: covered on the first ask,
// uncovered on a second, explicit one. Only the counsellor who has the contact, or a supervisor, asks;
// each look is recorded before anything is opened. The picture is decoded in a process of its own. It
// returns fault.NotFound "fault.chat.proof_unknown" for what is not theirs to see, fault.Gone
// "fault.chat.proof_marked" once it was marked and "fault.chat.proof_taken_back" once she took it back, fault.Unsupported "fault.picture.not_drawn" for what is no
// picture or cannot be read, fault.Conflict "fault.chat.cover_first" when uncovered is asked first.
func (c *Chats) Preview(ctx context.Context, proofID, staffID string, cover picture.Cover, supervising bool) ([]byte, error) {
	p, err := c.look(ctx, proofID, staffID, supervising, "chat.proof_preview", string(cover), func(tx *store.Tx, p Proof) error {
		if !strings.HasPrefix(p.Media, "image/") {
			return fault.New(fault.Unsupported, "fault.picture.not_drawn")
		}
		if cover == picture.Covered {
			_, err := tx.Exec(ctx, `UPDATE attachment SET covered_at = $2 WHERE id = $1 AND covered_at = 0`, p.ID, store.Millis(c.now()))
			return err
		}
		if p.CoveredAt == 0 {
			return fault.New(fault.Conflict, "fault.chat.cover_first")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	file, err := c.read(ctx, p)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return c.pictures.Draw(ctx, file, cover)
}

// Original returns the file as it came, for what has no preview and for the keeping of proof; each
// opening is recorded with its purpose. The caller closes it. Faults as for Preview. No screen opens it yet:
// the room evidence will.
func (c *Chats) Original(ctx context.Context, proofID, staffID, purpose string, supervising bool) (Proof, io.ReadCloser, error) {
	if !isCode(purpose) || purpose == "" {
		return Proof{}, nil, fault.New(fault.Invalid, "fault.contact.purpose")
	}
	p, err := c.look(ctx, proofID, staffID, supervising, "chat.proof_open", purpose, func(*store.Tx, Proof) error { return nil })
	if err != nil {
		return Proof{}, nil, err
	}
	inside, err := c.open(ctx, p)
	if err != nil {
		return Proof{}, nil, err
	}
	file, err := c.blobs.Get(ctx, p.blobID, inside.Identity)
	p.Name, p.SHA256, p.Vault, p.content = inside.Name, inside.SHA256, inside.Vault, nil
	return p, file, err
}

// look records that somebody opens a file, if she may: the state of the file and whose contact it is
// are read in the same transaction.
func (c *Chats) look(ctx context.Context, proofID, staffID string, supervising bool, act, how string, also func(*store.Tx, Proof) error) (Proof, error) {
	var p Proof
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		p, err = store.One(ctx, tx, scanProof, selectProof+` WHERE id = $1 AND state IN ('received', 'illegal', 'destroyed')
			AND EXISTS (SELECT 1 FROM contact c WHERE c.id = attachment.contact_id AND (c.counsellor_id = $2 OR CAST($3 AS BOOLEAN)))`,
			proofID, staffID, supervising)
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.NotFound, "fault.chat.proof_unknown")
		}
		if err != nil {
			return err
		}
		switch {
		case p.TakenBackAt > 0:
			return fault.New(fault.Gone, "fault.chat.proof_taken_back")
		case p.State != ProofReceived:
			return fault.New(fault.Gone, "fault.chat.proof_marked")
		}
		if err := also(tx, p); err != nil {
			return err
		}
		// From this commit on it cannot be taken back.
		n, err := tx.Exec(ctx, `UPDATE attachment SET opened_at = $2 WHERE id = $1 AND opened_at = 0 AND state = 'received'`, p.ID, store.Millis(c.now()))
		if err != nil {
			return err
		}
		if n == 0 && p.OpenedAt == 0 { // it was taken back, or marked, at this moment
			return fault.New(fault.Gone, "fault.chat.proof_taken_back")
		}
		return c.recordProof(ctx, tx, staffActor(staffID), act, p, map[string]string{"how": how})
	})
	return p, err
}

func (c *Chats) read(ctx context.Context, p Proof) (io.ReadCloser, error) {
	inside, err := c.open(ctx, p)
	if err != nil {
		return nil, err
	}
	return c.blobs.Get(ctx, p.blobID, inside.Identity)
}

// MarkIllegal marks a file "possibly illegal": from this commit on nobody opens it, and its key is
// destroyed. Without a written protocol with the prosecutor the sealed file is destroyed too; with one
// (Options.HoldIllegal) it is held under a key that only the protocol's acts use. Marking it again
// changes nothing. It returns fault.NotFound "fault.chat.proof_unknown".
func (c *Chats) MarkIllegal(ctx context.Context, proofID, staffID string, supervising bool) (Proof, error) {
	var holdKey *seal.Key
	if c.hold {
		var err error
		if holdKey, err = c.keys.NewKey(ctx, KeyOfAttachment, "hold."+proofID); err != nil {
			return Proof{}, err
		}
	}
	// The file's key is read before the transaction; if it is gone the file was marked already.
	if p, err := readProof(ctx, c.db, proofID); err == nil && p.State == ProofReceived {
		if _, err := c.keys.Key(ctx, p.keyID); err != nil && !fault.Is(err, fault.Gone) {
			return Proof{}, err
		}
	}
	var p Proof
	held := false
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		held = false
		n, err := tx.Exec(ctx, `UPDATE attachment SET state = 'illegal', marked_at = $2, marked_by = $3 WHERE id = $1 AND state = 'received'
			AND EXISTS (SELECT 1 FROM contact c WHERE c.id = attachment.contact_id AND (c.counsellor_id = $3 OR CAST($4 AS BOOLEAN)))`,
			proofID, store.Millis(c.now()), staffID, supervising)
		if err != nil {
			return err
		}
		p, err = readProof(ctx, tx, proofID)
		if errors.Is(err, store.ErrNoRow) || err == nil && n == 0 && p.State != ProofIllegal && p.State != ProofDestroyed {
			return fault.New(fault.NotFound, "fault.chat.proof_unknown")
		}
		if err != nil || n == 0 {
			return err
		}
		if holdKey != nil {
			inside, err := c.open(ctx, p)
			if err != nil {
				return err
			}
			plain, err := json.Marshal(inside)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO attachment_hold (attachment_id, contact_id, blob_id, key_id, held_at, held_by, content_sealed)
				VALUES ($1, $2, $3, $4, $5, $6, $7)`, p.ID, p.ContactID, p.blobID, holdKey.ID(), p.MarkedAt, staffID,
				holdKey.Seal(holdField(p.ID), plain)); err != nil {
				return err
			}
			held = true
		}
		if err := c.keys.Drop(ctx, tx, p.keyID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE attachment SET content_sealed = NULL WHERE id = $1`, p.ID); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			c.bus.Publish("key."+p.keyID, []byte(`{"destroyed":true}`))
			c.bus.Publish("contact."+p.ContactID+".form", []byte("{}"))
		})
		return c.recordProof(ctx, tx, staffActor(staffID), "chat.proof_illegal", p, map[string]string{"held": yesNo(held)})
	})
	if holdKey != nil && (err != nil || !held) {
		c.drop(context.WithoutCancel(ctx), holdKey.ID())
	}
	if err != nil {
		return Proof{}, err
	}
	if !c.hold {
		if err := c.destroyMarked(context.WithoutCancel(ctx), p); err != nil {
			// It cannot be opened any more in any case; its bytes go with the next sweep.
			c.slog.Error("a marked file waits for the sweep to be removed", "attachment", p.ID, "error", err)
		} else {
			p.State = ProofDestroyed
		}
	}
	p.content = nil
	return p, nil
}

// destroyMarked removes the bytes of a file that was marked and is not held.
func (c *Chats) destroyMarked(ctx context.Context, p Proof) error {
	if p.blobID != "" {
		if err := c.blobs.Remove(ctx, p.blobID); err != nil {
			return err
		}
	}
	_, err := c.db.Exec(ctx, `UPDATE attachment SET state = 'destroyed', blob_id = '' WHERE id = $1 AND state = 'illegal'
		AND NOT EXISTS (SELECT 1 FROM attachment_hold h WHERE h.attachment_id = attachment.id)`, p.ID)
	return err
}

// OrphanAge is how old a file must be before it is set aside because no row names it: many times what lies
// between its last byte and its row, and what clocks may differ by.
const OrphanAge = 24 * time.Hour

// SweepBlobs sets aside the files that a crash left without a row, and removes what was cut short. Set aside and
// not removed: after a restore the record may name them again.
func (c *Chats) SweepBlobs(ctx context.Context) error {
	before := time.Now().Add(-OrphanAge) // files have the time of the disk, not of the house
	_, err := c.blobs.Sweep(ctx, before)
	return errors.Join(err, c.blobs.Each(ctx, before, func(id string) error {
		named, err := store.One(ctx, c.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) },
			`SELECT (SELECT count(*) FROM attachment WHERE blob_id = $1) + (SELECT count(*) FROM attachment_hold WHERE blob_id = $1)`, id)
		if err != nil || named > 0 {
			return err
		}
		if c.alsoNamed != nil {
			if named, err := c.alsoNamed(ctx, id); err != nil || named {
				return err
			}
		}
		c.slog.Warn("a file that no row names is set aside", "blob", id)
		return c.blobs.SetAside(id)
	}))
}

// watchAttachments closes questions whose time is over, and removes what could not be removed at once.
func (c *Chats) watchAttachments(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		if err := c.SweepAttachments(ctx); err != nil && ctx.Err() == nil {
			c.slog.Error("sweeping attachments", "error", err)
		}
		if n%60 == 0 {
			if err := c.SweepBlobs(ctx); err != nil && ctx.Err() == nil {
				c.slog.Error("sweeping files without a row", "error", err)
			}
			if _, err := c.keys.SweepOrphans(ctx, KeyOfAttachment, OwnersOfAttachmentKeys); err != nil && ctx.Err() == nil {
				c.slog.Error("sweeping attachments' keys without an owner", "error", err)
			}
		}
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
		}
	}
}

// sayOfProof has the house say that the way for a file is open, or closed again, while there is still
// somebody in the conversation.
func (c *Chats) sayOfProof(ctx context.Context, tx *store.Tx, p Proof, line string) error {
	ct, err := c.contacts.GetWithin(ctx, tx, p.ContactID)
	if err != nil || !ct.State.Open() || ct.State == contact.Left {
		return err
	}
	key, err := c.contacts.Key(ctx, p.ContactID)
	if err != nil {
		return err
	}
	return c.sayWithin(ctx, tx, c.lineOf(ct, line, p.ID, nil), key)
}

// SweepAttachments does so once. Whether a question is still open is always read from its own time, so
// nothing depends on when this runs.
func (c *Chats) SweepAttachments(ctx context.Context) error {
	now := store.Millis(c.now())
	ids, err := store.All(ctx, c.db, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) },
		`SELECT id FROM attachment WHERE state = 'asked' AND expires_at <= $1 AND claim_until <= $1 LIMIT 500`, now)
	for _, id := range ids {
		err = errors.Join(err, c.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `UPDATE attachment SET state = 'expired' WHERE id = $1 AND state = 'asked' AND expires_at <= $2 AND claim_until <= $2`, id, now)
			if err != nil || n == 0 {
				return err
			}
			p, err := readProof(ctx, tx, id)
			if err != nil {
				return err
			}
			return c.sayOfProof(ctx, tx, p, catalogue.LineAttachmentClosed)
		}))
	}
	marked, e := store.All(ctx, c.db, scanProof, selectProof+` WHERE state = 'illegal'
		AND NOT EXISTS (SELECT 1 FROM attachment_hold h WHERE h.attachment_id = attachment.id) LIMIT 500`)
	err = errors.Join(err, e)
	for _, p := range marked {
		err = errors.Join(err, c.destroyMarked(ctx, p))
	}
	return errors.Join(err, c.sweepTakenBack(ctx))
}

// eraseBlobs removes the sealed files of a contact that is being erased. A held one stops the erasure.
func (c *Chats) eraseBlobs(ctx context.Context, contactID string) error {
	held, err := store.All(ctx, c.db, scanHeld, selectHeld+` WHERE contact_id = $1`, contactID)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return fault.New(fault.Conflict, "fault.contact.held")
	}
	all, err := store.All(ctx, c.db, scanProof, selectProof+` WHERE contact_id = $1 AND blob_id <> ''`, contactID)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := c.blobs.Remove(ctx, p.blobID); err != nil {
			return err
		}
	}
	return nil
}

// eraseKeys destroys the keys of a contact's attachments; the rows go with the contact.
func (c *Chats) eraseKeys(ctx context.Context, tx *store.Tx, contactID string) error {
	keys, err := store.All(ctx, tx, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) },
		`SELECT key_id FROM attachment WHERE contact_id = $1 AND key_id <> ''`, contactID)
	if err != nil {
		return err
	}
	for _, id := range keys {
		if err := c.keys.Drop(ctx, tx, id); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.bus.Publish("key."+id, []byte(`{"destroyed":true}`)) })
	}
	return nil
}

// refused says why a counsellor's ask was not written.
func (c *Chats) refused(ctx context.Context, tx *store.Tx, contactID, staffID string) error {
	ct, err := c.contacts.GetWithin(ctx, tx, contactID)
	switch {
	case err != nil:
		return err
	case ct.State.Open() && ct.CounsellorID != staffID:
		return fault.New(fault.Forbidden, "fault.chat.not_yours")
	case !ct.State.Open() || ct.State == contact.Left:
		return fault.New(fault.Gone, "fault.chat.over")
	}
	return fault.New(fault.Conflict, "fault.chat.again")
}

func (c *Chats) recordProof(ctx context.Context, tx *store.Tx, by audit.Actor, act string, p Proof, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	detail["attachment"] = p.ID
	return c.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "contact", ObjectID: p.ContactID, Detail: detail})
}

func labelField(id string) seal.Field {
	return seal.Field{Table: "attachment", Column: "label_sealed", Row: id, Version: 1}
}

func contentField(id string) seal.Field {
	return seal.Field{Table: "attachment", Column: "content_sealed", Row: id, Version: 1}
}

const selectProof = `SELECT id, contact_id, state, label, label_sealed, asked_by, asked_at, expires_at, received_at, media, size,
	blob_id, key_id, content_sealed, covered_at, marked_at, marked_by, opened_at, taken_back_at FROM attachment`

func scanProof(r store.Row) (Proof, error) {
	var p Proof
	return p, r.Scan(&p.ID, &p.ContactID, &p.State, &p.Label, &p.label, &p.AskedBy, &p.AskedAt, &p.ExpiresAt, &p.ReceivedAt, &p.Media, &p.Size,
		&p.blobID, &p.keyID, &p.content, &p.CoveredAt, &p.MarkedAt, &p.MarkedBy, &p.OpenedAt, &p.TakenBackAt)
}

func readProof(ctx context.Context, q store.Querier, id string) (Proof, error) {
	return store.One(ctx, q, scanProof, selectProof+` WHERE id = $1`, id)
}

const insertProof = `INSERT INTO attachment (id, contact_id, state, label, label_sealed, asked_by, asked_at, expires_at)
	SELECT CAST($1 AS TEXT), c.id, 'asked', CAST($3 AS TEXT), CAST($4 AS BLOB), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS BIGINT)
	FROM contact c WHERE c.id = $2 AND c.state IN ('talking', 'parked') AND c.counsellor_id = $5
	ON CONFLICT (id) DO NOTHING`

const claimProof = `UPDATE attachment SET claim = $5, claim_until = $6 WHERE id = $1 AND contact_id = $2 AND state = 'asked'
	AND expires_at > $4 AND claim_until <= $4
	AND EXISTS (SELECT 1 FROM contact c WHERE c.id = attachment.contact_id AND c.person_id = $3
		AND c.state IN ('waiting', 'offered', 'talking', 'parked'))`

// cleanName is the last part of a file's name, without what could mislead: 120 characters at most.
func cleanName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = typed.Line(s)
	if s == "." || s == "/" {
		return ""
	}
	for utf8.RuneCountInString(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

func isCode(s string) bool {
	if len(s) > 40 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.' {
			return false
		}
	}
	return true
}

func isID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}

func staffActor(id string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: id} }

func yesNo(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

// Taken are the types of files that are taken: what Sniff may return.
var Taken = []string{"image/jpeg", "image/png", "image/gif", "image/webp"}

// sniffLength is how much of a file its type is read from.
const sniffLength = 4096

// Sniff returns the type of a file by its content, "" for everything that we do not take: only pictures,
// because nothing else can be looked at covered first. What the sender declares is never asked.
func Sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return "image/gif"
	case len(head) >= 16 && bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}
