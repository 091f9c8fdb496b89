package trunk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/trunk"
)

// authorization answers a challenge with MD5, as somebody else would.
func authorization(t *testing.T, challenge heard, user, password, method, uri string) string {
	t.Helper()
	for _, value := range challenge.all("WWW-Authenticate") {
		if !strings.Contains(value, "MD5") {
			continue
		}
		_, rest, _ := strings.Cut(value, `nonce="`)
		nonce, _, _ := strings.Cut(rest, `"`)
		h := func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }
		response := h(h(user+":vigie:"+password) + ":" + nonce + ":00000001:abc:auth:" + h(method+":"+uri))
		return fmt.Sprintf(`Digest username="%s", realm="vigie", nonce="%s", uri="%s", response="%s", algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"`,
			user, nonce, uri, response)
	}
	t.Fatal("no challenge with MD5")
	return ""
}

// certificate is for 127.0.0.1 and ::1, by an authority of its own.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool}
}

// A call goes over each transport and either family: made, held from both sides, hung up by the one called.
func TestCallOverEachTransport(t *testing.T) {
	config := certificate(t)
	for _, network := range []string{"udp", "tcp", "tls"} {
		// :: listens to both families, and the call is of the old one.
		for _, host := range []string{"127.0.0.1", "::1", "::"} {
			t.Run(network+" "+host, func(t *testing.T) {
				t.Parallel()
				listen := []string{network + ":" + netip.AddrPortFrom(netip.MustParseAddr(host), 0).String()}
				callee := server(t, func(o *trunk.Options) { o.Listen, o.TLS = listen, config })
				up := answering(callee)
				out := server(t, func(o *trunk.Options) {
					o.Listen, o.TLS = listen, config
					o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Plan: trunk.Plan{Numbers: []string{"119"}},
						Proxy: fmt.Sprintf("sip:%s;transport=%s", strings.Replace(callee.Addr(network).String(), "[::]", "127.0.0.1", 1), network)}
				})
				c, err := out.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"})
				if err != nil {
					t.Fatal(err)
				}
				theirs := soon(t, "the call", up)
				for _, side := range []*trunk.Call{c, theirs} {
					if err := side.Hold(limit(t), true); err != nil {
						t.Error(err)
					}
					if err := side.Hold(limit(t), false); err != nil {
						t.Error(err)
					}
				}
				if err := theirs.Hangup(limit(t), "bye"); err != nil {
					t.Error(err)
				}
				soon(t, "the end", c.Done())
			})
		}
	}
}

// A certificate that no authority vouches for is not talked to.
func TestUnknownCertificateIsRefused(t *testing.T) {
	callee := server(t, func(o *trunk.Options) { o.Listen, o.TLS = []string{"tls:127.0.0.1:0"}, certificate(t) })
	answering(callee)
	out := server(t, func(o *trunk.Options) {
		o.TLS = certificate(t)
		o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Plan: trunk.Plan{Numbers: []string{"119"}},
			Proxy: fmt.Sprintf("sip:%s;transport=tls", callee.Addr("tls"))}
	})
	if _, err := out.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"}); err == nil {
		t.Error("a call was made to a certificate that nobody vouches for")
	}
}

// A message that comes in pieces, or two in one piece, is read as it was meant; what cannot be read closes the
// connection, and a keep-alive is answered.
func TestStreamIsCutIntoMessages(t *testing.T) {
	s := server(t, func(o *trunk.Options) { o.Listen = append(o.Listen, "tcp:127.0.0.1:0") })
	options := func(id string) string {
		return "OPTIONS sip:vigie@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK" + id + "\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni: " + id +
			"\r\nCSeq: 1 OPTIONS\r\nl: 4\r\n\r\nbody"
	}
	conn, err := net.Dial("tcp", s.Addr("tcp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	buffer := make([]byte, 4096)
	conn.Write([]byte("\r\n\r\n"))
	if n, _ := conn.Read(buffer); string(buffer[:n]) != "\r\n" {
		t.Errorf("a keep-alive is answered with %q", buffer[:n])
	}
	text := options("one")
	for i := range text {
		conn.Write([]byte{text[i]})
		if i%40 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	conn.Write([]byte("\r\n" + options("two") + options("three")))
	got := ""
	for !strings.Contains(got, "Call-ID: three") {
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got += string(buffer[:n])
	}
	if strings.Count(got, "SIP/2.0 200 OK") != 3 {
		t.Errorf("three messages are answered with:\n%s", got)
	}
	conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	for {
		if _, err := conn.Read(buffer); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("a connection that speaks something else lives on")
			}
			return
		}
	}
}

// Behind address translation the trunk is told our public address, in Via, Contact and the description.
func TestPublicAddressIsTold(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.5")
	p, s, _ := called(t, func(o *trunk.Options) { o.PublicIP = public })
	p.request("INVITE", 1, puppetTo, "", p.description(""))
	answered := p.hears("SIP/2.0 200")
	contains(t, answered.get("Contact"), fmt.Sprintf("<sip:203.0.113.5:%d>", s.Addr("udp").Port()), true)
	contains(t, answered.text, "c=IN IP4 203.0.113.5\r\n", true)
	p.request("ACK", 1, answered.get("To"), "", "")

	d := dialPuppet(t, trunk.Dial{}, func(o *trunk.Options) { o.PublicIP = public })
	invite := d.hears("INVITE")
	contains(t, invite.get("Via"), fmt.Sprintf("SIP/2.0/UDP 203.0.113.5:%d;", d.s.Addr("udp").Port()), true)
	contains(t, invite.text, "o=- ", true)
	contains(t, invite.text, "127.0.0.1\r\n", false)
	d.reply(invite, "486 Busy Here", "one", "", "")
	soon(t, "the refusal", d.err)
}

// The way of an answer is that of the request: by rport to the port it came from, else to the port of its Via, and
// always to the address it came from.
func TestAnswersGoBackWhereTheyCameFrom(t *testing.T) {
	s := server(t, nil)
	p, other := newPuppet(t, s.Addr("udp")), newPuppet(t, s.Addr("udp"))
	ask := func(via string) {
		p.write("OPTIONS sip:vigie@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP " + via + ";branch=z9hG4bK1\nVia: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK0\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 OPTIONS\n\n")
	}
	ask("192.0.2.1:5062;rport")
	via := p.hears("SIP/2.0 200").all("Via")
	if len(via) != 2 || !strings.Contains(via[0], fmt.Sprintf(";rport=%d", p.addr().Port())) || !strings.Contains(via[0], ";received=127.0.0.1") || via[1] != "SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK0" {
		t.Errorf("Via is %q", via)
	}
	ask(fmt.Sprintf("192.0.2.1:%d", other.addr().Port()))
	other.hears("SIP/2.0 200")
}
