package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// nowhere is a wire that carries nothing.
type nowhere struct{ sent int }

func (w *nowhere) send([]byte, netip.AddrPort)   { w.sent++ }
func (w *nowhere) report([]byte, netip.AddrPort) {}
func (w *nowhere) local() netip.AddrPort         { return netip.AddrPort{} }
func (w *nowhere) close() error                  { return nil }

// unwired is a line without a socket.
func unwired(id string, remote Remote) (*Line, *nowhere) {
	l := &Line{id: id}
	w := &nowhere{}
	l.wire, l.in.line, l.out.line, l.silence.line = w, l, l, l
	l.out.begin()
	l.reports.over = true
	if err := l.Configure(remote); err != nil {
		panic(err)
	}
	return l, w
}

var theirs = netip.MustParseAddrPort("127.0.0.1:4000")

func telephone() Remote {
	return Remote{RTP: theirs, Codec: audio.PCMA, PayloadType: 8, Accepts: map[uint8]audio.Codec{8: audio.PCMA, 0: audio.PCMU}, Events: 101, AcceptsEvents: 101}
}

// datagram is 20 ms of A-law of the SSRC 7.
func datagram(sequence uint16) []byte {
	b := make([]byte, 172)
	b[0], b[1] = 0x80, 8
	binary.BigEndian.PutUint16(b[2:], sequence)
	binary.BigEndian.PutUint32(b[4:], uint32(sequence)*160)
	binary.BigEndian.PutUint32(b[8:], 7)
	return b
}

// Packets are counted over the wrap-around; one that came late is not lost, one that came twice counts once, and
// a numbering that jumps counts as a new one when a second packet confirms it (RFC 3550 A.1).
func TestPacketsAreCounted(t *testing.T) {
	for _, c := range []struct {
		name           string
		sequence       []uint16
		received, lost uint64
	}{
		{"over the wrap-around", []uint16{65534, 65535, 0, 1}, 4, 0},
		{"two lost on the wrap-around", []uint16{65534, 1}, 2, 2},
		{"out of order", []uint16{10, 12, 11, 13}, 4, 0},
		{"twice", []uint16{10, 11, 11, 11, 12}, 3, 0},
		{"a stray number", []uint16{10, 11, 30000, 12, 13}, 4, 0},
		{"begun again", []uint16{10, 11, 13, 30000, 30001, 30002}, 5, 1},
		{"an hour", func() []uint16 {
			var all []uint16
			for i := range 180000 {
				if i%1000 != 500 {
					all = append(all, uint16(i))
				}
			}
			return all
		}(), 179820, 180},
	} {
		line, _ := unwired("a", telephone())
		for i, n := range c.sequence {
			line.receive(datagram(n), theirs, started.Add(time.Duration(i)*frameTime))
		}
		if q := line.Quality(); q.Received != c.received || q.Lost != c.lost {
			t.Errorf("%s: %d received, %d lost, not %d and %d", c.name, q.Received, q.Lost, c.received, c.lost)
		}
	}
}

// The jitter of packets that come by turns 10 ms early and late tends to the 20 ms between them.
func TestJitterIsMeasured(t *testing.T) {
	line, _ := unwired("a", telephone())
	for n := range uint16(200) {
		line.receive(datagram(n), theirs, started.Add(time.Duration(n)*frameTime+time.Duration(n%2)*20*time.Millisecond))
	}
	if j := line.Quality().Jitter; j < 19*time.Millisecond || j > 20*time.Millisecond {
		t.Errorf("the jitter is %v", j)
	}
}

// A long press is one key over its segments (RFC 4733 §2.5.1.3); the same key twice is two; what comes out of
// order is none.
func TestPressesAreReadAsPresses(t *testing.T) {
	type step struct {
		key       byte
		timestamp uint32
		marker    bool
		end       bool
		after     time.Duration
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"one press", []step{{1, 0, true, false, 0}, {1, 0, false, false, 20}, {1, 0, false, true, 20}, {1, 0, false, true, 0}}, "1"},
		{"the same key twice, all ends lost", []step{{1, 0, true, false, 0}, {1, 1600, true, false, 200}}, "11"},
		{"the same key twice, the second marker lost", []step{{1, 0, true, false, 0}, {1, 1600, false, false, 200}}, "11"},
		{"a long press in two segments", []step{{1, 0, true, false, 0}, {1, 65535, false, false, 20}, {1, 65535, false, true, 20}}, "1"},
		{"a stamp that runs", []step{{1, 0, true, false, 0}, {1, 160, false, false, 20}, {1, 320, false, true, 20}, {1, 320, false, true, 20}}, "1"},
		{"a straggler", []step{{1, 0, true, true, 0}, {2, 1600, true, false, 100}, {1, 0, false, true, 1}, {2, 1600, false, true, 20}}, "12"},
		{"another key at once", []step{{1, 0, true, false, 0}, {2, 800, false, false, 20}}, "12"},
	} {
		var p presses
		at := started
		got := ""
		for _, s := range c.steps {
			at = at.Add(s.after * time.Millisecond)
			var b [4]byte
			eventPayload(b[:], s.key, s.end, 160)
			if key, pressed := p.event(b[:], s.timestamp, s.marker, at); pressed {
				got += string(key)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

// Whatever comes on the port, nothing breaks; and what does not come from the other end's address moves
// nothing.
func FuzzReceive(f *testing.F) {
	f.Add(datagram(1), true)
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 5, 0x8a, 0, 160}, true)
	f.Add([]byte{0xb0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 1, 2, 3, 2}, true)
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false)
	stranger := netip.MustParseAddrPort("192.0.2.1:4000")
	f.Fuzz(func(t *testing.T, b []byte, own bool) {
		line, _ := unwired("a", telephone())
		heard := 0
		line.Speaks(func(p *Packet) {
			heard++
			if len(p.Payload) == 0 || len(p.Payload) > mostOpus {
				t.Errorf("a payload of %d bytes", len(p.Payload))
			}
		})
		from := stranger
		if own {
			from = theirs
		}
		before := line.Quality()
		for range 3 {
			line.receive(b, from, time.Now())
			line.receiveReport(b, from, time.Now())
		}
		after := line.Quality()
		if !own && (heard > 0 || after.Received != before.Received || after.RoundTrip != 0 || line.out.to != theirs) {
			t.Error("a stranger was heard")
		}
	})
}

// Whatever events come, a press is told at most once a packet, and never for what is no key.
func FuzzPresses(f *testing.F) {
	f.Add([]byte{1, 0, 0, 160, 1, 1, 0x80, 0, 160, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		var p presses
		at := started
		timestamp := uint32(0)
		for len(script) >= 6 {
			timestamp += uint32(script[4]) * 40
			at = at.Add(time.Duration(script[5]) * time.Millisecond)
			if key, pressed := p.event(script[:4], timestamp, script[4]&1 == 1, at); pressed && (int(script[0]) >= len(keypad) || key != keypad[script[0]]) {
				t.Errorf("event %d is key %q", script[0], key)
			}
			script = script[6:]
		}
	})
}

// BenchmarkMix is 20 ms of a mix of three voices for one telephone.
func BenchmarkMix(b *testing.B) {
	line, _ := unwired("a", telephone())
	line.Hears([]string{"x", "y", "z"})
	defer line.Close()
	p := &Packet{Codec: audio.PCMA, Payload: make([]byte, 160), At: started}
	b.ReportAllocs()
	for b.Loop() {
		p.Sequence++
		p.Timestamp += 160
		p.At = p.At.Add(frameTime)
		for _, speaker := range []string{"x", "y", "z"} {
			line.Hear(speaker, p)
		}
		line.out.tick(p.At, 0)
	}
}

// relay is two lines in a room, and a way to send a packet through it.
func relay(b testing.TB, to audio.Codec) (one func(), wire *nowhere) {
	a, _ := unwired("a", telephone())
	remote := telephone()
	remote.Codec, remote.PayloadType = to, uint8(to)
	c, w := unwired("b", remote)
	room := NewRoom()
	for _, leg := range []Leg{a, c} {
		if err := room.Add(leg); err != nil {
			b.Fatal(err)
		}
	}
	room.Set(Matrix{"a": {"b"}, "b": {"a"}})
	packet := datagram(0)
	sequence, at := uint16(0), started
	return func() {
		sequence++
		at = at.Add(frameTime)
		binary.BigEndian.PutUint16(packet[2:], sequence)
		binary.BigEndian.PutUint32(packet[4:], uint32(sequence)*160)
		a.receive(packet, theirs, at)
	}, w
}

// A packet goes through a call without allocating, as it is and transcoded.
func TestRelayAllocatesNothing(t *testing.T) {
	for _, to := range []audio.Codec{audio.PCMA, audio.PCMU} {
		one, wire := relay(t, to)
		if n := testing.AllocsPerRun(1000, one); n != 0 {
			t.Errorf("to %v: %v allocations a packet", to, n)
		}
		if wire.sent < 1000 {
			t.Errorf("to %v: %d packets went through", to, wire.sent)
		}
	}
}

// What a packet costs that is enciphered on one side.
func BenchmarkSealed(b *testing.B) {
	for _, suite := range Suites() {
		b.Run(suite, func(b *testing.B) {
			remote := telephone()
			remote.Sends = &Keys{Suite: suite, Master: make([]byte, MasterSize(suite))}
			remote.Receives = remote.Sends
			line, _ := unwired("a", remote)
			line.Hears([]string{"voice"})
			p := &Packet{Codec: audio.PCMA, Payload: make([]byte, 160), At: started}
			b.ReportAllocs()
			for b.Loop() {
				p.Sequence++
				p.Timestamp += 160
				p.At = p.At.Add(frameTime)
				line.Hear("voice", p)
			}
		})
	}
}

// What a packet costs without its system calls: in, through the room, out.
func BenchmarkRelay(b *testing.B) {
	for name, to := range map[string]audio.Codec{"passed": audio.PCMA, "transcoded": audio.PCMU} {
		b.Run(name, func(b *testing.B) {
			one, _ := relay(b, to)
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

// A hundred thousand datagrams of garbage from as many addresses take no memory, on a port of its own and on a
// shared one.
func TestGarbageTakesNoMemory(t *testing.T) {
	line, _ := unwired("a", telephone())
	shared := &Shared{sound: map[netip.AddrPort][]*seat{}, control: map[netip.AddrPort][]*seat{}, named: map[uint32]*seat{}}
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 300)
	throw := func(n int) {
		for range n {
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			if random.IntN(2) == 0 {
				b[0], b[1] = 0x80, 8
			}
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, b[20], b[21], b[22]}), uint16(random.Uint32()))
			piece := b[:random.IntN(len(b))]
			line.receive(piece, from, started)
			line.receive(piece, theirs, started)
			shared.take(piece, from, started)
			shared.takeReport(piece, from, started)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	throw(1000)
	before := heap()
	throw(100000)
	if after := heap(); after > before+64<<10 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	runtime.KeepAlive(line)
	runtime.KeepAlive(shared)
}
