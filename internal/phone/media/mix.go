package media

import (
	"slices"
	"time"

	"vigie/internal/phone/audio"
)

// ofMix is the speaker whose sound a mix is. No leg has such an id.
const ofMix = "\x00mix"

// mix is what a line hears of two and more speakers at once: a jitter buffer for each, and their sum every
// 20 ms. It belongs to the outlet of its line and to that one's lock.
type mix struct {
	out       *outlet
	ears      []*ear
	sources   [][]int16
	sequence  uint16
	timestamp uint32
	stream    uint32
	waiting   []int16 // sound that does not fill a packet yet
	room      [6 * audio.Frame]int16
	frames    [][audio.Frame]int16
	law       [6 * audio.Frame]byte
}

// ear is one of those who are mixed.
type ear struct {
	speaker string
	buffer  jitter
}

func (m *mix) find(speaker string) *ear {
	for _, e := range m.ears {
		if e.speaker == speaker {
			return e
		}
	}
	return nil
}

// hears changes whom the line hears. From one to two the one goes on in the mix where she was, from two to
// one what the mix still holds of her is sent on at once: nothing she says is lost or heard twice.
func (o *outlet) hears(speakers []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.speakers = speakers
	o.arrange()
}

// arrange makes the mix that the speakers need, or ends it. Called with mu held.
func (o *outlet) arrange() {
	if len(o.speakers) < 2 {
		if o.mix != nil {
			o.flush()
			o.late += o.mix.late()
			o.mix = nil
			o.beat.remove(o)
		}
		return
	}
	if o.mix == nil {
		o.mixes++
		o.mix = &mix{out: o, stream: o.mixes}
		o.beat.add(o)
	}
	m := o.mix
	ears := make([]*ear, 0, len(o.speakers))
	for _, speaker := range o.speakers {
		e := m.find(speaker)
		if e == nil {
			e = &ear{speaker: speaker}
			if o.last.Codec.Law() && o.last.speaker == speaker && len(o.last.Payload) > 0 && time.Since(o.last.At) < 3*frameTime {
				e.buffer.prime(&o.last.Packet)
			}
		}
		ears = append(ears, e)
	}
	for _, gone := range m.ears {
		if !slices.Contains(ears, gone) {
			o.late += gone.buffer.late
		}
	}
	m.ears = ears
	m.frames = make([][audio.Frame]int16, len(ears))
	m.sources = make([][]int16, 0, len(ears))
}

func (m *mix) late() uint64 {
	var n uint64
	for _, e := range m.ears {
		n += e.buffer.late
	}
	return n
}

// delay is what the mix adds to the speaker who waits longest.
func (m *mix) delay() time.Duration {
	most := 0
	for _, e := range m.ears {
		most = max(most, e.buffer.waiting())
	}
	return length(most)
}

// say sends the next 20 ms of the mix, if anybody says anything. Called with the outlet's mu held.
func (m *mix) say(now time.Time, missed int) {
	o := m.out
	if o.terms == nil || !o.terms.Direction.sends() {
		for i, e := range m.ears {
			e.buffer.take(m.frames[i][:])
		}
		return
	}
	o.tune(audio.Rate)
	if m.timestamp == 0 && o.ahead > 0 && uint32(units(now.Sub(o.at))) < o.ahead {
		return // the other end still has sound from before
	}
	m.sources = m.sources[:0]
	for i, e := range m.ears {
		frame := m.frames[i][:]
		if e.buffer.take(frame) {
			m.sources = append(m.sources, frame)
		}
	}
	m.timestamp += uint32(audio.Frame * (1 + missed))
	if len(m.sources) == 0 || o.keys.busy() {
		m.waiting = m.waiting[:0]
		return
	}
	var sum [audio.Frame]int16
	audio.Mix(sum[:], m.sources...)
	if o.terms.Ptime == frameTime {
		m.send(sum[:], m.timestamp, now)
		return
	}
	m.waiting = append(m.waiting, sum[:]...)
	size := units(o.terms.Ptime)
	for len(m.waiting) >= size {
		m.send(m.waiting[:size], m.timestamp+audio.Frame-uint32(len(m.waiting)), now)
		m.waiting = append(m.waiting[:0], m.waiting[size:]...)
	}
}

// send makes a packet of samples. Called with the outlet's mu held.
func (m *mix) send(samples []int16, timestamp uint32, now time.Time) {
	m.sequence++
	n := m.out.terms.Codec.Encode(m.law[:], samples)
	m.out.pass(ofMix, &Packet{
		Codec: m.out.terms.Codec, Payload: m.law[:n], Stream: m.stream, Sequence: m.sequence, Timestamp: timestamp, At: now,
	})
}

// flush sends at once what the mix still holds of the one speaker who stays, so that she can be passed through
// from her next packet on. The stream is ahead of time by as much, until somebody else speaks in it.
func (o *outlet) flush() {
	if len(o.speakers) != 1 || o.terms == nil || !o.terms.Direction.sends() {
		return
	}
	e := o.mix.find(o.speakers[0])
	if e == nil {
		return
	}
	const most = 3 * audio.Frame
	if excess := e.buffer.waiting() - most; excess > 0 {
		e.buffer.skip(int64(excess))
	}
	o.tune(audio.Rate)
	now, total := time.Now(), 0
	due := units(now.Sub(o.at)) // of it, this much would have been sent by now
	for e.buffer.waiting() >= audio.Frame/2 {
		frame := o.mix.frames[0][:min(audio.Frame, e.buffer.waiting()/(audio.Frame/2)*(audio.Frame/2))]
		e.buffer.take(frame)
		o.mix.timestamp += audio.Frame
		o.mix.send(frame, o.mix.timestamp, now)
		total += len(frame)
	}
	o.ahead += uint32(max(0, total-due))
}
