package caller

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// split takes "sip:3018@host:5060;transport=tcp" apart: whom it calls, and where that is.
func split(to string) (user, proxy string, err error) {
	rest, ok := strings.CutPrefix(to, "sip:")
	if !ok {
		rest, ok = strings.CutPrefix(to, "sips:")
	}
	user, host, at := strings.Cut(rest, "@")
	if !ok || !at || user == "" || host == "" {
		return "", "", fmt.Errorf("whom to call is written sip:3018@192.0.2.1:5060, not %q", to)
	}
	return user, "sip:" + host, nil
}

// proxyAddress finds the address behind a proxy's name, and returns the proxy with it.
func proxyAddress(proxy string) (string, netip.Addr, error) {
	host, params, _ := strings.Cut(strings.TrimPrefix(proxy, "sip:"), ";")
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "5060"
	}
	ip, err := net.ResolveIPAddr("ip", name)
	if err != nil {
		return "", netip.Addr{}, fmt.Errorf("%s cannot be found: %w", name, err)
	}
	addr, _ := netip.AddrFromSlice(ip.IP)
	addr = addr.Unmap()
	to := "sip:" + net.JoinHostPort(addr.String(), port)
	if params != "" {
		to += ";" + params
	}
	return to, addr, nil
}

// ownAddress is the address of this machine by which another is reached.
func ownAddress(to netip.Addr) (netip.Addr, error) {
	conn, err := net.Dial("udp", netip.AddrPortFrom(to, 9).String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
