package takedown

import (
	"context"
	"encoding/json"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Part is one address of a notice, as a notice of its own: whose it is and what, as its address says.
type Part struct {
	ID                           string
	Address, Kind, Account, Item string
}

// Split makes one draft an address of a draft with several: an API takes a notice about one thing, and a network decides of each
// apart. parts are its addresses in their order, the first with the id of the draft itself. What was said before stays said: the
// child's yes and the police were about all of them. A statement that somebody wrote stays; one made of the facts is made anew.
// rev is the one that was seen; split again, nothing changes. It returns fault.Conflict "fault.takedown.changed" for what is no
// draft of these addresses any more.
func (t *Takedown) Split(ctx context.Context, id string, rev int64, parts []Part, by audit.Actor) error {
	before, err := t.Notice(ctx, id)
	if err != nil {
		return err
	}
	if len(parts) < 2 || parts[0].ID != id {
		return changed()
	}
	return t.files.Write(ctx, before.FileID, func(tx *store.Tx, _ casefile.File, key *seal.Key) error {
		n, err := t.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if n.State != Draft || n.Rev != rev || !slices.EqualFunc(n.Content.Addresses, parts, func(address string, p Part) bool { return address == p.Address }) {
			return changed()
		}
		made := !t.Written(n)
		for _, p := range parts {
			if err := t.part(ctx, tx, key, n, p, made); err != nil {
				return err
			}
			if p.ID == id {
				continue
			}
			if err := t.happened(ctx, tx, Notice{ID: p.ID, FileID: n.FileID}, by, "notice_drafted", n.Platform); err != nil {
				return err
			}
		}
		return nil
	})
}

// part writes one address of a draft as a draft of its own.
func (t *Takedown) part(ctx context.Context, tx *store.Tx, key *seal.Key, n Notice, p Part, made bool) error {
	if !store.IsID(p.ID) {
		return fault.New(fault.Invalid, "fault.case.id")
	}
	c := n.Content
	c.Addresses, c.Account, c.Item = []string{p.Address}, p.Account, p.Item
	if made {
		c.Statement = t.statement(Drafting{Platform: n.Platform, Kind: p.Kind, Ground: n.Ground, Minor: n.Minor, Content: c})
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sealed := key.Seal(contentField(p.ID), plain)
	whole := n
	whole.Content = c
	if p.ID == n.ID {
		_, err = tx.Exec(ctx, `UPDATE takedown_notice SET rev = rev + 1, kind = $2, key_id = $3, content_sealed = $4, whole = $5 WHERE id = $1`, n.ID, p.Kind, key.ID(), sealed, t.whole(whole))
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO takedown_notice (id, file_id, key_id, number, state, platform, kind, ground, route, minor, consent, consent_by, police, drafted_at, drafted_by, due_at, content_sealed, whole)
		VALUES ($1, $2, $3, (SELECT coalesce(max(number), 0) + 1 FROM takedown_notice WHERE file_id = $2), 'draft', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		p.ID, n.FileID, key.ID(), n.Platform, p.Kind, n.Ground, n.Route, n.Minor, n.Consent, n.ConsentBy, n.Police, n.DraftedAt, n.DraftedBy, n.DueAt, sealed, t.whole(whole))
	return err
}

// OneByOne are the APIs that could be told of a notice of several addresses, were it one notice an address.
func (t *Takedown) OneByOne(ctx context.Context, n Notice) ([]string, error) {
	if len(n.Content.Addresses) < 2 {
		return nil, nil
	}
	n.Content.Addresses = n.Content.Addresses[:1]
	return t.apis(ctx, n)
}
