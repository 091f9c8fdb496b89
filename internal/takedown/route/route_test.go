package route_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/routetest"
)

// A mark is the same for the same notice and for no other, cannot be made without the key, and nothing of the notice's id stands in
// it.
func TestAMarkRevealsNothing(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`)
	seen := map[string]bool{}
	for i := range 1000 {
		id := fmt.Sprintf("0193f0aa-0000-7000-8000-%012d", i)
		n := route.Notice{ID: id, Mark: route.Mark([]byte("a key of ours"), id), Text: "T"}
		mark := n.Mark
		if !shape.MatchString(mark) || seen[mark] || mark != route.Mark([]byte("a key of ours"), id) {
			t.Fatalf("mark %q", mark)
		}
		if mark == route.UnkeyedMark(id) || mark == route.Mark([]byte("another key"), id) {
			t.Fatalf("mark %q is made without the key", mark)
		}
		seen[mark] = true
		if !strings.HasSuffix(n.Marked(), "\n\nRef. "+mark) || strings.Contains(n.Marked(), "0193") {
			t.Fatalf("sent as %q", n.Marked())
		}
	}
}

// A text is measured in characters as it is sent, and what is measured leaves room for the mark.
func TestATextThatIsTooLongIsNotSent(t *testing.T) {
	about := route.About{Text: route.TextFor(1000)}
	for text, key := range map[string]string{
		strings.Repeat("é", about.Text):              "",
		strings.Repeat("e\u0301", about.Text):        "", // the same letters, written with two code points each
		" " + strings.Repeat("é", about.Text) + "\n": "",
		strings.Repeat("é", about.Text+1):            "fault.route.long",
		"":                                           "fault.route.empty",
		" \n\t":                                      "fault.route.empty",
	} {
		n := route.Notice{ID: "0193", Mark: "ABCDE-FGHJK", Text: text}
		err := route.CheckText(n, about)
		if got := keyOf(err); got != key {
			t.Errorf("%d bytes: %q, want %q", len(text), got, key)
		}
		if key == "" && len([]rune(n.Marked())) != 1000 {
			t.Errorf("%d characters are sent", len([]rune(n.Marked())))
		}
	}
}

func keyOf(err error) string {
	if f := fault.As(err); f != nil {
		return f.Key
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Whatever prints credentials prints none.
func TestCredentialsAreNeverPrinted(t *testing.T) {
	c := route.Credentials(`{"token": "canary"}`)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "credentials", c, "in", struct{ C route.Credentials }{c})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "credentials", c, "in", []any{c})
	written, err := json.Marshal(struct{ C route.Credentials }{c})
	if err != nil {
		t.Fatal(err)
	}
	said := log.String() + string(written)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		said += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, struct{ C route.Credentials }{c})
	}
	for _, form := range []string{"canary", "63616e617279", "63 61 6e", "[99 97", "99 97 110", base64.StdEncoding.EncodeToString([]byte(c))} {
		if strings.Contains(said, form) {
			t.Errorf("they are printed as %q: %s", form, said)
		}
	}
}

// A token goes over an enciphered line, or stays on this machine.
func TestAnAPIInClearIsRefused(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://mastodon.example": true, "https://mastodon.example/": true, "https://example.org/social": true,
		"http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:8080": true,
		"http://mastodon.example": false, "http://127.0.0.1.example": false, "http://localhost.example": false, "ftp://localhost": false,
		"mastodon.example": false, "": false, "https://": false, "https://us:word@mastodon.example": false, "https://mastodon.example?x=1": false,
	} {
		if _, err := route.Base(address, "server"); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Credentials that are not of the shape are refused, and the refusal has nothing of them.
func TestCredentialsOfAnotherShape(t *testing.T) {
	for _, c := range []string{"", "canary", "null garbage", `{"token": "canary"`, `{"canary": 1}`, `["canary"]`, `{"token": "x"} {"token": "canary"}`} {
		var shape struct{ Token string }
		err := route.Open(route.Credentials(c), &shape)
		if keyOf(err) != "fault.route.shape" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// file files one thing with a client, and says how that ended.
func file(ctx context.Context, client route.Client, address string) error {
	var is struct{ ID string }
	a, err := route.File(ctx, client, route.Question{Method: http.MethodPost, URL: address, Form: url.Values{"comment": {"a handle"}}}, &is)
	if err == nil && is.ID == "" {
		err = route.Lost(a)
	}
	return err
}

// Every failure there is, with the plainest of APIs.
func TestAFilingThatFails(t *testing.T) {
	routetest.Run(t, "/reports", func(ctx context.Context, client route.Client) error {
		return file(ctx, client, "http://127.0.0.1:1/reports")
	})
}

func is[E error](t *testing.T, err error) (e E) {
	t.Helper()
	if !errors.As(err, &e) {
		t.Fatalf("%T (%v), want %T", err, err, e)
	}
	return e
}

// What could not get a connection was not sent: an unknown certificate, a name that is no name.
func TestWhatHadNoConnectionWasNotSent(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it arrived") }))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer secure.Close()
	client := &http.Client{CheckRedirect: routetest.NoRedirects}
	for _, address := range []string{secure.URL, "http://nobody.invalid/"} {
		is[*route.Later](t, file(t.Context(), client, address))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	is[*route.Later](t, file(ended, client, secure.URL))
}

type does func(*http.Request) (*http.Response, error)

func (d does) Do(r *http.Request) (*http.Response, error) { return d(r) }

// A client that fails without saying how far it came is believed to have sent; one that would not go there is not.
func TestWhatTheClientSays(t *testing.T) {
	fails := func(err error) route.Client {
		return does(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	is[*route.Unknown](t, file(t.Context(), fails(errors.New("no")), "https://mastodon.example/"))
	is[*route.Unknown](t, file(t.Context(), fails(fault.New(fault.Unavailable, "fault.fetch.slow")), "https://mastodon.example/"))
	no := is[*route.Refused](t, file(t.Context(), fails(fmt.Errorf("fetch: %w", fault.New(fault.Forbidden, "fault.fetch.private"))), "https://mastodon.example/"))
	if no.Key != "fault.fetch.private" {
		t.Errorf("the client's reason is lost: %v", no)
	}
}

// A fault that came once the connection was there is no proof that nothing was sent.
func TestAClientsFaultAfterTheConnection(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer remote.Close()
	late := does(func(r *http.Request) (*http.Response, error) {
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
		return nil, fault.New(fault.Forbidden, "fault.fetch.private")
	})
	is[*route.Unknown](t, file(t.Context(), late, remote.URL))
}

// The answer of somebody else, to whom a client followed a redirect, is not believed.
func TestAFollowedRedirectIsNotBelieved(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"id": "1"}`)
			return
		}
		http.Redirect(w, r, "/there", http.StatusSeeOther)
	}))
	defer remote.Close()
	is[*route.Unknown](t, file(t.Context(), http.DefaultClient, remote.URL))
	var into struct{ ID string }
	err := route.Read(t.Context(), http.DefaultClient, route.Question{URL: remote.URL}, &into)
	if is[*route.Refused](t, err).Key != "fault.route.foreign" || into.ID != "" {
		t.Errorf("%v, %q", err, into.ID)
	}
}

// A remote says how long to wait in one of four ways.
func TestHowLongToWait(t *testing.T) {
	for header, values := range map[string][2]string{
		"seconds":   {"Retry-After", "90"},
		"date":      {"Retry-After", time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)},
		"Mastodon":  {"X-RateLimit-Reset", time.Now().Add(90 * time.Second).UTC().Format(time.RFC3339Nano)},
		"XRPC":      {"RateLimit-Reset", fmt.Sprint(time.Now().Add(90 * time.Second).Unix())},
		"nothing":   {"X-Other", "1"},
		"nonsense":  {"Retry-After", "soon"},
		"long past": {"Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"},
	} {
		remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(values[0], values[1])
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		after := is[*route.Later](t, file(t.Context(), http.DefaultClient, remote.URL)).RetryAfter.Round(30 * time.Second)
		want := 90 * time.Second
		if header == "nothing" || header == "nonsense" || header == "long past" {
			want = time.Minute
		}
		if after != want {
			t.Errorf("%s: after %v, want %v", header, after, want)
		}
		remote.Close()
	}
}

// The remote's words are one short line that hides nothing, and they are not in what the log gets.
func TestTheRemotesWords(t *testing.T) {
	for body, want := range map[string]string{
		`{"error": "Validation failed:\n\n Comment \u202eis\u0000 too long"}`:                "Validation failed: Comment is too long",
		`{"error": "InvalidRequest", "message": "could not resolve proxy did"}`:              "could not resolve proxy did",
		`{"error": {"code": 400, "message": "The request has an unexpected value", "x": 1}}`: "The request has an unexpected value",
		`{"error": "` + strings.Repeat("é", 400) + `"}`:                                      strings.Repeat("é", 299) + "…",
		`{"error": 5}`: "",
		`[1]`:          "",
		`nothing`:      "",
	} {
		remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, body)
		}))
		no := is[*route.Refused](t, file(t.Context(), http.DefaultClient, remote.URL))
		if no.Said != want {
			t.Errorf("%s: %q", body, no.Said)
		}
		if want != "" && strings.Contains(no.Error(), want) {
			t.Errorf("the log gets the remote's words: %v", no)
		}
		remote.Close()
	}
}

// What goes into the log of a failure has no address in it: a handle may be part of one.
func TestTheLogGetsNoAddress(t *testing.T) {
	fails := &http.Client{Transport: trips(func(*http.Request) (*http.Response, error) { return nil, errors.New("broken pipe") })}
	err := file(t.Context(), fails, "https://mastodon.example/api/v1/accounts/lookup?acct=theo")
	if is[*route.Unknown](t, err); strings.Contains(err.Error(), "theo") || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("%v", err)
	}
}

type trips func(*http.Request) (*http.Response, error)

func (f trips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An answer without an end is not read to its end.
func TestAnAnswerWithoutEnd(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for {
			if _, err := fmt.Fprint(w, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
	}))
	defer remote.Close()
	is[*route.Unknown](t, file(t.Context(), http.DefaultClient, remote.URL))
	is[*route.Later](t, route.Read(t.Context(), http.DefaultClient, route.Question{URL: remote.URL}, new(struct{})))
}

// bare is a route that can do no more than file.
type bare struct{ route.Route }

// A remote without a list is reconciled by a person, and one that tells nothing tells nothing.
func TestARouteThatCannotBeAsked(t *testing.T) {
	trace, err := route.Reconcile(t.Context(), bare{}, route.Notice{}, route.Found{}, time.Now(), nil)
	if err != nil || trace.Arrival != route.AskAHuman || trace.Why == "" {
		t.Errorf("%+v, %v", trace, err)
	}
	fate, err := route.Follow(t.Context(), bare{}, route.Notice{}, route.Found{}, route.Sent{}, nil)
	if err != nil || fate.State != route.Untold || fate.Why == "" {
		t.Errorf("%+v, %v", fate, err)
	}
}

// A question that fails changes nothing, so it is refused or may be asked again; it is never unknown.
func TestAQuestionThatFails(t *testing.T) {
	for _, c := range []struct {
		status int
		kind   string
		body   string
		key    string
	}{
		{408, "application/json", `{}`, "fault.route.later"},
		{429, "application/json", `{}`, "fault.route.later"},
		{500, "text/html", `<p>`, "fault.route.later"},
		{503, "application/json", `{}`, "fault.route.later"},
		{302, "text/html", `<p>`, "fault.route.foreign"},
		{200, "text/html", `<p>`, "fault.route.foreign"},
		{200, "text/html", `{"id": "1"}`, "fault.route.foreign"},
		{200, "application/json", `{"id": "1`, "fault.route.foreign"},
		{401, "application/json", `{}`, "fault.route.credentials"},
		{404, "application/json", `{}`, "fault.route.gone"},
		{410, "application/json; charset=utf-8", `{}`, "fault.route.gone"},
		{404, "text/html", `<p>`, "fault.route.foreign"},
		{405, "text/html", `<p>`, "fault.route.foreign"},
		{451, "application/json", `{}`, "fault.route.taken_not"},
		{200, "application/problem+json", `{"id": "1"}`, ""},
		{204, "", ``, "fault.route.foreign"},
	} {
		remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			if c.status != http.StatusNoContent {
				fmt.Fprint(w, c.body)
			}
		}))
		var into struct{ ID string }
		err := route.Read(t.Context(), &http.Client{CheckRedirect: routetest.NoRedirects}, route.Question{URL: remote.URL}, &into)
		if keyOf(err) != c.key {
			t.Errorf("%d %s %s: %v, want %s", c.status, c.kind, c.body, err, c.key)
		}
		remote.Close()
	}
	for name, answer := range map[string]func(net.Conn){
		"cut in the answer": func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{\"id\": \"1\"}")
		},
		"cut before it": func(net.Conn) {},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				http.ReadRequest(bufio.NewReader(c))
				answer(c)
				c.Close()
			}
		}()
		var into struct{ ID string }
		err = route.Read(t.Context(), http.DefaultClient, route.Question{URL: "http://" + l.Addr().String()}, &into)
		if is[*route.Later](t, err); into.ID != "" {
			t.Errorf("%s: half an answer was read", name)
		}
		l.Close()
	}
}

// Every why that a route gives has its sentence.
func TestEveryWhyHasASentence(t *testing.T) {
	sentences, err := os.ReadFile("../../web/i18n/route.fr.toml")
	if err != nil {
		t.Fatal(err)
	}
	why, count := regexp.MustCompile(`"route\.why\.[a-z_]+"`), 0
	for _, source := range []string{"ask.go", "mastodon/mastodon.go", "atproto/atproto.go", "youtube/youtube.go"} {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range why.FindAll(text, -1) {
			if count++; !bytes.Contains(sentences, append(key, " ="...)) {
				t.Errorf("%s: %s has no sentence", source, key)
			}
		}
	}
	if count < 10 {
		t.Errorf("%d were found", count)
	}
}
