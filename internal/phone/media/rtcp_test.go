package media

import (
	"bytes"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// Two lines that speak to each other on one port each, enciphered, learn from their reports how long the way is
// and what is lost on it.
func TestReportsOnTheSamePortEnciphered(t *testing.T) {
	t.Parallel()
	for _, suite := range Suites() {
		keys := [2]*Keys{}
		for i := range keys {
			keys[i] = &Keys{Suite: suite, Master: bytes.Repeat([]byte{byte(i + 1)}, MasterSize(suite))}
		}
		var lines [2]*Line
		for i := range lines {
			l, err := Open(Options{ID: string(rune('a' + i))})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			lines[i] = l
		}
		for i, l := range lines {
			if err := l.Configure(Remote{
				RTP: lines[1-i].Local(), Mux: true, Codec: audio.PCMA, PayloadType: 8, Accepts: map[uint8]audio.Codec{8: audio.PCMA},
				Sends: keys[i], Receives: keys[1-i],
			}); err != nil {
				t.Fatal(err)
			}
			l.Hears([]string{"voice"})
		}
		at := time.Now()
		for n := range uint16(20) {
			if n == 7 || n == 8 || n == 12 || n == 13 || n == 14 {
				continue // lost: numbers are taken for them on the way out too
			}
			for _, l := range lines {
				l.Hear("voice", &Packet{Codec: audio.PCMA, Payload: make([]byte, 160), Sequence: n, Timestamp: uint32(n) * 160, At: at})
			}
		}
		wait := func(what string, holds func() bool) {
			t.Helper()
			for range 200 {
				if holds() {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Fatalf("%s: %s", suite, what)
		}
		wait("all is received", func() bool { return lines[0].Quality().Received == 15 && lines[1].Quality().Received == 15 })
		lines[0].report(false)
		wait("the report is taken", func() bool { return lines[1].Quality().RemoteLost > 0 })
		time.Sleep(30 * time.Millisecond)
		lines[1].report(false)
		wait("the way is measured", func() bool { return lines[0].Quality().RoundTrip > 0 || lines[0].Quality().RemoteLost > 0 })
		q := lines[0].Quality()
		if q.RemoteLost < 0.24 || q.RemoteLost > 0.26 || q.RoundTrip > 25*time.Millisecond || q.Lost != 5 || q.Refused != 0 {
			t.Errorf("%s: %+v", suite, q)
		}
	}
}

// A telephone that sends no silence is not gone: it reports what it hears of us.
func TestWhoReportsIsNotGone(t *testing.T) {
	t.Parallel()
	var lines [2]*Line
	for i := range lines {
		l, err := Open(Options{ID: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		lines[i] = l
	}
	for i, l := range lines {
		if err := l.Configure(Remote{RTP: lines[1-i].Local(), Mux: true, Codec: audio.PCMA, PayloadType: 8, Accepts: map[uint8]audio.Codec{8: audio.PCMA}}); err != nil {
			t.Fatal(err)
		}
		l.Hears([]string{"voice"})
		l.Hear("voice", &Packet{Codec: audio.PCMA, Payload: make([]byte, 160), At: time.Now()})
	}
	told := make(chan struct{}, 10)
	time.Sleep(50 * time.Millisecond)
	lines[0].OnSilent(300*time.Millisecond, func() { told <- struct{}{} })
	for range 10 {
		time.Sleep(100 * time.Millisecond)
		lines[1].report(false)
	}
	if len(told) != 0 {
		t.Fatal("who reports every tenth of a second counts as gone")
	}
	time.Sleep(700 * time.Millisecond)
	if len(told) == 0 { // a report of its own may have come in between: then it was told twice
		t.Fatal("who reports no more is not gone")
	}
}
