package trunk

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxMessage is more than any message of a call; what is longer is dropped, and a connection that sends it closed.
const maxMessage = 32 << 10

// parser cuts messages into lines and reads their first one and their length. Every other header is left as the
// text it came as: one that we do not care about must not make a call fail, and one that we do care about is
// read where it is needed, so that it can be answered with 400 instead of silence.
var parser = func() *sip.Parser {
	own := sip.DefaultHeadersParser()
	p := sip.NewParser(sip.WithHeadersParsers(map[string]sip.HeaderParser{
		"content-length": own["content-length"], "l": own["l"],
	}))
	p.MaxMessageLength = maxMessage
	return p
}()

// header is one line of a message, its name in full and as RFC 3261 writes it.
type header struct{ name, value string }

// message is a request (method is set) or a response (status is).
type message struct {
	method string
	uri    string // Request-URI, as it goes on the wire
	target sip.Uri
	status int
	reason string

	version string
	headers []header
	body    []byte
}

// fullNames are the compact forms (RFC 3261 §7.3.3, RFC 3515, RFC 4028, RFC 3892).
var fullNames = map[string]string{
	"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding", "f": "From", "i": "Call-ID",
	"k": "Supported", "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To",
	"u": "Allow-Events", "v": "Via", "x": "Session-Expires",
}

// errUnreadable is a text that is no SIP message.
var errUnreadable = errors.New("trunk: unreadable message")

// parseDatagram reads one datagram. With an error the message may still hold what could be read of it, enough to
// answer it; it is nil when nothing could.
func parseDatagram(data []byte) (*message, error) {
	if len(data) > maxMessage {
		return nil, errUnreadable
	}
	parsed, err := parser.ParseSIP(data)
	m := convert(parsed)
	if m == nil {
		// A first line with a space too many is no request, but its sender is told so (RFC 4475 §3.1.2.8).
		m, err := convertBehind(data)
		return m, err
	}
	if err == nil {
		err = m.clean()
	}
	return m, err
}

// convert takes over what sipgo read; nil for nothing.
func convert(parsed sip.Message) *message {
	m := &message{}
	var headers []sip.Header
	switch p := parsed.(type) {
	case *sip.Request:
		if p == nil {
			return nil
		}
		m.method, m.target, m.version, headers = string(p.Method), p.Recipient, p.SipVersion, p.Headers()
		m.uri = p.Recipient.String()
	case *sip.Response:
		if p == nil {
			return nil
		}
		m.status, m.reason, m.version, headers = p.StatusCode, p.Reason, p.SipVersion, p.Headers()
	default:
		return nil
	}
	m.body = parsed.Body()
	for _, h := range headers {
		name := h.Name()
		if full, ok := fullNames[strings.ToLower(name)]; ok {
			name = full
		}
		m.headers = append(m.headers, header{name, h.Value()})
	}
	return m
}

// convertBehind reads the headers behind a first line that sipgo cannot read, but that looks like a request's. If
// it only has an address of another scheme than SIP's, there is no error: that has an answer of its own.
func convertBehind(data []byte) (*message, error) {
	line, rest, ok := bytes.Cut(data, []byte("\r\n"))
	method, uri, spaced := strings.Cut(string(line), " ")
	uri, fits := strings.CutSuffix(strings.TrimRight(uri, " "), " SIP/2.0")
	if !ok || !spaced || !fits || method == "" || len(method) > 64 || strings.HasPrefix(method, "SIP/") {
		return nil, errUnreadable
	}
	parsed, err := parser.ParseSIP(slices.Concat([]byte(method+" sip:unreadable.invalid SIP/2.0\r\n"), rest))
	m := convert(parsed)
	scheme, _, ok := strings.Cut(uri, ":")
	if m == nil || err != nil || !ok || scheme == "sip" || scheme == "sips" || strings.ContainsAny(uri, " <>\"") {
		return m, errUnreadable
	}
	m.target, m.uri = sip.Uri{Scheme: strings.ToLower(scheme)}, uri
	return m, m.clean()
}

// clean refuses what could be taken for another line when it is sent on or back.
func (m *message) clean() error {
	for _, h := range m.headers {
		if strings.ContainsAny(h.value, "\r\n") || h.name == "" || strings.ContainsAny(h.name, " \t\r\n") {
			return errUnreadable
		}
	}
	return nil
}

// get is the value of the first header with this name, "" without one.
func (m *message) get(name string) string {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

// count says how many headers have this name.
func (m *message) count(name string) (n int) {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			n++
		}
	}
	return n
}

// list is all values of the headers with this name, taken apart at their commas.
func (m *message) list(name string) (values []string) {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			values = append(values, splitList(h.value)...)
		}
	}
	return values
}

// has says whether a list of tokens, such as Supported, names this one.
func (m *message) has(name, token string) bool {
	return slices.ContainsFunc(m.list(name), func(v string) bool { return strings.EqualFold(v, token) })
}

// add appends a header.
func (m *message) add(name, value string) { m.headers = append(m.headers, header{name, value}) }

// set replaces the headers with this name by one.
func (m *message) set(name, value string) {
	m.remove(name)
	m.add(name, value)
}

func (m *message) remove(name string) {
	m.headers = slices.DeleteFunc(m.headers, func(h header) bool { return strings.EqualFold(h.name, name) })
}

// describe puts a body into the message.
func (m *message) describe(contentType string, body []byte) {
	m.set("Content-Type", contentType)
	m.body = body
}

// bytes is the message as it goes on the wire.
func (m *message) bytes() []byte {
	var b bytes.Buffer
	if m.method != "" {
		fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", m.method, m.uri)
	} else {
		fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", m.status, m.reason)
	}
	for _, h := range m.headers {
		if !strings.EqualFold(h.name, "Content-Length") {
			fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(m.body))
	b.Write(m.body)
	return b.Bytes()
}

// copy is the same message, whose headers can be changed without changing this one's.
func (m *message) copy() *message {
	c := *m
	c.headers = slices.Clone(m.headers)
	return &c
}
