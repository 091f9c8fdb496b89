package trunkline_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
	"vigie/internal/phone/trunk"
	"vigie/internal/phone/trunkline"
)

var (
	_        trunk.MediaLine = (*trunkline.Line)(nil)
	loopback                 = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
)

// house is a server whose calls are answered and put into a room with a probe that says 880 Hz.
type house struct {
	*trunk.Server
	calls chan talk
}

type talk struct {
	call  *trunk.Call
	probe *mediatest.Probe
	line  *trunkline.Line
}

// open opens a server; change may set its trunk.
func open(t *testing.T, change func(*trunk.Trunk)) *house {
	t.Helper()
	h := &house{calls: make(chan talk, 4)}
	peer := trunk.Trunk{Name: "national", Peers: loopback, MediaPeers: loopback}
	if change != nil {
		change(&peer)
	}
	s, err := trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Trunks: []trunk.Trunk{peer}, Leave: 200 * time.Millisecond,
		Media: func(t trunk.Trunk) (trunk.MediaLine, error) { return trunkline.Open(t, media.Options{ID: "caller"}) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h.Server = s
	s.Incoming(func(c *trunk.Call) {
		c.Ring()
		if err := c.Answer(context.Background()); err == nil {
			h.calls <- h.join(t, c)
		}
	})
	return h
}

// join puts a call into a room.
func (h *house) join(t *testing.T, c *trunk.Call) talk {
	room := media.NewRoom()
	line := c.Line().(*trunkline.Line)
	probe := mediatest.NewProbe("counsellor", audio.PCMA, 880)
	for _, leg := range []media.Leg{line, probe} {
		if err := room.Add(leg); err != nil {
			t.Error(err)
		}
	}
	room.Set(media.Matrix{"caller": {"counsellor"}, "counsellor": {"caller"}})
	t.Cleanup(func() { room.Close() })
	return talk{c, probe, line}
}

func next(t *testing.T, calls <-chan talk) talk {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("no call came")
		panic("unreachable")
	}
}

// hears fails unless within a few seconds the probe hears this tone as loud as it is said, and not the other.
func (c talk) hears(t *testing.T, freq, other float64) {
	t.Helper()
	var is, isNot float64
	for range 100 {
		if sound := c.probe.Sound("caller"); len(sound) >= audio.Rate {
			sound = sound[len(sound)-audio.Rate/2:]
			if is, isNot = audio.Goertzel(sound, freq), audio.Goertzel(sound, other); is > 0.9*mediatest.Loudness && isNot < 0.01 {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%v Hz is heard at %.3f (said at %.2f), %v Hz at %.3f", freq, is, mediatest.Loudness, other, isNot)
}

// sipp runs a scenario that calls the server.
func sipp(t *testing.T, scenario string, to netip.AddrPort, dir string, more ...string) (stop func()) {
	t.Helper()
	if _, err := exec.LookPath("sipp"); err != nil {
		if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
			t.Fatal("sipp is missing, and VIGIE_FORBID_SKIPS is set (Debian: sip-tester)")
		}
		t.Skip("sipp is missing (Debian: sip-tester)")
	}
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command("sipp", append([]string{"-sf", file, "-m", "1", "-nostdin", "-i", "127.0.0.1", "-p", fmt.Sprint(freeport.Port()), "-s", "119",
		"-mp", fmt.Sprint(freeport.Row(6)), "-timeout", "30s"}, append(more, to.String())...)...)
	run.Dir, run.Env = dir, append(os.Environ(), "TERM=dumb")
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		run.Process.Kill()
		run.Wait()
	}
}

// What sipp plays is heard in the room of its call, as loud as it was.
func TestSippIsHeard(t *testing.T) {
	h := open(t, nil)
	dir := t.TempDir()
	tone := audio.NewClip(audio.Sine(440, mediatest.Loudness, 10*time.Second)).Encoded(audio.PCMA)
	if err := os.WriteFile(filepath.Join(dir, "tone.alaw"), tone, 0o600); err != nil {
		t.Fatal(err)
	}
	defer sipp(t, "play", h.Addr("udp"), dir)()
	next(t, h.calls).hears(t, 440, 880)
}

// What is said in the room comes to sipp, which sends it back.
func TestSippHears(t *testing.T) {
	h := open(t, nil)
	defer sipp(t, "listen", h.Addr("udp"), t.TempDir(), "-rtp_echo")()
	next(t, h.calls).hears(t, 880, 440)
}

// Two servers call one another: both ends hear each other, in the clear and by SRTP, and nothing while one of them
// holds the other.
func TestCallBetweenServersSounds(t *testing.T) {
	for _, security := range []string{"off", "required"} {
		t.Run("SRTP "+security, func(t *testing.T) {
			callee := open(t, func(l *trunk.Trunk) { l.SRTP = security })
			out := open(t, func(l *trunk.Trunk) {
				l.SRTP, l.Proxy, l.Plan.Numbers = security, "sip:"+callee.Addr("udp").String(), []string{"119"}
			})
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			c, err := out.Dial(ctx, trunk.Dial{Trunk: "national", To: "119"})
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := out.join(t, c), next(t, callee.calls)
			ours.hears(t, 880, 440)
			theirs.hears(t, 880, 440)
			if err := c.Hold(ctx, true); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
			ours.probe.Forget()
			time.Sleep(300 * time.Millisecond)
			if n := len(ours.probe.Sound("caller")); n != 0 {
				t.Errorf("%d samples were heard of somebody on hold", n)
			}
			if err := c.Hold(ctx, false); err != nil {
				t.Fatal(err)
			}
			ours.probe.Forget()
			ours.hears(t, 880, 440)
		})
	}
}
