package staff

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Session is a browser in which somebody is logged in.
type Session struct {
	ID       string
	PersonID string
	// How she logged in: "password", "password-code", "password-recovery", "passkey", "operator".
	How string
	// Device is a summary such as "Chrome/Linux"; no address is kept.
	Device string
	// SeenAt is exact to a minute.
	CreatedAt, SeenAt time.Time
	// EndsAt is when it ends whatever happens.
	EndsAt time.Time
	// ConfirmedAt is when she last showed who she is, at log-in or by Confirm.
	ConfirmedAt time.Time
	// Needs is what she must do before anything else; until then her role is Pending.
	Needs Need
}

// Need is what stands between a session and its rights.
type Need string

// What a session may need.
const (
	NeedNothing  Need = ""
	NeedPassword Need = "password" // choose a password of her own: this one was given to her
	NeedFactor   Need = "factor"   // enrol a passkey or a code generator: the house asks for it
)

const (
	// freshFor is how long a log-in or Confirm counts as recent enough to change how one logs in, so that a
	// screen left open does not become somebody else's passkey (ASVS 5.0 V7.5.1).
	freshFor = 15 * time.Minute
	// seenEvery is how often at most a use is written down.
	seenEvery = time.Minute
	tokenSize = 32
)

// Fresh says whether she showed who she is recently enough, at now, to change her factors.
func (s Session) Fresh(now time.Time) bool { return now.Sub(s.ConfirmedAt) <= freshFor }

// fresh returns fault.Forbidden "fault.staff.confirm" when she must first Confirm.
func (s *Staff) fresh(session Session) error {
	if !session.Fresh(s.o.Now()) {
		return fault.New(fault.Forbidden, "fault.staff.confirm")
	}
	return nil
}

// newToken returns 256 random bits, as the browser keeps them and as we do.
func newToken() (token string, hash [32]byte) {
	raw := make([]byte, tokenSize)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw), sha256.Sum256(raw)
}

// hashToken returns what we know of a token; false for what no newToken returned.
func hashToken(token string) (hash [32]byte, ok bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenSize) {
		return hash, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenSize {
		return hash, false
	}
	return sha256.Sum256(raw), true
}

// OpenSession logs a person in without asking her anything: for a caller that has made sure in another
// way (a test server, a log-in by another system). how goes into the log.
//
// fault.NotFound "fault.staff.unknown", also for somebody inactive.
func (s *Staff) OpenSession(ctx context.Context, personID, how, device string) (token string, session Session, err error) {
	a, err := s.account(ctx, s.db, personID)
	if err == nil && !a.Active {
		err = fault.New(fault.NotFound, "fault.staff.unknown")
	}
	if err != nil {
		return "", Session{}, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		token, session, err = s.openSession(ctx, tx, a, how, device)
		return err
	})
	return token, session, err
}

func (s *Staff) openSession(ctx context.Context, tx *store.Tx, a account, how, device string) (string, Session, error) {
	token, hash := newToken()
	now := s.o.Now()
	r := sessionRow{
		Session: Session{ID: store.NewID(), PersonID: a.ID, How: how, Device: device},
		created: store.Millis(now), seen: store.Millis(now), confirmed: store.Millis(now), account: a,
	}
	if _, err := tx.Exec(ctx, insertSession, r.ID, a.ID, hash[:], a.epoch, how, device, r.created, r.seen, r.confirmed); err != nil {
		return "", Session{}, err
	}
	if err := s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.login", a.ID, "how", how, "session", r.ID)); err != nil {
		return "", Session{}, err
	}
	return token, s.fill(r).session, nil
}

// sessionRow is a session with its person, as they were read.
type sessionRow struct {
	Session
	created, seen, confirmed int64
	account                  account
}

// fill turns a row into what callers see.
func (s *Staff) fill(r sessionRow) *live {
	session := r.Session
	session.CreatedAt, session.SeenAt, session.ConfirmedAt = store.Time(r.created), store.Time(r.seen), store.Time(r.confirmed)
	session.EndsAt = session.CreatedAt.Add(s.o.Absolute)
	session.Needs = s.needs(r.account)
	person := r.account.Person
	if session.Needs != NeedNothing {
		person.Roles = []Role{Pending}
	}
	return &live{session: session, person: person}
}

func (s *Staff) needs(a account) Need {
	switch {
	case a.given:
		return NeedPassword
	case s.o.SecondFactor && !a.hasTOTP && !a.hasPasskey:
		return NeedFactor
	}
	return NeedNothing
}

// Lookup returns the session of a token and its person, without her real name, and counts as a use of
// the session. It costs a statement every few seconds, not every time: what another node took away is
// gone when its announcement arrives, and at the latest after that.
//
// fault.Unauthenticated "fault.staff.session_over" for a token that is unknown, expired or revoked.
func (s *Staff) Lookup(ctx context.Context, token string) (Session, Person, error) {
	return s.lookup(ctx, token, true)
}

// Peek is Lookup without counting as a use: for what a page does by itself.
func (s *Staff) Peek(ctx context.Context, token string) (Session, Person, error) {
	return s.lookup(ctx, token, false)
}

func (s *Staff) lookup(ctx context.Context, token string, use bool) (Session, Person, error) {
	over := fault.New(fault.Unauthenticated, "fault.staff.session_over")
	hash, ok := hashToken(token)
	if !ok {
		return Session{}, Person{}, over
	}
	l := s.cache.session(hash)
	if l == nil {
		ticket := s.cache.ticket()
		row, err := store.One(ctx, s.db, scanSession, selectSession, hash[:])
		if errors.Is(err, store.ErrNoRow) {
			return Session{}, Person{}, over
		}
		if err != nil {
			return Session{}, Person{}, fmt.Errorf("staff: looking a session up: %w", err)
		}
		l = s.fill(row)
		s.cache.putSession(ticket, hash, l)
	}
	now := s.o.Now()
	session, write, alive := l.at(now, s.o.Idle, use)
	if !alive {
		s.cache.dropSession(hash)
		if _, err := s.db.Exec(ctx, deleteOldSession, session.ID, store.Millis(now.Add(-s.o.Idle)), store.Millis(now.Add(-s.o.Absolute))); err != nil {
			s.complain(err)
		}
		return Session{}, Person{}, over
	}
	if write {
		if _, err := s.db.Exec(ctx, touchSession, session.ID, store.Millis(now), store.Millis(now.Add(-seenEvery))); err != nil {
			// The session is good whether or not this could be written; the next use tries again.
			l.unseen(session.SeenAt)
			s.complain(err)
		}
	}
	return session, l.person, nil
}

// Sessions lists a person's live sessions, the last used first.
func (s *Staff) Sessions(ctx context.Context, personID string) ([]Session, error) {
	now := s.o.Now()
	rows, err := store.All(ctx, s.db, scanSession, selectSessionsOf, personID, store.Millis(now.Add(-s.o.Idle)), store.Millis(now.Add(-s.o.Absolute)))
	if err != nil {
		return nil, fmt.Errorf("staff: sessions: %w", err)
	}
	sessions := make([]Session, len(rows))
	for i, r := range rows {
		sessions[i] = s.fill(r).session
	}
	return sessions, nil
}

// Revoke ends one session: logging out, or a browser that was left somewhere. One that is over already
// is no error.
func (s *Staff) Revoke(ctx context.Context, personID, sessionID string, by audit.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, deleteSession, sessionID, personID)
		if err != nil || n == 0 {
			return err
		}
		s.tell(tx, personID, whatSession)
		return s.trail.Record(ctx, tx, entry(by, "staff.logout", personID, "session", sessionID))
	})
}

// RevokeAll ends all of a person's sessions but one ("" for none), and what she has begun elsewhere.
// fault.NotFound "fault.staff.unknown".
func (s *Staff) RevokeAll(ctx context.Context, personID, keepSession string, by audit.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, personID)
		if err != nil {
			return err
		}
		if err := s.endSessions(ctx, tx, a, keepSession); err != nil {
			return err
		}
		return s.trail.Record(ctx, tx, entry(by, "staff.logout_all", personID))
	})
}

// endSessions begins a person's next epoch: sessions and half log-ins of the one before are over, also
// those that are being written at this moment on another node. keepSession goes on.
func (s *Staff) endSessions(ctx context.Context, tx *store.Tx, a account, keepSession string) error {
	if _, err := tx.Exec(ctx, nextEpoch, a.ID); err != nil {
		return err
	}
	if keepSession != "" {
		if _, err := tx.Exec(ctx, keepSessionSQL, keepSession, a.ID, a.epoch); err != nil {
			return err
		}
	}
	for _, query := range []string{deleteOtherSessions, deleteOtherCeremonies} {
		if _, err := tx.Exec(ctx, query, a.ID, a.epoch+1); err != nil {
			return err
		}
	}
	s.tell(tx, a.ID, whatSession)
	return nil
}

// Confirm has a person who is logged in show her password again, before she changes how she logs in.
//
// fault.Unauthenticated "fault.staff.password_wrong", fault.TooMany "fault.staff.wait".
func (s *Staff) Confirm(ctx context.Context, session Session, password, network string) error {
	a, err := s.proven(ctx, session.PersonID, password, network)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, confirmSession, session.ID, a.ID, store.Millis(s.o.Now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Unauthenticated, "fault.staff.session_over")
		}
		s.tell(tx, a.ID, whatSession)
		return s.trail.Record(ctx, tx, entry(herself(a.ID), "staff.confirm", a.ID))
	})
}
