package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vigie/internal/fault"
	"vigie/internal/takedown"
	"vigie/internal/takedown/route/xarf"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// noticeLetter is a letter, before or after it went.
type noticeLetter struct {
	takedown.Letter
	route, name string
	when        string
	asksTo      bool        // whoever sends gives the mailbox
	classes     []ui.Option // what a report on images has to say of them
	trouble     string      // what it lacks, or why it did not go
	unknown     bool        // it may have gone, and is a step of the ladder
}

// replyView is something that came back, ready to be read.
type replyView struct {
	takedown.Reply
	when, from, why, kind string
	said                  string // its words, without what it quotes
	says                  []ui.Option
	notices               []ui.Option // those that it may belong to
	returned              bool
	drawn                 string // what was drawn from it
	dealt                 string // by whom it was dealt with, and when
	mayMove, mayUndo      bool
}

func troubleOf(n takedown.Notice) []any {
	var all []any
	for _, text := range n.Content.TroubleOf {
		all = append(all, text)
	}
	return all
}

// mailOf adds what went and came by e-mail to the view of a notice.
func (c *Room) mailOf(ctx context.Context, v *noticeView, see takedown.Sight) error {
	_, known := c.Catalogue().Platforms.ByCode(v.Platform)
	var machines []string
	for _, code := range v.machines {
		if !takedown.ByLetter(code) {
			machines = append(machines, code)
			continue
		}
		l := noticeLetter{route: code, name: v.say.T("takedown.route." + code), asksTo: !known}
		var err error
		if l.Letter, err = c.Takedown.Preview(v.Notice, code); fault.As(err) != nil {
			l.trouble = v.say.Fault(err)
		} else if err != nil {
			return err
		}
		if c.Takedown.Classifies(v.Notice, code) {
			for _, class := range xarf.Classifications {
				l.classes = append(l.classes, ui.Option{Value: class, Label: v.say.T("replies.class." + strings.ToLower(class))})
			}
		}
		v.letters = append(v.letters, l)
	}
	v.machines = machines
	if err := c.lettersOf(ctx, v); err != nil {
		return err
	}
	all, err := c.Takedown.Replies(ctx, v.ID)
	if err != nil || len(all) == 0 {
		return err
	}
	var pointed []string
	for _, k := range all {
		pointed = append(pointed, k.Content.Candidates...)
	}
	others, err := c.Takedown.Answerable(ctx, see, pointed)
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(e takedown.Entry) bool { return e.ID == v.ID })
	for _, k := range all {
		drawn := c.replyView(v.say, k)
		if drawn.mayMove, drawn.mayUndo = k.MayMove(), k.MayUndo(v.Notice); drawn.mayMove {
			drawn.notices = c.noticeOptions(v.say, others, k.Content.Candidates)
		}
		if k.DealtAt > 0 {
			drawn.dealt = v.say.T("replies.dealt", "who", c.Alias(ctx, k.DealtBy), "when", v.say.DateTime(at(k.DealtAt)))
		}
		if k.Drawn != "" {
			drawn.drawn = v.say.T("replies.drawn." + string(k.Drawn))
		}
		v.replies = append(v.replies, drawn)
		v.waits = v.waits || k.State == takedown.Waits
	}
	return nil
}

func (c *Room) replyView(say *i18n.Printer, k takedown.Reply) replyView {
	r := replyView{Reply: k, when: say.DateTime(at(k.ReceivedAt)), from: strings.Join(k.Content.From, ", "), kind: say.T("replies.kind." + k.Kind), returned: k.Delivery == "failed"}
	if r.from == "" {
		r.from = say.T("replies.nobody")
	}
	if k.Why != "" {
		r.why = say.T("replies.why." + k.Why)
	}
	if k.Kind != "bounce" {
		r.said = unquoted(k.Content.Text)
	}
	add := func(value, label string) {
		r.says = append(r.says, ui.Option{Value: value, Label: say.T(label), Checked: value == takedown.SaysReceived && k.Kind == "automatic" || value == takedown.SaysReturned && r.returned})
	}
	if r.returned {
		add(takedown.SaysReturned, "replies.says.returned")
	}
	add(takedown.SaysReceived, "takedown.action_none_yet")
	for _, action := range takedown.Actions {
		add(action, "takedown.action."+action)
	}
	add(takedown.SaysNothing, "replies.says.nothing")
	return r
}

// unquoted is what a letter says of its own, 500 characters at most: what stands behind ">" is ours.
func unquoted(text string) string {
	var own []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); !strings.HasPrefix(line, ">") {
			own = append(own, line)
		}
	}
	said := []rune(strings.TrimSpace(strings.Join(own, "\n")))
	return string(said[:min(len(said), 500)])
}

// DealReply writes what a reply says, as she read it.
func (c *Room) DealReply(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.Deal(ctx, n.ID, r.PathValue("reply"), form.Get("says"), strings.TrimSpace(form.Get("said")), me(r))
	})
}

// Replies are what came back and belongs to no notice yet, each with why.
func (c *Room) Replies(w http.ResponseWriter, r *http.Request) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	state, err := c.Takedown.Mailbox(ctx)
	if err != nil {
		return err
	}
	loose, err := c.Takedown.LooseReplies(ctx, me(r))
	if err != nil {
		return err
	}
	var pointed []string
	for _, k := range loose {
		pointed = append(pointed, k.Content.Candidates...)
	}
	notices, err := c.Takedown.Answerable(ctx, sight(m), pointed)
	if err != nil {
		return err
	}
	var rows []replyView
	for _, k := range loose {
		v := c.replyView(say, k)
		v.notices = c.noticeOptions(say, notices, k.Content.Candidates)
		rows = append(rows, v)
	}
	how := say.T("replies.by_hand_box")
	if state.Reads {
		how = say.T("replies.box_never")
		if state.ReadAt > 0 {
			how = say.T("replies.box_read", "when", say.DateTime(at(state.ReadAt)))
		}
	}
	trouble := ""
	if state.Reads && state.Trouble != "" {
		trouble = say.Fault(fault.New(fault.Unavailable, state.Trouble))
	}
	answer.Page(w, r, http.StatusOK, repliesPage(say, c.shell(r, say, m, "replies.title"), rows, how, trouble))
	return nil
}

// noticeOptions are notices to choose from, those that a reply points to first.
func (c *Room) noticeOptions(say *i18n.Printer, all []takedown.Entry, pointed []string) []ui.Option {
	var first, others []ui.Option
	for _, e := range all {
		row := c.noticeRow(say, e.Notice)
		o := ui.Option{Value: e.ID, Label: e.Reference + " · " + say.T("takedown.one", "n", e.Number, "platform", row.platform), Group: say.T("replies.other_notices")}
		if slices.Contains(pointed, e.ID) {
			o.Group = say.T("replies.pointed")
			first = append(first, o)
			continue
		}
		others = append(others, o)
	}
	return append(first, others...)
}

// MatchReply puts a reply to a notice that she may read, and shows it there.
func (c *Room) MatchReply(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	n, err := c.answerable(r, form.Get("notice"))
	if err != nil {
		return err
	}
	if err := c.Takedown.Match(ctx, r.PathValue("reply"), n.ID, me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/cases/"+n.FileID+"/notices/"+n.ID, http.StatusSeeOther)
	return nil
}

// answerable is a notice to which a reply may belong: one that went and that she may read.
func (c *Room) answerable(r *http.Request, id string) (takedown.Notice, error) {
	may, err := c.Takedown.MayAnswer(r.Context(), sight(session.Staff(r)), id)
	if err != nil {
		return takedown.Notice{}, err
	}
	if !may {
		return takedown.Notice{}, fault.New(fault.NotFound, "fault.takedown.unknown")
	}
	return c.Takedown.Notice(r.Context(), id)
}

// MoveReply moves a reply that is on the wrong notice: to one that went and that she may read, or to those that belong to none.
func (c *Room) MoveReply(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		to := form.Get("notice")
		if to != "" {
			if _, err := c.answerable(r, to); err != nil {
				return err
			}
		}
		return c.Takedown.MoveReply(ctx, n.ID, r.PathValue("reply"), to, me(r))
	})
}

// UndoReply takes back what was drawn from a reply.
func (c *Room) UndoReply(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, _ url.Values) error {
		return c.Takedown.Undo(ctx, n.ID, r.PathValue("reply"), me(r))
	})
}

// AsideReplies are what was set aside, with who did, when and why.
func (c *Room) AsideReplies(w http.ResponseWriter, r *http.Request) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	page := int(max(0, min(number(r.URL.Query().Get("page")), 10_000)))
	all, more, err := c.Takedown.AsideReplies(ctx, page, me(r))
	if err != nil {
		return err
	}
	v := asideView{say: say}
	for _, k := range all {
		row := c.replyView(say, k)
		row.dealt = say.T("replies.aside_by", "who", c.Alias(ctx, k.DealtBy), "when", say.DateTime(at(k.DealtAt)), "until", say.Date(at(k.DealtAt).Add(takedown.AsideKept)))
		v.rows = append(v.rows, row)
	}
	if page > 0 {
		v.before = "/desk/replies/aside?page=" + strconv.Itoa(page-1)
	}
	if more {
		v.next = "/desk/replies/aside?page=" + strconv.Itoa(page+1)
	}
	answer.Page(w, r, http.StatusOK, asidePage(v, c.shell(r, say, m, "replies.aside_title")))
	return nil
}

// asideView is a page of replies that were set aside.
type asideView struct {
	say          *i18n.Printer
	rows         []replyView
	before, next string
}

// TakeBackReply puts a reply that was set aside back to those that belong to no notice yet.
func (c *Room) TakeBackReply(w http.ResponseWriter, r *http.Request) error {
	if err := c.Takedown.TakeBack(r.Context(), r.PathValue("reply"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/replies", http.StatusSeeOther)
	return nil
}

// AsideReply says that a reply belongs to no notice, and why.
func (c *Room) AsideReply(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Takedown.SetAside(r.Context(), r.PathValue("reply"), form.Get("why"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/replies", http.StatusSeeOther)
	return nil
}
