package rtc

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	dtlsprint "github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"vigie/internal/fault"
	"vigie/internal/phone/media"
)

// State is where a browser stands.
type State uint8

// The states, and where each may lead: connecting → connected, gone; connected → interrupted, gone;
// interrupted → connected, gone. Nothing leads back from gone: the browser makes a new peer.
const (
	Connecting State = iota + 1
	Connected
	Interrupted
	Gone
)

// String is for the log.
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Interrupted:
		return "interrupted"
	case Gone:
		return "gone"
	}
	return "unknown"
}

var moves = map[State][]State{
	Connecting:  {Connected, Gone},
	Connected:   {Interrupted, Gone},
	Interrupted: {Connected, Gone},
}

const (
	mostCandidates = 32
	mostSources    = 16 // streams that one browser may send in its life
	longestPacket  = 1500
)

// Peer is one browser: a media.Leg for as long as it is not gone.
type Peer struct {
	id, staffID string
	server      *Server
	began       time.Time
	session     uint64
	ending      context.Context
	end         context.CancelFunc

	// negotiating holds one exchange of offer and answer at a time.
	negotiating sync.Mutex
	agent       *ice.Agent
	line        *ice.Conn
	dtls        *handshake
	secure      atomic.Pointer[dtls.Conn]
	remote      offer // what the answer in force was made from
	version     uint64
	candidates  atomic.Int32

	way    atomic.Pointer[way] // where speech goes without asking ICE
	routed netip.AddrPort      // under stateMu

	stateMu sync.Mutex
	state   State
	iceDown bool
	watches []*watch
	queue   []State
	telling bool

	lending sync.Mutex
	lent    *lent

	in  hearing
	out speaking
}

var _ media.Leg = (*Peer)(nil)

type watch struct{ f func(State) }

// way is a socket of ours and an address of the browser's that ICE has agreed upon.
type way struct {
	socket *socket
	to     netip.AddrPort
}

// speaking is what goes out. Its lock is held while a packet is encrypted and sent.
type speaking struct {
	sync.Mutex
	ready    bool
	tracks   int // that the browser listens on
	numbers  payloads
	voices   [Tracks]voice
	wanted   []string // whom the room lets her hear, also those who found no track
	srtp     *srtp.Context
	plain    [longestPacket]byte
	sealed   [longestPacket + 64]byte
	header   rtp.Header
	total    uint64
	before   uint64 // of it, what was sent before the call that has the browser now
	lastRTCP time.Time
}

func newPeer(s *Server, id, staffID string) *Peer {
	p := &Peer{id: id, staffID: staffID, server: s, began: time.Now(), session: rand.Uint64() >> 2, state: Connecting}
	p.ending, p.end = context.WithCancel(context.Background())
	p.out.numbers = payloads{of: [3]uint8{noPayload, noPayload, noPayload}, digits: noPayload}
	for i := range p.out.voices {
		v := &p.out.voices[i]
		v.ssrc, v.seq, v.time = rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
		p.in.remote[i].ssrc = v.ssrc
	}
	return p
}

// ID tells the peer apart; the browser chose it.
func (p *Peer) ID() string { return p.id }

// StaffID is whose browser it is.
func (p *Peer) StaffID() string { return p.staffID }

// State is where the browser stands now.
func (p *Peer) State() State {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	return p.state
}

// OnState calls f with each state that the browser comes to from now on, in order and one at a time, until stop
// is called. A call that is under way may still end after stop has returned.
func (p *Peer) OnState(f func(State)) (stop func()) {
	w := &watch{f}
	p.stateMu.Lock()
	p.watches = append(p.watches, w)
	p.stateMu.Unlock()
	return func() {
		p.stateMu.Lock()
		defer p.stateMu.Unlock()
		p.watches = slices.DeleteFunc(p.watches, func(other *watch) bool { return other == w })
	}
}

// move goes to a state if it may, and says whether it did.
func (p *Peer) move(to State) bool {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	if !slices.Contains(moves[p.state], to) {
		return false
	}
	p.state = to
	p.queue = append(p.queue, to)
	if !p.telling {
		p.telling = true
		go p.tell()
	}
	return true
}

func (p *Peer) tell() {
	for {
		p.stateMu.Lock()
		if len(p.queue) == 0 {
			p.telling = false
			p.stateMu.Unlock()
			return
		}
		state := p.queue[0]
		p.queue = p.queue[1:]
		watches := slices.Clone(p.watches)
		p.stateMu.Unlock()
		for _, w := range watches {
			w.f(state)
		}
	}
}

// negotiate answers an offer: the first one, the same session said again, or a restart of ICE.
func (p *Peer) negotiate(ctx context.Context, o offer) (string, error) {
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	if p.ending.Err() != nil {
		return "", fault.New(fault.Gone, "fault.phone.browser")
	}
	switch {
	case p.agent == nil:
		if err := p.begin(ctx, o); err != nil {
			return "", err
		}
	case !slices.Equal(o.fingerprints, p.remote.fingerprints):
		// Another browser, or the same after a reload: that is another peer.
		return "", fault.New(fault.Invalid, "fault.phone.offer")
	case o.ufrag != p.remote.ufrag:
		if err := p.restart(ctx, o); err != nil {
			return "", err
		}
	}
	p.remote = o
	for _, c := range o.candidates {
		p.add(c)
	}
	ufrag, pwd, err := p.agent.GetLocalUserCredentials()
	if err != nil {
		return "", err
	}
	local, err := p.agent.GetLocalCandidates()
	if err != nil {
		return "", err
	}
	a := answering{session: p.session, version: p.version, ufrag: ufrag, pwd: pwd, print: p.server.fingerprint}
	p.version++
	for _, c := range local {
		a.candidates = append(a.candidates, c.Marshal())
	}
	for i := range p.out.voices {
		a.ssrcs[i] = p.out.voices[i].ssrc
	}
	text, tracks := o.answer(a)
	p.out.Lock()
	p.out.tracks, p.out.numbers = tracks, o.payloads
	p.reassign()
	p.out.Unlock()
	p.in.learn(o.payloads)
	return text, nil
}

// begin makes the session and leaves it to connect by itself.
func (p *Peer) begin(ctx context.Context, o offer) error {
	s := p.server
	options := []ice.AgentOption{
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithDisconnectedTimeout(interruptedAfter),
		ice.WithFailedTimeout(goneAfter - interruptedAfter),
		ice.WithKeepaliveInterval(keepAlive),
		ice.WithDisableActiveTCP(),
		ice.WithLoggerFactory(silence),
	}
	var networks []ice.NetworkType
	if s.udp != nil {
		options = append(options, ice.WithUDPMux(s.udp))
		networks = append(networks, ice.NetworkTypeUDP4, ice.NetworkTypeUDP6)
	}
	if s.tcp != nil {
		options = append(options, ice.WithTCPMux(s.tcp))
		networks = append(networks, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6)
	}
	options = append(options, ice.WithNetworkTypes(networks))
	if s.opt.Loopback {
		options = append(options, ice.WithIncludeLoopback())
	}
	if len(s.opt.PublicIPs) > 0 {
		options = append(options, ice.WithAddressRewriteRules(ice.AddressRewriteRule{External: s.opt.PublicIPs, AsCandidateType: ice.CandidateTypeHost, Mode: ice.AddressRewriteReplace}))
	}
	agent, err := ice.NewAgentWithOptions(options...)
	if err != nil {
		return err
	}
	p.agent = agent
	if err := errors.Join(agent.OnConnectionStateChange(p.iceState), agent.OnSelectedCandidatePairChange(p.selected)); err != nil {
		return err
	}
	if err := p.gather(ctx); err != nil {
		return err
	}
	if p.line, err = agent.StartAccept(o.ufrag, o.pwd); err != nil {
		return err
	}
	p.dtls = newHandshake(p.line)
	go p.read()
	go p.connect(o.fingerprints)
	return nil
}

// restart begins ICE anew while speech goes on as it did: the way out stays until another is agreed upon.
func (p *Peer) restart(ctx context.Context, o offer) error {
	if err := p.agent.Restart("", ""); err != nil {
		return err
	}
	p.candidates.Store(0)
	if err := p.gather(ctx); err != nil {
		return err
	}
	return p.agent.SetRemoteCredentials(o.ufrag, o.pwd)
}

// gather finds our own addresses. All of them are known beforehand, so an answer holds them all.
func (p *Peer) gather(ctx context.Context) error {
	done := make(chan struct{})
	var once sync.Once
	if err := p.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			once.Do(func() { close(done) })
		}
	}); err != nil {
		return err
	}
	if err := p.agent.GatherCandidates(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	select {
	case <-done:
		return nil
	case <-p.ending.Done():
		return fault.New(fault.Gone, "fault.phone.browser")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// candidate takes an RTCIceCandidateInit in JSON.
func (p *Peer) candidate(raw string) {
	var c struct {
		Candidate string `json:"candidate"`
		Ufrag     string `json:"usernameFragment"`
	}
	if len(raw) > 2048 || json.Unmarshal([]byte(raw), &c) != nil || c.Candidate == "" {
		return
	}
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	if p.agent == nil || c.Ufrag != "" && c.Ufrag != p.remote.ufrag {
		return // of before the restart
	}
	p.add(strings.TrimPrefix(c.Candidate, "candidate:"))
}

func (p *Peer) add(raw string) {
	if p.candidates.Add(1) > mostCandidates {
		return
	}
	c, err := ice.UnmarshalCandidate(raw)
	if err != nil || strings.HasSuffix(c.Address(), ".local") {
		return
	}
	_ = p.agent.AddRemoteCandidate(c)
}

// connect waits for ICE, shakes hands (DTLS-SRTP, RFC 5764) and opens the line.
func (p *Peer) connect(prints []fingerprint) {
	ctx, cancel := context.WithTimeout(p.ending, connectWithin)
	defer cancel()
	if err := p.agent.AwaitConnect(ctx); err != nil {
		_ = p.Close()
		return
	}
	conn, err := dtls.ServerWithOptions(p.dtls, p.dtls.LocalAddr(),
		dtls.WithCertificates(p.server.certificate),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerify(true), // nobody vouches for a browser's certificate but its own offer
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error { return vouched(raw, prints) }),
		dtls.WithInsecureSkipVerifyHello(true), // ICE has shown that the address is its own
		dtls.WithLoggerFactory(silence),
	)
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err == nil {
		err = p.keys(conn)
	}
	if err != nil {
		p.server.log.Info("a browser's handshake failed", "peer", p.id)
		if conn != nil {
			_ = conn.Close()
		}
		_ = p.Close()
		return
	}
	p.secure.Store(conn)
	if !p.move(Connected) {
		_ = conn.Close()
		return
	}
	// Nothing is said on this line any more but that it ends.
	var b [256]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			_ = conn.Close()
			_ = p.Close()
			return
		}
	}
}

var errStranger = errors.New("rtc: the certificate is not the one of the offer")

// vouched says that a certificate is one that the offer named, which came by the counsellor's own session.
func vouched(raw [][]byte, prints []fingerprint) error {
	if len(raw) == 0 {
		return errStranger
	}
	certificate, err := x509.ParseCertificate(raw[0])
	if err != nil {
		return errStranger
	}
	for _, print := range prints {
		hash, err := dtlsprint.HashFromString(print.algorithm)
		if err != nil || !hash.Available() || !(print.algorithm == "sha-256" || print.algorithm == "sha-384" || print.algorithm == "sha-512") {
			continue
		}
		got, err := dtlsprint.Fingerprint(certificate, hash)
		if err == nil && strings.EqualFold(got, print.value) {
			return nil
		}
	}
	return errStranger
}

// keys takes the keys of SRTP from the handshake.
func (p *Peer) keys(conn *dtls.Conn) error {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("rtc: no SRTP profile in common")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfileAes128CmHmacSha1_80}
	if profile == dtls.SRTP_AEAD_AES_128_GCM {
		config.Profile = srtp.ProtectionProfileAeadAes128Gcm
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("rtc: the handshake has no state")
	}
	if err := config.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return err
	}
	theirs, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile, srtp.SRTPReplayProtection(128), srtp.SRTCPReplayProtection(64))
	if err != nil {
		return err
	}
	ours, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	if err != nil {
		return err
	}
	p.in.open(theirs)
	p.out.Lock()
	p.out.srtp, p.out.ready = ours, true
	p.out.Unlock()
	return nil
}

// iceState hears how ICE does.
func (p *Peer) iceState(s ice.ConnectionState) {
	switch s {
	case ice.ConnectionStateConnected, ice.ConnectionStateCompleted:
		p.ice(false)
	case ice.ConnectionStateDisconnected:
		p.ice(true)
	case ice.ConnectionStateFailed, ice.ConnectionStateClosed:
		go func() { _ = p.Close() }() // ICE waits for us to return
	}
}

func (p *Peer) ice(down bool) {
	p.stateMu.Lock()
	p.iceDown = down
	p.stateMu.Unlock()
	p.look(time.Now())
}

// look says whether the line is interrupted: ICE has not heard of the browser, and there is no speech either,
// which does not pass by ICE.
func (p *Peer) look(now time.Time) {
	p.stateMu.Lock()
	down, state := p.iceDown, p.state
	p.stateMu.Unlock()
	silent := now.Sub(p.in.lastHeard()) > interruptedAfter-500*time.Millisecond
	switch {
	case state == Connected && down && silent:
		p.move(Interrupted)
	case state == Interrupted && !(down && silent):
		p.move(Connected)
	}
}

// tick is called once a second.
func (p *Peer) tick(now time.Time) {
	if p.State() == Connecting && now.Sub(p.began) > connectWithin {
		_ = p.Close()
		return
	}
	p.look(now)
	p.report(now)
}

// selected hears which pair of addresses ICE has agreed upon.
func (p *Peer) selected(local, remote ice.Candidate) {
	p.way.Store(nil)
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	if p.routed.IsValid() {
		p.server.routes.drop(p.routed, p)
		p.routed = netip.AddrPort{}
	}
	if local == nil || remote == nil || p.state == Gone || !local.NetworkType().IsUDP() {
		return
	}
	ip, err := netip.ParseAddr(remote.Address())
	if err != nil {
		return
	}
	p.routed = netip.AddrPortFrom(ip.Unmap(), uint16(remote.Port()))
	p.server.routes.set(p.routed, p)
	if len(p.server.sockets) == 1 {
		p.way.Store(&way{p.server.sockets[0], p.routed})
	}
}

// read takes what comes by way of ICE: the handshake always, speech until a way of its own is known, and all of
// it over TCP.
func (p *Peer) read() {
	var b [longestPacket]byte
	for {
		n, err := p.line.Read(b[:])
		if err != nil {
			p.dtls.end()
			return
		}
		switch {
		case n == 0:
		case ofDTLS(b[0]):
			p.dtls.take(b[:n])
		case ofSRTP(b[0]):
			p.arrived(b[:n], nil, netip.AddrPort{})
		}
	}
}

// send puts an encrypted packet on its way. What cannot be sent is dropped.
func (p *Peer) send(b []byte) {
	if w := p.way.Load(); w != nil {
		_, _ = w.socket.UDPConn.WriteToUDPAddrPort(b, w.to)
		return
	}
	if p.line != nil {
		_, _ = p.line.Write(b)
	}
}

// Hears says whom the browser hears from now on. Who was heard keeps the track; who is new takes a free one;
// of more than there are tracks the last wait until one is free.
func (p *Peer) Hears(speakers []string) {
	p.out.Lock()
	defer p.out.Unlock()
	p.out.wanted = append(p.out.wanted[:0], speakers...)
	p.reassign()
}

// reassign is called with out locked.
func (p *Peer) reassign() {
	o := &p.out
	for i := range o.voices {
		if v := &o.voices[i]; v.speaker != "" && (i >= o.tracks || !slices.Contains(o.wanted, v.speaker)) {
			v.assign("")
		}
	}
	for _, speaker := range o.wanted {
		free := -1
		for i := range o.voices[:o.tracks] {
			if o.voices[i].speaker == speaker {
				free = -1
				break
			}
			if o.voices[i].speaker == "" && free < 0 {
				free = i
			}
		}
		if free >= 0 {
			o.voices[free].assign(speaker)
		}
	}
}

// Hear sends a packet of a speaker's on the speaker's track.
func (p *Peer) Hear(speaker string, packet *media.Packet) {
	o := &p.out
	o.Lock()
	defer o.Unlock()
	if !o.ready || len(packet.Payload) > longestPacket-rtpHeader {
		return
	}
	number := o.numbers.number(packet.Codec)
	if number == noPayload {
		return
	}
	for i := range o.voices[:o.tracks] {
		v := &o.voices[i]
		if v.speaker != speaker {
			continue
		}
		n := v.write(o.plain[:], number, packet, time.Now())
		sealed, err := o.srtp.EncryptRTP(o.sealed[:0], o.plain[:n], &o.header)
		if err == nil {
			o.total++
			p.send(sealed)
		}
		return
	}
}

// Speaks gives the browser the ear of its room.
func (p *Peer) Speaks(out func(*media.Packet)) { p.in.speaks(out) }

// OnDigit calls f with each key that the browser sends as a telephone event (RFC 4733): "0" to "9", "*", "#", "A" to
// "D". It is called as Speaks is, and must not wait; nil ends it.
func (p *Peer) OnDigit(f func(digit byte)) { p.in.onDigit(f) }

// Lend gives the browser to one call, as a leg whose Close gives it back and leaves the browser connected for
// the next. A leg that was lent before falls silent: a browser is in one call at a time.
func (p *Peer) Lend() media.Leg {
	l := &lent{peer: p}
	p.lending.Lock()
	defer p.lending.Unlock()
	p.lent = l
	p.Speaks(nil)
	p.Hears(nil)
	p.out.Lock()
	p.out.before = p.out.total
	p.out.Unlock()
	p.in.beginCall()
	return l
}

// lent is a browser for as long as one call has it.
type lent struct{ peer *Peer }

// mine runs f if the browser is still lent to this call.
func (l *lent) mine(f func(p *Peer)) {
	l.peer.lending.Lock()
	defer l.peer.lending.Unlock()
	if l.peer.lent == l {
		f(l.peer)
	}
}

func (l *lent) ID() string                       { return l.peer.ID() }
func (l *lent) Quality() media.Quality           { return l.peer.Quality() }
func (l *lent) Speaks(out func(p *media.Packet)) { l.mine(func(p *Peer) { p.Speaks(out) }) }
func (l *lent) Hears(speakers []string)          { l.mine(func(p *Peer) { p.Hears(speakers) }) }

// Hear asks nothing: who is not among the speakers that the browser was last told of is not heard.
func (l *lent) Hear(speaker string, packet *media.Packet) { l.peer.Hear(speaker, packet) }

func (l *lent) Close() error {
	l.mine(func(p *Peer) {
		p.Speaks(nil)
		p.Hears(nil)
		p.lent = nil
	})
	return nil
}

// Close ends the session and says so to the browser. It waits for a packet of hers that is being handed on.
func (p *Peer) Close() error {
	p.server.forget(p) // first, so that whoever is told finds it gone
	if !p.move(Gone) {
		return nil
	}
	if conn := p.secure.Load(); conn != nil {
		_ = conn.Close() // says close_notify, while the line is there
	}
	p.end()
	p.in.speaks(nil)
	p.selected(nil, nil)
	p.negotiating.Lock()
	agent, line := p.agent, p.dtls
	p.negotiating.Unlock()
	if line != nil {
		line.end()
	}
	if agent != nil {
		return agent.Close()
	}
	return nil
}

// handshake is the part of a browser's line that DTLS sees.
type handshake struct {
	line *ice.Conn
	in   chan []byte
	over chan struct{}
	once sync.Once

	mu       sync.Mutex
	deadline time.Time
	moved    chan struct{}
}

func newHandshake(line *ice.Conn) *handshake {
	return &handshake{line: line, in: make(chan []byte, 32), over: make(chan struct{}), moved: make(chan struct{})}
}

// take keeps a packet for the reader; DTLS repeats what is dropped.
func (h *handshake) take(b []byte) {
	select {
	case h.in <- slices.Clone(b):
	default:
	}
}

func (h *handshake) end() { h.once.Do(func() { close(h.over) }) }

func (h *handshake) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		h.mu.Lock()
		deadline, moved := h.deadline, h.moved
		h.mu.Unlock()
		var late <-chan time.Time // nil, and so never, without a deadline
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case packet := <-h.in:
			return copy(b, packet), h.LocalAddr(), nil
		case <-h.over:
			return 0, nil, net.ErrClosed
		case <-late:
			return 0, nil, errLate
		case <-moved:
		}
	}
}

func (h *handshake) WriteTo(b []byte, _ net.Addr) (int, error) { return h.line.Write(b) }
func (h *handshake) Close() error                              { h.end(); return nil }
func (h *handshake) LocalAddr() net.Addr                       { return nowhere }
func (h *handshake) SetDeadline(t time.Time) error             { return h.SetReadDeadline(t) }
func (h *handshake) SetWriteDeadline(time.Time) error          { return nil }
func (h *handshake) SetReadDeadline(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deadline = t
	close(h.moved)
	h.moved = make(chan struct{})
	return nil
}

// nowhere stands for the address of a line that ICE moves as it likes.
var nowhere = &net.UDPAddr{IP: net.IPv4zero}

type lateError struct{}

func (lateError) Error() string   { return "rtc: the time to read is over" }
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }

var errLate net.Error = lateError{}

// ssrcOf is the source of an RTP packet, which is not encrypted.
func ssrcOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[8:]) }
