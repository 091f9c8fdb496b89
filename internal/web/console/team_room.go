package console

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/team"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// The team room is what colleagues write to one another, and what supervisors say to all.

// said is one message as one reader sees it.
type said struct {
	team.Message
	who, time string
	mine      bool
	named     bool // she is named in it
	first     bool // the first that she has not read
	mayRemove bool
	by        string // who took it away
	parts     []saidPart
}

// saidPart is a piece of its words: plain, a colleague who is named, or a case file that its reader may open.
type saidPart struct{ text, href, mention string }

type roomView struct {
	say      *i18n.Printer
	me       staff.Person
	messages []said
	older    int64
	running  []wordView
	past     []wordView
	to       []ui.Option
	lasts    []ui.Option
	aliases  []string
	newID    string
}

const roomShown = 60

// TeamRoom is the page.
func (c *Room) TeamRoom(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	v := roomView{say: say, me: m.Person, newID: newID()}
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	_, since, err := c.Team.Unread(r.Context(), m.ID)
	if err != nil {
		return err
	}
	all, err := c.Team.Messages(r.Context(), before, roomShown)
	if err != nil {
		return err
	}
	if len(all) == roomShown {
		v.older = all[0].SentAt
	}
	people, err := c.aliases(r.Context())
	if err != nil {
		return err
	}
	for _, p := range people {
		if p.ID != m.ID {
			v.aliases = append(v.aliases, p.Alias)
		}
	}
	for _, message := range all {
		view := c.said(r.Context(), say, m.Person, message)
		if since > 0 && message.SentAt > since && !view.mine && before == 0 && !hasFirst(v.messages) {
			view.first = true
		}
		v.messages = append(v.messages, view)
	}
	if before == 0 && len(all) > 0 {
		if err := c.Team.Mark(r.Context(), m.ID, all[len(all)-1].SentAt); err != nil {
			return err
		}
	}
	if err := c.roomWords(r.Context(), &v); err != nil {
		return err
	}
	d := c.shell(r, say, m, "team.title")
	d.Live = "/desk/events?team=1"
	if d.Alarms, err = c.alarms(r.Context(), say, m.Person); err != nil {
		return err
	}
	if d.Team, err = c.teamTop(r.Context(), say, m.Person); err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, teamRoomPage(d, v))
	return nil
}

func hasFirst(all []said) bool {
	for _, s := range all {
		if s.first {
			return true
		}
	}
	return false
}

// aliases are those who work here.
func (c *Room) aliases(ctx context.Context) ([]staff.Person, error) {
	all, err := c.Staff.Roster(ctx)
	var desk []staff.Person
	for _, p := range all {
		if p.Can(staff.TeamRoom) {
			desk = append(desk, p)
		}
	}
	return desk, err
}

func (c *Room) roomWords(ctx context.Context, v *roomView) error {
	all, err := c.Team.Notices(ctx)
	if err != nil {
		return err
	}
	read, err := c.Team.Readings(ctx)
	if err != nil {
		return err
	}
	seat, err := c.Router.Presence(ctx, v.me.ID)
	if err != nil {
		return err
	}
	for _, n := range all {
		if !c.hears(v.me, seat, n.Audience) {
			continue
		}
		view := c.word(ctx, v.say, n)
		for _, who := range read[n.ID] {
			view.readers = append(view.readers, c.Alias(ctx, who.StaffID))
		}
		if view.runs {
			v.running = append(v.running, view)
		} else {
			v.past = append(v.past, view)
		}
	}
	v.to = []ui.Option{{Value: team.ToAll, Label: v.say.T("team.to.all")}, {Value: "channel:phone", Label: v.say.T("team.to.channel_phone")}, {Value: "channel:chat", Label: v.say.T("team.to.channel_chat")}}
	for _, q := range c.Catalogue().Queues.All {
		if !q.Retired && len(q.Skills) > 0 {
			v.to = append(v.to, ui.Option{Value: "queue:" + q.Code, Label: v.say.T("team.to_queue", "queue", v.say.Text(q.Label.In(v.say.Lang())))})
		}
	}
	for _, m := range noticeFor {
		v.lasts = append(v.lasts, ui.Option{Value: strconv.Itoa(m), Label: v.say.Duration(time.Duration(m) * time.Minute), Checked: m == 240})
	}
	return nil
}

var caseReference = regexp.MustCompile(`(?i)\bV-[A-Z0-9]{4}-[A-Z0-9]{2}\b`)

// said is a message as somebody reads it: a file's reference leads there only for whoever may read the file, and is plain words
// to all others.
func (c *Room) said(ctx context.Context, say *i18n.Printer, p staff.Person, m team.Message) said {
	v := said{Message: m, who: c.Alias(ctx, m.ByID), time: say.Clock(at(m.SentAt)), mine: m.ByID == p.ID, named: m.Names(p.ID), mayRemove: m.RemovedAt == 0 && (m.ByID == p.ID || p.Can(staff.FloorSteer))}
	if c.Now().Sub(at(m.SentAt)) > 12*time.Hour {
		v.time = say.DateTime(at(m.SentAt))
	}
	if m.RemovedAt > 0 {
		v.by = c.Alias(ctx, m.RemovedBy)
		return v
	}
	rest := m.Words
	for rest != "" {
		at := caseReference.FindStringIndex(rest)
		if at == nil {
			break
		}
		v.parts = append(v.parts, c.mentions(ctx, m, rest[:at[0]])...)
		v.parts = append(v.parts, saidPart{text: rest[at[0]:at[1]], href: c.fileNamed(ctx, p, rest[at[0]:at[1]])})
		rest = rest[at[1]:]
	}
	v.parts = append(v.parts, c.mentions(ctx, m, rest)...)
	return v
}

// mentions parts words at the colleagues they name.
func (c *Room) mentions(ctx context.Context, m team.Message, text string) (parts []saidPart) {
	for {
		first, end, name := len(text), 0, ""
		for _, id := range m.Mentions {
			alias := "@" + c.Alias(ctx, id)
			if i := strings.Index(text, alias); i >= 0 && i < first {
				first, end, name = i, i+len(alias), alias
			}
		}
		if name == "" {
			return append(parts, saidPart{text: text})
		}
		parts = append(parts, saidPart{text: text[:first]}, saidPart{mention: name})
		text = text[end:]
	}
}

// fileNamed is the address of the file that a reference names, "" where there is none or she may not read it.
func (c *Room) fileNamed(ctx context.Context, p staff.Person, reference string) string {
	if !p.Can(staff.CaseUse) {
		return ""
	}
	id, ok, err := c.Files.ByReference(ctx, strings.ToUpper(reference))
	if err != nil || !ok {
		return ""
	}
	if _, err := c.Files.May(ctx, id, p.ID, p.Can(staff.CaseAll)); err != nil {
		return ""
	}
	return "/desk/cases/" + id
}

// SayToTeam writes into the team room.
func (c *Room) SayToTeam(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	m := session.Staff(r)
	people, err := c.aliases(r.Context())
	if err != nil {
		return err
	}
	message := team.Message{ID: form.Get("message_id"), ByID: m.ID, Words: form.Get("body")}
	for _, p := range people {
		if named(message.Words, p.Alias) {
			message.Mentions = append(message.Mentions, p.ID)
		}
	}
	if message, err = c.Team.Say(r.Context(), message); err != nil {
		return err
	}
	if err := c.Team.Mark(r.Context(), m.ID, message.SentAt); err != nil {
		return err
	}
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/team", http.StatusSeeOther)
		return nil
	}
	answer.Fragment(w, r, saidBubble(answer.Printer(r), c.said(r.Context(), answer.Printer(r), m.Person, message)))
	return nil
}

// named says whether words name an alias: "@Noé", and not "@Noémie".
func named(words, alias string) bool {
	for {
		i := strings.Index(words, "@"+alias)
		if i < 0 {
			return false
		}
		words = words[i+1+len(alias):]
		next, _ := firstRune(words)
		if !unicode.IsLetter(next) && !unicode.IsDigit(next) {
			return true
		}
	}
}

func firstRune(s string) (rune, bool) {
	for _, r := range s {
		return r, true
	}
	return ' ', false
}

// RemoveSaid takes a message away.
func (c *Room) RemoveSaid(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	if err := c.Team.Remove(r.Context(), r.PathValue("message"), m.ID, supervises(r)); err != nil {
		return err
	}
	return c.reroom(w, r)
}

// SendNotice is a supervisor's word to those who work.
func (c *Room) SendNoticeToTeam(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	lasts, err := strconv.Atoi(form.Get("for"))
	if err != nil {
		lasts = 0
	}
	audience := form.Get("to")
	if code, queue := strings.CutPrefix(audience, "queue:"); queue {
		if _, ok := c.Catalogue().Queues.ByCode(code); !ok {
			return fault.New(fault.Invalid, "fault.team.audience")
		}
	} else if audience != team.ToAll && audience != "channel:phone" && audience != "channel:chat" {
		return fault.New(fault.Invalid, "fault.team.audience")
	}
	if _, err := c.Team.Send(r.Context(), team.Notice{
		ID: form.Get("notice_id"), ByID: session.Staff(r).ID, Words: form.Get("words"), Other: form.Get("other"), Urgent: form.Get("tone") == "urgent", MustRead: form.Get("must") != "",
		Audience: audience, Until: c.Now().Add(time.Duration(lasts) * time.Minute).UnixMilli(),
	}); err != nil {
		return err
	}
	return c.reroom(w, r)
}

// WithdrawNotice takes it back from every screen.
func (c *Room) WithdrawTeamNotice(w http.ResponseWriter, r *http.Request) error {
	if err := c.Team.Withdraw(r.Context(), r.PathValue("notice"), session.Staff(r).ID); err != nil {
		return err
	}
	return c.reroom(w, r)
}

// reroom answers with the notices of the room as they are now, and its latest messages.
func (c *Room) reroom(w http.ResponseWriter, r *http.Request) error {
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/team", http.StatusSeeOther)
		return nil
	}
	say, m := answer.Printer(r), session.Staff(r)
	v := roomView{say: say, me: m.Person, newID: newID()}
	if err := c.roomWords(r.Context(), &v); err != nil {
		return err
	}
	latest, err := c.latestSaid(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	answer.Fragment(w, r, together(append(latest, roomWords(v), wordForm(v))...))
	return nil
}

func (c *Room) latestSaid(ctx context.Context, say *i18n.Printer, p staff.Person) ([]piece, error) {
	all, err := c.Team.Messages(ctx, 0, roomShown)
	var pieces []piece
	for _, m := range all {
		pieces = append(pieces, saidBubble(say, c.said(ctx, say, p, m)))
	}
	return pieces, err
}

// drawRoom draws what is new in the team room: the messages on its page, a count on the others; nothing while she is in a call.
func (d *desk) drawRoom() error {
	if d.team {
		pieces, err := d.room.latestSaid(d.ctx, d.say, d.person)
		if err != nil {
			return err
		}
		all, err := d.room.Team.Messages(d.ctx, 0, 1)
		if err != nil {
			return err
		}
		for _, m := range all {
			if err := d.room.Team.Mark(d.ctx, d.person.ID, m.SentAt); err != nil {
				return err
			}
		}
		return d.update(pieces...)
	}
	presence, err := d.room.presence(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	return d.update(presence)
}

// unreadFor is what the bar says of the team room: nothing while she is in a call.
func (c *Room) unreadFor(ctx context.Context, p staff.Person, inCall bool) int {
	if inCall || !p.Can(staff.TeamRoom) {
		return 0
	}
	n, _, err := c.Team.Unread(ctx, p.ID)
	if err != nil {
		return 0
	}
	return n
}
