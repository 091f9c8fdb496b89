package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vigie/internal/fault"
	"vigie/internal/staff"
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
	trouble     string      // what it lacks
}

// replyView is something that came back, ready to be read.
type replyView struct {
	takedown.Reply
	when, from, why, kind string
	said                  string // its words, without what it quotes
	says                  []ui.Option
	notices               []ui.Option // those that it may belong to
	returned              bool
}

func troubleOf(n takedown.Notice) []any {
	var all []any
	for _, text := range n.Content.TroubleOf {
		all = append(all, text)
	}
	return all
}

// mailOf adds what went and came by e-mail to the view of a notice.
func (c *Room) mailOf(ctx context.Context, v *noticeView) error {
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
	if went, ok, err := c.Takedown.LetterOf(ctx, v.Notice); err != nil {
		return err
	} else if ok && v.State != takedown.Draft && v.State != takedown.Ready {
		v.letter = &noticeLetter{Letter: went, when: v.say.DateTime(at(went.WrittenAt))}
	}
	all, err := c.Takedown.Replies(ctx, v.ID)
	for _, k := range all {
		v.replies = append(v.replies, c.replyView(v.say, k))
		v.waits = v.waits || k.State == takedown.Waits
	}
	return err
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
	notices, err := c.answerable(ctx, say, m.Person)
	if err != nil {
		return err
	}
	var rows []replyView
	for _, k := range loose {
		v := c.replyView(say, k)
		for _, o := range notices {
			o.Group = say.T("replies.other_notices")
			if slices.Contains(k.Content.Candidates, o.Value) {
				o.Group = say.T("replies.pointed")
			}
			v.notices = append(v.notices, o)
		}
		slices.SortStableFunc(v.notices, func(a, b ui.Option) int {
			return strings.Compare(b.Group, a.Group)
		})
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

// answerable are the notices that went and that she may read: those to which a reply may belong.
func (c *Room) answerable(ctx context.Context, say *i18n.Printer, reader staff.Person) ([]ui.Option, error) {
	all, err := c.Takedown.Desk(ctx)
	if err != nil {
		return nil, err
	}
	var open []ui.Option
	reference := c.references(ctx)
	for _, n := range all {
		how, err := c.Files.May(ctx, n.FileID, reader.ID, reader.Can(staff.CaseAll))
		if fault.Is(err, fault.NotFound) || err == nil && how == "" || err == nil && n.SubmittedAt == 0 && n.State != takedown.Unknown {
			continue
		}
		if err != nil {
			return nil, err
		}
		file, err := reference(n.FileID)
		if err != nil {
			return nil, err
		}
		row := c.noticeRow(say, n)
		open = append(open, ui.Option{Value: n.ID, Label: file + " · " + say.T("takedown.one", "n", n.Number, "platform", row.platform)})
	}
	return open, nil
}

// MatchReply puts a reply to a notice that she may read, and shows it there.
func (c *Room) MatchReply(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	open, err := c.answerable(ctx, answer.Printer(r), session.Staff(r).Person)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(open, func(o ui.Option) bool { return o.Value == form.Get("notice") }) {
		return fault.New(fault.NotFound, "fault.takedown.unknown")
	}
	n, err := c.Takedown.Notice(ctx, form.Get("notice"))
	if err != nil {
		return err
	}
	if err := c.Takedown.Match(ctx, r.PathValue("reply"), n.ID, me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/cases/"+n.FileID+"/notices/"+n.ID, http.StatusSeeOther)
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
