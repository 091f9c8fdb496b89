package mail_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/mail"
	"vigie/internal/takedown/route/mail/mailtest"
)

// smtpServer speaks SMTP as one should, but for what a test has it do otherwise.
type smtpServer struct {
	// says is what it answers to a verb, "DOT" for the end of the message and "" for the greeting, instead of what is right.
	// cut and silent are no answers.
	says map[string]string
	// noTLS hides STARTTLS; cert is its certificate.
	noTLS bool
	cert  tls.Certificate
	// midBody cuts while the message comes.
	midBody bool
	giveUp  func()

	dots, logins atomic.Int32
	mu           sync.Mutex
	message      string
	login        string // what was said to AUTH LOGIN
	mail         string // what it was asked with MAIL
}

const (
	cut     = "(cut)"
	silent  = "(silent)"
	garbage = "(garbage)"
)

func (s *smtpServer) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { l.Close() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			all.Go(func() { s.serve(c) })
		}
	})
	return l.Addr().String()
}

func (s *smtpServer) serve(c net.Conn) {
	r := bufio.NewReader(c)
	// answer writes what a verb is answered, and says whether to go on.
	answer := func(verb, right string) bool {
		said, other := s.says[verb]
		if !other {
			said = right
		}
		switch said {
		case cut:
			if tcp, ok := c.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			c.Close()
			return false
		case silent:
			s.giveUp()
			return false
		}
		io.WriteString(c, strings.ReplaceAll(said, "\n", "\r\n")+"\r\n")
		return !other || verb != "DOT" && verb != ""
	}
	defer func() {
		// The end of a connection that was not cut waits until the other side has read what was said.
		io.Copy(io.Discard, r)
		c.Close()
	}()
	if !answer("", "220 mx.test ESMTP") {
		return
	}
	enciphered := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.Fields(line + " -")[0])
		switch verb {
		case "EHLO":
			offers := "250-mx.test\n250-STARTTLS\n250-8BITMIME\n250-SMTPUTF8\n250 AUTH PLAIN"
			if s.noTLS || enciphered {
				offers = strings.Replace(offers, "250-STARTTLS\n", "", 1)
			}
			if !answer(verb, offers) {
				return
			}
		case "STARTTLS":
			if !answer(verb, "220 go ahead") {
				return
			}
			if s.says["TLS"] == garbage {
				r.ReadByte() // it is spoken to first
				io.WriteString(c, "this is not a handshake at all\r\n")
				return
			}
			c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.cert}})
			r, enciphered = bufio.NewReader(c), true
		case "AUTH":
			s.logins.Add(1)
			if strings.Contains(line, "LOGIN") {
				var said []string
				for _, asked := range []string{"Username:", "Password:"} {
					io.WriteString(c, "334 "+base64.StdEncoding.EncodeToString([]byte(asked))+"\r\n")
					line, _ := r.ReadString('\n')
					word, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
					said = append(said, string(word))
				}
				s.mu.Lock()
				s.login = strings.Join(said, " ")
				s.mu.Unlock()
			}
			if !answer(verb, "235 ok") {
				return
			}
		case "DATA":
			if !answer(verb, "354 go ahead") {
				return
			}
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if s.midBody {
					c.Close()
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			s.mu.Lock()
			s.message = b.String()
			s.mu.Unlock()
			s.dots.Add(1)
			if !answer("DOT", "250 2.0.0 Ok: queued as 4bVq1zXY") {
				return
			}
		case "MAIL":
			s.mu.Lock()
			s.mail = line
			s.mu.Unlock()
			if !answer(verb, "250 ok") {
				return
			}
		case "QUIT":
			answer(verb, "221 bye")
			return
		default:
			if !answer(verb, "250 ok") {
				return
			}
		}
	}
}

// account is the helpline's on a server.
func account(t *testing.T, at string, change func(a *mail.Account)) route.Credentials {
	t.Helper()
	a := mail.Account{Server: at, User: "signalements", Password: "pAss!", From: "signalements@ligne.example", Name: "Ligne d'écoute"}
	if change != nil {
		change(&a)
	}
	c, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(ctx context.Context, t *testing.T, roots *x509.CertPool, c route.Credentials) (route.Sent, error) {
	t.Helper()
	l := written()
	r := mail.New(l, mail.Post{Roots: roots})
	f, err := r.Resolve(ctx, route.Target{}, c)
	if err != nil {
		t.Fatal(err)
	}
	return r.Send(ctx, l.Notice, f, c)
}

// A letter that is taken is Sent, with the server's name for it, and is what was written to the last dot.
func TestALetterIsHandedOver(t *testing.T) {
	ca := mailtest.NewAuthority(t)
	s := &smtpServer{cert: ca.Certificate(t, "127.0.0.1")}
	sent, err := send(t.Context(), t, ca.Roots, account(t, s.listen(t), nil))
	if err != nil {
		t.Fatal(err)
	}
	if sent.Reference != "4bVq1zXY" || sent.State != route.Untold || sent.At.IsZero() {
		t.Errorf("it is %+v", sent)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mail != "MAIL FROM:<signalements@ligne.example>\r\n" {
		t.Errorf("it was handed over with %q", s.mail)
	}
	l := written()
	l.FromName = "Ligne d'écoute"
	if want := string(bytesOf(t, l)); strings.TrimSpace(s.message) != strings.TrimSpace(want) {
		t.Errorf("what arrived is\n%q, not\n%q", s.message, want)
	}
}

// Where a server has AUTH LOGIN alone, that is how one logs in.
func TestALoginByLOGIN(t *testing.T) {
	ca := mailtest.NewAuthority(t)
	s := &smtpServer{cert: ca.Certificate(t, "127.0.0.1"), says: map[string]string{"EHLO": "250-mx.test\n250-STARTTLS\n250 AUTH XOAUTH2 LOGIN"}}
	if _, err := send(t.Context(), t, ca.Roots, account(t, s.listen(t), nil)); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login != "signalements pAss!" {
		t.Errorf("it logged in as %q", s.login)
	}
}

// Of every way in which a sending fails, the route says whether the server has the letter: nothing before the dot that ends
// it counts as taken, and nothing but the server's own word after it counts at all.
func TestWhatEachFailureMeans(t *testing.T) {
	ca, stranger := mailtest.NewAuthority(t), mailtest.NewAuthority(t)
	good := ca.Certificate(t, "127.0.0.1")
	for _, f := range []struct {
		name   string
		server *smtpServer
		// want is "later", "unknown", or the key of a refusal; dots is how often a whole letter arrived.
		want string
		dots int32
	}{
		{name: "421 instead of a greeting", server: &smtpServer{says: map[string]string{"": "421 too busy"}}, want: "later"},
		{name: "554 instead of a greeting", server: &smtpServer{says: map[string]string{"": "554 no service here"}}, want: "fault.route.mail_declined"},
		{name: "cut instead of a greeting", server: &smtpServer{says: map[string]string{"": cut}}, want: "later"},
		{name: "silent instead of a greeting", server: &smtpServer{says: map[string]string{"": silent}}, want: "later"},
		{name: "a web server's greeting", server: &smtpServer{says: map[string]string{"": "HTTP/1.1 400 Bad Request"}}, want: "later"},
		{name: "no STARTTLS", server: &smtpServer{noTLS: true}, want: "fault.route.mail_tls"},
		{name: "454 to STARTTLS", server: &smtpServer{says: map[string]string{"STARTTLS": "454 not now"}}, want: "later"},
		{name: "no handshake after STARTTLS", server: &smtpServer{says: map[string]string{"TLS": garbage}}, want: "fault.route.mail_tls"},
		{name: "a stranger's certificate", server: &smtpServer{cert: stranger.Certificate(t, "127.0.0.1")}, want: "fault.route.mail_tls"},
		{name: "another's certificate", server: &smtpServer{cert: ca.Certificate(t, "mx.elsewhere.example")}, want: "fault.route.mail_tls"},
		{name: "535 to the login", server: &smtpServer{says: map[string]string{"AUTH": "535 5.7.8 wrong password"}}, want: "fault.route.mail_login"},
		{name: "454 to the login", server: &smtpServer{says: map[string]string{"AUTH": "454 4.7.0 try again"}}, want: "later"},
		{name: "550 to MAIL", server: &smtpServer{says: map[string]string{"MAIL": "550 not you"}}, want: "fault.route.mail_declined"},
		{name: "450 to RCPT", server: &smtpServer{says: map[string]string{"RCPT": "450 4.2.0 greylisted"}}, want: "later"},
		{name: "421 to RCPT", server: &smtpServer{says: map[string]string{"RCPT": "421 4.3.2 going down"}}, want: "later"},
		{name: "550 to RCPT", server: &smtpServer{says: map[string]string{"RCPT": "550 5.1.1 no such mailbox"}}, want: "fault.route.mail_declined"},
		{name: "cut after RCPT", server: &smtpServer{says: map[string]string{"RCPT": cut}}, want: "later"},
		{name: "451 to DATA", server: &smtpServer{says: map[string]string{"DATA": "451 later"}}, want: "later"},
		{name: "554 to DATA", server: &smtpServer{says: map[string]string{"DATA": "554 no valid recipients"}}, want: "fault.route.mail_declined"},
		{name: "250 to DATA", server: &smtpServer{says: map[string]string{"DATA": "250 what?"}}, want: "later"},
		{name: "silent to DATA", server: &smtpServer{says: map[string]string{"DATA": silent}}, want: "later"},
		{name: "451 after the dot", server: &smtpServer{says: map[string]string{"DOT": "451 4.3.0 no room"}}, want: "later", dots: 1},
		{name: "421 after the dot", server: &smtpServer{says: map[string]string{"DOT": "421 4.3.2 going down"}}, want: "later", dots: 1},
		{name: "550 after the dot", server: &smtpServer{says: map[string]string{"DOT": "550 5.7.1 looks like spam"}}, want: "fault.route.mail_declined", dots: 1},
		{name: "cut after the dot", server: &smtpServer{says: map[string]string{"DOT": cut}}, want: "unknown", dots: 1},
		{name: "silent after the dot", server: &smtpServer{says: map[string]string{"DOT": silent}}, want: "unknown", dots: 1},
		{name: "nonsense after the dot", server: &smtpServer{says: map[string]string{"DOT": "ok"}}, want: "unknown", dots: 1},
		{name: "354 after the dot", server: &smtpServer{says: map[string]string{"DOT": "354 go on"}}, want: "unknown", dots: 1},
		{name: "half of an answer after the dot", server: &smtpServer{says: map[string]string{"DOT": "250-half of it"}}, want: "unknown", dots: 1},
		{name: "cut instead of a farewell", server: &smtpServer{says: map[string]string{"QUIT": cut}}, want: "sent", dots: 1},
	} {
		t.Run(f.name, func(t *testing.T) {
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			s := f.server
			s.giveUp = giveUp
			if s.cert.Certificate == nil {
				s.cert = good
			}
			if f.name == "half of an answer after the dot" {
				// Nothing more comes: who waits for the rest gives up.
				go func() {
					for s.dots.Load() == 0 && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					time.Sleep(20 * time.Millisecond)
					giveUp()
				}()
			}
			_, err := send(ctx, t, ca.Roots, account(t, s.listen(t), nil))
			if got := outcome(err); got != f.want {
				t.Errorf("%s (%v), want %s", got, err, f.want)
			}
			if s.dots.Load() != f.dots {
				t.Errorf("a whole letter arrived %d times, want %d", s.dots.Load(), f.dots)
			}
			if f.want == "fault.route.mail_tls" && s.logins.Load() != 0 {
				t.Error("the password went to a server that was not believed")
			}
			var no *route.Refused
			if errors.As(err, &no) && f.want == "fault.route.mail_declined" && no.Said == "" {
				t.Error("what the server said is lost")
			}
			if err != nil && strings.Contains(err.Error(), "mailbox") {
				t.Errorf("the log reads the server's own words: %v", err)
			}
		})
	}
}

func outcome(err error) string {
	var refused *route.Refused
	var later *route.Later
	var unknown *route.Unknown
	switch {
	case err == nil:
		return "sent"
	case errors.As(err, &refused):
		return refused.Key
	case errors.As(err, &later):
		return "later"
	case errors.As(err, &unknown):
		return "unknown"
	}
	return "something else"
}

// A connection that breaks while the letter goes over it has delivered nothing, and is never called sent.
func TestACutInTheMiddleOfALetterIsNotASending(t *testing.T) {
	ca := mailtest.NewAuthority(t)
	s := &smtpServer{cert: ca.Certificate(t, "127.0.0.1"), midBody: true}
	l := written()
	// So long that it fills what lies between the two ends.
	l.Notice.Text = strings.Repeat("Une ligne de plus que personne ne lira. ", 400)
	r := mail.New(l, mail.Post{Roots: ca.Roots})
	c := account(t, s.listen(t), nil)
	_, err := r.Send(t.Context(), l.Notice, route.Found{Account: l.To}, c)
	// Where the dot was written before the break was noticed, nobody can know.
	if got := outcome(err); got != "later" && got != "unknown" || s.dots.Load() != 0 {
		t.Errorf("%s (%v), %d dots", got, err, s.dots.Load())
	}
}

// Nobody listens, or it was given up before: nothing was sent.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := send(t.Context(), t, nil, account(t, l.Addr().String(), nil)); outcome(err) != "later" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ca := mailtest.NewAuthority(t)
	s := &smtpServer{cert: ca.Certificate(t, "127.0.0.1")}
	if _, err := send(ctx, t, ca.Roots, account(t, s.listen(t), nil)); outcome(err) != "later" || s.dots.Load() != 0 {
		t.Error(err)
	}
}

// A password goes in clear on this machine only, and only where that was asked for.
func TestInClearOnThisMachineOnly(t *testing.T) {
	s := &smtpServer{noTLS: true}
	at := s.listen(t)
	if _, err := send(t.Context(), t, nil, account(t, at, func(a *mail.Account) { a.TLS = "none" })); err != nil {
		t.Errorf("on this machine: %v", err)
	}
	for what, change := range map[string]func(a *mail.Account){
		"tls":      func(a *mail.Account) { a.Server, a.TLS = "smtp.ligne.example:25", "none" },
		"server":   func(a *mail.Account) { a.Server = "smtp.ligne.example" },
		"password": func(a *mail.Account) { a.Password = "" },
		"from":     func(a *mail.Account) { a.From = "Ligne <signalements@ligne.example>" },
		"name":     func(a *mail.Account) { a.Name = "Ligne\r\nBcc: eve@evil.example" },
	} {
		_, err := send(t.Context(), t, nil, account(t, at, change))
		var no *route.Refused
		if !errors.As(err, &no) || no.Key != "fault.route.shape" || no.Args[1] != what {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s.dots.Load() != 1 {
		t.Errorf("%d letters arrived", s.dots.Load())
	}
}

// TLS from the first byte (RFC 8314) works too, and its certificate is looked at.
func TestTLSFromTheFirstByte(t *testing.T) {
	ca := mailtest.NewAuthority(t)
	for name, want := range map[string]string{"127.0.0.1": "sent", "mx.elsewhere.example": "fault.route.mail_tls"} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.Certificate(t, name)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		s := &smtpServer{noTLS: true}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go s.serve(c)
			}
		}()
		_, err = send(t.Context(), t, ca.Roots, account(t, l.Addr().String(), func(a *mail.Account) { a.TLS = "implicit" }))
		if outcome(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A look at a mailbox shows nothing.
func TestAMailboxShowsNothing(t *testing.T) {
	seen, err := mail.New(written(), mail.Post{}).Look(t.Context(), route.Target{}, route.Found{}, account(t, "127.0.0.1:25", nil))
	if err != nil || seen.Sight != route.Unsure || seen.Why != "route.why.mail" {
		t.Errorf("%+v, %v", seen, err)
	}
}
