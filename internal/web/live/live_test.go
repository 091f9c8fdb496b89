package live_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/web/live"
)

func html(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, s); return err })
}

// tab is one that listens.
type tab struct {
	*live.Stream
	lines   *bufio.Scanner
	res     *http.Response
	stopped chan struct{} // closed when nobody follows for it any more
}

// each runs a test over HTTP/1.1, where a stream has a connection of its own, and over HTTP/2, where it
// is a part of one.
func each(t *testing.T, test func(t *testing.T, streams *live.Streams, open func() tab)) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP1", true: "HTTP2"}[h2], func(t *testing.T) {
			streams := live.New()
			opened, stopped := make(chan *live.Stream, 1), make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.ProtoMajor == 2; got != h2 {
					t.Errorf("the test speaks %s", r.Proto)
				}
				w.Header().Set("X-Kept", "yes")
				_ = streams.Serve(w, r, "ada", func(s *live.Stream) (func(), error) {
					opened <- s
					return func() { close(stopped) }, nil
				})
			}))
			server.EnableHTTP2 = h2
			if h2 {
				server.StartTLS()
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			t.Cleanup(streams.Drain)
			test(t, streams, func() tab {
				t.Helper()
				res, err := server.Client().Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { res.Body.Close() })
				return tab{<-opened, bufio.NewScanner(res.Body), res, stopped}
			})
		})
	}
}

func until(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
	}
	t.Fatalf("the stream ended before %q", want)
}

// Events arrive in order, each line of HTML as a line of data, under the headers that were set.
func TestEventsArriveInOrder(t *testing.T) {
	each(t, func(t *testing.T, streams *live.Streams, open func() tab) {
		s := open()
		if h := s.res.Header; h.Get("X-Kept") != "yes" || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("headers: %v", h)
		}
		for i := range 100 {
			e, err := live.Update(t.Context(), fmt.Sprint(i), html(fmt.Sprintf("<p id=\"p%d\">\nlight</p>", i)))
			if err != nil {
				t.Fatal(err)
			}
			s.Push(e)
		}
		for i := range 100 {
			until(t, s.lines, fmt.Sprintf("id: %d", i))
			until(t, s.lines, "event: update")
			until(t, s.lines, fmt.Sprintf(`data: <p id="p%d">`, i))
			until(t, s.lines, "data: light</p>")
		}
	})
}

// What is pushed while the stream is being opened comes first, and in order.
func TestThePresentComesFirst(t *testing.T) {
	streams := live.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = streams.Serve(w, r, "ada", func(s *live.Stream) (func(), error) {
			s.Push(live.Signal("now", "1"))
			go s.Push(live.Signal("then", "2"))
			return func() {}, nil
		})
	}))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	until(t, lines, "retry: 1500")
	until(t, lines, "event: now")
	until(t, lines, "event: then")
}

// A stream that cannot be followed answers like any page that fails.
func TestAStreamThatCannotStart(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := live.New().Serve(w, r, "ada", func(*live.Stream) (func(), error) { return nil, fmt.Errorf("gone") })
		http.Error(w, err.Error(), http.StatusGone)
	}))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusGone {
		t.Errorf("status %d", res.StatusCode)
	}
}

// A stream that is full ends instead of growing, and whoever feeds it is told.
func TestSlowStreamEnds(t *testing.T) {
	each(t, func(t *testing.T, streams *live.Streams, open func() tab) {
		s := open()
		// The reader never reads, so the socket fills and then the queue.
		big := live.Signal("x", strings.Repeat("y", 1<<20))
		deadline := time.Now().Add(20 * time.Second)
		for s.Push(big) {
			if time.Now().After(deadline) {
				t.Fatal("the stream takes for ever")
			}
		}
		if s.Push(big) {
			t.Error("an ended stream took more")
		}
		s.res.Body.Close() // else its writer would wait for its deadline
		ends(t, s, streams)
	})
}

// A tab that is closed is noticed at once, and nobody follows for it any more.
func TestClosedTabStops(t *testing.T) {
	each(t, func(t *testing.T, streams *live.Streams, open func() tab) {
		s := open()
		if streams.Open() != 1 {
			t.Errorf("%d streams open", streams.Open())
		}
		s.res.Body.Close()
		ends(t, s, streams)
	})
}

// What was pushed before End still arrives.
func TestEndSaysWhatIsPending(t *testing.T) {
	each(t, func(t *testing.T, streams *live.Streams, open func() tab) {
		s := open()
		s.Push(live.Signal("last", "words"))
		s.End()
		if s.Push(live.Signal("more", "")) {
			t.Error("an ended stream took more")
		}
		until(t, s.lines, "event: last")
		for s.lines.Scan() {
		}
		ends(t, s, streams)
	})
}

// Draining ends every stream, and those that still come, so that the pages go to another node.
func TestDrainEndsStreams(t *testing.T) {
	each(t, func(t *testing.T, streams *live.Streams, open func() tab) {
		s := open()
		streams.Drain()
		for s.lines.Scan() {
		}
		ends(t, s, streams)
	})
}

func ends(t *testing.T, s tab, streams *live.Streams) {
	t.Helper()
	select {
	case <-s.stopped:
	case <-time.After(20 * time.Second):
		t.Fatal("somebody still follows")
	}
	if n := streams.Open(); n != 0 {
		t.Errorf("%d streams open", n)
	}
}

// One person has a bounded number of tabs: one more ends her oldest. Nobody else's are counted with hers, nor one
// that could not start.
func TestOnePersonHasSoManyTabs(t *testing.T) {
	streams := live.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := streams.Serve(w, r, r.URL.Path, func(*live.Stream) (func(), error) {
			if r.URL.RawQuery != "" {
				return nil, fmt.Errorf("gone")
			}
			return func() {}, nil
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(streams.Drain)
	open := func(path string) *http.Response {
		t.Helper()
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	open("/ada?fail").Body.Close()
	first := open("/ada")
	for range 23 {
		open("/ada")
	}
	open("/bea")
	open("/ada")
	ended := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, first.Body); ended <- err }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("one tab too many ends none")
	}
	for deadline := time.Now().Add(10 * time.Second); streams.Open() != 25; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d streams are open, want 24 of hers and another's", streams.Open())
		}
	}
}
