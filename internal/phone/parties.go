package phone

import (
	"context"
	"slices"
	"time"

	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
	"vigie/internal/phone/trunk"
)

// parties are all who take part in a call besides the caller.
type parties struct {
	desk   *seat  // the browser of the counsellor who has it
	before *seat  // the counsellor who hands it over, while she introduces the caller
	third  *third // an outside telephone: the 119, the police, an interpreter
	coming *third // whom that one passes the call on to, until it can take its place
	ears   []*ear // supervisors

	held   bool      // the counsellor put the caller on hold
	passed bool      // the caller is left with the outside telephone
	intro  bool      // the hand-over that rings is an announced one
	rung   time.Time // since when a hand-over rings, zero for none
	joint  bool      // who hands it over stays, and the caller is with both
}

// seat is a counsellor's browser in a call.
type seat struct {
	staffID string
	peer    *rtc.Peer
	up      bool // its line holds
	untold  bool // she was not told yet that the call is recorded, and is not in it
	heard   Heard
	since   time.Time
	stop    func() // no longer hears of it
}

// on says that its line holds.
func (s *seat) on() bool { return s != nil && s.up }

// there says that somebody is at it now, and in the call.
func (s *seat) there() bool { return s != nil && s.up && !s.untold }

// third is an outside telephone, from the moment it is dialled.
type third struct {
	code     string // of the catalogue's number
	line     *trunk.Call
	leg      *media.Line
	answered bool
	untold   bool   // it was not told yet that the call is recorded, and is not in it
	asked    bool   // whoever picked up has not said yet that she is a person, and takes the caller
	private  bool   // the counsellor speaks with it alone first
	fromLine bool   // it is rung for a caller whom nobody at a desk has
	straight bool   // the caller is left with it as soon as it answers
	staffID  string // who rang it
	since    time.Time
	cancel   context.CancelFunc
	refer    *trunk.Refer // by which another one asked for it
}

// in says that somebody there is in the call now.
func (t *third) in() bool { return t != nil && t.answered && !t.untold && !t.asked }

// ear is a supervisor who listens, whispers or talks along.
type ear struct {
	staffID string
	of      string // the counsellor who is listened to
	peer    *rtc.Peer
	part    media.Part
	safety  bool // she listens because somebody may be in danger
	untold  bool // she will talk along, and was not told yet that the call is recorded
	since   time.Time
	stop    func()
}

// mode is what goes on between the caller and those who serve her.
func (p *parties) mode() media.Mode {
	switch {
	case p.passed && p.third.in(), p.alone():
		return media.Talking
	case !p.desk.there() && !(p.before.there() && p.joint):
		return media.Waiting
	case p.before.there() && !p.joint, p.third != nil && p.third.private:
		return media.Consulting
	case p.held:
		return media.Holding
	}
	return media.Talking
}

// alone says that who of us had the call has lost her line while the caller talks with an outside telephone, and no
// colleague is there: the two talk on, for nobody is parked in the middle of a sentence with the 119.
func (p *parties) alone() bool {
	return !p.passed && !p.desk.there() && !p.before.there() && p.third.in() && !p.third.private
}

// joined says that a supervisor talks along.
func (p *parties) joined() bool {
	return slices.ContainsFunc(p.ears, func(e *ear) bool { return e.part == media.Joined && !e.untold })
}

// heardBy are the browsers of those who listen, by member of staff.
func (p *parties) heardBy() map[string]string {
	by := map[string]string{}
	for _, e := range p.ears {
		by[e.staffID] = e.peer.ID()
	}
	return by
}

// introduces is who hands the call over, "" for nobody.
func (p *parties) introduces() string {
	if p.before == nil {
		return ""
	}
	return p.before.staffID
}

// present are the parties as the matrix knows them, the caller first.
func (p *parties) present(callerID string) []media.Party {
	all := []media.Party{{ID: callerID, Part: media.Caller}, {ID: legMusic, Part: media.Music}}
	if p.desk.there() && !p.passed {
		all = append(all, media.Party{ID: p.desk.peer.ID(), Part: media.Counsellor})
	}
	if p.before.there() {
		all = append(all, media.Party{ID: p.before.peer.ID(), Part: media.Colleague})
	}
	if p.third.in() {
		all = append(all, media.Party{ID: p.third.leg.ID(), Part: media.Outside})
	}
	if p.passed || p.alone() && !p.joined() {
		return all // what the two say is theirs
	}
	for _, e := range p.ears {
		if !e.untold {
			all = append(all, media.Party{ID: e.peer.ID(), Part: e.part})
		}
	}
	return append(all, media.Party{ID: legTape, Part: media.Recording})
}

// seatOf returns the seat that a browser is at, nil for none.
func (p *parties) seatOf(peer *rtc.Peer) *seat {
	for _, s := range []*seat{p.desk, p.before} {
		if s != nil && s.peer == peer {
			return s
		}
	}
	return nil
}

// sit brings a counsellor's browser into the call.
func (c *call) sit(staffID string, peer *rtc.Peer) (*seat, error) {
	c.phone.tests.end(peer.ID())
	if err := c.room.Add(peer.Lend()); err != nil {
		return nil, err
	}
	s := &seat{staffID: staffID, peer: peer, up: peer.State() == rtc.Connected, since: time.Now()}
	if s.untold = c.tape != nil && !c.been[staffID]; !s.untold {
		c.been[staffID] = true
	}
	s.stop = peer.OnState(func(state rtc.State) { c.happen(func() { c.moved(peer, state) }) })
	return s, nil
}

// moved is a browser whose line came, broke or is back.
func (c *call) moved(peer *rtc.Peer, state rtc.State) {
	if state != rtc.Connected {
		c.hush(peer.ID()) // she does not hear it to its end
	}
	if s := c.parties.seatOf(peer); s != nil {
		s.up = state == rtc.Connected
		if state == rtc.Gone {
			c.leaves(s)
		}
		return
	}
	if state == rtc.Gone {
		c.unhear(UnheardLine, func(e *ear) bool { return e.peer == peer })
	}
}

// unhear takes supervisors out of the call, and tells why where they did not ask for it.
func (c *call) unhear(why string, which func(*ear) bool) {
	c.parties.ears = slices.DeleteFunc(c.parties.ears, func(e *ear) bool {
		if !which(e) {
			return false
		}
		e.stop()
		c.hush(e.peer.ID())
		c.room.Remove(e.peer.ID())
		c.phone.unheard(c.row.contactID, e.staffID, why)
		return true
	})
}

// hearOnly ends the listening to any other counsellor: who listens asked for this one, and with a purpose. A caller
// who goes back to the line, or to a colleague, takes no supervisor with her.
func (c *call) hearOnly(staffID string) {
	c.unhear(UnheardMoved, func(e *ear) bool { return e.of != staffID })
}

// leaves takes a counsellor's browser out of the call. The browser itself stays connected: it may be hers for
// the next one.
func (c *call) leaves(s *seat) {
	if s == nil {
		return
	}
	s.stop()
	c.hush(s.peer.ID())
	c.room.Remove(s.peer.ID())
	kind := "counsellor"
	switch s {
	case c.parties.desk:
		c.parties.desk = nil
	case c.parties.before:
		c.parties.before, kind = nil, "colleague"
	}
	c.keepQuality(context.WithoutCancel(c.ctx), kind, s.staffID, s.since, s.peer.Quality())
}

// leaveThird hangs up the outside telephone.
func (c *call) leaveThird(ctx context.Context) {
	t := c.parties.third
	if t == nil {
		return
	}
	c.parties.third, c.parties.passed = nil, false
	c.leaveComing(ctx)
	c.drop(ctx, t, nil)
}

// leaveComing gives up ringing whom the outside telephone passes the call on to.
func (c *call) leaveComing(ctx context.Context) {
	next := c.parties.coming
	if next == nil {
		return
	}
	c.parties.coming = nil
	next.refer.Report(487)
	c.drop(ctx, next, nil)
}

// release lets the outside telephone go with a word to it, since nobody is there to speak with it.
func (c *call) release(code string) {
	t := c.parties.third
	if !t.in() {
		c.leaveThird(c.ctx)
		return
	}
	c.parties.third = nil
	c.leaveComing(c.ctx)
	c.tellAside(t.leg.ID(), code, func() { c.drop(c.ctx, t, nil) })
}

// drop hangs up an outside telephone that is not one of the parties any more. It is out of the room at once, and hung up
// when it was told why, where after says so.
func (c *call) drop(ctx context.Context, t *third, after <-chan struct{}) {
	t.cancel()
	if t.line == nil {
		return
	}
	c.hush(t.leg.ID())
	c.room.Remove(t.leg.ID())
	c.keepQuality(context.WithoutCancel(ctx), "outside", "", t.since, t.leg.Quality())
	go func() {
		if after != nil {
			select {
			case <-after:
			case <-t.line.Done():
			case <-time.After(3 * time.Second):
			}
		}
		hangUp(ctx, t.line)
	}()
}

// dropAll takes everybody out of a call that is over.
func (c *call) dropAll(ctx context.Context) {
	c.leaves(c.parties.desk)
	c.leaves(c.parties.before)
	c.leaveThird(ctx)
	c.unhear(UnheardOver, func(*ear) bool { return true })
}
