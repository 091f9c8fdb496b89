package media

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/net/ipv4"
)

// rounds is how many readers are going through what they read. Whoever puts something into a box meanwhile leaves
// it to them to send it; otherwise a goroutine is woken for it. It is one count for all boxes, because what comes
// by one port leaves by another.
var (
	rounds  atomic.Int32
	boxesMu sync.Mutex
	boxes   atomic.Pointer[[]*outbox] // all that are open; replaced as a whole
)

func beginRound() { rounds.Add(1) }

// endRound sends what was put in. The count goes down first: what is put in after that wakes somebody, and what was
// before is seen here.
func endRound() {
	rounds.Add(-1)
	if all := boxes.Load(); all != nil {
		for _, o := range *all {
			if o.waiting.Load() {
				o.flush()
			}
		}
	}
}

// outbox is what waits to be sent by a shared port: the datagrams that one round of reading gave, or those that
// come up while others are being written. They go out in the order in which they were put in.
type outbox struct {
	to      batcher
	dropped atomic.Uint64
	wake    chan struct{}
	over    chan struct{}
	once    sync.Once

	mu      sync.Mutex
	filled  int
	waiting atomic.Bool // filled is not 0
	bank    *bank

	flushing sync.Mutex
	spare    *bank
}

// room is how many datagrams may wait: what 5,000 calls send in 2 ms.
const room = 1024

// bank is room for datagrams and their addresses, made once.
type bank struct {
	messages [room]ipv4.Message
	buffers  [room][1][]byte
	to       [room]net.UDPAddr
	ips      [room][16]byte
}

func newBank() *bank {
	b := &bank{}
	for i := range b.messages {
		b.messages[i].Buffers = b.buffers[i][:]
		b.messages[i].Addr = &b.to[i]
	}
	return b
}

func (o *outbox) begin(to batcher) {
	o.to, o.bank, o.spare = to, newBank(), newBank()
	o.wake, o.over = make(chan struct{}, 1), make(chan struct{})
	boxesOpen(func(all []*outbox) []*outbox { return append(all, o) })
	go o.run()
}

func (o *outbox) end() {
	o.once.Do(func() {
		close(o.over)
		boxesOpen(func(all []*outbox) []*outbox {
			return slices.DeleteFunc(all, func(other *outbox) bool { return other == o })
		})
	})
}

// boxesOpen changes which boxes are open.
func boxesOpen(change func([]*outbox) []*outbox) {
	boxesMu.Lock()
	defer boxesMu.Unlock()
	var all []*outbox
	if was := boxes.Load(); was != nil {
		all = slices.Clone(*was)
	}
	all = change(all)
	boxes.Store(&all)
}

func (o *outbox) run() {
	for {
		select {
		case <-o.wake:
			o.flush()
		case <-o.over:
			return
		}
	}
}

// put adds a datagram.
func (o *outbox) put(b []byte, to netip.AddrPort) {
	o.mu.Lock()
	for o.filled == room {
		// Whoever fills the last place sends what there is, which costs her what sending it herself would have.
		o.mu.Unlock()
		o.flush()
		o.mu.Lock()
	}
	i := o.filled
	o.filled++
	bank := o.bank
	bank.buffers[i][0] = append(bank.buffers[i][0][:0], b...)
	if a := to.Addr(); a.Is4() {
		four := a.As4()
		bank.to[i].IP = bank.ips[i][:copy(bank.ips[i][:], four[:])]
	} else {
		sixteen := a.As16()
		bank.to[i].IP = bank.ips[i][:copy(bank.ips[i][:], sixteen[:])]
	}
	bank.to[i].Port = int(to.Port())
	o.waiting.Store(true)
	o.mu.Unlock()
	if rounds.Load() == 0 {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// flush sends everything that waits.
func (o *outbox) flush() {
	o.flushing.Lock()
	defer o.flushing.Unlock()
	o.mu.Lock()
	full, n := o.bank, o.filled
	o.bank, o.filled = o.spare, 0
	o.waiting.Store(false)
	o.mu.Unlock()
	o.spare = full
	for at := 0; at < n; {
		sent, err := o.to.WriteBatch(full.messages[at:min(n, at+batched)], 0)
		at += sent
		if err != nil || sent == 0 {
			o.dropped.Add(1)
			at++ // this one cannot go, as any may be lost; those after it can
		}
	}
}
