package swarm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// browser is the part of a browser that a server sees: it is found by ICE (RFC 8445), shakes hands as the client
// of DTLS-SRTP (RFC 5764), and speaks enciphered. pion's PeerConnection would do the same and cost a core for 300
// of them, which is where the measurement would end.
type browser struct {
	l        *leg
	controls bool // it made the offer (RFC 8445 §6.1.1)
	ufrag    string
	pwd      string

	mu      sync.Mutex
	remote  description
	pending map[[stun.TransactionIDSize]byte]bool
	found   bool

	in    chan []byte // DTLS
	ready chan struct{}
	over  chan struct{}
	once  sync.Once
	err   error // why it is over
	suite string

	seals, opens *srtp.Context // read only after ready
	header       rtp.Header
	heard        rtp.Header
	plain        []byte
}

// certificate is the one of all browsers.
var certificate = sync.OnceValue(func() tls.Certificate {
	c, err := selfsign.GenerateSelfSigned()
	if err != nil {
		panic(err) // only without randomness
	}
	return c
})

func newBrowser(l *leg, controls bool) *browser {
	return &browser{
		l: l, controls: controls, ufrag: random(4), pwd: random(16), pending: map[[stun.TransactionIDSize]byte]bool{},
		in: make(chan []byte, 32), ready: make(chan struct{}), over: make(chan struct{}),
	}
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return hex.EncodeToString(b)
}

// end gives up.
func (b *browser) end(err error) {
	b.once.Do(func() {
		b.err = err
		close(b.over)
	})
}

// describe is the browser's description, an offer ("actpass") or an answer ("active").
func (b *browser) describe(setup string) string {
	sum := sha256.Sum256(certificate().Certificate[0])
	print := strings.ToUpper(hex.EncodeToString(sum[:]))
	for i := len(print) - 2; i > 0; i -= 2 {
		print = print[:i] + ":" + print[i:]
	}
	a, port := b.l.address, b.l.s.board.port
	b.mu.Lock()
	mid, keys := b.remote.mid, b.remote.keys
	b.mu.Unlock()
	if keys == "" {
		keys = keysOf("")
	}
	lines := []string{
		"v=0", fmt.Sprintf("o=- %d 1 IN IP4 %s", b.l.number+1, a), "s=-", "t=0 0",
		fmt.Sprintf("m=audio %d UDP/TLS/RTP/SAVPF 8 %s", port, keys), fmt.Sprintf("c=IN IP4 %s", a),
		"a=rtpmap:8 PCMA/8000", "a=rtpmap:" + keys + " telephone-event/8000", "a=ptime:20",
		"a=sendrecv", "a=rtcp-mux", "a=setup:" + setup, "a=fingerprint:sha-256 " + print,
		"a=ice-ufrag:" + b.ufrag, "a=ice-pwd:" + b.pwd, fmt.Sprintf("a=candidate:1 1 UDP 2130706431 %s %d typ host", a, port), "a=end-of-candidates",
	}
	switch {
	case mid != "":
		lines = append(lines, "a=mid:"+mid)
	case b.controls:
		lines = append(lines, "a=mid:0")
		lines[3] += "\r\na=group:BUNDLE 0"
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// description is what matters of the other side's.
type description struct {
	ufrag, pwd, mid string
	keys            string // the number of telephone-event
	to              netip.AddrPort
}

func readDescription(text string) (d description, err error) {
	d.keys = keysOf(text)
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag":
			d.ufrag = value
		case "a=ice-pwd":
			d.pwd = value
		case "a=mid":
			d.mid = value
		case "a=candidate":
			// foundation component transport priority address port
			words := strings.Fields(value)
			if len(words) < 6 || words[1] != "1" || !strings.EqualFold(words[2], "UDP") || d.to.IsValid() {
				continue
			}
			if to, err := netip.ParseAddrPort(words[4] + ":" + words[5]); err == nil && to.Addr().IsLoopback() {
				d.to = to
			}
		}
	}
	if d.ufrag == "" || d.pwd == "" || !d.to.IsValid() {
		return d, errors.New("swarm: a description without ICE, or without an address on loopback")
	}
	return d, nil
}

// mediaOf is where a telephone's description wants its sound.
func mediaOf(text string) (netip.AddrPort, error) {
	var address, port string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 3 && strings.HasPrefix(words[0], "c="):
			address = words[2]
		case len(words) > 3 && words[0] == "m=audio":
			port = words[1]
		}
	}
	to, err := netip.ParseAddrPort(address + ":" + port)
	if err == nil && ofLegs(to.Addr()) {
		err = errors.New("swarm: the sound would go straight to its other end, with nobody between")
	}
	return to, err
}

// begin looks for the other side and shakes hands, by itself.
func (b *browser) begin(text string) error {
	d, err := readDescription(text)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.remote = d
	b.mu.Unlock()
	b.l.to.Store(&d.to)
	go b.check()
	go b.handshake()
	return nil
}

// check asks the other side until it answers, and then now and then whether it still agrees (RFC 7675).
func (b *browser) check() {
	for every := 50 * time.Millisecond; ; {
		b.ask()
		b.mu.Lock()
		if b.found {
			every = 4 * time.Second
		}
		b.mu.Unlock()
		select {
		case <-time.After(every):
		case <-b.over:
			return
		}
	}
}

func (b *browser) ask() {
	b.mu.Lock()
	d := b.remote
	b.mu.Unlock()
	role, tie := stun.AttrICEControlled, []byte("swarmers")
	if b.controls {
		role = stun.AttrICEControlling
	}
	setters := []stun.Setter{
		stun.TransactionID, stun.BindingRequest, stun.NewUsername(d.ufrag + ":" + b.ufrag),
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 1, 0xff}}, stun.RawAttribute{Type: role, Value: tie},
	}
	if b.controls {
		setters = append(setters, stun.RawAttribute{Type: stun.AttrUseCandidate})
	}
	m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(d.pwd), stun.Fingerprint)...)
	if err != nil {
		return
	}
	b.mu.Lock()
	if len(b.pending) > 16 {
		clear(b.pending)
	}
	b.pending[m.TransactionID] = true
	b.mu.Unlock()
	_ = b.l.s.board.write(m.Raw, b.l.address, d.to)
}

// take takes what came for the browser: a check, the handshake, or speech, which it returns deciphered.
func (b *browser) take(data []byte, from netip.AddrPort) []byte {
	switch first := data[0]; {
	case first < 4:
		b.checked(data, from)
	case first >= 20 && first <= 63:
		select {
		case b.in <- append([]byte(nil), data...):
		default: // it is said again
		}
	case first >= 128 && first <= 191 && !(data[1] >= 192 && data[1] <= 223):
		select {
		case <-b.ready:
		default:
			return nil
		}
		plain, err := b.opens.DecryptRTP(b.plain[:0], data, &b.heard)
		if err != nil {
			return nil
		}
		b.plain = plain
		return plain
	}
	return nil
}

// checked answers the other side's question, or notes that ours was answered.
func (b *browser) checked(data []byte, from netip.AddrPort) {
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	if m.Decode() != nil {
		return
	}
	switch m.Type {
	case stun.BindingSuccess:
		b.mu.Lock()
		if b.pending[m.TransactionID] {
			delete(b.pending, m.TransactionID)
			b.found = true
		}
		b.mu.Unlock()
	case stun.BindingRequest:
		four := from.Addr().As4()
		answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: net.IP(four[:]), Port: int(from.Port())}, stun.NewShortTermIntegrity(b.pwd), stun.Fingerprint)
		if err == nil {
			_ = b.l.s.board.write(answer.Raw, b.l.address, from)
		}
	}
}

// handshake is DTLS, once somebody answers.
func (b *browser) handshake() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		b.mu.Lock()
		found := b.found
		b.mu.Unlock()
		if found {
			break
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			b.end(errors.New("swarm: ICE found nobody"))
			return
		}
	}
	conn, err := dtls.ClientWithOptions(b, b.RemoteAddr(),
		dtls.WithCertificates(certificate()), dtls.WithInsecureSkipVerify(true), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)) // as Chromium 156 offers them
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err == nil {
		err = b.keys(conn)
	}
	if err != nil {
		b.end(err)
		return
	}
	close(b.ready)
	var rest [256]byte
	for {
		if _, err := conn.Read(rest[:]); err != nil {
			return
		}
	}
}

func (b *browser) keys(conn *dtls.Conn) error {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("swarm: no SRTP profile in common")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfileAes128CmHmacSha1_80}
	b.suite = "AES_CM_128_HMAC_SHA1_80"
	if profile == dtls.SRTP_AEAD_AES_128_GCM {
		config.Profile = srtp.ProtectionProfileAeadAes128Gcm
		b.suite = "AEAD_AES_128_GCM"
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("swarm: the handshake has no state")
	}
	if err := config.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return err
	}
	var err error
	if b.seals, err = srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile); err != nil {
		return err
	}
	b.opens, err = srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile)
	return err
}

// seal enciphers the packet that stands in b, and returns its new length; 0 when it cannot be said yet.
func (b *browser) seal(slot []byte) int {
	select {
	case <-b.ready:
	default:
		return 0
	}
	var plain [rtpHeader + payload]byte
	copy(plain[:], slot)
	sealed, err := b.seals.EncryptRTP(slot[:0], plain[:], &b.header)
	if err != nil {
		return 0
	}
	return len(sealed)
}

// A browser is the net.PacketConn of its own handshake.

// ReadFrom is what came of DTLS.
func (b *browser) ReadFrom(into []byte) (int, net.Addr, error) {
	select {
	case data := <-b.in:
		return copy(into, data), b.RemoteAddr(), nil
	case <-b.over:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends to the one other side.
func (b *browser) WriteTo(data []byte, _ net.Addr) (int, error) {
	return len(data), b.l.s.board.write(data, b.l.address, *b.l.to.Load())
}

// Close is the end.
func (b *browser) Close() error {
	b.end(net.ErrClosed)
	return nil
}

// LocalAddr is the leg's address.
func (b *browser) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.l.address, b.l.s.board.port))
}

// RemoteAddr is the other side's.
func (b *browser) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(*b.l.to.Load()) }

// SetDeadline, SetReadDeadline and SetWriteDeadline do nothing: the handshake has a context.
func (b *browser) SetDeadline(time.Time) error      { return nil }
func (b *browser) SetReadDeadline(time.Time) error  { return nil }
func (b *browser) SetWriteDeadline(time.Time) error { return nil }
