package console

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/casefile"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/fault"
	"vigie/internal/rota"
	"vigie/internal/staff"
	"vigie/internal/takedown"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
)

// The handover page is what a morning, and a change of shift, begins with: what the shift before wrote, and what it left, in the order
// in which it is to be done. Each line is something that its reader may open; of the rest she reads a number, and of people whom she
// knows not even that.

// handoverView is the page for one reader.
type handoverView struct {
	say         *i18n.Printer
	fault, done string
	lastRead    string
	notes       []noteView
	parts       []handoverPart
	nothing     string // the parts in which there is nothing, in one line
	standing    []string
	desk        bool // she answers, or sees to those who do: the notes are hers to read
	mayWrite    bool
	rota        bool   // she has one
	words       string // of a note that was refused
	stood       int64
}

// noteView is a note of the shift before.
type noteView struct {
	rota.Note
	who, when, read string
	isNew           bool
	waiting         string // who has not read it yet, for those who supervise
}

// handoverPart is one kind of things to do.
type handoverPart struct {
	code, title, hint string
	all, allLabel     string // where the whole of it is
	lines             []handoverLine
	others            int // that she may not open
	more              int // that are not drawn
}

// handoverLine is one thing to do.
type handoverLine struct {
	href, title, line, age string
	since                  int64
	grave, late, isNew     bool
}

// handoverShown is how many lines of a part are drawn; the rest is behind its link.
const handoverShown = 12

// Handover is the page.
func (c *Room) Handover(w http.ResponseWriter, r *http.Request) error {
	return c.handover(w, r, http.StatusOK, r.URL.Query().Get("done"), "", nil)
}

func (c *Room) handover(w http.ResponseWriter, r *http.Request, code int, done, words string, refused error) error {
	say, m := answer.Printer(r), session.Staff(r)
	v, err := c.handoverFor(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	if v.words = words; refused != nil {
		answer.Log(r, refused)
		v.fault = say.Fault(refused)
	}
	if key := "handover.done." + done; done != "" && say.Has(key) {
		v.done = say.T(key)
	}
	d, changes := c.shell(r, say, m, "handover.title"), "/desk/handover/events"
	if d.Live != "" {
		d.Live, changes = d.Live+"?handover=1", ""
	}
	answer.Page(w, r, code, handoverPage(v, changes, d))
	return nil
}

// handoverEvery is how often an open page looks whether there is something else to do. Most of it changes without a word on the bus: a
// day that ends, a letter that came.
const handoverEvery = 10 * time.Second

// HandoverEvents is the stream of the page, for somebody who is not at her telephone there.
func (c *Room) HandoverEvents(w http.ResponseWriter, r *http.Request) error {
	return c.Streams.Serve(w, r, session.Staff(r).ID, func(s *live.Stream) (func(), error) { return c.followHandover(r, s), nil })
}

// followHandover draws anew what changed of the page: what is to be done, the notes, and who has read them. What she confirms as read stays
// what stood when she opened it.
func (c *Room) followHandover(r *http.Request, s *live.Stream) (stop func()) {
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	say, token := answer.Printer(r), session.StaffToken(r)
	go func() {
		shown := map[int][]byte{}
		for first := true; ; first = false {
			if !first {
				select {
				case <-ctx.Done():
					return
				case <-time.After(handoverEvery):
				}
			}
			_, p, err := c.Staff.Peek(ctx, token)
			if fault.Is(err, fault.Unauthenticated) || err == nil && !p.Can(staff.HandoverSee) {
				s.End()
				return
			}
			var v handoverView
			if err == nil {
				v, err = c.handoverFor(ctx, say, p)
			}
			if err != nil {
				if ctx.Err() == nil {
					slog.Warn("what a shift leaves could not be read", "error", err)
				}
				continue
			}
			for i, piece := range []templ.Component{handoverStanding(v), handoverNotes(v), handoverParts(v)} {
				if i == 1 && !v.desk {
					continue
				}
				e, err := live.Update(ctx, "", piece)
				if err != nil {
					return
				}
				if bytes.Equal(e, shown[i]) {
					continue
				}
				if shown[i] = e; !s.Push(e) {
					return
				}
			}
		}
	}()
	return stop
}

func (c *Room) handoverFor(ctx context.Context, say *i18n.Printer, p staff.Person) (handoverView, error) {
	now := c.Now()
	v := handoverView{say: say, desk: p.Can(staff.DeskUse), mayWrite: p.Can(staff.FloorSteer), rota: p.Can(staff.RotaSee), stood: now.UnixMilli()}
	last, err := c.Rota.LastRead(ctx, p.ID)
	if err != nil {
		return v, err
	}
	if !last.IsZero() {
		v.lastRead = say.T("handover.last_read", "when", say.DateTime(last))
	}
	if p.Can(staff.DeskUse) {
		if v.notes, err = c.handoverNotes(ctx, say, p, last); err != nil {
			return v, err
		}
		if closed := c.closure(say, now); !closed.until.IsZero() {
			v.standing = append(v.standing, say.T("floor.closed", "until", say.DateTime(closed.until)))
		}
		if surge := c.Router.Surge(); surge.On {
			v.standing = append(v.standing, say.T("handover.surge", "n", surge.Extra))
		}
	}
	h := handing{c, ctx, say, p, now}
	var empty []string
	for _, part := range []struct {
		code  string
		right staff.Right
		fill  func(*handoverPart) error
	}{
		{"danger", staff.DeskUse, h.danger},
		{"promises", staff.DeskUse, h.promises},
		{"night", staff.DeskUse, h.night},
		{"replies", staff.CaseUse, h.replies},
		{"notices", staff.CaseUse, h.notices},
		{"referrals", staff.CaseUse, h.referrals},
		{"requests", staff.RequestHandle, h.requests},
	} {
		if !p.Can(part.right) {
			continue
		}
		d := handoverPart{code: part.code, title: say.T("handover.part." + part.code), hint: say.T("handover.hint." + part.code)}
		if err := part.fill(&d); err != nil {
			return v, err
		}
		if len(d.lines) == 0 && d.others == 0 && d.more == 0 {
			empty = append(empty, d.title)
			continue
		}
		for i := range d.lines {
			if l := &d.lines[i]; l.since > 0 {
				l.isNew = !last.IsZero() && l.since > last.UnixMilli()
				if l.age == "" {
					l.age = say.T("floor.since", "time", say.Duration(max(0, now.Sub(at(l.since)))))
				}
			}
		}
		if n := len(d.lines) - handoverShown; n > 0 {
			d.more, d.lines = d.more+n, d.lines[:handoverShown]
		}
		v.parts = append(v.parts, d)
	}
	if len(empty) > 0 {
		v.nothing = say.T("handover.nothing_in", "what", strings.Join(empty, " · "))
	}
	return v, nil
}

// noteSince is how far back notes are on the page.
const noteSince = 36 * time.Hour

func (c *Room) handoverNotes(ctx context.Context, say *i18n.Printer, p staff.Person, last time.Time) ([]noteView, error) {
	now := c.Now()
	notes, err := c.Rota.Notes(ctx, now.Add(-noteSince), 5)
	if err != nil {
		return nil, err
	}
	_, called, err := c.roster(ctx)
	if err != nil {
		return nil, err
	}
	var all []noteView
	for _, n := range notes {
		v := noteView{Note: n, who: called.of(n.WrittenBy), when: say.T("handover.note_when", "when", say.DateTime(at(n.WrittenAt)), "age", say.Duration(now.Sub(at(n.WrittenAt)))), isNew: !n.SeenBy(p.ID)}
		readers, err := c.readersOf(ctx, n, called)
		if err != nil {
			return nil, err
		}
		var waiting []string
		read := 0
		for _, id := range readers {
			if n.SeenBy(id) {
				read++
			} else {
				waiting = append(waiting, called.of(id))
			}
		}
		v.read = say.T("handover.read_by", "n", read, "of", len(readers))
		if p.Can(staff.FloorSteer) && len(waiting) > 0 {
			v.waiting = say.T("handover.not_read", "who", strings.Join(waiting, ", "))
		}
		all = append(all, v)
	}
	return all, nil
}

// readersOf are whom a note is for: those who are on when it is written or whose shift begins within a day after it, else all who have
// a desk; and whoever has read it. They are in the order of their aliases.
func (c *Room) readersOf(ctx context.Context, n rota.Note, called names) ([]string, error) {
	written := at(n.WrittenAt)
	day := written.In(c.Rota.Zone()).Format(time.DateOnly)
	shifts, err := c.Rota.Between(ctx, day, rota.Shifted(day, 1), false)
	if err != nil {
		return nil, err
	}
	whom := map[string]bool{}
	for _, s := range shifts {
		if s.Post != rota.OnCall && s.StaffID != n.WrittenBy && s.ToAt > n.WrittenAt && at(s.FromAt).Before(written.Add(24*time.Hour)) {
			whom[s.StaffID] = true
		}
	}
	if len(whom) == 0 {
		for id, p := range called {
			whom[id] = p.Can(staff.DeskUse)
		}
	}
	for _, s := range n.Seen {
		whom[s.StaffID] = true
	}
	var all []string
	for id, is := range whom {
		if is && id != n.WrittenBy && called[id].ID != "" {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(called.of(a), called.of(b)) })
	return all, nil
}

// handing fills the parts of the page for one reader.
type handing struct {
	c   *Room
	ctx context.Context
	say *i18n.Printer
	p   staff.Person
	now time.Time
}

// hers says that she may open a contact: it is hers or was, or she reads all of them.
func (h handing) hers(ct contact.Contact) bool {
	return h.p.Can(staff.ContactAll) || ct.CounsellorID == h.p.ID || ct.StickyID == h.p.ID
}

// way leads to a contact that is hers.
func (h handing) way(ct contact.Contact) string {
	if ct.CounsellorID == h.p.ID && ct.State != contact.Closed {
		return "/desk?c=" + ct.ID
	}
	return "/desk/history/" + ct.ID
}

// danger is what rings and nobody has seen, who is in danger and has left, gone quiet or is talking, and what happened to counsellors.
func (h handing) danger(part *handoverPart) error {
	if h.p.Can(staff.FloorSee) {
		part.all, part.allLabel = "/desk/floor", h.say.T("floor.title")
	}
	found, err := h.c.inDanger(h.ctx, h.say, h.p, contact.Left, contact.Parked, contact.Talking)
	if err != nil {
		return err
	}
	unseen := map[string]bool{}
	if h.p.Can(staff.FloorSteer) {
		alarms, err := h.c.Router.Alarms(h.ctx)
		if err != nil {
			return err
		}
		for _, a := range alarms {
			if unseen[a.ContactID] = true; slices.ContainsFunc(found, func(ct inDanger) bool { return ct.ID == a.ContactID }) {
				continue // it says so itself
			}
			v, err := h.c.alarm(h.ctx, h.say, h.p, a)
			if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
				continue
			}
			if err != nil {
				return err
			}
			part.lines = append(part.lines, handoverLine{href: "/desk/floor", title: h.say.T("handover.alarm"), line: v.words, since: a.RungAt, grave: true})
		}
	}
	for _, ct := range found {
		if !h.hers(ct.Contact) {
			part.others++
			continue
		}
		alarm := ""
		if unseen[ct.ID] {
			alarm = h.say.T("handover.alarm")
		}
		part.lines = append(part.lines, handoverLine{href: h.way(ct.Contact), title: ct.title, line: joined(alarm, ct.topic, ct.line), age: " ", since: ct.StateSince, grave: true})
	}
	if !h.p.Can(staff.FloorSteer) {
		return nil
	}
	incidents, err := h.c.incidents(h.ctx, h.say, h.p)
	for _, i := range incidents {
		part.lines = append(part.lines, handoverLine{href: "/desk/floor#floor-incidents", title: i.title, line: i.line, since: i.OpenedAt, grave: true})
	}
	return err
}

// endOfDay is the midnight after now.
func (h handing) endOfDay() time.Time { return h.c.Rota.Moment(rota.Shifted(h.c.Rota.Today(), 1), 0) }

// promises are call-backs that are due today or were missed, and what she has to do by tonight; for those who supervise also what
// others are late with.
func (h handing) promises(part *handoverPart) error {
	calls, err := h.c.promises(h.ctx, h.say, h.p)
	if err != nil {
		return err
	}
	for _, v := range calls {
		due := v.contact.DueAt
		if !v.givenUp && at(due).After(h.endOfDay()) {
			continue
		}
		// Whoever is free will be offered it when its time comes, so all read that it is there.
		open := v.contact.State == contact.Waiting || v.contact.State == contact.Offered
		if !h.hers(v.contact) && !open {
			part.others++
			continue
		}
		href := "/desk"
		if h.hers(v.contact) {
			href = h.way(v.contact)
		}
		part.lines = append(part.lines, handoverLine{href: href, title: h.say.T("handover.call_back", "who", v.title), line: joined(v.line, v.last), age: h.due(due), since: due, late: v.givenUp || due > 0 && at(due).Before(h.now), grave: v.contact.Danger})
	}
	tasks, err := h.c.Files.TasksOf(h.ctx, h.p.ID, h.endOfDay())
	if err != nil {
		return err
	}
	if h.p.Can(staff.CaseAll) {
		part.all, part.allLabel = "/desk/cases", h.say.T("case.title")
		late, err := h.c.Files.TasksLate(h.ctx, h.now)
		if err != nil {
			return err
		}
		tasks = append(tasks, slices.DeleteFunc(late, func(t casefile.Task) bool { return t.StaffID == h.p.ID })...)
	}
	reference := h.c.references(h.ctx)
	for _, t := range tasks {
		if may, known, err := h.file(t.FileID); err != nil {
			return err
		} else if !may {
			part.others += count1(!known)
			continue
		}
		file, err := reference(t.FileID)
		if err != nil {
			return err
		}
		line := t.Text
		if t.StaffID != h.p.ID {
			line = joined(line, h.c.Alias(h.ctx, t.StaffID))
		}
		part.lines = append(part.lines, handoverLine{href: "/desk/cases/" + t.FileID, title: h.say.T("handover.task", "reference", file), line: line, age: h.due(t.DueAt), since: t.MadeAt, late: at(t.DueAt).Before(h.now)})
	}
	slices.SortStableFunc(part.lines, func(a, b handoverLine) int { return order(a) - order(b) })
	return nil
}

// order puts what is grave first, then what is late.
func order(l handoverLine) int {
	switch {
	case l.grave:
		return 0
	case l.late:
		return 1
	}
	return 2
}

func count1(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// due says when something was or is to be done.
func (h handing) due(ms int64) string {
	switch {
	case ms == 0:
		return " "
	case at(ms).Before(h.now):
		return h.say.T("handover.late", "time", h.say.Duration(h.now.Sub(at(ms))))
	}
	return h.say.T("handover.due", "when", h.say.DateTime(at(ms)))
}

// file says whether she may open a file; known that it is closed to her because she knows its people, of which she reads nothing.
func (h handing) file(id string) (may, known bool, err error) {
	how, err := h.c.Files.May(h.ctx, id, h.p.ID, h.p.Can(staff.CaseAll))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return false, true, nil
	}
	return how != "", false, err
}

// night is what was written or spoken to us and nobody has answered, what may be grave first.
func (h handing) night(part *handoverPart) error {
	part.all, part.allLabel = "/desk", h.say.T("desk.line")
	line, err := h.c.Router.Waiting(h.ctx, "")
	if err != nil {
		return err
	}
	for _, w := range openTo(line, h.p) {
		ct := w.Contact
		if !ct.IsLetter() || ct.DueAt > 0 { // a call-back is a promise
			continue
		}
		kind := "letter"
		if _, spoken, err := h.c.Phone.Message(h.ctx, ct.ID); err != nil {
			return err
		} else if spoken {
			kind = "voicemail"
		}
		href := "/desk"
		if h.hers(ct) {
			href = h.way(ct)
		}
		part.lines = append(part.lines, handoverLine{href: href, title: h.say.T("handover."+kind, "who", h.c.title(h.say, ct)), line: h.c.topic(h.say, ct), since: ct.OpenedAt, grave: ct.Danger})
	}
	slices.SortStableFunc(part.lines, func(a, b handoverLine) int { return order(a) - order(b) })
	return nil
}

// replies are answers of platforms that nobody has read, and those that belong to no notice yet.
func (h handing) replies(part *handoverPart) error {
	part.all, part.allLabel = "/desk/replies", h.say.T("replies.title")
	loose, err := h.c.Takedown.LooseCount(h.ctx)
	if err != nil {
		return err
	}
	if loose > 0 {
		part.lines = append(part.lines, handoverLine{href: "/desk/replies", title: h.say.T("handover.loose", "n", loose), age: " "})
	}
	return h.takedowns(part, false, takedown.ForReading)
}

// notices are those that wait for us: something is there again, may have gone, is due, waits for a second reader, or its child is to
// be told.
func (h handing) notices(part *handoverPart) error {
	part.all, part.allLabel = "/desk/takedown", h.say.T("takedown.title")
	return h.takedowns(part, true, takedown.ForReturn, takedown.ForKnowing, takedown.ForStep, takedown.ForSecond, takedown.ForSending, takedown.ForTelling)
}

func (h handing) takedowns(part *handoverPart, others bool, groups ...takedown.Group) error {
	desk, err := h.c.Takedown.Desk(h.ctx, takedown.Sight{StaffID: h.p.ID, All: h.p.Can(staff.CaseAll)}, takedown.Wanted{})
	if err != nil {
		return err
	}
	if others {
		part.others += desk.Others
	}
	for _, g := range groups {
		for _, pile := range desk.Piles {
			if pile.Group != g {
				continue
			}
			for _, e := range pile.Entries {
				row := h.c.deskRow(h.say, e, h.p.ID)
				part.lines = append(part.lines, handoverLine{href: "/desk/cases/" + e.FileID + "/notices/" + e.ID, title: h.say.T("takedown.one", "n", e.Number, "platform", row.platform),
					line: joined(h.say.T("takedown.group."+string(g)), row.next), since: e.Since, late: presses[g]})
			}
			part.more += pile.Count - len(pile.Entries)
		}
	}
	return nil
}

// referrals are papers that should be gone, partners who have not answered, and decisions that wait for a second reader.
func (h handing) referrals(part *handoverPart) error {
	due, err := h.c.Referrals.Due(h.ctx, h.endOfDay())
	if err != nil {
		return err
	}
	if h.p.Can(staff.CaseAll) {
		unread, err := h.c.Referrals.Unread(h.ctx)
		if err != nil {
			return err
		}
		due = append(due, unread...)
	}
	for _, ref := range due {
		if may, known, err := h.file(ref.FileID); err != nil {
			return err
		} else if !may {
			part.others += count1(!known)
			continue
		}
		row := h.c.referralRow(h.say, ref)
		part.lines = append(part.lines, handoverLine{href: row.href, title: row.partner, line: joined(row.state, row.when), since: ref.StateSince, late: row.late})
	}
	return nil
}

// requests are people who ask for their data, for the officer alone.
func (h handing) requests(part *handoverPart) error {
	part.all, part.allLabel = "/admin/requests", h.say.T("request.title")
	all, err := h.c.Requests.List(h.ctx)
	if err != nil {
		return err
	}
	for _, req := range all {
		if req.State != datarequest.Received && req.State != datarequest.Answering && req.State != datarequest.Identity {
			continue
		}
		line := ""
		if d, err := time.Parse(time.DateOnly, req.DueOn); err == nil {
			line = h.say.T("handover.answer_by", "day", h.say.Date(d.Add(12*time.Hour)))
		}
		part.lines = append(part.lines, handoverLine{href: "/admin/requests/" + req.ID, title: h.say.T("handover.request", "reference", req.Reference), line: line, since: req.BookedAt, late: h.c.Requests.Overdue(req)})
	}
	return nil
}

// ActHandover is her word that she has read the page, or the note of her shift.
func (c *Room) ActHandover(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	notes := slices.DeleteFunc(form["note"], func(id string) bool { return id == "" })
	if err := c.Rota.Read(r.Context(), notes[:min(len(notes), 20)], at(number(form.Get("stood"))), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/handover?done=read", http.StatusSeeOther)
	return nil
}

// WriteHandover leaves a note to the next shift.
func (c *Room) WriteHandover(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	err = c.Rota.Write(r.Context(), form.Get("id"), form.Get("text"), me(r))
	switch fault.KindOf(err) {
	case "":
		http.Redirect(w, r, "/desk/handover?done=written", http.StatusSeeOther)
		return nil
	case fault.Invalid:
		return c.handover(w, r, answer.Status(err), "", form.Get("text"), err)
	}
	return err
}

const (
	// goneFor is how long somebody's desk was gone when she is led to the handover page as she comes.
	goneFor = 6 * time.Hour
	// aroundShift is how near the beginning of a shift somebody comes for it.
	aroundShift = time.Hour
)

// landing is where somebody is led as she logs in: to the handover page when her desk was gone for a night, or when her shift begins
// and she has not read it for that; else to her work. Whoever is here for the first time has nothing handed over.
func (c *Room) landing(ctx context.Context, p staff.Person) (string, error) {
	to := home(p)
	if !p.Can(staff.DeskUse) {
		return to, nil
	}
	seat, err := c.Router.Presence(ctx, p.ID)
	if err != nil || seat.LeaseUntil == 0 {
		return to, err
	}
	now := c.Now()
	if now.Sub(at(seat.LeaseUntil)) > goneFor {
		return "/desk/handover", nil
	}
	shifts, err := c.Rota.Of(ctx, p.ID, now.Add(-aroundShift), now.Add(aroundShift))
	if err != nil {
		return to, err
	}
	read, err := c.Rota.LastRead(ctx, p.ID)
	if err != nil {
		return to, err
	}
	for _, s := range shifts {
		if begins := at(s.FromAt); begins.After(now.Add(-aroundShift)) && read.Before(begins.Add(-aroundShift)) {
			return "/desk/handover", nil
		}
	}
	return to, nil
}
