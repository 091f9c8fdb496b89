package admin

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"vigie/internal/datarequest"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// requestRow is a request in the list.
type requestRow struct {
	datarequest.Request
	due     string
	overdue bool
}

// ListRequests lists what people ask about their data, what is due first on top.
func (a *Room) ListRequests(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Requests.List(r.Context())
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	var open, over []requestRow
	for _, req := range all {
		row := requestRow{req, say.Date(calendar(req.DueOn)), a.Requests.Overdue(req)}
		if req.State.Open() {
			open = append(open, row)
		} else {
			over = append(over, row)
		}
	}
	answer.Page(w, r, http.StatusOK, requestsPage(say, a.shell(r, "request.title"), open, over))
	return nil
}

// calendar is noon of a day of the calendar, so that it is the same day everywhere.
func calendar(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}
	}
	return t.Add(12 * time.Hour)
}

// booking is the form of a new request.
type booking struct {
	datarequest.Booking
	fault  string
	booked *datarequest.Request // the one that was just noted
	copies []readyCopy
}

// readyCopy is a copy that a supervisor may print.
type readyCopy struct{ id, reference, until string }

// NewRequest is the page on which whoever hears a request notes it.
func (a *Room) NewRequest(w http.ResponseWriter, r *http.Request) error {
	b := booking{Booking: datarequest.Booking{ID: uuid.Must(uuid.NewV7()).String(), Lang: i18n.French, ReceivedOn: a.Now().In(i18n.Paris).Format(time.DateOnly)}}
	return a.newRequest(w, r, http.StatusOK, b)
}

func (a *Room) newRequest(w http.ResponseWriter, r *http.Request, code int, b booking) error {
	say := answer.Printer(r)
	if session.Staff(r).Can(staff.ContactAll) {
		copies, err := a.Requests.Copies(r.Context())
		if err != nil {
			return err
		}
		for _, c := range copies {
			req, err := a.Requests.Get(r.Context(), c.RequestID)
			if err != nil {
				return err
			}
			b.copies = append(b.copies, readyCopy{req.ID, req.Reference, say.DateTime(at(c.Until))})
		}
	}
	answer.Page(w, r, code, newRequestPage(say, a.shell(r, "request.new"), b))
	return nil
}

// BookRequest notes a request, and says until when it has an answer.
func (a *Room) BookRequest(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.LongForm(w, r)
	if err != nil {
		return err
	}
	b := booking{Booking: datarequest.Booking{
		ID: form.Get("id"), Kind: form.Get("kind"), Who: form.Get("who"), Way: form.Get("way"), Lang: form.Get("lang"), ReceivedOn: form.Get("received"),
		Content: datarequest.Content{Name: form.Get("name"), Address: form.Get("address"), Words: form.Get("words")},
	}}
	req, err := a.Requests.Book(r.Context(), b.Booking, me(r))
	if fault.Is(err, fault.Invalid) {
		answer.Log(r, err)
		b.fault = answer.Printer(r).Fault(err)
		return a.newRequest(w, r, answer.Status(err), b)
	}
	if err != nil {
		return err
	}
	if session.Staff(r).Can(staff.RequestHandle) {
		return toRequest(w, r, req.ID)
	}
	return a.newRequest(w, r, http.StatusOK, booking{booked: &req, Booking: datarequest.Booking{ID: uuid.Must(uuid.NewV7()).String(), Lang: i18n.French, ReceivedOn: b.ReceivedOn}})
}

func toRequest(w http.ResponseWriter, r *http.Request, id string) error {
	http.Redirect(w, r, "/admin/requests/"+id, http.StatusSeeOther)
	return nil
}

// requestView is one request, ready to be drawn.
type requestView struct {
	say      *i18n.Printer
	r        datarequest.Request
	act      string
	overdue  bool
	paused   bool
	due      string
	by       string
	hers     []string // her contacts: when and how, nothing of what was said
	known    bool
	copy     *datarequest.Copy
	itself   bool // an erasure runs by itself
	letters  []datarequest.Letter
	untold   bool // she was not told yet that it takes longer
	history  []ui.Entry
	fault    string
	draft    string // what was typed into a letter that was refused
	draftOf  string
	today    string
	moves    []datarequest.Event
	refusals []ui.Option
}

// plainMoves are the moves that ask for nothing more than a button.
var plainMoves = []datarequest.Event{datarequest.Begin, datarequest.Ask, datarequest.Prove, datarequest.Answer, datarequest.Close, datarequest.Reopen}

// Request shows one request. It says who asks and where she lives, so that the look is in the log.
func (a *Room) Request(w http.ResponseWriter, r *http.Request) error {
	if err := a.Requests.Look(r.Context(), r.PathValue("request"), me(r)); err != nil {
		return err
	}
	return a.request(w, r, http.StatusOK, func(*requestView) {})
}

func (a *Room) request(w http.ResponseWriter, r *http.Request, code int, change func(*requestView)) error {
	ctx, say := r.Context(), answer.Printer(r)
	req, err := a.Requests.Get(ctx, r.PathValue("request"))
	if err != nil {
		return err
	}
	v := requestView{say: say, r: req, act: "/admin/requests/" + req.ID, overdue: a.Requests.Overdue(req), paused: req.Paused(), due: say.Date(calendar(req.DueOn)),
		by: a.alias(ctx, req.BookedBy), known: req.PersonID != "", itself: a.Requests.ErasesByItself(), today: a.Now().In(i18n.Paris).Format(time.DateOnly)}
	hers, err := a.Requests.Hers(ctx, req)
	if err != nil {
		return err
	}
	for _, ct := range hers {
		v.hers = append(v.hers, say.T("copy.contact", "channel", say.T("copy.channel."+ct.Channel), "when", say.DateTime(at(ct.OpenedAt))))
	}
	if made, ok, err := a.Requests.CopyFor(ctx, req.ID); err != nil {
		return err
	} else if ok {
		v.copy = &made
	}
	if v.letters, err = a.Requests.Letters(ctx, req.ID); err != nil {
		return err
	}
	v.untold = req.ExtendedOn != ""
	for _, l := range v.letters {
		if l.Kind == "extension" && l.SentOn != "" {
			v.untold = false
		}
	}
	happened, err := a.Requests.History(ctx, req.ID)
	if err != nil {
		return err
	}
	for i := len(happened) - 1; i >= 0; i-- {
		v.history = append(v.history, a.happening(ctx, say, happened[i]))
	}
	for _, ev := range plainMoves {
		if req.State.May(ev) {
			v.moves = append(v.moves, ev)
		}
	}
	change(&v)
	answer.Page(w, r, code, requestPage(v, a.shell(r, "request.title")))
	return nil
}

func (a *Room) happening(ctx context.Context, say *i18n.Printer, h datarequest.Happening) ui.Entry {
	e := ui.Entry{At: at(h.At), Icon: "clipboard-list", Title: say.T("request.event." + h.Kind), By: a.who(ctx, say, h.Actor)}
	switch h.Kind {
	case "letter", "letter_sent":
		e.Icon, e.Text = "mail", say.T("request.letter_kind."+h.Code)
	case "refuse":
		e.Text = say.T("request.ground." + h.Code)
	case "overdue", "due_soon":
		e.Icon, e.Tone = "clock", ui.Warn
	}
	return e
}

func (a *Room) alias(ctx context.Context, staffID string) string {
	if p, err := a.Staff.Colleague(ctx, staffID); err == nil {
		return p.Alias
	}
	return ""
}

// ActRequest does one thing with a request, as its page stood.
func (a *Room) ActRequest(w http.ResponseWriter, r *http.Request) error {
	return a.changeRequest(w, r, func(id string, rev int64, form url.Values) error {
		ctx, do := r.Context(), form.Get("do")
		switch do {
		case "words":
			return a.Requests.Identify(ctx, id, rev, form.Get("words"), "staff "+session.Staff(r).ID, me(r))
		case "extend":
			return a.Requests.Extend(ctx, id, rev, form.Get("why"), me(r))
		case "refuse":
			return a.Requests.Refuse(ctx, id, rev, form.Get("ground"), me(r))
		case "copy":
			return a.Requests.MakeCopy(ctx, id, rev, me(r))
		case "erase":
			return a.Requests.EraseHers(ctx, id, rev, me(r))
		case "letter":
			return a.Requests.WriteLetter(ctx, id, rev, form.Get("id"), form.Get("letter"), form.Get("lang"), form.Get("ground"), me(r))
		}
		return a.Requests.Move(ctx, id, rev, datarequest.Event(do), me(r))
	})
}

// ActLetter writes a letter anew, or says that it went.
func (a *Room) ActLetter(w http.ResponseWriter, r *http.Request) error {
	return a.changeRequest(w, r, func(id string, rev int64, form url.Values) error {
		letter := r.PathValue("letter")
		if form.Get("do") == "sent" {
			return a.Requests.LetterSent(r.Context(), id, letter, rev, form.Get("on"), me(r))
		}
		return a.Requests.SaveLetter(r.Context(), id, letter, rev, form.Get("text"), me(r))
	})
}

// changeRequest has act change a request, and shows it again; what cannot be taken is said on its page, with nothing of what was typed
// lost.
func (a *Room) changeRequest(w http.ResponseWriter, r *http.Request, act func(id string, rev int64, form url.Values) error) error {
	form, err := answer.LongForm(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("request")
	rev, _ := strconv.ParseInt(form.Get("rev"), 10, 64)
	err = act(id, rev, form)
	switch fault.KindOf(err) {
	case "":
		return toRequest(w, r, id)
	case fault.Invalid, fault.Conflict, fault.TooMany, fault.NotFound:
		if fault.As(err).Key == "fault.request.unknown" {
			return err
		}
		answer.Log(r, err)
		return a.request(w, r, answer.Status(err), func(v *requestView) {
			v.fault, v.draft, v.draftOf = v.say.Fault(err), form.Get("text"), r.PathValue("letter")
		})
	}
	return err
}

// PrintLetter is a letter as a PDF.
func (a *Room) PrintLetter(w http.ResponseWriter, r *http.Request) error {
	req, err := a.Requests.Get(r.Context(), r.PathValue("request"))
	if err != nil {
		return err
	}
	l, err := a.Requests.Letter(r.Context(), req.ID, r.PathValue("letter"))
	if err != nil {
		return err
	}
	pdf, err := a.Requests.LetterPDF(req, l)
	if err != nil {
		return err
	}
	return handOut(w, fmt.Sprintf("%s-%s.pdf", req.Reference, l.Kind), pdf)
}

// PrintRequestCopy is the copy of a person's data, for a supervisor who gives it to her on paper.
func (a *Room) PrintRequestCopy(w http.ResponseWriter, r *http.Request) error {
	pdf, err := a.Requests.PrintCopy(r.Context(), r.PathValue("request"), me(r))
	if err != nil {
		return err
	}
	return handOut(w, "copie.pdf", pdf)
}

func handOut(w http.ResponseWriter, name string, pdf []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Cache-Control", "no-store")
	_, err := w.Write(pdf)
	return err
}

// options are choices of a list of codes, said by keys that begin with a prefix.
func options(say *i18n.Printer, codes []string, prefix, chosen string) []ui.Option {
	var all []ui.Option
	for _, code := range codes {
		all = append(all, ui.Option{Value: code, Label: say.T(prefix + code), Checked: code == chosen})
	}
	return all
}
