package rtc_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// The load of calls between a telephone line and a browser, 50 packets a second each way, the browsers and the
// telephones in a process of their own:
//
//	VIGIE_RTC_LOAD=200 go test -run TestLoad -v ./internal/phone/rtc
//
// prints what the server's process spends on a call. It is measured in processor time, so a machine that is
// busy with something else changes it little.

func TestLoad(t *testing.T) {
	calls, _ := strconv.Atoi(os.Getenv("VIGIE_RTC_LOAD"))
	if calls == 0 {
		t.Skip("a measurement: VIGIE_RTC_LOAD says how many calls")
	}
	if os.Getenv("VIGIE_RTC_LOAD_BROWSERS") != "" {
		loadBrowsers(t, calls)
		return
	}
	s := open(t, rtc.Options{PerStaff: calls, Most: calls})
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestLoad$", "-test.timeout", "10m")
	other.Env = append(os.Environ(), "VIGIE_RTC_LOAD_BROWSERS=1")
	other.Stderr = os.Stderr
	in, _ := other.StdinPipe()
	out, _ := other.StdoutPipe()
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	answer := json.NewEncoder(in)
	var offer struct {
		Peer, SDP string
		Phone     netip.AddrPort
	}
	for range calls {
		if !lines.Scan() {
			t.Fatal("the browsers ended")
		}
		if err := json.Unmarshal(lines.Bytes(), &offer); err != nil {
			t.Fatal(lines.Text())
		}
		sdp, err := s.Offer(t.Context(), offer.Peer, "load", offer.SDP)
		if err != nil {
			t.Fatal(err)
		}
		peer, _ := s.Peer(offer.Peer)
		port := relay(t, peer, offer.Phone)
		_ = answer.Encode(map[string]string{"sdp": sdp, "port": strconv.Itoa(port)})
	}
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("not ready: %s", lines.Text())
	}
	time.Sleep(3 * time.Second)
	const seconds = 15
	before := processorTime()
	time.Sleep(seconds * time.Second)
	spent := processorTime() - before
	_, _ = fmt.Fprintln(in, `{}`)
	for lines.Scan() && lines.Text() != "PASS" {
		t.Log(lines.Text())
	}
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	per := spent.Seconds() / seconds / float64(calls)
	t.Logf("%d calls: %.3f cores, %.2f ms of processor a second and call, %.0f calls a core, %d MB at most", calls, spent.Seconds()/seconds, per*1000, 1/per, usage.Maxrss/1024)
	_ = in.Close()
	_ = other.Wait()
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// relay is a telephone's leg at its plainest: a socket, whose packets are handed to the browser and back.
func relay(t *testing.T, peer *rtc.Peer, phone netip.AddrPort) int {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	peer.Hears([]string{"phone"})
	var out [1500]byte
	peer.Speaks(func(p *media.Packet) {
		out[0], out[1] = 0x80, byte(p.Codec)
		binary.BigEndian.PutUint16(out[2:], p.Sequence)
		binary.BigEndian.PutUint32(out[4:], p.Timestamp)
		n := 12 + copy(out[12:], p.Payload)
		_, _ = conn.WriteToUDPAddrPort(out[:n], phone)
	})
	go func() {
		var b [1500]byte
		for {
			n, _, err := conn.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			if n > 12 {
				peer.Hear("phone", &media.Packet{Codec: audio.Codec(b[1] & 0x7f), Payload: b[12:n], Sequence: binary.BigEndian.Uint16(b[2:]), Timestamp: binary.BigEndian.Uint32(b[4:]), At: time.Now()})
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// loadBrowsers is the other process.
func loadBrowsers(t *testing.T, calls int) {
	in := json.NewDecoder(os.Stdin)
	type call struct {
		b    *browser
		conn *net.UDPConn
		to   netip.AddrPort
	}
	var all []call
	for i := range calls {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		b := openBrowser(t, nil, "load", fmt.Sprint(i), look{})
		raw, _ := json.Marshal(map[string]string{"peer": b.id, "sdp": b.offer(false), "phone": conn.LocalAddr().String()})
		fmt.Println(string(raw))
		var a struct{ SDP, Port string }
		if err := in.Decode(&a); err != nil {
			t.Fatal(err)
		}
		b.accept(a.SDP)
		port, _ := strconv.Atoi(a.Port)
		all = append(all, call{b, conn, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))})
		<-b.up
	}
	fmt.Println("ready")
	stop := make(chan struct{})
	var late []time.Duration
	var sent, came int
	var mu sync.Mutex
	for _, c := range all {
		go func() { // what the telephone hears
			var b [1500]byte
			for {
				n, _, err := c.conn.ReadFromUDPAddrPort(b[:])
				if err != nil {
					return
				}
				if n >= 20 {
					mu.Lock()
					came++
					late = append(late, time.Duration(time.Now().UnixNano()-int64(binary.BigEndian.Uint64(b[12:]))))
					mu.Unlock()
				}
			}
		}()
	}
	go func() {
		body := make([]byte, 160)
		head := make([]byte, 172)
		head[0], head[1] = 0x80, 8
		began := time.Now()
		for n := 0; ; n++ {
			time.Sleep(time.Until(began.Add(time.Duration(n) * 20 * time.Millisecond)))
			select {
			case <-stop:
				return
			default:
			}
			for i, c := range all {
				if i%16 == 0 { // not all at one instant
					time.Sleep(time.Until(began.Add(time.Duration(n)*20*time.Millisecond + time.Duration(i)*18*time.Millisecond/time.Duration(len(all)))))
				}
				binary.BigEndian.PutUint64(body, uint64(time.Now().UnixNano()))
				c.b.voice.write(t, 8, uint16(n), uint32(n)*160, body)
				binary.BigEndian.PutUint16(head[2:], uint16(n))
				binary.BigEndian.PutUint32(head[4:], uint32(n)*160)
				_, _ = c.conn.WriteToUDPAddrPort(head, c.to)
				sent++
			}
		}
	}()
	var over struct{}
	_ = in.Decode(&over)
	close(stop)
	time.Sleep(300 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(late)
	if len(late) > 0 {
		fmt.Printf("browser to telephone: %d sent, %d came, added p50 %v p99 %v\n", sent, came, late[len(late)/2], late[len(late)*99/100])
	}
	var heard int
	for _, c := range all {
		c.b.mu.Lock()
		for _, n := range c.b.heard {
			heard += n
		}
		c.b.mu.Unlock()
	}
	fmt.Printf("telephone to browser: %d sent, %d came\n", sent, heard)
	for _, c := range all {
		_ = c.conn.Close()
	}
	fmt.Println("PASS")
	os.Exit(0)
}

func BenchmarkAPacketToABrowser(b *testing.B) {
	s := open(b, rtc.Options{})
	camille := openBrowser(b, s, "camille", "a", look{})
	peer := camille.connect()
	camille.vanish() // what it would spend on hearing is not ours
	peer.Hears([]string{"phone"})
	p := &media.Packet{Codec: audio.PCMA, Payload: make([]byte, 160)}
	b.ReportAllocs()
	for b.Loop() {
		p.Sequence++
		p.Timestamp += 160
		peer.Hear("phone", p)
	}
}
