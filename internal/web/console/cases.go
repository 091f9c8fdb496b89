package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// caseWanted is which files are looked for. What somebody typed to be found exactly goes by POST, so that it stands in no
// address and no log.
type caseWanted struct {
	state, topic, who, exact, after string
	fault                           string
}

// caseRow is a file in a list.
type caseRow struct {
	id, reference, topic, owner, moved string
	state                              casefile.State
}

// dueTask is something to do, with the file that it is for.
type dueTask struct {
	task      casefile.Task
	reference string
	when      string
	late      bool
	who       string
}

// brokenGlass is a file that was opened by somebody who had no other way.
type brokenGlass struct {
	reader         casefile.Reader
	reference, who string
	when           string
}

// unreadReferral is a decision not to refer that waits for a second reader.
type unreadReferral struct {
	referralRow
	who, reference string
}

// casesView is the page of files.
type casesView struct {
	say        *i18n.Printer
	q          caseWanted
	rows       []caseRow
	older      string
	due, late  []dueTask
	broken     []brokenGlass
	unread     []unreadReferral
	unarchived []unarchived
	topics     []ui.Option
	all        bool // she may read every file
	matches    int  // pictures that look alike and that nobody has judged
}

// Cases lists files, after what is to be done.
func (c *Room) Cases(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return c.cases(w, r, caseWanted{state: q.Get("state"), topic: q.Get("topic"), who: q.Get("who"), after: q.Get("after")})
}

// FindCase finds the files that have one exact reference, account, number or address.
func (c *Room) FindCase(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	return c.cases(w, r, caseWanted{exact: strings.TrimSpace(form.Get("exact"))})
}

func (c *Room) cases(w http.ResponseWriter, r *http.Request, q caseWanted) error {
	m, say, ctx := session.Staff(r), answer.Printer(r), r.Context()
	v := casesView{say: say, q: q, all: m.Can(staff.CaseAll), topics: c.categories(say, q.topic)}
	f := casefile.Filter{Exact: q.exact, Topic: q.topic, State: casefile.State(q.state), Archived: v.all, Limit: 30}
	if opened, id, ok := strings.Cut(q.after, "_"); ok {
		f.After = casefile.Cursor{MovedAt: number(opened), ID: id}
	}
	switch {
	case q.exact != "": // whether she may read what is found is asked when she opens it
	case q.who == "mine":
		f.OwnerID = m.ID
	case !v.all:
		f.Readable = m.ID
	}
	code := http.StatusOK
	found, next, err := c.Files.Search(ctx, f, me(r))
	if err != nil && q.exact != "" && (fault.Is(err, fault.Invalid) || fault.Is(err, fault.Forbidden)) {
		answer.Log(r, err)
		code, v.q.fault = answer.Status(err), say.Fault(err)
	} else if err != nil {
		return err
	}
	for _, file := range found {
		v.rows = append(v.rows, c.caseRow(ctx, say, file))
	}
	if next.ID != "" {
		query := r.URL.Query()
		query.Set("after", fmt.Sprintf("%d_%s", next.MovedAt, next.ID))
		v.older = "/desk/cases?" + query.Encode()
	}
	if q.exact == "" && q.after == "" {
		if err := c.casesToDo(ctx, &v, m.Person); err != nil {
			return err
		}
		if v.all {
			if err := c.casesUnarchived(r, &v); err != nil {
				return err
			}
		}
	}
	answer.Page(w, r, code, casesPage(v, c.shell(r, say, m, "case.title")))
	return nil
}

func (c *Room) caseRow(ctx context.Context, say *i18n.Printer, file casefile.File) caseRow {
	return caseRow{id: file.ID, reference: file.Reference, topic: c.caseTopic(say, file), owner: c.Alias(ctx, file.OwnerID), moved: say.DateTime(at(file.MovedAt)), state: file.State}
}

func (c *Room) caseTopic(say *i18n.Printer, file casefile.File) string {
	if category, ok := c.Catalogue().Taxonomy.ByCode(file.Topic); ok {
		return say.Text(category.Label.In(say.Lang()))
	}
	return say.T("case.no_topic")
}

// shownAhead is how far ahead one's own tasks are shown.
const shownAhead = 7 * 24 * time.Hour

// casesToDo is what she has to do, and, for a supervisor, what others are late with and which glasses were broken.
func (c *Room) casesToDo(ctx context.Context, v *casesView, reader staff.Person) error {
	tasks, err := c.Files.TasksOf(ctx, reader.ID, c.Now().Add(shownAhead))
	if err != nil {
		return err
	}
	reference := c.references(ctx)
	if v.due, err = c.dueTasks(ctx, v.say, tasks, reference); err != nil || !v.all {
		return err
	}
	matches, err := c.openMatches(ctx, v.say, reader)
	if err != nil {
		return err
	}
	v.matches = len(matches)
	unread, err := c.Referrals.Unread(ctx)
	if err != nil {
		return err
	}
	for _, r := range unread {
		file, err := reference(r.FileID)
		if err != nil {
			return err
		}
		v.unread = append(v.unread, unreadReferral{c.referralRow(v.say, r), c.Alias(ctx, r.DecidedBy), file})
	}
	late, err := c.Files.TasksLate(ctx, c.Now())
	if err != nil {
		return err
	}
	var others []casefile.Task
	for _, t := range late {
		if t.StaffID != reader.ID {
			others = append(others, t)
		}
	}
	if v.late, err = c.dueTasks(ctx, v.say, others, reference); err != nil {
		return err
	}
	broken, err := c.Files.Broken(ctx)
	for _, b := range broken {
		file, err := reference(b.FileID)
		if err != nil {
			return err
		}
		v.broken = append(v.broken, brokenGlass{reader: b, reference: file, who: c.Alias(ctx, b.StaffID), when: v.say.DateTime(at(b.GivenAt))})
	}
	return err
}

// references says what files are called, by their ids; it asks once for each.
func (c *Room) references(ctx context.Context) func(id string) (string, error) {
	known := map[string]string{}
	return func(id string) (string, error) {
		if _, ok := known[id]; !ok {
			file, err := c.Files.Get(ctx, id)
			if err != nil {
				return "", err
			}
			known[id] = file.Reference
		}
		return known[id], nil
	}
}

func (c *Room) dueTasks(ctx context.Context, say *i18n.Printer, tasks []casefile.Task, reference func(id string) (string, error)) ([]dueTask, error) {
	var all []dueTask
	for _, t := range tasks {
		file, err := reference(t.FileID)
		if err != nil {
			return nil, err
		}
		all = append(all, c.dueTask(ctx, say, t, file))
	}
	return all, nil
}

func (c *Room) dueTask(ctx context.Context, say *i18n.Printer, t casefile.Task, reference string) dueTask {
	d := dueTask{task: t, reference: reference, when: say.DateTime(at(t.DueAt)), late: t.State == casefile.TaskOpen && at(t.DueAt).Before(c.Now()), who: c.Alias(ctx, t.StaffID)}
	if t.State != casefile.TaskOpen {
		d.when = say.DateTime(at(t.EndedAt))
	}
	return d
}

// OpenCase opens the file of one of her contacts, or puts the contact into a file that is named by its reference.
func (c *Room) OpenCase(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	room := casefile.Room(form.Get("room"))
	reference := strings.TrimSpace(form.Get("reference"))
	if reference == "" {
		file, err := c.Files.OpenFor(r.Context(), ct.ID, room, me(r))
		if err != nil {
			return err
		}
		return c.toCase(w, r, file.ID)
	}
	file, err := c.caseNamed(r, reference)
	if err != nil {
		return err
	}
	if err := c.Files.AddContact(r.Context(), file.ID, ct.ID, room, me(r)); err != nil {
		return err
	}
	return c.toCase(w, r, file.ID)
}

// caseNamed is the one file that what somebody typed names, if she may read it: fault.NotFound "fault.case.no_such" for none
// and for several.
func (c *Room) caseNamed(r *http.Request, reference string) (casefile.File, error) {
	if reference = strings.TrimSpace(reference); reference == "" { // which would name them all
		return casefile.File{}, fault.New(fault.NotFound, "fault.case.no_such")
	}
	found, _, err := c.Files.Search(r.Context(), casefile.Filter{Exact: reference, Archived: session.Staff(r).Can(staff.CaseAll)}, me(r))
	if err != nil {
		return casefile.File{}, err
	}
	if len(found) != 1 {
		return casefile.File{}, fault.New(fault.NotFound, "fault.case.no_such")
	}
	_, err = c.mayCase(r, found[0].ID)
	return found[0], err
}

func (c *Room) toCase(w http.ResponseWriter, r *http.Request, id string) error {
	http.Redirect(w, r, "/desk/cases/"+id, http.StatusSeeOther)
	return nil
}

// errGlass says that a file is there, and that she may not read it unless she breaks the glass.
var errGlass = fault.New(fault.Forbidden, "fault.case.glass")

// mayCase says how she may read a file: errGlass when she may not, fault.NotFound when it is not there for her.
func (c *Room) mayCase(r *http.Request, id string) (casefile.Access, error) {
	m := session.Staff(r)
	how, err := c.Files.May(r.Context(), id, m.ID, m.Can(staff.CaseAll))
	if err == nil && how == "" {
		err = errGlass
	}
	return how, err
}

// Case shows one file. The look is in the log.
func (c *Room) Case(w http.ResponseWriter, r *http.Request) error {
	ctx, say, m, id := r.Context(), answer.Printer(r), session.Staff(r), r.PathValue("file")
	file, err := c.Files.Get(ctx, id)
	if err != nil {
		return err
	}
	if file.State == casefile.Merged {
		return c.toCase(w, r, file.MergedInto)
	}
	how, err := c.mayCase(r, id)
	if errors.Is(err, errGlass) {
		answer.Page(w, r, http.StatusForbidden, glassPage(say, c.shell(r, say, m, "case.title"), file, c.Alias(ctx, file.OwnerID), ""))
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.Files.Look(ctx, id, how, me(r)); err != nil {
		return err
	}
	v, err := c.caseView(ctx, say, m.Person, file, how)
	if err != nil {
		return err
	}
	d, changes := c.caseShell(r, say, file, "case.title")
	answer.Page(w, r, http.StatusOK, casePage(v, d, changes))
	return nil
}

// BreakGlass opens a file to somebody who says why she has to.
func (c *Room) BreakGlass(w http.ResponseWriter, r *http.Request) error {
	id, say, m := r.PathValue("file"), answer.Printer(r), session.Staff(r)
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	err = c.Files.BreakGlass(r.Context(), id, form.Get("why"), me(r))
	if fault.Is(err, fault.Invalid) {
		file, get := c.Files.Get(r.Context(), id)
		if get != nil {
			return get
		}
		answer.Log(r, err)
		answer.Page(w, r, answer.Status(err), glassPage(say, c.shell(r, say, m, "case.title"), file, c.Alias(r.Context(), file.OwnerID), say.Fault(err)))
		return nil
	}
	if err != nil {
		return err
	}
	return c.toCase(w, r, id)
}

// SeeGlass is a supervisor's word that she has seen why a glass was broken.
func (c *Room) SeeGlass(w http.ResponseWriter, r *http.Request) error {
	if err := c.Files.SeenGlass(r.Context(), r.PathValue("reader"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/cases", http.StatusSeeOther)
	return nil
}
