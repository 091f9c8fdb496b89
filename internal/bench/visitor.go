package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/contact"
	"vigie/internal/routing/flood"
)

// conversation is one contact: its visitor's page, and her counsellor's.
type conversation struct {
	id      string
	opening string // what the page posted to make it (contact.IDOf)
	index   int32
	head    head
	stream  *listener
	// desk is the counsellor's page on which it is.
	desk         atomic.Pointer[desk]
	accepting    atomic.Bool
	hers, theirs speaker
}

// door is how visitors come in: what a browser does before the scripts of the chat page run.
type door struct {
	base   string
	client *http.Client
}

func newDoor(address string, width int) *door {
	return &door{
		base: "http://" + address,
		client: &http.Client{
			Transport:     &http.Transport{MaxConnsPerHost: width, MaxIdleConnsPerHost: width},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       answerWithin,
		},
	}
}

func (d *door) close() { d.client.CloseIdleConnections() }

func (d *door) ask(ctx context.Context, method, path string, h head, form url.Values) (*http.Response, []byte, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, d.base+path, body)
	if err != nil {
		return nil, nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", d.base)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("User-Agent", "vigie-bench")
	if h.address != "" {
		r.Header.Set("X-Forwarded-For", h.address)
	}
	if h.cookie != "" {
		r.Header.Set("Cookie", h.cookie)
	}
	res, err := d.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, text, err
}

var (
	errFull   = errors.New("there are as many contacts as there may be")
	challenge = regexp.MustCompile(`data-challenge="([^"]+)"`)
	afterMark = []byte(`/chat/events?after=`)
)

// address is where a visitor seems to come from: each from a network of her own.
func address(index uint32) string {
	return fmt.Sprintf("10.%d.%d.7", index>>8&0xff, index&0xff)
}

// openWithin is how long a stubborn visitor tries to come in: many times what a server takes to come up
// again. After that what she was told is gone, and she is refused.
const openWithin = 30 * time.Second

// errRefused says that a visitor never came in.
var errRefused = errors.New("the server let nobody in")

// open brings one visitor in: the first questions skipped, her page loaded, her stream open. A server
// that does not answer is asked again, for the same contact; errRefused when that never helps.
func (c *crowd) open(ctx context.Context, d *door) (*conversation, error) {
	return c.openKnown(ctx, d, func(string) {})
}

// openKnown is open that says the contact's id before anything is asked.
func (c *crowd) openKnown(ctx context.Context, d *door, known func(id string)) (*conversation, error) {
	index := c.opened.Add(1) - 1
	if int(index) >= len(c.talks) {
		c.opened.Add(^uint32(0))
		return nil, errFull
	}
	opening := newID(contactMark, index)
	t := &conversation{id: contact.IDOf(opening), opening: opening, index: int32(index), head: head{host: c.order.Address, address: address(c.order.From + index)}}
	t.hers.talk, t.theirs.talk, t.theirs.staff = t, t, true
	t.hers.crowd, t.theirs.crowd = c, c
	// Known before the server knows it: a counsellor may be faster than our answer.
	c.talks[index].Store(t)
	c.byID.Store(t.id, t)
	known(t.id)
	after, deadline := "", time.Now().Add(openWithin)
	for attempt := 1; ; attempt++ {
		err := c.enter(ctx, d, t)
		if err == nil {
			after, err = c.load(ctx, d, t)
		}
		if err == nil {
			break
		}
		if c.order.Do != stubborn || ctx.Err() != nil || c.over.Load() {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w for %s: %w", errRefused, openWithin, err)
		}
		time.Sleep(c.backoff(attempt))
	}
	if c.order.Do == stubborn {
		if err := c.ledger.note(entry{contact: t.id}); err != nil {
			return nil, err
		}
	}
	t.stream = &listener{head: t.head, path: "/chat/events?after=", last: after, hear: t.hear, opened: func() { c.streams.Add(1) }, again: c.backoff(1)}
	go t.stream.listen(func() { c.streams.Add(-1); c.reconnect.Add(1) })
	return t, nil
}

// enter posts the first questions; where a silent proof of work is asked for, it is done.
func (c *crowd) enter(ctx context.Context, d *door, t *conversation) error {
	form := url.Values{"contact_id": {t.opening}}
	for range 3 {
		res, body, err := d.ask(ctx, http.MethodPost, "/chat", t.head, form)
		if err != nil {
			return err
		}
		if asked := challenge.FindSubmatch(body); res.StatusCode == http.StatusTooManyRequests && asked != nil {
			form.Set("proof", flood.Solve(html.UnescapeString(string(asked[1]))))
			continue
		}
		if res.StatusCode != http.StatusSeeOther {
			return fmt.Errorf("POST /chat answered %d", res.StatusCode)
		}
		for _, k := range res.Cookies() {
			t.head.cookie = k.Name + "=" + k.Value
		}
		if t.head.cookie == "" {
			return errors.New("POST /chat gave no cookie")
		}
		return nil
	}
	return errors.New("POST /chat asked for one proof after another")
}

// load loads her page, and reads how far it brought the conversation.
func (c *crowd) load(ctx context.Context, d *door, t *conversation) (after string, err error) {
	res, body, err := d.ask(ctx, http.MethodGet, "/chat", t.head, nil)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK || !bytes.Contains(body, afterMark) {
		return "", fmt.Errorf("GET /chat answered %d, without a stream", res.StatusCode)
	}
	return strconv.FormatInt(numberAfter(body, afterMark), 10), nil
}

// hear is what comes down her stream.
func (t *conversation) hear(_, event []byte) {
	c := t.hers.crowd
	bubbles(event, func(index uint32, seq int64, whole bool) {
		l := c.letters.at(index)
		if l == nil || l.scheduled.Load() == 0 {
			return
		}
		l.sees(seq)
		if !l.byStaff {
			return
		}
		if !whole {
			c.mangled.Add(1)
		}
		l.received.CompareAndSwap(0, int64(c.now()))
		t.hers.reads(seq)
	})
}

// speaker is one side's composer and marker of a conversation.
type speaker struct {
	crowd *crowd
	talk  *conversation
	staff bool

	mu    sync.Mutex
	queue []uint32
	busy  bool
	tries int
	// newest is the last message of the other side that this page shows, marked how far it has said so.
	newest, marked int64
	marking        bool
	timer          *time.Timer
}

// write puts a message in the composer's queue: it goes when the one before it was taken, as on the page.
func (s *speaker) write(scheduled time.Duration) {
	index, l := s.crowd.letters.add(s.talk.index, s.staff, scheduled)
	l.id = newID(letterMark, index)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, index)
	if !s.busy {
		s.busy = true
		s.crowd.pool.jobs <- s.deliver
	}
}

// to is the request that this side posts a form with.
func (s *speaker) to(b []byte, what string, form []byte) []byte {
	if s.staff {
		return s.talk.desk.Load().head.post(b, "/desk/contacts/"+s.talk.id+"/"+what, form)
	}
	return s.talk.head.post(b, "/chat/"+what, form)
}

// deliver posts the next message of the queue, again and again until the server has it.
func (s *speaker) deliver(w *wire) {
	c := s.crowd
	if c.over.Load() {
		return
	}
	s.mu.Lock()
	index := s.queue[0]
	s.mu.Unlock()
	l := c.letters.at(index)
	r, err := w.do(func(b []byte) []byte {
		return s.to(b, "messages", form(nil, "message_id", l.id, "body", words(l.id, s.staff)))
	})
	switch {
	case err != nil, r.status == http.StatusTooManyRequests, r.status >= 500:
		c.resent.Add(1)
		s.mu.Lock()
		s.tries++
		wait := c.backoff(s.tries)
		s.mu.Unlock()
		if err == nil {
			c.refusedWith(r)
		}
		time.AfterFunc(wait, func() { c.pool.jobs <- s.deliver })
		return
	case r.status != http.StatusOK:
		c.refusedWith(r)
		c.refused.Add(1)
		l.refused.Store(true)
	default:
		bubbles(r.body, func(of uint32, seq int64, _ bool) {
			if of == index {
				l.sees(seq)
			}
		})
		if c.order.Do == stubborn {
			if err := c.ledger.note(entry{contact: s.talk.id, letter: l.id, byStaff: s.staff, seq: l.seq.Load()}); err != nil {
				c.failed(err)
			}
		}
		l.acked.Store(int64(c.now()))
		c.acked.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = 0
	s.queue = s.queue[1:]
	if s.busy = len(s.queue) > 0; s.busy {
		c.pool.jobs <- s.deliver
	}
}

func (c *crowd) refusedWith(r reply) {
	text := strconv.Itoa(r.status)
	if len(r.body) < 200 {
		text += " " + string(r.body)
	}
	c.refusal.Store(&text)
}

// refusesFor counts n things that the server never took, and why.
func (c *crowd) refusesFor(n int64, why string) {
	c.refused.Add(n)
	c.refusal.Store(&why)
}

// backoff is how long a page waits before it tries again; a stubborn one is less polite.
func (c *crowd) backoff(failures int) time.Duration {
	if c.order.Do == stubborn {
		return 30*time.Millisecond + rand.N(70*time.Millisecond)
	}
	d := min(30*time.Second, time.Second<<min(max(failures-1, 0), 5))
	return time.Duration(float64(d) * (0.7 + 0.6*rand.Float64()))
}

// markAfter is how long a page gathers before it says how far it has received and seen
// (assets/ts/seen-marker.ts).
const markAfter = 400 * time.Millisecond

// reads notes a message of the other side on this page. The mark goes out once nothing new came for a while.
func (s *speaker) reads(seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = max(s.newest, seq)
	if s.newest <= s.marked || s.crowd.over.Load() {
		return
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(markAfter, s.mark)
	} else {
		s.timer.Reset(markAfter)
	}
}

func (s *speaker) mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.marking || s.crowd.over.Load() {
		return
	}
	s.marking = true
	s.crowd.pool.jobs <- s.postMark
}

func (s *speaker) postMark(w *wire) {
	s.mu.Lock()
	upTo := s.newest
	s.mu.Unlock()
	number := strconv.FormatInt(upTo, 10)
	r, err := w.do(func(b []byte) []byte {
		return s.to(b, "marks", form(nil, "delivered", number, "seen", number))
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marking = false
	if err == nil && r.status < 500 {
		s.marked = max(s.marked, upTo)
	}
	if s.newest > s.marked && !s.crowd.over.Load() {
		s.timer.Reset(markAfter)
	}
}
