// Package web is the way in for browsers: one table of routes with the right each needs (routes.go),
// and the shell around it (headers, who is asking, what went wrong). What a page does is in the rooms
// below: public for the visitor, console for the desk, admin for the administrators. It writes no SQL:
// it asks the feature rooms.
package web

import (
	"net/http"
	"net/netip"
	"strings"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/admin"
	"vigie/internal/web/answer"
	"vigie/internal/web/assets"
	"vigie/internal/web/console"
	"vigie/internal/web/figures"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/public"
	"vigie/internal/web/session"
	"vigie/internal/web/site"
	"vigie/internal/web/ui"
	"vigie/internal/web/wall"
)

// Options are what the pages work with.
type Options struct {
	Site    ui.Site
	Secure  bool
	Trusted []netip.Prefix
	Staff   *staff.Staff
	Streams *live.Streams
	Public  *public.Room
	Pages   *site.Room
	Console *console.Room
	Admin   *admin.Room
	Figures *figures.Room
	Wall    *wall.Room
}

// Handler answers every page.
type Handler struct {
	Options
	served http.Handler
	table  []Route
}

// Route is one line of the table.
type Route struct {
	Method, Path string
	// Right is what it takes: staff.Public, staff.Visitor, or a right of staff.
	Right staff.Right
	Do    answer.Handler
	// Spoken says that the page exists in each language: /chat and /en/chat.
	Spoken bool
}

// New prepares the pages.
func New(o Options) *Handler {
	h := &Handler{Options: o}
	h.table = h.routes()
	mux := http.NewServeMux()
	for _, route := range h.table {
		h.mount(mux, route)
	}
	mux.Handle("GET "+assets.Prefix, assets.Handler())
	mux.HandleFunc("/", h.missing)
	var served http.Handler = mux
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, spoken(r), fault.New(fault.Forbidden, "fault.form.elsewhere"))
	}))
	served = csrf.Handler(served)
	h.served = headers(o.Secure, clients(o.Trusted, served))
	h.Pages.Ask = h
	return h
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.served.ServeHTTP(w, r) }

// Drain ends every open stream, so that its page comes back to another node.
func (h *Handler) Drain() { h.Streams.Drain() }

// Routes is the table, for the test that walks it.
func (h *Handler) Routes() []Route { return h.table }

func (h *Handler) mount(mux *http.ServeMux, route Route) {
	do := h.guarded(route)
	for _, lang := range i18n.Languages {
		path := route.Path
		if lang != i18n.French {
			if !route.Spoken {
				continue
			}
			path = i18n.For(lang).Path(path)
		}
		pattern := path
		if strings.HasSuffix(pattern, "/") {
			pattern += "{$}"
		}
		own := policies[route.Path]
		spoken := func(w http.ResponseWriter, r *http.Request) {
			if own != "" {
				w.Header().Set("Content-Security-Policy", own)
			}
			if !route.Spoken {
				do(w, spoken(r))
				return
			}
			r = answer.WithLang(r, lang)
			if route.Right == staff.Public {
				r = h.addressed(r)
			}
			do(w, r)
		}
		mux.HandleFunc(route.Method+" "+pattern, watched(route.Method+" "+path, h.fail, spoken))
	}
}

// guarded lets a request through that has the right the route names.
func (h *Handler) guarded(route Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var err error
		if r, err = h.admit(r, route.Right); err == nil {
			err = route.Do(w, r)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	}
}

func (h *Handler) admit(r *http.Request, right staff.Right) (*http.Request, error) {
	switch right {
	case staff.Public:
		return r, nil
	case staff.Visitor:
		s, err := h.Public.Contacts.Session(r.Context(), session.VisitorToken(r))
		if err != nil {
			return r, err
		}
		return h.Public.To(session.WithVisitor(r, s), s.Public), nil
	}
	s, p, err := h.Staff.Lookup(r.Context(), session.StaffToken(r))
	if err != nil {
		return r, err
	}
	m := session.Member{Person: p, Session: s}
	r = session.WithMember(r, m)
	if p.ScreenLang != "" {
		r = answer.WithLang(r, p.ScreenLang)
	}
	if !m.Can(right) {
		return r, fault.New(fault.Forbidden, "fault.forbidden")
	}
	return r, nil
}

// missing answers what is nowhere in the table.
func (h *Handler) missing(w http.ResponseWriter, r *http.Request) {
	h.fail(w, h.addressed(spoken(r)), fault.New(fault.NotFound, "fault.not_found"))
}

// addressed notes how the visitor who asks for a page that is open to all is spoken to, where she has said
// who she is.
func (h *Handler) addressed(r *http.Request) *http.Request {
	if token := session.VisitorToken(r); token != "" && !ofStaff(r) {
		if s, err := h.Public.Contacts.Session(r.Context(), token); err == nil {
			return h.Public.To(r, s.Public)
		}
	}
	return r
}

// spoken notes the language of a request whose page has one address for all languages, or none: the staff's
// pages speak to adults, in what the browser asks for, until it is known who asks (admit).
func spoken(r *http.Request) *http.Request {
	if ofStaff(r) {
		return answer.WithLang(answer.WithAdult(r, true), i18n.Asked(r.Header.Get("Accept-Language")))
	}
	if strings.HasPrefix(r.URL.Path, "/en/") || r.URL.Path == "/en" {
		return answer.WithLang(r, i18n.English)
	}
	return r
}

// ofStaff says whether an address is one of the staff's pages.
func ofStaff(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/desk") || strings.HasPrefix(r.URL.Path, "/admin") || strings.HasPrefix(r.URL.Path, "/wall")
}

// fail answers a fault: a sentence for a script, a page for a person; somebody of the staff whose session is
// over is sent to log in, whatever she was doing.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer.Log(r, err)
	p := answer.Printer(r)
	code := answer.Status(err)
	// A stream that is refused is asked for by a script too, though it cannot say so: sent to a page, the
	// browser would complain of its kind.
	if answer.Scripted(r) || r.Header.Get("Accept") == "text/event-stream" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(p.Fault(err)))
		return
	}
	desk := ofStaff(r)
	if desk && fault.Is(err, fault.Unauthenticated) {
		if r.Method == http.MethodGet {
			http.Redirect(w, r, "/desk/login", http.StatusSeeOther)
		} else {
			h.Console.LogInAgain(w, r, err)
		}
		return
	}
	if m := session.Staff(r); desk && fault.Is(err, fault.Forbidden) && m.Session.Needs != staff.NeedNothing && r.Method == http.MethodGet {
		http.Redirect(w, r, "/desk/account", http.StatusSeeOther)
		return
	}
	if desk {
		answer.Page(w, r, code, ui.DeskErrorPage(p, h.Site, p.Fault(err), wayBack(p, session.Staff(r).Person)))
		return
	}
	answer.Page(w, r, code, ui.ErrorPage(p, ui.PageProps{Site: h.Site}, p.Fault(err)))
}

// wayBack is where somebody's work is, from a page that did not open.
func wayBack(p *i18n.Printer, who staff.Person) ui.Link {
	switch {
	case who.Can(staff.DeskUse):
		return ui.Link{Href: "/desk", Label: p.T("desk.back")}
	case who.Can(staff.CatalogueRead):
		return ui.Link{Href: "/admin", Label: p.T("admin.title")}
	}
	return ui.Link{Href: "/desk/login", Label: p.T("login.title")}
}

// gallery shows every component in every state: the living guide, and what axe walks.
func (h *Handler) gallery(w http.ResponseWriter, r *http.Request) error {
	answer.Page(w, r, http.StatusOK, ui.Gallery(answer.Printer(r), h.Site, r.URL.Query().Get("theme")))
	return nil
}
