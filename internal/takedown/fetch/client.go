package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Client is how a connector speaks to a network's API: like *http.Client, with the rules of this room.
type Client struct {
	f      *Fetcher
	scope  Scope
	limits Limits
}

// Client returns one for the hosts of one connector. A limit that is 0 has its default.
func (f *Fetcher) Client(scope Scope, limits Limits) *Client {
	return &Client{f: f, scope: scope, limits: limits.withDefaults()}
}

// methods that a connector may use.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Do asks once. The body of the answer was read whole, within the limits, and unpacked; it is in memory. Every error is a
// *Failure; when its Sent is true, whether the server acted is unknown, and a notice is reconciled, never sent again blindly.
//
// What differs from http.Client: a redirect is followed for GET and HEAD only, and the header of the connector (its token)
// goes to another origin never: there it is left out but for Accept. After any other method a redirect is an answer like
// others. Cookie, Referer, User-Agent and Host are ours and not the connector's. The answer has no Request, because that
// carries the address, and no Set-Cookie. It is text, or Do fails with NotText.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	answer, failure := c.do(req)
	if failure != nil {
		return nil, failure
	}
	return answer, nil
}

func (c *Client) do(req *http.Request) (*http.Response, *Failure) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), c.limits.Whole, &Failure{Kind: TooSlow, Code: SlowWhole})
	defer cancel()
	if req.Body != nil {
		defer req.Body.Close()
	}
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	if !slices.Contains(methods, method) {
		return nil, &Failure{Kind: Refused, Code: ByMethod}
	}
	to, failure := c.f.read(req.URL.String(), nil, c.scope)
	if failure != nil {
		return nil, failure
	}
	origin := to.origin()
	a, failure := c.f.follow(ctx, to, &walk{limits: c.limits, scope: c.scope, noClear: true, request: func(to place) *http.Request {
		header := http.Header{}
		for name, values := range req.Header {
			switch name = http.CanonicalHeaderKey(name); name {
			case "Cookie", "Referer", "User-Agent", "Host", "Accept-Encoding", "Connection", "Expect", "Upgrade", "Trailer", "Te":
			default:
				if to.origin() == origin || name == "Accept" {
					header[name] = values
				}
			}
		}
		asked := &http.Request{Method: method, URL: to.url, Header: header}
		if method != http.MethodGet && method != http.MethodHead {
			asked.Body, asked.ContentLength = req.Body, req.ContentLength
		}
		return asked
	}})
	if a != nil {
		defer a.Close()
	}
	if failure != nil {
		return nil, failure
	}
	whole, failure := a.whole()
	if failure != nil {
		return nil, failure
	}
	answer := *a.head
	answer.Request, answer.TLS, answer.Trailer = nil, nil, nil
	answer.Header = answer.Header.Clone()
	for _, name := range []string{"Set-Cookie", "Content-Encoding", "Content-Length"} {
		answer.Header.Del(name)
	}
	answer.Uncompressed = false
	answer.TransferEncoding = nil
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
	return &answer, nil
}

// whole is all of a body that is text.
func (a *answer) whole() ([]byte, *Failure) {
	if a.head.Body == http.NoBody {
		return nil, nil
	}
	_, all, _, failure := a.text()
	if failure != nil {
		return nil, failure
	}
	whole, err := io.ReadAll(all)
	if err != nil {
		return nil, a.why(err)
	}
	return whole, nil
}

// ReadJSON reads the body of an answer of Do. It fails with NotJSON: Declared when the content type is another, such as that
// of a page of HTML in front of an API; Malformed when what came is not one JSON value that fits into.
func ReadJSON(answer *http.Response, into any) error {
	kind := typeOf(answer.Header)
	application, ok := strings.CutPrefix(kind, "application/")
	if !ok || application != "json" && !strings.HasSuffix(application, "+json") {
		return &Failure{Kind: NotJSON, Code: Declared, Sent: true}
	}
	d := json.NewDecoder(answer.Body)
	// The decoder's own errors would carry a piece of what came.
	if err := d.Decode(into); err != nil {
		return &Failure{Kind: NotJSON, Code: Malformed, Sent: true}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Failure{Kind: NotJSON, Code: Malformed, Sent: true}
	}
	return nil
}
