// Package admin is where the house is looked after: the words and rules of the catalogue, the accounts of
// the staff, and the log of who did and who looked. An administrator reads no child's words here, and
// nowhere else.
package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/datarequest"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/keeping"
	"vigie/internal/phone"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Room holds what the pages work with.
type Room struct {
	Site      ui.Site
	Staff     *staff.Staff
	Audit     *audit.Log
	Catalogue *catalogue.Catalogue
	Guides    *guide.Guides
	Phone     *phone.Phone
	Contacts  *contact.Contacts
	Kept      *keeping.Keeping
	Requests  *datarequest.Requests
	// Now is the clock of the sessions.
	Now func() time.Time
	// Look records that the log was read.
	Look func(ctx context.Context, e audit.Entry) error
}

func me(r *http.Request) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: session.Staff(r).ID} }

// Frame is the frame of a page beside the house's, for the rooms that have such pages.
func (a *Room) Frame(r *http.Request, title string) ui.DeskProps { return a.shell(r, title) }

func (a *Room) shell(r *http.Request, title string) ui.DeskProps {
	m, say := session.Staff(r), answer.Printer(r)
	home := "/admin"
	if m.Person.Can(staff.DeskUse) {
		home = "/desk"
	}
	return ui.DeskProps{Site: a.Site, Title: say.T(title), Theme: m.Theme, Home: home, Presence: bar(say, m.Person, r.URL.Path)}
}

// Home goes to the first page that this person may see.
func (a *Room) Home(w http.ResponseWriter, r *http.Request) error {
	to := "/admin/catalogue"
	if session.Staff(r).Can(staff.RequestHandle) {
		to = "/admin/requests"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// words are the documents an editor may write; the others are rules, an administrator's.
var words = []catalogue.Doc{catalogue.DocAnswers, catalogue.DocGuides, catalogue.DocDoNow, catalogue.DocLines}

func mayWrite(p staff.Person, doc catalogue.Doc) bool {
	if doc == catalogue.DocKeeping {
		return false // on a page of its own, beside what it erases
	}
	if slices.Contains(words, doc) {
		return p.Can(staff.CatalogueWrite)
	}
	return p.Can(staff.CatalogueEdit)
}

// Documents lists the documents of the catalogue.
func (a *Room) Documents(w http.ResponseWriter, r *http.Request) error {
	say, set := answer.Printer(r), a.Catalogue.Current()
	var rows [][]templ.Component
	for _, doc := range catalogue.Docs {
		rows = append(rows, []templ.Component{
			link("/admin/catalogue/"+string(doc), say.T("admin.doc."+string(doc))), ui.Words(strconv.Itoa(set.Versions[doc])),
		})
	}
	answer.Page(w, r, http.StatusOK, documentsPage(say, a.shell(r, "admin.catalogue"), rows))
	return nil
}

// document is one document being read or edited.
type document struct {
	doc      catalogue.Doc
	base     int
	old      int // the version shown, when it is not the newest
	text     string
	flaws    []string
	done     bool
	writable bool
	versions []catalogue.Version
}

func (a *Room) doc(r *http.Request) (catalogue.Doc, error) {
	doc := catalogue.Doc(r.PathValue("doc"))
	if !slices.Contains(catalogue.Docs, doc) {
		return "", fault.New(fault.NotFound, "fault.catalogue.document")
	}
	return doc, nil
}

// Document shows one document as TOML, to be edited by whoever may.
func (a *Room) Document(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.doc(r)
	if err != nil {
		return err
	}
	version, _ := strconv.Atoi(r.URL.Query().Get("version")) // 0 is the newest
	text, err := a.Catalogue.Text(r.Context(), doc, version)
	if err != nil {
		return err
	}
	d := document{doc: doc, base: a.Catalogue.Current().Versions[doc], text: text, done: r.URL.Query().Has("done")}
	if version != d.base {
		d.old = version
	}
	return a.document(w, r, http.StatusOK, d)
}

func (a *Room) document(w http.ResponseWriter, r *http.Request, code int, d document) error {
	var err error
	if d.versions, err = a.Catalogue.Versions(r.Context(), d.doc); err != nil {
		return err
	}
	d.writable = mayWrite(session.Staff(r).Person, d.doc)
	answer.Page(w, r, code, documentPage(answer.Printer(r), a.shell(r, "admin.doc."+string(d.doc)), d))
	return nil
}

// maxDocument bounds a document as it is posted; the catalogue has its own, smaller bound.
const maxDocument = 2 << 20

// Publish makes what was written the newest version, or shows every line that keeps it from that, with
// nothing of the text lost.
func (a *Room) Publish(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.doc(r)
	if err != nil {
		return err
	}
	if !mayWrite(session.Staff(r).Person, doc) {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxDocument)
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.TooLarge, "fault.form.too_large")
	}
	d := document{doc: doc, text: r.PostForm.Get("text")}
	d.base, _ = strconv.Atoi(r.PostForm.Get("base"))
	_, err = a.Catalogue.PublishOver(r.Context(), doc, d.base, []byte(d.text), me(r))
	switch {
	case err == nil:
		http.Redirect(w, r, "/admin/catalogue/"+string(doc)+"?done", http.StatusSeeOther)
		return nil
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		d.flaws = sentences(answer.Printer(r), err)
		return a.document(w, r, answer.Status(err), d)
	}
	return err
}

// sentences says every flaw of a document, or the fault itself.
func sentences(say *i18n.Printer, err error) []string {
	var flaws catalogue.Flaws
	if !errors.As(err, &flaws) {
		return []string{say.Fault(err)}
	}
	var all []string
	for _, f := range flaws {
		all = append(all, say.Fault(f.Fault()))
	}
	return all
}

// Trail is the log. Reading it is a look, and is in it.
func (a *Room) Trail(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	rows, err := a.Audit.Rows(r.Context(), audit.Filter{ObjectID: q.Get("object"), ActorID: q.Get("actor"), Act: q.Get("act"), Before: q.Get("before"), Limit: 100})
	if err != nil {
		return err
	}
	if err := a.Look(r.Context(), audit.Entry{Actor: me(r), Act: "audit.read", Object: "audit"}); err != nil {
		return err
	}
	say := answer.Printer(r)
	var table [][]templ.Component
	older := ""
	for _, row := range rows {
		table = append(table, []templ.Component{
			ui.Words(say.DateTime(at(row.At))), ui.Words(a.who(r.Context(), say, row.Actor)), ui.Words(row.Act), ui.Words(row.Object + " " + short(row.ObjectID)), ui.Words(details(row)), ui.Words(strconv.FormatInt(row.Block, 10)),
		})
	}
	if len(rows) == 100 {
		q.Set("before", rows[99].ID)
		older = "/admin/audit?" + q.Encode()
	}
	answer.Page(w, r, http.StatusOK, trailPage(say, a.shell(r, "admin.audit"), table, older, q.Get("act")))
	return nil
}

func (a *Room) who(ctx context.Context, say *i18n.Printer, actor audit.Actor) string {
	if actor.Kind == audit.Staff {
		if p, err := a.Staff.Colleague(ctx, actor.ID); err == nil {
			return p.Alias
		}
	}
	return say.T("admin.actor." + actor.Kind)
}

// short is the end of an id, enough to tell it from its neighbours; a word stays whole.
func short(value string) string {
	if uuid.Validate(value) == nil {
		return value[len(value)-8:]
	}
	return value
}

func details(row audit.Row) string {
	var all []string
	for name, value := range row.Detail {
		all = append(all, name+" "+short(value))
	}
	slices.Sort(all)
	if row.Purpose != "" {
		all = append(all, row.Purpose)
	}
	return strings.Join(all, ", ")
}
