package phone

import (
	"net/netip"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
	"vigie/internal/phone/trunkline"
	"vigie/internal/store"
)

// LineOptions are where the lines of telephones are opened.
type LineOptions struct {
	// Address is our own that telephones send their sound to.
	Address netip.Addr
	// Ports are those of the lines that have one each.
	Ports *media.Ports
	// Shared are, by trunk, the ports that all lines of it share.
	Shared map[string]*media.Shared
	// Level are the trunks whose callers are brought to one loudness.
	Level map[string]bool
}

// line is a line that hears keys pressed in the sound where the other end has no telephone-event.
type line struct{ *trunkline.Line }

// Configure says what was agreed (trunkline.Line.Configure).
func (l line) Configure(a sdp.Agreed) error {
	l.HearTones(!a.HasEvent)
	return l.Line.Configure(a)
}

// Lines opens the line of each call of the trunks.
func Lines(o LineOptions) func(trunk.Trunk) (trunk.MediaLine, error) {
	return func(t trunk.Trunk) (trunk.MediaLine, error) {
		l, err := trunkline.Open(t, media.Options{ID: store.NewID(), Address: o.Address, Ports: o.Ports, Shared: o.Shared[t.Name]})
		if err != nil {
			return nil, err
		}
		l.Level(o.Level[t.Name])
		return line{l}, nil
	}
}

// LineOf is the line of a call of the trunk.
func LineOf(c *trunk.Call) *media.Line { return c.Line().(line).Line.Line }

// ringbackTone is what one hears while it rings at the other end, as in France: 440 Hz, 1.5 s in 5 s.
var ringbackTone = audio.NewClip(append(audio.Sine(440, 0.1, 1500*time.Millisecond), make([]int16, audio.Rate*7/2)...))
