package fetch_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"vigie/internal/takedown/fetch"
)

// A connector posts JSON with its token and reads JSON, over TLS, packed or not.
func TestAConnectorSpeaksJSON(t *testing.T) {
	w := newWorld(t)
	w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer token" || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != fetch.UserAgent || len(r.Cookies()) > 0 {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		rw.Header().Set("Content-Type", "application/json; charset=utf-8")
		rw.Header().Set("Set-Cookie", "who=you")
		rw.Header().Set("Content-Encoding", "gzip")
		rw.WriteHeader(http.StatusCreated)
		rw.Write(zip(fmt.Appendf(nil, `{"id": "42", "said": %q}`, body)))
	}), &tls.Config{})
	req := request(t, http.MethodPost, w.at("https://www.example.net:{port}/api/reports"), `{"comment":"x"}`)
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", "who=me")
	req.Header.Set("User-Agent", "Mozilla/5.0")
	answer, err := fetch.New(w.options()).Client(w.scope(), patient).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Set-Cookie") != "" || answer.Request != nil {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	var got struct{ ID, Said string }
	if err := fetch.ReadJSON(answer, &got); err != nil || got.ID != "42" || got.Said != `{"comment":"x"}` {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is not one JSON value is not taken for one, whatever its status is.
func TestHTMLIsNotJSON(t *testing.T) {
	for _, row := range []struct {
		says, kind, body string
		want             fetch.Failure
	}{
		{"a page with status 200", "text/html", "<!doctype html><p>Please log in", fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Declared}},
		{"a page that is called JSON", "application/json", "<!doctype html><p>Please log in", fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Malformed}},
		{"JSON that is called text", "text/plain", "{}", fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Declared}},
		{"JSON that is called XHTML", "application/xhtml+xml", "{}", fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Declared}},
		{"half of a value", "application/json", `{"id": "4`, fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Malformed}},
		{"two values", "application/json", `{"id":"1"}{"id":"2"}`, fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Malformed}},
		{"a value of another shape", "application/json", `["www.example.net"]`, fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Malformed}},
		{"nothing", "application/json", "", fetch.Failure{Kind: fetch.NotJSON, Code: fetch.Malformed}},
		{"a picture", "image/png", "x", fetch.Failure{Kind: fetch.NotText, Code: fetch.Declared}},
		{"a picture that is called JSON", "application/json", string(picture()), fetch.Failure{Kind: fetch.NotText, Code: fetch.Sniffed}},
		{"a problem as RFC 9457 has it, which is JSON", "application/problem+json", `{"id":"1"}`, fetch.Failure{}},
	} {
		t.Run(row.says, func(t *testing.T) {
			w := newWorld(t)
			w.serve(typed(row.kind, []byte(row.body)), nil)
			answer, err := fetch.New(w.options()).Client(w.scope(), patient).Do(request(t, http.MethodGet, w.at("http://www.example.net:{port}/"), ""))
			if err == nil {
				var into struct{ ID string }
				err = fetch.ReadJSON(answer, &into)
			}
			if row.want == (fetch.Failure{}) {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, &row.want) || strings.Contains(err.Error(), "example") {
				t.Errorf("%v, want %v", err, &row.want)
			}
		})
	}
}

// A redirect after a POST is an answer, and nobody is asked again; after a GET it is followed within the scope, and the token
// stays with whom it is for.
func TestRedirectsOfAnAPI(t *testing.T) {
	w := newWorld(t)
	var asked atomic.Int64
	heard := make(chan http.Header, 2)
	mux := http.NewServeMux()
	mux.HandleFunc("/post", func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(rw, r, "/same", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/get", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	mux.HandleFunc("/there", func(rw http.ResponseWriter, r *http.Request) {
		heard <- r.Header
		typed("application/json", []byte("{}"))(rw, r)
	})
	w.serve(mux, nil)
	c := fetch.New(w.options()).Client(w.scope(), patient)

	answer, err := c.Do(request(t, http.MethodPost, w.at("http://www.example.net:{port}/post"), "{}"))
	if err != nil || answer.StatusCode != http.StatusTemporaryRedirect || asked.Load() != 1 {
		t.Errorf("a POST: %v after %d", err, asked.Load())
	}
	for to, token := range map[string]string{"/there": "Bearer token", w.at("http://other.example.net:{port}/there"): ""} {
		req := request(t, http.MethodGet, w.at("http://www.example.net:{port}/get?to=")+to, "")
		req.Header.Set("Authorization", "Bearer token")
		req.Header.Set("X-Api-Key", "key")
		req.Header.Set("Accept", "application/json")
		if _, err := c.Do(req); err != nil {
			t.Fatal(err)
		}
		if h := <-heard; h.Get("Authorization") != token || (h.Get("X-Api-Key") == "") != (token == "") || h.Get("Accept") != "application/json" || h.Get("Referer") != "" {
			t.Errorf("to %q went %v", to, h)
		}
	}
	if _, err = c.Do(request(t, http.MethodGet, w.at("http://www.example.net:{port}/get?to=http://outside.example.org:{port}/"), "")); !errors.Is(err, &fetch.Failure{Kind: fetch.Refused, Code: fetch.ByScope}) {
		t.Errorf("out of the scope: %v", err)
	}
}

// A request is never sent twice, and a failure says whether the server may have read it.
func TestANoticeIsSentOnce(t *testing.T) {
	post := func(w *world, address string) error {
		_, err := fetch.New(w.options()).Client(w.scope(), patient).Do(request(w.t, http.MethodPost, w.at(address), "{}"))
		return err
	}
	var failure *fetch.Failure

	w := newWorld(t)
	var heard atomic.Int64
	w.speak(func(net.Conn) { heard.Add(1) })
	if err := post(w, "http://www.example.net:{port}/"); !errors.As(err, &failure) || failure.Kind != fetch.Unreachable || !failure.Sent || heard.Load() != 1 {
		t.Errorf("a server that hangs up without a word: %v, sent %v, heard %d times", err, failure.Sent, heard.Load())
	}

	w = newWorld(t)
	w.serve(typed("application/json", []byte(strings.Repeat(" ", 1<<20))), nil)
	limits := patient
	limits.Unpacked = 1000
	_, err := fetch.New(w.options()).Client(w.scope(), limits).Do(request(t, http.MethodPost, w.at("http://www.example.net:{port}/"), "{}"))
	if !errors.As(err, &failure) || failure.Code != fetch.LargeUnpacked || !failure.Sent {
		t.Errorf("an answer that is too large: %v", err)
	}

	w = newWorld(t)
	w.site.Close()
	for address, kind := range map[string]fetch.Kind{"http://www.example.net:{port}/": fetch.Unreachable, "http://nowhere.example.net/": fetch.Unreachable,
		"http://victim.example.net:{port}/": fetch.Refused, "http://outside.example.org/": fetch.Refused} {
		if err := post(w, address); !errors.As(err, &failure) || failure.Kind != kind || failure.Sent {
			t.Errorf("%s: %v, sent %v", address, err, failure.Sent)
		}
	}

	w = newWorld(t)
	w.serve(typed("application/json", []byte("{}")), &tls.Config{Certificates: []tls.Certificate{stranger(t)}})
	if err := post(w, "https://www.example.net:{port}/"); !errors.As(err, &failure) || failure.Code != fetch.ByCertificate || failure.Sent {
		t.Errorf("a server that is not who it should be: %v, sent %v", err, failure.Sent)
	}
}

// An answer that comes before all was sent is read, also when the server has hung up on the rest: it had seen enough.
func TestAnEarlyAnswerIsRead(t *testing.T) {
	for says, rest := range map[string]func(net.Conn){"it reads the rest": func(c net.Conn) { io.Copy(io.Discard, c) }, "it hangs up": func(net.Conn) {}} {
		w := newWorld(t)
		w.speak(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
			rest(c)
		})
		answer, err := fetch.New(w.options()).Client(w.scope(), patient).Do(request(t, http.MethodPost, w.at("http://www.example.net:{port}/"), strings.Repeat("x", 16<<20)))
		if err != nil || answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// What a connector cannot do, it is told.
func TestMethodsOfAConnector(t *testing.T) {
	w := newWorld(t)
	_, err := fetch.New(w.options()).Client(w.scope(), patient).Do(request(t, http.MethodConnect, w.at("http://www.example.net:{port}/"), ""))
	if !errors.Is(err, &fetch.Failure{Kind: fetch.Refused, Code: fetch.ByMethod}) {
		t.Errorf("%v", err)
	}
}
