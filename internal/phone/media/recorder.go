package media

import (
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"time"

	"vigie/internal/phone/audio"
)

// Ending is why a recording is over.
type Ending string

// The endings; "" while it goes on.
const (
	Stopped Ending = "stopped" // Stop or Close was called
	Full    Ending = "full"    // it is as long as it may be
	Silent  Ending = "silent"  // nobody spoke for as long as that may last
	Failed  Ending = "failed"  // what was recorded could not be written, or not fast enough
)

// RecorderOptions are what is recorded, and for how long.
type RecorderOptions struct {
	// ID tells the leg apart in its room.
	ID string
	// Mixed gets what all say, Each what one says: samples of 16 bits, the lower byte first, 8,000 a second of the
	// time since the recorder came into its room; who says nothing is 0. Either may be nil. They are written
	// to from one goroutine, in pieces of up to a second.
	Mixed io.Writer
	Each  func(speaker string) io.Writer
	// Max is how long it may last, 0 for ever; Silence how long nobody may speak, 0 for ever.
	Max, Silence time.Duration
	// Ended is called once, when everything is written. It may be nil.
	Ended func(Ending, error)
}

// Recorder is a leg that only hears, and writes what it hears. It begins when it comes into a room.
type Recorder struct {
	o    RecorderOptions
	beat *beat

	mu       sync.Mutex
	begun    bool
	ending   Ending
	err      error
	ears     []*ear
	frames   int // how long it is, in frames
	silent   int // for how many of them nobody spoke
	talks    audio.Talks
	waiting  []track // what is not handed on yet
	spoken   int     // frames in waiting
	hand     chan []track
	done     chan struct{}
	received uint64
}

// track is a piece of what is recorded of one speaker, or of all ("").
type track struct {
	speaker string
	samples []byte
	from    int // its first frame, and the one after its last
	next    int
}

// NewRecorder is a recorder that waits to come into a room.
func NewRecorder(o RecorderOptions) *Recorder {
	return &Recorder{o: o, beat: theClock.next(), hand: make(chan []track, 8), done: make(chan struct{})}
}

// ID is the leg's id.
func (r *Recorder) ID() string { return r.o.ID }

// Speaks begins the recording: a recorder says nothing.
func (r *Recorder) Speaks(out func(*Packet)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if out == nil || r.begun || r.ending != "" {
		return
	}
	r.begun = true
	r.beat.add(r)
	go r.write()
}

// Hears says whom the recorder hears.
func (r *Recorder) Hears(speakers []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ears := make([]*ear, 0, len(speakers))
	for _, speaker := range speakers {
		i := slices.IndexFunc(r.ears, func(e *ear) bool { return e.speaker == speaker })
		if i >= 0 {
			ears = append(ears, r.ears[i])
		} else {
			ears = append(ears, &ear{speaker: speaker})
		}
	}
	r.ears = ears
}

// Hear takes in what a speaker says.
func (r *Recorder) Hear(speaker string, p *Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.ears {
		if e.speaker == speaker {
			r.received++
			e.buffer.put(p)
			return
		}
	}
}

// tick records the next 20 ms.
func (r *Recorder) tick(_ time.Time, missed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending != "" {
		return
	}
	r.frames += missed // the time in which the process stood still was silence
	var sum, frame [audio.Frame]int16
	for _, e := range r.ears {
		if !e.buffer.take(frame[:]) {
			continue
		}
		if r.o.Each != nil {
			r.add(e.speaker, frame[:])
		}
		audio.Mix(sum[:], sum[:], frame[:])
	}
	if r.o.Mixed != nil {
		r.add("", sum[:])
	}
	r.frames++
	r.silent++
	if r.talks.Frame(sum[:]) {
		r.silent = 0
	}
	at := time.Duration(r.frames) * frameTime
	switch {
	case r.o.Max > 0 && at >= r.o.Max:
		r.end(Full)
	case r.o.Silence > 0 && time.Duration(r.silent)*frameTime >= r.o.Silence:
		r.end(Silent)
	case r.frames%50 == 0:
		r.pass()
	}
}

// add keeps a frame of a track. Called with mu held.
func (r *Recorder) add(speaker string, frame []int16) {
	var t *track
	for i := range r.waiting {
		if r.waiting[i].speaker == speaker {
			t = &r.waiting[i]
		}
	}
	if t == nil {
		r.waiting = append(r.waiting, track{speaker: speaker, from: r.frames, next: r.frames})
		t = &r.waiting[len(r.waiting)-1]
	}
	t.samples = append(t.samples, make([]byte, (r.frames-t.next)*audio.Frame*2)...)
	for _, s := range frame {
		t.samples = binary.LittleEndian.AppendUint16(t.samples, uint16(s))
	}
	t.next = r.frames + 1
}

// pass hands what was recorded to who writes it, and gives up when that one is eight seconds behind. Called with
// mu held.
func (r *Recorder) pass() {
	if len(r.waiting) == 0 {
		return
	}
	select {
	case r.hand <- r.waiting:
		r.waiting = nil
	default:
		r.waiting = nil
		r.end(Failed)
	}
}

// end ends the recording. Called with mu held.
func (r *Recorder) end(why Ending) {
	if r.ending != "" {
		return
	}
	r.ending = why
	r.beat.remove(r)
	if !r.begun {
		close(r.done)
		return
	}
	if len(r.waiting) > 0 {
		select {
		case r.hand <- r.waiting:
		default:
			r.ending = Failed
		}
		r.waiting = nil
	}
	close(r.hand)
}

// write writes what was recorded until there is no more.
func (r *Recorder) write() {
	writers := map[string]io.Writer{"": r.o.Mixed}
	written := map[string]int{} // frames of each track
	var failed error
	for pieces := range r.hand {
		for _, t := range pieces {
			w, known := writers[t.speaker]
			if !known {
				w = r.o.Each(t.speaker)
				writers[t.speaker] = w
			}
			if w == nil || failed != nil {
				continue
			}
			failed = silence(w, t.from-written[t.speaker])
			if failed == nil {
				_, failed = w.Write(t.samples)
			}
			written[t.speaker] = t.next
		}
		if failed != nil {
			r.mu.Lock()
			r.end(Failed)
			r.mu.Unlock()
		}
	}
	r.mu.Lock()
	if failed != nil {
		r.ending, r.err = Failed, failed
	}
	why, err := r.ending, r.err
	r.mu.Unlock()
	if r.o.Ended != nil {
		r.o.Ended(why, err)
	}
	close(r.done)
}

// silence writes so many frames of nothing.
func silence(w io.Writer, frames int) error {
	var second [50 * audio.Frame * 2]byte
	for frames > 0 {
		n := min(frames, 50)
		if _, err := w.Write(second[:n*audio.Frame*2]); err != nil {
			return err
		}
		frames -= n
	}
	return nil
}

// Stop ends the recording; Done tells when all of it is written.
func (r *Recorder) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(Stopped)
}

// Done is closed when the recording is over and written.
func (r *Recorder) Done() <-chan struct{} { return r.done }

// Ending is why it is over, "" while it goes on, and what went wrong when it Failed.
func (r *Recorder) Ending() (Ending, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ending, r.err
}

// Length is how long it is.
func (r *Recorder) Length() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.frames) * frameTime
}

// Quality says what was received.
func (r *Recorder) Quality() Quality {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := Quality{Received: r.received}
	for _, e := range r.ears {
		q.Late += e.buffer.late
		q.Delay = max(q.Delay, length(e.buffer.waiting()))
	}
	return q
}

// Close ends the recording.
func (r *Recorder) Close() error {
	r.Stop()
	return nil
}
