package trunk

import "sync/atomic"

// Refusal is a kind of what was dropped or refused. The set is fixed: counting never costs memory.
type Refusal uint8

// The kinds of refusals.
const (
	Stranger       Refusal = iota // from an address that no trunk lists
	Throttled                     // too much from one source, or from one trunk in a second
	Malformed                     // no SIP message, or one without what it must have: 400
	Version                       // another version of SIP: 505
	Extension                     // requires what we do not have: 420
	Method                        // a method that we do not take: 405, 501
	Type                          // a body that we do not read: 415
	Scheme                        // an address that is not one of SIP: 416
	Hops                          // no hop left: 483
	Loop                          // came here by two ways, or came back: 482
	Unmatched                     // belongs to no call: 481
	Credentials                   // a digest that is wrong
	Unknown                       // a called number that the trunk may not deliver: 404
	Full                          // too many calls: 503
	Draining                      // we are going down: 503
	Codec                         // no common codec or security: 488
	Interval                      // a session interval that is too short: 422
	TollFraud                     // a number outside the dial plan: 403, 603
	Silent                        // a trunk that answered nothing
	Unacknowledged                // a call that we answered and whose ACK never came
	Unmedia                       // no line could be opened: 500
	Nobody                        // nobody takes calls: 480
	Panicked                      // a fault of ours
	refusals
)

var refusalNames = [refusals]string{
	"stranger", "throttled", "malformed", "version", "extension", "method", "type", "scheme", "hops", "loop", "unmatched",
	"credentials", "unknown_number", "full", "draining", "codec", "interval", "toll_fraud", "silent", "unacknowledged",
	"media", "nobody", "panic",
}

// String is the kind as metrics and logs name it.
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return "unknown"
}

// counts are the refusals since the start.
type counts struct {
	of              [refusals]atomic.Uint64
	received, calls atomic.Uint64
}

// Stats is what happened since the start.
type Stats struct {
	// Active is how many calls there are now, Calls how many there ever were in either direction.
	Active int
	Calls  uint64
	// Received counts messages that were read, from peers.
	Received uint64
	// Refused counts by kind; every kind is there.
	Refused map[string]uint64
}

// Stats says what happened since the start.
func (s *Server) Stats() Stats {
	st := Stats{Active: s.Calls(), Calls: s.counts.calls.Load(), Received: s.counts.received.Load(), Refused: map[string]uint64{}}
	for r := range refusals {
		st.Refused[r.String()] = s.counts.of[r].Load()
	}
	return st
}

// Refused is how often this kind happened.
func (s *Server) Refused(kind Refusal) uint64 { return s.counts.of[kind].Load() }

func (s *Server) count(kind Refusal) { s.counts.of[kind].Add(1) }
