package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

const (
	// afterError is how long Run sleeps when the record does not answer.
	afterError = 5 * time.Second
	// afterCancel is how long a worker may take, once cancelled, to come back and have its job put back.
	afterCancel = 5 * time.Second
)

// errStopping is why the context of a worker ends when its node stops.
var errStopping = errors.New("jobs: this node stops")

// errLost is what became of a run whose lease ended.
var errLost = errors.New("jobs: the process that worked this ended, or its worker does not heed its context")

// Run works jobs until ctx ends; it is called once. Then it takes none any more, waits for those that run (StopWithin),
// cancels what is left and puts it back. It returns when nothing of it writes to the record any more, except where a worker
// does not heed its context.
func (j *Jobs) Run(ctx context.Context) {
	j.mu.Lock()
	j.running = true
	j.mu.Unlock()
	if j.o.Bus != nil {
		stop, err := j.o.Bus.Subscribe(subject, func(string, []byte) { j.look() })
		if err != nil {
			slog.Error("jobs: what other nodes enqueue is seen late", "error", err)
		} else {
			defer stop()
		}
		defer j.o.Bus.OnReconnect(j.look)()
	}
	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	for ctx.Err() == nil {
		sleep := time.NewTimer(j.pass(ctx, working))
		select {
		case <-ctx.Done():
		case <-j.wake:
		case <-sleep.C:
		}
		sleep.Stop()
	}
	j.stop(cancel)
}

// stop waits for the workers, and cancels those that take long.
func (j *Jobs) stop(cancel context.CancelCauseFunc) {
	all := make(chan struct{})
	go func() { j.work.Wait(); close(all) }()
	select {
	case <-all:
		return
	case <-time.After(j.o.StopWithin):
	}
	cancel(errStopping)
	select {
	case <-all:
	case <-time.After(afterCancel):
		slog.Error("jobs: workers do not heed their context; what they did is done again", "within", j.o.Grace)
	}
}

// pass begins every job that is due, and returns how long there is nothing to do.
func (j *Jobs) pass(ctx, working context.Context) time.Duration {
	for ctx.Err() == nil {
		all, free := j.names()
		if len(all) == 0 {
			return j.o.Poll
		}
		events, err := j.next(ctx, all, free)
		if err != nil {
			return j.unanswered(ctx, err)
		}
		now, sleep, busy := j.o.Now(), j.o.Poll, false
		for _, e := range events {
			if wait := store.Time(e.at).Sub(now); wait > 0 {
				sleep = min(sleep, wait)
				continue
			}
			busy = true
			if e.kind == "" {
				err = j.rescue(ctx, all, now)
			} else {
				err = j.take(ctx, working, j.kinds[e.kind], now)
			}
			if err != nil {
				return j.unanswered(ctx, err)
			}
		}
		if !busy {
			return sleep
		}
	}
	return 0
}

func (j *Jobs) unanswered(ctx context.Context, err error) time.Duration {
	if ctx.Err() == nil {
		slog.Error("jobs: the record does not answer", "error", err)
	}
	return afterError
}

// take claims a job of a kind and begins it, where no other node was quicker.
func (j *Jobs) take(ctx, working context.Context, k *kind, now time.Time) error {
	// Not to be cut: a claim that was written and not seen would hold the job until its lease ends.
	c, ok, err := j.claim(context.WithoutCancel(ctx), k, now)
	if err != nil || !ok {
		return err
	}
	j.count(k.name, 1)
	j.work.Go(func() {
		defer j.look()
		defer j.count(k.name, -1)
		once, cancel := context.WithTimeout(working, k.Timeout)
		defer cancel()
		err := j.call(once, k, c)
		if err != nil && context.Cause(once) == errStopping {
			err = errors.Join(errStopping, err)
		}
		j.settle(k, c, err)
	})
	return nil
}

func (j *Jobs) count(kind string, by int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.hands += by
	j.at[kind] += by
}

// errPanicked is the failure of a worker that panicked.
var errPanicked = errors.New("jobs: the worker panicked")

// call runs the worker. What it panics with may hold anything, so the log says its type only, and where.
func (j *Jobs) call(ctx context.Context, k *kind, c claimed) (err error) {
	defer func() {
		if p := recover(); p != nil {
			said := fmt.Sprintf("%T", p)
			if ours, ok := p.(runtime.Error); ok {
				said = ours.Error()
			}
			slog.Error("jobs: a worker panicked", "kind", k.name, "job", c.id, "panic", said, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return k.work(ctx, c)
}

// rescue gives back what was lost, as a try that failed.
func (j *Jobs) rescue(ctx context.Context, all []string, now time.Time) error {
	lost, err := j.lost(ctx, all, now)
	for _, c := range lost {
		j.settle(j.kinds[c.kind], c, errLost)
	}
	return err
}

// settle writes what became of a run. Where the record does not take it the job is worked again when its lease ends.
func (j *Jobs) settle(k *kind, c claimed, failure error) {
	unit, total := j.outcome(k, c, failure)
	// It is written also when the node was told to stop.
	ctx, cancel := context.WithTimeout(context.Background(), j.o.Grace)
	defer cancel()
	switch err := persist(func() error { return j.end(ctx, unit...) }); {
	case errors.Is(err, errGone):
		slog.Warn("jobs: a run ended after its lease, and is worked again", "kind", k.name, "job", c.id)
		return
	case err != nil:
		slog.Error("jobs: the end of a run could not be written, and it is worked again", "kind", k.name, "job", c.id, "error", err)
		return
	}
	j.mu.Lock()
	t := j.totals[k.name]
	total(&t)
	j.totals[k.name] = t
	j.mu.Unlock()
	if errors.Is(failure, errStopping) {
		j.announce(store.Millis(j.o.Now()))
	}
}

// outcome says what is written of a run, and how it is counted.
func (j *Jobs) outcome(k *kind, c claimed, failure error) (unit []store.Stmt, total func(*Totals)) {
	now, next := j.o.Now(), c.waiting
	var later again
	var hopeless givenUp
	switch {
	case failure == nil:
		return []store.Stmt{c.gone()}, func(t *Totals) { t.Done++ }
	case errors.As(failure, &later):
		next.runAt, next.tries, next.lastError = store.Millis(later.at), 0, ""
		return []store.Stmt{c.gone(), next.stmt()}, func(t *Totals) { t.Again++ }
	case errors.Is(failure, errStopping):
		next.runAt, next.tries = store.Millis(now), c.tries-1
		return []store.Stmt{c.gone(), next.stmt()}, func(t *Totals) { t.Stopped++ }
	case errors.As(failure, &hopeless), c.tries >= k.Tries:
		slog.Error("a job failed for good", "kind", k.name, "job", c.id, "tries", c.tries, "code", code(failure), "cause", cause(failure))
		return []store.Stmt{c.failed(code(failure), now)}, func(t *Totals) { t.Tripped++; t.Failed++ }
	}
	next.runAt, next.lastError = store.Millis(now.Add(k.pause(c.tries))), code(failure)
	slog.Warn("a job is tried again", "kind", k.name, "job", c.id, "tries", c.tries, "at", store.Time(next.runAt), "code", code(failure), "cause", cause(failure))
	return []store.Stmt{c.gone(), next.stmt()}, func(t *Totals) { t.Tripped++ }
}

// persist tries for some seconds: what is not written is work done twice.
func persist(end func() error) error {
	const attempts = 6
	for i := 0; ; i++ {
		err := end()
		if err == nil || errors.Is(err, errGone) || i == attempts-1 {
			return err
		}
		time.Sleep(100 * time.Millisecond << i)
	}
}

// pause is how long to wait after so many failures.
func (r Rules) pause(failures int) time.Duration {
	p := r.First
	for range failures - 1 {
		if p >= r.Longest {
			break
		}
		p *= 2
	}
	p = min(p, r.Longest)
	return p + rand.N(p/10+1)
}

// cause is what the log says of a failure. A fault says nothing of anybody (fault.Fault); any other error may: what a
// mail server answers has the address in it, so the log has only what sort of errors they are.
func cause(failure error) string {
	if f := fault.As(failure); f != nil {
		return f.Error()
	}
	sorts := []string{}
	for ; failure != nil; failure = errors.Unwrap(failure) {
		sorts = append(sorts, fmt.Sprintf("%T", failure))
	}
	return strings.Join(sorts, " of ")
}

// code is what the record says of a failure: the key of a fault or a code of ours, never the text of an error.
func code(failure error) string {
	switch f := fault.As(failure); {
	case f != nil:
		return f.Key
	case errors.Is(failure, errPanicked):
		return "panic"
	case errors.Is(failure, errLost):
		return "lost"
	case errors.Is(failure, context.DeadlineExceeded):
		return "timeout"
	}
	return "error"
}
