package phone_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	sound "vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

// A million datagrams of noise (a tenth with -short), a quarter of them to each port that is open to a network: SIP, the
// sound of a call, the port that many calls share, the browsers'. Memory stays as it was, the calls that go on go on, and
// the next caller is answered.
func TestAMillionDatagramsOfNoise(t *testing.T) {
	// most is how many bytes memory may grow by; with -short the race detector's own may be among them.
	total, longest, most := 1_000_000, 30*time.Second, int64(24<<20)
	if testing.Short() {
		total, longest, most = total/10, 10*time.Second, 2*most
	}
	w := newWorld(t)
	w.works(anne)
	hers := w.opens(anne, anneTone)
	first := w.rings(skip)
	w.answers(anne, hers)
	must(t, "the caller, before", first.heard.last, anneTone)
	shared, telephone := sharedLine(t)

	targets := []*target{
		{name: "SIP", at: w.trunk.Addr("udp"), looks: likeSIP},
		{name: "a call's sound", at: w.lastLine(), looks: likeRTP},
		{name: "the shared port", at: shared.Local(), looks: likeRTP},
		{name: "the browsers' port", at: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(w.browsers.UDPPort())), looks: likeWebRTC},
	}
	flood(t, targets, total/10, longest/3) // what is made once is made now
	before := resident(t)
	began := time.Now()
	sent := flood(t, targets, total, longest)
	took := time.Since(began)
	after := resident(t)
	// What a SIP transaction keeps is given back after its time.
	for end := time.Now().Add(10 * time.Second); after > before+most && time.Now().Before(end); after = resident(t) {
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d datagrams of %d in %v; memory %.1f MB before, %.1f MB after", sent, total, took.Round(time.Millisecond), float64(before)/1e6, float64(after)/1e6)
	if after > before+most {
		t.Errorf("memory grew by %.1f MB", float64(after-before)/1e6)
	}
	for _, to := range targets {
		t.Logf("%s: %d sent, %d of them found no room in the system's queue", to.name, to.sent.Load(), to.lost)
		if to.sent.Load() < int64(total/40) {
			t.Errorf("only %d datagrams went to %s", to.sent.Load(), to.name)
		}
	}

	must(t, "the caller, after", first.heard.last, anneTone)
	must(t, "the counsellor, after", hers.last, childTone)
	telephone.Forget()
	w.until("the call of the shared port is heard", func() bool { return audio.Goertzel(telephone.Sound(), helpTone) > loudEnough })
	first.hangsUp()
	w.until("the first call is over", func() bool { return w.outcome() != "" })
	w.works(bilal)
	his := w.opens(bilal, bilalTone)
	next := w.rings(skip, from("+33639980002"))
	w.answers(bilal, his)
	must(t, "the next caller", next.heard.last, bilalTone)
	must(t, "who answers her", his.last, childTone)
}

// sharedLine is a call of its own on a port that lines share; its telephone hears the tone of the 119.
func sharedLine(t *testing.T) (*sound.Shared, *mediatest.Phone) {
	t.Helper()
	shared, err := sound.OpenShared(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	line, err := sound.Open(sound.Options{ID: "line", Shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	telephone := mediatest.Dial(t, audio.PCMA, childTone)
	if err := line.Configure(sound.Remote{RTP: telephone.Addr(), Codec: audio.PCMA, PayloadType: 8, Accepts: map[uint8]audio.Codec{8: audio.PCMA}}); err != nil {
		t.Fatal(err)
	}
	telephone.Talk(line.Local())
	room, voice := sound.NewRoom(), sound.NewPlayer("voice", audio.PCMA)
	t.Cleanup(func() { _ = room.Close() })
	_, _ = room.Add(line), room.Add(voice)
	room.Set(sound.Matrix{line.ID(): {"voice"}})
	voice.Loop(audio.NewClip(audio.Sine(helpTone, 0.5, time.Second)))
	return shared, telephone
}

// target is a port that noise is sent to.
type target struct {
	name  string
	at    netip.AddrPort
	looks func(*rand.Rand, []byte) []byte // begins a datagram as one that is read further

	sent atomic.Int64
	lost int64
}

// flood sends as many datagrams of noise to the targets together, no faster than they are read, and for no longer than
// that; it returns how many they were.
func flood(t *testing.T, targets []*target, total int, longest time.Duration) int64 {
	t.Helper()
	end := time.Now().Add(longest)
	before := queues(t)
	var sending sync.WaitGroup
	var sent atomic.Int64
	for n, to := range targets {
		to.sent.Store(0)
		sending.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			var sources []*net.UDPConn
			for i := range 8 {
				conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))})
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				sources = append(sources, conn)
			}
			noise := make([]byte, 4096)
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			datagram := make([]byte, 0, 2048)
			for i := range total / len(targets) {
				if i%128 == 0 {
					for queues(t)[to.at].waiting > 32<<10 && time.Now().Before(end) {
						time.Sleep(500 * time.Microsecond)
					}
					if time.Now().After(end) {
						return
					}
				}
				datagram = datagram[:0]
				if i%2 == 0 {
					datagram = to.looks(random, datagram)
				}
				from := random.IntN(2048)
				datagram = append(datagram, noise[from:from+random.IntN(1200)]...)
				if _, err := sources[i%len(sources)].WriteToUDPAddrPort(datagram, to.at); err != nil {
					t.Error(err)
					return
				}
				to.sent.Add(1)
				sent.Add(1)
			}
		})
	}
	sending.Wait()
	after := queues(t)
	for _, to := range targets {
		to.lost = after[to.at].dropped - before[to.at].dropped
	}
	return sent.Load()
}

// queue is what waits at a socket, in bytes, and how many datagrams found no room there.
type queue struct{ waiting, dropped int64 }

// queues are those of all sockets of UDP on an IPv4 address (proc(5)), none where the system does not tell.
func queues(t *testing.T) map[netip.AddrPort]queue {
	all := map[netip.AddrPort]queue{}
	table, err := os.ReadFile("/proc/self/net/udp")
	if err != nil {
		return all
	}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		f := strings.Fields(line)
		if len(f) < 13 {
			continue
		}
		host, port, _ := strings.Cut(f[1], ":")
		h, err1 := strconv.ParseUint(host, 16, 32)
		p, err2 := strconv.ParseUint(port, 16, 16)
		_, waiting, _ := strings.Cut(f[4], ":")
		q, err3 := strconv.ParseInt(waiting, 16, 64)
		dropped, err4 := strconv.ParseInt(f[12], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
			t.Errorf("a line of /proc/self/net/udp is %q", line)
			return all
		}
		var a [4]byte
		binary.LittleEndian.PutUint32(a[:], uint32(h))
		all[netip.AddrPortFrom(netip.AddrFrom4(a), uint16(p))] = queue{q, dropped}
	}
	return all
}

// resident is the memory of this process after everything unused was given back, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("how much memory a process has is not told here: %v", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kilobytes int64
	if _, err := fmt.Sscanf(string(rest), "%d", &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

func likeSIP(random *rand.Rand, b []byte) []byte {
	heads := []string{
		"INVITE sip:3018@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK", "OPTIONS sip:a@b SIP/2.0\r\n", "SIP/2.0 200 OK\r\nVia: ", "\r\n\r\n",
		"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: ", "ACK sip:3018@127.0.0.1 SIP/2.0\r\n",
	}
	if n := random.IntN(len(heads) + 1); n < len(heads) {
		return append(b, heads[n]...)
	}
	return fmt.Appendf(b, "INVITE sip:3018@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.2;rport;branch=z9hG4bK%d\r\nf: <sip:a@b>;tag=1\r\nt: <sip:3018@c>\r\ni: %[1]d\r\nCSeq: 1 INVITE\r\nm: <sip:a@b>\r\nx-", random.Uint64())
}

func likeRTP(random *rand.Rand, b []byte) []byte {
	b = append(b, 0x80, []byte{0, 8, 101, 13, 200}[random.IntN(5)])
	b = binary.BigEndian.AppendUint16(b, uint16(random.Uint32()))
	b = binary.BigEndian.AppendUint32(b, random.Uint32())
	return binary.BigEndian.AppendUint32(b, random.Uint32())
}

// likeWebRTC begins as STUN (RFC 8489 §5), as DTLS (RFC 9147 §4) or as RTP.
func likeWebRTC(random *rand.Rand, b []byte) []byte {
	switch random.IntN(3) {
	case 0:
		return append(b, 0, 1, 0, byte(random.IntN(256))&^3, 0x21, 0x12, 0xa4, 0x42)
	case 1:
		return append(b, byte(20+random.IntN(6)), 0xfe, 0xfd, 0, 0)
	default:
		return likeRTP(random, b)
	}
}
