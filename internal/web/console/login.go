package console

import (
	"fmt"
	"net/http"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// login is the state of the log-in page.
type login struct {
	name, half, fault string
	next              staff.Next
}

// LogIn is the page.
func (c *Room) LogIn(w http.ResponseWriter, r *http.Request) error {
	return c.logIn(w, r, http.StatusOK, login{})
}

// LogInAgain is the same for somebody whose session ended before what she sent: it says so.
func (c *Room) LogInAgain(w http.ResponseWriter, r *http.Request, over error) {
	answer.Page(w, r, answer.Status(over), loginPage(answer.Printer(r), c.Site, login{fault: answer.Printer(r).Fault(over)}, c.Staff.Passkeys()))
}

func (c *Room) logIn(w http.ResponseWriter, r *http.Request, code int, l login) error {
	answer.Page(w, r, code, loginPage(answer.Printer(r), c.Site, l, c.Staff.Passkeys()))
	return nil
}

// network is who tries, as an opaque mark of today: never an address.
func (c *Room) network(r *http.Request) string {
	return fmt.Sprintf("%x", c.Guard.Network(answer.Client(r).Addr()))
}

// Authenticate takes a log-in and a password.
func (c *Room) Authenticate(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	step, err := c.Staff.Authenticate(r.Context(), form.Get("login"), form.Get("password"), c.network(r), staff.Device(r.UserAgent()))
	return c.step(w, r, step, err, login{name: form.Get("login")})
}

// Code takes the code that a log-in asked for.
func (c *Room) Code(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	half := form.Get("half")
	step, err := c.Staff.Code(r.Context(), half, form.Get("code"), staff.Device(r.UserAgent()))
	return c.step(w, r, step, err, login{half: half, next: staff.NextCode})
}

// step goes on where a log-in stands.
func (c *Room) step(w http.ResponseWriter, r *http.Request, step staff.LoginStep, err error, l login) error {
	if err != nil {
		switch fault.KindOf(err) {
		case fault.Unauthenticated, fault.TooMany, fault.Gone, fault.Invalid:
			answer.Log(r, err)
			l.fault = answer.Printer(r).Fault(err)
			if fault.Is(err, fault.Gone) {
				l.half, l.next = "", staff.NextNothing
			}
			return c.logIn(w, r, answer.Status(err), l)
		}
		return err
	}
	if step.Next != staff.NextNothing {
		return c.logIn(w, r, http.StatusOK, login{half: step.Half, next: step.Next})
	}
	to, err := c.landing(r.Context(), step.Person)
	if err != nil {
		return err
	}
	session.SetStaff(w, step.Token)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// home is where somebody's work is.
func home(p staff.Person) string {
	switch {
	case p.Can(staff.DeskUse):
		return "/desk"
	case p.Can(staff.CatalogueRead):
		return "/admin"
	}
	return "/desk/account"
}

// LogOut ends the session.
func (c *Room) LogOut(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	if err := c.Staff.Revoke(r.Context(), m.ID, m.Session.ID, me(r)); err != nil {
		return err
	}
	session.ClearStaff(w)
	http.Redirect(w, r, "/desk/login", http.StatusSeeOther)
	return nil
}
