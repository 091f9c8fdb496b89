package swarm

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answers is whoever is called: it takes every INVITE at once, and says yes to whatever follows. It knows only as
// much SIP as that needs, so that it can say what our own trunk would not: a browser's description.
type answers struct {
	s    *swarm
	conn net.PacketConn
}

func listen(s *swarm) (*answers, error) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if u, ok := conn.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(4 << 20)
	}
	a := &answers{s: s, conn: conn}
	go a.serve()
	return a, nil
}

func (a *answers) address() string { return a.conn.LocalAddr().String() }
func (a *answers) close()          { _ = a.conn.Close() }

func (a *answers) serve() {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := a.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply := a.reply(string(buffer[:n])); reply != "" {
			_, _ = a.conn.WriteTo([]byte(reply), from)
		}
	}
}

// reply is what is said to a request; "" to an ACK, and to what is none.
func (a *answers) reply(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	method, uri, ok := strings.Cut(lines[0], " ")
	if !ok || method == "ACK" || strings.HasPrefix(method, "SIP/") {
		return ""
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to", "t":
			if !strings.Contains(value, "tag=") {
				line += ";tag=" + method
			}
			fallthrough
		case "via", "v", "from", "f", "call-id", "i", "cseq", "record-route":
			b.WriteString(line + "\r\n")
		}
	}
	description := ""
	if method == "INVITE" {
		if description = a.take(uri, body); description == "" {
			return ""
		}
		fmt.Fprintf(&b, "Contact: <sip:answers@%s>\r\nContent-Type: application/sdp\r\n", a.address())
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(description), description)
	return b.String()
}

// take answers a call to a number, and returns our description. A request that comes again gets the same.
func (a *answers) take(uri, offer string) string {
	user, _, _ := strings.Cut(strings.TrimPrefix(uri, "sip:"), "@")
	n, err := strconv.Atoi(strings.TrimPrefix(user, "9"))
	if err != nil || n < 0 || n >= a.s.order.Calls {
		return ""
	}
	l := a.s.legs[a.s.order.Calls+n]
	if a.s.order.Browsers {
		b := l.browser.Load()
		if b == nil {
			b = newBrowser(l, false)
			l.browser.Store(b)
			if err := b.begin(offer); err != nil {
				b.end(err)
				return ""
			}
		}
		return b.describe("active")
	}
	to, err := mediaOf(offer)
	if err != nil {
		return ""
	}
	l.to.Store(&to)
	keys := keysOf(offer)
	return fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8 %s\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:%s telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		n+1, l.address, l.address, a.s.board.port, keys, keys)
}

// keysOf is the number that a description gives to telephone-event, 126 where it gives none, as browsers do.
func keysOf(description string) string {
	for line := range strings.Lines(description) {
		if number, what, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "a=rtpmap:"), " "); ok && what == "telephone-event/8000" {
			return number
		}
	}
	return "126"
}

// post sends a description and returns the one that comes back.
func post(ctx context.Context, url, description string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(description))
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("swarm: an offer was answered with %d: %s", res.StatusCode, text)
	}
	return string(text), err
}
