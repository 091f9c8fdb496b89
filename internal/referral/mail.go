package referral

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// A sealed e-mail is the paper, closed to the partner's key, attached to a letter that says only that there is one, from whom,
// and how it is opened. Whoever reads the mailbox without the key learns that a helpline wrote, when, and a receipt that is
// nothing to them.
//
// It leaves by a durable job: the moment of the try is written before anything leaves. A process that dies after it leaves a letter
// of which nobody knows whether it went; that one is never sent again by itself: a person asks the partner, and says.

// Letter is what our mail server is given.
type Letter struct {
	// ID names the sending; it is the same for every try of it.
	ID            string    `json:"id"`
	To            string    `json:"to"`
	Subject, Text string    `json:",omitempty"`
	Lang          string    `json:"lang"`
	Name          string    `json:"name"` // of the envelope's file
	Envelope      []byte    `json:"envelope"`
	Written       time.Time `json:"written"`
}

// Post hands a letter to our mail server. nil says that the server has it and answers for it (RFC 5321 §4.2.5); a fault, that it
// refuses it for good; NotNow, that it has nothing and may be asked again; ErrUnknown, that nobody knows.
type Post func(ctx context.Context, l Letter) error

// NotNow is a letter that our mail server does not have and may take later.
type NotNow struct{ After time.Duration }

func (NotNow) Error() string { return "referral: the mail server takes it later" }

// ErrUnknown is a letter of which nobody knows whether it left.
var ErrUnknown = errors.New("referral: nobody knows whether the letter left")

// The states of a sending.
const (
	MailWaiting = "waiting"
	MailSent    = "sent"
	MailUnknown = "unknown" // a person has to find out
	MailRefused = "refused" // our mail server does not take it
	MailDropped = "dropped" // somebody took it back, or found out that it did not arrive
)

// Mailing is one sending of a referral by sealed e-mail.
type Mailing struct {
	ID, ReferralID, State string
	MadeAt                int64
	MadeBy                string
	TriedAt               int64
	// Trouble is the key of the sentence that says why it was refused.
	Trouble string
	Letter  Letter

	keyID  string
	sealed []byte
}

// Open says whether it is on its way, or nobody knows: the paper is not changed and goes no other way meanwhile.
func (m Mailing) Open() bool { return m.State == MailWaiting || m.State == MailUnknown }

// Untried says whether it can be taken back: nothing has left.
func (m Mailing) Untried() bool { return m.State == MailWaiting && m.TriedAt == 0 }

// closedFor is how soon a closed file is looked at again.
const closedFor = time.Hour

var postRules = jobs.Rules{Tries: 200, Longest: time.Hour, AtOnce: 1}

type postArgs struct{ Mail jobs.ID }

func letterField(id string) seal.Field {
	return seal.Field{Table: "referral_mail", Column: "letter_sealed", Row: id, Version: 1}
}

// SendMail closes the paper to the partner's key and has it go to the partner's mailbox. Until our mail server has it, the referral
// is decided as before. It returns what Send does; fault.Invalid "fault.referral.key" where the catalogue's key is none;
// fault.Conflict "fault.referral.mailing" while another is on its way.
func (r *Referrals) SendMail(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.act(ctx, id, rev, EventPost, by, func(s *step) error {
		if err := r.ready(s, catalogue.ChannelMail); err != nil {
			return err
		}
		envelope, err := r.envelope(s)
		if err != nil {
			return err
		}
		r.idle(s)
		l := Letter{ID: store.NewID(), To: s.partner.MailboxOf(s.Content.Fields[Department]), Subject: r.say(lang, "referral.mail.subject", "receipt", s.Receipt()),
			Text: r.say(lang, "referral.mail.text", "helpline", r.helpline, "receipt", s.Receipt()), Lang: lang, Name: s.Receipt() + ".txt.age", Envelope: envelope, Written: s.now.UTC().Truncate(time.Second)}
		plain, err := json.Marshal(l)
		if err != nil {
			return err
		}
		s.also = append(s.also, func(ctx context.Context, tx *store.Tx, _ casefile.File, key *seal.Key) error {
			if _, err := tx.Exec(ctx, `INSERT INTO referral_mail (id, referral_id, key_id, state, made_at, made_by, letter_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				l.ID, id, key.ID(), MailWaiting, store.Millis(s.now), by.ID, key.Seal(letterField(l.ID), plain)); err != nil {
				return err
			}
			return r.posts.Enqueue(ctx, tx, postArgs{jobs.ID(l.ID)}, jobs.Unique(jobs.ID(l.ID)))
		})
		return nil
	})
}

// envelope is the paper, closed to the partner's key.
func (r *Referrals) envelope(s *step) ([]byte, error) {
	to, err := blob.ParseRecipient(s.partner.KeyOf(s.Content.Fields[Department]))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "fault.referral.key")
	}
	var closed bytes.Buffer
	err = to.Close(&closed, strings.NewReader(r.Document(*s.Referral)))
	return closed.Bytes(), err
}

// idle refuses an act, in its transaction, while a letter is on its way.
func (r *Referrals) idle(s *step) {
	id := s.ID
	s.also = append(s.also, func(ctx context.Context, tx *store.Tx, _ casefile.File, _ *seal.Key) error {
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM referral_mail WHERE referral_id = $1 AND state IN ('waiting', 'unknown')`, id)
		if err == nil && n > 0 {
			err = fault.New(fault.Conflict, "fault.referral.mailing")
		}
		return err
	})
}

const selectMailing = `SELECT id, referral_id, key_id, state, made_at, made_by, tried_at, trouble, letter_sealed FROM referral_mail`

func scanMailing(r store.Row) (m Mailing, err error) {
	return m, r.Scan(&m.ID, &m.ReferralID, &m.keyID, &m.State, &m.MadeAt, &m.MadeBy, &m.TriedAt, &m.Trouble, &m.sealed)
}

// Mailing returns the newest sending of a referral; ok is false where there is none.
func (r *Referrals) Mailing(ctx context.Context, id string) (m Mailing, ok bool, err error) {
	m, err = r.mailing(ctx, selectMailing+` WHERE referral_id = $1 ORDER BY made_at DESC, id DESC LIMIT 1`, id)
	if fault.Is(err, fault.NotFound) {
		return Mailing{}, false, nil
	}
	return m, err == nil, err
}

func (r *Referrals) mailing(ctx context.Context, query, id string) (m Mailing, err error) {
	m, err = store.One(ctx, r.db, scanMailing, query, id)
	if errors.Is(err, store.ErrNoRow) {
		return m, fault.New(fault.NotFound, "fault.referral.unknown")
	}
	if err != nil {
		return m, err
	}
	key, err := r.keys.Key(ctx, m.keyID)
	if err != nil {
		return m, err
	}
	plain, err := key.Open(letterField(m.ID), m.sealed)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(plain, &m.Letter)
}

// post is the job that gives a letter to our mail server, once.
func (r *Referrals) post(ctx context.Context, job jobs.Job[postArgs]) error {
	m, err := r.mailing(ctx, selectMailing+` WHERE id = $1`, string(job.Args.Mail))
	switch {
	case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone): // it was erased meanwhile
		return nil
	case err != nil || m.State != MailWaiting:
		return err
	case m.TriedAt > 0: // another try got so far, and its process died
		return r.ended(ctx, m, EventLose, MailUnknown, "")
	}
	if mine, err := r.mark(ctx, m.ID, 0, store.Millis(r.now())); err != nil || !mine {
		return err // somebody took it back, or another process tries it
	}
	said := r.mail(ctx, m.Letter)
	// What was sent is written down even where the node stops: it happened.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var later NotNow
	switch refused := fault.As(said); {
	case said == nil:
		return r.ended(ctx, m, EventSend, MailSent, "")
	case errors.As(said, &later):
		if _, err := r.mark(ctx, m.ID, -1, 0); err != nil {
			return err
		}
		return jobs.Again(r.now().Add(max(later.After, time.Minute)))
	case refused != nil:
		return r.ended(ctx, m, EventRefuse, MailRefused, refused.Key)
	}
	return r.ended(ctx, m, EventLose, MailUnknown, "")
}

// mark writes the moment of a try over the one before; before is -1 for whatever it was. mine is false where it is not so any more.
func (r *Referrals) mark(ctx context.Context, id string, before, at int64) (mine bool, err error) {
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE referral_mail SET tried_at = $3 WHERE id = $1 AND state = 'waiting' AND (tried_at = $2 OR $2 = -1)`, id, before, at)
		mine = n == 1
		return err
	})
	return mine, err
}

// ended writes how a sending ended: into its row, and into its referral, in one transaction.
func (r *Referrals) ended(ctx context.Context, m Mailing, ev Event, state, trouble string) error {
	by := audit.Actor{Kind: audit.Staff, ID: m.MadeBy}
	if ev != EventSend {
		by = machine
	}
	const tries = 5 // a call may be written down in the same moment
	for n := 1; ; n++ {
		ref, err := r.Get(ctx, m.ReferralID)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = r.act(ctx, ref.ID, ref.Rev, ev, by, func(s *step) error {
			if ev == EventSend {
				s.Content.To = m.Letter.To
				r.gone(s, catalogue.ChannelMail, by)
			}
			r.settle(s, m.ID, isOpen, state, trouble)
			return nil
		})
		switch f := fault.As(err); {
		case f == nil || f.Kind != fault.Conflict:
			return err
		case f.Key == "fault.case.not_open" || f.Key == "fault.case.archived": // somebody closed the file over it: once it is open again, a person is asked
			return jobs.Again(r.now().Add(closedFor))
		case n == tries:
			return err
		}
	}
}

// machine is who writes what our mail server said.
var machine = audit.Actor{Kind: audit.System, ID: "referral"}

// What a sending has to be, as a condition, when its end is written.
const (
	isOpen    = `state IN ('waiting', 'unknown')`
	isUnknown = `state = 'unknown'`
	isUntried = `state = 'waiting' AND tried_at = 0` // the job may be about to try it
)

// settle writes the end of a sending, within the act, if it still is what it has to be.
func (r *Referrals) settle(s *step, id, has, state, trouble string) {
	s.also = append(s.also, func(ctx context.Context, tx *store.Tx, _ casefile.File, _ *seal.Key) error {
		n, err := tx.Exec(ctx, `UPDATE referral_mail SET state = $2, trouble = $3 WHERE id = $1 AND `+has, id, state, trouble)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "fault.referral.changed")
		}
		return err
	})
}

// MailArrived says that the partner has a letter of which nobody knew whether it left. It returns fault.Conflict
// "fault.referral.changed" where there is no such letter.
func (r *Referrals) MailArrived(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.found(ctx, id, rev, EventSend, by, MailSent, func(m Mailing) bool { return m.State == MailUnknown })
}

// MailBack takes a letter back that has not left, or says that one did not arrive of which nobody knew: the referral is to be sent
// then, this way or another. It returns fault.Conflict "fault.referral.changed" where there is no such letter.
func (r *Referrals) MailBack(ctx context.Context, id string, rev int64, by audit.Actor) (Referral, error) {
	return r.found(ctx, id, rev, EventUnsent, by, MailDropped, func(m Mailing) bool { return m.State == MailUnknown || m.Untried() })
}

func (r *Referrals) found(ctx context.Context, id string, rev int64, ev Event, by audit.Actor, state string, may func(m Mailing) bool) (Referral, error) {
	m, ok, err := r.Mailing(ctx, id)
	if err != nil {
		return Referral{}, err
	}
	return r.act(ctx, id, rev, ev, by, func(s *step) error {
		if !ok || !may(m) {
			return fault.New(fault.Conflict, "fault.referral.changed")
		}
		if ev == EventSend {
			s.Content.To = m.Letter.To
			r.gone(s, catalogue.ChannelMail, by)
		}
		has := isUnknown
		if m.Untried() {
			has = isUntried
		}
		r.settle(s, m.ID, has, state, "")
		return nil
	})
}
