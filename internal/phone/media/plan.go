package media

// Part is what a party does in a call. The call's mode and the parts of those present say who hears whom:
// nothing else does, so that the whole of it is the two tables below and can be read at once.
type Part string

// The parts.
const (
	// Caller is who rang the helpline, or whom it rang.
	Caller Part = "caller"
	// Counsellor is who has the call.
	Counsellor Part = "counsellor"
	// Colleague is another counsellor, or an outside expert, who is asked, to whom the call is handed over, or who
	// talks along.
	Colleague Part = "colleague"
	// Outside is a third telephone: the 119, a parent, an interpreter.
	Outside Part = "outside"
	// Listener is a supervisor whom nobody hears.
	Listener Part = "listener"
	// Whisperer is a supervisor whom the counsellor alone hears.
	Whisperer Part = "whisperer"
	// Joined is a supervisor who talks with everybody.
	Joined Part = "joined"
	// Music is what somebody hears who has to wait: music, announcements, tones.
	Music Part = "music"
	// Recording keeps what those who talk with the caller say. Nobody hears it.
	Recording Part = "recording"
)

// Mode is what is going on between the caller and those who serve her.
type Mode string

// The modes.
const (
	// Waiting: nobody has the call yet, or nobody any more. The caller hears music.
	Waiting Mode = "waiting"
	// Talking: everybody who serves the caller talks with her and with one another; with a colleague or an outside
	// telephone it is a conference. A supervisor who takes over is the Counsellor of this mode.
	Talking Mode = "talking"
	// Holding: the caller hears music and is heard by nobody. The counsellor hears nobody but a whisperer, with
	// whom she can talk it over.
	Holding Mode = "holding"
	// Consulting: the caller hears music and is heard by nobody, while the counsellor talks with the colleague or
	// the outside telephone: the introduction of an announced transfer.
	Consulting Mode = "consulting"
)

// Party is a leg with its part.
type Party struct {
	ID   string
	Part Part
}

// hearing is who hears whom in each mode, by parts. A listener hears whatever is said to the caller or
// about her, and not what a counsellor says into her room while nobody of the call hears it; a whisper is
// the counsellor's alone, and in no recording.
var hearing = map[Mode]map[Part][]Part{
	Waiting: {
		Caller: {Music},
	},
	Talking: {
		Caller:     {Counsellor, Colleague, Outside, Joined},
		Counsellor: {Caller, Colleague, Outside, Joined, Whisperer},
		Colleague:  {Caller, Counsellor, Outside, Joined},
		Outside:    {Caller, Counsellor, Colleague, Joined},
		Joined:     {Caller, Counsellor, Colleague, Outside},
		Listener:   {Caller, Counsellor, Colleague, Outside, Joined},
		Whisperer:  {Caller, Counsellor, Colleague, Outside, Joined},
		Recording:  {Caller, Counsellor, Colleague, Outside, Joined},
	},
	Holding: {
		Caller:     {Music},
		Counsellor: {Whisperer},
		Whisperer:  {Counsellor},
	},
	Consulting: {
		Caller:     {Music},
		Counsellor: {Colleague, Outside, Joined, Whisperer},
		Colleague:  {Counsellor, Outside, Joined},
		Outside:    {Counsellor, Colleague, Joined},
		Joined:     {Counsellor, Colleague, Outside},
		Listener:   {Counsellor, Colleague, Outside, Joined},
		Whisperer:  {Counsellor, Colleague, Outside, Joined},
	},
}

// Plan is who hears whom among these parties in this mode. Nobody hears herself; an unknown mode or part is
// silence. Several of one part (two outside telephones) hear one another whenever that part talks with the
// others; listeners, whisperers and recordings never do.
func Plan(mode Mode, parties []Party) Matrix {
	m := make(Matrix, len(parties))
	for _, listener := range parties {
		var speakers []string
		for _, speaker := range parties {
			if speaker.ID != listener.ID && hears(mode, listener.Part, speaker.Part) {
				speakers = append(speakers, speaker.ID)
			}
		}
		if len(speakers) > 0 {
			m[listener.ID] = speakers
		}
	}
	return m
}

func hears(mode Mode, listener, speaker Part) bool {
	if listener == speaker {
		switch listener {
		case Colleague, Outside, Joined:
			return mode == Talking || mode == Consulting
		}
		return false
	}
	for _, p := range hearing[mode][listener] {
		if p == speaker {
			return true
		}
	}
	return false
}
