package mediatest

import (
	"slices"
	"sync"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// Probe is a leg in the place of a counsellor's browser: it says one tone and keeps what it hears of each
// speaker.
type Probe struct {
	id    string
	codec audio.Codec
	tone  []byte

	mu       sync.Mutex
	say      func(*media.Packet)
	hears    []string
	heard    map[string][]int16
	sequence uint16
	done     chan struct{}
}

// NewProbe is a leg that says a tone of freq hertz and the Loudness of all, once it is in a room; with 0 it
// says nothing. Close ends it.
func NewProbe(id string, codec audio.Codec, freq float64) *Probe {
	p := &Probe{id: id, codec: codec, heard: map[string][]int16{}, done: make(chan struct{})}
	if freq > 0 {
		samples := audio.Sine(freq, Loudness, time.Second)
		p.tone = make([]byte, len(samples))
		codec.Encode(p.tone, samples)
		go p.talk()
	}
	return p
}

func (p *Probe) talk() {
	start := time.Now()
	for n := time.Duration(1); ; n++ {
		select {
		case <-p.done:
			return
		case <-time.After(time.Until(start.Add(n * 20 * time.Millisecond))):
		}
		p.mu.Lock()
		say := p.say
		p.sequence++
		at := int(n) * audio.Frame
		packet := media.Packet{
			Codec: p.codec, Payload: p.tone[at%len(p.tone) : at%len(p.tone)+audio.Frame], Stream: 1,
			Sequence: p.sequence, Timestamp: uint32(at), At: time.Now(),
		}
		p.mu.Unlock()
		if say != nil {
			say(&packet)
		}
	}
}

// ID is the leg's id.
func (p *Probe) ID() string { return p.id }

// Speaks gives the probe the ear of its room.
func (p *Probe) Speaks(out func(*media.Packet)) {
	p.mu.Lock()
	p.say = out
	p.mu.Unlock()
}

// Hears says whom it hears.
func (p *Probe) Hears(speakers []string) {
	p.mu.Lock()
	p.hears = speakers
	p.mu.Unlock()
}

// Hear keeps what a speaker says.
func (p *Probe) Hear(speaker string, packet *media.Packet) {
	if !packet.Codec.Law() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.hears, speaker) {
		return
	}
	sound := p.heard[speaker]
	n := len(sound)
	sound = append(sound, make([]int16, len(packet.Payload))...)
	packet.Codec.Decode(sound[n:], packet.Payload)
	p.heard[speaker] = sound
}

// Forget forgets what was heard so far.
func (p *Probe) Forget() {
	p.mu.Lock()
	clear(p.heard)
	p.mu.Unlock()
}

// Sound is what was heard of a speaker since Forget.
func (p *Probe) Sound(speaker string) []int16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard[speaker])
}

// Quality of a probe is not known.
func (p *Probe) Quality() media.Quality { return media.Quality{} }

// Close ends the probe.
func (p *Probe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}
