package phone

import (
	"vigie/internal/phone/audio"
	"vigie/internal/store"
)

// keyRefuses is the key by which a caller says that no supervisor shall listen; the greeting says so.
const keyRefuses = '9'

// refuse notes that the caller wants no supervisor's ear, and puts out who listens; where she is in danger, who listens
// for her safety stays. It returns the announcement that tells her so.
func (c *call) refuse() (said string) {
	if !c.row.noListening {
		c.row.noListening = true
		c.saved()
	}
	if c.contact.Danger {
		c.unhear(UnheardRefused, func(e *ear) bool { return !e.safety })
		return "listening_danger"
	}
	c.unhear(UnheardRefused, func(*ear) bool { return true })
	return "listening_refused"
}

// mayRefuse says whether the key still refuses: until her counsellor has talked with her for a while. Later a 9 is a
// key like any other.
func (c *call) mayRefuse() bool {
	switch c.row.state {
	case Waiting:
		return true
	case Talking, Held, Parked:
		return c.row.answeredAt == 0 || store.Millis(c.phone.now())-c.row.answeredAt < c.phone.rules().RefuseListeningFor.Milliseconds()
	}
	return false
}

// refuses is the key pressed in line or in the call. She hears at once that it counts: in line before anything else that
// is said to her, in the call under the voice of her counsellor, which goes on.
func (c *call) refuses() {
	first := !c.row.noListening
	said := c.clips(c.refuse())
	switch c.row.state {
	case Talking:
		if c.murmured == nil || first { // a key that is pressed again and again is not answered each time
			c.murmur(said...)
		}
	default:
		c.music.Stop()
		c.music.Loop(c.phone.sounds.get(Music, ""))
		c.music.Play(said...)
	}
	c.phone.changed(c.row.contactID)
}

// murmur plays something to the caller alone while she talks with her counsellor: she hears both.
func (c *call) murmur(clips ...*audio.Clip) {
	piece := c.music.Play(clips...)
	c.murmured = piece
	go func() {
		select {
		case <-piece.Done():
			c.happen(func() {
				if c.murmured == piece {
					c.murmured = nil
				}
				c.nudge()
			})
		case <-c.ctx.Done():
		}
	}()
}
