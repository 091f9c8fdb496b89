package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// Whatever a request says of where it comes from: only what a trusted proxy says is believed, and nothing
// is made up.
func FuzzClientOf(f *testing.F) {
	for _, said := range []string{"", "192.0.2.7", "192.0.2.7, 10.0.0.1", "::1", "[2001:db8::1]:443", "unknown", ",,,", "10.0.0.1,10.0.0.2", "192.0.2.7:99999", "fe80::1%eth0"} {
		f.Add(said)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, said string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Forwarded-For", said)
		r.RemoteAddr = "198.51.100.1:40000"
		if got := clientOf(r, proxies); got.String() != r.RemoteAddr {
			t.Fatalf("%q from a stranger is believed: %s", said, got)
		}
		r.RemoteAddr = "10.0.0.9:40000"
		if got := clientOf(r, proxies); !got.IsValid() || got.Addr().Is4In6() {
			t.Fatalf("%q makes %s", said, got)
		}
	})
}

// The port goes with the address where the proxy names it: a carrier's many people share one address.
func TestThePortOfWhoComesThroughAProxy(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for said, want := range map[string]string{
		"192.0.2.7": "192.0.2.7:0", "192.0.2.7:5061": "192.0.2.7:5061", "[2001:db8::1]:5061": "[2001:db8::1]:5061",
		"[2001:db8::1]": "[2001:db8::1]:0", "2001:db8::1": "[2001:db8::1]:0", "[::ffff:192.0.2.7]:5061": "192.0.2.7:5061",
		"203.0.113.1:1, 192.0.2.7:5061, 10.0.0.3:2": "192.0.2.7:5061", "192.0.2.7:99999": "10.0.0.9:40000",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Forwarded-For", said)
		r.RemoteAddr = "10.0.0.9:40000"
		if got := clientOf(r, proxies).String(); got != want {
			t.Errorf("%q is %s, want %s", said, got, want)
		}
	}
}
