package phone_test

import (
	"context"
	"sync"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	sound "vigie/internal/phone/media"
	"vigie/internal/phone/trunk"
)

// beyond is an outside telephone: it says a tone, and keeps what it hears.
type beyond struct {
	call  *trunk.Call
	heard samples
}

// speaks has an outside telephone that answered say a tone.
func speaks(c *trunk.Call, tone float64) *beyond {
	b := &beyond{call: c}
	line := phone.LineOf(c)
	room, voice := sound.NewRoom(), sound.NewPlayer("voice", audio.PCMA)
	_, _, _ = room.Add(line), room.Add(voice), room.Add(ear{b})
	room.Set(sound.Matrix{line.ID(): {"voice"}, "ear": {line.ID()}})
	voice.Loop(audio.NewClip(audio.Sine(tone, 0.5, time.Second)))
	go func() {
		<-c.Done()
		_ = room.Close()
	}()
	return b
}

// last is what it heard in the last half second; silence if nothing came since it was asked before.
func (b *beyond) last() []int16 {
	heard := make([]int16, audio.Rate/2)
	copy(heard, b.heard.fresh())
	return heard
}

// ear is the leg by which it hears.
type ear struct{ b *beyond }

func (ear) ID() string                 { return "ear" }
func (ear) Speaks(func(*sound.Packet)) {}
func (ear) Hears([]string)             {}
func (ear) Quality() sound.Quality     { return sound.Quality{} }
func (ear) Close() error               { return nil }
func (e ear) Hear(_ string, p *sound.Packet) {
	pcm := make([]int16, 8*audio.Frame)
	n := p.Codec.Decode(pcm, p.Payload)
	raw := make([]byte, 0, 2*n)
	for _, s := range pcm[:n] {
		raw = append(raw, byte(uint16(s)), byte(uint16(s)>>8))
	}
	_, _ = e.b.heard.Write(raw)
}

// others are the outside telephones that answered, by the number that was called.
type others struct {
	w  *world
	mu sync.Mutex
	by map[string]*beyond
}

// answering has whoever is called answer, each number with its tone; others are busy.
func (w *world) answering(tones map[string]float64) *others {
	o := &others{w: w, by: map[string]*beyond{}}
	w.onDial(func(c *trunk.Call) {
		tone, there := tones[c.Called()]
		if !there {
			_ = c.Refuse(486)
			return
		}
		if c.Ring() == nil && c.Answer(context.Background()) == nil {
			b := speaks(c, tone)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.by[c.Called()] = b
		}
	})
	return o
}

// at waits until a number has answered.
func (o *others) at(number string) (b *beyond) {
	o.w.t.Helper()
	o.w.until(number+" answers", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		b = o.by[number]
		return b != nil
	})
	return b
}
