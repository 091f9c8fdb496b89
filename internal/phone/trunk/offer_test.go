package trunk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// Both sides offer in the same moment: each gets through in the end, and both know what is agreed.
func TestBothSidesHoldAtOnce(t *testing.T) {
	theirs, ours := talking(t)
	var both sync.WaitGroup
	for _, c := range []*trunk.Call{theirs, ours} {
		both.Go(func() {
			if err := c.Hold(limit(t), true); err != nil {
				t.Errorf("holding: %v", err)
			}
		})
	}
	both.Wait()
	// Whoever offers second offers sendonly to somebody who does not listen.
	a, b := agreedOn(theirs).Direction, agreedOn(ours).Direction
	if a != sdp.Inactive || b != sdp.Inactive {
		t.Errorf("both hold, and the lines are %v and %v, want inactive", a, b)
	}
	if theirs.State() != trunk.Up || ours.State() != trunk.Up {
		t.Errorf("the call is %v and %v", theirs.State(), ours.State())
	}
}

// A caller who offers nothing hears us early by our offer in a 183, and answers it in the PRACK; the 200 says nothing
// more.
func TestOfferInProvisionalAnswerIsAnsweredInPrack(t *testing.T) {
	s := server(t, nil)
	up := make(chan *trunk.Call, 1)
	s.Incoming(func(c *trunk.Call) {
		c.Progress()
		if err := c.Answer(context.Background()); err != nil {
			t.Error(err)
		}
		up <- c
	})
	p := newPuppet(t, s.Addr("udp"))
	p.request("INVITE", 1, puppetTo, "Supported: 100rel\n", "")
	early := p.hears("SIP/2.0 183")
	contains(t, early.text, "m=audio", true)
	p.silent("SIP/2.0 200", 100*time.Millisecond) // not before the PRACK
	p.request("PRACK", 2, early.get("To"), "RAck: "+early.get("RSeq")+" 1 INVITE\n", p.description(""))
	p.hears("SIP/2.0 200") // to the PRACK
	answered := p.hears("SIP/2.0 200")
	contains(t, answered.text, "m=audio", false)
	p.request("ACK", 1, answered.get("To"), "", "")
	if a := agreedOn(soon(t, "the call", up)); a.Codec != audio.PCMA || a.Remote.Port() != 40000 {
		t.Errorf("agreed on %+v", a)
	}
}

// A re-INVITE that offers nothing is answered with our offer, and its ACK answers that.
func TestReinviteWithoutOfferIsAnsweredWithOurs(t *testing.T) {
	p, _, up := called(t, nil)
	to := p.calls("")
	c := soon(t, "the call", up)
	p.request("INVITE", 2, to, "", "")
	contains(t, p.hears("SIP/2.0 200").text, "m=audio", true)
	p.request("ACK", 2, to, "", p.description("a=sendonly\n"))
	eventually(t, "we are on hold", c.Held)
	if d := agreedOn(c).Direction; d != sdp.RecvOnly {
		t.Errorf("the line is %v", d)
	}
	// And one whose description is nothing that we speak changes nothing.
	p.request("INVITE", 3, to, "", "v=0\no=- 1 3 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 18\n")
	p.hears("SIP/2.0 488")
	if c.State() != trunk.Up || !c.Held() {
		t.Errorf("the call is %v, held %v", c.State(), c.Held())
	}
}

// A side that takes no UPDATE is asked by re-INVITE whether it is still there, with the description that it has already;
// when it is gone, the call ends.
func TestSessionIsRefreshedByReinvite(t *testing.T) {
	p, _, up := called(t, func(o *trunk.Options) {
		shortSessions(o)
		quick(o)
	})
	p.request("INVITE", 1, puppetTo, "Supported: timer\nSession-Expires: 2;refresher=uas\n", p.description(""))
	answered := p.hears("SIP/2.0 200")
	p.request("ACK", 1, answered.get("To"), "", "")
	c := soon(t, "the call", up)
	refresh := p.hears("INVITE")
	origin := func(h heard) string {
		_, rest, _ := strings.Cut(h.text, "o=")
		line, _, _ := strings.Cut(rest, "\r\n")
		return line
	}
	first, again := strings.Fields(origin(answered)), strings.Fields(origin(refresh))
	if len(first) < 3 || len(again) < 3 || first[1] != again[1] || refresh.get("Session-Expires") != "2;refresher=uac" {
		t.Errorf("refreshed with %q after %q, and %q", again, first, refresh.get("Session-Expires"))
	}
	p.reply(refresh, "200 OK", "", "Session-Expires: 2;refresher=uac\nRequire: timer\n", p.description(""))
	p.hears("ACK")
	p.reply(p.hears("INVITE"), "481 Call/Transaction Does Not Exist", "", "", "")
	soon(t, "the end", c.Done())
	if end := c.End(); end.By != trunk.Network {
		t.Errorf("ended with %+v", end)
	}
}

// A server that is closed while it dials, rings and talks is closed soon, and its lines are closed.
func TestCloseInTheMiddleOfEverything(t *testing.T) {
	d := dialPuppet(t, trunk.Dial{}, nil)
	d.reply(d.hears("INVITE"), "180 Ringing", "one", "", "")
	begin := time.Now()
	d.s.Close()
	soon(t, "the end of the dialling", d.err)
	p, s, up := called(t, nil)
	p.calls("")
	c := soon(t, "the call", up)
	s.Close()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("closing took %v", took)
	}
	if c.State() != trunk.Over || c.Line().(*quietLine).closed != 1 || s.Calls() != 0 || d.s.Calls() != 0 {
		t.Errorf("the call is %v, its line was closed %d times", c.State(), c.Line().(*quietLine).closed)
	}
}

// A late offer of ours that nobody answers in the ACK ends the call.
func TestAckWithoutAnswerEndsCall(t *testing.T) {
	s := server(t, nil)
	result := make(chan error, 1)
	s.Incoming(func(c *trunk.Call) { result <- c.Answer(context.Background()) })
	p := newPuppet(t, s.Addr("udp"))
	p.request("INVITE", 1, puppetTo, "", "")
	p.request("ACK", 1, p.hears("SIP/2.0 200").get("To"), "", "")
	if err := soon(t, "the answer", result); !errors.Is(err, sdp.ErrMalformed) {
		t.Errorf("answered with %v", err)
	}
	p.hears("BYE")
}

// On a trunk that requires SRTP both ends have each other's keys, and keep them when the call is held; a call
// without it is refused, and a trunk that has it switched off does not take it.
func TestKeysOfSRTPAreExchanged(t *testing.T) {
	callee := server(t, func(o *trunk.Options) { o.Trunks[0].SRTP = "allowed" })
	up := answering(callee)
	c, err := caller(t, callee, func(l *trunk.Trunk) { l.SRTP = "required" }).Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"})
	if err != nil {
		t.Fatal(err)
	}
	theirs := soon(t, "the call", up)
	cross := func() [2][]byte {
		t.Helper()
		a, b := agreedOn(c).SRTP, agreedOn(theirs).SRTP
		if a == nil || b == nil || a.Suite != b.Suite || !bytes.Equal(a.Send, b.Receive) || !bytes.Equal(a.Receive, b.Send) {
			t.Fatalf("keys %+v and %+v", a, b)
		}
		return [2][]byte{a.Send, a.Receive}
	}
	before := cross()
	for _, side := range []*trunk.Call{c, theirs} {
		if err := side.Hold(limit(t), true); err != nil {
			t.Fatal(err)
		}
		if err := side.Hold(limit(t), false); err != nil {
			t.Fatal(err)
		}
	}
	if after := cross(); !bytes.Equal(before[0], after[0]) || !bytes.Equal(before[1], after[1]) {
		t.Error("the keys changed while the call was held")
	}
	for _, test := range [][2]string{{"off", "required"}, {"required", "off"}} {
		callee := server(t, func(o *trunk.Options) { o.Trunks[0].SRTP = test[0] })
		answering(callee)
		var failure *trunk.Failure
		if _, err := caller(t, callee, func(l *trunk.Trunk) { l.SRTP = test[1] }).Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"}); !errors.As(err, &failure) || failure.Status != 488 {
			t.Errorf("%v: %v, want 488", test, err)
		}
	}
}

// A hundred calls at once are set up, held, and hung up, and nothing is left of them.
func TestHundredCallsAtOnce(t *testing.T) {
	callee := server(t, quick)
	up := answering(callee)
	out := server(t, func(o *trunk.Options) {
		quick(o)
		o.Trunks[0].Proxy, o.Trunks[0].Plan = "sip:"+callee.Addr("udp").String(), trunk.Plan{Numbers: []string{"119"}}
	})
	var all sync.WaitGroup
	begin := time.Now()
	failed := make(chan error, 100)
	for i := range 100 {
		all.Go(func() {
			c, err := out.Dial(limit(t), trunk.Dial{Trunk: "national", To: "119"})
			if err == nil {
				err = c.Hold(limit(t), true)
			}
			if err == nil {
				err = c.Hangup(limit(t), "bye")
			}
			if err != nil {
				failed <- fmt.Errorf("call %d: %w", i, err)
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	for range 100 {
		soon(t, "a call", up)
	}
	eventually(t, "no call is left", func() bool { return out.Calls() == 0 && callee.Calls() == 0 })
	took := time.Since(begin)
	eventually(t, "no transaction is left", func() bool { return out.Leftovers() == 0 && callee.Leftovers() == 0 })
	t.Logf("100 calls in %v", took.Round(time.Millisecond))
}
