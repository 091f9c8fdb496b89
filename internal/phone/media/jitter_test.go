package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"vigie/internal/phone/audio"
)

// trace is a speaker whose packets reach a jitter buffer when a trace says, and what is heard of them. Time
// is made: a second of it takes no time.
type trace struct {
	t        *testing.T
	buffer   jitter
	now      time.Time
	arrivals []arrival
	heard    []int16
	silent   int // frames in which there was nothing
	tone     []int16
}

type arrival struct {
	at time.Time
	p  Packet
}

func newTrace(t *testing.T) *trace {
	// 400 Hz fits its second, and goes on across packets.
	return &trace{t: t, now: started.Add(time.Hour), tone: audio.Sine(400, 0.5, time.Second)}
}

// send puts packet n of the speech, spoken n times 20 ms after the beginning, on its way: it comes so late.
func (tr *trace) send(n int, late time.Duration) {
	law := make([]byte, audio.Frame)
	at := n * audio.Frame % audio.Rate
	audio.PCMA.Encode(law, tr.tone[at:at+audio.Frame])
	when := started.Add(time.Hour + time.Duration(n)*frameTime + late)
	tr.arrivals = append(tr.arrivals, arrival{when, Packet{
		Codec: audio.PCMA, Payload: law, Sequence: uint16(65530 + n), Timestamp: uint32(n*audio.Frame) - 1000, At: when,
	}})
}

// run lets that many frames pass, each taken 7 ms after a packet that is on time would come.
func (tr *trace) run(frames int) {
	slices.SortStableFunc(tr.arrivals, func(a, b arrival) int { return a.at.Compare(b.at) })
	for range frames {
		tr.take()
	}
}

func (tr *trace) take() {
	due := tr.now.Add(7 * time.Millisecond)
	for len(tr.arrivals) > 0 && !tr.arrivals[0].at.After(due) {
		tr.buffer.put(&tr.arrivals[0].p)
		tr.arrivals = tr.arrivals[1:]
	}
	frame := make([]int16, audio.Frame)
	if !tr.buffer.take(frame) {
		tr.silent++
	}
	tr.heard = append(tr.heard, frame...)
	tr.now = tr.now.Add(frameTime)
}

// stall lets time pass in which nothing is taken, as when the process stands still. What came meanwhile has
// the time at which it is read.
func (tr *trace) stall(d time.Duration) {
	tr.now = tr.now.Add(d)
	for i := range tr.arrivals {
		if a := &tr.arrivals[i]; a.at.Before(tr.now) {
			a.at, a.p.At = tr.now, tr.now
		}
	}
}

// delay is how long sound waits now.
func (tr *trace) delay() time.Duration { return length(tr.buffer.waiting()) }

// clean says how much of a sound is the tone alone, in pieces of 20 ms.
func clean(sound []int16) float64 {
	whole := 0
	for at := 0; at+audio.Frame <= len(sound); at += audio.Frame {
		if level := audio.Goertzel(sound[at:at+audio.Frame], 400); level > 0.45 && level < 0.55 {
			whole++
		}
	}
	return float64(whole*audio.Frame) / float64(len(sound))
}

// On a network without jitter sound waits for one packet, and every sample is heard.
func TestEvenPacketsWaitForOnePacket(t *testing.T) {
	tr := newTrace(t)
	for n := range 500 {
		tr.send(n, 0)
	}
	tr.run(490)
	if d := tr.delay(); d != 20*time.Millisecond {
		t.Errorf("sound waits %v", d)
	}
	if share := clean(tr.heard[2*audio.Frame:]); share < 1 || tr.buffer.lost > 0 || tr.buffer.late > 0 {
		t.Errorf("%.3f is whole, %d samples lost, %d packets late", share, tr.buffer.lost, tr.buffer.late)
	}
}

// The delay grows to what the network does, no further, and goes back when the network is good again.
func TestDelayFollowsTheNetwork(t *testing.T) {
	for _, most := range []time.Duration{30 * time.Millisecond, 80 * time.Millisecond, 150 * time.Millisecond} {
		tr := newTrace(t)
		random := rand.New(rand.NewPCG(1, 2))
		const bad, good = 1500, 3000
		for n := range bad {
			tr.send(n, time.Duration(random.Int64N(int64(most))))
		}
		for n := bad; n < bad+good; n++ {
			tr.send(n, 0)
		}
		tr.run(500)
		late := tr.buffer.late
		tr.run(bad - 510)
		wanted := length(tr.buffer.spread.delay())
		if wanted < most*8/10 || wanted > most+30*time.Millisecond {
			t.Errorf("jitter of %v: %v are wanted", most, wanted)
		}
		if share := float64(tr.buffer.late-late) / float64(bad-510); share > 0.03 {
			t.Errorf("jitter of %v: %.1f %% come too late", most, 100*share)
		}
		// The speaker does not pause, which is the worst case.
		tr.run(good - 10)
		if d := tr.delay(); d > 80*time.Millisecond {
			t.Errorf("jitter of %v: 60 s after it sound waits %v", most, d)
		}
	}
}

// One packet in twenty lost is concealed: the tone goes on.
func TestLossIsConcealed(t *testing.T) {
	tr := newTrace(t)
	lost := 0
	for n := range 1000 {
		if n%20 == 13 {
			lost++
			continue
		}
		tr.send(n, 0)
	}
	tr.run(980)
	if tr.silent > 0 {
		t.Errorf("%d frames of nothing", tr.silent)
	}
	if share := clean(tr.heard[2*audio.Frame:]); share < 0.95 {
		t.Errorf("%.3f is whole", share)
	}
	if n := int(tr.buffer.lost) / audio.Frame; n < lost-2 || n > lost {
		t.Errorf("%d packets were concealed of %d lost", n, lost)
	}
	if d := tr.delay(); d != 20*time.Millisecond {
		t.Errorf("sound waits %v", d)
	}
}

// Packets that change places are heard in their order once that has been seen, and none is heard twice.
func TestOrderIsRestored(t *testing.T) {
	tr := newTrace(t)
	for n := 0; n < 1000; n += 2 {
		tr.send(n, 30*time.Millisecond)
		tr.send(n+1, 0)
	}
	tr.run(400)
	tr.heard = nil
	late := tr.buffer.late
	tr.run(500)
	if share := clean(tr.heard); share < 1 || tr.buffer.late != late {
		t.Errorf("%.3f is whole, %d late", share, tr.buffer.late-late)
	}
}

// After the process stood still for a second, the delay is what it was within a second.
func TestBacklogIsDropped(t *testing.T) {
	for _, still := range []time.Duration{300 * time.Millisecond, time.Second, 5 * time.Second} {
		tr := newTrace(t)
		for n := range 1500 {
			tr.send(n, 0)
		}
		tr.run(300)
		tr.stall(still)
		tr.run(50)
		if d := tr.delay(); d > 40*time.Millisecond {
			t.Errorf("a second after %v sound waits %v", still, d)
		}
	}
}

// A network that holds everything up once and lets it go is waited for, and forgotten.
func TestOneHoldUpLeavesNoDelay(t *testing.T) {
	tr := newTrace(t)
	for n := range 1500 {
		late := time.Duration(0)
		if n >= 300 && n < 308 {
			late = time.Duration(308-n) * frameTime
		}
		tr.send(n, late)
	}
	tr.run(330)
	if n := tr.buffer.late; n > 2 {
		t.Errorf("%d packets were not heard", n)
	}
	tr.run(120)
	if d := tr.delay(); d > 100*time.Millisecond {
		t.Errorf("two seconds later sound waits %v", d)
	}
}

// A silence that is not sent is silence, of the length it had, with comfort noise as loud as was said; it is no
// loss, and the delay is as before.
func TestSilenceThatIsNotSent(t *testing.T) {
	for name, noisy := range map[string]bool{"with comfort noise": true, "without": false} {
		tr := newTrace(t)
		for n := range 100 {
			tr.send(n, 0)
		}
		if noisy {
			when := started.Add(time.Hour + 100*frameTime)
			tr.arrivals = append(tr.arrivals, arrival{when, Packet{Codec: Noise, Payload: []byte{40}, At: when}})
		}
		first := len(tr.arrivals)
		for n := 150; n < 250; n++ {
			tr.send(n, 0)
			tr.arrivals[len(tr.arrivals)-1].p.Sequence = uint16(65530 + 100 + n - 150)
		}
		_ = first
		tr.run(150)
		pause := tr.heard[125*audio.Frame : 145*audio.Frame]
		if level := audio.RMS(pause); noisy && (level < 0.005 || level > 0.02) || !noisy && level > 0.001 {
			t.Errorf("%s: the pause is at %.4f", name, level)
		}
		tr.heard = nil
		tr.run(90)
		if share := clean(tr.heard[2*audio.Frame:]); share < 1 {
			t.Errorf("%s: %.3f of what is said then is whole", name, share)
		}
		if d := tr.delay(); d != 20*time.Millisecond {
			t.Errorf("%s: sound waits %v", name, d)
		}
	}
}

// A stream that begins again, or whose clock is set back, is heard on.
func TestNumberingThatBeginsAgain(t *testing.T) {
	for name, change := range map[string]func(*Packet){
		"another stream":   func(p *Packet) { p.Stream, p.Sequence, p.Timestamp = 2, p.Sequence+9000, p.Timestamp+1<<30 },
		"a clock set back": func(p *Packet) { p.Timestamp -= 1 << 20 },
		"a clock put on":   func(p *Packet) { p.Timestamp += 1 << 20 },
	} {
		tr := newTrace(t)
		for n := range 300 {
			tr.send(n, 0)
			if n >= 150 {
				change(&tr.arrivals[n].p)
			}
		}
		tr.run(200)
		tr.heard = nil
		tr.run(90)
		if share := clean(tr.heard); share < 1 {
			t.Errorf("%s: %.3f is whole", name, share)
		}
		if d := tr.delay(); d > 40*time.Millisecond {
			t.Errorf("%s: sound waits %v", name, d)
		}
	}
}

// Packets of every length are heard whole.
func TestPacketsOfEveryLength(t *testing.T) {
	for _, size := range []int{80, 160, 240, 320, 480} {
		tr := newTrace(t)
		for n := 0; n < 200*audio.Frame; n += size {
			law := make([]byte, size)
			for i := range law {
				audio.PCMA.Encode(law[i:i+1], tr.tone[(n+i)%audio.Rate:][:1])
			}
			when := started.Add(time.Hour + length(n+size))
			tr.arrivals = append(tr.arrivals, arrival{when, Packet{Codec: audio.PCMA, Payload: law, Sequence: uint16(n / size), Timestamp: uint32(n), At: when}})
		}
		tr.run(50)
		tr.heard = nil
		tr.run(140)
		if share := clean(tr.heard); share < 1 {
			t.Errorf("%d samples a packet: %.3f is whole", size, share)
		}
		if d := tr.delay(); d > length(size)+30*time.Millisecond {
			t.Errorf("%d samples a packet: sound waits %v", size, d)
		}
	}
}

// A jitter buffer that is there allocates nothing, whatever comes.
func TestJitterBufferAllocatesNothing(t *testing.T) {
	var j jitter
	p := Packet{Codec: audio.PCMU, Payload: make([]byte, 160), At: time.Now()}
	frame := make([]int16, audio.Frame)
	if n := testing.AllocsPerRun(1000, func() {
		p.Sequence++
		p.Timestamp += 160
		p.At = p.At.Add(frameTime)
		j.put(&p)
		j.take(frame)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever packets come in whatever order, nothing breaks and the delay stays within its bounds.
func FuzzJitter(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 160, 2, 0, 0, 1, 0, 200, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		var j jitter
		at := started
		frame := make([]int16, audio.Frame)
		var p Packet
		law := make([]byte, 2048)
		for len(script) >= 6 {
			p.Codec = []audio.Codec{audio.PCMA, audio.PCMU, Noise, audio.Opus}[script[0]%4]
			p.Stream = uint32(script[0] >> 6)
			p.Sequence += uint16(int8(script[1]))
			p.Timestamp += uint32(int32(int8(script[2])) << (script[3] % 24))
			p.Payload = law[:int(script[4])*8]
			at = at.Add(time.Duration(script[5]) * time.Millisecond)
			p.At = at
			j.put(&p)
			if script[5]%3 == 0 {
				j.take(frame)
			}
			if w := j.waiting(); w > held {
				t.Fatalf("%d samples wait", w)
			}
			script = script[6:]
		}
	})
}
