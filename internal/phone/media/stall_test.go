package media_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// stalled is set to who hears, in the process that is made to stand still.
const stalled = "VIGIE_TEST_STALLED"

// inTheStalledProcess passes one voice on to a first telephone, mixes it for a second, and never ends by itself.
func inTheStalledProcess(t *testing.T) {
	room := media.NewRoom()
	open := func(id string, at netip.AddrPort) {
		line, err := media.Open(media.Options{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if err := line.Configure(media.Remote{RTP: at, Codec: audio.PCMA, PayloadType: 8, Accepts: map[uint8]audio.Codec{8: audio.PCMA}}); err != nil {
			t.Fatal(err)
		}
		if err := room.Add(line); err != nil {
			t.Fatal(err)
		}
		if id == "caller" {
			fmt.Println("speak to", line.Local())
		}
	}
	ends := strings.Fields(os.Getenv(stalled))
	for i, id := range []string{"caller", "passed", "mixed"} {
		open(id, netip.MustParseAddrPort(ends[i]))
	}
	room.Set(media.Matrix{"passed": {"caller"}, "mixed": {"caller", "passed"}})
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the test is over
}

// After the process stood still for a second, a voice that is passed through and one that is mixed come as
// soon as they did before, within a second.
func TestDelayAfterTheProcessStoodStill(t *testing.T) {
	if testing.Short() {
		t.Skip("delays are not measured under the race detector")
	}
	if os.Getenv(stalled) != "" {
		inTheStalledProcess(t)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("stops a process by a signal")
	}
	t.Parallel()
	// Each packet of the voice is one of 50 levels, by which it is known again wherever it comes out.
	const levels = 50
	level := func(n int) int16 { return int16(n%levels)*1000 - 25000 }
	var mu sync.Mutex
	var said [levels]time.Time
	listen := func() (*net.UDPConn, string) {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, c.LocalAddr().String()
	}
	voice, from := listen()
	delays := map[string]*[]time.Duration{}
	ends := []string{from}
	for _, name := range []string{"passed through", "mixed"} {
		ear, at := listen()
		ends = append(ends, at)
		all := &[]time.Duration{}
		delays[name] = all
		go func() {
			b := make([]byte, 2048)
			for {
				n, err := ear.Read(b)
				if err != nil {
					return
				}
				var p rtp.Packet
				if p.Unmarshal(b[:n]) != nil || len(p.Payload) != audio.Frame {
					continue
				}
				var s [1]int16
				audio.PCMA.Decode(s[:], p.Payload[audio.Frame*3/4:])
				which := (int(s[0]) + 25000 + 500) / 1000
				mu.Lock()
				if which >= 0 && which < levels {
					*all = append(*all, time.Since(said[which]))
				}
				mu.Unlock()
			}
		}()
	}
	child := exec.Command(os.Args[0], "-test.run=^TestDelayAfterTheProcessStoodStill$")
	child.Env = append(os.Environ(), stalled+"="+strings.Join(ends, " "))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = child.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	to, ok := strings.CutPrefix(strings.TrimSpace(line), "speak to ")
	if err != nil || !ok {
		t.Fatalf("it said %q: %v", line, err)
	}
	target := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))
	over := make(chan struct{})
	defer close(over)
	go func() {
		start := time.Now()
		payload := make([]byte, audio.Frame)
		samples := make([]int16, audio.Frame)
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			case <-time.After(time.Until(start.Add(time.Duration(n) * 20 * time.Millisecond))):
			}
			for i := range samples {
				samples[i] = level(n)
			}
			audio.PCMA.Encode(payload, samples)
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: uint16(n), Timestamp: uint32(n * audio.Frame), SSRC: 1}, Payload: payload}
			b, _ := p.Marshal()
			mu.Lock()
			said[n%levels] = time.Now()
			mu.Unlock()
			_, _ = voice.WriteToUDP(b, target)
		}
	}()
	median := func() map[string]time.Duration {
		mu.Lock()
		for _, all := range delays {
			*all = nil
		}
		mu.Unlock()
		time.Sleep(600 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		m := map[string]time.Duration{}
		for name, all := range delays {
			if len(*all) < 10 {
				t.Fatalf("%s: %d packets", name, len(*all))
			}
			slices.Sort(*all)
			m[name] = (*all)[len(*all)/2]
		}
		return m
	}
	time.Sleep(time.Second)
	before := median()
	_ = child.Process.Signal(syscall.SIGSTOP)
	time.Sleep(time.Second)
	_ = child.Process.Signal(syscall.SIGCONT)
	time.Sleep(time.Second)
	after := median()
	for name := range before {
		t.Logf("%s: %v before, %v after", name, before[name], after[name])
		if after[name] > before[name]+30*time.Millisecond || after[name] > 70*time.Millisecond {
			t.Errorf("%s: the delay was %v and is %v", name, before[name], after[name])
		}
	}
}
