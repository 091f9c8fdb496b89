package fetch

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// maxHandshake bounds what a server may say before the first header: its certificates.
const maxHandshake = 512 << 10

// sniffed is how much of a body is looked at before it is known to be text (WHATWG MIME Sniffing §5.2 needs no more), and
// the most that is taken from a connection at once.
const sniffed = 512

// answer is a head that was read, and the connection on which its body waits.
type answer struct {
	head *http.Response
	ctx  context.Context
	wire *wire
	sent bool

	limits Limits
	close  []func()
}

// Close ends the connection; what was not read of the body is never read.
func (a *answer) Close() {
	for _, f := range slices.Backward(a.close) {
		f()
	}
	a.close = nil
}

// ask makes one connection and asks one thing on it. The answer that it returns is open, and its head is there.
func (f *Fetcher) ask(ctx context.Context, to place, req *http.Request, l Limits, noClear bool) (_ *answer, failure *Failure) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &answer{ctx: ctx, limits: l, wire: &wire{limit: maxHandshake, over: LargeHeader}}
	header := time.AfterFunc(l.Header, func() { cancel(&Failure{Kind: TooSlow, Code: SlowHeader}) })
	a.close = append(a.close, func() { cancel(nil) }, func() { header.Stop() })
	defer func() {
		if failure != nil {
			a.Close()
		}
	}()

	conn, failure := f.connect(ctx, to, noClear && to.url.Scheme == "http")
	if failure != nil {
		return nil, failure
	}
	a.wire.Conn = conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	a.close = append(a.close, func() { conn.Close() }, func() { stop() })

	var line net.Conn = a.wire
	if to.url.Scheme == "https" {
		// No session is kept, so that two looks cannot be told to be ours by it.
		safe := tls.Client(a.wire, &tls.Config{ServerName: to.host, MinVersion: tls.VersionTLS12, RootCAs: f.o.Roots, NextProtos: []string{"http/1.1"}})
		if err := safe.HandshakeContext(ctx); err != nil {
			var alert *net.OpError
			if failure = a.why(err); failure.Code == Broken || failure.Code == Cut && errors.As(err, &alert) && alert.Op == "remote error" {
				failure = &Failure{Kind: Refused, Code: ByCertificate}
			}
			return nil, failure
		}
		line = safe
	}

	a.wire.limit = a.wire.read + l.HeaderBytes
	a.sent = true
	req.Host, req.Close = "", true
	req.Header.Set("User-Agent", UserAgent)
	req.Header.Set("Accept-Encoding", "gzip, identity;q=0.5")
	unsent := req.Write(line)
	// An answer may come before all was sent: the server did not want the rest.
	a.head, failure = a.readHead(bufio.NewReaderSize(line, sniffed), req)
	if failure != nil && unsent != nil {
		return nil, a.why(unsent)
	}
	if failure != nil {
		return nil, failure
	}
	if !header.Stop() {
		return nil, a.why(io.ErrUnexpectedEOF)
	}
	a.wire.body(l)
	return a, nil
}

// readHead reads the status and headers, past a few provisional ones (RFC 9110 §15.2).
func (a *answer) readHead(r *bufio.Reader, req *http.Request) (*http.Response, *Failure) {
	for range 6 {
		head, err := http.ReadResponse(r, req)
		switch {
		case err != nil && a.wire.ended:
			return nil, a.why(io.ErrUnexpectedEOF) // half a line is not a wrong one
		case err != nil:
			return nil, a.why(err)
		case head.StatusCode >= 200 && head.StatusCode < 600:
			return head, nil
		case head.StatusCode < 100 || head.StatusCode == http.StatusSwitchingProtocols || head.StatusCode >= 600:
			return nil, a.why(errNotHTTP)
		}
	}
	return nil, a.why(errNotHTTP)
}

var errNotHTTP = errors.New("fetch: not HTTP")

// why says what ended an answer: our own clock, our own bounds, or the other side.
func (a *answer) why(err error) *Failure {
	failure := Failure{Kind: Unreachable, Code: Broken}
	var ours *Failure
	var network net.Error
	switch {
	case gaveUp(a.ctx) != nil:
		failure = *gaveUp(a.ctx)
	case a.wire.failed != nil:
		failure = *a.wire.failed
	case errors.As(err, &ours):
		failure = *ours
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		failure.Code = Cut
	}
	failure.Sent = a.sent
	return &failure
}

// gaveUp says why a context is over; nil while it is not.
func gaveUp(ctx context.Context) *Failure {
	var ours *Failure
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.As(context.Cause(ctx), &ours):
		return ours
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Failure{Kind: TooSlow, Code: SlowWhole}
	}
	return &Failure{Kind: Unreachable, Code: Stopped}
}

// connect looks the name up and connects to the first of its addresses that may be connected to and answers. The address is
// checked where the socket is made and no later answer of a name server can change it.
func (f *Fetcher) connect(ctx context.Context, to place, clear bool) (net.Conn, *Failure) {
	var refused atomic.Pointer[Failure] // two families are tried at once
	dialer := net.Dialer{Resolver: f.o.Resolver, KeepAlive: -1, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		by := ByNetwork
		if at, err := netip.ParseAddrPort(address); err == nil && f.admits(at.Addr()) {
			if !clear || within(f.o.Allow, at.Addr().Unmap()) {
				return nil
			}
			by = ByClear
		}
		refused.Store(&Failure{Kind: Refused, Code: by})
		return refused.Load()
	}}
	name := to.host
	if !to.ip.IsValid() {
		name += "." // never with the search list of this machine behind it
	}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(name, strconv.Itoa(int(to.port))))
	if err == nil {
		return conn, nil
	}
	var unknown *net.DNSError
	switch {
	case gaveUp(ctx) != nil:
		return nil, gaveUp(ctx)
	case refused.Load() != nil:
		return nil, refused.Load()
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return nil, &Failure{Kind: Unreachable, Code: NoSuchName}
	case errors.As(err, &unknown):
		return nil, &Failure{Kind: Unreachable, Code: NoNameServer}
	}
	return nil, &Failure{Kind: Unreachable, Code: NoConnection}
}

// wire counts what comes on a connection, and how long it was waited for.
type wire struct {
	net.Conn
	read, limit int64
	over        Code // what is too large when the limit is passed

	// With a pace, what is left of patience is grace, and a second for every pace bytes that came since, less the time that
	// was spent waiting. Time in which nobody reads is not the server's.
	pace, from int64
	grace      time.Duration
	waited     time.Duration

	// failed is what ended the reading on our side, ended that the other one did.
	failed *Failure
	ended  bool
}

// body begins to count a body.
func (w *wire) body(l Limits) {
	w.limit, w.over = w.read+l.Wire, LargeWire
	w.from, w.pace, w.grace = w.read, l.Pace, l.Grace
}

// Read fails as soon as there is more than the limit, or less than the pace.
func (w *wire) Read(p []byte) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	// One byte more than is left is asked for, to tell the end from one byte too many.
	if left := w.limit - w.read; int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	began := time.Now()
	if w.pace > 0 {
		earned := time.Duration(float64(w.read-w.from) / float64(w.pace) * float64(time.Second))
		w.SetReadDeadline(began.Add(w.grace + earned - w.waited))
	}
	n, err := w.Conn.Read(p)
	w.waited += time.Since(began)
	w.read += int64(n)
	w.ended = w.ended || err == io.EOF
	switch {
	case w.read > w.limit:
		w.failed = &Failure{Kind: TooLarge, Code: w.over}
		return 0, w.failed
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.failed = &Failure{Kind: TooSlow, Code: SlowPace}
		return n, w.failed
	}
	return n, err
}

// body is what the server sent, unpacked and counted. It fails with ByEncoding when it is packed in a way that was not
// asked for, twice included.
func (a *answer) body() (io.Reader, *Failure) {
	var packed []string
	for _, value := range a.head.Header["Content-Encoding"] {
		for way := range strings.SplitSeq(value, ",") {
			if way = strings.ToLower(strings.TrimSpace(way)); way != "" && way != "identity" {
				packed = append(packed, way)
			}
		}
	}
	unpacked := io.Reader(a.head.Body)
	switch {
	case len(packed) == 0:
	case len(packed) == 1 && (packed[0] == "gzip" || packed[0] == "x-gzip"):
		r, err := gzip.NewReader(bufio.NewReaderSize(a.head.Body, sniffed))
		if err != nil {
			return nil, a.why(err)
		}
		unpacked = r
	default:
		return nil, &Failure{Kind: Refused, Code: ByEncoding, Sent: a.sent}
	}
	return &bounded{r: unpacked, left: a.limits.Unpacked}, nil
}

// bounded ends with LargeUnpacked after so many bytes.
type bounded struct {
	r    io.Reader
	left int64
	read int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		return 0, &Failure{Kind: TooLarge, Code: LargeUnpacked}
	}
	return n, err
}
