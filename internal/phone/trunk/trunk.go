// Package trunk speaks SIP with the telephone network: it takes the calls that a trunk delivers, makes calls by
// it, and keeps each one in order until it ends. It knows nothing of queues or people; sound goes by a MediaLine,
// which whoever opens the server provides.
//
// sipgo cuts and reads the messages. Sockets, transactions and dialogs are ours, because a helpline asks of them
// what a general library does not: requests of one call are handled in the order in which they came, what a
// stranger sends costs no memory that grows, a fault in the handling of one message ends one call and nothing
// else, waiting times belong to a server and not to the process, and nothing that a caller sent is ever logged.
//
// The way of a message: wire.go brings it, door.go says whether we talk to its sender at all, take.go gives it to
// its transaction or its call, and a call handles what it gets one after the other (call.go).
package trunk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/sdp"
)

// Options are how a server is opened. Zero values are sensible but for Trunks and Media.
type Options struct {
	// Listen are the sockets, "udp:127.0.0.1:5060", "tcp:[::]:5060", "tls:0.0.0.0:5061".
	Listen []string
	// TLS has the certificate of the tls: sockets, and the authorities that a trunk's certificate is checked with.
	TLS *tls.Config
	// PublicIP is our address as the trunks see it, when it is not the socket's own: in Via, Contact and SDP.
	PublicIP netip.Addr
	Trunks   []Trunk
	// Media opens the line of one call. It is called once a call.
	Media func(Trunk) (MediaLine, error)
	Log   *slog.Logger
	Now   func() time.Time
	// UserAgent is said in our messages, "Vigie" when empty.
	UserAgent string

	// Calls and InvitesPerSecond bound all trunks together: 1,000 and 100 when zero.
	Calls, InvitesPerSecond int
	// T1, T2 and T4 are the times of RFC 3261 §17.1.1.1, 500 ms, 4 s and 5 s when zero; Patience is how long a
	// trunk may take to answer anything to an INVITE, 64*T1 when zero (timer B).
	T1, T2, T4, Patience time.Duration
	// Leave is how long Close waits for the other sides to confirm that a call is over, 2 s when zero.
	Leave time.Duration
	// MinSession is the shortest session interval that we accept (RFC 4028 Min-SE), 90 s when zero, which no
	// server should go below.
	MinSession time.Duration
}

// Trunk is one connection to the telephone network.
type Trunk struct {
	Name string
	// Peers are the addresses from which it calls. When there are none, only digest (Challenge) or the address of
	// Proxy lets it in.
	Peers []netip.Prefix
	// Proxy is where our calls go, "sip:host:port;transport=tcp"; empty for a trunk that only delivers.
	Proxy string
	// User, Password and Realm are the digest that we present when it asks, and, with Challenge, that we ask of
	// it. An empty Realm presents it to any realm, and asks in the name of "vigie".
	User, Password, Realm string
	Challenge             bool
	// Algorithms are those of the digest that we ask for, the preferred one first: SHA-256 and MD5 when empty. There
	// are peers that only look at the first challenge and know only MD5: for those, name MD5 alone.
	Algorithms []string
	// Register keeps us registered at Proxy.
	Register bool
	// Numbers are the called numbers that it may deliver; empty is any.
	Numbers []string
	// CallerID is the number that we show; empty is none (RFC 3323, RFC 3325).
	CallerID string
	// Plan is what may be called by it, by ourselves or by a transfer that the other side asks for.
	Plan Plan
	// Codecs are allowed in this order; PCMA, PCMU and Opus when empty. One of G.711 has to be among them.
	Codecs []audio.Codec
	// SRTP is "off" (also when empty), "allowed" or "required".
	SRTP string
	// SessionExpires is the session interval that we ask for (RFC 4028); zero asks for none.
	SessionExpires time.Duration
	// Options is how often the trunk is asked whether it lives; zero is never.
	Options time.Duration
	// MediaPeers are the addresses that RTP may come from, for the line.
	MediaPeers []netip.Prefix
	// Calls and InvitesPerSecond bound this trunk; zero is no bound but the server's. A tenth of the calls is kept for those
	// that we make.
	Calls, InvitesPerSecond int
}

// MediaLine is where the sound of one call goes in and out.
type MediaLine interface {
	// Local is where it receives RTP; reports come to the port after it.
	Local() netip.AddrPort
	// Configure says what was agreed: once before a call is answered, and again whenever it changes.
	Configure(sdp.Agreed) error
	// Close ends it. The call closes its line when it ends; closing twice is closing once.
	Close() error
}

// Server has the sockets and the calls of all trunks.
type Server struct {
	options Options
	timers  timers
	log     *slog.Logger
	now     func() time.Time
	wire    *wire
	door    *door
	trunks  []*line
	counts  counts
	nonces  *nonces
	invites *bucket

	mu       sync.Mutex
	closed   bool
	servers  map[string]*serverTx
	clients  map[string]*clientTx
	calls    map[string]*Call // by dialog
	merging  map[string]*serverTx
	incoming func(*Call)

	draining atomic.Bool
	active   atomic.Int64
	stop     context.CancelFunc
	life     context.Context
	work     sync.WaitGroup
}

// line is a trunk at work.
type line struct {
	Trunk
	proxy    hop // where its calls go
	hasProxy bool
	security sdp.Security
	active   atomic.Int64
	invites  *bucket

	registration string // Call-ID of all our REGISTERs (RFC 3261 §10.2)

	mu         sync.Mutex
	registers  uint32 // the last CSeq of those
	healthy    bool
	registered bool
	retryAfter time.Time
}

// Open opens the sockets, starts to keep the trunks alive, and takes calls from then on. Errors: a setting that
// makes no sense, in a sentence; a socket that cannot be had.
func Open(options Options) (*Server, error) {
	s := &Server{
		options: options, log: options.Log, now: options.Now,
		servers: map[string]*serverTx{}, clients: map[string]*clientTx{}, calls: map[string]*Call{}, merging: map[string]*serverTx{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if options.Media == nil {
		return nil, errors.New("trunk: no media")
	}
	s.timers = timers{orTime(options.T1, 500*time.Millisecond), orTime(options.T2, 4*time.Second), orTime(options.T4, 5*time.Second)}
	s.options.MinSession = orTime(options.MinSession, 90*time.Second)
	if s.options.UserAgent == "" {
		s.options.UserAgent = "Vigie"
	}
	if s.options.Calls == 0 {
		s.options.Calls = 1000
	}
	if s.options.InvitesPerSecond == 0 {
		s.options.InvitesPerSecond = 100
	}
	s.invites = newBucket(s.options.InvitesPerSecond)
	s.nonces = newNonces(s.now)
	s.life, s.stop = context.WithCancel(context.Background())
	for _, t := range options.Trunks {
		l, err := s.newLine(t)
		if err != nil {
			return nil, err
		}
		s.trunks = append(s.trunks, l)
	}
	s.door = newDoor(s.trunks)
	s.wire = &wire{s: s, conns: map[*connection]struct{}{}}
	if err := s.wire.listen(options.Listen, options.TLS); err != nil {
		s.wire.close()
		return nil, err
	}
	for _, l := range s.trunks {
		s.keep(l)
	}
	return s, nil
}

// newLine checks a trunk's settings.
func (s *Server) newLine(t Trunk) (*line, error) {
	l := &line{Trunk: t, healthy: true, registration: random()}
	if t.Name == "" {
		return nil, errors.New("trunk: a trunk needs a name")
	}
	if slices.ContainsFunc(s.trunks, func(other *line) bool { return other.Name == t.Name }) {
		return nil, fmt.Errorf("trunk %s: there are two of this name", t.Name)
	}
	switch strings.ToLower(t.SRTP) {
	case "", "off":
	case "allowed":
		l.security = sdp.Allowed
	case "required":
		l.security = sdp.Required
	default:
		return nil, fmt.Errorf("trunk %s: SRTP is off, allowed or required, not %q", t.Name, t.SRTP)
	}
	if len(l.Codecs) == 0 {
		l.Codecs = []audio.Codec{audio.PCMA, audio.PCMU, audio.Opus}
	}
	if !slices.ContainsFunc(l.Codecs, audio.Codec.Law) {
		return nil, fmt.Errorf("trunk %s: it needs PCMA or PCMU, in which we greet", t.Name)
	}
	if t.InvitesPerSecond > 0 {
		l.invites = newBucket(t.InvitesPerSecond)
	}
	for _, name := range t.Algorithms {
		if _, sess, ok := algorithm(name); !ok || sess {
			return nil, fmt.Errorf("trunk %s: the algorithms of a digest are SHA-256 and MD5, not %q", t.Name, name)
		}
	}
	if len(t.Algorithms) == 0 {
		l.Algorithms = []string{"SHA-256", "MD5"}
	}
	if t.Challenge && (t.User == "" || t.Password == "") {
		return nil, fmt.Errorf("trunk %s: to ask for a digest it needs a user and a password", t.Name)
	}
	if len(t.Peers) == 0 && !t.Challenge && t.Proxy == "" {
		return nil, fmt.Errorf("trunk %s: it needs peers, a digest to ask for, or a proxy", t.Name)
	}
	if t.Register && (t.Proxy == "" || t.User == "") {
		return nil, fmt.Errorf("trunk %s: to register it needs a proxy and a user", t.Name)
	}
	if t.Proxy != "" {
		h, err := parseHop(t.Proxy)
		if err != nil {
			return nil, fmt.Errorf("trunk %s: proxy: want sip:host:port;transport=udp, tcp or tls", t.Name)
		}
		l.proxy, l.hasProxy = h, true
	}
	return l, nil
}

// Incoming says who takes the calls that come in; it is called for each in a goroutine of its own, after we said
// 100 Trying. A call that nobody takes is refused with 480.
func (s *Server) Incoming(take func(*Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incoming = take
}

// Addr is where a socket of this network ("udp", "tcp", "tls") listens, for tests and for port 0.
func (s *Server) Addr(network string) netip.AddrPort {
	switch network {
	case "udp":
		if len(s.wire.packets) > 0 {
			return unmap(s.wire.packets[0].LocalAddr().(*net.UDPAddr).AddrPort())
		}
	case "tcp", "tls":
		for _, listener := range s.wire.listeners {
			if _, secure := listener.(tlsListener); secure == (network == "tls") {
				return unmap(listener.Addr().(*net.TCPAddr).AddrPort())
			}
		}
	}
	return netip.AddrPort{}
}

// Drain refuses new calls from now on, with 503 so that the network tries elsewhere; those that are go on.
func (s *Server) Drain() { s.draining.Store(true) }

// Calls is how many calls there are.
func (s *Server) Calls() int { return int(s.active.Load()) }

// Healthy says whether the trunk answered last time, and is registered if it registers. A trunk that is never
// asked is healthy until a call by it fails for silence.
func (s *Server) Healthy(trunk string) bool {
	l := s.line(trunk)
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.healthy && (!l.Register || l.registered)
}

// Close hangs up every call, gives the registrations back, and closes the sockets. It takes no longer than Leave
// of the options.
func (s *Server) Close() error {
	s.Drain()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	var calls []*Call
	for _, c := range s.calls {
		if !slices.Contains(calls, c) {
			calls = append(calls, c)
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), orTime(s.options.Leave, 2*time.Second))
	defer cancel()
	var leaving sync.WaitGroup
	for _, c := range calls {
		leaving.Go(func() { c.Hangup(ctx, "shutdown") })
	}
	for _, l := range s.trunks {
		leaving.Go(func() { s.unregister(ctx, l) })
	}
	leaving.Wait()
	s.stop()
	s.mu.Lock()
	s.closed = true
	var clients []*clientTx
	for _, tx := range s.clients {
		clients = append(clients, tx)
	}
	var servers []*serverTx
	for _, tx := range s.servers {
		servers = append(servers, tx)
	}
	s.mu.Unlock()
	for _, tx := range clients {
		tx.end()
	}
	for _, tx := range servers {
		tx.end()
	}
	s.wire.close()
	// Also what came in while the others left.
	s.mu.Lock()
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	s.mu.Unlock()
	for _, c := range calls {
		c.finish(End{By: Us, Reason: "shutdown"})
	}
	s.work.Wait()
	return nil
}

// line finds a trunk by its name.
func (s *Server) line(name string) *line {
	for _, l := range s.trunks {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// panicked takes note of a fault of ours in the handling of one message or call. The stack names functions and
// lines, never what was in the message.
func (s *Server) panicked(where string, what any) {
	s.count(Panicked)
	s.log.Error("sip: a fault of ours", "where", where, "kind", fmt.Sprintf("%T", what), "stack", string(debug.Stack()))
}

// guarded runs one piece of work and lives on when it panics.
func (s *Server) guarded(where string, work func()) {
	defer func() {
		if r := recover(); r != nil {
			s.panicked(where, r)
		}
	}()
	work()
}

func (s *Server) forgetServer(tx *serverTx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers[tx.key] == tx {
		delete(s.servers, tx.key)
	}
	if key := mergeKey(tx.request); s.merging[key] == tx {
		delete(s.merging, key)
	}
}

func (s *Server) forgetClient(tx *clientTx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[tx.key] == tx {
		delete(s.clients, tx.key)
	}
}

func orTime(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
