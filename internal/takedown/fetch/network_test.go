package fetch

import (
	"net/netip"
	"testing"
)

// What lies beside a reserved network is public, and its first and last addresses are not.
func TestNetworksEndWhereTheyEnd(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.0.0.0": true, "0.255.255.255": false, "9.255.255.255": true, "10.0.0.0": false, "10.255.255.255": false, "11.0.0.0": true,
		"100.63.255.255": true, "100.64.0.0": false, "100.127.255.255": false, "100.128.0.0": true,
		"126.255.255.255": true, "127.0.0.0": false, "127.255.255.255": false, "128.0.0.0": true,
		"169.253.255.255": true, "169.254.0.0": false, "169.255.0.0": true,
		"172.15.255.255": true, "172.16.0.0": false, "172.31.255.255": false, "172.32.0.0": true,
		"192.167.255.255": true, "192.168.0.0": false, "192.168.255.255": false, "192.169.0.0": true,
		"192.0.0.255": false, "192.0.1.0": true, "192.0.2.0": false, "192.0.3.0": true,
		"198.17.255.255": true, "198.18.0.0": false, "198.19.255.255": false, "198.20.0.0": true,
		"168.63.129.15": true, "168.63.129.16": false, "223.255.255.255": true, "224.0.0.0": false, "255.255.255.255": false,
		"2606:4700:4700::1111": true, "2a00::1": true, "1fff::1": false, "4000::1": false,
		"2001::1": false, "2001:1ff:ffff::1": false, "2001:200::1": true, "2001:db7::1": true, "2001:db8::1": false, "2001:db9::1": true,
		"2001:ffff::1": true, "2002::1": false, "2003::1": true, "3ffe:ffff::1": true, "3fff::1": false, "3fff:fff::1": false, "3fff:1000::1": true,
		"fbff::1": false, "fc00::1": false, "fe80::1": false, "ff02::1": false,
		"::ffff:8.8.8.8": true, "::ffff:10.0.0.1": false, "64:ff9b::8.8.8.8": true, "64:ff9b::10.0.0.1": false, "64:ff9b::1:8.8.8.8": false,
		"2606:4700::1%eth0": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v, want %v", text, got, want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// What was allowed is spoken to however it is written, what was refused is not, and refusing is stronger.
func TestNetworksOfTheConfiguration(t *testing.T) {
	f := New(Options{Allow: prefixes("127.0.0.0/8", "10.1.0.0/16"), Refuse: prefixes("10.1.2.0/24", "9.9.9.0/24")})
	for text, want := range map[string]bool{
		"127.0.0.1": true, "::ffff:127.0.0.1": true, "::1": false, "64:ff9b::127.0.0.1": false, "10.1.1.1": true, "10.1.2.1": false, "10.2.0.1": false, "9.9.9.9": false,
		"::ffff:9.9.9.9": false, "8.8.8.8": true,
	} {
		if got := f.admits(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is admitted: %v, want %v", text, got, want)
		}
	}
}
