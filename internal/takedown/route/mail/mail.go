// Package mail sends a notice as a letter by e-mail to somebody at a platform who reads it.
//
// A letter is plain text and nothing else: no HTML, no picture, no proof. It says what DSA Art. 16(2) wants said, in the
// order in which its reader needs it. Its Message-ID and its mark are made with a key of ours, by which
// its answers come back to the notice (internal/takedown/replies). Another letter on the same notice, a reminder say, has another
// Message-ID and stands in the same conversation.
//
// What "sent" means here is less than with an API: our own mail server has taken the letter, and answers for it from then
// on (RFC 5321 §4.2.5). A mailbox that does not exist is often known only by the letter that comes back.
//
// Credentials (Account):
//
//	{"server": "smtp.helpline.example:587", "user": "notices", "password": "…", "from": "notices@helpline.example", "name": "The helpline"}
package mail

import (
	"context"
	"net"
	"strings"

	"vigie/internal/fault"
	"vigie/internal/takedown/route"
)

// Route sends one letter. It is made for a notice, because what a letter says of the law, of who writes and to whom is the
// desk's and no part of a route.Notice.
type Route struct {
	letter Letter
	post   Post
	// attach gives what goes with the letter; nil for nothing.
	attach func(Letter) (Attachment, error)
}

// New returns the route that sends this letter. Its Notice is the one that Send is given.
func New(letter Letter, post Post) *Route { return &Route{letter: letter, post: post} }

// With returns the route whose letters carry what attach gives: a report that a machine reads (package xarf).
func (r *Route) With(attach func(Letter) (Attachment, error)) *Route {
	return &Route{letter: r.letter, post: r.post, attach: attach}
}

// textLimit is how many characters a letter's statement may have: nobody reads more.
const textLimit = 20_000

// About says what a letter can do. Its receipt is our own mail server's.
func (r *Route) About() route.About {
	return route.About{Name: "E-mail", Text: textLimit, Items: true, Accounts: true, Receipt: true}
}

// Resolve looks whether the contact's address is written as a mailbox is ("fault.route.mailbox"). Whether anybody reads it,
// nobody can ask.
func (r *Route) Resolve(_ context.Context, _ route.Target, _ route.Credentials) (route.Found, error) {
	if err := checkMailbox(r.letter.To); err != nil {
		return route.Found{}, err
	}
	return route.Found{Account: r.letter.To}, nil
}

// Send sends the letter to the mailbox that was found, once. Besides what route.Refused lists, it refuses with
// "fault.route.mailbox", "fault.route.letter" (what the letter lacks), "fault.route.mail_login", "fault.route.mail_tls" and
// "fault.route.mail_declined".
func (r *Route) Send(ctx context.Context, n route.Notice, f route.Found, c route.Credentials) (route.Sent, error) {
	account, err := open(c)
	if err != nil {
		return route.Sent{}, err
	}
	if err := route.CheckText(n, r.About()); err != nil {
		return route.Sent{}, err
	}
	letter := r.letter
	letter.Notice, letter.To = n, f.Account
	letter.From, letter.FromName = account.From, account.Name
	if r.attach != nil {
		attached, err := r.attach(letter)
		if err != nil {
			return route.Sent{}, err
		}
		letter.Attached = &attached
	}
	message, err := letter.Bytes()
	if err != nil {
		return route.Sent{}, err
	}
	return r.post.send(ctx, account, letter.To, message)
}

// Send sends a message from the account's server, once. It fails as Route.Send does.
func (p Post) Send(ctx context.Context, m Message, c route.Credentials) (route.Sent, error) {
	account, err := open(c)
	if err != nil {
		return route.Sent{}, err
	}
	message, err := m.Bytes()
	if err != nil {
		return route.Sent{}, err
	}
	return p.send(ctx, account, m.To, message)
}

// Look says that it cannot tell: a mailbox shows nothing.
func (r *Route) Look(_ context.Context, _ route.Target, _ route.Found, c route.Credentials) (route.Seen, error) {
	if _, err := open(c); err != nil {
		return route.Seen{}, err
	}
	return route.Seen{Sight: route.Unsure, Why: "route.why.mail"}, nil
}

// Account is the shape of the credentials: the helpline's own mail server and mailbox.
type Account struct {
	Server string `json:"server"` // host and port, "smtp.helpline.example:587"
	// TLS is "" for STARTTLS (RFC 3207), "implicit" for TLS from the first byte (RFC 8314, port 465), or "none", which is
	// taken for this machine only.
	TLS      string `json:"tls,omitempty"`
	User     string `json:"user,omitempty"` // "" for a server that asks for no login
	Password string `json:"password,omitempty"`
	From     string `json:"from"`           // the mailbox that writes, and that answers come to
	Name     string `json:"name,omitempty"` // the helpline's name beside it
}

// The values of Account.TLS.
const (
	startTLS    = ""
	implicitTLS = "implicit"
	noTLS       = "none"
)

func open(c route.Credentials) (Account, error) {
	var a Account
	if err := route.Open(c, &a); err != nil {
		return a, err
	}
	return a, a.check()
}

func (a Account) check() error {
	shape := func(what string) error { return route.Refuse("fault.route.shape", "what", what) }
	host, port, err := net.SplitHostPort(a.Server)
	switch {
	case err != nil || host == "" || port == "" || strings.ContainsFunc(a.Server, unseen):
		return shape("server")
	case a.TLS != startTLS && a.TLS != implicitTLS && !(a.TLS == noTLS && here(host)):
		return shape("tls")
	case (a.User == "") != (a.Password == ""):
		return shape("password")
	case checkMailbox(a.From) != nil:
		return shape("from")
	case strings.ContainsFunc(a.Name, unseen):
		return shape("name")
	}
	return nil
}

// here says whether a host is this machine.
func here(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func refuse(key string, cause error, said string, args ...any) error {
	return &route.Refused{Fault: fault.Wrap(cause, fault.Invalid, key, args...), Said: route.Line(said)}
}
