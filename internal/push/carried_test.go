package push_test

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"vigie/internal/push"
	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
)

// Through the client that the house uses: it carries the empty request whole, and goes to no address of the house's own, whatever a name
// server says of a push service's name.
func TestThroughTheCarefulClient(t *testing.T) {
	onEach(t, func(w *world) {
		at, _ := url.Parse(w.service.URL)
		port, _ := strconv.ParseUint(at.Port(), 10, 16)
		roots := x509.NewCertPool()
		roots.AddCert(w.service.Certificate())
		scope := fetch.Scope{Hosts: []string{at.Hostname()}, Ports: []uint16{uint16(port)}}
		careful := func(allowed ...netip.Prefix) *push.Push {
			w.options.Carrier = fetch.New(fetch.Options{Allow: allowed, Roots: roots}).Client(scope, fetch.Limits{Wire: 64 << 10, Unpacked: 64 << 10})
			w.Push, w.jobs = w.node()
			return w.Push
		}
		careful()
		ct := w.talks()
		w.asks(ct, "d1")
		w.answers(ct)
		w.passes(2 * time.Minute)
		w.told(0)
		if failed, err := store.One(w.Ctx, w.DB, func(r store.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT last_error FROM job`); err != nil || failed != "fault.push.service" {
			t.Errorf("%q %v", failed, err)
		}
		careful(netip.MustParsePrefix("127.0.0.0/8"))
		w.passes(2 * time.Minute)
		h := w.told(1)[0]
		w.verifies(h)
		if len(h.body) != 0 || h.length != 0 || h.Get("Ttl") != "86400" || h.Get("Cookie") != "" || h.Get("Referer") != "" {
			t.Errorf("%v %q", h.Header, h.body)
		}
	})
}
