package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// desk is a counsellor in front of her page.
type desk struct {
	crowd  *crowd
	head   head
	stream *listener
	open   atomic.Bool
}

// staffCookie is the cookie a log-in sets.
const staffCookie = "__Host-vigie-staff"

// sit opens the desks: each page loaded, its stream open, its counsellor available.
func (c *crowd) sit(ctx context.Context) error {
	door := newDoor(c.order.Address, 4)
	defer door.close()
	for _, s := range c.order.Seats {
		d := c.deskOf(s)
		d.stream.hear = d.hear
		if err := d.begin(ctx, door); err != nil {
			return err
		}
	}
	return c.seated(ctx)
}

// deskOf is the desk of whoever sits there, not loaded yet.
func (c *crowd) deskOf(s seat) *desk {
	d := &desk{crowd: c, head: head{host: c.order.Address, cookie: staffCookie + "=" + s.Token}}
	d.stream = &listener{head: d.head, path: "/desk/events?after=", opened: d.available, again: c.backoff(1)}
	return d
}

// begin loads her page and opens its stream.
func (d *desk) begin(ctx context.Context, door *door) error {
	res, _, err := door.ask(ctx, http.MethodGet, "/desk", d.head, nil)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET /desk answered %d", res.StatusCode)
	}
	if err != nil {
		return err
	}
	d.crowd.desks = append(d.crowd.desks, d)
	go d.stream.listen(func() { d.open.Store(false); d.crowd.reconnect.Add(1) })
	return nil
}

// seated waits until every desk is open.
func (c *crowd) seated(ctx context.Context) error {
	open := func() (n int) {
		for _, d := range c.desks {
			if d.open.Load() {
				n++
			}
		}
		return n
	}
	return c.until(ctx, time.Minute, func() string { return fmt.Sprintf("%d of %d desks are open", open(), len(c.desks)) },
		func() bool { return open() == len(c.desks) })
}

// available says that she takes contacts: when her page opens, and when it comes back, because nobody
// answered what rang meanwhile.
func (d *desk) available() { d.crowd.pool.jobs <- d.postAvailable }

func (d *desk) postAvailable(w *wire) {
	if d.crowd.over.Load() {
		return
	}
	r, err := w.do(func(b []byte) []byte {
		return d.head.post(b, "/desk/presence", form(nil, "state", "available"))
	})
	if err != nil || r.status != http.StatusOK {
		if err == nil {
			d.crowd.refusedWith(r)
		}
		time.AfterFunc(200*time.Millisecond, d.available)
		return
	}
	d.open.Store(true)
}

var (
	ringMark   = []byte("data-ring")
	acceptMark = []byte(`/accept"`)
)

// hear is what comes down her stream: messages, which she answers at once, and what rings, which she takes.
func (d *desk) hear(_, event []byte) {
	c := d.crowd
	bubbles(event, func(index uint32, seq int64, whole bool) {
		l := c.letters.at(index)
		if l == nil || l.scheduled.Load() == 0 {
			return
		}
		l.sees(seq)
		if l.byStaff {
			return
		}
		if !whole {
			c.mangled.Add(1)
		}
		t := c.talks[l.conversation].Load()
		d.has(t)
		if now := c.now(); l.received.CompareAndSwap(0, int64(now)) && !c.over.Load() {
			t.theirs.write(now)
		}
		t.theirs.reads(seq)
	})
	if bytes.Contains(event, ringMark) {
		d.rings(event)
	}
}

// has notes that a conversation is hers.
func (d *desk) has(t *conversation) {
	if t.desk.Swap(d) == nil {
		d.crowd.accepted.Add(1)
	}
}

// rings takes what rings.
func (d *desk) rings(event []byte) {
	at := bytes.Index(event, acceptMark)
	if at < 36 {
		return
	}
	known, ours := d.crowd.byID.Load(string(event[at-36 : at]))
	if !ours {
		return
	}
	t := known.(*conversation)
	if !t.accepting.CompareAndSwap(false, true) {
		return
	}
	d.crowd.pool.jobs <- func(w *wire) {
		defer t.accepting.Store(false)
		if d.crowd.over.Load() {
			return
		}
		r, err := w.do(func(b []byte) []byte { return d.head.post(b, "/desk/contacts/"+t.id+"/accept", nil) })
		switch {
		case err != nil:
		case r.status == http.StatusOK:
			d.has(t)
			d.hear(nil, r.body) // the answer brings the conversation, with what was written in it before
		default: // it went on to somebody else; a ring that still rings is announced again
			d.crowd.refusedWith(r)
		}
	}
}
