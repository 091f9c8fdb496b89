package referral

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/spoken"
	"vigie/internal/store"
)

// Link is a sealed envelope that waits for its partner. Its code is told by another way than the link.
type Link struct {
	Token string
	// Code is what opens it, "7K4M-29AC"; "" once it was fetched.
	Code      string
	MadeAt    int64
	Until     int64
	Failures  int64
	FetchedAt int64
	RevokedAt int64

	referralID, keyID  string
	codeSealed, sealed []byte
}

const (
	// linkFor is how long a link waits.
	linkFor = 72 * time.Hour
	// tries is how many wrong codes a link bears: of 11 billion codes, so few open nothing.
	tries = 10
	// codeSigns is how long a code is, without its dash.
	codeSigns = 8
)

func linkField(token, column string) seal.Field {
	return seal.Field{Table: "referral_link", Column: column, Row: token, Version: 1}
}

// SendLink closes the paper to the partner's key and has it wait for the partner behind a link. It returns what Send does,
// and fault.Invalid "fault.referral.key" where the catalogue's key of the partner is none.
func (r *Referrals) SendLink(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.act(ctx, id, rev, EventSend, by, func(s *step) error {
		if err := r.ready(s, catalogue.ChannelLink); err != nil {
			return err
		}
		envelope, err := r.envelope(s)
		if err != nil {
			return err
		}
		r.idle(s)
		r.gone(s, catalogue.ChannelLink, by)
		var chance [16]byte
		rand.Read(chance[:])
		token, code := base64.RawURLEncoding.EncodeToString(chance[:]), spoken.Code(codeSigns)
		s.also = append(s.also, func(ctx context.Context, tx *store.Tx, _ casefile.File, key *seal.Key) error {
			_, err := tx.Exec(ctx, `INSERT INTO referral_link (token, referral_id, key_id, made_at, until, code_sealed, envelope_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				token, id, key.ID(), store.Millis(s.now), store.Millis(s.now.Add(linkFor)), key.SealText(linkField(token, "code_sealed"), code), key.Seal(linkField(token, "envelope_sealed"), envelope))
			return err
		})
		return nil
	})
}

const selectLink = `SELECT token, referral_id, key_id, made_at, until, failures, fetched_at, revoked_at, code_sealed, envelope_sealed FROM referral_link`

func scanLink(r store.Row) (l Link, err error) {
	return l, r.Scan(&l.Token, &l.referralID, &l.keyID, &l.MadeAt, &l.Until, &l.Failures, &l.FetchedAt, &l.RevokedAt, &l.codeSealed, &l.sealed)
}

// Link returns the newest link of a referral; ok is false when there is none.
func (r *Referrals) Link(ctx context.Context, id string) (l Link, ok bool, err error) {
	l, err = store.One(ctx, r.db, scanLink, selectLink+` WHERE referral_id = $1 ORDER BY CASE WHEN revoked_at = 0 THEN 0 ELSE 1 END, made_at DESC LIMIT 1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return Link{}, false, nil
	}
	if err != nil || !l.Open(r.now()) {
		return l, err == nil, err
	}
	key, err := r.keys.Key(ctx, l.keyID)
	if err != nil {
		return l, false, err
	}
	code, err := key.Open(linkField(l.Token, "code_sealed"), l.codeSealed)
	if err != nil || len(code) != codeSigns {
		return l, err == nil, err
	}
	l.Code = string(code[:4]) + "-" + string(code[4:])
	return l, true, nil
}

// Open says whether a link can still be fetched.
func (l Link) Open(now time.Time) bool {
	return l.FetchedAt == 0 && l.RevokedAt == 0 && l.Failures < tries && store.Millis(now) < l.Until
}

// PartnerActor is who acknowledges by fetching: nobody of the staff.
var PartnerActor = audit.Actor{Kind: audit.System, ID: "referral"}

// Envelope is what was fetched: a name that says nothing, and the bytes, which only the partner's key opens.
type Envelope struct {
	Name  string
	Bytes []byte
}

// Waiting says whether a link can be fetched. It returns fault.Gone "fault.referral.link" for one that was fetched, ran out,
// was taken back or never was: from outside they are one.
func (r *Referrals) Waiting(ctx context.Context, token string) error {
	_, err := r.waiting(ctx, token)
	return err
}

func (r *Referrals) waiting(ctx context.Context, token string) (Link, error) {
	l, err := store.One(ctx, r.db, scanLink, selectLink+` WHERE token = $1`, token)
	if errors.Is(err, store.ErrNoRow) || err == nil && !l.Open(r.now()) {
		return Link{}, fault.New(fault.Gone, "fault.referral.link")
	}
	return l, err
}

// Fetch hands out an envelope, once, to whoever has its code and says who they are; that counts as the acknowledgement. Whoever
// calls it has slowed the guessing per network; here a link ends after ten wrong codes. It returns fault.Gone
// "fault.referral.link" as Waiting does, fault.Forbidden "fault.referral.code" for a wrong code, fault.Invalid
// "fault.referral.who" without who fetches.
func (r *Referrals) Fetch(ctx context.Context, token, code, who string) (Envelope, error) {
	l, err := r.waiting(ctx, token)
	if err != nil {
		return Envelope{}, err
	}
	if err := tidy(&who); err != nil {
		return Envelope{}, err
	}
	if who == "" { // before the code is looked at: it costs no try
		return Envelope{}, fault.New(fault.Invalid, "fault.referral.who")
	}
	key, err := r.keys.Key(ctx, l.keyID)
	if err != nil {
		return Envelope{}, err
	}
	right, err := key.Open(linkField(token, "code_sealed"), l.codeSealed)
	if err != nil {
		return Envelope{}, err
	}
	if err := r.try(ctx, l); err != nil {
		return Envelope{}, err
	}
	typed := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(code))
	if subtle.ConstantTimeCompare(right, []byte(typed)) != 1 {
		return Envelope{}, r.wrong(ctx, l)
	}
	envelope, err := key.Open(linkField(token, "envelope_sealed"), l.sealed)
	if err != nil {
		return Envelope{}, err
	}
	before, err := r.Get(ctx, l.referralID)
	if err != nil {
		return Envelope{}, err
	}
	if err := r.fetched(ctx, l, before, who); err != nil {
		return Envelope{}, err
	}
	return Envelope{Name: fmt.Sprintf("%s.txt.age", before.Receipt()), Bytes: envelope}, nil
}

// try counts a code before it is compared, so that many at once are no more than ten.
func (r *Referrals) try(ctx context.Context, l Link) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE referral_link SET failures = failures + 1 WHERE token = $1 AND failures < $2 AND fetched_at = 0 AND revoked_at = 0`, l.Token, tries)
		if err == nil && n == 0 {
			err = fault.New(fault.Gone, "fault.referral.link")
		}
		return err
	})
}

// wrong writes a wrong code into the log, and says so.
func (r *Referrals) wrong(ctx context.Context, l Link) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		return r.log.Record(ctx, tx, audit.Entry{Actor: PartnerActor, Act: "referral.wrong_code", Object: "referral", ObjectID: l.referralID})
	})
	if err != nil {
		return err
	}
	return fault.New(fault.Forbidden, "fault.referral.code")
}

// fetched writes the receipt, whatever the state of the file: of two who fetch at once, one gets the envelope.
func (r *Referrals) fetched(ctx context.Context, l Link, before Referral, who string) error {
	key, err := r.keys.Key(ctx, before.keyID)
	if err != nil {
		return err
	}
	next := before
	next.Content.Fetched = who
	s := &step{Referral: &next, now: r.now()}
	if to, ok := moves[before.State][EventAcknowledge]; ok {
		next.State, next.StateSince = to, store.Millis(s.now)
		next.Rev, next.lastEvent, next.lastBy = before.Rev+1, EventAcknowledge, PartnerActor.ID
		r.arrived(s, PartnerActor)
	} else {
		next.Rev = before.Rev + 1
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE referral_link SET fetched_at = $2 WHERE token = $1 AND fetched_at = 0 AND revoked_at = 0`, l.Token, store.Millis(s.now))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Gone, "fault.referral.link")
		}
		if err := r.update(ctx, tx, before, &next, key); err != nil {
			return err
		}
		for _, fn := range s.also {
			if err := fn(ctx, tx, casefile.File{ID: before.FileID}, key); err != nil {
				return err
			}
		}
		return r.happened(ctx, tx, next, "fetched", PartnerActor)
	})
}
