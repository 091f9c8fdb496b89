package media_test

import (
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// Keys that are sent reach the other end as events, each with a marker, growing durations and three ends, and
// no voice in between; and the voice goes on after them in the same stream.
func TestKeysAreSentAsEvents(t *testing.T) {
	t.Parallel()
	line, phone := connect(t, "outside", audio.PCMA, 0, func(r *media.Remote) { r.Events = 97 })
	hearing(t, line)
	time.Sleep(settleTime)
	phone.Forget()
	if err := line.SendDigits("5#"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	type event struct {
		timestamp uint32
		key       byte
	}
	var events []event
	counts := map[event]int{}
	ends, markers, between := 0, 0, 0
	last := 0
	packets := phone.Packets()
	for i, p := range packets {
		if p.PayloadType != 97 {
			if len(events) > 0 && counts[event{events[0].timestamp, events[0].key}] > 0 && ends < 6 {
				between++
			}
			continue
		}
		e := event{p.Timestamp, p.Payload[0]}
		if counts[e] == 0 {
			events = append(events, e)
			last = 0
		}
		counts[e]++
		duration := int(p.Payload[2])<<8 | int(p.Payload[3])
		if duration < last {
			t.Errorf("packet %d: duration %d after %d", i, duration, last)
		}
		last = duration
		if p.Payload[1]&0x80 != 0 {
			ends++
		}
		if p.Marker {
			markers++
		}
	}
	if len(events) != 2 || events[0].key != 5 || events[1].key != 11 || ends != 6 || markers != 2 || between != 0 {
		t.Errorf("events %v, %d ends, %d markers, %d packets of voice between", events, ends, markers, between)
	}
	for i := 1; i < len(packets); i++ {
		if packets[i].SequenceNumber != packets[i-1].SequenceNumber+1 || int32(packets[i].Timestamp-packets[i-1].Timestamp) < 0 {
			t.Errorf("packet %d does not follow", i)
		}
	}
	if p := packets[len(packets)-1]; p.PayloadType != uint8(audio.PCMA) {
		t.Error("the voice did not go on")
	}
}

// Keys that one line sends are told by another as they were pressed: as events, and as tones where none were
// agreed on.
func TestKeysFromLineToLine(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]uint8{"as events": 101, "as tones": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := media.Open(media.Options{ID: "a"})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			b, err := media.Open(media.Options{ID: "b"})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			for from, to := range map[*media.Line]*media.Line{a: b, b: a} {
				if err := from.Configure(media.Remote{
					RTP: to.Local(), Codec: audio.PCMU, PayloadType: 0, Events: events, AcceptsEvents: events,
					Accepts: map[uint8]audio.Codec{0: audio.PCMU},
				}); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			var told []byte
			b.HearTones(true)
			b.OnDigit(func(d byte) {
				mu.Lock()
				told = append(told, d)
				mu.Unlock()
			})
			if err := a.SendDigits("0112a*#"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all keys are told", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(told) >= 7
			})
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			if string(told) != "0112A*#" {
				t.Errorf("%q was told", told)
			}
		})
	}
}

// What is no key, and what nobody dials, is refused.
func TestKeysThatAreNone(t *testing.T) {
	line, _ := connect(t, "a", audio.PCMA, 0)
	if err := line.SendDigits("12x"); !fault.Is(err, fault.Invalid) {
		t.Errorf("x: %v", err)
	}
	if err := line.SendDigits(string(make([]byte, 0))); err != nil {
		t.Errorf("nothing: %v", err)
	}
	long := make([]byte, 129)
	for i := range long {
		long[i] = '1'
	}
	if err := line.SendDigits(string(long)); !fault.Is(err, fault.TooMany) {
		t.Errorf("129 keys: %v", err)
	}
	_ = line.Close()
	if err := line.SendDigits("1"); !fault.Is(err, fault.Gone) {
		t.Errorf("after the end: %v", err)
	}
}
