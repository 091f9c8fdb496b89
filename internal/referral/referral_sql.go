package referral

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

func contentField(id string) seal.Field {
	return seal.Field{Table: "referral", Column: "content_sealed", Row: id, Version: 1}
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

const selectReferral = `SELECT id, file_id, key_id, rev, state, state_since, last_event, last_by, partner, channel, consent, receipt, made_at, made_by, called_at, decided_at, decided_by,
	read_at, read_by, sent_at, sent_by, acknowledged_at, send_due, chase_due, chases, send_task, chase_task, content_sealed FROM referral`

func scanReferral(r store.Row) (f Referral, err error) {
	return f, r.Scan(&f.ID, &f.FileID, &f.keyID, &f.Rev, &f.State, &f.StateSince, &f.lastEvent, &f.lastBy, &f.Partner, &f.Channel, &f.Consent, &f.receipt, &f.MadeAt, &f.MadeBy, &f.CalledAt, &f.DecidedAt, &f.DecidedBy,
		&f.ReadAt, &f.ReadBy, &f.SentAt, &f.SentBy, &f.AcknowledgedAt, &f.SendDue, &f.ChaseDue, &f.Chases, &f.sendTask, &f.chaseTask, &f.sealed)
}

// Get returns a referral. It returns fault.NotFound "fault.referral.unknown" when there is none.
func (r *Referrals) Get(ctx context.Context, id string) (Referral, error) {
	return r.one(ctx, selectReferral+` WHERE id = $1`, id)
}

// ByReceipt returns the referral that has a receipt, however it was typed.
func (r *Referrals) ByReceipt(ctx context.Context, typed string) (Referral, error) {
	lookup := strings.Map(func(c rune) rune {
		if c == '-' || c == ' ' {
			return -1
		}
		return c
	}, strings.ToUpper(typed))
	return r.one(ctx, selectReferral+` WHERE receipt = $1`, lookup)
}

func (r *Referrals) one(ctx context.Context, query string, args ...any) (Referral, error) {
	f, err := store.One(ctx, r.db, scanReferral, query, args...)
	if errors.Is(err, store.ErrNoRow) {
		return Referral{}, fault.New(fault.NotFound, "fault.referral.unknown")
	}
	if err != nil {
		return f, err
	}
	return f, r.unseal(ctx, &f)
}

func (r *Referrals) unseal(ctx context.Context, f *Referral) error {
	key, err := r.keys.Key(ctx, f.keyID)
	if err != nil {
		return err
	}
	plain, err := key.Open(contentField(f.ID), f.sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, &f.Content)
}

// Of returns the referrals of a file, the newest first.
func (r *Referrals) Of(ctx context.Context, fileID string) ([]Referral, error) {
	return store.All(ctx, r.db, scanReferral, selectReferral+` WHERE file_id = $1 ORDER BY made_at DESC, id DESC`, fileID)
}

// Due returns, without what is sealed, the referrals whose paper has to be gone or whose partner has to be asked again by
// a time, the longest first.
func (r *Referrals) Due(ctx context.Context, by time.Time) ([]Referral, error) {
	return store.All(ctx, r.db, scanReferral, selectReferral+` WHERE state IN ('draft', 'decided') AND send_due > 0 AND send_due <= $1 OR state = 'sent' AND chase_due > 0 AND chase_due <= $1
		ORDER BY CASE WHEN state = 'sent' THEN chase_due ELSE send_due END, id LIMIT 200`, store.Millis(by))
}

// Unread returns, without what is sealed, the decisions not to refer that wait for a second reader, the longest first.
func (r *Referrals) Unread(ctx context.Context) ([]Referral, error) {
	return store.All(ctx, r.db, scanReferral, selectReferral+` WHERE state = 'declined' ORDER BY state_since, id LIMIT 200`)
}
