package fetch_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"vigie/internal/takedown/fetch"
)

// patient are limits that no machine is too slow for; a test that is about one of them shortens that one.
var patient = fetch.Limits{Whole: time.Minute, Header: time.Minute, Grace: time.Minute}

// world is a site at 127.0.0.1, which is the only address that may be spoken to, a victim at 127.0.0.66 who listens on the
// same port and must never be spoken to, and a name server that knows both.
type world struct {
	t    *testing.T
	site net.Listener
	dns  *names
	// visits counts the connections that the victim got.
	visits atomic.Int64
	roots  *x509.CertPool
	cert   tls.Certificate
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dns: newNames(t), roots: x509.NewCertPool()}
	var victim net.Listener
	for try := 0; victim == nil; try++ {
		var err error
		if w.site, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if victim, err = net.Listen("tcp", fmt.Sprintf("127.0.0.66:%d", w.port())); err != nil {
			w.site.Close()
			if try == 20 {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() { w.site.Close(); victim.Close() })
	go func() {
		for {
			c, err := victim.Accept()
			if err != nil {
				return
			}
			w.visits.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		if n := w.visits.Load(); n > 0 {
			t.Errorf("the victim was spoken to, %d times", n)
		}
	})
	w.certify("example.net", "*.example.net")
	return w
}

func (w *world) port() uint16 { return netip.MustParseAddrPort(w.site.Addr().String()).Port() }

// certify makes the site's certificate, for these names, and has our side trust it.
func (w *world) certify(names ...string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	w.roots.AddCert(leaf)
	w.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serve answers at the site with a handler, over TLS when configured.
func (w *world) serve(handler http.Handler, secure *tls.Config) {
	s := &httptest.Server{Listener: w.site, Config: &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}}
	if secure != nil {
		if secure.Certificates == nil {
			secure.Certificates = []tls.Certificate{w.cert}
		}
		s.TLS = secure
		s.StartTLS()
	} else {
		s.Start()
	}
	w.t.Cleanup(s.Close)
}

// speak answers at the site with whatever is written to the connection, once the request's first bytes came.
func (w *world) speak(write func(net.Conn)) {
	var open sync.WaitGroup
	over := make(chan struct{})
	open.Go(func() {
		for {
			c, err := w.site.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				stop := make(chan struct{})
				go func() {
					select {
					case <-over:
					case <-stop:
					}
					c.Close()
				}()
				defer close(stop)
				c.Read(make([]byte, 1024))
				write(c)
			})
		}
	})
	w.t.Cleanup(func() { close(over); w.site.Close(); open.Wait() })
}

func (w *world) options() fetch.Options {
	return fetch.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: w.dns.resolver(), Roots: w.roots, Limits: patient}
}

// scope is the site by its names; its port is declared.
func (w *world) scope() fetch.Scope {
	return fetch.Scope{Domains: []string{"example.net"}, Ports: []uint16{w.port()}}
}

// at is an address with the site's port for {port}.
func (w *world) at(text string) string {
	return strings.ReplaceAll(text, "{port}", fmt.Sprint(w.port()))
}

func (w *world) look(address string) fetch.Result {
	return fetch.New(w.options()).Look(w.t.Context(), w.at(address), w.scope(), fetch.Text)
}

// names is a name server. It answers the n-th question for the IPv4 or IPv6 addresses of a name with the n-th of its answers
// that are of that kind, and the last one for ever after; of a name it does not know it says that it does not exist.
type names struct {
	conn net.PacketConn
	mu   sync.Mutex
	// answers holds sets of addresses: {"127.0.0.1 127.0.0.66", "127.0.0.66"}.
	answers map[string][]string
	asked   map[string]int
}

func newNames(t *testing.T) *names {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn, asked: map[string]int{}, answers: map[string][]string{
		"example.net": {"127.0.0.1"}, "www.example.net": {"127.0.0.1"}, "other.example.net": {"127.0.0.1"}, "outside.example.org": {"127.0.0.66"},
		"victim.example.net": {"127.0.0.66"},
	}}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for packet := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if reply, err := n.reply(packet[:size]); err == nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	return n
}

// say has the server know a name.
func (n *names) say(name string, answers ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = answers
}

// resolver asks this server, whatever server this machine has.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

func (n *names) reply(packet []byte) ([]byte, error) {
	var p dnsmessage.Parser
	head, err := p.Start(packet)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	n.mu.Lock()
	sets, known := n.answers[name]
	var set string
	if known {
		key := name + q.Type.String()
		set = sets[min(n.asked[key], len(sets)-1)]
		n.asked[key]++
	}
	n.mu.Unlock()
	answer := dnsmessage.Header{ID: head.ID, Response: true, Authoritative: true, RecursionAvailable: true}
	switch {
	case set == "fails":
		answer.RCode = dnsmessage.RCodeServerFailure
		set = ""
	case !known:
		answer.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, answer)
	b.StartQuestions()
	b.Question(q)
	b.StartAnswers()
	for text := range strings.FieldsSeq(set) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, err
		}
		record := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			b.AResource(record, dnsmessage.AResource{A: a.As4()})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			b.AAAAResource(record, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return b.Finish()
}
