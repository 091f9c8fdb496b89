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

// listen opens a stream and returns it with its lines.
func listen(t *testing.T, streams *live.Streams) (*live.Stream, *bufio.Scanner, <-chan struct{}) {
	t.Helper()
	opened, stopped := make(chan *live.Stream, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = streams.Serve(w, r, func(s *live.Stream) (func(), error) {
			opened <- s
			return func() { close(stopped) }, nil
		})
	}))
	t.Cleanup(server.Close)
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return <-opened, bufio.NewScanner(res.Body), stopped
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

// Events arrive in order, each line of HTML as a line of data.
func TestEventsArriveInOrder(t *testing.T) {
	s, lines, _ := listen(t, live.New())
	for i := range 100 {
		e, err := live.Update(t.Context(), fmt.Sprint(i), html(fmt.Sprintf("<p id=\"p%d\">\nlight</p>", i)))
		if err != nil {
			t.Fatal(err)
		}
		s.Push(e)
	}
	for i := range 100 {
		until(t, lines, fmt.Sprintf("id: %d", i))
		until(t, lines, "event: update")
		until(t, lines, fmt.Sprintf(`data: <p id="p%d">`, i))
		until(t, lines, "data: light</p>")
	}
}

// A stream that is full ends instead of growing, and whoever feeds it is told and stops.
func TestSlowStreamEnds(t *testing.T) {
	s, _, stopped := listen(t, live.New())
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
	_ = stopped // the writer itself ends at its write deadline
}

// Draining ends every stream, so that the pages go to another node.
func TestDrainEndsStreams(t *testing.T) {
	streams := live.New()
	_, lines, stopped := listen(t, streams)
	if streams.Open() != 1 {
		t.Errorf("%d streams open", streams.Open())
	}
	streams.Drain()
	for lines.Scan() {
	}
	select {
	case <-stopped:
	case <-time.After(5 * time.Second):
		t.Error("nobody stopped following")
	}
}
