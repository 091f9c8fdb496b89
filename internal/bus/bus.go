// Package bus wakes people up. It carries ids, states and call signalling between the rooms and the
// nodes, never a word, a name or a number, and it is never the record of anything: whoever misses an
// announcement repairs it by reading the record again.
//
// It is NATS: embedded in the process by default, without any port; joined to other nodes by routes,
// or a cluster that the helpline runs already, when there are several nodes.
package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"vigie/internal/store"
)

// Options says which bus to use; the zero value is the embedded one, for one node.
type Options struct {
	// URLs of a NATS cluster that runs already: "nats://host:4222".
	URLs []string
	// ClusterListen is the address where an embedded bus lets the other nodes in: "10.0.0.1:6222".
	ClusterListen string
	// Routes are the other nodes' ClusterListen addresses.
	Routes []string
	// ClusterSecret is what the nodes show one another; it is required with ClusterListen.
	ClusterSecret string
}

// Bus is an open connection. It is safe for concurrent use.
type Bus struct {
	node   string
	alone  bool
	conn   *nats.Conn
	server *server.Server
	closed context.Context
	close  context.CancelFunc

	mu   sync.Mutex
	back map[*func()]struct{} // called when announcements may have been missed
}

// prefix keeps our subjects apart from whatever else a shared cluster carries.
const prefix = "vigie."

// Open starts or joins the bus.
func Open(ctx context.Context, o Options) (*Bus, error) {
	b := &Bus{node: store.NewID(), alone: len(o.URLs) == 0 && o.ClusterListen == "", back: map[*func()]struct{}{}}
	b.closed, b.close = context.WithCancel(context.Background())
	connect := []nats.Option{
		nats.Name("vigie"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) { b.tellBack() }),
	}
	if len(o.URLs) > 0 {
		// The node starts even when the bus is away: SQL is the record, and slow ticks repair the rest.
		connect = append(connect, nats.RetryOnFailedConnect(true))
	} else {
		s, err := embed(b.node, o)
		if err != nil {
			return nil, err
		}
		b.server = s
		connect = append(connect, nats.InProcessServer(s), nats.UserInfo("vigie", o.ClusterSecret))
	}
	conn, err := nats.Connect(strings.Join(o.URLs, ","), connect...)
	var bad *url.Error
	if errors.As(err, &bad) {
		err = errors.New("an address of --bus-url cannot be read") // the library's own error repeats it, password and all
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("bus: %w", err)
	}
	b.conn = conn
	if b.server != nil && o.ClusterListen != "" {
		go b.watchRoutes()
	}
	return b, nil
}

func embed(node string, o Options) (*server.Server, error) {
	options := &server.Options{
		ServerName: "vigie-" + node, DontListen: true, NoSigs: true, NoLog: true,
		MaxPayload: 64 << 10,
	}
	if o.ClusterListen != "" {
		if o.ClusterSecret == "" {
			return nil, errors.New("bus: nodes that talk to one another need a common secret")
		}
		host, port, err := net.SplitHostPort(o.ClusterListen)
		if err != nil {
			return nil, fmt.Errorf("bus: cluster address: %w", err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, fmt.Errorf("bus: cluster port: %w", err)
		}
		// Routing waits for the client port, so there is one, on loopback and behind the same secret.
		options.DontListen, options.Host, options.Port = false, "127.0.0.1", server.RANDOM_PORT
		options.Username, options.Password = "vigie", o.ClusterSecret
		options.Cluster = server.ClusterOpts{Name: "vigie", Host: host, Port: n, Username: "vigie", Password: o.ClusterSecret}
		for _, r := range o.Routes {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats-route", Host: r, User: url.UserPassword("vigie", o.ClusterSecret)})
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	var why complaint
	s.SetLoggerV2(&why, false, false, false)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("bus: the embedded server did not start: %s", why.String())
	}
	return s, nil
}

// complaint is the log of an embedded server: it keeps why the server cannot start, and nothing else.
type complaint struct{ atomic.Value }

func (c *complaint) String() string {
	if why, ok := c.Load().(string); ok {
		return why
	}
	return "it is not ready after 10 s"
}

func (c *complaint) Fatalf(format string, v ...any) { c.Store(fmt.Sprintf(format, v...)) }
func (*complaint) Errorf(string, ...any)            {}
func (*complaint) Warnf(string, ...any)             {}
func (*complaint) Noticef(string, ...any)           {}
func (*complaint) Debugf(string, ...any)            {}
func (*complaint) Tracef(string, ...any)            {}

// NodeID names this process on the bus until it ends.
func (b *Bus) NodeID() string { return b.node }

// Publish announces to every node, this one too, best effort: an announcement that is lost is repaired by reading the record.
// Call it after the commit, never before.
func (b *Bus) Publish(subject string, payload []byte) {
	_ = b.conn.Publish(prefix+subject, payload)
}

// PublishElsewhere is Publish for what this node has dealt with already: where there is no other, nothing
// is said. This node may hear it all the same.
func (b *Bus) PublishElsewhere(subject string, payload []byte) {
	if !b.alone {
		b.Publish(subject, payload)
	}
}

// Subscribe calls fn for each announcement on subject, in order, on one goroutine per subscription;
// "*" stands for one part of a subject and ">" for all that follow. fn must be quick.
func (b *Bus) Subscribe(subject string, fn func(subject string, payload []byte)) (stop func(), err error) {
	sub, err := b.conn.Subscribe(prefix+subject, func(m *nats.Msg) { fn(m.Subject[len(prefix):], m.Data) })
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	if err := sub.SetPendingLimits(1<<20, 256<<20); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// Follow calls fn when something is announced on subject, and every so often for what was announced and not heard, until stop, which waits for
// the last look of the clock. The context that fn gets ends with stop, and not with ctx, which is of whoever opens.
func (b *Bus) Follow(ctx context.Context, subject string, every time.Duration, fn func(ctx context.Context)) (stop func(), err error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unsubscribe, err := b.Subscribe(subject, func(string, []byte) { fn(running) })
	if err != nil {
		cancel()
		return nil, err
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-running.Done():
				return
			case <-tick.C:
				fn(running)
			}
		}
	})
	return func() { unsubscribe(); cancel(); ended.Wait() }, nil
}

// Serve answers requests on subject, each on a goroutine of its own: fn's answer goes back to whoever asks.
// It is for what one named node alone can do, such as turning a call that it holds.
func (b *Bus) Serve(subject string, fn func(subject string, request []byte) []byte) (stop func(), err error) {
	sub, err := b.conn.Subscribe(prefix+subject, func(m *nats.Msg) {
		go func() { _ = m.Respond(fn(m.Subject[len(prefix):], m.Data)) }()
	})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// ErrNobody is returned by Request when no node answers: it is down, or cannot be reached.
var ErrNobody = errors.New("bus: nobody answers")

// Request asks whoever serves subject, and returns the answer; ErrNobody when there is none before ctx ends.
func (b *Bus) Request(ctx context.Context, subject string, request []byte) ([]byte, error) {
	m, err := b.conn.RequestWithContext(ctx, prefix+subject, request)
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return nil, ErrNobody
	case err != nil:
		return nil, fmt.Errorf("bus: %w", err)
	}
	return m.Data, nil
}

// Flush waits until what was published and subscribed so far has reached the server. It is for tests, which
// would otherwise have to wait for a while.
func (b *Bus) Flush() error { return b.conn.FlushTimeout(5 * time.Second) }

// OnReconnect has fn called each time the bus, or the way to another node, is back after a loss: what was
// announced meanwhile was missed, so the caller reads the record again.
func (b *Bus) OnReconnect(fn func()) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.back[&fn] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.back, &fn)
	}
}

func (b *Bus) tellBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for fn := range b.back {
		go (*fn)()
	}
}

// watchRoutes notices that another node joined, or joined again: the server tells it to nobody.
func (b *Bus) watchRoutes() {
	for had := 0; ; {
		select {
		case <-b.closed.Done():
			return
		case <-time.After(time.Second):
		}
		now := b.server.NumRoutes()
		if now > had {
			b.tellBack()
		}
		had = now
	}
}

// Close sends what is pending and leaves.
func (b *Bus) Close() {
	b.close()
	if b.conn != nil {
		_ = b.conn.FlushTimeout(time.Second)
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}
