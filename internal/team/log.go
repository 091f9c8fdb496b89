package team

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

const maxMessage = 2000 // characters

// Message is what a colleague wrote in the team room. Times are Unix milliseconds.
type Message struct {
	ID, ByID string
	Words    string
	// Mentions are the ids of the colleagues she named.
	Mentions []string
	SentAt   int64
	// RemovedAt is when it was taken away, by her or a supervisor; its words are gone then.
	RemovedAt int64
	RemovedBy string

	keyID  string
	sealed []byte
}

// Names says whether she names somebody.
func (m Message) Names(staffID string) bool { return slices.Contains(m.Mentions, staffID) }

type messageWords struct {
	Words    string   `json:"words"`
	Mentions []string `json:"mentions,omitempty"`
}

func messageField(id string) seal.Field {
	return seal.Field{Table: "team_message", Column: "words_sealed", Row: id, Version: 1}
}

// Say writes into the team room. ID is made by the client: said again, it changes nothing. It returns fault.Invalid "fault.team.say_id",
// "fault.team.say_empty" or "fault.team.say_long".
func (t *Team) Say(ctx context.Context, m Message) (Message, error) {
	m.Words = typed.Text(m.Words)
	switch {
	case !store.IsID(m.ID):
		return m, fault.New(fault.Invalid, "fault.team.say_id")
	case m.Words == "":
		return m, fault.New(fault.Invalid, "fault.team.say_empty")
	case utf8.RuneCountInString(m.Words) > maxMessage:
		return m, fault.New(fault.Invalid, "fault.team.say_long", "max", maxMessage)
	}
	dayID, key, err := t.today(ctx)
	if err != nil {
		return m, err
	}
	plain, err := json.Marshal(messageWords{m.Words, m.Mentions})
	if err != nil {
		return m, err
	}
	m.SentAt = store.Millis(t.now())
	return m, t.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO team_message (id, day_id, by_id, sent_at, words_sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			m.ID, dayID, m.ByID, m.SentAt, key.Seal(messageField(m.ID), plain))
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { t.announce("log") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.Staff, ID: m.ByID}, "team.say", "team_message", m.ID, nil)
	})
}

// Remove takes a message away: she who wrote it, or a supervisor. That there was one stays, and who took it away. It returns
// fault.NotFound "fault.team.say_unknown", fault.Forbidden "fault.team.say_others".
func (t *Team) Remove(ctx context.Context, id, staffID string, supervising bool) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		by, err := store.One(ctx, tx, func(r store.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT by_id FROM team_message WHERE id = $1`, id)
		switch {
		case errors.Is(err, store.ErrNoRow):
			return fault.New(fault.NotFound, "fault.team.say_unknown")
		case err != nil:
			return err
		case by != staffID && !supervising:
			return fault.New(fault.Forbidden, "fault.team.say_others")
		}
		n, err := tx.Exec(ctx, `UPDATE team_message SET removed_at = $2, removed_by = $3, words_sealed = NULL WHERE id = $1 AND removed_at = 0`, id, store.Millis(t.now()), staffID)
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(func() { t.announce("log") })
		return t.record(ctx, tx, audit.Actor{Kind: audit.Staff, ID: staffID}, "team.remove", "team_message", id, nil)
	})
}

const selectMessages = `SELECT m.id, m.by_id, m.sent_at, m.removed_at, m.removed_by, m.words_sealed, d.key_id FROM team_message m JOIN team_day d ON d.id = m.day_id`

func scanMessage(r store.Row) (m Message, err error) {
	return m, r.Scan(&m.ID, &m.ByID, &m.SentAt, &m.RemovedAt, &m.RemovedBy, &m.sealed, &m.keyID)
}

// Messages are the latest so many of the room that are older than a time (0: all), the oldest first.
func (t *Team) Messages(ctx context.Context, before int64, most int) ([]Message, error) {
	if before == 0 {
		before = 1 << 62
	}
	all, err := store.All(ctx, t.db, scanMessage, selectMessages+` WHERE m.sent_at < $1 ORDER BY m.sent_at DESC, m.id DESC LIMIT $2`, before, int64(most))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	slices.Reverse(all)
	var ids []string
	for _, m := range all {
		ids = append(ids, m.keyID)
	}
	keys, err := t.keysOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, m := range all {
		if m.RemovedAt > 0 {
			continue
		}
		key := keys[m.keyID]
		if key == nil {
			return nil, errors.New("team: the key of a day is gone")
		}
		plain, err := key.Open(messageField(m.ID), m.sealed)
		if err != nil {
			return nil, err
		}
		var w messageWords
		if err := json.Unmarshal(plain, &w); err != nil {
			return nil, err
		}
		all[i].Words, all[i].Mentions, all[i].sealed = w.Words, w.Mentions, nil
	}
	return all, nil
}

// Unread is how many messages of others she has not seen, and how far she had read.
func (t *Team) Unread(ctx context.Context, staffID string) (n int, since int64, err error) {
	type row struct{ n, since int64 }
	x, err := store.One(ctx, t.db, func(r store.Row) (x row, err error) { return x, r.Scan(&x.n, &x.since) },
		`SELECT count(*), COALESCE((SELECT seen_at FROM team_mark WHERE staff_id = $1), 0) FROM team_message
			WHERE removed_at = 0 AND by_id <> $1 AND sent_at > COALESCE((SELECT seen_at FROM team_mark WHERE staff_id = $1), 0)`, staffID)
	return int(x.n), x.since, err
}

// Mark says that she has read the room up to a time; it never goes back.
func (t *Team) Mark(ctx context.Context, staffID string, upTo int64) error {
	_, err := t.db.Exec(ctx, `INSERT INTO team_mark (staff_id, seen_at) VALUES ($1, $2) ON CONFLICT (staff_id) DO UPDATE SET seen_at = $2 WHERE team_mark.seen_at < $2`, staffID, upTo)
	return err
}
