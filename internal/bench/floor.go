package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/staff"
	"vigie/internal/store"
)

// FloorOptions shape a measurement of the supervisors' floor: so many counsellors talk, so many people wait, others come and
// give up all the time, and supervisors watch all of it.
type FloorOptions struct {
	Counsellors, Waiting, Supervisors, PerSecond int
	// Chats is how many conversations each counsellor has, which is all that she may have.
	Chats    int
	Interval time.Duration
	Measure  time.Duration
	// Runs is how often it is measured with the supervisors and how often without, in turns.
	Runs   int
	Engine store.Engine
}

// flow is who comes and gives up again, and who watches it.
type flow struct {
	Screens   []seat
	PerSecond int
	Stay      time.Duration // so many wait: those who came within it
}

// Floor is what a measurement of the floor found.
type Floor struct {
	Counsellors int     `json:"counsellors"`
	Chats       int     `json:"chats"`
	Waiting     int     `json:"waiting"`
	Supervisors int     `json:"supervisors"`
	PerSecond   int     `json:"arrivals_per_s"`
	MeasuredS   float64 `json:"measured_s"`
	Runs        int     `json:"runs"`
	// Changes is how many came or gave up while it was measured, in all runs; each is to be seen on each screen. Missed were not.
	Changes int64 `json:"changes"`
	Missed  int64 `json:"missed"`
	// Screen is from when a visitor's browser asked to come, or to leave, until a supervisor's screen has it; Slowest is the same
	// until the last of all screens has it.
	Screen  Latency `json:"to_screen_ms"`
	Slowest Latency `json:"to_every_screen_ms"`
	// ChatWith and ChatWithout are the p99 from a visitor to her counsellor's desk of each run, and their medians.
	ChatWith    []float64 `json:"chat_p99_with_ms"`
	ChatWithout []float64 `json:"chat_p99_without_ms"`
	With        float64   `json:"chat_p99_with_median_ms"`
	Without     float64   `json:"chat_p99_without_median_ms"`
	// CPU is the server's, in cores, with the supervisors and without; Crowd that of those who talk, Beside that of those who come and go
	// and, with them, of the supervisors' screens; Others what other programs took at the most.
	CPUWith       float64 `json:"server_cores_with"`
	CPUWithout    float64 `json:"server_cores_without"`
	Crowd         float64 `json:"crowd_cores"`
	BesideWith    float64 `json:"passing_and_screens_cores"`
	BesideWithout float64 `json:"passing_cores"`
	Others        float64 `json:"others_cores"`
}

func (f *Floor) print(w io.Writer) {
	fmt.Fprintf(w, "  %d counsellors with %d conversations, %d people wait, %d come and %d give up a second, for %g s; %d supervisors watch\n",
		f.Counsellors, f.Chats, f.Waiting, f.PerSecond, f.PerSecond, f.MeasuredS, f.Supervisors)
	fmt.Fprintf(w, "  %d changes, on each screen; missed %d\n", f.Changes, f.Missed)
	for _, l := range []struct {
		name string
		Latency
	}{{"to a screen         ", f.Screen}, {"to the last of them ", f.Slowest}} {
		fmt.Fprintf(w, "  %s  p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f ms, from when the browser asked\n", l.name, l.P50, l.P95, l.P99, l.Max)
	}
	fmt.Fprintf(w, "  chat, p99 to the desk: median of %d runs in turns %.2f ms with the supervisors, %.2f ms without\n", f.Runs, f.With, f.Without)
	fmt.Fprintf(w, "  processor: server %.2f cores with the supervisors, %.2f without; who talks %.2f; who comes and goes %.2f, with the screens %.2f; others took at most %.2f",
		f.CPUWith, f.CPUWithout, f.Crowd, f.BesideWithout, f.BesideWith, f.Others)
	if f.Others > quietEnough {
		fmt.Fprint(w, ": not a quiet machine, the times are not the program's own")
	}
	fmt.Fprintln(w)
}

// FloorWatched measures it.
func (b Bench) FloorWatched(ctx context.Context, o FloorOptions) error {
	talkers := o.Counsellors * o.Chats
	f := &Floor{Counsellors: o.Counsellors, Chats: talkers, Waiting: o.Waiting, Supervisors: o.Supervisors, PerSecond: o.PerSecond, MeasuredS: o.Measure.Seconds(), Runs: o.Runs}
	result := Result{Bench: "floor", Store: string(o.Engine), Machine: thisMachine(), Floor: f}
	b.logf("%s", result.Machine)
	var screens, slowest []time.Duration
	for run := range 2 * o.Runs {
		watched := run%2 == 0
		r, seen, cost, err := b.floorRun(ctx, o, watched)
		if err != nil {
			return err
		}
		cores := hundredths(cost.CPU / o.Measure.Seconds())
		f.Crowd, f.Others = hundredths(cost.LoadCPU/o.Measure.Seconds()), max(f.Others, cost.Others)
		passing := hundredths(cost.BesideCPU / o.Measure.Seconds())
		if !watched {
			f.ChatWithout, f.CPUWithout, f.BesideWithout = append(f.ChatWithout, r.ToDesk.P99), cores, passing
			b.logf("run %d, nobody watches: chat p50 %.2f, p95 %.2f, p99 %.2f ms", run+1, r.ToDesk.P50, r.ToDesk.P95, r.ToDesk.P99)
			continue
		}
		f.ChatWith, f.CPUWith, f.BesideWith = append(f.ChatWith, r.ToDesk.P99), cores, passing
		f.Changes, f.Missed = f.Changes+seen.Changes, f.Missed+seen.Missed
		screens, slowest = append(screens, seen.Screens...), append(slowest, seen.Slowest...)
		b.logf("run %d, %d watch: chat p50 %.2f, p95 %.2f, p99 %.2f ms, %d changes, missed %d", run+1, o.Supervisors, r.ToDesk.P50, r.ToDesk.P95, r.ToDesk.P99, seen.Changes, seen.Missed)
	}
	f.Screen, f.Slowest = latencyOf(screens), latencyOf(slowest)
	f.With, f.Without = median(f.ChatWith), median(f.ChatWithout)
	if err := b.result(result); err != nil {
		return err
	}
	if f.Missed > 0 || f.Changes == 0 {
		return fmt.Errorf("%w: %d of what changed was not seen on every screen", Failed, f.Missed)
	}
	return nil
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// floorRun is one measurement on a record of its own.
func (b Bench) floorRun(ctx context.Context, o FloorOptions, watched bool) (*report, *flowReport, *Cost, error) {
	var others order
	e := evening{engine: o.Engine, chats: o.Chats, profiled: watched, first: true, prepare: func(h *House) (order, error) {
		counsellors, err := seats(ctx, h, o.Counsellors)
		var screens []seat
		if err == nil && watched {
			screens, err = seatsAs(ctx, h, staff.Supervisor, "watch", o.Supervisors)
		}
		stay := time.Duration(o.Waiting) * time.Second / time.Duration(o.PerSecond)
		passing := int((stay+o.Measure+o.Interval+20*time.Second)/time.Second+1) * o.PerSecond
		others = order{Do: coming, From: uint32(o.Counsellors * o.Chats), Measure: o.Measure, Contacts: passing, Pool: poolSize, Flow: &flow{Screens: screens, PerSecond: o.PerSecond, Stay: stay}}
		return order{Visitors: o.Counsellors * o.Chats, Seats: counsellors, Interval: o.Interval, Measure: o.Measure, Pool: poolSize, Seed: 1}, err
	}, beside: func() *order { return &others }}
	r, beside, cost, err := b.spend(ctx, e)
	if err == nil && (beside.Report == nil || beside.Report.Flow == nil) {
		err = errors.New("those who come did not say what was seen")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return r, beside.Report.Flow, cost, nil
}

// flowReport is what the screens showed, of what happened in the measured time.
type flowReport struct {
	Changes, Missed  int64
	Screens, Slowest []time.Duration
}

// passing is somebody who comes, waits and gives up, and when each screen showed it; times are the crowd's.
type passing struct {
	came, left         atomic.Int64 // when it was asked
	cameSeen, leftSeen []atomic.Int64
}

// passers are those who come and go.
type passers struct {
	mu   sync.Mutex
	byID map[string]*passing

	screens []*listener
	all     sync.WaitGroup
	stop    context.CancelFunc
}

// flows opens the screens and lets people come and go, until it is stopped. It returns once as many wait as are to.
func (c *crowd) flows(ctx context.Context) (*passers, error) {
	f := c.order.Flow
	p := &passers{byID: map[string]*passing{}}
	door := newDoor(c.order.Address, openers)
	var open atomic.Int64
	for i, s := range f.Screens {
		d := c.deskOf(s)
		res, _, err := door.ask(ctx, http.MethodGet, "/desk/floor", d.head, nil)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("GET /desk/floor answered %d", res.StatusCode)
		}
		if err != nil {
			return nil, err
		}
		d.stream.path, d.stream.opened = "/desk/events?floor=1&after=", func() { open.Add(1) }
		d.stream.hear = func(_, event []byte) { p.sees(i, event, c.now()) }
		p.screens = append(p.screens, d.stream)
		go d.stream.listen(func() { c.reconnect.Add(1) })
	}
	if err := c.until(ctx, time.Minute, func() string { return fmt.Sprintf("%d of %d floors are open", open.Load(), len(f.Screens)) },
		func() bool { return open.Load() == int64(len(f.Screens)) }); err != nil {
		return nil, err
	}
	ctx, p.stop = context.WithCancel(ctx)
	p.all.Go(func() {
		defer door.close()
		began, every := c.now(), time.Second/time.Duration(f.PerSecond)
		for n := time.Duration(0); ; n++ {
			if ahead := began + n*every - c.now(); ahead > 0 && settle(ctx, ahead) != nil || ctx.Err() != nil {
				return
			}
			p.all.Go(func() { c.passes(ctx, door, p) })
		}
	})
	return p, settle(ctx, f.Stay)
}

// come opens the screens, and has people come and go until it is stopped; what was seen from "count" on is reported.
func (c *crowd) come(ctx context.Context, stop <-chan struct{}) (report, error) {
	defer c.end()
	p, err := c.flows(ctx)
	if err != nil {
		return report{}, err
	}
	defer p.stop()
	c.say(told{Phase: phaseWaiting})
	if err := c.isTold(ctx, stop, "count"); err != nil {
		return report{}, err
	}
	w := window{from: c.now()}
	select {
	case err = <-c.fail:
	case <-stop:
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.until = min(c.now(), w.from+c.order.Measure)
	if err != nil {
		return report{}, err
	}
	r := report{Flow: p.end(ctx, w)}
	select {
	case err = <-c.fail:
	default:
	}
	return r, err
}

// passes is one person who comes, waits and gives up.
func (c *crowd) passes(ctx context.Context, door *door, p *passers) {
	one := &passing{cameSeen: make([]atomic.Int64, len(p.screens)), leftSeen: make([]atomic.Int64, len(p.screens))}
	t, err := c.openKnown(ctx, door, func(id string) {
		p.mu.Lock()
		p.byID[id] = one
		p.mu.Unlock()
		one.came.Store(int64(c.now()))
	})
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, errFull) {
			c.failed(fmt.Errorf("somebody who passes: %w", err))
		}
		return
	}
	defer t.stream.close()
	if settle(ctx, c.order.Flow.Stay) != nil {
		return
	}
	one.left.Store(int64(c.now()))
	if res, _, err := door.ask(ctx, http.MethodPost, "/chat/end", t.head, map[string][]string{}); ctx.Err() == nil && (err != nil || res.StatusCode != http.StatusSeeOther) {
		status := 0
		if res != nil {
			status = res.StatusCode
		}
		c.failed(fmt.Errorf("giving up answered %d, %v", status, err))
	}
}

var (
	rowMark  = []byte(`id="f`)
	goneMark = []byte(`" data-gone`)
)

// sees notes what one screen was told.
func (p *passers) sees(screen int, event []byte, now time.Duration) {
	for {
		at := bytes.Index(event, rowMark)
		if at < 0 || len(event) < at+len(rowMark)+36+len(goneMark) {
			return
		}
		event = event[at+len(rowMark):]
		p.mu.Lock()
		one := p.byID[string(event[:36])]
		p.mu.Unlock()
		if one == nil {
			continue
		}
		seen := one.cameSeen
		if bytes.HasPrefix(event[36:], goneMark) {
			seen = one.leftSeen
		}
		seen[screen].CompareAndSwap(0, int64(now))
	}
}

// end stops the coming and going, waits for what is still on its way to the screens, and sums up the window.
func (p *passers) end(ctx context.Context, w window) *flowReport {
	_ = settle(ctx, 3*time.Second)
	p.stop()
	p.all.Wait()
	for _, s := range p.screens {
		s.close()
	}
	r := &flowReport{}
	for _, one := range p.byID {
		for _, change := range []struct {
			at   *atomic.Int64
			seen []atomic.Int64
		}{{&one.came, one.cameSeen}, {&one.left, one.leftSeen}} {
			at := time.Duration(change.at.Load())
			if at < w.from || at >= w.until || len(p.screens) == 0 {
				continue
			}
			r.Changes++
			slowest := time.Duration(0)
			for i := range change.seen {
				seen := time.Duration(change.seen[i].Load())
				if seen == 0 {
					r.Missed++
					continue
				}
				r.Screens = append(r.Screens, seen-at)
				slowest = max(slowest, seen-at)
			}
			r.Slowest = append(r.Slowest, slowest)
		}
	}
	return r
}
