// Package media is the sound of calls: the lines by which it comes and goes, and the rooms in which those
// who take part in a call meet.
//
// A room is a matrix of who hears whom. Everything that happens to a call — waiting with music, talking,
// being on hold, a supervisor who listens or whispers, a conference — is one setting of it; the sound
// itself is handed from leg to leg as it comes, untouched. Towards a browser each speaker has a track of
// its own, so that nothing is ever mixed there; towards a telephone a single voice is passed through, and
// only two or more are mixed.
//
// Who must not be heard is the promise here. A packet reaches a leg when the room's matrix leads it there
// and the leg itself agrees that it hears this speaker: while a setting changes the two may differ for a
// moment, and then nobody hears the packet.
package media

import (
	"slices"
	"sync"
	"sync/atomic"

	"vigie/internal/fault"
)

// Matrix says who hears whom: listener → speakers, by the ids of their legs. Who has no row hears nobody.
type Matrix map[string][]string

// Room is where the legs of a call meet. Its zero value is not usable: see NewRoom.
type Room struct {
	mu      sync.Mutex
	members []*member
	matrix  Matrix
	closed  bool
	// routes is what packets follow: one value, replaced as a whole.
	routes atomic.Pointer[routes]
}

// member is a leg in its room. Its place never changes, so that a packet finds its listeners without a search.
type member struct {
	leg   Leg
	place int
	hears []string
}

// routes are the listeners of each speaker, by the speaker's place.
type routes struct{ ears [][]Leg }

// NewRoom is a room with nobody in it.
func NewRoom() *Room {
	r := &Room{matrix: Matrix{}}
	r.routes.Store(&routes{})
	return r
}

// Add lets a leg in. Until Set says otherwise it hears nobody, unless the matrix named it before it came.
// Conflict when a leg of this id is in the room, Gone when the room is closed.
func (r *Room) Add(leg Leg) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fault.New(fault.Gone, "fault.media.over")
	}
	if r.find(leg.ID()) != nil {
		return fault.New(fault.Conflict, "fault.media.there")
	}
	m := &member{leg: leg, place: r.free()}
	r.members = append(r.members, m)
	r.settle()
	id := leg.ID()
	leg.Speaks(func(p *Packet) {
		ears := r.routes.Load().ears
		if m.place >= len(ears) {
			return
		}
		for _, ear := range ears[m.place] {
			ear.Hear(id, p)
		}
	})
	return nil
}

// Remove lets a leg out, and does not close it: it hears nobody and is not heard any more once Remove has
// returned. Of a leg that is not there it says nothing.
func (r *Room) Remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.find(id)
	if m == nil {
		return
	}
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	r.settle()
	m.leg.Hears(nil)
	m.leg.Speaks(nil)
}

// Set replaces who hears whom, as a whole: a packet is heard by the old setting, by the new one, or, while
// it changes, by nobody, and once Set has returned by the new one alone. Ids that are not in the room are
// kept for when they come. Nobody hears herself.
func (r *Room) Set(m Matrix) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.matrix = m.clone()
	r.settle()
}

// Matrix is a copy of who hears whom.
func (r *Room) Matrix() Matrix {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.matrix.clone()
}

// Legs are those who are in the room, in the order in which they came.
func (r *Room) Legs() []Leg {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Leg, len(r.members))
	for i, m := range r.members {
		all[i] = m.leg
	}
	return all
}

// Close lets everybody out and closes their legs. Closing twice is closing once.
func (r *Room) Close() error {
	r.mu.Lock()
	out := r.members
	r.members, r.closed, r.matrix = nil, true, Matrix{}
	r.routes.Store(&routes{})
	r.mu.Unlock()
	for _, m := range out {
		m.leg.Hears(nil)
		m.leg.Speaks(nil)
		_ = m.leg.Close() // what a leg could say about its end, it has nobody left to say to
	}
	return nil
}

// settle makes routes of the matrix and tells each leg whose speakers changed. Called with mu held.
func (r *Room) settle() {
	next := &routes{}
	if len(r.members) > 0 {
		last := slices.MaxFunc(r.members, func(a, b *member) int { return a.place - b.place })
		next.ears = make([][]Leg, last.place+1)
	}
	type change struct {
		m     *member
		hears []string
	}
	var changes []change
	for _, listener := range r.members {
		var hears []string
		for _, speaker := range r.members {
			if speaker != listener && slices.Contains(r.matrix[listener.leg.ID()], speaker.leg.ID()) {
				hears = append(hears, speaker.leg.ID())
				next.ears[speaker.place] = append(next.ears[speaker.place], listener.leg)
			}
		}
		if !slices.Equal(hears, listener.hears) {
			changes = append(changes, change{listener, hears})
		}
	}
	r.routes.Store(next)
	for _, c := range changes {
		c.m.hears = c.hears
		c.m.leg.Hears(slices.Clone(c.hears))
	}
}

// find returns the member of this id, or nil. Called with mu held.
func (r *Room) find(id string) *member {
	for _, m := range r.members {
		if m.leg.ID() == id {
			return m
		}
	}
	return nil
}

// free is the lowest place that nobody has. Called with mu held.
func (r *Room) free() int {
	for place := 0; ; place++ {
		if !slices.ContainsFunc(r.members, func(m *member) bool { return m.place == place }) {
			return place
		}
	}
}

func (m Matrix) clone() Matrix {
	c := make(Matrix, len(m))
	for listener, speakers := range m {
		c[listener] = slices.Clone(speakers)
	}
	return c
}
