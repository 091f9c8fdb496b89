package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/store"
)

// Visitors are the simulated young people: they use the site at Base as a browser does.
type Visitors struct {
	Base      string
	Catalogue func() *catalogue.Set
	// First is how long after the start the first one comes, Every how long between two, Most how many
	// are there at once.
	First, Every time.Duration
	Most         int
}

// patience is how long one of them waits before she leaves.
const patience = 8 * time.Minute

// Run sends them until ctx ends.
func (v Visitors) Run(ctx context.Context) {
	places := make(chan struct{}, v.Most)
	timer := time.NewTimer(v.First)
	defer timer.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(v.Every)
		select {
		case places <- struct{}{}:
			story := Stories[i%len(Stories)]
			go func() {
				defer func() { <-places }()
				if err := v.visit(ctx, story); err != nil && ctx.Err() == nil {
					slog.Debug("a simulated visitor gave up", "error", err)
				}
			}()
		default: // as many as there may be are here
		}
	}
}

// visitor is one of them: a cookie, and nothing else.
type visitor struct {
	base, cookie string
	// network is made up, from a block kept for documentation (RFC 5737): each of them has her own home.
	network string
	client  *http.Client
}

func (v Visitors) visit(ctx context.Context, s Story) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Minute)
	defer cancel()
	set := v.Catalogue()
	c := &visitor{base: v.Base, network: fmt.Sprintf("198.51.100.%d", 1+rand.IntN(250)), client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	start := "/chat"
	if s.Lang != "fr" {
		start = "/" + s.Lang + "/chat"
	}
	err := c.post(ctx, start, url.Values{
		"contact_id": {store.NewID()}, catalogue.AskWho: {known(set, catalogue.AskWho, s.Who)},
		catalogue.AskAge: {known(set, catalogue.AskAge, s.Age)}, catalogue.AskTopic: {s.topic(set)},
	})
	if err != nil || c.cookie == "" {
		return fmt.Errorf("opening: %w", err)
	}
	heard, err := c.listen(ctx)
	if err != nil {
		return err
	}
	for _, words := range s.First {
		if err := c.write(ctx, words); err != nil {
			return err
		}
	}
	left := s.Then
	wait := time.NewTimer(patience)
	defer wait.Stop()
	for {
		select {
		case what, open := <-heard:
			switch {
			case !open || what == "over":
				if s.Rate != "" {
					return c.post(ctx, "/chat/rate", url.Values{"code": {s.Rate}})
				}
				return nil
			case len(left) == 0:
				if err := pause(ctx, 6*time.Second); err != nil {
					return err
				}
				return c.post(ctx, "/chat/end", nil)
			}
			if err := c.write(ctx, left[0]); err != nil {
				return err
			}
			left = left[1:]
			wait.Reset(patience)
		case <-wait.C:
			return c.get(ctx, "/quit")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write types for a while, then sends.
func (c *visitor) write(ctx context.Context, words string) error {
	if err := pause(ctx, time.Duration(1500+rand.IntN(1500))*time.Millisecond); err != nil {
		return err
	}
	if err := c.post(ctx, "/chat/typing", url.Values{"on": {"1"}}); err != nil {
		return err
	}
	if err := pause(ctx, time.Duration(1000+60*len(words))*time.Millisecond); err != nil {
		return err
	}
	return c.post(ctx, "/chat/messages", url.Values{"message_id": {store.NewID()}, "body": {words}})
}

// listen holds the stream of her page, and says when the counsellor has written or the end has come.
func (c *visitor) listen(ctx context.Context) (<-chan string, error) {
	res, err := c.do(ctx, http.MethodGet, "/chat/events", nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the stream answered %d: %w", res.StatusCode, res.Body.Close())
	}
	heard := make(chan string, 64)
	go func() {
		defer close(heard)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			line := lines.Text()
			switch {
			case line == "event: over":
				heard <- "over"
				return
			case strings.Contains(line, `data-from="staff"`):
				select {
				case heard <- "staff":
				default: // she has enough to answer
				}
			}
		}
	}()
	return heard, nil
}

func (c *visitor) get(ctx context.Context, path string) error {
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (c *visitor) post(ctx context.Context, path string, form url.Values) error {
	res, err := c.do(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for _, cookie := range res.Cookies() {
		if cookie.MaxAge >= 0 {
			c.cookie = cookie.Name + "=" + cookie.Value
		}
	}
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode >= 400 {
		return fmt.Errorf("%s answered %d", path, res.StatusCode)
	}
	return nil
}

func (c *visitor) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", c.network)
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	return c.client.Do(r)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
