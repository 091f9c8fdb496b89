package trunk

import (
	"context"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// dialog is what both sides of a call know of it (RFC 3261 §12).
type dialog struct {
	callID              string
	local, remote       string // our and their From/To, without tags
	localTag, remoteTag string
	target              string   // where their Contact points
	routes              []string // the proxies between us that asked to stay, the nearest first
	localSeq, remoteSeq uint32
	flow                flow // the way by which their last request or answer came
}

// dialogKey finds a call: the tags are ours and theirs.
func dialogKey(callID, local, remote string) string { return callID + "|" + local + "|" + remote }

// untagged is a From or To without its tag.
func untagged(a address) string {
	text := "<" + a.uri.String() + ">"
	if a.display != "" && !strings.ContainsAny(a.display, "\"\\") {
		text = `"` + a.display + `" ` + text
	}
	return text
}

// request begins a request within the dialog (RFC 3261 §12.2.1.1).
func (d *dialog) request(method string) *message {
	if method != "ACK" && method != "CANCEL" {
		d.localSeq++
	}
	m := &message{method: method, uri: d.target}
	routes := d.routes
	if len(routes) > 0 {
		if first, err := parseAddress(routes[0]); err == nil && !loose(first.uri) {
			// A strict router (RFC 2543) wants itself as the target, and the target as the last route.
			m.uri = first.uri.String()
			routes = append(append([]string{}, routes[1:]...), "<"+d.target+">")
		}
	}
	for _, r := range routes {
		m.add("Route", r)
	}
	m.add("Max-Forwards", "70")
	m.add("From", d.local+";tag="+d.localTag)
	to := d.remote
	if d.remoteTag != "" {
		to += ";tag=" + d.remoteTag
	}
	m.add("To", to)
	m.add("Call-ID", d.callID)
	m.add("CSeq", seqText(d.localSeq, method))
	return m
}

func loose(uri sip.Uri) bool { _, ok := uri.UriParams.Get("lr"); return ok }

// way is where the next request of a dialog goes. A connection that the call came by is kept; else it is the first
// route or their Contact, but only if this is an address of the trunk: what a peer writes into its Contact must
// not make us send to somebody else. Behind address translation it is a private one and useless, too. In both
// cases the request goes where the last message came from.
func (s *Server) way(ctx context.Context, d *dialog) flow {
	if d.flow.conn != nil && d.flow.conn.open() {
		return d.flow
	}
	next := d.target
	if len(d.routes) > 0 {
		if a, err := parseAddress(d.routes[0]); err == nil {
			next = a.uri.String()
		}
	}
	var uri sip.Uri
	if parseURI(next, &uri) == nil {
		if h, err := hopOf(uri); err == nil {
			if a, err := netip.ParseAddr(h.host); err == nil && s.door.known(a.Unmap()) {
				if f, err := s.wire.to(ctx, h.network, addrPort(a.Unmap(), h.standardPort()), h.host, s.options.TLS); err == nil {
					return f
				}
			}
		}
	}
	return d.flow
}

// routesOf are the Record-Routes of a message, in the order in which a request of ours goes by them.
func routesOf(m *message, reverse bool) []string {
	routes := m.list("Record-Route")
	if len(routes) > 16 {
		routes = routes[:16]
	}
	if reverse {
		for i, j := 0, len(routes)-1; i < j; i, j = i+1, j-1 {
			routes[i], routes[j] = routes[j], routes[i]
		}
	}
	return routes
}

// contactIn is where a Contact points, "" when there is none that could be called.
func contactIn(m *message) string {
	for _, value := range m.list("Contact") {
		if a, err := parseAddress(value); err == nil && (a.uri.Scheme == "sip" || a.uri.Scheme == "sips") {
			a.uri.Headers = nil
			return a.uri.String()
		}
	}
	return ""
}
