package phone

import (
	"net/netip"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
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

// line is a line of the room media, as signalling configures it.
type line struct {
	*media.Line
	latch []netip.Prefix
}

// Lines opens the line of each call of the trunks.
func Lines(o LineOptions) func(trunk.Trunk) (trunk.MediaLine, error) {
	return func(t trunk.Trunk) (trunk.MediaLine, error) {
		l, err := media.Open(media.Options{ID: store.NewID(), Address: o.Address, Ports: o.Ports, Shared: o.Shared[t.Name]})
		if err != nil {
			return nil, err
		}
		l.Level(o.Level[t.Name])
		return &line{Line: l, latch: t.MediaPeers}, nil
	}
}

// LineOf is the line of a call of the trunk.
func LineOf(c *trunk.Call) *media.Line { return c.Line().(*line).Line }

// Configure tells the line what signalling agreed on.
func (l *line) Configure(a sdp.Agreed) error {
	r := media.Remote{
		RTP: a.Remote, RTCP: a.RTCP, Mux: a.Mux, Direction: directions[a.Direction], Codec: a.Codec, PayloadType: a.SendType,
		Accepts: map[uint8]audio.Codec{a.ReceiveType: a.Codec}, Ptime: packetOf(a.Ptime), Latch: l.latch,
	}
	for _, law := range []audio.Codec{audio.PCMA, audio.PCMU} { // their numbers are theirs for ever (RFC 3551 §6)
		if _, taken := r.Accepts[uint8(law)]; !taken {
			r.Accepts[uint8(law)] = law
		}
	}
	if a.HasEvent {
		r.Events, r.AcceptsEvents = a.EventSend, a.EventReceive
	}
	if a.Noise {
		r.Noise = uint8(media.Noise)
	}
	if a.SRTP != nil {
		r.Sends = &media.Keys{Suite: string(a.SRTP.Suite), Master: a.SRTP.Send}
		r.Receives = &media.Keys{Suite: string(a.SRTP.Suite), Master: a.SRTP.Receive}
	}
	l.HearTones(!a.HasEvent) // keys that are pressed in the sound
	return l.Line.Configure(r)
}

var directions = map[sdp.Direction]media.Direction{
	sdp.SendRecv: media.Both, sdp.SendOnly: media.SendOnly, sdp.RecvOnly: media.ReceiveOnly, sdp.Inactive: media.Inactive,
}

// packetOf is how much sound our packets carry for somebody who wants this much: 10 to 60 ms in steps of 10.
func packetOf(wanted time.Duration) time.Duration {
	return min(max(wanted.Truncate(10*time.Millisecond), 10*time.Millisecond), 60*time.Millisecond)
}

// ringbackTone is what one hears while it rings at the other end, as in France: 440 Hz, 1.5 s in 5 s.
var ringbackTone = audio.NewClip(append(audio.Sine(440, 0.1, 1500*time.Millisecond), make([]int16, audio.Rate*7/2)...))
