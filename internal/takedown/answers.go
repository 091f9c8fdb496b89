package takedown

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/takedown/replies"
	"vigie/internal/typed"
)

// What comes into the mailbox of answers is kept sealed, and decides nothing. What certainly belongs to a notice waits there for
// somebody to read it; everything else waits loose, with the reason, until somebody says whose it is or sets it aside. A letter
// that our mail server brings back is put to its notice too: it says only that nobody has it.

// ReplyState is where a reply stands.
type ReplyState string

// The states of a reply.
const (
	Loose    ReplyState = "loose"     // nobody has said whose it is
	Waits    ReplyState = "waits"     // on its notice, and nobody has dealt with it
	Dealt    ReplyState = "dealt"     // somebody read it and wrote what it says
	SetAside ReplyState = "set_aside" // it belongs to no notice
)

// Reply is something that came back. NoticeID is "" while it belongs to none; Why is the code of the reason; Delivery is what a
// bounce says, "failed" or "delayed".
type Reply struct {
	ID, NoticeID        string
	State               ReplyState
	Kind, Why, Delivery string
	ReceivedAt, DealtAt int64 // Unix milliseconds
	DealtBy             string
	Drawn               Drawn
	Content             ReplyContent
	keyID               string
	sealed              []byte
}

// ReplyContent is what is sealed of a reply: text of a stranger.
type ReplyContent struct {
	From     []string `json:"from,omitempty"`
	Name     string   `json:"name,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Text     string   `json:"text,omitempty"`
	Cut      bool     `json:"cut,omitempty"`
	Attached []string `json:"attached,omitempty"` // names, never opened
	Said     string   `json:"said,omitempty"`     // the mail server's words in a bounce
	// Candidates are the notices that it points to; Aside why somebody set it aside.
	Candidates []string `json:"candidates,omitempty"`
	Aside      string   `json:"aside,omitempty"`
	// Returned is the Message-ID of the letter that a bounce brings back.
	Returned string `json:"returned,omitempty"`
	// Undo is what takes back what was drawn from it.
	Undo *undo `json:"undo,omitempty"`
}

// KeyOfReply is the kind of the key of a reply that belongs to no notice, OwnersOfReplyKeys its owners, for
// seal.Keeper.SweepOrphans.
const (
	KeyOfReply        = "takedown_reply"
	OwnersOfReplyKeys = `SELECT id FROM takedown_reply`
)

// readArgs are none: there is one mailbox.
type readArgs struct{}

// ReadReplies has the mailbox read now, and now and then from here on. It does nothing without one.
func (t *Takedown) ReadReplies(ctx context.Context) error {
	if t.mail == nil || t.mail.Box == nil {
		return nil
	}
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		return t.reads.Enqueue(ctx, tx, readArgs{}, jobs.Unique(jobs.Code("mailbox")))
	})
}

// read is the job that reads the mailbox of answers.
func (t *Takedown) read(ctx context.Context, _ jobs.Job[readArgs]) error {
	if t.mail == nil || t.mail.Box == nil {
		return nil
	}
	every := t.mail.Every
	if every == 0 {
		every = 2 * time.Minute
	}
	_, failed := t.mail.Box.Read(ctx, threads{t}, t.keep)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	trouble := ""
	if f := fault.As(failed); f != nil {
		trouble = f.Key
	} else if failed != nil {
		trouble = "fault.takedown.unkept"
	}
	if trouble != "" {
		t.slog.Warn("takedown: the mailbox of answers", "trouble", trouble)
	}
	err := t.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO takedown_mailbox (id, read_at, trouble) VALUES ('replies', $1, $2) ON CONFLICT (id) DO UPDATE SET read_at = excluded.read_at, trouble = excluded.trouble`,
			store.Millis(t.now()), trouble)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := t.keys.SweepOrphans(ctx, KeyOfReply, OwnersOfReplyKeys); err != nil {
		return err
	}
	return jobs.Again(t.now().Add(every))
}

// MailboxState says whether answers are read by machine, when they last were, and the key of the sentence of what is in the way.
type MailboxState struct {
	Reads   bool
	ReadAt  int64 // Unix milliseconds, 0 for not yet
	Trouble string
}

// Mailbox is how the reading of answers stands.
func (t *Takedown) Mailbox(ctx context.Context) (MailboxState, error) {
	s, err := store.One(ctx, t.db, func(r store.Row) (s MailboxState, err error) { return s, r.Scan(&s.ReadAt, &s.Trouble) }, `SELECT read_at, trouble FROM takedown_mailbox WHERE id = 'replies'`)
	if errors.Is(err, store.ErrNoRow) {
		err = nil
	}
	s.Reads = t.mail != nil && t.mail.Box != nil
	return s, err
}

// threads are the letters that we sent.
type threads struct{ *Takedown }

func (t threads) ByMessageID(ctx context.Context, id string) (replies.Thread, bool, error) {
	return t.thread(ctx, `message_id = $1`, id)
}

func (t threads) ByMark(ctx context.Context, mark string) (replies.Thread, bool, error) {
	return t.thread(ctx, `mark = $1`, mark)
}

func (t threads) thread(ctx context.Context, where, sign string) (replies.Thread, bool, error) {
	found, err := store.One(ctx, t.db, func(r store.Row) (th replies.Thread, err error) { return th, r.Scan(&th.Notice, &th.Contact) },
		`SELECT notice_id, contact FROM takedown_letter WHERE `+where+` ORDER BY written_at DESC, id DESC LIMIT 1`, sign)
	if errors.Is(err, store.ErrNoRow) {
		return replies.Thread{}, false, nil
	}
	return found, err == nil, err
}

// whyLoose is the code of why a reply is not put to a notice by itself; "" when it is. returned says that it is a letter of ours
// come back.
func whyLoose(r replies.Reply, returned bool) string {
	switch {
	case returned:
		return ""
	case r.Verdict == replies.Certain:
		return ""
	case len(r.Candidates) > 1:
		return "several"
	case len(r.Candidates) == 0 && len(r.Marks) > 0:
		return "unknown_mark"
	case len(r.Candidates) == 0:
		return "no_mark"
	case r.Kind == replies.Bounce:
		return "bounce"
	case !r.Candidates[0].Fits:
		return "sender"
	case r.Candidates[0].By == replies.ByMark:
		return "mark_only"
	}
	return "odd"
}

// returned says whether a message is our letter come back: it holds the letter's Message-ID, which only who handled the letter
// knows, and is about the mailbox to which it went.
func (t *Takedown) returned(ctx context.Context, r replies.Reply) (bool, error) {
	if r.Kind != replies.Bounce || r.Bounce == nil || r.Returned == "" || len(r.Candidates) != 1 || r.Candidates[0].By == replies.ByMark {
		return false, nil
	}
	letter, ok, err := threads{t}.ByMessageID(ctx, r.Returned)
	return ok && letter.Notice == r.Candidates[0].Notice && strings.EqualFold(r.Bounce.Recipient, letter.Contact), err
}

// keep writes down one message, once, whoever else read it.
func (t *Takedown) keep(ctx context.Context, r replies.Reply) error {
	sum := sha256.Sum256([]byte(t.mail.Source + "\x00" + r.ID))
	source := hex.EncodeToString(sum[:])
	if n, err := store.One(ctx, t.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM takedown_reply WHERE source = $1`, source); err != nil || n > 0 {
		return err
	}
	returned, err := t.returned(ctx, r)
	if err != nil {
		return err
	}
	k := Reply{ID: store.NewID(), State: Loose, Kind: string(r.Kind), Why: whyLoose(r, returned), ReceivedAt: store.Millis(r.Received),
		Content: ReplyContent{From: r.From, Name: r.FromName, Subject: r.Subject, Text: r.Text, Cut: r.Cut, Returned: r.Returned}}
	for _, a := range r.Attachments {
		k.Content.Attached = append(k.Content.Attached, a.Name)
	}
	if r.Bounce != nil {
		k.Content.Said = strings.TrimSpace(r.Bounce.Status + " " + r.Bounce.Said)
		if r.Bounce.Action == "failed" || r.Bounce.Action == "delayed" {
			k.Delivery = r.Bounce.Action
		}
	}
	for _, c := range r.Candidates {
		k.Content.Candidates = append(k.Content.Candidates, c.Notice)
	}
	if k.Why == "" {
		k.State, k.NoticeID = Waits, r.Candidates[0].Notice
		err := t.change(ctx, k.NoticeID, func(tx *store.Tx, n *Notice) error {
			key, err := t.keys.Key(ctx, n.keyID)
			if err != nil {
				return err
			}
			k.keyID = n.keyID
			wrote, err := t.insert(ctx, tx, k, source, key)
			if err != nil || !wrote {
				return err
			}
			return t.happened(ctx, tx, *n, machine, "notice_reply", k.Kind)
		})
		switch {
		case seal.IsShelved(err):
			k.Why = "archived"
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Gone): // the notice was erased meanwhile
			k.Why = "no_mark"
		default:
			return err
		}
		k.State, k.NoticeID = Loose, ""
	}
	key, err := t.keys.NewKey(ctx, KeyOfReply, k.ID)
	if err != nil {
		return err
	}
	k.keyID = key.ID()
	wrote := false
	err = t.db.Tx(ctx, func(tx *store.Tx) error {
		if wrote, err = t.insert(ctx, tx, k, source, key); err != nil || !wrote {
			return err
		}
		tx.AfterCommit(func() { t.bus.Publish("takedown", []byte("{}")) })
		return t.log.Record(ctx, tx, audit.Entry{Actor: machine, Act: "takedown.reply", Object: "reply", ObjectID: k.ID, Detail: map[string]string{"code": k.Why}})
	})
	if err != nil || !wrote {
		return errors.Join(err, t.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return nil
}

func (t *Takedown) insert(ctx context.Context, tx *store.Tx, k Reply, source string, key *seal.Key) (bool, error) {
	plain, err := json.Marshal(k.Content)
	if err != nil {
		return false, err
	}
	var notice any
	if k.NoticeID != "" {
		notice = k.NoticeID
	}
	n, err := tx.Exec(ctx, `INSERT INTO takedown_reply (id, source, notice_id, key_id, state, kind, why, delivery, received_at, kept_at, content_sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (source) DO NOTHING`,
		k.ID, source, notice, k.keyID, string(k.State), k.Kind, k.Why, k.Delivery, k.ReceivedAt, store.Millis(t.now()), key.Seal(replyField(k.ID), plain))
	return n > 0, err
}

func replyField(id string) seal.Field {
	return seal.Field{Table: "takedown_reply", Column: "content_sealed", Row: id, Version: 1}
}

const selectReply = `SELECT id, coalesce(notice_id, ''), key_id, state, kind, why, delivery, received_at, dealt_at, dealt_by, drawn, content_sealed FROM takedown_reply`

func scanReply(r store.Row) (k Reply, err error) {
	return k, r.Scan(&k.ID, &k.NoticeID, &k.keyID, &k.State, &k.Kind, &k.Why, &k.Delivery, &k.ReceivedAt, &k.DealtAt, &k.DealtBy, &k.Drawn, &k.sealed)
}

func (t *Takedown) replies(ctx context.Context, q store.Querier, query string, args ...any) ([]Reply, error) {
	all, err := store.All(ctx, q, scanReply, query, args...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		k := &all[i]
		key, err := t.keys.Key(ctx, k.keyID)
		if err != nil {
			return nil, err
		}
		plain, err := key.Open(replyField(k.ID), k.sealed)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, &k.Content); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Replies are what came back to a notice, the newest first.
func (t *Takedown) Replies(ctx context.Context, noticeID string) ([]Reply, error) {
	return t.replies(ctx, t.db, selectReply+` WHERE notice_id = $1 ORDER BY received_at DESC, id DESC`, noticeID)
}

// LooseReplies are those that belong to no notice yet, the oldest first: 100 at most. That somebody read them is in the log.
func (t *Takedown) LooseReplies(ctx context.Context, by audit.Actor) ([]Reply, error) {
	all, err := t.replies(ctx, t.db, selectReply+` WHERE state = 'loose' ORDER BY received_at, id LIMIT 100`)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all, t.db.Tx(ctx, func(tx *store.Tx) error {
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown.replies_read", Object: "reply"})
	})
}

// LooseCount is how many replies nobody has matched.
func (t *Takedown) LooseCount(ctx context.Context) (int, error) {
	return store.One(ctx, t.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM takedown_reply WHERE state = 'loose'`)
}

// Match puts a loose reply to a notice. It returns fault.Conflict "fault.takedown.reply_gone" when somebody did something with it
// meanwhile.
func (t *Takedown) Match(ctx context.Context, replyID, noticeID string, by audit.Actor) error {
	return t.change(ctx, noticeID, func(tx *store.Tx, n *Notice) error {
		k, err := t.loose(ctx, tx, replyID)
		if err != nil {
			return err
		}
		sealed, err := t.sealReply(ctx, k, n.keyID)
		if err != nil {
			return err
		}
		wrote, err := tx.Exec(ctx, `UPDATE takedown_reply SET notice_id = $2, key_id = $3, state = 'waits', content_sealed = $4 WHERE id = $1 AND state = 'loose'`,
			k.ID, n.ID, n.keyID, sealed)
		if err != nil {
			return err
		}
		if wrote == 0 {
			return replyGone()
		}
		if err := t.keys.Drop(ctx, tx, k.keyID); err != nil {
			return err
		}
		return t.happened(ctx, tx, *n, by, "notice_matched", k.Kind)
	})
}

// loose is a reply that nobody has matched or set aside yet.
func (t *Takedown) loose(ctx context.Context, tx *store.Tx, id string) (Reply, error) {
	found, err := t.replies(ctx, tx, selectReply+` WHERE id = $1 AND state = 'loose'`, id)
	if err != nil {
		return Reply{}, err
	}
	if len(found) == 0 {
		return Reply{}, replyGone()
	}
	return found[0], nil
}

// sealReply seals what a reply says, under a key.
func (t *Takedown) sealReply(ctx context.Context, k Reply, keyID string) ([]byte, error) {
	key, err := t.keys.Key(ctx, keyID)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(k.Content)
	if err != nil {
		return nil, err
	}
	return key.Seal(replyField(k.ID), plain), nil
}

func replyGone() error { return fault.New(fault.Conflict, "fault.takedown.reply_gone") }

// SetAside says that a loose reply belongs to no notice, and why. Otherwise as Match; fault.Invalid "fault.takedown.why" without a
// reason.
func (t *Takedown) SetAside(ctx context.Context, replyID, why string, by audit.Actor) error {
	if why = typed.Text(why); utf8.RuneCountInString(why) < 10 || utf8.RuneCountInString(why) > maxFacts {
		return fault.New(fault.Invalid, "fault.takedown.why")
	}
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		k, err := t.loose(ctx, tx, replyID)
		if err != nil {
			return err
		}
		k.Content.Aside = why
		sealed, err := t.sealReply(ctx, k, k.keyID)
		if err != nil {
			return err
		}
		wrote, err := tx.Exec(ctx, `UPDATE takedown_reply SET state = 'set_aside', dealt_at = $2, dealt_by = $3, content_sealed = $4 WHERE id = $1 AND state = 'loose'`,
			k.ID, store.Millis(t.now()), by.ID, sealed)
		if err != nil {
			return err
		}
		if wrote == 0 {
			return replyGone()
		}
		if err := t.forgetsAt(ctx, tx, t.now().Add(AsideKept)); err != nil {
			return err
		}
		return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "takedown.reply_aside", Object: "reply", ObjectID: k.ID})
	})
}

// The words for what a reply says, beside Actions: SaysReceived that the platform has the notice, SaysNothing that it changes
// nothing, SaysReturned that the letter came back and the notice may be sent anew.
const (
	SaysReceived = "received"
	SaysNothing  = "nothing"
	SaysReturned = "returned"
)

// Deal writes what a reply says, in the words of whoever read it: one of Actions, SaysReceived, SaysNothing or SaysReturned. It
// returns fault.Invalid "fault.takedown.action" for another, or for SaysReturned of what is no bounce; fault.Conflict
// "fault.takedown.reply_gone" when somebody dealt with it, "fault.takedown.changed" where the notice is not so far.
func (t *Takedown) Deal(ctx context.Context, noticeID, replyID, says, said string, by audit.Actor) error {
	if !slices.Contains(Actions, says) && says != SaysReceived && says != SaysNothing && says != SaysReturned {
		return fault.New(fault.Invalid, "fault.takedown.action")
	}
	if utf8.RuneCountInString(said) > maxFacts {
		return fault.New(fault.Invalid, "fault.takedown.long", "max", maxFacts)
	}
	return t.change(ctx, noticeID, func(tx *store.Tx, n *Notice) error {
		k, err := t.replyOf(ctx, tx, noticeID, replyID, Waits)
		if err != nil {
			return err
		}
		if wrote, err := tx.Exec(ctx, `UPDATE takedown_reply SET state = 'dealt', dealt_at = $2, dealt_by = $3 WHERE id = $1 AND state = 'waits'`, k.ID, store.Millis(t.now()), by.ID); err != nil || wrote == 0 {
			return errors.Join(err, replyGone())
		}
		before := *n
		drawn, err := t.draw(ctx, tx, n, k, says, said, by)
		if err != nil {
			return err
		}
		k.Content.Undo = nil
		if drawn.stands() {
			k.Content.Undo = undoing(before, *n)
		}
		sealed, err := t.sealReply(ctx, k, n.keyID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE takedown_reply SET drawn = $2, key_id = $3, content_sealed = $4 WHERE id = $1`, k.ID, string(drawn), n.keyID, sealed)
		return err
	})
}

// replyOf is a reply on a notice, in one of these states: fault.Conflict "fault.takedown.reply_gone" for another.
func (t *Takedown) replyOf(ctx context.Context, q store.Querier, noticeID, replyID string, states ...ReplyState) (Reply, error) {
	found, err := t.replies(ctx, q, selectReply+` WHERE id = $1 AND notice_id = $2`, replyID, noticeID)
	if err != nil {
		return Reply{}, err
	}
	if len(found) == 0 || !slices.Contains(states, found[0].State) {
		return Reply{}, replyGone()
	}
	return found[0], nil
}

// draw does to a notice what a reply says, and tells what that was.
func (t *Takedown) draw(ctx context.Context, tx *store.Tx, n *Notice, k Reply, says, said string, by audit.Actor) (Drawn, error) {
	switch says {
	case SaysReturned:
		if k.Delivery != "failed" {
			return "", fault.New(fault.Invalid, "fault.takedown.action")
		}
		return DrawnReturned, t.cameBack(ctx, tx, n, k, by)
	case SaysNothing:
		return DrawnNothing, t.happened(ctx, tx, *n, by, "notice_reply_read", "")
	}
	drawn := DrawnDecided
	if says == SaysReceived {
		drawn, says = DrawnReceived, ""
	}
	if n.State == Unknown { // whoever answers has it
		if err := t.arrived(ctx, tx, n, by); err != nil {
			return "", err
		}
	}
	if drawn == DrawnReceived && n.State != Submitted { // it said so before
		return DrawnNothing, t.happened(ctx, tx, *n, by, "notice_reply_read", "")
	}
	return drawn, t.answered(ctx, tx, n, says, said, by)
}

// cameBack says that a letter came back. Where it is the notice itself, the last that was sent, the notice is to be sent anew; a
// step of the ladder is still to be taken; of an older letter nothing follows.
func (t *Takedown) cameBack(ctx context.Context, tx *store.Tx, n *Notice, k Reply, by audit.Actor) error {
	last, err := t.letters(ctx, tx, selectLetter+` WHERE notice_id = $1 AND kind = 'notice' ORDER BY written_at DESC, id DESC LIMIT 1`, n.ID)
	if err != nil {
		return err
	}
	letter := last
	if k.Content.Returned != "" {
		if letter, err = t.letters(ctx, tx, selectLetter+` WHERE notice_id = $1 AND message_id = $2`, n.ID, k.Content.Returned); err != nil {
			return err
		}
	}
	switch {
	case len(letter) == 0: // it is about a letter on another notice
		return fault.New(fault.Invalid, "fault.takedown.action")
	case letter[0].Kind != noticeLetter && (letter[0].State == LetterSent || letter[0].State == LetterUnknown):
		return t.stepTo(ctx, tx, n, letter[0], letter[0].State, LetterReturned, "", by)
	case letter[0].Kind != noticeLetter || letter[0].ID != last[0].ID:
		if _, err := tx.Exec(ctx, `UPDATE takedown_letter SET state = 'returned' WHERE id = $1`, letter[0].ID); err != nil {
			return err
		}
		return t.happened(ctx, tx, *n, by, "notice_reply_read", "")
	case n.State == Unknown:
		n.TriedAt = 0
		return t.move(ctx, tx, n, NotThere, by, "")
	}
	n.SubmittedAt, n.TriedAt, n.CheckAt, n.DueAt = 0, 0, 0, store.Millis(t.now())
	return t.move(ctx, tx, n, Return, by, "")
}
