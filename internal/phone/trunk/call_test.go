package trunk_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// A call is made, answered, and hung up by either side; both lines know the same codec and each other's address,
// and are closed at the end.
func TestCallIsMadeAnsweredAndHungUp(t *testing.T) {
	for _, who := range []string{"caller", "callee"} {
		t.Run(who, func(t *testing.T) {
			theirs, ours := talking(t)
			a, b := agreedOn(theirs), agreedOn(ours)
			if a.Codec != audio.PCMA || b.Codec != audio.PCMA || !a.HasEvent || !b.HasEvent {
				t.Errorf("agreed on %+v and %+v, want PCMA with keys", a, b)
			}
			if a.Remote != ours.Line().Local() || b.Remote != theirs.Line().Local() {
				t.Errorf("the lines send to %v and %v, want each other", a.Remote, b.Remote)
			}
			if got := theirs.Caller(); got != (trunk.Caller{Number: "+33612345678"}) || theirs.Called() != "119" {
				t.Errorf("calls %+v to %q", got, theirs.Called())
			}
			first, second := ours, theirs
			if who == "callee" {
				first, second = theirs, ours
			}
			if err := first.Hangup(limit(t), "bye"); err != nil {
				t.Fatal(err)
			}
			soon(t, "the end", second.Done())
			if first.End().By != trunk.Us || second.End().By != trunk.Them {
				t.Errorf("ended by %v and %v", first.End(), second.End())
			}
			for _, c := range []*trunk.Call{first, second} {
				if n := c.Line().(*quietLine).closed; n != 1 {
					t.Errorf("a line was closed %d times, want once", n)
				}
			}
		})
	}
}

// A caller who hangs up while it rings ends the call on both sides.
func TestCallerCancelsWhileItRings(t *testing.T) {
	callee := server(t, nil)
	ringing := make(chan *trunk.Call, 1)
	callee.Incoming(func(c *trunk.Call) {
		c.Ring()
		ringing <- c
	})
	ctx, cancel := context.WithCancel(limit(t))
	result := make(chan error, 1)
	out := caller(t, callee, nil)
	go func() {
		_, err := out.Dial(ctx, trunk.Dial{Trunk: "out", To: "119", Ringing: func(*trunk.Call, bool) { cancel() }})
		result <- err
	}()
	c := soon(t, "the call", ringing)
	if err := soon(t, "the end of the dialling", result); !errors.Is(err, context.Canceled) {
		t.Errorf("dialling ended with %v", err)
	}
	soon(t, "the end of the call", c.Done())
	if end := c.End(); end.By != trunk.Them || end.Reason != "cancelled" {
		t.Errorf("the call ended with %+v", end)
	}
	if err := c.Answer(limit(t)); !errors.Is(err, trunk.ErrOver) {
		t.Errorf("answering a cancelled call: %v", err)
	}
	eventually(t, "nothing is left", func() bool { return out.Calls() == 0 && callee.Calls() == 0 })
}

// A refusal comes back as its status, and a draining server sends calls elsewhere.
func TestCallIsRefused(t *testing.T) {
	callee := server(t, nil)
	callee.Incoming(func(c *trunk.Call) { c.Refuse(486) })
	out := caller(t, callee, nil)
	var failure *trunk.Failure
	if _, err := out.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"}); !errors.As(err, &failure) || failure.Status != 486 {
		t.Errorf("refused with %v, want 486", err)
	}
	callee.Drain()
	if _, err := out.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"}); !errors.As(err, &failure) || failure.Status != 503 || failure.RetryAfter != 30 {
		t.Errorf("a draining server refused with %v, want 503 and 30 s", err)
	}
	// The trunk asked to be left alone, so it is.
	before := callee.Refused(trunk.Draining)
	if _, err := out.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"}); !errors.As(err, &failure) || failure.RetryAfter == 0 {
		t.Errorf("the next call: %v, want Retry-After", err)
	}
	if callee.Refused(trunk.Draining) != before {
		t.Error("the trunk was asked again at once")
	}
}

// Either side holds the other one and takes it back; the line of the one on hold knows that it only listens.
func TestHoldBothWays(t *testing.T) {
	theirs, ours := talking(t)
	for name, pair := range map[string][2]*trunk.Call{"the caller holds": {ours, theirs}, "the callee holds": {theirs, ours}} {
		t.Run(name, func(t *testing.T) {
			held := make(chan bool, 4)
			pair[1].OnHold(func(h bool) { held <- h })
			if err := pair[0].Hold(limit(t), true); err != nil {
				t.Fatal(err)
			}
			if !soon(t, "being held", held) || !pair[1].Held() {
				t.Error("the other side is not told that it is held")
			}
			if a, b := agreedOn(pair[0]).Direction, agreedOn(pair[1]).Direction; a != sdp.SendOnly || b != sdp.RecvOnly {
				t.Errorf("directions %v and %v, want sendonly and recvonly", a, b)
			}
			if err := pair[0].Hold(limit(t), false); err != nil {
				t.Fatal(err)
			}
			if soon(t, "being taken back", held) {
				t.Error("the other side is still held")
			}
			if a, b := agreedOn(pair[0]).Direction, agreedOn(pair[1]).Direction; a != sdp.SendRecv || b != sdp.SendRecv {
				t.Errorf("directions %v and %v, want sendrecv", a, b)
			}
		})
	}
}

// A trunk that answers nothing fails a call in the time that was set, with its own error and counter.
func TestSilentTrunkFailsInBoundedTime(t *testing.T) {
	out := server(t, func(o *trunk.Options) {
		o.Patience = 300 * time.Millisecond
		o.Trunks[0].Proxy = "sip:" + netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), deafPort(t)).String()
		o.Trunks[0].Plan.Numbers = []string{"119"}
	})
	begin := time.Now()
	if _, err := out.Dial(limit(t), trunk.Dial{Trunk: "national", To: "119"}); !errors.Is(err, trunk.ErrSilent) {
		t.Errorf("dialling a silent trunk: %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if out.Refused(trunk.Silent) != 1 || out.Healthy("national") || out.Calls() != 0 {
		t.Error("a silent trunk is not counted, or healthy still, or its call goes on")
	}
}
