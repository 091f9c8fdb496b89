package console

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"vigie/internal/casefile"
	"vigie/internal/chat"
	"vigie/internal/evidence"
	"vigie/internal/evidence/bundle"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// evidenceView is what is kept as proof in a file, and what of its conversations could be.
type evidenceView struct {
	noCapture bool
	items     []evidenceItem
	more      int         // earlier items that are not shown
	purposes  []ui.Option // for whom it may be exported
	seen      hardSeen
	offered   []ui.Option // proofs that were handed over in its conversations and are not kept yet
	matches   []matchRow
	hidden    map[string]bool // ids of matches that are not hers to know of
}

type evidenceItem struct {
	evidence.Item
	added, by string
	stamp     string // how far its time stamp is
	hash      string // whether its picture is known again, "" for none
	picture   bool
	lines     []told
	chain     []string
}

func (c *Room) evidenceOf(ctx context.Context, say *i18n.Printer, reader staff.Person, file casefile.File) (v evidenceView, err error) {
	v.noCapture = c.Evidence.NoCapture(file)
	if v.seen, err = c.hardSeen(ctx, reader.ID); err != nil {
		return v, err
	}
	if v.matches, v.hidden, err = c.matchesOf(ctx, say, reader, file.ID); err != nil {
		return v, err
	}
	items, older, err := c.Evidence.Newest(ctx, file.ID, evidenceShown)
	if err != nil {
		return v, err
	}
	chains, err := c.Evidence.ChainsOf(ctx, items)
	if err != nil {
		return v, err
	}
	v.more = older
	for _, purpose := range evidence.ExportPurposes {
		v.purposes = append(v.purposes, ui.Option{Value: purpose, Label: say.T("evidence.purpose." + purpose)})
	}
	for _, item := range items {
		d := evidenceItem{Item: item, added: say.DateTime(at(item.AddedAt)), by: c.Alias(ctx, item.AddedBy), stamp: say.T("evidence.stamp." + item.Stamp), picture: item.Shown() && !item.NoCapture && !v.noCapture}
		if item.Stamp == evidence.Stamped {
			d.stamp = say.T("evidence.stamp.stamped", "when", say.DateTime(at(item.StampedAt)))
		}
		if item.Hash != evidence.HashNone {
			d.hash = say.T("evidence.pdq." + item.Hash)
		}
		d.lines = itemLines(say, item)
		for _, e := range chains[item.ID] {
			line := say.T("evidence.custody", "what", say.T("evidence.act."+e.Act), "who", c.Alias(ctx, e.Actor.ID), "when", say.DateTime(at(e.At)))
			if e.Seconds > 0 {
				line += say.T("evidence.lasted", "n", e.Seconds)
			}
			d.chain = append(d.chain, line)
		}
		v.items = append(v.items, d)
	}
	if v.noCapture || file.State != casefile.Open {
		return v, nil
	}
	v.offered, err = c.keepable(ctx, say, reader, file.ID)
	return v, err
}

// itemLines is what is known of an item.
func itemLines(say *i18n.Printer, item evidence.Item) []told {
	return slices.DeleteFunc([]told{
		{say.T("evidence.address"), item.Content.Address}, {say.T("evidence.account"), item.Content.Account}, {say.T("evidence.seen"), item.Content.Seen},
		{say.T("evidence.statement"), item.Content.Statement}, {say.T("evidence.name"), item.Content.Name}, {say.T("evidence.sha256"), item.Content.SHA256},
	}, func(line told) bool { return line.value == "" })
}

// evidenceShown is how many items stand on the page of a file, the newest; all of them are in an export.
const evidenceShown = 100

// ExportEvidence hands out the evidence of a file as one ZIP that can be checked without us.
func (c *Room) ExportEvidence(w http.ResponseWriter, r *http.Request) error {
	fileID := r.PathValue("file")
	if _, err := c.mayCase(r, fileID); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	file, err := c.Files.Get(r.Context(), fileID)
	if err != nil {
		return err
	}
	alias := func(id string) string { return c.Alias(r.Context(), id) }
	b, err := c.Evidence.Export(r.Context(), fileID, file.Reference, form.Get("purpose"), "Vigie", alias, me(r))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": b.FileName()}))
	w.Header().Set("Cache-Control", "no-store")
	return bundle.Write(w, b)
}

// keepable are the proofs of a file's conversations that she may open and that are not kept yet.
func (c *Room) keepable(ctx context.Context, say *i18n.Printer, reader staff.Person, fileID string) ([]ui.Option, error) {
	taken, err := c.Evidence.Taken(ctx, fileID)
	if err != nil {
		return nil, err
	}
	contacts, err := c.Files.Contacts(ctx, fileID)
	if err != nil {
		return nil, err
	}
	var all []ui.Option
	for _, x := range contacts {
		ct, err := c.Contacts.Get(ctx, x.ContactID)
		if err = ignoreGone(err); err != nil {
			return nil, err
		}
		if ct.CounsellorID != reader.ID && !reader.Can(staff.ContactAll) {
			continue
		}
		proofs, err := c.Chats.Proofs(ctx, x.ContactID)
		if err != nil {
			return nil, err
		}
		for _, p := range proofs {
			if p.State == chat.ProofReceived && !taken[p.ID] {
				all = append(all, ui.Option{Value: p.ID, Label: say.T("desk.proof."+p.Label) + ", " + say.DateTime(at(p.ReceivedAt))})
			}
		}
	}
	return all, nil
}

// AddEvidence keeps an address, a statement, or a proof that was handed over in a conversation of the file.
func (c *Room) AddEvidence(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		content := evidence.Content{Address: form.Get("address"), Account: form.Get("account"), Seen: form.Get("seen"), Statement: form.Get("statement")}
		switch form.Get("kind") {
		case evidence.KindLink:
			return c.Evidence.AddLink(ctx, id, form.Get("id"), content, me(r))
		case evidence.KindStatement:
			return c.Evidence.AddStatement(ctx, id, form.Get("id"), content, me(r))
		case evidence.KindFile:
			return c.keepProof(ctx, r, id, form.Get("id"), form.Get("proof"), content)
		}
		return fault.New(fault.Invalid, "fault.evidence.kind")
	})
}

func (c *Room) keepProof(ctx context.Context, r *http.Request, fileID, id, proofID string, content evidence.Content) error {
	file, err := c.Files.Get(ctx, fileID)
	if err != nil {
		return err
	}
	if c.Evidence.NoCapture(file) { // before the file is opened
		return fault.New(fault.Forbidden, "fault.evidence.no_capture")
	}
	offered, err := c.keepable(ctx, i18n.For(i18n.French), session.Staff(r).Person, fileID)
	if err != nil {
		return err
	}
	for _, o := range offered {
		if o.Value != proofID {
			continue
		}
		p, original, err := c.Chats.Original(ctx, proofID, session.Staff(r).ID, "evidence", supervises(r))
		if err != nil {
			return err
		}
		defer original.Close()
		content.Name = p.Name
		return c.Evidence.AddFile(ctx, fileID, id, proofID, content, original, me(r))
	}
	return fault.New(fault.NotFound, "fault.evidence.unknown")
}

// OpenEvidence hands out a file as it came, to be saved: never shown in the page. It is in its custody from then on.
func (c *Room) OpenEvidence(w http.ResponseWriter, r *http.Request) error {
	fileID := r.PathValue("file")
	if _, err := c.mayCase(r, fileID); err != nil {
		return err
	}
	item, err := c.Evidence.Item(r.Context(), r.PathValue("item"))
	if err != nil {
		return err
	}
	if item.FileID != fileID {
		return fault.New(fault.NotFound, "fault.evidence.unknown")
	}
	item, original, err := c.Evidence.Original(r.Context(), item.ID, "desk", me(r))
	if err != nil {
		return err
	}
	defer original.Close()
	name := fmt.Sprintf("preuve-%04d", item.Number)
	if extensions, err := mime.ExtensionsByType(item.Media); err == nil && len(extensions) > 0 {
		name += extensions[len(extensions)-1]
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Content-Length", strconv.FormatInt(item.Size, 10))
	w.Header().Set("Cache-Control", "no-store")
	_, err = io.Copy(w, original)
	return err
}
