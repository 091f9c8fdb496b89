package trunk

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/sdp"
)

// deafLine is a line without sound.
type deafLine struct{}

func (deafLine) Local() netip.AddrPort      { return netip.MustParseAddrPort("127.0.0.1:40000") }
func (deafLine) Configure(sdp.Agreed) error { return nil }
func (deafLine) Close() error               { return nil }

// quiet is a server for messages that do not come by its sockets.
func quiet(t testing.TB) (*Server, flow) {
	t.Helper()
	s, err := Open(Options{Listen: []string{"udp:127.0.0.1:0"}, Media: func(Trunk) (MediaLine, error) { return deafLine{}, nil },
		Trunks: []Trunk{{Name: "a", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Plan: Plan{Prefixes: []string{"+33"}}},
			{Name: "b", Challenge: true, User: "u", Password: "p"}},
		T1: 5 * time.Millisecond, Leave: 20 * time.Millisecond, Calls: 8, InvitesPerSecond: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.Incoming(func(c *Call) {
		c.Ring()
		c.Refuse(486)
	})
	deaf, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deaf.Close() })
	return s, flow{network: "UDP", local: s.Addr("udp"), remote: unmap(deaf.LocalAddr().(*net.UDPAddr).AddrPort()), packets: s.wire.packets[0]}
}

const sample = "INVITE sip:+33800200000@127.0.0.1;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport, SIP/2.0/TCP [2001:db8::1];branch=z9hG4bKy\r\n" +
	"From: \"Z, \\\"D\" <sip:+33612345678@example.net>;tag=1\r\nTo: <sip:+33800200000@127.0.0.1>\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>;expires=3\r\n" +
	"Max-Forwards: 70\r\nRequire: timer\r\nSession-Expires: 1800;refresher=uac\r\nP-Asserted-Identity: <tel:+336;x=y>\r\nPrivacy: id\r\nRefer-To: <sip:119@x?Replaces=a%3Bto-tag%3Db>\r\n" +
	"RAck: 1 1 INVITE\r\nAuthorization: Digest username=\"u\", realm=\"vigie\", nonce=\"x\", uri=\"sip:a\", response=\"0\", qop=auth, nc=00000001, cnonce=\"y\"\r\n" +
	"Content-Type: application/sdp\r\nContent-Length: 77\r\n\r\nv=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio 40000 RTP/AVP 8 0\r\n"

// No datagram, from a peer or from a stranger, makes the server fail.
func FuzzDatagram(f *testing.F) {
	s, from := quiet(f)
	stranger := from
	stranger.remote = netip.MustParseAddrPort("192.0.2.1:5060")
	f.Add([]byte(sample))
	for _, method := range []string{"OPTIONS", "CANCEL", "ACK", "BYE", "REFER", "NOTIFY", "PRACK", "UPDATE", "INFO", "REGISTER"} {
		f.Add([]byte(strings.ReplaceAll(sample, "INVITE", method)))
	}
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\nTo: <sip:a@b>;tag=1\r\n\r\n"))
	f.Add([]byte("v : SIP / 2.0 / UDP x ; branch = y\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := s.Refused(Panicked)
		s.datagram(from, data)
		s.datagram(stranger, data)
		st := newStream()
		st.feed(data, func(m *message) { s.take(m, from) })
		if s.Refused(Panicked) != before {
			t.Error("a panic")
		}
	})
}

// Nothing that can stand in a header that we read makes reading it fail, and what is read is within its bounds.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{`"Z, \"D" <sip:+33612345678@example.net;user=phone>;tag=1`, "tel:+33-6;phone-context=x", "<sip:119@x?Replaces=a%3Bto-tag%3Db&method=INVITE>",
		"1800;refresher=uac", "id;critical", `Digest username="u", realm="r", nonce="n", uri="sip:a", response="0", algorithm=SHA-256, qop="auth,auth-int"`,
		"SIP / 2.0 / UDP [2001:db8::1]:5060 ; branch = z9hG4bKx ; rport", "776656 1 INVITE", "4711 INVITE", "Signal=5\r\nDuration=160", "SIP/2.0 200 OK"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if a, err := parseAddress(value); err == nil {
			if n := numberOf(a.uri); len(n) > 64 || strings.ContainsAny(n, "\r\n\x00") {
				t.Errorf("a number %q", n)
			}
			untagged(a)
			hopOf(a.uri)
		}
		if number, _, err := parseReferTo(value); err == nil && (Plan{Prefixes: []string{"+33"}}).Allows(number) && !isNumber(number) {
			t.Errorf("%q may be called", number)
		}
		if d, _, ok := parseInterval(value); ok && (d <= 0 || d > maxInterval) {
			t.Errorf("an interval of %v", d)
		}
		if p, ok := parseDigest(value); ok {
			digestOf(p, "u", "p", "INVITE", nil)
		}
		if c, ok := bestChallenge([]string{value}, ""); ok {
			if _, ok := parseDigest(c.authorization("u", "p", "INVITE", "sip:a@b", nil)); !ok {
				t.Errorf("our own credentials for %q cannot be read", value)
			}
		}
		parseVia(value)
		parseRAck(value)
		parseSeq(value)
		parseFragment([]byte(value))
		if d, ok := parseDigit([]byte(value)); ok && !strings.ContainsRune("0123456789*#ABCD", d.Key) {
			t.Errorf("a key %q", d.Key)
		}
		m := &message{headers: []header{{"P-Asserted-Identity", value}, {"Privacy", value}, {"From", value}}}
		callerOf(&request{message: m})
		descriptionIn(&message{headers: []header{{"Content-Type", value}}, body: []byte(value)})
	})
}

// The vectors of RFC 7616 §3.9.1: one password, asked for with MD5 and with SHA-256.
func TestDigestVectors(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		got, ok := digestOf(params{"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "uri": "/dir/index.html",
			"qop": "auth", "nc": "00000001", "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "algorithm": algorithm}, "Mufasa", "Circle of Life", "GET", nil)
		if !ok || got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

// Of several challenges the best one that we know is answered, in any letter case, and none that we do not.
func TestBestChallengeIsAnswered(t *testing.T) {
	for want, values := range map[string][]string{
		"SHA-256":      {`Digest realm="r", nonce="1", algorithm=MD5`, `Digest realm="r", nonce="2", algorithm=SHA-256`},
		"md5":          {`Digest realm="r", nonce="1", algorithm=SHA-512-256`, `digest REALM="r", Nonce="2", algorithm=md5`},
		"":             {`Digest realm="r", nonce="1"`},
		"MD5-sess":     {`Digest realm="r", nonce="1", algorithm=MD5-sess, qop="auth-int"`},
		"nothing fits": {`Digest realm="other", nonce="1"`, `Basic realm="r"`, `Digest realm="r"`},
	} {
		c, ok := bestChallenge(values, "r")
		if ok != (want != "nothing fits") || ok && c.algorithm != want {
			t.Errorf("%v: %q (%v), want %q", values, c.algorithm, ok, want)
		}
	}
}

// Every move of a call that is not in the table is refused.
func TestStatesMoveAsTheTableSays(t *testing.T) {
	all := []State{Trying, Ringing, Answering, Up, Ending, Over}
	may := map[string]bool{
		"trying>ringing": true, "trying>answering": true, "trying>up": true, "trying>over": true,
		"ringing>answering": true, "ringing>up": true, "ringing>over": true,
		"answering>up": true, "answering>ending": true, "answering>over": true,
		"up>ending": true, "up>over": true, "ending>over": true,
	}
	for _, from := range all {
		for _, to := range all {
			c := &Call{state: from}
			if got := c.move(to); got != may[from.String()+">"+to.String()] {
				t.Errorf("%v to %v: %v", from, to, got)
			} else if got != (c.state == to && from != to) {
				t.Errorf("%v to %v left it %v", from, to, c.state)
			}
		}
	}
}

// The plan allows what it names, and nothing that only looks like it.
func TestPlanAllowsWhatItNames(t *testing.T) {
	plan := Plan{Numbers: []string{"119", "+3389"}, Prefixes: []string{"+33", "+331", "0"}, Except: []string{"+338", "+33899", "00"}, Digits: 12}
	for number, want := range map[string]bool{
		"119": true, "+3389": true, "+33612345678": true, "+33142000000": true, "0612345678": true, "*31#": false,
		"": false, "1190": false, "118": false, "+33899123456": false, "+33812345678": false, "0033612345678": false, "+44700000000": false,
		"+336123456789012": false, "+33612345678@192.0.2.1": false, "+336;ext=1": false, "alice": false, "+": false,
	} {
		if got := plan.Allows(number); got != want {
			t.Errorf("%q: %v, want %v", number, got, want)
		}
	}
	if (Plan{}).Allows("119") {
		t.Error("an empty plan allows a number")
	}
}

// Every kind of refusal has a name of its own.
func TestRefusalsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range refusals {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("kind %d is called %q", r, r.String())
		}
		seen[r.String()] = true
	}
}

// A list that is edited counts from the next call on; and what is on it is nobody's own number.
func TestPlanFollowsAListThatIsEdited(t *testing.T) {
	named := []string{"119"}
	plan := Plan{Named: func() []string { return named }, Prefixes: []string{"+33"}}
	if !plan.Allows("119") || plan.Allows("3114") {
		t.Fatal("the list is not what counts")
	}
	named = []string{"3114", "+33612345678"}
	if plan.Allows("119") || !plan.Allows("3114") {
		t.Error("the list of before counts")
	}
	for number, want := range map[string]bool{"+33612345679": true, "+33612345678": false, "3114": false, "119": false, "": false} {
		if plan.person(number) != want {
			t.Errorf("%q as somebody's own: %v, want %v", number, !want, want)
		}
	}
}
