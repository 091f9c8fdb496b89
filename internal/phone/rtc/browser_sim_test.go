package rtc_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// browser is a counsellor's browser played by pion's own PeerConnection: it offers as soft-phone.ts does, one
// line that speaks and listens and three that listen.
type browser struct {
	t      testing.TB
	server *rtc.Server
	id     string
	staff  string
	pc     *webrtc.PeerConnection
	voice  *loose
	mux    ice.UDPMux
	cut    atomic.Bool // nothing goes in or out any more

	mu    sync.Mutex
	heard map[byte]int            // packets by the first byte of their payload, which tells the speaker
	lines map[uint32][]rtp.Header // what came on each track
	up    chan struct{}
	once  sync.Once
}

type look struct {
	tcpOnly bool
	relay   []rtc.ICEServer // and by no other way
	codec   string
}

func openBrowser(t testing.TB, s *rtc.Server, staff, id string, l look) *browser {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if l.tcpOnly {
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	b := &browser{t: t, server: s, id: id, staff: staff, heard: map[byte]int{}, lines: map[uint32][]rtp.Header{}, up: make(chan struct{})}
	config := webrtc.Configuration{}
	for _, server := range l.relay {
		config.ICETransportPolicy = webrtc.ICETransportPolicyRelay
		config.ICEServers = append(config.ICEServers, webrtc.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	if !l.tcpOnly && l.relay == nil {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: cable{conn, &b.cut}})
		b.mux = mux
		settings.SetICEUDPMux(mux)
	}
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if err := engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: 8000}, PayloadType: 126}, webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	reports := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(reports); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(reports)).NewPeerConnection(config)
	if err != nil {
		t.Fatal(err)
	}
	codec := l.codec
	if codec == "" {
		codec = webrtc.MimeTypePCMA
	}
	rate, channels := uint32(8000), uint16(0)
	if codec == webrtc.MimeTypeOpus {
		rate, channels = 48000, 2
	}
	voice, err := newLoose(webrtc.RTPCodecCapability{MimeType: codec, ClockRate: rate, Channels: channels})
	if err != nil {
		t.Fatal(err)
	}
	b.pc, b.voice = pc, voice
	if _, err := pc.AddTransceiverFromTrack(voice, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv}); err != nil {
		t.Fatal(err)
	}
	for range rtc.Tracks - 1 {
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() { // its reports answer ours only once ours are read
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			b.mu.Lock()
			if len(p.Payload) > 0 {
				b.heard[p.Payload[0]]++
			}
			b.lines[p.SSRC] = append(b.lines[p.SSRC], p.Header)
			b.mu.Unlock()
		}
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			b.once.Do(func() { close(b.up) })
		}
	})
	t.Cleanup(b.close)
	return b
}

func (b *browser) close() {
	_ = b.pc.Close()
	if b.mux != nil {
		_ = b.mux.Close()
	}
}

// offer makes an offer with all of its addresses in it.
func (b *browser) offer(restart bool) string {
	b.t.Helper()
	offer, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		b.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(offer); err != nil {
		b.t.Fatal(err)
	}
	<-gathered
	return b.pc.LocalDescription().SDP
}

func (b *browser) accept(answer string) {
	b.t.Helper()
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		b.t.Fatal(err)
	}
}

// connect exchanges offer and answer and waits until both sides are connected.
func (b *browser) connect() *rtc.Peer {
	b.t.Helper()
	answer, err := b.server.Offer(b.t.Context(), b.id, b.staff, b.offer(false))
	if err != nil {
		b.t.Fatal(err)
	}
	b.accept(answer)
	peer, ok := b.server.Peer(b.id)
	if !ok {
		b.t.Fatal("the peer is not there after its offer was answered")
	}
	select {
	case <-b.up:
	case <-time.After(10 * time.Second):
		b.t.Fatal("the browser is not connected after 10 s")
	}
	eventually(b.t, "the server's side is connected", func() bool { return peer.State() == rtc.Connected })
	return peer
}

// speak sends n packets of 20 ms filled with one byte, as fast as a test likes.
func (b *browser) speak(seq uint16, n int, fill byte, payload uint8) {
	b.t.Helper()
	body := make([]byte, 160)
	for i := range body {
		body[i] = fill
	}
	for i := range n {
		now := seq + uint16(i)
		b.voice.write(b.t, payload, now, uint32(now)*160, body)
		time.Sleep(time.Millisecond)
	}
}

func (b *browser) packets(fill byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heard[fill]
}

func (b *browser) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.heard)
	clear(b.lines)
}

// tiny is a room of a test: who hears whom, and nothing else.
type tiny struct {
	mu    sync.Mutex
	legs  map[string]media.Leg
	hears map[string][]string
}

func newTiny(legs ...media.Leg) *tiny {
	r := &tiny{legs: map[string]media.Leg{}, hears: map[string][]string{}}
	for _, l := range legs {
		r.legs[l.ID()] = l
		l.Speaks(func(p *media.Packet) { r.said(l.ID(), p) })
	}
	return r
}

func (r *tiny) let(leg string, speakers ...string) {
	r.mu.Lock()
	r.hears[leg] = speakers
	r.mu.Unlock()
	r.legs[leg].Hears(speakers)
}

func (r *tiny) said(speaker string, p *media.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, speakers := range r.hears {
		for _, s := range speakers {
			if s == speaker {
				r.legs[id].Hear(speaker, p)
			}
		}
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("not so after 10 s: %s", what)
}

func candidateJSON(candidate string) string {
	raw, _ := json.Marshal(map[string]string{"candidate": candidate})
	return string(raw)
}

// vanish cuts the browser off without a word, as a pulled cable does.
func (b *browser) vanish() { b.cut.Store(true) }

// loose is her track, on which a test may write packets of any payload type.
type loose struct {
	*webrtc.TrackLocalStaticRTP
	to atomic.Pointer[webrtc.TrackLocalContext]
}

func newLoose(c webrtc.RTPCodecCapability) (*loose, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(c, "voice", "her")
	return &loose{TrackLocalStaticRTP: track}, err
}

func (l *loose) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	l.to.Store(&c)
	return l.TrackLocalStaticRTP.Bind(c)
}

// write sends one packet as it is told to. It is lost, as any packet may be, while the browser changes from
// one path to another: whoever counts what is heard sees that.
func (l *loose) write(t testing.TB, payload uint8, seq uint16, stamp uint32, body []byte) {
	t.Helper()
	c := *l.to.Load()
	h := &rtp.Header{Version: 2, PayloadType: payload, SequenceNumber: seq, Timestamp: stamp, SSRC: uint32(c.SSRC())}
	if _, err := c.WriteStream().WriteRTP(h, body); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// cable is a network that can be pulled out.
type cable struct {
	net.PacketConn
	cut *atomic.Bool
}

func (c cable) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.cut.Load() {
			return n, from, err
		}
	}
}

func (c cable) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.cut.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}
