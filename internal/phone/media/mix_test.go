package media_test

import (
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/media/mediatest"
)

// Everybody of a call is at a telephone, so that whoever hears two hears a mix: in every mode each hears
// those she must, at their level, and nobody else. One is on the other law, and two speak Opus.
func TestWhoHearsWhomThroughTheMix(t *testing.T) {
	t.Parallel()
	c := ring(t, map[media.Part]audio.Codec{media.Colleague: audio.PCMU, media.Caller: audio.Opus, media.Listener: audio.Opus},
		media.Caller, media.Counsellor, media.Colleague, media.Listener, media.Whisperer)
	c.expect(media.Talking, hearings{
		media.Caller:     {media.Counsellor, media.Colleague},
		media.Counsellor: {media.Caller, media.Colleague, media.Whisperer},
		media.Colleague:  {media.Caller, media.Counsellor},
		media.Listener:   {media.Caller, media.Counsellor, media.Colleague},
		media.Whisperer:  {media.Caller, media.Counsellor, media.Colleague},
	})
	c.expect(media.Consulting, hearings{
		media.Caller:     {media.Music},
		media.Counsellor: {media.Colleague, media.Whisperer},
		media.Colleague:  {media.Counsellor},
		media.Listener:   {media.Counsellor, media.Colleague},
		media.Whisperer:  {media.Counsellor, media.Colleague},
	})
	c.expect(media.Holding, hearings{
		media.Caller:     {media.Music},
		media.Counsellor: {media.Whisperer},
		media.Whisperer:  {media.Counsellor},
	})
}

// A supervisor listens, whispers, joins and takes over; a third telephone is called in.
func TestSupervisorAndThirdTelephone(t *testing.T) {
	t.Parallel()
	c := ring(t, nil, media.Caller, media.Counsellor, media.Listener)
	c.expect(media.Talking, hearings{
		media.Caller: {media.Counsellor}, media.Counsellor: {media.Caller}, media.Listener: {media.Caller, media.Counsellor},
	})
	c.as(media.Listener, media.Whisperer)
	c.expect(media.Talking, hearings{
		media.Caller: {media.Counsellor}, media.Counsellor: {media.Caller, media.Whisperer}, media.Whisperer: {media.Caller, media.Counsellor},
	})
	c.as(media.Whisperer, media.Joined)
	c.expect(media.Talking, hearings{
		media.Caller: {media.Counsellor, media.Joined}, media.Counsellor: {media.Caller, media.Joined}, media.Joined: {media.Caller, media.Counsellor},
	})
	c.leave(media.Counsellor)
	c.as(media.Joined, media.Counsellor)
	c.expect(media.Talking, hearings{media.Caller: {media.Counsellor}, media.Counsellor: {media.Caller}})
	line, phone := connect(t, "outside", audio.PCMA, cast[media.Outside])
	c.lines[media.Outside], c.phones[media.Outside] = line, phone
	c.add(line, media.Outside)
	c.expect(media.Talking, hearings{
		media.Caller: {media.Counsellor, media.Outside}, media.Counsellor: {media.Caller, media.Outside}, media.Outside: {media.Caller, media.Counsellor},
	})
}

// as gives who has one part another, whose tone she has from now on.
func (c *call) as(part, next media.Part) {
	for i := range c.parties {
		if c.parties[i].Part == part {
			c.parties[i].Part = next
		}
	}
	c.phones[next], c.lines[next] = c.phones[part], c.lines[part]
	delete(c.phones, part)
	delete(c.lines, part)
	c.phones[next].Say(cast[next])
}

// leave takes a party out.
func (c *call) leave(part media.Part) {
	for i := range c.parties {
		if c.parties[i].Part == part {
			c.room.Remove(c.parties[i].ID)
			c.parties = append(c.parties[:i], c.parties[i+1:]...)
			break
		}
	}
	_ = c.lines[part].Close()
	delete(c.phones, part)
	delete(c.lines, part)
}

// While a second voice comes and goes, the first is heard all the time: no hole, nothing doubled, one stream.
func TestSecondVoiceComesAndGoes(t *testing.T) {
	t.Parallel()
	c := ring(t, nil, media.Caller, media.Counsellor)
	third := mediatest.NewProbe("outside", audio.PCMA, cast[media.Outside])
	if err := c.room.Add(third); err != nil {
		t.Fatal(err)
	}
	one := media.Matrix{"caller": {"counsellor"}}
	two := media.Matrix{"caller": {"counsellor", "outside"}}
	c.room.Set(one)
	time.Sleep(settleTime)
	caller := c.phones[media.Caller]
	caller.Forget()
	begun := time.Now()
	for range 8 {
		time.Sleep(190 * time.Millisecond)
		c.room.Set(two)
		time.Sleep(190 * time.Millisecond)
		c.room.Set(one)
	}
	time.Sleep(100 * time.Millisecond)
	took := time.Since(begun)
	whole(t, caller, 60*time.Millisecond)
	sound := caller.Sound()
	length := time.Duration(len(sound)) * time.Second / audio.Rate
	// The stream may be ahead by what a mix still held, 60 ms, and no more however often that happens.
	if off := (length - took).Abs(); off > 180*time.Millisecond+2*caller.Slip() {
		t.Errorf("%v of sound lasted %v", took, length)
	}
	missing := 0
	for at := 0; at+audio.Frame <= len(sound); at += audio.Frame {
		if level := audio.Goertzel(sound[at:at+audio.Frame], cast[media.Counsellor]); level < mediatest.Loudness/2 {
			missing++
		}
	}
	if missing > 3 {
		t.Errorf("the first voice is missing in %d of %d pieces of 20 ms", missing, len(sound)/audio.Frame)
	}
	// A doubled or left-out piece turns the phase of the tone. Within a passed or mixed part it stays.
	jumps := phaseJumps(sound, cast[media.Counsellor])
	if jumps > 10 {
		t.Errorf("the tone of the first voice jumped %d times in 16 changes", jumps)
	}
}

// phaseJumps counts how often a tone leaves the course that it had before.
func phaseJumps(sound []int16, freq float64) int {
	const piece = audio.Frame
	n := 0
	for at := 0; at+2*piece <= len(sound); at += piece {
		// Two neighbouring pieces of one tone add up to one of their common length.
		a, b := audio.Goertzel(sound[at:at+piece], freq), audio.Goertzel(sound[at+piece:at+2*piece], freq)
		if both := audio.Goertzel(sound[at:at+2*piece], freq); both < 0.85*(a+b)/2 {
			n++
		}
	}
	return n
}

// What is mixed for a telephone that wants 30 ms a packet, or 10, has that length.
func TestMixInPacketsOfTheLengthThatWasAgreedOn(t *testing.T) {
	t.Parallel()
	for _, ptime := range []time.Duration{10 * time.Millisecond, 30 * time.Millisecond} {
		t.Run(ptime.String(), func(t *testing.T) {
			t.Parallel()
			line, phone := connect(t, "caller", audio.PCMU, 0, func(r *media.Remote) { r.Ptime = ptime })
			room := media.NewRoom()
			defer room.Close()
			a, b := mediatest.NewProbe("counsellor", audio.PCMA, cast[media.Counsellor]), mediatest.NewProbe("outside", audio.PCMA, cast[media.Outside])
			for _, leg := range []media.Leg{line, a, b} {
				if err := room.Add(leg); err != nil {
					t.Fatal(err)
				}
			}
			room.Set(media.Matrix{"caller": {"counsellor", "outside"}})
			time.Sleep(settleTime)
			phone.Forget()
			time.Sleep(window + 80*time.Millisecond)
			whole(t, phone, 60*time.Millisecond)
			for _, p := range phone.Packets() {
				if len(p.Payload) != units(ptime) {
					t.Fatalf("a packet of %d samples", len(p.Payload))
				}
			}
			tones(t, "the caller", first(phone.Sound()), media.Counsellor, media.Outside)
		})
	}
}
