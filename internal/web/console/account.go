package console

import (
	"encoding/json"
	"io"
	"net/http"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// account is what the page of one's own account shows.
type account struct {
	factors  staff.Factors
	sessions []staff.Session
	enrol    *staff.Enrolment
	qr       [][]bool
	recovery []string
	fault    string
	done     bool // the password was just changed
	fresh    bool
	passkeys bool
}

// Account is one's own page: password, second factor, open sessions.
func (c *Room) Account(w http.ResponseWriter, r *http.Request) error {
	return c.account(w, r, http.StatusOK, account{done: r.URL.Query().Has("done")})
}

func (c *Room) account(w http.ResponseWriter, r *http.Request, code int, v account) error {
	m, say := session.Staff(r), answer.Printer(r)
	v, err := c.accountOf(r, v)
	if err != nil {
		return err
	}
	answer.Page(w, r, code, accountPage(say, c.shell(r, say, m, "account.title"), m, v))
	return nil
}

// accountOf adds to v what the record knows of whoever works.
func (c *Room) accountOf(r *http.Request, v account) (account, error) {
	m := session.Staff(r)
	var err error
	if v.factors, err = c.Staff.Factors(r.Context(), m.ID); err != nil {
		return v, err
	}
	if v.sessions, err = c.Staff.Sessions(r.Context(), m.ID); err != nil {
		return v, err
	}
	v.fresh, v.passkeys = m.Session.Fresh(c.Now()), c.Staff.Passkeys()
	return v, nil
}

// told shows what a person can put right on the page itself.
func (c *Room) toldOnAccount(w http.ResponseWriter, r *http.Request, v account, err error) error {
	if err == nil {
		http.Redirect(w, r, "/desk/account", http.StatusSeeOther)
		return nil
	}
	if fault.Is(err, fault.Internal) {
		return err
	}
	answer.Log(r, err)
	v.fault = answer.Printer(r).Fault(err)
	return c.account(w, r, answer.Status(err), v)
}

// SetTheme keeps how she wants her screens lit, in every browser she works in.
func (c *Room) SetTheme(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Staff.SetTheme(r.Context(), session.Staff(r).ID, form.Get("theme")); err != nil {
		return err
	}
	if answer.Scripted(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, "/desk/account", http.StatusSeeOther)
	return nil
}

// SetScreenLang keeps in which language her screens speak, in every browser she works in.
func (c *Room) SetScreenLang(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	return c.toldOnAccount(w, r, account{}, c.Staff.SetScreenLang(r.Context(), session.Staff(r).ID, form.Get("lang")))
}

// ChangePassword takes the old password and the new one.
func (c *Room) ChangePassword(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	err = c.Staff.ChangePassword(r.Context(), session.Staff(r).Session, form.Get("old"), form.Get("new"), c.network(r))
	if err == nil {
		http.Redirect(w, r, "/desk/account?done", http.StatusSeeOther)
		return nil
	}
	return c.toldOnAccount(w, r, account{}, err)
}

// Confirm shows again who she is, before something that matters.
func (c *Room) Confirm(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	return c.toldOnAccount(w, r, account{}, c.Staff.Confirm(r.Context(), session.Staff(r).Session, form.Get("password"), c.network(r)))
}

// BeginTOTP shows what the phone needs, once.
func (c *Room) BeginTOTP(w http.ResponseWriter, r *http.Request) error {
	e, err := c.Staff.BeginTOTP(r.Context(), session.Staff(r).Session)
	if err != nil {
		return c.toldOnAccount(w, r, account{}, err)
	}
	qr, err := e.QR()
	if err != nil {
		return err
	}
	return c.account(w, r, http.StatusOK, account{enrol: &e, qr: qr})
}

// FinishTOTP takes the first code, and shows the recovery codes, once.
func (c *Room) FinishTOTP(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ceremony := form.Get("ceremony")
	codes, err := c.Staff.FinishTOTP(r.Context(), session.Staff(r).Session, ceremony, form.Get("code"))
	if err != nil {
		v := account{}
		if fault.Is(err, fault.Invalid) { // the next code may be right
			v.enrol = &staff.Enrolment{Ceremony: ceremony}
		}
		return c.toldOnAccount(w, r, v, err)
	}
	return c.account(w, r, http.StatusOK, account{recovery: codes})
}

// RemoveTOTP takes the code generator away.
func (c *Room) RemoveTOTP(w http.ResponseWriter, r *http.Request) error {
	return c.toldOnAccount(w, r, account{}, c.Staff.RemoveTOTP(r.Context(), session.Staff(r).Session))
}

// NewRecovery makes ten new recovery codes, shown once; the ones on the old paper are worth nothing from then on.
func (c *Room) NewRecovery(w http.ResponseWriter, r *http.Request) error {
	codes, err := c.Staff.NewRecoveryCodes(r.Context(), session.Staff(r).Session)
	if err != nil {
		return c.toldOnAccount(w, r, account{}, err)
	}
	return c.account(w, r, http.StatusOK, account{recovery: codes})
}

// RenamePasskey gives one passkey another name.
func (c *Room) RenamePasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	return c.toldOnAccount(w, r, account{}, c.Staff.RenamePasskey(r.Context(), session.Staff(r).Session, r.PathValue("passkey"), form.Get("name")))
}

// RemovePasskey takes one passkey away.
func (c *Room) RemovePasskey(w http.ResponseWriter, r *http.Request) error {
	return c.toldOnAccount(w, r, account{}, c.Staff.RemovePasskey(r.Context(), session.Staff(r).Session, r.PathValue("passkey")))
}

// RevokeSession ends one of her sessions.
func (c *Room) RevokeSession(w http.ResponseWriter, r *http.Request) error {
	return c.toldOnAccount(w, r, account{}, c.Staff.Revoke(r.Context(), session.Staff(r).ID, r.PathValue("session"), me(r)))
}

// RevokeOthers ends all of her sessions but this one.
func (c *Room) RevokeOthers(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	return c.toldOnAccount(w, r, account{}, c.Staff.RevokeAll(r.Context(), m.ID, m.Session.ID, me(r)))
}

// maxPasskeyAnswer bounds what a browser answers to a passkey's question.
const maxPasskeyAnswer = 64 << 10

// passkeyAnswer is what the script sends back.
type passkeyAnswer struct {
	Ceremony string          `json:"ceremony"`
	Name     string          `json:"name"`
	Response json.RawMessage `json:"response"`
}

func readPasskey(w http.ResponseWriter, r *http.Request) (passkeyAnswer, error) {
	var a passkeyAnswer
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPasskeyAnswer))
	if err != nil || json.Unmarshal(body, &a) != nil {
		return a, fault.New(fault.Invalid, "fault.form.broken")
	}
	return a, nil
}

func sendJSON(w http.ResponseWriter, value any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(value)
}

// BeginPasskey gives the script what to ask the device.
func (c *Room) BeginPasskey(w http.ResponseWriter, r *http.Request) error {
	ceremony, options, err := c.Staff.BeginPasskey(r.Context(), session.Staff(r).Session)
	if err != nil {
		return err
	}
	return sendJSON(w, map[string]any{"ceremony": ceremony, "options": json.RawMessage(options)})
}

// FinishPasskey keeps the new passkey, and shows it in the list. With the first one come the recovery
// codes, once.
func (c *Room) FinishPasskey(w http.ResponseWriter, r *http.Request) error {
	a, err := readPasskey(w, r)
	if err != nil {
		return err
	}
	m, say := session.Staff(r), answer.Printer(r)
	added, err := c.Staff.FinishPasskey(r.Context(), m.Session, a.Ceremony, a.Name, a.Response)
	if err != nil {
		return err
	}
	v, err := c.accountOf(r, account{recovery: added.Recovery})
	if err != nil {
		return err
	}
	answer.Fragment(w, r, together(recoveryPiece(say, v.recovery), factorPiece(say, v)))
	return nil
}

// BeginPasskeyLogin gives the script what to ask any passkey of this site.
func (c *Room) BeginPasskeyLogin(w http.ResponseWriter, r *http.Request) error {
	options, err := c.Staff.BeginPasskeyLogin()
	if err != nil {
		return err
	}
	return sendJSON(w, map[string]any{"options": json.RawMessage(options)})
}

// FinishPasskeyLogin lets whoever holds the passkey in.
func (c *Room) FinishPasskeyLogin(w http.ResponseWriter, r *http.Request) error {
	a, err := readPasskey(w, r)
	if err != nil {
		return err
	}
	step, err := c.Staff.FinishPasskeyLogin(r.Context(), a.Response, c.network(r), staff.Device(r.UserAgent()))
	if err != nil {
		return err
	}
	to, err := c.landing(r.Context(), step.Person)
	if err != nil {
		return err
	}
	session.SetStaff(w, step.Token)
	return sendJSON(w, map[string]string{"to": to})
}
