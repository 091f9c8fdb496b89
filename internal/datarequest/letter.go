package datarequest

import (
	"context"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/paper"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// LetterKinds are what a letter says: who are you; it takes longer; we say to nobody whether somebody contacted us; here is your
// copy; it is being erased; what else you asked for is done; no, and why.
var LetterKinds = []string{"identity", "extension", "neither", Access, Erasure, "other", "refusal"}

// answers and refusals are the letters of which one must be sent before a request is answered, or refused.
var (
	answers  = []string{Access, Erasure, "other"}
	refusals = []string{"refusal", "neither"}
)

// Letter is a letter to who asks. It is written from the data of the request, changed by the officer, printed and sent.
type Letter struct {
	ID, RequestID string
	Kind, Lang    string
	Rev           int64
	WrittenAt     int64
	WrittenBy     string
	// SentOn is the day that it went, "" while it has not.
	SentOn string
	SentBy string
	Text   string

	keyID  string
	sealed []byte
}

// maxLetter bounds a letter, in characters.
const maxLetter = 20_000

func letterField(id string) seal.Field {
	return seal.Field{Table: "data_request_letter", Column: "text_sealed", Row: id, Version: 1}
}

// Draft is the text of a letter, from what the request itself says. A letter that says neither yes nor no reads nothing else: it is
// the same whether a child contacted us or not.
func (r *Requests) Draft(req Request, kind, lang string) string {
	words := r.o.Words(lang, req.Who != Young)
	if kind == "neither" && req.Who == "authority" {
		kind = "authority"
	}
	args := []any{"house", r.o.House, "reference", req.Reference, "received", words.Date(day(req.ReceivedOn)), "due", words.Date(day(req.DueOn)),
		"what", words.T("request.letter.what." + req.Kind), "why", req.Content.Extension}
	text := words.T("request.letter."+kind, args...)
	if kind == "refusal" {
		ground := words.T("request.letter.no_ground")
		if req.Ground != "" {
			ground = words.T("request.letter.ground." + req.Ground)
		}
		text += "\n\n" + ground
	}
	if kind == "refusal" || kind == "neither" || kind == "authority" {
		text += "\n\n" + words.T("request.letter.remedies")
	}
	return words.T("request.letter.greeting") + "\n\n" + text + "\n\n" + words.T("request.letter.closing", args...)
}

// day is midnight of a day of the calendar.
func day(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text)
	return t.Add(12 * time.Hour) // the same day in every zone of Europe
}

// WriteLetter begins a letter of a kind in a language. id is made by the client: sent again, it changes nothing. ground fills in the
// reasons of a refusal, "" for none yet. It returns fault.Invalid "fault.request.letter_kind", "fault.request.lang" or
// "fault.request.ground".
func (r *Requests) WriteLetter(ctx context.Context, id string, rev int64, letterID, kind, lang, ground string, by audit.Actor) error {
	switch {
	case !slices.Contains(LetterKinds, kind):
		return fault.New(fault.Invalid, "fault.request.letter_kind")
	case lang != "fr" && lang != "en":
		return fault.New(fault.Invalid, "fault.request.lang")
	case kind == "refusal" && !slices.Contains(Grounds, ground):
		return fault.New(fault.Invalid, "fault.request.ground")
	case !store.IsID(letterID):
		return fault.New(fault.Invalid, "fault.request.id")
	}
	return r.act(ctx, id, rev, "", by, func(s *step) error {
		s.kind, s.code = "letter", kind
		return r.write(ctx, s, letterID, kind, lang, ground, by)
	})
}

func (r *Requests) write(ctx context.Context, s *step, letterID, kind, lang, ground string, by audit.Actor) error {
	req := s.r
	req.Ground = ground
	_, err := s.tx.Exec(ctx, `INSERT INTO data_request_letter (id, request_id, key_id, kind, lang, written_at, written_by, text_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO NOTHING`, letterID, req.ID, s.key.ID(), kind, lang, store.Millis(r.now()), by.ID, s.key.SealText(letterField(letterID), r.Draft(req, kind, lang)))
	return err
}

// SaveLetter writes a letter anew. It returns fault.Invalid "fault.request.empty" or "fault.request.long", fault.Conflict
// "fault.request.changed" when somebody wrote it meanwhile, "fault.request.letter_sent" for one that is gone.
func (r *Requests) SaveLetter(ctx context.Context, requestID, letterID string, rev int64, text string, by audit.Actor) error {
	if text = typed.Text(text); text == "" {
		return fault.New(fault.Invalid, "fault.request.empty")
	}
	if utf8.RuneCountInString(text) > maxLetter {
		return fault.New(fault.Invalid, "fault.request.long", "max", maxLetter)
	}
	return r.changeLetter(ctx, requestID, letterID, rev, func(tx *store.Tx, l Letter, key *seal.Key) (int64, error) {
		return tx.Exec(ctx, `UPDATE data_request_letter SET rev = rev + 1, written_at = $3, written_by = $4, text_sealed = $5 WHERE id = $1 AND rev = $2`,
			letterID, rev, store.Millis(r.now()), by.ID, key.SealText(letterField(letterID), text))
	})
}

// LetterSent says on which day a letter went; from then on it is never changed. It returns fault.Invalid "fault.request.sent_on" for a
// day that is to come, or before the request; otherwise as SaveLetter.
func (r *Requests) LetterSent(ctx context.Context, requestID, letterID string, rev int64, on string, by audit.Actor) error {
	req, err := r.Get(ctx, requestID)
	if err != nil {
		return err
	}
	if d, err := time.Parse(time.DateOnly, on); err != nil || on > r.today() || on < req.ReceivedOn || d.IsZero() {
		return fault.New(fault.Invalid, "fault.request.sent_on")
	}
	return r.changeLetter(ctx, requestID, letterID, rev, func(tx *store.Tx, l Letter, _ *seal.Key) (int64, error) {
		n, err := tx.Exec(ctx, `UPDATE data_request_letter SET rev = rev + 1, sent_on = $3, sent_by = $4 WHERE id = $1 AND rev = $2`, letterID, rev, on, by.ID)
		if err != nil || n == 0 {
			return n, err
		}
		return n, r.happened(ctx, tx, requestID, by, "letter_sent", l.Kind)
	})
}

func (r *Requests) changeLetter(ctx context.Context, requestID, letterID string, rev int64, change func(tx *store.Tx, l Letter, key *seal.Key) (int64, error)) error {
	before, err := r.Letter(ctx, requestID, letterID)
	if err != nil {
		return err
	}
	key, err := r.keys.Key(ctx, before.keyID)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		l, err := r.letter(ctx, tx, requestID, letterID)
		switch {
		case err != nil:
			return err
		case l.SentOn != "":
			return fault.New(fault.Conflict, "fault.request.letter_sent")
		case l.Rev != rev:
			return fault.New(fault.Conflict, "fault.request.changed")
		}
		n, err := change(tx, l, key)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "fault.request.changed")
		}
		return err
	})
}

const selectLetter = `SELECT id, request_id, key_id, kind, lang, rev, written_at, written_by, sent_on, sent_by, text_sealed FROM data_request_letter`

func scanLetter(row store.Row) (l Letter, err error) {
	return l, row.Scan(&l.ID, &l.RequestID, &l.keyID, &l.Kind, &l.Lang, &l.Rev, &l.WrittenAt, &l.WrittenBy, &l.SentOn, &l.SentBy, &l.sealed)
}

// Letter returns a letter of a request. It returns fault.NotFound "fault.request.unknown" when there is none.
func (r *Requests) Letter(ctx context.Context, requestID, letterID string) (Letter, error) {
	return r.letter(ctx, r.db, requestID, letterID)
}

func (r *Requests) letter(ctx context.Context, q store.Querier, requestID, letterID string) (Letter, error) {
	l, err := store.One(ctx, q, scanLetter, selectLetter+` WHERE id = $1 AND request_id = $2`, letterID, requestID)
	if errors.Is(err, store.ErrNoRow) {
		return Letter{}, fault.New(fault.NotFound, "fault.request.unknown")
	}
	if err != nil {
		return Letter{}, err
	}
	return l, r.openLetter(ctx, &l)
}

func (r *Requests) openLetter(ctx context.Context, l *Letter) error {
	key, err := r.keys.Key(ctx, l.keyID)
	if err != nil {
		return err
	}
	l.Text, err = key.OpenText(letterField(l.ID), l.sealed)
	return err
}

// Letters returns the letters of a request, the oldest first.
func (r *Requests) Letters(ctx context.Context, requestID string) ([]Letter, error) {
	all, err := store.All(ctx, r.db, scanLetter, selectLetter+` WHERE request_id = $1 ORDER BY written_at, id`, requestID)
	for i := range all {
		err = errors.Join(err, r.openLetter(ctx, &all[i]))
	}
	return all, err
}

// told refuses a move that wants a letter of some kinds to be sent: fault.Invalid "fault.request.no_letter".
func (r *Requests) told(ctx context.Context, s *step, kinds []string) error {
	sent, err := store.All(ctx, s.tx, scanText, `SELECT kind FROM data_request_letter WHERE request_id = $1 AND sent_on <> ''`, s.r.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(sent, func(kind string) bool { return slices.Contains(kinds, kind) }) {
		return fault.New(fault.Invalid, "fault.request.no_letter")
	}
	return nil
}

// LetterPDF is a letter on paper.
func (r *Requests) LetterPDF(req Request, l Letter) ([]byte, error) {
	words := r.o.Words(l.Lang, req.Who != Young)
	d := paper.Document{Lang: l.Lang, Title: words.T("request.letter.title", "reference", req.Reference), Author: r.o.House, Header: r.o.House,
		Footer: words.T("request.letter.title", "reference", req.Reference), Page: words.T("print.page", "page", "{page}", "pages", "{pages}"), Missing: words.T("print.missing"), At: r.now()}
	if req.Content.Name != "" || req.Content.Address != "" {
		d.Text(typed.Text(req.Content.Name + "\n" + req.Content.Address))
	}
	d.Head(d.Title)
	d.Small(words.Date(r.now()))
	d.Text(l.Text)
	return d.PDF()
}
