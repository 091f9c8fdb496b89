//go:build linux

package swarm

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// liveOf is the books of so many calls, each caller with the browser of her number, in a window of a hundred packets.
func liveOf(calls int) (*Live, *window) {
	l := &Live{s: &swarm{}, ends: make([]end, 2*calls), calls: make([]call, calls)}
	for i := range l.ends {
		l.s.legs = append(l.s.legs, &leg{number: i})
		l.ends[i].partner.Store(-1)
	}
	w := &window{first: 100, last: 200, over: make(chan struct{}), seen: make([][]uint64, len(l.ends))}
	for i := range w.seen {
		w.seen[i] = make([]uint64, 2)
	}
	l.window.Store(w)
	return l, w
}

// hearsAt has a leg hear packet ordinal of another, so long after the beginning.
func (l *Live) hearsAt(leg, from int, ordinal uint32, at time.Duration) {
	p := make([]byte, payload)
	binary.BigEndian.PutUint32(p, stamp)
	binary.BigEndian.PutUint32(p[4:], uint32(from))
	binary.BigEndian.PutUint32(p[8:], ordinal)
	binary.BigEndian.PutUint64(p[12:], uint64(time.Second+at-time.Millisecond))
	l.heard(l.s.legs[leg], p, int64(time.Second+at))
}

// Caller 0 and browser 2 talk. A packet is lost, one comes twice, one comes from the wrong caller, and after a while
// the caller hears no more: each is in the books of the side that it happened to, once.
func TestLiveCallsAreKeptInTheBooks(t *testing.T) {
	l, w := liveOf(2)
	for n := range uint32(100) {
		at := time.Duration(n) * frame
		l.ends[0].sent.Add(1)
		l.ends[2].sent.Add(1)
		if n != 40 {
			l.hearsAt(2, 0, 100+n, at)
		}
		if n == 50 {
			l.hearsAt(2, 0, 100+n, at)
			l.hearsAt(2, 1, 100+n, at)
		}
		if n < 90 {
			l.hearsAt(0, 2, 100+n, at)
		}
	}
	l.hearsAt(2, 0, 200, 100*frame) // said after the window
	w.ended.Store(int64(time.Second + 100*frame))
	if l.Talking() != 1 {
		t.Errorf("%d talk; want 1", l.Talking())
	}
	seen := l.Seen()
	if s := seen.ToBrowsers; s.Sent != 100 || s.Lost != 1 || s.Foreign != 1 || s.Gap.P50 != frame || s.Gap.Max != 2*frame || s.Long != 0 {
		t.Errorf("the browser's side is %+v; want 1 of 100 lost, 1 of somebody else's, gaps of 20 ms and one of 40", s)
	}
	if s := seen.ToCaller; s.Sent != 100 || s.Lost != 10 || s.Foreign != 0 || s.Long != 1 || s.Gap.Max != 11*frame || s.Added.Max != time.Millisecond {
		t.Errorf("the caller's side is %+v; want 10 of 100 lost, and a gap of 220 ms that goes on at the end", s)
	}
	if seen.StillUp != 1 {
		t.Errorf("%d calls are still up; want 1", seen.StillUp)
	}
}

// A call is up no more when it ended, nor when one of the two hears nothing.
func TestACallThatIsNotHeardIsNotUp(t *testing.T) {
	l, w := liveOf(3)
	for _, at := range []time.Duration{0, 2 * time.Second} {
		for n := range 3 {
			l.hearsAt(n, 3+n, 150, at)
			if n != 1 || at == 0 {
				l.hearsAt(3+n, n, 150, at)
			}
		}
	}
	w.ended.Store(int64(3*time.Second + 20*time.Millisecond))
	l.ends[2].over.Store(true)
	if seen := l.Seen(); seen.StillUp != 1 || seen.ToBrowsers.Long < 1 {
		t.Errorf("%d calls are still up, and %d gaps of counsellors are long; want 1 of each at least", seen.StillUp, seen.ToBrowsers.Long)
	}
}

// A page's offer has one voice to send and four to hear, and how it is found is said apart, as Chromium does.
func TestTheOfferIsThatOfAPage(t *testing.T) {
	l, err := OpenLive(LiveOptions{Calls: 1, SIP: "127.0.0.1:9", To: "3018", From: func(int) string { return "+33639980000" }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	offer := l.Offer(0)
	for text, times := range map[string]int{
		"m=audio ": 4, "a=sendrecv\r\n": 1, "a=recvonly\r\n": 3, "a=group:BUNDLE 0 1 2 3\r\n": 1, "a=mid:3\r\n": 1, "a=candidate": 0, "a=setup:actpass\r\n": 4,
	} {
		if n := strings.Count(offer, text); n != times {
			t.Errorf("%q is in the offer %d times; want %d:\n%s", text, n, times, offer)
		}
	}
}
