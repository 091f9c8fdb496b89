package trunk_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// puppet is a peer whose every message is written by the test.
type puppet struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort
}

func newPuppet(t *testing.T, to netip.AddrPort) *puppet { return newPuppetAt(t, to, "127.0.0.1") }

func newPuppetAt(t *testing.T, to netip.AddrPort, host string) *puppet {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &puppet{t: t, conn: conn, to: to}
}

func (p *puppet) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// heard is a message that came.
type heard struct {
	text string
	from netip.AddrPort
}

func (h heard) start() string { line, _, _ := strings.Cut(h.text, "\r\n"); return line }

// get is the value of the first header with this name.
func (h heard) get(name string) string {
	for _, line := range strings.Split(h.text, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func (h heard) all(name string) (values []string) {
	for _, line := range strings.Split(h.text, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

func (p *puppet) write(text string) {
	p.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	if !strings.Contains(head, "Content-Length") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	data := strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
	if _, err := p.conn.WriteToUDPAddrPort([]byte(data), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// next is the next message, false if none came in this time.
func (p *puppet) next(wait time.Duration) (heard, bool) {
	buffer := make([]byte, 65535)
	p.conn.SetReadDeadline(time.Now().Add(wait))
	n, from, err := p.conn.ReadFromUDPAddrPort(buffer)
	if err != nil {
		return heard{}, false
	}
	return heard{string(buffer[:n]), from}, true
}

// hears waits for a message whose first line begins like this, past any others.
func (p *puppet) hears(start string) heard {
	p.t.Helper()
	var others []string
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); {
		h, ok := p.next(time.Until(end))
		if ok && strings.HasPrefix(h.start(), start) {
			p.to = h.from
			return h
		}
		if ok {
			others = append(others, h.start())
		}
	}
	p.t.Fatalf("%q never came; there were %q", start, others)
	panic("unreachable")
}

// silent fails if a message that begins like this comes within a time.
func (p *puppet) silent(start string, wait time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); {
		if h, ok := p.next(time.Until(end)); ok && strings.HasPrefix(h.start(), start) {
			p.t.Errorf("there came %q:\n%s", h.start(), h.text)
			return
		}
	}
}

// reply answers a request that was heard.
func (p *puppet) reply(to heard, status, tag, more, body string) {
	p.t.Helper()
	p.to = to.from
	text := "SIP/2.0 " + status + "\n"
	for _, via := range to.all("Via") {
		text += "Via: " + via + "\n"
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		value := to.get(name)
		if name == "To" && tag != "" && !strings.Contains(value, "tag=") {
			value += ";tag=" + tag
		}
		text += name + ": " + value + "\n"
	}
	text += "Contact: <sip:puppet@" + p.addr().String() + ">\n" + more
	if body != "" {
		text += "Content-Type: application/sdp\n"
	}
	p.write(text + "\n" + body)
}

// description is sound at a port of the puppet.
func (p *puppet) description(attributes string) string {
	return "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\n" + attributes
}

// request is a request of the puppet's own call; to is its To with or without a tag.
func (p *puppet) request(method string, seq int, to, more, body string) {
	p.t.Helper()
	kind := ""
	if body != "" && !strings.Contains(more, "Content-Type") {
		kind = "Content-Type: application/sdp\n"
	}
	branch := fmt.Sprintf("z9hG4bK%s%d", method, seq)
	if method == "CANCEL" {
		branch = fmt.Sprintf("z9hG4bKINVITE%d", seq)
	}
	contact := "Contact: <sip:puppet@" + p.addr().String() + ">\n"
	if strings.Contains(more, "Contact:") {
		contact = ""
	}
	from := "From: <sip:+33612345678@example.net>;tag=puppet\n"
	if strings.Contains(more, "From:") {
		from = ""
	}
	p.write(method + " sip:+33800200000@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP " + p.addr().String() + ";branch=" + branch + ";rport\n" +
		from + "To: " + to + "\nCall-ID: puppet-" + p.addr().String() + "\n" +
		fmt.Sprintf("CSeq: %d %s\n", seq, method) + "Max-Forwards: 70\n" + contact + more + kind + "\n" + body)
}

const puppetTo = "<sip:+33800200000@127.0.0.1>"

// calls makes the puppet's call, and gives back the To with the server's tag once it is answered.
func (p *puppet) calls(more string) (to string) {
	p.t.Helper()
	p.request("INVITE", 1, puppetTo, more, p.description(""))
	answered := p.hears("SIP/2.0 200")
	p.request("ACK", 1, answered.get("To"), "", "")
	return answered.get("To")
}
