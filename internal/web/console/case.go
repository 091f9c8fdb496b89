package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// caseView is one file, ready to be drawn.
type caseView struct {
	say        *i18n.Printer
	file       casefile.File
	how        casefile.Access
	topic      string
	owner      string
	act        string // where its forms go
	write      bool   // it is open
	steer      bool   // she has it, or is a supervisor
	tasks      []dueTask
	done       []dueTask
	people     []casePerson
	rooms      []caseRoom
	notes      []note
	evidence   evidenceView
	notices    []noticeRow
	grounds    []ui.Option
	now        string // how "seen now" is written
	referrals  []referralRow
	partners   []ui.Option
	danger     *caseDanger // as it was judged last, nil for never
	dangers    []caseDanger
	grid       []ui.DangerItem
	readers    []caseReader
	holds      []caseHold
	supervises bool
	timeline   []ui.Entry
	topics     []ui.Option
	staff      []ui.Option
	platforms  []ui.Option
	due        string // what a new task's time is proposed as
}

type casePerson struct {
	casefile.Person
	lines []told
}

type caseRoom struct {
	room     casefile.Room
	contacts []caseContact
}

type caseContact struct {
	earlier
	topic, state string
}

type caseDanger struct {
	when, who, remark string
	answers           []told
}

// caseHold is what keeps a file from being erased; mine is one that somebody else has to lift.
type caseHold struct {
	id, who, when, why string
	mine               bool
}

type caseReader struct{ id, name, how, until, why string }

// timelineShown is how much of a file's past stands on its page.
const timelineShown = 60

func (c *Room) caseView(ctx context.Context, say *i18n.Printer, reader staff.Person, file casefile.File, how casefile.Access) (v caseView, err error) {
	v = caseView{
		say: say, file: file, how: how, topic: c.caseTopic(say, file), owner: c.Alias(ctx, file.OwnerID), act: "/desk/cases/" + file.ID,
		write: file.State == casefile.Open, steer: how == casefile.AsOwner || how == casefile.AsSupervisor,
		topics: c.categories(say, file.Topic), due: c.Now().In(i18n.Paris).Add(24 * time.Hour).Format("2006-01-02T15:00"),
	}
	tasks, err := c.Files.Tasks(ctx, file.ID)
	if err != nil {
		return v, err
	}
	for _, t := range tasks {
		if d := c.dueTask(ctx, say, t, ""); t.State == casefile.TaskOpen {
			v.tasks = append(v.tasks, d)
		} else {
			v.done = append(v.done, d)
		}
	}
	people, err := c.Files.People(ctx, file.ID)
	if err != nil {
		return v, err
	}
	for _, p := range people {
		v.people = append(v.people, casePerson{p, c.personLines(say, p)})
	}
	if v.rooms, err = c.caseRooms(ctx, say, reader, file.ID); err != nil {
		return v, err
	}
	notes, err := c.Files.Notes(ctx, file.ID)
	if err != nil {
		return v, err
	}
	for _, n := range slices.Backward(notes) {
		v.notes = append(v.notes, note{text: n.Text, by: c.Alias(ctx, n.AuthorID), when: say.DateTime(at(n.WrittenAt))})
	}
	if v.notices, err = c.noticesOf(ctx, say, file.ID); err != nil {
		return v, err
	}
	v.grounds, v.now = c.groundOptions(say, file.Topic, ""), say.DateTime(c.Now())
	if v.evidence, err = c.evidenceOf(ctx, say, reader, file); err != nil {
		return v, err
	}
	if v.referrals, v.partners, err = c.referralsOf(ctx, say, file); err != nil {
		return v, err
	}
	if err := c.caseDangers(ctx, &v); err != nil {
		return v, err
	}
	readers, err := c.Files.Readers(ctx, file.ID)
	if err != nil {
		return v, err
	}
	for _, x := range readers {
		r := caseReader{id: x.StaffID, name: c.Alias(ctx, x.StaffID), how: say.T("case.how." + string(x.How)), why: x.Why}
		if x.Until > 0 {
			r.until = say.DateTime(at(x.Until))
		}
		v.readers = append(v.readers, r)
	}
	v.supervises = reader.Can(staff.CaseAll)
	holds, err := c.Files.Holds(ctx, file.ID)
	if err != nil {
		return v, err
	}
	for _, h := range holds {
		v.holds = append(v.holds, caseHold{id: h.ID, who: c.Alias(ctx, h.PlacedBy), when: say.DateTime(at(h.PlacedAt)), why: h.Why, mine: h.PlacedBy == reader.ID})
	}
	if v.timeline, err = c.caseTimeline(ctx, say, file.ID, v.evidence.hidden); err != nil {
		return v, err
	}
	roster, err := c.Staff.Roster(ctx)
	for _, p := range roster {
		if p.Can(staff.CaseUse) && p.ID != reader.ID {
			v.staff = append(v.staff, ui.Option{Value: p.ID, Label: p.Alias})
		}
	}
	if field, ok := c.Catalogue().Form.Field("platforms"); ok {
		for _, choice := range field.Offered() {
			v.platforms = append(v.platforms, ui.Option{Value: choice.Code, Label: say.Text(choice.Label.In(say.Lang()))})
		}
	}
	return v, err
}

// personLines is what is known of somebody, in words.
func (c *Room) personLines(say *i18n.Printer, p casefile.Person) []told {
	var all []told
	for _, f := range personFields {
		value := *f.of(&p.Content)
		if value == "" {
			continue
		}
		if f.code == "platform" {
			if field, ok := c.Catalogue().Form.Field("platforms"); ok {
				if choice, ok := field.Choice(value); ok {
					value = say.Text(choice.Label.In(say.Lang()))
				}
			}
		}
		all = append(all, told{say.T("case.person." + f.code), value})
	}
	return all
}

// personFields are what may be written of a person, in the order of the form.
var personFields = []struct {
	code string
	of   func(*casefile.PersonContent) *string
}{
	{"name", func(p *casefile.PersonContent) *string { return &p.Name }},
	{"age", func(p *casefile.PersonContent) *string { return &p.Age }},
	{"relation", func(p *casefile.PersonContent) *string { return &p.Relation }},
	{"platform", func(p *casefile.PersonContent) *string { return &p.Platform }},
	{"handle", func(p *casefile.PersonContent) *string { return &p.Handle }},
	{"phone", func(p *casefile.PersonContent) *string { return &p.Phone }},
	{"email", func(p *casefile.PersonContent) *string { return &p.Email }},
	{"school", func(p *casefile.PersonContent) *string { return &p.School }},
	{"department", func(p *casefile.PersonContent) *string { return &p.Department }},
	{"remark", func(p *casefile.PersonContent) *string { return &p.Remark }},
}

// caseRooms are the contacts of a file, whose they are apart.
func (c *Room) caseRooms(ctx context.Context, say *i18n.Printer, reader staff.Person, fileID string) ([]caseRoom, error) {
	all, err := c.Files.Contacts(ctx, fileID)
	if err != nil {
		return nil, err
	}
	var rooms []caseRoom
	for _, room := range casefile.Rooms {
		drawn := caseRoom{room: room}
		for _, x := range all {
			if x.Room != room {
				continue
			}
			ct, err := c.Contacts.Get(ctx, x.ContactID)
			if err = ignoreGone(err); err != nil {
				return nil, err
			}
			if ct.ID == "" {
				continue
			}
			drawn.contacts = append(drawn.contacts, c.caseContact(ctx, say, reader, ct))
		}
		if len(drawn.contacts) > 0 {
			rooms = append(rooms, drawn)
		}
	}
	return rooms, nil
}

func (c *Room) caseContact(ctx context.Context, say *i18n.Printer, reader staff.Person, ct contact.Contact) caseContact {
	d := caseContact{earlier: c.earlierOne(ctx, say, reader, ct), topic: c.topic(say, ct), state: say.T("desk.state." + string(ct.State))}
	if ct.CounsellorID == reader.ID && mineStates[ct.State] {
		d.href = "/desk?c=" + ct.ID
	}
	return d
}

// caseDangers are how the danger was judged, and the grid with which it is judged anew: it begins with what holds now.
func (c *Room) caseDangers(ctx context.Context, v *caseView) error {
	all, err := c.Files.Dangers(ctx, v.file.ID)
	if err != nil {
		return err
	}
	form, say := c.Catalogue().Form, v.say
	for _, d := range all {
		drawn := caseDanger{when: say.DateTime(at(d.JudgedAt)), who: c.Alias(ctx, d.JudgedBy), remark: d.Grid.Remark}
		for _, field := range c.Files.Grid() {
			if value := d.Grid.Answers[field.Code]; value != "" {
				drawn.answers = append(drawn.answers, told{say.Text(field.Label.In(say.Lang())), form.Say(field.Code, value, say.Lang())})
			}
		}
		v.dangers = append(v.dangers, drawn)
	}
	now := map[string]string{}
	if len(all) > 0 {
		v.danger, v.dangers, now = &v.dangers[0], v.dangers[1:], all[0].Grid.Answers
	}
	for _, field := range c.Files.Grid() {
		q := drawField(say, field, now[field.Code])
		if len(q.options) == 0 {
			continue // words are for the remark
		}
		levels := append([]ui.Option{{Value: "", Label: say.T("case.not_explored"), Checked: now[field.Code] == ""}}, q.options...)
		v.grid = append(v.grid, ui.DangerItem{Name: "danger." + field.Code, Label: q.label, Hint: q.hint, Levels: levels})
	}
	return nil
}

// caseIcons are how what happened looks in the timeline.
var caseIcons = map[string]string{
	"opened": "clipboard-list", "contact_added": "message-circle", "contact_left": "message-circle", "came_back": "message-circle", "note": "pencil", "task": "clock", "task_done": "check",
	"task_dropped": "x", "person_added": "user-round", "person_changed": "user-round", "person_removed": "user-round-x", "danger_judged": "shield-alert",
	"glass": "eye", "reader_in": "eye", "reader_out": "eye-off", "handed_over": "hand-helping", "close": "lock", "reopen": "door-open", "archive": "lock", "unarchive": "door-open", "archive_look": "eye", "hold": "lock", "hold_lifted": "door-open", "merged": "copy", "topic": "pencil", "evidence": "paperclip", "match_same": "copy", "match_other": "copy", "exported": "copy", "printed": "copy",
}

// caseTimeline is what happened to a file, without what is about the things that are hidden from her, by their ids.
func (c *Room) caseTimeline(ctx context.Context, say *i18n.Printer, fileID string, hidden map[string]bool) ([]ui.Entry, error) {
	events, err := c.Files.Timeline(ctx, fileID, "", timelineShown)
	if err != nil {
		return nil, err
	}
	var all []ui.Entry
	for _, e := range events {
		if hidden[e.Ref] {
			continue
		}
		entry := ui.Entry{At: at(e.At), Icon: caseIcons[e.Kind], By: c.actorName(ctx, say, e)}
		if ev, ok := strings.CutPrefix(e.Kind, "referral_"); ok {
			entry.Icon, entry.Title, entry.Text = "send", say.T("referral.event."+ev), c.partnerName(say, e.Code)
			all = append(all, entry)
			continue
		}
		entry.Title = say.T("case.event." + e.Kind)
		switch e.Kind {
		case "glass", "reader_in", "reader_out", "handed_over":
			entry.Text = c.Alias(ctx, e.Ref)
		case "contact_added", "opened", "came_back", "printed":
			entry.Text = say.T("case.room." + e.Code)
		case "person_added", "person_changed":
			entry.Text = say.T("case.part." + e.Code)
		case "evidence":
			entry.Text = say.T("evidence.kind." + e.Code)
		case "close":
			entry.Text = say.T("case.closing." + e.Code)
		case "archive_look":
			entry.Text = say.T("case.purpose." + e.Code)
		case "unarchive":
			entry.Text = say.T("case.unarchive." + e.Code)
		case "merged":
			entry.Text = e.Code
		}
		if e.Kind == "glass" || e.Kind == "danger_judged" || e.Kind == "archive_look" {
			entry.Tone = ui.Warn
		}
		all = append(all, entry)
	}
	return all, nil
}

func (c *Room) actorName(ctx context.Context, say *i18n.Printer, e casefile.Event) string {
	if e.Actor.Kind != "staff" {
		return say.T("case.by_itself")
	}
	return c.Alias(ctx, e.Actor.ID)
}

// changeCase has act change a file that she may read, and shows it again.
func (c *Room) changeCase(w http.ResponseWriter, r *http.Request, steer bool, act func(ctx context.Context, id string, form url.Values) error) error {
	id := r.PathValue("file")
	how, err := c.mayCase(r, id)
	if err != nil {
		return err
	}
	if steer && how != casefile.AsOwner && how != casefile.AsSupervisor {
		return fault.New(fault.Forbidden, "fault.case.not_yours")
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := act(r.Context(), id, form); err != nil {
		return err
	}
	return c.toCase(w, r, id)
}

// CaseNote writes a note into a file.
func (c *Room) CaseNote(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		return c.Files.AddNote(ctx, id, form.Get("id"), form.Get("text"), me(r))
	})
}

// CaseTask adds something to do.
func (c *Room) CaseTask(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		due, err := time.ParseInLocation("2006-01-02T15:04", form.Get("due"), i18n.Paris)
		if err != nil {
			return fault.New(fault.Invalid, "fault.case.due")
		}
		who := form.Get("who")
		if who == "" {
			who = me(r).ID
		}
		return c.Files.AddTask(ctx, id, form.Get("id"), form.Get("text"), who, due, me(r))
	})
}

// EndCaseTask says that something is done, or not needed.
func (c *Room) EndCaseTask(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		return c.Files.EndTask(ctx, id, r.PathValue("task"), casefile.TaskState(form.Get("to")), me(r))
	})
}

// CasePerson writes somebody of the story.
func (c *Room) CasePerson(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		if form.Get("remove") != "" {
			return c.Files.RemovePerson(ctx, id, form.Get("id"), me(r))
		}
		p := casefile.Person{ID: form.Get("id"), FileID: id, Part: casefile.Part(form.Get("part")), Rev: number(form.Get("rev"))}
		for _, f := range personFields {
			*f.of(&p.Content) = form.Get(f.code)
		}
		return c.Files.SavePerson(ctx, p, me(r))
	})
}

// CaseDanger judges the danger anew.
func (c *Room) CaseDanger(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		g := casefile.Grid{Answers: map[string]string{}, Remark: form.Get("remark")}
		for name := range form {
			if code, ok := strings.CutPrefix(name, "danger."); ok {
				g.Answers[code] = form.Get(name)
			}
		}
		return c.Files.Judge(ctx, id, form.Get("id"), g, me(r))
	})
}

// CaseTopic says what a file is about.
func (c *Room) CaseTopic(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, false, func(ctx context.Context, id string, form url.Values) error {
		return c.Files.SetTopic(ctx, id, form.Get("topic"), me(r))
	})
}

// CaseReader lets somebody read a file, or ends that she may.
func (c *Room) CaseReader(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, true, func(ctx context.Context, id string, form url.Values) error {
		if form.Get("end") != "" {
			return c.Files.Withdraw(ctx, id, form.Get("who"), me(r))
		}
		if err := c.worksOnCases(ctx, form.Get("who")); err != nil {
			return err
		}
		return c.Files.Let(ctx, id, form.Get("who"), me(r))
	})
}

// HandOverCase makes somebody else the owner of a file.
func (c *Room) HandOverCase(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, true, func(ctx context.Context, id string, form url.Values) error {
		if err := c.worksOnCases(ctx, form.Get("who")); err != nil {
			return err
		}
		return c.Files.HandOver(ctx, id, form.Get("who"), me(r))
	})
}

// worksOnCases refuses whoever has no work with files: fault.Invalid "fault.case.who".
func (c *Room) worksOnCases(ctx context.Context, staffID string) error {
	p, err := c.Staff.Colleague(ctx, staffID)
	if err != nil || !p.Can(staff.CaseUse) {
		return fault.New(fault.Invalid, "fault.case.who")
	}
	return nil
}

// CloseCase closes a file.
func (c *Room) CloseCase(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, true, func(ctx context.Context, id string, form url.Values) error {
		return c.Files.Close(ctx, id, form.Get("reason"), me(r))
	})
}

// ReopenCase opens a closed file again.
func (c *Room) ReopenCase(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, true, func(ctx context.Context, id string, _ url.Values) error {
		return c.Files.Reopen(ctx, id, me(r))
	})
}

// HoldCase keeps a file from being erased: its owner may, and supervisors, who alone lift a hold that somebody else placed.
func (c *Room) HoldCase(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, true, func(ctx context.Context, id string, form url.Values) error {
		if form.Get("lift") == "" {
			return c.Files.PlaceHold(ctx, id, form.Get("id"), form.Get("why"), me(r))
		}
		if !supervises(r) {
			return fault.New(fault.Forbidden, "fault.forbidden")
		}
		return c.Files.LiftHold(ctx, id, form.Get("lift"), me(r))
	})
}

// MergeCase puts a file into another one, which is named by its reference and which she must be able to read too.
func (c *Room) MergeCase(w http.ResponseWriter, r *http.Request) error {
	return c.changeCase(w, r, true, func(ctx context.Context, id string, form url.Values) error {
		into, err := c.caseNamed(r, form.Get("reference"))
		if err != nil {
			return err
		}
		return c.Files.Merge(ctx, id, into.ID, me(r))
	})
}

// caseLink is what the form beside a conversation says of its file.
type caseLink struct {
	file  casefile.File
	ok    bool
	topic string
	parts []ui.Option
}

func (c *Room) caseOf(ctx context.Context, say *i18n.Printer, ct contact.Contact) (caseLink, error) {
	file, ok, err := c.Files.OfContact(ctx, ct.ID)
	if err != nil {
		return caseLink{}, err
	}
	l := caseLink{file: file, ok: ok}
	if ok {
		l.topic = c.caseTopic(say, file)
		return l, nil
	}
	hers := casefile.RoomChild
	if c.speaks(ct) == catalogue.Adult {
		hers = casefile.RoomParent
	}
	for _, room := range casefile.Rooms {
		l.parts = append(l.parts, ui.Option{Value: string(room), Label: say.T("case.room." + string(room)), Checked: room == hers})
	}
	return l, nil
}
