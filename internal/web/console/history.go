package console

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// shownOfPast is how many messages of a contact of the past are brought at first.
const shownOfPast = 500

// wanted is what is looked for. What somebody typed to be found exactly goes by POST, so that it stands
// in no address and no log.
type wanted struct {
	state, category, who, exact, from, to string
	after                                 string
	fault                                 string // why what was typed cannot be looked for
}

// History finds contacts again.
func (c *Room) History(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return c.history(w, r, wanted{
		state: q.Get("state"), category: q.Get("category"), who: q.Get("who"), from: q.Get("from"), to: q.Get("to"), after: q.Get("after"),
	})
}

// FindExact finds the contacts that hold one exact handle, address or number.
func (c *Room) FindExact(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	return c.history(w, r, wanted{exact: strings.TrimSpace(form.Get("exact"))})
}

func (c *Room) history(w http.ResponseWriter, r *http.Request, q wanted) error {
	m, say := session.Staff(r), answer.Printer(r)
	f := contact.Filter{By: me(r), Purpose: "history", Exact: q.exact, From: day(q.from, 0), To: day(q.to, 1), After: cursor(q.after), Limit: 30}
	if q.state != "" {
		f.States = []contact.State{contact.State(q.state)}
	}
	if q.category != "" {
		f.Facts = []catalogue.FactCode{{Field: "category", Code: q.category}}
	}
	if q.who == "mine" || !m.Can(staff.ContactAll) {
		f.CounsellorID = m.ID
	}
	found, next, err := c.Contacts.Search(r.Context(), f)
	code := http.StatusOK
	switch {
	case err != nil && q.exact != "" && fault.Is(err, fault.Invalid): // at the field, where what she typed is still to be put right
		answer.Log(r, err)
		code, q.fault = answer.Status(err), say.Fault(err)
	case err != nil:
		return err
	}
	var rows [][]piece
	for _, ct := range found {
		rows = append(rows, []piece{
			historyLink(ct.ID, say.DateTime(at(ct.OpenedAt))), ui.Words(c.title(say, ct)), ui.Words(c.topic(say, ct)),
			ui.Words(say.T("desk.state." + string(ct.State))), ui.Words(c.counsellor(r, ct)),
		})
	}
	older := ""
	if next.ID != "" && q.exact == "" {
		query := r.URL.Query()
		query.Set("after", fmt.Sprintf("%d_%s", next.OpenedAt, next.ID))
		older = "/desk/history?" + query.Encode()
	}
	answer.Page(w, r, code, historyPage(say, c.shell(r, say, m, "desk.history"), q, c.categories(say, q.category), rows, older, m.Can(staff.ContactAll)))
	return nil
}

func (c *Room) counsellor(r *http.Request, ct contact.Contact) string {
	if ct.StickyID == "" {
		return ""
	}
	return c.Alias(r.Context(), ct.StickyID)
}

// categories are the choices of the filter.
func (c *Room) categories(say *i18n.Printer, chosen string) []ui.Option {
	var all []ui.Option
	set := c.Catalogue()
	for _, family := range set.Taxonomy.Families {
		for _, category := range set.Taxonomy.Of(family.Code) {
			all = append(all, ui.Option{Value: category.Code, Label: say.Text(category.Label.In(say.Lang())), Group: say.Text(family.Label.In(say.Lang())), Checked: category.Code == chosen})
		}
	}
	return all
}

// day reads a day of a date field as the moment it begins in Paris, plus so many days; 0 for none.
func day(text string, plus int) int64 {
	t, err := time.ParseInLocation(time.DateOnly, text, i18n.Paris)
	if err != nil {
		return 0
	}
	return t.AddDate(0, 0, plus).UnixMilli()
}

func cursor(text string) contact.Cursor {
	opened, id, ok := strings.Cut(text, "_")
	n, err := strconv.ParseInt(opened, 10, 64)
	if !ok || err != nil {
		return contact.Cursor{}
	}
	return contact.Cursor{OpenedAt: n, ID: id}
}

// Past opens one contact of the past, to read: its conversation, its form, its notes. The look is in the
// audit.
func (c *Room) Past(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.pastOf(r)
	if err != nil {
		return err
	}
	say, m := answer.Printer(r), session.Staff(r)
	if ct, err = c.Contacts.Look(r.Context(), ct.ID, me(r), "history"); err != nil {
		return err
	}
	messages, err := c.Chats.Latest(r.Context(), ct.ID, 0, shownOfPast)
	if err != nil {
		return err
	}
	sheet, err := c.sheet(r.Context(), say, ct)
	if err != nil {
		return err
	}
	given, err := c.Contacts.Form(r.Context(), ct.ID)
	if err != nil {
		return err
	}
	incidents, err := c.pastIncidents(r.Context(), say, ct.ID)
	if err != nil {
		return err
	}
	if m.Can(staff.ContactListen) || ct.CounsellorID == m.ID {
		listened, err := c.pastListenings(r.Context(), say, ct.ID)
		if err != nil {
			return err
		}
		sheet.listened = listened
	}
	booked, err := c.forgetBooked(r, ct.ID)
	if err != nil {
		return err
	}
	signed, err := c.coSignedLine(r.Context(), say, ct.ID)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, pastPage(say, c.shell(r, say, m, "desk.history"), ct, c.title(say, ct), c.stateLine(say, ct), c.reader(r.Context(), say, ct.ID, m.ID).Log(messages), c.answered(say, given), incidents, sheet, booked, signed,
		m.Can(staff.QualityWrite) && whoseContact(ct) != "" && whoseContact(ct) != m.ID))
	return nil
}

// pastOf reads a contact that she may read: one she had in hand, or any for a supervisor.
func (c *Room) pastOf(r *http.Request) (contact.Contact, error) {
	ct, err := c.Contacts.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return ct, err
	}
	if ct.StickyID == session.Staff(r).ID {
		ct.CounsellorID = ct.StickyID
	}
	err = c.readable(r, ct)
	if f := fault.As(err); f != nil && f.Key == "fault.contact.not_yours" && c.tutored(r.Context(), ct.ID, session.Staff(r).ID) {
		err = nil // her trainee wrote it up, and she signs it
	}
	return ct, err
}

// told is one answer of a form, in words.
type told struct{ label, value string }

func (c *Room) answered(say *i18n.Printer, given contact.Answers) []told {
	var all []told
	form, lang := c.Catalogue().Form, say.Lang()
	for _, part := range form.Sections {
		for _, f := range part.Fields {
			if v := given[f.Code].Value; v != "" {
				all = append(all, told{say.Text(f.Label.In(lang)), form.Say(f.Code, v, lang)})
			}
		}
	}
	return all
}

// shell is the frame of the desk's other pages.
// Frame is the frame of a page beside the desk, for the rooms that have such pages.
func (c *Room) Frame(r *http.Request, title string) ui.DeskProps {
	return c.shell(r, answer.Printer(r), session.Staff(r), title)
}

func (c *Room) shell(r *http.Request, say *i18n.Printer, m session.Member, title string) ui.DeskProps {
	d := ui.DeskProps{Site: c.Site, Title: say.T(title), Theme: m.Theme, Home: home(m.Person), Presence: plainBar(say, m.Person), Commands: c.commands(say, m.Person)}
	bar, err := c.phoneBar(r.Context(), say, m.Person)
	if err != nil { // the page is worth more than the bar
		slog.Warn("the softphone could not be drawn", "error", err)
		return d
	}
	if d.Phone = bar; bar == nil {
		return d
	}
	// A call goes on while she reads here: she is at her desk, and hears what becomes of it and what rings.
	d.Live = "/desk/events"
	if d.Ring, err = c.ringing(r.Context(), say, m.ID); err != nil {
		slog.Warn("what rings could not be drawn", "error", err)
	}
	return d
}
