package trunk_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// needs skips a test whose counterpart is not on the machine, or fails it where skips are forbidden.
func needs(t *testing.T, program, from string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatalf("%s is missing, and VIGIE_FORBID_SKIPS is set (Debian: %s)", program, from)
	}
	t.Skipf("%s is missing (Debian: %s)", program, from)
}

// sippRun is one sipp with one scenario.
type sippRun struct {
	t        *testing.T
	scenario string
	dir      string
	port     int
	done     chan error
}

// sipp starts a scenario; with a remote it is the one that calls.
func sipp(t *testing.T, scenario string, remote netip.AddrPort, more ...string) *sippRun {
	t.Helper()
	needs(t, "sipp", "sip-tester")
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	r := &sippRun{t: t, scenario: scenario, dir: t.TempDir(), port: freeport.Port(), done: make(chan error, 1)}
	arguments := []string{"-sf", file, "-m", "1", "-nostdin", "-i", "127.0.0.1", "-p", fmt.Sprint(r.port),
		"-mp", fmt.Sprint(freeport.Row(6)), "-s", "+33800200000", "-timeout", "30s", "-timeout_error", "-recv_timeout", "15000",
		"-trace_err", "-error_file", filepath.Join(r.dir, "errors"), "-trace_msg", "-message_file", filepath.Join(r.dir, "messages")}
	arguments = append(arguments, more...)
	if remote.IsValid() {
		arguments = append(arguments, remote.String())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	t.Cleanup(cancel)
	run := exec.CommandContext(ctx, "sipp", arguments...)
	run.Dir = r.dir
	run.Env = append(os.Environ(), "TERM=dumb")
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- run.Wait() }()
	t.Cleanup(func() { run.Process.Kill() })
	if !remote.IsValid() {
		eventually(t, "sipp listens", func() bool {
			sockets, err := os.ReadFile("/proc/net/udp")
			if err != nil {
				time.Sleep(300 * time.Millisecond) // not Linux
			}
			return err != nil || strings.Contains(string(sockets), fmt.Sprintf(" 0100007F:%04X ", r.port))
		})
	}
	return r
}

// passes waits for the scenario's end and fails with sipp's own words if it did not go as written.
func (r *sippRun) passes() {
	r.t.Helper()
	select {
	case err := <-r.done:
		if err == nil {
			return
		}
		said, _ := os.ReadFile(filepath.Join(r.dir, "errors"))
		messages, _ := os.ReadFile(filepath.Join(r.dir, "messages"))
		r.t.Errorf("sipp %s: %v\n%s\n%s", r.scenario, err, said, tail(string(messages), 6000))
	case <-time.After(45 * time.Second):
		r.t.Errorf("sipp %s never ended", r.scenario)
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}

func (r *sippRun) address() string { return fmt.Sprintf("sip:127.0.0.1:%d", r.port) }

// number is the one that sipp's scenarios call.
const number = "+33800200000"

// sipp calls us in many ways, and each goes as the RFCs say.
func TestSippCallsUs(t *testing.T) {
	answer := func(c *trunk.Call) {
		c.Ring()
		c.Answer(context.Background())
	}
	for _, test := range []struct {
		scenario string
		// handle takes the call, change sets the server up, then looks at both when sipp is through.
		handle func(*trunk.Call)
		change func(*trunk.Options)
		then   func(*testing.T, *trunk.Server, *trunk.Call)
		end    trunk.End
	}{
		{scenario: "call", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"},
			then: func(t *testing.T, _ *trunk.Server, c *trunk.Call) {
				if c.Caller().Number != "+33612345678" || c.Called() != number {
					t.Errorf("%+v called %q", c.Caller(), c.Called())
				}
			}},
		{scenario: "called_off", handle: func(c *trunk.Call) {
			answer(c)
			c.Hangup(context.Background(), "done")
		}, end: trunk.End{By: trunk.Us, Reason: "done"}},
		{scenario: "cancel_trying", handle: func(*trunk.Call) {}, end: trunk.End{By: trunk.Them, Status: 487, Reason: "cancelled"}},
		{scenario: "cancel_ringing", handle: func(c *trunk.Call) { c.Ring() }, end: trunk.End{By: trunk.Them, Status: 487, Reason: "cancelled"}},
		{scenario: "cancel_late", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "busy", handle: func(c *trunk.Call) { c.Refuse(486) }, end: trunk.End{By: trunk.Us, Status: 486, Reason: "refused"}},
		{scenario: "hold", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"},
			then: func(t *testing.T, _ *trunk.Server, c *trunk.Call) {
				if a := agreedOn(c); !a.Held || a.Remote.IsValid() || a.Direction != sdp.RecvOnly {
					t.Errorf("held by 0.0.0.0, the line was told %+v", a)
				}
				if _, n := c.Line().(*quietLine).last(); n != 4 || !c.Held() {
					t.Errorf("the line was told %d times, want 4; held is %v", n, c.Held())
				}
			}},
		{scenario: "update", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"},
			then: func(t *testing.T, _ *trunk.Server, c *trunk.Call) {
				if a := agreedOn(c); a.Codec != audio.PCMU || a.Remote.Port() != 40404 {
					t.Errorf("after an UPDATE the line was told %+v, want PCMU and port 40404", a)
				}
			}},
		{scenario: "lost_ack", handle: answer, change: quick, end: trunk.End{By: trunk.Network, Status: 408, Reason: "unacknowledged"},
			then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Unacknowledged, 1) }},
		{scenario: "bye_race", handle: func(c *trunk.Call) {
			answer(c)
			c.Hangup(context.Background(), "done")
		}, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "late_offer", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"},
			then: func(t *testing.T, _ *trunk.Server, c *trunk.Call) {
				if a := agreedOn(c); a.Codec != audio.PCMU || !a.Remote.IsValid() {
					t.Errorf("the answer in the ACK made %+v, want PCMU", a)
				}
			}},
		{scenario: "require_100rel", handle: func(c *trunk.Call) {
			c.Ring()
			c.Progress()
			c.Answer(context.Background())
		}, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "never_pracked", handle: func(c *trunk.Call) { c.Ring() }, change: quick, end: trunk.End{By: trunk.Network, Status: 504, Reason: "unacknowledged"}},
		{scenario: "session_theirs", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "session_ours", handle: answer, change: shortSessions, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "session_expired", handle: answer, change: shortSessions, end: trunk.End{By: trunk.Network, Status: 408, Reason: "expired"}},
		{scenario: "session_short", then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Interval, 1) }},
		{scenario: "refer", handle: func(c *trunk.Call) {
			c.OnRefer(func(r *trunk.Refer) trunk.Verdict {
				if r.Target != "119" {
					return trunk.Forbid
				}
				r.Report(180) // told after the 202 and the 100
				r.Report(200)
				return trunk.Accept
			})
			answer(c)
		}, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "refer_fraud", handle: func(c *trunk.Call) {
			c.OnRefer(func(*trunk.Refer) trunk.Verdict { panic("a number outside the plan got to whoever decides") })
			answer(c)
		}, end: trunk.End{By: trunk.Them, Reason: "bye"}, then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.TollFraud, 1) }},
		{scenario: "credentials", handle: answer, change: challenging, end: trunk.End{By: trunk.Them, Reason: "bye"},
			then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Credentials, 0) }},
		{scenario: "wrong_credentials", change: challenging, then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Credentials, 1) }},
		{scenario: "g729", then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Codec, 1) }},
		{scenario: "dtmf96", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"},
			then: func(t *testing.T, _ *trunk.Server, c *trunk.Call) {
				if a := agreedOn(c); !a.HasEvent || a.EventReceive != 96 || a.EventSend != 96 {
					t.Errorf("keys are %+v, want type 96", a)
				}
			}},
		{scenario: "video", handle: answer, end: trunk.End{By: trunk.Them, Reason: "bye"}},
		{scenario: "unknown_require", then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Extension, 1) }},
		{scenario: "info", handle: func(c *trunk.Call) {
			c.OnDigit(func(d trunk.Digit) {
				if d != (trunk.Digit{Key: '5', Lasted: 160 * time.Millisecond}) {
					panic("another key")
				}
			})
			answer(c)
		}, end: trunk.End{By: trunk.Them, Reason: "bye"}, then: func(t *testing.T, s *trunk.Server, _ *trunk.Call) { counted(t, s, trunk.Type, 1) }},
		{scenario: "glare", handle: func(c *trunk.Call) {
			answer(c)
			c.Hold(context.Background(), true)
		}, end: trunk.End{By: trunk.Them, Reason: "bye"}},
	} {
		t.Run(test.scenario, func(t *testing.T) {
			t.Parallel()
			s := server(t, func(o *trunk.Options) {
				o.Trunks[0].Plan = trunk.Plan{Numbers: []string{"119"}}
				if test.change != nil {
					test.change(o)
				}
			})
			calls := make(chan *trunk.Call, 4)
			s.Incoming(func(c *trunk.Call) {
				calls <- c
				if test.handle == nil {
					t.Error("a call got through")
					c.Refuse(480)
					return
				}
				test.handle(c)
			})
			sipp(t, test.scenario, s.Addr("udp")).passes()
			var c *trunk.Call
			if test.handle != nil {
				c = soon(t, "the call", calls)
				soon(t, "the end of the call", c.Done())
				if c.End() != test.end {
					t.Errorf("it ended with %+v, want %+v", c.End(), test.end)
				}
				if line := c.Line().(*quietLine); line.closed != 1 {
					t.Errorf("its line was closed %d times", line.closed)
				}
			}
			if test.then != nil {
				test.then(t, s, c)
			}
			eventually(t, "no call is left", func() bool { return s.Calls() == 0 })
		})
	}
}

// quick makes what waits 32 seconds wait 1.3.
func quick(o *trunk.Options) { o.T1, o.T2 = 20*time.Millisecond, 200*time.Millisecond }

// shortSessions takes intervals that no network would.
func shortSessions(o *trunk.Options) { o.MinSession = time.Second }

func challenging(o *trunk.Options) {
	o.Trunks[0].Challenge, o.Trunks[0].User, o.Trunks[0].Password = true, "trunk", "secret"
	o.Trunks[0].Algorithms = []string{"MD5"} // all that sipp knows
}

func counted(t *testing.T, s *trunk.Server, kind trunk.Refusal, want uint64) {
	t.Helper()
	if got := s.Refused(kind); got != want {
		t.Errorf("%v was counted %d times, want %d", kind, got, want)
	}
}

// We call sipp, which answers in many ways.
func TestWeCallSipp(t *testing.T) {
	hangUp := func(t *testing.T, c *trunk.Call, err error) {
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		if err := c.Hangup(limit(t), "done"); err != nil {
			t.Error(err)
		}
	}
	refused := func(status int) func(*testing.T, *trunk.Call, error) {
		return func(t *testing.T, _ *trunk.Call, err error) {
			var failure *trunk.Failure
			if !errors.As(err, &failure) || failure.Status != status {
				t.Errorf("refused with %v, want %d", err, status)
			}
		}
	}
	for _, test := range []struct {
		scenario string
		change   func(*trunk.Trunk)
		then     func(*testing.T, *trunk.Call, error)
	}{
		{"uas", func(l *trunk.Trunk) { l.CallerID = "+33142000000" }, hangUp},
		{"uas_bye", nil, func(t *testing.T, c *trunk.Call, err error) {
			if err != nil {
				t.Fatal(err)
			}
			soon(t, "the end", c.Done())
			if c.End().By != trunk.Them {
				t.Errorf("ended with %+v", c.End())
			}
		}},
		{"uas_busy", nil, refused(486)},
		{"uas_challenge", nil, hangUp},
		{"uas_challenge_sha256", nil, hangUp},
		{"uas_always_challenges", nil, refused(407)},
		{"uas_redirect", nil, hangUp},
		{"uas_redirect_away", nil, refused(302)},
		{"uas_422", func(l *trunk.Trunk) { l.SessionExpires = 90 * time.Second }, hangUp},
		{"uas_glare", nil, func(t *testing.T, c *trunk.Call, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Hold(limit(t), true); err != nil {
				t.Errorf("holding after a glare: %v", err)
			}
			hangUp(t, c, nil)
		}},
		{"uas_refer", nil, func(t *testing.T, c *trunk.Call, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Refer(limit(t), "+33899000000"); !errors.Is(err, trunk.ErrForbidden) {
				t.Errorf("a transfer outside the plan: %v", err)
			}
			if err := c.Refer(limit(t), "+33800200000"); err != nil {
				t.Errorf("a transfer: %v", err)
			}
			hangUp(t, c, nil)
		}},
		{"uas_refers", nil, func(t *testing.T, c *trunk.Call, err error) {
			if err != nil {
				t.Fatal(err)
			}
			passesOn(t, c, 200)
		}},
		{"uas_refers_busy", nil, func(t *testing.T, c *trunk.Call, err error) {
			if err != nil {
				t.Fatal(err)
			}
			passesOn(t, c, 486)
		}},
		{"uas_refers_away", func(l *trunk.Trunk) { l.Plan.Prefixes = []string{"+33"} }, func(t *testing.T, c *trunk.Call, err error) {
			if err != nil {
				t.Fatal(err)
			}
			asked := make(chan *trunk.Refer, 4)
			c.OnRefer(func(r *trunk.Refer) trunk.Verdict {
				asked <- r
				return trunk.Decline
			})
			if r := soon(t, "a transfer", asked); r.Target != "+33800200000" || r.Replaces == "" {
				t.Errorf("whoever decides is asked for %+v", r)
			}
			time.Sleep(100 * time.Millisecond)
			hangUp(t, c, nil)
			if len(asked) != 0 {
				t.Error("a number without a name got to whoever decides")
			}
		}},
	} {
		t.Run(test.scenario, func(t *testing.T) {
			t.Parallel()
			peer := sipp(t, test.scenario, netip.AddrPort{})
			s := server(t, func(o *trunk.Options) {
				l := trunk.Trunk{Name: "out", Peers: loopback, Proxy: peer.address(), User: "trunk", Password: "secret",
					Plan: trunk.Plan{Numbers: []string{"119", "+33800200000"}}}
				if test.change != nil {
					test.change(&l)
				}
				o.Trunks[0] = l
			})
			c, err := s.Dial(limit(t), trunk.Dial{Trunk: "out", To: "119", Anonymous: true})
			test.then(t, c, err)
			peer.passes()
			eventually(t, "no call is left", func() bool { return s.Calls() == 0 })
		})
	}
}

// passesOn takes the transfer that is asked for, and reports that it rings and how it ends; then the call is hung up.
func passesOn(t *testing.T, c *trunk.Call, status int) {
	t.Helper()
	asked := make(chan *trunk.Refer, 1)
	c.OnRefer(func(r *trunk.Refer) trunk.Verdict {
		if status < 300 {
			r.Report(180) // told after the 202 and the 100
		}
		asked <- r
		return trunk.Accept
	})
	r := soon(t, "the transfer", asked)
	if r.Target != "+33800200000" || r.Replaces != "" {
		t.Errorf("it is asked for %+v", r)
	}
	soon(t, "the end of the transfer is told", r.Report(status))
	soon(t, "what is reported after the end", r.Report(200))
	if err := c.Hangup(limit(t), "done"); err != nil {
		t.Error(err)
	}
}

// A trunk is asked whether it lives and says so; we register with a digest, and give it back at the end.
func TestTrunkIsKeptAlive(t *testing.T) {
	t.Run("OPTIONS", func(t *testing.T) {
		peer := sipp(t, "uas_options", netip.AddrPort{})
		s := server(t, func(o *trunk.Options) {
			o.Patience = 200 * time.Millisecond
			o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Proxy: peer.address(), Options: 300 * time.Millisecond}
			quick(o)
		})
		peer.passes()
		// sipp went away after one answer.
		eventually(t, "the trunk is not healthy", func() bool { return !s.Healthy("out") })
	})
	t.Run("REGISTER", func(t *testing.T) {
		peer := sipp(t, "uas_register", netip.AddrPort{})
		s := server(t, func(o *trunk.Options) {
			o.T1 = time.Second // sipp takes a REGISTER that comes again for the next one
			o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Proxy: peer.address(), Register: true, User: "trunk", Password: "secret"}
		})
		eventually(t, "the trunk is registered", func() bool { return s.Healthy("out") })
		s.Close()
		peer.passes()
	})
}

// The same call goes over TCP.
func TestSippCallsUsOverTCP(t *testing.T) {
	s := server(t, func(o *trunk.Options) { o.Listen = append(o.Listen, "tcp:127.0.0.1:0") })
	answering(s)
	sipp(t, "call", s.Addr("tcp"), "-t", "t1").passes()
}
