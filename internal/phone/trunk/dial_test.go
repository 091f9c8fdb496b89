package trunk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/trunk"
)

// dialling is a server that calls a puppet; result is what Dial gave back.
type dialling struct {
	*puppet
	s      *trunk.Server
	cancel context.CancelFunc
	call   chan *trunk.Call
	err    chan error
}

func dialPuppet(t *testing.T, d trunk.Dial, change func(*trunk.Options)) *dialling {
	t.Helper()
	r := &dialling{puppet: newPuppet(t, deadEnd), call: make(chan *trunk.Call, 1), err: make(chan error, 1)}
	r.s = server(t, func(o *trunk.Options) {
		o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Proxy: "sip:" + r.addr().String(), CallerID: "+33142000000",
			Plan: trunk.Plan{Numbers: []string{"119"}}}
		if change != nil {
			change(o)
		}
	})
	d.Trunk, d.To = "out", "119"
	ctx, cancel := context.WithCancel(limit(t))
	t.Cleanup(cancel)
	r.cancel = cancel
	go func() {
		c, err := r.s.Dial(ctx, d)
		if err != nil {
			r.err <- err
			return
		}
		r.call <- c
	}()
	return r
}

// Two branches of a fork answer: the first makes the call, the second is acknowledged and hung up. When the
// first answer comes again, its ACK was lost, and is sent again.
func TestSecondAnswerOfForkIsHungUp(t *testing.T) {
	d := dialPuppet(t, trunk.Dial{}, nil)
	invite := d.hears("INVITE")
	d.reply(invite, "180 Ringing", "one", "", "")
	d.reply(invite, "200 OK", "one", "", d.description(""))
	ack := d.hears("ACK")
	contains(t, ack.get("To"), "tag=one", true)
	c := soon(t, "the call", d.call)
	d.reply(invite, "200 OK", "two", "", d.description(""))
	contains(t, d.hears("ACK").get("To"), "tag=two", true)
	bye := d.hears("BYE")
	contains(t, bye.get("To"), "tag=two", true)
	d.reply(bye, "200 OK", "", "", "")
	d.reply(invite, "200 OK", "one", "", d.description(""))
	if again := d.hears("ACK"); again.text != ack.text {
		t.Errorf("another ACK for the same answer:\n%s\n%s", ack.text, again.text)
	}
	if c.State() != trunk.Up {
		t.Errorf("the call is %v", c.State())
	}
}

// A provisional answer that wants to be acknowledged is, once however often it comes; what it describes is heard
// before the call is answered, and the answer itself need not say it again.
func TestEarlyMediaIsHeardAndAcknowledged(t *testing.T) {
	rings := make(chan bool, 4)
	d := dialPuppet(t, trunk.Dial{Ringing: func(c *trunk.Call, early bool) { rings <- early && agreedOn(c).Remote.Port() == 40000 }}, nil)
	invite := d.hears("INVITE")
	contains(t, invite.get("Supported"), "100rel", true)
	for range 2 {
		d.reply(invite, "183 Session Progress", "one", "Require: 100rel\nRSeq: 813\n", d.description(""))
	}
	prack := d.hears("PRACK")
	if prack.get("RAck") != "813 "+invite.get("CSeq") {
		t.Errorf("RAck is %q", prack.get("RAck"))
	}
	d.reply(prack, "200 OK", "", "", "")
	if !soon(t, "the ringing", rings) {
		t.Error("the line was not told of the early sound")
	}
	d.silent("PRACK", 150*time.Millisecond)
	d.reply(invite, "200 OK", "one", "", "")
	d.hears("ACK")
	if c := soon(t, "the call", d.call); c.State() != trunk.Up {
		t.Errorf("the call is %v", c.State())
	}
}

// The answer crosses our CANCEL: it is acknowledged and hung up, and no CANCEL goes out before something came back.
func TestAnswerThatCrossesCancelIsHungUp(t *testing.T) {
	d := dialPuppet(t, trunk.Dial{}, nil)
	invite := d.hears("INVITE")
	d.cancel()
	if err := soon(t, "the end of the dialling", d.err); !errors.Is(err, context.Canceled) {
		t.Errorf("dialling ended with %v", err)
	}
	d.silent("CANCEL", 150*time.Millisecond)
	d.reply(invite, "180 Ringing", "one", "", "")
	cancel := d.hears("CANCEL")
	if cancel.get("Via") != invite.get("Via") || cancel.get("CSeq") != strings.Replace(invite.get("CSeq"), "INVITE", "CANCEL", 1) {
		t.Errorf("the CANCEL does not fit the INVITE:\n%s", cancel.text)
	}
	d.reply(cancel, "200 OK", "one", "", "")
	d.reply(invite, "200 OK", "one", "", d.description(""))
	d.hears("ACK")
	d.reply(d.hears("BYE"), "200 OK", "", "", "")
	eventually(t, "no call is left", func() bool { return d.s.Calls() == 0 })
}

// What rings for too long is given up, with a CANCEL.
func TestCallThatRingsTooLongIsGivenUp(t *testing.T) {
	d := dialPuppet(t, trunk.Dial{Patience: 200 * time.Millisecond}, nil)
	invite := d.hears("INVITE")
	d.reply(invite, "180 Ringing", "one", "", "")
	cancel := d.hears("CANCEL")
	d.reply(cancel, "200 OK", "one", "", "")
	d.reply(invite, "487 Request Terminated", "one", "", "")
	d.hears("ACK")
	var failure *trunk.Failure
	if err := soon(t, "the end of the dialling", d.err); !errors.As(err, &failure) || failure.Status != 408 {
		t.Errorf("dialling ended with %v, want 408", err)
	}
}

// Who calls is told to the network, and hidden from whoever is called where that is wanted.
func TestCallerIDIsShownOrWithheld(t *testing.T) {
	for name, test := range map[string]struct {
		dial           trunk.Dial
		id             string
		from, identity string
		private        bool
	}{
		"shown":           {trunk.Dial{}, "+33142000000", "<sip:+33142000000@127.0.0.1>", "<sip:+33142000000@127.0.0.1>", false},
		"withheld":        {trunk.Dial{Anonymous: true}, "+33142000000", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "<sip:+33142000000@127.0.0.1>", true},
		"there is no one": {trunk.Dial{}, "", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := dialPuppet(t, test.dial, func(o *trunk.Options) { o.Trunks[0].CallerID = test.id })
			invite := d.hears("INVITE sip:119@")
			if from, _, _ := strings.Cut(invite.get("From"), ";tag="); from != test.from || invite.get("P-Asserted-Identity") != test.identity {
				t.Errorf("From is %q, P-Asserted-Identity %q", from, invite.get("P-Asserted-Identity"))
			}
			if (invite.get("Privacy") == "id") != test.private {
				t.Errorf("Privacy is %q", invite.get("Privacy"))
			}
			d.reply(invite, "486 Busy Here", "one", "", "")
			soon(t, "the refusal", d.err)
		})
	}
}

// An answer that cannot be agreed to is acknowledged and hung up at once.
func TestAnswerWithoutCommonCodecIsHungUp(t *testing.T) {
	d := dialPuppet(t, trunk.Dial{}, nil)
	invite := d.hears("INVITE")
	d.reply(invite, "200 OK", "one", "", "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 18\n")
	d.hears("ACK")
	d.reply(d.hears("BYE"), "200 OK", "", "", "")
	soon(t, "the error", d.err)
	eventually(t, "no call is left", func() bool { return d.s.Calls() == 0 })
}

// Only what the plan names may be called: the rest is never sent, and counted as toll fraud.
func TestNothingOutsideThePlanIsCalled(t *testing.T) {
	d := dialPuppet(t, trunk.Dial{}, nil)
	d.reply(d.hears("INVITE"), "486 Busy Here", "one", "", "")
	soon(t, "the refusal", d.err)
	for _, number := range []string{"", "+33899000000", "119@192.0.2.1", "119;phone-context=x", "119>", "118"} {
		if _, err := d.s.Dial(limit(t), trunk.Dial{Trunk: "out", To: number}); !errors.Is(err, trunk.ErrForbidden) {
			t.Errorf("calling %q: %v", number, err)
		}
	}
	counted(t, d.s, trunk.TollFraud, 6)
	d.silent("INVITE", 50*time.Millisecond)
}
