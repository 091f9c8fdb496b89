package phone

import (
	"context"
	"sync"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// testFor is how long a counsellor may speak to herself.
const testFor = 20 * time.Second

// tests are the counsellors who try their microphone.
type tests struct {
	mu      sync.Mutex
	running map[string]context.CancelFunc // by peer
}

// run plays what a browser says back to it, a second later, after a sentence that explains it.
func (t *tests) run(ctx context.Context, peer *rtc.Peer, words *audio.Clip) error {
	ctx, cancel := context.WithTimeout(ctx, testFor)
	t.mu.Lock()
	if t.running == nil {
		t.running = map[string]context.CancelFunc{}
	}
	if t.running[peer.ID()] != nil {
		t.mu.Unlock()
		cancel()
		return nil // it runs already
	}
	t.running[peer.ID()] = cancel
	t.mu.Unlock()
	room, player, echo := media.NewRoom(), media.NewPlayer(legMusic, audio.PCMA), media.NewEcho("echo", time.Second)
	done := func() {
		_ = room.Close() // the browser is only lent
		cancel()
		t.mu.Lock()
		delete(t.running, peer.ID())
		t.mu.Unlock()
	}
	for _, leg := range []media.Leg{peer.Lend(), player, echo} {
		if err := room.Add(leg); err != nil {
			done()
			return fault.Wrap(err, fault.Conflict, "fault.phone.in_call")
		}
	}
	stop := peer.OnState(func(s rtc.State) {
		if s == rtc.Gone {
			cancel()
		}
	})
	go func() {
		defer done()
		defer stop()
		room.Set(media.Matrix{peer.ID(): {legMusic}})
		if words != nil {
			select {
			case <-player.Play(words).Done():
			case <-ctx.Done():
				return
			}
		}
		room.Set(media.Matrix{peer.ID(): {"echo"}, "echo": {peer.ID()}})
		<-ctx.Done()
	}()
	return nil
}

// end stops a test, because its browser is needed for a call.
func (t *tests) end(peerID string) {
	t.mu.Lock()
	cancel := t.running[peerID]
	t.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	for range 100 { // it leaves its room on its own goroutine, at once
		t.mu.Lock()
		gone := t.running[peerID] == nil
		t.mu.Unlock()
		if gone {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
