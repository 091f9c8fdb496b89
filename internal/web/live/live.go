// Package live keeps pages true without reloading them: one event stream (SSE) per tab, which carries
// pieces of HTML that each know their place by id.
//
// An event is rendered once, by whoever announces it, and shared by all the streams it goes to; nothing
// runs for a stream while nothing happens, so that ten thousand waiting visitors cost little more than
// their connections. A stream that cannot keep up is ended: the page comes back with the number of the
// last thing it saw and is rendered anew from the record.
package live

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/a-h/templ"
)

const (
	pingEvery   = 20 * time.Second // proxies cut what is silent for 30 to 60 s
	writeWithin = 15 * time.Second
	maxPending  = 256
	// maxPerOwner bounds the tabs of one person: more than anybody has, too few to tire the server with.
	maxPerOwner = 24
)

// Event is one encoded event, ready for any number of streams.
type Event []byte

// Update encodes pieces of HTML that replace what has their id, or are added where data-into says.
// id is what the browser gives back as Last-Event-ID; "" leaves the last one.
func Update(ctx context.Context, id string, pieces ...templ.Component) (Event, error) {
	html := templ.GetBuffer()
	defer templ.ReleaseBuffer(html)
	for _, p := range pieces {
		if err := p.Render(ctx, html); err != nil {
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

// Stream is one tab that listens. Nothing runs for it while nothing happens: whoever pushes starts a
// goroutine that writes what is pending and ends with it.
type Stream struct {
	streams *Streams
	owner   string
	stop    func() // stops following

	mu      sync.Mutex
	out     out // nil until the stream is open
	pending []Event
	over    bool // takes nothing more
	writing bool
	ended   bool
	beats   *time.Timer
}

// out is the way to the tab: a connection of our own, or a response that its handler holds open.
type out interface {
	send(events []Event) error
	close()
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
	s.write()
	return !s.over
}

// End closes the stream after what is pending; the page comes back by itself.
func (s *Stream) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.write()
}

// write has what is pending written, unless somebody is at it. s.mu is held.
func (s *Stream) write() {
	if s.out != nil && !s.writing && !s.ended {
		s.writing = true
		go s.drain()
	}
}

func (s *Stream) drain() {
	for {
		s.mu.Lock()
		events, over := s.pending, s.over
		s.pending = nil
		if len(events) == 0 {
			s.writing = false
			s.mu.Unlock()
			if over {
				s.end()
			}
			return
		}
		s.mu.Unlock()
		if s.out.send(events) != nil {
			s.end()
			return
		}
	}
}

// open begins to write: a greeting, then what was pushed before.
func (s *Stream) open(to out, greeting Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = to
	s.pending = append([]Event{greeting}, s.pending...)
	// Not all at the same moment, though all came back at the same moment after a restart.
	s.beats = time.AfterFunc(pingEvery/2+rand.N(pingEvery/2), s.beat)
	s.write()
}

func (s *Stream) beat() {
	if s.Push(beat) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.ended {
			s.beats.Reset(pingEvery)
		}
	}
}

// end is called when the tab is gone, or everything was said.
func (s *Stream) end() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended, s.over, s.pending = true, true, nil
	s.beats.Stop()
	s.mu.Unlock()
	s.out.close()
	s.streams.leave(s)
	s.stop()
}

// Streams are all the open streams of this node.
type Streams struct {
	mu       sync.Mutex
	open     map[*Stream]struct{}
	owned    map[string][]*Stream // by owner, the oldest first; those that are being opened too
	draining bool
}

// New returns an empty set of streams.
func New() *Streams { return &Streams{open: map[*Stream]struct{}{}, owned: map[string][]*Stream{}} }

// Open counts the streams that are open now.
func (a *Streams) Open() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int64(len(a.open))
}

// Drain ends every stream, and each new one at once: the pages come back, to another node or to this
// one when it has restarted.
func (a *Streams) Drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
	for s := range a.open {
		s.End()
	}
}

// reserve takes one of the owner's places. When all are taken her oldest stream is ended: on a phone that
// changes networks it is one whose end nobody has noticed yet.
func (a *Streams) reserve(s *Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	hers := append(a.owned[s.owner], s)
	if len(hers) > maxPerOwner {
		hers[0].End()
		hers = slices.Clone(hers[1:])
	}
	a.owned[s.owner] = hers
}

func (a *Streams) enter(s *Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[s] = struct{}{}
	if a.draining {
		s.End()
	}
}

func (a *Streams) leave(s *Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, s)
	hers := slices.DeleteFunc(a.owned[s.owner], func(o *Stream) bool { return o == s })
	if a.owned[s.owner] = hers; len(hers) == 0 {
		delete(a.owned, s.owner)
	}
}

// Serve gives a tab of the owner (an id) its stream, until the tab, the server or start's stop ends it, or
// until she has too many. start is called before anything is written: it pushes the present state, follows what will change and returns how to
// stop following. Over HTTP/1.1 Serve returns at once, and what start keeps must not depend on the
// request; over HTTP/2 the stream is a part of a connection and Serve holds it.
func (a *Streams) Serve(w http.ResponseWriter, r *http.Request, owner string, start func(s *Stream) (stop func(), err error)) error {
	s := &Stream{streams: a, owner: owner}
	a.reserve(s)
	var err error
	if s.stop, err = start(s); err != nil {
		a.leave(s)
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if r.ProtoMajor == 1 && r.Method == http.MethodGet {
		// The connection is nothing but this stream: out of net/http's hands it takes a few kilobytes
		// instead of thirty, which is what lets ten thousand people wait.
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			a.enter(s)
			s.open(connection{conn}, greeting(h))
			go s.watch(conn)
			return nil
		}
	}
	to := &response{writer: w, control: http.NewResponseController(w), gone: make(chan struct{})}
	_ = to.control.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	a.enter(s)
	s.open(to, Event(retry))
	select {
	case <-to.gone:
	case <-r.Context().Done():
		s.end()
		<-to.gone
	}
	return nil
}

// retry tells the browser how soon to come back when the line breaks.
const retry = "retry: 1500\n\n"

// greeting begins a response that ends with its connection (RFC 9112 §6.3 rule 8).
func greeting(h http.Header) Event {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	_ = h.Write(&b)
	b.WriteString("\r\n" + retry)
	return b.Bytes()
}

// connection is a connection of our own.
type connection struct{ net.Conn }

// A phone that fell asleep must not hold what is written to it for ever.
func (c connection) send(events []Event) error {
	_ = c.SetWriteDeadline(time.Now().Add(writeWithin))
	if len(events) == 1 {
		_, err := c.Write(events[0])
		return err
	}
	all := make(net.Buffers, len(events))
	for i, e := range events {
		all[i] = e
	}
	_, err := all.WriteTo(c.Conn)
	return err
}

func (c connection) close() { c.Close() }

// watch notices that the tab is gone: it sends nothing while it listens.
func (s *Stream) watch(conn net.Conn) {
	var nothing [1]byte
	_, _ = conn.Read(nothing[:])
	s.end()
}

// response is one that its handler holds open.
type response struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	gone    chan struct{}

	mu     sync.Mutex // nothing is written once the handler may return
	closed bool
}

func (r *response) send(events []Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return net.ErrClosed
	}
	_ = r.control.SetWriteDeadline(time.Now().Add(writeWithin))
	for _, e := range events {
		if _, err := r.writer.Write(e); err != nil {
			return err
		}
	}
	return r.control.Flush()
}

func (r *response) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	close(r.gone)
}
