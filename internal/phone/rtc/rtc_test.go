package rtc_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

func open(t testing.TB, o rtc.Options) *rtc.Server {
	t.Helper()
	if o.UDP == "" && o.TCP == "" {
		o.UDP = "127.0.0.1:0"
	}
	o.Loopback = true
	s, err := rtc.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestTwoBrowsersHearEachOther(t *testing.T) {
	s := open(t, rtc.Options{})
	camille, dominique := openBrowser(t, s, "camille", "a", look{}), openBrowser(t, s, "dominique", "b", look{})
	room := newTiny(camille.connect(), dominique.connect())
	room.let("a", "b")
	room.let("b", "a")
	camille.speak(1, 40, 'c', 8)
	dominique.speak(60000, 40, 'd', 8)
	eventually(t, "each hears the other", func() bool { return camille.packets('d') >= 39 && dominique.packets('c') >= 39 })
	if camille.packets('c') > 0 || dominique.packets('d') > 0 {
		t.Error("somebody hears herself")
	}
}

func TestWhoHearsWhomIsRoutingAndNothingElse(t *testing.T) {
	s := open(t, rtc.Options{})
	all := map[string]*browser{}
	var legs []media.Leg
	for _, id := range []string{"caller", "agent", "lead"} {
		b := openBrowser(t, s, id, id, look{})
		all[id] = b
		legs = append(legs, b.connect())
	}
	room := newTiny(legs...)
	for _, state := range []struct {
		name  string
		hears map[string][]string
	}{
		{"two talk", map[string][]string{"caller": {"agent"}, "agent": {"caller"}, "lead": nil}},
		{"the lead listens", map[string][]string{"caller": {"agent"}, "agent": {"caller"}, "lead": {"caller", "agent"}}},
		{"the lead whispers", map[string][]string{"caller": {"agent"}, "agent": {"caller", "lead"}, "lead": {"caller", "agent"}}},
		{"the lead joins", map[string][]string{"caller": {"agent", "lead"}, "agent": {"caller", "lead"}, "lead": {"caller", "agent"}}},
		{"the caller is on hold", map[string][]string{"caller": nil, "agent": nil, "lead": nil}},
	} {
		t.Run(state.name, func(t *testing.T) {
			for id, speakers := range state.hears {
				room.let(id, speakers...)
			}
			time.Sleep(50 * time.Millisecond)
			for _, b := range all {
				b.forget()
			}
			seq := uint16(time.Now().UnixMilli())
			var wg sync.WaitGroup
			for id, b := range all {
				wg.Go(func() { b.speak(seq, 30, id[0], 8) })
			}
			wg.Wait()
			time.Sleep(100 * time.Millisecond)
			for id, b := range all {
				for other := range all {
					wanted := 0
					for _, speaker := range state.hears[id] {
						if speaker == other {
							wanted = 30
						}
					}
					if got := b.packets(other[0]); got < wanted-1 || got > wanted {
						t.Errorf("%s heard %d packets of %s, not %d", id, got, other, wanted)
					}
				}
			}
		})
	}
}

func TestATrackGoesOnWithoutABreakWhoeverSpeaksOnIt(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	say := func(speaker string, seq uint16, stamp uint32, n int) {
		for i := range n {
			peer.Hear(speaker, &media.Packet{Codec: audio.PCMA, Payload: []byte(speaker + strings.Repeat("x", 159)), Sequence: seq + uint16(i), Timestamp: stamp + uint32(i)*160})
		}
	}
	peer.Hears([]string{"music"})
	say("music", 100, 5000, 10)
	time.Sleep(200 * time.Millisecond)
	peer.Hears([]string{"Caller"})
	say("Caller", 65530, 4_000_000_000, 10) // its counter turns over
	eventually(t, "both are heard", func() bool { return b.packets('m') == 10 && b.packets('C') == 10 })
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) != 1 {
		t.Fatalf("they came on %d tracks", len(b.lines))
	}
	for _, headers := range b.lines {
		for i := 1; i < len(headers); i++ {
			if step := headers[i].SequenceNumber - headers[i-1].SequenceNumber; step != 1 {
				t.Errorf("packet %d is %d numbers after the one before", i, step)
			}
			step := headers[i].Timestamp - headers[i-1].Timestamp
			if i != 10 && step != 160 {
				t.Errorf("packet %d is %d ticks after the one before", i, step)
			}
			if i == 10 && (step < 1500 || step > 2400) {
				t.Errorf("the new speaker begins %d ticks after the old one, who stopped 200 ms before", step)
			}
			if headers[i].Marker != (i == 10) {
				t.Errorf("packet %d has marker %v", i, headers[i].Marker)
			}
		}
	}
}

func TestWhoIsHeardKeepsHerTrackAndTheFifthWaitsForAFreeOne(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	seq := uint16(0)
	round := func() {
		b.forget()
		for range 3 {
			seq++
			for _, speaker := range []string{"1", "2", "3", "4", "5"} {
				peer.Hear(speaker, &media.Packet{Codec: audio.PCMU, Payload: []byte(speaker), Sequence: seq, Timestamp: uint32(seq) * 160})
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	peer.Hears([]string{"1", "2", "3", "4", "5"})
	round()
	if b.packets('4') != 3 || b.packets('5') != 0 {
		t.Errorf("the fourth was heard %d times and the fifth %d", b.packets('4'), b.packets('5'))
	}
	peer.Hears([]string{"5", "4", "3", "1"})
	round()
	if b.packets('5') != 3 || b.packets('2') != 0 || b.packets('1') != 3 {
		t.Errorf("the fifth was heard %d times once a track was free, the second %d, the first %d", b.packets('5'), b.packets('2'), b.packets('1'))
	}
}

func TestOpusPassesThroughAndWhatWasNotAgreedIsDropped(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	peer.Hears([]string{"x"})
	peer.Hear("x", &media.Packet{Codec: audio.Opus, Payload: []byte("opus"), Sequence: 1, Timestamp: 960})
	peer.Hear("x", &media.Packet{Codec: audio.Codec(18), Payload: []byte("g729"), Sequence: 2, Timestamp: 1920})
	peer.Hear("x", &media.Packet{Codec: audio.PCMU, Payload: []byte("ulaw"), Sequence: 3, Timestamp: 480})
	eventually(t, "Opus and G.711 are heard", func() bool { return b.packets('o') == 1 && b.packets('u') == 1 })
	if b.packets('g') != 0 {
		t.Error("a codec that the browser did not agree to was sent")
	}
}

func TestARestartOfICEKeepsTheLeg(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	var mu sync.Mutex
	heard := 0
	peer.Speaks(func(*media.Packet) { mu.Lock(); heard++; mu.Unlock() })
	var states []rtc.State
	peer.OnState(func(st rtc.State) { mu.Lock(); states = append(states, st); mu.Unlock() })
	stop := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() {
		for seq := uint16(1); ; seq += 10 {
			select {
			case <-stop:
				return
			default:
				b.speak(seq, 10, 'c', 8)
			}
		}
	})
	for range 3 {
		answer, err := s.Offer(t.Context(), "a", "camille", b.offer(true))
		if err != nil {
			t.Fatal(err)
		}
		b.accept(answer)
		time.Sleep(500 * time.Millisecond)
	}
	close(stop)
	talking.Wait()
	mu.Lock()
	before := heard
	mu.Unlock()
	b.speak(50000, 20, 'c', 8)
	eventually(t, "speech goes on", func() bool { mu.Lock(); defer mu.Unlock(); return heard >= before+20 })
	if again, _ := s.Peer("a"); again != peer {
		t.Error("the restart made another peer")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(states) != 0 {
		t.Errorf("the leg went through %v", states)
	}
}

func TestABrowserThatMayOnlyUseTCPIsReached(t *testing.T) {
	s := open(t, rtc.Options{TCP: "127.0.0.1:0"})
	b := openBrowser(t, s, "camille", "a", look{tcpOnly: true})
	peer := b.connect()
	var mu sync.Mutex
	heard := 0
	peer.Speaks(func(*media.Packet) { mu.Lock(); heard++; mu.Unlock() })
	peer.Hears([]string{"x"})
	b.speak(1, 20, 'c', 8)
	for i := range 20 {
		peer.Hear("x", &media.Packet{Codec: audio.PCMA, Payload: []byte("xxxx"), Sequence: uint16(i), Timestamp: uint32(i) * 160})
	}
	eventually(t, "both ways", func() bool { mu.Lock(); defer mu.Unlock(); return heard == 20 && b.packets('x') == 20 })
}

func TestABrowserThatVanishesIsInterruptedAndThenGone(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 17 seconds")
	}
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	type change struct {
		to    rtc.State
		after time.Duration
	}
	changes := make(chan change, 8)
	began := time.Now()
	peer.OnState(func(st rtc.State) { changes <- change{st, time.Since(began)} })
	b.vanish()
	first, second := <-changes, <-changes
	if first.to != rtc.Interrupted || first.after < time.Second || first.after > 5*time.Second {
		t.Errorf("after %v it was %v", first.after, first.to)
	}
	if second.to != rtc.Gone || second.after < 13*time.Second || second.after > 19*time.Second {
		t.Errorf("after %v it was %v", second.after, second.to)
	}
	if s.Len() != 0 {
		t.Error("the peer is still there")
	}
}

func TestABrowserThatClosesIsGoneAtOnce(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	b.close()
	eventually(t, "it is gone", func() bool { return peer.State() == rtc.Gone && s.Len() == 0 })
}

func TestSomebodyElsesPeerIsNotThere(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	other := openBrowser(t, s, "dominique", "a", look{})
	if _, err := s.Offer(t.Context(), "a", "dominique", other.offer(false)); !fault.Is(err, fault.NotFound) {
		t.Errorf("her offer was answered with %v", err)
	}
	if err := s.Candidates("a", "dominique", []string{candidateJSON("candidate:1 1 udp 1 127.0.0.1 9 typ host")}); !fault.Is(err, fault.NotFound) {
		t.Errorf("her candidates were answered with %v", err)
	}
	s.Drop("a", "dominique")
	if peer.State() != rtc.Connected {
		t.Error("she closed it")
	}
}

func TestACounsellorHasFourBrowsersAndADeadTabMakesRoom(t *testing.T) {
	s := open(t, rtc.Options{})
	for _, id := range []string{"1", "2", "3", "4"} {
		openBrowser(t, s, "camille", id, look{}).connect()
	}
	fifth := openBrowser(t, s, "camille", "5", look{})
	if _, err := s.Offer(t.Context(), "5", "camille", fifth.offer(false)); !fault.Is(err, fault.TooMany) {
		t.Fatalf("the fifth was answered with %v", err)
	}
	openBrowser(t, s, "dominique", "6", look{}).connect()
	s.Drop("1", "camille")
	dead := openBrowser(t, s, "camille", "dead", look{})
	if _, err := s.Offer(t.Context(), "dead", "camille", dead.offer(false)); err != nil { // and never connects
		t.Fatal(err)
	}
	openBrowser(t, s, "camille", "5", look{}).connect()
	if _, ok := s.Peer("dead"); ok {
		t.Error("the tab that never connected is still there")
	}
}

func TestGarbageIsNoOfferAndSaysNothingOfItself(t *testing.T) {
	s := open(t, rtc.Options{})
	good := openBrowser(t, s, "camille", "a", look{}).offer(false)
	for name, sdp := range map[string]string{
		"nothing":            "",
		"words":              "salut",
		"a page":             strings.Repeat("<p>", 40_000),
		"without lines":      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
		"video only":         strings.ReplaceAll(good, "m=audio", "m=video"),
		"without ICE":        strings.ReplaceAll(good, "a=ice-ufrag:", "a=x-ufrag:"),
		"without a print":    strings.ReplaceAll(good, "a=fingerprint:", "a=x-print:"),
		"not in one bundle":  strings.ReplaceAll(good, "a=group:BUNDLE", "a=group:OTHER"),
		"no codec of ours":   strings.NewReplacer("PCMA/8000", "X/8000", "PCMU/8000", "Y/8000", "opus/48000", "Z/48000").Replace(good),
		"wants us to begin":  strings.ReplaceAll(good, "a=setup:actpass", "a=setup:passive"),
		"lines without name": strings.ReplaceAll(good, "a=mid:", "a=x-mid:"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Offer(t.Context(), "g", "camille", sdp)
			if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Key != "fault.phone.offer" {
				t.Fatalf("answered with %v", err)
			}
			if strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("the fault quotes the offer: %v", err)
			}
		})
	}
	if s.Len() != 0 {
		t.Error("garbage left peers behind")
	}
}

func TestGarbageCandidatesAreHarmless(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	answer, err := s.Offer(t.Context(), "a", "camille", b.offer(false))
	if err != nil {
		t.Fatal(err)
	}
	garbage := []string{"", "{", "null", `{"candidate":""}`, candidateJSON("candidate:"), candidateJSON("x y z"), candidateJSON(strings.Repeat("9 ", 900)),
		candidateJSON("candidate:1 1 udp 2122260223 somewhere.local 5000 typ host"), candidateJSON("candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active")}
	for range 50 {
		if err := s.Candidates("a", "camille", garbage); err != nil {
			t.Fatal(err)
		}
	}
	b.accept(answer)
	peer, _ := s.Peer("a")
	eventually(t, "it is connected all the same", func() bool { return peer.State() == rtc.Connected })
}

func TestKeysThatABrowserSendsAreHeardOnceEach(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	var mu sync.Mutex
	var digits []byte
	peer.OnDigit(func(d byte) { mu.Lock(); digits = append(digits, d); mu.Unlock() })
	peer.Speaks(func(*media.Packet) { t.Error("a key was handed on as speech") })
	for i, key := range []byte{1, 1, 11} { // "1", "1", "#"
		for j := range 5 {
			end := byte(0)
			if j > 2 {
				end = 0x80
			}
			b.voice.write(t, 126, uint16(i*10+j), uint32(1+i)*8000, []byte{key, end | 10, 0, byte(j * 160)})
		}
	}
	eventually(t, "three keys", func() bool { mu.Lock(); defer mu.Unlock(); return len(digits) >= 3 })
	mu.Lock()
	defer mu.Unlock()
	if string(digits) != "11#" {
		t.Errorf("heard %q", digits)
	}
}

func TestQualityTellsLossAndReplaysAreRefused(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	b.speak(100, 50, 'c', 8)
	b.speak(160, 50, 'c', 8) // ten never came
	eventually(t, "a hundred came and ten did not", func() bool { q := peer.Quality(); return q.Received == 100 && q.Lost == 10 })
	if q := peer.Quality(); q.MOS < 1 || q.MOS > 4 || time.Since(q.LastHeard) > 5*time.Second {
		t.Errorf("a line that lost a tenth has %+v", q)
	}
	peer.Hears([]string{"x"})
	for i := range 50 {
		peer.Hear("x", &media.Packet{Codec: audio.PCMA, Payload: []byte("x"), Sequence: uint16(i), Timestamp: uint32(i) * 160})
	}
	if q := peer.Quality(); q.Sent != 50 {
		t.Errorf("sent %d", q.Sent)
	}
	eventually(t, "the browser's report gives the way there and back", func() bool { return peer.Quality().RoundTrip > 0 })

	call := peer.Lend() // the next call: nothing of this one is counted in it
	if q := call.Quality(); q.Received != 0 || q.Lost != 0 || q.Sent != 0 {
		t.Errorf("a new call begins with %+v", q)
	}
	b.speak(210, 20, 'c', 8)
	eventually(t, "twenty came and all of them", func() bool { q := call.Quality(); return q.Received == 20 && q.Lost == 0 && q.MOS > 4 })
}

func TestAfterSpeaksNilNothingIsSaid(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	var mu sync.Mutex
	over, after := false, 0
	stop := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() {
		for seq := uint16(0); ; seq += 5 {
			select {
			case <-stop:
				return
			default:
				b.speak(seq, 5, 'c', 8)
			}
		}
	})
	for range 20 {
		mu.Lock()
		over = false
		mu.Unlock()
		peer.Speaks(func(*media.Packet) {
			mu.Lock()
			defer mu.Unlock()
			if over {
				after++
			}
		})
		time.Sleep(5 * time.Millisecond)
		peer.Speaks(nil)
		mu.Lock()
		over = true
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	talking.Wait()
	if after > 0 {
		t.Errorf("%d packets after Speaks(nil)", after)
	}
}

func TestTURNCredentialsEndAndNameNobody(t *testing.T) {
	s := open(t, rtc.Options{STUN: []string{"stun:stun.example:3478"}, TURN: []rtc.TURNServer{{URL: "turns:turn.example:443?transport=tcp", Secret: "s", For: time.Hour}}})
	all := s.ICEServers()
	if len(all) != 2 || all[0].Username != "" || all[1].Credential == "" {
		t.Fatalf("got %+v", all)
	}
	if again := s.ICEServers(); again[1].Username == all[1].Username {
		t.Error("two browsers have one name")
	}
}

func TestTwoHundredBrowsersLeaveNothingBehind(t *testing.T) {
	s := open(t, rtc.Options{PerStaff: 16})
	one := openBrowser(t, s, "camille", "warm", look{})
	one.connect()
	one.close()
	eventually(t, "the first is gone", func() bool { return s.Len() == 0 })
	time.Sleep(200 * time.Millisecond)
	before := runtime.NumGoroutine()
	for round := range 20 {
		var wg sync.WaitGroup
		for i := range 10 {
			b := openBrowser(t, s, "camille", fmt.Sprint(round, " ", i), look{})
			wg.Go(func() {
				answer, err := s.Offer(t.Context(), b.id, b.staff, b.offer(false))
				if err != nil {
					t.Error(err)
					return
				}
				peer, _ := s.Peer(b.id)
				peer.Hears([]string{"x"})
				peer.Speaks(func(*media.Packet) {})
				switch i % 3 {
				case 0: // it never connects
					s.Drop(b.id, b.staff)
				case 1: // it goes while it connects
					b.accept(answer)
					b.close()
					s.Drop(b.id, b.staff)
				default:
					b.accept(answer)
					<-b.up
					b.close()
				}
				b.close()
			})
		}
		wg.Wait()
		eventually(t, "all ten are gone", func() bool { return s.Len() == 0 })
	}
	eventually(t, "their goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+3 })
}

func TestABrowserIsLentToOneCallAfterTheOtherAndStaysConnected(t *testing.T) {
	s := open(t, rtc.Options{})
	b := openBrowser(t, s, "camille", "a", look{})
	peer := b.connect()
	var mu sync.Mutex
	heard := map[string]int{}
	ear := func(call string) func(*media.Packet) {
		return func(*media.Packet) { mu.Lock(); heard[call]++; mu.Unlock() }
	}
	first := peer.Lend()
	first.Speaks(ear("first"))
	first.Hears([]string{"1"})
	b.speak(1, 5, 'c', 8)
	eventually(t, "the first call hears her", func() bool { mu.Lock(); defer mu.Unlock(); return heard["first"] == 5 })
	second := peer.Lend()
	second.Speaks(ear("second"))
	second.Hears([]string{"2"})
	first.Speaks(ear("first")) // too late
	first.Hears([]string{"1"})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	b.speak(10, 5, 'c', 8)
	for i := range 5 {
		first.Hear("1", &media.Packet{Codec: audio.PCMA, Payload: []byte("1"), Sequence: uint16(i)})
		second.Hear("2", &media.Packet{Codec: audio.PCMA, Payload: []byte("2"), Sequence: uint16(i)})
	}
	eventually(t, "the second has her alone", func() bool { mu.Lock(); defer mu.Unlock(); return heard["second"] == 5 && b.packets('2') == 5 })
	if heard["first"] != 5 || b.packets('1') != 0 {
		t.Errorf("the first call still hears or is heard: %v", heard)
	}
	if err := second.Close(); err != nil || peer.State() != rtc.Connected {
		t.Errorf("after both it is %v (%v)", peer.State(), err)
	}
}

func TestBehindANATThePublicAddressIsAnnouncedAndNoOther(t *testing.T) {
	s := open(t, rtc.Options{PublicIPs: []string{"203.0.113.9"}})
	answer, err := s.Offer(t.Context(), "a", "camille", openBrowser(t, s, "camille", "a", look{}).offer(false))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(" 203.0.113.9 %d typ host", s.UDPPort()); !strings.Contains(answer, want) || strings.Contains(answer, "127.0.0.1") {
		t.Errorf("the answer announces not %q, or more:\n%s", want, answer)
	}
}

func TestABrowserThatMayOnlyUseARelayIsReachedWithTheCredentialsItIsGiven(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	relay, err := turn.NewServer(turn.ServerConfig{
		Realm: "vigie.example", LoggerFactory: logging.NewDefaultLoggerFactory(), AuthHandler: turn.LongTermTURNRESTAuthHandler("shared", logging.NewDefaultLoggerFactory().NewLogger("turn")),
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
			PermissionHandler: func(net.Addr, net.IP) bool { return true }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = relay.Close() }()
	s := open(t, rtc.Options{TURN: []rtc.TURNServer{{URL: "turn:" + conn.LocalAddr().String() + "?transport=udp", Secret: "shared"}}})
	b := openBrowser(t, s, "camille", "a", look{relay: s.ICEServers()})
	peer := b.connect()
	peer.Hears([]string{"x"})
	for i := range 20 {
		peer.Hear("x", &media.Packet{Codec: audio.PCMA, Payload: []byte("xxxx"), Sequence: uint16(i), Timestamp: uint32(i) * 160})
	}
	eventually(t, "it hears through the relay", func() bool { return b.packets('x') == 20 })
}
