package takedown

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
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

// Letter is the letter of a notice: what goes, or went, to whom.
type Letter struct {
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
	w := mail.Letter{Notice: t.worded(n), To: l.To, From: l.From, FromName: l.FromName, Addresses: n.Content.Addresses, Account: n.Content.Account,
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
		if _, err := t.written(*n, l).Bytes(); err != nil {
			return err
		}
		key, err := t.keys.Key(ctx, n.keyID)
		if err != nil {
			return err
		}
		plain, err := json.Marshal(l)
		if err != nil {
			return err
		}
		if err := t.move(ctx, tx, n, Send, by, p.Route); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO takedown_letter (id, notice_id, key_id, kind, state, message_id, mark, contact, written_at, content_sealed) VALUES ($1, $1, $2, 'notice', 'sending', $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET key_id = excluded.key_id, message_id = excluded.message_id, contact = excluded.contact, written_at = excluded.written_at, content_sealed = excluded.content_sealed`,
			n.ID, n.keyID, mail.MessageID(n.ID, l.From), t.worded(*n).Mark(), strings.ToLower(l.To), l.WrittenAt, key.Seal(letterField(n.ID), plain)); err != nil {
			return err
		}
		return t.sends.Enqueue(ctx, tx, checkArgs{Notice: jobs.ID(n.ID)}, jobs.Unique(jobs.ID(n.ID)))
	})
}

// LetterOf is the letter of a notice that went, or is going, by e-mail. ok is false where there is none.
func (t *Takedown) LetterOf(ctx context.Context, n Notice) (l Letter, ok bool, err error) {
	type row struct {
		keyID  string
		sealed []byte
	}
	kept, err := store.One(ctx, t.db, func(r store.Row) (k row, err error) { return k, r.Scan(&k.keyID, &k.sealed) },
		`SELECT key_id, content_sealed FROM takedown_letter WHERE notice_id = $1`, n.ID)
	if errors.Is(err, store.ErrNoRow) {
		return l, false, nil
	}
	if err != nil {
		return l, false, err
	}
	key, err := t.keys.Key(ctx, kept.keyID)
	if err != nil {
		return l, false, err
	}
	plain, err := key.Open(letterField(n.ID), kept.sealed)
	if err != nil {
		return l, false, err
	}
	return l, true, json.Unmarshal(plain, &l)
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
	account := t.mail.Account
	account.From, account.Name = l.From, l.FromName
	c, err := json.Marshal(account)
	if err != nil {
		return nil, nil, err
	}
	r := mail.New(t.written(n, l), mail.Post{Roots: t.mail.Roots, Patience: t.mail.Patience})
	if attach := t.report(n, l); attach != nil {
		r = r.With(attach)
	}
	return r, c, nil
}

func letterField(notice string) seal.Field {
	return seal.Field{Table: "takedown_letter", Column: "content_sealed", Row: notice, Version: 1}
}
