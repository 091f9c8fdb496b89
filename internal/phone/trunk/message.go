package trunk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
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

// splitList takes a header apart at the commas that are not inside quotes or angle brackets.
func splitList(value string) (parts []string) {
	start, quoted, angle := 0, false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == '<':
			angle = true
		case !quoted && c == '>':
			angle = false
		case c == ',' && !quoted && !angle:
			if part := strings.TrimSpace(value[start:i]); part != "" {
				parts = append(parts, part)
			}
			start = i + 1
		}
	}
	if start <= len(value) {
		if part := strings.TrimSpace(value[start:]); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// params are the parameters of a header, names in lower case, values without their quotes.
type params map[string]string

// parseParams reads ";tag=x;lr" with any white space around the signs.
func parseParams(text string) params {
	p := params{}
	start, quoted := 0, false
	for i := 0; i <= len(text); i++ {
		if i < len(text) {
			switch c := text[i]; {
			case quoted && c == '\\':
				i++
				continue
			case c == '"':
				quoted = !quoted
				continue
			case c != ';' || quoted:
				continue
			}
		}
		if i > len(text) {
			i = len(text)
		}
		name, value, _ := strings.Cut(text[start:i], "=")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			if _, twice := p[name]; !twice {
				p[name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		start = i + 1
		if start > len(text) {
			break
		}
	}
	return p
}

// address is a name-addr or addr-spec (RFC 3261 §20.10).
type address struct {
	display string
	uri     sip.Uri
	params  params
	text    string // as it came
}

// tag is the dialog's mark of one side.
func (a address) tag() string { return a.params["tag"] }

// parseAddress reads From, To, Contact, Refer-To and their like: one value.
func parseAddress(value string) (address, error) {
	a := address{text: value, params: params{}}
	text := strings.TrimSpace(value)
	if strings.HasPrefix(text, `"`) {
		end := 1
		for ; end < len(text) && text[end] != '"'; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		if end >= len(text) {
			return a, fmt.Errorf("%w: a name without an end", errUnreadable)
		}
		a.display = text[1:end]
		text = strings.TrimSpace(text[end+1:])
		if !strings.HasPrefix(text, "<") {
			return a, fmt.Errorf("%w: a name without an address", errUnreadable)
		}
	}
	uri, rest := text, ""
	if open := strings.IndexByte(text, '<'); open >= 0 {
		end := strings.IndexByte(text[open:], '>')
		if end < 0 {
			return a, fmt.Errorf("%w: an address without an end", errUnreadable)
		}
		if a.display == "" {
			a.display = strings.TrimSpace(text[:open])
		}
		uri, rest = text[open+1:open+end], text[open+end+1:]
	} else {
		uri, rest, _ = strings.Cut(text, ";")
	}
	uri = strings.TrimSpace(uri)
	if strings.ContainsAny(uri, " \t\"<>") {
		return a, fmt.Errorf("%w: an address", errUnreadable)
	}
	if err := parseURI(uri, &a.uri); err != nil {
		return a, err
	}
	a.params = parseParams(rest)
	return a, nil
}

// parseURI reads an address-spec with sipgo, and refuses what it would let pass.
func parseURI(text string, uri *sip.Uri) error {
	if strings.ContainsAny(text, " \t\r\n\"<>") {
		return fmt.Errorf("%w: an address", errUnreadable)
	}
	if err := sip.ParseUri(text, uri); err != nil {
		return fmt.Errorf("%w: an address", errUnreadable)
	}
	if !callable(uri) {
		return fmt.Errorf("%w: an address", errUnreadable)
	}
	return nil
}

// callable says that a SIP URI has a host and a port as they must be.
func callable(uri *sip.Uri) bool {
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return true
	}
	if strings.HasPrefix(uri.Host, "[") {
		if _, err := netip.ParseAddr(strings.Trim(uri.Host, "[]")); err != nil {
			return false
		}
	}
	return uri.Host != "" && !uri.Wildcard && uri.Port >= 0 && uri.Port <= 65535
}

// via is one value of a Via header (RFC 3261 §20.42).
type via struct {
	version   string
	transport string // in upper case
	host      string
	port      int // 0 when it is not said
	params    params
	text      string
}

func (v via) branch() string { return v.params["branch"] }

// magic begins the branch of whoever speaks RFC 3261.
const magic = "z9hG4bK"

func parseVia(value string) (via, error) {
	v := via{text: value}
	head, rest, _ := strings.Cut(value, ";")
	v.params = parseParams(rest)
	protocol, sentBy, ok := cutSpace(strings.TrimSpace(head))
	// White space may stand around the slashes too ("SIP / 2.0 / UDP").
	for ok && strings.Count(protocol, "/") < 2 || strings.HasSuffix(protocol, "/") || strings.HasPrefix(sentBy, "/") {
		var more string
		if more, sentBy, ok = cutSpace(sentBy); !ok {
			break
		}
		protocol += more
	}
	parts := strings.Split(protocol, "/")
	if len(parts) != 3 || !strings.EqualFold(parts[0], "SIP") || parts[2] == "" || sentBy == "" {
		return v, fmt.Errorf("%w: Via", errUnreadable)
	}
	v.version, v.transport = parts[1], strings.ToUpper(parts[2])
	sentBy = strings.Join(strings.Fields(sentBy), "")
	v.host = sentBy
	if i := strings.LastIndexByte(sentBy, ':'); i >= 0 && i > strings.LastIndexByte(sentBy, ']') {
		// An address of IPv6 without its brackets is against the grammar, but seen (RFC 5118 §4.5).
		if _, err := netip.ParseAddr(sentBy); err != nil {
			port, err := strconv.ParseUint(sentBy[i+1:], 10, 16)
			if err != nil {
				return v, fmt.Errorf("%w: Via", errUnreadable)
			}
			v.host, v.port = sentBy[:i], int(port)
		}
	}
	v.host = strings.Trim(v.host, "[]")
	if v.host == "" {
		return v, fmt.Errorf("%w: Via", errUnreadable)
	}
	return v, nil
}

// cutSpace cuts at the first white space.
func cutSpace(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimSpace(s[i:]), true
}

// parseSeq reads CSeq (RFC 3261 §8.1.1.5: below 2^31).
func parseSeq(value string) (seq uint32, method string, err error) {
	fields := strings.Fields(value)
	if len(fields) != 2 {
		return 0, "", fmt.Errorf("%w: CSeq", errUnreadable)
	}
	n, err := strconv.ParseUint(fields[0], 10, 31)
	if err != nil {
		return 0, "", fmt.Errorf("%w: CSeq", errUnreadable)
	}
	return uint32(n), fields[1], nil
}

// stream reads the messages of one connection.
type stream struct {
	p *sip.ParserStream
	// between says that the last message is whole and no next one has begun.
	between bool
}

func newStream() *stream { return &stream{parser.NewSIPStream(), true} }

// feed takes what came and hands over each whole message. An error means that the place of the next message is
// not known any more: the connection can only be closed.
func (s *stream) feed(data []byte, each func(*message)) error {
	if _, err := s.p.Write(data); err != nil {
		return err
	}
	if s.between && len(bytes.Trim(data, "\r\n")) > 0 {
		s.between = false
	}
	for s.p.Buffer().Len() > 0 {
		// The parser takes the lines before a message for a piece of it until the message comes: those are
		// keep-alives (RFC 5626 §3.5.1) and may be thrown away.
		parsed, _, err := s.p.ParseNext()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if m := convert(parsed); m != nil {
			if err := m.clean(); err != nil {
				return err
			}
			each(m)
		}
		s.between = s.p.Buffer().Len() == 0
	}
	return nil
}
