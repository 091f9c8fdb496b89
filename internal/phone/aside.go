package phone

import (
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// aside is what one party hears alone, and nobody hears her meanwhile: that the call is recorded, before she is let into
// it, or a goodbye when she is let out of it.
type aside struct {
	voice *media.Player
	piece *media.Piece
}

// tellAside says an announcement to one leg of the room, in the house's language: it is for colleagues and outside
// telephones. then runs on the call's own goroutine when it was heard to its end, and not when it was hushed.
func (c *call) tellAside(leg, code string, then func()) {
	if c.asides[leg] != nil {
		return
	}
	a := &aside{voice: media.NewPlayer("aside-"+leg, audio.PCMA)}
	if err := c.room.Add(a.voice); err != nil {
		return // the call is over
	}
	a.piece = a.voice.Play(c.phone.sounds.get(code, c.phone.lang))
	c.asides[leg] = a
	go func() {
		select {
		case <-a.piece.Done():
			c.happen(func() {
				if c.asides[leg] != a {
					return
				}
				c.hush(leg)
				then()
				c.nudge()
				c.phone.changed(c.row.contactID)
			})
		case <-c.ctx.Done():
		}
	}()
}

// hush ends what is said to one leg alone.
func (c *call) hush(leg string) {
	a := c.asides[leg]
	if a == nil {
		return
	}
	delete(c.asides, leg)
	a.piece.Stop()
	c.room.Remove(a.voice.ID())
	_ = a.voice.Close()
}

// records says that what is said in this call is kept, or will be as soon as somebody talks.
func (c *call) records() bool { return c.tape != nil || c.told && c.phone.rules().Record }

// inform has whoever comes into a recorded call hear that it is recorded, before she is heard by anybody. Whoever of us
// was in it before knows, and so does the counsellor who answers it: her desk says so.
func (c *call) inform() {
	p := &c.parties
	for _, s := range []*seat{p.desk, p.before} {
		if s != nil && s.up && s.untold {
			c.tellAside(s.peer.ID(), "recorded", func() { s.untold, c.been[s.staffID] = false, true })
		}
	}
	for _, e := range p.ears {
		if e.untold && e.peer.State() == rtc.Connected {
			c.tellAside(e.peer.ID(), "recorded", func() { e.untold, c.been[e.staffID] = false, true })
		}
	}
	for _, t := range []*third{p.third, p.coming} {
		if t != nil && t.answered && t.untold && !t.asked {
			c.tellAside(t.leg.ID(), "recorded", func() { t.untold = false })
		}
	}
}
