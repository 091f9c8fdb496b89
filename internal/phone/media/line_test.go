package media_test

import (
	"crypto/rand"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

// loopback is the whole of 127.0.0.0/8, as a trunk's allow-list.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 150 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s: not after 3 s", what)
}

// hearing is a room in which a probe hears a line and the line the probe.
func hearing(t *testing.T, line *media.Line) *mediatest.Probe {
	t.Helper()
	room := media.NewRoom()
	t.Cleanup(func() { _ = room.Close() })
	probe := mediatest.NewProbe("counsellor", audio.PCMA, cast[media.Counsellor])
	for _, leg := range []media.Leg{line, probe} {
		if err := room.Add(leg); err != nil {
			t.Fatal(err)
		}
	}
	room.Set(media.Matrix{line.ID(): {"counsellor"}, "counsellor": {line.ID()}})
	return probe
}

// Strangers and garbage on the RTP port move nothing: the caller is heard and hears, they get nothing, and
// each of their datagrams is counted.
func TestStrangersAndGarbageMoveNothing(t *testing.T) {
	t.Parallel()
	for name, latch := range map[string][]netip.Prefix{"exactly the address": nil, "found by its sound": loopback} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, phone := connect(t, "caller", audio.PCMA, cast[media.Caller], func(r *media.Remote) { r.Latch = latch })
			probe := hearing(t, line)
			eventually(t, "the caller is heard", func() bool { return len(probe.Sound("caller")) > 0 })
			stranger := mediatest.Dial(t, audio.PCMA, cast[media.Outside])
			stranger.Talk(line.Local())
			for i := range 200 {
				if i%20 == 19 {
					time.Sleep(5 * time.Millisecond) // the kernel keeps no more than this for a port
				}
				b := make([]byte, 1+len(probe.Sound("caller"))%300)
				_, _ = rand.Read(b)
				stranger.Throw(line.Local(), b)
				phone.Throw(line.Local(), b[:min(len(b), 11)]) // too short to be RTP, from the right address
			}
			time.Sleep(settleTime)
			probe.Forget()
			phone.Forget()
			time.Sleep(window + 40*time.Millisecond)
			tones(t, "the counsellor", first(probe.Sound("caller")), media.Caller)
			tones(t, "the caller", first(phone.Sound()), media.Counsellor)
			if n := len(stranger.Packets()); n != 0 {
				t.Errorf("the stranger received %d packets", n)
			}
			if q := line.Quality(); q.Refused < 350 {
				t.Errorf("%d datagrams were refused", q.Refused)
			}
		})
	}
}

// Behind a translator of addresses the caller is found where her first packet comes from; somebody else takes
// her place only when she is silent for two seconds, and only from inside the trunk's networks.
func TestCallerIsFoundWhereSheSendsFrom(t *testing.T) {
	t.Parallel()
	elsewhere := func(r *media.Remote) {
		r.RTP = netip.MustParseAddrPort("127.0.0.1:9") // what her own network calls her
		r.Latch = loopback
	}
	line, phone := connect(t, "caller", audio.PCMA, cast[media.Caller], elsewhere)
	hearing(t, line)
	eventually(t, "the caller is found", func() bool { return len(phone.Packets()) > 5 })
	moved := mediatest.Dial(t, audio.PCMA, cast[media.Outside])
	moved.Talk(line.Local())
	time.Sleep(settleTime)
	if len(moved.Packets()) != 0 {
		t.Fatal("another took over while the caller speaks")
	}
	phone.Hush()
	hushed := time.Now()
	eventually(t, "the caller is found again", func() bool { return len(moved.Packets()) > 0 })
	if after := time.Since(hushed); after < 1900*time.Millisecond {
		t.Errorf("another took over after %v of silence", after)
	}
	phone.Talk(line.Local())
	time.Sleep(settleTime)
	phone.Forget()
	time.Sleep(settleTime)
	if len(phone.Packets()) != 0 {
		t.Error("who comes back while another speaks got the sound")
	}
}

// Whoever sends from where signalling said has the line at once, whoever sent to it before: a call that went down with
// another process goes on sending to what is another's port by now.
func TestTheSignalledAddressComesFirst(t *testing.T) {
	t.Parallel()
	line, phone := connect(t, "caller", audio.PCMA, cast[media.Caller], func(r *media.Remote) { r.Latch = loopback })
	probe := hearing(t, line)
	eventually(t, "the caller is heard", func() bool { return len(probe.Sound("caller")) > 0 })
	ghost := mediatest.Dial(t, audio.PCMA, cast[media.Outside])
	ghost.Talk(line.Local())
	phone.Hush()
	eventually(t, "another is taken for her while she is silent", func() bool { return len(ghost.Packets()) > 0 })
	phone.Talk(line.Local())
	time.Sleep(settleTime)
	probe.Forget()
	phone.Forget()
	ghost.Forget()
	time.Sleep(window + 40*time.Millisecond)
	tones(t, "the counsellor", first(probe.Sound("caller")), media.Caller)
	tones(t, "the caller", first(phone.Sound()), media.Counsellor)
	if n := len(ghost.Packets()); n != 0 {
		t.Errorf("the other one still received %d packets", n)
	}
}

// Networks that are not the trunk's are never listened to, however long the caller is silent.
func TestForeignNetworkIsNeverFound(t *testing.T) {
	t.Parallel()
	line, phone := connect(t, "caller", audio.PCMA, cast[media.Caller], func(r *media.Remote) {
		r.RTP = netip.MustParseAddrPort("127.0.0.1:9")
		r.Latch = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	hearing(t, line)
	time.Sleep(settleTime)
	if len(phone.Packets()) != 0 || line.Quality().Received != 0 {
		t.Error("a stranger was taken for the caller")
	}
}

// A stream that begins again under another SSRC is heard, and is sent on as one that goes on.
func TestStreamThatBeginsAgainGoesOn(t *testing.T) {
	t.Parallel()
	c := ring(t, nil, media.Caller, media.Counsellor)
	c.mode(media.Talking)
	time.Sleep(settleTime)
	listener := c.phones[media.Counsellor]
	listener.Forget()
	time.Sleep(100 * time.Millisecond)
	c.phones[media.Caller].Restart(4711)
	time.Sleep(500 * time.Millisecond)
	whole(t, listener, 130*time.Millisecond) // 60 ms until the first SSRC counts as gone
}

// whole checks that a telephone received one stream: one SSRC, each sequence number following on the one
// before, timestamps that never go back, and never so long without a packet, but
// for what the machine itself slept.
func whole(t *testing.T, phone *mediatest.Phone, longest time.Duration) {
	t.Helper()
	packets := phone.Packets()
	if len(packets) < 10 {
		t.Fatalf("%d packets only", len(packets))
	}
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if a.SSRC != b.SSRC {
			t.Errorf("packet %d has another SSRC", i)
		}
		if b.SequenceNumber != a.SequenceNumber+1 {
			t.Errorf("packet %d: number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		}
		if step := int32(b.Timestamp - a.Timestamp); step < int32(len(a.Payload)) {
			t.Errorf("packet %d: %d samples after a packet of %d", i, step, len(a.Payload))
		}
	}
	if gap := phone.Gap(); gap > longest+2*phone.Slip() {
		t.Errorf("nothing for %v", gap)
	}
}

// While music, a voice and another voice take turns, the caller receives one stream without a hole, in which
// each change bears a marker.
func TestChangeOfSpeakerIsOneStream(t *testing.T) {
	t.Parallel()
	c := ring(t, map[media.Part]audio.Codec{media.Caller: audio.PCMU}, media.Caller, media.Counsellor)
	caller := c.phones[media.Caller]
	c.mode(media.Waiting)
	time.Sleep(settleTime)
	caller.Forget()
	for range 3 {
		c.mode(media.Talking)
		time.Sleep(200 * time.Millisecond)
		c.mode(media.Holding)
		time.Sleep(200 * time.Millisecond)
	}
	whole(t, caller, 60*time.Millisecond)
	markers := 0
	for _, p := range caller.Packets() {
		if p.Marker {
			markers++
		}
	}
	if markers != 6 {
		t.Errorf("%d markers for six changes", markers)
	}
}

// What was lost on the way to us is a hole of the same size on the way out; what came out of order goes out
// so, and what came twice goes out once.
func TestHolesAndOrderArePassedThrough(t *testing.T) {
	t.Parallel()
	room := media.NewRoom()
	defer room.Close()
	line, phone := connect(t, "caller", audio.PCMA, 0)
	speaker := &spy{id: "speaker"}
	for _, leg := range []media.Leg{line, speaker} {
		if err := room.Add(leg); err != nil {
			t.Fatal(err)
		}
	}
	room.Set(media.Matrix{"caller": {"speaker"}})
	at := time.Now()
	say := func(sequence uint16) {
		speaker.say(&media.Packet{
			Codec: audio.PCMA, Payload: make([]byte, 160), Sequence: sequence, Timestamp: uint32(sequence) * 160, At: at,
		})
	}
	for _, sequence := range []uint16{65533, 65535, 65534, 65535, 0, 5, 65000} {
		say(sequence)
	}
	eventually(t, "the packets come", func() bool { return len(phone.Packets()) >= 6 })
	packets := phone.Packets()
	var steps []int16
	for _, p := range packets {
		steps = append(steps, int16(p.SequenceNumber-packets[0].SequenceNumber))
		if got, want := p.Timestamp-packets[0].Timestamp, uint32(int32(steps[len(steps)-1])*160); got != want && len(steps) < 6 {
			t.Errorf("packet %d: timestamp %d, not %d", len(steps), got, want)
		}
	}
	// The last one began a numbering of its own.
	if want := []int16{0, 2, 1, 3, 8, 9}; !slices.Equal(steps, want) {
		t.Errorf("sequence numbers %v, not %v", steps, want)
	}
}

// Keys are told once a press, in their order, whatever of their packets is lost, under whatever number
// telephone-event was agreed on; and they are not heard in the room.
func TestKeysAreToldOnceAPress(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]func(int) bool{
		"nothing lost":         nil,
		"the ends lost":        func(i int) bool { return i >= 5 },
		"the beginning lost":   func(i int) bool { return i < 3 },
		"all but one end lost": func(i int) bool { return i != 6 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, phone := connect(t, "caller", audio.PCMU, 0, func(r *media.Remote) { r.AcceptsEvents, r.Events = 96, 97 })
			probe := hearing(t, line)
			var mu sync.Mutex
			var pressed []byte
			line.OnDigit(func(d byte) {
				mu.Lock()
				pressed = append(pressed, d)
				mu.Unlock()
			})
			eventually(t, "the caller is heard", func() bool { return len(probe.Sound("caller")) > 0 })
			for _, event := range []uint8{1, 1, 10, 11, 15} {
				phone.Press(96, event, drop)
				time.Sleep(60 * time.Millisecond)
			}
			phone.Press(96, 16, drop) // a flash is no key
			phone.Press(101, 5, drop) // not what was agreed on
			eventually(t, "the last key is told", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return slices.Contains(pressed, 'D')
			})
			mu.Lock()
			defer mu.Unlock()
			if string(pressed) != "11*#D" {
				t.Errorf("the keys %q were told", pressed)
			}
		})
	}
}

// A line tells once that nothing came for that long, and again after there was something.
func TestSilenceIsToldOnce(t *testing.T) {
	t.Parallel()
	line, phone := connect(t, "caller", audio.PCMA, 440)
	told := make(chan struct{}, 10)
	line.OnSilent(200*time.Millisecond, func() { told <- struct{}{} })
	time.Sleep(500 * time.Millisecond)
	if len(told) != 0 {
		t.Fatal("a caller who speaks is silent")
	}
	phone.Hush()
	time.Sleep(time.Second)
	if len(told) != 1 {
		t.Errorf("told %d times", len(told))
	}
	phone.Talk(line.Local())
	time.Sleep(500 * time.Millisecond)
	phone.Hush()
	time.Sleep(time.Second)
	if len(told) != 2 {
		t.Errorf("told %d times after a second silence", len(told))
	}
}

// A re-INVITE that changes the codec, the way the sound goes and the address goes through without a glitch.
func TestReconfiguringInMidCall(t *testing.T) {
	t.Parallel()
	line, phone := connect(t, "caller", audio.PCMA, 440)
	probe := hearing(t, line)
	time.Sleep(settleTime)
	phone.Forget()
	remote := terms(phone, audio.PCMA)
	for range 10 {
		if err := line.Configure(remote); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	whole(t, phone, 60*time.Millisecond)

	remote.Direction = media.SendOnly
	if err := line.Configure(remote); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	probe.Forget()
	phone.Forget()
	time.Sleep(settleTime)
	if len(probe.Sound("caller")) != 0 || len(phone.Packets()) < 10 {
		t.Error("send-only is not")
	}
	remote.Direction = media.Inactive
	if err := line.Configure(remote); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	phone.Forget()
	time.Sleep(settleTime)
	if len(phone.Packets()) != 0 {
		t.Error("inactive and still sending")
	}

	other := mediatest.Dial(t, audio.PCMU, 440)
	if err := line.Configure(terms(other, audio.PCMU)); err != nil {
		t.Fatal(err)
	}
	other.Talk(line.Local())
	time.Sleep(settleTime)
	other.Forget()
	probe.Forget()
	time.Sleep(window + 40*time.Millisecond)
	tones(t, "the other telephone", first(other.Sound()), media.Counsellor)
	tones(t, "the counsellor", first(probe.Sound("caller")), media.Caller)
}

// What no line can do is refused before anything changes.
func TestTermsThatCannotBeKept(t *testing.T) {
	line, _ := connect(t, "caller", audio.PCMA, 440)
	for name, change := range map[string]func(*media.Remote){
		"a codec nobody speaks": func(r *media.Remote) { r.Codec = 18 },
		"a number of 200":       func(r *media.Remote) { r.PayloadType = 200 },
		"keys one way only":     func(r *media.Remote) { r.Sends = &media.Keys{} },
		"a packet of 5 ms":      func(r *media.Remote) { r.Ptime = 5 * time.Millisecond },
		"keys that are none":    func(r *media.Remote) { r.Sends, r.Receives = &media.Keys{Suite: "NONE"}, &media.Keys{} },
	} {
		remote := media.Remote{RTP: netip.MustParseAddrPort("127.0.0.1:4000"), Codec: audio.PCMA, PayloadType: 8}
		change(&remote)
		if err := line.Configure(remote); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = line.Close()
	if err := line.Configure(media.Remote{Codec: audio.PCMA}); !fault.Is(err, fault.Gone) {
		t.Errorf("after the end: %v", err)
	}
}

// Pairs come from the range, even and odd, none is given twice, and what was given back is taken again.
func TestPortsAreOfTheRange(t *testing.T) {
	ports, err := media.NewPorts(40001, 40008)
	if err != nil {
		t.Fatal(err)
	}
	var lines []*media.Line
	var numbers []uint16
	for range 3 {
		line, err := media.Open(media.Options{ID: "line", Ports: ports})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
		numbers = append(numbers, line.Local().Port())
	}
	if slices.Sort(numbers); !slices.Equal(numbers, []uint16{40002, 40004, 40006}) {
		t.Errorf("ports %v", numbers)
	}
	if _, err := media.Open(media.Options{ID: "line", Ports: ports}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a fourth pair: %v", err)
	}
	_ = lines[1].Close()
	line, err := media.Open(media.Options{ID: "line", Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines, line)
	for _, line := range lines {
		_ = line.Close()
	}
	if _, err := media.NewPorts(5, 6); !fault.Is(err, fault.Invalid) {
		t.Errorf("a range without a pair: %v", err)
	}
}

// A thousand lines that were opened and closed leave no goroutine and no port behind.
func TestClosedLinesLeaveNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 1000 {
		line, err := media.Open(media.Options{ID: "line"})
		if err != nil {
			t.Fatal(err)
		}
		line.OnSilent(time.Hour, func() {})
		line.OnDigit(func(byte) {})
		if err := line.Configure(media.Remote{RTP: netip.MustParseAddrPort("127.0.0.1:9"), Codec: audio.PCMA, PayloadType: 8}); err != nil {
			t.Fatal(err)
		}
		line.Hears([]string{"a", "b"})
		_ = line.Close()
		_ = line.Close()
	}
	eventually(t, "their goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+3 })
}
