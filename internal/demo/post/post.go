// Package post is a pretend post office: it takes the letters that the demonstration sends, delivers none, and writes the answers
// that come back. A platform's contact acknowledges each letter, and somebody else writes with the same mark.
package post

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/takedown"
	"vigie/internal/takedown/replies"
	"vigie/internal/takedown/route/mail"
)

// From is the demonstration's own mailbox.
const From = "signalements@ligne.example"

// Office is one. It is safe for concurrent use.
type Office struct {
	listener net.Listener

	mu   sync.Mutex
	come []string // messages in the mailbox of answers
	read int      // how many of them were kept
}

// Open takes letters on a port of this machine until Close.
func Open() (*Office, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the pretend post office: %w", err)
	}
	o := &Office{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go o.take(c)
		}
	}()
	return o, nil
}

// Close takes no more letters.
func (o *Office) Close() error { return o.listener.Close() }

// Mail is how the desk writes and reads here.
func (o *Office) Mail(name string) *takedown.Mail {
	return &takedown.Mail{Account: mail.Account{Server: o.listener.Addr().String(), TLS: "none", From: From, Name: name},
		Box: o, Source: "demo" + strconv.FormatInt(time.Now().UnixNano(), 10), Every: 2 * time.Second}
}

// take is the receiving end of SMTP (RFC 5321), with nothing in it that our letters do not need.
func (o *Office) take(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	say := func(line string) { fmt.Fprint(c, line+"\r\n") }
	say("220 pretend post office")
	in := bufio.NewScanner(c)
	to := ""
	for in.Scan() {
		switch line := in.Text(); {
		case strings.HasPrefix(line, "RCPT TO:"):
			to = strings.Trim(strings.TrimPrefix(line, "RCPT TO:"), "<>")
			say("250 ok")
		case line == "DATA":
			say("354 go on")
			var letter strings.Builder
			for in.Scan() && in.Text() != "." {
				letter.WriteString(strings.TrimPrefix(in.Text(), ".") + "\r\n")
			}
			o.answer(to, replies.Parse([]byte(letter.String())))
			say("250 ok id=DEMO-" + strconv.FormatInt(time.Now().UnixNano()%1e6, 10))
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// answer writes what comes back for a letter.
func (o *Office) answer(to string, letter replies.Message) {
	write := func(from, text string) string {
		return fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: Re: %s\r\nIn-Reply-To: <%s>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", from, From, letter.Subject, letter.MessageID, text)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.come = append(o.come, write(to, "Bonjour,\r\n\r\nNous avons retiré les contenus signalés.\r\n\r\nL'équipe confiance et sécurité"),
		write("equipe@reseau-faux.example", "Donnez-nous le nom de la personne qui s'est plainte."))
}

// Read gives what came, as replies.Box does.
func (o *Office) Read(ctx context.Context, threads replies.Threads, keep func(context.Context, replies.Reply) error) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for ; o.read < len(o.come); o.read++ {
		r := replies.Reply{Message: replies.Parse([]byte(o.come[o.read])), ID: strconv.Itoa(o.read), Received: time.Now()}
		var err error
		if r.Verdict, r.Candidates, err = replies.Judge(ctx, r.Message, threads); err != nil {
			return n, err
		}
		if err := keep(ctx, r); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
