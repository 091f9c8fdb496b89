package phone_test

import (
	"sync"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/caller"
)

// A telephone hands on each packet that it says and hears, with the moment at which it left or came.
func TestATelephoneTellsOfItsPackets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	type kept struct {
		caller.Packet
		sound []int16
	}
	var mu sync.Mutex
	all := map[bool][]kept{} // by whether they were said
	r := w.rings(skip, func(o *caller.Options) {
		o.Packets = func(p caller.Packet) {
			sound := make([]int16, 8*audio.Frame)
			n := p.Codec.Decode(sound, p.Payload)
			mu.Lock()
			defer mu.Unlock()
			all[p.Said] = append(all[p.Said], kept{p, sound[:n]})
		}
	})
	w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	time.Sleep(time.Second) // what must hear is a little older than what is handed on
	now := time.Now()
	mu.Lock()
	defer mu.Unlock()
	for said, tone := range map[bool]float64{true: childTone, false: anneTone} {
		var sound []int16
		for i, p := range all[said] {
			if p.At.After(now) || i > 0 && p.At.Before(all[said][i-1].At) {
				t.Fatalf("packet %d (said: %v) was at %v, the one before at %v, and it is %v", i, said, p.At, all[said][max(0, i-1)].At, now)
			}
			if i > 0 && said && p.Timestamp == all[said][i-1].Timestamp {
				t.Fatalf("packet %d has the timestamp of the one before", i)
			}
			sound = append(sound, p.sound...)
		}
		if len(sound) < audio.Rate || audio.Goertzel(sound[len(sound)-audio.Rate/4:], tone) < loudEnough {
			t.Errorf("of what was said (%v) %d samples were kept, without %.0f Hz at the end", said, len(sound), tone)
		}
	}
}
