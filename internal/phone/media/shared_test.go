package media_test

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

func share(t testing.TB) *media.Shared {
	t.Helper()
	shared, err := media.OpenShared(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	return shared
}

// seated is a line on a shared port with a telephone.
func seated(t testing.TB, shared *media.Shared, id string, freq float64, change ...func(*media.Remote)) (*media.Line, *mediatest.Phone) {
	t.Helper()
	line, err := media.Open(media.Options{ID: id, Shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = line.Close() })
	phone := mediatest.Dial(t, audio.PCMA, freq)
	remote := terms(phone, audio.PCMA)
	for _, f := range change {
		f(&remote)
	}
	if err := line.Configure(remote); err != nil {
		t.Fatal(err)
	}
	phone.Talk(line.Local())
	return line, phone
}

// Many calls share a port: each hears its own other party, strangers and garbage move none.
func TestCallsOnOnePortHearTheirOwn(t *testing.T) {
	t.Parallel()
	shared := share(t)
	type pair struct{ a, b *mediatest.Phone }
	var calls []pair
	for i := range 8 {
		room := media.NewRoom()
		defer room.Close()
		a, phoneA := seated(t, shared, "a", 300+float64(i)*100)
		b, phoneB := seated(t, shared, "b", 1300+float64(i)*100)
		for _, leg := range []media.Leg{a, b} {
			if err := room.Add(leg); err != nil {
				t.Fatal(err)
			}
		}
		room.Set(media.Matrix{"a": {"b"}, "b": {"a"}})
		calls = append(calls, pair{phoneA, phoneB})
	}
	stranger := mediatest.Dial(t, audio.PCMA, 2500)
	stranger.Talk(shared.Local())
	for i := range 100 {
		b := make([]byte, i*3)
		_, _ = rand.Read(b)
		stranger.Throw(shared.Local(), b)
	}
	time.Sleep(settleTime)
	for _, c := range calls {
		c.a.Forget()
		c.b.Forget()
	}
	time.Sleep(window + 60*time.Millisecond)
	for i, c := range calls {
		for j := range calls {
			a, b := audio.Goertzel(first(c.b.Sound()), 300+float64(j)*100), audio.Goertzel(first(c.a.Sound()), 1300+float64(j)*100)
			if j == i && (a < loud || b < loud) || j != i && (a > quiet || b > quiet) {
				t.Errorf("call %d hears the parties of call %d at %.3f and %.3f", i, j, a, b)
			}
		}
	}
	if n := len(stranger.Packets()); n > 0 || shared.Strangers() < 100 {
		t.Errorf("the stranger received %d packets, %d datagrams belonged to no line", n, shared.Strangers())
	}
}

// Two calls from one address are told apart by the SSRC that signalling said; where it said none the second is
// refused, rather than that one might hear the other.
func TestCallsFromOneAddress(t *testing.T) {
	t.Parallel()
	shared := share(t)
	phone := mediatest.Dial(t, audio.PCMA, 440)
	open := func(id string, ssrc uint32) (*media.Line, error) {
		line, err := media.Open(media.Options{ID: id, Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = line.Close() })
		remote := terms(phone, audio.PCMA)
		remote.SSRC = ssrc
		return line, line.Configure(remote)
	}
	first, err := open("first", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open("unnamed", 0); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second call that is not told apart: %v", err)
	}
	second, err := open("second", 440<<8)
	if err != nil {
		t.Fatal(err)
	}
	phone.Talk(shared.Local())
	eventually(t, "the second is heard", func() bool { return second.Quality().Received > 5 })
	if n := first.Quality().Received; n != 0 {
		t.Errorf("the first received %d packets of the second", n)
	}
	_ = first.Close()
	_ = second.Close()
	if _, err := open("third", 0); err != nil {
		t.Errorf("after both ended: %v", err)
	}
}

// On a shared port the caller is found elsewhere only by her SSRC.
func TestCallerOnSharedPortIsFoundByHerSSRC(t *testing.T) {
	t.Parallel()
	shared := share(t)
	elsewhere := func(r *media.Remote) {
		r.RTP, r.Latch, r.SSRC = netip.MustParseAddrPort("127.0.0.1:9"), loopback, 440<<8
	}
	line, phone := seated(t, shared, "caller", 440, elsewhere)
	hearing(t, line)
	stranger := mediatest.Dial(t, audio.PCMA, 900)
	stranger.Talk(shared.Local())
	eventually(t, "the caller is found", func() bool { return len(phone.Packets()) > 5 })
	if len(stranger.Packets()) > 0 {
		t.Error("a stranger received the sound")
	}
}

// A thousand lines that came and went leave nothing behind.
func TestClosedSeatsLeaveNothing(t *testing.T) {
	shared := share(t)
	before := runtime.NumGoroutine()
	for i := range 1000 {
		line, err := media.Open(media.Options{ID: fmt.Sprint(i), Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		if err := line.Configure(media.Remote{RTP: netip.MustParseAddrPort("127.0.0.1:9"), Codec: audio.PCMA, PayloadType: 8, Mux: true}); err != nil {
			t.Fatal(err)
		}
		_ = line.Close()
	}
	eventually(t, "their goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+3 })
}
