package flood

import "time"

// bucket is a token bucket that may go into debt: the debt is the wait. It is a node of the list that
// orders buckets by last use.
type bucket struct {
	id      bucketID
	newer   *bucket
	older   *bucket
	tokens  float64 // negative when in debt
	counted int64   // Unix nanoseconds of the last refill
}

// bucketID: one source has a bucket per limit.
type bucketID struct {
	from  Source
	limit int // index in the table
}

// refill adds what became free since the last look. A clock that jumps back refills nothing, and does
// not make anybody wait for it to catch up.
func (b *bucket) refill(l Limit, now int64) {
	if passed := now - b.counted; passed > 0 {
		b.tokens = min(float64(l.Burst), b.tokens+float64(passed)/float64(l.Every))
	}
	b.counted = now
}

// take takes one token and returns the wait it costs, at most MaxDelay; false when the debt would be
// deeper than depth, in which case nothing is taken.
func (b *bucket) take(l Limit, depth time.Duration, now int64) (time.Duration, bool) {
	b.refill(l, now)
	left := b.tokens - 1
	debt := time.Duration(max(0, -left) * float64(l.Every))
	if debt > depth {
		return l.MaxDelay, false
	}
	b.tokens = left
	return min(debt, l.MaxDelay), true
}

// full says whether forgetting the bucket would forgive nothing.
func (b *bucket) full(l Limit, now int64) bool {
	b.refill(l, now)
	return b.tokens >= float64(l.Burst)
}

// shelf holds at most size buckets, ordered by last use.
type shelf struct {
	size    int
	byID    map[bucketID]*bucket
	newest  *bucket
	oldest  *bucket
	limits  []Limit
	evicted int64 // buckets forgotten while still in use
}

func newShelf(size int, limits []Limit) *shelf {
	return &shelf{size: size, byID: make(map[bucketID]*bucket), limits: limits}
}

// find returns the bucket of id, made full when it is new. It returns nil when the shelf is full of
// buckets that are still filling and the limit is not one that fails open.
func (s *shelf) find(id bucketID, now int64) *bucket {
	if b := s.byID[id]; b != nil {
		s.unlink(b)
		s.link(b)
		return b
	}
	if len(s.byID) >= s.size {
		stale := s.oldest
		if !stale.full(s.limits[stale.id.limit], now) {
			if !s.limits[id.limit].FailOpen {
				return nil
			}
			s.evicted++
		}
		s.unlink(stale)
		delete(s.byID, stale.id)
	}
	b := &bucket{id: id, tokens: float64(s.limits[id.limit].Burst), counted: now}
	s.byID[id] = b
	s.link(b)
	return b
}

func (s *shelf) clear() {
	clear(s.byID)
	s.newest, s.oldest = nil, nil
}

func (s *shelf) link(b *bucket) {
	b.older, b.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = b
	}
	s.newest = b
	if s.oldest == nil {
		s.oldest = b
	}
}

func (s *shelf) unlink(b *bucket) {
	if b.newer != nil {
		b.newer.older = b.older
	} else {
		s.newest = b.older
	}
	if b.older != nil {
		b.older.newer = b.newer
	} else {
		s.oldest = b.newer
	}
}
