package takedown

import (
	"context"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/typed"
)

// A step of the ladder that has somebody to write to goes as a letter, by the same rules as a notice: it is written down before it
// is sent, the moment of the try before the try, and what may have gone is never sent again before a person has said that it did
// not. It answers the notice's first letter, so that the platform has one conversation. The step counts as taken once the letter
// went; a step without a mailbox is copied by hand, and a person says that she took it (Escalate).

// letterSteps are the steps of the ladder that are a letter to the platform.
var letterSteps = []string{"reminder", "contact", "art20"}

// maxStepText is how much a letter of the ladder may say.
const maxStepText = 8000

// letterArgs name a letter.
type letterArgs struct {
	Letter jobs.ID `json:"letter"`
}

// ByPost says whether a step of the ladder is a letter to the platform; the others go to somebody else.
func ByPost(step string) bool { return slices.Contains(letterSteps, step) }

// StepLetter is the letter of a step as it would go now, which whoever sends it may write anew. Its To is "" where there is
// nobody to write to, or no mail server: then it is copied by hand.
func (t *Takedown) StepLetter(ctx context.Context, n Notice, step string) (Letter, error) {
	return t.stepLetter(ctx, t.db, n, step)
}

func (t *Takedown) stepLetter(ctx context.Context, q store.Querier, n Notice, step string) (Letter, error) {
	if !ByPost(step) {
		return Letter{}, fault.New(fault.Invalid, "fault.takedown.step")
	}
	first, err := t.letters(ctx, q, selectLetter+` WHERE notice_id = $1 AND kind = 'notice' AND state = 'sent' ORDER BY written_at DESC, id DESC LIMIT 1`, n.ID)
	if err != nil {
		return Letter{}, err
	}
	l := Letter{Kind: step, WrittenAt: store.Millis(t.now().Truncate(time.Second)), Before: n.Escalated}
	day := func(ms int64) time.Time { return store.Time(ms).In(t.catalogue().Hours.Zone()) }
	words := mail.Step{Kind: step, Lang: n.Content.Lang, Mark: t.mark(n), Sent: day(n.SubmittedAt), Addresses: n.Content.Addresses, Reference: n.Content.Reference,
		Reminded: n.Escalated != "", Statement: n.Content.Statement}
	if n.AcknowledgedAt > 0 {
		words.Acknowledged = day(n.AcknowledgedAt)
	}
	if n.DecidedAt > 0 {
		words.Decided = day(n.DecidedAt)
	}
	if len(first) > 0 {
		words.Answers = first[0].Subject
	}
	l.Subject, l.Text = words.Subject(), words.Text()
	if !t.Posts() {
		return l, nil
	}
	l.From, l.FromName = t.mail.Account.From, t.mail.Account.Name
	if n.Content.Withhold {
		l.FromName = ""
	}
	platform, known := t.catalogue().Platforms.ByCode(n.Platform)
	switch {
	case step == "contact":
		if known && !platform.Contact.ToCheck {
			l.To = platform.Contact.Mail
		}
	case len(first) > 0:
		l.To = first[0].To
	default:
		l.To = t.letterTo(n, letterRoutes[0])
	}
	return l, nil
}

// PostStep has the letter of a step sent, with what somebody made of its text. Pressed twice, with the same id, it goes once. It
// returns fault.Invalid "fault.takedown.step" for a step that has no letter or nobody to write to, "fault.takedown.long",
// "fault.takedown.empty"; fault.Conflict "fault.takedown.changed" for a notice that is not sent or is over,
// "fault.takedown.step_open" while another letter of the ladder is being sent or may have gone.
func (t *Takedown) PostStep(ctx context.Context, noticeID, letterID, step, text string, by audit.Actor) error {
	if !store.IsID(letterID) {
		return fault.New(fault.Invalid, "fault.case.id")
	}
	text = typed.Text(text)
	switch length := utf8.RuneCountInString(text); {
	case length == 0:
		return fault.New(fault.Invalid, "fault.takedown.empty")
	case length > maxStepText:
		return fault.New(fault.Invalid, "fault.takedown.long", "max", maxStepText)
	}
	return t.change(ctx, noticeID, func(tx *store.Tx, n *Notice) error {
		l, err := t.stepLetter(ctx, tx, *n, step)
		if err != nil {
			return err
		}
		if l.To == "" {
			return fault.New(fault.Invalid, "fault.takedown.step")
		}
		if n.SubmittedAt == 0 || n.State == Closed {
			return changed()
		}
		open, err := store.All(ctx, tx, scanText, `SELECT id FROM takedown_letter WHERE notice_id = $1 AND kind <> 'notice' AND state IN ('sending', 'unknown')`, n.ID)
		switch {
		case err != nil:
			return err
		case slices.Contains(open, letterID):
			return nil
		case len(open) > 0:
			return fault.New(fault.Conflict, "fault.takedown.step_open")
		}
		if err := t.address(ctx, tx, n, &l, letterID); err != nil {
			return err
		}
		l.Text, l.WrittenBy = text+"\n\nRef. "+l.Mark, by.ID
		if _, err := l.message().Bytes(); err != nil {
			return err
		}
		wrote, err := t.writeLetter(ctx, tx, *n, l)
		if err != nil || !wrote {
			return err
		}
		if err := t.happened(ctx, tx, *n, by, "notice_letter_send", step); err != nil {
			return err
		}
		return t.steps.Enqueue(ctx, tx, letterArgs{Letter: jobs.ID(l.ID)}, jobs.Unique(jobs.ID(l.ID)))
	})
}

// message is a letter of the ladder as it goes.
func (l Letter) message() mail.Message {
	return mail.Message{ID: l.MessageID, Thread: l.Thread, To: l.To, From: l.From, FromName: l.FromName, Subject: l.Subject, Text: l.Text, Written: store.Time(l.WrittenAt)}
}

// oneLetter is a letter, and whose. ok is false where there is none any more.
func (t *Takedown) oneLetter(ctx context.Context, q store.Querier, id string) (l Letter, noticeID string, ok bool, err error) {
	all, err := t.letters(ctx, q, selectLetter+` WHERE id = $1`, id)
	if err != nil || len(all) == 0 {
		return l, "", false, err
	}
	noticeID, err = store.One(ctx, q, scanText, `SELECT notice_id FROM takedown_letter WHERE id = $1`, id)
	return all[0], noticeID, err == nil, err
}

// postStep is the job that sends a letter of the ladder. A process that died after the moment of the try leaves a letter of which
// nobody knows whether it went.
func (t *Takedown) postStep(ctx context.Context, job jobs.Job[letterArgs]) error {
	id := string(job.Args.Letter)
	l, noticeID, ok, err := t.oneLetter(ctx, t.db, id)
	if fault.Is(err, fault.Gone) || err == nil && (!ok || l.State != LetterSending) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.TriedAt > 0 {
		return t.stepEnds(ctx, noticeID, id, LetterSending, LetterUnknown, "")
	}
	if t.mail == nil {
		return t.stepEnds(ctx, noticeID, id, LetterSending, LetterRefused, "fault.takedown.route")
	}
	c, err := t.sender(l)
	if err != nil {
		return err
	}
	if err := t.tries(ctx, id, `tried_at = 0`, store.Millis(t.now())); err != nil {
		return err // another process tries it
	}
	_, err = mail.Post{Roots: t.mail.Roots, Patience: t.mail.Patience}.Send(ctx, l.message(), c)
	// What was sent is written down even where the node stops: it happened.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var refused *route.Refused
	var later *route.Later
	switch {
	case err == nil:
		return t.stepEnds(ctx, noticeID, id, LetterSending, LetterSent, "")
	case errors.As(err, &refused):
		return t.stepEnds(ctx, noticeID, id, LetterSending, LetterRefused, refused.Key)
	case errors.As(err, &later):
		if err := t.tries(ctx, id, `tried_at > 0`, 0); err != nil {
			return err
		}
		return jobs.Again(t.now().Add(later.RetryAfter))
	}
	var unknown *route.Unknown
	if !errors.As(err, &unknown) {
		return err // ours: it is tried again, and the moment of the try says whether anything was sent
	}
	return t.stepEnds(ctx, noticeID, id, LetterSending, LetterUnknown, "")
}

// tries writes when a letter was tried, 0 for what is sure not to have gone; has is what must be so of the try before.
func (t *Takedown) tries(ctx context.Context, id, has string, at int64) error {
	return t.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE takedown_letter SET tried_at = $2 WHERE id = $1 AND state = 'sending' AND `+has, id, at)
		if err == nil && n == 0 {
			err = changed()
		}
		return err
	})
}

// stepEvents are what stands in the file's timeline when a letter of the ladder comes into a state.
var stepEvents = map[LetterState]string{LetterSent: "notice_escalated", LetterRefused: "notice_letter_refuse", LetterUnknown: "notice_letter_lose", LetterNotThere: "notice_letter_not_there", LetterReturned: "notice_letter_return"}

// stepEnds writes how the sending of a letter of the ladder ended. A step whose letter went was taken; of any other somebody has
// to look.
func (t *Takedown) stepEnds(ctx context.Context, noticeID, id string, from, to LetterState, trouble string) error {
	err := t.change(ctx, noticeID, func(tx *store.Tx, n *Notice) error {
		l, _, ok, err := t.oneLetter(ctx, tx, id)
		if err != nil || !ok {
			return err
		}
		by := machine
		if to == LetterSent {
			by = audit.Actor{Kind: audit.Staff, ID: l.WrittenBy}
		}
		return t.stepTo(ctx, tx, n, l, from, to, trouble, by)
	})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return nil // erased
	}
	return err
}

func (t *Takedown) stepTo(ctx context.Context, tx *store.Tx, n *Notice, l Letter, from, to LetterState, trouble string, by audit.Actor) error {
	now := store.Millis(t.now())
	sent := int64(0)
	if to == LetterSent {
		sent = now
	}
	rows, err := tx.Exec(ctx, `UPDATE takedown_letter SET state = $3, trouble = $4, sent_at = CASE WHEN CAST($5 AS BIGINT) > 0 THEN $5 ELSE sent_at END WHERE id = $1 AND state = $2`,
		l.ID, string(from), string(to), trouble, sent)
	if err != nil {
		return err
	}
	if rows == 0 {
		return changed()
	}
	switch {
	case to == LetterSent && n.SubmittedAt > 0:
		clock := t.catalogue().Platforms.ClockOf(n.Platform)
		n.Escalated, n.RemindedAt = l.Kind, now
		n.DueAt = store.Millis(t.now().Add(time.Duration(clock.EscalateHours) * time.Hour))
	case to == LetterReturned && n.Escalated == l.Kind: // nobody has it: the step is still to be taken
		n.Escalated, n.DueAt = l.Before, now
	case n.SubmittedAt > 0 && n.State != Closed:
		n.DueAt = now
	}
	return t.happened(ctx, tx, *n, by, stepEvents[to], l.Kind)
}

// StepWent writes that a letter of the ladder which may have gone did, or did not. It returns fault.Conflict
// "fault.takedown.changed" for one of which that is known.
func (t *Takedown) StepWent(ctx context.Context, noticeID, letterID string, went bool, by audit.Actor) error {
	return t.change(ctx, noticeID, func(tx *store.Tx, n *Notice) error {
		l, of, ok, err := t.oneLetter(ctx, tx, letterID)
		if err != nil {
			return err
		}
		if !ok || of != n.ID || l.Kind == noticeLetter {
			return changed()
		}
		to := LetterNotThere
		if went {
			to = LetterSent
		}
		return t.stepTo(ctx, tx, n, l, LetterUnknown, to, "", by)
	})
}
