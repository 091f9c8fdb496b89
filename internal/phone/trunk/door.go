package trunk

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// door says whom we talk to at all. A trunk's peers are those of its list and the addresses of its proxy; if a
// trunk knows its peer by digest only, anybody may ask for a challenge, a few times a second.
type door struct {
	trunks []*line
	// byDigest says that there is a trunk without a list of peers, which asks for a digest.
	byDigest  bool
	strangers *sources

	mu      sync.RWMutex
	proxies map[netip.Addr]*line
	// guests are addresses that brought good credentials to a trunk without a list.
	guests map[netip.Addr]guest
}

type guest struct {
	line  *line
	until time.Time
}

// maxGuests bounds the addresses that may be guests at once, guestTime how long one is without new credentials.
const (
	maxGuests = 1024
	guestTime = time.Hour
)

func newDoor(trunks []*line) *door {
	d := &door{trunks: trunks, strangers: newSources(), proxies: map[netip.Addr]*line{}, guests: map[netip.Addr]guest{}}
	for _, t := range trunks {
		d.byDigest = d.byDigest || t.Challenge && len(t.Peers) == 0
		if a, err := netip.ParseAddr(t.proxy.host); err == nil {
			d.proxies[a.Unmap()] = t
		}
	}
	return d
}

// known says that a trunk lists the address.
func (d *door) known(a netip.Addr) bool {
	for _, t := range d.trunks {
		if listed(t.Peers, a) {
			return true
		}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if _, ok := d.proxies[a]; ok {
		return true
	}
	g, ok := d.guests[a]
	return ok && time.Now().Before(g.until)
}

func listed(peers []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(peers, func(p netip.Prefix) bool { return p.Contains(a) })
}

// resolved lets the addresses of a trunk's proxy in, after its name was looked up.
func (d *door) resolved(t *line, a netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.proxies) < 256 {
		d.proxies[a] = t
	}
}

// welcome lets in an address that brought good credentials.
func (d *door) welcome(t *line, a netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if _, ok := d.guests[a]; !ok && len(d.guests) >= maxGuests {
		for other, g := range d.guests {
			if now.After(g.until) {
				delete(d.guests, other)
			}
		}
		if len(d.guests) >= maxGuests {
			return
		}
	}
	d.guests[a] = guest{t, now.Add(guestTime)}
}

// candidates are the trunks that may deliver from this address, those with the longest list entry first; none for
// a stranger.
func (d *door) candidates(a netip.Addr) (lines []*line) {
	bits := map[*line]int{}
	for _, t := range d.trunks {
		best := -1
		for _, p := range t.Peers {
			if p.Contains(a) {
				best = max(best, p.Bits())
			}
		}
		if best >= 0 {
			bits[t] = best
			lines = append(lines, t)
		}
	}
	slices.SortStableFunc(lines, func(x, y *line) int { return bits[y] - bits[x] })
	d.mu.RLock()
	defer d.mu.RUnlock()
	// Only addresses that stand in for a list are looked at here: a proxy's, and a guest's.
	if t, ok := d.proxies[a]; ok && !slices.Contains(lines, t) {
		lines = append(lines, t)
	}
	if g, ok := d.guests[a]; ok && time.Now().Before(g.until) && !slices.Contains(lines, g.line) {
		lines = append(lines, g.line)
	}
	return lines
}

// bucket lets a number of things happen in a second, and as many at once.
type bucket struct {
	mu     sync.Mutex
	rate   float64
	tokens float64
	last   time.Time
}

func newBucket(perSecond int) *bucket {
	return &bucket{rate: float64(perSecond), tokens: float64(perSecond), last: time.Now()}
}

func (b *bucket) take() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.rate, b.tokens+now.Sub(b.last).Seconds()*b.rate)
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// sources bounds what each stranger's address may ask, in memory that never grows: addresses share a bucket by
// their hash, so that a flood from many addresses slows strangers down and nobody else.
type sources struct {
	seed    maphash.Seed
	mu      sync.Mutex
	buckets [4096]struct {
		tokens float32
		last   int64
	}
}

// strangerRate is how many messages a second one bucket of strangers may send, strangerBurst how many at once.
const (
	strangerRate  = 5
	strangerBurst = 10
)

func newSources() *sources { return &sources{seed: maphash.MakeSeed()} }

func (s *sources) take(a netip.Addr) bool {
	if a.Is6() {
		// One household of IPv6 has 2^64 addresses.
		p, _ := a.Prefix(64)
		a = p.Addr()
	}
	i := maphash.Comparable(s.seed, a) % uint64(len(s.buckets))
	now := time.Now().UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.buckets[i]
	b.tokens = min(strangerBurst, b.tokens+float32(now-b.last)*strangerRate/1000)
	if b.last == 0 {
		b.tokens = strangerBurst
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
