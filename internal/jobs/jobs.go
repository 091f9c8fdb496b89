// Package jobs does the slow work: what talks to somebody else's server, waits, is tried again, and may not
// be forgotten because a process ended. Nothing that a person waits for is a job.
//
// A job is a row, written in the transaction of the data it is for (Enqueue): where that is rolled back there is
// no job, and where it is committed the job is worked, whatever dies meanwhile. One node takes it with a lease,
// works it outside any transaction, and deletes the row. A process that dies leaves its lease behind, and when that ends
// another one works the job again. So a job is done at least once, and may be done twice: when the process died after
// the work and before the row was gone, or when a worker goes on after its context has ended. **Every worker must be
// idempotent**: it reads from the record what is still to be done, and doing it twice is doing it once.
//
// Nobody polls to find work: whoever commits a job wakes her own node and, by the bus, the others; each sleeps
// until what is due next. A look a minute repairs what the bus did not carry.
//
// Args lie in clear (checkType says what they can be), and so does the reason why a try failed: it is the key of a
// fault or a code of ours, never the text of an error.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/store"
)

// Options are what the room is built from. Only DB is required.
type Options struct {
	DB *store.DB
	// Bus wakes the other nodes; without one they see what is due when they look, within Poll.
	Bus *bus.Bus
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Hands is how many jobs this node works at once; 0 is 8.
	Hands int
	// Poll is how long a node sleeps at most before it looks again; 0 is a minute.
	Poll time.Duration
	// Grace is how long after the timeout of its kind a job that is not done counts as one whose process died; 0 is a
	// minute. A worker that does not heed its context within it is worked elsewhere at the same time.
	Grace time.Duration
	// StopWithin is how long running jobs may go on when the node stops, before their contexts are cancelled; 0 is 10 s.
	StopWithin time.Duration
}

// Rules are how a kind of job is worked; the zero value is 10 tries over about four hours, of a minute each.
type Rules struct {
	// Tries is after how many failures a job is given up, to be seen and tried again by a person; 0 is 10.
	Tries int
	// First is the pause after the first failure; it doubles with each, up to Longest, and a tenth by chance is added.
	// 0 is 30 s and six hours.
	First, Longest time.Duration
	// Timeout is when the context of a try ends; 0 is 60 s.
	Timeout time.Duration
	// AtOnce is how many of this kind one node works at once, so that a slow one leaves room for the others; 0 is half of
	// all hands.
	AtOnce int
}

// Jobs is the room. It is safe for concurrent use.
type Jobs struct {
	o     Options
	kinds map[string]*kind
	wake  chan struct{}

	mu      sync.Mutex // guards what follows
	running bool       // Run was called: no kind can be added
	hands   int        // of which are at work
	at      map[string]int
	totals  map[string]Totals
	work    sync.WaitGroup
}

// kind is a Kind without the type of its args.
type kind struct {
	Rules
	name string
	work func(ctx context.Context, c claimed) error
}

// New returns the room; kinds are registered, then Run works them.
func New(o Options) *Jobs {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Hands = or(o.Hands, 8)
	o.Poll, o.Grace, o.StopWithin = or(o.Poll, time.Minute), or(o.Grace, time.Minute), or(o.StopWithin, 10*time.Second)
	return &Jobs{o: o, kinds: map[string]*kind{}, wake: make(chan struct{}, 1), at: map[string]int{}, totals: map[string]Totals{}}
}

func or[T int | time.Duration](given, otherwise T) T {
	if given == 0 {
		return otherwise
	}
	return given
}

// Job is one try of a job, as its worker gets it.
type Job[A any] struct {
	ID   string
	Args A
	// Try is 1 for the first; Last says that a failure of this one is for good, until a person tries again.
	Try  int
	Last bool
	// MadeAt is when it was enqueued.
	MadeAt time.Time
}

// Kind is a kind of job that this house can do. It is the only way to enqueue one.
type Kind[A any] struct {
	jobs *Jobs
	name string
}

// Register says how jobs of a kind are worked, before Run. The name is a code, "takedown.check"; it is in the record,
// and so are the names of A's fields: none is ever changed, and a field that comes later is zero in what waits already.
// It panics, at the start of the program, where a name is taken or A could hold a word (see ID and Code).
//
// What work returns decides: nil, it is done; Again, it is done again then, and nothing failed; GiveUp, it failed for good; any other
// error, a panic or the end of its context, it failed and is tried again by the rules. When the node stops its context
// is cancelled, and with any error it is put back untried.
func Register[A any](j *Jobs, name string, rules Rules, work func(ctx context.Context, job Job[A]) error) *Kind[A] {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running || j.kinds[name] != nil || !Code(name).plain() {
		panic("jobs: kinds are registered once, by a code, and before Run: " + name)
	}
	if err := checkType(reflect.TypeFor[A](), name); err != nil {
		panic("jobs: " + err.Error())
	}
	rules.Tries = or(rules.Tries, 10)
	rules.First, rules.Longest, rules.Timeout = or(rules.First, 30*time.Second), or(rules.Longest, 6*time.Hour), or(rules.Timeout, time.Minute)
	rules.AtOnce = or(rules.AtOnce, max(1, j.o.Hands/2))
	j.kinds[name] = &kind{Rules: rules, name: name, work: func(ctx context.Context, c claimed) error {
		job := Job[A]{ID: c.id, Try: c.tries, Last: c.tries >= rules.Tries, MadeAt: store.Time(c.madeAt)}
		if json.Unmarshal([]byte(c.args), &job.Args) != nil {
			return GiveUp(errors.New("jobs: the args of an older or newer program cannot be read"))
		}
		return work(ctx, job)
	}}
	return &Kind[A]{jobs: j, name: name}
}

// Option changes one job.
type Option func(*waiting) error

// At has a job wait until t.
func At(t time.Time) Option {
	return func(w *waiting) error { w.runAt = max(w.runAt, store.Millis(t)); return nil }
}

// Unique makes a job the same as another of its kind with the same parts. While one of them waits a second is nothing,
// except that it is worked at the sooner of the two times; no two are worked at once. One that is being worked takes in nobody:
// what was enqueued meanwhile is worked after it, for it may not have seen what the second is about.
func Unique(parts ...Part) Option {
	return func(w *waiting) error {
		texts := make([]string, len(parts))
		for i, p := range parts {
			if !p.plain() {
				return fmt.Errorf("part %d of its key is neither an id nor a code", i+1)
			}
			texts[i] = fmt.Sprint(p)
		}
		w.key = strings.Join(texts, " ")
		return nil
	}
}

// Enqueue writes a job in the transaction of what it is for. It is worked soon after the commit, on any node.
func (k *Kind[A]) Enqueue(ctx context.Context, tx *store.Tx, args A, options ...Option) error {
	if err := checkValue(reflect.ValueOf(args), "args"); err != nil {
		return fmt.Errorf("jobs: %s: %w", k.name, err)
	}
	text, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("jobs: %s: %w", k.name, err)
	}
	now := store.Millis(k.jobs.o.Now())
	w := waiting{id: store.NewID(), kind: k.name, args: string(text), madeAt: now, runAt: now}
	for _, option := range options {
		if err := option(&w); err != nil {
			return fmt.Errorf("jobs: %s: %w", k.name, err)
		}
	}
	return k.jobs.enqueue(ctx, tx, w)
}

func (j *Jobs) enqueue(ctx context.Context, tx *store.Tx, w waiting) error {
	if _, err := tx.Exec(ctx, insertWaiting, w.values()...); err != nil {
		return fmt.Errorf("jobs: %s: %w", w.kind, err)
	}
	tx.AfterCommit(func() { j.announce(w.runAt) })
	return nil
}

// subject is what the nodes tell one another: something is due.
const subject = "job"

// announce wakes this node, which sleeps until runAt at the latest from now on, and the others when that is soon:
// later, their own looks are early enough.
func (j *Jobs) announce(runAt int64) {
	j.look()
	if j.o.Bus != nil && runAt < store.Millis(j.o.Now().Add(j.o.Poll)) {
		j.o.Bus.PublishElsewhere(subject, nil)
	}
}

// look has Run look at what is due.
func (j *Jobs) look() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// names are the kinds that this program knows, and those of them that may begin one more.
func (j *Jobs) names() (all, free []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for name, k := range j.kinds {
		all = append(all, name)
		if j.hands < j.o.Hands && j.at[name] < k.AtOnce {
			free = append(free, name)
		}
	}
	slices.Sort(all)
	slices.Sort(free)
	return all, free
}

type again struct{ at time.Time }

func (a again) Error() string { return "jobs: again later" }

// Again is what a worker returns to be called again at that time, without having failed.
func Again(at time.Time) error { return again{at} }

type givenUp struct{ error }

func (g givenUp) Unwrap() error { return g.error }

// GiveUp is what a worker returns when trying again would change nothing.
func GiveUp(err error) error { return givenUp{err} }
