package trunk

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// request is a request that came in, with the headers read that every request must have.
type request struct {
	*message
	via      via
	from, to address
	callID   string
	seq      uint32
	flow     flow
}

// The methods that we know, and those that we take at all.
var (
	knownMethods = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY",
		"REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH"}
	allowedMethods = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY"}
	// extensions are those a peer may require of us.
	extensions = []string{"100rel", "timer", "norefersub"}
)

// readRequest reads the headers that RFC 3261 §8.1.1 wants in each request. The status is 0 when the request can
// go on; else it is what to answer, and the request holds what is needed for that. An error means that it
// cannot even be answered.
func readRequest(m *message, from flow) (r *request, status int, err error) {
	r = &request{message: m, flow: from}
	vias := m.list("Via")
	if len(vias) == 0 {
		return nil, 0, fmt.Errorf("%w: no Via", errUnreadable)
	}
	if r.via, err = parseVia(vias[0]); err != nil {
		return nil, 0, err
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		for _, value := range vias[1:] {
			if _, err := parseVia(value); err != nil {
				status = 400
			}
		}
		// Even a request without them gets an answer, made of what there is (RFC 4475 §3.3.1).
		if m.get(name) == "" || m.count(name) > 1 {
			status = 400
		}
	}
	r.callID = m.get("Call-ID")
	if m.version != "SIP/2.0" {
		return r, 505, nil
	}
	var method string
	var wrong [3]error
	r.from, wrong[0] = parseAddress(m.get("From"))
	r.to, wrong[1] = parseAddress(m.get("To"))
	r.seq, method, wrong[2] = parseSeq(m.get("CSeq"))
	switch {
	case r.via.version != "2.0":
		status = 400
	case status != 0 || wrong != [3]error{}:
		status = 400
	case !strings.EqualFold(method, m.method):
		status = 400 // RFC 3261 §8.1.1.5: the method must match
	case !slices.Contains([]string{"sip", "sips", "tel"}, m.target.Scheme):
		status = 416
	case !callable(&m.target) || strings.ContainsAny(m.uri, " <>\"") || len(m.target.Headers) > 0 && m.method != "REGISTER":
		status = 400 // RFC 3261 §19.1.1: a Request-URI carries no headers
	case m.count("Content-Length") > 1:
		status = 400
	default:
		status = r.hops()
	}
	return r, status, nil
}

// hops reads Max-Forwards; a request that has no hop left is answered with 483.
func (r *request) hops() int {
	value := r.get("Max-Forwards")
	if value == "" {
		return 0 // RFC 2543 did not have it
	}
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 8)
	switch {
	case err != nil:
		return 400
	case n == 0:
		return 483
	}
	return 0
}

// unsupported are the extensions that it requires and we do not have (RFC 3261 §8.2.2.3).
func (r *request) unsupported() (names []string) {
	if r.method == "ACK" || r.method == "CANCEL" {
		return nil
	}
	for _, name := range r.list("Require") {
		if !slices.ContainsFunc(extensions, func(e string) bool { return strings.EqualFold(e, name) }) {
			names = append(names, name)
		}
	}
	return names
}

// respond begins a response: what RFC 3261 §8.2.6 copies from the request, and our tag.
func (r *request) respond(status int, tag string) *message {
	m := &message{status: status, reason: reasonOf(status), version: "SIP/2.0"}
	first := true
	for _, h := range r.headers {
		if !strings.EqualFold(h.name, "Via") {
			continue
		}
		for _, value := range splitList(h.value) {
			if first {
				value, first = r.stamped(), false
			}
			m.add("Via", value)
		}
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		value := r.get(name)
		if value == "" {
			continue
		}
		if name == "To" && tag != "" && r.to.tag() == "" && status != 100 {
			value += ";tag=" + tag
		}
		m.add(name, value)
	}
	if status == 100 {
		if stamp := r.get("Timestamp"); stamp != "" {
			m.add("Timestamp", stamp)
		}
	}
	return m
}

// stamped is the top Via with where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4).
func (r *request) stamped() string {
	value := r.via.text
	source := r.flow.remote.Addr().String()
	if _, asked := r.via.params["rport"]; asked && r.via.params["rport"] == "" {
		port := strconv.Itoa(int(r.flow.remote.Port()))
		var parts []string
		for i, part := range strings.Split(value, ";") {
			if i > 0 && strings.EqualFold(strings.TrimRight(strings.TrimSpace(part), "= "), "rport") {
				part = "rport=" + port
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ";") + ";received=" + source
	}
	if r.via.host != source {
		return value + ";received=" + source
	}
	return value
}

// back is the way for a response: always to where the request came from, never to where its Via points, so that
// nobody can make us send to a third party (RFC 3261 §18.2.2, RFC 3581 §4).
func (r *request) back() flow {
	f := r.flow
	if f.network != "UDP" {
		return f
	}
	if _, ok := r.via.params["rport"]; !ok {
		port := r.via.port
		if port == 0 {
			port = 5060
		}
		f.remote = addrPort(f.remote.Addr(), port)
	}
	return f
}

// inDialog says that the request belongs to a call that already is.
func (r *request) inDialog() bool { return r.to.tag() != "" }

// reasonOf is the phrase of a status (RFC 3261 §21 and the RFCs that added to it).
func reasonOf(status int) string {
	if text, ok := reasons[status]; ok {
		return text
	}
	switch {
	case status < 200:
		return "Trying"
	case status < 300:
		return "OK"
	case status < 500:
		return "Refused"
	case status < 600:
		return "Server Failure"
	}
	return "Decline"
}

var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
	422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	493: "Undecipherable", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable",
	504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
	606: "Not Acceptable",
}

// random is a mark that nobody can guess: 128 bits in hexadecimal.
func random() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// hostPort writes an address as a URI or a Via wants it.
func hostPort(host string, port int) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if port == 0 {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}
