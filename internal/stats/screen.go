package stats

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/spoken"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// Screen is a screen on a wall. It shows the wallboard and can nothing else: no session of a member of staff stands open in a room where
// anybody passes. A member of staff makes a code, somebody types it at the screen within a quarter of an hour, and from then on
// that browser has a cookie of its own until the screen is taken away. Code and cookie are kept as hashes.
type Screen struct {
	ID, Place, MadeBy        string
	MadeAt, OpenedAt, SeenAt int64
	// CodeUntil is until when its code may be typed; of no meaning once it was.
	CodeUntil int64
}

const (
	// codeFor is how long a code may be typed, codeSigns how long it is.
	codeFor   = 15 * time.Minute
	codeSigns = 8
	// mostGuesses wrong codes in guessing are as many as this node hears; more have to wait.
	mostGuesses = 20
	guessing    = 10 * time.Minute
	longestWall = 60
)

// guesses bounds how often codes are guessed at, whoever guesses: a code is typed a few times in a year.
type guesses struct {
	mu    sync.Mutex
	wrong []time.Time
}

// may says whether another one is heard at all.
func (g *guesses) may(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.wrong) > 0 && now.Sub(g.wrong[0]) > guessing {
		g.wrong = g.wrong[1:]
	}
	return len(g.wrong) < mostGuesses
}

func (g *guesses) failed(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = append(g.wrong, now)
}

func hashOf(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// codeOf is a code as it is compared: capitals, without what people put between its parts.
func codeOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(s))
}

// AddScreen makes a screen for a place in the house and returns the code that is typed there. It returns fault.Invalid
// "fault.wall.place" without a place.
func (s *Stats) AddScreen(ctx context.Context, place string, by audit.Actor) (code string, err error) {
	place = typed.Line(place)
	if place == "" || utf8.RuneCountInString(place) > longestWall {
		return "", fault.New(fault.Invalid, "fault.wall.place", "max", longestWall)
	}
	code = spoken.Code(codeSigns)
	now := s.now()
	return code, s.db.Tx(ctx, func(tx *store.Tx) error {
		id := store.NewID()
		if _, err := tx.Exec(ctx, `INSERT INTO wall_screen (id, place, made_at, made_by, code_hash, code_until) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, place, store.Millis(now), by.ID, hashOf(code), store.Millis(now.Add(codeFor))); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "wall.add", Object: "screen", ObjectID: id})
	})
}

// OpenScreen takes the code that was typed at a screen, once, and returns the token of its cookie. It returns fault.NotFound
// "fault.wall.code" for one that is none, was used or is over, and fault.TooMany "fault.wall.guesses" after many.
func (s *Stats) OpenScreen(ctx context.Context, code string) (token string, err error) {
	now := s.now()
	if !s.guesses.may(now) {
		return "", fault.New(fault.TooMany, "fault.wall.guesses")
	}
	token = rand.Text()
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		id, err := store.One(ctx, tx, scanText, `SELECT id FROM wall_screen WHERE code_hash = $1 AND code_until > $2 AND opened_at = 0`, hashOf(codeOf(code)), store.Millis(now))
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.NotFound, "fault.wall.code")
		}
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE wall_screen SET code_hash = NULL, token_hash = $2, opened_at = $3, seen_at = $3 WHERE id = $1 AND opened_at = 0`, id, hashOf(token), store.Millis(now))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "fault.wall.code")
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: audit.System}, Act: "wall.open", Object: "screen", ObjectID: id})
	})
	if fault.Is(err, fault.NotFound) {
		s.guesses.failed(now)
	}
	return token, err
}

// Screen returns the screen of a cookie. It returns fault.Gone "fault.wall.gone" when it was taken away.
func (s *Stats) Screen(ctx context.Context, token string) (Screen, error) {
	if token == "" {
		return Screen{}, fault.New(fault.Gone, "fault.wall.gone")
	}
	w, err := store.One(ctx, s.db, scanScreen, selectScreens+` WHERE token_hash = $1`, hashOf(token))
	if errors.Is(err, store.ErrNoRow) {
		return w, fault.New(fault.Gone, "fault.wall.gone")
	}
	if err != nil {
		return w, err
	}
	if now := s.now(); now.Sub(store.Time(w.SeenAt)) > time.Hour {
		_, err = s.db.Exec(ctx, `UPDATE wall_screen SET seen_at = $2 WHERE id = $1`, w.ID, store.Millis(now))
	}
	return w, err
}

const selectScreens = `SELECT id, place, made_at, made_by, code_until, opened_at, seen_at FROM wall_screen`

func scanScreen(r store.Row) (w Screen, err error) {
	return w, r.Scan(&w.ID, &w.Place, &w.MadeAt, &w.MadeBy, &w.CodeUntil, &w.OpenedAt, &w.SeenAt)
}

// Screens returns all screens; those whose code was never typed in time are not among them.
func (s *Stats) Screens(ctx context.Context) ([]Screen, error) {
	return store.All(ctx, s.db, scanScreen, selectScreens+` WHERE opened_at > 0 OR code_until > $1 ORDER BY place, id`, store.Millis(s.now()))
}

// RemoveScreen takes a screen away: its cookie opens nothing from then on. It returns fault.NotFound "fault.wall.unknown".
func (s *Stats) RemoveScreen(ctx context.Context, id string, by audit.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM wall_screen WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "fault.wall.unknown")
		}
		return s.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "wall.remove", Object: "screen", ObjectID: id})
	})
}
