package trunk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// What a connection may cost before it is closed.
const (
	maxConnections       = 512 // from peers, in all
	maxStrangers         = 64  // from addresses that no trunk lists
	maxConnectionsSource = 32  // from one address
	writeTimeout         = 5 * time.Second
	handshakeTimeout     = 5 * time.Second
	// strangerTimeout is how long a connection of a stranger may take to bring a request with good credentials.
	strangerTimeout = 10 * time.Second
)

// flow is one way to a peer: an address over one of our datagram sockets, or one connection.
type flow struct {
	network       string // "UDP", "TCP" or "TLS"
	local, remote netip.AddrPort
	packets       *net.UDPConn
	conn          *connection
}

// write sends one message.
func (f flow) write(data []byte) error {
	if f.packets != nil {
		_, err := f.packets.WriteToUDPAddrPort(data, f.remote)
		return err
	}
	if f.conn == nil {
		return net.ErrClosed
	}
	return f.conn.write(data)
}

// reliable says that what is written once arrives, so that nothing needs to be sent again.
func (f flow) reliable() bool { return f.network != "UDP" }

// connection is one TCP or TLS connection.
type connection struct {
	net.Conn
	flow     flow
	stranger bool
	mu       sync.Mutex
	closed   chan struct{}
	once     sync.Once
}

func (c *connection) write(data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.Conn.Write(data)
	if err != nil {
		// Half a message may be out: nothing that follows could be read.
		c.close()
	}
	return err
}

func (c *connection) close() {
	c.once.Do(func() {
		close(c.closed)
		c.Conn.Close()
	})
}

func (c *connection) open() bool {
	select {
	case <-c.closed:
		return false
	default:
		return true
	}
}

// wire holds the sockets. It hands every message to take, in the order in which each way brought them.
type wire struct {
	s         *Server
	packets   []*net.UDPConn
	listeners []net.Listener
	wait      sync.WaitGroup

	mu     sync.Mutex
	conns  map[*connection]struct{}
	closed bool
}

// listen opens the sockets of the options and starts to read.
func (w *wire) listen(addresses []string, config *tls.Config) error {
	for _, listen := range addresses {
		network, address, ok := strings.Cut(listen, ":")
		if !ok {
			return fmt.Errorf("trunk: listen on %q: want udp:, tcp: or tls: and an address", listen)
		}
		switch strings.ToLower(network) {
		case "udp":
			conn, err := net.ListenPacket("udp", address)
			if err != nil {
				return fmt.Errorf("trunk: listen: %w", err)
			}
			packets := conn.(*net.UDPConn)
			// A burst of calls must not overflow the socket while a signature is checked.
			packets.SetReadBuffer(1 << 20)
			w.packets = append(w.packets, packets)
		case "tcp", "tls":
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("trunk: listen: %w", err)
			}
			if strings.EqualFold(network, "tls") {
				if config == nil {
					listener.Close()
					return errors.New("trunk: listen on tls: no certificate")
				}
				listener = tlsListener{listener, config}
			}
			w.listeners = append(w.listeners, listener)
		default:
			return fmt.Errorf("trunk: listen on %q: want udp:, tcp: or tls: and an address", listen)
		}
	}
	for _, packets := range w.packets {
		w.wait.Go(func() { w.readPackets(packets) })
	}
	for _, listener := range w.listeners {
		w.wait.Go(func() { w.accept(listener) })
	}
	return nil
}

// tlsListener marks a listener whose connections speak TLS; the handshake is not made while accepting, where a
// silent stranger would hold up everybody.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

// readPackets reads one datagram socket until it is closed. The buffer is the only memory that a stranger gets.
func (w *wire) readPackets(conn *net.UDPConn) {
	buffer := make([]byte, 65535)
	local := unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	for {
		n, source, err := conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// An unreachable port of somebody else is no reason to stop listening.
			time.Sleep(time.Millisecond)
			continue
		}
		w.s.datagram(flow{network: "UDP", local: local, remote: unmap(source), packets: conn}, buffer[:n])
	}
}

// accept takes connections from peers, and a few from strangers if a trunk knows its peer by digest only.
func (w *wire) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		network := "TCP"
		if t, ok := listener.(tlsListener); ok {
			network, conn = "TLS", tls.Server(conn, t.config)
		}
		if w.add(conn, network, false) == nil {
			conn.Close()
		}
	}
}

// add counts a connection in and reads it from then on, or says nil when it may not be.
func (w *wire) add(conn net.Conn, network string, ours bool) *connection {
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	remote, ok2 := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || !ok2 {
		return nil
	}
	c := &connection{Conn: conn, closed: make(chan struct{})}
	c.flow = flow{network: network, local: unmap(local.AddrPort()), remote: unmap(remote.AddrPort()), conn: c}
	source := c.flow.remote.Addr()
	if !ours {
		if !w.s.door.known(source) {
			if !w.s.door.byDigest {
				w.s.count(Stranger)
				return nil
			}
			c.stranger = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	strangers, same := 0, 0
	for other := range w.conns {
		if other.stranger {
			strangers++
		}
		if other.flow.remote.Addr() == source {
			same++
		}
	}
	if !ours && (len(w.conns) >= maxConnections || c.stranger && strangers >= maxStrangers || same >= maxConnectionsSource) {
		w.s.count(Throttled)
		return nil
	}
	w.conns[c] = struct{}{}
	w.wait.Go(func() { w.readConnection(c) })
	return c
}

// readConnection reads one connection until it ends.
func (w *wire) readConnection(c *connection) {
	defer func() {
		if r := recover(); r != nil {
			w.s.panicked("connection", r)
		}
		c.close()
		w.mu.Lock()
		delete(w.conns, c)
		w.mu.Unlock()
	}()
	if t, ok := c.Conn.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
		err := t.HandshakeContext(ctx)
		cancel()
		if err != nil {
			return
		}
	}
	if c.stranger {
		c.SetReadDeadline(time.Now().Add(strangerTimeout))
	}
	buffer := make([]byte, 8<<10)
	s := newStream()
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		data := buffer[:n]
		if n <= 4 && s.between && strings.Trim(string(data), "\r\n") == "" {
			if n == 4 {
				c.write([]byte("\r\n")) // the answer to a keep-alive (RFC 5626 §3.5.1)
			}
			continue
		}
		if err := s.feed(data, func(m *message) { w.s.take(m, c.flow) }); err != nil {
			w.s.count(Malformed)
			return
		}
	}
}

// known lets a connection of a stranger live on, since it brought good credentials.
func (c *connection) known() {
	if c != nil && c.stranger {
		c.SetReadDeadline(time.Time{})
	}
}

// to finds or makes a way to an address.
func (w *wire) to(ctx context.Context, network string, remote netip.AddrPort, name string, config *tls.Config) (flow, error) {
	if network == "UDP" {
		for _, packets := range w.packets {
			local := unmap(packets.LocalAddr().(*net.UDPAddr).AddrPort())
			if local.Addr().Is4() == remote.Addr().Is4() || local.Addr().IsUnspecified() {
				return flow{network: "UDP", local: local, remote: remote, packets: packets}, nil
			}
		}
		return flow{}, errors.New("trunk: no datagram socket of this family")
	}
	w.mu.Lock()
	for c := range w.conns {
		if c.flow.network == network && c.flow.remote == remote && c.open() {
			w.mu.Unlock()
			return c.flow, nil
		}
	}
	w.mu.Unlock()
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", remote.String())
	if err != nil {
		return flow{}, fmt.Errorf("trunk: connect: %w", err)
	}
	if network == "TLS" {
		if config == nil {
			config = &tls.Config{}
		}
		config = config.Clone()
		if config.ServerName == "" {
			config.ServerName = name
		}
		conn = tls.Client(conn, config)
		handshake, cancel := context.WithTimeout(ctx, handshakeTimeout)
		err := conn.(*tls.Conn).HandshakeContext(handshake)
		cancel()
		if err != nil {
			conn.Close()
			return flow{}, fmt.Errorf("trunk: connect: %w", err)
		}
	}
	c := w.add(conn, network, true)
	if c == nil {
		conn.Close()
		return flow{}, net.ErrClosed
	}
	return c.flow, nil
}

// close closes every socket and waits until nothing is read any more.
func (w *wire) close() {
	w.mu.Lock()
	w.closed = true
	for c := range w.conns {
		c.close()
	}
	w.mu.Unlock()
	for _, packets := range w.packets {
		packets.Close()
	}
	for _, listener := range w.listeners {
		listener.Close()
	}
	w.wait.Wait()
}

// unmap writes an IPv4 address as one, however the socket brought it.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func addrPort(a netip.Addr, port int) netip.AddrPort { return netip.AddrPortFrom(a, uint16(port)) }
