package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/evidence"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/takedown"
	"vigie/internal/takedown/address"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// noticeRow is a notice in a list.
type noticeRow struct {
	takedown.Notice
	platform, ground, state, due string
	late                         bool
	tone                         ui.Tone
}

// noticeView is one notice, ready to be drawn.
type noticeView struct {
	noticeRow
	say        *i18n.Printer
	act        string
	reference  string // of the file
	rule       catalogue.Ground
	grounds    []ui.Option
	routes     []noticeRoute
	lacks      []string
	second     bool // a second person has to read it
	mine       bool // the reader drafted it
	supervises bool
	checks     []string
	talking    []ui.Option // conversations of the file in which the child can be told now
	told       string      // what she can be told
	art20      string
	articles   string
	faith      string
	withheld   string
	machines   []string // the routes by which a machine can send it now
	oneByOne   bool     // a machine could, were it one notice an address
	trouble    string   // why a sending came to nothing
	letters    []noticeLetter
	went       []noticeLetter // those that went, or are going, the newest first
	steps      []noticeStep   // the letters of the ladder that can go now
	next       string         // the step that is due
	replies    []replyView
	waits      bool // a reply waits to be dealt with
}

// noticeRoute is one way for a notice to go.
type noticeRoute struct {
	catalogue.Route
	name  string
	login string
	note  string
	form  *catalogue.PortalForm
	// byHand says that it is a letter, and no mail server is set up to send it.
	byHand bool
}

// noticesOf are the notices of a file.
func (c *Room) noticesOf(ctx context.Context, say *i18n.Printer, fileID string) ([]noticeRow, error) {
	all, err := c.Takedown.Of(ctx, fileID)
	var rows []noticeRow
	for _, n := range all {
		rows = append(rows, c.noticeRow(say, n))
	}
	return rows, err
}

func (c *Room) noticeRow(say *i18n.Printer, n takedown.Notice) noticeRow {
	set := c.Catalogue()
	row := noticeRow{Notice: n, platform: n.Content.Host, state: say.T("takedown.state." + string(n.State)), tone: ui.Calm}
	if p, ok := set.Platforms.ByCode(n.Platform); ok {
		row.platform = say.Text(p.Label().In(say.Lang()))
	}
	if row.platform == "" {
		row.platform = say.T("takedown.unknown_host")
	}
	if g, ok := set.Grounds.ByCode(n.Ground); ok {
		row.ground = say.Text(g.Label.In(say.Lang()))
	}
	if n.DueAt > 0 && n.State != takedown.Draft && n.State != takedown.Ready { // those are finished, not looked at again
		row.due, row.late = say.DateTime(at(n.DueAt)), at(n.DueAt).Before(c.Now())
	}
	switch n.State {
	case takedown.Removed, takedown.Watching:
		row.tone = ui.Success
	case takedown.Unknown, takedown.Reappeared:
		row.tone = ui.Warn
	}
	return row
}

// groundOptions are what a notice of a file may be based on: what its category proposes first, and chosen. A file without a category
// proposes nothing: whoever writes the notice says what it is.
func (c *Room) groundOptions(say *i18n.Printer, topic, chosen string) []ui.Option {
	set := c.Catalogue()
	proposed := set.Grounds.For(topic, true)
	if chosen == "" && topic != "" && len(proposed) > 0 {
		chosen = proposed[0].Code
	}
	var all []ui.Option
	add := func(g catalogue.Ground, group string) {
		all = append(all, ui.Option{Value: g.Code, Label: say.Text(g.Label.In(say.Lang())), Group: group, Checked: g.Code == chosen})
	}
	for _, g := range proposed {
		add(g, say.T("takedown.proposed"))
	}
	for _, g := range set.Grounds.All {
		if !g.Retired && g.Fits(true) && !slices.ContainsFunc(proposed, func(p catalogue.Ground) bool { return p.Code == g.Code }) {
			add(g, say.T("takedown.others"))
		}
	}
	return all
}

// BeginNotice makes drafts of pasted links, one a platform; the links are kept as evidence first.
func (c *Room) BeginNotice(w http.ResponseWriter, r *http.Request) error {
	fileID := r.PathValue("file")
	if _, err := c.mayCase(r, fileID); err != nil {
		return err
	}
	form, err := answer.LongForm(w, r)
	if err != nil {
		return err
	}
	drafts, err := c.draftsOf(form)
	if err != nil {
		return err
	}
	ctx := r.Context()
	for i := range drafts {
		d := &drafts[i]
		d.FileID, d.ID = fileID, form.Get("id")
		if i > 0 { // one paste, several platforms: each has an id that a second sending makes again
			d.ID = secondID(form.Get("id"), i)
		}
		for j, link := range d.Content.Addresses {
			kept := evidence.Content{Address: link, Account: d.Content.Account, Platform: d.Platform, Seen: d.Content.Seen}
			if err := c.Evidence.AddLink(ctx, fileID, secondID(d.ID, 1000+j), kept, me(r)); err != nil {
				return err
			}
		}
		if err := c.Takedown.Begin(ctx, *d, me(r)); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/desk/cases/"+fileID+"/notices/"+drafts[0].ID, http.StatusSeeOther)
	return nil
}

// draftsOf reads what was pasted: its links by platform. It returns fault.Invalid "fault.takedown.address" for none,
// "fault.takedown.lookalike" for one that is made to deceive, "fault.takedown.paste" for too many.
func (c *Room) draftsOf(form url.Values) ([]takedown.Drafting, error) {
	targets, left := address.All(c.Catalogue().Platforms, form.Get("links"))
	if left > 0 {
		return nil, fault.New(fault.Invalid, "fault.takedown.paste", "max", address.MaxLinks)
	}
	var drafts []takedown.Drafting
	for _, t := range targets {
		if !t.Found() {
			continue
		}
		if t.Suspicious() {
			return nil, fault.New(fault.Invalid, "fault.takedown.lookalike")
		}
		host := ""
		if t.Platform == "" {
			host = t.Host
		}
		i := slices.IndexFunc(drafts, func(d takedown.Drafting) bool { return d.Platform == t.Platform && d.Content.Host == host })
		if i < 0 {
			drafts = append(drafts, takedown.Drafting{Platform: t.Platform, Kind: string(t.Kind), Ground: form.Get("ground"), Minor: form.Get("adult") == "",
				Content: takedown.Content{Account: t.Account, Item: t.Item, Host: host, Seen: strings.TrimSpace(form.Get("seen")), Facts: form.Get("facts")}})
			i = len(drafts) - 1
		}
		drafts[i].Content.Addresses = append(drafts[i].Content.Addresses, t.Address)
	}
	if len(drafts) == 0 {
		return nil, fault.New(fault.Invalid, "fault.takedown.address")
	}
	return drafts, nil
}

// SplitNotice makes one draft an address of a draft with several, so that an API can take each.
func (c *Room) SplitNotice(w http.ResponseWriter, r *http.Request) error {
	n, err := c.notice(r)
	if err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	targets, _ := address.All(c.Catalogue().Platforms, strings.Join(n.Content.Addresses, "\n"))
	parts := make([]takedown.Part, len(n.Content.Addresses))
	for i, link := range n.Content.Addresses {
		parts[i] = takedown.Part{ID: n.ID, Address: link, Kind: n.Kind}
		if i > 0 {
			parts[i].ID = secondID(n.ID, 2000+i)
		}
		if at := slices.IndexFunc(targets, func(t address.Target) bool { return t.Address == link }); at >= 0 {
			parts[i].Kind, parts[i].Account, parts[i].Item = string(targets[at].Kind), targets[at].Account, targets[at].Item
		}
	}
	if err := c.Takedown.Split(r.Context(), n.ID, number(form.Get("rev")), parts, me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/cases/"+n.FileID+"#case-notices", http.StatusSeeOther)
	return nil
}

// secondID is an id that follows from another one (RFC 9562 §5.5), "" from what is none.
func secondID(id string, n int) string {
	space, err := uuid.Parse(id)
	if err != nil {
		return ""
	}
	return uuid.NewSHA1(space, []byte(strconv.Itoa(n))).String()
}

// notice reads one notice of a file that she may read.
func (c *Room) notice(r *http.Request) (takedown.Notice, error) {
	if _, err := c.mayCase(r, r.PathValue("file")); err != nil {
		return takedown.Notice{}, err
	}
	n, err := c.Takedown.Notice(r.Context(), r.PathValue("notice"))
	if err == nil && n.FileID != r.PathValue("file") {
		err = fault.New(fault.NotFound, "fault.takedown.unknown")
	}
	return n, err
}

// Notice shows one notice and what is to do with it now.
func (c *Room) Notice(w http.ResponseWriter, r *http.Request) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	file, err := c.Files.Get(ctx, r.PathValue("file"))
	if err != nil {
		return err
	}
	n, err := c.notice(r)
	if err != nil {
		return err
	}
	v, err := c.noticeView(ctx, say, m.Person, n)
	if err != nil {
		return err
	}
	d, changes := c.caseShell(r, say, file, "takedown.title")
	answer.Page(w, r, http.StatusOK, noticePage(v, d, changes))
	return nil
}

func (c *Room) noticeView(ctx context.Context, say *i18n.Printer, reader staff.Person, n takedown.Notice) (v noticeView, err error) {
	file, err := c.Files.Get(ctx, n.FileID)
	if err != nil {
		return v, err
	}
	set := c.Catalogue()
	v = noticeView{noticeRow: c.noticeRow(say, n), say: say, act: "/desk/cases/" + n.FileID + "/notices/" + n.ID, reference: file.Reference,
		grounds: c.groundOptions(say, file.Topic, n.Ground), second: c.Takedown.SecondReader(n.Ground), mine: n.DraftedBy == reader.ID,
		supervises: reader.Can(staff.CaseAll), told: i18n.For(n.Content.Lang).T("takedown.told_text")}
	v.rule, _ = set.Grounds.ByCode(n.Ground)
	v.articles = articles(set, i18n.For(n.Content.Lang), v.rule.Articles)
	v.faith, v.withheld = set.Grounds.GoodFaith.In(n.Content.Lang), set.Grounds.Withheld.In(n.Content.Lang)
	kept, err := c.Evidence.Kept(ctx, n.FileID)
	if err != nil {
		return v, err
	}
	v.lacks = c.Takedown.Lacks(n, kept)
	if platform, ok := set.Platforms.ByCode(n.Platform); ok {
		for _, route := range platform.Routes {
			if !route.For(catalogue.AddressKind(n.Kind)) {
				continue
			}
			d := noticeRoute{Route: route, name: say.T("takedown.route." + string(route.Kind)), login: say.Text(route.Login.In(say.Lang())), note: say.Text(route.Note.In(say.Lang()))}
			d.byHand = takedown.ByLetter(string(route.Kind)) && !c.Takedown.Posts()
			if form, ok := set.Platforms.Form(route.Form); ok {
				d.form = &form
			}
			v.routes = append(v.routes, d)
		}
	}
	checks, err := c.Takedown.Checks(ctx, n.ID)
	if err != nil {
		return v, err
	}
	for _, k := range checks {
		who := say.T("takedown.machine")
		if k.StaffID != "" {
			who = c.Alias(ctx, k.StaffID)
		}
		line := say.T("takedown.check", "what", say.T("takedown.found."+k.Found), "who", who, "when", say.DateTime(at(k.At)))
		for _, key := range []string{"takedown.why." + k.Why, "route.why." + k.Why} {
			if say.Has(key) {
				line = say.T("takedown.check_why", "line", line, "why", say.T(key))
				break
			}
		}
		v.checks = append(v.checks, line)
	}
	if until := n.Art20Until(); !until.IsZero() {
		v.art20 = say.Date(until)
	}
	split, err := c.Takedown.OneByOne(ctx, n)
	if err != nil {
		return v, err
	}
	v.oneByOne = len(split) > 0
	if v.machines, err = c.Takedown.ByMachine(ctx, n); err != nil {
		return v, err
	}
	if n.Content.Trouble != "" && say.Has(n.Content.Trouble) {
		v.trouble = say.Fault(fault.New(fault.Conflict, n.Content.Trouble, troubleOf(n)...))
	}
	if err := c.mailOf(ctx, &v, takedown.Sight{StaffID: reader.ID, All: reader.Can(staff.CaseAll)}); err != nil {
		return v, err
	}
	v.talking, err = c.talkingWith(ctx, say, reader, n.FileID)
	return v, err
}

// talkingWith are the child's conversations of a file that the reader has in hand now.
func (c *Room) talkingWith(ctx context.Context, say *i18n.Printer, reader staff.Person, fileID string) ([]ui.Option, error) {
	all, err := c.Files.Contacts(ctx, fileID)
	if err != nil {
		return nil, err
	}
	var open []ui.Option
	for _, x := range all {
		ct, err := c.Contacts.Get(ctx, x.ContactID)
		if err = ignoreGone(err); err != nil {
			return nil, err
		}
		if x.Room == casefile.RoomChild && ct.CounsellorID == reader.ID && ct.Channel == contact.ChannelChat && ct.State.Open() {
			open = append(open, ui.Option{Value: ct.ID, Label: c.title(say, ct)})
		}
	}
	return open, nil
}

// fieldOf is what of a notice is copied into a field of a form.
func (v noticeView) fieldOf(copies string) string {
	switch copies {
	case "address":
		return strings.Join(v.Content.Addresses, "\n")
	case "account":
		return v.Content.Account
	case "item":
		return v.Content.Item
	case "seen_at":
		return v.Content.Seen
	case "ground":
		return v.ground
	case "articles", "law":
		return v.articles
	case "statement":
		return v.Content.Statement
	case "good_faith":
		return v.faith
	case "reference":
		return v.Content.Reference
	case "name", "email":
		if v.Content.Withhold {
			return v.withheld
		}
	}
	return ""
}

// changeNotice has act change a notice of a file that she may read, and shows it again.
func (c *Room) changeNotice(w http.ResponseWriter, r *http.Request, act func(ctx context.Context, n takedown.Notice, form url.Values) error) error {
	n, err := c.notice(r)
	if err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := act(r.Context(), n, form); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/cases/"+n.FileID+"/notices/"+n.ID, http.StatusSeeOther)
	return nil
}

// RewriteNotice changes a draft.
func (c *Room) RewriteNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		d := takedown.Drafting{ID: n.ID, FileID: n.FileID, Platform: n.Platform, Kind: n.Kind, Ground: form.Get("ground"), Route: n.Route, Minor: form.Get("adult") == "", Content: n.Content}
		d.Content.Account, d.Content.Seen, d.Content.Facts = strings.TrimSpace(form.Get("account")), strings.TrimSpace(form.Get("seen")), form.Get("facts")
		d.Content.Withhold = form.Get("withhold") != ""
		d.Content.Statement = strings.ReplaceAll(strings.TrimSpace(form.Get("statement")), "\r\n", "\n")
		if form.Get("anew") != "" || d.Content.Statement == n.Content.Statement && !c.Takedown.Written(n) {
			d.Content.Statement = "" // made of the ground and the facts
		}
		return c.Takedown.Rewrite(ctx, d, number(form.Get("rev")), me(r))
	})
}

// NoticeConsent writes that the child said yes, or why a supervisor goes without.
func (c *Room) NoticeConsent(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		why := ""
		if form.Get("yes") == "" {
			if !session.Staff(r).Can(staff.CaseAll) {
				return fault.New(fault.Forbidden, "fault.takedown.supervisor")
			}
			if why = strings.TrimSpace(form.Get("why")); why == "" {
				return fault.New(fault.Invalid, "fault.takedown.why")
			}
		}
		return c.Takedown.Consented(ctx, n.ID, why, me(r))
	})
}

// NoticePolice writes that the police were asked about the timing, or that it was not needed.
func (c *Room) NoticePolice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.AskedPolice(ctx, n.ID, form.Get("asked") != "", me(r))
	})
}

// ApproveNotice says that a notice may go.
func (c *Room) ApproveNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, _ url.Values) error {
		kept, err := c.Evidence.Kept(ctx, n.FileID)
		if err != nil {
			return err
		}
		return c.Takedown.ApproveNotice(ctx, n.ID, kept, me(r))
	})
}

// SendNotice has a machine send a notice.
func (c *Room) SendNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		if takedown.ByLetter(form.Get("route")) {
			return c.Takedown.Post(ctx, n.ID, takedown.Posting{Route: form.Get("route"), To: form.Get("to"), Classification: form.Get("classification")}, me(r))
		}
		return c.Takedown.SendBy(ctx, n.ID, form.Get("route"), me(r))
	})
}

// FiledNotice writes that a notice was filed by hand.
func (c *Room) FiledNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.Filed(ctx, n.ID, form.Get("route"), form.Get("reference"), me(r))
	})
}

// AnsweredNotice writes what the platform said.
func (c *Room) AnsweredNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.Answered(ctx, n.ID, form.Get("decision"), form.Get("said"), me(r))
	})
}

// LookedAtNotice writes what she found when she looked.
func (c *Room) LookedAtNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.Found(ctx, n.ID, form.Get("found"), "looked", me(r))
	})
}

// EscalateNotice writes that she went a step higher.
func (c *Room) EscalateNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.Escalate(ctx, n.ID, form.Get("step"), me(r))
	})
}

// MoveNotice takes a notice back, or ends it.
func (c *Room) MoveNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		return c.Takedown.Move(ctx, n.ID, takedown.Event(form.Get("event")), me(r))
	})
}

// TellOfNotice tells the child that it is gone, in her own conversation where there is one, and writes that she was told.
func (c *Room) TellOfNotice(w http.ResponseWriter, r *http.Request) error {
	return c.changeNotice(w, r, func(ctx context.Context, n takedown.Notice, form url.Values) error {
		if id := form.Get("contact"); id != "" {
			open, err := c.talkingWith(ctx, answer.Printer(r), session.Staff(r).Person, n.FileID)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(open, func(o ui.Option) bool { return o.Value == id }) {
				return fault.New(fault.Forbidden, "fault.contact.not_yours")
			}
			if _, err := c.Chats.Send(ctx, chat.Sending{ID: form.Get("message_id"), ContactID: id, From: chat.Staff, AuthorID: session.Staff(r).ID, Body: form.Get("words")}); err != nil {
				return err
			}
		}
		return c.Takedown.Told(ctx, n.ID, me(r))
	})
}
