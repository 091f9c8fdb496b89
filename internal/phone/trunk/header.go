package trunk

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

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
