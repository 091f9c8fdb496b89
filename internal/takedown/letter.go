package takedown

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/takedown/replies"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/xarf"
)

// Mail is the helpline's own e-mail: what letters go out by, and the mailbox in which answers come in.
type Mail struct {
	Account mail.Account
	// Roots are the authorities whose certificates are believed; nil for the machine's.
	Roots *x509.CertPool
	// Patience is mail.Post's.
	Patience time.Duration
	// Box is where answers are read; nil reads none. Source names it, so that two mailboxes are told apart.
	Box    Mailbox
	Source string
	// Every is how often it is read; 0 is two minutes.
	Every time.Duration
}

// Mailbox is read message by message (replies.Box is one).
type Mailbox interface {
	Read(ctx context.Context, threads replies.Threads, keep func(context.Context, replies.Reply) error) (int, error)
}

// The kinds of letter, besides the steps of the ladder that have one (letterSteps).
const noticeLetter = "notice"

// LetterState is where the sending of a letter stands.
type LetterState string

// The states of a letter.
const (
	LetterSending  LetterState = "sending"
	LetterSent     LetterState = "sent"
	LetterRefused  LetterState = "refused"   // nothing was handed over
	LetterUnknown  LetterState = "unknown"   // it may have gone: no other goes before that is known
	LetterNotThere LetterState = "not_there" // an unknown one did not go
	LetterReturned LetterState = "returned"  // it came back
)

// Letter is a letter on a notice: what goes, or went, to whom.
type Letter struct {
	// ID is our own, MessageID the one by which its answers are known, Mark the notice's in it; Kind is "notice" or the step of
	// the ladder that it is. The record has them in clear.
	ID        string      `json:"-"`
	MessageID string      `json:"-"`
	Mark      string      `json:"-"`
	Kind      string      `json:"-"`
	State     LetterState `json:"-"`
	WrittenBy string      `json:"-"`
	TriedAt   int64       `json:"-"` // Unix milliseconds, 0 for not yet
	SentAt    int64       `json:"-"`
	Trouble   string      `json:"-"` // the key of the sentence of why it did not go

	// Thread are the Message-IDs of the letters before it; Before is the step that was taken before this one.
	Thread []string `json:",omitempty"`
	Before string   `json:",omitempty"`

	To, From, FromName string
	Subject, Text      string
	WrittenAt          int64 // Unix milliseconds
	// Report is the report for a machine beside it (XARF v4), "" for none; Classification is what it says of the images.
	Report         string
	Classification string
}

// Posting is how somebody sends a letter. To is the mailbox, for a host that the catalogue does not know: elsewhere it is the
// platform's. Classification is one of xarf.Classifications, for a report on images.
type Posting struct {
	Route, To, Classification string
}

// letterRoutes are the routes by which a letter goes.
var letterRoutes = []string{string(catalogue.ByMail), string(catalogue.ByXARF)}

// ByLetter says whether a route's notice is a letter.
func ByLetter(via string) bool { return slices.Contains(letterRoutes, via) }

// Posts says whether letters go by themselves; otherwise they are copied by hand.
func (t *Takedown) Posts() bool { return t.mail != nil && t.mail.Account.Server != "" }

// letterTo is the mailbox of a route to a platform; "" where none is known or confirmed.
func (t *Takedown) letterTo(n Notice, via string) string {
	platform, ok := t.catalogue().Platforms.ByCode(n.Platform)
	if !ok {
		return ""
	}
	for _, r := range platform.Proposed(catalogue.AddressKind(n.Kind)) {
		if string(r.Kind) == via && r.Address != "" {
			return r.Address
		}
	}
	return ""
}

// lettersOf are the routes by which the letter of a notice can go now. Of a host that the catalogue does not know whoever
// sends gives the mailbox.
func (t *Takedown) lettersOf(n Notice) []string {
	if !t.Posts() {
		return nil
	}
	if _, known := t.catalogue().Platforms.ByCode(n.Platform); !known {
		if g, _ := t.catalogue().Grounds.ByCode(n.Ground); g.XARF == nil {
			return letterRoutes[:1:1]
		}
		return slices.Clone(letterRoutes)
	}
	var open []string
	for _, via := range letterRoutes {
		if t.letterTo(n, via) != "" {
			open = append(open, via)
		}
	}
	return open
}

// Classifies says whether somebody has to classify the images before a letter goes by a route.
func (t *Takedown) Classifies(n Notice, via string) bool {
	g, _ := t.catalogue().Grounds.ByCode(n.Ground)
	return via == string(catalogue.ByXARF) && !n.Content.Withhold && g.XARF != nil && g.XARF.Type == xarf.CSAM
}

// Preview is the letter as it would go now.
func (t *Takedown) Preview(n Notice, via string) (Letter, error) {
	n.Route = via
	l, err := t.letter(n, Posting{Route: via})
	if err != nil || t.Classifies(n, via) {
		return l, err // the report needs what the reader has not said yet
	}
	return t.reported(n, l)
}

func (t *Takedown) letter(n Notice, p Posting) (Letter, error) {
	if t.mail == nil {
		return Letter{}, fault.New(fault.Invalid, "fault.takedown.route")
	}
	to := t.letterTo(n, p.Route)
	if _, known := t.catalogue().Platforms.ByCode(n.Platform); !known {
		to = strings.TrimSpace(p.To)
	}
	l := Letter{To: to, From: t.mail.Account.From, FromName: t.mail.Account.Name, WrittenAt: store.Millis(t.now().Truncate(time.Second)), Classification: p.Classification}
	if n.Content.Withhold {
		l.FromName = ""
	}
	written := t.written(n, l)
	l.Subject, l.Text = written.Subject(), written.Text()
	return l, nil
}

// reported is a letter with the report that goes with it.
func (t *Takedown) reported(n Notice, l Letter) (Letter, error) {
	if attach := t.report(n, l); attach != nil {
		report, err := attach(t.written(n, l))
		if err != nil {
			return l, err
		}
		l.Report = string(report.Body)
	}
	return l, nil
}

// written is a letter in the words of its route.
func (t *Takedown) written(n Notice, l Letter) mail.Letter {
	set := t.catalogue()
	g, _ := set.Grounds.ByCode(n.Ground)
	ground := g.Label.In(n.Content.Lang)
	if len(g.Articles) > 0 {
		ground += " (" + strings.Join(g.Articles, ", ") + ")"
	}
	worded := t.worded(n)
	if l.Mark != "" {
		worded.Mark = l.Mark
	}
	w := mail.Letter{ID: l.MessageID, Thread: l.Thread, Notice: worded, To: l.To, From: l.From, FromName: l.FromName, Addresses: n.Content.Addresses, Account: n.Content.Account,
		Law: g.Basis == catalogue.BasisLaw, Ground: ground, GoodFaith: set.Grounds.GoodFaith.In(n.Content.Lang),
		Name: l.FromName, Mail: l.From, Written: store.Time(l.WrittenAt)}
	if n.Content.Withhold {
		w.Name, w.Mail, w.Withheld = "", "", set.Grounds.Withheld.In(n.Content.Lang)
	}
	return w
}

// report is what makes the report for a machine; nil for a letter alone: by another route, on a ground that XARF has no
// type for, or where our name is left out, because a report names who reports.
func (t *Takedown) report(n Notice, l Letter) func(mail.Letter) (mail.Attachment, error) {
	g, _ := t.catalogue().Grounds.ByCode(n.Ground)
	if n.Route != string(catalogue.ByXARF) || g.XARF == nil || n.Content.Withhold {
		return nil
	}
	us := xarf.Organisation{Org: t.mail.Account.Name, Contact: l.From, Domain: mail.Domain(l.From)}
	return xarf.Report{Ground: *g.XARF, Classification: l.Classification, Reporter: us, Sender: us, Seen: store.Time(n.DraftedAt)}.Attach
}

// Post has a letter sent that is ready. Pressed twice, it goes once. It returns fault.Invalid "fault.takedown.route" for a route
// that this notice cannot go by, "fault.route.mailbox" without a mailbox, "fault.route.letter" or "fault.route.xarf" for what is
// missing; fault.Conflict "fault.takedown.changed" unless it is ready.
func (t *Takedown) Post(ctx context.Context, id string, p Posting, by audit.Actor) error {
	before, err := t.Notice(ctx, id)
	if err != nil {
		return err
	}
	if !slices.Contains(t.lettersOf(before), p.Route) {
		return fault.New(fault.Invalid, "fault.takedown.route")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		n.Route, n.TriedAt, n.SubmittedBy, n.Content.Trouble = p.Route, 0, by.ID, ""
		l, err := t.letter(*n, p)
		if err != nil {
			return err
		}
		if l, err = t.reported(*n, l); err != nil {
			return err
		}
		if err := t.address(ctx, tx, n, &l, store.NewID()); err != nil {
			return err
		}
		if _, err := t.written(*n, l).Bytes(); err != nil {
			return err
		}
		if err := t.move(ctx, tx, n, Send, by, p.Route); err != nil {
			return err
		}
		l.Kind, l.WrittenBy = noticeLetter, by.ID
		if _, err := t.writeLetter(ctx, tx, *n, l); err != nil {
			return err
		}
		return t.sends.Enqueue(ctx, tx, checkArgs{Notice: jobs.ID(n.ID)}, jobs.Unique(jobs.ID(n.ID)))
	})
}

// address gives a letter its Message-ID, the notice's mark, and its place in the conversation.
func (t *Takedown) address(ctx context.Context, q store.Querier, n *Notice, l *Letter, id string) (err error) {
	l.ID, l.MessageID, l.Mark = id, mail.MessageID(t.markKey, id, l.From), t.mark(*n)
	l.Thread, err = store.All(ctx, q, scanText, `SELECT message_id FROM takedown_letter WHERE notice_id = $1 AND id <> $2 ORDER BY written_at, id`, n.ID, id)
	return err
}

// writeLetter writes a letter down before it is sent; once, whoever presses again: wrote is false for the second.
func (t *Takedown) writeLetter(ctx context.Context, tx *store.Tx, n Notice, l Letter) (wrote bool, err error) {
	key, err := t.keys.Key(ctx, n.keyID)
	if err != nil {
		return false, err
	}
	plain, err := json.Marshal(l)
	if err != nil {
		return false, err
	}
	rows, err := tx.Exec(ctx, `INSERT INTO takedown_letter (id, notice_id, key_id, kind, state, message_id, mark, contact, written_at, written_by, content_sealed)
		VALUES ($1, $2, $3, $4, 'sending', $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
		l.ID, n.ID, n.keyID, l.Kind, l.MessageID, l.Mark, strings.ToLower(l.To), l.WrittenAt, l.WrittenBy, key.Seal(letterField(l.ID), plain))
	return rows > 0, err
}

// follows are the states of a letter that follow from what happens to its notice.
var follows = map[Event]LetterState{Arrive: LetterSent, Refuse: LetterRefused, Lose: LetterUnknown, NotThere: LetterNotThere, Return: LetterReturned, RetractUnknown: LetterUnknown}

// letterFollows has the last letter of a notice follow it.
func (t *Takedown) letterFollows(ctx context.Context, tx *store.Tx, n *Notice, ev Event) error {
	to, ok := follows[ev]
	if !ok || !ByLetter(n.Route) {
		return nil
	}
	sent := int64(0)
	if to == LetterSent {
		sent = store.Millis(t.now())
	}
	_, err := tx.Exec(ctx, `UPDATE takedown_letter SET state = $2, tried_at = CASE WHEN CAST($3 AS BIGINT) > 0 THEN $3 ELSE tried_at END, sent_at = CASE WHEN CAST($4 AS BIGINT) > 0 THEN $4 ELSE sent_at END, trouble = $5
		WHERE id = (SELECT id FROM takedown_letter WHERE notice_id = $1 AND kind = 'notice' ORDER BY written_at DESC, id DESC LIMIT 1)`, n.ID, string(to), n.TriedAt, sent, n.Content.Trouble)
	return err
}

const selectLetter = `SELECT id, notice_id, key_id, kind, state, message_id, mark, written_by, tried_at, sent_at, trouble, content_sealed FROM takedown_letter`

// letters are those that a query finds, opened.
func (t *Takedown) letters(ctx context.Context, q store.Querier, query string, args ...any) ([]Letter, error) {
	type row struct {
		Letter
		notice, keyID string
		sealed        []byte
	}
	rows, err := store.All(ctx, q, func(r store.Row) (l row, err error) {
		return l, r.Scan(&l.ID, &l.notice, &l.keyID, &l.Kind, &l.State, &l.MessageID, &l.Mark, &l.WrittenBy, &l.TriedAt, &l.SentAt, &l.Trouble, &l.sealed)
	}, query, args...)
	if err != nil {
		return nil, err
	}
	all := make([]Letter, len(rows))
	for i, l := range rows {
		key, err := t.keys.Key(ctx, l.keyID)
		if err != nil {
			return nil, err
		}
		plain, err := key.Open(letterField(l.ID), l.sealed)
		if err != nil {
			return nil, err
		}
		if all[i] = l.Letter; json.Unmarshal(plain, &all[i]) != nil {
			return nil, fault.New(fault.Internal, "fault.seal.broken")
		}
	}
	return all, nil
}

// Letters are those that went on a notice, or are going, or did not, the newest first: the notice itself, and the steps after it.
func (t *Takedown) Letters(ctx context.Context, noticeID string) ([]Letter, error) {
	return t.letters(ctx, t.db, selectLetter+` WHERE notice_id = $1 ORDER BY written_at DESC, id DESC`, noticeID)
}

// LetterOf is the last letter by which a notice itself went, or is going, by e-mail. ok is false where there is none.
func (t *Takedown) LetterOf(ctx context.Context, n Notice) (l Letter, ok bool, err error) {
	all, err := t.letters(ctx, t.db, selectLetter+` WHERE notice_id = $1 AND kind = 'notice' ORDER BY written_at DESC, id DESC LIMIT 1`, n.ID)
	if err != nil || len(all) == 0 {
		return l, false, err
	}
	return all[0], true, nil
}

// letterWay is the route of the letter that was written down when somebody pressed "send".
func (t *Takedown) letterWay(ctx context.Context, n Notice) (route.Route, route.Credentials, error) {
	if t.mail == nil {
		return nil, nil, route.Refuse("fault.takedown.route")
	}
	l, ok, err := t.LetterOf(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, route.Refuse("fault.takedown.route")
	}
	c, err := t.sender(l)
	if err != nil {
		return nil, nil, err
	}
	r := mail.New(t.written(n, l), mail.Post{Roots: t.mail.Roots, Patience: t.mail.Patience})
	if attach := t.report(n, l); attach != nil {
		r = r.With(attach)
	}
	return r, c, nil
}

// sender is our mail server, with the mailbox and the name from which a letter goes.
func (t *Takedown) sender(l Letter) (route.Credentials, error) {
	account := t.mail.Account
	account.From, account.Name = l.From, l.FromName
	return json.Marshal(account)
}

func letterField(id string) seal.Field {
	return seal.Field{Table: "takedown_letter", Column: "content_sealed", Row: id, Version: 1}
}
