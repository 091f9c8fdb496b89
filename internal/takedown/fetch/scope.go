package fetch

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Scope is whom we may speak to in one matter. The zero Scope is nobody.
type Scope struct {
	// Hosts are names exactly, or addresses: "graph.example.org".
	Hosts []string
	// Domains are names with all below them: "example.org" is "www.example.org" too. One without a dot ("com") is ignored.
	Domains []string
	// Ports may be spoken to beside 80 and 443.
	Ports []uint16
}

func (s Scope) holds(host string) bool {
	if slices.ContainsFunc(s.Hosts, func(h string) bool { return plain(h) == host }) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return slices.ContainsFunc(s.Domains, func(d string) bool {
		d = plain(d)
		return strings.Contains(d, ".") && (host == d || strings.HasSuffix(host, "."+d))
	})
}

// maxAddress bounds an address, in bytes.
const maxAddress = 8192

// place is an address that was taken apart and whose form is in order.
type place struct {
	url  *url.URL   // as it is asked for: no fragment, host in plain form, no port where it is the scheme's own
	host string     // plain
	ip   netip.Addr // where the host is an address and no name
	port uint16
}

// String is the address in its plain form.
func (p place) String() string { return p.url.String() }

// origin is whom one speaks to.
func (p place) origin() string { return p.url.Scheme + "://" + p.url.Host }

// read takes an address apart, against the one that it was found at, if any, and says which rule forbids it. The place is
// there with ByScope too, to be told.
func (f *Fetcher) read(text string, from *place, scope Scope) (place, *Failure) {
	refused := func(by Code) (place, *Failure) { return place{}, &Failure{Kind: Refused, Code: by} }
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return refused(ByAddress)
	}
	if from != nil {
		u = from.url.ResolveReference(u)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Fragment, u.RawFragment = "", ""
	p := place{url: u, port: 443}
	switch u.Scheme {
	case "https":
	case "http":
		p.port = 80
	default:
		return refused(ByScheme)
	}
	if u.User != nil {
		return refused(ByUserinfo)
	}
	if u.Opaque != "" || u.Host == "" || len(u.String()) > maxAddress {
		return refused(ByAddress)
	}
	own := p.port
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return refused(ByPort)
		}
		p.port = uint16(n)
	}
	if p.host = plain(u.Hostname()); p.host == "" {
		return refused(ByHost)
	}
	u.Host = p.host
	if ip, err := netip.ParseAddr(p.host); err == nil {
		p.ip = ip
		if ip.Is6() {
			u.Host = "[" + p.host + "]"
		}
		// Said before the scope: whoever reads it should know that somebody tried.
		if !f.admits(ip) {
			return refused(ByNetwork)
		}
	}
	if p.port != own {
		u.Host += ":" + strconv.Itoa(int(p.port))
	}
	if !scope.holds(p.host) {
		return p, &Failure{Kind: Refused, Code: ByScope}
	}
	if p.port != 80 && p.port != 443 && !slices.Contains(scope.Ports, p.port) {
		return refused(ByPort)
	}
	if from != nil && from.url.Scheme == "https" && u.Scheme == "http" {
		return refused(ByDowngrade)
	}
	return p, nil
}

// plain is a host in the one form in which hosts are compared and looked up: ASCII (RFC 5891), small letters, without the
// last dot; an address as RFC 5952 writes it. It returns "" for what is neither a name nor an address written out: some
// readers take 2130706433, 0x7f.1 or 0177.0.0.1 for addresses.
func plain(host string) string {
	if strings.ContainsAny(host, ":%") {
		ip, err := netip.ParseAddr(host)
		if err != nil || ip.Zone() != "" {
			return ""
		}
		return ip.String()
	}
	if strings.IndexFunc(host, func(r rune) bool { return r >= 0x80 }) >= 0 {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return ""
		}
		host = ascii
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "" || len(host) > 253 {
		return ""
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.IndexFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) >= 0 {
			return ""
		}
		last = label
	}
	// The test of the WHATWG's URL standard §3.5 for what ends in a number.
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return ""
		}
		return ip.String()
	}
	return host
}
