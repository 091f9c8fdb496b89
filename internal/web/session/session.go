// Package session knows who is asking: the visitor of one conversation, or a member of staff.
//
// A visitor has a cookie only once she opened a chat, and it goes with the browser; a member of staff
// has one from her log-in. Both are __Host- cookies (RFC 6265bis §4.1.3.2): bound to our host, sent
// over TLS only (browsers make an exception for localhost), never readable by a script, never sent from
// another site.
package session

import (
	"context"
	"net/http"

	"vigie/internal/contact"
	"vigie/internal/staff"
)

const (
	visitorCookie = "__Host-vigie"
	staffCookie   = "__Host-vigie-staff"
	wallCookie    = "__Host-vigie-wall"

	// wallFor is how long a screen keeps its cookie: as long as browsers keep any (RFC 6265bis §5.5). It is taken away in the record.
	wallFor = 400 * 24 * 60 * 60
)

func cookie(name, value string, age int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func token(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// SetVisitor gives the browser the token of a conversation, until it is closed.
func SetVisitor(w http.ResponseWriter, token string) {
	http.SetCookie(w, cookie(visitorCookie, token, 0))
}

// ClearVisitor takes it back.
func ClearVisitor(w http.ResponseWriter) { http.SetCookie(w, cookie(visitorCookie, "", -1)) }

// VisitorToken is the token the browser sent, "" for none.
func VisitorToken(r *http.Request) string { return token(r, visitorCookie) }

// SetStaff gives the browser the token of a staff session.
func SetStaff(w http.ResponseWriter, token string) { http.SetCookie(w, cookie(staffCookie, token, 0)) }

// ClearStaff takes it back.
func ClearStaff(w http.ResponseWriter) { http.SetCookie(w, cookie(staffCookie, "", -1)) }

// StaffToken is the token the browser sent, "" for none.
func StaffToken(r *http.Request) string { return token(r, staffCookie) }

// SetWall gives the browser of a screen on a wall its token, which opens the wallboard and nothing else.
func SetWall(w http.ResponseWriter, token string) {
	http.SetCookie(w, cookie(wallCookie, token, wallFor))
}

// WallToken is the token the browser sent, "" for none.
func WallToken(r *http.Request) string { return token(r, wallCookie) }

type contextKey int

const (
	visitorKey contextKey = iota
	staffKey
)

// WithVisitor notes whose conversation a request belongs to.
func WithVisitor(r *http.Request, s contact.Session) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitorKey, s))
}

// Visitor is the conversation of a request on a route with access "visitor".
func Visitor(r *http.Request) contact.Session {
	s, _ := r.Context().Value(visitorKey).(contact.Session)
	return s
}

// Member is a member of staff and the session she works in.
type Member struct {
	staff.Person
	Session staff.Session
}

// WithMember notes who works.
func WithMember(r *http.Request, m Member) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), staffKey, m))
}

// Staff is who works, on a route that names a right.
func Staff(r *http.Request) Member {
	m, _ := r.Context().Value(staffKey).(Member)
	return m
}
