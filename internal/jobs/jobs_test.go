package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A job whose transaction is rolled back was never there; one that is committed is worked, once, and leaves nothing.
func TestAJobIsWorkedWhereItsTransactionIsCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour})
		worked := make(chan Job[errand], 10)
		send := Register(j, "letter.send", Rules{}, func(_ context.Context, job Job[errand]) error { worked <- job; return nil })
		run(t, j)
		refused := errors.New("refused")
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := send.Enqueue(t.Context(), tx, errand{To: id(1)}); err != nil {
				return err
			}
			return refused
		}); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if left := rows(t, db); len(left) > 0 {
			t.Fatalf("rolled back, and there: %+v", left)
		}
		enqueue(t, db, send, errand{To: id(2), N: 7})
		if got := next(t, worked); got.Args != (errand{To: id(2), N: 7}) || got.Try != 1 || got.Last || got.MadeAt.IsZero() {
			t.Errorf("worked %+v", got)
		}
		eventually(t, "the row is gone", none(t, db))
		counted(t, j, "letter.send", Totals{Done: 1})
		if len(worked) > 0 {
			t.Errorf("and again %+v", <-worked)
		}
	})
}

// A failure is tried again after a pause that doubles up to the longest; after the last one the job is failed, is
// seen with a code and no words, and a person tries it again or drops it, once.
func TestFailuresAreTriedAgainAndThenSeen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clk := newClock()
		j := New(Options{DB: db, Poll: time.Hour, Now: clk.now})
		tries := make(chan Job[errand], 10)
		var healthy atomic.Bool
		send := Register(j, "letter.send", Rules{Tries: 4, First: time.Minute, Longest: 3 * time.Minute}, func(_ context.Context, job Job[errand]) error {
			tries <- job
			if healthy.Load() {
				return nil
			}
			return fault.Wrap(errors.New("no route to marie@example.org"), fault.Unavailable, "fault.seal.unavailable")
		})
		run(t, j)
		enqueue(t, db, send, errand{To: id(1)})
		for i, pause := range []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute} {
			if got := next(t, tries); got.Try != i+1 || got.Last {
				t.Fatalf("try %d: %+v", i+1, got)
			}
			var waits row
			eventually(t, "it waits", func() bool { waits = rows(t, db)[0]; return waits.state == "waiting" })
			if wait := store.Time(waits.runAt).Sub(clk.now()); wait < pause || wait > pause+pause/10 {
				t.Errorf("after failure %d it waits %s, want %s and up to a tenth", i+1, wait, pause)
			}
			if waits.why != "fault.seal.unavailable" {
				t.Errorf("the record says %q", waits.why)
			}
			clk.pass(store.Time(waits.runAt).Sub(clk.now()) - time.Millisecond)
			if events, err := j.next(t.Context(), []string{"letter.send"}, []string{"letter.send"}); err != nil || len(events) != 1 || events[0].at <= store.Millis(clk.now()) {
				t.Errorf("a moment before its time: %+v %v", events, err)
			}
			clk.pass(time.Millisecond)
			j.look()
		}
		if got := next(t, tries); got.Try != 4 || !got.Last {
			t.Fatalf("the last try: %+v", got)
		}
		var failed []Failure
		eventually(t, "it is failed", func() bool { failed, _ = j.Failed(t.Context(), 10); return len(failed) == 1 })
		if f := failed[0]; f.Kind != "letter.send" || f.Tries != 4 || f.Why != "fault.seal.unavailable" || f.FailedAt != store.Millis(clk.now()) {
			t.Errorf("seen as %+v", f)
		}
		if counts, err := j.Counts(t.Context()); err != nil || len(counts) != 1 || counts[0] != (Count{Kind: "letter.send", Failed: 1}) {
			t.Errorf("counted as %+v %v", counts, err)
		}
		counted(t, j, "letter.send", Totals{Tripped: 4, Failed: 1})

		healthy.Store(true)
		again := func(tx *store.Tx) error { return j.TryAgain(t.Context(), tx, failed[0].ID) }
		if err := db.Tx(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if got := next(t, tries); got.Try != 1 || got.Args.To != id(1) || got.ID != failed[0].ID {
			t.Errorf("tried again: %+v", got)
		}
		eventually(t, "the row is gone", none(t, db))
		if err := db.Tx(t.Context(), again); !fault.Is(err, fault.NotFound) {
			t.Errorf("tried again when it is done: %v", err)
		}

		healthy.Store(false)
		enqueue(t, db, send, errand{To: id(2)})
		for n := range 4 {
			if n > 0 {
				eventually(t, "it waits", func() bool { return rows(t, db)[0].state == "waiting" })
				clk.pass(time.Hour)
				j.look()
			}
			next(t, tries)
		}
		eventually(t, "it is failed", func() bool { failed, _ = j.Failed(t.Context(), 10); return len(failed) == 1 })
		drop := func(tx *store.Tx) error { return j.Drop(t.Context(), tx, failed[0].ID) }
		if err := db.Tx(t.Context(), drop); err != nil || !none(t, db)() {
			t.Errorf("dropped: %v %+v", err, rows(t, db))
		}
		if err := db.Tx(t.Context(), drop); !fault.Is(err, fault.NotFound) {
			t.Errorf("dropped twice: %v", err)
		}
	})
}

// Who gives up is failed at the first try.
func TestGivingUpIsFinal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour})
		send := Register(j, "letter.send", Rules{}, func(context.Context, Job[errand]) error { return GiveUp(errors.New("no such mailbox")) })
		run(t, j)
		enqueue(t, db, send, errand{})
		eventually(t, "it is failed", func() bool { all := rows(t, db); return len(all) == 1 && all[0].state == "failed" })
		if got := rows(t, db)[0]; got.tries != 1 || got.why != "error" {
			t.Errorf("%+v", got)
		}
	})
}

// "Again then" is no failure, and what failed before is forgotten: who watches for a year may stumble ten times.
func TestAgainIsNoFailure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clk := newClock()
		j := New(Options{DB: db, Poll: time.Hour, Now: clk.now})
		tries := make(chan int, 10)
		answers := make(chan error, 10)
		watch := Register(j, "post.watch", Rules{Tries: 2, First: time.Minute}, func(_ context.Context, job Job[errand]) error {
			tries <- job.Try
			return <-answers
		})
		run(t, j)
		tomorrow := clk.now().Add(40 * time.Hour)
		answers <- errors.New("a stumble")
		answers <- Again(tomorrow)
		answers <- errors.New("a stumble")
		answers <- nil
		enqueue(t, db, watch, errand{})
		waits := func() bool { return rows(t, db)[0].state == "waiting" }
		for i, want := range []int{1, 2, 1, 2} {
			if got := next(t, tries); got != want {
				t.Fatalf("call %d is try %d, want %d", i+1, got, want)
			}
			if i == 3 {
				break
			}
			eventually(t, "it waits", waits)
			if got := rows(t, db)[0]; i == 1 && (got.runAt != store.Millis(tomorrow) || got.tries != 0 || got.why != "") {
				t.Errorf("until tomorrow: %+v", got)
			}
			clk.pass(25 * time.Hour)
			j.look()
		}
		eventually(t, "the row is gone", none(t, db))
		counted(t, j, "post.watch", Totals{Done: 1, Again: 1, Tripped: 2})
	})
}

// A job that is for later waits for its time, and then needs nobody to wake it.
func TestAJobForLaterWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour})
		worked := make(chan int, 10)
		send := Register(j, "letter.send", Rules{AtOnce: 1}, func(_ context.Context, job Job[errand]) error { worked <- job.Args.N; return nil })
		run(t, j)
		due := time.Now().Add(300 * time.Millisecond).Truncate(time.Millisecond)
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return errors.Join(send.Enqueue(t.Context(), tx, errand{N: 2}, At(due)), send.Enqueue(t.Context(), tx, errand{N: 1}))
		}); err != nil {
			t.Fatal(err)
		}
		if first, second := next(t, worked), next(t, worked); first != 1 || second != 2 || time.Now().Before(due) {
			t.Errorf("worked %d, then %d", first, second)
		}
	})
}

// While a job waits a second one of its key is nothing, but that the sooner time counts.
func TestASecondOfAKeyThatWaitsIsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clk := newClock()
		j := New(Options{DB: db, Poll: time.Hour, Now: clk.now})
		check := Register(j, "post.check", Rules{}, func(context.Context, Job[errand]) error { return nil })
		report := Register(j, "post.report", Rules{}, func(context.Context, Job[errand]) error { return nil })
		in := func(d time.Duration) Option { return At(clk.now().Add(d)) }
		key := Unique(id(1), Code("daily"))
		enqueue(t, db, check, errand{N: 1}, key, in(time.Hour))
		enqueue(t, db, check, errand{N: 2}, key, in(2*time.Hour))
		all := rows(t, db)
		if len(all) != 1 || all[0].runAt != store.Millis(clk.now().Add(time.Hour)) || !strings.Contains(all[0].args, "1}") {
			t.Fatalf("%+v", all)
		}
		enqueue(t, db, check, errand{N: 3}, key, in(time.Minute))
		if all = rows(t, db); len(all) != 1 || all[0].runAt != store.Millis(clk.now().Add(time.Minute)) {
			t.Fatalf("sooner: %+v", all)
		}
		// Another key, another kind and no key at all are other jobs.
		enqueue(t, db, check, errand{}, Unique(id(2), Code("daily")))
		enqueue(t, db, report, errand{}, key)
		enqueue(t, db, check, errand{})
		enqueue(t, db, check, errand{})
		if all = rows(t, db); len(all) != 5 {
			t.Errorf("%d jobs, want 5", len(all))
		}
	})
}

// What is enqueued while its twin is worked is not lost, and waits until that one is done; if that one fails, the two are one
// again, with its failures and its pause.
func TestASecondOfAKeyThatIsWorkedComesAfterIt(t *testing.T) {
	twoNodes(t, func(t *testing.T, one, two *store.DB) {
		clk := newClock()
		begun, answers := make(chan Job[errand], 10), make(chan error, 10)
		var beside atomic.Int32
		work := func(_ context.Context, job Job[errand]) error {
			if beside.Add(1) > 1 {
				t.Error("two of one key are worked at once")
			}
			defer beside.Add(-1)
			begun <- job
			return <-answers
		}
		a, b := New(Options{DB: one, Poll: 20 * time.Millisecond, Now: clk.now}), New(Options{DB: two, Poll: 20 * time.Millisecond, Now: clk.now})
		check := Register(a, "post.check", Rules{First: time.Minute}, work)
		Register(b, "post.check", Rules{First: time.Minute}, work)
		other := make(chan int, 10)
		// A second kind shows that both nodes have looked, and left the twin alone.
		mark := Register(a, "mark", Rules{}, func(_ context.Context, job Job[errand]) error { other <- job.Args.N; return nil })
		Register(b, "mark", Rules{}, func(_ context.Context, job Job[errand]) error { other <- job.Args.N; return nil })
		run(t, a)
		run(t, b)
		enqueue(t, one, check, errand{N: 1}, Unique(id(1)))
		if got := next(t, begun); got.Args.N != 1 {
			t.Fatalf("first %+v", got)
		}
		enqueue(t, one, check, errand{N: 2}, Unique(id(1)))
		enqueue(t, one, check, errand{N: 3}, Unique(id(1)))
		for n := range 10 {
			enqueue(t, one, mark, errand{N: n})
			next(t, other)
		}
		answers <- nil
		got := next(t, begun)
		if got.Args.N != 2 || got.Try != 1 {
			t.Fatalf("after it %+v", got)
		}
		enqueue(t, one, check, errand{N: 4}, Unique(id(1)))
		answers <- errors.New("a stumble")
		var left []row
		eventually(t, "they are one", func() bool { left = rows(t, one); return len(left) == 1 && left[0].state == "waiting" })
		if r := left[0]; r.tries != 1 || r.why != "error" || r.runAt < store.Millis(clk.now().Add(time.Minute)) || !strings.Contains(r.args, "4}") {
			t.Errorf("%+v", r)
		}
		clk.pass(2 * time.Minute)
		if got := next(t, begun); got.Args.N != 4 || got.Try != 2 {
			t.Errorf("in the end %+v", got)
		}
		answers <- nil
		eventually(t, "all is done", none(t, one))
	})
}

// A worker that panics has failed, and the house stands. Neither what it panicked with nor what an error says is in the
// log or the record.
func TestAPanicIsAFailure(t *testing.T) {
	var said lockedText
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, nil)))
	defer slog.SetDefault(was)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour})
		worked := make(chan int, 1)
		send := Register(j, "letter.send", Rules{Tries: 1}, func(_ context.Context, job Job[errand]) error {
			if job.Args.N == 1 {
				panic("Marie, 0612345678")
			}
			if job.Args.N == 3 {
				return errors.New("Marie does not answer")
			}
			worked <- job.Args.N
			return nil
		})
		stop := run(t, j)
		enqueue(t, db, send, errand{To: id(1), N: 1})
		eventually(t, "it is failed", func() bool { all := rows(t, db); return len(all) == 1 && all[0].state == "failed" })
		if got := rows(t, db)[0]; got.why != "panic" {
			t.Errorf("%+v", got)
		}
		enqueue(t, db, send, errand{N: 2})
		next(t, worked)
		enqueue(t, db, send, errand{To: id(1), N: 3})
		eventually(t, "it is failed too", func() bool { all := rows(t, db); return len(all) == 2 && all[1].state == "failed" })
		if got := rows(t, db)[1]; got.why != "error" {
			t.Errorf("%+v", got)
		}
		stop()
	})
	if text := said.String(); !strings.Contains(text, "a worker panicked") || !strings.Contains(text, "code=error") || !strings.Contains(text, "TestAPanicIsAFailure") ||
		strings.Contains(text, "Marie") || strings.Contains(text, string(id(1))) {
		t.Errorf("the log says: %s", text)
	}
}

// A try has an end: its context is cancelled after the timeout, and the try has failed.
func TestATryHasAnEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour})
		send := Register(j, "letter.send", Rules{Tries: 1, Timeout: 20 * time.Millisecond}, func(ctx context.Context, _ Job[errand]) error {
			<-ctx.Done()
			return ctx.Err()
		})
		run(t, j)
		enqueue(t, db, send, errand{})
		eventually(t, "it is failed", func() bool { all := rows(t, db); return len(all) == 1 && all[0].state == "failed" })
		if got := rows(t, db)[0]; got.why != "timeout" {
			t.Errorf("%+v", got)
		}
	})
}

// A worker that does not heed its context loses its job when the lease ends: another works it, and what the first says in the end
// counts for nothing.
func TestALostRunCannotEndTheNext(t *testing.T) {
	twoNodes(t, func(t *testing.T, one, two *store.DB) {
		clk := newClock()
		deaf, free := make(chan struct{}), make(chan struct{})
		a, b := New(Options{DB: one, Poll: time.Hour, Now: clk.now}), New(Options{DB: two, Poll: time.Hour, Now: clk.now})
		rules := Rules{First: time.Second, AtOnce: 1} // so the deaf one takes no other
		send := Register(a, "letter.send", rules, func(context.Context, Job[errand]) error { close(deaf); <-free; return nil })
		tries, hold := make(chan int, 1), make(chan struct{})
		Register(b, "letter.send", rules, func(_ context.Context, job Job[errand]) error { tries <- job.Try; <-hold; return nil })
		run(t, a)
		enqueue(t, one, send, errand{})
		next(t, deaf)
		clk.pass(2*time.Minute - time.Second)
		if lost, err := b.lost(t.Context(), []string{"letter.send"}, clk.now()); err != nil || len(lost) > 0 {
			t.Errorf("lost before its time: %+v %v", lost, err)
		}
		clk.pass(time.Second)
		run(t, b)
		eventually(t, "it waits", func() bool { return rows(t, one)[0].state == "waiting" })
		if got := rows(t, one)[0]; got.why != "lost" || got.tries != 1 {
			t.Errorf("%+v", got)
		}
		clk.pass(2 * time.Second)
		b.look()
		if got := next(t, tries); got != 2 {
			t.Errorf("try %d", got)
		}
		close(free)
		eventually(t, "the first is free again", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.hands == 0 })
		if got := rows(t, one); len(got) != 1 || got[0].state != "running" {
			t.Errorf("the run of the second was ended by the first: %+v", got)
		}
		if got := a.Totals()["letter.send"]; got.Done != 0 {
			t.Errorf("the first counts %+v", got)
		}
		close(hold)
		eventually(t, "it is done", none(t, one))
	})
}

// When a node stops, what runs may end; what takes too long is cancelled and put back untried, and nothing new begins.
func TestStoppingPutsBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour, StopWithin: 50 * time.Millisecond})
		begun := make(chan int, 10)
		var cause error
		finish := make(chan struct{})
		send := Register(j, "letter.send", Rules{AtOnce: 2}, func(ctx context.Context, job Job[errand]) error {
			begun <- job.Args.N
			if job.Args.N == 1 {
				<-finish
				return nil
			}
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		})
		stop := run(t, j)
		for n := 1; n <= 3; n++ {
			enqueue(t, db, send, errand{N: n})
		}
		next(t, begun)
		next(t, begun)
		time.AfterFunc(10*time.Millisecond, func() { close(finish) })
		stop()
		all := rows(t, db)
		if len(all) != 2 || all[0].state != "waiting" || all[0].tries != 0 || all[1].state != "waiting" || all[1].tries != 0 {
			t.Errorf("after the stop: %+v", all)
		}
		if !errors.Is(cause, errStopping) || len(begun) > 0 {
			t.Errorf("cancelled for %v, %d more begun", cause, len(begun))
		}
		counted(t, j, "letter.send", Totals{Done: 1, Stopped: 1})
	})
}

// Two nodes share what there is, and work nothing twice.
func TestTwoNodesShareAndDoubleNothing(t *testing.T) {
	twoNodes(t, func(t *testing.T, one, two *store.DB) {
		const many = 200
		var mu sync.Mutex
		times, by := map[int]int{}, map[string]int{}
		both := make(chan struct{}) // closed when each node has begun one: so each has its share
		work := func(node string) func(context.Context, Job[errand]) error {
			return func(_ context.Context, job Job[errand]) error {
				mu.Lock()
				times[job.Args.N]++
				by[node]++
				if by[node] == 1 && len(by) == 2 {
					close(both)
				}
				mu.Unlock()
				<-both
				return nil
			}
		}
		nodes := [2]*Jobs{New(Options{DB: one, Poll: time.Hour, Hands: 4}), New(Options{DB: two, Poll: time.Hour, Hands: 4})}
		send := Register(nodes[0], "letter.send", Rules{AtOnce: 4}, work("one"))
		Register(nodes[1], "letter.send", Rules{AtOnce: 4}, work("two"))
		for n := range many {
			enqueue(t, one, send, errand{N: n})
		}
		run(t, nodes[0])
		run(t, nodes[1])
		eventually(t, "all is done", none(t, one))
		mu.Lock()
		defer mu.Unlock()
		for n := range many {
			if times[n] != 1 {
				t.Errorf("job %d was worked %d times", n, times[n])
			}
		}
		t.Logf("shared %d to %d", by["one"], by["two"])
	})
}

// The bus wakes a node that sleeps for an hour; without it, the next look finds the job.
func TestAnotherNodeIsWoken(t *testing.T) {
	twoNodes(t, func(t *testing.T, one, two *store.DB) {
		ours := openBus(t, bus.Options{ClusterListen: "127.0.0.1:0", ClusterSecret: "lamp"}) // a bus on which others could be: they are told
		worked := make(chan string, 10)
		node := func(db *store.DB, b *bus.Bus, poll time.Duration, name string) (k *Kind[errand], stop func()) {
			j := New(Options{DB: db, Bus: b, Poll: poll})
			k = Register(j, "letter.send", Rules{}, func(context.Context, Job[errand]) error { worked <- name; return nil })
			if name != "" {
				before := db.Statements()
				stop = run(t, j)
				eventually(t, "it has looked, and sleeps", func() bool { return db.Statements() > before })
			}
			return k, stop
		}
		here, _ := node(one, ours, time.Hour, "")
		_, stop := node(two, ours, time.Hour, "woken")
		if err := ours.Flush(); err != nil {
			t.Fatal(err)
		}
		enqueue(t, one, here, errand{})
		if got := next(t, worked); got != "woken" {
			t.Errorf("worked by %q", got)
		}
		stop()
		node(two, nil, 20*time.Millisecond, "slow")
		deaf := New(Options{DB: one})
		enqueue(t, one, Register(deaf, "letter.send", Rules{}, func(context.Context, Job[errand]) error { return nil }), errand{})
		if got := next(t, worked); got != "slow" {
			t.Errorf("worked by %q", got)
		}
	})
}

// Workers hold nothing of the record while they work: another write goes through, although every hand waits for somebody.
func TestWorkersDoNotHoldTheWriter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour, Hands: 4})
		begun, finish := make(chan int, 10), make(chan struct{})
		send := Register(j, "letter.send", Rules{AtOnce: 4}, func(_ context.Context, job Job[errand]) error {
			begun <- job.Args.N
			<-finish
			return nil
		})
		run(t, j)
		for n := range 5 {
			enqueue(t, db, send, errand{N: n})
		}
		for range 4 {
			next(t, begun)
		}
		if _, err := db.Exec(t.Context(), `CREATE TABLE boat (id TEXT PRIMARY KEY)`); err != nil {
			t.Fatal(err)
		}
		if wrote, err := db.Append(t.Context(), store.Stmt{SQL: `INSERT INTO boat (id) VALUES ($1)`, Args: []any{"a"}}); !wrote || err != nil {
			t.Fatal(wrote, err)
		}
		if len(begun) > 0 {
			t.Error("a fifth was begun by four hands")
		}
		close(finish)
		eventually(t, "all is done", none(t, db))
	})
}

// A slow kind leaves hands to the others.
func TestASlowKindLeavesRoom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := New(Options{DB: db, Poll: time.Hour, Hands: 4})
		slow, finish, quick := make(chan int, 10), make(chan struct{}), make(chan int, 10)
		check := Register(j, "post.check", Rules{}, func(_ context.Context, job Job[errand]) error { slow <- job.Args.N; <-finish; return nil })
		send := Register(j, "letter.send", Rules{}, func(_ context.Context, job Job[errand]) error { quick <- job.Args.N; return nil })
		run(t, j)
		for n := range 6 {
			enqueue(t, db, check, errand{N: n})
		}
		next(t, slow)
		next(t, slow)
		enqueue(t, db, send, errand{})
		next(t, quick)
		if len(slow) > 0 {
			t.Error("a third slow one was begun")
		}
		close(finish)
		eventually(t, "all is done", none(t, db))
	})
}

// What a newer program enqueued is left to it.
func TestAnUnknownKindIsLeftAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		newer, older := New(Options{DB: db}), New(Options{DB: db, Poll: time.Hour})
		enqueue(t, db, Register(newer, "post.watch", Rules{}, func(context.Context, Job[errand]) error { return nil }), errand{})
		worked := make(chan int, 1)
		send := Register(older, "letter.send", Rules{}, func(context.Context, Job[errand]) error { worked <- 1; return nil })
		run(t, older)
		enqueue(t, db, send, errand{})
		next(t, worked)
		eventually(t, "one is left", func() bool { return len(rows(t, db)) == 1 })
		if got := rows(t, db)[0]; got.kind != "post.watch" || got.state != "waiting" || got.tries != 0 {
			t.Errorf("%+v", got)
		}
		if counts, err := older.Counts(t.Context()); err != nil || len(counts) != 1 || counts[0].Waiting != 1 || counts[0].DueSince == 0 {
			t.Errorf("%+v %v", counts, err)
		}
	})
}

// A node that has nothing to do runs one statement each time it looks, and none where it has no kinds; Poll says how often
// that is.
func TestALookIsOneStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		bare := New(Options{DB: db, Poll: time.Millisecond})
		before := db.Statements()
		stop := run(t, bare)
		time.Sleep(20 * time.Millisecond)
		stop()
		if n := db.Statements() - before; n != 0 {
			t.Errorf("without kinds: %d statements", n)
		}
		j := New(Options{DB: db, Poll: time.Hour})
		send := Register(j, "letter.send", Rules{}, func(context.Context, Job[errand]) error { return nil })
		enqueue(t, db, send, errand{}, At(time.Now().Add(time.Hour)))
		next(t, j.wake) // what the line above woke
		before = db.Statements()
		stop = run(t, j)
		const looks = 10
		for n := int64(1); n < looks; n++ {
			eventually(t, "it has looked", func() bool { return db.Statements()-before >= n })
			j.look()
		}
		eventually(t, "it has looked", func() bool { return db.Statements()-before >= looks })
		stop()
		if n := db.Statements() - before; n != looks {
			t.Errorf("%d looks are %d statements", looks, n)
		}
	})
}

// Args have no place for a word, and an id that is none is refused without being repeated.
func TestArgsCarryNoWords(t *testing.T) {
	type inner struct{ Reason string }
	refuses := func(name string, register func(j *Jobs)) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s is taken", name)
			}
		}()
		register(New(Options{}))
	}
	refuses("a string", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[struct{ Name string }]) error { return nil })
	})
	refuses("a string within", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[struct{ In []inner }]) error { return nil })
	})
	refuses("bytes", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[struct{ B []byte }]) error { return nil })
	})
	refuses("anything", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[struct{ A any }]) error { return nil })
	})
	refuses("a map", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[map[Code]int]) error { return nil })
	})
	refuses("a time", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[struct{ At time.Time }]) error { return nil })
	})
	refuses("raw JSON", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[json.RawMessage]) error { return nil })
	})
	refuses("what is not exported", func(j *Jobs) {
		Register(j, "x", Rules{}, func(context.Context, Job[struct{ n int }]) error { return nil })
	})
	refuses("a kind that is no code", func(j *Jobs) {
		Register(j, "Write to Marie", Rules{}, func(context.Context, Job[errand]) error { return nil })
	})
	refuses("a kind twice", func(j *Jobs) {
		for range 2 {
			Register(j, "x", Rules{}, func(context.Context, Job[errand]) error { return nil })
		}
	})

	type parcel struct {
		To   ID
		How  Code
		Also []struct{ Via ID }
		At   int64
		Hard bool
	}
	db := storetest.SQLite(t)
	j := New(Options{DB: db})
	send := Register(j, "parcel.send", Rules{}, func(context.Context, Job[parcel]) error { return nil })
	for name, c := range map[string]struct {
		args    parcel
		options []Option
		taken   bool
	}{
		"all of it":          {args: parcel{To: id(1), How: "mastodon.v1", Also: []struct{ Via ID }{{id(2)}}, At: 1, Hard: true}, taken: true},
		"nothing":            {taken: true},
		"a name as an id":    {args: parcel{To: "marie"}},
		"an id in capitals":  {args: parcel{To: "0197AAAA-0000-7000-8000-000000000001"}},
		"an address within":  {args: parcel{Also: []struct{ Via ID }{{"marie@example.org"}}}},
		"a sentence as code": {args: parcel{How: "he said he would come"}},
		"a number as code":   {args: parcel{How: "0612345678"}},
		"a long code":        {args: parcel{How: Code(strings.Repeat("a", 49))}},
		"a key of a number":  {options: []Option{Unique(Code("0612345678"))}},
		"an empty key":       {options: []Option{Unique(ID(""))}},
	} {
		err := db.Tx(t.Context(), func(tx *store.Tx) error { return send.Enqueue(t.Context(), tx, c.args, c.options...) })
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "marie") || strings.Contains(err.Error(), "0612") || strings.Contains(err.Error(), "said")) {
			t.Errorf("%s is repeated: %v", name, err)
		}
	}
	if n := len(rows(t, db)); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// lockedText is a log that many write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
