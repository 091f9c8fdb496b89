package flood

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigie/internal/fault"
)

// clock is a hand that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func guard(o Options) (*Guard, *clock) {
	c := newClock()
	o.Now = c.now
	return New(o), c
}

func address(text string) netip.Addr { return netip.MustParseAddr(text) }

// Three hundred pupils of one school, one address, one break: nobody waits, nobody is asked anything.
func TestASchoolIsServedAtOnce(t *testing.T) {
	g, _ := guard(Options{})
	school := g.Network(address("192.0.2.7"))
	for pupil := range 300 {
		if v := g.Check(OpenChat, school, ""); v != (Verdict{}) {
			t.Fatalf("pupil %d got %+v", pupil+1, v)
		}
	}
}

// Beyond the burst each waits a little longer than the one before, the phone is offered, and a minute
// later the school has its places again.
func TestBeyondTheBurstItGetsSlower(t *testing.T) {
	g, c := guard(Options{})
	school := g.Network(address("192.0.2.7"))
	for range 300 {
		g.Check(OpenChat, school, "")
	}
	for i := 1; i <= 15; i++ {
		v := g.Check(OpenChat, school, "")
		if want := time.Duration(i) * time.Second; v.Refused || v.Delay != want || !v.OfferPhone {
			t.Fatalf("request %d beyond: %+v, want a delay of %v and the phone", i, v, want)
		}
	}
	v := g.Check(OpenChat, school, "")
	if !v.Refused || v.Challenge == "" || !v.OfferPhone {
		t.Fatalf("beyond the longest wait: %+v, want a challenge and the phone", v)
	}
	if v := g.Check(OpenChat, g.Network(address("198.51.100.7")), ""); v != (Verdict{}) {
		t.Fatalf("another network pays for it: %+v", v)
	}
	c.pass(time.Minute)
	if v := g.Check(OpenChat, school, ""); v != (Verdict{}) {
		t.Fatalf("a minute later: %+v", v)
	}
}

// A message is never refused to a thumb, however fast; only a program gets "come again".
func TestAMessageIsSlowedNotRefused(t *testing.T) {
	g, _ := guard(Options{})
	chat := g.Contact("a contact")
	var l Limit
	for _, l = range Limits {
		if l.Act == SendMessage {
			break
		}
	}
	depth := l.Burst + int(serveDepth*l.MaxDelay/l.Every)
	for i := range depth {
		if v := g.Check(SendMessage, chat, ""); v.Refused || v.Delay > l.MaxDelay {
			t.Fatalf("message %d: %+v", i+1, v)
		}
	}
	if v := g.Check(SendMessage, chat, ""); !v.Refused || v.RetryAfter != l.MaxDelay || !v.OfferPhone || v.Challenge != "" {
		t.Fatalf("message %d: %+v", depth+1, v)
	}
}

// Every limit of the table: whatever is done, a delay is never longer than it says, a refusal always says
// when to come again, and whoever is not served at once is shown the phone number.
func TestEveryLimitKeepsItsWord(t *testing.T) {
	for _, mode := range []Mode{Never, Auto, Always} {
		for _, l := range Limits {
			g, _ := guard(Options{})
			g.SetProof(mode, 0)
			from := g.Network(address("2001:db8::1"))
			for i := range l.Burst + 5000 {
				v := g.Check(l.Act, from, "")
				if v.Delay > l.MaxDelay || v.Delay < 0 {
					t.Fatalf("%s, %s, %d: delay %v", l.Act, mode, i, v.Delay)
				}
				if v.Refused && (v.RetryAfter <= 0 || v.RetryAfter > l.MaxDelay) {
					t.Fatalf("%s, %s, %d: refused, come again in %v", l.Act, mode, i, v.RetryAfter)
				}
				if (v.Refused || v.Delay > 0) != v.OfferPhone {
					t.Fatalf("%s, %s, %d: phone offered %v in %+v", l.Act, mode, i, v.OfferPhone, v)
				}
				if v.Challenge != "" && (l.Beyond != AskProof || mode == Never) {
					t.Fatalf("%s, %s, %d: a challenge nobody switched on", l.Act, mode, i)
				}
			}
		}
	}
}

// The table itself: each act once, nothing that would lock out.
func TestTheTableIsWhole(t *testing.T) {
	seen := map[Act]bool{}
	for _, l := range Limits {
		if seen[l.Act] {
			t.Errorf("%s is there twice", l.Act)
		}
		seen[l.Act] = true
		if l.Burst < 1 || l.Every <= 0 || l.MaxDelay < l.Every || l.MaxDelay > 30*time.Second {
			t.Errorf("%s: %+v", l.Act, l)
		}
		switch l.Beyond {
		case Serve, AskProof, Later:
		default:
			t.Errorf("%s: beyond %q", l.Act, l.Beyond)
		}
	}
}

// One network is a /24 or a /56, however its address is written.
func TestOneNetworkOneBucket(t *testing.T) {
	g, _ := guard(Options{})
	same := [][2]string{
		{"192.0.2.1", "192.0.2.254"},
		{"192.0.2.1", "::ffff:192.0.2.9"},
		{"2001:db8:1:100::1", "2001:db8:1:1ff:ffff::9"},
		{"fe80::1%eth0", "fe80::1%wlan0"},
	}
	for _, p := range same {
		if g.Network(address(p[0])) != g.Network(address(p[1])) {
			t.Errorf("%s and %s are one network", p[0], p[1])
		}
	}
	other := [][2]string{{"192.0.2.1", "192.0.3.1"}, {"2001:db8:1:100::1", "2001:db8:1:200::1"}}
	for _, p := range other {
		if g.Network(address(p[0])) == g.Network(address(p[1])) {
			t.Errorf("%s and %s are two networks", p[0], p[1])
		}
	}
	if g.Network(netip.Addr{}) != (Source{}) {
		t.Error("no address is a source")
	}
}

// Tomorrow nobody knows today's networks, and two nodes never knew each other's.
func TestTheKeyIsOfTheDay(t *testing.T) {
	g, c := guard(Options{})
	today := g.Network(address("192.0.2.7"))
	for range 20 {
		g.Check(LogIn, today, "")
	}
	c.pass(4 * time.Hour)
	tomorrow := g.Network(address("192.0.2.7"))
	if tomorrow == today {
		t.Fatal("the same mark two days running")
	}
	if n := g.State().Buckets; n != 0 {
		t.Fatalf("%d buckets of yesterday are kept", n)
	}
	if other, _ := guard(Options{}); other.Network(address("192.0.2.7")) == g.Network(address("192.0.2.7")) {
		t.Fatal("two nodes share a key")
	}
}

// Memory is bounded. When it is full of networks in debt, a limit that fails open forgets the one seen
// longest ago; a limit that does not makes the newcomers share one bucket, so that filling our memory
// does not make guessing free.
func TestMemoryIsBounded(t *testing.T) {
	open := Limit{Act: OpenChat, Burst: 1, Every: time.Hour, MaxDelay: time.Hour, Beyond: AskProof, FailOpen: true}
	shut := Limit{Act: LogIn, Burst: 1, Every: time.Hour, MaxDelay: time.Hour, Beyond: Later, FailOpen: false}
	network := func(g *Guard, i int) Source {
		return g.Network(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}))
	}
	g, _ := guard(Options{Limits: []Limit{open, shut}, Buckets: 100})
	for i := range 1000 {
		if v := g.Check(OpenChat, network(g, i), ""); v != (Verdict{}) {
			t.Fatalf("newcomer %d: %+v", i, v)
		}
	}
	if s := g.State(); s.Buckets != 100 || s.Forgotten != 900 {
		t.Fatalf("%+v, want 100 buckets and 900 forgotten", s)
	}
	// Whoever is seen again is not the one to be forgotten.
	g.Check(OpenChat, network(g, 900), "")
	for i := range 99 {
		g.Check(OpenChat, network(g, 5000+i), "")
	}
	if v := g.Check(OpenChat, network(g, 900), ""); v == (Verdict{}) {
		t.Error("the one that came back was forgotten")
	}
	if v := g.Check(OpenChat, network(g, 0), ""); v.Delay != 0 {
		t.Error("the oldest was not")
	}

	g, _ = guard(Options{Limits: []Limit{open, shut}, Buckets: 100})
	free := 0
	for i := range 1000 {
		if v := g.Check(LogIn, network(g, i), ""); v == (Verdict{}) {
			free++
		}
	}
	if free != 101 {
		t.Fatalf("%d log-ins went free, want a hundred with a bucket and one of the shared bucket", free)
	}
	if s := g.State(); s.Buckets != 100 || s.Forgotten != 0 {
		t.Fatalf("%+v", s)
	}
}

// What is known of nobody (no address: a broken proxy) goes as its limit declares.
func TestNoAddress(t *testing.T) {
	g, _ := guard(Options{})
	for range 1000 {
		if v := g.Check(OpenChat, Source{}, ""); v != (Verdict{}) {
			t.Fatalf("opening a chat fails open, got %+v", v)
		}
	}
	slowed := false
	for range 20 {
		v := g.Check(LogIn, Source{}, "")
		slowed = slowed || v.Delay > 0 || v.Refused
	}
	if !slowed {
		t.Fatal("guessing passwords went free for who hides her address")
	}
	if v := g.Check("no such act", Source{}, ""); v != (Verdict{}) {
		t.Fatalf("an act without a limit: %+v", v)
	}
}

// A clock that jumps makes nobody wait: back, nothing is refilled and nothing is owed more; forward,
// buckets are full.
func TestAClockJump(t *testing.T) {
	g, c := guard(Options{})
	from := g.Network(address("192.0.2.7"))
	for range 11 {
		g.Check(LogIn, from, "")
	}
	c.pass(-time.Hour)
	v := g.Check(LogIn, from, "")
	if v.Refused || v.Delay != 10*time.Second {
		t.Fatalf("an hour back: %+v, want the next wait in line, 10 s", v)
	}
	c.pass(10 * time.Second)
	if v := g.Check(LogIn, from, ""); v.Delay > 10*time.Second {
		t.Fatalf("the hour is waited for: %+v", v)
	}
	c.pass(time.Hour)
	if v := g.Check(LogIn, from, ""); v != (Verdict{}) {
		t.Fatalf("an hour on: %+v", v)
	}
}

// Waiting ends with its delay, or when the person leaves.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := (Verdict{Delay: 3 * time.Second}).Wait(t.Context()); err != nil || time.Since(start) != 3*time.Second {
			t.Fatalf("waited %v, %v", time.Since(start), err)
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		start = time.Now()
		if err := (Verdict{Delay: time.Hour}).Wait(ctx); err == nil || time.Since(start) != time.Second {
			t.Fatalf("left after %v, %v", time.Since(start), err)
		}
		if err := (Verdict{}).Wait(ctx); err != nil {
			t.Fatalf("no delay: %v", err)
		}
	})
}

// The operator turns the proof on: the page is asked, solves, and is served at once; nothing was taken
// from the school's bucket for having been asked.
func TestTheOperatorAsksForAProof(t *testing.T) {
	g, _ := guard(Options{})
	g.SetProof(Always, MinBits)
	from := g.Network(address("192.0.2.7"))
	v := g.Check(OpenChat, from, "")
	if !v.Refused || v.Challenge == "" || !v.OfferPhone || v.Proof != nil {
		t.Fatalf("%+v, want a challenge and the phone", v)
	}
	proof := Solve(v.Challenge)
	if v := g.Check(OpenChat, from, proof); v != (Verdict{}) {
		t.Fatalf("a good proof: %+v", v)
	}
	v = g.Check(OpenChat, from, proof)
	if !v.Refused || fault.KindOf(v.Proof) != fault.Gone || v.Challenge == "" {
		t.Fatalf("the same proof again: %+v, want it gone and a new challenge", v)
	}
	// What does not ask for proofs is not touched.
	if v := g.Check(SendMessage, g.Contact("c"), ""); v != (Verdict{}) {
		t.Fatalf("a message: %+v", v)
	}
	g.SetProof(Auto, 0)
	if v := g.Check(OpenChat, from, ""); v != (Verdict{}) {
		t.Fatalf("switched back: %+v", v)
	}
}

// A flood from everywhere at once turns the proof on by itself, above the declared threshold, and it
// goes off by itself ten minutes after.
func TestAThresholdAsksForAProof(t *testing.T) {
	g, c := guard(Options{})
	open := func(i int) Verdict {
		return g.Check(OpenChat, g.Network(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})), "")
	}
	for i := range 1200 {
		if v := open(i); v != (Verdict{}) {
			t.Fatalf("chat %d of the minute: %+v", i+1, v)
		}
	}
	if v := open(2000); v.Challenge == "" {
		t.Fatalf("above the threshold: %+v", v)
	}
	if s := g.State().Surging; len(s) != 1 || s[0] != OpenChat {
		t.Fatalf("surging: %v", s)
	}
	c.pass(surgeLasts - time.Second)
	if v := open(2001); v.Challenge == "" {
		t.Fatalf("nine minutes after: %+v", v)
	}
	c.pass(time.Second)
	if v := open(2002); v != (Verdict{}) {
		t.Fatalf("ten minutes after: %+v", v)
	}
}

// One network alone, however loud, does not turn the proof on for everybody.
func TestOneNetworkIsNoFlood(t *testing.T) {
	g, _ := guard(Options{})
	loud := g.Network(netip.MustParseAddr("192.0.2.1"))
	for range 3000 {
		g.Check(OpenChat, loud, "")
	}
	if v := g.Check(OpenChat, g.Network(netip.MustParseAddr("198.51.100.1")), ""); v != (Verdict{}) {
		t.Fatalf("a child elsewhere: %+v", v)
	}
}

// A proof opens a door that the bucket had shut, after the longest wait.
func TestAProofInsteadOfAPlace(t *testing.T) {
	l := Limit{Act: OpenChat, Burst: 1, Every: time.Second, MaxDelay: time.Second, Beyond: AskProof, FailOpen: true}
	g, _ := guard(Options{Limits: []Limit{l}})
	g.SetProof(Auto, MinBits)
	from := g.Network(address("192.0.2.7"))
	g.Check(OpenChat, from, "")
	g.Check(OpenChat, from, "")
	v := g.Check(OpenChat, from, "")
	if v.Challenge == "" {
		t.Fatalf("%+v, want a challenge", v)
	}
	if v := g.Check(OpenChat, from, Solve(v.Challenge)); v.Refused || v.Delay != l.MaxDelay {
		t.Fatalf("with the proof: %+v", v)
	}
}

// Many at once: exactly the burst goes free, and the race detector is quiet.
func TestManyAtOnce(t *testing.T) {
	l := Limit{Act: OpenChat, Burst: 1000, Every: time.Hour, MaxDelay: time.Hour, Beyond: AskProof, FailOpen: true}
	g, _ := guard(Options{Limits: []Limit{l}, Buckets: 50})
	from := g.Network(address("192.0.2.7"))
	var free sync.Map
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			n := 0
			for range 400 {
				if g.Check(OpenChat, from, "") == (Verdict{}) {
					n++
				}
				g.State()
			}
			free.Store(worker, n)
		})
	}
	wg.Wait()
	total := 0
	free.Range(func(_, n any) bool { total += n.(int); return true })
	if total != 1000 {
		t.Fatalf("%d went free of a burst of 1000", total)
	}
}

// What a full guard weighs.
func TestAFullGuardIsSmall(t *testing.T) {
	g, _ := guard(Options{})
	before := heap()
	for i := range 60_000 {
		g.Check(OpenChat, g.Network(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), "")
		g.Check(LogIn, g.Network(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})), "")
	}
	grown := heap() - before
	t.Logf("%d buckets, %.1f MB", g.State().Buckets, float64(grown)/1e6)
	if grown > 12_000_000 {
		t.Fatalf("50,000 buckets take %d bytes", grown)
	}
	runtime.KeepAlive(g)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkCheck(b *testing.B) {
	g := New(Options{})
	from := make([]Source, 1000)
	for i := range from {
		from[i] = g.Contact(fmt.Sprint(i))
	}
	for i := 0; b.Loop(); i++ {
		g.Check(SendMessage, from[i%len(from)], "")
	}
}

// A page without JavaScript cannot compute: it sends the challenge back as it is, and is let in after a
// wait, once for each challenge, with the phone beside it.
func TestWhoCannotComputeWaitsAndGetsIn(t *testing.T) {
	g, c := guard(Options{})
	g.SetProof(Always, MinBits)
	from := g.Network(address("192.0.2.7"))
	challenge := g.Check(OpenChat, from, "").Challenge
	v := g.Check(OpenChat, from, challenge)
	if v.Refused || v.Delay <= PlainWait-2*time.Second || v.Delay > PlainWait || !v.OfferPhone {
		t.Fatalf("at once: %+v, want in after %s", v, PlainWait)
	}
	if v := g.Check(OpenChat, from, challenge); !v.Refused || fault.KindOf(v.Proof) != fault.Gone {
		t.Fatalf("the same challenge again: %+v", v)
	}

	challenge = g.Check(OpenChat, from, "").Challenge
	c.pass(PlainWait + time.Second)
	if v := g.Check(OpenChat, from, challenge); v.Refused || v.Delay != 0 {
		t.Fatalf("after the wait: %+v", v)
	}

	challenge = g.Check(LeaveMessage, from, "").Challenge
	if v := g.Check(OpenChat, from, challenge); !v.Refused || fault.KindOf(v.Proof) != fault.Invalid {
		t.Fatalf("of another act: %+v", v)
	}
}
