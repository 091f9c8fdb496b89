package trunk_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// loopback is the whole of 127.0.0.0/8.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// quietLine is a line that takes what is agreed and carries nothing.
type quietLine struct {
	conn *net.UDPConn

	mu     sync.Mutex
	agreed []sdp.Agreed
	closed int
}

func newQuietLine(trunk.Trunk) (trunk.MediaLine, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return &quietLine{conn: conn}, nil
}

func (l *quietLine) Local() netip.AddrPort { return l.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (l *quietLine) Configure(a sdp.Agreed) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.agreed = append(l.agreed, a)
	return nil
}

func (l *quietLine) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed++
	return l.conn.Close()
}

// last is what was agreed last, and how often something was.
func (l *quietLine) last() (sdp.Agreed, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.agreed) == 0 {
		return sdp.Agreed{}, 0
	}
	return l.agreed[len(l.agreed)-1], len(l.agreed)
}

// agreedOn is what the line of a call was told last.
func agreedOn(c *trunk.Call) sdp.Agreed {
	a, _ := c.Line().(*quietLine).last()
	return a
}

// logged keeps what is logged, to look for what must not be in it.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

// server opens a server with one trunk on loopback; change may set what a test needs.
func server(t *testing.T, change func(*trunk.Options)) *trunk.Server {
	t.Helper()
	options := trunk.Options{
		Listen: []string{"udp:127.0.0.1:0"},
		Trunks: []trunk.Trunk{{Name: "national", Peers: loopback}},
		Media:  newQuietLine,
		Leave:  200 * time.Millisecond,
		T1:     50 * time.Millisecond, T2: 400 * time.Millisecond, T4: 500 * time.Millisecond,
	}
	if os.Getenv("VIGIE_TEST_LOG") != "" {
		options.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if change != nil {
		change(&options)
	}
	s, err := trunk.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if n := s.Refused(trunk.Panicked); n > 0 {
			t.Errorf("%d panics", n)
		}
	})
	return s
}

// caller opens a second server that calls the first by its trunk "out".
func caller(t *testing.T, callee *trunk.Server, change func(*trunk.Trunk)) *trunk.Server {
	t.Helper()
	return server(t, func(o *trunk.Options) {
		o.Trunks[0] = trunk.Trunk{
			Name: "out", Peers: loopback, Proxy: "sip:" + callee.Addr("udp").String(), CallerID: "+33612345678",
			Plan: trunk.Plan{Numbers: []string{"119", "+33800200000"}, Prefixes: []string{"+33"}, Except: []string{"+338"}},
		}
		if change != nil {
			change(&o.Trunks[0])
		}
	})
}

// soon waits for a value.
func soon[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// answering takes every call and hands it over once it is up.
func answering(s *trunk.Server) <-chan *trunk.Call {
	up := make(chan *trunk.Call, 64)
	s.Incoming(func(c *trunk.Call) {
		c.Ring()
		if c.Answer(context.Background()) == nil {
			up <- c
		}
	})
	return up
}

// talking makes a call between two servers.
func talking(t *testing.T) (theirs, ours *trunk.Call) {
	t.Helper()
	callee := server(t, func(o *trunk.Options) {
		o.Trunks[0].Plan = trunk.Plan{Numbers: []string{"119"}}
	})
	up := answering(callee)
	ours, err := caller(t, callee, nil).Dial(limit(t), trunk.Dial{Trunk: "out", To: "119"})
	if err != nil {
		t.Fatal(err)
	}
	return soon(t, "the call", up), ours
}

// contains fails for a text that lacks, or has, a piece.
func contains(t *testing.T, text, piece string, want bool) {
	t.Helper()
	if strings.Contains(text, piece) != want {
		t.Errorf("contains %q is %v in:\n%s", piece, !want, text)
	}
}

// deafPort is a socket that takes everything and answers nothing.
func deafPort(t *testing.T) uint16 {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}
