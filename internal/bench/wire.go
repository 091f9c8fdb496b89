package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// The load process shares the machine with the server it measures, so it speaks HTTP/1.1 by hand: what
// a browser sends, read with as little work as can be.

// reply is what came back for a request.
type reply struct {
	status int
	body   []byte // valid until the connection's next request
}

// head is the part of a request that stays the same for one person, ready to be sent.
type head struct {
	host string
	// who is her cookie, and the address she seems to come from ("" for the desk).
	cookie, address string
}

// post writes a form as one of our scripts sends it.
func (h head) post(b []byte, path string, form []byte) []byte {
	b = append(b, "POST "...)
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = h.common(b)
	b = append(b, "Vigie-Script: 1\r\nOrigin: http://"...)
	b = append(b, h.host...)
	b = append(b, "\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nContent-Type: application/x-www-form-urlencoded;charset=UTF-8\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(form)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, form...)
}

// stream writes the request of an event stream.
func (h head) stream(b []byte, path string) []byte {
	b = append(b, "GET "...)
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = h.common(b)
	return append(b, "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nCache-Control: no-cache\r\nAccept: text/event-stream\r\n\r\n"...)
}

func (h head) common(b []byte) []byte {
	b = append(b, "Host: "...)
	b = append(b, h.host...)
	b = append(b, "\r\nUser-Agent: vigie-bench\r\nAccept-Language: fr\r\nSec-Fetch-Site: same-origin\r\n"...)
	if h.address != "" {
		b = append(b, "X-Forwarded-For: "...)
		b = append(b, h.address...)
		b = append(b, "\r\n"...)
	}
	if h.cookie != "" {
		b = append(b, "Cookie: "...)
		b = append(b, h.cookie...)
		b = append(b, "\r\n"...)
	}
	return b
}

// wire is one kept-alive connection; it is dialled again when it broke.
type wire struct {
	host string
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	body []byte
}

// answerWithin bounds one request: a server that was killed does not always say so.
const answerWithin = 30 * time.Second

// do sends what write appends and reads the reply. After an error the connection is dialled anew; the
// server may or may not have done what it was asked.
func (w *wire) do(write func(b []byte) []byte) (reply, error) {
	if w.conn == nil {
		conn, err := net.Dial("tcp", w.host)
		if err != nil {
			return reply{}, err
		}
		w.conn = conn
		if w.in == nil {
			w.in = bufio.NewReaderSize(conn, 4<<10)
		} else {
			w.in.Reset(conn)
		}
	}
	w.out = write(w.out[:0])
	_ = w.conn.SetDeadline(time.Now().Add(answerWithin))
	_, err := w.conn.Write(w.out)
	var r reply
	if err == nil {
		r, err = w.read()
	}
	if err != nil {
		w.close()
	}
	return r, err
}

// close ends the connection; the next request dials again.
func (w *wire) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

func (w *wire) read() (reply, error) {
	a, err := readHead(w.in)
	if err != nil {
		return reply{}, err
	}
	w.body = w.body[:0]
	switch {
	case a.chunked:
		for {
			n, err := readSize(w.in)
			if err != nil {
				return reply{}, err
			}
			if w.body, err = readInto(w.in, w.body, n); err != nil {
				return reply{}, err
			}
			if err := skipLine(w.in); err != nil {
				return reply{}, err
			}
			if n == 0 {
				return reply{a.status, w.body}, nil
			}
		}
	case a.length > 0:
		if w.body, err = readInto(w.in, w.body, a.length); err != nil {
			return reply{}, err
		}
	}
	if a.closing {
		w.close()
	}
	return reply{a.status, w.body}, nil
}

// answered is what the head of a response says.
type answered struct {
	status  int
	length  int
	chunked bool
	closing bool
	cookie  string // "name=value" of Set-Cookie
}

var errNotHTTP = errors.New("not an HTTP response")

func readHead(in *bufio.Reader) (answered, error) {
	var a answered
	line, err := in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return a, errNotHTTP
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, errNotHTTP
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return a, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if a.length, err = strconv.Atoi(string(value)); err != nil {
				return a, errNotHTTP
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			a.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			a.closing = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Set-Cookie")):
			value, _, _ = bytes.Cut(value, []byte(";"))
			a.cookie = string(value)
		}
	}
}

func readSize(in *bufio.Reader) (int, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(bytes.TrimRight(line, "\r\n")), 16, 31)
	if err != nil {
		return 0, errNotHTTP
	}
	return int(n), nil
}

func readInto(in *bufio.Reader, b []byte, n int) ([]byte, error) {
	was := len(b)
	for cap(b) < was+n {
		b = append(b[:cap(b)], 0)
	}
	b = b[:was+n]
	_, err := io.ReadFull(in, b[was:])
	return b, err
}

func skipLine(in *bufio.Reader) error {
	_, err := in.ReadSlice('\n')
	return err
}

// pool is the kept-alive connections that all posts go through, in the order in which they come. It
// lives as long as the load process.
type pool struct{ jobs chan func(*wire) }

// newPool opens size connections to host. waiting bounds how many posts may wait for one.
func newPool(host string, size, waiting int) *pool {
	p := &pool{jobs: make(chan func(*wire), waiting)}
	for range size {
		go func() {
			w := &wire{host: host}
			for job := range p.jobs {
				job(w)
			}
		}()
	}
	return p
}

// listener is one open event stream. It comes back by itself, after the last event that it saw, until it
// is closed.
type listener struct {
	head head
	path string // with ?after=, to which the last event's id is added when it comes back
	// hear is called with each event's name and all of its lines; the bytes are valid during the call.
	hear func(name, event []byte)
	// opened is called each time the stream is open.
	opened func()
	// again is how long to wait before coming back.
	again time.Duration

	mu     sync.Mutex
	conn   net.Conn
	closed bool
	last   string
}

// listen holds the stream; it returns when it is closed.
func (l *listener) listen(broke func()) {
	var events []byte
	for {
		_ = l.once(&events)
		l.mu.Lock()
		closed := l.closed
		l.mu.Unlock()
		if closed {
			return
		}
		broke()
		time.Sleep(l.again)
	}
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		l.conn.Close()
	}
}

func (l *listener) once(events *[]byte) error {
	conn, err := net.Dial("tcp", l.head.host)
	if err != nil {
		return err
	}
	defer conn.Close()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.conn = conn
	path := l.path
	if l.last != "" {
		path += url.QueryEscape(l.last)
	} else {
		path += "0"
	}
	l.mu.Unlock()
	if _, err := conn.Write(l.head.stream(nil, path)); err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 2<<10)
	a, err := readHead(in)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("a stream answered %d", a.status)
	}
	if l.opened != nil {
		l.opened()
	}
	b := (*events)[:0]
	for {
		if a.chunked {
			b, err = readChunk(in, b)
		} else {
			b, err = readSome(in, b)
		}
		if err != nil {
			return err
		}
		b = b[:copy(b, l.take(b))]
		*events = b
	}
}

// readChunk appends the next chunk to b; the last one is the end.
func readChunk(in *bufio.Reader, b []byte) ([]byte, error) {
	n, err := readSize(in)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return b, err
	}
	if b, err = readInto(in, b, n); err != nil {
		return b, err
	}
	return b, skipLine(in)
}

// readSome appends what has come to b, once something has.
func readSome(in *bufio.Reader, b []byte) ([]byte, error) {
	if _, err := in.Peek(1); err != nil {
		return b, err
	}
	return readInto(in, b, in.Buffered())
}

// take hands over the whole events and returns what is left.
func (l *listener) take(b []byte) []byte {
	for {
		end := bytes.Index(b, []byte("\n\n"))
		if end < 0 {
			return b
		}
		event := b[:end+1]
		b = b[end+2:]
		var name []byte
		for lines := event; len(lines) > 0; {
			line, rest, _ := bytes.Cut(lines, []byte("\n"))
			if id, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
				l.last = string(id)
			} else if n, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
				name = n
			} else if bytes.HasPrefix(line, []byte("data: ")) {
				break
			}
			lines = rest
		}
		if name != nil {
			l.hear(name, event)
		}
	}
}
