package trunk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// hop is the next place that a request of ours goes to.
type hop struct {
	network string // "UDP", "TCP" or "TLS"
	host    string // number or name, without brackets
	port    int    // 0 when it is not said
}

// parseHop reads "sip:host:port;transport=tcp", also without the scheme.
func parseHop(text string) (hop, error) {
	text = strings.Trim(text, "<>")
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sip:" + text
	}
	var uri sip.Uri
	if err := parseURI(text, &uri); err != nil {
		return hop{}, err
	}
	return hopOf(uri)
}

// hopOf is where a URI points (RFC 3263 §4.1).
func hopOf(uri sip.Uri) (hop, error) {
	h := hop{network: "UDP", host: strings.Trim(uri.Host, "[]"), port: uri.Port}
	transport, _ := uri.UriParams.Get("transport")
	switch strings.ToLower(transport) {
	case "", "udp":
	case "tcp":
		h.network = "TCP"
	case "tls":
		h.network = "TLS"
	default:
		return h, fmt.Errorf("trunk: transport %q", transport)
	}
	if uri.Scheme == "sips" {
		h.network = "TLS"
	}
	if h.host == "" {
		return h, errors.New("trunk: no host")
	}
	return h, nil
}

// uri is the hop as a Request-URI wants it, with a user or without.
func (h hop) uri(user string) string {
	text := "sip:"
	if user != "" {
		text += user + "@"
	}
	text += hostPort(h.host, h.port)
	if h.network != "UDP" {
		text += ";transport=" + strings.ToLower(h.network)
	}
	return text
}

func (h hop) standardPort() int {
	switch {
	case h.port != 0:
		return h.port
	case h.network == "TLS":
		return 5061
	}
	return 5060
}

// reach finds a way to a trunk's proxy: its number, or its name looked up with SRV records first when it has no port
// (RFC 3263 §4.2). What it finds is let in.
func (s *Server) reach(ctx context.Context, l *line) (flow, error) {
	h := l.proxy
	if a, err := netip.ParseAddr(h.host); err == nil {
		return s.wire.to(ctx, h.network, addrPort(a.Unmap(), h.standardPort()), h.host, s.options.TLS)
	}
	type place struct {
		host string
		port int
	}
	places := []place{{h.host, h.standardPort()}}
	if h.port == 0 {
		service, protocol := "sip", strings.ToLower(h.network)
		if h.network == "TLS" {
			service, protocol = "sips", "tcp"
		}
		if _, records, err := net.DefaultResolver.LookupSRV(ctx, service, protocol, h.host); err == nil {
			places = nil
			for _, r := range records {
				places = append(places, place{strings.TrimSuffix(r.Target, "."), int(r.Port)})
			}
		}
	}
	failure := errors.New("trunk: the proxy has no address")
	for _, p := range places {
		addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", p.host)
		if err != nil {
			// The resolver's own words would name the host; the log names the trunk.
			failure = errors.New("trunk: the proxy's name is not known")
			continue
		}
		for _, a := range addresses {
			f, err := s.wire.to(ctx, h.network, addrPort(a.Unmap(), p.port), h.host, s.options.TLS)
			if err == nil {
				s.door.resolved(l, a.Unmap())
				return f, nil
			}
			failure = err
		}
	}
	return flow{}, failure
}

// host is our own address as the peer behind a flow should see it.
func (s *Server) host(f flow) (string, int) {
	port := int(f.local.Port())
	if s.options.PublicIP.IsValid() {
		return s.options.PublicIP.String(), s.listenPort(f, port)
	}
	a := f.local.Addr()
	if a.IsUnspecified() {
		// The kernel knows which of our addresses faces the peer; nothing is sent.
		if conn, err := net.Dial("udp", f.remote.String()); err == nil {
			a = unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort()).Addr()
			conn.Close()
		}
	}
	return a.String(), s.listenPort(f, port)
}

// listenPort is where a peer can reach us over this network: a connection that we opened has a port of its own.
func (s *Server) listenPort(f flow, port int) int {
	if f.network != "UDP" {
		if a := s.Addr(strings.ToLower(f.network)); a.IsValid() {
			return int(a.Port())
		}
	}
	return port
}

// viaOf is our Via for a request over this flow.
func (s *Server) viaOf(f flow, branch string) string {
	host, port := s.host(f)
	return fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", f.network, hostPort(host, port), branch)
}

// contactOf is where the peer behind this flow reaches us within a call.
func (s *Server) contactOf(f flow, user string) string {
	host, port := s.host(f)
	return "<" + hop{f.network, host, port}.uri(user) + ">"
}
