// Package flood slows a flood down without ever locking a child out.
//
// A helpline cannot put a captcha in front of a child in danger, and cannot count addresses either: a
// whole school, a hospital ward or a mobile operator shares one. So each act has a generous token bucket
// per network, and what goes beyond it waits a bounded time rather than being refused. Where waiting no
// longer helps, and only for the acts that declare it, the page is asked for a silent proof of work: by
// an operator's switch, or by itself above a declared threshold. Whatever the answer, it says when the
// phone number must be shown, because a person can always call.
//
// Networks are known by a keyed hash whose key is random, lives in memory and changes every day: nothing
// here can be turned back into an address, and nothing is written. Buckets are per node; their number is
// bounded, and each limit says what happens when one cannot be kept.
package flood

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// Mode is how the proof of work is switched.
type Mode string

const (
	// Never asks for no proof at all; beyond its bucket an act that would ask is served after its delay.
	Never Mode = "never"
	// Auto asks only beyond a bucket, or above the threshold of all networks together. The default.
	Auto Mode = "auto"
	// Always asks every time, for the acts that may ask. An operator turns it on under attack.
	Always Mode = "always"
)

// Options shapes a Guard; the zero value is what a node runs with.
type Options struct {
	// Limits replaces the table, for tests.
	Limits []Limit
	// Buckets bounds how many are kept (default 50,000, about 6 MB).
	Buckets int
	// ProofKey signs challenges. Nodes that share it accept one another's; nil makes one of this node.
	ProofKey []byte
	// ProofLife is how long a challenge may be solved (default 10 min: an old phone, a slow network).
	ProofLife time.Duration
	// Now is the clock (default time.Now).
	Now func() time.Time
}

// Guard keeps the buckets of one node. It is safe for concurrent use.
type Guard struct {
	limits []Limit
	index  map[Act]int
	now    func() time.Time
	proofs *proofs

	mu     sync.Mutex
	key    []byte // of today, in memory only
	day    int64
	shelf  *shelf
	shared []bucket // one per limit, for those whose bucket cannot be kept
	minute []count
	mode   Mode
	bits   int
}

// count is how many came in the running minute, and until when the proof stays on because of it.
type count struct {
	start int64
	n     int
	until int64
}

// surgeLasts is how long a threshold keeps the proof on after the last minute that went over it.
const surgeLasts = 10 * time.Minute

// DefaultBits is the work asked for at first: 16,384 hashes on average, a blink on a phone.
const DefaultBits = 14

// New returns a Guard in mode Auto.
func New(o Options) *Guard {
	if o.Limits == nil {
		o.Limits = Limits
	}
	if o.Buckets <= 0 {
		o.Buckets = 50_000
	}
	if o.ProofKey == nil {
		o.ProofKey = randomKey()
	}
	if o.ProofLife <= 0 {
		o.ProofLife = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	g := &Guard{
		limits: o.Limits,
		index:  make(map[Act]int),
		now:    o.Now,
		proofs: newProofs(o.ProofKey, o.ProofLife, o.Buckets),
		shelf:  newShelf(o.Buckets, o.Limits),
		shared: make([]bucket, len(o.Limits)),
		minute: make([]count, len(o.Limits)),
		mode:   Auto,
		bits:   DefaultBits,
	}
	now := o.Now().UnixNano()
	for i, l := range o.Limits {
		g.index[l.Act] = i
		g.shared[i] = bucket{tokens: float64(l.Burst), counted: now}
	}
	return g
}

// Source is who acts, as an opaque mark: it says only that two requests of one day are of one network,
// or of one contact. The zero Source is somebody of whom nothing is known.
type Source struct{ mark [16]byte }

// Network is the source of an address: its /24 in IPv4, its /56 in IPv6. An address that is not one
// gives the zero Source.
func (g *Guard) Network(a netip.Addr) Source {
	if !a.IsValid() {
		return Source{}
	}
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	prefix, err := a.Prefix(bits)
	if err != nil {
		return Source{}
	}
	bytes := prefix.Addr().AsSlice()
	return g.source("network", string(bytes))
}

// Contact is the source of one conversation, for what is counted per contact.
func (g *Guard) Contact(id string) Source { return g.source("contact", id) }

func (g *Guard) source(kind, value string) Source {
	g.mu.Lock()
	key := g.today()
	g.mu.Unlock()
	h := hmac.New(sha256.New, key)
	h.Write([]byte(kind + "\x00" + value))
	var s Source
	copy(s.mark[:], h.Sum(nil))
	return s
}

// today returns the day's key. A new day forgets yesterday's networks altogether. A clock that jumps
// back keeps the key it has.
func (g *Guard) today() []byte {
	if day := g.now().Unix() / 86400; g.key == nil || day > g.day {
		g.key, g.day = randomKey(), day
		g.shelf.clear()
	}
	return g.key
}

func randomKey() []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails (Go 1.24)
	return key
}

// Verdict is what to do with a request.
type Verdict struct {
	// Delay is how long to wait before serving it, at most the limit's MaxDelay. The request's own
	// context ends the wait early when its person leaves.
	Delay time.Duration
	// Refused says that it is not served: because a proof is asked for (Challenge), or because it came
	// again too soon (RetryAfter). What was typed is shown again, nothing of it is lost.
	Refused bool
	// RetryAfter is when to come again. It comes with a challenge too, for a page without JavaScript.
	RetryAfter time.Duration
	// Challenge is what the page solves before it sends again; see proof.go for its form.
	Challenge string
	// Proof says why a proof that came with the request was not taken: nil when none came or it was
	// good, else a fault of kind Invalid or Gone.
	Proof error
	// OfferPhone says that the helpline's number must be shown with the answer: always, as soon as the
	// request is not served at once.
	OfferPhone bool
}

// Wait waits for the verdict's delay, or until the person leaves (the context's error).
func (v Verdict) Wait(ctx context.Context) error {
	if v.Delay <= 0 {
		return nil
	}
	timer := time.NewTimer(v.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Check counts one act of a source and says what to do with it. proof is what the page sent with it: the
// proof, or from a page without JavaScript the challenge alone, which is served after PlainWait; ""
// when nothing. An act without a row in the table is served at once: a limit that was forgotten must not
// close a door.
func (g *Guard) Check(act Act, from Source, proof string) Verdict {
	now := g.now()
	g.mu.Lock()
	i, known := g.index[act]
	if !known {
		g.mu.Unlock()
		return Verdict{}
	}
	l := g.limits[i]
	surge := g.surging(i, now)
	asked := l.Beyond == AskProof && (g.mode == Always || surge && g.mode == Auto)
	bits, mode := g.bits, g.mode
	g.mu.Unlock()

	var v Verdict
	worked, waited := false, false
	var waits time.Duration
	switch {
	case proof == "" || l.Beyond != AskProof:
	case isChallenge(proof):
		waits, v.Proof = g.proofs.wait(act, proof, now)
		waited = v.Proof == nil
	default:
		v.Proof = g.proofs.spend(act, proof, now)
		worked = v.Proof == nil
	}
	if asked && !worked && !waited {
		// Nothing is taken from the bucket: it is the same request that comes back, with its proof.
		v.Refused, v.OfferPhone, v.RetryAfter = true, true, l.MaxDelay
		v.Challenge = g.proofs.challenge(act, bits, now)
		return v
	}

	depth := l.MaxDelay
	if l.Beyond == Serve || l.Beyond == AskProof && mode == Never || waited {
		depth *= serveDepth
	}
	delay, within := g.take(i, l, depth, from, now)
	if within {
		g.countMinute(i, l, now)
	}
	v.Delay, v.OfferPhone = max(delay, waits), delay > 0 || waited
	if within || worked {
		return v
	}
	v.Refused, v.Delay, v.RetryAfter = true, 0, l.MaxDelay
	if l.Beyond == AskProof && mode != Never {
		v.Challenge = g.proofs.challenge(act, bits, now)
	}
	return v
}

func (g *Guard) take(i int, l Limit, depth time.Duration, from Source, now time.Time) (time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.today()
	b := g.bucket(i, l, from, now)
	if b == nil {
		return 0, true
	}
	return b.take(l, depth, now.UnixNano())
}

// bucket returns nil when the request goes free because its bucket cannot be kept.
func (g *Guard) bucket(i int, l Limit, from Source, now time.Time) *bucket {
	if from == (Source{}) {
		if l.FailOpen {
			return nil
		}
		return &g.shared[i]
	}
	if b := g.shelf.find(bucketID{from, i}, now.UnixNano()); b != nil {
		return b
	}
	return &g.shared[i]
}

// countMinute counts one more of all networks together. Only what its own network's bucket let through
// counts: one network alone does not turn the proof on for everybody.
func (g *Guard) countMinute(i int, l Limit, now time.Time) {
	if l.Surge <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c, at := &g.minute[i], now.Unix()
	if at-c.start >= 60 || at < c.start {
		c.start, c.n = at, 0
	}
	c.n++
	if c.n >= l.Surge {
		c.until = at + int64(surgeLasts/time.Second)
	}
}

// surging says whether the threshold was crossed lately. g.mu is held.
func (g *Guard) surging(i int, now time.Time) bool {
	c, at := g.minute[i], now.Unix()
	return at < c.until && c.until-at <= int64(surgeLasts/time.Second)
}

// SetProof switches the proof of work: by an operator's hand, or from the stored setting at start.
// bits is the work asked for, kept between MinBits and MaxBits; 0 keeps what it is.
func (g *Guard) SetProof(mode Mode, bits int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch mode {
	case Never, Auto, Always:
		g.mode = mode
	}
	if bits != 0 {
		g.bits = min(max(bits, MinBits), MaxBits)
	}
}

// State is what the operator sees.
type State struct {
	Mode Mode
	Bits int
	// Buckets is how many are kept now, Forgotten how many were dropped while still in use.
	Buckets   int
	Forgotten int64
	// Surging are the acts whose threshold keeps the proof on.
	Surging []Act
}

// State returns the guard's state; nothing in it is about anybody.
func (g *Guard) State() State {
	now := g.now().Unix()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{Mode: g.mode, Bits: g.bits, Buckets: len(g.shelf.byID), Forgotten: g.shelf.evicted}
	for i, c := range g.minute {
		if now < c.until {
			s.Surging = append(s.Surging, g.limits[i].Act)
		}
	}
	return s
}
