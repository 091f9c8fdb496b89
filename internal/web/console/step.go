package console

import (
	"context"
	"net/http"
	"net/url"

	"vigie/internal/fault"
	"vigie/internal/takedown"
)

// noticeStep is a letter of the ladder as it is proposed. By e-mail it has a To; otherwise it is copied by hand.
type noticeStep struct {
	takedown.Letter
	name string
	due  bool // it is the next step
}

// lettersOf adds the letters of a notice to its view: those that went, and those of the ladder that can go.
func (c *Room) lettersOf(ctx context.Context, v *noticeView) error {
	all, err := c.Takedown.Letters(ctx, v.ID)
	if err != nil {
		return err
	}
	for _, l := range all {
		d := noticeLetter{Letter: l, name: v.say.T("replies.letter." + l.Kind), when: v.say.T("replies.letter_state."+string(l.State), "who", c.Alias(ctx, l.WrittenBy), "when", v.say.DateTime(at(l.WrittenAt))),
			unknown: l.State == takedown.LetterUnknown && takedown.ByPost(l.Kind)}
		if l.Trouble != "" && v.say.Has(l.Trouble) && l.State == takedown.LetterRefused {
			d.trouble = v.say.Fault(fault.New(fault.Conflict, l.Trouble))
		}
		v.went = append(v.went, d)
	}
	if v.next = c.Takedown.Next(v.Notice); v.SubmittedAt == 0 || v.State == takedown.Closed {
		return nil
	}
	for _, step := range takedown.Escalations {
		refused := v.Action == "no_action"
		if !takedown.ByPost(step) || step == "reminder" && refused || step == "art20" && (v.DecidedAt == 0 || c.Now().After(v.Art20Until())) {
			continue
		}
		l, err := c.Takedown.StepLetter(ctx, v.Notice, step)
		if err != nil {
			return err
		}
		v.steps = append(v.steps, noticeStep{Letter: l, name: v.say.T("takedown.step." + step), due: step == v.next})
	}
	return nil
}

// PostStep has the letter of a step of the ladder sent.
func (c *Room) PostStep(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.PostStep(ctx, n.ID, form.Get("id"), form.Get("step"), form.Get("text"), me(r))
	})
}

// StepWent writes whether a letter that may have gone did.
func (c *Room) StepWent(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.StepWent(ctx, n.ID, r.PathValue("letter"), form.Get("went") == "1", me(r))
	})
}
