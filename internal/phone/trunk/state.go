package trunk

import "fmt"

// State is where a call is.
type State uint8

// The states of a call.
const (
	Trying    State = iota // an INVITE came, or is out; nothing was said yet
	Ringing                // 180 or 183 was said
	Answering              // we said 200 and wait for its ACK
	Up                     // both can talk
	Ending                 // our BYE is out
	Over
)

// moves are the allowed ones.
var moves = map[State][]State{
	Trying:    {Ringing, Answering, Up, Over},
	Ringing:   {Answering, Up, Over},
	Answering: {Up, Ending, Over},
	Up:        {Ending, Over},
	Ending:    {Over},
	Over:      {},
}

func (s State) String() string {
	return [...]string{"trying", "ringing", "answering", "up", "ending", "over"}[s]
}

// may says whether a call can go from one state to another.
func (s State) may(to State) bool {
	for _, t := range moves[s] {
		if t == to {
			return true
		}
	}
	return false
}

// Side is who ended a call.
type Side uint8

// The sides.
const (
	Us      Side = iota
	Them         // the other party
	Network      // nobody: it was lost
)

func (s Side) String() string { return [...]string{"us", "them", "network"}[s] }

// End is how a call ended.
type End struct {
	By Side
	// Status is the SIP status of a call that was refused or lost, 0 of one that was hung up.
	Status int
	// Reason is one word for logs and statistics: "bye", "cancelled", "refused", "unacknowledged", "expired"
	// (its session timer), "silent", "panic", "shutdown", or what Hangup was told.
	Reason string
}

// Failure is a call that did not come about, or a request within a call that was refused.
type Failure struct {
	// Status is the SIP status that came back.
	Status int
	// RetryAfter is how many seconds the trunk wants to be left alone, 0 when it does not say.
	RetryAfter int
}

func (f *Failure) Error() string { return fmt.Sprintf("trunk: refused with %d", f.Status) }
