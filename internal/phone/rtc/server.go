// Package rtc is a counsellor's browser as a party of calls (WebRTC): her voice comes in, and up to four
// others go out to her, each on a track of its own, so that who hears whom is decided in the room
// (phone/media) and never negotiated anew.
//
// It stands on pion's ICE, DTLS, SRTP and SDP, and leaves pion's PeerConnection aside: a call needs one
// shape of session only (answer.go), and a packet of speech crosses four goroutines there which it can do
// without. Here it is decrypted where it is read (socket.go) and encrypted where it is written (peer.go).
// PeerConnection plays the browser in the tests.
//
// Speech is passed on as it comes, G.711 or Opus, and never decoded here. Nothing of a session description
// and no address is ever logged.
package rtc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the draft of time-limited TURN credentials asks for it
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/ice/v4"
	"github.com/pion/logging"

	"vigie/internal/fault"
)

// Options are how browsers reach us.
type Options struct {
	// UDP is the one port of all browsers, "127.0.0.1:0" or ":8019"; without a host it is opened on every
	// address of the machine. "" is no UDP.
	UDP string
	// TCP is the same for networks that let no UDP through (RFC 6544); "" is no TCP.
	TCP string
	// PublicIPs are announced in place of the machine's own addresses: a server behind a NAT that maps its
	// ports one to one.
	PublicIPs []string
	// Loopback announces 127.0.0.1 too: for tests and the demonstration.
	Loopback bool
	// STUN ("stun:stun.example:3478") and TURN are told to browsers (ICEServers); we do not use them ourselves.
	STUN []string
	TURN []TURNServer
	// PerStaff and Most bound how many browsers of one counsellor and of all are served at once: 4 and
	// 2,000 unless said otherwise.
	PerStaff, Most int
	Log            *slog.Logger
}

// TURNServer is a relay whose credentials are made from a secret that it shares with us and that end by
// themselves (draft-uberti-behave-turn-rest-00; coturn's use-auth-secret).
type TURNServer struct {
	URL    string // "turns:turn.example:443?transport=tcp"
	Secret string
	For    time.Duration // how long credentials last; 12 hours unless said otherwise
}

// ICEServer is a server as RTCPeerConnection takes it (RTCIceServer of the WebRTC recommendation, §4.2.3).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

const (
	// connectWithin is how long a browser that made an offer has until it speaks to us.
	connectWithin = 30 * time.Second
	// A browser that is not heard of for interruptedAfter is interrupted, and gone after goneAfter.
	interruptedAfter = 2 * time.Second
	goneAfter        = 15 * time.Second
	keepAlive        = time.Second
	reportEvery      = 4 * time.Second
)

// Server holds the browsers of this node.
type Server struct {
	opt         Options
	log         *slog.Logger
	certificate tls.Certificate
	fingerprint string // "AB:CD:…", SHA-256 of the certificate
	udp         ice.UDPMux
	tcp         ice.TCPMux
	sockets     []*socket
	routes      routes
	stop        chan struct{}
	ticking     sync.WaitGroup

	mu     sync.Mutex
	peers  map[string]*Peer
	closed bool
}

// Open listens. The errors are of the network: an address that is taken or not ours.
func Open(opt Options) (*Server, error) {
	if opt.UDP == "" && opt.TCP == "" {
		return nil, errors.New("rtc: neither a UDP nor a TCP address to listen on")
	}
	if opt.PerStaff == 0 {
		opt.PerStaff = 4
	}
	if opt.Most == 0 {
		opt.Most = 2000
	}
	for _, ip := range opt.PublicIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			return nil, fmt.Errorf("rtc: public address: %w", err)
		}
	}
	s := &Server{opt: opt, log: opt.Log, peers: map[string]*Peer{}, stop: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	var err error
	if s.certificate, err = selfsign.GenerateSelfSigned(); err != nil {
		return nil, fmt.Errorf("rtc: certificate: %w", err)
	}
	s.fingerprint = fingerprintOf(s.certificate.Certificate[0])
	if err := s.listen(); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.ticking.Add(1)
	go s.tick()
	return s, nil
}

func (s *Server) listen() error {
	if s.opt.UDP != "" {
		addresses, err := addressesOf(s.opt.UDP, s.opt.Loopback)
		if err != nil {
			return fmt.Errorf("rtc: %w", err)
		}
		var all []ice.UDPMux
		for _, address := range addresses {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
			if err != nil {
				return fmt.Errorf("rtc: %w", err)
			}
			sock := open(conn, &s.routes)
			s.sockets = append(s.sockets, sock)
			all = append(all, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: sock, Logger: silent}))
		}
		s.udp = ice.NewMultiUDPMuxDefault(all...)
	}
	if s.opt.TCP != "" {
		listener, err := net.Listen("tcp", s.opt.TCP)
		if err != nil {
			return fmt.Errorf("rtc: %w", err)
		}
		s.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: listener, Logger: silent, ReadBufferSize: 64, WriteBufferSize: 64 << 10,
			FirstStunBindTimeout: 5 * time.Second, AliveDurationForConnFromStun: 5 * time.Second,
		})
	}
	return nil
}

// addressesOf spells out on which addresses to listen. ICE announces each, so "any" is written as those
// that there are now.
func addressesOf(listen string, loopback bool) ([]netip.AddrPort, error) {
	udp, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, err
	}
	port := udp.AddrPort().Port()
	if ip := udp.AddrPort().Addr().Unmap(); ip.IsValid() && !ip.IsUnspecified() {
		return []netip.AddrPort{netip.AddrPortFrom(ip, port)}, nil
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, a := range own {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsLoopback() && !loopback {
			continue
		}
		all = append(all, netip.AddrPortFrom(ip, port))
	}
	if len(all) == 0 {
		return nil, errors.New("no address of this machine can be announced to browsers")
	}
	return all, nil
}

// Close ends every browser's session and stops listening.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	all := make([]*Peer, 0, len(s.peers))
	for _, p := range s.peers {
		all = append(all, p)
	}
	s.mu.Unlock()
	close(s.stop)
	s.ticking.Wait()
	for _, p := range all {
		_ = p.Close()
	}
	var errs []error
	if s.udp != nil {
		errs = append(errs, s.udp.Close())
	} else {
		for _, sock := range s.sockets {
			errs = append(errs, sock.Close())
		}
	}
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close())
	}
	return errors.Join(errs...)
}

// Offer takes what a browser offers (SDP, RFC 9429) for a peer of that id, new or known, and returns our
// answer. For a known peer it is a restart of ICE, or the same session said again; either way the peer stays
// the leg that it is.
//
// Faults: Invalid (fault.phone.offer) for what is no offer of a softphone, NotFound (fault.phone.browser) for a peer of
// somebody else and for one that the browser takes for open and that is gone, TooMany (fault.phone.tabs) for more than four browsers of one counsellor that all are connected,
// Unavailable (fault.phone.full).
func (s *Server) Offer(ctx context.Context, peerID, staffID, sdp string) (string, error) {
	o, err := readOffer(sdp)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "fault.phone.offer")
	}
	if peerID == "" || len(peerID) > 64 || staffID == "" {
		return "", fault.New(fault.Invalid, "fault.phone.offer")
	}
	p, known, err := s.peerFor(peerID, staffID, o.again)
	if err != nil {
		return "", err
	}
	answer, err := p.negotiate(ctx, o)
	if err != nil {
		if !known {
			_ = p.Close()
		}
		if fault.As(err) == nil {
			err = fault.Wrap(err, fault.Unavailable, "fault.phone.browser")
		}
		return "", err
	}
	return answer, nil
}

// peerFor finds the peer or makes it, and says whether it was known.
func (s *Server) peerFor(peerID, staffID string, again bool) (p *Peer, known bool, err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, false, fault.New(fault.Unavailable, "fault.phone.full")
	}
	if p := s.peers[peerID]; p != nil {
		s.mu.Unlock()
		if p.staffID != staffID {
			return nil, false, fault.New(fault.NotFound, "fault.phone.browser")
		}
		return p, true, nil
	}
	if again {
		s.mu.Unlock()
		return nil, false, fault.New(fault.NotFound, "fault.phone.browser")
	}
	mine := 0
	var oldest *Peer // of hers that is not connected: what a tab left behind that died
	for _, p := range s.peers {
		if p.staffID != staffID {
			continue
		}
		mine++
		if p.State() != Connected && (oldest == nil || p.began.Before(oldest.began)) {
			oldest = p
		}
	}
	switch {
	case mine >= s.opt.PerStaff && oldest == nil:
		s.mu.Unlock()
		return nil, false, fault.New(fault.TooMany, "fault.phone.tabs")
	case mine < s.opt.PerStaff:
		oldest = nil
	}
	if len(s.peers) >= s.opt.Most && oldest == nil {
		s.mu.Unlock()
		return nil, false, fault.New(fault.Unavailable, "fault.phone.full")
	}
	p = newPeer(s, peerID, staffID)
	s.peers[peerID] = p
	if oldest != nil {
		delete(s.peers, oldest.id)
	}
	s.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
	return p, false, nil
}

// Candidates takes addresses at which the browser may be reached, each an RTCIceCandidateInit in JSON. What
// cannot be read or used is passed over: a browser is found without them too, by the checks that it sends.
// NotFound for a peer that is not there or somebody else's.
func (s *Server) Candidates(peerID, staffID string, candidates []string) error {
	p, ok := s.Peer(peerID)
	if !ok || p.staffID != staffID {
		return fault.New(fault.NotFound, "fault.phone.browser")
	}
	for _, c := range candidates {
		p.candidate(c)
	}
	return nil
}

// Peer finds a browser by its id.
func (s *Server) Peer(peerID string) (*Peer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.peers[peerID]
	return p, ok
}

// Drop ends the session of a browser that says it is leaving; nothing happens for one that is not hers.
func (s *Server) Drop(peerID, staffID string) {
	if p, ok := s.Peer(peerID); ok && p.staffID == staffID {
		_ = p.Close()
	}
}

// Len is how many browsers are served.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// UDPPort is the port on which browsers are served; 0 for none.
func (s *Server) UDPPort() int {
	if len(s.sockets) == 0 {
		return 0
	}
	return s.sockets[0].LocalAddr().(*net.UDPAddr).Port
}

// ICEServers is what a browser needs besides our own addresses, with relay credentials made now.
func (s *Server) ICEServers() []ICEServer {
	all := []ICEServer{}
	if len(s.opt.STUN) > 0 {
		all = append(all, ICEServer{URLs: s.opt.STUN})
	}
	for _, t := range s.opt.TURN {
		lasts := t.For
		if lasts == 0 {
			lasts = 12 * time.Hour
		}
		all = append(all, t.credentials(time.Now().Add(lasts)))
	}
	return all
}

// credentials names nobody: what stands after the colon is chance.
func (t TURNServer) credentials(until time.Time) ICEServer {
	var chance [8]byte
	_, _ = rand.Read(chance[:])
	name := strconv.FormatInt(until.Unix(), 10) + ":" + hex.EncodeToString(chance[:])
	mac := hmac.New(sha1.New, []byte(t.Secret))
	mac.Write([]byte(name))
	return ICEServer{URLs: []string{t.URL}, Username: name, Credential: base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

// forget takes a peer out once it is closed.
func (s *Server) forget(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[p.id] == p {
		delete(s.peers, p.id)
	}
}

// tick looks once a second at every browser: those that never came, those that are silent, reports that are due.
func (s *Server) tick() {
	defer s.ticking.Done()
	every := time.NewTicker(time.Second)
	defer every.Stop()
	var all []*Peer
	for {
		select {
		case <-s.stop:
			return
		case now := <-every.C:
			s.mu.Lock()
			all = all[:0]
			for _, p := range s.peers {
				all = append(all, p)
			}
			s.mu.Unlock()
			for _, p := range all {
				p.tick(now)
			}
			clear(all)
		}
	}
}

func fingerprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 3*len(sum))
	for i, b := range sum {
		if i > 0 {
			out = append(out, ':')
		}
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}

// silent is pion's log: it would write down addresses.
var (
	silence = func() *logging.DefaultLoggerFactory {
		f := logging.NewDefaultLoggerFactory()
		f.DefaultLogLevel = logging.LogLevelDisabled
		f.ScopeLevels = map[string]logging.LogLevel{}
		return f
	}()
	silent = silence.NewLogger("ice")
)
