package media

import (
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
)

// ofKeys is the speaker whose sound keys are where they have to be heard. No leg has such an id.
const ofKeys = "\x00keys"

// How a key is pressed, in beats of 20 ms: 100 ms down, its end told three times (RFC 4733 §2.5.1.4), and 200 ms
// from one key to the next.
const (
	keyDown  = 5
	keyEnds  = 3
	keyEvery = 10
)

// mostKeys is how many keys may wait to be pressed.
const mostKeys = 128

// keys are those that a line is to press.
type keys struct {
	waiting []byte
	beats   int // of the first of them
	begun   uint32
	at      time.Time
	tone    []int16
	stream  uint32
	count   uint16
	law     [audio.Frame]byte
}

func (k *keys) busy() bool { return len(k.waiting) > 0 }

// SendDigits presses keys (0-9 * # A-D), after those that are still to be pressed, as telephone-event (RFC 4733)
// or, where the other end takes none, as tones. What the line hears is held back meanwhile. Invalid for
// what is no key, TooMany when more wait than anybody dials, Gone when the line is closed.
func (l *Line) SendDigits(digits string) error {
	digits = strings.ToUpper(digits)
	for i := range len(digits) {
		if strings.IndexByte(keypad, digits[i]) < 0 {
			return fault.New(fault.Invalid, "fault.media.key")
		}
	}
	o := &l.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return fault.New(fault.Gone, "fault.media.over")
	case len(o.keys.waiting)+len(digits) > mostKeys:
		return fault.New(fault.TooMany, "fault.media.keys")
	case len(digits) == 0:
		return nil
	}
	if !o.keys.busy() {
		o.keys.stream++ // the time since the keys before was not theirs
	}
	o.keys.waiting = append(o.keys.waiting, digits...)
	o.beat.add(o)
	return nil
}

// press is one beat of the key that is pressed. Called with mu held.
func (o *outlet) press(now time.Time) {
	k := &o.keys
	key := k.waiting[0]
	if o.terms.Direction.sends() {
		if o.terms.Events != 0 {
			o.pressEvent(key, now)
		} else {
			o.pressTone(key, now)
		}
	}
	if k.beats++; k.beats == keyEvery {
		k.waiting, k.beats = k.waiting[1:], 0
	}
}

// pressEvent sends a packet of a key: all have the timestamp of its beginning, and the duration so far.
func (o *outlet) pressEvent(key byte, now time.Time) {
	k := &o.keys
	if k.beats >= keyDown+keyEnds {
		return
	}
	if k.beats == 0 {
		o.tune(audio.Rate)
		_, k.begun = o.next(now, 0, audio.Rate)
		k.at = now
	}
	held := uint32(min(k.beats+1, keyDown) * audio.Frame)
	eventPayload(o.plain[12:], byte(strings.IndexByte(keypad, key)), k.beats >= keyDown, uint16(held))
	sequence := o.sequence + 1
	if !o.begun {
		sequence = o.sequence
	}
	o.gone.first(sequence)
	o.write(o.terms.Events, sequence, k.begun, k.beats == 0, 4)
	o.begun = true
	o.sequence, o.timestamp, o.samples, o.at = sequence, k.begun, held, k.at
	o.passing = passing{} // whoever speaks next begins to speak
}

// pressTone sends 20 ms of the tones of a key, or of the pause after it.
func (o *outlet) pressTone(key byte, now time.Time) {
	k := &o.keys
	if k.beats == 0 {
		k.tone = audio.DTMF(key, keyDown*frameTime)
	}
	var frame [audio.Frame]int16
	if at := k.beats * audio.Frame; at < len(k.tone) {
		copy(frame[:], k.tone[at:])
	}
	o.terms.Codec.Encode(k.law[:], frame[:])
	k.count++
	o.pass(ofKeys, &Packet{
		Codec: o.terms.Codec, Payload: k.law[:], Stream: k.stream, Sequence: k.count,
		Timestamp: uint32(k.count) * audio.Frame, At: now,
	})
}
