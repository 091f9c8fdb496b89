package media

import (
	"sync"
	"time"

	"vigie/internal/phone/audio"
)

// ofEcho bounds the delay of an echo.
const ofEcho = 10 * time.Second

// Echo is a leg that says what it hears after a while: the test call to oneself, by which somebody learns
// whether she is heard and how.
type Echo struct {
	id    string
	beat  *beat
	delay int // frames

	// saying is held while something is said, and never waited for by who has mu: so echoes may hear one another.
	saying sync.Mutex
	say    func(*Packet)

	mu        sync.Mutex
	ears      []*ear
	past      [][audio.Frame]int16
	heard     []bool // whether there was anything in that frame
	at        int
	sequence  uint16
	timestamp uint32
	packet    Packet
	law       [audio.Frame]byte
}

// NewEcho is an echo after a delay, 20 ms to 10 s.
func NewEcho(id string, delay time.Duration) *Echo {
	frames := int(min(max(delay, frameTime), ofEcho) / frameTime)
	return &Echo{id: id, beat: theClock.next(), delay: frames, past: make([][audio.Frame]int16, frames), heard: make([]bool, frames)}
}

// ID is the leg's id.
func (e *Echo) ID() string { return e.id }

// Speaks gives the echo the ear of its room.
func (e *Echo) Speaks(out func(*Packet)) {
	e.saying.Lock()
	defer e.saying.Unlock()
	e.say = out
	if out == nil {
		e.beat.remove(e)
		return
	}
	e.beat.add(e)
}

// Hears says whose echo it is.
func (e *Echo) Hears(speakers []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ears = nil
	for _, speaker := range speakers {
		e.ears = append(e.ears, &ear{speaker: speaker})
	}
}

// Hear takes in what a speaker says.
func (e *Echo) Hear(speaker string, p *Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ear := range e.ears {
		if ear.speaker == speaker {
			ear.buffer.put(p)
		}
	}
}

// tick says what was heard that long ago.
func (e *Echo) tick(now time.Time, missed int) {
	e.saying.Lock()
	defer e.saying.Unlock()
	if e.turn(now, missed) && e.say != nil {
		e.say(&e.packet)
	}
}

// turn takes what was heard out of the past, if there was anything, and puts what is heard now in its place.
func (e *Echo) turn(now time.Time, missed int) (said bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	place := &e.past[e.at]
	said = e.heard[e.at]
	e.timestamp += uint32(audio.Frame * (1 + missed))
	if said {
		e.sequence++
		audio.PCMA.Encode(e.law[:], place[:])
		e.packet = Packet{Codec: audio.PCMA, Payload: e.law[:], Stream: 1, Sequence: e.sequence, Timestamp: e.timestamp, At: now}
	}
	clear(place[:])
	e.heard[e.at] = false
	var frame [audio.Frame]int16
	for _, ear := range e.ears {
		if ear.buffer.take(frame[:]) {
			audio.Mix(place[:], place[:], frame[:])
			e.heard[e.at] = true
		}
	}
	e.at = (e.at + 1) % e.delay
	return said
}

// Quality of an echo is not known.
func (e *Echo) Quality() Quality { return Quality{} }

// Close ends the echo.
func (e *Echo) Close() error {
	e.Speaks(nil)
	return nil
}
