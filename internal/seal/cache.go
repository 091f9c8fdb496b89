package seal

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps the keys that are in use unwrapped: the ones used last, at most so many, none longer than
// its time. A key that is forgotten while somebody is still reading it from the record does not come
// back: what was read before a Forget is not kept after it.
type cache struct {
	limit int
	ttl   time.Duration
	now   func() time.Time

	mu      sync.Mutex
	forgets uint64 // how many times something was forgotten
	entries map[string]*list.Element
	order   *list.List // of *cached, the one used last in front
}

type cached struct {
	key   *Key
	until time.Time
}

func newCache(limit int, ttl time.Duration, now func() time.Time) *cache {
	return &cache{limit: limit, ttl: ttl, now: now, entries: map[string]*list.Element{}, order: list.New()}
}

// get returns the key, or nil and the ticket with which put may keep it once it was read.
func (c *cache) get(id string) (*Key, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, found := c.entries[id]
	if !found {
		return nil, c.forgets
	}
	entry := el.Value.(*cached)
	if !c.now().Before(entry.until) {
		c.remove(el)
		return nil, c.forgets
	}
	c.order.MoveToFront(el)
	return entry.key, c.forgets
}

func (c *cache) put(key *Key, ticket uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ticket != c.forgets {
		return
	}
	if el, found := c.entries[key.id]; found {
		c.remove(el)
	}
	ttl := c.ttl
	if key.kind == KindFile { // it may be shelved meanwhile
		ttl = min(ttl, shelfTTL)
	}
	c.entries[key.id] = c.order.PushFront(&cached{key: key, until: c.now().Add(ttl)})
	for len(c.entries) > c.limit {
		c.remove(c.order.Back())
	}
}

func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgets++
	if el, found := c.entries[id]; found {
		c.remove(el)
	}
}

func (c *cache) remove(el *list.Element) {
	c.order.Remove(el)
	delete(c.entries, el.Value.(*cached).key.id)
}
