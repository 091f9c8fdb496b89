package media

import (
	"time"

	"vigie/internal/phone/audio"
)

// The bounds of a jitter buffer, in samples.
const (
	leastDelay = audio.Frame      // 20 ms
	mostDelay  = 10 * audio.Frame // 200 ms: later than that, people talk into one another
	held       = 4096             // what can wait at most, 512 ms; a power of two
	slack      = audio.Frame / 2  // an excess that is not worth a step
	tooMuch    = 3 * audio.Frame  // an excess that does not wait for a pause of speech
)

// watched is after how many frames (half a second) a jitter buffer looks whether it waits too long.
const watched = 25

// jitter is a jitter buffer: it takes the packets of one speaker when they come and gives her sound in frames
// when it is asked for them, at an even pace. How long it lets sound wait follows what the network does: as
// long as nearly all packets would have come in time, and no longer. It gets longer where a packet is late,
// by the pause that this makes anyway; it gets shorter in pauses of speech, and at once when there is a
// backlog, as after a time in which the process stood still. What was lost is concealed, what was not
// spoken is comfort noise.
//
// It keeps time by the stamps of its packets alone, so that its tests need no clock. It belongs to one
// goroutine at a time and, once there, allocates nothing.
type jitter struct {
	ring  [held]int16
	kinds [held]uint8
	play  int64 // the next sample to be heard
	end   int64 // one after the newest there is

	open      bool
	stream    uint32
	sequence  uint16 // of the newest packet, and where it stood
	timestamp uint32
	place     int64

	owed    int  // samples that were made up while nothing came: the pause of a late packet
	hushed  bool // the speaker said that silence follows
	low     int  // the least and the most that waited after a frame, since it was last looked
	high    int
	frames  int
	behind  bool // a packet came too late since then
	late    uint64
	lost    uint64 // samples that were concealed
	spread  spread
	conceal audio.Concealer
	noise   audio.Noise
}

// What a sample of the ring is.
const (
	nothing uint8 = iota
	spoken
	silent
)

// put takes in a packet of speech or comfort noise.
func (j *jitter) put(p *Packet) {
	if p = p.Plain(); p == nil {
		return
	}
	if p.Codec == Noise {
		if level, ok := audio.ReadNoise(p.Payload); ok {
			j.hushed = true
			j.noise.Level(level)
		}
		return
	}
	n := len(p.Payload)
	if !p.Codec.Law() || n == 0 || n > mostLaw {
		return
	}
	newest := true
	at := max(j.end, j.play) // where another numbering begins: its sound follows on what there is
	follows := true
	if j.open && p.Stream == j.stream {
		step := int64(int32(p.Timestamp - j.timestamp))
		newest = int16(p.Sequence-j.sequence) > 0
		if newest && step < 0 {
			j.spread = spread{} // its clock was set back
		} else {
			at, follows = j.place+step, p.Sequence == j.sequence+1
		}
	} else {
		j.spread = spread{}
	}
	stop := at + int64(n)
	if newest {
		j.stream, j.sequence, j.timestamp, j.place = p.Stream, p.Sequence, p.Timestamp, at
		j.spread.observe(p.At, at)
		if !j.open {
			j.start()
			j.begin(at)
		}
		j.resume(at, follows)
		j.hushed = false
	}
	if stop <= j.play {
		j.late++
		j.behind = true
		return
	}
	if stop-j.play > held {
		j.skip(stop - int64(j.spread.delay()) - j.play)
	}
	j.write(p, max(at, j.play), at, stop)
	j.end = max(j.end, stop)
}

func (j *jitter) start() {
	j.open = true
	j.watch()
}

// begin is where somebody begins to speak, after nothing: with the right delay.
func (j *jitter) begin(at int64) {
	j.play = at - int64(j.spread.delay())
	j.end = at
	j.markSilent(j.play, at)
}

// resume puts right where we are in the sound when a packet comes that is newer than all others.
func (j *jitter) resume(at int64, follows bool) {
	gap := at - j.end
	switch {
	case gap < 0:
	case j.end <= j.play && (j.owed > mostDelay || follows && gap > 0 || gap > mostDelay):
		j.begin(at)
	case j.end <= j.play:
		// The loss was made up for already.
		j.skip(min(gap, int64(j.owed)))
	case follows && gap > 0:
		j.markSilent(j.end, min(at, j.play+held))
	}
	j.owed = 0
}

func (j *jitter) markSilent(from, to int64) {
	for i := from; i < to; i++ {
		j.kinds[i&(held-1)] = silent
	}
}

// write decodes the packet, whose first sample stands at place at, from a place on.
func (j *jitter) write(p *Packet, from, at, stop int64) {
	for from < stop {
		i := from & (held - 1)
		n := min(stop-from, held-i)
		p.Codec.Decode(j.ring[i:i+n], p.Payload[from-at:])
		for k := i; k < i+n; k++ {
			j.kinds[k] = spoken
		}
		from += n
	}
}

// take gives the next frame. It says false, and gives silence, when the speaker says nothing at all: nothing
// came yet, or nothing for so long that there is nothing left to conceal.
func (j *jitter) take(frame []int16) bool {
	if !j.open || j.end <= j.play && j.owed > mostDelay && !j.hushed {
		clear(frame)
		return false
	}
	j.pace(frame)
	for rest := frame; len(rest) > 0; {
		n := len(rest)
		if have := j.end - j.play; have <= 0 {
			j.owed += n
			j.fill(rest)
			break
		} else if int64(n) > have {
			n = int(have)
		}
		n = j.run(rest[:n])
		rest = rest[n:]
	}
	j.low, j.high = min(j.low, j.waiting()), max(j.high, j.waiting())
	return true
}

// fill makes up sound where there is none.
func (j *jitter) fill(piece []int16) {
	if j.hushed {
		j.noise.Fill(piece)
		j.conceal.Good(piece)
		return
	}
	j.conceal.Lost(piece)
}

// run gives the next samples that are of one kind, up to the size of the piece, and says how many.
func (j *jitter) run(piece []int16) int {
	start := j.play & (held - 1)
	kind := j.kinds[start]
	n := 0
	for n < len(piece) {
		i := (start + int64(n)) & (held - 1)
		if j.kinds[i] != kind {
			break
		}
		piece[n], j.kinds[i] = j.ring[i], nothing
		n++
	}
	j.play += int64(n)
	piece = piece[:n]
	switch kind {
	case spoken:
		j.conceal.Good(piece)
	case silent:
		j.noise.Fill(piece)
		j.conceal.Good(piece)
	default:
		j.lost += uint64(n)
		j.conceal.Lost(piece)
	}
	return n
}

// waiting is how many samples wait to be heard.
func (j *jitter) waiting() int { return int(max(0, j.end-j.play)) }

// pace looks, before a frame is taken, whether sound waits too long or not long enough. room is the frame
// that is to be taken.
func (j *jitter) pace(room []int16) {
	want := j.spread.delay()
	if j.waiting() > want+mostDelay {
		j.skip(int64(j.waiting() - want - len(room)))
		j.watch()
		return
	}
	if j.frames++; j.frames < watched {
		return
	}
	// Of a buffer that is as it should be, a packet is left when things are worst, and not more than is wanted
	// when they are best.
	excess := min(j.low-leastDelay, j.high-want)
	switch {
	case excess > tooMuch, excess > slack && j.frames >= 2*watched:
		j.skip(int64(excess))
		j.watch()
	case excess > slack && j.pausing(len(room)):
		j.skip(int64(min(excess, len(room))))
		j.watch()
	case excess > slack:
		// Wait for a pause for half a second more, looking at each frame.
	case j.behind && j.low+len(room) <= want:
		j.play -= int64(len(room)) // a frame more of delay; what stands there is nothing, and is concealed
		j.watch()
	default:
		j.watch()
	}
}

func (j *jitter) watch() { j.frames, j.low, j.high, j.behind = 0, held, 0, false }

// pausing says that nobody speaks in the next n samples.
func (j *jitter) pausing(n int) bool {
	const quiet = 200 // -44 dB of full scale
	for at := j.play; at < min(j.play+int64(n), j.end); at++ {
		i := at & (held - 1)
		if s := j.ring[i]; j.kinds[i] == spoken && (s > quiet || s < -quiet) {
			return false
		}
	}
	return true
}

// skip leaves out the next samples. What was said before fades into what comes then.
func (j *jitter) skip(n int64) {
	if n <= 0 {
		return
	}
	for i := range min(n, held) {
		j.kinds[(j.play+i)&(held-1)] = nothing
	}
	j.play += n
	j.end = max(j.end, j.play)
	var one [1]int16
	j.conceal.Lost(one[:])
}

// prime lets the buffer begin in the midst of a stream that was heard otherwise until now: p was its last
// packet. The next frame goes on from there.
func (j *jitter) prime(p *Packet) {
	var heard [mostLaw]int16
	n := p.Codec.Decode(heard[:], p.Payload)
	*j = jitter{stream: p.Stream, sequence: p.Sequence, timestamp: p.Timestamp, play: int64(n), end: int64(n)}
	j.start()
	j.spread.observe(p.At, 0)
	j.conceal.Good(heard[:n])
}

// spread is how unevenly packets come: how much later than the fastest, of nearly all of the last ten seconds.
type spread struct {
	bins   [mostDelay / binned]float32 // the share of each delay
	count  int
	least  int64
	creep  int
	newest time.Time
	place  int64 // of the newest
	wanted int
}

const (
	binned  = 40    // samples: 5 ms
	nearly  = 0.97  // of all packets come in time
	forgets = 0.998 // a packet counts half after 350 more
)

// observe takes in when a packet came that stands at this place of its stream.
func (s *spread) observe(at time.Time, place int64) {
	transit := at.Sub(started).Nanoseconds()*audio.Rate/int64(time.Second) - place
	since, step := at.Sub(s.newest), length(int(place-s.place))
	s.newest, s.place = at, place
	if s.count == 0 || transit < s.least {
		s.least = transit
	}
	if s.creep++; s.creep == 40 {
		s.least++ // 1 in 6,400: faster than two clocks drift apart
		s.creep = 0
	}
	s.count++
	late := int(transit - s.least)
	if s.count > 1 && since < step/2 || late >= mostDelay {
		// Those on the heels of another, in half the time they should take, tell of the same delay as that one; and
		// what is beyond all bounds was no jitter.
		return
	}
	keep := float32(min(forgets, 1-1/float64(s.count)))
	for i := range s.bins {
		s.bins[i] *= keep
	}
	s.bins[late/binned] += 1 - keep
	var sum float32
	for i, share := range s.bins {
		if sum += share; sum >= nearly {
			s.wanted = (i + 1) * binned
			break
		}
	}
}

// delay is how long sound is to wait: the lateness of nearly all packets, and 15 ms for the unevenness of our
// own clock.
func (s *spread) delay() int { return max(leastDelay, min(mostDelay, s.wanted+3*binned)) }
