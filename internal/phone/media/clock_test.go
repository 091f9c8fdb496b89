package media

import (
	"sync"
	"testing"
	"time"
)

// beaten keeps when it was woken.
type beaten struct {
	mu     sync.Mutex
	at     []time.Time
	missed int
	hold   time.Duration
}

func (b *beaten) tick(now time.Time, missed int) {
	b.mu.Lock()
	b.at = append(b.at, now)
	b.missed += missed
	hold := b.hold
	b.hold = 0
	b.mu.Unlock()
	time.Sleep(hold)
}

// The beat stays on its time; what it missed while it could not run is told and not made up for; and it is there
// only while somebody is woken.
func TestBeatSkipsWhatItMissed(t *testing.T) {
	t.Parallel()
	c := newClock(1)
	beat := c.next()
	b := &beaten{}
	begun := time.Now()
	beat.add(b)
	beat.add(b)
	time.Sleep(200 * time.Millisecond)
	b.mu.Lock()
	b.hold = 310 * time.Millisecond
	b.mu.Unlock()
	time.Sleep(600 * time.Millisecond)
	beat.remove(b)
	time.Sleep(60 * time.Millisecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	elapsed := int(b.at[len(b.at)-1].Sub(begun) / frameTime)
	if n := len(b.at) + b.missed; n < elapsed || n > elapsed+2 {
		t.Errorf("%d beats and %d missed in %d times 20 ms", len(b.at), b.missed, elapsed)
	}
	if b.missed < 14 {
		t.Errorf("%d beats were missed in 310 ms", b.missed)
	}
	for i := 2; i < len(b.at); i++ {
		if b.at[i].Sub(b.at[i-2]) < 15*time.Millisecond {
			t.Errorf("three beats within %v", b.at[i].Sub(b.at[i-2]))
		}
	}
	beat.mu.Lock()
	defer beat.mu.Unlock()
	if beat.running {
		t.Error("it goes on with nobody to wake")
	}
}
