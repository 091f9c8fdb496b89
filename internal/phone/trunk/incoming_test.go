package trunk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/trunk"
)

// deadEnd is where nobody listens.
var deadEnd = netip.MustParseAddrPort("127.0.0.1:9")

// called is a server that a puppet calls.
func called(t *testing.T, change func(*trunk.Options)) (*puppet, *trunk.Server, <-chan *trunk.Call) {
	t.Helper()
	s := server(t, change)
	up := answering(s)
	return newPuppet(t, s.Addr("udp")), s, up
}

// An INVITE that comes again is the same call: what was said is said again.
func TestRepeatedInviteIsOneCall(t *testing.T) {
	s := server(t, nil)
	calls := make(chan *trunk.Call, 4)
	s.Incoming(func(c *trunk.Call) {
		c.Ring()
		calls <- c
	})
	p := newPuppet(t, s.Addr("udp"))
	p.request("INVITE", 1, puppetTo, "", p.description(""))
	first := p.hears("SIP/2.0 180")
	p.request("INVITE", 1, puppetTo, "", p.description(""))
	if again := p.hears("SIP/2.0 180"); again.text != first.text {
		t.Error("another answer to the same INVITE")
	}
	if s.Stats().Calls != 1 {
		t.Errorf("%d calls", s.Stats().Calls)
	}
	// A refusal comes until it is acknowledged, and not after.
	soon(t, "the call", calls).Refuse(486)
	busy := p.hears("SIP/2.0 486")
	p.hears("SIP/2.0 486")
	p.write("ACK sip:+33800200000@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP " + p.addr().String() + ";branch=z9hG4bKINVITE1;rport\nFrom: " + busy.get("From") +
		"\nTo: " + busy.get("To") + "\nCall-ID: " + busy.get("Call-ID") + "\nCSeq: 1 ACK\nMax-Forwards: 70\n\n")
	time.Sleep(20 * time.Millisecond)
	for {
		if _, ok := p.next(time.Millisecond); !ok {
			break
		}
	}
	p.silent("SIP/2.0 486", 300*time.Millisecond)
}

// The same call by two ways is taken once (RFC 3261 §8.2.2.2), and a call that came by us before not at all.
func TestMergedAndLoopedCallsAreRefused(t *testing.T) {
	s := server(t, nil)
	s.Incoming(func(c *trunk.Call) { c.Ring() })
	p := newPuppet(t, s.Addr("udp"))
	p.request("INVITE", 1, puppetTo, "", p.description(""))
	p.hears("SIP/2.0 180")
	p.write("INVITE sip:+33800200000@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP " + p.addr().String() + ";branch=z9hG4bKother;rport\n" +
		"From: <sip:+33612345678@example.net>;tag=puppet\nTo: " + puppetTo + "\nCall-ID: puppet-" + p.addr().String() +
		"\nCSeq: 1 INVITE\nMax-Forwards: 60\nContact: <sip:a@127.0.0.1>\n\n")
	p.hears("SIP/2.0 482")

	d := dialPuppet(t, trunk.Dial{}, nil)
	invite := d.hears("INVITE")
	d.write(strings.ReplaceAll(strings.Replace(invite.text, "Via:", "Via: SIP/2.0/UDP "+d.addr().String()+";branch=z9hG4bKproxy;rport\nVia:", 1), "\r\n", "\n"))
	d.hears("SIP/2.0 482")
	counted(t, s, trunk.Loop, 1)
	counted(t, d.s, trunk.Loop, 1)
}

// Keys that come in a burst are handed on in their order.
func TestRequestsOfCallAreHandledInOrder(t *testing.T) {
	s := server(t, nil)
	keys := make(chan rune, 32)
	s.Incoming(func(c *trunk.Call) {
		c.OnDigit(func(d trunk.Digit) { keys <- d.Key })
		c.Answer(context.Background())
	})
	p := newPuppet(t, s.Addr("udp"))
	to := p.calls("")
	const typed = "0612345678*#0147"
	for i, key := range typed {
		p.request("INFO", 2+i, to, "Content-Type: application/dtmf-relay\n", "Signal="+string(key)+"\nDuration=100\n")
	}
	got := ""
	for range typed {
		got += string(soon(t, "a key", keys))
	}
	if got != typed {
		t.Errorf("typed %q, heard %q", typed, got)
	}
	// An old request is out of order (RFC 3261 §12.2.2).
	p.request("OPTIONS", 3, to, "", "")
	p.hears("SIP/2.0 500")
}

// A fault in the handling of one call ends that call, and nothing else.
func TestPanicEndsOneCall(t *testing.T) {
	log := &logged{}
	s, err := trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Trunks: []trunk.Trunk{{Name: "national", Peers: loopback}},
		Media: newQuietLine, Log: slog.New(slog.NewTextHandler(log, nil)), T1: 50 * time.Millisecond, Leave: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Incoming(func(c *trunk.Call) {
		if c.Caller().Number == "+33600000000" {
			panic("a secret word")
		}
		c.OnDigit(func(trunk.Digit) { panic("a secret word") })
		c.Answer(context.Background())
	})
	good, bad, worse := newPuppet(t, s.Addr("udp")), newPuppet(t, s.Addr("udp")), newPuppet(t, s.Addr("udp"))
	to := good.calls("")
	worse.request("INVITE", 1, puppetTo, "From: <sip:+33600000000@example.net>;tag=puppet\n", worse.description(""))
	worse.hears("SIP/2.0 500")
	badTo := bad.calls("")
	bad.request("INFO", 2, badTo, "Content-Type: application/dtmf\n", "5")
	bad.hears("BYE")
	good.request("OPTIONS", 2, to, "", "")
	good.hears("SIP/2.0 200")
	if s.Refused(trunk.Panicked) != 2 {
		t.Errorf("%d panics were counted, want 2", s.Refused(trunk.Panicked))
	}
	contains(t, log.text(), "secret word", false)
}

// A line that cannot be opened, or a fault in opening it, refuses the call.
func TestCallWithoutLineIsRefused(t *testing.T) {
	for name, open := range map[string]func(trunk.Trunk) (trunk.MediaLine, error){
		"no port is free": func(trunk.Trunk) (trunk.MediaLine, error) { return nil, errors.New("no port") },
		"a fault":         func(trunk.Trunk) (trunk.MediaLine, error) { panic("a fault") },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Trunks: []trunk.Trunk{{Name: "national", Peers: loopback}}, Media: open})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.Incoming(func(*trunk.Call) { t.Error("a call came in") })
			p := newPuppet(t, s.Addr("udp"))
			p.request("INVITE", 1, puppetTo, "", p.description(""))
			p.hears("SIP/2.0 500")
			if s.Calls() != 0 || s.Refused(trunk.Unmedia)+s.Refused(trunk.Panicked) != 1 {
				t.Errorf("%d calls, %+v", s.Calls(), s.Stats())
			}
		})
	}
}

// A description that comes as one part of several, as networks send that add parts of their own, is found.
func TestDescriptionInSeveralPartsIsFound(t *testing.T) {
	p, _, up := called(t, nil)
	p.request("INVITE", 1, puppetTo, "Content-Type: multipart/mixed;boundary=\"cut\"\n",
		"--cut\nContent-Type: application/isup;version=itu-t92+\n\n\x01\x02\n--cut\nContent-Type: application/sdp\n\n"+p.description("")+"\n--cut--\n")
	answered := p.hears("SIP/2.0 200")
	p.request("ACK", 1, answered.get("To"), "", "")
	if a := agreedOn(soon(t, "the call", up)); a.Remote.Port() != 40000 {
		t.Errorf("agreed on %+v", a)
	}
}

// Nothing that a caller sent is logged: no number, no address, no name, nothing of a message that cannot be read.
func TestNothingOfACallerIsLogged(t *testing.T) {
	log := &logged{}
	p, s, up := called(t, func(o *trunk.Options) {
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Trunks[0].Plan = trunk.Plan{Numbers: []string{"119"}}
	})
	to := p.calls("From: \"Zoé Durand\" <sip:+33612345678@lycee.example>;tag=puppet\nP-Asserted-Identity: <tel:+33698765432>\n")
	c := soon(t, "the call", up)
	if c.Caller().Number != "+33698765432" {
		t.Errorf("the caller is %+v", c.Caller())
	}
	p.request("REFER", 2, to, "From: <sip:+33612345678@lycee.example>;tag=puppet\nRefer-To: <sip:+33899111213@127.0.0.1>\n", "")
	p.hears("SIP/2.0 603")
	p.request("BYE", 3, to, "", "")
	p.hears("SIP/2.0 200")
	p.conn.WriteToUDPAddrPort([]byte("INVITE sip:+33612345678 Zoé\r\n\r\n"), s.Addr("udp"))
	soon(t, "the end", c.Done())
	contains(t, log.text(), c.ID(), true)
	for _, secret := range []string{"612345678", "698765432", "Zo", "lycee", "127.0.0.1", "899111213", "puppet"} {
		contains(t, log.text(), secret, false)
	}
}

// A stranger gets no answer, whatever is sent, and a connection of a stranger is closed at once.
func TestStrangerGetsNoAnswer(t *testing.T) {
	s := server(t, func(o *trunk.Options) {
		o.Listen = append(o.Listen, "tcp:127.0.0.1:0")
		o.Trunks[0].Peers = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	s.Incoming(func(*trunk.Call) { t.Error("a stranger's call came in") })
	p := newPuppet(t, s.Addr("udp"))
	for _, method := range []string{"OPTIONS", "INVITE", "REGISTER", "SUBSCRIBE", "NONSENSE", "ACK", "BYE"} {
		p.request(method, 1, puppetTo, "", "")
	}
	p.conn.WriteToUDPAddrPort([]byte("\r\n\r\n"), s.Addr("udp"))
	p.conn.WriteToUDPAddrPort([]byte{0, 1, 2, 3}, s.Addr("udp"))
	p.silent("", 200*time.Millisecond)
	counted(t, s, trunk.Stranger, 9)

	conn, err := net.Dial("tcp", s.Addr("tcp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the connection of a stranger lives on: %v", err)
	}
}

// A trunk that is known by its digest only is asked for it, a few times a second; a scanner that sends anything else
// hears nothing.
func TestTrunkWithoutListIsAskedForItsDigest(t *testing.T) {
	s := server(t, func(o *trunk.Options) {
		o.Listen = append(o.Listen, "tcp:127.0.0.1:0")
		o.Trunks[0] = trunk.Trunk{Name: "roaming", Challenge: true, User: "trunk", Password: "secret"}
	})
	up := answering(s)
	scanner := newPuppetAt(t, s.Addr("udp"), "127.0.0.9")
	scanner.request("OPTIONS", 1, puppetTo, "", "")
	scanner.request("REGISTER", 1, puppetTo, "", "")
	scanner.silent("", 100*time.Millisecond)
	for i := range 40 {
		scanner.request("INVITE", 1+i, puppetTo, "", "")
	}
	asked := 0
	for {
		h, ok := scanner.next(100 * time.Millisecond)
		if !ok {
			break
		}
		if !strings.HasPrefix(h.start(), "SIP/2.0 401") || len(h.all("WWW-Authenticate")) != 2 {
			t.Errorf("a stranger hears %q", h.text)
		}
		asked++
	}
	if asked == 0 || asked > 20 {
		t.Errorf("a stranger was asked for its digest %d times at once, want about 10", asked)
	}
	if s.Refused(trunk.Throttled) == 0 || s.Stats().Calls != 0 {
		t.Error("a flood is not slowed down")
	}

	for _, network := range []string{"tcp", "udp"} {
		out := server(t, func(o *trunk.Options) {
			o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Proxy: "sip:" + s.Addr(network).String() + ";transport=" + network, User: "trunk", Password: "secret",
				Plan: trunk.Plan{Numbers: []string{"119"}}}
		})
		c, err := out.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"})
		if err != nil {
			t.Fatal(network, err)
		}
		theirs := soon(t, "the call", up)
		// Its requests within the call are let in, too.
		c.Hangup(limit(t), "bye")
		soon(t, "the end", theirs.Done())
	}
	counted(t, s, trunk.Credentials, 0)
}

// A nonce is good for a minute, for the address that it was made for: then it is asked for again, said to be stale.
func TestNonceExpires(t *testing.T) {
	now := make(chan time.Duration, 1)
	now <- 0
	s := server(t, func(o *trunk.Options) {
		o.Now = func() time.Time {
			d := <-now
			now <- d
			return time.Now().Add(d)
		}
		o.Trunks[0].Challenge, o.Trunks[0].User, o.Trunks[0].Password = true, "trunk", "secret"
	})
	answering(s)
	p := newPuppet(t, s.Addr("udp"))
	p.request("INVITE", 1, puppetTo, "", "")
	first := p.hears("SIP/2.0 401")
	contains(t, first.text, "stale", false)
	credentials := authorization(t, first, "trunk", "secret", "INVITE", "sip:+33800200000@127.0.0.1")
	<-now
	now <- 2 * time.Minute
	p.request("INVITE", 2, puppetTo, "Authorization: "+credentials+"\n", p.description(""))
	contains(t, p.hears("SIP/2.0 401").text, "stale=true", true)
	<-now
	now <- 0
	other := newPuppetAt(t, s.Addr("udp"), "127.0.0.7")
	other.request("INVITE", 1, puppetTo, "Authorization: "+credentials+"\n", other.description(""))
	other.hears("SIP/2.0 401")
	p.request("INVITE", 3, puppetTo, "Authorization: "+credentials+"\n", p.description(""))
	p.hears("SIP/2.0 200")
}

// More calls, or calls faster, than a trunk may bring are sent elsewhere.
func TestTrunkHasItsLimits(t *testing.T) {
	p, s, up := called(t, func(o *trunk.Options) { o.Trunks[0].Calls = 1 })
	p.calls("")
	soon(t, "the call", up)
	second := newPuppet(t, s.Addr("udp"))
	second.request("INVITE", 1, puppetTo, "", second.description(""))
	if h := second.hears("SIP/2.0 503"); h.get("Retry-After") == "" {
		t.Errorf("refused without saying when to try again:\n%s", h.text)
	}
	counted(t, s, trunk.Full, 1)

	s = server(t, func(o *trunk.Options) { o.Trunks[0].InvitesPerSecond = 3 })
	s.Incoming(func(c *trunk.Call) { c.Refuse(486) })
	statuses := map[string]int{}
	for range 8 {
		p := newPuppet(t, s.Addr("udp"))
		p.request("INVITE", 1, puppetTo, "", p.description(""))
		statuses[p.hears("SIP/2.0 ").start()]++
		if h, ok := p.next(100 * time.Millisecond); ok {
			statuses[h.start()]++
		}
	}
	if statuses["SIP/2.0 503 Service Unavailable"] < 4 || s.Refused(trunk.Throttled) < 4 {
		t.Errorf("eight calls at once, of which three may come: %v", statuses)
	}
}

// A trunk delivers its own numbers only; two trunks of one peer are told apart by them.
func TestNumbersBelongToTrunks(t *testing.T) {
	p, s, up := called(t, func(o *trunk.Options) {
		o.Trunks = []trunk.Trunk{{Name: "119", Peers: loopback, Numbers: []string{"119"}}, {Name: "3018", Peers: loopback, Numbers: []string{"3018", "+33800200000"}}}
	})
	p.calls("")
	if c := soon(t, "the call", up); c.Trunk() != "3018" || c.Called() != "+33800200000" {
		t.Errorf("%q came by the trunk %s", c.Called(), c.Trunk())
	}
	q := newPuppet(t, s.Addr("udp"))
	q.write("INVITE sip:112@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP " + q.addr().String() + ";branch=z9hG4bK1;rport\nFrom: <sip:a@b>;tag=1\nTo: <sip:112@127.0.0.1>\nCall-ID: x\nCSeq: 1 INVITE\nContact: <sip:a@127.0.0.1>\n\n")
	q.hears("SIP/2.0 404")
	counted(t, s, trunk.Unknown, 1)
}

// Who calls is read from the headers that the network vouches for, and what the caller withholds is withheld.
func TestCallerIsRead(t *testing.T) {
	for _, test := range []struct {
		name, from, more string
		want             trunk.Caller
	}{
		{"a number in From", "<sip:+33612345678@example.net>", "", trunk.Caller{Number: "+33612345678"}},
		{"a number with signs for the eye", "<tel:+33-6.12(34)5678;phone-context=x>", "", trunk.Caller{Number: "+33612345678"}},
		{"a national number, as given", "\"Zoé\" <sip:0612345678@example.net;user=phone>", "", trunk.Caller{Number: "0612345678"}},
		{"the network knows better", "<sip:whoever@example.net>", "P-Asserted-Identity: \"Z, D\" <sip:+33698765432@example.net>, <tel:+33698765432>\n", trunk.Caller{Number: "+33698765432"}},
		{"withheld, and told to us", "\"Anonymous\" <sip:anonymous@anonymous.invalid>", "P-Asserted-Identity: <tel:+33698765432>\nPrivacy: id;critical\n", trunk.Caller{Number: "+33698765432", Withheld: true}},
		{"withheld from us, too", "<sip:anonymous@anonymous.invalid>", "", trunk.Caller{Withheld: true}},
		{"withheld by Privacy alone", "<sip:+33612345678@example.net>", "Privacy: user; id\n", trunk.Caller{Number: "+33612345678", Withheld: true}},
		{"nothing to withhold", "<sip:+33612345678@example.net>", "Privacy: none\n", trunk.Caller{Number: "+33612345678"}},
		{"escaped", "<sip:%2B33612345678@example.net>", "", trunk.Caller{Number: "+33612345678"}},
		{"with a routing number", "<sip:+33612345678;npdi;rn=+33601@example.net>", "", trunk.Caller{Number: "+33612345678"}},
		{"an identity that cannot be read", "<sip:+33612345678@example.net>", "P-Asserted-Identity: <<<\n", trunk.Caller{Number: "+33612345678"}},
		{"unavailable", "<sip:unavailable@example.net>", "", trunk.Caller{Withheld: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, _, up := called(t, nil)
			p.request("INVITE", 1, puppetTo, "From: "+test.from+";tag=puppet\n"+test.more, p.description(""))
			p.request("ACK", 1, p.hears("SIP/2.0 200").get("To"), "From: "+test.from+";tag=puppet\n", "")
			if got := soon(t, "the call", up).Caller(); got != test.want {
				t.Errorf("the caller is %+v, want %+v", got, test.want)
			}
		})
	}
}

// What we send within a call goes by the proxies that asked to stay, in the right order, and never to an address
// that is not the trunk's, whatever a Contact says.
func TestRequestsFollowTheRoute(t *testing.T) {
	p, _, up := called(t, nil)
	via := p.addr().String()
	p.request("INVITE", 1, puppetTo, "Record-Route: <sip:"+via+";lr>, <sip:10.0.0.2;lr>\nRecord-Route: <sip:10.0.0.3;lr>\nContact: <sip:far@192.0.2.99:5070>\n", p.description(""))
	answered := p.hears("SIP/2.0 200")
	if got := answered.all("Record-Route"); len(got) != 2 {
		t.Errorf("Record-Route in the answer is %q", got)
	}
	p.request("ACK", 1, answered.get("To"), "", "")
	go soon(t, "the call", up).Hangup(context.Background(), "bye")
	bye := p.hears("BYE sip:far@192.0.2.99:5070 ")
	if got := strings.Join(bye.all("Route"), "|"); got != "<sip:"+via+";lr>|<sip:10.0.0.2;lr>|<sip:10.0.0.3;lr>" {
		t.Errorf("Route is %q", got)
	}
	p.reply(bye, "200 OK", "", "", "")

	// A strict router (RFC 2543) is the target itself.
	p, _, up = called(t, nil)
	p.request("INVITE", 1, puppetTo, "Record-Route: <sip:"+p.addr().String()+">\nContact: <sip:far@192.0.2.99:5070>\n", p.description(""))
	p.request("ACK", 1, p.hears("SIP/2.0 200").get("To"), "", "")
	go soon(t, "the call", up).Hangup(context.Background(), "bye")
	bye = p.hears("BYE sip:" + p.addr().String() + " ")
	if got := bye.get("Route"); got != "<sip:far@192.0.2.99:5070>" {
		t.Errorf("Route is %q", got)
	}
	p.reply(bye, "200 OK", "", "", "")
}

// Somebody else's request does not touch a call, even with its tags.
func TestCallBelongsToItsTrunk(t *testing.T) {
	p, s, up := called(t, func(o *trunk.Options) {
		o.Trunks = []trunk.Trunk{{Name: "a", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, {Name: "b", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}}
	})
	to := p.calls("")
	c := soon(t, "the call", up)
	other := newPuppetAt(t, s.Addr("udp"), "127.0.0.2")
	other.write("BYE sip:+33800200000@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP " + other.addr().String() + ";branch=z9hG4bKx;rport\nFrom: <sip:+33612345678@example.net>;tag=puppet\nTo: " + to +
		"\nCall-ID: puppet-" + p.addr().String() + "\nCSeq: 9 BYE\nMax-Forwards: 70\n\n")
	other.hears("SIP/2.0 481")
	if c.State() != trunk.Up {
		t.Errorf("the call is %v", c.State())
	}
}

// Requests outside of any call do nothing.
func TestRequestsOutsideOfCalls(t *testing.T) {
	s := server(t, nil)
	for method, want := range map[string]string{"OPTIONS": "200", "MESSAGE": "405", "SUBSCRIBE": "405", "PUBLISH": "405", "REGISTER": "405",
		"NOTIFY": "481", "INFO": "481", "BYE": "481", "CANCEL": "481", "PRACK": "481", "UPDATE": "481", "REFER": "403", "TELEPORT": "501"} {
		t.Run(method, func(t *testing.T) {
			p := newPuppet(t, s.Addr("udp"))
			p.request(method, 1, puppetTo, "", "")
			h := p.hears("SIP/2.0 ")
			if !strings.HasPrefix(h.start(), "SIP/2.0 "+want) {
				t.Errorf("%s is answered with %q, want %s", method, h.start(), want)
			}
			if (want == "405" || want == "200") && !strings.Contains(h.get("Allow"), "INVITE") {
				t.Error("it does not say what is allowed")
			}
		})
	}
	s.Drain()
	p := newPuppet(t, s.Addr("udp"))
	p.request("OPTIONS", 1, puppetTo, "", "")
	p.hears("SIP/2.0 503")
}

// Within a call, odd requests are answered and change nothing.
func TestOddRequestsWithinCall(t *testing.T) {
	p, _, up := called(t, nil)
	to := p.calls("")
	c := soon(t, "the call", up)
	seq := 1
	for _, test := range []struct{ method, more, body, want string }{
		{"NOTIFY", "", "", "489"},
		{"NOTIFY", "Event: refer\nContent-Type: text/plain\n", "x", "415"},
		{"NOTIFY", "Event: refer;id=1\nContent-Type: message/sipfrag\nSubscription-State: terminated\n", "nonsense", "200"},
		{"INFO", "", "", "200"},
		{"INFO", "Content-Type: application/dtmf-relay\n", "Signal=\n", "400"},
		{"MESSAGE", "Content-Type: text/plain\n", "hello", "405"},
		{"PRACK", "RAck: 1 1 INVITE\n", "", "481"},
		{"REFER", "", "", "400"},
		{"REFER", "Refer-To: <sip:119@x>\nRefer-To: <sip:118@x>\n", "", "400"},
		{"REFER", "Refer-To: <sip:119@x;method=BYE>\n", "", "400"},
		{"UPDATE", "", "", "200"},
		{"UPDATE", "", "v=0\nm=audio\n", "400"},
		{"INVITE", "Content-Type: text/plain\n", "hello", "415"},
		{"INVITE", "Require: teleportation\n", "", "420"},
		{"OPTIONS", "", "", "200"},
	} {
		seq++
		p.request(test.method, seq, to, test.more, test.body)
		for {
			h := p.hears("SIP/2.0 ")
			if h.get("CSeq") != fmt.Sprintf("%d %s", seq, test.method) || strings.HasPrefix(h.start(), "SIP/2.0 100") {
				continue
			}
			if !strings.HasPrefix(h.start(), "SIP/2.0 "+test.want) {
				t.Errorf("%s with %q and %q is answered with %q, want %s", test.method, test.more, test.body, h.start(), test.want)
			}
			break
		}
	}
	if c.State() != trunk.Up {
		t.Errorf("the call is %v", c.State())
	}
}
