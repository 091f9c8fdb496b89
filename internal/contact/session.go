package contact

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// A visitor's session is 256 random bits in her cookie; the record keeps their SHA-256 and the one
// contact it opens. It ends with the browser, by quick exit, an hour after the contact closed, or after
// a day.
const (
	sessionLasts     = 24 * time.Hour
	sessionAfterward = time.Hour
	// sessionTrusted is how long a node believes what it remembers of a session when nobody tells it
	// otherwise: an announcement can be lost.
	sessionTrusted = 5 * time.Minute
)

type tokenHash [sha256.Size]byte

var errSessionOver = fault.New(fault.Unauthenticated, "fault.contact.session")

// Session is what a visitor's token opens.
type Session struct {
	ContactID, PersonID string
	Public              string // who she said she is, the contact's: it decides how she is spoken to
	EndsAt              int64
}

type cachedSession struct {
	Session
	generation uint64
	readAt     int64
}

// NewSession makes a session for a contact and returns its token, which is kept nowhere.
func (c *Contacts) NewSession(ctx context.Context, contactID string) (token string, err error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	token = base64.RawURLEncoding.EncodeToString(raw)
	now := c.now()
	hash := tokenHash(sha256.Sum256([]byte(token)))
	wrote, err := c.db.Append(ctx, store.Stmt{
		SQL: `INSERT INTO visitor_session (token_hash, contact_id, made_at, ends_at)
			SELECT $1, id, $3, $4 FROM contact WHERE id = $2 RETURNING contact_id`,
		Args:       []any{hash[:], contactID, store.Millis(now), store.Millis(now.Add(sessionLasts))},
		MustReturn: true,
	})
	if err != nil {
		return "", err
	}
	if !wrote {
		return "", fault.New(fault.NotFound, "fault.contact.unknown")
	}
	return token, nil
}

// Session returns what a token opens, from memory when this node saw it lately. It returns
// fault.Unauthenticated "fault.contact.session" for a token that is unknown, ended or too old.
func (c *Contacts) Session(ctx context.Context, token string) (Session, error) {
	if len(token) != 43 {
		return Session{}, errSessionOver
	}
	hash := tokenHash(sha256.Sum256([]byte(token)))
	now := store.Millis(c.now())
	if s, ok := c.sessions.get(hash); ok && now-s.readAt < sessionTrusted.Milliseconds() && c.revoked(s.ContactID) <= s.generation {
		if now >= s.EndsAt {
			return Session{}, errSessionOver
		}
		return s.Session, nil
	}
	return c.readSession(ctx, hash, now)
}

// SessionNow is Session by the record alone, for whoever has just heard that one of a contact's ended:
// on another node its memory may hear so a moment later. Faults of Session.
func (c *Contacts) SessionNow(ctx context.Context, token string) (Session, error) {
	return c.readSession(ctx, tokenHash(sha256.Sum256([]byte(token))), store.Millis(c.now()))
}

func (c *Contacts) readSession(ctx context.Context, hash tokenHash, now int64) (Session, error) {
	generation := c.generation.Load() // before the reading: what ends while we read must be read again
	s, err := store.One(ctx, c.db, func(r store.Row) (Session, error) {
		var s Session
		return s, r.Scan(&s.ContactID, &s.PersonID, &s.Public, &s.EndsAt)
	}, `SELECT s.contact_id, c.person_id, c.public, s.ends_at FROM visitor_session s JOIN contact c ON c.id = s.contact_id
		WHERE s.token_hash = $1`, hash[:])
	if errors.Is(err, store.ErrNoRow) || err == nil && now >= s.EndsAt {
		c.sessions.drop(hash)
		return Session{}, errSessionOver
	}
	if err != nil {
		return Session{}, err
	}
	c.sessions.put(hash, cachedSession{Session: s, generation: generation, readAt: now})
	return s, nil
}

// EndSession ends one session, on every node.
func (c *Contacts) EndSession(ctx context.Context, token string) error {
	hash := tokenHash(sha256.Sum256([]byte(token)))
	c.sessions.drop(hash)
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		id, err := store.One(ctx, tx, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) },
			`DELETE FROM visitor_session WHERE token_hash = $1 RETURNING contact_id`, hash[:])
		if errors.Is(err, store.ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { c.revoke(id) })
		return nil
	})
}

// endSessions ends every session of a contact.
func (c *Contacts) endSessions(ctx context.Context, tx *store.Tx, contactID string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM visitor_session WHERE contact_id = $1`, contactID); err != nil {
		return err
	}
	tx.AfterCommit(func() { c.revoke(contactID) })
	return nil
}

// shortenSessions leaves a closed contact's sessions an hour, for the last page and its question.
func (c *Contacts) shortenSessions(ctx context.Context, tx *store.Tx, contactID string) error {
	until := store.Millis(c.now().Add(sessionAfterward))
	n, err := tx.Exec(ctx, `UPDATE visitor_session SET ends_at = $2 WHERE contact_id = $1 AND ends_at > $2`, contactID, until)
	if err != nil {
		return err
	}
	if n > 0 {
		tx.AfterCommit(func() { c.revoke(contactID) })
	}
	return nil
}

// revoke has every node read the sessions of a contact again.
func (c *Contacts) revoke(contactID string) {
	c.forgetSessions(contactID)
	c.bus.Publish("contact."+contactID+".session", []byte("{}"))
}

// forgetSessions makes what this node remembers of a contact's sessions too old to be believed.
func (c *Contacts) forgetSessions(contactID string) {
	c.revocations.put(contactID, c.generation.Add(1))
}

func (c *Contacts) revoked(contactID string) uint64 {
	at, _ := c.revocations.get(contactID)
	return at
}

// subjectID is the id in "contact.<id>.state".
func subjectID(subject string) string {
	parts := strings.SplitN(subject, ".", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}
