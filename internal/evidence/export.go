package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/evidence/bundle"
	"vigie/internal/fault"
	"vigie/internal/picture/pdq"
	"vigie/internal/store"
)

// ExportPurposes are for whom the evidence of a file is exported.
var ExportPurposes = []string{"police", "prosecutor", "lawyer", "child", "parent", "other"}

// Export makes the evidence of a file ready to be written as one ZIP (bundle.Write). That it is exported stands in the custody
// of each item, and in the log, before a byte of it can be read. alias says how a member of staff is named in it; reference is
// the file's. It returns fault.Invalid "fault.evidence.purpose" without one of ExportPurposes, "fault.evidence.none" for a file
// without evidence.
func (e *Evidence) Export(ctx context.Context, fileID, reference, purpose, program string, alias func(staffID string) string, by audit.Actor) (bundle.Bundle, error) {
	if !slices.Contains(ExportPurposes, purpose) {
		return bundle.Bundle{}, fault.New(fault.Invalid, "fault.evidence.purpose")
	}
	items, err := e.Items(ctx, fileID)
	if err != nil {
		return bundle.Bundle{}, err
	}
	if len(items) == 0 {
		return bundle.Bundle{}, fault.New(fault.Invalid, "fault.evidence.none")
	}
	if err := e.db.Tx(ctx, func(tx *store.Tx) error {
		for _, item := range items {
			if err := e.custody(ctx, tx, item.ID, "exported", purpose, 0, by); err != nil {
				return err
			}
		}
		if err := e.files.Happened(ctx, tx, fileID, by, "exported", "", purpose); err != nil {
			return err
		}
		return e.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "evidence.exported", Object: "case", ObjectID: fileID, Purpose: purpose})
	}); err != nil {
		return bundle.Bundle{}, err
	}
	chains, err := e.Chains(ctx, fileID)
	if err != nil {
		return bundle.Bundle{}, err
	}
	b := bundle.Bundle{Case: reference, ExportedAt: e.now(), ExportedBy: alias(by.ID), Purpose: purpose, Program: program, Roots: e.roots}
	for _, item := range items {
		piece, err := e.piece(ctx, item, alias)
		if err != nil {
			return bundle.Bundle{}, err
		}
		for _, c := range chains[item.ID] {
			piece.Custody = append(piece.Custody, bundle.Custody{At: store.Time(c.At), Act: c.Act, By: alias(c.Actor.ID), Purpose: c.Purpose})
		}
		b.Items = append(b.Items, piece)
	}
	return b, e.stampBundle(ctx, &b)
}

// stampBundle has the list of all pieces stamped too, as it is handed out. An authority that is away holds up nobody: the README
// of the export says what its lack means.
func (e *Evidence) stampBundle(ctx context.Context, b *bundle.Bundle) error {
	if e.authority == nil {
		return nil
	}
	hash, err := b.Digest(true)
	if err != nil {
		return err
	}
	s, _, err := e.authority.Ask(ctx, hash)
	if err != nil {
		slog.Info("evidence: an export goes without the time stamp of its list", "error", err)
		return nil
	}
	b.Stamp = &s
	return nil
}

// piece is an item as the bundle takes it. What has no file is the text that its digest is of; of a file that nobody may hold
// any more it is that text and the file's hash.
func (e *Evidence) piece(ctx context.Context, item Item, alias func(string) string) (bundle.Item, error) {
	sum, err := hex.DecodeString(item.Content.SHA256)
	if err != nil {
		return bundle.Item{}, err
	}
	piece := bundle.Item{
		ID: item.ID, Kind: item.Kind, Category: item.Category, Capture: "original", Address: item.Content.Address, Platform: item.Content.Platform, Account: item.Content.Account,
		Name: item.Content.Name, TakenAt: store.Time(item.AddedAt), Operator: alias(item.AddedBy), Tool: "Vigie", Statement: item.Content.Statement,
		SHA256: [32]byte(sum), Size: item.Size, MIME: item.Media,
	}
	withheld, err := e.withheld(ctx, item)
	if err != nil {
		return piece, err
	}
	if item.Kind == KindFile && !withheld {
		if h, ok, err := e.hashOf(ctx, item); err != nil {
			return piece, err
		} else if ok {
			piece.PDQ, piece.PDQQuality = h.Forms[pdq.Original].String(), h.Quality
		}
		piece.Open = func() (io.ReadCloser, error) { return e.blobs.Get(ctx, item.blobID, item.Content.Identity) }
		piece.Stamp, err = e.stampOf(ctx, item)
		return piece, err
	}
	piece.Capture, piece.Statement = bundle.NoCapture, item.Content.Text()
	if !withheld {
		if piece.Stamp, err = e.stampOf(ctx, item); err != nil {
			return piece, err
		}
	}
	if withheld { // its hash says which file it is, and nothing of it leaves
		piece.Statement += "withheld: " + item.Media + ", SHA-256 " + item.Content.SHA256 + "\n"
		piece.SHA256 = sha256.Sum256([]byte(piece.Statement))
	}
	piece.Size, piece.MIME = int64(len(piece.Statement)), "text/plain"
	return piece, nil
}

// Chains returns the custody of every item of a file, by item, each the oldest first.
func (e *Evidence) Chains(ctx context.Context, fileID string) (map[string][]Custody, error) {
	all, err := store.All(ctx, e.db, scanCustody, selectCustody+` WHERE item_id IN (SELECT id FROM evidence_item WHERE file_id = $1) ORDER BY at, id`, fileID)
	if err != nil {
		return nil, err
	}
	chains := map[string][]Custody{}
	for _, c := range all {
		chains[c.ItemID] = append(chains[c.ItemID], c)
	}
	return chains, nil
}

const selectCustody = `SELECT id, item_id, at, actor_kind, actor_id, act, purpose, seconds FROM evidence_custody`

func scanCustody(r store.Row) (c Custody, err error) {
	return c, r.Scan(&c.ID, &c.ItemID, &c.At, &c.Actor.Kind, &c.Actor.ID, &c.Act, &c.Purpose, &c.Seconds)
}
