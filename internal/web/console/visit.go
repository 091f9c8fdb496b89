package console

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/mask"
	"vigie/internal/rehearsal"
	"vigie/internal/visit"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// visitRow is a visit in the list.
type visitRow struct {
	visit.Visit
	title, line, state string
	tone               ui.Tone
}

// visitsView is the page of all visits.
type visitsView struct {
	say         *i18n.Printer
	open, over  []visitRow
	today       string
	stories     []storyRow
	fault       string
	name, house string // what was typed into a form that was refused
}

// Visits lists who comes to look on, and who came.
func (c *Room) Visits(w http.ResponseWriter, r *http.Request) error {
	return c.visits(w, r, http.StatusOK, visitsView{})
}

func (c *Room) visits(w http.ResponseWriter, r *http.Request, code int, v visitsView) error {
	say, m := answer.Printer(r), session.Staff(r)
	v.say, v.today, v.stories = say, c.Now().In(i18n.Paris).Format(time.DateOnly), stories(say)
	all, err := c.Watching.List(r.Context())
	if err != nil {
		return err
	}
	for _, x := range all {
		row := c.visitRow(r.Context(), say, x)
		if x.State == visit.Ended {
			v.over = append(v.over, row)
		} else {
			v.open = append(v.open, row)
		}
	}
	answer.Page(w, r, code, visitsPage(v, c.shell(r, say, m, "visit.title")))
	return nil
}

func (c *Room) visitRow(ctx context.Context, say *i18n.Printer, x visit.Visit) visitRow {
	row := visitRow{Visit: x, title: x.Guest.Organisation, state: say.T("visit.state." + string(x.State)), tone: ui.Calm}
	if x.State == visit.Following {
		row.tone = ui.Warn
	}
	row.line = say.T("visit.line", "day", say.Date(dayOf(x.PlannedOn)), "host", c.Alias(ctx, x.HostID), "purpose", say.T("visit.purpose."+x.Purpose))
	if x.State == visit.Ended {
		row.state = say.T("visit.why." + x.EndedWhy)
	}
	return row
}

// dayOf is noon of a day of the calendar.
func dayOf(day string) time.Time {
	t, _ := time.Parse(time.DateOnly, day)
	return t.Add(12 * time.Hour)
}

// PlanVisit notes a visit that is to come.
func (c *Room) PlanVisit(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	x, err := c.Watching.Plan(r.Context(), visit.Planning{ID: form.Get("id"), Purpose: form.Get("purpose"), Lang: form.Get("lang"), On: form.Get("on"),
		Guest: visit.Guest{Name: form.Get("name"), Organisation: form.Get("organisation")}}, me(r))
	if fault.Is(err, fault.Invalid) {
		answer.Log(r, err)
		return c.visits(w, r, answer.Status(err), visitsView{fault: answer.Printer(r).Fault(err), name: form.Get("name"), house: form.Get("organisation")})
	}
	if err != nil {
		return err
	}
	return toVisit(w, r, x.ID)
}

func toVisit(w http.ResponseWriter, r *http.Request, id string) error {
	http.Redirect(w, r, "/desk/visits/"+id, http.StatusSeeOther)
	return nil
}

// visitView is one visit, as the supervisor steers it.
type visitView struct {
	visitRow
	say     *i18n.Printer
	atHost  bool // this is the session in which the guest signed
	host    string
	signed  string
	stories []storyRow
	live    []liveRow
	lines   []visitLine
	follows string // the invented contact, by its title
	ended   string
	next    int64 // the message that one key releases
}

// liveRow is a chat that is going on, whose person may be asked.
type liveRow struct{ id, title, line string }

// visitLine is a message as it was written, beside what the guest would read.
type visitLine struct {
	visit.Line
	who, body string
}

// Visit is the supervisor's own page of a visit: she steers it from here.
func (c *Room) Visit(w http.ResponseWriter, r *http.Request) error {
	say, m := answer.Printer(r), session.Staff(r)
	v, err := c.visitView(r.Context(), say, m, r.PathValue("visit"))
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, visitPage(v, c.apart(say, m, "visit.title")))
	return nil
}

func (c *Room) visitView(ctx context.Context, say *i18n.Printer, m session.Member, id string) (v visitView, err error) {
	x, err := c.Watching.Get(ctx, id)
	if err != nil {
		return v, err
	}
	v = visitView{visitRow: c.visitRow(ctx, say, x), say: say, atHost: x.AtHost(m.ID, m.Session.ID) == nil, host: c.Alias(ctx, x.HostID)}
	if x.SignedAt > 0 {
		v.signed = say.T("visit.signed", "name", x.Guest.Signature, "when", say.DateTime(at(x.SignedAt)))
	}
	if x.EndedAt > 0 {
		v.ended = say.T("visit.ended", "when", say.DateTime(at(x.EndedAt)), "why", say.T("visit.why."+x.EndedWhy), "n", x.Released)
	}
	if s, ok := rehearsal.Find(x.Rehearsal); ok {
		v.follows = say.Text(s.Title.In(say.Lang()))
	}
	switch {
	case x.State == visit.Signed && v.atHost:
		v.stories = stories(say)
		v.live, err = c.liveChats(ctx, say, m)
	case x.State == visit.Following && x.ContactID != "" && v.atHost:
		v.lines, v.next, err = c.visitLines(ctx, say, m, x)
	}
	return v, err
}

// liveChats are the chats whose person may be asked: none in danger, none whose person the supervisor knows or refused
// readers.
func (c *Room) liveChats(ctx context.Context, say *i18n.Printer, m session.Member) ([]liveRow, error) {
	all, err := c.Contacts.InStates(ctx, contact.Talking)
	if err != nil {
		return nil, err
	}
	var rows []liveRow
	for _, ct := range all {
		if ct.Channel != contact.ChannelChat || ct.Danger || ct.Grave {
			continue
		}
		recused, err := c.Router.Recused(ctx, m.ID, ct)
		if err != nil {
			return nil, err
		}
		alone, err := c.Listening.Refused(ctx, ct) // she said that nobody is to read along: she is not asked
		if err != nil {
			return nil, err
		}
		if !recused && !alone {
			rows = append(rows, liveRow{ct.ID, c.title(say, ct), say.T("visit.live_line", "who", c.Alias(ctx, ct.CounsellorID), "for", say.Duration(c.Now().Sub(at(ct.AnsweredAt))))})
		}
	}
	return rows, nil
}

func (c *Room) visitLines(ctx context.Context, say *i18n.Printer, m session.Member, x visit.Visit) (lines []visitLine, next int64, err error) {
	ct, err := c.Contacts.Get(ctx, x.ContactID)
	if err != nil {
		return nil, 0, err
	}
	if recused, err := c.Router.Recused(ctx, m.ID, ct); err != nil || recused {
		return nil, 0, err
	}
	all, err := c.Watching.Lines(ctx, x, c.Catalogue())
	if err != nil {
		return nil, 0, err
	}
	last := int64(0)
	for _, l := range all {
		if l.Released {
			last = l.Seq
		}
	}
	for _, l := range all {
		line := visitLine{Line: l, who: c.speaker(say, l.From), body: l.Body}
		if l.Kind != chat.Text {
			line.body = say.T("visit.no_words")
		}
		if next == 0 && !l.Released && l.Seq > last {
			next = l.Seq
		}
		lines = append(lines, line)
	}
	return lines, next, nil
}

// speaker says who wrote, and names nobody.
func (c *Room) speaker(say *i18n.Printer, from string) string {
	if from == chat.Visitor {
		return say.T("talk.person")
	}
	return say.T("rehearsal.counsellor")
}

// ActVisit is what a supervisor does with a visit.
func (c *Room) ActVisit(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ctx, id, m := r.Context(), r.PathValue("visit"), session.Staff(r)
	switch r.PathValue("act") {
	case "rehearsal":
		err = c.Watching.FollowRehearsal(ctx, id, form.Get("code"), m.Session.ID, me(r))
	case "ask":
		if _, err = c.open(r, form.Get("contact")); err == nil {
			err = c.Watching.Ask(ctx, id, form.Get("contact"), m.Session.ID, me(r))
		}
	case "release":
		var x visit.Visit
		if x, err = c.Watching.Get(ctx, id); err == nil {
			if _, err = c.open(r, x.ContactID); err == nil {
				err = c.Watching.Release(ctx, id, number(form.Get("seq")), numbers(form["also"]), m.Session.ID, me(r))
			}
		}
	case "cut":
		err = c.Watching.CutNow(ctx, id, me(r))
	case "end":
		err = c.Watching.EndBy(ctx, id, me(r))
	default:
		err = fault.New(fault.NotFound, "fault.not_found")
	}
	if err != nil {
		return err
	}
	if form.Get("from") == "screen" { // the one key, pressed on the guest's page
		http.Redirect(w, r, "/desk/visits/"+id+"/screen", http.StatusSeeOther)
		return nil
	}
	return toVisit(w, r, id)
}

// numbers reads the numbers of words; a script sends them in one field.
func numbers(all []string) []int {
	var out []int
	for _, field := range all {
		for part := range strings.SplitSeq(field, ",") {
			if n, err := strconv.Atoi(part); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// pledge is the text that a guest signs, in her language, paragraph by paragraph.
func pledge(say *i18n.Printer) []string {
	return []string{say.T("visit.pledge.v1.nothing"), say.T("visit.pledge.v1.secret"), say.T("visit.pledge.v1.person"), say.T("visit.pledge.v1.cut"), say.T("visit.pledge.v1.kept")}
}

// signView is the page on which a guest signs.
type signView struct {
	say   *i18n.Printer
	x     visit.Visit
	text  []string
	fault string
}

// VisitPledge hands the screen to the guest: she reads, ticks and types her name.
func (c *Room) VisitPledge(w http.ResponseWriter, r *http.Request) error {
	return c.pledgePage(w, r, http.StatusOK, "")
}

func (c *Room) pledgePage(w http.ResponseWriter, r *http.Request, code int, refusal string) error {
	x, err := c.Watching.Get(r.Context(), r.PathValue("visit"))
	if err != nil {
		return err
	}
	if x.State != visit.Planned || x.HostID != session.Staff(r).ID {
		return fault.New(fault.Conflict, "fault.visit.move")
	}
	r, say := guestOf(r, x)
	answer.Page(w, r, code, signPage(signView{say, x, pledge(say), refusal}, c.Site))
	return nil
}

// guestOf has a page speak the guest's language.
func guestOf(r *http.Request, x visit.Visit) (*http.Request, *i18n.Printer) {
	r = answer.WithLang(r, x.Lang)
	return r, answer.Printer(r)
}

// SignVisit takes the guest's signature.
func (c *Room) SignVisit(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	x, err := c.Watching.Get(r.Context(), r.PathValue("visit"))
	if err != nil {
		return err
	}
	_, say := guestOf(r, x)
	err = c.Watching.SignBy(r.Context(), x.ID, visit.Signing{Name: form.Get("name"), Organisation: form.Get("organisation"), Signature: form.Get("signature"), Agreed: form.Get("agreed") != "",
		Text: strings.Join(pledge(say), "\n"), Session: session.Staff(r).Session.ID}, me(r))
	if fault.Is(err, fault.Invalid) {
		answer.Log(r, err)
		return c.pledgePage(w, r, answer.Status(err), say.Fault(err))
	}
	if err != nil {
		return err
	}
	return toVisit(w, r, x.ID)
}

// guestView is the guest's page: it has no field in which what was written could be.
type guestView struct {
	say    *i18n.Printer
	id     string
	state  visit.State
	live   bool
	lines  []guestLine
	replay *replay
}

// guestLine is a message as the guest reads it.
type guestLine struct {
	seq   int64
	who   string
	mine  bool // the counsellor's
	parts []mask.Part
	words string // what stands for a message without words
}

// VisitScreen is the guest's page, at the supervisor's own screen: it works in the session in which the guest signed, and nowhere else.
func (c *Room) VisitScreen(w http.ResponseWriter, r *http.Request) error {
	x, err := c.guested(r)
	if err != nil {
		return err
	}
	r, say := guestOf(r, x)
	v, err := c.guestView(r.Context(), say, x, r.URL.Query().Get("at"))
	if err != nil {
		return err
	}
	if v.replay != nil && answer.Scripted(r) {
		answer.Fragment(w, r, together(replayStage(*v.replay), replayWay(*v.replay)))
		return nil
	}
	w.Header().Set("Cache-Control", "no-store")
	answer.Page(w, r, http.StatusOK, guestPage(v, c.Site))
	return nil
}

func (c *Room) guested(r *http.Request) (visit.Visit, error) {
	x, err := c.Watching.Get(r.Context(), r.PathValue("visit"))
	if err != nil {
		return x, err
	}
	m := session.Staff(r)
	return x, x.AtHost(m.ID, m.Session.ID)
}

func (c *Room) guestView(ctx context.Context, say *i18n.Printer, x visit.Visit, moment string) (v guestView, err error) {
	v = guestView{say: say, id: x.ID, state: x.State, live: x.ContactID != ""}
	if x.State != visit.Following {
		return v, nil
	}
	if s, ok := rehearsal.Find(x.Rehearsal); ok {
		played := c.replayAt(say, s, "/desk/visits/"+x.ID+"/screen", moment)
		v.replay = &played
		return v, nil
	}
	shown, err := c.Watching.Shown(ctx, x, c.Catalogue())
	if err != nil {
		return v, err
	}
	for _, m := range shown {
		l := guestLine{seq: m.Seq, who: c.speaker(say, m.From), mine: m.From == chat.Staff, parts: m.Parts}
		if m.Kind != chat.Text {
			l.words = say.T("visit.no_words")
		}
		v.lines = append(v.lines, l)
	}
	return v, nil
}

// ScreenEvents is the stream of the guest's page: it brings what was released, masked, and the cover.
func (c *Room) ScreenEvents(w http.ResponseWriter, r *http.Request) error {
	x, err := c.guested(r)
	if err != nil {
		return err
	}
	_, say := guestOf(r, x)
	ctx := context.WithoutCancel(r.Context())
	return c.Streams.Serve(w, r, session.Staff(r).ID, func(s *live.Stream) (func(), error) {
		draw := func(string, []byte) {
			x, err := c.Watching.Get(ctx, x.ID)
			if err == nil && x.State == visit.Following && x.Rehearsal != "" {
				return // its moments are the page's own
			}
			var v guestView
			if err == nil {
				v, err = c.guestView(ctx, say, x, "")
			}
			if err == nil {
				var e live.Event
				if e, err = live.Update(ctx, "", guestStage(v)); err == nil {
					s.Push(e)
				}
			}
			if err != nil {
				slog.Warn("a guest's page could not be drawn", "error", err)
				s.End()
			}
		}
		stop, err := c.Bus.Subscribe("visit."+x.ID, draw)
		if err != nil {
			return nil, err
		}
		draw("", nil)
		return stop, nil
	})
}

// VisitEvents is the stream of the supervisor's page of a visit: what is written, what was answered, and that it ended.
func (c *Room) VisitEvents(w http.ResponseWriter, r *http.Request) error {
	m, say, id, token := session.Staff(r), answer.Printer(r), r.PathValue("visit"), session.StaffToken(r)
	x, err := c.Watching.Get(r.Context(), id)
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(r.Context())
	return c.Streams.Serve(w, r, m.ID, func(s *live.Stream) (func(), error) {
		draw := func(string, []byte) {
			if _, _, err := c.Staff.Peek(ctx, token); err != nil {
				s.End()
				return
			}
			v, err := c.visitView(ctx, say, m, id)
			if err == nil {
				var e live.Event
				if e, err = live.Update(ctx, "", visitBody(v)); err == nil {
					s.Push(e)
				}
				if x.State != visit.Following && v.State == visit.Following {
					s.End() // the page comes back, and follows what is written from now on
				}
			}
			if err != nil {
				slog.Warn("a visit could not be drawn", "error", err)
				s.End()
			}
		}
		stop, err := c.Bus.Subscribe("visit."+id, draw)
		if err != nil {
			return nil, err
		}
		if x.State != visit.Following || x.ContactID == "" {
			draw("", nil)
			return stop, nil
		}
		// What is written meanwhile is added below, and leaves what she is ticking as it is.
		written := func(e chat.Event) {
			switch e.Kind {
			case chat.EventMessage:
				v, err := c.visitView(ctx, say, m, id)
				if err != nil || v.State != visit.Following {
					return
				}
				for _, l := range v.lines {
					if l.Seq == e.Message.Seq {
						if e, err := live.Update(ctx, "", visitLineItem(v, l)); err == nil {
							s.Push(e)
						}
					}
				}
			case chat.EventResync:
				s.End()
			}
		}
		ct, err := c.Contacts.Get(ctx, x.ContactID)
		if err != nil {
			stop()
			return nil, err
		}
		unfollow := c.Chats.Feed().Follow(x.ContactID, chat.Shown{Seq: x.FromSeq, Rev: ct.Rev}, written)
		return func() { stop(); unfollow() }, nil
	})
}

// spaceBefore is the space in front of a part; none where it follows on the one before it, as after an apostrophe.
func spaceBefore(i int, p mask.Part) string {
	if i > 0 && (p.Space || p.Line) {
		return " "
	}
	return ""
}
