package mail

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/takedown/route"
)

// Post is the way to our own mail server. Its zero value is ready.
type Post struct {
	// Roots are the authorities whose certificates are believed; nil for the machine's.
	Roots *x509.CertPool
	// Patience is how long the server may take until the letter is handed over, and again for its answer to it; 0 for 25
	// seconds: a job has a minute.
	Patience time.Duration
}

const patience = 25 * time.Second

func (p Post) patience() time.Duration {
	if p.Patience > 0 {
		return p.Patience
	}
	return patience
}

// send hands a message over (RFC 5321). What it answers hangs on one byte. Until the dot that ends the message is written, a
// server has nothing, whatever happens (§3.3): Later, or Refused where the server says no for good (5xx). After it, only the
// server's own words count (§4.2.5): 250 and it is sent, 4xx and 5xx and it is not. Silence and anything else is Unknown.
func (p Post) send(ctx context.Context, a Account, to string, message []byte) (route.Sent, error) {
	conn, err := p.dial(ctx, a)
	if err != nil {
		return route.Sent{}, before(err, false)
	}
	defer conn.Close()
	// Whoever gives up is not kept waiting by a server that is silent.
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	conn.SetDeadline(p.until(ctx))

	c, err := p.greet(conn, a)
	if err != nil {
		return route.Sent{}, err
	}
	// smtp.Client.Mail would ask for SMTPUTF8 where the server has it, and whoever comes after and has it not would send the
	// letter back (RFC 6531 §3.2). A letter is ASCII and needs nothing.
	if err := command(c.Text, 250, "MAIL FROM:<"+a.From+">"); err != nil {
		return route.Sent{}, before(err, false)
	}
	if err := c.Rcpt(to); err != nil {
		return route.Sent{}, before(err, false)
	}
	if err := command(c.Text, 354, "DATA"); err != nil {
		return route.Sent{}, before(err, false)
	}
	body, dot := dotted(message)
	if _, err := c.Text.W.Write(body); err != nil {
		return route.Sent{}, before(err, false)
	}
	if err := c.Text.W.Flush(); err != nil {
		return route.Sent{}, before(err, false)
	}
	if err := ctx.Err(); err != nil {
		return route.Sent{}, before(err, false)
	}
	conn.SetDeadline(p.until(ctx))
	c.Text.W.Write(dot)
	if err := c.Text.W.Flush(); err != nil {
		return route.Sent{}, unknown(err)
	}
	_, said, err := c.Text.ReadResponse(250)
	var answer *textproto.Error
	switch {
	case errors.As(err, &answer) && answer.Code >= 400 && answer.Code < 600:
		return route.Sent{}, before(err, false)
	case err != nil:
		return route.Sent{}, unknown(err)
	}
	// It is sent; how the server takes leave changes nothing.
	conn.SetDeadline(time.Now().Add(time.Second))
	c.Quit()
	return route.Sent{Reference: queueID(said), At: time.Now(), State: route.Untold}, nil
}

func (p Post) until(ctx context.Context) time.Time {
	at := time.Now().Add(p.patience())
	if end, ok := ctx.Deadline(); ok && end.Before(at) {
		at = end
	}
	if ctx.Err() != nil {
		at = time.Unix(1, 0)
	}
	return at
}

func (p Post) dial(ctx context.Context, a Account) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.patience())
	defer cancel()
	d := &net.Dialer{}
	if a.TLS == implicitTLS {
		return (&tls.Dialer{NetDialer: d, Config: p.config(a)}).DialContext(ctx, "tcp", a.Server)
	}
	return d.DialContext(ctx, "tcp", a.Server)
}

func (p Post) config(a Account) *tls.Config {
	host, _, _ := net.SplitHostPort(a.Server)
	return &tls.Config{ServerName: host, RootCAs: p.Roots, MinVersion: tls.VersionTLS12}
}

// greet says hello, has the connection enciphered and logs in. A server that offers no STARTTLS is refused, because whoever
// stands between could have taken the offer away (RFC 3207 §6).
func (p Post) greet(conn net.Conn, a Account) (*smtp.Client, error) {
	host, _, _ := net.SplitHostPort(a.Server)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, before(err, false)
	}
	if err := c.Hello(Domain(a.From)); err != nil {
		return nil, before(err, false)
	}
	if a.TLS == startTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, refuse("fault.route.mail_tls", errors.New("the server offers no STARTTLS"), "")
		}
		if err := c.StartTLS(p.config(a)); err != nil {
			return nil, before(err, false)
		}
	}
	if a.User == "" {
		return c, nil
	}
	auth := smtp.PlainAuth("", a.User, a.Password, host)
	if _, ways := c.Extension("AUTH"); !offers(ways, "PLAIN") && offers(ways, "LOGIN") {
		auth = &login{a}
	}
	if err := c.Auth(auth); err != nil {
		return nil, before(err, true)
	}
	return c, nil
}

func offers(ways, way string) bool {
	return slices.Contains(strings.Fields(strings.ToUpper(ways)), way)
}

// login is AUTH LOGIN, which no RFC describes and some servers have alone: they ask for a name, then for a password.
type login struct{ account Account }

// Start refuses to log in in clear, but on this machine.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && l.account.TLS != noTLS {
		return "", nil, errors.New("the connection is in clear")
	}
	return "LOGIN", nil, nil
}

// Next answers what the server asks.
func (l *login) Next(asked []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(strings.ToLower(string(asked)), "user"):
		return []byte(l.account.User), nil
	case strings.HasPrefix(strings.ToLower(string(asked)), "pass"):
		return []byte(l.account.Password), nil
	}
	return nil, errors.New("the server asks for something else")
}

// before is what a failure means after which the server has nothing. login says that it was the login's.
func before(err error, login bool) error {
	var answer *textproto.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &answer) && answer.Code >= 500 && login:
		return refuse("fault.route.mail_login", status(answer), answer.Msg)
	case errors.As(err, &answer) && answer.Code >= 500:
		return refuse("fault.route.mail_declined", status(answer), answer.Msg, "status", answer.Code)
	case errors.As(err, &answer):
		return route.Wait(status(answer), 0)
	case errors.As(err, &certificate), errors.As(err, &record):
		return refuse("fault.route.mail_tls", err, "")
	}
	return route.Wait(err, 0)
}

// status is a server's answer as it may be logged: its words may hold the mailbox.
func status(answer *textproto.Error) error { return &textproto.Error{Code: answer.Code, Msg: "(SMTP)"} }

func unknown(err error) error {
	return &route.Unknown{Fault: fault.Wrap(err, fault.Unavailable, "fault.route.unknown")}
}

func command(text *textproto.Conn, want int, line string) error {
	if err := text.PrintfLine("%s", line); err != nil {
		return err
	}
	_, _, err := text.ReadResponse(want)
	return err
}

// dotted is a message with its dots doubled (RFC 5321 §4.5.2), and the dot that ends it apart.
func dotted(message []byte) (body, dot []byte) {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	d := textproto.NewWriter(w).DotWriter()
	d.Write(message)
	d.Close()
	end := b.Len() - len(".\r\n")
	return b.Bytes()[:end], b.Bytes()[end:]
}

// queue finds what servers call a letter in their answer: "Ok: queued as 4bVq1z" (Postfix), "OK id=1v…" (Exim), "Message
// accepted for delivery: 5c1a" (others say it last, or not at all).
var queue = regexp.MustCompile(`(?i)(?:queued as |id[=:] ?)([A-Za-z0-9][A-Za-z0-9._-]{3,79})`)

// queueID is a server's name for a letter, or all that it said.
func queueID(said string) string {
	if found := queue.FindStringSubmatch(said); found != nil {
		return found[1]
	}
	return route.Line(said)
}
