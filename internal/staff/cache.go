package staff

import (
	"sync"
	"time"
)

const (
	// cacheFor bounds how long a node believes what it read, should an announcement be lost.
	cacheFor = 5 * time.Second
	// cacheLimit bounds the cache; a helpline has hundreds of sessions, not thousands.
	cacheLimit = 4096
)

// cache remembers sessions and people for a few seconds, so that a page's twenty requests do not become
// twenty statements.
type cache struct {
	now func() time.Time

	mu       sync.Mutex
	drops    uint64 // counts what was dropped: see ticket
	sessions map[[32]byte]*live
	people   map[string]knownPerson
}

type knownPerson struct {
	person Person
	until  time.Time
}

// live is a session in the cache.
type live struct {
	person Person
	until  time.Time

	mu      sync.Mutex
	session Session
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, sessions: map[[32]byte]*live{}, people: map[string]knownPerson{}}
}

// ticket is drawn before reading what will be cached. If anything was dropped between the reading and
// the putting, what was read may be what was dropped, and is not kept.
func (c *cache) ticket() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drops
}

func (c *cache) session(hash [32]byte) *live {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.sessions[hash]
	if l == nil || !c.fresh(l.until) {
		return nil
	}
	return l
}

// fresh says whether something kept until then still counts, also when the clock was put back.
func (c *cache) fresh(until time.Time) bool {
	left := until.Sub(c.now())
	return left > 0 && left <= cacheFor
}

func (c *cache) putSession(ticket uint64, hash [32]byte, l *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != ticket {
		return
	}
	if len(c.sessions) >= cacheLimit {
		clear(c.sessions)
	}
	l.until = c.now().Add(cacheFor)
	c.sessions[hash] = l
}

func (c *cache) person(id string) (Person, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.people[id]
	return p.person, ok && c.fresh(p.until)
}

func (c *cache) putPerson(ticket uint64, p Person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != ticket {
		return
	}
	if len(c.people) >= cacheLimit {
		clear(c.people)
	}
	c.people[p.ID] = knownPerson{p, c.now().Add(cacheFor)}
}

// drop forgets a person and her sessions.
func (c *cache) drop(personID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	delete(c.people, personID)
	for hash, l := range c.sessions {
		if l.person.ID == personID {
			delete(c.sessions, hash)
		}
	}
}

func (c *cache) dropSession(hash [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	delete(c.sessions, hash)
}

// purge forgets what no longer counts.
func (c *cache) purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for hash, l := range c.sessions {
		if !c.fresh(l.until) {
			delete(c.sessions, hash)
		}
	}
	for id, p := range c.people {
		if !c.fresh(p.until) {
			delete(c.people, id)
		}
	}
}

// at says how the session stands at now: whether it is alive, and whether this use is to be written. A
// use within a minute of the last one written is not, so an idle session may end up to a minute early.
func (l *live) at(now time.Time, idle time.Duration, use bool) (session Session, write, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	session = l.session
	if now.Sub(session.SeenAt) > idle || !now.Before(session.EndsAt) {
		return session, false, false
	}
	if use && now.Sub(session.SeenAt) >= seenEvery {
		write = true
		l.session.SeenAt = now
	}
	return session, write, true
}

// unseen takes back that a use was written.
func (l *live) unseen(was time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session.SeenAt = was
}
