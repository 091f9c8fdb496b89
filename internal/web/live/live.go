// Package live keeps pages true without reloading them: one event stream (SSE) per tab, which carries
// pieces of HTML that each know their place by id.
//
// An event is rendered once, by whoever announces it, and shared by all the streams it goes to; the
// goroutine of a stream only writes bytes, so that ten thousand waiting visitors cost little more than
// their connections. A stream that cannot keep up is ended: the page comes back with the number of the
// last thing it saw and is rendered anew from the record.
package live

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"
)

const (
	pingEvery   = 20 * time.Second // proxies cut what is silent for 30 to 60 s
	writeWithin = 15 * time.Second
	maxPending  = 256
)

// Event is one encoded event, ready for any number of streams.
type Event []byte

// Update encodes pieces of HTML that replace what has their id, or are added where data-into says.
// id is what the browser gives back as Last-Event-ID; "" leaves the last one.
func Update(ctx context.Context, id string, pieces ...templ.Component) (Event, error) {
	var html bytes.Buffer
	for _, p := range pieces {
		if err := p.Render(ctx, &html); err != nil {
			return nil, err
		}
	}
	return encode("update", id, html.Bytes()), nil
}

// beat tells a page that the line still holds; it notices when beats stop.
var beat = Signal("beat", "")

// Signal encodes a named event with a short payload for a script.
func Signal(name, data string) Event { return encode(name, "", []byte(data)) }

func encode(name, id string, data []byte) Event {
	var b bytes.Buffer
	b.Grow(len(data) + 64)
	if id != "" {
		b.WriteString("id: ")
		b.WriteString(id)
		b.WriteByte('\n')
	}
	b.WriteString("event: ")
	b.WriteString(name)
	b.WriteByte('\n')
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\r"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// Stream is one tab that listens.
type Stream struct {
	mu      sync.Mutex
	pending []Event
	over    bool
	wake    chan struct{}
}

// Push hands an event to the tab; false means that the stream is over.
func (s *Stream) Push(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if len(s.pending) >= maxPending {
		s.over = true
		s.pending = nil
	} else {
		s.pending = append(s.pending, e)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return !s.over
}

// End closes the stream after what is pending; the page comes back by itself.
func (s *Stream) End() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Stream) take() (events []Event, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events, s.pending = s.pending, nil
	return events, s.over
}

// Streams are all the open streams of this node.
type Streams struct {
	open     atomic.Int64
	draining chan struct{}
	once     sync.Once
}

// New returns an empty set of streams.
func New() *Streams { return &Streams{draining: make(chan struct{})} }

// Open counts the streams that are open now.
func (a *Streams) Open() int64 { return a.open.Load() }

// Drain ends every stream, and each new one at once: the pages come back, to another node or to this
// one when it has restarted.
func (a *Streams) Drain() { a.once.Do(func() { close(a.draining) }) }

// Serve holds the stream of one tab until the tab, the server or start's stop ends it. start is called
// once the stream can take events: it pushes the present state, follows what will change and returns
// how to stop following.
func (a *Streams) Serve(w http.ResponseWriter, r *http.Request, start func(s *Stream) (stop func(), err error)) error {
	s := &Stream{wake: make(chan struct{}, 1)}
	stop, err := start(s)
	if err != nil {
		return err
	}
	defer stop()
	a.open.Add(1)
	defer a.open.Add(-1)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write([]byte("retry: 1500\n\n")); err != nil {
		return nil
	}
	// Without a deadline a phone that fell asleep would hold its connection for ever.
	send := func(events ...Event) bool {
		_ = out.SetWriteDeadline(time.Now().Add(writeWithin))
		for _, e := range events {
			if _, err := w.Write(e); err != nil {
				return false
			}
		}
		return out.Flush() == nil
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for ok := send(); ok; {
		select {
		case <-s.wake:
			events, over := s.take()
			ok = send(events...) && !over
		case <-ping.C:
			ok = send(beat)
		case <-a.draining:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}
