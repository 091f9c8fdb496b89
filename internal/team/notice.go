package team

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// ToAll is the audience of everybody at work; "queue:" and a code, those who have the skills of that queue.
const ToAll = "all"

const (
	maxNotice      = 600 // characters
	maxNoticeUntil = 7 * 24 * time.Hour
)

// Notice is a supervisor's word to those who work.
type Notice struct {
	ID, ByID string
	// Words are in French or in whatever she wrote; Other in the other language, "" for none.
	Words, Other string
	Urgent       bool
	// MustRead asks each to say that she has read it.
	MustRead bool
	Audience string
	SentAt   int64 // Unix milliseconds, as Until and WithdrawnAt
	Until    int64

	WithdrawnAt int64
	WithdrawnBy string

	keyID  string
	sealed []byte
}

// Runs says whether it still stands.
func (n Notice) Runs(now time.Time) bool { return n.WithdrawnAt == 0 && n.Until > store.Millis(now) }

// Reading is that somebody has read a notice.
type Reading struct {
	StaffID string
	At      int64
}

type noticeWords struct {
	Words string `json:"words"`
	Other string `json:"other,omitempty"`
}

func noticeField(id string) seal.Field {
	return seal.Field{Table: "team_notice", Column: "words_sealed", Row: id, Version: 1}
}

// Send sends a notice to those of its audience, until a time. ID is made by the client: sent again, it changes nothing. It returns
// fault.Invalid "fault.team.notice_id", "fault.team.notice_empty", "fault.team.notice_long" or "fault.team.notice_until".
func (t *Team) Send(ctx context.Context, n Notice) (Notice, error) {
	now := t.now()
	n.Words, n.Other = typed.Text(n.Words), typed.Text(n.Other)
	switch until := store.Time(n.Until); {
	case !store.IsID(n.ID):
		return n, fault.New(fault.Invalid, "fault.team.notice_id")
	case n.Words == "":
		return n, fault.New(fault.Invalid, "fault.team.notice_empty")
	case utf8.RuneCountInString(n.Words) > maxNotice, utf8.RuneCountInString(n.Other) > maxNotice:
		return n, fault.New(fault.Invalid, "fault.team.notice_long", "max", maxNotice)
	case !until.After(now) || until.After(now.Add(maxNoticeUntil)):
		return n, fault.New(fault.Invalid, "fault.team.notice_until", "days", int(maxNoticeUntil/(24*time.Hour)))
	}
	if n.Audience == "" {
		n.Audience = ToAll
	}
	dayID, key, err := t.today(ctx)
	if err != nil {
		return n, err
	}
	plain, err := json.Marshal(noticeWords{n.Words, n.Other})
	if err != nil {
		return n, err
	}
	n.SentAt = store.Millis(now)
	return n, t.db.Tx(ctx, func(tx *store.Tx) error {
		wrote, err := tx.Exec(ctx, `INSERT INTO team_notice (id, day_id, by_id, urgent, must_read, audience, sent_at, until, words_sealed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`, n.ID, dayID, n.ByID, n.Urgent, n.MustRead, n.Audience, n.SentAt, n.Until, key.Seal(noticeField(n.ID), plain))
		if err != nil || wrote == 0 {
			return err
		}
		tx.AfterCommit(func() { t.announce("notice") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.Staff, ID: n.ByID}, "notice.send", "team_notice", n.ID, nil)
	})
}

// Withdraw takes a notice back from every screen; it stays in the history.
func (t *Team) Withdraw(ctx context.Context, id, staffID string) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE team_notice SET withdrawn_at = $2, withdrawn_by = $3 WHERE id = $1 AND withdrawn_at = 0`, id, store.Millis(t.now()), staffID)
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { t.announce("notice") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.Staff, ID: staffID}, "notice.withdraw", "team_notice", id, nil)
	})
}

// Read is her word that she has read a notice. Saying it again, or of what is not there, changes nothing.
func (t *Team) Read(ctx context.Context, id, staffID string) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO team_notice_read (notice_id, staff_id, read_at) SELECT id, $2, $3 FROM team_notice WHERE id = $1 ON CONFLICT DO NOTHING`, id, staffID, store.Millis(t.now()))
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { t.announce("notice") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.Staff, ID: staffID}, "notice.read", "team_notice", id, nil)
	})
}

const selectNotices = `SELECT n.id, n.by_id, n.urgent, n.must_read, n.audience, n.sent_at, n.until, n.withdrawn_at, n.withdrawn_by, n.words_sealed, d.key_id
	FROM team_notice n JOIN team_day d ON d.id = n.day_id`

func scanNotice(r store.Row) (n Notice, err error) {
	return n, r.Scan(&n.ID, &n.ByID, &n.Urgent, &n.MustRead, &n.Audience, &n.SentAt, &n.Until, &n.WithdrawnAt, &n.WithdrawnBy, &n.sealed, &n.keyID)
}

// Standing are the notices that run and that she has not read, the urgent first, then the newest. hers says of an audience
// whether it is hers; what she wrote herself does not stand before her.
func (t *Team) Standing(ctx context.Context, staffID string, hers func(audience string) bool) ([]Notice, error) {
	all, err := t.notices(ctx, ` WHERE n.withdrawn_at = 0 AND n.until > $1 AND n.by_id <> $2
		AND NOT EXISTS (SELECT 1 FROM team_notice_read x WHERE x.notice_id = n.id AND x.staff_id = $2) ORDER BY n.urgent DESC, n.sent_at DESC, n.id`, store.Millis(t.now()), staffID)
	return slices.DeleteFunc(all, func(n Notice) bool { return !hers(n.Audience) }), err
}

// Notices are all that are kept, the newest first.
func (t *Team) Notices(ctx context.Context) ([]Notice, error) {
	return t.notices(ctx, ` ORDER BY n.sent_at DESC, n.id LIMIT 100`)
}

// Readings are who has read each notice, by the notice's id.
func (t *Team) Readings(ctx context.Context) (map[string][]Reading, error) {
	type row struct {
		id string
		Reading
	}
	rows, err := store.All(ctx, t.db, func(r store.Row) (x row, err error) { return x, r.Scan(&x.id, &x.StaffID, &x.At) },
		`SELECT notice_id, staff_id, read_at FROM team_notice_read ORDER BY read_at, staff_id`)
	all := map[string][]Reading{}
	for _, x := range rows {
		all[x.id] = append(all[x.id], x.Reading)
	}
	return all, err
}

func (t *Team) notices(ctx context.Context, where string, args ...any) ([]Notice, error) {
	all, err := store.All(ctx, t.db, scanNotice, selectNotices+where, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var ids []string
	for _, n := range all {
		ids = append(ids, n.keyID)
	}
	keys, err := t.keysOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, n := range all {
		key := keys[n.keyID]
		if key == nil {
			return nil, errors.New("team: the key of a day is gone")
		}
		plain, err := key.Open(noticeField(n.ID), n.sealed)
		if err != nil {
			return nil, err
		}
		var w noticeWords
		if err := json.Unmarshal(plain, &w); err != nil {
			return nil, err
		}
		all[i].Words, all[i].Other, all[i].sealed = w.Words, w.Other, nil
	}
	return all, nil
}
