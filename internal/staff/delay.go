package staff

import (
	"crypto/sha256"
	"sync"
	"time"
)

// delays slows guessing down without ever locking anybody out.
//
// They are in memory, on each node. In SQL they would hold across nodes and restarts, and let anybody
// who can reach the log-in page write to the record as fast as he can post; and the network keys that
// the caller gives come from a key in memory, so no other node would know them anyway. What it costs: an
// attacker has one try per delay and node, a few thousand a day, against twelve characters that are not
// common. Codes of six digits are another matter; their delay is in the account's row (code.go).
//
// An attempt counts as failed from its beginning, so that a thousand at once do not all pass before the
// first has failed.
type delays struct {
	now func() time.Time

	mu      sync.Mutex
	strikes map[[32]byte]*strike
	// known are the pairs of login and network that succeeded: there, a stranger's failures on the same
	// login are not held against her.
	known map[[32]byte]time.Time
}

type strike struct {
	count int
	next  time.Time // when the next attempt is heard
	last  time.Time
}

// rule says how a delay grows.
type rule struct {
	name string
	free int           // failures without a delay
	most time.Duration // the longest delay
	over time.Duration // failures are forgotten so long after the last
}

// The first delay is a second, and doubles.
const firstDelay = time.Second

var (
	// One person, one place: a few typing errors are free.
	pairRule = rule{name: "pair", free: 3, most: 30 * time.Second, over: time.Hour}
	// One login from anywhere: guessing from a thousand addresses.
	loginRule = rule{name: "login", free: 10, most: 30 * time.Second, over: time.Hour}
	// One network whatever the login: trying one password on everybody. A whole helpline may sit behind
	// one address, so it is patient and its delay is short.
	networkRule = rule{name: "network", free: 40, most: 10 * time.Second, over: 15 * time.Minute}
)

// knownFor is how long a place stays known without a log-in.
const knownFor = 30 * 24 * time.Hour

// remembered bounds each map. A failed password costs the attacker a slow hash, so he cannot push real
// entries out any faster than they end.
const remembered = 50_000

func newDelays(now func() time.Time) *delays {
	return &delays{now: now, strikes: map[[32]byte]*strike{}, known: map[[32]byte]time.Time{}}
}

// counted is one thing that is counted, and by which rule.
type counted struct {
	key  [32]byte
	rule rule
}

// attempt is a try that was let through.
type attempt struct {
	d      *delays
	counts []counted
	pair   [32]byte // zero when there is no login
}

// tries says what an attempt counts against.
type tries struct {
	counts []counted
	pair   [32]byte
}

// passwordAttempt counts by pair, login and network; network is the caller's opaque key.
func passwordAttempt(login, network string) tries {
	pair := keyOf("pair", login, network)
	t := tries{pair: pair, counts: []counted{{pair, pairRule}, {keyOf("login", login), loginRule}}}
	t.counts = append(t.counts, passkeyAttempt(network).counts...)
	return t
}

// passkeyAttempt counts by network only: there is nothing to guess. A caller that knows no networks ("")
// counts by login alone, or everybody would wait for everybody.
func passkeyAttempt(network string) tries {
	if network == "" {
		return tries{}
	}
	return tries{counts: []counted{{keyOf("network", network), networkRule}}}
}

// keyOf keeps typed logins out of memory: people type their password in the wrong field.
func keyOf(parts ...string) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return [32]byte(h.Sum(nil))
}

// begin lets an attempt through, or returns how long to wait.
func (d *delays) begin(t tries) (attempt, time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	_, home := d.known[t.pair]
	var wait time.Duration
	counts := t.counts[:0:0]
	for _, c := range t.counts {
		if home && c.rule.name == loginRule.name {
			continue
		}
		counts = append(counts, c)
		s := d.strikes[c.key]
		if s == nil {
			continue
		}
		if now.Sub(s.last) > c.rule.over {
			delete(d.strikes, c.key)
			continue
		}
		// A clock that was put back must not make anybody wait longer than the rule.
		wait = max(wait, min(s.next.Sub(now), c.rule.most))
	}
	if wait > 0 {
		return attempt{}, wait
	}
	for _, c := range counts {
		s := d.strikes[c.key]
		if s == nil {
			if len(d.strikes) >= remembered {
				d.forgetOldest()
			}
			s = &strike{}
			d.strikes[c.key] = s
		}
		s.count++
		s.last = now
		s.next = now.Add(c.rule.delay(s.count))
	}
	return attempt{d: d, counts: counts, pair: t.pair}, 0
}

// delay after so many failures.
func (r rule) delay(failures int) time.Duration {
	n := failures - r.free
	switch {
	case n <= 0:
		return 0
	case n > 16:
		return r.most
	}
	return min(firstDelay<<(n-1), r.most)
}

// succeed clears what was counted against the person; the network's count only goes back by this one,
// or an attacker with one good account could clear it at will.
func (a attempt) succeed() {
	a.d.mu.Lock()
	defer a.d.mu.Unlock()
	for _, c := range a.counts {
		if c.rule.name == networkRule.name {
			a.back(c)
		} else {
			delete(a.d.strikes, c.key)
		}
	}
	if a.pair != ([32]byte{}) {
		if len(a.d.known) >= remembered {
			clear(a.d.known)
		}
		a.d.known[a.pair] = a.d.now()
	}
}

// forgive takes the attempt back: it failed by our fault, or its caller left before it was heard.
func (a attempt) forgive() {
	a.d.mu.Lock()
	defer a.d.mu.Unlock()
	for _, c := range a.counts {
		a.back(c)
	}
}

func (a attempt) back(c counted) {
	s := a.d.strikes[c.key]
	if s == nil {
		return
	}
	if s.count--; s.count <= 0 {
		delete(a.d.strikes, c.key)
		return
	}
	s.next = s.last.Add(c.rule.delay(s.count))
}

// purge forgets what is over.
func (d *delays) purge() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for key, s := range d.strikes {
		if now.Sub(s.last) > pairRule.over {
			delete(d.strikes, key)
		}
	}
	for key, at := range d.known {
		if now.Sub(at) > knownFor {
			delete(d.known, key)
		}
	}
}

// forgetOldest makes room.
func (d *delays) forgetOldest() {
	var oldest [32]byte
	var at time.Time
	for key, s := range d.strikes {
		if at.IsZero() || s.last.Before(at) {
			oldest, at = key, s.last
		}
	}
	delete(d.strikes, oldest)
}
