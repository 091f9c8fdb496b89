package media

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/phone/audio"
)

// frameTime is how long a packet of our own making sounds, and the beat of everything that has one.
const frameTime = 20 * time.Millisecond

// ticked is who is woken by the beat: players, mixers, recorders, keys that are being sent. missed is how
// many beats fell out before this one, because the process did not run: the sound of that time is not made
// up for, since that would stay as delay for the whole call.
type ticked interface {
	tick(now time.Time, missed int)
}

// beat wakes its members every 20 ms of absolute time, from one goroutine for all of them, which is there
// as long as there is anybody to wake.
type beat struct {
	phase   time.Duration
	mu      sync.Mutex
	members []ticked // replaced as a whole
	running bool
}

// clock is the beats of the process: one for each core, at different times within the 20 ms, so that a
// thousand callers who wait do not all get their packet at once.
type clock struct {
	beats []*beat
	turn  atomic.Uint32
}

// theClock is the only one, as there is one time.
var theClock = newClock(min(8, runtime.GOMAXPROCS(0)))

func newClock(beats int) *clock {
	c := &clock{}
	for i := range beats {
		c.beats = append(c.beats, &beat{phase: frameTime * time.Duration(i) / time.Duration(beats)})
	}
	return c
}

// next is the beat that a new leg follows from now on.
func (c *clock) next() *beat { return c.beats[int(c.turn.Add(1))%len(c.beats)] }

// add wakes t from the next beat on. Adding twice is adding once.
func (b *beat) add(t ticked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.members, t) {
		return
	}
	b.members = append(slices.Clip(b.members), t)
	if !b.running {
		b.running = true
		go b.run()
	}
}

// remove stops waking t; a beat that is under way may still reach it.
func (b *beat) remove(t ticked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.members = slices.DeleteFunc(slices.Clone(b.members), func(o ticked) bool { return o == t })
}

func (b *beat) run() {
	start := started.Add(b.phase)
	count := time.Since(start)/frameTime + 1
	timer := time.NewTimer(time.Until(start.Add(count * frameTime)))
	defer timer.Stop()
	for {
		<-timer.C
		now := time.Now()
		due := now.Sub(start) / frameTime
		missed := max(0, int(due-count))
		b.mu.Lock()
		members := b.members
		if len(members) == 0 {
			b.running = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		for _, t := range members {
			t.tick(now, missed)
		}
		count = max(due, count) + 1
		timer.Reset(time.Until(start.Add(count * frameTime)))
	}
}

// units is how many samples of the telephone a duration has.
func units(d time.Duration) int { return int(d * audio.Rate / time.Second) }

// length is how long so many samples of the telephone sound.
func length(samples int) time.Duration { return time.Duration(samples) * time.Second / audio.Rate }
