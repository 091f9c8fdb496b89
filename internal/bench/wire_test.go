package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What the crowd posts is what net/http reads as a form, over one connection, whatever the answer's length.
func TestPostsAreRead(t *testing.T) {
	const long = 70_000
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") != "same-origin" || r.Header.Get("Vigie-Script") != "1" || r.Header.Get("Cookie") != "__Host-vigie=k" {
			t.Errorf("headers: %v", r.Header)
		}
		switch body := r.FormValue("body"); body {
		case "long":
			w.(http.Flusher).Flush() // chunked
			io.WriteString(w, strings.Repeat("x", long))
		case "none":
			w.WriteHeader(http.StatusNoContent)
		default:
			fmt.Fprint(w, body)
		}
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	h := head{host: host, cookie: "__Host-vigie=k", address: "10.0.1.7"}
	w := &wire{host: host}
	defer w.close()
	ask := func(body string) reply {
		t.Helper()
		r, err := w.do(func(b []byte) []byte { return h.post(b, "/chat/messages", form(nil, "message_id", "1", "body", body)) })
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const odd = "é & = % + 😀\nfin"
	if r := ask(odd); r.status != http.StatusOK || string(r.body) != odd {
		t.Errorf("%d %q", r.status, r.body)
	}
	conn := w.conn
	if r := ask("long"); len(r.body) != long {
		t.Errorf("%d bytes of a chunked answer, want %d", len(r.body), long)
	}
	if r := ask("none"); r.status != http.StatusNoContent || len(r.body) != 0 {
		t.Errorf("%d %q", r.status, r.body)
	}
	if w.conn != conn {
		t.Error("the connection was not kept alive")
	}
	if got, want := string(form(nil, "body", odd)), (url.Values{"body": {odd}}).Encode(); got != want {
		t.Errorf("form %q, want %q", got, want)
	}
}

// A stream hands over whole events however they were cut, and after a break comes back from the last one.
func TestStreamsComeBack(t *testing.T) {
	big := strings.Repeat("y", 9_000)
	asked := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		asked <- after
		if after == "0" { // once in chunks, then until the end of the connection
			w.Header().Set("Connection", "close")
			w.Header().Set("Transfer-Encoding", "identity")
		}
		f := w.(http.Flusher)
		for _, part := range []string{"retry: 1500\n\n", "id: 4", "2\nevent: update\nda", "ta: <li>" + big, "</li>\n", "\nevent: beat\ndata: \n\n"} {
			io.WriteString(w, part)
			f.Flush()
		}
	}))
	defer srv.Close()
	events := make(chan string, 10)
	l := &listener{head: head{host: strings.TrimPrefix(srv.URL, "http://")}, path: "/chat/events?after=", again: time.Millisecond,
		hear: func(name, event []byte) {
			events <- string(name) + fmt.Sprint(bytes.Contains(event, []byte("<li>"+big+"</li>")))
		}}
	broke := make(chan bool, 10)
	go l.listen(func() { broke <- true })
	for range 2 {
		for _, want := range []string{"updatetrue", "beatfalse"} {
			if got := <-events; got != want {
				t.Errorf("event %q, want %q", got, want)
			}
		}
		<-broke
	}
	if first, second := <-asked, <-asked; first != "0" || second != "42" {
		t.Errorf("asked after %q and then after %q", first, second)
	}
	l.close()
}
