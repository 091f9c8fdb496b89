package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// People lists the accounts.
func (a *Room) People(w http.ResponseWriter, r *http.Request) error {
	return a.people(w, r, http.StatusOK, newcomer, made{})
}

// newcomer is the form of an account that is not made yet: most come to answer, in French.
var newcomer = personForm{roles: []staff.Role{staff.Counsellor}, langs: []string{i18n.French}}

// made is the password of an account, shown once.
type made struct{ who, password string }

func (a *Room) people(w http.ResponseWriter, r *http.Request, code int, f personForm, m made) error {
	people, err := a.Staff.List(r.Context())
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	var rows [][]templ.Component
	for _, p := range people {
		login := p.Login
		if p.Forgotten() {
			login = ""
		}
		rows = append(rows, []templ.Component{
			link(pathOf(p), p.Alias), ui.Words(login), ui.Words(p.Name), ui.Words(roles(say, p)), ui.Words(strings.Join(p.Langs, ", ")), personActions(say, p),
		})
	}
	answer.Page(w, r, code, peoplePage(say, a.shell(r, "admin.staff"), rows, f, a.choices(say, f), m))
	return nil
}

func pathOf(p staff.Person) string { return "/admin/staff/" + p.ID }

func roles(say *i18n.Printer, p staff.Person) string {
	var all []string
	for _, role := range p.Roles {
		all = append(all, say.T("admin.role."+string(role)))
	}
	return strings.Join(all, ", ")
}

// personForm is what is asked about somebody when her account is made, and when it is changed.
type personForm struct {
	login, alias, name string
	roles              []staff.Role
	langs, skills      []string
	capacity           string
	fault              string // what is to be put right
	at                 string // the name of the field where
}

func formOf(p staff.Person) personForm {
	f := personForm{login: p.Login, alias: p.Alias, name: p.Name, roles: p.Roles, langs: p.Langs, skills: p.Skills}
	if p.ChatCapacity > 0 {
		f.capacity = strconv.Itoa(p.ChatCapacity)
	}
	return f
}

func readPerson(form url.Values) personForm {
	f := personForm{
		login: form.Get("login"), alias: form.Get("alias"), name: form.Get("name"),
		langs: form["lang"], skills: form["skill"], capacity: strings.TrimSpace(form.Get("capacity")),
	}
	for _, role := range form["role"] {
		f.roles = append(f.roles, staff.Role(role))
	}
	return f
}

// chats is how many chats at once were asked for; -1, which is refused, for what is no number.
func (f personForm) chats() int {
	if f.capacity == "" {
		return 0
	}
	n, err := strconv.Atoi(f.capacity)
	if err != nil {
		return -1
	}
	return n
}

// told puts a refusal where it can be put right. An internal error is none.
func (f personForm) told(r *http.Request, err error) personForm {
	answer.Log(r, err)
	f.fault = answer.Printer(r).Fault(err)
	key := strings.TrimPrefix(fault.As(err).Key, "fault.staff.")
	for prefix, field := range map[string]string{"login": "login", "alias": "alias", "name": "name", "roles": "role", "langs": "lang", "skills": "skill", "capacity": "capacity"} {
		if strings.HasPrefix(key, prefix) {
			f.at = field
		}
	}
	return f
}

// faultAt is what is to be put right in a field.
func (f personForm) faultAt(field string) string {
	if f.at == field {
		return f.fault
	}
	return ""
}

// choices are what can be ticked about somebody.
type choices struct{ roles, langs, skills []ui.Option }

// choices offers every role, the languages of the house, and the skills that the catalogue's queues ask for,
// with what she has besides: what was given on the command line is not taken away by opening a page.
func (a *Room) choices(say *i18n.Printer, f personForm) choices {
	var c choices
	for _, role := range staff.Roles {
		c.roles = append(c.roles, ui.Option{Value: string(role), Label: say.T("admin.role." + string(role)), Checked: slices.Contains(f.roles, role)})
	}
	for _, lang := range i18n.Languages {
		c.langs = append(c.langs, ui.Option{Value: lang, Label: i18n.For(lang).T("page.language"), Checked: slices.Contains(f.langs, lang)})
	}
	for _, s := range a.Catalogue.Current().Queues.Asked() {
		c.skills = append(c.skills, ui.Option{Value: s.Code, Label: s.Label.In(say.Lang()), Checked: slices.Contains(f.skills, s.Code)})
	}
	c.langs, c.skills = withOthers(c.langs, f.langs), withOthers(c.skills, f.skills)
	return c
}

// withOthers adds the codes that are not offered, ticked.
func withOthers(offered []ui.Option, has []string) []ui.Option {
	for _, code := range has {
		if !slices.ContainsFunc(offered, func(o ui.Option) bool { return o.Value == code }) {
			offered = append(offered, ui.Option{Value: code, Label: code, Checked: true})
		}
	}
	return offered
}

// fresh asks who gives rights, or takes them, to have shown lately who she is: an unattended screen opens
// no conversation.
func (a *Room) fresh(r *http.Request) error {
	if !session.Staff(r).Session.Fresh(a.Now()) {
		return fault.New(fault.Forbidden, "fault.staff.confirm_first")
	}
	return nil
}

// Add makes an account with a first password, which is shown once.
func (a *Room) Add(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	f, password := readPerson(form), staff.MakePassword()
	var p staff.Person
	if err = a.fresh(r); err == nil {
		p, err = a.Staff.Add(r.Context(), staff.NewPerson{
			Login: f.login, Alias: f.alias, Name: f.name, Roles: f.roles, Langs: f.langs, Skills: f.skills, ChatCapacity: f.chats(),
			Password: password, Given: true,
		}, me(r))
	}
	if fault.Is(err, fault.Internal) {
		return err
	}
	if err != nil {
		return a.people(w, r, answer.Status(err), f.told(r, err), made{})
	}
	return a.people(w, r, http.StatusOK, newcomer, made{p.Alias, password})
}

// Person is the page on which an account is changed.
func (a *Room) Person(w http.ResponseWriter, r *http.Request) error {
	p, err := a.Staff.Get(r.Context(), r.PathValue("person"))
	if err != nil {
		return err
	}
	return a.person(w, r, http.StatusOK, p, formOf(p))
}

func (a *Room) person(w http.ResponseWriter, r *http.Request, code int, p staff.Person, f personForm) error {
	say := answer.Printer(r)
	answer.Page(w, r, code, personPage(say, a.shell(r, "admin.staff"), p, f, a.choices(say, f), r.URL.Query().Has("done")))
	return nil
}

// Change gives and takes roles, languages, skills and the rest; it counts at once, also for who is at work.
func (a *Room) Change(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	p, err := a.Staff.Get(r.Context(), r.PathValue("person"))
	if err != nil {
		return err
	}
	f := readPerson(form)
	if err = a.fresh(r); err == nil {
		chats := f.chats()
		_, err = a.Staff.Change(r.Context(), p.ID, staff.Change{
			Alias: &f.alias, Name: &f.name, Roles: &f.roles, Langs: &f.langs, Skills: &f.skills, ChatCapacity: &chats,
		}, me(r))
	}
	return a.changed(w, r, p, f, err)
}

// changed answers an act on an account: its page, or what is to be put right there.
func (a *Room) changed(w http.ResponseWriter, r *http.Request, p staff.Person, f personForm, err error) error {
	if fault.Is(err, fault.Internal) {
		return err
	}
	if err != nil {
		return a.person(w, r, answer.Status(err), p, f.told(r, err))
	}
	http.Redirect(w, r, pathOf(p)+"?done", http.StatusSeeOther)
	return nil
}

// Forget erases what makes somebody who left recognisable. It cannot be undone, so her alias is typed again.
func (a *Room) Forget(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	p, err := a.Staff.Get(r.Context(), r.PathValue("person"))
	if err != nil {
		return err
	}
	if err = a.fresh(r); err == nil && strings.TrimSpace(form.Get("again")) != p.Alias {
		err = fault.New(fault.Invalid, "fault.staff.forget_again")
	}
	if err == nil {
		err = a.Staff.Forget(r.Context(), p.ID, me(r))
	}
	return a.changed(w, r, p, formOf(p), err)
}

// Reset gives somebody a new first password and takes her second factors away.
func (a *Room) Reset(w http.ResponseWriter, r *http.Request) error {
	if err := a.fresh(r); err != nil {
		return err
	}
	id := r.PathValue("person")
	p, err := a.Staff.Get(r.Context(), id)
	if err != nil {
		return err
	}
	password := staff.MakePassword()
	if err := a.Staff.ResetFactors(r.Context(), id, me(r)); err != nil {
		return err
	}
	if err := a.Staff.SetPassword(r.Context(), id, password, true, me(r)); err != nil {
		return err
	}
	return a.people(w, r, http.StatusOK, newcomer, made{p.Alias, password})
}

// SetActive closes an account, or opens it again.
func (a *Room) SetActive(w http.ResponseWriter, r *http.Request) error {
	if err := a.fresh(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := a.Staff.SetActive(r.Context(), r.PathValue("person"), form.Get("on") == "1", me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/staff", http.StatusSeeOther)
	return nil
}
